//! The variables of this function.

use resound_domain::calendar::Calendars;
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
];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// Where the public reaches the system, without a slash at the end.
    pub public_url: String,
    /// The keys of receipts.
    pub keys: SigningKeys,
    /// The business hours while none are published.
    pub calendars: Calendars,
    /// Who writes; `None` if this installation sends no mail.
    pub from: Option<Mailbox>,
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
        Ok(Self {
            table: table?,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            keys: keys?,
            calendars: calendars?,
            from: from?,
        })
    }
}
