//! `report-nps`: the numbers of a span of local days, from the tallies of the nights.
//!
//! | route | answers |
//! |---|---|
//! | `GET /v1/nps` | `scores`, `report`: scores with their uncertainty, broken down by something |
//! | `GET /v1/nps/radar` | `radar`: where each touchpoint is between its baseline and its target |
//! | `GET /v1/nps/index` | `index`: the Customer Experience Index |
//! | `GET /v1/nps/volatility` | `volatility`: whether satisfaction swings over six months |
//! | `GET /v1/nps/corrections` | `corrections`: which days came out differently after they had been told, and why |
//! | `GET /v1/nps/assessments` | `assessments`: which assessments of thirty days disagree |
//!
//! Reads only. Numbers are computed from counts when they are asked for, so every grouping of days, surveys and values
//! is exact, and the same counts give the same bytes.

mod assessments;
mod config;
mod corrections;
mod desk;
mod handler;
mod index;
mod query;
mod radar;
mod report;
mod scores;
mod volatility;

pub use config::{Config, VARIABLES};
pub use handler::App;
