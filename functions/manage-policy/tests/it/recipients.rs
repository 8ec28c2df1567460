//! Who is told of alerts: published, and never shown again as it was.

use resound_lambda_kit::outbound::Reach;
use resound_sinks::Recipients;
use resound_store::ConfigKind;
use serde_json::{Value, json};

use crate::support::{Answer, Office, Request, after};

const SECRETS: [&str; 3] = ["xyzzy", "whsec_", "SEC0"];

fn whole() -> Value {
    json!({"audiences": {"owner": {
        "locale": "en",
        "time_zone": "Asia/Shanghai",
        "sinks": [
            {"name": "mail", "kind": "email", "to": "team@example.test"},
            {"name": "ops", "kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/xyzzy"},
            {"name": "ding", "kind": "dingtalk", "url": "https://oapi.dingtalk.com/robot/send?access_token=xyzzy", "secret": "SEC0"},
            {"name": "desk", "kind": "webhook", "url": "https://desk.example.test/xyzzy",
             "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
        ],
    }}})
}

async fn put(office: &Office, body: &Value) -> Answer {
    office
        .send(Request::new("PUT /v1/recipients").json(body))
        .await
}

/// What `notify-staff` reads.
async fn kept(office: &Office) -> (u32, Value) {
    let kind = ConfigKind::Recipients;
    office.aws.store.latest_config(kind).await.unwrap().unwrap()
}

#[tokio::test]
async fn no_answer_has_a_secret_in_it_and_what_was_shown_is_kept() {
    let office = Office::new().await;
    let get = || office.send(Request::new("GET /v1/recipients"));
    let none = get().await.expect(200);
    assert_eq!(
        (&none.body["current"], none.etag()),
        (&Value::Null, "\"0\"")
    );

    let published = put(&office, &whole()).await.expect(201);
    let shown = get().await.expect(200);
    let old = Request::new("GET /v1/recipients").query("version=1");
    for answer in [&published, &shown, &office.send(old).await] {
        let text = answer.body.to_string();
        assert!(
            SECRETS.iter().all(|secret| !text.contains(secret)),
            "{text}"
        );
        assert!(
            text.contains("team@example.test") && text.contains('…'),
            "{text}"
        );
    }
    assert_eq!(shown.body["current"]["state"], "current");
    assert_eq!(kept(&office).await, (1, whole()));

    // Sent back as it was shown, it is the same.
    let mut document = shown.body["current"]["document"].clone();
    assert_eq!(put(&office, &document).await.expect(200).etag(), "\"1\"");
    // A letter for somebody else, and a new secret before the old.
    let sinks = &mut document["audiences"]["owner"]["sinks"];
    sinks[0]["to"] = "other@example.test".into();
    let new = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    sinks[3]["secrets"] = json!([new, sinks[3]["secrets"][0]]);
    let changed = put(&office, &document).await.expect(201);
    assert!(!changed.body.to_string().contains("whsec_"));
    let mut expected = whole();
    let sinks = &mut expected["audiences"]["owner"]["sinks"];
    sinks[0]["to"] = "other@example.test".into();
    sinks[3]["secrets"] = json!([new, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    assert_eq!(kept(&office).await, (2, expected));
    let (_, document) = kept(&office).await;
    assert!(Recipients::read(&document, Reach::Public, None).is_ok());
}

#[tokio::test]
async fn what_was_never_there_cannot_be_kept() {
    let office = Office::new().await;
    put(&office, &whole()).await.expect(201);
    let shown = office.send(Request::new("GET /v1/recipients")).await;
    let empty = Office::new().await;
    let refused = put(&empty, &shown.body["current"]["document"])
        .await
        .expect(422);
    let faults = refused.faults();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|fault| fault.ends_with("nothing-to-keep"))
    );
}

#[tokio::test]
async fn addresses_are_judged_as_they_are_when_they_are_called() {
    let office = Office::new().await;
    for (url, code) in [
        ("https://169.254.169.254/latest", "not-public"),
        ("https://10.0.0.1/", "not-public"),
        ("https://localhost/", "not-public"),
        ("http://desk.example.test/", "not-https"),
        ("https://u:p@desk.example.test/", "user-name"),
        ("https://desk.example.test:22/", "invalid-port"),
        ("https://2130706433/", "invalid-address"),
    ] {
        let mut document = whole();
        document["audiences"]["owner"]["sinks"][3]["url"] = url.into();
        let refused = put(&office, &document).await.expect(422);
        let expected = format!("/audiences/owner/sinks/3/url {code}");
        assert_eq!(refused.faults(), [expected], "{url}");
        assert!(
            !refused.body.to_string().contains(url),
            "a fault never repeats a value"
        );
    }
    // On one's own machine anything goes.
    let local = Office::with(&[("WEBHOOK_ALLOW_PRIVATE", "true")]).await;
    let mut document = whole();
    document["audiences"]["owner"]["sinks"][3]["url"] = "http://127.0.0.1:9/hook".into();
    put(&local, &document).await.expect(201);
}

#[tokio::test]
async fn they_apply_as_soon_as_they_are_known_and_are_for_admins() {
    let office = Office::new().await;
    let put = |query: &str| {
        let request = Request::new("PUT /v1/recipients")
            .query(query)
            .json(&whole());
        office.send(request)
    };
    let refused = put("active_from=2026-11-03T00:00:00Z").await.expect(422);
    assert_eq!(refused.faults(), ["active_from unexpected"]);
    let run = put("dry_run=true").await.expect(200).body;
    assert_eq!((&run["version"], &run["looked_at"]), (&json!(1), &json!(0)));
    put("").await.expect(201);
    let run = put("dry_run=true").await.expect(200).body;
    assert_eq!(
        (&run["version"], &run["unchanged"]),
        (&json!(1), &json!(true))
    );
    let get = Request::new("GET /v1/recipients").at(after(0));
    let agent = get.scopes("resound/cases.read resound/cases.write");
    assert_eq!(office.send(agent).await.expect(403).body["role"], "admin");
}
