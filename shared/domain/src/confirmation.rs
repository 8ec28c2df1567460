//! "Did this solve it?": the question that goes with every outcome, and what the customer says to it.
//!
//! An answer is about one outcome, named by the seq of the event that told of it. So an old letter that is opened late
//! says nothing about the outcome of a later round. *Yes* closes the case; *no* opens it again with fresh clocks and
//! tells its owner; silence lets it close by itself. Who said yes can still say no.

use serde::{Deserialize, Serialize};

use crate::case::State;
use crate::event::{Ending, Event, EventKind};
use crate::language::Language;

/// What a customer says to the question. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solved {
    /// It did.
    Yes,
    /// It did not.
    No,
}

impl Solved {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Yes, Self::No];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }

    /// The answer of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|solved| solved.name() == name)
    }

    /// The answer in words, to the question of such an outcome.
    pub const fn text(self, ending: Ending, language: Language) -> &'static str {
        let (zh_cn, zh_tw, en) = match (ending, self) {
            (Ending::Resolved, Self::Yes) => ("解决了", "解決了", "Yes, it did"),
            (Ending::Resolved, Self::No) => ("还没有", "還沒有", "No, not yet"),
            (Ending::Declined, Self::Yes) => ("能接受", "能接受", "Yes, it does"),
            (Ending::Declined, Self::No) => (
                "不能，请再看一看",
                "不能，請再看一看",
                "No, please look again",
            ),
        };
        language.choose(zh_cn, zh_tw, en)
    }
}

/// The question in words. Who was told no is not asked whether that solved anything.
pub const fn question(ending: Ending, language: Language) -> &'static str {
    let (zh_cn, zh_tw, en) = match ending {
        Ending::Resolved => (
            "这样解决您的问题了吗？",
            "這樣解決您的問題了嗎？",
            "Did this solve it?",
        ),
        Ending::Declined => (
            "这个答复您能接受吗？",
            "這個答覆您能接受嗎？",
            "Does this settle it for you?",
        ),
    };
    language.choose(zh_cn, zh_tw, en)
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// The case has no outcome, or none yet of this round.
    #[error("a case that is `{}` has no outcome to ask about", state.name())]
    NoOutcome {
        /// The state it is in, after everything that time made happen.
        state: State,
    },
    /// A risk rule opened it: there is no customer.
    #[error("a task has no customer to ask")]
    Task,
}

/// The outcome that a customer is asked about, and what they have said so far. Made from a log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    outcome: u32,
    ending: Ending,
    said: Option<Solved>,
}

impl Question {
    /// The question after a log, in order; `None` where no outcome stands, because there was none or because the case was
    /// opened again since (other than by the answer *no*, which stays the answer to its question).
    pub fn of<'a>(log: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut question: Option<Self> = None;
        for event in log {
            let asked = |ending| {
                Some(Self {
                    outcome: event.seq,
                    ending,
                    said: None,
                })
            };
            match &event.kind {
                EventKind::Resolved {
                    internal: false, ..
                } => question = asked(Ending::Resolved),
                EventKind::Declined {
                    internal: false, ..
                } => question = asked(Ending::Declined),
                EventKind::Followed { outcome } => question = asked(*outcome),
                EventKind::Confirmed { outcome } => say(&mut question, *outcome, Solved::Yes),
                EventKind::Disputed { outcome, .. } => say(&mut question, *outcome, Solved::No),
                EventKind::Reopened { .. } | EventKind::CustomerWrote { .. } => {
                    // A word while the case is open ends no outcome: none stands then.
                    question = None;
                }
                _ => {}
            }
        }
        question
    }

    /// The seq of the event that told of the outcome.
    pub const fn outcome(&self) -> u32 {
        self.outcome
    }

    /// What the outcome was.
    pub const fn ending(&self) -> Ending {
        self.ending
    }

    /// The last thing they said to it; `None` while they have not.
    pub const fn said(&self) -> Option<Solved> {
        self.said
    }
}

fn say(question: &mut Option<Question>, outcome: u32, solved: Solved) {
    if let Some(question) = question.as_mut().filter(|q| q.outcome == outcome) {
        question.said = Some(solved);
    }
}
