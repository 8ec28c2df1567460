//! A whole system in one test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, request};
use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use resound_domain::form::FormId;
use resound_domain::id::CaseId;
use resound_domain::tally::Cause;
use resound_emulator::sqs::{NewMessage, Receive, Received};
use resound_emulator::{AwsPort, Data, Letter, Sqs};
use resound_lambda_kit::aws::{Clients, Retries, Settings};
use resound_lambda_kit::outbound::Outbound;
use resound_lambda_kit::{BoxedFunction, Invocation, timing, trace};
use resound_local::auth::Tokens;
use resound_local::clock::{Clock, parse_advance};
use resound_local::engine::{failures, make_queues, open_stream, sqs_record, variables};
use resound_local::functions;
use resound_local::gateway::{self, Gateway};
use resound_local::registry::Registry;
use resound_local::schedule::Expression;
use resound_local::stack::{
    FunctionSpec, QueueMapping, REPORT_TEMPLATES, Route, Schedule, Stack, TEMPLATE, local_defaults,
};
use resound_local::tables;
use resound_local::template::{Inputs, Template};
use resound_store::{History, Store, Watermark};
use serde_json::{Value, json};

use crate::faults::{Fault, Faults};
use crate::receiver::{Receiver, Webhook};
use crate::rng::Rng;
use crate::table::{self, Dump};
use crate::wire::OneByOne;

/// When a world begins, in business and in machine time: Monday 2026-11-02, 10:00 in Shanghai.
pub const START: &str = "2026-11-02T02:00:00Z";

/// Where customers and staff reach the system.
pub const PUBLIC_URL: &str = "https://feedback.example.test";

/// The trace of every request that has none of its own.
const TRACE: &str = "Root=1-6ae7eea0-00000000000000000000000a";

/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Stands in the template's values for the address of the webhook receiver, which each world has its own of.
const RECEIVER: &str = "http://receiver.invalid";
/// Where staff are sent webhooks.
const ALERTS: &str = "/alerts";
/// Where the company's app is sent webhooks.
const APP: &str = "/app";

/// How often somebody who got no answer asks again.
const CLIENT_TRIES: u32 = 5;
/// How long a call may take by the clock on the wall: how busy this machine is must not decide what a function does.
const TIMEOUT: SignedDuration = SignedDuration::from_hours(1);
/// How often a scheduled run is tried.
const SCHEDULED_TRIES: u32 = 3;
/// After so many rounds something goes in circles.
const MOST_ROUNDS: u32 = 60;

/// The template, worked out once: reading it takes longer than a world lives.
static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let template = Template::parse(TEMPLATE).expect("the template is read");
    let mut parameters = local_defaults(PUBLIC_URL);
    for (name, value) in [
        ("AlertWebhookUrl", format!("{RECEIVER}{ALERTS}")),
        ("AlertWebhookSecret", WEBHOOK_SECRET.to_owned()),
    ] {
        parameters.insert(name.to_owned(), value);
    }
    let secret = |id: String| (id, "0123456789abcdef".repeat(8));
    let inputs = Inputs {
        stack_name: "world".to_owned(),
        region: resound_emulator::REGION.to_owned(),
        account: resound_emulator::ACCOUNT.to_owned(),
        http_url: PUBLIC_URL.to_owned(),
        aws_url: "http://aws.invalid".to_owned(),
        parameters,
        secrets: template.secrets().into_iter().map(secret).collect(),
        ..Inputs::default()
    };
    let stack = Stack::load(&template, &inputs).expect("the template is brought up");
    REPORT_TEMPLATES.iter().fold(stack, |stack, beside| {
        let beside = Template::parse(beside).expect("the template is read");
        let reporting = stack.with_reports(&beside, &inputs);
        reporting.expect("what AWS tells is brought up")
    })
});

/// How one call of a function ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// It returned.
    Returned(Value),
    /// It failed, and said why.
    Failed(String),
    /// It was killed.
    Killed,
}

/// The answer to an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// This answer, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// What a customer holds in hands after a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the response.
    pub id: String,
    /// The id of its case, if it opened one; the same text.
    pub case: CaseId,
    /// The path of the status page.
    pub status: String,
    /// Until when an answer is promised.
    pub respond_by: Option<Timestamp>,
    /// Until when a solution is promised.
    pub resolve_by: Option<Timestamp>,
}

/// How badly messages are treated on their way. Nothing of it is more than SQS and streams may do.
#[derive(Debug, Clone)]
pub struct Mischief {
    /// Where chance comes from.
    pub rng: Rng,
    /// Batches delivered and then delivered again, of a hundred.
    pub duplicates: usize,
    /// Whether messages come in any order.
    pub reorders: bool,
}

/// The template's stack in memory, stepped by hand: nothing moves unless it is moved.
///
/// Business time and machine time stand still until [`advance`](Self::advance) and [`pass`](Self::pass) move them, the
/// first one what deadlines are made of, the second one leases, visibilities and back-offs. Dropping a world asserts
/// that nothing is left to do.
pub struct World {
    stack: Stack,
    registry: Registry,
    functions: BTreeMap<String, BoxedFunction>,
    aws: AwsPort,
    clock: Arc<Clock>,
    /// Machine time in milliseconds since 1970.
    machine: i64,
    gateway: Gateway,
    stream: Stream,
    calls: u64,
    requests: u64,
    abandoned: bool,
    /// The queues whose messages are kept from their functions.
    held: BTreeSet<String>,
    receiver: Receiver,
    /// The wire between functions and everything they call.
    pub faults: Faults,
    /// The table, over a wire without faults.
    pub store: Store,
    /// What happens to messages on their way; nothing if absent.
    pub mischief: Option<Mischief>,
    /// What was called and how it ended, in order.
    pub transcript: Vec<String>,
}

struct Stream {
    arn: String,
    iterator: String,
}

impl World {
    /// A new world at [`START`].
    pub async fn new() -> Self {
        let start: Timestamp = START.parse().expect("an instant");
        let clock = Arc::new(Clock::stopped(start));
        let told = Arc::clone(&clock);
        let aws = AwsPort::start_anywhere(&Data::Memory, Arc::new(move || told.now()));
        let aws = aws.expect("the emulated AWS starts");
        aws.sqs().stop_clock();
        let receiver = Receiver::start();
        let mut stack = STACK.clone();
        for function in &mut stack.functions {
            for value in function.variables.values_mut() {
                *value = value.replace(RECEIVER, &receiver.url(""));
            }
        }
        for table in &stack.tables {
            tables::ensure(aws.dynamo().database(), table).expect("the table is made");
        }
        make_queues(aws.sqs(), &stack.queues).expect("the queues are made");
        for to in &stack.reports {
            aws.report(to.clone());
        }
        let table = stack.tables[0].name.clone();
        let stream = open_stream(aws.dynamo().database(), &table).expect("the table has a stream");
        let (arn, _, iterator) = stream;

        let tokens = Tokens::new("a secret of tests only");
        let gateway = Gateway::new(
            stack.routes.clone(),
            tokens,
            PUBLIC_URL.trim_start_matches("https://").to_owned(),
        );
        let dynamodb = format!("{}/", aws.dynamo().url());
        let wire = SharedHttpConnector::new(OneByOne { dynamodb });
        let faults = Faults::new(wire.clone());
        let plain = Clients::with(&Settings::emulator(aws.url()), wire, Retries::Standard);
        let mut world = Self {
            registry: registry(&faults),
            functions: BTreeMap::new(),
            clock,
            machine: start.as_millisecond(),
            gateway,
            stream: Stream { arn, iterator },
            calls: 0,
            requests: 0,
            abandoned: false,
            held: BTreeSet::new(),
            receiver,
            store: Store::new(plain.dynamodb, table),
            faults,
            mischief: None,
            transcript: Vec::new(),
            stack,
            aws,
        };
        let specs = world.stack.functions.clone();
        for spec in &specs {
            world.start(spec);
        }
        // The night before was run: a first night of all looks for feedback a year back.
        let eve = start.to_zoned(TimeZone::get("Asia/Shanghai").expect("a zone"));
        let day = eve.date().yesterday().expect("a day before");
        let survey = FormId::DEFAULT.parse().expect("a survey");
        let watermark = Watermark { day, as_of: start };
        let marked = world.store.advance_watermark(&survey, watermark).await;
        marked.expect("the table answers");
        world
    }

    /// Gives a variable of a function another value and starts the function anew, as a deployment does.
    pub fn configure(&mut self, function: &str, variable: &str, value: &str) {
        let mut specs = self.stack.functions.iter_mut();
        let spec = specs.find(|spec| spec.name == function);
        let spec = spec.unwrap_or_else(|| panic!("the template has no function {function}"));
        let known = spec.variables.insert(variable.to_owned(), value.to_owned());
        assert!(known.is_some(), "{function} has no variable {variable}");
        let spec = spec.clone();
        self.start(&spec);
    }

    /// Groups alerts to staff for this long, which worlds as such do not.
    pub fn group_alerts(&mut self, seconds: u32) {
        self.configure("notify-staff", "ALERT_GROUP_SECONDS", &seconds.to_string());
    }

    /// Gives the company an app that customers are told by, which worlds as such do not have.
    pub fn connect_app(&mut self) {
        let url = self.receiver.url(APP);
        self.configure("close-loop", "CUSTOMER_WEBHOOK_SECRET", WEBHOOK_SECRET);
        self.configure("close-loop", "CUSTOMER_WEBHOOK_URL", &url);
    }

    /// Starts a function anew, as after a kill: what it remembered is gone.
    fn start(&mut self, spec: &FunctionSpec) {
        let faults = self.faults.clone();
        let clients = move |settings: &Settings| {
            let connector = SharedHttpConnector::new(faults.clone());
            Clients::with(settings, connector, Retries::Off)
        };
        let variables = variables(spec, self.aws.url());
        let built = self.registry.build(&spec.name, variables, &clients);
        let built = built.unwrap_or_else(|| panic!("there is no function {}", spec.name));
        let function = built.unwrap_or_else(|faults| panic!("{}: {faults}", spec.name));
        self.functions.insert(spec.name.clone(), function);
    }

    // Time

    /// Business time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Machine time.
    pub fn machine_now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.machine).expect("an instant")
    }

    /// Lets machine time pass, and queues with it; business time stands still.
    pub fn pass(&mut self, time: SignedDuration) {
        self.machine += i64::try_from(time.as_millis()).expect("a time that can be passed");
        self.aws.sqs().skip_ahead(time.unsigned_abs());
    }

    /// The machine's clock is set: functions see another time, while no time passes for queues.
    pub fn set_clock(&mut self, by: SignedDuration) {
        self.machine += i64::try_from(by.as_millis()).expect("a small step");
    }

    /// Moves business time by an ISO 8601 duration (`PT25H`) as the local stack does: ends what is under way, counts the
    /// nights that were crossed, sweeps once, ends what follows.
    pub async fn advance(&mut self, by: &str) {
        self.drain().await;
        self.leap(by);
        self.tally().await;
        self.sweep().await;
        self.drain().await;
    }

    /// Moves business time and nothing else.
    pub fn leap(&mut self, by: &str) {
        let by = parse_advance(by).expect("a duration");
        self.clock.set_offset_ms(self.clock.offset_ms() + by);
    }

    // Functions

    /// The routes of the template.
    pub fn routes(&self) -> &[Route] {
        &self.stack.routes
    }

    /// Calls a function as the platform does.
    pub async fn invoke(&mut self, name: &str, event: Value) -> Ended {
        let spec = self.spec(name).clone();
        let function = self.functions[name].clone();
        self.calls += 1;
        let mut invocation = Invocation::at(format!("call-{}", self.calls), self.machine_now());
        invocation.deadline = invocation.machine_now.checked_add(TIMEOUT).ok();
        let ended = tokio::select! {
            biased;
            ended = function.call(event, &invocation) => match ended {
                Ok(output) => Ended::Returned(output),
                Err(fault) => Ended::Failed(fault.to_string()),
            },
            () = self.faults.killed() => Ended::Killed,
        };
        if ended == Ended::Killed {
            self.start(&spec);
        }
        let told = match &ended {
            // The ids of messages are random.
            Ended::Returned(output) => match output["batchItemFailures"].as_array() {
                Some(failures) => format!("{} failed", failures.len()),
                None => output.to_string(),
            },
            Ended::Failed(fault) => format!("failed: {fault}"),
            Ended::Killed => "killed".to_owned(),
        };
        self.transcript
            .push(format!("{} {name} {told}", self.now()));
        ended
    }

    /// Runs the sweep of this minute, as often as the scheduler tries.
    pub async fn sweep(&mut self) -> Ended {
        let sweep = self.schedule("alert-breaches").clone();
        let now = self.now();
        self.run(&sweep, now).await
    }

    /// Looks for risks, as the schedule does each hour.
    pub async fn watch(&mut self) -> Ended {
        let hourly = self.schedule("watch-risks").clone();
        let now = self.now();
        self.run(&hourly, now).await
    }

    /// Links responses to issues, as the schedule does each hour.
    pub async fn link(&mut self) -> Ended {
        let hourly = self.schedule("link-issues").clone();
        let now = self.now();
        self.run(&hourly, now).await
    }

    /// Goes on telling reporters, as the schedule does each minute.
    pub async fn tell(&mut self) -> Ended {
        let minutely = self.schedule("tell-reporters").clone();
        let now = self.now();
        self.run(&minutely, now).await
    }

    /// Writes the reports that are due, as the schedule does each hour.
    pub async fn report(&mut self) -> Ended {
        let hourly = self.schedule("write-reports").clone();
        let now = self.now();
        self.run(&hourly, now).await
    }

    /// Moves business time to half past midnight and counts the day that ended.
    pub async fn night(&mut self) -> Ended {
        let night = Expression::parse("cron(30 0 * * ? *)").expect("an expression");
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let at = night.next_after(self.now(), &zone).expect("a next night");
        let ahead = at.as_millisecond() - self.now().as_millisecond();
        self.clock.set_offset_ms(self.clock.offset_ms() + ahead);
        self.tally().await
    }

    /// Counts a day of the default survey again.
    pub async fn replay(&mut self, day: Date) -> Ended {
        let (survey, days) = (FormId::default_form(), [day]);
        let now = self.machine_now();
        let marked = self.store.mark_days(&survey, &days, Cause::Replay, now);
        marked.await.expect("the table answers");
        self.tally().await
    }

    /// Counts what there is to count, as the schedule does each quarter of an hour.
    pub async fn tally(&mut self) -> Ended {
        let quarterly = self.schedule("aggregate-nps").clone();
        let now = self.now();
        self.run(&quarterly, now).await
    }

    async fn run(&mut self, schedule: &Schedule, at: Timestamp) -> Ended {
        let event: Value = serde_json::from_str(&schedule.payload(at)).expect("a payload of JSON");
        let mut ended = Ended::Killed;
        for _ in 0..SCHEDULED_TRIES {
            ended = self.invoke(&schedule.function, event.clone()).await;
            if let Ended::Returned(_) = ended {
                break;
            }
        }
        ended
    }

    fn spec(&self, name: &str) -> &FunctionSpec {
        let mut specs = self.stack.functions.iter();
        specs
            .find(|spec| spec.name == name)
            .unwrap_or_else(|| panic!("the template has no function {name}"))
    }

    fn schedule(&self, function: &str) -> &Schedule {
        let mut schedules = self.stack.schedules.iter();
        schedules
            .find(|schedule| schedule.function == function)
            .unwrap_or_else(|| panic!("no schedule runs {function}"))
    }

    // HTTP

    /// Asks the API as anybody.
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("accept", "application/json");
        self.http(request.body(Body::empty()).expect("a request"))
            .await
    }

    /// Asks the API as staff.
    pub async fn staff_get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", self.bearer());
        self.http(request.body(Body::empty()).expect("a request"))
            .await
    }

    /// What a lead sends as `authorization`.
    pub fn bearer(&self) -> String {
        self.bearer_of("lead")
    }

    /// Who works for days signs in anew.
    fn bearer_of(&self, role: &str) -> String {
        let token = self.gateway.tokens().issue(role, self.machine_now());
        format!("Bearer {}", token.expect("a role"))
    }

    /// Posts feedback once.
    pub async fn post(&mut self, feedback: &Value, key: Option<&str>) -> Answer {
        let mut request = Request::post("/v1/feedback")
            .header("accept", "application/json")
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = Body::from(feedback.to_string());
        self.http(request.body(body).expect("a request")).await
    }

    /// Posts feedback and takes the receipt.
    pub async fn submit(&mut self, feedback: Value) -> Receipt {
        receipt(&self.post(&feedback, None).await.expect(201))
    }

    /// Posts feedback under a key as a patient client does: again, until it is answered.
    pub async fn submit_patiently(&mut self, feedback: &Value, key: &str) -> Answer {
        for _ in 1..CLIENT_TRIES {
            let answer = self.post(feedback, Some(key)).await;
            if answer.status < 500 {
                return answer;
            }
        }
        self.post(feedback, Some(key)).await
    }

    /// Says something through the link of a receipt (`scores`, `helped`, `messages`), as a patient client does: again, until
    /// it is answered.
    pub async fn say_patiently(&mut self, receipt: &Receipt, what: &str, said: &Value) -> Answer {
        for _ in 1..CLIENT_TRIES {
            let answer = self.say(receipt, what, said).await;
            if answer.status < 500 {
                return answer;
            }
        }
        self.say(receipt, what, said).await
    }

    async fn say(&mut self, receipt: &Receipt, what: &str, said: &Value) -> Answer {
        let request = Request::post(format!("{}/{what}", receipt.status))
            .header("accept", "application/json")
            .header("content-type", "application/json");
        let body = Body::from(said.to_string());
        self.http(request.body(body).expect("a request")).await
    }

    /// Sends a command of staff once.
    pub async fn try_command(
        &mut self,
        case: CaseId,
        command: &Value,
        key: Option<&str>,
    ) -> Answer {
        let mut request = Request::post(format!("/v1/cases/{case}/commands"))
            .header("authorization", self.bearer())
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = Body::from(command.to_string());
        self.http(request.body(body).expect("a request")).await
    }

    /// Sends a command of staff under a key as a patient client does: again, until it is answered.
    pub async fn command_patiently(&mut self, case: CaseId, command: &Value, key: &str) -> Answer {
        for _ in 1..CLIENT_TRIES {
            let answer = self.try_command(case, command, Some(key)).await;
            if answer.status < 500 {
                return answer;
            }
        }
        self.try_command(case, command, Some(key)).await
    }

    /// Sends a command that is carried out.
    pub async fn command(&mut self, case: CaseId, command: Value) -> Value {
        let answer = self.try_command(case, &command, None).await;
        assert_eq!(answer.status, 200, "{command}: {}", answer.body);
        answer.json()
    }

    /// Sends a document as an admin, once.
    pub async fn try_publish(&mut self, path: &str, document: &Value) -> Answer {
        self.as_admin(Request::put(path), document).await
    }

    /// Asks for a test letter or a test message as an admin, once.
    pub async fn try_out(&mut self, wish: &Value) -> Answer {
        self.as_admin(Request::post("/v1/templates/test"), wish)
            .await
    }

    async fn as_admin(&mut self, request: request::Builder, body: &Value) -> Answer {
        let request = request
            .header("authorization", self.bearer_of("admin"))
            .header("content-type", "application/json");
        let body = Body::from(body.to_string());
        self.http(request.body(body).expect("a request")).await
    }

    /// Publishes a document as a patient admin does: again, until it is answered.
    pub async fn publish_patiently(&mut self, path: &str, document: &Value) -> Answer {
        for _ in 1..CLIENT_TRIES {
            let answer = self.try_publish(path, document).await;
            if answer.status < 500 {
                return answer;
            }
        }
        self.try_publish(path, document).await
    }

    /// A case as staff see it.
    pub async fn case(&mut self, case: CaseId) -> Value {
        let answer = self.staff_get(&format!("/v1/cases/{case}")).await;
        answer.expect(200).json()
    }

    /// Sends a request through the gateway to its function.
    pub async fn http(&mut self, mut request: Request<Body>) -> Answer {
        // One for all: a request that is sent again must leave the same table, whichever try got through.
        let trace = request.headers_mut().entry(trace::HEADER);
        trace.or_insert(HeaderValue::from_static(TRACE));
        let peer = SocketAddr::from(([203, 0, 113, 7], 4711));
        let (now, machine_now) = (self.now(), self.machine_now());
        let received = self.gateway.receive(request, peer, now, machine_now).await;
        let response = match received {
            Err(answer) => *answer,
            Ok(mut incoming) => {
                self.requests += 1;
                // The gateway's own are random, and a world repeats.
                let id = format!("request-{:08}", self.requests);
                incoming.event["requestContext"]["requestId"] = json!(id);
                match self.invoke(&incoming.function, incoming.event).await {
                    Ended::Returned(output) => gateway::respond(output),
                    Ended::Failed(_) | Ended::Killed => gateway::failed(),
                }
            }
        };
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
        let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(header).collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    // Streams and queues

    /// Delivers what can be delivered now: new events to the relay, messages to their functions, and what follows.
    pub async fn deliver(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let streamed = self.pump_stream().await;
            let queued = self.pump_queues().await;
            if !streamed && !queued {
                return;
            }
        }
        panic!("messages go in circles: {:?}", self.left());
    }

    /// Delivers new events to the relay, and leaves the messages on their queues.
    pub async fn relay_only(&mut self) {
        self.pump_stream().await;
    }

    /// Lets every message of a queue be received, and fail, until it is dead.
    pub async fn die(&mut self, queue: &str) {
        while self.count(queue) > 0 {
            self.receive_all(queue).await;
            self.pass(timing::QUEUE_VISIBILITY);
        }
    }

    /// Delivers, and strikes the first call whose name begins like this.
    ///
    /// # Panics
    /// If there is none among the next calls.
    pub async fn strike_at(&mut self, call: &str, fault: Fault) {
        self.faults.plan_at(call, fault);
        self.deliver().await;
        assert!(self.faults.struck().is_some(), "{:?}", self.faults.calls());
    }

    /// Delivers until no message is left, letting visibilities pass: what fails comes again or ends in the dead letters.
    pub async fn drain(&mut self) {
        for _ in 0..MOST_ROUNDS {
            self.deliver().await;
            if self.waiting() == 0 {
                return;
            }
            self.pass(timing::QUEUE_VISIBILITY);
        }
        panic!("messages come again and again: {:?}", self.left());
    }

    /// Lets the platform repair what it can: drains, and sweeps when the back-off of an unsettled event is over, until
    /// nothing is unsettled but what is stuck.
    pub async fn settle(&mut self) {
        for _ in 0..MOST_ROUNDS {
            self.sweep().await;
            self.drain().await;
            let unsettled = table::unsettled(&self.dump());
            let due = unsettled.iter().filter(|(_, _, stuck)| !stuck);
            let Some(due) = due.map(|(_, due, _)| *due).max() else {
                return;
            };
            self.pass(SignedDuration::from_millis((due - self.machine).max(1)));
        }
        panic!("this does not settle: {:?}", self.left());
    }

    /// The machine is switched off and on: queues and what functions remembered are lost, the table is kept.
    pub fn restart(&mut self) {
        for queue in self.stack.queues.clone() {
            self.purge(&queue.name);
        }
        for spec in self.stack.functions.clone() {
            self.start(&spec);
        }
    }

    /// The name of the queue that calls a function.
    pub fn queue_of(&self, function: &str) -> String {
        let mut mappings = self.stack.queue_mappings.iter();
        let mapping = mappings.find(|mapping| mapping.function == function);
        mapping.expect("a queue calls it").queue.clone()
    }

    /// The name of the queue where messages for a function end that failed too often.
    pub fn dead_letters_of(&self, function: &str) -> String {
        let queue = self.queue_of(function);
        let queue = self.stack.queues.iter().find(|q| q.name == queue);
        let redrive = queue.and_then(|queue| queue.redrive.as_ref());
        redrive.expect("dead letters").dead_letter.clone()
    }

    /// Loses every message of a queue.
    pub fn purge(&mut self, queue: &str) {
        // SQS purges a queue once a minute.
        self.pass(SignedDuration::from_secs(61));
        self.sqs().purge(queue).expect("the queue is purged");
    }

    /// Keeps the messages of a queue from its function, those to come included, until they are [released](Self::release).
    pub fn hold(&mut self, queue: &str) {
        self.held.insert(queue.to_owned());
    }

    /// Lets the messages of a queue through again.
    pub fn release(&mut self, queue: &str) {
        self.held.remove(queue);
    }

    /// The queues.
    pub fn sqs(&self) -> &Sqs {
        self.aws.sqs()
    }

    /// Puts a message on a queue.
    pub fn send(&self, queue: &str, body: &str) {
        let sent = self.sqs().send(queue, NewMessage::new(body));
        sent.expect("the message is sent");
    }

    /// How many messages a queue holds.
    pub fn count(&self, queue: &str) -> usize {
        let counts = self.sqs().counts(queue).expect("there is such a queue");
        counts.visible + counts.in_flight + counts.delayed
    }

    fn waiting(&self) -> usize {
        let mappings = self.stack.queue_mappings.iter();
        let mappings = mappings.filter(|mapping| !self.held.contains(&mapping.queue));
        mappings.map(|mapping| self.count(&mapping.queue)).sum()
    }

    fn records(&self, limit: usize) -> (Vec<Value>, String) {
        let request = GetRecordsRequest {
            shard_iterator: self.stream.iterator.clone(),
            limit: Some(limit),
        };
        let read = self.database().get_records(request);
        let read = read.expect("the stream is read");
        let record = |record| {
            let mut record = serde_json::to_value(record).expect("a record");
            record["eventSourceARN"] = json!(self.stream.arn);
            record["awsRegion"] = json!(resound_emulator::REGION);
            record
        };
        let next = read.next_shard_iterator;
        let next = next.unwrap_or_else(|| self.stream.iterator.clone());
        (read.records.iter().map(record).collect(), next)
    }

    /// The records that pass the filters of the relay.
    fn passing(&self, records: Vec<Value>) -> Vec<Value> {
        let filters = &self.stack.stream_mappings[0].filters;
        let passes = |record: &Value| {
            filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
        };
        records.into_iter().filter(passes).collect()
    }

    /// Delivers new records of the stream, as its mapping says: a failed batch is halved, a failed record tried again
    /// and at last passed over.
    async fn pump_stream(&mut self) -> bool {
        let mapping = self.stack.stream_mappings[0].clone();
        let mut moved = false;
        loop {
            let (records, next) = self.records(mapping.batch_size);
            if records.is_empty() {
                return moved;
            }
            self.stream.iterator = next;
            let records = self.passing(records);
            if records.is_empty() {
                continue;
            }
            moved = true;
            let tries = mapping.retries.map_or(MOST_ROUNDS, |retries| retries + 1);
            let mut batches = VecDeque::from([(records, tries)]);
            while let Some((batch, tries)) = batches.pop_front() {
                let again = self.mischief.as_mut();
                let again = again.is_some_and(|m| m.rng.percent(m.duplicates));
                if again {
                    // The answer of the first call is lost.
                    self.call_with(&mapping.function, &batch, true).await;
                }
                let failed = self.call_with(&mapping.function, &batch, true).await;
                let id = |record: &Value| record["dynamodb"]["SequenceNumber"].clone();
                let first = batch
                    .iter()
                    .position(|r| failed.contains(id(r).as_str().expect("a number")));
                let Some(first) = first else { continue };
                let mut rest = batch[first..].to_vec();
                if rest.len() > 1 {
                    let half = rest.split_off(rest.len().div_ceil(2));
                    batches.push_front((half, tries));
                    batches.push_front((rest, tries));
                } else if tries > 1 {
                    batches.push_front((rest, tries - 1));
                }
            }
        }
    }

    async fn pump_queues(&mut self) -> bool {
        let mut moved = false;
        for mapping in self.stack.queue_mappings.clone() {
            if self.held.contains(&mapping.queue) {
                continue;
            }
            let mut messages = self.receive_all(&mapping.queue).await;
            moved |= !messages.is_empty();
            if let Some(mischief) = self.mischief.as_mut().filter(|m| m.reorders) {
                mischief.rng.shuffle(&mut messages);
            }
            for batch in messages.chunks(mapping.batch_size) {
                self.deliver_batch(&mapping, batch).await;
            }
        }
        moved
    }

    async fn receive_all(&self, queue: &str) -> Vec<Received> {
        let mut messages = Vec::new();
        loop {
            let received = self.sqs().receive(queue, Receive::default()).await;
            let received = received.expect("the queue is read");
            if received.is_empty() {
                return messages;
            }
            messages.extend(received);
        }
    }

    async fn deliver_batch(&mut self, mapping: &QueueMapping, batch: &[Received]) {
        let arn = Sqs::arn(&mapping.queue);
        let records: Vec<Value> = batch.iter().map(|m| sqs_record(m, &arn)).collect();
        let partial = mapping.partial_failures;
        let again = self.mischief.as_mut();
        let again = again.is_some_and(|m| m.rng.percent(m.duplicates));
        let failed = self.call_with(&mapping.function, &records, partial).await;
        if again {
            // Done, and the deleting was lost: the messages come again.
            return;
        }
        for message in batch.iter().filter(|m| !failed.contains(&m.id)) {
            let deleted = self.sqs().delete(&mapping.queue, &message.receipt);
            deleted.expect("the message is deleted");
        }
    }

    /// Calls a function with a batch; the ids that failed.
    async fn call_with(
        &mut self,
        function: &str,
        records: &[Value],
        partial: bool,
    ) -> BTreeSet<String> {
        let id = |record: &Value| {
            let id = record.pointer("/dynamodb/SequenceNumber");
            let id = id.unwrap_or(&record["messageId"]);
            id.as_str().expect("an id").to_owned()
        };
        let ids: Vec<String> = records.iter().map(id).collect();
        match self.invoke(function, json!({"Records": records})).await {
            Ended::Returned(output) => failures(Ok(&output), &ids, partial),
            Ended::Failed(_) | Ended::Killed => ids.into_iter().collect(),
        }
    }

    // What there is

    /// The database.
    pub fn database(&self) -> &Database {
        self.aws.dynamo().database()
    }

    /// The whole table.
    pub fn dump(&self) -> Dump {
        table::dump(self.database(), &self.stack.tables[0].name)
    }

    /// Every item as DynamoDB writes it, in the order of their keys.
    pub fn items(&self) -> Vec<Value> {
        let mut items = table::items(self.database(), &self.stack.tables[0].name);
        let key = |item: &Value| (item["PK"].to_string(), item["SK"].to_string());
        items.sort_by_cached_key(key);
        items
    }

    /// Makes a table with these items beside that of the stack, as a restore from a backup does, and gives its name.
    pub fn restored(&self, items: &[Value]) -> String {
        let mut table = self.stack.tables[0].clone();
        table.name = format!("{}-restored", table.name);
        table.create["TableName"] = json!(table.name);
        tables::ensure(self.database(), &table).expect("the table is made");
        for item in items {
            table::put(self.database(), &table.name, item);
        }
        table.name
    }

    /// Puts an item as another version may write it. The stream tells of it.
    pub fn put(&self, item: &Value) {
        table::put(self.database(), &self.stack.tables[0].name, item);
    }

    /// A case with its log, words and ledger.
    pub async fn history(&self, case: CaseId) -> History {
        let history = self.store.history(case).await.expect("the table answers");
        history.expect("there is such a case")
    }

    /// The names of the events of a case, in order.
    pub async fn log(&self, case: CaseId) -> Vec<&'static str> {
        let events = self.history(case).await.events;
        events.iter().map(|e| e.event.kind.name()).collect()
    }

    /// What was mailed, to customers and staff.
    pub fn letters(&self) -> Vec<Letter> {
        self.aws.mailbox().list()
    }

    /// What was mailed to customers: to anybody but the addresses of staff.
    pub fn mails(&self) -> Vec<Letter> {
        let staff = ["owner@", "team-lead@", "manager@", "executive@"];
        let letters = self.letters().into_iter();
        letters
            .filter(|letter| !staff.iter().any(|staff| letter.to.starts_with(staff)))
            .collect()
    }

    /// The webhooks that staff were sent.
    pub fn alerts(&self) -> Vec<Webhook> {
        self.receiver.taken(ALERTS)
    }

    /// The webhooks that the company's app was sent.
    pub fn told_app(&self) -> Vec<Webhook> {
        self.receiver.taken(APP)
    }

    /// Lets this world end with things undone.
    pub fn abandon(&mut self, _reason: &str) {
        self.abandoned = true;
    }

    /// What is left to do, in words; nothing if all is quiet.
    pub fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for queue in &self.stack.queues {
            let count = self.count(&queue.name);
            if count > 0 {
                left.push(format!("{count} messages on {}", queue.name));
            }
        }
        let records = self.passing(self.records(1000).0);
        if !records.is_empty() {
            left.push(format!("{} records of the stream", records.len()));
        }
        let dump = self.dump();
        for (key, _, stuck) in table::unsettled(&dump) {
            let what = if stuck { "stuck" } else { "unsettled" };
            left.push(format!("{key} is {what}"));
        }
        for key in table::overdue(&dump, self.now()) {
            left.push(format!("{key} is due"));
        }
        left
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.abandoned || std::thread::panicking() {
            return;
        }
        let left = self.left();
        assert!(left.is_empty(), "this is left to do: {left:#?}");
    }
}

/// The functions of the template, over connections that fail.
fn registry(faults: &Faults) -> Registry {
    let outbound = Outbound::with(SharedHttpConnector::new(faults.clone()));
    let same = outbound.clone();
    functions::all()
        .with(notify_staff::Config::read, move |config, clients| {
            notify_staff::App::with(config, clients, outbound.clone())
        })
        .with(close_loop::Config::read, move |config, clients| {
            close_loop::App::with(config, clients, same.clone())
        })
}

/// Reads the receipt of an answer.
pub fn receipt(answer: &Answer) -> Receipt {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().expect("a text").to_owned();
    let instant = |name: &str| {
        body[name]
            .as_str()
            .map(|at| at.parse().expect("an instant"))
    };
    Receipt {
        case: text("id").parse().expect("an id"),
        id: text("id"),
        status: text("status_url").replacen(PUBLIC_URL, "", 1),
        respond_by: instant("respond_by"),
        resolve_by: instant("resolve_by"),
    }
}
