//! `watch-risks`: every hour, opens tasks for what many responses say together.
//!
//! What the rules are stands in [`resound_domain::risk`] and `docs/risks.md`; here is what is read for them, and when.
//!
//! - **Customers:** everybody of whom something negative or a complaint came since the watermark, less a quarter of an
//!   hour for what the index had not shown yet. Their own responses are read, not the index, and judged as a whole.
//! - **Products:** each local day that is complete is judged once, by the complaints of it and of the three days before.
//! - **Satisfaction:** each period of thirty days is judged once its nights are counted, from the tallies: these are
//!   recounts of the stored responses, and 180 days of responses would be too many to read again.
//!
//! Nothing is counted here that could drift. A task and the mark that keeps it from being opened again are written in
//! one transaction, so a run that is repeated, breaks off at any call, or meets another one opens each task once. The
//! watermark follows behind what is done: a run that is cut short, or comes after days of none, goes on where the last one
//! stopped, as far back as [`LOOKS_BACK_DAYS`]. Memory is bounded whatever senders write.
//!
//! **A form that is taken off the list is not watched any more.**

mod config;
mod customers;
mod handler;
mod products;
mod satisfaction;

pub use config::{Config, VARIABLES};
pub use handler::{App, LOOKS_BACK_DAYS, Watched};
