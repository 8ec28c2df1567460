//! Business time by brute force, against the engine.
//!
//! For a week around some instant, every second is asked what the wall clock shows, and painted open or closed by the
//! definition alone; open time is then counted by adding seconds up. The engine must agree on every answer, for any
//! calendar, in every zone of the bundled database, from 1970 to 2040.
//!
//! `RESOUND_WINDOWS=10000 cargo test --release -p resound-domain --test oracle -- --nocapture` looks at more;
//! `RESOUND_SEED=7` at others.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests may fail the test, and are told by a person what to run"
)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use resound_domain::calendar::{BusinessCalendar, Definition, Interval, TimeOfDay, Week};

const DAY: i64 = 86_400;
/// What is painted, and how much of it at both ends only gives the rest its context.
const WINDOW: i64 = 8 * DAY;
const MARGIN: i64 = 2 * DAY;
const NANOS: i128 = 1_000_000_000;
const QUERIES: usize = 200;

/// Chance that repeats: SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: i64) -> i64 {
        (self.next() % end.unsigned_abs()) as i64
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as i64) as usize]
    }

    /// A time of day: often one at which clocks are changed, or a round one.
    fn time(&mut self, end: i64) -> TimeOfDay {
        let second = match self.below(4) {
            0 => *self.pick(&[
                0, 1800, 3600, 5400, 7200, 9000, 10_800, 75_600, 82_800, 84_600,
            ]),
            1 => self.below(96) * 900,
            2 => self.below(1440) * 60,
            _ => self.below(DAY),
        };
        let second = if second == 0 {
            *self.pick(&[0, end])
        } else {
            second
        };
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        format!("{h:02}:{m:02}:{s:02}").parse().unwrap()
    }

    fn intervals(&mut self) -> Vec<Interval> {
        let n = *self.pick(&[0, 1, 1, 1, 2, 3]);
        let interval = |_| Interval {
            from: self.time(0),
            to: self.time(DAY),
        };
        (0..n).map(interval).collect()
    }

    fn week(&mut self) -> Week {
        if self.one_in(6) {
            let around = Interval {
                from: "00:00".parse().unwrap(),
                to: "24:00".parse().unwrap(),
            };
            let mut week = Week::working_days(vec![around]);
            (week.sat, week.sun) = (vec![around], vec![around]);
            return week;
        }
        Week {
            mon: self.intervals(),
            tue: self.intervals(),
            wed: self.intervals(),
            thu: self.intervals(),
            fri: self.intervals(),
            sat: self.intervals(),
            sun: self.intervals(),
        }
    }

    fn definition(&mut self, zone: &str, first: Date) -> Definition {
        let mut dates = |most| {
            let n = self.below(most);
            (0..n)
                .map(|_| first + self.below(WINDOW / DAY).days())
                .collect::<Vec<_>>()
        };
        let (shifts, breaks, holidays) = (dates(3), dates(3), dates(3));
        Definition {
            tz: zone.to_owned(),
            hours: self.week(),
            shifts: shifts
                .into_iter()
                .map(|date| (date, self.intervals()))
                .collect(),
            breaks: breaks
                .into_iter()
                .map(|date| (date, self.intervals()))
                .collect(),
            weekly_breaks: if self.one_in(3) {
                self.week_of_breaks()
            } else {
                Week::default()
            },
            holidays: holidays.into_iter().collect(),
            ..Definition::default()
        }
    }

    fn week_of_breaks(&mut self) -> Week {
        Week {
            wed: self.intervals(),
            sun: self.intervals(),
            ..Week::default()
        }
    }
}

/// A painted week. Seconds are counted from its start.
struct Painted {
    start: i64,
    /// The date whose hours a second is open in.
    open: Vec<Option<i64>>,
    /// The open seconds before each.
    before: Vec<i64>,
}

impl Painted {
    fn new(definition: &Definition, zone: &TimeZone, start: i64) -> Self {
        // What the wall clock shows, second by second, as civil seconds.
        let shown: Vec<i64> = (start..start + WINDOW)
            .map(|second| second + i64::from(zone.to_offset(instant(second)).seconds()))
            .collect();
        let lowest = *shown.iter().min().unwrap();
        let highest = *shown.iter().max().unwrap();
        let mut first_shown = vec![None; usize::try_from(highest - lowest + 1).unwrap()];
        let mut dates = BTreeSet::new();
        for (index, civil) in (0_i64..).zip(&shown) {
            first_shown[usize::try_from(civil - lowest).unwrap()].get_or_insert(index);
            dates.insert(civil.div_euclid(DAY));
        }
        // The second a civil time names: the first that shows it; a skipped time is as long after the jump as it is after
        // the last time shown before.
        let named = |civil: i64| {
            if civil < lowest {
                return 0;
            }
            let shown_before = (lowest..=civil.min(highest))
                .rev()
                .find_map(|c| Some((c, first_shown[usize::try_from(c - lowest).unwrap()]?)));
            let (shown, second) = shown_before.unwrap();
            (second + civil - shown).min(WINDOW)
        };
        let mut open: Vec<Option<i64>> = vec![None; usize::try_from(WINDOW).unwrap()];
        let spans = |day: i64, intervals: &[Interval]| {
            let midnight = day * DAY;
            let spans = intervals.iter().map(|interval| {
                let from = seconds(interval.from);
                let to = seconds(interval.to) + if interval.to <= interval.from { DAY } else { 0 };
                (named(midnight + from), named(midnight + to))
            });
            spans.filter(|(from, to)| from < to).collect::<Vec<_>>()
        };
        let weekday = |week: &Week, day: i64| -> Vec<Interval> {
            let days = [
                &week.mon, &week.tue, &week.wed, &week.thu, &week.fri, &week.sat, &week.sun,
            ];
            days[usize::try_from((day + 3).rem_euclid(7)).unwrap()].clone()
        };
        for &day in &dates {
            let date = Date::constant(1970, 1, 1) + day.days();
            let hours = match definition.shifts.get(&date) {
                _ if definition.holidays.contains(&date) => Vec::new(),
                Some(shift) => shift.clone(),
                None => weekday(&definition.hours, day),
            };
            for (from, to) in spans(day, &hours) {
                for second in from..to {
                    open[usize::try_from(second).unwrap()].get_or_insert(day);
                }
            }
        }
        for &day in &dates {
            let date = Date::constant(1970, 1, 1) + day.days();
            let mut breaks = weekday(&definition.weekly_breaks, day);
            breaks.extend(definition.breaks.get(&date).into_iter().flatten());
            for (from, to) in spans(day, &breaks) {
                for second in from..to {
                    open[usize::try_from(second).unwrap()] = None;
                }
            }
        }
        let mut before = vec![0];
        for day in &open {
            before.push(before[before.len() - 1] + i64::from(day.is_some()));
        }
        Self {
            start,
            open,
            before,
        }
    }

    fn is_open(&self, second: i64) -> bool {
        self.open[usize::try_from(second).unwrap()].is_some()
    }

    /// The open nanoseconds before an instant.
    fn count(&self, at: Timestamp) -> i128 {
        let nanos = at.as_nanosecond() - i128::from(self.start) * NANOS;
        let second = i64::try_from(nanos / NANOS).unwrap();
        let whole = i128::from(self.before[usize::try_from(second).unwrap()]) * NANOS;
        if self.is_open(second) {
            whole + nanos % NANOS
        } else {
            whole
        }
    }

    /// The first instant before which so many nanoseconds are open; `None` if it is not in the window.
    fn earliest(&self, count: i128) -> Option<Timestamp> {
        let second = self
            .before
            .partition_point(|before| i128::from(*before) * NANOS < count);
        let second = second.checked_sub(1)?;
        self.open.get(second)?;
        let left = count - i128::from(self.before[second]) * NANOS;
        Some(self.instant(second, left))
    }

    /// The last instant before which so many nanoseconds are open; `None` if it is not in the window.
    fn latest(&self, count: i128) -> Option<Timestamp> {
        let second = self
            .before
            .partition_point(|before| i128::from(*before) * NANOS <= count);
        let second = second.checked_sub(1)?;
        self.open.get(second)?;
        let left = count - i128::from(self.before[second]) * NANOS;
        Some(self.instant(second, left))
    }

    fn instant(&self, second: usize, nanos: i128) -> Timestamp {
        let start = i128::from(self.start) + second as i128;
        Timestamp::from_nanosecond(start * NANOS + nanos).unwrap()
    }

    /// The open periods of the seconds in a range: each of one date.
    fn periods(&self, range: std::ops::Range<i64>) -> Vec<(i64, i64)> {
        let mut periods: Vec<(i64, i64)> = Vec::new();
        let mut last = None;
        for second in range {
            let day = self.open[usize::try_from(second).unwrap()];
            if day.is_some() {
                match periods.last_mut() {
                    Some(period) if last == day => period.1 = second + 1,
                    _ => periods.push((second, second + 1)),
                }
            }
            last = day;
        }
        periods
    }
}

fn seconds(time: TimeOfDay) -> i64 {
    let text = time.to_string();
    let parts = text.split(':').map(|part| part.parse::<i64>().unwrap());
    parts
        .zip([3600, 60, 1])
        .map(|(part, unit)| part * unit)
        .sum()
}

fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[derive(Default)]
struct Tally {
    windows: u64,
    seconds: u64,
    answers: BTreeMap<&'static str, u64>,
}

fn compare(chance: &mut Chance, name: &str, zone: &TimeZone, tally: &mut Tally) {
    // Half of the windows are around a change of the clocks.
    let mut middle = chance.below(70 * 365 * DAY + 17 * DAY);
    if chance.one_in(2)
        && let Some(change) = zone.following(instant(middle)).next()
        && change.timestamp().as_second() < 2_240_000_000
    {
        middle = change.timestamp().as_second() - DAY + chance.below(2 * DAY);
    }
    let start = middle - WINDOW / 2;
    let first = zone.to_datetime(instant(start)).date();
    let definition = chance.definition(name, first);
    let calendar = BusinessCalendar::compile(definition.clone()).unwrap();
    let painted = Painted::new(&definition, zone, start);
    let context = || {
        format!(
            "{} from {}",
            serde_json::to_string(&definition).unwrap(),
            instant(start)
        )
    };
    tally.windows += 1;
    let inner = MARGIN..WINDOW - MARGIN;

    // Every second of a few hours, and with the periods of the whole.
    let from = inner.start + chance.below(inner.end - inner.start - 3600);
    for second in from..from + 3600 {
        let ours = calendar.is_open(instant(start + second));
        assert_eq!(
            ours,
            painted.is_open(second),
            "is_open {} {}",
            instant(start + second),
            context()
        );
        tally.seconds += 1;
    }
    let (left, right) = (instant(start + inner.start), instant(start + inner.end));
    let expected = painted.periods(inner.clone());
    let seconds = |at: Timestamp| at.as_second() - start;
    let after: Vec<_> = calendar
        .periods_after(left)
        .take_while(|period| period.start < right)
        .map(|period| (seconds(period.start), seconds(period.end).min(inner.end)))
        .collect();
    assert_eq!(after, expected, "periods_after {}", context());
    let mut before: Vec<_> = calendar
        .periods_before(right)
        .take_while(|period| period.end > left)
        .map(|period| (seconds(period.start).max(inner.start), seconds(period.end)))
        .collect();
    before.reverse();
    assert_eq!(before, expected, "periods_before {}", context());
    *tally.answers.entry("periods").or_default() += 2;

    let mut previous: Option<(Timestamp, Timestamp, SignedDuration)> = None;
    for _ in 0..QUERIES {
        let mut any = || {
            let second = start + inner.start + chance.below(inner.end - inner.start);
            let nanos = if chance.one_in(2) {
                0
            } else {
                chance.below(1_000_000_000)
            };
            Timestamp::new(second, nanos as i32).unwrap()
        };
        let (a, b) = (any(), any());
        let (a, b) = (a.min(b), a.max(b));
        let context = || format!("{a} {b} {}", context());
        let counted = painted.count(b) - painted.count(a);
        let between = calendar.between(a, b);
        assert_eq!(between.as_nanos(), counted, "between {}", context());
        assert_eq!(calendar.between(b, a), SignedDuration::ZERO);

        // A span that may be nothing, exactly what is left, or what ends with some period.
        let duration = match chance.below(4) {
            0 => SignedDuration::ZERO,
            1 => between,
            2 if !expected.is_empty() => {
                let (_, closing) = *chance.pick(&expected);
                calendar.between(a, instant(start + closing))
            }
            _ => SignedDuration::from_nanos(chance.below(3 * DAY * 1_000_000_000)),
        };
        let span = duration.as_nanos();
        let open_at = |at: Timestamp| painted.is_open(at.as_second() - start);
        let expected_add = match span {
            0 if open_at(a) => Some(a),
            0 => painted.latest(painted.count(a)),
            _ => painted.earliest(painted.count(a) + span),
        };
        let outer = instant(start + WINDOW - MARGIN);
        let added = calendar.add(a, duration);
        match expected_add.filter(|at| *at <= outer) {
            Some(expected) => assert_eq!(added, Ok(expected), "add {duration:?} {}", context()),
            None => assert!(
                added.is_err() || added.unwrap() > outer,
                "add {duration:?} {}",
                context()
            ),
        }
        let open_before = match b.subsec_nanosecond() {
            0 => painted.is_open(b.as_second() - start - 1),
            _ => open_at(b),
        };
        let expected_sub = match (painted.count(b) - span, span) {
            (_, 0) if open_before => Some(b),
            (count, 0) if count > 0 => painted.earliest(count),
            (count, span) if count >= 0 && span > 0 => painted.latest(count).map(|at| at.min(b)),
            _ => None,
        };
        let outer = instant(start + MARGIN);
        let subtracted = calendar.sub(b, duration);
        match expected_sub.filter(|at| *at >= outer) {
            Some(expected) => {
                assert_eq!(subtracted, Ok(expected), "sub {duration:?} {}", context())
            }
            None => assert!(
                subtracted.is_err() || subtracted.unwrap() < outer,
                "sub {duration:?} {subtracted:?} {}",
                context()
            ),
        }

        // Laws that hold beyond the window too.
        if let Ok(end) = added {
            assert_eq!(
                calendar.between(a, end),
                duration,
                "between add {duration:?} {}",
                context()
            );
            if duration.is_positive() {
                let back = calendar.sub(end, duration).unwrap();
                assert!(back >= a, "sub add {duration:?} {}", context());
                assert_eq!(
                    calendar.between(back, end),
                    duration,
                    "sub add {duration:?} {}",
                    context()
                );
                let more = duration + SignedDuration::from_nanos(1 + chance.below(1 << 40));
                assert!(
                    calendar.add(a, more).is_ok_and(|later| later > end),
                    "monotone {}",
                    context()
                );
                let on = calendar.add(end, between).unwrap();
                if between.is_positive() {
                    assert_eq!(
                        calendar.add(a, duration + between),
                        Ok(on),
                        "additive {}",
                        context()
                    );
                }
            }
            if let Some((a2, end2, span)) = previous
                && span == duration
            {
                assert!(
                    a <= a2 || end >= end2,
                    "monotone in the start {}",
                    context()
                );
            }
            previous = Some((a, end, duration));
        }
        for op in ["between", "add", "sub"] {
            *tally.answers.entry(op).or_default() += 1;
        }
    }
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn agrees_second_by_second() {
    let windows = asked("RESOUND_WINDOWS").unwrap_or(12);
    let seed = asked("RESOUND_SEED").unwrap_or(20_261_122);
    let database = TimeZoneDatabase::bundled();
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let mut chance = Chance(seed);
    let mut tally = Tally::default();
    let mut zones = BTreeSet::new();
    // A few windows look at zones that do odd things; many look at all of them in turn.
    let odd = [
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Beirut",
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/St_Johns",
        "Europe/Berlin",
    ];
    for n in 0..windows {
        let index = usize::try_from(n).unwrap();
        let name = match odd.get(index) {
            Some(name) => *name,
            None if windows < 600 => chance.pick(&names).as_str(),
            None => names[index % names.len()].as_str(),
        };
        zones.insert(name.to_owned());
        compare(&mut chance, name, &database.get(name).unwrap(), &mut tally);
    }
    println!(
        "seed {seed}: {} windows in {} zones, {} seconds looked at one by one, answers {:?}",
        tally.windows,
        zones.len(),
        tally.seconds,
        tally.answers
    );
}

#[test]
fn dates_that_never_were() {
    // The whole days that zones skipped since 1970, each with hours and breaks at odd times on it and around it.
    let mut chance = Chance(7);
    let mut tally = Tally::default();
    for (name, skipped) in [
        ("Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("Pacific/Kwajalein", "1993-08-21T12:00:00Z"),
        ("Pacific/Kiritimati", "1994-12-31T10:00:00Z"),
    ] {
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        let change: Timestamp = skipped.parse().unwrap();
        for _ in 0..2 {
            let start = change.as_second() - WINDOW / 2 - chance.below(DAY);
            let definition = chance.definition(name, zone.to_datetime(instant(start)).date());
            let calendar = BusinessCalendar::compile(definition.clone()).unwrap();
            let painted = Painted::new(&definition, &zone, start);
            for second in (MARGIN..WINDOW - MARGIN).step_by(7) {
                let at = instant(start + second);
                assert_eq!(
                    calendar.is_open(at),
                    painted.is_open(second),
                    "{at} {definition:?}"
                );
                tally.seconds += 1;
            }
        }
    }
    assert_eq!(tally.seconds, 6 * (4 * 86_400_u64).div_ceil(7));
}
