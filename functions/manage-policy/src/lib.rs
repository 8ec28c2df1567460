//! `manage-policy`: the rules a company sets. Shows what is published and what is to come, tells what a change would do,
//! and publishes it.
//!
//! Figures that only the company knows (`figures`) are kept day by day; they are no documents, and the last ones count. Nor is a
//! request to count days again (`replay`), which marks them and leaves the rest to `aggregate-nps`. Every document is published in the same way (`document`); what it is, and what can be wrong with it, is told by
//! `policy`, `calendars`, `recipients`, `assignment`, `targets` and `templates`. Reads what is published anew each time: who publishes must not decide by
//! what was true a minute ago.

mod assignment;
mod body;
mod calendars;
mod config;
mod document;
mod dry_run;
mod figures;
mod handler;
mod policy;
mod query;
mod recipients;
mod replay;
mod shelves;
mod targets;
mod templates;
mod trial;

pub use config::{Config, VARIABLES};
pub use handler::App;
