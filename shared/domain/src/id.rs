//! Identity: 128 bits, written as 26 characters of Crockford's base 32.
//!
//! Ids are derived outside the model (from an idempotency key or a request id) and passed in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 26 characters of 0-9 and A-Z without I, L, O, U are expected")]
pub struct InvalidId;

/// Identifies a [`Response`](crate::response::Response).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ResponseId(u128);

/// Identifies a [`Case`](crate::case::Case). A response opens at most one case, and the case bears its id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CaseId(u128);

/// Identifies what a risk rule is about (a customer, a product, a survey) without naming it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SubjectId(u128);

/// Identifies an [`Issue`](crate::issue::Issue).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct IssueId(u128);

/// Identifies an [`Improvement`](crate::issue::Improvement).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ImprovementId(u128);

/// Stands for an address, as one medium writes it, where nobody is to read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ContactId(u128);

/// A lot that an address draws: of several addresses those with the lowest are picked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Lot(u128);

impl ResponseId {
    /// The id with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits of the id, for choosing a shard.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The case that this response opened, if it opened one.
    pub const fn case(self) -> CaseId {
        CaseId(self.0)
    }

    /// The short form people read out on the phone: `R-` and the last ten characters of the id in two groups.
    ///
    /// Fifty bits: among a million responses the chance that any two share one is about one in two thousand;
    /// it names a response to a person and is never a key.
    pub fn reference(self) -> String {
        let text = encode(self.0 & ((1 << 50) - 1));
        let (_, tail) = text.split_at(LENGTH - 10);
        let (head, rest) = tail.split_at(5);
        format!("R-{head}-{rest}")
    }
}

impl CaseId {
    /// The id with these bits: of a task, which no response opens. That of a response's case is
    /// [`ResponseId::case`].
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits of the id, for choosing a shard.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The response that opened this case. There is none of this id if it is a task.
    pub const fn response(self) -> ResponseId {
        ResponseId(self.0)
    }
}

impl SubjectId {
    /// The id with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl IssueId {
    /// The id with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl ImprovementId {
    /// The id with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl ContactId {
    /// The id with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits of the id, for choosing a shard.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl Lot {
    /// The lot with these bits: a number as high.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

fn encode(bits: u128) -> String {
    (0..LENGTH)
        .rev()
        .filter_map(|i| ALPHABET.get(((bits >> (5 * i)) & 31) as usize))
        .map(|&byte| char::from(byte))
        .collect()
}

fn decode(text: &str) -> Result<u128, InvalidId> {
    if text.len() != LENGTH {
        return Err(InvalidId);
    }
    let mut bits: u128 = 0;
    for (i, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&a| a == byte).ok_or(InvalidId)? as u128;
        // 26 characters hold 130 bits; the first may only carry the lowest three of its five.
        if i == 0 && digit > 7 {
            return Err(InvalidId);
        }
        bits = (bits << 5) | digit;
    }
    Ok(bits)
}

macro_rules! textual {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode(self.0))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $id {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode(text).map(Self)
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $id {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
    };
}

textual!(ResponseId);
textual!(CaseId);
textual!(SubjectId);
textual!(IssueId);
textual!(ImprovementId);
textual!(ContactId);
textual!(Lot);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_bits_round_trip(bits: u128) {
            let id = ResponseId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse::<ResponseId>(), Ok(id));
        }

        #[test]
        fn texts_of_lots_are_in_the_order_of_the_lots(a: u128, b: u128) {
            let (a, b) = (Lot::from_bits(a), Lot::from_bits(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn any_text_is_an_id_or_refused(text in ".{0,40}") {
            if let Ok(id) = text.parse::<CaseId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn reference_is_short_and_part_of_the_id() {
        let id = ResponseId::from_bits(u128::MAX);
        assert_eq!(id.to_string(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(id.reference(), "R-ZZZZZ-ZZZZZ");
    }
}
