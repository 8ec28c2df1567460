use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::case::{Case, Command, State};
use resound_domain::event::{Direction, Doubt, Effect, EventKind};
use resound_domain::policy::Priority;
use resound_domain::route::Route;
use resound_domain::telling::{Came, How};
use resound_store::schema::CASE_SHARDS;
use resound_store::{
    Accepted, Addition, Appended, CaseFilter, Claim, Cursor, Doubted, Key, Medium, Message,
    NoticeKey, NoticeStatus, Outcome, Owed, Recipient, StoreError, Turned,
};

use crate::support::{
    DIGEST, Table, applied, book, case, commanded, expired, hours, now, response, staff, t0,
};

fn notice_key(case: &Case, cause: u32) -> NoticeKey {
    NoticeKey {
        case: case.id(),
        cause,
        recipient: Recipient::Customer,
        medium: Medium::EMAIL,
    }
}

#[tokio::test]
async fn a_command_leaves_snapshot_event_words_and_key() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let (after, events) = commanded(&case, &Command::Reply, t0() + hours(1));
    let message = Message {
        seq: after.version(),
        text: "马上处理".to_owned(),
        direction: Direction::ToCustomer,
    };
    let appended = table
        .store
        .append(&case, &after, &events, Some(&message), Some("key-1"), now())
        .await
        .unwrap();
    assert_eq!(appended, Appended::Appended);

    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.case, after);
    assert_eq!(
        table.store.case(case.id()).await.unwrap(),
        Some(after.clone())
    );
    assert_eq!(history.messages, std::slice::from_ref(&message));
    assert_eq!(
        table.store.message(case.id(), message.seq).await.unwrap(),
        Some(message)
    );
    let last = history.events.last().unwrap();
    assert_eq!(last.command_key.as_deref(), Some("key-1"));
    assert_eq!(last.open, BTreeSet::from([Effect::CustomerNotice]));
    assert!(
        last.repair
            .is_some_and(|repair| repair.due_at > now() && repair.attempts == 0 && !repair.stuck)
    );
    assert!(history.events[0].open.is_empty() && history.events[0].repair.is_none());
    let log: Vec<_> = history.events.iter().map(|stored| &stored.event).collect();
    assert_eq!(Case::replay(log).unwrap(), after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_appends_to_one_version_exactly_one_wins() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let (acknowledged, one) = commanded(&case, &Command::Acknowledge, t0());
    let (assigned, other) = commanded(
        &case,
        &Command::Assign {
            owner: "bo".to_owned(),
        },
        t0(),
    );
    let rivals = [(&acknowledged, &one), (&assigned, &other)];
    let outcomes = join_all(
        (0..6)
            .map(|i| rivals[i % 2])
            .map(|(after, events)| table.store.append(&case, after, events, None, None, now())),
    )
    .await;
    let won = outcomes
        .iter()
        .filter(|o| matches!(o, Ok(Appended::Appended)))
        .count();
    let lost = outcomes
        .iter()
        .filter(|o| matches!(o, Ok(Appended::Conflict)))
        .count();
    assert_eq!((won, lost), (1, 5));
    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.events.len(), 2);
    assert_eq!(
        Case::replay(history.events.iter().map(|e| &e.event)).unwrap(),
        history.case
    );
}

#[tokio::test]
async fn an_erased_case_is_not_created_by_an_append() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    table.remove(&Key::Case(case.id())).await;
    let (after, events) = commanded(&case, &Command::Acknowledge, t0());
    let appended = table
        .store
        .append(&case, &after, &events, None, None, now())
        .await
        .unwrap();
    assert_eq!(appended, Appended::Conflict);
    assert_eq!(table.store.case(case.id()).await.unwrap(), None);
    assert_eq!(table.store.history(case.id()).await.unwrap(), None);
}

#[tokio::test]
async fn what_does_not_follow_is_refused_before_it_is_sent() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let other = table.opened(2, Priority::P3).await;
    let (after, events) = commanded(&case, &Command::Reply, t0());
    let astray = Message {
        seq: 9,
        text: String::new(),
        direction: Direction::ToCustomer,
    };
    let store = &table.store;
    for attempt in [
        store.append(&case, &after, &[], None, None, now()).await,
        store
            .append(&other, &after, &events, None, None, now())
            .await,
        store
            .append(&after, &after, &events, None, None, now())
            .await,
        store
            .append(&case, &after, &events, Some(&astray), None, now())
            .await,
    ] {
        assert!(
            matches!(attempt, Err(StoreError::Rejected(_))),
            "{attempt:?}"
        );
    }
    assert_eq!(
        store
            .append(&case, &case, &[], None, None, now())
            .await
            .unwrap(),
        Appended::Appended
    );
    assert_eq!(store.case(case.id()).await.unwrap(), Some(case));
}

#[tokio::test]
async fn a_long_history_comes_whole_and_in_order() {
    let table = Table::new().await;
    let mut case = table.opened(1, Priority::P3).await;
    for round in 0..30 {
        let (after, events) = commanded(&case, &Command::Reply, t0());
        // Beyond a megabyte, so that it takes more than one page.
        let message = Message {
            seq: after.version(),
            text: format!("{round}{}", "长".repeat(15_000)),
            direction: Direction::ToCustomer,
        };
        let appended = table
            .store
            .append(&case, &after, &events, Some(&message), None, now())
            .await
            .unwrap();
        assert_eq!(appended, Appended::Appended);
        case = after;
    }
    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.case, case);
    let seqs: Vec<u32> = history.events.iter().map(|e| e.event.seq).collect();
    assert_eq!(seqs, (1..=31).collect::<Vec<_>>());
    assert_eq!(history.messages.len(), 30);
    assert!(
        history
            .messages
            .iter()
            .all(|m| m.text.starts_with(&format!("{}", m.seq - 2)))
    );
}

// Doubt

#[tokio::test]
async fn a_doubt_is_recorded_all_at_once() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let case = table.commanded(&case, Command::Reply).await;
    let cause = case.version();
    let key = notice_key(&case, cause);
    let Claim::Fresh(lease) = table.store.claim(key, "me", now(), hours(1)).await.unwrap() else {
        panic!()
    };

    let events = case.doubt(cause, Doubt::Unknown, t0(), &book());
    let after = applied(&case, &events);
    let doubted = table
        .store
        .append_doubt(&case, &after, &events, Some(&lease), owed(cause), now())
        .await
        .unwrap();
    assert_eq!(doubted, Doubted::Recorded);

    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.case, after);
    assert_eq!(
        history.notices[0].status,
        NoticeStatus::Recorded {
            outcome: Outcome::Unknown,
            at: Some(now())
        }
    );
    let told = &history.events[usize::try_from(cause).unwrap() - 1];
    assert!(told.open.is_empty() && told.repair.is_none());
    let doubt = history.events.last().unwrap();
    assert!(matches!(doubt.event.kind, EventKind::NoticeInDoubt { .. }));
    assert_eq!(doubt.open, BTreeSet::from([Effect::StaffAlert]));

    // Whoever tries again is told that it is over.
    assert_eq!(
        table
            .store
            .claim(key, "you", now(), hours(1))
            .await
            .unwrap(),
        Claim::Recorded(Outcome::Unknown)
    );
    let events = after.doubt(cause, Doubt::Unknown, t0(), &book());
    let again = applied(&after, &events);
    let doubted = table
        .store
        .append_doubt(&after, &again, &events, Some(&lease), owed(cause), now())
        .await
        .unwrap();
    assert_eq!(doubted, Doubted::Superseded);
}

#[tokio::test]
async fn a_doubt_that_cannot_be_recorded_whole_is_not_recorded_at_all() {
    let table = Table::new().await;
    let old = table.opened(1, Priority::P3).await;
    let case = table.commanded(&old, Command::Reply).await;
    let cause = case.version();
    let key = notice_key(&case, cause);
    let Claim::Fresh(lease) = table.store.claim(key, "me", now(), hours(1)).await.unwrap() else {
        panic!()
    };
    let moved_on = table
        .commanded(
            &case,
            Command::Assign {
                owner: "bo".to_owned(),
            },
        )
        .await;

    let events = case.doubt(cause, Doubt::Refused, t0(), &book());
    let after = applied(&case, &events);
    let doubted = table
        .store
        .append_doubt(&case, &after, &events, Some(&lease), owed(cause), now())
        .await
        .unwrap();
    assert_eq!(doubted, Doubted::Conflict);
    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.case, moved_on);
    assert!(matches!(
        history.notices[0].status,
        NoticeStatus::InProgress { .. }
    ));
    assert!(
        history.events[usize::try_from(cause).unwrap() - 1]
            .repair
            .is_some()
    );

    let events = moved_on.doubt(cause + 7, Doubt::Refused, t0(), &book());
    let after = applied(&moved_on, &events);
    let wrong = table
        .store
        .append_doubt(&moved_on, &after, &events, Some(&lease), owed(cause), now())
        .await;
    assert!(matches!(wrong, Err(StoreError::Rejected(_))));
}

#[tokio::test]
async fn a_doubt_about_no_single_notice_is_recorded_once() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let case = table.commanded(&case, Command::Reply).await;
    let cause = case.version();
    let events = case.doubt(cause, Doubt::Refused, t0(), &book());
    let after = applied(&case, &events);
    let doubted = table
        .store
        .append_doubt(&case, &after, &events, None, owed(cause), now())
        .await;
    assert_eq!(doubted.unwrap(), Doubted::Recorded);
    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.case, after);
    assert_eq!(history.notices, []);
    assert!(
        history.events[usize::try_from(cause).unwrap() - 1]
            .repair
            .is_none()
    );

    let events = after.doubt(cause, Doubt::Refused, t0(), &book());
    let again = applied(&after, &events);
    let doubted = table
        .store
        .append_doubt(&after, &again, &events, None, owed(cause), now())
        .await;
    assert_eq!(doubted.unwrap(), Doubted::Superseded);
}

const fn owed(seq: u32) -> Owed {
    Owed {
        seq,
        effect: Effect::CustomerNotice,
    }
}

// Lists

async fn listed(table: &Table, filter: &CaseFilter, limit: usize) -> (Vec<Case>, usize) {
    let (mut all, mut pages, mut cursor) = (Vec::new(), 0, None::<Cursor>);
    loop {
        let page = table
            .store
            .cases(filter, cursor.as_ref(), limit)
            .await
            .unwrap();
        assert!(page.cases.len() <= limit);
        all.extend(page.cases);
        pages += 1;
        assert!(pages < 200, "the cursor does not move");
        match page.next {
            // Through its text, as a client hands it back.
            Some(next) => cursor = Some(next.to_string().parse().unwrap()),
            None => return (all, pages),
        }
    }
}

/// The order of the list, said by what can be seen of a case and not by its item.
fn place(case: &Case) -> (u8, Timestamp, String) {
    let running = case.clocks().iter().filter(|(_, clock)| clock.is_running());
    let running = running.map(|(_, clock)| clock.due().unwrap());
    let tell = case.to_tell().map(|open| open.due().unwrap());
    let (rank, at) = match running.chain(tell).min() {
        Some(due) => (0, due),
        None if case.state().is_over() => {
            let ends = case.closed_at().or(case.closes_at());
            (2, ends.unwrap_or(case.last_event_at()))
        }
        None => (1, case.last_event_at()),
    };
    (rank, at, case.id().to_string())
}

fn promise(case: &Case) -> Option<Timestamp> {
    case.next_due()
}

/// A case of which every clock pauses: as it was written before the loop had a clock of its own.
async fn opened_without_loop(table: &Table, bits: u128) -> Case {
    let response = response(bits);
    let event = case(&response, Priority::P3).1;
    let mut event = serde_json::to_value(event).unwrap();
    let clocks = event["kind"]["opened"]["clocks"].as_object_mut().unwrap();
    clocks.remove("loop").unwrap();
    let event = serde_json::from_value(event).unwrap();
    let case = Case::begin(&event).unwrap();
    let opened = Some((&case, &event));
    let accepted = table.store.accept(&response, &DIGEST, opened, now()).await;
    assert_eq!(accepted.unwrap(), Accepted::New);
    case
}

/// One of the commands its state takes, or time, a while later.
async fn worked(table: &Table, case: &Case, mut chance: impl FnMut(usize) -> usize) -> Case {
    let at = case.last_event_at() + hours(i64::try_from(chance(30)).unwrap());
    let owner = ["ann", "bo"][chance(2)].to_owned();
    let commands = [
        Command::Acknowledge,
        Command::Assign { owner },
        Command::Reply,
        Command::AwaitCustomer {
            message: chance(2) == 0,
        },
        Command::Resume,
        Command::RecordCustomerMessage,
        Command::Resolve,
        Command::Reopen,
        Command::Close,
    ];
    // Beyond them a person is asked to tell the customer.
    let events = match commands.get(chance(commands.len() + 4)) {
        Some(command) => match case.handle(command, staff(), at, &book()) {
            Ok(events) => events,
            Err(_) => case.expire(at, &book()),
        },
        None => case.ask(case.version(), at, &book()),
    };
    let after = applied(case, &events);
    let appended = table.store.append(case, &after, &events, None, None, now());
    assert_eq!(appended.await.unwrap(), Appended::Appended);
    after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_the_model_in_pages_of_any_size() {
    for seed in 1..=2_u64 {
        let table = Table::new().await;
        let mut state = seed;
        let mut chance = |bound: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % bound
        };
        let mut all = Vec::new();
        for bits in 0..40 {
            let mut case = match chance(6) {
                0 => {
                    let case = opened_without_loop(&table, bits).await;
                    table
                        .commanded(&case, Command::AwaitCustomer { message: true })
                        .await
                }
                n => table.opened(bits, Priority::ALL[n % 4]).await,
            };
            for _ in 0..chance(5) {
                case = worked(&table, &case, &mut chance).await;
            }
            all.push(case);
        }
        let untold = table.opened(40, Priority::P3).await;
        let untold = table.commanded(&untold, Command::Resolve).await;
        let events = untold.ask(untold.version(), untold.last_event_at(), &book());
        let asked = applied(&untold, &events);
        let appended = table
            .store
            .append(&untold, &asked, &events, None, None, now());
        assert_eq!(appended.await.unwrap(), Appended::Appended);
        all.push(asked);
        all.sort_by_key(place);
        let ranks: BTreeSet<_> = all.iter().map(|case| place(case).0).collect();
        assert_eq!(
            ranks,
            BTreeSet::from([0, 1, 2]),
            "each kind of place occurs"
        );

        let waiting = BTreeSet::from([State::AwaitingCustomer, State::Reopened]);
        for states in [BTreeSet::new(), waiting, BTreeSet::from([State::Closed])] {
            for owner in [None, Some("ann"), Some("nobody")] {
                let owner = owner.map(str::to_owned);
                let filter = CaseFilter {
                    states: states.clone(),
                    owner,
                    to_tell: false,
                };
                let expected: Vec<_> = all
                    .iter()
                    .filter(|case| states.is_empty() || states.contains(&case.state()))
                    .filter(|case| {
                        filter.owner.is_none() || case.owner() == filter.owner.as_deref()
                    })
                    .map(Case::id)
                    .collect();
                for limit in [2, 9, 100] {
                    let listed = listed(&table, &filter, limit).await.0;
                    let listed: Vec<_> = listed.iter().map(Case::id).collect();
                    assert_eq!(listed, expected, "seed {seed}, {filter:?}, {limit} a page");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_list_goes_by_promise_through_all_shards_and_pages() {
    let table = Table::new().await;
    for bits in 0..30 {
        let priority = [Priority::P1, Priority::P2, Priority::P3, Priority::P4][bits % 4];
        let case = table.opened(bits as u128, priority).await;
        if bits % 3 == 0 {
            table.commanded(&case, Command::Acknowledge).await;
        }
        if bits % 5 == 0 {
            let case = table.store.case(case.id()).await.unwrap().unwrap();
            table
                .commanded(
                    &case,
                    Command::Assign {
                        owner: "bo".to_owned(),
                    },
                )
                .await;
        }
    }
    for limit in [1, 4, 7, 100] {
        let (all, _) = listed(&table, &CaseFilter::default(), limit).await;
        assert_eq!(all.len(), 30, "limit {limit}");
        assert!(all.is_sorted_by_key(promise));
        let ids: BTreeSet<_> = all.iter().map(Case::id).collect();
        assert_eq!(ids.len(), 30);

        let open = CaseFilter {
            states: BTreeSet::from([State::Open]),
            ..CaseFilter::default()
        };
        assert_eq!(listed(&table, &open, limit).await.0.len(), 20);
        let bo = CaseFilter {
            owner: Some("bo".to_owned()),
            ..CaseFilter::default()
        };
        let (all, _) = listed(&table, &bo, limit).await;
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|case| case.owner() == Some("bo")));
        let nobody = CaseFilter {
            owner: Some("x".to_owned()),
            ..CaseFilter::default()
        };
        assert_eq!(listed(&table, &nobody, limit).await.0, []);
    }
}

#[tokio::test]
async fn closed_cases_stay_listed_and_leave_the_clock() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let case = table.commanded(&case, Command::Resolve).await;
    let case = table.commanded(&case, Command::Close).await;
    let closed = CaseFilter {
        states: BTreeSet::from([State::Closed]),
        ..CaseFilter::default()
    };
    assert_eq!(
        listed(&table, &closed, 10).await.0,
        std::slice::from_ref(&case)
    );
    let item = table.raw(&Key::Case(case.id())).await.unwrap();
    assert!(!item.contains_key("due_shard") && !item.contains_key("due_at"));
}

#[tokio::test]
async fn those_still_to_be_told_are_found_among_many() {
    let table = Table::new().await;
    let mut expected = Vec::new();
    for n in 1..=24 {
        let case = table.opened(n, Priority::P3).await;
        let case = table.commanded(&case, Command::Resolve).await;
        if n % 6 != 0 {
            continue;
        }
        let owner = if n % 12 == 0 { "ann" } else { "bo" }.to_owned();
        let case = table.commanded(&case, Command::Assign { owner }).await;
        let doubt = case.doubt(2, Doubt::Refused, t0() + hours(3), &book());
        let after = applied(&case, &doubt);
        let appended = table.store.append(&case, &after, &doubt, None, None, now());
        assert_eq!(appended.await.unwrap(), Appended::Appended);
        expected.push(after);
    }
    let to_tell = CaseFilter {
        to_tell: true,
        ..CaseFilter::default()
    };
    let anns = CaseFilter {
        owner: Some("ann".to_owned()),
        ..to_tell.clone()
    };
    for limit in [1, 3, 100] {
        let mut found = listed(&table, &to_tell, limit).await.0;
        found.sort_by_key(Case::id);
        assert_eq!(found, expected, "limit {limit}");
        assert_eq!(listed(&table, &anns, limit).await.0.len(), 2);
    }
    // Whoever is told is found no more.
    let told = Command::Told {
        cause: None,
        how: How::Phone,
        came: Came::Told,
    };
    table.commanded(&expected[0], told).await;
    assert_eq!(listed(&table, &to_tell, 100).await.0.len(), 3);
}

#[tokio::test]
async fn what_a_person_says_of_a_call_is_in_the_ledger() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let mut case = table.commanded(&case, Command::Resolve).await;
    let key = NoticeKey {
        medium: Medium::of(Route::Person),
        ..notice_key(&case, 2)
    };
    for (n, (came, outcome)) in [
        (Came::NotReached, Outcome::ToTell),
        (Came::GaveUp, Outcome::NotReached),
        (Came::Told, Outcome::Sent { provider_id: None }),
        // Who was told stays so.
        (Came::NotReached, Outcome::Sent { provider_id: None }),
        (Came::Told, Outcome::Sent { provider_id: None }),
    ]
    .into_iter()
    .enumerate()
    {
        let ledger = table.store.history(case.id()).await.unwrap().unwrap();
        let told = Command::Told {
            cause: Some(2),
            how: How::InPerson,
            came,
        };
        let (after, events) = commanded(&case, &told, t0() + hours(5));
        let turned = Turned::new(&ledger.notices, &events[0], now()).unwrap();
        let addition = Addition {
            before: &case,
            after: &after,
            events: &events,
            message: None,
            command_key: None,
        };
        let done = table.store.append_turned(&addition, &turned, now());
        assert_eq!(done.await.unwrap(), Appended::Appended);
        let entry = table.store.notice(key).await.unwrap().unwrap();
        assert_eq!(&entry, turned.after());
        assert_eq!(
            entry.status,
            NoticeStatus::Recorded {
                outcome,
                at: Some(now())
            }
        );
        assert_eq!(entry.attempts, u32::try_from(n).unwrap() + 1);
        // Of two who saw the same, one looks again.
        let late = table.store.append_turned(&addition, &turned, now());
        assert_eq!(late.await.unwrap(), Appended::Conflict);
        case = after;
    }
    assert_eq!(
        Turned::new(
            &[],
            &table
                .store
                .event(case.id(), 2)
                .await
                .unwrap()
                .unwrap()
                .event,
            now()
        ),
        None
    );
}

#[tokio::test]
async fn the_index_is_not_believed() {
    let table = Table::new().await;
    let case = table.opened(1, Priority::P3).await;
    let gone = table.opened(2, Priority::P3).await;
    table.commanded(&case, Command::Acknowledge).await;
    // As if the index were behind: it says open, the snapshot says otherwise.
    let mut item = table.raw(&Key::Case(case.id())).await.unwrap();
    let open = table.raw(&Key::Case(gone.id())).await.unwrap();
    item.insert("queue".to_owned(), open["queue"].clone());
    table.plant(item).await;
    table.remove(&Key::Case(gone.id())).await;
    let open = CaseFilter {
        states: BTreeSet::from([State::Open]),
        ..CaseFilter::default()
    };
    assert_eq!(listed(&table, &open, 10).await.0, []);
}

#[tokio::test]
async fn a_listed_case_that_cannot_be_read_hides_no_other() {
    let table = Table::new().await;
    let bad = table.opened(1, Priority::P3).await;
    let good = table.opened(2, Priority::P3).await;
    let mut item = table.raw(&Key::Case(bad.id())).await.unwrap();
    item.remove("case");
    table.plant(item).await;
    let page = table
        .store
        .cases(&CaseFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(page.cases, [good]);
    assert!(
        matches!(&page.corrupt[..], [StoreError::Corrupt { key, .. }] if *key == Key::Case(bad.id()).encode())
    );
}

#[test]
fn a_foreign_cursor_is_refused() {
    for text in [
        "",
        "-",
        "x-y",
        "000000000000001",
        "000000000000001-01ARZ3",
        "1-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "w000000000000001-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "vx000000000000001-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "a#b",
    ] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
    for place in ["", "v", "x"] {
        let text = format!("{place}000000000000001-01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
    }
}

// The clock

#[tokio::test]
async fn cases_are_due_when_time_acts_and_not_before() {
    let table = Table::new().await;
    let mut cases = Vec::new();
    for bits in 0..40 {
        cases.push(table.opened(bits, Priority::P1).await);
    }
    let deadline = cases[0].next_deadline().unwrap();
    let just_before = deadline - jiff::SignedDuration::from_millis(1);
    let mut found = BTreeSet::new();
    for shard in 0..CASE_SHARDS {
        assert!(
            table
                .store
                .due_cases(shard, just_before, 10)
                .await
                .unwrap()
                .ready
                .is_empty()
        );
        let due = table.store.due_cases(shard, deadline, 2).await.unwrap();
        assert!(due.ready.len() <= 2 && due.corrupt.is_empty());
        let due = table.store.due_cases(shard, deadline, 100).await.unwrap();
        found.extend(due.ready.iter().map(Case::id));
    }
    assert_eq!(found.len(), 40);

    let (after, events) = expired(&cases[0], deadline);
    let appended = table
        .store
        .append(&cases[0], &after, &events, None, None, now())
        .await
        .unwrap();
    assert_eq!(appended, Appended::Appended);
    let due = table.store.due_cases(0, deadline, 100).await.unwrap();
    assert!(due.ready.iter().all(|case| case.id() != after.id()));
}

#[tokio::test]
async fn a_case_that_cannot_be_read_keeps_no_other_waiting() {
    let table = Table::new().await;
    let early = table.opened(0, Priority::P1).await;
    let late = table.opened(16, Priority::P3).await;
    let mut item = table.raw(&Key::Case(early.id())).await.unwrap();
    item.insert(
        "case".to_owned(),
        aws_sdk_dynamodb::types::AttributeValue::S("damaged".to_owned()),
    );
    table.plant(item).await;
    let due = table
        .store
        .due_cases(0, t0() + hours(1000), 1)
        .await
        .unwrap();
    assert_eq!(due.ready, [late]);
    assert!(
        matches!(&due.corrupt[..], [StoreError::Corrupt { key, .. }] if *key == Key::Case(early.id()).encode())
    );
}
