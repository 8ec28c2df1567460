//! manage-cases.
