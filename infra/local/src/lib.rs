//! The whole system on one machine, brought up from `infra/template.yaml`.

pub mod auth;
pub mod clock;
pub mod data;
pub mod demo;
pub mod engine;
pub mod filter;
pub mod functions;
pub mod gateway;
pub mod options;
pub mod registry;
pub mod route;
pub mod run;
pub mod schedule;
pub mod server;
pub mod stack;
pub mod tables;
pub mod template;

#[doc(no_inline)]
pub use resound_emulator as aws;
