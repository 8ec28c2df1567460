//! submit-feedback.
