//! What tests of functions share: a real table, queues and a mailbox in process, reached through the real SDK.
//!
//! For `[dev-dependencies]` only. Nothing here is a fake of ours: the table is the embedded DynamoDB of the local
//! stack, the queues and the mailbox are its emulators.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot start should say so"
)]

pub mod api;
pub mod cases;
mod server;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use server::{Request, Server};

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_emulator::{AwsPort, Data};
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::{BoxedFunction, Invocation};
use resound_store::{Cell, Counting, Store, WroteDay, schema};
use serde_json::Value;

/// The name of the table.
pub const TABLE: &str = "resound-test";

/// The keys that [`vars`] sign receipts with.
pub const SIGNING_KEYS: &str = "1=a secret of tests only";

/// The zone every test lives in.
pub const ZONE: &str = "Asia/Shanghai";

/// The instant at which tests begin, in business and in machine time: Monday 2026-11-02, 10:00 in [`ZONE`].
pub fn start() -> Timestamp {
    "2026-11-02T02:00:00Z".parse().expect("an instant")
}

/// An emulated AWS of one test.
pub struct Aws {
    /// The port, with its queues and mailbox.
    pub port: AwsPort,
    /// Clients of it, as the functions have them.
    pub clients: Clients,
    /// The table, which exists and is empty.
    pub store: Store,
}

impl Aws {
    /// Starts an emulated AWS with an empty table.
    pub async fn start() -> Self {
        let clock = Arc::new(start);
        let port = AwsPort::start_anywhere(&Data::Memory, clock).expect("the emulated AWS starts");
        let clients = Clients::new(&Settings::emulator(port.url()));
        schema::create_table(&clients.dynamodb, TABLE)
            .await
            .expect("the table is created");
        let store = Store::new(clients.dynamodb.clone(), TABLE);
        Self {
            port,
            clients,
            store,
        }
    }

    /// What a night counted on a day of a survey in [`ZONE`]: these cells and no others, at the [`start`], with nothing marked.
    pub async fn counted(&self, survey: &FormId, day: Date, cells: &[Cell]) {
        let generation = self.store.next_generation(survey, day).await;
        let generation = generation.expect("a generation");
        let counting = Counting {
            zone: ZONE,
            as_of: start(),
            marked: BTreeSet::new(),
        };
        let wrote = self.store.write_day(&generation, cells, &counting).await;
        let wrote = wrote.expect("the day is written");
        assert!(matches!(wrote, WroteDay::Written { .. }), "{wrote:?}");
    }
}

/// Variables that every function would find valid, with these instead of the usual values.
pub fn vars(own: &[(&str, &str)]) -> Vars {
    let usual = [
        ("TABLE_NAME", TABLE),
        ("TIME_ZONE", ZONE),
        ("PUBLIC_URL", "https://feedback.example.test"),
        ("SIGNING_KEYS", SIGNING_KEYS),
    ];
    Vars::from_pairs(
        usual
            .into_iter()
            .chain(own.iter().copied())
            .map(|(n, v)| (n.to_owned(), v.to_owned())),
    )
}

/// Calls a function with an event at a machine time and gives what it returned.
pub async fn call(function: &BoxedFunction, event: Value, machine_now: Timestamp) -> Value {
    let invocation = Invocation::at("test-invocation", machine_now);
    function
        .call(event, &invocation)
        .await
        .expect("the function does not fail")
}
