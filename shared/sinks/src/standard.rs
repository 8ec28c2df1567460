//! Webhooks to systems of one's own, as Standard Webhooks 1.0 says.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use jiff::Timestamp;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::outbound::{self, Body, Outbound, Reach, Target};
use ring::hmac;
use serde_json::{Value, json};

use crate::answer::{Answer, judge_status};
use crate::message::{Event, Message, MessageId};
use crate::recipients::SecretText;
use crate::text::most_that_fit;

/// The longest body, in bytes. The standard recommends 20 KB; a system that counts alerts should rather get all of
/// several hundred, and nothing is left out below this.
pub const BODY: usize = 256 * 1024;

/// A secret shared with a receiver: `whsec_` and 24 to 64 bytes in base64, with or without its padding.
#[derive(Clone)]
pub struct Secret {
    key: hmac::Key,
    text: SecretText,
}

/// Why a text is not a secret. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`whsec_` and 24 to 64 bytes in base64 are expected")]
pub struct InvalidSecret;

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let encoded = text.strip_prefix("whsec_").ok_or(InvalidSecret)?;
        let bytes = LENIENT.decode(encoded).map_err(|_| InvalidSecret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(InvalidSecret);
        }
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            text: SecretText::new(text),
        })
    }
}

/// Hidden.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// As it was written.
    pub const fn text(&self) -> &SecretText {
        &self.text
    }

    /// One signature of a payload. `timestamp` is in seconds.
    pub fn sign(&self, id: &str, timestamp: i64, payload: &str) -> String {
        let signed = format!("{id}.{timestamp}.{payload}");
        format!(
            "v1,{}",
            STANDARD.encode(hmac::sign(&self.key, signed.as_bytes()))
        )
    }
}

/// Somebody who gets webhooks.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Where to.
    pub target: Target,
    /// What they are signed with, each by itself: two while one is changed. Without any they are not signed.
    pub secrets: Vec<Secret>,
}

impl Receiver {
    /// Reads the variables of these names; `None` if no address is set.
    ///
    /// # Errors
    /// [`Recorded`] if the address is none that `reach` allows, or a secret is none.
    pub fn read(
        vars: &mut Vars,
        url: &str,
        secret: &str,
        reach: Reach,
    ) -> Result<Option<Self>, Recorded> {
        let listed = vars.list(secret).into_iter();
        let secrets: Result<Vec<Secret>, _> = listed.map(|secret| secret.parse()).collect();
        let secrets = secrets.map_err(|error| vars.record(format!("{secret}: {error}")));
        let target = match vars.optional(url) {
            Some(address) => Target::new(&address, reach)
                .map(Some)
                .map_err(|error| vars.record(format!("{url}: {error}"))),
            None => Ok(None),
        };
        let (target, secrets) = (target?, secrets?);
        Ok(target.map(|target| Self { target, secrets }))
    }
}

/// What a receiver is sent. A message about one alert is that alert: `type`, `timestamp` and `data` are its own. One
/// about several has the type `alerts.grouped`, and they are in `data.alerts`, each as it would have come alone.
///
/// Guarantee: at most [`BODY`] bytes; how many alerts are not in it is `data.omitted`.
pub fn payload(message: &Message) -> Value {
    let one =
        |event: &Event| json!({"type": event.kind, "timestamp": event.at, "data": event.data});
    if let ([line], 0) = (message.lines.as_slice(), message.more) {
        return one(&line.event);
    }
    let alerts: Vec<Value> = message.lines.iter().map(|line| one(&line.event)).collect();
    let body = |n: usize| {
        json!({
            "type": "alerts.grouped",
            "timestamp": message.at,
            "data": {
                "summary": message.title,
                "count": message.count(),
                "omitted": message.count() - n,
                "url": message.queue,
                "alerts": alerts.get(..n).unwrap_or_default(),
            },
        })
    };
    body(most_that_fit(alerts.len(), |n| {
        body(n).to_string().len() <= BODY
    }))
}

/// Posts a payload once. It is signed with every secret, so that a receiver may change from one to the next whenever it
/// likes; with none it is not signed. `now` is machine time.
pub async fn post(
    outbound: &Outbound,
    target: &Target,
    secrets: &[Secret],
    id: &MessageId,
    payload: String,
    now: Timestamp,
) -> Answer {
    let timestamp = now.as_second();
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| secret.sign(id.as_str(), timestamp, &payload))
        .collect();
    let (timestamp, signatures) = (timestamp.to_string(), signatures.join(" "));
    let mut headers = vec![
        ("webhook-id", id.as_str()),
        ("webhook-timestamp", timestamp.as_str()),
    ];
    if !signatures.is_empty() {
        headers.push(("webhook-signature", signatures.as_str()));
    }
    match outbound
        .post(target, &headers, payload, Body::Ignored)
        .await
    {
        Ok(answer) => judge(&answer, now),
        Err(error) => error.into(),
    }
}

/// What a receiver answers: the status says it all. A redirect is a refusal: the address should be changed instead.
pub fn judge(answer: &outbound::Answer, now: Timestamp) -> Answer {
    judge_status("the receiver", answer, now).unwrap_or_else(Answer::accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        let mut seen = 0;
        for vector in crate::vectors("standard_webhooks_sign") {
            let text = |name: &str| vector[name].as_str().unwrap();
            let secret = text("secret").parse::<Secret>();
            if text("scheme") != "v1 HMAC-SHA256" {
                assert_eq!(
                    secret.err(),
                    Some(InvalidSecret),
                    "asymmetric keys are not spoken here"
                );
                continue;
            }
            let signature = secret.unwrap().sign(
                text("msg_id"),
                vector["timestamp"].as_i64().unwrap(),
                text("payload"),
            );
            assert_eq!(signature, text("expected"), "{}", vector["id"]);
            seen += 1;
        }
        assert_eq!(seen, 2);
    }

    #[test]
    fn secrets_are_hidden_and_sound() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for text in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!",
        ] {
            assert_eq!(text.parse::<Secret>().err(), Some(InvalidSecret), "{text}");
        }
    }

    #[test]
    fn padding_may_be_missing() {
        let bytes = [7_u8; 32];
        let padded = format!("whsec_{}", STANDARD.encode(bytes));
        let sign = |secret: &str| secret.parse::<Secret>().unwrap().sign("a", 1, "{}");
        assert!(padded.ends_with('='));
        assert_eq!(sign(&padded), sign(padded.trim_end_matches('=')));
    }

    #[test]
    fn statuses_mean_what_is_published() {
        let now = Timestamp::UNIX_EPOCH;
        let judge = |status: u16, retry_after: Option<&str>| {
            let retry_after = retry_after.map(str::to_owned);
            let body = Vec::new();
            judge(
                &outbound::Answer {
                    status,
                    retry_after,
                    body,
                },
                now,
            )
        };
        let mut seen = 0;
        for vector in crate::vectors("webhook_http_status") {
            match (
                vector["status"].as_str().unwrap(),
                vector["expected"].as_str().unwrap(),
            ) {
                ("2xx", "success") => {
                    for status in 200..=299 {
                        assert_eq!(judge(status, None), Answer::accepted());
                    }
                }
                ("410", "failure; disable the endpoint") => {
                    assert!(matches!(judge(410, None), Answer::Gone { .. }));
                }
                ("502 or 504", "failure; slow down") => {
                    for status in [502, 504] {
                        assert!(matches!(judge(status, None), Answer::TryLater { .. }));
                    }
                }
                ("Retry-After header", _) => {
                    for status in [429, 500, 503] {
                        let later = judge(status, Some("7"));
                        let after = Some(std::time::Duration::from_secs(7));
                        assert!(
                            matches!(later, Answer::TryLater { after: found, .. } if found == after)
                        );
                    }
                }
                unknown => panic!("a vector that nothing here tests: {unknown:?}"),
            }
            seen += 1;
        }
        assert_eq!(seen, 4);
        for status in (300..=599).filter(|status| *status != 410) {
            let retried =
                crate::retry::next_attempt(1, &judge(status, None), &"a".parse().unwrap());
            assert!(retried.is_some(), "{status} is a failure like others");
        }
        assert!(matches!(judge(308, None), Answer::Refused { .. }));
    }
}
