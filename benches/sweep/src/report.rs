//! What was found.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use alert_breaches::Swept;

use crate::Plan;
use crate::meter::{Calls, Units};

/// One run of the function.
#[derive(Debug, Clone)]
pub struct Run {
    /// What it said itself.
    pub swept: Swept,
    /// How long it took.
    pub elapsed: Duration,
    /// How long its thread was on a processor, where that is known: the function's own share, without the table's.
    pub cpu: Option<Duration>,
    /// What it asked of the table, by operation.
    pub calls: BTreeMap<String, Calls>,
    /// The capacity of that, if it was asked for.
    pub units: Units,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    plan: Plan,
    /// How long the table took to fill.
    pub filling: Duration,
    /// The runs, in order; the last found nothing.
    pub runs: Vec<Run>,
    /// How late each case was moved, ascending: milliseconds of business time from its deadline to the minute of the run.
    pub lateness: Vec<i64>,
    /// The most memory that was resident during the runs, in KiB: function, table and this program together.
    pub peak_kib: Option<u64>,
    /// Cases that fell due and whose log is not as it should be.
    pub wrong: u32,
    /// The load of the machine before the runs, and after them.
    pub load_before: Option<String>,
    /// See [`load_before`](Self::load_before).
    pub load_after: Option<String>,
}

impl Report {
    pub(crate) fn new(plan: &Plan, filling: Duration, load: Option<String>) -> Self {
        Self {
            plan: plan.clone(),
            filling,
            runs: Vec::new(),
            lateness: Vec::new(),
            peak_kib: None,
            wrong: 0,
            load_before: load,
            load_after: None,
        }
    }

    /// Whether each case that fell due was moved once and as it should be, and no other was.
    pub fn is_sound(&self) -> bool {
        let sum = |of: fn(&Swept) -> u64| self.runs.iter().map(|run| of(&run.swept)).sum::<u64>();
        let due = u64::from(self.plan.due);
        let counted = u64::try_from(self.lateness.len());
        let settled = self
            .runs
            .last()
            .is_some_and(|run| run.swept == Swept::default());
        self.wrong == 0
            && sum(|swept| swept.expired) == due
            && sum(|swept| swept.events) == due
            && counted == Ok(due)
            && sum(|swept| swept.failed + swept.resent + swept.retargeted) == 0
            && settled
    }

    /// The smallest lateness that so many of a hundred do not exceed (the nearest rank), in milliseconds.
    fn percent(&self, share: usize) -> Option<i64> {
        let rank = (self.lateness.len() * share).div_ceil(100).max(1);
        self.lateness.get(rank - 1).copied()
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Plan {
            cases,
            due,
            timeout,
            ..
        } = &self.plan;
        writeln!(
            f,
            "{cases} open cases, {due} due within one minute; stopped after {} s at the latest",
            timeout.as_secs()
        )?;
        let rate = f64::from(*cases) / self.filling.as_secs_f64();
        let filling = self.filling.as_secs_f64();
        writeln!(f, "filled in {filling:.1} s ({rate:.0} cases a second)\n")?;
        writeln!(
            f,
            "| minute | cases moved | s | cases/s | CPU s | calls | failed | work left |"
        )?;
        writeln!(f, "|--:|--:|--:|--:|--:|--:|--:|---|")?;
        let (mut calls, mut units) = (BTreeMap::<&str, Calls>::new(), Units::default());
        let (mut elapsed, mut cpu) = (Duration::ZERO, Some(Duration::ZERO));
        for (n, run) in self.runs.iter().enumerate() {
            for (name, made) in &run.calls {
                let sum = calls.entry(name).or_default();
                sum.count += made.count;
                sum.failed += made.failed;
                sum.time += made.time;
            }
            units.reads += run.units.reads;
            for (name, used) in &run.units.writes {
                *units.writes.entry(name.clone()).or_default() += used;
            }
            elapsed += run.elapsed;
            cpu = cpu.zip(run.cpu).map(|(sum, own)| sum + own);
            let seconds = run.elapsed.as_secs_f64();
            writeln!(
                f,
                "| {n} | {} | {seconds:.2} | {:.0} | {} | {} | {} | {} |",
                run.swept.expired,
                run.swept.expired as f64 / seconds,
                run.cpu
                    .map_or("-".to_owned(), |cpu| format!("{:.2}", cpu.as_secs_f64())),
                run.calls.values().map(|calls| calls.count).sum::<u64>(),
                run.calls.values().map(|calls| calls.failed).sum::<u64>(),
                if run.swept.unfinished { "yes" } else { "no" },
            )?;
        }
        let rate = f64::from(*due) / elapsed.as_secs_f64();
        writeln!(
            f,
            "\nall in {:.1} s ({rate:.0} cases a second)",
            elapsed.as_secs_f64()
        )?;
        if let Some(cpu) = cpu {
            let each = cpu.as_secs_f64() * 1e6 / f64::from(*due);
            writeln!(f, "processor time of the function: {each:.0} us a case")?;
        }
        for (
            name,
            Calls {
                count,
                failed,
                time,
            },
        ) in &calls
        {
            let mean = time.as_secs_f64() * 1000.0 / *count as f64;
            writeln!(
                f,
                "{name}: {count} calls, {failed} failed, {mean:.1} ms each"
            )?;
        }
        if self.plan.units {
            writeln!(f, "read units: {}", units.reads)?;
            for (name, used) in &units.writes {
                writeln!(f, "write units of {name}: {used}")?;
            }
        }
        let late = [50, 99, 100].map(|share| {
            let late = self.percent(share).map(|ms| ms as f64 / 60_000.0);
            late.map_or("-".to_owned(), |minutes| format!("{minutes:.2}"))
        });
        let [p50, p99, max] = late;
        writeln!(
            f,
            "late by minutes of business time: p50 {p50}, p99 {p99}, max {max}"
        )?;
        if let Some(kib) = self.peak_kib {
            writeln!(
                f,
                "most memory, table included: {:.1} MiB",
                kib as f64 / 1024.0
            )?;
        }
        let verdict = if self.is_sound() {
            "each was warned of once, at its instant, and nothing else happened"
        } else {
            "NOT as it should be"
        };
        writeln!(f, "logs looked at: {due}, wrong: {}; {verdict}", self.wrong)?;
        let said = |load: &Option<String>| load.clone().unwrap_or_else(|| "-".to_owned());
        let (before, after) = (said(&self.load_before), said(&self.load_after));
        writeln!(f, "load of the machine: {before} before, {after} after")
    }
}
