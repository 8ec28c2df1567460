//! What SES does not write.

use proptest::prelude::*;
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{World, again, all_done, message, record};

#[tokio::test]
async fn the_greeting_of_ses_is_no_poison() {
    let world = World::resolved().await;
    let greeting = "Successfully validated SNS topic for Amazon SES event publishing.";
    assert_eq!(world.call(message(greeting), start()).await, all_done());
    // Types that nothing follows from, and those to come.
    for kind in [
        "Open",
        "Click",
        "DeliveryDelay",
        "Subscription",
        "Rendering Failure",
        "Teleport",
    ] {
        let mut other = record("send");
        other["eventType"] = kind.into();
        assert_eq!(world.hear(&other).await, all_done(), "{kind}");
    }
    assert_eq!(world.metrics.summary(), "");
}

#[tokio::test]
async fn what_ses_does_not_write_goes_to_the_dead_letters() {
    let world = World::sent().await;
    let change = |path: &str, value: Value| {
        let mut record = record("bounce");
        *record.pointer_mut(path).unwrap() = value;
        record.to_string()
    };
    for body in [
        String::new(),
        "not JSON".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        change("/mail", Value::Null),
        change("/bounce", Value::Null),
        change("/bounce/timestamp", json!("yesterday")),
        change("/bounce/timestamp", json!(1e300)),
        change("/mail/destination", json!([])),
        change(
            "/mail/destination",
            json!(["li@example.test", "all@example.test"]),
        ),
        change(
            "/mail/destination",
            json!(["li@example.test\r\nBcc: all@example.test"]),
        ),
        change("/mail/destination", json!([7])),
        change("/mail/messageId", json!("")),
        change("/mail/messageId", json!("x".repeat(201))),
        change("/mail/messageId", json!("a b\n")),
        change("/mail/tags/entry", json!("not a list")),
    ] {
        let shown: String = body.chars().take(200).collect();
        assert_eq!(
            world.call(message(&body), start()).await,
            again(),
            "{shown}"
        );
    }
    assert_eq!((world.reasons().await, world.log().await), (vec![], vec![]));
}

/// Any JSON, in the shape of a record as often as not.
fn any_record() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("Bounce")),
        Just(json!("Permanent")),
        Just(json!("2026-11-02T02:00:03.669Z")),
        Just(json!("li@example.test")),
    ];
    let name = prop_oneof![
        proptest::sample::select(vec![
            "eventType",
            "mail",
            "bounce",
            "complaint",
            "delivery",
            "timestamp",
            "messageId",
            "destination",
            "tags",
            "audience",
            "entry",
            "bounceType",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn no_record_brings_it_down() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::sent());
    let config = ProptestConfig::with_cases(300);
    proptest!(config, |(body in any_record(), path in proptest::sample::select(vec![
        "/eventType", "/mail", "/mail/timestamp", "/mail/messageId", "/mail/destination", "/mail/tags",
        "/mail/tags/entry", "/mail/tags/audience", "/bounce", "/bounce/bounceType", "/bounce/timestamp",
    ]))| {
        let mut spoilt = record("bounce");
        *spoilt.pointer_mut(path).unwrap() = body.clone();
        for record in [body, spoilt] {
            let reply = runtime.block_on(world.hear(&record));
            prop_assert!(reply == again() || reply == all_done(), "{}", reply);
        }
    });
}
