//! The two languages everything is written in.

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// A language that customers and staff are addressed in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Locale {
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[default]
    #[serde(rename = "en")]
    En,
}

impl Locale {
    /// The BCP 47 tag, as in `lang` attributes and stored items.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// The language of a BCP 47 tag, by its primary subtag; `None` if it is neither Chinese nor English.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Language::from_tag(tag).map(Language::locale)
    }

    /// The best of our languages for an `Accept-Language` header (RFC 9110, 12.5.4); `None` if it names neither.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        Language::from_accept_language(header).map(Language::locale)
    }

    /// The language most of a text is in: Chinese if it has at least as many Han characters as Latin words, English if
    /// it has more words; `None` if it has neither, or is Japanese or Korean.
    pub fn of_text(text: &str) -> Option<Self> {
        let (mut han, mut words, mut in_word) = (0_usize, 0_usize, false);
        for c in text.chars() {
            match c {
                '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}' => {
                    han += 1
                }
                // Kana and Hangul: the Han characters around them are not Chinese.
                '\u{3041}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' => return None,
                _ => {}
            }
            let letter = c.is_ascii_alphabetic();
            words += usize::from(letter && !in_word);
            in_word = letter;
        }
        match (han, words) {
            (0, 0) => None,
            _ if han >= words => Some(Self::ZhCn),
            _ => Some(Self::En),
        }
    }

    /// Chooses the text in this language.
    pub const fn choose<'a>(self, zh_cn: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::ZhCn => zh_cn,
            Self::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_language_we_speak_wins() {
        for (header, expected) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Locale::ZhCn)),
            ("fr, en;q=0.3, zh;q=0.7", Some(Locale::ZhCn)),
            ("en-GB", Some(Locale::En)),
            ("zh;q=0, en;q=0.1", Some(Locale::En)),
            ("de, *", None),
            ("", None),
            (";;,q=,en;q=x", None),
        ] {
            assert_eq!(Locale::from_accept_language(header), expected, "{header}");
        }
    }

    #[test]
    fn the_language_of_a_text_is_that_of_most_of_it() {
        for (text, expected) in [
            ("物流太慢", Some(Locale::ZhCn)),
            ("The app 很慢", Some(Locale::ZhCn)),
            (
                "Please tell 小王 that the new app crashes",
                Some(Locale::En),
            ),
            ("App 一直闪退", Some(Locale::ZhCn)),
            ("ありがとう、品質", None),
            ("감사합니다", None),
            ("👍 10/10", None),
            ("", None),
        ] {
            assert_eq!(Locale::of_text(text), expected, "{text}");
        }
    }
}
