//! `settle-notices`: what the mail provider tells of letters it took, into the ledger and onto the suppression list.
//!
//! A report comes at least once, late, and in any order; a dead letter comes days later. Whatever comes, the ledger and the
//! list end the same. Nothing here sends anything.

mod config;
mod handler;
mod record;

pub use config::{Config, VARIABLES};
pub use handler::App;
