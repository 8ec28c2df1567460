//! The state machine of a case, from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use resound_domain::calendar::{BusinessCalendar, Calendars};
use resound_domain::case::{BrokenLog, Case, Command, Refused, State, Verb};
use resound_domain::clock::{ClockKind, Outcome};
use resound_domain::event::{Actor, Doubt, Event, EventKind};
use resound_domain::id::ResponseId;
use resound_domain::policy::{Audience, CalendarName, Policy, Priority};
use resound_domain::submission::Channel;
use serde_json::{Value, json};

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

/// A P3 case brought into this state, and when it got there.
fn in_state(state: State) -> (Case, Timestamp) {
    let start = at(MONDAY);
    let mut case = opened(Priority::P3, start);
    let path: &[Command] = match state {
        State::Open => &[],
        State::Acknowledged => &[Command::Acknowledge],
        State::AwaitingCustomer => &[Command::AwaitCustomer { message: false }],
        State::Resolved => &[Command::Resolve],
        State::Declined => &[Command::Decline],
        State::Closed => &[Command::Resolve, Command::Close],
        State::Reopened => &[Command::Resolve, Command::Reopen],
    };
    let mut now = start;
    for command in path {
        now += hours(1);
        perform(&mut case, command, now);
    }
    assert_eq!(case.state(), state);
    (case, now)
}

fn command(verb: Verb) -> Command {
    match verb {
        Verb::Acknowledge => Command::Acknowledge,
        Verb::Assign => Command::Assign {
            owner: "agent-9".to_owned(),
        },
        Verb::Reply => Command::Reply,
        Verb::AwaitCustomer => Command::AwaitCustomer { message: true },
        Verb::Resume => Command::Resume,
        Verb::Resolve => Command::Resolve,
        Verb::Decline => Command::Decline,
        Verb::Reopen => Command::Reopen,
        Verb::Close => Command::Close,
    }
}

/// The table in the documentation of the module, row by row: what each command does in each state.
fn documented() -> Vec<(Verb, State, Option<State>)> {
    let rows = include_str!("../src/case.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! |")?.strip_suffix('|'));
    let mut rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let state = |name: &str| State::from_name(&name.replace(' ', "_"));
    let columns: Vec<_> = rows.next().unwrap()[1..]
        .iter()
        .map(|name| state(name).unwrap())
        .collect();
    let mut cells = Vec::new();
    for row in rows.skip(1) {
        let verb = Verb::from_name(row[0].trim_matches('`')).unwrap();
        for (&from, &cell) in columns.iter().zip(&row[1..]) {
            let to = match cell {
                "-" => None,
                "" => Some(from),
                name => Some(state(name).unwrap()),
            };
            cells.push((verb, from, to));
        }
    }
    cells
}

#[test]
fn every_command_in_every_state_does_what_the_table_says() {
    let table = documented();
    assert_eq!(table.len(), Verb::ALL.len() * State::ALL.len());
    for (verb, from, to) in table {
        let (mut case, now) = in_state(from);
        let handled = case.handle(&command(verb), staff(), now, &calendars());
        assert_eq!(
            from.allows().contains(&verb),
            to.is_some(),
            "{verb:?} {from:?}"
        );
        let Some(to) = to else {
            let allowed = from.allows();
            let refused = Refused::WrongState {
                state: from,
                command: verb,
                allowed,
            };
            assert_eq!(handled, Err(refused), "{verb:?} {from:?}");
            continue;
        };
        let events = handled.unwrap();
        assert_eq!(events.len(), 1, "{verb:?} {from:?}");
        case.apply(&events[0]);
        assert_eq!(case.state(), to, "{verb:?} {from:?}");
        assert_eq!(case.revision(), case.version());
        assert_eq!(
            case.closes_at().is_some(),
            matches!(to, State::Resolved | State::Declined)
        );
        assert_eq!(case.closed_at().is_some(), to == State::Closed);
        let clock = &case.clocks().resolution;
        assert_eq!(
            clock.is_paused(),
            to == State::AwaitingCustomer,
            "{verb:?} {from:?}"
        );
        let over = matches!(to, State::Resolved | State::Declined | State::Closed);
        assert_eq!(clock.stopped_at().is_some(), over, "{verb:?} {from:?}");
    }
}

#[test]
fn a_refusal_says_the_state_and_what_is_possible() {
    let (case, now) = in_state(State::AwaitingCustomer);
    let refused = case
        .handle(&Command::Close, staff(), now, &calendars())
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a case that is `awaiting_customer` does not take `close`; \
         it takes `assign`, `reply`, `resume`, `resolve`, `decline`"
    );
}

#[test]
fn names_agree_with_what_is_persisted() {
    for state in State::ALL {
        assert_eq!(json!(state), state.name());
        assert_eq!(State::from_name(state.name()), Some(state));
    }
    for verb in Verb::ALL {
        assert_eq!(json!(verb), verb.name());
        assert_eq!(command(verb).verb(), verb);
    }
    for priority in Priority::ALL {
        assert_eq!(json!(priority), priority.name());
    }
}

#[test]
fn an_unanswered_case_climbs_the_ladder() {
    let start = at(MONDAY);
    let case = opened(Priority::P3, start);
    let ms = SignedDuration::from_millis(1);
    let log: Vec<_> = case
        .expire(start + hours(1000))
        .into_iter()
        .map(|event| (event.at, event.kind))
        .collect();
    let mut expected = Vec::new();
    for (clock, target) in [(ClockKind::FirstResponse, 24), (ClockKind::Resolution, 72)] {
        let due = start + hours(target);
        let told = |audience| EventKind::Escalated {
            clock,
            due,
            audience,
        };
        expected.extend([
            (
                start + hours(target * 3 / 4),
                EventKind::Warned { clock, due },
            ),
            (due + ms, EventKind::Breached { clock, due }),
            (start + hours(target * 5 / 4), told(Audience::TeamLead)),
            (start + hours(target * 3 / 2), told(Audience::Manager)),
            (start + hours(target * 2), told(Audience::Executive)),
        ]);
    }
    expected.sort_by_key(|(at, _)| *at);
    assert_eq!(log, expected);
}

#[test]
fn an_answer_at_the_deadline_is_in_time() {
    let start = at(MONDAY);
    let case = opened(Priority::P1, start);
    let due = case.clocks().first_response.due().unwrap();
    assert_eq!(due, start + hours(2));
    for (late, outcome, events) in [
        (0, Outcome::Met, &["warned", "replied"][..]),
        (1, Outcome::Missed, &["warned", "breached", "replied"][..]),
    ] {
        let mut case = case.clone();
        let now = due + SignedDuration::from_millis(late);
        assert_eq!(names(&perform(&mut case, &Command::Reply, now)), events);
        let clock = &case.clocks().first_response;
        assert_eq!(
            (clock.outcome(), clock.stopped_at(), clock.due()),
            (outcome, Some(now), Some(due))
        );
        assert!(case.clocks().resolution.is_running());
    }
}

#[test]
fn only_words_to_the_customer_stop_the_first_response() {
    for (command, answered) in [
        (Command::Acknowledge, false),
        (command(Verb::Assign), false),
        (Command::AwaitCustomer { message: false }, false),
        (Command::AwaitCustomer { message: true }, true),
        (Command::Reply, true),
        (Command::Resolve, true),
        (Command::Decline, true),
    ] {
        let mut case = opened(Priority::P2, at(MONDAY));
        perform(&mut case, &command, at(MONDAY) + hours(1));
        let stopped = case.clocks().first_response.stopped_at();
        assert_eq!(stopped.is_some(), answered, "{command:?}");
    }
}

#[test]
fn waiting_for_the_customer_does_not_count() {
    let start = at(MONDAY);
    let mut case = opened(Priority::P2, start);
    perform(
        &mut case,
        &Command::AwaitCustomer { message: false },
        start + hours(1),
    );
    assert_eq!(case.next_deadline(), None);
    assert_eq!(case.expire(Timestamp::MAX), []);
    assert_eq!(case.clocks().first_response.remaining(), Some(hours(3)));
    assert_eq!(case.clocks().next_due(), None);
    let back = start + hours(200);
    perform(&mut case, &Command::Resume, back);
    assert_eq!(case.clocks().first_response.due(), Some(back + hours(3)));
    assert_eq!(case.clocks().resolution.due(), Some(back + hours(47)));
    assert_eq!(case.next_deadline(), Some(back + hours(2)));
}

#[test]
fn a_missed_deadline_stays_missed_through_a_pause() {
    let start = at(MONDAY);
    let mut case = opened(Priority::P2, start);
    let due = start + hours(4);
    perform(
        &mut case,
        &Command::AwaitCustomer { message: false },
        start + hours(5),
    );
    let back = start + hours(100);
    perform(&mut case, &Command::Resume, back);
    let clock = &case.clocks().first_response;
    assert_eq!((clock.outcome(), clock.due()), (Outcome::Missed, Some(due)));
    // An hour over when the wait began: the team lead was told then, the manager is told at six hours.
    let events = case.expire(back + hours(1));
    let clock = ClockKind::FirstResponse;
    let audience = Audience::Manager;
    assert_eq!(
        events[0].kind,
        EventKind::Escalated {
            clock,
            due,
            audience
        }
    );
    assert_eq!((events.len(), events[0].at), (1, back + hours(1)));
}

#[test]
fn business_hours_end_at_closing() {
    // Friday 09:00: 24 business hours of nine-hour days are Monday and Tuesday, and six hours more.
    let case = opened(Priority::P4, at("2026-11-20T09:00:00+08:00"));
    let promise = case.clocks().promise().unwrap();
    assert_eq!(promise.respond_by, at("2026-11-24T15:00:00+08:00"));
    assert_eq!(promise.resolve_by, at("2026-11-26T18:00:00+08:00"));
}

/// As drawn in docs/clocks.md.
#[test]
fn pauses_in_business_hours() {
    let friday = |time: &str| at(&format!("2026-11-20T{time}:00+08:00"));
    let due_after = |paused: Timestamp, resumed: Timestamp| {
        let mut case = opened(Priority::P4, friday("09:00"));
        let ask = Command::AwaitCustomer { message: false };
        perform(&mut case, &ask, paused);
        assert_eq!(case.clocks().promise(), None);
        perform(&mut case, &Command::Resume, resumed);
        case.clocks().promise().unwrap().respond_by
    };
    // From Friday night to Monday morning nothing would have counted: nothing moves.
    let unmoved = at("2026-11-24T15:00:00+08:00");
    assert_eq!(
        due_after(friday("20:00"), at("2026-11-23T08:00:00+08:00")),
        unmoved
    );
    // Three of the office's hours move it to closing, not to the next opening; five move it to the next day.
    assert_eq!(
        due_after(friday("12:00"), friday("15:00")),
        at("2026-11-24T18:00:00+08:00")
    );
    assert_eq!(
        due_after(friday("12:00"), friday("17:00")),
        at("2026-11-25T11:00:00+08:00")
    );
}

#[test]
fn no_deadline_is_further_than_the_limit_of_the_loop() {
    let office = json!([["09:00", "18:00"]]);
    let closed: BusinessCalendar = serde_json::from_value(json!({
        "tz": "Asia/Shanghai",
        "hours": {"mon": office, "tue": office, "wed": office, "thu": office, "fri": office},
        "holidays": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08", "2026-10-09"],
    }))
    .unwrap();
    let calendars = Calendars::new(closed);
    let start = at("2026-09-30T18:00:00+08:00");
    let id = ResponseId::from_bits(7).case();
    let event = Case::open(
        id,
        start,
        Priority::P4,
        Channel::Web,
        &Policy::default(),
        &calendars,
    );
    let mut case = Case::begin(&event).unwrap();
    let promise = case.clocks().promise().unwrap();
    assert_eq!(
        (promise.respond_by, promise.resolve_by),
        (start + hours(168), start + hours(168))
    );
    assert_eq!(case.next_deadline(), Some(start + hours(126)));
    // Pauses do not count towards it.
    for (command, after) in [
        (Command::AwaitCustomer { message: false }, 24),
        (Command::Resume, 48),
    ] {
        let events = case
            .handle(&command, staff(), start + hours(after), &calendars)
            .unwrap();
        case.apply(&events[0]);
    }
    assert_eq!(
        case.clocks().resolution.due(),
        Some(start + hours(168 + 24))
    );
}

#[test]
fn reopening_starts_afresh_under_the_terms_of_the_opening() {
    let start = at(MONDAY);
    let mut case = Case::begin(&opening(Priority::P4, Channel::Social, start)).unwrap();
    assert_eq!(case.clocks().first_response.due(), Some(start + hours(2)));
    perform(&mut case, &Command::Resolve, start + hours(30));
    assert_eq!(case.clocks().first_response.outcome(), Outcome::Missed);
    let again = start + hours(31);
    perform(&mut case, &Command::Reopen, again);
    let clock = &case.clocks().first_response;
    assert_eq!(
        (clock.outcome(), clock.due()),
        (Outcome::Pending, Some(again + hours(2)))
    );
    assert_eq!((case.closes_at(), case.closed_at()), (None, None));
}

#[test]
fn the_day_of_closing_comes_before_a_late_command() {
    let (mut case, now) = in_state(State::Resolved);
    let closes_at = case.closes_at().unwrap();
    assert_eq!(closes_at, now + hours(72));
    let refused = case.handle(&Command::Reply, staff(), closes_at, &calendars());
    assert!(matches!(
        refused,
        Err(Refused::WrongState {
            state: State::Closed,
            ..
        })
    ));
    let events = perform(&mut case, &Command::Reopen, closes_at);
    assert_eq!(names(&events), ["closed", "reopened"]);
    assert_eq!((&events[0].by, events[0].at), (&Actor::System, closes_at));
    assert_eq!(case.state(), State::Reopened);
}

#[test]
fn time_does_not_run_backwards() {
    let (mut case, now) = in_state(State::Acknowledged);
    let events = perform(&mut case, &Command::Reply, now - hours(5));
    assert_eq!(events[0].at, now);
    let events = case.doubt(events[0].seq, Doubt::Unknown, now - hours(5));
    assert_eq!(events[0].at, now);
}

#[test]
fn a_doubt_changes_neither_state_nor_etag() {
    let (mut case, now) = in_state(State::Resolved);
    let cause = case.version();
    let before = case.clone();
    for event in case.doubt(cause, Doubt::Refused, now) {
        case.apply(&event);
    }
    assert_eq!(case.version(), cause + 1);
    assert_eq!(
        (case.revision(), case.state()),
        (before.revision(), before.state())
    );
    assert_eq!(case.next_deadline(), before.next_deadline());
    // One that comes late finds the case closed.
    let late = case.doubt(cause, Doubt::Unknown, now + hours(100));
    assert_eq!(names(&late), ["closed", "notice_in_doubt"]);
}

#[test]
fn a_log_that_is_not_whole_is_named() {
    let first = opening(Priority::P3, Channel::Web, at(MONDAY));
    let case = Case::begin(&first).unwrap();
    let rest = case.expire(at(MONDAY) + hours(30));
    let mut foreign = rest[0].clone();
    foreign.case = ResponseId::from_bits(8).case();
    assert_eq!(Case::replay([]), Err(BrokenLog::Empty));
    assert_eq!(Case::replay(&rest), Err(BrokenLog::NotOpened));
    assert_eq!(
        Case::replay([&first, &rest[1]]),
        Err(BrokenLog::Gap {
            expected: 2,
            found: 3
        })
    );
    assert_eq!(
        Case::replay([&first, &foreign]),
        Err(BrokenLog::Foreign { seq: 2 })
    );
    assert!(Case::replay([&first, &rest[0], &rest[1]]).is_ok());
}

#[test]
fn whole_milliseconds_only() {
    let odd = at("2026-11-23T10:00:00.123456789+08:00");
    let mut case = opened(Priority::P4, odd);
    assert_eq!(case.opened_at(), at("2026-11-23T10:00:00.123+08:00"));
    let events = perform(&mut case, &Command::Reply, odd);
    assert_eq!(events[0].at, at("2026-11-23T10:00:00.123+08:00"));
}

/// Logs written by every version there was, with the case after each event. Never edited: a change of form adds
/// a file.
const PERSISTED: [&str; 2] = [
    include_str!("persisted/log.v1.jsonl"),
    include_str!("persisted/log.v1-traced.jsonl"),
];

#[test]
fn what_was_persisted_is_read_for_ever() {
    let mut kinds = BTreeSet::new();
    for log in PERSISTED {
        let mut case: Option<Case> = None;
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let event: Event = serde_json::from_value(line["event"].clone()).unwrap();
            assert_eq!(json!(event), line["event"]);
            kinds.insert(event.kind.name());
            case = case.map_or_else(
                || Case::begin(&event),
                |mut case| {
                    case.apply(&event);
                    Some(case)
                },
            );
            let snapshot: Case = serde_json::from_value(line["case"].clone()).unwrap();
            assert_eq!(case, Some(snapshot));
            assert_eq!(json!(case), line["case"]);
        }
    }
    assert_eq!(
        kinds.len(),
        14,
        "a log with each kind of event is kept: {kinds:?}"
    );
}

/// One thing that happens in a simulated life.
#[derive(Debug, Clone)]
enum Move {
    /// So many milliseconds pass, then a command comes.
    Wait(i64, Command),
    /// It comes so many milliseconds after (or before) the next deadline.
    Deadline(i64, Command),
    /// A notice is found to be in doubt after so many milliseconds.
    Doubt(i64),
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => select(&Verb::ALL).prop_map(command),
        1 => Just(Command::AwaitCustomer { message: false }),
    ]
}

fn any_move() -> impl Strategy<Value = Move> {
    let wait = 0..60 * 3_600_000_i64;
    prop_oneof![
        4 => (wait.clone(), any_command()).prop_map(|(wait, command)| Move::Wait(wait, command)),
        3 => (-1..=1_i64, any_command()).prop_map(|(off, command)| Move::Deadline(off, command)),
        1 => wait.prop_map(Move::Doubt),
    ]
}

fn any_opening() -> impl Strategy<Value = Event> {
    let channel = select(&[Channel::Web, Channel::Social]);
    (select(&Priority::ALL), channel, 0..14 * 86_400_000_i64).prop_map(|(priority, channel, ms)| {
        opening(
            priority,
            channel,
            at(MONDAY) + SignedDuration::from_millis(ms),
        )
    })
}

fn any_life() -> impl Strategy<Value = (Event, Vec<Move>)> {
    (any_opening(), proptest::collection::vec(any_move(), 0..12))
}

/// A log and the case after it.
struct Life {
    log: Vec<Event>,
    case: Case,
}

impl Life {
    fn begin(opening: &Event) -> Self {
        let case = Case::begin(opening).unwrap();
        Self {
            log: vec![opening.clone()],
            case,
        }
    }

    fn record(&mut self, events: Vec<Event>) {
        for event in events {
            self.case.apply(&event);
            self.log.push(event);
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        self.record(self.case.expire(now));
    }

    fn happen(&mut self, step: &Move, now: Timestamp, calendars: &Calendars) {
        match step {
            Move::Doubt(_) => self.record(self.case.doubt(1, Doubt::Unknown, now)),
            // A refused command changes nothing.
            Move::Wait(_, command) | Move::Deadline(_, command) => {
                if let Ok(events) = self.case.handle(command, staff(), now, calendars) {
                    self.record(events);
                }
            }
        }
    }
}

/// Lives a life without any sweep; gives when each move came.
fn live(opening: &Event, moves: &[Move], mut each: impl FnMut(&Case)) -> (Life, Vec<Timestamp>) {
    let calendars = calendars();
    let mut life = Life::begin(opening);
    let mut now = opening.at;
    let mut times = Vec::new();
    each(&life.case);
    for step in moves {
        let next = match *step {
            Move::Wait(ms, _) | Move::Doubt(ms) => now + SignedDuration::from_millis(ms),
            Move::Deadline(ms, _) => {
                life.case.next_deadline().unwrap_or(now) + SignedDuration::from_millis(ms)
            }
        };
        now = now.max(next);
        life.happen(step, now, &calendars);
        times.push(now);
        each(&life.case);
    }
    (life, times)
}

proptest! {
    #[test]
    fn the_log_does_not_depend_on_when_the_sweep_ran(
        (opening, moves) in any_life(),
        sweeps in proptest::collection::vec(proptest::collection::vec(0..=1000_i64, 0..4), 13),
    ) {
        let calendars = calendars();
        let (mut plain, times) = live(&opening, &moves, |_| {});
        let end = times.last().copied().unwrap_or(opening.at) + hours(500);
        plain.sweep(end);

        let mut swept = Life::begin(&opening);
        let mut from = opening.at;
        for (i, mut shares) in sweeps.into_iter().enumerate() {
            let until = times.get(i).copied().unwrap_or(end);
            shares.sort_unstable();
            for share in shares {
                let part = from.duration_until(until).as_millis() as i64 * share / 1000;
                swept.sweep(from + SignedDuration::from_millis(part));
            }
            if let Some(step) = moves.get(i) {
                swept.happen(step, until, &calendars);
            }
            from = until;
        }
        swept.sweep(end);
        prop_assert_eq!(plain.log, swept.log);
        prop_assert_eq!(plain.case, swept.case);
    }

    #[test]
    fn the_next_deadline_is_the_first_instant_at_which_time_acts((opening, moves) in any_life()) {
        live(&opening, &moves, |case| match case.next_deadline() {
            Some(deadline) => {
                assert_eq!(case.expire(deadline - SignedDuration::from_nanos(1)), []);
                assert_eq!(case.expire(deadline)[0].at, deadline);
                assert!(deadline >= case.last_event_at());
            }
            None => assert_eq!(case.expire(Timestamp::MAX), []),
        });
    }

    #[test]
    fn the_log_is_whole_and_tells_the_state((opening, moves) in any_life()) {
        let (mut life, _) = live(&opening, &moves, |_| {});
        life.sweep(Timestamp::MAX);
        prop_assert_eq!(&Case::replay(&life.log).unwrap(), &life.case);
        prop_assert!(life.log.iter().map(|event| event.seq).eq(1..=life.case.version()));
        prop_assert!(life.log.windows(2).all(|pair| pair[0].at <= pair[1].at));
        prop_assert!(life.log.iter().all(|event| event.at.subsec_nanosecond() % 1_000_000 == 0));
        let person = life.log.iter().rfind(|event| event.by != Actor::System).unwrap();
        prop_assert_eq!(person.seq, life.case.revision());
        for event in &life.log {
            prop_assert_eq!(&serde_json::from_value::<Event>(json!(event)).unwrap(), event);
        }
        prop_assert_eq!(&serde_json::from_value::<Case>(json!(life.case)).unwrap(), &life.case);
        // Each alert of each pair of clocks once.
        let starts = |event: &&Event| matches!(event.kind, EventKind::Opened { .. } | EventKind::Reopened { .. });
        let rounds = life.log.iter().filter(starts).count();
        for clock in ClockKind::ALL {
            let breaches = life.log.iter().filter(|event| {
                matches!(event.kind, EventKind::Breached { clock: of, .. } if of == clock)
            });
            prop_assert!(breaches.count() <= rounds);
        }
    }

    #[test]
    fn a_pause_keeps_what_is_left_of_the_target(
        opening in any_opening(),
        worked in 0..100 * 3_600_000_i64,
        waited in 0..400 * 3_600_000_i64,
    ) {
        let calendars = calendars();
        let mut case = Case::begin(&opening).unwrap();
        let pause = opening.at + SignedDuration::from_millis(worked);
        let resume = pause + SignedDuration::from_millis(waited);
        perform(&mut case, &Command::AwaitCustomer { message: false }, pause);
        let paused = case.clone();
        perform(&mut case, &Command::Resume, resume);
        for kind in ClockKind::ALL {
            let clock = paused.clocks().get(kind);
            let target = clock.target();
            let counted = calendars.between(&target.calendar, opening.at, pause);
            let left = (target.duration - counted).max(SignedDuration::ZERO);
            prop_assert_eq!(clock.remaining(), Some(left));
            if clock.outcome() == Outcome::Missed {
                continue;
            }
            let limit = hours(168) - calendars.between(&CalendarName::AROUND_THE_CLOCK, opening.at, pause);
            let due = calendars.add(&target.calendar, resume, left).min(resume + limit);
            prop_assert_eq!(case.clocks().get(kind).due(), Some(due));
        }
    }
}
