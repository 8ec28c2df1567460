//! The civil line: open seconds counted by the wall clock alone, as if every day had 24 hours.
//!
//! Counts are closed formulas over the week plus a prefix sum over the dates that differ from it, so neither a count nor
//! its inverse walks days.

use super::hours::{DAY, Interval};
use super::rota::Rota;

/// A civil second: since 1970-01-01 00:00 by the wall clock.
pub(super) type Civil = i64;

pub(super) const DAY_LONG: i64 = DAY as i64;
const WEEK: i64 = 7 * DAY_LONG;
/// Monday, 1969-12-29.
const MONDAY: Civil = -3 * DAY_LONG;

/// Open seconds of a stretch that begins at 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pattern {
    /// In order, apart or touching, not empty.
    pieces: Vec<Piece>,
    total: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    from: i64,
    to: i64,
    /// The open seconds before it.
    before: i64,
}

impl Pattern {
    fn push(&mut self, from: i64, to: i64) {
        let before = self.total;
        self.pieces.push(Piece { from, to, before });
        self.total += to - from;
    }

    /// The open seconds before this one.
    fn count(&self, at: i64) -> i64 {
        self.last_before(|piece| piece.from < at)
            .map_or(0, |piece| piece.before + at.min(piece.to) - piece.from)
    }

    fn is_open(&self, at: i64) -> bool {
        self.last_before(|piece| piece.from <= at)
            .is_some_and(|piece| at < piece.to)
    }

    /// The first second before which `n` are open; `n` is above 0 and at most the total.
    fn earliest(&self, n: i64) -> i64 {
        self.last_before(|piece| piece.before < n)
            .map_or(0, |piece| piece.from + n - piece.before)
    }

    /// The last second before which `n` are open; `n` is at least 0 and below the total.
    fn latest(&self, n: i64) -> i64 {
        self.last_before(|piece| piece.before <= n)
            .map_or(0, |piece| piece.from + n - piece.before)
    }

    fn last_before(&self, before: impl Fn(&Piece) -> bool) -> Option<&Piece> {
        let after = self.pieces.partition_point(before);
        self.pieces.get(after.checked_sub(1)?)
    }
}

/// A day that differs from its weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OddDay {
    start: Civil,
    /// The count at its start.
    before: i64,
    pattern: Pattern,
    /// What the count after it differs by from that of ordinary weeks.
    shift: i64,
}

/// A whole civil line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    week: Pattern,
    /// In order.
    odd: Vec<OddDay>,
}

impl Line {
    pub(super) fn new(rota: &Rota) -> Self {
        let mut week = Pattern::default();
        for (day, midnight) in (MONDAY / DAY_LONG..).zip((0..WEEK).step_by(DAY as usize)) {
            let hours = cover(rota.ordinary_hours(day), rota.ordinary_hours(day - 1));
            let breaks = cover(rota.weekly_breaks(day), rota.weekly_breaks(day - 1));
            for (from, to) in cut(hours, &breaks) {
                week.push(midnight + i64::from(from), midnight + i64::from(to));
            }
        }
        let mut line = Self {
            week,
            odd: Vec::new(),
        };
        for day in rota.odd_days() {
            let hours = cover(rota.hours(day), rota.hours(day - 1));
            let breaks = cover(rota.breaks(day), rota.breaks(day - 1));
            let mut pattern = Pattern::default();
            for (from, to) in cut(hours, &breaks) {
                pattern.push(from.into(), to.into());
            }
            let start = day * DAY_LONG;
            let before = line.count(start);
            let shift = before + pattern.total - line.ordinary(start + DAY_LONG);
            line.odd.push(OddDay {
                start,
                before,
                pattern,
                shift,
            });
        }
        line
    }

    /// Open seconds before this one, from a fixed one far away or, if that is later, less them.
    pub(super) fn count(&self, at: Civil) -> i64 {
        match self.last_odd(|odd| odd.start <= at) {
            None => self.ordinary(at),
            Some(odd) if at < odd.start + DAY_LONG => {
                odd.before + odd.pattern.count(at - odd.start)
            }
            Some(odd) => self.ordinary(at) + odd.shift,
        }
    }

    pub(super) fn is_open(&self, at: Civil) -> bool {
        match self.last_odd(|odd| odd.start <= at) {
            Some(odd) if at < odd.start + DAY_LONG => odd.pattern.is_open(at - odd.start),
            _ => self.week.is_open((at - MONDAY).rem_euclid(WEEK)),
        }
    }

    /// The first second with this count; `None` if there is none because all before, or after, is closed.
    pub(super) fn earliest(&self, count: i64) -> Option<Civil> {
        let odd = self.last_odd(|odd| odd.before < count);
        if let Some(odd) = odd {
            let n = count - odd.before;
            if n <= odd.pattern.total {
                return Some(odd.start + odd.pattern.earliest(n));
            }
        }
        if self.week.total == 0 {
            return None;
        }
        // The last of a week's seconds closes it.
        let n = count - odd.map_or(0, |odd| odd.shift) - 1;
        let (weeks, n) = (n.div_euclid(self.week.total), n.rem_euclid(self.week.total));
        Some(MONDAY + weeks * WEEK + self.week.earliest(n + 1))
    }

    /// The last second with this count: an open one. `None` if there is none because all after is closed.
    pub(super) fn latest(&self, count: i64) -> Option<Civil> {
        let odd = self.last_odd(|odd| odd.before <= count);
        if let Some(odd) = odd {
            let n = count - odd.before;
            if n < odd.pattern.total {
                return Some(odd.start + odd.pattern.latest(n));
            }
        }
        if self.week.total == 0 {
            return None;
        }
        let n = count - odd.map_or(0, |odd| odd.shift);
        let (weeks, n) = (n.div_euclid(self.week.total), n.rem_euclid(self.week.total));
        Some(MONDAY + weeks * WEEK + self.week.latest(n))
    }

    /// Whether no second is open.
    pub(super) fn never_opens(&self) -> bool {
        self.week.total == 0 && self.odd.iter().all(|odd| odd.pattern.total == 0)
    }

    /// Whether every second from this one on is closed.
    pub(super) fn closed_from(&self, at: Civil) -> bool {
        self.week.total == 0 && self.odd.last().is_none_or(|odd| odd.start + DAY_LONG <= at)
    }

    /// Whether every second before this one is closed.
    pub(super) fn closed_until(&self, at: Civil) -> bool {
        self.week.total == 0 && self.odd.first().is_none_or(|odd| at <= odd.start)
    }

    /// The count if every week were ordinary.
    fn ordinary(&self, at: Civil) -> i64 {
        let at = at - MONDAY;
        at.div_euclid(WEEK) * self.week.total + self.week.count(at.rem_euclid(WEEK))
    }

    fn last_odd(&self, before: impl Fn(&OddDay) -> bool) -> Option<&OddDay> {
        let after = self.odd.partition_point(before);
        self.odd.get(after.checked_sub(1)?)
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
    union(&mut parts)
}

/// What half-open stretches cover: sorted, apart, not empty.
pub(super) fn union<T: Ord + Copy>(parts: &mut [(T, T)]) -> Vec<(T, T)> {
    parts.sort_unstable();
    let mut covered: Vec<(T, T)> = Vec::with_capacity(parts.len());
    for &mut (from, to) in parts.iter_mut().filter(|(from, to)| from < to) {
        match covered.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => covered.push((from, to)),
        }
    }
    covered
}

/// `open` without `breaks`; both sorted and apart, as is the result.
pub(super) fn cut<T: Ord + Copy>(open: Vec<(T, T)>, breaks: &[(T, T)]) -> Vec<(T, T)> {
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
