//! A company publishes its rules, and they apply.

use serde_json::{Value, json};

use crate::system::{Folder, System};

fn put(system: &System, role: &str, target: &str, body: &Value) -> crate::client::Ask {
    let ask = system.ask("PUT", target).bearer(&system.token(role));
    ask.json(body)
}

/// The policy that is there, with another time to the first response of a P2.
fn answered_in(system: &System, duration: &str) -> Value {
    let shown = system.get("/v1/policy").bearer(&system.token("agent"));
    let mut policy = shown.send().expect(200).json()["current"]["document"].clone();
    policy["targets"]["P2"]["first_response"]["duration"] = duration.into();
    policy
}

#[test]
fn a_policy_is_tried_published_and_applied() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let hour = answered_in(&system, "PT1H");
    put(&system, "lead", "/v1/policy", &hour).send().expect(403);

    let published = put(&system, "admin", "/v1/policy", &hour).header("If-Match", "\"0\"");
    let published = published.send().expect(201);
    assert_eq!(published.header("etag"), Some("\"1\""));
    assert_eq!(published.json()["published_by"], "admin");
    put(&system, "admin", "/v1/policy", &hour)
        .send()
        .expect(200);
    let other = answered_in(&system, "PT2H");
    let late = put(&system, "admin", "/v1/policy", &other).header("If-Match", "\"0\"");
    late.send().expect(412);

    system.advance("PT3M");
    let receipt = system.feedback(&json!({"nps": 0, "locale": "en"}));
    let case = system.staff("agent").case(receipt.id()).json();
    assert_eq!(case["terms"]["policy"], 1);
    let opened = receipt.time("respond_by").as_second() - system.now().as_second();
    assert!((3500..=3600).contains(&opened), "{opened}");

    let run = put(&system, "admin", "/v1/policy?dry_run=true", &other);
    let run = run.send().expect(200).json();
    assert_eq!(
        (&run["version"], &run["moved"], &run["next"]),
        (&json!(2), &json!(1), &Value::Null)
    );
    assert_eq!(run["cases"][0]["id"], receipt.id());
    assert_eq!(run["cases"][0]["moves"][0]["was"], case["respond_by"]);

    // Killed and started again, everything is there, and nothing of the dry run.
    system.kill();
    let system = System::start(&folder, &[]);
    let shown = system.get("/v1/policy").bearer(&system.token("agent"));
    let shown = shown.send().expect(200);
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(shown.json()["current"]["state"], "current");
}

#[test]
fn calendars_and_recipients_are_published() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let admin = system.token("admin");
    let file = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let target = "/v1/calendars/business";
    let import = |file: &str| {
        let ask = system.ask("PUT", target).bearer(&admin);
        ask.body("text/calendar", file).send()
    };
    let imported = import(file).expect(201).json();
    assert_eq!(imported["document"]["holidays"], json!(["2026-12-24"]));
    let same = import(&file.replace(";VALUE=DATE", "")).expect(200).json();
    assert_eq!(same["version"], 1, "the same date");
    let faults = import(&file.replace("20261224", "2026-12-24"))
        .expect(422)
        .faults();
    assert_eq!(faults, ["DTSTART not-a-date"]);
    let preview = format!("{target}/preview?from=2026-12-23T09:00:00Z&count=1");
    let agent = system.token("agent");
    let periods = system
        .get(&preview)
        .bearer(&agent)
        .send()
        .expect(200)
        .json();
    assert_eq!(periods["periods"][0]["start"], "2026-12-23T09:00:00Z");
    let sent = json!({"tz": "UTC", "hours": {"sat": [["22:00", "02:00"]]}});
    let ask = system.post("/v1/calendars/preview?from=2026-11-21T23:00:00Z&count=1");
    let periods = ask.bearer(&admin).json(&sent).send().expect(200).json();
    let expected = json!([{"start": "2026-11-21T23:00:00Z", "end": "2026-11-22T02:00:00Z"}]);
    assert_eq!(periods["periods"], expected);
    let list = system
        .get("/v1/calendars")
        .bearer(&agent)
        .send()
        .expect(200)
        .json();
    assert_eq!(list["calendars"][0]["name"], "business");

    let audience = |sink: Value| json!({"locale": "en", "time_zone": "UTC", "sinks": [sink]});
    let slack = "http://127.0.0.1:9/services/hush";
    let recipients = json!({"audiences": {
        "owner": audience(json!({"name": "mail", "kind": "email", "to": "desk@example.com"})),
        "executive": audience(json!({"name": "ops", "kind": "slack", "url": slack})),
    }});
    let answer = put(&system, "admin", "/v1/recipients", &recipients)
        .send()
        .expect(201);
    assert!(!answer.text().contains("hush"));
    system
        .get("/v1/recipients")
        .bearer(&agent)
        .send()
        .expect(403);
    let shown = system
        .get("/v1/recipients")
        .bearer(&admin)
        .send()
        .expect(200);
    assert!(!shown.text().contains("hush"));
    // They are who is told: 75 % of four hours have passed.
    let receipt = system.feedback(&json!({"nps": 0, "locale": "en"}));
    system.advance("PT3H1M");
    let told = system.mail(receipt.id());
    assert_eq!(told[0]["to"], "desk@example.com", "{told:?}");
}
