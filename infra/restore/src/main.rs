//! Fills the table of a stack from a restored copy of a lost one: see "Restore" in `docs/operations.md`.
//!
//! `cargo run -p resound-restore -- FROM TO`, with the region and credentials in the environment.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

use std::process::ExitCode;

use resound_lambda_kit::Fault;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::config::Vars;
use resound_store::Store;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &arguments[..] else {
        eprintln!(
            "usage: resound-restore FROM TO\n\nCopies the items of the table FROM into the table TO. Overwrites nothing."
        );
        return ExitCode::from(2);
    };
    match restore(from, to).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

async fn restore(from: &str, to: &str) -> Result<(), Fault> {
    let settings = Vars::from_env().read(Settings::read);
    let settings = settings.map_err(|faults| Fault::doing("read the environment", faults))?;
    let store = Store::new(Clients::new(&settings).dynamodb, to);
    let restored = store.restore_from(from).await;
    let restored =
        restored.map_err(|error| Fault::doing("copy the table (run it again)", error))?;
    println!(
        "{} items copied, {} were there; {} letters may have been sent and are left to staff",
        restored.copied, restored.present, restored.doubts
    );
    Ok(())
}
