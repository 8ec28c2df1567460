//! From a week of feedback to the report of it, in the mailbox of a manager and as a page.

use jiff::{SignedDuration, Timestamp};
use resound_tests::World;
use resound_tests::crash::Scenario;
use resound_tests::world::{Ended, receipt};
use serde_json::{Value, json};

/// What customers say in the first days: seven are pleased on the web, six complain in the app.
async fn said(world: &mut World) {
    for n in 0..7 {
        let feedback = json!({"nps": 10, "csat": 5, "channel": "web"});
        let key = format!("pleased-{n}-0123456789");
        world.submit_patiently(&feedback, &key).await.expect(201);
    }
    for n in 0..6 {
        let feedback = json!({
            "nps": 2,
            "csat": 1,
            "channel": "app",
            "touchpoint": "logistics",
            "text": "The parcel came late and broken. Call 13800138000.",
            "contact": {"email": "ann@customer.example"},
            "locale": "en",
        });
        let key = format!("unhappy-{n}-0123456789");
        let posted = world.submit_patiently(&feedback, &key).await.expect(201);
        let case = receipt(&posted).case;
        world.drain().await;
        world.leap("PT20M");
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let key = format!("resolve-{n}-0123456789");
        world
            .command_patiently(case, &resolve, &key)
            .await
            .expect(200);
        world.drain().await;
    }
}

/// Moves to the Monday after, at five past six, with every night counted.
async fn to_monday(world: &mut World) {
    world.advance("P6D").await;
    let monday: Timestamp = "2026-11-08T22:05:00Z".parse().unwrap();
    let ahead = monday.duration_since(world.now());
    world.advance(&ahead.to_string()).await;
    world.night().await;
    world.drain().await;
}

fn told(world: &World) -> usize {
    let letters = world.letters();
    letters
        .iter()
        .filter(|letter| letter.subject.contains("2026-W45"))
        .count()
}

#[tokio::test]
async fn a_week_of_feedback_becomes_a_report_a_letter_and_a_page() {
    let mut world = World::new().await;
    said(&mut world).await;
    to_monday(&mut world).await;
    let ended = world.report().await;
    let Ended::Returned(wrote) = &ended else {
        unreachable!("{ended:?}")
    };
    assert_eq!(
        (&wrote["written"], &wrote["told"]),
        (&json!(1), &json!(1)),
        "{wrote}"
    );
    for _ in 0..3 {
        world.report().await;
        world.advance("PT1H").await;
    }
    assert_eq!(told(&world), 1);

    let report = world
        .staff_get("/v1/reports/weekly/2026-W45")
        .await
        .expect(200)
        .json();
    let week = &report["numbers"]["weekly"];
    assert_eq!(week["responses"]["shown"], 13);
    assert_eq!(week["complaints"]["top"][0]["share"]["count"], 6);
    // Six answers, each after twenty minutes, from channel to customer.
    let channels = week["channels"].as_array().unwrap();
    let app = channels.iter().find(|row| row["channel"] == "app").unwrap();
    let first = &app["numbers"]["first_answer"]["shown"];
    assert_eq!(
        (&first["n"], &first["median_seconds"]["value"]),
        (&json!(6), &json!(1200.0))
    );
    assert_eq!(app["numbers"]["recovered"]["shown"]["percent"], 100.0);
    let words = report["examples"][0][0]["text"].as_str().unwrap();
    assert!(
        words.contains("came late") && !words.contains("13800138000"),
        "{words}"
    );

    let page = world
        .staff_get("/v1/reports/weekly/2026-W45?format=html&lang=zh-CN")
        .await;
    let page = page.expect(200);
    assert!(page.body.contains("<svg") && page.body.contains("周报 2026-W45"));
    let list = world.staff_get("/v1/reports").await.expect(200).json();
    assert_eq!(list["reports"].as_array().map(Vec::len), Some(1), "{list}");
}

/// The report of a week: its edition and its letter.
pub(crate) struct Report;

impl Scenario for Report {
    const NAME: &'static str = "report";
    type Given = ();

    async fn prepare(world: &mut World) {
        for n in 0..5 {
            let feedback = json!({"nps": 10, "channel": "web"});
            let key = format!("report-{n}-0123456789");
            world.submit_patiently(&feedback, &key).await.expect(201);
        }
        world.drain().await;
        // Monday, a quarter to five in the morning; its night, and then five past six.
        world.leap("P6DT13H");
        world.night().await;
        world.leap("PT7H");
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        // Whatever broke off, the next hours do; a lease is over by then.
        for _ in 0..3 {
            world.report().await;
            world.pass(SignedDuration::from_mins(5));
        }
        let path = "/v1/reports/weekly/2026-W45";
        let mut report = world.staff_get(path).await;
        if report.status >= 500 {
            report = world.staff_get(path).await;
        }
        assert!(told(world) > 0);
        let shown: Value = report.json();
        vec![report.status.to_string(), shown["numbers"].to_string()]
    }
}
