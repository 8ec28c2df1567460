//! Bodies that nobody means well with: answered, and never more than was sent.

use resound_store::{ConfigKind, Editions};
use serde_json::{Value, json};

use crate::support::{Office, Request, office_until, warning_at};

const ROUTES: [&str; 10] = [
    "PUT /v1/assignment",
    "PUT /v1/policy",
    "PUT /v1/calendars/{name}",
    "POST /v1/calendars/preview",
    "PUT /v1/recipients",
    "PUT /v1/targets",
    "PUT /v1/templates",
    "POST /v1/templates/preview",
    "POST /v1/templates/test",
    "PUT /v1/surveys/{survey}/figures/{day}",
];

fn to(route: &str) -> Request {
    match route.contains("{name}") {
        true => Request::calendar(route, "night"),
        false => {
            let figures = json!({"survey": "default", "day": "2026-11-01"});
            Request::new(route).params(&figures)
        }
    }
}

#[tokio::test]
async fn what_is_no_document_is_refused_by_every_route() {
    let office = Office::new().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(40_000), "}".repeat(40_000));
    let wide = format!(
        "{{{}}}",
        (0..20_000)
            .map(|n| format!("\"k{n}\":1"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let long = format!("\"{}\"", "x".repeat(200_000));
    for route in ROUTES {
        for (body, expected) in [
            ("", 400),
            ("{", 400),
            ("{\"tz\": \"UTC\",}", 400),
            ("nan", 400),
            (deep.as_str(), 400),
            (deep_object.as_str(), 400),
            ("null", 422),
            ("true", 422),
            ("1e400", 400),
            ("\"\\ud800\"", 400),
            (wide.as_str(), 422),
            (long.as_str(), 422),
            ("{\"\\u0000\": 1}", 422),
        ] {
            let answer = office.send(to(route).text(body)).await.expect(expected);
            let errors = answer.faults().len();
            assert!((1..=102).contains(&errors), "{route} {body:.40}: {errors}");
            assert!(answer.body.to_string().len() < 450_000);
        }
        // {"a": "\xff"}, on the second line.
        let answer = office
            .send(to(route).base64("ewoiYSI6ICL/In0="))
            .await
            .expect(400);
        assert!(answer.messages()[0].starts_with("Line 2: "), "{answer:?}");
        office
            .send(to(route).base64("no base64!"))
            .await
            .expect(400);
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let answer = to(route).text("{}").header("content-type", kind);
            office.send(answer).await.expect(415);
        }
        let zipped = to(route).text("{}").header("content-encoding", "gzip");
        office.send(zipped).await.expect(415);
        office
            .send(to(route).text(&" ".repeat(300_000)))
            .await
            .expect(413);
    }
    let nothing: Editions<Value> = office.aws.store.editions(ConfigKind::Policy).await.unwrap();
    assert_eq!(nothing.last, 0);
}

#[tokio::test]
async fn a_calendar_of_ten_megabytes_is_refused_and_a_large_one_read() {
    let office = Office::new().await;
    let event = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\nEND:VEVENT\r\n";
    let file = |events: usize| {
        let events = event.repeat(events);
        let file = format!("BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n");
        Request::calendar("PUT /v1/calendars/{name}", "business")
            .header("content-type", "text/calendar")
            .text(&file)
    };
    office
        .send(file(10_000_000 / event.len()))
        .await
        .expect(413);
    office.send(file(4_000)).await.expect(201);
    for (hostile, fault) in [
        ("BEGIN:VCALENDAR\r\n".repeat(10_000), "VCALENDAR not-ended"),
        ("BEGIN:VCALENDAR\r\nno colon\r\nEND:VCALENDAR".to_owned(), " not-a-content-line"),
        ("\u{feff}{}".to_owned(), " not-icalendar"),
        (
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:00010101\r\nRRULE:FREQ=YEARLY\r\nDTEND;VALUE=DATE:99991231\r\nEND:VEVENT\r\nEND:VCALENDAR".to_owned(),
            "VEVENT too-many-dates",
        ),
    ] {
        let put = Request::calendar("PUT /v1/calendars/{name}", "business");
        let put = put.header("content-type", "text/calendar").text(&hostile);
        assert_eq!(office.send(put).await.expect(422).faults(), [fault]);
    }
    // Policies and recipients are no iCalendar files.
    for route in ["PUT /v1/policy", "PUT /v1/recipients"] {
        let put = to(route)
            .header("content-type", "text/calendar")
            .text("BEGIN:VCALENDAR");
        office.send(put).await.expect(415);
    }
}

#[tokio::test]
async fn the_largest_calendar_there_may_be_is_kept() {
    let office = Office::new().await;
    let mut calendar = office_until("18:00");
    let date = |n: i64| jiff::civil::date(2000, 1, 1) + jiff::Span::new().days(n);
    let shifts = (0..5_000).map(|n| (date(n).to_string(), json!([["09:00", "12:00"]])));
    calendar["shifts"] = Value::Object(shifts.collect());
    let put = Request::calendar("PUT /v1/calendars/{name}", "business").json(&calendar);
    office.send(put.clone()).await.expect(201);
    office.send(put).await.expect(200);
}

#[tokio::test]
async fn queries_and_preconditions_are_read_strictly() {
    let office = Office::new().await;
    let put = || Request::new("PUT /v1/policy").json(&warning_at(60));
    let bad = "dry_run=yes&cursor=x&limit=0&active_from=soon";
    let refused = office.send(put().query(bad)).await.expect(422);
    let expected = [
        "dry_run unknown-value",
        "cursor invalid-cursor",
        "limit off-scale",
        "active_from invalid-instant",
    ];
    assert_eq!(refused.faults(), expected);
    office.send(put().header("if-match", "1")).await.expect(400);
    office
        .send(put().header("if-match", "\"1\""))
        .await
        .expect(412);
    office
        .send(put().header("if-match", "W/\"0\""))
        .await
        .expect(412);
    let new = Request::calendar("PUT /v1/calendars/{name}", "night").json(&office_until("20:00"));
    office.send(new.header("if-match", "*")).await.expect(412);
    office.send(put().header("if-match", "*")).await.expect(201);
    let agent = put().scopes("resound/cases.read resound/cases.write resound/cases.manage");
    assert_eq!(office.send(agent).await.expect(403).body["role"], "admin");
}
