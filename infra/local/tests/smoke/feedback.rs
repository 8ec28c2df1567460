//! Feedback comes in: three ways to send it, what is answered, repeats, faults, pages.

use std::thread;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::system::{Folder, Receipt, System};

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Posts feedback; its deadlines must be these spans after the moment of the post.
#[track_caller]
fn promised(system: &System, body: &Value, respond: i64, resolve: i64) -> Receipt {
    let before = system.now();
    let receipt = system.feedback(body);
    let after = system.now();
    for (field, span) in [("respond_by", respond), ("resolve_by", resolve)] {
        let posted: Timestamp = receipt.time(field) - hours(span);
        assert!(
            before <= posted && posted <= after,
            "{field} of {body}: {receipt:?}, posted between {before} and {after}"
        );
    }
    receipt
}

#[test]
fn a_program_is_promised_times() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let body = json!({
        "text": "The parcel took nine days and nobody could say where it was.",
        "nps": 3, "csat": 2, "ces": 2, "channel": "web", "touchpoint": "logistics", "product": "Kettle",
        "order_id": "A-1042", "contact": {"email": "lin@example.com", "phone": "+86 138 0000 0000", "name": "Lin"},
        "customer_id": "c-77", "tier": "silver", "locale": "en", "consent": true, "form": "default",
    });
    let receipt = promised(&system, &body, 4, 48);
    assert_eq!(receipt.id().len(), 26);
    assert!(receipt.reference().starts_with("R-"));
    let url = receipt.0["status_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://{}/v1/receipts/", system.http)));
    let complaint = "It is broken and nobody answers.";
    promised(&system, &json!({"text": complaint}), 24, 72);
    promised(&system, &json!({"nps": 6}), 24, 72);
    promised(&system, &json!({"text": complaint, "tier": "gold"}), 4, 48);
    promised(
        &system,
        &json!({"text": complaint, "channel": "social"}),
        2,
        72,
    );
    let severe = "The charger caught fire and burned my hand.";
    promised(&system, &json!({"text": severe}), 2, 24);
    let severe = "充电器起火了，孩子被烫伤。";
    promised(&system, &json!({"text": severe}), 2, 24);
    let question = system.feedback(&json!({"text": "How do I change my delivery address?"}));
    let wait = question.time("resolve_by").duration_since(system.now());
    assert!(
        wait <= hours(7 * 24),
        "every loop is closed within seven days"
    );
    let praise = system.feedback(&json!({"text": "Wonderful, thank you!", "nps": 10}));
    assert_eq!(praise.0["respond_by"], Value::Null, "nothing is asked");
    let status = system.get(praise.status_path()).send().expect(200).json();
    assert_eq!(status["state"], "received");
}

#[test]
fn the_three_ways_of_sending_say_the_same() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let agent = system.staff("agent");
    let text = "不满意 & “坏了” <b>😀 \u{202e}שלום";
    let flat = [
        ("text", text),
        ("nps", "2"),
        ("csat", ""),
        ("channel", "app"),
        ("contact.email", "ann@example.com"),
        ("contact.name", "Ann"),
    ];
    let posts = [
        system.post("/v1/feedback").json(&json!({
            "text": text, "nps": 2, "csat": null, "channel": "app",
            "contact": {"email": "ann@example.com", "name": "Ann"},
        })),
        system.post("/v1/feedback").form(&flat),
        system.post("/v1/feedback").multipart(&flat),
    ];
    let kept = posts.map(|post| {
        let receipt = Receipt(post.send().expect(201).json());
        let case = agent.case(receipt.id()).json();
        let response = &case["response"];
        assert_eq!(response["text"], text, "{case}");
        assert_eq!(
            (&response["nps"], &response["channel"]),
            (&json!(2), &json!("app"))
        );
        response["contact"].clone()
    });
    assert!(
        kept.iter()
            .all(|contact| *contact == kept[0] && contact["name"] == "Ann")
    );
}

/// The value of the hidden field of a form page that makes pressing "send" twice harmless.
fn page_key(page: &Answer) -> String {
    let rest = page
        .text()
        .split_once("name=\"idempotency_key\"")
        .unwrap()
        .1;
    let rest = rest.split_once("value=\"").unwrap().1;
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_person_needs_no_script() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    for (language, lang, heading, send) in [
        ("zh-CN,zh;q=0.9", "zh-CN", "反馈", "提交"),
        ("en-GB,en;q=0.9", "en", "feedback", "Send"),
    ] {
        let page = system
            .get("/f/default")
            .browser(language)
            .send()
            .expect(200);
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let html = page.text();
        assert!(html.contains(&format!("lang=\"{lang}\"")), "{html}");
        assert!(html.contains(heading) && html.contains(send), "{html}");
        assert!(!html.contains("<script"), "{html}");
        let key = page_key(&page);
        let again = system.get("/f/default").browser(language).send();
        assert_ne!(key, page_key(&again), "each page has its own key");

        let mut fields = vec![
            ("idempotency_key", key.as_str()),
            ("text", "Why is <b>this</b> so slow? 太慢了"),
            ("nps", "4"),
        ];
        let post = |fields: &[(&str, &str)]| {
            let ask = system.post("/v1/feedback").browser(language);
            ask.form(fields).send()
        };
        let sent = post(&fields).expect(303);
        let status = sent.header("location").unwrap().to_owned();
        assert_eq!(
            post(&fields).expect(303).header("location"),
            Some(status.as_str()),
            "pressing send twice sends once"
        );
        let path = status.trim_start_matches(&format!("http://{}", system.http));
        for (lang, word) in [("zh-CN", "收到"), ("en", "eceived")] {
            let page = system.get(&format!("{path}?lang={lang}")).browser(language);
            let page = page.send().expect(200);
            assert!(page.text().contains(&format!("lang=\"{lang}\"")));
            assert!(page.text().contains(word), "{}", page.text());
            assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        }
        // Somebody went back and wrote something else.
        fields[1].1 = "Something <i>else</i>";
        let conflict = post(&fields).expect(409);
        assert!(
            conflict
                .text()
                .contains("Something &lt;i&gt;else&lt;/i&gt;")
        );
        let key = page_key(&conflict);
        fields[0].1 = &key;
        assert_ne!(
            post(&fields).expect(303).header("location"),
            Some(status.as_str())
        );
        fields[2].1 = "11";
        let faulty = post(&fields).expect(422);
        assert!(faulty.text().contains("Something &lt;i&gt;else&lt;/i&gt;"));
        assert!(faulty.text().contains(&format!("lang=\"{lang}\"")));
    }
    let home = system.get("/").browser("en").send().expect(200);
    assert!(home.text().contains("/f/default"));
    let api = system.get("/openapi.json").send().expect(200).json();
    assert_eq!(api["openapi"], "3.1.0");
    system.get("/f/unknown").browser("zh").send().expect(404);
}

#[test]
fn a_repeat_gets_the_first_answer_again() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let body = json!({"text": "It stopped working after a day.", "nps": 1, "locale": "en"});
    let post = |key: &str, body: &Value| {
        let ask = system.post("/v1/feedback").header("Idempotency-Key", key);
        ask.json(body)
    };
    // A storm of the same.
    let answers: Vec<_> = thread::scope(|scope| {
        let posts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| post("key-of-the-storm-1", &body).send().expect(201)))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    system.advance("PT1H");
    let later = post("key-of-the-storm-1", &body).send().expect(201);
    assert_eq!(later.body, answers[0].body, "also an hour later");
    let mut field = body.clone();
    field["idempotency_key"] = "key-of-the-storm-1".into();
    let by_field = system.post("/v1/feedback").json(&field).send().expect(201);
    assert_eq!(by_field.body, answers[0].body, "header or field");
    let other = post(
        "key-of-the-storm-1",
        &json!({"text": "Something else", "locale": "en"}),
    );
    assert_eq!(
        other.send().expect(409).header("content-type"),
        Some("application/problem+json")
    );
    for key in [
        "short",
        &"k".repeat(256),
        "with a blank inside",
        "schlüssel-schlüssel",
    ] {
        let faults = post(key, &body).send().expect(422).faults();
        assert_eq!(faults, ["idempotency_key invalid-key"], "{key}");
    }
    post(&"k".repeat(16), &body).send().expect(201);
    post(&"k".repeat(255), &body).send().expect(201);
    let cases = system.staff("agent").list("state=open");
    assert_eq!(cases.len(), 3);
    // Without a key, look-alikes are two.
    assert_ne!(system.feedback(&body), system.feedback(&body));
}

#[test]
fn every_fault_is_named_at_once() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let wrong = json!({
        "text": "x".repeat(10_001), "nps": 11, "csat": 0, "ces": "much", "channel": "pigeon", "tier": "wood",
        "contact": {"email": "a@example.com\r\nBcc: all@example.com", "phone": "none"},
        "touchpoint": "t".repeat(101), "locale": "xx", "consent": "perhaps", "form": "No Such Form",
    });
    let expected = [
        "ces",
        "channel",
        "consent",
        "contact.email",
        "contact.phone",
        "csat",
        "form",
        "locale",
        "nps",
        "text",
        "tier",
        "touchpoint",
    ];
    let mut languages = Vec::new();
    for language in ["zh-CN", "en"] {
        let answer = system
            .post("/v1/feedback")
            .header("Accept-Language", language);
        let answer = answer.json(&wrong).send().expect(422);
        let faults = answer.faults();
        let mut fields: Vec<_> = faults
            .iter()
            .map(|f| f.split(' ').next().unwrap())
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, expected, "{faults:?}");
        assert!(faults.contains(&"text too-long".to_owned()));
        assert!(
            !answer.text().contains("Bcc"),
            "what was sent is not echoed"
        );
        languages.push(answer.json()["title"].clone());
    }
    assert_ne!(languages[0], languages[1]);
    assert_eq!(
        system
            .post("/v1/feedback")
            .json(&json!({}))
            .send()
            .expect(422)
            .faults()
            .len(),
        1
    );
    // Exactly 10,000 characters, of four bytes each.
    system.feedback(&json!({"text": "😀".repeat(10_000)}));
    let large = vec![b'x'; 256 * 1024 + 1];
    for kind in [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
    ] {
        let answer = system.post("/v1/feedback").body(kind, large.clone()).send();
        assert!(
            matches!(answer.status, 413 | 415),
            "{kind}: {}",
            answer.status
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    system
        .post("/v1/feedback")
        .body("application/json", large)
        .send()
        .expect(413);
    for kind in [
        "text/plain",
        "application/xml",
        "application/json; charset=gbk",
        "nonsense",
        "",
    ] {
        let answer = system
            .post("/v1/feedback")
            .body(kind, "text=a")
            .send()
            .expect(415);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{kind}"
        );
    }
}

#[test]
fn pages_of_allowed_origins_may_post() {
    let folder = Folder::new();
    let origins = "AllowedOrigins=https://shop.example,https://www.example.com";
    let system = System::start(&folder, &["--parameter", origins]);
    let preflight = |origin: &str| {
        system
            .ask("OPTIONS", "/v1/feedback")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "content-type, idempotency-key",
            )
            .send()
            .expect(204)
    };
    let post = |origin: &str, nps: i64| {
        let ask = system.post("/v1/feedback").header("Origin", origin);
        ask.json(&json!({"nps": nps})).send()
    };
    const ALLOWED: &str = "access-control-allow-origin";
    for origin in ["https://shop.example", "https://www.example.com"] {
        let answer = preflight(origin);
        assert_eq!(answer.header(ALLOWED), Some(origin));
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("content-type") && headers.contains("idempotency-key"));
        assert!(
            answer
                .header("access-control-allow-methods")
                .unwrap()
                .contains("POST")
        );
        assert_eq!(post(origin, 9).expect(201).header(ALLOWED), Some(origin));
        assert_eq!(post(origin, 99).expect(422).header(ALLOWED), Some(origin));
    }
    for origin in [
        "https://evil.example",
        "null",
        "https://shop.example.evil.example",
        "https://shop.example:444",
    ] {
        assert_eq!(preflight(origin).header(ALLOWED), None);
        assert_eq!(post(origin, 9).expect(201).header(ALLOWED), None);
    }
}
