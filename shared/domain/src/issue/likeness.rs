//! Which responses are like those that are linked to an issue: a deterministic measure of words, without a network.
//!
//! A text is the set of its [`grams`]: pairs of neighbouring Chinese characters, and the runs of four letters of each other
//! word, with its beginning and end. A [`Profile`] counts in how many of its texts each gram is. Of an issue's profile only
//! what is more frequent there than in [usual](Profiles::new) texts counts, by how much more: this is the classifier of J. J.
//! Rocchio ("Relevance Feedback in Information Retrieval", 1971), with shares for weights. The likeness of a text is the cosine
//! of both, in percent. Without the usual texts, what all customers write would make everything like everything: of the
//! English messages that were linked to a single issue, one in four was about it.
//!
//! All of it is counts of whole numbers and one root, which is IEEE's: the same percent on every machine. `docs/issues.md` tells
//! how often it is right.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{fold, is_han};

/// How many linked texts make a profile, at most: the first in the order of their ids, which are hashes.
pub const MOST_TEXTS: u32 = 50;

/// Of fewer linked texts nothing is linked by itself.
pub const FEWEST_TO_LINK: u32 = 20;

/// Of fewer linked texts nothing is suggested.
pub const FEWEST_TO_SUGGEST: u32 = 10;

/// A text with fewer grams says too little.
pub const FEWEST_GRAMS: usize = 6;

/// From this likeness on a text is linked, in percent.
pub const LINK_FROM: u8 = 35;

/// By how much more than any other issue it must be like this one to be linked, in points.
pub const LINK_AHEAD: u8 = 20;

/// From this likeness on a text is suggested.
pub const SUGGEST_FROM: u8 = 20;

/// By how much more than any other issue it must be like this one to be suggested.
pub const SUGGEST_AHEAD: u8 = 10;

/// How many usual texts are enough, at most.
pub const MOST_USUAL: u32 = 200;

/// Beside fewer usual texts nothing is like anything: nobody knows what all write.
pub const FEWEST_USUAL: u32 = 50;

/// The most grams of a text: what comes after is passed over.
const MOST_GRAMS: usize = 2000;

/// How many letters a gram has.
const LETTERS: usize = 4;

/// The grams of a text, each once.
pub fn grams(text: &str) -> BTreeSet<String> {
    let text = fold(text);
    let mut grams = BTreeSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let han = is_han(first);
            let end = rest.find(|c| is_han(c) != han).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            rest = after;
            let run: Vec<char> = match han {
                true => run.chars().collect(),
                false => ['^'].into_iter().chain(run.chars()).chain(['$']).collect(),
            };
            let length = if han { 2 } else { LETTERS };
            if !han && run.len() < length {
                grams.insert(run.iter().collect());
            }
            for gram in run.windows(length) {
                if grams.len() >= MOST_GRAMS {
                    return grams;
                }
                grams.insert(gram.iter().collect());
            }
        }
    }
    grams
}

/// In how many of some texts each gram is. Made of customers' words: it is never kept.
#[derive(Debug, Clone)]
pub struct Profile {
    most: u32,
    texts: u32,
    counts: BTreeMap<String, u32>,
}

impl Profile {
    /// That of an issue, whose linked texts are to be [added](Self::add).
    pub const fn of_issue() -> Self {
        Self::of(MOST_TEXTS)
    }

    /// That of what customers write about whatever.
    pub const fn of_usual() -> Self {
        Self::of(MOST_USUAL)
    }

    const fn of(most: u32) -> Self {
        Self {
            most,
            texts: 0,
            counts: BTreeMap::new(),
        }
    }

    /// Adds a text; one that says too little, or is more than is needed, is passed over.
    pub fn add(&mut self, text: &str) {
        if self.is_full() {
            return;
        }
        let grams = grams(text);
        if grams.len() < FEWEST_GRAMS {
            return;
        }
        self.texts += 1;
        for gram in grams {
            *self.counts.entry(gram).or_default() += 1;
        }
    }

    /// How many texts it is made of.
    pub const fn texts(&self) -> u32 {
        self.texts
    }

    /// Whether it needs no more texts.
    pub const fn is_full(&self) -> bool {
        self.texts >= self.most
    }

    /// What a gram weighs that `count` of these texts have: by how much the share of these exceeds that of the usual ones, times
    /// the numbers of both.
    fn weight(&self, gram: &str, count: u32, usual: &Self) -> u64 {
        let common = usual.counts.get(gram).copied().unwrap_or(0);
        let here = u64::from(count) * u64::from(usual.texts);
        here.saturating_sub(u64::from(common) * u64::from(self.texts))
    }
}

/// The profiles of issues, to hold texts against all of them at once.
#[derive(Debug, Clone)]
pub struct Profiles<Id> {
    issues: Vec<Known<Id>>,
    /// The issues in which a gram weighs something: their place, and how much.
    places: BTreeMap<String, Vec<(usize, u64)>>,
}

#[derive(Debug, Clone)]
struct Known<Id> {
    id: Id,
    texts: u32,
    /// The sum of the squares of the weights.
    squares: u64,
}

/// What a text is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likeness<Id> {
    /// The issue it is most like.
    pub issue: Id,
    /// How like, in percent.
    pub percent: u8,
    /// By how many points less it is like the second.
    pub ahead: u8,
    /// Of how many linked texts that is known.
    pub texts: u32,
}

/// What is to be done with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is linked.
    Link,
    /// A person is asked.
    Suggest,
    /// Nothing.
    Leave,
}

impl<Id: Copy> Profiles<Id> {
    /// The profiles of issues, beside that of usual texts. An issue without texts is like nothing; beside fewer than
    /// [`FEWEST_USUAL`] usual texts none is.
    pub fn new(profiles: impl IntoIterator<Item = (Id, Profile)>, usual: &Profile) -> Self {
        let mut all = Self {
            issues: Vec::new(),
            places: BTreeMap::new(),
        };
        if usual.texts < FEWEST_USUAL {
            return all;
        }
        for (id, profile) in profiles {
            let place = all.issues.len();
            let mut squares = 0u64;
            for (gram, &count) in &profile.counts {
                let weight = profile.weight(gram, count, usual);
                if weight > 0 {
                    squares = squares.saturating_add(weight.saturating_mul(weight));
                    let places = all.places.entry(gram.clone()).or_default();
                    places.push((place, weight));
                }
            }
            all.issues.push(Known {
                id,
                texts: profile.texts,
                squares,
            });
        }
        all
    }

    /// Whether there is nothing to be like.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Which issue a text is most like, of as many the first given; `None` if it says too little or is like none.
    pub fn most_like(&self, text: &str) -> Option<Likeness<Id>> {
        let grams = grams(text);
        if grams.len() < FEWEST_GRAMS {
            return None;
        }
        let mut shared = vec![0u64; self.issues.len()];
        for (place, weight) in grams
            .iter()
            .filter_map(|gram| self.places.get(gram))
            .flatten()
        {
            if let Some(sum) = shared.get_mut(*place) {
                *sum = sum.saturating_add(*weight);
            }
        }
        let percents = self
            .issues
            .iter()
            .zip(shared)
            .map(|(issue, shared)| percent(shared, issue.squares, grams.len()));
        let mut best: Option<(&Known<Id>, u8)> = None;
        let mut second = 0;
        for (issue, percent) in self.issues.iter().zip(percents) {
            match best {
                Some((_, most)) if percent <= most => second = second.max(percent),
                _ => {
                    second = best.map_or(0, |(_, most)| most);
                    best = Some((issue, percent));
                }
            }
        }
        let (issue, percent) = best.filter(|(_, percent)| *percent > 0)?;
        Some(Likeness {
            issue: issue.id,
            percent,
            ahead: percent.saturating_sub(second),
            texts: issue.texts,
        })
    }
}

/// The cosine of a set of grams and the weights of a profile, in whole percents, rounded down.
fn percent(shared: u64, squares: u64, grams: usize) -> u8 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a weight is at most 50 x 200, its square 10^8, and of 50 texts there are at most 10^5: below 2^53"
    )]
    let (shared, squares, grams) = (shared as f64, squares as f64, grams as f64);
    let cosine = match squares > 0.0 {
        true => shared / (squares * grams).sqrt(),
        false => 0.0,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cosine of counts is from 0 to 1"
    )]
    let percent = (100.0 * cosine.clamp(0.0, 1.0)) as u8;
    percent
}

/// What is to be done with a text that is so like an issue.
pub fn decide<Id>(likeness: &Likeness<Id>) -> Decision {
    let Likeness {
        percent,
        ahead,
        texts,
        issue: _,
    } = *likeness;
    let is = |fewest, from, lead| texts >= fewest && percent >= from && ahead >= lead;
    if is(FEWEST_TO_LINK, LINK_FROM, LINK_AHEAD) {
        Decision::Link
    } else if is(FEWEST_TO_SUGGEST, SUGGEST_FROM, SUGGEST_AHEAD) {
        Decision::Suggest
    } else {
        Decision::Leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grams_are_pairs_of_characters_and_four_letters_of_words() {
        let of = |text: &str| grams(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(of("物流太慢"), "太慢 流太 物流");
        assert_eq!(of("Late, late!"), "^lat ate$ late");
        assert_eq!(of("a I"), "^a$ ^i$");
        assert_eq!(of("这个APP卡"), "^app app$ 这个");
        assert_eq!(of("?!"), "");
    }

    fn profile(texts: &[&str]) -> Profile {
        let mut profile = Profile::of_issue();
        texts.iter().for_each(|text| profile.add(text));
        profile
    }

    /// What customers write: all of it says that they are disappointed.
    fn usual() -> Profile {
        let mut usual = Profile::of_usual();
        (0..60).for_each(|n| usual.add(&format!("真的非常失望，第{n}次了，客服不回复")));
        usual
    }

    #[test]
    fn a_text_is_most_like_the_issue_that_says_the_same_and_is_unusual() {
        let late = ["非常失望，物流太慢了，等了一周", "快递太慢，物流信息不更新"];
        let dear = ["价格太贵了，非常失望", "比别家贵很多，价格不合理"];
        let issues = || {
            [
                ("late", profile(&late)),
                ("dear", profile(&dear)),
                ("none", profile(&[])),
            ]
        };
        let profiles = Profiles::new(issues(), &usual());
        let found = profiles.most_like("你们的物流太慢了吧，等了好久").unwrap();
        assert_eq!((found.issue, found.texts), ("late", 2));
        assert!(found.percent >= 30 && found.ahead >= 15, "{found:?}");
        let found = profiles.most_like("价格贵，不合理，不买了").unwrap();
        assert_eq!(found.issue, "dear");
        assert_eq!(profiles.most_like("太慢"), None, "too short to say");
        assert_eq!(
            profiles.most_like("真的非常失望，客服不回复"),
            None,
            "everybody says so"
        );
        assert!(
            Profiles::new(issues(), &profile(&late)).is_empty(),
            "nobody knows what is usual"
        );
    }

    #[test]
    fn it_is_linked_only_where_enough_is_known_and_no_other_is_as_like() {
        let of = |percent, ahead, texts| {
            decide(&Likeness {
                issue: (),
                percent,
                ahead,
                texts,
            })
        };
        assert_eq!(of(LINK_FROM, LINK_AHEAD, FEWEST_TO_LINK), Decision::Link);
        assert_eq!(of(LINK_FROM - 1, 29, 50), Decision::Suggest);
        assert_eq!(of(90, LINK_AHEAD - 1, 50), Decision::Suggest);
        assert_eq!(of(90, 90, FEWEST_TO_LINK - 1), Decision::Suggest);
        assert_eq!(of(90, SUGGEST_AHEAD - 1, 50), Decision::Leave);
        assert_eq!(of(SUGGEST_FROM - 1, 19, 50), Decision::Leave);
        assert_eq!(of(90, 90, FEWEST_TO_SUGGEST - 1), Decision::Leave);
    }

    proptest! {
        #[test]
        fn any_texts_can_be_compared(texts in prop::collection::vec(".{0,60}", 0..6), text in ".{0,80}") {
            let mut one = Profile::of_issue();
            texts.iter().for_each(|text| one.add(text));
            let profiles = Profiles::new([(1, one.clone()), (2, one)], &usual());
            if let Some(found) = profiles.most_like(&text) {
                prop_assert!(found.percent <= 100);
                prop_assert_eq!((found.issue, found.ahead), (1, 0), "the first of two that are alike");
            }
        }

        #[test]
        fn an_unusual_text_is_wholly_like_itself(text in "[a-z物流太慢价格贵 ]{0,40}") {
            let mut one = Profile::of_issue();
            one.add(&text);
            if let Some(found) = Profiles::new([((), one)], &usual()).most_like(&text) {
                prop_assert!(found.percent >= 99, "{}", found.percent);
            }
        }
    }
}
