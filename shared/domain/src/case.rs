//! A case: a state machine without I/O.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Calendars;
use crate::clock::Clocks;
use crate::event::{Actor, Event};
use crate::id::CaseId;
use crate::policy::Priority;

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

/// What staff can do. The words of `Reply`, `AwaitingCustomer`, `Resolve` and `Decline` are kept in a
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

/// Why a command cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The command does not fit the state.
    #[error("a case that is {state:?} cannot take this command")]
    WrongState {
        /// The state it is in.
        state: State,
    },
}

/// The state of a case after its log so far. Serialized as a snapshot beside the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    id: CaseId,
}

impl Case {
    /// The case that the first event of a log (`Opened`) begins; `None` for any other event.
    pub fn begin(_opened: &Event) -> Option<Self> {
        todo!()
    }
    /// Its id.
    pub fn id(&self) -> CaseId {
        self.id
    }
    /// The seq of its last event; a write is conditional on it.
    pub fn version(&self) -> u32 {
        todo!()
    }
    /// The seq of the last event caused by a person: the ETag. A warning fired in between does not change it.
    pub fn revision(&self) -> u32 {
        todo!()
    }
    /// Where it stands.
    pub fn state(&self) -> State {
        todo!()
    }
    /// How urgent it is.
    pub fn priority(&self) -> Priority {
        todo!()
    }
    /// Who works it.
    pub fn owner(&self) -> Option<&str> {
        todo!()
    }
    /// Its clocks.
    pub fn clocks(&self) -> &Clocks {
        todo!()
    }
    /// When it was opened.
    pub fn opened_at(&self) -> Timestamp {
        todo!()
    }
    /// The `at` of its last event.
    pub fn last_event_at(&self) -> Timestamp {
        todo!()
    }
    /// The first instant at which `expire` would act; `None` if it never will by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        todo!()
    }
    /// Everything that time alone has made happen by `now`.
    pub fn expire(&self, _now: Timestamp) -> Vec<Event> {
        todo!()
    }
    /// What a command makes happen, beginning with `expire(now)`.
    pub fn handle(
        &self,
        _command: &Command,
        _by: Actor,
        _now: Timestamp,
        _calendars: &Calendars,
    ) -> Result<Vec<Event>, Refused> {
        todo!()
    }
    /// The case after this event.
    pub fn apply(&mut self, _event: &Event) {
        todo!()
    }
}
