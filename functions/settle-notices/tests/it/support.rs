//! A letter that was sent, and the function that hears what became of it.

use jiff::{SignedDuration, Timestamp};
use resound_domain::case::Command;
use resound_domain::contact::Reason;
use resound_domain::event::EventKind;
use resound_domain::id::{CaseId, ContactId, ImprovementId};
use resound_domain::issue::announcement::Occasion;
use resound_domain::policy::Priority;
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::metrics::Metrics;
use resound_lambda_kit::{BoxedFunction, Function, Invocation};
use resound_store::{
    AnnouncedKey, Approach, Claim, KnownContact, Lease, Medium, Notice, NoticeKey, Outcome,
    Recipient, Recorded,
};
use resound_testing::{Aws, start, vars};
use serde_json::{Value, json};
use settle_notices::{App, Config};

const BITS: u128 = 7;

pub(crate) fn recorded(name: &str) -> Value {
    let text = match name {
        "send" => include_str!("../../events/send.json"),
        "delivery" => include_str!("../../events/delivery.json"),
        "bounce" => include_str!("../../events/bounce.json"),
        "bounce_transient" => include_str!("../../events/bounce_transient.json"),
        "complaint" => include_str!("../../events/complaint.json"),
        "reject" => include_str!("../../events/reject.json"),
        "text_successful" => include_str!("../../events/text_successful.json"),
        "text_delivered" => include_str!("../../events/text_delivered.json"),
        "text_invalid" => include_str!("../../events/text_invalid.json"),
        other => panic!("no event {other} is recorded"),
    };
    serde_json::from_str(text).unwrap()
}

/// What SES says in a recorded event, about the letter of these tests.
pub(crate) fn record(name: &str) -> Value {
    let body = recorded(name)["Records"][0]["body"].clone();
    let mut record: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    record["mail"]["tags"]["entry"] = json!([key().tag()]);
    record
}

/// The same, about a letter of an announcement.
pub(crate) fn record_of_announcement(name: &str) -> Value {
    let mut record = record(name);
    record["mail"]["tags"]["entry"] = json!([announced().tag()]);
    record
}

/// A recorded event of a queue with this body.
pub(crate) fn message(body: &str) -> Value {
    let mut event = recorded("send");
    event["Records"][0]["body"] = body.into();
    event
}

pub(crate) fn all_done() -> Value {
    json!({"batchItemFailures": []})
}

pub(crate) fn again() -> Value {
    json!({"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]})
}

pub(crate) fn case_id() -> CaseId {
    CaseId::from_bits(BITS)
}

pub(crate) fn key() -> NoticeKey {
    NoticeKey {
        case: case_id(),
        cause: 2,
        recipient: Recipient::Customer,
        medium: Medium::EMAIL,
    }
}

pub(crate) fn announced() -> AnnouncedKey {
    AnnouncedKey {
        contact: contact(),
        improvement: ImprovementId::from_bits(24),
        occasion: Occasion::Announcement,
    }
}

pub(crate) fn contact() -> ContactId {
    Mailbox::new("li@example.test").unwrap().contact()
}

pub(crate) struct World {
    pub(crate) aws: Aws,
    function: BoxedFunction,
    pub(crate) metrics: Metrics,
}

impl World {
    /// A case that was resolved, whose customer was not written to yet.
    pub(crate) async fn resolved() -> Self {
        let aws = Aws::start().await;
        let case = aws.opened(BITS, Priority::P3).await;
        aws.commanded(&case, Command::Resolve, start()).await;
        let config = vars(&[]).read(Config::read).unwrap();
        Self {
            function: App::new(config, &aws.clients).erase(),
            aws,
            metrics: Metrics::default(),
        }
    }

    /// The same, and this came of the letter.
    pub(crate) async fn with(outcome: Outcome) -> Self {
        Self::with_entry(key(), outcome).await
    }

    /// The same, and this came of what the entry is about.
    pub(crate) async fn with_entry(key: NoticeKey, outcome: Outcome) -> Self {
        let world = Self::resolved().await;
        let lease = SignedDuration::from_secs(30);
        let claim = world.aws.store.claim(key, "a", start(), lease).await;
        let Claim::Fresh(claimed) = claim.unwrap() else {
            panic!("nobody else claims it")
        };
        let recorded = world.aws.store.record(&claimed, &outcome, start()).await;
        assert_eq!(recorded.unwrap(), Recorded::Recorded);
        world
    }

    /// The same, and the letter was sent.
    pub(crate) async fn sent() -> Self {
        Self::with(Outcome::Sent {
            provider_id: Some("0100".to_owned()),
        })
        .await
    }

    /// A letter of an announcement that is claimed.
    pub(crate) async fn announcing() -> (Self, Lease) {
        let world = Self::resolved().await;
        let whom = (case_id().response(), &KnownContact::default());
        let (store, lease) = (&world.aws.store, SignedDuration::from_secs(90));
        let approach = store.approach(announced(), whom, "a", (start(), start()), lease);
        let Approach::Claim(Claim::Fresh(lease)) = approach.await.unwrap() else {
            panic!("nobody else writes to them")
        };
        (world, lease)
    }

    pub(crate) async fn call(&self, event: Value, machine_now: Timestamp) -> Value {
        let mut invocation = Invocation::at("invocation", machine_now);
        invocation.metrics = self.metrics.clone();
        self.function.call(event, &invocation).await.unwrap()
    }

    /// Delivers what SES says.
    pub(crate) async fn hear(&self, record: &Value) -> Value {
        self.call(message(&record.to_string()), start()).await
    }

    pub(crate) async fn notice(&self) -> Option<Notice> {
        self.aws.store.notice(key()).await.unwrap()
    }

    pub(crate) async fn reasons(&self) -> Vec<Reason> {
        let listed = self.aws.store.suppressions(contact()).await.unwrap();
        listed.into_iter().map(|entry| entry.reason).collect()
    }

    /// What the log tells after the case was resolved.
    pub(crate) async fn log(&self) -> Vec<EventKind> {
        let history = self.aws.store.history(case_id()).await.unwrap().unwrap();
        let events = history.events.into_iter().skip(2);
        events.map(|stored| stored.event.kind).collect()
    }
}
