//! The function as the gateway calls it: recorded events in, responses and table out.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use proptest::prelude::*;
use resound_domain::assignment::Assignment;
use resound_domain::case::{Case, State};
use resound_domain::form::{Form, FormId, Forms};
use resound_domain::id::ResponseId;
use resound_domain::language::Language;
use resound_domain::locale::Locale;
use resound_domain::policy::Priority;
use resound_domain::trace::TraceId;
use resound_lambda_kit::http::HttpResponse;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{BoxedFunction, Function, Invocation};
use resound_store::{CaseFilter, ConfigKind, Lookup, Published};
use resound_testing::api::assert_is;
use resound_testing::{Aws, call, start, vars};
use serde_json::{Value, json};
use submit_feedback::{App, Config};

struct World {
    aws: Aws,
    function: BoxedFunction,
}

impl World {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let config = vars(&[("ALLOWED_ORIGINS", "https://shop.example")])
            .read(Config::read)
            .unwrap();
        let function = App::new(config, &aws.clients).erase();
        Self { aws, function }
    }

    async fn send(&self, event: Value) -> HttpResponse {
        serde_json::from_value(call(&self.function, event, start()).await).unwrap()
    }

    async fn post(&self, body: Value) -> HttpResponse {
        self.send(with_body(&body.to_string())).await
    }

    async fn kept(&self, response: &HttpResponse) -> resound_domain::response::Response {
        match self.aws.store.response(id(response)).await.unwrap() {
            Lookup::Found(response) => *response,
            other => panic!("{other:?}"),
        }
    }
}

fn event(name: &str) -> Value {
    let text = match name {
        "json" => include_str!("../events/json.json"),
        "browser" => include_str!("../events/browser.json"),
        "multipart" => include_str!("../events/multipart.json"),
        _ => include_str!("../events/preflight.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// A JSON post of its own request, without a key.
fn with_body(body: &str) -> Value {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    let mut event = event("json");
    let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
    event["requestContext"]["requestId"] = format!("request-{request}").into();
    event["headers"]
        .as_object_mut()
        .unwrap()
        .remove("idempotency-key");
    event["body"] = body.into();
    event
}

fn body(response: &HttpResponse) -> Value {
    serde_json::from_str(&response.body).unwrap_or_else(|_| panic!("no JSON: {}", response.body))
}

fn id(response: &HttpResponse) -> ResponseId {
    body(response)["id"].as_str().unwrap().parse().unwrap()
}

/// The fields at fault, with their codes.
fn faults(response: &HttpResponse) -> Vec<String> {
    assert_eq!(response.headers["content-type"], "application/problem+json");
    let body = body(response);
    let errors = body["errors"].as_array().unwrap().iter();
    errors
        .map(|e| {
            format!(
                "{} {}",
                e["field"].as_str().unwrap(),
                e["code"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn a_complaint_is_promised_times_and_opens_a_case() {
    let world = World::new().await;
    let response = world.send(event("json")).await;
    assert_eq!(response.status, 201);
    let receipt = body(&response);
    insta::assert_json_snapshot!(receipt, @r#"
    {
      "id": "47MYH50DSNGM3XTAAARF3M18PK",
      "reference": "R-AARF3-M18PK",
      "resolve_by": "2026-11-04T02:00:00Z",
      "respond_by": "2026-11-02T06:00:00Z",
      "status_url": "https://feedback.example.test/v1/receipts/47MYH50DSNGM3XTAAARF3M18PK.1.SDKq1iTQtwjElKR9sREUDA"
    }
    "#);
    let case = world
        .aws
        .store
        .case(id(&response).case())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((case.state(), case.priority()), (State::Open, Priority::P2));
    assert_eq!(
        receipt["respond_by"], "2026-11-02T06:00:00Z",
        "four hours, around the clock"
    );
}

#[tokio::test]
async fn praise_needs_no_answer_and_is_one_item() {
    let world = World::new().await;
    let response = world
        .post(json!({"text": "Great service, thank you!", "nps": 10}))
        .await;
    assert_eq!(response.status, 201);
    assert_eq!(body(&response)["respond_by"], Value::Null);
    assert_eq!(
        world.aws.store.case(id(&response).case()).await.unwrap(),
        None
    );
    assert_eq!(
        world.kept(&response).await.submission.nps.unwrap().get(),
        10
    );
}

#[tokio::test]
async fn the_trace_of_the_request_is_kept_with_response_case_and_event() {
    let world = World::new().await;
    let trace = |header: &str| {
        let mut event = with_body(&json!({"nps": 2}).to_string());
        event["headers"]["x-amzn-trace-id"] = header.into();
        event
    };
    let traced = world.send(trace("Root=1-6a1f9b4c-00000000000000000000000a;Sampled=0"));
    let traced = traced.await;
    let expected = Some(TraceId::new(0x6a1f_9b4c, 10));
    assert_eq!(world.kept(&traced).await.trace_id, expected);
    let history = world.aws.store.history(id(&traced).case()).await;
    let history = history.unwrap().unwrap();
    assert_eq!(history.case.trace_id(), expected);
    assert_eq!(history.events[0].event.trace_id, expected);

    // What is no id is none: the invocation of this test has none either.
    let hostile = world.send(trace("Root=1-6a1f9b4c-<script>")).await;
    assert_eq!(hostile.status, 201);
    assert_eq!(world.kept(&hostile).await.trace_id, None);
}

#[tokio::test]
async fn a_request_without_a_trace_has_that_of_its_invocation() {
    let world = World::new().await;
    let mut invocation = Invocation::at("traced", start());
    invocation.trace = Some(TraceId::new(1, 2));
    let mut event = with_body(&json!({"nps": 10}).to_string());
    event["headers"]
        .as_object_mut()
        .unwrap()
        .remove("x-amzn-trace-id");
    let response = world.function.call(event, &invocation).await.unwrap();
    let response = serde_json::from_value(response).unwrap();
    assert_eq!(world.kept(&response).await.trace_id, invocation.trace);
}

#[tokio::test]
async fn what_was_accepted_is_counted() {
    let world = World::new().await;
    let invalid = with_body("{}");
    let praise = with_body(&json!({"nps": 10}).to_string());
    for (event, accepted, opened, replayed) in [
        (event("json"), 1, 1, 0),
        (event("json"), 0, 0, 1),
        (praise, 1, 0, 0),
        (invalid, 0, 0, 0),
    ] {
        let invocation = Invocation::at("counted", start());
        world.function.call(event, &invocation).await.unwrap();
        let counted = [
            Counter::FeedbackAccepted,
            Counter::CasesOpened,
            Counter::FeedbackReplayed,
        ]
        .map(|counter| invocation.metrics.counted(counter));
        assert_eq!(counted, [accepted, opened, replayed]);
    }
}

#[tokio::test]
async fn a_browser_is_sent_to_its_status_page() {
    let world = World::new().await;
    let response = world.send(event("browser")).await;
    assert_eq!(response.status, 303);
    assert!(
        response.headers["location"].starts_with("/v1/receipts/"),
        "{response:?}"
    );
    let again = world.send(event("browser")).await;
    assert_eq!(again, response, "pressing send twice sends once");
}

#[tokio::test]
async fn a_multipart_form_is_read() {
    let world = World::new().await;
    let response = world.send(event("multipart")).await;
    assert_eq!(response.status, 201);
    let kept = world.kept(&response).await;
    assert_eq!(
        kept.submission.text.as_deref(),
        Some("How do I change my delivery address?")
    );
    assert_eq!(
        kept.submission.contact.email.as_deref(),
        Some("ann@example.test")
    );
    assert!(kept.promise.is_some(), "a question is answered");
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_other_content_a_conflict() {
    let world = World::new().await;
    let first = world.send(event("json")).await;
    let mut later = event("json");
    later["requestContext"]["requestId"] = "another".into();
    later["requestContext"]["timeEpoch"] = 1_793_600_000_000_i64.into();
    assert_eq!(world.send(later.clone()).await, first);

    later["body"] = json!({"text": "Something else"}).to_string().into();
    let other = world.send(later.clone()).await;
    assert_eq!(other.status, 409);
    assert_eq!(other.headers["content-type"], "application/problem+json");

    later["headers"]["accept"] = "text/html".into();
    let page = world.send(later).await;
    assert_eq!(page.status, 409);
    assert!(
        page.body.contains("Something else"),
        "the text is offered again"
    );
    assert!(
        !page.body.contains("order-2026-11-02-0001"),
        "under a new key"
    );
}

#[tokio::test]
async fn the_language_of_the_answer_is_kept_and_is_no_part_of_what_was_sent() {
    let world = World::new().await;
    let mut first = event("json");
    let mut sent: Value = serde_json::from_str(first["body"].as_str().unwrap()).unwrap();
    sent.as_object_mut().unwrap().remove("locale");
    first["body"] = sent.to_string().into();
    first["headers"]["accept-language"] = "zh-Hant-HK,zh;q=0.9".into();
    let accepted = world.send(first.clone()).await;
    assert_eq!(accepted.status, 201);
    let Lookup::Found(kept) = world.aws.store.response(id(&accepted)).await.unwrap() else {
        panic!("it is not there");
    };
    assert_eq!(kept.submission.language(), Language::ZhTw);
    assert_eq!(kept.submission.locale, Locale::ZhCn);
    // The same key from a browser that was set to the mainland in between.
    first["headers"]["accept-language"] = "zh-CN".into();
    let repeated = world.send(first).await;
    assert_eq!((repeated.status, id(&repeated)), (201, id(&accepted)));
}

#[tokio::test]
async fn without_a_key_two_requests_are_two_responses() {
    let world = World::new().await;
    let first = world.post(json!({"text": "The app crashes"})).await;
    let second = world.post(json!({"text": "The app crashes"})).await;
    assert_ne!(id(&first), id(&second));
}

#[tokio::test]
async fn every_fault_is_named_at_once_in_the_callers_language() {
    let world = World::new().await;
    let wrong = json!({
        "text": "x".repeat(10_001), "nps": 11, "csat": "six", "ces": 2.5, "channel": "pigeon",
        "contact": {"email": "a@b.example\r\nBcc: all@b.example", "phone": "?"}, "form": "no such", "tier": 1,
    });
    let mut event = with_body(&wrong.to_string());
    event["headers"]["accept-language"] = "zh-CN".into();
    event["headers"]["idempotency-key"] = "short".into();
    let response = world.send(event).await;
    assert_eq!(response.status, 422);
    insta::assert_json_snapshot!(faults(&response), @r#"
    [
      "form unknown-form",
      "text too-long",
      "nps off-scale",
      "csat off-scale",
      "ces off-scale",
      "channel unknown-value",
      "contact.email invalid-email",
      "contact.phone invalid-phone",
      "tier unknown-value",
      "idempotency_key invalid-key"
    ]
    "#);
    insta::assert_snapshot!(body(&response)["errors"][1]["message"].as_str().unwrap(), @"反馈内容过长：最多 10000 个字符，请缩短。");
    assert!(
        !response.body.contains("Bcc"),
        "what was sent is not echoed"
    );
}

#[tokio::test]
async fn a_person_gets_the_form_back_with_what_they_typed() {
    let world = World::new().await;
    let mut event = event("browser");
    event["isBase64Encoded"] = false.into();
    event["body"] = "text=It%20%3Cb%3Ebroke&nps=11&contact.email=nonsense".into();
    let response = world.send(event).await;
    assert_eq!(response.status, 422);
    assert!(response.headers["content-type"].starts_with("text/html"));
    assert!(
        response.body.contains("It &lt;b&gt;broke"),
        "{}",
        response.body
    );
    assert!(response.body.contains("nonsense"));
}

#[tokio::test]
async fn odd_input_is_answered() {
    let world = World::new().await;
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("\"text\"", 400),
        ("null", 400),
        (r#"{"text":"a","text":"b"}"#, 422),
        (r#"{"text":["a"]}"#, 422),
        (r#"{"text":""}"#, 422),
        (r#"{}"#, 422),
        (
            r#"{"text":"nul \u0000 inside, right to left \u202e and \ud83d\ude00"}"#,
            201,
        ),
        (r#"{"text":"lone surrogate \ud800"}"#, 400),
        (r#"{"nps":1e999}"#, 400),
        (r#"{"nps":-1}"#, 422),
        (r#"{"nps":"9"}"#, 201),
        (&deep, 413),
        (&deep[..200_000], 400),
    ] {
        let response = world.send(with_body(body)).await;
        assert_eq!(response.status, status, "{:.80}: {}", body, response.body);
    }
    for (header, value, status) in [
        ("content-type", "text/plain", 415),
        ("content-type", "application/json; charset=gbk", 415),
        ("content-type", "", 415),
        ("content-type", "multipart/form-data", 400),
        ("content-encoding", "gzip", 415),
        ("x-forwarded-proto", "\u{1}://", 201),
        ("accept-language", ";;;q=,zh;q=nan", 201),
    ] {
        let mut event = with_body(&json!({"text": "fine"}).to_string());
        event["headers"][header] = value.into();
        assert_eq!(world.send(event).await.status, status, "{header}: {value}");
    }
    let mut broken = with_body("%%%");
    broken["isBase64Encoded"] = true.into();
    assert_eq!(world.send(broken).await.status, 400);
}

#[tokio::test]
async fn origins_of_a_form_may_post_to_it() {
    let world = World::new().await;
    let allowed = world.send(event("preflight")).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(
        allowed.headers["access-control-allow-origin"],
        "https://shop.example"
    );
    let mut foreign = event("preflight");
    foreign["headers"]["origin"] = "https://evil.example".into();
    assert!(
        !world
            .send(foreign)
            .await
            .headers
            .contains_key("access-control-allow-origin")
    );

    let mut post = with_body(&json!({"nps": 9}).to_string());
    post["headers"]["origin"] = "https://shop.example".into();
    assert_eq!(
        world.send(post).await.headers["access-control-allow-origin"],
        "https://shop.example"
    );
    let mut wrong = with_body(&json!({"nps": 99}).to_string());
    wrong["headers"]["origin"] = "https://shop.example".into();
    let wrong = world.send(wrong).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(
        wrong.headers["access-control-allow-origin"], "https://shop.example",
        "the page may read its faults"
    );
}

#[tokio::test]
async fn a_published_form_has_its_own_zone_and_origins() {
    let world = World::new().await;
    let mut form = Form::new("kyoto".parse().unwrap());
    form.zone = Some("Pacific/Kiritimati".to_owned());
    form.allowed_origins = vec!["https://kyoto.example".to_owned()];
    let forms = Forms::new(vec![form]).unwrap();
    assert_eq!(
        world
            .aws
            .store
            .publish_config(ConfigKind::Form, 1, &forms)
            .await
            .unwrap(),
        Published::Published
    );

    let mut event = with_body(&json!({"form": "kyoto", "nps": 8}).to_string());
    event["headers"]["origin"] = "https://kyoto.example".into();
    event["requestContext"]["timeEpoch"] = 1_793_620_800_000_i64.into(); // 12:00Z is the next day at UTC+14
    let response = world.send(event).await;
    assert_eq!(response.status, 201, "{}", response.body);
    assert_eq!(
        response.headers["access-control-allow-origin"],
        "https://kyoto.example"
    );
    assert_eq!(
        world.kept(&response).await.day,
        jiff::civil::date(2026, 11, 3)
    );
}

#[tokio::test]
async fn the_default_form_has_a_zone_and_origins_as_published() {
    let world = World::new().await;
    let mut form = Form::new(FormId::default_form());
    form.zone = Some("Pacific/Kiritimati".to_owned());
    form.allowed_origins = vec!["https://own.example".to_owned()];
    let forms = Forms::new(vec![form]).unwrap();
    let published = world.aws.store.publish_config(ConfigKind::Form, 1, &forms);
    assert_eq!(published.await.unwrap(), Published::Published);

    for named in [json!({"nps": 8}), json!({"form": "default", "nps": 8})] {
        let mut event = with_body(&named.to_string());
        event["headers"]["origin"] = "https://own.example".into();
        event["requestContext"]["timeEpoch"] = 1_793_620_800_000_i64.into(); // 12:00Z is the next day at UTC+14
        let response = world.send(event).await;
        assert_eq!(
            response.headers["access-control-allow-origin"],
            "https://own.example"
        );
        let day = world.kept(&response).await.day;
        assert_eq!(day, jiff::civil::date(2026, 11, 3), "{named}");
    }
    let mut preflight = event("preflight");
    preflight["headers"]["origin"] = "https://own.example".into();
    let allowed = world.send(preflight).await;
    assert_eq!(
        allowed.headers["access-control-allow-origin"],
        "https://own.example"
    );
}

#[tokio::test]
async fn an_erased_response_is_gone() {
    let world = World::new().await;
    let first = world.send(event("json")).await;
    let _buried = world.aws.store.bury(id(&first), start()).await.unwrap();
    assert_eq!(world.send(event("json")).await.status, 410);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is sent is answered, and never with a fault of ours.
    #[test]
    fn nothing_sent_is_our_fault(body in ".{0,200}", kind in 0..4usize, base64: bool) {
        let kind = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a/b"][kind];
        let mut event = with_body(&body);
        event["headers"]["content-type"] = kind.into();
        event["isBase64Encoded"] = base64.into();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let response = runtime.block_on(async { World::new().await.send(event).await });
        prop_assert!(response.status < 500, "{:?}", response);
    }
}

async fn publish_assignment(world: &World, rules: Value) {
    let document = json!({"rules": rules});
    Assignment::read(&document).unwrap();
    let store = &world.aws.store;
    let published = store.publish_config(ConfigKind::Assignment, 1, &document);
    assert_eq!(published.await.unwrap(), Published::Published);
}

async fn owner(world: &World, response: &HttpResponse) -> Option<String> {
    let case = world.aws.store.history(id(response).case()).await;
    let history = case.unwrap().unwrap();
    let log = history.events.iter().map(|stored| &stored.event);
    assert_eq!(Case::replay(log).unwrap(), history.case);
    assert_eq!(history.events.len(), 1, "the opening carries the owner");
    history.case.owner().map(str::to_owned)
}

fn keyed(n: usize) -> Value {
    let mut event = with_body(&json!({"nps": 2, "text": "It broke."}).to_string());
    event["headers"]["idempotency-key"] = format!("a-key-of-its-own-{n}").into();
    event
}

/// How many of these cases each owner has.
async fn given(world: &World, responses: &[HttpResponse]) -> BTreeMap<String, u32> {
    let mut given = BTreeMap::new();
    for response in responses {
        *given
            .entry(owner(world, response).await.unwrap())
            .or_default() += 1;
    }
    given
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_go_round_however_many_come_together() {
    let world = World::new().await;
    let agents = ["ann", "bo", "cy"];
    publish_assignment(&world, json!([{"name": "all", "agents": agents}])).await;
    let responses = join_all((0..40).map(|n| world.send(keyed(n)))).await;
    let given = given(&world, &responses).await;
    let counts: Vec<_> = given.values().copied().collect();
    assert_eq!((given.len(), counts.iter().sum::<u32>()), (3, 40));
    assert!(counts.iter().all(|n| (13..=14).contains(n)), "{given:?}");

    let filter = CaseFilter {
        owner: Some("ann".to_owned()),
        ..CaseFilter::default()
    };
    let listed = world.aws.store.cases(&filter, None, 100).await.unwrap();
    assert_eq!(u32::try_from(listed.cases.len()).unwrap(), given["ann"]);
}

#[tokio::test]
async fn what_is_sent_again_takes_no_turn() {
    let world = World::new().await;
    publish_assignment(&world, json!([{"name": "all", "agents": ["ann", "bo"]}])).await;
    let mut responses = Vec::new();
    for n in 0..10 {
        // If the second took a turn, everything would be Ann's.
        let (first, again) = (world.send(keyed(n)).await, world.send(keyed(n)).await);
        assert_eq!(id(&again), id(&first));
        responses.push(first);
    }
    let given = given(&world, &responses).await;
    assert_eq!((given["ann"], given["bo"]), (5, 5));
}

#[tokio::test]
async fn the_rule_that_matches_says_who_gets_a_case() {
    let world = World::new().await;
    let complaint = |more: Value| {
        let mut body = json!({"nps": 5, "text": "It broke."});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let before = world.post(complaint(json!({"product": "K-200"}))).await;
    assert_eq!(owner(&world, &before).await, None, "there are no rules yet");

    let world = World::new().await;
    let rules = json!([
        {"name": "kettles", "when": {"product": ["K-200"]}, "agents": ["ann"]},
        {"name": "shops", "when": {"touchpoint": ["store"], "channel": ["store"]}, "agents": ["bo"]},
        {"name": "urgent", "when": {"priority": ["P1", "P2"]}, "agents": ["cy"]},
    ]);
    publish_assignment(&world, rules).await;
    for (more, expected) in [
        (json!({"product": "K-200", "nps": 1}), Some("ann")),
        (
            json!({"touchpoint": "store", "channel": "store"}),
            Some("bo"),
        ),
        (json!({"nps": 1}), Some("cy")),
        (json!({}), None),
    ] {
        let response = world.post(complaint(more.clone())).await;
        assert_eq!(
            owner(&world, &response).await.as_deref(),
            expected,
            "{more}"
        );
    }
}

#[tokio::test]
async fn nobody_is_refused_because_a_turn_cannot_be_taken() {
    let world = World::new().await;
    // Longer than a key takes. Nobody can publish it through the API.
    let name = "#".repeat(200);
    let document = json!({"rules": [{"name": name, "agents": ["ann", "bo"]}]});
    let store = &world.aws.store;
    let published = store.publish_config(ConfigKind::Assignment, 1, &document);
    assert_eq!(published.await.unwrap(), Published::Published);
    let response = world.post(json!({"nps": 2, "text": "It broke."})).await;
    assert_eq!(response.status, 201);
    assert_eq!(owner(&world, &response).await, None);
}

/// The status link of a response, and its id.
async fn link(world: &World, fields: Value) -> (String, ResponseId) {
    let response = world.post(fields).await;
    let url = body(&response)["status_url"].as_str().unwrap().to_owned();
    let (_, token) = url.rsplit_once('/').unwrap();
    (token.to_owned(), id(&response))
}

/// A change of scores by a program, so many days after everything began.
fn scores(token: &str, days: i64, body: &str) -> Value {
    let mut event = with_body(body);
    event["routeKey"] = "POST /v1/receipts/{token}/scores".into();
    event["rawPath"] = format!("/v1/receipts/{token}/scores").into();
    event["pathParameters"] = json!({"token": token});
    let began = event["requestContext"]["timeEpoch"].as_i64().unwrap();
    event["requestContext"]["timeEpoch"] = (began + days * 86_400_000).into();
    event
}

impl World {
    async fn scores_of(&self, id: ResponseId) -> (Value, Option<u32>) {
        let Lookup::Found(response) = self.aws.store.response(id).await.unwrap() else {
            panic!("it is gone");
        };
        let times = response.amended.map(|amended| amended.times);
        (json!(response.scores()), times)
    }
}

#[tokio::test]
async fn scores_are_added_and_changed_and_their_repeat_writes_nothing() {
    let world = World::new().await;
    let fields =
        json!({"text": "The box was broken.", "nps": 4, "contact": {"email": "ann@example.test"}});
    let (token, id) = link(&world, fields).await;
    let case = world.aws.store.case(id.case()).await.unwrap();
    let mut counted = 0;
    for (given, kept, times) in [
        (json!({}), json!({"nps": 4}), None),
        (json!({"nps": 4, "text": "other"}), json!({"nps": 4}), None),
        (
            json!({"csat": 2, "nps": null}),
            json!({"nps": 4, "csat": 2}),
            Some(1),
        ),
        (json!({"csat": "2"}), json!({"nps": 4, "csat": 2}), Some(1)),
        (
            json!({"nps": 0, "ces": 1}),
            json!({"nps": 0, "csat": 2, "ces": 1}),
            Some(2),
        ),
    ] {
        let invocation = Invocation::at("scores", start());
        let event = scores(&token, 1, &given.to_string());
        let answer = world.function.call(event, &invocation).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{given}: {answer}");
        let told: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_is("KeptScores", &told);
        assert_eq!((&told["scores"], &told["id"]), (&kept, &json!(id)));
        assert_eq!(world.scores_of(id).await, (kept, times), "{given}");
        counted += invocation.metrics.counted(Counter::ScoresAmended);
        assert_eq!(counted, u64::from(times.unwrap_or(0)), "{given}");
    }
    let Lookup::Found(response) = world.aws.store.response(id).await.unwrap() else {
        panic!("it is gone");
    };
    assert_eq!(
        json!(response.submission.scores()),
        json!({"nps": 4}),
        "the first"
    );
    assert_eq!(
        response.submission.text.as_deref(),
        Some("The box was broken.")
    );
    let untouched = world.aws.store.case(id.case()).await.unwrap();
    assert_eq!(untouched, case, "neither priority nor clocks");
}

#[tokio::test]
async fn the_first_submission_is_answered_as_before() {
    let world = World::new().await;
    let first = world.send(event("json")).await;
    let url = body(&first)["status_url"].as_str().unwrap().to_owned();
    let (_, token) = url.rsplit_once('/').unwrap();
    let changed = world
        .send(scores(token, 1, r#"{"nps": 10, "csat": 5}"#))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(world.send(event("json")).await, first);
}

#[tokio::test]
async fn there_is_a_time_for_changes_and_a_bound_to_them() {
    let world = World::new().await;
    let (token, id) = link(&world, json!({"nps": 9})).await;
    let send = |days, nps: u32| world.send(scores(&token, days, &json!({"nps": nps}).to_string()));
    assert_eq!(send(30, 8).await.status, 200);
    let late = send(31, 7).await;
    assert_eq!(late.status, 409);
    assert!(late.body.contains("over"), "{}", late.body);
    assert_eq!(send(31, 8).await.status, 200, "nothing is changed by it");
    for n in 1..20 {
        assert_eq!(send(2, n % 2).await.status, 200);
    }
    assert_eq!(send(2, 5).await.status, 409);
    assert_eq!(world.scores_of(id).await, (json!({"nps": 1}), Some(20)));
}

#[tokio::test]
async fn a_browser_goes_back_to_the_page_it_came_from() {
    let world = World::new().await;
    let (token, id) = link(&world, json!({"text": "Great, thank you!"})).await;
    let mut event = scores(&token, 1, "nps=9&csat=&ces=7");
    event["headers"]["content-type"] = "application/x-www-form-urlencoded".into();
    event["headers"]["accept"] = "text/html".into();
    event["headers"]["origin"] = "null".into();
    event["rawQueryString"] = "lang=zh-CN".into();
    let answer = world.send(event.clone()).await;
    assert_eq!(answer.status, 303);
    let page = format!("/v1/receipts/{token}?lang=zh-CN#scores");
    assert_eq!(answer.headers["location"], page);
    assert_eq!(world.scores_of(id).await.0, json!({"nps": 9, "ces": 7}));
    // Whatever else the address says, it leads nowhere else.
    event["rawQueryString"] = "lang=//evil.example".into();
    let answer = world.send(event.clone()).await;
    assert_eq!(
        answer.headers["location"],
        format!("/v1/receipts/{token}#scores")
    );
    event["body"] = "nps=eleven".into();
    let refused = world.send(event).await;
    assert_eq!(refused.status, 422);
    assert!(refused.headers["content-type"].starts_with("text/html"));
}

#[tokio::test]
async fn who_has_no_link_changes_nothing_and_odd_scores_are_answered() {
    let world = World::new().await;
    let (token, id) = link(&world, json!({"nps": 9})).await;
    let (_, tag) = token.rsplit_once('.').unwrap();
    for wrong in ["", "x", tag, &format!("{token}x"), &token.replace('1', "2")] {
        let answer = world.send(scores(wrong, 1, r#"{"nps": 0}"#)).await;
        assert_eq!(answer.status, 404, "{wrong}");
    }
    for (body, status) in [
        ("", 400),
        ("[]", 400),
        ("null", 400),
        (r#"{"nps": 11}"#, 422),
        (r#"{"nps": 1, "nps": 2}"#, 422),
        (r#"{"csat": 0}"#, 422),
        (r#"{"ces": [7]}"#, 422),
        (r#"{"nps": 1.5}"#, 422),
        (r#"{"nps": true}"#, 422),
        (r#"{"nps": 1, "contact": "nobody", "form": "no such"}"#, 200),
    ] {
        let answer = world.send(scores(&token, 1, body)).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    assert_eq!(
        faults(
            &world
                .send(scores(&token, 1, r#"{"nps": 11, "ces": 0}"#))
                .await
        ),
        ["nps off-scale", "ces off-scale"]
    );
    let mut event = scores(&token, 1, r#"{"nps": 0}"#);
    event["headers"]["content-type"] = "text/plain".into();
    assert_eq!(world.send(event).await.status, 415);
    assert_eq!(world.scores_of(id).await, (json!({"nps": 1}), Some(1)));

    let _buried = world.aws.store.bury(id, start()).await.unwrap();
    let answer = world.send(scores(&token, 1, r#"{"nps": 0}"#)).await;
    assert_eq!(answer.status, 410);
}

#[tokio::test]
async fn changes_at_once_are_made_one_after_the_other() {
    let world = World::new().await;
    let (token, id) = link(&world, json!({"text": "fine"})).await;
    let bodies = [r#"{"nps": 7}"#, r#"{"csat": 3}"#, r#"{"ces": 5}"#];
    let answers = join_all(bodies.map(|body| world.send(scores(&token, 1, body)))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let kept = json!({"nps": 7, "csat": 3, "ces": 5});
    assert_eq!(world.scores_of(id).await, (kept, Some(3)));
}
