//! `relay-events`: sends what follows from each new event to the queues of those who do it.
//!
//! The stream of the table has keys only, so each event is read again: what was erased in between is not sent. Whatever
//! this function misses is sent by `alert-breaches` once its first back-off is over; it makes things fast, not safe.

mod config;
mod handler;

pub use config::{Config, VARIABLES};
pub use handler::App;
