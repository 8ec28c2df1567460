use futures::future::join_all;
use resound_domain::case::{MAX_ABSORBED, Verb};
use resound_domain::policy::Priority;
use serde_json::{Value, json};

use crate::support::{Desk, KEY, Request, after, pairs};

fn kinds(body: &Value) -> Vec<&str> {
    let timeline = body["timeline"].as_array().unwrap();
    timeline
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_case_goes_the_whole_way() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P2).await;
    for (n, body) in [
        json!({"command": "acknowledge"}),
        json!({"command": "assign"}),
        json!({"command": "reply", "message": "We are looking into it."}),
        json!({"command": "await_customer"}),
        json!({"command": "resume"}),
        json!({"command": "resolve", "message": "已退还邮费。\r\n谢谢 🙏"}),
        json!({"command": "reopen"}),
        json!({"command": "decline", "reason": "שלום: we cannot."}),
        json!({"command": "close"}),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = desk.done(id, body).await;
        assert_eq!(answer.etag(), format!("\"{}\"", n + 2));
    }
    let shown = desk.shown(id, after(61)).await;
    insta::assert_json_snapshot!(shown.body["timeline"]);
    assert_eq!(shown.body["owner"], "agent-7");
}

#[tokio::test]
async fn the_answer_to_a_command_is_the_case() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let late = after(25 * 60);
    let reply = json!({"command": "reply", "message": "Sorry!"});
    let answer = desk.send(Request::command(id, reply).at(late)).await;
    assert_eq!(
        kinds(&answer.body),
        ["opened", "warned", "breached", "replied"]
    );
    assert_eq!(answer.body, desk.shown(id, late).await.body);
    assert_eq!(answer.etag(), "\"4\"");
}

#[tokio::test]
async fn of_two_who_saw_the_same_one_is_told_to_look_again() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let command = |sub, body| {
        desk.send(
            Request::command(id, body)
                .header("if-match", "\"1\"")
                .sub(sub),
        )
    };
    let (ann, bob) = tokio::join!(
        command("ann", json!({"command": "reply", "message": "from ann"})),
        command("bob", json!({"command": "resolve", "message": "from bob"})),
    );
    let mut statuses = [ann.status, bob.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let refused = if ann.status == 412 { ann } else { bob };
    assert_eq!(refused.etag(), "\"2\"");
    assert_eq!(kinds(&desk.shown(id, after(61)).await.body).len(), 2);
}

#[tokio::test]
async fn without_a_precondition_all_get_through() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let reply = |n: u32| {
        let body = json!({"command": "reply", "message": format!("{n}")});
        desk.send(Request::command(id, body))
    };
    let answers = join_all((0..4).map(reply)).await;
    assert!(answers.iter().all(|a| a.status == 200), "{answers:?}");
    assert_eq!(kinds(&desk.shown(id, after(61)).await.body).len(), 5);
}

#[tokio::test]
async fn the_sweep_never_refuses_an_agent() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.sweep(id, after(30 * 60)).await;
    let body = json!({"command": "reply", "message": "late but here"});
    let request = Request::command(id, body)
        .header("if-match", "\"1\"")
        .at(after(31 * 60));
    let answer = desk.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn preconditions_are_those_of_http() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let matching = |tags: &str| {
        let body = json!({"command": "assign", "owner": "ann"});
        desk.send(Request::command(id, body).header("if-match", tags))
    };
    for (tags, status) in [
        ("W/\"1\"", 412),
        ("\"2\", \"01\"", 412),
        ("1", 400),
        ("\"1", 400),
        ("", 400),
        ("*", 200),
        ("\"x\", \"2\"", 200),
    ] {
        assert_eq!(matching(tags).await.status, status, "{tags}");
    }
    let version = |n: u32| {
        let body = json!({"command": "assign", "owner": "ann", "version": n});
        desk.send(Request::command(id, body))
    };
    let stale = version(2).await;
    assert_eq!((stale.status, stale.etag()), (412, "\"3\""));
    assert_eq!(version(3).await.status, 200);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let body = json!({"command": "reply", "message": "one"});
    let reply = |body: &Value| {
        Request::command(id, body.clone())
            .key(KEY)
            .header("if-match", "\"1\"")
    };
    let first = desk.send(reply(&body)).await;
    assert_eq!(first.status, 200);
    desk.done(id, json!({"command": "resolve", "message": "two"}))
        .await;
    desk.sweep(id, after(10 * 24 * 60)).await;
    let again = desk.send(reply(&body).at(after(11 * 24 * 60))).await;
    assert_eq!(again, first);

    for other in [
        json!({"command": "reply", "message": "other"}),
        json!({"command": "resolve", "message": "one"}),
        json!({"command": "acknowledge"}),
    ] {
        let reused = desk.send(reply(&other)).await;
        assert_eq!(reused.status, 409, "{other}");
        let kind = reused.body["type"].as_str().unwrap();
        assert!(kind.ends_with("idempotency-key-reused"), "{kind}");
    }
    // The key of one person says nothing about the command of another.
    let other = Request::command(id, json!({"command": "assign"}))
        .key(KEY)
        .sub("bob");
    assert_eq!(desk.send(other).await.status, 409, "it is closed");
    let kinds = kinds(&desk.shown(id, after(61)).await.body).join(" ");
    assert_eq!(kinds, "opened replied resolved closed");
}

#[tokio::test]
async fn at_the_same_time_a_repeat_is_done_once() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let body = json!({"command": "reply", "message": "one"});
    let all = (0..4).map(|_| desk.send(Request::command(id, body.clone()).key(KEY)));
    let answers = join_all(all).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(answers[0].status, 200);
    assert_eq!(
        kinds(&desk.shown(id, after(61)).await.body),
        ["opened", "replied"]
    );
}

#[tokio::test]
async fn a_request_delivered_twice_is_done_once() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let request = Request::command(id, json!({"command": "reply", "message": "one"}));
    let first = desk.send(request.clone()).await;
    assert_eq!(desk.send(request).await, first);
    // Another request with the same words is another message.
    desk.done(id, json!({"command": "reply", "message": "one"}))
        .await;
    assert_eq!(kinds(&desk.shown(id, after(61)).await.body).len(), 3);
}

#[tokio::test]
async fn the_wrong_state_says_what_is_right() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let resume = || Request::command(id, json!({"command": "resume"}));
    let refused = desk.send(resume()).await;
    assert_eq!(refused.status, 409);
    insta::assert_json_snapshot!(refused.body);
    let chinese = desk.send(resume().header("accept-language", "zh-CN")).await;
    insta::assert_json_snapshot!(chinese.body);
}

#[tokio::test]
async fn every_fault_is_named_in_the_language_of_the_caller() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let body = json!({"command": "fix", "message": "\u{10ffff}".repeat(10_001), "owner": "a\u{0}b", "version": -1});
    let request = Request::command(id, body).key("too short");
    let english = desk.send(request.clone()).await;
    assert_eq!(english.status, 422);
    insta::assert_json_snapshot!(english.body);
    let chinese = desk.send(request.header("accept-language", "zh")).await;
    insta::assert_json_snapshot!(chinese.body);
    for verb in Verb::ALL {
        assert!(english.body.to_string().contains(verb.name()));
    }
    let missing = desk
        .send(Request::command(
            id,
            json!({"command": "decline", "message": "no"}),
        ))
        .await;
    assert_eq!(
        missing.faults(),
        pairs(&[("message", "unexpected"), ("reason", "required")])
    );
    assert_eq!(kinds(&desk.shown(id, after(61)).await.body), ["opened"]);
}

#[tokio::test]
async fn nothing_a_client_sends_is_our_fault() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let deep = "[".repeat(100_000);
    let deep_object = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let large = format!("{{\"command\":\"{}\"}}", "x".repeat(300_000));
    for (body, status) in [
        ("", 400),
        ("null", 400),
        ("[]", 400),
        ("{", 400),
        (deep.as_str(), 400),
        (deep_object.as_str(), 413),
        (large.as_str(), 413),
        (r#"{"command":"reply","message":"\ud800"}"#, 400),
        (r#"{"command":"reply","message":{"a":[1]}}"#, 422),
        (r#"{"command":"reply","message":"a","message":"b"}"#, 422),
        (r#"{"command":"reply","version":1e400}"#, 400),
        (r#"{"command":["acknowledge"]}"#, 422),
    ] {
        let answer = desk.send(Request::command_of_text(id, body)).await;
        let start: String = body.chars().take(40).collect();
        assert_eq!(answer.status, status, "{start}");
    }
    for (kind, status) in [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=gbk", 415),
    ] {
        let request =
            Request::command(id, json!({"command": "acknowledge"})).header("content-type", kind);
        assert_eq!(desk.send(request).await.status, status, "{kind}");
    }
    for key in [
        "",
        "with a blank in it",
        "short",
        "日本語日本語日本語日本語",
    ] {
        let request = Request::command(id, json!({"command": "acknowledge"})).key(key);
        let answer = desk.send(request).await;
        assert_eq!(
            answer.faults(),
            pairs(&[("idempotency_key", "invalid-key")]),
            "{key}"
        );
    }
    assert_eq!(kinds(&desk.shown(id, after(61)).await.body), ["opened"]);
}

#[tokio::test]
async fn only_those_who_may_write_write() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let request = Request::command(id, json!({"command": "acknowledge"}));
    assert_eq!(desk.send(request.clone().nobody()).await.status, 401);
    let reader = desk
        .send(request.clone().scopes("resound/cases.read"))
        .await;
    assert_eq!(reader.status, 403);
    assert_eq!(
        desk.send(request.scopes("resound/cases.write"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_merged_case_gets_the_outcome_of_its_survivor() {
    let desk = Desk::new().await;
    let (merged, survivor) = (
        desk.opened(1, Priority::P3).await,
        desk.opened(2, Priority::P3).await,
    );
    let answer = desk
        .done(merged, json!({"command": "merge", "into": survivor}))
        .await;
    assert_eq!(answer.body["state"], "merged");
    assert_eq!(answer.body["merged_into"], json!(survivor));
    assert_eq!(answer.body["allowed"], json!(["told"]));
    let shown = desk.shown(survivor, after(1)).await;
    assert_eq!(shown.body["absorbed"], json!([merged]));

    // What the customer says now is said to the survivor.
    let word = json!({"command": "record_customer_message", "message": "还没好"});
    let refused = desk.send(Request::command(merged, word.clone())).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["merged_into"], json!(survivor));
    desk.done(survivor, word).await;

    desk.done(
        survivor,
        json!({"command": "resolve", "message": "已换新。"}),
    )
    .await;
    let followed = desk.shown(merged, after(1)).await;
    let last = followed.body["timeline"]
        .as_array()
        .unwrap()
        .last()
        .cloned();
    let last = last.unwrap();
    assert_eq!(
        (&last["type"], &last["outcome"], &last["message"]),
        (&json!("followed"), &json!("resolved"), &json!("已换新。"))
    );
    assert_eq!(last["notices"][0]["recipient"], "customer");
}

/// No sweep has come by for days, and a person was to tell each of their customers a word of their own: what they missed
/// is more than a transaction holds.
#[tokio::test]
async fn an_outcome_for_many_cases_does_not_hide_what_was_missed_before_it() {
    let desk = Desk::new().await;
    let survivor = desk.opened(100, Priority::P3).await;
    let mut merged = Vec::new();
    for bits in 1..=MAX_ABSORBED {
        let id = desk.opened(bits as u128, Priority::P3).await;
        desk.done(id, json!({"command": "reply", "message": "请稍候。"}))
            .await;
        desk.asked(id, 2).await;
        desk.done(id, json!({"command": "merge", "into": survivor}))
            .await;
        merged.push(id);
    }
    let late = after(4 * 24 * 60);
    let resolve = json!({"command": "resolve", "message": "已换新。"});
    let resolved = desk
        .send(Request::command(survivor, resolve).at(late))
        .await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    for id in merged {
        let seen = desk.shown(id, late).await.body;
        let timeline = seen["timeline"].as_array().unwrap().iter();
        let types: Vec<_> = timeline
            .map(|entry| entry["type"].as_str().unwrap())
            .collect();
        let (asked, missed) = types.split_at(4);
        assert_eq!(asked, ["opened", "replied", "to_tell", "merged"]);
        assert_eq!(missed, [&["reminded"; 5][..], &["followed"]].concat());
    }
}

#[tokio::test]
async fn what_cannot_be_merged_is_refused_with_the_reason() {
    let desk = Desk::new().await;
    let (one, over) = (
        desk.opened(1, Priority::P3).await,
        desk.opened(2, Priority::P3).await,
    );
    desk.done(over, json!({"command": "resolve", "message": "done"}))
        .await;
    let merge = |into: String| Request::command(one, json!({"command": "merge", "into": into}));
    for (into, status) in [
        (one.to_string(), 409),
        (over.to_string(), 409),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(), 422),
    ] {
        let refused = desk.send(merge(into)).await;
        assert_eq!(refused.status, status, "{}", refused.body);
    }
    assert_eq!(desk.shown(one, after(1)).await.body["state"], "open");
}

#[tokio::test]
async fn a_case_that_somebody_else_works_is_given_away_by_a_lead_only() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let assign = |sub: &str, owner: &str, scopes: &str| {
        let body = json!({"command": "assign", "owner": owner});
        desk.send(Request::command(id, body).sub(sub).scopes(scopes))
    };
    let agent = "resound/cases.read resound/cases.write";
    let lead = "resound/cases.read resound/cases.write resound/cases.manage";
    // What nobody works is for everybody to hand out; what is mine I may hand on.
    assert_eq!(assign("ann", "bob", agent).await.status, 200);
    assert_eq!(assign("bob", "cat", agent).await.status, 200);
    for to in ["ann", "bob"] {
        let refused = assign("ann", to, agent).await;
        assert_eq!(
            (refused.status, &refused.body["role"]),
            (403, &json!("lead"))
        );
    }
    assert_eq!(assign("ann", "bob", lead).await.body["owner"], "bob");
}
