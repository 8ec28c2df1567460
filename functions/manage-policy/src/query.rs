//! What is asked for beside the document.

use std::str::FromStr;

use jiff::Timestamp;
use resound_lambda_kit::http::HttpRequest;
use resound_lambda_kit::problem::Problem;
use resound_store::{Cursor, MAX_PAGE};

use crate::body::Faults;

/// How many cases a page of a dry run looks at unless the caller says otherwise.
const PAGE: usize = 50;
/// How many periods a preview has unless the caller says otherwise, and the most it has.
const PERIODS: usize = 30;
const MOST_PERIODS: usize = 100;

/// How a document is published.
pub(crate) struct Manner {
    /// What it would do, instead of doing it.
    pub(crate) dry_run: Option<Page>,
    /// When it is to begin, where the document has no place for it.
    pub(crate) active_from: Option<Timestamp>,
}

/// A page of the open cases.
pub(crate) struct Page {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: usize,
}

impl Manner {
    /// Reads the query of a request. An empty parameter counts as left out.
    ///
    /// # Errors
    /// 422 with every fault.
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut faults = Faults::new(request.locale());
        let dry_run = match given(request, "dry_run") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                faults.of_request(
                    "dry_run",
                    "unknown-value",
                    "dry_run 须为 true 或 false。",
                    "`dry_run` must be true or false.",
                );
                false
            }
        };
        let page = Page {
            cursor: parsed(request, &mut faults, "cursor"),
            limit: number(request, &mut faults, "limit", MAX_PAGE).unwrap_or(PAGE),
        };
        let manner = Self {
            dry_run: dry_run.then_some(page),
            active_from: instant(request, &mut faults, "active_from"),
        };
        match faults.none() {
            true => Ok(manner),
            false => Err(faults.refuse(request)),
        }
    }
}

/// Which part of a calendar is looked at.
pub(crate) struct View {
    pub(crate) from: Timestamp,
    pub(crate) count: usize,
}

impl View {
    /// Reads the query of a request.
    ///
    /// # Errors
    /// 422 with every fault.
    pub(crate) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut faults = Faults::new(request.locale());
        let view = Self {
            from: instant(request, &mut faults, "from").unwrap_or(request.at),
            count: number(request, &mut faults, "count", MOST_PERIODS).unwrap_or(PERIODS),
        };
        match faults.none() {
            true => Ok(view),
            false => Err(faults.refuse(request)),
        }
    }
}

/// The version that is asked for, if one is.
///
/// # Errors
/// 422 if it is no number.
pub(crate) fn version(request: &HttpRequest) -> Result<Option<u32>, Problem> {
    let Some(text) = given(request, "version") else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let mut faults = Faults::new(request.locale());
        faults.of_request(
            "version",
            "off-scale",
            "version 须为版本号，例如 3。",
            "`version` must be the number of a version, such as 3.",
        );
        faults.refuse(request)
    })
}

pub(crate) fn given<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.query(name).filter(|value| !value.is_empty())
}

fn parsed(request: &HttpRequest, faults: &mut Faults, name: &'static str) -> Option<Cursor> {
    let cursor = Cursor::from_str(given(request, name)?).ok();
    if cursor.is_none() {
        faults.of_request(
            name,
            "invalid-cursor",
            "游标无效：请使用上一页 next 的值。",
            "The cursor is not valid: send the `next` of the page before.",
        );
    }
    cursor
}

fn instant(request: &HttpRequest, faults: &mut Faults, name: &'static str) -> Option<Timestamp> {
    let instant = given(request, name)?.parse().ok();
    if instant.is_none() {
        faults.of_request(
            name,
            "invalid-instant",
            &format!("{name} 须为 RFC 3339 时刻，例如 2026-11-23T02:00:00Z。"),
            &format!("`{name}` must be an instant of RFC 3339, such as 2026-11-23T02:00:00Z."),
        );
    }
    instant
}

fn number(
    request: &HttpRequest,
    faults: &mut Faults,
    name: &'static str,
    most: usize,
) -> Option<usize> {
    let number = given(request, name)?.parse().ok();
    let number = number.filter(|number| (1..=most).contains(number));
    if number.is_none() {
        faults.of_request(
            name,
            "off-scale",
            &format!("{name} 须为 1 到 {most} 的整数。"),
            &format!("`{name}` must be a whole number from 1 to {most}."),
        );
    }
    number
}
