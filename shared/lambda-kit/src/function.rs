//! What a function is, and the loop that runs it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use resound_domain::trace::TraceId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::Instrument;
use tracing::field::Empty;

use crate::Fault;
use crate::aws::{Clients, Settings};
use crate::config::{Recorded, Vars};
use crate::metrics::{Counter, Metrics, Namespace};
use crate::telemetry::{self, Level};
use crate::{timing, trace};

/// One serverless function: an event in, an output or a [`Fault`] out.
pub trait Function: Send + Sync {
    /// Its name in the template, `verb-noun`.
    const NAME: &'static str;
    /// What the platform hands over.
    type Event: DeserializeOwned + Send;
    /// What the platform gets back.
    type Output: Serialize + Send;

    /// Handles one event. May be called again with the same event at any time, also while it runs.
    ///
    /// An `Err` (or a panic) fails the invocation: the platform will try again, or answer 500 for HTTP.
    fn handle(
        &self,
        event: Self::Event,
        invocation: &Invocation,
    ) -> impl Future<Output = Result<Self::Output, Fault>> + Send;

    /// This function without its types, for the local stack and tests: JSON in, JSON out.
    fn erase(self) -> BoxedFunction
    where
        Self: Sized + 'static,
    {
        BoxedFunction {
            name: Self::NAME,
            inner: Arc::new(self),
        }
    }
}

/// The circumstances of one call of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The platform's id of the call.
    pub request_id: String,
    /// Machine time when the call began, to the millisecond: for leases, token expiry, signatures and TTL, never for
    /// business rules.
    pub machine_now: Timestamp,
    /// When the platform stops the function, in machine time; `None` if unknown.
    pub deadline: Option<Timestamp>,
    /// The trace of this very call, if the platform gave one. That of the case at hand may be another: the request that
    /// opened it.
    pub trace: Option<TraceId>,
    /// Whether this is the first call of its process.
    pub cold_start: bool,
    /// What the call measured.
    pub metrics: Metrics,
    started: Instant,
}

impl Invocation {
    /// A call that begins now.
    pub fn begin(request_id: impl Into<String>) -> Self {
        Self::at(request_id, machine_now())
    }

    /// A call that begins at a given machine time, for tests.
    pub fn at(request_id: impl Into<String>, machine_now: Timestamp) -> Self {
        Self {
            request_id: request_id.into(),
            machine_now,
            deadline: None,
            trace: None,
            cold_start: false,
            metrics: Metrics::default(),
            started: Instant::now(),
        }
    }

    /// How long the function may still run.
    ///
    /// Never negative. An unknown deadline, or one that had passed before the call began (a known fault of local
    /// emulators, which send 1970), counts as a full [`timing::CONSUMER_TIMEOUT`] from the start.
    pub fn time_left(&self) -> Duration {
        let allowed = self
            .deadline
            .and_then(|deadline| Duration::try_from(deadline.duration_since(self.machine_now)).ok())
            .filter(|allowed| !allowed.is_zero())
            .unwrap_or(timing::CONSUMER_TIMEOUT.unsigned_abs());
        allowed.saturating_sub(self.started.elapsed())
    }
}

/// Machine time, to the millisecond. Read once per invocation, by [`Invocation::begin`]; business time is an argument.
pub fn machine_now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine clock"
    )]
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A [`Function`] without its types. Cheap to clone.
#[derive(Clone)]
pub struct BoxedFunction {
    name: &'static str,
    inner: Arc<dyn Erased>,
}

impl BoxedFunction {
    /// Its name in the template.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Calls it as the platform does: panics are caught, and a failure is logged once.
    ///
    /// # Errors
    /// The function's own fault, a panic, or an event that is not of its kind.
    pub async fn call(&self, event: Value, invocation: &Invocation) -> Result<Value, Fault> {
        self.inner.call(event, invocation).await
    }
}

trait Erased: Send + Sync {
    fn call<'a>(
        &'a self,
        event: Value,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Result<Value, Fault>>;
}

impl<F: Function> Erased for F {
    fn call<'a>(
        &'a self,
        event: Value,
        invocation: &'a Invocation,
    ) -> BoxFuture<'a, Result<Value, Fault>> {
        Box::pin(async move {
            let event = F::Event::deserialize(event)
                .map_err(|error| Fault::doing("read the event", error))?;
            let outcome = invoke(self, event, invocation).await;
            let metrics = invocation.metrics.summary();
            if !metrics.is_empty() {
                tracing::debug!(service = F::NAME, metrics, "measured");
            }
            let output = outcome?;
            serde_json::to_value(output).map_err(|error| Fault::doing("write the output", error))
        })
    }
}

/// One call, with its span, its panics caught and its failure logged.
async fn invoke<F: Function>(
    function: &F,
    event: F::Event,
    invocation: &Invocation,
) -> Result<F::Output, Fault> {
    // Not at the level of information: above it, what is left of the log would not say whose it is.
    let span = tracing::error_span!(
        "invocation",
        service = F::NAME,
        cold_start = invocation.cold_start,
        function_request_id = %invocation.request_id,
        xray_trace_id = invocation.trace.map(display),
        trace_id = Empty,
    );
    async {
        // A handler's state is shared and outlives a panic: it is clients and configuration, and both stay valid.
        // Boxed, or the compiler gives up on computing the size of a main's future.
        let outcome = AssertUnwindSafe(Box::pin(function.handle(event, invocation)))
            .catch_unwind()
            .await;
        let result = outcome
            .unwrap_or_else(|panic| Err(Fault::new(format!("panicked: {}", panic_text(&*panic)))));
        if let Err(fault) = &result {
            tracing::error!(%fault, "invocation failed");
        }
        result
    }
    .instrument(span)
    .await
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// The whole of a function's `main`: logging, configuration, clients, then the loop of the Lambda runtime.
///
/// ```no_run
/// # use resound_lambda_kit::{Fault, Function, Invocation, aws::Clients, config::{Recorded, Vars}};
/// # struct App; struct Config;
/// # impl Config { fn read(_: &mut Vars) -> Result<Self, Recorded> { Ok(Self) } }
/// # impl App { fn new(_: Config, _: &Clients) -> Self { Self } }
/// # impl Function for App {
/// #     const NAME: &'static str = "app"; type Event = (); type Output = ();
/// #     async fn handle(&self, (): (), _: &Invocation) -> Result<(), Fault> { Ok(()) }
/// # }
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> std::process::ExitCode {
///     resound_lambda_kit::run(Config::read, App::new).await
/// }
/// ```
///
/// Returns only if the function cannot start or the runtime fails; all faults of the configuration are then in one
/// line of the log.
pub async fn run<C, F: Function>(
    read: impl FnOnce(&mut Vars) -> Result<C, Recorded>,
    build: impl FnOnce(C, &Clients) -> F,
) -> ExitCode {
    let vars = Vars::from_env();
    let facts = [
        ("service", Some(F::NAME.into())),
        (
            "function_name",
            vars.optional("AWS_LAMBDA_FUNCTION_NAME").map(Value::from),
        ),
        (
            "function_memory_size",
            vars.optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|size| size.parse::<u32>().ok())
                .map(Value::from),
        ),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(name, fact)| Some((name, fact?)));
    let level = vars.read(Level::read).unwrap_or_default();
    telemetry::init(level, facts.collect());
    // The default hook writes several lines of plain text; the failure itself is logged where it is caught.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::warn!(location, "panicked");
    }));
    let config = Vars::from_env().read(|vars| {
        let level = Level::read(vars);
        let namespace = vars.parse_optional::<Namespace>("METRICS_NAMESPACE");
        let settings = Settings::read(vars);
        let config = read(vars);
        // The runtime crate panics without these; `run` outside Lambda gets a sentence instead.
        let runtime = [
            "API",
            "FUNCTION_NAME",
            "FUNCTION_MEMORY_SIZE",
            "FUNCTION_VERSION",
        ]
        .map(|name| match name {
            "API" => vars.required("AWS_LAMBDA_RUNTIME_API"),
            name => vars.required(&format!("AWS_LAMBDA_{name}")),
        });
        level?;
        for variable in runtime {
            variable?;
        }
        Ok((settings?, namespace?, config?))
    });
    let (settings, namespace, config) = match config {
        Ok(config) => config,
        Err(faults) => {
            tracing::error!(%faults, "cannot start: the configuration is not valid");
            return ExitCode::FAILURE;
        }
    };
    let function = build(config, &Clients::new(&settings));
    let (function, namespace) = (&function, namespace.as_ref());
    let cold = &AtomicBool::new(true);
    let service = lambda_runtime::service_fn(move |event: LambdaEvent<F::Event>| async move {
        let invocation = Invocation {
            deadline: i64::try_from(event.context.deadline)
                .ok()
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            trace: event.context.xray_trace_id.as_deref().and_then(trace::root),
            cold_start: cold.swap(false, Ordering::Relaxed),
            ..Invocation::begin(event.context.request_id)
        };
        let outcome = invoke(function, event.payload, &invocation).await;
        if let Some(namespace) = namespace {
            write_metrics(namespace, F::NAME, &invocation);
        }
        outcome.map_err(Failed)
    });
    // Not `lambda_runtime::run`: its tracing layer would open a second span around ours.
    match lambda_runtime::Runtime::new(service).run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the runtime stopped");
            ExitCode::FAILURE
        }
    }
}

/// Writes what an invocation measured, also one that failed.
fn write_metrics(namespace: &Namespace, service: &str, invocation: &Invocation) {
    let metrics = &invocation.metrics;
    metrics.count(Counter::ColdStart, invocation.cold_start.into());
    let trace = invocation.trace.map(|trace| trace.to_string());
    let ids = [
        ("function_request_id", Some(invocation.request_id.clone())),
        ("xray_trace_id", trace),
    ];
    let ids: Vec<_> = ids
        .into_iter()
        .filter_map(|(name, id)| Some((name, id?)))
        .collect();
    for line in metrics.lines(namespace, service, invocation.machine_now, &ids) {
        telemetry::write_line(line);
    }
}

#[derive(Debug)]
struct Failed(Fault);

impl From<Failed> for Diagnostic {
    fn from(Failed(fault): Failed) -> Self {
        Self {
            error_type: "Fault".to_owned(),
            error_message: fault.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl Function for Echo {
        const NAME: &'static str = "echo";
        type Event = String;
        type Output = String;

        async fn handle(&self, event: String, invocation: &Invocation) -> Result<String, Fault> {
            match event.as_str() {
                "panic" => panic!("oh no"),
                "fail" => Err(Fault::new("it failed")),
                _ => Ok(format!("{event} {}", invocation.request_id)),
            }
        }
    }

    #[tokio::test]
    async fn an_erased_function_takes_and_gives_json() {
        let (echo, invocation) = (Echo.erase(), Invocation::begin("r-1"));
        assert_eq!(echo.name(), "echo");
        assert_eq!(
            echo.call("hello".into(), &invocation).await.unwrap(),
            Value::from("hello r-1")
        );
        for (event, expected) in [
            (Value::from("panic"), "panicked: oh no"),
            (Value::from("fail"), "it failed"),
            (
                Value::from(1),
                "read the event: invalid type: integer `1`, expected a string",
            ),
        ] {
            assert_eq!(
                echo.call(event, &invocation).await.unwrap_err().to_string(),
                expected
            );
        }
    }

    #[test]
    fn time_left_saturates() {
        let mut invocation = Invocation::begin("r");
        assert!(invocation.time_left() <= timing::CONSUMER_TIMEOUT.unsigned_abs());
        invocation.deadline = Some(Timestamp::UNIX_EPOCH);
        assert!(
            invocation.time_left() > Duration::from_secs(10),
            "a deadline in 1970 is no deadline"
        );
        invocation.deadline =
            Timestamp::from_millisecond(invocation.machine_now.as_millisecond() + 5).ok();
        assert!(invocation.time_left() <= Duration::from_millis(5));
        std::thread::sleep(Duration::from_millis(6));
        assert_eq!(invocation.time_left(), Duration::ZERO);
    }

    #[test]
    fn machine_time_has_milliseconds() {
        assert_eq!(machine_now().subsec_nanosecond() % 1_000_000, 0);
    }
}
