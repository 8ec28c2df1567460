//! From a request to a report.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::Timestamp;
use resound_domain::form::FormId;
use resound_domain::tally::{Dimension, Tally};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::{DayCell, Rules, Store, StoreError};

use crate::Config;
use crate::query::{By, Query};
use crate::report::{Compared, Report};

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
}

/// What the nights have made of one survey.
struct Counted {
    survey: FormId,
    cells: Vec<DayCell>,
    as_of: Option<Timestamp>,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        let rules = Rules::new(store.clone(), config.calendars.clone(), Vec::new());
        Self {
            config,
            store,
            rules,
        }
    }

    async fn answer(
        &self,
        request: HttpRequest,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Rejection> {
        request.require(Scope::ReportsRead)?;
        let today = request.at.to_zoned(self.config.zone.clone()).date();
        let query = Query::read(&request, today)
            .map_err(|faults| request.problem(Kind::Invalid).errors(faults))?;
        let surveys = match &query.survey {
            // Not looked up among the forms: what a form that is gone has counted can still be asked for.
            Some(survey) => vec![survey.clone()],
            None => self.surveys(invocation.machine_now).await?,
        };
        let counted = try_join_all(surveys.into_iter().map(|s| self.count(s, &query)))
            .await
            .map_err(|error| trouble(&request, error))?;
        // A survey that had no night yet has nothing to be out of date.
        let as_of = counted.iter().filter_map(|counted| counted.as_of).min();
        let report = Report::new(&query, rows(&query, counted), as_of, request.locale());
        Ok(HttpResponse::json(200, &report)?.no_store())
    }

    async fn surveys(&self, machine_now: Timestamp) -> Result<Vec<FormId>, Fault> {
        let forms = self.rules.forms(machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        Ok(forms.iter().map(|form| form.id.clone()).collect())
    }

    async fn count(&self, survey: FormId, query: &Query) -> Result<Counted, StoreError> {
        let dimension = match query.by {
            // A survey or a day is counted in one cell of its own tallies.
            By::Day | By::Dimension(Dimension::Survey) => Dimension::All,
            By::Dimension(dimension) => dimension,
        };
        let (cells, watermark) = tokio::try_join!(
            self.store
                .tallies(&survey, query.read_from(), query.days.to, dimension),
            self.store.watermark(&survey),
        )?;
        Ok(Counted {
            survey,
            cells,
            as_of: watermark.map(|watermark| watermark.as_of),
        })
    }
}

impl Function for App {
    const NAME: &'static str = "report-nps";
    type Event = HttpEvent;
    type Output = HttpResponse;

    async fn handle(
        &self,
        event: HttpEvent,
        invocation: &Invocation,
    ) -> Result<HttpResponse, Fault> {
        // Boxed: the compiler gives up on computing the size of main's future otherwise.
        let served = http::serve(event, |request| self.answer(request, invocation));
        Ok(Box::pin(served).await)
    }
}

/// The counts of each row, and of what it is compared with, in the order of their keys.
fn rows(query: &Query, counted: Vec<Counted>) -> BTreeMap<String, Compared> {
    let mut rows: BTreeMap<String, Compared> = BTreeMap::new();
    let mut add = |key: String, before: bool, tally: &Tally| {
        let row = rows.entry(key).or_default();
        let of = if before {
            row.before.get_or_insert_default()
        } else {
            row.now.get_or_insert_default()
        };
        of.merge(tally);
    };
    for Counted { survey, cells, .. } in counted {
        for DayCell { day, cell } in cells {
            let now = query.days.contain(day);
            match query.by {
                By::Day => {
                    if now {
                        add(day.to_string(), false, &cell.tally);
                    }
                    // What is today's number is tomorrow's to be compared with.
                    if let Ok(next) = day.tomorrow()
                        && query.days.contain(next)
                    {
                        add(next.to_string(), true, &cell.tally);
                    }
                }
                By::Dimension(Dimension::Survey) => add(survey.to_string(), !now, &cell.tally),
                By::Dimension(_) => add(cell.value.into_string(), !now, &cell.tally),
            }
        }
    }
    rows
}

/// What the table's refusal means to the caller: a passing one is worth trying again.
fn trouble(request: &HttpRequest, error: StoreError) -> Rejection {
    let retryable = error.is_retryable();
    let fault = Fault::doing("read the tallies", error);
    if !retryable {
        return fault.into();
    }
    tracing::warn!(%fault, route = request.route, "the table is not available");
    let problem = request.problem(Kind::Unavailable);
    problem.header("retry-after", "1").into()
}
