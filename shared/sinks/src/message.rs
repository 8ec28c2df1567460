//! One message about one or many alerts, before it becomes a provider's.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use resound_domain::locale::Locale;
use resound_domain::trace::TraceId;
use serde_json::Value;

/// Names a message, the same at each attempt, so that a receiver can tell repeats: 1 to 128 letters, digits, `-`, `_`.
///
/// It has no full stop, because signatures join it with others by one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

/// Why a text is no [`MessageId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 128 letters, digits, hyphens and underscores are expected")]
pub struct InvalidMessageId;

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<Self, InvalidMessageId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        match (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidMessageId),
        }
    }
}

impl MessageId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How loud a message is: its colour, where a provider has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information.
    Info,
    /// Something will go wrong unless somebody acts.
    Warning,
    /// Something went wrong.
    Urgent,
}

/// One alert as machines read it. Names are published to webhooks: append only.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its type, such as `case.breached`.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// What it is about: ids, states and instants, never a customer's words.
    pub data: Value,
}

/// One alert of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What happened, in one line and in the language of the message. May hold names that others chose: it is escaped
    /// for each provider.
    pub text: String,
    /// Where staff find it. Left out where it is not an `http` or `https` address of at most 1,024 bytes.
    pub url: String,
    /// The id of what it is about, never personal: a letter about this alert alone is tagged with it.
    pub about: String,
    /// The trace of what it is about, if there is one: a letter about this alert alone bears it.
    pub trace: Option<TraceId>,
    /// The same for machines.
    pub event: Event,
}

/// One message to one recipient, about one alert or many.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its name, the same at each attempt.
    pub id: MessageId,
    /// When it was made, which for a group is when its membership was fixed.
    pub at: Timestamp,
    /// The language it is written in.
    pub locale: Locale,
    /// How loud it is.
    pub severity: Severity,
    /// One line that says everything that matters.
    pub title: String,
    /// Its alerts, the most urgent first: where a provider's limit cuts, the last are left out and counted.
    pub lines: Vec<Line>,
    /// Further alerts it stands for that are not among the lines.
    pub more: usize,
    /// Where staff find all of them.
    pub queue: String,
}

impl Message {
    /// How many alerts it stands for.
    pub fn count(&self) -> usize {
        self.lines.len().saturating_add(self.more)
    }

    /// "and 12 more", if `shown` lines are not all.
    pub(crate) fn rest(&self, shown: usize) -> Option<String> {
        let rest = self.count().saturating_sub(shown);
        match (rest, self.locale) {
            (0, _) => None,
            (_, Locale::ZhCn) => Some(format!("另有 {rest} 条未列出")),
            (_, Locale::En) => Some(format!("and {rest} more, not listed here")),
        }
    }

    /// What the link to the queue is called.
    pub(crate) fn open_queue(&self) -> &'static str {
        self.locale.choose("打开队列", "open the queue")
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A message about so many overdue cases.
    pub(crate) fn message(locale: Locale, lines: usize) -> Message {
        let line = |n: usize| Line {
            text: match locale {
                Locale::ZhCn => format!("[P2] 已超时：首次响应 [R-{n:05}]"),
                Locale::En => format!("[P2] Overdue: first response [R-{n:05}]"),
            },
            url: format!("https://example.test/v1/cases/{n}"),
            about: n.to_string(),
            trace: Some(TraceId::new(1, 2)),
            event: Event {
                kind: "case.breached".to_owned(),
                at: "2026-11-21T10:00:00Z".parse().unwrap(),
                data: serde_json::json!({"case": n.to_string()}),
            },
        };
        Message {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV-2-owner".parse().unwrap(),
            at: "2026-11-21T10:01:00Z".parse().unwrap(),
            locale,
            severity: Severity::Urgent,
            title: match locale {
                Locale::ZhCn => format!("{lines} 条提醒"),
                Locale::En => format!("{lines} alerts"),
            },
            lines: (1..=lines).map(line).collect(),
            more: 0,
            queue: "https://example.test/v1/cases?sort=due".to_owned(),
        }
    }

    /// What somebody who chooses their own name might choose.
    pub(crate) const HOSTILE: &[&str] = &[
        "<!channel> <!here> <@U012AB3CD> <#C024BE7LR> <!subteam^S1>",
        "<at id=all></at><at user_id=\"all\">所有人</at> <@all> @all @所有人 @channel @here @everyone",
        "[free money](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example|click>",
        "*bold* _it_ ~no~ `code` # head > quote\n# head\r\n> quote\n- list\n\n***",
        "<font color=\"warning\">x</font> <a href='https://evil.example'>y</a> <script>alert(1)</script>",
        "&lt;!channel&gt; &amp; &#60;at&#62;",
        "\u{202e}txt.exe\u{2066}\u{0}\u{7}\u{1b}[31m",
        "a|b\\c\\](x) \"quoted\" {json}",
        "",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_in_a_header_and_in_a_signature() {
        for text in ["01ARZ-2-team_lead", "a", &"x".repeat(128)] {
            assert_eq!(text.parse::<MessageId>().unwrap().as_str(), text);
        }
        for text in ["", "a.b", "a b", "a\r\nb", "é", &"x".repeat(129)] {
            assert_eq!(text.parse::<MessageId>(), Err(InvalidMessageId), "{text}");
        }
    }
}
