//! Entity tags (RFC 9110, 8.8.3) and the preconditions made of them (13.1).

use std::fmt;
use std::str::FromStr;

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever there is.
    Any,
    /// One of these.
    Listed(Vec<Tag>),
}

/// One entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    weak: bool,
    opaque: String,
}

/// A text that is no list of entity tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of entity tags")]
pub struct Malformed;

impl Tags {
    /// Whether a tag is among these by the strong comparison: a weak one never is.
    pub fn match_strongly(&self, tag: impl fmt::Display) -> bool {
        let tag = tag.to_string();
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|t| !t.weak && t.opaque == tag),
        }
    }

    /// Whether one of these is of this version: the version itself, or followed by `-` and a hash of what was shown of it. By the
    /// strong comparison.
    pub fn match_version(&self, version: u32) -> bool {
        let version = version.to_string();
        let of_it = |tag: &Tag| !tag.weak && tag.opaque.split('-').next() == Some(&version);
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(of_it),
        }
    }

    /// Whether a tag is among these by the weak comparison.
    pub fn match_weakly(&self, tag: impl fmt::Display) -> bool {
        let tag = tag.to_string();
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|t| t.opaque == tag),
        }
    }
}

impl FromStr for Tags {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.trim_matches([' ', '\t']) == "*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text;
        loop {
            // Empty elements of a list are to be ignored.
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let quoted = rest.strip_prefix("W/");
            let weak = quoted.is_some();
            let opening = quoted.unwrap_or(rest).strip_prefix('"');
            let (opaque, after) = opening.and_then(|t| t.split_once('"')).ok_or(Malformed)?;
            if opaque.chars().any(|c| c == ' ' || c.is_control()) {
                return Err(Malformed);
            }
            tags.push(Tag {
                weak,
                opaque: opaque.to_owned(),
            });
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(Malformed);
            }
        }
        if tags.is_empty() {
            return Err(Malformed);
        }
        Ok(Self::Listed(tags))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tag_of_a_version_may_say_more() {
        for (text, matches) in [
            ("*", true),
            ("\"3\"", true),
            ("\"3-abc-d\"", true),
            ("\"2-3\", \"3-a\"", true),
            ("W/\"3-abc\"", false),
            ("\"33-abc\"", false),
            ("\"abc-3\"", false),
            ("\"-3\"", false),
        ] {
            assert_eq!(
                text.parse::<Tags>().unwrap().match_version(3),
                matches,
                "{text}"
            );
        }
    }

    #[test]
    fn lists_are_read_and_compared() {
        for (text, strong, weak) in [
            ("*", true, true),
            (" * ", true, true),
            ("\"3\"", true, true),
            ("\"2\", \"3\"", true, true),
            (",\"a,b\",,\"3\" ,", true, true),
            ("W/\"3\"", false, true),
            ("W/\"3\",\"3\"", true, true),
            ("\"33\"", false, false),
            ("\"\"", false, false),
            ("\"03\"", false, false),
        ] {
            let tags: Tags = text.parse().unwrap();
            assert_eq!(tags.match_strongly(3), strong, "{text}");
            assert_eq!(tags.match_weakly(3), weak, "{text}");
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in [
            "",
            " ",
            ",",
            "3",
            "\"3",
            "3\"",
            "\"3\"x",
            "\"3\" \"4\"",
            "w/\"3\"",
            "W/3",
            "\"a b\"",
            "*, \"3\"",
            "\"a\u{7f}\"",
        ] {
            assert_eq!(text.parse::<Tags>(), Err(Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ignored = text.parse::<Tags>();
        }
    }
}
