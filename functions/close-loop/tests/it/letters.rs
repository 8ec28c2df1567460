//! What is sent, to whom, and when nothing is.

use resound_domain::case::Command;
use resound_domain::contact::Reason;
use resound_domain::event::Doubt;
use resound_lambda_kit::Function as _;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::mail::Mailbox;
use resound_store::{Buried, ConfigKind, Outcome, Published, Suppressed};
use resound_testing::{Server, start, vars};
use serde_json::json;

use crate::support::{SEQ, World, again, all_done, case_id, function, key, message};

#[tokio::test]
async fn a_resolution_reaches_the_customer() {
    let contact = json!({"contact": {"email": "li@example.test", "name": "Li"}});
    let world = World::resolved(contact).await;
    let reply = world.deliver(&world.function(), start()).await;
    assert_eq!(reply, all_done());
    assert!(world.is_settled().await);
    assert!(matches!(
        world.outcome().await,
        Some((
            Outcome::Sent {
                provider_id: Some(_)
            },
            1
        ))
    ));
    insta::assert_json_snapshot!(world.aws.port.mailbox().list());
    assert_eq!(world.metrics.summary(), "NoticesSent 1");
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    assert_eq!(world.metrics.summary(), "NoticesSent 1", "a repeat");
}

#[tokio::test]
async fn a_chinese_customer_is_written_to_in_chinese() {
    let contact = json!({"locale": "zh-CN", "contact": {"email": "li@example.test"}});
    let question = Command::AwaitCustomer { message: true };
    let world = World::with(contact, question, "请问您的订单号是多少？").await;
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    let letters = world.aws.port.mailbox().list();
    assert_eq!(
        letters[0].subject,
        "关于您的反馈，想向您确认一点 [R-FFQ69-G5FAV]"
    );
    assert!(letters[0].text.contains("请问您的订单号是多少？"));
}

#[tokio::test]
async fn a_customer_in_taiwan_is_written_to_in_traditional_chinese() {
    let contact =
        json!({"locale": "zh-CN", "language": "zh-TW", "contact": {"email": "li@example.test"}});
    let world = World::with(contact, Command::Resolve, "已更換新品。").await;
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    let letters = world.aws.port.mailbox().list();
    assert_eq!(letters[0].subject, "您反映的問題已處理 [R-FFQ69-G5FAV]");
    assert!(letters[0].text.contains("這樣解決您的問題了嗎？"));
    let html = letters[0].html.as_deref().unwrap();
    assert!(html.contains("<html lang=\"zh-TW\">"));
}

#[tokio::test]
async fn what_the_company_published_is_what_customers_read() {
    let contact = json!({"product": "K-200", "contact": {"email": "li@example.test"}});
    let world = World::with(contact, Command::Resolve, "New kettle <b>sent</b>.").await;
    let wording = json!({
        "subject": "{{brand}}: fixed [{{reference}}]", "opening": "You wrote on {{day}}:", "closing": "Yours & sincerely",
    });
    let each = |value: serde_json::Value| json!({"zh-CN": value, "zh-TW": value, "en": value});
    let document = json!({
        "wording": {"resolved": each(wording)},
        "brands": [
            {"id": "kettle", "name": each("Käthe \"K\"".into()), "products": ["K-200"], "reply_to": "Care <care@kettle.example>",
             "signature": each("<i>Your kettles</i>".into())},
            {"id": "all", "name": each("All".into()), "signature": each("All".into())},
        ],
    });
    let published = world
        .aws
        .store
        .publish_config(ConfigKind::Templates, 1, &document);
    assert_eq!(published.await.unwrap(), Published::Published);
    let ses = Server::answering(200, r#"{"MessageId":"m-1"}"#);
    let function = world.function_with_ses_at(ses.url());
    assert_eq!(world.deliver(&function, start()).await, all_done());
    let sent: serde_json::Value = serde_json::from_str(&ses.requests()[0].body).unwrap();
    assert_eq!(
        sent["ReplyToAddresses"],
        json!(["\"Care\" <care@kettle.example>"])
    );
    let from = sent["FromEmailAddress"].as_str().unwrap();
    assert!(from.starts_with("=?UTF-8?B?"), "{from}");
    let simple = &sent["Content"]["Simple"];
    assert_eq!(
        simple["Subject"]["Data"],
        "Käthe \"K\": fixed [R-FFQ69-G5FAV]"
    );
    let text = simple["Body"]["Text"]["Data"].as_str().unwrap();
    for part in [
        "You wrote on 2 November 2026:",
        "Yours & sincerely",
        "<i>Your kettles</i>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let html = simple["Body"]["Html"]["Data"].as_str().unwrap();
    assert!(html.contains("Yours &amp; sincerely"));
    assert!(!html.contains("<i>") && !html.contains("<b>"), "{html}");
}

#[tokio::test]
async fn a_brand_writes_from_its_own_address_while_the_operator_lets_it() {
    let each = |value: serde_json::Value| json!({"zh-CN": value, "zh-TW": value, "en": value});
    let document = json!({"brands": [{
        "id": "kettle", "name": each("Kettle".into()), "from": "care@kettle.example", "signature": each("K".into()),
    }]});
    let own = ("MAIL_FROM", "resound@example.test");
    for (senders, from) in [
        ("care@kettle.example", "\"Kettle\" <care@kettle.example>"),
        (
            "a@b.example,care@kettle.example",
            "\"Kettle\" <care@kettle.example>",
        ),
        ("a@b.example", "\"Kettle\" <resound@example.test>"),
        ("", "\"Kettle\" <resound@example.test>"),
    ] {
        let contact = json!({"contact": {"email": "li@example.test"}});
        let world = World::resolved(contact).await;
        let store = &world.aws.store;
        let published = store.publish_config(ConfigKind::Templates, 1, &document);
        assert_eq!(published.await.unwrap(), Published::Published);
        let ses = Server::answering(200, r#"{"MessageId":"m-1"}"#);
        let clients = Clients {
            mailer: Clients::new(&Settings::emulator(ses.url())).mailer,
            ..world.aws.clients.clone()
        };
        let config = vars(&[own, ("BRAND_SENDERS", senders)]).read(close_loop::Config::read);
        let function = close_loop::App::new(config.unwrap(), &clients).erase();
        assert_eq!(world.deliver(&function, start()).await, all_done());
        let sent: serde_json::Value = serde_json::from_str(&ses.requests()[0].body).unwrap();
        assert_eq!(sent["FromEmailAddress"], from);
    }
}

#[tokio::test]
async fn a_text_message_says_what_the_company_published() {
    let contact = json!({"product": "K-200", "contact": {"phone": "+86 138 0013 8000"}});
    let world = World::with(contact, Command::Resolve, "New kettle sent.").await;
    let each = |value: serde_json::Value| json!({"zh-CN": value, "zh-TW": value, "en": value});
    let document = json!({
        "sms": {"resolved": each("[{{brand}}] {{reference}} of {{day}}: {{link}} (yours alone)".into())},
        "brands": [
            {"id": "kettle", "name": each("Kettle".into()), "products": ["K-200"], "signature": each("K".into())},
            {"id": "all", "name": each("All".into()), "signature": each("All".into())},
        ],
    });
    let published = world
        .aws
        .store
        .publish_config(ConfigKind::Templates, 1, &document);
    assert_eq!(published.await.unwrap(), Published::Published);
    let identity = "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-1";
    let config = vars(&[("SMS_ORIGINATION_IDENTITY", identity)]).read(close_loop::Config::read);
    let function = close_loop::App::new(config.unwrap(), &world.aws.clients).erase();
    assert_eq!(world.deliver(&function, start()).await, all_done());
    let caught = world.aws.port.mailbox().list();
    let text = &caught[0].text;
    let begin = "[Kettle] R-FFQ69-G5FAV of 2 November 2026: https://";
    assert!(text.starts_with(begin), "{text}");
    assert!(text.ends_with(" (yours alone)"), "{text}");
    assert!(!text.contains("New kettle"), "it travels in the open");
}

#[tokio::test]
async fn templates_that_cannot_be_read_are_passed_over() {
    let contact = json!({"contact": {"email": "li@example.test"}});
    let world = World::resolved(contact).await;
    let odd = json!({"wording": {"resolved": {"en": {"subject": "{{of a newer version}}"}}}});
    let published = world
        .aws
        .store
        .publish_config(ConfigKind::Templates, 1, &odd);
    assert_eq!(published.await.unwrap(), Published::Published);
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    let letters = world.aws.port.mailbox().list();
    assert_eq!(
        letters[0].subject,
        "Your feedback has been resolved [R-FFQ69-G5FAV]"
    );
}

#[tokio::test]
async fn what_ses_is_sent_says_who_and_why() {
    let contact = json!({"contact": {"email": "li@example.test"}});
    let world = World::with(contact, Command::Reply, "Thanks!").await;
    let ses = Server::answering(200, r#"{"MessageId":"m-1"}"#);
    let function = world.function_with_ses_at(ses.url());
    assert_eq!(world.deliver(&function, start()).await, all_done());
    let sent: serde_json::Value = serde_json::from_str(&ses.requests()[0].body).unwrap();
    assert_eq!(
        sent["Destination"]["ToAddresses"],
        json!(["li@example.test"])
    );
    assert_eq!(
        sent["Content"]["Simple"]["Headers"],
        json!([
            {"Name": "Auto-Submitted", "Value": "auto-generated"},
            {"Name": "X-Resound-Trace", "Value": "1-6a1f9b4c-000000000000000000000007"},
        ])
    );
    assert_eq!(
        sent["EmailTags"],
        json!([
            {"Name": "about", "Value": case_id().to_string()},
            {"Name": "audience", "Value": "customer"},
            {"Name": "entry", "Value": key().tag()},
        ])
    );
}

#[tokio::test]
async fn where_nothing_can_be_sent_the_ledger_says_why() {
    let email = json!({"email": "li@example.test"});
    for (submission, from, expected) in [
        (
            json!({"contact": {"name": "Li"}}),
            "a@example.test",
            Outcome::NoContact,
        ),
        (
            json!({"contact": email, "consent": false}),
            "a@example.test",
            Outcome::NoConsent,
        ),
        (
            json!({"contact": email, "consent": false}),
            "",
            Outcome::NoConsent,
        ),
        (
            json!({"contact": email, "consent": true}),
            "",
            Outcome::MailOff,
        ),
    ] {
        let world = World::resolved(submission).await;
        let function = function(&world.aws.clients, from);
        assert_eq!(world.deliver(&function, start()).await, all_done());
        assert_eq!(world.outcome().await, Some((expected, 0)));
        assert!(world.is_settled().await);
        assert_eq!(world.letters(), 0);
        assert_eq!(world.doubts().await, []);
    }
}

#[tokio::test]
async fn an_address_on_the_suppression_list_is_not_written_to() {
    for reason in [Reason::HardBounce, Reason::Complaint, Reason::ByHand] {
        let world = World::resolved(json!({"contact": {"email": "Li@Example.test"}})).await;
        let contact = Mailbox::new("li@example.TEST").unwrap().contact();
        let listed = world.aws.store.suppress(contact, reason, start(), None);
        assert_eq!(listed.await.unwrap(), Suppressed::New);
        assert_eq!(world.deliver(&world.function(), start()).await, all_done());
        assert_eq!(world.outcome().await, Some((Outcome::Suppressed, 0)));
        assert!(world.is_settled().await);
        assert_eq!(world.letters(), 0);
        // Nothing else is known of them: somebody must find another way.
        assert_eq!(world.doubts().await, [(SEQ, Doubt::Refused)]);
    }
}

#[tokio::test]
async fn who_unsubscribed_still_hears_the_outcome() {
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let contact = Mailbox::new("li@example.test").unwrap().contact();
    let listed = world
        .aws
        .store
        .suppress(contact, Reason::Unsubscribed, start(), None);
    assert_eq!(listed.await.unwrap(), Suppressed::New);
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    assert_eq!(world.letters(), 1);
}

#[tokio::test]
async fn an_erased_customer_is_not_written_to() {
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let buried = world.aws.store.bury(case_id().response(), start()).await;
    assert_eq!(buried.unwrap(), Buried::Buried);
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    assert_eq!(world.outcome().await, Some((Outcome::NoContact, 0)));
    assert!(world.is_settled().await);
    assert_eq!(world.letters(), 0);
}

#[tokio::test]
async fn a_contact_cannot_add_a_header_or_a_recipient() {
    for email in [
        "li@example.test\r\nBcc: all@example.test",
        "li@example.test, all@example.test",
        "Li <li@example.test>",
        "li@example.test\0",
    ] {
        let world = World::resolved(json!({"contact": {"email": email}})).await;
        assert_eq!(world.deliver(&world.function(), start()).await, all_done());
        assert_eq!(
            world.outcome().await,
            Some((Outcome::Unusable, 0)),
            "{email:?}"
        );
        assert_eq!(world.doubts().await.len(), 1);
        assert_eq!(world.letters(), 0);
    }
    let name = "Li\r\nBcc: all@example.test";
    let contact = json!({"contact": {"email": "li@example.test", "name": name}});
    let world = World::resolved(contact).await;
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    let letters = world.aws.port.mailbox().list();
    assert_eq!(letters[0].to, "li@example.test");
    assert_eq!(
        letters[0].subject,
        "Your feedback has been resolved [R-FFQ69-G5FAV]"
    );
}

#[tokio::test]
async fn what_cannot_be_told_goes_to_the_dead_letters() {
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let body = |effect: &str, seq: u32| {
        json!({"v": 1, "message": {"type": "effect_due", "effect": effect, "case": case_id(), "seq": seq}})
            .to_string()
    };
    for body in [
        "not JSON".to_owned(),
        body("staff_alert", 2),
        body("customer_notice", 9),
    ] {
        let mut event = message();
        event["Records"][0]["body"] = body.clone().into();
        let reply = world.call(&world.function(), event, start()).await;
        assert_eq!(reply, again(), "{body}");
    }
    // An event that asks for no letter has nothing open: it counts as delivered before.
    let mut event = message();
    event["Records"][0]["body"] = body("customer_notice", 1).into();
    assert_eq!(
        world.call(&world.function(), event, start()).await,
        all_done()
    );
    assert_eq!(world.letters(), 0);
}
