//! The wire: what queues and schedules carry.
//!
//! Messages hold ids and keys only, never a customer's words or contact: an erased person leaves nothing in a
//! queue or its dead letters. Every sample in `samples/` must decode for ever; new fields are optional, new
//! kinds of message get a new `type`.

use jiff::Timestamp;
use resound_domain::event::Effect;
use resound_domain::id::CaseId;
use resound_domain::trace::{self, TraceId};
use serde::{Deserialize, Serialize};

/// A message on `customer-notices` or `staff-alerts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// An effect of an event is due.
    EffectDue(EffectDue),
    /// A group of alerts may have to be sent. On `staff-alerts` only.
    GroupDue(GroupDue),
}

/// Names a group of alerts that is to be sent, unless others may still join it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupDue {
    /// Its name in the table.
    pub group: String,
}

/// Names an effect of an event that is to be carried out and then settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectDue {
    /// What is due.
    pub effect: Effect,
    /// The case of the event.
    pub case: CaseId,
    /// The event's place in the log of the case.
    pub seq: u32,
    /// The trace of the case, for the log of whoever cannot read the event.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "trace::lenient"
    )]
    pub trace_id: Option<TraceId>,
}

/// The version of the envelope that this code writes.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    message: T,
}

/// Why a body is not a message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not the JSON of a message this code knows.
    #[error("not a message")]
    Malformed(#[source] serde_json::Error),
    /// Written by a version that this code does not read.
    #[error("message version {0} is not known")]
    UnknownVersion(u32),
}

/// The body of a queue message.
///
/// # Errors
/// None in practice: a message has only ids and names. The error of the serializer is handed on.
pub fn encode(message: &Message) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        v: VERSION,
        message,
    })
}

/// Reads the body of a queue message.
///
/// # Errors
/// [`DecodeError`], for a body that will never decode: a poison message.
pub fn decode(body: &str) -> Result<Message, DecodeError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let Version { v } = serde_json::from_str(body).map_err(DecodeError::Malformed)?;
    if v != VERSION {
        return Err(DecodeError::UnknownVersion(v));
    }
    serde_json::from_str::<Envelope<Message>>(body)
        .map(|envelope| envelope.message)
        .map_err(DecodeError::Malformed)
}

/// What a schedule hands to a function: the instant it was due, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Business time of the run.
    pub time: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blessed_samples_decode_for_ever() {
        for (sample, trace_id) in [
            (include_str!("../samples/effect_due.v1.json"), None),
            (
                include_str!("../samples/effect_due.v1-traced.json"),
                Some("1-6a1f9b4c-3f1d2a0b4c5d6e7f8a9b0c1d".parse().unwrap()),
            ),
        ] {
            let due = EffectDue {
                effect: Effect::CustomerNotice,
                case: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                seq: 3,
                trace_id,
            };
            let message = Message::EffectDue(due);
            assert_eq!(decode(sample).unwrap(), message);
            assert_eq!(encode(&message).unwrap(), sample.trim_end());
        }
        let group = Message::GroupDue(GroupDue {
            group: "owner/email/all/0000000007".to_owned(),
        });
        let sample = include_str!("../samples/group_due.v1.json");
        assert_eq!(decode(sample).unwrap(), group);
        assert_eq!(encode(&group).unwrap(), sample.trim_end());
        let tick: Tick = serde_json::from_str(include_str!("../samples/tick.json")).unwrap();
        assert_eq!(tick.time, "2026-11-21T00:30:00Z".parse().unwrap());
    }

    #[test]
    fn a_trace_that_cannot_be_read_spoils_no_message() {
        let body = include_str!("../samples/effect_due.v1-traced.json").replace("1-6a1f", "2-6a1f");
        let Message::EffectDue(due) = decode(&body).unwrap() else {
            panic!("it is another message");
        };
        assert_eq!((due.seq, due.trace_id), (3, None));
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for (body, expected) in [
            ("", "not a message"),
            ("[]", "not a message"),
            (r#"{"v":1}"#, "not a message"),
            (r#"{"v":1,"message":{"type":"surprise"}}"#, "not a message"),
            (r#"{"v":2,"message":{}}"#, "message version 2 is not known"),
        ] {
            assert_eq!(decode(body).unwrap_err().to_string(), expected, "{body}");
        }
    }

    proptest! {
        #[test]
        fn messages_round_trip(bits: u128, seq: u32, notice: bool, second: Option<u32>) {
            let effect = if notice { Effect::CustomerNotice } else { Effect::StaffAlert };
            let case = resound_domain::id::ResponseId::from_bits(bits).case();
            let trace_id = second.map(|second| TraceId::new(second, bits));
            let message = Message::EffectDue(EffectDue { effect, case, seq, trace_id });
            prop_assert_eq!(decode(&encode(&message).unwrap()).unwrap(), message);
        }

        #[test]
        fn no_body_panics(body in ".*") {
            let _ignored = decode(&body);
        }
    }
}
