//! What became of the scores of a touchpoint after an improvement shipped.
//!
//! As many local days after the day it shipped as have been counted, at most [`MOST_DAYS`], are held against as many before
//! that day, which is in neither: customers had both. The changes are those of any two periods
//! ([`nps::change`](crate::nps::change)), with their intervals and verdicts. **It is no experiment**: whatever else changed
//! in these days is in the difference too.

use jiff::civil::Date;
use jiff::{ToSpan, Unit};
use serde::{Deserialize, Serialize};

use crate::nps::{NpsChange, NpsSummary, Rating};
use crate::tally::Tally;

/// The most days of each side.
pub const MOST_DAYS: i64 = 90;

/// The local days that are compared, each from the first to the last, both included. Reports keep them: names are append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spans {
    /// How many days each side has.
    pub days: i64,
    /// Before it shipped.
    pub before: [Date; 2],
    /// After it shipped.
    pub after: [Date; 2],
}

impl Spans {
    /// The days around the one on which it shipped, if `counted` is the last one that the nights have counted; `None` as long as
    /// none after it has been.
    pub fn around(shipped: Date, counted: Date) -> Option<Self> {
        let since = shipped.until((Unit::Day, counted)).ok()?;
        let days = i64::from(since.get_days()).min(MOST_DAYS);
        if days < 1 {
            return None;
        }
        Some(Self {
            days,
            before: [
                shipped.checked_sub(days.days()).ok()?,
                shipped.yesterday().ok()?,
            ],
            after: [
                shipped.tomorrow().ok()?,
                shipped.checked_add(days.days()).ok()?,
            ],
        })
    }
}

/// A score on both sides, as far as anybody answered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sides<Score, Change> {
    /// Before it shipped; `None` where nobody answered.
    pub before: Option<Score>,
    /// After it shipped; `None` where nobody answered.
    pub after: Option<Score>,
    /// What became of it; `None` unless somebody answered on both sides.
    pub change: Option<Change>,
}

/// What became of the scores. The change of a rating is that of its mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// The Net Promoter Score.
    pub nps: Sides<NpsSummary, NpsChange>,
    /// Satisfaction, 1 to 5.
    pub csat: Sides<Rating<5>, crate::nps::MeanChange>,
    /// Effort, 1 to 7.
    pub ces: Sides<Rating<7>, crate::nps::MeanChange>,
}

impl Effect {
    /// What became of the scores from these counts to those.
    pub fn between(before: &Tally, after: &Tally) -> Self {
        Self {
            nps: sides(
                before.nps_summary(),
                after.nps_summary(),
                |before, after| Some(NpsChange::between(before, after)),
            ),
            csat: sides(
                before.csat_rating(),
                after.csat_rating(),
                |before, after| after.change(before).map(|change| change.mean),
            ),
            ces: sides(before.ces_rating(), after.ces_rating(), |before, after| {
                after.change(before).map(|change| change.mean)
            }),
        }
    }
}

fn sides<S, C>(
    before: Option<S>,
    after: Option<S>,
    change: impl Fn(&S, &S) -> Option<C>,
) -> Sides<S, C> {
    let both = before.as_ref().zip(after.as_ref());
    Sides {
        change: both.and_then(|(before, after)| change(before, after)),
        before,
        after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::Verdict;
    use jiff::civil::date;

    #[test]
    fn both_sides_have_as_many_days_and_neither_has_the_day_itself() {
        let shipped = date(2026, 11, 10);
        assert_eq!(Spans::around(shipped, shipped), None);
        assert_eq!(Spans::around(shipped, date(2026, 11, 1)), None);
        let three = Spans::around(shipped, date(2026, 11, 13)).unwrap();
        assert_eq!(three.before, [date(2026, 11, 7), date(2026, 11, 9)]);
        assert_eq!(three.after, [date(2026, 11, 11), date(2026, 11, 13)]);
        let all = Spans::around(shipped, date(2028, 1, 1)).unwrap();
        assert_eq!(all.days, MOST_DAYS);
        assert_eq!(all.after, [date(2026, 11, 11), date(2027, 2, 8)]);
        assert_eq!(all.before[0], date(2026, 8, 12));
        assert_eq!(Spans::around(Date::MIN, date(2026, 1, 1)), None);
    }

    #[test]
    fn an_effect_is_the_change_of_each_score_that_both_sides_have() {
        let mut before = Tally::default();
        (before.nps[3], before.nps[9], before.csat[1]) = (60, 40, 50);
        let mut after = Tally::default();
        (after.nps[3], after.nps[9]) = (30, 70);
        let effect = Effect::between(&before, &after);
        let change = effect.nps.change.unwrap();
        assert_eq!((change.difference, change.verdict), (60.0, Verdict::Up));
        assert!(effect.csat.before.is_some());
        assert!(effect.csat.after.is_none() && effect.csat.change.is_none());
        assert!(effect.ces.before.is_none() && effect.ces.change.is_none());
    }
}
