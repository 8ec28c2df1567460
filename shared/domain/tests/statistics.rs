//! First response and resolution, against values worked out by hand, and against what must always hold.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use resound_domain::book::{Book, Edition};
use resound_domain::calendar::{BusinessCalendar, Calendars};
use resound_domain::case::{Case, Command};
use resound_domain::event::{Actor, Event};
use resound_domain::id::ResponseId;
use resound_domain::policy::{CalendarName, Origin, Policy, Priority, Target};
use resound_domain::statistics::{By, Course, Progress, Promises, Statistics};
use resound_domain::submission::Channel;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Nights in Berlin, 22:00 to 06:00: two hours to a first response, ten to a resolution.
fn book() -> Book {
    let night = json!([["22:00", "06:00"]]);
    let calendar = json!({"tz": "Europe/Berlin", "hours": {
        "mon": night, "tue": night, "wed": night, "thu": night, "fri": night, "sat": night, "sun": night,
    }});
    let calendar: BusinessCalendar = serde_json::from_value(calendar).unwrap();
    let target = |hours| Target {
        duration: SignedDuration::from_hours(hours),
        calendar: CalendarName::BUSINESS,
    };
    let mut policy = Policy::default();
    policy.targets.p3.first_response = target(2);
    policy.targets.p3.resolution = target(10);
    Book::new(Edition::new(policy, Calendars::new(calendar), 1))
}

fn open(bits: u128, start: &str, book: &Book) -> Vec<Event> {
    let origin = Origin::by(Channel::Email);
    let id = ResponseId::from_bits(bits).case();
    vec![Case::open(id, at(start), Priority::P3, origin, book)]
}

fn perform(log: &mut Vec<Event>, who: &str, command: &Command, now: &str, book: &Book) {
    let case = Case::replay(log.iter()).unwrap();
    let by = Actor::Staff(who.to_owned());
    log.extend(case.handle(command, by, at(now), book).unwrap());
}

fn done(by: &str, business: &str, wall: &str, in_time: bool) -> Progress {
    Progress::Done {
        by: Some(by.to_owned()),
        business: business.parse().unwrap(),
        wall: wall.parse().unwrap(),
        in_time,
    }
}

const LATER: &str = "2026-11-20T00:00:00Z";

/// The clock goes back at 01:00Z of 2026-10-25: that night has nine hours, and a pause takes some of them away.
#[test]
fn the_hour_that_comes_twice_is_worked_twice_and_a_pause_is_not() {
    let book = book();
    // Saturday 21:00; open from 22:00 (20:00Z).
    let mut log = open(1, "2026-10-24T19:00:00Z", &book);
    // 23:00: an hour of the night. 00:00 to 02:00 (22:00Z to 00:00Z) is paused, over the wait the customer is silent.
    perform(
        &mut log,
        "ann",
        &Command::Reply,
        "2026-10-24T21:00:00Z",
        &book,
    );
    let wait = Command::AwaitCustomer { message: false };
    perform(&mut log, "ann", &wait, "2026-10-24T22:00:00Z", &book);
    perform(
        &mut log,
        "ann",
        &Command::Resume,
        "2026-10-25T00:00:00Z",
        &book,
    );
    // 05:00 the second way round (04:00Z). Counted: 20:00Z to 22:00Z and 00:00Z to 04:00Z.
    perform(
        &mut log,
        "bo",
        &Command::Resolve,
        "2026-10-25T04:00:00Z",
        &book,
    );
    let course = Course::of(&log, at(LATER), &book).unwrap();
    assert_eq!(course.first_response, done("ann", "PT1H", "PT2H", true));
    assert_eq!(course.resolution, done("bo", "PT6H", "PT9H", true));
    assert_eq!(
        (course.reopened, course.merged, course.channel),
        (0, false, Some(Channel::Email))
    );
}

/// The clock goes forward at 01:00Z of 2026-03-29: that night has seven hours.
#[test]
fn the_hour_that_is_skipped_is_not_worked() {
    let book = book();
    let mut log = open(1, "2026-03-28T21:00:00Z", &book); // 22:00
    perform(
        &mut log,
        "ann",
        &Command::Resolve,
        "2026-03-29T04:00:00Z",
        &book,
    ); // 06:00
    let course = Course::of(&log, at(LATER), &book).unwrap();
    // Nothing was said before the outcome, which is late as a first response and in time as an outcome.
    assert_eq!(course.first_response, done("ann", "PT7H", "PT7H", false));
    assert_eq!(course.resolution, done("ann", "PT7H", "PT7H", true));
}

#[test]
fn a_case_that_is_opened_again_is_resolved_when_it_is_resolved_for_good() {
    let book = book();
    let mut log = open(1, "2026-11-02T21:00:00Z", &book); // Monday 22:00
    perform(
        &mut log,
        "ann",
        &Command::Resolve,
        "2026-11-02T22:00:00Z",
        &book,
    );
    perform(
        &mut log,
        "bo",
        &Command::Reopen,
        "2026-11-03T12:00:00Z",
        &book,
    );
    let open_again = Course::of(&log, at("2026-11-03T13:00:00Z"), &book).unwrap();
    assert_eq!(
        open_again.first_response,
        done("ann", "PT1H", "PT1H", true),
        "the customer was answered"
    );
    assert_eq!(open_again.resolution, Progress::Open { late: false });
    let late = Course::of(&log, at("2026-11-05T13:00:00Z"), &book).unwrap();
    assert_eq!(
        late.resolution,
        Progress::Open { late: true },
        "no sweep came by"
    );

    perform(
        &mut log,
        "bo",
        &Command::Decline,
        "2026-11-03T23:00:00Z",
        &book,
    );
    let course = Course::of(&log, at(LATER), &book).unwrap();
    // One hour of the first night and two of the second; 26 hours by the wall.
    assert_eq!(course.resolution, done("bo", "PT3H", "PT26H", true));
    assert_eq!(course.reopened, 1);
}

#[test]
fn every_case_is_counted_and_no_percentile_is_guessed() {
    let book = book();
    let mut statistics = Statistics::new(By::Agent);
    // Resolved after 10, 20, .. 100 minutes of the night, by two in turn.
    for n in 1..=10_u128 {
        let mut log = open(n, "2026-11-02T21:00:00Z", &book);
        let minutes = SignedDuration::from_mins(10 * i64::try_from(n).unwrap());
        let now = (at("2026-11-02T21:00:00Z") + minutes).to_string();
        let who = if n % 2 == 0 { "ann" } else { "bo" };
        perform(&mut log, who, &Command::Resolve, &now, &book);
        statistics.add(&Course::of(&log, at(LATER), &book).unwrap());
    }
    let mut owned = open(11, "2026-11-02T21:00:00Z", &book);
    let cy = Command::Assign {
        owner: "cy".to_owned(),
    };
    perform(&mut owned, "ann", &cy, "2026-11-02T21:01:00Z", &book);
    statistics.add(&Course::of(&owned, at("2026-11-02T23:00:00.001Z"), &book).unwrap());
    let mut merged = open(12, "2026-11-02T21:00:00Z", &book);
    let into = ResponseId::from_bits(1).case();
    perform(
        &mut merged,
        "ann",
        &Command::Merge { into },
        "2026-11-02T21:01:00Z",
        &book,
    );
    statistics.add(&Course::of(&merged, at(LATER), &book).unwrap());

    let total = &statistics.total;
    assert_eq!((total.cases, total.merged, total.reopened), (12, 1, 0));
    let resolution = &total.resolution;
    assert_eq!((resolution.done(), resolution.in_time), (10, 10));
    assert_eq!((resolution.open, resolution.open_late), (1, 0));
    let spread = resolution.business().unwrap();
    assert_eq!(spread.median, SignedDuration::from_mins(55));
    assert_eq!(spread.p90, SignedDuration::from_mins(90));
    assert_eq!(spread.mean, SignedDuration::from_mins(55));
    assert_eq!(resolution.wall(), Some(spread));
    let first = &total.first_response;
    assert_eq!((first.open, first.open_late), (1, 1), "two hours are over");
    assert_eq!(first.within_target(), Some(10.0 / 11.0));

    let ann = &statistics.rows[&Some("ann".to_owned())];
    assert_eq!((ann.cases, ann.resolution.done()), (0, 5), "none is hers");
    let p90 = ann.resolution.business().unwrap().p90;
    assert_eq!(p90, SignedDuration::from_mins(100));
    let cy = &statistics.rows[&Some("cy".to_owned())];
    assert_eq!((cy.cases, cy.first_response.open_late), (1, 1));
    assert_eq!(statistics.rows[&None].cases, 11);
    assert_eq!(Promises::default().business(), None);
    assert_eq!(Promises::default().within_target(), None);
}

proptest! {
    #[test]
    fn nothing_is_lost_whatever_staff_do(
        all in prop::collection::vec(prop::collection::vec((0usize..8, 0i64..40, 0usize..3), 0..9), 1..6),
    ) {
        let book = book();
        let mut sums = By::ALL.map(Statistics::new);
        for (n, steps) in (1_u128..).zip(&all) {
            let mut log = open(n, "2026-10-23T12:00:00Z", &book);
            for &(what, hours, who) in steps {
                let case = Case::replay(log.iter()).unwrap();
                let owner = ["ann", "bo", "cy"][who].to_owned();
                let command = match what {
                    0 => Command::Reply,
                    1 => Command::AwaitCustomer { message: who == 0 },
                    2 => Command::Resume,
                    3 => Command::Resolve,
                    4 => Command::Reopen,
                    5 => Command::RecordCustomerMessage,
                    6 => Command::Merge { into: ResponseId::from_bits(99).case() },
                    _ => Command::Assign { owner: owner.clone() },
                };
                let now = case.last_event_at() + SignedDuration::from_hours(hours);
                if let Ok(events) = case.handle(&command, Actor::Staff(owner), now, &book) {
                    log.extend(events);
                }
            }
            let course = Course::of(&log, at(LATER), &book).unwrap();
            if let (Progress::Done { business, wall, .. }, Progress::Done { business: whole, wall: ended, .. }) =
                (&course.first_response, &course.resolution)
            {
                prop_assert!(business <= wall && whole <= ended && wall <= ended);
            }
            for sum in &mut sums {
                sum.add(&course);
            }
        }
        for sum in &sums {
            let count = |of: fn(&resound_domain::statistics::Row) -> u64| sum.rows.values().map(of).sum::<u64>();
            let cases = u64::try_from(all.len()).unwrap();
            prop_assert_eq!(count(|row| row.cases), cases);
            let measured = cases - count(|row| row.merged);
            prop_assert_eq!(count(|row| row.first_response.done() + row.first_response.open), measured);
            prop_assert_eq!(count(|row| row.resolution.done() + row.resolution.open), measured);
            prop_assert_eq!(count(|row| row.resolution.in_time), sum.total.resolution.in_time);
        }
    }
}
