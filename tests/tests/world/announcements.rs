//! Many customers, one fix: whoever reported it is told once, whatever happens on the way.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use jiff::SignedDuration;
use resound_domain::id::{ImprovementId, IssueId};
use resound_lambda_kit::mail::Mailbox;
use resound_tests::World;
use resound_tests::faults::Fault;
use resound_tests::rng::Rng;
use resound_tests::world::{Answer, Ended, Mischief, Receipt, receipt};
use serde_json::{Value, json};

/// Letters may go out as fast as they can: a test waits for real.
const FAST: &str = "60000";

pub(crate) async fn staff_post(world: &mut World, path: &str, body: &Value, key: &str) -> Answer {
    let mut answer = None;
    for _ in 0..5 {
        let request = Request::post(path)
            .header("authorization", world.bearer())
            .header("content-type", "application/json")
            .header("idempotency-key", format!("{key:->16}"));
        let request = request.body(Body::from(body.to_string())).unwrap();
        let answered = world.http(request).await;
        if answered.status < 500 {
            return answered;
        }
        answer = Some(answered);
    }
    answer.unwrap()
}

/// Somebody who says that it crashes, without asking for an answer: one write, and no case.
pub(crate) async fn report(world: &mut World, n: usize, contact: Value) -> Receipt {
    let body = json!({
        "text": "Nice, but the app crashes on start.", "nps": 9, "locale": if n.is_multiple_of(2) { "en" } else { "zh-CN" },
        "contact": contact,
    });
    let key = format!("report-{n:06}-0123456789");
    let receipt = receipt(&world.submit_patiently(&body, &key).await.expect(201));
    world.leap("PT0.001S");
    receipt
}

pub(crate) fn email(n: usize) -> Value {
    json!({"email": format!("customer-{n}@customer.example")})
}

pub(crate) async fn issue(world: &mut World, n: usize) -> IssueId {
    let body = json!({"title": "It crashes on start", "rule": {"words": ["crashes"]}});
    let key = format!("issue-{n}");
    let opened = staff_post(world, "/v1/issues", &body, &key).await;
    opened.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// An issue that these responses are linked to by hand.
pub(crate) async fn issue_of(world: &mut World, responses: &[String]) -> IssueId {
    let body = json!({"title": "It crashes on start"});
    let opened = staff_post(world, "/v1/issues", &body, "issue")
        .await
        .expect(201);
    let id = opened.json()["id"].as_str().unwrap().to_owned();
    let link = json!({"command": "link", "responses": responses});
    let path = format!("/v1/issues/{id}/commands");
    staff_post(world, &path, &link, "link").await.expect(200);
    id.parse().unwrap()
}

/// Links what has come, as the hour does; a schedule knows whole seconds.
pub(crate) async fn gather(world: &mut World) {
    world.leap("PT1S");
    world.link().await;
}

/// An improvement for these issues that has shipped.
pub(crate) async fn shipped(world: &mut World, issues: &[IssueId]) -> ImprovementId {
    shipped_as(world, issues, "improvement").await
}

async fn shipped_as(world: &mut World, issues: &[IssueId], key: &str) -> ImprovementId {
    world.leap("PT1H");
    let plan = json!({"title": "Start without a network", "issues": issues});
    let opened = staff_post(world, "/v1/improvements", &plan, key).await;
    let id = opened.expect(201).json()["id"].as_str().unwrap().to_owned();
    let ship = json!({"command": "ship", "release": "2.4"});
    let path = format!("/v1/improvements/{id}/commands");
    staff_post(world, &path, &ship, "ship").await.expect(200);
    id.parse().unwrap()
}

pub(crate) fn words() -> Value {
    json!({"zh-CN": "请升级到 2.4。", "en": "Update the app to 2.4."})
}

pub(crate) async fn start(world: &mut World, improvement: ImprovementId) -> Answer {
    world.configure("tell-reporters", "LETTERS_A_MINUTE", FAST);
    let path = format!("/v1/improvements/{improvement}/announcement");
    staff_post(world, &path, &words(), "announce").await
}

async fn command(world: &mut World, improvement: ImprovementId, command: &str, key: &str) {
    let path = format!("/v1/improvements/{improvement}/announcement/commands");
    let body = json!({"command": command});
    staff_post(world, &path, &body, key).await.expect(200);
}

pub(crate) async fn shown(world: &mut World, improvement: ImprovementId) -> Value {
    let path = format!("/v1/improvements/{improvement}/announcement");
    let mut shown = world.staff_get(&path).await;
    if shown.status >= 500 {
        shown = world.staff_get(&path).await;
    }
    shown.expect(200).json()
}

/// A minute later, one run.
pub(crate) async fn minute(world: &mut World) -> Ended {
    world.leap("PT1M");
    world.pass(SignedDuration::from_mins(1));
    world.tell().await
}

/// A day and a bit later: what waits is looked at again.
pub(crate) async fn next_day(world: &mut World) {
    world.leap("P1DT1M");
    world.pass(SignedDuration::from_mins(2));
}

/// How many letters each address got.
pub(crate) fn letters(world: &World) -> BTreeMap<String, usize> {
    let mut letters = BTreeMap::new();
    for letter in world.mails() {
        *letters.entry(letter.to).or_default() += 1;
    }
    letters
}

fn once(letters: &BTreeMap<String, usize>) -> BTreeSet<String> {
    assert!(letters.values().all(|n| *n == 1), "{letters:?}");
    letters.keys().cloned().collect()
}

fn addresses(of: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    of.into_iter()
        .map(|n| format!("customer-{n}@customer.example"))
        .collect()
}

#[tokio::test]
async fn everybody_is_told_once_as_far_as_they_can_be_and_may_be() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..6 {
        report(&mut world, n, email(n)).await;
    }
    // The same address as the first, written otherwise.
    report(
        &mut world,
        6,
        json!({"email": "Customer-0@Customer.example"}),
    )
    .await;
    let silent = report(&mut world, 7, json!({})).await;
    let asked = json!({"text": "Nice, but the app crashes on start.", "nps": 9, "consent": false, "contact": email(9)});
    world.submit(asked).await;
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    // It is said to be mended, and still crashes for them.
    world.leap("PT1M");
    report(&mut world, 10, email(10)).await;
    gather(&mut world).await;

    let preview = format!("/v1/improvements/{improvement}/announcement/preview");
    let preview = world.staff_get(&preview).await.expect(200).json();
    assert_eq!(preview["reporters"], 10);
    assert_eq!(preview["letters"], 6);
    let without = json!({"already": 1, "no_contact": 1, "no_consent": 1, "after_shipping": 1});
    assert_eq!(preview["without"], without);
    assert_eq!(preview["next"], Value::Null);
    let examples = preview["examples"].to_string();
    assert!(examples.contains("c***@customer.example"), "{examples}");
    assert!(!examples.contains("customer-1@"), "{examples}");
    assert_eq!(letters(&world), BTreeMap::new());

    start(&mut world, improvement).await.expect(201);
    minute(&mut world).await;
    assert_eq!(once(&letters(&world)).len(), 6);
    let told = shown(&mut world, improvement).await;
    let counts =
        json!({"sent": 6, "already": 1, "no_contact": 1, "no_consent": 1, "after_shipping": 1});
    assert_eq!(told["pass"]["counts"], counts);
    assert!(told["pass"]["ended_at"].is_string());

    let letter = world
        .mails()
        .into_iter()
        .find(|letter| letter.to == "customer-2@customer.example");
    let letter = letter.unwrap();
    assert!(
        letter
            .subject
            .starts_with("What you reported is fixed in 2.4 [R-"),
        "{}",
        letter.subject
    );
    assert!(letter.text.contains("What you reported on 2 November 2026 is fixed in 2.4. Here is how:\n\nUpdate the app to 2.4."));
    assert!(!letter.text.contains("crashes"), "nothing that they typed");
    assert_eq!(
        letter.headers["List-Unsubscribe-Post"],
        "List-Unsubscribe=One-Click"
    );

    // The page tells whoever left no address too.
    let page = world.get(&silent.status).await.expect(200).json();
    assert_eq!(page["shipped"][0]["release"], "2.4");
    assert_eq!(page["shipped"][0]["message"], "请升级到 2.4。");

    for _ in 0..3 {
        next_day(&mut world).await;
        minute(&mut world).await;
    }
    assert_eq!(
        once(&letters(&world)).len(),
        6,
        "later passes tell nobody again"
    );
    // What the provider tells of the letters.
    assert_eq!(told["delivery"]["delivered"], 0);
    world.drain().await;
    let told = shown(&mut world, improvement).await;
    assert_eq!(told["delivery"]["delivered"], 6);
}

#[tokio::test]
async fn what_becomes_of_the_letters_is_counted_and_their_addresses_are_left_alone() {
    let mut world = World::new().await;
    world.mischief = Some(Mischief {
        rng: Rng::new(7),
        duplicates: 50,
        reorders: true,
    });
    let one = issue(&mut world, 1).await;
    let simulated = ["bounce+1", "bounce+2", "complaint+1"];
    for (n, label) in simulated.into_iter().enumerate() {
        let address = format!("{label}@simulator.amazonses.com");
        report(&mut world, n, json!({"email": address})).await;
    }
    report(&mut world, 3, email(3)).await;
    gather(&mut world).await;
    let first = shipped(&mut world, &[one]).await;
    start(&mut world, first).await.expect(201);
    minute(&mut world).await;
    world.drain().await;
    let told = shown(&mut world, first).await;
    assert_eq!(told["pass"]["counts"], json!({"sent": 4}));
    let delivery =
        json!({"delivered": 2, "bounced": 2, "soft_bounced": 0, "rejected": 0, "complained": 1});
    assert_eq!(told["delivery"], delivery);

    command(&mut world, first, "close", "close").await;
    let second = shipped_as(&mut world, &[one], "another").await;
    let path = format!("/v1/improvements/{second}/announcement");
    staff_post(&mut world, &path, &words(), "announce-again")
        .await
        .expect(201);
    minute(&mut world).await;
    world.drain().await;
    let told = shown(&mut world, second).await;
    assert_eq!(told["pass"]["counts"], json!({"sent": 1, "suppressed": 3}));
    assert_eq!(told["delivery"]["delivered"], 1);
    let before = shown(&mut world, first).await;
    assert_eq!(before["delivery"], delivery);
}

/// What answers their own cases counts, and is never held back; what we have to say of our own accord waits for room.
#[tokio::test]
async fn whoever_heard_of_several_cases_this_month_waits_for_an_announcement() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..2 {
        report(&mut world, n, email(n)).await;
    }
    gather(&mut world).await;
    // One of them has three cases, the other has one; each is replied to and resolved, after a question.
    for n in [0, 0, 0, 1] {
        let complaint =
            json!({"text": "The lamp is broken.", "nps": 1, "locale": "en", "contact": email(n)});
        let case = world.submit(complaint).await.case;
        for command in [
            json!({"command": "reply", "message": "We are looking at it."}),
            json!({"command": "await_customer", "message": "Which lamp?"}),
            json!({"command": "resolve", "message": "A new one is on its way."}),
        ] {
            world.leap("PT1H");
            world.command(case, command).await;
            world.drain().await;
        }
    }
    let answers: BTreeMap<String, usize> = [0, 1]
        .map(|n| (format!("customer-{n}@customer.example"), [9, 3][n]))
        .into();
    assert_eq!(letters(&world), answers, "answers are never held back");

    world.leap("PT12H"); // it is morning
    let improvement = shipped(&mut world, &[one]).await;
    let preview = format!("/v1/improvements/{improvement}/announcement/preview");
    let preview = world.staff_get(&preview).await.expect(200).json();
    assert_eq!(preview["letters"], 1);
    assert_eq!(preview["without"], json!({"over_budget": 1}));
    start(&mut world, improvement).await.expect(201);
    minute(&mut world).await;
    let told = shown(&mut world, improvement).await;
    assert_eq!(told["pass"]["counts"], json!({"sent": 1, "over_budget": 1}));
    let of = |world: &World, n: usize| letters(world)[&format!("customer-{n}@customer.example")];
    assert_eq!((of(&world, 0), of(&world, 1)), (9, 4));

    // The last of the nine are counted for thirty days.
    for _ in 0..27 {
        next_day(&mut world).await;
        minute(&mut world).await;
    }
    assert_eq!(of(&world, 0), 9);
    for _ in 0..4 {
        next_day(&mut world).await;
        minute(&mut world).await;
    }
    assert_eq!((of(&world, 0), of(&world, 1)), (10, 4));
    world.advance("PT1M").await;
}

/// Cases that were merged are answered in the same millisecond, and each by a letter of its own.
#[tokio::test]
async fn answers_of_one_moment_count_each() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..2 {
        report(&mut world, n, email(n)).await;
    }
    gather(&mut world).await;
    // One of them complained six times, the other once.
    for (n, complaints) in [(0, 6), (1, 1)] {
        let mut cases = Vec::new();
        for _ in 0..complaints {
            let complaint = json!({"text": "The lamp is broken.", "nps": 1, "locale": "en", "contact": email(n)});
            cases.push(world.submit(complaint).await.case);
        }
        let (survivor, merged) = cases.split_first().unwrap();
        for case in merged {
            let merge = json!({"command": "merge", "into": survivor});
            world.command(*case, merge).await;
        }
        let resolve = json!({"command": "resolve", "message": "A new one is on its way."});
        world.command(*survivor, resolve).await;
        world.drain().await;
    }
    let answers: BTreeMap<String, usize> = [0, 1]
        .map(|n| (format!("customer-{n}@customer.example"), [6, 1][n]))
        .into();
    assert_eq!(letters(&world), answers);

    let improvement = shipped(&mut world, &[one]).await;
    let preview = format!("/v1/improvements/{improvement}/announcement/preview");
    let preview = world.staff_get(&preview).await.expect(200).json();
    assert_eq!(preview["letters"], 1);
    assert_eq!(preview["without"], json!({"over_budget": 1}));
}

/// What a newer version, or an accident, left of one of them.
#[tokio::test]
async fn whoever_cannot_be_read_is_passed_over_and_keeps_nobody_waiting() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    let mut receipts = Vec::new();
    for n in 0..4 {
        receipts.push(report(&mut world, n, email(n)).await);
    }
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    let address = Mailbox::new("customer-1@customer.example").unwrap();
    let contacts = |v: u32| {
        json!({
            "PK": {"S": format!("CONTACT#{}", address.contact())}, "SK": {"S": "CONTACTED"},
            "v": {"N": v.to_string()}, "contacts": {"L": []}, "version": {"N": "1"},
        })
    };
    world.put(&contacts(9));
    world.put(&json!({
        "PK": {"S": format!("RESPONSE#{}", receipts[2].id)}, "SK": {"S": format!("TOLD#{improvement}")},
        "v": {"N": "9"}, "fate": {"S": "sent"}, "at": {"S": world.now().to_string()},
    }));
    start(&mut world, improvement).await.expect(201);
    let run = minute(&mut world).await;
    assert!(matches!(run, Ended::Returned(_)), "{run:?}");
    assert_eq!(once(&letters(&world)), addresses([0, 3]));
    let told = shown(&mut world, improvement).await;
    assert_eq!(told["pass"]["counts"], json!({"sent": 2, "passed": 2}));

    world.put(&contacts(1));
    next_day(&mut world).await;
    let run = minute(&mut world).await;
    assert!(matches!(run, Ended::Returned(_)), "{run:?}");
    assert_eq!(once(&letters(&world)), addresses([0, 1, 3]));
    let told = shown(&mut world, improvement).await;
    assert_eq!(told["pass"]["counts"], json!({"sent": 3, "passed": 1}));
    world.drain().await;
}

/// An announcement under way, to one reporter: the answer of the provider to the letter was lost.
async fn lost_answer() -> (World, ImprovementId, Receipt) {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    let reporter = report(&mut world, 0, email(0)).await;
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    start(&mut world, improvement).await.expect(201);
    world.faults.plan_at("POST /v2/email", Fault::ResponseLost);
    minute(&mut world).await;
    assert!(world.faults.struck().is_some());
    world.faults.clear();
    (world, improvement, reporter)
}

/// The provider tells of the letter before or after a doubt is written down.
#[tokio::test]
async fn a_letter_whose_answer_was_lost_is_found() {
    for in_time in [true, false] {
        let (mut world, improvement, reporter) = lost_answer().await;
        let told = shown(&mut world, improvement).await;
        assert_eq!(told["pass"]["counts"], json!({"in_progress": 1}));
        if in_time {
            world.drain().await;
        }
        next_day(&mut world).await;
        minute(&mut world).await;
        let told = shown(&mut world, improvement).await;
        let counts = match in_time {
            true => json!({"sent": 1}),
            false => json!({"unknown": 1}),
        };
        assert_eq!(told["pass"]["counts"], counts);
        world.drain().await;
        next_day(&mut world).await;
        minute(&mut world).await;
        let told = shown(&mut world, improvement).await;
        assert_eq!(told["pass"]["counts"], json!({"sent": 1}));
        assert_eq!(told["delivery"]["delivered"], 1);
        assert_eq!(once(&letters(&world)).len(), 1);
        let page = world.get(&reporter.status).await.expect(200).json();
        assert_eq!(page["shipped"][0]["release"], "2.4");
    }
}

#[tokio::test]
async fn the_page_of_whose_answer_was_lost_tells_also_after_it_was_closed() {
    let (mut world, improvement, reporter) = lost_answer().await;
    command(&mut world, improvement, "close", "close").await;
    let page = world.get(&reporter.status).await.expect(200).json();
    assert_eq!(page["shipped"][0]["release"], "2.4");
    world.drain().await;
}

#[tokio::test]
async fn it_is_started_once_by_a_lead_and_only_of_what_shipped() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    let plan = json!({"title": "Start without a network", "issues": [one]});
    let opened = staff_post(&mut world, "/v1/improvements", &plan, "improvement").await;
    let id = opened.expect(201).json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/improvements/{id}/announcement");
    world.staff_get(&path).await.expect(404);
    let refused = staff_post(&mut world, &path, &words(), "early").await;
    assert!(refused.expect(409).body.contains("planned"));
    let ship = json!({"command": "ship", "release": "2.4"});
    let commands = format!("/v1/improvements/{id}/commands");
    staff_post(&mut world, &commands, &ship, "ship")
        .await
        .expect(200);

    let half = json!({"en": "Update"});
    staff_post(&mut world, &path, &half, "half")
        .await
        .expect(422);
    let started = staff_post(&mut world, &path, &words(), "start")
        .await
        .expect(201);
    let again = staff_post(&mut world, &path, &words(), "start")
        .await
        .expect(201);
    assert_eq!(started.json()["started_at"], again.json()["started_at"]);
    let other = json!({"zh-CN": "别的", "en": "Another"});
    staff_post(&mut world, &path, &other, "start")
        .await
        .expect(409);
    staff_post(&mut world, &path, &other, "another")
        .await
        .expect(409);

    let improvement = id.parse().unwrap();
    for (verb, state) in [
        ("stop", "stopped"),
        ("go_on", "running"),
        ("close", "closed"),
    ] {
        command(&mut world, improvement, verb, verb).await;
        assert_eq!(shown(&mut world, improvement).await["state"], state);
    }
    let commands = format!("{path}/commands");
    let go_on = json!({"command": "go_on"});
    staff_post(&mut world, &commands, &go_on, "late")
        .await
        .expect(409);
}

#[tokio::test]
async fn hundreds_are_told_once_each_through_faults_kills_and_stops() {
    for seed in 1..=3 {
        let mut world = World::new().await;
        let mut rng = Rng::new(seed);
        let (one, two) = (issue(&mut world, 1).await, issue(&mut world, 2).await);
        let people = 240;
        for n in 0..people {
            // One in six reports twice.
            report(&mut world, n, email(n)).await;
            if n.is_multiple_of(6) {
                report(&mut world, people + n, email(n)).await;
            }
        }
        gather(&mut world).await;
        let improvement = shipped(&mut world, &[one, two]).await;
        start(&mut world, improvement).await.expect(201);
        let mut stopped = false;
        for n in 0..60 {
            let fault = Fault::ALL[rng.below(Fault::ALL.len())];
            world.faults.plan(rng.below(400), fault);
            // Only some minutes have room for all.
            let taken = world
                .store
                .take_letters(minute_of(&world), 59_940, 60_000)
                .await;
            taken.unwrap();
            let event = json!({"time": world.now()});
            world.invoke("tell-reporters", event).await;
            world.faults.clear();
            if n == 2 {
                // The same thing as the other: their links are walked as one from here on.
                let merge = json!({"command": "merge", "into": two});
                let path = format!("/v1/issues/{one}/commands");
                staff_post(&mut world, &path, &merge, "merge")
                    .await
                    .expect(200);
            }
            if n == 4 {
                command(&mut world, improvement, "stop", "stop").await;
                let before = letters(&world);
                minute(&mut world).await;
                assert_eq!(
                    letters(&world),
                    before,
                    "nobody is told while it is stopped"
                );
                command(&mut world, improvement, "go_on", "go-on").await;
                stopped = true;
            }
            world.leap("PT1M");
            world.pass(SignedDuration::from_mins(2));
        }
        assert!(stopped);
        for _ in 0..3 {
            next_day(&mut world).await;
            minute(&mut world).await;
        }
        let letters = letters(&world);
        let told = once(&letters);
        let counts = shown(&mut world, improvement).await["pass"]["counts"].clone();
        let of = |fate: &str| usize::try_from(counts[fate].as_u64().unwrap_or(0)).unwrap();
        let (sent, unknown, already) = (of("sent"), of("unknown"), of("already"));
        assert_eq!(
            sent + unknown + already,
            people + people / 6,
            "seed {seed}: {counts}"
        );
        assert_eq!(already, people / 6, "seed {seed}: {counts}");
        assert!(
            unknown <= 60,
            "seed {seed}: at most one for each fault: {counts}"
        );
        assert!(told.len() >= sent, "seed {seed}");
        // Whoever got none is known to be in doubt.
        assert!(
            addresses(0..people).difference(&told).count() <= unknown,
            "seed {seed}"
        );
        world.drain().await;
    }
}

/// A large announcement does not keep a small one waiting until it is over.
#[tokio::test]
async fn two_at_once_take_the_letters_of_a_minute_in_turn() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..12 {
        report(&mut world, n, email(n)).await;
    }
    let other = json!({"text": "Nice.", "nps": 9, "contact": email(20)});
    let other = world.submit(other).await.id.to_string();
    let two = issue_of(&mut world, &[other]).await;
    gather(&mut world).await;
    let mut improvements = Vec::new();
    for (n, issue) in [one, two].into_iter().enumerate() {
        let id = shipped_as(&mut world, &[issue], &format!("improvement-{n}")).await;
        start(&mut world, id).await.expect(201);
        improvements.push(id);
    }
    for _ in 0..2 {
        world.leap("PT1M");
        world.pass(SignedDuration::from_mins(1));
        // Each minute has room for four.
        let minute = minute_of(&world);
        let taken = world.store.take_letters(minute, 59_996, 60_000).await;
        assert_eq!(taken.unwrap(), 59_996);
        world.tell().await;
    }
    for id in improvements {
        let told = shown(&mut world, id).await;
        let sent = told["pass"]["counts"]["sent"].as_u64();
        assert!(sent.is_some_and(|sent| sent > 0), "{told}");
    }
    world.drain().await;
}

pub(crate) fn minute_of(world: &World) -> jiff::Timestamp {
    let second = world.now().as_second();
    jiff::Timestamp::from_second(second - second.rem_euclid(60)).unwrap()
}

#[tokio::test]
async fn links_that_come_later_and_go_earlier() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    let mut receipts = Vec::new();
    for n in 0..20 {
        receipts.push(report(&mut world, n, email(n)).await);
    }
    let other = json!({"text": "Nice.", "nps": 9, "contact": email(20)});
    let late = world.submit(other).await;
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    // Taken out before it was told; not linked yet.
    let unlink = json!({"command": "unlink", "responses": [receipts[3].id]});
    let path = format!("/v1/issues/{one}/commands");
    staff_post(&mut world, &path, &unlink, "unlink")
        .await
        .expect(200);
    start(&mut world, improvement).await.expect(201);
    minute(&mut world).await;
    let expected: BTreeSet<_> = addresses((0..20).filter(|n| *n != 3));
    assert_eq!(once(&letters(&world)), expected);

    // Linked late, and again: the next pass tells them; who was told is told no more, taken out and linked again or not.
    for (n, command, response) in [
        (1, "link", &late.id),
        (2, "link", &receipts[3].id),
        (3, "unlink", &receipts[4].id),
        (4, "link", &receipts[4].id),
    ] {
        let body = json!({"command": command, "responses": [response]});
        let key = format!("relink-{n}");
        staff_post(&mut world, &path, &body, &key).await.expect(200);
    }
    minute(&mut world).await;
    assert_eq!(once(&letters(&world)), expected, "not before the next pass");
    next_day(&mut world).await;
    minute(&mut world).await;
    assert_eq!(once(&letters(&world)), addresses(0..21));
    // When it is closed nobody is told any more.
    command(&mut world, improvement, "close", "close").await;
    let last = report(&mut world, 30, email(30)).await;
    let link = json!({"command": "link", "responses": [last.id]});
    staff_post(&mut world, &path, &link, "last")
        .await
        .expect(200);
    next_day(&mut world).await;
    minute(&mut world).await;
    assert_eq!(once(&letters(&world)).len(), 21);
    world.drain().await;
}

#[tokio::test]
async fn the_dry_run_tells_the_language_of_each_letter() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    let from_taipei = json!({"text": "The app crashes.", "locale": "zh-TW", "contact": email(0)});
    world.submit(from_taipei).await;
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    let preview = format!("/v1/improvements/{improvement}/announcement/preview");
    let preview = world.staff_get(&preview).await.expect(200).json();
    let examples = preview["examples"].as_array().unwrap();
    assert_eq!(examples[0]["locale"], "zh-TW");
    world.drain().await;
}

#[tokio::test]
async fn it_is_night_by_the_clock_of_whoever_told_of_it() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    report(&mut world, 0, email(0)).await;
    let abroad = json!({
        "text": "Nice, but the app crashes on start.", "nps": 9,
        "contact": email(1), "time_zone": "Europe/London",
    });
    let posted = world.submit_patiently(&abroad, "abroad-0123456789").await;
    posted.expect(201);
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    // Nine in the evening in Shanghai, and afternoon in London.
    world.leap("PT10H");
    start(&mut world, improvement).await.expect(201);
    minute(&mut world).await;
    let abroad = BTreeMap::from([("customer-1@customer.example".to_owned(), 1)]);
    assert_eq!(letters(&world), abroad);
    world.leap("PT11H");
    minute(&mut world).await;
    assert_eq!(once(&letters(&world)).len(), 2);
    world.drain().await;
}

#[tokio::test]
async fn nobody_is_written_to_at_night_or_too_often_or_against_their_wish() {
    let mut world = World::new().await;
    let one = issue(&mut world, 1).await;
    for n in 0..3 {
        report(&mut world, n, email(n)).await;
    }
    gather(&mut world).await;
    let improvement = shipped(&mut world, &[one]).await;
    // From eleven to nine in the evening, in Shanghai.
    world.leap("PT10H");
    start(&mut world, improvement).await.expect(201);
    minute(&mut world).await;
    assert_eq!(letters(&world), BTreeMap::new(), "it is night");
    world.leap("PT11H");
    minute(&mut world).await;
    assert_eq!(once(&letters(&world)).len(), 3);

    // By the link in the letter: looking changes nothing, posting does.
    let mails = world.mails();
    let letter = mails
        .iter()
        .find(|letter| letter.to == "customer-0@customer.example")
        .unwrap();
    let link = letter.headers["List-Unsubscribe"].trim_matches(['<', '>']);
    let link = link
        .strip_prefix(resound_tests::world::PUBLIC_URL)
        .unwrap()
        .to_owned();
    let page = Request::get(&link).header("accept", "text/html");
    let page = world
        .http(page.body(Body::empty()).unwrap())
        .await
        .expect(200);
    assert!(
        page.body.contains("<form method=\"post\">"),
        "{}",
        page.body
    );
    let wrong = format!("{}x", &link[..link.len() - 1]);
    world.get(&wrong).await.expect(404);
    let post = |link: &str| {
        let click = Request::post(link).header("content-type", "application/x-www-form-urlencoded");
        click
            .body(Body::from("List-Unsubscribe=One-Click"))
            .unwrap()
    };
    world.http(post(&wrong)).await.expect(404);
    for _ in 0..2 {
        world.http(post(&link)).await.expect(200);
    }

    // Two more improvements for the same issue: the second is one too many for whoever got both letters.
    let mut counts = Vec::new();
    for n in 0..2 {
        let plan = json!({"title": "And another thing", "issues": [one]});
        let key = format!("more-{n}");
        let opened = staff_post(&mut world, "/v1/improvements", &plan, &key).await;
        let id = opened.expect(201).json()["id"].as_str().unwrap().to_owned();
        let ship = json!({"command": "ship", "release": "2.5"});
        let path = format!("/v1/improvements/{id}/commands");
        staff_post(&mut world, &path, &ship, &format!("ship-{n}"))
            .await
            .expect(200);
        start(&mut world, id.parse().unwrap()).await.expect(201);
        minute(&mut world).await;
        counts.push(shown(&mut world, id.parse().unwrap()).await["pass"]["counts"].clone());
    }
    assert_eq!(counts[0], json!({"sent": 2, "unsubscribed": 1}));
    assert_eq!(counts[1], json!({"over_budget": 2, "unsubscribed": 1}));
    assert_eq!(letters(&world)["customer-0@customer.example"], 1);
    // Thirty days after the first letter there is room for one again.
    for _ in 0..31 {
        next_day(&mut world).await;
        minute(&mut world).await;
    }
    assert_eq!(letters(&world)["customer-1@customer.example"], 3);
    world.drain().await;
}

/// From the document that an admin publishes to what customers read: answers, announcements and their pages.
#[tokio::test]
async fn each_brand_writes_to_its_own_customers() {
    let mut world = World::new().await;
    for function in ["manage-policy", "close-loop", "tell-reporters"] {
        world.configure(function, "BRAND_SENDERS", "care@kettle.example");
    }
    for function in ["close-loop", "tell-reporters"] {
        world.configure(function, "MAIL_FROM", "Resound <resound@example.test>");
    }
    let texts =
        |zh_cn: &str, zh_tw: &str, en: &str| json!({"zh-CN": zh_cn, "zh-TW": zh_tw, "en": en});
    let brands = json!({"brands": [
        {"id": "kettle", "name": texts("茶壶", "茶壺", "Kettle"), "products": ["K-200"],
         "from": "care@kettle.example", "signature": texts("茶壶客服", "茶壺客服", "Your Kettle team")},
        {"id": "lamp", "name": texts("台灯", "檯燈", "Lamp"), "products": ["L-1"],
         "signature": texts("台灯客服", "檯燈客服", "Your Lamp team")},
    ]});
    let published = world.try_publish("/v1/templates", &brands).await;
    published.expect(201);
    // Longer than templates are remembered.
    world.leap("PT10M");
    world.pass(SignedDuration::from_mins(10));
    let one = issue(&mut world, 1).await;
    let mut cases = Vec::new();
    for (n, product) in ["K-200", "L-1", "T-9"].into_iter().enumerate() {
        let complaint = json!({
            "text": "The app crashes.", "nps": 1, "locale": "en", "product": product, "contact": email(n),
        });
        cases.push(world.submit(complaint).await.case);
    }
    gather(&mut world).await;
    for case in cases {
        let resolve = json!({"command": "resolve", "message": "A new one is on its way."});
        world.command(case, resolve).await;
    }
    world.drain().await;
    let improvement = shipped(&mut world, &[one]).await;
    start(&mut world, improvement).await.expect(201);
    minute(&mut world).await;
    let mails = world.mails();
    for (n, from, signature) in [
        (
            0,
            "\"Kettle\" <care@kettle.example>",
            Some("Your Kettle team"),
        ),
        (1, "\"Lamp\" <resound@example.test>", Some("Your Lamp team")),
        (2, "\"Resound\" <resound@example.test>", None),
    ] {
        let to = format!("customer-{n}@customer.example");
        let own: Vec<_> = mails.iter().filter(|mail| mail.to == to).collect();
        assert_eq!(own.len(), 2, "an answer and an announcement");
        for mail in own {
            assert_eq!(mail.from, from, "{}", mail.subject);
            for each in ["Your Kettle team", "Your Lamp team"] {
                assert_eq!(
                    mail.text.contains(each),
                    signature == Some(each),
                    "{}",
                    mail.text
                );
            }
        }
    }
    world.drain().await;
}
