//! The Lambda `tell-reporters`.

use std::process::ExitCode;

use tell_reporters::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
