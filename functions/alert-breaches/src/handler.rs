//! What is due, shard by shard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::case::Case;
use resound_domain::id::CaseId;
use resound_domain::trace::TraceId;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::metrics::{Counter, Metrics, Span};
use resound_lambda_kit::telemetry::span_of;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_messages::Tick;
use resound_relay::Relay;
use resound_store::schema::{CASE_SHARDS, EVENT_SHARDS};
use resound_store::{
    Appended, Due, MAX_EVENTS, Postponed, RawKey, Rules, Store, StoreError, StoredEvent,
};
use serde::Serialize;
use tokio::sync::OnceCell;
use tracing::Instrument;

use crate::Config;

/// How much of a shard is read at once.
const PAGE: usize = 100;

/// How many items of one shard are worked on at once; all shards run in parallel.
const AT_ONCE: usize = 5;

/// How often a case is decided again because somebody else changed it in between.
const TRIES: u32 = 4;

/// After this many failures in one shard the rest of it waits for the next run: the trouble is not that of one item.
const MOST_FAILURES: usize = 100;

/// Nothing is begun with less time than this: one call may take almost as long.
const RESERVE: Duration = Duration::from_secs(6);

/// How many events of a shard [`App::resend_unsettled`] sends.
const RESENT_AT_ONCE: usize = 10_000;

/// The function.
#[derive(Debug)]
pub struct App {
    store: Store,
    rules: Rules,
    relay: Relay,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Cases that time moved.
    pub expired: u64,
    /// Events that were added to their logs.
    pub events: u64,
    /// Unsettled events that were sent again.
    pub resent: u64,
    /// Events whose last attempt is over: nobody tries them again until a person resumes them.
    pub stuck: u64,
    /// Items and shards that could not be read or worked; each comes again next time.
    pub failed: u64,
    /// Whether work is left for the next run.
    pub unfinished: bool,
}

impl Swept {
    fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), |sum, part| Self {
            expired: sum.expired + part.expired,
            events: sum.events + part.events,
            resent: sum.resent + part.resent,
            stuck: sum.stuck + part.stuck,
            failed: sum.failed + part.failed,
            unfinished: sum.unfinished || part.unfinished,
        })
    }
}

/// One shard in one run.
struct Shard {
    kind: &'static str,
    number: u8,
    swept: Swept,
    metrics: Metrics,
    /// What failed in this run, by case and version or seq. It stands at the head of the shard still.
    failed: BTreeSet<(CaseId, u32)>,
    /// What cannot be read.
    unreadable: BTreeSet<RawKey>,
}

impl Shard {
    fn new(kind: &'static str, number: u8, metrics: &Metrics) -> Self {
        Self {
            kind,
            number,
            metrics: metrics.clone(),
            swept: Swept::default(),
            failed: BTreeSet::new(),
            unreadable: BTreeSet::new(),
        }
    }

    /// How much to read in order to find a page behind what failed.
    fn limit(&self) -> usize {
        PAGE + self.failed.len()
    }

    /// Whether to go on; if not, the rest is left for the next run.
    fn goes_on(&mut self, invocation: &Invocation, reserve: Duration) -> bool {
        let goes_on = self.failed.len() < MOST_FAILURES && invocation.time_left() >= reserve;
        self.swept.unfinished |= !goes_on;
        goes_on
    }

    /// What was found, without what failed before. What cannot be read is logged and left to a person.
    fn found<T>(
        &mut self,
        due: Result<Due<T>, StoreError>,
        key: impl Fn(&T) -> (CaseId, u32),
    ) -> Vec<T> {
        let due = match due {
            Ok(due) => due,
            Err(error) => {
                self.swept.unfinished = true;
                self.fail(error, "a shard was not read");
                return Vec::new();
            }
        };
        for error in due.corrupt {
            let new = match &error {
                StoreError::Corrupt { key, .. } => self.unreadable.insert(key.clone()),
                _ => true,
            };
            if new {
                self.fail(error, "an item was passed over");
            }
        }
        let mut ready = due.ready;
        ready.retain(|item| !self.failed.contains(&key(item)));
        ready
    }

    fn fail(&mut self, fault: impl Into<Fault>, what: &'static str) {
        self.swept.failed += 1;
        let fault = fault.into();
        tracing::warn!(kind = self.kind, shard = self.number, %fault, what);
    }

    fn fail_item(
        &mut self,
        (case, number): (CaseId, u32),
        trace: Option<TraceId>,
        fault: impl Into<Fault>,
    ) {
        self.swept.failed += 1;
        self.failed.insert((case, number));
        let fault = fault.into();
        span_of(trace).in_scope(|| {
            tracing::warn!(kind = self.kind, shard = self.number, %case, number, %fault, "an item was not worked");
        });
    }

    fn late(&self, due: Option<Timestamp>, now: Timestamp) {
        if let Some(due) = due {
            let late = now.duration_since(due).as_millis();
            let late = i64::try_from(late).unwrap_or(i64::MAX);
            self.metrics.record(Span::SweepLateness, late);
        }
    }
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), config.table);
        Self {
            rules: Rules::new(store.clone(), config.calendars, Vec::new()),
            store,
            relay: Relay::new(config.queues, clients),
        }
    }

    /// Sends every unsettled event that is not stuck once more, due or not: up to 10,000 of each shard, the first due
    /// first. For when queues were lost as a whole, as the local stack's are with each end of its process. Uses up no
    /// attempt and changes no plan, so it can be repeated.
    pub async fn resend_unsettled(&self) -> Swept {
        let shards = (0..EVENT_SHARDS).map(|number| async move {
            let mut shard = Shard::new("events", number, &Metrics::default());
            let due = self
                .store
                .due_events(number, Timestamp::MAX, RESENT_AT_ONCE);
            let events = shard.found(due.await, place);
            shard.swept.unfinished |= events.len() >= RESENT_AT_ONCE;
            self.send(&events, &mut shard).await;
            shard.swept
        });
        let swept = Swept::sum(join_all(shards).await);
        report(&swept);
        swept
    }

    async fn sweep(&self, now: Timestamp, invocation: &Invocation) -> Swept {
        // Read by the first shard in which a case is due; most minutes there is none.
        let book = OnceCell::new();
        let cases = (0..CASE_SHARDS).map(|shard| self.sweep_cases(shard, now, &book, invocation));
        let cases = join_all(cases).await;
        let events = (0..EVENT_SHARDS).map(|shard| self.sweep_events(shard, invocation));
        let events = join_all(events).await;
        Swept::sum(cases.into_iter().chain(events))
    }

    /// Lets time move the cases of a shard.
    async fn sweep_cases(
        &self,
        number: u8,
        now: Timestamp,
        book: &OnceCell<Arc<Book>>,
        invocation: &Invocation,
    ) -> Swept {
        let mut shard = Shard::new("cases", number, &invocation.metrics);
        // A third of the time is for the events, so that no storm of cases keeps them waiting for ever.
        let reserve = RESERVE.max(invocation.time_left() / 3);
        while shard.goes_on(invocation, reserve) {
            let due = self.store.due_cases(number, now, shard.limit()).await;
            let cases = shard.found(due, |case| (case.id(), case.version()));
            if cases.is_empty() {
                break;
            }
            let book = book.get_or_try_init(|| self.rules.book(invocation.machine_now));
            let book = match book.await {
                Ok(book) => book,
                Err(error) => {
                    shard.swept.unfinished = true;
                    shard.fail(error, "the rules were not read");
                    break;
                }
            };
            for some in cases.chunks(AT_ONCE) {
                if !shard.goes_on(invocation, reserve) {
                    break;
                }
                let expired = some.iter().map(|case| {
                    let expired = self.expire(case, now, book, invocation.machine_now);
                    expired.instrument(span_of(case.trace_id()))
                });
                for (case, expired) in some.iter().zip(join_all(expired).await) {
                    match expired {
                        Ok(0) => {}
                        Ok(events) => {
                            shard.late(case.next_deadline(), now);
                            shard.swept.expired += 1;
                            shard.swept.events += events;
                        }
                        Err(fault) => {
                            shard.fail_item((case.id(), case.version()), case.trace_id(), fault);
                        }
                    }
                }
            }
        }
        shard.swept
    }

    /// Adds to the log of a case what time alone has made happen by now, and tells how many events that were. None if
    /// somebody else was first: a command begins with the same events.
    async fn expire(
        &self,
        case: &Case,
        now: Timestamp,
        book: &Book,
        machine_now: Timestamp,
    ) -> Result<u64, Fault> {
        let mut before = case.clone();
        for _ in 0..TRIES {
            let mut events = before.expire(now, book);
            // What is left stands at the head of the shard again.
            events.truncate(MAX_EVENTS);
            if events.is_empty() {
                return Ok(0);
            }
            let mut after = before.clone();
            for event in &events {
                after.apply(event);
            }
            let appended = self
                .store
                .append(&before, &after, &events, None, None, machine_now);
            match appended.await? {
                Appended::Appended => {
                    let added = u64::try_from(events.len())?;
                    tracing::info!(case = %case.id(), seq = after.version(), added, "time moved a case");
                    return Ok(added);
                }
                Appended::Conflict => {}
            }
            match self.store.case(case.id()).await? {
                Some(now) => before = now,
                // Erased meanwhile.
                None => return Ok(0),
            }
        }
        Err(Fault::new("somebody else changed the case each time"))
    }

    /// Sends the unsettled events of a shard again whose back-off is over.
    async fn sweep_events(&self, number: u8, invocation: &Invocation) -> Swept {
        let mut shard = Shard::new("events", number, &invocation.metrics);
        let machine_now = invocation.machine_now;
        while shard.goes_on(invocation, RESERVE) {
            let due = self
                .store
                .due_events(number, machine_now, shard.limit())
                .await;
            let events = shard.found(due, place);
            if events.is_empty() {
                break;
            }
            for some in events.chunks(AT_ONCE) {
                if !shard.goes_on(invocation, RESERVE) {
                    break;
                }
                let ours = self.postpone(some, machine_now, &mut shard).await;
                for event in self.send(&ours, &mut shard).await {
                    shard.late(event.repair.map(|repair| repair.due_at), machine_now);
                }
            }
        }
        shard.swept
    }

    /// Plans the next attempt of each of these events, and gives those that are ours to send now.
    async fn postpone(
        &self,
        events: &[StoredEvent],
        machine_now: Timestamp,
        shard: &mut Shard,
    ) -> Vec<StoredEvent> {
        let postponed = events
            .iter()
            .map(|event| self.store.postpone(event, machine_now));
        let mut ours = Vec::new();
        for (event, postponed) in events.iter().zip(join_all(postponed).await) {
            match postponed {
                Ok(Postponed::Again { .. }) => ours.push(event.clone()),
                Ok(Postponed::Stuck) => {
                    shard.swept.stuck += 1;
                    let (case, seq) = place(event);
                    span_of(event.event.trace_id)
                        .in_scope(|| tracing::error!(%case, seq, "an event is stuck"));
                }
                Ok(Postponed::Lost) => {}
                Err(error) => shard.fail_item(place(event), event.event.trace_id, error),
            }
        }
        ours
    }

    /// Sends these events again, and gives those of which each message is on its queue.
    async fn send<'a>(&self, events: &'a [StoredEvent], shard: &mut Shard) -> Vec<&'a StoredEvent> {
        let mut unsent = BTreeMap::new();
        for fault in self.relay.send(events).await {
            unsent.entry((fault.case, fault.seq)).or_insert(fault);
        }
        let mut sent = Vec::new();
        for event in events {
            let ((case, seq), trace) = (place(event), event.event.trace_id);
            match unsent.remove(&(case, seq)) {
                Some(fault) => shard.fail_item((case, seq), trace, fault),
                None => {
                    span_of(trace)
                        .in_scope(|| tracing::info!(%case, seq, "an event was sent again"));
                    shard.swept.resent += 1;
                    sent.push(event);
                }
            }
        }
        sent
    }
}

fn place(event: &StoredEvent) -> (CaseId, u32) {
    (event.event.case, event.event.seq)
}

/// Says once what did not go well, with the counts.
fn report(swept: &Swept) {
    let Swept {
        expired,
        events,
        resent,
        stuck,
        failed,
        unfinished,
    } = swept;
    if *failed > 0 {
        tracing::error!(
            expired,
            events,
            resent,
            stuck,
            failed,
            unfinished,
            "not everything went well"
        );
    } else if *unfinished {
        tracing::warn!(
            expired,
            events,
            resent,
            stuck,
            "the rest is left for the next run"
        );
    } else {
        tracing::info!(expired, events, resent, stuck, "swept");
    }
}

impl Function for App {
    const NAME: &'static str = "alert-breaches";
    type Event = Tick;
    type Output = Swept;

    /// Business time is that of the tick, so a late run does what the punctual one would have done.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Swept, Fault> {
        let swept = self.sweep(tick.time, invocation).await;
        report(&swept);
        let metrics = &invocation.metrics;
        metrics.count(Counter::CasesExpired, swept.expired);
        metrics.count(Counter::EventsSentAgain, swept.resent);
        metrics.count(Counter::EventsStuck, swept.stuck);
        metrics.count(Counter::SweepUnfinished, swept.unfinished.into());
        let shards = u64::from(CASE_SHARDS) + u64::from(EVENT_SHARDS);
        if swept.failed >= shards && swept.expired + swept.resent + swept.stuck == 0 {
            return Err(Fault::new("nothing could be read or worked"));
        }
        Ok(swept)
    }
}
