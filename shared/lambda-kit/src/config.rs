//! Configuration from environment variables: read once, every fault reported together.
//!
//! ```
//! use resound_lambda_kit::config::{Recorded, Vars};
//!
//! struct Config {
//!     table: String,
//!     attempts: u32,
//! }
//!
//! impl Config {
//!     fn read(vars: &mut Vars) -> Result<Self, Recorded> {
//!         // Read everything first, then unwrap: that is what reports all faults at once.
//!         let table = vars.required("TABLE_NAME");
//!         let attempts = vars.parse("ATTEMPTS");
//!         Ok(Self { table: table?, attempts: attempts? })
//!     }
//! }
//!
//! let faults = Vars::from_pairs([("ATTEMPTS", "three")]).read(Config::read).err().unwrap();
//! assert_eq!(faults.to_string(), "TABLE_NAME is not set; ATTEMPTS: invalid digit found in string");
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use resound_domain::calendar::{self, Calendars};

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send>;

/// Where variables are looked up, and the faults found so far.
pub struct Vars {
    lookup: Lookup,
    faults: Vec<String>,
}

/// Proof that a fault was recorded: there is no value, and the report will say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded(());

/// Everything that is wrong with the configuration, in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ConfigFaults(Vec<String>);

impl Vars {
    /// The variables of this process.
    pub fn from_env() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        Self::from_fn(|name| std::env::var(name).ok())
    }

    /// Variables from a lookup, for the local stack and tests.
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String> + Send + 'static) -> Self {
        Self {
            lookup: Box::new(lookup),
            faults: Vec::new(),
        }
    }

    /// Variables from pairs of name and value, for the local stack and tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let map: BTreeMap<String, String> = pairs
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        Self::from_fn(move |name| map.get(name).cloned())
    }

    /// The value of a variable that must be set and not empty.
    ///
    /// # Errors
    /// [`Recorded`], and the fault is reported by [`Self::read`].
    pub fn required(&mut self, name: &str) -> Result<String, Recorded> {
        match self.optional(name) {
            Some(value) => Ok(value),
            None => Err(self.record(format!("{name} is not set"))),
        }
    }

    /// The value of a variable, or `None` if it is not set or empty.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set, parsed.
    ///
    /// # Errors
    /// [`Recorded`], and the fault is reported by [`Self::read`]. The report has the parser's words and never the
    /// value: it may be a secret.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Result<T, Recorded> {
        let value = self.required(name)?;
        self.parsed(name, &value)
    }

    /// The value of a variable, parsed, or `None` if it is not set or empty.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_optional<T: FromStr<Err: fmt::Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Recorded> {
        match self.optional(name) {
            Some(value) => self.parsed(name, &value).map(Some),
            None => Ok(None),
        }
    }

    /// The time zone a variable names, which must be set.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn zone(&mut self, name: &str) -> Result<TimeZone, Recorded> {
        self.in_zone(name, calendar::zone)
    }

    /// Office hours in the time zone a variable names, which must be set.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn office_hours(&mut self, name: &str) -> Result<Calendars, Recorded> {
        self.in_zone(name, Calendars::office_hours)
    }

    /// The items of a comma-separated list, trimmed; none if it is not set.
    pub fn list(&self, name: &str) -> Vec<String> {
        let value = self.optional(name).unwrap_or_default();
        value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Records a fault that the reader found itself, such as two variables that contradict each other.
    pub fn record(&mut self, fault: impl Into<String>) -> Recorded {
        self.faults.push(fault.into());
        Recorded(())
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// All faults that were recorded, even if the reader could go on without the variable.
    pub fn read<T>(
        mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Recorded>,
    ) -> Result<T, ConfigFaults> {
        match read(&mut self) {
            Ok(config) if self.faults.is_empty() => Ok(config),
            Ok(_) | Err(Recorded(())) => Err(ConfigFaults(self.faults)),
        }
    }

    fn in_zone<T>(
        &mut self,
        name: &str,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Recorded> {
        let zone = self.required(name)?;
        find(&zone).ok_or_else(|| {
            self.record(format!("{name}: the name of an IANA time zone is expected"))
        })
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<T, Recorded> {
        value
            .parse()
            .map_err(|error| self.record(format!("{name}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read() {
        let vars = Vars::from_pairs([("A", "1"), ("B", ""), ("C", " x, ,y ")]);
        let read = vars.read(|vars| {
            let (a, b, c) = (
                vars.parse::<u8>("A"),
                vars.parse_optional::<u8>("B"),
                vars.list("C"),
            );
            Ok((a?, b?, c))
        });
        assert_eq!(read, Ok((1, None, vec!["x".to_owned(), "y".to_owned()])));
    }

    #[test]
    fn a_zone_has_office_hours_or_is_a_fault() {
        let read = |name| {
            let vars = Vars::from_pairs([("ZONE", name)]);
            vars.read(|vars| {
                let (zone, hours) = (vars.zone("ZONE"), vars.office_hours("ZONE"));
                Ok((zone?, hours?))
            })
        };
        let (zone, hours) = read("Asia/Shanghai").unwrap();
        assert_eq!(hours.zone(), &zone);
        let faults = read("Mars/Olympus").unwrap_err().to_string();
        let fault = "ZONE: the name of an IANA time zone is expected";
        assert_eq!(faults, format!("{fault}; {fault}"));
    }

    #[test]
    fn every_fault_is_reported_and_no_value() {
        let vars = Vars::from_pairs([("KEY", "s3cret")]);
        let faults = vars
            .read(|vars| {
                let (a, key) = (vars.required("A"), vars.parse::<u8>("KEY"));
                Ok((a?, key?))
            })
            .unwrap_err();
        assert_eq!(
            faults.to_string(),
            "A is not set; KEY: invalid digit found in string"
        );
    }
}
