//! Cells of two dimensions at once: which touchpoint on which channel.

use crate::tally::Dimension;

/// Two different dimensions that split the responses of a survey, in the order of [`Dimension`]: channel and tier are the same
/// pair as tier and channel. The whole and the survey split nothing, and are in no pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    first: Dimension,
    second: Dimension,
}

/// The dimensions that pairs are made of.
const SPLITTING: [Dimension; 5] = [
    Dimension::Channel,
    Dimension::Touchpoint,
    Dimension::Product,
    Dimension::Tier,
    Dimension::Locale,
];

/// What stands between two values in a key: the unit separator of ASCII. No value holds a control character.
const BETWEEN: char = '\u{1f}';

impl Pair {
    /// The pair of two dimensions, in any order; `None` if they are the same, or one of them splits nothing.
    pub fn new(one: Dimension, other: Dimension) -> Option<Self> {
        let splits = |dimension| SPLITTING.contains(&dimension);
        (one != other && splits(one) && splits(other)).then(|| Self {
            first: one.min(other),
            second: one.max(other),
        })
    }

    /// Every pair.
    pub fn every() -> impl Iterator<Item = Self> {
        let from = |at: usize| SPLITTING.into_iter().skip(at + 1);
        (0..)
            .zip(SPLITTING)
            .flat_map(move |(at, one)| from(at).filter_map(move |other| Self::new(one, other)))
    }

    /// Both dimensions.
    pub const fn dimensions(self) -> (Dimension, Dimension) {
        (self.first, self.second)
    }

    /// The name in keys and in `by=`: `channel+tier`. Persisted: append only.
    pub fn name(self) -> String {
        format!("{}+{}", self.first.name(), self.second.name())
    }

    /// The pair of this name; only in the order in which [`name`](Self::name) writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        let (one, other) = name.split_once('+')?;
        let (one, other) = (Dimension::from_name(one)?, Dimension::from_name(other)?);
        Self::new(one, other).filter(|pair| pair.first == one)
    }

    /// One text for two values, to be the value of a cell's key. One text, one pair of values: cells sort by the first value,
    /// then the second.
    pub fn key(first: &str, second: &str) -> String {
        format!("{first}{BETWEEN}{second}")
    }

    /// The two values of a key.
    pub fn values(key: &str) -> Option<(&str, &str)> {
        key.split_once(BETWEEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn there_are_ten_pairs_and_their_names_are_kept() {
        let names: Vec<_> = Pair::every().map(Pair::name).collect();
        insta::assert_debug_snapshot!(names);
        for pair in Pair::every() {
            let (one, other) = pair.dimensions();
            assert_eq!(Pair::new(other, one), Some(pair));
            assert_eq!(Pair::from_name(&pair.name()), Some(pair));
            assert_eq!(
                Pair::from_name(&format!("{}+{}", other.name(), one.name())),
                None
            );
        }
        for (one, other) in [
            (Dimension::All, Dimension::Tier),
            (Dimension::Survey, Dimension::Tier),
            (Dimension::Tier, Dimension::Tier),
        ] {
            assert_eq!(Pair::new(one, other), None);
        }
        for no in ["", "tier", "tier+", "channel+tier+locale", "all+tier"] {
            assert_eq!(Pair::from_name(no), None, "{no}");
        }
    }

    proptest! {
        #[test]
        fn one_key_one_pair_of_values(a in "[^\\p{Cc}]{0,20}", b in "[^\\p{Cc}]{0,20}") {
            let key = Pair::key(&a, &b);
            prop_assert_eq!(Pair::values(&key), Some((a.as_str(), b.as_str())));
        }
    }
}
