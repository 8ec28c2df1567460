//! Rules that are published while cases are open.

use jiff::SignedDuration;
use resound_domain::policy::Policy;
use resound_tests::World;
use serde_json::json;

/// Longer than rules are remembered.
const A_MINUTE: SignedDuration = SignedDuration::from_secs(61);

#[tokio::test]
async fn a_dry_run_tells_what_then_happens() {
    let mut world = World::new().await;
    let feedback = json!({"nps": 2, "text": "The box was broken.", "locale": "en"});
    let case = world.submit(feedback).await.case;
    world.drain().await;
    let mut policy = json!(Policy::default());
    policy["targets"]["P2"]["resolution"]["duration"] = "PT10H".into();
    let run = world.try_publish("/v1/policy?dry_run=true", &policy).await;
    let run = run.expect(200).json();
    let [moved] = run["cases"][0]["moves"].as_array().unwrap().as_slice() else {
        unreachable!("{run}");
    };
    assert_eq!(moved["clock"], "resolution");
    // Nothing was published, and nothing moves.
    world.pass(A_MINUTE);
    world.advance("PT5M").await;
    assert_eq!(world.case(case).await["resolve_by"], moved["was"]);

    policy["active_from"] = json!(world.now() + SignedDuration::from_mins(2));
    let published = world.try_publish("/v1/policy", &policy).await;
    published.expect(201);
    world.pass(A_MINUTE);
    world.advance("PT5M").await;
    let shown = world.case(case).await;
    assert_eq!(shown["resolve_by"], moved["becomes"]);
    assert_eq!(shown["terms"]["policy"], 1);
    // The event says it too, under the instant at which the policy began.
    let timeline = shown["timeline"].as_array().unwrap();
    let retargeted = timeline
        .iter()
        .filter(|entry| entry["type"] == "retargeted");
    let [retargeted] = retargeted.collect::<Vec<_>>()[..] else {
        unreachable!("{timeline:?}");
    };
    assert_eq!(retargeted["at"], policy["active_from"]);
    let expected = json!([{"clock": "resolution", "from": moved["was"], "to": moved["becomes"]}]);
    assert_eq!(retargeted["moved"], expected);
    // A new case is under it from the start.
    let feedback = json!({"nps": 1, "text": "It never came.", "locale": "en"});
    let case = world.submit(feedback).await.case;
    let terms = world.case(case).await["terms"]["policy"].clone();
    assert_eq!(terms, 1);
    world.drain().await;
}
