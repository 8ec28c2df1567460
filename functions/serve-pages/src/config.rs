//! The configuration, from environment variables.

use jiff::tz::TimeZone;
use resound_domain::calendar::Calendars;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::receipt::SigningKeys;

/// Every variable this function reads itself; the template sets exactly these, besides those of the shell.
pub const VARIABLES: &[&str] = &["TABLE_NAME", "PUBLIC_URL", "SIGNING_KEYS", "TIME_ZONE"];

/// What this function is told about its surroundings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table.
    pub table_name: String,
    /// What stands before the paths of our links: the path of `PUBLIC_URL`, without a slash at its end.
    ///
    /// Links name no host, so that a page works under whichever of our hosts it was asked for, and posts its form to
    /// its own origin as its policy demands.
    pub base_path: String,
    /// The keys that receipt tokens are signed with.
    pub signing_keys: SigningKeys,
    /// The zone in which times are told where the form has none of its own.
    pub time_zone: TimeZone,
    /// The business hours in that zone, until the company publishes its own.
    pub calendars: Calendars,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// [`Recorded`], with every fault reported through `vars`.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let table_name = vars.required("TABLE_NAME");
        let public_url = vars.required("PUBLIC_URL");
        let base_path = public_url.and_then(|url| match base_path(&url) {
            Some(path) => Ok(path.to_owned()),
            None => Err(vars.record("PUBLIC_URL: an http:// or https:// address is expected")),
        });
        let signing_keys = vars.parse("SIGNING_KEYS");
        let calendars = vars.office_hours("TIME_ZONE");
        let (table_name, base_path, signing_keys) = (table_name?, base_path?, signing_keys?);
        let calendars = calendars?;
        Ok(Self {
            table_name,
            base_path,
            signing_keys,
            time_zone: calendars.zone().clone(),
            calendars,
        })
    }
}

/// The path of an address, without a slash at its end.
fn base_path(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let path = rest.find('/').map_or("", |at| rest.split_at(at).1);
    Some(path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_together() {
        let faults = Vars::from_pairs([
            ("PUBLIC_URL", "feedback.example"),
            ("SIGNING_KEYS", "1=short"),
            ("TIME_ZONE", "Mars"),
        ])
        .read(Config::read)
        .unwrap_err();
        for variable in VARIABLES {
            assert!(
                faults.to_string().contains(variable),
                "{variable}: {faults}"
            );
        }
    }

    #[test]
    fn links_keep_the_path_of_the_public_address() {
        for (url, path) in [
            ("https://feedback.example", Some("")),
            ("https://feedback.example/", Some("")),
            ("http://127.0.0.1:8787/voice/", Some("/voice")),
            ("ftp://x", None),
        ] {
            assert_eq!(base_path(url), path, "{url}");
        }
    }
}
