//! What a report is made of, as the table has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use resound_domain::form::FormId;
use resound_domain::issue::Improvement;
use resound_domain::nps::{Period, Window};
use resound_domain::report::{
    ComplaintKey, Found, ImprovementRow, Kept, Kind, MonthInput, Monthly, Numbers, Priorities,
    ReportId, TREND_MONTHS, WeekInput, Weekly,
};
use resound_domain::statistics::Course;
use resound_domain::submission::Channel;
use resound_domain::tally::{Counted, Dimension, Tally};
use resound_lambda_kit::Invocation;
use resound_store::{DayCell, Rules, Store, StoreError};

/// Reads what reports are made of.
pub(crate) struct Gather<'a> {
    pub(crate) store: &'a Store,
    pub(crate) rules: &'a Rules,
    pub(crate) invocation: &'a Invocation,
}

impl Gather<'_> {
    /// Everything of a period, in one tally.
    pub(crate) async fn all(&self, survey: &FormId, period: Period) -> Result<Tally, StoreError> {
        let (from, to) = (period.first(), period.last());
        let cells = self.store.tallies(survey, from, to, Dimension::All).await?;
        Ok(sum(&cells, |_| true))
    }

    /// The numbers of a report that was due at this instant, in this zone, with this list.
    pub(crate) async fn numbers(
        &self,
        id: &ReportId,
        due: Timestamp,
        zone: &TimeZone,
        priorities: Option<Priorities>,
    ) -> Result<Numbers, StoreError> {
        Ok(match id.kind() {
            Kind::Weekly => Numbers::Weekly(Box::new(Weekly::of(&self.week(id, due).await?))),
            Kind::Monthly => {
                let mut input = self.month(id).await?;
                input.priorities = priorities;
                input.improvements = self.improvements(id.period(), due, zone).await?;
                input.days = self.days_compared(id, &input.improvements).await?;
                Numbers::Monthly(Box::new(Monthly::of(&input)))
            }
        })
    }

    /// What is to be mended first, as the customers of each issue are counted now.
    pub(crate) async fn priorities(&self) -> Result<Priorities, StoreError> {
        let targets = self.rules.targets(self.invocation.machine_now).await?;
        let found = self.store.issues().await?;
        passed_over(&found.corrupt);
        let issues = found.issues.iter();
        Ok(Priorities::of(
            issues.map(|known| (&known.issue, known.reach.as_ref())),
            &targets.priority,
        ))
    }

    /// What was being done at `due`, or had shipped by then: what happened later is not told.
    async fn improvements(
        &self,
        month: Period,
        due: Timestamp,
        zone: &TimeZone,
    ) -> Result<Vec<ImprovementRow>, StoreError> {
        let found = self.store.improvements().await?;
        passed_over(&found.corrupt);
        let mut rows = Vec::new();
        for now in &found.improvements {
            // Nothing but words is added to what has shipped, so what it is now tells whether it can be in this report.
            let old =
                now.shipped().is_some() && ImprovementRow::of(now, due, zone, month).is_none();
            if old || now.opened_at() > due {
                continue;
            }
            let history = match self.store.improvement_history(now.id()).await {
                Ok(history) => history,
                Err(error @ StoreError::Corrupt { .. }) => {
                    passed_over(&[error]);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let log = history.iter().flat_map(|history| &history.log);
            let log = log.map(|logged| &logged.entry);
            let then = Improvement::replay(now.id(), log.filter(|entry| entry.at <= due));
            rows.extend(then.and_then(|then| ImprovementRow::of(&then, due, zone, month)));
        }
        Ok(rows)
    }

    /// Whole months of days by touchpoint, as far back as improvements are compared.
    async fn days_compared(
        &self,
        id: &ReportId,
        improvements: &[ImprovementRow],
    ) -> Result<BTreeMap<Date, BTreeMap<String, Tally>>, StoreError> {
        let mut days: BTreeMap<Date, BTreeMap<String, Tally>> = BTreeMap::new();
        let compared = improvements.iter().filter_map(|row| row.spans);
        let first = compared.map(|spans| spans.before[0]).min();
        let Some(month) = first.and_then(|first| Window::Month.period(first)) else {
            return Ok(days);
        };
        let (from, to) = (month.first(), id.period().last());
        let cells = self
            .store
            .tallies(id.survey(), from, to, Dimension::Touchpoint);
        for DayCell { day, cell, .. } in cells.await? {
            let of_day = days.entry(day).or_default();
            of_day
                .entry(cell.value.into_string())
                .or_default()
                .merge(&cell.tally);
        }
        Ok(days)
    }

    async fn week(&self, id: &ReportId, due: Timestamp) -> Result<WeekInput, StoreError> {
        let (survey, period) = (id.survey(), id.period());
        let mut input = WeekInput {
            all: self.all(survey, period).await?,
            complaints: self.complaints(survey, period).await?,
            kept: self.kept(survey, period, due).await?,
            ..WeekInput::default()
        };
        let channels = self.by(survey, period, Dimension::Channel).await?;
        input.channels = channels
            .into_iter()
            .filter_map(|(name, tally)| Some((Channel::from_name(&name)?, tally)))
            .collect();
        if let Some(before) = period.previous() {
            input.all_before = self.all(survey, before).await?;
            input.complaints_before = self.complaints(survey, before).await?;
        }
        Ok(input)
    }

    async fn month(&self, id: &ReportId) -> Result<MonthInput, StoreError> {
        let (survey, period) = (id.survey(), id.period());
        let mut months = vec![period];
        while months.len() < TREND_MONTHS
            && let Some(before) = months.last().and_then(|oldest| oldest.previous())
        {
            months.push(before);
        }
        months.reverse();
        let from = months
            .first()
            .map_or(period.first(), |oldest| oldest.first());
        let cells = self
            .store
            .tallies(survey, from, period.last(), Dimension::All);
        let cells = cells.await?;
        let of_month = |month: &Period| {
            let tally = sum(&cells, |day| month.contains(day));
            (month.to_string(), tally)
        };
        let mut trend: Vec<_> = months.iter().map(of_month).collect();
        // Months before the first response say nothing.
        let counted = trend.iter().position(|(_, tally)| tally.responses > 0);
        let unused = counted
            .unwrap_or(trend.len())
            .min(trend.len().saturating_sub(1));
        trend.drain(..unused);
        let touchpoints = self.by(survey, period, Dimension::Touchpoint).await?;
        let targets = self.rules.targets(self.invocation.machine_now).await?;
        let targets = touchpoints
            .keys()
            .filter_map(|name| Some((name.clone(), targets.nps.target(name)?)))
            .collect();
        let mut input = MonthInput {
            months: trend,
            categories: self.by(survey, period, Dimension::Category).await?,
            touchpoints,
            targets,
            ..MonthInput::default()
        };
        if let Some(before) = period.previous() {
            input.touchpoints_before = self.by(survey, before, Dimension::Touchpoint).await?;
            input.categories_before = self.by(survey, before, Dimension::Category).await?;
        }
        Ok(input)
    }

    async fn by(
        &self,
        survey: &FormId,
        period: Period,
        dimension: Dimension,
    ) -> Result<BTreeMap<String, Tally>, StoreError> {
        let (from, to) = (period.first(), period.last());
        let cells = self.store.tallies(survey, from, to, dimension).await?;
        let mut by: BTreeMap<String, Tally> = BTreeMap::new();
        for DayCell { cell, .. } in cells {
            by.entry(cell.value.into_string())
                .or_default()
                .merge(&cell.tally);
        }
        Ok(by)
    }

    async fn complaints(
        &self,
        survey: &FormId,
        period: Period,
    ) -> Result<BTreeMap<ComplaintKey, Found>, StoreError> {
        let mut found: BTreeMap<ComplaintKey, Found> = BTreeMap::new();
        let days = (period.first(), period.last());
        let read = self.store.complaints(survey, days, |response| {
            let key = ComplaintKey {
                category: response.triage.category,
                touchpoint: Counted::of(response).touchpoint,
            };
            found.entry(key).or_default().add(response.id);
        });
        passed_over(&read.await?);
        Ok(found)
    }

    /// How the cases went that the responses of these days opened, as of `due`: what happened later is not told.
    async fn kept(
        &self,
        survey: &FormId,
        period: Period,
        due: Timestamp,
    ) -> Result<BTreeMap<Channel, Kept>, StoreError> {
        let book = self.rules.book(self.invocation.machine_now).await?;
        let mut kept: BTreeMap<Channel, Kept> = BTreeMap::new();
        let surveys = [survey.clone()];
        let days = (period.first(), period.last());
        let read = self.store.logs(&surveys, days, |mut log| {
            log.retain(|event| event.at <= due);
            match Course::of(&log, due, &book) {
                Ok(course) => {
                    if let Some(channel) = course.channel {
                        kept.entry(channel).or_default().add(&course);
                    }
                }
                Err(error) => {
                    let case = log.first().map(|event| event.case.to_string());
                    tracing::error!(case, %error, "the log of a case is broken");
                }
            }
        });
        passed_over(&read.await?);
        Ok(kept)
    }
}

fn sum(cells: &[DayCell], of: impl Fn(Date) -> bool) -> Tally {
    let mut tally = Tally::default();
    let cells = cells.iter().filter(|cell| of(cell.day));
    cells.for_each(|cell| tally.merge(&cell.cell.tally));
    tally
}

/// One that cannot be read must not cost the others their report.
fn passed_over(corrupt: &[StoreError]) {
    for error in corrupt {
        tracing::error!(%error, "something was passed over");
    }
}
