//! What requests cost, counted: the whole system in memory, and every call that a function makes of AWS with the
//! capacity that DynamoDB says it took.
//!
//! Nothing here is measured by a clock, so that the same code gives the same numbers anywhere. A number that changes
//! changes somebody's bill: the snapshots say which.
//!
//! `cargo test -p resound-bench --test cost -- --nocapture` prints the table of `docs/speed.md`.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_local::clock::{Clock, parse_advance};
use resound_local::engine::Engine;
use resound_local::registry::Registry;
use resound_store::{ConfigKind, Published, Store};
use serde_json::{Value, json};

/// What was used.
#[derive(Debug, Default, Clone, PartialEq)]
struct Usage {
    /// Requests at the gateway.
    http: f64,
    /// Calls of functions.
    calls: BTreeMap<&'static str, f64>,
    /// Requests to DynamoDB, by operation.
    requests: BTreeMap<String, f64>,
    /// Write units of the table, of its indexes, and read units.
    writes: f64,
    index_writes: f64,
    reads: f64,
    /// Requests to SQS: those of functions, and a receive and a delete for each batch that Lambda hands over.
    queue: f64,
    /// E-mails.
    mails: f64,
}

impl Usage {
    /// `self` less `times` of `other`.
    fn less(mut self, times: f64, other: &Self) -> Self {
        for (name, n) in &other.calls {
            *self.calls.entry(name).or_default() -= times * n;
        }
        for (name, n) in &other.requests {
            *self.requests.entry(name.clone()).or_default() -= times * n;
        }
        self.calls.retain(|_, n| *n != 0.0);
        self.requests.retain(|_, n| *n != 0.0);
        self.writes -= times * other.writes;
        self.index_writes -= times * other.index_writes;
        self.reads -= times * other.reads;
        self.queue -= times * other.queue;
        self
    }

    fn times(&self, times: f64) -> Self {
        Self::default().less(-times, self)
    }

    /// Requests to AWS that functions wait for.
    fn waits(&self) -> f64 {
        self.requests.values().sum::<f64>() + self.queue + self.mails
    }

    /// One line, for snapshots.
    fn line(&self) -> String {
        fn named<K: std::fmt::Display>(map: &BTreeMap<K, f64>) -> String {
            let parts: Vec<_> = map.iter().map(|(name, n)| format!("{name} {n}")).collect();
            parts.join(", ")
        }
        format!(
            "calls: {} | requests: {} | units: table {}, indexes {}, reads {} | queue {} | mails {}",
            named(&self.calls),
            named(&self.requests),
            self.writes,
            self.index_writes,
            self.reads,
            self.queue,
            self.mails,
        )
    }

    fn take(&mut self, target: &str, answer: &Value) {
        let Some((_, operation)) = target.split_once('.') else {
            self.mails += 1.0;
            return;
        };
        if target.starts_with("AmazonSQS") {
            self.queue += 1.0;
            return;
        }
        *self.requests.entry(operation.to_owned()).or_default() += 1.0;
        if answer["__type"].is_string() {
            self.writes += 1.0; // a condition that does not hold costs a write
            return;
        }
        let writes = operation.contains("Write")
            || ["PutItem", "UpdateItem", "DeleteItem"].contains(&operation);
        let consumed = &answer["ConsumedCapacity"];
        for capacity in consumed
            .as_array()
            .map_or(std::slice::from_ref(consumed), Vec::as_slice)
        {
            let total = capacity["CapacityUnits"]
                .as_f64()
                .expect("the capacity of every call");
            if !writes {
                self.reads += total;
                continue;
            }
            let table = capacity["Table"]["CapacityUnits"]
                .as_f64()
                .expect("that of the table");
            self.writes += table;
            self.index_writes += total - table;
        }
    }
}

/// Shared by everything that counts.
#[derive(Debug, Clone, Default)]
struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.0.lock().unwrap()
    }

    fn reset(&self) -> Usage {
        std::mem::take(&mut *self.usage())
    }
}

/// Asks DynamoDB what each call took.
#[derive(Debug)]
struct Metered {
    inner: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for Metered {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        if target.starts_with("DynamoDB") {
            let body = request.body().bytes().expect("a body in memory");
            let mut body: Value = serde_json::from_slice(body).unwrap();
            body["ReturnConsumedCapacity"] = "INDEXES".into();
            let body = body.to_string();
            request
                .headers_mut()
                .insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        let (answer, meter) = (self.inner.call(request), self.meter.clone());
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
            let body = ByteStream::new(body).collect().await.unwrap().to_vec();
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            let refused = said["__type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("ConditionalCheckFailedException"));
            assert!(answer.status().is_success() || refused, "{target}: {said}");
            meter.usage().take(&target, &said);
            *answer.body_mut() = SdkBody::from(body);
            Ok::<HttpResponse, _>(answer)
        })
    }
}

/// A function that counts its calls.
struct Counted<F>(F, Meter);

impl<F: Function> Function for Counted<F> {
    const NAME: &'static str = F::NAME;
    type Event = F::Event;
    type Output = F::Output;

    async fn handle(&self, event: F::Event, invocation: &Invocation) -> Result<F::Output, Fault> {
        {
            let mut usage = self.1.usage();
            *usage.calls.entry(F::NAME).or_default() += 1.0;
            if ["notify-staff", "close-loop", "settle-notices"].contains(&F::NAME) {
                usage.queue += 2.0; // Lambda received the batch, and deletes it
            }
        }
        self.0.handle(event, invocation).await
    }
}

fn registry(meter: &Meter) -> Registry {
    let mut registry = Registry::new();
    macro_rules! count {
        ($($function:ident),*) => {$(
            let own = meter.clone();
            registry = registry.with($function::Config::read, move |config, clients| {
                Counted($function::App::new(config, clients), own.clone())
            });
        )*};
    }
    count!(
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
    registry
}

/// A system at rest on a Monday morning, with everything counted.
struct System {
    engine: Arc<Engine>,
    store: Store,
    meter: Meter,
    requests: u32,
}

impl System {
    async fn start() -> Self {
        let meter = Meter::default();
        let own = meter.clone();
        let made = Arc::new(OnceLock::new());
        let kept = Arc::clone(&made);
        let clients = move |settings: &Settings| {
            let metered = Metered {
                inner: connector(),
                meter: own.clone(),
            };
            let clients = Clients::with(settings, SharedHttpConnector::new(metered), Retries::Off);
            kept.get_or_init(|| clients.dynamodb.clone());
            clients
        };
        // Not a whole second: milliseconds make items longer, and real requests have them.
        let clock = Clock::stopped("2026-11-02T02:00:00.123Z".parse().unwrap());
        let registry = registry(&meter);
        // As the template has it: what SES tells of letters costs, and docs/delivery.md says how much.
        let off = |name: &str| (name.to_owned(), "false".to_owned());
        let parameters = BTreeMap::from([off("MailReporting"), off("SmsReporting")]);
        let engine = Engine::in_memory(&registry, &clients, clock, &parameters)
            .await
            .unwrap();
        let mut functions = engine.stack().functions.iter();
        let function = functions.next().unwrap();
        let table = function.variables["TABLE_NAME"].clone();
        Self {
            store: Store::new(made.get().unwrap().clone(), table),
            engine,
            meter,
            requests: 0,
        }
    }

    /// Sends a request and lets everything that follows from it come to its end.
    async fn http(&mut self, function: &str, mut event: Value) -> Value {
        self.requests += 1;
        event["requestContext"]["requestId"] = format!("request-{}", self.requests).into();
        event["requestContext"]["timeEpoch"] = self.engine.clock().now().as_millisecond().into();
        self.meter.usage().http += 1.0;
        let answer = self.engine.invoke(function, event).await.unwrap();
        assert!(self.engine.drain().await.is_quiet());
        assert!(
            answer["statusCode"]
                .as_u64()
                .is_some_and(|status| status < 300),
            "{answer}"
        );
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    }

    async fn submit(&mut self, submission: Value) -> String {
        let mut event: Value = serde_json::from_str(include_str!(
            "../../functions/submit-feedback/events/json.json"
        ))
        .unwrap();
        event["headers"]["idempotency-key"] = format!("a-key-of-its-own-{}", self.requests).into();
        // As the gateway sends it: kept with each item, so it must count.
        event["headers"]["x-amzn-trace-id"] = "Root=1-6a1f9b4c-3f1d2a0b4c5d6e7f8a9b0c1d".into();
        event["body"] = submission.to_string().into();
        let receipt = self.http("submit-feedback", event).await;
        receipt["id"].as_str().unwrap().to_owned()
    }

    async fn command(&mut self, case: &str, command: Value) {
        let mut event: Value = serde_json::from_str(include_str!(
            "../../functions/manage-cases/events/command.json"
        ))
        .unwrap();
        let path = format!("/v1/cases/{case}/commands");
        event["rawPath"] = path.clone().into();
        event["requestContext"]["http"]["path"] = path.into();
        event["pathParameters"]["id"] = case.into();
        event["body"] = command.to_string().into();
        self.http("manage-cases", event).await;
    }

    /// Lets time pass, with one sweep at its end. What a sweep takes that finds nothing is not counted: it is run each
    /// minute whether there is a case or not.
    async fn pass(&mut self, time: &str, idle: &Usage) {
        self.engine.leap(parse_advance(time).unwrap()).unwrap();
        self.engine
            .run_now("alert-breaches")
            .await
            .unwrap()
            .unwrap();
        let mut usage = self.meter.usage();
        *usage = usage.clone().less(1.0, idle);
    }

    async fn run_now(&self, function: &str) -> Usage {
        self.meter.reset();
        self.engine.run_now(function).await.unwrap().unwrap();
        self.meter.reset()
    }
}

/// Published prices in US dollars: us-east-1, on demand, beyond every free tier, as of November 2026.
mod price {
    /// Of one gateway request (HTTP API, first 300 million a month). A Function URL has no price of its own.
    pub(super) const HTTP_API: f64 = 1.00e-6;
    /// Of one call of a function.
    pub(super) const CALL: f64 = 0.20e-6;
    /// Of one second of one GB of memory (arm64).
    pub(super) const GB_SECOND: f64 = 0.000_013_333_4;
    /// Of one write unit: 1 KB written once. In a transaction it takes two.
    pub(super) const WRITE: f64 = 0.625e-6;
    /// Of one read unit: 4 KB. Half a one if the read may lag.
    pub(super) const READ: f64 = 0.125e-6;
    /// Of one request to a standard queue.
    pub(super) const QUEUE: f64 = 0.40e-6;
    /// Of one run of a schedule.
    pub(super) const SCHEDULE: f64 = 1.00e-6;
    /// Of one GB kept in the table for a month, and of its continuous backup.
    pub(super) const STORED_GB: f64 = 0.25 + 0.20;
}

/// The memory of functions, in GB, as the template has it, and that of the sweep.
const MEMORY: f64 = 0.256;
const SWEEP_MEMORY: f64 = 1.769;
/// Assumed: how long a function waits for one request to AWS, and how long it runs besides, in seconds.
const WAIT: f64 = 0.005;
const RUN: f64 = 0.001;

/// Where the money of one thing goes, in dollars.
struct Bill {
    http: f64,
    functions: f64,
    table: f64,
    indexes: f64,
    reads: f64,
    queue: f64,
    schedules: f64,
}

impl Bill {
    fn of(usage: &Usage) -> Self {
        Self::at(MEMORY, usage)
    }

    fn at(memory: f64, usage: &Usage) -> Self {
        let calls: f64 = usage.calls.values().sum();
        let seconds = calls * RUN + usage.waits() * WAIT;
        Self {
            http: usage.http * price::HTTP_API,
            functions: calls * price::CALL + seconds * memory * price::GB_SECOND,
            table: usage.writes * price::WRITE,
            indexes: usage.index_writes * price::WRITE,
            reads: usage.reads * price::READ,
            queue: usage.queue * price::QUEUE,
            schedules: 0.0,
        }
    }

    fn total(&self) -> f64 {
        self.http
            + self.functions
            + self.table
            + self.indexes
            + self.reads
            + self.queue
            + self.schedules
    }
}

fn row(name: &str, times: f64, bill: &Bill) -> String {
    let parts = [
        bill.total(),
        bill.http,
        bill.functions,
        bill.table,
        bill.indexes,
        bill.reads,
        bill.queue,
        bill.schedules,
    ];
    let [total, parts @ ..] = parts.map(|dollars| format!("{:.2}", dollars * times));
    format!("| {name} | **{total}** | {} |\n", parts.join(" | "))
}

const HEAD: &str = "| | $ | HTTP API | functions | table writes | index writes | reads | queues | schedules |\n\
                    |---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
const MILLION: f64 = 1e6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_things_cost() {
    let mut system = System::start().await;
    // The very first sweep walks the open cases once.
    system.run_now("alert-breaches").await;
    let idle = system.run_now("alert-breaches").await;
    // The very first night makes up for all that were before it.
    system.run_now("aggregate-nps").await;
    system.engine.leap(parse_advance("P1D").unwrap()).unwrap();
    let night = system.run_now("aggregate-nps").await;

    let praise = json!({"nps": 9, "text": "Fast and friendly. Thank you!", "channel": "web", "locale": "en"});
    // The first of a minute reads the published forms for all that come to the same instance after it.
    system.submit(praise.clone()).await;
    let first = system.meter.reset();
    system.submit(praise.clone()).await;
    let plain = system.meter.reset();

    let mut known = praise;
    known["customer_id"] = "c-1001".into();
    system.submit(known).await;
    let known = system.meter.reset();

    let complaint = json!({
        "nps": 2, "text": "The parcel came five days late and nobody answers the phone.", "channel": "web",
        "locale": "en", "contact": {"email": "kim@example.test", "name": "Kim"},
    });
    let case = system.submit(complaint.clone()).await;
    let opened = system.meter.usage().clone();

    system.pass("PT3H", &idle).await; // the warning: three quarters of four hours
    system
        .command(&case, json!({"command": "acknowledge"}))
        .await;
    system
        .command(
            &case,
            json!({"command": "reply", "message": "We are looking for it."}),
        )
        .await;
    // Two answers of one moment would be counted as one.
    system.engine.leap(parse_advance("PT1H").unwrap()).unwrap();
    system
        .command(
            &case,
            json!({"command": "resolve", "message": "It is at your door. Sorry!"}),
        )
        .await;
    system.pass("P3DT1M", &idle).await; // closes by itself
    let life = system.meter.reset();
    let assigned = assigned(complaint).await;
    let looks = looks().await;

    insta::assert_snapshot!(idle.line(), @"calls: alert-breaches 1 | requests: GetItem 1, Query 32 | units: table 0, indexes 0, reads 17 | queue 0 | mails 0");
    insta::assert_snapshot!(night.line(), @"calls: aggregate-nps 1 | requests: GetItem 1, PutItem 5, Query 22, UpdateItem 2 | units: table 7, indexes 0, reads 15 | queue 0 | mails 0");
    let [quarter, risks, links, reports, telling] = &looks;
    insta::assert_snapshot!(quarter.line(), @"calls: aggregate-nps 1 | requests: GetItem 1, Query 2 | units: table 0, indexes 0, reads 3 | queue 0 | mails 0");
    insta::assert_snapshot!(risks.line(), @"calls: watch-risks 1 | requests: GetItem 1, Query 4, UpdateItem 1 | units: table 1, indexes 0, reads 3 | queue 0 | mails 0");
    insta::assert_snapshot!(links.line(), @"calls: link-issues 1 | requests: GetItem 1, Query 2, UpdateItem 1 | units: table 1, indexes 0, reads 3 | queue 0 | mails 0");
    insta::assert_snapshot!(reports.line(), @"calls: write-reports 1 | requests: GetItem 2, Query 6 | units: table 0, indexes 0, reads 8 | queue 0 | mails 0");
    insta::assert_snapshot!(telling.line(), @"calls: tell-reporters 1 | requests: Query 1 | units: table 0, indexes 0, reads 1 | queue 0 | mails 0");
    insta::assert_snapshot!(first.line(), @"calls: submit-feedback 1 | requests: PutItem 1, Query 1 | units: table 1, indexes 1, reads 1 | queue 0 | mails 0");
    insta::assert_snapshot!(plain.line(), @"calls: submit-feedback 1 | requests: PutItem 1 | units: table 1, indexes 1, reads 0 | queue 0 | mails 0");
    insta::assert_snapshot!(known.line(), @"calls: submit-feedback 1 | requests: PutItem 1 | units: table 1, indexes 2, reads 0 | queue 0 | mails 0");
    insta::assert_snapshot!(opened.line(), @"calls: relay-events 1, submit-feedback 1 | requests: GetItem 1, Query 3, TransactWriteItems 1 | units: table 6, indexes 3, reads 4 | queue 0 | mails 0");
    insta::assert_snapshot!(assigned.line(), @"calls: relay-events 1, submit-feedback 1 | requests: GetItem 2, TransactWriteItems 1, UpdateItem 1 | units: table 7, indexes 3, reads 2 | queue 0 | mails 0");
    insta::assert_snapshot!(life.line(), @"calls: close-loop 2, manage-cases 3, notify-staff 1, relay-events 6, submit-feedback 1 | requests: BatchGetItem 2, GetItem 19, PutItem 4, Query 14, TransactWriteItems 6, UpdateItem 7 | units: table 45, indexes 24, reads 34 | queue 9 | mails 3");

    let without_gateway = Usage {
        http: 0.0,
        ..plain.clone()
    };
    let [at_url, plain, known, opened, assigned, life] =
        [&without_gateway, &plain, &known, &opened, &assigned, &life].map(Bill::of);
    let mut table = format!("Dollars per million:\n\n{HEAD}");
    for (name, bill) in [
        ("submission that needs no answer, Function URL", &at_url),
        ("submission that needs no answer, HTTP API", &plain),
        ("the same of a known customer, HTTP API", &known),
        ("submission that opens a case, HTTP API", &opened),
        ("the same where agents take turns, HTTP API", &assigned),
        ("whole life of a case, HTTP API", &life),
    ] {
        table += &row(name, MILLION, bill);
    }

    let sweeps = 30.0 * 24.0 * 60.0;
    let month = idle.times(sweeps);
    let mut month = Bill::at(SWEEP_MEMORY, &month);
    month.queue = polls() * price::QUEUE;
    let (quarters, hours) = (30.0 * 24.0 * 4.0, 30.0 * 24.0);
    let rest = [
        night.times(30.0),
        quarter.times(quarters),
        risks.times(hours),
        links.times(hours),
        reports.times(hours),
        telling.times(sweeps),
    ];
    for bill in rest.iter().map(Bill::of) {
        month.functions += bill.functions;
        month.reads += bill.reads;
        month.table += bill.table;
    }
    month.schedules = (2.0 * sweeps + quarters + 3.0 * hours) * price::SCHEDULE;
    write!(
        table,
        "\nDollars of a month in which nothing happens:\n\n{HEAD}{}",
        row("idle month", 1.0, &month)
    )
    .unwrap();
    writeln!(
        table,
        "\nEach GB kept: ${:.2} a month, with continuous backup.",
        price::STORED_GB
    )
    .unwrap();
    println!("{table}");

    assert!(
        at_url.total() * MILLION <= 1.5,
        "a plain submission at a Function URL"
    );
    assert!(plain.total() * MILLION <= 2.5, "a plain submission");
    assert!(
        (known.total() - plain.total()) * MILLION <= 0.6 + 0.1,
        "a known customer"
    );
    assert!(opened.total() * MILLION <= 8.5, "opening a case");
    assert!(assigned.total() * MILLION <= 8.5, "opening it for an agent");
    assert!(life.total() * MILLION <= 60.0, "the life of a case");
    assert!(month.total() <= 1.0, "an idle month");
}

/// What the schedules but the sweep do when nothing happened since they did it last: the quarter of an hour between nights, and
/// each hour the looks for risks, for what belongs to an issue, and for a report that is due; each minute for announcements.
async fn looks() -> [Usage; 5] {
    let system = System::start().await;
    let functions = [
        "aggregate-nps",
        "watch-risks",
        "link-issues",
        "write-reports",
        "tell-reporters",
    ];
    // The first ones of all go back.
    for function in functions {
        system.run_now(function).await;
    }
    system.engine.leap(parse_advance("PT1H").unwrap()).unwrap();
    let mut looks = Vec::new();
    for function in functions {
        looks.push(system.run_now(function).await);
    }
    looks.try_into().expect("one of each")
}

/// A submission under a key that opens a case for one of two agents, after the first of its minute.
async fn assigned(complaint: Value) -> Usage {
    let mut system = System::start().await;
    let agents = ["5f0c1d2e-7a3b-4c4d-8e5f-6a7b8c9d0e1f"; 2];
    let rules = json!({"rules": [{"name": "all", "agents": agents}]});
    let published = system
        .store
        .publish_config(ConfigKind::Assignment, 1, &rules)
        .await;
    assert_eq!(published.unwrap(), Published::Published);
    system.submit(complaint.clone()).await;
    system.meter.reset();
    system.submit(complaint).await;
    system.meter.reset()
}

/// Requests with which Lambda looks at the two queues in a month while nothing is in them: five at a time, each held
/// open for 20 s.
fn polls() -> f64 {
    2.0 * 5.0 * 3.0 * 60.0 * 24.0 * 30.0
}
