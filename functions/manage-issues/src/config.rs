//! The variables of this function.

use jiff::tz::TimeZone;
use resound_domain::calendar::Calendars;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::mail::Mailbox;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &["TABLE_NAME", "TIME_ZONE", "MAIL_FROM"];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// The zone of local days where a form names none.
    pub zone: TimeZone,
    /// Office hours in that zone.
    pub calendars: Calendars,
    /// Whether this installation sends e-mail.
    pub mail: bool,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let calendars = vars.office_hours("TIME_ZONE");
        let from: Result<Option<Mailbox>, _> = vars.parse_optional("MAIL_FROM");
        let (table, calendars) = (table?, calendars?);
        Ok(Self {
            mail: from?.is_some(),
            table,
            zone: calendars.zone().clone(),
            calendars,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_together() {
        let vars = Vars::from_pairs([("TIME_ZONE", "Mars"), ("MAIL_FROM", "nobody")]);
        let faults = vars.read(Config::read).unwrap_err().to_string();
        for variable in VARIABLES {
            assert!(faults.contains(variable), "{variable}: {faults}");
        }
    }
}
