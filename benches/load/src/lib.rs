//! Puts load on a whole Resound, from outside and over HTTP, and reports what it found.
//!
//! Four phases, each of which can be left out:
//!
//! | phase | does | tells |
//! |---|---|---|
//! | rate | sends at a fixed rate, whether answers come or not | latencies |
//! | throughput | so many clients, each sending as soon as it was answered | the most it sustains |
//! | kill | kills the system (SIGKILL) in the middle of such load, starts it again, repeats what was not acknowledged | nothing is lost or doubled |
//! | memory | the fixed rate for a long time | whether memory grows |
//!
//! What was acknowledged is looked for at the end, all of it: its status page must answer, and the night must count each
//! submission once. Latency runs from the moment a request *should* have been sent, so that a system that stalls does not
//! hide the requests it kept from being sent.
//!
//! Times are the machine's and depend on it; counts do not, and tests assert those only.

mod client;
mod drive;
mod latency;
mod memory;
pub mod options;
mod process;
mod report;
mod run;
mod work;

pub use drive::{Count, Driven};
pub use latency::Latencies;
pub use memory::{Growth, Sample};
pub use report::{Kept, Killed, Machine, Remembered, Report};
pub use run::{LoadError, Plan, Target, run};
pub use work::Mix;
