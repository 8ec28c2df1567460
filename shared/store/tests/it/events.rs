use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::case::{Case, Command};
use resound_domain::event::Effect;
use resound_domain::policy::Priority;
use resound_store::schema::EVENT_SHARDS;
use resound_store::{Key, Postponed, Resumed, Settled, StoredEvent, repair};

use crate::support::{Table, now};

/// A case whose second event must be told to the customer.
async fn replied(table: &Table, bits: u128) -> (Case, u32) {
    let case = table.opened(bits, Priority::P3).await;
    let case = table.commanded(&case, Command::Reply).await;
    let seq = case.version();
    (case, seq)
}

async fn due(table: &Table, at: Timestamp) -> Vec<StoredEvent> {
    let mut all = Vec::new();
    for shard in 0..EVENT_SHARDS {
        let due = table.store.due_events(shard, at, 100).await.unwrap();
        assert!(due.corrupt.is_empty());
        all.extend(due.ready);
    }
    all
}

/// Gives an event both effects, as an event of a later version might have.
async fn with_two_effects(table: &Table, key: &Key) {
    let mut item = table.raw(key).await.unwrap();
    let both = Effect::ALL.map(|effect| effect.name().to_owned()).to_vec();
    item.insert("open".to_owned(), AttributeValue::Ss(both));
    table.plant(item).await;
}

#[tokio::test]
async fn an_unsettled_event_comes_due_and_a_settled_one_never() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let first = now() + repair::FIRST_BACK_OFF;
    assert_eq!(
        due(&table, first - jiff::SignedDuration::from_millis(1)).await,
        []
    );
    let found = due(&table, first).await;
    assert_eq!(
        found,
        [table.store.event(case.id(), seq).await.unwrap().unwrap()]
    );

    for _ in 0..2 {
        let settled = table
            .store
            .settle(case.id(), seq, Effect::CustomerNotice)
            .await
            .unwrap();
        assert_eq!(settled, Settled::Settled);
    }
    assert_eq!(due(&table, Timestamp::MAX).await, []);
    let event = table.store.event(case.id(), seq).await.unwrap().unwrap();
    assert!(event.open.is_empty() && event.repair.is_none());
}

#[tokio::test]
async fn settling_what_was_erased_creates_nothing() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let key = Key::Event {
        case: case.id(),
        seq,
    };
    table.remove(&key).await;
    let settled = table
        .store
        .settle(case.id(), seq, Effect::CustomerNotice)
        .await
        .unwrap();
    assert_eq!(settled, Settled::Missing);
    assert_eq!(table.raw(&key).await, None);
}

#[tokio::test]
async fn an_effect_that_is_not_there_settles_nothing_else() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let settled = table
        .store
        .settle(case.id(), seq, Effect::StaffAlert)
        .await
        .unwrap();
    assert_eq!(settled, Settled::OthersOpen);
    assert_eq!(due(&table, Timestamp::MAX).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_several_effects_settles_the_event() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let key = Key::Event {
        case: case.id(),
        seq,
    };
    with_two_effects(&table, &key).await;
    let settled = table
        .store
        .settle(case.id(), seq, Effect::CustomerNotice)
        .await
        .unwrap();
    assert_eq!(settled, Settled::OthersOpen);
    let event = table.store.event(case.id(), seq).await.unwrap().unwrap();
    assert_eq!(event.open, BTreeSet::from([Effect::StaffAlert]));
    assert!(event.repair.is_some());
    assert_eq!(
        table
            .store
            .settle(case.id(), seq, Effect::StaffAlert)
            .await
            .unwrap(),
        Settled::Settled
    );

    for bits in 2..12 {
        let (case, seq) = replied(&table, bits).await;
        with_two_effects(
            &table,
            &Key::Event {
                case: case.id(),
                seq,
            },
        )
        .await;
        let twice = [
            Effect::CustomerNotice,
            Effect::StaffAlert,
            Effect::CustomerNotice,
            Effect::StaffAlert,
        ];
        let all = join_all(twice.map(|effect| table.store.settle(case.id(), seq, effect))).await;
        assert!(all.iter().all(Result::is_ok));
        let event = table.store.event(case.id(), seq).await.unwrap().unwrap();
        assert!(event.open.is_empty() && event.repair.is_none(), "{all:?}");
    }
}

/// An emptied set without the second step: the crash between the two.
#[tokio::test]
async fn a_repeat_finishes_what_a_crash_left() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let key = Key::Event {
        case: case.id(),
        seq,
    };
    let mut item = table.raw(&key).await.unwrap();
    item.remove("open");
    table.plant(item).await;
    assert_eq!(due(&table, Timestamp::MAX).await.len(), 1);
    assert_eq!(
        table
            .store
            .settle(case.id(), seq, Effect::CustomerNotice)
            .await
            .unwrap(),
        Settled::Settled
    );
    assert_eq!(due(&table, Timestamp::MAX).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_see_an_event_due_one_sends_it() {
    let table = Table::new().await;
    replied(&table, 1).await;
    let at = now() + repair::FIRST_BACK_OFF;
    let event = &due(&table, at).await[0];
    let outcomes = join_all((0..5).map(|_| table.store.postpone(event, at))).await;
    let mine = outcomes
        .iter()
        .filter(|o| matches!(o, Ok(Postponed::Again { .. })))
        .count();
    let lost = outcomes
        .iter()
        .filter(|o| matches!(o, Ok(Postponed::Lost)))
        .count();
    assert_eq!((mine, lost), (1, 4));
    assert_eq!(due(&table, at).await, []);
}

#[tokio::test]
async fn after_the_last_attempt_an_event_is_stuck_until_resumed() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let mut at = now() + repair::FIRST_BACK_OFF;
    for attempt in 1..=repair::ATTEMPTS {
        let found = due(&table, at).await;
        let [event] = &found[..] else {
            panic!("attempt {attempt} at {at}")
        };
        let Postponed::Again { due_at } = table.store.postpone(event, at).await.unwrap() else {
            panic!()
        };
        assert_eq!(due_at, at + repair::back_off(attempt));
        at = due_at;
    }
    let last = &due(&table, at).await[0];
    assert_eq!(
        table.store.postpone(last, at).await.unwrap(),
        Postponed::Stuck
    );
    assert_eq!(
        table.store.postpone(last, at).await.unwrap(),
        Postponed::Lost
    );
    assert_eq!(due(&table, Timestamp::MAX).await, []);

    let stuck = table.store.stuck_events(10).await.unwrap();
    assert!(
        stuck.ready[0]
            .repair
            .is_some_and(|repair| repair.stuck && repair.attempts == repair::ATTEMPTS)
    );
    assert_eq!(
        table.store.postpone(&stuck.ready[0], at).await.unwrap(),
        Postponed::Lost
    );
    assert_eq!(
        table.store.resume_stuck(&stuck.ready[0], at).await.unwrap(),
        Resumed::Resumed
    );
    assert_eq!(
        table.store.resume_stuck(&stuck.ready[0], at).await.unwrap(),
        Resumed::Lost
    );
    assert_eq!(table.store.stuck_events(10).await.unwrap().ready, []);
    let again = due(&table, at).await;
    assert!(again[0].repair.is_some_and(|repair| repair.attempts == 0));

    // A stuck event may still settle by a message that turned up.
    assert_eq!(
        table
            .store
            .settle(case.id(), seq, Effect::CustomerNotice)
            .await
            .unwrap(),
        Settled::Settled
    );
    assert_eq!(
        table.store.resume_stuck(&stuck.ready[0], at).await.unwrap(),
        Resumed::Lost
    );
}

#[tokio::test]
async fn the_repair_of_an_effect_that_waits_is_put_off_and_of_no_other() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 1).await;
    let letter = Effect::CustomerNotice;
    let repair = async || {
        let event = table.store.event(case.id(), seq).await.unwrap().unwrap();
        event.repair.map(|repair| (repair.due_at, repair.attempts))
    };
    let put_off = async |effect, at| {
        let put_off = table.store.repair_at(case.id(), seq, effect, at);
        put_off.await.unwrap();
    };
    let first = now() + repair::FIRST_BACK_OFF;
    let later = now() + jiff::SignedDuration::from_hours(10);
    put_off(Effect::StaffAlert, later).await;
    assert_eq!(repair().await, Some((first, 0)), "that is not open");
    // In whole milliseconds, never before.
    put_off(letter, later - jiff::SignedDuration::from_nanos(1)).await;
    assert_eq!(repair().await, Some((later, 0)));
    assert_eq!(due(&table, first).await, []);
    assert_eq!(due(&table, later).await.len(), 1);

    let key = Key::Event {
        case: case.id(),
        seq,
    };
    with_two_effects(&table, &key).await;
    put_off(letter, first).await;
    assert_eq!(repair().await, Some((later, 0)), "the other does not wait");
    for effect in Effect::ALL {
        let settled = table.store.settle(case.id(), seq, effect).await;
        assert_ne!(settled.unwrap(), Settled::Missing);
    }
    put_off(letter, later).await;
    assert_eq!(repair().await, None, "it is settled");
    let missing = table.store.repair_at(case.id(), 99, letter, later);
    missing.await.unwrap();
    let missing = table.store.event(case.id(), 99).await.unwrap();
    assert_eq!(missing, None, "nothing is made");
}

#[tokio::test]
async fn an_effect_of_a_newer_version_stays_open() {
    let table = Table::new().await;
    let (case, seq) = replied(&table, 0).await;
    let key = Key::Event {
        case: case.id(),
        seq,
    };
    let mut item = table.raw(&key).await.unwrap();
    let both = ["carrier_pigeon", "customer_notice"].map(str::to_owned);
    item.insert("open".to_owned(), AttributeValue::Ss(both.to_vec()));
    table.plant(item).await;

    let settled = table
        .store
        .settle(case.id(), seq, Effect::CustomerNotice)
        .await;
    assert_eq!(settled.unwrap(), Settled::OthersOpen);
    let event = table.store.event(case.id(), seq).await.unwrap().unwrap();
    assert_eq!(event.open_names(), ["carrier_pigeon"]);
    assert!(event.open.is_empty() && event.repair.is_some());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_keeps_no_other_waiting() {
    let table = Table::new().await;
    let (broken, seq) = replied(&table, 0).await;
    let (good, _) = replied(&table, 16).await;
    let key = Key::Event {
        case: broken.id(),
        seq,
    };
    let mut item = table.raw(&key).await.unwrap();
    item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    table.plant(item).await;
    let found = table.store.due_events(0, Timestamp::MAX, 1).await.unwrap();
    assert_eq!(found.ready.len(), 1);
    assert_eq!(found.ready[0].event.case, good.id());
    assert_eq!(found.corrupt.len(), 1);
}
