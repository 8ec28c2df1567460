use std::collections::BTreeMap;

use resound_domain::case::{Case, Command};
use resound_domain::form::FormId;
use resound_domain::policy::Priority;
use resound_store::{Accepted, Key, StoreError};

use crate::support::{DIGEST, Table, now, response};

#[tokio::test]
async fn the_logs_of_a_day_come_whole_once_each_through_all_pages() {
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
    let (broken, _) = expected.pop_last().unwrap();
    let key = Key::Event {
        case: broken,
        seq: 2,
    };
    let mut item = table.raw(&key).await.unwrap();
    item.remove("event");
    table.plant(item).await;

    let survey = FormId::default_form();
    let day = response(0).day;
    let mut found = BTreeMap::new();
    let corrupt = table
        .store
        .day_logs(&survey, day, |log| {
            let case = Case::replay(&log).unwrap();
            assert!(found.insert(case.id(), case).is_none(), "once each");
        })
        .await
        .unwrap();
    assert_eq!(found, expected);
    assert!(matches!(&corrupt[..], [StoreError::Corrupt { key: at, .. }] if *at == key.encode()));
    let tomorrow = day.tomorrow().unwrap();
    let none = table.store.day_logs(&survey, tomorrow, |_| unreachable!());
    assert!(none.await.unwrap().is_empty());
}
