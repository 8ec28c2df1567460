//! The Lambda `notify-staff`.

use std::process::ExitCode;

use notify_staff::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
