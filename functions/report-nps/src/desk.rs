//! One request, and what every report is made from.

use std::sync::Arc;

use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::tally::{Cut, Tally};
use resound_domain::targets::Targets;
use resound_lambda_kit::Fault;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_lambda_kit::problem::{FieldError, Kind};
use resound_store::{DayCell, Rules, Store, StoreError};
use serde::Serialize;

use crate::query::Days;

/// One request, and what it is answered from.
pub(crate) struct Desk<'a> {
    pub(crate) request: &'a HttpRequest,
    pub(crate) store: &'a Store,
    rules: &'a Rules,
    forms: Arc<Forms>,
    /// That of the deployment.
    pub(crate) zone: &'a TimeZone,
    machine_now: Timestamp,
}

impl<'a> Desk<'a> {
    /// The desk of a request. `zone` is that of the deployment.
    pub(crate) async fn open(
        request: &'a HttpRequest,
        store: &'a Store,
        rules: &'a Rules,
        zone: &'a TimeZone,
        machine_now: Timestamp,
    ) -> Result<Self, Rejection> {
        let forms = rules.forms(machine_now).await;
        let forms = forms.map_err(|error| trouble(request, "read the forms", error))?;
        Ok(Self {
            request,
            store,
            rules,
            forms,
            zone,
            machine_now,
        })
    }

    /// The local day of the request where a survey is; of all surveys, and of one whose form is gone, where the deployment is.
    pub(crate) fn today(&self, survey: Option<&FormId>) -> Date {
        let form = survey.and_then(|survey| self.forms.get(survey));
        let own = form.and_then(Form::time_zone);
        let zone = own.unwrap_or_else(|| self.zone.clone());
        self.request.at.to_zoned(zone).date()
    }

    /// The survey that is asked for, or all there are.
    pub(crate) fn surveys(&self, survey: Option<&FormId>) -> Vec<FormId> {
        match survey {
            // Not looked up among the forms: what a form that is gone has counted can still be asked for.
            Some(survey) => vec![survey.clone()],
            None => self.forms.iter().map(|form| form.id.clone()).collect(),
        }
    }

    /// What the company wants to reach.
    pub(crate) async fn targets(&self) -> Result<Arc<Targets>, Rejection> {
        let targets = self.rules.targets(self.machine_now).await;
        targets.map_err(|error| trouble(self.request, "read the targets", error))
    }

    /// The cells of a cut on these days, of all these surveys.
    pub(crate) async fn tallies(
        &self,
        surveys: &[FormId],
        days: Days,
        cut: impl Into<Cut>,
    ) -> Result<Vec<DayCell>, Rejection> {
        let cut = cut.into();
        let read = surveys
            .iter()
            .map(|survey| self.store.tallies(survey, days.from, days.to, cut));
        let cells = try_join_all(read).await;
        let cells = cells.map_err(|error| trouble(self.request, "read the tallies", error))?;
        Ok(cells.into_iter().flatten().collect())
    }

    /// Business time of the run that the numbers of these surveys are from, the earliest of them; `None` before the first
    /// night. A survey that had no night yet has nothing to be out of date.
    pub(crate) async fn as_of(&self, surveys: &[FormId]) -> Result<Option<Timestamp>, Rejection> {
        let read = surveys.iter().map(|survey| self.store.watermark(survey));
        let watermarks = try_join_all(read).await;
        let watermarks =
            watermarks.map_err(|error| trouble(self.request, "read the watermarks", error))?;
        let watermarks = watermarks.into_iter().flatten();
        Ok(watermarks.map(|watermark| watermark.as_of).min())
    }

    /// The refusal of a query with these faults.
    pub(crate) fn refuse(&self, faults: Vec<FieldError>) -> Rejection {
        self.request.problem(Kind::Invalid).errors(faults).into()
    }

    /// An answer that the caller may keep.
    pub(crate) fn answer(&self, body: &impl Serialize) -> Result<HttpResponse, Rejection> {
        Ok(HttpResponse::json(200, body)?.cacheable(self.request))
    }
}

/// All of these together.
pub(crate) fn sum<'c>(cells: impl IntoIterator<Item = &'c DayCell>) -> Tally {
    let mut sum = Tally::default();
    for DayCell { cell, .. } in cells {
        sum.merge(&cell.tally);
    }
    sum
}

/// What the table's refusal means to the caller: a passing one is worth trying again.
pub(crate) fn trouble(request: &HttpRequest, doing: &'static str, error: StoreError) -> Rejection {
    let retryable = error.is_retryable();
    let fault = Fault::doing(doing, error);
    if !retryable {
        return fault.into();
    }
    tracing::warn!(%fault, route = request.route, "the table is not available");
    let problem = request.problem(Kind::Unavailable);
    problem.header("retry-after", "1").into()
}
