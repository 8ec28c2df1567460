//! What is told of text messages, and what that leaves in the ledger, on the list and in the log.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use resound_domain::contact::Reason;
use resound_domain::delivery::Fate;
use resound_domain::event::{EventKind, Failure};
use resound_domain::id::ContactId;
use resound_domain::phone::E164;
use resound_domain::route::Route;
use resound_lambda_kit::sms;
use resound_store::{Claim, Medium, Notice, NoticeKey, NoticeStatus, Outcome};
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{World, again, all_done, key, message, recorded};

const AT: i64 = 1_793_592_003_470;

fn text_key() -> NoticeKey {
    NoticeKey {
        medium: Medium::of(Route::Sms),
        ..key()
    }
}

fn number() -> ContactId {
    sms::contact(&E164::read("+14255550156", None).unwrap())
}

/// What is told in a recorded event, about the message of these tests.
fn record(name: &str) -> Value {
    let body = recorded(name)["Records"][0]["body"].clone();
    let mut record: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    record["context"]["entry"] = text_key().tag().into();
    record
}

/// The same of another type.
fn of_type(kind: &str, is_final: bool) -> Value {
    let mut record = record("text_invalid");
    record["eventType"] = kind.into();
    record["messageStatus"] = kind.trim_start_matches("TEXT_").into();
    record["isFinal"] = is_final.into();
    record
}

async fn with(outcome: Outcome) -> World {
    World::with_entry(text_key(), outcome).await
}

async fn sent() -> World {
    let provider_id = Some("862a8790-60c0-4430-9b2b-658bdexample".to_owned());
    with(Outcome::Sent { provider_id }).await
}

async fn notice(world: &World) -> Notice {
    world.aws.store.notice(text_key()).await.unwrap().unwrap()
}

async fn reasons(world: &World) -> Vec<Reason> {
    let listed = world.aws.store.suppressions(number()).await.unwrap();
    listed.into_iter().map(|entry| entry.reason).collect()
}

fn failed(why: Failure) -> Vec<EventKind> {
    vec![EventKind::NoticeFailed {
        cause: 2,
        medium: "sms".to_owned(),
        why,
    }]
}

#[tokio::test]
async fn each_type_says_its_one_thing() {
    let bounced = (Some(Fate::Bounced), Some(Failure::Bounced));
    let rejected = (Some(Fate::Rejected), Some(Failure::Rejected));
    let soft = (Some(Fate::SoftBounced), None);
    for (kind, is_final, (fate, failure), lists) in [
        ("TEXT_QUEUED", false, (None, None), false),
        ("TEXT_PENDING", false, (None, None), false),
        ("TEXT_SUCCESSFUL", true, (None, None), false),
        ("TEXT_DELIVERED", true, (Some(Fate::Delivered), None), false),
        ("TEXT_INVALID", true, bounced, true),
        ("TEXT_INVALID", false, soft, false),
        ("TEXT_INVALID_MESSAGE", true, rejected, false),
        ("TEXT_BLOCKED", true, rejected, false),
        ("TEXT_CARRIER_BLOCKED", true, rejected, false),
        ("TEXT_SPAM", true, rejected, false),
        ("TEXT_PROTECT_BLOCKED", true, rejected, false),
        ("TEXT_BLOCKED", false, soft, false),
        ("TEXT_UNREACHABLE", true, bounced, false),
        ("TEXT_CARRIER_UNREACHABLE", true, bounced, false),
        ("TEXT_TTL_EXPIRED", true, bounced, false),
        ("TEXT_CARRIER_UNREACHABLE", false, soft, false),
        // It may have arrived, so nobody is told once more.
        ("TEXT_UNKNOWN", true, soft, false),
        ("TEXT_TELEPORTED", true, (None, None), false),
    ] {
        let world = sent().await;
        for _ in 0..2 {
            let told = world.hear(&of_type(kind, is_final)).await;
            assert_eq!(told, all_done(), "{kind}");
        }
        let delivery = notice(&world).await.delivery;
        assert_eq!(delivery.fate(), fate, "{kind} {is_final}");
        if let Some(fate) = fate {
            let at = Timestamp::from_millisecond(AT).unwrap();
            assert_eq!(delivery.at(fate), Some(at));
        }
        let listed = reasons(&world).await;
        let expected = lists.then_some(Reason::HardBounce);
        assert_eq!(listed, Vec::from_iter(expected), "{kind} {is_final}");
        let log = failure.map_or_else(Vec::new, failed);
        assert_eq!(world.log().await, log, "{kind} {is_final}");
    }
}

#[tokio::test]
async fn the_recorded_events_are_read_as_they_are() {
    for name in ["text_successful", "text_delivered", "text_invalid"] {
        let world = sent().await;
        // They are about a case that is not here.
        let told = world.call(recorded(name), start()).await;
        assert_eq!(told, all_done(), "{name}");
        assert_eq!(world.metrics.summary(), "ReportsPassedOver 1", "{name}");
    }
}

#[tokio::test]
async fn reports_in_any_order_end_the_same() {
    let names = [
        of_type("TEXT_PENDING", false),
        of_type("TEXT_CARRIER_UNREACHABLE", false),
        of_type("TEXT_INVALID", true),
        of_type("TEXT_DELIVERED", true),
    ];
    let mut ends = Vec::new();
    for turn in 0..names.len() {
        let world = sent().await;
        for n in 0..2 * names.len() {
            let told = world.hear(&names[(turn + n * 3) % names.len()]).await;
            assert_eq!(told, all_done());
        }
        ends.push((
            notice(&world).await,
            reasons(&world).await,
            world.log().await,
        ));
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    assert_eq!(ends[0].2, failed(Failure::Bounced));
}

#[tokio::test]
async fn a_message_in_doubt_is_found() {
    for name in ["text_successful", "text_delivered"] {
        let world = with(Outcome::Unknown).await;
        assert_eq!(world.hear(&record(name)).await, all_done());
        assert!(matches!(
            notice(&world).await.status,
            NoticeStatus::Recorded {
                outcome: Outcome::Sent { provider_id: Some(id) },
                ..
            } if id == "862a8790-60c0-4430-9b2b-658bdexample"
        ));
        assert_eq!(
            world.log().await,
            [EventKind::NoticeFound { cause: 2 }],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_claim_that_stands_is_settled() {
    let world = World::resolved().await;
    let lease = SignedDuration::from_secs(30);
    let claim = world
        .aws
        .store
        .claim(text_key(), "a", start(), lease)
        .await
        .unwrap();
    assert!(matches!(claim, Claim::Fresh(_)));
    let told = world.hear(&record("text_successful")).await;
    assert_eq!(told, all_done());
    assert!(matches!(
        notice(&world).await.status,
        NoticeStatus::Recorded {
            outcome: Outcome::Sent { .. },
            ..
        }
    ));
    assert_eq!(world.log().await, []);
}

#[tokio::test]
async fn what_is_not_to_a_customer_is_passed_over() {
    let world = sent().await;
    for context in [json!(null), json!({}), json!({"about": "test"})] {
        let mut record = record("text_invalid");
        record["context"] = context;
        assert_eq!(world.hear(&record).await, all_done());
    }
    assert_eq!(reasons(&world).await, []);
    assert_eq!(world.metrics.summary(), "ReportsPassedOver 3");
}

#[tokio::test]
async fn what_the_service_does_not_write_goes_to_the_dead_letters() {
    let world = sent().await;
    for (member, value) in [
        ("eventTimestamp", json!("2026-11-02T02:00:03Z")),
        ("eventTimestamp", json!(i64::MAX)),
        ("isFinal", json!("true")),
        ("isFinal", Value::Null),
        ("destinationPhoneNumber", Value::Null),
        ("destinationPhoneNumber", json!("14255550156")),
        ("destinationPhoneNumber", json!("+1425555015x")),
        ("messageId", json!("")),
        ("messageId", json!("x".repeat(201))),
        ("messageId", json!("a\r\nb")),
        ("context", json!({"entry": 7})),
    ] {
        let mut record = record("text_invalid");
        record[member] = value;
        assert_eq!(world.hear(&record).await, again(), "{record}");
    }
    assert_eq!(world.log().await, []);
    assert_eq!(reasons(&world).await, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_type_and_no_entry_brings_it_down(kind in "TEXT_[A-Z_]{0,20}|.{0,20}", entry in ".{0,60}") {
        let mut record = record("text_invalid");
        record["eventType"] = kind.into();
        record["context"]["entry"] = entry.into();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::resolved().await;
            let told = world.call(message(&record.to_string()), start()).await;
            assert!(told == all_done() || told == again());
        });
    }
}
