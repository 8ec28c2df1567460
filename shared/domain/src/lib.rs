//! The model of Resound: what a response, a case, a clock and a tally are, and what may happen to them.
//!
//! Nothing here performs I/O, reads a clock, draws randomness, logs, or knows of AWS. Time and identity
//! come in as arguments, so a recorded event always replays to the same result.

pub mod assignment;
pub mod book;
pub mod budget;
pub mod calendar;
pub mod case;
pub mod clock;
pub mod confirmation;
pub mod contact;
pub mod delivery;
pub mod event;
pub mod figures;
pub mod form;
pub mod id;
pub mod issue;
pub mod kpi;
pub mod language;
pub mod locale;
pub mod nps;
pub mod phone;
pub mod policy;
pub mod privacy;
pub mod reason;
pub mod report;
pub mod response;
pub mod risk;
pub mod route;
pub mod score;
pub mod script;
pub mod sms;
pub mod statistics;
pub mod submission;
pub mod tally;
pub mod targets;
pub mod telling;
pub mod template;
pub mod trace;
pub mod triage;
