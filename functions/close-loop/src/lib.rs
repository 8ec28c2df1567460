//! `close-loop`: tells the customer what became of their feedback.
//!
//! **At most once.** E-mail has no idempotency key, and a customer who gets the same letter twice loses trust. So each
//! letter has one entry in the ledger, claimed before it is sent and recorded after; where an earlier attempt may have
//! reached the customer nothing is sent again, and a person is asked to look instead.

mod config;
mod handler;

pub use config::{Config, VARIABLES};
pub use handler::App;
