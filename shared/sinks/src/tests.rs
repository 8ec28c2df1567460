//! What holds for every provider alike.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use resound_domain::locale::Locale;
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::outbound::Answer as Raw;
use serde_json::Value;

use crate::message::samples::{HOSTILE, message};
use crate::{Answer, Cause, Fate, Line, Message, dingtalk, email, feishu, slack, standard, wecom};

const SECRET: &str = "demo";

fn at() -> Timestamp {
    Timestamp::from_second(1_599_360_473).unwrap()
}

/// What a chat provider is sent, by its name.
fn payloads(message: &Message) -> [(&'static str, Value); 4] {
    [
        ("slack", slack::payload(message)),
        ("wecom", wecom::payload(message)),
        ("dingtalk", dingtalk::payload(message)),
        ("feishu", feishu::payload(message, SECRET, at())),
    ]
}

/// Every text in a document.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Fails if a payload is more than its provider takes.
fn assert_within_limits(name: &str, payload: &Value) {
    match name {
        "slack" => {
            let blocks = payload["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50);
            let mut total = 0;
            for block in blocks {
                let (text, most) = match block["type"].as_str().unwrap() {
                    "header" => (&block["text"]["text"], 150),
                    "section" => (&block["text"]["text"], 3000),
                    "context" => (&block["elements"][0]["text"], 2000),
                    unknown => panic!("{unknown}"),
                };
                let length = text.as_str().unwrap().encode_utf16().count();
                assert!((1..=most).contains(&length), "{block}");
                total += length;
            }
            assert!(total <= 12_000, "{total}");
        }
        "wecom" => {
            let length = payload["markdown"]["content"].as_str().unwrap().len();
            assert!(length <= 4096, "{length}");
        }
        _ => {
            let length = payload.to_string().len();
            assert!(length <= 20_000, "{name}: {length}");
        }
    }
    if name == "dingtalk" {
        assert_ne!(payload["markdown"]["title"], "");
    }
}

/// How many lines of a payload link to a case of the samples.
fn cases_listed(payload: &Value) -> usize {
    let texts = texts(payload).into_iter();
    texts
        .map(|text| text.matches("https://example.test/v1/cases/").count())
        .sum()
}

#[test]
fn each_provider_is_sent_what_it_takes() {
    for locale in [Locale::ZhCn, Locale::En] {
        for (name, payload) in payloads(&message(locale, 2)) {
            insta::assert_json_snapshot!(format!("{name}_{}", locale.tag()), payload);
        }
        let mut many = message(locale, 2);
        many.more = 12;
        let webhook = standard::payload(&many);
        insta::assert_json_snapshot!(format!("webhook_{}", locale.tag()), webhook);
        let mailbox = Mailbox::new("lead@example.test").unwrap();
        let letter = email::letter(&many, &mailbox, &mailbox);
        insta::assert_snapshot!(
            format!("email_{}", locale.tag()),
            format!(
                "{}\n\n{}\n{}",
                letter.subject,
                letter.text,
                letter.html.unwrap()
            )
        );
    }
}

#[test]
fn hostile_names_are_only_text() {
    let mut hostile = message(Locale::En, HOSTILE.len());
    hostile.title = HOSTILE.join(" ");
    for (line, text) in hostile.lines.iter_mut().zip(HOSTILE) {
        line.text = (*text).to_owned();
    }
    for (name, payload) in payloads(&hostile) {
        assert_within_limits(name, &payload);
        insta::assert_json_snapshot!(format!("hostile_{name}"), payload);
        // Whatever is still written in a provider's markup is ours.
        let all = texts(&payload).join("\n");
        for text in [
            "@all",
            "@here",
            "@channel",
            "@everyone",
            "@所有人",
            "\u{202e}",
        ] {
            assert!(!all.contains(text), "{name}: {text}");
        }
        let markup = match name {
            "slack" => {
                all.matches('<').count() - all.matches("<https://example.test/v1/cases").count()
            }
            "wecom" => all.matches('<').count() - 2,
            _ => all.matches('<').count(),
        };
        assert_eq!(markup, 0, "{name}");
        let ours = all.matches("https://example.test/").count();
        assert_eq!(
            all.matches("://").count(),
            ours,
            "{name}: nothing else is an address"
        );
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    for n in [0, 1, 10, 25, 300, 5000] {
        for locale in [Locale::ZhCn, Locale::En] {
            let message = message(locale, n);
            for (name, payload) in payloads(&message) {
                assert_within_limits(name, &payload);
                let listed = cases_listed(&payload);
                assert!(listed >= n.min(10), "{name}: {listed} of {n}");
                let rest = match locale {
                    Locale::ZhCn => format!("另有 {} 条未列出", n - listed),
                    Locale::En => format!("and {} more, not listed here", n - listed),
                };
                let all = texts(&payload).join("\n");
                assert_eq!(all.contains(&rest), listed < n, "{name}: {listed} of {n}");
                assert!(all.contains("https://example.test/v1/cases?sort=due"));
            }
        }
    }
}

#[test]
fn a_storm_of_hundreds_goes_to_systems_whole() {
    let payload = standard::payload(&message(Locale::En, 500));
    assert_eq!(payload["data"]["alerts"].as_array().unwrap().len(), 500);
    assert_eq!(payload["data"]["omitted"], 0);
    let payload = standard::payload(&message(Locale::En, 5_000));
    let listed = payload["data"]["alerts"].as_array().unwrap().len();
    assert!(payload.to_string().len() <= standard::BODY);
    assert!(listed > 2000);
    assert_eq!(payload["data"]["omitted"], 5_000 - listed);
    let mut letter = message(Locale::En, 5_000);
    letter.more = 1;
    let mailbox = Mailbox::new("lead@example.test").unwrap();
    let text = email::letter(&letter, &mailbox, &mailbox).text;
    assert!(text.contains("\nand 4801 more, not listed here\n"));
}

#[test]
fn a_letter_about_one_alert_bears_its_trace() {
    let mailbox = Mailbox::new("lead@example.test").unwrap();
    for (lines, more, expected) in [(1, 0, true), (1, 1, false), (2, 0, false)] {
        let mut message = message(Locale::En, lines);
        message.more = more;
        let letter = email::letter(&message, &mailbox, &mailbox);
        assert_eq!(letter.trace.is_some(), expected);
    }
}

#[test]
fn one_alert_alone_is_what_webhooks_always_got() {
    let message = message(Locale::En, 1);
    let payload = standard::payload(&message).to_string();
    assert_eq!(
        serde_json::from_str::<Value>(&payload).unwrap(),
        serde_json::json!({"type": "case.breached", "timestamp": "2026-11-21T10:00:00Z", "data": {"case": "1"}})
    );
}

#[test]
fn signatures_are_those_of_the_providers() {
    // Both computed with Python's hmac, as the providers' own examples do.
    assert_eq!(
        dingtalk::sign("this is secret", 1_577_262_236_757),
        "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
    );
    assert_eq!(
        feishu::sign("demo", 1_599_360_473),
        "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
    );
}

#[test]
fn answers_mean_what_the_providers_say() {
    type Judge = fn(&Raw, Timestamp) -> Answer;
    let (slack, wecom): (Judge, Judge) = (slack::judge, wecom::judge);
    let (dingtalk, feishu): (Judge, Judge) = (dingtalk::judge, feishu::judge);
    let mut summary = String::new();
    for (name, judge, status, retry_after, body) in [
        ("slack", slack, 200, None, "ok"),
        ("slack", slack, 200, None, ""),
        ("slack", slack, 400, None, "invalid_payload"),
        ("slack", slack, 400, None, "<html>"),
        ("slack", slack, 403, None, "action_prohibited"),
        ("slack", slack, 403, None, "invalid_token"),
        ("slack", slack, 404, None, "channel_not_found"),
        ("slack", slack, 404, None, "no_service"),
        ("slack", slack, 410, None, "channel_is_archived"),
        ("slack", slack, 429, Some("30"), "rate_limited"),
        ("slack", slack, 500, None, "rollup_error"),
        ("wecom", wecom, 200, None, r#"{"errcode":0,"errmsg":"ok"}"#),
        (
            "wecom",
            wecom,
            200,
            None,
            r#"{"errcode":-1,"errmsg":"system busy"}"#,
        ),
        (
            "wecom",
            wecom,
            200,
            None,
            r#"{"errcode":45009,"errmsg":"api freq out of limit, hint: [1773643642077182456917975], from ip: 192.0.2.1"}"#,
        ),
        (
            "wecom",
            wecom,
            200,
            None,
            r#"{"errcode":93000,"errmsg":"invalid webhook url, hint: [1755605200056773468916791]"}"#,
        ),
        (
            "wecom",
            wecom,
            200,
            None,
            r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096."}"#,
        ),
        ("wecom", wecom, 200, None, r#"{"errcode":12345}"#),
        ("wecom", wecom, 200, None, r#"{"errcode":"0"}"#),
        ("wecom", wecom, 502, None, "<html>"),
        (
            "dingtalk",
            dingtalk,
            200,
            None,
            r#"{"errcode":0,"errmsg":"ok"}"#,
        ),
        (
            "dingtalk",
            dingtalk,
            200,
            None,
            r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
        ),
        (
            "dingtalk",
            dingtalk,
            200,
            None,
            r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"9ff0"}"#,
        ),
        (
            "dingtalk",
            dingtalk,
            200,
            None,
            r#"{"errcode":310000,"errmsg":"sign not match"}"#,
        ),
        (
            "dingtalk",
            dingtalk,
            200,
            None,
            r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
        ),
        (
            "dingtalk",
            dingtalk,
            200,
            None,
            r#"{"errcode":300001,"errmsg":"token is not exist"}"#,
        ),
        ("dingtalk", dingtalk, 200, None, r#"{"errcode":400013}"#),
        ("dingtalk", dingtalk, 200, None, r#"{"errcode":400102}"#),
        ("dingtalk", dingtalk, 200, None, r#"{"errcode":460101}"#),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#,
        ),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"StatusCode":0,"StatusMessage":"success"}"#,
        ),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"code":11232,"msg":"create message service trigger rate limit"}"#,
        ),
        (
            "feishu",
            feishu,
            400,
            None,
            r#"{"code":11232,"msg":"create message service trigger rate limit"}"#,
        ),
        (
            "feishu",
            feishu,
            429,
            Some("90"),
            r#"{"code":99991400,"msg":"request trigger frequency limit"}"#,
        ),
        (
            "feishu",
            feishu,
            400,
            None,
            r#"{"code":9499,"msg":"Bad Request","data":{}}"#,
        ),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}"#,
        ),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}"#,
        ),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"code":19022,"msg":"Ip Not Allowed"}"#,
        ),
        (
            "feishu",
            feishu,
            200,
            None,
            r#"{"code":19024,"msg":"Key Words Not Found"}"#,
        ),
        ("feishu", feishu, 500, None, r#"{"code":0}"#),
        ("feishu", feishu, 302, None, ""),
    ] {
        let raw = Raw {
            status,
            retry_after: retry_after.map(str::to_owned),
            body: body.as_bytes().to_vec(),
        };
        let judged = match judge(&raw, at()) {
            Answer::Accepted { .. } => "accepted".to_owned(),
            Answer::TryLater {
                reason,
                after,
                fate,
            } => format!("later, after {after:?}, {fate:?}: {reason}"),
            Answer::Refused { cause, reason } => format!("refused, {cause:?}: {reason}"),
            Answer::Gone { reason } => format!("gone: {reason}"),
        };
        summary.push_str(&format!("{name} {status} {body} => {judged}\n"));
    }
    insta::assert_snapshot!("answers", summary);
}

#[test]
fn a_code_that_nobody_knows_is_tried_again() {
    let raw = Raw {
        status: 200,
        retry_after: Some("9".to_owned()),
        body: br#"{"errcode": 777}"#.to_vec(),
    };
    assert_eq!(
        wecom::judge(&raw, at()),
        Answer::TryLater {
            reason: "WeCom answered 777".to_owned(),
            after: Some(Duration::from_secs(9)),
            fate: Fate::NotTaken,
        }
    );
    assert_ne!(Cause::Content, Cause::Other);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_message_is_too_long(
        title in "\\PC{0,400}|[<&>@*回]{0,400}",
        text in "\\PC{0,600}|[<&>|_`回😀\"]{0,600}",
        url in "https://[a-z]{1,9}/[&<>\"a-z回]{0,1100}",
        n in 0_usize..200,
        more in prop_oneof![Just(0_usize), Just(usize::MAX), 1_usize..9],
    ) {
        let mut message = message(Locale::En, 0);
        let sample = super::message::samples::message(Locale::En, 1).lines[0].clone();
        message.lines = vec![Line { text, url: url.clone(), ..sample }; n];
        message.title = title;
        message.more = more;
        message.queue = url;
        for (name, payload) in payloads(&message) {
            assert_within_limits(name, &payload);
        }
        prop_assert!(standard::payload(&message).to_string().len() <= standard::BODY);
    }

    #[test]
    fn no_answer_panics(status: u16, body: Vec<u8>, retry_after: Option<String>) {
        let raw = Raw { status, retry_after, body };
        for judge in [slack::judge, wecom::judge, dingtalk::judge, feishu::judge, standard::judge] {
            let ok = matches!(judge(&raw, at()), Answer::Accepted { .. });
            prop_assert!(!ok || (200..300).contains(&status));
        }
    }
}
