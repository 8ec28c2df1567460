//! The night counts, and the morning knows.

use serde_json::{Value, json};

use crate::system::{Folder, Staff, System};

/// The rows of a report over every day there is, as (key, n, promoters, passives, detractors, nps).
#[track_caller]
fn rows(staff: &Staff<'_>, query: &str) -> Vec<(String, [u64; 4], f64)> {
    let target = format!("/v1/nps?{query}");
    let report = staff.get(&target).send().expect(200).json();
    let rows = report["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let counts =
            ["n", "promoters", "passives", "detractors"].map(|name| row[name].as_u64().unwrap());
        (
            row["key"].as_str().unwrap().to_owned(),
            counts,
            row["nps"].as_f64().unwrap_or(f64::NAN),
        )
    })
    .collect()
}

#[track_caller]
fn assert_rows(staff: &Staff<'_>, query: &str, expected: &[(&str, [u64; 4])]) {
    let found = rows(staff, query);
    let answered: Vec<_> = found
        .iter()
        .filter(|(_, counts, _)| counts[0] > 0)
        .collect();
    assert_eq!(answered.len(), expected.len(), "{query}: {found:?}");
    for (key, counts) in expected {
        let row = answered.iter().find(|(k, ..)| k == key);
        let (_, found, nps) = row.unwrap_or_else(|| panic!("{query}: no {key} in {answered:?}"));
        assert_eq!(found, counts, "{query}: {key}");
        let [n, promoters, _, detractors] =
            counts.map(|count| f64::from(u32::try_from(count).unwrap()));
        let exact = 100.0 * (promoters - detractors) / n;
        assert!(
            (nps - exact).abs() < 0.01,
            "{query}: {key}: {nps}, not {exact}"
        );
    }
}

#[test]
fn every_morning_has_its_numbers() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let analyst = system.staff("analyst");
    // Late in the morning, so that the posts are all of one local day.
    system.advance_to(11);
    let day = system
        .now()
        .to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap())
        .date();
    let next = day.tomorrow().unwrap();
    let one = format!("from={day}&to={day}");
    let before = analyst
        .get(&format!("/v1/nps?{one}"))
        .send()
        .expect(200)
        .json();
    let nothing = before["rows"].as_array().unwrap();
    assert!(nothing.iter().all(|row| row["n"] == 0), "{before}");

    let posts = [
        json!({"nps": 10, "channel": "web", "touchpoint": "checkout", "product": "Kettle", "tier": "gold", "locale": "en"}),
        json!({"nps": 9, "channel": "web", "touchpoint": "checkout", "product": "Kettle", "locale": "en"}),
        json!({"nps": 8, "channel": "web", "touchpoint": "delivery", "product": "茶壶", "locale": "zh-CN"}),
        json!({"nps": 6, "channel": "web", "tier": "gold", "locale": "zh-CN"}),
        json!({"nps": 0, "channel": "app", "locale": "zh-CN"}),
        json!({"nps": 7, "channel": "app", "tier": "bronze", "locale": "zh-CN"}),
        // Questions that were skipped.
        json!({"csat": 5, "channel": "app", "locale": "en"}),
        json!({"text": "没有评分", "channel": "chat", "locale": "zh-CN"}),
        json!({"ces": 7, "nps": null, "channel": "store", "locale": "en"}),
    ];
    for post in &posts {
        system.feedback(post);
    }
    let form = system.post("/v1/feedback").form(&[
        ("nps", ""),
        ("csat", "4"),
        ("text", ""),
        ("channel", "web"),
    ]);
    form.send().expect(201);

    system.advance_to(1);
    let report = analyst
        .get(&format!("/v1/nps?{one}"))
        .send()
        .expect(200)
        .json();
    let row = &report["rows"][0];
    // Two promoters and two detractors of six.
    assert_eq!(
        (
            &row["n"],
            &row["promoters"],
            &row["passives"],
            &row["detractors"]
        ),
        (&json!(6), &json!(2), &json!(2), &json!(2))
    );
    assert_eq!(row["nps"].as_f64(), Some(0.0));
    let error = row["standard_error"].as_f64().unwrap();
    assert!(
        (error - 100.0 * (4.0_f64 / 6.0 / 6.0).sqrt()).abs() < 0.01,
        "{row}"
    );
    for method in ["wald", "adjusted_wald"] {
        let [low, high] = [0, 1].map(|at| row[method][at].as_f64().unwrap());
        assert!(
            (-100.0..0.0).contains(&low) && 0.0 < high && high <= 100.0,
            "{row}"
        );
    }
    assert!(report["as_of"].is_string());
    assert_rows(
        &analyst,
        &format!("{one}&by=channel"),
        &[("web", [4, 2, 1, 1]), ("app", [2, 0, 1, 1])],
    );
    assert_rows(
        &analyst,
        &format!("{one}&by=locale"),
        &[("en", [2, 2, 0, 0]), ("zh-CN", [4, 0, 2, 2])],
    );
    assert_rows(
        &analyst,
        &format!("{one}&by=product&survey=default"),
        &products(&rows(&analyst, &format!("{one}&by=product"))),
    );
    let by_touchpoint = rows(&analyst, &format!("{one}&by=touchpoint"));
    for (key, counts) in [("checkout", [2, 2, 0, 0]), ("delivery", [1, 0, 1, 0])] {
        assert!(
            by_touchpoint
                .iter()
                .any(|(k, c, _)| k == key && *c == counts),
            "{by_touchpoint:?}"
        );
    }
    let by_tier = rows(&analyst, &format!("{one}&by=tier"));
    for (key, counts) in [("gold", [2, 1, 0, 1]), ("bronze", [1, 0, 1, 0])] {
        assert!(
            by_tier.iter().any(|(k, c, _)| k == key && *c == counts),
            "{by_tier:?}"
        );
    }
    assert_rows(
        &analyst,
        &format!("{one}&by=survey"),
        &[("default", [6, 2, 2, 2])],
    );
    assert_rows(&analyst, &format!("from={next}&to={next}&by=channel"), &[]);

    // The next day adds up, and running a night again changes nothing.
    system.advance_to(11);
    system.feedback(&json!({"nps": 10, "channel": "web"}));
    system.advance("P1D");
    for _ in 0..2 {
        let both = format!("from={day}&to={next}");
        assert_rows(
            &analyst,
            &format!("{both}&by=channel"),
            &[("web", [5, 3, 1, 1]), ("app", [2, 0, 1, 1])],
        );
        assert_rows(
            &analyst,
            &format!("{one}&by=channel"),
            &[("web", [4, 2, 1, 1]), ("app", [2, 0, 1, 1])],
        );
        system.post("/_local/run/aggregate-nps").send().expect(200);
    }
    for query in [
        "from=2026-11-31&to=2026-12-01",
        "from=x&to=y",
        "from=2026-11-30&to=2026-11-01",
        "from=2026-11-01&to=2026-11-30&by=mood",
    ] {
        let answer = analyst.get(&format!("/v1/nps?{query}")).send();
        assert!(
            matches!(answer.status, 400 | 422),
            "{query}: {}",
            answer.status
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    let error: Value = system.post("/_local/run/nobody").send().expect(404).json();
    assert!(error["message"].is_string());
}

/// The product dimension, checked by what must be in it.
fn products(found: &[(String, [u64; 4], f64)]) -> Vec<(&str, [u64; 4])> {
    for (key, counts) in [("Kettle", [2, 2, 0, 0]), ("茶壶", [1, 0, 1, 0])] {
        assert!(
            found.iter().any(|(k, c, _)| k == key && *c == counts),
            "{found:?}"
        );
    }
    found
        .iter()
        .filter(|row| row.1[0] > 0)
        .map(|(key, counts, _)| (key.as_str(), *counts))
        .collect()
}
