//! Crash points: every AWS call and every webhook of a scenario is struck once with every fault, each time in a new world.
//!
//! The platform then does what it does: clients ask again, queues hand out again, streams try again, the next sweep
//! comes. In the end everything must be as if nothing had happened, and each effect as its class promises.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::faults::Fault;
use crate::ledger::{self, Tally};
use crate::table::{self, Dump};
use crate::world::World;

/// The variable that asks for one strike only: `breach:12:ResponseLost`.
pub const REPLAY: &str = "RESOUND_STRIKE";

/// Something that is done in a world, with calls that can be struck.
pub trait Scenario {
    /// Its name.
    const NAME: &'static str;
    /// What the beginning leaves for the part that is struck.
    type Given;

    /// For how many seconds alerts to staff wait for others; 0: each is a message of its own.
    const ALERT_GROUP_SECONDS: u32 = 0;

    /// Everything before the first call that can be struck.
    fn prepare(world: &mut World) -> impl Future<Output = Self::Given>;

    /// What is struck. Returns what people were told in the end, which must be the same whatever was struck.
    fn act(world: &mut World, given: &Self::Given) -> impl Future<Output = Vec<String>>;
}

/// How a scenario ended.
#[derive(Debug, PartialEq)]
struct End {
    told: Vec<String>,
    table: Dump,
}

/// What was struck, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The name of the scenario.
    pub scenario: &'static str,
    /// AWS calls and webhooks of the scenario.
    pub calls: usize,
    /// Worlds that were struck.
    pub strikes: usize,
    /// What reached people in them.
    pub tally: Tally,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            mails,
            untold: _,
            doubts,
            alerts,
            repeated,
            app,
            app_repeated,
        } = self.tally;
        write!(
            f,
            "{}: {} calls, {} strikes; {mails} letters to customers, {doubts} in doubt; {app} webhooks to the app, \
             {app_repeated} of them repeats; {alerts} alerts, {repeated} of them repeats; {:.1?}",
            self.scenario, self.calls, self.strikes, self.elapsed
        )
    }
}

/// Strikes every call of a scenario with every fault, several worlds at a time.
///
/// # Panics
/// If one of them does not end as the scenario does without a strike; each is named so that it can be replayed.
pub fn strike_all<S: Scenario>() -> Report {
    let started = Instant::now();
    let (calls, expected) = block_on(async {
        let (world, end, calls) = play::<S>(None).await;
        let tally = ledger::check(&world);
        let repeats = (tally.repeated, tally.app_repeated);
        assert_eq!((tally.doubts, repeats), (0, (0, 0)), "without a strike");
        assert_eq!(tally.untold, 0, "every letter is told of");
        (calls, end)
    });
    assert!(!calls.is_empty(), "{} calls nothing", S::NAME);
    let every = calls.iter().enumerate();
    let every = every.flat_map(|(index, call)| Fault::of(call).iter().map(move |f| (index, *f)));
    let wanted = replayed(S::NAME);
    let jobs: Vec<(usize, Fault)> = every
        .filter(|(index, fault)| {
            let name = format!("{index}:{fault:?}");
            wanted.as_ref().is_none_or(|wanted| *wanted == name)
        })
        .collect();
    let asked = wanted.as_ref().is_some_and(|wanted| !wanted.is_empty());
    assert!(!asked || !jobs.is_empty(), "no such strike: {wanted:?}");
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let total = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&(index, fault)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let struck = catch_unwind(AssertUnwindSafe(|| {
                        block_on(strike::<S>(index, fault, &calls[index], &expected))
                    }));
                    match struck {
                        Ok(tally) => *total.lock().expect("no poison") += tally,
                        Err(_) => failed.lock().expect("no poison").push(format!(
                            "{REPLAY}={}:{index}:{fault:?} ({})",
                            S::NAME,
                            calls[index]
                        )),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no poison");
    assert!(
        failed.is_empty(),
        "{} of {} strikes did not end well:\n{}",
        failed.len(),
        jobs.len(),
        failed.join("\n")
    );
    Report {
        scenario: S::NAME,
        calls: calls.len(),
        strikes: jobs.len(),
        tally: total.into_inner().expect("no poison"),
        elapsed: started.elapsed(),
    }
}

async fn play<S: Scenario>(strike: Option<(usize, Fault)>) -> (World, End, Vec<String>) {
    let mut world = World::new().await;
    if S::ALERT_GROUP_SECONDS > 0 {
        world.group_alerts(S::ALERT_GROUP_SECONDS);
    }
    let given = S::prepare(&mut world).await;
    match strike {
        Some((index, fault)) => world.faults.plan(index, fault),
        None => world.faults.clear(),
    }
    let told = S::act(&mut world, &given).await;
    let calls = world.faults.calls();
    world.settle().await;
    let table = table::canonical(&world.dump());
    (world, End { told, table }, calls)
}

async fn strike<S: Scenario>(index: usize, fault: Fault, call: &str, expected: &End) -> Tally {
    let (world, end, _) = play::<S>(Some((index, fault))).await;
    assert_eq!(
        world.faults.struck().as_deref(),
        Some(call),
        "what was struck"
    );
    assert_eq!(end.told, expected.told, "what people were told");
    let differences = table::differences(&expected.table, &end.table);
    assert!(
        differences.is_empty(),
        "{fault:?} at {call} leaves\n{}",
        differences.join("\n")
    );
    let tally = ledger::check(&world);
    assert_eq!(tally.untold, 0, "every letter is told of");
    tally
}

/// The one strike of this scenario that is wanted, if one is; empty if one of another scenario is.
fn replayed(scenario: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what a person asks of the tests is no configuration of a function"
    )]
    let wanted = std::env::var(REPLAY).ok()?;
    Some(match wanted.split_once(':') {
        Some((name, strike)) if name == scenario => strike.to_owned(),
        // None of ours.
        _ => String::new(),
    })
}

/// Runs a world to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}
