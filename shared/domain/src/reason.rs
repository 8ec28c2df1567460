//! The reason that a customer is given when the answer is no.
//!
//! There is no reason by default, anywhere: whoever declines writes one. Whether it is a good one only people can tell;
//! what can be told here is that it is not even a sentence: a code, a label or a word.

use std::collections::BTreeSet;

/// What a reason needs at least, in letters of scripts without capitals, such as Han; a word of a script with capitals
/// counts as [`WORD`]. So eight characters of Chinese are enough, and four words of English, which the usual labels
/// (`WONTFIX`, "out of scope", "works as designed", "不予处理") are not.
const LEAST: usize = 8;
/// How many letters of Chinese a word of English stands for.
const WORD: usize = 2;

/// Whether a reason reads as a sentence that a person wrote to a person: enough different words or characters. Tokens with
/// digits or underscores (`DUP-123`, `not_planned`) are codes and count for nothing.
pub fn reads_as_sentence(text: &str) -> bool {
    let mut letters = BTreeSet::new();
    let mut words = BTreeSet::new();
    for token in text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '\'' | '’')))
    {
        letters.extend(token.chars().filter(|c| c.is_alphabetic() && !is_cased(*c)));
        let is_code = token.chars().any(|c| c == '_' || c.is_numeric());
        if !is_code && token.chars().any(is_cased) {
            words.insert(token.to_lowercase());
        }
    }
    letters.len() + WORD * words.len() >= LEAST
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_or_a_label_is_no_reason() {
        for text in [
            "",
            "no",
            "WONTFIX",
            "won't fix",
            "Works as designed.",
            "out of scope",
            "not_planned for now",
            "DUP-123, see JIRA-77 and P3 S4 X9",
            "no no no no no",
            "No! NO, no… nO",
            "不",
            "不予处理",
            "不不不不不不不不不",
            "2026-11-22 12:00 #4711",
            "👎👎👎👎👎👎👎👎",
            "........................",
        ] {
            assert!(!reads_as_sentence(text), "{text}");
        }
    }

    #[test]
    fn a_sentence_is() {
        for text in [
            "We do not sell it any more.",
            "WE DO NOT SELL IT",
            "该型号已停产，无法再提供配件。",
            "iOS 12 已不再支持，请升级系统。",
            "この機能は提供していません。",
            "죄송하지만 지원하지 않습니다.",
            "لا نستطيع ذلك للأسف",
            "Das können wir leider nicht.",
            "Sorry: v2.1 of it is the last.",
        ] {
            assert!(reads_as_sentence(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn more_words_never_make_it_worse(text in any::<String>(), more in any::<String>()) {
            if reads_as_sentence(&text) {
                let longer = format!("{text} {more}");
                prop_assert!(reads_as_sentence(&longer));
            }
        }
    }
}
