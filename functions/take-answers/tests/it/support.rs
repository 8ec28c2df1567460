//! A function over a table of its own, and the requests it is sent.

use jiff::{SignedDuration, Timestamp};
use resound_domain::case::{Case, Command};
use resound_domain::id::ImprovementId;
use resound_domain::policy::Priority;
use resound_lambda_kit::receipt::SigningKeys;
use resound_lambda_kit::{BoxedFunction, Function};
use resound_store::History;
use resound_testing::api::assert_is;
use resound_testing::{Aws, SIGNING_KEYS, call, start, vars};
use serde_json::{Value, json};
use take_answers::{App, Config};

pub(crate) struct Desk {
    pub(crate) aws: Aws,
    function: BoxedFunction,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    /// The text, if it is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    /// The fields at fault with their codes.
    pub(crate) fn faults(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        errors
            .iter()
            .map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap()))
            .collect()
    }
}

/// A request: a recorded event, changed.
#[derive(Debug, Clone)]
pub(crate) struct Request(Value);

impl Request {
    fn parse(event: &str, case: &Case) -> Self {
        let keys: SigningKeys = SIGNING_KEYS.parse().unwrap();
        let token = keys.issue_receipt(case.id().response());
        Self(serde_json::from_str(&event.replace("TOKEN", &token)).unwrap())
    }

    /// A word about a beta, of a program.
    pub(crate) fn say(case: &Case, improvement: ImprovementId, word: &str) -> Self {
        let event = include_str!("../../events/beta-program.json");
        let event = event.replace("IMPROVEMENT", &improvement.to_string());
        Self::parse(&event, case).body(&json!({"says": word}).to_string())
    }

    /// The same by a button of its page.
    pub(crate) fn press(case: &Case, improvement: ImprovementId, word: &str) -> Self {
        let event = include_str!("../../events/beta-browser.json");
        let event = event.replace("IMPROVEMENT", &improvement.to_string());
        Self::parse(&event, case).body(&format!("says={word}"))
    }

    /// The page of a beta, followed by a browser.
    pub(crate) fn follow(case: &Case, improvement: ImprovementId) -> Self {
        let event = include_str!("../../events/beta-page.json");
        Self::parse(
            &event.replace("IMPROVEMENT", &improvement.to_string()),
            case,
        )
    }

    /// An answer of a program.
    pub(crate) fn answer(case: &Case, body: &Value) -> Self {
        Self::parse(include_str!("../../events/helped-program.json"), case).body(&body.to_string())
    }

    /// A click on the status page.
    pub(crate) fn click(case: &Case, body: &str) -> Self {
        Self::parse(include_str!("../../events/helped-browser.json"), case).body(body)
    }

    /// A message of a program.
    pub(crate) fn message(case: &Case, text: &str) -> Self {
        let body = json!({"text": text});
        Self::parse(include_str!("../../events/message-program.json"), case).body(&body.to_string())
    }

    /// A message from the status page, with the key of the page.
    pub(crate) fn write(case: &Case, body: &str) -> Self {
        Self::parse(include_str!("../../events/message-browser.json"), case).body(body)
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.0["body"] = body.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    pub(crate) fn token(mut self, token: &str) -> Self {
        self.0["pathParameters"]["token"] = token.into();
        self
    }

    /// The gateway names every request.
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.0["requestContext"]["requestId"] = id.into();
        self
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.0["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        self
    }
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let aws = Aws::start().await;
        let config = vars(&[]).read(Config::read).unwrap();
        let function = App::new(config, &aws.clients).erase();
        Self { aws, function }
    }

    /// A case that was resolved after some hours; the outcome is event 2.
    pub(crate) async fn resolved(&self) -> Case {
        let case = self.aws.opened(1, Priority::P2).await;
        self.aws.commanded(&case, Command::Resolve, after(1)).await
    }

    /// Sends a request. A problem is as the description of the API says.
    pub(crate) async fn ask(&self, request: Request) -> Answer {
        let answer = call(&self.function, request.0, start()).await;
        let body = answer["body"].as_str().unwrap_or_default();
        let body = serde_json::from_str(body).unwrap_or_else(|_| body.into());
        let answer = Answer {
            status: answer["statusCode"].as_u64().unwrap(),
            headers: answer["headers"].clone(),
            body,
        };
        if answer.status >= 400 && answer.body.is_object() {
            assert_is("Problem", &answer.body);
        }
        if answer.status == 200 && answer.body.is_object() {
            let schema = match answer.body.get("improvement") {
                Some(_) => "TesterStanding",
                None => "Heard",
            };
            assert_is(schema, &answer.body);
        }
        answer
    }

    pub(crate) async fn history(&self, case: &Case) -> History {
        self.aws.store.history(case.id()).await.unwrap().unwrap()
    }

    /// What happened to a case, and who did it.
    pub(crate) async fn log(&self, case: &Case) -> Vec<&'static str> {
        let events = self.history(case).await.events;
        events.iter().map(|s| s.event.kind.name()).collect()
    }
}

pub(crate) fn after(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}
