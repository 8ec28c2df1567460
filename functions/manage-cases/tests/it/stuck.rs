//! Events that nobody tries any more.

use jiff::{SignedDuration, Timestamp};
use resound_domain::policy::Priority;
use resound_store::Postponed;
use resound_store::repair::LONGEST_BACK_OFF;
use resound_testing::start;
use serde_json::json;

use crate::support::{Desk, Request};

const LIST: &str = "GET /v1/stuck-events";
const RESUME: &str = "POST /v1/stuck-events/resume";

/// A P1 case alerts staff as it is opened; here that fails until nobody tries any more.
async fn stuck(desk: &Desk) -> Timestamp {
    let id = desk.opened(1, Priority::P1).await;
    let mut machine_now = start();
    loop {
        machine_now += LONGEST_BACK_OFF + SignedDuration::from_secs(1);
        let event = desk.aws.store.event(id, 1).await.unwrap().unwrap();
        match desk.aws.store.postpone(&event, machine_now).await.unwrap() {
            Postponed::Again { .. } => {}
            Postponed::Stuck => return machine_now,
            Postponed::Lost => panic!("somebody else tries it"),
        }
    }
}

#[tokio::test]
async fn they_are_listed_and_resumed_once() {
    let desk = Desk::new().await;
    assert_eq!(
        desk.send(Request::route(LIST)).await.body,
        json!({"events": []})
    );
    let since = stuck(&desk).await;

    let listed = desk.send(Request::route(LIST)).await.body;
    let event = &listed["events"][0];
    assert_eq!(event["type"], "opened");
    assert_eq!(event["effects"], json!(["staff_alert"]));
    assert_eq!(event["stuck_since"], since.to_string());

    let resumed = desk.send(Request::route(RESUME)).await.body;
    assert_eq!(resumed, json!({"resumed": 1, "more": false}));
    let again = desk.send(Request::route(RESUME)).await.body;
    assert_eq!(again, json!({"resumed": 0, "more": false}));
    assert_eq!(
        desk.send(Request::route(LIST)).await.body,
        json!({"events": []})
    );
}

#[tokio::test]
async fn they_are_for_leads_and_above() {
    let desk = Desk::new().await;
    for route in [LIST, RESUME] {
        let agent = Request::route(route).scopes("resound/cases.read resound/cases.write");
        assert_eq!(desk.send(agent).await.status, 403);
        assert_eq!(desk.send(Request::route(route).nobody()).await.status, 401);
    }
}
