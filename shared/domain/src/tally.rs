//! Tallies: counts of scores. Derived data; they merge, and scores are computed from them.

mod cause;
mod cut;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::locale::Locale;
use crate::nps::{NpsSummary, Pair, Rating};
use crate::response::Response;
use crate::score::Scores;
use crate::submission::{Channel, Tier};
use crate::triage::Category;

pub use cause::Cause;
pub use cut::Cut;

/// The version of the rules of counting, kept with every tally: which responses count, in which cells, by which values. It is
/// raised with every change of them, so that a day counted by other rules is known to be.
pub const METHOD: u32 = 1;

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

    /// These counts without those of another; `None` if they are not among these.
    pub fn without(&self, other: &Self) -> Option<Self> {
        fn each<const N: usize>(counts: &mut [u64; N], less: &[u64; N]) -> Option<()> {
            for (count, less) in counts.iter_mut().zip(less) {
                *count = count.checked_sub(*less)?;
            }
            Some(())
        }
        let mut rest = self.clone();
        rest.responses = rest.responses.checked_sub(other.responses)?;
        each(&mut rest.nps, &other.nps)?;
        each(&mut rest.csat, &other.csat)?;
        each(&mut rest.ces, &other.ces)?;
        Some(rest)
    }

    /// The Net Promoter Score of those who answered that question; `None` if nobody did.
    pub fn nps_summary(&self) -> Option<NpsSummary> {
        NpsSummary::of(self.into())
    }

    /// What was answered to CSAT; `None` if nobody answered.
    pub fn csat_rating(&self) -> Option<Rating<5>> {
        Rating::of(&self.csat)
    }

    /// What was answered to CES; `None` if nobody answered.
    pub fn ces_rating(&self) -> Option<Rating<7>> {
        Rating::of(&self.ces)
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

/// What a response has one value of, and is counted by. Names are persisted and published: append only.
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
    /// What it is about, as triage read it.
    Category,
}

impl Dimension {
    /// Every dimension.
    pub const EVERY: [Self; 8] = [
        Self::All,
        Self::Channel,
        Self::Touchpoint,
        Self::Product,
        Self::Tier,
        Self::Locale,
        Self::Survey,
        Self::Category,
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
            Self::Category => "category",
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
    /// What triage found it to be about. Absent in what was written before it was kept for counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
}

impl Counted {
    /// The value of the one cell of [`Dimension::All`].
    pub const ALL: &'static str = "all";

    /// What of this response is counted.
    pub fn of(response: &Response) -> Self {
        let submission = &response.submission;
        Self {
            scores: response.scores(),
            channel: submission.channel,
            touchpoint: submission
                .touchpoint
                .clone()
                .or_else(|| response.triage.touchpoint.map(|t| t.name().to_owned())),
            product: submission.product.clone(),
            tier: submission.tier,
            locale: submission.locale,
            category: Some(response.triage.category),
        }
    }

    /// Its value of a dimension, if it has one. At most 100 characters, any but control characters; a key must encode them.
    pub fn value(&self, dimension: Dimension) -> Option<&str> {
        match dimension {
            Dimension::All => Some(Self::ALL),
            Dimension::Channel => Some(self.channel.name()),
            Dimension::Touchpoint => self.touchpoint.as_deref(),
            Dimension::Product => self.product.as_deref(),
            Dimension::Tier => self.tier.map(Tier::name),
            Dimension::Locale => Some(self.locale.tag()),
            Dimension::Survey => None,
            Dimension::Category => self.category.map(Category::name),
        }
    }

    /// The cells it is counted in: one of each cut that it has every value for.
    pub fn cells(&self) -> impl Iterator<Item = (Cut, Cow<'_, str>)> {
        Cut::every().filter_map(|cut| {
            let value = match cut {
                Cut::One(dimension) => Cow::Borrowed(self.value(dimension)?),
                Cut::Two(pair) => {
                    let (first, second) = pair.dimensions();
                    Cow::Owned(Pair::key(self.value(first)?, self.value(second)?))
                }
            };
            Some((cut, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

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

        /// However many skip however many questions: what the others answered stands, to the bit.
        #[test]
        fn a_skipped_question_never_moves_a_score(all in prop::collection::vec(scores(), 1..50), skip in prop::array::uniform3(any::<bool>())) {
            let [skip_nps, skip_csat, skip_ces] = skip;
            let partly = |s: &Scores| Scores {
                nps: s.nps.filter(|_| !skip_nps),
                csat: s.csat.filter(|_| !skip_csat),
                ces: s.ces.filter(|_| !skip_ces),
            };
            let before: Tally = all.iter().copied().collect();
            let mut after = before.clone();
            for s in all.iter().map(partly) {
                after.add(s);
            }
            prop_assert!(!skip_nps || after.nps_summary() == before.nps_summary());
            prop_assert!(!skip_csat || after.csat_rating() == before.csat_rating());
            prop_assert!(!skip_ces || after.ces_rating() == before.ces_rating());
            prop_assert_eq!(after.responses, 2 * before.responses);
        }

        /// The cells of a dimension that everybody has add up to the day, and those of a pair to each of its dimensions.
        #[test]
        fn a_day_is_the_sum_of_its_parts(all in prop::collection::vec((scores(), 0..3usize, 0..3usize), 0..60)) {
            let counted = |&(scores, channel, tier): &(Scores, usize, usize)| Counted {
                scores,
                channel: [Channel::Web, Channel::Phone, Channel::Store][channel],
                touchpoint: None,
                product: None,
                tier: [None, Some(Tier::Gold), Some(Tier::Bronze)][tier],
                locale: Locale::En,
                category: Some(Category::Other),
            };
            let mut cells: BTreeMap<(String, String), Tally> = BTreeMap::new();
            for response in all.iter().map(counted) {
                for (cut, value) in response.cells() {
                    let cell = cells.entry((cut.name(), value.into_owned()));
                    cell.or_default().add(response.scores);
                }
            }
            let sum = |dimension: &str, of: &dyn Fn(&str) -> bool| {
                let mut sum = Tally::default();
                cells.iter().filter(|((d, v), _)| d == dimension && of(v)).for_each(|(_, t)| sum.merge(t));
                sum
            };
            let every = |_: &str| true;
            let day: Tally = all.iter().map(|(scores, ..)| *scores).collect();
            prop_assert_eq!(&sum("all", &every), &day);
            prop_assert_eq!(&sum("channel", &every), &day);
            prop_assert_eq!(&sum("locale", &every), &day);
            prop_assert_eq!(sum("channel+tier", &every), sum("tier", &every));
            for tier in ["gold", "bronze"] {
                let of_tier = |value: &str| Pair::values(value).is_some_and(|(_, second)| second == tier);
                prop_assert_eq!(sum("channel+tier", &of_tier), sum("tier", &|value| value == tier));
            }
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
                "survey",
                "category"
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
    fn a_response_counts_once_in_each_cut_that_it_has_the_values_of() {
        let counted = Counted {
            scores: Scores::default(),
            channel: Channel::Phone,
            touchpoint: None,
            product: Some("A#1".to_owned()),
            tier: Some(Tier::Gold),
            locale: Locale::ZhCn,
            category: None,
        };
        let cells = counted.cells();
        let cells: Vec<_> = cells
            .map(|(cut, value)| format!("{}: {}", cut.name(), value.replace('\u{1f}', ", ")))
            .collect();
        assert_eq!(
            cells,
            [
                "all: all",
                "channel: phone",
                "product: A#1",
                "tier: gold",
                "locale: zh-CN",
                "channel+product: phone, A#1",
                "channel+tier: phone, gold",
                "channel+locale: phone, zh-CN",
                "product+tier: A#1, gold",
                "product+locale: A#1, zh-CN",
                "tier+locale: gold, zh-CN",
            ]
        );
    }
}
