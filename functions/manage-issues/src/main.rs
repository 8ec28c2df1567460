//! The Lambda `manage-issues`.

use std::process::ExitCode;

use manage_issues::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
