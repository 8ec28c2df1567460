//! The Lambda `write-reports`.

use std::process::ExitCode;

use write_reports::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
