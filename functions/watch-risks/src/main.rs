//! The Lambda `watch-risks`.

use std::process::ExitCode;

use watch_risks::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
