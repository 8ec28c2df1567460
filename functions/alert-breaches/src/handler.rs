//! What is due, shard by shard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::case::Case;
use resound_domain::event::{Event, EventKind};
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
pub(crate) const RESERVE: Duration = Duration::from_secs(6);

/// How many events of a shard [`App::resend_unsettled`] sends.
const RESENT_AT_ONCE: usize = 10_000;

/// The function.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    rules: Rules,
    relay: Relay,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Cases that time moved.
    pub expired: u64,
    /// Cases that were caught up with other rules.
    pub retargeted: u64,
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
    pub(crate) fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), |sum, part| Self {
            expired: sum.expired + part.expired,
            retargeted: sum.retargeted + part.retargeted,
            events: sum.events + part.events,
            resent: sum.resent + part.resent,
            stuck: sum.stuck + part.stuck,
            failed: sum.failed + part.failed,
            unfinished: sum.unfinished || part.unfinished,
        })
    }
}

/// What was added to the log of a case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// How many events; none if there was nothing to add, or somebody else was first.
    events: u64,
    /// Whether time alone made something happen.
    by_time: bool,
    /// The first instant at which it did, as far as that tells how late we are: what a person is to tell a customer may
    /// have been late when it began.
    due: Option<Timestamp>,
    /// Whether other rules began to apply among them.
    retargeted: bool,
}

impl Moved {
    fn add(&mut self, events: &[Event]) -> Result<(), Fault> {
        self.events += u64::try_from(events.len())?;
        for event in events {
            match event.kind {
                EventKind::Retargeted { .. } => self.retargeted = true,
                EventKind::Reminded { .. } => self.by_time = true,
                _ => {
                    self.by_time = true;
                    self.due = self.due.or(Some(event.at));
                }
            }
        }
        Ok(())
    }
}

/// How a run divides its time, each as what is left of it when the next part begins. What is not used by one is there
/// for the next, so in quiet times each has almost all of it.
struct Shares {
    /// When the cases stop: no storm of them keeps the events and the walk waiting for ever.
    for_others: Duration,
    /// When the events stop while there is a walk.
    for_the_walk: Duration,
}

impl Shares {
    fn of(time_left: Duration) -> Self {
        let usable = time_left.saturating_sub(RESERVE);
        Self {
            for_others: RESERVE + usable / 3,
            for_the_walk: RESERVE + usable / 6,
        }
    }
}

/// One shard in one run.
pub(crate) struct Shard {
    kind: &'static str,
    number: u8,
    pub(crate) swept: Swept,
    metrics: Metrics,
    /// What failed in this run, by case and version or seq. It stands at the head of the shard still.
    failed: BTreeSet<(CaseId, u32)>,
    /// What cannot be read.
    unreadable: BTreeSet<RawKey>,
}

impl Shard {
    pub(crate) fn new(kind: &'static str, number: u8, metrics: &Metrics) -> Self {
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
    pub(crate) fn goes_on(&mut self, invocation: &Invocation, reserve: Duration) -> bool {
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
                self.leave(error, "a shard was not read");
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

    /// Leaves the rest for the next run.
    pub(crate) fn leave(&mut self, fault: impl Into<Fault>, what: &'static str) {
        self.swept.unfinished = true;
        self.fail(fault, what);
    }

    pub(crate) fn fail(&mut self, fault: impl Into<Fault>, what: &'static str) {
        self.swept.failed += 1;
        let fault = fault.into();
        tracing::warn!(kind = self.kind, shard = self.number, %fault, what);
    }

    pub(crate) fn fail_item(
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

    pub(crate) fn moved(&mut self, moved: Moved, now: Timestamp) {
        self.swept.expired += u64::from(moved.by_time);
        self.swept.retargeted += u64::from(moved.retargeted);
        self.swept.events += moved.events;
        self.late(moved.due, now);
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
        let shares = Shares::of(invocation.time_left());
        let book = match self.rules.book(invocation.machine_now).await {
            Ok(book) => book,
            Err(error) => {
                let mut cases = Shard::new("cases", 0, &invocation.metrics);
                cases.leave(error, "the rules were not read: no case can be worked");
                cases.swept.failed = CASE_SHARDS.into();
                let events = self.sweep_events(RESERVE, invocation).await;
                return Swept::sum([cases.swept, events]);
            }
        };
        let cases = (0..CASE_SHARDS)
            .map(|shard| self.sweep_cases(shard, now, &book, shares.for_others, invocation));
        let cases = Swept::sum(join_all(cases).await);
        // Not before the cases: what is due comes first. Before the events: they leave time for a walk if there is one.
        let mut walking = Shard::new("walk", 0, &invocation.metrics);
        let walk = match walking.goes_on(invocation, RESERVE) {
            true => self.walk(now, &book, invocation.machine_now).await,
            false => Ok(None),
        };
        let walk = walk.unwrap_or_else(|error| {
            walking.leave(error, "how far the open cases are walked was not read");
            None
        });
        let for_the_walk = walk.as_ref().map_or(RESERVE, |_| shares.for_the_walk);
        let events = self.sweep_events(for_the_walk, invocation).await;
        let walked = match &walk {
            Some(walk) => self.go_on(walk, now, &book, invocation).await,
            None => Swept::default(),
        };
        Swept::sum([cases, walking.swept, events, walked])
    }

    /// Lets time move the cases of a shard.
    async fn sweep_cases(
        &self,
        number: u8,
        now: Timestamp,
        book: &Book,
        reserve: Duration,
        invocation: &Invocation,
    ) -> Swept {
        let mut shard = Shard::new("cases", number, &invocation.metrics);
        while shard.goes_on(invocation, reserve) {
            let due = self.store.due_cases(number, now, shard.limit()).await;
            let cases = shard.found(due, |case| (case.id(), case.version()));
            if cases.is_empty() {
                break;
            }
            for some in cases.chunks(AT_ONCE) {
                if !shard.goes_on(invocation, reserve) {
                    break;
                }
                let moved = some.iter().map(|case| {
                    let moved = self.catch_up(case, now, book, invocation.machine_now);
                    moved.instrument(span_of(case.trace_id()))
                });
                for (case, moved) in some.iter().zip(join_all(moved).await) {
                    match moved {
                        Ok(moved) => shard.moved(moved, now),
                        Err(fault) => {
                            shard.fail_item((case.id(), case.version()), case.trace_id(), fault);
                        }
                    }
                }
            }
        }
        shard.swept
    }

    /// Adds to the log of a case what time, and other rules, have made happen by now, and tells what that was. Nothing if
    /// somebody else was first: a command begins with the same events.
    pub(crate) async fn catch_up(
        &self,
        case: &Case,
        now: Timestamp,
        book: &Book,
        machine_now: Timestamp,
    ) -> Result<Moved, Fault> {
        let mut moved = Moved::default();
        let mut before = case.clone();
        for _ in 0..TRIES {
            let mut events = before.expire(now, book);
            let is_all = events.len() <= MAX_EVENTS;
            events.truncate(MAX_EVENTS);
            if events.is_empty() {
                return Ok(moved);
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
                    let added = events.len();
                    tracing::info!(case = %case.id(), seq = after.version(), added, "time moved a case");
                    moved.add(&events)?;
                    if is_all {
                        return Ok(moved);
                    }
                    before = after;
                    continue;
                }
                Appended::Conflict => {}
            }
            match self.store.case(case.id()).await? {
                Some(now) => before = now,
                // Erased meanwhile.
                None => return Ok(moved),
            }
        }
        Err(Fault::new("somebody else changed the case each time"))
    }

    /// Sends the unsettled events whose back-off is over again, until no more than `reserve` of the time is left.
    async fn sweep_events(&self, reserve: Duration, invocation: &Invocation) -> Swept {
        let shards = (0..EVENT_SHARDS).map(|n| self.sweep_event_shard(n, reserve, invocation));
        Swept::sum(join_all(shards).await)
    }

    /// Sends the unsettled events of a shard again whose back-off is over.
    async fn sweep_event_shard(
        &self,
        number: u8,
        reserve: Duration,
        invocation: &Invocation,
    ) -> Swept {
        let mut shard = Shard::new("events", number, &invocation.metrics);
        let machine_now = invocation.machine_now;
        while shard.goes_on(invocation, reserve) {
            let due = self
                .store
                .due_events(number, machine_now, shard.limit())
                .await;
            let events = shard.found(due, place);
            if events.is_empty() {
                break;
            }
            for some in events.chunks(AT_ONCE) {
                if !shard.goes_on(invocation, reserve) {
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
        retargeted,
        events,
        resent,
        stuck,
        failed,
        unfinished,
    } = swept;
    if *failed > 0 {
        tracing::error!(
            expired,
            retargeted,
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
            retargeted,
            events,
            resent,
            stuck,
            "the rest is left for the next run"
        );
    } else {
        tracing::info!(expired, retargeted, events, resent, stuck, "swept");
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
        metrics.count(Counter::CasesRetargeted, swept.retargeted);
        metrics.count(Counter::EventsSentAgain, swept.resent);
        metrics.count(Counter::EventsStuck, swept.stuck);
        metrics.count(Counter::SweepUnfinished, swept.unfinished.into());
        let shards = u64::from(CASE_SHARDS) + u64::from(EVENT_SHARDS);
        if swept.failed >= shards
            && swept.expired + swept.retargeted + swept.resent + swept.stuck == 0
        {
            return Err(Fault::new("nothing could be read or worked"));
        }
        Ok(swept)
    }
}
