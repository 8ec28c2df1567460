//! What somebody says who was invited to a beta, and what all of them come to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::announcement::Fate;
use super::beta::{Beta, State};
use crate::nps::{Share, ShareSummary};

/// The most that one person can say: enough to change their mind, and a bound to what a program with the link can write.
pub const MOST_SAID: usize = 20;

/// What they can say. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// They take part.
    Joined,
    /// They do not, or do no longer.
    Declined,
    /// It is fixed for them.
    Fixed,
    /// It is not.
    NotFixed,
    /// A later version's. Never said, and never written.
    #[serde(other)]
    Other,
}

impl Word {
    /// Every word that can be said.
    pub const ALL: [Self; 4] = [Self::Joined, Self::Declined, Self::Fixed, Self::NotFixed];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Declined => "declined",
            Self::Fixed => "fixed",
            Self::NotFixed => "not_fixed",
            Self::Other => "other",
        }
    }

    /// The word of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.name() == name)
    }

    /// Whether they take part, if it is about that.
    const fn takes_part(self) -> Option<bool> {
        match self {
            Self::Joined => Some(true),
            Self::Declined => Some(false),
            Self::Fixed | Self::NotFixed | Self::Other => None,
        }
    }

    /// Whether it is fixed for them, if it is about that.
    const fn is_fixed(self) -> Option<bool> {
        match self {
            Self::Fixed => Some(true),
            Self::NotFixed => Some(false),
            Self::Joined | Self::Declined | Self::Other => None,
        }
    }
}

/// Something that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What.
    pub word: Word,
    /// When. Business time.
    pub at: Timestamp,
}

/// Why something is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// The beta is over, or nobody can join it any more.
    #[error("it is too late for that")]
    Over,
    /// Only who takes part can tell whether it is fixed.
    #[error("they have not joined")]
    NotJoined,
    /// Nobody has asked yet.
    #[error("nobody has asked yet")]
    NotAsked,
    /// They have said enough: [`MOST_SAID`].
    #[error("they have said enough")]
    TooMuch,
}

/// Somebody who was invited, and all that they said, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tester(Vec<Said>);

impl Tester {
    /// All that they said, in order.
    pub fn said(&self) -> &[Said] {
        &self.0
    }

    /// Whether they take part; `None` if they have not said.
    pub fn takes_part(&self) -> Option<bool> {
        self.last(Word::takes_part)
    }

    /// Whether it is fixed for them, as they said last; `None` if they have not said.
    pub fn is_fixed(&self) -> Option<bool> {
        self.last(Word::is_fixed)
    }

    fn last(&self, says: impl Fn(Word) -> Option<bool>) -> Option<bool> {
        self.0.iter().rev().find_map(|said| says(said.word))
    }

    /// Whether the word says what they said last of the same.
    fn has_said(&self, word: Word) -> bool {
        let is_last = |said: Option<bool>, last| said.is_some() && said == last;
        is_last(word.takes_part(), self.takes_part()) || is_last(word.is_fixed(), self.is_fixed())
    }

    /// They and this word; `None` if they have said so already.
    ///
    /// # Errors
    /// [`Unheard`], and then nothing is kept.
    pub fn hear(&self, beta: &Beta, word: Word, now: Timestamp) -> Result<Option<Self>, Unheard> {
        if word == Word::Other || self.has_said(word) {
            return Ok(None);
        }
        match word {
            Word::Joined if !beta.can_be_joined(now) => return Err(Unheard::Over),
            _ if beta.state() == State::Closed => return Err(Unheard::Over),
            Word::Joined | Word::Declined | Word::Other => {}
            Word::Fixed | Word::NotFixed if self.takes_part() != Some(true) => {
                return Err(Unheard::NotJoined);
            }
            Word::Fixed | Word::NotFixed if beta.asked_at().is_none() => {
                return Err(Unheard::NotAsked);
            }
            Word::Fixed | Word::NotFixed => {}
        }
        if self.0.len() >= MOST_SAID {
            return Err(Unheard::TooMuch);
        }
        let mut said = self.0.clone();
        let at = said.last().map_or(now, |last| now.max(last.at));
        said.push(Said { word, at });
        Ok(Some(Self(said)))
    }
}

/// What all who were picked come to. People, not responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Turnout {
    /// Whom the provider took an invitation for, or perhaps did.
    pub invited: u64,
    /// Of these, those of whom it is not known whether the invitation went out.
    pub unknown: u64,
    /// Who has a [place](super::pick::Sample::places) and waits for an invitation.
    pub waiting: u64,
    /// Who was drawn and could not be invited.
    pub passed_over: u64,
    /// Who takes part.
    pub joined: u64,
    /// Who does not, or does no longer.
    pub declined: u64,
    /// Whom the provider took the question for, or perhaps did.
    pub asked: u64,
    /// Who takes part and says that it is fixed.
    pub fixed: u64,
    /// Who takes part and says that it is not.
    pub not_fixed: u64,
    /// Who was asked, takes part and has not said.
    pub silent: u64,
}

impl Turnout {
    /// One more who was invited, as far as this came, and what they said.
    pub fn add(&mut self, invited: Option<Fate>, asked: Option<Fate>, tester: &Tester) {
        let was_asked = asked.is_some_and(Fate::was_perhaps_written);
        match invited {
            Some(fate) if fate.was_perhaps_written() => {
                self.invited += 1;
                self.unknown += u64::from(fate == Fate::Unknown);
            }
            Some(fate) if !fate.holds_place() => self.passed_over += 1,
            // Who waits is who has a place, which is told of all of them together.
            Some(_) | None => {}
        }
        self.asked += u64::from(was_asked);
        match (tester.takes_part(), tester.is_fixed()) {
            (None, _) => {}
            (Some(false), _) => self.declined += 1,
            (Some(true), said) => {
                self.joined += 1;
                match said {
                    Some(true) => self.fixed += 1,
                    Some(false) => self.not_fixed += 1,
                    None => self.silent += u64::from(was_asked),
                }
            }
        }
    }

    /// For how many of those who said so it is fixed, with Wilson's interval; `None` if nobody has said.
    pub fn share_fixed(&self) -> Option<ShareSummary> {
        let said = self.fixed.saturating_add(self.not_fixed);
        Share::new(self.fixed, said).map(Share::summary)
    }
}
