//! Calendars: definitions, imported dates, previews.

use resound_domain::book::NamedCalendar;
use resound_store::{ConfigKind, Editions};
use serde_json::{Value, json};

use crate::support::{Answer, Office, Request, after, office_until};

const CHRISTMAS: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn put(name: &str) -> Request {
    Request::calendar("PUT /v1/calendars/{name}", name)
}

async fn document(office: &Office, name: &str) -> Value {
    let get = Request::calendar("GET /v1/calendars/{name}", name).at(after(100_000));
    office.send(get).await.expect(200).body["current"]["document"].clone()
}

async fn kept(office: &Office) -> Vec<(u32, String, i64)> {
    let found: Editions<NamedCalendar> = office
        .aws
        .store
        .editions(ConfigKind::Calendar)
        .await
        .unwrap();
    let editions = found.editions.into_iter();
    let minutes = |calendar: &NamedCalendar| {
        let from = calendar.active_from.unwrap();
        after(0).duration_until(from).as_mins()
    };
    editions
        .map(|e| (e.version, e.document.name.to_string(), minutes(&e.document)))
        .collect()
}

#[tokio::test]
async fn calendars_are_published_under_their_names() {
    let office = Office::new().await;
    let get = |name| office.send(Request::calendar("GET /v1/calendars/{name}", name));
    let built_in = get("business").await.expect(200);
    assert_eq!(built_in.etag(), "\"0\"");
    assert_eq!(built_in.body["current"]["document"], office_until("18:00"));
    get("night").await.expect(404);
    get("around_the_clock").await.expect(404);
    get("No name").await.expect(404);

    let night = office
        .send(put("night").json(&office_until("20:00")))
        .await
        .expect(201);
    assert_eq!(night.headers["location"], "/v1/calendars/night?version=1");
    let business = office
        .send(put("business").json(&office_until("17:00")))
        .await
        .expect(201);
    assert_eq!(business.etag(), "\"2\"");
    assert_eq!(get("night").await.etag(), "\"1\"");
    let again = office
        .send(put("night").json(&office_until("20:00")))
        .await
        .expect(200);
    assert_eq!(again.etag(), "\"1\"");

    let list = office
        .send(Request::new("GET /v1/calendars").at(after(1)))
        .await
        .expect(200);
    let expected = json!({"calendars": [
        {"name": "business", "current": {"version": 0, "active_from": null, "time_zone": "Asia/Shanghai"},
         "coming": [{"version": 2, "active_from": after(2), "time_zone": "Asia/Shanghai"}]},
        {"name": "night", "current": null,
         "coming": [{"version": 1, "active_from": after(2), "time_zone": "Asia/Shanghai"}]},
    ]});
    assert_eq!(list.body, expected);
    for name in ["around_the_clock", "Night", "a b", ""] {
        let refused = office
            .send(put(name).json(&office_until("20:00")))
            .await
            .expect(422);
        assert_eq!(refused.faults(), ["name invalid-name"]);
    }
}

#[tokio::test]
async fn what_begins_later_under_another_name_is_published_again_behind_it() {
    let office = Office::new().await;
    let with = |hour, minutes: i64| {
        let mut calendar = office_until(hour);
        calendar["active_from"] = json!(after(minutes));
        calendar
    };
    office
        .send(put("night").json(&with("20:00", 500)))
        .await
        .expect(201);
    office
        .send(put("late").json(&with("22:00", 900)))
        .await
        .expect(201);
    let answer = office
        .send(put("business").json(&with("17:00", 10)))
        .await
        .expect(201);
    assert_eq!(
        (answer.etag(), &answer.body["state"]),
        ("\"3\"", &json!("coming"))
    );
    let expected = [
        (1, "night".to_owned(), 500),
        (2, "late".to_owned(), 900),
        (3, "business".to_owned(), 10),
        (4, "night".to_owned(), 500),
        (5, "late".to_owned(), 900),
    ];
    assert_eq!(kept(&office).await, expected);
    // Each name has one that is to come, and what it says is what was said.
    let night = office
        .send(Request::calendar("GET /v1/calendars/{name}", "night"))
        .await
        .body;
    assert_eq!(night["coming"].as_array().unwrap().len(), 1);
    assert_eq!(night["coming"][0]["version"], 4);
    assert_eq!(document(&office, "night").await, office_until("20:00"));
    // A repeat finds all of it there.
    office
        .send(put("business").json(&with("17:00", 10)))
        .await
        .expect(200);
    office
        .send(put("night").json(&with("20:00", 500)))
        .await
        .expect(200);
    assert_eq!(kept(&office).await.len(), 5);
}

#[tokio::test]
async fn dates_are_imported_into_the_calendar_that_is_there() {
    let office = Office::new().await;
    let file = || {
        put("business")
            .header("content-type", "text/calendar; charset=utf-8")
            .text(CHRISTMAS)
    };
    let answer = office
        .send(file().query("active_from=2026-11-02T03:00:00Z"))
        .await
        .expect(201);
    assert_eq!(answer.body["active_from"], "2026-11-02T03:00:00Z");
    let mut expected = office_until("18:00");
    expected["holidays"] = json!(["2026-12-24", "2026-12-25", "2026-12-26"]);
    assert_eq!(answer.body["document"], expected);
    // The same file again adds nothing.
    office.send(file()).await.expect(200);
    let list = json!(["2026-12-31", {"date": "2027-01-02", "name": "班", "works": true}]);
    let answer = office.send(put("business").json(&list)).await.expect(201);
    expected["holidays"]
        .as_array_mut()
        .unwrap()
        .push("2026-12-31".into());
    expected["shifts"] = json!({"2027-01-02": [["09:00", "18:00"]]});
    assert_eq!(answer.body["document"], expected);

    // Together with a definition, both ways.
    for import in [
        json!(CHRISTMAS),
        json!(["2026-12-24", "2026-12-25", "2026-12-26"]),
    ] {
        let mut body = office_until("20:00");
        body["import"] = import;
        let name = if body["import"].is_string() {
            "file"
        } else {
            "list"
        };
        let answer = office.send(put(name).json(&body)).await.expect(201);
        assert_eq!(
            answer.body["document"]["holidays"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
        assert_eq!(answer.body["document"].get("import"), None);
    }
    let alone = put("alone")
        .header("content-type", "text/calendar")
        .text(CHRISTMAS);
    let refused = office.send(alone).await.expect(422);
    assert_eq!(refused.faults(), ["name nothing-to-add-to"]);
}

#[tokio::test]
async fn faults_name_line_and_place_and_the_way_out() {
    let office = Office::new().await;
    let definition = "{\n  \"tz\": \"Mars/Base\",\n  \"hours\": {\"mon\": [[\"9\", \"18:00\"]]},\n  \"active_from\": \"soon\",\n  \"holidays\": [\"2026-02-30\"],\n  \"import\": [\"2026-1-1\"]\n}";
    let refused = office.send(put("x").text(definition)).await.expect(422);
    let expected = [
        "/hours/mon/0/0 not-a-time",
        "/active_from invalid-instant",
        "/holidays/0 not-a-date",
        "/import/0 not-a-date",
    ];
    assert_eq!(refused.faults(), expected);
    assert!(
        refused.messages()[0].starts_with("Line 3 (/hours/mon/0/0): "),
        "{refused:?}"
    );
    let zone = "{\"tz\": \"Mars/Base\",\n \"hours\": {\"mon\": [[\"09:00\", \"18:00\"]]}}";
    let refused = office
        .send(put("x").text(zone).header("accept-language", "zh"))
        .await
        .expect(422);
    assert_eq!(refused.faults(), ["/tz unknown-zone"]);
    assert!(
        refused.messages()[0].starts_with("第 1 行（/tz）："),
        "{refused:?}"
    );

    let timed = CHRISTMAS.replace(";VALUE=DATE:20261224", ":20261224T090000");
    let file = put("business")
        .header("content-type", "text/calendar")
        .text(&timed);
    let refused = office.send(file).await.expect(422);
    assert_eq!(refused.faults(), ["DTSTART not-all-day"]);
    assert!(refused.messages()[0].starts_with("Line 3 (DTSTART): "));
    let mut body = office_until("20:00");
    body["import"] = timed.into();
    let refused = office.send(put("x").json(&body)).await.expect(422);
    assert_eq!(refused.faults(), ["/import DTSTART not-all-day"]);
    let never = json!({"tz": "UTC"});
    let refused = office.send(put("x").json(&never)).await.expect(422);
    assert_eq!(refused.faults(), ["/hours never-open"]);
    assert!(kept(&office).await.is_empty());
}

#[tokio::test]
async fn the_next_periods_are_shown_before_a_calendar_counts() {
    let office = Office::new().await;
    let preview = |name: &'static str, query: &'static str| {
        let route = "GET /v1/calendars/{name}/preview";
        office.send(Request::calendar(route, name).query(query))
    };
    let first = |answer: &Answer| answer.body["periods"][0].clone();
    let shown = preview("business", "").await.expect(200);
    assert_eq!(shown.body["periods"].as_array().unwrap().len(), 30);
    assert_eq!(
        first(&shown),
        json!({"start": "2026-11-02T02:00:00Z", "end": "2026-11-02T10:00:00Z"})
    );
    let mut china = office_until("17:00");
    china["public_holidays"] = "cn".into();
    office.send(put("business").json(&china)).await.expect(201);
    let shown = preview("business", "from=2026-10-01T00:00:00Z&count=2")
        .await
        .expect(200)
        .body;
    let expected = json!({
        "version": 1,
        "time_zone": "Asia/Shanghai",
        "periods": [
            {"start": "2026-10-08T01:00:00Z", "end": "2026-10-08T09:00:00Z"},
            {"start": "2026-10-09T01:00:00Z", "end": "2026-10-09T09:00:00Z"},
        ],
        "holidays_known_until": "2026-12-31",
    });
    assert_eq!(shown, expected);
    let old = preview("business", "version=0&count=1").await.expect(200);
    assert_eq!(old.body["periods"][0]["end"], "2026-11-02T10:00:00Z");
    preview("night", "").await.expect(404);
    let refused = preview("business", "from=now&count=101&version=1")
        .await
        .expect(422);
    assert_eq!(
        refused.faults(),
        ["from invalid-instant", "count off-scale"]
    );

    let sent = |request: Request| office.send(request);
    let post =
        || Request::new("POST /v1/calendars/preview").query("from=2026-12-24T00:00:00Z&count=1");
    let shown = sent(post().json(&office_until("20:00"))).await.expect(200);
    assert_eq!(first(&shown)["end"], "2026-12-24T12:00:00Z");
    let file = post()
        .header("content-type", "text/calendar")
        .text(CHRISTMAS);
    let shown = sent(file).await.expect(200);
    assert_eq!(
        first(&shown)["start"],
        "2026-12-28T01:00:00Z",
        "a Sunday after the holidays"
    );
    let refused = sent(post().json(&json!({"tz": "x", "days": 7})))
        .await
        .expect(422);
    assert_eq!(refused.faults(), ["/days unknown-field"]);
    assert_eq!(kept(&office).await.len(), 1);
}
