//! Feishu (飞书) and Lark, by the custom robot of a group, signed (签名校验).
//!
//! Source: Feishu's open platform "自定义机器人使用指南": the payload, 20 KB, the signature, 100 messages a minute and 5 a
//! second, the codes 9499, 11232, 19021, 19022 and 19024, and the advice to avoid full and half hours, at which 11232
//! comes more often. 19001 and 19002 are what it answers to a wrong token and to a body without a type.
//!
//! The message is a "post", not a card: its texts and links are fields of their own, and nothing in them is markup.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use resound_domain::locale::Locale;
use resound_lambda_kit::outbound;
use ring::hmac;
use serde_json::{Value, json};

use crate::answer::{Answer, Cause, Code, integer, judge_code};
use crate::message::Message;
use crate::text::{LINE, TITLE, link, most_that_fit, plain, something};

/// The longest body, in bytes as it is sent.
pub const BODY: usize = 20_000;

/// What Feishu is sent, signed at `now`, machine time. It refuses a time that is an hour off.
///
/// Guarantee: within the limit, cut between two lines, whatever the message; nobody is mentioned and nothing is a link
/// but ours.
pub fn payload(message: &Message, secret: &str, now: Timestamp) -> Value {
    let lines: Vec<Value> = message.lines.iter().map(line).collect();
    let seconds = now.as_second();
    let locale = match message.locale {
        Locale::ZhCn => "zh_cn",
        Locale::En => "en_us",
    };
    let body = |n: usize| {
        let mut content: Vec<&Value> = lines.iter().take(n).collect();
        let footer = footer(message, n);
        content.push(&footer);
        json!({
            "timestamp": seconds.to_string(),
            "sign": sign(secret, seconds),
            "msg_type": "post",
            "content": {"post": {locale: {"title": text(&message.title, TITLE), "content": content}}},
        })
    };
    body(most_that_fit(lines.len(), |n| {
        body(n).to_string().len() <= BODY
    }))
}

/// A post knows mentions only as elements of their own. In case that changes, nothing looks like one.
fn text(text: &str, most: usize) -> String {
    plain(text, most).replace('<', "＜").replace('>', "＞")
}

fn line(line: &crate::Line) -> Value {
    let text = something(text(&line.text, LINE));
    match link(&line.url) {
        Some(url) => {
            json!([{"tag": "text", "text": "• "}, {"tag": "a", "text": text, "href": url}])
        }
        None => json!([{"tag": "text", "text": format!("• {text}")}]),
    }
}

fn footer(message: &Message, shown: usize) -> Value {
    let mut elements = Vec::new();
    if let Some(rest) = message.rest(shown) {
        elements.push(json!({"tag": "text", "text": format!("{rest} · ")}));
    }
    let open = message.open_queue();
    elements.push(match link(&message.queue) {
        Some(url) => json!({"tag": "a", "text": open, "href": url}),
        None => json!({"tag": "text", "text": open}),
    });
    Value::Array(elements)
}

/// The signature at an instant: of nothing at all, with the time in seconds, a line end and the secret as the key.
pub fn sign(secret: &str, seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, format!("{seconds}\n{secret}").as_bytes());
    STANDARD.encode(hmac::sign(&key, b""))
}

/// It does not say which of its two limits was hit; after a minute neither holds.
const MINUTE: Duration = Duration::from_secs(60);

const CODES: &[(i64, Code, &str)] = &[
    (0, Code::Accepted, "success"),
    (
        11232,
        Code::Slower(MINUTE),
        "more than 100 messages a minute or 5 a second",
    ),
    (99991400, Code::Slower(MINUTE), "too many calls"),
    (
        9499,
        Code::Refused(Cause::Content),
        "bad request, or too long",
    ),
    (19002, Code::Refused(Cause::Content), "no message type"),
    (
        19021,
        Code::Refused(Cause::Credentials),
        "signature, or a time more than an hour off",
    ),
    (
        19022,
        Code::Refused(Cause::Credentials),
        "the address of the sender is not allowed",
    ),
    (
        19024,
        Code::Refused(Cause::Credentials),
        "the keyword is missing",
    ),
    (19001, Code::Gone, "no such token"),
];

/// What Feishu answers: a code in the body, mostly of a 200. Old robots call it `StatusCode`.
pub fn judge(answer: &outbound::Answer, now: Timestamp) -> Answer {
    let code = integer(&answer.body, &["code", "StatusCode"]);
    judge_code("Feishu", answer, now, code, CODES)
}
