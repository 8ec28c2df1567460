//! The Lambda `close-loop`.

use std::process::ExitCode;

use close_loop::{App, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    resound_lambda_kit::run(Config::read, App::new).await
}
