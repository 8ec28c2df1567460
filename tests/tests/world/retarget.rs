//! Other rules begin to apply while cases are open.

use jiff::{SignedDuration, Timestamp};
use resound_domain::book::Book;
use resound_domain::calendar::Calendars;
use resound_domain::case::Case;
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::policy::{Origin, Policy, Priority};
use resound_domain::response::Response;
use resound_domain::submission::{Channel, Submission};
use resound_domain::triage::{Input, triage};
use resound_store::{Accepted, ConfigKind, Digest, Published, Stage};
use resound_tests::World;
use resound_tests::faults::Fault;
use resound_tests::world::Ended;
use serde_json::json;

use crate::main_job::complaint;

/// Publishes a policy by which everybody is answered within this time, from so long on.
pub(crate) async fn answered_within(world: &World, version: u32, within: &str, from: &str) {
    let within: SignedDuration = within.parse().unwrap();
    let from: SignedDuration = from.parse().unwrap();
    let mut policy = Policy {
        version,
        active_from: Some(world.now() + from),
        ..Policy::default()
    };
    let targets = &mut policy.targets;
    for targets in [
        &mut targets.p1,
        &mut targets.p2,
        &mut targets.p3,
        &mut targets.p4,
    ] {
        targets.first_response.duration = within;
    }
    let kind = ConfigKind::Policy;
    let published = world.store.publish_config(kind, version, &policy).await;
    assert_eq!(published.unwrap(), Published::Published);
}

/// Lets time pass up to an instant, with a sweep every five minutes.
async fn sweeps(world: &mut World, until: Timestamp) {
    while world.now() < until {
        world.leap("PT5M");
        world.pass(SignedDuration::from_mins(5));
        world.sweep().await;
    }
    world.drain().await;
}

/// The log of a case with the minutes since its opening.
async fn timeline(world: &World, case: CaseId) -> Vec<(&'static str, i64)> {
    let events = world.history(case).await.events;
    let opened = events[0].event.at;
    let entry = |event: &resound_domain::event::Event| {
        let since = event.at.duration_since(opened);
        (event.kind.name(), since.as_secs() / 60)
    };
    events.iter().map(|stored| entry(&stored.event)).collect()
}

#[tokio::test]
async fn a_deadline_that_moves_nearer_is_kept_and_the_old_one_never_alerts() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    world.settle().await;
    let opened = world.now();
    let after = |minutes| opened + SignedDuration::from_mins(minutes);
    assert_eq!(receipt.respond_by, Some(after(24 * 60)));
    // From a day to an hour, ten minutes after the case was opened.
    answered_within(&world, 1, "PT1H", "PT10M").await;
    sweeps(&mut world, after(5)).await;
    assert_eq!(timeline(&world, receipt.case).await, [("opened", 0)]);
    sweeps(&mut world, after(65)).await;
    let expected = [
        ("opened", 0),
        ("retargeted", 10),
        ("warned", 45),
        ("breached", 60),
    ];
    assert_eq!(timeline(&world, receipt.case).await, expected);
    // The warning and the breach.
    assert_eq!(world.alerts().len(), 2);

    // The ladder of the new deadline, and when the old one has passed, with its warning, nothing more.
    sweeps(&mut world, after(125)).await;
    world.advance("PT24H").await;
    world.settle().await;
    let log = timeline(&world, receipt.case).await;
    let rungs = [("escalated", 75), ("escalated", 90), ("escalated", 120)];
    assert_eq!(log[expected.len()..], rungs);
    assert_eq!(world.alerts().len(), 5);
}

#[tokio::test]
async fn a_deadline_that_moves_away_does_not_alert_at_the_old_time() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    world.settle().await;
    let opened = world.now();
    answered_within(&world, 1, "PT40H", "PT10M").await;
    sweeps(&mut world, opened + SignedDuration::from_mins(15)).await;
    // The old warning and the old deadline.
    for time in ["PT18H", "PT6H"] {
        world.advance(time).await;
        let log = timeline(&world, receipt.case).await;
        assert_eq!(log, [("opened", 0), ("retargeted", 10)]);
    }
    world.advance("PT6H").await;
    world.settle().await;
    let log = timeline(&world, receipt.case).await;
    assert_eq!(log[2..], [("warned", 30 * 60)]);
    assert_eq!(world.alerts().len(), 1);
}

#[tokio::test]
async fn what_is_due_goes_before_the_walk() {
    let mut world = World::new().await;
    let due = world.submit(complaint()).await.case;
    world.leap("PT6H");
    let other = world.submit(complaint()).await.case;
    world.settle().await;
    answered_within(&world, 1, "PT36H", "PT15H").await;
    // The first was to be warned of, by the rules of then, before other ones began.
    world.leap("PT15H");
    world.pass(SignedDuration::from_mins(2));
    // The first update is that of the walk.
    world
        .faults
        .plan_at("DynamoDB.UpdateItem", Fault::KilledBefore);
    assert_eq!(sweep_once(&mut world).await, Ended::Killed);
    let struck = world.faults.struck();
    assert_eq!(struck.as_deref(), Some("DynamoDB.UpdateItem"));
    assert_eq!(world.log(due).await, ["opened", "warned", "retargeted"]);
    assert_eq!(world.log(other).await, ["opened"]);
    world.faults.clear();
    world.settle().await;
    assert_eq!(world.log(other).await, ["opened", "retargeted"]);
}

#[tokio::test]
async fn a_walk_that_is_killed_after_each_page_goes_on_where_it_was() {
    let mut world = World::new().await;
    world.settle().await;
    let mut cases = Vec::new();
    for bits in 0..205_u128 {
        // All in one partition of the queue: three pages.
        cases.push(plant(&world, bits * 4).await);
    }
    answered_within(&world, 1, "PT1H", "PT2M").await;
    world.leap("PT3M");
    world.pass(SignedDuration::from_mins(3));
    let (mut kills, mut written) = (0, 0);
    loop {
        world
            .faults
            .plan_at("DynamoDB.UpdateItem", Fault::KilledAfter);
        let ended = sweep_once(&mut world).await;
        let calls = world.faults.calls();
        written += calls
            .iter()
            .filter(|call| *call == "DynamoDB.TransactWriteItems")
            .count();
        if let Ended::Returned(_) = ended {
            break;
        }
        kills += 1;
        assert!(kills < 50, "it does not come on");
    }
    world.faults.clear();
    // The beginning, two pages of the partition that is full, and the ends of all.
    assert_eq!(kills, 4);
    assert_eq!(written, cases.len(), "nothing was done twice");
    for case in cases {
        assert_eq!(world.log(case).await, ["opened", "retargeted"]);
    }
    world.settle().await;
    let walk = world.store.walk().await.unwrap().unwrap();
    assert_eq!(walk.stage(world.machine_now()), Stage::Waiting);
}

/// Runs the sweep once, as a scheduler does that does not try again.
async fn sweep_once(world: &mut World) -> Ended {
    let tick = json!({"time": world.now()});
    world.invoke("alert-breaches", tick).await
}

/// An open case as `submit-feedback` would have written it.
async fn plant(world: &World, bits: u128) -> CaseId {
    let id = ResponseId::from_bits(bits);
    let submission: Submission = serde_json::from_value(json!({
        "form": "default", "channel": "web", "locale": "en", "text": "It is broken.",
    }))
    .unwrap();
    let book = Book::built_in(Calendars::office_hours("Asia/Shanghai").unwrap());
    let origin = Origin::by(Channel::Web);
    let opened = Case::open(id.case(), world.now(), Priority::P3, origin, &book);
    let case = Case::begin(&opened).unwrap();
    let response = Response {
        id,
        received_at: world.now(),
        day: jiff::civil::date(2026, 11, 2),
        triage: triage(&Input::from(&submission)),
        submission,
        promise: case.clocks().promise(),
        trace_id: None,
        amended: None,
    };
    let written = Some((&case, &opened));
    let accepted = world
        .store
        .accept(&response, &Digest([0; 32]), written, world.machine_now());
    assert_eq!(accepted.await.unwrap(), Accepted::New);
    case.id()
}
