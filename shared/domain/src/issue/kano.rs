//! The Kano class of what an issue asks for, from paired questions.
//!
//! A customer is asked twice: how would you feel if this were so (functional), and how if it were not (dysfunctional)?
//! Each pair of answers is of one class by the evaluation table of N. Kano, N. Seraku, F. Takahashi, S. Tsuji, "Attractive
//! Quality and Must-Be Quality", Journal of the Japanese Society for Quality Control 14 (1984), in the form that C. Berger et
//! al. gave it in "Kano's Methods for Understanding Customer-defined Quality", Center for Quality of Management Journal 2
//! (1993), with five answers a side (rows: functional; columns: dysfunctional):
//!
//! |             | like | expect | neutral | live with | dislike |
//! |-------------|------|--------|---------|-----------|---------|
//! | **like**      | Q | A | A | A | O |
//! | **expect**    | R | I | I | I | M |
//! | **neutral**   | R | I | I | I | M |
//! | **live with** | R | I | I | I | M |
//! | **dislike**   | R | R | R | R | Q |
//!
//! The issue has the class that most pairs have; of as many, the first of M, O, A, I, R, Q (Berger's rule). Whether that
//! can be said goes by the two strengths of M. C. Lee and J. F. Newcomb, "Applying the Kano Methodology to Meet Customer
//! Requirements: NASA's Microgravity Science Program", Quality Management Journal 4 (1997): the **category strength**, the
//! share of the most frequent class less that of the second, must be at least 6 points; the **total strength**, the share of
//! A, O and M together, at least 60 for one of these three to be claimed.

use serde::{Deserialize, Serialize};

use crate::nps::float;

/// On fewer pairs than this nothing is said: 20 to 30 customers of one segment name nine of ten needs (A. Griffin and J. R.
/// Hauser, "The Voice of the Customer", Marketing Science 12 (1993)).
pub const FEWEST: u64 = 20;

/// The least category strength, in points.
pub const CATEGORY_STRENGTH: f64 = 6.0;

/// The least total strength, in points.
pub const TOTAL_STRENGTH: f64 = 60.0;

/// An answer to one of the two questions. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// "I like it that way."
    Like,
    /// "It must be that way."
    Expect,
    /// "I am neutral."
    Neutral,
    /// "I can live with it that way."
    LiveWith,
    /// "I dislike it that way."
    Dislike,
}

impl Answer {
    /// Every answer.
    pub const ALL: [Self; 5] = [
        Self::Like,
        Self::Expect,
        Self::Neutral,
        Self::LiveWith,
        Self::Dislike,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Like => "like",
            Self::Expect => "expect",
            Self::Neutral => "neutral",
            Self::LiveWith => "live_with",
            Self::Dislike => "dislike",
        }
    }

    /// The answer of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.name() == name)
    }
}

/// What one customer answered to both questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// How they would feel if it were so.
    pub functional: Answer,
    /// How they would feel if it were not.
    pub dysfunctional: Answer,
}

/// The classes, in the order in which the first of as many is taken. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Taken for granted; missed if it is not there.
    MustBe,
    /// The more of it the better.
    OneDimensional,
    /// Nobody misses it; whoever gets it is pleased.
    Attractive,
    /// Nobody cares.
    Indifferent,
    /// Customers would rather not have it.
    Reverse,
    /// The two answers contradict each other.
    Questionable,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::MustBe,
        Self::OneDimensional,
        Self::Attractive,
        Self::Indifferent,
        Self::Reverse,
        Self::Questionable,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MustBe => "must_be",
            Self::OneDimensional => "one_dimensional",
            Self::Attractive => "attractive",
            Self::Indifferent => "indifferent",
            Self::Reverse => "reverse",
            Self::Questionable => "questionable",
        }
    }
}

impl Pair {
    /// Its class by the evaluation table.
    pub const fn class(self) -> Class {
        use Answer::{Dislike, Like};
        match (self.functional, self.dysfunctional) {
            (Like, Like) | (Dislike, Dislike) => Class::Questionable,
            (Like, Dislike) => Class::OneDimensional,
            (Like, _) => Class::Attractive,
            (Dislike, _) | (_, Like) => Class::Reverse,
            (_, Dislike) => Class::MustBe,
            (_, _) => Class::Indifferent,
        }
    }
}

/// How many pairs are of each class. Counts merge, and the rest is derived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is that of its class")]
pub struct Answers {
    #[serde(default)]
    pub must_be: u64,
    #[serde(default)]
    pub one_dimensional: u64,
    #[serde(default)]
    pub attractive: u64,
    #[serde(default)]
    pub indifferent: u64,
    #[serde(default)]
    pub reverse: u64,
    #[serde(default)]
    pub questionable: u64,
}

/// What can be said of the class. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is of this class.
    Clear,
    /// The most frequent class is too close to the second, or wanted by too few, to say so.
    Unsure,
    /// Too few were asked.
    TooFew,
}

/// The class of an issue, with how sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Classified {
    /// How many pairs it is from.
    pub n: u64,
    /// The most frequent class.
    pub most: Class,
    /// The share of A, O and M together, in points.
    pub total_strength: f64,
    /// The share of the most frequent class less that of the second, in points.
    pub category_strength: f64,
    /// What can be said.
    pub verdict: Verdict,
}

impl Classified {
    /// The class, if it can be said.
    pub const fn class(&self) -> Option<Class> {
        match self.verdict {
            Verdict::Clear => Some(self.most),
            Verdict::Unsure | Verdict::TooFew => None,
        }
    }
}

impl Answers {
    /// How many pairs are of a class.
    pub const fn of(&self, class: Class) -> u64 {
        match class {
            Class::MustBe => self.must_be,
            Class::OneDimensional => self.one_dimensional,
            Class::Attractive => self.attractive,
            Class::Indifferent => self.indifferent,
            Class::Reverse => self.reverse,
            Class::Questionable => self.questionable,
        }
    }

    /// Counts one pair.
    pub fn add(&mut self, pair: Pair) {
        let count = match pair.class() {
            Class::MustBe => &mut self.must_be,
            Class::OneDimensional => &mut self.one_dimensional,
            Class::Attractive => &mut self.attractive,
            Class::Indifferent => &mut self.indifferent,
            Class::Reverse => &mut self.reverse,
            Class::Questionable => &mut self.questionable,
        };
        *count = count.saturating_add(1);
    }

    /// How many pairs there are.
    pub fn n(&self) -> u64 {
        crate::nps::sum(&Class::ALL.map(|class| self.of(class)))
    }

    /// Whether nobody was asked.
    pub fn is_empty(&self) -> bool {
        self.n() == 0
    }

    /// The class that most are of; `None` if nobody was asked.
    pub fn classified(&self) -> Option<Classified> {
        let n = self.n();
        let mut ranked = Class::ALL;
        // Stable: of as many, the order of the classes stays.
        ranked.sort_by_key(|class| std::cmp::Reverse(self.of(*class)));
        let [most, second, ..] = ranked;
        if n == 0 {
            return None;
        }
        let points = |count: u64| 100.0 * float(count) / float(n);
        let wanted = [Class::MustBe, Class::OneDimensional, Class::Attractive];
        let total_strength = points(crate::nps::sum(&wanted.map(|class| self.of(class))));
        let category_strength = points(self.of(most).saturating_sub(self.of(second)));
        let strong = category_strength >= CATEGORY_STRENGTH
            && (total_strength >= TOTAL_STRENGTH || !wanted.contains(&most));
        let verdict = match (n < FEWEST, strong) {
            (true, _) => Verdict::TooFew,
            (false, true) => Verdict::Clear,
            (false, false) => Verdict::Unsure,
        };
        Some(Classified {
            n,
            most,
            total_strength,
            category_strength,
            verdict,
        })
    }
}

impl FromIterator<Pair> for Answers {
    fn from_iter<I: IntoIterator<Item = Pair>>(pairs: I) -> Self {
        let mut answers = Self::default();
        for pair in pairs {
            answers.add(pair);
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_the_published_one() {
        let letter = |class| match class {
            Class::MustBe => 'M',
            Class::OneDimensional => 'O',
            Class::Attractive => 'A',
            Class::Indifferent => 'I',
            Class::Reverse => 'R',
            Class::Questionable => 'Q',
        };
        let rows = Answer::ALL.map(|functional| -> String {
            let pair = |dysfunctional| Pair {
                functional,
                dysfunctional,
            };
            let row = Answer::ALL.map(|dysfunctional| letter(pair(dysfunctional).class()));
            row.into_iter().collect()
        });
        assert_eq!(rows, ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"]);
    }

    fn of(counts: [u64; 6]) -> Answers {
        let [
            must_be,
            one_dimensional,
            attractive,
            indifferent,
            reverse,
            questionable,
        ] = counts;
        Answers {
            must_be,
            one_dimensional,
            attractive,
            indifferent,
            reverse,
            questionable,
        }
    }

    #[test]
    fn a_class_is_claimed_only_where_it_can_be() {
        for (counts, most, verdict) in [
            // 50 %, 20 points ahead, 80 % want it.
            ([50, 30, 0, 20, 0, 0], Class::MustBe, Verdict::Clear),
            // As many: the first in order, and no lead.
            (
                [0, 40, 40, 20, 0, 0],
                Class::OneDimensional,
                Verdict::Unsure,
            ),
            // Exactly 6 points ahead, exactly 60 % want it.
            (
                [0, 33, 27, 27, 13, 0],
                Class::OneDimensional,
                Verdict::Clear,
            ),
            (
                [0, 32, 27, 28, 13, 0],
                Class::OneDimensional,
                Verdict::Unsure,
            ),
            // Nobody cares: that they do not want it is no doubt about that.
            ([10, 5, 5, 80, 0, 0], Class::Indifferent, Verdict::Clear),
            // The most want it of whom too few do.
            ([45, 5, 0, 35, 15, 0], Class::MustBe, Verdict::Unsure),
            ([19, 0, 0, 0, 0, 0], Class::MustBe, Verdict::TooFew),
            ([20, 0, 0, 0, 0, 0], Class::MustBe, Verdict::Clear),
        ] {
            let found = of(counts).classified().unwrap();
            assert_eq!((found.most, found.verdict), (most, verdict), "{counts:?}");
            assert_eq!(found.class().is_some(), verdict == Verdict::Clear);
        }
        assert_eq!(Answers::default().classified(), None);
    }

    proptest! {
        #[test]
        fn strengths_are_shares(counts in prop::array::uniform6(0u64..1000)) {
            let answers = of(counts);
            let Some(found) = answers.classified() else {
                prop_assert_eq!(answers.n(), 0);
                return Ok(());
            };
            prop_assert!((0.0..=100.0).contains(&found.total_strength));
            prop_assert!((0.0..=100.0).contains(&found.category_strength));
            prop_assert!(Class::ALL.iter().all(|class| answers.of(*class) <= answers.of(found.most)));
        }
    }
}
