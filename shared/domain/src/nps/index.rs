//! The Customer Experience Index: satisfaction, usage and improvements in one number, with the formula beside it.

use serde::{Deserialize, Serialize};

use super::share::Share;

/// What the index is made of. A part that is not known is left out, and said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ingredients {
    /// Who gave CSAT 4 or 5, of those who answered. A sample: it has an interval.
    pub satisfaction: Option<Share>,
    /// Customers who were active in the period, of those who are known. Counted in full.
    pub usage: Option<Share>,
    /// Improvements that shipped within 90 days, of those that were due. Counted in full.
    pub improvements: Option<Share>,
}

/// How much each part weighs. Only the proportions matter. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct IndexWeights {
    pub satisfaction: u32,
    pub usage: u32,
    pub improvements: u32,
}

impl Default for IndexWeights {
    /// Half is what customers say; a third of what is left is what we did about it, which follows more slowly.
    fn default() -> Self {
        Self {
            satisfaction: 50,
            usage: 30,
            improvements: 20,
        }
    }
}

/// One part of the index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// `satisfaction`, `usage` or `improvements`.
    pub name: &'static str,
    /// Its share in percent; `None` if it is not known.
    pub percent: Option<f64>,
    /// Its weight, as it was given.
    pub weight: u32,
}

/// The index, from 0 to 100, with what it was made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperienceIndex {
    /// The weighted mean of the parts that are known.
    pub value: f64,
    /// What of `value` is uncertain because only some customers were heard: the weighted mean at both ends of the 95 %
    /// interval of satisfaction (Wilson). No width where satisfaction is not known: the rest is counted, not sampled.
    pub interval: [f64; 2],
    /// The parts, known or not.
    pub parts: [Part; 3],
    /// How it was computed, to be printed beside it: `(50 x satisfaction + 30 x usage) / 80`.
    pub formula: String,
}

impl ExperienceIndex {
    /// The index; `None` if no part that weighs anything is known.
    pub fn of(ingredients: &Ingredients, weights: IndexWeights) -> Option<Self> {
        let parts = [
            (
                "satisfaction",
                ingredients.satisfaction,
                weights.satisfaction,
            ),
            ("usage", ingredients.usage, weights.usage),
            (
                "improvements",
                ingredients.improvements,
                weights.improvements,
            ),
        ];
        let counted = || {
            parts
                .iter()
                .filter(|(_, share, weight)| share.is_some() && *weight > 0)
        };
        let total: f64 = counted().map(|&(_, _, weight)| f64::from(weight)).sum();
        if total <= 0.0 {
            return None;
        }
        let mean = |satisfaction: Option<f64>| {
            let of = |name, share: Share| match satisfaction {
                Some(percent) if name == "satisfaction" => percent,
                _ => share.percent(),
            };
            let weighted = counted()
                .filter_map(|&(name, share, weight)| Some(f64::from(weight) * of(name, share?)));
            weighted.sum::<f64>() / total
        };
        let ends = ingredients.satisfaction.map(Share::wilson);
        let value = mean(None);
        let terms: Vec<_> = counted()
            .map(|(name, _, weight)| format!("{weight} x {name}"))
            .collect();
        Some(Self {
            value,
            interval: ends.map_or([value; 2], |[low, high]| {
                [mean(Some(low)), mean(Some(high))]
            }),
            parts: parts.map(|(name, share, weight)| Part {
                name,
                percent: share.map(Share::percent),
                weight,
            }),
            formula: format!("({}) / {total}", terms.join(" + ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(count: u64, of: u64) -> Option<Share> {
        Share::new(count, of)
    }

    #[test]
    fn an_index_by_hand() {
        let all = Ingredients {
            satisfaction: share(80, 100),
            usage: share(600, 1000),
            improvements: share(7, 10),
        };
        let index = ExperienceIndex::of(&all, IndexWeights::default()).unwrap();
        // 40 + 18 + 14; satisfaction is 71.11 to 86.66.
        assert!((index.value - 72.0).abs() < 1e-12);
        assert!(
            (index.interval[0] - 67.56).abs() < 0.01 && (index.interval[1] - 75.33).abs() < 0.01,
            "{index:?}"
        );
        assert_eq!(
            index.formula,
            "(50 x satisfaction + 30 x usage + 20 x improvements) / 100"
        );
        let some = Ingredients { usage: None, ..all };
        let index = ExperienceIndex::of(&some, IndexWeights::default()).unwrap();
        assert!((index.value - (40.0 + 14.0) / 0.7).abs() < 1e-12);
        assert_eq!(
            index.formula,
            "(50 x satisfaction + 20 x improvements) / 70"
        );
        assert_eq!(index.parts[1].percent, None);
    }

    #[test]
    fn of_nothing_there_is_no_index() {
        assert_eq!(
            ExperienceIndex::of(&Ingredients::default(), IndexWeights::default()),
            None
        );
        let usage = Ingredients {
            usage: share(1, 2),
            ..Ingredients::default()
        };
        let unweighted = IndexWeights {
            usage: 0,
            ..IndexWeights::default()
        };
        assert_eq!(ExperienceIndex::of(&usage, unweighted), None);
        let index = ExperienceIndex::of(&usage, IndexWeights::default()).unwrap();
        assert_eq!((index.value, index.interval), (50.0, [50.0, 50.0]));
    }

    proptest! {
        #[test]
        fn an_index_is_between_its_parts(a in 0u64..=50, b in 0u64..=50, c in 0u64..=50, weights in prop::array::uniform3(0u32..100)) {
            let all = Ingredients { satisfaction: share(a, 50), usage: share(b, 50), improvements: share(c, 50) };
            let weights = IndexWeights { satisfaction: weights[0], usage: weights[1], improvements: weights[2] };
            let Some(index) = ExperienceIndex::of(&all, weights) else { return Ok(()) };
            let weighing = || index.parts.iter().filter(|part| part.weight > 0).map(|part| part.percent.unwrap());
            let low = weighing().fold(100.0, f64::min);
            let high = weighing().fold(0.0, f64::max);
            prop_assert!(low - 1e-9 <= index.value && index.value <= high + 1e-9);
            prop_assert!(index.interval[0] <= index.value + 1e-9 && index.value <= index.interval[1] + 1e-9);
        }
    }
}
