use jiff::civil::date;
use resound_domain::figures::Figures;
use resound_domain::form::FormId;
use resound_domain::tally::{Dimension, Tally};
use resound_store::{Cell, ConfigKind, KeptOne, Part, Published, Signed};
use resound_testing::start;
use serde_json::{Value, json};

use crate::statistics::four;
use crate::support::{Answer, Desk, Request, after, pairs};

const DAY: &str = "from=2026-11-02&to=2026-11-02";

async fn ask(desk: &Desk, query: &str, minutes: i64) -> Answer {
    desk.send(Request::kpi(query).at(after(minutes))).await
}

fn figure<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let kpis = answer.body["kpis"].as_array().unwrap();
    kpis.iter().find(|kpi| kpi["name"] == name).unwrap()
}

fn counted(answer: &Answer, name: &str) -> (Value, Value) {
    let figure = figure(answer, name);
    (figure["count"].clone(), figure["n"].clone())
}

#[tokio::test]
async fn the_cases_of_a_day_are_held_against_their_targets() {
    let desk = four().await;
    let answer = ask(&desk, DAY, 302).await;
    // Answered after 30 minutes, after 300 (too late for four hours), and not so far, which is too late as well.
    assert_eq!(counted(&answer, "within_target"), (json!(1), json!(3)));
    // Three and five hours of the clock, four and five in all; a case that was merged is measured as the other.
    let time = figure(&answer, "time_to_close");
    assert_eq!(
        (&time["n"], &time["value"], &time["wall"], &time["target"]),
        (&json!(2), &json!(14400.0), &json!(16200.0), &json!(28800.0))
    );
    assert_eq!(time["reached"]["code"], "too_few");
    // Two were told an outcome; neither is closed, and no customer has said anything.
    assert_eq!(counted(&answer, "reopened"), (json!(0), json!(2)));
    for (name, none) in [
        ("collection", "not_said"),
        ("implementation", "nothing_due"),
        ("recovery", "nobody_said"),
        ("stayed_closed", "no_cases"),
    ] {
        let figure = figure(&answer, name);
        assert_eq!(figure["none"]["code"], none, "{name}");
        assert_eq!(
            (&figure["value"], &figure["reached"]),
            (&Value::Null, &Value::Null),
            "{name}"
        );
    }
    // They close by themselves after the days of the policy, whether or not a sweep came by.
    let later = ask(&desk, DAY, 10 * 24 * 60).await;
    assert_eq!(counted(&later, "stayed_closed"), (json!(2), json!(2)));
}

#[tokio::test]
async fn targets_and_what_the_company_says_of_itself_stand_beside_the_cases() {
    let desk = Desk::new().await;
    let store = &desk.aws.store;
    let targets = json!({"kpi": {"collection": 20, "time_to_close": "PT1H"}});
    let published = store.publish_config(ConfigKind::Targets, 1, &targets).await;
    assert_eq!(published.unwrap(), Published::Published);
    let (survey, day) = (FormId::default_form(), date(2026, 11, 2));
    let mut tally = Tally::default();
    for _ in 0..60 {
        tally.add(resound_domain::score::Scores::default());
    }
    let cell = Cell {
        cut: Dimension::Channel.into(),
        value: Part::new("web").unwrap(),
        tally,
    };
    desk.aws.counted(&survey, day, &[cell]).await;
    let figures: Figures = serde_json::from_value(json!({"asked": {"web": 200}})).unwrap();
    let signed = Signed {
        by: "ann".to_owned(),
        at: start(),
    };
    let kept = store.keep_figures(&survey, day, None, &figures, &signed);
    assert_eq!(kept.await.unwrap(), KeptOne::Kept(1));
    let answer = ask(&desk, DAY, 302).await;
    let collection = figure(&answer, "collection");
    // 60 of 200: 24.1 to 36.7, all of it above 20.
    assert_eq!(
        (
            &collection["value"],
            &collection["target"],
            &collection["reached"]["code"]
        ),
        (&json!(30.0), &json!(20), &json!("yes"))
    );
    assert_eq!(figure(&answer, "time_to_close")["target"], 3600.0);
    let chinese = ask(&desk, &format!("{DAY}&lang=zh-CN"), 302).await;
    assert_eq!(
        figure(&chinese, "collection")["reached"]["text"],
        "已达到目标"
    );
    assert_eq!(figure(&chinese, "collection")["text"], "问卷回收率");
}

#[tokio::test]
async fn people_get_a_page_and_may_keep_it_for_a_minute() {
    let desk = four().await;
    let browser = |query: &str| {
        let request = Request::kpi(query).at(after(302));
        desk.send(request.header("accept", "text/html,*/*;q=0.8"))
    };
    let page = browser(DAY).await;
    let html = page.body.as_str().unwrap();
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(
        html.contains("First responses within target") && html.contains("1 / 3"),
        "{html}"
    );
    assert!(html.contains("lang=zh-CN") && !html.contains("<script"));
    let asked = ask(&desk, &format!("{DAY}&format=html&lang=zh-CN"), 302).await;
    assert!(asked.body.as_str().unwrap().contains("按时首次回复"));
    assert_eq!(
        browser(&format!("{DAY}&format=json")).await.body["to"],
        "2026-11-02"
    );

    let json = ask(&desk, DAY, 302).await;
    assert_eq!(
        json.headers["cache-control"],
        "private, max-age=0, must-revalidate"
    );
    let tag = json.headers["etag"].as_str().unwrap();
    let again = |seconds: i64| {
        let at = after(302) + jiff::SignedDuration::from_secs(seconds);
        desk.send(Request::kpi(DAY).at(at).header("if-none-match", tag))
    };
    assert_eq!(again(59).await.status, 304);
    let next = again(60).await;
    assert_eq!(
        (next.status, &next.body["as_of"]),
        (200, &json!(after(303)))
    );
}

#[tokio::test]
async fn hostile_queries_are_refused_in_words() {
    let desk = Desk::new().await;
    for (query, faults) in [
        ("from=0000-01-01&to=9999-12-31", &[("from", "too-long")][..]),
        ("from=2026-10-02&to=2026-11-02", &[("from", "too-long")]),
        ("from=2026-11-03&to=2026-11-02", &[("from", "out-of-order")]),
        (
            "from=x&to=20261102&survey=..&format=pdf",
            &[
                ("from", "invalid-date"),
                ("to", "invalid-date"),
                ("survey", "unknown-form"),
                ("format", "unknown-value"),
            ],
        ),
        (
            "from=-000001-01-01&to=%00",
            &[("from", "invalid-date"), ("to", "invalid-date")],
        ),
    ] {
        let answer = ask(&desk, query, 302).await;
        assert_eq!(
            (answer.status, answer.faults()),
            (422, pairs(faults)),
            "{query}"
        );
    }
    for query in [
        "",
        "from=&to=&survey=&format=",
        "from=9999-12-01&to=9999-12-31",
        "survey=gone",
    ] {
        assert_eq!(ask(&desk, query, 302).await.status, 200, "{query}");
    }
    let agent = Request::kpi("").scopes("resound/cases.read resound/cases.write");
    assert_eq!(desk.send(agent).await.status, 403);
    // Two seconds before the function is stopped it says so.
    let stopped = desk.send_within(1, Request::kpi(DAY).at(after(302))).await;
    assert_eq!(
        (stopped.status, stopped.faults()),
        (422, pairs(&[("from", "too-many")]))
    );
}
