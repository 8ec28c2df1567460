//! Rows of a report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::tally::Tally;
use serde::Serialize;

/// The numbers of the nights so far.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// Business time of the run these numbers are from, the earliest of the surveys'; `null` before the first night.
    as_of: Option<Timestamp>,
}

/// One row: the answers to the question of recommendation, and what was answered to the other two.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    /// Everybody who answered anything, with or without a score.
    responses: u64,
    /// How many answered the question; where nobody did, there is no score.
    n: u64,
    promoters: u64,
    passives: u64,
    detractors: u64,
    nps: Option<f64>,
    standard_error: Option<f64>,
    interval: Option<[f64; 2]>,
    csat: Option<Mean>,
    ces: Option<Mean>,
}

/// The mean of a score on its own scale.
#[derive(Debug, PartialEq, Serialize)]
struct Mean {
    n: u64,
    mean: f64,
}

impl Report {
    /// The report of these tallies.
    pub(crate) fn new(tallies: BTreeMap<String, Tally>, as_of: Option<Timestamp>) -> Self {
        let rows = tallies.into_iter().map(|(key, tally)| row(key, &tally));
        Self {
            rows: rows.collect(),
            as_of,
        }
    }
}

fn row(key: String, tally: &Tally) -> Row {
    let summary = tally.nps_summary();
    Row {
        key,
        responses: tally.responses,
        n: summary.map_or(0, |s| s.n),
        promoters: summary.map_or(0, |s| s.promoters),
        passives: summary.map_or(0, |s| s.passives),
        detractors: summary.map_or(0, |s| s.detractors),
        nps: summary.map(|s| s.nps),
        standard_error: summary.map(|s| s.standard_error),
        interval: summary.map(|s| s.interval),
        csat: mean(&tally.csat),
        ces: mean(&tally.ces),
    }
}

/// The mean of counts of the scores 1, 2, 3, ...
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of answers are far below 2^53"
)]
fn mean(counts: &[u64]) -> Option<Mean> {
    let n = counts
        .iter()
        .fold(0_u64, |sum, &count| sum.saturating_add(count));
    let scores = (1..).map(f64::from);
    let total: f64 = counts
        .iter()
        .zip(scores)
        .map(|(&count, score): (&u64, f64)| count as f64 * score)
        .sum();
    (n > 0).then(|| Mean {
        n,
        mean: total / n as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_on_its_own_scale() {
        assert_eq!(mean(&[0; 5]), None);
        assert_eq!(mean(&[1, 0, 0, 0, 1]), Some(Mean { n: 2, mean: 3.0 }));
        assert_eq!(mean(&[0, 0, 0, 0, 0, 0, 3]), Some(Mean { n: 3, mean: 7.0 }));
    }
}
