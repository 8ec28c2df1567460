//! The surveys, one after another, and how a task is opened.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use resound_domain::case::Case;
use resound_domain::form::{Form, FormId};
use resound_domain::id::SubjectId;
use resound_domain::risk::{Mark, Task};
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::idempotency::task_id;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_messages::Tick;
use resound_store::{Raise, Raised, Rules, Spoken, Store, StoreError};
use serde::Serialize;

use crate::Config;

/// How far back a run looks for what earlier ones missed.
pub const LOOKS_BACK_DAYS: i64 = 31;

/// What came in this time before the watermark is looked at again: indexes lag. A day is complete as long after its end.
pub(crate) const LAG: SignedDuration = SignedDuration::from_mins(15);

/// Nothing is begun with less time than this: one call may take almost as long.
const RESERVE: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    pub(crate) store: Store,
    rules: Rules,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// Customers whose responses were judged, each as often as they were come across.
    pub customers: u64,
    /// Local days whose complaints were judged, of all surveys.
    pub days: u64,
    /// Periods whose satisfaction was judged, of all surveys.
    pub periods: u64,
    /// Tasks that were opened.
    pub raised: u64,
    /// Whether work is left for the next run.
    pub unfinished: bool,
}

/// A survey in one run.
pub(crate) struct Survey<'a> {
    pub(crate) id: &'a FormId,
    pub(crate) zone: TimeZone,
    /// Business time of the run.
    pub(crate) now: Timestamp,
    pub(crate) invocation: &'a Invocation,
    pub(crate) watched: Watched,
}

impl Survey<'_> {
    /// Whether to go on; if not, the rest is left for the next run.
    pub(crate) fn goes_on(&mut self) -> bool {
        let goes_on = self.invocation.time_left() >= RESERVE;
        self.watched.unfinished |= !goes_on;
        goes_on
    }
}

/// What a rule found, before it is a task.
pub(crate) struct Finding {
    pub(crate) task: Task,
    pub(crate) subject: SubjectId,
    /// Up to where the rule has spoken with it.
    pub(crate) mark: Mark,
    /// What of it makes the id of the task, beside rule and subject.
    pub(crate) period: String,
    /// Up to where the rule had spoken before.
    pub(crate) seen: Option<Spoken>,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        Self {
            rules: Rules::new(store.clone(), config.calendars.clone(), Vec::new()),
            store,
            config,
        }
    }

    fn zone(&self, form: &Form) -> TimeZone {
        form.time_zone().unwrap_or_else(|| self.config.zone.clone())
    }

    /// Opens the task of a finding, under the rules that apply at the run; `None` if another run did.
    pub(crate) async fn raise(
        &self,
        finding: Finding,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<Option<Spoken>, StoreError> {
        let Finding {
            task,
            subject,
            mark,
            period,
            seen,
        } = finding;
        let rule = task.rule();
        let id = task_id(rule, subject, &period);
        let book = self.rules.book(invocation.machine_now).await?;
        let opened = Case::open_task(id, now, task, &book);
        let Some(case) = Case::begin(&opened) else {
            // An opening begins a case.
            return Ok(None);
        };
        let raise = Raise {
            case: &case,
            opened: &opened,
            subject,
            mark,
            seen,
        };
        match self.store.raise(&raise, invocation.machine_now).await? {
            Raised::Raised(spoken) => {
                invocation.metrics.count(Counter::RisksRaised, 1);
                tracing::info!(case = %id, rule = rule.name(), "a risk was raised");
                Ok(Some(spoken))
            }
            Raised::Lost => Ok(None),
        }
    }

    /// Looks at a survey by every rule. One that fails does not stop the others.
    async fn survey(&self, survey: &mut Survey<'_>) -> Result<(), String> {
        let watch = self.store.watch(survey.id).await;
        let watch = watch.map_err(|error| Fault::doing("read the watermark", error).to_string())?;
        let mut failed = Vec::new();
        let mut done = |what: &'static str, result: Result<(), StoreError>| {
            if let Err(error) = result {
                failed.push(Fault::doing(what, error).to_string());
            }
        };
        let products = self.products(survey, watch.judged_to).await;
        done("judge the days", products);
        let satisfaction = self.satisfaction(survey, watch.assessed_to).await;
        done("assess the satisfaction", satisfaction);
        // Last: there may be the most of them.
        let customers = self.customers(survey, watch.heard_to).await;
        done("judge the customers", customers);
        match failed.is_empty() {
            true => Ok(()),
            false => Err(failed.join(", ")),
        }
    }
}

/// What came of one subject; `None` if something of it cannot be read: that is logged and left to a person, and keeps no
/// other waiting.
pub(crate) fn passed_over<T>(judged: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match judged {
        Ok(judged) => Ok(Some(judged)),
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(fault = %Fault::from(error), "a subject was passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Function for App {
    const NAME: &'static str = "watch-risks";
    type Event = Tick;
    type Output = Watched;

    /// One survey that fails does not stop the others; the run then fails at its end and is tried again.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Watched, Fault> {
        let forms = self.rules.forms(invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let mut sum = Watched::default();
        let mut failed = Vec::new();
        for form in forms.iter() {
            let mut survey = Survey {
                id: &form.id,
                zone: self.zone(form),
                now: tick.time,
                invocation,
                watched: Watched::default(),
            };
            if let Err(fault) = self.survey(&mut survey).await {
                failed.push(format!("{}: {fault}", form.id));
            }
            let of = survey.watched;
            sum.customers += of.customers;
            sum.days += of.days;
            sum.periods += of.periods;
            sum.raised += of.raised;
            sum.unfinished |= of.unfinished;
        }
        let Watched {
            customers,
            days,
            periods,
            raised,
            unfinished,
        } = sum;
        tracing::info!(customers, days, periods, raised, unfinished, "watched");
        invocation
            .metrics
            .count(Counter::RisksUnfinished, unfinished.into());
        if unfinished {
            tracing::warn!("the rest is left for the next run");
        }
        if failed.is_empty() {
            return Ok(sum);
        }
        Err(Fault::new(format!(
            "{} surveys were not watched to the end: {}",
            failed.len(),
            failed.join("; ")
        )))
    }
}
