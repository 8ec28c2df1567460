//! From a message that says "tell the customer" to one letter, or to a person who looks.

use std::time::Duration;

use resound_domain::contact::Purpose;
use resound_domain::event::{Doubt, Effect, Ending, Event, EventKind};
use resound_domain::response::Response;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::batch::{self, BatchResponse, Outcome, SqsEvent, SqsRecord};
use resound_lambda_kit::mail::{Audience, Mail, Mailbox, Mailer, SendError};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_relay::{failed, owed, settle};
use resound_store::{
    Claim, Doubted, Lease, Lookup, Medium, NoticeKey, Outcome as Told, Recipient, Recorded, Rules,
    Store,
};

use crate::Config;
use crate::letter::{Letter, Occasion};

/// The effect this function is for.
const EFFECT: Effect = Effect::CustomerNotice;
/// A letter is only begun with this much time left: sending it may take 5 s, and recording that as much again.
const ENOUGH_TIME: Duration = Duration::from_secs(10);
/// How often it is tried to record what came of a letter: a letter that went out and is not recorded costs a person's
/// time.
const RECORD_TRIES: u32 = 5;
/// The wait before the second try; it doubles.
const RECORD_WAIT: Duration = Duration::from_millis(100);
/// How often a doubt is decided again because the case has changed meanwhile.
const DOUBT_TRIES: u32 = 4;

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
    mailer: Mailer,
}

/// What is to be done about an event.
enum Plan {
    /// This letter is sent.
    Send(Box<Mail>),
    /// Nothing is sent, and this is why.
    Withhold(Told),
    /// Nothing can be sent to what the customer left as an address: a person must find another way.
    Unreachable,
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        Self {
            rules: Rules::new(store.clone(), config.calendars.clone(), Vec::new()),
            store,
            mailer: clients.mailer.clone(),
            config,
        }
    }

    /// Handles one message.
    ///
    /// **Poison:** a body that does not decode, an effect of another queue, an event that is not in the table or of a
    /// kind that is not told, an item that cannot be read. It goes to the dead letters, where a person sees it; the
    /// event, if there is one, stays unsettled and is repaired or listed as stuck besides.
    async fn tell(&self, record: SqsRecord, invocation: &Invocation) -> Result<Outcome, Outcome> {
        let Some(event) = owed(&self.store, EFFECT, &record).await? else {
            // Delivered before.
            return Ok(Outcome::Done);
        };
        let plan = self.plan(&event).await?;
        if invocation.time_left() < ENOUGH_TIME {
            return Err(Outcome::Retry("too little time is left".to_owned()));
        }
        let key = NoticeKey {
            case: event.case,
            cause: event.seq,
            recipient: Recipient::Customer,
            medium: Medium::EMAIL,
        };
        // A redelivery of this message within one invocation would be an attempt of its own.
        let attempt = format!(
            "{}/{}/{}",
            invocation.request_id,
            record.message_id,
            record.receive_count()
        );
        let claim = self
            .store
            .claim(key, &attempt, invocation.machine_now, timing::NOTICE_LEASE)
            .await;
        match claim.map_err(|error| failed("claim the notice", error))? {
            Claim::Fresh(lease) => match plan {
                Plan::Send(mail) => self.send(&event, &lease, &mail, invocation).await,
                Plan::Withhold(told) => {
                    self.record(&lease, &told, invocation).await?;
                    settle(&self.store, EFFECT, &event).await
                }
                Plan::Unreachable => self.doubt(&event, &lease, Doubt::Refused, invocation).await,
            },
            Claim::Recorded(_) => settle(&self.store, EFFECT, &event).await,
            Claim::InProgress => Err(Outcome::Retry("another attempt is under way".to_owned())),
            Claim::Abandoned(lease) => self.doubt(&event, &lease, Doubt::Unknown, invocation).await,
        }
    }

    /// What to do about an event: the customer's wish comes first, then whether they can be reached at all.
    ///
    /// Where nothing is sent the status page still tells the customer, and the ledger tells staff why.
    async fn plan(&self, event: &Event) -> Result<Plan, Outcome> {
        let Some(occasion) = occasion(&event.kind) else {
            return Err(Outcome::Quarantine(format!(
                "customers are not told of `{}`",
                event.kind.name()
            )));
        };
        let response = self.store.response(event.case.response()).await;
        let response = match response.map_err(|error| failed("read the response", error))? {
            Lookup::Found(response) => response,
            // Their contact is gone, and their wish was to hear nothing more.
            Lookup::Erased => return Ok(Plan::Withhold(Told::NoContact)),
            Lookup::Missing => {
                return Err(Outcome::Quarantine(format!(
                    "case {} has no response",
                    event.case
                )));
            }
        };
        if response.submission.consent == Some(false) {
            return Ok(Plan::Withhold(Told::NoConsent));
        }
        let Some(email) = &response.submission.contact.email else {
            return Ok(Plan::Withhold(Told::NoContact));
        };
        let Some(from) = &self.config.from else {
            return Ok(Plan::Withhold(Told::MailOff));
        };
        let Ok(to) = Mailbox::new(email) else {
            return Ok(Plan::Unreachable);
        };
        let suppressions = self.store.suppressions(to.contact()).await;
        let suppressions =
            suppressions.map_err(|error| failed("read the suppression list", error))?;
        if suppressions
            .iter()
            .any(|entry| entry.reason.stops(Purpose::Answer))
        {
            return Ok(Plan::Withhold(Told::Suppressed));
        }
        let words = self.store.message(event.case, event.seq).await;
        let Some(words) = words.map_err(|error| failed("read the message", error))? else {
            return Err(Outcome::Quarantine(format!(
                "event {} of case {} has no message",
                event.seq, event.case
            )));
        };
        let mail = self.mail(
            (occasion, event.seq),
            &response,
            &words.text,
            from.clone(),
            to,
        );
        Ok(Plan::Send(Box::new(mail)))
    }

    fn mail(
        &self,
        (occasion, seq): (Occasion, u32),
        response: &Response,
        words: &str,
        from: Mailbox,
        to: Mailbox,
    ) -> Mail {
        let token = self.config.keys.issue_receipt(response.id);
        let status_url = format!("{}/v1/receipts/{token}", self.config.public_url);
        let letter = Letter {
            occasion,
            locale: response.submission.locale,
            name: response.submission.contact.name.as_deref(),
            reference: &response.id.reference(),
            words,
            status_url: &status_url,
            seq,
        };
        Mail {
            from,
            to,
            reply_to: None,
            subject: letter.subject(),
            text: letter.text(),
            html: Some(letter.html()),
            // RFC 3834: holiday notes are not sent in answer to it.
            headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
            trace: response.trace_id,
            about: response.id.case().to_string(),
            audience: Audience::Customer,
        }
    }

    /// Sends a letter that is ours to send and records what came of it.
    async fn send(
        &self,
        event: &Event,
        lease: &Lease,
        mail: &Mail,
        invocation: &Invocation,
    ) -> Result<Outcome, Outcome> {
        if invocation.time_left() < ENOUGH_TIME {
            return Err(self
                .give_back(lease, "too little time is left".to_owned())
                .await);
        }
        match self.mailer.send(mail, invocation.machine_now).await {
            Ok(id) => {
                invocation.metrics.count(Counter::NoticesSent, 1);
                // The provider's reports of bounces name the letter by this id.
                tracing::info!(case = %event.case, seq = event.seq, attempts = lease.attempts(), provider_id = id, "the customer was told");
                let told = Told::Sent {
                    provider_id: Some(id),
                };
                self.record(lease, &told, invocation).await?;
                settle(&self.store, EFFECT, event).await
            }
            Err(SendError::NotSent(reason)) => Err(self.give_back(lease, reason).await),
            Err(SendError::Refused(reason)) => {
                tracing::warn!(case = %event.case, seq = event.seq, reason, "the letter was refused");
                self.doubt(event, lease, Doubt::Refused, invocation).await
            }
            Err(SendError::Unknown(reason)) => {
                tracing::warn!(case = %event.case, seq = event.seq, reason, "the letter was perhaps sent");
                self.doubt(event, lease, Doubt::Unknown, invocation).await
            }
        }
    }

    /// Gives back a notice that certainly reached nobody. If that fails it looks abandoned to the next attempt, which
    /// then asks a person: nobody is told twice.
    async fn give_back(&self, lease: &Lease, reason: String) -> Outcome {
        match self.store.release(lease).await {
            Ok(Recorded::Recorded | Recorded::Superseded) => Outcome::Retry(reason),
            Err(error) => failed(&format!("give back the notice ({reason})"), error),
        }
    }

    /// Records an outcome, trying for as long as there is time: what is not recorded becomes a doubt.
    async fn record(
        &self,
        lease: &Lease,
        told: &Told,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        let (mut tries, mut wait) = (1, RECORD_WAIT);
        loop {
            match self.store.record(lease, told, invocation.machine_now).await {
                // Superseded: our lease was over and a doubt stands in the ledger. The caller settles, as that did.
                Ok(Recorded::Recorded | Recorded::Superseded) => return Ok(()),
                Err(error)
                    if !error.is_retryable()
                        || tries == RECORD_TRIES
                        || invocation.time_left() <= wait =>
                {
                    return Err(failed("record the notice", error));
                }
                Err(_) => tokio::time::sleep(wait).await,
            }
            tries += 1;
            wait *= 2;
        }
    }

    /// Records that a person must look: the doubt in the log of the case, the outcome in the ledger and the effect as
    /// settled, in one transaction. The doubt bears the time of what the customer was to be told, or of the last event
    /// since.
    async fn doubt(
        &self,
        event: &Event,
        lease: &Lease,
        doubt: Doubt,
        invocation: &Invocation,
    ) -> Result<Outcome, Outcome> {
        let book = self.rules.book(invocation.machine_now).await;
        let book = book.map_err(|error| Outcome::retry(Fault::doing("read the rules", error)))?;
        for _ in 0..DOUBT_TRIES {
            let case = self.store.case(event.case).await;
            let Some(before) = case.map_err(|error| failed("read the case", error))? else {
                return Err(Outcome::Quarantine(format!(
                    "there is no case {}",
                    event.case
                )));
            };
            let events = before.doubt(event.seq, doubt, event.at, &book);
            let mut after = before.clone();
            for event in &events {
                after.apply(event);
            }
            let doubted = self
                .store
                .append_doubt(
                    &before,
                    &after,
                    &events,
                    lease,
                    EFFECT,
                    invocation.machine_now,
                )
                .await;
            match doubted.map_err(|error| failed("record the doubt", error))? {
                Doubted::Recorded => {
                    invocation.metrics.count(Counter::NoticesInDoubt, 1);
                    tracing::warn!(case = %event.case, seq = event.seq, ?doubt, "a person must look whether the customer was told");
                    return Ok(Outcome::Done);
                }
                Doubted::Conflict => {}
                Doubted::Superseded => {
                    return Err(Outcome::Retry(
                        "the notice was settled meanwhile".to_owned(),
                    ));
                }
            }
        }
        Err(Outcome::Retry("the case keeps changing".to_owned()))
    }
}

impl Function for App {
    const NAME: &'static str = "close-loop";
    type Event = SqsEvent;
    type Output = BatchResponse;

    async fn handle(
        &self,
        event: SqsEvent,
        invocation: &Invocation,
    ) -> Result<BatchResponse, Fault> {
        Ok(batch::process(event, |record| self.tell(record, invocation)).await)
    }
}

/// What a letter about an event of this kind is about; `None` if customers are not told of it.
fn occasion(kind: &EventKind) -> Option<Occasion> {
    match kind {
        EventKind::Replied { .. } => Some(Occasion::Reply),
        EventKind::AwaitingCustomer { message: true, .. } => Some(Occasion::Question),
        EventKind::Resolved { internal: true, .. } | EventKind::Declined { internal: true, .. } => {
            None
        }
        EventKind::Resolved { .. }
        | EventKind::Followed {
            outcome: Ending::Resolved,
        } => Some(Occasion::Resolved),
        EventKind::Declined { .. }
        | EventKind::Followed {
            outcome: Ending::Declined,
        } => Some(Occasion::Declined),
        EventKind::Opened { .. }
        | EventKind::Acknowledged
        | EventKind::TakenUp { .. }
        | EventKind::Assigned { .. }
        | EventKind::AwaitingCustomer { message: false, .. }
        | EventKind::Resumed { .. }
        | EventKind::Reopened { .. }
        | EventKind::CustomerWrote { .. }
        | EventKind::Planned { .. }
        | EventKind::Merged { .. }
        | EventKind::Absorbed { .. }
        | EventKind::Retargeted { .. }
        | EventKind::Closed
        | EventKind::Confirmed { .. }
        | EventKind::Disputed { .. }
        | EventKind::Warned { .. }
        | EventKind::Breached { .. }
        | EventKind::Escalated { .. }
        | EventKind::NoticeInDoubt { .. }
        | EventKind::NoticeFailed { .. }
        | EventKind::NoticeFound { .. }
        | EventKind::Unknown => None,
    }
}
