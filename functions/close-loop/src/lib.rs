//! `close-loop`: tells the customer what became of their feedback.

pub mod letter;
