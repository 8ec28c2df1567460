//! Further words.

use resound_domain::case::{Command, State};
use resound_domain::event::{Direction, Effect};
use resound_domain::policy::Priority;
use serde_json::json;

use crate::support::{Desk, Request, after};

/// As a browser posts the form of the status page.
const PAGE: &str = "idempotency_key=0123456789abcdef&text=It+is+order+4711.";

#[tokio::test]
async fn words_end_a_wait_and_reach_the_owner_once() {
    let desk = Desk::new().await;
    let case = desk.aws.opened(1, Priority::P2).await;
    let wait = Command::AwaitCustomer { message: true };
    let case = desk.aws.commanded(&case, wait, after(1)).await;
    for _ in 0..2 {
        let answer = desk.ask(Request::write(&case, PAGE).at(after(5))).await;
        assert_eq!(answer.status, 303);
    }
    let history = desk.history(&case).await;
    assert_eq!(history.case.state(), State::Acknowledged);
    let log = desk.log(&case).await;
    assert_eq!(log, ["opened", "awaiting_customer", "customer_wrote"]);
    let open: Vec<_> = history.events[2].open.iter().copied().collect();
    assert_eq!(open, [Effect::StaffAlert]);
    let [message] = &history.messages[..] else {
        panic!("one message: {:?}", history.messages);
    };
    assert_eq!(message.text, "It is order 4711.");
    assert_eq!(message.direction, Direction::FromCustomer);
    assert!(history.case.clocks().next_response.is_some());
}

#[tokio::test]
async fn a_key_is_for_one_text() {
    let desk = Desk::new().await;
    let case = desk.aws.opened(1, Priority::P2).await;
    assert_eq!(desk.ask(Request::write(&case, PAGE)).await.status, 303);
    let other = PAGE.replace("4711", "4712");
    assert_eq!(desk.ask(Request::write(&case, &other)).await.status, 409);
    // The header of a program wins, and without any key the request is its own.
    let keyed = Request::message(&case, "A").header("idempotency-key", "abcdefabcdefabcd");
    for _ in 0..2 {
        assert_eq!(desk.ask(keyed.clone()).await.status, 200);
    }
    for id in ["request-1=", "request-1=", "request-2="] {
        let message = Request::message(&case, "B").id(id);
        assert_eq!(desk.ask(message).await.status, 200);
    }
    let wrote = desk.log(&case).await;
    assert_eq!(
        wrote
            .iter()
            .filter(|kind| **kind == "customer_wrote")
            .count(),
        4
    );
    let short = Request::message(&case, "A").header("idempotency-key", "short");
    let answer = desk.ask(short).await;
    assert_eq!(answer.faults(), [("idempotency_key", "invalid-key")]);
}

#[tokio::test]
async fn words_after_the_outcome_open_it_again() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    let message = Request::message(&case, "Once more").at(after(2));
    assert_eq!(
        desk.ask(message).await.body,
        json!({
            "id": case.id().response(), "state": "reopened", "question": null,
        })
    );
}

#[tokio::test]
async fn empty_words_are_none() {
    let desk = Desk::new().await;
    let case = desk.aws.opened(1, Priority::P2).await;
    for text in ["", "  \r\n ", "\u{200b}\u{2060}"] {
        let answer = desk.ask(Request::message(&case, text)).await;
        assert_eq!(answer.faults(), [("text", "required")]);
    }
    assert_eq!(desk.log(&case).await, ["opened"]);
}

#[tokio::test]
async fn a_log_does_not_grow_without_end() {
    let desk = Desk::new().await;
    let case = desk.aws.opened(1, Priority::P4).await;
    let mut accepted = 0;
    let refused = loop {
        let message = Request::message(&case, "Hello?").id(&format!("request-{accepted}="));
        let answer = desk.ask(message).await;
        if answer.status != 200 {
            break answer;
        }
        accepted += 1;
    };
    assert_eq!((accepted, refused.status), (50, 409));
}
