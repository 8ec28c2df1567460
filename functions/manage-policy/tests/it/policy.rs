//! Policies, and what is true of every document.

use resound_domain::policy::Policy;
use resound_store::ConfigKind;
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{Office, Request, after, office_until, warning_at};

#[tokio::test]
async fn what_is_built_in_is_version_0() {
    let office = Office::new().await;
    let answer = office
        .send(Request::new("GET /v1/policy"))
        .await
        .expect(200);
    assert_eq!(answer.etag(), "\"0\"");
    let current = &answer.body["current"];
    assert_eq!(current["version"], 0);
    assert_eq!(current["document"], warning_at(75));
    assert_eq!(current["published_by"], Value::Null);
    assert_eq!(answer.body["coming"], json!([]));
    // To publish it is nothing new.
    let again = office.put(&warning_at(75)).await.expect(200);
    assert_eq!(
        (again.etag(), &again.body["state"]),
        ("\"0\"", &json!("current"))
    );
}

#[tokio::test]
async fn a_policy_is_published_and_begins_two_minutes_on() {
    let office = Office::new().await;
    let put = Request::new("PUT /v1/policy")
        .json(&warning_at(60))
        .sub("ann");
    let answer = office.send(put).await.expect(201);
    assert_eq!(answer.etag(), "\"1\"");
    assert_eq!(answer.headers["location"], "/v1/policy?version=1");
    let expected = json!({
        "version": 1,
        "state": "coming",
        "active_from": after(2),
        "published_at": start(),
        "published_by": "ann",
        "document": warning_at(60),
    });
    assert_eq!(answer.body, expected);
    // As the functions read it.
    let kept: Option<(u32, Policy)> = office
        .aws
        .store
        .latest_config(ConfigKind::Policy)
        .await
        .unwrap();
    let (version, kept) = kept.unwrap();
    assert_eq!((version, kept.version, kept.warn_percent), (1, 1, 60));
    assert_eq!(kept.active_from, Some(after(2)));

    let early = office.policy("", after(1)).await;
    assert_eq!(
        (&early["current"]["version"], &early["coming"][0]["version"]),
        (&json!(0), &json!(1))
    );
    let late = office.policy("", after(2)).await;
    assert_eq!(
        (&late["current"]["version"], &late["coming"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(office.policy("version=0", after(2)).await["state"], "past");
    assert_eq!(
        office.policy("version=1", after(2)).await["state"],
        "current"
    );
    for (query, status) in [("version=2", 404), ("version=x", 422), ("version=", 200)] {
        let request = Request::new("GET /v1/policy").query(query);
        assert_eq!(office.send(request).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn the_same_document_is_published_once() {
    let office = Office::new().await;
    let first = office.put(&warning_at(60)).await.expect(201);
    // Later, by somebody else, and with the instant it has got: it is there.
    let mut timed = warning_at(60);
    timed["active_from"] = json!(after(2));
    for body in [&warning_at(60), &timed] {
        let again = Request::new("PUT /v1/policy")
            .json(body)
            .at(after(60))
            .sub("bob");
        // What the first saw does not matter any more.
        let again = office
            .send(again.header("if-match", "\"0\""))
            .await
            .expect(200);
        assert_eq!(again.body["version"], 1);
        assert_eq!(again.body["published_by"], first.body["published_by"]);
    }
    // At another instant it is another one.
    timed["active_from"] = json!(after(90));
    let again = Request::new("PUT /v1/policy").json(&timed).at(after(60));
    assert_eq!(office.send(again).await.expect(201).etag(), "\"2\"");
}

#[tokio::test]
async fn what_is_to_come_is_corrected_or_withdrawn() {
    let office = Office::new().await;
    let at = |percent, minutes| {
        let mut policy = warning_at(percent);
        policy["active_from"] = json!(after(minutes));
        policy
    };
    office.put(&at(50, 600)).await.expect(201);
    office.put(&at(51, 900)).await.expect(201);
    let versions = |shown: &Value| -> Vec<u64> {
        let coming = shown["coming"].as_array().unwrap().iter();
        coming
            .map(|edition| edition["version"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(versions(&office.policy("", after(1)).await), [1, 2]);
    // What holds now, published again, takes the place of both.
    office.put(&at(75, 10)).await.expect(201);
    let shown = office.policy("", after(1)).await;
    assert_eq!(versions(&shown), [3]);
    assert_eq!(
        office.policy("version=1", after(1)).await["state"],
        "withdrawn"
    );
    let shown = office.policy("", after(1000)).await;
    assert_eq!(shown["current"]["version"], 3);
}

#[tokio::test]
async fn every_fault_is_named_at_once_with_its_line_in_both_languages() {
    let office = Office::new().await;
    let text = serde_json::to_string_pretty(&json!({
        "active_from": start(),
        "auto_close": "soon",
        "ladder": {"team_lead": 150, "manager": 120},
        "loop_limit": "PT168H",
        "rules": [{"name": "night", "targets": {"plan": {"duration": "PT1H", "calendar": "night"}}}],
        "social_first_response": "PT2H",
        "targets": warning_at(75)["targets"],
        "typo": 1,
        "warn_percent": 100,
    }))
    .unwrap();
    for (language, detail) in [("en", "2026"), ("zh-CN", "第 2 行（/active_from）：")] {
        let put = Request::new("PUT /v1/policy").text(&text);
        let answer = office
            .send(put.header("accept-language", language))
            .await
            .expect(422);
        let mut faults = answer.faults();
        faults.sort();
        let expected = [
            "/active_from too-soon",
            "/auto_close invalid-duration",
            "/ladder/manager not-rising",
            "/rules/0/targets/plan/calendar unknown-calendar",
            "/typo unknown-field",
            "/warn_percent out-of-range",
        ];
        assert_eq!(faults, expected);
        let messages = answer.messages();
        assert!(
            messages.iter().any(|message| message.contains(detail)),
            "{messages:?}"
        );
        assert!(
            messages
                .iter()
                .all(|message| message.contains('（') || message.starts_with("Line "))
        );
    }
    let nothing: Option<(u32, Value)> = office
        .aws
        .store
        .latest_config(ConfigKind::Policy)
        .await
        .unwrap();
    assert_eq!(nothing, None);
}

#[tokio::test]
async fn a_policy_names_calendars_that_are_there_when_it_begins() {
    let office = Office::new().await;
    let mut policy = warning_at(75);
    policy["targets"]["P4"]["resolution"]["calendar"] = "night".into();
    let refused = office.put(&policy).await.expect(422);
    assert_eq!(
        refused.faults(),
        ["/targets/P4/resolution/calendar unknown-calendar"]
    );
    assert!(refused.messages()[0].contains("around_the_clock, business"));
    let mut night = office_until("20:00");
    night["active_from"] = json!(after(100));
    let put = Request::calendar("PUT /v1/calendars/{name}", "night").json(&night);
    office.send(put).await.expect(201);
    // It begins later than the policy would.
    office.put(&policy).await.expect(422);
    policy["active_from"] = json!(after(100));
    assert_eq!(office.put(&policy).await.expect(201).body["version"], 1);
}

#[tokio::test]
async fn an_instant_lies_two_minutes_to_400_days_ahead() {
    let office = Office::new().await;
    for (from, status, fault) in [
        ("2026-11-02T02:01:59.999Z", 422, "/active_from too-soon"),
        ("1970-01-01T00:00:00Z", 422, "/active_from too-soon"),
        ("2028-11-02T02:00:00Z", 422, "/active_from too-late"),
        ("tomorrow", 422, "/active_from invalid-instant"),
        ("2026-11-02T10:02:00+08:00", 201, ""),
    ] {
        let mut policy = warning_at(60);
        policy["active_from"] = from.into();
        let answer = office.put(&policy).await.expect(status);
        assert_eq!(answer.faults().join(" "), fault, "{from}");
    }
}
