//! `settle-notices`: what the providers tell of letters and text messages they took, into the ledger and onto the suppression
//! list.
//!
//! A report comes at least once, late, and in any order; a dead letter comes days later. Whatever comes, the ledger and the
//! list end the same. Nothing here sends anything.

mod config;
mod handler;
mod record;
mod text;

pub use config::{Config, VARIABLES};
pub use handler::App;
