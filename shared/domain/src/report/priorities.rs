//! What is to be mended first: the list of [priorities](crate::issue::priority) in a monthly report.
//!
//! A report names issues by their ids and keeps the numbers. It lists those of enough customers only, and of each no factor that
//! tells of few of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Told;
use crate::id::IssueId;
use crate::issue::kano::Class;
use crate::issue::priority::{FORMULA, Weights, priority};
use crate::issue::{Effort, Issue, Reach, State};
use crate::nps::share::ShareSummary;
use crate::nps::{FEWEST_PEOPLE, Share};

/// How many issues the list has.
pub const TOP_ISSUES: usize = 10;

/// The issues that come first, with everything their order came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Priorities {
    /// Up to when the customers of every one of them are counted; `None` if none is listed.
    pub as_of: Option<Timestamp>,
    /// How the score is computed, as it was then.
    pub formula: String,
    /// The weights of then.
    pub weights: Weights,
    /// How many issues were open, listed or not.
    pub open: u64,
    /// The first of those that may be listed, the highest score first.
    pub first: Vec<Ranked>,
}

/// An issue in its place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Which issue.
    pub issue: IssueId,
    /// The customers who reported it in the last 90 days, of all answers of these days, to whatever survey.
    pub share: ShareSummary,
    /// Whether that is wide.
    pub wide: bool,
    /// On how many of the last 30 days it came up.
    pub days: u32,
    /// Whether it keeps customers from what the product is for.
    pub core: bool,
    /// What mending it would take; `None` if nobody has estimated it.
    pub effort: Option<Effort>,
    /// What it would be worth to customers; `None` where they were not asked, or what they said is not clear.
    pub kano: Option<Class>,
    /// What each of these multiplies the score by.
    pub factors: Factors,
    /// What the tiers of these customers multiply it by; hidden where one to four are of a tier, or of none.
    pub value: Told<f64>,
    /// The product, by which the list is sorted; hidden with the value, which it would tell.
    pub score: Told<f64>,
}

/// What a score is made of, but for what customers are worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// How many it concerns.
    pub impact: f64,
    /// How pressing it is.
    pub urgency: f64,
    /// What it would take.
    pub cost: f64,
    /// What it would be worth.
    pub kano: f64,
}

impl Priorities {
    /// The list of these issues, each with whom it reaches as counted last. Only open ones are on it.
    pub fn of<'a>(
        issues: impl IntoIterator<Item = (&'a Issue, Option<&'a Reach>)>,
        weights: &Weights,
    ) -> Self {
        let mut open = 0;
        let mut listed: Vec<(f64, Ranked, Timestamp)> = Vec::new();
        for (issue, reach) in issues {
            if issue.state() != State::Open {
                continue;
            }
            open += 1;
            let ranked = reach.and_then(|reach| Some((reach, Ranked::of(issue, reach, weights)?)));
            if let Some((reach, (score, ranked))) = ranked {
                listed.push((score, ranked, reach.as_of));
            }
        }
        listed.sort_by(|(a, one, _), (b, two, _)| {
            b.total_cmp(a)
                .then_with(|| two.share.count.cmp(&one.share.count))
                .then_with(|| one.issue.cmp(&two.issue))
        });
        listed.truncate(TOP_ISSUES);
        Self {
            as_of: listed.iter().map(|(_, _, as_of)| *as_of).min(),
            formula: FORMULA.to_owned(),
            weights: *weights,
            open,
            first: listed.into_iter().map(|(_, ranked, _)| ranked).collect(),
        }
    }
}

impl Ranked {
    /// An issue with its score, which may not be told; `None` if too few people reported it, or too few did not.
    fn of(issue: &Issue, reach: &Reach, weights: &Weights) -> Option<(f64, Self)> {
        let all = reach.answers.max(reach.customers);
        let few = |people: u64| (1..FEWEST_PEOPLE).contains(&people);
        if reach.customers < FEWEST_PEOPLE || few(all - reach.customers) {
            return None;
        }
        let found = priority(issue.about(), Some(reach), weights);
        let known: u64 = reach
            .tiers
            .values()
            .fold(0, |known: u64, n| known.saturating_add(*n));
        let unknown = reach.customers.saturating_sub(known);
        // Of each known number of customers the mean weight tells how many are of a tier.
        let told = |number| match reach.tiers.values().copied().any(few) || few(unknown) {
            true => Told::Hidden,
            false => Told::Shown(number),
        };
        let ranked = Self {
            issue: issue.id(),
            share: Share::new(reach.customers, all)?.summary(),
            wide: found.impact.wide,
            days: found.urgency.days,
            core: found.urgency.core,
            effort: found.cost.effort,
            kano: found.kano.classified.and_then(|kano| kano.class()),
            factors: Factors {
                impact: found.impact.factor,
                urgency: found.urgency.factor,
                cost: found.cost.factor,
                kano: found.kano.factor,
            },
            value: told(found.value.factor),
            score: told(found.score),
        };
        Some((found.score, ranked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Actor;
    use crate::issue::{About, Command, Title, kano};
    use crate::submission::Tier;
    use std::collections::BTreeMap;

    fn at() -> Timestamp {
        "2026-11-01T00:00:00Z".parse().unwrap()
    }

    fn issue(bits: u128, effort: Option<Effort>) -> Issue {
        let about = About {
            title: Title::new("The parcel is late").unwrap(),
            category: None,
            touchpoint: None,
            product: None,
            core: true,
            effort,
            rule: None,
        };
        let opened = Issue::open(about, Actor::System, at());
        Issue::begin(IssueId::from_bits(bits), &opened).unwrap()
    }

    fn reach(customers: u64, tiers: &[(Tier, u64)]) -> Reach {
        Reach {
            as_of: at(),
            links: customers,
            recent: customers,
            customers,
            tiers: BTreeMap::from_iter(tiers.iter().copied()),
            promoters: 0,
            passives: 0,
            detractors: customers,
            days: 24,
            answers: 400,
            kano: kano::Answers::default(),
        }
    }

    #[test]
    fn the_worked_example_stands_first_with_its_factors() {
        let mut first = reach(60, &[(Tier::Gold, 20)]);
        first.kano = kano::Answers {
            must_be: 50,
            one_dimensional: 30,
            indifferent: 20,
            ..kano::Answers::default()
        };
        let issues = [issue(1, None), issue(2, Some(Effort::Small))];
        let second = reach(60, &[]);
        let list = Priorities::of(
            [(&issues[0], Some(&second)), (&issues[1], Some(&first))],
            &Weights::default(),
        );
        let [top, next] = list.first.as_slice() else {
            panic!("both are listed")
        };
        assert_eq!((top.issue, next.issue), (issues[1].id(), issues[0].id()));
        // As in docs/issues.md.
        let score = *top.score.shown().unwrap();
        assert!((score - 78.75).abs() < 1e-9, "{score}");
        assert_eq!(
            (top.kano, top.effort),
            (Some(Class::MustBe), Some(Effort::Small))
        );
        assert_eq!((top.share.count, top.share.percent), (60, 15.0));
        let Factors {
            impact,
            urgency,
            cost,
            kano,
        } = top.factors;
        let value = top.value.shown().unwrap();
        assert!((score - 100.0 * impact * urgency * cost * kano * value).abs() < 1e-9);
        assert_eq!((list.open, list.as_of), (2, Some(at())));
    }

    #[test]
    fn issues_of_few_and_what_tells_of_few_are_left_out() {
        let open = issue(1, None);
        let list = |reach: Option<Reach>| {
            Priorities::of([(&open, reach.as_ref())], &Weights::default()).first
        };
        assert!(list(None).is_empty());
        assert!(list(Some(reach(0, &[]))).is_empty());
        assert!(list(Some(reach(4, &[]))).is_empty());
        // 397 of 400: three did not.
        assert!(list(Some(reach(397, &[]))).is_empty());
        for (tiers, hidden) in [
            (&[][..], false),
            (&[(Tier::Gold, 20)], false),
            (&[(Tier::Gold, 4)], true),
            (&[(Tier::Gold, 0)], false),
            // One is of no tier that is known.
            (&[(Tier::Gold, 20), (Tier::Silver, 39)], true),
        ] {
            let listed = list(Some(reach(60, tiers)));
            let [only] = listed.as_slice() else {
                panic!("it is listed")
            };
            assert_eq!(only.score == Told::Hidden, hidden, "{tiers:?}");
            assert_eq!(only.value == Told::Hidden, hidden, "{tiers:?}");
        }
    }

    #[test]
    fn only_open_issues_are_listed_and_only_the_first() {
        let many: Vec<_> = (0..15)
            .map(|n| (issue(n, None), reach(10 + u64::try_from(n).unwrap(), &[])))
            .collect();
        let mut closed = issue(99, None);
        let step = closed.handle(&Command::Close, Actor::System, at()).unwrap();
        closed.apply(&step.unwrap());
        let widest = reach(200, &[]);
        let issues = many.iter().map(|(issue, reach)| (issue, Some(reach)));
        let list = Priorities::of(
            issues.chain([(&closed, Some(&widest))]),
            &Weights::default(),
        );
        assert_eq!((list.open, list.first.len()), (15, TOP_ISSUES));
        let customers: Vec<_> = list.first.iter().map(|of| of.share.count).collect();
        assert_eq!(customers, (15..25).rev().collect::<Vec<u64>>());
    }
}
