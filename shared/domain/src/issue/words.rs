//! What staff write about an issue: visible, bounded, and without a customer's number or address.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::privacy::mask_text;
use crate::submission::{breaks_line, clean};

/// Why staff's words are refused. Names are published as codes: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// Nothing of them can be seen.
    #[error("it is blank: write what somebody can read")]
    Blank,
    /// More characters than there may be.
    #[error("it is too long: shorten it")]
    TooLong,
    /// More than one line where one is expected.
    #[error("it must be one line")]
    Lines,
    /// They hold an e-mail address or a number that looks like a phone, a card or an identity card. Personal data stands in
    /// the response, from where it can be erased, and nowhere else.
    #[error("it holds personal data: leave out addresses and numbers of people")]
    Personal,
}

/// The title of an issue or an improvement: one line of 1 to [`MAX`](Self::MAX) characters. What was kept once is read
/// back as it is, however the rules may change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Title(String);

/// What somebody wrote down: 1 to [`MAX`](Self::MAX) characters, in several lines if they like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Note(String);

impl Title {
    /// The most characters.
    pub const MAX: usize = 120;

    /// This text as a title.
    ///
    /// # Errors
    /// [`BadWords`]
    pub fn new(text: &str) -> Result<Self, BadWords> {
        if text.trim().chars().any(breaks_line) {
            return Err(BadWords::Lines);
        }
        checked(text, Self::MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Note {
    /// The most characters.
    pub const MAX: usize = 2000;

    /// This text as a note.
    ///
    /// # Errors
    /// [`BadWords`]
    pub fn new(text: &str) -> Result<Self, BadWords> {
        checked(&clean(text), Self::MAX).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checked(text: &str, most: usize) -> Result<String, BadWords> {
    let text = text.trim();
    if !text.chars().any(char::is_alphanumeric) {
        return Err(BadWords::Blank);
    }
    if text.chars().nth(most).is_some() {
        return Err(BadWords::TooLong);
    }
    if mask_text(text) != text {
        return Err(BadWords::Personal);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_be_read_and_name_nobody() {
        assert_eq!(Title::new(" 物流太慢 ").unwrap().as_str(), "物流太慢");
        assert_eq!(Note::new("a\r\nb").unwrap().as_str(), "a\nb");
        for (text, fault) in [
            ("", BadWords::Blank),
            (" \u{200b}!", BadWords::Blank),
            ("a\nb", BadWords::Lines),
            (&"x".repeat(121), BadWords::TooLong),
            ("call 13800138000", BadWords::Personal),
            ("li.lei@example.com is angry", BadWords::Personal),
        ] {
            assert_eq!(Title::new(text), Err(fault), "{text:?}");
        }
        assert!(Title::new(&"路".repeat(120)).is_ok());
        assert_eq!(Note::new(&"x".repeat(2001)), Err(BadWords::TooLong));
        // A version, an order of magnitude and a date are no numbers of people.
        assert!(Note::new("shipped 2.4.1 to 12,000 users on 2026-11-21").is_ok());
    }
}
