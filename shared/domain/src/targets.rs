//! What a company wants to reach, and how much each part of a number weighs: a document that it publishes.
//!
//! ```json
//! {"nps": {"target": 40, "baseline": {"from": "2026-01-01", "to": "2026-03-31"},
//!          "touchpoints": {"logistics": {"target": 20}, "check-out": {"baseline": {"from": "2026-06-01", "to": "2026-06-30"}}}},
//!  "kpi": {"collection": 85, "implementation": 70, "within_target": 90, "recovery": 80, "time_to_close": "PT8H"},
//!  "index": {"satisfaction": 50, "usage": 30, "improvements": 20},
//!  "priority": {"wide": 30, "base": 20, "often": 50, "core": 30, "effort": {"large": 30}, "kano": {"must_be": 150}, "value": {"gold": 150}}}
//! ```
//!
//! What is left out is as [built in](Targets::default). Targets judge numbers when those are asked for, and change nothing
//! that is stored: another document gives other verdicts of the same days.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::issue;
use crate::nps::IndexWeights;
use crate::policy::check::{self, At, Check};
use crate::policy::{Code, Faults};

/// The most touchpoints that have targets of their own.
const MOST_TOUCHPOINTS: usize = 200;
/// The longest name of a touchpoint, in characters: as a submission may name one.
const TEXT_LIMIT: usize = 100;
/// The most days of a baseline, as of a report.
const MOST_DAYS: i64 = 400;
/// The heaviest weight.
const HEAVIEST: i64 = 1_000_000;
/// The most a weight of the priority of issues may be, in percent.
const MOST_PERCENT: i64 = 100_000;

/// The targets of a company. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Targets {
    /// Of the Net Promoter Score.
    pub nps: NpsTargets,
    /// Of how the loop is closed.
    pub kpi: KpiTargets,
    /// How much each part of the Customer Experience Index weighs.
    pub index: IndexWeights,
    /// How much each thing counts for the priority of an issue.
    pub priority: issue::priority::Weights,
}

/// What scores shall reach. None is built in: a score to reach is a company's own. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NpsTargets {
    /// Of every touchpoint without one of its own, -100 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<i8>,
    /// What every touchpoint without one of its own is compared with; left out, as many days as are asked for, just before those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What differs for single touchpoints, by their names in responses.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub touchpoints: BTreeMap<String, TouchpointTarget>,
}

/// What differs for one touchpoint. Names are persisted: append only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TouchpointTarget {
    /// The NPS it shall reach, -100 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<i8>,
    /// What it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
}

/// Local days that later ones are compared with, both included. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The first.
    pub from: Date,
    /// The last.
    pub to: Date,
}

/// What closing the loop shall reach; `docs/kpi.md` defines each. Shares are in percent, 1 to 100. Names are persisted:
/// append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KpiTargets {
    /// Those who answered within 30 days, of those who were asked.
    pub collection: u8,
    /// Improvements that shipped within 90 days, of those that were due.
    pub implementation: u8,
    /// First responses within their target.
    pub within_target: u8,
    /// Customers whose last answer is that it was solved, of those who said.
    pub recovery: u8,
    /// The median from the opening of a case to its last outcome, in the time that its clock counts.
    pub time_to_close: SignedDuration,
}

impl Default for KpiTargets {
    fn default() -> Self {
        Self {
            collection: 85,
            implementation: 70,
            within_target: 90,
            recovery: 80,
            time_to_close: SignedDuration::from_hours(8),
        }
    }
}

impl Targets {
    /// Reads targets that somebody wrote.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn read(document: &Value) -> Result<Self, Faults> {
        let mut check = Check::new(());
        check.company(document);
        check.done()?;
        check::read(document.clone())
    }
}

impl NpsTargets {
    /// The NPS that a touchpoint shall reach, if anybody said.
    pub fn target(&self, touchpoint: &str) -> Option<f64> {
        let own = self.touchpoints.get(touchpoint).and_then(|own| own.target);
        own.or(self.target).map(f64::from)
    }

    /// What a touchpoint is compared with, if anybody said.
    pub fn baseline(&self, touchpoint: &str) -> Option<Baseline> {
        let own = self.touchpoints.get(touchpoint);
        own.and_then(|own| own.baseline).or(self.baseline)
    }

    /// Every span of days that a touchpoint is compared with: few, as most share one.
    pub fn baselines(&self) -> impl Iterator<Item = Baseline> {
        let own = self.touchpoints.values().filter_map(|own| own.baseline);
        own.chain(self.baseline)
    }
}

impl Baseline {
    /// Whether a day is one of them.
    pub fn contains(self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }
}

impl Check<()> {
    fn company(&mut self, document: &Value) {
        let Some(members) = self.object("", document, &["nps", "kpi", "index", "priority"]) else {
            return;
        };
        self.member("", members, "nps", false, Self::nps);
        self.member("", members, "kpi", false, Self::kpi);
        self.member("", members, "index", false, |check, at, value| {
            check.weights(at, value, &["satisfaction", "usage", "improvements"]);
        });
        self.member("", members, "priority", false, Self::priority);
    }

    /// Weights of which each means something by itself: what is left out is as built in.
    fn priority(&mut self, at: &str, value: &Value) {
        let single = ["wide", "base", "often", "core"];
        let groups: [(&str, &[&str]); 3] = [
            ("effort", &["small", "medium", "large"]),
            (
                "kano",
                &[
                    "must_be",
                    "one_dimensional",
                    "attractive",
                    "indifferent",
                    "reverse",
                    "questionable",
                ],
            ),
            (
                "value",
                &["bronze", "silver", "gold", "platinum", "unknown"],
            ),
        ];
        let known: Vec<_> = single
            .into_iter()
            .chain(groups.map(|(name, _)| name))
            .collect();
        let Some(priority) = self.object(at, value, &known) else {
            return;
        };
        for name in single {
            // A share of customers; the others are percents of one.
            let (low, high) = match name {
                "wide" => (1, 100),
                _ => (0, MOST_PERCENT),
            };
            self.member(at, priority, name, false, |check, at, value| {
                check.number(at, value, low, high);
            });
        }
        for (group, names) in groups {
            self.member(at, priority, group, false, |check, at, value| {
                let Some(weights) = check.object(at, value, names) else {
                    return;
                };
                for name in names {
                    check.member(at, weights, name, false, |check, at, value| {
                        check.number(at, value, 0, MOST_PERCENT);
                    });
                }
            });
        }
    }

    fn nps(&mut self, at: &str, value: &Value) {
        let Some(nps) = self.object(at, value, &["target", "baseline", "touchpoints"]) else {
            return;
        };
        self.reach(at, nps);
        self.member(at, nps, "touchpoints", false, |check, at, value| {
            let Some(touchpoints) = value.as_object() else {
                return check.fault(at, Code::NotAnObject);
            };
            if touchpoints.len() > MOST_TOUCHPOINTS {
                let most = MOST_TOUCHPOINTS;
                return check.fault(at, Code::TooMany { most });
            }
            for (name, own) in touchpoints {
                let at = At(at).member(name);
                check.text(&at, &Value::String(name.clone()), TEXT_LIMIT);
                if let Some(own) = check.object(&at, own, &["target", "baseline"]) {
                    check.reach(&at, own);
                }
            }
        });
    }

    /// A target and a baseline.
    fn reach(&mut self, at: &str, members: &Map<String, Value>) {
        self.member(at, members, "target", false, |check, at, value| {
            check.number(at, value, -100, 100);
        });
        self.member(at, members, "baseline", false, |check, at, value| {
            let Some(days) = check.object(at, value, &["from", "to"]) else {
                return;
            };
            let mut day = |name| {
                let mut day = None;
                check.member(at, days, name, true, |check, at, value| {
                    day = read_day(value);
                    if day.is_none() {
                        check.fault(at, Code::Day);
                    }
                });
                day
            };
            if let (Some(from), Some(to)) = (day("from"), day("to"))
                && !(1..=MOST_DAYS).contains(&days_of(from, to))
            {
                check.fault(at, Code::Days { most: MOST_DAYS });
            }
        });
    }

    fn kpi(&mut self, at: &str, value: &Value) {
        let shares = ["collection", "implementation", "within_target", "recovery"];
        let known: Vec<_> = shares.into_iter().chain(["time_to_close"]).collect();
        let Some(kpi) = self.object(at, value, &known) else {
            return;
        };
        for name in shares {
            self.member(at, kpi, name, false, |check, at, value| {
                check.number(at, value, 1, 100);
            });
        }
        self.member(at, kpi, "time_to_close", false, Self::duration);
    }

    /// Weights, each of which must be there: only together do they mean anything.
    fn weights(&mut self, at: &str, value: &Value, names: &[&str]) {
        let Some(weights) = self.object(at, value, names) else {
            return;
        };
        for name in names {
            self.member(at, weights, name, true, |check, at, value| {
                check.number(at, value, 0, HEAVIEST);
            });
        }
        if names
            .iter()
            .all(|name| weights.get(*name) == Some(&Value::from(0)))
        {
            self.fault(at, Code::NoWeight);
        }
    }
}

/// A day as keys hold it: one day, one text.
fn read_day(value: &Value) -> Option<Date> {
    let text = value.as_str()?;
    let day = text.parse().ok();
    day.filter(|day: &Date| day.year() >= 0 && day.to_string() == text)
}

/// How many days there are from one to another, both included; below one if there are none.
fn days_of(from: Date, to: Date) -> i64 {
    let span = from.until((Unit::Day, to));
    span.map_or(i64::MAX, |span| i64::from(span.get_days()) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locale;
    use jiff::civil::date;
    use proptest::prelude::*;
    use serde_json::json;

    fn faults(document: &Value) -> Vec<(String, &'static str)> {
        let Err(faults) = Targets::read(document) else {
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
    fn what_is_left_out_is_as_built_in_and_names_are_kept() {
        for document in [json!({}), json!({"nps": {}, "kpi": {}})] {
            assert_eq!(Targets::read(&document).unwrap(), Targets::default());
        }
        assert_eq!(
            json!(Targets::default()),
            json!({
                "nps": {},
                "kpi": {"collection": 85, "implementation": 70, "within_target": 90, "recovery": 80, "time_to_close": "PT8H"},
                "index": {"satisfaction": 50, "usage": 30, "improvements": 20},
                "priority": {
                    "wide": 30, "base": 20, "often": 50, "core": 30,
                    "effort": {"small": 100, "medium": 60, "large": 30},
                    "kano": {
                        "must_be": 150, "one_dimensional": 120, "attractive": 100,
                        "indifferent": 50, "reverse": 0, "questionable": 100,
                    },
                    "value": {"bronze": 100, "silver": 120, "gold": 150, "platinum": 200, "unknown": 100},
                },
            })
        );
        let whole = json!({
            "nps": {
                "target": -10,
                "baseline": {"from": "2026-01-01", "to": "2026-01-01"},
                "touchpoints": {"物流": {"target": 20}, "a/b~c": {"baseline": {"from": "2026-02-01", "to": "2026-02-28"}}},
            },
            "kpi": {"collection": 1, "implementation": 100, "within_target": 95, "recovery": 50, "time_to_close": "PT90M"},
            "index": {"satisfaction": 1, "usage": 0, "improvements": 1_000_000},
            "priority": {"wide": 1, "kano": {"reverse": 100_000}},
        });
        let read = Targets::read(&whole).unwrap();
        let mut written = json!(read);
        assert_eq!(written["kpi"]["time_to_close"], "PT1H30M");
        written["kpi"]["time_to_close"] = "PT90M".into();
        let mut whole = whole;
        let mut priority = json!(Targets::default().priority);
        (priority["wide"], priority["kano"]["reverse"]) = (1.into(), 100_000.into());
        whole["priority"] = priority;
        assert_eq!(written, whole);
    }

    #[test]
    fn a_touchpoint_has_its_own_target_and_baseline_or_everybodys() {
        let first = Baseline {
            from: date(2026, 1, 1),
            to: date(2026, 1, 31),
        };
        let second = Baseline {
            from: date(2026, 2, 1),
            to: date(2026, 2, 28),
        };
        let own = |target, baseline| TouchpointTarget { target, baseline };
        let nps = NpsTargets {
            target: Some(40),
            baseline: Some(first),
            touchpoints: BTreeMap::from([
                ("logistics".to_owned(), own(Some(-5), None)),
                ("coupon".to_owned(), own(None, Some(second))),
            ]),
        };
        for (touchpoint, target, baseline) in [
            ("logistics", -5.0, first),
            ("coupon", 40.0, second),
            ("Coupon", 40.0, first),
        ] {
            assert_eq!(nps.target(touchpoint), Some(target), "{touchpoint}");
            assert_eq!(nps.baseline(touchpoint), Some(baseline), "{touchpoint}");
        }
        assert!(nps.baselines().eq([second, first]));
        let none = NpsTargets::default();
        assert_eq!((none.target("x"), none.baseline("x")), (None, None));
        assert!(first.contains(first.from) && first.contains(first.to));
        assert!(!first.contains(second.from) && !second.contains(first.to));
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let many: Map<String, Value> = (0..201).map(|n| (n.to_string(), json!({}))).collect();
        let document = json!({
            "nps": {
                "target": 101,
                "baseline": {"from": "2026-02-01", "to": "2026-01-31"},
                "touchpoints": {
                    " x": {"target": "40"},
                    "y": {"baseline": {"from": "20260201"}, "goal": 1},
                    "z": 7,
                    "q": {"baseline": {"from": "2025-01-01", "to": "2026-02-05"}},
                    "fine": {"baseline": {"from": "2025-01-01", "to": "2026-02-04"}},
                },
            },
            "kpi": {"collection": 0, "recovery": 101, "within_target": 90.5, "time_to_close": "PT0S", "speed": 1},
            "index": {"satisfaction": 0, "usage": 0, "improvements": 0},
            "mood": {},
        });
        let mut found = faults(&document);
        found.sort();
        let mut expected = [
            ("/index", "no-weight"),
            ("/kpi/collection", "out-of-range"),
            ("/kpi/recovery", "out-of-range"),
            ("/kpi/speed", "unknown-field"),
            ("/kpi/time_to_close", "invalid-duration"),
            ("/kpi/within_target", "out-of-range"),
            ("/mood", "unknown-field"),
            ("/nps/baseline", "invalid-days"),
            ("/nps/target", "out-of-range"),
            ("/nps/touchpoints/ x", "invalid-text"),
            ("/nps/touchpoints/ x/target", "out-of-range"),
            ("/nps/touchpoints/q/baseline", "invalid-days"),
            ("/nps/touchpoints/y/baseline/from", "invalid-date"),
            ("/nps/touchpoints/y/baseline/to", "required"),
            ("/nps/touchpoints/y/goal", "unknown-field"),
            ("/nps/touchpoints/z", "not-an-object"),
        ]
        .map(|(at, code)| (at.to_owned(), code));
        expected.sort();
        assert_eq!(found, expected);
        for (document, at, code) in [
            (json!([]), "", "not-an-object"),
            (json!({"nps": 40}), "/nps", "not-an-object"),
            (
                json!({"nps": {"touchpoints": []}}),
                "/nps/touchpoints",
                "not-an-object",
            ),
            (
                json!({"nps": {"touchpoints": many}}),
                "/nps/touchpoints",
                "too-many",
            ),
            (
                json!({"nps": {"target": null}}),
                "/nps/target",
                "out-of-range",
            ),
            (
                json!({"kpi": {"collection": 1u64 << 63}}),
                "/kpi/collection",
                "out-of-range",
            ),
            (
                json!({"index": {"satisfaction": 1, "usage": 1}}),
                "/index/improvements",
                "required",
            ),
            (
                json!({"index": {"satisfaction": -1, "usage": 1, "improvements": 1}}),
                "/index/satisfaction",
                "out-of-range",
            ),
            (
                json!({"priority": {"wide": 0}}),
                "/priority/wide",
                "out-of-range",
            ),
            (
                json!({"priority": {"kano": {"must_be": -1}}}),
                "/priority/kano/must_be",
                "out-of-range",
            ),
            (
                json!({"priority": {"value": {"iron": 1}}}),
                "/priority/value/iron",
                "unknown-field",
            ),
        ] {
            assert_eq!(faults(&document), [(at.to_owned(), code)], "{document}");
        }
    }

    proptest! {
        #[test]
        fn what_is_not_refused_can_be_read(target in -150i64..150, share in 0i64..120, from in "[0-9-]{8,11}", weight in -1i64..3) {
            let document = json!({
                "nps": {"target": target, "baseline": {"from": from, "to": "2026-11-01"}},
                "kpi": {"recovery": share},
                "index": {"satisfaction": weight, "usage": 0, "improvements": weight},
            });
            if faults(&document).is_empty() {
                prop_assert!(Targets::read(&document).is_ok());
                prop_assert!((-100..=100).contains(&target) && (1..=100).contains(&share) && weight > 0);
            }
        }
    }
}
