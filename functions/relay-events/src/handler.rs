//! From the key of a new event to messages on queues.

use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::batch::{
    BatchResponse, Change, Outcome, StreamEvent, StreamRecord, process_stream,
};
use resound_lambda_kit::metrics::{Counter, Metrics};
use resound_lambda_kit::telemetry::follow;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_relay::Relay;
use resound_store::{Key, RawKey, Store, StoreError};

use crate::Config;

/// The function.
#[derive(Debug)]
pub struct App {
    store: Store,
    relay: Relay,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        Self {
            store: Store::new(clients.dynamodb.clone(), config.table),
            relay: Relay::new(config.queues, clients),
        }
    }

    /// What cannot be read is passed over: the event stays unsettled, and the sweep comes back to it until somebody
    /// mends it.
    async fn relay(&self, record: StreamRecord, metrics: &Metrics) -> Outcome {
        // The mapping filters for new events; this is for one that does not.
        let keys = record.dynamodb.keys;
        if record.change != Change::Insert || !keys.sk.s.starts_with("EVENT#") {
            return Outcome::Done;
        }
        let raw = RawKey {
            pk: keys.pk.s,
            sk: keys.sk.s,
        };
        let (case, seq) = match Key::decode(&raw) {
            Ok(Key::Event { case, seq }) => (case, seq),
            Ok(_) => return Outcome::Done,
            Err(_) => return Outcome::Quarantine(format!("{raw} is not the key of an event")),
        };
        let event = match self.store.event(case, seq).await {
            Ok(Some(event)) => event,
            // Erased meanwhile.
            Ok(None) => return Outcome::Done,
            Err(error @ StoreError::Corrupt { .. }) => return Outcome::quarantine(error),
            Err(error) => return Outcome::retry(error),
        };
        follow(event.event.trace_id);
        if event.open.is_empty() {
            return Outcome::Done;
        }
        match self.relay.send(&[event]).await.into_iter().next() {
            None => {
                metrics.count(Counter::EventsRelayed, 1);
                tracing::info!(%case, seq, "event relayed");
                Outcome::Done
            }
            Some(unsent) => Outcome::retry(unsent),
        }
    }
}

impl Function for App {
    const NAME: &'static str = "relay-events";
    type Event = StreamEvent;
    type Output = BatchResponse;

    async fn handle(
        &self,
        event: StreamEvent,
        invocation: &Invocation,
    ) -> Result<BatchResponse, Fault> {
        let metrics = &invocation.metrics;
        Ok(process_stream(event, |record| self.relay(record, metrics)).await)
    }
}
