//! The variables of this function.

use resound_domain::calendar::Calendars;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::receipt::SigningKeys;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &["TABLE_NAME", "PUBLIC_URL", "SIGNING_KEYS", "TIME_ZONE"];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// Where the public reaches the system, without a slash at the end.
    pub public_url: String,
    /// The keys of receipts: staff hand a customer without an address the link to their status page.
    pub keys: SigningKeys,
    /// Office hours, until the company publishes its own.
    pub calendars: Calendars,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let public_url = vars.required("PUBLIC_URL");
        let keys = vars.parse("SIGNING_KEYS");
        let calendars = vars.office_hours("TIME_ZONE");
        Ok(Self {
            table: table?,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            keys: keys?,
            calendars: calendars?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_together() {
        let vars = Vars::from_pairs([("TIME_ZONE", "Mars")]);
        let faults = vars.read(Config::read).unwrap_err().to_string();
        for variable in VARIABLES {
            assert!(faults.contains(variable), "{variable}: {faults}");
        }
    }
}
