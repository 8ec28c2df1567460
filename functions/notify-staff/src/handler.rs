//! From a message that says "alert staff" to an e-mail and a webhook.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use resound_domain::case::Case;
use resound_domain::event::{Effect, Event};
use resound_domain::policy::Audience;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::batch::{self, BatchResponse, Outcome, SqsEvent, SqsRecord};
use resound_lambda_kit::mail::{self, Mail, Mailbox, Mailer, SendError};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::outbound::Outbound;
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_relay::{failed, owed, settle};
use resound_sinks::{Answer, standard};
use resound_store::{Claim, Lease, Medium, NoticeKey, Outcome as Told, Recipient, Recorded, Store};

use crate::alert::{Alert, matter};
use crate::config::{Config, Receiver};

/// The effect this function is for.
const EFFECT: Effect = Effect::StaffAlert;
/// An alert is only begun with this much time left: sending it may take 5 s, and recording that as much again.
const ENOUGH_TIME: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    mailer: Mailer,
    outbound: Option<Outbound>,
    /// Whether it was said that alerts reach nobody: once is enough.
    warned: AtomicBool,
}

/// One way to tell an audience.
enum Channel<'a> {
    /// A letter.
    Email(Box<Mail>),
    /// A call of a receiver.
    Webhook {
        receiver: &'a Receiver,
        outbound: &'a Outbound,
        payload: String,
    },
    /// There is none, and this is why.
    Nowhere(Told),
}

impl Channel<'_> {
    const fn medium(&self) -> Medium {
        match self {
            Self::Email(_) | Self::Nowhere(_) => Medium::Email,
            Self::Webhook { .. } => Medium::Webhook,
        }
    }
}

/// What a message is about, once it is read.
struct Due {
    event: Event,
    audience: Audience,
    /// A text no other attempt uses.
    attempt: String,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let receiver = config.receiver.as_ref();
        let outbound = receiver.map(|receiver| Outbound::new(receiver.reach));
        Self::with(config, clients, outbound)
    }

    /// The function over these clients, with webhooks over a given connection: for tests that inject faults.
    pub fn with(config: Config, clients: &Clients, outbound: Option<Outbound>) -> Self {
        Self {
            store: Store::new(clients.dynamodb.clone(), &config.table),
            mailer: clients.mailer.clone(),
            outbound,
            warned: AtomicBool::new(false),
            config,
        }
    }

    /// Handles one message: all channels at once, each with its own entry in the ledger, so that one that works is not
    /// used again because another does not.
    ///
    /// **Poison:** a body that does not decode, an effect of another queue, an event that is not in the table or that
    /// means nothing to staff, an item that cannot be read. It goes to the dead letters, where a person sees it; the
    /// event, if there is one, stays unsettled and is repaired or listed as stuck besides.
    async fn alert(&self, record: SqsRecord, invocation: &Invocation) -> Result<Outcome, Outcome> {
        let Some(event) = owed(&self.store, EFFECT, &record).await? else {
            // Delivered before.
            return Ok(Outcome::Done);
        };
        let case = self.store.case(event.case).await;
        let Some(case) = case.map_err(|error| failed("read the case", error))? else {
            return Err(Outcome::Quarantine(
                "the case of the event is missing".to_owned(),
            ));
        };
        let (audience, channels) = self.channels(&case, &event)?;
        let due = Due {
            event,
            audience,
            attempt: format!(
                "{}/{}/{}",
                invocation.request_id,
                record.message_id,
                record.receive_count()
            ),
        };
        let told = channels
            .iter()
            .map(|channel| self.deliver(&due, channel, invocation));
        // All of them, then the first failure: one must not break off another.
        join_all(told)
            .await
            .into_iter()
            .collect::<Result<(), Outcome>>()?;
        settle(&self.store, EFFECT, &due.event).await
    }

    /// Who is told of an event, and by which channels; at least one.
    fn channels(
        &self,
        case: &Case,
        event: &Event,
    ) -> Result<(Audience, Vec<Channel<'_>>), Outcome> {
        let Some((matter, audience)) = matter(&event.kind, case.priority()) else {
            return Err(Outcome::Quarantine(format!(
                "staff are not told of `{}`",
                event.kind.name()
            )));
        };
        let alert = Alert {
            matter,
            audience,
            case: case.id(),
            trace_id: case.trace_id(),
            reference: &case.id().response().reference(),
            priority: case.priority(),
            state: case.state(),
            owner: case.owner(),
            at: event.at,
            url: &format!("{}/v1/cases/{}", self.config.public_url, case.id()),
            locale: self.config.locale,
            zone: &self.config.zone,
        };
        let case_owner = case.owner().and_then(|owner| Mailbox::new(owner).ok());
        let to = self.config.addresses.find(audience, case_owner.as_ref());
        let mut channels = Vec::new();
        if let (Some(from), Some(to)) = (&self.config.from, to) {
            channels.push(Channel::Email(Box::new(letter(&alert, from, to))));
        }
        if let (Some(receiver), Some(outbound)) = (&self.config.receiver, &self.outbound) {
            let payload = alert.payload();
            channels.push(Channel::Webhook {
                receiver,
                outbound,
                payload: payload.map_err(|error| {
                    Outcome::quarantine(Fault::doing("write the payload", error))
                })?,
            });
        }
        if channels.is_empty() {
            let why = match self.config.from {
                None => Told::MailOff,
                Some(_) => Told::NoContact,
            };
            channels.push(Channel::Nowhere(why));
        }
        Ok((audience, channels))
    }

    /// Tells an audience by one channel, unless that was done. `Ok` means that the outcome is in the ledger.
    async fn deliver(
        &self,
        due: &Due,
        channel: &Channel<'_>,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        if invocation.time_left() < ENOUGH_TIME {
            return Err(Outcome::Retry("too little time is left".to_owned()));
        }
        let key = NoticeKey {
            case: due.event.case,
            cause: due.event.seq,
            recipient: Recipient::Staff(due.audience),
            medium: channel.medium(),
        };
        let (now, lease) = (invocation.machine_now, timing::NOTICE_LEASE);
        let claim = self.store.claim(key, &due.attempt, now, lease).await;
        let claim = match claim.map_err(|error| failed("claim the notice", error))? {
            Claim::Abandoned(abandoned) => {
                let claim = self.store.take_over(&abandoned, &due.attempt, now, lease);
                claim
                    .await
                    .map_err(|error| failed("take the notice over", error))?
            }
            claim => claim,
        };
        match claim {
            Claim::Fresh(lease) => {
                let told = self.send(due, channel, &lease, invocation).await?;
                self.record(&lease, &told, invocation).await
            }
            Claim::Recorded(_) => Ok(()),
            Claim::InProgress | Claim::Abandoned(_) => {
                Err(Outcome::Retry("another attempt is under way".to_owned()))
            }
        }
    }

    /// Makes one attempt. `Ok` is an outcome that no further attempt would change.
    ///
    /// An attempt that may have arrived keeps its claim: once the lease is over the next delivery takes it over and
    /// counts it. One that certainly did not is given back.
    async fn send(
        &self,
        due: &Due,
        channel: &Channel<'_>,
        lease: &Lease,
        invocation: &Invocation,
    ) -> Result<Told, Outcome> {
        let Event { case, seq, .. } = due.event;
        let (medium, attempts) = (channel.medium().name(), lease.attempts());
        let refused = |reason: String| {
            invocation.metrics.count(Counter::AlertsFailed, 1);
            tracing::error!(%case, seq, medium, attempts, reason, "an alert was refused: nobody gets it by this channel");
            Told::Refused
        };
        let told = match channel {
            Channel::Email(mail) => match self.mailer.send(mail, invocation.machine_now).await {
                Ok(id) => Told::Sent {
                    provider_id: Some(id),
                },
                Err(SendError::Refused(reason)) => refused(reason),
                Err(SendError::Unknown(reason)) => return Err(Outcome::Retry(reason)),
                Err(SendError::NotSent(reason)) => {
                    return Err(self.give_back(lease, reason).await);
                }
            },
            Channel::Webhook {
                receiver,
                outbound,
                payload,
            } => {
                let role = Recipient::Staff(due.audience).name();
                // The same at each attempt, so that the receiver can drop repeats.
                let id = format!("{case}-{seq}-{role}")
                    .parse()
                    .map_err(Outcome::quarantine)?;
                let sent = standard::post(
                    outbound,
                    &receiver.target,
                    &receiver.secrets,
                    &id,
                    payload.clone(),
                    invocation.machine_now,
                );
                match sent.await {
                    Answer::Accepted { .. } => Told::Sent { provider_id: None },
                    answer @ (Answer::Refused { .. } | Answer::Gone { .. }) => {
                        refused(answer.to_string())
                    }
                    answer @ Answer::TryLater { .. } => {
                        return Err(Outcome::Retry(answer.to_string()));
                    }
                }
            }
            Channel::Nowhere(why) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "alerts reach nobody: neither mail with an address of staff nor a webhook is configured"
                    );
                }
                why.clone()
            }
        };
        if let Told::Sent { provider_id } = &told {
            invocation.metrics.count(Counter::AlertsSent, 1);
            tracing::info!(%case, seq, medium, attempts, provider_id, "staff were told");
        }
        Ok(told)
    }

    async fn give_back(&self, lease: &Lease, reason: String) -> Outcome {
        match self.store.release(lease).await {
            Ok(Recorded::Recorded | Recorded::Superseded) => Outcome::Retry(reason),
            Err(error) => failed(&format!("give back the notice ({reason})"), error),
        }
    }

    /// Records an outcome. If that fails the alert goes out again.
    async fn record(
        &self,
        lease: &Lease,
        told: &Told,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        let recorded = self.store.record(lease, told, invocation.machine_now).await;
        match recorded.map_err(|error| failed("record the notice", error))? {
            Recorded::Recorded => Ok(()),
            Recorded::Superseded => Err(Outcome::Retry(
                "another attempt took the notice over".to_owned(),
            )),
        }
    }
}

impl Function for App {
    const NAME: &'static str = "notify-staff";
    type Event = SqsEvent;
    type Output = BatchResponse;

    async fn handle(
        &self,
        event: SqsEvent,
        invocation: &Invocation,
    ) -> Result<BatchResponse, Fault> {
        let alert = |record| async move {
            let told = self.alert(record, invocation).await;
            told.unwrap_or_else(|early| early)
        };
        Ok(batch::process(event, alert).await)
    }
}

fn letter(alert: &Alert<'_>, from: &Mailbox, to: &Mailbox) -> Mail {
    Mail {
        from: from.clone(),
        to: to.clone(),
        reply_to: None,
        subject: alert.subject(),
        text: alert.text(),
        html: Some(alert.html()),
        // RFC 3834: holiday notes are not sent in answer to it.
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
        trace: alert.trace_id,
        about: alert.case.to_string(),
        audience: mail::Audience::Staff,
    }
}
