//! What somebody sends to be published, and where in it something is wrong.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::calendar::{FaultKind, InvalidCalendar};
use resound_domain::locale::Locale;
use resound_lambda_kit::http::{ContentType, HttpRequest};
use resound_lambda_kit::problem::{FieldError, Kind, Problem};
use serde_json::Value;
use serde_json::value::RawValue;

/// The most faults that are told at once: an answer must not outgrow what was sent.
const MOST_FAULTS: usize = 100;

/// The body of a request.
pub(crate) enum Body {
    /// JSON: as it was written, and what it says.
    Json { text: String, value: Value },
    /// An iCalendar file.
    Calendar(Vec<u8>),
}

impl Body {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 if it is not the JSON it is said to be, 415 if it is said to be something else.
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let kind = request.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        if kind.trim().eq_ignore_ascii_case("text/calendar") {
            return Ok(Self::Calendar(request.body.clone()));
        }
        if ContentType::of(request)? != ContentType::Json {
            return Err(unsupported(request));
        }
        let locale = request.locale();
        let fault = |line: usize| FieldError {
            field: String::new(),
            code: FaultKind::NotJson.code().into(),
            message: placed(
                locale,
                u32::try_from(line).ok(),
                "",
                FaultKind::NotJson.message(locale),
            ),
        };
        let broken = |line| request.problem(Kind::BadRequest).errors(vec![fault(line)]);
        let text = std::str::from_utf8(&request.body).map_err(|error| {
            let before = request.body.get(..error.valid_up_to());
            broken(before.map_or(1, |text| 1 + text.iter().filter(|b| **b == b'\n').count()))
        })?;
        let value = serde_json::from_str(text).map_err(|error| broken(error.line()))?;
        Ok(Self::Json {
            text: text.to_owned(),
            value,
        })
    }

    /// The JSON of the body.
    ///
    /// # Errors
    /// 415 if it is no JSON.
    pub(crate) fn json(&self, request: &HttpRequest) -> Result<(&str, &Value), Problem> {
        match self {
            Self::Json { text, value } => Ok((text, value)),
            Self::Calendar(_) => Err(unsupported(request)),
        }
    }

    /// The instant at which it is to begin to apply, if it says one that can be read.
    pub(crate) fn active_from(&self) -> Option<Timestamp> {
        match self {
            Self::Json { value, .. } => value.get("active_from")?.as_str()?.parse().ok(),
            Self::Calendar(_) => None,
        }
    }
}

fn unsupported(request: &HttpRequest) -> Problem {
    let problem = request.problem(Kind::UnsupportedMediaType);
    problem.header("accept", "application/json, text/calendar")
}

/// Everything that is wrong with a document.
pub(crate) struct Faults {
    locale: Locale,
    found: Vec<FieldError>,
}

impl Faults {
    pub(crate) const fn new(locale: Locale) -> Self {
        Self {
            locale,
            found: Vec::new(),
        }
    }

    /// One at a JSON pointer into a text.
    pub(crate) fn add(
        &mut self,
        lines: &mut Lines<'_>,
        pointer: &str,
        code: &'static str,
        message: &str,
    ) {
        if self.found.len() >= MOST_FAULTS {
            return;
        }
        let line = lines.of(pointer);
        self.found.push(FieldError {
            field: pointer.to_owned(),
            code: code.into(),
            message: placed(self.locale, line, pointer, message),
        });
    }

    /// One of the request, in both languages.
    pub(crate) fn of_request(&mut self, field: &str, code: &'static str, zh_cn: &str, en: &str) {
        self.found.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            message: self.locale.choose(zh_cn, en).to_owned(),
        });
    }

    /// Those of a calendar, which know their lines.
    pub(crate) fn of_calendar(&mut self, invalid: &InvalidCalendar) {
        let faults = invalid.faults().iter().map(|fault| FieldError {
            field: fault.path.clone(),
            code: fault.kind.code().into(),
            message: fault.message(self.locale),
        });
        self.found.extend(faults);
    }

    /// Whether there are none.
    pub(crate) fn none(&self) -> bool {
        self.found.is_empty()
    }

    /// The refusal that names them all.
    pub(crate) fn refuse(self, request: &HttpRequest) -> Problem {
        request.problem(Kind::Invalid).errors(self.found)
    }
}

/// A message with its place before it.
fn placed(locale: Locale, line: Option<u32>, pointer: &str, message: &str) -> String {
    match (locale, line, pointer) {
        (Locale::ZhCn, Some(line), "") => format!("第 {line} 行：{message}"),
        (Locale::ZhCn, Some(line), at) => format!("第 {line} 行（{at}）：{message}"),
        (Locale::En, Some(line), "") => format!("Line {line}: {message}"),
        (Locale::En, Some(line), at) => format!("Line {line} ({at}): {message}"),
        (_, None, "") => message.to_owned(),
        (_, None, at) => format!("{at}: {message}"),
    }
}

/// Where the values of a text stand. What was opened once is remembered: a text may have many faults.
pub(crate) struct Lines<'a> {
    text: &'a str,
    opened: BTreeMap<String, BTreeMap<String, &'a RawValue>>,
}

impl<'a> Lines<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            opened: BTreeMap::new(),
        }
    }

    /// The line, from 1, on which the value of a JSON pointer begins; that of what should hold it, where it is missing.
    fn of(&mut self, pointer: &str) -> Option<u32> {
        let mut found: &'a RawValue = serde_json::from_str(self.text).ok()?;
        let mut path = String::new();
        for token in pointer.split('/').skip(1) {
            let opened = self.opened.entry(path.clone());
            let members = opened.or_insert_with(|| members(found));
            let name = token.replace("~1", "/").replace("~0", "~");
            let Some(inner) = members.get(&name) else {
                break;
            };
            found = inner;
            path.push('/');
            path.push_str(token);
        }
        // Values are slices of the text.
        let offset = (found.get().as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        let before = self.text.get(..offset)?;
        u32::try_from(before.matches('\n').count() + 1).ok()
    }
}

/// The values in an object or a list, by their names or numbers.
fn members(value: &RawValue) -> BTreeMap<String, &RawValue> {
    if let Ok(members) = serde_json::from_str(value.get()) {
        return members;
    }
    let items: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
    let numbers = (0..).map(|n: usize| n.to_string());
    numbers.zip(items).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_has_a_line() {
        let text = "{\n \"a\": [\n  1,\n  {\"b/c\": 2,\n   \"d\":\n 3}],\n \"e\": {}\n}";
        let mut lines = Lines::new(text);
        for (pointer, line) in [
            ("", 1),
            ("/a", 2),
            ("/a/0", 3),
            ("/a/1", 4),
            ("/a/1/b~1c", 4),
            ("/a/1/d", 6),
            ("/a/7", 2),
            ("/a/x/y", 2),
            ("/e/f/g", 7),
            ("/h", 1),
        ] {
            assert_eq!(lines.of(pointer), Some(line), "{pointer}");
            assert_eq!(Lines::new(text).of(pointer), Some(line), "{pointer}");
        }
        assert_eq!(Lines::new("{").of("/a"), None);
    }
}
