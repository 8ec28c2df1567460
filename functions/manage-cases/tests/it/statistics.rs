use resound_domain::policy::Priority;
use resound_store::Key;
use serde_json::{Value, json};

use crate::support::{Answer, Desk, Request, after, pairs, response};

/// Four cases of a Monday, of priorities whose clocks run around the clock: answered after 30 minutes and resolved after
/// 4 hours, of which one was spent waiting; resolved after 5 without a word before, too late for one; merged; open.
async fn four() -> Desk {
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
async fn a_spreadsheet_gets_text_in_its_language_and_no_formula() {
    let desk = four().await;
    let csv = Request::statistics("format=csv")
        .at(after(302))
        .header("accept-language", "zh-CN");
    let answer = desk.send(csv).await;
    assert_eq!(
        answer.headers["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(
        answer.headers["content-disposition"],
        "attachment; filename=\"cases-agent-2026-10-04-2026-11-02.csv\""
    );
    let text = answer.body.as_str().unwrap();
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("\u{feff}客服,个案数,"), "{}", lines[0]);
    let columns = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == columns));
    let first: Vec<_> = lines
        .iter()
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(first[1..], ["（无）", "'=bo", "ann", "bo"]);
    assert!(
        lines[4].ends_with(",1,1,0,0,1,10800,10800,10800,14400,14400,14400"),
        "{}",
        lines[4]
    );
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
            ("by", "unknown-value"),
            ("format", "unknown-value"),
            ("survey", "unknown-form"),
        ])
    );
    let long = ask(&desk, "from=2026-10-02&to=2026-11-02").await;
    assert_eq!(long.faults(), pairs(&[("from", "too-long")]));
    let order = ask(&desk, "from=2026-11-03&to=2026-11-02").await;
    assert_eq!(order.faults(), pairs(&[("from", "out-of-order")]));
    let agent = Request::statistics("").scopes("resound/cases.read resound/cases.write");
    assert_eq!(desk.send(agent).await.status, 403);
}
