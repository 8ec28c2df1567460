//! What is said: read from a form or a program, with everything that is wrong with it.

use resound_domain::confirmation::Solved;
use resound_domain::issue::tester::Word;
use resound_domain::locale::Locale;
use resound_domain::submission::{IdempotencyKey, Raw, RawFields, TEXT_LIMIT, clean, is_blank};
use resound_lambda_kit::problem::FieldError;

/// An answer to "did this solve it?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What they say.
    pub(crate) solved: Solved,
    /// The seq of the outcome they say it about.
    pub(crate) outcome: u32,
    /// What is missing still, in their words; only with *no*.
    pub(crate) text: Option<String>,
}

/// Words that the customer adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) text: String,
    /// The key that the page gave them.
    pub(crate) key: Option<IdempotencyKey>,
}

impl Answer {
    /// Reads an answer. Words with *yes* are refused: nobody would read them.
    ///
    /// # Errors
    /// Every fault, at most one for each field.
    pub(crate) fn read(fields: &RawFields, locale: Locale) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(fields, locale, &["solved", "outcome", "text"]);
        let solved = reader.solved();
        let outcome = reader.outcome();
        let text = reader.words(false);
        if solved == Some(Solved::Yes) && text.is_some() {
            reader.fault(
                "text",
                "unexpected",
                "只有选择“还没有解决”时才能附上说明。",
                "Words go with the answer `no` only: leave them out, or send them as a message.",
            );
        }
        match (solved, outcome) {
            (Some(solved), Some(outcome)) if reader.faults.is_empty() => Ok(Self {
                solved,
                outcome,
                text,
            }),
            _ => Err(reader.faults),
        }
    }
}

impl Words {
    /// Reads a message.
    ///
    /// # Errors
    /// Every fault, at most one for each field.
    pub(crate) fn read(fields: &RawFields, locale: Locale) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(fields, locale, &["text", "idempotency_key"]);
        let text = reader.words(true);
        let key = reader.key();
        match text {
            Some(text) if reader.faults.is_empty() => Ok(Self { text, key }),
            _ => Err(reader.faults),
        }
    }
}

/// What a tester says.
///
/// # Errors
/// Every fault, at most one for each field.
pub(crate) fn word(fields: &RawFields, locale: Locale) -> Result<Word, Vec<FieldError>> {
    let mut reader = Reader::new(fields, locale, &["says"]);
    match (reader.word(), reader.faults.is_empty()) {
        (Some(word), true) => Ok(word),
        _ => Err(reader.faults),
    }
}

struct Reader<'a> {
    fields: &'a RawFields,
    locale: Locale,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    /// A field that is not known is refused: whoever put words into it believes that they are read.
    fn new(fields: &'a RawFields, locale: Locale, known: &[&str]) -> Self {
        let mut reader = Self {
            fields,
            locale,
            faults: Vec::new(),
        };
        let mut names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| !known.contains(name)) {
            let (zh_cn, en) = (
                "没有这个字段：请去掉。",
                "There is no such field: leave it out.",
            );
            reader.fault(name, "unknown-field", zh_cn, en);
        }
        reader
    }

    fn fault(&mut self, field: &str, code: &'static str, zh_cn: &str, en: &str) {
        self.faults.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            message: self.locale.choose(zh_cn, en).to_owned(),
        });
    }

    /// The value of a field; `None` if it was not sent, or is empty, or is at fault.
    fn value(&mut self, field: &'static str) -> Option<&'a Raw> {
        let mut sent = self.fields.iter().filter(|(name, _)| *name == field);
        let (_, first) = sent.next()?;
        if sent.next().is_some() {
            let (zh_cn, en) = (
                "重复提交：请只保留一个。",
                "It was sent more than once: send it once.",
            );
            self.fault(field, "duplicated", zh_cn, en);
            return None;
        }
        (*first != Raw::Null && *first != Raw::Text(String::new())).then_some(first)
    }

    fn solved(&mut self) -> Option<Solved> {
        let faults = self.faults.len();
        let solved = match self.value("solved") {
            Some(Raw::Text(text)) => Solved::from_name(text),
            _ => None,
        };
        if solved.is_none() && self.faults.len() == faults {
            self.fault(
                "solved",
                "unknown-value",
                "请选择是否已解决：yes 或 no。",
                "Say whether it is solved: `yes` or `no`.",
            );
        }
        solved
    }

    fn word(&mut self) -> Option<Word> {
        let faults = self.faults.len();
        let word = match self.value("says") {
            Some(Raw::Text(text)) => Word::from_name(text),
            _ => None,
        };
        if word.is_none() && self.faults.len() == faults {
            self.fault(
                "says",
                "unknown-value",
                "可用的值为 joined、declined、fixed、not_fixed。",
                "Use one of `joined`, `declined`, `fixed`, `not_fixed`.",
            );
        }
        word
    }

    fn outcome(&mut self) -> Option<u32> {
        let faults = self.faults.len();
        let outcome = match self.value("outcome") {
            Some(Raw::Integer(number)) => u32::try_from(*number).ok(),
            // A form sends every field as text.
            Some(Raw::Text(text)) => text.parse().ok(),
            _ => None,
        };
        if outcome.is_none() && self.faults.len() == faults {
            self.fault(
                "outcome",
                "invalid-outcome",
                "缺少或无效：请原样发送 question.outcome 的值。",
                "It is missing or not a number: send `question.outcome` as it was given.",
            );
        }
        outcome
    }

    fn words(&mut self, required: bool) -> Option<String> {
        let faults = self.faults.len();
        let text = match self.value("text") {
            Some(Raw::Text(text)) => Some(clean(text)),
            Some(_) => {
                let (zh_cn, en) = (
                    "请发送一个字符串。",
                    "It is of the wrong type: send a string.",
                );
                self.fault("text", "wrong-type", zh_cn, en);
                return None;
            }
            None => None,
        };
        if self.faults.len() > faults {
            return None;
        }
        let text = text.filter(|text| !is_blank(text));
        if text.is_none() && required {
            self.fault(
                "text",
                "required",
                "请写下您想说的话。",
                "Write what you want to say.",
            );
        }
        if text
            .as_ref()
            .is_some_and(|t| t.chars().nth(TEXT_LIMIT).is_some())
        {
            self.fault(
                "text",
                "too-long",
                &format!("过长：最多 {TEXT_LIMIT} 个字符，请缩短。"),
                &format!("It is too long: shorten it to at most {TEXT_LIMIT} characters."),
            );
            return None;
        }
        text
    }

    fn key(&mut self) -> Option<IdempotencyKey> {
        let text = match self.value("idempotency_key") {
            Some(Raw::Text(text)) => text.as_str(),
            Some(_) => "",
            None => return None,
        };
        let key = IdempotencyKey::try_from(text).ok();
        if key.is_none() {
            self.fault(
                "idempotency_key",
                "invalid-key",
                "须为 16 到 255 个可见 ASCII 字符。",
                "It must be 16 to 255 visible ASCII characters.",
            );
        }
        key
    }
}
