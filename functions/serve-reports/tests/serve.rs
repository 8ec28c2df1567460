//! The function from event to response, over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use resound_domain::event::Actor;
use resound_domain::form::FormId;
use resound_domain::id::{ImprovementId, IssueId, ResponseId};
use resound_domain::issue::improvement::{self, Plan};
use resound_domain::issue::priority::Weights;
use resound_domain::issue::{self, About, Improvement, Issue, Reach, Title};
use resound_domain::report::{
    ComplaintKey, Found, ImprovementRow, Kind, MonthInput, Monthly, Numbers, Priorities, ReportId,
    WeekInput, Weekly,
};
use resound_domain::response::Response;
use resound_domain::submission::{Channel, Submission, Tier};
use resound_domain::tally::Tally;
use resound_domain::triage::{Category, Input, triage};
use resound_lambda_kit::{BoxedFunction, Function};
use resound_store::{Accepted, AddedReport, Digest, Opened, Report};
use resound_testing::api::assert_is;
use resound_testing::{Aws, ZONE, call, start, vars};
use serde_json::{Value, json};
use serve_reports::{App, Config};

/// What somebody who chooses the name of a touchpoint might choose.
const HOSTILE: &str = "=HYPERLINK(\"https://evil.example\")</title><script>alert(1)</script>";

/// What a member of staff might call an issue.
const HOSTILE_TITLE: &str = "=A <b>title</b>";

struct Desk {
    aws: Aws,
    function: BoxedFunction,
}

fn tally(responses: u64, scores: &[(usize, u64)]) -> Tally {
    let mut tally = Tally {
        responses,
        ..Tally::default()
    };
    for (score, count) in scores {
        tally.nps[*score] += count;
    }
    tally
}

fn week() -> Numbers {
    let key = |category, touchpoint: Option<&str>| ComplaintKey {
        category,
        touchpoint: touchpoint.map(str::to_owned),
    };
    let found = |from: u128, count: u128| {
        let mut found = Found::default();
        (from..from + count).for_each(|n| found.add(ResponseId::from_bits(n)));
        found
    };
    Numbers::Weekly(Box::new(Weekly::of(&WeekInput {
        all: tally(100, &[(10, 50), (8, 30), (2, 20)]),
        all_before: tally(100, &[(10, 40), (8, 30), (2, 30)]),
        channels: BTreeMap::from([
            (Channel::Web, tally(70, &[(10, 50), (2, 20)])),
            (Channel::Email, tally(30, &[(8, 30)])),
        ]),
        complaints: BTreeMap::from([
            (key(Category::Experience, Some("logistics")), found(1, 20)),
            (key(Category::Function, Some(HOSTILE)), found(50, 9)),
        ]),
        complaints_before: BTreeMap::new(),
        kept: BTreeMap::new(),
    })))
}

fn month() -> Numbers {
    let all = tally(100, &[(10, 50), (8, 30), (2, 20)]);
    let names = ["2026-09", "2026-10"];
    Numbers::Monthly(Box::new(Monthly::of(&MonthInput {
        months: names.map(|name| (name.to_owned(), all.clone())).into(),
        touchpoints: BTreeMap::from([
            (HOSTILE.to_owned(), tally(40, &[(2, 20), (8, 20)])),
            ("product".to_owned(), tally(57, &[(10, 50)])),
        ]),
        priorities: Some(Priorities::of(
            [(&issue("x"), Some(&reach()))],
            &Weights::default(),
        )),
        improvements: vec![shipped()],
        days: BTreeMap::from([
            (date(2026, 9, 20), at_product(&[(2, 20), (10, 10)])),
            (date(2026, 10, 2), at_product(&[(2, 10)])),
            (date(2026, 10, 20), at_product(&[(2, 10), (10, 37)])),
        ]),
        ..MonthInput::default()
    })))
}

fn at_product(scores: &[(usize, u64)]) -> BTreeMap<String, Tally> {
    let responses = scores.iter().map(|(_, count)| count).sum();
    BTreeMap::from([("product".to_owned(), tally(responses, scores))])
}

fn opened() -> Timestamp {
    "2026-10-01T00:00:00Z".parse().unwrap()
}

/// That an issue of this title is opened.
fn entry(title: &str) -> issue::Entry {
    let about = About {
        title: Title::new(title).unwrap(),
        category: None,
        touchpoint: None,
        product: None,
        core: true,
        effort: None,
        rule: None,
    };
    Issue::open(about, Actor::Staff("ann".to_owned()), opened())
}

fn issue(title: &str) -> Issue {
    Issue::begin(IssueId::from_bits(7), &entry(title)).unwrap()
}

fn reach() -> Reach {
    Reach {
        as_of: opened(),
        links: 60,
        recent: 60,
        customers: 60,
        tiers: BTreeMap::from([(Tier::Gold, 2)]),
        promoters: 0,
        passives: 0,
        detractors: 60,
        days: 24,
        answers: 400,
        kano: issue::kano::Answers::default(),
    }
}

fn plan() -> improvement::Entry {
    let plan = Plan {
        title: Title::new("A second carrier").unwrap(),
        issues: vec![IssueId::from_bits(7)],
        touchpoint: Some("product".to_owned()),
        owner: Some("ann".to_owned()),
        due: None,
    };
    Improvement::open(plan, Actor::Staff("ann".to_owned()), opened())
}

/// What shipped on the 10th of October.
fn shipped() -> ImprovementRow {
    let mut improvement = Improvement::begin(ImprovementId::from_bits(8), &plan()).unwrap();
    let version = "2.0".to_owned();
    let at = "2026-10-10T04:00:00Z".parse().unwrap();
    let ship = improvement::Command::Ship { version };
    let step = improvement.handle(&ship, Actor::System, at).unwrap();
    improvement.apply(&step.unwrap());
    let month = Kind::Monthly.period("2026-10").unwrap();
    let due = "2026-10-31T22:00:00Z".parse().unwrap();
    ImprovementRow::of(&improvement, due, &TimeZone::UTC, month).unwrap()
}

impl Desk {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let config = vars(&[]).read(Config::read).unwrap();
        let function = App::new(config, &aws.clients).erase();
        let desk = Self { aws, function };
        desk.add(Kind::Weekly, 1, week()).await;
        desk.add(Kind::Monthly, 2, month()).await;
        desk.said(1, "My phone is 13800138000. The parcel is late.")
            .await;
        desk.said(2, "<b>Late</b>").await;
        desk
    }

    async fn add(&self, kind: Kind, edition: u32, numbers: Numbers) {
        let day = match kind {
            Kind::Weekly => date(2026, 11, 2),
            Kind::Monthly => date(2026, 10, 2),
        };
        let report = Report {
            id: ReportId::of_day(kind, day, FormId::default_form()).unwrap(),
            edition,
            as_of: start(),
            zone: ZONE.to_owned(),
            basis: Tally::default(),
            numbers,
        };
        let added = self.aws.store.add_report(&report).await.unwrap();
        assert_eq!(added, AddedReport::Added);
    }

    async fn said(&self, bits: u128, text: &str) {
        let whole = json!({"form": "default", "channel": "web", "locale": "en", "text": text});
        let submission: Submission = serde_json::from_value(whole).unwrap();
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at: start(),
            day: date(2026, 11, 2),
            triage: triage(&Input::from(&submission)),
            submission,
            trace_id: None,
            amended: None,
            promise: None,
        };
        let kept = self
            .aws
            .store
            .accept(&response, &Digest([7; 32]), None, start());
        assert_eq!(kept.await.unwrap(), Accepted::New);
    }

    /// What is answered to a path and a query.
    async fn ask(&self, path: &str, query: &str) -> Value {
        self.ask_with(path, query, json!({"accept": "application/json"}))
            .await
    }

    async fn ask_with(&self, path: &str, query: &str, headers: Value) -> Value {
        let file = match path {
            "" => include_str!("../events/list.json"),
            _ => include_str!("../events/report.json"),
        };
        let mut event: Value = serde_json::from_str(file).unwrap();
        if let Some((kind, period)) = path.split_once('/') {
            event["pathParameters"] = json!({"kind": kind, "period": period});
        }
        event["rawQueryString"] = query.into();
        event["headers"] = headers;
        call(&self.function, event, start()).await
    }

    /// The text of an answer of 200.
    async fn text(&self, path: &str, query: &str) -> String {
        let answer = self.ask(path, query).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        answer["body"].as_str().unwrap().to_owned()
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path, "format=json").await).unwrap()
    }
}

#[tokio::test]
async fn the_list_and_the_reports_are_as_described() {
    let desk = Desk::new().await;
    let list = desk.json("").await;
    assert_is("ReportList", &list);
    assert_eq!(
        list["reports"][0]["address"],
        "/v1/reports/weekly/2026-W45?survey=default"
    );
    assert_eq!(list["reports"][1]["edition"], 2);
    for path in ["weekly/2026-W45", "monthly/2026-10"] {
        assert_is("Report", &desk.json(path).await);
    }
}

#[tokio::test]
async fn examples_are_read_live_and_masked() {
    let desk = Desk::new().await;
    let texts = |report: &Value| -> Vec<String> {
        let of_first = report["examples"][0].as_array().unwrap();
        of_first
            .iter()
            .map(|of| of["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let both = texts(&desk.json("weekly/2026-W45").await);
    assert_eq!(both.len(), 2, "the third is not there");
    assert!(!both[0].contains("13800138000"), "{both:?}");
    let page = desk.text("weekly/2026-W45", "format=html").await;
    assert!(
        page.contains("&lt;b&gt;Late&lt;/b&gt;") && !page.contains("<script"),
        "{page}"
    );
    let _buried = desk
        .aws
        .store
        .bury(ResponseId::from_bits(1), start())
        .await
        .unwrap();
    assert_eq!(texts(&desk.json("weekly/2026-W45").await), ["<b>Late</b>"]);
}

#[tokio::test]
async fn what_issues_are_called_is_read_live() {
    let desk = Desk::new().await;
    let path = "monthly/2026-10";
    // What is not there has no name, and does not keep the report from being shown.
    let report = desk.json(path).await;
    assert_eq!(report["names"], json!({"issues": {}, "improvements": {}}));
    let store = &desk.aws.store;
    let (issue, improvement) = (IssueId::from_bits(7), ImprovementId::from_bits(8));
    let opened = store.open_issue(issue, &entry(HOSTILE_TITLE), None).await;
    assert_eq!(opened.unwrap(), Opened::New);
    let opened = store.open_improvement(improvement, &plan(), None).await;
    assert_eq!(opened.unwrap(), Opened::New);
    let report = desk.json(path).await;
    assert_is("Report", &report);
    assert_eq!(report["names"]["issues"][issue.to_string()], HOSTILE_TITLE);
    let named = &report["names"]["improvements"][improvement.to_string()];
    assert_eq!(*named, json!({"title": "A second carrier", "owner": "ann"}));
    // Two of sixty are golden: what would tell of them is hidden.
    let first = &report["numbers"]["monthly"]["priorities"]["first"][0];
    assert_eq!(
        (&first["share"]["count"], &first["score"]),
        (&json!(60), &json!("hidden"))
    );
    let row = &report["numbers"]["monthly"]["improvements"]["listed"][0];
    assert_eq!(row["effect"]["before"]["shown"]["n"], 40);
    assert_eq!(row["effect"]["change"]["verdict"], "up");
    let page = desk.text(path, "format=html").await;
    assert!(page.contains("=A &lt;b&gt;title&lt;/b&gt;") && page.contains("A second carrier"));
    let csv = desk.text(path, "format=csv").await;
    assert!(csv.contains(",'=A <b>title</b>,priority,"), "{csv}");
    assert!(csv.contains(",A second carrier,owner,,,,,,ann,"), "{csv}");
}

#[tokio::test]
async fn who_has_a_report_is_not_sent_it_again() {
    let desk = Desk::new().await;
    for format in ["html", "json", "csv", "parquet"] {
        let query = format!("format={format}");
        let first = desk.ask("weekly/2026-W45", &query).await;
        let tag = first["headers"]["etag"].as_str().unwrap();
        let headers = json!({"accept": "*/*", "if-none-match": tag});
        let again = desk.ask_with("weekly/2026-W45", &query, headers).await;
        assert_eq!(
            (&again["statusCode"], &again["body"]),
            (&json!(304), &json!("")),
            "{format}"
        );
    }
    let page = desk.ask("weekly/2026-W45", "format=html").await;
    let headers = &page["headers"];
    assert_eq!(
        headers["cache-control"],
        "private, max-age=0, must-revalidate"
    );
    let policy = headers["content-security-policy"].as_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_browser_gets_a_page_in_its_language() {
    let desk = Desk::new().await;
    let headers = json!({"accept": "text/html,*/*;q=0.8", "accept-language": "zh-CN"});
    for path in ["", "weekly/2026-W45", "monthly/2026-10"] {
        let page = desk.ask_with(path, "", headers.clone()).await;
        assert_eq!(page["headers"]["content-type"], "text/html; charset=utf-8");
        assert!(
            page["body"].as_str().unwrap().contains("lang=\"zh-CN\""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_spreadsheet_takes_no_name_for_a_formula() {
    let desk = Desk::new().await;
    let weekly = desk.text("weekly/2026-W45", "format=csv").await;
    assert!(
        weekly.contains("\"'=HYPERLINK(\"\"https://evil.example\"\")"),
        "{weekly}"
    );
    insta::assert_snapshot!("weekly_csv", weekly.replace('\r', ""));
    let monthly = desk.text("monthly/2026-10", "format=csv").await;
    insta::assert_snapshot!("monthly_csv", monthly.replace('\r', ""));
    // Codes are the same in every language.
    let chinese = desk.text("monthly/2026-10", "format=csv&lang=zh-CN").await;
    assert_eq!(chinese, monthly);
}

#[tokio::test]
async fn a_parquet_file_says_what_the_csv_says() {
    let desk = Desk::new().await;
    for path in ["weekly/2026-W45", "monthly/2026-10"] {
        let answer = desk.ask(path, "format=parquet").await;
        assert_eq!(answer["isBase64Encoded"], true);
        let bytes = STANDARD.decode(answer["body"].as_str().unwrap()).unwrap();
        let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let rows: Vec<_> = file
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let csv = desk.text(path, "format=csv").await;
        let mut lines = csv.trim_start_matches('\u{feff}').lines();
        let header: Vec<_> = lines.next().unwrap().split(',').collect();
        assert_eq!(rows.len(), lines.clone().count());
        for (row, line) in rows.iter().zip(lines) {
            let columns: Vec<_> = row.get_column_iter().collect();
            let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, header);
            if line.contains('"') {
                // A name that is quoted is compared in the snapshot.
                continue;
            }
            for ((name, field), cell) in columns.into_iter().zip(line.split(',')) {
                let written = match field {
                    Field::Null => String::new(),
                    Field::Str(text) => text.clone(),
                    Field::Int(n) => n.to_string(),
                    Field::Long(n) => n.to_string(),
                    Field::Double(n) => n.to_string(),
                    Field::Bool(is) => is.to_string(),
                    Field::TimestampMillis(ms) => {
                        jiff::Timestamp::from_millisecond(*ms).unwrap().to_string()
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(written, cell, "{name} of {line}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_faults_are_named() {
    let desk = Desk::new().await;
    for path in [
        "weekly/2026-W46",
        "weekly/2026-11",
        "monthly/2026-13",
        "daily/2026-11-02",
        "weekly/%00",
    ] {
        let answer = desk.ask(path, "").await;
        assert_eq!(answer["statusCode"], 404, "{path}");
    }
    assert_eq!(
        desk.ask("weekly/2026-W45", "survey=other").await["statusCode"],
        404
    );
    let faulty = desk
        .ask("weekly/2026-W45", "survey=No+form&format=pdf")
        .await;
    assert_eq!(faulty["statusCode"], 422);
    let problem: Value = serde_json::from_str(faulty["body"].as_str().unwrap()).unwrap();
    assert_is("Problem", &problem);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    assert_eq!(desk.ask("", "format=csv").await["statusCode"], 422);
}
