//! The Lambda `settle-notices`.

use std::process::ExitCode;

use settle_notices::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
