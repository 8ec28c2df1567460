//! `serve-reports`: shows the weekly and monthly reports that were written.
//!
//! The numbers are as they were frozen; the words are in the language of the caller, and what customers wrote is read where it
//! is kept, masked, at each request: what was erased is gone from every report.

mod config;
mod handler;
mod parquet_file;
mod query;
mod table;

pub use config::{Config, VARIABLES};
pub use handler::App;
