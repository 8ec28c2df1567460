use std::collections::BTreeSet;

use resound_domain::case::Command;
use resound_domain::policy::Priority;
use resound_testing::api::{api, assert_conforms, resolve};
use serde_json::{Value, json};

use crate::support::{Event, World, after, token};

const TEMPLATE: &str = include_str!("../../../../infra/template.yaml");

/// Every operation: its route as the template writes it, and what is said about it.
fn operations(api: &Value) -> Vec<(String, &Value)> {
    let paths = api["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, operation)| {
                (format!("{} {path}", method.to_uppercase()), operation)
            })
        })
        .collect()
}

/// The route keys of the template, and what each is served by.
fn routes() -> Vec<(&'static str, &'static str)> {
    let mut routes = Vec::new();
    let mut lines = TEMPLATE.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(key) = line.strip_prefix("RouteKey: ") {
            let target = lines.next().unwrap().strip_prefix("Target: ").unwrap();
            routes.push((key.trim_matches(['\'', '"']), target));
        }
    }
    routes
}

#[test]
fn what_is_deployed_is_described_and_the_reverse() {
    let api = api();
    let described: BTreeSet<String> = operations(&api)
        .into_iter()
        .map(|(route, _)| route)
        .collect();
    let deployed: BTreeSet<String> = routes()
        .into_iter()
        .map(|(route, _)| route.to_owned())
        .collect();
    assert!(
        deployed.len() >= 10,
        "the routes of the template were not found: {deployed:?}"
    );
    assert_eq!(described, deployed);
}

#[tokio::test]
async fn every_route_that_leads_here_is_handled() {
    let world = World::new().await;
    let response = world.respond(json!({"nps": 10})).await;
    let ours: Vec<_> = routes()
        .into_iter()
        .filter(|(_, target)| target.contains("ServePages"))
        .collect();
    assert_eq!(ours.len(), 4);
    for (route, _) in ours {
        let event = Event::receipt_program(&token(&response))
            .param("form", "default")
            .route(route);
        assert_eq!(world.call(event).await.status, 200, "{route}");
    }
    let stray = world.call(Event::home().route("GET /v1/cases")).await;
    assert_eq!(stray.status, 404);
}

#[test]
fn every_route_with_an_authorizer_names_its_scopes() {
    let api = api();
    let public = ["ServePages", "SubmitFeedback", "TakeAnswers"];
    let staff = routes()
        .into_iter()
        .filter(|(_, target)| !public.iter().any(|function| target.contains(function)));
    let staff: BTreeSet<&str> = staff.map(|(route, _)| route).collect();
    for (route, operation) in operations(&api) {
        let scopes = operation["security"][0]["staff"]
            .as_array()
            .map_or(0, Vec::len);
        assert_eq!(scopes > 0, staff.contains(route.as_str()), "{route}");
        for unauthorized in ["401", "403"] {
            assert_eq!(
                scopes > 0,
                operation["responses"].get(unauthorized).is_some(),
                "{route}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(api: &Value, node: &Value, seen: &mut usize) {
        if node.get("$ref").is_some() {
            resolve(api, node);
            *seen += 1;
        }
        let members = node
            .as_object()
            .into_iter()
            .flat_map(|object| object.values());
        for child in members.chain(node.as_array().into_iter().flatten()) {
            walk(api, child, seen);
        }
    }
    let (api, mut seen) = (api(), 0);
    walk(&api, &api, &mut seen);
    assert!(seen > 20);
}

#[test]
fn every_example_is_what_its_schema_describes() {
    fn walk(api: &Value, node: &Value, seen: &mut usize) {
        if let (Some(schema), Some(example)) = (node.get("schema"), node.get("example")) {
            assert_conforms(api, schema, example);
            *seen += 1;
        }
        let members = node
            .as_object()
            .into_iter()
            .flat_map(|object| object.values());
        for child in members.chain(node.as_array().into_iter().flatten()) {
            walk(api, child, seen);
        }
    }
    let (api, mut seen) = (api(), 0);
    walk(&api, &api, &mut seen);
    assert!(seen > 10);
}

#[tokio::test]
async fn the_description_is_served_as_it_is() {
    let world = World::new().await;
    let served = world.call(Event::openapi()).await;
    assert_eq!(served.headers["content-type"], "application/json");
    assert_eq!(serde_json::from_str::<Value>(&served.body).unwrap(), api());
    assert_eq!(api()["openapi"], "3.1.0");
}

#[tokio::test]
async fn receipts_and_problems_are_as_described() {
    let world = World::new().await;
    let api = api();
    let schema = |name: &str| api["components"]["schemas"][name].clone();
    let (response, case) = world
        .open(json!({"text": "物流太慢", "nps": 2}), Priority::P2)
        .await;
    let case = world.command(&case, Command::Reply, Some("您好"), 1).await;
    world
        .command(&case, Command::Resolve, Some("好了"), 2)
        .await;
    for hours in [0, 2, 200] {
        let answer = world
            .call(Event::receipt_program(&token(&response)).at(after(hours)))
            .await;
        assert_conforms(
            &api,
            &schema("Receipt"),
            &serde_json::from_str(&answer.body).unwrap(),
        );
    }
    let problem = world.call(Event::receipt_program("forged")).await;
    assert_conforms(
        &api,
        &schema("Problem"),
        &serde_json::from_str(&problem.body).unwrap(),
    );
}
