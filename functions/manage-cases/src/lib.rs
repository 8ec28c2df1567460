//! `manage-cases`: lists cases, shows one with everything that happened to it, and carries out what staff decide.
//!
//! A command is one transaction under optimistic concurrency. The entity tag changes only with what people do, so
//! that a warning fired in between never refuses the agent who is late already; a conflict with the sweep is read
//! and decided again. A command is carried out once: its `Idempotency-Key`, or else the id of the request, is kept on
//! the event it caused.
//!
//! What is shown is what is true at the time of the request, also where the sweep has not written it yet.

mod command;
mod config;
mod handler;
mod kpi;
mod list;
mod statistics;
mod stuck;
mod suppressions;
mod view;

pub use config::{Config, VARIABLES};
pub use handler::App;
