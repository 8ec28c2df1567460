//! Events as an outbox: unsettled until each of their effects is recorded.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use resound_domain::event::{Effect, Event};
use resound_domain::id::CaseId;

use crate::dynamo::{Change, Query, Written, key_of, n, s};
use crate::item::Stored;
use crate::key::Key;
use crate::repair::{ATTEMPTS, after};
use crate::schema::{DUE, STUCK, event_shard, event_shard_of, millis};
use crate::{Store, StoreError};

/// An entry of a log with what is still to follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The entry.
    pub event: Event,
    /// The effects that are not recorded yet.
    pub open: BTreeSet<Effect>,
    /// Those of a newer version among them: this one does not know them and leaves them open.
    pub open_elsewhere: BTreeSet<String>,
    /// How it is repaired; `None` once it is settled.
    pub repair: Option<Repair>,
    /// The `Idempotency-Key` of the command that caused it.
    pub command_key: Option<String>,
}

impl StoredEvent {
    /// The names of all effects that are not recorded yet.
    pub fn open_names(&self) -> Vec<&str> {
        let elsewhere = self.open_elsewhere.iter().map(String::as_str);
        let ours = self.open.iter().map(|effect| effect.name());
        ours.chain(elsewhere).collect()
    }
}

/// Where the repair of an unsettled event stands. Machine time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// When it is sent again.
    pub due_at: Timestamp,
    /// How often it was sent again.
    pub attempts: u32,
    /// Whether nobody tries any more until a person resumes it.
    pub stuck: bool,
}

/// What is due in one shard.
#[derive(Debug)]
pub struct Due<T> {
    /// What can be worked, the longest overdue first.
    pub ready: Vec<T>,
    /// What cannot be read, each a [`StoreError::Corrupt`]. It was paged past and keeps nobody else waiting; it
    /// comes again each time until somebody mends it.
    pub corrupt: Vec<StoreError>,
}

/// What came of planning the next repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Postponed {
    /// It is ours to send now; unless settled it is due again then.
    Again {
        /// When it is due again. Machine time.
        due_at: Timestamp,
    },
    /// That was the last attempt: it waits for a person and is not to be sent.
    Stuck,
    /// It was settled, or somebody else sends it.
    Lost,
}

/// What came of resuming an event that was stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Resumed {
    /// It is due at once, with all its attempts before it.
    Resumed,
    /// It was not stuck any more.
    Lost,
}

/// What came of recording an effect as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// The effect is recorded, now or before, and so is every other one: the event is settled.
    Settled,
    /// The effect is recorded, now or before; others are still open.
    OthersOpen,
    /// There is no such event (any more).
    Missing,
}

impl Store {
    /// An entry of a log, as of now; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn event(&self, case: CaseId, seq: u32) -> Result<Option<StoredEvent>, StoreError> {
        self.get(&Key::Event { case, seq })
            .await?
            .map(StoredEvent::read)
            .transpose()
    }

    /// The events in one of the [`EVENT_SHARDS`](crate::schema::EVENT_SHARDS) whose repair is due by now, the longest
    /// overdue first; about `limit` of them. Machine time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due_events(
        &self,
        shard: u8,
        machine_now: Timestamp,
        limit: usize,
    ) -> Result<Due<StoredEvent>, StoreError> {
        self.due(
            event_shard(shard),
            Some(machine_now),
            limit,
            |event: &StoredEvent| {
                event
                    .repair
                    .is_some_and(|repair| !repair.stuck && repair.due_at <= machine_now)
            },
        )
        .await
    }

    /// The events that nobody tries any more, the oldest first; about `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn stuck_events(&self, limit: usize) -> Result<Due<StoredEvent>, StoreError> {
        self.due(STUCK.to_owned(), None, limit, |event: &StoredEvent| {
            event.repair.is_some_and(|repair| repair.stuck)
        })
        .await
    }

    /// What one partition of `due` leads to: the index says where to look, the items themselves what is true.
    pub(crate) async fn due<T: Stored>(
        &self,
        shard: String,
        until: Option<Timestamp>,
        limit: usize,
        is_due: impl Fn(&T) -> bool,
    ) -> Result<Due<T>, StoreError> {
        let limit = limit.max(1);
        let mut query = Query::index(DUE, shard).limit(limit);
        if let Some(until) = until {
            query = query
                .range("#due_at <= :until")
                .value(":until", s(millis(until)));
        }
        let mut due = Due {
            ready: Vec::new(),
            corrupt: Vec::new(),
        };
        let mut start = None;
        loop {
            let page = self.query_page(&query, start).await?;
            let keys: Vec<_> = page.items.iter().map(key_of).collect();
            let mut items = self.get_all(&keys).await?;
            // A batch has no order; the index has.
            items.sort_by_cached_key(|item| {
                let key = key_of(item);
                keys.iter().position(|k| *k == key)
            });
            for item in items {
                match T::read(item) {
                    Ok(found) if is_due(&found) => due.ready.push(found),
                    Ok(_) => {}
                    Err(error) => due.corrupt.push(error),
                }
            }
            if due.ready.len() >= limit || page.next.is_none() {
                return Ok(due);
            }
            start = page.next;
        }
    }

    /// Plans the next repair of an event before it is sent again, so that a crash in between costs a delay and not a
    /// storm; only one of those who saw it due gets to send it. After [`ATTEMPTS`] it is stuck instead.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn postpone(
        &self,
        event: &StoredEvent,
        machine_now: Timestamp,
    ) -> Result<Postponed, StoreError> {
        let Some(seen) = event.repair.filter(|repair| !repair.stuck) else {
            return Ok(Postponed::Lost);
        };
        let exhausted = seen.attempts >= ATTEMPTS;
        let attempts = if exhausted {
            seen.attempts
        } else {
            seen.attempts.saturating_add(1)
        };
        let due_at = if exhausted {
            machine_now
        } else {
            after(machine_now, attempts)
        };
        let shard = if exhausted {
            STUCK.to_owned()
        } else {
            event_shard_of(event.event.case)
        };
        let change = replan(event, seen, shard, due_at, attempts);
        Ok(match self.change(change).await? {
            Written::Refused(_) => Postponed::Lost,
            Written::Done if exhausted => Postponed::Stuck,
            Written::Done => Postponed::Again { due_at },
        })
    }

    /// Moves the repair of an event to `due_at` (machine time), because `effect` waits until then: sooner would find it
    /// waiting, later would be late. Nothing happens if something else is open too, which does not wait, or if the event
    /// is settled or stuck.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn repair_at(
        &self,
        case: CaseId,
        seq: u32,
        effect: Effect,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        // The index knows whole milliseconds: the next one, or the effect would be found waiting after all.
        let whole = due_at.checked_add(SignedDuration::from_nanos(999_999));
        let due_at = whole.unwrap_or(due_at);
        let change = Change::new(&Key::Event { case, seq }, "SET #due_at = :at")
            .only_if("size(#open) = :one AND contains(#open, :name) AND #due_shard = :shard")
            .value(":one", n(1u32))
            .value(":name", s(effect.name()))
            .value(":shard", s(event_shard_of(case)))
            .value(":at", s(millis(due_at)));
        match self.change(change).await? {
            Written::Done | Written::Refused(_) => Ok(()),
        }
    }

    /// Makes an event that was stuck due at once, with all its attempts before it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn resume_stuck(
        &self,
        event: &StoredEvent,
        machine_now: Timestamp,
    ) -> Result<Resumed, StoreError> {
        let Some(seen) = event.repair.filter(|repair| repair.stuck) else {
            return Ok(Resumed::Lost);
        };
        let change = replan(
            event,
            seen,
            event_shard_of(event.event.case),
            machine_now,
            0,
        );
        Ok(match self.change(change).await? {
            Written::Done => Resumed::Resumed,
            Written::Refused(_) => Resumed::Lost,
        })
    }

    /// Records that an effect of an event is done. Any number of times is the same as once.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle(
        &self,
        case: CaseId,
        seq: u32,
        effect: Effect,
    ) -> Result<Settled, StoreError> {
        let key = Key::Event { case, seq };
        // Most events have one effect, so most settle in this one write.
        let last = Change::new(&key, DELETE_AND_REST)
            .only_if("size(#open) = :one AND contains(#open, :name)")
            .value(":one", n(1u32))
            .value(":name", s(effect.name()))
            .value(":effect", one(effect));
        match self.change(last).await? {
            Written::Done => return Ok(Settled::Settled),
            Written::Refused(None) => return Ok(Settled::Missing),
            Written::Refused(Some(_)) => {}
        }
        // Two steps: whoever takes out the last one of several need not know that it is the last.
        let own = Change::new(&key, "DELETE #open :effect").value(":effect", one(effect));
        if let Written::Refused(_) = self.change(own).await? {
            return Ok(Settled::Missing);
        }
        let rest = Change::new(&key, REST).only_if("attribute_not_exists(#open)");
        Ok(match self.change(rest).await? {
            Written::Done => Settled::Settled,
            Written::Refused(Some(_)) => Settled::OthersOpen,
            Written::Refused(None) => Settled::Missing,
        })
    }
}

/// Takes an event out of the index of what is due.
const REST: &str = "REMOVE #due_shard, #due_at, #attempts";
const DELETE_AND_REST: &str = "DELETE #open :effect REMOVE #due_shard, #due_at, #attempts";

fn one(effect: Effect) -> AttributeValue {
    AttributeValue::Ss(vec![effect.name().to_owned()])
}

fn replan(
    event: &StoredEvent,
    seen: Repair,
    shard: String,
    due_at: Timestamp,
    attempts: u32,
) -> Change {
    let key = Key::Event {
        case: event.event.case,
        seq: event.event.seq,
    };
    let seen_shard = if seen.stuck {
        STUCK.to_owned()
    } else {
        event_shard_of(event.event.case)
    };
    Change::new(
        &key,
        "SET #due_shard = :shard, #due_at = :at, #attempts = :attempts",
    )
    .only_if("#due_at = :seen AND #due_shard = :seen_shard")
    .value(":seen", s(millis(seen.due_at)))
    .value(":seen_shard", s(seen_shard))
    .value(":shard", s(shard))
    .value(":at", s(millis(due_at)))
    .value(":attempts", n(attempts))
}

/// The settling of an effect as a part of a transaction, on condition that what is open has not changed; `None` if it
/// is settled already.
pub(crate) fn settle_in_transaction(
    event: &StoredEvent,
    effect: Effect,
) -> Result<Option<Change>, StoreError> {
    if !event.open.contains(&effect) {
        return Ok(None);
    }
    let key = Key::Event {
        case: event.event.case,
        seq: event.event.seq,
    };
    let open = event.open_names();
    let update = if open.len() == 1 {
        DELETE_AND_REST
    } else {
        "DELETE #open :effect"
    };
    let seen = AttributeValue::Ss(open.into_iter().map(str::to_owned).collect());
    Ok(Some(
        Change::new(&key, update)
            .only_if("#open = :open")
            .value(":open", seen)
            .value(":effect", one(effect)),
    ))
}
