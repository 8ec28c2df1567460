//! Lets the sweep work through a large table; see `docs/scale.md`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use resound_sweep::{Plan, run};

const HELP: &str = "\
Fills an embedded table with open cases of which many fall due within one minute, lets alert-breaches run each minute
until nothing is due, looks at the log of each of them, and reports what it took.

Usage: resound-sweep [options]

  --cases NUMBER            open cases in the table (1000000)
  --due NUMBER              how many of them fall due within one minute (100000)
  --timeout-seconds NUMBER  when the function would be stopped (as deployed)
  --units                   ask for the capacity of each call; takes time of its own
  --folder DIR              where the table is kept meanwhile (beside this program, so on the same disk)
  --help                    print this

Ends with 1 if a case was not moved, or not as it should be. It does not judge speed.
";

fn main() -> ExitCode {
    match carry_out() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            // One sentence, and nowhere else to report to if even that fails.
            drop(writeln!(io::stderr(), "resound-sweep: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether each case was moved as it should be.
fn carry_out() -> Result<bool, String> {
    let Some(plan) = parse(std::env::args_os().skip(1))? else {
        return print(HELP).map(|()| true);
    };
    let report = run(&plan).map_err(|fault| fault.to_string())?;
    print(&report.to_string())?;
    Ok(report.is_sound())
}

/// The plan; `None` if only the help was asked for.
fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Plan>, String> {
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let mut plan = Plan::new(own.with_file_name(format!("resound-sweep-{}", std::process::id())));
    while let Some(argument) = arguments.next() {
        let name = argument.to_string_lossy().into_owned();
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--units" => plan.units = true,
            "--folder" => plan.folder = value()?.into(),
            "--cases" => plan.cases = number(&name, &value()?)?,
            "--due" => plan.due = number(&name, &value()?)?,
            "--timeout-seconds" => {
                plan.timeout = Duration::from_secs(number(&name, &value()?)?.into());
            }
            _ => return Err(format!("{name} is not an option; see --help")),
        }
    }
    if plan.due > plan.cases {
        return Err("--due must not be more than --cases".to_owned());
    }
    Ok(Some(plan))
}

fn number(name: &str, value: &OsString) -> Result<u32, String> {
    let number = value.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|n| (1..=10_000_000).contains(n))
        .ok_or_else(|| format!("{name} must be a number from 1 to 10000000"))
}

fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|fault| format!("the report cannot be printed: {fault}"))
}
