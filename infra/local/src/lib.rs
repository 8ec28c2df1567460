//! The whole system on one machine, brought up from `infra/template.yaml`.

pub mod auth;
pub mod aws;
pub mod filter;
pub mod gateway;
pub mod route;
pub mod schedule;
pub mod stack;
pub mod template;

/// The account that everything local belongs to.
pub const ACCOUNT: &str = "000000000000";
