//! A case whose clock is running out, and the function that tells staff.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use notify_staff::{App, Config};
use resound_domain::case::{Case, Command};
use resound_domain::event::{Actor, Effect, Event, EventKind};
use resound_domain::id::CaseId;
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::submission::{Channel, Submission};
use resound_domain::trace::TraceId;
use resound_domain::triage::{Input, triage};
use resound_emulator::sqs::Receive;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::metrics::Metrics;
use resound_lambda_kit::{BoxedFunction, Function, Invocation, timing};
use resound_messages::{Message as Wire, decode};
use resound_store::{Accepted, Appended, ConfigKind, Digest, NoticeStatus, Outcome, Published};
use resound_testing::cases::book;
use resound_testing::{Aws, ZONE, start, vars};
use serde_json::{Value, json};

/// The name of the queue of the function.
const QUEUE: &str = "staff-alerts";

/// The recorded message: event 2 of [`case_id`] is to be told.
pub(crate) fn message() -> Value {
    serde_json::from_str(include_str!("../../events/warned.json")).unwrap()
}

/// The recorded message about another event.
pub(crate) fn message_about(seq: u32) -> Value {
    message_of(case_id(), seq)
}

/// The recorded message about an event of another case.
pub(crate) fn message_of(case: CaseId, seq: u32) -> Value {
    let mut event = message();
    let due = json!({"type": "effect_due", "effect": "staff_alert", "case": case, "seq": seq});
    event["Records"][0]["body"] = json!({"v": 1, "message": due}).to_string().into();
    event
}

pub(crate) fn case_id() -> CaseId {
    "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
}

/// A reply that names no failed message.
pub(crate) fn all_done() -> Value {
    json!({"batchItemFailures": []})
}

/// A reply that hands the recorded message out again.
pub(crate) fn again() -> Value {
    json!({"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]})
}

/// When the lease of an attempt made at the start is over.
pub(crate) fn later() -> Timestamp {
    start() + timing::NOTICE_LEASE + SignedDuration::from_secs(1)
}

/// Mail to every role.
pub(crate) const MAIL: &[(&str, &str)] = &[
    ("MAIL_FROM", "Resound <resound@example.test>"),
    ("OWNER_EMAIL", "inbox@example.test"),
    ("TEAM_LEAD_EMAIL", "lead@example.test"),
    ("MANAGER_EMAIL", "manager@example.test"),
    ("EXECUTIVE_EMAIL", "boss@example.test"),
];

pub(crate) struct World {
    pub(crate) aws: Aws,
    /// The queue of the function.
    queue: String,
    calls: AtomicU32,
    /// What all calls together measured.
    pub(crate) metrics: Metrics,
}

impl World {
    /// A case of this priority whose clocks ran for so many hours, perhaps assigned to somebody before.
    pub(crate) async fn with(priority: Priority, owner: Option<&str>, hours: i64) -> Self {
        let aws = Aws::start().await;
        aws.port.sqs().stop_clock();
        let world = Self {
            queue: aws.make_queue(QUEUE),
            aws,
            calls: AtomicU32::new(0),
            metrics: Metrics::default(),
        };
        world.add(case_id(), priority, owner, hours).await;
        world
    }

    /// Adds such a case.
    pub(crate) async fn add(
        &self,
        id: CaseId,
        priority: Priority,
        owner: Option<&str>,
        hours: i64,
    ) {
        let aws = &self.aws;
        let response = response(id);
        let opened = Case::open(id, start(), priority, Origin::by(Channel::Web), &book());
        let opened = Event {
            trace_id: response.trace_id,
            ..opened
        };
        let mut case = Case::begin(&opened).unwrap();
        let accepted = aws
            .store
            .accept(&response, &Digest([7; 32]), Some((&case, &opened)), start())
            .await;
        assert_eq!(accepted.unwrap(), Accepted::New);
        if let Some(owner) = owner {
            let assign = Command::Assign {
                owner: owner.to_owned(),
            };
            let by = Actor::Staff("ann".to_owned());
            let events = case.handle(&assign, by, start(), &book()).unwrap();
            case = append(aws, &case, &events).await;
        }
        let events = case.expire(start() + SignedDuration::from_hours(hours), &book());
        append(aws, &case, &events).await;
    }

    /// An ordinary case with a warning as event 2.
    pub(crate) async fn warned() -> Self {
        Self::with(Priority::P2, None, 3).await
    }

    /// Publishes who is told of what concerns owners.
    pub(crate) async fn publish(&self, version: u32, sinks: Value) {
        self.publish_owner(
            version,
            json!({"locale": "en", "time_zone": ZONE, "sinks": sinks}),
        )
        .await;
    }

    /// Publishes how owners are told.
    pub(crate) async fn publish_owner(&self, version: u32, owner: Value) {
        let document = json!({"audiences": {"owner": owner}});
        let store = &self.aws.store;
        let published = store.publish_config(ConfigKind::Recipients, version, &document);
        assert_eq!(published.await.unwrap(), Published::Published);
    }

    pub(crate) fn function(&self, own: &[(&str, &str)]) -> BoxedFunction {
        let queue = [("STAFF_ALERTS_URL", &*self.queue)];
        function(&self.aws.clients, &[&queue, own].concat())
    }

    /// The function with its letters going to another address than the mailbox.
    pub(crate) fn function_with_ses_at(&self, url: &str) -> BoxedFunction {
        let clients = Clients {
            mailer: Clients::new(&Settings::emulator(url)).mailer,
            ..self.aws.clients.clone()
        };
        let queue = [("STAFF_ALERTS_URL", &*self.queue)];
        function(&clients, &[&queue, MAIL].concat())
    }

    /// Which groups the function was to look after by now and when `seconds` more have passed on the queue.
    pub(crate) async fn reminders(&self, seconds: u64) -> Vec<String> {
        let sqs = self.aws.port.sqs();
        sqs.skip_ahead(Duration::from_secs(seconds));
        let mut groups = Vec::new();
        loop {
            let received = sqs.receive(QUEUE, Receive::default()).await.unwrap();
            if received.is_empty() {
                groups.sort();
                return groups;
            }
            for message in received {
                sqs.delete(QUEUE, &message.receipt).unwrap();
                let Wire::GroupDue(due) = decode(&message.body).unwrap() else {
                    panic!("the function tells itself of groups only");
                };
                groups.push(due.group);
            }
        }
    }

    /// Calls the function as a new invocation.
    pub(crate) async fn call(
        &self,
        function: &BoxedFunction,
        event: Value,
        machine_now: Timestamp,
    ) -> Value {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut invocation = Invocation::at(format!("invocation-{n}"), machine_now);
        invocation.metrics = self.metrics.clone();
        function.call(event, &invocation).await.unwrap()
    }

    /// Every letter: to whom and about what.
    pub(crate) fn letters(&self) -> Vec<(String, String)> {
        let letters = self.aws.port.mailbox().list().into_iter();
        letters.map(|letter| (letter.to, letter.subject)).collect()
    }

    pub(crate) async fn is_settled(&self, seq: u32) -> bool {
        self.is_settled_of(case_id(), seq).await
    }

    pub(crate) async fn is_settled_of(&self, case: CaseId, seq: u32) -> bool {
        let event = self.aws.store.event(case, seq).await.unwrap().unwrap();
        !event.open.contains(&Effect::StaffAlert) && event.repair.is_none()
    }

    /// When an event is sent again.
    pub(crate) async fn repair_of(&self, case: CaseId, seq: u32) -> Option<Timestamp> {
        let event = self.aws.store.event(case, seq).await.unwrap().unwrap();
        event.repair.map(|repair| repair.due_at)
    }

    /// What the ledger has recorded, with the attempts, by recipient and medium.
    pub(crate) async fn outcomes(&self) -> BTreeMap<String, (Outcome, u32)> {
        let history = self.aws.store.history(case_id()).await.unwrap().unwrap();
        let notices = history.notices.into_iter();
        notices
            .filter_map(|notice| match notice.status {
                NoticeStatus::Recorded { outcome, .. } => {
                    let name = format!(
                        "{} {}",
                        notice.key.recipient.name(),
                        notice.key.medium.name()
                    );
                    Some((name, (outcome, notice.attempts)))
                }
                NoticeStatus::InProgress { .. } | NoticeStatus::Released => None,
            })
            .collect()
    }

    /// The seq of the first event of a kind.
    pub(crate) async fn first_of(&self, wanted: fn(&EventKind) -> bool) -> u32 {
        let history = self.aws.store.history(case_id()).await.unwrap().unwrap();
        let found = history.events.iter().find(|e| wanted(&e.event.kind));
        found.unwrap().event.seq
    }
}

pub(crate) fn function(clients: &Clients, own: &[(&str, &str)]) -> BoxedFunction {
    let locale = [("STAFF_LOCALE", "en")];
    let own: Vec<_> = locale.iter().chain(own).copied().collect();
    App::new(vars(&own).read(Config::read).unwrap(), clients).erase()
}

async fn append(aws: &Aws, before: &Case, events: &[Event]) -> Case {
    let mut after = before.clone();
    events.iter().for_each(|event| after.apply(event));
    let appended = aws
        .store
        .append(before, &after, events, None, None, start())
        .await;
    assert_eq!(appended.unwrap(), Appended::Appended);
    after
}

fn response(id: CaseId) -> Response {
    let submission: Submission = serde_json::from_value(json!({
        "form": "default", "channel": "web", "locale": "en", "nps": 2, "text": "My own words.",
        "contact": {"email": "customer@example.test", "name": "Li"},
    }))
    .unwrap();
    Response {
        id: id.response(),
        received_at: start(),
        day: jiff::civil::date(2026, 11, 2),
        triage: triage(&Input::from(&submission)),
        submission,
        trace_id: Some(TraceId::new(0x6a1f_9b4c, 7)),
        amended: None,
        promise: None,
    }
}
