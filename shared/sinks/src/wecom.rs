//! WeCom (企业微信), by the robot of a group.
//!
//! Sources: WeCom's developer documentation "消息推送配置说明" (formerly "群机器人配置说明", document 91770) for the payload,
//! 4,096 bytes of markdown and 20 messages a minute; its "全局错误码" for the codes, of which dromara/domain-admin issue 82
//! and wes-lin/Cloud189Checkin issue 175 show 40058 and 93000 as they come.

use std::time::Duration;

use jiff::Timestamp;
use resound_lambda_kit::outbound;
use serde_json::{Value, json};

use crate::answer::{Answer, Cause, Code, integer, judge_code};
use crate::message::{Message, Severity};
use crate::text::{LINE, TITLE, link, markdown, most_that_fit, something};

/// The longest markdown, in bytes of UTF-8.
pub const CONTENT: usize = 4096;

/// What WeCom is sent.
///
/// Guarantee: within the limit, cut between two lines, whatever the message; nobody is mentioned and nothing is a link
/// but ours.
pub fn payload(message: &Message) -> Value {
    let lines: Vec<String> = message.lines.iter().map(line).collect();
    let content = |n: usize| {
        let colour = match message.severity {
            Severity::Info => "info",
            Severity::Warning | Severity::Urgent => "warning",
        };
        let title = markdown(&message.title, TITLE);
        let mut content = format!("### <font color=\"{colour}\">{title}</font>\n");
        for line in lines.iter().take(n) {
            content.push_str(line);
        }
        content.push('\n');
        content.push_str(&footer(message, n));
        content
    };
    let shown = most_that_fit(lines.len(), |n| content(n).len() <= CONTENT);
    json!({"msgtype": "markdown", "markdown": {"content": content(shown)}})
}

fn line(line: &crate::Line) -> String {
    let text = something(markdown(&line.text, LINE));
    match link(&line.url) {
        Some(url) => format!("> [{text}]({url})\n"),
        None => format!("> {text}\n"),
    }
}

/// What is not listed, and where all of it is. DingTalk reads the same markdown.
pub(crate) fn footer(message: &Message, shown: usize) -> String {
    let open = message.open_queue();
    let open = match link(&message.queue) {
        Some(url) => format!("[{open}]({url})"),
        None => open.to_owned(),
    };
    match message.rest(shown) {
        Some(rest) => format!("{rest} · {open}"),
        None => open,
    }
}

/// After a rate limit the next minute counts anew.
const MINUTE: Duration = Duration::from_secs(60);

const CODES: &[(i64, Code, &str)] = &[
    (0, Code::Accepted, "ok"),
    (-1, Code::Trouble, "system busy"),
    (
        45009,
        Code::Slower(MINUTE),
        "more than 20 messages a minute",
    ),
    (45033, Code::Slower(MINUTE), "too many calls at once"),
    (40008, Code::Refused(Cause::Content), "invalid message type"),
    (
        40058,
        Code::Refused(Cause::Content),
        "invalid parameter, or too long",
    ),
    (44004, Code::Refused(Cause::Content), "empty content"),
    (45002, Code::Refused(Cause::Content), "too long"),
    (47001, Code::Refused(Cause::Content), "not JSON"),
    (
        60020,
        Code::Refused(Cause::Credentials),
        "the address of the sender is not allowed",
    ),
    (
        93008,
        Code::Refused(Cause::Forbidden),
        "the robot is not in the group",
    ),
    (93000, Code::Gone, "invalid webhook address"),
    (93004, Code::Gone, "the robot was removed"),
];

/// What WeCom answers: 200, and a code in the body.
pub fn judge(answer: &outbound::Answer, now: Timestamp) -> Answer {
    let code = integer(&answer.body, &["errcode"]);
    judge_code("WeCom", answer, now, code, CODES)
}
