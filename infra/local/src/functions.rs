//! The functions of the template, as this program runs them.

use crate::registry::Registry;

/// Every function.
pub fn all() -> Registry {
    Registry::new()
}
