//! What the tallies of a day are broken down by.

use serde::{Deserialize, Serialize};

use super::Dimension;
use crate::nps::Pair;

/// What the tallies of a day are broken down by: a dimension, or two of them at once. Of each cut, a day has one cell for
/// each value. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Cut {
    /// The values of one dimension.
    One(Dimension),
    /// Both values of a pair; a cell is called by [`Pair::key`].
    Two(Pair),
}

/// A text that names no cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no dimension, and no pair of dimensions, has this name")]
pub struct UnknownCut;

impl Cut {
    /// Everything of a survey, in one cell.
    pub const ALL: Self = Self::One(Dimension::All);

    /// Every cut.
    pub fn every() -> impl Iterator<Item = Self> {
        let ones = Dimension::EVERY.into_iter().map(Self::One);
        ones.chain(Pair::every().map(Self::Two))
    }

    /// The name in keys and in `by=`: `channel`, or `channel+tier`.
    pub fn name(self) -> String {
        match self {
            Self::One(dimension) => dimension.name().to_owned(),
            Self::Two(pair) => pair.name(),
        }
    }

    /// The cut of this name; of a pair, only in the order in which [`name`](Self::name) writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        let one = Dimension::from_name(name).map(Self::One);
        one.or_else(|| Pair::from_name(name).map(Self::Two))
    }
}

impl From<Dimension> for Cut {
    fn from(dimension: Dimension) -> Self {
        Self::One(dimension)
    }
}

impl From<Pair> for Cut {
    fn from(pair: Pair) -> Self {
        Self::Two(pair)
    }
}

impl From<Cut> for String {
    fn from(cut: Cut) -> Self {
        cut.name()
    }
}

impl TryFrom<String> for Cut {
    type Error = UnknownCut;

    fn try_from(name: String) -> Result<Self, UnknownCut> {
        Self::from_name(&name).ok_or(UnknownCut)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cut_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Cut::every().map(Cut::name).collect();
        assert_eq!(names.len(), Dimension::EVERY.len() + 10);
        for cut in Cut::every() {
            assert_eq!(Cut::from_name(&cut.name()), Some(cut));
            let text = serde_json::to_string(&cut).unwrap();
            assert_eq!(text, format!("\"{}\"", cut.name()));
            assert_eq!(serde_json::from_str::<Cut>(&text).unwrap(), cut);
        }
        for no in ["", "day", "tier+channel", "all+tier", "category+tier"] {
            assert!(serde_json::from_str::<Cut>(&format!("\"{no}\"")).is_err());
        }
    }
}
