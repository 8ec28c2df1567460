//! What customers are written: the wording of each occasion, in each language.
//!
//! A wording is plain text with `{{variables}}` of a closed set. It is checked where it enters, so that rendering cannot
//! fail: an unknown, malformed or missing variable is refused when a document is saved, not when a letter is due. The
//! layout is not part of it: greeting, the words of staff, the question, the links and the footer are always there and in
//! the same order, whatever a company writes around them, and what a letter looks like is made elsewhere.

mod document;
pub mod short;

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::event::{Ending, EventKind};
use crate::language::Language;

pub use document::{Brand, Installation, Templates, Translated};

/// Why a customer is written to. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Staff wrote.
    Reply,
    /// Staff need something from the customer.
    Question,
    /// It is solved.
    Resolved,
    /// It will not be done; the words are the reason.
    Declined,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 4] = [Self::Reply, Self::Question, Self::Resolved, Self::Declined];

    /// What an event of this kind tells the customer; `None` if they are not told of it.
    pub const fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::Replied { .. } => Some(Self::Reply),
            EventKind::AwaitingCustomer { message: true, .. } => Some(Self::Question),
            EventKind::Resolved { internal: true, .. }
            | EventKind::Declined { internal: true, .. } => None,
            EventKind::Resolved { .. }
            | EventKind::Followed {
                outcome: Ending::Resolved,
            } => Some(Self::Resolved),
            EventKind::Declined { .. }
            | EventKind::Followed {
                outcome: Ending::Declined,
            } => Some(Self::Declined),
            EventKind::Opened { .. }
            | EventKind::Acknowledged
            | EventKind::TakenUp { .. }
            | EventKind::Assigned { .. }
            | EventKind::AwaitingCustomer { message: false, .. }
            | EventKind::Resumed { .. }
            | EventKind::Reopened { .. }
            | EventKind::CustomerWrote { .. }
            | EventKind::Planned { .. }
            | EventKind::Merged { .. }
            | EventKind::Absorbed { .. }
            | EventKind::Retargeted { .. }
            | EventKind::Closed
            | EventKind::Confirmed { .. }
            | EventKind::Disputed { .. }
            | EventKind::Warned { .. }
            | EventKind::Breached { .. }
            | EventKind::Escalated { .. }
            | EventKind::NoticeInDoubt { .. }
            | EventKind::NoticeFailed { .. }
            | EventKind::NoticeFound { .. }
            | EventKind::ToTell { .. }
            | EventKind::Told { .. }
            | EventKind::NotReached { .. }
            | EventKind::Reminded { .. }
            | EventKind::Unknown => None,
        }
    }

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Question => "question",
            Self::Resolved => "resolved",
            Self::Declined => "declined",
        }
    }

    /// The occasion of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The outcome it tells of, if it does: every outcome asks whether it solved it.
    pub const fn outcome(self) -> Option<Ending> {
        match self {
            Self::Resolved => Some(Ending::Resolved),
            Self::Declined => Some(Ending::Declined),
            Self::Reply | Self::Question => None,
        }
    }
}

/// What stands for something that differs from letter to letter. Nothing that a customer typed is among them: anybody can
/// send feedback in anybody's name. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// The human reference of the response.
    Reference,
    /// The day on which the customer wrote, where they did.
    Day,
    /// The name of the brand.
    Brand,
    /// The private status page, in text messages: in letters it has its place.
    Link,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 4] = [Self::Reference, Self::Day, Self::Brand, Self::Link];

    /// Those that the wording of a letter may have.
    pub const OF_LETTERS: [Self; 3] = [Self::Reference, Self::Day, Self::Brand];

    /// The name it has between braces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Day => "day",
            Self::Brand => "brand",
            Self::Link => "link",
        }
    }

    /// The variable of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// What the variables stand for in one letter.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// See [`Variable::Reference`].
    pub reference: &'a str,
    /// See [`Variable::Day`].
    pub day: Date,
    /// See [`Variable::Brand`]; empty where there is none.
    pub brand: &'a str,
    /// See [`Variable::Link`].
    pub link: &'a str,
}

impl Values<'_> {
    fn write(&self, variable: Variable, language: Language, out: &mut String) {
        match variable {
            Variable::Reference => out.push_str(self.reference),
            Variable::Day => out.push_str(&day(self.day, language)),
            Variable::Brand => out.push_str(self.brand),
            Variable::Link => out.push_str(self.link),
        }
    }
}

/// A day as people write it: `2026年5月3日`, `3 May 2026`.
pub fn day(day: Date, language: Language) -> String {
    let format = match language {
        Language::ZhCn | Language::ZhTw => "%Y年%-m月%-d日",
        Language::En => "%-d %B %Y",
    };
    day.strftime(format).to_string()
}

/// Why a text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Two braces open that nothing closes, or close what nothing opened.
    #[error("braces are not in pairs")]
    Braces,
    /// There is no variable of this name.
    #[error("there is no such variable")]
    UnknownVariable,
}

/// A text with variables. What it is made of is known to be sound, so rendering cannot fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(Variable),
}

impl Template {
    /// Reads a text: `{{name}}`, with or without blanks inside the braces, is a variable; a single brace is a brace.
    ///
    /// # Errors
    /// [`InvalidTemplate`]: the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(InvalidTemplate::Braces)?;
            push_text(&mut pieces, before)?;
            let name = name.trim();
            if name.contains(['{', '}']) {
                return Err(InvalidTemplate::Braces);
            }
            let variable = Variable::from_name(name).ok_or(InvalidTemplate::UnknownVariable)?;
            pieces.push(Piece::Variable(variable));
            rest = after;
        }
        push_text(&mut pieces, rest)?;
        Ok(Self(pieces))
    }

    /// The text with what the variables stand for.
    pub fn render(&self, values: &Values<'_>, language: Language) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(variable) => values.write(*variable, language, &mut out),
            }
        }
        out
    }

    /// Whether it has this variable.
    pub fn has(&self, variable: Variable) -> bool {
        self.0.contains(&Piece::Variable(variable))
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) -> Result<(), InvalidTemplate> {
    if text.contains("}}") {
        return Err(InvalidTemplate::Braces);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

/// As it is written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Variable(variable) => write!(f, "{{{{{}}}}}", variable.name()),
        })
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        Self::parse(&text)
    }
}

/// What a company says on one occasion in one language; the rest of a letter is the same for everybody. Names are
/// persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// The subject, one line with the reference.
    pub subject: Template,
    /// What stands before the words of staff.
    pub opening: Template,
    /// What stands after them and after the question; `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Template>,
}

impl Wording {
    /// What is said where a company says nothing else.
    pub fn built_in(occasion: Occasion, language: Language) -> Self {
        let (subject, opening) = built_in(occasion, language);
        Self {
            subject: Template(vec![
                Piece::Text(format!("{subject} [")),
                Piece::Variable(Variable::Reference),
                Piece::Text("]".to_owned()),
            ]),
            opening: Template(vec![Piece::Text(opening.to_owned())]),
            closing: None,
        }
    }
}

/// The subject, without its reference, and the opening. Declining has no reason here: the words of staff are it.
const fn built_in(occasion: Occasion, language: Language) -> (&'static str, &'static str) {
    match (occasion, language) {
        (Occasion::Reply, Language::ZhCn) => {
            ("我们回复了您的反馈", "感谢您的反馈。我们的回复如下：")
        }
        (Occasion::Reply, Language::ZhTw) => {
            ("我們回覆了您的意見", "感謝您的寶貴意見。我們的回覆如下：")
        }
        (Occasion::Reply, Language::En) => (
            "We have answered your feedback",
            "Thank you for your feedback. This is our answer:",
        ),
        (Occasion::Question, Language::ZhCn) => (
            "关于您的反馈，想向您确认一点",
            "为了处理您的反馈，我们需要向您确认：",
        ),
        (Occasion::Question, Language::ZhTw) => (
            "關於您的意見，想向您確認一點",
            "為了處理您的意見，我們需要向您確認：",
        ),
        (Occasion::Question, Language::En) => (
            "We have a question about your feedback",
            "To help you we need to ask you something:",
        ),
        (Occasion::Resolved, Language::ZhCn) => ("您的反馈已处理", "您反馈的问题已经处理完毕："),
        (Occasion::Resolved, Language::ZhTw) => {
            ("您反映的問題已處理", "您反映的問題已經處理完畢：")
        }
        (Occasion::Resolved, Language::En) => (
            "Your feedback has been resolved",
            "What you told us about has been resolved:",
        ),
        (Occasion::Declined, Language::ZhCn) => (
            "关于您的反馈的处理结果",
            "我们认真研究了您的反馈，这次未能按您的期望处理，原因如下：",
        ),
        (Occasion::Declined, Language::ZhTw) => (
            "關於您意見的處理結果",
            "我們認真研究了您的意見，這次未能依您的期望處理，原因如下：",
        ),
        (Occasion::Declined, Language::En) => (
            "The outcome of your feedback",
            "We looked into your feedback carefully. We will not act on it this time, and this is why:",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const VALUES: Values<'_> = Values {
        reference: "R-ABCDE-FGHJK",
        day: date(2026, 5, 3),
        brand: "Kettle & Co",
        link: "https://example.test/x",
    };

    fn rendered(text: &str, language: Language) -> String {
        Template::parse(text).unwrap().render(&VALUES, language)
    }

    #[test]
    fn variables_are_replaced() {
        for (text, language, expected) in [
            ("{{reference}}", Language::En, "R-ABCDE-FGHJK"),
            ("Of {{ day }}.", Language::En, "Of 3 May 2026."),
            ("{{day}}的", Language::ZhCn, "2026年5月3日的"),
            ("{{day}}的", Language::ZhTw, "2026年5月3日的"),
            ("{{brand}}{{brand}}", Language::En, "Kettle & CoKettle & Co"),
            ("{a} } { {", Language::En, "{a} } { {"),
            ("", Language::En, ""),
        ] {
            assert_eq!(rendered(text, language), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for (text, fault) in [
            ("{{", InvalidTemplate::Braces),
            ("{{day", InvalidTemplate::Braces),
            ("{{day}", InvalidTemplate::Braces),
            ("day}}", InvalidTemplate::Braces),
            ("}} {{day}}", InvalidTemplate::Braces),
            ("{{{day}}}", InvalidTemplate::Braces),
            ("{{{{day}}}}", InvalidTemplate::Braces),
            ("{{}}", InvalidTemplate::UnknownVariable),
            ("{{Day}}", InvalidTemplate::UnknownVariable),
            ("{{name}}", InvalidTemplate::UnknownVariable),
            (
                "{{day\n}} {{contact.email}}",
                InvalidTemplate::UnknownVariable,
            ),
        ] {
            assert_eq!(Template::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_value_is_not_read_again() {
        let values = Values {
            brand: "{{reference}} {{",
            ..VALUES
        };
        let template = Template::parse("{{brand}}").unwrap();
        assert_eq!(template.render(&values, Language::En), "{{reference}} {{");
    }

    #[test]
    fn what_is_built_in_would_be_taken() {
        for occasion in Occasion::ALL {
            assert_eq!(Occasion::from_name(occasion.name()), Some(occasion));
            assert_eq!(serde_json::to_value(occasion).unwrap(), occasion.name());
            for language in Language::ALL {
                let wording = Wording::built_in(occasion, language);
                let kept = serde_json::to_string(&wording).unwrap();
                assert_eq!(serde_json::from_str::<Wording>(&kept).unwrap(), wording);
                assert!(wording.subject.has(Variable::Reference));
            }
        }
    }

    proptest! {
        #[test]
        fn a_template_reads_back_as_it_is_written(text in "[{}a ]{0,6}(\\{\\{ ?(day|brand|reference|link|x) ?\\}\\})?[{}b\n]{0,6}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template.clone()));
                let values = Values { reference: "", brand: "", ..VALUES };
                prop_assert!(!template.render(&values, Language::En).contains("{{"));
            }
        }
    }
}
