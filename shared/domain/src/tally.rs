//! Tallies: counts of scores. Derived data; they merge, and scores are computed from them.

use serde::{Deserialize, Serialize};

use crate::locale::Locale;
use crate::response::Response;
use crate::score::Scores;
use crate::submission::{Channel, Tier};

/// How many responses gave each score.
///
/// A commutative monoid: [`merge`](Self::merge) is associative and commutative, and the default (nothing counted)
/// changes nothing. So days, shards and dimensions may be added up in any order. Counts saturate instead of
/// overflowing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Responses, with or without scores.
    pub responses: u64,
    /// How many gave NPS 0, 1, ... 10.
    pub nps: [u64; 11],
    /// How many gave CSAT 1, 2, ... 5.
    pub csat: [u64; 5],
    /// How many gave CES 1, 2, ... 7.
    pub ces: [u64; 7],
}

impl Tally {
    /// Counts one response. A question it skipped is not counted.
    pub fn add(&mut self, scores: Scores) {
        self.responses = self.responses.saturating_add(1);
        let one = |count: Option<&mut u64>| {
            if let Some(count) = count {
                *count = count.saturating_add(1);
            }
        };
        one(scores
            .nps
            .and_then(|s| self.nps.get_mut(usize::from(s.get()))));
        one(scores
            .csat
            .and_then(|s| self.csat.get_mut(usize::from(s.get()).saturating_sub(1))));
        one(scores
            .ces
            .and_then(|s| self.ces.get_mut(usize::from(s.get()).saturating_sub(1))));
    }

    /// Adds the counts of another tally.
    pub fn merge(&mut self, other: &Self) {
        fn each<const N: usize>(counts: &mut [u64; N], more: &[u64; N]) {
            for (count, more) in counts.iter_mut().zip(more) {
                *count = count.saturating_add(*more);
            }
        }
        self.responses = self.responses.saturating_add(other.responses);
        each(&mut self.nps, &other.nps);
        each(&mut self.csat, &other.csat);
        each(&mut self.ces, &other.ces);
    }

    /// The Net Promoter Score of those who answered that question; `None` if nobody did.
    pub fn nps_summary(&self) -> Option<NpsSummary> {
        let (low, high) = self.nps.split_at(7);
        let (middle, high) = high.split_at(2);
        NpsSummary::of(sum(high), sum(middle), sum(low))
    }
}

impl FromIterator<Scores> for Tally {
    fn from_iter<I: IntoIterator<Item = Scores>>(scores: I) -> Self {
        let mut tally = Self::default();
        for s in scores {
            tally.add(s);
        }
        tally
    }
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |total, &n| total.saturating_add(n))
}

/// A Net Promoter Score with its uncertainty. Everything but the counts is in points, from -100 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
    /// The standard error of `nps`: with shares p and d, 100 * sqrt((p + d - (p - d)^2) / n), the square root of the
    /// variance of a difference of two multinomial shares (divisor n, not n - 1).
    pub standard_error: f64,
    /// The 95 % interval, low and high.
    ///
    /// Adjusted Wald with three pseudo-answers, 3/4 promoter, 3/2 passive, 3/4 detractor: the method that covered best
    /// in B. Rocks, "Interval Estimation for the 'Net Promoter Score'", The American Statistician 70 (2016). The plain
    /// `nps` plus or minus 1.96 standard errors has no width when all agree, and with ten answers holds the truth far
    /// less often than it says; from a few hundred answers on the two are the same to a fraction of a point. Cut at
    /// -100 and 100, and widened to hold `nps` itself where a single answer would fall outside.
    pub interval: [f64; 2],
}

impl NpsSummary {
    /// The score of these counts; `None` if all are zero.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of answers are far below 2^53"
    )]
    pub fn of(promoters: u64, passives: u64, detractors: u64) -> Option<Self> {
        let n = sum(&[promoters, passives, detractors]);
        if n == 0 {
            return None;
        }
        let (nps, standard_error) = difference(promoters as f64, detractors as f64, n as f64);
        let (centre, spread) = difference(
            promoters as f64 + 0.75,
            detractors as f64 + 0.75,
            n as f64 + 3.0,
        );
        let half = Z_95 * spread;
        Some(Self {
            n,
            promoters,
            passives,
            detractors,
            nps,
            standard_error,
            interval: [
                (centre - half).max(-100.0).min(nps),
                (centre + half).min(100.0).max(nps),
            ],
        })
    }
}

/// The standard normal quantile of 97.5 %.
const Z_95: f64 = 1.959_963_984_540_054;

/// The difference of two shares of `n` and its standard error, in points.
fn difference(promoters: f64, detractors: f64, n: f64) -> (f64, f64) {
    let (p, d) = (promoters / n, detractors / n);
    let variance = (p + d - (p - d).powi(2)).max(0.0);
    // The counts are whole, so that a score that is whole comes out as one: -60, not -60.00000000000001.
    let points = 100.0 * (promoters - detractors) / n;
    (points, 100.0 * (variance / n).sqrt())
}

/// What tallies are kept by. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Dimension {
    /// Everything of a survey, in one cell.
    All,
    Channel,
    Touchpoint,
    Product,
    Tier,
    Locale,
    /// The survey. No cells of its own: each survey has its own tallies, and this is their [`All`](Self::All).
    Survey,
}

impl Dimension {
    /// Every dimension.
    pub const EVERY: [Self; 7] = [
        Self::All,
        Self::Channel,
        Self::Touchpoint,
        Self::Product,
        Self::Tier,
        Self::Locale,
        Self::Survey,
    ];

    /// The name in keys and in `by=`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Channel => "channel",
            Self::Touchpoint => "touchpoint",
            Self::Product => "product",
            Self::Tier => "tier",
            Self::Locale => "locale",
            Self::Survey => "survey",
        }
    }

    /// The dimension of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|d| d.name() == name)
    }
}

/// What of a response is counted: its scores and where they belong. No personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its scores.
    pub scores: Scores,
    /// The channel it came by.
    pub channel: Channel,
    /// The touchpoint the sender named, else the one that triage found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// The product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The customer's tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The language it is answered in.
    pub locale: Locale,
}

impl Counted {
    /// The value of the one cell of [`Dimension::All`].
    pub const ALL: &'static str = "all";

    /// What of this response is counted.
    pub fn of(response: &Response) -> Self {
        let submission = &response.submission;
        Self {
            scores: submission.scores(),
            channel: submission.channel,
            touchpoint: submission
                .touchpoint
                .clone()
                .or_else(|| response.triage.touchpoint.map(|t| t.name().to_owned())),
            product: submission.product.clone(),
            tier: submission.tier,
            locale: submission.locale,
        }
    }

    /// The cells it is counted in: one of each dimension it has a value for. Values are at most 100 characters and may
    /// hold any character but control characters; a key must encode them.
    pub fn cells(&self) -> impl Iterator<Item = (Dimension, &str)> {
        [
            (Dimension::All, Some(Self::ALL)),
            (Dimension::Channel, Some(self.channel.name())),
            (Dimension::Touchpoint, self.touchpoint.as_deref()),
            (Dimension::Product, self.product.as_deref()),
            (Dimension::Tier, self.tier.map(Tier::name)),
            (Dimension::Locale, Some(self.locale.tag())),
        ]
        .into_iter()
        .filter_map(|(dimension, value)| Some((dimension, value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Ces, Csat, Nps};
    use proptest::prelude::*;

    fn scores() -> impl Strategy<Value = Scores> {
        (
            prop::option::of(0u8..=10),
            prop::option::of(1u8..=5),
            prop::option::of(1u8..=7),
        )
            .prop_map(|(nps, csat, ces)| Scores {
                nps: nps.map(|n| Nps::try_from(n).unwrap()),
                csat: csat.map(|n| Csat::try_from(n).unwrap()),
                ces: ces.map(|n| Ces::try_from(n).unwrap()),
            })
    }

    fn tally() -> impl Strategy<Value = Tally> {
        // Some counts are huge, so that saturation is covered.
        let count = || prop_oneof![9 => 0u64..1000, 1 => Just(u64::MAX - 5)];
        (
            count(),
            prop::array::uniform11(count()),
            prop::array::uniform5(count()),
            prop::array::uniform7(count()),
        )
            .prop_map(|(responses, nps, csat, ces)| Tally {
                responses,
                nps,
                csat,
                ces,
            })
    }

    fn merged(a: &Tally, b: &Tally) -> Tally {
        let mut sum = a.clone();
        sum.merge(b);
        sum
    }

    proptest! {
        #[test]
        fn merging_is_a_commutative_monoid(a in tally(), b in tally(), c in tally()) {
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&a, &Tally::default()), a);
        }

        #[test]
        fn counting_in_parts_is_counting_at_once(all in prop::collection::vec(scores(), 0..50), at: prop::sample::Index) {
            let (left, right) = all.split_at(at.index(all.len() + 1));
            let parts = merged(&left.iter().copied().collect(), &right.iter().copied().collect());
            prop_assert_eq!(parts, all.into_iter().collect());
        }

        #[test]
        fn a_summary_stays_in_bounds(promoters in 0u64..2000, passives in 0u64..2000, detractors in 0u64..2000) {
            let Some(s) = NpsSummary::of(promoters, passives, detractors) else {
                prop_assert_eq!(promoters + passives + detractors, 0);
                return Ok(());
            };
            let [low, high] = s.interval;
            prop_assert!((-100.0..=100.0).contains(&s.nps));
            prop_assert!((0.0..=100.0).contains(&s.standard_error));
            prop_assert!(-100.0 <= low && low <= s.nps && s.nps <= high && high <= 100.0);
            prop_assert!(low < high, "no number of answers makes it certain");
            let mirror = NpsSummary::of(detractors, passives, promoters).unwrap();
            prop_assert!((mirror.nps + s.nps).abs() < 1e-9 && (mirror.standard_error - s.standard_error).abs() < 1e-9);
        }
    }

    #[test]
    fn a_skipped_question_is_not_a_zero() {
        let tally: Tally = [
            Scores::default(),
            Scores {
                nps: Nps::try_from(10).ok(),
                ..Scores::default()
            },
            Scores {
                ces: Ces::try_from(7).ok(),
                csat: Csat::try_from(1).ok(),
                ..Scores::default()
            },
        ]
        .into_iter()
        .collect();
        assert_eq!(tally.responses, 3);
        assert_eq!((tally.nps[10], tally.csat[0], tally.ces[6]), (1, 1, 1));
        let summary = tally.nps_summary().unwrap();
        assert_eq!((summary.n, summary.promoters), (1, 1));
        assert_eq!(Tally::default().nps_summary(), None);
    }

    #[test]
    fn published_vectors_agree() {
        let mut checked = 0;
        for line in include_str!("../tests/vectors/nps.jsonl").lines() {
            let v: serde_json::Value = serde_json::from_str(line).unwrap();
            let id = &v["id"];
            let summary = if let Some(given) = v["scores"].as_array() {
                let scores = given
                    .iter()
                    .map(|s| Nps::try_from(u8::try_from(s.as_u64().unwrap()).unwrap()).unwrap());
                let tally: Tally = scores
                    .map(|s| Scores {
                        nps: Some(s),
                        ..Scores::default()
                    })
                    .collect();
                tally.nps_summary().unwrap()
            } else if let Some(promoters) = v["promoters"].as_u64() {
                NpsSummary::of(
                    promoters,
                    v["passives"].as_u64().unwrap(),
                    v["detractors"].as_u64().unwrap(),
                )
                .unwrap()
            } else {
                // A population of shares 1/2, 1/3, 1/6: six people have exactly these.
                NpsSummary::of(3, 2, 1).unwrap()
            };
            let close = |ours: f64, theirs: &serde_json::Value, tolerance: f64| {
                theirs
                    .as_f64()
                    .is_none_or(|t| (ours / 100.0 - t).abs() <= tolerance)
            };
            assert!(close(summary.nps, &v["nps"], 1e-9), "{id}: {summary:?}");
            let tolerance = v["tolerance"].as_f64().unwrap_or(0.001);
            assert!(
                close(summary.standard_error, &v["standard_error"], tolerance),
                "{id}: {summary:?}"
            );
            let variance = (summary.standard_error / 100.0).powi(2)
                * f64::from(u32::try_from(summary.n).unwrap());
            assert!(
                close(variance * 100.0, &v["variance"], 1e-9),
                "{id}: {summary:?}"
            );
            checked += 1;
        }
        assert_eq!(checked, 8);
    }

    #[test]
    fn the_interval_is_honest_about_few_answers_and_settles_with_many() {
        let one = NpsSummary::of(1, 0, 0).unwrap();
        assert_eq!(one.standard_error, 0.0);
        assert!(
            one.interval[0] < -40.0 && one.interval[1] == 100.0,
            "{one:?}"
        );
        // Wald's interval for this survey is 14.14..20.86.
        let many = NpsSummary::of(250, 675, 75).unwrap();
        assert!(
            (many.interval[0] - 14.14).abs() < 0.1 && (many.interval[1] - 20.86).abs() < 0.1,
            "{many:?}"
        );
    }

    #[test]
    fn names_are_kept_for_ever() {
        let names: Vec<_> = Dimension::EVERY.into_iter().map(Dimension::name).collect();
        assert_eq!(
            names,
            [
                "all",
                "channel",
                "touchpoint",
                "product",
                "tier",
                "locale",
                "survey"
            ]
        );
        for dimension in Dimension::EVERY {
            assert_eq!(Dimension::from_name(dimension.name()), Some(dimension));
            assert_eq!(
                serde_json::to_string(&dimension).unwrap(),
                format!("\"{}\"", dimension.name())
            );
        }
        let mut tally = Tally::default();
        tally.add(Scores {
            nps: Nps::try_from(9).ok(),
            ..Scores::default()
        });
        assert_eq!(
            serde_json::to_string(&tally).unwrap(),
            r#"{"responses":1,"nps":[0,0,0,0,0,0,0,0,0,1,0],"csat":[0,0,0,0,0],"ces":[0,0,0,0,0,0,0]}"#
        );
    }

    #[test]
    fn a_response_counts_once_in_each_dimension_it_has() {
        let counted = Counted {
            scores: Scores::default(),
            channel: Channel::Phone,
            touchpoint: None,
            product: Some("A#1".to_owned()),
            tier: Some(Tier::Gold),
            locale: Locale::ZhCn,
        };
        assert_eq!(
            counted.cells().collect::<Vec<_>>(),
            [
                (Dimension::All, "all"),
                (Dimension::Channel, "phone"),
                (Dimension::Product, "A#1"),
                (Dimension::Tier, "gold"),
                (Dimension::Locale, "zh-CN"),
            ]
        );
    }
}
