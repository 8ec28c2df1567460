//! AWS End User Messaging SMS, the one call we make: `SendTextMessage`. What it accepts goes to the mailbox.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ses::{Draft, Mailbox};

/// The longest text that the service takes, in characters.
const MAX_TEXT: usize = 1600;

/// Why a message was refused, as the service says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SmsError {
    /// The request is wrong; sending it again changes nothing.
    Validation(String),
    /// The mailbox could not be written.
    Internal(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendTextMessage {
    destination_phone_number: String,
    #[serde(default)]
    origination_identity: String,
    #[serde(default)]
    message_body: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
}

/// Answers one `SendTextMessage`: keeps the message and returns its id. Blocks until it is on disk.
pub(super) fn send(mailbox: &Mailbox, body: &[u8]) -> Result<String, SmsError> {
    let mut request: SendTextMessage = serde_json::from_slice(body)
        .map_err(|error| SmsError::Validation(format!("The body is not valid: {error}")))?;
    let refuse = |what: &str| Err(SmsError::Validation(what.to_owned()));
    let number = &request.destination_phone_number;
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_number = (2..=19).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if !is_number {
        return refuse("DestinationPhoneNumber is not a number in E.164 format.");
    }
    // The service finds one by itself if the account has one that fits; here there is none.
    if request.origination_identity.is_empty() {
        return refuse("OriginationIdentity is missing.");
    }
    if !(1..=MAX_TEXT).contains(&request.message_body.chars().count()) {
        return refuse("MessageBody must have 1 to 1600 characters.");
    }
    let draft = Draft {
        channel: "sms",
        to: request.destination_phone_number,
        subject: String::new(),
        text: request.message_body,
        html: None,
        about: request.context.remove("about"),
        headers: BTreeMap::new(),
    };
    mailbox
        .keep(draft)
        .map(|letter| letter.id)
        .map_err(|error| SmsError::Internal(format!("The mailbox cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::Data;

    #[test]
    fn what_the_service_refuses_is_refused() {
        let clock: crate::Clock = Arc::new(|| "2026-11-21T10:00:00Z".parse().expect("a timestamp"));
        let mailbox = Mailbox::open(&Data::Memory, clock).unwrap();
        let body = |to: &str, from: &str, text: &str| {
            json!({
                "DestinationPhoneNumber": to, "OriginationIdentity": from, "MessageBody": text,
                "MessageType": "TRANSACTIONAL", "Context": {"about": "01CASE"},
            })
            .to_string()
        };
        let long = "x".repeat(1601);
        for (to, from, text) in [
            ("13800138000x", "pool", "x"),
            ("+0138", "pool", "x"),
            ("", "pool", "x"),
            ("+8613800138000", "", "x"),
            ("+8613800138000", "pool", ""),
            ("+8613800138000", "pool", long.as_str()),
        ] {
            let sent = send(&mailbox, body(to, from, text).as_bytes());
            assert!(matches!(sent, Err(SmsError::Validation(_))), "{to} {from}");
        }
        assert!(send(&mailbox, b"{}").is_err());
        send(&mailbox, body("+8613800138000", "pool", "您好").as_bytes()).unwrap();
        let caught = mailbox.list();
        assert_eq!(caught.len(), 1);
        assert_eq!(
            (caught[0].channel.as_str(), caught[0].to.as_str()),
            ("sms", "+8613800138000")
        );
        assert_eq!(caught[0].text, "您好");
        assert_eq!(caught[0].about.as_deref(), Some("01CASE"));
    }
}
