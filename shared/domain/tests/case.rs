//! The state machine of a case, from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar::Calendars;
use resound_domain::case::{Case, Command, State};
use resound_domain::event::{Actor, Event};
use resound_domain::id::ResponseId;
use resound_domain::policy::{Policy, Priority};
use resound_domain::submission::Channel;

fn calendars() -> Calendars {
    Calendars::office_hours("Asia/Shanghai").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

fn staff() -> Actor {
    Actor::Staff("agent-7".to_owned())
}

fn opening(priority: Priority, channel: Channel, opened: Timestamp) -> Event {
    let id = ResponseId::from_bits(7).case();
    Case::open(
        id,
        opened,
        priority,
        channel,
        &Policy::default(),
        &calendars(),
    )
}

fn opened(priority: Priority, opened: Timestamp) -> Case {
    Case::begin(&opening(priority, Channel::Web, opened)).unwrap()
}

/// Does a command and applies what it made happen.
fn perform(case: &mut Case, command: &Command, now: Timestamp) -> Vec<Event> {
    let events = case.handle(command, staff(), now, &calendars()).unwrap();
    for event in &events {
        case.apply(event);
    }
    events
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.name()).collect()
}

const MONDAY: &str = "2026-11-23T10:00:00+08:00";

#[test]
fn a_case_is_answered_resolved_and_closes_by_itself() {
    let start = at(MONDAY);
    let mut case = opened(Priority::P3, start);
    assert_eq!(
        names(&perform(&mut case, &Command::Acknowledge, start + hours(1))),
        ["acknowledged"]
    );
    assert_eq!(
        names(&perform(&mut case, &Command::Reply, start + hours(2))),
        ["replied"]
    );
    assert_eq!(
        names(&perform(&mut case, &Command::Resolve, start + hours(3))),
        ["resolved"]
    );
    assert_eq!(case.next_deadline(), Some(start + hours(3 + 72)));
    let events = case.expire(start + hours(1000));
    assert_eq!(names(&events), ["closed"]);
    assert_eq!(events[0].at, start + hours(75));
    case.apply(&events[0]);
    assert_eq!(case.state(), State::Closed);
    assert_eq!(
        (case.version(), case.revision(), case.next_deadline()),
        (5, 4, None)
    );
}
