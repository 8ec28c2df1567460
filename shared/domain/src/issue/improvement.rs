//! Improvements: what ships for issues.
//!
//! | command    | planned | shipped | cancelled |
//! |------------|---------|---------|-----------|
//! | `assign`   |         | -       | -         |
//! | `schedule` |         | -       | -         |
//! | `progress` |         |         | -         |
//! | `ship`     | shipped | -       | -         |
//! | `cancel`   | cancelled | -     | -         |
//!
//! What has shipped stays shipped: customers may have been told. A word about it may still be added.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::whole_millis;
use super::words::{Note, Title};
use crate::event::Actor;
use crate::id::{ImprovementId, IssueId};

/// The most issues one improvement is for.
pub const MAX_ISSUES: usize = 20;

/// The most characters of an owner or of a version.
pub const MAX_NAME: usize = 100;

/// Where an improvement stands. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is to be done.
    Planned,
    /// Customers have it.
    Shipped,
    /// It will not be done.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Planned, Self::Shipped, Self::Cancelled];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What an improvement is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In a line.
    pub title: Title,
    /// The issues it is for: 1 to [`MAX_ISSUES`]. They stay what they are named here when they are merged: their links do.
    pub issues: Vec<IssueId>,
    /// The touchpoint whose scores it is to move, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// Whose it is: a staff `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The day it is to ship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
}

/// That it shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipped {
    /// When. Business time.
    pub at: Timestamp,
    /// In which version, as customers know it.
    pub version: String,
}

/// One entry in the log of an improvement.
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
    /// Somebody planned it.
    Opened {
        /// What it is.
        plan: Plan,
    },
    /// It was given to somebody.
    Assigned {
        /// A staff `sub`.
        owner: String,
    },
    /// It is to ship on another day.
    Scheduled {
        /// The day.
        due: Date,
    },
    /// Somebody said how far it has come.
    Progressed {
        /// What they said.
        note: Note,
    },
    /// Customers have it.
    Shipped {
        /// In which version.
        version: String,
    },
    /// It will not be done.
    Cancelled {
        /// Why not.
        reason: Note,
    },
    /// Something that a newer version wrote. It moves nothing here, and is never written.
    #[serde(other)]
    Unknown,
}

impl EntryKind {
    /// The persisted and published name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Assigned { .. } => "assigned",
            Self::Scheduled { .. } => "scheduled",
            Self::Progressed { .. } => "progressed",
            Self::Shipped { .. } => "shipped",
            Self::Cancelled { .. } => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// The name of a command. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained on the command of its name")]
pub enum Verb {
    Assign,
    Schedule,
    Progress,
    Ship,
    Cancel,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 5] = [
        Self::Assign,
        Self::Schedule,
        Self::Progress,
        Self::Ship,
        Self::Cancel,
    ];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::Schedule => "schedule",
            Self::Progress => "progress",
            Self::Ship => "ship",
            Self::Cancel => "cancel",
        }
    }

    /// The verb of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Give it to somebody.
    Assign {
        /// A staff `sub`.
        owner: String,
    },
    /// Set the day it is to ship.
    Schedule {
        /// The day.
        due: Date,
    },
    /// Say how far it has come, once a week.
    Progress {
        /// What is to be said.
        note: Note,
    },
    /// Customers have it.
    Ship {
        /// In which version.
        version: String,
    },
    /// It will not be done.
    Cancel {
        /// Why not.
        reason: Note,
    },
}

impl Command {
    /// Its name.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Assign { .. } => Verb::Assign,
            Self::Schedule { .. } => Verb::Schedule,
            Self::Progress { .. } => Verb::Progress,
            Self::Ship { .. } => Verb::Ship,
            Self::Cancel { .. } => Verb::Cancel,
        }
    }

    /// The entry it makes, where it is carried out.
    pub fn entry(&self) -> EntryKind {
        match self.clone() {
            Self::Assign { owner } => EntryKind::Assigned { owner },
            Self::Schedule { due } => EntryKind::Scheduled { due },
            Self::Progress { note } => EntryKind::Progressed { note },
            Self::Ship { version } => EntryKind::Shipped { version },
            Self::Cancel { reason } => EntryKind::Cancelled { reason },
        }
    }
}

/// Why a command cannot be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an improvement that is `{}` does not take `{}`", state.name(), command.name())]
pub struct Refused {
    /// The state it is in.
    pub state: State,
    /// What was asked.
    pub command: Verb,
}

/// An improvement as its log has made it. Serialized as a snapshot beside the log; names are append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improvement {
    id: ImprovementId,
    version: u32,
    state: State,
    plan: Plan,
    opened_at: Timestamp,
    changed_at: Timestamp,
    /// When somebody last said how far it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progressed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shipped: Option<Shipped>,
}

impl Improvement {
    /// The entry that opens an improvement.
    pub fn open(plan: Plan, by: Actor, now: Timestamp) -> Entry {
        Entry {
            seq: 1,
            at: whole_millis(now),
            by,
            kind: EntryKind::Opened { plan },
        }
    }

    /// The improvement that this entry opens; `None` if it is another one.
    pub fn begin(id: ImprovementId, opened: &Entry) -> Option<Self> {
        let EntryKind::Opened { plan } = &opened.kind else {
            return None;
        };
        Some(Self {
            id,
            version: opened.seq,
            state: State::Planned,
            plan: plan.clone(),
            opened_at: opened.at,
            changed_at: opened.at,
            progressed_at: None,
            shipped: None,
        })
    }

    /// The improvement of this log; `None` if these entries are not one.
    pub fn replay<'a>(id: ImprovementId, log: impl IntoIterator<Item = &'a Entry>) -> Option<Self> {
        let mut log = log.into_iter();
        let mut improvement = Self::begin(id, log.next()?)?;
        for entry in log {
            if entry.seq != improvement.version.checked_add(1)? {
                return None;
            }
            improvement.apply(entry);
        }
        Some(improvement)
    }

    /// What the command makes happen; `None` if it is so already.
    ///
    /// # Errors
    /// [`Refused`], and then nothing happens.
    pub fn handle(
        &self,
        command: &Command,
        by: Actor,
        now: Timestamp,
    ) -> Result<Option<Entry>, Refused> {
        let allowed = match self.state {
            State::Planned => true,
            State::Shipped => matches!(command, Command::Progress { .. }),
            State::Cancelled => false,
        };
        if !allowed {
            return Err(Refused {
                state: self.state,
                command: command.verb(),
            });
        }
        let so_already = match command {
            Command::Assign { owner } => self.plan.owner.as_ref() == Some(owner),
            Command::Schedule { due } => self.plan.due == Some(*due),
            Command::Progress { .. } | Command::Ship { .. } | Command::Cancel { .. } => false,
        };
        Ok((!so_already).then(|| Entry {
            seq: self.version.saturating_add(1),
            at: whole_millis(now).max(self.changed_at),
            by,
            kind: command.entry(),
        }))
    }

    /// The improvement after this entry.
    pub fn apply(&mut self, entry: &Entry) {
        self.version = entry.seq;
        self.changed_at = entry.at;
        match &entry.kind {
            // The opening makes it; it does not happen to one.
            EntryKind::Opened { .. } | EntryKind::Unknown => {}
            EntryKind::Assigned { owner } => self.plan.owner = Some(owner.clone()),
            EntryKind::Scheduled { due } => self.plan.due = Some(*due),
            EntryKind::Progressed { .. } => self.progressed_at = Some(entry.at),
            EntryKind::Shipped { version } => {
                self.state = State::Shipped;
                self.shipped = Some(Shipped {
                    at: entry.at,
                    version: version.clone(),
                });
            }
            EntryKind::Cancelled { .. } => self.state = State::Cancelled,
        }
    }

    /// Its id.
    pub const fn id(&self) -> ImprovementId {
        self.id
    }

    /// The seq of its last entry.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What it is.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// When it was opened. Business time.
    pub const fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When something was last done to it. Business time.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// When somebody last said how far it has come.
    pub const fn progressed_at(&self) -> Option<Timestamp> {
        self.progressed_at
    }

    /// When it shipped, and in which version.
    pub const fn shipped(&self) -> Option<&Shipped> {
        self.shipped.as_ref()
    }

    /// How long it took from being opened to being shipped; `None` if it has not.
    pub fn took(&self) -> Option<SignedDuration> {
        let shipped = self.shipped.as_ref()?;
        Some(shipped.at.duration_since(self.opened_at))
    }

    /// Whether nobody has said for more than a week how far it has come: since the last time, or since it was opened.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        let since = self.progressed_at.unwrap_or(self.opened_at);
        self.state == State::Planned
            && now.duration_since(since) > SignedDuration::from_hours(7 * 24)
    }
}
