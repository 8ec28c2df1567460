//! The Net Promoter Score and its uncertainty.

use serde::Serialize;

use super::normal::Z_95;
use super::{around, float, sum};
use crate::tally::Tally;

/// The ends of an NPS.
pub(crate) const SCALE: [f64; 2] = [-100.0, 100.0];

/// How many of each standing answered the question. A skipped question is nobody's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Standings {
    /// Scores 9 and 10.
    pub promoters: u64,
    /// Scores 7 and 8.
    pub passives: u64,
    /// Scores 0 to 6.
    pub detractors: u64,
}

impl Standings {
    /// How many answered.
    pub fn n(self) -> u64 {
        sum(&[self.promoters, self.passives, self.detractors])
    }

    /// These without some of them; `None` if they are not among these.
    pub fn without(self, some: Self) -> Option<Self> {
        Some(Self {
            promoters: self.promoters.checked_sub(some.promoters)?,
            passives: self.passives.checked_sub(some.passives)?,
            detractors: self.detractors.checked_sub(some.detractors)?,
        })
    }
}

impl From<&Tally> for Standings {
    fn from(tally: &Tally) -> Self {
        let (detractors, rest) = tally.nps.split_at(7);
        let (passives, promoters) = rest.split_at(2);
        Self {
            promoters: sum(promoters),
            passives: sum(passives),
            detractors: sum(detractors),
        }
    }
}

/// A Net Promoter Score with its uncertainty. Everything but the counts is in points, from -100 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NpsSummary {
    /// How many answered the question.
    pub n: u64,
    /// Of these, how many gave 9 or 10.
    pub promoters: u64,
    /// Of these, how many gave 7 or 8.
    pub passives: u64,
    /// Of these, how many gave 0 to 6.
    pub detractors: u64,
    /// Share of promoters minus share of detractors.
    pub nps: f64,
    /// The variance of one answer, in squared points: with shares p and d, 100^2 (p + d - (p - d)^2), the variance of a
    /// number that is 100, 0 or -100 (divisor n, not n - 1).
    pub variance: f64,
    /// The standard error of `nps`: the square root of `variance / n`.
    pub standard_error: f64,
    /// The 95 % interval of Wald: `nps` plus or minus 1.96 standard errors, cut at -100 and 100. It has no width when all
    /// agree, and with ten answers holds the truth far less often than it says.
    pub wald: [f64; 2],
    /// The 95 % interval of Wald after three pseudo-answers, 3/4 promoter, 3/2 passive, 3/4 detractor: the method that covered
    /// best in B. Rocks, "Interval Estimation for the 'Net Promoter Score'", The American Statistician 70 (2016). From a few
    /// hundred answers on the two are the same to a fraction of a point. Cut at -100 and 100, and widened to hold `nps`
    /// itself where a single answer would fall outside.
    pub adjusted_wald: [f64; 2],
}

impl NpsSummary {
    /// The score of these answers; `None` if there are none.
    pub fn of(standings: Standings) -> Option<Self> {
        let n = standings.n();
        if n == 0 {
            return None;
        }
        let plain = Trinomial::from(standings);
        let (nps, standard_error) = (plain.score(), plain.standard_error());
        let adjusted = plain.adjusted();
        let [low, high] = adjusted.interval();
        Some(Self {
            n,
            promoters: standings.promoters,
            passives: standings.passives,
            detractors: standings.detractors,
            nps,
            variance: plain.variance(),
            standard_error,
            wald: plain.interval(),
            adjusted_wald: [low.min(nps), high.max(nps)],
        })
    }

    /// The answers it is of.
    pub const fn standings(&self) -> Standings {
        Standings {
            promoters: self.promoters,
            passives: self.passives,
            detractors: self.detractors,
        }
    }
}

/// So many promoters, passives and detractors, which need not be whole; more than none in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trinomial {
    promoters: f64,
    passives: f64,
    detractors: f64,
}

impl Trinomial {
    pub(crate) const fn new(promoters: f64, passives: f64, detractors: f64) -> Self {
        Self {
            promoters,
            passives,
            detractors,
        }
    }

    /// With the three pseudo-answers of Rocks.
    pub(crate) fn adjusted(self) -> Self {
        Self {
            promoters: self.promoters + 0.75,
            passives: self.passives + 1.5,
            detractors: self.detractors + 0.75,
        }
    }

    pub(crate) fn n(self) -> f64 {
        self.promoters + self.passives + self.detractors
    }

    /// In points. The counts are whole, so that a score that is whole comes out as one: -60, not -60.00000000000001.
    pub(crate) fn score(self) -> f64 {
        100.0 * (self.promoters - self.detractors) / self.n()
    }

    /// Of one answer, in squared points. p + d - (p - d)^2 with s = 1 - p - d is s(p + d) + 4pd: no difference, so never below
    /// zero, and zero exactly where all agree.
    pub(crate) fn variance(self) -> f64 {
        let n = self.n();
        let sum = self.passives * (self.promoters + self.detractors)
            + 4.0 * self.promoters * self.detractors;
        10_000.0 * (sum / n / n)
    }

    /// Of the score, in points.
    pub(crate) fn standard_error(self) -> f64 {
        (self.variance() / self.n()).sqrt()
    }

    /// The score plus or minus 1.96 standard errors, cut at the ends.
    pub(crate) fn interval(self) -> [f64; 2] {
        around(self.score(), Z_95 * self.standard_error(), SCALE)
    }
}

impl From<Standings> for Trinomial {
    fn from(of: Standings) -> Self {
        Self::new(
            float(of.promoters),
            float(of.passives),
            float(of.detractors),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::chance::Chance;
    use proptest::prelude::*;

    fn of(promoters: u64, passives: u64, detractors: u64) -> Option<NpsSummary> {
        NpsSummary::of(Standings {
            promoters,
            passives,
            detractors,
        })
    }

    fn width([low, high]: [f64; 2]) -> f64 {
        high - low
    }

    proptest! {
        #[test]
        fn a_summary_stays_in_bounds(promoters in 0u64..2000, passives in 0u64..2000, detractors in 0u64..2000) {
            let Some(s) = of(promoters, passives, detractors) else {
                prop_assert_eq!(promoters + passives + detractors, 0);
                return Ok(());
            };
            prop_assert!((-100.0..=100.0).contains(&s.nps));
            prop_assert!((0.0..=100.0).contains(&s.standard_error));
            prop_assert!((0.0..=10_000.0).contains(&s.variance));
            for [low, high] in [s.wald, s.adjusted_wald] {
                prop_assert!(-100.0 <= low && low <= s.nps && s.nps <= high && high <= 100.0);
            }
            prop_assert!(width(s.adjusted_wald) > 0.0, "no number of answers makes it certain");
            let mirror = of(detractors, passives, promoters).unwrap();
            prop_assert_eq!(mirror.nps, -s.nps);
            prop_assert_eq!(mirror.variance, s.variance);
            prop_assert_eq!(mirror.wald, [-s.wald[1], -s.wald[0]]);
            prop_assert_eq!(mirror.adjusted_wald, [-s.adjusted_wald[1], -s.adjusted_wald[0]]);
        }

        #[test]
        fn the_variance_is_the_textbooks(promoters in 0u64..2000, passives in 0u64..2000, detractors in 1u64..2000) {
            let s = of(promoters, passives, detractors).unwrap();
            let (p, d) = (promoters as f64 / s.n as f64, detractors as f64 / s.n as f64);
            let textbook = 10_000.0 * (p + d - (p - d) * (p - d));
            prop_assert!((s.variance - textbook).abs() < 1e-8);
        }

        #[test]
        fn more_of_the_same_makes_it_surer(promoters in 0u64..50, passives in 0u64..50, detractors in 0u64..50, times in 2u64..20) {
            let Some(few) = of(promoters, passives, detractors) else { return Ok(()) };
            let many = of(promoters * times, passives * times, detractors * times).unwrap();
            prop_assert_eq!(few.nps, many.nps);
            prop_assert!(width(many.wald) <= width(few.wald));
            prop_assert!(width(many.adjusted_wald) < width(few.adjusted_wald));
        }

        #[test]
        fn huge_counts_are_no_trouble(promoters in any::<u64>(), passives in any::<u64>(), detractors in any::<u64>()) {
            if let Some(s) = of(promoters, passives, detractors) {
                prop_assert!((-100.0..=100.0).contains(&s.nps) && s.standard_error.is_finite());
            }
        }
    }

    #[test]
    fn the_intervals_are_honest_about_few_answers_and_settle_with_many() {
        let one = of(1, 0, 0).unwrap();
        assert_eq!((one.standard_error, one.wald), (0.0, [100.0, 100.0]));
        assert!(one.adjusted_wald[0] < -40.0 && one.adjusted_wald[1] == 100.0);
        let many = of(250, 675, 75).unwrap();
        assert!((many.wald[0] - 14.137).abs() < 1e-3 && (many.wald[1] - 20.863).abs() < 1e-3);
        assert!((many.adjusted_wald[0] - many.wald[0]).abs() < 0.1);
        assert!((many.adjusted_wald[1] - many.wald[1]).abs() < 0.1);
    }

    /// How often, in percent, the intervals hold the score that the answers were drawn from.
    fn coverage(n: u64, [p, s]: [f64; 2], chance: &mut Chance) -> [f64; 2] {
        const SURVEYS: u32 = 10_000;
        let truth = 100.0 * (p - (1.0 - p - s));
        let mut held = [0u32; 2];
        for _ in 0..SURVEYS {
            let sample = chance.standings(n, [p, s]);
            let summary = NpsSummary::of(sample).unwrap();
            for (held, [low, high]) in held.iter_mut().zip([summary.wald, summary.adjusted_wald]) {
                *held += u32::from(low <= truth && truth <= high);
            }
        }
        held.map(|held| 100.0 * f64::from(held) / f64::from(SURVEYS))
    }

    #[test]
    fn the_adjusted_interval_holds_the_truth_in_ninety_five_of_a_hundred_surveys() {
        let mut chance = Chance(7);
        for n in [10, 30, 100, 400] {
            for shares in [
                [0.5, 0.3],
                [0.4, 0.3],
                [0.25, 0.675],
                [0.7, 0.2],
                [1.0 / 3.0, 1.0 / 3.0],
            ] {
                let [wald, adjusted] = coverage(n, shares, &mut chance);
                assert!(
                    (93.5..=98.0).contains(&adjusted),
                    "{n} of {shares:?}: {adjusted}"
                );
                assert!(
                    wald < adjusted + 1.0,
                    "{n} of {shares:?}: {wald} {adjusted}"
                );
            }
        }
        // Where the plain one is not to be trusted.
        let [wald, adjusted] = coverage(10, [0.9, 0.08], &mut chance);
        assert!(wald < 70.0 && adjusted > 92.0, "{wald} {adjusted}");
    }
}
