//! Text messages through AWS End User Messaging SMS (the API `PinpointSMSVoiceV2`, JSON 1.0).

use std::collections::BTreeMap;
use std::str::FromStr;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use jiff::Timestamp;
use resound_domain::id::ContactId;
use resound_domain::phone::E164;
use serde_json::{Value, json};

use crate::aws::Settings;
use crate::idempotency::contact_id;
use crate::mail::{ENTRY_TAG, SendError};
use crate::signed::{Caller, Operation};

const SEND: Operation = Operation {
    who: "the SMS service",
    service: "sms-voice",
    path: "/",
    headers: &[
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "PinpointSMSVoiceV2.SendTextMessage"),
    ],
    // This protocol answers 400 where others say 403 and 429. What names us and not the message: our rights, our clock,
    // what we may spend, the identity that we were told to send as.
    passing: &[
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
        "UnrecognizedClientException",
    ],
    passing_text: None,
};

/// A text message to one number. Its text is short enough: see [`resound_domain::sms::size`].
#[derive(Debug, Clone)]
pub struct Sms {
    /// The identity it is sent as: the ARN of a number, a pool or a sender's name.
    pub from: String,
    /// Who gets it.
    pub to: E164,
    /// What it says.
    pub text: String,
    /// What it is about: an id, never personal. The service gives it back with what it tells of the message later.
    pub about: String,
    /// The entry in the ledger that it is sent for, if it is to a customer: the service gives it back with what becomes of
    /// the message. `None` where nobody is to be told.
    pub entry: Option<String>,
}

/// Numbers that an operator lists, to which what is only tried out may be sent: as a parameter of the stack lists them,
/// separated by commas.
///
/// Guarantee: each is written as [`E164`] writes it, so there is one way to name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<E164>);

/// Why a text is no list of numbers. Does not say what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("numbers such as +8613800138000 are expected, separated by commas, without blanks")]
pub struct InvalidNumbers;

impl Numbers {
    /// The one that is written exactly like this.
    pub fn find(&self, number: &str) -> Option<&E164> {
        self.0.iter().find(|listed| listed.as_str() == number)
    }

    /// As they are written, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(E164::as_str)
    }
}

impl FromStr for Numbers {
    type Err = InvalidNumbers;

    fn from_str(text: &str) -> Result<Self, InvalidNumbers> {
        let listed = text
            .split(',')
            .map(|written| match E164::read(written, None) {
                Ok(number) if number.as_str() == written => Ok(number),
                _ => Err(InvalidNumbers),
            });
        Ok(Self(listed.collect::<Result<_, _>>()?))
    }
}

/// Sends text messages.
#[derive(Debug, Clone)]
pub struct Texter {
    caller: Caller,
    configuration_set: Option<String>,
}

impl Texter {
    pub(crate) fn new(settings: &Settings, connector: SharedHttpConnector) -> Self {
        Self {
            caller: Caller::new(settings, connector, "sms-voice"),
            configuration_set: settings.sms_configuration_set.clone(),
        }
    }

    /// Sends a message, once: nothing is tried again here, because the service has no idempotency token. `now` is machine
    /// time. Returns the id that the service gave it.
    ///
    /// # Errors
    /// [`SendError`]: whether it was surely not sent, surely refused, or perhaps sent. Its text holds no personal data.
    pub async fn send(&self, sms: &Sms, now: Timestamp) -> Result<String, SendError> {
        let body = content(sms, self.configuration_set.as_deref());
        self.caller.send(&SEND, body.to_string(), now).await
    }
}

/// The body of the call. Ids and names of ours are far below what the service takes as a context.
fn content(sms: &Sms, configuration_set: Option<&str>) -> Value {
    let mut context = BTreeMap::from([("about", sms.about.as_str())]);
    context.extend(sms.entry.as_deref().map(|entry| (ENTRY_TAG, entry)));
    let mut content = json!({
        "DestinationPhoneNumber": sms.to.as_str(),
        "OriginationIdentity": sms.from,
        "MessageBody": sms.text,
        "MessageType": "TRANSACTIONAL",
        "Context": context,
    });
    // What becomes of a message that stands in no ledger is nobody's to record.
    let configuration_set = configuration_set.filter(|_| sms.entry.is_some());
    if let (Some(set), Some(content)) = (configuration_set, content.as_object_mut()) {
        content.insert("ConfigurationSetName".to_owned(), set.into());
    }
    content
}

/// What stands for a number where nobody is to read it.
pub fn contact(number: &E164) -> ContactId {
    contact_id("sms", number.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws;
    use crate::fake::Server;

    fn sms() -> Sms {
        Sms {
            from: "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-1".to_owned(),
            to: E164::read("+86 138 0013 8000", None).unwrap(),
            text: "您的反馈已处理".to_owned(),
            about: "01ARZ3".to_owned(),
            entry: Some("case_01ARZ3_2_customer_sms".to_owned()),
        }
    }

    async fn send(endpoint: &str) -> Result<String, SendError> {
        let settings = Settings {
            sms_configuration_set: Some("resound-texts".to_owned()),
            ..Settings::emulator(endpoint)
        };
        let texter = Texter::new(&settings, aws::connector());
        texter
            .send(&sms(), "2026-11-21T00:30:00Z".parse().unwrap())
            .await
    }

    #[test]
    fn only_what_stands_in_the_ledger_is_told_of() {
        let told = Sms {
            entry: None,
            ..sms()
        };
        let body = content(&told, Some("resound-texts"));
        assert_eq!(body.get("ConfigurationSetName"), None);
        assert_eq!(body["Context"], json!({"about": "01ARZ3"}));
        // Without a set the entry goes along all the same: the account may have one that it uses where none is named.
        let body = content(&sms(), None);
        assert_eq!(body.get("ConfigurationSetName"), None);
        assert_eq!(body["Context"]["entry"], "case_01ARZ3_2_customer_sms");
    }

    fn answer(status: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    #[test]
    fn a_list_has_numbers_in_one_form_only() {
        let listed: Numbers = "+8613800138000,+14155552671".parse().unwrap();
        let found = listed.find("+14155552671").map(E164::as_str);
        assert_eq!(found, Some("+14155552671"));
        assert_eq!(listed.iter().count(), 2);
        for other in [
            "",
            "14155552671",
            "+1 415 555 2671",
            "+14155552671,+8613800138000",
        ] {
            assert_eq!(listed.find(other), None, "{other}");
        }
        for text in [
            "",
            "+8613800138000,",
            "+8613800138000, +14155552671",
            "13800138000",
            "0086 138 0013 8000",
            "+86 138 0013 8000",
            "＋8613800138000",
            "+8613800138000;+14155552671",
            "+123456",
            "li@customer.example",
        ] {
            assert_eq!(text.parse::<Numbers>(), Err(InvalidNumbers), "{text}");
        }
    }

    #[tokio::test]
    async fn a_message_is_signed_and_sent() {
        let server = Server::answering(&answer("200 OK", r#"{"MessageId":"m-1"}"#));
        assert_eq!(send(server.url()).await, Ok("m-1".to_owned()));
        let request = server.request();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
        for line in [
            "authorization: AWS4-HMAC-SHA256 Credential=local/20261121/us-east-1/sms-voice/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target",
            "x-amz-target: PinpointSMSVoiceV2.SendTextMessage",
            "content-type: application/x-amz-json-1.0",
            "connection: close",
        ] {
            assert!(head.contains(line), "{line}: {head}");
        }
        assert_eq!(
            serde_json::from_str::<Value>(body).unwrap(),
            json!({
                "DestinationPhoneNumber": "+8613800138000",
                "OriginationIdentity": "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-1",
                "MessageBody": "您的反馈已处理",
                "MessageType": "TRANSACTIONAL",
                "ConfigurationSetName": "resound-texts",
                "Context": {"about": "01ARZ3", "entry": "case_01ARZ3_2_customer_sms"},
            })
        );
    }

    #[tokio::test]
    async fn what_went_wrong_says_whether_it_may_have_been_sent() {
        let kind =
            |name: &str| format!(r#"{{"__type":"com.amazonaws.pinpointsmsvoicev2#{name}"}}"#);
        let not_sent = |reason: &str| SendError::NotSent(format!("the SMS service {reason}"));
        for (status, body, expected) in [
            (
                "400 Bad Request",
                kind("ThrottlingException"),
                not_sent("answered 400 ThrottlingException"),
            ),
            (
                "400 Bad Request",
                kind("AccessDeniedException"),
                not_sent("answered 400 AccessDeniedException"),
            ),
            (
                "400 Bad Request",
                kind("ServiceQuotaExceededException"),
                not_sent("answered 400 ServiceQuotaExceededException"),
            ),
            (
                "400 Bad Request",
                kind("ConflictException"),
                SendError::Refused("the SMS service answered 400 ConflictException".to_owned()),
            ),
            (
                "400 Bad Request",
                kind("ValidationException"),
                SendError::Refused("the SMS service answered 400 ValidationException".to_owned()),
            ),
            (
                "500 Internal Server Error",
                kind("InternalServerException"),
                SendError::Unknown(
                    "the SMS service answered 500 InternalServerException".to_owned(),
                ),
            ),
            (
                "200 OK",
                "{}".to_owned(),
                SendError::Unknown("the SMS service answered 200 without a message id".to_owned()),
            ),
        ] {
            let server = Server::answering(&answer(status, &body));
            assert_eq!(send(server.url()).await, Err(expected));
        }
        assert!(matches!(
            send(&Server::closed()).await,
            Err(SendError::NotSent(_))
        ));
    }
}
