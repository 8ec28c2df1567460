//! The system under test: the same template and functions as the local stack, stepped by hand, with faults
//! at the wire.
//!
//! [`world::World`] is where a test begins; [`crash`] strikes every AWS call of a scenario once with every fault.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test says what is wrong by failing"
)]

pub mod crash;
pub mod faults;
pub mod ledger;
pub mod receiver;
pub mod reckoning;
pub mod rng;
pub mod table;
mod wire;
pub mod world;

pub use world::World;
