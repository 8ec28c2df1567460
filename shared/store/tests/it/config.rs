use resound_domain::form::Forms;
use resound_domain::policy::Policy;
use resound_store::{ConfigKind, Published};
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
