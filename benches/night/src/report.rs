//! What was found.

use std::fmt::{self, Display, Formatter};

use crate::ours::Took;

/// Who counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Peer {
    Ours,
    DuckDb,
    Polars,
}

impl Peer {
    /// All of them, in the order of a round.
    pub const ALL: [Self; 3] = [Self::Ours, Self::DuckDb, Self::Polars];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::DuckDb => "duckdb",
            Self::Polars => "polars",
        }
    }
}

/// What everybody took for so many responses: round after round, the peers interleaved.
#[derive(Debug, Clone)]
pub struct Size {
    /// Responses.
    pub responses: u32,
    /// Cells that all of them found.
    pub cells: usize,
    /// Who took what.
    pub took: Vec<(Peer, Took)>,
}

/// The median of what a peer took, number by number.
fn median(took: &[(Peer, Took)], peer: Peer) -> Option<Took> {
    let of = |number: fn(&Took) -> f64| {
        let own = took.iter().filter(|(who, _)| *who == peer);
        let mut numbers: Vec<f64> = own.map(|(_, took)| number(took)).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.get(numbers.len() / 2).copied()
    };
    let peak = took.iter().filter(|(who, _)| *who == peer);
    Some(Took {
        wall: of(|took| took.wall)?,
        cpu: of(|took| took.cpu)?,
        peak_kib: peak.map(|(_, took)| took.peak_kib).max()?,
    })
}

/// A row for each peer, as Markdown. Ratios are to ours of the same run.
impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(ours) = median(&self.took, Peer::Ours) else {
            return Ok(());
        };
        for peer in Peer::ALL {
            let Some(took) = median(&self.took, peer) else {
                continue;
            };
            writeln!(
                f,
                "| {} | {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} |",
                self.responses,
                self.cells,
                peer.name(),
                took.wall,
                took.wall / ours.wall,
                took.cpu,
                took.cpu / ours.cpu,
                f64::from(u32::try_from(took.peak_kib).unwrap_or(u32::MAX)) / 1024.0,
                f64::from(self.responses) / took.cpu / 1e6,
            )?;
        }
        Ok(())
    }
}

/// The head of the table of sizes.
pub const HEAD: &str = "\
| responses | cells | who | wall s | x ours | CPU s | x ours | peak MiB | M responses a CPU s |
|--:|--:|---|--:|--:|--:|--:|--:|--:|
";
