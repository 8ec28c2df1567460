//! `notify-staff`: tells staff what needs them.

pub mod alert;
