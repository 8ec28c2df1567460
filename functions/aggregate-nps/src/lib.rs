//! `aggregate-nps`: every night, counts the scores of each local day.
//!
//! Tallies are derived: each run reads the responses of a day anew and makes what it counted the cells of that day, so
//! late writes and erasures show, and a night that is run again gives the same. Running it twice, or two at once,
//! changes nothing: of two runs at one day, the one that began to read later has the last word.
//!
//! - The survey of each form is counted in the days of that form's zone, else of the deployment's. **A form that is
//!   taken off the list is not counted any more.**
//! - Recounted are today, the three days before it, and everything after the day two before the last complete one:
//!   what the index had not shown yet the night before, and nights that were missed. It goes back 400 days at most, and
//!   that far if nothing was ever counted. The watermark follows behind, so a run that is cut short is continued.
//! - Products and touchpoints are what senders write. Of each cut, a dimension or a pair of them, a day keeps its 1,000 most
//!   frequent values (of equally frequent ones, the first in order) and counts all others as [`OTHER`]; so it does with
//!   a pair of values too long for a key.

mod config;
mod count;
mod handler;

pub use config::{Config, VARIABLES};
pub use count::OTHER;
pub use handler::{App, Counted};
