use std::collections::BTreeMap;

use jiff::ToSpan;
use resound_domain::case::{Case, Command};
use resound_domain::form::FormId;
use resound_domain::policy::Priority;
use resound_domain::response::Response;
use resound_store::{Accepted, Key, StoreError};

use crate::support::{DIGEST, Table, case, now, response};

#[tokio::test]
async fn the_logs_of_some_days_come_whole_once_each_through_all_pages() {
    let table = Table::new().await;
    let mut expected = BTreeMap::new();
    // More than a page of one shard; every tenth opens a case.
    for bits in (0..440).step_by(4) {
        if bits % 40 == 0 {
            let case = table.opened(bits, Priority::P3).await;
            let case = table.commanded(&case, Command::Reply).await;
            expected.insert(case.id(), case);
        } else {
            let response = response(bits);
            let accepted = table.store.accept(&response, &DIGEST, None, now());
            assert_eq!(accepted.await.unwrap(), Accepted::New);
        }
    }
    // A case of each of more days than are read at once, and of two that are not asked for.
    let last = response(0).day;
    let first = last.saturating_sub(20.days());
    for (bits, day) in (1000..).zip(first.yesterday().unwrap().series(1.day()).take(23)) {
        let response = Response {
            day,
            ..response(bits)
        };
        let (case, event) = case(&response, Priority::P3);
        let opened = Some((&case, &event));
        let accepted = table.store.accept(&response, &DIGEST, opened, now());
        assert_eq!(accepted.await.unwrap(), Accepted::New);
        if (first..=last).contains(&day) {
            expected.insert(case.id(), case);
        }
    }
    assert_eq!(expected.len(), 11 + 21);
    let (broken, _) = expected.pop_first().unwrap();
    let key = Key::Event {
        case: broken,
        seq: 2,
    };
    let mut item = table.raw(&key).await.unwrap();
    item.remove("event");
    table.plant(item).await;

    let surveys = [FormId::default_form(), "other".parse().unwrap()];
    let mut found = BTreeMap::new();
    let corrupt = table
        .store
        .logs(&surveys, (first, last), |log| {
            let case = Case::replay(&log).unwrap();
            assert!(found.insert(case.id(), case).is_none(), "once each");
        })
        .await
        .unwrap();
    assert_eq!(found, expected);
    assert!(matches!(&corrupt[..], [StoreError::Corrupt { key: at, .. }] if *at == key.encode()));
    let none = table
        .store
        .logs(&surveys[1..], (first, last), |_| unreachable!());
    assert!(none.await.unwrap().is_empty());
}
