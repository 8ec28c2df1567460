//! What of the cases is asked for.

use std::collections::BTreeSet;
use std::str::FromStr;

use resound_domain::case::{Case, State};
use resound_domain::locale::Locale;
use resound_domain::policy::Priority;
use resound_lambda_kit::http::HttpRequest;
use resound_lambda_kit::problem::FieldError;
use resound_store::{CaseFilter, Cursor, MAX_PAGE};

use crate::command::{OWNER_LIMIT, is_owner};

/// How many cases a page has unless the caller says otherwise.
const PAGE: usize = 50;

/// What opened a case. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaseKind {
    /// A response.
    Feedback,
    /// A risk rule.
    Task,
}

impl CaseKind {
    const ALL: [Self; 2] = [Self::Feedback, Self::Task];

    pub(crate) fn of(case: &Case) -> Self {
        match case.task() {
            Some(_) => Self::Task,
            None => Self::Feedback,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Task => "task",
        }
    }
}

/// Which page of which list. An empty parameter counts as left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) states: BTreeSet<State>,
    pub(crate) owner: Option<String>,
    pub(crate) priority: Option<Priority>,
    pub(crate) kind: Option<CaseKind>,
    pub(crate) to_tell: bool,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: usize,
}

impl Wanted {
    /// Reads the query of a request; `owner=me` is the caller.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    pub(crate) fn read(request: &HttpRequest, caller: &str) -> Result<Self, Vec<FieldError>> {
        let locale = request.locale();
        let mut faults = Vec::new();
        let wanted = Self {
            states: states(request).unwrap_or_else(|()| {
                let names: Vec<_> = State::ALL.iter().map(|state| state.name()).collect();
                faults.push(unknown("state", &names, locale));
                BTreeSet::new()
            }),
            owner: match given(request, "owner") {
                Some("me") => Some(caller.to_owned()),
                Some(owner) if is_owner(owner) => Some(owner.trim().to_owned()),
                None => None,
                Some(_) => {
                    faults.push(FieldError {
                        field: "owner".to_owned(),
                        code: "invalid-owner".into(),
                        message: match locale {
                            Locale::ZhCn => {
                                format!("负责人须为一行可见文字，1 到 {OWNER_LIMIT} 个字符。")
                            }
                            Locale::En => format!(
                                "The owner must be one line of 1 to {OWNER_LIMIT} visible characters."
                            ),
                        },
                    });
                    None
                }
            },
            priority: given(request, "priority").and_then(|name| {
                let found = Priority::ALL.into_iter().find(|p| p.name() == name);
                if found.is_none() {
                    let names: Vec<_> = Priority::ALL.iter().map(|p| p.name()).collect();
                    faults.push(unknown("priority", &names, locale));
                }
                found
            }),
            kind: given(request, "kind").and_then(|name| {
                let found = CaseKind::ALL.into_iter().find(|kind| kind.name() == name);
                if found.is_none() {
                    faults.push(unknown("kind", &CaseKind::ALL.map(CaseKind::name), locale));
                }
                found
            }),
            to_tell: match given(request, "to_tell") {
                None => false,
                Some("true") => true,
                Some(_) => {
                    faults.push(unknown("to_tell", &["true"], locale));
                    false
                }
            },
            cursor: given(request, "cursor").and_then(|text| {
                let cursor = Cursor::from_str(text).ok();
                if cursor.is_none() {
                    faults.push(FieldError {
                        field: "cursor".to_owned(),
                        code: "invalid-cursor".into(),
                        message: locale
                            .choose(
                                "游标无效：请使用上一页 next 的值。",
                                "The cursor is not valid: send the `next` of the page before.",
                            )
                            .to_owned(),
                    });
                }
                cursor
            }),
            limit: limit(request).unwrap_or_else(|()| {
                faults.push(FieldError {
                    field: "limit".to_owned(),
                    code: "off-scale".into(),
                    message: match locale {
                        Locale::ZhCn => format!("每页条数须为 1 到 {MAX_PAGE} 的整数。"),
                        Locale::En => {
                            format!("The limit must be a whole number from 1 to {MAX_PAGE}.")
                        }
                    },
                });
                PAGE
            }),
        };
        if faults.is_empty() {
            Ok(wanted)
        } else {
            Err(faults)
        }
    }

    /// What the store is asked for.
    pub(crate) fn filter(&self) -> CaseFilter {
        CaseFilter {
            states: self.states.clone(),
            owner: self.owner.clone(),
            to_tell: self.to_tell,
        }
    }
}

fn given<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.query(name).filter(|value| !value.is_empty())
}

/// The states named, once or several times, with commas or without; all that are not closed if none is.
fn states(request: &HttpRequest) -> Result<BTreeSet<State>, ()> {
    let named: BTreeSet<State> = request
        .query
        .iter()
        .filter(|(name, _)| name == "state")
        .flat_map(|(_, value)| value.split(','))
        .filter(|name| !name.is_empty())
        .map(|name| State::from_name(name).ok_or(()))
        .collect::<Result<_, ()>>()?;
    if named.is_empty() {
        let open = State::ALL.into_iter().filter(|&s| s != State::Closed);
        return Ok(open.collect());
    }
    Ok(named)
}

fn limit(request: &HttpRequest) -> Result<usize, ()> {
    let Some(text) = given(request, "limit") else {
        return Ok(PAGE);
    };
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    let limit: usize = text.parse().map_err(|_| ())?;
    if (1..=MAX_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(())
    }
}

fn unknown(field: &str, choices: &[&str], locale: Locale) -> FieldError {
    let choices = choices.join(", ");
    FieldError {
        field: field.to_owned(),
        code: "unknown-value".into(),
        message: match locale {
            Locale::ZhCn => format!("{field} 无法识别：可用的值为 {choices}。"),
            Locale::En => format!("`{field}` is not known: send one of {choices}."),
        },
    }
}
