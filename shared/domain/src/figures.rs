//! What only the company knows of a day: how many were asked, and how many customers there are. Response rates and the usage of
//! the index are made of it.
//!
//! ```json
//! {"asked": {"email": 1200, "web": 300}, "active_customers": 8000, "known_customers": 20000}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::locale::Locale;
use crate::nps::Share;
use crate::policy::check::{self, At, Check};
use crate::policy::{Code, Faults};
use crate::submission::Channel;

/// The most that is counted of anything: more is a mistyped number.
const MOST: i64 = 10_000_000_000;

/// What a company knows of a local day of a survey. What is not known is left out. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How many were asked on this day, by channel. A channel that is left out is not known; nobody asked is 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<Channel, u64>,
    /// How many customers were active in the thirty days up to this one, this one included. Never without
    /// `known_customers`, and never more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_customers: Option<u64>,
    /// How many customers were known at the end of this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_customers: Option<u64>,
}

impl Figures {
    /// Reads figures that somebody sent.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn read(document: &Value) -> Result<Self, Faults> {
        let mut check = Check::new(());
        check.figures(document);
        check.done()?;
        check::read(document.clone())
    }

    /// Customers that were active, of those who are known; `None` if that is not known, or nobody is.
    pub fn usage(&self) -> Option<Share> {
        Share::new(self.active_customers?, self.known_customers?)
    }
}

impl Check<()> {
    fn figures(&mut self, document: &Value) {
        let known = ["asked", "active_customers", "known_customers"];
        let Some(figures) = self.object("", document, &known) else {
            return;
        };
        self.member("", figures, "asked", false, |check, at, value| {
            let channels = Channel::ALL.map(Channel::name);
            let Some(asked) = check.object(at, value, &channels) else {
                return;
            };
            for (channel, n) in asked
                .iter()
                .filter(|(name, _)| channels.contains(&name.as_str()))
            {
                check.number(&At(at).member(channel), n, 0, MOST);
            }
        });
        let both = ["active_customers", "known_customers"];
        let given = both.map(|name| figures.get(name).and_then(Value::as_u64));
        let any = both.iter().any(|name| figures.contains_key(*name));
        for name in both {
            self.member("", figures, name, any, |check, at, value| {
                check.number(at, value, 0, MOST);
            });
        }
        if let [Some(active), Some(known)] = given
            && active > known
        {
            self.fault("/active_customers", Code::AboveKnown);
        }
    }
}

/// How many answered of those who were asked, over the same days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponseRate {
    /// How many were asked.
    pub asked: u64,
    /// How many answered anything.
    pub responses: u64,
}

/// Why there is no response rate. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRate {
    /// Nobody was asked.
    NobodyAsked,
    /// More answered than were asked: some came by themselves, or were asked on other days.
    MoreThanAsked,
}

impl NoRate {
    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        match (locale, self) {
            (Locale::ZhCn, Self::NobodyAsked) => "没有发出邀请，无法计算回复率",
            (Locale::ZhCn, Self::MoreThanAsked) => {
                "回答多于邀请：有人主动反馈，或邀请发生在其他日期，无法计算回复率"
            }
            (Locale::En, Self::NobodyAsked) => "nobody was asked, so there is no rate",
            (Locale::En, Self::MoreThanAsked) => {
                "more answered than were asked: some came by themselves, or were asked on other days, so there is no rate"
            }
        }
    }
}

impl ResponseRate {
    /// Adds one channel of a day.
    pub fn add(&mut self, asked: u64, responses: u64) {
        self.asked = self.asked.saturating_add(asked);
        self.responses = self.responses.saturating_add(responses);
    }

    /// The share who answered, with Wilson's interval ([`Share::wilson`]).
    ///
    /// # Errors
    /// [`NoRate`]: the numbers are no share. None is ever above 100 %.
    pub fn share(self) -> Result<Share, NoRate> {
        let no_rate = match self.asked {
            0 => NoRate::NobodyAsked,
            _ => NoRate::MoreThanAsked,
        };
        Share::new(self.responses, self.asked).ok_or(no_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn faults(document: &Value) -> Vec<(String, &'static str)> {
        let Err(faults) = Figures::read(document) else {
            return Vec::new();
        };
        for fault in faults.iter() {
            for locale in [Locale::ZhCn, Locale::En] {
                assert!(fault.message(locale).ends_with(['。', '.']), "{fault:?}");
            }
        }
        let faults = faults.iter().map(|f| (f.at.clone(), f.code.name()));
        faults.collect()
    }

    #[test]
    fn names_are_kept_and_what_is_not_known_is_left_out() {
        let whole = json!({"asked": {"web": 300, "email": 0}, "active_customers": 8000, "known_customers": 20000});
        let figures = Figures::read(&whole).unwrap();
        assert_eq!(json!(figures), whole);
        assert_eq!(figures.usage(), Share::new(8000, 20_000));
        assert_eq!(json!(Figures::read(&json!({})).unwrap()), json!({}));
        let nobody = json!({"active_customers": 0, "known_customers": 0});
        assert_eq!(Figures::read(&nobody).unwrap().usage(), None);
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let document = json!({
            "asked": {"web": -1, "fax": 1, "app": 1.5, "email": "7", "chat": 10_000_000_001_i64, "phone": 10_000_000_000_i64},
            "active_customers": 3, "known_customers": 2, "asked_on": "x",
        });
        let mut found = faults(&document);
        found.sort();
        let expected = [
            ("/active_customers", "above-known"),
            ("/asked/app", "out-of-range"),
            ("/asked/chat", "out-of-range"),
            ("/asked/email", "out-of-range"),
            ("/asked/fax", "unknown-field"),
            ("/asked/web", "out-of-range"),
            ("/asked_on", "unknown-field"),
        ];
        assert_eq!(found, expected.map(|(at, code)| (at.to_owned(), code)));
        for (document, at, code) in [
            (json!(7), "", "not-an-object"),
            (json!({"asked": []}), "/asked", "not-an-object"),
            (
                json!({"active_customers": 1}),
                "/known_customers",
                "required",
            ),
            (
                json!({"known_customers": 1}),
                "/active_customers",
                "required",
            ),
            (
                json!({"active_customers": null, "known_customers": 1}),
                "/active_customers",
                "out-of-range",
            ),
        ] {
            assert_eq!(faults(&document), [(at.to_owned(), code)], "{document}");
        }
    }

    #[test]
    fn no_rate_is_above_the_whole_and_none_is_of_nothing() {
        let rate = |asked, responses| ResponseRate { asked, responses }.share();
        assert_eq!(rate(0, 0), Err(NoRate::NobodyAsked));
        assert_eq!(rate(0, 3), Err(NoRate::NobodyAsked));
        assert_eq!(rate(2, 3), Err(NoRate::MoreThanAsked));
        assert_eq!(rate(3, 3).unwrap().percent(), 100.0);
        // 81 of 263, of Newcombe's table: 25.53 to 36.62.
        let [low, high] = rate(263, 81).unwrap().wilson();
        assert!((low - 25.53).abs() < 0.006 && (high - 36.62).abs() < 0.006);
    }

    proptest! {
        #[test]
        fn what_is_not_refused_can_be_read(web in -2i64..5, active in -1i64..4, known in prop::option::of(-1i64..4)) {
            let document = json!({"asked": {"web": web}, "active_customers": active, "known_customers": known});
            let read = Figures::read(&document);
            prop_assert_eq!(read.is_ok(), faults(&document).is_empty());
            prop_assert_eq!(read.is_ok(), web >= 0 && known.is_some_and(|known| (0..=known).contains(&active)));
        }
    }
}
