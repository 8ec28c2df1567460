//! Whether a number changed, and whether that may be chance.

use serde::{Deserialize, Serialize};

use super::normal::{Z_95, two_sided_p};
use super::rating::Rating;
use super::summary::{NpsSummary, Trinomial};
use super::{ALPHA, FEWEST_ANSWERS, around, float};
use crate::locale::Locale;

/// What a difference of two estimates says, by one method. The samples are taken to be independent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// The standard error of the difference: the root of the sum of the squares of both.
    pub standard_error: f64,
    /// The 95 % interval of the difference, cut at the most two numbers can differ.
    pub interval: [f64; 2],
    /// The difference in standard errors; `None` where the standard error is zero.
    pub z: Option<f64>,
    /// The chance of a difference this large or larger, in either direction, if nothing had changed; `None` without `z`.
    pub p: Option<f64>,
}

impl Comparison {
    pub(crate) fn of(difference: f64, standard_error: f64, scale: [f64; 2]) -> Self {
        let z = (standard_error > 0.0).then(|| difference / standard_error);
        Self {
            standard_error,
            interval: around(difference, Z_95 * standard_error, scale),
            z,
            p: z.map(two_sided_p),
        }
    }
}

/// What is to be said of a change in plain words. Names are published: append only.
///
/// *Too few* if either side has fewer than [`FEWEST_ANSWERS`]; *up* or *down* if the two-sided p is below [`ALPHA`]; else
/// *no change*. One verdict is wrong in one of twenty cases in which nothing changed: of twenty rows that did not change, one
/// will say that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It went up, and that is unlikely to be chance.
    Up,
    /// It went down, and that is unlikely to be chance.
    Down,
    /// Whatever changed cannot be told from chance.
    NoChange,
    /// There are too few answers to say.
    TooFew,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::NoChange, Self::TooFew];

    /// The verdict on a difference: the fewer answers of both sides, the difference as it is published, and the test of it.
    pub(crate) fn of(fewest: u64, difference: f64, z: Option<f64>, p: Option<f64>) -> Self {
        if fewest < FEWEST_ANSWERS {
            return Self::TooFew;
        }
        let (Some(z), Some(p)) = (z, p) else {
            return Self::NoChange;
        };
        // Pseudo-answers could turn the sign of a difference near zero: then nothing is said.
        if p < ALPHA && z > 0.0 && difference > 0.0 {
            Self::Up
        } else if p < ALPHA && z < 0.0 && difference < 0.0 {
            Self::Down
        } else {
            Self::NoChange
        }
    }

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::NoChange => "no_change",
            Self::TooFew => "too_few",
        }
    }

    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        match (locale, self) {
            (Locale::ZhCn, Self::Up) => "上升，不太可能出于偶然",
            (Locale::ZhCn, Self::Down) => "下降，不太可能出于偶然",
            (Locale::ZhCn, Self::NoChange) => "未见可与偶然波动相区分的变化",
            (Locale::ZhCn, Self::TooFew) => "回答太少，无法判断",
            (Locale::En, Self::Up) => "up, and unlikely to be chance",
            (Locale::En, Self::Down) => "down, and unlikely to be chance",
            (Locale::En, Self::NoChange) => "no change that can be told from chance",
            (Locale::En, Self::TooFew) => "too few answers to say",
        }
    }
}

/// The change of a Net Promoter Score, in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NpsChange {
    /// The score now less the score before.
    pub difference: f64,
    /// By the standard errors of both scores.
    pub wald: Comparison,
    /// The same after three pseudo-answers to each, as for [`NpsSummary::adjusted_wald`]: the test of J. R. Lewis and J. Sauro,
    /// "How to Statistically Compare Two Net Promoter Scores" (MeasuringU, 2021). Its `z` always exists. The verdict goes by it.
    pub adjusted_wald: Comparison,
    /// In words.
    pub verdict: Verdict,
}

impl NpsChange {
    /// From one score to another, of different answers.
    pub fn between(before: &NpsSummary, now: &NpsSummary) -> Self {
        let compare = |before: Trinomial, now: Trinomial| {
            let (a, b) = (before.variance() / before.n(), now.variance() / now.n());
            Comparison::of(
                now.score() - before.score(),
                (a + b).sqrt(),
                [-200.0, 200.0],
            )
        };
        let then = Trinomial::from(before.standings());
        let today = Trinomial::from(now.standings());
        let difference = now.nps - before.nps;
        let adjusted_wald = compare(then.adjusted(), today.adjusted());
        Self {
            difference,
            wald: compare(then, today),
            adjusted_wald,
            verdict: Verdict::of(
                before.n.min(now.n),
                difference,
                adjusted_wald.z,
                adjusted_wald.p,
            ),
        }
    }
}

/// What a difference says if it is held against all ways to deal out the same answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Permutation {
    /// The standard deviation of the difference over all of them.
    pub standard_error: f64,
    /// The difference in these; `None` where all gave the same.
    pub z: Option<f64>,
    /// The chance of a difference this large or larger, in either direction, by the normal distribution; `None` without `z`.
    pub p: Option<f64>,
}

/// The change of a mean, on the scale of its question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanChange {
    /// The mean now less the mean before.
    pub difference: f64,
    /// By the standard errors of both means, which need not have the same spread (B. L. Welch, "The Significance of the
    /// Difference Between Two Means when the Population Variances are Unequal", Biometrika 29 (1938)), with the normal
    /// distribution; `None` where one side has a single answer, whose spread nobody knows.
    pub welch: Option<Comparison>,
    /// By the permutation test: the variance of the difference if the n and m answers were dealt out at random is
    /// S^2 (1/n + 1/m), with the variance S^2 of all of them, divisor n + m - 1 (E. J. G. Pitman, "Significance Tests Which May
    /// be Applied to Samples From any Populations", JRSS Supplement 4 (1937)). The verdict goes by it: where most give the
    /// highest score, 30 answers that all do have no spread, and Welch's error is too small by far.
    pub permutation: Permutation,
    /// In words.
    pub verdict: Verdict,
}

impl MeanChange {
    /// From one mean to another, of different answers on one scale.
    pub(crate) fn between<const N: usize>(before: &Rating<N>, now: &Rating<N>) -> Self {
        let difference = now.mean - before.mean;
        let widest = Rating::<N>::HIGH - Rating::<N>::LOW;
        let welch = before
            .standard_error
            .zip(now.standard_error)
            .map(|(a, b)| Comparison::of(difference, (a * a + b * b).sqrt(), [-widest, widest]));
        let permutation = Permutation::of(before, now, difference);
        Self {
            difference,
            welch,
            permutation,
            verdict: Verdict::of(
                before.n.min(now.n),
                difference,
                permutation.z,
                permutation.p,
            ),
        }
    }
}

impl Permutation {
    fn of<const N: usize>(before: &Rating<N>, now: &Rating<N>, difference: f64) -> Self {
        let (n, m) = (float(before.n), float(now.n));
        let squares = |rating: &Rating<N>| {
            let deviation = rating.standard_deviation.unwrap_or(0.0);
            deviation * deviation * (float(rating.n) - 1.0)
        };
        // Around the mean of all: around each own mean, and the means around that.
        let all = squares(before) + squares(now) + difference * difference * (n / (n + m)) * m;
        let standard_error = (all / (n + m - 1.0) * (1.0 / n + 1.0 / m)).sqrt();
        let z = (standard_error > 0.0).then(|| difference / standard_error);
        Self {
            standard_error,
            z,
            p: z.map(two_sided_p),
        }
    }
}

/// The change of a share, in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ShareChange {
    /// The share now less the share before.
    pub difference: f64,
    /// By the method of [`Share::change`](super::Share::change).
    pub agresti_caffo: Comparison,
    /// In words.
    pub verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::Standings;
    use crate::nps::chance::Chance;
    use proptest::prelude::*;

    fn of(promoters: u64, passives: u64, detractors: u64) -> NpsSummary {
        NpsSummary::of(Standings {
            promoters,
            passives,
            detractors,
        })
        .unwrap()
    }

    #[test]
    fn a_change_by_hand() {
        // 30 - 20 of 100 and 50 - 10 of 100: 10 and 40; variances 0.5 - 0.01 and 0.6 - 0.16.
        let change = NpsChange::between(&of(30, 50, 20), &of(50, 40, 10));
        assert_eq!(change.difference, 30.0);
        let error = 100.0 * (0.49f64 / 100.0 + 0.44 / 100.0).sqrt();
        assert!((change.wald.standard_error - error).abs() < 1e-12);
        let z = change.wald.z.unwrap();
        assert!((z - 3.110_855_084_191_276).abs() < 1e-12, "{z}");
        let p = change.wald.p.unwrap();
        assert!((p - 0.001_865_5).abs() < 1e-6, "{p}");
        let [low, high] = change.wald.interval;
        assert!(
            (low - (30.0 - Z_95 * error)).abs() < 1e-12
                && (high - (30.0 + Z_95 * error)).abs() < 1e-12
        );
        // 40.75 of 103 promoters and so on: 100 * (30 - 10 * 3/103 ...).
        let adjusted = change.adjusted_wald;
        assert!(adjusted.z.unwrap() < z && adjusted.p.unwrap() > p);
        assert_eq!(change.verdict, Verdict::Up);
        assert_eq!(
            NpsChange::between(&of(50, 40, 10), &of(30, 50, 20)).verdict,
            Verdict::Down
        );
        assert_eq!(
            NpsChange::between(&of(30, 50, 20), &of(32, 49, 19)).verdict,
            Verdict::NoChange
        );
    }

    #[test]
    fn where_all_agree_the_plain_test_has_nothing_to_say_and_the_adjusted_one_has() {
        let change = NpsChange::between(&of(0, 0, 40), &of(40, 0, 0));
        assert_eq!((change.wald.z, change.wald.p), (None, None));
        assert_eq!(change.wald.interval, [200.0, 200.0]);
        assert_eq!(change.verdict, Verdict::Up);
        let still = NpsChange::between(&of(40, 0, 0), &of(50, 0, 0));
        assert_eq!((still.difference, still.verdict), (0.0, Verdict::NoChange));
    }

    #[test]
    fn few_answers_are_too_few_however_far_apart() {
        let change = NpsChange::between(&of(0, 0, 29), &of(1000, 0, 0));
        assert_eq!(change.verdict, Verdict::TooFew);
        assert!(change.adjusted_wald.p.unwrap() < 1e-9);
    }

    #[test]
    fn names_and_words_are_kept() {
        let all = Verdict::ALL.map(|v| (v.name(), v.text(Locale::En), v.text(Locale::ZhCn)));
        insta::assert_debug_snapshot!(all);
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
    }

    /// Nothing changed: how often, in percent, is a change claimed? In the middle of the scale one time in twenty, near its ends
    /// less often.
    #[test]
    fn at_most_one_verdict_in_twenty_is_a_false_alarm() {
        const TRIALS: u32 = 10_000;
        let mut chance = Chance(11);
        for (before, now) in [(30, 30), (30, 1000), (200, 100)] {
            for shares in [[0.5, 0.3], [0.25, 0.675], [0.8, 0.15], [0.1, 0.2]] {
                let mut alarms = 0;
                for _ in 0..TRIALS {
                    let [a, b] =
                        [before, now].map(|n| NpsSummary::of(chance.standings(n, shares)).unwrap());
                    let verdict = NpsChange::between(&a, &b).verdict;
                    alarms += u32::from(matches!(verdict, Verdict::Up | Verdict::Down));
                }
                let rate = 100.0 * f64::from(alarms) / f64::from(TRIALS);
                assert!(
                    (2.0..=6.0).contains(&rate),
                    "{before}, {now} of {shares:?}: {rate}"
                );
            }
        }
    }

    prop_compose! {
        fn summary()(promoters in 0u64..500, passives in 0u64..500, detractors in 1u64..500) -> NpsSummary {
            of(promoters, passives, detractors)
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_chance(a in summary(), b in summary()) {
            let (there, back) = (NpsChange::between(&a, &b), NpsChange::between(&b, &a));
            prop_assert_eq!(there.difference, -back.difference);
            for (there, back) in [(there.wald, back.wald), (there.adjusted_wald, back.adjusted_wald)] {
                prop_assert_eq!(there.p, back.p);
                prop_assert_eq!(there.z, back.z.map(|z| -z));
                prop_assert_eq!(there.interval, [-back.interval[1], -back.interval[0]]);
            }
            let turned = match there.verdict {
                Verdict::Up => Verdict::Down,
                Verdict::Down => Verdict::Up,
                same => same,
            };
            prop_assert_eq!(back.verdict, turned);
        }

        #[test]
        fn a_difference_is_within_its_interval(a in summary(), b in summary()) {
            let change = NpsChange::between(&a, &b);
            let [low, high] = change.wald.interval;
            prop_assert!(-200.0 <= low && low <= change.difference && change.difference <= high && high <= 200.0);
            // An interval without zero and a p below five percent are the same thing.
            if let Some(p) = change.wald.p {
                prop_assert_eq!(p < ALPHA, low > 0.0 || high < 0.0);
            }
        }
    }
}
