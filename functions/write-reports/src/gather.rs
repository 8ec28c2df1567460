//! What a report is made of, as the table has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::nps::Period;
use resound_domain::report::{
    ComplaintKey, Found, Kept, Kind, MonthInput, Monthly, Numbers, ReportId, TREND_MONTHS,
    WeekInput, Weekly,
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

    /// The numbers of a report that was due at this instant.
    pub(crate) async fn numbers(
        &self,
        id: &ReportId,
        due: Timestamp,
    ) -> Result<Numbers, StoreError> {
        Ok(match id.kind() {
            Kind::Weekly => Numbers::Weekly(Box::new(Weekly::of(&self.week(id, due).await?))),
            Kind::Monthly => Numbers::Monthly(Box::new(Monthly::of(&self.month(id).await?))),
        })
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
