//! Slack, by an incoming webhook of an app.
//!
//! Sources: Slack's documentation "Sending messages using incoming webhooks", "Block Kit: section block", "header
//! block", "Formatting text for app surfaces", "Rate limits" (one message a second, 429 with `Retry-After`), and the
//! changelog entry of 17 May 2016 "Changes to errors for incoming webhooks". That all blocks together may have about
//! 13,200 characters is documented nowhere: slackapi/bolt-js issue 2509 found it.

use jiff::Timestamp;
use resound_lambda_kit::outbound;
use serde_json::{Value, json};

use crate::answer::{Answer, Cause, Fate, judge_status};
use crate::message::Message;
use crate::text::{LINE, TITLE, link, most_that_fit, mrkdwn, plain, slack_escaped, something};

/// The longest text of a section, in characters.
pub const SECTION: usize = 3000;
/// The longest text of a header, in characters.
pub const HEADER: usize = 150;
/// The most blocks of a message.
pub const BLOCKS: usize = 50;
/// The longest text of all blocks together, in characters: below what was found out.
pub const TOTAL: usize = 12_000;
/// The longest address that is linked to, once it is escaped.
const URL: usize = 1024;

/// What Slack is sent: a header, sections with one linked line for each alert, and what is not listed.
///
/// Guarantee: within every limit above, whatever the message; nobody is mentioned and nothing is a link but ours.
pub fn payload(message: &Message) -> Value {
    let lines: Vec<String> = message.lines.iter().map(line).collect();
    let shown = most_that_fit(lines.len(), |n| {
        let sections = sections(lines.get(..n).unwrap_or_default());
        let text: usize = sections.iter().map(|text| length(text)).sum();
        // Room for the header, and for what is not listed with its link.
        sections.len() <= BLOCKS - 2 && text <= TOTAL - HEADER - URL - 100
    });
    // Every character counts for as many as Slack may see in it once it is escaped.
    let title = slack_escaped(&plain(&message.title, TITLE));
    let header = match length(&title) <= HEADER {
        true => title.clone(),
        false => slack_escaped(&plain(&message.title, HEADER / 5)),
    };
    let mut blocks = Vec::new();
    if !header.is_empty() {
        blocks.push(json!({
            "type": "header",
            "text": {"type": "plain_text", "text": header, "emoji": false},
        }));
    }
    for text in sections(lines.get(..shown).unwrap_or_default()) {
        blocks.push(json!({
            "type": "section",
            "text": {"type": "mrkdwn", "text": text, "verbatim": true},
        }));
    }
    blocks.push(json!({
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": footer(message, shown), "verbatim": true}],
    }));
    json!({
        // For the notification, and for who reads it aloud.
        "text": title,
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn line(line: &crate::Line) -> String {
    let text = something(mrkdwn(&line.text, LINE));
    match linked(&line.url, &text) {
        Some(linked) => format!("• {linked}"),
        None => format!("• {text}"),
    }
}

/// A link, unless its address becomes longer by being escaped than leaves room for anything else.
fn linked(url: &str, text: &str) -> Option<String> {
    let url = slack_escaped(&link(url)?);
    (url.len() <= URL).then(|| format!("<{url}|{text}>"))
}

fn footer(message: &Message, shown: usize) -> String {
    let open = message.open_queue();
    let open = linked(&message.queue, open).unwrap_or_else(|| open.to_owned());
    match message.rest(shown) {
        Some(rest) => format!("{rest} · {open}"),
        None => open,
    }
}

/// Lines joined to as few sections as hold them.
fn sections(lines: &[String]) -> Vec<String> {
    let mut sections: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let added = length(line) + 1;
        match sections.last_mut() {
            Some((text, length)) if *length + added <= SECTION => {
                text.push('\n');
                text.push_str(line);
                *length += added;
            }
            _ => sections.push((line.clone(), added - 1)),
        }
    }
    sections.into_iter().map(|(text, _)| text).collect()
}

/// As JavaScript counts: Slack does not say how it does, and no other way counts more.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What Slack answers: `ok`, or a status and one word.
pub fn judge(answer: &outbound::Answer, now: Timestamp) -> Answer {
    let body = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
    let known = |words: &[&'static str]| words.iter().copied().find(|word| *word == body);
    // The webhook, its app or its channel exists no more; only a new webhook helps.
    let gone = known(&[
        "channel_is_archived",
        "channel_not_found",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
    ]);
    if let Some(word) = gone {
        return Answer::Gone {
            reason: format!("Slack answered {} {word}", answer.status),
        };
    }
    let refused = known(&[
        "action_prohibited",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "invalid_token",
        "no_text",
        "posting_to_general_channel_denied",
        "too_many_attachments",
        "user_not_found",
    ]);
    match (refused, judge_status("Slack", answer, now)) {
        (Some(word), _) => Answer::Refused {
            cause: match word {
                "invalid_token" => Cause::Credentials,
                "action_prohibited" | "posting_to_general_channel_denied" => Cause::Forbidden,
                _ => Cause::Content,
            },
            reason: format!("Slack answered {} {word}", answer.status),
        },
        (None, Some(judged)) => judged,
        (None, None) if body == "ok" => Answer::accepted(),
        (None, None) => Answer::TryLater {
            reason: format!("Slack answered {} without `ok`", answer.status),
            after: None,
            fate: Fate::Unknown,
        },
    }
}
