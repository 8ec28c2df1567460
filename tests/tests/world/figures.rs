//! Numbers from answers through the nights, with what the company says of itself beside them.

use resound_tests::world::World;
use serde_json::{Value, json};

fn row(report: &Value, key: &str) -> Value {
    let mut rows = report["rows"].as_array().unwrap().iter();
    rows.find(|row| row["key"] == key).cloned().unwrap()
}

#[tokio::test]
async fn what_only_the_company_knows_stands_beside_what_customers_said() {
    let mut world = World::new().await;
    for (nps, csat, tier) in [(10, 5, "gold"), (9, 4, "gold"), (3, 1, "bronze")] {
        let feedback = json!({"nps": nps, "csat": csat, "tier": tier, "channel": "web", "touchpoint": "check-out"});
        world.submit(feedback).await;
    }
    world.submit(json!({"nps": 7, "channel": "app"})).await;
    world.advance("PT24H").await;
    let day = "/v1/surveys/default/figures/2026-11-02";
    let figures =
        json!({"asked": {"web": 12, "app": 0}, "active_customers": 30, "known_customers": 40});
    let kept = world.try_publish(day, &figures).await.expect(201);
    assert_eq!(kept.json()["figures"], figures);
    world.try_publish(day, &figures).await.expect(200);
    world
        .try_publish("/v1/surveys/gone/figures/2026-11-02", &figures)
        .await
        .expect(404);
    let targets = json!({"nps": {"touchpoints": {"check-out": {"target": 20}}}, "index": {"satisfaction": 1, "usage": 1, "improvements": 0}});
    world.try_publish("/v1/targets", &targets).await.expect(201);
    // Functions go by what they read within the last minute.
    world.advance("PT2M").await;

    let span = "from=2026-11-02&to=2026-11-02";
    let report = world.staff_get(&format!("/v1/nps?{span}&by=channel")).await;
    let report = report.expect(200).json();
    assert_eq!(row(&report, "web")["response_rate"]["percent"], 25.0);
    assert_eq!(
        row(&report, "app")["response_rate"]["none"]["code"],
        "nobody_asked"
    );
    let pairs = world
        .staff_get(&format!("/v1/nps?{span}&by=channel%2Btier"))
        .await;
    let pairs = pairs.expect(200).json();
    assert_eq!(row(&pairs, "web + gold")["values"], json!(["web", "gold"]));
    assert_eq!(row(&pairs, "web + gold")["nps"], 100.0);
    assert_eq!(row(&pairs, "web + bronze")["n"], 1);

    let radar = world.staff_get(&format!("/v1/nps/radar?{span}")).await;
    let radar = radar.expect(200).json();
    let spoke = &radar["touchpoints"][0];
    assert_eq!(
        (
            &spoke["touchpoint"],
            &spoke["target"],
            &spoke["reached"]["code"]
        ),
        (&json!("check-out"), &json!(20.0), &json!("too_few"))
    );
    let index = world.staff_get(&format!("/v1/nps/index?{span}")).await;
    let index = index.expect(200).json();
    // Two of three and thirty of forty, alike.
    assert_eq!(index["formula"], "(1 x satisfaction + 1 x usage) / 2");
    let value = index["value"].as_f64().unwrap();
    assert!((value - (200.0 / 3.0 + 75.0) / 2.0).abs() < 1e-9, "{value}");
    for report in ["volatility", "assessments"] {
        let told = world.staff_get(&format!("/v1/nps/{report}")).await;
        assert!(!told.expect(200).json()["as_of"].is_null(), "{report}");
    }
}

#[tokio::test]
async fn what_customers_say_of_an_outcome_is_in_the_key_figures() {
    let mut world = World::new().await;
    let mut receipts = Vec::new();
    for text in ["It broke.", "It leaks.", "It is loud.", "It is slow."] {
        receipts.push(world.submit(json!({"text": text, "nps": 2})).await);
    }
    let resolve = json!({"command": "resolve", "message": "Mended."});
    for receipt in receipts.iter().take(3) {
        world.command(receipt.case, resolve.clone()).await;
    }
    world.drain().await;
    for (receipt, said) in receipts.iter().zip(["yes", "no"]) {
        let status = world.get(&receipt.status).await.expect(200).json();
        let said = json!({"solved": said, "outcome": status["question"]["outcome"]});
        world
            .say_patiently(receipt, "helped", &said)
            .await
            .expect(200);
    }
    world.drain().await;
    let span = "from=2026-11-02&to=2026-11-02";
    let kpi = world
        .staff_get(&format!("/v1/kpi?{span}"))
        .await
        .expect(200)
        .json();
    let figure = |name: &str| {
        let mut kpis = kpi["kpis"].as_array().unwrap().iter();
        let figure = kpis.find(|kpi| kpi["name"] == name).cloned().unwrap();
        (figure["count"].clone(), figure["n"].clone())
    };
    // Two of three who were told said something. One closed for good, one was opened again, one may still be.
    assert_eq!(figure("recovery"), (json!(1), json!(2)));
    assert_eq!(figure("stayed_closed"), (json!(1), json!(2)));
    assert_eq!(figure("reopened"), (json!(1), json!(3)));
    assert_eq!(figure("within_target"), (json!(3), json!(3)));
    let page = world
        .staff_get(&format!("/v1/kpi?{span}&format=html&lang=zh-CN"))
        .await;
    assert!(page.expect(200).body.contains("挽回率"));
    // The other two are given an outcome too, so that nothing is left open.
    for receipt in [&receipts[1], &receipts[3]] {
        world.command(receipt.case, resolve.clone()).await;
    }
    world.drain().await;
}
