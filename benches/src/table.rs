//! The table.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::peer::Peer;
use crate::process::Shot;

/// One peer, with everything that was seen of it.
pub(crate) struct Row {
    name: String,
    binary: u64,
    package: Option<u64>,
    shots: Vec<Shot>,
    pub(crate) instructions: Option<(u64, u64)>,
}

impl Row {
    pub(crate) fn new(peer: &Peer) -> Self {
        let size = |path| fs::metadata(path).ok().map(|data| data.len());
        Self {
            name: peer.name.clone(),
            binary: size(&peer.binary).unwrap_or_default(),
            package: size(&peer.package),
            shots: Vec::new(),
            instructions: None,
        }
    }

    pub(crate) fn add(&mut self, shot: Shot) {
        self.shots.push(shot);
    }

    fn median<T: Ord + Copy + Default>(&self, of: impl Fn(&Shot) -> T) -> T {
        let mut values: Vec<T> = self.shots.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }

    fn cold(&self) -> Duration {
        self.median(|shot| shot.init + shot.first)
    }
}

/// Medians of all starts, as Markdown. The first row is the floor that the others are compared with.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut table = String::from(
        "| function | cold ms (init + first) | x hello | warm CPU us | M instr. init + first | k instr. warm \
         | peak MiB | binary MB | zip MB | AWS calls |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let floor = rows.first().map(Row::cold).unwrap_or_default();
    for row in rows {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let mb = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
        let (init, first) = (row.median(|shot| shot.init), row.median(|shot| shot.first));
        let instructions =
            row.instructions
                .map_or(["-".to_owned(), "-".to_owned()], |(first, warm)| {
                    [
                        format!("{:.2}", first as f64 / 1e6),
                        format!("{:.0}", warm as f64 / 1e3),
                    ]
                });
        let calls = row.shots.first().map_or(0.0, |shot| shot.aws_calls);
        writeln!(
            table,
            "| {} | {:.2} ({:.2} + {:.2}) | {:.2} | {:.0} | {} | {} | {:.1} | {} | {} | {calls:.0} |",
            row.name,
            ms(row.cold()),
            ms(init),
            ms(first),
            row.cold().as_secs_f64() / floor.as_secs_f64(),
            row.median(|shot| shot.warm_cpu).as_secs_f64() * 1e6,
            instructions[0],
            instructions[1],
            row.median(|shot| shot.peak_kib) as f64 / 1024.0,
            mb(row.binary),
            row.package.map_or("-".to_owned(), mb),
        )
        .expect("a text grows");
    }
    table
}
