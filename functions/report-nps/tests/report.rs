//! The function from event to response, over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan};
use report_nps::{App, Config};
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::score::Scores;
use resound_domain::tally::{Dimension, Tally};
use resound_lambda_kit::{BoxedFunction, Function};
use resound_store::{Cell, ConfigKind, Part, Published, Watermark, WroteDay};
use resound_testing::api::assert_is;
use resound_testing::{Aws, call, start, vars};
use serde_json::{Value, json};

struct Desk {
    aws: Aws,
    function: BoxedFunction,
}

impl Desk {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let config = vars(&[]).read(Config::read).unwrap();
        let function = App::new(config, &aws.clients).erase();
        Self { aws, function }
    }

    async fn send(&self, event: Value) -> (u64, Value) {
        let output = call(&self.function, event, start()).await;
        let body = serde_json::from_str(output["body"].as_str().unwrap()).unwrap();
        let status = output["statusCode"].as_u64().unwrap();
        let schema = if status == 200 {
            "NpsReport"
        } else {
            "Problem"
        };
        assert_is(schema, &body);
        (status, body)
    }

    async fn get(&self, query: &str) -> (u64, Value) {
        self.send(event(query)).await
    }

    /// The report of a query that must succeed.
    async fn report(&self, query: &str) -> Value {
        let (status, body) = self.get(query).await;
        assert_eq!(status, 200, "{query}: {body}");
        body
    }

    /// What a night counted on a day: these scores by channel, and the whole of them.
    async fn night(&self, survey: &FormId, day: Date, channels: &[(&str, Tally)]) {
        let store = &self.aws.store;
        let mut all = Tally::default();
        let cell = |dimension: Dimension, value: &str, tally: &Tally| Cell {
            cut: dimension.into(),
            value: Part::new(value).unwrap(),
            tally: tally.clone(),
        };
        let mut cells = Vec::new();
        for (channel, tally) in channels {
            all.merge(tally);
            cells.push(cell(Dimension::Channel, channel, tally));
        }
        cells.push(cell(Dimension::All, "all", &all));
        let generation = store.next_generation(survey, day).await.unwrap();
        assert_eq!(
            store.write_day(&generation, &cells).await.unwrap(),
            WroteDay::Written
        );
        let as_of = start() + SignedDuration::from_hours(i64::from(day.day()));
        store
            .advance_watermark(survey, Watermark { day, as_of })
            .await
            .unwrap();
    }
}

fn event(query: &str) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../events/report.json")).unwrap();
    event["rawQueryString"] = query.into();
    event
}

fn scores(nps: &[u8], csat: &[u8]) -> Tally {
    let nps = nps.iter().map(|&n| Scores {
        nps: Some(n.try_into().unwrap()),
        ..Scores::default()
    });
    let csat = csat.iter().map(|&n| Scores {
        csat: Some(n.try_into().unwrap()),
        ..Scores::default()
    });
    nps.chain(csat).collect()
}

fn keys(report: &Value) -> Vec<&str> {
    let rows = report["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row["key"].as_str().unwrap())
        .collect()
}

/// Two days of the default survey and one of another, which is a form of the company.
async fn counted() -> (Desk, FormId) {
    let desk = Desk::new().await;
    let other: FormId = "after-sales".parse().unwrap();
    let forms = Forms::new(vec![Form::new(other.clone())]).unwrap();
    let published = desk
        .aws
        .store
        .publish_config(ConfigKind::Form, 1, &forms)
        .await;
    assert_eq!(published.unwrap(), Published::Published);
    let default = FormId::default_form();
    desk.night(
        &default,
        date(2026, 11, 1),
        &[
            ("web", scores(&[10, 9, 7, 0], &[5, 4])),
            ("phone", scores(&[], &[1])),
        ],
    )
    .await;
    desk.night(&default, date(2026, 11, 2), &[("web", scores(&[6], &[]))])
        .await;
    desk.night(
        &other,
        date(2026, 11, 1),
        &[("web", scores(&[10, 10], &[]))],
    )
    .await;
    (desk, other)
}

#[tokio::test]
async fn the_numbers_of_a_span_by_channel() {
    let (desk, _) = counted().await;
    let report = desk
        .report("from=2026-11-01&to=2026-11-30&by=channel")
        .await;
    insta::assert_json_snapshot!(report);
}

#[tokio::test]
async fn rows_are_of_what_was_asked_for() {
    let (desk, other) = counted().await;
    let span = "from=2026-11-01&to=2026-11-02";
    let all = desk.report(span).await;
    assert_eq!(keys(&all), ["all"]);
    assert_eq!(all["rows"][0]["n"], 7);
    assert_eq!(all["rows"][0]["responses"], 10);

    let surveys = desk.report(&format!("{span}&by=survey")).await;
    assert_eq!(keys(&surveys), ["after-sales", "default"]);
    assert_eq!(surveys["rows"][0]["nps"], 100.0);
    assert_eq!(surveys["rows"][1]["nps"], 0.0);

    let days = desk.report(&format!("{span}&by=day&survey=default")).await;
    assert_eq!(keys(&days), ["2026-11-01", "2026-11-02"]);
    assert_eq!(days["rows"][1]["nps"], -100.0);

    let one = desk.report(&format!("{span}&survey={other}")).await;
    assert_eq!(one["rows"][0]["n"], 2);
    let second = desk.report("from=2026-11-02&to=2026-11-02").await;
    assert_eq!(second["rows"][0]["n"], 1);
    assert_eq!(
        desk.report(&format!("{span}&by=product")).await["rows"],
        json!([])
    );
}

#[tokio::test]
async fn the_age_of_the_oldest_numbers_is_told() {
    let (desk, other) = counted().await;
    // The other survey was counted after its first day only.
    let report = desk.report("from=2026-11-01&to=2026-11-30").await;
    assert_eq!(report["as_of"], "2026-11-02T03:00:00Z");
    let report = desk
        .report("from=2026-11-01&to=2026-11-30&survey=default")
        .await;
    assert_eq!(report["as_of"], "2026-11-02T04:00:00Z");
    let report = desk.report(&format!("survey={other}")).await;
    assert_eq!(report["as_of"], "2026-11-02T03:00:00Z");
    let empty = Desk::new().await;
    let nothing = empty.report("").await;
    assert_eq!(
        (&nothing["rows"], &nothing["as_of"]),
        (&json!([]), &Value::Null)
    );
}

/// So many of each standing, and as many ratings of CSAT 5, 3 and 1.
fn standings(promoters: usize, passives: usize, detractors: usize) -> Tally {
    let each = |nps, csat, n| vec![(nps, csat); n];
    let people = [
        each(10, 5, promoters),
        each(8, 3, passives),
        each(2, 1, detractors),
    ]
    .concat();
    let people = people.into_iter().map(|(nps, csat): (u8, u8)| Scores {
        nps: Some(nps.try_into().unwrap()),
        csat: Some(csat.try_into().unwrap()),
        ..Scores::default()
    });
    people.collect()
}

#[tokio::test]
async fn a_change_is_told_with_its_chance_and_in_words() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    for (day, web, phone) in [
        (
            date(2026, 10, 31),
            standings(30, 50, 20),
            standings(5, 5, 5),
        ),
        (date(2026, 11, 1), standings(50, 40, 10), standings(9, 1, 0)),
    ] {
        desk.night(&default, day, &[("web", web), ("phone", phone)])
            .await;
    }
    let day = "from=2026-11-01&to=2026-11-01";
    let report = desk.report(&format!("{day}&by=channel")).await;
    insta::assert_json_snapshot!(report);
    let chinese = desk.report(&format!("{day}&by=channel&lang=zh-CN")).await;
    let verdict = &chinese["rows"][1]["change"]["verdict"];
    assert_eq!(
        verdict,
        &json!({"code": "up", "text": "上升，不太可能出于偶然"})
    );

    let days = desk.report("from=2026-10-31&to=2026-11-01&by=day").await;
    assert_eq!(days["compared_with"], Value::Null);
    assert_eq!(days["rows"][0]["change"], Value::Null);
    let whole = desk.report(day).await;
    assert_eq!(days["rows"][1]["change"], whole["rows"][0]["change"]);
}

#[tokio::test]
async fn answers_count_by_the_value_of_who_gave_them() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    let store = &desk.aws.store;
    // One platinum promoter, two bronze detractors, and one of no tier who is passive.
    let cell = |dimension: Dimension, value: &str, tally: Tally| Cell {
        cut: dimension.into(),
        value: Part::new(value).unwrap(),
        tally,
    };
    let cells = [
        cell(Dimension::All, "all", scores(&[10, 0, 0, 7], &[])),
        cell(Dimension::Tier, "platinum", scores(&[10], &[])),
        cell(Dimension::Tier, "bronze", scores(&[0, 0], &[])),
    ];
    let day = date(2026, 11, 1);
    let generation = store.next_generation(&default, day).await.unwrap();
    assert_eq!(
        store.write_day(&generation, &cells).await.unwrap(),
        WroteDay::Written
    );
    for by in ["all", "survey", "day"] {
        let query = format!("to=2026-11-01&by={by}&weights=platinum:3,unknown:0");
        let report = desk.report(&query).await;
        assert_eq!(
            report["weights"],
            json!({"bronze": 0.0, "silver": 0.0, "gold": 0.0, "platinum": 3.0, "unknown": 0.0})
        );
        let row = &report["rows"][0];
        assert_eq!(
            (&row["weighted"]["nps"], &row["nps"]),
            (&json!(100.0), &json!(-25.0))
        );
        let report = desk
            .report(&format!(
                "to=2026-11-01&by={by}&weights=platinum:3,bronze:1,unknown:5"
            ))
            .await;
        // 3 - 2 of 3 + 2 + 5.
        assert_eq!(report["rows"][0]["weighted"]["nps"], 10.0);
        assert_eq!(report["rows"][0]["weighted"]["effective_n"], 100.0 / 36.0);
    }
    let plain = desk.report("to=2026-11-01").await;
    assert!(plain.get("weights").is_none() && plain["rows"][0].get("weighted").is_none());
}

#[tokio::test]
async fn what_moves_the_score_most_comes_first() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    let channels = [
        ("app", standings(50, 25, 25)),
        ("phone", standings(10, 20, 70)),
        ("web", standings(60, 20, 20)),
    ];
    desk.night(&default, date(2026, 11, 1), &channels).await;
    let report = desk.report("to=2026-11-01&by=channel&drivers=true").await;
    let drivers = report["drivers"].as_array().unwrap();
    let told: Vec<_> = drivers
        .iter()
        .map(|d| {
            (
                d["key"].as_str().unwrap(),
                d["pull"]["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("phone", "lowers"), ("web", "raises"), ("app", "raises")]
    );
    // Without phone 32.5, with it 1.67.
    assert!((drivers[0]["impact"].as_f64().unwrap() + 30.833_333).abs() < 1e-6);
    assert_eq!(
        drivers[0]["pull"]["text"],
        "lowers the score, and unlikely by chance"
    );
    assert!(
        desk.report("to=2026-11-01&by=channel")
            .await
            .get("drivers")
            .is_none()
    );
}

#[tokio::test]
async fn a_window_is_compared_with_the_one_before() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    // The twenty-fifth of October is a Sunday.
    for day in [
        date(2026, 9, 30),
        date(2026, 10, 1),
        date(2026, 10, 25),
        date(2026, 10, 26),
        date(2026, 11, 2),
    ] {
        desk.night(&default, day, &[("web", scores(&[9], &[]))])
            .await;
    }
    for (query, from, to, before, n, then) in [
        (
            "window=week&to=2026-10-28",
            "2026-10-26",
            "2026-11-01",
            ("2026-10-19", "2026-10-25"),
            1,
            1,
        ),
        (
            "window=month&to=2026-10-15",
            "2026-10-01",
            "2026-10-31",
            ("2026-09-01", "2026-09-30"),
            3,
            1,
        ),
        (
            "window=7d",
            "2026-10-27",
            "2026-11-02",
            ("2026-10-20", "2026-10-26"),
            1,
            2,
        ),
        (
            "window=90d&to=2026-11-02",
            "2026-08-05",
            "2026-11-02",
            ("2026-05-07", "2026-08-04"),
            5,
            0,
        ),
        (
            "from=2026-10-26&to=2026-11-02",
            "2026-10-26",
            "2026-11-02",
            ("2026-10-18", "2026-10-25"),
            2,
            1,
        ),
    ] {
        let report = desk.report(query).await;
        assert_eq!(
            (&report["from"], &report["to"]),
            (&json!(from), &json!(to)),
            "{query}"
        );
        assert_eq!(
            report["compared_with"],
            json!({"from": before.0, "to": before.1}),
            "{query}"
        );
        let row = &report["rows"][0];
        assert_eq!(row["n"], n, "{query}");
        assert_eq!(row["change"]["n"].as_u64().unwrap_or(0), then, "{query}");
    }
    // What was only heard of before has no row.
    let report = desk.report("window=1d&to=2026-10-27").await;
    assert_eq!(report["rows"], json!([]));
}

#[tokio::test]
async fn left_out_the_span_is_thirty_days_up_to_today() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    // The recorded request came at 11:00 of the second in Shanghai.
    let today = date(2026, 11, 2);
    for ago in [0, 29, 30] {
        desk.night(&default, today - ago.days(), &[("web", scores(&[9], &[]))])
            .await;
    }
    for query in [
        "",
        "from=&to=&by=&survey=",
        "to=2026-11-02",
        "from=2026-10-04",
    ] {
        let report = desk.report(query).await;
        assert_eq!(report["rows"][0]["n"], 2, "{query}");
    }
    // It is the third there already, sixteen hours before it is in Greenwich.
    let mut late = event("by=day");
    late["requestContext"]["timeEpoch"] = "2026-11-02T16:30:00Z"
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_millisecond()
        .into();
    let (_, report) = desk.send(late).await;
    assert_eq!(keys(&report), ["2026-11-02"]);
}

#[tokio::test]
async fn every_fault_is_named_at_once() {
    let desk = Desk::new().await;
    let (status, body) = desk
        .get("from=2026-13-01&to=yesterday&by=mood&survey=A%20B")
        .await;
    assert_eq!(status, 422);
    insta::assert_json_snapshot!(body);
    let (_, body) = desk
        .get("from=2026-13-01&to=yesterday&by=mood&survey=A%20B&lang=zh-CN")
        .await;
    insta::assert_json_snapshot!(body);
    let codes = |body: &Value| {
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|e| {
                format!(
                    "{}: {}",
                    e["field"].as_str().unwrap(),
                    e["code"].as_str().unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("from=2026-11-02&to=2026-11-01", "from: out-of-order"),
        ("from=2025-10-28&to=2026-12-01", ""),
        ("from=2025-10-27&to=2026-12-01", "from: too-long"),
        ("from=0000-01-01&to=9999-12-31", "from: too-long"),
        ("from=2026-11-01T00:00:00", "from: invalid-date"),
        ("from=20261101", "from: invalid-date"),
        ("from=%F0%9F%98%80", "from: invalid-date"),
        ("to=%00", "to: invalid-date"),
        ("by='\"<script> ", "by: unknown-value"),
        ("by=All", "by: unknown-value"),
        ("survey=../x", "survey: unknown-form"),
        ("to=0000-01-01", ""),
        ("from=0000-01-01&to=0000-01-31&by=day", ""),
        ("window=month&to=0000-01-01", ""),
        ("window=180d&to=9999-12-31", ""),
        ("window=week&to=9999-12-31", "to: out-of-range"),
        ("window=year", "window: unknown-value"),
        ("drivers=true&by=touchpoint", ""),
        ("drivers=false", ""),
        ("drivers=yes&by=tier", "drivers: unknown-value"),
        ("drivers=true", "drivers: not-with-by"),
        ("drivers=true&by=day", "drivers: not-with-by"),
        ("weights=gold:3,unknown:0.5&by=survey", ""),
        ("weights=gold:3&by=tier", "weights: not-with-by"),
        ("weights=gold:3,gold:4", "weights: invalid-weights"),
        ("weights=gold", "weights: invalid-weights"),
        ("weights=gold:-1", "weights: invalid-weights"),
        ("weights=gold:NaN", "weights: invalid-weights"),
        ("weights=gold:inf", "weights: invalid-weights"),
        ("weights=wood:1", "weights: invalid-weights"),
        ("weights=,", "weights: invalid-weights"),
        ("window=7d&from=2026-11-01", "from: not-with-window"),
        (
            "from=-000002-01-01&to=-000001-01-01",
            "from: invalid-date, to: invalid-date",
        ),
    ] {
        let (_, body) = desk.get(query).await;
        assert_eq!(codes(&body).join(", "), expected, "{query}");
    }
}

#[tokio::test]
async fn who_has_the_numbers_is_not_sent_them_again() {
    let (desk, _) = counted().await;
    let ask = async |tag: &str| {
        let mut event = event("from=2026-11-01&to=2026-11-02&by=channel");
        event["requestContext"]["timeEpoch"] = (start().as_millisecond() + 5_000).into();
        event["headers"]["if-none-match"] = tag.into();
        call(&desk.function, event, start()).await
    };
    let first = ask("\"other\"").await;
    assert_eq!(first["statusCode"], 200);
    assert_eq!(
        first["headers"]["cache-control"],
        "private, max-age=0, must-revalidate"
    );
    let tag = first["headers"]["etag"].as_str().unwrap();
    let again = ask(tag).await;
    assert_eq!(
        (&again["statusCode"], &again["body"]),
        (&json!(304), &json!(""))
    );
    assert_eq!(again["headers"]["etag"], tag);
    // A night counts more: the tag of before is of nothing.
    let default = FormId::default_form();
    desk.night(&default, date(2026, 11, 2), &[("web", scores(&[10], &[]))])
        .await;
    let changed = ask(tag).await;
    assert_eq!(changed["statusCode"], 200);
    assert_ne!(changed["headers"]["etag"], tag);
}

#[tokio::test]
async fn only_those_who_may_read_numbers_read_them() {
    let desk = Desk::new().await;
    let mut nobody = event("");
    nobody["requestContext"]["authorizer"] = Value::Null;
    assert_eq!(desk.send(nobody).await.0, 401);
    let mut viewer = event("");
    viewer["requestContext"]["authorizer"]["jwt"] =
        json!({"claims": {"sub": "v", "scope": "resound/cases.read"}});
    assert_eq!(desk.send(viewer).await.0, 403);
    assert_eq!(desk.get("").await.0, 200);
}
