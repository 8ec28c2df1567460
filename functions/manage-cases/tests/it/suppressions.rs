//! The suppression list, by address.

use jiff::SignedDuration;
use resound_domain::contact::Reason;
use resound_domain::phone::E164;
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::sms;
use resound_store::Suppressed;
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{Answer, Desk, Request};

const LIST: &str = "POST /v1/suppressions";
const LOOK_UP: &str = "POST /v1/suppressions/lookup";
const LIFT: &str = "POST /v1/suppressions/lift";
const WHY: &str = "They asked us to on the phone.";

fn whom() -> Value {
    json!({"medium": "email", "address": "Li@Example.test"})
}

fn with(mut body: Value, more: &Value) -> Value {
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

async fn send(desk: &Desk, route: &str, body: &Value) -> Answer {
    let request = Request::route(route).scopes("resound/cases.manage resound/admin");
    desk.send(request.body(&body.to_string())).await
}

async fn reasons(desk: &Desk) -> Vec<String> {
    let shown = send(desk, LOOK_UP, &whom()).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let standing = shown.body["suppressions"].as_array().unwrap();
    let names = standing.iter().map(|entry| entry["reason"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_bounced_is_found_by_its_address_and_lifted_with_a_trail() {
    let desk = Desk::new().await;
    assert_eq!(reasons(&desk).await, [""; 0]);
    let contact = Mailbox::new("li@example.test").unwrap().contact();
    let before = start() - SignedDuration::from_hours(2);
    let (store, bounced) = (&desk.aws.store, Reason::HardBounce);
    let listed = store.suppress(contact, bounced, before, Some("0100")).await;
    assert_eq!(listed.unwrap(), Suppressed::New);
    let shown = send(&desk, LOOK_UP, &whom()).await.body;
    let entry =
        json!({"reason": "hard_bounce", "since": before, "source": "0100", "stops": "everything"});
    assert_eq!(shown["suppressions"], json!([entry]));
    assert_eq!(shown["contact"], contact.to_string());
    assert!(!shown.to_string().to_lowercase().contains("example"));

    let lift = with(whom(), &json!({"reason": "hard_bounce", "why": WHY}));
    for _ in 0..2 {
        let lifted = send(&desk, LIFT, &lift).await;
        assert_eq!(lifted.status, 200, "{lifted:?}");
        assert_eq!(lifted.body["suppressions"], json!([]));
        let changes = lifted.body["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 1, "a repeat changes nothing");
        let change = &changes[0];
        assert_eq!(
            (&change["type"], &change["reason"]),
            (&json!("lifted"), &json!("hard_bounce"))
        );
        assert_eq!(
            (&change["by"], &change["why"]),
            (&json!("agent-7"), &json!(WHY))
        );
    }
    // The report of a bounce from before comes late.
    let late = store.suppress(contact, bounced, before, Some("0100")).await;
    assert_eq!(late.unwrap(), Suppressed::Lifted);
    assert_eq!(reasons(&desk).await, [""; 0]);
}

#[tokio::test]
async fn staff_put_an_address_on_the_list_and_take_it_off() {
    let desk = Desk::new().await;
    let list = with(whom(), &json!({"why": WHY}));
    for _ in 0..2 {
        assert_eq!(send(&desk, LIST, &list).await.status, 200);
    }
    assert_eq!(reasons(&desk).await, ["by_hand"]);
    // One reason is not another.
    let other = with(whom(), &json!({"reason": "complaint", "why": WHY}));
    assert_eq!(send(&desk, LIFT, &other).await.status, 200);
    assert_eq!(reasons(&desk).await, ["by_hand"]);
    let lift = with(whom(), &json!({"reason": "by_hand", "why": WHY}));
    let lifted = send(&desk, LIFT, &lift).await.body;
    assert_eq!(lifted["suppressions"], json!([]));
    let changes = lifted["changes"].as_array().unwrap().iter();
    let types: Vec<_> = changes.map(|change| change["type"].clone()).collect();
    assert_eq!(types, ["listed", "lifted"]);
}

#[tokio::test]
async fn a_number_is_known_however_it_is_written() {
    let desk = Desk::new().await;
    let written = json!({"medium": "sms", "address": "0086 138-0013-8000", "why": WHY});
    let listed = send(&desk, LIST, &written).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let number = E164::read("+86 138 0013 8000", None).unwrap();
    assert_eq!(listed.body["contact"], sms::contact(&number).to_string());
    let same = json!({"medium": "sms", "address": "+8613800138000"});
    let shown = send(&desk, LOOK_UP, &same).await.body;
    assert_eq!(shown["suppressions"][0]["reason"], "by_hand");
}

#[tokio::test]
async fn every_fault_is_named_and_nothing_is_written() {
    let desk = Desk::new().await;
    for (body, expected) in [
        (
            json!({}),
            &[
                ("medium", "required"),
                ("address", "required"),
                ("reason", "required"),
                ("why", "required"),
            ][..],
        ),
        (
            json!({"medium": "fax", "address": 7, "reason": "soft_bounce", "why": " "}),
            &[
                ("medium", "unknown-value"),
                ("address", "wrong-type"),
                ("reason", "unknown-value"),
                ("why", "blank"),
            ],
        ),
        (
            json!({"medium": "email", "address": "Li <li@example.test>", "reason": "by_hand", "why": "li@example.test asked"}),
            &[("address", "invalid-address"), ("why", "personal-data")],
        ),
        (
            json!({"medium": "sms", "address": "13800138000", "reason": "by_hand", "why": "x".repeat(2001)}),
            &[("address", "invalid-address"), ("why", "too-long")],
        ),
    ] {
        let refused = send(&desk, LIFT, &body).await;
        assert_eq!(refused.status, 422, "{body}");
        let faults = refused.faults();
        let faults: Vec<_> = faults
            .iter()
            .map(|(f, c)| (f.as_str(), c.as_str()))
            .collect();
        assert_eq!(faults, expected, "{body}");
        let said = refused.body.to_string();
        assert!(!said.contains("li@") && !said.contains("1380013"), "{said}");
    }
    let twice = r#"{"medium": "email", "medium": "sms", "address": "li@example.test"}"#;
    let refused = desk.send(Request::route(LOOK_UP).body(twice)).await;
    assert_eq!(refused.faults()[0].1, "duplicated");
    assert_eq!(reasons(&desk).await, [""; 0]);
}

#[tokio::test]
async fn leads_look_up_and_list_and_admins_lift() {
    let desk = Desk::new().await;
    let lift = with(whom(), &json!({"reason": "by_hand", "why": WHY}));
    for (route, scopes, status) in [
        (LIST, "resound/cases.read resound/cases.write", 403),
        (LOOK_UP, "resound/cases.read resound/cases.write", 403),
        (LIFT, "resound/cases.manage", 403),
        (LIST, "resound/cases.manage", 200),
        (LOOK_UP, "resound/cases.manage", 200),
        (LIFT, "resound/admin", 200),
    ] {
        let request = Request::route(route).scopes(scopes).body(&lift.to_string());
        assert_eq!(desk.send(request).await.status, status, "{route} {scopes}");
    }
}
