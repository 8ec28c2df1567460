//! The Lambda `alert-breaches`.

use std::process::ExitCode;

use alert_breaches::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
