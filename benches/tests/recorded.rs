//! What the measured functions are called with, and what AWS answers them: recorded from the whole system in memory.
//!
//! `cargo test -p resound-bench --test recorded -- --ignored` records anew, which is needed when a function asks AWS
//! for something else. Without `--ignored` it fails if that is so.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use resound_bench::{SIGNING_KEYS, is_refusal, name_of};
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_lambda_kit::receipt::SigningKeys;
use resound_local::clock::{Clock, parse_advance};
use resound_local::engine::Engine;
use resound_local::registry::Registry;
use serde_json::{Value, json};

/// Answers by the names of their calls, while somebody listens.
type Heard = Arc<Mutex<Option<BTreeMap<String, Value>>>>;

/// Listens to what AWS answers.
#[derive(Debug)]
struct Listening {
    inner: SharedHttpConnector,
    heard: Heard,
}

impl HttpConnector for Listening {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let path = request.uri().split('/').skip(3).collect::<Vec<_>>();
        let target = target.map_or(format!("/{}", path.join("/")), str::to_owned);
        // A letter's body tells whether it was read, and cannot be read here; nothing of its name is in it.
        let body = request.body().bytes().unwrap_or_default();
        let name = name_of(&target, &serde_json::from_slice(body).unwrap_or_default());
        let (answer, heard) = (self.inner.call(request), Arc::clone(&self.heard));
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
            let body = ByteStream::new(body).collect().await.unwrap().to_vec();
            if let Some(heard) = heard.lock().unwrap().as_mut() {
                let said: Value = serde_json::from_slice(&body).unwrap();
                assert!(answer.status().is_success() || is_refusal(&said), "{said}");
                // Answers are given again by name, so one name has one answer.
                let answer = heard.entry(name.clone()).or_insert_with(|| said.clone());
                assert_eq!(*answer, said, "asked twice, and answered otherwise: {name}");
            }
            *answer.body_mut() = SdkBody::from(body);
            Ok::<HttpResponse, _>(answer)
        })
    }
}

struct System {
    engine: Arc<Engine>,
    heard: Heard,
    submissions: usize,
}

impl System {
    /// Monday morning.
    async fn start() -> Self {
        let heard = Heard::default();
        let own = Arc::clone(&heard);
        let clients = move |settings: &Settings| {
            let listening = Listening {
                inner: connector(),
                heard: Arc::clone(&own),
            };
            Clients::with(settings, SharedHttpConnector::new(listening), Retries::Off)
        };
        let mut registry = Registry::new();
        macro_rules! with {
            ($($function:ident),*) => {$(
                registry = registry.with($function::Config::read, $function::App::new);
            )*};
        }
        with!(
            submit_feedback,
            serve_pages,
            take_answers,
            manage_cases,
            manage_issues,
            link_issues,
            tell_reporters,
            report_nps,
            manage_policy,
            relay_events,
            alert_breaches,
            notify_staff,
            close_loop,
            settle_notices,
            aggregate_nps,
            watch_risks,
            write_reports,
            serve_reports
        );
        let clock = Clock::stopped("2026-11-02T02:00:00Z".parse().unwrap());
        let variables = BTreeMap::from([
            ("MailFrom".to_owned(), "feedback@example.test".to_owned()),
            ("SigningKeys".to_owned(), SIGNING_KEYS.to_owned()),
            (
                "ExecutiveEmail".to_owned(),
                "executive@example.test".to_owned(),
            ),
        ]);
        let engine = Engine::in_memory(&registry, &clients, clock, &variables)
            .await
            .unwrap();
        Self {
            engine,
            heard,
            submissions: 0,
        }
    }

    async fn call(&self, function: &str, event: &Value) -> Value {
        self.engine.invoke(function, event.clone()).await.unwrap()
    }

    /// Submits feedback and leaves to others what follows from it.
    async fn submit(&mut self, submission: Value) -> String {
        let mut event = example("submit-feedback", "json");
        self.submissions += 1;
        event["headers"]["idempotency-key"] = format!("a-measured-key-{}", self.submissions).into();
        event["requestContext"]["timeEpoch"] = self.engine.clock().now().as_millisecond().into();
        event["body"] = submission.to_string().into();
        let answer = self.call("submit-feedback", &event).await;
        assert_eq!(answer["statusCode"], 201, "{answer}");
        let receipt: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        receipt["id"].as_str().unwrap().to_owned()
    }

    /// Calls a function and gives what it was called with and what it heard.
    async fn record(&self, function: &str, event: Value) -> Value {
        *self.heard.lock().unwrap() = Some(BTreeMap::new());
        let answer = self.call(function, &event).await;
        let heard = self.heard.lock().unwrap().take().unwrap();
        // A function of a queue or stream names what it could not do.
        assert_eq!(
            answer["batchItemFailures"].as_array().map_or(0, Vec::len),
            0
        );
        assert!(answer["statusCode"].as_u64().is_none_or(|code| code < 400));
        json!({"event": event, "answers": heard})
    }

    /// The second of two calls, which finds less to do.
    async fn record_again(&self, function: &str, event: Value) -> Value {
        let first = self.record(function, event.clone()).await;
        with_documents_of(first, self.record(function, event).await)
    }
}

/// A recording with the documents that only an earlier call asked for: an instance keeps them for a minute, and the one that is
/// measured begins with none.
fn with_documents_of(mut earlier: Value, mut recording: Value) -> Value {
    let answers = recording["answers"].as_object_mut().unwrap();
    for (asked, answer) in earlier["answers"].as_object_mut().unwrap() {
        if asked.contains("CONFIG#") {
            answers.entry(asked.clone()).or_insert(answer.take());
        }
    }
    recording
}

/// An event of a function's own examples.
fn example(function: &str, name: &str) -> Value {
    let path = format!(
        "{}/../functions/{function}/events/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An example with another text in the place of one.
fn about(event: &Value, old: &str, new: &str) -> Value {
    serde_json::from_str(&event.to_string().replace(old, new)).unwrap()
}

/// The working day of each function but submit-feedback, whose call needs no answer.
async fn record_all() -> BTreeMap<&'static str, Value> {
    let mut recorded = BTreeMap::new();
    let mut system = System::start().await;

    let form = example("serve-pages", "form");
    recorded.insert("serve-pages", system.record("serve-pages", form).await);

    let case = system
        .submit(json!({
            "nps": 2, "text": "The parcel came five days late and nobody answers the phone.", "locale": "en",
            "contact": {"email": "kim@example.test", "name": "Kim"}, "consent": true, "touchpoint": "logistics",
        }))
        .await;
    let fire = system
        .submit(json!({"nps": 0, "text": "The charger caught fire. This is dangerous!", "locale": "en"}))
        .await;

    let stream = about(
        &example("relay-events", "stream"),
        "00000000000000000000000007",
        &fire,
    );
    let mut stream = stream;
    stream["Records"].as_array_mut().unwrap().truncate(1);
    recorded.insert("relay-events", system.record("relay-events", stream).await);

    let mut alert = example("notify-staff", "warned");
    let effect = |effect: &str, case: &str, seq: u32| {
        json!({"v": 1, "message": {"type": "effect_due", "effect": effect, "case": case, "seq": seq}}).to_string()
    };
    alert["Records"][0]["body"] = effect("staff_alert", &fire, 1).into();
    recorded.insert("notify-staff", system.record("notify-staff", alert).await);

    let mut resolve = about(
        &example("manage-cases", "command"),
        "00000000000000000000000001",
        &case,
    );
    resolve["requestContext"]["timeEpoch"] = system.engine.clock().now().as_millisecond().into();
    resolve["body"] = json!({"command": "resolve", "message": "It is at your door. Sorry!"})
        .to_string()
        .into();
    let resolved = system.record("manage-cases", resolve).await;
    // The customer is asked, and says no.
    let mut said = example("take-answers", "helped-browser");
    let keys: SigningKeys = SIGNING_KEYS.parse().unwrap();
    said["pathParameters"]["token"] = keys.issue_receipt(case.parse().unwrap()).into();
    said["body"] = "outcome=2&solved=no".into();
    said["requestContext"]["timeEpoch"] = system.engine.clock().now().as_millisecond().into();
    let said = with_documents(system.record("take-answers", said).await, &resolved);
    recorded.insert("take-answers", said);
    let mut letter = example("close-loop", "resolved");
    letter["Records"][0]["body"] = effect("customer_notice", &case, 2).into();
    recorded.insert("close-loop", system.record("close-loop", letter).await);
    let mut report = example("settle-notices", "delivery");
    let body = report["Records"][0]["body"].as_str().unwrap();
    let mut told: Value = serde_json::from_str(body).unwrap();
    told["mail"]["tags"]["entry"] = json!([format!("case_{case}_2_customer_email")]);
    report["Records"][0]["body"] = told.to_string().into();
    let told = system.record("settle-notices", report).await;
    recorded.insert("settle-notices", told);

    for score in 0..40 {
        let text = format!("Number {score} of many.");
        system
            .submit(
                json!({"nps": 5 + score % 6, "text": text, "product": "kettle", "channel": "web"}),
            )
            .await;
    }
    let list = example("manage-cases", "list");
    let list = system.record("manage-cases", list).await;
    recorded.insert("manage-cases", with_documents(list, &resolved));

    // A sweep that finds nothing, as nearly all do: the one before it did what was due.
    system.engine.leap(parse_advance("PT2H").unwrap()).unwrap();
    let sweep = system.engine.run_now("alert-breaches").await;
    sweep.unwrap().unwrap();
    assert!(system.engine.drain().await.is_quiet());
    let tick = example("alert-breaches", "tick");
    let mut swept = system.record("alert-breaches", tick).await;
    // A quarter of an hour of machine time after a change of the rules nothing is to be walked any more: the second
    // round is over, as in nearly every minute.
    for answer in swept["answers"].as_object_mut().into_iter().flatten() {
        if let Some(round) = answer.1.pointer_mut("/Item/round/S") {
            *round = "second".into();
        }
    }
    recorded.insert("alert-breaches", with_documents(swept, &resolved));

    // The very first night makes up for all that were before it; the measured one is any other.
    system
        .engine
        .run_now("aggregate-nps")
        .await
        .unwrap()
        .unwrap();
    system.engine.leap(parse_advance("P1D").unwrap()).unwrap();
    let now = system.engine.clock().now();
    recorded.insert(
        "aggregate-nps",
        system
            .record("aggregate-nps", json!({"time": now.to_string()}))
            .await,
    );
    // The first look hears of all that came; the measured one finds nothing, as most do.
    system.engine.run_now("watch-risks").await.unwrap().unwrap();
    let look = json!({"time": now.to_string()});
    let looked = with_documents(system.record("watch-risks", look).await, &resolved);
    let looked = with_documents(looked, &recorded["serve-pages"]);
    recorded.insert("watch-risks", looked);
    // So does the first look for issues; one is there to be looked for.
    let open = about(
        &example("manage-issues", "list"),
        "GET /v1/issues",
        "POST /v1/issues",
    );
    let mut open = about(&open, "resound/cases.read", "resound/cases.manage");
    open["body"] = json!({"title": "Parcels come late", "touchpoint": "logistics"})
        .to_string()
        .into();
    open["headers"]["content-type"] = "application/json".into();
    let opened = system.record("manage-issues", open).await;
    let look = json!({"time": system.engine.clock().now().to_string()});
    recorded.insert(
        "link-issues",
        system.record_again("link-issues", look).await,
    );
    // In most minutes nothing is announced.
    let look = json!({"time": system.engine.clock().now().to_string()});
    recorded.insert(
        "tell-reporters",
        system.record("tell-reporters", look).await,
    );
    let list = example("manage-issues", "list");
    let list = system.record("manage-issues", list).await;
    recorded.insert("manage-issues", with_documents_of(opened, list));
    // A week later there is something to report; the measured look finds that it is written.
    system.engine.leap(parse_advance("P7D").unwrap()).unwrap();
    let night = system.engine.run_now("aggregate-nps").await;
    night.unwrap().unwrap();
    let look = json!({"time": system.engine.clock().now().to_string()});
    recorded.insert(
        "write-reports",
        system.record_again("write-reports", look).await,
    );
    assert!(system.engine.drain().await.is_quiet());
    let report = example("serve-reports", "report");
    let report = about(&report, "2026-W47", "2026-W45");
    recorded.insert(
        "serve-reports",
        system.record("serve-reports", report).await,
    );
    let policy = example("manage-policy", "show");
    recorded.insert(
        "manage-policy",
        system.record("manage-policy", policy).await,
    );
    let report = example("report-nps", "report");
    recorded.insert("report-nps", system.record("report-nps", report).await);
    recorded
}

/// A recording with the documents that another one has read as well: they are kept for a minute, and only the first call
/// of an instance asks for them.
fn with_documents(mut recording: Value, other: &Value) -> Value {
    for (name, answer) in other["answers"].as_object().into_iter().flatten() {
        if name.contains("CONFIG#") {
            recording["answers"][name] = answer.clone();
        }
    }
    recording
}

fn file(function: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("recorded/{function}.json"))
}

fn names(recording: &Value) -> BTreeSet<&String> {
    let answers = recording["answers"].as_object();
    answers.into_iter().flat_map(|map| map.keys()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_ask_aws_for_what_was_recorded() {
    for (function, now) in record_all().await {
        let text = std::fs::read_to_string(file(function)).expect("a recording");
        let before: Value = serde_json::from_str(&text).unwrap();
        let anew = "record anew: cargo test -p resound-bench --test recorded -- --ignored";
        assert_eq!(names(&before), names(&now), "{function}: {anew}");
        assert_eq!(before["event"], now["event"], "{function}: {anew}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes benches/recorded"]
async fn record_anew() {
    for (function, recording) in record_all().await {
        let text = serde_json::to_string_pretty(&recording).unwrap();
        std::fs::write(file(function), text + "\n").unwrap();
    }
}
