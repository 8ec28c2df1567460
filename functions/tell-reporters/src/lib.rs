//! `tell-reporters`: every minute, goes on telling those who reported something that it shipped, and writing to the few of them
//! who are to try it before.
//!
//! A run takes the announcements that run and walks their reporters from where the last run came to, at the pace that all
//! share. **At most once:** a letter is claimed in the ledger of its address before it is sent and recorded after; what is
//! claimed and not recorded when the lease is over is recorded as unknown and never sent again. So two runs at once, or one
//! that is killed anywhere, tell nobody twice; and the cursor moves only behind those who are dealt with, so nobody is passed
//! over.

mod beta;
mod config;
mod handler;
mod letter;

pub use config::{Config, VARIABLES};
pub use handler::{App, Telling};
