//! A function over a table of its own, and the requests it is sent.

use jiff::{SignedDuration, Timestamp};
use manage_cases::{App, Config};
use resound_domain::book::Book;
use resound_domain::case::Case;
use resound_domain::event::{Doubt, Effect, Event};
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::{BoxedFunction, Function, Invocation};
use resound_store::{Accepted, Appended, Digest, Doubted, Owed};
use resound_testing::api::assert_is;
use resound_testing::cases::book;
use resound_testing::{Aws, call, start, vars};
use serde_json::{Value, json};

/// The key every command of these tests may use.
pub(crate) const KEY: &str = "0123456789abcdef";

pub(crate) struct Desk {
    pub(crate) aws: Aws,
    pub(crate) function: BoxedFunction,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    /// `null` if it was empty.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn etag(&self) -> &str {
        self.headers["etag"].as_str().unwrap_or_default()
    }

    /// The fields at fault with their codes.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|e| (text(&e["field"]), text(&e["code"])))
            .collect()
    }
}

/// A request: a recorded event, changed.
#[derive(Debug, Clone)]
pub(crate) struct Request(Value);

impl Request {
    pub(crate) fn list(query: &str) -> Self {
        let mut event: Value =
            serde_json::from_str(include_str!("../../events/list.json")).unwrap();
        event["rawQueryString"] = query.into();
        Self(event)
    }

    pub(crate) fn show(id: impl ToString) -> Self {
        let mut event: Value =
            serde_json::from_str(include_str!("../../events/show.json")).unwrap();
        event["pathParameters"]["id"] = id.to_string().into();
        Self(event)
    }

    pub(crate) fn statistics(query: &str) -> Self {
        let mut request = Self::list(query).scopes("resound/reports.read");
        request.0["routeKey"] = "GET /v1/statistics/cases".into();
        request
    }

    pub(crate) fn kpi(query: &str) -> Self {
        let mut request = Self::statistics(query);
        request.0["routeKey"] = "GET /v1/kpi".into();
        request
    }

    /// A request to another route, by a lead.
    pub(crate) fn route(key: &str) -> Self {
        let mut request = Self::list("").scopes("resound/cases.manage");
        request.0["routeKey"] = key.into();
        request
    }

    pub(crate) fn command(id: impl ToString, body: Value) -> Self {
        Self::command_of_text(id, &body.to_string())
    }

    pub(crate) fn command_of_text(id: impl ToString, body: &str) -> Self {
        let mut event: Value =
            serde_json::from_str(include_str!("../../events/command.json")).unwrap();
        event["pathParameters"]["id"] = id.to_string().into();
        event["body"] = body.into();
        // The gateway names every request.
        let nth = REQUESTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        event["requestContext"]["requestId"] = format!("request-{nth}=").into();
        Self(event)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.0["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        self
    }

    pub(crate) fn sub(mut self, sub: &str) -> Self {
        self.0["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = sub.into();
        self
    }

    /// With these scopes and no others.
    pub(crate) fn scopes(mut self, scopes: &str) -> Self {
        let jwt = &mut self.0["requestContext"]["authorizer"]["jwt"];
        jwt["claims"]["scope"] = scopes.into();
        jwt["scopes"] = Value::Null;
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.0["headers"]["content-type"] = "application/json".into();
        self.0["body"] = body.into();
        self
    }

    pub(crate) fn nobody(mut self) -> Self {
        self.0["requestContext"]["authorizer"] = Value::Null;
        self
    }
}

static REQUESTS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

impl Desk {
    pub(crate) async fn new() -> Self {
        let aws = Aws::start().await;
        let function = function(&aws.clients);
        Self { aws, function }
    }

    /// The same desk with other clients of the same table.
    pub(crate) fn over(self, clients: &Clients) -> Self {
        Self {
            function: function(clients),
            ..self
        }
    }

    /// Sends a request. The answer is as the description of the API says.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        Self::answer(&call(&self.function, request.0, start()).await)
    }

    /// The same where the platform stops the function after so many seconds.
    pub(crate) async fn send_within(&self, seconds: i64, request: Request) -> Answer {
        let mut invocation = Invocation::at("test-invocation", start());
        invocation.deadline = Some(start() + SignedDuration::from_secs(seconds));
        Self::answer(&self.function.call(request.0, &invocation).await.unwrap())
    }

    fn answer(output: &Value) -> Answer {
        let text = output["body"].as_str().unwrap();
        let body = match text {
            "" => Value::Null,
            text if text.starts_with(['\u{feff}', '<']) => text.into(),
            text => serde_json::from_str(text).unwrap(),
        };
        let status = output["statusCode"].as_u64().unwrap();
        match (status, body.get("cases")) {
            (200, Some(cases)) => {
                for case in cases.as_array().unwrap() {
                    assert_is("CaseSummary", case);
                }
            }
            (200, None) if body.is_string() => {}
            (200, None) if body.get("kpis").is_some() => assert_is("KpiReport", &body),
            (200, None) if body.get("rows").is_some() => assert_is("CaseStatistics", &body),
            (200, None) if body.get("events").is_some() => assert_is("StuckEvents", &body),
            (200, None) if body.get("resumed").is_some() => {}
            (200, None) if body.get("suppressions").is_some() => assert_is("Suppressions", &body),
            (200, None) => assert_is("Case", &body),
            (304, _) => assert_eq!(body, Value::Null),
            _ => assert_is("Problem", &body),
        }
        Answer {
            status,
            headers: output["headers"].clone(),
            body,
        }
    }

    /// Sends a command that must succeed.
    pub(crate) async fn done(&self, id: CaseId, body: Value) -> Answer {
        let answer = self.send(Request::command(id, body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    pub(crate) async fn shown(&self, id: CaseId, at: Timestamp) -> Answer {
        self.send(Request::show(id).at(at)).await
    }

    /// A case that a customer opened at the start.
    pub(crate) async fn opened(&self, bits: u128, priority: Priority) -> CaseId {
        let response = response(bits);
        self.accepted(&response, priority).await
    }

    pub(crate) async fn accepted(&self, response: &Response, priority: Priority) -> CaseId {
        self.accepted_by(response, priority, &book()).await
    }

    /// A case under these rules.
    pub(crate) async fn accepted_by(
        &self,
        response: &Response,
        priority: Priority,
        book: &Book,
    ) -> CaseId {
        let event = Case::open(
            response.id.case(),
            response.received_at,
            priority,
            Origin::of(&response.submission, &response.triage),
            book,
        );
        let case = Case::begin(&event).unwrap();
        let accepted = self
            .aws
            .store
            .accept(response, &Digest([7; 32]), Some((&case, &event)), start())
            .await;
        assert_eq!(accepted.unwrap(), Accepted::New);
        case.id()
    }

    /// Resolves a case whose customer cannot be told by anything that is sent: a person is to tell them.
    pub(crate) async fn untold(&self, id: CaseId) {
        self.done(id, json!({"command": "resolve", "message": "已为您换新。"}))
            .await;
        let before = self.aws.store.case(id).await.unwrap().unwrap();
        let events = before.doubt(2, Doubt::Refused, after(5), &book());
        let owed = Owed {
            seq: 2,
            effect: Effect::CustomerNotice,
        };
        let doubted = applied(&before, &events);
        let store = &self.aws.store;
        let appended = store.append_doubt(&before, &doubted, &events, None, owed, start());
        assert_eq!(appended.await.unwrap(), Doubted::Recorded);
    }

    /// Asks a person to tell the customer of an event.
    pub(crate) async fn asked(&self, id: CaseId, cause: u32) {
        let before = self.aws.store.case(id).await.unwrap().unwrap();
        let events = before.ask(cause, before.last_event_at(), &book());
        let after = applied(&before, &events);
        let store = &self.aws.store;
        let asked = store.append(&before, &after, &events, None, None, start());
        assert_eq!(asked.await.unwrap(), Appended::Appended);
    }

    /// What the sweep does.
    pub(crate) async fn sweep(&self, id: CaseId, now: Timestamp) {
        let before = self.aws.store.case(id).await.unwrap().unwrap();
        let events = before.expire(now, &book());
        let after = applied(&before, &events);
        let swept = self
            .aws
            .store
            .append(&before, &after, &events, None, None, start())
            .await;
        assert_eq!(swept.unwrap(), Appended::Appended);
    }
}

fn function(clients: &Clients) -> BoxedFunction {
    let config = vars(&[]).read(Config::read).unwrap();
    App::new(config, clients).erase()
}

fn applied(case: &Case, events: &[Event]) -> Case {
    let mut after = case.clone();
    for event in events {
        after.apply(event);
    }
    after
}

pub(crate) fn response(bits: u128) -> Response {
    let submission = serde_json::from_value(json!({
        "form": "default",
        "text": "物流太慢，请打 13800138000 给我，或写信到 zhang.san@example.com",
        "nps": 2,
        "channel": "web",
        "product": "Kettle",
        "order_id": "A-1",
        "contact": {"email": "zhang.san@example.com", "phone": "13800138000", "name": "张三"},
        "tier": "gold",
        "locale": "zh-CN",
        "consent": true,
    }));
    let submission = submission.unwrap();
    Response {
        id: ResponseId::from_bits(bits),
        received_at: start(),
        day: jiff::civil::date(2026, 11, 2),
        triage: triage(&Input::from(&submission)),
        submission,
        trace_id: None,
        amended: None,
        promise: None,
    }
}

pub(crate) fn after(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(field, code)| ((*field).to_owned(), (*code).to_owned()))
        .collect()
}
