//! Triage: what a submission is about, at once and without a network call.

use serde::{Deserialize, Serialize};

/// What triage makes of a submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Triage {}
