//! The Lambda `aggregate-nps`.

use std::process::ExitCode;

use aggregate_nps::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
