//! `manage-issues`: issues by priority, responses linked by hand, and improvements with what they did to the scores and whom
//! they were announced to.
//!
//! A command is one transaction under optimistic concurrency and is carried out once: its `Idempotency-Key`, or else the id of
//! the request, is kept on the entry it made. What is so already is answered and not done again.
//!
//! No words of a customer are kept with an issue. Where staff have to see them, to decide about a suggestion, the response is
//! read then and masked; one that was erased is not there.

mod announcements;
mod betas;
mod body;
mod config;
mod handler;
mod improvements;
mod issues;
mod view;

pub use config::{Config, VARIABLES};
pub use handler::App;
