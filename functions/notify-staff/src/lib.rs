//! `notify-staff`: tells staff what needs them, by every sink of those who are told.
//!
//! **At least once.** An alert that comes twice is a nuisance, one that never comes is a breach nobody saw. So an
//! attempt whose end is not known is made again and counted in the ledger; webhooks bear the same id each time.

pub mod alert;
mod config;
mod grouped;
mod handler;
mod recipients;

pub use config::{Addresses, Config, VARIABLES};
pub use handler::App;
