//! The real program as a child process: started, looked at through `/proc`, killed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Address;
use crate::run::LoadError;

/// Generous: a start on a large database checks all of it first.
const PATIENCE: Duration = Duration::from_secs(300);

/// Clock ticks of `/proc/*/stat` in a second: 100 on every Linux there is.
const TICKS: u64 = 100;

/// Where a system keeps its data and its log.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Place {
    fn log(&self) -> PathBuf {
        self.folder.join("stderr.log")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// How many lines were logged.
    pub(crate) fn lines_logged(&self) -> usize {
        std::fs::read_to_string(self.log()).map_or(0, |log| log.lines().count())
    }

    /// What the data folder takes on disk, in bytes.
    pub(crate) fn data_bytes(&self) -> u64 {
        let entries = std::fs::read_dir(self.data()).into_iter().flatten();
        entries
            .flatten()
            .filter_map(|entry| entry.metadata().ok())
            .map(|data| data.len())
            .sum()
    }
}

/// A running system that we started. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct System {
    child: Child,
    pub(crate) address: Address,
}

impl System {
    /// Starts it on two free ports and waits until it says where it listens.
    pub(crate) async fn start(place: &Place) -> Result<Self, LoadError> {
        let program = &place.program;
        let cannot = |source: io::Error| LoadError::Start {
            program: program.clone(),
            source,
        };
        std::fs::create_dir_all(&place.folder).map_err(cannot)?;
        let log = File::options().create(true).append(true).open(place.log());
        let mut child = Command::new(program)
            .args(["--port", "0", "--data"])
            .arg(place.data())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.map_err(cannot)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| cannot(io::ErrorKind::BrokenPipe.into()))?;
        let mut lines = BufReader::new(stdout).lines();
        let address = async {
            while let Some(line) = lines.next_line().await.map_err(cannot)? {
                let url = line.split_whitespace().nth(1);
                if let (true, Some(url)) = (line.trim_start().starts_with("Form "), url) {
                    let base = url.trim_end_matches("/f/default");
                    return base.parse().map_err(LoadError::Address);
                }
            }
            Err(LoadError::DidNotStart {
                log: tail(&place.log()),
            })
        };
        let address = tokio::time::timeout(PATIENCE, address)
            .await
            .map_err(|_| LoadError::DidNotStart {
                log: tail(&place.log()),
            })??;
        // Whatever it still has to say must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, address })
    }

    /// SIGKILL, and waits for its end.
    pub(crate) async fn kill(mut self) -> Result<(), LoadError> {
        self.child.kill().await.map_err(LoadError::Kill)
    }

    /// Resident memory, in KiB. `None` where there is no `/proc`.
    pub(crate) fn rss_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches("kB").trim_end().parse().ok()
    }

    /// Processor time it has used so far. `None` where there is no `/proc`.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * 1000 / TICKS))
    }
}

fn tail(log: &Path) -> String {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
