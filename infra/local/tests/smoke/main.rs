//! The real program as its users meet it: started on free ports with an empty folder, spoken to over HTTP, told that
//! time has passed, killed, and started again.
//!
//! Nothing here looks inside. What is asserted of time is business time, which the tests move themselves; no test
//! depends on how fast the machine is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

mod alerts;
mod cases;
mod client;
mod crash;
mod demo;
mod feedback;
mod load;
mod nps;
mod odd;
mod rules;
mod start;
mod system;
mod trace;
mod webhook;
