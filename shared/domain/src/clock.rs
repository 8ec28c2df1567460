//! SLA clocks: running, paused, stopped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which promise a clock keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// Until the customer hears from a person.
    FirstResponse,
    /// Until it is resolved or declined.
    Resolution,
}

/// The two clocks of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Stops at the first message to the customer.
    pub first_response: Clock,
    /// Stops when the case is resolved or declined.
    pub resolution: Clock,
}

/// One clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {}

impl Clock {
    /// The deadline, while the clock runs or after it stopped; `None` while it is paused.
    pub fn due(&self) -> Option<Timestamp> {
        todo!()
    }
}
