use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use resound_domain::response::{Amendment, Response};
use resound_domain::score::{Csat, Nps, Scores};
use resound_domain::tally::Cause;
use resound_store::{Accepted, Amended, Digest, Key, Lookup};
use serde_json::json;

use crate::support::{DIGEST, Table, case, hours, now, response_of, t0};

fn scores(nps: u8, csat: Option<u8>) -> Scores {
    Scores {
        nps: Nps::try_from(nps).ok(),
        csat: csat.and_then(|n| Csat::try_from(n).ok()),
        ces: None,
    }
}

async fn amend(table: &Table, seen: &Response, to: Scores) -> Amended {
    let change = change(seen, to);
    table.store.amend(seen, &change, now()).await.unwrap()
}

fn change(seen: &Response, to: Scores) -> Amendment {
    seen.amend(to, t0() + hours(1)).unwrap().unwrap()
}

async fn accepted(table: &Table, fields: serde_json::Value) -> Response {
    let response = response_of(1, fields);
    let accepted = table.store.accept(&response, &DIGEST, None, now()).await;
    assert_eq!(accepted.unwrap(), Accepted::New);
    response
}

async fn kept(table: &Table, seen: &Response) -> Response {
    match table.store.response(seen.id).await.unwrap() {
        Lookup::Found(response) => *response,
        other => panic!("{other:?}"),
    }
}

/// Why the day is marked to be counted again.
async fn causes(table: &Table, seen: &Response) -> Vec<Cause> {
    let mut causes = Vec::new();
    for cause in Cause::EVERY {
        let key = Key::Dirty {
            survey: seen.submission.form.clone(),
            day: seen.day,
            cause,
        };
        if let Some(mark) = table.raw(&key).await {
            assert_eq!(mark["marked_at"].as_s().unwrap(), "001893456000000");
            causes.push(cause);
        }
    }
    causes
}

#[tokio::test]
async fn a_day_is_marked_with_what_changed() {
    for (first, to, expected) in [
        (
            json!({"nps": 9}),
            scores(9, Some(3)),
            vec![Cause::LateAnswer],
        ),
        (json!({"nps": 9}), scores(3, None), vec![Cause::Edit]),
        (
            json!({"nps": 9}),
            scores(3, Some(3)),
            vec![Cause::LateAnswer, Cause::Edit],
        ),
        (
            json!({"text": "好"}),
            scores(10, None),
            vec![Cause::LateAnswer],
        ),
    ] {
        let table = Table::new().await;
        let first = accepted(&table, first).await;
        assert_eq!(causes(&table, &first).await, []);
        assert_eq!(amend(&table, &first, to).await, Amended::Done);
        assert_eq!(causes(&table, &first).await, expected);
    }
}

#[tokio::test]
async fn the_latest_scores_count_and_the_first_stay() {
    let table = Table::new().await;
    let first = accepted(
        &table,
        json!({"nps": 9, "text": "很好", "customer_id": "c-1"}),
    )
    .await;
    let lowered = change(&first, scores(2, Some(1)));
    let amended = table.store.amend(&first, &lowered, now()).await.unwrap();
    assert_eq!(amended, Amended::Done);
    let second = kept(&table, &first).await;
    assert_eq!(second.scores(), scores(2, Some(1)));
    assert_eq!(
        Response {
            amended: None,
            ..second.clone()
        },
        first,
        "nothing else has changed"
    );
    let raised = change(&second, scores(8, None));
    let amended = table.store.amend(&second, &raised, now()).await.unwrap();
    assert_eq!(amended, Amended::Done);
    assert_eq!(kept(&table, &first).await.scores(), scores(8, Some(1)));

    let mut rows = Vec::new();
    let day = table
        .store
        .day_scores(&first.submission.form, first.day, |row| rows.push(row));
    assert!(day.await.unwrap().is_empty());
    assert_eq!(rows.len(), 1, "the index has it once");
    assert_eq!(rows[0].scores, scores(8, Some(1)));
}

#[tokio::test]
async fn a_repeat_of_the_submission_is_still_one() {
    let table = Table::new().await;
    let first = accepted(&table, json!({"nps": 9, "text": "很好"})).await;
    let lowered = change(&first, scores(2, None));
    let _done = table.store.amend(&first, &lowered, now()).await.unwrap();
    let (case, event) = case(&first, resound_domain::policy::Priority::P1);
    for opened in [None, Some((&case, &event))] {
        let again = table.store.accept(&first, &DIGEST, opened, now());
        let Accepted::Replay(replayed) = again.await.unwrap() else {
            panic!("not a replay");
        };
        assert_eq!((replayed.promise, replayed.id), (first.promise, first.id));
        assert_eq!(replayed.submission, first.submission);
        let other = table.store.accept(&first, &Digest([8; 32]), opened, now());
        assert_eq!(other.await.unwrap(), Accepted::Mismatch);
    }
}

#[tokio::test]
async fn who_saw_something_else_changes_nothing() {
    let table = Table::new().await;
    let first = accepted(&table, json!({"nps": 9})).await;
    let lowered = change(&first, scores(2, None));
    let _done = table.store.amend(&first, &lowered, now()).await.unwrap();
    let second = kept(&table, &first).await;
    let before = table.raw(&Key::Response(first.id)).await;
    assert_eq!(
        amend(&table, &first, scores(5, Some(1))).await,
        Amended::Overtaken
    );
    assert_eq!(table.raw(&Key::Response(first.id)).await, before);

    let _buried = table.store.bury(first.id, now()).await.unwrap();
    let tombstone = table.raw(&Key::Response(first.id)).await;
    for seen in [&first, &second] {
        assert_eq!(
            amend(&table, seen, scores(7, Some(1))).await,
            Amended::Overtaken
        );
    }
    assert_eq!(table.raw(&Key::Response(first.id)).await, tombstone);

    table.remove(&Key::Response(first.id)).await;
    assert_eq!(
        amend(&table, &first, scores(7, Some(1))).await,
        Amended::Overtaken
    );
    assert_eq!(
        table.raw(&Key::Response(first.id)).await,
        None,
        "updates never create"
    );
}

#[tokio::test]
async fn what_a_newer_version_keeps_in_a_response_stays() {
    let table = Table::new().await;
    let first = accepted(&table, json!({"nps": 9})).await;
    let mut newer = table.raw(&Key::Response(first.id)).await.unwrap();
    let mood = AttributeValue::S("sunny".to_owned());
    newer.insert("mood".to_owned(), mood.clone());
    if let Some(AttributeValue::M(response)) = newer.get_mut("response") {
        response.insert("mood".to_owned(), mood.clone());
    }
    table.plant(newer).await;
    assert_eq!(amend(&table, &first, scores(2, None)).await, Amended::Done);
    let kept = table.raw(&Key::Response(first.id)).await.unwrap();
    let within = kept["response"].as_m().unwrap();
    assert_eq!((&kept["mood"], &within["mood"]), (&mood, &mood));
}

#[tokio::test]
async fn a_lost_answer_writes_once() {
    let table = Table::new().await;
    let first = accepted(&table, json!({"nps": 9})).await;
    table.lose_answer_of("TransactWriteItems");
    let lowered = change(&first, scores(2, None));
    let amended = table.store.amend(&first, &lowered, now()).await.unwrap();
    assert_eq!((amended, table.lost()), (Amended::Done, 1));
    assert_eq!(
        amend(&table, &first, scores(2, None)).await,
        Amended::Overtaken
    );
    assert_eq!(kept(&table, &first).await.amended, Some(lowered));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_done() {
    let table = Table::new().await;
    let first = accepted(&table, json!({"nps": 10})).await;
    let changes: Vec<_> = (0..8).map(|n| change(&first, scores(n, None))).collect();
    let all = join_all(changes.iter().map(|c| table.store.amend(&first, c, now()))).await;
    let done: Vec<_> = changes
        .iter()
        .zip(&all)
        .filter(|(_, amended)| matches!(amended, Ok(Amended::Done)))
        .collect();
    assert_eq!(done.len(), 1);
    assert_eq!(kept(&table, &first).await.amended, Some(*done[0].0));
}
