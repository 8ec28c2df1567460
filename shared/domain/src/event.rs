//! What happened to a case. The log of these is at once audit trail, timeline and outbox.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, ClockKind, Clocks, Moved, Step};
use crate::id::CaseId;
use crate::policy::{Audience, Origin, Priority, Terms};
use crate::risk::Task;
use crate::telling::How;
use crate::trace::{self, TraceId};

/// One entry in the log of a case. Holds ids and facts, never a customer's words or contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The case it happened to.
    pub case: CaseId,
    /// Its place in the log, from 1 without gaps.
    pub seq: u32,
    /// Business time, whole milliseconds; never earlier than the entry before.
    pub at: Timestamp,
    /// Who did it.
    pub by: Actor,
    /// What happened.
    pub kind: EventKind,
    /// The trace of the case; `None` if it began without one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "trace",
        with = "trace::compact"
    )]
    pub trace_id: Option<TraceId>,
}

impl Event {
    /// What must follow. It is settled when each of these is recorded as done.
    ///
    /// What staff write down of a call they know already; what the customer writes by themselves they are told of.
    pub fn effects(&self) -> &'static [Effect] {
        match (&self.kind, &self.by) {
            (EventKind::CustomerWrote { .. }, Actor::Customer) => &[Effect::StaffAlert],
            (kind, _) => kind.effects(),
        }
    }

    /// The same opening of a case, with an owner. Unchanged if it is another event.
    #[must_use]
    pub fn assigned_to(mut self, agent: Option<String>) -> Self {
        if let EventKind::Opened { owner, .. } = &mut self.kind {
            *owner = agent;
        }
        self
    }
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The customer, by what they sent or clicked.
    Customer,
    /// A member of staff: the `sub` of their token.
    Staff(String),
    /// A clock, or the system repairing itself.
    System,
}

/// The kinds of event. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A response opened the case, or a risk rule did.
    Opened {
        /// How urgent it is.
        priority: Priority,
        /// What the case keeps of the policy.
        terms: Terms,
        /// The clocks that started.
        clocks: Clocks,
        /// Where it came from, as far as rules look at it; `None` in what was written before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
        /// Who got it by the rules of assignment: a staff `sub`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// What a risk rule found, if that opened it and no response did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<Task>,
    },
    /// Staff saw it.
    Acknowledged,
    /// Staff took up a task, which is all the first response that it asks for.
    TakenUp {
        /// The clocks after it.
        clocks: Clocks,
    },
    /// Staff gave it to somebody.
    Assigned {
        /// The new owner: a staff `sub`.
        owner: String,
    },
    /// Staff wrote to the customer; the words are the message with this event's seq.
    Replied {
        /// The clocks after it.
        clocks: Clocks,
    },
    /// Staff wait for the customer; clocks pause. `message` tells whether words went with it.
    AwaitingCustomer {
        /// Whether the message with this event's seq exists and is to be sent.
        message: bool,
        /// The clocks, paused.
        clocks: Clocks,
    },
    /// The wait is over; clocks run again.
    Resumed {
        /// The clocks, running.
        clocks: Clocks,
    },
    /// Solved; the words are the message with this event's seq.
    Resolved {
        /// The clocks, stopped.
        clocks: Clocks,
        /// When the case closes by itself.
        closes_at: Timestamp,
        /// Whether the words are for staff only, as those of a task are.
        #[serde(default, skip_serializing_if = "is_false")]
        internal: bool,
    },
    /// Will not be done; the reason is the message with this event's seq.
    Declined {
        /// The clocks, stopped.
        clocks: Clocks,
        /// When the case closes by itself.
        closes_at: Timestamp,
        /// Whether the words are for staff only, as those of a task are.
        #[serde(default, skip_serializing_if = "is_false")]
        internal: bool,
    },
    /// Not solved after all; fresh clocks.
    Reopened {
        /// The clocks, fresh.
        clocks: Clocks,
        /// The terms they are under; `None` if those are what they were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms>,
    },
    /// The customer wrote; the words are the message with this event's seq. A wait is over, and what had an outcome is
    /// opened again.
    CustomerWrote {
        /// The clocks after it.
        clocks: Clocks,
        /// The terms they are under; `None` if those are what they were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms>,
    },
    /// There is a remediation plan; it is the message with this event's seq, for staff only.
    Planned {
        /// The clocks after it.
        clocks: Clocks,
    },
    /// It is the same story as another case, which is worked instead.
    Merged {
        /// The case that survives.
        into: CaseId,
        /// The clocks, stopped.
        clocks: Clocks,
    },
    /// Other cases are the same story, and are worked here.
    Absorbed {
        /// The case that was merged into this one, and those that had been merged into it.
        cases: Vec<CaseId>,
    },
    /// The case that this one was merged into has an outcome; the words are the message with this event's seq.
    Followed {
        /// What came of it.
        outcome: Ending,
    },
    /// Other rules began to apply: the clocks are computed under them.
    Retargeted {
        /// What the case keeps of the new rules.
        terms: Terms,
        /// The clocks under them.
        clocks: Clocks,
        /// The deadlines that moved.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        moved: Vec<Moved>,
        /// The clock of who is to tell the customer under them; `None` if nobody is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tell: Option<Clock>,
    },
    /// The loop is closed, by staff or by itself.
    Closed,
    /// The customer said that an outcome solved it: the loop is closed, if it was not already.
    Confirmed {
        /// The seq of the event that told of the outcome.
        outcome: u32,
    },
    /// The customer said that an outcome did not solve it; fresh clocks. Their words, if any, are the message with this
    /// event's seq.
    Disputed {
        /// The seq of the event that told of the outcome.
        outcome: u32,
        /// The clocks, fresh.
        clocks: Clocks,
        /// The terms they are under; `None` if those are what they were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms>,
    },
    /// A clock passed the warning share of its target.
    Warned {
        /// Which clock.
        clock: ClockKind,
        /// The deadline it warns of.
        due: Timestamp,
    },
    /// A clock ran past its deadline.
    Breached {
        /// Which clock.
        clock: ClockKind,
        /// The deadline that was missed.
        due: Timestamp,
        /// Who is told at once; `None` in what was written before it was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<Audience>,
    },
    /// A breach went on; the next rung of the ladder is told.
    Escalated {
        /// Which clock.
        clock: ClockKind,
        /// The deadline that was missed.
        due: Timestamp,
        /// Who is told now.
        audience: Audience,
    },
    /// It is unknown, or known to have failed, whether the customer was told of event `cause`: a person must look.
    NoticeInDoubt {
        /// The seq of the event the customer was to be told of.
        cause: u32,
        /// What is known.
        doubt: Doubt,
        /// Until when a person is to tell them; `None` where that is to be told already, or something newer is, and in
        /// what was written before there was a deadline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<Clock>,
    },
    /// What the customer was to be told of event `cause` did not reach them by this medium, and will not: the next route
    /// is taken.
    NoticeFailed {
        /// The seq of the event the customer was to be told of.
        cause: u32,
        /// By which medium.
        medium: String,
        /// What the provider says.
        why: Failure,
    },
    /// The provider has told of what was in doubt: it took the notice about event `cause` after all, and nothing is left
    /// to look at.
    NoticeFound {
        /// The seq of the event the customer was to be told of.
        cause: u32,
    },
    /// A person is to tell the customer of event `cause`: that is their first route.
    ToTell {
        /// The seq of the event the customer is to be told of.
        cause: u32,
        /// Until when; `None` as in [`NoticeInDoubt`](Self::NoticeInDoubt).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<Clock>,
    },
    /// The clock of who is to tell the customer of event `cause` took a step: somebody is reminded.
    ///
    /// It is a kind of its own, and not a further clock of [`Warned`](Self::Warned) and its like, because a version that
    /// does not know a clock could not read those.
    Reminded {
        /// The seq of the event the customer is to be told of.
        cause: u32,
        /// Which step.
        step: Step,
        /// The deadline.
        due: Timestamp,
        /// Who is reminded.
        audience: Audience,
    },
    /// Somebody of staff told the customer of event `cause` themselves. What they noted of it, if anything, is the message
    /// with this event's seq, for staff only.
    Told {
        /// The seq of the event the customer was told of.
        cause: u32,
        /// How.
        how: How,
    },
    /// Somebody of staff tried to tell the customer of event `cause` and did not reach them. What they noted of it, if
    /// anything, is the message with this event's seq, for staff only.
    NotReached {
        /// The seq of the event the customer was to be told of.
        cause: u32,
        /// How they tried.
        how: How,
        /// Whether nobody is to try again, and the next route is taken.
        #[serde(default, skip_serializing_if = "is_false")]
        gives_up: bool,
    },
    /// Something that a newer version wrote and this one does not know. It stands in the log at its place, moves
    /// nothing here, and is never written.
    Unknown,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whose words a message holds, and for whom. Names are persisted: append only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From staff to the customer.
    #[default]
    ToCustomer,
    /// From the customer.
    FromCustomer,
    /// For staff only.
    Internal,
}

/// How a case can end. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Solved.
    Resolved,
    /// Will not be done.
    Declined,
}

/// Why a notice needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The provider's answer was lost; it may or may not have been sent. It is not sent again.
    Unknown,
    /// The provider refused it for good.
    Refused,
}

/// Why a notice that the provider had taken reached nobody. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It was given up: the mailbox or number does not exist, takes nothing from us, or was out of reach until then.
    Bounced,
    /// The provider did not send it on: it found something wrong with the message.
    Rejected,
}

/// Something that must follow from an event. Names are persisted and sent: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The customer is told, by `close-loop`.
    CustomerNotice,
    /// Staff are told, by `notify-staff`.
    StaffAlert,
}

impl Effect {
    /// Every effect.
    pub const ALL: [Self; 2] = [Self::CustomerNotice, Self::StaffAlert];

    /// The persisted name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CustomerNotice => "customer_notice",
            Self::StaffAlert => "staff_alert",
        }
    }

    /// The effect of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == name)
    }
}

impl EventKind {
    /// Whose words the message with this event's seq holds, if there is one.
    pub const fn direction(&self) -> Direction {
        match self {
            Self::CustomerWrote { .. } | Self::Disputed { .. } => Direction::FromCustomer,
            Self::Planned { .. }
            | Self::Told { .. }
            | Self::NotReached { .. }
            | Self::Resolved { internal: true, .. }
            | Self::Declined { internal: true, .. } => Direction::Internal,
            _ => Direction::ToCustomer,
        }
    }

    /// What must follow, whoever did it.
    fn effects(&self) -> &'static [Effect] {
        match self {
            Self::Replied { .. }
            | Self::AwaitingCustomer { message: true, .. }
            | Self::Resolved {
                internal: false, ..
            }
            | Self::Declined {
                internal: false, ..
            }
            | Self::Followed { .. }
            | Self::NoticeFailed { .. }
            | Self::NotReached { gives_up: true, .. } => &[Effect::CustomerNotice],
            // A severity signal reaches an executive at once, and what a risk rule found whom it concerns.
            Self::Opened {
                priority: Priority::P1,
                ..
            }
            | Self::Opened { task: Some(_), .. }
            | Self::Warned { .. }
            | Self::Breached { .. }
            | Self::Escalated { .. }
            | Self::Disputed { .. }
            | Self::NoticeInDoubt { .. }
            | Self::ToTell { .. }
            | Self::Reminded { .. } => &[Effect::StaffAlert],
            Self::Opened { .. }
            | Self::Acknowledged
            | Self::TakenUp { .. }
            | Self::Resolved { internal: true, .. }
            | Self::Declined { internal: true, .. }
            | Self::Assigned { .. }
            | Self::AwaitingCustomer { message: false, .. }
            | Self::Resumed { .. }
            | Self::Reopened { .. }
            | Self::CustomerWrote { .. }
            | Self::Planned { .. }
            | Self::Merged { .. }
            | Self::Absorbed { .. }
            | Self::Retargeted { .. }
            | Self::Closed
            | Self::Confirmed { .. }
            | Self::NoticeFound { .. }
            | Self::Told { .. }
            | Self::NotReached {
                gives_up: false, ..
            }
            | Self::Unknown => &[],
        }
    }

    /// The seq of the event that the customer is told of by the effects of an event of this kind, which has this seq: its
    /// own, unless something earlier is told by the next route. The entries of the ledger are under that.
    pub const fn tells_of(&self, seq: u32) -> u32 {
        match self {
            Self::NoticeFailed { cause, .. }
            | Self::NotReached {
                cause,
                gives_up: true,
                ..
            } => *cause,
            _ => seq,
        }
    }

    /// The persisted and published name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Acknowledged => "acknowledged",
            Self::TakenUp { .. } => "taken_up",
            Self::Assigned { .. } => "assigned",
            Self::Replied { .. } => "replied",
            Self::AwaitingCustomer { .. } => "awaiting_customer",
            Self::Resumed { .. } => "resumed",
            Self::Resolved { .. } => "resolved",
            Self::Declined { .. } => "declined",
            Self::Reopened { .. } => "reopened",
            Self::CustomerWrote { .. } => "customer_wrote",
            Self::Planned { .. } => "planned",
            Self::Merged { .. } => "merged",
            Self::Absorbed { .. } => "absorbed",
            Self::Followed { .. } => "followed",
            Self::Retargeted { .. } => "retargeted",
            Self::Closed => "closed",
            Self::Confirmed { .. } => "confirmed",
            Self::Disputed { .. } => "disputed",
            Self::Warned { .. } => "warned",
            Self::Breached { .. } => "breached",
            Self::Escalated { .. } => "escalated",
            Self::NoticeInDoubt { .. } => "notice_in_doubt",
            Self::NoticeFailed { .. } => "notice_failed",
            Self::NoticeFound { .. } => "notice_found",
            Self::ToTell { .. } => "to_tell",
            Self::Reminded { .. } => "reminded",
            Self::Told { .. } => "told",
            Self::NotReached { .. } => "not_reached",
            Self::Unknown => "unknown",
        }
    }

    /// The names of the kinds that are written. Any other is of a newer version.
    pub const WRITTEN: [&str; 29] = [
        "opened",
        "acknowledged",
        "assigned",
        "replied",
        "awaiting_customer",
        "resumed",
        "resolved",
        "declined",
        "reopened",
        "closed",
        "warned",
        "breached",
        "escalated",
        "notice_in_doubt",
        "customer_wrote",
        "planned",
        "merged",
        "absorbed",
        "followed",
        "retargeted",
        "taken_up",
        "confirmed",
        "disputed",
        "notice_failed",
        "notice_found",
        "told",
        "not_reached",
        "to_tell",
        "reminded",
    ];
}
