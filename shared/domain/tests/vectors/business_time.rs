//! Business-time vectors: one case a line, in the format of the README beside this file.

use std::fmt::Display;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar::{
    BusinessCalendar, Definition, OutOfTime, Period, TimeOfDay, TimeOfDayRule, resolve_local, zone,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Re-derived from the test suites that each case names in `source`.
const PUBLISHED: &str = include_str!("business_hours.jsonl");
/// The rest of what those suites have, and cases of our own.
const FURTHER: &str = include_str!("business_hours_further.jsonl");

/// A case. A field that is not known is an error: nothing a case says goes unheard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    source: Source,
    calendar: Given,
    op: String,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    duration_s: Option<serde_json::Number>,
    #[serde(default)]
    pauses: Vec<(Timestamp, Option<Timestamp>)>,
    take: Option<usize>,
    days: Option<i64>,
    date: Option<Date>,
    time: Option<TimeOfDay>,
    #[serde(default)]
    expected: Value,
    expected_s: Option<serde_json::Number>,
    convention: Option<String>,
    boundary: Option<String>,
    truncates: Option<String>,
    #[serde(rename = "own", default)]
    _own: bool,
    #[serde(rename = "derived", default)]
    _derived: bool,
    #[serde(rename = "note", default)]
    _note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    repo: String,
    #[serde(rename = "commit", default)]
    _commit: String,
    #[serde(rename = "path", default)]
    _path: String,
    #[serde(rename = "test", default)]
    _test: String,
}

/// The calendar of a case: a definition, of which these fields are known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    tz: String,
    #[serde(default)]
    hours: Value,
    #[serde(default)]
    shifts: Value,
    #[serde(default)]
    breaks: Value,
    #[serde(default)]
    weekly_breaks: Value,
    #[serde(default)]
    holidays: Value,
}

impl Given {
    fn definition(&self) -> Definition {
        let mut fields = json!({"tz": self.tz});
        for (name, value) in [
            ("hours", &self.hours),
            ("shifts", &self.shifts),
            ("breaks", &self.breaks),
            ("weekly_breaks", &self.weekly_breaks),
            ("holidays", &self.holidays),
        ] {
            if !value.is_null() {
                fields[name] = value.clone();
            }
        }
        Definition::deserialize(fields).unwrap()
    }
}

/// Why a case is of another convention than ours, if it is.
fn foreign(case: &Case) -> Option<String> {
    let empty = |value: &Value| {
        let days = value.as_object().into_iter().flat_map(|days| days.values());
        let mut intervals = days.filter_map(Value::as_array).flatten();
        intervals.any(|interval| interval[0] == interval[1])
    };
    if case.source.repo == "seppemans/businesstimedelta" && empty(&case.calendar.hours) {
        return Some(
            "an interval that ends where it begins is empty there, a whole day here".into(),
        );
    }
    match case.boundary.as_deref() {
        None | Some("close") => {}
        Some("next_open") => {
            return Some("an exactly filled interval ends at the next opening there".into());
        }
        Some(other) => return Some(format!("boundary {other}")),
    }
    if let Some(unit) = &case.truncates {
        return Some(format!("parts of a {unit} are dropped there"));
    }
    match case.convention.as_deref()? {
        "reversed_is_negative" => Some("a reversed stretch is negative there".into()),
        // Of one that is not known here we may be or not.
        other if other != "reversed_is_zero" && rule(other).is_none() => {
            let fault = answer(case).err()?;
            Some(format!("convention {other}: {fault}"))
        }
        _ => None,
    }
}

fn rule(convention: &str) -> Option<TimeOfDayRule> {
    match convention {
        "keep_time_of_day" => Some(TimeOfDayRule::Keep),
        "snap_forward_to_open" => Some(TimeOfDayRule::NextOpen),
        "snap_backward_to_open" => Some(TimeOfDayRule::LastOpen),
        _ => None,
    }
}

fn duration(number: &serde_json::Number) -> SignedDuration {
    match number.as_i64() {
        Some(seconds) => SignedDuration::from_secs(seconds),
        None => SignedDuration::try_from_secs_f64(number.as_f64().unwrap()).unwrap(),
    }
}

/// As a paused clock counts: up to the pause, and what is left from its end.
struct Paused<'a> {
    calendar: &'a BusinessCalendar,
    /// In order and apart.
    pauses: Vec<(Timestamp, Timestamp)>,
}

impl Paused<'_> {
    fn pause_at(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.pauses
            .iter()
            .copied()
            .find(|(from, to)| *from <= at && at < *to)
    }

    fn add(&self, start: Timestamp, mut left: SignedDuration) -> Result<Timestamp, OutOfTime> {
        let mut from = start;
        loop {
            if let Some((_, resumed)) = self.pause_at(from) {
                from = resumed;
            }
            let end = self.calendar.add(from, left)?;
            let next = self
                .pauses
                .iter()
                .find(|(pause, _)| *pause > from && *pause < end);
            let Some(&(pause, resumed)) = next else {
                return Ok(end);
            };
            left -= self.calendar.between(from, pause);
            from = resumed;
        }
    }

    fn sub(&self, end: Timestamp, mut left: SignedDuration) -> Result<Timestamp, OutOfTime> {
        let mut to = end;
        loop {
            let within = self
                .pauses
                .iter()
                .find(|(from, until)| *from < to && to <= *until);
            if let Some(&(pause, _)) = within {
                to = pause;
            }
            let start = self.calendar.sub(to, left)?;
            let last = self
                .pauses
                .iter()
                .rfind(|(_, until)| *until < to && *until > start);
            let Some(&(pause, resumed)) = last else {
                return Ok(start);
            };
            left -= self.calendar.between(resumed, to);
            to = pause;
        }
    }

    fn between(&self, start: Timestamp, end: Timestamp) -> SignedDuration {
        let paused = self
            .pauses
            .iter()
            .map(|&(from, to)| self.calendar.between(from.max(start), to.min(end)));
        self.calendar.between(start, end) - paused.sum::<SignedDuration>()
    }
}

fn merged(pauses: &[(Timestamp, Option<Timestamp>)]) -> Vec<(Timestamp, Timestamp)> {
    let ended = pauses
        .iter()
        .map(|&(from, to)| (from, to.unwrap_or(Timestamp::MAX)));
    let mut pauses: Vec<_> = ended.filter(|(from, to)| from < to).collect();
    pauses.sort_unstable();
    let mut apart: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, to) in pauses {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

/// What is wrong with the answer to a case, if anything.
fn answer(case: &Case) -> Result<(), String> {
    fn same<T: PartialEq + std::fmt::Debug>(ours: T, expected: T) -> Result<(), String> {
        if ours == expected {
            Ok(())
        } else {
            Err(format!("{ours:?} instead of {expected:?}"))
        }
    }
    fn decode<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
        T::deserialize(value).map_err(|error| format!("expected: {error}"))
    }
    fn given<T>(value: Option<T>, name: impl Display) -> Result<T, String> {
        value.ok_or(format!("no {name}"))
    }
    let calendar =
        BusinessCalendar::compile(case.calendar.definition()).map_err(|error| error.to_string())?;
    let paused = Paused {
        calendar: &calendar,
        pauses: merged(&case.pauses),
    };
    let start = || given(case.start, "start");
    let pairs = |periods: &mut dyn Iterator<Item = Period>| {
        let take = given(case.take, "take")?;
        let periods = periods.take(take).map(|period| (period.start, period.end));
        Ok::<Vec<_>, String>(periods.collect())
    };
    let op = case.op.as_str();
    if !case.pauses.is_empty() && !matches!(op, "add" | "sub" | "between" | "is_open") {
        return Err(format!("{op} with pauses"));
    }
    match op {
        "add" | "sub" => {
            let duration = duration(given(case.duration_s.as_ref(), "duration_s")?);
            let forward = (op == "add") != duration.is_negative();
            let ours = match forward {
                true => paused.add(start()?, duration.abs()),
                false => paused.sub(start()?, duration.abs()),
            };
            same(ours.ok(), decode(&case.expected)?)
        }
        "between" => {
            let ours = paused.between(start()?, given(case.end, "end")?);
            same(
                ours,
                duration(given(case.expected_s.as_ref(), "expected_s")?),
            )
        }
        "is_open" => {
            let open = calendar.is_open(start()?) && paused.pause_at(start()?).is_none();
            same(open, decode(&case.expected)?)
        }
        "periods_after" => same(
            pairs(&mut calendar.periods_after(start()?))?,
            decode(&case.expected)?,
        ),
        "periods_before" => same(
            pairs(&mut calendar.periods_before(start()?))?,
            decode(&case.expected)?,
        ),
        "add_business_days" => {
            let convention = case.convention.as_deref().and_then(rule);
            let convention = convention.unwrap_or(TimeOfDayRule::Keep);
            let ours = calendar.add_business_days(start()?, given(case.days, "days")?, convention);
            same(ours.ok(), decode(&case.expected)?)
        }
        "resolve_local" => {
            let zone = given(zone(&case.calendar.tz), "such zone")?;
            let (date, time) = (given(case.date, "date")?, given(case.time, "time")?);
            same(resolve_local(&zone, date, time), decode(&case.expected)?)
        }
        other => Err(format!("no such operation: {other}")),
    }
}

/// Runs the cases of a file: how many ran, and which were skipped. Fails with every case that was answered wrongly.
pub(crate) fn run(file: &str) -> (usize, Vec<String>) {
    let (mut ran, mut skipped, mut wrong) = (0, Vec::new(), Vec::new());
    for (number, line) in (1..)
        .zip(file.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let case: Case = match serde_json::from_str(line) {
            Ok(case) => case,
            Err(error) => {
                wrong.push(format!("line {number}: {error}"));
                continue;
            }
        };
        if let Some(reason) = foreign(&case) {
            println!("skipped {}: {reason}", case.id);
            skipped.push(case.id);
            continue;
        }
        ran += 1;
        if let Err(fault) = answer(&case) {
            wrong.push(format!("{}: {fault}", case.id));
        }
    }
    println!(
        "{ran} ran, {} skipped, {} wrong",
        skipped.len(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    (ran, skipped)
}

#[test]
fn published() {
    let (ran, mut skipped) = run(PUBLISHED);
    skipped.sort_unstable();
    assert_eq!(skipped, ["btd-016", "wh-045", "zam-014", "zam-023"]);
    assert_eq!(ran, 108);
}

#[test]
fn further() {
    let (ran, skipped) = run(FURTHER);
    assert_eq!((ran, skipped.len()), (160, 0));
}
