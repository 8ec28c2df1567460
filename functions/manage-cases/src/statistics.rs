//! How fast customers hear from us, of the cases of some local days.
//!
//! Here and not beside the scores: the logs lie beside what customers wrote, which the function of the scores must not
//! be able to read.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Unit};
use resound_domain::form::FormId;
use resound_domain::statistics::{By, Course, Promises, Row, Spread, Statistics};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::csv::{self, Cell, Csv};
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_lambda_kit::{Fault, Invocation, timing};
use resound_store::{Rules, Store};
use serde_json::{Map, Value, json};

use crate::handler::trouble;

/// How many days are measured unless the caller says otherwise.
const DAYS: i64 = 30;
/// The most days of one answer.
const MAX_DAYS: i64 = 31;
/// What is kept of a call's time to say that it was too short.
const RESERVE: Duration = Duration::from_secs(2);

/// Answers `GET /v1/statistics/cases`. `zone` is that of the day it is.
pub(crate) async fn answer(
    store: &Store,
    rules: &Rules,
    zone: &TimeZone,
    request: &HttpRequest,
    invocation: &Invocation,
) -> Result<HttpResponse, Rejection> {
    request.require(Scope::ReportsRead)?;
    let today = request.at.to_zoned(zone.clone()).date();
    let query = Query::read(request, today)
        .map_err(|faults| request.problem(Kind::Invalid).errors(faults))?;
    let mut statistics = Statistics::new(query.by);
    let measuring = Measuring {
        store,
        rules,
        request,
        invocation,
        now: request.at,
    };
    let measured = measuring.courses(&query.span, |course| statistics.add(course));
    let unreadable = measured.await?;
    Ok(match query.format {
        Format::Json => {
            let body = query.shown(&statistics, request.at, unreadable);
            HttpResponse::json(200, &body)?
        }
        Format::Csv => {
            let Span { from, to, .. } = query.span;
            let name = format!("cases-{}-{from}-{to}.csv", query.by.name());
            HttpResponse::new(200)
                .body(csv::CONTENT_TYPE, csv(&statistics))
                .attachment(&name)
        }
    }
    .no_store())
}

/// What the cases of some days are read with.
pub(crate) struct Measuring<'a> {
    pub(crate) store: &'a Store,
    pub(crate) rules: &'a Rules,
    pub(crate) request: &'a HttpRequest,
    pub(crate) invocation: &'a Invocation,
    /// As of when: what is open and late by then.
    pub(crate) now: Timestamp,
}

impl Measuring<'_> {
    /// The survey that is asked for, or all there are.
    pub(crate) async fn surveys(&self, survey: Option<&FormId>) -> Result<Vec<FormId>, Rejection> {
        let forms = self.rules.forms(self.invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        Ok(match survey {
            // Not looked up among the forms: what came by a form that is gone can still be asked for.
            Some(survey) => vec![survey.clone()],
            None => forms.iter().map(|form| form.id.clone()).collect(),
        })
    }

    /// Hands over the course of every case of these days, in no order; how many could not be read.
    ///
    /// # Errors
    /// 422 if they are too many for the time there is.
    pub(crate) async fn courses(
        &self,
        span: &Span,
        mut each: impl FnMut(&Course),
    ) -> Result<u64, Rejection> {
        let book = self.rules.book(self.invocation.machine_now).await;
        let book = book.map_err(|error| Fault::doing("read the rules", error))?;
        let surveys = self.surveys(span.survey.as_ref()).await?;
        let left = self
            .invocation
            .time_left()
            .min(timing::HTTP_TIMEOUT.unsigned_abs());
        let mut unreadable = 0;
        let logs = self.store.logs(&surveys, (span.from, span.to), |log| {
            match Course::of(&log, self.now, &book) {
                Ok(course) => each(&course),
                Err(error) => {
                    unreadable += 1;
                    let case = log.first().map(|event| event.case.to_string());
                    tracing::error!(case, %error, "the log of a case is broken");
                }
            }
        });
        let corrupt = tokio::time::timeout(left.saturating_sub(RESERVE), logs)
            .await
            .map_err(|_| too_many(self.request))?
            .map_err(|error| trouble(self.request, "measure the cases", error))?;
        for error in corrupt {
            unreadable += 1;
            tracing::error!(%error, "the log of a case cannot be read");
        }
        Ok(unreadable)
    }
}

fn too_many(request: &HttpRequest) -> Rejection {
    let message = request.locale().choose(
        "个案过多，一次算不完：请缩短时间范围后再试。",
        "There are too many cases for one answer: ask for fewer days.",
    );
    let fault = FieldError {
        field: "from".to_owned(),
        code: "too-many".into(),
        message: message.to_owned(),
    };
    request.problem(Kind::Invalid).errors(vec![fault]).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

/// The local days whose cases are measured, both included.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// Only of this survey; `None` for all of them.
    pub(crate) survey: Option<FormId>,
}

/// Reads the query of a request, and gathers what is wrong with it. An empty parameter counts as left out.
pub(crate) struct Reader<'a> {
    request: &'a HttpRequest,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(request: &'a HttpRequest) -> Self {
        Self {
            request,
            faults: Vec::new(),
        }
    }

    /// What was read.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    pub(crate) fn done<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }

    /// One of these by its name; `left_out` if none is named, `None` for another name.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        left_out: T,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let Some(given) = self.given(name) else {
            return Some(left_out);
        };
        let found = choices.iter().find(|(choice, _)| *choice == given);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            let names = names.join(", ");
            let zh_cn = format!("无法识别：可用的值为 {names}。");
            let en = format!("Not known: send one of {names}.");
            self.fault(name, "unknown-value", &zh_cn, &en);
        }
        found.map(|(_, value)| *value)
    }

    /// The days of a request that came on the local day `today`.
    pub(crate) fn span(&mut self, today: Date) -> Option<Span> {
        let (from, to) = (self.day("from"), self.day("to"));
        let survey = self.given("survey").map(str::parse).transpose();
        if survey.is_err() {
            let en = "The name of a form is expected.";
            self.fault("survey", "unknown-form", "请使用表单的名称。", en);
        }
        let to = to.unwrap_or(today);
        let from = from.unwrap_or_else(|| to.saturating_sub((DAYS - 1).days()));
        if from > to {
            let en = "It must not be later than `to`.";
            self.fault("from", "out-of-order", "不能晚于 to。", en);
        } else if days(from, to).is_none_or(|days| days > MAX_DAYS) {
            let zh_cn = format!("时间范围过长：最多 {MAX_DAYS} 天。");
            let en = format!("The range is too long: ask for at most {MAX_DAYS} days.");
            self.fault("from", "too-long", &zh_cn, &en);
        }
        let survey = survey.ok()?;
        Some(Span { from, to, survey })
    }

    fn given(&self, name: &str) -> Option<&'a str> {
        self.request.query(name).filter(|value| !value.is_empty())
    }

    fn fault(&mut self, field: &str, code: &'static str, zh_cn: &str, en: &str) {
        self.faults.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            message: self.request.locale().choose(zh_cn, en).to_owned(),
        });
    }

    fn day(&mut self, name: &str) -> Option<Date> {
        let text = self.given(name)?;
        // One day, one text: keys hold it as this.
        let day = text.parse().ok();
        let day = day.filter(|day: &Date| day.year() >= 0 && day.to_string() == text);
        if day.is_none() {
            let en = "A date like 2026-11-01 is expected.";
            self.fault(name, "invalid-date", "须为 2026-11-01 形式的日期。", en);
        }
        day
    }
}

/// What is asked for.
#[derive(Debug)]
struct Query {
    span: Span,
    by: By,
    format: Format,
}

impl Query {
    /// Reads the query of a request that came on the local day `today`.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    fn read(request: &HttpRequest, today: Date) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(request);
        let span = reader.span(today);
        let by = reader.one_of("by", By::Agent, &By::ALL.map(|by| (by.name(), by)));
        let formats = [("json", Format::Json), ("csv", Format::Csv)];
        let format = reader.one_of("format", Format::Json, &formats);
        let read = || {
            Some(Self {
                span: span?,
                by: by?,
                format: format?,
            })
        };
        reader.done(read())
    }

    fn shown(&self, statistics: &Statistics, now: Timestamp, unreadable: u64) -> Value {
        let rows = statistics.rows.iter().map(|(key, row)| {
            let mut shown = row_shown(row);
            shown.insert("key".to_owned(), json!(key));
            Value::Object(shown)
        });
        json!({
            "from": self.span.from,
            "to": self.span.to,
            "by": self.by.name(),
            "as_of": now,
            "rows": rows.collect::<Vec<_>>(),
            "total": row_shown(&statistics.total),
            "unreadable": unreadable,
        })
    }
}

/// How many days there are from one to another, both included.
fn days(from: Date, to: Date) -> Option<i64> {
    let span = from.until((Unit::Day, to)).ok()?;
    Some(i64::from(span.get_days()) + 1)
}

fn row_shown(row: &Row) -> Map<String, Value> {
    let members = [
        ("cases", json!(row.cases)),
        ("reopened", json!(row.reopened)),
        ("merged", json!(row.merged)),
        ("first_response", promises_shown(&row.first_response)),
        ("resolution", promises_shown(&row.resolution)),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn promises_shown(promises: &Promises) -> Value {
    json!({
        "n": promises.done(),
        "in_time": promises.in_time,
        "open": promises.open,
        "open_late": promises.open_late,
        "within_target": promises.within_target(),
        "business": promises.business().map(spread_shown),
        "wall": promises.wall().map(spread_shown),
    })
}

fn spread_shown(spread: Spread) -> Value {
    json!({
        "median_seconds": spread.median.as_secs_f64(),
        "p90_seconds": spread.p90.as_secs_f64(),
        "mean_seconds": spread.mean.as_secs_f64(),
    })
}

/// What a row of a CSV begins with; then come the columns of each promise. Names of columns are published: append only.
const COLUMNS: [&str; 4] = ["key", "cases", "reopened", "merged"];
const PROMISES: [&str; 2] = ["first_response", "resolution"];
const OF_A_PROMISE: [&str; 11] = [
    "n",
    "in_time",
    "open",
    "open_late",
    "within_target",
    "business_median_seconds",
    "business_p90_seconds",
    "business_mean_seconds",
    "wall_median_seconds",
    "wall_p90_seconds",
    "wall_mean_seconds",
];

/// The rows as a file for a spreadsheet.
///
/// The header is the same in every language, as the members of the JSON are: a sheet that looks a column up by its name
/// works for whoever opens it. Where there is no key, or nothing to measure, a cell is empty.
fn csv(statistics: &Statistics) -> String {
    let of_promises = PROMISES
        .into_iter()
        .flat_map(|promise| OF_A_PROMISE.map(|column| format!("{promise}_{column}")));
    let header: Vec<_> = COLUMNS
        .map(str::to_owned)
        .into_iter()
        .chain(of_promises)
        .collect();
    let header: Vec<_> = header.iter().map(String::as_str).collect();
    let mut csv = Csv::new(&header);
    for (key, row) in &statistics.rows {
        let mut cells = vec![key.as_deref().map_or(Cell::Empty, Cell::Text)];
        cells.extend([row.cases, row.reopened, row.merged].map(Cell::Count));
        for promises in [&row.first_response, &row.resolution] {
            let counts = [
                promises.done(),
                promises.in_time,
                promises.open,
                promises.open_late,
            ];
            cells.extend(counts.map(Cell::Count));
            cells.push(Cell::number(promises.within_target()));
            for spread in [promises.business(), promises.wall()] {
                let seconds = |of: fn(Spread) -> SignedDuration| {
                    Cell::number(spread.map(|spread| of(spread).as_secs_f64()))
                };
                cells.extend([
                    seconds(|spread| spread.median),
                    seconds(|spread| spread.p90),
                    seconds(|spread| spread.mean),
                ]);
            }
        }
        csv.line(&cells);
    }
    csv.into_string()
}
