//! Whether satisfaction swings more than chance makes it: over six months, or between two assessments.

use serde::{Deserialize, Serialize};

use super::normal::Z_95;
use super::share::Share;
use super::{FEWEST_ANSWERS, float};
use crate::locale::Locale;

/// How many points satisfaction may move before somebody should look.
pub const POINTS: u64 = 5;

/// How many months are looked at.
pub const MONTHS: usize = 6;

/// Whether two assessments of the same thing differ by more than [`POINTS`], and by more than chance.
///
/// The rule is [`Share::differs`]; of ten answers a single one is ten points, so five points alone say nothing.
pub fn disagree(one: Share, other: Share) -> bool {
    one.differs(other, POINTS, Z_95)
}

/// What is to be said of six months. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Swing {
    /// Highest and lowest are at most [`POINTS`] apart.
    Steady,
    /// They are farther apart, but so few answers do that by chance.
    Chance,
    /// They are farther apart, and by more than chance: flagged.
    Beyond,
    /// Fewer than two months have [`FEWEST_ANSWERS`] answers.
    TooFew,
}

impl Swing {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Steady, Self::Chance, Self::Beyond, Self::TooFew];

    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        match (locale, self) {
            (Locale::ZhCn, Self::Steady) => "平稳：波动不超过 5 个百分点",
            (Locale::ZhCn, Self::Chance) => "波动超过 5 个百分点，但与偶然波动无法区分",
            (Locale::ZhCn, Self::Beyond) => "波动超过 5 个百分点，不太可能出于偶然",
            (Locale::ZhCn, Self::TooFew) => "回答太少，无法判断",
            (Locale::En, Self::Steady) => "steady: within five points",
            (Locale::En, Self::Chance) => "more than five points, which cannot be told from chance",
            (Locale::En, Self::Beyond) => "more than five points, and unlikely to be chance",
            (Locale::En, Self::TooFew) => "too few answers to say",
        }
    }
}

/// How a share moved over months, in percent and points. Kept in reports: names are append only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Volatility {
    /// How many months had answers enough to count.
    pub months: usize,
    /// The lowest of them.
    pub lowest: f64,
    /// The highest of them.
    pub highest: f64,
    /// Highest less lowest.
    pub range: f64,
    /// The standard deviation of the months (divisor months - 1).
    pub standard_deviation: f64,
    /// Pearson's statistic of homogeneity: the sum of n (share - p)^2 / (p (1 - p)) with the share p of all months together.
    /// Chi-squared with months - 1 degrees of freedom if nothing moved.
    pub chi_squared: f64,
    /// In words: *beyond* if the range is above [`POINTS`] and `chi_squared` above its quantile of 95 %.
    pub swing: Swing,
}

/// The quantiles of 95 % of chi-squared at 1 to 5 degrees of freedom.
const CHI_SQUARED_95: [f64; MONTHS - 1] = [
    3.841_458_820_694_124,
    5.991_464_547_107_979,
    7.814_727_903_251_179,
    9.487_729_036_781_154,
    11.070_497_693_516_351,
];

impl Volatility {
    /// The volatility of these months, in any order; a month with fewer than [`FEWEST_ANSWERS`] answers does not count. `None`
    /// if no month does.
    pub fn of(months: &[Option<Share>; MONTHS]) -> Option<Self> {
        let counted = || {
            months
                .iter()
                .flatten()
                .filter(|share| share.of() >= FEWEST_ANSWERS)
        };
        let lowest = counted().copied().min_by(order)?;
        let highest = counted().copied().max_by(order)?;
        let months = counted().count();
        let count = float(u64::try_from(months).unwrap_or(u64::MAX));
        let mean = counted().map(|share| share.percent()).sum::<f64>() / count;
        let squares = |around: f64| {
            move |share: &Share| {
                let apart = share.percent() - around;
                apart * apart
            }
        };
        let spread: f64 = counted().map(squares(mean)).sum();
        let all: f64 = counted().map(|share| float(share.of())).sum();
        let satisfied: f64 = counted().map(|share| float(share.count())).sum();
        let pooled = 100.0 * satisfied / all;
        let scale = pooled * (100.0 - pooled);
        let moved: f64 = counted()
            .map(|share| float(share.of()) * squares(pooled)(share))
            .sum();
        let chi_squared = if scale > 0.0 { moved / scale } else { 0.0 };
        let critical = months.checked_sub(2).and_then(|at| CHI_SQUARED_95.get(at));
        let swing = match critical {
            None => Swing::TooFew,
            Some(_) if !highest.apart(lowest, POINTS) => Swing::Steady,
            Some(&critical) if chi_squared > critical => Swing::Beyond,
            Some(_) => Swing::Chance,
        };
        Some(Self {
            months,
            lowest: lowest.percent(),
            highest: highest.percent(),
            range: highest.percent() - lowest.percent(),
            standard_deviation: if months > 1 {
                (spread / (count - 1.0)).sqrt()
            } else {
                0.0
            },
            chi_squared,
            swing,
        })
    }
}

/// The order of shares, without a rounding.
fn order(a: &Share, b: &Share) -> std::cmp::Ordering {
    let cross = |a: &Share, b: &Share| u128::from(a.count()) * u128::from(b.of());
    cross(a, b).cmp(&cross(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::chance::Chance;

    fn months(counts: [(u64, u64); MONTHS]) -> [Option<Share>; MONTHS] {
        counts.map(|(count, of)| Share::new(count, of))
    }

    #[test]
    fn five_points_are_looked_at_and_chance_is_forgiven() {
        for (counts, swing) in [
            ([(800, 1000); 6], Swing::Steady),
            (
                [
                    (800, 1000),
                    (800, 1000),
                    (750, 1000),
                    (800, 1000),
                    (800, 1000),
                    (800, 1000),
                ],
                Swing::Steady,
            ),
            (
                [
                    (800, 1000),
                    (800, 1000),
                    (749, 1000),
                    (800, 1000),
                    (800, 1000),
                    (800, 1000),
                ],
                Swing::Beyond,
            ),
            (
                [(40, 50), (36, 50), (41, 50), (39, 50), (42, 50), (40, 50)],
                Swing::Chance,
            ),
            (
                [(40, 50), (0, 29), (0, 0), (0, 0), (0, 0), (15, 50)],
                Swing::Beyond,
            ),
            (
                [(40, 50), (0, 29), (0, 0), (0, 0), (0, 0), (0, 0)],
                Swing::TooFew,
            ),
            ([(100, 100); 6], Swing::Steady),
        ] {
            assert_eq!(
                Volatility::of(&months(counts)).unwrap().swing,
                swing,
                "{counts:?}"
            );
        }
        assert_eq!(Volatility::of(&months([(9, 10); 6])), None);
    }

    #[test]
    fn a_volatility_by_hand() {
        // 80, 70, 90 of 100: p is 80, (0 + 100 + 100) * 100 / 1600 = 12.5; deviation 10.
        let moved = Volatility::of(&months([
            (80, 100),
            (70, 100),
            (90, 100),
            (0, 0),
            (0, 0),
            (0, 0),
        ]))
        .unwrap();
        assert_eq!(
            (moved.months, moved.lowest, moved.highest, moved.range),
            (3, 70.0, 90.0, 20.0)
        );
        assert!(
            (moved.chi_squared - 12.5).abs() < 1e-12
                && (moved.standard_deviation - 10.0).abs() < 1e-12
        );
    }

    /// Nothing moved: how often is it said to have?
    #[test]
    fn chance_alone_is_flagged_once_in_twenty_times() {
        const TRIALS: u32 = 4000;
        let mut chance = Chance(5);
        for n in [30u64, 200] {
            let mut flagged = 0;
            for _ in 0..TRIALS {
                let counts = [(); MONTHS]
                    .map(|()| ((0..n).filter(|_| chance.unit() < 0.8).count() as u64, n));
                flagged +=
                    u32::from(Volatility::of(&months(counts)).unwrap().swing == Swing::Beyond);
            }
            let rate = 100.0 * f64::from(flagged) / f64::from(TRIALS);
            assert!((3.5..=6.5).contains(&rate), "{n}: {rate}");
        }
    }

    #[test]
    fn two_assessments_disagree_beyond_five_points_and_chance() {
        let share = |count, of| Share::new(count, of).unwrap();
        assert!(disagree(share(800, 1000), share(700, 1000)));
        assert!(!disagree(share(800, 1000), share(760, 1000)));
        assert!(!disagree(share(16, 20), share(1, 20)));
    }
}
