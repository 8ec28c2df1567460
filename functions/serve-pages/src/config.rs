//! The variables of this function.

use jiff::tz::TimeZone;
use resound_lambda_kit::config::{Recorded, Vars};

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &["TABLE_NAME", "PUBLIC_URL", "SIGNING_KEYS", "TIME_ZONE"];
