//! `link-issues`: every hour, links responses to issues by rule and by similarity, and counts whom each issue reaches.
//!
//! - **Forward:** every response that came since the watermark, less a quarter of an hour for what the index had not shown yet,
//!   is read and held against the rule of each open issue, and against what its linked texts say. `docs/issues.md` has both.
//! - **Back:** a new or changed rule is held against the last [`LOOKS_BACK_DAYS`] days, all such rules in one walk. How far each
//!   has come is kept with it, so a run that is cut short goes on where it stopped.
//! - **Counts:** whom the links of each open issue reach, the oldest count first. Derived: they can be counted again at any
//!   time, so an erasure, a link by hand or a lost write is in them an hour later.
//!
//! A link is written once and on condition that the response is not erased; one that a person took out is there already, and
//! stays out. So a run that is repeated, breaks off at any call, or meets another one links each response once. No words are
//! kept: profiles of texts live as long as a run.
//!
//! **A form that is taken off the list is not looked at any more.**

mod config;
mod handler;
mod similar;

pub use config::{Config, VARIABLES};
pub use handler::{App, LOOKS_BACK_DAYS, Linking};
