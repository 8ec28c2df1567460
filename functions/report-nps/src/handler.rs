//! From a request to a report.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::submission::Tier;
use resound_domain::tally::{Counted as Counts, Dimension, Tally};
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::http::{self, HttpEvent, HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::Kind;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_store::{DayCell, Part, Rules, Store, StoreError};

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
    /// What drivers are held against: the cells of all.
    all: Vec<DayCell>,
    /// What is weighted: the cells by tier.
    tiers: Vec<DayCell>,
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
        let mut all = Tally::default();
        for DayCell { cell, .. } in counted.iter().flat_map(|counted| &counted.all) {
            all.merge(&cell.tally);
        }
        let rows = rows(&query, counted);
        let report = Report::new(&query, rows, &all, as_of, request.locale());
        Ok(HttpResponse::json(200, &report)?.cacheable(&request))
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
        let beside = async |wanted: bool, dimension| match wanted {
            true => {
                let (from, to) = (query.days.from, query.days.to);
                self.store.tallies(&survey, from, to, dimension).await
            }
            false => Ok(Vec::new()),
        };
        let (cells, all, tiers, watermark) = tokio::try_join!(
            self.store
                .tallies(&survey, query.read_from(), query.days.to, dimension),
            beside(query.drivers, Dimension::All),
            beside(query.weights.is_some(), Dimension::Tier),
            self.store.watermark(&survey),
        )?;
        Ok(Counted {
            survey,
            cells,
            all,
            tiers,
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
    for counted in counted {
        let survey = counted.survey;
        let key = |day: Date, value: Part| match query.by {
            By::Day => day.to_string(),
            By::Dimension(Dimension::Survey) => survey.to_string(),
            By::Dimension(_) => value.into_string(),
        };
        for DayCell { day, cell } in counted.cells {
            // What is today's number is tomorrow's to be compared with.
            if query.by == By::Day
                && let Ok(next) = day.tomorrow()
                && query.days.contain(next)
            {
                let row = rows.entry(next.to_string()).or_default();
                row.before.get_or_insert_default().merge(&cell.tally);
            }
            let now = query.days.contain(day);
            if now || query.by != By::Day {
                let row = rows.entry(key(day, cell.value)).or_default();
                let of = if now { &mut row.now } else { &mut row.before };
                of.get_or_insert_default().merge(&cell.tally);
            }
        }
        for DayCell { day, cell } in counted.tiers {
            let tier = Tier::ALL
                .into_iter()
                .find(|t| t.name() == cell.value.as_str());
            let all = match query.by {
                By::Dimension(Dimension::All) => Counts::ALL.to_owned(),
                _ => key(day, cell.value),
            };
            // The tier of a newer version is not known here: like no tier at all, what is left of the row counts for it.
            if let Some(tier) = tier {
                let row = rows.entry(all).or_default();
                row.tiers.entry(tier).or_default().merge(&cell.tally);
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
