//! `submit-feedback`: takes what customers send, decides at once what it is about, promises times, and keeps it.
//!
//! A submission that needs no answer is one write; one that opens a case is one transaction. Nothing is read
//! before it is kept, except what the company published about forms, policy and calendar, once a minute.

mod config;
mod handler;

pub use config::{Config, VARIABLES};
pub use handler::App;
