//! What customers are written.

use resound_domain::template::Templates;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_store::ConfigKind;
use resound_testing::Server;
use serde_json::{Value, json};

use crate::support::{Office, Request};

fn each(value: &Value) -> Value {
    json!({"zh-CN": value, "zh-TW": value, "en": value})
}

fn document() -> Value {
    let wording = json!({"subject": "{{brand}} [{{reference}}]", "opening": "Of {{day}}:"});
    json!({
        "wording": {"declined": each(&wording)},
        "sms": {"resolved": each(&json!("{{brand}} {{reference}} {{link}}"))},
        "brands": [{"id": "acme", "name": each(&json!("Acme")), "reply_to": "care@acme.example", "signature": each(&json!("Yours,\nAcme"))}],
    })
}

#[tokio::test]
async fn templates_are_published_whole_and_judged_whole() {
    let office = Office::new().await;
    let put = |body: &Value| office.send(Request::new("PUT /v1/templates").json(body));
    put(&json!({})).await.expect(200);
    let published = put(&document()).await.expect(201);
    assert_eq!(
        (&published.body["state"], published.etag()),
        (&json!("current"), "\"1\"")
    );
    put(&document()).await.expect(200);
    let stale = Request::new("PUT /v1/templates").header("if-match", "\"0\"");
    office.send(stale.json(&json!({}))).await.expect(412);
    let show = Request::new("GET /v1/templates").scopes("resound/cases.read");
    let shown = office.send(show).await.expect(200);
    assert_eq!(shown.body["current"]["document"], document());
    let kept = office.aws.store.latest_config(ConfigKind::Templates);
    let kept: Option<(u32, Templates)> = kept.await.unwrap();
    assert!(kept.unwrap().1.brand("acme").is_some());
}

#[tokio::test]
async fn a_variable_that_is_missing_is_refused_when_it_is_saved() {
    let office = Office::new().await;
    let mut broken = document();
    broken["wording"]["declined"]["zh-TW"]["subject"] = "結果".into();
    broken["wording"]["declined"]["en"]["opening"] = "Dear {{name}}".into();
    broken["brands"][0]["from"] = "care@acme.example".into();
    broken["brands"][0]["reply_to"] = "care@acme.example\r\nBcc: all@acme.example".into();
    for (language, words) in [
        ("en", "A variable is missing: it must have {{reference}}."),
        ("zh-CN", "缺少变量：请写上 {{reference}}。"),
    ] {
        let put = Request::new("PUT /v1/templates")
            .header("accept-language", language)
            .json(&broken);
        let refused = office.send(put).await.expect(422);
        assert_eq!(
            refused.faults(),
            [
                "/wording/declined/zh-TW/subject missing-variable",
                "/wording/declined/en/opening unknown-variable",
                "/brands/0/from not-a-sender",
                "/brands/0/reply_to invalid-mailbox",
            ]
        );
        assert!(refused.messages()[0].ends_with(words), "{refused:?}");
    }
    let large = Request::new("PUT /v1/templates").text(&"x".repeat(10_000_000));
    office.send(large).await.expect(413);
    let dry = Request::new("PUT /v1/templates").query("dry_run=true");
    let refused = office.send(dry.json(&document())).await.expect(422);
    assert!(refused.messages()[0].contains("/v1/templates/preview"));
}

#[tokio::test]
async fn a_brand_writes_from_an_address_that_the_operator_gave() {
    let office = Office::with(&[("BRAND_SENDERS", "care@acme.example,hi@acme.example")]).await;
    let put = |from: &str| {
        let mut document = document();
        document["brands"][0]["from"] = from.into();
        office.send(Request::new("PUT /v1/templates").json(&document))
    };
    for other in [
        "care@evil.example",
        "Care@acme.example",
        "care@acme.example,hi@acme.example",
    ] {
        let refused = put(other).await.expect(422);
        assert_eq!(refused.faults(), ["/brands/0/from not-a-sender"]);
        let words = "use one of care@acme.example, hi@acme.example.";
        assert!(refused.messages()[0].ends_with(words), "{refused:?}");
    }
    put("hi@acme.example").await.expect(201);
    let wish = json!({"occasion": "reply", "language": "en", "brand": "acme"});
    let shown = office
        .send(Request::new("POST /v1/templates/preview").json(&wish))
        .await;
    assert_eq!(shown.expect(200).body["from"], "hi@acme.example");
}

#[tokio::test]
async fn a_preview_shows_the_letter_and_keeps_nothing() {
    let office = Office::new().await;
    let preview = |body: &Value| {
        let request = Request::new("POST /v1/templates/preview").json(body);
        office.send(request)
    };
    for occasion in ["reply", "question", "resolved", "declined"] {
        for language in ["zh-CN", "zh-TW", "en"] {
            let wish = json!({"occasion": occasion, "language": language});
            let shown = preview(&wish).await.expect(200).body;
            assert_eq!(
                (&shown["brand"], &shown["sender"]),
                (&json!(null), &json!(null))
            );
            let html = shown["html"].as_str().unwrap();
            assert!(html.contains(&format!("lang=\"{language}\"")));
        }
    }
    let mut sent = document();
    let evil = "<script>alert(1)</script>";
    sent["wording"]["declined"]["en"]["opening"] = evil.into();
    sent["brands"][0]["signature"]["en"] = evil.into();
    let wish = json!({"occasion": "declined", "language": "en", "brand": "acme", "document": sent});
    let shown = preview(&wish).await.expect(200).body;
    assert_eq!(shown["subject"], "Acme [R-ABCDE-FGHJK]");
    assert_eq!(shown["sender"], "Acme");
    assert_eq!(shown["reply_to"], "care@acme.example");
    let html = shown["html"].as_str().unwrap();
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    assert!(shown["text"].as_str().unwrap().contains(evil));
    let kept: Option<(u32, Value)> = office
        .aws
        .store
        .latest_config(ConfigKind::Templates)
        .await
        .unwrap();
    assert_eq!(kept, None);
}

#[tokio::test]
async fn a_text_message_is_shown_with_its_length_and_refused_when_it_could_be_too_long() {
    let office = Office::new().await;
    let preview = |body: Value| {
        let request = Request::new("POST /v1/templates/preview").json(&body);
        office.send(request)
    };
    let built_in = json!({"occasion": "resolved", "language": "en"});
    let shown = preview(built_in).await.expect(200).body;
    for (language, encoding, begins) in [
        (
            "en",
            "gsm-7",
            "Your feedback R-ABCDE-FGHJK has been resolved.",
        ),
        ("zh-CN", "ucs-2", "您的反馈 R-ABCDE-FGHJK 已处理完毕。"),
        ("zh-TW", "ucs-2", "您的意見 R-ABCDE-FGHJK 已處理完畢。"),
    ] {
        let sms = &shown["sms"][language];
        let text = sms["text"].as_str().unwrap();
        assert!(text.starts_with(begins), "{text}");
        assert!(
            text.contains("https://feedback.example.test/v1/receipts/"),
            "{text}"
        );
        assert_eq!(sms["encoding"], encoding);
        // No character of these takes two units.
        assert_eq!(sms["units"], text.chars().count());
        assert_eq!(sms["parts"], 2, "{text}");
    }
    let own =
        json!({"occasion": "resolved", "language": "en", "brand": "acme", "document": document()});
    let shown = preview(own).await.expect(200).body;
    let text = shown["sms"]["zh-TW"]["text"].as_str().unwrap();
    assert!(text.starts_with("Acme R-ABCDE-FGHJK https://"), "{text}");

    let mut long = document();
    long["sms"]["resolved"]["zh-TW"] =
        format!("{{{{reference}}}} {} {{{{link}}}}", "好".repeat(200)).into();
    for (language, words) in [
        ("en", "it takes 5 parts, and 4 are the most. Shorten it."),
        ("zh-CN", "须分 5 条发送，最多 4 条，请缩短。"),
    ] {
        let put = Request::new("PUT /v1/templates").header("accept-language", language);
        let refused = office.send(put.json(&long)).await.expect(422);
        assert_eq!(refused.faults(), ["/sms/resolved/zh-TW too-many-parts"]);
        assert!(refused.messages()[0].ends_with(words), "{refused:?}");
    }
}

#[tokio::test]
async fn a_preview_names_what_is_wrong_with_what_was_asked() {
    let office = Office::new().await;
    let mut broken = document();
    broken["wording"]["declined"]["en"]["subject"] = "No".into();
    for (wish, faults) in [
        (
            json!({"occasion": "shipped", "language": "ja"}),
            vec!["/occasion unknown-value", "/language unknown-value"],
        ),
        (
            json!({}),
            vec!["/occasion unknown-value", "/language unknown-value"],
        ),
        (
            json!({"occasion": "reply", "language": "en", "brand": "x", "to": "a@b.example"}),
            vec!["/to unknown-field"],
        ),
        (
            json!({"occasion": "reply", "language": "en", "brand": "x"}),
            vec!["/brand unknown-value"],
        ),
        (
            json!({"occasion": "reply", "language": "en", "brand": 7}),
            vec!["/brand unknown-value"],
        ),
        (
            json!({"occasion": "reply", "language": "en", "document": broken}),
            vec!["/document/wording/declined/en/subject missing-variable"],
        ),
    ] {
        for language in ["en", "zh-CN"] {
            let request = Request::new("POST /v1/templates/preview")
                .header("accept-language", language)
                .json(&wish);
            let refused = office.send(request).await.expect(422);
            assert_eq!(refused.faults(), faults, "{wish}");
        }
    }
    let agent = Request::new("POST /v1/templates/preview").scopes("resound/cases.read");
    office.send(agent.json(&json!({}))).await.expect(403);
}

fn mails() -> Vec<(&'static str, &'static str)> {
    vec![
        ("MAIL_FROM", "resound@example.test"),
        ("BRAND_SENDERS", "care@acme.example"),
        ("TEST_MAIL_TO", "ann@example.test,bob@example.test"),
    ]
}

fn test_letter(key: &str, wish: &Value) -> Request {
    let request = Request::new("POST /v1/templates/test");
    request.header("idempotency-key", key).json(wish)
}

#[tokio::test]
async fn a_test_letter_goes_to_a_listed_address_once() {
    let office = Office::with(&mails()).await;
    let mut sent = document();
    sent["brands"][0]["from"] = "care@acme.example".into();
    let wish = json!({"occasion": "declined", "language": "zh-TW", "brand": "acme", "document": sent, "to": "bob@example.test"});
    for _ in 0..2 {
        let answer = office.send(test_letter("0123456789abcdef", &wish)).await;
        assert_eq!(
            answer.expect(200).body,
            json!({"status": "sent", "to": "bob@example.test", "subject": "【測試】Acme [R-ABCDE-FGHJK]"})
        );
    }
    let letters = office.aws.port.mailbox().list();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, "bob@example.test");
    assert_eq!(letters[0].subject, "【測試】Acme [R-ABCDE-FGHJK]");
    let mut other = wish.clone();
    other["language"] = "en".into();
    let reused = test_letter("0123456789abcdef", &other);
    office.send(reused).await.expect(409);
    office
        .send(test_letter("fedcba9876543210", &other))
        .await
        .expect(200);
    let subjects: Vec<_> = office
        .aws
        .port
        .mailbox()
        .list()
        .into_iter()
        .map(|l| l.subject)
        .collect();
    assert!(
        subjects.contains(&"[TEST] Acme [R-ABCDE-FGHJK]".to_owned()),
        "{subjects:?}"
    );
}

#[tokio::test]
async fn a_test_letter_says_what_it_is_and_who_writes() {
    let office = Office::with(&mails()).await;
    let ses = Server::answering(200, r#"{"MessageId":"m-1"}"#);
    let clients = Clients {
        mailer: Clients::new(&Settings::emulator(ses.url())).mailer,
        ..office.aws.clients.clone()
    };
    let office = office.over_with(&clients, &mails());
    let mut sent = document();
    sent["brands"][0]["from"] = "care@acme.example".into();
    let wish = json!({"occasion": "reply", "language": "en", "brand": "acme", "document": sent, "to": "ann@example.test"});
    office
        .send(test_letter("0123456789abcdef", &wish))
        .await
        .expect(200);
    let sent: Value = serde_json::from_str(&ses.requests()[0].body).unwrap();
    assert_eq!(sent["FromEmailAddress"], "\"Acme\" <care@acme.example>");
    assert_eq!(
        sent["Destination"],
        json!({"ToAddresses": ["ann@example.test"]})
    );
    assert_eq!(sent["ReplyToAddresses"], json!(["care@acme.example"]));
    assert_eq!(
        sent["Content"]["Simple"]["Headers"],
        json!([
            {"Name": "Auto-Submitted", "Value": "auto-generated"},
            {"Name": "X-Resound-Test", "Value": "true"},
        ])
    );
    assert_eq!(
        sent["EmailTags"],
        json!([{"Name": "about", "Value": "test"}, {"Name": "audience", "Value": "staff"}])
    );
}

#[tokio::test]
async fn a_test_letter_goes_to_nobody_else() {
    let office = Office::with(&mails()).await;
    for to in [
        json!("li@customer.example"),
        json!("Ann@example.test"),
        json!("ann@example.test,li@customer.example"),
        json!("ann@example.test\r\nBcc: li@customer.example"),
        json!("Ann <ann@example.test>"),
        json!(["ann@example.test"]),
        json!(null),
    ] {
        let wish = json!({"occasion": "reply", "language": "en", "to": to});
        let refused = office
            .send(test_letter("0123456789abcdef", &wish))
            .await
            .expect(422);
        assert_eq!(refused.faults(), ["/to unknown-value"]);
    }
    let wish = json!({"occasion": "reply", "language": "en", "to": "ann@example.test"});
    let lead = Request::new("POST /v1/templates/test").scopes("resound/cases.manage");
    office.send(lead.json(&wish)).await.expect(403);
    let key = test_letter("short", &wish);
    office.send(key).await.expect(422);
    assert!(office.aws.port.mailbox().list().is_empty());

    // Where one address is listed it need not be named; where none is, nothing is sent.
    let one = [
        ("MAIL_FROM", "resound@example.test"),
        ("TEST_MAIL_TO", "ann@example.test"),
    ];
    let wish = json!({"occasion": "reply", "language": "en"});
    for (variables, status) in [
        (&one[..], 200),
        (&one[..1], 409),
        (&one[1..], 409),
        (&[], 409),
    ] {
        let office = Office::with(variables).await;
        let request = test_letter("0123456789abcdef", &wish);
        office.send(request).await.expect(status);
        let letters = office.aws.port.mailbox().list().len();
        assert_eq!(letters, usize::from(status == 200));
    }
}

#[tokio::test]
async fn what_came_of_a_test_letter_is_told_again_and_never_sent_again() {
    for (answer, body, status) in [
        (400, r#"{"__type":"MessageRejected"}"#, "refused"),
        (429, r#"{"__type":"TooManyRequestsException"}"#, "not_sent"),
        (500, "", "unknown"),
    ] {
        let office = Office::with(&mails()).await;
        let ses = Server::answering(answer, body);
        let clients = Clients {
            mailer: Clients::new(&Settings::emulator(ses.url())).mailer,
            ..office.aws.clients.clone()
        };
        let office = office.over_with(&clients, &mails());
        let wish = json!({"occasion": "reply", "language": "en", "to": "ann@example.test"});
        for _ in 0..2 {
            let told = office.send(test_letter("0123456789abcdef", &wish)).await;
            assert_eq!(told.expect(200).body["status"], status);
        }
        assert_eq!(ses.requests().len(), 1);
    }
}

const POOL: &str = "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-1";

fn texts() -> Vec<(&'static str, &'static str)> {
    vec![
        ("SMS_ORIGINATION_IDENTITY", POOL),
        ("TEST_TEXT_TO", "+8613700137000,+14155552671"),
    ]
}

#[tokio::test]
async fn a_test_message_goes_to_a_listed_number_once_and_says_what_it_is() {
    for (language, begins, encoding) in [
        ("en", "[TEST] Acme R-ABCDE-FGHJK https://", "gsm-7"),
        ("zh-CN", "【测试】Acme R-ABCDE-FGHJK https://", "ucs-2"),
        ("zh-TW", "【測試】Acme R-ABCDE-FGHJK https://", "ucs-2"),
    ] {
        let office = Office::with(&texts()).await;
        let sms = Server::answering(200, r#"{"MessageId":"m-1"}"#);
        let clients = Clients {
            texter: Clients::new(&Settings::emulator(sms.url())).texter,
            ..office.aws.clients.clone()
        };
        let office = office.over_with(&clients, &texts());
        let wish = json!({"medium": "sms", "occasion": "resolved", "language": language, "brand": "acme", "document": document(), "to": "+8613700137000"});
        let mut told = Vec::new();
        for _ in 0..2 {
            let answer = office.send(test_letter("0123456789abcdef", &wish)).await;
            told.push(answer.expect(200).body);
        }
        assert_eq!(told[0], told[1]);
        let text = told[0]["text"].as_str().unwrap();
        assert!(text.starts_with(begins), "{text}");
        // The mark counts: each of its brackets twice in the alphabet of GSM.
        let brackets = usize::from(encoding == "gsm-7") * 2;
        assert_eq!(told[0]["units"], text.chars().count() + brackets);
        assert_eq!(told[0]["encoding"], encoding);
        let masked = (&told[0]["status"], &told[0]["to"]);
        assert_eq!(masked, (&json!("sent"), &json!("+*********7000")));
        let requests = sms.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(
            serde_json::from_str::<Value>(&requests[0].body).unwrap(),
            json!({
                "DestinationPhoneNumber": "+8613700137000",
                "OriginationIdentity": POOL,
                "MessageBody": text,
                "MessageType": "TRANSACTIONAL",
                "Context": {"about": "test"},
            })
        );
    }
}

#[tokio::test]
async fn a_test_message_goes_to_nobody_else() {
    let mut both = texts();
    both.extend(mails());
    let office = Office::with(&both).await;
    for to in [
        json!("+8613900139000"),
        json!("8613700137000"),
        json!("+86 137 0013 7000"),
        json!("13700137000"),
        json!("+8613700137000,+8613900139000"),
        json!("ann@example.test"),
        json!(["+8613700137000"]),
        json!(8_613_700_137_000_u64),
        json!(null),
    ] {
        for (language, words) in [("en", "Test messages go to"), ("zh-CN", "测试短信只能发给")]
        {
            let wish = json!({"medium": "sms", "occasion": "reply", "language": "en", "to": to});
            let request = test_letter("0123456789abcdef", &wish);
            let refused = office.send(request.header("accept-language", language));
            let refused = refused.await.expect(422);
            assert_eq!(refused.faults(), ["/to unknown-value"], "{to}");
            if to.is_string() {
                assert!(refused.messages()[0].contains(words), "{refused:?}");
            }
            // Who is listed is told by the end of their number.
            let told = refused.body.to_string();
            assert!(
                !told.contains("1370013") && !told.contains("4155552"),
                "{told}"
            );
        }
    }
    // A number gets no letter, whatever it is called.
    for medium in [json!("phone"), json!("SMS"), json!(7)] {
        let wish = json!({"medium": medium, "occasion": "reply", "language": "en", "to": "+8613700137000"});
        let request = test_letter("0123456789abcdef", &wish);
        let refused = office.send(request).await.expect(422);
        assert_eq!(refused.faults(), ["/medium unknown-value"]);
    }
    let wish =
        json!({"medium": "sms", "occasion": "reply", "language": "en", "to": "+14155552671"});
    let preview = Request::new("POST /v1/templates/preview").json(&wish);
    let refused = office.send(preview).await.expect(422);
    assert_eq!(
        refused.faults(),
        ["/medium unknown-field", "/to unknown-field"]
    );
    let lead = Request::new("POST /v1/templates/test").scopes("resound/cases.manage");
    office.send(lead.json(&wish)).await.expect(403);
    assert!(office.aws.port.mailbox().list().is_empty());

    // Where one number is listed it need not be named; where none is, or nobody to send as, nothing is sent.
    let one = [
        ("SMS_ORIGINATION_IDENTITY", POOL),
        ("TEST_TEXT_TO", "+14155552671"),
    ];
    let wish = json!({"medium": "sms", "occasion": "reply", "language": "en"});
    let letters = mails();
    for (variables, status) in [
        (&one[..], 200),
        (&one[..1], 409),
        (&one[1..], 409),
        (&letters[..], 409),
        (&[], 409),
    ] {
        let office = Office::with(variables).await;
        let request = test_letter("0123456789abcdef", &wish);
        office.send(request).await.expect(status);
        let sent = office.aws.port.mailbox().list();
        assert_eq!(sent.len(), usize::from(status == 200));
        assert!(sent.iter().all(|sent| sent.to == "+14155552671"));
    }
}

#[tokio::test]
async fn what_came_of_a_test_message_is_told_again_and_never_sent_again() {
    for (answer, body, status) in [
        (400, r#"{"__type":"ConflictException"}"#, "refused"),
        (400, r#"{"__type":"ThrottlingException"}"#, "not_sent"),
        (400, r#"{"__type":"AccessDeniedException"}"#, "not_sent"),
        (500, "", "unknown"),
    ] {
        let office = Office::with(&texts()).await;
        let sms = Server::answering(answer, body);
        let clients = Clients {
            texter: Clients::new(&Settings::emulator(sms.url())).texter,
            ..office.aws.clients.clone()
        };
        let office = office.over_with(&clients, &texts());
        let wish =
            json!({"medium": "sms", "occasion": "reply", "language": "en", "to": "+14155552671"});
        for _ in 0..2 {
            let told = office.send(test_letter("0123456789abcdef", &wish)).await;
            assert_eq!(told.expect(200).body["status"], status);
        }
        assert_eq!(sms.requests().len(), 1);
    }
}

#[tokio::test]
async fn letters_and_messages_share_an_hour() {
    let mut both = texts();
    both.extend(mails());
    let office = Office::with(&both).await;
    let wishes = [
        json!({"occasion": "reply", "language": "en", "to": "ann@example.test"}),
        json!({"medium": "sms", "occasion": "reply", "language": "en", "to": "+14155552671"}),
    ];
    for (n, wish) in wishes.iter().cycle().take(20).enumerate() {
        let request = test_letter(&format!("0123456789abcde-{n}"), wish);
        office.send(request).await.expect(200);
    }
    for wish in &wishes {
        let request = test_letter("0123456789abcdef", wish);
        office.send(request).await.expect(429);
    }
    assert_eq!(office.aws.port.mailbox().list().len(), 20);
}

#[tokio::test]
async fn an_hour_has_so_many_test_letters() {
    let office = Office::with(&mails()).await;
    let wish = json!({"occasion": "reply", "language": "en", "to": "ann@example.test"});
    for n in 0..20 {
        let request = test_letter(&format!("0123456789abcde-{n}"), &wish);
        office.send(request).await.expect(200);
    }
    let refused = office
        .send(test_letter("0123456789abcdef", &wish))
        .await
        .expect(429);
    assert_eq!(refused.headers["retry-after"], "3600");
    // A repeat is none.
    office
        .send(test_letter("0123456789abcde-7", &wish))
        .await
        .expect(200);
    assert_eq!(office.aws.port.mailbox().list().len(), 20);
}
