//! What each report leaves in the ledger, on the list and in the log.

use jiff::{SignedDuration, Timestamp};
use resound_domain::contact::{ByHand, Reason};
use resound_domain::delivery::{Fate, Fates};
use resound_domain::event::{EventKind, Failure};
use resound_domain::issue::Note;
use resound_store::{Lifted, NoticeStatus, Outcome, Recorded};
use resound_testing::start;
use serde_json::json;

use crate::support::{
    World, all_done, announced, case_id, contact, key, record, record_of_announcement, recorded,
};

fn failed(why: Failure) -> EventKind {
    EventKind::NoticeFailed {
        cause: 2,
        medium: "email".to_owned(),
        why,
    }
}

#[tokio::test]
async fn each_report_says_its_one_thing() {
    for (name, fate, reasons, log, counted) in [
        ("send", None, vec![], vec![], ""),
        (
            "delivery",
            Some(Fate::Delivered),
            vec![],
            vec![],
            "NoticesDelivered 1",
        ),
        (
            "bounce",
            Some(Fate::Bounced),
            vec![Reason::HardBounce],
            vec![failed(Failure::Bounced)],
            "NoticesBounced 1",
        ),
        (
            "bounce_transient",
            Some(Fate::Bounced),
            vec![],
            vec![failed(Failure::Bounced)],
            "NoticesBounced 1",
        ),
        (
            "complaint",
            Some(Fate::Complained),
            vec![Reason::Complaint],
            vec![],
            "NoticesComplained 1",
        ),
        (
            "reject",
            Some(Fate::Rejected),
            vec![],
            vec![failed(Failure::Rejected)],
            "NoticesRejected 1",
        ),
    ] {
        let world = World::sent().await;
        // Once more, as SQS may.
        for _ in 0..2 {
            assert_eq!(world.hear(&record(name)).await, all_done(), "{name}");
        }
        assert_eq!(
            world.notice().await.unwrap().delivery.fate(),
            fate,
            "{name}"
        );
        assert_eq!(world.reasons().await, reasons, "{name}");
        assert_eq!(world.log().await, log, "{name}");
        assert_eq!(world.metrics.summary(), counted, "{name}");
    }
}

#[tokio::test]
async fn a_bounce_has_reached_nobody_where_it_says_so_and_lists_only_what_is_for_good() {
    let sent_again = || json!([{"emailAddress": "li@example.test", "action": "delayed"}]);
    let given_up = || json!([{"emailAddress": "li@example.test", "action": "Failed"}]);
    let answered = || json!([{"emailAddress": "li@example.test"}]);
    for (kind, recipients, fate, is_listed) in [
        ("Permanent", given_up(), Fate::Bounced, true),
        ("Permanent", answered(), Fate::Bounced, true),
        // The server was out of reach for all of the 14 hours, or there is none.
        ("Transient", given_up(), Fate::Bounced, false),
        ("Undetermined", given_up(), Fate::Bounced, false),
        // Somebody is on holiday, and has the letter.
        ("Transient", answered(), Fate::SoftBounced, false),
        ("Undetermined", answered(), Fate::SoftBounced, false),
        ("Transient", sent_again(), Fate::SoftBounced, false),
        ("Transient", json!([]), Fate::SoftBounced, false),
        ("Teleported", json!(null), Fate::SoftBounced, false),
    ] {
        let mut told = record("bounce_transient");
        told["bounce"]["bounceType"] = kind.into();
        told["bounce"]["bounceSubType"] = "General".into();
        match recipients.is_null() {
            true => drop(
                told["bounce"]
                    .as_object_mut()
                    .unwrap()
                    .remove("bouncedRecipients"),
            ),
            false => told["bounce"]["bouncedRecipients"] = recipients.clone(),
        }
        let world = World::sent().await;
        assert_eq!(world.hear(&told).await, all_done(), "{kind} {recipients}");
        let delivery = world.notice().await.unwrap().delivery;
        assert_eq!(delivery.fate(), Some(fate), "{kind} {recipients}");
        let listed: Vec<_> = is_listed
            .then_some(Reason::HardBounce)
            .into_iter()
            .collect();
        assert_eq!(world.reasons().await, listed, "{kind} {recipients}");
        let log = fate.failure().map(failed);
        assert_eq!(
            world.log().await,
            Vec::from_iter(log),
            "{kind} {recipients}"
        );
    }
}

#[tokio::test]
async fn the_recorded_events_are_read_as_they_are() {
    for name in [
        "send",
        "delivery",
        "bounce",
        "bounce_transient",
        "complaint",
        "reject",
    ] {
        let world = World::sent().await;
        // They are about a case that is not here.
        assert_eq!(
            world.call(recorded(name), start()).await,
            all_done(),
            "{name}"
        );
        assert_eq!(world.metrics.summary(), "ReportsPassedOver 1", "{name}");
    }
}

#[tokio::test]
async fn reports_in_any_order_end_the_same() {
    let names = ["send", "delivery", "bounce", "complaint"];
    let mut ends = Vec::new();
    for turn in 0..names.len() {
        let world = World::sent().await;
        for n in 0..2 * names.len() {
            let name = names[(turn + n * 3) % names.len()];
            assert_eq!(world.hear(&record(name)).await, all_done());
        }
        let mut reasons = world.reasons().await;
        reasons.sort_unstable();
        ends.push((world.notice().await, reasons, world.log().await));
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
}

#[tokio::test]
async fn what_is_told_twice_with_two_times_is_kept_with_the_first_and_counted_once() {
    let mut later = record("delivery");
    later["delivery"]["timestamp"] = json!("2026-11-02T09:00:00Z");
    let earlier = record("delivery");
    let first: Timestamp = earlier["delivery"]["timestamp"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let world = World::sent().await;
    for told in [&later, &earlier, &later] {
        assert_eq!(world.hear(told).await, all_done());
    }
    let notice = world.notice().await.unwrap();
    assert_eq!(notice.delivery.delivered_at, Some(first));
    assert_eq!(world.metrics.summary(), "NoticesDelivered 1");

    let (world, _) = World::announcing().await;
    for mut told in [later, earlier] {
        told["mail"]["tags"]["entry"] = json!([announced().tag()]);
        assert_eq!(world.hear(&told).await, all_done());
    }
    let entry = world.aws.store.announced(announced()).await;
    assert_eq!(entry.unwrap().unwrap().delivery.delivered_at, Some(first));
    assert_eq!(world.metrics.summary(), "NoticesDelivered 1");
}

#[tokio::test]
async fn many_at_once_tell_of_a_failure_once() {
    let world = World::with(Outcome::Unknown).await;
    let mut event = recorded("bounce");
    let body = |name: &str| json!(record(name).to_string());
    let template = event["Records"][0].clone();
    let mut records = Vec::new();
    for (n, name) in ["bounce", "delivery", "bounce", "complaint", "send"]
        .into_iter()
        .enumerate()
    {
        let mut one = template.clone();
        one["messageId"] = format!("message-{n}").into();
        one["body"] = body(name);
        records.push(one);
    }
    event["Records"] = records.into();
    let mut reply = world.call(event.clone(), start()).await;
    for _ in 0..3 {
        if reply == all_done() {
            break;
        }
        reply = world.call(event.clone(), start()).await;
    }
    assert_eq!(reply, all_done());
    let log = world.log().await;
    let count = |wanted: EventKind| log.iter().filter(|kind| **kind == wanted).count();
    assert_eq!(count(failed(Failure::Bounced)), 1, "{log:?}");
    assert_eq!(count(EventKind::NoticeFound { cause: 2 }), 1, "{log:?}");
    assert_eq!(log.len(), 2);
}

#[tokio::test]
async fn a_letter_in_doubt_is_found() {
    let world = World::with(Outcome::Unknown).await;
    assert_eq!(world.hear(&record("delivery")).await, all_done());
    let notice = world.notice().await.unwrap();
    let NoticeStatus::Recorded {
        outcome: Outcome::Sent { provider_id },
        ..
    } = notice.status
    else {
        panic!("{notice:?}")
    };
    assert!(provider_id.unwrap().starts_with("0100019a43b5c0de-"));
    assert_eq!(world.log().await, [EventKind::NoticeFound { cause: 2 }]);
    assert_eq!(
        world.metrics.summary(),
        "NoticesDelivered 1, NoticesFound 1"
    );
    let history = world.aws.store.history(case_id()).await.unwrap().unwrap();
    let found = &history.events[2];
    assert_eq!(found.event.at, start(), "business time");
    assert!(
        found.open.is_empty() && found.repair.is_none(),
        "born settled"
    );
}

#[tokio::test]
async fn a_dead_letter_of_days_ago_does_not_undo_a_lifting() {
    let world = World::sent().await;
    assert_eq!(world.hear(&record("bounce")).await, all_done());
    let mended = start() + SignedDuration::from_hours(24);
    let hand = ByHand {
        at: mended,
        by: "ann".to_owned(),
        why: Note::new("They say that it works again.").unwrap(),
    };
    let store = &world.aws.store;
    let lifted = store.lift(contact(), Reason::HardBounce, &hand).await;
    assert_eq!(lifted.unwrap(), Lifted::Lifted);
    assert_eq!(world.hear(&record("bounce")).await, all_done());
    assert_eq!(world.reasons().await, []);
    let mut later = record("bounce");
    later["bounce"]["timestamp"] = json!(mended + SignedDuration::from_hours(1));
    assert_eq!(world.hear(&later).await, all_done());
    assert_eq!(world.reasons().await, [Reason::HardBounce]);
    assert_eq!(world.log().await.len(), 1);
}

#[tokio::test]
async fn the_address_a_letter_went_to_is_listed_and_not_where_it_was_sent_on() {
    let world = World::sent().await;
    let mut bounce = record("bounce");
    bounce["bounce"]["bouncedRecipients"][0]["emailAddress"] = json!("elsewhere@example.test");
    bounce["mail"]["destination"] = json!(["Li <LI@Example.test>"]);
    assert_eq!(world.hear(&bounce).await, all_done());
    assert_eq!(world.reasons().await, [Reason::HardBounce]);
}

#[tokio::test]
async fn what_is_taken_for_wanted_lists_nobody() {
    let world = World::sent().await;
    let mut wanted = record("complaint");
    wanted["complaint"]["complaintFeedbackType"] = json!("not-spam");
    assert_eq!(world.hear(&wanted).await, all_done());
    assert_eq!((world.reasons().await, world.log().await), (vec![], vec![]));
    // SES itself held this one back: the owner complained before.
    let mut held = record("complaint");
    held["complaint"]["complaintSubType"] = json!("OnAccountSuppressionList");
    assert_eq!(world.hear(&held).await, all_done());
    assert_eq!(world.reasons().await, [Reason::Complaint]);
    assert_eq!(world.log().await, [failed(Failure::Rejected)]);
}

#[tokio::test]
async fn what_is_not_about_a_letter_of_ours_is_dropped() {
    let world = World::sent().await;
    let before = world.notice().await;
    let mut staff = record("bounce");
    staff["mail"]["tags"]["audience"] = json!(["staff"]);
    let mut foreign = record("bounce");
    foreign["mail"]["tags"] = json!({"ses:configuration-set": ["other"]});
    let mut gone = record("delivery");
    gone["mail"]["tags"]["entry"] = json!([key().tag().replace("_2_", "_9_")]);
    let mut newer = record("delivery");
    newer["mail"]["tags"]["entry"] = json!(["told_01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    for record in [&staff, &foreign, &gone, &newer] {
        assert_eq!(world.hear(record).await, all_done(), "{record}");
    }
    assert_eq!(world.metrics.summary(), "ReportsPassedOver 4");
    assert_eq!(world.notice().await, before);
    assert_eq!((world.reasons().await, world.log().await), (vec![], vec![]));
}

#[tokio::test]
async fn an_entry_that_another_version_wrote_still_feeds_the_list() {
    let world = World::sent().await;
    let mut newer = record("bounce");
    newer["mail"]["tags"]["entry"] = json!(["told_01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
    assert_eq!(world.hear(&newer).await, all_done());
    assert_eq!(world.reasons().await, [Reason::HardBounce]);
}

#[tokio::test]
async fn a_letter_of_an_announcement_has_its_own_entry() {
    for (name, reasons, counted) in [
        ("send", vec![], ""),
        ("delivery", vec![], "NoticesDelivered 1"),
        ("bounce", vec![Reason::HardBounce], "NoticesBounced 1"),
        ("bounce_transient", vec![], "NoticesBounced 1"),
        ("complaint", vec![Reason::Complaint], "NoticesComplained 1"),
        ("reject", vec![], "NoticesRejected 1"),
    ] {
        // The answer of the provider is on its way, or was lost.
        let (world, _) = World::announcing().await;
        for _ in 0..2 {
            assert_eq!(world.hear(&record_of_announcement(name)).await, all_done());
        }
        let entry = world.aws.store.announced(announced()).await;
        let entry = entry.unwrap().unwrap();
        let NoticeStatus::Recorded { outcome, .. } = entry.status else {
            panic!("{name}: {:?}", entry.status)
        };
        assert!(matches!(outcome, Outcome::Sent { .. }), "{name}");
        assert_eq!(world.reasons().await, reasons, "{name}");
        assert_eq!(world.log().await, [], "{name}: no case tells of it");
        assert_eq!(world.metrics.summary(), counted, "{name}");
        let told = world
            .aws
            .store
            .deliveries(announced().occasion, announced().improvement)
            .await;
        let fate = entry.delivery.fate().unwrap_or(Fate::Accepted);
        assert_eq!(told.unwrap(), Fates::one(fate), "{name}");
    }
}

#[tokio::test]
async fn an_announcement_in_doubt_is_found_and_one_that_nobody_wrote_is_dropped() {
    let (world, lease) = World::announcing().await;
    let store = &world.aws.store;
    let doubted = store.record(&lease, &Outcome::Unknown, start()).await;
    assert_eq!(doubted.unwrap(), Recorded::Recorded);
    let delivery = record_of_announcement("delivery");
    assert_eq!(world.hear(&delivery).await, all_done());
    let entry = store.announced(announced()).await.unwrap().unwrap();
    assert!(!entry.is_in_doubt());
    let counted = "NoticesDelivered 1, NoticesFound 1";
    assert_eq!(world.metrics.summary(), counted);

    let world = World::resolved().await;
    assert_eq!(world.hear(&delivery).await, all_done());
    assert_eq!(world.metrics.summary(), "ReportsPassedOver 1");
}
