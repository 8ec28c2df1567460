//! Puts load on the local stack; see `docs/load.md`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use resound_load::options::{self, Asked, HELP};

// One thread is enough to send, and leaves the others to what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match carry_out().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            // One sentence, and nowhere else to report to if even that fails.
            drop(writeln!(io::stderr(), "resound-load: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all was kept.
async fn carry_out() -> Result<bool, String> {
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let home = own.parent().unwrap_or(Path::new("."));
    let (plan, file) = match options::parse(std::env::args_os().skip(1), home)? {
        Asked::Help => {
            print(HELP)?;
            return Ok(true);
        }
        Asked::Run { plan, report } => (plan, report),
    };
    let report = resound_load::run(&plan)
        .await
        .map_err(|fault| fault.to_string())?;
    let text = report.to_string();
    print(&text)?;
    if let Some(file) = file {
        std::fs::write(&file, text)
            .map_err(|fault| format!("{} cannot be written: {fault}", file.display()))?;
    }
    Ok(report.is_sound())
}

fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|fault| format!("the report cannot be printed: {fault}"))
}
