//! From a record of the provider to the ledger, the suppression list and the log of a case.

use resound_domain::delivery::{Delivery, Fate};
use resound_domain::event::EventKind;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::batch::{self, BatchResponse, Outcome, SqsEvent, SqsRecord};
use resound_lambda_kit::metrics::{Counter, Metrics};
use resound_lambda_kit::telemetry::follow;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_relay::failed;
use resound_store::{
    AnnouncedKey, DeliveryReport, Entry, Notice, NoticeKey, Reported, Rules, Store, Suppressed,
    Telling,
};

use crate::Config;
use crate::record::{Fact, Passed, Record};

/// How often a report is weighed again because its entry or its case has changed meanwhile.
const TRIES: u32 = 6;

/// The function.
#[derive(Debug)]
pub struct App {
    store: Store,
    rules: Rules,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), config.table);
        Self {
            rules: Rules::new(store.clone(), config.calendars, Vec::new()),
            store,
        }
    }

    /// Handles one message.
    ///
    /// **Poison:** what AWS does not write, an item that cannot be read. It goes to the dead letters, where a person sees
    /// it; nothing of what it says is logged. A message to staff, of another system, or of a case that is gone is counted
    /// and dropped: there is nothing that it could be recorded beside.
    async fn hear(&self, record: SqsRecord, invocation: &Invocation) -> Result<Outcome, Outcome> {
        let metrics = &invocation.metrics;
        let fact = match Record::read(&record.body) {
            Ok(Record::Fact(fact)) => fact,
            Ok(Record::Passed(Passed::NoFate)) => return Ok(Outcome::Done),
            Ok(Record::Passed(Passed::NotToCustomer)) => {
                metrics.count(Counter::ReportsPassedOver, 1);
                return Ok(Outcome::Done);
            }
            Err(malformed) => return Err(Outcome::quarantine(malformed)),
        };
        if let Some(reason) = fact.suppresses {
            let source = Some(fact.message_id.as_str());
            let listed = self.store.suppress(fact.contact, reason, fact.at, source);
            let listed = listed.await;
            match listed.map_err(|error| failed("put an address on the list", error))? {
                Suppressed::New => {
                    tracing::info!(contact = %fact.contact, reason = reason.name(), "nothing more is sent there");
                }
                Suppressed::Known | Suppressed::Lifted => {}
            }
        }
        match fact.entry {
            Some(Entry::Case(key)) => self.record(key, &fact, invocation).await,
            Some(Entry::Announcement(key)) => self.record_announced(key, &fact, invocation).await,
            Some(Entry::Report(_)) | None => {
                metrics.count(Counter::ReportsPassedOver, 1);
                Ok(Outcome::Done)
            }
        }
    }

    /// Records a fact beside the entry of an announcement that it is about. Nothing follows from it but what is on the list by
    /// now: an announcement takes one route, and the status page tells in any case.
    async fn record_announced(
        &self,
        key: AnnouncedKey,
        fact: &Fact,
        invocation: &Invocation,
    ) -> Result<Outcome, Outcome> {
        let (metrics, report) = (&invocation.metrics, fact.report());
        for _ in 0..TRIES {
            let seen = self.store.announced(key).await;
            let seen = seen.map_err(|error| failed("read the entry", error))?;
            let Some(seen) = seen else {
                metrics.count(Counter::ReportsPassedOver, 1);
                return Ok(Outcome::Done);
            };
            if !seen.learns(&report) {
                return Ok(Outcome::Done);
            }
            let now = invocation.machine_now;
            let recorded = self.store.record_announced_delivery(&seen, &report, now);
            let recorded = recorded.await;
            match recorded.map_err(|error| failed("record the report", error))? {
                Reported::Recorded => {
                    count(metrics, fact.fate, &seen.delivery);
                    metrics.count(Counter::NoticesFound, u64::from(seen.is_in_doubt()));
                    tracing::info!(improvement = %key.improvement, contact = %key.contact, fate = fact.fate.name(), "the provider told of an announcement");
                    return Ok(Outcome::Done);
                }
                Reported::Conflict => {}
            }
        }
        Err(Outcome::Retry("the entry keeps changing".to_owned()))
    }

    /// Records a fact beside the entry it is about, with what the log of the case tells of it.
    async fn record(
        &self,
        key: NoticeKey,
        fact: &Fact,
        invocation: &Invocation,
    ) -> Result<Outcome, Outcome> {
        let report = fact.report();
        for _ in 0..TRIES {
            let notice = self.store.notice(key).await;
            let notice = notice.map_err(|error| failed("read the entry", error))?;
            let Some(notice) = notice else {
                invocation.metrics.count(Counter::ReportsPassedOver, 1);
                return Ok(Outcome::Done);
            };
            if !notice.learns(&report) {
                return Ok(Outcome::Done);
            }
            let told = notice.told_by(fact.fate);
            match self.weigh(&notice, &report, &told, invocation).await? {
                None => {
                    invocation.metrics.count(Counter::ReportsPassedOver, 1);
                    return Ok(Outcome::Done);
                }
                Some(Reported::Recorded) => {
                    count(&invocation.metrics, fact.fate, &notice.delivery);
                    let found = told
                        .iter()
                        .any(|kind| matches!(kind, EventKind::NoticeFound { .. }));
                    invocation
                        .metrics
                        .count(Counter::NoticesFound, u64::from(found));
                    tracing::info!(case = %key.case, seq = key.cause, fate = fact.fate.name(), "the provider told of a notice");
                    return Ok(Outcome::Done);
                }
                Some(Reported::Conflict) => {}
            }
        }
        Err(Outcome::Retry("the case keeps changing".to_owned()))
    }

    /// Records a report beside its entry as it was seen, with what the log of the case tells of it; `None` if the case is
    /// gone. The events bear the time of what the customer was to be told, or of the last event since: the provider's clock
    /// is no business time.
    async fn weigh(
        &self,
        notice: &Notice,
        report: &DeliveryReport<'_>,
        told: &[EventKind],
        invocation: &Invocation,
    ) -> Result<Option<Reported>, Outcome> {
        let now = invocation.machine_now;
        let recorded = |error| failed("record the report", error);
        if told.is_empty() {
            let reported = self.store.record_delivery(notice, report, None, now).await;
            return reported.map(Some).map_err(recorded);
        }
        let book = self.rules.book(now).await;
        let book = book.map_err(|error| Outcome::retry(Fault::doing("read the rules", error)))?;
        let (id, cause) = (notice.key.case, notice.key.cause);
        let event = self.store.event(id, cause).await;
        let event = event.map_err(|error| failed("read the event", error))?;
        let case = self.store.case(id).await;
        let case = case.map_err(|error| failed("read the case", error))?;
        let (Some(event), Some(before)) = (event, case) else {
            return Ok(None);
        };
        follow(event.event.trace_id);
        let events = before.hear_of_notice(told, event.event.at, &book);
        let mut after = before.clone();
        for event in &events {
            after.apply(event);
        }
        let telling = Telling {
            before: &before,
            after: &after,
            events: &events,
        };
        let reported = self
            .store
            .record_delivery(notice, report, Some(telling), now);
        reported.await.map(Some).map_err(recorded)
    }
}

/// Counts what was recorded, unless it was known: an earlier time of the same thing is no second one.
fn count(metrics: &Metrics, fate: Fate, known: &Delivery) {
    if known.at(fate).is_some() {
        return;
    }
    let counter = match fate {
        Fate::Accepted => None,
        Fate::Delivered => Some(Counter::NoticesDelivered),
        Fate::Bounced => Some(Counter::NoticesBounced),
        Fate::SoftBounced => Some(Counter::NoticesSoftBounced),
        Fate::Rejected => Some(Counter::NoticesRejected),
        Fate::Complained => Some(Counter::NoticesComplained),
    };
    if let Some(counter) = counter {
        metrics.count(counter, 1);
    }
}

impl Function for App {
    const NAME: &'static str = "settle-notices";
    type Event = SqsEvent;
    type Output = BatchResponse;

    async fn handle(
        &self,
        event: SqsEvent,
        invocation: &Invocation,
    ) -> Result<BatchResponse, Fault> {
        Ok(batch::process(event, |record| self.hear(record, invocation)).await)
    }
}
