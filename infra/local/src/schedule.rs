//! Schedule expressions, as EventBridge Scheduler understands them: `rate(...)` and `cron(...)` in a time zone.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// A schedule that has no run in this many days has none.
const HORIZON_DAYS: i32 = 366 * 9;

/// When something runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// Every so many seconds, counted from the epoch. (On AWS: from the creation of the schedule.)
    Rate {
        /// Seconds between two runs, at least 60.
        seconds: i64,
    },
    /// At civil times in a zone.
    Cron(Box<Cron>),
}

/// The six fields of a cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<bool>,
    hours: Vec<bool>,
    day: Day,
    months: Vec<bool>,
    years: Option<Vec<bool>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Day {
    OfMonth(Vec<bool>),
    LastOfMonth,
    OfWeek(Vec<bool>),
    /// The n-th weekday of the month: `2#1` is the first Monday.
    Nth(i8, i8),
    LastWeekday(i8),
}

const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 2199;
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Expression {
    /// Reads `rate(5 minutes)` or `cron(30 0 * * ? *)`.
    ///
    /// # Errors
    /// What cannot be read, or is not supported (one-time `at(...)` schedules).
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = || format!("the schedule expression {text} cannot be read");
        let (kind, fields) = text
            .trim()
            .strip_suffix(')')
            .and_then(|t| t.split_once('('))
            .ok_or_else(fault)?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        match (kind, fields.as_slice()) {
            ("rate", [count, unit]) => {
                let count: i64 = count
                    .parse()
                    .ok()
                    .filter(|count| *count > 0)
                    .ok_or_else(fault)?;
                let unit = match *unit {
                    "minute" | "minutes" => 60,
                    "hour" | "hours" => 3600,
                    "day" | "days" => 86_400,
                    _ => return Err(fault()),
                };
                Ok(Self::Rate {
                    seconds: count.checked_mul(unit).ok_or_else(fault)?,
                })
            }
            ("cron", [minutes, hours, day, month, weekday, year]) => {
                let day = match (*day, *weekday) {
                    ("L", "?") => Day::LastOfMonth,
                    (day, "?") => Day::OfMonth(set(day, 1, 31, &[]).ok_or_else(fault)?),
                    ("?", weekday) => weekdays(weekday).ok_or_else(fault)?,
                    // One of the two must be `?`.
                    _ => return Err(fault()),
                };
                Ok(Self::Cron(Box::new(Cron {
                    minutes: set(minutes, 0, 59, &[]).ok_or_else(fault)?,
                    hours: set(hours, 0, 23, &[]).ok_or_else(fault)?,
                    day,
                    months: set(month, 1, 12, &MONTHS).ok_or_else(fault)?,
                    years: match *year {
                        "*" => None,
                        year => Some(set(year, FIRST_YEAR, LAST_YEAR, &[]).ok_or_else(fault)?),
                    },
                })))
            }
            _ => Err(fault()),
        }
    }

    /// The first run after `after`, in `zone`. A civil time that does not exist is skipped; one that occurs
    /// twice runs at its first occurrence only.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Rate { seconds } => {
                let next = after
                    .as_second()
                    .div_euclid(*seconds)
                    .checked_add(1)?
                    .checked_mul(*seconds)?;
                Timestamp::from_second(next).ok()
            }
            Self::Cron(cron) => cron.next_after(after, zone),
        }
    }
}

impl Cron {
    fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // A repeated hour shows the same civil times again, so one starts a day early and compares instants.
        let mut date = zone.to_datetime(after).date().yesterday().ok()?;
        for _ in 0..HORIZON_DAYS {
            if self.runs_on(date) {
                for (hour, minute) in self.times() {
                    let civil = date.at(hour, minute, 0, 0);
                    if let Some(instant) = existing(civil, zone)
                        && instant > after
                    {
                        return Some(instant);
                    }
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    fn runs_on(&self, date: Date) -> bool {
        let year_fits = self
            .years
            .as_ref()
            .is_none_or(|years| has(years, date.year() - FIRST_YEAR));
        year_fits
            && has(&self.months, i16::from(date.month()) - 1)
            && match &self.day {
                Day::OfMonth(days) => has(days, i16::from(date.day()) - 1),
                Day::LastOfMonth => date == date.last_of_month(),
                Day::OfWeek(days) => has(days, i16::from(date.weekday().to_sunday_zero_offset())),
                Day::Nth(weekday, nth) => Weekday::from_sunday_zero_offset(*weekday)
                    .and_then(|weekday| date.nth_weekday_of_month(*nth, weekday))
                    .is_ok_and(|wanted| wanted == date),
                Day::LastWeekday(weekday) => Weekday::from_sunday_zero_offset(*weekday)
                    .and_then(|weekday| date.nth_weekday_of_month(-1, weekday))
                    .is_ok_and(|wanted| wanted == date),
            }
    }

    fn times(&self) -> impl Iterator<Item = (i8, i8)> {
        let minutes = || (0..60_i8).filter(|minute| has(&self.minutes, i16::from(*minute)));
        (0..24_i8)
            .filter(|hour| has(&self.hours, i16::from(*hour)))
            .flat_map(move |hour| minutes().map(move |minute| (hour, minute)))
    }
}

/// The first instant with this civil time; `None` if a clock skips it.
fn existing(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => None,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().ok()
        }
    }
}

fn has(set: &[bool], index: i16) -> bool {
    usize::try_from(index)
        .ok()
        .and_then(|index| set.get(index))
        .copied()
        .unwrap_or(false)
}

fn weekdays(field: &str) -> Option<Day> {
    if let Some((weekday, nth)) = field.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth))?;
        return Some(Day::Nth(weekday_number(weekday)? - 1, nth));
    }
    if let Some(weekday) = field
        .strip_suffix('L')
        .filter(|weekday| !weekday.is_empty())
    {
        return Some(Day::LastWeekday(weekday_number(weekday)? - 1));
    }
    set(field, 1, 7, &WEEKDAYS).map(Day::OfWeek)
}

fn weekday_number(text: &str) -> Option<i8> {
    i8::try_from(number(text, 1, &WEEKDAYS)?)
        .ok()
        .filter(|number| (1..=7).contains(number))
}

/// The values of a field between `low` and `high`, as flags from `low`; names stand for the numbers from `low`.
fn set(field: &str, low: i16, high: i16, names: &[&str]) -> Option<Vec<bool>> {
    let mut values = vec![false; usize::try_from(high - low + 1).ok()?];
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<i16>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (number(first, low, names)?, number(last, low, names)?),
            // `5/10` counts up from 5.
            None if part.contains('/') => (number(range, low, names)?, high),
            None => (number(range, low, names)?, number(range, low, names)?),
        };
        if first < low || last > high || first > last {
            return None;
        }
        let mut value = first;
        while value <= last {
            *values.get_mut(usize::try_from(value - low).ok()?)? = true;
            value = value.checked_add(step)?;
        }
    }
    Some(values)
}

fn number(text: &str, low: i16, names: &[&str]) -> Option<i16> {
    if let Some(index) = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
    {
        return i16::try_from(index).ok()?.checked_add(low);
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let expression = Expression::parse(expression).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let mut at: Timestamp = after.parse().unwrap();
        let mut runs = Vec::new();
        for _ in 0..count {
            let Some(next) = expression.next_after(at, &zone) else {
                break;
            };
            runs.push(next.to_string());
            at = next;
        }
        runs
    }

    #[test]
    fn rates_and_crons_run_when_they_should() {
        let after = "2026-11-21T10:07:30Z"; // a Saturday
        for (expression, zone, expected) in [
            (
                "rate(1 minute)",
                "UTC",
                ["2026-11-21T10:08:00Z", "2026-11-21T10:09:00Z"],
            ),
            (
                "rate(2 hours)",
                "UTC",
                ["2026-11-21T12:00:00Z", "2026-11-21T14:00:00Z"],
            ),
            (
                "cron(30 0 * * ? *)",
                "Asia/Shanghai",
                ["2026-11-21T16:30:00Z", "2026-11-22T16:30:00Z"],
            ),
            (
                "cron(0/20 10 * * ? *)",
                "UTC",
                ["2026-11-21T10:20:00Z", "2026-11-21T10:40:00Z"],
            ),
            (
                "cron(0 9 ? * MON-FRI *)",
                "UTC",
                ["2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z"],
            ),
            (
                "cron(0 9 ? * 2#1 *)",
                "UTC",
                ["2026-12-07T09:00:00Z", "2027-01-04T09:00:00Z"],
            ),
            (
                "cron(0 9 ? * 6L *)",
                "UTC",
                ["2026-11-27T09:00:00Z", "2026-12-25T09:00:00Z"],
            ),
            (
                "cron(0 0 L * ? *)",
                "UTC",
                ["2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z"],
            ),
            (
                "cron(0 0 29 FEB ? *)",
                "UTC",
                ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
            ),
            (
                "cron(15,45 1 1 1 ? 2027-2028)",
                "UTC",
                ["2027-01-01T01:15:00Z", "2027-01-01T01:45:00Z"],
            ),
        ] {
            assert_eq!(runs(expression, zone, after, 2), expected, "{expression}");
        }
        assert_eq!(
            runs("cron(0 0 1 1 ? 2020)", "UTC", after, 1),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_time_that_does_not_exist_is_skipped_and_one_that_occurs_twice_runs_once() {
        // New York, spring forward on 2026-03-08 at 02:00, back on 2026-11-01 at 02:00.
        assert_eq!(
            runs(
                "cron(30 2 * * ? *)",
                "America/New_York",
                "2026-03-07T00:00:00Z",
                3
            ),
            [
                "2026-03-07T07:30:00Z",
                "2026-03-09T06:30:00Z",
                "2026-03-10T06:30:00Z"
            ]
        );
        assert_eq!(
            runs(
                "cron(30 1 * * ? *)",
                "America/New_York",
                "2026-10-31T12:00:00Z",
                2
            ),
            ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
        );
        // Apia skipped the whole of 2011-12-30.
        assert_eq!(
            runs(
                "cron(0 12 * * ? *)",
                "Pacific/Apia",
                "2011-12-29T12:00:00Z",
                2
            ),
            ["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"]
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "",
            "rate()",
            "rate(0 minutes)",
            "rate(1 week)",
            "rate(-1 day)",
            "rate(9223372036854775807 days)",
            "cron(* * * * *)",
            "cron(0 0 * * * *)",
            "cron(60 0 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(5-1 0 * * ? *)",
            "cron(*/0 * * * ? *)",
            "cron(a 0 * * ? *)",
            "at(2026-01-01T00:00:00)",
            "cron(0 0 ? * 9 *)",
            "cron(0 0 ? * 2#6 *)",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
