//! `submit-feedback`: takes what customers send, decides at once what it is about, promises times, and keeps it.
//!
//! A submission that needs no answer is one write; one that opens a case is one transaction. Nothing is read
//! before it is kept, except what the company published about forms, policy and calendar, once a minute.
//!
//! It is the one function that writes what customers say, so it also takes the scores they add or change later.

mod config;
mod handler;
mod scores;

pub use config::{Config, VARIABLES};
pub use handler::App;
