//! What people with bad intentions send, from the request that brings it in to everything that goes out: it is refused, or it
//! harms nobody, and nothing is sent that was not meant.
//!
//! | what | here | besides |
//! |---|---|---|
//! | headers in addresses, names, subjects | `no_header_can_be_smuggled_in` | `close-loop` `letters.rs`, `manage-policy` `templates.rs` |
//! | addresses with comments, international ones | `an_address_is_one_mailbox_or_refused` | `lambda-kit` `mail.rs` |
//! | HTML in every variable | `html_is_text_wherever_it_is_typed` | `resound-pages` |
//! | documents and words of 10 MB | `what_is_too_long_is_refused` | `resound-local` `smoke/odd.rs` |
//! | webhooks into the network | `a_webhook_into_the_network_is_refused` | by redirect, by rebinding, and at the connection: `lambda-kit` `outbound.rs`; of the app, when it starts: `close-loop` `routes.rs` |
//! | programs that follow the links of letters | `looking_at_a_link_does_nothing` | `take-answers` |

use axum::body::Body;
use axum::http::Request;
use resound_emulator::Letter;
use resound_tests::World;
use resound_tests::world::{PUBLIC_URL, Receipt, receipt};
use serde_json::{Value, json};

use crate::announcements;

/// An address that nobody may reach by a trick.
const VICTIM: &str = "all@victim.example";
/// More than any document, and any answer of staff, may have.
const TOO_LONG: usize = 10 * 1024 * 1024;

fn feedback(contact: &Value) -> Value {
    json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": contact})
}

/// Posts feedback: the receipt, or the codes of what is wrong with it.
async fn post(world: &mut World, feedback: &Value) -> Result<Receipt, Vec<String>> {
    let answer = world.post(feedback, None).await;
    if answer.status == 201 {
        return Ok(receipt(&answer));
    }
    assert_eq!(answer.status, 422, "{}", answer.body);
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap().iter();
    Err(errors
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect())
}

/// Staff resolve the case; the letters that went to anybody but staff since.
async fn resolved(world: &mut World, case: &Receipt, words: &str) -> Vec<Letter> {
    let before = world.mails().len();
    let resolve = json!({"command": "resolve", "message": words});
    world.command(case.case, resolve).await;
    world.drain().await;
    world.mails().split_off(before)
}

/// That a letter went to this address alone, and its headers are those of a letter.
fn assert_clean(letter: &Letter, to: &str) {
    assert_eq!(letter.to, to);
    assert!(!letter.subject.contains(['\r', '\n']), "{letter:?}");
    let headers = letter.headers.iter();
    for (name, value) in headers {
        let one_line = |text: &str| !text.contains(['\r', '\n']);
        assert!(one_line(name) && one_line(value), "{letter:?}");
        assert!(!value.contains(VICTIM) && !name.eq_ignore_ascii_case("bcc"));
    }
}

#[tokio::test]
async fn no_header_can_be_smuggled_in() {
    let mut world = World::new().await;
    let email = "li@customer.example";
    let bcc = format!("\r\nBcc: {VICTIM}");
    for (contact, code) in [
        (json!({"email": format!("{email}{bcc}")}), "invalid-email"),
        (json!({"email": format!("{email}\n")}), "invalid-email"),
        (json!({"email": format!("{email}\0")}), "invalid-email"),
        (
            json!({"email": format!("{email},{VICTIM}")}),
            "invalid-email",
        ),
        (
            json!({"email": email, "name": format!("Li{bcc}")}),
            "control-character",
        ),
        (
            json!({"email": email, "name": "Li\u{2028}Bcc"}),
            "control-character",
        ),
        (
            json!({"phone": format!("+8613800138000{bcc}")}),
            "invalid-phone",
        ),
    ] {
        let posted = post(&mut world, &feedback(&contact)).await;
        match posted {
            Err(codes) => assert_eq!(codes, [code], "{contact}"),
            // A name that is only odd is left out of the letter.
            Ok(case) => {
                let letters = resolved(&mut world, &case, "It is mended.").await;
                assert_eq!(letters.len(), 1, "{contact}");
                assert_clean(&letters[0], email);
            }
        }
    }
    // What staff write goes below the headers, whatever it is.
    let contact = json!({"email": email, "name": "Li"});
    let case = post(&mut world, &feedback(&contact)).await.unwrap();
    let letters = resolved(&mut world, &case, &format!("It is mended.{bcc}")).await;
    assert_eq!(letters.len(), 1);
    assert_clean(&letters[0], email);

    // What admins publish for subjects and senders.
    let each = |text: &str| json!({"zh-CN": text, "zh-TW": text, "en": text});
    let wording = json!({"subject": format!("[{{{{reference}}}}]{bcc}"), "opening": "Hello."});
    let wording = json!({"zh-CN": wording, "zh-TW": wording, "en": wording});
    let brand = |name: &str, reply_to: &str| json!({"brands": [{"id": "acme", "name": each(name), "reply_to": reply_to, "signature": each("Acme")}]});
    for document in [
        json!({"wording": {"resolved": wording}}),
        brand(&format!("Acme{bcc}"), "care@acme.example"),
        brand("Acme", &format!("care@acme.example{bcc}")),
        brand("Acme", &format!("care@acme.example, {VICTIM}")),
    ] {
        let answer = world.try_publish("/v1/templates", &document).await;
        assert_eq!(answer.status, 422, "{document}: {}", answer.body);
    }

    // What leads ship: its name stands in the subject of an announcement.
    let issue = announcements::issue(&mut world, 1).await;
    let plan = json!({"title": "Start without a network", "issues": [issue]});
    let opened = announcements::staff_post(&mut world, "/v1/improvements", &plan, "plan").await;
    let id = opened.expect(201).json()["id"].as_str().unwrap().to_owned();
    let ship = json!({"command": "ship", "release": format!("2.4{bcc}")});
    let path = format!("/v1/improvements/{id}/commands");
    let answer = announcements::staff_post(&mut world, &path, &ship, "ship").await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    world.settle().await;
    assert!(world.letters().iter().all(|letter| letter.to != VICTIM));
}

#[tokio::test]
async fn an_address_is_one_mailbox_or_refused() {
    let mut world = World::new().await;
    for (email, code) in [
        ("li.wang+news@mail.customer.example", None),
        ("o'brien@customer.example", None),
        ("li@xn--fsqu00a.xn--0zwm56d", None),
        (
            "li(all@victim.example)@customer.example",
            Some("invalid-email"),
        ),
        ("(comment)li@customer.example", Some("invalid-email")),
        ("li@(comment)customer.example", Some("invalid-email")),
        ("\"li wang\"@customer.example", Some("invalid-email")),
        (
            "\"li@victim.example\"@customer.example",
            Some("invalid-email"),
        ),
        ("Li <li@customer.example>", Some("invalid-email")),
        ("<li@customer.example>", Some("invalid-email")),
        (
            "li@customer.example;all@victim.example",
            Some("invalid-email"),
        ),
        (
            "li@customer.example all@victim.example",
            Some("invalid-email"),
        ),
        ("li@customer.example@victim.example", Some("invalid-email")),
        ("@victim.example:li@customer.example", Some("invalid-email")),
        ("li%victim.example@customer.example", None),
        ("li@[127.0.0.1]", Some("invalid-email")),
        ("li@[IPv6:::1]", Some("invalid-email")),
        ("li@customer..example", Some("invalid-email")),
        ("li..wang@customer.example", Some("invalid-email")),
        ("li@-customer.example", Some("invalid-email")),
        ("li@", Some("invalid-email")),
        ("@customer.example", Some("invalid-email")),
        ("李@例子.测试", Some("international-email")),
        ("li@例子.测试", Some("international-email")),
        ("l\u{456}@customer.example", Some("international-email")),
        ("li\u{202e}@customer.example", Some("international-email")),
    ] {
        let posted = post(&mut world, &feedback(&json!({"email": email}))).await;
        match (posted, code) {
            (Err(codes), Some(code)) => assert_eq!(codes, [code], "{email:?}"),
            (Ok(case), None) => {
                let letters = resolved(&mut world, &case, "It is mended.").await;
                assert_eq!(letters.len(), 1, "{email:?}");
                assert_clean(&letters[0], email);
            }
            (posted, _) => panic!("{email:?}: {posted:?}"),
        }
    }
    world.settle().await;
    assert!(world.letters().iter().all(|letter| letter.to != VICTIM));
}

#[tokio::test]
async fn html_is_text_wherever_it_is_typed() {
    let mut world = World::new().await;
    let evil = r#"</p><script>alert(1)</script><img src=x onerror=alert(1)><a href="https://evil.example">Click</a>"#;
    let each = |text: &str| json!({"zh-CN": text, "zh-TW": text, "en": text});
    let wording = json!({
        "subject": "[{{reference}}] <b>fixed</b>", "opening": format!("{{{{day}}}} {{{{brand}}}} {evil}"), "closing": evil,
    });
    let document = json!({
        "wording": {"resolved": {"zh-CN": wording, "zh-TW": wording, "en": wording}},
        "brands": [{"id": "acme", "name": each("<b>Acme</b>"), "signature": each(evil)}],
    });
    let published = world.try_publish("/v1/templates", &document).await;
    assert_eq!(published.status, 201, "{}", published.body);
    // Everybody reads it anew.
    world.leap("PT3M");
    world.pass(jiff::SignedDuration::from_mins(3));
    let mut typed = feedback(&json!({"email": "li@customer.example", "name": "<script>alert(1)"}));
    for field in ["text", "product", "touchpoint"] {
        typed[field] = json!(evil);
    }
    let case = match post(&mut world, &typed).await {
        Ok(case) => case,
        // What is no name of a product is refused.
        Err(_) => {
            let mut typed = typed.clone();
            for field in ["product", "touchpoint"] {
                typed.as_object_mut().unwrap().remove(field);
            }
            post(&mut world, &typed).await.unwrap()
        }
    };
    let letters = resolved(&mut world, &case, evil).await;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_clean(letter, "li@customer.example");
    assert!(!letter.text.contains("Dear <script"), "{}", letter.text);
    let html = letter.html.as_deref().unwrap();
    let page = Request::get(&case.status).header("accept", "text/html");
    let page = world.http(page.body(Body::empty()).unwrap()).await;
    for html in [html, &page.expect(200).body] {
        assert!(html.contains("&lt;script&gt;"), "{html}");
        for tag in ["<script>alert", "<img", "<b>", "href=\"https://evil"] {
            assert!(!html.contains(tag), "{tag}: {html}");
        }
    }
    // What staff are told has none of it.
    assert!(
        world
            .alerts()
            .iter()
            .all(|alert| !alert.payload.contains("<script"))
    );

    // "Here is how" of an announcement.
    let report = announcements::report(&mut world, 0, announcements::email(0)).await;
    let issue = announcements::issue_of(&mut world, std::slice::from_ref(&report.id)).await;
    let improvement = announcements::shipped(&mut world, &[issue]).await;
    world.configure("tell-reporters", "LETTERS_A_MINUTE", "60000");
    let path = format!("/v1/improvements/{improvement}/announcement");
    let words = json!({"zh-CN": evil, "en": evil});
    let started = announcements::staff_post(&mut world, &path, &words, "announce").await;
    started.expect(201);
    announcements::minute(&mut world).await;
    let letters = world.mails();
    let html = letters.last().unwrap().html.as_deref().unwrap();
    assert!(
        html.contains("&lt;script&gt;") && !html.contains("<script"),
        "{html}"
    );
    let page = Request::get(&report.status).header("accept", "text/html");
    let page = world
        .http(page.body(Body::empty()).unwrap())
        .await
        .expect(200);
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    world.settle().await;
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let mut world = World::new().await;
    let case = post(
        &mut world,
        &feedback(&json!({"email": "li@customer.example"})),
    )
    .await;
    let case = case.unwrap();
    let long = "x".repeat(TOO_LONG);
    let each = json!({"subject": "[{{reference}}]", "opening": long});
    let templates = json!({"wording": {"resolved": {"zh-CN": each, "zh-TW": each, "en": each}}});
    let answer = world.try_publish("/v1/templates", &templates).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    let resolve = json!({"command": "resolve", "message": long});
    let answer = world.try_command(case.case, &resolve, None).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    let typed = json!({"text": long, "nps": 1});
    let answer = world.post(&typed, None).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    world.settle().await;
    assert_eq!(world.letters().len(), 0);
}

#[tokio::test]
async fn a_webhook_into_the_network_is_refused() {
    let mut world = World::new().await;
    // Worlds may reach their own machine; what is deployed may not.
    world.configure("manage-policy", "WEBHOOK_ALLOW_PRIVATE", "false");
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.7/hook",
        "https://192.168.1.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00:ec2::254]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://metadata.internal/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com:25/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_",
    ] {
        for kind in ["webhook", "slack"] {
            let mut sink = json!({"name": "x", "kind": kind, "url": url});
            if kind == "webhook" {
                sink["secrets"] = json!([resound_tests::world::WEBHOOK_SECRET]);
            }
            let document = json!({"audiences": {"owner": {"locale": "en", "time_zone": "Asia/Shanghai", "sinks": [sink]}}});
            let answer = world.try_publish("/v1/recipients", &document).await;
            assert_eq!(answer.status, 422, "{url}: {}", answer.body);
            let url = answer.json().to_string();
            assert!(url.contains("/sinks/0/url"), "{url}");
        }
    }
}

#[tokio::test]
async fn looking_at_a_link_does_nothing() {
    let mut world = World::new().await;
    let report = announcements::report(&mut world, 0, announcements::email(0)).await;
    let issue = announcements::issue_of(&mut world, &[report.id]).await;
    let improvement = announcements::shipped(&mut world, &[issue]).await;
    announcements::start(&mut world, improvement)
        .await
        .expect(201);
    announcements::minute(&mut world).await;
    let contact = json!({"email": "li@customer.example"});
    let case = post(&mut world, &feedback(&contact)).await.unwrap();
    resolved(&mut world, &case, "It is mended.").await;
    world.settle().await;

    // As programs do that look into letters: every link, by every way of only looking.
    let mut links = Vec::new();
    for letter in world.mails() {
        let words = letter.text.split_whitespace();
        let ours = words.filter_map(|word| Some(word.strip_prefix(PUBLIC_URL)?.to_owned()));
        links.extend(ours);
    }
    assert!(
        links.iter().any(|link| link.contains("/unsubscribe/")),
        "{links:?}"
    );
    assert!(
        links.iter().any(|link| link.contains("solved=no")),
        "{links:?}"
    );
    let before = world.dump();
    for link in &links {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let look = Request::builder().method(method).uri(link.as_str());
            let look = look.header("accept", "text/html");
            world.http(look.body(Body::empty()).unwrap()).await;
        }
    }
    let after = world.dump();
    let changed = resound_tests::table::differences(&before, &after);
    assert_eq!(changed, Vec::<String>::new());
}
