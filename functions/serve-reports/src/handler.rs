//! From a request to a list or a report.

use futures::future::try_join_all;
use jiff::tz::TimeZone;
use resound_domain::calendar;
use resound_domain::form::FormId;
use resound_domain::id::ResponseId;
use resound_domain::privacy::mask_text;
use resound_domain::report::{Kind, Names, Numbers, ReportId};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::csv;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::Kind as Trouble;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_pages::{
    Examples, HEADERS, ReportEntry, ReportView, report_page, report_policy, reports_page,
};
use resound_store::{Listed, Lookup, Report, Store, StoreError};
use serde_json::{Value, json};

use crate::Config;
use crate::parquet_file::parquet;
use crate::query::{Format, Query};
use crate::table;

/// How many reports of each kind a list has: a year of weeks, for one survey.
const LISTED: usize = 53;

/// The function.
#[derive(Debug)]
pub struct App {
    store: Store,
}

impl App {
    /// The function over these clients.
    #[expect(clippy::needless_pass_by_value, reason = "as every function is built")]
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self {
            store: Store::new(clients.dynamodb.clone(), &config.table),
        }
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Rejection> {
        request.require(Scope::ReportsRead)?;
        let answer = match (request.param("kind"), request.param("period")) {
            (Some(kind), Some(period)) => self.report(&request, kind, period).await,
            _ => self.list(&request).await,
        };
        Ok(answer?.cacheable(&request))
    }

    async fn list(&self, request: &HttpRequest) -> Result<HttpResponse, Rejection> {
        let query = read(request, &[Format::Html, Format::Json])?;
        let survey = query.survey.as_ref();
        let [weekly, monthly] = Kind::ALL.map(|kind| self.store.reports(kind, survey, LISTED));
        let (weekly, monthly) = tokio::try_join!(weekly, monthly)
            .map_err(|error| trouble(request, "list the reports", error))?;
        if query.format == Format::Html {
            let lang = request.locale().tag();
            let entries = |listed: &[Listed]| -> Vec<ReportEntry> {
                let listed = listed.iter();
                listed
                    .map(|of| entry(of, &format!("&format=html&lang={lang}")))
                    .collect()
            };
            let page = reports_page(request.locale(), &entries(&weekly), &entries(&monthly));
            return Ok(self.page(page));
        }
        let listed = weekly.iter().chain(&monthly);
        let as_of = listed.clone().map(|of| of.as_of).max();
        let reports: Vec<Value> = listed
            .map(|of| {
                json!({
                    "kind": of.id.kind(),
                    "period": of.id.period().to_string(),
                    "survey": of.id.survey(),
                    "edition": of.edition,
                    "as_of": of.as_of,
                    "address": address(&of.id),
                })
            })
            .collect();
        Ok(HttpResponse::json(
            200,
            &json!({"reports": reports, "as_of": as_of}),
        )?)
    }

    async fn report(
        &self,
        request: &HttpRequest,
        kind: &str,
        period: &str,
    ) -> Result<HttpResponse, Rejection> {
        let query = read(request, &Format::ALL)?;
        let survey = query.survey.unwrap_or_else(FormId::default_form);
        let missing = || {
            request.problem(Trouble::NotFound).detail(
                "没有这份报告。周报以 2026-W47 命名，月报以 2026-11 命名；到期前不会生成。",
                "There is no such report. Weeks are named like 2026-W47 and months like 2026-11; none is written before it is due.",
            )
        };
        let id = Kind::from_name(kind).and_then(|kind| ReportId::named(kind, period, survey));
        let id = id.ok_or_else(missing)?;
        let report = self.store.report(&id).await;
        let report = report.map_err(|error| trouble(request, "read the report", error))?;
        let report = report.ok_or_else(missing)?;
        let names = self.store.names_in(&report.numbers).await;
        let names = names.map_err(|error| trouble(request, "read the names", error))?;
        let name = format!("{kind}-{period}-{}", id.survey());
        Ok(match query.format {
            Format::Html => {
                let examples = self.examples(request, &report).await?;
                let page = page(request, &report, &names, &texts(&examples));
                self.page(page)
            }
            Format::Json => {
                let examples = self.examples(request, &report).await?;
                HttpResponse::json(200, &shown(&report, &names, &examples))?
            }
            Format::Csv => HttpResponse::new(200)
                .body(
                    csv::CONTENT_TYPE,
                    table::csv(&report, &report.numbers.facts(&names)),
                )
                .attachment(&format!("{name}.csv")),
            Format::Parquet => {
                let file = parquet(&report, &report.numbers.facts(&names));
                let file = file.map_err(|error| Fault::doing("write the Parquet file", error))?;
                HttpResponse::new(200).file(
                    "application/vnd.apache.parquet",
                    &format!("{name}.parquet"),
                    &file,
                )
            }
        })
    }

    fn page(&self, page: String) -> HttpResponse {
        HttpResponse::html(200, page)
            .headers(&HEADERS)
            .header("content-security-policy", report_policy())
    }

    /// What customers wrote, as it is kept now, of each type of complaint in its order.
    async fn examples(
        &self,
        request: &HttpRequest,
        report: &Report,
    ) -> Result<Vec<Vec<(ResponseId, String)>>, Rejection> {
        let Numbers::Weekly(week) = &report.numbers else {
            return Ok(Vec::new());
        };
        let of_type = |ids: Vec<ResponseId>| async move {
            let read = ids.into_iter().map(|id| self.text(id));
            let texts = try_join_all(read).await?;
            Ok::<_, StoreError>(texts.into_iter().flatten().collect())
        };
        let types = week.complaints.top.iter();
        let read = types.map(|of| of_type(of.examples.clone()));
        let examples = try_join_all(read).await;
        examples.map_err(|error| trouble(request, "read the examples", error))
    }

    /// The words of a response, masked; `None` if it has none, or was erased.
    async fn text(&self, id: ResponseId) -> Result<Option<(ResponseId, String)>, StoreError> {
        let response = match self.store.response(id).await {
            Ok(Lookup::Found(response)) => response,
            Ok(Lookup::Erased | Lookup::Missing) => return Ok(None),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "an example was passed over");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let text = response.submission.text.as_deref().map(mask_text);
        Ok(text.map(|text| (id, text)))
    }
}

fn read(request: &HttpRequest, formats: &[Format]) -> Result<Query, Rejection> {
    let query = Query::read(request, formats);
    Ok(query.map_err(|faults| request.problem(Trouble::Invalid).errors(faults))?)
}

fn texts(examples: &[Vec<(ResponseId, String)>]) -> Examples {
    let of_type = |texts: &Vec<(ResponseId, String)>| {
        let texts = texts.iter();
        texts.map(|(_, text)| text.clone()).collect()
    };
    examples.iter().map(of_type).collect()
}

/// Where a report is.
fn address(id: &ReportId) -> String {
    format!(
        "/v1/reports/{}/{}?survey={}",
        id.kind(),
        id.period(),
        id.survey()
    )
}

fn entry(listed: &Listed, rest: &str) -> ReportEntry {
    ReportEntry {
        period: listed.id.period().to_string(),
        survey: listed.id.survey().to_string(),
        address: format!("{}{rest}", address(&listed.id)),
        edition: listed.edition,
    }
}

fn page(request: &HttpRequest, report: &Report, names: &Names, examples: &Examples) -> String {
    let zone = calendar::zone(&report.zone).unwrap_or(TimeZone::UTC);
    let view = ReportView {
        locale: request.locale(),
        period: report.id.period(),
        survey: report.id.survey().as_str(),
        edition: report.edition,
        as_of: report.as_of,
        zone: &zone,
        numbers: &report.numbers,
        names,
    };
    let address = address(&report.id);
    let formats = [Format::Csv, Format::Parquet, Format::Json]
        .map(|format| (format.name(), format!("{address}&format={}", format.name())));
    let formats = formats
        .each_ref()
        .map(|(name, address)| (*name, address.as_str()));
    report_page(&view, examples, &formats)
}

fn shown(report: &Report, names: &Names, examples: &[Vec<(ResponseId, String)>]) -> Value {
    let period = report.id.period();
    let example = |(id, text): &(ResponseId, String)| json!({"response": id, "text": text});
    let of_type = |of: &Vec<(ResponseId, String)>| of.iter().map(example).collect::<Vec<_>>();
    let examples: Vec<_> = examples.iter().map(of_type).collect();
    json!({
        "kind": report.id.kind(),
        "period": period.to_string(),
        "from": period.first(),
        "to": period.last(),
        "survey": report.id.survey(),
        "zone": report.zone,
        "edition": report.edition,
        "as_of": report.as_of,
        "numbers": report.numbers,
        "names": names,
        "examples": examples,
    })
}

/// What the table's refusal means to the caller: a passing one is worth trying again.
fn trouble(request: &HttpRequest, what: &str, error: StoreError) -> Rejection {
    let retryable = error.is_retryable();
    let fault = Fault::doing(what, error);
    if !retryable {
        return fault.into();
    }
    tracing::warn!(%fault, route = request.route, "the table is not available");
    let problem = request.problem(Trouble::Unavailable);
    problem.header("retry-after", "1").into()
}

impl Function for App {
    const NAME: &'static str = "serve-reports";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        _invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        // Boxed: the compiler gives up on computing the size of main's future otherwise.
        let served = http::serve(event, |request| self.answer(request));
        Ok(Box::pin(served).await)
    }
}
