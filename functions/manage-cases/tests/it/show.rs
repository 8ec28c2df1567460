use jiff::SignedDuration;
use resound_domain::delivery::Fate;
use resound_domain::event::Effect;
use resound_domain::id::ResponseId;
use resound_domain::policy::Priority;
use resound_store::{
    Claim, DeliveryReport, Medium, NoticeKey, Outcome, Recipient, Recorded, Reported, Telling,
};
use resound_testing::cases::book;
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{Desk, KEY, Request, after, pairs};

#[tokio::test]
async fn a_case_tells_everything_but_personal_data() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P2).await;
    let ask = json!({"command": "await_customer", "message": "请问包装完好吗？🙂"});
    let asked = Request::command(id, ask).key(KEY).at(after(30));
    assert_eq!(desk.send(asked).await.status, 200);
    let assigned =
        Request::command(id, json!({"command": "assign", "owner": "小王"})).at(after(40));
    assert_eq!(desk.send(assigned).await.status, 200);
    let answer = desk.shown(id, after(60)).await;
    assert_eq!((answer.status, answer.etag()), (200, "\"3\""));
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut body = answer.body.clone();
    // What triage makes of words is for its own tests.
    assert_eq!(body["response"]["triage"].take()["kind"], "complaint");
    insta::assert_json_snapshot!(body);
    let whole = answer.body.to_string();
    assert!(
        !whole.contains("13800138000") && !whole.contains("zhang.san"),
        "{whole}"
    );
}

#[tokio::test]
async fn what_time_did_is_shown_before_the_sweep_wrote_it() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P2).await;
    // The first response was due after four hours.
    let late = desk.shown(id, after(4 * 60 + 1)).await;
    assert_eq!(late.body["respond_overdue"], true);
    assert_eq!(late.body["resolve_overdue"], false);
    assert_eq!(late.body["clocks"]["first_response"]["outcome"], "missed");
    assert_eq!(late.etag(), "\"1\"", "only people change the tag");
    let types = |body: &Value| {
        let entries = body["timeline"].as_array().unwrap().clone();
        entries
            .iter()
            .map(|e| e["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(types(&late.body), ["opened", "warned", "breached"]);

    desk.sweep(id, after(4 * 60 + 1)).await;
    let swept = desk.shown(id, after(4 * 60 + 1)).await;
    assert_eq!(
        swept.body, late.body,
        "the sweep changes nothing that was told"
    );
}

#[tokio::test]
async fn a_resolved_case_is_closed_once_its_days_are_over() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.done(id, json!({"command": "resolve", "message": "done"}))
        .await;
    let days = |n: i64| after(n * 24 * 60);
    assert_eq!(desk.shown(id, days(2)).await.body["state"], "resolved");
    let closed = desk.shown(id, days(4)).await;
    assert_eq!(closed.body["state"], "closed");
    assert_eq!(
        closed.body["allowed"],
        json!(["record_customer_message", "reopen", "told"])
    );
}

#[tokio::test]
async fn whether_the_customer_was_told_is_said() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.done(id, json!({"command": "reply", "message": "one"}))
        .await;
    let notices = |body: &Value| body["timeline"][1]["notices"].clone();
    let told = |status: &str, attempts: u32| json!([{"recipient": "customer", "channel": "email", "status": status, "attempts": attempts}]);
    let seen = desk.shown(id, after(90)).await;
    assert_eq!(
        notices(&seen.body),
        json!([{"recipient": "customer", "channel": null, "status": "pending", "attempts": 0}])
    );

    let store = &desk.aws.store;
    let key = NoticeKey {
        case: id,
        cause: 2,
        recipient: Recipient::Customer,
        medium: Medium::EMAIL,
    };
    let lease = SignedDuration::from_secs(30);
    let Claim::Fresh(claimed) = store.claim(key, "a", start(), lease).await.unwrap() else {
        panic!("nobody else claims it");
    };
    assert_eq!(
        notices(&desk.shown(id, after(90)).await.body),
        told("in_progress", 1)
    );
    assert_eq!(store.release(&claimed).await.unwrap(), Recorded::Recorded);
    assert_eq!(
        notices(&desk.shown(id, after(90)).await.body),
        told("retrying", 1)
    );
    for (outcome, status) in [
        (Outcome::Sent { provider_id: None }, "sent"),
        (Outcome::Refused, "refused"),
        (Outcome::Unknown, "unknown"),
        (Outcome::NoContact, "no_contact"),
        (Outcome::NoConsent, "no_consent"),
        (Outcome::Suppressed, "suppressed"),
        (Outcome::MailOff, "mail_off"),
        (Outcome::Off, "off"),
        (Outcome::Unusable, "unusable"),
        (Outcome::ToTell, "to_tell"),
        (Outcome::NotReached, "not_reached"),
        (Outcome::Overtaken, "overtaken"),
    ] {
        let desk = Desk::new().await;
        let id = desk.opened(1, Priority::P3).await;
        desk.done(id, json!({"command": "reply", "message": "one"}))
            .await;
        let store = &desk.aws.store;
        let Claim::Fresh(claimed) = store.claim(key, "a", start(), lease).await.unwrap() else {
            panic!("nobody else claims it");
        };
        let recorded = store.record(&claimed, &outcome, start()).await.unwrap();
        assert_eq!(recorded, Recorded::Recorded);
        let _settled = store.settle(id, 2, Effect::CustomerNotice).await.unwrap();
        assert_eq!(
            notices(&desk.shown(id, after(90)).await.body),
            told(status, 1)
        );
    }
}

#[tokio::test]
async fn what_the_provider_told_later_is_shown() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.done(id, json!({"command": "reply", "message": "one"}))
        .await;
    let (store, lease) = (&desk.aws.store, SignedDuration::from_secs(30));
    let key = NoticeKey {
        case: id,
        cause: 2,
        recipient: Recipient::Customer,
        medium: Medium::EMAIL,
    };
    let Claim::Fresh(claimed) = store.claim(key, "a", start(), lease).await.unwrap() else {
        panic!("nobody else claims it");
    };
    let taken = Outcome::Sent { provider_id: None };
    let recorded = store.record(&claimed, &taken, start()).await.unwrap();
    assert_eq!(recorded, Recorded::Recorded);
    let _settled = store.settle(id, 2, Effect::CustomerNotice).await.unwrap();
    for (fate, at) in [(Fate::Delivered, after(70)), (Fate::Bounced, after(80))] {
        let seen = store.notice(key).await.unwrap().unwrap();
        let before = store.case(id).await.unwrap().unwrap();
        let told = seen.told_by(fate);
        let events = before.hear_of_notice(&told, after(60), &book());
        let mut now = before.clone();
        events.iter().for_each(|event| now.apply(event));
        let telling = (!told.is_empty()).then_some(Telling {
            before: &before,
            after: &now,
            events: &events,
        });
        let report = DeliveryReport {
            fate,
            at,
            provider_id: "0100",
        };
        let told = store.record_delivery(&seen, &report, telling, start());
        assert_eq!(told.await.unwrap(), Reported::Recorded);
    }
    let shown = desk.shown(id, after(90)).await.body;
    assert_eq!(
        shown["timeline"][1]["notices"][0]["delivery"],
        json!({"state": "bounced", "delivered_at": after(70), "bounced_at": after(80)})
    );
    let failed = &shown["timeline"][2];
    assert_eq!(failed["type"], "notice_failed");
    assert_eq!(
        (&failed["cause"], &failed["channel"], &failed["why"]),
        (&json!(2), &json!("email"), &json!("bounced"))
    );
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let tagged = |tag: &str, at| desk.send(Request::show(id).header("if-none-match", tag).at(at));
    let same = tagged("W/\"1\"", after(1)).await;
    assert_eq!(
        (same.status, same.etag(), &same.body),
        (304, "\"1\"", &Value::Null)
    );
    assert_eq!(tagged("\"2\"", after(1)).await.status, 200);
    assert_eq!(tagged("nonsense", after(1)).await.status, 200);
    // A warning changed what is shown, though not the tag.
    assert_eq!(tagged("\"1\"", after(20 * 60)).await.status, 200);
}

#[tokio::test]
async fn an_erased_response_leaves_its_case() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let buried = desk.aws.store.bury(ResponseId::from_bits(1), start()).await;
    let _buried = buried.unwrap();
    let answer = desk.shown(id, after(1)).await;
    assert_eq!(answer.body["response"], Value::Null);
    assert_eq!(answer.body["erased"], true);
    assert_eq!(answer.body["state"], "open");
}

#[tokio::test]
async fn no_such_case() {
    let desk = Desk::new().await;
    for id in [
        "00000000000000000000000009",
        "x",
        "",
        "../secret",
        "\u{202e}\0",
        "00000000000000000000000001 ",
    ] {
        let answer = desk.send(Request::show(id)).await;
        assert_eq!(answer.status, 404, "{id:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let answer = desk
            .send(Request::command(id, json!({"command": "acknowledge"})))
            .await;
        assert_eq!(answer.status, 404, "{id:?}");
    }
}

#[tokio::test]
async fn only_those_who_may_read_read() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    for request in [Request::show(id), Request::list("")] {
        let nobody = desk.send(request.clone().nobody()).await;
        assert_eq!(nobody.status, 401);
        assert_eq!(nobody.headers["www-authenticate"], "Bearer");
        let analyst = request
            .clone()
            .scopes("resound/reports.read resound/cases.write");
        assert_eq!(desk.send(analyst).await.status, 403);
        assert_eq!(
            desk.send(request.scopes("resound/cases.read")).await.status,
            200
        );
    }
}

#[tokio::test]
async fn whoever_must_reach_a_customer_is_given_the_words() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.untold(id).await;

    let seen = desk.shown(id, after(10)).await.body;
    let timeline = seen["timeline"].as_array().unwrap();
    assert!(timeline[..2].iter().all(|entry| entry["script"].is_null()));
    let reference = seen["reference"].as_str().unwrap();
    let script = timeline[2]["script"].as_str().unwrap();
    assert!(script.contains(reference), "{script}");
    assert!(
        script.ends_with("已为您换新。\n这样解决您的问题了吗？"),
        "{script}"
    );
}

/// The entries of the ledger beside the outcome: channel, status and attempts.
fn entries(body: &Value) -> Vec<(&str, &str, u64)> {
    let entries = body["timeline"][1]["notices"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap();
            (
                text("channel"),
                text("status"),
                entry["attempts"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn whoever_calls_a_customer_says_what_came_of_it() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.untold(id).await;
    let seen = desk.shown(id, after(10)).await.body;
    assert_eq!(
        seen["to_tell"],
        json!({"cause": 2, "since": after(60), "attempts": 0, "due": after(60 + 24 * 60), "overdue": false})
    );
    assert_eq!(seen["clocks"]["tell"]["due"], json!(after(60 + 24 * 60)));
    let list = |query: &'static str| desk.send(Request::list(query).at(after(20)));
    let listed = async |query| list(query).await.body["cases"].as_array().unwrap().len();
    assert_eq!(listed("to_tell=true").await, 1);
    assert_eq!(listed("to_tell=true&state=open").await, 0);

    let tried = desk
        .done(
            id,
            json!({"command": "told", "reached": false, "how": "phone", "note": "没人接。"}),
        )
        .await
        .body;
    assert_eq!(tried["to_tell"]["attempts"], 1);
    assert_eq!(entries(&tried), [("person", "to_tell", 1)]);
    let attempt = &tried["timeline"][3];
    assert_eq!(
        (&attempt["type"], &attempt["cause"], &attempt["how"]),
        (&json!("not_reached"), &json!(2), &json!("phone"))
    );
    assert_eq!(
        (&attempt["gave_up"], &attempt["message"]),
        (&json!(false), &json!("没人接。"))
    );
    assert!(
        tried["timeline"][2]["script"].is_string(),
        "still to be said"
    );

    let told = json!({"command": "told", "reached": true, "how": "in_person", "cause": 2});
    let done = Request::command(id, told.clone())
        .key(KEY)
        .at(after(60 * 24 * 30));
    let done = desk.send(done).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(entries(&done.body), [("person", "told", 2)]);
    assert_eq!(done.body["to_tell"], Value::Null);
    let steps = done.body["timeline"].as_array().unwrap()[4..].iter();
    let steps: Vec<_> = steps
        .map(|entry| (&entry["type"], &entry["step"]))
        .collect();
    let (reminded, told_by_then) = steps.split_at(5);
    let ladder = ["warning", "breach", "team_lead", "manager", "executive"];
    assert!(
        reminded
            .iter()
            .zip(ladder)
            .all(|(entry, step)| *entry == (&json!("reminded"), &json!(step)))
    );
    assert_eq!(*told_by_then, [(&json!("told"), &Value::Null)]);
    assert!(
        done.body["timeline"][2]["script"].is_null(),
        "nothing is left to say"
    );
    // Three days of silence count from the call.
    assert_eq!(done.body["closes_at"], json!(after(60 * 24 * 33)));
    assert_eq!(listed("to_tell=true").await, 0);
    assert_eq!(desk.shown(id, after(60 * 24 * 30)).await.body, done.body);

    // Said again, it is the same; said anew, there is nothing left to say it of.
    let again = desk
        .send(Request::command(id, told).key(KEY).at(after(60 * 24 * 31)))
        .await;
    assert_eq!((again.status, &again.body), (200, &done.body));
    let nothing = json!({"command": "told", "reached": true, "how": "letter"});
    let nothing = desk
        .send(Request::command(id, nothing).at(after(60 * 24 * 31)))
        .await;
    assert_eq!(nothing.status, 409);
}

#[tokio::test]
async fn whoever_gives_up_calling_is_asked_no_more() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.untold(id).await;
    let gave_up = json!({"command": "told", "reached": false, "how": "phone", "give_up": true});
    let body = desk.done(id, gave_up).await.body;
    assert_eq!(entries(&body), [("person", "not_reached", 1)]);
    assert_eq!(
        (&body["to_tell"], &body["timeline"][3]["gave_up"]),
        (&Value::Null, &json!(true))
    );
}

#[tokio::test]
async fn what_is_said_of_a_call_is_checked() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    desk.untold(id).await;
    for (body, faults) in [
        (
            json!({}),
            &[("how", "required"), ("reached", "required")][..],
        ),
        (
            json!({"reached": "yes", "how": "phone"}),
            &[("reached", "wrong-type")],
        ),
        (
            json!({"reached": true, "how": "pigeon"}),
            &[("how", "unknown-value")],
        ),
        (
            json!({"reached": true, "how": "phone", "give_up": true}),
            &[("give_up", "unexpected")],
        ),
        (
            json!({"reached": true, "how": "phone", "cause": "2"}),
            &[("cause", "wrong-type")],
        ),
        (
            json!({"reached": true, "how": "phone", "note": " "}),
            &[("note", "blank")],
        ),
        // The customer is told of no opening, and of nothing that did not happen.
        (
            json!({"reached": true, "how": "phone", "cause": 1}),
            &[("cause", "unknown-event")],
        ),
        (
            json!({"reached": true, "how": "phone", "cause": 9}),
            &[("cause", "unknown-event")],
        ),
        (
            json!({"reached": true, "how": "phone", "message": "x"}),
            &[("message", "unexpected")],
        ),
    ] {
        let mut body = body;
        body["command"] = "told".into();
        let refused = desk.send(Request::command(id, body.clone())).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.faults(), pairs(faults), "{body}");
    }
    let other = json!({"command": "acknowledge", "how": "phone", "reached": true});
    let refused = desk.send(Request::command(id, other)).await;
    assert_eq!(
        refused.faults(),
        pairs(&[("reached", "unexpected"), ("how", "unexpected")])
    );
    let refused = desk.send(Request::list("to_tell=maybe")).await;
    assert_eq!(refused.faults(), pairs(&[("to_tell", "unknown-value")]));
}
