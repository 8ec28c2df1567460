//! A case: a state machine without I/O.
//!
//! Events are facts; [`Case::apply`] folds them into the state and decides nothing. [`Case::handle`] decides what
//! a command makes happen and [`Case::expire`] what time alone does. `handle` begins with `expire`, so the log is
//! the same however often, and however late, a sweep ran.
//!
//! What each command does in each state (`-` is refused; an empty cell keeps the state):
//!
//! | command          | open              | acknowledged      | awaiting customer | resolved | declined | closed   | reopened          |
//! |------------------|-------------------|-------------------|-------------------|----------|----------|----------|-------------------|
//! | `acknowledge`    | acknowledged      | -                 | -                 | -        | -        | -        | acknowledged      |
//! | `assign`         |                   |                   |                   |          |          | -        |                   |
//! | `reply`          | acknowledged      |                   |                   |          |          | -        | acknowledged      |
//! | `await_customer` | awaiting customer | awaiting customer | -                 | -        | -        | -        | awaiting customer |
//! | `resume`         | -                 | -                 | acknowledged      | -        | -        | -        | -                 |
//! | `resolve`        | resolved          | resolved          | resolved          | -        | -        | -        | resolved          |
//! | `decline`        | declined          | declined          | declined          | -        | -        | -        | declined          |
//! | `reopen`         | -                 | -                 | -                 | reopened | reopened | reopened | -                 |
//! | `close`          | -                 | -                 | -                 | closed   | closed   | -        | -                 |
//!
//! - A case closes only after an outcome: nobody who spoke up is left without one. One that was resolved or
//!   declined closes by itself after the days of its policy.
//! - `reply` stops the first-response clock. Whoever writes has seen the case, so it counts as acknowledged. A
//!   reminder while waiting for the customer does not end the wait, and a word after the outcome changes nothing.
//! - `await_customer` pauses the clocks; with a message it stops the first-response clock instead. `resume` runs them
//!   with what was left. `resolve` and `decline` stop both. `reopen` starts both afresh, under the terms of the opening.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendars, later};
use crate::clock::{Clocks, Step};
use crate::event::{Actor, Doubt, Event, EventKind};
use crate::id::CaseId;
use crate::policy::{Policy, Priority, Terms};
use crate::submission::Channel;
use crate::trace::{self, TraceId};

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
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Acknowledged,
        Self::AwaitingCustomer,
        Self::Resolved,
        Self::Declined,
        Self::Closed,
        Self::Reopened,
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
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The commands a case in this state takes.
    pub const fn allows(self) -> &'static [Verb] {
        use Verb::{
            Acknowledge, Assign, AwaitCustomer, Close, Decline, Reopen, Reply, Resolve, Resume,
        };
        match self {
            Self::Open | Self::Reopened => {
                &[Acknowledge, Assign, Reply, AwaitCustomer, Resolve, Decline]
            }
            Self::Acknowledged => &[Assign, Reply, AwaitCustomer, Resolve, Decline],
            Self::AwaitingCustomer => &[Assign, Reply, Resume, Resolve, Decline],
            Self::Resolved | Self::Declined => &[Assign, Reply, Reopen, Close],
            Self::Closed => &[Reopen],
        }
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
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 9] = [
        Self::Acknowledge,
        Self::Assign,
        Self::Reply,
        Self::AwaitCustomer,
        Self::Resume,
        Self::Resolve,
        Self::Decline,
        Self::Reopen,
        Self::Close,
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
        }
    }

    /// The verb of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }
}

/// What staff can do. The words of `Reply`, `AwaitCustomer`, `Resolve` and `Decline` are kept in a
/// message beside the event, not here.
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
        deserialize_with = "trace::lenient"
    )]
    trace_id: Option<TraceId>,
}

impl Case {
    /// The first event of a case that a customer's response opens; [`begin`](Self::begin) makes the case of it. It has
    /// no trace: who knows one sets it.
    pub fn open(
        id: CaseId,
        at: Timestamp,
        priority: Priority,
        channel: Channel,
        policy: &Policy,
        calendars: &Calendars,
    ) -> Event {
        let at = whole_millis(at);
        let terms = policy.terms();
        let clocks = Clocks::start(policy.targets(priority, channel), &terms, at, calendars);
        Event {
            case: id,
            seq: 1,
            at,
            by: Actor::Customer,
            kind: EventKind::Opened {
                priority,
                terms,
                clocks,
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
            owner: None,
            terms: *terms,
            clocks: clocks.clone(),
            opened_at: opened.at,
            last_event_at: opened.at,
            closes_at: None,
            closed_at: None,
            trace_id: opened.trace_id,
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

    /// What it keeps of the policy it was opened under.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Its clocks.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
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
        self.trace_id
    }

    /// The first instant at which `expire` would act; `None` if it never will by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_expiry().map(|(at, _)| at)
    }

    /// Everything that time alone has made happen by `now`: each event bears the instant it became due.
    pub fn expire(&self, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        let mut case = self.clone();
        while let Some((at, kind)) = case.next_expiry().filter(|&(at, _)| at <= now) {
            let event = case.event(at, Actor::System, kind);
            case.apply(&event);
            events.push(event);
        }
        events
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
        calendars: &Calendars,
    ) -> Result<Vec<Event>, Refused> {
        let (now, mut events, case) = self.until(now);
        let kind = case.decide(command, now, calendars)?;
        events.push(case.event(now, by, kind));
        Ok(events)
    }

    /// Records that it is unknown, or known to have failed, whether the customer was told of event `cause`.
    /// Begins with `expire(now)`, like a command, and is possible in every state; the last event is the doubt.
    pub fn doubt(&self, cause: u32, doubt: Doubt, now: Timestamp) -> Vec<Event> {
        let (now, mut events, case) = self.until(now);
        events.push(case.event(
            now,
            Actor::System,
            EventKind::NoticeInDoubt { cause, doubt },
        ));
        events
    }

    /// The case after this event.
    pub fn apply(&mut self, event: &Event) {
        self.version = event.seq;
        self.last_event_at = event.at;
        if event.by != Actor::System {
            self.revision = event.seq;
        }
        match &event.kind {
            // The opening makes the case; it does not happen to one.
            EventKind::Opened { .. } | EventKind::NoticeInDoubt { .. } | EventKind::Unknown => {}
            EventKind::Acknowledged => self.state = State::Acknowledged,
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
            EventKind::Resolved { clocks, closes_at } => {
                self.state = State::Resolved;
                self.clocks = clocks.clone();
                self.closes_at = Some(*closes_at);
            }
            EventKind::Declined { clocks, closes_at } => {
                self.state = State::Declined;
                self.clocks = clocks.clone();
                self.closes_at = Some(*closes_at);
            }
            EventKind::Reopened { clocks } => {
                self.state = State::Reopened;
                self.clocks = clocks.clone();
                self.closes_at = None;
                self.closed_at = None;
            }
            EventKind::Closed => {
                self.state = State::Closed;
                self.closes_at = None;
                self.closed_at = Some(event.at);
            }
            EventKind::Warned { clock, due } => {
                self.clocks.get_mut(*clock).take(Step::Warning, *due)
            }
            EventKind::Breached { clock, due } => {
                self.clocks.get_mut(*clock).take(Step::Breach, *due)
            }
            EventKind::Escalated {
                clock,
                due,
                audience,
            } => {
                self.clocks
                    .get_mut(*clock)
                    .take(Step::from(*audience), *due);
            }
        }
    }

    /// The first thing that time alone will make happen, and when. Clocks are stopped while `closes_at` is set.
    fn next_expiry(&self) -> Option<(Timestamp, EventKind)> {
        match self.closes_at {
            Some(at) => Some((at, EventKind::Closed)),
            None => self.clocks.next_moment(),
        }
    }

    /// The case as time alone has made it by `now`, with the events of that; `now` in whole milliseconds and no
    /// earlier than the last event.
    fn until(&self, now: Timestamp) -> (Timestamp, Vec<Event>, Self) {
        let now = whole_millis(now).max(self.last_event_at);
        let events = self.expire(now);
        let mut case = self.clone();
        for event in &events {
            case.apply(event);
        }
        (now, events, case)
    }

    fn decide(
        &self,
        command: &Command,
        now: Timestamp,
        calendars: &Calendars,
    ) -> Result<EventKind, Refused> {
        let allowed = self.state.allows();
        let verb = command.verb();
        if !allowed.contains(&verb) {
            return Err(Refused::WrongState {
                state: self.state,
                command: verb,
                allowed,
            });
        }
        let Clocks {
            first_response,
            resolution,
        } = &self.clocks;
        let answered = || first_response.stopped(&self.terms, now, calendars);
        let stopped = || Clocks {
            first_response: answered(),
            resolution: resolution.stopped(&self.terms, now, calendars),
        };
        let closes_at = later(now, self.terms.auto_close.max(SignedDuration::ZERO));
        Ok(match command {
            Command::Acknowledge => EventKind::Acknowledged,
            Command::Assign { owner } => EventKind::Assigned {
                owner: owner.clone(),
            },
            Command::Reply => EventKind::Replied {
                clocks: Clocks {
                    first_response: answered(),
                    resolution: resolution.clone(),
                },
            },
            Command::AwaitCustomer { message } => EventKind::AwaitingCustomer {
                message: *message,
                clocks: Clocks {
                    first_response: if *message {
                        answered()
                    } else {
                        first_response.paused(now, calendars)
                    },
                    resolution: resolution.paused(now, calendars),
                },
            },
            Command::Resume => EventKind::Resumed {
                clocks: Clocks {
                    first_response: first_response.resumed(&self.terms, now, calendars),
                    resolution: resolution.resumed(&self.terms, now, calendars),
                },
            },
            Command::Resolve => EventKind::Resolved {
                clocks: stopped(),
                closes_at,
            },
            Command::Decline => EventKind::Declined {
                clocks: stopped(),
                closes_at,
            },
            Command::Reopen => EventKind::Reopened {
                clocks: Clocks::start(self.clocks.targets(), &self.terms, now, calendars),
            },
            Command::Close => EventKind::Closed,
        })
    }

    fn event(&self, at: Timestamp, by: Actor, kind: EventKind) -> Event {
        Event {
            case: self.id,
            seq: self.version.saturating_add(1),
            at,
            by,
            kind,
            trace_id: self.trace_id,
        }
    }
}

/// Drops what is below a millisecond.
fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
