//! What customers say through the private link of their feedback: whether an outcome solved it, and further words.
//!
//! Whoever has the link may speak, as on the status page it belongs to. A link in a letter changes nothing by being
//! followed; only a post does. An answer names the outcome it is about, and each message its key, so a repeat says nothing
//! twice.

mod answer;
mod beta;
mod config;
mod handler;
mod unsubscribe;

pub use config::{Config, VARIABLES};
pub use handler::App;
