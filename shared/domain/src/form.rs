//! Forms: where submissions enter, and the survey they count for.

use serde::{Deserialize, Serialize};

/// The name of a form: 1 to 40 of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FormId(String);
