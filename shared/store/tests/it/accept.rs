use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use resound_domain::policy::Priority;
use resound_domain::response::Response;
use resound_domain::tally::Cause;
use resound_store::{Accepted, Buried, Digest, Key, Lookup, StoreError};
use serde_json::json;

use crate::support::{DIGEST, Table, case, hours, now, response, response_of};

#[tokio::test]
async fn a_response_without_a_case_is_kept() {
    let table = Table::new().await;
    let response = response_of(1, json!({"nps": 10, "customer_id": "c-1", "tier": "gold"}));
    let accepted = table
        .store
        .accept(&response, &DIGEST, None, now())
        .await
        .unwrap();
    assert_eq!(accepted, Accepted::New);
    assert_eq!(
        table.store.response(response.id).await.unwrap(),
        Lookup::Found(Box::new(response.clone()))
    );
    assert_eq!(table.store.case(response.id.case()).await.unwrap(), None);
}

#[tokio::test]
async fn a_case_opens_with_its_response() {
    let table = Table::new().await;
    let response = response(1);
    let (case, event) = case(&response, Priority::P1);
    let accepted = table
        .store
        .accept(&response, &DIGEST, Some((&case, &event)), now())
        .await
        .unwrap();
    assert_eq!(accepted, Accepted::New);
    let history = table.store.history(case.id()).await.unwrap().unwrap();
    assert_eq!(history.case, case);
    assert_eq!(history.events.len(), 1);
    assert_eq!(history.events[0].event, event);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let table = Table::new().await;
    for with_case in [false, true] {
        let first = response(u128::from(with_case));
        let (case, event) = case(&first, Priority::P3);
        let opened = with_case.then_some((&case, &event));
        assert_eq!(
            table
                .store
                .accept(&first, &DIGEST, opened, now())
                .await
                .unwrap(),
            Accepted::New
        );

        // The retry comes later, so it would be another response.
        let mut retry = first.clone();
        retry.received_at = first.received_at + hours(1);
        let accepted = table
            .store
            .accept(&retry, &DIGEST, opened, now())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::Replay(Box::new(first.clone())));

        let other = Digest([8; 32]);
        let accepted = table
            .store
            .accept(&retry, &other, opened, now())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::Mismatch);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_new() {
    let table = Table::new().await;
    let response = response(1);
    let (case, event) = case(&response, Priority::P3);
    let all = join_all((0..8).map(|_| {
        table
            .store
            .accept(&response, &DIGEST, Some((&case, &event)), now())
    }))
    .await;
    let new = all
        .iter()
        .filter(|accepted| matches!(accepted, Ok(Accepted::New)))
        .count();
    let replays = all
        .iter()
        .filter(|accepted| matches!(accepted, Ok(Accepted::Replay(_))))
        .count();
    assert_eq!((new, replays), (1, 7));
}

#[tokio::test]
async fn what_was_erased_stays_erased() {
    let table = Table::new().await;
    let response = response(1);
    assert_eq!(
        table.store.bury(response.id, now()).await.unwrap(),
        Buried::Missing
    );
    assert_eq!(
        table.store.response(response.id).await.unwrap(),
        Lookup::Missing
    );

    let _new = table
        .store
        .accept(&response, &DIGEST, None, now())
        .await
        .unwrap();
    for after in [0, 1] {
        let buried = table.store.bury(response.id, now() + hours(after));
        assert_eq!(buried.await.unwrap(), Buried::Buried);
    }
    assert_eq!(
        table.store.response(response.id).await.unwrap(),
        Lookup::Erased
    );
    let mut left: Vec<_> = table
        .raw(&Key::Response(response.id))
        .await
        .unwrap()
        .into_keys()
        .collect();
    left.sort();
    assert_eq!(left, ["PK", "SK", "erased_at", "v"]);
    let mark = table.raw(&dirty(&response)).await.unwrap();
    assert_eq!(mark["marked_at"].as_s().unwrap(), &first_buried());

    let (case, event) = case(&response, Priority::P3);
    for opened in [None, Some((&case, &event))] {
        let accepted = table
            .store
            .accept(&response, &DIGEST, opened, now())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::Erased);
    }
    assert_eq!(table.store.case(case.id()).await.unwrap(), None);
}

/// That the day of a response must be counted again without it.
fn dirty(response: &Response) -> Key {
    Key::Dirty {
        survey: response.submission.form.clone(),
        day: response.day,
        cause: Cause::Erasure,
    }
}

/// As marks write it. Who buries again finds a tombstone, and has nothing to mark.
fn first_buried() -> String {
    format!("{:015}", now().as_millisecond())
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_erased_too() {
    let table = Table::new().await;
    let response = response(1);
    let _new = table
        .store
        .accept(&response, &DIGEST, None, now())
        .await
        .unwrap();
    let mut item = table.raw(&Key::Response(response.id)).await.unwrap();
    item.insert("v".to_owned(), AttributeValue::N("9".to_owned()));
    item.remove("response");
    table.plant(item).await;
    let buried = table.store.bury(response.id, now()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    let kept = table.store.response(response.id).await.unwrap();
    assert_eq!(kept, Lookup::Erased);
    assert!(table.raw(&dirty(&response)).await.is_some());
}

#[tokio::test]
async fn text_of_any_kind_comes_back_as_it_was() {
    let table = Table::new().await;
    for (bits, text) in ["😀👨‍👩‍👧", "שלום ‏مرحبا", "a\u{0}b", "<&>\"'\r\n\\", " "]
        .into_iter()
        .enumerate()
    {
        let response = response_of(
            bits as u128,
            json!({"text": text, "product": "#%", "customer_id": "#"}),
        );
        let _new = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap();
        assert_eq!(
            table.store.response(response.id).await.unwrap(),
            Lookup::Found(Box::new(response))
        );
    }
}

#[tokio::test]
async fn damaged_and_newer_items_are_corrupt_and_nothing_worse() {
    let table = Table::new().await;
    let response = response(1);
    let _new = table
        .store
        .accept(&response, &DIGEST, None, now())
        .await
        .unwrap();
    let key = Key::Response(response.id);
    let good = table.raw(&key).await.unwrap();
    for attribute in ["response", "v", "digest"] {
        let mut bad = good.clone();
        bad.insert(
            attribute.to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::N("99".to_owned()),
        );
        table.plant(bad).await;
        let error = table.store.response(response.id).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Corrupt { key: k, .. } if *k == key.encode()),
            "{attribute}: {error}"
        );
        assert!(!error.is_retryable());
        let error = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{attribute}: {error}"
        );
    }
}
