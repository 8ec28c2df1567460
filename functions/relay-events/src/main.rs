//! The Lambda `relay-events`.

use std::process::ExitCode;

use relay_events::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
