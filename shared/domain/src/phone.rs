//! Phone numbers as a network wants them.
//!
//! People write numbers for people: with blanks, without the country, with the zero that is dialled at home. What is
//! made of that here is right or it is not made at all: a message to a wrong number tells a stranger. So only the forms
//! below are understood; a number in none of them is told to a person as it was written.

use std::fmt;
use std::str::FromStr;

/// The most digits of a number, its country included (ITU-T E.164, 6.2).
const MOST: usize = 15;
/// The fewest that anybody is called by from abroad.
const FEWEST: usize = 8;

/// A number that is the same from everywhere: `+`, the country and the number in it.
#[derive(Clone, PartialEq, Eq)]
pub struct E164(String);

/// Why a text is not a number that can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number that is known to be complete")]
pub struct InvalidPhone;

/// The calling code of a country, such as 86.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Country(String);

/// Why a text is not a calling code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one to three digits are expected, such as 86")]
pub struct InvalidCountry;

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let sound = (1..=3).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        match sound {
            true => Ok(Self(digits.to_owned())),
            false => Err(InvalidCountry),
        }
    }
}

impl Country {
    /// The whole number of a subscriber, as it is dialled within this country, country first; `None` if it cannot be
    /// one. The rules are those of the national numbering plans that the ITU publishes (E.129).
    fn complete(&self, dialled: &str) -> Option<String> {
        let number = match self.0.as_str() {
            "1" => {
                let number = dialled.strip_prefix('1').unwrap_or(dialled);
                let is_whole = number.len() == 10 && !number.starts_with(['0', '1']);
                is_whole.then_some(number)?
            }
            // Mobile numbers alone get messages; they are dialled without a zero, and often written with the country.
            "86" => {
                let number = match dialled.len() {
                    13 => dialled.strip_prefix("86")?,
                    _ => dialled,
                };
                (number.len() == 11 && number.starts_with('1')).then_some(number)?
            }
            "7" => {
                let number = match dialled.len() {
                    11 => dialled.strip_prefix(['7', '8'])?,
                    _ => dialled,
                };
                (number.len() == 10).then_some(number)?
            }
            "36" => dialled.strip_prefix("06").unwrap_or(dialled),
            // Here the zero is part of the number.
            "39" | "225" | "229" | "241" | "242" | "378" => dialled,
            _ => dialled.strip_prefix('0').unwrap_or(dialled),
        };
        Some(format!("{}{number}", self.0))
    }
}

impl E164 {
    /// Reads a number as somebody wrote it. Blanks, dots, hyphens, slashes and brackets divide it, and full-width forms
    /// are digits too. With `+` or `00` it begins with the country, and a zero in brackets is for callers at home;
    /// otherwise it is of `home`.
    ///
    /// # Errors
    /// [`InvalidPhone`] if it has anything else in it (an extension, a second number), begins with no country while
    /// there is no home, or has not the digits of a number.
    pub fn read(text: &str, home: Option<&Country>) -> Result<Self, InvalidPhone> {
        let plain: String = text.trim().chars().map(plain).collect();
        let is_abroad = plain.starts_with('+') || plain.starts_with("00");
        let kept = match is_abroad {
            true => plain.replacen("(0)", "", 1),
            false => plain,
        };
        let mut digits = String::new();
        for (at, c) in kept.char_indices() {
            match c {
                '0'..='9' => digits.push(c),
                '+' if at == 0 => {}
                ' ' | '.' | '-' | '/' | '(' | ')' => {}
                _ => return Err(InvalidPhone),
            }
        }
        let whole = match (kept.starts_with('+'), is_abroad, home) {
            (true, ..) => digits,
            (false, true, _) => digits
                .strip_prefix("00")
                .map(str::to_owned)
                .ok_or(InvalidPhone)?,
            (false, false, Some(home)) => home.complete(&digits).ok_or(InvalidPhone)?,
            (false, false, None) => return Err(InvalidPhone),
        };
        match (FEWEST..=MOST).contains(&whole.len()) && !whole.starts_with('0') {
            true => Ok(Self(format!("+{whole}"))),
            false => Err(InvalidPhone),
        }
    }

    /// `+` and the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hidden: a number is personal.
impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("E164(..)")
    }
}

/// A character in the form that this understands.
fn plain(c: char) -> char {
    match c {
        '\u{ff10}'..='\u{ff19}' => {
            char::from_u32(u32::from(c) - u32::from('\u{ff10}') + u32::from('0')).unwrap_or(c)
        }
        '＋' => '+',
        '（' => '(',
        '）' => ')',
        '\u{2010}'..='\u{2015}' | '－' => '-',
        '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => ' ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, home: &str) -> Option<String> {
        let home: Option<Country> = (!home.is_empty()).then(|| home.parse().unwrap());
        let number = E164::read(text, home.as_ref()).ok()?;
        Some(number.as_str().to_owned())
    }

    #[test]
    fn what_people_write_becomes_the_number() {
        for (text, home, expected) in [
            ("+86 138 0013 8000", "", "+8613800138000"),
            ("0086-138-0013-8000", "49", "+8613800138000"),
            ("138 0013 8000", "86", "+8613800138000"),
            ("8613800138000", "86", "+8613800138000"),
            ("１３８００１３８０００", "86", "+8613800138000"),
            ("＋８６（１３８）００１３８０００", "", "+8613800138000"),
            ("+49 (0)30 901820", "86", "+4930901820"),
            ("030/901820", "49", "+4930901820"),
            ("(020) 7946 0958", "44", "+442079460958"),
            ("(415) 555-2671", "1", "+14155552671"),
            ("1-415-555-2671", "1", "+14155552671"),
            ("8 912 345-67-89", "7", "+79123456789"),
            ("06 30 123 4567", "36", "+36301234567"),
            ("06 6982 1234", "39", "+390669821234"),
            ("+39 06 6982 1234", "", "+390669821234"),
            (" +1.415.555.2671 ", "", "+14155552671"),
            ("+44\u{a0}20\u{2011}7946\u{2009}0958", "", "+442079460958"),
        ] {
            assert_eq!(read(text, home).as_deref(), Some(expected), "{text} {home}");
        }
    }

    #[test]
    fn what_may_be_another_number_is_none() {
        for (text, home) in [
            ("", "86"),
            ("+", "86"),
            ("13800138000", ""),
            ("010 5555 0100", "86"),
            ("86138001380001", "86"),
            ("555-2671", "1"),
            ("115 555 2671", "1"),
            ("+0 138 0013 8000", "86"),
            ("+86 138 0013 8000 ext. 12", ""),
            ("+86 138 0013 8000 / +86 139 0013 9000", ""),
            ("+86 138 0013 8000, 8001", ""),
            ("13800138000转8", "86"),
            ("+8613800138000999", ""),
            ("+123456", ""),
            ("110", "86"),
            ("110", "49"),
            ("tel:+8613800138000", ""),
            ("+86+13800138000", ""),
            ("٠١٢٣٤٥٦٧٨٩", "20"),
            ("138\u{202e}00138000", "86"),
            ("138\n00138000", "86"),
        ] {
            assert_eq!(read(text, home), None, "{text:?} {home}");
        }
    }

    #[test]
    fn a_country_is_one_to_three_digits() {
        for code in ["86", "+86", "1", "852"] {
            assert!(code.parse::<Country>().is_ok(), "{code}");
        }
        for code in ["", "+", "086", "0", "8600", "CN", "８６"] {
            assert_eq!(code.parse::<Country>(), Err(InvalidCountry), "{code}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_a_number_and_reads_again(text in "[+0-9() ./-]{0,24}|.{0,24}", home in prop::option::of("[1-9][0-9]{0,2}")) {
            let home: Option<Country> = home.map(|code| code.parse().unwrap());
            if let Ok(number) = E164::read(&text, home.as_ref()) {
                let digits = number.as_str().strip_prefix('+').unwrap();
                prop_assert!((FEWEST..=MOST).contains(&digits.len()));
                prop_assert!(digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0'));
                prop_assert_eq!(E164::read(number.as_str(), None), Ok(number.clone()));
            }
        }
    }
}
