use resound_domain::case::Command;
use resound_domain::form::{Form, Forms, Title};
use resound_domain::policy::Priority;
use resound_domain::score::Scores;
use resound_domain::submission::RawFields;
use resound_lambda_kit::http::HttpResponse;
use resound_store::{Amended, Buried, ConfigKind, Published};
use serde_json::{Value, json};

use crate::support::{Event, World, after, t0, token};

fn body(response: &HttpResponse) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

/// What people read on a page, a text a line.
fn text(page: &HttpResponse) -> String {
    assert_eq!(
        page.headers["content-type"], "text/html; charset=utf-8",
        "{}",
        page.body
    );
    let (_, main) = page.body.split_once("<main>").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    let pieces = main.split('<').filter_map(|piece| piece.split_once('>'));
    let texts: Vec<_> = pieces
        .map(|(_, text)| text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("\n")
}

fn key(page: &HttpResponse) -> String {
    let (_, after) = page
        .body
        .split_once(r#"name="idempotency_key" value=""#)
        .unwrap();
    after.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn every_page_may_load_nothing_and_is_kept_by_nobody() {
    let world = World::new().await;
    let response = world.respond(json!({"nps": 10})).await;
    for event in [
        Event::home(),
        Event::form(),
        Event::form().param("form", "nowhere"),
        Event::receipt_browser(&token(&response)),
        Event::receipt_browser("forged"),
    ] {
        let page = world.call(event).await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        assert!(
            page.headers["content-security-policy"]
                .starts_with("default-src 'none'; style-src 'sha256-")
        );
        assert!(!page.body.contains("<script"));
    }
}

#[tokio::test]
async fn home() {
    let world = World::new().await;
    insta::assert_snapshot!(text(&world.call(Event::home()).await));
}

#[tokio::test]
async fn the_form_speaks_the_language_asked_for() {
    let world = World::new().await;
    for (event, tag) in [
        (Event::form(), "zh-CN"),
        (Event::form().query("lang=en"), "en"),
        (Event::form().query("lang=fr"), "zh-CN"),
        (
            Event::form()
                .query("")
                .header("accept-language", "en-GB,en;q=0.9,zh;q=0.1"),
            "en",
        ),
    ] {
        let page = world.call(event).await;
        assert_eq!(page.status, 200);
        assert!(
            page.body.contains(&format!(r#"<html lang="{tag}""#)),
            "{tag}"
        );
    }
}

#[tokio::test]
async fn each_form_page_carries_a_key_of_its_own() {
    let world = World::new().await;
    let first = key(&world.call(Event::form().id("one")).await);
    assert!(
        (16..=255).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_graphic()),
        "{first}"
    );
    assert_eq!(
        first,
        key(&world.call(Event::form().id("one")).await),
        "a replayed event gives the same page"
    );
    assert_ne!(first, key(&world.call(Event::form().id("two")).await));
}

#[tokio::test]
async fn a_link_fills_in_what_it_may() {
    let world = World::new().await;
    let query = "product=kettle%20%26+pot&nps=9&text=%3C/textarea%3E&tier=platinum&email=a@b.example&consent=true";
    let page = world.call(Event::form().query(query)).await.body;
    assert!(page.contains(r#"name="product" value="kettle &amp; pot""#));
    assert!(page.contains(r#"value="9" checked"#));
    assert!(page.contains("&lt;/textarea&gt;"));
    assert!(!page.contains("platinum") && !page.contains("a@b.example"));
    assert!(!page.contains(r#"value="true" checked"#));
}

#[tokio::test]
async fn a_form_has_its_own_name_and_zone() {
    let world = World::new().await;
    let shop = Form {
        zone: Some("Europe/Berlin".to_owned()),
        title: Some(Title {
            zh_cn: "水壶店".to_owned(),
            en: "Kettle <shop>".to_owned(),
        }),
        ..Form::new("shop".parse().unwrap())
    };
    let forms = Forms::new(vec![shop]).unwrap();
    let published = world
        .store
        .publish_config(ConfigKind::Form, 1, &forms)
        .await
        .unwrap();
    assert_eq!(published, Published::Published);

    let page = world
        .call(Event::form().param("form", "shop").query("lang=en"))
        .await;
    assert!(
        page.body
            .contains("<h1><bdi>Kettle &lt;shop&gt;</bdi></h1>")
    );

    let response = world.respond(json!({"nps": 9, "form": "shop"})).await;
    let page = text(
        &world
            .call(Event::receipt_browser(&token(&response)).query("lang=en"))
            .await,
    );
    assert!(page.contains("Saturday 21 November 2026, 07:05"), "{page}");
    assert!(page.contains("Europe/Berlin time, UTC+1"), "{page}");
}

#[tokio::test]
async fn there_is_no_such_form() {
    let world = World::new().await;
    for name in ["nowhere", "A", "", "a b", "\0", "<script>"] {
        let page = world.call(Event::form().param("form", name)).await;
        assert_eq!(page.status, 404, "{name}");
        assert!(text(&page).contains("没有这个表单。"), "{name}");
    }
    let problem = world
        .call(
            Event::form()
                .param("form", "nowhere")
                .header("accept", "*/*")
                .query("lang=en"),
        )
        .await;
    assert_eq!(problem.headers["content-type"], "application/problem+json");
    assert_eq!(body(&problem)["detail"], "There is no such form.");
}

/// What of a page lets the customer say something.
fn forms(page: &str) -> Vec<&str> {
    let forms = page.split("<form").skip(1);
    forms
        .filter_map(|form| form.split_once("action=\"")?.1.split_once('"'))
        .filter_map(|(action, _)| action.rsplit_once('/'))
        .map(|(_, what)| what)
        .collect()
}

#[tokio::test]
async fn an_outcome_asks_and_a_link_of_a_letter_says_nothing_by_itself() {
    let world = World::new().await;
    let (response, case) = world
        .open(json!({"text": "It is broken."}), Priority::P2)
        .await;
    let page = |query: &'static str, hours: i64| {
        let event = Event::receipt_browser(&token(&response))
            .query(query)
            .at(after(hours));
        world.call(event)
    };
    let open = page("lang=en", 1).await.body;
    assert_eq!(forms(&open), ["messages?lang=en", "scores?lang=en"]);
    let case = world
        .command(&case, Command::Resolve, Some("Fixed."), 2)
        .await;
    for (query, opened) in [
        ("lang=en", false),
        ("lang=en&outcome=2&solved=yes", false),
        ("lang=en&outcome=2&solved=no", true),
        ("lang=en&outcome=1&solved=no", false),
        ("lang=en&outcome=&solved=%00", false),
    ] {
        let asked = page(query, 3).await.body;
        let asks = ["helped?lang=en", "helped?lang=en", "scores?lang=en"];
        assert_eq!(forms(&asked), asks, "{query}");
        assert!(asked.contains("Did this solve it?"));
        assert_eq!(asked.contains("<details open>"), opened, "{query}");
    }
    let program = Event::receipt_program(&token(&response)).query("outcome=2&solved=yes");
    let answer = world.call(program.at(after(3))).await;
    assert_eq!(
        body(&answer)["question"],
        json!({"outcome": 2, "said": null})
    );
    assert_eq!(body(&answer)["state"], "resolved");
    assert_eq!(
        case.version(),
        world
            .store
            .case(case.id())
            .await
            .unwrap()
            .unwrap()
            .version()
    );
}

#[tokio::test]
async fn a_receipt_without_a_case() {
    let world = World::new().await;
    let response = world.respond(json!({"nps": 10})).await;
    let answer = world.call(Event::receipt_program(&token(&response))).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    assert_eq!(
        body(&answer),
        json!({
            "id": response.id.to_string(),
            "reference": response.id.reference(),
            "state": "received",
            "shipped": [],
            "betas": [],
            "question": null,
            "late": false,
            "received_at": "2026-11-21T06:05:00.5Z",
            "respond_by": null,
            "answered_at": null,
            "resolve_by": null,
            "resolved_at": null,
            "closes_at": null,
            "timeline": [{"at": "2026-11-21T06:05:00.5Z", "type": "received"}],
            "scores": {"nps": 10},
            "scores_until": "2026-12-21T06:05:00.5Z",
        })
    );
}

#[tokio::test]
async fn scores_are_offered_until_the_last_instant_and_asking_changes_nothing() {
    let world = World::new().await;
    let response = world.respond(json!({"nps": 9, "text": "很好"})).await;
    let token = token(&response);
    let page = |at| world.call(Event::receipt_browser(&token).at(at));
    let action = format!("action=\"/v1/receipts/{token}/scores?lang=zh-CN\"");
    let last = response.amendable_until();
    let offered = page(last).await;
    assert!(offered.body.contains(&action), "{}", offered.body);
    assert!(offered.body.contains(r#"name="nps" value="9" checked>"#));
    assert_eq!(offered.body.matches(" checked").count(), 1);
    let over = page(last + jiff::SignedDuration::from_millis(1)).await;
    assert_eq!(over.status, 200);
    assert!(!over.body.contains("<form"));

    let amendment = response
        .amend(
            Scores::parse(&RawFields::from_iter([("nps", "3"), ("ces", "7")])).unwrap(),
            t0(),
        )
        .unwrap()
        .unwrap();
    let amended = world
        .store
        .amend(&response, &amendment, t0())
        .await
        .unwrap();
    assert_eq!(amended, Amended::Done);
    let shown = page(last).await;
    assert!(shown.body.contains(r#"name="nps" value="3" checked>"#));
    assert!(shown.body.contains(r#"name="ces" value="7" checked>"#));
    assert_eq!(shown.body.matches(" checked").count(), 2);
    let told = world.call(Event::receipt_program(&token)).await;
    assert_eq!(body(&told)["scores"], json!({"nps": 3, "ces": 7}));
}

#[tokio::test]
async fn a_receipt_tells_the_whole_way() {
    let world = World::new().await;
    let (response, case) = world
        .open(json!({"text": "物流太慢", "nps": 2}), Priority::P2)
        .await;
    let token = token(&response);
    let states = [
        (Command::Acknowledge, None, 1),
        (
            Command::Assign {
                owner: "ann".to_owned(),
            },
            None,
            2,
        ),
        (Command::Reply, Some("您好，我们正在查。"), 3),
        (
            Command::AwaitCustomer { message: true },
            Some("订单号是多少？"),
            4,
        ),
        (Command::Resume, None, 28),
        (Command::Resolve, Some("已退款。<b>"), 30),
        (Command::Reopen, None, 31),
        (Command::Decline, Some("超过期限。"), 32),
    ];
    let mut told = vec![body(&world.call(Event::receipt_program(&token)).await)];
    let mut case = case;
    for (command, words, hours) in states {
        case = world.command(&case, command, words, hours).await;
        told.push(body(
            &world
                .call(Event::receipt_program(&token).at(after(hours)))
                .await,
        ));
    }
    // No sweep has run; time alone closed it.
    told.push(body(
        &world
            .call(Event::receipt_program(&token).at(after(32 + 3 * 24)))
            .await,
    ));
    insta::assert_json_snapshot!(told);

    let page = world
        .call(Event::receipt_browser(&token).at(after(33)))
        .await;
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert!(page.body.contains("已退款。&lt;b&gt;"));
    insta::assert_snapshot!("the_whole_way_page", text(&page));
}

#[tokio::test]
async fn a_missed_promise_is_admitted_before_any_sweep() {
    let world = World::new().await;
    let (response, case) = world.open(json!({"text": "会爆炸"}), Priority::P1).await;
    let receipt = Event::receipt_program(&token(&response));
    let at_due = response.promise.unwrap().respond_by;
    let late = body(&world.call(receipt.clone().at(at_due)).await)["late"].clone();
    assert_eq!(late, false, "answering exactly then would be in time");

    let answer = body(&world.call(receipt.clone().at(after(3))).await);
    assert_eq!(
        (&answer["late"], &answer["state"]),
        (&json!(true), &json!("open"))
    );
    assert_eq!(
        answer["timeline"].as_array().unwrap().len(),
        1,
        "alerts are our own business"
    );
    let page = world
        .call(Event::receipt_browser(&token(&response)).at(after(3)))
        .await;
    insta::assert_snapshot!("late_page", text(&page));

    // It stays late while we wait for the customer without having answered.
    let case = world
        .command(&case, Command::AwaitCustomer { message: false }, None, 4)
        .await;
    let answer = body(&world.call(receipt.clone().at(after(5))).await);
    assert_eq!(
        (&answer["late"], &answer["respond_by"]),
        (&json!(true), &json!(at_due))
    );
    assert_eq!(answer["resolve_by"], Value::Null, "that clock stands still");

    world
        .command(&case, Command::Resolve, Some("好了。"), 6)
        .await;
    let answer = body(&world.call(receipt.at(after(6))).await);
    assert_eq!(
        (&answer["late"], &answer["answered_at"]),
        (&json!(false), &json!(after(6)))
    );
}

#[tokio::test]
async fn a_page_speaks_the_language_of_the_feedback_unless_asked_otherwise() {
    let world = World::new().await;
    let response = world.respond(json!({"nps": 10, "locale": "en"})).await;
    let event = Event::receipt_browser(&token(&response));
    assert!(
        world
            .call(event.clone())
            .await
            .body
            .contains(r#"<html lang="en""#)
    );
    assert!(
        world
            .call(event.query("lang=zh"))
            .await
            .body
            .contains(r#"<html lang="zh-CN""#)
    );
}

#[tokio::test]
async fn a_reader_of_traditional_chinese_finds_it_and_finds_it_again() {
    let world = World::new().await;
    let taiwan = json!({"nps": 10, "locale": "zh-CN", "language": "zh-TW"});
    let response = world.respond(taiwan).await;
    let token = token(&response);
    let page = async |query: &str| {
        let event = Event::receipt_browser(&token).query(query);
        world.call(event).await.body
    };
    for query in ["", "lang=zh-TW", "lang=zh-Hant-HK"] {
        let body = page(query).await;
        assert!(body.contains(r#"<html lang="zh-TW""#), "{body}");
        assert!(body.contains("謝謝，已收到您的意見") && body.contains("?lang=en"));
        // What they send from here brings them back to it.
        assert!(body.contains(&format!("/v1/receipts/{token}/scores?lang=zh-TW")));
    }
    let english = page("lang=en").await;
    assert!(english.contains(r#"href="?lang=zh-TW""#), "{english}");
    assert!(page("lang=zh-CN").await.contains("谢谢，您的反馈已收到"));
}

#[tokio::test]
async fn forged_tokens_lead_nowhere() {
    let world = World::new().await;
    let response = world.respond(json!({"nps": 10})).await;
    let good = token(&response);
    let mut altered = good.clone();
    altered.replace_range(..1, "1");
    let unsent = World::new().await;
    assert_eq!(unsent.call(Event::receipt_program(&good)).await.status, 404);
    for bad in [
        "",
        "x",
        &altered,
        &good[..good.len() - 1],
        &format!("{good}.x"),
        "\0",
        "../../etc",
        "<script>",
    ] {
        let problem = world.call(Event::receipt_program(bad)).await;
        assert_eq!(problem.status, 404, "{bad}");
        assert_eq!(problem.headers["content-type"], "application/problem+json");
        assert_eq!(problem.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn what_was_erased_is_gone() {
    let world = World::new().await;
    let (response, _) = world.open(json!({"text": "物流太慢"}), Priority::P3).await;
    assert_eq!(
        world.store.bury(response.id, t0()).await.unwrap(),
        Buried::Buried
    );
    let token = token(&response);
    assert_eq!(world.call(Event::receipt_program(&token)).await.status, 410);
    let page = world.call(Event::receipt_browser(&token)).await;
    assert_eq!(page.status, 410);
    insta::assert_snapshot!(text(&page));
}

#[tokio::test]
async fn no_query_or_header_ends_in_a_fault() {
    let world = World::new().await;
    for odd in [
        "%",
        "%zz",
        "a b",
        "\"<>'",
        "lang",
        "lang=&lang=en",
        "=",
        "\u{202e}=مرحبا",
        "nps=-1&nps=10&text=%00%ff",
    ] {
        for event in [
            Event::home(),
            Event::form(),
            Event::openapi(),
            Event::receipt_browser("x"),
        ] {
            let event = event
                .query(odd)
                .header("accept-language", odd)
                .header("x-forwarded-proto", odd);
            assert!(world.call(event.clone()).await.status < 500, "{odd}");
            assert!(
                world.call(event.header("accept", odd)).await.status < 500,
                "{odd}"
            );
        }
    }
}
