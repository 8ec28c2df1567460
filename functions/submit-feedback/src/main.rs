//! The Lambda `submit-feedback`.

use std::process::ExitCode;

use submit_feedback::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
