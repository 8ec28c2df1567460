//! Counting days again.
//!
//! Nothing is counted here: days are marked, and `aggregate-nps` counts them with its next runs, after the nights.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use resound_domain::form::{FormId, Forms};
use resound_domain::tally::Cause;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_store::{ConfigKind, DirtyDay};
use serde::Serialize;
use serde_json::json;

use crate::body::Faults;
use crate::document::{Desk, trouble};
use crate::query::given;

/// The most days that are counted again at once.
const MOST_DAYS: usize = 400;

/// A day that waits.
#[derive(Serialize)]
struct Waiting<'a> {
    survey: &'a FormId,
    day: Date,
    /// Every cause, in order.
    why: Vec<Cause>,
    /// Machine time of the last of them.
    since: Timestamp,
}

/// Tells which days wait to be counted again, and why.
pub(crate) async fn waiting(desk: &Desk<'_>) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let mut faults = Faults::new(request.locale());
    let surveys = surveys(desk, &mut faults).await?;
    if !faults.none() {
        return Err(faults.refuse(request).into());
    }
    let mut waiting = Vec::new();
    for survey in &surveys {
        let marks = desk.store.dirty_days(survey).await;
        let marks = marks.map_err(|error| trouble(request, "read which days wait", error))?;
        let mut days: BTreeMap<Date, Vec<DirtyDay>> = BTreeMap::new();
        for mark in marks {
            days.entry(mark.day).or_default().push(mark);
        }
        waiting.extend(days.into_iter().filter_map(|(day, marks)| {
            Some(Waiting {
                survey,
                day,
                why: marks.iter().map(|mark| mark.cause).collect(),
                since: marks.iter().map(|mark| mark.marked_at).max()?,
            })
        }));
    }
    let body = json!({"as_of": request.at, "waiting": waiting});
    // It changes with every run of the count.
    Ok(HttpResponse::json(200, &body)?.no_store())
}

/// Marks days to be counted again.
pub(crate) async fn ask(
    desk: &Desk<'_>,
    machine_now: Timestamp,
) -> Result<HttpResponse, Rejection> {
    let request = desk.request;
    let mut faults = Faults::new(request.locale());
    let (from, to) = (
        day(request, &mut faults, "from"),
        day(request, &mut faults, "to"),
    );
    let days = from.zip(to).map(|(from, to)| {
        let days = from.series(1.day()).take_while(|day| *day <= to);
        days.take(MOST_DAYS + 1).collect::<Vec<_>>()
    });
    let days = days.unwrap_or_default();
    if let Some((from, to)) = from.zip(to) {
        check(request, &mut faults, from, to, &days);
    }
    let surveys = surveys(desk, &mut faults).await?;
    if !faults.none() {
        return Err(faults.refuse(request).into());
    }
    for survey in &surveys {
        let marked = desk
            .store
            .mark_days(survey, &days, Cause::Replay, machine_now);
        let marked = marked.await;
        marked.map_err(|error| trouble(request, "mark days", error))?;
        tracing::info!(%survey, ?from, ?to, "days are to be counted again");
    }
    let body = json!({
        "as_of": request.at,
        "surveys": surveys,
        "from": from,
        "to": to,
        "days": days.len(),
        "waiting": "/v1/nps/replay",
    });
    let response = HttpResponse::json(202, &body)?;
    Ok(response.header("location", "/v1/nps/replay").no_store())
}

/// The surveys that are asked for: the named one, or all.
async fn surveys(desk: &Desk<'_>, faults: &mut Faults) -> Result<BTreeSet<FormId>, Rejection> {
    let request = desk.request;
    let forms = desk.store.latest_config::<Forms>(ConfigKind::Form).await;
    let forms = forms.map_err(|error| trouble(request, "read the forms", error))?;
    let forms = forms.map(|(_, forms)| forms).unwrap_or_default();
    let surveys: BTreeSet<FormId> = forms.iter().map(|form| form.id.clone()).collect();
    let Some(name) = given(request, "survey") else {
        return Ok(surveys);
    };
    let named: Option<FormId> = name.parse().ok();
    let named = named.filter(|survey| surveys.contains(survey));
    if named.is_none() {
        faults.of_request(
            "survey",
            "unknown-form",
            "survey 无效：请使用已发布表单的名称。",
            "`survey` is not valid: send the name of a form that is published.",
        );
    }
    Ok(named.into_iter().collect())
}

fn day(request: &HttpRequest, faults: &mut Faults, name: &'static str) -> Option<Date> {
    let text = given(request, name).unwrap_or_default();
    // One day, one text: keys hold it as this, and years before 0 do not sort as text.
    let day = text.parse().ok();
    let day = day.filter(|day: &Date| day.year() >= 0 && day.to_string() == text);
    if day.is_none() {
        faults.of_request(
            name,
            "invalid-date",
            &format!("{name} 须为 2026-11-01 形式的日期。"),
            &format!("`{name}` must be a date like 2026-11-01."),
        );
    }
    day
}

fn check(request: &HttpRequest, faults: &mut Faults, from: Date, to: Date, days: &[Date]) {
    // Wherever the survey is, its day has begun by then.
    let latest = request.at.to_zoned(TimeZone::UTC).date().tomorrow();
    if from > to {
        faults.of_request(
            "from",
            "out-of-order",
            &format!("from 不能晚于 to（{to}）。"),
            &format!("`from` must not be later than `to`, which is {to}."),
        );
    } else if latest.is_ok_and(|latest| latest < to) {
        let (zh_cn, en) = ("to 不得晚于今天。", "`to` must not be later than today.");
        faults.of_request("to", "too-late", zh_cn, en);
    } else if days.len() > MOST_DAYS {
        faults.of_request(
            "from",
            "too-long",
            &format!("时间范围过长：最多 {MOST_DAYS} 天。"),
            &format!("The span is too long: ask for at most {MOST_DAYS} days."),
        );
    }
}
