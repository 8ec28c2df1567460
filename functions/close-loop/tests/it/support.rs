//! A case with something to tell, and the function that tells it.

use close_loop::{App, Config};
use jiff::{SignedDuration, Timestamp};
use resound_domain::budget::{Contacts, answered_at};
use resound_domain::case::{Case, Command};
use resound_domain::event::{Actor, Direction, Doubt, Effect, Event, EventKind};
use resound_domain::id::{CaseId, ContactId, ImprovementId};
use resound_domain::issue::announcement::Occasion;
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::trace::TraceId;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::metrics::Metrics;
use resound_lambda_kit::{BoxedFunction, Function, Invocation, timing};
use resound_store::{
    Accepted, Appended, Claim, Digest, History, Lease, Medium, Message, NoticeKey, NoticeStatus,
    Outcome, Recipient,
};
use resound_testing::cases::book;
use resound_testing::{Aws, TABLE, start, vars};
use serde_json::{Value, json};

/// The seq of the event the recorded message names.
pub(crate) const SEQ: u32 = 2;

/// The recorded message: event 2 of [`case_id`] is to be told.
pub(crate) fn message() -> Value {
    serde_json::from_str(include_str!("../../events/resolved.json")).unwrap()
}

pub(crate) fn case_id() -> CaseId {
    "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
}

pub(crate) fn key() -> NoticeKey {
    NoticeKey {
        case: case_id(),
        cause: SEQ,
        recipient: Recipient::Customer,
        medium: Medium::EMAIL,
    }
}

/// A reply that names no failed message.
pub(crate) fn all_done() -> Value {
    json!({"batchItemFailures": []})
}

/// A reply that hands the recorded message out again.
pub(crate) fn again() -> Value {
    json!({"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d"}]})
}

/// When the lease of an attempt made at the start is over.
pub(crate) fn later() -> Timestamp {
    start() + timing::NOTICE_LEASE + SignedDuration::from_secs(1)
}

pub(crate) struct World {
    pub(crate) aws: Aws,
    calls: std::sync::atomic::AtomicU32,
    /// What all calls together measured.
    pub(crate) metrics: Metrics,
}

impl World {
    /// A case whose customer said this, and that was then commanded so with these words.
    pub(crate) async fn with(submission: Value, command: Command, words: &str) -> Self {
        let aws = Aws::start().await;
        let response = response(submission);
        let opened = Case::open(
            case_id(),
            start(),
            Priority::P3,
            Origin::of(&response.submission, &response.triage),
            &book(),
        );
        let opened = Event {
            trace_id: response.trace_id,
            ..opened
        };
        let before = Case::begin(&opened).unwrap();
        let accepted = aws
            .store
            .accept(
                &response,
                &Digest([7; 32]),
                Some((&before, &opened)),
                start(),
            )
            .await;
        assert_eq!(accepted.unwrap(), Accepted::New);
        let by = Actor::Staff("ann".to_owned());
        let events = before.handle(&command, by, start(), &book()).unwrap();
        let mut after = before.clone();
        events.iter().for_each(|event| after.apply(event));
        let words = Message {
            seq: SEQ,
            text: words.to_owned(),
            direction: Direction::ToCustomer,
        };
        let appended = aws
            .store
            .append(&before, &after, &events, Some(&words), None, start())
            .await;
        assert_eq!(appended.unwrap(), Appended::Appended);
        Self {
            aws,
            calls: 0.into(),
            metrics: Metrics::default(),
        }
    }

    /// A case that was resolved.
    pub(crate) async fn resolved(submission: Value) -> Self {
        Self::with(submission, Command::Resolve, "Fixed in 2.1.").await
    }

    pub(crate) fn function(&self) -> BoxedFunction {
        function(&self.aws.clients, "Resound <resound@example.test>")
    }

    /// The function with its letters going to another address than the mailbox.
    pub(crate) fn function_with_ses_at(&self, url: &str) -> BoxedFunction {
        let clients = Clients {
            mailer: Clients::new(&Settings::emulator(url)).mailer,
            ..self.aws.clients.clone()
        };
        function(&clients, "resound@example.test")
    }

    /// Delivers the recorded message.
    pub(crate) async fn deliver(&self, function: &BoxedFunction, machine_now: Timestamp) -> Value {
        self.call(function, message(), machine_now).await
    }

    /// Calls the function as a new invocation.
    pub(crate) async fn call(
        &self,
        function: &BoxedFunction,
        event: Value,
        machine_now: Timestamp,
    ) -> Value {
        let n = self
            .calls
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut invocation = Invocation::at(format!("invocation-{n}"), machine_now);
        invocation.metrics = self.metrics.clone();
        function.call(event, &invocation).await.unwrap()
    }

    pub(crate) fn letters(&self) -> u64 {
        self.aws.port.mailbox().count()
    }

    pub(crate) async fn history(&self) -> History {
        self.aws.store.history(case_id()).await.unwrap().unwrap()
    }

    pub(crate) async fn is_settled(&self) -> bool {
        let event = self.aws.store.event(case_id(), SEQ).await.unwrap().unwrap();
        !event.open.contains(&Effect::CustomerNotice) && event.repair.is_none()
    }

    /// What the ledger says, with the attempts; `None` while nothing is recorded.
    pub(crate) async fn outcome(&self) -> Option<(Outcome, u32)> {
        let notices = self.history().await.notices;
        let notice = notices.into_iter().find(|notice| notice.key == key())?;
        match notice.status {
            NoticeStatus::Recorded { outcome, .. } => Some((outcome, notice.attempts)),
            NoticeStatus::InProgress { .. } | NoticeStatus::Released => None,
        }
    }

    /// The doubts in the log, each with what it is about.
    pub(crate) async fn doubts(&self) -> Vec<(u32, Doubt)> {
        let events = self.history().await.events.into_iter();
        events
            .filter_map(|stored| match stored.event.kind {
                EventKind::NoticeInDoubt { cause, doubt, .. } => Some((cause, doubt)),
                _ => None,
            })
            .collect()
    }

    /// When the answer counts.
    pub(crate) async fn answered_at(&self) -> Timestamp {
        let event = self.aws.store.event(case_id(), SEQ).await;
        answered_at(&event.unwrap().unwrap().event)
    }

    /// What is counted where it is all that counts.
    pub(crate) async fn counted_once(&self) -> Contacts {
        Contacts::default().and_answer(self.answered_at().await)
    }

    /// What is counted in the budget of an address.
    pub(crate) async fn counted(&self, contact: ContactId) -> Contacts {
        let (improvement, contacts) = (ImprovementId::from_bits(1), [contact]);
        let occasion = Occasion::Announcement;
        let store = &self.aws.store;
        let known = store.approachable(occasion, improvement, &contacts, start());
        known.await.unwrap().known[&contact].contacts.clone()
    }

    /// Claims the notice as an attempt that then says no more.
    pub(crate) async fn claimed_by_another(&self) -> Lease {
        let claim = self
            .aws
            .store
            .claim(key(), "another", start(), timing::NOTICE_LEASE)
            .await;
        match claim.unwrap() {
            Claim::Fresh(lease) => lease,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn function(clients: &Clients, from: &str) -> BoxedFunction {
    let config = vars(&[("MAIL_FROM", from)]).read(Config::read).unwrap();
    assert_eq!(config.table, TABLE);
    App::new(config, clients).erase()
}

fn response(own: Value) -> Response {
    let mut whole = json!({"form": "default", "channel": "web", "locale": "en", "text": "It crashes.", "nps": 2});
    whole
        .as_object_mut()
        .unwrap()
        .extend(own.as_object().unwrap().clone());
    let submission: Submission = serde_json::from_value(whole).unwrap();
    Response {
        id: case_id().response(),
        received_at: start(),
        day: jiff::civil::date(2026, 11, 2),
        triage: triage(&Input::from(&submission)),
        submission,
        trace_id: Some(TraceId::new(0x6a1f_9b4c, 7)),
        amended: None,
        promise: None,
    }
}
