//! How long a text message is: in which alphabet it travels, and in how many parts.
//!
//! A part holds 140 octets. Where every character is in the default alphabet of GSM that is 160 characters of seven
//! bits, else 70 code units of UTF-16. Several parts each give six octets to the header that joins them again, which
//! leaves 153 and 67. Sources: 3GPP TS 23.038 (6.2.1, the alphabet and its extension), 3GPP TS 23.040 (9.2.3.24.1, the
//! header). A character that takes two units is not divided between two parts.

/// The alphabet that a text travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The default alphabet of GSM 03.38, seven bits a unit.
    Gsm7,
    /// UTF-16, which the standards call UCS-2; sixteen bits a unit.
    Ucs2,
}

/// How long a text is as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its alphabet: the shorter one, if every character is in it.
    pub encoding: Encoding,
    /// The length in units of the alphabet.
    pub units: usize,
    /// In how many parts it is sent, and charged; 1 for an empty text.
    pub parts: usize,
}

impl Encoding {
    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm-7",
            Self::Ucs2 => "ucs-2",
        }
    }

    /// The units that a message of one part holds.
    pub const fn single(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// The units that each part of a longer one holds.
    pub const fn joined(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// The units of a character; `None` if it is not in the alphabet.
    const fn units(self, c: char) -> Option<usize> {
        match self {
            Self::Gsm7 => gsm7_units(c),
            Self::Ucs2 => Some(c.len_utf16()),
        }
    }
}

/// The units of a character in the default alphabet: two for those of the extension, which an escape goes before.
const fn gsm7_units(c: char) -> Option<usize> {
    match c {
        'A'..='Z'
        | 'a'..='z'
        | '0'..='9'
        | '\n'
        | '\r'
        | ' '..='#'
        | '%'..='?'
        | '$'
        | '@'
        | '_'
        | '£'
        | '¥'
        | 'è'
        | 'é'
        | 'ù'
        | 'ì'
        | 'ò'
        | 'Ç'
        | 'Ø'
        | 'ø'
        | 'Å'
        | 'å'
        | 'Δ'
        | 'Φ'
        | 'Γ'
        | 'Λ'
        | 'Ω'
        | 'Π'
        | 'Ψ'
        | 'Σ'
        | 'Θ'
        | 'Ξ'
        | 'Æ'
        | 'æ'
        | 'ß'
        | 'É'
        | '¤'
        | '¡'
        | 'Ä'
        | 'Ö'
        | 'Ñ'
        | 'Ü'
        | '§'
        | '¿'
        | 'ä'
        | 'ö'
        | 'ñ'
        | 'ü'
        | 'à' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

/// How long a text is as a message.
pub fn size(text: &str) -> Size {
    let is_gsm7 = text.chars().all(|c| gsm7_units(c).is_some());
    let encoding = match is_gsm7 {
        true => Encoding::Gsm7,
        false => Encoding::Ucs2,
    };
    let units = || text.chars().filter_map(|c| encoding.units(c));
    let total = units().sum();
    if total <= encoding.single() {
        return Size {
            encoding,
            units: total,
            parts: 1,
        };
    }
    let (mut parts, mut room) = (1, encoding.joined());
    for units in units() {
        if units > room {
            parts += 1;
            room = encoding.joined();
        }
        room -= units;
    }
    Size {
        encoding,
        units: total,
        parts,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (Encoding, usize, usize) {
        let size = size(text);
        (size.encoding, size.units, size.parts)
    }

    #[test]
    fn parts_begin_where_the_standard_says() {
        use Encoding::{Gsm7, Ucs2};
        for (text, expected) in [
            (String::new(), (Gsm7, 0, 1)),
            ("a".repeat(160), (Gsm7, 160, 1)),
            ("a".repeat(161), (Gsm7, 161, 2)),
            ("a".repeat(2 * 153), (Gsm7, 306, 2)),
            ("a".repeat(2 * 153 + 1), (Gsm7, 307, 3)),
            ("好".repeat(70), (Ucs2, 70, 1)),
            ("好".repeat(71), (Ucs2, 71, 2)),
            ("好".repeat(2 * 67), (Ucs2, 134, 2)),
            ("好".repeat(2 * 67 + 1), (Ucs2, 135, 3)),
            // One character outside of the alphabet makes all of them wide.
            (format!("{}’", "a".repeat(69)), (Ucs2, 70, 1)),
            (format!("{}’", "a".repeat(70)), (Ucs2, 71, 2)),
            // Each of the extension takes two.
            ("€".repeat(80), (Gsm7, 160, 1)),
            (format!("{}a", "€".repeat(80)), (Gsm7, 161, 2)),
            // 153 is odd: the last unit of a part stays empty rather than divide one.
            ("€".repeat(2 * 76), (Gsm7, 304, 2)),
            ("€".repeat(2 * 76 + 1), (Gsm7, 306, 3)),
            (format!("a{}", "€".repeat(2 * 76)), (Gsm7, 305, 2)),
            // 😀 is a surrogate pair, and 67 is odd too.
            ("😀".repeat(35), (Ucs2, 70, 1)),
            ("😀".repeat(36), (Ucs2, 72, 2)),
            ("😀".repeat(2 * 33), (Ucs2, 132, 2)),
            ("😀".repeat(2 * 33 + 1), (Ucs2, 134, 3)),
            (format!("好{}", "😀".repeat(2 * 33)), (Ucs2, 133, 2)),
        ] {
            assert_eq!(parts(&text), expected, "{text}");
        }
    }

    #[test]
    fn the_alphabet_is_the_published_one() {
        let basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
        assert_eq!(basic.chars().count(), 127, "the escape is no character");
        assert!(basic.chars().all(|c| gsm7_units(c) == Some(1)));
        let extension = "\u{c}^{}\\[~]|€";
        assert!(extension.chars().all(|c| gsm7_units(c) == Some(2)));
        let all = ('\0'..=char::MAX).filter(|c| gsm7_units(*c).is_some());
        assert_eq!(all.count(), 127 + 10);
    }

    proptest! {
        #[test]
        fn parts_hold_the_text_and_no_fewer_would(text in "(?s).{0,500}") {
            let size = size(&text);
            let (single, joined) = (size.encoding.single(), size.encoding.joined());
            prop_assert_eq!(size.parts == 1, size.units <= single);
            if size.parts > 1 {
                prop_assert!(size.units <= size.parts * joined);
                // At most one unit of each part is left empty.
                prop_assert!(size.units > (size.parts - 1) * (joined - 1));
            }
        }
    }
}
