//! The variables of this function.

use resound_domain::calendar::Calendars;
use resound_lambda_kit::config::{Recorded, Vars};

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &["TABLE_NAME", "TIME_ZONE"];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// The business hours while none are published.
    pub calendars: Calendars,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let calendars = vars.office_hours("TIME_ZONE");
        Ok(Self {
            table: table?,
            calendars: calendars?,
        })
    }
}
