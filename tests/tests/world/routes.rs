//! How customers are reached, through every function that has a part in it.

use jiff::Timestamp;
use resound_domain::id::CaseId;
use resound_tests::World;
use resound_tests::world::Receipt;
use serde_json::{Value, json};

/// The entries of the ledger for the customer beside an event: route and status.
async fn routes(world: &mut World, case: CaseId, seq: usize) -> Vec<(String, String)> {
    let shown = world.case(case).await;
    let notices = shown["timeline"][seq - 1]["notices"].as_array().cloned();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    notices
        .unwrap_or_default()
        .iter()
        .filter(|notice| notice["recipient"] == "customer")
        .map(|notice| (text(&notice["channel"]), text(&notice["status"])))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |text: &str| text.to_owned();
    pairs.iter().map(|(a, b)| (owned(a), owned(b))).collect()
}

/// Lets machine time pass up to an instant.
fn until(world: &mut World, at: &str) {
    let at: Timestamp = at.parse().unwrap();
    world.pass(at.duration_since(world.machine_now()));
}

fn resolve() -> Value {
    json!({"command": "resolve", "message": "We have sent you a new one."})
}

#[tokio::test]
async fn a_text_message_waits_for_the_morning() {
    let mut world = World::new().await;
    let feedback = json!({"text": "坏了。", "nps": 1, "locale": "zh-CN", "contact": {"phone": "+86 138 0013 8000"}});
    let receipt = world.submit(feedback).await;
    until(&mut world, "2026-11-02T21:30:00+08:00");
    world.command(receipt.case, resolve()).await;
    world.drain().await;
    until(&mut world, "2026-11-03T07:59:00+08:00");
    world.sweep().await;
    world.drain().await;
    assert_eq!(world.mails().len(), 0);
    until(&mut world, "2026-11-03T08:01:00+08:00");
    world.sweep().await;
    world.drain().await;
    let caught = world.mails();
    assert_eq!(caught.len(), 1);
    assert_eq!(
        (caught[0].channel.as_str(), caught[0].to.as_str()),
        ("sms", "+8613800138000")
    );
    assert!(caught[0].text.contains("已处理完毕"), "{}", caught[0].text);
    world.settle().await;
    assert_eq!(world.mails().len(), 1);
    let mut entries = routes(&mut world, receipt.case, 2).await;
    entries.sort();
    let expected = [
        ("app", "no_contact"),
        ("email", "no_contact"),
        ("sms", "sent"),
    ];
    assert_eq!(entries, pairs(&expected));
}

#[tokio::test]
async fn a_test_message_says_what_customers_are_then_sent() {
    let mut world = World::new().await;
    let staff = "+8613900139000";
    world.configure("manage-policy", "TEST_TEXT_TO", staff);
    let wording = |sms: &str| json!({"zh-CN": sms, "zh-TW": sms, "en": sms});
    let document = json!({"sms": {"resolved": wording("Kettle {{reference}}: {{link}}")}});
    world
        .try_publish("/v1/templates", &document)
        .await
        .expect(201);
    let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": {"phone": "+86 138 0013 8000"}});
    let receipt = world.submit(feedback).await;
    // Longer than templates are remembered.
    until(&mut world, "2026-11-02T10:00:00+08:00");

    let mut wish = json!({"medium": "sms", "occasion": "resolved", "language": "en"});
    wish["to"] = "+8613800138000".into();
    let refused = world.try_out(&wish).await.expect(422);
    assert!(
        !refused.body.contains("1380013"),
        "a number is nobody's to read"
    );
    wish["to"] = staff.into();
    let told = world.try_out(&wish).await.expect(200).json();
    assert_eq!(told["status"], "sent");
    let caught = world.mails();
    assert_eq!(caught.len(), 1);
    assert_eq!((caught[0].channel.as_str(), &*caught[0].to), ("sms", staff));
    assert!(
        caught[0]
            .text
            .starts_with("[TEST] Kettle R-ABCDE-FGHJK: https://"),
        "{}",
        caught[0].text
    );
    assert_eq!(told["text"], caught[0].text);

    world.command(receipt.case, resolve()).await;
    world.drain().await;
    let caught = world.mails();
    assert_eq!(caught.len(), 2);
    assert_eq!(caught[1].to, "+8613800138000");
    assert!(
        caught[1].text.starts_with("Kettle R-"),
        "{}",
        caught[1].text
    );
}

#[tokio::test]
async fn a_person_tells_whom_nothing_sent_can_tell() {
    let mut world = World::new().await;
    let feedback =
        json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": {"phone": "12345"}});
    let receipt = world.submit(feedback).await;
    world.command(receipt.case, resolve()).await;
    world.drain().await;
    // Nobody has called for weeks: the case waits, and staff find it.
    world.advance("P30D").await;
    let listed = world.staff_get("/v1/cases?to_tell=true").await.expect(200);
    let listed = listed.json()["cases"].clone();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["state"]),
        (&json!(receipt.case), &json!("resolved"))
    );
    assert_eq!(listed[0]["to_tell"]["cause"], 2);
    assert_eq!(listed[0]["to_tell"]["overdue"], true);
    let types = types(&world);
    assert_eq!(
        (types[0].as_str(), types.len()),
        ("case.notice_in_doubt", 6)
    );
    assert_eq!(types[1..], LADDER);
    let call = |reached: bool| json!({"command": "told", "how": "phone", "reached": reached, "note": "The wife."});
    world.command(receipt.case, call(false)).await;
    let entries = routes(&mut world, receipt.case, 2).await;
    assert!(
        entries.contains(&pairs(&[("person", "to_tell")])[0]),
        "{entries:?}"
    );
    world.command(receipt.case, call(true)).await;
    let entries = routes(&mut world, receipt.case, 2).await;
    assert!(
        entries.contains(&pairs(&[("person", "told")])[0]),
        "{entries:?}"
    );
    let listed = world.staff_get("/v1/cases?to_tell=true").await.expect(200);
    assert_eq!(listed.json()["cases"], json!([]));
    let page = world.get(&receipt.status).await.expect(200);
    assert!(!page.body.contains("The wife."), "for staff only");
    let log = world.log(receipt.case).await;
    assert_eq!(log[..3], ["opened", "resolved", "notice_in_doubt"]);
    assert_eq!(log[3..8], ["reminded"; 5]);
    assert_eq!(log[8..], ["not_reached", "told"]);
    // Silence counts from the call.
    world.advance("P2D").await;
    assert_eq!(world.log(receipt.case).await.len(), log.len());
    world.advance("P2D").await;
    assert_eq!(world.log(receipt.case).await.last(), Some(&"closed"));
    world.settle().await;
}

#[tokio::test]
async fn the_app_tells_its_user_and_the_status_page_tells_as_well() {
    let mut world = World::new().await;
    world.connect_app();
    let receipt = world
        .submit(json!({
            "text": "It broke.", "nps": 1, "locale": "en", "channel": "app",
            "customer_id": "u-77", "contact": {"email": "li@example.test"},
        }))
        .await;
    world.command(receipt.case, resolve()).await;
    world.drain().await;
    world.settle().await;
    assert_eq!(world.mails().len(), 0);
    let taken = world.told_app();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].id, format!("{}-2-customer", receipt.case));
    let told = taken[0].json();
    assert_eq!(told["data"]["customer_id"], "u-77");
    assert_eq!(told["data"]["text"], "We have sent you a new one.");
    assert_eq!(
        routes(&mut world, receipt.case, 2).await,
        pairs(&[("app", "sent")])
    );
    let page = world.get(&receipt.status).await.expect(200);
    assert!(page.body.contains("We have sent you a new one."));
}

/// Somebody whose letters bounce, and who has a phone.
async fn bouncing(world: &mut World) -> Receipt {
    let contact = json!({"email": "bounce@simulator.amazonses.com", "phone": "+86 138 0013 8000"});
    let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": contact});
    world.submit(feedback).await
}

fn media(world: &World) -> Vec<String> {
    world.mails().into_iter().map(|mail| mail.channel).collect()
}

#[tokio::test]
async fn what_bounces_is_told_by_the_next_route_however_late_that_is_told() {
    for days in [0, 12] {
        let mut world = World::new().await;
        let receipt = bouncing(&mut world).await;
        let reports = world.queue_of("settle-notices");
        world.hold(&reports);
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        assert_eq!(media(&world), ["email"]);
        world.advance(&format!("P{days}D")).await;
        world.release(&reports);
        world.drain().await;
        world.settle().await;
        assert_eq!(media(&world), ["email", "sms"], "after {days} days");
        let mut entries = routes(&mut world, receipt.case, 2).await;
        entries.sort();
        assert_eq!(
            entries,
            pairs(&[("app", "no_contact"), ("email", "sent"), ("sms", "sent")])
        );
        let log = world.log(receipt.case).await;
        let expected: &[_] = match days {
            0 => &["opened", "resolved", "notice_failed"],
            _ => &["opened", "resolved", "closed", "notice_failed"],
        };
        assert_eq!(log, expected);
        assert_eq!(
            world.alerts().len(),
            0,
            "nothing is left for a person to do"
        );
    }
}

/// What came since a customer was to be told of an outcome, the second event of the case.
#[derive(Debug)]
enum Since {
    /// They said that it helped.
    Confirmed,
    /// Staff did something.
    Did(Value),
}

/// Everything after which that outcome is not worth telling any more, and how many text messages tell of something else then.
fn what_came_since() -> [(Since, usize); 4] {
    let told = json!({"command": "told", "how": "phone", "reached": true, "cause": 2});
    let newer = json!({"command": "reply", "message": "It is on its way."});
    [
        (Since::Confirmed, 0),
        (Since::Did(json!({"command": "reopen"})), 0),
        (Since::Did(told), 0),
        (Since::Did(newer), 1),
    ]
}

async fn come(world: &mut World, receipt: &Receipt, since: &Since) {
    match since {
        Since::Did(command) => {
            world.command(receipt.case, command.clone()).await;
        }
        Since::Confirmed => {
            let yes = json!({"solved": "yes", "outcome": 2});
            let said = world.say_patiently(receipt, "helped", &yes).await;
            said.expect(200);
        }
    }
}

#[tokio::test]
async fn what_bounces_is_not_told_again_to_who_knows_or_is_told_something_newer() {
    for (since, messages) in what_came_since() {
        let mut world = World::new().await;
        let receipt = bouncing(&mut world).await;
        let reports = world.queue_of("settle-notices");
        world.hold(&reports);
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        come(&mut world, &receipt, &since).await;
        world.drain().await;
        world.release(&reports);
        world.drain().await;
        world.settle().await;
        let texts = media(&world).into_iter().filter(|channel| channel == "sms");
        assert_eq!(texts.count(), messages, "{since:?}");
        let log = world.log(receipt.case).await;
        assert!(log.contains(&"notice_failed"), "{log:?}");
        world.abandon("the reopened case goes on");
    }
}

#[tokio::test]
async fn a_message_that_waits_for_the_morning_is_not_sent_to_who_answers_at_night() {
    let mut world = World::new().await;
    let receipt = bouncing(&mut world).await;
    until(&mut world, "2026-11-02T21:30:00+08:00");
    world.command(receipt.case, resolve()).await;
    world.drain().await;
    assert_eq!(media(&world), ["email"]);
    let entries = routes(&mut world, receipt.case, 2).await;
    assert!(
        entries.contains(&pairs(&[("sms", "retrying")])[0]),
        "{entries:?}"
    );
    come(&mut world, &receipt, &Since::Confirmed).await;
    until(&mut world, "2026-11-03T08:01:00+08:00");
    world.sweep().await;
    world.drain().await;
    world.settle().await;
    assert_eq!(media(&world), ["email"]);
    let entries = routes(&mut world, receipt.case, 2).await;
    assert!(
        entries.contains(&pairs(&[("sms", "overtaken")])[0]),
        "{entries:?}"
    );
}

#[tokio::test]
async fn what_is_not_worth_telling_in_the_morning_is_not_told() {
    for (since, messages) in what_came_since() {
        let mut world = World::new().await;
        let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": {"phone": "+86 138 0013 8000"}});
        let receipt = world.submit(feedback).await;
        until(&mut world, "2026-11-02T21:30:00+08:00");
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        come(&mut world, &receipt, &since).await;
        world.drain().await;
        until(&mut world, "2026-11-03T08:01:00+08:00");
        world.sweep().await;
        world.drain().await;
        assert_eq!(world.mails().len(), messages, "{since:?}");
        let entries = routes(&mut world, receipt.case, 2).await;
        let overtaken = &pairs(&[("sms", "overtaken")])[0];
        assert!(entries.contains(overtaken), "{since:?}: {entries:?}");
        world.abandon("the reopened case goes on");
    }
}

#[tokio::test]
async fn a_text_message_that_reaches_nobody_is_told_by_the_next_route() {
    // (number, whether it is to get nothing any more)
    for (phone, is_listed) in [("+852 5704 8854", false), ("+61 455 944 039", true)] {
        let mut world = World::new().await;
        let feedback =
            json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": {"phone": phone}});
        let receipt = world.submit(feedback).await;
        until(&mut world, "2026-11-03T10:00:00+08:00");
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        world.settle().await;
        assert_eq!(media(&world), ["sms"]);
        assert_eq!(
            world.log(receipt.case).await,
            ["opened", "resolved", "notice_failed", "notice_in_doubt"]
        );
        let mut entries = routes(&mut world, receipt.case, 2).await;
        entries.sort();
        let expected = [
            ("app", "no_contact"),
            ("email", "no_contact"),
            ("sms", "sent"),
        ];
        assert_eq!(entries, pairs(&expected));
        let seen = world.case(receipt.case).await;
        let failed = &seen["timeline"][2];
        assert_eq!(
            (&failed["channel"], &failed["why"]),
            (&json!("sms"), &json!("bounced"))
        );
        let notices = seen["timeline"][1]["notices"].as_array().unwrap();
        let text = notices.iter().find(|notice| notice["channel"] == "sms");
        assert_eq!(text.unwrap()["delivery"]["state"], "bounced");
        // The next word tries the number again, unless there is no such number.
        let reply = json!({"command": "reply", "message": "Please call us."});
        world.command(receipt.case, reply).await;
        world.settle().await;
        let again: &[_] = if is_listed { &["sms"] } else { &["sms", "sms"] };
        assert_eq!(media(&world), again, "{phone}");
    }
}

#[tokio::test]
async fn whoever_called_and_cannot_be_texted_is_written_to() {
    let mut world = World::new().await;
    let contact = json!({"email": "li@example.test", "phone": "+852 5704 8854"});
    let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "channel": "phone", "contact": contact});
    let receipt = world.submit(feedback).await;
    world.command(receipt.case, resolve()).await;
    until(&mut world, "2026-11-03T10:00:00+08:00");
    world.drain().await;
    let call = json!({"command": "told", "how": "phone", "reached": false, "give_up": true});
    world.command(receipt.case, call).await;
    world.settle().await;
    assert_eq!(media(&world), ["sms", "email"]);
    let log = world.log(receipt.case).await;
    assert_eq!(
        log,
        [
            "opened",
            "resolved",
            "to_tell",
            "not_reached",
            "notice_failed"
        ]
    );
}

/// Somebody who called, with a number and an address.
async fn caller(world: &mut World) -> Receipt {
    let contact = json!({"email": "li@example.test", "phone": "+86 138 0013 8000"});
    let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "channel": "phone", "contact": contact});
    world.submit(feedback).await
}

#[tokio::test]
async fn whoever_called_is_called_and_if_nobody_answers_sent_a_message() {
    for gives_up in [false, true] {
        let mut world = World::new().await;
        let receipt = caller(&mut world).await;
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        world.advance("P20D").await;
        assert_eq!(media(&world), Vec::<String>::new(), "a person tells");
        let types = types(&world);
        assert_eq!((types[0].as_str(), types.len()), ("case.to_tell", 6));
        assert_eq!(types[1..], LADDER);
        let seen = world.case(receipt.case).await;
        assert_eq!(seen["to_tell"]["cause"], 2);
        let script = seen["timeline"][2]["script"].as_str().unwrap();
        assert!(script.contains("We have sent you a new one."), "{script}");
        assert_eq!(
            routes(&mut world, receipt.case, 2).await,
            pairs(&[("person", "to_tell")])
        );
        let call =
            json!({"command": "told", "how": "phone", "reached": !gives_up, "give_up": gives_up});
        world.command(receipt.case, call).await;
        world.settle().await;
        let (log, sent): (&[_], &[_]) = match gives_up {
            false => (&["opened", "resolved", "to_tell", "told"], &[]),
            true => (&["opened", "resolved", "to_tell", "not_reached"], &["sms"]),
        };
        let mut found = world.log(receipt.case).await;
        found.retain(|kind| *kind != "reminded");
        assert_eq!(found[..4], *log);
        assert_eq!(media(&world), sent);
        assert_eq!(world.alerts().len(), 6, "no more than once");
    }
}

/// The types of the alerts that staff got, in order.
fn types(world: &World) -> Vec<String> {
    let alerts = world.alerts().into_iter();
    let text = |alert: Value| alert["type"].as_str().unwrap().to_owned();
    alerts.map(|alert| text(alert.json())).collect()
}

/// How somebody is reminded to tell a customer, and others that nobody has.
const LADDER: [&str; 5] = [
    "case.warned",
    "case.breached",
    "case.escalated",
    "case.escalated",
    "case.escalated",
];

#[tokio::test]
async fn whoever_is_to_call_is_reminded_up_the_ladder_in_their_language() {
    for (locale, subjects) in [
        ("en", ["Due soon: ", "Overdue: ", "Still overdue: "]),
        ("zh-CN", ["即将超时：", "已超时：", "超时升级："]),
    ] {
        let mut world = World::new().await;
        world.configure("notify-staff", "STAFF_LOCALE", locale);
        let receipt = caller(&mut world).await;
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        let since = world.now();
        // Nobody calls, and the sweep comes by often: each step is told once.
        for _ in 0..24 {
            world.advance("PT3H").await;
        }
        let alerts: Vec<_> = world.alerts().iter().map(|alert| alert.json()).collect();
        assert_eq!(types(&world)[1..], LADDER);
        let due = json!(since + jiff::SignedDuration::from_hours(24));
        let (zh, en) = ("亲自告知客户", "telling the customer");
        let promise = if locale == "en" { en } else { zh };
        let audiences = ["owner", "owner", "team_lead", "manager", "executive"];
        let kinds = [
            "warning",
            "breach",
            "escalation",
            "escalation",
            "escalation",
        ];
        for (n, alert) in alerts[1..].iter().enumerate() {
            let data = &alert["data"];
            assert_eq!(data["audience"], audiences[n]);
            let matter = json!({"kind": kinds[n], "clock": "tell", "due": due});
            assert_eq!(data["matter"], matter);
            let subject = data["summary"].as_str().unwrap();
            let expected = format!("{}{promise}", subjects[n.min(2)]);
            assert!(subject.contains(&expected), "{subject}");
            assert!(!subject.contains("We have sent you"), "{subject}");
        }
        // What is late stands among what is missed next, and is over with the call.
        let listed = world.staff_get("/v1/cases?to_tell=true").await.expect(200);
        let listed = listed.json()["cases"].clone();
        assert_eq!(
            (&listed[0]["id"], &listed[0]["to_tell"]["due"]),
            (&json!(receipt.case), &due)
        );
        let seen = world.case(receipt.case).await;
        assert_eq!(seen["clocks"]["tell"]["outcome"], "missed");
        let call = json!({"command": "told", "how": "phone", "reached": true});
        world.command(receipt.case, call).await;
        assert_eq!(
            world.case(receipt.case).await["clocks"]["tell"],
            Value::Null
        );
        world.advance("P10D").await;
        assert_eq!(world.log(receipt.case).await.last(), Some(&"closed"));
        assert_eq!(
            world.alerts().len(),
            alerts.len(),
            "nobody hears of it again"
        );
        assert_eq!(media(&world), Vec::<String>::new());
        world.settle().await;
    }
}

/// A case of which `close-loop` comes to tell the outcome only after something else has happened: which events of it a person
/// was asked to tell by events of this kind, each with its alert, and what became of the outcome's entries.
async fn asked_late(
    world: &mut World,
    receipt: &Receipt,
    since: Option<&Value>,
    kind: &str,
) -> (Vec<u64>, Vec<(String, String)>) {
    let notices = world.queue_of("close-loop");
    world.hold(&notices);
    world.command(receipt.case, resolve()).await;
    world.drain().await;
    match since {
        Some(command) => {
            world.command(receipt.case, command.clone()).await;
        }
        None => {
            let no = json!({"solved": "no", "outcome": 2});
            let said = world.say_patiently(receipt, "helped", &no);
            said.await.expect(200);
        }
    }
    world.drain().await;
    world.release(&notices);
    world.drain().await;
    world.settle().await;
    let seen = world.case(receipt.case).await;
    let timeline = seen["timeline"].as_array().unwrap().iter();
    let asked: Vec<_> = timeline
        .filter(|entry| entry["type"] == kind)
        .map(|entry| entry["cause"].as_u64().unwrap())
        .collect();
    let alerts = types(world).into_iter();
    let alerts = alerts.filter(|name| *name == format!("case.{kind}"));
    assert_eq!(alerts.count(), asked.len(), "{since:?}");
    (asked, routes(world, receipt.case, 2).await)
}

/// Staff are not asked, and not reminded, to say what does not hold any more, what somebody has said, or what a newer word
/// has taken the place of.
#[tokio::test]
async fn nobody_is_asked_to_tell_what_is_not_worth_telling_by_then() {
    let reopen = json!({"command": "reopen"});
    let newer = json!({"command": "reply", "message": "Keep the old one."});
    let told = json!({"command": "told", "how": "phone", "reached": true, "cause": 2});
    for (since, expected, status) in [
        (None, vec![], "overtaken"),
        (Some(reopen), vec![], "overtaken"),
        (Some(told), vec![], "told"),
        (Some(newer), vec![3], "overtaken"),
    ] {
        let mut world = World::new().await;
        let receipt = caller(&mut world).await;
        let (asked, entries) = asked_late(&mut world, &receipt, since.as_ref(), "to_tell").await;
        assert_eq!(asked, expected, "{since:?}");
        assert_eq!(entries, pairs(&[("person", status)]), "{since:?}");
        world.abandon("the case goes on");

        // Nothing that is sent reaches these: a person is the last who could.
        let mut world = World::new().await;
        let contact = json!({"phone": "12345"});
        let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": contact});
        let receipt = world.submit(feedback).await;
        let asked = asked_late(&mut world, &receipt, since.as_ref(), "notice_in_doubt").await;
        assert_eq!(asked.0, expected, "{since:?}");
        world.abandon("the case goes on");
    }
}

#[tokio::test]
async fn nobody_is_reminded_of_a_customer_who_knows_in_time() {
    for answers in [false, true] {
        let mut world = World::new().await;
        let receipt = caller(&mut world).await;
        world.command(receipt.case, resolve()).await;
        world.drain().await;
        world.advance("PT17H").await;
        if answers {
            // They looked at their page by themselves.
            let yes = json!({"solved": "yes", "outcome": 2});
            let said = world.say_patiently(&receipt, "helped", &yes);
            said.await.expect(200);
        } else {
            let call = json!({"command": "told", "how": "in_person", "reached": true});
            world.command(receipt.case, call).await;
        }
        world.advance("P10D").await;
        assert_eq!(types(&world), ["case.to_tell"]);
        assert_eq!(
            world.log(receipt.case).await.last(),
            Some(&(if answers { "confirmed" } else { "closed" }))
        );
        world.settle().await;
    }
}

#[tokio::test]
async fn who_was_given_up_and_cannot_be_sent_anything_is_put_before_a_person_once() {
    let mut world = World::new().await;
    let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "channel": "phone", "contact": {"phone": "12345"}});
    let receipt = world.submit(feedback).await;
    world.command(receipt.case, resolve()).await;
    world.drain().await;
    let call = || json!({"command": "told", "how": "phone", "reached": false, "give_up": true});
    for _ in 0..2 {
        world.command(receipt.case, call()).await;
        world.drain().await;
    }
    assert_eq!(
        world.log(receipt.case).await,
        [
            "opened",
            "resolved",
            "to_tell",
            "not_reached",
            "notice_in_doubt",
            "not_reached"
        ]
    );
    assert_eq!(world.alerts().len(), 2);
    world.settle().await;
}
