//! From a message that says "alert staff" to every sink of those who are told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::event::{Effect, Event};
use resound_domain::policy::Audience;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::batch::{self, BatchResponse, Outcome, SqsEvent, SqsRecord};
use resound_lambda_kit::mail::Mailbox;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::outbound::Outbound;
use resound_lambda_kit::publish::Queue;
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_messages::Message as Wire;
use resound_relay::{failed, owed, settle};
use resound_sinks::{Answer, Cause, Fate, Message, Recipient, Sender, Sink, SinkKind};
use resound_store::{
    Claim, Lease, Medium, NoticeKey, Outcome as Told, Recipient as Role, Recorded, Store,
};
use tokio::sync::Mutex;

use crate::alert::{Alert, matter};
use crate::config::Config;
use crate::grouped;
use crate::recipients::{self, Published};

/// The effect this function is for.
pub(crate) const EFFECT: Effect = Effect::StaffAlert;
/// An alert is only begun with this much time left: sending it may take 5 s, and recording that as much again.
pub(crate) const ENOUGH_TIME: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    published: Published,
    pub(crate) sender: Sender,
    /// Where this function reminds itself of groups.
    pub(crate) queue: Queue,
    /// Held by the one alert that joins groups.
    pub(crate) joining: Mutex<()>,
    /// Whether it was said that alerts reach nobody: once is enough.
    warned: AtomicBool,
}

/// One way to tell an audience, by the name that the ledger keeps it under.
struct Channel<'a> {
    medium: Medium,
    way: Way<'a>,
}

enum Way<'a> {
    By(&'a SinkKind),
    /// There is none, and this is why.
    Nowhere(Told),
}

/// What a message is about, once it is read.
pub(crate) struct Due {
    pub(crate) event: Event,
    pub(crate) audience: Audience,
    /// A text no other attempt uses.
    pub(crate) attempt: String,
    /// Whether the message was received before, and that did not end well.
    pub(crate) again: bool,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let outbound = Outbound::new(config.reach);
        Self::with(config, clients, outbound)
    }

    /// The function over these clients, with webhooks over a given connection: for tests that inject faults.
    pub fn with(config: Config, clients: &Clients, outbound: Outbound) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        let mail = config.from.clone();
        let mail = mail.map(|from| (clients.mailer.clone(), from));
        Self {
            published: Published::new(store.clone(), config.reach),
            sender: Sender::new(mail, outbound),
            queue: Queue::new(clients.sqs.client(), &config.queue),
            joining: Mutex::new(()),
            warned: AtomicBool::new(false),
            store,
            config,
        }
    }

    /// Handles one message: all sinks at once, each with its own entry in the ledger, so that one that works is not
    /// used again because another does not. Who is told is who is a recipient now, at this attempt.
    ///
    /// **Poison:** a body that does not decode, an effect of another queue, an event that is not in the table or that
    /// means nothing to staff, an item that cannot be read. It goes to the dead letters, where a person sees it; the
    /// event, if there is one, stays unsettled and is repaired or listed as stuck besides.
    async fn alert(&self, record: SqsRecord, invocation: &Invocation) -> Result<Outcome, Outcome> {
        let received = record.receive_count();
        let attempt = format!("{}/{}/{received}", invocation.request_id, record.message_id);
        let again = received > 1;
        if let Wire::GroupDue(due) = record.message()? {
            return self.group_due(&due, &attempt, invocation).await;
        }
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
        let Some((matter, audience)) = matter(&event.kind, case.priority()) else {
            return Err(Outcome::Quarantine(format!(
                "staff are not told of `{}`",
                event.kind.name()
            )));
        };
        let due = Due {
            event,
            audience,
            attempt,
            again,
        };
        let now = invocation.machine_now;
        let case_owner = case.owner().and_then(|owner| Mailbox::new(owner).ok());
        let recipient = self.recipient(case_owner.as_ref(), audience, now).await?;
        if let Some(window) = self.config.group_window {
            let shared = self.recipient(None, audience, now).await?;
            let (priority, both) = (case.priority(), (&shared, &recipient));
            let ways = grouped::ways(window, audience, priority, both, now)?;
            if let Some(outcome) = self.group(&due, &ways, invocation).await? {
                return Ok(outcome);
            }
        }
        let queue = self.cases_url();
        let alert = Alert::new(matter, audience, due.event.at, &case, &recipient, &queue);
        let (case, seq) = (due.event.case, due.event.seq);
        // The same at each attempt, so that receivers can drop repeats.
        let id = format!("{case}-{seq}-{}", Role::Staff(audience).name());
        let message = alert.message(id.parse().map_err(Outcome::quarantine)?, queue);
        let message =
            message.map_err(|error| Outcome::quarantine(Fault::doing("write the alert", error)))?;
        let channels = self.channels(&recipient.sinks)?;
        let told = channels
            .iter()
            .map(|channel| self.deliver(&due, &message, channel, invocation));
        // All of them, then the first failure: one must not break off another.
        join_all(told)
            .await
            .into_iter()
            .collect::<Result<(), Outcome>>()?;
        settle(&self.store, EFFECT, &due.event).await
    }

    /// Where staff find all cases.
    pub(crate) fn cases_url(&self) -> String {
        format!("{}/v1/cases", self.config.public_url)
    }

    /// Who is told when an audience is to be. `case_owner` is who works the case, if that is an address.
    pub(crate) async fn recipient(
        &self,
        case_owner: Option<&Mailbox>,
        audience: Audience,
        machine_now: Timestamp,
    ) -> Result<Recipient, Outcome> {
        let published = self.published.recipients(machine_now).await;
        let published = published.map_err(|error| failed("read the recipients", error))?;
        let found = published
            .as_ref()
            .as_ref()
            .and_then(|recipients| recipients::find(recipients, audience, case_owner));
        // A document without any audience is as good as none.
        Ok(found.unwrap_or_else(|| self.config.recipient(audience, case_owner)))
    }

    /// How somebody with these sinks is told: at least one way.
    fn channels<'a>(&self, sinks: &'a [Sink]) -> Result<Vec<Channel<'a>>, Outcome> {
        let channel = |sink: &'a Sink| {
            Ok(Channel {
                medium: sink.name.parse().map_err(Outcome::quarantine)?,
                way: Way::By(&sink.kind),
            })
        };
        let mut channels = sinks
            .iter()
            .map(channel)
            .collect::<Result<Vec<_>, Outcome>>()?;
        if channels.is_empty() {
            channels.push(Channel {
                medium: Medium::EMAIL,
                way: Way::Nowhere(match self.config.from {
                    None => Told::MailOff,
                    Some(_) => Told::NoContact,
                }),
            });
        }
        Ok(channels)
    }

    /// Tells an audience by one channel, unless that was done. `Ok` means that the outcome is in the ledger.
    async fn deliver(
        &self,
        due: &Due,
        message: &Message,
        channel: &Channel<'_>,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        if invocation.time_left() < ENOUGH_TIME {
            return Err(Outcome::Retry("too little time is left".to_owned()));
        }
        let key = NoticeKey {
            case: due.event.case,
            cause: due.event.seq,
            recipient: Role::Staff(due.audience),
            medium: channel.medium,
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
                let told = self.send(due, message, channel, &lease, invocation).await?;
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
        message: &Message,
        channel: &Channel<'_>,
        lease: &Lease,
        invocation: &Invocation,
    ) -> Result<Told, Outcome> {
        let Event { case, seq, .. } = due.event;
        let (medium, attempts) = (channel.medium.name(), lease.attempts());
        let told = match &channel.way {
            Way::By(sink) => {
                let now = invocation.machine_now;
                match self.sender.send(sink, message, now).await {
                    Answer::Accepted { provider_id } => Told::Sent { provider_id },
                    Answer::Refused {
                        cause: Cause::NotConfigured,
                        ..
                    } => Told::MailOff,
                    answer @ (Answer::Refused { .. } | Answer::Gone { .. }) => {
                        invocation.metrics.count(Counter::AlertsFailed, 1);
                        let reason = answer.to_string();
                        tracing::error!(%case, seq, medium, attempts, reason, "an alert was refused: nobody gets it by this channel");
                        Told::Refused
                    }
                    Answer::TryLater {
                        reason,
                        fate: Fate::NotTaken,
                        ..
                    } => return Err(self.give_back(lease, reason).await),
                    Answer::TryLater { reason, .. } => return Err(Outcome::Retry(reason)),
                }
            }
            Way::Nowhere(why) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "alerts reach nobody: no recipients are published, and neither mail with an address of staff nor a webhook is configured"
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
        Ok(batch::process(event, |record| self.alert(record, invocation)).await)
    }
}
