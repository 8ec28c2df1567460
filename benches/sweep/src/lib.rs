//! Lets `alert-breaches` work through a table of very many open cases of which very many fall due within one minute, and
//! reports what that took; see `docs/scale.md`.
//!
//! The handler is the deployed one, with its real deadline, on one thread as in Lambda. The table is the embedded one of
//! the local stack, in a file, reached over HTTP through the real SDK. A minute of business time passes between two runs
//! and no time on the wall. Machine time stands still: what the events are to lead to counts as done by others in time,
//! so none of them is sent again.
//!
//! Of each case the table holds the snapshot only, as the store encodes it: what the sweep reads. Each is opened by the
//! domain under the built-in policy.
//!
//! Times are the machine's; counts are not, and tests assert those only.

mod fill;
pub mod machine;
mod meter;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alert_breaches::{App, Config, Swept};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar::Calendars;
use resound_domain::event::EventKind;
use resound_emulator::{AwsPort, Data};
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::Span;
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_messages::Tick;
use resound_store::{INDEX_LAG, Store, schema};

use crate::fill::Cases;
use crate::meter::Meter;
pub use crate::meter::{Calls, Units};
pub use crate::report::{Report, Run};

const TABLE: &str = "resound-sweep";
const ZONE: &str = "Asia/Shanghai";

/// After so many runs something must be wrong: the next cases fall due some hours later.
const MOST_RUNS: u32 = 240;

/// How many logs are read at once at the end.
const LOGS_AT_ONCE: usize = 16;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Open cases in the table.
    pub cases: u32,
    /// How many of them fall due within one minute.
    pub due: u32,
    /// When the function would be stopped.
    pub timeout: Duration,
    /// Whether each call is asked for its capacity, which takes time of its own.
    pub units: bool,
    /// Where the table is kept meanwhile. Must not exist; removed at the end.
    pub folder: PathBuf,
}

impl Plan {
    /// A million cases, a tenth of them due, and the function's own timeout.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            cases: 1_000_000,
            due: 100_000,
            timeout: timing::SWEEP_TIMEOUT.unsigned_abs(),
            units: false,
            folder,
        }
    }
}

/// Carries out a plan.
///
/// # Errors
/// [`Fault`] if the machine, the table or the function fails. What was found out about the cases is in the report.
pub fn run(plan: &Plan) -> Result<Report, Fault> {
    std::fs::create_dir(&plan.folder)
        .map_err(|error| Fault::doing(format!("make {}", plan.folder.display()), error))?;
    let report = run_in(plan);
    std::fs::remove_dir_all(&plan.folder)
        .map_err(|error| Fault::doing(format!("remove {}", plan.folder.display()), error))?;
    report
}

fn run_in(plan: &Plan) -> Result<Report, Fault> {
    // One thread, as in Lambda: the processor time of this thread is the function's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let cases = Cases::new(plan.cases, plan.due)?;
    let data = Data::Dir(plan.folder.clone());
    let begin = Cases::begin();
    let port = AwsPort::start_anywhere(&data, Arc::new(move || begin))?;
    let settings = Settings::emulator(port.dynamo().url());
    let unmetered = Clients::new(&settings);
    runtime.block_on(schema::create_table(&unmetered.dynamodb, TABLE))?;

    let meter = Meter::default();
    let metered = meter.around(connector(), plan.units);
    let config = Vars::from_pairs([
        ("TABLE_NAME", TABLE),
        ("TIME_ZONE", ZONE),
        ("CUSTOMER_NOTICES_URL", "http://127.0.0.1:9/notices"),
        ("STAFF_ALERTS_URL", "http://127.0.0.1:9/alerts"),
    ]);
    let app = App::new(
        config.read(Config::read)?,
        &Clients::with(&settings, metered, Retries::Standard),
    );
    // As on any day: the open cases, of which there is none yet, were walked twice under these rules.
    let later = begin + INDEX_LAG;
    for machine_now in [begin, later] {
        let invocation = Invocation::at("walk", machine_now);
        runtime.block_on(app.handle(Tick { time: begin }, &invocation))?;
    }
    meter.take();

    let began = Instant::now();
    cases.fill(port.dynamo().database(), TABLE)?;
    let filling = began.elapsed();
    let mut report = Report::new(plan, filling, machine::load());

    machine::forget_peak();
    let mut lateness = Vec::new();
    for n in 0..MOST_RUNS {
        let time = cases.first_tick() + SignedDuration::from_mins(n.into());
        let mut invocation = Invocation::at("sweep", later);
        invocation.deadline = Some(later + SignedDuration::try_from(plan.timeout)?);
        let (cpu, began) = (machine::thread_time(), Instant::now());
        let swept = runtime.block_on(app.handle(Tick { time }, &invocation))?;
        let elapsed = began.elapsed();
        let cpu = machine::thread_time().zip(cpu);
        lateness.extend(invocation.metrics.recorded(Span::SweepLateness));
        let (calls, units) = meter.take();
        report.runs.push(Run {
            swept,
            elapsed,
            cpu: cpu.map(|(after, before)| after.saturating_sub(before)),
            calls,
            units,
        });
        if swept == Swept::default() {
            break;
        }
    }
    lateness.sort_unstable();
    report.lateness = lateness;
    report.peak_kib = machine::peak_kib();
    report.load_after = machine::load();

    let store = Store::new(unmetered.dynamodb.clone(), TABLE);
    report.wrong = runtime.block_on(wrong(&store, &cases))?;
    Ok(report)
}

/// How many of the cases that fell due have another log than they should: one warning, at its instant, by nobody twice.
async fn wrong(store: &Store, cases: &Cases) -> Result<u32, Fault> {
    let checks = stream::iter(0..cases.due()).map(|n| async move {
        let opened = cases.case(n)?;
        let deadline = opened.next_deadline();
        let history = store.history(opened.id()).await?;
        let Some(history) = history else {
            return Ok(true);
        };
        let [warned] = history.events.as_slice() else {
            return Ok(true);
        };
        let mut after = opened;
        after.apply(&warned.event);
        let is_warning = matches!(warned.event.kind, EventKind::Warned { .. });
        let is_right = is_warning && Some(warned.event.at) == deadline && after == history.case;
        Ok::<_, Fault>(!is_right)
    });
    let mut checks = checks.buffer_unordered(LOGS_AT_ONCE);
    let mut wrong = 0;
    while let Some(is_wrong) = checks.next().await {
        wrong += u32::from(is_wrong?);
    }
    Ok(wrong)
}

/// Office hours in [`ZONE`]: what the function has too while none are published.
fn calendars() -> Result<Calendars, Fault> {
    Calendars::office_hours(ZONE).ok_or_else(|| Fault::new("the zone is not known"))
}

/// An instant of business time.
fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
}
