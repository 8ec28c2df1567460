//! What AWS tells of a message; of text messages in [`text`], here what SES publishes about a letter, as its event destinations write it:
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>.
//!
//! Read here is what is acted on, and nothing else: neither the subject nor what a mail server said ever leaves this file.
//! The one address that is read, that of the recipient, becomes what stands for it at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::contact::Reason;
use resound_domain::delivery::Fate;
use resound_domain::id::ContactId;
use resound_lambda_kit::mail::{Audience, ENTRY_TAG, Mailbox};
use resound_store::{DeliveryReport, Entry};
use serde::Deserialize;

use crate::text;

/// What every record has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    event_type: String,
}

/// What SES says once to a topic, as plain text, when it is told to publish there.
const GREETING: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// The longest name of a message that is kept. Those of AWS have some sixty characters.
const MAX_MESSAGE_ID: usize = 200;

/// What one record says, as far as anything follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// A fact about a message to a customer.
    Fact(Fact),
    /// Nothing follows from it.
    Passed(Passed),
}

/// Why nothing follows from a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// It says nothing of what became of a message.
    NoFate,
    /// The message was to staff, or of another system.
    NotToCustomer,
}

/// A fact about a letter or a text message to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// What became of it.
    pub(crate) fate: Fate,
    /// When, as AWS says.
    pub(crate) at: Timestamp,
    /// The name that it was given when it was sent.
    pub(crate) message_id: String,
    /// Whom it was to.
    pub(crate) contact: ContactId,
    /// Why nothing more is sent there, if that follows.
    pub(crate) suppresses: Option<Reason>,
    /// Its entry in the ledger; `None` if it bears none that this version knows.
    pub(crate) entry: Option<Entry>,
}

impl Fact {
    /// As the ledger keeps it.
    pub(crate) fn report(&self) -> DeliveryReport<'_> {
        DeliveryReport {
            fate: self.fate,
            at: self.at,
            provider_id: &self.message_id,
        }
    }
}

/// Why a record cannot be read. Says where, and nothing of what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it is not a record of SES or of text messages (line {line}, column {column})")]
    NotARecord { line: usize, column: usize },
    #[error("a record of this type needs its `{0}`")]
    Missing(&'static str),
    #[error("`mail.destination` is not one address")]
    Destination,
    #[error("its `messageId` is not the name of a message")]
    MessageId,
    #[error("`destinationPhoneNumber` is not a number")]
    Number,
    #[error("`eventTimestamp` is no time")]
    Time,
}

impl Malformed {
    /// What cannot be read as the JSON it should be.
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        Self::NotARecord {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Whether a text can be kept as the name of a message.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_MESSAGE_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    timestamp: Timestamp,
    message_id: String,
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Bounced>,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
struct Bounced {
    /// What the server that tells of it did, by RFC 3464, section 2.3.3; absent where no such notification came with it, as in
    /// a note that somebody is on holiday.
    action: Option<String>,
}

impl Bounce {
    /// Whether the letter was given up: nobody has it, and nobody tries any more.
    fn is_over(&self) -> bool {
        let mut actions = self.bounced_recipients.iter();
        actions.any(|to| {
            let action = to.action.as_deref();
            action.is_some_and(|action| action.eq_ignore_ascii_case("failed"))
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    timestamp: Timestamp,
    #[serde(default)]
    complaint_sub_type: Option<String>,
    #[serde(default)]
    complaint_feedback_type: Option<String>,
}

#[derive(Deserialize)]
struct Delivery {
    timestamp: Timestamp,
}

impl Record {
    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`Malformed`], for what AWS does not write.
    pub(crate) fn read(body: &str) -> Result<Self, Malformed> {
        if body.trim() == GREETING {
            return Ok(Self::Passed(Passed::NoFate));
        }
        let kind: Kind = serde_json::from_str(body).map_err(|error| Malformed::of(&error))?;
        if kind.event_type.starts_with(text::PREFIX) {
            return text::read(body);
        }
        let wire: Wire = serde_json::from_str(body).map_err(|error| Malformed::of(&error))?;
        let Some((fate, at, suppresses)) = wire.fate()? else {
            return Ok(Self::Passed(Passed::NoFate));
        };
        let mail = wire.mail;
        if mail.tag("audience") != Some(Audience::Customer.name()) {
            return Ok(Self::Passed(Passed::NotToCustomer));
        }
        // Who it was sent to, and not who bounced: a mailbox may send on what it gets. A letter of ours is to one.
        let [to] = mail.destination.as_slice() else {
            return Err(Malformed::Destination);
        };
        let to: Mailbox = to.parse().map_err(|_| Malformed::Destination)?;
        if !is_name(&mail.message_id) {
            return Err(Malformed::MessageId);
        }
        Ok(Self::Fact(Fact {
            fate,
            at,
            contact: to.contact(),
            suppresses,
            entry: mail.tag(ENTRY_TAG).and_then(Entry::from_tag),
            message_id: mail.message_id,
        }))
    }
}

impl Mail {
    fn tag(&self, name: &str) -> Option<&str> {
        match self.tags.get(name).map(Vec::as_slice) {
            Some([value]) => Some(value),
            _ => None,
        }
    }
}

impl Wire {
    /// What became of the letter, when, and why nothing more is sent to its address; `None` if it does not say.
    fn fate(&self) -> Result<Option<(Fate, Timestamp, Option<Reason>)>, Malformed> {
        Ok(match self.event_type.as_str() {
            "Send" => Some((Fate::Accepted, self.mail.timestamp, None)),
            "Reject" => Some((Fate::Rejected, self.mail.timestamp, None)),
            "Delivery" => {
                let delivery = self.delivery.as_ref();
                let delivery = delivery.ok_or(Malformed::Missing("delivery"))?;
                Some((Fate::Delivered, delivery.timestamp, None))
            }
            "Bounce" => {
                let bounce = self.bounce.as_ref().ok_or(Malformed::Missing("bounce"))?;
                Some(match bounce.bounce_type.as_str() {
                    "Permanent" => (Fate::Bounced, bounce.timestamp, Some(Reason::HardBounce)),
                    // `Transient` and `Undetermined` say nothing about the next letter.
                    _ if bounce.is_over() => (Fate::Bounced, bounce.timestamp, None),
                    _ => (Fate::SoftBounced, bounce.timestamp, None),
                })
            }
            "Complaint" => {
                let complaint = self.complaint.as_ref();
                let complaint = complaint.ok_or(Malformed::Missing("complaint"))?;
                let at = complaint.timestamp;
                match complaint {
                    // Somebody took it out of the unwanted ones.
                    Complaint {
                        complaint_feedback_type: Some(kind),
                        ..
                    } if kind == "not-spam" => None,
                    // SES did not send it on: it knows the address from an earlier complaint.
                    Complaint {
                        complaint_sub_type: Some(kind),
                        ..
                    } if kind == "OnAccountSuppressionList" => {
                        Some((Fate::Rejected, at, Some(Reason::Complaint)))
                    }
                    _ => Some((Fate::Complained, at, Some(Reason::Complaint))),
                }
            }
            _ => None,
        })
    }
}
