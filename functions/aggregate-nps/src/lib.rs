//! `aggregate-nps`: counts the scores of each local day when it is over, and again when it is marked.
//!
//! It runs every quarter of an hour. Tallies are derived: each run reads the responses of a day anew and makes what it counted
//! the cells of that day. Running it twice, or two at once, changes nothing: of two runs at one day, the one that began to read later
//! has the last word, and it writes only what differs.
//!
//! - The night of a survey begins half an hour after the end of its local day, in the zone of its form, else of the deployment's.
//!   It counts every day after the watermark and the two before it, as the index may have shown something late; it goes back 400 days
//!   at most, and that far if nothing was ever counted. The watermark follows behind, so a run that is cut short is continued.
//!   **A form that is taken off the list is not counted any more.**
//! - Then the marked days that are over are counted, those of late answers, edits and erasures only when the index must show them.
//!   A mark is cleared if it is as it was seen. So a replay of a year goes on from run to run, and keeps no night waiting.
//! - Where the whole of a complete day changes, the store keeps a correction with it.
//! - Products and touchpoints are what senders write. Of each cut, a dimension or a pair of them, a day keeps its 1,000 most
//!   frequent values (of equally frequent ones, the first in order) and counts all others as [`OTHER`]; so it does with
//!   a pair of values too long for a key.

mod config;
mod count;
mod handler;

pub use config::{Config, VARIABLES};
pub use count::OTHER;
pub use handler::{App, Counted};
