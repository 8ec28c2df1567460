//! Open cases are caught up with a change of the rules.
//!
//! Whoever writes a case catches it up first, and so does the sweep of what is due. What neither of them comes by in time
//! is a deadline that other rules make earlier: the index holds the later one still. So once an edition has begun,
//! every open case is looked for, in the background: the [`Walk`] is kept in the table, goes on where it stopped, and
//! two runs at once only do the same twice.

use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::case::Case;
use resound_lambda_kit::Invocation;
use resound_lambda_kit::telemetry::span_of;
use resound_store::{Advanced, Cursor, OpenShard, Reached, Round, Stage, StoreError, Walk};
use tracing::Instrument;

use crate::handler::{App, RESERVE, Shard, Swept};

/// How many cases of a partition are read at once. After each page but the last it is written down how far the walk has
/// come; the ends of all partitions together.
const PAGE: usize = 100;

/// How many cases of one partition are worked on at once; all partitions run in parallel.
const AT_ONCE: usize = 5;

impl App {
    /// The walk that the rules of `now` call for, if one is to be gone on with. One read when there is none.
    pub(crate) async fn walk(
        &self,
        now: Timestamp,
        book: &Book,
        machine_now: Timestamp,
    ) -> Result<Option<Walk>, StoreError> {
        let stamp = book.at(now).stamp();
        let seen = self.store.walk().await?;
        let round = match &seen {
            Some(walk) if walk.stamp().covers(&stamp) => match walk.stage(machine_now) {
                Stage::UnderWay => return Ok(seen),
                Stage::Waiting | Stage::Over => return Ok(None),
                Stage::SecondIsDue => Round::Second,
            },
            _ => Round::First,
        };
        let begun = self
            .store
            .begin_walk(seen.as_ref(), stamp, round, machine_now)
            .await?;
        if let Some(walk) = &begun {
            let (policy, calendars) = (walk.stamp().policy, walk.stamp().calendars);
            tracing::info!(
                policy,
                calendars,
                ?round,
                "a walk over the open cases begins"
            );
        }
        Ok(begun)
    }

    /// Goes on with a walk as far as the time allows.
    pub(crate) async fn go_on(
        &self,
        walk: &Walk,
        now: Timestamp,
        book: &Book,
        invocation: &Invocation,
    ) -> Swept {
        let shards = OpenShard::all().filter(|shard| walk.place(*shard) != Some(Reached::End));
        let shards: Vec<_> = shards.collect();
        let walked = shards
            .iter()
            .map(|shard| self.walk_shard(walk, *shard, now, book, invocation));
        let mut ended = Vec::new();
        let mut all = Shard::new("walk", 0, &invocation.metrics);
        for (partition, (swept, is_over)) in shards.iter().zip(join_all(walked).await) {
            all.swept = Swept::sum([all.swept, swept]);
            if is_over {
                ended.push(*partition);
            }
        }
        // Superseded: there are newer rules, and their walk begins anew.
        if let Err(error) = self.store.end_walk(walk, &ended).await {
            all.leave(error, "how far the walk has come was not written");
        }
        all.swept
    }

    /// Walks a partition, and tells whether to its end.
    async fn walk_shard(
        &self,
        walk: &Walk,
        partition: OpenShard,
        now: Timestamp,
        book: &Book,
        invocation: &Invocation,
    ) -> (Swept, bool) {
        let mut shard = Shard::new(
            partition.state.name(),
            partition.number,
            &invocation.metrics,
        );
        let mut place = walk.place(partition);
        while place != Some(Reached::End) && shard.goes_on(invocation, RESERVE) {
            let after = match &place {
                Some(Reached::After(cursor)) => Some(cursor),
                Some(Reached::End) | None => None,
            };
            let page = match self.store.walk_page(partition, after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    shard.leave(error, "a page of open cases was not read");
                    break;
                }
            };
            for error in page.corrupt {
                // Nobody can work it until a person mends it.
                shard.fail(error, "an item was passed over");
            }
            let reached = self
                .walk_cases(&page.cases, now, book, &mut shard, invocation)
                .await;
            let is_whole = reached == page.cases.len();
            let to = match reached.checked_sub(1).and_then(|last| page.cases.get(last)) {
                _ if is_whole => page.place,
                Some((cursor, _)) => Reached::After(cursor.clone()),
                None => break,
            };
            if let Reached::After(cursor) = &to {
                match self.store.advance_walk(walk, partition, cursor).await {
                    Ok(Advanced::Advanced) => {}
                    // Whoever has it further, or walks for newer rules, does the rest.
                    Ok(Advanced::Superseded) => break,
                    Err(error) => {
                        shard.leave(error, "how far the walk has come was not written");
                        break;
                    }
                }
            }
            place = Some(to);
            if !is_whole {
                break;
            }
        }
        (shard.swept, place == Some(Reached::End))
    }

    /// Catches these cases up, and tells how many of the first of them are. The walk stops before one that fails: it is
    /// tried again in the next run, and what failed it will likely fail the next one too.
    async fn walk_cases(
        &self,
        cases: &[(Cursor, Case)],
        now: Timestamp,
        book: &Book,
        shard: &mut Shard,
        invocation: &Invocation,
    ) -> usize {
        let mut reached = 0;
        for some in cases.chunks(AT_ONCE) {
            if !shard.goes_on(invocation, RESERVE) {
                return reached;
            }
            let caught_up = some.iter().map(|(_, case)| {
                let caught_up = self.catch_up(case, now, book, invocation.machine_now);
                caught_up.instrument(span_of(case.trace_id()))
            });
            let before = reached;
            let mut failed = false;
            for (n, ((_, case), moved)) in some.iter().zip(join_all(caught_up).await).enumerate() {
                match moved {
                    Ok(moved) => shard.moved(moved, now),
                    Err(fault) => {
                        failed = true;
                        shard.fail_item((case.id(), case.version()), case.trace_id(), fault);
                    }
                }
                if !failed {
                    reached = before + n + 1;
                }
            }
            if failed {
                shard.swept.unfinished = true;
                return reached;
            }
        }
        reached
    }
}
