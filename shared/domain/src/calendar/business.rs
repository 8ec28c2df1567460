//! Arithmetic of business time.
//!
//! The time line is cut at the changes of the zone's offset. Between two of them an instant is a civil second moved by a
//! constant, so open time is counted on the civil [`Line`] in closed form. What is special about a change is
//! in the seam behind it, as long as the jump of the wall clock: see [`BusinessCalendar::region`].

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneTransition};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::china;
use super::fault::{Fault, FaultKind, InvalidCalendar};
use super::hours::{Country, Definition, Interval, TimeOfDay};
use super::line::{Civil, DAY_LONG, Line, cut, union};
use super::rota::{Day, Rota, number};

/// A whole second on the time line, since 1970-01-01T00:00:00Z.
type Second = i64;

/// The seconds there are: those of [`Timestamp::MIN`] to [`Timestamp::MAX`].
pub(super) const FIRST: Second = -377_705_023_201;
pub(super) const END: Second = 253_402_207_201;

const NANOS: i32 = 1_000_000_000;

/// No seam is longer, nor the span between what a seam shows and what it repeats.
const SEAM: i64 = 2 * DAY_LONG;

/// How far business days are counted: 400 years.
const MOST_DAYS: Day = 146_097;

/// The open periods that [`BusinessCalendar::preview`] lists.
const PREVIEWED: usize = 30;

/// A calendar has no such instant: it has not that much open time between the years -9999 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calendar has not that much open time before the end of time")]
pub struct OutOfTime;

/// An open stretch of time, half-open and never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Its first instant.
    pub start: Timestamp,
    /// The instant at which it closes.
    pub end: Timestamp,
}

/// What a calendar will do next, for people to look at before it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The next 30 open periods; fewer if the calendar has no more.
    pub periods: Vec<Period>,
    /// The last date for which the public holidays it keeps are built in; later ones have ordinary weeks. `None` if
    /// it keeps none.
    pub holidays_known_until: Option<Date>,
}

/// What becomes of the time of day when business days are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOfDayRule {
    /// It is kept, whether the office is open then or not. No days at all are the same instant.
    Keep,
    /// If the office is closed then, the next opening is meant. No days at all are counted forward.
    NextOpen,
    /// If the office is closed then, the closing before is meant. No days at all are counted back.
    LastOpen,
}

/// A business calendar in a known zone, ready to count with.
///
/// What is written as one civil time is one instant: see [`resolve_local`]. An interval is open from the
/// instant of its start to that of its end; one whose start is not before its end, as a jump of the clock can make it, is
/// empty, and a date that the zone skipped has no hours and no breaks. An instant is open if an interval covers it and no
/// break does, so it counts once however many intervals cover it.
///
/// Whole seconds are open or closed; instants and durations are exact to the nanosecond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Definition", try_from = "Definition")]
pub struct BusinessCalendar {
    definition: Definition,
    zone: TimeZone,
    rota: Arc<Rota>,
    line: Arc<Line>,
}

impl TryFrom<Definition> for BusinessCalendar {
    type Error = InvalidCalendar;

    /// A calendar that is open at some time; with [`compile`](Self::compile) it need not be.
    fn try_from(definition: Definition) -> Result<Self, InvalidCalendar> {
        let calendar = Self::compile(definition)?;
        if calendar.line.never_opens() {
            return Err(Fault::at("/hours", FaultKind::NeverOpen).into());
        }
        Ok(calendar)
    }
}

impl From<BusinessCalendar> for Definition {
    fn from(calendar: BusinessCalendar) -> Definition {
        calendar.definition
    }
}

/// The instant that a civil time of a zone names; `None` beyond the end of time.
///
/// Where the wall clock shows it twice it is the first; where the clock skips it, the time that is as long after the jump
/// as it is after the last time shown before (RFC 5545, 3.3.5; with an hour skipped: an hour later).
/// `24:00` is `00:00` of the next day.
pub fn resolve_local(zone: &TimeZone, date: Date, time: TimeOfDay) -> Option<Timestamp> {
    let civil = number(date) * DAY_LONG + i64::from(time.0);
    zone.to_timestamp(datetime(civil)?).ok()
}

/// A change of the zone's offset.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: Second,
    /// The offsets before and after, in seconds.
    before: i64,
    after: i64,
}

/// A stretch of time in which open time can be counted without walking it.
#[derive(Debug)]
struct Region {
    seconds: Range<Second>,
    open: Open,
}

/// Which seconds of a region are open.
#[derive(Debug)]
enum Open {
    /// Those that are open on the civil line, moved by an offset.
    Civil { offset: i64 },
    /// All or none.
    Throughout(bool),
    /// These: in order, apart, not empty.
    In(Vec<(Second, Second)>),
}

/// Which of several instants with the same count is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// The first: the second before it is open.
    Closing,
    /// The last: it is open itself.
    Opening,
}

impl BusinessCalendar {
    /// Makes a calendar of a definition, which may be one that never opens.
    ///
    /// # Errors
    /// [`InvalidCalendar`]: everything that is wrong with it, at once.
    pub fn compile(definition: Definition) -> Result<Self, InvalidCalendar> {
        let zone = super::fault::check(&definition)?;
        let rota = Rota::new(&definition);
        let line = Line::new(&rota);
        Ok(Self {
            definition,
            zone,
            rota: Arc::new(rota),
            line: Arc::new(line),
        })
    }

    /// The zone its hours are written in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What it was made of.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Whether the office is open at this instant. Intervals are half-open: open at opening, shut at closing.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.is_open_in(split(at).0)
    }

    /// The instant at which `duration` of open time has passed since `start`.
    ///
    /// A duration that exactly fills an interval ends at closing, not at the next opening. A duration of zero (or
    /// below) ends at `start` while open and at the next opening otherwise.
    ///
    /// # Errors
    /// [`OutOfTime`] if the calendar has not that much open time left.
    pub fn add(&self, start: Timestamp, duration: SignedDuration) -> Result<Timestamp, OutOfTime> {
        let (second, fraction) = split(start);
        let open = self.is_open_in(second);
        if !duration.is_positive() {
            if open {
                return Ok(start);
            }
            return join(self.forward(second, 0, Edge::Opening)?, 0);
        }
        // Counted from the beginning of the second.
        let counted = if open { fraction } else { 0 };
        let whole = SignedDuration::new(0, counted)
            .checked_add(duration)
            .ok_or(OutOfTime)?;
        match (whole.as_secs(), whole.subsec_nanos()) {
            (seconds, 0) => join(self.forward(second, seconds, Edge::Closing)?, 0),
            (seconds, nanos) => join(self.forward(second, seconds, Edge::Opening)?, nanos),
        }
    }

    /// The instant since which `duration` of open time has passed until `end`: the mirror image of [`add`](Self::add).
    ///
    /// A duration that exactly fills an interval begins at its opening, not at the closing before. A duration of zero
    /// (or below) begins at `end` if the office was open until then, and at the last closing otherwise.
    ///
    /// # Errors
    /// [`OutOfTime`] if the calendar had not that much open time before.
    pub fn sub(&self, end: Timestamp, duration: SignedDuration) -> Result<Timestamp, OutOfTime> {
        let (second, fraction) = split(end);
        let counted = if fraction > 0 && self.is_open_in(second) {
            fraction
        } else {
            0
        };
        // What is counted before the beginning of the second.
        let left = duration
            .max(SignedDuration::ZERO)
            .checked_sub(SignedDuration::new(0, counted))
            .ok_or(OutOfTime)?;
        if counted > 0 && !left.is_positive() {
            return Ok(super::later(end, -duration.max(SignedDuration::ZERO)));
        }
        match (left.as_secs(), left.subsec_nanos()) {
            (0, 0) => join(self.backward(second, 0, Edge::Closing)?, 0),
            (seconds, 0) => join(self.backward(second, seconds, Edge::Opening)?, 0),
            (seconds, nanos) => join(
                self.backward(second, seconds, Edge::Closing)? - 1,
                NANOS - nanos,
            ),
        }
    }

    /// The open time from `start` to `end`; zero if reversed.
    pub fn between(&self, start: Timestamp, end: Timestamp) -> SignedDuration {
        if end <= start || self.line.never_opens() {
            return SignedDuration::ZERO;
        }
        let ((first, skipped), (last, counted)) = (split(start), split(end));
        let part = |second, nanos| match nanos {
            0 => SignedDuration::ZERO,
            _ if self.is_open_in(second) => SignedDuration::new(0, nanos),
            _ => SignedDuration::ZERO,
        };
        let mut seconds = 0;
        let mut from = first;
        while from < last {
            let region = self.region(from);
            let to = region.seconds.end.min(last);
            seconds += self.count(&region, from..to);
            from = to;
        }
        SignedDuration::from_secs(seconds) + part(last, counted) - part(first, skipped)
    }

    /// The open periods after `start`, in order; the first is clipped to it.
    ///
    /// A period belongs to the date its hours begin on: hours past midnight are one period, around-the-clock hours one
    /// for each date. What two dates cover belongs to the earlier.
    pub fn periods_after(&self, start: Timestamp) -> impl Iterator<Item = Period> + '_ {
        let mut from = start;
        std::iter::from_fn(move || {
            let start = self.add(from, SignedDuration::ZERO).ok()?;
            let (_, end) = self.period_with(split(start).0)?;
            from = join(end, 0).unwrap_or(Timestamp::MAX);
            (start < from).then_some(Period { start, end: from })
        })
    }

    /// The open periods before `end`, from the last back; the first is clipped to it. Otherwise as
    /// [`periods_after`](Self::periods_after).
    pub fn periods_before(&self, end: Timestamp) -> impl Iterator<Item = Period> + '_ {
        let mut to = end;
        std::iter::from_fn(move || {
            let end = self.sub(to, SignedDuration::ZERO).ok()?;
            let last = match split(end) {
                (second, 0) => second - 1,
                (second, _) => second,
            };
            let (start, _) = self.period_with(last)?;
            to = join(start, 0).unwrap_or(Timestamp::MIN);
            (to < end).then_some(Period { start: to, end })
        })
    }

    /// What the calendar will do next.
    pub fn preview(&self, from: Timestamp) -> Preview {
        let known = |country| match country {
            Country::China => Date::constant(china::LAST, 12, 31),
        };
        Preview {
            periods: self.periods_after(from).take(PREVIEWED).collect(),
            holidays_known_until: self.definition.public_holidays.map(known),
        }
    }

    /// Whether work begins on this date: it has hours that its breaks leave something of, and the zone has the date.
    pub fn is_business_day(&self, date: Date) -> bool {
        self.works_on(number(date))
    }

    /// The instant so many business days later, or earlier if below zero.
    ///
    /// Days are counted on the zone's dates: from the date of `start` or, if no work begins on it, from the next one on
    /// which it does, in the direction of counting. The time of day is that of `start`, as `rule` has it.
    ///
    /// # Errors
    /// [`OutOfTime`] if the calendar has not so many business days within 400 years.
    pub fn add_business_days(
        &self,
        start: Timestamp,
        days: i64,
        rule: TimeOfDayRule,
    ) -> Result<Timestamp, OutOfTime> {
        let back = match (days, rule) {
            (0, TimeOfDayRule::Keep) => return Ok(start),
            (0, rule) => rule == TimeOfDayRule::LastOpen,
            (days, _) => days < 0,
        };
        if days.unsigned_abs() > MOST_DAYS.unsigned_abs() {
            return Err(OutOfTime);
        }
        let step = if back { -1 } else { 1 };
        let civil = self.zone.to_datetime(start);
        let first = number(civil.date());
        let mut day = first;
        let mut left = days.unsigned_abs();
        loop {
            if self.works_on(day) {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            if (day - first).abs() >= MOST_DAYS || !self.rota.works_beyond(day, back) {
                return Err(OutOfTime);
            }
            day += step;
        }
        let date = datetime(day * DAY_LONG).ok_or(OutOfTime)?.date();
        let at = self
            .zone
            .to_timestamp(date.to_datetime(civil.time()))
            .map_err(|_| OutOfTime)?;
        match rule {
            TimeOfDayRule::Keep => Ok(at),
            TimeOfDayRule::NextOpen => self.add(at, SignedDuration::ZERO),
            TimeOfDayRule::LastOpen => self.sub(at, SignedDuration::ZERO),
        }
    }

    fn works_on(&self, day: Day) -> bool {
        let mut own: Vec<_> = self.spans(day, self.rota.hours(day)).collect();
        !own.is_empty() && !cut(union(&mut own), &self.breaks_around(day)).is_empty()
    }

    /// What breaks may cut out of hours that begin on this date.
    fn breaks_around(&self, day: Day) -> Vec<(Second, Second)> {
        let mut breaks: Vec<_> = (day - 2..=day + 2)
            .flat_map(|day| self.spans(day, self.rota.breaks(day)))
            .collect();
        union(&mut breaks)
    }

    fn is_open_in(&self, second: Second) -> bool {
        match self.region(second).open {
            Open::Civil { offset } => self.line.is_open(second + offset),
            Open::Throughout(open) => open,
            Open::In(spans) => spans.iter().any(|(from, to)| (from..to).contains(&&second)),
        }
    }

    /// The region of a second.
    ///
    /// Behind a change lies a seam as long as the jump. If the clock went back the seam repeats what it showed
    /// before; whatever was begun or ended at those times was so at their first occurrence, so the seam stays as
    /// the last second before the change. If the clock went forward, times it skipped are read in the seam, an hour later as
    /// it were: the spans there are listed one by one, unless none of them begins or ends at a skipped time. No two
    /// changes of any zone are so near that seams overlap (a test looks).
    fn region(&self, second: Second) -> Region {
        let end = self.change_after(second).map_or(END, |next| next.at);
        let Some(change) = self.change_until(second) else {
            let offset = self.offset(second);
            return Region {
                seconds: FIRST..end,
                open: Open::Civil { offset },
            };
        };
        let Change { at, before, after } = change;
        let seam = at..(at + (after - before).abs()).min(end);
        let plain = |from| Region {
            seconds: from..end,
            open: Open::Civil { offset: after },
        };
        let forward = before < after;
        if forward && !self.anything_turns_within(at + before, at + after) {
            return plain(at);
        }
        if !seam.contains(&second) {
            return plain(seam.end);
        }
        let open = if forward {
            Open::In(self.spans_within(seam.clone(), before, after))
        } else {
            Open::Throughout(self.line.is_open(at + before - 1))
        };
        Region {
            seconds: seam,
            open,
        }
    }

    /// The open seconds of a part of a region.
    fn count(&self, region: &Region, part: Range<Second>) -> i64 {
        match &region.open {
            Open::Civil { offset } => {
                self.line.count(part.end + offset) - self.line.count(part.start + offset)
            }
            Open::Throughout(open) => i64::from(*open) * (part.end - part.start),
            Open::In(spans) => spans
                .iter()
                .map(|&(from, to)| (to.min(part.end) - from.max(part.start)).max(0))
                .sum(),
        }
    }

    /// The second before which, from this one on, `n` are open. `n` is above zero for a closing.
    fn forward(&self, mut from: Second, mut n: i64, edge: Edge) -> Result<Second, OutOfTime> {
        while from < END {
            let region = self.region(from);
            let open = self.count(&region, from..region.seconds.end);
            if n < open || (n == open && edge == Edge::Closing) {
                return match &region.open {
                    Open::Civil { offset } => {
                        let count = self.line.count(from + offset) + n;
                        Ok(self.on_line(count, edge)? - offset)
                    }
                    Open::Throughout(_) => Ok(from + n),
                    Open::In(spans) => {
                        let ahead = spans.iter().map(|&(start, end)| (start.max(from), end));
                        for (start, end) in ahead.filter(|(start, end)| start < end) {
                            if n < end - start || (n == end - start && edge == Edge::Closing) {
                                return Ok(start + n);
                            }
                            n -= end - start;
                        }
                        Err(OutOfTime)
                    }
                };
            }
            n -= open;
            from = region.seconds.end;
            if matches!(region.open, Open::Civil { offset } if self.line.closed_from(from + offset - SEAM))
            {
                break;
            }
        }
        Err(OutOfTime)
    }

    /// The second between which and this one `n` are open. `n` is above zero for an opening.
    fn backward(&self, mut to: Second, mut n: i64, edge: Edge) -> Result<Second, OutOfTime> {
        while to > FIRST {
            let region = self.region(to - 1);
            let open = self.count(&region, region.seconds.start..to);
            if n < open || (n == open && edge == Edge::Opening) {
                return match &region.open {
                    Open::Civil { offset } => {
                        let count = self.line.count(to + offset) - n;
                        Ok(self.on_line(count, edge)? - offset)
                    }
                    Open::Throughout(_) => Ok(to - n),
                    Open::In(spans) => {
                        let behind = spans.iter().rev().map(|&(start, end)| (start, end.min(to)));
                        for (start, end) in behind.filter(|(start, end)| start < end) {
                            if n < end - start || (n == end - start && edge == Edge::Opening) {
                                return Ok(end - n);
                            }
                            n -= end - start;
                        }
                        Err(OutOfTime)
                    }
                };
            }
            n -= open;
            to = region.seconds.start;
            if matches!(region.open, Open::Civil { offset } if self.line.closed_until(to + offset + SEAM))
            {
                break;
            }
        }
        Err(OutOfTime)
    }

    fn on_line(&self, count: i64, edge: Edge) -> Result<Civil, OutOfTime> {
        match edge {
            Edge::Closing => self.line.earliest(count),
            Edge::Opening => self.line.latest(count),
        }
        .ok_or(OutOfTime)
    }

    /// Whether an interval or break begins or ends between these civil seconds, both excluded.
    fn anything_turns_within(&self, from: Civil, to: Civil) -> bool {
        (from.div_euclid(DAY_LONG) - 1..=to.div_euclid(DAY_LONG)).any(|day| {
            let within = |second: u32| {
                let civil = day * DAY_LONG + i64::from(second);
                from < civil && civil < to
            };
            self.rota
                .hours(day)
                .chain(self.rota.breaks(day))
                .map(|interval| interval.seconds())
                .any(|(start, end)| within(start) || within(end))
        })
    }

    /// The open spans of a stretch in which these are the offsets, by the definition.
    fn spans_within(
        &self,
        seconds: Range<Second>,
        before: i64,
        after: i64,
    ) -> Vec<(Second, Second)> {
        let first = (seconds.start + before.min(after)).div_euclid(DAY_LONG) - 2;
        let last = (seconds.end + before.max(after)).div_euclid(DAY_LONG) + 1;
        let mut hours: Vec<_> = (first..=last)
            .flat_map(|day| self.spans(day, self.rota.hours(day)))
            .collect();
        let mut breaks: Vec<_> = (first..=last)
            .flat_map(|day| self.spans(day, self.rota.breaks(day)))
            .collect();
        cut(union(&mut hours), &union(&mut breaks))
            .into_iter()
            .map(|(from, to)| (from.max(seconds.start), to.min(seconds.end)))
            .filter(|(from, to)| from < to)
            .collect()
    }

    /// The period that covers this second, which is open.
    fn period_with(&self, second: Second) -> Option<(Second, Second)> {
        let today = (second + self.offset(second)).div_euclid(DAY_LONG);
        (today - 2..=today + 1)
            .flat_map(|day| self.periods_of(day))
            .find(|(from, to)| (from..to).contains(&&second))
    }

    /// The periods whose hours begin on this date, less what dates before cover.
    fn periods_of(&self, day: Day) -> Vec<(Second, Second)> {
        let mut own: Vec<_> = self.spans(day, self.rota.hours(day)).collect();
        if own.is_empty() {
            return own;
        }
        let mut earlier: Vec<_> = (day - 2..day)
            .flat_map(|day| self.spans(day, self.rota.hours(day)))
            .collect();
        let first_come = cut(union(&mut own), &union(&mut earlier));
        cut(first_come, &self.breaks_around(day))
    }

    /// What intervals that begin on this date cover, empty spans left out.
    fn spans<'a>(
        &'a self,
        day: Day,
        intervals: impl Iterator<Item = &'a Interval> + 'a,
    ) -> impl Iterator<Item = (Second, Second)> + 'a {
        let mut intervals = intervals.peekable();
        let none = intervals.peek().is_none() || self.is_skipped(day);
        let instant = move |second: u32| self.instant(day * DAY_LONG + i64::from(second));
        intervals
            .filter(move |_| !none)
            .map(|interval| interval.seconds())
            .map(move |(from, to)| (instant(from), instant(to)))
            .filter(|(from, to)| from < to)
    }

    /// The second that a civil one names, as [`resolve_local`] has it.
    fn instant(&self, civil: Civil) -> Second {
        let instant = datetime(civil).and_then(|civil| self.zone.to_timestamp(civil).ok());
        instant.map_or(if civil < 0 { FIRST } else { END }, |instant| {
            instant.as_second()
        })
    }

    /// Whether the wall clock never showed this date.
    fn is_skipped(&self, day: Day) -> bool {
        let midnight = day * DAY_LONG;
        let Some(local) = datetime(midnight) else {
            return false;
        };
        let AmbiguousOffset::Gap { before, .. } = self.zone.to_ambiguous_timestamp(local).offset()
        else {
            return false;
        };
        self.change_until(midnight - i64::from(before.seconds()))
            .is_some_and(|change| midnight + DAY_LONG <= change.at + change.after)
    }

    fn offset(&self, second: Second) -> i64 {
        let at = Timestamp::from_second(second).unwrap_or(if second < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        });
        self.zone.to_offset(at).seconds().into()
    }

    /// The last change of the offset at or before a second.
    fn change_until(&self, second: Second) -> Option<Change> {
        let after = Timestamp::from_second(second + 1).unwrap_or(Timestamp::MAX);
        self.zone.preceding(after).find_map(|t| self.change(&t))
    }

    /// The first change of the offset after a second.
    fn change_after(&self, second: Second) -> Option<Change> {
        let at = Timestamp::from_second(second).ok()?;
        self.zone.following(at).find_map(|t| self.change(&t))
    }

    /// A transition as a change of the offset; some change only a name.
    fn change(&self, transition: &TimeZoneTransition<'_>) -> Option<Change> {
        let at = transition.timestamp().as_second();
        let after = i64::from(transition.offset().seconds());
        let before = self.offset(at - 1);
        (before != after).then_some(Change { at, before, after })
    }
}

/// An instant as a whole second and the nanoseconds after it.
fn split(at: Timestamp) -> (Second, i32) {
    match at.subsec_nanosecond() {
        nanos if nanos < 0 => (at.as_second() - 1, nanos + NANOS),
        nanos => (at.as_second(), nanos),
    }
}

fn join(second: Second, nanos: i32) -> Result<Timestamp, OutOfTime> {
    Timestamp::new(second, nanos).map_err(|_| OutOfTime)
}

/// A civil second in words; `None` if it has no year of four digits.
fn datetime(civil: Civil) -> Option<DateTime> {
    let as_utc = Timestamp::from_second(civil).ok()?;
    Some(Offset::UTC.to_datetime(as_utc))
}
