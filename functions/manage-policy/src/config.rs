//! The variables of this function.

use resound_domain::calendar::Calendars;
use resound_lambda_kit::addresses::Addresses;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::Reach;
use resound_lambda_kit::sms::Numbers;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &[
    "TABLE_NAME",
    "PUBLIC_URL",
    "TIME_ZONE",
    "WEBHOOK_ALLOW_PRIVATE",
    "MAIL_FROM",
    "BRAND_SENDERS",
    "TEST_MAIL_TO",
    "SMS_ORIGINATION_IDENTITY",
    "TEST_TEXT_TO",
];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// Who test letters come from; `None` if this installation sends no mail.
    pub from: Option<Mailbox>,
    /// Who may get test letters.
    pub test_to: Addresses,
    /// The identity that test messages to phones are sent as; `None` if this installation sends no text messages.
    pub sms_from: Option<String>,
    /// Who may get test messages on the phone.
    pub test_text_to: Numbers,
    /// The addresses that brands may write from.
    pub brand_senders: Addresses,
    /// Where the public reaches the system, without a slash at the end: text messages carry it.
    pub public_url: String,
    /// Office hours, until the company publishes its own.
    pub calendars: Calendars,
    /// How far the addresses of recipients may reach.
    pub reach: Reach,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let public_url = vars.required("PUBLIC_URL");
        let calendars = vars.office_hours("TIME_ZONE");
        let brand_senders = vars.parse_optional("BRAND_SENDERS");
        let from = vars.parse_optional("MAIL_FROM");
        let test_to = vars.parse_optional("TEST_MAIL_TO");
        let sms_from = vars.optional("SMS_ORIGINATION_IDENTITY");
        let test_text_to = vars.parse_optional("TEST_TEXT_TO");
        let private = vars.parse_optional("WEBHOOK_ALLOW_PRIVATE");
        let reach = private.map(|private| match private.unwrap_or(false) {
            true => Reach::Anywhere,
            false => Reach::Public,
        });
        Ok(Self {
            table: table?,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            from: from?,
            test_to: test_to?.unwrap_or_default(),
            sms_from,
            test_text_to: test_text_to?.unwrap_or_default(),
            brand_senders: brand_senders?.unwrap_or_default(),
            calendars: calendars?,
            reach: reach?,
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
            ("WEBHOOK_ALLOW_PRIVATE", "perhaps"),
            ("MAIL_FROM", "nobody"),
            ("BRAND_SENDERS", "a, b"),
            ("TEST_MAIL_TO", "A <a@b.example>"),
            ("SMS_ORIGINATION_IDENTITY", "whatever the service takes"),
            ("TEST_TEXT_TO", "138 0013 8000"),
        ]);
        let faults = vars.read(Config::read).unwrap_err().to_string();
        let is_free = |variable: &&&str| **variable == "SMS_ORIGINATION_IDENTITY";
        for variable in VARIABLES.iter().filter(|variable| !is_free(variable)) {
            assert!(faults.contains(variable), "{variable}: {faults}");
        }
    }
}
