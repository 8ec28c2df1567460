//! An empty table in process, and things to put into it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use jiff::{SignedDuration, Timestamp};
use resound_domain::book::Book;
use resound_domain::calendar::Calendars;
use resound_domain::case::{Case, Command};
use resound_domain::contact::ByHand;
use resound_domain::event::{Actor, Event};
use resound_domain::id::ResponseId;
use resound_domain::issue::Note;
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::submission::{Channel, Submission};
use resound_domain::trace::TraceId;
use resound_domain::triage::{Input, triage};
use resound_store::{Accepted, Appended, Counting, Digest, Key, Store, schema};

pub(crate) const TABLE: &str = "resound";

/// The start of business time in these tests: a Saturday morning in Shanghai.
pub(crate) const T0: &str = "2026-11-21T02:00:00.5Z";

/// A table of its own for each test. The client is for planting and looking; what is tested goes through the store.
pub(crate) struct Table {
    pub(crate) store: Store,
    pub(crate) client: Client,
    losing: Losing,
}

/// A connection that loses answers when it is asked to: the request was carried out.
#[derive(Debug, Clone)]
struct Losing {
    inner: SharedHttpClient,
    shared: Arc<Mutex<(Option<&'static str>, usize)>>,
}

impl HttpClient for Losing {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(LosingConnector {
            inner: self.inner.http_connector(settings, components),
            shared: Arc::clone(&self.shared),
        })
    }
}

#[derive(Debug)]
struct LosingConnector {
    inner: SharedHttpConnector,
    shared: Arc<Mutex<(Option<&'static str>, usize)>>,
}

impl HttpConnector for LosingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let mut shared = self.shared.lock().unwrap();
        let lost = shared.0.take_if(|name| target.ends_with(*name)).is_some();
        shared.1 += usize::from(lost);
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            match lost {
                true => Err(ConnectorError::io("the connection was reset".into())),
                false => Ok(answer),
            }
        })
    }
}

impl Table {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(dynoxide::server::serve_on(
            listener,
            dynoxide::Database::memory().unwrap(),
        ));
        let losing = Losing {
            inner: aws_smithy_http_client::Builder::new().build_http(),
            shared: Arc::default(),
        };
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys("test", "test", None))
            .endpoint_url(format!("http://{address}"))
            .http_client(losing.clone())
            .build();
        let client = Client::from_conf(config);
        schema::create_table(&client, TABLE).await.unwrap();
        Self {
            store: Store::new(client.clone(), TABLE),
            client,
            losing,
        }
    }

    /// Loses the answer to the next request of this name.
    pub(crate) fn lose_answer_of(&self, request: &'static str) {
        self.losing.shared.lock().unwrap().0 = Some(request);
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.losing.shared.lock().unwrap().1
    }

    /// The item under a key, as it is.
    pub(crate) async fn raw(&self, key: &Key) -> Option<HashMap<String, AttributeValue>> {
        let raw = key.encode();
        let answer = self
            .client
            .get_item()
            .table_name(TABLE)
            .key("PK", AttributeValue::S(raw.pk))
            .key("SK", AttributeValue::S(raw.sk))
            .send()
            .await
            .unwrap();
        answer.item
    }

    /// Every item of a partition.
    pub(crate) async fn partition(&self, pk: &str) -> Vec<HashMap<String, AttributeValue>> {
        let answer = self
            .client
            .query()
            .table_name(TABLE)
            .key_condition_expression("PK = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .send()
            .await
            .unwrap();
        answer.items.unwrap()
    }

    /// Puts an item as it is: what a bug or a newer version may have left.
    #[expect(
        clippy::disallowed_methods,
        reason = "the table must hold what the store would never write"
    )]
    pub(crate) async fn plant(&self, item: HashMap<String, AttributeValue>) {
        self.client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item))
            .send()
            .await
            .unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "stands for an erasure")]
    pub(crate) async fn remove(&self, key: &Key) {
        let raw = key.encode();
        self.client
            .delete_item()
            .table_name(TABLE)
            .key("PK", AttributeValue::S(raw.pk))
            .key("SK", AttributeValue::S(raw.sk))
            .send()
            .await
            .unwrap();
    }

    /// A case that is open in the table.
    pub(crate) async fn opened(&self, bits: u128, priority: Priority) -> Case {
        let response = response(bits);
        let (case, event) = case(&response, priority);
        let accepted = self
            .store
            .accept(&response, &DIGEST, Some((&case, &event)), now())
            .await
            .unwrap();
        assert_eq!(accepted, Accepted::New);
        case
    }

    /// The case after a command, in the table as well.
    pub(crate) async fn commanded(&self, case: &Case, command: Command) -> Case {
        let (after, events) = commanded(case, &command, case.last_event_at());
        let appended = self
            .store
            .append(case, &after, &events, None, None, now())
            .await
            .unwrap();
        assert_eq!(appended, Appended::Appended);
        after
    }
}

pub(crate) const DIGEST: Digest = Digest([7; 32]);

/// Machine time; no test depends on how it relates to business time.
pub(crate) fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

/// A run that counts days of which nothing is marked.
pub(crate) fn counting() -> Counting<'static> {
    Counting {
        zone: "Asia/Shanghai",
        as_of: t0(),
        marked: BTreeSet::new(),
    }
}

pub(crate) fn t0() -> Timestamp {
    T0.parse().unwrap()
}

pub(crate) fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

pub(crate) fn staff() -> Actor {
    Actor::Staff("ann".to_owned())
}

pub(crate) fn calendars() -> Calendars {
    Calendars::office_hours("Asia/Shanghai").unwrap()
}

pub(crate) fn book() -> Book {
    Book::built_in(calendars())
}

pub(crate) fn submission(json: serde_json::Value) -> Submission {
    let mut whole = serde_json::json!({"form": "default", "channel": "web", "locale": "zh-CN"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(json.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

pub(crate) fn response(bits: u128) -> Response {
    response_of(bits, serde_json::json!({"text": "物流太慢", "nps": 2}))
}

pub(crate) fn response_of(bits: u128, json: serde_json::Value) -> Response {
    let submission = submission(json);
    Response {
        id: ResponseId::from_bits(bits),
        received_at: t0(),
        day: jiff::civil::date(2026, 11, 21),
        triage: triage(&Input::from(&submission)),
        submission,
        trace_id: Some(TraceId::new(0x6a1f_9b4c, bits)),
        amended: None,
        promise: None,
    }
}

pub(crate) fn case(response: &Response, priority: Priority) -> (Case, Event) {
    let event = Case::open(
        response.id.case(),
        t0(),
        priority,
        Origin::by(Channel::Web),
        &book(),
    );
    let trace_id = response.trace_id;
    let event = Event { trace_id, ..event };
    (Case::begin(&event).unwrap(), event)
}

pub(crate) fn applied(case: &Case, events: &[Event]) -> Case {
    let mut after = case.clone();
    for event in events {
        after.apply(event);
    }
    after
}

pub(crate) fn commanded(case: &Case, command: &Command, at: Timestamp) -> (Case, Vec<Event>) {
    let events = case.handle(command, staff(), at, &book()).unwrap();
    (applied(case, &events), events)
}

pub(crate) fn expired(case: &Case, at: Timestamp) -> (Case, Vec<Event>) {
    let events = case.expire(at, &book());
    (applied(case, &events), events)
}

/// What ann does then.
pub(crate) fn by_ann(at: Timestamp) -> ByHand {
    ByHand {
        at,
        by: "ann".to_owned(),
        why: Note::new("They say that it works again.").unwrap(),
    }
}
