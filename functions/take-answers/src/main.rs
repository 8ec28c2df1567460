//! The Lambda function `take-answers`.

use std::process::ExitCode;

use take_answers::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
