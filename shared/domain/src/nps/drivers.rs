//! Which touchpoint or theme moves the NPS most.
//!
//! The impact of a mention is how much the score is off what it would be without those who mention it: NPS of all less NPS
//! of the others. With the share s of those who mention it that is s times the difference of both scores. It tells what goes
//! together, not what causes what; responses that mention two things count for both.

use serde::{Deserialize, Serialize};

use super::normal::{Z_95, two_sided_p};
use super::summary::{Standings, Trinomial};
use super::{ALPHA, FEWEST_ANSWERS, around, float};
use crate::locale::Locale;

/// What a mention does to the score. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// It raises the score, and that is unlikely to be chance.
    Raises,
    /// It lowers the score, and that is unlikely to be chance.
    Lowers,
    /// What it does cannot be told from chance.
    NotTold,
    /// Fewer than [`FEWEST_ANSWERS`] answers mention it, or fewer do not.
    TooFew,
}

impl Pull {
    /// Every pull.
    pub const ALL: [Self; 4] = [Self::Raises, Self::Lowers, Self::NotTold, Self::TooFew];

    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        match (locale, self) {
            (Locale::ZhCn, Self::Raises) => "拉高得分，不太可能出于偶然",
            (Locale::ZhCn, Self::Lowers) => "拉低得分，不太可能出于偶然",
            (Locale::ZhCn, Self::NotTold) => "影响与偶然波动无法区分",
            (Locale::ZhCn, Self::TooFew) => "回答太少，无法判断",
            (Locale::En, Self::Raises) => "raises the score, and unlikely by chance",
            (Locale::En, Self::Lowers) => "lowers the score, and unlikely by chance",
            (Locale::En, Self::NotTold) => "no effect that can be told from chance",
            (Locale::En, Self::TooFew) => "too few answers to say",
        }
    }
}

/// What one touchpoint or theme does to the score; in points where nothing else is said. Kept in reports: names are append
/// only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// The touchpoint or theme.
    pub name: String,
    /// How many answers mention it.
    pub n: u64,
    /// Of all answers, in percent.
    pub share: f64,
    /// The NPS of those who mention it.
    pub nps_with: f64,
    /// The NPS of the others.
    pub nps_without: f64,
    /// The NPS of all less that of the others.
    pub impact: f64,
    /// The standard error of `impact`, by the delta method over the six counts (mentioned or not, by standing), which are
    /// multinomial: every answer weighs in with (x - NPS), less (x - NPS of the others) / (1 - s) if it does not mention it,
    /// and the squares add up.
    pub standard_error: f64,
    /// The 95 % interval of `impact`.
    pub interval: [f64; 2],
    /// The chance of an impact this large, in either direction, if who mentions it had been drawn at random: by the permutation
    /// test, as for [`Permutation`](super::Permutation). `None` where all agree. (With few who mention it the standard error
    /// above is too small to be held against: thirty may have no spread.)
    pub p: Option<f64>,
    /// The same, after S. Holm ("A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
    /// (1979)): so many were looked at, one of them had to stand out. `None` where there are too few answers for anything to be
    /// said, which are not counted as looked at.
    pub p_holm: Option<f64>,
    /// In words, by `p_holm`.
    pub pull: Pull,
}

impl Driver {
    /// By itself, as if nothing else had been looked at; `None` if nobody mentions it, everybody does, or those who do are not
    /// among all.
    fn alone(name: &str, all: Standings, with: Standings) -> Option<Self> {
        let without = all.without(with)?;
        if with.n() == 0 || without.n() == 0 {
            return None;
        }
        let [whole, these, others] = [all, with, without].map(Trinomial::from);
        let (nps, nps_without) = (whole.score(), others.score());
        let share = these.n() / whole.n();
        // The share times the difference: the same number as the difference from the whole, without its cancellation.
        let impact = share * (these.score() - nps_without);
        let apart = others.n() / whole.n();
        let squares = |of: Standings, weigh: &dyn Fn(f64) -> f64| {
            let square = |count: u64, x: f64| float(count) * weigh(x) * weigh(x);
            square(of.promoters, 100.0) + square(of.passives, 0.0) + square(of.detractors, -100.0)
        };
        let sum = squares(with, &|x| x - nps)
            + squares(without, &|x| x - nps - (x - nps_without) / apart);
        let standard_error = sum.sqrt() / whole.n();
        // Where all agree, roundings are all there is.
        let standard_error = if whole.variance() > 0.0 {
            standard_error
        } else {
            0.0
        };
        // Of all ways to draw as many: S^2 (1/n with + 1/n without), S^2 with divisor n - 1, times the share.
        let variance = whole.variance() * (whole.n() / (whole.n() - 1.0));
        let at_random = share * (variance * (1.0 / these.n() + 1.0 / others.n())).sqrt();
        let p = (at_random > 0.0).then(|| two_sided_p(impact / at_random));
        Some(Self {
            name: name.to_owned(),
            n: with.n(),
            share: 100.0 * share,
            nps_with: these.score(),
            nps_without,
            impact,
            standard_error,
            interval: around(impact, Z_95 * standard_error, [-200.0, 200.0]),
            p,
            p_holm: None,
            pull: if with.n().min(without.n()) < FEWEST_ANSWERS {
                Pull::TooFew
            } else {
                Pull::NotTold
            },
        })
    }
}

/// What each of these touchpoints or themes does to the score of all, the largest impact first. A name that nobody mentions,
/// that everybody mentions, or whose answers are not among all, is left out.
pub fn drivers<'a>(
    all: Standings,
    mentions: impl IntoIterator<Item = (&'a str, Standings)>,
) -> Vec<Driver> {
    let alone = |(name, with)| Driver::alone(name, all, with);
    let mut drivers: Vec<_> = mentions.into_iter().filter_map(alone).collect();
    // Those of whom nothing will be said are no attempts.
    let mut tested: Vec<&mut Driver> = drivers
        .iter_mut()
        .filter(|d| d.pull != Pull::TooFew)
        .collect();
    tested.sort_by(|a, b| {
        let p = |driver: &Driver| driver.p.unwrap_or(1.0);
        p(a).total_cmp(&p(b))
    });
    let (mut left, mut at_least) = (float(tested.len().try_into().unwrap_or(u64::MAX)), 0.0f64);
    for driver in tested {
        if let Some(p) = driver.p {
            at_least = at_least.max((p * left).min(1.0));
            driver.p_holm = Some(at_least);
            if at_least < ALPHA {
                driver.pull = if driver.impact > 0.0 {
                    Pull::Raises
                } else {
                    Pull::Lowers
                };
            }
        }
        left -= 1.0;
    }
    drivers.sort_by(|a, b| {
        let size = |driver: &Driver| driver.impact.abs();
        size(b)
            .total_cmp(&size(a))
            .then_with(|| a.name.cmp(&b.name))
    });
    drivers
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

    #[test]
    fn an_impact_by_hand() {
        // 100 of 400 mention delivery: -40 against 40 of the others. Without them 40, with them 20.
        let all = standings(200, 80, 120);
        let found = drivers(all, [("delivery", standings(20, 20, 60))]);
        let [delivery] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (delivery.share, delivery.nps_with, delivery.nps_without),
            (25.0, -40.0, 40.0)
        );
        assert!((delivery.impact + 20.0).abs() < 1e-12);
        assert_eq!(delivery.pull, Pull::Lowers);
        assert_eq!(
            delivery.p, delivery.p_holm,
            "one alone has nothing to be corrected for"
        );
    }

    #[test]
    fn what_has_no_other_side_is_left_out() {
        let all = standings(50, 50, 0);
        for with in [all, Standings::default(), standings(0, 0, 1)] {
            assert_eq!(drivers(all, [("x", with)]), []);
        }
        let few = drivers(all, [("x", standings(0, 29, 0))]);
        assert_eq!(few[0].pull, Pull::TooFew);
        let agreed = drivers(standings(100, 0, 0), [("x", standings(40, 0, 0))]);
        assert_eq!(
            (agreed[0].impact, agreed[0].standard_error, agreed[0].p),
            (0.0, 0.0, None)
        );
        assert_eq!(agreed[0].pull, Pull::NotTold);
    }

    #[test]
    fn the_more_are_looked_at_the_more_it_takes_to_stand_out() {
        // p is 0.03: one alone stands out, one of ten does not.
        let all = standings(120, 60, 120);
        let odd = standings(28, 13, 16);
        let alone = drivers(all, [("odd", odd)]);
        assert!(
            alone[0].p.unwrap() > 0.01 && alone[0].p.unwrap() < ALPHA,
            "{alone:?}"
        );
        assert_eq!(alone[0].pull, Pull::Raises);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let plain = names.map(|name| (name, standings(20, 10, 20)));
        let ten = drivers(all, plain.into_iter().chain([("odd", odd)]));
        assert_eq!(ten[0].name, "odd");
        assert!((ten[0].p_holm.unwrap() - 10.0 * ten[0].p.unwrap()).abs() < 1e-12);
        assert_eq!(ten[0].pull, Pull::NotTold);
        assert!(
            ten[1..].iter().map(|d| d.name.as_str()).eq(names),
            "the same impact, by name"
        );
    }

    /// Draws surveys again and again from the answers of one, and looks how far the impacts spread.
    #[test]
    fn the_interval_is_the_bootstraps() {
        const SURVEYS: usize = 4000;
        for (with, without) in [
            (standings(20, 20, 60), standings(180, 60, 60)),
            (standings(40, 10, 5), standings(100, 150, 120)),
            (standings(10, 15, 15), standings(30, 20, 30)),
        ] {
            let add = |a: Standings, b: Standings| {
                standings(
                    a.promoters + b.promoters,
                    a.passives + b.passives,
                    a.detractors + b.detractors,
                )
            };
            let ours = drivers(add(with, without), [("x", with)]).remove(0);
            let counts = [
                with.promoters,
                with.passives,
                with.detractors,
                without.promoters,
                without.passives,
                without.detractors,
            ];
            let people: Vec<usize> = (0..6)
                .flat_map(|cell| vec![cell; counts[cell] as usize])
                .collect();
            let mut chance = Chance(23);
            let mut impacts: Vec<f64> = (0..SURVEYS)
                .map(|_| {
                    let mut drawn = [0u64; 6];
                    for _ in 0..people.len() {
                        drawn[people[chance.below(people.len() as u64) as usize]] += 1;
                    }
                    let [a, _, c, d, e, f] = drawn;
                    // By another road than ours: the score of all less that of the others.
                    let n = people.len() as f64;
                    let nps = 100.0 * ((a + d) as f64 - (c + f) as f64) / n;
                    nps - 100.0 * (d as f64 - f as f64) / (d + e + f) as f64
                })
                .collect();
            impacts.sort_by(f64::total_cmp);
            let mean = impacts.iter().sum::<f64>() / SURVEYS as f64;
            let spread = (impacts.iter().map(|i| (i - mean) * (i - mean)).sum::<f64>()
                / SURVEYS as f64)
                .sqrt();
            assert!(
                (ours.standard_error / spread - 1.0).abs() < 0.05,
                "{ours:?} {spread}"
            );
            let [low, high] = [impacts[SURVEYS / 40], impacts[SURVEYS - SURVEYS / 40]];
            let near = |ours: f64, theirs: f64| (ours - theirs).abs() < 0.2 * spread;
            assert!(
                near(ours.interval[0], low) && near(ours.interval[1], high),
                "{ours:?} {low} {high}"
            );
        }
    }

    /// What is mentioned has nothing to do with the score: how often, in percent, is it said to?
    #[test]
    fn at_most_one_in_twenty_is_a_false_alarm() {
        const TRIALS: u32 = 10_000;
        let mut chance = Chance(17);
        for (n, m) in [(30, 30), (30, 1000), (200, 300)] {
            for shares in [[0.5, 0.3], [0.85, 0.1], [0.1, 0.2]] {
                let mut alarms = 0;
                for _ in 0..TRIALS {
                    let [with, without] = [n, m].map(|n| chance.standings(n, shares));
                    let all = standings(
                        with.promoters + without.promoters,
                        with.passives + without.passives,
                        with.detractors + without.detractors,
                    );
                    alarms += u32::from(drivers(all, [("x", with)])[0].pull != Pull::NotTold);
                }
                let rate = 100.0 * f64::from(alarms) / f64::from(TRIALS);
                assert!(
                    (2.0..=6.0).contains(&rate),
                    "{n}, {m} of {shares:?}: {rate}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn an_impact_is_what_would_be_missing(with in prop::array::uniform3(0u64..300), without in prop::array::uniform3(0u64..300)) {
            let of = |[p, s, d]: [u64; 3]| standings(p, s, d);
            let all = standings(with[0] + without[0], with[1] + without[1], with[2] + without[2]);
            let found = drivers(all, [("x", of(with))]);
            let Some(driver) = found.first() else {
                prop_assert!(of(with).n() == 0 || of(without).n() == 0);
                return Ok(());
            };
            let nps = Trinomial::from(all).score();
            prop_assert!((driver.impact - (nps - driver.nps_without)).abs() < 1e-9);
            let [low, high] = driver.interval;
            prop_assert!(-200.0 <= low && low <= driver.impact && driver.impact <= high && high <= 200.0);
        }
    }
}
