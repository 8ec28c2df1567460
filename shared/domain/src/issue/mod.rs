//! Issues: what many responses complain about, and improvements: what ships for them.
//!
//! Both are state machines without I/O, like a [case](crate::case): an [`Entry`] is a fact, [`Issue::apply`] folds it
//! into the state and decides nothing, [`Issue::handle`] decides. Nothing happens to them by time alone.
//!
//! | room | answers |
//! |---|---|
//! | [`rule`] | Which responses are linked by themselves? |
//! | [`likeness`] | Which are like those that are linked? |
//! | [`link`] | What is kept of a response that is linked, and how many customers do the links reach? |
//! | [`kano`] | What would it be worth to customers? |
//! | [`priority`] | What is to be done first? |
//! | [`improvement`] | What is done about it, and when did it ship? |
//! | [`effect`] | Did the scores of the touchpoint move since? |
//! | [`announcement`] | Who among the reporters is told that it shipped? |
//! | [`beta`] | May a few of them try it first? |
//! | [`pick`] | Which few? |
//! | [`tester`] | What do they say of it? |
//!
//! What each command does in each state (`-` is refused; an empty cell keeps the state):
//!
//! | command              | open   | closed | merged |
//! |----------------------|--------|--------|--------|
//! | `link`, `unlink`     |        |        | -      |
//! | `retitle`            |        |        | -      |
//! | `set_rule`           |        | -      | -      |
//! | `set_effort`         |        |        | -      |
//! | `set_core`           |        |        | -      |
//! | `merge`              | merged | merged | -      |
//! | `close`              | closed |        | -      |
//! | `reopen`             |        | open   | -      |
//!
//! - A command that asks for what is so already is carried out by doing nothing: repeating one is no harm.
//! - **Merging moves no link.** The survivor remembers whom it absorbed, and whoever walks its reporters walks the links of
//!   all of them [as one](link::union): so a response that was linked to both is there once.
//! - A closed issue takes no response by itself any more. By hand it does: somebody may report late what is solved.

pub mod announcement;
pub mod beta;
pub mod effect;
pub mod improvement;
pub mod kano;
pub mod likeness;
pub mod link;
pub mod pick;
pub mod priority;
pub mod rule;
pub mod tester;
mod words;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Actor;
use crate::id::{IssueId, ResponseId};
use crate::triage::Category;

pub use beta::Beta;
pub use effect::{Effect, Spans};
pub use improvement::Improvement;
pub use link::{How, Link, Reach, Reporter};
pub use rule::LinkRule;
pub use words::{BadWords, Note, Title};

/// The most responses one `link` or `unlink` names: all are written in one transaction.
pub const MAX_NAMED: usize = 20;

/// The most issues that one issue absorbs: whoever walks its reporters reads the links of each.
pub const MAX_ABSORBED: usize = 20;

/// Where an issue stands. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It gathers responses.
    Open,
    /// Done with, or not to be done.
    Closed,
    /// The same thing as another issue, which gathers instead.
    Merged,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Merged];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What it would cost to do something about it. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Days of one person.
    Small,
    /// Weeks.
    Medium,
    /// Months.
    Large,
}

impl Effort {
    /// Every effort.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The effort of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }
}

/// What an issue is about, as staff say. No words of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// In a line.
    pub title: Title,
    /// What kind of trouble it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The touchpoint, as senders name it or triage does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// The product, as senders name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Whether it keeps customers from what the product is for.
    #[serde(default)]
    pub core: bool,
    /// What it would cost, if somebody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Which responses are linked by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<LinkRule>,
}

/// One entry in the log of an issue.
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
    /// Somebody opened it.
    Opened {
        /// What it is about.
        about: About,
    },
    /// It is called otherwise.
    Retitled {
        /// The new title.
        title: Title,
    },
    /// Other responses are linked by themselves from here on, and those of the last days looked at again.
    RuleSet {
        /// The new rule; `None` for none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<LinkRule>,
    },
    /// The cost was estimated.
    EffortSet {
        /// The new estimate; `None` for none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effort: Option<Effort>,
    },
    /// It is about what the product is for, or not.
    CoreSet {
        /// Whether it is.
        core: bool,
    },
    /// Responses were linked by hand.
    Linked {
        /// Which.
        responses: Vec<ResponseId>,
    },
    /// Responses were taken out by hand; they are not linked by themselves again.
    Unlinked {
        /// Which.
        responses: Vec<ResponseId>,
    },
    /// It is the same thing as another issue.
    Merged {
        /// The issue that survives.
        into: IssueId,
    },
    /// Other issues are the same thing.
    Absorbed {
        /// The one that was merged into this one, and those that had been merged into it.
        issues: Vec<IssueId>,
    },
    /// Done with, or not to be done.
    Closed,
    /// Not done with after all.
    Reopened,
    /// Something that a newer version wrote. It moves nothing here, and is never written.
    #[serde(other)]
    Unknown,
}

impl EntryKind {
    /// The persisted and published name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Retitled { .. } => "retitled",
            Self::RuleSet { .. } => "rule_set",
            Self::EffortSet { .. } => "effort_set",
            Self::CoreSet { .. } => "core_set",
            Self::Linked { .. } => "linked",
            Self::Unlinked { .. } => "unlinked",
            Self::Merged { .. } => "merged",
            Self::Absorbed { .. } => "absorbed",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Unknown => "unknown",
        }
    }
}

/// The name of a command. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained on the command of its name")]
pub enum Verb {
    Link,
    Unlink,
    Retitle,
    SetRule,
    SetEffort,
    SetCore,
    Merge,
    Close,
    Reopen,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 9] = [
        Self::Link,
        Self::Unlink,
        Self::Retitle,
        Self::SetRule,
        Self::SetEffort,
        Self::SetCore,
        Self::Merge,
        Self::Close,
        Self::Reopen,
    ];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Retitle => "retitle",
            Self::SetRule => "set_rule",
            Self::SetEffort => "set_effort",
            Self::SetCore => "set_core",
            Self::Merge => "merge",
            Self::Close => "close",
            Self::Reopen => "reopen",
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
    /// These responses are about it.
    Link {
        /// 1 to [`MAX_NAMED`].
        responses: Vec<ResponseId>,
    },
    /// These are not, whatever its rule says.
    Unlink {
        /// 1 to [`MAX_NAMED`].
        responses: Vec<ResponseId>,
    },
    /// Call it otherwise.
    Retitle {
        /// The new title.
        title: Title,
    },
    /// Link these by themselves.
    SetRule {
        /// `None` for none.
        rule: Option<LinkRule>,
    },
    /// Estimate the cost.
    SetEffort {
        /// `None` for none.
        effort: Option<Effort>,
    },
    /// Say whether it keeps customers from what the product is for.
    SetCore {
        /// Whether it does.
        core: bool,
    },
    /// It is the same thing as another issue.
    Merge {
        /// The issue that survives; see [`Issue::absorb`].
        into: IssueId,
    },
    /// Done with, or not to be done.
    Close,
    /// Not done with after all.
    Reopen,
}

impl Command {
    /// Its name.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Link { .. } => Verb::Link,
            Self::Unlink { .. } => Verb::Unlink,
            Self::Retitle { .. } => Verb::Retitle,
            Self::SetRule { .. } => Verb::SetRule,
            Self::SetEffort { .. } => Verb::SetEffort,
            Self::SetCore { .. } => Verb::SetCore,
            Self::Merge { .. } => Verb::Merge,
            Self::Close => Verb::Close,
            Self::Reopen => Verb::Reopen,
        }
    }
}

/// Why a command cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The issue was merged: what is to be done is done to the survivor.
    #[error("the issue was merged into {into}: send the command there")]
    Merged {
        /// The survivor.
        into: IssueId,
    },
    /// A closed issue links nothing by itself, so it has no use for a rule.
    #[error("the issue is closed: reopen it before you set its rule")]
    Closed,
    /// An issue cannot be merged into itself.
    #[error("an issue cannot be merged into itself")]
    IntoItself,
    /// An issue absorbs [`MAX_ABSORBED`] others at most.
    #[error("an issue cannot absorb more than {MAX_ABSORBED} others")]
    TooMany,
    /// A command names 1 to [`MAX_NAMED`] responses.
    #[error("name 1 to {MAX_NAMED} responses")]
    Count,
}

/// An issue as its log has made it. Serialized as a snapshot beside the log; names are append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    id: IssueId,
    version: u32,
    state: State,
    about: About,
    opened_at: Timestamp,
    changed_at: Timestamp,
    /// The entry that set the rule it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_set: Option<RuleSet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merged_into: Option<IssueId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    absorbed: Vec<IssueId>,
}

/// When the rule of an issue was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSet {
    /// The entry that set it: another one is another rule.
    pub seq: u32,
    /// Business time.
    pub at: Timestamp,
}

impl Issue {
    /// The entry that opens an issue.
    pub fn open(about: About, by: Actor, now: Timestamp) -> Entry {
        Entry {
            seq: 1,
            at: whole_millis(now),
            by,
            kind: EntryKind::Opened { about },
        }
    }

    /// The issue that this entry opens; `None` if it is another one.
    pub fn begin(id: IssueId, opened: &Entry) -> Option<Self> {
        let EntryKind::Opened { about } = &opened.kind else {
            return None;
        };
        let rule_set = about.rule.as_ref().map(|_| RuleSet {
            seq: opened.seq,
            at: opened.at,
        });
        Some(Self {
            id,
            version: opened.seq,
            state: State::Open,
            about: about.clone(),
            opened_at: opened.at,
            changed_at: opened.at,
            rule_set,
            merged_into: None,
            absorbed: Vec::new(),
        })
    }

    /// The issue of this log; `None` if these entries are not one.
    pub fn replay<'a>(id: IssueId, log: impl IntoIterator<Item = &'a Entry>) -> Option<Self> {
        let mut log = log.into_iter();
        let mut issue = Self::begin(id, log.next()?)?;
        for entry in log {
            if entry.seq != issue.version.checked_add(1)? {
                return None;
            }
            issue.apply(entry);
        }
        Some(issue)
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
        if let Some(into) = self.merged_into {
            return Err(Refused::Merged { into });
        }
        let about = &self.about;
        let kind = match command {
            Command::Link { responses } => EntryKind::Linked {
                responses: named(responses)?,
            },
            Command::Unlink { responses } => EntryKind::Unlinked {
                responses: named(responses)?,
            },
            Command::Retitle { title } if *title == about.title => return Ok(None),
            Command::Retitle { title } => EntryKind::Retitled {
                title: title.clone(),
            },
            Command::SetRule { .. } if self.state == State::Closed => return Err(Refused::Closed),
            Command::SetRule { rule } if *rule == about.rule => return Ok(None),
            Command::SetRule { rule } => EntryKind::RuleSet { rule: rule.clone() },
            Command::SetEffort { effort } if *effort == about.effort => return Ok(None),
            Command::SetEffort { effort } => EntryKind::EffortSet { effort: *effort },
            Command::SetCore { core } if *core == about.core => return Ok(None),
            Command::SetCore { core } => EntryKind::CoreSet { core: *core },
            Command::Merge { into } if *into == self.id => return Err(Refused::IntoItself),
            Command::Merge { into } => EntryKind::Merged { into: *into },
            Command::Close if self.state == State::Closed => return Ok(None),
            Command::Close => EntryKind::Closed,
            Command::Reopen if self.state == State::Open => return Ok(None),
            Command::Reopen => EntryKind::Reopened,
        };
        Ok(Some(self.entry(by, now, kind)))
    }

    /// Takes in another issue, as it is before it is merged into this one, with those that it has absorbed. To be written
    /// in one transaction with the other's [`Command::Merge`].
    ///
    /// # Errors
    /// [`Refused`]
    pub fn absorb(&self, merged: &Self, by: Actor, now: Timestamp) -> Result<Entry, Refused> {
        if let Some(into) = self.merged_into {
            return Err(Refused::Merged { into });
        }
        if merged.id == self.id {
            return Err(Refused::IntoItself);
        }
        let issues: Vec<_> = std::iter::once(merged.id)
            .chain(merged.absorbed.iter().copied())
            .collect();
        if self.absorbed.len() + issues.len() > MAX_ABSORBED {
            return Err(Refused::TooMany);
        }
        Ok(self.entry(by, now, EntryKind::Absorbed { issues }))
    }

    /// The issue after this entry.
    pub fn apply(&mut self, entry: &Entry) {
        self.version = entry.seq;
        self.changed_at = entry.at;
        match &entry.kind {
            // The opening makes the issue; it does not happen to one.
            EntryKind::Opened { .. }
            | EntryKind::Linked { .. }
            | EntryKind::Unlinked { .. }
            | EntryKind::Unknown => {}
            EntryKind::Retitled { title } => self.about.title = title.clone(),
            EntryKind::RuleSet { rule } => {
                self.rule_set = rule.as_ref().map(|_| RuleSet {
                    seq: entry.seq,
                    at: entry.at,
                });
                self.about.rule.clone_from(rule);
            }
            EntryKind::EffortSet { effort } => self.about.effort = *effort,
            EntryKind::CoreSet { core } => self.about.core = *core,
            EntryKind::Merged { into } => {
                self.state = State::Merged;
                self.merged_into = Some(*into);
            }
            EntryKind::Absorbed { issues } => self.absorbed.extend(issues),
            EntryKind::Closed => self.state = State::Closed,
            EntryKind::Reopened => self.state = State::Open,
        }
    }

    fn entry(&self, by: Actor, now: Timestamp, kind: EntryKind) -> Entry {
        Entry {
            seq: self.version.saturating_add(1),
            at: whole_millis(now).max(self.changed_at),
            by,
            kind,
        }
    }

    /// Its id.
    pub const fn id(&self) -> IssueId {
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

    /// What it is about.
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// When it was opened. Business time.
    pub const fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When something was last done to it. Business time.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// The rule by which it gathers responses, and when that was set; `None` without one, or if it gathers no more.
    pub fn gathers(&self) -> Option<(&LinkRule, RuleSet)> {
        let rule = self.about.rule.as_ref().zip(self.rule_set);
        rule.filter(|_| self.state == State::Open)
    }

    /// The issue it was merged into.
    pub const fn merged_into(&self) -> Option<IssueId> {
        self.merged_into
    }

    /// Those that were merged into it, directly or with another.
    pub fn absorbed(&self) -> &[IssueId] {
        &self.absorbed
    }

    /// Whose links are its own: itself, then those it absorbed.
    pub fn family(&self) -> Vec<IssueId> {
        std::iter::once(self.id)
            .chain(self.absorbed.iter().copied())
            .collect()
    }
}

/// Each once, in order.
fn named(responses: &[ResponseId]) -> Result<Vec<ResponseId>, Refused> {
    let mut named = responses.to_vec();
    named.sort_unstable();
    named.dedup();
    match (1..=MAX_NAMED).contains(&named.len()) {
        true => Ok(named),
        false => Err(Refused::Count),
    }
}

/// Drops what is below a millisecond.
fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
