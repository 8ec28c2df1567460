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
use resound_domain::event::Actor;
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::id::{ImprovementId, IssueId};
use resound_domain::issue::improvement::{Command, Improvement, Plan};
use resound_domain::nps::Pair;
use resound_domain::score::Scores;
use resound_domain::tally::{Cause, Cut, Dimension, Tally};
use resound_lambda_kit::{BoxedFunction, Function};
use resound_store::{
    Cell, ConfigKind, Counting, KeptOne, Part, Published, Signed, Watermark, WroteDay,
};
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
        let route = event["routeKey"].as_str().unwrap().to_owned();
        let output = call(&self.function, event, start()).await;
        let body = serde_json::from_str(output["body"].as_str().unwrap()).unwrap();
        let status = output["statusCode"].as_u64().unwrap();
        let schema = match (status, route.as_str()) {
            (200, "GET /v1/nps") => "NpsReport",
            (200, "GET /v1/nps/radar") => "NpsRadar",
            (200, "GET /v1/nps/index") => "ExperienceIndex",
            (200, "GET /v1/nps/volatility") => "SatisfactionVolatility",
            (200, "GET /v1/nps/corrections") => "NpsCorrections",
            (200, "GET /v1/nps/assessments") => "SatisfactionAssessments",
            _ => "Problem",
        };
        assert_is(schema, &body);
        (status, body)
    }

    /// The answer of another report than that of the scores, which must succeed.
    async fn other(&self, report: &str, query: &str) -> Value {
        let (status, body) = self.send(event_of(report, query)).await;
        assert_eq!(status, 200, "{report} {query}: {body}");
        body
    }

    /// What a night counted on a day: these cells.
    async fn count(&self, survey: &FormId, day: Date, cells: &[(Cut, String, Tally)]) {
        let store = &self.aws.store;
        let cells: Vec<_> = cells
            .iter()
            .map(|(cut, value, tally)| Cell {
                cut: *cut,
                value: Part::new(value.as_str()).unwrap(),
                tally: tally.clone(),
            })
            .collect();
        self.aws.counted(survey, day, &cells).await;
        let as_of = start();
        store
            .advance_watermark(survey, Watermark { day, as_of })
            .await
            .unwrap();
    }

    /// What somebody said of a day.
    async fn say(&self, survey: &FormId, day: Date, figures: Value) {
        let figures = serde_json::from_value(figures).unwrap();
        let signed = Signed {
            by: "ann".to_owned(),
            at: start(),
        };
        let store = &self.aws.store;
        let kept = store.keep_figures(survey, day, None, &figures, &signed);
        assert_eq!(kept.await.unwrap(), KeptOne::Kept(1));
    }

    async fn publish(&self, kind: ConfigKind, document: &impl serde::Serialize) {
        let published = self.aws.store.publish_config(kind, 1, document).await;
        assert_eq!(published.unwrap(), Published::Published);
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
        self.aws.counted(survey, day, &cells).await;
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

/// A request for a report of its own: `radar`.
fn event_of(report: &str, query: &str) -> Value {
    let mut event = event(query);
    event["routeKey"] = format!("GET /v1/nps/{report}").into();
    event["rawPath"] = format!("/v1/nps/{report}").into();
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
    desk.aws.counted(&default, day, &cells).await;
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
        ("drivers=true&by=category", ""),
        ("drivers=true&by=channel%2Btier", ""),
        ("by=channel+tier", ""),
        ("by=tier+channel", "by: unknown-value"),
        ("by=all+tier", "by: unknown-value"),
        ("by=tier%2Bchannel", "by: unknown-value"),
        ("by=category%2Btier", "by: unknown-value"),
        ("by=channel%2Btier%2Blocale", "by: unknown-value"),
        ("weights=gold:3&by=channel%2Btier", "weights: not-with-by"),
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

/// So many who were satisfied (CSAT 4) and so many who were not (2).
fn csat(satisfied: usize, others: usize) -> Tally {
    scores(&[], &[vec![4; satisfied], vec![2; others]].concat())
}

fn of(dimension: Dimension, value: &str, tally: Tally) -> (Cut, String, Tally) {
    (dimension.into(), value.to_owned(), tally)
}

#[tokio::test]
async fn a_response_rate_is_of_the_days_and_channels_that_were_asked() {
    let (desk, other) = counted().await;
    let default = FormId::default_form();
    // Six came by web on the first and one on the second; one by phone, of whom nobody knows how many were asked.
    desk.say(
        &default,
        date(2026, 11, 1),
        json!({"asked": {"web": 20, "email": 10}}),
    )
    .await;
    desk.say(&other, date(2026, 11, 1), json!({"asked": {"web": 1}}))
        .await;
    desk.say(&other, date(2026, 11, 2), json!({"asked": {"web": 0}}))
        .await;
    desk.say(
        &default,
        date(2026, 10, 31),
        json!({"asked": {"web": 1000}}),
    )
    .await;
    let span = "from=2026-11-01&to=2026-11-02";
    let rate = |report: &Value, key: &str| {
        let rows = report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        row["response_rate"].clone()
    };
    let surveys = desk.report(&format!("{span}&by=survey")).await;
    // 6 of 30: Wilson's is 9.51 to 37.31 (by hand: centre (6 + 1.9207)/33.8415, half 1.96/33.8415 sqrt(6*24/30 + 0.9604)).
    let own = rate(&surveys, "default");
    assert_eq!(
        (&own["asked"], &own["responses"], &own["percent"]),
        (&json!(30), &json!(6), &json!(20.0))
    );
    let [low, high] = [0, 1].map(|end| own["interval"][end].as_f64().unwrap());
    assert!(
        (low - 9.51).abs() < 0.005 && (high - 37.31).abs() < 0.005,
        "{low} {high}"
    );
    // Two answered of one who was asked.
    assert_eq!(
        rate(&surveys, "after-sales"),
        json!({"asked": 1, "responses": 2, "percent": null, "interval": null, "none": {
            "code": "more_than_asked",
            "text": "more answered than were asked: some came by themselves, or were asked on other days, so there is no rate",
        }})
    );
    let channels = desk
        .report(&format!("{span}&by=channel&survey=default"))
        .await;
    assert_eq!(keys(&channels), ["email", "phone", "web"]);
    assert_eq!(
        rate(&channels, "web")["percent"],
        30.0,
        "6 of 20: the second day is not known"
    );
    assert_eq!(
        rate(&channels, "email")["percent"],
        0.0,
        "nobody answered, and that is a row"
    );
    assert_eq!(channels["rows"][0]["responses"], 0);
    assert_eq!(rate(&channels, "phone"), Value::Null);
    let all = desk.report(span).await;
    assert_eq!(rate(&all, "all")["asked"], 31);
    assert_eq!(rate(&all, "all")["responses"], 8);
    let second = desk
        .report("from=2026-11-02&to=2026-11-02&survey=after-sales&lang=zh-CN")
        .await;
    assert_eq!(
        rate(&second, "all")["none"]["text"],
        "没有发出邀请，无法计算回复率"
    );
    for by in ["day", "tier", "channel%2Btier"] {
        let report = desk.report(&format!("{span}&by={by}")).await;
        let mut rows = report["rows"].as_array().unwrap().iter();
        assert!(rows.all(|row| row.get("response_rate").is_none()), "{by}");
    }
}

#[tokio::test]
async fn all_ten_pairs_are_told_by_both_values() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    let value = |one: &str, two: &str| Pair::key(one, two);
    for (day, first) in [(date(2026, 10, 31), 2), (date(2026, 11, 1), 10)] {
        let cells: Vec<_> = Pair::every()
            .flat_map(|pair| {
                let cut = Cut::from(pair);
                [
                    (cut, value("a + b", "c"), scores(&[first], &[])),
                    (cut, value("a", "b + c"), scores(&[9], &[])),
                    (cut, "other".to_owned(), scores(&[7], &[])),
                ]
            })
            .collect();
        desk.count(&default, day, &cells).await;
    }
    for pair in Pair::every() {
        let by = pair.name().replace('+', "%2B");
        let report = desk
            .report(&format!("to=2026-11-01&from=2026-11-01&by={by}"))
            .await;
        let rows = report["rows"].as_array().unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row["key"].as_str().unwrap(),
                    row["values"].clone(),
                    row["nps"].clone(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a + b + c", json!(["a", "b + c"]), json!(100.0)),
                ("a + b + c", json!(["a + b", "c"]), json!(100.0)),
                ("other", Value::Null, json!(0.0)),
            ],
            "{by}"
        );
        assert_eq!(rows[1]["change"]["nps"], -100.0, "{by}");
    }
}

#[tokio::test]
async fn themes_move_the_score() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    let (slow, praised) = (standings(20, 20, 60), standings(180, 60, 60));
    let mut all = slow.clone();
    all.merge(&praised);
    let cells = [
        of(Dimension::All, "all", all),
        of(Dimension::Category, "performance", slow),
        of(Dimension::Category, "praise", praised),
    ];
    desk.count(&default, date(2026, 11, 1), &cells).await;
    let report = desk.report("to=2026-11-01&by=category&drivers=true").await;
    // 100 of 400 at -40, the others at 40: see `an_impact_by_hand`. The others are praise, at the opposite.
    let drivers = report["drivers"].as_array().unwrap();
    let told: Vec<_> = drivers
        .iter()
        .map(|d| {
            (
                d["key"].as_str().unwrap(),
                d["impact"].as_f64().unwrap(),
                d["pull"]["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("praise", 60.0, "raises"), ("performance", -20.0, "lowers")]
    );
}

#[tokio::test]
async fn today_is_where_the_survey_is() {
    let desk = Desk::new().await;
    let [tokyo, angeles]: [FormId; 2] = ["tokyo", "angeles"].map(|name| name.parse().unwrap());
    let form = |id: &FormId, zone: &str| Form {
        zone: Some(zone.to_owned()),
        ..Form::new(id.clone())
    };
    let forms = vec![
        form(&tokyo, "Asia/Tokyo"),
        form(&angeles, "America/Los_Angeles"),
    ];
    desk.publish(ConfigKind::Form, &Forms::new(forms).unwrap())
        .await;
    // The last second of October in Shanghai, of which an hour has passed in Tokyo's November; Los Angeles is in Saturday.
    let at: jiff::Timestamp = "2026-10-31T15:59:59Z".parse().unwrap();
    for (query, from, to, before) in [
        (
            "window=month",
            "2026-10-01",
            "2026-10-31",
            ("2026-09-01", "2026-09-30"),
        ),
        (
            "window=month&survey=tokyo",
            "2026-11-01",
            "2026-11-30",
            ("2026-10-01", "2026-10-31"),
        ),
        (
            "window=month&survey=angeles",
            "2026-10-01",
            "2026-10-31",
            ("2026-09-01", "2026-09-30"),
        ),
        (
            "window=1d&survey=tokyo",
            "2026-11-01",
            "2026-11-01",
            ("2026-10-31", "2026-10-31"),
        ),
        (
            "window=7d&survey=gone",
            "2026-10-25",
            "2026-10-31",
            ("2026-10-18", "2026-10-24"),
        ),
        (
            "window=week&survey=tokyo",
            "2026-10-26",
            "2026-11-01",
            ("2026-10-19", "2026-10-25"),
        ),
        (
            "survey=tokyo&to=2026-10-31&window=month",
            "2026-10-01",
            "2026-10-31",
            ("2026-09-01", "2026-09-30"),
        ),
    ] {
        let mut event = event(query);
        event["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        let (status, report) = desk.send(event).await;
        assert_eq!(status, 200, "{query}");
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
    }
    // A Sunday evening in Los Angeles is a Monday in Tokyo: their weeks are not the same.
    let at: jiff::Timestamp = "2026-11-02T01:00:00Z".parse().unwrap();
    for (survey, from) in [("tokyo", "2026-11-02"), ("angeles", "2026-10-26")] {
        let mut event = event(&format!("window=week&survey={survey}"));
        event["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        assert_eq!(desk.send(event).await.1["from"], from);
    }
}

#[tokio::test]
async fn a_radar_goes_from_the_baseline_to_the_target() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    let touchpoint = |name: &str, tally| of(Dimension::Touchpoint, name, tally);
    let days = [
        (
            date(2026, 1, 15),
            vec![
                touchpoint("logistics", standings(30, 40, 30)),
                touchpoint("coupon", standings(9, 0, 0)),
            ],
        ),
        (
            date(2026, 2, 15),
            vec![
                touchpoint("logistics", standings(0, 0, 50)),
                touchpoint("coupon", standings(30, 50, 20)),
            ],
        ),
        (
            date(2026, 11, 1),
            vec![
                touchpoint("logistics", standings(60, 30, 10)),
                touchpoint("coupon", standings(20, 50, 30)),
            ],
        ),
    ];
    for (day, cells) in days {
        desk.count(&default, day, &cells).await;
    }
    // Nothing is published: as many days before, on which nobody answered, and no target.
    let bare = desk.other("radar", "from=2026-11-01&to=2026-11-01").await;
    let spoke = &bare["touchpoints"][1];
    assert_eq!(
        (
            &spoke["touchpoint"],
            &spoke["target"],
            &spoke["reached"],
            &spoke["change"]
        ),
        (
            &json!("logistics"),
            &Value::Null,
            &Value::Null,
            &Value::Null
        )
    );
    assert_eq!(
        spoke["baseline"],
        json!({"from": "2026-10-31", "to": "2026-10-31", "n": 0, "nps": null, "adjusted_wald": null})
    );

    let targets = json!({"nps": {
        "target": 30,
        "baseline": {"from": "2026-01-01", "to": "2026-01-31"},
        "touchpoints": {
            "coupon": {"target": -5, "baseline": {"from": "2026-02-01", "to": "2026-02-28"}},
            "review": {"target": 10},
        },
    }});
    desk.publish(ConfigKind::Targets, &targets).await;
    // What was read within the last minute is not read again: another instance reads it now.
    let function = App::new(vars(&[]).read(Config::read).unwrap(), &desk.aws.clients).erase();
    let desk = Desk { function, ..desk };
    let radar = desk.other("radar", "from=2026-11-01&to=2026-11-01").await;
    insta::assert_json_snapshot!(radar);
    let chinese = desk
        .other("radar", "from=2026-11-01&to=2026-11-01&lang=zh-CN")
        .await;
    assert_eq!(
        chinese["touchpoints"][1]["reached"],
        json!({"code": "yes", "text": "已达到目标"})
    );
}

#[tokio::test]
async fn an_index_says_what_it_is_made_of() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    let nothing = desk.other("index", "").await;
    assert_eq!(
        (&nothing["value"], &nothing["interval"], &nothing["formula"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    for (day, tally) in [
        (date(2026, 11, 1), csat(50, 15)),
        (date(2026, 11, 2), csat(30, 5)),
    ] {
        desk.count(&default, day, &[of(Dimension::All, "all", tally)])
            .await;
    }
    let only = desk.other("index", "to=2026-11-02").await;
    assert_eq!(
        (&only["value"], &only["formula"]),
        (&json!(80.0), &json!("(50 x satisfaction) / 50"))
    );
    // The last that is known counts; what says nothing of customers does not hide it.
    let other: FormId = "after-sales".parse().unwrap();
    desk.say(
        &default,
        date(2026, 10, 31),
        json!({"active_customers": 1, "known_customers": 1000}),
    )
    .await;
    desk.say(
        &default,
        date(2026, 11, 1),
        json!({"active_customers": 600, "known_customers": 1000}),
    )
    .await;
    desk.say(&default, date(2026, 11, 2), json!({"asked": {"web": 1}}))
        .await;
    desk.say(
        &default,
        date(2026, 11, 3),
        json!({"active_customers": 0, "known_customers": 1000}),
    )
    .await;
    desk.say(
        &other,
        date(2026, 11, 1),
        json!({"active_customers": 0, "known_customers": 1000}),
    )
    .await;
    let index = desk.other("index", "to=2026-11-02").await;
    // (50 * 80 + 30 * 60) / 80 = 72.5; satisfaction is 71.11 to 86.66: 66.95 to 76.66.
    assert_eq!(index["value"], 72.5);
    let [low, high] = [0, 1].map(|end| index["interval"][end].as_f64().unwrap());
    assert!(
        (low - 66.95).abs() < 0.01 && (high - 76.66).abs() < 0.01,
        "{low} {high}"
    );
    assert_eq!(index["formula"], "(50 x satisfaction + 30 x usage) / 80");
    assert_eq!(
        index["parts"],
        json!([
            {"name": "satisfaction", "weight": 50, "count": 80, "n": 100, "percent": 80.0},
            {"name": "usage", "weight": 30, "count": 600, "n": 1000, "percent": 60.0},
            {"name": "improvements", "weight": 20, "count": null, "n": null, "percent": null},
        ])
    );
}

#[tokio::test]
async fn a_swing_of_six_months_is_flagged_beyond_five_points_and_chance() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    // 80, 70, 90 of 100 and nobody else: range 20, deviation 10, chi-squared 12.5 (see `a_volatility_by_hand`).
    for (day, tally) in [
        (date(2026, 4, 30), csat(0, 1000)),
        (date(2026, 5, 1), csat(40, 10)),
        (date(2026, 5, 31), csat(40, 10)),
        (date(2026, 7, 15), csat(70, 30)),
        (date(2026, 10, 31), csat(90, 10)),
        (date(2026, 11, 1), csat(0, 1000)),
    ] {
        desk.count(&default, day, &[of(Dimension::All, "all", tally)])
            .await;
    }
    let report = desk.other("volatility", "").await;
    insta::assert_json_snapshot!(report);
    let steady = desk.other("volatility", "to=2026-06-15").await;
    assert_eq!(
        (&steady["from"], &steady["to"]),
        (&json!("2025-12-01"), &json!("2026-05-31"))
    );
    assert_eq!(
        (
            &steady["counted"],
            &steady["flagged"],
            &steady["swing"]["code"]
        ),
        (&json!(2), &json!(true), &json!("beyond"))
    );
    let none = desk.other("volatility", "survey=none&lang=zh-CN").await;
    assert_eq!(
        (
            &none["lowest"],
            &none["flagged"],
            &none["swing"]["text"],
            &none["as_of"]
        ),
        (
            &Value::Null,
            &json!(false),
            &json!("回答太少，无法判断"),
            &Value::Null
        )
    );
}

#[tokio::test]
async fn assessments_that_disagree_are_told() {
    let desk = Desk::new().await;
    let default = FormId::default_form();
    // Periods of thirty days from 1970-01-01: the 692nd ends on 2026-11-02, the one before on 2026-10-03.
    for (day, tally) in [
        (date(2026, 9, 3), csat(760, 240)),
        (date(2026, 9, 4), csat(800, 200)),
        (date(2026, 10, 3), csat(0, 0)),
        (date(2026, 10, 4), csat(20, 10)),
        (date(2026, 11, 2), csat(680, 290)),
        (date(2026, 11, 3), csat(0, 500)),
    ] {
        desk.count(&default, day, &[of(Dimension::All, "all", tally)])
            .await;
    }
    let report = desk.other("assessments", "to=2026-11-02").await;
    insta::assert_json_snapshot!(report);
    let before = desk.other("assessments", "to=2026-11-01").await;
    assert_eq!(before["to"], "2026-10-03", "the running one is not over");
}

#[tokio::test]
async fn hostile_queries_of_every_report_are_refused_in_words() {
    let desk = Desk::new().await;
    let spans = [
        ("from=2026-11-02&to=2026-11-01", "from: out-of-order"),
        ("from=0000-01-01&to=9999-12-31", "from: too-long"),
        ("from=2025-10-27&to=2026-12-01", "from: too-long"),
        (
            "from=2026-11-01T00:00:00&to=x",
            "from: invalid-date, to: invalid-date",
        ),
        ("window=7d&from=2026-11-01", "from: not-with-window"),
        (
            "window=year&survey=..",
            "survey: unknown-form, window: unknown-value",
        ),
        ("to=0000-01-01", ""),
        ("to=9999-12-31&from=9999-12-01", ""),
    ];
    let until = [
        ("to=20261101", "to: invalid-date"),
        (
            "to=2026-02-30&survey=A%20B",
            "survey: unknown-form, to: invalid-date",
        ),
        ("to=0000-01-01", "to: out-of-range"),
        ("to=-000001-12-31", "to: invalid-date"),
        ("to=9999-12-31", ""),
        ("to=%00&lang=zh-CN", "to: invalid-date"),
    ];
    for (reports, queries) in [
        (&["radar", "index", "corrections"][..], spans.as_slice()),
        (&["volatility", "assessments"], until.as_slice()),
    ] {
        for report in reports {
            for (query, expected) in queries {
                let (status, body) = desk.send(event_of(report, query)).await;
                let errors = body["errors"].as_array().cloned().unwrap_or_default();
                let mut codes: Vec<_> = errors
                    .iter()
                    .map(|e| {
                        format!(
                            "{}: {}",
                            e["field"].as_str().unwrap(),
                            e["code"].as_str().unwrap()
                        )
                    })
                    .collect();
                codes.sort();
                assert_eq!(codes.join(", "), *expected, "{report} {query}");
                assert_eq!(
                    status,
                    if expected.is_empty() { 200 } else { 422 },
                    "{report} {query}"
                );
            }
        }
    }
    let (status, _) = desk.send(event_of("weather", "")).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn corrections_tell_what_was_what_is_and_why() {
    let (desk, other) = counted().await;
    let default = FormId::default_form();
    let none = desk
        .other("corrections", "from=2026-11-01&to=2026-11-02")
        .await;
    assert_eq!(
        none["corrections"],
        json!([]),
        "a first count corrects nothing"
    );
    // Told as 10, 9, 7 and 0; one who gave 0 was erased, and one who gave 7 says 8. Then the second changes, and the other survey.
    let recount = async |survey: &FormId, day, tally: Tally, marked: &[Cause]| {
        let cell = Cell {
            cut: Cut::ALL,
            value: Part::new("all").unwrap(),
            tally,
        };
        let store = &desk.aws.store;
        let generation = store.next_generation(survey, day).await.unwrap();
        let run = Counting {
            zone: "Asia/Shanghai",
            as_of: start() + SignedDuration::from_hours(100),
            marked: marked.iter().copied().collect(),
        };
        let written = store.write_day(&generation, &[cell], &run).await.unwrap();
        assert!(
            matches!(
                written,
                WroteDay::Written {
                    corrected: true,
                    ..
                }
            ),
            "{written:?}"
        );
    };
    let (first, second) = (date(2026, 11, 1), date(2026, 11, 2));
    recount(
        &default,
        first,
        scores(&[10, 9, 8], &[5, 4, 1]),
        &[Cause::Erasure, Cause::Edit],
    )
    .await;
    recount(&default, second, Tally::default(), &[]).await;
    recount(&other, first, scores(&[10], &[]), &[Cause::Replay]).await;
    recount(
        &default,
        first,
        scores(&[10, 9, 8], &[]),
        &[Cause::LateAnswer],
    )
    .await;
    let found = desk
        .other("corrections", "from=2026-11-01&to=2026-11-02")
        .await;
    insta::assert_json_snapshot!(found);
    let one = desk
        .other(
            "corrections",
            "from=2026-11-02&to=2026-11-02&survey=default&lang=zh-CN",
        )
        .await;
    let one = one["corrections"].as_array().unwrap();
    assert_eq!((one.len(), &one[0]["is"]["nps"]), (1, &Value::Null));
    assert_eq!(
        one[0]["why"],
        json!([{"code": "lag", "text": "当时尚未显示的数据现已计入"}])
    );
}

#[tokio::test]
async fn improvements_that_were_due_are_a_part_of_the_index() {
    let desk = Desk::new().await;
    let plan: Plan = serde_json::from_value(json!({
        "title": "Faster", "issues": [IssueId::from_bits(1)],
    }))
    .unwrap();
    // Of the first two the ninetieth day is the second of November, of the third it is the third.
    let opened: jiff::Timestamp = "2026-08-04T02:00:00Z".parse().unwrap();
    for (bits, days, ships) in [(1, 0, true), (2, 0, false), (3, 1, true)] {
        let id = ImprovementId::from_bits(bits);
        let store = &desk.aws.store;
        let at = opened + SignedDuration::from_hours(24 * days);
        let entry = Improvement::open(plan.clone(), Actor::System, at);
        let _opened = store.open_improvement(id, &entry, None).await.unwrap();
        let before = Improvement::begin(id, &entry).unwrap();
        let ship = Command::Ship {
            version: "4.2".to_owned(),
        };
        let at = at + SignedDuration::from_hours(24 * 30);
        if let Some(entry) = before
            .handle(&ship, Actor::System, at)
            .unwrap()
            .filter(|_| ships)
        {
            let mut after = before.clone();
            after.apply(&entry);
            let appended = store.append_to_improvement(&before, &after, &entry, None);
            let _appended = appended.await.unwrap();
        }
    }
    let index = desk.other("index", "from=2026-11-02&to=2026-11-02").await;
    assert_eq!(
        (&index["value"], &index["formula"], &index["interval"]),
        (
            &json!(50.0),
            &json!("(20 x improvements) / 20"),
            &json!([50.0, 50.0])
        )
    );
    assert_eq!(
        (&index["parts"][2]["count"], &index["parts"][2]["n"]),
        (&json!(1), &json!(2))
    );
}
