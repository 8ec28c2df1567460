//! A few of many customers try the fix first: drawn once, invited once, asked once, whatever happens on the way.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use jiff::SignedDuration;
use resound_domain::id::{ImprovementId, IssueId};
use resound_tests::World;
use resound_tests::faults::Fault;
use resound_tests::rng::Rng;
use resound_tests::world::{Answer, Receipt};
use serde_json::{Value, json};

use crate::announcements::{
    email, gather, issue, letters, minute, next_day, report, staff_post, words,
};

/// An improvement for these issues, an hour later.
pub(crate) async fn planned(world: &mut World, issues: &[IssueId]) -> ImprovementId {
    world.leap("PT1H");
    let plan = json!({"title": "Start without a network", "issues": issues});
    let opened = staff_post(world, "/v1/improvements", &plan, "improvement").await;
    let id = opened.expect(201).json()["id"].as_str().unwrap().to_owned();
    id.parse().unwrap()
}

fn terms(world: &World, size: u64) -> Value {
    let until = world.now() + SignedDuration::from_hours(10 * 24);
    let mut terms = words();
    terms["size"] = size.into();
    terms["seed"] = "lots-1".into();
    terms["until"] = until.to_string().into();
    terms
}

pub(crate) async fn start(world: &mut World, id: ImprovementId, size: u64) -> Answer {
    world.configure("tell-reporters", "LETTERS_A_MINUTE", "60000");
    let terms = terms(world, size);
    let path = format!("/v1/improvements/{id}/beta");
    staff_post(world, &path, &terms, "beta").await
}

pub(crate) async fn command(world: &mut World, id: ImprovementId, command: &str) -> Answer {
    let path = format!("/v1/improvements/{id}/beta/commands");
    let body = json!({"command": command});
    staff_post(world, &path, &body, command).await
}

pub(crate) async fn shown(world: &mut World, id: ImprovementId) -> Value {
    let path = format!("/v1/improvements/{id}/beta");
    let mut shown = world.staff_get(&path).await;
    // Reading changes nothing: whoever is told that it cannot be done asks again.
    for _ in 0..4 {
        if shown.status < 500 {
            break;
        }
        shown = world.staff_get(&path).await;
    }
    shown.expect(200).json()
}

/// The pages of the invitations, by whom they went to.
fn invitations(world: &World) -> BTreeMap<String, String> {
    let mails = world.mails().into_iter();
    let page = |text: &str| {
        let words = text.split_whitespace();
        let mut links = words.filter_map(|word| word.split_once("/v1/receipts/"));
        let (_, page) = links.find(|(_, page)| page.contains("/betas/") && !page.contains('?'))?;
        Some(format!("/v1/receipts/{page}"))
    };
    mails
        .filter_map(|letter| Some((letter.to, page(&letter.text)?)))
        .collect()
}

pub(crate) async fn say(world: &mut World, page: &str, word: &str) -> Answer {
    let mut answer = None;
    for _ in 0..5 {
        let request = Request::post(page).header("content-type", "application/json");
        let body = json!({"says": word}).to_string();
        let answered = world.http(request.body(Body::from(body)).unwrap()).await;
        if answered.status < 500 {
            return answered;
        }
        answer = Some(answered);
    }
    answer.unwrap()
}

/// The minutes and the days in which whoever is to be written to is, with what is in doubt settled.
pub(crate) async fn write(world: &mut World) {
    for _ in 0..3 {
        minute(world).await;
        next_day(world).await;
    }
}

/// How many letters of each kind each address got, by how their subjects begin.
pub(crate) fn kinds(world: &World) -> BTreeMap<(String, &'static str), usize> {
    let mut kinds = BTreeMap::new();
    for letter in world.mails() {
        let known = [
            ("Would you be", "invitation"),
            ("邀请您率先", "invitation"),
            ("Is what you", "question"),
            ("您反馈的问题解决了吗", "question"),
            ("What you reported is fixed", "announcement"),
            ("您反馈的问题已在", "announcement"),
        ];
        let kind = known
            .iter()
            .find(|(begins, _)| letter.subject.starts_with(begins));
        assert!(kind.is_some(), "{}", letter.subject);
        let kind = kind.map_or("", |(_, kind)| *kind);
        *kinds.entry((letter.to, kind)).or_default() += 1;
    }
    kinds
}

fn of(kinds: &BTreeMap<(String, &'static str), usize>, kind: &str) -> BTreeSet<String> {
    assert!(kinds.values().all(|n| *n == 1), "{kinds:?}");
    let of = kinds.keys().filter(|(_, known)| *known == kind);
    of.map(|(to, _)| to.clone()).collect()
}

#[tokio::test]
async fn a_few_are_drawn_invited_asked_and_heard_before_everyone_is_told() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..12 {
        report(&mut world, n, email(n)).await;
    }
    // Whoever reports often is one person; whoever left no address, or wants none, is nobody.
    for n in 12..16 {
        let same = json!({"email": "Customer-0@Customer.example"});
        report(&mut world, n, same).await;
    }
    report(&mut world, 16, json!({})).await;
    let asked = json!({"text": "Nice, but the app crashes on start.", "nps": 9, "consent": false, "contact": email(17)});
    world.submit(asked).await;
    gather(&mut world).await;
    let id = planned(&mut world, &[one]).await;

    let preview = format!("/v1/improvements/{id}/beta/preview");
    let preview = world.staff_get(&preview).await.expect(200).json();
    assert_eq!(
        (&preview["reporters"], &preview["people"]),
        (&json!(18), &json!(12))
    );
    let without = json!({"already": 4, "no_contact": 1, "no_consent": 1});
    assert_eq!(preview["without"], without);
    assert!(!preview["examples"].to_string().contains("customer-1@"));

    let started = start(&mut world, id, 5).await.expect(201).json();
    let again = start(&mut world, id, 5).await.expect(201).json();
    assert_eq!(again["version"], started["version"]);
    assert_eq!(started["state"], "inviting");
    minute(&mut world).await;
    let invited = of(&kinds(&world), "invitation");
    assert_eq!(invited.len(), 5);
    let beta = shown(&mut world, id).await;
    assert_eq!(beta["turnout"]["invited"], 5);
    assert_eq!(beta["draw"]["able"], 16, "{beta}");
    // The lowest lots, which anybody can draw again.
    let drawn = beta["drawn"].as_array().unwrap();
    assert_eq!(drawn.len(), 12);
    let lots: Vec<&str> = drawn
        .iter()
        .map(|one| one["lot"].as_str().unwrap())
        .collect();
    assert!(lots.is_sorted());
    for (n, one) in drawn.iter().enumerate() {
        let seed = resound_domain::issue::beta::Seed::new("lots-1").unwrap();
        let contact = one["contact"].as_str().unwrap().parse().unwrap();
        let lot = resound_lambda_kit::idempotency::lot(&seed, contact);
        assert_eq!(one["lot"], json!(lot));
        assert_eq!(one["invited"].is_object(), n < 5, "{one}");
    }
    let letter = &world.mails()[0];
    assert_eq!(
        letter.headers["List-Unsubscribe-Post"],
        "List-Unsubscribe=One-Click"
    );
    assert!(!letter.text.contains("crashes"), "nothing that they typed");

    // A link changes nothing by being followed, and only those who were invited have a page.
    let pages: Vec<(String, String)> = invitations(&world).into_iter().collect();
    let page = world.get(&pages[0].1).await.expect(200).json();
    assert_eq!(
        (&page["takes_part"], &page["open"]),
        (&Value::Null, &json!(true))
    );
    let elsewhere = pages[0]
        .1
        .replace(&id.to_string(), "0M2B7T6KJ3W5N9VYDCEXR4HQZ8");
    world.get(&elsewhere).await.expect(404);
    say(&mut world, &pages[0].1, "fixed").await.expect(409);
    for (_, page) in &pages[..3] {
        say(&mut world, page, "joined").await.expect(200);
        say(&mut world, page, "joined").await.expect(200);
    }
    say(&mut world, &pages[3].1, "declined").await.expect(200);
    say(&mut world, &pages[4].1, "nonsense").await.expect(422);

    // Everyone is told after they were asked.
    let ship = json!({"command": "ship", "release": "2.4"});
    let commands = format!("/v1/improvements/{id}/commands");
    staff_post(&mut world, &commands, &ship, "ship")
        .await
        .expect(200);
    let announcement = format!("/v1/improvements/{id}/announcement");
    let early = staff_post(&mut world, &announcement, &words(), "early").await;
    assert!(early.expect(409).body.contains("despite_beta"));

    command(&mut world, id, "ask").await.expect(200);
    minute(&mut world).await;
    let joined: BTreeSet<String> = pages[..3].iter().map(|(to, _)| to.clone()).collect();
    assert_eq!(of(&kinds(&world), "question"), joined);
    say(&mut world, &pages[0].1, "not_fixed").await.expect(200);
    say(&mut world, &pages[0].1, "fixed").await.expect(200);
    say(&mut world, &pages[1].1, "not_fixed").await.expect(200);
    // Who joins later is asked later.
    say(&mut world, &pages[4].1, "joined").await.expect(200);
    world.leap("PT1H");
    world.pass(SignedDuration::from_mins(1));
    minute(&mut world).await;
    assert_eq!(of(&kinds(&world), "question").len(), 4);

    command(&mut world, id, "close").await.expect(200);
    say(&mut world, &pages[2].1, "fixed").await.expect(409);
    let beta = shown(&mut world, id).await;
    let turnout = &beta["turnout"];
    for (what, n) in [
        ("joined", 4),
        ("declined", 1),
        ("asked", 4),
        ("fixed", 1),
        ("not_fixed", 1),
        ("silent", 2),
    ] {
        assert_eq!(turnout[what], n, "{what}: {turnout}");
    }
    assert_eq!(
        (&beta["fixed"]["count"], &beta["fixed"]["n"]),
        (&json!(1), &json!(2))
    );
    let late = start(&mut world, id, 5).await;
    assert!(late.status >= 400);

    // Two letters in thirty days: but who joined asked to hear of it, and the dry run knows that too.
    let preview = world.staff_get(&format!("{announcement}/preview")).await;
    let preview = preview.expect(200).json();
    assert_eq!(preview["letters"], 12, "{}", preview["without"]);
    let told = staff_post(&mut world, &announcement, &words(), "tell").await;
    assert_eq!(told.expect(201).json()["beta"]["turnout"]["fixed"], 1);
    minute(&mut world).await;
    let announced = of(&kinds(&world), "announcement");
    assert_eq!(announced.len(), 12, "{announced:?}");
    for (_, page) in &pages {
        world.get(page).await.expect(200);
    }
    world.drain().await;
}

#[tokio::test]
async fn whoever_cannot_be_invited_leaves_the_place_to_the_next() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..8 {
        report(&mut world, n, email(n)).await;
    }
    gather(&mut world).await;
    let id = planned(&mut world, &[one]).await;
    start(&mut world, id, 4).await.expect(201);
    // Drawn by night, when nobody is written to.
    world.leap("PT12H");
    world.pass(SignedDuration::from_mins(1));
    minute(&mut world).await;
    let beta = shown(&mut world, id).await;
    assert!(beta["draw"]["ended_at"].is_string(), "{beta}");
    assert_eq!(letters(&world), BTreeMap::new());
    assert_eq!(beta["turnout"]["waiting"], 4);
    // The first who was drawn unsubscribes, and the second is erased.
    let contact = |n: usize| {
        beta["drawn"][n]["contact"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    let why = resound_domain::contact::Reason::Unsubscribed;
    let listed = world.store.suppress(contact(0), why, world.now(), None);
    assert_eq!(listed.await.unwrap(), resound_store::Suppressed::New);
    let second = beta["drawn"][1]["response"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let buried = world.store.bury(second, world.machine_now()).await;
    assert_eq!(buried.unwrap(), resound_store::Buried::Buried);
    world.leap("PT12H");
    world.pass(SignedDuration::from_mins(1));
    minute(&mut world).await;
    assert_eq!(of(&kinds(&world), "invitation").len(), 4);
    let beta = shown(&mut world, id).await;
    let fates: Vec<_> = (0..8)
        .map(|n| beta["drawn"][n]["invited"]["fate"].clone())
        .collect();
    let sent = json!("sent");
    let expected = [
        &json!("unsubscribed"),
        &Value::Null,
        &sent,
        &sent,
        &sent,
        &sent,
    ];
    assert_eq!(fates.iter().take(6).collect::<Vec<_>>(), expected);
    assert_eq!(fates[6..], [Value::Null, Value::Null]);
    let turnout = &beta["turnout"];
    assert_eq!(
        (
            &turnout["invited"],
            &turnout["passed_over"],
            &turnout["waiting"]
        ),
        (&json!(4), &json!(1), &json!(0))
    );
    // Nobody asks: it closes by itself, two weeks after its end.
    world.leap("P24DT1H");
    world.pass(SignedDuration::from_mins(1));
    minute(&mut world).await;
    assert_eq!(shown(&mut world, id).await["state"], "closed");
    world.drain().await;
}

/// Eight who reported, and a beta for four of them that is drawn by night, when nobody is written to.
async fn drawn_by_night(world: &mut World) -> (ImprovementId, IssueId, Vec<Receipt>) {
    let one = issue(world, 1).await;
    let mut receipts = Vec::new();
    for n in 0..8 {
        receipts.push(report(world, n, email(n)).await);
    }
    gather(world).await;
    let id = planned(world, &[one]).await;
    start(world, id, 4).await.expect(201);
    half_a_day(world).await;
    assert_eq!(letters(world), BTreeMap::new());
    assert_eq!(shown(world, id).await["turnout"]["waiting"], 4);
    (id, one, receipts)
}

async fn half_a_day(world: &mut World) {
    world.leap("PT12H");
    world.pass(SignedDuration::from_mins(1));
    minute(world).await;
}

async fn command_improvement(world: &mut World, id: ImprovementId, body: &Value, key: &str) {
    let path = format!("/v1/improvements/{id}/commands");
    staff_post(world, &path, body, key).await.expect(200);
}

#[tokio::test]
async fn an_invitation_names_the_last_day_on_which_they_can_join() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..2 {
        report(&mut world, n, email(n)).await;
    }
    gather(&mut world).await;
    let id = planned(&mut world, &[one]).await;
    let mut terms = terms(&world, 2);
    // The first instant of a day on which nobody can join.
    terms["until"] = "2026-11-06T00:00:00+08:00".into();
    let path = format!("/v1/improvements/{id}/beta");
    let started = staff_post(&mut world, &path, &terms, "beta").await;
    started.expect(201);
    minute(&mut world).await;
    let mails = world.mails();
    let says = |text: &str| mails.iter().filter(|mail| mail.text.contains(text)).count();
    assert_eq!(says("You can take part until 5 November 2026."), 1);
    assert_eq!(says("参加截止日期：2026年11月5日。"), 1);
    world.drain().await;
}

#[tokio::test]
async fn who_was_drawn_and_not_invited_has_no_page() {
    let mut world = World::new().await;
    let (id, _, receipts) = drawn_by_night(&mut world).await;
    let pages = receipts
        .iter()
        .map(|one| (one.id.clone(), format!("{}/betas/{id}", one.status)));
    let pages: BTreeMap<String, String> = pages.collect();
    for page in pages.values() {
        world.get(page).await.expect(404);
        say(&mut world, page, "joined").await.expect(404);
    }
    half_a_day(&mut world).await;
    let beta = shown(&mut world, id).await;
    for (n, one) in beta["drawn"].as_array().unwrap().iter().enumerate() {
        let page = &pages[one["response"].as_str().unwrap()];
        let status = if n < 4 { 200 } else { 404 };
        world.get(page).await.expect(status);
        say(&mut world, page, "joined").await.expect(status);
    }
    assert_eq!(shown(&mut world, id).await["turnout"]["joined"], 4);
    world.drain().await;
}

#[tokio::test]
async fn the_status_page_shows_it_to_whoever_was_invited_and_leads_there() {
    let mut world = World::new().await;
    let (id, _, receipts) = drawn_by_night(&mut world).await;
    let shows = async |world: &mut World| {
        let mut shows = Vec::new();
        for receipt in &receipts {
            let page = world.get(&receipt.status).await.expect(200).json();
            let request = Request::get(&receipt.status).header("accept", "text/html");
            let html = world.http(request.body(Body::empty()).unwrap()).await;
            let link = format!("{}/betas/{id}?lang=", receipt.status);
            let betas = page["betas"].as_array().unwrap().clone();
            shows.push((betas, html.expect(200).body.contains(&link)));
        }
        shows
    };
    let nothing = (Vec::<Value>::new(), false);
    assert_eq!(
        shows(&mut world).await,
        vec![nothing.clone(); 8],
        "drawn is not invited"
    );
    half_a_day(&mut world).await;
    let beta = shown(&mut world, id).await;
    let invited = |n: usize| {
        let drawn = beta["drawn"].as_array().unwrap();
        let one = drawn
            .iter()
            .find(|one| one["response"] == receipts[n].id.as_str());
        one.unwrap()["invited"].is_object()
    };
    let open = json!({"improvement": id, "takes_part": null, "fixed": null, "open": true, "asking": false});
    for (n, shows) in shows(&mut world).await.into_iter().enumerate() {
        let expected = if invited(n) {
            (vec![open.clone()], true)
        } else {
            nothing.clone()
        };
        assert_eq!(shows, expected, "{n}");
    }
    let n = (0..8).find(|n| invited(*n)).unwrap();
    let page = format!("{}/betas/{id}", receipts[n].status);
    say(&mut world, &page, "joined").await.expect(200);
    command(&mut world, id, "ask").await.expect(200);
    say(&mut world, &page, "not_fixed").await.expect(200);
    let told = json!({"improvement": id, "takes_part": true, "fixed": false, "open": true, "asking": true});
    assert_eq!(shows(&mut world).await[n], (vec![told], true));
    command(&mut world, id, "close").await.expect(200);
    assert_eq!(shows(&mut world).await, vec![nothing; 8]);
    world.drain().await;
}

/// What a newer version, or an accident, left of one of them hides nothing of the others, and keeps no lead from closing it.
#[tokio::test]
async fn who_cannot_be_read_is_left_out_of_what_is_shown() {
    let mut world = World::new().await;
    let (id, ..) = drawn_by_night(&mut world).await;
    half_a_day(&mut world).await;
    for (_, page) in invitations(&world) {
        say(&mut world, &page, "joined").await.expect(200);
    }
    let beta = shown(&mut world, id).await;
    assert_eq!(beta["turnout"]["joined"], 4);
    let first = beta["drawn"][0]["response"].as_str().unwrap();
    world.put(&json!({
        "PK": {"S": format!("TESTER#{first}")}, "SK": {"S": format!("SAID#{id}")},
        "v": {"N": "9"}, "said": {"S": "yes"},
    }));
    let beta = shown(&mut world, id).await;
    assert_eq!(beta["turnout"]["joined"], 3);
    assert_eq!(beta["drawn"][0]["said"], json!([]));
    command(&mut world, id, "close").await.expect(200);
    let ship = json!({"command": "ship", "release": "2.4"});
    command_improvement(&mut world, id, &ship, "ship").await;
    let announcement = format!("/v1/improvements/{id}/announcement");
    let told = staff_post(&mut world, &announcement, &words(), "tell").await;
    assert_eq!(told.expect(201).json()["beta"]["turnout"]["joined"], 3);
    world.drain().await;
}

#[tokio::test]
async fn nobody_waits_for_an_invitation_that_will_not_come() {
    let mut world = World::new().await;
    let (id, ..) = drawn_by_night(&mut world).await;
    command(&mut world, id, "stop").await.expect(200);
    assert_eq!(shown(&mut world, id).await["turnout"]["waiting"], 4);
    command(&mut world, id, "go_on").await.expect(200);
    command(&mut world, id, "ask").await.expect(200);
    assert_eq!(shown(&mut world, id).await["turnout"]["waiting"], 0);
    half_a_day(&mut world).await;
    assert_eq!(letters(&world), BTreeMap::new(), "nobody has joined");

    let mut world = World::new().await;
    let (id, ..) = drawn_by_night(&mut world).await;
    world.leap("P10D");
    world.pass(SignedDuration::from_mins(1));
    assert_eq!(shown(&mut world, id).await["turnout"]["waiting"], 0);
}

#[tokio::test]
async fn whose_response_was_taken_out_leaves_the_place_to_the_next() {
    let mut world = World::new().await;
    let (id, one, _) = drawn_by_night(&mut world).await;
    let beta = shown(&mut world, id).await;
    let unlink = json!({"command": "unlink", "responses": [beta["drawn"][1]["response"]]});
    let path = format!("/v1/issues/{one}/commands");
    staff_post(&mut world, &path, &unlink, "unlink")
        .await
        .expect(200);
    half_a_day(&mut world).await;
    let beta = shown(&mut world, id).await;
    let drawn = beta["drawn"].as_array().unwrap();
    let invited: Vec<bool> = drawn.iter().map(|one| one["invited"].is_object()).collect();
    let expected = [true, false, true, true, true, false, false, false];
    assert_eq!(invited, expected);
    world.drain().await;
}

#[tokio::test]
async fn nobody_is_invited_to_what_is_cancelled_or_told_to_everyone() {
    let mut world = World::new().await;
    let (id, ..) = drawn_by_night(&mut world).await;
    let cancel = json!({"command": "cancel", "reason": "Too dear."});
    command_improvement(&mut world, id, &cancel, "cancel").await;
    half_a_day(&mut world).await;
    assert_eq!(letters(&world), BTreeMap::new());
    assert_eq!(shown(&mut world, id).await["turnout"]["waiting"], 0);

    let mut world = World::new().await;
    let (id, ..) = drawn_by_night(&mut world).await;
    let ship = json!({"command": "ship", "release": "2.4"});
    command_improvement(&mut world, id, &ship, "ship").await;
    let mut despite = words();
    despite["despite_beta"] = true.into();
    let path = format!("/v1/improvements/{id}/announcement");
    staff_post(&mut world, &path, &despite, "despite")
        .await
        .expect(201);
    half_a_day(&mut world).await;
    let kinds = kinds(&world);
    assert_eq!(of(&kinds, "announcement").len(), 8);
    assert_eq!(of(&kinds, "invitation").len(), 0);
    world.drain().await;
}

#[tokio::test]
async fn nobody_is_looked_for_at_night_until_the_first_wakes() {
    for everyone in [false, true] {
        let mut world = World::new().await;
        let one = issue(&mut world, 1).await;
        report(&mut world, 0, email(0)).await;
        let tokyo = json!({
            "text": "Nice, but the app crashes on start.", "nps": 9,
            "contact": email(1), "time_zone": "Asia/Tokyo",
        });
        let posted = world.submit_patiently(&tokyo, "tokyo-0123456789").await;
        posted.expect(201);
        gather(&mut world).await;
        let id = planned(&mut world, &[one]).await;
        // The evening in Shanghai and in Tokyo.
        world.leap("PT11H");
        if everyone {
            let ship = json!({"command": "ship", "release": "2.4"});
            command_improvement(&mut world, id, &ship, "ship").await;
            world.configure("tell-reporters", "LETTERS_A_MINUTE", "60000");
            let path = format!("/v1/improvements/{id}/announcement");
            let started = staff_post(&mut world, &path, &words(), "start").await;
            started.expect(201);
        } else {
            start(&mut world, id, 4).await.expect(201);
        }
        minute(&mut world).await;
        assert_eq!(letters(&world), BTreeMap::new());
        let mut looked = Vec::new();
        while letters(&world).len() < 2 && looked.len() < 9 {
            world.leap("PT10M");
            world.pass(SignedDuration::from_mins(1));
            world.faults.clear();
            world.tell().await;
            let calls = world.faults.calls();
            if calls.iter().any(|call| call == "DynamoDB.BatchGetItem") {
                let local = world.now().to_zoned(jiff::tz::TimeZone::UTC);
                looked.push((local.hour(), letters(&world).len()));
            }
        }
        // Eight in the morning in Tokyo, and in Shanghai.
        assert_eq!(looked, [(23, 1), (0, 2)], "everyone: {everyone}");
        world.drain().await;
    }
}

#[tokio::test]
async fn a_command_by_night_takes_hold_at_once() {
    let mut world = World::new().await;
    let (id, ..) = drawn_by_night(&mut world).await;
    let looks = async |world: &mut World| {
        world.faults.clear();
        minute(world).await;
        let calls = world.faults.calls();
        calls.iter().any(|call| call == "DynamoDB.BatchGetItem")
    };
    assert!(!looks(&mut world).await);
    command(&mut world, id, "stop").await.expect(200);
    assert!(!looks(&mut world).await);
    command(&mut world, id, "go_on").await.expect(200);
    assert!(looks(&mut world).await);
    assert!(!looks(&mut world).await, "they still sleep");
    command(&mut world, id, "ask").await.expect(200);
    assert!(looks(&mut world).await);
}

#[tokio::test]
async fn a_letter_whose_answer_was_lost_is_shown_as_the_ledger_knows_it() {
    for closed in [true, false] {
        let mut world = World::new().await;
        let one = issue(&mut world, 1).await;
        report(&mut world, 0, email(0)).await;
        gather(&mut world).await;
        let id = planned(&mut world, &[one]).await;
        start(&mut world, id, 4).await.expect(201);
        world.faults.plan_at("POST /v2/email", Fault::ResponseLost);
        minute(&mut world).await;
        assert!(world.faults.struck().is_some());
        world.faults.clear();
        let fates = |beta: &Value| {
            let invited = beta["drawn"][0]["invited"]["fate"].clone();
            let turnout = &beta["turnout"];
            (
                invited,
                turnout["invited"].clone(),
                turnout["unknown"].clone(),
            )
        };
        let beta = shown(&mut world, id).await;
        assert_eq!(fates(&beta), (json!("in_progress"), json!(0), json!(0)));
        if closed {
            command(&mut world, id, "close").await.expect(200);
        }
        minute(&mut world).await;
        minute(&mut world).await;
        let beta = shown(&mut world, id).await;
        let unknown = (json!("unknown"), json!(1), json!(1));
        assert_eq!(fates(&beta), unknown, "closed: {closed}");
        // The provider tells of it.
        world.drain().await;
        let beta = shown(&mut world, id).await;
        assert_eq!(
            fates(&beta),
            (json!("sent"), json!(1), json!(0)),
            "closed: {closed}"
        );
        let (_, page) = invitations(&world).into_iter().next().unwrap();
        world.get(&page).await.expect(200);
    }
}

#[tokio::test]
async fn nobody_is_invited_or_asked_twice_through_faults_kills_and_stops() {
    for seed in 1..=3 {
        let mut world = World::new().await;
        let mut rng = Rng::new(seed);
        let one = issue(&mut world, 1).await;
        let people = 130;
        for n in 0..people {
            report(&mut world, n, email(n)).await;
            if n.is_multiple_of(6) {
                report(&mut world, people + n, email(n)).await;
            }
        }
        gather(&mut world).await;
        let id = planned(&mut world, &[one]).await;
        let places: usize = 40;
        let size = u64::try_from(places).unwrap();
        start(&mut world, id, size).await.expect(201);
        for n in 0..40 {
            let fault = Fault::ALL[rng.below(Fault::ALL.len())];
            world.faults.plan(rng.below(120), fault);
            let event = json!({"time": world.now()});
            world.invoke("tell-reporters", event).await;
            world.faults.clear();
            if n == 12 {
                command(&mut world, id, "stop").await.expect(200);
                let before = letters(&world);
                minute(&mut world).await;
                assert_eq!(
                    letters(&world),
                    before,
                    "nobody is written to while it is stopped"
                );
                command(&mut world, id, "go_on").await.expect(200);
            }
            if n == 20 {
                for (_, page) in invitations(&world) {
                    say(&mut world, &page, "joined").await.expect(200);
                }
                command(&mut world, id, "ask").await.expect(200);
            }
            world.leap("PT1M");
            world.pass(SignedDuration::from_mins(2));
        }
        next_day(&mut world).await;
        minute(&mut world).await;
        let kinds = kinds(&world);
        let (invited, asked) = (of(&kinds, "invitation"), of(&kinds, "question"));
        let beta = shown(&mut world, id).await;
        let turnout = &beta["turnout"];
        let n = |what: &str| usize::try_from(turnout[what].as_u64().unwrap()).unwrap();
        assert_eq!(n("invited"), places, "seed {seed}: {turnout}");
        assert!(
            invited.len() <= places && invited.len() + n("unknown") >= places,
            "seed {seed}: {turnout}"
        );
        assert_eq!(n("joined"), invited.len(), "seed {seed}: {turnout}");
        assert_eq!(n("asked"), n("joined"), "seed {seed}: {turnout}");
        assert!(asked.is_subset(&invited), "seed {seed}");
        // Whoever was picked is whoever is picked without a fault: the lowest lots.
        let drawn = beta["drawn"].as_array().unwrap();
        assert!(
            drawn[..places].iter().all(|one| one["invited"].is_object()),
            "seed {seed}"
        );
        world.drain().await;
    }
}
