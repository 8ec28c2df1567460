//! The variables of this function.

use resound_domain::calendar::Calendars;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_relay::QueueUrls;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &[
    "TABLE_NAME",
    "TIME_ZONE",
    "CUSTOMER_NOTICES_URL",
    "STAFF_ALERTS_URL",
];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// The business hours while none are published.
    pub calendars: Calendars,
    /// The queues.
    pub queues: QueueUrls,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let calendars = vars.office_hours("TIME_ZONE");
        let queues = QueueUrls::read(vars);
        Ok(Self {
            table: table?,
            calendars: calendars?,
            queues: queues?,
        })
    }
}
