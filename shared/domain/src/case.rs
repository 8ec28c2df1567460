//! A case: a state machine without I/O.
//!
//! Events are facts; [`Case::apply`] folds them into the state and decides nothing. [`Case::handle`] decides what
//! a command makes happen and [`Case::expire`] what time alone does. Whatever adds to a log begins with `expire`, so the
//! log is the same however often, and however late, a sweep ran.
//!
//! What each command does in each state (`-` is refused; an empty cell keeps the state):
//!
//! | command                   | open              | acknowledged      | awaiting customer | resolved | declined | closed   | reopened          | merged |
//! |---------------------------|-------------------|-------------------|-------------------|----------|----------|----------|-------------------|--------|
//! | `acknowledge`             | acknowledged      | -                 | -                 | -        | -        | -        | acknowledged      | -      |
//! | `assign`                  |                   |                   |                   |          |          | -        |                   | -      |
//! | `reply`                   | acknowledged      |                   |                   |          |          | -        | acknowledged      | -      |
//! | `await_customer`          | awaiting customer | awaiting customer | -                 | -        | -        | -        | awaiting customer | -      |
//! | `resume`                  | -                 | -                 | acknowledged      | -        | -        | -        | -                 | -      |
//! | `record_customer_message` |                   |                   | acknowledged      | reopened | reopened | reopened |                   | -      |
//! | `plan`                    |                   |                   |                   | -        | -        | -        |                   | -      |
//! | `resolve`                 | resolved          | resolved          | resolved          | -        | -        | -        | resolved          | -      |
//! | `decline`                 | declined          | declined          | declined          | -        | -        | -        | declined          | -      |
//! | `reopen`                  | -                 | -                 | -                 | reopened | reopened | reopened | -                 | -      |
//! | `close`                   | -                 | -                 | -                 | closed   | closed   | -        | -                 | -      |
//! | `merge`                   | merged            | merged            | merged            | -        | -        | -        | merged            | -      |
//! | `told`                    | -                 |                   |                   |          |          |          |                   |        |
//!
//! - A case closes only after an outcome: nobody who spoke up is left without one. One that was resolved or
//!   declined closes by itself after the days of its policy.
//! - `reply` stops the clocks of the first and the next response. Whoever writes has seen the case, so it counts as
//!   acknowledged. A reminder while waiting for the customer does not end the wait, and a word after the outcome
//!   changes nothing.
//! - `await_customer` pauses the clocks, except that of the loop; with a message it stops those of a response instead.
//!   `resume` runs them with what was left. `resolve` and `decline` stop all. `reopen` starts them afresh, under the
//!   rules of that day.
//! - `record_customer_message` ends a wait, and opens again what had an outcome. Where the first response was given
//!   already it starts the clock of the next one, unless that runs: the oldest message without an answer counts.
//! - `merge` stops the clocks: the survivor's go on. The customer hears the survivor's outcome.
//! - A **task** is a case that a risk rule opened. There is no customer to write to, so it takes `acknowledge` (which
//!   stops its first response), `assign`, `plan`, `resolve`, `decline`, `reopen` and `close` alone, where the table has
//!   them; what is written with an outcome is for staff. It is not merged and takes no case in.
//! - The customer's answer to "did this solve it?" ([`Case::hear`]) is no command of staff: *yes* closes what is resolved or
//!   declined, *no* opens again whatever has an outcome. A merged case whose customer says no is worked by itself again.
//! - `told` records that somebody of staff told the customer themselves, or did not reach them. While that is still
//!   [to be told](crate::telling) no silence closes the case: its days begin when nothing is left to tell. It has a clock
//!   of its own, that runs in whatever state the case is and stops with it.
//! - When other rules begin to apply, running and paused clocks are computed under them, with one event that says so.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::book::{Book, Edition};
use crate::calendar::later;
use crate::clock::{Clock, ClockKind, ClockName, Clocks, Ground, Shift, Step};
use crate::confirmation::{NotAsked, Question, Solved};
use crate::event::{Actor, Doubt, Ending, Event, EventKind};
use crate::id::CaseId;
use crate::policy::{Agreed, Origin, Priority, Terms};
use crate::risk::Task;
use crate::telling::{Came, How, ToTell};
use crate::trace::{self, TraceId};

/// The most cases that one case survives: an outcome is written for all of them at once.
pub const MAX_ABSORBED: usize = 20;

/// Where a case stands. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has looked yet.
    Open,
    /// Staff have seen it.
    Acknowledged,
    /// Staff wait for the customer; the clocks pause.
    AwaitingCustomer,
    /// Solved, and the customer is told.
    Resolved,
    /// Will not be done, and the customer is told why.
    Declined,
    /// The loop is closed.
    Closed,
    /// Not solved after all; worked again like an open one.
    Reopened,
    /// The same story as another case, which is worked instead.
    Merged,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Acknowledged,
        Self::AwaitingCustomer,
        Self::Resolved,
        Self::Declined,
        Self::Closed,
        Self::Reopened,
        Self::Merged,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::AwaitingCustomer => "awaiting_customer",
            Self::Resolved => "resolved",
            Self::Declined => "declined",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
            Self::Merged => "merged",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The commands a case in this state takes.
    pub const fn allows(self) -> &'static [Verb] {
        use Verb::{
            Acknowledge, Assign, AwaitCustomer, Close, Decline, Merge, Plan, RecordCustomerMessage,
            Reopen, Reply, Resolve, Resume, Told,
        };
        match self {
            Self::Open => &[
                Acknowledge,
                Assign,
                Reply,
                AwaitCustomer,
                RecordCustomerMessage,
                Plan,
                Resolve,
                Decline,
                Merge,
            ],
            Self::Reopened => &[
                Acknowledge,
                Assign,
                Reply,
                AwaitCustomer,
                RecordCustomerMessage,
                Plan,
                Resolve,
                Decline,
                Merge,
                Told,
            ],
            Self::Acknowledged => &[
                Assign,
                Reply,
                AwaitCustomer,
                RecordCustomerMessage,
                Plan,
                Resolve,
                Decline,
                Merge,
                Told,
            ],
            Self::AwaitingCustomer => &[
                Assign,
                Reply,
                Resume,
                RecordCustomerMessage,
                Plan,
                Resolve,
                Decline,
                Merge,
                Told,
            ],
            Self::Resolved | Self::Declined => {
                &[Assign, Reply, RecordCustomerMessage, Reopen, Close, Told]
            }
            Self::Closed => &[RecordCustomerMessage, Reopen, Told],
            // Its customer hears the survivor's outcome, and may be told by a person.
            Self::Merged => &[Told],
        }
    }

    /// The commands a task in this state takes: those of [`allows`](Self::allows) for which no customer is needed.
    pub const fn allows_of_task(self) -> &'static [Verb] {
        use Verb::{Acknowledge, Assign, Close, Decline, Plan, Reopen, Resolve};
        match self {
            Self::Open | Self::Reopened => &[Acknowledge, Assign, Plan, Resolve, Decline],
            Self::Acknowledged => &[Assign, Plan, Resolve, Decline],
            Self::Resolved | Self::Declined => &[Assign, Reopen, Close],
            Self::Closed => &[Reopen],
            // No task gets there.
            Self::AwaitingCustomer | Self::Merged => &[],
        }
    }

    /// Whether it has an outcome, its own or that of the case it was merged into; its clocks stand still.
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Resolved | Self::Declined | Self::Closed | Self::Merged
        )
    }
}

/// The name of a command. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is explained on the command of its name")]
pub enum Verb {
    Acknowledge,
    Assign,
    Reply,
    AwaitCustomer,
    Resume,
    Resolve,
    Decline,
    Reopen,
    Close,
    RecordCustomerMessage,
    Plan,
    Merge,
    Told,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 13] = [
        Self::Acknowledge,
        Self::Assign,
        Self::Reply,
        Self::AwaitCustomer,
        Self::Resume,
        Self::Resolve,
        Self::Decline,
        Self::Reopen,
        Self::Close,
        Self::RecordCustomerMessage,
        Self::Plan,
        Self::Merge,
        Self::Told,
    ];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Assign => "assign",
            Self::Reply => "reply",
            Self::AwaitCustomer => "await_customer",
            Self::Resume => "resume",
            Self::Resolve => "resolve",
            Self::Decline => "decline",
            Self::Reopen => "reopen",
            Self::Close => "close",
            Self::RecordCustomerMessage => "record_customer_message",
            Self::Plan => "plan",
            Self::Merge => "merge",
            Self::Told => "told",
        }
    }

    /// The verb of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}

/// What can be done. The words of `Reply`, `AwaitCustomer`, `Resolve`, `Decline`, `RecordCustomerMessage`, `Plan` and
/// `Told` are kept in a message beside the event, not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// "I have seen it."
    Acknowledge,
    /// Give it to somebody.
    Assign {
        /// A staff `sub`.
        owner: String,
    },
    /// Write to the customer.
    Reply,
    /// Wait for the customer, with or without a message to them.
    AwaitCustomer {
        /// Whether words go with it.
        message: bool,
    },
    /// Stop waiting.
    Resume,
    /// Solved.
    Resolve,
    /// Will not be done.
    Decline,
    /// Not solved after all.
    Reopen,
    /// Close the loop now.
    Close,
    /// The customer wrote, or said something.
    RecordCustomerMessage,
    /// There is a remediation plan.
    Plan,
    /// It is the same story as another case.
    Merge {
        /// The case that survives; see [`Case::absorb`].
        into: CaseId,
    },
    /// Somebody of staff turned to the customer themselves.
    Told {
        /// The event that it was about, one that the customer is told of; `None` for what is still to be told.
        cause: Option<u32>,
        /// How.
        how: How,
        /// What came of it.
        came: Came,
    },
}

impl Command {
    /// Its name.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Acknowledge => Verb::Acknowledge,
            Self::Assign { .. } => Verb::Assign,
            Self::Reply => Verb::Reply,
            Self::AwaitCustomer { .. } => Verb::AwaitCustomer,
            Self::Resume => Verb::Resume,
            Self::Resolve => Verb::Resolve,
            Self::Decline => Verb::Decline,
            Self::Reopen => Verb::Reopen,
            Self::Close => Verb::Close,
            Self::RecordCustomerMessage => Verb::RecordCustomerMessage,
            Self::Plan => Verb::Plan,
            Self::Merge { .. } => Verb::Merge,
            Self::Told { .. } => Verb::Told,
        }
    }
}

/// Why a command cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The command does not fit the state.
    #[error("a case that is `{}` does not take `{}`; it takes {}", state.name(), command.name(), names(allowed))]
    WrongState {
        /// The state it is in, after everything that time made happen.
        state: State,
        /// What was asked.
        command: Verb,
        /// What it takes instead.
        allowed: &'static [Verb],
    },
    /// The case was merged: what is to be done is done to the survivor.
    #[error("the case was merged into {into}: send the command there")]
    Merged {
        /// The survivor.
        into: CaseId,
    },
    /// A case cannot be merged into itself.
    #[error("a case cannot be merged into itself")]
    IntoItself,
    /// A case that has an outcome cannot take another in: its customer would never hear of one.
    #[error("a case that is `{}` cannot take another in: reopen it first", state.name())]
    NoSurvivor {
        /// The state of the case that was to survive.
        state: State,
    },
    /// A task takes no case in and is taken in by none: it has no customer who could hear of an outcome.
    #[error("a task is not merged")]
    Task,
    /// It is not said what the customer was told, and nothing is still to be told by a person.
    #[error("nothing is still to be told: say which event it was about")]
    NothingToTell,
    /// A case survives [`MAX_ABSORBED`] others at most.
    #[error("a case cannot take in more than {MAX_ABSORBED} others")]
    TooMany,
}

fn names(verbs: &[Verb]) -> String {
    let names: Vec<_> = verbs
        .iter()
        .map(|verb| format!("`{}`", verb.name()))
        .collect();
    names.join(", ")
}

/// Why events are not the log of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLog {
    /// There are none.
    #[error("the log is empty")]
    Empty,
    /// The first one is not `Opened` with seq 1.
    #[error("the log does not begin with its opening")]
    NotOpened,
    /// One is missing, repeated, or out of order.
    #[error("event {expected} was expected, not {found}")]
    Gap {
        /// The seq that should have come.
        expected: u32,
        /// The seq that came.
        found: u32,
    },
    /// One belongs to another case.
    #[error("event {seq} is of another case")]
    Foreign {
        /// Its seq.
        seq: u32,
    },
}

/// The state of a case after its log so far. Serialized as a snapshot beside the log; names are append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    id: CaseId,
    version: u32,
    revision: u32,
    state: State,
    priority: Priority,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    terms: Terms,
    clocks: Clocks,
    opened_at: Timestamp,
    last_event_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
    /// Each event of the case bears it too.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "trace::compact"
    )]
    trace: Option<TraceId>,
    /// `None` in what was written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    merged_into: Option<CaseId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    absorbed: Vec<CaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<Task>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_tell: Option<ToTell>,
}

impl Case {
    /// The first event of a case that a risk rule opens, under the rules that apply at that instant.
    pub fn open_task(id: CaseId, at: Timestamp, task: Task, book: &Book) -> Event {
        let priority = task.rule().priority();
        let mut event = Self::open(id, at, priority, Origin::default(), book);
        event.by = Actor::System;
        if let EventKind::Opened { task: found, .. } = &mut event.kind {
            *found = Some(task);
        }
        event
    }

    /// The first event of a case that a customer's response opens, under the rules that apply at that instant;
    /// [`begin`](Self::begin) makes the case of it. It has no trace and no owner: who knows one sets it.
    pub fn open(
        id: CaseId,
        at: Timestamp,
        priority: Priority,
        origin: Origin,
        book: &Book,
    ) -> Event {
        let at = whole_millis(at);
        let edition = book.at(at);
        let (agreed, terms) = edition.agree(priority, &origin);
        let clocks = Clocks::start(agreed, Ground::new(at, &terms, edition));
        Event {
            case: id,
            seq: 1,
            at,
            by: Actor::Customer,
            kind: EventKind::Opened {
                priority,
                terms,
                clocks,
                origin: Some(origin),
                owner: None,
                task: None,
            },
            trace_id: None,
        }
    }

    /// The case that the first event of a log (`Opened`) begins; `None` for any other event.
    pub fn begin(opened: &Event) -> Option<Self> {
        let EventKind::Opened {
            priority,
            terms,
            clocks,
            origin,
            owner,
            task,
        } = &opened.kind
        else {
            return None;
        };
        Some(Self {
            id: opened.case,
            version: opened.seq,
            revision: opened.seq,
            state: State::Open,
            priority: *priority,
            owner: owner.clone(),
            terms: terms.clone(),
            clocks: clocks.clone(),
            opened_at: opened.at,
            last_event_at: opened.at,
            closes_at: None,
            closed_at: None,
            trace: opened.trace_id,
            origin: origin.clone(),
            merged_into: None,
            absorbed: Vec::new(),
            task: task.clone(),
            to_tell: None,
        })
    }

    /// The case after a whole log, in order and without gaps.
    pub fn replay<'a>(log: impl IntoIterator<Item = &'a Event>) -> Result<Self, BrokenLog> {
        let mut log = log.into_iter();
        let first = log.next().ok_or(BrokenLog::Empty)?;
        let mut case = Self::begin(first)
            .filter(|case| case.version == 1)
            .ok_or(BrokenLog::NotOpened)?;
        for event in log {
            let expected = case.version.saturating_add(1);
            if event.seq != expected {
                return Err(BrokenLog::Gap {
                    expected,
                    found: event.seq,
                });
            }
            if event.case != case.id {
                return Err(BrokenLog::Foreign { seq: event.seq });
            }
            case.apply(event);
        }
        Ok(case)
    }

    /// Its id.
    pub fn id(&self) -> CaseId {
        self.id
    }

    /// The seq of its last event; a write is conditional on it.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The seq of the last event caused by a person: the ETag. A warning fired in between does not change it.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// How urgent it is.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Who works it.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// What it keeps of the rules its clocks were computed under.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The clocks that keep its promises.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Its clock of this name, if there is one.
    pub fn clock(&self, name: ClockName) -> Option<&Clock> {
        match name {
            ClockName::Case(kind) => self.clocks.get(kind),
            ClockName::Tell => self.to_tell.as_ref()?.clock.as_ref(),
        }
    }

    /// Every clock there is, in the order of [`ClockName::all`].
    pub fn all_clocks(&self) -> impl Iterator<Item = (ClockName, &Clock)> {
        ClockName::all().filter_map(|name| Some((name, self.clock(name)?)))
    }

    /// When it was opened.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// The `at` of its last event.
    pub fn last_event_at(&self) -> Timestamp {
        self.last_event_at
    }

    /// When it closes by itself; `None` unless it is resolved or declined.
    pub fn closes_at(&self) -> Option<Timestamp> {
        self.closes_at
    }

    /// When its loop was closed; `None` unless it is closed now.
    pub fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// The request with which everything about it began; `None` if that had no trace.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.trace
    }

    /// The case it was merged into, if it was.
    pub fn merged_into(&self) -> Option<CaseId> {
        self.merged_into
    }

    /// The cases that were merged into it.
    pub fn absorbed(&self) -> &[CaseId] {
        &self.absorbed
    }

    /// What a risk rule found, if that opened it: it has neither a response nor a customer then.
    pub fn task(&self) -> Option<&Task> {
        self.task.as_ref()
    }

    /// What a person is still to tell the customer.
    pub fn to_tell(&self) -> Option<&ToTell> {
        self.to_tell.as_ref()
    }

    /// What is missed next, or was missed first: the earliest deadline of the clocks that run, that of who is to tell the
    /// customer among them; `None` if none runs.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.all_clocks()
            .filter(|(_, clock)| clock.is_running())
            .filter_map(|(_, clock)| clock.due())
            .min()
    }

    /// The short form of its id that people read out: that of the response that opened it, or for a task `T-` and the
    /// same characters.
    pub fn reference(&self) -> String {
        let reference = self.id.response().reference();
        match self.task {
            Some(_) => reference.replacen('R', "T", 1),
            None => reference,
        }
    }

    /// The commands it takes as it stands.
    pub fn allows(&self) -> &'static [Verb] {
        match self.task {
            Some(_) => self.state.allows_of_task(),
            None => self.state.allows(),
        }
    }

    /// The first instant at which `expire` would act under the rules its clocks were computed under; `None` if it never
    /// will by itself. Where other rules have begun to apply since, `expire` may find that it moved.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_expiry().map(|(at, _)| at)
    }

    /// Everything that time alone has made happen by `now`: each event bears the instant it became due.
    ///
    /// Other rules count from the instant they begin to apply: what was due until then is due under the old ones.
    pub fn expire(&self, now: Timestamp, book: &Book) -> Vec<Event> {
        let mut case = self.clone();
        let mut events = Vec::new();
        while let Some(edition) = case.following(book, now) {
            let at = whole_millis(edition.active_from).max(case.last_event_at);
            case.run(at, &mut events);
            let retargeted = case.retargeted(edition, at, book);
            case.happen(at, retargeted, &mut events);
        }
        case.run(now, &mut events);
        let at = whole_millis(now).max(case.last_event_at);
        if let Some(retargeted) = case.rezoned(at, book) {
            case.happen(at, retargeted, &mut events);
            case.run(now, &mut events);
        }
        events
    }

    /// The deadlines that would be others at `now` under this book than they are now, and what they would be: what a
    /// change of the rules would do.
    pub fn moves(&self, now: Timestamp, book: &Book) -> Vec<Shift> {
        let mut after = self.clone();
        for event in self.expire(now, book) {
            after.apply(&event);
        }
        let due = |case: &Self, name| case.clock(name).and_then(Clock::due);
        ClockName::all()
            .map(|clock| Shift {
                clock,
                was: due(self, clock),
                becomes: due(&after, clock),
            })
            .filter(|shift| shift.was != shift.becomes)
            .collect()
    }

    /// What a command makes happen, beginning with `expire(now)`; the event of the command is the last one.
    ///
    /// `now` counts as no earlier than the last event. When the command is refused nothing happens here; what
    /// time made happen is left to the sweep.
    pub fn handle(
        &self,
        command: &Command,
        by: Actor,
        now: Timestamp,
        book: &Book,
    ) -> Result<Vec<Event>, Refused> {
        let (now, mut events, case) = self.until(now, book);
        let kind = case.decide(command, now, book)?;
        events.push(case.event(now, by, kind));
        Ok(events)
    }

    /// Takes in another case, as it is before it is merged into this one, with those that were merged into it. To be
    /// written in one transaction with the other's [`Command::Merge`]. Begins with `expire(now)`, like a command.
    pub fn absorb(
        &self,
        merged: &Self,
        by: Actor,
        now: Timestamp,
        book: &Book,
    ) -> Result<Vec<Event>, Refused> {
        let (now, mut events, case) = self.until(now, book);
        if let Some(into) = case.merged_into {
            return Err(Refused::Merged { into });
        }
        if merged.id == case.id {
            return Err(Refused::IntoItself);
        }
        if case.task.is_some() || merged.task.is_some() {
            return Err(Refused::Task);
        }
        if case.state.is_over() {
            return Err(Refused::NoSurvivor { state: case.state });
        }
        let cases: Vec<_> = std::iter::once(merged.id)
            .chain(merged.absorbed.iter().copied())
            .collect();
        if case.absorbed.len() + cases.len() > MAX_ABSORBED {
            return Err(Refused::TooMany);
        }
        events.push(case.event(now, by, EventKind::Absorbed { cases }));
        Ok(events)
    }

    /// What the outcome of the case that survives it makes happen here; to be written in one transaction with that.
    /// Begins with `expire(now)`, like a command: what a person was to tell may have been missed by then. Empty unless it
    /// was merged.
    pub fn follow(&self, outcome: Ending, now: Timestamp, book: &Book) -> Vec<Event> {
        if self.state != State::Merged {
            return Vec::new();
        }
        let (now, mut events, case) = self.until(now, book);
        events.push(case.event(now, Actor::System, EventKind::Followed { outcome }));
        events
    }

    /// What the customer's answer to the question of this log makes happen. Begins with `expire(now)`, like a command; the
    /// last event is the answer. That somebody says the same twice is for the caller to recognise.
    ///
    /// # Errors
    /// [`NotAsked`] if there is no outcome.
    pub fn hear(
        &self,
        question: Question,
        solved: Solved,
        now: Timestamp,
        book: &Book,
    ) -> Result<Vec<Event>, NotAsked> {
        let (now, mut events, case) = self.until(now, book);
        if case.task.is_some() {
            return Err(NotAsked::Task);
        }
        if !case.state.is_over() {
            return Err(NotAsked::NoOutcome { state: case.state });
        }
        let outcome = question.outcome();
        let kind = match solved {
            Solved::Yes => EventKind::Confirmed { outcome },
            Solved::No => {
                let (terms, clocks) = case.afresh(now, book);
                EventKind::Disputed {
                    outcome,
                    clocks,
                    terms,
                }
            }
        };
        events.push(case.event(now, Actor::Customer, kind));
        Ok(events)
    }

    /// Records that it is unknown, or known to have failed, whether the customer was told of event `cause`.
    /// Begins with `expire(now)`, like a command, and is possible in every state; the last event is the doubt.
    pub fn doubt(&self, cause: u32, doubt: Doubt, now: Timestamp, book: &Book) -> Vec<Event> {
        let (now, mut events, case) = self.until(now, book);
        let clock = case.tell_by(cause, now, book);
        let kind = EventKind::NoticeInDoubt {
            cause,
            doubt,
            clock,
        };
        events.push(case.event(now, Actor::System, kind));
        events
    }

    /// Records that a person is to tell the customer of event `cause`. Begins with `expire(now)`, like a command, and is
    /// possible in every state; the last event asks them.
    pub fn ask(&self, cause: u32, now: Timestamp, book: &Book) -> Vec<Event> {
        let (now, mut events, case) = self.until(now, book);
        let clock = case.tell_by(cause, now, book);
        events.push(case.event(now, Actor::System, EventKind::ToTell { cause, clock }));
        events
    }

    /// Records what the provider told later of what the customer was to be told: one event for each of `told`, in order.
    /// Begins with `expire(now)`, like a command, and is possible in every state.
    pub fn hear_of_notice(&self, told: &[EventKind], now: Timestamp, book: &Book) -> Vec<Event> {
        let (now, mut events, mut case) = self.until(now, book);
        for kind in told {
            let event = case.event(now, Actor::System, kind.clone());
            case.apply(&event);
            events.push(event);
        }
        events
    }

    /// The case after this event.
    pub fn apply(&mut self, event: &Event) {
        let was_untold = self.to_tell.is_some();
        self.to_tell = ToTell::after(self.to_tell.take(), &event.kind, event.at);
        let was_held = was_untold && self.to_tell.is_none();
        self.version = event.seq;
        self.last_event_at = event.at;
        if event.by != Actor::System {
            self.revision = event.seq;
        }
        match &event.kind {
            // The opening makes the case; it does not happen to one.
            EventKind::Opened { .. }
            | EventKind::NoticeInDoubt { .. }
            | EventKind::NoticeFailed { .. }
            | EventKind::NoticeFound { .. }
            | EventKind::ToTell { .. }
            | EventKind::Told { .. }
            | EventKind::NotReached { .. }
            | EventKind::Reminded { .. }
            | EventKind::Followed { .. }
            | EventKind::Unknown => {}
            EventKind::Acknowledged => self.state = State::Acknowledged,
            EventKind::TakenUp { clocks } => {
                self.state = State::Acknowledged;
                self.clocks = clocks.clone();
            }
            EventKind::Assigned { owner } => self.owner = Some(owner.clone()),
            EventKind::Replied { clocks } => {
                if matches!(self.state, State::Open | State::Reopened) {
                    self.state = State::Acknowledged;
                }
                self.clocks = clocks.clone();
            }
            EventKind::AwaitingCustomer { message: _, clocks } => {
                self.state = State::AwaitingCustomer;
                self.clocks = clocks.clone();
            }
            EventKind::Resumed { clocks } => {
                self.state = State::Acknowledged;
                self.clocks = clocks.clone();
            }
            EventKind::Resolved {
                clocks, closes_at, ..
            } => {
                self.state = State::Resolved;
                self.clocks = clocks.clone();
                self.closes_at = Some(*closes_at);
            }
            EventKind::Declined {
                clocks, closes_at, ..
            } => {
                self.state = State::Declined;
                self.clocks = clocks.clone();
                self.closes_at = Some(*closes_at);
            }
            EventKind::Reopened { clocks, terms } | EventKind::Disputed { clocks, terms, .. } => {
                self.reopen();
                self.clocks = clocks.clone();
                if let Some(terms) = terms {
                    self.terms = terms.clone();
                }
            }
            EventKind::CustomerWrote { clocks, terms } => {
                match self.state {
                    State::AwaitingCustomer => self.state = State::Acknowledged,
                    State::Resolved | State::Declined | State::Closed => self.reopen(),
                    State::Open | State::Acknowledged | State::Reopened | State::Merged => {}
                }
                self.clocks = clocks.clone();
                if let Some(terms) = terms {
                    self.terms = terms.clone();
                }
            }
            EventKind::Planned { clocks } => self.clocks = clocks.clone(),
            EventKind::Merged { into, clocks } => {
                self.state = State::Merged;
                self.merged_into = Some(*into);
                self.clocks = clocks.clone();
            }
            EventKind::Absorbed { cases } => {
                for case in cases {
                    // One that was opened again by itself can be merged a second time.
                    if !self.absorbed.contains(case) {
                        self.absorbed.push(*case);
                    }
                }
            }
            EventKind::Retargeted {
                terms,
                clocks,
                moved: _,
                tell: _,
            } => {
                self.terms = terms.clone();
                self.clocks = clocks.clone();
            }
            EventKind::Closed => self.close(event.at),
            // What was closed or merged stays so.
            EventKind::Confirmed { .. } => {
                if matches!(self.state, State::Resolved | State::Declined) {
                    self.close(event.at);
                }
            }
            EventKind::Warned { clock, due } => self.take(*clock, Step::Warning, *due),
            EventKind::Breached { clock, due, .. } => self.take(*clock, Step::Breach, *due),
            EventKind::Escalated {
                clock,
                due,
                audience,
            } => self.take(*clock, Step::from(*audience), *due),
        }
        if was_held {
            self.hold_open(event.at);
        }
    }

    fn take(&mut self, clock: ClockKind, step: Step, due: Timestamp) {
        if let Some(clock) = self.clocks.get_mut(clock) {
            clock.take(step, due);
        }
    }

    /// Silence counts from when the customer could have heard: at the earliest from `at`.
    fn hold_open(&mut self, at: Timestamp) {
        let silent = later(at, self.terms.auto_close.max(SignedDuration::ZERO));
        self.closes_at = self.closes_at.map(|closes| closes.max(silent));
    }

    fn close(&mut self, at: Timestamp) {
        self.state = State::Closed;
        self.closes_at = None;
        self.closed_at = Some(at);
    }

    fn reopen(&mut self) {
        self.state = State::Reopened;
        self.closes_at = None;
        self.closed_at = None;
        self.merged_into = None;
    }

    /// The first thing that time alone will make happen, and when. The clocks of the case are stopped while `closes_at` is
    /// set.
    fn next_expiry(&self) -> Option<(Timestamp, EventKind)> {
        let Some(open) = &self.to_tell else {
            let closes = self.closes_at.map(|at| (at, EventKind::Closed));
            return closes.or_else(|| self.clocks.next_moment(&self.terms));
        };
        // Whoever has not heard is not silent: it does not close. Of what comes together the clocks of the case are first.
        let clocks = self.clocks.next_moment(&self.terms);
        let moments = clocks.into_iter().chain(self.next_reminder(open));
        moments.min_by_key(|&(at, _)| at)
    }

    /// What the clock of who is to tell the customer will do next, and when.
    fn next_reminder(&self, open: &ToTell) -> Option<(Timestamp, EventKind)> {
        let (at, step, due) = open.clock.as_ref()?.next_moment(&self.terms)?;
        let reminded = EventKind::Reminded {
            cause: open.cause,
            step,
            due,
            audience: step.audience(&self.terms),
        };
        Some((at, reminded))
    }

    /// The clock of a person who is asked at `now` to tell the customer of event `cause`; `None` where that is to be told
    /// already, or something newer is.
    fn tell_by(&self, cause: u32, now: Timestamp, book: &Book) -> Option<Clock> {
        if self.to_tell.as_ref().is_some_and(|open| open.covers(cause)) {
            return None;
        }
        let edition = book.of(&self.terms);
        let (agreed, _) = edition.agree(self.priority, &self.known_origin());
        let ground = Ground::new(now, &self.terms, edition);
        Some(Clock::started(agreed.tell, ground))
    }

    /// Lets time pass until `now` under the rules the clocks were computed under.
    fn run(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        while let Some((at, kind)) = self.next_expiry().filter(|&(at, _)| at <= now) {
            self.happen(at, kind, events);
        }
    }

    fn happen(&mut self, at: Timestamp, kind: EventKind, events: &mut Vec<Event>) {
        let event = self.event(at, Actor::System, kind);
        self.apply(&event);
        events.push(event);
    }

    /// The next edition its clocks are to be computed under. What is over is not worked by any.
    fn following<'a>(&self, book: &'a Book, now: Timestamp) -> Option<&'a Edition> {
        book.following(&self.terms, now)
            .filter(|_| !self.state.is_over())
    }

    /// What an edition that begins to apply at `at` makes of the clocks.
    fn retargeted(&self, edition: &Edition, at: Timestamp, book: &Book) -> EventKind {
        let (agreed, terms) = edition.agree(self.priority, &self.known_origin());
        let counted_by = &book.of(&self.terms).calendars;
        let ground = Ground::new(at, &terms, edition);
        let clocks = self.clocks.retargeted(&agreed, counted_by, ground);
        let tell = self.clock(ClockName::Tell);
        let tell = tell.map(|clock| clock.retargeted(&agreed.tell, counted_by, ground));
        EventKind::Retargeted {
            moved: clocks.moved_since(&self.clocks),
            terms,
            clocks,
            tell,
        }
    }

    /// What another release of the time-zone database makes of the clocks; `None` if no deadline moves by it, or it has an
    /// outcome. It has no instant at which it begins to apply, so that is whenever somebody looks.
    fn rezoned(&self, at: Timestamp, book: &Book) -> Option<EventKind> {
        let edition = book.of(&self.terms);
        let other = |zone_data| zone_data != edition.zone_data;
        let mut clocks = self.all_clocks();
        if !clocks.any(|(_, clock)| clock.zone_data().is_some_and(other))
            || edition.is_later_than(&self.terms)
            || self.state.is_over()
        {
            return None;
        }
        let retargeted = self.retargeted(edition, at, book);
        let EventKind::Retargeted { moved, tell, .. } = &retargeted else {
            return None;
        };
        let told_by = self.clock(ClockName::Tell).and_then(Clock::due);
        let moves = !moved.is_empty() || tell.as_ref().and_then(Clock::due) != told_by;
        moves.then_some(retargeted)
    }

    /// The case as time alone has made it by `now`, with the events of that; `now` in whole milliseconds and no
    /// earlier than the last event.
    fn until(&self, now: Timestamp, book: &Book) -> (Timestamp, Vec<Event>, Self) {
        let now = whole_millis(now).max(self.last_event_at);
        let events = self.expire(now, book);
        let mut case = self.clone();
        for event in &events {
            case.apply(event);
        }
        (now, events, case)
    }

    fn decide(&self, command: &Command, now: Timestamp, book: &Book) -> Result<EventKind, Refused> {
        let verb = command.verb();
        if let Some(into) = self.merged_into.filter(|_| verb != Verb::Told) {
            return Err(Refused::Merged { into });
        }
        let allowed = self.allows();
        if !allowed.contains(&verb) {
            return Err(Refused::WrongState {
                state: self.state,
                command: verb,
                allowed,
            });
        }
        let clocks = &self.clocks;
        let internal = self.task.is_some();
        let edition = book.of(&self.terms);
        let ground = Ground::new(now, &self.terms, edition);
        let closes_at = later(now, self.terms.auto_close.max(SignedDuration::ZERO));
        Ok(match command {
            Command::Acknowledge if self.task.is_some() => EventKind::TakenUp {
                clocks: clocks.answered(ground),
            },
            Command::Acknowledge => EventKind::Acknowledged,
            Command::Assign { owner } => EventKind::Assigned {
                owner: owner.clone(),
            },
            Command::Reply => EventKind::Replied {
                clocks: clocks.answered(ground),
            },
            Command::AwaitCustomer { message } => EventKind::AwaitingCustomer {
                message: *message,
                clocks: if *message {
                    clocks.answered(ground).paused(ground)
                } else {
                    clocks.paused(ground)
                },
            },
            Command::Resume => EventKind::Resumed {
                clocks: clocks.resumed(ground),
            },
            Command::RecordCustomerMessage if self.state.is_over() => {
                let (terms, clocks) = self.afresh(now, book);
                EventKind::CustomerWrote { clocks, terms }
            }
            Command::RecordCustomerMessage => {
                let agreed = edition.agree(self.priority, &self.known_origin()).0;
                EventKind::CustomerWrote {
                    clocks: clocks.written_to(agreed.next_response, ground),
                    terms: None,
                }
            }
            Command::Plan => EventKind::Planned {
                clocks: clocks.planned(ground),
            },
            Command::Resolve => EventKind::Resolved {
                clocks: clocks.stopped(ground),
                closes_at,
                internal,
            },
            Command::Decline => EventKind::Declined {
                clocks: clocks.stopped(ground),
                closes_at,
                internal,
            },
            Command::Reopen => {
                let (terms, clocks) = self.afresh(now, book);
                EventKind::Reopened { clocks, terms }
            }
            Command::Close => EventKind::Closed,
            Command::Merge { into } if *into == self.id => return Err(Refused::IntoItself),
            Command::Merge { into } => EventKind::Merged {
                into: *into,
                clocks: clocks.stopped(ground),
            },
            Command::Told { cause, how, came } => {
                let cause = cause.or(self.to_tell.as_ref().map(|open| open.cause));
                let cause = cause.ok_or(Refused::NothingToTell)?;
                let how = *how;
                match came {
                    Came::Told => EventKind::Told { cause, how },
                    Came::NotReached | Came::GaveUp => EventKind::NotReached {
                        cause,
                        how,
                        gives_up: *came == Came::GaveUp,
                    },
                }
            }
        })
    }

    /// Fresh clocks under the rules that apply at `now`, with the terms of those if they are not the case's own.
    fn afresh(&self, now: Timestamp, book: &Book) -> (Option<Terms>, Clocks) {
        let edition = book.at(now);
        if edition.is_later_than(&self.terms) {
            let (agreed, terms) = edition.agree(self.priority, &self.known_origin());
            let clocks = Clocks::start(agreed, Ground::new(now, &terms, edition));
            return (Some(terms), clocks);
        }
        let edition = book.of(&self.terms);
        let mut agreed = edition.agree(self.priority, &self.known_origin()).0;
        if self.origin.is_none() {
            // What was agreed for it is known from its clocks only.
            agreed = Agreed {
                first_response: self.clocks.first_response.target().clone(),
                resolution: self.clocks.resolution.target().clone(),
                ..agreed
            };
        }
        let clocks = Clocks::start(agreed, Ground::new(now, &self.terms, edition));
        (None, clocks)
    }

    fn known_origin(&self) -> Origin {
        self.origin.clone().unwrap_or_default()
    }

    fn event(&self, at: Timestamp, by: Actor, kind: EventKind) -> Event {
        Event {
            case: self.id,
            seq: self.version.saturating_add(1),
            at,
            by,
            kind,
            trace_id: self.trace,
        }
    }
}

/// Drops what is below a millisecond.
fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
