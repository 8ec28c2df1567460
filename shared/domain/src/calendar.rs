//! Business calendars: which seconds count.

use jiff::{SignedDuration, Timestamp};

use crate::policy::CalendarName;

/// The calendars a clock may run on.
#[derive(Debug, Clone)]
pub struct Calendars {
    // The company's business hours; around the clock needs no data.
}

impl Calendars {
    /// Monday to Friday, 09:00 to 18:00, in this IANA zone; `None` if the zone is unknown.
    pub fn office_hours(_zone: &str) -> Option<Self> {
        todo!()
    }

    /// The instant at which `duration` of counted time has passed since `start`.
    pub fn add(
        &self,
        _calendar: CalendarName,
        _start: Timestamp,
        _duration: SignedDuration,
    ) -> Timestamp {
        todo!()
    }

    /// The counted time from `start` to `end`; zero if reversed.
    pub fn between(
        &self,
        _calendar: CalendarName,
        _start: Timestamp,
        _end: Timestamp,
    ) -> SignedDuration {
        todo!()
    }
}
