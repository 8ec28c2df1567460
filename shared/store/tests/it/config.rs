use aws_sdk_dynamodb::types::AttributeValue;
use resound_domain::form::Forms;
use resound_domain::policy::Policy;
use resound_store::{ConfigKind, Edition, Editions, Key, Published, Signed};
use serde_json::{Value, json};

use crate::support::Table;

#[tokio::test]
async fn the_latest_version_counts_and_none_is_changed() {
    let table = Table::new().await;
    assert_eq!(
        table
            .store
            .latest_config::<Policy>(ConfigKind::Policy)
            .await
            .unwrap(),
        None
    );
    for version in [1, 2, 9, 10, 100] {
        let policy = Policy {
            version,
            ..Policy::default()
        };
        let published = table
            .store
            .publish_config(ConfigKind::Policy, version, &policy)
            .await
            .unwrap();
        assert_eq!(published, Published::Published);
        let latest = table.store.latest_config(ConfigKind::Policy).await.unwrap();
        assert_eq!(latest, Some((version, policy)));
    }
    let other = Policy {
        version: 7,
        ..Policy::default()
    };
    let published = table
        .store
        .publish_config(ConfigKind::Policy, 100, &other)
        .await
        .unwrap();
    assert_eq!(published, Published::Exists);
    assert_eq!(
        table
            .store
            .latest_config::<Policy>(ConfigKind::Policy)
            .await
            .unwrap()
            .unwrap()
            .1
            .version,
        100
    );
    assert_eq!(
        table
            .store
            .latest_config::<Forms>(ConfigKind::Form)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn forms_come_back_as_they_were() {
    let table = Table::new().await;
    let document = r#"{"forms":[{"id":"shop","allowed_origins":["https://shop.example"],"title":{"zh_cn":"店","en":"Shop"}}]}"#;
    let forms: Forms = serde_json::from_str(document).unwrap();
    let _published = table
        .store
        .publish_config(ConfigKind::Form, 1, &forms)
        .await
        .unwrap();
    assert_eq!(
        table.store.latest_config(ConfigKind::Form).await.unwrap(),
        Some((1, forms))
    );
    let none = table.store.latest_config::<Policy>(ConfigKind::Form).await;
    assert_eq!(none.unwrap(), None, "forms are no policy");
}

#[tokio::test]
async fn a_version_that_cannot_be_understood_is_passed_over() {
    let table = Table::new().await;
    for (version, document) in [(1, json!({"good": 1})), (2, json!({"bad": 2}))] {
        let published = table
            .store
            .publish_config(ConfigKind::Recipients, version, &document)
            .await;
        assert_eq!(published.unwrap(), Published::Published);
    }
    let read = |document: Value| document["good"].as_u64().ok_or("it is bad");
    let latest = table
        .store
        .latest_config_by(ConfigKind::Recipients, read)
        .await;
    assert_eq!(latest.unwrap(), Some((1, 1)));
}

fn signed(by: &str) -> Signed {
    Signed {
        by: by.to_owned(),
        at: "2026-11-02T02:00:00.5Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn it_is_known_who_published_what() {
    let table = Table::new().await;
    let (store, kind) = (&table.store, ConfigKind::Calendar);
    let none: Editions<Value> = store.editions(kind).await.unwrap();
    assert_eq!((none.editions.len(), none.last), (0, 0));
    let by_hand = store.publish_config(kind, 1, &json!({"n": 1})).await;
    assert_eq!(by_hand.unwrap(), Published::Published);
    let documents = [json!({"n": 2}), json!({"n": 3})];
    let both = store.publish(kind, 2, &documents, &signed("ann")).await;
    assert_eq!(both.unwrap(), Published::Published);
    let found: Editions<Value> = store.editions(kind).await.unwrap();
    let edition = |version: u32, signed: Option<Signed>| Edition {
        version,
        document: json!({"n": version}),
        signed,
    };
    assert_eq!(
        found.editions,
        [
            edition(1, None),
            edition(2, Some(signed("ann"))),
            edition(3, Some(signed("ann")))
        ]
    );
    // What only a newer version can read counts all the same: nothing is published in its place.
    let third = Key::Config { kind, version: 3 };
    let mut newer = table.raw(&third).await.unwrap();
    newer.insert("SK".to_owned(), AttributeValue::S("V#000004".to_owned()));
    newer.insert("v".to_owned(), AttributeValue::N("99".to_owned()));
    table.plant(newer).await;
    let found: Editions<Value> = store.editions(kind).await.unwrap();
    assert_eq!((found.editions.len(), found.last), (3, 4));
}

#[tokio::test]
async fn of_two_who_publish_one_does_and_a_repeat_is_harmless() {
    let table = Table::new().await;
    let (store, kind) = (&table.store, ConfigKind::Policy);
    let publish = |n: u32, by: &'static str| async move {
        let document = [json!({"n": n})];
        store
            .publish(kind, 1, &document, &signed(by))
            .await
            .unwrap()
    };
    assert_eq!(publish(1, "ann").await, Published::Published);
    assert_eq!(publish(1, "ann").await, Published::Published);
    assert_eq!(publish(1, "bob").await, Published::Exists);
    assert_eq!(publish(2, "ann").await, Published::Exists);
    // All or none.
    let two = [json!({"n": 0}), json!({"n": 1})];
    let half = store.publish(kind, 0, &two, &signed("ann")).await.unwrap();
    assert_eq!(half, Published::Exists);
    let found: Editions<Value> = store.editions(kind).await.unwrap();
    assert_eq!((found.editions.len(), found.last), (1, 1));
    let full = store.publish(kind, 1_000_000, &two, &signed("ann")).await;
    assert!(!full.unwrap_err().is_retryable());
}
