//! What AWS End User Messaging SMS publishes about a text message, as its event destinations write it:
//! <https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html>; the types:
//! <https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-types.html>.
//!
//! Read here is what is acted on, and nothing else. The number becomes what stands for it at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::contact::Reason;
use resound_domain::delivery::Fate;
use resound_domain::phone::E164;
use resound_lambda_kit::mail::ENTRY_TAG;
use resound_lambda_kit::sms;
use resound_store::Entry;
use serde::Deserialize;

use crate::record::{Fact, Malformed, Passed, Record, is_name};

/// What the types of these events begin with.
pub(crate) const PREFIX: &str = "TEXT_";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    event_type: String,
    /// In milliseconds.
    event_timestamp: i64,
    is_final: bool,
    message_id: String,
    #[serde(default)]
    destination_phone_number: Option<String>,
    #[serde(default)]
    context: Option<BTreeMap<String, String>>,
}

/// What the type of an event says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It is on its way. Where networks do not say that a phone has it, this is all that is ever said.
    UnderWay,
    /// The phone has it.
    Delivered,
    /// There is no such number.
    NoNumber,
    /// Somebody on the way does not let it through: for what it says, for who sends it, or for whom it is to.
    Stopped,
    /// The phone or its network could not be reached.
    Unreached,
    /// Nobody knows, also after three days: it may have arrived.
    Unknown,
}

impl Said {
    /// `None` for a type to come.
    fn by(kind: &str) -> Option<Self> {
        Some(match kind.strip_prefix(PREFIX)? {
            "QUEUED" | "PENDING" | "SUCCESSFUL" => Self::UnderWay,
            "DELIVERED" => Self::Delivered,
            "INVALID" => Self::NoNumber,
            "INVALID_MESSAGE" | "BLOCKED" | "CARRIER_BLOCKED" | "SPAM" | "PROTECT_BLOCKED" => {
                Self::Stopped
            }
            "UNREACHABLE" | "CARRIER_UNREACHABLE" | "TTL_EXPIRED" => Self::Unreached,
            "UNKNOWN" => Self::Unknown,
            _ => return None,
        })
    }

    /// What became of the message, and why nothing more is sent to the number. What is not final may still arrive, and so
    /// may what nobody knows of: no other route is taken for it.
    const fn fate(self, is_final: bool) -> (Fate, Option<Reason>) {
        match (self, is_final) {
            (Self::UnderWay, _) => (Fate::Accepted, None),
            (Self::Delivered, _) => (Fate::Delivered, None),
            (Self::NoNumber, true) => (Fate::Bounced, Some(Reason::HardBounce)),
            (Self::Stopped, true) => (Fate::Rejected, None),
            (Self::Unreached, true) => (Fate::Bounced, None),
            (Self::NoNumber | Self::Stopped | Self::Unreached, false) | (Self::Unknown, _) => {
                (Fate::SoftBounced, None)
            }
        }
    }
}

/// Reads a record of a type that begins with [`PREFIX`].
///
/// # Errors
/// [`Malformed`], for what the service does not write.
pub(crate) fn read(body: &str) -> Result<Record, Malformed> {
    let wire: Wire = serde_json::from_str(body).map_err(|error| Malformed::of(&error))?;
    let Some(said) = Said::by(&wire.event_type) else {
        return Ok(Record::Passed(Passed::NoFate));
    };
    let tag = wire.context.as_ref();
    let Some(tag) = tag.and_then(|context| context.get(ENTRY_TAG)) else {
        return Ok(Record::Passed(Passed::NotToCustomer));
    };
    let at = Timestamp::from_millisecond(wire.event_timestamp);
    let number = wire.destination_phone_number.as_deref();
    let number = number.and_then(|number| E164::read(number, None).ok());
    if !is_name(&wire.message_id) {
        return Err(Malformed::MessageId);
    }
    let (fate, suppresses) = said.fate(wire.is_final);
    Ok(Record::Fact(Fact {
        fate,
        at: at.map_err(|_| Malformed::Time)?,
        contact: sms::contact(&number.ok_or(Malformed::Number)?),
        suppresses,
        entry: Entry::from_tag(tag),
        message_id: wire.message_id,
    }))
}
