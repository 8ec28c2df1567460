//! Alerts in groups: one message to one recipient by one sink, and nothing in it lost or repeated.

use jiff::{SignedDuration, Timestamp};
use resound_domain::event::EventKind;
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::policy::{Audience, Priority};
use resound_lambda_kit::{BoxedFunction, timing};
use resound_sinks::retry::SCHEDULE;
use resound_store::{
    GroupClaim, GroupKey, Joined, Joining, Line, Medium, NoticeStatus, Outcome, Recipient,
};
use resound_testing::{Server, ZONE, start};
use serde_json::{Value, json};

use crate::support::{MAIL, World, again, all_done, case_id, message, message_about, message_of};

/// A minute, as deployed.
const MINUTE: &[(&str, &str)] = &[("ALERT_GROUP_SECONDS", "60")];
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MAIL_GROUP: &str = "owner/email/all/0000000001";
const HOOK_GROUP: &str = "owner/webhook/all/0000000001";

fn vars<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [MAIL, MINUTE, more].concat()
}

fn with_hook(server: &Server) -> Vec<(&str, &str)> {
    vars(&[
        ("ALERT_WEBHOOK_URL", server.url()),
        ("ALERT_WEBHOOK_SECRET", SECRET),
        ("WEBHOOK_ALLOW_PRIVATE", "true"),
    ])
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The message that a group may have to be sent.
fn group_due(group: &str) -> Value {
    let mut event = message();
    let due = json!({"type": "group_due", "group": group});
    event["Records"][0]["body"] = json!({"v": 1, "message": due}).to_string().into();
    event
}

/// A message that is handed out again because its last delivery failed.
fn received_again(mut event: Value) -> Value {
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("2");
    event
}

fn nth(n: u32) -> CaseId {
    ResponseId::from_bits(u128::from(n) << 64 | 7).case()
}

fn letter(name: &str, to: &str) -> Value {
    json!({"name": name, "kind": "email", "to": to})
}

/// A call that leaves nothing to be handed out again.
async fn done(world: &World, function: &BoxedFunction, event: Value, seconds: i64) {
    let reply = world.call(function, event, after(seconds)).await;
    assert_eq!(reply, all_done());
}

#[tokio::test]
async fn a_storm_is_one_message_and_one_that_fails_repeats_no_other() {
    const STORM: u32 = 60;
    let down = Server::answering(503, "");
    let healthy = Server::answering(204, "");
    let world = World::warned().await;
    for n in 1..STORM {
        world.add(nth(n), Priority::P2, None, 3).await;
    }
    let cases: Vec<CaseId> = (1..STORM).map(nth).chain([case_id()]).collect();
    let function = world.function(&with_hook(&down));
    for (n, case) in (0..).zip(&cases) {
        done(&world, &function, message_of(*case, 2), n * 59 / 60).await;
    }
    // Handed out twice, and too early: nothing more.
    done(&world, &function, message(), 55).await;
    assert_eq!(world.reminders(59).await, [""; 0]);
    assert_eq!(world.reminders(1).await, [MAIL_GROUP, HOOK_GROUP]);
    done(&world, &function, group_due(MAIL_GROUP), 59).await;
    assert_eq!(world.letters(), []);
    assert_eq!(world.reminders(1).await, [MAIL_GROUP], "it was early");

    done(&world, &function, group_due(MAIL_GROUP), 60).await;
    done(&world, &function, group_due(HOOK_GROUP), 60).await;
    done(&world, &function, group_due(MAIL_GROUP), 61).await;
    let expected = (
        "inbox@example.test".to_owned(),
        "60 alerts: P2 60".to_owned(),
    );
    assert_eq!(world.letters(), [expected]);
    assert!(!world.is_settled(2).await, "the webhook is still owed");
    assert_eq!(world.reminders(4).await, [""; 0]);
    assert_eq!(world.reminders(2).await, [HOOK_GROUP], "the first retry");

    let function = world.function(&with_hook(&healthy));
    done(&world, &function, group_due(HOOK_GROUP), 66).await;
    done(&world, &function, group_due(HOOK_GROUP), 181).await;
    assert_eq!(world.reminders(900).await, [""; 0]);
    assert_eq!(world.letters().len(), 1);
    let requests = healthy.requests();
    assert_eq!((down.requests().len(), requests.len()), (1, 1));
    assert_eq!(
        requests[0].header("webhook-id"),
        down.requests()[0].header("webhook-id")
    );
    let body: Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!(body["type"], "alerts.grouped");
    assert_eq!(body["data"]["count"], 60);
    let alerts = body["data"]["alerts"].as_array().unwrap().iter();
    let mut told: Vec<CaseId> = alerts
        .map(|alert| alert["data"]["case"].as_str().unwrap().parse().unwrap())
        .collect();
    told.sort();
    let mut owed = cases.clone();
    owed.sort();
    assert_eq!(told, owed, "each of them, once");
    for case in cases {
        assert!(world.is_settled_of(case, 2).await);
        let owner = Recipient::Staff(Audience::Owner);
        let notices = world.aws.store.notices_of(case, 2, owner).await.unwrap();
        let attempts: Vec<_> = notices.iter().map(|notice| notice.attempts).collect();
        assert_eq!(attempts, [1, 2], "letter, webhook");
        assert!(notices.iter().all(|notice| matches!(
            notice.status,
            NoticeStatus::Recorded {
                outcome: Outcome::Sent { .. },
                ..
            }
        )));
    }
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_by_the_published_schedule() {
    let busy = Server::busy_for(503, 40);
    let refusing = Server::answering(401, "");
    let world = World::warned().await;
    let own = |server: &Server| {
        let hook = with_hook(server).into_iter();
        let hook: Vec<_> = hook.filter(|(name, _)| *name != "MAIL_FROM").collect();
        world.function(&hook)
    };
    done(&world, &own(&busy), message(), 0).await;
    done(&world, &own(&busy), group_due(HOOK_GROUP), 60).await;
    world.reminders(60 + 39).await;
    // It asked for 40 s, the schedule for 5: neither comes sooner, nor another message about the event.
    done(&world, &own(&busy), group_due(HOOK_GROUP), 99).await;
    done(&world, &own(&busy), message(), 99).await;
    assert_eq!(busy.requests().len(), 1);
    let mut now = 105;
    for (attempts, scheduled) in (1_u32..).zip(&SCHEDULE[2..]) {
        world.reminders(900).await;
        let function = own(&refusing);
        done(&world, &function, group_due(HOOK_GROUP), now).await;
        // A message reminds of the next attempt if that is soon, or else the repair of the event.
        let wait = i64::try_from(scheduled.as_secs()).unwrap();
        let next = after(now + wait)..=after(now + wait * 11 / 10);
        let repair = world.repair_of(case_id(), 2).await.unwrap();
        match wait <= 600 {
            true => assert_eq!(world.reminders(330).await, [HOOK_GROUP]),
            false => assert!(next.contains(&repair), "{repair}"),
        }
        let early = now + wait - 1;
        done(&world, &function, group_due(HOOK_GROUP), early).await;
        assert_eq!(refusing.requests().len(), attempts as usize);
        now += wait * 11 / 10 + 1;
    }
    done(&world, &own(&refusing), group_due(HOOK_GROUP), now).await;
    let refused = ("owner webhook".to_owned(), (Outcome::Refused, 10));
    assert_eq!(world.outcomes().await, [refused].into());
    // Nobody was told: who is a recipient by the next repair is, and here nobody else is.
    assert!(!world.is_settled(2).await);
    done(&world, &own(&refusing), message(), now + 1).await;
    assert!(world.is_settled(2).await);
    assert_eq!(refusing.requests().len(), 9);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_not_asked_again_and_its_successor_is_told() {
    let gone = Server::answering(410, "");
    let world = World::warned().await;
    let hook = json!({"name": "desk", "kind": "webhook", "url": gone.url(), "secrets": [SECRET]});
    world.publish(1, json!([hook])).await;
    let private = ("WEBHOOK_ALLOW_PRIVATE", "true");
    let function = world.function(&vars(&[private]));
    done(&world, &function, message(), 0).await;
    let group = "owner/desk/all/0000000001";
    for seconds in [60, 66, 500] {
        done(&world, &function, group_due(group), seconds).await;
    }
    assert_eq!(gone.requests().len(), 1);
    assert!(!world.is_settled(2).await);
    world
        .publish(2, json!([letter("mail", "team@example.test")]))
        .await;
    let function = world.function(&vars(&[private]));
    done(&world, &function, message(), 540).await;
    assert!(world.is_settled(2).await);
    assert_eq!(world.letters()[0].0, "team@example.test");
    let outcomes = world.outcomes().await;
    assert_eq!(outcomes["owner desk"], (Outcome::Refused, 1));
    assert!(matches!(outcomes["owner mail"], (Outcome::Sent { .. }, 1)));
}

#[tokio::test]
async fn a_reminder_that_was_not_sent_is_sent_when_the_message_comes_again() {
    let world = World::warned().await;
    let lost = world.function(&vars(&[("STAFF_ALERTS_URL", "http://127.0.0.1:9/queue")]));
    let reply = world.call(&lost, message(), start()).await;
    assert_eq!(reply, again());
    assert_eq!(world.reminders(900).await, [""; 0]);
    let function = world.function(&vars(&[]));
    done(&world, &function, received_again(message()), 30).await;
    assert_eq!(world.reminders(30).await, [MAIL_GROUP]);
    // A repair is another message about the event, and leaves the one that is under way alone.
    done(&world, &function, message(), 31).await;
    assert_eq!(world.reminders(900).await, [""; 0]);
    done(&world, &function, group_due(MAIL_GROUP), 60).await;
    assert!(world.is_settled(2).await);
}

#[tokio::test]
async fn one_alert_reads_as_if_it_came_alone_and_a_lost_message_only_delays_it() {
    let world = World::warned().await;
    let function = world.function(&vars(&[]));
    done(&world, &function, message(), 0).await;
    assert_eq!(world.letters(), []);
    // The event's own repair.
    done(&world, &function, message(), 180).await;
    done(&world, &function, message(), 540).await;
    let letters = world.letters();
    assert_eq!(
        letters[0].1,
        "[P2] Due soon: first response [R-FFQ69-G5FAV]"
    );
    assert_eq!(letters.len(), 1);
    assert!(world.is_settled(2).await);
}

#[tokio::test]
async fn what_can_wait_does_in_quiet_hours_and_the_highest_priority_seconds() {
    let world = World::with(Priority::P1, None, 3).await;
    let sinks = json!([letter("mail", "all@example.test")]);
    let quiet = json!({"from": "10:01", "to": "12:00"}); // it is 10:00
    let owner = json!({"locale": "en", "time_zone": ZONE, "sinks": sinks, "quiet_hours": quiet});
    world.publish_owner(1, owner).await;
    world.add(nth(1), Priority::P2, None, 3).await;
    let function = world.function(&vars(&[]));

    // It would be sent when the quiet hours begin, so it waits for their end; so does its repair, which leads back to it.
    done(&world, &function, message_of(nth(1), 2), 0).await;
    assert_eq!(world.reminders(900).await, [""; 0]);
    assert_eq!(world.repair_of(nth(1), 2).await, Some(after(7200)));
    done(&world, &function, message_of(nth(1), 2), 7199).await;
    assert_eq!(world.reminders(0).await, [""; 0], "it is not lost");
    assert_eq!(world.letters(), []);
    done(&world, &function, message_of(nth(1), 2), 7200).await;
    assert_eq!(world.letters().len(), 1);
    assert!(world.is_settled_of(nth(1), 2).await);

    // An opening with a severity signal is for the executive, who is stood in for: a line of its own.
    let group = "executive/mail/all/0000000001";
    done(&world, &function, message_of(case_id(), 1), 60).await;
    assert_eq!(world.reminders(5).await, [group]);
    done(&world, &function, group_due(group), 64).await;
    assert_eq!(world.letters().len(), 1);
    done(&world, &function, group_due(group), 65).await;
    assert_eq!(world.letters()[1].1, "[P1] Severity signal [R-FFQ69-G5FAV]");
}

#[tokio::test]
async fn who_waits_already_goes_along_with_the_highest_priority() {
    let world = World::with(Priority::P1, None, 3).await;
    world.add(nth(1), Priority::P3, None, 30).await;
    let function = world.function(&vars(&[]));
    let is_warning = |kind: &EventKind| matches!(kind, EventKind::Warned { .. });
    let urgent = world.first_of(is_warning).await;
    done(&world, &function, message_of(nth(1), 2), 0).await;
    done(&world, &function, message_about(urgent), 10).await;
    assert_eq!(world.reminders(5).await, [MAIL_GROUP]);
    done(&world, &function, group_due(MAIL_GROUP), 15).await;
    assert_eq!(world.letters()[0].1, "2 alerts: P1 1 · P3 1");
    assert!(world.is_settled(urgent).await);
    assert!(world.is_settled_of(nth(1), 2).await);
}

#[tokio::test]
async fn each_owner_has_groups_of_their_own() {
    let world = World::warned().await;
    let owners = [Some("wei@example.test"), Some("ann@example.test"), None];
    for (n, owner) in (1..).zip(owners) {
        world.add(nth(n), Priority::P2, owner, 3).await;
    }
    let function = world.function(&vars(&[]));
    // One who is assigned has one event more.
    let events = [(case_id(), 2), (nth(1), 3), (nth(2), 3), (nth(3), 2)];
    for seconds in [0, 60] {
        for (case, seq) in events {
            done(&world, &function, message_of(case, seq), seconds).await;
        }
    }
    let mut letters = world.letters();
    letters.sort();
    let told: Vec<_> = letters
        .iter()
        .map(|(to, subject)| (to.as_str(), subject.starts_with("2 alerts")))
        .collect();
    assert_eq!(
        told,
        [
            ("ann@example.test", false),
            ("inbox@example.test", true),
            ("wei@example.test", false)
        ]
    );
    for (case, seq) in events {
        assert!(world.is_settled_of(case, seq).await);
    }
}

#[tokio::test]
async fn a_group_that_was_given_up_is_sent_again_as_it_was() {
    let world = World::warned().await;
    let function = world.function(&vars(&[]));
    done(&world, &function, message(), 0).await;
    let group = GroupKey {
        line: Line {
            audience: Audience::Owner,
            medium: Medium::EMAIL,
            one: None,
        },
        number: 1,
    };
    let store = &world.aws.store;
    let claim = store.claim_group(group, "another", after(60), timing::NOTICE_LEASE);
    assert!(matches!(claim.await, Ok(GroupClaim::Claimed(_))));
    // Sealed: who comes now is in the next one.
    world.add(nth(1), Priority::P2, None, 3).await;
    done(&world, &function, message_of(nth(1), 2), 60).await;
    let reply = world.call(&function, group_due(MAIL_GROUP), after(61));
    assert_eq!(reply.await, again());
    done(&world, &function, group_due(MAIL_GROUP), 91).await;
    assert_eq!(
        world.letters()[0].1,
        "[P2] Due soon: first response [R-FFQ69-G5FAV]"
    );
    assert!(world.is_settled(2).await);
    assert!(!world.is_settled_of(nth(1), 2).await);
    let outcomes = world.outcomes().await;
    assert!(matches!(outcomes["owner email"], (Outcome::Sent { .. }, 2)));
    let next = GroupKey { number: 2, ..group };
    assert_eq!(store.members(next).await.unwrap(), [(nth(1), 2)]);
}

#[tokio::test]
async fn what_was_erased_is_left_out_of_its_group() {
    let world = World::warned().await;
    let function = world.function(&vars(&[]));
    // Nothing of it is in the table any more.
    let joining = Joining {
        line: Line {
            audience: Audience::Owner,
            medium: Medium::EMAIL,
            one: None,
        },
        to: None,
        due_at: after(60),
    };
    let joined = world.aws.store.join(nth(9), 2, &[joining], start()).await;
    assert!(matches!(joined, Ok(Joined::Joined(_))));
    done(&world, &function, message(), 0).await;
    done(&world, &function, group_due(MAIL_GROUP), 60).await;
    assert_eq!(
        world.letters()[0].1,
        "[P2] Due soon: first response [R-FFQ69-G5FAV]"
    );
    assert!(world.is_settled(2).await);
}

#[tokio::test]
async fn a_group_that_is_not_there_goes_to_the_dead_letters() {
    let world = World::warned().await;
    let function = world.function(&vars(&[]));
    for group in ["owner/email/all/0000000009", "owner/email/all/9", "x"] {
        let reply = world.call(&function, group_due(group), after(60)).await;
        assert_eq!(reply, again());
    }
}
