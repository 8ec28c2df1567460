//! What many responses say together, from posted forms to somebody who acts.

use resound_domain::id::CaseId;
use resound_tests::World;
use resound_tests::world::Ended;
use serde_json::{Value, json};

/// What an unhappy customer of a shop sends.
pub(crate) fn angry(customer: &str) -> Value {
    json!({
        "text": "It broke again, terrible.",
        "nps": 2,
        "customer_id": customer,
        "contact": {"email": "ann@customer.example"},
        "locale": "en",
    })
}

/// The tasks of a rule, as staff see them.
async fn tasks(world: &mut World, rule: &str) -> Vec<CaseId> {
    let listed = world.staff_get("/v1/cases?kind=task").await.expect(200);
    let cases = listed.json()["cases"].as_array().unwrap().clone();
    cases
        .iter()
        .filter(|case| case["task"]["rule"] == rule)
        .map(|case| case["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

/// The types of what staff systems heard of a case, in order, with whom it was for.
fn heard(world: &World, case: CaseId) -> Vec<(String, String)> {
    let alerts = world.alerts();
    let bodies = alerts.iter().map(|alert| alert.json());
    let of_case = bodies.filter(|body| body["data"]["case"] == case.to_string());
    of_case
        .map(|body| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&body["type"]), text(&body["data"]["audience"]))
        })
        .collect()
}

/// How many tasks a run opened; `None` if it failed.
fn raised(ended: &Ended) -> Option<u64> {
    match ended {
        Ended::Returned(output) => output["raised"].as_u64(),
        Ended::Failed(_) | Ended::Killed => None,
    }
}

#[tokio::test]
async fn a_customer_who_is_about_to_leave_is_somebodys_task() {
    let mut world = World::new().await;
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push(world.submit(angry("c-1")).await);
        world.leap("PT5M");
    }
    world.drain().await;
    assert_eq!(
        raised(&world.watch().await),
        Some(2),
        "a churn risk and an interview"
    );
    for _ in 0..3 {
        assert_eq!(raised(&world.watch().await), Some(0));
    }
    world.drain().await;

    let churn = tasks(&mut world, "churn_risk").await[0];
    let shown = world.case(churn).await;
    assert_eq!(
        (&shown["priority"], &shown["response"]),
        (&json!("P2"), &Value::Null)
    );
    let evidence: Vec<_> = shown["task"]["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["id"].clone())
        .collect();
    assert_eq!(
        evidence,
        said.iter()
            .map(|receipt| json!(receipt.id))
            .collect::<Vec<_>>()
    );
    let opened = ("case.risk".to_owned(), "team_lead".to_owned());
    assert_eq!(heard(&world, churn), [opened]);
    let letters = world.letters();
    let letter = letters
        .iter()
        .find(|letter| letter.subject.contains("T-"))
        .unwrap();
    assert!(letter.to.starts_with("team-lead@"), "{letter:?}");

    // Nobody acts: four hours to take it up, of which three are gone; then the owner, and the rungs above.
    world.advance("PT3H").await;
    world.advance("PT1H1S").await;
    world.advance("PT2H").await;
    let ladder = [
        ("case.warned", "owner"),
        ("case.breached", "owner"),
        ("case.escalated", "team_lead"),
        ("case.escalated", "manager"),
    ];
    let ladder = ladder.map(|(kind, audience)| (kind.to_owned(), audience.to_owned()));
    assert_eq!(heard(&world, churn)[1..], ladder);

    // A lead sees to it. The customer hears nothing of any of this.
    let told = world.mails().len();
    world
        .command(
            churn,
            json!({"command": "assign", "owner": "lead@example.com"}),
        )
        .await;
    world
        .command(churn, json!({"command": "acknowledge"}))
        .await;
    world
        .command(
            churn,
            json!({"command": "resolve", "message": "Called them, they stay."}),
        )
        .await;
    world.drain().await;
    assert_eq!(world.mails().len(), told);
    let log = world.log(churn).await;
    assert_eq!(log.last(), Some(&"resolved"));
    let before = heard(&world, churn).len();
    world.advance("P4D").await;
    assert_eq!(world.log(churn).await.last(), Some(&"closed"));
    assert_eq!(heard(&world, churn).len(), before);
    assert_eq!(raised(&world.watch().await), Some(0));
}

#[tokio::test]
async fn complaints_that_grow_day_by_day_are_somebodys_task() {
    let mut world = World::new().await;
    world.watch().await;
    for (day, count) in [5, 7, 9, 12].into_iter().enumerate() {
        for n in 0..count {
            let complaint = json!({"nps": 5, "product": "Kettle"});
            let key = format!("kettle-{day}-{n}-0123456789");
            world.post(&complaint, Some(&key)).await.expect(201);
        }
        world.advance("P1D").await;
    }
    // No run for days: the first one finds what each of them would have.
    assert_eq!(raised(&world.watch().await), Some(1));
    assert_eq!(raised(&world.watch().await), Some(0));
    world.drain().await;
    let anomaly = tasks(&mut world, "anomaly").await[0];
    let shown = world.case(anomaly).await;
    let found = &shown["task"]["found"];
    assert_eq!(found["complaints"], json!([5, 7, 9, 12]));
    assert_eq!(
        (&found["product"], &found["day"]),
        (&json!("Kettle"), &json!("2026-11-05"))
    );
    assert_eq!(shown["task"]["evidence"].as_array().unwrap().len(), 5);
    let opened = ("case.risk".to_owned(), "team_lead".to_owned());
    assert_eq!(heard(&world, anomaly), [opened]);

    // Another day of growth, and a second run of each: still the one.
    for n in 0..15 {
        let key = format!("kettle-more-{n}-0123456789");
        let complaint = json!({"nps": 5, "product": "Kettle"});
        world.post(&complaint, Some(&key)).await.expect(201);
    }
    world.advance("P1D").await;
    assert_eq!(raised(&world.watch().await), Some(0));
    assert_eq!(tasks(&mut world, "anomaly").await, [anomaly]);
}

/// The receipt of a task cannot be guessed into being: nobody outside may look at one.
#[tokio::test]
async fn a_task_has_no_status_page() {
    let mut world = World::new().await;
    for _ in 0..3 {
        world.submit(angry("c-1")).await;
    }
    world.leap("PT1M");
    world.watch().await;
    world.drain().await;
    let task = tasks(&mut world, "churn_risk").await[0];
    let shown = world.case(task).await;
    assert_eq!(shown["status_url"], Value::Null);
    let status = world.get(&format!("/v1/receipts/{task}")).await;
    assert_eq!(status.status, 404);
}
