//! The languages that customers are written to in. Pages and staff have two ([`Locale`]); letters have three.

use serde::{Deserialize, Deserializer, Serialize};

use crate::locale::Locale;

/// A language that customers are written to in. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// Traditional Chinese, as it is written in Taiwan.
    #[serde(rename = "zh-TW")]
    ZhTw,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::ZhCn, Self::ZhTw, Self::En];

    /// The BCP 47 tag, as in `lang` attributes and stored items.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::ZhTw => "zh-TW",
            Self::En => "en",
        }
    }

    /// The language that a BCP 47 tag asks for; `None` if it is neither Chinese nor English. Chinese is traditional where
    /// the script says so, or, without one, the region: Taiwan, Hong Kong, Macau.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let mut subtags = tag.trim().split(['-', '_']);
        let primary = subtags.next()?;
        if primary.eq_ignore_ascii_case("en") {
            return Some(Self::En);
        }
        if !primary.eq_ignore_ascii_case("zh") {
            return None;
        }
        for subtag in subtags {
            let is = |name: &str| subtag.eq_ignore_ascii_case(name);
            if is("hans") {
                break;
            }
            if ["hant", "tw", "hk", "mo"].into_iter().any(is) {
                return Some(Self::ZhTw);
            }
        }
        Some(Self::ZhCn)
    }

    /// The best of our languages for an `Accept-Language` header (RFC 9110, 12.5.4); `None` if it names none.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',') {
            let mut parts = range.split(';');
            let Some(language) = parts.next().and_then(Self::from_tag) else {
                continue;
            };
            let quality = parts
                .find_map(|p| p.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            if quality > 0.0 && best.is_none_or(|(top, _)| quality > top) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// Which Chinese is offered to somebody who reads a page of theirs in English.
    pub const fn chinese(self) -> Self {
        match self {
            Self::ZhTw => Self::ZhTw,
            Self::ZhCn | Self::En => Self::ZhCn,
        }
    }

    /// The language of pages that is nearest.
    pub const fn locale(self) -> Locale {
        match self {
            Self::ZhCn | Self::ZhTw => Locale::ZhCn,
            Self::En => Locale::En,
        }
    }

    /// Chooses the text in this language.
    pub const fn choose<'a>(self, zh_cn: &'a str, zh_tw: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::ZhCn => zh_cn,
            Self::ZhTw => zh_tw,
            Self::En => en,
        }
    }
}

impl From<Locale> for Language {
    fn from(locale: Locale) -> Self {
        match locale {
            Locale::ZhCn => Self::ZhCn,
            Locale::En => Self::En,
        }
    }
}

/// Reads a kept language; `None` for one that only a newer version knows.
///
/// # Errors
/// Those of the format, if the value is neither text nor null.
pub fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Language>, D::Error> {
    let tag = Option::<String>::deserialize(from)?;
    Ok(tag.and_then(|tag| Language::ALL.into_iter().find(|known| known.tag() == tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_which_chinese() {
        for (tag, expected) in [
            ("zh-TW", Some(Language::ZhTw)),
            ("zh-Hant", Some(Language::ZhTw)),
            ("zh_HK", Some(Language::ZhTw)),
            ("ZH-hant-hk", Some(Language::ZhTw)),
            ("zh-mo", Some(Language::ZhTw)),
            ("zh-Hant-CN", Some(Language::ZhTw)),
            ("zh-Hans-TW", Some(Language::ZhCn)),
            ("zh-Hans", Some(Language::ZhCn)),
            ("zh", Some(Language::ZhCn)),
            ("zh-SG", Some(Language::ZhCn)),
            ("en-HK", Some(Language::En)),
            ("zhx-TW", None),
            ("ja", None),
            ("", None),
        ] {
            assert_eq!(Language::from_tag(tag), expected, "{tag}");
        }
        for language in Language::ALL {
            assert_eq!(Language::from_tag(language.tag()), Some(language));
            let name = serde_json::to_value(language).unwrap();
            assert_eq!(name, language.tag());
        }
    }

    #[test]
    fn the_strongest_language_we_write_wins() {
        for (header, expected) in [
            ("zh-TW,zh;q=0.9,en;q=0.8", Some(Language::ZhTw)),
            ("zh-CN, zh-TW;q=0.9", Some(Language::ZhCn)),
            ("fr, en;q=0.3, zh-Hant-HK;q=0.7", Some(Language::ZhTw)),
            ("zh-TW;q=0, en;q=0.1", Some(Language::En)),
            ("de, *", None),
        ] {
            assert_eq!(Language::from_accept_language(header), expected, "{header}");
        }
    }

    #[test]
    fn a_language_of_a_newer_version_is_passed_over() {
        #[derive(Deserialize)]
        struct Kept {
            #[serde(default, deserialize_with = "lenient")]
            language: Option<Language>,
        }
        for (text, expected) in [
            (r#"{"language":"zh-TW"}"#, Some(Language::ZhTw)),
            (r#"{"language":"ja"}"#, None),
            (r#"{"language":null}"#, None),
            ("{}", None),
        ] {
            let kept: Kept = serde_json::from_str(text).unwrap();
            assert_eq!(kept.language, expected, "{text}");
        }
    }
}
