//! "Did this solve it?"

use resound_domain::case::{Command, State};
use resound_domain::event::{Actor, Direction, Effect};
use resound_domain::policy::Priority;
use resound_store::Buried;
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{Desk, Request, after};

#[tokio::test]
async fn yes_closes_and_a_repeat_says_nothing_twice() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    let yes = Request::answer(&case, &json!({"solved": "yes", "outcome": 2})).at(after(2));
    for _ in 0..2 {
        let answer = desk.ask(yes.clone()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["state"], "closed");
        assert_eq!(
            answer.body["question"],
            json!({"outcome": 2, "said": "yes"})
        );
    }
    assert_eq!(desk.log(&case).await, ["opened", "resolved", "confirmed"]);
    let history = desk.history(&case).await;
    assert_eq!(history.events[2].event.by, Actor::Customer);
    assert_eq!(history.case.closed_at(), Some(after(2)));
    assert!(history.events[2].open.is_empty(), "nothing is owed");
}

#[tokio::test]
async fn no_opens_it_again_with_their_words_and_tells_the_owner() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    let click = "outcome=2&solved=no&text=It+still+leaks.%0D%0ASorry.";
    let no = Request::click(&case, click).at(after(30));
    for _ in 0..2 {
        let answer = desk.ask(no.clone().query("lang=en")).await;
        assert_eq!(answer.status, 303);
        let location = answer.headers["location"].as_str().unwrap();
        assert!(location.starts_with("/v1/receipts/") && location.ends_with("?lang=en"));
        assert!(!location.contains("helped"), "{location}");
    }
    let history = desk.history(&case).await;
    assert_eq!(history.case.state(), State::Reopened);
    let due = history.case.clocks().first_response.due();
    assert_eq!(due, Some(after(34)), "a fresh clock");
    assert_eq!(desk.log(&case).await, ["opened", "resolved", "disputed"]);
    let [message] = &history.messages[..] else {
        panic!("one message: {:?}", history.messages);
    };
    assert_eq!(
        (message.seq, message.text.as_str()),
        (3, "It still leaks.\nSorry.")
    );
    assert_eq!(message.direction, Direction::FromCustomer);
    let open: Vec<_> = history.events[2].open.iter().copied().collect();
    assert_eq!(open, [Effect::StaffAlert]);
    // Other words to the same question would get lost: they are told where they belong.
    let other = Request::click(&case, "outcome=2&solved=no&text=Other").at(after(31));
    assert_eq!(desk.ask(other).await.status, 409);
    // Nor is it closed again by a late yes: it is being worked on.
    let yes = Request::click(&case, "outcome=2&solved=yes").at(after(31));
    assert_eq!(desk.ask(yes).await.status, 409);
    assert_eq!(desk.log(&case).await.len(), 3);
}

#[tokio::test]
async fn who_said_yes_can_still_say_no() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    for (solved, state) in [("yes", "closed"), ("no", "reopened")] {
        let said = Request::answer(&case, &json!({"solved": solved, "outcome": 2}));
        assert_eq!(desk.ask(said.at(after(2))).await.body["state"], state);
    }
}

#[tokio::test]
async fn silence_closes_and_a_late_answer_still_counts() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    let late = case.closes_at().unwrap() + jiff::SignedDuration::from_hours(100);
    let yes = Request::answer(&case, &json!({"solved": "yes", "outcome": 2})).at(late);
    assert_eq!(desk.ask(yes).await.status, 200);
    let log = desk.log(&case).await;
    assert_eq!(log, ["opened", "resolved", "closed", "confirmed"]);
}

#[tokio::test]
async fn an_old_letter_says_nothing_about_a_new_outcome() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    let case = desk.aws.commanded(&case, Command::Reopen, after(2)).await;
    let old = Request::answer(&case, &json!({"solved": "yes", "outcome": 2})).at(after(3));
    let answer = desk.ask(old.clone()).await;
    assert_eq!(answer.status, 409, "there is no outcome just now");
    let case = desk.aws.commanded(&case, Command::Decline, after(4)).await;
    let answer = desk.ask(old).await;
    assert_eq!(answer.status, 409);
    assert!(
        answer.body["detail"]
            .as_str()
            .unwrap()
            .contains("earlier outcome")
    );
    let new = Request::answer(&case, &json!({"solved": "yes", "outcome": 4})).at(after(5));
    assert_eq!(desk.ask(new).await.body["state"], "closed");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_field_by_field() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    for (body, faults) in [
        (
            json!({}),
            vec![("solved", "unknown-value"), ("outcome", "invalid-outcome")],
        ),
        (
            json!({"solved": true, "outcome": "two"}),
            vec![("solved", "unknown-value"), ("outcome", "invalid-outcome")],
        ),
        (
            json!({"solved": "no", "outcome": -1}),
            vec![("outcome", "invalid-outcome")],
        ),
        (
            json!({"solved": "yes", "outcome": 2, "text": "Thanks"}),
            vec![("text", "unexpected")],
        ),
        (
            json!({"solved": "no", "outcome": 2, "text": 7}),
            vec![("text", "wrong-type")],
        ),
        (
            json!({"solved": "no", "outcome": 2, "text": "x".repeat(10_001)}),
            vec![("text", "too-long")],
        ),
        (
            json!({"solved": "no", "outcome": 2, "message": "lost?"}),
            vec![("message", "unknown-field")],
        ),
    ] {
        let answer = desk.ask(Request::answer(&case, &body)).await;
        assert_eq!((answer.status, answer.faults()), (422, faults), "{body}");
    }
    let twice = Request::click(&case, "outcome=2&solved=yes&solved=no");
    let answer = desk.ask(twice.header("accept", "application/json")).await;
    assert_eq!(answer.faults(), [("solved", "duplicated")]);
    assert_eq!(desk.log(&case).await, ["opened", "resolved"]);
}

#[tokio::test]
async fn a_person_reads_what_is_wrong_on_a_page() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    for (language, words) in [
        ("en", "Say whether it is solved"),
        ("zh-CN", "请选择是否已解决"),
    ] {
        let empty = Request::click(&case, "outcome=2").header("accept-language", language);
        let answer = desk.ask(empty).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.body.as_str().unwrap().contains(words),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn only_the_private_link_speaks() {
    let desk = Desk::new().await;
    let case = desk.resolved().await;
    let yes = Request::answer(&case, &json!({"solved": "yes", "outcome": 2}));
    for token in [
        "",
        "x",
        "00000000000000000000000001.1.AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert_eq!(
            desk.ask(yes.clone().token(token)).await.status,
            404,
            "{token}"
        );
    }
    let buried = desk.aws.store.bury(case.id().response(), start()).await;
    assert_eq!(buried.unwrap(), Buried::Buried);
    assert_eq!(desk.ask(yes).await.status, 410);
    assert_eq!(desk.log(&case).await, ["opened", "resolved"]);
}

#[tokio::test]
async fn nobody_is_asked_before_there_is_an_outcome() {
    let desk = Desk::new().await;
    let case = desk.aws.opened(1, Priority::P3).await;
    let yes = Request::answer(&case, &json!({"solved": "yes", "outcome": 1}));
    let answer = desk.ask(yes).await;
    assert_eq!(answer.status, 409);
    assert_ne!(answer.body["detail"], Value::Null);
}
