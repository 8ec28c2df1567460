//! What is to be done first: impact x urgency x cost, weighted by Kano class and customer value.
//!
//! ```text
//! priority = 100 x impact x urgency x cost x kano x value
//!
//! impact   = min(1, share / wide)          share: customers who reported it, of the answers of the last 90 days
//! urgency  = base + often x days / 30 + core   days: on how many of the last 30 it came up; core only if it is
//! cost     = weight of the effort           not estimated counts as medium
//! kano     = weight of the class            1 where it is not clear
//! value    = mean weight of the tiers of the customers who reported it; 1 where there are none
//! ```
//!
//! Weights are whole percents: 30 is 0.3. One pure function; the four basic operations on numbers of a fixed order, so that everybody gets the same bits. Only the
//! order means something: twice the number is not twice as urgent.

use serde::{Deserialize, Serialize};

use super::link::{FREQUENCY_DAYS, Reach};
use super::{About, Effort, kano};
use crate::nps::float;
use crate::submission::Tier;

/// The formula, as it is printed beside each result.
pub const FORMULA: &str = "100 x impact x urgency x cost x kano x value; impact = min(1, share / wide); urgency = base + often x days / 30 + core; weights in percent";

/// How much each thing counts, in percent: whole numbers, so that what is published is what is used. Names are persisted and
/// published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weights {
    /// The share of customers from which on an issue is as wide as can be: 1 to 100.
    pub wide: u32,
    /// The urgency of what nobody has mentioned lately.
    pub base: u32,
    /// What coming up every day adds to that.
    pub often: u32,
    /// What keeping customers from what the product is for adds.
    pub core: u32,
    /// By effort.
    pub effort: EffortWeights,
    /// By Kano class.
    pub kano: KanoWeights,
    /// By the tier of who reported it.
    pub value: ValueWeights,
}

/// Weights by effort; what takes less counts more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is that of its effort")]
pub struct EffortWeights {
    pub small: u32,
    pub medium: u32,
    pub large: u32,
}

/// Weights by Kano class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is that of its class")]
pub struct KanoWeights {
    pub must_be: u32,
    pub one_dimensional: u32,
    pub attractive: u32,
    pub indifferent: u32,
    pub reverse: u32,
    pub questionable: u32,
}

/// Weights by tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each is that of its tier")]
pub struct ValueWeights {
    pub bronze: u32,
    pub silver: u32,
    pub gold: u32,
    pub platinum: u32,
    pub unknown: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            wide: 30,
            base: 20,
            often: 50,
            core: 30,
            effort: EffortWeights::default(),
            kano: KanoWeights::default(),
            value: ValueWeights::default(),
        }
    }
}

impl Default for EffortWeights {
    fn default() -> Self {
        Self {
            small: 100,
            medium: 60,
            large: 30,
        }
    }
}

impl Default for KanoWeights {
    fn default() -> Self {
        Self {
            must_be: 150,
            one_dimensional: 120,
            attractive: 100,
            indifferent: 50,
            reverse: 0,
            questionable: 100,
        }
    }
}

impl Default for ValueWeights {
    fn default() -> Self {
        Self {
            bronze: 100,
            silver: 120,
            gold: 150,
            platinum: 200,
            unknown: 100,
        }
    }
}

impl Weights {
    /// Each of them by its name, in the order in which they are printed.
    pub const fn each(&self) -> [(&'static str, u32); 18] {
        let Self {
            wide,
            base,
            often,
            core,
            effort,
            kano,
            value,
        } = self;
        [
            ("wide", *wide),
            ("base", *base),
            ("often", *often),
            ("core", *core),
            ("effort.small", effort.small),
            ("effort.medium", effort.medium),
            ("effort.large", effort.large),
            ("kano.must_be", kano.must_be),
            ("kano.one_dimensional", kano.one_dimensional),
            ("kano.attractive", kano.attractive),
            ("kano.indifferent", kano.indifferent),
            ("kano.reverse", kano.reverse),
            ("kano.questionable", kano.questionable),
            ("value.bronze", value.bronze),
            ("value.silver", value.silver),
            ("value.gold", value.gold),
            ("value.platinum", value.platinum),
            ("value.unknown", value.unknown),
        ]
    }

    const fn of_effort(&self, effort: Option<Effort>) -> u32 {
        match effort {
            Some(Effort::Small) => self.effort.small,
            Some(Effort::Medium) | None => self.effort.medium,
            Some(Effort::Large) => self.effort.large,
        }
    }

    const fn of_class(&self, class: kano::Class) -> u32 {
        match class {
            kano::Class::MustBe => self.kano.must_be,
            kano::Class::OneDimensional => self.kano.one_dimensional,
            kano::Class::Attractive => self.kano.attractive,
            kano::Class::Indifferent => self.kano.indifferent,
            kano::Class::Reverse => self.kano.reverse,
            kano::Class::Questionable => self.kano.questionable,
        }
    }

    const fn of_tier(&self, tier: Tier) -> u32 {
        match tier {
            Tier::Bronze => self.value.bronze,
            Tier::Silver => self.value.silver,
            Tier::Gold => self.value.gold,
            Tier::Platinum => self.value.platinum,
        }
    }
}

/// A weight as a factor.
fn factor(percent: u32) -> f64 {
    f64::from(percent) / 100.0
}

/// The priority of an issue, with everything it came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Priority {
    /// The number to sort by, from zero up.
    pub score: f64,
    /// How many it concerns.
    pub impact: Impact,
    /// How pressing it is.
    pub urgency: Urgency,
    /// What it would cost.
    pub cost: Cost,
    /// What it would be worth to customers.
    pub kano: Kano,
    /// Whom it concerns.
    pub value: Value,
}

/// How many an issue concerns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Impact {
    /// Customers who reported it in the last 90 days.
    pub customers: u64,
    /// All answers of these days.
    pub of: u64,
    /// The share of these, from 0 to 1; zero of none.
    pub share: f64,
    /// Whether the share is above `wide`.
    pub wide: bool,
    /// What the score is multiplied by.
    pub factor: f64,
}

/// How pressing an issue is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Urgency {
    /// On how many of the last 30 days it came up.
    pub days: u32,
    /// Whether it keeps customers from what the product is for.
    pub core: bool,
    /// What the score is multiplied by.
    pub factor: f64,
}

/// What doing something about an issue would cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// As estimated; `None` if it was not.
    pub effort: Option<Effort>,
    /// What the score is multiplied by.
    pub factor: f64,
}

/// What it would be worth to customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kano {
    /// From the paired questions; `None` if nobody was asked.
    pub classified: Option<kano::Classified>,
    /// What the score is multiplied by.
    pub factor: f64,
}

/// Whom an issue concerns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// What the score is multiplied by: the mean weight of their tiers.
    pub factor: f64,
}

/// The priority of an issue: what it is about, and whom it reaches.
///
/// The share is of answers where it should be of customers, as not everybody is known: one customer may send several, so there
/// are at most as many customers as answers, and an issue is at least as wide as this says.
pub fn priority(about: &About, reach: Option<&Reach>, weights: &Weights) -> Priority {
    let customers = reach.map_or(0, |reach| reach.customers);
    let of = reach.map_or(0, |reach| reach.answers);
    let share = match of.max(customers) {
        0 => 0.0,
        all => float(customers) / float(all),
    };
    // What is wide for nobody is wide for everybody.
    let wide = factor(weights.wide.max(1));
    let impact = Impact {
        customers,
        of,
        share,
        wide: share > wide,
        factor: (share / wide).min(1.0),
    };
    let days = reach.map_or(0, |reach| reach.days);
    #[expect(clippy::cast_precision_loss, reason = "thirty")]
    let often = f64::from(weights.often) * f64::from(days) / FREQUENCY_DAYS as f64;
    let core = if about.core { weights.core } else { 0 };
    let urgency = Urgency {
        days,
        core: about.core,
        factor: (f64::from(weights.base) + often + f64::from(core)) / 100.0,
    };
    let cost = Cost {
        effort: about.effort,
        factor: factor(weights.of_effort(about.effort)),
    };
    let classified = reach.and_then(|reach| reach.kano.classified());
    let class = classified.and_then(|classified| classified.class());
    let kano = Kano {
        classified,
        factor: class.map_or(1.0, |class| factor(weights.of_class(class))),
    };
    let value = Value {
        factor: reach.map_or(1.0, |reach| mean_value(reach, weights)),
    };
    let score = 100.0 * impact.factor * urgency.factor * cost.factor * kano.factor * value.factor;
    Priority {
        score,
        impact,
        urgency,
        cost,
        kano,
        value,
    }
}

/// The mean weight of the customers' tiers; 1 of none.
fn mean_value(reach: &Reach, weights: &Weights) -> f64 {
    if reach.customers == 0 {
        return 1.0;
    }
    let mut sum = 0.0;
    let mut known = 0u64;
    for (tier, count) in &reach.tiers {
        sum += f64::from(weights.of_tier(*tier)) * float(*count);
        known = known.saturating_add(*count);
    }
    sum += f64::from(weights.value.unknown) * float(reach.customers.saturating_sub(known));
    sum / float(reach.customers) / 100.0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::issue::Title;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn about(core: bool, effort: Option<Effort>) -> About {
        About {
            title: Title::new("物流太慢").unwrap(),
            category: None,
            touchpoint: None,
            product: None,
            core,
            effort,
            rule: None,
        }
    }

    fn reach(customers: u64, gold: u64, days: u32, answers: u64) -> Reach {
        Reach {
            as_of: Timestamp::UNIX_EPOCH,
            links: customers,
            recent: customers,
            customers,
            tiers: BTreeMap::from([(Tier::Gold, gold)]),
            promoters: 0,
            passives: 0,
            detractors: 0,
            days,
            answers,
            kano: kano::Answers::default(),
        }
    }

    /// The worked example of docs/issues.md.
    #[test]
    fn a_priority_by_hand() {
        let mut reach = reach(60, 20, 24, 400);
        reach.kano.must_be = 50;
        reach.kano.one_dimensional = 30;
        reach.kano.indifferent = 20;
        let found = priority(
            &about(true, Some(Effort::Small)),
            Some(&reach),
            &Weights::default(),
        );
        // 60 of 400 are 15 %, half of wide. 0.2 + 0.5 x 24/30 + 0.3 = 0.9. Small: 1. Must be: 1.5.
        // (20 x 1.5 + 40 x 1) / 60 = 7/6. 100 x 0.5 x 0.9 x 1 x 1.5 x 7/6 = 78.75.
        assert_eq!(found.impact.factor, 0.5);
        assert!(!found.impact.wide);
        assert!((found.urgency.factor - 0.9).abs() < 1e-12);
        assert_eq!((found.cost.factor, found.kano.factor), (1.0, 1.5));
        assert!((found.value.factor - 7.0 / 6.0).abs() < 1e-12);
        assert!((found.score - 78.75).abs() < 1e-9, "{}", found.score);
    }

    #[test]
    fn what_is_not_known_counts_for_nothing_or_as_usual() {
        let weights = Weights::default();
        let none = priority(&about(false, None), None, &weights);
        assert_eq!((none.score, none.impact.share), (0.0, 0.0));
        assert_eq!(
            (none.cost.factor, none.kano.factor, none.value.factor),
            (0.6, 1.0, 1.0)
        );
        // More customers than answers were counted: then all of them.
        let all = priority(&about(false, None), Some(&reach(7, 0, 1, 3)), &weights);
        assert_eq!(
            (all.impact.share, all.impact.factor, all.impact.wide),
            (1.0, 1.0, true)
        );
        // Just not wide.
        let edge = priority(&about(false, None), Some(&reach(3, 0, 1, 10)), &weights);
        assert!(!edge.impact.wide && edge.impact.factor == 1.0);
    }

    #[test]
    fn weights_that_are_left_out_are_the_usual_ones() {
        let given: Weights =
            serde_json::from_str(r#"{"often": 80, "kano": {"reverse": 10}}"#).unwrap();
        let kano = KanoWeights {
            reverse: 10,
            ..KanoWeights::default()
        };
        let expected = Weights {
            often: 80,
            kano,
            ..Weights::default()
        };
        assert_eq!(given, expected);
    }

    proptest! {
        /// More customers, more days, core or less effort never make it less urgent.
        #[test]
        fn more_of_anything_never_counts_less(customers in 0u64..500, days in 0u32..30, of in 1u64..1000, core: bool) {
            let weights = Weights::default();
            let score = |customers, days, core, effort| {
                priority(&about(core, Some(effort)), Some(&reach(customers, 0, days, of)), &weights).score
            };
            let base = score(customers, days, core, Effort::Medium);
            prop_assert!(base.is_finite() && base >= 0.0);
            prop_assert!(score(customers + 1, days, core, Effort::Medium) >= base);
            prop_assert!(score(customers, days + 1, core, Effort::Medium) >= base);
            prop_assert!(score(customers, days, true, Effort::Medium) >= base);
            prop_assert!(score(customers, days, core, Effort::Small) >= base);
            prop_assert!(score(customers, days, core, Effort::Large) <= base);
        }
    }
}
