//! What the users of helpdesks complain of for years, each as a test that bears its name.
//!
//! The model is used from outside, as the functions use it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

use jiff::{SignedDuration, Timestamp};
use resound_domain::book::{Book, Edition};
use resound_domain::calendar::{BusinessCalendar, Calendars};
use resound_domain::case::{Case, Command, State};
use resound_domain::clock::{ClockKind, ClockName, Outcome};
use resound_domain::event::{Actor, Event, EventKind};
use resound_domain::id::ResponseId;
use resound_domain::policy::{
    Audience, CalendarName, Delay, Origin, Policy, Priority, Target, Targets,
};
use serde_json::{Value, json};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

const MILLI: SignedDuration = SignedDuration::from_millis(1);

/// Weekdays in Shanghai, 09:00 to 12:00 and 13:30 to 18:00, with these changes.
fn office(changes: &Value) -> Book {
    let day = json!([["09:00", "12:00"], ["13:30", "18:00"]]);
    let mut calendar = json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
    });
    let members = changes.as_object().unwrap().clone();
    calendar.as_object_mut().unwrap().extend(members);
    let calendar: BusinessCalendar = serde_json::from_value(calendar).unwrap();
    Book::built_in(Calendars::new(calendar))
}

/// The policy in which everybody is answered within so long, in business hours, and all else takes its time.
fn answered_within(version: u32, duration: SignedDuration) -> Policy {
    let target = |duration, calendar| Target { duration, calendar };
    let targets = Targets {
        first_response: target(duration, CalendarName::BUSINESS),
        next_response: None,
        resolution: target(hours(2000), CalendarName::BUSINESS),
        plan: None,
        tell: None,
    };
    let mut policy = Policy {
        version,
        loop_limit: hours(5000),
        ..Policy::default()
    };
    for row in [
        &mut policy.targets.p1,
        &mut policy.targets.p2,
        &mut policy.targets.p3,
        &mut policy.targets.p4,
    ] {
        row.clone_from(&targets);
    }
    policy
}

fn book(duration: SignedDuration, changes: &Value) -> Book {
    let calendars = office(changes).latest().calendars.clone();
    Book::new(Edition::new(answered_within(1, duration), calendars, 1))
}

fn opened(start: &str, book: &Book) -> Case {
    let id = ResponseId::from_bits(7).case();
    let event = Case::open(id, at(start), Priority::P3, Origin::default(), book);
    Case::begin(&event).unwrap()
}

fn apply(case: &mut Case, events: &[Event]) {
    for event in events {
        case.apply(event);
    }
}

fn perform(case: &mut Case, command: &Command, now: Timestamp, book: &Book) -> Vec<Event> {
    let by = Actor::Staff("agent-7".to_owned());
    let events = case.handle(command, by, now, book).unwrap();
    apply(case, &events);
    events
}

/// When the first response is due to a case opened then.
fn due(start: &str, duration: SignedDuration, changes: &Value) -> Timestamp {
    let case = opened(start, &book(duration, changes));
    case.clocks().first_response.due().unwrap()
}

fn count(events: &[Event], name: &str, kind: ClockKind) -> usize {
    let of = |event: &&Event| match &event.kind {
        EventKind::Warned { clock, .. }
        | EventKind::Breached { clock, .. }
        | EventKind::Escalated { clock, .. } => *clock == kind && event.kind.name() == name,
        _ => false,
    };
    events.iter().filter(of).count()
}

#[test]
fn business_hours_ignored() {
    // Friday 17:00 and two business hours: not 19:00, and not Saturday.
    let monday = at("2026-11-23T10:00:00+08:00");
    assert_eq!(
        due("2026-11-20T17:00:00+08:00", hours(2), &json!({})),
        monday
    );
    // Nor are alerts sent at night: the warning after 75 % is at 09:30 on Monday.
    let book = book(hours(2), &json!({}));
    let case = opened("2026-11-20T17:00:00+08:00", &book);
    assert_eq!(case.next_deadline(), Some(at("2026-11-23T09:30:00+08:00")));
    assert_eq!(case.expire(at("2026-11-23T09:29:59.999+08:00"), &book), []);
}

#[test]
fn one_interval_a_day_only() {
    // The break at noon does not count: an hour before it and an hour after it.
    let start = "2026-11-23T11:00:00+08:00";
    assert_eq!(
        due(start, hours(2), &json!({})),
        at("2026-11-23T14:30:00+08:00")
    );
    // What fills the morning is due at its end, not after the break.
    assert_eq!(
        due(start, hours(1), &json!({})),
        at("2026-11-23T12:00:00+08:00")
    );
    // A night shift is one interval that goes on on the next day.
    let night = json!({"hours": {"mon": [["22:00", "06:00"]]}});
    assert_eq!(
        due("2026-11-23T23:00:00+08:00", hours(3), &night),
        at("2026-11-24T02:00:00+08:00")
    );
}

#[test]
fn no_holidays() {
    let golden_week = json!({
        "holidays": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
        "shifts": {"2026-10-10": [["09:00", "12:00"], ["13:30", "18:00"]]},
    });
    let before = "2026-09-30T17:00:00+08:00";
    assert_eq!(
        due(before, hours(2), &golden_week),
        at("2026-10-08T10:00:00+08:00")
    );
    // The make-up Saturday is worked.
    let friday = "2026-10-09T17:00:00+08:00";
    assert_eq!(
        due(friday, hours(2), &golden_week),
        at("2026-10-10T10:00:00+08:00")
    );
    // A holiday that is entered while a case is open moves its deadline.
    let plain = book(hours(2), &json!({}));
    let case = opened(before, &plain);
    let mut edition = Edition::new(
        answered_within(1, hours(2)),
        office(&golden_week).latest().calendars.clone(),
        2,
    );
    edition.active_from = at("2026-09-30T17:30:00+08:00");
    let entered = plain.with(edition);
    let moved = case.moves(at("2026-09-30T18:00:00+08:00"), &entered);
    let first = moved
        .iter()
        .find(|moved| moved.clock == ClockName::Case(ClockKind::FirstResponse))
        .unwrap();
    assert_eq!(first.becomes, Some(at("2026-10-08T10:00:00+08:00")));
}

#[test]
fn a_minute_lost_at_midnight() {
    let all_day = json!([["00:00", "24:00"]]);
    let always = json!({"hours": {"mon": all_day, "tue": all_day, "wed": all_day, "thu": all_day, "fri": all_day, "sat": all_day, "sun": all_day}});
    // Ten days are ten days, to the millisecond.
    let start = "2026-11-23T10:00:00.123+08:00";
    assert_eq!(due(start, hours(240), &always), at(start) + hours(240));
    // As are twenty nights of a shift that is written as two intervals.
    let night = json!([["00:00", "06:00"], ["22:00", "24:00"]]);
    let nights = json!({"hours": {"mon": night, "tue": night, "wed": night, "thu": night, "fri": night, "sat": night, "sun": night}});
    assert_eq!(
        due("2026-11-23T22:00:00+08:00", hours(160), &nights),
        at("2026-12-13T06:00:00+08:00")
    );
}

#[test]
fn daylight_saving() {
    let berlin = |interval: Value| json!({"tz": "Europe/Berlin", "hours": {"sat": interval, "sun": interval, "mon": interval}});
    // The night of 2026-03-29 has an hour less, that of 2026-10-25 one more.
    let all = json!([["00:00", "24:00"]]);
    let spring = due("2026-03-29T00:00:00+01:00", hours(23), &berlin(all.clone()));
    assert_eq!(spring, at("2026-03-30T00:00:00+02:00"));
    let autumn = due("2026-10-25T00:00:00+02:00", hours(25), &berlin(all));
    assert_eq!(autumn, at("2026-10-26T00:00:00+01:00"));
    // Office hours keep the time of the wall clock.
    let nine = json!([["09:00", "17:00"]]);
    for (start, end) in [
        ("2026-03-28T16:00:00+01:00", "2026-03-29T10:00:00+02:00"),
        ("2026-10-24T16:00:00+02:00", "2026-10-25T10:00:00+01:00"),
    ] {
        assert_eq!(due(start, hours(2), &berlin(nine.clone())), at(end));
    }
}

#[test]
fn pauses_that_forget() {
    let book = book(hours(4), &json!({}));
    let mut case = opened("2026-11-23T09:00:00+08:00", &book);
    // Three pauses, one over a weekend, one at night, one of no length: what was used stays used.
    for (pause, resume) in [
        ("2026-11-23T10:00:00+08:00", "2026-11-23T14:30:00+08:00"),
        ("2026-11-23T15:30:00+08:00", "2026-11-23T23:00:00+08:00"),
        ("2026-11-24T09:30:00+08:00", "2026-11-24T09:30:00+08:00"),
    ] {
        perform(
            &mut case,
            &Command::AwaitCustomer { message: false },
            at(pause),
            &book,
        );
        assert_eq!(case.clocks().first_response.due(), None);
        perform(&mut case, &Command::Resume, at(resume), &book);
    }
    let clock = &case.clocks().first_response;
    assert_eq!(clock.counted(), SignedDuration::from_mins(150));
    assert_eq!(clock.due(), Some(at("2026-11-24T11:00:00+08:00")));
    // A pause that begins at the deadline loses neither it nor the milliseconds.
    let mut case = opened("2026-11-23T09:00:00.007+08:00", &book);
    let late = at("2026-11-23T14:30:00.007+08:00") + MILLI;
    let events = perform(
        &mut case,
        &Command::AwaitCustomer { message: false },
        late,
        &book,
    );
    assert_eq!(count(&events, "breached", ClockKind::FirstResponse), 1);
    perform(&mut case, &Command::Resume, late + hours(48), &book);
    assert_eq!(case.clocks().first_response.outcome(), Outcome::Missed);
}

#[test]
fn reopened_tickets() {
    let book = book(hours(2), &json!({}));
    let start = "2026-11-23T09:00:00+08:00";
    for command in [Command::Reopen, Command::RecordCustomerMessage] {
        let mut case = opened(start, &book);
        let mut log = perform(&mut case, &Command::Resolve, at(start) + hours(3), &book);
        assert_eq!(count(&log, "breached", ClockKind::FirstResponse), 1);
        // Reopened after months: fresh clocks, and not overdue since the first time.
        let again = at("2027-02-22T09:00:00+08:00");
        let events = perform(&mut case, &command, again, &book);
        assert_eq!(case.state(), State::Reopened);
        let clock = &case.clocks().first_response;
        assert_eq!(
            (clock.due(), clock.outcome()),
            (Some(again + hours(2)), Outcome::Pending)
        );
        // What the first clocks did stays in the log, and the new ones tell anew.
        log.extend(events);
        log.extend(case.expire(again + hours(24), &book));
        assert_eq!(count(&log, "warned", ClockKind::FirstResponse), 2);
        assert_eq!(count(&log, "breached", ClockKind::FirstResponse), 2);
    }
}

#[test]
fn clocks_that_overrule_each_other() {
    let book = Book::built_in(Calendars::office_hours("Asia/Shanghai").unwrap());
    let start = at("2026-09-30T18:00:00+08:00");
    let mut case = opened("2026-09-30T18:00:00+08:00", &book);
    let promised = |case: &Case, kind| case.clocks().get(kind).unwrap().due();
    perform(&mut case, &Command::Reply, start + hours(1), &book);
    // An answer stops neither the resolution nor the loop, and a pause stops not the loop.
    perform(
        &mut case,
        &Command::AwaitCustomer { message: true },
        start + hours(2),
        &book,
    );
    assert_eq!(promised(&case, ClockKind::Resolution), None);
    assert_eq!(promised(&case, ClockKind::Loop), Some(start + hours(168)));
    perform(
        &mut case,
        &Command::RecordCustomerMessage,
        start + hours(12),
        &book,
    );
    assert_eq!(
        promised(&case, ClockKind::NextResponse),
        Some(start + hours(36))
    );
    assert_eq!(
        promised(&case, ClockKind::Resolution),
        Some(start + hours(82))
    );
    // Each of them is missed and told on its own.
    let log = case.expire(start + hours(1000), &book);
    for kind in [
        ClockKind::NextResponse,
        ClockKind::Resolution,
        ClockKind::Loop,
    ] {
        assert_eq!(count(&log, "warned", kind), 1, "{kind:?}");
        assert_eq!(count(&log, "breached", kind), 1, "{kind:?}");
    }
    assert_eq!(count(&log, "breached", ClockKind::FirstResponse), 0);
}

#[test]
fn deactivated_policies_that_keep_alerting() {
    let calendars = office(&json!({})).latest().calendars.clone();
    let mut lax = Edition::new(answered_within(2, hours(40)), calendars, 1);
    lax.active_from = at("2026-11-23T10:00:00+08:00");
    let book = book(hours(2), &json!({})).with(lax);
    let case = opened("2026-11-23T09:00:00+08:00", &book);
    // Under the old policy it would be warned at 10:30 and missed at 11:00.
    let log = case.expire(at("2026-11-24T18:00:00+08:00"), &book);
    let names: Vec<_> = log.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["retargeted"]);
    // Neither does the index bring it back: once it is caught up it is found when the new rules say so.
    let mut case = case;
    apply(&mut case, &log);
    let warned = case.expire(case.next_deadline().unwrap(), &book);
    assert_eq!(count(&warned, "warned", ClockKind::FirstResponse), 1);
    assert_eq!(case.terms().policy, 2);
}

#[test]
fn no_warning_before_the_breach() {
    let book = book(hours(8), &json!({}));
    let case = opened("2026-11-23T09:00:00+08:00", &book);
    let log = case.expire(at("2026-11-24T18:00:00+08:00"), &book);
    let times: Vec<_> = log[..2]
        .iter()
        .map(|event| (event.kind.name(), event.at))
        .collect();
    // Six of eight hours, less the noon break; then the millisecond after the deadline.
    assert_eq!(times[0], ("warned", at("2026-11-23T16:30:00+08:00")));
    assert_eq!(
        times[1],
        ("breached", at("2026-11-24T09:30:00+08:00") + MILLI)
    );
}

#[test]
fn the_same_alert_ten_times() {
    let book = book(hours(2), &json!({}));
    let mut case = opened("2026-11-23T09:00:00+08:00", &book);
    let mut log = Vec::new();
    // A sweep each minute for a day, with a pause after the warning and one after the breach.
    let mut now = at("2026-11-23T09:00:00+08:00");
    for minute in 0..24 * 60 {
        now += SignedDuration::from_mins(1);
        let command = match minute {
            100 | 200 => Some(Command::AwaitCustomer { message: false }),
            110 | 210 => Some(Command::Resume),
            _ => None,
        };
        let events = match command {
            Some(command) => perform(&mut case, &command, now, &book),
            None => {
                let events = case.expire(now, &book);
                apply(&mut case, &events);
                events
            }
        };
        log.extend(events);
    }
    assert_eq!(count(&log, "warned", ClockKind::FirstResponse), 1);
    assert_eq!(count(&log, "breached", ClockKind::FirstResponse), 1);
    assert_eq!(count(&log, "escalated", ClockKind::FirstResponse), 3);
}

#[test]
fn deduplication_that_swallows_a_real_one() {
    let book = book(hours(2), &json!({}));
    let start = at("2026-11-23T09:00:00+08:00");
    let mut case = opened("2026-11-23T09:00:00+08:00", &book);
    let mut log = perform(&mut case, &Command::Reply, start + hours(1), &book);
    // Two messages, each left without an answer for two hours: two breaches of the same clock of the same case.
    for day in ["2026-11-24", "2026-11-25"] {
        let written = at(&format!("{day}T09:00:00+08:00"));
        log.extend(perform(
            &mut case,
            &Command::RecordCustomerMessage,
            written,
            &book,
        ));
        log.extend(perform(
            &mut case,
            &Command::Reply,
            written + hours(2) + MILLI,
            &book,
        ));
    }
    assert_eq!(count(&log, "warned", ClockKind::NextResponse), 2);
    assert_eq!(count(&log, "breached", ClockKind::NextResponse), 2);
    // And a deadline that moved is told anew, though one of that clock was told already.
    let calendars = book.latest().calendars.clone();
    let mut later = Edition::new(answered_within(2, hours(5)), calendars, 1);
    later.active_from = at("2026-11-23T11:30:00+08:00");
    let case = opened("2026-11-23T09:00:00+08:00", &book);
    let log = case.expire(at("2026-11-23T18:00:00+08:00"), &book.with(later));
    assert_eq!(count(&log, "warned", ClockKind::FirstResponse), 2);
    assert_eq!(count(&log, "breached", ClockKind::FirstResponse), 2);
}

#[test]
fn deactivated_policies_that_keep_alerting_from_the_last_moment() {
    // Due at closing on Friday, and other rules from that very instant: the deadline stays, the ladder is the new one.
    let book = book(hours(2), &json!({}));
    let case = opened("2026-11-20T16:00:00+08:00", &book);
    let closing = at("2026-11-20T18:00:00+08:00");
    assert_eq!(case.clocks().first_response.due(), Some(closing));
    let mut policy = answered_within(2, hours(2));
    policy.ladder = [(Audience::TeamLead, Delay::Percent(200))].into();
    let calendars = book.latest().calendars.clone();
    let mut later = Edition::new(policy, calendars, 1);
    later.active_from = closing;
    let log = case.expire(at("2026-11-24T18:00:00+08:00"), &book.with(later));
    let told = log.iter().filter_map(|event| match &event.kind {
        EventKind::Breached { .. } | EventKind::Escalated { .. } => {
            Some((event.kind.name(), event.at))
        }
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        [
            ("breached", closing + MILLI),
            ("escalated", at("2026-11-23T11:00:00+08:00")),
        ]
    );
}
