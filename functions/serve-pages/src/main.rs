//! The Lambda function `serve-pages`.

use std::process::ExitCode;

use serve_pages::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
