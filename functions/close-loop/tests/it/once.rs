//! At most once: whatever happens to an attempt, no customer gets two letters.

use resound_domain::delivery::Fate;
use resound_domain::event::Doubt;
use resound_lambda_kit::Invocation;
use resound_store::{DeliveryReport, Outcome, Recorded, Reported};
use resound_testing::{Server, start};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{SEQ, World, again, all_done, key, later, message};

async fn world() -> World {
    World::resolved(json!({"contact": {"email": "li@example.test"}})).await
}

fn in_doubt(doubt: Doubt) -> Vec<(u32, Doubt)> {
    vec![(SEQ, doubt)]
}

#[tokio::test]
async fn a_message_that_comes_again_sends_nothing() {
    let world = world().await;
    for now in [start(), start(), later()] {
        assert_eq!(world.deliver(&world.function(), now).await, all_done());
    }
    assert_eq!(world.letters(), 1);
}

#[tokio::test]
async fn a_batch_with_the_same_message_twice_sends_one_letter() {
    let world = world().await;
    let mut event = message();
    let mut twin = event["Records"][0].clone();
    twin["messageId"] = "twin".into();
    event["Records"].as_array_mut().unwrap().push(twin);
    let reply = world.call(&world.function(), event, start()).await;
    let failed = reply["batchItemFailures"].as_array().unwrap().len();
    assert!(failed <= 1, "one is sent, the other may wait: {reply}");
    assert_eq!(world.letters(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_functions_at_once_send_one_letter() {
    for _ in 0..5 {
        let world = world().await;
        let (one, other) = (world.function(), world.function());
        let replies = tokio::join!(world.deliver(&one, start()), world.deliver(&other, start()),);
        assert!(
            replies.0 == all_done() || replies.1 == all_done(),
            "{replies:?}"
        );
        assert_eq!(world.letters(), 1);
        assert!(world.is_settled().await);
        assert_eq!(world.doubts().await, []);
    }
}

#[tokio::test]
async fn an_attempt_under_way_is_waited_for() {
    let world = world().await;
    let lease = world.claimed_by_another().await;
    assert_eq!(world.deliver(&world.function(), start()).await, again());
    assert_eq!(world.letters(), 0);
    let sent = Outcome::Sent { provider_id: None };
    let recorded = world.aws.store.record(&lease, &sent, start()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    // It recorded and died before it settled: the next delivery settles and sends nothing.
    assert!(!world.is_settled().await);
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    assert!(world.is_settled().await);
    assert_eq!(world.letters(), 0);
}

#[tokio::test]
async fn an_attempt_that_was_given_up_becomes_a_doubt() {
    let world = world().await;
    world.claimed_by_another().await;
    for _ in 0..2 {
        assert_eq!(world.deliver(&world.function(), later()).await, all_done());
    }
    assert_eq!(world.letters(), 0);
    assert!(world.is_settled().await);
    assert_eq!(world.doubts().await, in_doubt(Doubt::Unknown));
    assert_eq!(world.outcome().await, Some((Outcome::Unknown, 1)));
    assert_eq!(world.metrics.summary(), "NoticesInDoubt 1");
    let log = world.history().await.events;
    assert_eq!(log.last().unwrap().event.at, start(), "business time");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_functions_at_once_doubt_once() {
    let world = world().await;
    world.claimed_by_another().await;
    let (one, other) = (world.function(), world.function());
    tokio::join!(world.deliver(&one, later()), world.deliver(&other, later()));
    assert_eq!(world.doubts().await, in_doubt(Doubt::Unknown));
    assert!(world.is_settled().await);
}

#[tokio::test]
async fn a_provider_that_fails_is_judged_by_what_it_said() {
    struct Case {
        ses: Server,
        reply: Value,
        outcome: Option<(Outcome, u32)>,
        doubts: Vec<(u32, Doubt)>,
    }
    for case in [
        Case {
            ses: Server::answering(400, r#"{"__type":"MessageRejected"}"#),
            reply: all_done(),
            outcome: Some((Outcome::Refused, 1)),
            doubts: in_doubt(Doubt::Refused),
        },
        Case {
            ses: Server::answering(429, r#"{"__type":"TooManyRequestsException"}"#),
            reply: again(),
            outcome: None,
            doubts: Vec::new(),
        },
    ] {
        let world = world().await;
        let function = world.function_with_ses_at(case.ses.url());
        assert_eq!(world.deliver(&function, start()).await, case.reply);
        assert_eq!(world.outcome().await, case.outcome);
        assert_eq!(world.doubts().await, case.doubts);
        assert_eq!(world.is_settled().await, case.reply == all_done());
        assert_eq!(case.ses.requests().len(), 1);
        if case.reply == again() {
            // It surely reached nobody, so the next delivery sends it.
            assert_eq!(world.deliver(&world.function(), start()).await, all_done());
            assert_eq!(world.letters(), 1);
            assert!(matches!(
                world.outcome().await,
                Some((Outcome::Sent { .. }, 2))
            ));
        }
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_the_claim_and_becomes_a_doubt_when_nobody_tells_more() {
    for ses in [Server::answering(500, "{}"), Server::hanging_up()] {
        let world = world().await;
        let function = world.function_with_ses_at(ses.url());
        assert_eq!(world.deliver(&function, start()).await, again());
        // Until the lease is over the provider may tell that it took it.
        assert_eq!(world.deliver(&function, start()).await, again());
        assert_eq!(
            (world.outcome().await, world.doubts().await),
            (None, vec![])
        );
        assert_eq!(world.deliver(&function, later()).await, all_done());
        assert_eq!(world.outcome().await, Some((Outcome::Unknown, 1)));
        assert_eq!(world.doubts().await, in_doubt(Doubt::Unknown));
        assert!(world.is_settled().await);
        assert_eq!(ses.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_is_no_doubt_when_the_provider_tells_of_the_letter() {
    let world = world().await;
    let ses = Server::hanging_up();
    let function = world.function_with_ses_at(ses.url());
    assert_eq!(world.deliver(&function, start()).await, again());
    let sent = &ses.requests()[0];
    let tag = format!("\"{}\"", key().tag());
    assert!(sent.body.contains(&tag), "{}", sent.body);
    let notice = world.aws.store.notice(key()).await.unwrap().unwrap();
    let report = DeliveryReport {
        fate: Fate::Delivered,
        at: start(),
        provider_id: "0100",
    };
    let told = world
        .aws
        .store
        .record_delivery(&notice, &report, None, start());
    assert_eq!(told.await.unwrap(), Reported::Recorded);
    assert_eq!(world.deliver(&function, later()).await, all_done());
    let provider_id = Some("0100".to_owned());
    assert_eq!(
        world.outcome().await,
        Some((Outcome::Sent { provider_id }, 1))
    );
    assert_eq!(world.doubts().await, []);
    assert!(world.is_settled().await);
    assert_eq!(ses.requests().len(), 1);
}

#[tokio::test]
async fn a_letter_is_not_begun_with_little_time_left() {
    let world = world().await;
    let mut invocation = Invocation::at("late", start());
    invocation.deadline = Some(start() + jiff::SignedDuration::from_secs(9));
    let reply = world.function().call(message(), &invocation).await.unwrap();
    assert_eq!(reply, again());
    assert_eq!(world.letters(), 0);
    assert_eq!(world.history().await.notices, []);
}

#[tokio::test]
async fn who_comes_while_a_letter_is_on_its_way_waits() {
    let world = world().await;
    let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = provider.local_addr().unwrap();
    let slow = world.function_with_ses_at(&format!("http://{address}"));
    let meanwhile = async {
        let (asked, _) = provider.accept().await.unwrap();
        let reply = world.deliver(&world.function(), start()).await;
        drop(asked);
        reply
    };
    let (_, reply) = tokio::join!(world.deliver(&slow, start()), meanwhile);
    assert_eq!(reply, again());
    assert_eq!(world.letters(), 0);
}
