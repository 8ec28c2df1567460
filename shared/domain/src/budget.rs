//! How often, and when, somebody may be written to who did not ask for it.
//!
//! What answers their own case counts, and is never held back. What we have to say of our own accord (an announcement, an
//! invitation, a survey) counts, by person and medium, keeps to what both leave, and waits for the day.

use jiff::civil::{Time, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// The time in which contacts are counted: 30 times 24 hours.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The most contacts of our own accord in that time. No law names a number; it is ours.
pub const MOST: usize = 2;

/// With so many contacts in that time, answers and ours together, nothing more is said of our own accord. Ours too: a case
/// makes two or three answers, and whoever heard from us about two or three cases of theirs this month has heard enough.
pub const MOST_IN_ALL: usize = 6;

/// How many places an instant of whole milliseconds has.
const NANOS_OF_A_MILLI: u128 = 1_000_000;

/// When quiet hours begin, local time: the hours of 47 CFR 64.1200(c)(1), which forbids calls before 8 and after 21 o'clock.
pub const QUIET_FROM: Time = time(21, 0, 0, 0);

/// When quiet hours are over, local time.
pub const QUIET_UNTIL: Time = time(8, 0, 0, 0);

/// Whether nobody is to be written to in this zone.
pub fn is_quiet(at: Timestamp, zone: &TimeZone) -> bool {
    let local = zone.to_datetime(at).time();
    local >= QUIET_FROM || local < QUIET_UNTIL
}

/// When the quiet hours are over that it is in this zone; `None` if it is none.
pub fn quiet_until(at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if !is_quiet(at, zone) {
        return None;
    }
    let local = zone.to_datetime(at);
    let day = match local.time() >= QUIET_FROM {
        true => local.date().tomorrow().ok()?,
        false => local.date(),
    };
    let morning = day.to_datetime(QUIET_UNTIL).to_zoned(zone.clone());
    morning.ok().map(|morning| morning.timestamp())
}

/// When an answer counts that tells of this event: at the time of the event, and within its millisecond at a place of its own.
/// So what is told of one event counts once, however often it is counted, and what is told of several at one instant counts
/// for each: cases that were merged have their outcome together. Two of these fall together once in a million.
pub fn answered_at(event: &Event) -> Timestamp {
    let of_its_own = event.case.bits().wrapping_add(u128::from(event.seq));
    let place = i64::try_from(of_its_own % NANOS_OF_A_MILLI).unwrap_or_default();
    let at = event.at.checked_add(SignedDuration::from_nanos(place));
    at.unwrap_or(event.at)
}

/// Times at which one person was written to by one medium. Business time, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(Vec<Timestamp>);

impl Times {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those in the window that ends now. One that is yet to come, as clocks differ, counts.
    fn recent(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let all = self.0.iter().copied();
        all.filter(move |at| now.duration_since(*at) < WINDOW)
    }
}

/// When one person was last written to by one medium.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contacts {
    /// Of our own accord.
    pub own: Times,
    /// In answer to their own case, each [when it counts](answered_at).
    pub answers: Times,
}

impl Contacts {
    /// Whether they may be written to once more of our own accord. Answers need not ask.
    pub fn allow_one(&self, now: Timestamp) -> bool {
        let own = self.own.recent(now).count();
        own < MOST && own + self.answers.recent(now).count() < MOST_IN_ALL
    }

    /// These and one more of our own accord; of those, what is out of the [`WINDOW`] is forgotten.
    #[must_use]
    pub fn and(&self, now: Timestamp) -> Self {
        let mut own: Vec<_> = self.own.recent(now).collect();
        own.push(now);
        own.sort_unstable();
        Self {
            own: Times(own),
            answers: self.answers.clone(),
        }
    }

    /// These and an answer that [counts](answered_at) at `at`; the same one any number of times, in any order with others, is
    /// the same as once. Of the answers, what is out of the [`WINDOW`] is forgotten, and all but the last [`MOST_IN_ALL`]: more
    /// never matters.
    #[must_use]
    pub fn and_answer(&self, at: Timestamp) -> Self {
        let mut answers: Vec<_> = self.answers.recent(at).collect();
        answers.push(at);
        answers.sort_unstable();
        answers.dedup();
        let excess = answers.len().saturating_sub(MOST_IN_ALL);
        answers.drain(..excess);
        Self {
            own: self.own.clone(),
            answers: Times(answers),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::event::{Actor, EventKind};
    use crate::id::CaseId;
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
        assert_eq!(next.own.0.len(), MOST, "the first is forgotten");
    }

    #[test]
    fn answers_leave_room_for_one_after_one_case_and_none_after_three() {
        let day = |n: i64| at("2026-11-02T02:00:00Z") + SignedDuration::from_hours(24 * n);
        let answered = |n| (0..n).fold(Contacts::default(), |known, n| known.and_answer(day(n)));
        assert!(answered(3).allow_one(day(3)), "one case");
        assert!(answered(5).allow_one(day(6)), "room for one");
        assert!(!answered(5).and(day(6)).allow_one(day(6)), "and no more");
        let held = answered(6);
        assert!(!held.allow_one(day(6)));
        assert!(!held.allow_one(day(30) - SignedDuration::from_millis(1)));
        assert!(held.allow_one(day(30)), "the first is out of the window");
        let hundreds = answered(300);
        assert_eq!(hundreds.answers.0.len(), MOST_IN_ALL);
        assert!(!hundreds.allow_one(day(300)));
        assert!(hundreds.allow_one(day(325)), "five of the last are left");
    }

    #[test]
    fn each_event_of_an_instant_counts_and_each_once() {
        let now = at("2026-11-02T02:00:00.123Z");
        let event = |case: u128, seq| Event {
            seq,
            case: CaseId::from_bits((case << 64) | (0x9e37_79b9_7f4a_7c15 * case)),
            at: now,
            by: Actor::System,
            kind: EventKind::Closed,
            trace_id: None,
        };
        let counted = |events: &[Event]| {
            let answered = events.iter().map(answered_at);
            let counted = answered.fold(Contacts::default(), |known, at| known.and_answer(at));
            counted.answers.0.len()
        };
        assert_eq!(counted(&[event(1, 2), event(2, 2), event(2, 3)]), 3);
        assert_eq!(counted(&[event(1, 2), event(1, 2)]), 1);
        for case in 0..100 {
            let early = answered_at(&event(case, 2)).duration_since(now);
            assert!((0..1_000_000).contains(&early.as_nanos()), "{early}");
        }
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
        fn quiet_hours_end_at_the_first_instant_that_is_none(second in 1_293_840_000i64..1_925_000_000, of in 0usize..6) {
            // Summer time, no summer time, half an hour of it, and a day that never was.
            let names = ["Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu"];
            let zone = crate::calendar::zone(names[of]).unwrap();
            let now = Timestamp::from_second(second).unwrap();
            let Some(until) = quiet_until(now, &zone) else {
                prop_assert!(!is_quiet(now, &zone));
                return Ok(());
            };
            prop_assert!(is_quiet(now, &zone) && until > now);
            prop_assert!(!is_quiet(until, &zone));
            let mut before = now;
            while before < until {
                prop_assert!(is_quiet(before, &zone), "{before}");
                before += SignedDuration::from_mins(7);
            }
        }

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

        /// Held against the whole history: nothing that is forgotten would have mattered.
        #[test]
        fn ours_keep_to_what_answers_leave(steps in proptest::collection::vec((0i64..700_000, proptest::bool::ANY), 1..120)) {
            let mut now = at("2026-01-01T00:00:00Z");
            let mut contacts = Contacts::default();
            let (mut ours, mut answers): (Vec<Timestamp>, BTreeSet<Timestamp>) = (Vec::new(), BTreeSet::new());
            for (gap, is_answer) in steps {
                now = now.checked_add(SignedDuration::from_secs(gap)).unwrap();
                let is_recent = |at: &&Timestamp| now.duration_since(**at) < WINDOW;
                let own = ours.iter().filter(is_recent).count();
                let all = own + answers.iter().filter(is_recent).count();
                prop_assert_eq!(contacts.allow_one(now), own < MOST && all < MOST_IN_ALL);
                if is_answer {
                    contacts = contacts.and_answer(now);
                    answers.insert(now);
                } else if contacts.allow_one(now) {
                    contacts = contacts.and(now);
                    ours.push(now);
                }
            }
        }

        #[test]
        fn answers_count_once_in_whatever_order(hours in proptest::collection::vec(0i64..2_000, 1..30), turn in 0usize..30) {
            let at = |hours: i64| at("2026-01-01T00:00:00Z") + SignedDuration::from_hours(hours);
            let counted = |hours: &mut dyn Iterator<Item = &i64>| {
                hours.fold(Contacts::default(), |known, hours| known.and_answer(at(*hours)))
            };
            let (first, second) = hours.split_at(turn % hours.len());
            let straight = counted(&mut hours.iter());
            let turned = counted(&mut second.iter().chain(first).chain(second));
            prop_assert!(turned.answers.0.len() <= MOST_IN_ALL);
            let last = *hours.iter().max().unwrap();
            for now in [last, last + 24, last + 200, last + 719, last + 720] {
                prop_assert_eq!(straight.allow_one(at(now)), turned.allow_one(at(now)));
            }
        }
    }
}
