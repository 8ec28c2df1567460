//! Logs: one JSON object a line, on standard output, where Lambda collects them.
//!
//! The keys are those of Powertools for AWS Lambda, so that queries and dashboards made for it work. Every line of an
//! invocation bears the function, the request id and the trace. A failure is logged once, at the boundary. **No body,
//! contact, address or token is ever logged**; the SDK and HTTP crates are capped at warnings whatever the level,
//! because their debug lines hold bodies and headers.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use resound_domain::trace::TraceId;
use serde_json::Value;
use tracing::field::{Field, Visit, display};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Recorded, Vars};
use crate::machine_now;

/// How much is logged: `LOG_LEVEL`, one of `off`, `error`, `warn`, `info`, `debug`, `trace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(LevelFilter);

/// Why a text is not a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one of off, error, warn, info, debug, trace is expected")]
pub struct InvalidLevel;

impl Default for Level {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        text.parse().map(Self).map_err(|_| InvalidLevel)
    }
}

impl Level {
    /// Reads `LOG_LEVEL`; `info` if it is not set.
    ///
    /// # Errors
    /// [`Recorded`] if it is no level.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        Ok(vars.parse_optional("LOG_LEVEL")?.unwrap_or_default())
    }

    /// Which lines are kept, for programs that install a subscriber of their own.
    pub fn filter(self) -> Targets {
        const DEPENDENCIES: [&str; 9] = [
            "aws_",
            "hyper",
            "h2",
            "rustls",
            "tower",
            "lambda_runtime",
            "dynoxide",
            "rusqlite",
            "axum",
        ];
        let capped = self.0.min(LevelFilter::WARN);
        Targets::new()
            .with_default(self.0)
            .with_targets(DEPENDENCIES.map(|target| (target, capped)))
            // It would log each failed invocation again.
            .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
    }
}

/// Starts logging, with facts that every line bears. Does nothing if a subscriber is installed already.
pub fn init(level: Level, facts: Vec<(&'static str, Value)>) {
    let lines = Lines {
        facts: Fields(facts),
        write: write_line,
    };
    let installed = tracing_subscriber::registry()
        .with(lines)
        .with(level.filter())
        .try_init();
    if installed.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Writes a line to standard output in one piece. There is nobody to tell if that fails.
pub(crate) fn write_line(mut line: String) {
    line.push('\n');
    let _ = std::io::stdout().lock().write_all(line.as_bytes()).ok();
}

/// Says which trace the work at hand is for: from here on each line of the current span bears it. Work without a trace
/// changes nothing.
pub fn follow(trace: Option<TraceId>) {
    if let Some(trace) = trace {
        Span::current().record("trace_id", display(trace));
    }
}

/// A span for work on one of several cases, with its trace. At the level of errors, or a level above its own would
/// take the trace off the lines that remain.
pub fn span_of(trace: Option<TraceId>) -> Span {
    tracing::error_span!("work", trace_id = trace.map(display))
}

/// Writes each event as one line of JSON: when, how bad and what; whose; then what the event and its spans say, the
/// inner before the outer.
struct Lines<W> {
    facts: Fields,
    write: W,
}

/// What an event or a span says. Each name is there once: the first one counts.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    fn add(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            if !self.has(name) {
                self.0.push((name, value.clone()));
            }
        }
    }

    fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (i, (name, value)) in self.0.iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            json.push_str(&Value::from(*name).to_string());
            json.push(':');
            json.push_str(&value.to_string());
        }
        json.push('}');
        json
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(String) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Fields::default();
        event.record(&mut said);
        let mut line = Fields(vec![
            ("timestamp", format!("{:.3}", machine_now()).into()),
            ("level", event.metadata().level().as_str().into()),
        ]);
        let message = said.0.iter().position(|(name, _)| *name == "message");
        if let Some(message) = message {
            line.0.push(said.0.swap_remove(message));
        }
        line.add(&self.facts);
        line.add(&said);
        let mut span = context.event_span(event);
        while let Some(inner) = span {
            if let Some(fields) = inner.extensions().get::<Fields>() {
                line.add(fields);
            }
            span = inner.parent();
        }
        line.set("location", event.metadata().target().into());
        (self.write)(line.to_json());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use serde_json::json;

    fn logged(level: &str, log: impl FnOnce()) -> Vec<Value> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let lines = Lines {
            facts: Fields(vec![("function_memory_size", json!(256))]),
            write: {
                let kept = Arc::clone(&kept);
                move |line: String| kept.lock().unwrap().push(line)
            },
        };
        let level: Level = level.parse().unwrap();
        let subscriber = tracing_subscriber::registry()
            .with(lines)
            .with(level.filter());
        tracing::subscriber::with_default(subscriber, log);
        let kept = kept.lock().unwrap();
        kept.iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_the_keys_of_powertools() {
        let trace = TraceId::new(1, 2);
        let lines = logged("info", || {
            let span = tracing::error_span!(
                "invocation",
                service = "s",
                trace_id = tracing::field::Empty
            );
            span.in_scope(|| {
                tracing::info!(attempts = 2, reason = "a \"b\"\n", fault = %"f", "before");
                follow(Some(trace));
                follow(None);
                tracing::debug!("not at this level");
                span_of(Some(TraceId::new(3, 4))).in_scope(|| tracing::error!(ok = false, "inner"));
                tracing::warn!("after");
            });
        });
        let keys: Vec<_> = lines[0].as_object().unwrap().keys().cloned().collect();
        let mut expected = [
            "timestamp",
            "level",
            "message",
            "service",
            "function_memory_size",
            "location",
            "attempts",
            "reason",
            "fault",
        ];
        expected.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["message"], "before");
        assert_eq!(lines[0]["attempts"], 2);
        assert_eq!(lines[0]["reason"], "a \"b\"\n");
        assert_eq!(lines[0]["fault"], "f");
        let timestamp = lines[0]["timestamp"].as_str().unwrap();
        assert_eq!(timestamp.len(), "2026-11-21T00:00:00.000Z".len());
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok());
        let traces: Vec<_> = lines[1..]
            .iter()
            .map(|line| line["trace_id"].as_str().unwrap())
            .collect();
        assert_eq!(traces, [TraceId::new(3, 4).to_string(), trace.to_string()]);
        assert_eq!(lines[1]["service"], "s");
        assert_eq!(lines[1]["ok"], false);
    }

    #[test]
    fn a_higher_level_keeps_the_facts_of_spans() {
        let lines = logged("error", || {
            let span = span_of(Some(TraceId::new(1, 2)));
            span.in_scope(|| tracing::error!("still known"));
        });
        assert_eq!(lines[0]["trace_id"], TraceId::new(1, 2).to_string());
    }

    #[test]
    fn a_value_of_a_client_ends_no_line() {
        let lines = logged("info", || {
            tracing::info!(route = "\u{2028}\n{\"level\":\"ERROR\"}", "m")
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["level"], "INFO");
    }

    #[test]
    fn levels_have_names() {
        assert_eq!("debug".parse(), Ok(Level(LevelFilter::DEBUG)));
        assert_eq!("loud".parse::<Level>(), Err(InvalidLevel));
    }

    #[test]
    fn dependencies_stay_quiet() {
        let filter = "trace".parse::<Level>().unwrap().filter();
        assert!(filter.would_enable("submit_feedback::handler", &tracing::Level::TRACE));
        assert!(!filter.would_enable("aws_smithy_runtime::client", &tracing::Level::DEBUG));
        assert!(!filter.would_enable("hyper_util::client", &tracing::Level::INFO));
        assert!(
            !"off"
                .parse::<Level>()
                .unwrap()
                .filter()
                .would_enable("hyper", &tracing::Level::ERROR)
        );
    }
}
