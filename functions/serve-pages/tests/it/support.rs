//! A table in process, the function over it, and feedback to show.

use jiff::{SignedDuration, Timestamp};
use resound_domain::book::Book;
use resound_domain::calendar::Calendars;
use resound_domain::case::{Case, Command};
use resound_domain::event::{Actor, Direction};
use resound_domain::id::ResponseId;
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::{Promise, Response};
use resound_domain::submission::Submission;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::http::HttpResponse;
use resound_lambda_kit::receipt::SigningKeys;
use resound_lambda_kit::{BoxedFunction, Function, Invocation};
use resound_store::{Accepted, Appended, Digest, Message, Store, schema};
use serde_json::{Value, json};
use serve_pages::{App, Config};

const TABLE: &str = "resound";
const KEYS: &str = "1=a-secret-for-these-tests";

/// The function over an empty table.
pub(crate) struct World {
    pub(crate) store: Store,
    function: BoxedFunction,
}

impl World {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(dynoxide::server::serve_on(
            listener,
            dynoxide::Database::memory().unwrap(),
        ));
        let clients = Clients::new(&Settings::emulator(format!("http://{address}")));
        schema::create_table(&clients.dynamodb, TABLE)
            .await
            .unwrap();
        let config = Vars::from_pairs([
            ("TABLE_NAME", TABLE),
            ("PUBLIC_URL", "https://feedback.example"),
            ("SIGNING_KEYS", KEYS),
            ("TIME_ZONE", "Asia/Shanghai"),
        ])
        .read(Config::read)
        .unwrap();
        Self {
            store: Store::new(clients.dynamodb.clone(), TABLE),
            function: App::new(config, &clients).erase(),
        }
    }

    pub(crate) async fn call(&self, event: Event) -> HttpResponse {
        let answer = self
            .function
            .call(event.0, &Invocation::begin("invocation"))
            .await
            .unwrap();
        serde_json::from_value(answer).unwrap()
    }

    /// Keeps a response that opened no case.
    pub(crate) async fn respond(&self, submission: Value) -> Response {
        let response = response(submission, None);
        let accepted = self
            .store
            .accept(&response, &Digest([7; 32]), None, t0())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::New);
        response
    }

    /// Keeps a response that opened a case.
    pub(crate) async fn open(&self, submission: Value, priority: Priority) -> (Response, Case) {
        let mut response = response(submission, None);
        let event = Case::open(
            response.id.case(),
            t0(),
            priority,
            Origin::of(&response.submission, &response.triage),
            &book(),
        );
        let case = Case::begin(&event).unwrap();
        response.promise = case.clocks().promise();
        let accepted = self
            .store
            .accept(&response, &Digest([7; 32]), Some((&case, &event)), t0())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::New);
        (response, case)
    }

    /// The case after a command some hours after it was opened.
    pub(crate) async fn command(
        &self,
        case: &Case,
        command: Command,
        words: Option<&str>,
        hours: i64,
    ) -> Case {
        let by = Actor::Staff("ann".to_owned());
        let events = case.handle(&command, by, after(hours), &book()).unwrap();
        let mut commanded = case.clone();
        for event in &events {
            commanded.apply(event);
        }
        let message = words.map(|text| Message {
            seq: commanded.version(),
            text: text.to_owned(),
            direction: Direction::ToCustomer,
        });
        let appended = self
            .store
            .append(case, &commanded, &events, message.as_ref(), None, t0())
            .await
            .unwrap();
        assert_eq!(appended, Appended::Appended);
        commanded
    }
}

/// Business time at which everything begins, that of the recorded events.
pub(crate) fn t0() -> Timestamp {
    "2026-11-21T06:05:00.5Z".parse().unwrap()
}

pub(crate) fn after(hours: i64) -> Timestamp {
    t0() + SignedDuration::from_hours(hours)
}

fn book() -> Book {
    Book::built_in(Calendars::office_hours("Asia/Shanghai").unwrap())
}

fn response(fields: Value, promise: Option<Promise>) -> Response {
    let mut whole = json!({"form": "default", "channel": "web", "locale": "zh-CN"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let submission: Submission = serde_json::from_value(whole).unwrap();
    Response {
        id: ResponseId::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        received_at: t0(),
        day: jiff::civil::date(2026, 11, 21),
        triage: triage(&Input::from(&submission)),
        submission,
        promise,
        trace_id: None,
        amended: None,
    }
}

pub(crate) fn token(response: &Response) -> String {
    KEYS.parse::<SigningKeys>()
        .unwrap()
        .issue_receipt(response.id)
}

/// A recorded event, made to ask for something else.
#[derive(Clone)]
pub(crate) struct Event(Value);

impl Event {
    pub(crate) fn home() -> Self {
        Self::parse(include_str!("../../events/home.json"))
    }

    pub(crate) fn form() -> Self {
        Self::parse(include_str!("../../events/form.json"))
    }

    pub(crate) fn openapi() -> Self {
        Self::parse(include_str!("../../events/openapi.json"))
    }

    pub(crate) fn receipt_browser(token: &str) -> Self {
        Self::parse(include_str!("../../events/receipt-browser.json")).param("token", token)
    }

    pub(crate) fn receipt_program(token: &str) -> Self {
        Self::parse(include_str!("../../events/receipt-program.json")).param("token", token)
    }

    fn parse(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    pub(crate) fn param(mut self, name: &str, value: &str) -> Self {
        self.0["pathParameters"][name] = value.into();
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.0["rawQueryString"] = query.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        self.0["requestContext"]["requestId"] = id.into();
        self
    }

    pub(crate) fn route(mut self, route: &str) -> Self {
        self.0["routeKey"] = route.into();
        self
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.0["requestContext"]["timeEpoch"] = at.as_millisecond().into();
        self
    }
}
