//! The variables of this function.

use resound_lambda_kit::config::{Recorded, Vars};
use resound_relay::QueueUrls;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &["TABLE_NAME", "CUSTOMER_NOTICES_URL", "STAFF_ALERTS_URL"];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
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
        let queues = QueueUrls::read(vars);
        Ok(Self {
            table: table?,
            queues: queues?,
        })
    }
}
