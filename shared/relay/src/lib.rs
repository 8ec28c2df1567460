//! Sends what is still to follow from events to the queues of those who do it.
//!
//! The relay of new events and the sweep that sends unsettled ones again share this one way. Sending settles
//! nothing: only who carried an effect out records it. A message may arrive twice; its consumer does no harm then.
//! How a consumer begins and ends is here as well: [`owed`] and [`settle`].

mod owed;

use futures::future::join;
use resound_domain::event::Effect;
use resound_domain::id::CaseId;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::config::{Recorded, Vars};
use resound_lambda_kit::publish::{Outgoing, Queue};
use resound_messages::{EffectDue, Message, encode};
use resound_store::StoredEvent;

pub use owed::{failed, owed, settle};

/// Where messages go, by effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrls {
    /// The queue of `close-loop`.
    pub customer_notices: String,
    /// The queue of `notify-staff`.
    pub staff_alerts: String,
}

impl QueueUrls {
    /// Reads `CUSTOMER_NOTICES_URL` and `STAFF_ALERTS_URL`.
    ///
    /// # Errors
    /// [`Recorded`] if one is not set.
    pub fn read(vars: &mut Vars) -> Result<Self, Recorded> {
        let customer_notices = vars.required("CUSTOMER_NOTICES_URL");
        let staff_alerts = vars.required("STAFF_ALERTS_URL");
        Ok(Self {
            customer_notices: customer_notices?,
            staff_alerts: staff_alerts?,
        })
    }
}

/// The way from events to queues.
#[derive(Debug, Clone)]
pub struct Relay {
    customer_notices: Queue,
    staff_alerts: Queue,
}

/// An effect whose message may not be on its queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of event {seq} of case {case} was not sent: {reason}", effect.name())]
pub struct Unsent {
    /// The case of the event.
    pub case: CaseId,
    /// The place of the event in its log.
    pub seq: u32,
    /// The effect.
    pub effect: Effect,
    /// Why.
    pub reason: String,
}

impl Relay {
    /// The way to these queues.
    pub fn new(urls: QueueUrls, clients: &Clients) -> Self {
        Self {
            customer_notices: Queue::new(clients.sqs.client(), urls.customer_notices),
            staff_alerts: Queue::new(clients.sqs.client(), urls.staff_alerts),
        }
    }

    /// Sends a message for each open effect of these events, in batches, and says which were **not** surely
    /// accepted. A settled event has none, so it costs no call.
    #[must_use = "an effect that was not sent waits for the sweep if nobody looks"]
    pub async fn send(&self, events: &[StoredEvent]) -> Vec<Unsent> {
        let (mut unsent, more) = join(
            self.send_each(Effect::CustomerNotice, events),
            self.send_each(Effect::StaffAlert, events),
        )
        .await;
        unsent.extend(more);
        unsent
    }

    async fn send_each(&self, effect: Effect, events: &[StoredEvent]) -> Vec<Unsent> {
        let queue = match effect {
            Effect::CustomerNotice => &self.customer_notices,
            Effect::StaffAlert => &self.staff_alerts,
        };
        let failed = |due: EffectDue, reason| Unsent {
            case: due.case,
            seq: due.seq,
            effect,
            reason,
        };
        let (mut sent, mut messages, mut unsent) = (Vec::new(), Vec::new(), Vec::new());
        for event in events.iter().filter(|event| event.open.contains(&effect)) {
            let due = EffectDue {
                effect,
                case: event.event.case,
                seq: event.event.seq,
                trace_id: event.event.trace_id,
            };
            match encode(&Message::EffectDue(due.clone())) {
                Ok(body) => {
                    messages.push(Outgoing {
                        body,
                        trace: due.trace_id,
                        delay: 0,
                    });
                    sent.push(due);
                }
                Err(error) => unsent.push(failed(due, error.to_string())),
            }
        }
        for refused in queue.send(&messages).await {
            if let Some(due) = sent.get(refused.index) {
                unsent.push(failed(due.clone(), refused.reason));
            }
        }
        unsent
    }
}
