//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::run::{Plan, Target};
use crate::work::Mix;

/// What `--help` prints.
pub const HELP: &str = "\
Puts load on a Resound on this machine, kills it, and reports what it found.

Usage: resound-load [options]

What is put under load:
  --program FILE          the program to start on free ports with an empty data folder (resound, beside this one)
  --folder DIR            where its data and its log are kept meanwhile (beside this program, so on the same disk)
  --keep                  leave them there
  --url URL               a system that runs already, on this machine only; it is not killed

What is sent:
  --mix plain|real        submissions that need no answer; or with cases, form posts, repeats, status pages (plain)
  --rate NUMBER           requests a second, whether answers come or not (100)
  --rate-seconds NUMBER   how long (30); 0 leaves it out
  --clients NUMBER        clients that send as soon as they were answered (32)
  --throughput-seconds NUMBER  how long (30); 0 leaves it out
  --kills NUMBER          how often the system is killed under load (3)
  --memory-minutes NUMBER how long memory is watched at --rate (10); 0 leaves it out
  --hour                  the same as --memory-minutes 60

  --report FILE           write the report there as well
  --help                  print this

Ends with 1 if anything was lost, doubled or refused. It does not judge speed or memory: it says what they are.
";

/// How many acknowledgements a kill waits for.
const KILL_AFTER: u64 = 1000;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// How to use it.
    Help,
    /// To carry out a plan.
    Run {
        /// Which.
        plan: Plan,
        /// Where the report is written besides the output.
        report: Option<PathBuf>,
    },
}

/// Reads the arguments after the program's name, which lies in `home`.
///
/// # Errors
/// A sentence about the first that is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, home: &Path) -> Result<Asked, String> {
    let mut program = home
        .join("resound")
        .with_extension(std::env::consts::EXE_EXTENSION);
    let mut folder = home.join(format!("resound-load-{}", std::process::id()));
    let (mut keep, mut url, mut report) = (false, None, None);
    let mut mix = Mix::Plain;
    let (mut rate, mut rate_seconds) = (100, 30);
    let (mut clients, mut throughput_seconds) = (32, 30);
    let (mut kills, mut memory_minutes) = (3, 10);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--program" => program = value()?.into(),
            "--folder" => folder = value()?.into(),
            "--keep" => keep = true,
            "--url" => url = Some(value()?.to_string_lossy().parse()?),
            "--mix" => {
                mix = match value()?.to_str() {
                    Some("plain") => Mix::Plain,
                    Some("real") => Mix::Real,
                    _ => return Err("--mix must be plain or real".to_owned()),
                }
            }
            "--rate" => rate = number(&name, value()?, 1, 10_000)?,
            "--rate-seconds" => rate_seconds = number(&name, value()?, 0, 3600)?,
            "--clients" => clients = number(&name, value()?, 1, 1000)?,
            "--throughput-seconds" => throughput_seconds = number(&name, value()?, 0, 3600)?,
            "--kills" => kills = number(&name, value()?, 0, 100)?,
            "--memory-minutes" => memory_minutes = number(&name, value()?, 0, 24 * 60)?,
            "--hour" => memory_minutes = 60,
            "--report" => report = Some(value()?.into()),
            _ => return Err(format!("{name} is not an option; see --help")),
        }
    }
    let target = match url {
        Some(address) => Target::Running(address),
        None if folder.exists() => {
            return Err(format!(
                "{} exists already; name another folder",
                folder.display()
            ));
        }
        None => Target::Program {
            program,
            folder,
            keep,
        },
    };
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    Ok(Asked::Run {
        plan: Plan {
            target,
            mix,
            rate,
            rate_for: seconds(rate_seconds),
            clients: usize::try_from(clients).unwrap_or(1),
            throughput_for: seconds(throughput_seconds),
            kills,
            kill_after: KILL_AFTER,
            memory_for: seconds(memory_minutes) * 60,
        },
        report,
    })
}

fn number(name: &str, value: OsString, least: u32, most: u32) -> Result<u32, String> {
    let number = value.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{name} must be a whole number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(
            line.split_whitespace().map(OsString::from),
            Path::new("/nowhere"),
        )
    }

    #[test]
    fn options_are_read() {
        let Ok(Asked::Run { plan, report }) = parsed("--hour --mix real --rate 50 --report r.md")
        else {
            panic!("not read")
        };
        assert_eq!(
            (plan.rate, plan.mix, plan.memory_for),
            (50, Mix::Real, Duration::from_secs(3600))
        );
        assert_eq!(report, Some("r.md".into()));
        let Target::Program { program, .. } = plan.target else {
            panic!("a program is expected")
        };
        assert!(program.starts_with("/nowhere"));
        let Ok(Asked::Run { plan, .. }) = parsed("--url http://127.0.0.1:8787") else {
            panic!("not read")
        };
        assert!(matches!(plan.target, Target::Running(_)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, expected) in [
            ("--rate", "--rate needs a value"),
            ("--rate 0", "--rate must be a whole number from 1 to 10000"),
            ("--mix all", "--mix must be plain or real"),
            ("--folder /", "/ exists already; name another folder"),
            ("--fast", "--fast is not an option; see --help"),
        ] {
            assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
        }
        assert!(
            parsed("--url http://example.com")
                .is_err_and(|fault| fault.contains("on this machine"))
        );
    }
}
