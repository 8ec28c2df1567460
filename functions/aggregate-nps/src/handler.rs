//! Which days to count, and the watermark behind them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{join_all, try_join};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::tally::Dimension;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_messages::Tick;
use resound_store::{ConfigKind, Counting, DirtyDay, Store, StoreError, Watermark, WroteDay};
use serde::Serialize;

use crate::Config;
use crate::count::Day;

/// How long after the end of a local day its night begins. By then the index shows what was answered last.
const BEGINS_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// How long after the end of a local day it is late if it is not counted.
const LATE_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// How many days before the watermark a night counts again.
const OVERLAP_DAYS: i64 = 2;

/// How many days before the last one a night counts at most.
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

/// What one run did, of all surveys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Surveys that are counted up to the day that ended last, and were not before.
    pub nights: u64,
    /// Days that were counted.
    pub days: u64,
    /// Responses on those days.
    pub responses: u64,
    /// Cells that differed, and were written.
    pub cells: u64,
    /// Days that were complete, and came out differently.
    pub corrections: u64,
    /// Days that are marked and wait for a later run.
    pub waiting: u64,
    /// Whether days are left for the next run, or were taken over by another one.
    pub unfinished: bool,
}

/// A survey in one run.
struct Survey {
    id: FormId,
    zone: TimeZone,
    watermark: Option<Watermark>,
    /// What is marked and was not counted since.
    marks: Vec<DirtyDay>,
}

/// What is the same for all surveys of a run.
struct Run<'a> {
    /// Business time.
    now: Timestamp,
    invocation: &'a Invocation,
}

/// Why days are counted, and so what is known once they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// They are all up to the day that ended last: the watermark follows.
    Night,
    /// They are marked: where a day is corrected, the numbers are of then.
    Marked,
}

/// A day that was counted.
struct DayCount {
    responses: u64,
    cells: usize,
    corrected: bool,
}

impl Survey {
    /// The last local day that ended at least so long ago.
    fn last_day(&self, now: Timestamp, ago: SignedDuration) -> Date {
        let then = now.saturating_sub(ago).unwrap_or(now);
        let today = then.to_zoned(self.zone.clone()).date();
        today.yesterday().unwrap_or(today)
    }

    /// Whether it is counted up to this day.
    fn is_complete(&self, day: Date) -> bool {
        self.watermark.is_some_and(|watermark| day <= watermark.day)
    }
}

impl Run<'_> {
    fn has_time(&self) -> bool {
        self.invocation.time_left() >= RESERVE
    }
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        Self { config, store }
    }

    /// How a survey stands.
    async fn survey(&self, form: &Form) -> Result<Survey, StoreError> {
        let (watermark, marks) = try_join(
            self.store.watermark(&form.id),
            self.store.dirty_days(&form.id),
        )
        .await?;
        Ok(Survey {
            id: form.id.clone(),
            zone: form.time_zone().unwrap_or_else(|| self.config.zone.clone()),
            watermark,
            marks,
        })
    }

    /// Counts a survey up to the day that ended last, unless it is.
    async fn night(&self, survey: &mut Survey, run: &Run<'_>) -> Result<Counted, StoreError> {
        let last = survey.last_day(run.now, BEGINS_AFTER);
        if survey.is_complete(last) {
            return Ok(Counted::default());
        }
        let watermark = survey.watermark.map(|watermark| watermark.day);
        let mut days: Vec<Date> = days(watermark, last).collect();
        if watermark.is_none() {
            days = self.filled(&survey.id, days).await?;
        }
        let mut counted = self.count(survey, &days, Pass::Night, run).await?;
        counted.nights = survey.is_complete(last).into();
        Ok(counted)
    }

    /// Counts the marked days of a survey that are over.
    async fn marked(&self, survey: &mut Survey, run: &Run<'_>) -> Result<Counted, StoreError> {
        let last = survey.last_day(run.now, BEGINS_AFTER);
        let machine_now = run.invocation.machine_now;
        let seen = survey.marks.iter();
        let seen = seen.filter(|mark| mark.day <= last && mark.is_seen_at(machine_now));
        let days: BTreeSet<Date> = seen.map(|mark| mark.day).collect();
        let days: Vec<Date> = days.into_iter().collect();
        self.count(survey, &days, Pass::Marked, run).await
    }

    /// Counts days, as long as time is left.
    async fn count(
        &self,
        survey: &mut Survey,
        days: &[Date],
        pass: Pass,
        run: &Run<'_>,
    ) -> Result<Counted, StoreError> {
        let mut counted = Counted::default();
        for some in days.chunks(AT_ONCE) {
            if !run.has_time() {
                counted.unfinished = true;
                break;
            }
            let results = join_all(some.iter().map(|&day| self.day(survey, day, run))).await;
            let mut done = Vec::with_capacity(some.len());
            // The last day up to which all are written. A day that another run took over is that run's to complete.
            let mut complete = None;
            for (&day, result) in some.iter().zip(results) {
                let Some(one) = result? else {
                    counted.unfinished = true;
                    continue;
                };
                done.push(day);
                counted.days += 1;
                counted.responses += one.responses;
                counted.cells += u64::try_from(one.cells).unwrap_or(u64::MAX);
                counted.corrections += u64::from(one.corrected);
                if !counted.unfinished {
                    complete = Some(day);
                }
            }
            let reached = match pass {
                Pass::Night => {
                    complete
                        .filter(|&day| !survey.is_complete(day))
                        .map(|day| Watermark {
                            day,
                            as_of: run.now,
                        })
                }
                Pass::Marked => self.corrected(survey, &done).await?,
            };
            if let Some(to) = reached {
                self.store.advance_watermark(&survey.id, to).await?;
                survey.watermark = Some(to);
            }
            self.clear(survey, &done, run).await?;
        }
        Ok(counted)
    }

    /// Counts a day; `None` if a later run has taken it over.
    async fn day(
        &self,
        survey: &Survey,
        day: Date,
        run: &Run<'_>,
    ) -> Result<Option<DayCount>, StoreError> {
        let id = &survey.id;
        // Before reading: whoever takes the next one has read no less than we have.
        let generation = self.store.next_generation(id, day).await?;
        let mut tallies = Day::default();
        let unreadable = self
            .store
            .day_scores(id, day, |response| tallies.add(&response))
            .await?;
        for error in unreadable {
            tracing::error!(survey = %id, %day, fault = %Fault::from(error), "a response was not counted");
        }
        let responses = tallies.responses();
        let cells = tallies.into_cells();
        let marks = survey.marks.iter().filter(|mark| mark.day == day);
        let counting = Counting {
            zone: survey.zone.iana_name().unwrap_or("UTC"),
            as_of: run.now,
            marked: marks.map(|mark| mark.cause).collect(),
        };
        let wrote = self.store.write_day(&generation, &cells, &counting).await?;
        Ok(match wrote {
            WroteDay::Written { cells, corrected } => Some(DayCount {
                responses,
                cells,
                corrected,
            }),
            WroteDay::Superseded => None,
        })
    }

    /// The watermark where these days were corrected since: the numbers are of then. Their corrections tell, and not this run
    /// alone: another may have corrected them and ended before it could say so.
    async fn corrected(
        &self,
        survey: &Survey,
        days: &[Date],
    ) -> Result<Option<Watermark>, StoreError> {
        let (Some(watermark), Some(&first), Some(&last)) =
            (survey.watermark, days.first(), days.last())
        else {
            return Ok(None);
        };
        let corrections = self.store.corrections(&survey.id, first, last).await?;
        let of_days = corrections.iter().filter(|c| days.contains(&c.day));
        let as_of = of_days.map(|correction| correction.as_of).max();
        Ok(as_of
            .filter(|as_of| *as_of > watermark.as_of)
            .map(|as_of| Watermark { as_of, ..watermark }))
    }

    /// Clears the marks of days that were counted, but those that the count may not have seen.
    async fn clear(
        &self,
        survey: &mut Survey,
        days: &[Date],
        run: &Run<'_>,
    ) -> Result<(), StoreError> {
        let machine_now = run.invocation.machine_now;
        let (done, left) = std::mem::take(&mut survey.marks)
            .into_iter()
            .partition(|mark| days.contains(&mark.day) && mark.is_seen_at(machine_now));
        survey.marks = left;
        let done: Vec<DirtyDay> = done;
        for cleared in join_all(done.iter().map(|mark| self.store.clear(&survey.id, mark))).await {
            cleared?;
        }
        Ok(())
    }

    /// Of these days, those that have responses or are counted already, and the last one, which the watermark is set to. A
    /// survey without a watermark is new as a rule, and a year of empty days is not worth a write each.
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
        filled.insert(last);
        Ok(filled.into_iter().collect())
    }
}

/// The days that a night counts, in order: the last one, all after the watermark, and the overlap.
fn days(watermark: Option<Date>, last: Date) -> impl Iterator<Item = Date> {
    let before = |day: Date, days: i64| day.saturating_sub(days.days());
    let oldest = before(last, MOST_DAYS);
    let from = watermark.map_or(oldest, |day| before(day, OVERLAP_DAYS));
    let day: Span = 1.day();
    from.min(last)
        .max(oldest)
        .series(day)
        .take_while(move |day| *day <= last)
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.nights += other.nights;
        self.days += other.days;
        self.responses += other.responses;
        self.cells += other.cells;
        self.corrections += other.corrections;
        self.waiting += other.waiting;
        self.unfinished |= other.unfinished;
    }
}

impl Function for App {
    const NAME: &'static str = "aggregate-nps";
    type Event = Tick;
    type Output = Counted;

    /// One survey that fails does not stop the others; the run then fails at its end, and the next one goes on.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Counted, Fault> {
        let forms = self.store.latest_config::<Forms>(ConfigKind::Form).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let forms = forms.map_or_else(Forms::default, |(_, forms)| forms);
        let run = Run {
            now: tick.time,
            invocation,
        };

        let mut failed = Vec::new();
        let mut surveys = Vec::new();
        for form in forms.iter() {
            match self.survey(form).await {
                Ok(survey) => surveys.push(survey),
                Err(error) => failed.push(format!("{}: {}", form.id, Fault::from(error))),
            }
        }
        let mut counted = Counted::default();
        // All nights first: a replay of a year must not keep a morning waiting.
        for pass in [Pass::Night, Pass::Marked] {
            for survey in &mut surveys {
                let done = match pass {
                    Pass::Night => self.night(survey, &run).await,
                    Pass::Marked => self.marked(survey, &run).await,
                };
                match done {
                    Ok(of_survey) => counted.add(of_survey),
                    Err(error) => failed.push(format!("{}: {}", survey.id, Fault::from(error))),
                }
            }
        }
        let waiting = |survey: &Survey| {
            let days: BTreeSet<Date> = survey.marks.iter().map(|mark| mark.day).collect();
            u64::try_from(days.len()).unwrap_or(u64::MAX)
        };
        counted.waiting = surveys.iter().map(waiting).sum();
        let late = surveys
            .iter()
            .filter(|survey| !survey.is_complete(survey.last_day(run.now, LATE_AFTER)));
        let late = u64::try_from(late.count()).unwrap_or(u64::MAX);
        report(&counted, late, invocation);
        if failed.is_empty() {
            return Ok(counted);
        }
        Err(Fault::new(format!(
            "not everything was counted: {}",
            failed.join("; ")
        )))
    }
}

/// Logs and measures what a run did.
fn report(counted: &Counted, late: u64, invocation: &Invocation) {
    let &Counted {
        nights,
        days,
        responses,
        cells,
        corrections,
        waiting,
        unfinished,
    } = counted;
    tracing::info!(
        nights,
        days,
        responses,
        cells,
        corrections,
        waiting,
        unfinished,
        late,
        "counted"
    );
    if unfinished {
        tracing::warn!("days are left for the next run");
    }
    let metrics = &invocation.metrics;
    metrics.count(Counter::NightCompleted, nights);
    metrics.count(Counter::NightDays, days);
    metrics.count(Counter::NightResponses, responses);
    metrics.count(Counter::NightCells, cells);
    metrics.count(Counter::NightCorrections, corrections);
    metrics.count(Counter::NightWaiting, waiting);
    metrics.count(Counter::NightLate, late);
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use resound_domain::calendar;

    fn span(watermark: Option<Date>, last: Date) -> (Date, Date, usize) {
        let days: Vec<_> = days(watermark, last).collect();
        (days[0], days[days.len() - 1], days.len())
    }

    #[test]
    fn missed_days_and_an_overlap_are_counted() {
        let last = date(2026, 11, 20);
        for (watermark, from, n) in [
            (Some(date(2026, 11, 19)), date(2026, 11, 17), 4),
            (Some(date(2026, 11, 9)), date(2026, 11, 7), 14),
            (Some(date(2026, 12, 24)), last, 1),
            (Some(date(2020, 1, 1)), date(2025, 10, 16), 401),
            (None, date(2025, 10, 16), 401),
        ] {
            assert_eq!(span(watermark, last), (from, last, n), "{watermark:?}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        assert_eq!(span(None, Date::MIN), (Date::MIN, Date::MIN, 1));
        assert_eq!(span(Some(Date::MIN), Date::MAX).1, Date::MAX);
    }

    #[test]
    fn a_night_begins_half_an_hour_after_its_day_whatever_the_clocks_do() {
        let last = |zone: &str, now: &str, ago| {
            let survey = Survey {
                id: FormId::default_form(),
                zone: calendar::zone(zone).unwrap(),
                watermark: None,
                marks: Vec::new(),
            };
            survey.last_day(now.parse().unwrap(), ago).to_string()
        };
        for (zone, now, begun, late) in [
            (
                "Asia/Shanghai",
                "2026-11-20T16:29:59Z",
                "2026-11-19",
                "2026-11-19",
            ),
            (
                "Asia/Shanghai",
                "2026-11-20T16:30:00Z",
                "2026-11-20",
                "2026-11-19",
            ),
            (
                "Asia/Shanghai",
                "2026-11-20T18:00:00Z",
                "2026-11-20",
                "2026-11-20",
            ),
            // Clocks go back at three, and two hours are over at two all the same.
            (
                "Europe/Berlin",
                "2026-10-25T00:00:00Z",
                "2026-10-24",
                "2026-10-24",
            ),
            // Havana springs from midnight to one.
            (
                "America/Havana",
                "2026-03-08T05:29:00Z",
                "2026-03-06",
                "2026-03-06",
            ),
            (
                "America/Havana",
                "2026-03-08T05:30:00Z",
                "2026-03-07",
                "2026-03-06",
            ),
        ] {
            let found = (last(zone, now, BEGINS_AFTER), last(zone, now, LATE_AFTER));
            assert_eq!(found, (begun.to_owned(), late.to_owned()), "{zone} {now}");
        }
    }
}
