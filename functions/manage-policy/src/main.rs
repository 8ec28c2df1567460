//! The Lambda `manage-policy`.

use std::process::ExitCode;

use manage_policy::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
