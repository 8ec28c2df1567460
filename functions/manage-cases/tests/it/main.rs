//! The function from event to response, over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

mod command;
mod kpi;
mod list;
mod outage;
mod show;
mod statistics;
mod stuck;
mod support;
mod suppressions;
mod task;
