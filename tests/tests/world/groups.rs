//! Alerts in groups: a storm is one message, nothing in it is lost, and nights are quiet.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use resound_domain::id::CaseId;
use resound_domain::policy::Audience;
use resound_store::{ConfigKind, NoticeStatus, Outcome, Published, Recipient};
use resound_tests::rng::Rng;
use resound_tests::world::Mischief;
use resound_tests::{World, ledger};
use serde_json::{Value, json};

/// As deployed.
const SECONDS: u32 = 60;
const STORM: usize = 50;

/// A complaint of the priority P3 whose first answer is promised within a day.
fn complaint() -> Value {
    json!({"text": "The box was broken when it came.", "nps": 4, "locale": "en"})
}

fn fire() -> Value {
    json!({"text": "充电器起火了，非常危险！", "nps": 0})
}

async fn submit(world: &mut World, n: usize, feedback: &Value) -> CaseId {
    let key = format!("groups-{n}-0123456789");
    let answer = world.submit_patiently(feedback, &key).await.expect(201);
    resound_tests::world::receipt(&answer).case
}

/// Cases that are warned of by the next sweep.
async fn almost_late(world: &mut World, count: usize) -> BTreeSet<CaseId> {
    let mut cases = BTreeSet::new();
    for n in 0..count {
        cases.insert(submit(world, n, &complaint()).await);
    }
    world.drain().await;
    world.leap("PT23H");
    cases
}

/// From when until when nights are quiet.
const NIGHT: (&str, &str) = ("22:00", "08:00");

/// Publishes how everybody is told: by these sinks, but not within these hours.
pub(crate) async fn publish(world: &World, sinks: Value, (from, to): (&str, &str)) {
    let quiet = json!({"from": from, "to": to});
    let owner =
        json!({"locale": "en", "time_zone": "Asia/Shanghai", "sinks": sinks, "quiet_hours": quiet});
    let document = json!({"audiences": {"owner": owner}});
    let published = world
        .store
        .publish_config(ConfigKind::Recipients, 1, &document);
    assert_eq!(published.await.unwrap(), Published::Published);
}

fn letter() -> Value {
    json!({"name": "mail", "kind": "email", "to": "owner@example.com"})
}

/// What came of the warning of a case by a sink, and in how many attempts.
async fn outcome(world: &World, case: CaseId, sink: &str) -> (Option<Outcome>, u32) {
    let history = world.history(case).await;
    let mut log = history.events.iter();
    let warned = log.find(|stored| stored.event.kind.name() == "warned");
    let seq = warned.unwrap().event.seq;
    let owner = Recipient::Staff(Audience::Owner);
    let notices = world.store.notices_of(case, seq, owner).await.unwrap();
    let mut notices = notices.into_iter();
    let notice = notices.find(|notice| notice.key.medium.name() == sink);
    let notice = notice.unwrap();
    let outcome = match notice.status {
        NoticeStatus::Recorded { outcome, .. } => Some(outcome),
        NoticeStatus::InProgress { .. } | NoticeStatus::Released => None,
    };
    (outcome, notice.attempts)
}

#[tokio::test]
async fn a_storm_is_one_message_and_nothing_in_it_is_lost() {
    let mut world = World::new().await;
    world.group_alerts(SECONDS);
    publish(&world, json!([letter()]), NIGHT).await;
    let cases = almost_late(&mut world, STORM).await;
    world.sweep().await;
    world.deliver().await;
    assert!(world.letters().is_empty(), "they wait for others");
    world.pass(SignedDuration::from_secs(60));
    world.deliver().await;
    let [storm] = <[_; 1]>::try_from(world.letters()).expect("one letter");
    assert_eq!(storm.subject, "50 alerts: P3 50");
    for case in cases {
        let link = format!("/v1/cases/{case}\n");
        assert_eq!(storm.text.matches(&link).count(), 1, "{case}");
        let (told, attempts) = outcome(&world, case, "mail").await;
        assert!(matches!(told, Some(Outcome::Sent { .. })));
        assert_eq!(attempts, 1);
    }
    world.settle().await;
    assert_eq!(world.letters().len(), 1, "told once");
}

#[tokio::test]
async fn a_recipient_who_fails_for_days_repeats_no_other() {
    let mut world = World::new().await;
    world.group_alerts(SECONDS);
    // Nobody listens there.
    let dead = json!({"name": "dead", "kind": "webhook", "url": "http://127.0.0.1:9/", "secrets": [resound_tests::world::WEBHOOK_SECRET]});
    publish(&world, json!([letter(), dead]), NIGHT).await;
    let cases = almost_late(&mut world, 2).await;
    world.sweep().await;
    world.drain().await;
    world.settle().await;
    assert_eq!(world.letters().len(), 1, "told once");
    for case in cases {
        let (told, attempts) = outcome(&world, case, "mail").await;
        assert!(matches!(told, Some(Outcome::Sent { .. })));
        assert_eq!(attempts, 1);
        let dead = outcome(&world, case, "dead").await;
        assert_eq!(dead, (Some(Outcome::Refused), 10), "after three days");
    }
}

#[tokio::test]
async fn quiet_hours_keep_what_can_wait_until_the_morning_and_never_the_highest_priority() {
    let mut world = World::new().await;
    world.group_alerts(SECONDS);
    publish(&world, json!([letter()]), NIGHT).await;
    let cases = almost_late(&mut world, 3).await;
    // From ten in the morning to half past ten at night.
    world.pass(SignedDuration::from_mins(12 * 60 + 30));
    world.sweep().await;
    world.drain().await;
    let severe = submit(&mut world, STORM, &fire()).await;
    world.deliver().await;
    world.pass(SignedDuration::from_secs(5));
    world.deliver().await;
    // The executive is stood in for by the owner, whose quiet hours they are.
    let [urgent] = <[_; 1]>::try_from(world.letters()).expect("one letter");
    assert_eq!(urgent.about, Some(severe.to_string()));
    world.drain().await;

    // Minute by minute until the morning the sweep finds nothing to repair.
    for _ in 0..9 {
        world.pass(SignedDuration::from_hours(1));
        world.sweep().await;
        world.drain().await;
        assert_eq!(world.letters().len(), 1);
    }
    let morning = "2026-11-03T00:00:00Z".parse().expect("eight in Shanghai");
    let rest = world.machine_now().duration_until(morning);
    world.pass(rest - SignedDuration::from_secs(1));
    world.sweep().await;
    world.deliver().await;
    assert_eq!(world.letters().len(), 1);
    world.pass(SignedDuration::from_secs(1));
    world.sweep().await;
    world.deliver().await;
    let letters = world.letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[1].subject, "3 alerts: P3 3");
    for case in cases {
        assert!(letters[1].text.contains(&format!("/v1/cases/{case}\n")));
    }
    world.settle().await;
    assert_eq!(world.letters().len(), 2);
}

#[tokio::test]
async fn each_warning_breach_and_rung_is_told_once_under_duplicates_and_in_any_order() {
    for seed in 0..2 {
        let mut world = World::new().await;
        world.group_alerts(SECONDS);
        world.mischief = Some(Mischief {
            rng: Rng::new(seed),
            duplicates: 40,
            reorders: true,
        });
        for n in 0..6 {
            let feedback = if n % 3 == 0 { fire() } else { complaint() };
            submit(&mut world, n, &feedback).await;
            world.leap("PT5H");
            world.sweep().await;
            world.deliver().await;
            world.pass(SignedDuration::from_secs(20));
        }
        for _ in 0..6 {
            world.leap("PT12H");
            world.sweep().await;
            world.deliver().await;
            world.pass(SignedDuration::from_secs(40));
        }
        world.mischief = None;
        world.settle().await;
        for function in ["close-loop", "notify-staff"] {
            let dead = world.dead_letters_of(function);
            world.sqs().redrive(&dead).unwrap();
        }
        world.settle().await;
        let tally = ledger::check(&world);
        assert_eq!(tally.repeated, 0, "seed {seed}: {tally:?}");
        assert!(tally.alerts > 50, "seed {seed}: {tally:?}");
        let messages = world.alerts().len();
        assert!(messages * 2 < tally.alerts / 2, "{messages} for {tally:?}");
    }
}

/// An older version tells each alert by itself. It finds in the ledger what is in a group as an attempt that is under way
/// until the group is due; then it makes its own.
#[tokio::test]
async fn a_version_without_groups_tells_what_is_in_one_and_none_is_lost() {
    let mut world = World::new().await;
    world.group_alerts(SECONDS);
    let cases = almost_late(&mut world, 2).await;
    world.sweep().await;
    world.deliver().await;
    let queue = world.queue_of("notify-staff");
    world.purge(&queue);
    world.group_alerts(0);
    world.settle().await;
    for case in &cases {
        for medium in ["email", "webhook"] {
            let (told, attempts) = outcome(&world, *case, medium).await;
            assert!(
                matches!(told, Some(Outcome::Sent { .. })),
                "{medium}: {told:?}"
            );
            assert_eq!(attempts, 2);
        }
    }
    assert_eq!(world.alerts().len(), cases.len());

    // Back again: the group that nobody sent is left, and the next alerts are in the next.
    world.group_alerts(SECONDS);
    world.advance("PT2H").await;
    world.settle().await;
    let several = world.alerts().into_iter().map(|webhook| webhook.json());
    let several: Vec<Value> = several.filter(|w| w["type"] == "alerts.grouped").collect();
    assert_eq!(several.len(), 1, "the breaches");
    assert_eq!(several[0]["data"]["count"], 2);
}
