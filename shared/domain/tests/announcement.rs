//! Announcements: what each command does in each state, who gets a letter, and when passes follow each other.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use resound_domain::budget::Contacts;
use resound_domain::contact::Reason;
use resound_domain::event::Actor;
use resound_domain::id::{ImprovementId, IssueId};
use resound_domain::issue::announcement::{
    Address, Announcement, Command, Counts, Entry, Fate, LATER, Ledger, OPEN_FOR, Pass, Plan,
    Refused, Reporter, SOON, State, Words,
};
use resound_domain::issue::improvement::{self, Improvement};
use resound_domain::issue::{Note, Title};

const ID: ImprovementId = ImprovementId::from_bits(24);

fn t0() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

fn after(hours: i64) -> Timestamp {
    t0() + SignedDuration::from_hours(hours)
}

fn ann() -> Actor {
    Actor::Staff("ann".to_owned())
}

fn words() -> Words {
    Words {
        zh_cn: Note::new("请升级").unwrap(),
        zh_tw: None,
        en: Note::new("Update").unwrap(),
    }
}

fn planned() -> Improvement {
    let plan = improvement::Plan {
        title: Title::new("第二个仓库").unwrap(),
        issues: vec![IssueId::from_bits(1)],
        touchpoint: None,
        owner: None,
        due: None,
    };
    Improvement::begin(ID, &Improvement::open(plan, ann(), t0())).unwrap()
}

fn stepped(improvement: &Improvement, command: &improvement::Command) -> Improvement {
    let mut next = improvement.clone();
    let entry = next.handle(command, ann(), t0()).unwrap().unwrap();
    next.apply(&entry);
    next
}

fn shipped() -> Improvement {
    let version = "2.4".to_owned();
    stepped(&planned(), &improvement::Command::Ship { version })
}

fn started() -> (Entry, Announcement) {
    let entry = Announcement::start(&shipped(), words(), ann(), after(1)).unwrap();
    let announcement = Announcement::begin(ID, &entry).unwrap();
    (entry, announcement)
}

fn commanded(announcement: &Announcement, command: Command, at: Timestamp) -> Announcement {
    let mut next = announcement.clone();
    if let Some(entry) = next.handle(command, ann(), at).unwrap() {
        next.apply(&entry);
    }
    next
}

#[test]
fn only_what_shipped_is_announced() {
    let start = |improvement: &Improvement| {
        Announcement::start(improvement, words(), ann(), t0()).map(|entry| entry.seq)
    };
    assert_eq!(start(&shipped()), Ok(1));
    let not = |state| Err(Refused::NotShipped(state));
    assert_eq!(start(&planned()), not(improvement::State::Planned));
    let reason = Note::new("too dear").unwrap();
    let cancelled = stepped(&planned(), &improvement::Command::Cancel { reason });
    assert_eq!(start(&cancelled), not(improvement::State::Cancelled));
}

#[test]
fn each_command_does_in_each_state_what_the_table_says() {
    use Command::{Close, GoOn, Stop};
    let running = started().1;
    let stopped = commanded(&running, Stop, after(2));
    let closed = commanded(&stopped, Close, after(3));
    for (of, command, expected) in [
        (&running, Stop, Ok(State::Stopped)),
        (&running, GoOn, Ok(State::Running)),
        (&running, Close, Ok(State::Closed)),
        (&stopped, Stop, Ok(State::Stopped)),
        (&stopped, GoOn, Ok(State::Running)),
        (&stopped, Close, Ok(State::Closed)),
        (&closed, Stop, Err(Refused::Closed)),
        (&closed, GoOn, Err(Refused::Closed)),
        (&closed, Close, Ok(State::Closed)),
    ] {
        let handled = of.handle(command, ann(), after(4));
        let came_to = handled.map(|_| commanded(of, command, after(4)).state());
        assert_eq!(came_to, expected, "{:?} {command:?}", of.state());
    }
}

#[test]
fn it_closes_by_itself_and_not_while_it_is_stopped() {
    let running = started().1;
    let closes = running.closes_at().unwrap();
    assert_eq!(closes, after(1) + OPEN_FOR);
    assert_eq!(
        running.expire(closes - SignedDuration::from_millis(1)),
        None
    );
    let mut over = running.clone();
    over.apply(&running.expire(closes).unwrap());
    assert_eq!((over.state(), over.closes_at()), (State::Closed, None));
    assert_eq!(over.expire(closes), None);
    let stopped = commanded(&running, Command::Stop, after(2));
    assert_eq!(stopped.expire(closes), None);
    let again = commanded(&stopped, Command::GoOn, closes);
    assert_eq!(again.closes_at(), Some(closes + OPEN_FOR));
}

fn reporter(contacts: &Contacts) -> Reporter<'_> {
    Reporter {
        received_at: t0(),
        consent: None,
        address: Address::Usable,
        mail: true,
        ledger: Ledger::Open,
        barred: None,
        contacts,
        wanted: false,
        quiet: false,
    }
}

#[test]
fn what_stands_in_the_way_of_a_letter() {
    let none = Contacts::default();
    let two = none.and(t0()).and(t0());
    let answered = (0..6).fold(Contacts::default(), |known, hour| {
        known.and_answer(t0() - SignedDuration::from_hours(hour))
    });
    let usual = || reporter(&none);
    let without = Plan::Without;
    #[rustfmt::skip]
    let table = [
        (usual(), Plan::Letter),
        (Reporter { consent: Some(true), ..usual() }, Plan::Letter),
        (Reporter { consent: Some(false), ..usual() }, without(Fate::NoConsent)),
        (Reporter { received_at: after(1), ..usual() }, without(Fate::AfterShipping)),
        (Reporter { address: Address::Missing, ..usual() }, without(Fate::NoContact)),
        (Reporter { address: Address::Unusable, ..usual() }, without(Fate::Unreachable)),
        (Reporter { mail: false, ..usual() }, without(Fate::MailOff)),
        (Reporter { barred: Some(Reason::HardBounce), ..usual() }, without(Fate::Suppressed)),
        (Reporter { barred: Some(Reason::Unsubscribed), ..usual() }, without(Fate::Unsubscribed)),
        (Reporter { contacts: &two, ..usual() }, without(Fate::OverBudget)),
        (Reporter { contacts: &answered, ..usual() }, without(Fate::OverBudget)),
        // They asked for it.
        (Reporter { contacts: &answered, wanted: true, ..usual() }, Plan::Letter),
        (Reporter { quiet: true, ..usual() }, without(Fate::Quiet)),
        (Reporter { ledger: Ledger::InProgress, ..usual() }, without(Fate::InProgress)),
        // Whoever was told is told, whatever holds since.
        (Reporter { ledger: Ledger::Recorded, barred: Some(Reason::Unsubscribed), ..usual() }, without(Fate::Already)),
        // What came of one's own letter is one's own, also if the provider told it later.
        (Reporter { ledger: Ledger::Own(Fate::Sent), contacts: &two, ..usual() }, without(Fate::Sent)),
        (Reporter { ledger: Ledger::Own(Fate::Unknown), quiet: true, ..usual() }, without(Fate::Unknown)),
        // A doubt is written down whatever holds since; nothing is sent.
        (Reporter { ledger: Ledger::Abandoned, contacts: &two, quiet: true, ..usual() }, Plan::Settle),
        // It was counted when it was tried first.
        (Reporter { ledger: Ledger::Released, contacts: &two, ..usual() }, Plan::Letter),
        (Reporter { ledger: Ledger::Released, barred: Some(Reason::Complaint), ..usual() }, without(Fate::Suppressed)),
    ];
    for (reporter, expected) in table {
        assert_eq!(reporter.plan(t0(), after(1)), expected, "{reporter:?}");
    }
}

#[test]
fn a_fate_is_known_by_its_name_and_unknown_ones_are_left_alone() {
    for fate in Fate::ALL {
        let named = serde_json::to_value(fate).unwrap();
        assert_eq!(named, fate.name());
    }
    let later: Fate = serde_json::from_str("\"of a later version\"").unwrap();
    assert_eq!(later, Fate::Other);
    assert!(later.is_final() && later.is_kept());
    for fate in [
        Fate::Quiet,
        Fate::InProgress,
        Fate::AfterShipping,
        Fate::Passed,
    ] {
        assert!(!fate.is_kept() && !fate.is_final(), "{fate:?}");
    }
    for fate in [Fate::OverBudget, Fate::MailOff, Fate::Unknown] {
        assert!(fate.is_kept() && !fate.is_final(), "{fate:?}");
    }
}

#[test]
fn the_next_pass_comes_soon_if_somebody_waits_for_an_hour_only() {
    for (fate, wait) in [
        (Fate::Sent, LATER),
        (Fate::OverBudget, LATER),
        (Fate::Quiet, SOON),
        (Fate::InProgress, SOON),
    ] {
        let mut pass = Pass::first(t0());
        pass.counts.add(fate);
        assert_eq!((pass.next_at(), pass.next(after(99))), (None, None));
        pass.ended_at = Some(after(1));
        let at = after(1) + wait;
        assert_eq!(pass.next_at(), Some(at));
        assert_eq!(pass.next(at - SignedDuration::from_millis(1)), None);
        let next = pass.next(at).unwrap();
        assert_eq!((next.number, next.counts), (2, Counts::default()));
    }
}

#[test]
fn the_next_pass_comes_when_the_first_wakes() {
    let mut pass = Pass::first(t0());
    pass.counts.add(Fate::Quiet);
    pass.asleep(Some(after(9)));
    pass.asleep(None);
    pass.asleep(Some(after(7)));
    pass.asleep(Some(after(8)));
    for (ended, next) in [(1, after(7)), (7, after(7)), (8, after(8))] {
        pass.ended_at = Some(after(ended));
        assert_eq!(pass.next_at(), Some(next), "not before it ended");
    }
    let again = pass.next(after(8)).unwrap();
    assert_eq!(again.asleep_until, None);
    pass.counts.add(Fate::InProgress);
    assert_eq!(pass.next_at(), Some(after(8) + SOON));
}

proptest! {
    #[test]
    fn a_log_tells_everything(commands in proptest::collection::vec(0usize..3, 0..12)) {
        let (first, mut current) = started();
        let mut log = vec![first];
        for (hours, command) in (2..).zip(commands) {
            if let Ok(Some(entry)) = current.handle(Command::ALL[command], ann(), after(hours)) {
                current.apply(&entry);
                log.push(entry);
            }
        }
        prop_assert_eq!(Announcement::replay(ID, &log), Some(current.clone()));
        let text = serde_json::to_string(&current).unwrap();
        prop_assert_eq!(serde_json::from_str::<Announcement>(&text).unwrap(), current);
    }
}

#[test]
fn names_are_kept() {
    let (entry, announcement) = started();
    assert_eq!(
        serde_json::to_string(&entry).unwrap(),
        r#"{"seq":1,"at":"2026-11-21T03:00:00Z","by":{"staff":"ann"},"kind":{"type":"started","words":{"zh_cn":"请升级","en":"Update"},"shipped":{"at":"2026-11-21T02:00:00Z","version":"2.4"}}}"#
    );
    assert_eq!(
        serde_json::to_string(&announcement).unwrap(),
        r#"{"improvement":"0000000000000000000000000R","version":1,"state":"running","words":{"zh_cn":"请升级","en":"Update"},"shipped":{"at":"2026-11-21T02:00:00Z","version":"2.4"},"started_at":"2026-11-21T03:00:00Z","runs_since":"2026-11-21T03:00:00Z","changed_at":"2026-11-21T03:00:00Z"}"#
    );
}
