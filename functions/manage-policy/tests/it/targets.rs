//! What the company wants to reach.

use resound_domain::targets::Targets;
use resound_store::ConfigKind;
use serde_json::{Value, json};

use crate::support::{Office, Request};

#[tokio::test]
async fn targets_are_published_whole_and_judged_whole() {
    let office = Office::new().await;
    let put = |body: Value| office.send(Request::new("PUT /v1/targets").json(&body));
    let show = || {
        let request = Request::new("GET /v1/targets").scopes("resound/reports.read");
        office.send(request)
    };
    let shown = show().await.expect(200);
    assert_eq!(shown.body["current"]["version"], 0);
    assert_eq!(
        shown.body["current"]["document"],
        json!(Targets::default()),
        "what holds while nothing is published is told"
    );
    // What is built in already is not published.
    put(json!({})).await.expect(200);

    let published = put(json!({"nps": {"target": 40}, "kpi": {"recovery": 75}}))
        .await
        .expect(201);
    assert_eq!(published.body["state"], "current");
    let document = &show().await.expect(200).body["current"]["document"];
    assert_eq!(
        (
            &document["nps"],
            &document["kpi"]["recovery"],
            &document["kpi"]["collection"]
        ),
        (&json!({"target": 40}), &json!(75), &json!(85))
    );
    let kept: Option<(u32, Targets)> = office
        .aws
        .store
        .latest_config(ConfigKind::Targets)
        .await
        .unwrap();
    assert_eq!(kept.unwrap().1.nps.target("anything"), Some(40.0));

    let refused =
        put(json!({"nps": {"target": 101}, "kpi": {"time_to_close": "8h later"}, "mood": 1}))
            .await
            .expect(422);
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/kpi/time_to_close invalid-duration",
            "/mood unknown-field",
            "/nps/target out-of-range"
        ]
    );
    assert!(refused.messages()[0].starts_with("Line 1"), "{refused:?}");
}

#[tokio::test]
async fn a_dry_run_of_targets_is_refused_in_words() {
    let office = Office::new().await;
    let ask = |language: &'static str| {
        let request = Request::new("PUT /v1/targets").json(&json!({"nps": {"target": 40}}));
        office.send(
            request
                .query("dry_run=true")
                .header("accept-language", language),
        )
    };
    for (language, words) in [
        ("en", "Targets move no deadline"),
        ("zh-CN", "目标不改变任何期限"),
    ] {
        let refused = ask(language).await.expect(422);
        assert_eq!(refused.faults(), ["dry_run not-available"]);
        assert!(refused.messages()[0].starts_with(words), "{refused:?}");
    }
    let kept: Option<(u32, Targets)> = office
        .aws
        .store
        .latest_config(ConfigKind::Targets)
        .await
        .unwrap();
    assert_eq!(kept, None, "nothing was published");
}
