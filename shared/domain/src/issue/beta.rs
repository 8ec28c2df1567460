//! Betas: letting a few of the reporters try an improvement, and asking them whether it is fixed, before everyone is told.
//!
//! There is at most one for an improvement, a person starts it, and what each command does in each state is this (`-` is
//! refused; an empty cell keeps the state):
//!
//! | command | none     | inviting | asking  | stopped              | closed |
//! |---------|----------|----------|---------|----------------------|--------|
//! | `start` | inviting | -        | -       | -                    | -      |
//! | `ask`   | -        | asking   |         | -                    | -      |
//! | `stop`  | -        | stopped  | stopped |                      | -      |
//! | `go_on` | -        |          |         | what it was before   | -      |
//! | `close` | -        | closed   | closed  | closed               |        |
//!
//! - It is for what has neither been [announced](super::announcement) nor cancelled, shipped or not.
//! - Who is invited is [drawn](super::pick) among those who reported before it was started, once. How far the draw and the
//!   letters have come is no state: nobody decides it.
//! - Nobody joins or is invited after the instant that was set when it started. Who has joined [says](super::tester) whether it
//!   is fixed until the beta is closed, which it is by itself [`ANSWERS_FOR`] after that instant.
//! - While it is open, its improvement is announced only by who insists.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::announcement::{Announcement, Words, later};
use super::improvement::{self, Improvement};
use super::pick::Draw;
use super::whole_millis;
use crate::event::Actor;
use crate::id::{ImprovementId, Lot};

/// The longest that one can be open to join: 180 times 24 hours.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(180 * 24);

/// How long answers are heard after nobody can join any more: 14 times 24 hours.
pub const ANSWERS_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long after nobody was left to write to it is looked again: for those who joined meanwhile.
pub const SOON: SignedDuration = SignedDuration::from_hours(1);

/// Where a beta stands. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// People are drawn and invited, join and try it.
    Inviting,
    /// Who has joined is asked whether it is fixed.
    Asking,
    /// Nobody is written to, until somebody goes on.
    Stopped,
    /// Over.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Inviting, Self::Asking, Self::Stopped, Self::Closed];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inviting => "inviting",
            Self::Asking => "asking",
            Self::Stopped => "stopped",
            Self::Closed => "closed",
        }
    }
}

/// How many are invited: 1 to [`MOST`](Self::MOST).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(u16);

impl Size {
    /// The most who are invited: those who are drawn stand in one item, and are read at once.
    pub const MOST: u16 = 200;
    /// How many where nobody says how many.
    pub const USUAL: Self = Self(150);

    /// So many; `None` for nobody or too many.
    pub const fn new(size: u16) -> Option<Self> {
        if size == 0 || size > Self::MOST {
            return None;
        }
        Some(Self(size))
    }

    /// How many.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

/// What lots are drawn by: 1 to [`MAX`](Self::MAX) letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(String);

impl Seed {
    /// The most characters.
    pub const MAX: usize = 64;

    /// This text as a seed; `None` if it is none.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_seed = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(plain);
        is_seed.then(|| Self(text.to_owned()))
    }

    /// The seed of these bits: the text of a lot.
    pub fn from_bits(bits: u128) -> Self {
        Self(Lot::from_bits(bits).to_string())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody sets who starts one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How many are invited.
    pub size: Size,
    /// What lots are drawn by.
    pub seed: Seed,
    /// How to take part.
    pub words: Words,
    /// Until when people are invited and can join. Business time, whole milliseconds.
    pub until: Timestamp,
}

impl Terms {
    /// The last local day on which somebody can join, perhaps not all of it.
    pub fn last_day(&self, zone: TimeZone) -> Date {
        let last = self.until.checked_sub(SignedDuration::from_millis(1));
        last.unwrap_or(self.until).to_zoned(zone).date()
    }
}

/// One entry in the log of a beta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the log, from 1 without gaps.
    pub seq: u32,
    /// Business time, whole milliseconds; never earlier than the entry before.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// What happened.
    pub kind: EntryKind,
}

/// The kinds of entry. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EntryKind {
    /// Somebody started it.
    Started {
        /// As they set it.
        terms: Terms,
    },
    /// Who has joined is asked from here on.
    Asked,
    /// Nobody is written to from here on.
    Stopped,
    /// People are written to again.
    WentOn,
    /// It is over.
    Closed,
    /// Something that a newer version wrote. It moves nothing here, and is never written.
    #[serde(other)]
    Unknown,
}

impl EntryKind {
    /// The persisted and published name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Asked => "asked",
            Self::Stopped => "stopped",
            Self::WentOn => "went_on",
            Self::Closed => "closed",
            Self::Unknown => "unknown",
        }
    }
}

/// What can be done with one that was started. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Ask those who have joined whether it is fixed.
    Ask,
    /// Write to nobody until further notice.
    Stop,
    /// Go on where it stopped.
    GoOn,
    /// It is over.
    Close,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 4] = [Self::Ask, Self::Stop, Self::GoOn, Self::Close];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Stop => "stop",
            Self::GoOn => "go_on",
            Self::Close => "close",
        }
    }

    /// The command of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }

    /// The entry it makes, where it is carried out.
    pub const fn entry(self) -> EntryKind {
        match self {
            Self::Ask => EntryKind::Asked,
            Self::Stop => EntryKind::Stopped,
            Self::GoOn => EntryKind::WentOn,
            Self::Close => EntryKind::Closed,
        }
    }
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It will not be done.
    #[error("the improvement is cancelled")]
    Cancelled,
    /// Everyone has been told, or is being told.
    #[error("the improvement is announced already")]
    Announced,
    /// It would be over before it began.
    #[error("the end has passed")]
    Past,
    /// It would be open longer than [`LONGEST`].
    #[error("the end is too far away")]
    TooFar,
    /// Nobody is written to until somebody goes on.
    #[error("the beta is stopped")]
    Stopped,
    /// It is over.
    #[error("the beta is closed")]
    Closed,
}

/// A beta as its log has made it. Serialized as a snapshot beside the log; names are append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beta {
    improvement: ImprovementId,
    version: u32,
    state: State,
    terms: Terms,
    started_at: Timestamp,
    changed_at: Timestamp,
    /// When those who had joined were first to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_at: Option<Timestamp>,
}

impl Beta {
    /// The entry that starts one for this improvement, of which there is this announcement.
    ///
    /// # Errors
    /// [`Refused::Cancelled`], [`Refused::Announced`], [`Refused::Past`], [`Refused::TooFar`]
    pub fn start(
        improvement: &Improvement,
        announcement: Option<&Announcement>,
        terms: Terms,
        by: Actor,
        now: Timestamp,
    ) -> Result<Entry, Refused> {
        if improvement.state() == improvement::State::Cancelled {
            return Err(Refused::Cancelled);
        }
        if announcement.is_some() {
            return Err(Refused::Announced);
        }
        let at = whole_millis(now).max(improvement.opened_at());
        if terms.until <= at {
            return Err(Refused::Past);
        }
        if terms.until > later(at, LONGEST) {
            return Err(Refused::TooFar);
        }
        Ok(Entry {
            seq: 1,
            at,
            by,
            kind: EntryKind::Started {
                terms: Terms {
                    until: whole_millis(terms.until),
                    ..terms
                },
            },
        })
    }

    /// The beta that this entry starts; `None` if it is another one.
    pub fn begin(improvement: ImprovementId, started: &Entry) -> Option<Self> {
        let EntryKind::Started { terms } = &started.kind else {
            return None;
        };
        Some(Self {
            improvement,
            version: started.seq,
            state: State::Inviting,
            terms: terms.clone(),
            started_at: started.at,
            changed_at: started.at,
            asked_at: None,
        })
    }

    /// The beta of this log; `None` if these entries are not one.
    pub fn replay<'a>(
        improvement: ImprovementId,
        log: impl IntoIterator<Item = &'a Entry>,
    ) -> Option<Self> {
        let mut log = log.into_iter();
        let mut beta = Self::begin(improvement, log.next()?)?;
        for entry in log {
            if entry.seq != beta.version.checked_add(1)? {
                return None;
            }
            beta.apply(entry);
        }
        Some(beta)
    }

    /// What the command makes happen; `None` if it is so already.
    ///
    /// # Errors
    /// [`Refused::Stopped`], [`Refused::Closed`], and then nothing happens.
    pub fn handle(
        &self,
        command: Command,
        by: Actor,
        now: Timestamp,
    ) -> Result<Option<Entry>, Refused> {
        match (command, self.state) {
            (Command::Ask, State::Asking)
            | (Command::Stop, State::Stopped)
            | (Command::GoOn, State::Inviting | State::Asking)
            | (Command::Close, State::Closed) => Ok(None),
            (Command::Ask | Command::Stop | Command::GoOn, State::Closed) => Err(Refused::Closed),
            (Command::Ask, State::Stopped) => Err(Refused::Stopped),
            (Command::Ask, State::Inviting)
            | (Command::Stop, State::Inviting | State::Asking)
            | (Command::GoOn, State::Stopped)
            | (Command::Close, State::Inviting | State::Asking | State::Stopped) => {
                Ok(Some(self.next(command.entry(), by, now)))
            }
        }
    }

    /// What time alone makes happen: it is closed [`ANSWERS_FOR`] after nobody could join any more, stopped or not.
    pub fn expire(&self, now: Timestamp) -> Option<Entry> {
        let over = self.closes_at().is_some_and(|at| at <= now);
        over.then(|| self.next(EntryKind::Closed, Actor::System, now))
    }

    fn next(&self, kind: EntryKind, by: Actor, now: Timestamp) -> Entry {
        Entry {
            seq: self.version.saturating_add(1),
            at: whole_millis(now).max(self.changed_at),
            by,
            kind,
        }
    }

    /// The beta after this entry.
    pub fn apply(&mut self, entry: &Entry) {
        self.version = entry.seq;
        self.changed_at = entry.at;
        match &entry.kind {
            // The start makes it; it does not happen to one.
            EntryKind::Started { .. } | EntryKind::Unknown => {}
            EntryKind::Asked => {
                self.state = State::Asking;
                self.asked_at.get_or_insert(entry.at);
            }
            EntryKind::Stopped => self.state = State::Stopped,
            EntryKind::WentOn => {
                self.state = match self.asked_at {
                    Some(_) => State::Asking,
                    None => State::Inviting,
                }
            }
            EntryKind::Closed => self.state = State::Closed,
        }
    }

    /// What is tried.
    pub const fn improvement(&self) -> ImprovementId {
        self.improvement
    }

    /// The seq of its last entry.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// As it was set when it started.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// When it was started. Business time.
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When something was last done to it. Business time.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// When those who had joined were first to be asked. Business time.
    pub const fn asked_at(&self) -> Option<Timestamp> {
        self.asked_at
    }

    /// When it is closed by itself; `None` if it is closed.
    pub fn closes_at(&self) -> Option<Timestamp> {
        (self.state != State::Closed).then(|| later(self.terms.until, ANSWERS_FOR))
    }

    /// Whether somebody who was invited can join.
    pub fn can_be_joined(&self, now: Timestamp) -> bool {
        self.state != State::Closed && now < self.terms.until
    }

    /// Whether people are to be drawn and invited.
    pub fn invites(&self, now: Timestamp) -> bool {
        self.state == State::Inviting && now < self.terms.until
    }

    /// Whether people are invited, or will be if somebody goes on.
    pub fn may_invite(&self, now: Timestamp) -> bool {
        self.can_be_joined(now) && self.asked_at.is_none()
    }

    /// Whether it is time to look for somebody to write to. It is when something was done to the beta, and else, once nobody was
    /// left, after an hour; once everybody who was left slept, when the first of them wakes, and in between each hour while
    /// people are asked, for those who join meanwhile. A look that is yet to come, as clocks differ, does not count.
    pub fn is_due(&self, draw: &Draw, now: Timestamp) -> bool {
        let rests = |looked: Timestamp, until: Timestamp| {
            looked > self.changed_at && looked <= now && now < until
        };
        let is_empty = draw.looked_at.is_some_and(|at| rests(at, later(at, SOON)));
        let is_asleep = draw.night.is_some_and(|night| {
            let until = match self.state {
                State::Asking => night.until.min(later(night.looked_at, SOON)),
                State::Inviting | State::Stopped | State::Closed => night.until,
            };
            rests(night.looked_at, until)
        });
        !is_empty && !is_asleep
    }
}
