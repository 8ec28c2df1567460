//! The emulated AWS of this machine: DynamoDB, SQS and the sending half of SES and of SMS behind one loopback port.
//!
//! Guarantees:
//!
//! - The real SDKs and the AWS CLI work unchanged through `AWS_ENDPOINT_URL`.
//! - What DynamoDB and the mailbox acknowledged survives `kill -9`, though DynamoDB's last moments not a power cut; queues
//!   are volatile, as the design allows: what they lose is sent again, because an event stays unsettled until its effects
//!   are recorded. What SES tells of letters is lost with them; nothing but the telling depends on it.
//! - Dropping an [`AwsPort`] frees its ports and threads; nothing of it lives in globals, so a process may hold many.
//!
//! Not emulated: signatures and permissions are not checked (the port listens on loopback only), nothing is throttled,
//! indexes do not lag and transactions do not conflict. Tests inject those faults themselves.

mod dynamodb;
mod port;
mod ses;
mod sms;
pub mod sqs;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use dynamodb::{Dynamo, FILE as DATABASE};
pub use port::AwsPort;
pub use ses::{Letter, Mailbox, ReportsTo};
pub use sqs::Sqs;

/// The account that everything local belongs to.
pub const ACCOUNT: &str = "000000000000";

/// The region the emulated services say they are in.
pub const REGION: &str = "us-east-1";

/// The largest request body accepted, in bytes. DynamoDB's own limit.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Tells business time: what the mailbox stamps on what it catches.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where the state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In this folder, which is created when missing; survives restarts and kills.
    Dir(PathBuf),
    /// In memory, gone with the port. For tests.
    Memory,
}

/// Why the emulated services did not start. Each is one sentence for the person who typed the command.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder or a file in it cannot be created, read or written.
    #[error("{path} cannot be used: {source}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The database or the mailbox is not what we wrote.
    #[error("{path} is damaged ({detail}); move it away to start empty, or put a copy back")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The database was written by a newer version of this program.
    #[error("{path} was written by a newer version; update this one, or use another data folder")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The database engine refused to open the file.
    #[error("the database {path} cannot be opened: {detail}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        detail: String,
    },
    /// A listener or a thread could not be had.
    #[error("the emulated AWS endpoint cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// Machine time in milliseconds since 1970, which never goes back: the wall clock is read once and a monotonic one
/// carries on from there, so that a corrected wall clock neither revives nor hides a message.
#[derive(Debug)]
struct MachineClock {
    origin: i64,
    started: Instant,
}

impl MachineClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "queues live in machine time, and this is where the local stack reads it"
    )]
    fn start() -> Self {
        Self {
            origin: Timestamp::now().as_millisecond(),
            started: Instant::now(),
        }
    }

    fn now(&self) -> i64 {
        self.origin.saturating_add(millis(self.started.elapsed()))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Threads of our own for a server, ended without waiting when dropped. Dropping a [`tokio::runtime::Runtime`] itself
/// would panic inside an asynchronous caller, which every test is.
#[derive(Debug)]
struct Threads(Option<tokio::runtime::Runtime>);

impl Threads {
    fn start(name: &str, workers: usize) -> Result<Self, std::io::Error> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name(name)
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    fn run<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(runtime) = &self.0 {
            runtime.spawn(task);
        }
    }

    /// Registers a standard listener with these threads.
    fn adopt(
        &self,
        listener: std::net::TcpListener,
    ) -> Result<tokio::net::TcpListener, std::io::Error> {
        listener.set_nonblocking(true)?;
        let _guard = self.0.as_ref().map(tokio::runtime::Runtime::enter);
        tokio::net::TcpListener::from_std(listener)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
