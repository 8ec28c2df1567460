//! How often, and when, somebody may be written to who did not ask for it.
//!
//! What answers their own case is never held back. What we have to say of our own accord (an announcement, an invitation,
//! a survey) counts, by person and medium, and waits for the day.

use jiff::civil::{Time, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The time in which contacts are counted: 30 times 24 hours.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The most contacts in that time. No law names a number; it is ours.
pub const MOST: usize = 2;

/// When quiet hours begin, local time: the hours of 47 CFR 64.1200(c)(1), which forbids calls before 8 and after 21 o'clock.
pub const QUIET_FROM: Time = time(21, 0, 0, 0);

/// When quiet hours are over, local time.
pub const QUIET_UNTIL: Time = time(8, 0, 0, 0);

/// Whether nobody is to be written to in this zone.
pub fn is_quiet(at: Timestamp, zone: &TimeZone) -> bool {
    let local = zone.to_datetime(at).time();
    local >= QUIET_FROM || local < QUIET_UNTIL
}

/// When one person was last written to by one medium of our own accord. Business time, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contacts(Vec<Timestamp>);

impl Contacts {
    /// Whether they may be written to once more.
    pub fn allow_one(&self, now: Timestamp) -> bool {
        self.recent(now).count() < MOST
    }

    /// These and one more; what is out of the [`WINDOW`] is forgotten.
    #[must_use]
    pub fn and(&self, now: Timestamp) -> Self {
        let mut contacts: Vec<_> = self.recent(now).collect();
        contacts.push(now);
        contacts.sort_unstable();
        Self(contacts)
    }

    /// Those in the window that ends now. One that is yet to come, as clocks differ, counts.
    fn recent(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let all = self.0.iter().copied();
        all.filter(move |at| now.duration_since(*at) < WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn two_contacts_in_thirty_days_and_no_more() {
        let first = at("2026-11-02T02:00:00Z");
        let none = Contacts::default();
        assert!(none.allow_one(first));
        let two = none.and(first).and(at("2026-11-12T02:00:00Z"));
        assert!(!two.allow_one(at("2026-12-02T01:59:59.999Z")));
        assert!(two.allow_one(at("2026-12-02T02:00:00Z")));
        let next = two.and(at("2026-12-02T02:00:00Z"));
        assert_eq!(next.0.len(), MOST, "the first is forgotten");
    }

    #[test]
    fn nobody_is_written_to_at_night() {
        let zone = crate::calendar::zone("Asia/Shanghai").unwrap();
        for (utc, quiet) in [
            ("2026-11-02T12:59:59Z", false),
            ("2026-11-02T13:00:00Z", true),
            ("2026-11-02T23:59:59Z", true),
            ("2026-11-03T00:00:00Z", false),
        ] {
            assert_eq!(is_quiet(at(utc), &zone), quiet, "{utc}");
        }
    }

    proptest! {
        #[test]
        fn whoever_keeps_to_it_writes_at_most_twice_in_any_window(gaps in proptest::collection::vec(0i64..2_000_000, 1..40)) {
            let mut now = at("2026-01-01T00:00:00Z");
            let (mut contacts, mut sent) = (Contacts::default(), Vec::new());
            for gap in gaps {
                now = now.checked_add(SignedDuration::from_secs(gap)).unwrap();
                if contacts.allow_one(now) {
                    contacts = contacts.and(now);
                    sent.push(now);
                }
            }
            for three in sent.windows(MOST + 1) {
                prop_assert!(three[MOST].duration_since(three[0]) >= WINDOW);
            }
        }
    }
}
