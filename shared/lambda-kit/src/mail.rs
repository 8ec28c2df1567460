//! E-mail through SES (API v2).

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use jiff::Timestamp;
use resound_domain::id::ContactId;
use resound_domain::trace::TraceId;
use serde_json::{Value, json};

use crate::aws::Settings;
use crate::idempotency::contact_id;
use crate::signed::{Caller, Operation};
use crate::trace;

const SEND: Operation = Operation {
    who: "SES",
    service: "ses",
    path: "/v2/email/outbound-emails",
    headers: &[("content-type", "application/json")],
    // Our quota, a paused account, a sender or a configuration set that is not there: once that is mended, the same letter
    // is taken. <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors>
    passing: &[
        "AccountSuspendedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",
        "SendingPausedException",
    ],
    // A sender that is not verified or, as long as the account is in the sandbox, whoever it is to:
    // <https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html>
    passing_text: Some("Email address is not verified"),
};

/// The tag under which SES gives back [`Mail::entry`].
pub const ENTRY_TAG: &str = "entry";

/// A mailbox: an address, and perhaps a name to show. Written `me@example.com` or `My Name <me@example.com>`.
///
/// Guarantee: the address is ASCII with one `@` and no blanks, controls, brackets, quotes, commas or semicolons; the
/// name has no controls. So neither can add a header or a recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

/// Why a text is not a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mailbox: `me@example.com` or `My Name <me@example.com>` is expected")]
pub struct InvalidMailbox;

impl Mailbox {
    /// A mailbox without a name.
    ///
    /// # Errors
    /// [`InvalidMailbox`] if it is not an address that SES can send to. It takes ASCII addresses only.
    pub fn new(address: &str) -> Result<Self, InvalidMailbox> {
        let (local, domain) = address.split_once('@').ok_or(InvalidMailbox)?;
        let allowed = |c: char| c.is_ascii_graphic() && !r#"@<>()[],;:\""#.contains(c);
        let sound = (1..=64).contains(&local.len())
            && (1..=255).contains(&domain.len())
            && local.chars().all(allowed)
            && domain
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        if !sound {
            return Err(InvalidMailbox);
        }
        Ok(Self {
            name: None,
            address: address.to_owned(),
        })
    }

    /// The same mailbox with a name to show.
    ///
    /// # Errors
    /// [`InvalidMailbox`] if the name has control characters.
    pub fn named(self, name: &str) -> Result<Self, InvalidMailbox> {
        if name.chars().any(char::is_control) {
            return Err(InvalidMailbox);
        }
        Ok(Self {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            ..self
        })
    }

    /// The address alone.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What stands for the address where nobody is to read it. Capitals make no difference: no provider that matters tells
    /// mailboxes apart by them, and to write to somebody who must not be written to is worse than the reverse.
    pub fn contact(&self) -> ContactId {
        contact_id("email", &self.address.to_ascii_lowercase())
    }

    /// As a header has it. SES does not encode names that are not ASCII (RFC 2047), so it is done here.
    fn header(&self) -> String {
        match &self.name {
            None => self.address.clone(),
            Some(name) if name.is_ascii() => {
                let quoted = name.replace('\\', r"\\").replace('"', r#"\""#);
                format!("\"{quoted}\" <{}>", self.address)
            }
            Some(name) => format!("{} <{}>", encoded_words(name), self.address),
        }
    }
}

/// RFC 2047: words of at most 75 characters, none of which breaks a character in two.
fn encoded_words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 45 => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join(" ")
}

impl FromStr for Mailbox {
    type Err = InvalidMailbox;

    fn from_str(text: &str) -> Result<Self, InvalidMailbox> {
        let Some((name, rest)) = text.split_once('<') else {
            return Self::new(text.trim());
        };
        let address = rest.trim().strip_suffix('>').ok_or(InvalidMailbox)?;
        Self::new(address)?.named(name.trim().trim_matches('"'))
    }
}

/// As it is written in a configuration.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str(&self.address),
            Some(name) => write!(f, "{name} <{}>", self.address),
        }
    }
}

/// Hidden: an address is personal.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(..)")
    }
}

/// Whom a letter is for; SES counts bounces and complaints by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Somebody who gave feedback.
    Customer,
    /// Somebody who works on it.
    Staff,
}

impl Audience {
    /// Its name in the tag `audience`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
        }
    }
}

/// A letter to one mailbox.
#[derive(Clone)]
pub struct Mail {
    /// Who sends it.
    pub from: Mailbox,
    /// Who gets it. One: several would see each other.
    pub to: Mailbox,
    /// Who gets the answer, if not the sender.
    pub reply_to: Option<Mailbox>,
    /// The subject.
    pub subject: String,
    /// The letter as plain text.
    pub text: String,
    /// The letter as a page, if it has one.
    pub html: Option<String>,
    /// Further headers, such as `Auto-Submitted`.
    pub headers: Vec<(String, String)>,
    /// The trace of what it is about, sent as [`trace::MAIL_HEADER`]: from a letter, the submission is found.
    pub trace: Option<TraceId>,
    /// What it is about: an id, never personal. Characters that a tag of SES cannot have become `-`.
    pub about: String,
    /// Whom it is for.
    pub audience: Audience,
    /// Its entry in the ledger, as a tag that the provider gives back with what it tells of the letter later.
    pub entry: Option<String>,
}

/// Why a letter is not surely sent. What to do follows from the variant alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was surely not sent, and may be tried again.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It was surely not sent, and never will be as it is.
    #[error("refused: {0}")]
    Refused(String),
    /// It may have been sent: the answer was lost, or said nothing. Trying again may send it twice.
    #[error("perhaps sent: {0}")]
    Unknown(String),
}

/// Sends letters through SES.
#[derive(Debug, Clone)]
pub struct Mailer {
    caller: Caller,
    configuration_set: Option<String>,
}

impl Mailer {
    pub(crate) fn new(settings: &Settings, connector: SharedHttpConnector) -> Self {
        Self {
            caller: Caller::new(settings, connector, "email"),
            configuration_set: settings.mail_configuration_set.clone(),
        }
    }

    /// Sends a letter, once: nothing is tried again here, because SES has no idempotency token. `now` is machine time.
    ///
    /// Returns the id SES gave it.
    ///
    /// # Errors
    /// [`SendError`]: whether it was surely not sent, surely refused, or perhaps sent. Its text holds no personal data.
    pub async fn send(&self, mail: &Mail, now: Timestamp) -> Result<String, SendError> {
        let body = content(mail, self.configuration_set.as_deref())?.to_string();
        self.caller.send(&SEND, body, now).await
    }
}

/// The body of the call. Everything that becomes a header is free of control characters, or the letter is refused.
fn content(mail: &Mail, configuration_set: Option<&str>) -> Result<Value, SendError> {
    let refuse = |what: &str| Err(SendError::Refused(format!("{what} cannot be in a header")));
    if mail.subject.chars().any(char::is_control) {
        return refuse("the subject");
    }
    for (name, value) in &mail.headers {
        let token =
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !name.is_empty();
        if !token || !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return refuse("a further header");
        }
    }
    let utf8 = |data: &str| json!({"Data": data, "Charset": "UTF-8"});
    let mut body = json!({"Text": utf8(&mail.text)});
    if let (Some(html), Some(body)) = (&mail.html, body.as_object_mut()) {
        body.insert("Html".to_owned(), utf8(html));
    }
    let trace = mail
        .trace
        .map(|id| (trace::MAIL_HEADER.to_owned(), id.to_string()));
    let headers = mail
        .headers
        .iter()
        .chain(&trace)
        .map(|(name, value)| json!({"Name": name, "Value": value}));
    let about: String = mail
        .about
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_-.@".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(256)
        .collect();
    let tag = |name: &str, value: &str| json!({"Name": name, "Value": value});
    let mut tags = vec![tag("about", &about), tag("audience", mail.audience.name())];
    tags.extend(mail.entry.as_deref().map(|entry| tag(ENTRY_TAG, entry)));
    let mut content = json!({
        "FromEmailAddress": mail.from.header(),
        "Destination": {"ToAddresses": [mail.to.header()]},
        "ReplyToAddresses": mail.reply_to.iter().map(Mailbox::header).collect::<Vec<_>>(),
        "Content": {"Simple": {
            "Subject": utf8(&mail.subject),
            "Body": body,
            "Headers": headers.collect::<Vec<_>>(),
        }},
        "EmailTags": tags,
    });
    // What becomes of a letter to staff is nobody's to record, and each report costs.
    let configuration_set = configuration_set.filter(|_| mail.audience == Audience::Customer);
    if let (Some(set), Some(content)) = (configuration_set, content.as_object_mut()) {
        content.insert("ConfigurationSetName".to_owned(), set.into());
    }
    Ok(content)
}

/// A body that remembers whether it was taken: only a connection that is there takes it.
pub(crate) struct Watched {
    content: Option<Bytes>,
    taken: Arc<AtomicBool>,
}

impl Watched {
    /// Sets `taken` when it is.
    pub(crate) fn new(content: impl Into<Bytes>, taken: &Arc<AtomicBool>) -> Self {
        Self {
            content: Some(content.into()),
            taken: Arc::clone(taken),
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.taken.store(true, Ordering::Release);
        Poll::Ready(self.content.take().map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(
            self.content
                .as_ref()
                .map_or(0, |content| content.len() as u64),
        )
    }
}

/// The whole of a body; `None` if it breaks off. Its sender is a service of AWS.
pub(crate) async fn read_to_end(mut body: SdkBody) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await
    {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws;
    use crate::fake::Server;
    use proptest::prelude::*;

    fn mail() -> Mail {
        Mail {
            from: "Resound 回响 <care@example.com>".parse().unwrap(),
            to: Mailbox::new("li@example.com").unwrap(),
            reply_to: None,
            subject: "我们修好了 😀".to_owned(),
            text: "Hello\nworld".to_owned(),
            html: Some("<p>Hello".to_owned()),
            headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
            trace: Some(TraceId::new(1, 2)),
            about: "01ARZ3/NOTICE#3".to_owned(),
            audience: Audience::Customer,
            entry: None,
        }
    }

    async fn send(endpoint: &str, mail: &Mail) -> Result<String, SendError> {
        let mailer = Mailer::new(&Settings::emulator(endpoint), aws::connector());
        mailer
            .send(mail, "2026-11-21T00:30:00Z".parse().unwrap())
            .await
    }

    fn answer(status: &str, head: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\n{head}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    #[tokio::test]
    async fn a_letter_is_signed_and_sent() {
        let server = Server::answering(&answer("200 OK", "", r#"{"MessageId":"m-1"}"#));
        assert_eq!(send(server.url(), &mail()).await, Ok("m-1".to_owned()));
        let request = server.request();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("POST /v2/email/outbound-emails HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains(
            "authorization: AWS4-HMAC-SHA256 Credential=local/20261121/us-east-1/ses/aws4_request"
        ));
        assert!(head.contains("x-amz-date: 20261121T003000Z"));
        assert!(head.contains("content-type: application/json"));
        assert!(head.contains("connection: close"));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            body["FromEmailAddress"],
            "=?UTF-8?B?UmVzb3VuZCDlm57lk40=?= <care@example.com>"
        );
        assert_eq!(
            body["Destination"],
            json!({"ToAddresses": ["li@example.com"]})
        );
        let simple = &body["Content"]["Simple"];
        assert_eq!(simple["Subject"]["Data"], "我们修好了 😀");
        assert_eq!(simple["Body"]["Text"]["Data"], "Hello\nworld");
        assert_eq!(simple["Body"]["Html"]["Data"], "<p>Hello");
        assert_eq!(
            simple["Headers"],
            json!([
                {"Name": "Auto-Submitted", "Value": "auto-generated"},
                {"Name": "X-Resound-Trace", "Value": TraceId::new(1, 2).to_string()},
            ])
        );
        assert_eq!(
            body["EmailTags"][0],
            json!({"Name": "about", "Value": "01ARZ3-NOTICE-3"})
        );
        assert_eq!(
            body["EmailTags"][1],
            json!({"Name": "audience", "Value": "customer"})
        );
    }

    #[tokio::test]
    async fn what_an_answer_means() {
        let not_sent = |reason: &str| Err(SendError::NotSent(reason.to_owned()));
        let refused = |reason: &str| Err(SendError::Refused(reason.to_owned()));
        let unknown = |reason: &str| Err(SendError::Unknown(reason.to_owned()));
        let kind = |kind: &str| format!("x-amzn-errortype: {kind}:http://internal\r\n");
        for (status, head, body, expected) in [
            (
                "200 OK",
                String::new(),
                "{}",
                unknown("SES answered 200 without a message id"),
            ),
            (
                "200 OK",
                String::new(),
                "garbage",
                unknown("SES answered 200 without a message id"),
            ),
            (
                "400 Bad Request",
                kind("MessageRejected"),
                "{}",
                refused("SES answered 400 MessageRejected"),
            ),
            (
                "400 Bad Request",
                kind("MessageRejected"),
                r#"{"message":"Email address is not verified. The following identities failed the check in region US-EAST-1: li@example.com"}"#,
                not_sent("SES answered 400 MessageRejected: Email address is not verified"),
            ),
            (
                "404 Not Found",
                kind("NotFoundException"),
                r#"{"message":"Configuration set <resound> does not exist."}"#,
                not_sent("SES answered 404 NotFoundException"),
            ),
            (
                "400 Bad Request",
                String::new(),
                r#"{"__type":"ns#BadRequestException"}"#,
                refused("SES answered 400 BadRequestException"),
            ),
            (
                "400 Bad Request",
                kind("SendingPausedException"),
                "",
                not_sent("SES answered 400 SendingPausedException"),
            ),
            (
                "429 Too Many",
                kind("TooManyRequestsException"),
                "",
                not_sent("SES answered 429 TooManyRequestsException"),
            ),
            (
                "403 Forbidden",
                String::new(),
                "",
                not_sent("SES answered 403"),
            ),
            ("500 Oops", String::new(), "", unknown("SES answered 500")),
            ("503 Oops", String::new(), "", unknown("SES answered 503")),
        ] {
            let server = Server::answering(&answer(status, &head, body));
            assert_eq!(
                send(server.url(), &mail()).await,
                expected,
                "{status} {head} {body}"
            );
        }
    }

    #[tokio::test]
    async fn a_letter_that_never_left_is_told_from_one_that_may_have() {
        let nobody = Server::closed();
        assert!(matches!(
            send(&nobody, &mail()).await,
            Err(SendError::NotSent(_))
        ));
        let silent = Server::answering("");
        assert!(matches!(
            send(silent.url(), &mail()).await,
            Err(SendError::Unknown(_))
        ));
        let broken = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"Mess");
        assert!(matches!(
            send(broken.url(), &mail()).await,
            Err(SendError::Unknown(_))
        ));
    }

    #[tokio::test]
    async fn no_field_can_add_a_header() {
        let nobody = Server::closed();
        let subject = Mail {
            subject: "Hi\r\nBcc: eve@example.com".to_owned(),
            ..mail()
        };
        let name = Mail {
            headers: vec![("X\r\nBcc".to_owned(), "eve".to_owned())],
            ..mail()
        };
        let value = Mail {
            headers: vec![("X-A".to_owned(), "a\nBcc: eve".to_owned())],
            ..mail()
        };
        for mail in [subject, name, value] {
            assert!(matches!(
                send(&nobody, &mail).await,
                Err(SendError::Refused(_))
            ));
        }
    }

    #[test]
    fn mailboxes_are_read_and_written() {
        for (text, header) in [
            ("a@example.com", "a@example.com"),
            (" a@example.com ", "a@example.com"),
            ("Care Team <a@example.com>", "\"Care Team\" <a@example.com>"),
            (
                "\"Care, Team\" <a@example.com>",
                "\"Care, Team\" <a@example.com>",
            ),
            (
                "客服 <a@example.com>",
                "=?UTF-8?B?5a6i5pyN?= <a@example.com>",
            ),
        ] {
            assert_eq!(text.parse::<Mailbox>().unwrap().header(), header, "{text}");
        }
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c.d",
            "a@b,c@d",
            "a@b\r\nBcc: c@d",
            "N <a@b",
            "é@b.c",
            "a@bü.de",
        ] {
            assert_eq!(
                text.parse::<Mailbox>().err(),
                Some(InvalidMailbox),
                "{text:?}"
            );
        }
        assert_eq!(
            Mailbox::new("a@b.c").unwrap().named("x\ny").err(),
            Some(InvalidMailbox)
        );
        let long = Mailbox::new("a@b.c")
            .unwrap()
            .named(&"回".repeat(40))
            .unwrap()
            .header();
        assert!(long.split(' ').all(|word| word.len() <= 75), "{long}");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_mailbox_of_two(text in ".{0,30}(@.{0,20})?") {
            if let Ok(mailbox) = text.parse::<Mailbox>() {
                let header = mailbox.header();
                prop_assert!(!header.chars().any(char::is_control));
                prop_assert_eq!(mailbox.address().matches('@').count(), 1);
                prop_assert!(!mailbox.address().contains([',', ';', '<', '>', ' ']));
            }
        }
    }
}
