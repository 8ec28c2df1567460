//! Who gets new cases.

use resound_store::ConfigKind;
use serde_json::{Value, json};

use crate::support::{Office, Request};

#[tokio::test]
async fn who_gets_new_cases_is_published_like_everything_else() {
    let office = Office::new().await;
    let put = |body: Value| office.send(Request::new("PUT /v1/assignment").json(&body));
    let rules = json!({"rules": [{"name": "All", "agents": ["ann", "bo"]}]});
    let shown = office
        .send(Request::new("GET /v1/assignment"))
        .await
        .expect(200);
    assert_eq!(shown.body["current"]["document"], json!({"rules": []}));
    put(json!({"rules": []})).await.expect(200);
    let published = put(rules.clone()).await.expect(201);
    assert_eq!(published.body["state"], "current");
    put(rules).await.expect(200);
    let refused = put(json!({"rules": [{"name": "All", "agents": []}], "x": 1}))
        .await
        .expect(422);
    assert!(
        refused.faults().contains(&"/x unknown-field".to_owned()),
        "{refused:?}"
    );
    let kept: Option<(u32, Value)> = office
        .aws
        .store
        .latest_config(ConfigKind::Assignment)
        .await
        .unwrap();
    assert_eq!(kept.unwrap().0, 1);
}
