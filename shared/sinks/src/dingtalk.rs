//! DingTalk (钉钉), by the custom robot of a group, signed (加签).
//!
//! Sources: DingTalk's open platform "自定义机器人接入", "自定义机器人安全设置" (the signature) and "自定义机器人发送消息的频率限制"
//! (20 a minute, then nothing for 10 minutes), and its table of errors, which names the codes below; 20,000 bytes are
//! what it says itself ("message too long, exceed 20000 bytes"). timonwong/prometheus-webhook-dingtalk issues 91 and
//! 197 show 300001 and 310000 as they come.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use resound_lambda_kit::outbound::{self, InvalidTarget, Target};
use ring::hmac;
use serde_json::{Value, json};

use crate::answer::{Answer, Cause, Code, integer, judge_code};
use crate::message::Message;
use crate::text::{LINE, TITLE, link, markdown, most_that_fit, something};
use crate::wecom::footer;

/// The longest message, in bytes as it is sent.
pub const BODY: usize = 20_000;

/// What DingTalk is sent.
///
/// Guarantee: within the limit, cut between two lines, whatever the message; nobody is mentioned and nothing is a link
/// but ours.
pub fn payload(message: &Message) -> Value {
    let lines: Vec<String> = message.lines.iter().map(line).collect();
    let title = match markdown(&message.title, TITLE) {
        // An empty title is an error.
        title if title.is_empty() => message.count().to_string(),
        title => title,
    };
    let body = |n: usize| {
        let mut text = format!("### {title}\n\n");
        for line in lines.iter().take(n) {
            text.push_str(line);
        }
        text.push('\n');
        text.push_str(&footer(message, n));
        json!({
            "msgtype": "markdown",
            "markdown": {"title": title, "text": text},
            "at": {"atMobiles": [], "atUserIds": [], "isAtAll": false},
        })
    };
    body(most_that_fit(lines.len(), |n| {
        body(n).to_string().len() <= BODY
    }))
}

fn line(line: &crate::Line) -> String {
    let text = something(markdown(&line.text, LINE));
    match link(&line.url) {
        Some(url) => format!("- [{text}]({url})\n"),
        None => format!("- {text}\n"),
    }
}

/// The signature at an instant: of the time in milliseconds, a line end and the secret, with the secret as the key.
pub fn sign(secret: &str, milliseconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(
        &key,
        format!("{milliseconds}\n{secret}").as_bytes(),
    ))
}

/// The address to post to now: with the time and the signature in its query. DingTalk refuses a time that is an hour off.
///
/// # Errors
/// [`InvalidTarget::Malformed`] if it becomes too long.
pub fn signed(target: &Target, secret: &str, now: Timestamp) -> Result<Target, InvalidTarget> {
    let milliseconds = now.as_millisecond();
    target.with_query(&[
        ("timestamp", &milliseconds.to_string()),
        ("sign", &sign(secret, milliseconds)),
    ])
}

/// Whoever is too fast is blocked for ten minutes.
const BLOCKED: Duration = Duration::from_secs(10 * 60);

const CODES: &[(i64, Code, &str)] = &[
    (0, Code::Accepted, "ok"),
    (-1, Code::Trouble, "system busy"),
    (
        130101,
        Code::Slower(BLOCKED),
        "more than 20 messages a minute",
    ),
    (1111, Code::Slower(BLOCKED), "blocked at the gate"),
    (410100, Code::Slower(BLOCKED), "too fast"),
    (
        40035,
        Code::Refused(Cause::Content),
        "a parameter is missing",
    ),
    (43004, Code::Refused(Cause::Content), "wrong content type"),
    (
        400105,
        Code::Refused(Cause::Content),
        "unknown message type",
    ),
    (430101, Code::Refused(Cause::Content), "an unsafe link"),
    (430102, Code::Refused(Cause::Content), "unfit text"),
    (430103, Code::Refused(Cause::Content), "an unfit picture"),
    (430104, Code::Refused(Cause::Content), "unfit content"),
    (460101, Code::Refused(Cause::Content), "too long"),
    (
        310000,
        Code::Refused(Cause::Credentials),
        "signature, time, keyword or address of the sender",
    ),
    (
        400102,
        Code::Refused(Cause::Forbidden),
        "the robot is switched off",
    ),
    (300001, Code::Gone, "no such token"),
    (300005, Code::Gone, "no such token"),
    (400013, Code::Gone, "the group was dissolved"),
    (400101, Code::Gone, "no such token"),
    (400106, Code::Gone, "no such robot"),
];

/// What DingTalk answers: 200, and a code in the body; or, from a gate before it, `{"status":1111,"punish":"deny"}`
/// without one, which means too many.
pub fn judge(answer: &outbound::Answer, now: Timestamp) -> Answer {
    let code = integer(&answer.body, &["errcode", "status"]);
    judge_code("DingTalk", answer, now, code, CODES)
}
