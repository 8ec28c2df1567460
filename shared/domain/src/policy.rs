//! The SLA policy: who is answered how fast, and who hears of it when not.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How urgent a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// A severity signal: safety, data loss, payment, legal threat, quality incident.
    P1,
    /// A gold or platinum customer, or NPS 0-3.
    P2,
    /// Any other complaint or detractor.
    P3,
    /// A suggestion, a question, praise that asks something.
    P4,
}

/// Who is told when a clock runs out, from the nearest to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The owner of the case, or the team's inbox while it has none.
    Owner,
    /// The team lead.
    TeamLead,
    /// The manager.
    Manager,
    /// An executive.
    Executive,
}

/// Which hours count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarName {
    /// Every second counts.
    AroundTheClock,
    /// Only the business hours of the company count.
    Business,
}

/// An agreed duration, in the hours that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// How long.
    pub duration: SignedDuration,
    /// Counted in which hours.
    pub calendar: CalendarName,
}

/// The targets of one priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Until the customer hears from a person.
    pub first_response: Target,
    /// Until it is resolved or declined.
    pub resolution: Target,
}
