//! Where alerts for staff go.
//!
//! One neutral [`Message`] becomes what each provider really takes, within its limits, and what a provider answers
//! becomes an [`Answer`]: accepted, later, refused or gone. When to try again is [`retry::next_attempt`]. Who is told by
//! which sinks is a document, [`Recipients`].
//!
//! ```
//! use resound_domain::locale::Locale;
//! use resound_sinks::{Event, Line, Message, Severity, slack};
//!
//! let alert = Line {
//!     text: "Overdue: first response [R-1]".to_owned(),
//!     url: "https://example.test/v1/cases/1".to_owned(),
//!     about: "1".to_owned(),
//!     trace: None,
//!     event: Event {
//!         kind: "case.breached".to_owned(),
//!         at: jiff::Timestamp::UNIX_EPOCH,
//!         data: serde_json::json!({"case": "1"}),
//!     },
//! };
//! let message = Message {
//!     id: "1-2-owner".parse()?,
//!     at: jiff::Timestamp::UNIX_EPOCH,
//!     locale: Locale::En,
//!     severity: Severity::Urgent,
//!     title: "1 alert".to_owned(),
//!     lines: vec![alert],
//!     more: 0,
//!     queue: "https://example.test/v1/cases".to_owned(),
//! };
//! assert!(slack::payload(&message).to_string().contains("|Overdue: first response"));
//! # Ok::<(), resound_sinks::InvalidMessageId>(())
//! ```
//!
//! **Nothing here reads a clock or a table:** machine time is an argument, and what was sent is for others to record.

mod answer;
pub mod dingtalk;
pub mod email;
pub mod feishu;
mod message;
pub mod recipients;
pub mod retry;
mod sender;
pub mod slack;
pub mod standard;
mod text;
pub mod wecom;

pub use answer::{Answer, Cause, Fate, LONGEST_WAIT, retry_after};
pub use message::{Event, InvalidMessageId, Line, Message, MessageId, Severity};
pub use recipients::{Recipient, Recipients, SecretText, Sink, SinkKind};
pub use sender::Sender;

#[cfg(test)]
mod tests;

/// The published test vectors of a kind.
#[cfg(test)]
fn vectors(kind: &str) -> Vec<serde_json::Value> {
    let lines = include_str!("../tests/vectors/webhooks.jsonl").lines();
    let vectors = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    vectors.filter(|vector| vector["kind"] == kind).collect()
}
