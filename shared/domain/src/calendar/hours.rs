//! Opening hours as a company writes them down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The seconds of an ordinary day.
pub(super) const DAY: u32 = 24 * 60 * 60;

/// A wall-clock time to the second, `00:00` to `24:00`; written `HH:MM`, or `HH:MM:SS` where there are seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay(pub(super) u32);

impl TimeOfDay {
    /// A full hour, from 0 to 24.
    pub(super) const fn hour(hour: u32) -> Self {
        Self(hour * 3600)
    }
}

/// Why a text is not a [`TimeOfDay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of day: 00:00 to 24:00 is expected, as HH:MM or HH:MM:SS")]
pub struct InvalidTimeOfDay;

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    fn from_str(text: &str) -> Result<Self, InvalidTimeOfDay> {
        let part = |text: &str, end: u32| {
            let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            let n: u32 = digits
                .then(|| text.parse().ok())
                .flatten()
                .ok_or(InvalidTimeOfDay)?;
            (n < end).then_some(n).ok_or(InvalidTimeOfDay)
        };
        let mut parts = text.split(':');
        let hour = part(parts.next().unwrap_or_default(), 25)?;
        let minute = part(parts.next().unwrap_or_default(), 60)?;
        let second = parts.next().map_or(Ok(0), |text| part(text, 60))?;
        let of_day = hour * 3600 + minute * 60 + second;
        if parts.next().is_some() || of_day > DAY {
            return Err(InvalidTimeOfDay);
        }
        Ok(Self(of_day))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hour:02}:{minute:02}")?;
        if second == 0 {
            Ok(())
        } else {
            write!(f, ":{second:02}")
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> String {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidTimeOfDay;

    fn try_from(text: String) -> Result<Self, InvalidTimeOfDay> {
        text.parse()
    }
}

/// A half-open stretch of wall-clock time that begins on a day. One whose end is not after its start runs past
/// midnight and ends on the next day. Written as a pair, `["09:00", "17:30"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(TimeOfDay, TimeOfDay)", from = "(TimeOfDay, TimeOfDay)")]
pub struct Interval {
    /// The first second of it.
    pub from: TimeOfDay,
    /// The second after its last.
    pub to: TimeOfDay,
}

impl Interval {
    pub(super) fn overnight(self) -> bool {
        self.to <= self.from
    }

    /// Its first second, and the one after its last, from the midnight of the day on which it begins.
    pub(super) fn seconds(self) -> (u32, u32) {
        let overnight = if self.overnight() { DAY } else { 0 };
        (self.from.0, self.to.0 + overnight)
    }

    /// The part on the day it begins.
    pub(super) fn today(self) -> (u32, u32) {
        let (from, to) = self.seconds();
        (from, to.min(DAY))
    }

    /// The part on the day after.
    pub(super) fn tomorrow(self) -> Option<(u32, u32)> {
        self.overnight().then_some((0, self.to.0))
    }
}

impl From<(TimeOfDay, TimeOfDay)> for Interval {
    fn from((from, to): (TimeOfDay, TimeOfDay)) -> Self {
        Self { from, to }
    }
}

impl From<Interval> for (TimeOfDay, TimeOfDay) {
    fn from(interval: Interval) -> Self {
        (interval.from, interval.to)
    }
}

/// Intervals for each day of the week.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Week {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mon: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tue: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wed: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thu: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fri: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sat: Vec<Interval>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sun: Vec<Interval>,
}

impl Week {
    /// These intervals from Monday to Friday, and none at the weekend.
    pub fn working_days(day: Vec<Interval>) -> Self {
        Self {
            mon: day.clone(),
            tue: day.clone(),
            wed: day.clone(),
            thu: day.clone(),
            fri: day,
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        self.days().iter().all(|day| day.is_empty())
    }

    /// What the fields are called, Monday's first.
    pub(super) const NAMES: [&'static str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    pub(super) fn days_mut(&mut self) -> [&mut Vec<Interval>; 7] {
        let Self {
            mon,
            tue,
            wed,
            thu,
            fri,
            sat,
            sun,
        } = self;
        [mon, tue, wed, thu, fri, sat, sun]
    }

    /// Monday's first.
    pub(super) fn days(&self) -> [&[Interval]; 7] {
        [
            &self.mon, &self.tue, &self.wed, &self.thu, &self.fri, &self.sat, &self.sun,
        ]
    }
}

/// A country whose public holidays are built in. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Country {
    /// Mainland China, make-up working days included: see [`china`](super::china).
    #[serde(rename = "cn")]
    China,
}

/// A business calendar as a company writes it down. Names are persisted: append only.
///
/// What a date has is decided in this order: a holiday of the company is closed; a shift of the company replaces
/// the hours of its date; a public holiday is closed; a make-up working day has the make-up hours; the week
/// gives the rest. Hours belong to the date they begin on, so the night shift before a holiday is worked to its end.
/// Breaks are cut out of whatever is open when they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// An IANA zone.
    pub tz: String,
    /// The ordinary week.
    #[serde(default)]
    pub hours: Week,
    /// Dates with other hours than their weekday's: short days, and make-up working days (调休).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shifts: BTreeMap<Date, Vec<Interval>>,
    /// Cut-outs of single dates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub breaks: BTreeMap<Date, Vec<Interval>>,
    /// Cut-outs of each week.
    #[serde(default, skip_serializing_if = "Week::is_empty")]
    pub weekly_breaks: Week,
    /// Closed dates.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<Date>,
    /// Whose public holidays, and make-up working days, are kept as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_holidays: Option<Country>,
    /// The hours of a make-up working day; Monday's if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub make_up_hours: Vec<Interval>,
}

impl Definition {
    /// The hours of a working day that replaces another.
    pub fn hours_of_make_up_days(&self) -> &[Interval] {
        if self.make_up_hours.is_empty() {
            &self.hours.mon
        } else {
            &self.make_up_hours
        }
    }
}
