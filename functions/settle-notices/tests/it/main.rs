//! The function as its queue calls it: recorded events in; ledger, suppression list and log out, over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

mod hostile;
mod reports;
mod support;
mod texts;
