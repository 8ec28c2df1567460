//! Scores a customer can give. A question that was skipped has no score; it is never a zero.

use serde::{Deserialize, Serialize};

/// A number outside the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("outside the scale")]
pub struct OffScale;

macro_rules! scale {
    ($(#[$doc:meta])* $name:ident, $low:literal, $high:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u8", try_from = "u8")]
        pub struct $name(u8);

        impl $name {
            /// The lowest score.
            pub const LOW: u8 = $low;
            /// The highest score.
            pub const HIGH: u8 = $high;

            /// The score, as a number on the scale.
            pub const fn get(self) -> u8 {
                self.0
            }
        }

        impl TryFrom<u8> for $name {
            type Error = OffScale;

            fn try_from(n: u8) -> Result<Self, OffScale> {
                (Self::LOW..=Self::HIGH).contains(&n).then_some(Self(n)).ok_or(OffScale)
            }
        }

        impl From<$name> for u8 {
            fn from(score: $name) -> u8 {
                score.0
            }
        }
    };
}

scale!(
    /// "How likely are you to recommend us?", 0 to 10.
    Nps, 0, 10
);
scale!(
    /// "How satisfied are you?", 1 to 5.
    Csat, 1, 5
);
scale!(
    /// "We made it easy" (customer effort score), 1 to 7.
    Ces, 1, 7
);

/// What an NPS score says of the customer. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// 9 or 10.
    Promoter,
    /// 7 or 8.
    Passive,
    /// 0 to 6.
    Detractor,
}

impl Nps {
    /// The standing of a customer who gave this score.
    pub const fn standing(self) -> Standing {
        match self.0 {
            9.. => Standing::Promoter,
            7 | 8 => Standing::Passive,
            _ => Standing::Detractor,
        }
    }
}

/// The scores of one response; each question may have been skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scores {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expect(missing_docs, reason = "the type says it")]
    pub nps: Option<Nps>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expect(missing_docs, reason = "the type says it")]
    pub csat: Option<Csat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[expect(missing_docs, reason = "the type says it")]
    pub ces: Option<Ces>,
}

impl Scores {
    /// Whether every question was skipped.
    pub const fn is_empty(self) -> bool {
        self.nps.is_none() && self.csat.is_none() && self.ces.is_none()
    }

    /// Whether any score alone says that the customer is unhappy: NPS 0-6, CSAT 1-2, CES 1-3.
    pub fn unhappy(self) -> bool {
        self.nps
            .is_some_and(|s| s.standing() == Standing::Detractor)
            || self.csat.is_some_and(|s| s.get() <= 2)
            || self.ces.is_some_and(|s| s.get() <= 3)
    }

    /// Whether any score says that the customer is happy, and none that they are not: NPS 9-10, CSAT 4-5, CES 6-7.
    pub fn happy(self) -> bool {
        !self.unhappy()
            && (self.nps.is_some_and(|s| s.standing() == Standing::Promoter)
                || self.csat.is_some_and(|s| s.get() >= 4)
                || self.ces.is_some_and(|s| s.get() >= 6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scale_is_a_score() {
        for n in 0..=u8::MAX {
            assert_eq!(Nps::try_from(n).is_ok(), n <= 10);
            assert_eq!(Csat::try_from(n).is_ok(), (1..=5).contains(&n));
            assert_eq!(Ces::try_from(n).is_ok(), (1..=7).contains(&n));
        }
        assert!(serde_json::from_str::<Nps>("11").is_err());
        assert!(serde_json::from_str::<Csat>("0").is_err());
    }

    #[test]
    fn standings_follow_the_published_bands() {
        let standings: Vec<_> = (0..=10).map(|n| Nps(n).standing()).collect();
        assert!(standings[..=6].iter().all(|&s| s == Standing::Detractor));
        assert!(standings[7..=8].iter().all(|&s| s == Standing::Passive));
        assert!(standings[9..].iter().all(|&s| s == Standing::Promoter));
    }

    #[test]
    fn one_unhappy_score_is_enough_and_a_skipped_one_says_nothing() {
        let none = Scores::default();
        assert!(!none.unhappy() && !none.happy() && none.is_empty());
        let mixed = Scores {
            nps: Some(Nps(9)),
            csat: Some(Csat(2)),
            ces: None,
        };
        assert!(mixed.unhappy() && !mixed.happy());
        assert!(
            Scores {
                ces: Some(Ces(6)),
                ..none
            }
            .happy()
        );
        assert!(
            Scores {
                ces: Some(Ces(3)),
                ..none
            }
            .unhappy()
        );
    }
}
