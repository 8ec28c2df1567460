//! What a provider's answer means.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use resound_lambda_kit::outbound::{self, NoAnswer};
use serde_json::Value;

/// The longest that a receiver may ask to be left alone: the longest step of the published schedule. More would let one
/// answer switch a receiver off.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a message that was not accepted may have arrived all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It surely did not.
    NotTaken,
    /// It may have.
    Unknown,
}

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It was not understood, or its content is not allowed.
    Content,
    /// The signature, its time, the keyword or the sender's address did not satisfy the receiver.
    Credentials,
    /// The receiver exists, and may not be used in this way or for now.
    Forbidden,
    /// This installation cannot send by such a sink: no mail is set up.
    NotConfigured,
    /// Anything else.
    Other,
}

/// What an attempt came to. What to do follows from the variant; [`crate::retry::next_attempt`] says when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Accepted {
        /// What the provider calls it, if it says so.
        provider_id: Option<String>,
    },
    /// Trying again may help.
    TryLater {
        /// Why, for the log: it has neither an address, nor a secret, nor what was sent.
        reason: String,
        /// How long the receiver asked to be left alone, at most [`LONGEST_WAIT`].
        after: Option<Duration>,
        /// Whether it may have arrived.
        fate: Fate,
    },
    /// It was not taken, and as long as nobody changes the receiver or its configuration it will not be.
    Refused {
        /// Why.
        cause: Cause,
        /// The same for the log, as above.
        reason: String,
    },
    /// The receiver exists no more, or wants no more: the sink should be switched off.
    Gone {
        /// Why, for the log, as above.
        reason: String,
    },
}

/// For the log.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { .. } => f.write_str("accepted"),
            Self::TryLater { reason, .. } => write!(f, "not taken: {reason}"),
            Self::Refused { reason, .. } => write!(f, "refused: {reason}"),
            Self::Gone { reason } => write!(f, "the receiver is gone: {reason}"),
        }
    }
}

impl Answer {
    pub(crate) const fn accepted() -> Self {
        Self::Accepted { provider_id: None }
    }
}

impl From<NoAnswer> for Answer {
    fn from(error: NoAnswer) -> Self {
        let fate = match error {
            NoAnswer::NotSent(_) => Fate::NotTaken,
            NoAnswer::Unknown(_) => Fate::Unknown,
        };
        Self::TryLater {
            reason: error.to_string(),
            after: None,
            fate,
        }
    }
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or an HTTP date that is compared with `now`, machine time. `None` if
/// it is neither; at most [`LONGEST_WAIT`], and a date that has passed is zero.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more than enough.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    let wait = Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST_WAIT))
}

/// What a status says that all providers use alike; `None` if it is 2xx.
pub(crate) fn judge_status(who: &str, answer: &outbound::Answer, now: Timestamp) -> Option<Answer> {
    let status = answer.status;
    let reason = format!("{who} answered {status}");
    let after = answer
        .retry_after
        .as_deref()
        .and_then(|text| retry_after(text, now));
    match status {
        200..=299 => None,
        410 => Some(Answer::Gone { reason }),
        // Too early, too many, or not in time: the content was not the reason, and it was not dealt with.
        408 | 425 | 429 | 503 => Some(Answer::TryLater {
            reason,
            after,
            fate: Fate::NotTaken,
        }),
        500..=599 => Some(Answer::TryLater {
            reason,
            after,
            fate: Fate::Unknown,
        }),
        _ => Some(Answer::Refused {
            cause: match status {
                400 | 413 | 415 | 422 => Cause::Content,
                401 => Cause::Credentials,
                403 => Cause::Forbidden,
                _ => Cause::Other,
            },
            reason,
        }),
    }
}

/// What a code in the body of an answer means.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    Accepted,
    /// Too many, for so long.
    Slower(Duration),
    /// The provider's own trouble.
    Trouble,
    Refused(Cause),
    Gone,
}

/// Judges an answer of a provider that says in the body what it thinks, mostly in that of a 200. `known` are its codes,
/// and what they mean in words.
///
/// A code that nobody knows counts as trouble: an alert rather comes late than is dropped for a word we do not know. So
/// does a body without a code, which may have been cut off after the message was taken.
pub(crate) fn judge_code(
    who: &str,
    answer: &outbound::Answer,
    now: Timestamp,
    code: Option<i64>,
    known: &[(i64, Code, &str)],
) -> Answer {
    let status = judge_status(who, answer, now);
    let found = known.iter().find(|(known, ..)| code == Some(*known));
    let (code, meaning) = match (found, status) {
        (Some((_, Code::Accepted, _)) | None, Some(judged)) => return judged,
        (Some((_, Code::Accepted, _)), None) => return Answer::accepted(),
        (Some((code, meaning, words)), _) => (format!("{code} ({words})"), *meaning),
        (None, None) => match code {
            Some(code) => (code.to_string(), Code::Trouble),
            None => {
                return Answer::TryLater {
                    reason: format!("{who} answered {} without a code", answer.status),
                    after: None,
                    fate: Fate::Unknown,
                };
            }
        },
    };
    let reason = format!("{who} answered {code}");
    let asked = answer
        .retry_after
        .as_deref()
        .and_then(|text| retry_after(text, now));
    match meaning {
        Code::Accepted => Answer::accepted(),
        Code::Slower(wait) => Answer::TryLater {
            reason,
            after: Some(wait.max(asked.unwrap_or_default())),
            fate: Fate::NotTaken,
        },
        Code::Trouble => Answer::TryLater {
            reason,
            after: asked,
            fate: Fate::NotTaken,
        },
        Code::Refused(cause) => Answer::Refused { cause, reason },
        Code::Gone => Answer::Gone { reason },
    }
}

/// The first of these fields of a JSON object that is an integer.
pub(crate) fn integer(body: &[u8], fields: &[&str]) -> Option<i64> {
    let body: Value = serde_json::from_slice(body).ok()?;
    fields
        .iter()
        .find_map(|field| body.get(field).and_then(Value::as_i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        for (text, expected) in [
            ("0", seconds(0)),
            ("120", seconds(120)),
            (" 7 ", seconds(7)),
            ("86401", Some(LONGEST_WAIT)),
            ("99999999999999999999999", Some(LONGEST_WAIT)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", seconds(0)),
            ("Thu, 30 Dec 9999 12:00:00 GMT", Some(LONGEST_WAIT)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994", None),
        ] {
            assert_eq!(retry_after(text, now), expected, "{text}");
        }
    }
}
