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

/// What an NPS score says of the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
