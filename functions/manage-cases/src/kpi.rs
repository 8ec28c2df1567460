//! `GET /v1/kpi`: how well the loop is closed, each figure beside its target, for programs and as a page.
//!
//! Beside the statistics of cases, because it is made of the same logs.

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use resound_domain::figures::ResponseRate;
use resound_domain::form::FormId;
use resound_domain::kpi::{Duration, Kpis, Loops, Missing, Name, Portion, implementation};
use resound_domain::locale::Locale;
use resound_domain::nps::{Reached, Share};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_lambda_kit::{Fault, Invocation};
use resound_pages::{HEADERS, KpiView, kpi_page};
use resound_store::{Rules, Store};
use serde_json::{Value, json};

use crate::handler::trouble;
use crate::statistics::{Measuring, Reader, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Html,
}

/// What is asked for.
struct Query {
    span: Span,
    /// As the request would have it, unless it says.
    format: Option<Format>,
}

impl Query {
    fn read(request: &HttpRequest, today: Date) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader::new(request);
        let span = reader.span(today);
        let formats = [("json", Some(Format::Json)), ("html", Some(Format::Html))];
        let format = reader.one_of("format", None, &formats);
        let read = || {
            Some(Self {
                span: span?,
                format: format?,
            })
        };
        reader.done(read())
    }
}

/// Answers `GET /v1/kpi`. `zone` is that of the deployment, whose day it is.
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
    let span = query.span;
    let measuring = Measuring {
        store,
        rules,
        request,
        invocation,
        now: minute(request.at),
    };
    let surveys = measuring.surveys(span.survey.as_ref()).await?;
    let mut loops = Loops::default();
    let targets = async {
        let targets = rules.targets(invocation.machine_now).await;
        Ok(targets.map_err(|error| Fault::doing("read the targets", error))?)
    };
    let (targets, asked, (improved, lost), unreadable) = tokio::try_join!(
        targets,
        asked(store, request, &surveys, &span),
        improved(store, request, zone, &span),
        measuring.courses(&span, |course| loops.add(course)),
    )?;
    let kpis = Kpis::of(&loops, asked, improved, &targets.kpi);
    let unreadable = unreadable.saturating_add(lost);
    let html = match query.format {
        Some(format) => format == Format::Html,
        None => request.wants_html(),
    };
    let locale = request.locale();
    let response = match html {
        true => HttpResponse::new(200)
            .headers(&HEADERS)
            .body("text/html; charset=utf-8", {
                kpi_page(&KpiView {
                    locale,
                    from: span.from,
                    to: span.to,
                    survey: span.survey.as_ref().map(FormId::as_str),
                    as_of: measuring.now,
                    zone,
                    kpis: &kpis,
                    unreadable,
                    other_language: &other_language(&span, locale),
                })
            }),
        false => HttpResponse::json(
            200,
            &json!({
                "from": span.from,
                "to": span.to,
                "as_of": measuring.now,
                "kpis": shown(&kpis, locale),
                "unreadable": unreadable,
            }),
        )?,
    };
    Ok(response.cacheable(request))
}

/// Who answered of those who were asked on these days; `None` if nobody said of any how many were.
async fn asked(
    store: &Store,
    request: &HttpRequest,
    surveys: &[FormId],
    span: &Span,
) -> Result<Option<ResponseRate>, Rejection> {
    let rates = surveys
        .iter()
        .map(|survey| store.response_rates(survey, span.from, span.to));
    let rates = try_join_all(rates).await;
    let rates = rates.map_err(|error| trouble(request, "read the response rates", error))?;
    let rates = rates.iter().flat_map(|rates| rates.values());
    Ok(rates.fold(None, |sum: Option<ResponseRate>, rate| {
        let mut sum = sum.unwrap_or_default();
        sum.add(rate.asked, rate.responses);
        Some(sum)
    }))
}

/// Improvements that shipped in time, of those that were due on these days; how many could not be read.
async fn improved(
    store: &Store,
    request: &HttpRequest,
    zone: &TimeZone,
    span: &Span,
) -> Result<(Option<Share>, u64), Rejection> {
    let found = store.improvements().await;
    let found = found.map_err(|error| trouble(request, "read the improvements", error))?;
    let mut unreadable = 0;
    for error in &found.corrupt {
        unreadable += 1;
        tracing::error!(%error, "an improvement cannot be read");
    }
    let share = implementation(&found.improvements, (span.from, span.to), zone);
    Ok((share, unreadable))
}

/// The minute of an instant: what is open is judged as of then, so that an answer may be kept for as long.
fn minute(at: Timestamp) -> Timestamp {
    let millis = at.as_millisecond();
    let minute = millis.saturating_sub(millis.rem_euclid(60_000));
    Timestamp::from_millisecond(minute).unwrap_or(at)
}

/// Where the same page is found in the other language.
fn other_language(span: &Span, locale: Locale) -> String {
    let other = locale.choose(Locale::En.tag(), Locale::ZhCn.tag());
    let Span { from, to, survey } = span;
    let survey = survey.as_ref().map_or("", FormId::as_str);
    format!("?from={from}&to={to}&survey={survey}&format=html&lang={other}")
}

fn shown(kpis: &Kpis, locale: Locale) -> Vec<Value> {
    let shares = kpis.shares.iter();
    let shares = shares.map(|(name, portion)| portion_shown(*name, portion, locale));
    shares
        .chain([time_shown(&kpis.time_to_close, locale)])
        .collect()
}

fn portion_shown(name: Name, portion: &Portion, locale: Locale) -> Value {
    let share = portion.share.ok();
    json!({
        "name": name,
        "text": name.text(locale),
        "unit": "percent",
        "n": share.map_or(0, Share::of),
        "count": share.map(Share::count),
        "value": share.map(Share::percent),
        "interval": share.map(Share::wilson),
        "target": portion.target,
        "reached": portion.reached.map(|reached| reached_shown(reached, locale)),
        "none": portion.share.err().map(|missing| missing_shown(missing, locale)),
    })
}

fn time_shown(time: &Duration, locale: Locale) -> Value {
    let missing = time.business.is_none().then_some(Missing::NoCases);
    json!({
        "name": Name::TimeToClose,
        "text": Name::TimeToClose.text(locale),
        "unit": "seconds",
        "n": time.n,
        "value": time.business.map(|spread| spread.median.as_secs_f64()),
        "wall": time.wall.map(|spread| spread.median.as_secs_f64()),
        "target": time.target.as_secs_f64(),
        "reached": time.reached.map(|reached| reached_shown(reached, locale)),
        "none": missing.map(|missing| missing_shown(missing, locale)),
    })
}

fn reached_shown(reached: Reached, locale: Locale) -> Value {
    json!({"code": reached, "text": reached.text(locale)})
}

fn missing_shown(missing: Missing, locale: Locale) -> Value {
    json!({"code": missing, "text": missing.text(locale)})
}
