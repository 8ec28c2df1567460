//! Cases to begin with, and what functions send about them.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a test that cannot begin should say so"
)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::calendar::Calendars;
use resound_domain::case::{Case, Command};
use resound_domain::event::{Actor, Event};
use resound_domain::id::{CaseId, ResponseId, SubjectId};
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::risk::{Mark, Place, Task};
use resound_domain::submission::Submission;
use resound_domain::trace::TraceId;
use resound_domain::triage::{Input, triage};
use resound_emulator::sqs::Receive;
use resound_messages::{EffectDue, Message, decode};
use resound_store::{Accepted, Appended, Digest, Raise, Raised};
use serde_json::json;

use crate::{Aws, ZONE, start};

/// The queues of effects: that of `close-loop` and that of `notify-staff`.
pub const QUEUES: [&str; 2] = ["customer-notices", "staff-alerts"];

/// Office hours in [`ZONE`].
pub fn calendars() -> Calendars {
    Calendars::office_hours(ZONE).expect("a zone")
}

/// The default policy by [`calendars`].
pub fn book() -> Book {
    Book::built_in(calendars())
}

/// The trace of the response of this number, and of its case.
pub fn trace(bits: u128) -> TraceId {
    TraceId::new(0x6a1f_9b4c, bits)
}

impl Aws {
    /// Makes a queue, and gives its address.
    pub fn make_queue(&self, name: &str) -> String {
        let made = self.port.sqs().create_queue(name, &BTreeMap::new());
        made.expect("the queue is made")
    }

    /// What stands on the [`QUEUES`], taken off: the queue and the message.
    pub async fn sent(&self) -> Vec<(&'static str, EffectDue)> {
        let mut sent = Vec::new();
        for queue in QUEUES {
            loop {
                let received = self.port.sqs().receive(queue, Receive::default());
                let received = received.await.expect("the queue is read");
                if received.is_empty() {
                    break;
                }
                for message in received {
                    let Message::EffectDue(due) = decode(&message.body).expect("a message") else {
                        panic!("the relay sends effects only");
                    };
                    sent.push((queue, due));
                }
            }
        }
        sent
    }

    /// A case of this priority that a response of this number opened at the [`start`], under the default policy.
    pub async fn opened(&self, bits: u128, priority: Priority) -> Case {
        let submission: Submission = serde_json::from_value(json!({
            "form": "default", "channel": "web", "locale": "en", "text": "It is broken.",
        }))
        .expect("a submission");
        let opened = Case::open(
            ResponseId::from_bits(bits).case(),
            start(),
            priority,
            Origin::by(submission.channel),
            &book(),
        );
        let trace_id = Some(trace(bits));
        let opened = Event { trace_id, ..opened };
        let case = Case::begin(&opened).expect("a case");
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at: start(),
            day: jiff::civil::date(2026, 11, 2),
            triage: triage(&Input::from(&submission)),
            submission,
            promise: case.clocks().promise(),
            trace_id,
            amended: None,
        };
        let opened = Some((&case, &opened));
        let accepted = self
            .store
            .accept(&response, &Digest([0; 32]), opened, start());
        assert_eq!(accepted.await.expect("the table answers"), Accepted::New);
        case
    }

    /// The churn-risk task of this number that a rule opened at the [`start`], under the default policy; the responses
    /// that show it have the next three numbers.
    pub async fn raised(&self, bits: u128) -> Case {
        let evidence = [1, 2, 3].map(|n| ResponseId::from_bits(bits + n));
        let task = Task::ChurnRisk { evidence };
        let opened = Case::open_task(CaseId::from_bits(bits), start(), task, &book());
        let case = Case::begin(&opened).expect("a case");
        let [.., id] = evidence;
        let raise = Raise {
            case: &case,
            opened: &opened,
            subject: SubjectId::from_bits(bits),
            mark: Mark::Response(Place { at: start(), id }),
            seen: None,
        };
        let raised = self.store.raise(&raise, start()).await;
        let raised = raised.expect("the table answers");
        assert!(matches!(raised, Raised::Raised(_)), "{raised:?}");
        case
    }

    /// The case after a command of staff.
    pub async fn commanded(&self, case: &Case, command: Command, at: Timestamp) -> Case {
        let by = Actor::Staff("ann".to_owned());
        let events = case.handle(&command, by, at, &book());
        let events = events.expect("the case takes the command");
        let mut after = case.clone();
        for event in &events {
            after.apply(event);
        }
        let appended = self
            .store
            .append(case, &after, &events, None, None, start());
        assert_eq!(
            appended.await.expect("the table answers"),
            Appended::Appended
        );
        after
    }
}
