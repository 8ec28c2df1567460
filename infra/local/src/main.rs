//! Starts the whole system on this machine.

use std::io::{self, Write};
use std::process::ExitCode;

use resound_lambda_kit::telemetry::Level;
use resound_local::demo::Summary;
use resound_local::functions;
use resound_local::options::{self, Asked, HELP};
use resound_local::run::{LocalStack, Options, RunError};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The seed of `--demo` unless another is given.
const DEMO_SEED: u64 = 1;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match options::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Help) => print(HELP).map_err(|_| String::new()),
        Ok(Asked::Start {
            options,
            demo,
            level,
        }) => {
            log(level);
            start(&options, demo)
                .await
                .map_err(|fault| fault.to_string())
        }
        Err(fault) => Err(fault),
    };
    let Err(fault) = outcome else {
        return ExitCode::SUCCESS;
    };
    // One sentence, and nowhere else to report to if even that fails.
    drop(writeln!(io::stderr(), "resound: {fault}"));
    ExitCode::FAILURE
}

async fn start(options: &Options, demo: Option<Option<u64>>) -> Result<(), RunError> {
    let stack = LocalStack::bring_up(options, &functions::all()).await?;
    if let Some(seed) = demo {
        let seed = seed.unwrap_or(DEMO_SEED);
        drop(print(&format!(
            "Making up 90 days of feedback (seed {seed}); this takes a few minutes.\n"
        )));
        let Summary {
            responses,
            cases,
            commands,
            answers,
            letters,
        } = stack.tell_demo(seed).await?;
        drop(print(&format!(
            "Made up {responses} responses, {cases} cases, {commands} commands of staff, {answers} answers of customers and {letters} letters.\n\n"
        )));
    }
    stack.engine().recover().await?;
    // Before we say that we run: whoever reads that may ask us to stop.
    let asked_to_stop = asked_to_stop();
    // Whoever closed our output still wants the system to run.
    drop(print(&welcome(&stack, options)));
    stack.run(asked_to_stop).await
}

fn welcome(stack: &LocalStack, options: &Options) -> String {
    let (http, aws) = (stack.http_url(), stack.aws_url());
    format!(
        "\
Resound is running. Its data is in {data}. Ctrl-C stops it.

  Form         {http}/f/default
  API          {http}/v1/feedback (described in {http}/openapi.json)
  Staff token  {http}/_local/token?role=agent
  Mailbox      {http}/_local/mailbox
  Clock, runs  {http}/_local/
  AWS          {aws}, for instance:
               AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \\
                 aws --endpoint-url {aws} --region us-east-1 dynamodb list-tables

",
        data = options.data.display(),
    )
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn log(level: Level) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_target(false)
        .compact();
    // A condition that failed is an answer, not a warning; the engine calls it one.
    let filter = level.filter().with_target("dynoxide", LevelFilter::ERROR);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
}

/// Ctrl-C, or a polite kill, from this call on: not only once somebody waits for it.
#[cfg(unix)]
fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    async {
        // Without a listener the signal ends the process as it ends any other.
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
async fn asked_to_stop() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
