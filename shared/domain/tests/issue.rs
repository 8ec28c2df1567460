//! Issues and improvements: what each command does in each state, and that a log tells everything.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use resound_domain::event::Actor;
use resound_domain::id::{ImprovementId, IssueId, ResponseId};
use resound_domain::issue::improvement::{self, Improvement, Plan};
use resound_domain::issue::{
    About, Command, Effort, Entry, EntryKind, Issue, LinkRule, MAX_ABSORBED, Note, Refused, State,
    Title, Verb,
};

fn t0() -> Timestamp {
    "2026-11-21T02:00:00Z".parse().unwrap()
}

fn ann() -> Actor {
    Actor::Staff("ann".to_owned())
}

fn rule(word: &str) -> LinkRule {
    LinkRule {
        words: vec![word.to_owned()],
        ..LinkRule::default()
    }
}

fn about(rule: Option<LinkRule>) -> About {
    About {
        title: Title::new("物流太慢").unwrap(),
        category: None,
        touchpoint: Some("logistics".to_owned()),
        product: None,
        core: false,
        effort: None,
        rule,
    }
}

fn issue(id: u128) -> Issue {
    let opened = Issue::open(about(None), ann(), t0());
    Issue::begin(IssueId::from_bits(id), &opened).unwrap()
}

fn after(issue: &Issue, command: &Command) -> Issue {
    let mut after = issue.clone();
    if let Some(entry) = issue.handle(command, ann(), t0()).unwrap() {
        after.apply(&entry);
    }
    after
}

fn of_verb(verb: Verb) -> Command {
    let responses = vec![ResponseId::from_bits(7)];
    match verb {
        Verb::Link => Command::Link { responses },
        Verb::Unlink => Command::Unlink { responses },
        Verb::Retitle => Command::Retitle {
            title: Title::new("Slow delivery").unwrap(),
        },
        Verb::SetRule => Command::SetRule {
            rule: Some(rule("慢")),
        },
        Verb::SetEffort => Command::SetEffort {
            effort: Some(Effort::Large),
        },
        Verb::SetCore => Command::SetCore { core: true },
        Verb::Merge => Command::Merge {
            into: IssueId::from_bits(99),
        },
        Verb::Close => Command::Close,
        Verb::Reopen => Command::Reopen,
    }
}

#[test]
fn each_command_does_in_each_state_what_the_table_says() {
    let open = issue(1);
    let closed = after(&open, &Command::Close);
    let merged = after(&open, &of_verb(Verb::Merge));
    for (verb, expected) in [
        // The state after it: of an open one, and of a closed one; `None` is refused.
        (Verb::Link, [Some(State::Open), Some(State::Closed)]),
        (Verb::Unlink, [Some(State::Open), Some(State::Closed)]),
        (Verb::Retitle, [Some(State::Open), Some(State::Closed)]),
        (Verb::SetRule, [Some(State::Open), None]),
        (Verb::SetEffort, [Some(State::Open), Some(State::Closed)]),
        (Verb::SetCore, [Some(State::Open), Some(State::Closed)]),
        (Verb::Merge, [Some(State::Merged), Some(State::Merged)]),
        (Verb::Close, [Some(State::Closed), Some(State::Closed)]),
        (Verb::Reopen, [Some(State::Open), Some(State::Open)]),
    ] {
        let command = of_verb(verb);
        for (before, expected) in [&open, &closed].into_iter().zip(expected) {
            let handled = before.handle(&command, ann(), t0());
            assert_eq!(handled.is_ok(), expected.is_some(), "{verb:?}");
            if let Some(expected) = expected {
                assert_eq!(after(before, &command).state(), expected, "{verb:?}");
            }
        }
        let into = IssueId::from_bits(99);
        let refused = merged.handle(&command, ann(), t0());
        assert_eq!(refused, Err(Refused::Merged { into }), "{verb:?}");
    }
}

#[test]
fn what_is_so_already_is_not_done_again() {
    let idle = [Verb::Link, Verb::Unlink, Verb::Merge];
    for verb in Verb::ALL.into_iter().filter(|verb| !idle.contains(verb)) {
        let command = of_verb(verb);
        let before = match verb {
            Verb::Reopen => after(&issue(1), &Command::Close),
            _ => issue(1),
        };
        let done = after(&before, &command);
        assert_eq!(done.version(), before.version() + 1, "{verb:?}");
        assert_eq!(done.handle(&command, ann(), t0()), Ok(None), "{verb:?}");
    }
}

#[test]
fn another_rule_is_another_look_back_and_a_closed_issue_gathers_no_more() {
    let opened = Issue::open(about(Some(rule("慢"))), ann(), t0());
    let issue = Issue::begin(IssueId::from_bits(1), &opened).unwrap();
    assert_eq!(issue.gathers().unwrap().1.seq, 1);
    let other = after(
        &issue,
        &Command::SetRule {
            rule: Some(rule("贵")),
        },
    );
    let (gathers, set) = other.gathers().unwrap();
    assert_eq!((gathers, set.seq), (&rule("贵"), 2));
    let closed = after(&other, &Command::Close);
    assert_eq!(closed.gathers(), None);
    assert_eq!(after(&closed, &Command::Reopen).gathers().unwrap().1.seq, 2);
    let none = after(&other, &Command::SetRule { rule: None });
    assert_eq!(none.gathers(), None);
}

#[test]
fn a_survivor_takes_over_whom_the_other_had_absorbed() {
    let (one, mut two, mut three) = (issue(1), issue(2), issue(3));
    two.apply(&two.absorb(&one, ann(), t0()).unwrap());
    three.apply(&three.absorb(&two, ann(), t0()).unwrap());
    let id = IssueId::from_bits;
    assert_eq!(three.family(), [id(3), id(2), id(1)]);
    assert_eq!(two.absorb(&two, ann(), t0()), Err(Refused::IntoItself));
    let merged = after(&two, &Command::Merge { into: id(3) });
    let refused = merged.absorb(&one, ann(), t0());
    assert_eq!(refused, Err(Refused::Merged { into: id(3) }));
    for n in 0..18 {
        three.apply(&three.absorb(&issue(10 + n), ann(), t0()).unwrap());
    }
    assert_eq!(three.absorbed().len(), MAX_ABSORBED);
    assert_eq!(three.absorb(&issue(50), ann(), t0()), Err(Refused::TooMany));
}

#[test]
fn a_command_names_each_response_once_and_not_too_many() {
    let named = |ids: std::ops::Range<u128>| Command::Link {
        responses: ids.map(ResponseId::from_bits).collect(),
    };
    let issue = issue(1);
    let refused = |command| issue.handle(&command, ann(), t0());
    assert_eq!(refused(named(0..0)), Err(Refused::Count));
    assert_eq!(refused(named(0..21)), Err(Refused::Count));
    let twice = Command::Link {
        responses: [9, 3, 9].map(ResponseId::from_bits).to_vec(),
    };
    let entry = refused(twice).unwrap().unwrap();
    let responses = [3, 9].map(ResponseId::from_bits).to_vec();
    assert_eq!(entry.kind, EntryKind::Linked { responses });
}

fn plan() -> Plan {
    Plan {
        title: Title::new("Second warehouse").unwrap(),
        issues: vec![IssueId::from_bits(1)],
        touchpoint: Some("logistics".to_owned()),
        owner: None,
        due: None,
    }
}

fn improvement() -> Improvement {
    let opened = Improvement::open(plan(), ann(), t0());
    Improvement::begin(ImprovementId::from_bits(5), &opened).unwrap()
}

#[test]
fn what_shipped_stays_shipped() {
    use improvement::{Command, State, Verb};
    let note = || Note::new("half of it").unwrap();
    let of_verb = |verb| match verb {
        Verb::Assign => Command::Assign {
            owner: "bo".to_owned(),
        },
        Verb::Schedule => Command::Schedule {
            due: "2027-01-31".parse().unwrap(),
        },
        Verb::Progress => Command::Progress { note: note() },
        Verb::Ship => Command::Ship {
            version: "2.4".to_owned(),
        },
        Verb::Cancel => Command::Cancel { reason: note() },
    };
    let step = |before: &Improvement, verb| {
        let mut after = before.clone();
        let entry = before.handle(&of_verb(verb), ann(), t0()).unwrap();
        after.apply(&entry.unwrap());
        after
    };
    let planned = improvement();
    let shipped = step(&planned, Verb::Ship);
    let cancelled = step(&planned, Verb::Cancel);
    assert_eq!(shipped.shipped().unwrap().version, "2.4");
    for verb in Verb::ALL {
        let of = |before: &Improvement| before.handle(&of_verb(verb), ann(), t0()).is_ok();
        assert!(of(&planned), "{verb:?}");
        assert_eq!(of(&shipped), verb == Verb::Progress, "{verb:?}");
        assert!(!of(&cancelled), "{verb:?}");
    }
    assert_eq!(step(&shipped, Verb::Progress).state(), State::Shipped);
    let given = step(&planned, Verb::Assign);
    assert_eq!(given.handle(&of_verb(Verb::Assign), ann(), t0()), Ok(None));
}

#[test]
fn a_week_without_a_word_is_silence() {
    let improvement = improvement();
    let week = SignedDuration::from_hours(7 * 24);
    let later = week + SignedDuration::from_secs(1);
    assert!(!improvement.is_silent(t0() + week));
    assert!(improvement.is_silent(t0() + later));
    let command = improvement::Command::Progress {
        note: Note::new("on it").unwrap(),
    };
    let mut told = improvement.clone();
    let entry = improvement.handle(&command, ann(), t0() + week).unwrap();
    told.apply(&entry.unwrap());
    assert!(!told.is_silent(t0() + later));
    assert_eq!(told.took(), None);
}

fn any_command() -> impl Strategy<Value = Command> {
    (prop::sample::select(Verb::ALL.to_vec()), 0u128..3).prop_map(|(verb, n)| match of_verb(verb) {
        Command::SetRule { .. } => Command::SetRule {
            rule: (n > 0).then(|| rule(&n.to_string())),
        },
        Command::SetCore { .. } => Command::SetCore { core: n > 0 },
        other => other,
    })
}

proptest! {
    /// Whatever was commanded, the log alone gives the issue again, also after it was written down and read.
    #[test]
    fn the_log_tells_everything(commands in prop::collection::vec(any_command(), 0..20)) {
        let id = IssueId::from_bits(1);
        let mut log = vec![Issue::open(about(None), ann(), t0())];
        let mut issue = Issue::begin(id, &log[0]).unwrap();
        for (hour, command) in (0..).zip(&commands) {
            let now = t0() + SignedDuration::from_hours(hour % 3);
            if let Ok(Some(entry)) = issue.handle(command, ann(), now) {
                issue.apply(&entry);
                log.push(entry);
            }
        }
        prop_assert!(log.is_sorted_by_key(|entry| (entry.at, entry.seq)));
        prop_assert_eq!(Issue::replay(id, &log), Some(issue.clone()));
        let text = serde_json::to_string(&log).unwrap();
        let read: Vec<Entry> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &log);
        let snapshot = serde_json::to_string(&issue).unwrap();
        prop_assert_eq!(serde_json::from_str::<Issue>(&snapshot).unwrap(), issue);
    }
}

#[test]
fn an_entry_of_a_newer_version_moves_nothing() {
    let mut entry = serde_json::to_value(Issue::open(about(None), ann(), t0())).unwrap();
    entry["seq"] = 2.into();
    entry["kind"] = serde_json::json!({"type": "split", "into": ["x"], "n": 7});
    let newer: Entry = serde_json::from_value(entry).unwrap();
    assert_eq!(newer.kind, EntryKind::Unknown);
    let mut issue = issue(1);
    let before = issue.clone();
    issue.apply(&newer);
    assert_eq!(
        (issue.about(), issue.state()),
        (before.about(), before.state())
    );
    assert_eq!(issue.version(), 2);
}
