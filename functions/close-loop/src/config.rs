//! The variables of this function.

use resound_domain::calendar::Calendars;
use resound_domain::phone::Country;
use resound_lambda_kit::addresses::Addresses;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::Reach;
use resound_lambda_kit::receipt::SigningKeys;
use resound_sinks::standard::Receiver;

/// Every variable this function reads besides those of the shell.
pub const VARIABLES: &[&str] = &[
    "TABLE_NAME",
    "PUBLIC_URL",
    "SIGNING_KEYS",
    "TIME_ZONE",
    "MAIL_FROM",
    "BRAND_SENDERS",
    "SMS_ORIGINATION_IDENTITY",
    "SMS_COUNTRY",
    "CUSTOMER_WEBHOOK_URL",
    "CUSTOMER_WEBHOOK_SECRET",
    "WEBHOOK_ALLOW_PRIVATE",
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
    /// The addresses that brands may write from.
    pub brand_senders: Addresses,
    /// The identity that text messages are sent as; `None` if this installation sends none.
    pub sms_from: Option<String>,
    /// The country of numbers that name none.
    pub country: Option<Country>,
    /// The company's own app or account; `None` if it has none.
    pub app: Option<Receiver>,
    /// How far the webhook may reach.
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
        let keys = vars.parse("SIGNING_KEYS");
        let calendars = vars.office_hours("TIME_ZONE");
        let from = vars.parse_optional("MAIL_FROM");
        let brand_senders = vars.parse_optional("BRAND_SENDERS");
        let sms_from = vars.optional("SMS_ORIGINATION_IDENTITY");
        let country = vars.parse_optional("SMS_COUNTRY");
        let private = vars.parse_optional("WEBHOOK_ALLOW_PRIVATE");
        let reach = private.map(|private| match private.unwrap_or(false) {
            true => Reach::Anywhere,
            false => Reach::Public,
        });
        let app = reach.and_then(|reach| {
            let (url, secret) = ("CUSTOMER_WEBHOOK_URL", "CUSTOMER_WEBHOOK_SECRET");
            Receiver::read(vars, url, secret, reach)
        });
        Ok(Self {
            table: table?,
            public_url: public_url?.trim_end_matches('/').to_owned(),
            keys: keys?,
            calendars: calendars?,
            from: from?,
            brand_senders: brand_senders?.unwrap_or_default(),
            sms_from,
            country: country?,
            app: app?,
            reach: reach?,
        })
    }
}
