use std::collections::BTreeSet;

use futures::future::join_all;
use resound_store::StoreError;

use crate::support::Table;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_turn_is_taken_once_whoever_comes_together() {
    let table = Table::new().await;
    let store = &table.store;
    // From the very first on: the counter is made under way.
    let mut taken = BTreeSet::new();
    for _ in 0..4 {
        let turns = join_all((0..25).map(|_| store.next_turn("包裹 #1"))).await;
        taken.extend(turns.into_iter().map(Result::unwrap));
    }
    assert_eq!(taken, (0..100).collect());
    assert_eq!(
        store.next_turn("other").await.unwrap(),
        0,
        "each rule counts for itself"
    );
    assert_eq!(store.next_turn("包裹 #1").await.unwrap(), 100);
}

#[tokio::test]
async fn a_name_that_is_no_key_is_refused() {
    let table = Table::new().await;
    let error = table.store.next_turn(&"#".repeat(200)).await.unwrap_err();
    assert!(matches!(error, StoreError::Rejected(_)), "{error}");
}
