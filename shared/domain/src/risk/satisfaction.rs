//! How the satisfaction of a survey moves from one period to another.

use jiff::civil::Date;
use jiff::{ToSpan, Unit};
use serde::{Deserialize, Serialize};

use crate::nps::rating::top_two;
use crate::nps::volatility::POINTS;
use crate::nps::{Share, Z_95};
use crate::tally::Tally;

pub use crate::nps::FEWEST_ANSWERS;

/// How many days one assessment covers.
const DAYS: i64 = 30;

/// How many assessments are compared: those of 180 days.
pub const PERIODS: usize = 6;

/// Two assessments in a row, each compared once.
const Z_ONE: f64 = Z_95;

/// The same for the five comparisons of the newest with each earlier one, each at a fifth of the error (Bonferroni):
/// the quantile of 99.5 %.
const Z_FIVE: f64 = 2.575_829_303_548_901;

/// Thirty days, counted from 1970-01-01 without a gap: assessments do not depend on when somebody looked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(i64);

impl Period {
    /// The one that this day is in.
    pub fn of(day: Date) -> Self {
        let since = EPOCH
            .until((Unit::Day, day))
            .map_or(0, |span| span.get_days().into());
        Self(i64::div_euclid(since, DAYS))
    }

    /// The one before it.
    #[must_use]
    pub const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The one after it.
    #[must_use]
    pub const fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        let days = self.0.saturating_mul(DAYS);
        // Those of the first and the last day that jiff knows: no span is longer.
        let days = days.clamp(-4_371_587, 2_932_896);
        EPOCH.saturating_add(days.days())
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first_day().saturating_add((DAYS - 1).days())
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// How satisfied those were who said so: CSAT 4 and 5 of 5 count as satisfied. Names are persisted: append only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// How many were satisfied.
    pub satisfied: u64,
    /// Of so many who answered.
    pub answered: u64,
}

impl Assessment {
    /// The assessment of these counts.
    pub fn of(tally: &Tally) -> Self {
        top_two(&tally.csat).map_or_else(Self::default, |share| Self {
            satisfied: share.count(),
            answered: share.of(),
        })
    }

    /// The share of the satisfied in percent, with one decimal, `81.5`; `-` if nobody answered.
    pub fn percent(self) -> String {
        if self.answered == 0 {
            return "-".to_owned();
        }
        let (satisfied, answered) = (u128::from(self.satisfied), u128::from(self.answered));
        let tenths = (satisfied * 1000 + answered / 2) / answered;
        format!("{}.{}", tenths / 10, tenths % 10)
    }

    /// Whether the shares differ by more than [`POINTS`], and by more than chance at `z`: [`Share::differs`].
    fn differs(self, other: Self, z: f64) -> bool {
        let share = |of: Self| Share::new(of.satisfied, of.answered);
        let both = share(self).zip(share(other));
        both.is_some_and(|(one, other)| one.differs(other, POINTS, z))
    }
}

/// With which earlier assessment the newest, the last, is to be compared by a person: the index of that one.
///
/// The one just before it, if the two differ; else the one of the 180 days that it is farthest from among those it
/// differs from, unless one in between differed from that already: a move is spoken of once. "Differ" is by more than
/// five points, by more than chance, and on [`FEWEST_ANSWERS`] each: of ten answers a single one is ten points.
pub fn review(assessments: &[Assessment; PERIODS]) -> Option<usize> {
    let [earlier @ .., newest] = assessments;
    let neighbour = earlier.len().checked_sub(1)?;
    if earlier.get(neighbour)?.differs(*newest, Z_ONE) {
        return Some(neighbour);
    }
    let known = |index: usize, other: Assessment| {
        let mut between = earlier.iter().skip(index + 1);
        let next = between
            .next()
            .is_some_and(|next| next.differs(other, Z_ONE));
        next || between.any(|later| later.differs(other, Z_FIVE))
    };
    let differ = earlier.iter().enumerate();
    let differ =
        differ.filter(|(index, other)| other.differs(*newest, Z_FIVE) && !known(*index, **other));
    let farthest = differ.max_by_key(|(_, other)| {
        // In millionths: the shares themselves have no order.
        let share = |of: Assessment| {
            let answered = u128::from(of.answered).max(1);
            u128::from(of.satisfied) * 1_000_000 / answered
        };
        share(**other).abs_diff(share(*newest))
    });
    farthest.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn of(satisfied: u64, answered: u64) -> Assessment {
        Assessment {
            satisfied,
            answered,
        }
    }

    #[test]
    fn periods_cover_every_day_once() {
        let first = Period::of(date(1970, 1, 1));
        assert_eq!(
            (first.first_day(), first.last_day()),
            (date(1970, 1, 1), date(1970, 1, 30))
        );
        assert_eq!(Period::of(date(1969, 12, 31)), first.before());
        let period = Period::of(date(2026, 11, 21));
        assert_eq!(
            (period.first_day(), period.last_day()),
            (date(2026, 11, 3), date(2026, 12, 2))
        );
        for day in [Date::MIN, Date::MAX] {
            // The ends of time are no trouble.
            let period = Period::of(day);
            assert!(period.first_day() <= day && period.before() < period);
        }
    }

    #[test]
    fn five_points_and_more_than_chance() {
        const Z: f64 = Z_ONE;
        for (a, b, expected) in [
            (of(800, 1000), of(740, 1000), true),
            // Exactly five points.
            (of(800, 1000), of(750, 1000), false),
            // Ten points of a hundred answers are chance still.
            (of(80, 100), of(70, 100), false),
            (of(80, 100), of(60, 100), true),
            // Too few.
            (of(29, 29), of(0, 1000), false),
            (of(30, 30), of(0, 30), true),
            (of(0, 0), of(0, 0), false),
            // A large sample does not make three points five.
            (of(80_000, 100_000), of(77_000, 100_000), false),
        ] {
            assert_eq!(a.differs(b, Z), expected, "{a:?} {b:?}");
            assert_eq!(b.differs(a, Z), expected, "{b:?} {a:?}");
        }
    }

    #[test]
    fn the_newest_is_compared() {
        let steady = of(800, 1000);
        let mut assessments = [steady; PERIODS];
        assert_eq!(review(&assessments), None);
        assessments[PERIODS - 1] = of(700, 1000);
        assert_eq!(review(&assessments), Some(4));
        // A slow slide: no two neighbours differ, the ends do.
        let slide = [835, 830, 815, 800, 790, 770].map(|n| of(n, 1000));
        assert_eq!(review(&slide), Some(0));
        // What moved earlier was spoken of earlier.
        for earlier in [
            [600, 800, 800, 800, 800, 800],
            [800, 600, 800, 800, 800, 800],
        ] {
            assert_eq!(review(&earlier.map(|n| of(n, 1000))), None, "{earlier:?}");
        }
        // A period without answers is passed over.
        let gap = [
            of(900, 1000),
            of(0, 0),
            of(0, 0),
            of(0, 0),
            of(0, 0),
            of(700, 1000),
        ];
        assert_eq!(review(&gap), Some(0));
    }

    #[test]
    fn shares_are_written_with_one_decimal() {
        for (assessment, text) in [
            (of(0, 0), "-"),
            (of(0, 7), "0.0"),
            (of(2, 3), "66.7"),
            (of(1999, 2000), "100.0"),
            (of(u64::MAX, u64::MAX), "100.0"),
        ] {
            assert_eq!(assessment.percent(), text);
        }
    }

    #[test]
    fn satisfied_is_four_or_five() {
        let tally = Tally {
            csat: [1, 2, 3, 4, 5],
            ..Tally::default()
        };
        assert_eq!(Assessment::of(&tally), of(9, 15));
    }

    proptest! {
        #[test]
        fn nothing_is_said_of_what_is_within_five_points(
            counts in prop::array::uniform6((0u64..2000, 0u64..2000)),
        ) {
            let assessments = counts.map(|(a, b)| of(a.min(b), a.max(b)));
            let newest = assessments[PERIODS - 1];
            if let Some(index) = review(&assessments) {
                let other = assessments[index];
                let share = |of: Assessment| of.satisfied as f64 / of.answered as f64;
                prop_assert!((share(newest) - share(other)).abs() > 0.05);
                prop_assert!(newest.answered.min(other.answered) >= FEWEST_ANSWERS);
            }
        }

        #[test]
        fn days_and_periods_agree(days in -700_000i64..2_900_000) {
            let day = EPOCH.saturating_add(days.days());
            let period = Period::of(day);
            prop_assert!((period.first_day()..=period.last_day()).contains(&day));
            prop_assert_eq!(Period::of(period.last_day()), period);
            prop_assert_eq!(period.after().first_day(), period.last_day().tomorrow().unwrap());
        }
    }
}
