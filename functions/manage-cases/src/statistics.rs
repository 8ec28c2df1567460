//! How fast customers hear from us, of the cases of some local days.
//!
//! Here and not beside the scores: the logs lie beside what customers wrote, which the function of the scores must not
//! be able to read.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp, ToSpan, Unit};
use resound_domain::book::Book;
use resound_domain::form::FormId;
use resound_domain::statistics::{By, Course, Promises, Row, Spread, Statistics};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::csv::{self, Cell, Csv};
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_lambda_kit::{Fault, Invocation, timing};
use resound_store::{Rules, Store, StoreError};
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
    zone: &jiff::tz::TimeZone,
    request: &HttpRequest,
    invocation: &Invocation,
) -> Result<HttpResponse, Rejection> {
    request.require(Scope::ReportsRead)?;
    let today = request.at.to_zoned(zone.clone()).date();
    let query = Query::read(request, today)
        .map_err(|faults| request.problem(Kind::Invalid).errors(faults))?;
    let (forms, book) = tokio::try_join!(
        rules.forms(invocation.machine_now),
        rules.book(invocation.machine_now)
    )
    .map_err(|error| Fault::doing("read the rules", error))?;
    let surveys: Vec<FormId> = match &query.survey {
        // Not looked up among the forms: what came by a form that is gone can still be asked for.
        Some(survey) => vec![survey.clone()],
        None => forms.iter().map(|form| form.id.clone()).collect(),
    };
    let left = invocation
        .time_left()
        .min(timing::HTTP_TIMEOUT.unsigned_abs());
    let measuring = measure(store, &surveys, &query, request.at, &book);
    let measured = tokio::time::timeout(left.saturating_sub(RESERVE), measuring)
        .await
        .map_err(|_| too_many(request))?;
    let (statistics, unreadable) =
        measured.map_err(|error| trouble(request, "measure the cases", error))?;
    Ok(match query.format {
        Format::Json => {
            let body = query.shown(&statistics, request.at, unreadable);
            HttpResponse::json(200, &body)?
        }
        Format::Csv => {
            let name = format!("cases-{}-{}-{}.csv", query.by.name(), query.from, query.to);
            HttpResponse::new(200)
                .body(csv::CONTENT_TYPE, csv(&statistics))
                .attachment(&name)
        }
    }
    .no_store())
}

/// Adds up the cases of these days; how many could not be read.
async fn measure(
    store: &Store,
    surveys: &[FormId],
    query: &Query,
    now: Timestamp,
    book: &Book,
) -> Result<(Statistics, u64), StoreError> {
    let mut statistics = Statistics::new(query.by);
    let mut unreadable = 0;
    let days = (query.from, query.to);
    let measured = store.logs(surveys, days, |log| match Course::of(&log, now, book) {
        Ok(course) => statistics.add(&course),
        Err(error) => {
            unreadable += 1;
            let case = log.first().map(|event| event.case.to_string());
            tracing::error!(case, %error, "the log of a case is broken");
        }
    });
    for error in measured.await? {
        unreadable += 1;
        tracing::error!(%error, "the log of a case cannot be read");
    }
    Ok((statistics, unreadable))
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

/// What is asked for. An empty parameter counts as left out.
#[derive(Debug)]
struct Query {
    from: Date,
    to: Date,
    by: By,
    survey: Option<FormId>,
    format: Format,
}

impl Query {
    /// Reads the query of a request that came on the local day `today`.
    ///
    /// # Errors
    /// Every fault, at most one for each parameter.
    fn read(request: &HttpRequest, today: Date) -> Result<Self, Vec<FieldError>> {
        let given = |name: &str| request.query(name).filter(|value| !value.is_empty());
        let mut faults = Vec::new();
        let mut fault = |field: &str, code: &'static str, zh_cn: &str, en: &str| {
            faults.push(FieldError {
                field: field.to_owned(),
                code: code.into(),
                message: request.locale().choose(zh_cn, en).to_owned(),
            });
        };
        let mut day = |name: &str| {
            let text = given(name)?;
            // One day, one text: keys hold it as this.
            let day = text.parse().ok();
            let day = day.filter(|day: &Date| day.year() >= 0 && day.to_string() == text);
            if day.is_none() {
                let zh_cn = "须为 2026-11-01 形式的日期。";
                fault(
                    name,
                    "invalid-date",
                    zh_cn,
                    "A date like 2026-11-01 is expected.",
                );
            }
            day
        };
        let (from, to) = (day("from"), day("to"));
        let by = given("by").map_or(Some(By::Agent), By::from_name);
        if by.is_none() {
            let names = By::ALL.map(By::name).join(", ");
            let zh_cn = format!("无法识别：可用的值为 {names}。");
            let en = format!("Not known: send one of {names}.");
            fault("by", "unknown-value", &zh_cn, &en);
        }
        let format = match given("format") {
            None | Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some(_) => {
                let zh_cn = "无法识别：可用的值为 json, csv。";
                fault(
                    "format",
                    "unknown-value",
                    zh_cn,
                    "Not known: send one of json, csv.",
                );
                Format::Json
            }
        };
        let survey = given("survey").map(str::parse).transpose();
        if survey.is_err() {
            let en = "The name of a form is expected.";
            fault("survey", "unknown-form", "请使用表单的名称。", en);
        }
        let to = to.unwrap_or(today);
        let from = from.unwrap_or_else(|| to.saturating_sub((DAYS - 1).days()));
        if from > to {
            let en = "It must not be later than `to`.";
            fault("from", "out-of-order", "不能晚于 to。", en);
        } else if days(from, to).is_none_or(|days| days > MAX_DAYS) {
            let zh_cn = format!("时间范围过长：最多 {MAX_DAYS} 天。");
            let en = format!("The range is too long: ask for at most {MAX_DAYS} days.");
            fault("from", "too-long", &zh_cn, &en);
        }
        match (by, survey) {
            (Some(by), Ok(survey)) if faults.is_empty() => Ok(Self {
                from,
                to,
                by,
                survey,
                format,
            }),
            _ => Err(faults),
        }
    }

    fn shown(&self, statistics: &Statistics, now: Timestamp, unreadable: u64) -> Value {
        let rows = statistics.rows.iter().map(|(key, row)| {
            let mut shown = row_shown(row);
            shown.insert("key".to_owned(), json!(key));
            Value::Object(shown)
        });
        json!({
            "from": self.from,
            "to": self.to,
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
    let span: Span = from.until((Unit::Day, to)).ok()?;
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
