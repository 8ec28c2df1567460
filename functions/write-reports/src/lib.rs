//! `write-reports`: each hour, writes the weekly and monthly reports that are due, and tells the managers.
//!
//! What a report says is in [`resound_domain::report`] and `docs/reports.md`; here is what is read for it, and when.
//!
//! - A report is **due** at six in the morning of the day after its period, in the zone of the survey. It is written as soon as
//!   the nights up to its last day are counted; until then it waits, and being late is a metric.
//! - Each morning the last periods are looked at again: if what was counted has changed since the last edition (a late answer,
//!   an edit, an erasure), the report is made anew, and kept as **another edition** if it says anything else.
//! - How cases went is told as of when the report was due, from their logs: the same whenever it is written.
//! - **One letter** for each report and mailbox, in the ledger, about the first edition that is written in time.
//!
//! A run takes no input but the time. One that is repeated, breaks off at any call or meets another ends in the same editions:
//! each is added on condition that there is none of its number, and is made of what is stored alone.

mod config;
mod gather;
mod handler;
mod letter;

pub use config::{Config, VARIABLES};
pub use handler::{App, Wrote};
