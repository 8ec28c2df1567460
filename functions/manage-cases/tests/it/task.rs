//! Cases that no customer opened.

use resound_domain::event::Effect;
use resound_domain::id::CaseId;
use resound_domain::policy::Priority;
use serde_json::{Value, json};

use crate::support::{Desk, Request, after, pairs};

/// A churn-risk task, and beside it the case of a customer.
async fn two() -> (Desk, CaseId, CaseId) {
    let desk = Desk::new().await;
    let task = desk.aws.raised(16).await.id();
    let feedback = desk.opened(1, Priority::P3).await;
    (desk, task, feedback)
}

#[tokio::test]
async fn a_task_is_listed_and_shown_with_what_shows_it() {
    let (desk, task, feedback) = two().await;
    let listed = async |query: &str| -> Vec<Value> {
        let answer = desk.send(Request::list(query).at(after(1))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["cases"].as_array().unwrap().clone()
    };
    let ids = async |query: &str| -> Vec<Value> {
        let cases = listed(query).await;
        cases.iter().map(|case| case["id"].clone()).collect()
    };
    let (task_id, feedback_id) = (json!(task), json!(feedback));
    assert_eq!(ids("").await, [task_id.clone(), feedback_id.clone()]);
    assert_eq!(ids("kind=task").await, [task_id]);
    assert_eq!(ids("kind=feedback").await, [feedback_id]);
    insta::assert_json_snapshot!("task_listed", listed("kind=task").await[0]);

    let faults = desk.send(Request::list("kind=wish")).await;
    assert_eq!(faults.status, 422);
    assert_eq!(faults.faults(), pairs(&[("kind", "unknown-value")]));

    let shown = desk.shown(task, after(1)).await;
    insta::assert_json_snapshot!("task_shown", shown.body);
}

#[tokio::test]
async fn a_task_is_worked_and_nobody_outside_is_told() {
    let (desk, task, _) = two().await;
    for refused in [
        json!({"command": "reply", "message": "Hello?"}),
        json!({"command": "await_customer"}),
        json!({"command": "record_customer_message", "message": "Hello!"}),
    ] {
        let answer = desk.send(Request::command(task, refused)).await;
        assert_eq!(answer.status, 409, "{answer:?}");
        let allowed = json!(["acknowledge", "assign", "plan", "resolve", "decline"]);
        assert_eq!(answer.body["allowed"], allowed);
    }
    desk.done(task, json!({"command": "acknowledge"})).await;
    desk.done(task, json!({"command": "assign", "owner": "bo"}))
        .await;
    desk.done(task, json!({"command": "plan", "plan": "Call them."}))
        .await;
    let resolve = json!({"command": "resolve", "message": "They stay."});
    let done = desk.done(task, resolve.clone()).await;
    let types: Vec<_> = done.body["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["type"].clone())
        .collect();
    assert_eq!(
        types,
        ["opened", "taken_up", "assigned", "planned", "resolved"]
    );
    assert_eq!(done.body["timeline"][4]["message"], "They stay.");
    desk.done(task, json!({"command": "reopen"})).await;
    desk.done(
        task,
        json!({"command": "decline", "reason": "They left us last year."}),
    )
    .await;
    desk.done(task, json!({"command": "close"})).await;

    let history = desk.aws.store.history(task).await.unwrap().unwrap();
    for stored in &history.events {
        assert!(!stored.open.contains(&Effect::CustomerNotice), "{stored:?}");
    }
    let words: Vec<_> = history.messages.iter().map(|m| m.direction).collect();
    assert_eq!(words, [resound_domain::event::Direction::Internal; 3]);
}

/// A key that was used is known again, although the event bears another name than the command.
#[tokio::test]
async fn a_repeated_command_on_a_task_is_told_the_same() {
    let (desk, task, _) = two().await;
    let take = || {
        Request::command(task, json!({"command": "acknowledge"}))
            .key(crate::support::KEY)
            .at(after(1))
    };
    let first = desk.send(take()).await;
    assert_eq!(first.status, 200);
    let again = desk.send(take()).await;
    assert_eq!((again.status, again.body), (200, first.body));
}

#[tokio::test]
async fn tasks_and_cases_are_not_merged() {
    let (desk, task, feedback) = two().await;
    for (from, into) in [(task, feedback), (feedback, task)] {
        let merge = json!({"command": "merge", "into": into});
        let answer = desk.send(Request::command(from, merge)).await;
        assert_eq!(answer.status, 409, "{answer:?}");
    }
    let shown = desk.shown(feedback, after(1)).await;
    assert_eq!(shown.body["state"], "open");
}
