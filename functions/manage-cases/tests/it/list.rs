use resound_domain::policy::Priority;
use serde_json::{Value, json};

use crate::support::{Answer, Desk, Request, after, pairs};

fn ids(answer: &Answer) -> Vec<u32> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let cases = answer.body["cases"].as_array().unwrap();
    // The ids of these tests are small, so their last digits are decimal.
    cases
        .iter()
        .map(|case| case["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// Five cases: the first most urgent, then acknowledged, resolved, closed; the last owned by the caller.
async fn five() -> Desk {
    let desk = Desk::new().await;
    let mut all = Vec::new();
    for (n, priority) in [
        Priority::P1,
        Priority::P2,
        Priority::P3,
        Priority::P3,
        Priority::P4,
    ]
    .into_iter()
    .enumerate()
    {
        all.push(desk.opened(n as u128 + 1, priority).await);
    }
    desk.done(all[1], json!({"command": "acknowledge"})).await;
    desk.done(all[2], json!({"command": "resolve", "message": "done"}))
        .await;
    desk.done(
        all[3],
        json!({"command": "decline", "reason": "We do not make it any more."}),
    )
    .await;
    desk.done(all[3], json!({"command": "close"})).await;
    desk.done(all[4], json!({"command": "assign"})).await;
    desk
}

#[tokio::test]
async fn the_most_urgent_comes_first_and_closed_ones_only_when_asked_for() {
    let desk = five().await;
    let list = |query: &'static str| desk.send(Request::list(query).at(after(61)));
    let all = list("").await;
    assert_eq!(ids(&all)[..2], [1, 2]);
    assert_eq!(ids(&all).len(), 4);
    assert_eq!(all.body["next"], Value::Null);
    insta::assert_json_snapshot!(all.body["cases"][0]);
    assert_eq!(
        ids(&list("state=&owner=&cursor=&priority=&limit=").await),
        ids(&all)
    );
    assert_eq!(ids(&list("state=open").await), [1, 5]);
    assert_eq!(ids(&list("state=resolved").await), [3]);
    assert_eq!(ids(&list("state=closed").await), [4]);
    assert_eq!(ids(&list("state=closed,resolved").await).len(), 2);
    assert_eq!(ids(&list("state=closed&state=acknowledged").await).len(), 2);
    assert_eq!(ids(&list("owner=me").await), [5]);
    assert_eq!(ids(&list("owner=agent-7&state=open").await), [5]);
    assert_eq!(ids(&list("owner=nobody").await), [0_u32; 0]);
    assert_eq!(ids(&list("priority=P2").await), [2]);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let desk = five().await;
    let whole = ids(&desk.send(Request::list("")).await);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk
            .send(Request::list(&format!("limit=1&cursor={cursor}")))
            .await;
        seen.extend(ids(&page));
        match page.body["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, whole);
}

#[tokio::test]
async fn a_list_is_true_before_the_sweep() {
    let desk = five().await;
    let later = after(4 * 24 * 60);
    assert_eq!(
        ids(&desk.send(Request::list("state=resolved").at(later)).await),
        [0_u32; 0]
    );
    let open = desk.send(Request::list("state=open").at(later)).await;
    assert_eq!(open.body["cases"][0]["respond_overdue"], true);
    assert_eq!(open.body["cases"][0]["version"], 1);
}

#[tokio::test]
async fn every_fault_of_a_query_is_named() {
    let desk = Desk::new().await;
    let bad = "state=lost&owner=%0A&priority=P9&cursor=%F0%9F%98%80&limit=101";
    for (language, query) in [("zh-CN", format!("{bad}&lang=zh")), ("en", bad.to_owned())] {
        let answer = desk.send(Request::list(&query)).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.headers["content-language"], language);
        assert_eq!(
            answer.faults(),
            pairs(&[
                ("state", "unknown-value"),
                ("owner", "invalid-owner"),
                ("priority", "unknown-value"),
                ("cursor", "invalid-cursor"),
                ("limit", "off-scale"),
            ])
        );
    }
    for hostile in [
        "limit=-1",
        "limit=+1",
        "limit=99999999999999999999",
        "limit=0",
        "cursor=1-x",
        "cursor='\" <>",
    ] {
        assert_eq!(
            desk.send(Request::list(hostile)).await.status,
            422,
            "{hostile}"
        );
    }
}
