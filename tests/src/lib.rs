//! The system under test: the same template and functions as the local stack, stepped by hand, with faults
//! at the wire.

pub mod faults;
