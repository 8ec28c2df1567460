//! What a run found, as Markdown.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::drive::Driven;
use crate::latency::Latencies;
use crate::memory::{Growth, Sample};
use crate::run::{Plan, Target};

/// The machine in one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: usize,
    /// The model of the processor, if it is known.
    pub model: Option<String>,
    /// Load averages over 1, 5 and 15 minutes, as the system says them.
    pub load: Option<String>,
}

impl Machine {
    /// The machine now.
    pub(crate) fn now() -> Self {
        let read = |path| std::fs::read_to_string(path).ok();
        let words = |text: String| text.split(' ').take(3).collect::<Vec<_>>().join(" ");
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: read("/proc/cpuinfo").and_then(|text| {
                let line = text.lines().find(|line| line.starts_with("model name"))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            }),
            load: read("/proc/loadavg").map(words),
        }
    }
}

/// A kill and what followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Killed {
    /// Submissions that were acknowledged before it.
    pub acknowledged: u64,
    /// Requests that it left without an answer.
    pub unanswered: u64,
    /// Submissions that were repeated after it, each twice at once.
    pub repeated: u64,
    /// Of these, the ones that were not acknowledged even then.
    pub not_acknowledged: u64,
    /// Acknowledged submissions, of all before it, whose status page does not answer.
    pub missing: u64,
    /// From the start of the program until it listens.
    pub restart: Duration,
}

/// The phase *memory*.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// What it did.
    pub driven: Driven,
    /// One look a second; none where memory cannot be seen.
    pub samples: Vec<Sample>,
}

/// The reckoning over the whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Different submissions that were acknowledged.
    pub acknowledged: u64,
    /// Submissions that were never acknowledged, however often they were sent.
    pub not_acknowledged: u64,
    /// Acknowledged submissions whose status page does not answer.
    pub missing: u64,
    /// Repeats that were acknowledged as something else than the first time.
    pub contradicted: u64,
    /// Submissions that were answered with neither an acknowledgement nor a failure.
    pub refused: u64,
    /// Submissions that the nightly count found; `None` if it was not asked or did not end.
    pub counted: Option<u64>,
}

impl Kept {
    /// Acknowledged submissions that are not there, by their status pages or by the nightly count, whichever says more.
    pub fn lost(&self) -> u64 {
        let by_night = self
            .counted
            .map_or(0, |counted| self.acknowledged.saturating_sub(counted));
        self.missing.max(by_night)
    }

    /// Submissions that are there more than once, by the answers to repeats or by the nightly count.
    pub fn doubled(&self) -> u64 {
        let most = self.acknowledged + self.not_acknowledged;
        let by_night = self
            .counted
            .map_or(0, |counted| counted.saturating_sub(most));
        self.contradicted.max(by_night)
    }
}

/// What a run found. [`Display`] writes it as Markdown.
#[derive(Debug, Clone)]
pub struct Report {
    plan: Plan,
    /// The machine before the run.
    pub before: Machine,
    /// The machine after it.
    pub after: Machine,
    /// The phase *rate*.
    pub rate: Option<Driven>,
    /// The phase *throughput*.
    pub throughput: Option<Driven>,
    /// The phase *kill*, each of them.
    pub kills: Vec<Killed>,
    /// The phase *memory*.
    pub memory: Option<Remembered>,
    /// The reckoning.
    pub kept: Kept,
    /// Size of the data folder at the end, in bytes.
    pub data_bytes: Option<u64>,
    /// Lines the system logged.
    pub lines_logged: Option<usize>,
    /// What else should be known.
    pub notes: Vec<String>,
}

impl Report {
    pub(crate) fn of(plan: &Plan, before: Machine) -> Self {
        Self {
            plan: plan.clone(),
            after: before.clone(),
            before,
            rate: None,
            throughput: None,
            kills: Vec::new(),
            memory: None,
            kept: Kept::default(),
            data_bytes: None,
            lines_logged: None,
            notes: Vec::new(),
        }
    }

    /// Whether everything acknowledged is there, once, and nothing was refused.
    pub fn is_sound(&self) -> bool {
        let Kept {
            not_acknowledged,
            refused,
            ..
        } = self.kept;
        let after_kills = self.kills.iter().all(|kill| kill.missing == 0);
        after_kills
            && self.kept.lost() == 0
            && self.kept.doubled() == 0
            && not_acknowledged + refused == 0
    }

    fn phase(&self, f: &mut Formatter<'_>, title: &str, driven: &Driven) -> fmt::Result {
        let Driven {
            elapsed,
            counts,
            acknowledged,
            latencies,
            cpu,
        } = driven;
        let seconds = elapsed.as_secs_f64();
        writeln!(f, "\n## {title}\n")?;
        writeln!(f, "| sent | answer | times |\n|---|---|---:|")?;
        for count in counts {
            let status = count
                .status
                .map_or("none".to_owned(), |status| status.to_string());
            writeln!(f, "| {} | {status} | {} |", count.sent, count.times)?;
        }
        writeln!(f, "\n| what | figure |\n|---|---:|")?;
        writeln!(f, "| duration | {seconds:.1} s |")?;
        writeln!(f, "| answered | {:.1}/s |", per(driven.answered(), seconds))?;
        writeln!(
            f,
            "| submissions acknowledged | {:.1}/s |",
            per(*acknowledged, seconds)
        )?;
        self.latencies(f, latencies)?;
        if let (Some(cpu), true) = (cpu, driven.answered() > 0) {
            let each = 1000.0 / per(driven.answered(), cpu.as_secs_f64());
            writeln!(
                f,
                "| processor time of the system | {each:.2} ms a request |"
            )?;
        }
        Ok(())
    }

    fn latencies(&self, f: &mut Formatter<'_>, latencies: &Latencies) -> fmt::Result {
        for (name, share) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999)] {
            writeln!(
                f,
                "| latency {name} | {} |",
                milliseconds(latencies.per_mille(share))
            )?;
        }
        writeln!(f, "| latency max | {} |", milliseconds(latencies.max()))
    }

    fn killed(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## Killed in the middle of it\n")?;
        writeln!(
            f,
            "| acknowledged before | left without an answer | repeated, twice each | still not acknowledged | acknowledged and missing | started again in |"
        )?;
        writeln!(f, "|---:|---:|---:|---:|---:|---:|")?;
        for kill in &self.kills {
            let Killed {
                acknowledged,
                unanswered,
                repeated,
                not_acknowledged,
                missing,
                restart,
            } = kill;
            writeln!(
                f,
                "| {acknowledged} | {unanswered} | {repeated} | {not_acknowledged} | {missing} | {:.1} s |",
                restart.as_secs_f64()
            )?;
        }
        Ok(())
    }

    fn growth(&self, f: &mut Formatter<'_>, samples: &[Sample]) -> fmt::Result {
        writeln!(f)?;
        let Some(growth) = Growth::of(samples) else {
            return writeln!(
                f,
                "Memory: too few looks at it for a line (two minutes give enough, on Linux)."
            );
        };
        let verdict = if growth.is_flat() {
            "flat"
        } else {
            "**not flat**"
        };
        writeln!(f, "| resident memory | figure |\n|---|---:|")?;
        let rss = samples.iter().map(|sample| sample.rss_kib);
        let mib = |kib: u64| format!("{:.1} MiB", per(kib, 1024.0));
        writeln!(
            f,
            "| at the start | {} |",
            mib(samples.first().map_or(0, |s| s.rss_kib))
        )?;
        writeln!(
            f,
            "| at the end | {} |",
            mib(samples.last().map_or(0, |s| s.rss_kib))
        )?;
        writeln!(f, "| most | {} |", mib(rss.max().unwrap_or_default()))?;
        let Growth { slope, margin, .. } = growth;
        writeln!(
            f,
            "| slope of the second half (95 % interval) | {slope:+.1} KiB/min ({:+.1} to {:+.1}) |",
            slope - margin,
            slope + margin
        )?;
        writeln!(f, "| verdict | {verdict} |")?;
        let every = Duration::from_secs((growth.span.as_secs() / 5).max(10));
        let points: Vec<_> = samples
            .iter()
            .scan(Duration::ZERO, |next, sample| {
                let due = sample.at >= *next;
                if due {
                    *next += every;
                }
                Some(due.then(|| {
                    format!(
                        "{}:{:02} {}",
                        sample.at.as_secs() / 60,
                        sample.at.as_secs() % 60,
                        mib(sample.rss_kib)
                    )
                }))
            })
            .flatten()
            .collect();
        writeln!(f, "\nOver time: {}.", points.join(", "))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Plan {
            target,
            mix,
            rate,
            clients,
            ..
        } = &self.plan;
        let target = match target {
            Target::Program { program, .. } => program.display().to_string(),
            Target::Running(_) => "a running system".to_owned(),
        };
        let or_unknown =
            |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        writeln!(f, "# Load report\n\n| what | |\n|---|---|")?;
        writeln!(f, "| system | `{target}` |")?;
        writeln!(f, "| sent | {} |", mix.name())?;
        writeln!(
            f,
            "| machine | {} cores, {} |",
            self.before.cores,
            or_unknown(&self.before.model)
        )?;
        writeln!(
            f,
            "| load average before | {} |",
            or_unknown(&self.before.load)
        )?;
        writeln!(
            f,
            "| load average after | {} |",
            or_unknown(&self.after.load)
        )?;
        if let Some(driven) = &self.rate {
            self.phase(
                f,
                &format!("{rate} a second, whether answers come or not"),
                driven,
            )?;
        }
        if let Some(driven) = &self.throughput {
            self.phase(
                f,
                &format!("{clients} clients, each as fast as it is answered"),
                driven,
            )?;
        }
        if !self.kills.is_empty() {
            self.killed(f)?;
        }
        if let Some(Remembered { driven, samples }) = &self.memory {
            self.phase(f, &format!("{rate} a second, for memory"), driven)?;
            self.growth(f, samples)?;
        }
        let kept = &self.kept;
        writeln!(f, "\n## What was kept\n\n| what | times |\n|---|---:|")?;
        writeln!(f, "| submissions acknowledged | {} |", kept.acknowledged)?;
        let counted = kept
            .counted
            .map_or("not known".to_owned(), |n| n.to_string());
        writeln!(f, "| counted by the night | {counted} |")?;
        writeln!(f, "| lost | {} |", kept.lost())?;
        writeln!(f, "| doubled | {} |", kept.doubled())?;
        writeln!(f, "| never acknowledged | {} |", kept.not_acknowledged)?;
        writeln!(f, "| refused | {} |", kept.refused)?;
        if let Some(bytes) = self.data_bytes {
            writeln!(f, "| bytes on disk | {bytes} |")?;
        }
        if let Some(lines) = self.lines_logged {
            writeln!(f, "| lines logged | {lines} |")?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn per(count: u64, of: f64) -> f64 {
    count as f64 / of
}

fn milliseconds(latency: Option<Duration>) -> String {
    latency.map_or("none".to_owned(), |latency| {
        format!("{:.1} ms", latency.as_secs_f64() * 1000.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_lost_and_what_is_too_much_is_doubled() {
        let kept = |missing, contradicted, counted| Kept {
            acknowledged: 10,
            not_acknowledged: 1,
            missing,
            contradicted,
            refused: 0,
            counted,
        };
        for (kept, lost, doubled) in [
            (kept(0, 0, Some(10)), 0, 0),
            // The one that was never acknowledged may have been kept.
            (kept(0, 0, Some(11)), 0, 0),
            (kept(0, 0, Some(13)), 0, 2),
            (kept(0, 0, Some(7)), 3, 0),
            (kept(2, 3, None), 2, 3),
        ] {
            assert_eq!((kept.lost(), kept.doubled()), (lost, doubled), "{kept:?}");
        }
    }
}
