//! Announcements: telling everyone who reported what an improvement is for that it shipped, once.
//!
//! There is at most one for an improvement, a person starts it, and what each command does in each state is this (`-` is
//! refused; an empty cell keeps the state):
//!
//! | command | none    | running | stopped | closed |
//! |---------|---------|---------|---------|--------|
//! | `start` | running | -       | -       | -      |
//! | `stop`  | -       | stopped |         | -      |
//! | `go_on` | -       |         | running | -      |
//! | `close` | -       | closed  | closed  |        |
//!
//! - Only what has [shipped](super::improvement::State::Shipped) is announced, in the version it shipped in.
//! - The links of the improvement's issues are walked in [passes](Pass), in the order of the responses. A link that is made
//!   behind the cursor is found by the next pass; passes go on until the announcement is closed, which it is by itself
//!   when it has run for [`OPEN_FOR`] since it was started or gone on with last. So whoever is linked before that is told, and
//!   nobody who is linked later.
//! - What becomes of each reporter is a [`Fate`]. Whoever reported after it shipped has something else to say and is told
//!   nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::improvement::{self, Improvement};
use super::whole_millis;
use super::words::Note;
use crate::budget::Contacts;
use crate::contact::Reason;
use crate::event::Actor;
use crate::id::ImprovementId;
use crate::language::Language;

/// How long an announcement stays open after it was started, or gone on with last: 35 times 24 hours. Longer than the
/// [`WINDOW`](crate::budget::WINDOW) of contacts: whoever was written to often enough when it began has room again before it
/// ends, unless something else takes it.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_hours(35 * 24);

/// How long after a pass the next one begins, if another run was writing to somebody, or it is night for somebody and it is not
/// kept until when.
pub const SOON: SignedDuration = SignedDuration::from_hours(1);

/// The same if nobody is: for those who are linked late, and whose budget is free again.
pub const LATER: SignedDuration = SignedDuration::from_hours(24);

/// Where an announcement stands. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Reporters are told.
    Running,
    /// Nobody is told, until somebody goes on.
    Stopped,
    /// Over.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Stopped, Self::Closed];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Closed => "closed",
        }
    }
}

/// "Here is how", in each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// In simplified Chinese.
    pub zh_cn: Note,
    /// In traditional Chinese; `None` if nobody wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh_tw: Option<Note>,
    /// In English.
    pub en: Note,
}

impl Words {
    /// For a reader of this language, and the language it is in: readers of traditional Chinese get the simplified where
    /// nobody wrote the other.
    pub const fn of(&self, language: Language) -> (Language, &Note) {
        match (language, &self.zh_tw) {
            (Language::ZhTw, Some(words)) => (Language::ZhTw, words),
            (Language::ZhTw, None) | (Language::ZhCn, _) => (Language::ZhCn, &self.zh_cn),
            (Language::En, _) => (Language::En, &self.en),
        }
    }
}

/// One entry in the log of an announcement.
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
        /// What reporters are told.
        words: Words,
        /// What shipped.
        shipped: improvement::Shipped,
    },
    /// Nobody is told from here on.
    Stopped,
    /// Reporters are told again.
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
    /// Tell nobody until further notice.
    Stop,
    /// Go on where it stopped.
    GoOn,
    /// It is over.
    Close,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 3] = [Self::Stop, Self::GoOn, Self::Close];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
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
            Self::Stop => EntryKind::Stopped,
            Self::GoOn => EntryKind::WentOn,
            Self::Close => EntryKind::Closed,
        }
    }

    const fn leads_to(self) -> State {
        match self {
            Self::Stop => State::Stopped,
            Self::GoOn => State::Running,
            Self::Close => State::Closed,
        }
    }
}

/// Why a command cannot be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has not shipped.
    #[error("only what has shipped is announced; this improvement is `{}`", .0.name())]
    NotShipped(improvement::State),
    /// It is over.
    #[error("the announcement is closed")]
    Closed,
}

/// An announcement as its log has made it. Serialized as a snapshot beside the log; names are append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    improvement: ImprovementId,
    version: u32,
    state: State,
    words: Words,
    shipped: improvement::Shipped,
    started_at: Timestamp,
    /// When it was started, or gone on with last.
    runs_since: Timestamp,
    changed_at: Timestamp,
}

impl Announcement {
    /// The entry that starts one for this improvement.
    ///
    /// # Errors
    /// [`Refused::NotShipped`]
    pub fn start(
        improvement: &Improvement,
        words: Words,
        by: Actor,
        now: Timestamp,
    ) -> Result<Entry, Refused> {
        let shipped = improvement.shipped();
        let shipped = shipped.ok_or(Refused::NotShipped(improvement.state()))?;
        Ok(Entry {
            seq: 1,
            at: whole_millis(now).max(shipped.at),
            by,
            kind: EntryKind::Started {
                words,
                shipped: shipped.clone(),
            },
        })
    }

    /// The announcement that this entry starts; `None` if it is another one.
    pub fn begin(improvement: ImprovementId, started: &Entry) -> Option<Self> {
        let EntryKind::Started { words, shipped } = &started.kind else {
            return None;
        };
        Some(Self {
            improvement,
            version: started.seq,
            state: State::Running,
            words: words.clone(),
            shipped: shipped.clone(),
            started_at: started.at,
            runs_since: started.at,
            changed_at: started.at,
        })
    }

    /// The announcement of this log; `None` if these entries are not one.
    pub fn replay<'a>(
        improvement: ImprovementId,
        log: impl IntoIterator<Item = &'a Entry>,
    ) -> Option<Self> {
        let mut log = log.into_iter();
        let mut announcement = Self::begin(improvement, log.next()?)?;
        for entry in log {
            if entry.seq != announcement.version.checked_add(1)? {
                return None;
            }
            announcement.apply(entry);
        }
        Some(announcement)
    }

    /// What the command makes happen; `None` if it is so already.
    ///
    /// # Errors
    /// [`Refused`], and then nothing happens.
    pub fn handle(
        &self,
        command: Command,
        by: Actor,
        now: Timestamp,
    ) -> Result<Option<Entry>, Refused> {
        if self.state == command.leads_to() {
            return Ok(None);
        }
        if self.state == State::Closed {
            return Err(Refused::Closed);
        }
        Ok(Some(self.next(command.entry(), by, now)))
    }

    /// What time alone makes happen: while it runs, it is closed [`OPEN_FOR`] after it was started or gone on with last.
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

    /// The announcement after this entry.
    pub fn apply(&mut self, entry: &Entry) {
        self.version = entry.seq;
        self.changed_at = entry.at;
        match &entry.kind {
            // The start makes it; it does not happen to one.
            EntryKind::Started { .. } | EntryKind::Unknown => {}
            EntryKind::Stopped => self.state = State::Stopped,
            EntryKind::WentOn => {
                self.state = State::Running;
                self.runs_since = entry.at;
            }
            EntryKind::Closed => self.state = State::Closed,
        }
    }

    /// What it announces.
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

    /// What reporters are told.
    pub const fn words(&self) -> &Words {
        &self.words
    }

    /// When what it announces shipped, and in which version.
    pub const fn shipped(&self) -> &improvement::Shipped {
        &self.shipped
    }

    /// When it was started. Business time.
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When something was last done to it. Business time.
    pub const fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    /// When it is closed by itself; `None` unless it runs.
    pub fn closes_at(&self) -> Option<Timestamp> {
        (self.state == State::Running).then(|| later(self.runs_since, OPEN_FOR))
    }
}

/// What became of a reporter. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The provider took their letter.
    Sent,
    /// The provider refused it for good.
    Refused,
    /// The provider's answer was lost: perhaps sent, and never sent again.
    Unknown,
    /// Another response of the same address was answered by the letter.
    Already,
    /// They left no address: the page tells them.
    NoContact,
    /// They left what no letter can be sent to: the page tells them.
    Unreachable,
    /// They asked not to be contacted: the page tells them.
    NoConsent,
    /// Their address bounced, they complained, or somebody of staff stopped it: the page tells them.
    Suppressed,
    /// They unsubscribed: the page tells them.
    Unsubscribed,
    /// This installation sends no e-mail: the page tells them, and a later pass may write.
    MailOff,
    /// They were written to often enough of late: the page tells them, and a later pass may write.
    OverBudget,
    /// It is night where they are: a later pass writes.
    Quiet,
    /// Another run is writing, or was killed when it did: a later pass knows.
    InProgress,
    /// They reported after it shipped: there is nothing to tell.
    AfterShipping,
    /// What is kept of them cannot be read, or is erased by now.
    Passed,
    /// A later version's. Never written.
    #[serde(other)]
    Other,
}

impl Fate {
    /// Every fate that is written or counted.
    pub const ALL: [Self; 15] = [
        Self::Sent,
        Self::Refused,
        Self::Unknown,
        Self::Already,
        Self::NoContact,
        Self::Unreachable,
        Self::NoConsent,
        Self::Suppressed,
        Self::Unsubscribed,
        Self::MailOff,
        Self::OverBudget,
        Self::Quiet,
        Self::InProgress,
        Self::AfterShipping,
        Self::Passed,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Already => "already",
            Self::NoContact => "no_contact",
            Self::Unreachable => "unreachable",
            Self::NoConsent => "no_consent",
            Self::Suppressed => "suppressed",
            Self::Unsubscribed => "unsubscribed",
            Self::MailOff => "mail_off",
            Self::OverBudget => "over_budget",
            Self::Quiet => "quiet",
            Self::InProgress => "in_progress",
            Self::AfterShipping => "after_shipping",
            Self::Passed => "passed",
            Self::Other => "other",
        }
    }

    /// Whether nothing more happens to the reporter, whatever pass comes.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Sent
            | Self::Refused
            | Self::Already
            | Self::NoContact
            | Self::Unreachable
            | Self::NoConsent
            | Self::Suppressed
            | Self::Unsubscribed
            | Self::Other => true,
            // The provider may still tell that it took the letter.
            Self::Unknown
            | Self::MailOff
            | Self::OverBudget
            | Self::Quiet
            | Self::InProgress
            | Self::AfterShipping
            | Self::Passed => false,
        }
    }

    /// Whether the reporter's page tells of the improvement from here on, and the fate is kept beside the response.
    pub const fn is_kept(self) -> bool {
        self.is_final() || matches!(self, Self::Unknown | Self::MailOff | Self::OverBudget)
    }

    /// Whether the provider took a letter, or perhaps did.
    pub const fn was_perhaps_written(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown | Self::Already)
    }

    /// Whether somebody of whom this became keeps their place among the few who are invited: they were written to, or may yet
    /// be. Everybody else leaves it to the next.
    pub const fn holds_place(self) -> bool {
        match self {
            Self::Sent
            | Self::Unknown
            | Self::Already
            | Self::MailOff
            | Self::Quiet
            | Self::InProgress => true,
            Self::Refused
            | Self::NoContact
            | Self::Unreachable
            | Self::NoConsent
            | Self::Suppressed
            | Self::Unsubscribed
            | Self::OverBudget
            | Self::AfterShipping
            | Self::Passed
            | Self::Other => false,
        }
    }
}

/// The address a reporter left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// None.
    Missing,
    /// Something that no letter can be sent to.
    Unusable,
    /// One that letters can be sent to.
    Usable,
}

/// What the ledger says of an address and an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ledger {
    /// Nothing.
    Open,
    /// That an attempt certainly reached nobody. It counts as a contact already.
    Released,
    /// Somebody is writing.
    InProgress,
    /// Somebody began to write and never said what came of it, and their lease is over.
    Abandoned,
    /// It is over, whatever came of it.
    Recorded,
    /// It is over, the letter was about this very response, and this came of it.
    Own(Fate),
}

/// What somebody is written to for. Each is written at most once to an address about an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// It shipped.
    Announcement,
    /// They are invited to try it.
    Invitation,
    /// They have tried it: is it fixed?
    Question,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 3] = [Self::Announcement, Self::Invitation, Self::Question];

    /// The persisted name. Append only.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Announcement => "announcement",
            Self::Invitation => "invitation",
            Self::Question => "question",
        }
    }

    /// The occasion of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What is asked about a reporter before they are written to.
#[derive(Debug, Clone)]
pub struct Reporter<'a> {
    /// When their response came.
    pub received_at: Timestamp,
    /// Whether they agreed to be contacted; `None` if they were not asked.
    pub consent: Option<bool>,
    /// The address they left.
    pub address: Address,
    /// Whether this installation sends e-mail.
    pub mail: bool,
    /// What was done about this address and this improvement before.
    pub ledger: Ledger,
    /// Why the address gets nothing of our own accord, if so.
    pub barred: Option<Reason>,
    /// When the address was written to.
    pub contacts: &'a Contacts,
    /// Whether they asked for it, as those did who joined a beta: then the budget does not hold it back.
    pub wanted: bool,
    /// Whether it is night where they are.
    pub quiet: bool,
}

/// What is to be done about a reporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// They get a letter.
    Letter,
    /// Whether they got one is not known: that is written down, and none is sent.
    Settle,
    /// They get none, and this is why.
    Without(Fate),
}

impl Reporter<'_> {
    /// What is to be done about what shipped at `shipped_at`. Their wish comes first, then whether they can be reached, then
    /// what was done, then what holds back.
    pub fn plan(&self, shipped_at: Timestamp, now: Timestamp) -> Plan {
        let without = if self.received_at > shipped_at {
            Fate::AfterShipping
        } else if self.consent == Some(false) {
            Fate::NoConsent
        } else if self.address == Address::Missing {
            Fate::NoContact
        } else if self.address == Address::Unusable {
            Fate::Unreachable
        } else if let Ledger::Own(fate) = self.ledger {
            fate
        } else if self.ledger == Ledger::Recorded {
            Fate::Already
        } else if self.ledger == Ledger::InProgress {
            Fate::InProgress
        } else if self.ledger == Ledger::Abandoned {
            return Plan::Settle;
        } else if !self.mail {
            Fate::MailOff
        } else if let Some(reason) = self.barred {
            match reason {
                Reason::Unsubscribed => Fate::Unsubscribed,
                Reason::HardBounce | Reason::Complaint | Reason::ByHand => Fate::Suppressed,
            }
        } else if self.ledger == Ledger::Open && !self.wanted && !self.contacts.allow_one(now) {
            Fate::OverBudget
        } else if self.quiet {
            Fate::Quiet
        } else {
            return Plan::Letter;
        };
        Plan::Without(without)
    }
}

/// How many reporters met which fate: responses, each once in a pass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<Fate, u64>);

impl Counts {
    /// One more of these.
    pub fn add(&mut self, fate: Fate) {
        let count = self.0.entry(fate).or_default();
        *count = count.saturating_add(1);
    }

    /// How many met this fate.
    pub fn of(&self, fate: Fate) -> u64 {
        self.0.get(&fate).copied().unwrap_or_default()
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// One walk over the links of an improvement's issues. Its counts are of the responses up to the cursor, as the pass found or
/// left them, whoever wrote to them; so what several passes count is not to be added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// From 1 up.
    pub number: u32,
    /// When it began. Business time.
    pub began_at: Timestamp,
    /// When it came to the end of the links; `None` while it goes on. Business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What it has counted.
    pub counts: Counts,
    /// When the first of those can be written to for whom it was [night](Fate::Quiet). Business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asleep_until: Option<Timestamp>,
}

impl Pass {
    /// The first one.
    pub fn first(now: Timestamp) -> Self {
        Self {
            number: 1,
            began_at: now,
            ended_at: None,
            counts: Counts::default(),
            asleep_until: None,
        }
    }

    /// Takes in that some sleep, the first until the instant that is given.
    pub fn asleep(&mut self, until: Option<Timestamp>) {
        self.asleep_until = self.asleep_until.into_iter().chain(until).min();
    }

    /// The one after this, if it is time for it.
    pub fn next(&self, now: Timestamp) -> Option<Self> {
        let due = self.next_at()? <= now;
        due.then(|| Self {
            number: self.number.saturating_add(1),
            ..Self::first(now)
        })
    }

    /// When the next one is to begin; `None` while this one goes on.
    pub fn next_at(&self) -> Option<Timestamp> {
        let ended = self.ended_at?;
        let (soon, later) = (later(ended, SOON), later(ended, LATER));
        if self.counts.of(Fate::InProgress) > 0 {
            return Some(soon);
        }
        if self.counts.of(Fate::Quiet) == 0 {
            return Some(later);
        }
        let woken = self.asleep_until.map(|until| until.clamp(ended, later));
        Some(woken.unwrap_or(soon))
    }
}

pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
