//! Which days to count, and the watermark behind them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan};
use resound_domain::calendar;
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::tally::Dimension;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_messages::Tick;
use resound_store::{ConfigKind, Store, StoreError, Watermark, WroteDay};
use serde::Serialize;

use crate::Config;
use crate::count::Day;

/// How many days before today are always counted again.
const RECENT_DAYS: i64 = 3;

/// How many days before the watermark are counted again.
const OVERLAP_DAYS: i64 = 2;

/// How many days before today are counted at most.
const MOST_DAYS: i64 = 400;

/// How many days of a survey are counted at once.
const AT_ONCE: usize = 4;

/// How many days of a survey are looked into at once, to see whether there is anything to count.
const LOOKED_INTO_AT_ONCE: usize = 16;

/// No day is begun with less time than this.
const RESERVE: Duration = Duration::from_secs(6);

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
}

/// What one run counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Days, of all surveys.
    pub days: u64,
    /// Responses on those days.
    pub responses: u64,
    /// Cells that were written.
    pub cells: u64,
    /// Whether days are left for the next run, or were taken over by another one.
    pub unfinished: bool,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.days += other.days;
        self.responses += other.responses;
        self.cells += other.cells;
        self.unfinished |= other.unfinished;
    }
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        Self { config, store }
    }

    /// The local day of an instant, where this form is.
    fn today(&self, form: &Form, now: Timestamp) -> Date {
        let own = form.zone.as_deref().and_then(calendar::zone);
        let zone = own.unwrap_or_else(|| self.config.zone.clone());
        now.to_zoned(zone).date()
    }

    /// Counts the days of a survey up to today, as long as time is left.
    async fn survey(
        &self,
        survey: &FormId,
        today: Date,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<Counted, StoreError> {
        let watermark = self.store.watermark(survey).await?;
        let mut days: Vec<Date> = days(watermark.map(|watermark| watermark.day), today).collect();
        if watermark.is_none() {
            days = self.filled(survey, days).await?;
        }
        let mut counted = Counted::default();
        for some in days.chunks(AT_ONCE) {
            if invocation.time_left() < RESERVE {
                counted.unfinished = true;
                return Ok(counted);
            }
            let results = join_all(some.iter().map(|&day| self.day(survey, day))).await;
            // The last day up to which all are written. A day that another run took over is that run's to complete.
            let mut complete = None;
            for (&day, result) in some.iter().zip(results) {
                match result? {
                    Some(one) => {
                        counted.add(one);
                        // Today is not over.
                        if !counted.unfinished && day < today {
                            complete = Some(day);
                        }
                    }
                    None => counted.unfinished = true,
                }
            }
            if let Some(day) = complete {
                let to = Watermark { day, as_of: now };
                self.store.advance_watermark(survey, to).await?;
            }
        }
        Ok(counted)
    }

    /// Of these days, those that have responses or are counted already, and the last two: today, and yesterday, which
    /// the watermark is set to. A survey without a watermark is new as a rule, and a year of empty days is not worth a
    /// write each.
    async fn filled(&self, survey: &FormId, days: Vec<Date>) -> Result<Vec<Date>, StoreError> {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else {
            return Ok(days);
        };
        let counted = self.store.tallies(survey, first, last, Dimension::All);
        let mut filled: BTreeSet<Date> = counted.await?.into_iter().map(|cell| cell.day).collect();
        for some in days.chunks(LOOKED_INTO_AT_ONCE) {
            let looks = some.iter().map(|&day| async move {
                let mut any = false;
                let unreadable = self.store.day_scores(survey, day, |_| any = true).await?;
                Ok::<_, StoreError>((any || !unreadable.is_empty()).then_some(day))
            });
            for day in join_all(looks).await {
                filled.extend(day?);
            }
        }
        filled.extend(days.iter().rev().take(2));
        Ok(filled.into_iter().collect())
    }

    /// Counts a day; `None` if a later run has taken it over.
    async fn day(&self, survey: &FormId, day: Date) -> Result<Option<Counted>, StoreError> {
        // Before reading: whoever takes the next one has read no less than we have.
        let generation = self.store.next_generation(survey, day).await?;
        let mut tallies = Day::default();
        let unreadable = self
            .store
            .day_scores(survey, day, |response| tallies.add(&response))
            .await?;
        for error in unreadable {
            tracing::error!(%survey, %day, fault = %Fault::from(error), "a response was not counted");
        }
        let responses = tallies.responses();
        let cells = tallies.into_cells();
        Ok(match self.store.write_day(&generation, &cells).await? {
            WroteDay::Written => Some(Counted {
                days: 1,
                responses,
                cells: u64::try_from(cells.len()).unwrap_or(u64::MAX),
                unfinished: false,
            }),
            WroteDay::Superseded => None,
        })
    }
}

/// The days to count, in order.
fn days(watermark: Option<Date>, today: Date) -> impl Iterator<Item = Date> {
    let before = |day: Date, days: i64| day.saturating_sub(days.days());
    let oldest = before(today, MOST_DAYS);
    let from = watermark
        .map_or(oldest, |day| before(day, OVERLAP_DAYS))
        .min(before(today, RECENT_DAYS))
        .max(oldest);
    let day: Span = 1.day();
    from.series(day).take_while(move |day| *day <= today)
}

impl Function for App {
    const NAME: &'static str = "aggregate-nps";
    type Event = Tick;
    type Output = Counted;

    /// One survey that fails does not stop the others; the run then fails at its end and is tried again.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Counted, Fault> {
        let forms = self.store.latest_config::<Forms>(ConfigKind::Form).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let forms = forms.map_or_else(Forms::default, |(_, forms)| forms);

        let mut counted = Counted::default();
        let mut failed = Vec::new();
        for form in forms.iter() {
            let today = self.today(form, tick.time);
            let survey = self.survey(&form.id, today, tick.time, invocation);
            match survey.await {
                Ok(of_survey) => counted.add(of_survey),
                Err(error) => failed.push(format!("{}: {}", form.id, Fault::from(error))),
            }
        }
        let Counted {
            days,
            responses,
            cells,
            unfinished,
        } = counted;
        tracing::info!(days, responses, cells, unfinished, "counted");
        let complete = failed.is_empty() && !unfinished;
        let metrics = &invocation.metrics;
        metrics.count(Counter::NightCompleted, complete.into());
        metrics.count(Counter::NightDays, days);
        metrics.count(Counter::NightResponses, responses);
        if unfinished {
            tracing::warn!("days are left for the next run");
        }
        if failed.is_empty() {
            return Ok(counted);
        }
        Err(Fault::new(format!(
            "{} surveys were not counted to the end: {}",
            failed.len(),
            failed.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn span(watermark: Option<Date>, today: Date) -> (Date, Date, usize) {
        let days: Vec<_> = days(watermark, today).collect();
        (days[0], days[days.len() - 1], days.len())
    }

    #[test]
    fn recent_and_missed_days_are_counted() {
        let today = date(2026, 11, 21);
        for (watermark, from, n) in [
            (Some(date(2026, 11, 20)), date(2026, 11, 18), 4),
            (Some(date(2026, 11, 10)), date(2026, 11, 8), 14),
            // A replay of an earlier night.
            (Some(date(2026, 12, 24)), date(2026, 11, 18), 4),
            (Some(date(2020, 1, 1)), date(2025, 10, 17), 401),
            (None, date(2025, 10, 17), 401),
        ] {
            assert_eq!(span(watermark, today), (from, today, n), "{watermark:?}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        assert_eq!(span(None, Date::MIN), (Date::MIN, Date::MIN, 1));
        assert_eq!(span(Some(Date::MIN), Date::MAX).1, Date::MAX);
    }
}
