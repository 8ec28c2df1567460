//! A whole run: its phases in order, and the reckoning at the end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::join;
use serde_json::Value;

use crate::client::{Address, Answer, Ask, Client};
use crate::drive::{self, Account, Driven};
use crate::memory::Sample;
use crate::process::{Place, System};
use crate::report::{Kept, Killed, Machine, Remembered, Report};
use crate::work::{Mix, Work};

/// How long the system runs warm before anything is measured.
const WARM_UP: Duration = Duration::from_secs(3);

/// A kill that waited this long for enough acknowledgements comes anyway.
const KILL_AT_LAST: Duration = Duration::from_secs(30);

/// The night may take this long.
const NIGHT_TIME: Duration = Duration::from_secs(1200);

/// What is put under load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This program, started on free ports with an empty data folder that is removed at the end.
    Program {
        /// The `resound` binary.
        program: PathBuf,
        /// A folder to make, for data and log.
        folder: PathBuf,
        /// Leave the folder there.
        keep: bool,
    },
    /// A system that somebody else started on this machine. It is neither killed nor looked into.
    Running(Address),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is put under load.
    pub target: Target,
    /// What it is sent.
    pub mix: Mix,
    /// Requests a second, in the phases *rate* and *memory*.
    pub rate: u32,
    /// How long the phase *rate* lasts; zero leaves it out.
    pub rate_for: Duration,
    /// How many clients the phases *throughput* and *kill* have.
    pub clients: usize,
    /// How long the phase *throughput* lasts; zero leaves it out.
    pub throughput_for: Duration,
    /// How often the system is killed.
    pub kills: u32,
    /// How many acknowledgements a kill waits for, and the next one as many more.
    pub kill_after: u64,
    /// How long the phase *memory* lasts; zero leaves it out.
    pub memory_for: Duration,
}

/// Why a run could not be brought to its end. One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The program cannot be started.
    #[error(
        "{program} cannot be started: {source}; build it with `cargo build`, or name it with --program"
    )]
    Start {
        /// Which.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program ended, or never said where it listens.
    #[error("the system did not start: {log}")]
    DidNotStart {
        /// The end of its log.
        log: String,
    },
    /// It listens where we do not send.
    #[error("{0}")]
    Address(String),
    /// It cannot be killed.
    #[error("the system cannot be killed: {0}")]
    Kill(#[source] io::Error),
    /// It does not answer.
    #[error("nothing answers as Resound does there")]
    NoAnswer,
}

/// Carries out a plan.
///
/// # Errors
/// [`LoadError`]; a system that loses or doubles something is not an error but a [`Report`].
pub async fn run(plan: &Plan) -> Result<Report, LoadError> {
    let account = Account::new(Work::of_run(run_name()), plan.mix);
    let before = Machine::now();
    let (place, mut system, mut client) = match &plan.target {
        Target::Program {
            program, folder, ..
        } => {
            let place = Place {
                program: program.clone(),
                folder: folder.clone(),
            };
            let system = System::start(&place).await?;
            let client = Client::of(system.address.clone());
            (Some(place), Some(system), client)
        }
        Target::Running(address) => (None, None, Client::of(address.clone())),
    };
    if client
        .send(Ask::Status("/openapi.json".to_owned()))
        .await
        .status()
        != Some(200)
    {
        return Err(LoadError::NoAnswer);
    }
    if plan.rate_for + plan.throughput_for + plan.memory_for > WARM_UP {
        drive::at_rate(&account, &client, plan.rate, WARM_UP).await;
    }
    let mut report = Report::of(plan, before);
    if !plan.rate_for.is_zero() {
        let run = drive::at_rate(&account, &client, plan.rate, plan.rate_for);
        report.rate = Some(timed(system.as_ref(), run).await);
    }
    if !plan.throughput_for.is_zero() {
        let end = Instant::now() + plan.throughput_for;
        let run =
            drive::as_fast_as_answered(&account, &client, plan.clients, || Instant::now() >= end);
        report.throughput = Some(timed(system.as_ref(), run).await);
    }
    if let Some(place) = &place {
        for _ in 0..plan.kills {
            let Some(running) = system.take() else { break };
            let (killed, started) = kill(&account, &client, plan, running, place).await?;
            client = Client::of(started.address.clone());
            system = Some(started);
            let repeated = account.repeat_unanswered(&client).await;
            report.kills.push(Killed {
                repeated: repeated.submissions,
                not_acknowledged: repeated.failed,
                missing: account.missing(&client).await,
                ..killed
            });
        }
    }
    if !plan.memory_for.is_zero() {
        report.memory = Some(memory(&account, &client, plan, system.as_ref()).await);
    }
    // What a busy system refused is sent again as its sender would.
    let repeated = account.repeat_unanswered(&client).await;
    let missing = account.missing(&client).await;
    let counted = match system {
        // On somebody else's system there are other submissions as well.
        None => None,
        Some(_) => match night(&client).await {
            Ok(counted) => Some(counted),
            Err(fault) => {
                report
                    .notes
                    .push(format!("The night did not count: {fault}"));
                None
            }
        },
    };
    report.kept = Kept {
        acknowledged: account.acknowledged(),
        not_acknowledged: repeated.failed,
        missing,
        contradicted: account.contradicted(),
        refused: account.refused(),
        counted,
    };
    report.data_bytes = place.as_ref().map(Place::data_bytes);
    report.lines_logged = place.as_ref().map(Place::lines_logged);
    report.after = Machine::now();
    if let Some(system) = system {
        system.kill().await?;
    }
    if let Target::Program {
        folder,
        keep: false,
        ..
    } = &plan.target
        && let Err(fault) = std::fs::remove_dir_all(folder)
    {
        report
            .notes
            .push(format!("{} was not removed: {fault}", folder.display()));
    }
    Ok(report)
}

/// How many submissions the nightly count finds.
async fn night(client: &Client) -> Result<u64, String> {
    // A day is counted when it is over; this one is the day of the load.
    let run = Ask::Local("/_local/run/aggregate-nps?ahead=P1DT1H");
    let body = match client.send_within(run, NIGHT_TIME).await {
        Answer::Status(200, body) => body,
        Answer::Status(status, body) => {
            return Err(format!("{status} {}", String::from_utf8_lossy(&body)));
        }
        Answer::Acknowledged(..) | Answer::None => return Err("no answer".to_owned()),
    };
    let counted: Value = serde_json::from_slice(&body).map_err(|fault| fault.to_string())?;
    let finished = counted.get("unfinished") == Some(&Value::Bool(false));
    let responses = counted.get("responses").and_then(Value::as_u64);
    responses
        .filter(|_| finished)
        .ok_or_else(|| counted.to_string())
}

async fn timed(system: Option<&System>, run: impl Future<Output = Driven>) -> Driven {
    let cpu = || system.and_then(System::cpu);
    let before = cpu();
    let mut driven = run.await;
    driven.cpu = cpu()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    driven
}

/// Kills the system while it is under load and starts it again.
async fn kill(
    account: &Arc<Account>,
    client: &Client,
    plan: &Plan,
    system: System,
    place: &Place,
) -> Result<(Killed, System), LoadError> {
    let enough = account.acknowledged() + plan.kill_after;
    let at_last = Instant::now() + KILL_AT_LAST;
    // Nothing but the kill ends it: requests are under way in that moment.
    let load = drive::as_fast_as_answered(account, client, plan.clients, || false);
    let killer = async {
        while account.acknowledged() < enough && Instant::now() < at_last {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        system.kill().await
    };
    let (driven, killed) = join(load, killer).await;
    killed?;
    let begun = Instant::now();
    let started = System::start(place).await?;
    let killed = Killed {
        acknowledged: driven.acknowledged,
        unanswered: driven.sent() - driven.answered(),
        restart: begun.elapsed(),
        ..Killed::default()
    };
    Ok((killed, started))
}

async fn memory(
    account: &Arc<Account>,
    client: &Client,
    plan: &Plan,
    system: Option<&System>,
) -> Remembered {
    let start = Instant::now();
    let mut samples = Vec::new();
    let mut watch = tokio::time::interval(Duration::from_secs(1));
    let run = timed(
        system,
        drive::at_rate(account, client, plan.rate, plan.memory_for),
    );
    tokio::pin!(run);
    let driven = loop {
        tokio::select! {
            driven = &mut run => break driven,
            _ = watch.tick() => {
                if let Some(rss_kib) = system.and_then(System::rss_kib) {
                    samples.push(Sample { at: start.elapsed(), rss_kib });
                }
            }
        }
    };
    Remembered { driven, samples }
}

/// Different for every run, so that two runs against one system send different things.
#[expect(clippy::disallowed_methods, reason = "a name for this run, not a time")]
fn run_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("{:x}", since.unwrap_or_default().as_micros())
}
