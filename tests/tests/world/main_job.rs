//! What the system is for, from a posted form to an answered customer and a morning's score.

use jiff::SignedDuration;
use jiff::civil::date;
use resound_domain::form::FormId;
use resound_domain::tally::Cause;
use resound_sinks::standard::Secret;
use resound_tests::World;
use resound_tests::world::{Ended, WEBHOOK_SECRET};
use serde_json::{Value, json};

pub(crate) fn complaint() -> Value {
    json!({
        "text": "The box was broken when it came.",
        "nps": 4,
        "contact": {"email": "ann@customer.example", "name": "Ann"},
        "locale": "en",
    })
}

#[tokio::test]
async fn a_complaint_is_promised_an_answer_and_gets_it() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    assert_eq!(
        receipt.respond_by,
        Some("2026-11-03T02:00:00Z".parse().unwrap())
    );
    assert_eq!(
        receipt.resolve_by,
        Some("2026-11-05T02:00:00Z".parse().unwrap())
    );
    world.drain().await;

    let listed = world.staff_get("/v1/cases?state=open").await.expect(200);
    assert_eq!(listed.json()["cases"][0]["id"], json!(receipt.id));

    world.advance("PT1H").await;
    world
        .command(receipt.case, json!({"command": "acknowledge"}))
        .await;
    let reply = json!({"command": "reply", "message": "Which colour do you want?"});
    world.command(receipt.case, reply).await;
    world.advance("PT1H").await;
    let resolve = json!({"command": "resolve", "message": "A new one is on its way."});
    world.command(receipt.case, resolve).await;
    world.drain().await;

    let mails = world.mails();
    let to_ann: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to_ann, ["ann@customer.example"; 2]);
    assert!(mails[0].text.contains("Which colour do you want?"));
    assert!(mails[1].text.contains("A new one is on its way."));
    assert!(mails[1].text.contains(&receipt.status), "{}", mails[1].text);
    assert!(world.alerts().is_empty(), "nothing was late");

    let status = world.get(&receipt.status).await.expect(200).json();
    assert_eq!(status["state"], "resolved");
    let steps = status["timeline"].as_array().unwrap();
    let steps: Vec<_> = steps
        .iter()
        .map(|step| step["type"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["received", "acknowledged", "replied", "resolved"]);
}

#[tokio::test]
async fn an_outcome_that_did_not_help_is_worked_again_until_it_does() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    let resolve = json!({"command": "resolve", "message": "A new one is on its way."});
    world.command(receipt.case, resolve.clone()).await;
    world.drain().await;
    // The letter asks, and its links lead to the page, which shows the same question.
    let letter = world.mails().pop().unwrap().text;
    for solved in ["yes", "no"] {
        let link = format!("{}?outcome=2&solved={solved}#solved", receipt.status);
        assert!(letter.contains(&link), "{letter}");
        let link = link.strip_suffix("#solved").unwrap();
        let status = world.get(link).await.expect(200).json();
        assert_eq!(status["question"], json!({"outcome": 2, "said": null}));
        assert_eq!(status["state"], "resolved", "a link alone says nothing");
    }

    world.advance("PT5H").await;
    let no = json!({"solved": "no", "outcome": 2, "text": "It came broken as well."});
    let heard = world
        .say_patiently(&receipt, "helped", &no)
        .await
        .expect(200);
    assert_eq!(heard.json()["state"], "reopened");
    world.drain().await;
    assert_eq!(kinds(&world), ["dispute"], "the owner hears of it");
    let told = world.letters().pop().unwrap();
    assert_eq!(told.to, "owner@example.com");
    assert!(!told.text.contains("broken"), "no words of a customer");
    let case = world.case(receipt.case).await;
    let last = case["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["type"], "disputed");
    assert_eq!(last["message"], "It came broken as well.");

    world.command(receipt.case, resolve).await;
    world.drain().await;
    let second = world.get(&receipt.status).await.expect(200).json();
    let outcome = second["question"]["outcome"].clone();
    assert_ne!(outcome, json!(2), "it is asked anew");
    let old = json!({"solved": "yes", "outcome": 2});
    let refused = world.say_patiently(&receipt, "helped", &old).await;
    assert_eq!(refused.status, 409, "that letter was about something else");
    let yes = json!({"solved": "yes", "outcome": outcome});
    let closed = world
        .say_patiently(&receipt, "helped", &yes)
        .await
        .expect(200);
    assert_eq!(closed.json()["state"], "closed");
    world.drain().await;
    assert_eq!(
        world.mails().len(),
        2,
        "one letter for each outcome, and none for an answer"
    );
    assert_eq!(kinds(&world), ["dispute"], "nothing more is told");
}

#[tokio::test]
async fn what_a_customer_writes_ends_the_wait_and_reaches_the_owner() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    let ask = json!({"command": "await_customer", "message": "Which colour?"});
    world.command(receipt.case, ask).await;
    world.drain().await;
    world.advance("PT40H").await;
    let words = json!({"text": "Blue."});
    let heard = world
        .say_patiently(&receipt, "messages", &words)
        .await
        .expect(200);
    assert_eq!(heard.json()["state"], "acknowledged");
    world.drain().await;
    assert_eq!(kinds(&world), ["words"]);
    // What they wrote awaits an answer of its own.
    let case = world.case(receipt.case).await;
    assert!(
        case["clocks"]["next_response"]["due"].is_string(),
        "{}",
        case["clocks"]
    );
}

#[tokio::test]
async fn a_breach_is_warned_of_and_alerted_once_each_and_then_escalated() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    world.advance("PT18H").await;
    assert_eq!(kinds(&world), ["warning"], "at 75 % of 24 hours");
    world.advance("PT6H").await;
    assert_eq!(
        kinds(&world),
        ["warning"],
        "answering at the deadline is in time"
    );
    world.advance("PT1S").await;
    assert_eq!(kinds(&world), ["warning", "breach"]);
    for _ in 0..3 {
        world.sweep().await;
        world.advance("PT1M").await;
    }
    assert_eq!(kinds(&world), ["warning", "breach"], "once each");
    world.advance("PT24H").await;
    let kinds = kinds(&world);
    assert_eq!(
        kinds,
        [
            "warning",
            "breach",
            "escalation",
            "escalation",
            "escalation"
        ]
    );
    let told: Vec<_> = world
        .letters()
        .into_iter()
        .map(|letter| letter.to)
        .collect();
    assert_eq!(
        told,
        [
            "owner@example.com",
            "owner@example.com",
            "team-lead@example.com",
            "manager@example.com",
            "executive@example.com",
        ]
    );
    let secret: Secret = WEBHOOK_SECRET.parse().unwrap();
    for webhook in world.alerts() {
        let signature = secret.sign(&webhook.id, webhook.timestamp, &webhook.payload);
        assert_eq!(webhook.signature, signature);
        assert!(
            !webhook.payload.contains("broken"),
            "no words of a customer"
        );
    }
    // Late is late, but the customer is answered.
    let resolve = json!({"command": "resolve", "message": "Sorry for the wait."});
    world.command(case, resolve).await;
    world.drain().await;
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn a_severity_signal_reaches_an_executive_at_once() {
    let mut world = World::new().await;
    let severe = json!({"text": "充电器起火了，非常危险！", "nps": 0});
    let receipt = world.submit(severe).await;
    assert_eq!(
        receipt.respond_by,
        Some("2026-11-02T04:00:00Z".parse().unwrap())
    );
    world.drain().await;
    assert_eq!(kinds(&world), ["severe"]);
    assert_eq!(world.letters()[0].to, "executive@example.com");
}

#[tokio::test]
async fn a_resolved_case_closes_by_itself_and_reopens_with_fresh_clocks() {
    let mut world = World::new().await;
    let receipt = world.submit(complaint()).await;
    let resolve = json!({"command": "resolve", "message": "Done."});
    world.command(receipt.case, resolve).await;
    world.advance("P3D").await;
    let closed = world.case(receipt.case).await;
    assert_eq!(closed["state"], "closed");
    assert_eq!(closed["closed_at"], "2026-11-05T02:00:00Z");
    world.advance("P30D").await;
    let reopened = world
        .command(receipt.case, json!({"command": "reopen"}))
        .await;
    assert_eq!(reopened["respond_by"], "2026-12-06T02:00:00Z");
    world.drain().await;
    assert_eq!(
        world.log(receipt.case).await,
        ["opened", "resolved", "closed", "reopened"]
    );
    let decline = json!({"command": "decline", "reason": "We do not sell it any more."});
    world.command(receipt.case, decline).await;
    world.advance("P4D").await;
    assert_eq!(world.case(receipt.case).await["state"], "closed");
    assert!(
        world.mails()[1]
            .text
            .contains("We do not sell it any more.")
    );
}

#[tokio::test]
async fn a_pause_stops_the_clocks() {
    let mut world = World::new().await;
    let case = world.submit(complaint()).await.case;
    let ask = json!({"command": "await_customer", "message": "Which one?"});
    world.command(case, ask).await;
    world.advance("P5D").await;
    assert!(world.alerts().is_empty(), "the customer's time is not ours");
    world.command(case, json!({"command": "resume"})).await;
    let resumed = world.case(case).await;
    assert_eq!(resumed["resolve_by"], "2026-11-10T02:00:00Z");
    // The loop is closed within seven days, whoever waits for whom.
    assert_eq!(resumed["close_by"], "2026-11-09T02:00:00Z");
    world.drain().await;
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn without_a_contact_the_status_page_carries_the_outcome() {
    let mut world = World::new().await;
    let receipt = world
        .submit(json!({"text": "The door does not close.", "nps": 2, "locale": "en"}))
        .await;
    let resolve = json!({"command": "resolve", "message": "We have oiled it."});
    world.command(receipt.case, resolve).await;
    world.drain().await;
    assert!(world.mails().is_empty());
    let case = world.case(receipt.case).await;
    assert_eq!(case["timeline"][1]["notices"][0]["status"], "no_contact");
    let status = world.get(&receipt.status).await.expect(200);
    assert!(status.body.contains("We have oiled it."));
}

#[tokio::test]
async fn every_night_the_score_of_the_day_is_there() {
    let mut world = World::new().await;
    for (nps, channel) in [(10, "web"), (9, "web"), (7, "app"), (8, "app")] {
        world.submit(json!({"nps": nps, "channel": channel})).await;
    }
    world.submit(json!({"text": "好看"})).await;
    world.advance("PT24H").await;
    let path = "/v1/nps?from=2026-11-02&to=2026-11-02&by=channel";
    let report = world.staff_get(path).await.expect(200).json();
    let row = |key: &str| {
        let rows = report["rows"].as_array().unwrap().iter();
        rows.clone().find(|row| row["key"] == key).unwrap().clone()
    };
    assert_eq!(
        row("web")["n"],
        2,
        "a question that was skipped is no answer"
    );
    assert_eq!(row("web")["nps"].as_f64(), Some(100.0));
    assert_eq!(row("app")["passives"], 2);
    assert_eq!(row("app")["nps"].as_f64(), Some(0.0));
    let tallies = world.dump();
    let counted = world.replay(date(2026, 11, 2)).await;
    assert!(matches!(counted, Ended::Returned(_)), "{counted:?}");
    let mut again = world.dump();
    let run = "TALLY#default / RUN#2026-11-02".to_owned();
    assert_ne!(
        again.insert(run.clone(), tallies[&run].clone()),
        Some(tallies[&run].clone()),
        "it was counted again"
    );
    assert_eq!(tallies, again, "a night counts, it does not add");
}

#[tokio::test]
async fn a_late_answer_reaches_the_figures_of_its_day_and_nothing_else_of_the_case() {
    let mut world = World::new().await;
    let unhappy = world.submit(complaint()).await;
    let silent = world.submit(json!({"text": "好看"})).await;
    world.advance("PT48H").await;
    let path = "/v1/nps?from=2026-11-02&to=2026-11-02&by=survey";
    let report = world.staff_get(path).await.expect(200).json();
    let row = &report["rows"][0];
    assert_eq!((&row["n"], &row["detractors"]), (&json!(1), &json!(1)));
    let before = world.case(unhappy.case).await;

    for (receipt, nps) in [(&unhappy, 10), (&silent, 9)] {
        let scores = json!({"nps": nps});
        let kept = world.say_patiently(receipt, "scores", &scores).await;
        assert_eq!(kept.expect(200).json()["scores"], scores);
    }
    let status = world.get(&unhappy.status).await.expect(200).json();
    assert_eq!(status["scores"], json!({"nps": 10}));
    // The index must show it by then.
    world.pass(SignedDuration::from_mins(16));
    world.tally().await;
    let report = world.staff_get(path).await.expect(200).json();
    let row = &report["rows"][0];
    assert_eq!((&row["n"], &row["promoters"]), (&json!(2), &json!(2)));
    let (survey, day) = (FormId::default_form(), date(2026, 11, 2));
    let corrections = world.store.corrections(&survey, day, day).await.unwrap();
    let why: Vec<_> = corrections
        .iter()
        .flat_map(|correction| correction.why.iter().copied())
        .collect();
    assert_eq!(why, [Cause::LateAnswer, Cause::Edit], "one correction");

    let mut after = world.case(unhappy.case).await;
    let changed = &after["response"]["scores_changed"];
    assert_eq!(changed["first"], json!({"nps": 4}));
    for (name, value) in [("nps", json!(4)), ("scores_changed", Value::Null)] {
        after["response"][name] = value;
    }
    assert_eq!(
        after, before,
        "its priority and clocks are those of the first"
    );
}

#[tokio::test]
async fn a_retry_of_what_was_erased_does_not_bring_it_back() {
    let mut world = World::new().await;
    let (key, praise) = ("erased-0123456789", json!({"nps": 10, "text": "太好用了"}));
    let first = world.submit_patiently(&praise, key).await.expect(201);
    let again = world.submit_patiently(&praise, key).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    let other = json!({"nps": 9, "text": "太好用了"});
    world.submit_patiently(&other, key).await.expect(409);

    let id = first.json()["id"].as_str().unwrap().parse().unwrap();
    let buried = world.store.bury(id, world.machine_now()).await.unwrap();
    assert_eq!(buried, resound_store::Buried::Buried);
    world.submit_patiently(&praise, key).await.expect(410);
    let status = first.json()["status_url"].as_str().unwrap().to_owned();
    let status = status.replace(resound_tests::world::PUBLIC_URL, "");
    let gone = world.get(&status).await;
    assert!(matches!(gone.status, 404 | 410), "{gone:?}");
}

/// What the webhooks were about, in order.
fn kinds(world: &World) -> Vec<String> {
    let alerts = world.alerts().into_iter();
    let kind = |json: Value| json["data"]["matter"]["kind"].as_str().unwrap().to_owned();
    alerts.map(|webhook| kind(webhook.json())).collect()
}
