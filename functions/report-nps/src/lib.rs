//! `report-nps`: the Net Promoter Score of a span of local days, from the tallies of the nights.
//!
//! Reads only. Scores are computed from counts when they are asked for, so every grouping of days, surveys and values
//! is exact.

mod config;
mod handler;
mod query;
mod report;

pub use config::{Config, VARIABLES};
pub use handler::App;
