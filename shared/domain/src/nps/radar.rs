//! Where each touchpoint stands between its baseline and its target.

use serde::{Deserialize, Serialize};

use super::FEWEST_ANSWERS;
use super::change::NpsChange;
use super::summary::{NpsSummary, Standings};
use crate::locale::Locale;

/// Whether a target is reached, as far as the answers can tell. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// The whole interval is at or above the target.
    Yes,
    /// The whole interval is below the target.
    No,
    /// The target is within the interval.
    CannotTell,
    /// There are fewer than [`FEWEST_ANSWERS`] answers.
    TooFew,
}

impl Reached {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Yes, Self::No, Self::CannotTell, Self::TooFew];

    /// Whether a score is at `target` or above, by its adjusted interval.
    fn at_least(target: f64, score: Option<&NpsSummary>) -> Self {
        let scored = score.filter(|score| score.n >= FEWEST_ANSWERS);
        scored.map_or(Self::TooFew, |score| {
            Self::within(target, score.adjusted_wald)
        })
    }

    /// Whether a number that lies within this interval is at `target` or above.
    pub fn within(target: f64, [low, high]: [f64; 2]) -> Self {
        if low >= target {
            Self::Yes
        } else if high < target {
            Self::No
        } else {
            Self::CannotTell
        }
    }

    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        match (locale, self) {
            (Locale::ZhCn, Self::Yes) => "已达到目标",
            (Locale::ZhCn, Self::No) => "未达到目标",
            (Locale::ZhCn, Self::CannotTell) => "目标落在置信区间内，尚无法判断",
            (Locale::ZhCn, Self::TooFew) => "回答太少，无法判断",
            (Locale::En, Self::Yes) => "the target is reached",
            (Locale::En, Self::No) => "the target is not reached",
            (Locale::En, Self::CannotTell) => {
                "the target is within the interval: it cannot be told yet"
            }
            (Locale::En, Self::TooFew) => "too few answers to say",
        }
    }
}

/// One spoke of the radar: a touchpoint then, now and as it shall be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spoke {
    /// The touchpoint.
    pub touchpoint: String,
    /// In the period it is compared with; `None` if nobody answered.
    pub baseline: Option<NpsSummary>,
    /// Now; `None` if nobody answered.
    pub now: Option<NpsSummary>,
    /// The NPS it shall reach, -100 to 100; `None` where nobody has set one.
    pub target: Option<f64>,
    /// How much is missing, in points; below zero beyond the target.
    pub gap: Option<f64>,
    /// From the baseline to now.
    pub change: Option<NpsChange>,
    /// Whether the target is reached, by the adjusted interval; `None` without one.
    pub reached: Option<Reached>,
}

impl Spoke {
    /// The spoke of a touchpoint.
    pub fn new(
        touchpoint: impl Into<String>,
        baseline: Standings,
        now: Standings,
        target: Option<f64>,
    ) -> Self {
        let (baseline, now) = (NpsSummary::of(baseline), NpsSummary::of(now));
        Self {
            touchpoint: touchpoint.into(),
            gap: target.zip(now).map(|(target, now)| target - now.nps),
            change: baseline
                .zip(now)
                .map(|(then, now)| NpsChange::between(&then, &now)),
            baseline,
            now,
            target,
            reached: target.map(|target| Reached::at_least(target, now.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nps::Verdict;

    fn standings(promoters: u64, passives: u64, detractors: u64) -> Standings {
        Standings {
            promoters,
            passives,
            detractors,
        }
    }

    #[test]
    fn a_target_is_reached_when_chance_cannot_have_done_it() {
        let then = standings(30, 40, 30);
        let now = standings(60, 30, 10);
        for (target, reached) in [
            (30.0, Reached::Yes),
            (45.0, Reached::CannotTell),
            (55.0, Reached::CannotTell),
            (70.0, Reached::No),
        ] {
            let spoke = Spoke::new("delivery", then, now, Some(target));
            assert_eq!(spoke.reached, Some(reached), "{target}");
            assert_eq!(spoke.gap, Some(target - 50.0));
            assert_eq!(spoke.change.unwrap().verdict, Verdict::Up);
        }
        let few = Spoke::new("delivery", then, standings(29, 0, 0), Some(10.0));
        assert_eq!(few.reached, Some(Reached::TooFew));
        let none = Spoke::new("delivery", then, Standings::default(), Some(10.0));
        assert_eq!(
            (none.reached, none.now, none.gap, none.change),
            (Some(Reached::TooFew), None, None, None)
        );
        let free = Spoke::new("delivery", then, now, None);
        assert_eq!((free.target, free.gap, free.reached), (None, None, None));
        assert_eq!(free.change.unwrap().difference, 50.0);
    }
}
