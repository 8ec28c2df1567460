//! Logs: one JSON object a line, on standard output, where Lambda collects them.
//!
//! Every line of an invocation bears the function, the request id and the trace id. A failure is logged once, at the
//! boundary. **No body, contact, address or token is ever logged**; the SDK and HTTP crates are capped at warnings
//! whatever the level, because their debug lines hold bodies and headers.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Recorded, Vars};

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

/// Starts logging. Does nothing if a subscriber is installed already.
pub fn init(level: Level) {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(std::io::stdout);
    let installed = tracing_subscriber::registry()
        .with(lines)
        .with(level.filter())
        .try_init();
    if installed.is_err() {
        tracing::debug!("logging was started before");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
