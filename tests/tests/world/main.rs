//! The whole system in one process: its main job, its troubles, its crash points, and chance.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

mod announcements;
mod betas;
mod crash;
mod desk;
mod figures;
mod groups;
mod hostile;
mod main_job;
mod reports;
mod restore;
mod retarget;
mod risks;
mod roles;
mod routes;
mod rules;
mod simulation;
mod skew;
mod trouble;
