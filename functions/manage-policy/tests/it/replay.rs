//! Counting days again.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::tally::Cause;
use resound_store::{ConfigKind, DirtyDay};
use resound_testing::api::assert_is;
use resound_testing::start;
use serde_json::json;

use crate::support::{Answer, Office, Request};

const ROUTE: &str = "/v1/nps/replay";

async fn ask(office: &Office, query: &str) -> Answer {
    let request = Request::new(&format!("POST {ROUTE}")).query(query);
    office.send(request).await
}

async fn waiting(office: &Office, query: &str) -> Answer {
    let request = Request::new(&format!("GET {ROUTE}")).query(query);
    let request = request.scopes("resound/reports.read");
    office.send(request).await
}

async fn office() -> Office {
    let office = Office::new().await;
    let forms = ["default", "shop"].map(|name| Form::new(name.parse().unwrap()));
    let forms = Forms::new(forms.to_vec()).unwrap();
    let published = office.aws.store.publish_config(ConfigKind::Form, 1, &forms);
    let _published = published.await.unwrap();
    office
}

fn today() -> Date {
    start().to_zoned(TimeZone::UTC).date()
}

#[tokio::test]
async fn days_are_marked_and_wait() {
    let office = office().await;
    let nothing = waiting(&office, "").await.expect(200);
    assert_eq!(nothing.body["waiting"], json!([]));
    for _ in 0..2 {
        let asked = ask(&office, "from=2026-10-30&to=2026-11-01&survey=shop").await;
        let asked = asked.expect(202);
        assert_eq!(asked.headers["location"], ROUTE);
        assert_is("ReplayAsked", &asked.body);
        assert_eq!(
            (&asked.body["surveys"], &asked.body["days"]),
            (&json!(["shop"]), &json!(3))
        );
    }
    let shop: FormId = "shop".parse().unwrap();
    let marks = office.aws.store.dirty_days(&shop).await.unwrap();
    let expected = [(10, 30), (10, 31), (11, 1)].map(|(month, day)| DirtyDay {
        day: date(2026, month, day),
        cause: Cause::Replay,
        marked_at: start(),
    });
    assert_eq!(marks, expected);

    ask(&office, "from=2026-11-01&to=2026-11-01")
        .await
        .expect(202);
    let store = &office.aws.store;
    let days = [date(2026, 11, 1)];
    let marked = store.mark_days(&shop, &days, Cause::Edit, start() + 1.hour());
    marked.await.unwrap();
    let all = waiting(&office, "").await.expect(200);
    assert_is("Waiting", &all.body);
    assert_eq!(all.headers["cache-control"], "no-store");
    let days = all.body["waiting"].as_array().unwrap();
    let days: Vec<_> = days
        .iter()
        .map(|day| format!("{} {} {}", day["survey"], day["day"], day["why"]))
        .collect();
    assert_eq!(
        days,
        [
            r#""default" "2026-11-01" ["replay"]"#,
            r#""shop" "2026-10-30" ["replay"]"#,
            r#""shop" "2026-10-31" ["replay"]"#,
            r#""shop" "2026-11-01" ["edit","replay"]"#,
        ]
    );
    assert_eq!(all.body["waiting"][3]["since"], "2026-11-02T03:00:00Z");
    let one = waiting(&office, "survey=default").await.expect(200);
    assert_eq!(one.body["waiting"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_year_is_asked_for_at_once_and_no_more() {
    let office = office().await;
    let from = today() - 399.days();
    let span = |from: Date, to: Date| format!("from={from}&to={to}&survey=default");
    let asked = ask(&office, &span(from, today())).await.expect(202);
    assert_eq!(asked.body["days"], 400);
    let survey = FormId::default_form();
    let marks = office.aws.store.dirty_days(&survey).await.unwrap();
    assert_eq!(marks.len(), 400);
    let more = ask(&office, &span(from - 1.day(), today()))
        .await
        .expect(422);
    assert_eq!(more.faults(), ["from too-long"]);
    let centuries = ask(&office, &span(date(0, 1, 1), today()))
        .await
        .expect(422);
    assert_eq!(centuries.faults(), ["from too-long"]);
}

#[tokio::test]
async fn what_cannot_be_counted_again_is_refused_in_words() {
    let office = office().await;
    let tomorrow = today() + 1.day();
    let after = tomorrow + 1.day();
    for (query, faults) in [
        ("", vec!["from invalid-date", "to invalid-date"]),
        ("from=20261101&to=2026-11-01", vec!["from invalid-date"]),
        ("from=2026-11-02&to=2026-11-01", vec!["from out-of-order"]),
        (
            "from=x&to=2026-11-01&survey=gone",
            vec!["from invalid-date", "survey unknown-form"],
        ),
        (
            "from=2026-11-01&to=2026-11-01&survey=A B",
            vec!["survey unknown-form"],
        ),
        (&format!("from={after}&to={after}"), vec!["to too-late"]),
        ("from=2026-11-01&to=9999-12-31", vec!["to too-late"]),
    ] {
        let refused = ask(&office, query).await.expect(422);
        assert_eq!(refused.faults(), faults, "{query}");
    }
    ask(&office, &format!("from={tomorrow}&to={tomorrow}"))
        .await
        .expect(202);
    waiting(&office, "survey=gone").await.expect(422);
    for (language, words) in [("en", "at most 400 days"), ("zh-CN", "最多 400 天")] {
        let query = "from=2020-01-01&to=2026-11-01";
        let request = Request::new(&format!("POST {ROUTE}")).query(query);
        let refused = office
            .send(request.header("accept-language", language))
            .await;
        let refused = refused.expect(422);
        assert!(refused.messages()[0].contains(words), "{refused:?}");
    }
}

#[tokio::test]
async fn only_admins_have_days_counted_again() {
    let office = office().await;
    let query = "from=2026-11-01&to=2026-11-01";
    let request = Request::new(&format!("POST {ROUTE}")).query(query);
    let refused = request.scopes("resound/reports.read resound/cases.manage");
    office.send(refused).await.expect(403);
    let request = Request::new(&format!("GET {ROUTE}")).scopes("resound/cases.read");
    office.send(request).await.expect(403);
    let left = office.aws.store.dirty_days(&FormId::default_form()).await;
    assert_eq!(left.unwrap(), []);
}
