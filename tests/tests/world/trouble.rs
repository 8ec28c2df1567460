//! What is lost, late, doubled, out of order or poisoned.

use jiff::SignedDuration;
use resound_domain::event::Effect;
use resound_domain::id::CaseId;
use resound_lambda_kit::timing;
use resound_messages::{EffectDue, Message, encode};
use resound_store::{Resumed, repair};
use resound_tests::faults::Fault;
use resound_tests::rng::Rng;
use resound_tests::table::{canonical, differences, unsettled};
use resound_tests::world::Mischief;
use resound_tests::{World, ledger};
use serde_json::{Value, json};

use crate::main_job::complaint;

#[tokio::test]
#[should_panic(expected = "this is left to do")]
async fn a_world_says_what_was_left_undone() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    let reply = json!({"command": "reply", "message": "One moment."});
    world.command(case, reply).await;
    world.relay_only().await;
}

#[tokio::test]
async fn a_lost_queue_delays_and_does_not_lose() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    let resolve = json!({"command": "resolve", "message": "Done."});
    world.command(case, resolve).await;
    world.relay_only().await;
    world.purge(&world.queue_of("close-loop"));
    world.sweep().await;
    world.drain().await;
    assert!(world.mails().is_empty(), "its back-off is not over");
    world.pass(timing::FIRST_BACK_OFF);
    world.sweep().await;
    world.drain().await;
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn a_restart_delays_and_does_not_lose() {
    let mut world = World::new().await;
    world.submit(complaint()).await;
    world.leap("PT25H");
    world.sweep().await;
    world.relay_only().await;
    world.restart();
    world.settle().await;
    assert_eq!(world.alerts().len(), 2, "a warning and a breach");
    ledger::check(&world);
}

#[tokio::test]
async fn a_message_that_expired_is_sent_again() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    world
        .command(
            case,
            json!({"command": "decline", "reason": "We do not make it any more."}),
        )
        .await;
    world.relay_only().await;
    // Longer than the queue keeps a message.
    world.pass(SignedDuration::from_hours(24 * 5));
    world.drain().await;
    assert!(world.mails().is_empty(), "it expired");
    world.settle().await;
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn a_redrive_of_dead_letters_sends_nothing_twice() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    world
        .command(case, json!({"command": "resolve", "message": "Done."}))
        .await;
    world.drain().await;
    assert_eq!(world.mails().len(), 1);
    // The same message as if it had died before: a new id, and work that was done.
    let dead = world.dead_letters_of("close-loop");
    let due = EffectDue {
        effect: Effect::CustomerNotice,
        case,
        seq: 2,
        trace_id: None,
    };
    let body = encode(&Message::EffectDue(due)).unwrap();
    let queue = world.queue_of("close-loop");
    world.send(&queue, &body);
    world.send(&queue, &body);
    world.die(&queue).await;
    assert_eq!(world.count(&dead), 2);
    assert_eq!(world.sqs().redrive(&dead).unwrap().moved, 2);
    world.drain().await;
    assert_eq!(world.mails().len(), 1);
    ledger::check(&world);
}

#[tokio::test]
async fn a_poison_message_ends_in_the_dead_letters_and_holds_up_nobody() {
    let mut world = World::new().await;
    for function in ["close-loop", "notify-staff"] {
        for body in ["", "{}", r#"{"v":2,"message":{}}"#, "\u{1f4a9}"] {
            if !body.is_empty() {
                world.send(&world.queue_of(function), body);
            }
        }
    }
    let case = world.submit(complaint()).await.case;
    world
        .command(case, json!({"command": "resolve", "message": "Done."}))
        .await;
    world.drain().await;
    assert_eq!(world.mails().len(), 1);
    for function in ["close-loop", "notify-staff"] {
        let dead = world.dead_letters_of(function);
        assert_eq!(world.count(&dead), 3, "{dead}");
        world.purge(&dead);
    }
}

#[tokio::test]
async fn an_event_that_fails_for_days_is_stuck_and_can_be_resumed() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    world
        .command(case, json!({"command": "resolve", "message": "Done."}))
        .await;
    let queue = world.queue_of("close-loop");
    for _ in 0..=repair::ATTEMPTS {
        world.relay_only().await;
        world.purge(&queue);
        world.pass(repair::LONGEST_BACK_OFF);
        world.sweep().await;
    }
    assert!(
        matches!(unsettled(&world.dump())[..], [(_, _, true)]),
        "{:?}",
        world.left()
    );
    world.purge(&queue);
    world.settle().await;
    assert!(world.mails().is_empty(), "nobody tries any more");

    let stuck = world.store.stuck_events(10).await.unwrap().ready;
    let resumed = world
        .store
        .resume_stuck(&stuck[0], world.machine_now())
        .await;
    assert_eq!(resumed.unwrap(), Resumed::Resumed);
    world.settle().await;
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn duplicates_in_any_order_change_nothing() {
    for seed in 0..4 {
        let mut world = World::new().await;
        world.mischief = Some(Mischief {
            rng: Rng::new(seed),
            duplicates: 40,
            reorders: true,
        });
        let case = world.submit(complaint()).await.case;
        world.leap("P2D");
        world.sweep().await;
        for message in ["One.", "Two.", "Three."] {
            world
                .command(case, json!({"command": "reply", "message": message}))
                .await;
        }
        world.settle().await;
        assert_eq!(world.mails().len(), 3);
        let tally = ledger::check(&world);
        assert_eq!((tally.doubts, tally.repeated), (0, 0));
    }
}

#[tokio::test]
async fn a_late_sweep_tells_the_same_story() {
    let mut stories = Vec::new();
    for steps in [1, 60] {
        let mut world = World::new().await;
        let feedback = complaint();
        world
            .submit_patiently(&feedback, "late-sweep-0123456789")
            .await
            .expect(201);
        for _ in 0..steps {
            world.leap(&format!("PT{}H", 120 / steps));
            world.sweep().await;
        }
        world.settle().await;
        stories.push(canonical(&world.dump()));
    }
    let differences = differences(&stories[0], &stories[1]);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A case that is resolved, whose letter goes out while its sender is killed.
async fn killed_after_sending(world: &mut World) -> CaseId {
    let case = world.submit(complaint()).await.case;
    world
        .command(case, json!({"command": "resolve", "message": "Done."}))
        .await;
    world.relay_only().await;
    world.faults.plan_at("POST /v2/email", Fault::KilledAfter);
    case
}

/// What the ledger has of the letter about an entry of the timeline.
fn email(seen: &Value, entry: usize) -> Value {
    let notices = seen["timeline"][entry]["notices"].as_array().unwrap();
    let mut letters = notices.iter().filter(|n| n["channel"] == "email");
    letters.next().unwrap().clone()
}

#[tokio::test]
async fn a_letter_whose_answer_was_lost_is_found_by_what_the_provider_tells() {
    let mut world = World::new().await;
    let case = killed_after_sending(&mut world).await;
    world.settle().await;
    assert_eq!(world.log(case).await, ["opened", "resolved"]);
    let tally = ledger::check(&world);
    assert_eq!((tally.mails, tally.untold, tally.doubts), (1, 0, 0));
    assert_eq!(world.letters().len(), 1, "nobody is asked to look");
}

#[tokio::test]
async fn a_letter_of_which_nobody_tells_is_not_sent_again_and_a_person_looks() {
    let mut world = World::new().await;
    let case = killed_after_sending(&mut world).await;
    // What the provider tells waits, and is kept aside.
    let reports = world.queue_of("settle-notices");
    world.hold(&reports);
    world.settle().await;
    assert_eq!(
        world.log(case).await,
        ["opened", "resolved", "notice_in_doubt"]
    );
    let tally = ledger::check(&world);
    assert_eq!((tally.mails, tally.untold, tally.doubts), (1, 1, 1));
    let told: Vec<_> = world
        .letters()
        .into_iter()
        .map(|letter| letter.to)
        .collect();
    assert_eq!(told, ["ann@customer.example", "owner@example.com"]);
    // It comes after all: nothing is left to look at.
    world.release(&reports);
    world.settle().await;
    assert_eq!(
        world.log(case).await,
        ["opened", "resolved", "notice_in_doubt", "notice_found"]
    );
    let notice = email(&world.case(case).await, 1);
    assert_eq!(notice["status"], "sent");
    assert_eq!(notice["delivery"]["state"], "delivered");
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn a_letter_that_bounces_is_put_before_a_person_and_the_address_is_left_alone() {
    for late in [false, true] {
        let mut world = World::new().await;
        world.mischief = Some(Mischief {
            rng: Rng::new(7),
            duplicates: 50,
            reorders: true,
        });
        let mut feedback = complaint();
        feedback["contact"]["email"] = json!("bounce+1@simulator.amazonses.com");
        let case = world.submit(feedback.clone()).await.case;
        let reports = world.queue_of("settle-notices");
        if late {
            world.hold(&reports);
        }
        let reply = json!({"command": "reply", "message": "One moment."});
        world.command(case, reply).await;
        world.drain().await;
        if late {
            world.pass(SignedDuration::from_hours(72));
            world.release(&reports);
            world.drain().await;
        }
        assert_eq!(
            world.log(case).await,
            ["opened", "replied", "notice_failed", "notice_in_doubt"]
        );
        let notice = email(&world.case(case).await, 1);
        assert_eq!(notice["delivery"]["state"], "bounced");
        let alerts = world.alerts();
        let failed = alerts
            .iter()
            .filter(|a| a.json()["type"] == "case.notice_in_doubt");
        assert!(failed.count() >= 1);
        // The next answer, of this case and of any other, is not sent there.
        let before = world.mails().len();
        world
            .command(case, json!({"command": "resolve", "message": "Done."}))
            .await;
        let other = world.submit(feedback).await.case;
        world
            .command(other, json!({"command": "resolve", "message": "Done."}))
            .await;
        world.settle().await;
        assert_eq!(world.mails().len(), before);
        let notice = email(&world.case(other).await, 1);
        assert_eq!(notice["status"], "suppressed");
    }
}

#[tokio::test]
async fn who_complains_is_left_alone() {
    let mut world = World::new().await;
    let mut feedback = complaint();
    feedback["contact"]["email"] = json!("complaint@simulator.amazonses.com");
    let case = world.submit(feedback).await.case;
    for message in ["One moment.", "Nearly there."] {
        let reply = json!({"command": "reply", "message": message});
        world.command(case, reply).await;
        world.drain().await;
    }
    assert_eq!(world.mails().len(), 1);
    let seen = world.case(case).await;
    assert_eq!(email(&seen, 1)["delivery"]["state"], "complained");
    assert_eq!(email(&seen, 2)["status"], "suppressed");
}
