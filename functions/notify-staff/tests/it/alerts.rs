//! Who is told what, how often, and what the ledger says then.

use resound_domain::event::EventKind;
use resound_domain::policy::{Audience, Priority};
use resound_sinks::standard::Secret;
use resound_store::{Claim, Medium, NoticeKey, Outcome, Recipient};
use resound_testing::{Server, start};
use serde_json::{Value, json};

use crate::support::{MAIL, World, again, all_done, case_id, later, message, message_about};

/// Two, as while one is changed.
const SECRETS: &str =
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn hook(url: &str) -> Vec<(&str, &str)> {
    vec![
        ("ALERT_WEBHOOK_URL", url),
        ("ALERT_WEBHOOK_SECRET", SECRETS),
        ("WEBHOOK_ALLOW_PRIVATE", "true"),
    ]
}

fn mail_and_hook(url: &str) -> Vec<(&str, &str)> {
    [MAIL, &hook(url)].concat()
}

#[tokio::test]
async fn a_warning_reaches_the_inbox_of_the_team() {
    let world = World::warned().await;
    let function = world.function(MAIL);
    for now in [start(), start(), later()] {
        assert_eq!(world.call(&function, message(), now).await, all_done());
    }
    assert!(world.is_settled(2).await);
    let letters = world.aws.port.mailbox().list();
    assert_eq!(letters.len(), 1, "sent once under duplicate delivery");
    let whole = format!("{letters:?}");
    assert!(!whole.contains("My own words"), "nothing a customer said");
    assert!(!whole.contains("customer@example.test"));
    insta::assert_json_snapshot!(letters);
}

#[tokio::test]
async fn the_owner_of_a_case_is_told_at_their_own_address() {
    for (owner, expected) in [
        ("wei@example.test", "wei@example.test"),
        ("d3b07384-sub", "inbox@example.test"),
        ("a@b, c@example.test", "inbox@example.test"),
    ] {
        let world = World::with(Priority::P2, Some(owner), 3).await;
        let function = world.function(MAIL);
        let seq = world
            .first_of(|kind| matches!(kind, EventKind::Warned { .. }))
            .await;
        let reply = world.call(&function, message_about(seq), start()).await;
        assert_eq!(reply, all_done());
        assert_eq!(world.letters()[0].0, expected);
    }
}

#[tokio::test]
async fn a_case_of_the_highest_priority_goes_to_the_executive() {
    let world = World::with(Priority::P1, None, 3).await;
    let function = world.function(MAIL);
    let breached = world
        .first_of(|kind| matches!(kind, EventKind::Breached { .. }))
        .await;
    for seq in [1, breached] {
        let reply = world.call(&function, message_about(seq), start()).await;
        assert_eq!(reply, all_done());
        assert!(world.is_settled(seq).await);
    }
    let letters = world.letters();
    assert!(letters.iter().all(|(to, _)| to == "boss@example.test"));
    assert_eq!(letters[0].1, "[P1] Severity signal [R-FFQ69-G5FAV]");
    assert_eq!(letters[1].1, "[P1] Overdue: first response [R-FFQ69-G5FAV]");
}

#[tokio::test]
async fn each_rung_of_the_ladder_is_told() {
    let world = World::with(Priority::P2, None, 12).await;
    let function = world.function(MAIL);
    for (audience, expected) in [
        (Audience::TeamLead, "lead@example.test"),
        (Audience::Manager, "manager@example.test"),
        (Audience::Executive, "boss@example.test"),
    ] {
        let history = world.aws.store.history(case_id()).await.unwrap().unwrap();
        let rung = history.events.iter().find(|stored| {
            matches!(stored.event.kind, EventKind::Escalated { audience: rung, .. } if rung == audience)
        });
        let seq = rung.unwrap().event.seq;
        let reply = world.call(&function, message_about(seq), start()).await;
        assert_eq!(reply, all_done());
        assert_eq!(world.letters().last().unwrap().0, expected);
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_bears_one_id() {
    let receiver = Server::answering(503, "");
    let world = World::warned().await;
    let function = world.function(&mail_and_hook(receiver.url()));
    // The receiver is down: the message comes again, the letter does not.
    for now in [start(), later()] {
        assert_eq!(world.call(&function, message(), now).await, again());
    }
    assert_eq!(world.letters().len(), 1);
    assert!(!world.is_settled(2).await);

    let healthy = Server::answering(204, "");
    let function = world.function(&mail_and_hook(healthy.url()));
    let third = later() + (later() - start());
    assert_eq!(world.call(&function, message(), third).await, all_done());
    assert_eq!(world.call(&function, message(), third).await, all_done());
    assert!(world.is_settled(2).await);
    assert_eq!(world.letters().len(), 1);
    let outcomes = world.outcomes().await;
    assert_eq!(
        outcomes["owner webhook"],
        (Outcome::Sent { provider_id: None }, 3),
        "every attempt is counted"
    );
    assert!(matches!(
        outcomes["owner email"],
        (
            Outcome::Sent {
                provider_id: Some(_)
            },
            1
        )
    ));

    let requests = [receiver.requests(), healthy.requests()].concat();
    assert_eq!(requests.len(), 3);
    let secrets = SECRETS.split(',').map(|secret| secret.parse().unwrap());
    let secrets: Vec<Secret> = secrets.collect();
    for request in &requests {
        let id = request.header("webhook-id").unwrap();
        assert_eq!(id, format!("{}-2-owner", case_id()));
        let timestamp = request.header("webhook-timestamp").unwrap();
        let timestamp = timestamp.parse().unwrap();
        let signed = secrets.iter();
        let signed = signed.map(|secret| secret.sign(id, timestamp, &request.body));
        let expected = signed.collect::<Vec<_>>().join(" ");
        assert_eq!(request.header("webhook-signature"), Some(expected.as_str()));
    }
    assert_eq!(
        world.metrics.summary(),
        "AlertsSent 2",
        "by mail and webhook"
    );
    insta::assert_snapshot!(requests[0].body);
}

#[tokio::test]
async fn what_a_receiver_refuses_is_recorded_and_not_sent_again() {
    for status in [400, 410, 302] {
        let receiver = Server::answering(status, "");
        let world = World::warned().await;
        let function = world.function(&hook(receiver.url()));
        for _ in 0..2 {
            assert_eq!(world.call(&function, message(), start()).await, all_done());
        }
        assert!(world.is_settled(2).await);
        assert_eq!(receiver.requests().len(), 1);
        let refused = ("owner webhook".to_owned(), (Outcome::Refused, 1));
        assert_eq!(world.outcomes().await, [refused].into());
        assert_eq!(world.metrics.summary(), "AlertsFailed 1");
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again() {
    for (ses, attempts_at) in [
        // Surely not sent: at once. Perhaps sent: once the lease is over.
        (Server::answering(429, "{}"), start()),
        (Server::answering(500, "{}"), later()),
        (Server::hanging_up(), later()),
    ] {
        let world = World::warned().await;
        let failing = world.function_with_ses_at(ses.url());
        assert_eq!(world.call(&failing, message(), start()).await, again());
        assert!(!world.is_settled(2).await);
        let healthy = world.function(MAIL);
        if attempts_at == later() {
            assert_eq!(world.call(&healthy, message(), start()).await, again());
            assert_eq!(world.letters(), []);
        }
        assert_eq!(
            world.call(&healthy, message(), attempts_at).await,
            all_done()
        );
        assert_eq!(world.letters().len(), 1);
        assert!(matches!(
            world.outcomes().await["owner email"],
            (Outcome::Sent { .. }, 2)
        ));
    }
    let ses = Server::answering(400, r#"{"__type":"MessageRejected"}"#);
    let world = World::warned().await;
    let function = world.function_with_ses_at(ses.url());
    assert_eq!(world.call(&function, message(), start()).await, all_done());
    assert_eq!(world.outcomes().await["owner email"], (Outcome::Refused, 1));
    assert!(world.is_settled(2).await);
}

#[tokio::test]
async fn an_attempt_that_was_given_up_is_made_again() {
    let world = World::warned().await;
    let key = NoticeKey {
        case: case_id(),
        cause: 2,
        recipient: Recipient::Staff(Audience::Owner),
        medium: Medium::EMAIL,
    };
    let lease = resound_lambda_kit::timing::NOTICE_LEASE;
    let claim = world.aws.store.claim(key, "another", start(), lease).await;
    assert!(matches!(claim, Ok(Claim::Fresh(_))));
    let function = world.function(MAIL);
    assert_eq!(world.call(&function, message(), start()).await, again());
    assert_eq!(world.call(&function, message(), later()).await, all_done());
    assert_eq!(world.letters().len(), 1);
    assert!(matches!(
        world.outcomes().await["owner email"],
        (Outcome::Sent { .. }, 2)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_functions_at_once_send_one_alert() {
    let receiver = Server::answering(200, "");
    let world = World::warned().await;
    let vars = mail_and_hook(receiver.url());
    let (one, other) = (world.function(&vars), world.function(&vars));
    tokio::join!(
        world.call(&one, message(), start()),
        world.call(&other, message(), start()),
    );
    assert_eq!(world.call(&one, message(), start()).await, all_done());
    assert_eq!(world.letters().len(), 1);
    assert_eq!(receiver.requests().len(), 1);
    assert!(world.is_settled(2).await);
}

#[tokio::test]
async fn alerts_that_reach_nobody_are_recorded_as_such() {
    for (own, expected) in [
        (&[][..], Outcome::MailOff),
        (&[("OWNER_EMAIL", "inbox@example.test")], Outcome::MailOff),
        (&[("MAIL_FROM", "resound@example.test")], Outcome::NoContact),
    ] {
        let world = World::warned().await;
        let function = world.function(own);
        assert_eq!(world.call(&function, message(), start()).await, all_done());
        assert_eq!(world.outcomes().await["owner email"], (expected, 1));
        assert!(world.is_settled(2).await);
        assert_eq!(world.letters(), []);
    }
}

#[tokio::test]
async fn an_alert_may_be_a_webhook_alone_and_in_chinese() {
    let receiver = Server::answering(200, "");
    let world = World::warned().await;
    let vars = [&hook(receiver.url())[..], &[("STAFF_LOCALE", "zh-CN")]].concat();
    let function = world.function(&vars);
    assert_eq!(world.call(&function, message(), start()).await, all_done());
    assert_eq!(world.outcomes().await.len(), 1);
    assert!(receiver.requests()[0].body.contains("即将超时：首次响应"));
}

#[tokio::test]
async fn what_means_nothing_goes_to_the_dead_letters() {
    let world = World::warned().await;
    let function = world.function(MAIL);
    let mut notice = message();
    let due =
        json!({"type": "effect_due", "effect": "customer_notice", "case": case_id(), "seq": 2});
    notice["Records"][0]["body"] = json!({"v": 1, "message": due}).to_string().into();
    let mut garbage = message();
    garbage["Records"][0]["body"] = "{}".into();
    for event in [message_about(99), notice, garbage] {
        assert_eq!(world.call(&function, event, start()).await, again());
    }
    assert_eq!(world.letters(), []);
}

fn letter(name: &str, to: &str) -> Value {
    json!({"name": name, "kind": "email", "to": to})
}

#[tokio::test]
async fn each_sink_of_the_published_recipients_is_told_once() {
    let (chat, down) = (Server::answering(200, "ok"), Server::answering(503, ""));
    let healthy = Server::answering(204, "");
    let private = ("WEBHOOK_ALLOW_PRIVATE", "true");
    let sinks = |desk: &Server| {
        let secret = SECRETS.split(',').next();
        json!([
            letter("mail", "Team <team@example.test>"),
            {"name": "chat", "kind": "slack", "url": chat.url()},
            {"name": "desk", "kind": "webhook", "url": desk.url(), "secrets": [secret]},
        ])
    };
    let world = World::warned().await;
    world.publish(1, sinks(&down)).await;
    let function = world.function(&[MAIL, &[private]].concat());
    // One is down: the message comes again, and only that one is asked again.
    for now in [start(), later()] {
        assert_eq!(world.call(&function, message(), now).await, again());
    }
    assert!(!world.is_settled(2).await);
    world.publish(2, sinks(&healthy)).await;
    let third = later() + (later() - start());
    assert_eq!(world.call(&function, message(), third).await, all_done());
    assert!(world.is_settled(2).await);

    let (to, subject) = &world.letters()[0];
    assert_eq!(to, "team@example.test");
    assert_eq!(subject, "[P2] Due soon: first response [R-FFQ69-G5FAV]");
    let asked = [&chat, &down, &healthy].map(|server| server.requests().len());
    assert_eq!((world.letters().len(), asked), (1, [1, 2, 1]));
    let outcomes = world.outcomes().await;
    let attempts: Vec<_> = outcomes
        .iter()
        .map(|(name, (outcome, attempts))| {
            assert!(matches!(outcome, Outcome::Sent { .. }), "{name}");
            (name.as_str(), *attempts)
        })
        .collect();
    assert_eq!(
        attempts,
        [("owner chat", 1), ("owner desk", 3), ("owner mail", 1)],
        "by the names of sinks"
    );
}

#[tokio::test]
async fn what_was_told_by_a_name_is_not_told_again_at_another_address() {
    let down = Server::answering(503, "");
    let world = World::warned().await;
    let before = world.function(&mail_and_hook(down.url()));
    assert_eq!(world.call(&before, message(), start()).await, again());
    world
        .publish(1, json!([letter("email", "elsewhere@example.test")]))
        .await;
    let after = world.function(MAIL);
    assert_eq!(world.call(&after, message(), later()).await, all_done());
    assert!(world.is_settled(2).await);
    let told: Vec<_> = world.letters().into_iter().map(|(to, _)| to).collect();
    assert_eq!(told, ["inbox@example.test"]);
}

#[tokio::test]
async fn the_owner_of_a_case_gets_the_first_letter_to_owners() {
    for (owner, expected) in [
        (Some("wei@example.test"), "wei@example.test"),
        (Some("d3b07384-sub"), "team@example.test"),
        (None, "team@example.test"),
    ] {
        let world = World::with(Priority::P2, owner, 3).await;
        let letters = [
            letter("mail", "team@example.test"),
            letter("archive", "archive@example.test"),
        ];
        world.publish(1, json!(letters)).await;
        let seq = world
            .first_of(|kind| matches!(kind, EventKind::Warned { .. }))
            .await;
        let function = world.function(MAIL);
        let reply = world.call(&function, message_about(seq), start()).await;
        assert_eq!(reply, all_done());
        let mut told: Vec<_> = world.letters().into_iter().map(|(to, _)| to).collect();
        told.sort();
        assert_eq!(told, ["archive@example.test", expected]);
    }
}

#[tokio::test]
async fn recipients_that_cannot_be_read_are_passed_over() {
    let world = World::warned().await;
    world.publish(1, json!([])).await;
    let function = world.function(MAIL);
    assert_eq!(world.call(&function, message(), start()).await, all_done());
    assert_eq!(world.letters()[0].0, "inbox@example.test");
}

#[tokio::test]
async fn a_letter_that_nobody_can_send_is_recorded_as_such() {
    let world = World::warned().await;
    let sinks = json!([letter("mail", "team@example.test")]);
    world.publish(1, sinks).await;
    let function = world.function(&[]);
    assert_eq!(world.call(&function, message(), start()).await, all_done());
    let off = ("owner mail".to_owned(), (Outcome::MailOff, 1));
    assert_eq!(world.outcomes().await, [off].into());
    assert!(world.is_settled(2).await);
}
