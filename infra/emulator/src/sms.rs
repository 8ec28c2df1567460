//! AWS End User Messaging SMS, the one call we make: `SendTextMessage`. What it accepts goes to the mailbox, and what becomes
//! of it is told at once, if it names a configuration set.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::ses::{Draft, Letter, Mailbox, Reports};

/// The longest text that the service takes, in characters.
const MAX_TEXT: usize = 1600;

/// Numbers that AWS's own simulator does not reach, and what is told of them here:
/// <https://docs.aws.amazon.com/sms-voice/latest/userguide/test-phone-numbers.html>. Which failure AWS tells of each, it does
/// not say. Every other number gets what is sent to it.
const FAILING: [(&str, &str, &str); 2] = [
    ("+61455944039", "INVALID", "Phone number is invalid"),
    ("+85257048854", "UNREACHABLE", "Phone is unreachable"),
];

/// Why a message was refused, as the service says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SmsError {
    /// The request is wrong; sending it again changes nothing.
    Validation(String),
    /// The request names what is not there.
    NotFound(String),
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
    configuration_set_name: Option<String>,
}

/// Answers one `SendTextMessage`: keeps the message and returns its id. Blocks until it is on disk.
pub(super) fn send(mailbox: &Mailbox, reports: &Reports, body: &[u8]) -> Result<String, SmsError> {
    let request: SendTextMessage = serde_json::from_slice(body)
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
    let set = request.configuration_set_name;
    if let Some(set) = &set
        && !reports.knows(set)
    {
        let message = format!("The configuration set {set} was not found.");
        return Err(SmsError::NotFound(message));
    }
    let draft = Draft {
        channel: "sms",
        from: request.origination_identity,
        to: request.destination_phone_number,
        subject: String::new(),
        text: request.message_body,
        html: None,
        about: request.context.get("about").cloned(),
        headers: BTreeMap::new(),
    };
    let letter = mailbox
        .keep(draft)
        .map_err(|error| SmsError::Internal(format!("The mailbox cannot be written: {error}")))?;
    if let Some(set) = &set {
        reports.publish(set, &events(&letter, &request.context));
    }
    Ok(letter.id)
}

/// Everything that is told of a message.
fn events(letter: &Letter, context: &BTreeMap<String, String>) -> Vec<Value> {
    let event = |status: &str, description: &str| {
        json!({
            "eventType": format!("TEXT_{status}"),
            "eventVersion": "1.0",
            "eventTimestamp": letter.at.as_millisecond(),
            "isFinal": true,
            "destinationPhoneNumber": letter.to,
            "messageId": letter.id,
            "messageRequestTimestamp": letter.at.as_millisecond(),
            "messageType": "TRANSACTIONAL",
            "messageStatus": status,
            "messageStatusDescription": description,
            "context": context,
            "totalMessageParts": 1,
        })
    };
    let failing = FAILING.iter().find(|(number, ..)| letter.to == *number);
    match failing {
        Some((_, status, description)) => vec![event(status, description)],
        None => vec![
            event("SUCCESSFUL", "Message has been accepted by phone carrier"),
            event("DELIVERED", "Message has been accepted by phone"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::sqs::{Receive, Sqs};
    use crate::{Data, ReportsTo};

    fn mailbox() -> Mailbox {
        let clock: crate::Clock = Arc::new(|| "2026-11-21T10:00:00Z".parse().expect("a timestamp"));
        Mailbox::open(&Data::Memory, clock).unwrap()
    }

    #[tokio::test]
    async fn what_becomes_of_a_message_is_told_to_the_queue_of_its_set() {
        let sqs = Arc::new(Sqs::new("http://localhost"));
        sqs.create_queue("told", &BTreeMap::new()).unwrap();
        let reports = Reports::new(Arc::clone(&sqs));
        reports.add(ReportsTo {
            configuration_set: "texts".to_owned(),
            types: ["TEXT_DELIVERED", "TEXT_INVALID", "TEXT_UNREACHABLE"]
                .map(str::to_owned)
                .into(),
            queue: "told".to_owned(),
        });
        let mailbox = mailbox();
        for (to, set, kind) in [
            ("+8613800138000", Some("texts"), Some("TEXT_DELIVERED")),
            ("+61455944039", Some("texts"), Some("TEXT_INVALID")),
            ("+85257048854", Some("texts"), Some("TEXT_UNREACHABLE")),
            ("+85257048854", None, None),
        ] {
            let mut request = json!({
                "DestinationPhoneNumber": to, "OriginationIdentity": "pool", "MessageBody": "x",
                "Context": {"entry": "case_7"},
            });
            if let Some(set) = set {
                request["ConfigurationSetName"] = set.into();
            }
            let id = send(&mailbox, &reports, request.to_string().as_bytes()).unwrap();
            let received = sqs.receive("told", Receive::default()).await.unwrap();
            let told = received.first().map(|message| {
                sqs.delete("told", &message.receipt).unwrap();
                serde_json::from_str::<Value>(&message.body).unwrap()
            });
            assert_eq!(
                told.as_ref().map(|told| &told["eventType"]),
                kind.map(Value::from).as_ref()
            );
            if let Some(told) = told {
                assert_eq!(told["messageId"], id);
                assert_eq!(told["destinationPhoneNumber"], to);
                assert_eq!(told["context"], json!({"entry": "case_7"}));
                assert_eq!(told["eventTimestamp"], 1_795_255_200_000_i64);
            }
        }
        let other = json!({
            "DestinationPhoneNumber": "+8613800138000", "OriginationIdentity": "pool",
            "MessageBody": "x", "ConfigurationSetName": "other",
        });
        let refused = send(&mailbox, &reports, other.to_string().as_bytes());
        assert!(matches!(refused, Err(SmsError::NotFound(_))));
    }

    #[test]
    fn what_the_service_refuses_is_refused() {
        let mailbox = mailbox();
        let reports = Reports::new(Arc::new(Sqs::new("http://localhost")));
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
            let sent = send(&mailbox, &reports, body(to, from, text).as_bytes());
            assert!(matches!(sent, Err(SmsError::Validation(_))), "{to} {from}");
        }
        assert!(send(&mailbox, &reports, b"{}").is_err());
        let hello = body("+8613800138000", "pool", "您好");
        send(&mailbox, &reports, hello.as_bytes()).unwrap();
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
