use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use manage_cases::{App, Config};
use resound_domain::book::Book;
use resound_domain::calendar::{BusinessCalendar, Calendars};
use resound_domain::id::CaseId;
use resound_domain::policy::Priority;
use resound_lambda_kit::Function;
use resound_store::{Accepted, Digest, Key};
use resound_testing::{start, vars};
use serde_json::{Value, json};

use crate::support::{Answer, Desk, Request, after, pairs, response};

/// Four cases of a Monday, of priorities whose clocks run around the clock: answered after 30 minutes and resolved after
/// 4 hours, of which one was spent waiting; resolved after 5 without a word before, too late for one; merged; open.
pub(crate) async fn four() -> Desk {
    let desk = Desk::new().await;
    let mut ids = Vec::new();
    for bits in 1..=4 {
        ids.push(desk.opened(bits, Priority::P2).await);
    }
    let steps = [
        (
            0,
            "ann",
            30,
            json!({"command": "reply", "message": "Which one?"}),
        ),
        (0, "ann", 60, json!({"command": "await_customer"})),
        (0, "ann", 120, json!({"command": "resume"})),
        (
            0,
            "bo",
            240,
            json!({"command": "resolve", "message": "Done."}),
        ),
        (
            1,
            "=bo",
            300,
            json!({"command": "resolve", "message": "Done."}),
        ),
        (
            2,
            "ann",
            300,
            json!({"command": "merge", "into": ids[3].to_string()}),
        ),
        (3, "ann", 301, json!({"command": "assign"})),
    ];
    for (case, who, minutes, command) in steps {
        let command = Request::command(ids[case], command);
        let answer = desk.send(command.sub(who).at(after(minutes))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    desk
}

async fn ask(desk: &Desk, query: &str) -> Answer {
    desk.send(Request::statistics(query).at(after(302))).await
}

fn row<'a>(answer: &'a Answer, key: &Value) -> &'a Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.body["rows"].as_array().unwrap();
    rows.iter().find(|row| row["key"] == *key).unwrap()
}

#[tokio::test]
async fn the_cases_of_a_day_are_measured_by_who_what_and_whence() {
    let desk = four().await;
    let by_agent = ask(&desk, "from=2026-11-02&to=2026-11-02").await;
    let hours = |n: f64| json!({"median_seconds": n * 3600.0, "p90_seconds": n * 3600.0, "mean_seconds": n * 3600.0});
    let done = |in_time: u32, business: f64, wall: f64| {
        json!({"n": 1, "in_time": in_time, "open": 0, "open_late": 0, "within_target": f64::from(in_time),
               "business": hours(business), "wall": hours(wall)})
    };
    let ann = row(&by_agent, &json!("ann"));
    // She answered one and has another, whose four hours are over.
    assert_eq!(
        (
            &ann["cases"],
            &ann["first_response"]["open_late"],
            &ann["first_response"]["within_target"]
        ),
        (&json!(1), &json!(1), &json!(0.5))
    );
    assert_eq!(ann["first_response"]["business"], hours(0.5));
    assert_eq!(
        (&ann["resolution"]["n"], &ann["resolution"]["open"]),
        (&json!(0), &json!(1))
    );
    let bo = row(&by_agent, &json!("bo"));
    assert_eq!(
        bo["resolution"],
        done(1, 3.0, 4.0),
        "an hour was spent waiting"
    );
    let late = row(&by_agent, &json!("=bo"));
    assert_eq!(late["first_response"], done(0, 5.0, 5.0));
    let nobody = row(&by_agent, &Value::Null);
    assert_eq!(
        (&nobody["cases"], &nobody["merged"]),
        (&json!(3), &json!(1))
    );
    let total = &by_agent.body["total"];
    assert_eq!(
        (&total["cases"], &total["resolution"]["n"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(
        total["resolution"]["wall"]["median_seconds"],
        json!(4.5 * 3600.0)
    );

    for (by, key) in [("channel", "web"), ("priority", "P2")] {
        let answer = ask(&desk, &format!("from=2026-11-01&to=2026-11-02&by={by}")).await;
        let mut whole = row(&answer, &json!(key)).clone();
        whole.as_object_mut().unwrap().remove("key");
        assert_eq!(whole, answer.body["total"]);
        assert_eq!(whole, *total, "the same cases");
    }
    let other = ask(&desk, "from=2026-11-01&to=2026-11-01").await;
    assert_eq!(
        (&other.body["rows"], &other.body["total"]["cases"]),
        (&json!([]), &json!(0))
    );
    let gone = ask(&desk, "survey=gone").await;
    assert_eq!(gone.body["total"]["cases"], 0);
    assert_eq!(
        ask(&desk, "").await.body["total"],
        *total,
        "thirty days up to today"
    );
}

#[tokio::test]
async fn a_spreadsheet_gets_text_with_one_header_in_every_language_and_no_formula() {
    let desk = four().await;
    // A `sub` is a text of the issuer's.
    let evil = "=HYPERLINK(\"https://evil.example\",\"李雷\")";
    for (bits, who) in [(5, evil), (6, "＝1＋1"), (7, "李雷")] {
        let id = desk.opened(bits, Priority::P2).await;
        let word = json!({"command": "reply", "message": "Hello."});
        does(&desk, who, id, after(60), word).await;
    }
    let csv = async |language: &str| {
        let csv = Request::statistics("format=csv").at(after(302));
        desk.send(csv.header("accept-language", language)).await
    };
    let answer = csv("zh-CN").await;
    assert_eq!(answer.body, csv("en").await.body);
    assert_eq!(
        answer.headers["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(
        answer.headers["content-disposition"],
        "attachment; filename=\"cases-agent-2026-10-04-2026-11-02.csv\""
    );
    let text = answer.body.as_str().unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap();
    assert!(text.ends_with("\r\n"));
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let desk = four().await;
    // The opening of a case is gone, as no code of ours would have it.
    let case = response(2).id.case();
    let raw = Key::Event { case, seq: 1 }.encode();
    #[expect(
        clippy::disallowed_methods,
        reason = "the table must hold what the store would never write"
    )]
    let delete = desk.aws.clients.dynamodb.delete_item();
    let key = |text| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let delete = delete.table_name(resound_testing::TABLE);
    delete
        .key("PK", key(raw.pk))
        .key("SK", key(raw.sk))
        .send()
        .await
        .unwrap();
    let answer = ask(&desk, "by=priority").await;
    assert_eq!(answer.body["unreadable"], 1);
    assert_eq!(answer.body["total"]["cases"], 3);
}

#[tokio::test]
async fn what_takes_too_long_is_refused_with_a_way_out() {
    let desk = four().await;
    let request = Request::statistics("").at(after(302));
    let answer = desk.send_within(2, request.clone()).await;
    assert_eq!(
        (answer.status, answer.faults()),
        (422, pairs(&[("from", "too-many")]))
    );
    assert_eq!(desk.send_within(10, request).await.status, 200);
}

#[tokio::test]
async fn every_fault_of_a_query_is_named() {
    let desk = Desk::new().await;
    let answer = ask(
        &desk,
        "from=yesterday&to=20261102&by=mood&format=pdf&survey=A%20B",
    )
    .await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.faults(),
        pairs(&[
            ("from", "invalid-date"),
            ("to", "invalid-date"),
            ("survey", "unknown-form"),
            ("by", "unknown-value"),
            ("format", "unknown-value"),
        ])
    );
    let long = ask(&desk, "from=2026-10-02&to=2026-11-02").await;
    assert_eq!(long.faults(), pairs(&[("from", "too-long")]));
    let order = ask(&desk, "from=2026-11-03&to=2026-11-02").await;
    assert_eq!(order.faults(), pairs(&[("from", "out-of-order")]));
    for (query, code) in [
        ("from=0000-01-01&to=9999-12-31", "too-long"),
        ("from=2026-11-03", "out-of-order"),
        ("from=-000001-01-01", "invalid-date"),
        ("from=2026-11-31", "invalid-date"),
        ("from=2026-11-01T00:00:00Z", "invalid-date"),
        ("from=%00", "invalid-date"),
    ] {
        assert_eq!(
            ask(&desk, query).await.faults(),
            pairs(&[("from", code)]),
            "{query}"
        );
    }
    for query in [
        "from=2026-10-03&to=2026-11-02",
        "from=0000-01-01&to=0000-01-31",
        "from=9999-12-01&to=9999-12-31",
        "from=&to=&by=&format=&survey=",
    ] {
        assert_eq!(ask(&desk, query).await.status, 200, "{query}");
    }
    let agent = Request::statistics("").scopes("resound/cases.read resound/cases.write");
    assert_eq!(desk.send(agent).await.status, 403);
}

async fn told(desk: &Desk, query: &str, at: Timestamp) -> Value {
    let answer = desk.send(Request::statistics(query).at(at)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn does(desk: &Desk, who: &str, id: CaseId, at: Timestamp, body: Value) {
    let answer = desk.send(Request::command(id, body).at(at).sub(who)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn row_of<'a>(report: &'a Value, key: &Value) -> &'a Value {
    let mut rows = report["rows"].as_array().unwrap().iter();
    rows.find(|row| row["key"] == *key).unwrap()
}

/// One kind of promise: how many were carried out, in time, are open, are open and late; then median, 90th percentile
/// and mean, of business time and of wall time.
fn promises(counts: [u32; 4], business: [u32; 3], wall: [u32; 3]) -> Value {
    let [n, in_time, open, open_late] = counts;
    let spread = |[median, p90, mean]: [u32; 3]| {
        (n > 0).then(|| {
            json!({
                "median_seconds": f64::from(median),
                "p90_seconds": f64::from(p90),
                "mean_seconds": f64::from(mean),
            })
        })
    };
    let judged = n + open_late;
    let share = (judged > 0).then(|| f64::from(in_time) / f64::from(judged));
    json!({
        "n": n, "in_time": in_time, "open": open, "open_late": open_late, "within_target": share,
        "business": spread(business), "wall": spread(wall),
    })
}

#[tokio::test]
async fn a_week_with_office_hours_a_wait_a_reopening_a_merge_and_a_task() {
    let desk = Desk::new().await;
    let hours = |hours: i64| after(hours * 60);
    // Monday, 10:00. P4 counts in office hours, 09:00 to 18:00; P3 around the clock.
    let waiting = desk.opened(1, Priority::P4).await;
    let nobodys = desk.opened(2, Priority::P3).await;
    let again = desk.opened(3, Priority::P3).await;
    let same = desk.opened(4, Priority::P4).await;
    desk.aws.raised(16).await;
    let content = response(5);
    let content = desk
        .aws
        .store
        .accept(&content, &Digest([5; 32]), None, start());
    assert_eq!(content.await.unwrap(), Accepted::New);

    let word = json!({"command": "reply", "message": "Which one?"});
    let done = json!({"command": "resolve", "message": "Done."});
    let refused = json!({"command": "decline", "reason": "We do not make it any more."});
    does(
        &desk,
        "ann",
        waiting,
        after(5),
        json!({"command": "assign"}),
    )
    .await;
    does(&desk, "bo", again, hours(1), refused).await;
    let merge = json!({"command": "merge", "into": waiting});
    does(&desk, "bo", same, hours(2), merge).await;
    does(&desk, "ann", waiting, after(23 * 60 + 30), word).await;
    let wait = json!({"command": "await_customer"});
    does(&desk, "ann", waiting, hours(24), wait).await;
    does(&desk, "bo", again, hours(24), json!({"command": "reopen"})).await;
    does(&desk, "ann", again, hours(26), done.clone()).await;
    let resume = json!({"command": "resume"});
    does(&desk, "ann", waiting, hours(72), resume).await;
    does(&desk, "bo", waiting, hours(98), done).await;
    // A sweep has written that the first response is late, and not that the resolution is.
    desk.sweep(nobodys, hours(25)).await;

    // Friday, 18:00.
    let report = told(&desk, "from=2026-11-02&to=2026-11-02", hours(104)).await;
    let total = &report["total"];
    assert_eq!(
        (&total["cases"], &total["merged"], &total["reopened"]),
        (&json!(4), &json!(1), &json!(1))
    );
    // Ann's first word came on Tuesday, 09:30: 8 hours and a half of the office, 23.5 by the clock on the wall. Bo's was
    // the refusal after one hour.
    let ann_answered = promises([1, 1, 0, 0], [30_600; 3], [84_600; 3]);
    let bo_answered = promises([1, 1, 0, 0], [3_600; 3], [3_600; 3]);
    // Bo's outcome came on Friday, 12:00: 8 and 1 hours, two days of waiting, 8 and 3 hours. Ann's came after 26 hours:
    // one until the refusal and two after it did not stand.
    let bo_ended = promises([1, 1, 0, 0], [72_000; 3], [352_800; 3]);
    let ann_ended = promises([1, 1, 0, 0], [10_800; 3], [93_600; 3]);
    assert_eq!(
        (&total["first_response"], &total["resolution"]),
        (
            &promises(
                [2, 2, 1, 1],
                [17_100, 30_600, 17_100],
                [44_100, 84_600, 44_100]
            ),
            &promises(
                [2, 2, 1, 1],
                [41_400, 72_000, 41_400],
                [223_200, 352_800, 223_200]
            )
        )
    );
    for (key, cases, first_response, resolution) in [
        (json!("ann"), 1, ann_answered.clone(), ann_ended.clone()),
        (json!("bo"), 0, bo_answered, bo_ended.clone()),
        (
            Value::Null,
            3,
            promises([0, 0, 1, 1], [0; 3], [0; 3]),
            promises([0, 0, 1, 1], [0; 3], [0; 3]),
        ),
    ] {
        let row = row_of(&report, &key);
        assert_eq!(row["cases"], cases, "{key}");
        assert_eq!(row["first_response"], first_response, "{key}");
        assert_eq!(row["resolution"], resolution, "{key}");
    }
    let report = told(&desk, "from=2026-11-02&by=priority", hours(104)).await;
    let p4 = row_of(&report, &json!("P4"));
    assert_eq!(
        (&p4["cases"], &p4["first_response"], &p4["resolution"]),
        (&json!(2), &ann_answered, &bo_ended)
    );
}

#[tokio::test]
async fn what_is_late_is_so_from_the_millisecond_after_before_any_sweep() {
    let desk = Desk::new().await;
    desk.opened(1, Priority::P3).await;
    let due = after(24 * 60);
    for (at, late) in [(due, 0), (due + SignedDuration::from_millis(1), 1)] {
        let report = told(&desk, "by=channel", at).await;
        let first = &row_of(&report, &json!("web"))["first_response"];
        assert_eq!(*first, promises([0, 0, 1, late], [0; 3], [0; 3]));
    }
}

/// A desk in Berlin that works from Saturday 22:00 to Sunday 06:00 and never else.
fn in_berlin(desk: Desk) -> (Book, Desk) {
    let nights = r#"{"tz": "Europe/Berlin", "hours": {"sat": [["22:00", "06:00"]]}}"#;
    let calendars = Calendars::new(BusinessCalendar::parse(nights).unwrap());
    let mut config = vars(&[]).read(Config::read).unwrap();
    config.calendars = calendars.clone();
    let function = App::new(config, &desk.aws.clients).erase();
    (Book::built_in(calendars), Desk { function, ..desk })
}

#[tokio::test]
async fn the_night_in_which_the_clock_goes_forward_has_seven_hours() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let (book, desk) = in_berlin(Desk::new().await);
    let mut opened = Vec::new();
    for bits in [1, 2] {
        let mut response = response(bits);
        response.received_at = at("2026-03-28T21:00+01:00");
        response.day = date(2026, 3, 28);
        opened.push(desk.accepted_by(&response, Priority::P4, &book).await);
    }
    let done = json!({"command": "resolve", "message": "Done."});
    for (who, case, when, body) in [
        (
            "ann",
            0,
            "2026-03-29T01:30+01:00",
            json!({"command": "await_customer"}),
        ),
        (
            "ann",
            0,
            "2026-03-29T03:30+02:00",
            json!({"command": "resume"}),
        ),
        ("ann", 0, "2026-03-29T05:00+02:00", done.clone()),
        ("bo", 1, "2026-03-29T07:00+02:00", done),
    ] {
        does(&desk, who, opened[case], at(when), body).await;
    }
    // The clock on the wall went from 21:00 to 07:00: nine hours, of which the office was open for seven.
    let report = told(&desk, "", at("2026-04-03T12:00+02:00")).await;
    let bo = promises([1, 1, 0, 0], [7 * 3_600; 3], [9 * 3_600; 3]);
    assert_eq!(row_of(&report, &json!("bo"))["resolution"], bo);
    // The wait from 01:30 to 03:30 was one hour. Before it 3.5 hours were worked and after it 1.5.
    let ann = promises([1, 1, 0, 0], [5 * 3_600; 3], [7 * 3_600; 3]);
    assert_eq!(row_of(&report, &json!("ann"))["resolution"], ann);
    // Left out, the days are the thirty up to that of the request in this zone, where it is midnight.
    let midnight = told(&desk, "", at("2026-04-27T00:00+02:00")).await;
    assert_eq!(
        (&midnight["from"], &midnight["to"]),
        (&json!("2026-03-29"), &json!("2026-04-27"))
    );
    assert_eq!(midnight["total"]["cases"], 0);
}
