//! A function over a table of its own, and the requests it is sent.

use jiff::{SignedDuration, Timestamp};
use manage_policy::{App, Config};
use resound_domain::policy::Policy;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::{BoxedFunction, Function};
use resound_testing::api::{api, assert_conforms};
use resound_testing::{Aws, call, start, vars};
use serde_json::{Value, json};

pub(crate) struct Office {
    pub(crate) aws: Aws,
    pub(crate) function: BoxedFunction,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn etag(&self) -> &str {
        self.headers["etag"].as_str().unwrap_or_default()
    }

    /// Where something is wrong, and its code.
    pub(crate) fn faults(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        errors
            .iter()
            .map(|error| {
                assert!(!text(&error["message"]).is_empty());
                format!("{} {}", text(&error["field"]), text(&error["code"]))
            })
            .collect()
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().unwrap().iter();
        errors.map(|e| e["message"].as_str().unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u64) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }
}

/// A request: a recorded event, changed.
#[derive(Debug, Clone)]
pub(crate) struct Request(Value);

impl Request {
    /// A request to a route, such as `PUT /v1/policy`, by an admin.
    pub(crate) fn new(route: &str) -> Self {
        let recorded = match route.starts_with("GET") {
            true => include_str!("../../events/show.json"),
            false => include_str!("../../events/publish.json"),
        };
        let mut event: Value = serde_json::from_str(recorded).unwrap();
        let (method, path) = route.split_once(' ').unwrap();
        event["routeKey"] = route.into();
        event["rawPath"] = path.into();
        event["requestContext"]["http"]["method"] = method.into();
        event["requestContext"]["timeEpoch"] = start().as_millisecond().into();
        Self(event).scopes("resound/cases.read resound/reports.read resound/admin")
    }

    /// Of the calendar of this name.
    pub(crate) fn calendar(route: &str, name: &str) -> Self {
        let mut request = Self::new(route);
        request.0["pathParameters"] = json!({"name": name});
        request.0["rawPath"] = format!("/v1/calendars/{name}").into();
        request
    }

    pub(crate) fn params(mut self, params: &Value) -> Self {
        self.0["pathParameters"] = params.clone();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.0["body"] = body.into();
        self
    }

    pub(crate) fn base64(mut self, body: &str) -> Self {
        self.0["isBase64Encoded"] = true.into();
        self.text(body)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.0["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        self
    }

    pub(crate) fn sub(mut self, sub: &str) -> Self {
        self.0["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = sub.into();
        self
    }

    pub(crate) fn scopes(mut self, scopes: &str) -> Self {
        let jwt = &mut self.0["requestContext"]["authorizer"]["jwt"];
        jwt["claims"]["scope"] = scopes.into();
        jwt["scopes"] = Value::Null;
        self
    }

    fn operation(&self) -> (String, String) {
        let route = self.0["routeKey"].as_str().unwrap();
        let (method, path) = route.split_once(' ').unwrap();
        (path.to_owned(), method.to_ascii_lowercase())
    }
}

impl Office {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let aws = Aws::start().await;
        let function = function(&aws.clients, variables);
        Self { aws, function }
    }

    /// The same table through other clients.
    pub(crate) fn over(self, clients: &Clients) -> Self {
        self.over_with(clients, &[])
    }

    /// The same, with these variables.
    pub(crate) fn over_with(self, clients: &Clients, variables: &[(&str, &str)]) -> Self {
        Self {
            function: function(clients, variables),
            ..self
        }
    }

    /// Sends a request. The answer is as the description of the API says of this operation and status.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        let (path, method) = request.operation();
        let output = call(&self.function, request.0, start()).await;
        let body: Value = serde_json::from_str(output["body"].as_str().unwrap()).unwrap();
        let status = output["statusCode"].as_u64().unwrap();
        let api = api();
        let described = &api["paths"][&path][&method]["responses"][status.to_string()];
        let described = resound_testing::api::resolve(&api, described);
        assert!(!described.is_null(), "{method} {path}: {status} {body}");
        let content = described["content"].as_object().unwrap();
        let schema = &content.values().next().unwrap()["schema"];
        assert_conforms(&api, schema, &body);
        Answer {
            status,
            headers: output["headers"].clone(),
            body,
        }
    }

    pub(crate) async fn put(&self, body: &Value) -> Answer {
        self.send(Request::new("PUT /v1/policy").json(body)).await
    }

    pub(crate) async fn policy(&self, query: &str, at: Timestamp) -> Value {
        let request = Request::new("GET /v1/policy").query(query).at(at);
        self.send(request).await.expect(200).body
    }
}

fn function(clients: &Clients, variables: &[(&str, &str)]) -> BoxedFunction {
    let config = vars(variables).read(Config::read).unwrap();
    App::new(config, clients).erase()
}

pub(crate) fn after(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

/// The built-in policy as a document, with another share of the warning.
pub(crate) fn warning_at(percent: u64) -> Value {
    let mut policy = json!(Policy::default());
    policy.as_object_mut().unwrap().remove("version");
    policy["warn_percent"] = percent.into();
    policy
}

/// Office hours from nine until this hour.
pub(crate) fn office_until(hour: &str) -> Value {
    let day = json!([["09:00", hour]]);
    let days = ["mon", "tue", "wed", "thu", "fri"];
    let hours: serde_json::Map<_, _> = days
        .iter()
        .map(|d| ((*d).to_owned(), day.clone()))
        .collect();
    json!({"tz": "Asia/Shanghai", "hours": hours})
}
