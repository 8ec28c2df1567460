//! What is being done, and what became of the scores since it shipped: the improvements in a monthly report.
//!
//! An effect is that of [`issue::effect`](crate::issue::effect), of the survey of the report and up to the end of its month. It is
//! told only if nobody who has the whole report can compute from it how few people answered on some days: see [`Effects`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::monthly::shown;
use super::{Change, Score, Told, hidden};
use crate::id::ImprovementId;
use crate::issue::Spans;
use crate::issue::effect::MOST_DAYS;
use crate::issue::improvement::{Improvement, Shipped, State};
use crate::nps::Period;
use crate::tally::Tally;

/// The most improvements a report lists.
pub const MOST_LISTED: usize = 50;

/// Of so many improvements of one touchpoint the effect is told; their days overlap, and more of them are not told apart.
const MOST_OF_ONE: usize = 4;

/// What is being done, or was in the last 90 days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Improvements {
    /// How many there are, listed or not.
    pub total: u64,
    /// Those that shipped, the first one first; then what is planned, by the day it is to ship. At most [`MOST_LISTED`].
    pub listed: Vec<ImprovementRow>,
}

/// An improvement as of when the report was due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImprovementRow {
    /// Which.
    pub improvement: ImprovementId,
    /// Where it stood.
    pub state: State,
    /// The touchpoint whose scores it is to move, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// The day it is to ship, or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// The local day on which it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_on: Option<Date>,
    /// The local day on which somebody last said how far it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressed_on: Option<Date>,
    /// Whether nobody has for more than a week, though it has not shipped.
    pub silent: bool,
    /// The days that are compared; `None` unless it has a touchpoint, and shipped before the last day of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<Spans>,
    /// What became of the score on these days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
}

/// The score of a touchpoint before and after. It is told whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Before it shipped.
    pub before: Told<Score>,
    /// After it shipped.
    pub after: Told<Score>,
    /// From the one to the other; `None` unless both are shown.
    pub change: Option<Change>,
}

impl ImprovementRow {
    /// An improvement as of `at`, which is what its log says up to then, in the report of a month; `None` if it is not in that one:
    /// it was called off, or what it did was measured before.
    pub fn of(
        improvement: &Improvement,
        at: Timestamp,
        zone: &TimeZone,
        month: Period,
    ) -> Option<Self> {
        let local = |at: Timestamp| at.to_zoned(zone.clone()).date();
        let shipped_on = improvement.shipped().map(|Shipped { at, .. }| local(*at));
        let since = month.last().checked_sub(MOST_DAYS.days()).ok()?;
        if improvement.state() == State::Cancelled || shipped_on.is_some_and(|day| day < since) {
            return None;
        }
        let plan = improvement.plan();
        Some(Self {
            improvement: improvement.id(),
            state: improvement.state(),
            touchpoint: plan.touchpoint.clone(),
            due: plan.due,
            shipped_on,
            progressed_on: improvement.progressed_at().map(local),
            silent: improvement.is_silent(at),
            spans: plan
                .touchpoint
                .as_ref()
                .and(shipped_on)
                .and_then(|day| Spans::around(day, month.last())),
            effect: None,
        })
    }
}

/// The answers of the days that effects are of.
#[derive(Debug)]
pub(super) struct Effects<'a> {
    /// The months of the report by name; one that is missing had no response.
    pub(super) months: &'a [(String, Tally)],
    /// Whole months of days by touchpoint.
    pub(super) days: &'a BTreeMap<Date, BTreeMap<String, Tally>>,
    /// The month of the report.
    pub(super) month: Period,
}

impl Improvements {
    pub(super) fn of(rows: &[ImprovementRow], effects: &Effects<'_>) -> Self {
        let mut listed = rows.to_vec();
        listed.sort_by_key(|row| {
            let (shipped, due) = (row.shipped_on, row.due);
            (
                (shipped.is_none(), shipped),
                (due.is_none(), due),
                row.improvement,
            )
        });
        listed.truncate(MOST_LISTED);
        // Of each touchpoint, the days whose sums are told by now.
        let mut told: BTreeMap<String, Vec<[Date; 2]>> = BTreeMap::new();
        for row in &mut listed {
            let (Some(touchpoint), Some(spans)) = (&row.touchpoint, row.spans) else {
                continue;
            };
            let told = told
                .entry(touchpoint.clone())
                .or_insert_with(|| effects.months_told());
            row.effect = Some(effects.effect(touchpoint, spans, told));
        }
        Self {
            total: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            listed,
        }
    }
}

impl Effects<'_> {
    /// The month and the one before: what their tables tell of each touchpoint. Each span is from a day to before another.
    fn months_told(&self) -> Vec<[Date; 2]> {
        let months = [self.month.previous(), Some(self.month)];
        months.into_iter().flatten().filter_map(span).collect()
    }

    /// What became of the score of a touchpoint, if it may be told beside what is `told` of other days; then it is told, too.
    ///
    /// It may not
    ///
    /// - if one to four people answered on either side,
    /// - if in any month that these days are in, the table of that month would not show the touchpoint: what is hidden there,
    ///   or hides another one, is not told by another table,
    /// - if by adding and subtracting of all that is told of this touchpoint, one to four people would be left over
    ///   ([`hidden::spans_tell`]).
    fn effect(&self, touchpoint: &str, spans: Spans, told: &mut Vec<[Date; 2]>) -> Effect {
        const HIDDEN: Effect = Effect {
            before: Told::Hidden,
            after: Told::Hidden,
            change: None,
        };
        let until = |[first, last]: [Date; 2]| Some([first, last.tomorrow().ok()?]);
        let (Some(before), Some(after)) = (until(spans.before), until(spans.after)) else {
            return HIDDEN;
        };
        let mut with = told.clone();
        with.extend([before, after]);
        let sum = |span| self.sum(touchpoint, span);
        let (now, then) = (sum(after), sum(before));
        let (before, after) = (Score::of(&then), Score::of(&now));
        let hidden = before == Told::Hidden
            || after == Told::Hidden
            || with.len() > 2 + 2 * MOST_OF_ONE
            || !self.is_shown(touchpoint, spans)
            || hidden::spans_tell(&with, |span| {
                sum(span).nps_summary().map_or(0, |summary| summary.n)
            });
        if hidden {
            return HIDDEN;
        }
        *told = with;
        Effect {
            before,
            after,
            change: Change::of_scores(&then, &now),
        }
    }

    /// The answers of a touchpoint from a day to before another.
    fn sum(&self, touchpoint: &str, [from, until]: [Date; 2]) -> Tally {
        let mut sum = Tally::default();
        let days = self.days.range(from..until);
        let cells = days.filter_map(|(_, by)| by.get(touchpoint));
        cells.for_each(|tally| sum.merge(tally));
        sum
    }

    /// Whether the table of each month that these days are in would show a touchpoint, or has nobody at it.
    fn is_shown(&self, touchpoint: &str, spans: Spans) -> bool {
        let [first, _] = spans.before;
        let mut month = Some(self.month);
        while let Some(of) = month.filter(|month| month.last() >= first) {
            if !self.is_shown_in(touchpoint, of) {
                return false;
            }
            month = of.previous();
        }
        month.is_some()
    }

    fn is_shown_in(&self, touchpoint: &str, month: Period) -> bool {
        let name = month.to_string();
        let all = self.months.iter().find(|(of, _)| *of == name);
        let nobody = Tally::default();
        let all = all.map_or(&nobody, |(_, all)| all);
        let mut by: BTreeMap<String, Tally> = BTreeMap::new();
        for (value, tally) in self
            .days
            .range(month.first()..=month.last())
            .flat_map(|(_, by)| by)
        {
            by.entry(value.clone()).or_default().merge(tally);
        }
        let Some(rows) = shown(all, &by) else {
            return false;
        };
        let row = rows.iter().find(|(row, _)| row.value == Some(touchpoint));
        row.is_none_or(|(_, shown)| *shown)
    }
}

/// The days of a period, to before the day after it.
fn span(period: Period) -> Option<[Date; 2]> {
    Some([period.first(), period.last().tomorrow().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Actor;
    use crate::id::IssueId;
    use crate::issue::Title;
    use crate::issue::improvement::{Command, Plan};
    use crate::nps::Verdict;
    use crate::report::Kind;
    use jiff::civil::date;

    const AT: &str = "2026-11-30T22:00:00Z";

    fn november() -> Period {
        Kind::Monthly.period("2026-11").unwrap()
    }

    /// One that shipped on this day of October or November.
    fn row(bits: u128, shipped: Option<Date>) -> Option<ImprovementRow> {
        let opened_at: Timestamp = "2026-05-01T00:00:00Z".parse().unwrap();
        let plan = Plan {
            title: Title::new("Two carriers").unwrap(),
            issues: vec![IssueId::from_bits(1)],
            touchpoint: Some("logistics".to_owned()),
            owner: None,
            due: Some(date(2026, 12, 24)),
        };
        let opened = Improvement::open(plan, Actor::System, opened_at);
        let mut improvement = Improvement::begin(ImprovementId::from_bits(bits), &opened).unwrap();
        if let Some(day) = shipped {
            let at = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
            let version = "2.0".to_owned();
            let step =
                improvement.handle(&Command::Ship { version }, Actor::System, at.timestamp());
            improvement.apply(&step.unwrap().unwrap());
        }
        ImprovementRow::of(
            &improvement,
            AT.parse().unwrap(),
            &TimeZone::UTC,
            november(),
        )
    }

    /// Effects where each day from July on so many answered at the touchpoint, half as many liked it before the 10th of November,
    /// and as many at another one.
    fn effects_of<T>(each: impl Fn(Date) -> u64, then: impl FnOnce(&Effects<'_>) -> T) -> T {
        let mut days: BTreeMap<Date, BTreeMap<String, Tally>> = BTreeMap::new();
        let mut months: BTreeMap<String, Tally> = BTreeMap::new();
        for day in date(2026, 7, 1)
            .series(1.day())
            .take_while(|day| *day <= november().last())
        {
            let people = each(day);
            let mut tally = Tally {
                responses: people,
                ..Tally::default()
            };
            match day < date(2026, 11, 10) {
                true => (tally.nps[2], tally.nps[9]) = (people - people / 2, people / 2),
                false => tally.nps[10] = people,
            }
            let mut other = Tally {
                responses: 10,
                ..Tally::default()
            };
            other.nps[8] = 10;
            let all = months.entry(day.strftime("%Y-%m").to_string()).or_default();
            all.merge(&tally);
            all.merge(&other);
            let by = [("logistics", tally), ("product", other)];
            let by = by.into_iter().filter(|(_, tally)| tally.responses > 0);
            days.insert(
                day,
                by.map(|(name, tally)| (name.to_owned(), tally)).collect(),
            );
        }
        let months: Vec<_> = months.into_iter().collect();
        then(&Effects {
            months: &months,
            days: &days,
            month: november(),
        })
    }

    fn effect(rows: &[ImprovementRow], each: impl Fn(Date) -> u64) -> Vec<Option<Effect>> {
        effects_of(each, |effects| {
            let listed = Improvements::of(rows, effects).listed;
            listed.into_iter().map(|row| row.effect).collect()
        })
    }

    fn nov(day: i8) -> Date {
        date(2026, 11, day)
    }

    #[test]
    fn an_effect_has_both_sides_and_a_verdict() {
        let row = row(1, Some(nov(10))).unwrap();
        assert_eq!(row.spans.unwrap().days, 20);
        let [Some(effect)] = effect(&[row], |_| 4)[..] else {
            panic!("one effect")
        };
        let (before, after) = (
            effect.before.shown().unwrap(),
            effect.after.shown().unwrap(),
        );
        // Twenty days of four on each side.
        assert_eq!((before.n, before.nps), (80, 0.0));
        assert_eq!((after.n, after.nps), (80, 100.0));
        let change = effect.change.unwrap();
        assert_eq!((change.difference, change.verdict), (100.0, Verdict::Up));
    }

    #[test]
    fn an_effect_that_tells_of_few_is_hidden_whole() {
        let hidden = |effect: &Option<Effect>| {
            effect.unwrap().before == Told::Hidden
                && effect.unwrap().after == Told::Hidden
                && effect.unwrap().change.is_none()
        };
        let one = || [row(1, Some(nov(10))).unwrap()];
        // Four on the days after.
        assert!(hidden(
            &effect(&one(), |day| if day > nov(10) {
                u64::from(day < nov(15))
            } else {
                4
            })[0]
        ));
        // The month less the days after: three on the first ten days.
        assert!(hidden(
            &effect(&one(), |day| if day < nov(11) && day >= nov(1) {
                u64::from(day < nov(4))
            } else {
                4
            })[0]
        ));
        // October has three of the touchpoint, so its table hides it.
        assert!(hidden(
            &effect(&one(), |day| match day.month() {
                10 => u64::from(day.day() > 28),
                _ => 4,
            })[0]
        ));
        // Nobody before at all, so there is nothing to hide.
        let new = effect(&one(), |day| if day <= nov(10) { 0 } else { 4 })[0].unwrap();
        assert_eq!((new.before, new.change), (Told::Nobody, None));
        assert!(new.after.shown().is_some());
    }

    #[test]
    fn the_second_of_two_that_tell_a_day_is_hidden() {
        let both = [10, 11].map(|day| row(u128::try_from(day).unwrap(), Some(nov(day))).unwrap());
        let found = effect(&both, |_| 3);
        assert!(found[0].unwrap().after.shown().is_some());
        assert_eq!(
            found[1].unwrap().after,
            Told::Hidden,
            "the 11th is told by both"
        );
        let found = effect(&both, |_| 6);
        assert!(
            found
                .iter()
                .all(|effect| effect.unwrap().after.shown().is_some())
        );
        // Of many at one touchpoint only the first are told.
        let many: Vec<_> = (2..=10)
            .map(|day| row(u128::try_from(day).unwrap(), Some(nov(day))).unwrap())
            .collect();
        let told = effect(&many, |_| 6);
        let told = told
            .iter()
            .filter(|effect| effect.unwrap().after.shown().is_some());
        assert_eq!(told.count(), MOST_OF_ONE);
    }

    #[test]
    fn a_month_lists_what_shipped_in_ninety_days_and_what_is_planned() {
        assert_eq!(row(1, Some(date(2026, 8, 31))), None);
        let first = row(1, Some(date(2026, 9, 1))).unwrap();
        assert_eq!(first.spans.unwrap().days, MOST_DAYS);
        // On the last day: no day after it is in the month.
        let last = row(2, Some(november().last())).unwrap();
        assert_eq!(last.spans, None);
        let planned = row(3, None).unwrap();
        assert_eq!(
            (planned.state, planned.silent, planned.spans),
            (State::Planned, true, None)
        );
        let rows = [planned, last, first];
        let list = effects_of(|_| 4, |effects| Improvements::of(&rows, effects));
        let order: Vec<_> = list.listed.iter().map(|row| row.improvement).collect();
        assert_eq!(order, [1, 2, 3].map(ImprovementId::from_bits));
        assert_eq!(list.total, 3);
    }
}
