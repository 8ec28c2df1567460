//! The variables of this function.

use jiff::tz::TimeZone;
use resound_domain::calendar::Calendars;
use resound_domain::locale::Locale;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::Reach;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &[
    "TABLE_NAME",
    "TIME_ZONE",
    "PUBLIC_URL",
    "STAFF_LOCALE",
    "MAIL_FROM",
    "MANAGER_EMAIL",
    "WEBHOOK_ALLOW_PRIVATE",
];

/// What this function needs to know.
#[derive(Debug)]
pub struct Config {
    /// The table.
    pub table: String,
    /// The zone of local days where a form names none.
    pub zone: TimeZone,
    /// The business hours while none are published.
    pub calendars: Calendars,
    /// Where staff reach the system, without a slash at the end.
    pub public_url: String,
    /// The language of the manager, while no recipients are published.
    pub locale: Locale,
    /// Who writes; `None` if this installation sends no mail.
    pub from: Option<Mailbox>,
    /// The manager, while no recipients are published.
    pub manager: Option<Mailbox>,
    /// How far the addresses of recipients may reach: a document that was published with it must be readable with it.
    pub reach: Reach,
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`Recorded`], with every fault in the report.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table = vars.required("TABLE_NAME");
        let calendars = vars.office_hours("TIME_ZONE");
        let public_url = vars.required("PUBLIC_URL");
        let locale = vars.required("STAFF_LOCALE").and_then(|tag| {
            Locale::from_tag(&tag)
                .ok_or_else(|| vars.record("STAFF_LOCALE: `zh-CN` or `en` is expected"))
        });
        let from = vars.parse_optional("MAIL_FROM");
        let manager = vars.parse_optional("MANAGER_EMAIL");
        let private = vars.parse_optional("WEBHOOK_ALLOW_PRIVATE");
        let calendars = calendars?;
        Ok(Self {
            table: table?,
            zone: calendars.zone().clone(),
            calendars,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            locale: locale?,
            from: from?,
            manager: manager?,
            reach: match private?.unwrap_or(false) {
                true => Reach::Anywhere,
                false => Reach::Public,
            },
        })
    }
}
