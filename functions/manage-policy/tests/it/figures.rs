//! Figures that only the company knows.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use resound_domain::form::{Form, FormId, Forms};
use resound_store::ConfigKind;
use resound_testing::start;
use serde_json::{Value, json};

use crate::support::{Answer, Office, Request, after};

const ROUTE: &str = "/v1/surveys/{survey}/figures/{day}";

fn of(method: &str, survey: &str, day: &str) -> Request {
    Request::new(&format!("{method} {ROUTE}")).params(&json!({"survey": survey, "day": day}))
}

async fn put(office: &Office, day: Date, figures: &Value) -> Answer {
    let request = of("PUT", "default", &day.to_string());
    office.send(request.json(figures)).await
}

fn today() -> Date {
    start().to_zoned(TimeZone::UTC).date()
}

#[tokio::test]
async fn figures_are_kept_by_day_and_the_last_ones_count() {
    let office = Office::new().await;
    let day = today() - 1.day();
    let figures =
        json!({"asked": {"email": 1200, "web": 0}, "active_customers": 80, "known_customers": 200});
    let first = put(&office, day, &figures).await.expect(201);
    assert_eq!(first.etag(), "\"1\"");
    assert_eq!(first.body["figures"], figures);
    // The same again, as after a lost answer, writes nothing.
    let again = put(&office, day, &figures).await.expect(200);
    assert_eq!(again.body, first.body);
    let second = json!({"asked": {"email": 1300}});
    let changed = put(&office, day, &second).await.expect(200);
    assert_eq!(
        (changed.etag(), &changed.body["figures"]),
        ("\"2\"", &second)
    );

    let shown = of("GET", "default", &day.to_string()).scopes("resound/reports.read");
    let shown = office.send(shown).await.expect(200);
    assert_eq!(shown.body, changed.body);
    assert_eq!(shown.body["by"], "admin-1");
    let survey = FormId::default_form();
    let store = &office.aws.store;
    let span = store.figures(&survey, day - 1.day(), day + 1.day()).await;
    let kept = span.unwrap();
    assert_eq!((kept.len(), kept[0].0, json!(kept[0].1)), (1, day, second));
    let none = store.figures(&survey, day + 1.day(), day).await.unwrap();
    assert_eq!(none, [], "a span that ends before it begins holds nothing");
}

#[tokio::test]
async fn who_has_not_seen_the_last_ones_is_told_so() {
    let office = Office::new().await;
    let day = today();
    put(&office, day, &json!({"asked": {"web": 1}}))
        .await
        .expect(201);
    put(&office, day, &json!({"asked": {"web": 2}}))
        .await
        .expect(200);
    let matching = |tag: &str| {
        let request = of("PUT", "default", &day.to_string()).header("if-match", tag);
        office.send(request.json(&json!({"asked": {"web": 3}})))
    };
    let refused = matching("\"1\"").await.expect(412);
    assert_eq!(refused.etag(), "\"2\"");
    matching("\"2\"").await.expect(200);
    matching("broken").await.expect(400);
}

#[tokio::test]
async fn what_is_no_survey_day_or_figure_is_refused_in_words() {
    let office = Office::new().await;
    let figures = json!({"asked": {"web": 1}});
    let yesterday = (today() - 1.day()).to_string();
    for (survey, status) in [("default", 201), ("gone", 404), ("A B", 404), ("", 404)] {
        let request = of("PUT", survey, &yesterday).json(&figures);
        office.send(request).await.expect(status);
    }
    for day in [
        "2026-13-01",
        "20261101",
        "2026-11-01T00:00:00Z",
        "-000001-01-01",
        "",
        "今天",
    ] {
        for method in ["GET", "PUT"] {
            let refused = office.send(of(method, "default", day).json(&figures)).await;
            assert_eq!(refused.expect(422).faults(), ["day invalid-date"], "{day}");
        }
    }
    // Tomorrow has begun somewhere, the day after nowhere.
    put(&office, today() + 1.day(), &figures).await.expect(201);
    let late = put(&office, today() + 2.days(), &figures).await.expect(422);
    assert_eq!(late.faults(), ["day too-late"]);
    put(&office, Date::MAX, &figures).await.expect(422);

    let request = |language| {
        let request = of("PUT", "default", &yesterday).header("accept-language", language);
        request.json(&json!({"asked": {"fax": 1}, "active_customers": 3, "known_customers": 2}))
    };
    for (language, words) in [
        ("en", "There cannot be more"),
        ("zh-CN", "活跃客户不得多于"),
    ] {
        let refused = office.send(request(language)).await.expect(422);
        let mut faults = refused.faults();
        faults.sort();
        assert_eq!(
            faults,
            ["/active_customers above-known", "/asked/fax unknown-field"]
        );
        assert!(
            refused.messages().iter().any(|m| m.contains(words)),
            "{refused:?}"
        );
    }
    let empty = of("GET", "default", "2020-01-01");
    office.send(empty).await.expect(404);
}

#[tokio::test]
async fn figures_are_of_the_companys_forms_and_may_be_empty() {
    let office = Office::new().await;
    let forms = Forms::new(vec![Form::new("shop".parse().unwrap())]).unwrap();
    let published = office.aws.store.publish_config(ConfigKind::Form, 1, &forms);
    let _published = published.await.unwrap();
    let day = date(2026, 1, 1).to_string();
    let request = of("PUT", "shop", &day).at(after(1)).sub("ann");
    let kept = office.send(request.json(&json!({}))).await.expect(201);
    assert_eq!(
        (
            &kept.body["by"],
            &kept.body["figures"],
            &kept.body["survey"]
        ),
        (&json!("ann"), &json!({}), &json!("shop"))
    );
}
