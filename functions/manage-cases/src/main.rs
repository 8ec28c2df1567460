//! The Lambda `manage-cases`.

use std::process::ExitCode;

use manage_cases::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
