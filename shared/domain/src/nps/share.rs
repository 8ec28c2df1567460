//! Shares: so many of so many.

use serde::{Deserialize, Serialize};

use super::change::{Comparison, ShareChange, Verdict};
use super::normal::Z_95;
use super::{FEWEST_ANSWERS, float};

/// So many of so many, more than none: who was satisfied of those who said so, who answered of those who were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    count: u64,
    of: u64,
}

/// A share with its interval, as it is published, and kept in reports: names are append only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ShareSummary {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub n: u64,
    /// In percent.
    pub percent: f64,
    /// The 95 % interval of Wilson, in percent.
    pub interval: [f64; 2],
}

impl Share {
    /// `count` of `of`; `None` if that is no share: of nothing, or of fewer.
    pub const fn new(count: u64, of: u64) -> Option<Self> {
        if of == 0 || count > of {
            return None;
        }
        Some(Self { count, of })
    }

    /// How many.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// Of how many.
    pub const fn of(self) -> u64 {
        self.of
    }

    /// In percent.
    pub fn percent(self) -> f64 {
        100.0 * float(self.count) / float(self.of)
    }

    /// The 95 % interval in percent: Wilson's score interval without correction for continuity (E. B. Wilson, "Probable
    /// Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927)), which L. D. Brown, T. T. Cai and A.
    /// DasGupta ("Interval Estimation for a Binomial Proportion", Statistical Science 16 (2001)) recommend for few
    /// observations. It needs no cutting, always holds the share, and has a width when all agree.
    pub fn wilson(self) -> [f64; 2] {
        let (k, n) = (float(self.count), float(self.of));
        let z2 = Z_95 * Z_95;
        let centre = (k + z2 / 2.0) / (n + z2);
        let half = Z_95 / (n + z2) * (k * ((n - k) / n) + z2 / 4.0).sqrt();
        let percent = self.percent();
        // At none and at all one end is the share itself, but for a rounding.
        let low = (100.0 * (centre - half)).max(0.0).min(percent);
        let high = (100.0 * (centre + half)).min(100.0).max(percent);
        [low, high]
    }

    /// With its interval, to be published.
    pub fn summary(self) -> ShareSummary {
        ShareSummary {
            count: self.count,
            n: self.of,
            percent: self.percent(),
            interval: self.wilson(),
        }
    }

    /// The share and its variance, as fractions, after one success and one failure more.
    fn adjusted(self) -> (f64, f64) {
        let n = float(self.of) + 2.0;
        let share = (float(self.count) + 1.0) / n;
        (share, share * (1.0 - share) / n)
    }

    /// What has become of it since `before`, by the interval of Agresti and Caffo: Wald's, after one success and one failure
    /// more in each sample ("Simple and Effective Confidence Intervals for Proportions and Differences of Proportions Result
    /// from Adding Two Successes and Two Failures", The American Statistician 54 (2000)).
    pub fn change(self, before: Self) -> ShareChange {
        let ((then, var_then), (now, var_now)) = (before.adjusted(), self.adjusted());
        let standard_error = 100.0 * (var_then + var_now).sqrt();
        let difference = self.percent() - before.percent();
        let agresti_caffo = Comparison::of(100.0 * (now - then), standard_error, [-100.0, 100.0]);
        ShareChange {
            difference,
            agresti_caffo,
            verdict: Verdict::of(
                before.of.min(self.of),
                difference,
                agresti_caffo.z,
                agresti_caffo.p,
            ),
        }
    }

    /// Whether two shares differ by more than so many points, and by more than chance: Agresti's and Caffo's interval of
    /// their difference at `z` does not hold zero, on [`FEWEST_ANSWERS`] each. Exactly `points` apart is not more.
    pub fn differs(self, other: Self, points: u64, z: f64) -> bool {
        if self.of.min(other.of) < FEWEST_ANSWERS || !self.apart(other, points) {
            return false;
        }
        let ((a, var_a), (b, var_b)) = (self.adjusted(), other.adjusted());
        (a - b).abs() > z * (var_a + var_b).sqrt()
    }

    /// Whether |a/n - b/m| > points/100, without a rounding: |am - bn| * 100 > points * nm.
    pub(crate) fn apart(self, other: Self, points: u64) -> bool {
        let cross = |a: Self, b: Self| u128::from(a.count) * u128::from(b.of);
        let apart = cross(self, other).abs_diff(cross(other, self));
        let whole = u128::from(self.of) * u128::from(other.of);
        // Of counts near 2^60 only the right side could overflow first.
        apart.saturating_mul(100) > whole.saturating_mul(points.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(count: u64, of: u64) -> Share {
        Share::new(count, of).unwrap()
    }

    #[test]
    fn only_a_part_of_something_is_a_share() {
        assert_eq!(Share::new(0, 0), None);
        assert_eq!(Share::new(2, 1), None);
        assert_eq!(share(1, 1).percent(), 100.0);
    }

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // R. G. Newcombe, "Two-Sided Confidence Intervals for the Single Proportion", Statistics in Medicine 17 (1998), table I.
        for (count, of, low, high) in [
            (81, 263, 25.53, 36.62),
            (15, 148, 6.24, 16.05),
            (0, 20, 0.0, 16.11),
            (1, 29, 0.61, 17.18),
        ] {
            let [l, h] = share(count, of).wilson();
            assert!(
                (l - low).abs() < 0.006 && (h - high).abs() < 0.006,
                "{count} of {of}: {l} {h}"
            );
        }
    }

    #[test]
    fn agresti_and_caffo_by_hand() {
        // 56 of 70 against 48 of 80: 57/72 and 49/82, the difference 0.19411..., its error sqrt(57*15/72^3 + 49*33/82^3).
        let change = share(56, 70).change(share(48, 80));
        assert!((change.difference - 20.0).abs() < 1e-12);
        let [low, high] = change.agresti_caffo.interval;
        assert!(
            (low - 5.24).abs() < 0.01 && (high - 33.58).abs() < 0.01,
            "{change:?}"
        );
        assert_eq!(change.verdict, Verdict::Up);
    }

    #[test]
    fn exactly_so_many_points_are_not_more() {
        assert!(!share(800, 1000).apart(share(750, 1000), 5));
        assert!(share(801, 1000).apart(share(750, 1000), 5));
        // 0.7 - 0.65 is 0.04999999999999993 as numbers go.
        assert!(!share(7000, 10_000).differs(share(6500, 10_000), 5, Z_95));
        assert!(share(7001, 10_000).differs(share(6500, 10_000), 5, Z_95));
    }

    #[test]
    fn few_answers_differ_from_nothing() {
        assert!(!share(29, 29).differs(share(0, 1000), 5, Z_95));
        assert!(share(30, 30).differs(share(0, 1000), 5, Z_95));
        // Six points, which are chance.
        assert!(!share(53, 100).differs(share(47, 100), 5, Z_95));
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_share(of in 1u64..100_000, part in 0.0..=1.0f64) {
            let share = share((of as f64 * part) as u64, of);
            let [low, high] = share.wilson();
            prop_assert!(0.0 <= low && low <= share.percent() && share.percent() <= high && high <= 100.0);
            prop_assert!(low < high);
            let more = Share::new(share.count * 3, share.of * 3).unwrap().wilson();
            prop_assert!(more[1] - more[0] < high - low);
        }

        #[test]
        fn a_difference_has_no_side(a in 0u64..200, b in 0u64..200, n in 200u64..400, m in 200u64..400, points in 0u64..20) {
            let (a, b) = (share(a, n), share(b, m));
            prop_assert_eq!(a.differs(b, points, Z_95), b.differs(a, points, Z_95));
            prop_assert!(!a.differs(a, points, Z_95));
            let (there, back) = (a.change(b), b.change(a));
            prop_assert_eq!(there.agresti_caffo.p, back.agresti_caffo.p);
            prop_assert_eq!(there.difference, -back.difference);
        }
    }
}
