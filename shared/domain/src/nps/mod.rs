//! The statistics of what customers answered: scores with their uncertainty, changes, drivers, what may be published.
//!
//! Everything is computed from counts ([`Tally`](crate::tally::Tally)) and depends on nothing else. `docs/nps.md` has
//! each formula with its source, a worked example and what the words mean.
//!
//! | room | answers |
//! |---|---|
//! | [`summary`] | What is the NPS of these answers, and how sure is it? |
//! | [`rating`] | The same of CSAT and CES: mean and top two. |
//! | [`share`] | How sure is a share; do two shares differ? |
//! | [`change`] | Did it change, and may that be chance? |
//! | [`weighted`] | What is the NPS when customers count by their value? |
//! | [`window`] | Which days belong to a window, and which are those before? |
//! | [`pair`] | How is the cell of two dimensions called? |
//! | [`index`] | The Customer Experience Index. |
//! | [`radar`] | Where is each touchpoint between its baseline and its target? |
//! | [`mod@drivers`] | Which touchpoint or theme moves the NPS most? |
//! | [`volatility`] | Does satisfaction swing more than chance makes it? |
//! | [`cells`] | Which cells must be hidden so that nobody can be found in them? |
//! | [`normal`] | The normal distribution, and Student's. |
//!
//! **Units.** Scores and shares are in points, percent of all who answered: an NPS is from -100 to 100, a share from 0
//! to 100. Means are on the scale of their question. Intervals are at 95 %, low and high, and cut at the ends of their scale.
//!
//! **The same bits on every machine.** Only operations that IEEE 754 rounds correctly are used: the four basic ones and the
//! square root. `exp`, `ln`, `powf` of the standard library are the platform's, and `powi` is of unspecified precision: none
//! of them stands here. The one transcendental function, `erfc`, is the `libm` crate's, which is plain arithmetic. Sums go in
//! a fixed order.

pub mod cells;
pub mod change;
pub mod drivers;
pub mod index;
pub mod normal;
pub mod pair;
pub mod radar;
pub mod rating;
pub mod share;
pub mod summary;
pub mod volatility;
pub mod weighted;
pub mod window;

#[cfg(test)]
mod chance;

pub use cells::{FEWEST_PEOPLE, Published, Table, publish};
pub use change::{Comparison, MeanChange, NpsChange, Permutation, ShareChange, Verdict};
pub use drivers::{Driver, Pull, drivers};
pub use index::{ExperienceIndex, IndexWeights, Ingredients};
pub use normal::Z_95;
pub use pair::Pair;
pub use radar::{Reached, Spoke};
pub use rating::Rating;
pub use share::{Share, ShareSummary};
pub use summary::{NpsSummary, Standings};
pub use volatility::{Swing, Volatility, disagree};
pub use weighted::{TierWeights, WeightedNps};
pub use window::{Period, Window};

/// The chance of being wrong that is taken when a change is called one: 5 %, two-sided.
pub const ALPHA: f64 = 0.05;

/// On fewer answers than this, on either side, nothing is said of a change or a driver.
///
/// The usual rule of thumb for a normal approximation. From 30 answers a side on, the test of [`change`] claims a change in 2 to
/// 6 % of the cases in which there is none, as a simulation in its tests shows.
pub const FEWEST_ANSWERS: u64 = 30;

/// A count as a number. Counts of answers are far below 2^53, up to which this is exact.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of answers are far below 2^53"
)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

/// The sum of counts, which saturates.
pub(crate) fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, &n| sum.saturating_add(n))
}

/// An interval around a centre, cut at the ends of the scale.
pub(crate) fn around(centre: f64, half: f64, [low, high]: [f64; 2]) -> [f64; 2] {
    [(centre - half).max(low), (centre + half).min(high)]
}
