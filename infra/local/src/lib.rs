//! The whole system on one machine, brought up from `infra/template.yaml`.

pub mod auth;
pub use resound_emulator as aws;
pub mod filter;
pub mod gateway;
pub mod route;
pub mod schedule;
pub mod stack;
pub mod template;

pub use aws::ACCOUNT;
