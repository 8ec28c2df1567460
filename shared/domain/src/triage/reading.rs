//! Reads the words: finds the terms of both lexicons in a text and adds up what they mean.

use std::cmp::Reverse;
use std::sync::LazyLock;

use super::{Category, Severity, Touchpoint, lexicon_en, lexicon_zh};

/// What a term of a lexicon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Praise or blame, from -3 to 3.
    Tone(i8),
    /// Nothing: a phrase whose parts would mislead. Parts that say what it is about, or where, still do.
    Plain,
    /// Turns the tone of what follows.
    Not,
    /// From here on is what the customer came to say.
    But,
    /// A wish for something new or changed.
    Wish,
    /// Asks something.
    Ask,
    /// Says what it is about.
    About(Category),
    /// Slow: performance, or the experience of waiting, as the touchpoint has it.
    Slow,
    /// Says where it happened.
    At(Touchpoint),
    /// Says why it cannot wait.
    Severe(Severity),
}

/// A lexicon: terms by meaning.
pub(super) type Lexicon = &'static [(Meaning, &'static [&'static str])];

/// The terms of both lexicons, findable by the word (English) or character (Chinese) that they begin with.
///
/// Chains in one list instead of a map of lists, because it is made in every cold start: filling a `HashMap` took 1.3
/// million instructions, more than a TLS handshake.
struct Index {
    /// Where the chain of each slot begins.
    heads: [Option<u16>; SLOTS],
    terms: Vec<Term>,
}

struct Term {
    text: &'static str,
    meaning: Meaning,
    /// The next term whose first word or character has the same slot.
    next: Option<u16>,
}

/// As many as there are terms, about. A power of two.
const SLOTS: usize = 2048;

static INDEX: LazyLock<Index> = LazyLock::new(Index::of_both_lexicons);

impl Index {
    fn of_both_lexicons() -> Self {
        let mut index = Self {
            heads: [None; SLOTS],
            terms: Vec::with_capacity(SLOTS),
        };
        for &(meaning, terms) in lexicon_en::TERMS.iter().chain(lexicon_zh::TERMS) {
            for text in terms {
                let (head, at) = (
                    index.heads.get_mut(slot(first_unit(text))),
                    index.terms.len(),
                );
                let (Some(head), Ok(at)) = (head, u16::try_from(at)) else {
                    continue; // a test finds every term
                };
                let next = head.replace(at);
                index.terms.push(Term {
                    text,
                    meaning,
                    next,
                });
            }
        }
        index
    }

    /// The terms that begin here, the longest first. `unit` is the first of the text.
    fn beginning(&self, unit: &str, text: &str) -> Vec<(&'static str, Meaning)> {
        let mut found = Vec::new();
        let mut next = self.heads.get(slot(unit)).copied().flatten();
        while let Some(term) = next.and_then(|at| self.terms.get(usize::from(at))) {
            if begins(text, term.text) {
                found.push((term.text, term.meaning));
            }
            next = term.next;
        }
        // As the lexicons have it; a word that both blames and negates ("wont") must not turn its own blame.
        found.reverse();
        found.sort_by_key(|(term, meaning)| (Reverse(term.len()), *meaning == Meaning::Not));
        found
    }
}

/// Where a word or character has its chain.
fn slot(unit: &str) -> usize {
    let hash = |hash: usize, byte: u8| hash.wrapping_mul(31).wrapping_add(byte.into());
    unit.bytes().fold(0, hash) % SLOTS
}

/// How far a negation reaches, in words or Chinese characters.
const REACH: u8 = 4;

/// What the words of a text say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// The weight of praise.
    pub(super) good: i32,
    /// The weight of blame.
    pub(super) bad: i32,
    /// Whether it wishes for something.
    pub(super) wishes: bool,
    /// Whether it asks something.
    pub(super) asks: bool,
    about: Counts<Category>,
    at: Counts<Touchpoint>,
    slow: u32,
    severe: Option<Severity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Counts<T>(Vec<(T, u32)>);

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Ord> Counts<T> {
    fn add(&mut self, item: T) {
        match self.0.iter_mut().find(|(i, _)| *i == item) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((item, 1)),
        }
    }

    /// The one with most mentions; of equals the later in the order of the enum.
    fn most(&self) -> Option<T> {
        self.0
            .iter()
            .copied()
            .max_by_key(|&(item, count)| (count, item))
            .map(|(item, _)| item)
    }
}

impl Reading {
    /// Reads a text of any length, in time proportional to it.
    pub(super) fn of(text: &str) -> Self {
        let text = normal(text);
        let mut reading = Self::default();
        let mut scan = Scan::default();
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let unit = first_unit(rest);
            let (_, after) = rest.split_at(unit.len());
            let found = INDEX.beginning(unit, rest);
            reading.take(&found, text.len() - rest.len(), &mut scan);
            if is_word(c) {
                scan.reach = scan.reach.saturating_sub(1);
            } else if ends_clause(c) {
                scan.reach = 0;
                // In an address the mark is followed by a parameter.
                reading.asks |=
                    c == '?' && !after.starts_with(|next: char| next.is_ascii_alphanumeric());
            }
            rest = after;
        }
        reading
    }

    fn take(&mut self, found: &[(&'static str, Meaning)], at: usize, scan: &mut Scan) {
        let within = at < scan.plain_until;
        let (mut longest, mut longest_plain) = (0, 0);
        for &(term, meaning) in found {
            let end = at + term.len();
            let plain = within || term.len() < longest_plain;
            // Of several tones that begin here the longest is meant, and its parts mean nothing by themselves.
            let toned = plain || (at < scan.toned_until && longest != term.len());
            match meaning {
                Meaning::Tone(_) | Meaning::Not | Meaning::Plain if toned => {}
                Meaning::Tone(tone) => {
                    (scan.toned_until, longest) = (end, term.len());
                    self.tone_of(i32::from(tone), scan.reach > 0);
                }
                Meaning::Plain => {
                    (scan.toned_until, scan.plain_until) = (end, end);
                    (longest, longest_plain) = (term.len(), term.len());
                }
                Meaning::Not => {
                    (scan.toned_until, longest) = (end, term.len());
                    // The words of the negation itself are counted down too.
                    let own = term.chars().filter(|c| !is_latin(*c)).count().max(1);
                    scan.reach = REACH.saturating_add(u8::try_from(own).unwrap_or(1));
                }
                Meaning::But => scan.reach = 0,
                Meaning::Wish if !plain => self.wishes = true,
                Meaning::Ask if !plain => self.asks = true,
                Meaning::Wish | Meaning::Ask => {}
                Meaning::About(category) => self.about.add(category),
                Meaning::Slow => self.slow = self.slow.saturating_add(1),
                Meaning::At(touchpoint) => self.at.add(touchpoint),
                Meaning::Severe(severity) if scan.reach == 0 && !plain => {
                    self.severe = Some(self.severe.map_or(severity, |s| s.min(severity)));
                }
                Meaning::Severe(_) => {}
            }
        }
    }

    fn tone_of(&mut self, tone: i32, negated: bool) {
        let tone = match (negated, tone) {
            (false, _) => tone,
            // "Not good" is blame; "not bad" is faint praise.
            (true, 1..) => -tone,
            (true, _) => i32::from(tone < 0),
        };
        self.good = self.good.saturating_add(tone.max(0));
        self.bad = self.bad.saturating_add(tone.min(0).saturating_neg());
    }

    /// Praise less blame.
    pub(super) fn tone(&self) -> i32 {
        self.good.saturating_sub(self.bad)
    }

    /// The gravest severity signal.
    pub(super) fn severity(&self) -> Option<Severity> {
        self.severe
    }

    /// Where most of it happened.
    pub(super) fn touchpoint(&self) -> Option<Touchpoint> {
        self.at.most()
    }

    /// What most of it is about, if it happened there.
    pub(super) fn category(&self, touchpoint: Option<Touchpoint>) -> Category {
        let mut about = self.about.clone();
        let people = touchpoint.is_some_and(|t| t != Touchpoint::Product);
        for _ in 0..self.slow.min(9) {
            about.add(if people {
                Category::Experience
            } else {
                Category::Performance
            });
        }
        // A complaint that only says where it happened, among people, is about how it was.
        about.most().unwrap_or(if people && self.bad > 0 {
            Category::Experience
        } else {
            Category::Other
        })
    }
}

#[derive(Debug, Default)]
struct Scan {
    /// Words or characters that a negation still reaches.
    reach: u8,
    /// Where the last tone ends, in bytes.
    toned_until: usize,
    /// Where the last phrase ends whose parts mean nothing.
    plain_until: usize,
}

/// Lower case, without apostrophes, full-width marks made plain, white space single.
fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            // People leave them out: "cant", "doesnt".
            '\'' | '’' | '‘' | '`' => {}
            '？' => out.push('?'),
            '！' => out.push('!'),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// The word at the beginning of a text, or its first character if that is not a Latin letter or digit.
fn first_unit(text: &str) -> &str {
    let end = match text.find(|c: char| !is_latin(c)) {
        Some(0) => text.chars().next().map_or(0, char::len_utf8),
        Some(end) => end,
        None => text.len(),
    };
    text.split_at(end).0
}

/// Whether a term stands at the beginning of a text, and as a word if it ends in a Latin letter.
fn begins(text: &str, term: &str) -> bool {
    text.strip_prefix(term)
        .is_some_and(|after| !(term.ends_with(is_latin) && after.starts_with(is_latin)))
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

fn ends_clause(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '\n'
            | '。'
            | '，'
            | '；'
            | '：'
            | '、'
            | '…'
            | '~'
            | '～'
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_term_can_be_found() {
        for &(meaning, terms) in lexicon_en::TERMS.iter().chain(lexicon_zh::TERMS) {
            for &term in terms {
                assert_eq!(normal(term), term, "a text is read in this form");
                let found = INDEX.beginning(first_unit(term), term);
                assert!(found.contains(&(term, meaning)), "{term}");
            }
        }
    }

    #[test]
    fn no_term_has_two_tones() {
        let mut seen = HashMap::new();
        for &(meaning, terms) in lexicon_en::TERMS.iter().chain(lexicon_zh::TERMS) {
            if !matches!(meaning, Meaning::Tone(_) | Meaning::Plain) {
                continue;
            }
            for &term in terms {
                assert_eq!(seen.insert(term, meaning), None, "{term}");
            }
        }
    }

    #[test]
    fn negation_turns_what_follows_in_its_clause() {
        for (text, tone) in [
            ("good", 2),
            ("not good", -2),
            ("this is not a very good product", -2),
            ("not today, good", 2),
            ("good, not", 2),
            ("不好", -2),
            ("不是很满意", -3),
            ("没有不满意", 1),
            ("不仅好", 1),
            ("goodness", 0),
        ] {
            assert_eq!(Reading::of(text).tone(), tone, "{text}");
        }
    }

    #[test]
    fn a_question_mark_in_an_address_asks_nothing() {
        assert!(!Reading::of("https://a.example/?q=1").asks);
        assert!(
            Reading::of("在吗？在").asks
                && Reading::of("Really? Yes").asks
                && Reading::of("“在？”").asks
        );
    }
}
