//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use resound_lambda_kit::telemetry::Level;

use crate::run::Options;

/// What `--help` prints.
pub const HELP: &str = "\
Starts Resound on this machine: the HTTP API, and the emulated AWS it runs on.

Usage: resound [options]

  --port PORT             port of the HTTP API (8787); the emulated AWS has the next one
  --data DIR              where everything is kept (.resound)
  --demo                  fill an empty data folder with 90 days of made-up feedback
  --seed NUMBER           make up the same feedback again (--demo)
  --parameter NAME=VALUE  set a parameter of infra/template.yaml; may be repeated
  --log LEVEL             off, error, warn, info, debug or trace (warn)
  --help                  print this
";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// How to use it.
    Help,
    /// To start.
    Start {
        /// With these options.
        options: Options,
        /// Demo data first, by this seed if one was given.
        demo: Option<Option<u64>>,
        /// How much is logged.
        level: Level,
    },
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence about the first that is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let mut options = Options {
        port: 8787,
        data: PathBuf::from(".resound"),
        parameters: Default::default(),
    };
    let (mut demo, mut seed) = (false, None);
    let mut level = default_level()?;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let (name, inline) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(OsString::from(value))),
            _ => (text.as_str(), None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| arguments.next())
                .ok_or_else(|| format!("{name} needs a value"))
        };
        let mut utf8 = || {
            value()?
                .into_string()
                .map_err(|_| format!("the value of {name} is not valid text"))
        };
        match name {
            "--help" | "-h" => return Ok(Asked::Help),
            "--demo" if inline.is_none() => demo = true,
            "--port" => {
                let port = utf8()?;
                options.port = port
                    .parse()
                    .map_err(|_| format!("--port must be a number up to 65534, not {port}"))?;
            }
            "--data" => options.data = PathBuf::from(value()?),
            "--seed" => {
                let text = utf8()?;
                seed = Some(
                    text.parse()
                        .map_err(|_| format!("--seed must be a whole number, not {text}"))?,
                );
            }
            "--log" => {
                let text = utf8()?;
                level = text.parse().map_err(|fault| format!("--log: {fault}"))?;
            }
            "--parameter" => {
                let text = utf8()?;
                let (name, value) = text
                    .split_once('=')
                    .ok_or_else(|| format!("--parameter must be NAME=VALUE, not {text}"))?;
                options.parameters.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(format!("{text} is not an option; see --help")),
        }
    }
    if seed.is_some() && !demo {
        return Err("--seed is for --demo".to_owned());
    }
    Ok(Asked::Start {
        options,
        demo: demo.then_some(seed),
        level,
    })
}

fn default_level() -> Result<Level, String> {
    "warn"
        .parse()
        .map_err(|_| "the default level is not one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read() {
        let Ok(Asked::Start { options, demo, .. }) =
            parsed("--port 0 --data=/tmp/x --demo --seed 7 --parameter A=b=c --parameter=D=")
        else {
            panic!("not read")
        };
        assert_eq!(
            (options.port, options.data.to_str(), demo),
            (0, Some("/tmp/x"), Some(Some(7)))
        );
        assert_eq!(
            options.parameters,
            [
                ("A".to_owned(), "b=c".to_owned()),
                ("D".to_owned(), String::new())
            ]
            .into()
        );
        let Ok(Asked::Start { options, demo, .. }) = parsed("") else {
            panic!("not read")
        };
        assert_eq!(
            (options.port, options.data.to_str(), demo),
            (8787, Some(".resound"), None)
        );
        assert_eq!(parsed("--port 1 --help"), Ok(Asked::Help));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, expected) in [
            ("--port", "--port needs a value"),
            (
                "--port 65536",
                "--port must be a number up to 65534, not 65536",
            ),
            ("--parameter A", "--parameter must be NAME=VALUE, not A"),
            (
                "--log loud",
                "--log: one of off, error, warn, info, debug, trace is expected",
            ),
            ("--seed 1", "--seed is for --demo"),
            ("--demo --seed x", "--seed must be a whole number, not x"),
            ("--demo=1", "--demo=1 is not an option; see --help"),
            ("serve", "serve is not an option; see --help"),
        ] {
            assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
        }
    }
}
