//! The shell around every function: what stands between AWS and a handler.
//!
//! A function is a [`Function`]; its `main.rs` is one call of [`run`]. The shell reads the configuration once and
//! reports all faults of it together, builds the clients, catches panics, logs a failure once and reads the machine
//! clock once per invocation. The local stack and tests run the same functions through [`Function::erase`].
//!
//! **Nothing here knows the domain's rules**, and nothing panics on what came from outside.

pub mod addresses;
pub mod auth;
pub mod aws;
pub mod batch;
pub mod config;
pub mod csv;
mod fault;
pub mod fields;
mod function;
pub mod http;
pub mod idempotency;
pub mod mail;
pub mod metrics;
pub mod outbound;
pub mod precondition;
pub mod problem;
pub mod publish;
pub mod receipt;
mod signed;
pub mod sms;
pub mod telemetry;
pub mod timing;
pub mod trace;

pub use fault::Fault;
pub use function::{BoxedFunction, Function, Invocation, machine_now, run};

#[cfg(test)]
mod fake;

/// The published test vectors of a kind.
#[cfg(test)]
fn vectors(kind: &str) -> Vec<serde_json::Value> {
    let lines = include_str!("../tests/vectors/misc.jsonl").lines();
    let vectors = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    vectors.filter(|vector| vector["kind"] == kind).collect()
}
