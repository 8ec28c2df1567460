//! `alert-breaches`: every minute, lets time do its work.
//!
//! Cases first: each whose next deadline has come gets the events that time made happen, whenever this runs: a warning,
//! a breach, each rung of the ladder and the closing bear the instant they became due. Then the outbox: each event whose
//! effects are not recorded when its back-off is over is sent again, until it is stuck and waits for a person. At last,
//! when other rules have begun to apply, the open cases: each is caught up with them.
//!
//! The function is told the time and nothing else. Running it twice, or two at once, changes nothing: who loses a race
//! finds the work done. What one run has no time for, the next one does.

mod config;
mod handler;
mod retarget;

pub use config::{Config, VARIABLES};
pub use handler::{App, Swept};
