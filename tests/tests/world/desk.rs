//! The agents' desk: who gets a case, and that they find it.

use resound_store::{ConfigKind, Published};
use resound_tests::World;
use resound_tests::faults::Fault;
use resound_tests::world::receipt;
use serde_json::json;

use crate::main_job::complaint;

async fn publish(world: &World, agents: &[&str]) {
    let rules = json!({"rules": [{"name": "all", "agents": agents}]});
    let published = world
        .store
        .publish_config(ConfigKind::Assignment, 1, &rules);
    assert_eq!(published.await.unwrap(), Published::Published);
}

#[tokio::test]
async fn a_case_comes_to_its_agent() {
    let mut world = World::new().await;
    publish(&world, &["staff-1"]).await;
    let case = world.submit(complaint()).await.case;
    world.drain().await;
    let mine = world.staff_get("/v1/cases?owner=staff-1").await.expect(200);
    assert_eq!(mine.json()["cases"][0]["owner"], "staff-1");
    let shown = world.case(case).await;
    assert_eq!(shown["timeline"][0]["owner"], "staff-1", "{shown}");
    assert_eq!(shown["timeline"].as_array().unwrap().len(), 1);

    world.advance("PT18H").await;
    let alerts = world.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        alerts[0].json()["data"]["owner"],
        "staff-1",
        "{}",
        alerts[0].payload
    );
    let resolve = json!({"command": "resolve", "message": "A new one is on its way."});
    world.command(case, resolve).await;
    world.drain().await;
}

/// Whatever becomes of the call that takes the turn, the case is opened once, with a log that is whole.
#[tokio::test]
async fn a_turn_that_is_lost_loses_no_case() {
    for fault in Fault::ALL {
        let mut world = World::new().await;
        publish(&world, &["ann", "bo"]).await;
        world.submit(complaint()).await;
        world.faults.plan_at("DynamoDB.UpdateItem", fault);
        let key = format!("a-key-for-{fault:?}");
        let posted = world.submit_patiently(&complaint(), &key).await.expect(201);
        assert!(world.faults.struck().is_some(), "{fault:?}");
        let again = world.submit_patiently(&complaint(), &key).await.expect(201);
        assert_eq!(posted.body, again.body);
        let case = receipt(&posted).case;
        let owner = world.case(case).await["owner"].clone();
        assert!(
            [json!("ann"), json!("bo"), json!(null)].contains(&owner),
            "{fault:?}: {owner}"
        );
        assert_eq!(world.log(case).await, ["opened"]);
        let third = world.submit(complaint()).await.case;
        let owner = world.case(third).await["owner"].clone();
        assert!([json!("ann"), json!("bo")].contains(&owner), "{owner}");
        world.drain().await;
    }
}
