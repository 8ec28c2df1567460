//! What is kept of a response that is linked to an issue, and whom the links of an issue reach.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::kano;
use crate::form::FormId;
use crate::id::{ResponseId, SubjectId};
use crate::response::Response;
use crate::score::Standing;
use crate::submission::Tier;

/// How many days before the day of a count its customers are counted in: that day is the last.
pub const REACH_DAYS: i64 = 90;

/// How many of these days, the last ones, tell how often it comes up.
pub const FREQUENCY_DAYS: i64 = 30;

/// How a response came to be linked. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By the rule of the issue.
    Rule,
    /// By a member of staff.
    Hand,
    /// As its words are like those of others that are linked.
    Similarity {
        /// How like, in percent.
        percent: u8,
    },
}

impl How {
    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Hand => "hand",
            Self::Similarity { .. } => "similarity",
        }
    }
}

/// Who sent a response that is linked, as far as counting asks. No words, no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporter {
    /// The survey it answers.
    pub survey: FormId,
    /// The local day it came on, there.
    pub day: Date,
    /// The standing of its NPS score, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// The customer's tier, where the sender knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// What stands for the customer, where the sender knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<SubjectId>,
}

impl Reporter {
    /// Who sent this response; `customer` stands for whom it names.
    pub fn of(response: &Response, customer: Option<SubjectId>) -> Self {
        let submission = &response.submission;
        Self {
            survey: submission.form.clone(),
            day: response.day,
            standing: submission.scores().nps.map(|nps| nps.standing()),
            tier: submission.tier,
            customer,
        }
    }
}

/// A response beside an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The response.
    pub response: ResponseId,
    /// How it came to be linked.
    pub how: How,
    /// Whether a person took it out: then it is not linked, and not linked by itself again.
    pub unlinked: bool,
    /// Who sent it.
    pub reporter: Reporter,
}

/// The links of an issue and of those it absorbed, as one: what its own partition says of a response counts; else the
/// response is linked if any other says so. `pages` begins with the issue's own; each is in the order of the responses.
pub fn union(pages: impl IntoIterator<Item = Vec<Link>>) -> Vec<Link> {
    let mut pages = pages.into_iter();
    let own = pages.next().unwrap_or_default();
    let decided: BTreeSet<_> = own.iter().map(|link| link.response).collect();
    let mut all: BTreeMap<_, _> = own.into_iter().map(|link| (link.response, link)).collect();
    for link in pages
        .flatten()
        .filter(|link| !decided.contains(&link.response))
    {
        let known = all.get(&link.response);
        if known.is_none_or(|known| known.unlinked && !link.unlinked) {
            all.insert(link.response, link);
        }
    }
    all.into_values().collect()
}

/// Whom the links of an issue reach, as counted once. Derived from the links: it can be counted again at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Business time of the count.
    pub as_of: Timestamp,
    /// Responses that are linked, ever.
    pub links: u64,
    /// Of these, those of the last [`REACH_DAYS`].
    pub recent: u64,
    /// Customers who sent the recent ones; whoever is not known counts as somebody of their own.
    pub customers: u64,
    /// Of these, how many are of each tier: the highest that any of their recent responses names. The rest is of no tier
    /// that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<Tier, u64>,
    /// Recent responses by standing.
    #[serde(default)]
    pub promoters: u64,
    /// Recent responses by standing.
    #[serde(default)]
    pub passives: u64,
    /// Recent responses by standing.
    #[serde(default)]
    pub detractors: u64,
    /// On how many of the last [`FREQUENCY_DAYS`] it came up.
    pub days: u32,
    /// All answers of the last [`REACH_DAYS`], to whatever survey, as the nights have counted them: what the customers are a
    /// share of.
    #[serde(default)]
    pub answers: u64,
    /// What customers answered to the paired questions about it.
    #[serde(default, skip_serializing_if = "kano::Answers::is_empty")]
    pub kano: kano::Answers,
}

impl Reach {
    /// The first local day whose links are recent on this one, which is the last.
    pub fn since(today: Date) -> Date {
        today.saturating_sub((REACH_DAYS - 1).days())
    }

    /// The reach of these links, all at once; see [`Count`].
    pub fn count<'a>(
        links: impl IntoIterator<Item = &'a Link>,
        answers: u64,
        kano: kano::Answers,
        today: Date,
        as_of: Timestamp,
    ) -> Self {
        let mut count = Count::new(today, as_of);
        links.into_iter().for_each(|link| count.add(link));
        count.done(answers, kano)
    }
}

/// Counts links one after another, in any order, in memory that grows with the customers and not with the links.
#[derive(Debug)]
pub struct Count {
    reach: Reach,
    today: Date,
    known: BTreeMap<SubjectId, Option<Tier>>,
    days: BTreeSet<Date>,
}

impl Count {
    /// Of no link yet, as of a local day: the last one that counts; a later one is not counted.
    pub fn new(today: Date, as_of: Timestamp) -> Self {
        Self {
            reach: Reach {
                as_of,
                links: 0,
                recent: 0,
                customers: 0,
                tiers: BTreeMap::new(),
                promoters: 0,
                passives: 0,
                detractors: 0,
                days: 0,
                answers: 0,
                kano: kano::Answers::default(),
            },
            today,
            known: BTreeMap::new(),
            days: BTreeSet::new(),
        }
    }

    /// Counts one link, unless a person took it out.
    pub fn add(&mut self, link: &Link) {
        if link.unlinked {
            return;
        }
        let reach = &mut self.reach;
        reach.links += 1;
        let Reporter {
            day,
            standing,
            tier,
            customer,
            survey: _,
        } = &link.reporter;
        if !(Reach::since(self.today)..=self.today).contains(day) {
            return;
        }
        reach.recent += 1;
        match standing {
            Some(Standing::Promoter) => reach.promoters += 1,
            Some(Standing::Passive) => reach.passives += 1,
            Some(Standing::Detractor) => reach.detractors += 1,
            None => {}
        }
        if *day >= self.today.saturating_sub((FREQUENCY_DAYS - 1).days()) {
            self.days.insert(*day);
        }
        match customer {
            Some(customer) => {
                let highest = self.known.entry(*customer).or_default();
                *highest = (*highest).max(*tier);
            }
            None => {
                reach.customers += 1;
                if let Some(tier) = tier {
                    *reach.tiers.entry(*tier).or_default() += 1;
                }
            }
        }
    }

    /// The reach of what was counted. `answers` are all that came since the [first day](Reach::since), `kano` those to the
    /// paired questions.
    pub fn done(self, answers: u64, kano: kano::Answers) -> Reach {
        let mut reach = self.reach;
        for tier in self.known.into_values() {
            reach.customers += 1;
            if let Some(tier) = tier {
                *reach.tiers.entry(tier).or_default() += 1;
            }
        }
        reach.days = u32::try_from(self.days.len()).unwrap_or(u32::MAX);
        Reach {
            answers,
            kano,
            ..reach
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TODAY: &str = "2026-11-21";

    fn today() -> Date {
        TODAY.parse().unwrap()
    }

    fn link(n: u128, back: i64, customer: Option<u128>, tier: Option<Tier>) -> Link {
        Link {
            response: ResponseId::from_bits(n),
            how: How::Rule,
            unlinked: false,
            reporter: Reporter {
                survey: FormId::default_form(),
                day: today().saturating_sub(back.days()),
                standing: Some(Standing::Detractor),
                tier,
                customer: customer.map(SubjectId::from_bits),
            },
        }
    }

    fn count(links: &[Link]) -> Reach {
        Reach::count(
            links,
            100,
            kano::Answers::default(),
            today(),
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_customer_counts_once_by_their_highest_tier() {
        let mut links = vec![
            link(1, 0, Some(7), Some(Tier::Bronze)),
            link(2, 0, Some(7), Some(Tier::Gold)),
            link(3, 29, Some(7), None),
            link(4, 30, None, None),
            link(5, 89, None, Some(Tier::Gold)),
            link(6, 90, Some(8), Some(Tier::Platinum)),
            link(7, -1, Some(9), None),
        ];
        links.push(Link {
            unlinked: true,
            ..link(8, 0, Some(10), None)
        });
        let reach = count(&links);
        assert_eq!((reach.links, reach.recent, reach.customers), (7, 5, 3));
        assert_eq!(reach.tiers, BTreeMap::from([(Tier::Gold, 2)]));
        assert_eq!((reach.days, reach.detractors), (2, 5));
    }

    #[test]
    fn what_an_issue_says_of_a_response_counts_before_what_it_absorbed() {
        let out = |link: Link| Link {
            unlinked: true,
            ..link
        };
        let one = |n| link(n, 0, None, None);
        let own = vec![out(one(1)), one(2)];
        let other = vec![one(1), out(one(2)), out(one(3)), one(4)];
        let third = vec![one(3), out(one(4))];
        let all = union([own, other, third]);
        let linked: Vec<_> = all.iter().map(|link| !link.unlinked).collect();
        assert_eq!(linked, [false, true, true, true]);
        assert!(all.is_sorted_by_key(|link| link.response));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_order_links_are_read(
            of in prop::collection::vec((0i64..100, prop::option::of(0u128..5), prop::option::of(0usize..4)), 0..40),
        ) {
            let tiers = |tier: &Option<usize>| tier.map(|n| Tier::ALL[n]);
            let links: Vec<_> = (0..).zip(&of).map(|(n, (back, customer, tier))| link(n, *back, *customer, tiers(tier))).collect();
            let mut turned = links.clone();
            turned.reverse();
            prop_assert_eq!(count(&links), count(&turned));
            let reach = count(&links);
            prop_assert!(reach.customers <= reach.recent && reach.recent <= reach.links);
            prop_assert!(reach.tiers.values().sum::<u64>() <= reach.customers);
            prop_assert!(u64::from(reach.days) <= reach.recent);
        }
    }
}
