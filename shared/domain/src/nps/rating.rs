//! CSAT and CES: the mean of a scale from one up, and the share of its top two.

use serde::Serialize;

use super::change::{MeanChange, ShareChange};
use super::normal::student_95;
use super::share::{Share, ShareSummary};
use super::{around, float, sum};

/// What was answered on a scale of 1 to `N`: mean and top two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rating<const N: usize> {
    /// How many answered.
    pub n: u64,
    /// The mean, on the scale.
    pub mean: f64,
    /// The standard deviation of one answer (divisor n - 1); `None` for a single answer.
    pub standard_deviation: Option<f64>,
    /// The standard error of the mean: the standard deviation by the root of n.
    pub standard_error: Option<f64>,
    /// The 95 % interval of the mean by Student's distribution, cut at the ends of the scale; `None` where there is no spread to
    /// go by: for a single answer, and where all gave the same.
    pub interval: Option<[f64; 2]>,
    /// Who gave one of the two highest scores, with Wilson's interval.
    pub top_two: ShareSummary,
}

/// What has become of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RatingChange {
    /// Of the mean.
    pub mean: MeanChange,
    /// Of the share of the top two.
    pub top_two: ShareChange,
}

impl<const N: usize> Rating<N> {
    /// The lowest score.
    pub const LOW: f64 = 1.0;
    /// The highest score.
    #[expect(clippy::cast_precision_loss, reason = "scales are short")]
    pub const HIGH: f64 = N as f64;

    /// The rating of these counts of the scores 1, 2, ..., `N`; `None` if nobody answered.
    pub fn of(counts: &[u64; N]) -> Option<Self> {
        let top_two = top_two(counts)?;
        let n = top_two.of();
        let scored = || {
            counts
                .iter()
                .map(|&count| float(count))
                .zip((1_u32..).map(f64::from))
        };
        let total: f64 = scored().map(|(count, score)| count * score).sum();
        let mean = (total / float(n)).clamp(Self::LOW, Self::HIGH);
        let standard_deviation = (n > 1).then(|| {
            let squares: f64 = scored()
                .map(|(count, score)| count * (score - mean) * (score - mean))
                .sum();
            (squares / float(n - 1)).sqrt()
        });
        let standard_error = standard_deviation.map(|deviation| deviation / float(n).sqrt());
        let interval = standard_error
            .filter(|&error| error > 0.0)
            .map(|error| around(mean, student_95(n - 1) * error, [Self::LOW, Self::HIGH]));
        Some(Self {
            n,
            mean,
            standard_deviation,
            standard_error,
            interval,
            top_two: top_two.summary(),
        })
    }

    /// What has become of it since `before`.
    pub fn change(&self, before: &Self) -> Option<RatingChange> {
        let share = |rating: &Self| Share::new(rating.top_two.count, rating.top_two.n);
        Some(RatingChange {
            mean: MeanChange::between(before, self),
            top_two: share(self)?.change(share(before)?),
        })
    }
}

/// Who gave one of the two highest scores; `None` if nobody answered.
pub fn top_two<const N: usize>(counts: &[u64; N]) -> Option<Share> {
    let (_, top) = counts.split_at(N.saturating_sub(2));
    Share::new(sum(top), sum(counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::Verdict;
    use crate::nps::chance::Chance;
    use proptest::prelude::*;

    #[test]
    fn a_rating_by_hand() {
        // 2, 3, 4, 4, 5: mean 3.6, squares 2.56 + 0.36 + 0.16 + 0.16 + 1.96 = 5.2, by 4 is 1.3; t at 4 is 2.776.
        let rating = Rating::of(&[0, 1, 1, 2, 1]).unwrap();
        assert_eq!((rating.n, rating.mean), (5, 3.6));
        assert!((rating.standard_deviation.unwrap() - 1.3f64.sqrt()).abs() < 1e-12);
        assert!((rating.standard_error.unwrap() - (1.3f64 / 5.0).sqrt()).abs() < 1e-12);
        let [low, high] = rating.interval.unwrap();
        assert!((low - 2.184_29).abs() < 1e-5, "{low}");
        assert_eq!(high, 5.0, "5.016 is off the scale");
        assert_eq!((rating.top_two.count, rating.top_two.percent), (3, 60.0));
        assert_eq!(Rating::of(&[0; 5]), None);
        assert_eq!(Rating::of(&[0; 7]), None);
    }

    #[test]
    fn one_answer_and_one_opinion_have_no_spread() {
        let one = Rating::of(&[0, 0, 0, 0, 1]).unwrap();
        assert_eq!(
            (one.standard_deviation, one.standard_error, one.interval),
            (None, None, None)
        );
        let all = Rating::of(&[0, 0, 0, 0, 0, 0, 40]).unwrap();
        assert_eq!(
            (all.mean, all.standard_error, all.interval),
            (7.0, Some(0.0), None)
        );
        // What the mean cannot say its share does.
        assert!(all.top_two.interval[0] > 90.0 && all.top_two.interval[0] < 92.0);
        assert_eq!(all.change(&one_each()).unwrap().mean.verdict, Verdict::Up);
    }

    fn one_each() -> Rating<7> {
        Rating::of(&[10; 7]).unwrap()
    }

    #[test]
    fn a_change_by_hand() {
        let before = Rating::of(&[10, 10, 20, 30, 30]).unwrap();
        let now = Rating::of(&[2, 3, 10, 35, 50]).unwrap();
        let change = now.change(&before).unwrap();
        // 3.6 and 4.28; squares 164 and 82.16, both by 99 * 100.
        assert!((change.mean.difference - 0.68).abs() < 1e-12);
        let z = change.mean.welch.unwrap().z.unwrap();
        let error = ((164.0 + 82.16) / 9900.0f64).sqrt();
        assert!((z - 0.68 / error).abs() < 1e-9, "{z}");
        assert_eq!(
            (change.mean.verdict, change.top_two.verdict),
            (Verdict::Up, Verdict::Up)
        );
        assert!((change.top_two.difference - 25.0).abs() < 1e-12);
    }

    /// Nothing changed: how often, in percent, is a change claimed? Not more than one time in twenty, also where most give a five
    /// and one side has few answers.
    #[test]
    fn at_most_one_verdict_in_twenty_is_a_false_alarm() {
        const TRIALS: u32 = 5000;
        let mut chance = Chance(13);
        for (n, m) in [(30, 30), (30, 500), (100, 150)] {
            for upto in [
                [0.2, 0.4, 0.6, 0.8],
                [0.02, 0.05, 0.15, 0.4],
                [0.01, 0.02, 0.05, 0.2],
            ] {
                let (mut alarms, mut welch) = ([0u32; 2], 0);
                for _ in 0..TRIALS {
                    let [a, b] = [n, m].map(|n| {
                        let mut counts = [0; 5];
                        for _ in 0..n {
                            let at = chance.unit();
                            counts[upto.iter().filter(|&&share| at >= share).count()] += 1;
                        }
                        Rating::of(&counts).unwrap()
                    });
                    let change = b.change(&a).unwrap();
                    welch += u32::from(change.mean.welch.unwrap().p.is_some_and(|p| p < 0.05));
                    for (alarms, verdict) in alarms
                        .iter_mut()
                        .zip([change.mean.verdict, change.top_two.verdict])
                    {
                        *alarms += u32::from(verdict != Verdict::NoChange);
                    }
                }
                for rate in alarms.map(|n| 100.0 * f64::from(n) / f64::from(TRIALS)) {
                    assert!(rate < 6.0, "{n}, {m} of {upto:?}: {rate}");
                }
                if m == 500 && upto[3] < 0.3 {
                    assert!(welch > TRIALS / 10, "Welch's would do: {welch}");
                }
                let [mean, _] = alarms;
                assert!(
                    mean > TRIALS / 50,
                    "{n}, {m} of {upto:?}: {mean}: it never speaks"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn a_rating_is_within_its_interval_and_its_scale(counts in prop::array::uniform5(0u64..1000), times in 2u64..9) {
            let Some(rating) = Rating::of(&counts) else { return Ok(()) };
            prop_assert!((1.0..=5.0).contains(&rating.mean));
            if let Some([low, high]) = rating.interval {
                prop_assert!(1.0 <= low && low <= rating.mean && rating.mean <= high && high <= 5.0);
                let more = Rating::of(&counts.map(|n| n * times)).unwrap().interval.unwrap();
                prop_assert!(more[1] - more[0] < high - low);
            }
            prop_assert!(rating.change(&rating).unwrap().mean.difference == 0.0);
        }

        #[test]
        fn huge_counts_are_no_trouble(counts in prop::array::uniform7(any::<u64>())) {
            if let Some(rating) = Rating::of(&counts) {
                prop_assert!((1.0..=7.0).contains(&rating.mean) && rating.top_two.percent <= 100.0);
            }
        }
    }
}
