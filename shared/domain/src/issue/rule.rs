//! Which responses belong to an issue by themselves: a closed set of conditions.

use serde::{Deserialize, Serialize};

use crate::response::Response;
use crate::tally::Counted;
use crate::triage::Category;

/// The most words of a rule.
pub const MAX_WORDS: usize = 50;

/// The most characters of a word, or of the name of a touchpoint or product.
pub const MAX_CHARS: usize = 100;

/// A rule: a response belongs to the issue if all conditions hold. At least one is given; see [`LinkRule::check`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkRule {
    /// What triage took it to be about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The touchpoint the sender named, else the one that triage found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// The product the sender named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Any of these is in the text, whatever the case and width of letters. A word of letters stands by itself: `app` is not in
    /// `happy`; one of Chinese characters may stand anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

/// What is wrong with a rule, and in which member. Names are published as codes: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// It has no condition, so that it would link everything.
    #[error("a rule needs a condition: category, touchpoint, product or words")]
    Empty,
    /// More words than [`MAX_WORDS`].
    #[error("a rule has at most {MAX_WORDS} words")]
    TooManyWords,
    /// A word or name that is blank, or longer than [`MAX_CHARS`].
    #[error("a word, touchpoint or product of a rule has 1 to {MAX_CHARS} visible characters")]
    Blank,
}

impl LinkRule {
    /// Whether the rule may be used.
    ///
    /// # Errors
    /// [`BadRule`]
    pub fn check(&self) -> Result<(), BadRule> {
        let Self {
            category,
            touchpoint,
            product,
            words,
        } = self;
        if category.is_none() && touchpoint.is_none() && product.is_none() && words.is_empty() {
            return Err(BadRule::Empty);
        }
        if words.len() > MAX_WORDS {
            return Err(BadRule::TooManyWords);
        }
        let mut texts = words.iter().chain(touchpoint).chain(product);
        let good = |text: &String| {
            text.chars().any(char::is_alphanumeric) && text.chars().nth(MAX_CHARS).is_none()
        };
        match texts.all(good) {
            true => Ok(()),
            false => Err(BadRule::Blank),
        }
    }

    /// Whether a response belongs to the issue. The rule of nothing takes nothing.
    pub fn takes(&self, response: &Response) -> bool {
        if self.check().is_err() {
            return false;
        }
        let counted = Counted::of(response);
        let same = |wanted: &Option<String>, found: &Option<String>| {
            wanted.is_none() || wanted.as_deref().map(fold) == found.as_deref().map(fold)
        };
        if self
            .category
            .is_some_and(|category| category != response.triage.category)
            || !same(&self.touchpoint, &counted.touchpoint)
            || !same(&self.product, &counted.product)
        {
            return false;
        }
        if self.words.is_empty() {
            return true;
        }
        let Some(text) = response.submission.text.as_deref().map(fold) else {
            return false;
        };
        self.words.iter().any(|word| stands_in(&fold(word), &text))
    }
}

/// The same text in small letters of one width, without blanks around it.
pub(crate) fn fold(text: &str) -> String {
    let narrow = text.chars().map(|c| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => u32::from(c)
            .checked_sub(0xfee0)
            .and_then(char::from_u32)
            .unwrap_or(c),
        _ => c,
    });
    let folded: String = narrow.flat_map(char::to_lowercase).collect();
    folded.trim().to_owned()
}

/// Whether a character is one of a script that puts no blanks between words.
pub(crate) const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn stands_in(word: &str, text: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !is_han(c));
    let (first, last) = (word.chars().next(), word.chars().next_back());
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + found.len()..)
            .and_then(|text| text.chars().next());
        let runs_on = (joins(before) && joins(first)) || (joins(last) && joins(after));
        !runs_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_of_letters_stands_by_itself_and_one_of_characters_anywhere() {
        for (word, text, stands) in [
            ("app", "the app crashes", true),
            ("app", "I am happy", false),
            ("app", "这个app崩溃了", true),
            ("APP", "ＡＰＰ打不开", true),
            ("late delivery", "Late delivery again", true),
            ("late delivery", "late  delivery", false),
            ("物流", "你们的物流太慢", true),
            ("2.4", "since 2.4.", true),
            ("2.4", "since 12.4", false),
            ("c++", "c++ sdk", true),
            ("é", "café é", true),
        ] {
            assert_eq!(
                stands_in(&fold(word), &fold(text)),
                stands,
                "{word} in {text}"
            );
        }
    }

    #[test]
    fn a_rule_has_a_condition_and_its_words_can_be_seen() {
        assert_eq!(LinkRule::default().check(), Err(BadRule::Empty));
        let words = |words: Vec<String>| LinkRule {
            words,
            ..LinkRule::default()
        };
        assert_eq!(words(vec!["慢".to_owned()]).check(), Ok(()));
        for bad in ["", " ", "!", &"x".repeat(101)] {
            assert_eq!(words(vec![bad.to_owned()]).check(), Err(BadRule::Blank));
        }
        assert_eq!(
            words(vec!["a".to_owned(); 51]).check(),
            Err(BadRule::TooManyWords)
        );
        let blank = LinkRule {
            product: Some(String::new()),
            ..LinkRule::default()
        };
        assert_eq!(blank.check(), Err(BadRule::Blank));
    }

    proptest! {
        #[test]
        fn any_text_can_be_searched(word in ".{1,5}", before in ".{0,10}", after in ".{0,10}") {
            let word = fold(&word);
            prop_assume!(!word.is_empty());
            let _any = stands_in(&word, &fold(&before));
            let apart = format!("{before} {word} {after}");
            prop_assert!(stands_in(&word, &apart));
        }
    }
}
