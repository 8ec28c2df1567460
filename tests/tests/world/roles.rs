//! Who may do what: one table, to which the template, the description of the API and the functions are held.

use std::collections::BTreeMap;

use resound_lambda_kit::auth::{ROUTES, Role, Scope};
use resound_tests::world::{Ended, World};
use serde_json::{Value, json};

const API: &str = include_str!("../../../docs/api/openapi.json");

/// The scope of every route that needs a token, by somebody's account.
type Told = BTreeMap<String, Vec<String>>;

fn table() -> Told {
    let scopes = |scope: &Scope| vec![scope.name().to_owned()];
    let rows = ROUTES.iter();
    rows.map(|(route, scope)| ((*route).to_owned(), scopes(scope)))
        .collect()
}

#[tokio::test]
async fn the_template_asks_for_what_the_table_says() {
    let world = World::new().await;
    let told: Told = world
        .routes()
        .iter()
        .filter_map(|route| Some((route.key.to_string(), route.authorizer.clone()?.scopes)))
        .collect();
    assert_eq!(told, table());
}

#[test]
fn the_description_of_the_api_asks_for_what_the_table_says() {
    let api: Value = serde_json::from_str(API).unwrap();
    let mut told = Told::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if let Some(scopes) = operation["security"][0]["staff"].as_array() {
                let scopes = scopes.iter().map(|s| s.as_str().unwrap().to_owned());
                told.insert(
                    format!("{} {path}", method.to_uppercase()),
                    scopes.collect(),
                );
            }
        }
    }
    assert_eq!(told, table());
}

/// What a function says to somebody with these claims, behind a gateway that lets everybody in.
async fn status(world: &mut World, route: &str, claims: Option<Value>) -> (u64, Value) {
    let function = world.routes().iter();
    let function = function
        .map(|known| (known.key.to_string(), known.function.clone()))
        .find_map(|(key, function)| (key == route).then_some(function))
        .unwrap();
    let (method, path) = route.split_once(' ').unwrap();
    let authorizer = claims.map_or(
        Value::Null,
        |claims| json!({"jwt": {"claims": claims, "scopes": null}}),
    );
    let event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "accept-language": "en"},
        "pathParameters": {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "night", "survey": "default", "day": "2026-11-01"},
        "requestContext": {
            "authorizer": authorizer,
            "http": {"method": method},
            "requestId": "request",
            "timeEpoch": world.now().as_millisecond(),
        },
        "body": "{}",
        "isBase64Encoded": false,
    });
    let ended = world.invoke(&function, event).await;
    let Ended::Returned(answer) = &ended else {
        unreachable!("{route}: {ended:?}");
    };
    let body = answer["body"].as_str().unwrap();
    let body = serde_json::from_str(body).unwrap_or_default();
    (answer["statusCode"].as_u64().unwrap(), body)
}

#[tokio::test]
async fn every_function_asks_every_role_again() {
    let mut world = World::new().await;
    for (route, scope) in ROUTES {
        let (refused, _) = status(&mut world, route, None).await;
        assert_eq!(refused, 401, "{route}");
        let stranger = json!({"sub": "u", "scope": "openid", "roles": "visitor"});
        let (refused, _) = status(&mut world, route, Some(stranger)).await;
        assert_eq!(refused, 403, "{route}");
        for role in Role::ALL {
            let may = role.scopes().any(|held| held == *scope);
            let scopes: Vec<_> = role.scopes().map(Scope::name).collect();
            for claims in [
                json!({"sub": "u", "scope": scopes.join(" ")}),
                json!({"sub": "u", "roles": role.name()}),
                json!({"sub": "u", "cognito:groups": format!("[staff {}]", role.name())}),
            ] {
                let (status, problem) = status(&mut world, route, Some(claims)).await;
                assert_eq!(status == 403, !may, "{route} as {}: {status}", role.name());
                assert!(
                    status != 401 && status < 500,
                    "{route} as {}: {status}",
                    role.name()
                );
                if !may {
                    assert_eq!(problem["role"], scope.role().name(), "{route}: {problem}");
                }
            }
        }
    }
}
