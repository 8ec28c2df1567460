//! Betas: what each command does in each state, who is drawn, who has a place, and what testers say.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use resound_domain::event::Actor;
use resound_domain::id::{ContactId, ImprovementId, IssueId, Lot, ResponseId};
use resound_domain::issue::announcement::{Announcement, Fate, Words};
use resound_domain::issue::beta::{
    ANSWERS_FOR, Beta, Command, Entry, LONGEST, Refused, SOON, Seed, Size, State, Terms,
};
use resound_domain::issue::improvement::{self, Improvement};
use resound_domain::issue::pick::{Candidate, Draw, Place, Sample};
use resound_domain::issue::tester::{MOST_SAID, Tester, Turnout, Unheard, Word};
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
        zh_cn: Note::new("请安装测试版").unwrap(),
        zh_tw: None,
        en: Note::new("Install the beta").unwrap(),
    }
}

fn terms() -> Terms {
    Terms {
        size: Size::USUAL,
        seed: Seed::new("lots-1").unwrap(),
        words: words(),
        until: after(100),
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

fn stepped(command: &improvement::Command) -> Improvement {
    let mut next = planned();
    let entry = next.handle(command, ann(), t0()).unwrap().unwrap();
    next.apply(&entry);
    next
}

fn shipped() -> Improvement {
    let version = "2.4".to_owned();
    stepped(&improvement::Command::Ship { version })
}

fn started() -> Beta {
    let entry = Beta::start(&planned(), None, terms(), ann(), after(1)).unwrap();
    Beta::begin(ID, &entry).unwrap()
}

fn commanded(beta: &Beta, command: Command, at: Timestamp) -> Beta {
    let mut next = beta.clone();
    if let Some(entry) = next.handle(command, ann(), at).unwrap() {
        next.apply(&entry);
    }
    next
}

#[test]
fn it_is_started_before_the_announcement_and_for_a_while() {
    let start = |improvement: &Improvement, announcement, until| {
        let terms = Terms { until, ..terms() };
        Beta::start(improvement, announcement, terms, ann(), t0()).map(|entry| entry.seq)
    };
    assert_eq!(start(&planned(), None, after(1)), Ok(1));
    assert_eq!(start(&shipped(), None, t0() + LONGEST), Ok(1));
    let reason = Note::new("too dear").unwrap();
    let cancelled = stepped(&improvement::Command::Cancel { reason });
    assert_eq!(start(&cancelled, None, after(1)), Err(Refused::Cancelled));
    let told = Announcement::start(&shipped(), words(), ann(), t0()).unwrap();
    let told = Announcement::begin(ID, &told).unwrap();
    assert_eq!(
        start(&shipped(), Some(&told), after(1)),
        Err(Refused::Announced)
    );
    assert_eq!(start(&planned(), None, t0()), Err(Refused::Past));
    assert_eq!(
        start(&planned(), None, t0() + LONGEST + SOON),
        Err(Refused::TooFar)
    );
}

#[test]
fn each_command_does_in_each_state_what_the_table_says() {
    use Command::{Ask, Close, GoOn, Stop};
    let inviting = started();
    let asking = commanded(&inviting, Ask, after(2));
    let stopped = commanded(&inviting, Stop, after(2));
    let held = commanded(&asking, Stop, after(3));
    let closed = commanded(&stopped, Close, after(3));
    for (of, ask, stop, go_on, close) in [
        (
            &inviting,
            Ok(State::Asking),
            Ok(State::Stopped),
            Ok(State::Inviting),
            Ok(State::Closed),
        ),
        (
            &asking,
            Ok(State::Asking),
            Ok(State::Stopped),
            Ok(State::Asking),
            Ok(State::Closed),
        ),
        (
            &stopped,
            Err(Refused::Stopped),
            Ok(State::Stopped),
            Ok(State::Inviting),
            Ok(State::Closed),
        ),
        (
            &held,
            Err(Refused::Stopped),
            Ok(State::Stopped),
            Ok(State::Asking),
            Ok(State::Closed),
        ),
        (
            &closed,
            Err(Refused::Closed),
            Err(Refused::Closed),
            Err(Refused::Closed),
            Ok(State::Closed),
        ),
    ] {
        for (command, expected) in [(Ask, ask), (Stop, stop), (GoOn, go_on), (Close, close)] {
            let handled = of.handle(command, ann(), after(4));
            let came_to = handled.map(|_| commanded(of, command, after(4)).state());
            assert_eq!(came_to, expected, "{:?} {command:?}", of.state());
        }
    }
}

#[test]
fn it_takes_nobody_in_after_its_end_and_closes_by_itself_later() {
    let beta = started();
    let (end, over) = (after(100), after(100) + ANSWERS_FOR);
    let before = end - SignedDuration::from_millis(1);
    assert!(beta.can_be_joined(before) && beta.invites(before));
    assert!(!beta.can_be_joined(end) && !beta.invites(end));
    let asking = commanded(&beta, Command::Ask, after(2));
    assert!(asking.can_be_joined(before) && !asking.invites(before));
    for of in [&beta, &asking, &commanded(&beta, Command::Stop, after(2))] {
        assert_eq!(of.expire(over - SignedDuration::from_millis(1)), None);
        let mut closed = of.clone();
        closed.apply(&of.expire(over).unwrap());
        assert_eq!((closed.state(), closed.closes_at()), (State::Closed, None));
        assert_eq!(closed.expire(over), None);
    }
}

#[test]
fn it_is_looked_at_when_something_was_done_or_an_hour_has_passed() {
    let beta = started();
    let mut draw = Draw::begin();
    assert!(beta.is_due(&draw, after(1)));
    draw.looked_at = Some(after(2));
    assert!(!beta.is_due(&draw, after(2)));
    assert!(beta.is_due(&draw, after(2) + SOON));
    let asked = commanded(&beta, Command::Ask, after(2));
    assert!(asked.is_due(&draw, after(2)), "even at the same instant");
    // The clock was ahead once.
    assert!(beta.is_due(&draw, after(1)));
}

#[test]
fn while_everybody_sleeps_nobody_is_looked_for() {
    let inviting = started();
    let draw = Draw::begin().looked(after(2), Some(after(9)));
    assert_eq!(draw.looked_at, None, "somebody is left");
    let moment = SignedDuration::from_millis(1);
    for (at, due) in [
        (after(2), false),
        (after(9) - moment, false),
        (after(9), true),
    ] {
        assert_eq!(inviting.is_due(&draw, at), due, "{at}");
    }
    assert!(inviting.is_due(&draw, after(1)), "the clock was ahead once");
    for command in [Command::Stop, Command::Ask] {
        let changed = commanded(&inviting, command, after(3));
        assert!(changed.is_due(&draw, after(3)), "at once");
    }
    // Who joins is asked within the hour.
    let asking = commanded(&inviting, Command::Ask, after(1));
    assert!(!asking.is_due(&draw, after(3) - moment));
    assert!(asking.is_due(&draw, after(3)));
    let over = draw.looked(after(9), None);
    assert_eq!((over.looked_at, over.night), (Some(after(9)), None));
}

fn candidate(lot: u128, response: u128) -> Candidate {
    Candidate {
        lot: Lot::from_bits(lot),
        contact: ContactId::from_bits(lot ^ 7),
        response: ResponseId::from_bits(response),
    }
}

fn drawn(of: impl IntoIterator<Item = Candidate>, room: usize) -> Sample {
    let mut sample = Sample::default();
    for one in of {
        sample.add(one, room);
    }
    sample
}

#[test]
fn whoever_cannot_be_invited_leaves_the_place_to_the_next() {
    let sample = drawn((1..=5).map(|n| candidate(n, n)), 5);
    let fates = BTreeMap::from([
        (candidate(1, 1), Fate::Sent),
        (candidate(2, 2), Fate::Refused),
        (candidate(3, 3), Fate::Unknown),
    ]);
    let places = |size| sample.places(size, |one| fates.get(one).copied());
    let (one, three) = (candidate(1, 1), candidate(3, 3));
    let taken = [
        Place::Taken(one, Fate::Sent),
        Place::Taken(three, Fate::Unknown),
    ];
    assert_eq!(places(2), taken);
    assert_eq!(places(3)[2], Place::Open(candidate(4, 4)));
    assert_eq!(places(9).len(), 4);
}

#[test]
fn what_testers_say_is_kept_and_the_last_word_counts() {
    let inviting = started();
    let asking = commanded(&inviting, Command::Ask, after(50));
    let silent = Tester::default();
    let say = |tester: &Tester, beta: &Beta, word| tester.hear(beta, word, after(60));
    assert_eq!(say(&silent, &asking, Word::Fixed), Err(Unheard::NotJoined));
    let joined = say(&silent, &inviting, Word::Joined).unwrap().unwrap();
    assert_eq!(say(&joined, &inviting, Word::Joined), Ok(None));
    assert_eq!(say(&joined, &inviting, Word::Fixed), Err(Unheard::NotAsked));
    let not = say(&joined, &asking, Word::NotFixed).unwrap().unwrap();
    let fixed = say(&not, &asking, Word::Fixed).unwrap().unwrap();
    assert_eq!(fixed.is_fixed(), Some(true));
    assert_eq!(fixed.said().len(), 3, "each is kept");
    let left = say(&fixed, &asking, Word::Declined).unwrap().unwrap();
    assert_eq!(left.takes_part(), Some(false));
    assert_eq!(say(&left, &asking, Word::Fixed), Ok(None));
    assert_eq!(say(&left, &asking, Word::NotFixed), Err(Unheard::NotJoined));

    let late = after(100);
    assert_eq!(
        silent.hear(&inviting, Word::Joined, late),
        Err(Unheard::Over)
    );
    assert!(joined.hear(&asking, Word::Fixed, late).is_ok());
    let closed = commanded(&asking, Command::Close, after(60));
    assert_eq!(say(&joined, &closed, Word::Fixed), Err(Unheard::Over));

    let mut turncoat = Tester::default();
    for n in 0..MOST_SAID {
        let word = [Word::Joined, Word::Declined][n % 2];
        turncoat = say(&turncoat, &asking, word).unwrap().unwrap();
    }
    assert_eq!(say(&turncoat, &asking, Word::Joined), Err(Unheard::TooMuch));
}

#[test]
fn what_a_later_version_let_them_say_moves_nothing() {
    let asking = commanded(&started(), Command::Ask, after(50));
    let said = |words: &[&str]| {
        let said = words
            .iter()
            .map(|word| serde_json::json!({"word": word, "at": t0()}));
        serde_json::from_value::<Tester>(said.collect()).unwrap()
    };
    let tester = said(&["joined", "fixed", "better"]);
    assert_eq!(
        (tester.takes_part(), tester.is_fixed()),
        (Some(true), Some(true))
    );
    assert_eq!(tester.hear(&asking, Word::Fixed, after(60)), Ok(None));
    let not = tester
        .hear(&asking, Word::NotFixed, after(60))
        .unwrap()
        .unwrap();
    assert_eq!(not.is_fixed(), Some(false));
    assert_eq!(said(&["better"]).is_fixed(), None);
    assert_eq!(Word::from_name("other"), None, "nobody says it here");
}

#[test]
fn all_of_them_come_to_a_share() {
    let asking = commanded(&started(), Command::Ask, after(50));
    let tester = |words: &[Word]| {
        let heard = |tester: Tester, word: &Word| {
            let next = tester.hear(&asking, *word, after(60));
            next.unwrap().unwrap()
        };
        words.iter().fold(Tester::default(), heard)
    };
    use Word::{Declined, Fixed, Joined, NotFixed};
    let mut turnout = Turnout::default();
    let sent = Some(Fate::Sent);
    for (invited, asked, said) in [
        (sent, sent, &[Joined, Fixed][..]),
        (sent, sent, &[Joined, NotFixed, Fixed]),
        (Some(Fate::Unknown), sent, &[Joined, NotFixed]),
        (sent, sent, &[Joined]),
        (sent, None, &[Joined]),
        (sent, None, &[Declined]),
        (sent, sent, &[Joined, Fixed, Declined]),
        (sent, None, &[]),
        (Some(Fate::Refused), None, &[]),
        (Some(Fate::Quiet), None, &[]),
        (None, None, &[]),
    ] {
        turnout.add(invited, asked, &tester(said));
    }
    let expected = Turnout {
        invited: 8,
        unknown: 1,
        waiting: 0,
        passed_over: 1,
        joined: 5,
        declined: 2,
        asked: 5,
        fixed: 2,
        not_fixed: 1,
        silent: 1,
    };
    assert_eq!(turnout, expected);
    let share = turnout.share_fixed().unwrap();
    assert_eq!((share.count, share.n), (2, 3));
    assert_eq!(Turnout::default().share_fixed(), None);
}

#[test]
fn a_seed_is_a_plain_word() {
    for text in ["a", "Lots_2026-11", &"x".repeat(Seed::MAX)] {
        assert_eq!(Seed::new(text).unwrap().as_str(), text);
    }
    let drawn = Seed::from_bits(u128::MAX);
    assert_eq!(Seed::new(drawn.as_str()), Some(drawn));
    for text in ["", "a b", "é", "a\0", &"x".repeat(Seed::MAX + 1)] {
        assert_eq!(Seed::new(text), None, "{text:?}");
    }
    for (size, known) in [(0, false), (1, true), (200, true), (201, false)] {
        assert_eq!(Size::new(size).is_some(), known, "{size}");
    }
}

proptest! {
    #[test]
    fn a_draw_does_not_depend_on_the_order_nor_on_repeats_nor_on_where_it_broke_off(
        met in proptest::collection::vec((0u128..40, 0u128..1000), 0..120),
        room in 1usize..30,
        shuffled in any::<prop::sample::Index>(),
    ) {
        let all: Vec<_> = met.iter().map(|(lot, response)| candidate(*lot, *response)).collect();
        let sample = drawn(all.iter().copied(), room);
        let mut turned = all.clone();
        if !turned.is_empty() {
            let at = shuffled.index(turned.len());
            turned.rotate_left(at);
            turned.reverse();
        }
        prop_assert_eq!(&drawn(turned.iter().copied(), room), &sample);
        prop_assert_eq!(&drawn(all.iter().chain(&turned).copied(), room), &sample);
        // Kept in between, and read again.
        let (half, rest) = all.split_at(all.len() / 2);
        let kept = serde_json::to_string(&drawn(half.iter().copied(), room)).unwrap();
        let mut again: Sample = serde_json::from_str(&kept).unwrap();
        for one in rest {
            again.add(*one, room);
        }
        prop_assert_eq!(&again, &sample);
        // It is what sorting all of them gives: each address once, by its first response.
        let mut first = BTreeMap::new();
        for one in &all {
            let response = first.entry((one.lot, one.contact)).or_insert(one.response);
            *response = one.response.min(*response);
        }
        let expected: Vec<_> = first
            .into_iter()
            .take(room)
            .map(|((lot, contact), response)| Candidate { lot, contact, response })
            .collect();
        prop_assert_eq!(sample.candidates(), expected);
    }

    #[test]
    fn the_log_makes_the_beta(commands in proptest::collection::vec((0usize..4, 0i64..40), 0..12)) {
        let first = Beta::start(&planned(), None, terms(), ann(), after(1)).unwrap();
        let mut beta = Beta::begin(ID, &first).unwrap();
        let mut log: Vec<Entry> = vec![first];
        for (command, hours) in commands {
            if let Ok(Some(entry)) = beta.handle(Command::ALL[command], ann(), after(hours)) {
                prop_assert!(entry.at >= beta.changed_at());
                beta.apply(&entry);
                log.push(entry);
            }
        }
        let text = serde_json::to_string(&log).unwrap();
        let log: Vec<Entry> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Beta::replay(ID, &log), Some(beta));
    }
}
