//! Staff work cases, and the customer hears of it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::system::{Folder, Receipt, System};

/// A detractor who can be written to.
fn complaint(system: &System, email: &str) -> Receipt {
    system.feedback(&json!({
        "text": "The lid broke on the first day.", "nps": 2, "contact": {"email": email, "name": "Lin"}, "locale": "en",
    }))
}

#[track_caller]
fn status(system: &System, receipt: &Receipt) -> Value {
    system.get(receipt.status_path()).send().expect(200).json()
}

#[track_caller]
fn steps(status: &Value) -> Vec<&str> {
    let timeline = status["timeline"].as_array().unwrap().iter();
    timeline
        .map(|step| step["type"].as_str().unwrap())
        .collect()
}

fn tag(answer: &Answer) -> String {
    let tag = answer.header("etag").unwrap();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    tag.to_owned()
}

#[test]
fn a_case_is_worked_until_its_loop_is_closed() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let agent = system.staff("agent");
    let receipt = complaint(&system, "lin@example.com");
    let id = receipt.id();
    assert_eq!(status(&system, &receipt)["state"], "open");

    let seen = agent.case(id);
    let case = seen.json();
    assert_eq!(
        (&case["state"], &case["priority"], &case["owner"]),
        (&json!("open"), &json!("P2"), &Value::Null)
    );
    assert_eq!(case["reference"], receipt.reference());
    assert_eq!(case["respond_by"], receipt.0["respond_by"]);

    // Two people look, one is faster.
    let first = tag(&seen);
    let acknowledge = json!({"command": "acknowledge"});
    let answer = agent
        .ask(id, &acknowledge)
        .header("If-Match", &first)
        .send()
        .expect(200);
    assert_eq!(answer.json()["state"], "acknowledged");
    let second = tag(&answer);
    assert_ne!(first, second);
    let assign = json!({"command": "assign", "owner": "wei"});
    let late = agent
        .ask(id, &assign)
        .header("If-Match", &first)
        .send()
        .expect(412);
    assert_eq!(
        late.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(tag(&agent.case(id)), second, "nothing happened");
    agent
        .ask(id, &assign)
        .header("If-Match", &second)
        .send()
        .expect(200);
    assert_eq!(agent.list("owner=wei").len(), 1);
    assert_eq!(agent.list("owner=somebody").len(), 0);
    agent
        .ask(id, &assign)
        .header("If-Match", "*")
        .send()
        .expect(200);
    agent
        .ask(id, &assign)
        .header("If-Match", "nonsense")
        .send()
        .expect(400);

    agent.command(
        id,
        &json!({"command": "reply", "message": "We are looking into it."}),
    );
    agent.command(
        id,
        &json!({"command": "await_customer", "message": "Which colour was it?"}),
    );
    let waiting = status(&system, &receipt);
    assert_eq!(
        (&waiting["state"], &waiting["resolve_by"]),
        (&json!("awaiting_customer"), &Value::Null)
    );
    assert!(waiting["answered_at"].is_string());
    // Five days: the clock of the loop, which never stands still, warns after that.
    system.advance("P5D");
    assert!(
        !agent.log(id).contains(&"warned".to_owned()),
        "the clocks stand still"
    );
    agent.command(id, &json!({"command": "resume"}));
    agent.command(
        id,
        &json!({"command": "resolve", "message": "A new lid is on its way.\nSorry!"}),
    );
    let resolved = status(&system, &receipt);
    assert_eq!(resolved["state"], "resolved");
    assert_eq!(
        steps(&resolved),
        [
            "received",
            "acknowledged",
            "replied",
            "awaiting_customer",
            "resumed",
            "resolved"
        ]
    );
    assert_eq!(
        resolved["timeline"][5]["message"],
        "A new lid is on its way.\nSorry!"
    );

    let letters = system.eventually("three letters", || {
        Some(system.mail(id)).filter(|m| m.len() >= 3)
    });
    assert_eq!(letters.len(), 3);
    for (letter, words) in letters.iter().zip([
        "looking into it",
        "Which colour",
        "A new lid is on its way.",
    ]) {
        assert_eq!(
            (&letter["to"], &letter["channel"]),
            (&json!("lin@example.com"), &json!("email"))
        );
        for part in ["text", "html"] {
            assert!(letter[part].as_str().unwrap().contains(words), "{letter}");
        }
        assert!(
            letter["subject"]
                .as_str()
                .unwrap()
                .contains(receipt.reference())
        );
        assert!(
            letter["text"]
                .as_str()
                .unwrap()
                .contains(receipt.status_path())
        );
        assert!(letter["at"].is_string() && letter["about"] == id);
    }
    for language in ["zh-CN", "en"] {
        let page = system.get(&format!("{}?lang={language}", receipt.status_path()));
        let page = page.browser(language).send().expect(200);
        assert!(
            page.text().contains("A new lid is on its way."),
            "{}",
            page.text()
        );
    }
    let mailbox = system
        .get("/_local/mailbox")
        .browser("en")
        .send()
        .expect(200);
    assert!(mailbox.text().contains("lin@example.com"));

    // Not solved after all.
    agent.command(id, &json!({"command": "reopen"}));
    let reopened = agent.case(id).json();
    assert_eq!(reopened["state"], "reopened");
    let fresh: Timestamp = reopened["respond_by"].as_str().unwrap().parse().unwrap();
    assert!(fresh > system.now(), "fresh clocks");
    agent.command(
        id,
        &json!({"command": "decline", "reason": "It is out of warranty, sorry."}),
    );
    let letters = system.eventually("a fourth letter", || {
        Some(system.mail(id)).filter(|m| m.len() >= 4)
    });
    assert!(
        letters[3]["text"]
            .as_str()
            .unwrap()
            .contains("out of warranty")
    );
    assert_eq!(
        status(&system, &receipt)["timeline"][7]["message"],
        "It is out of warranty, sorry."
    );

    // It closes by itself, after three days and not before.
    system.advance("PT71H");
    assert_eq!(status(&system, &receipt)["state"], "declined");
    system.advance("PT1H1M");
    assert_eq!(status(&system, &receipt)["state"], "closed");
    assert_eq!(agent.log(id).last().unwrap(), "closed");
    assert_eq!(agent.list("state=closed").len(), 1);
    assert_eq!(agent.list("").len(), 0);
    agent.ask(id, &acknowledge).send().expect(409);

    // Or somebody closes it.
    agent.command(id, &json!({"command": "reopen"}));
    agent
        .ask(id, &json!({"command": "close"}))
        .send()
        .expect(409);
    agent.command(
        id,
        &json!({"command": "resolve", "message": "Here is another one."}),
    );
    agent.command(id, &json!({"command": "close"}));
    assert_eq!(status(&system, &receipt)["state"], "closed");
    system.advance("P4D");
    assert_eq!(system.mail(id).len(), 5, "nobody was told twice");
    assert_eq!(agent.log(id).iter().filter(|t| *t == "closed").count(), 2);
}

#[test]
fn words_to_the_customer_are_required() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let agent = system.staff("agent");
    let receipt = complaint(&system, "lin@example.com");
    let id = receipt.id();
    for (command, field) in [
        ("reply", "message"),
        ("resolve", "message"),
        ("decline", "reason"),
    ] {
        for words in [
            json!({}),
            json!({field: ""}),
            json!({field: " \n\t"}),
            json!({field: null}),
        ] {
            let mut body = words;
            body["command"] = command.into();
            for language in ["zh-CN", "en"] {
                let ask = agent.ask(id, &body).header("Accept-Language", language);
                let faults = ask.send().expect(422).faults();
                assert_eq!(faults.len(), 1, "{body}: {faults:?}");
                assert!(faults[0].starts_with(field), "{body}: {faults:?}");
            }
        }
        let long = agent.ask(id, &json!({"command": command, field: "x".repeat(10_001)}));
        assert_eq!(long.send().expect(422).faults().len(), 1);
    }
    for body in [
        json!({}),
        json!({"command": "explode"}),
        json!({"command": 1}),
        json!({"command": "resume"}),
    ] {
        let status = agent.ask(id, &body).send().status;
        assert!(matches!(status, 409 | 422), "{body}: {status}");
    }
    for body in ["", "[]", "{", "null"] {
        let ask = system
            .post(&format!("/v1/cases/{id}/commands"))
            .bearer(&system.token("agent"));
        assert_eq!(
            ask.body("application/json", body).send().status,
            400,
            "{body}"
        );
    }
    let form = system
        .post(&format!("/v1/cases/{id}/commands"))
        .bearer(&system.token("agent"));
    form.form(&[("command", "acknowledge")]).send().expect(415);
    assert_eq!(agent.log(id), ["opened"]);
    assert_eq!(system.mail(id).len(), 0);

    // A repeat of a command does nothing twice.
    let resolve = agent
        .ask(id, &json!({"command": "resolve", "message": "Done."}))
        .header("Idempotency-Key", "resolve-once-and-for-all");
    let first = resolve.clone().send().expect(200);
    assert_eq!(
        resolve.send().expect(200).header("etag"),
        first.header("etag")
    );
    assert_eq!(agent.log(id), ["opened", "resolved"]);
    system.advance("PT1M");
    assert_eq!(system.mail(id).len(), 1);

    // Without a contact the status page tells it.
    let silent = system.feedback(&json!({"text": "Too expensive and too slow", "nps": 0}));
    agent.command(
        silent.id(),
        &json!({"command": "resolve", "message": "It is cheaper now."}),
    );
    system.advance("PT1M");
    assert_eq!(system.mail(silent.id()).len(), 0);
    assert_eq!(
        status(&system, &silent)["timeline"][1]["message"],
        "It is cheaper now."
    );
}

#[test]
fn staff_need_a_token_that_allows_it() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let receipt = complaint(&system, "lin@example.com");
    let id = receipt.id();
    let commands = format!("/v1/cases/{id}/commands");
    let acknowledge = json!({"command": "acknowledge"});
    for target in [
        "/v1/cases",
        &format!("/v1/cases/{id}"),
        "/v1/nps?from=2026-11-01&to=2026-11-30",
    ] {
        system.get(target).send().expect(401);
        system.get(target).bearer("nonsense").send().expect(401);
        system
            .get(target)
            .header("Authorization", "Basic YTpi")
            .send()
            .expect(401);
    }
    system.post(&commands).json(&acknowledge).send().expect(401);
    let mut forged = system.token("agent");
    forged.replace_range(40..41, if &forged[40..41] == "A" { "B" } else { "A" });
    system.get("/v1/cases").bearer(&forged).send().expect(401);

    let viewer = system.staff("viewer");
    viewer.get("/v1/cases").send().expect(200);
    viewer.case(id);
    viewer.ask(id, &acknowledge).send().expect(403);
    viewer
        .get("/v1/nps?from=2026-11-01&to=2026-11-30")
        .send()
        .expect(403);
    let analyst = system.staff("analyst");
    analyst
        .get("/v1/nps?from=2026-11-01&to=2026-11-30")
        .send()
        .expect(200);
    analyst.get("/v1/cases").send().expect(403);
    for role in ["agent", "lead", "admin"] {
        let staff = system.staff(role);
        staff.get("/v1/cases").send().expect(200);
        staff.command(id, &json!({"command": "assign"}));
        assert_eq!(staff.case(id).json()["owner"], role);
    }
    system.get("/_local/token?role=king").send().expect(400);
    let agent = system.staff("agent");
    agent
        .get("/v1/cases/0M2B7T6KJ3W5N9VYDCEXR4HQZ8")
        .send()
        .expect(404);
    agent.get("/v1/cases/nonsense").send().expect(404);
    // A customer's link opens the status page and nothing else, and cannot be made up.
    let token = receipt.status_path().rsplit('/').next().unwrap();
    system.get("/v1/cases").bearer(token).send().expect(401);
    for at in [3, 30, token.len() - 3] {
        let mut forged = token.to_owned();
        let other = if &forged[at..=at] == "7" { "8" } else { "7" };
        forged.replace_range(at..=at, other);
        let answer = system
            .get(&format!("/v1/receipts/{forged}"))
            .send()
            .expect(404);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{forged}"
        );
        let page = system
            .get(&format!("/v1/receipts/{forged}"))
            .browser("zh-CN");
        assert!(
            page.send()
                .expect(404)
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
    }
}

#[test]
fn cases_are_listed_page_by_page_the_most_urgent_first() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let agent = system.staff("agent");
    let posted: Vec<_> = (0..60)
        .map(|n| system.feedback(&json!({"text": format!("Number {n} is broken"), "nps": if n % 3 == 0 { 1 } else { 5 }})))
        .collect();
    for receipt in &posted[..10] {
        agent.command(receipt.id(), &json!({"command": "acknowledge"}));
        agent.command(receipt.id(), &json!({"command": "assign"}));
    }
    for receipt in &posted[10..14] {
        agent.command(
            receipt.id(),
            &json!({"command": "resolve", "message": "Done."}),
        );
    }
    let page = agent.get("/v1/cases?state=open").send().expect(200).json();
    assert!(page["next"].is_null() || page["cases"].as_array().unwrap().len() < 60);
    for (query, expected) in [
        ("", 60),
        ("state=open", 46),
        ("state=acknowledged", 10),
        ("state=resolved", 4),
        ("state=closed", 0),
        ("owner=agent", 10),
        ("owner=me", 10),
        ("owner=agent&state=open", 0),
        ("state=acknowledged&owner=agent", 10),
        ("state=", 60),
        ("limit=7", 60),
        ("state=open&limit=1", 46),
    ] {
        let cases = agent.list(query);
        assert_eq!(cases.len(), expected, "{query}");
        let mut ids: Vec<_> = cases
            .iter()
            .map(|case| case["id"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), expected, "{query}: each once");
        let deadlines: Vec<_> = cases
            .iter()
            .filter_map(|case| case["respond_by"].as_str()?.parse::<Timestamp>().ok())
            .collect();
        if query == "state=open" {
            assert!(deadlines.is_sorted(), "{deadlines:?}");
        }
    }
    for query in [
        "state=lost",
        "cursor=nonsense",
        "cursor=%00",
        "state=%22%3C",
        "owner=%00",
    ] {
        let answer = agent.get(&format!("/v1/cases?{query}")).send();
        assert!(
            matches!(answer.status, 400 | 422),
            "{query}: {}",
            answer.status
        );
    }
    agent.get("/v1/cases?state=\"<b> or 1=1").send().expect(400);
}
