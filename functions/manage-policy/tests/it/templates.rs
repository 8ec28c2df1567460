//! What customers are written.

use resound_domain::template::Templates;
use resound_store::ConfigKind;
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
