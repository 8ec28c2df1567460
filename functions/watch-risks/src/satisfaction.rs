//! The rule about the satisfaction of a survey.

use jiff::civil::Date;
use resound_domain::risk::{Assessment, Mark, PERIODS, Period, Rule, Task, review};
use resound_domain::tally::{Dimension, Tally};
use resound_lambda_kit::idempotency::subject_id;
use resound_store::{StoreError, Watch};

use crate::handler::{App, Finding, Survey};

/// How many periods are made up for after a time without nights; and the first time of all, the last one.
const MOST_PERIODS: i64 = 3;

impl App {
    /// Judges every period whose nights are counted and that was not judged yet.
    pub(crate) async fn satisfaction(
        &self,
        survey: &mut Survey<'_>,
        assessed_to: Option<Date>,
    ) -> Result<(), StoreError> {
        let today = survey.now.to_zoned(survey.zone.clone()).date();
        let next = assessed_to.map(|day| Period::of(day).after());
        if next.is_some_and(|next| next.last_day() >= today) {
            return Ok(());
        }
        let Some(counted) = self.store.watermark(survey.id).await? else {
            return Ok(());
        };
        // The last one that ended by then.
        let last = match Period::of(counted.day) {
            period if period.last_day() == counted.day => period,
            period => period.before(),
        };
        let mut oldest = last;
        for _ in 1..MOST_PERIODS {
            oldest = oldest.before();
        }
        let mut period = next.map_or(last, |next| next.max(oldest));
        while period <= last {
            if !survey.goes_on() {
                return Ok(());
            }
            self.assess(survey, period).await?;
            survey.watched.periods += 1;
            let watch = Watch {
                assessed_to: Some(period.last_day()),
                ..Watch::default()
            };
            self.store.watched(survey.id, watch).await?;
            period = period.after();
        }
        Ok(())
    }

    async fn assess(&self, survey: &mut Survey<'_>, newest: Period) -> Result<(), StoreError> {
        let mut periods = [newest; PERIODS];
        let mut period = newest;
        for place in periods.iter_mut().rev() {
            *place = period;
            period = period.before();
        }
        let [first, ..] = periods;
        let cells = self.store.tallies(
            survey.id,
            first.first_day(),
            newest.last_day(),
            Dimension::All,
        );
        let cells = cells.await?;
        let assessments = periods.map(|period| {
            let days = period.first_day()..=period.last_day();
            let of_period = cells.iter().filter(|cell| days.contains(&cell.day));
            let mut tally = Tally::default();
            of_period.for_each(|cell| tally.merge(&cell.cell.tally));
            Assessment::of(&tally)
        });
        let Some(other) = review(&assessments) else {
            return Ok(());
        };
        let (Some(earlier), Some(before)) = (periods.get(other), assessments.get(other)) else {
            return Ok(());
        };
        let [.., after] = assessments;
        let subject = subject_id(&["survey"], survey.id.as_str());
        let seen = self.store.marks(subject).await?.get(&Rule::Review).copied();
        let (mark, to) = (Mark::Day(newest.last_day()), newest.last_day());
        if seen.is_some_and(|seen| seen.mark == mark) {
            // A run that broke off behind it.
            return Ok(());
        }
        let finding = Finding {
            task: Task::Review {
                survey: survey.id.clone(),
                from: earlier.first_day(),
                before: *before,
                to,
                after,
            },
            subject,
            mark,
            period: to.to_string(),
            seen,
        };
        let raised = self.raise(finding, survey.now, survey.invocation).await?;
        survey.watched.raised += u64::from(raised.is_some());
        Ok(())
    }
}
