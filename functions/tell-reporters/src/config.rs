//! The variables of this function.

use jiff::tz::TimeZone;
use resound_domain::calendar::Calendars;
use resound_lambda_kit::addresses::Addresses;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::receipt::SigningKeys;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &[
    "TABLE_NAME",
    "PUBLIC_URL",
    "SIGNING_KEYS",
    "TIME_ZONE",
    "MAIL_FROM",
    "BRAND_SENDERS",
    "LETTERS_A_MINUTE",
];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// Where the public reaches the system, without a slash at the end.
    pub public_url: String,
    /// The keys of receipts and of links that unsubscribe.
    pub keys: SigningKeys,
    /// The zone of local time where a form names none.
    pub zone: TimeZone,
    /// Office hours in that zone.
    pub calendars: Calendars,
    /// Who writes; `None` if this installation sends no mail.
    pub from: Option<Mailbox>,
    /// The addresses that brands may write from.
    pub brand_senders: Addresses,
    /// How many letters may go out in a minute, of all announcements together. At least one.
    pub letters_a_minute: u32,
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
        let from = vars.parse_optional("MAIL_FROM");
        let brand_senders = vars.parse_optional("BRAND_SENDERS");
        let letters = match vars.parse("LETTERS_A_MINUTE") {
            Ok(0) => Err(vars.record("LETTERS_A_MINUTE: at least one is expected")),
            other => other,
        };
        let (table, calendars) = (table?, calendars?);
        Ok(Self {
            table,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            keys: keys?,
            zone: calendars.zone().clone(),
            calendars,
            from: from?,
            brand_senders: brand_senders?.unwrap_or_default(),
            letters_a_minute: letters?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_together() {
        let vars = Vars::from_pairs([
            ("TIME_ZONE", "Mars"),
            ("MAIL_FROM", "nobody"),
            ("BRAND_SENDERS", "a, b"),
        ]);
        let faults = vars.read(Config::read).unwrap_err().to_string();
        for variable in VARIABLES {
            assert!(faults.contains(variable), "{variable}: {faults}");
        }
        let vars = Vars::from_pairs([("LETTERS_A_MINUTE", "0")]);
        let faults = vars.read(Config::read).unwrap_err().to_string();
        assert!(faults.contains("at least one"), "{faults}");
    }
}
