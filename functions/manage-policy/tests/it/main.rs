//! The function from event to response, over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

mod assignment;
mod calendars;
mod dry_run;
mod figures;
mod hostile;
mod policy;
mod race;
mod recipients;
mod replay;
mod support;
mod targets;
mod templates;
