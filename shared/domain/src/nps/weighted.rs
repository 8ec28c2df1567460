//! The NPS when customers count by their value.

use std::collections::BTreeMap;

use serde::Serialize;

use super::normal::Z_95;
use super::summary::{NpsSummary, SCALE, Standings, Trinomial};
use super::{around, float};
use crate::submission::Tier;

/// How much an answer counts, by the tier of who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct TierWeights {
    tiers: BTreeMap<Tier, f64>,
    unknown: f64,
}

/// A weight that is not a number from zero up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a weight must be a number from zero up to a million")]
pub struct BadWeight;

impl TierWeights {
    /// The most an answer may count: sums of squares stay far from the end of numbers.
    const MOST: f64 = 1e6;

    /// These weights; a tier that is not named counts as one whose tier is unknown. Only their proportions matter.
    ///
    /// # Errors
    /// [`BadWeight`] if one is below zero, above a million or not a number.
    pub fn new(tiers: BTreeMap<Tier, f64>, unknown: f64) -> Result<Self, BadWeight> {
        let good = |weight: &f64| (0.0..=Self::MOST).contains(weight);
        if !tiers.values().chain([&unknown]).all(good) {
            return Err(BadWeight);
        }
        Ok(Self { tiers, unknown })
    }

    /// How much an answer from this tier counts.
    pub fn of(&self, tier: Option<Tier>) -> f64 {
        let known = tier.and_then(|tier| self.tiers.get(&tier));
        known.copied().unwrap_or(self.unknown)
    }
}

/// A weighted NPS, which never stands without the unweighted one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeightedNps {
    /// The weighted share of promoters minus that of detractors, in points.
    pub nps: f64,
    /// Its standard error by linearisation: the score is a ratio, sum of w x by sum of w, so its error is that of the sum of
    /// w (x - nps) by the sum of w (C.-E. Sarndal, B. Swensson, J. Wretman, "Model Assisted Survey Sampling" (1992), 5.5; with
    /// divisor n, so that equal weights give the unweighted error).
    pub standard_error: f64,
    /// How many equally weighted answers would be as sure, if the weights have nothing to do with the answers: (sum of w)^2
    /// by sum of w^2 (L. Kish, "Survey Sampling" (1965), 11.7).
    pub effective_n: f64,
    /// The score plus or minus 1.96 standard errors, cut at -100 and 100.
    pub wald: [f64; 2],
    /// As [`NpsSummary::adjusted_wald`], for the weighted shares of `effective_n` answers.
    pub adjusted_wald: [f64; 2],
    /// The same answers, each counted once.
    pub unweighted: NpsSummary,
}

impl WeightedNps {
    /// The score of these answers, by the tier of who gave them; `None` if there are none that count.
    pub fn of(answers: &BTreeMap<Option<Tier>, Standings>, weights: &TierWeights) -> Option<Self> {
        let mut all = Standings::default();
        let (mut promoters, mut passives, mut detractors) = (0.0, 0.0, 0.0);
        let (mut total, mut squares) = (0.0, 0.0);
        for (&tier, &of) in answers {
            let weight = weights.of(tier);
            all.promoters = all.promoters.saturating_add(of.promoters);
            all.passives = all.passives.saturating_add(of.passives);
            all.detractors = all.detractors.saturating_add(of.detractors);
            promoters += weight * float(of.promoters);
            passives += weight * float(of.passives);
            detractors += weight * float(of.detractors);
            total += weight * float(of.n());
            squares += weight * weight * float(of.n());
        }
        let unweighted = NpsSummary::of(all)?;
        if total <= 0.0 {
            return None;
        }
        let nps = (100.0 * (promoters - detractors) / total).clamp(-100.0, 100.0);
        let mut linear = 0.0;
        for (&tier, of) in answers {
            let weight = weights.of(tier);
            let square = |count: u64, value: f64| float(count) * (value - nps) * (value - nps);
            linear += weight
                * weight
                * (square(of.promoters, 100.0)
                    + square(of.passives, 0.0)
                    + square(of.detractors, -100.0));
        }
        let standard_error = linear.sqrt() / total;
        let effective_n = total * total / squares;
        let scale = effective_n / total;
        let effective = Trinomial::new(promoters * scale, passives * scale, detractors * scale);
        let [low, high] = effective.adjusted().interval();
        Some(Self {
            nps,
            standard_error,
            effective_n,
            wald: around(nps, Z_95 * standard_error, SCALE),
            adjusted_wald: [low.min(nps), high.max(nps)],
            unweighted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::chance::Chance;
    use proptest::prelude::*;

    fn standings(promoters: u64, passives: u64, detractors: u64) -> Standings {
        Standings {
            promoters,
            passives,
            detractors,
        }
    }

    fn weights(bronze: f64, platinum: f64) -> TierWeights {
        let tiers = [(Tier::Bronze, bronze), (Tier::Platinum, platinum)];
        TierWeights::new(tiers.into(), 1.0).unwrap()
    }

    #[test]
    fn a_score_by_hand() {
        // One platinum promoter counts three times, two bronze detractors once: (3 - 2) / 5.
        let answers = [
            (Some(Tier::Bronze), standings(0, 0, 2)),
            (Some(Tier::Platinum), standings(1, 0, 0)),
        ];
        let score = WeightedNps::of(&answers.into(), &weights(1.0, 3.0)).unwrap();
        assert!((score.nps - 20.0).abs() < 1e-12);
        // 3^2 80^2 + 2 * 120^2 = 86400, its root by 5; 5^2 by 9 + 1 + 1.
        assert!((score.standard_error - 86_400.0f64.sqrt() / 5.0).abs() < 1e-12);
        assert!((score.effective_n - 25.0 / 11.0).abs() < 1e-12);
        assert!((score.unweighted.nps + 100.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_weight_is_a_number_from_zero_up() {
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e7] {
            assert_eq!(TierWeights::new(BTreeMap::new(), bad), Err(BadWeight));
        }
        let nothing = [(Some(Tier::Bronze), standings(5, 0, 0))];
        assert_eq!(WeightedNps::of(&nothing.into(), &weights(0.0, 3.0)), None);
        assert_eq!(WeightedNps::of(&BTreeMap::new(), &weights(1.0, 1.0)), None);
        assert_eq!(weights(2.0, 3.0).of(Some(Tier::Gold)), 1.0);
        assert_eq!(weights(2.0, 3.0).of(None), 1.0);
    }

    /// Draws surveys again and again from the answers of one: how far do the scores spread?
    #[test]
    fn the_error_is_the_bootstraps() {
        const SURVEYS: u32 = 4000;
        let weights = weights(1.0, 4.0);
        let people: Vec<(Tier, u64)> =
            [(Tier::Bronze, [60, 30, 60]), (Tier::Platinum, [40, 20, 15])]
                .into_iter()
                .flat_map(|(tier, counts)| (0u64..).zip(counts).map(move |(s, n)| (tier, s, n)))
                .flat_map(|(tier, standing, n)| (0..n).map(move |_| (tier, standing)))
                .collect();
        let score = |people: &mut dyn Iterator<Item = (Tier, u64)>| {
            let mut answers: BTreeMap<Option<Tier>, Standings> = BTreeMap::new();
            for (tier, standing) in people {
                let of = answers.entry(Some(tier)).or_default();
                *[&mut of.promoters, &mut of.passives, &mut of.detractors][standing as usize] += 1;
            }
            WeightedNps::of(&answers, &weights).unwrap()
        };
        let ours = score(&mut people.iter().copied());
        let mut chance = Chance(3);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..SURVEYS {
            let drawn = score(
                &mut (0..people.len()).map(|_| people[chance.below(people.len() as u64) as usize]),
            );
            sum += drawn.nps;
            squares += drawn.nps * drawn.nps;
        }
        let mean = sum / f64::from(SURVEYS);
        let spread = (squares / f64::from(SURVEYS) - mean * mean).sqrt();
        assert!(
            (ours.standard_error / spread - 1.0).abs() < 0.04,
            "{} {spread}",
            ours.standard_error
        );
        assert!(ours.standard_error > ours.unweighted.standard_error);
    }

    proptest! {
        #[test]
        fn equal_weights_are_no_weights(p in 0u64..200, s in 0u64..200, d in 1u64..200, q in 0u64..200, weight in 0.001..1000.0f64) {
            let answers = [(None, standings(q, d, s)), (Some(Tier::Gold), standings(p, s, d))];
            let weights = TierWeights::new(BTreeMap::new(), weight).unwrap();
            let score = WeightedNps::of(&answers.into(), &weights).unwrap();
            let plain = score.unweighted;
            prop_assert!((score.nps - plain.nps).abs() < 1e-9);
            prop_assert!((score.standard_error - plain.standard_error).abs() < 1e-9);
            prop_assert!((score.effective_n / super::float(plain.n) - 1.0).abs() < 1e-12);
            for (ours, theirs) in score.adjusted_wald.iter().zip(plain.adjusted_wald) {
                prop_assert!((ours - theirs).abs() < 1e-6);
            }
        }

        #[test]
        fn a_score_is_within_its_intervals(a in prop::array::uniform3(0u64..50), b in prop::array::uniform3(0u64..50), wa in 0.0..9.0f64, wb in 0.0..9.0f64) {
            let of = |[p, s, d]: [u64; 3]| standings(p, s, d);
            let answers = [(Some(Tier::Bronze), of(a)), (Some(Tier::Platinum), of(b))];
            let Some(score) = WeightedNps::of(&answers.into(), &weights(wa, wb)) else { return Ok(()) };
            for [low, high] in [score.wald, score.adjusted_wald] {
                prop_assert!(-100.0 <= low && low <= score.nps && score.nps <= high && high <= 100.0);
            }
            prop_assert!(score.effective_n <= super::float(score.unweighted.n) + 1e-9);
        }
    }
}
