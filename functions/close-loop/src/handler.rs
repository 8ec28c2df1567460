//! From a message that says "tell the customer" to one notice by the first route that works, or to a person who looks.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use resound_domain::budget::{QUIET_FROM, QUIET_UNTIL, answered_at};
use resound_domain::confirmation::question;
use resound_domain::contact::Purpose;
use resound_domain::event::{Doubt, Effect, Ending, Event, EventKind};
use resound_domain::form::Form;
use resound_domain::id::{CaseId, ContactId};
use resound_domain::phone::{E164, InvalidPhone};
use resound_domain::response::Response;
use resound_domain::route::{self, Address, Plan, Route, Skip, Step, Subject};
use resound_domain::telling::worth_telling;
use resound_domain::template::{Occasion, Templates, Values, short};
use resound_lambda_kit::addresses::reply_to;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::batch::{self, BatchResponse, Outcome, SqsEvent, SqsRecord};
use resound_lambda_kit::mail::{Audience, Mail, Mailbox, Mailer, SendError};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::outbound::Outbound;
use resound_lambda_kit::sms::{self, Sms, Texter};
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_pages::letter::{Brand, Letter};
use resound_relay::{failed, owed, settle};
use resound_sinks::recipients::QuietHours;
use resound_sinks::retry::next_attempt;
use resound_sinks::{Answer, MessageId, standard};
use resound_store::{
    Claim, Doubted, History, Lease, Lookup, Medium, Notice, NoticeKey, NoticeStatus,
    Outcome as Told, Owed, Recipient, Recorded, Rules, Store, StoreError, StoredEvent,
};

use serde_json::{Value, json};

use crate::Config;

/// The effect this function is for.
const EFFECT: Effect = Effect::CustomerNotice;
/// A letter is only begun with this much time left: sending it may take 5 s, and recording that as much again.
const ENOUGH_TIME: Duration = Duration::from_secs(10);
/// How often it is tried to record what came of a letter: a letter that went out and is not recorded costs a person's
/// time.
const RECORD_TRIES: u32 = 5;
/// The wait before the second try; it doubles.
const RECORD_WAIT: Duration = Duration::from_millis(100);
/// How often it is tried to count an answer in the contact budget, and for how long in all.
const COUNT_TRIES: u32 = 3;
const COUNT_TIME: Duration = Duration::from_secs(2);
/// How often a doubt is decided again because the case has changed meanwhile.
const DOUBT_TRIES: u32 = 4;

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
    mailer: Mailer,
    texter: Texter,
    outbound: Outbound,
}

/// One attempt to do what a message says.
struct Attempt<'a> {
    /// A text that no other attempt uses.
    holder: String,
    /// The event that is settled.
    event: &'a Event,
    /// The event that the customer is told of: the same, or an earlier one that did not reach them.
    cause: &'a Event,
    invocation: &'a Invocation,
}

/// What a customer is to be told.
struct News {
    /// The event that it is about.
    cause: Event,
    occasion: Occasion,
    /// The routes that were taken for it and turned out to have told nobody.
    failed: Vec<Route>,
    /// The routes that wait to be tried again, if it is not worth telling any more.
    overtaken: Option<Vec<Route>>,
}

/// What a customer is told.
struct Content<'a> {
    occasion: Occasion,
    response: &'a Response,
    words: String,
    templates: Arc<Templates>,
}

/// What is known of a route after it was looked at.
enum Known {
    /// Nobody was told by it: the next one is taken.
    Next {
        /// Whether the customer left an address in the hope of an answer there.
        failed: bool,
    },
    /// The customer was told, or will be by nothing that is sent.
    Over {
        /// Whether something was sent by the route, or perhaps was.
        sent: bool,
    },
    /// The customer may have been told.
    InDoubt(Lease),
}

/// What came of sending by a route.
enum Sending {
    /// It was taken, and this is what the provider calls it.
    Taken(Option<String>),
    /// It surely was not sent, and may be tried again.
    NotSent(String),
    /// It was not sent, or may be sent again without harm: it is tried again then.
    Later(Timestamp, String),
    /// It surely was not sent, and never will be as it is.
    Refused(String),
    /// It may have been sent.
    Unknown(String),
}

impl From<Result<String, SendError>> for Sending {
    fn from(sent: Result<String, SendError>) -> Self {
        match sent {
            Ok(id) => Self::Taken(Some(id)),
            Err(SendError::NotSent(reason)) => Self::NotSent(reason),
            Err(SendError::Refused(reason)) => Self::Refused(reason),
            Err(SendError::Unknown(reason)) => Self::Unknown(reason),
        }
    }
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
        Self {
            rules: Rules::new(store.clone(), config.calendars.clone(), Vec::new()),
            store,
            mailer: clients.mailer.clone(),
            texter: clients.texter.clone(),
            outbound,
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
        let news = self.news(&event).await?;
        // A redelivery of this message within one invocation would be an attempt of its own.
        let attempt = Attempt {
            holder: format!(
                "{}/{}/{}",
                invocation.request_id,
                record.message_id,
                record.receive_count()
            ),
            event: &event,
            cause: &news.cause,
            invocation,
        };
        if let Some(waiting) = &news.overtaken {
            return self.drop(&attempt, waiting).await;
        }
        let response = self.store.response(event.case.response()).await;
        let response = match response.map_err(|error| failed("read the response", error))? {
            Lookup::Found(response) => response,
            // Their contact is gone, and their wish was to hear nothing more.
            Lookup::Erased => return self.withhold(&attempt, &Told::NoContact).await,
            Lookup::Missing => {
                return Err(Outcome::Quarantine(format!(
                    "case {} has no response",
                    event.case
                )));
            }
        };
        let means = self.means();
        let subject = self.subject(&response, &means).await?;
        match route::plan(&subject, &means, &news.failed) {
            Plan::NoConsent => self.withhold(&attempt, &Told::NoConsent).await,
            Plan::NoContact => self.withhold(&attempt, &Told::NoContact).await,
            Plan::Walk(steps) => self.walk(&attempt, &steps, news.occasion, &response).await,
        }
    }

    /// What the customer is to be told because of an event.
    ///
    /// Where an earlier word did not reach them, it is told by the next route, however late that comes to light; but not if
    /// there is a newer word, which goes its own way, nor if they know or it does not hold any more. What somebody has
    /// begun to send is brought to its end all the same.
    async fn news(&self, event: &Event) -> Result<News, Outcome> {
        if let Some(occasion) = Occasion::of(&event.kind) {
            return Ok(News {
                cause: event.clone(),
                occasion,
                failed: Vec::new(),
                overtaken: None,
            });
        }
        let seq = event.kind.tells_of(event.seq);
        if seq == event.seq {
            return Err(Outcome::Quarantine(format!(
                "customers are not told of `{}`",
                event.kind.name()
            )));
        }
        let history = self.history(event.case).await?;
        let is_worth = is_worth(&history.events, seq);
        let mut log = history.events.iter().map(|stored| &stored.event);
        let cause = log.find(|event| event.seq == seq);
        let told = cause.and_then(|cause| Some((cause, Occasion::of(&cause.kind)?)));
        let Some((cause, occasion)) = told else {
            return Err(Outcome::Quarantine(format!(
                "customers are not told of event {seq} of case {}",
                event.case
            )));
        };
        let routes = |of: &dyn Fn(&Notice) -> bool| -> Vec<Route> {
            let is_of = |route: &Route| {
                let key = entry(event.case, seq, *route);
                let mut entries = history.notices.iter();
                entries.any(|notice| notice.key == key && of(notice))
            };
            Route::ALL.into_iter().filter(is_of).collect()
        };
        let begun = routes(&|notice| matches!(notice.status, NoticeStatus::InProgress { .. }));
        let waiting = routes(&|notice| notice.status == NoticeStatus::Released);
        Ok(News {
            cause: cause.clone(),
            occasion,
            failed: routes(&|notice| notice.failed.is_some()),
            overtaken: (!is_worth && begun.is_empty()).then_some(waiting),
        })
    }

    /// Records that nobody is told of what is not worth telling any more, by the routes that waited to be tried again, or
    /// whose turn it was.
    async fn drop(&self, attempt: &Attempt<'_>, waiting: &[Route]) -> Result<Outcome, Outcome> {
        for route in waiting {
            match self.pass_over(attempt, *route, &Told::Overtaken).await? {
                Known::Next { .. } | Known::Over { .. } => {}
                Known::InDoubt(lease) => {
                    return self.doubt(attempt, Some(&lease), Doubt::Unknown).await;
                }
            }
        }
        let event = attempt.event;
        tracing::info!(case = %event.case, seq = event.seq, "the customer need not be told any more");
        settle(&self.store, EFFECT, event).await
    }

    /// What decides how a customer is reached.
    async fn subject(&self, response: &Response, means: &[Route]) -> Result<Subject, Outcome> {
        let submission = &response.submission;
        let contact = &submission.contact;
        let email = match contact.email.as_deref().map(Mailbox::new) {
            None => Address::Missing,
            Some(Err(_)) => Address::Unusable,
            Some(Ok(mailbox)) if means.contains(&Route::Email) => {
                self.address(mailbox.contact()).await?
            }
            Some(Ok(_)) => Address::Usable,
        };
        let phone = match contact.phone.as_deref().map(|phone| self.number(phone)) {
            None => Address::Missing,
            Some(Err(_)) => Address::Unusable,
            Some(Ok(number)) if means.contains(&Route::Sms) => {
                self.address(sms::contact(&number)).await?
            }
            Some(Ok(_)) => Address::Usable,
        };
        Ok(Subject {
            channel: submission.channel,
            consent: submission.consent,
            email,
            phone,
            is_known: submission.customer_id.is_some(),
        })
    }

    fn number(&self, phone: &str) -> Result<E164, InvalidPhone> {
        E164::read(phone, self.config.country.as_ref())
    }

    /// Whether an address may be written to.
    async fn address(&self, contact: ContactId) -> Result<Address, Outcome> {
        let listed = self.store.suppressions(contact).await;
        let listed = listed.map_err(|error| failed("read the suppression list", error))?;
        let is_stopped = listed
            .iter()
            .any(|entry| entry.reason.stops(Purpose::Answer));
        Ok(match is_stopped {
            true => Address::Suppressed,
            false => Address::Usable,
        })
    }

    /// The routes that this installation has.
    fn means(&self) -> Vec<Route> {
        let mail = self.config.from.as_ref().map(|_| Route::Email);
        let app = self.config.app.as_ref().map(|_| Route::App);
        let sms = self.config.sms_from.as_ref().map(|_| Route::Sms);
        [mail, app, sms, Some(Route::Person)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Records that the customer is told by no route at all. The status page still tells them, and the ledger tells
    /// staff why, in the entry that was the only one when there was one medium.
    async fn withhold(&self, attempt: &Attempt<'_>, why: &Told) -> Result<Outcome, Outcome> {
        match self.pass_over(attempt, Route::Email, why).await? {
            Known::Next { .. } | Known::Over { .. } => {
                settle(&self.store, EFFECT, attempt.event).await
            }
            Known::InDoubt(lease) => self.doubt(attempt, Some(&lease), Doubt::Unknown).await,
        }
    }

    /// Takes one route after the other until one of them tells the customer.
    ///
    /// The ledger gets an entry for each, in order, also for one that is passed over, before the next is looked at. The
    /// order never changes and what is entered stays: so of two attempts that know different things neither overtakes
    /// the other, and none goes on while an earlier route may have told.
    async fn walk(
        &self,
        attempt: &Attempt<'_>,
        steps: &[Step],
        occasion: Occasion,
        response: &Response,
    ) -> Result<Outcome, Outcome> {
        let (case, seq) = (attempt.cause.case, attempt.cause.seq);
        let words = self.store.message(case, seq).await;
        let Some(words) = words.map_err(|error| failed("read the message", error))? else {
            return Err(Outcome::Quarantine(format!(
                "event {seq} of case {case} has no message"
            )));
        };
        let templates = self.rules.templates(attempt.invocation.machine_now).await;
        let content = Content {
            occasion,
            response,
            words: words.text,
            templates: templates.map_err(|error| failed("read the templates", error))?,
        };
        let mut has_failed = false;
        for (place, &Step { route, skip }) in steps.iter().enumerate() {
            let is_first = place == 0;
            let known = match skip {
                Some(why) => match withheld(route, why) {
                    Some(told) => self.pass_over(attempt, route, &told).await?,
                    None => Known::Next { failed: true },
                },
                None if route == Route::Person => match is_first {
                    true => match self.person(attempt).await? {
                        Some(known) => known,
                        None => return self.ask(attempt).await,
                    },
                    // The doubt in the case says it, and its alert; what they say to the customer is beside it.
                    false => Known::Next { failed: true },
                },
                None => self.take(attempt, route, &content).await?,
            };
            if matches!(known, Known::Over { sent: true } | Known::InDoubt(_)) {
                self.count(attempt, route, response).await;
            }
            match known {
                Known::Next { failed } => has_failed |= failed,
                Known::Over { .. } => return settle(&self.store, EFFECT, attempt.event).await,
                Known::InDoubt(lease) => {
                    return self.doubt(attempt, Some(&lease), Doubt::Unknown).await;
                }
            }
        }
        match has_failed {
            // The customer left something to reach them by, and was told by nothing that is sent.
            true => self.doubt(attempt, None, Doubt::Refused).await,
            false => settle(&self.store, EFFECT, attempt.event).await,
        }
    }

    /// Counts an answer among what its address got: what is said of our own accord keeps to what answers leave.
    ///
    /// It is counted whenever it turns out that something was sent, or perhaps was, and before the effect is settled; for the
    /// same event any number of times is the same as once. So whoever is killed in between has it counted by the next
    /// attempt. An answer is never held up, failed or repeated for it: what cannot be counted within [`COUNT_TIME`] is let
    /// go, and one letter of our own accord more may be written.
    async fn count(&self, attempt: &Attempt<'_>, route: Route, response: &Response) {
        let left = &response.submission.contact;
        let contact = match route {
            Route::Email => left.email.as_deref().and_then(|email| {
                let mailbox = Mailbox::new(email).ok()?;
                Some(mailbox.contact())
            }),
            Route::Sms => left.phone.as_deref().and_then(|phone| {
                let number = self.number(phone).ok()?;
                Some(sms::contact(&number))
            }),
            // No address of theirs that anybody else writes to.
            Route::App | Route::Person => None,
        };
        let Some(contact) = contact else {
            return;
        };
        let event = attempt.event;
        let at = answered_at(event);
        let counting = async {
            let (mut tries, mut wait) = (1, RECORD_WAIT);
            loop {
                match self.store.count_answer(contact, at).await {
                    Err(error) if error.is_retryable() && tries < COUNT_TRIES => {
                        tokio::time::sleep(wait).await;
                    }
                    ended => return ended.map_err(Fault::from),
                }
                tries += 1;
                wait *= 2;
            }
        };
        let counted = tokio::time::timeout(COUNT_TIME, counting).await;
        let counted = counted.unwrap_or_else(|_| Err(Fault::new("it takes too long")));
        if let Err(error) = counted {
            tracing::warn!(case = %event.case, seq = event.seq, route = route.name(), %error, "the answer is not counted in the contact budget");
        }
    }

    /// What a person who was asked to tell the customer has said of it; `None` if nobody was asked.
    async fn person(&self, attempt: &Attempt<'_>) -> Result<Option<Known>, Outcome> {
        let entry = self.store.notice(attempt.key(Route::Person)).await;
        let entry = entry.map_err(|error| failed("read what a person told", error))?;
        Ok(entry.map(|entry| match entry.status {
            NoticeStatus::Recorded { outcome, .. } => known(&outcome),
            // Nobody claims it.
            NoticeStatus::InProgress { .. } | NoticeStatus::Released => Known::Over { sent: false },
        }))
    }

    /// Asks a person to tell the customer: in the log of the case, which alerts its owner, and in the ledger. Not where it
    /// is not worth telling any more by then: whoever is asked has a deadline.
    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Outcome, Outcome> {
        let &Attempt {
            event,
            cause,
            invocation,
            ..
        } = attempt;
        let owed = Owed {
            seq: event.seq,
            effect: EFFECT,
        };
        let now = invocation.machine_now;
        let book = self.rules.book(now).await;
        let book = book.map_err(|error| Outcome::retry(Fault::doing("read the rules", error)))?;
        for _ in 0..DOUBT_TRIES {
            let history = self.history(event.case).await?;
            if !is_worth(&history.events, cause.seq) {
                return self.drop(attempt, &[Route::Person]).await;
            }
            let before = history.case;
            let events = before.ask(cause.seq, cause.at, &book);
            let mut after = before.clone();
            for event in &events {
                after.apply(event);
            }
            let asked = self.store.append_asked(&before, &after, &events, owed, now);
            match asked.await.map_err(|error| failed("ask a person", error))? {
                Doubted::Recorded => {
                    tracing::info!(case = %event.case, seq = cause.seq, "a person is to tell the customer");
                    return Ok(Outcome::Done);
                }
                Doubted::Conflict => {}
                Doubted::Superseded => {
                    return Err(Outcome::Retry("somebody was asked meanwhile".to_owned()));
                }
            }
        }
        Err(Outcome::Retry("the case keeps changing".to_owned()))
    }

    /// Enters that a route is not taken, unless an earlier attempt took it.
    async fn pass_over(
        &self,
        attempt: &Attempt<'_>,
        route: Route,
        why: &Told,
    ) -> Result<Known, Outcome> {
        let claim = self
            .store
            .pass_over(
                attempt.key(route),
                why,
                &attempt.holder,
                attempt.invocation.machine_now,
                timing::NOTICE_LEASE,
            )
            .await;
        match claim.map_err(|error| failed("enter the route", error))? {
            // An attempt gave it back: nobody was told by it.
            Claim::Fresh(lease) => {
                self.record(&lease, why, attempt.invocation).await?;
                Ok(known(why))
            }
            Claim::Recorded(told) => Ok(known(&told)),
            Claim::InProgress => Err(Outcome::Retry("another attempt is under way".to_owned())),
            Claim::Abandoned(lease) => Ok(Known::InDoubt(lease)),
        }
    }

    /// Takes a route: claims its entry, sends, and records what came of it.
    async fn take(
        &self,
        attempt: &Attempt<'_>,
        route: Route,
        content: &Content<'_>,
    ) -> Result<Known, Outcome> {
        let invocation = attempt.invocation;
        if invocation.time_left() < ENOUGH_TIME {
            return Err(Outcome::Retry("too little time is left".to_owned()));
        }
        let claim = self
            .store
            .claim(
                attempt.key(route),
                &attempt.holder,
                invocation.machine_now,
                timing::NOTICE_LEASE,
            )
            .await;
        let lease = match claim.map_err(|error| failed("claim the notice", error))? {
            Claim::Fresh(lease) => lease,
            Claim::Recorded(told) => return Ok(known(&told)),
            Claim::InProgress => {
                return Err(Outcome::Retry("another attempt is under way".to_owned()));
            }
            // At least once: the app drops what it has, by the id of the message.
            Claim::Abandoned(lease) if route == Route::App => {
                self.take_over(attempt, &lease).await?
            }
            Claim::Abandoned(lease) => return Ok(Known::InDoubt(lease)),
        };
        if invocation.time_left() < ENOUGH_TIME {
            let reason = "too little time is left".to_owned();
            return Err(self.give_back(&lease, reason).await);
        }
        // It waited, and what it says without a word of staff may not be so by now.
        if route == Route::Sms && lease.attempts() > 1 {
            match self.is_worth_telling(attempt.cause).await {
                Ok(true) => {}
                Ok(false) => {
                    let told = Told::Overtaken;
                    self.record(&lease, &told, invocation).await?;
                    return Ok(known(&told));
                }
                Err(error) => {
                    let reason = Fault::doing("read the case", error).to_string();
                    return Err(self.give_back(&lease, reason).await);
                }
            }
        }
        let event = attempt.event;
        let told = match self.send(attempt, &lease, route, content).await {
            Sending::Taken(id) => {
                invocation.metrics.count(Counter::NoticesSent, 1);
                // The provider's reports of bounces name the letter by this id.
                tracing::info!(case = %event.case, seq = event.seq, route = route.name(), attempts = lease.attempts(), provider_id = id, "the customer was told");
                Told::Sent { provider_id: id }
            }
            Sending::NotSent(reason) => return Err(self.give_back(&lease, reason).await),
            Sending::Later(at, reason) => {
                return Err(self.wait(attempt, &lease, at, reason).await);
            }
            Sending::Refused(reason) => {
                tracing::warn!(case = %event.case, seq = event.seq, route = route.name(), reason, "the notice was refused");
                Told::Refused
            }
            Sending::Unknown(reason) => {
                tracing::warn!(case = %event.case, seq = event.seq, route = route.name(), reason, "the customer was perhaps told");
                return match route {
                    // The claim is left standing: until its lease is over the provider may tell that it took the message,
                    // and whoever comes after that finds it sent, or abandoned.
                    Route::Email | Route::Sms => Err(Outcome::Retry(reason)),
                    Route::App | Route::Person => Ok(Known::InDoubt(lease)),
                };
            }
        };
        self.record(&lease, &told, invocation).await?;
        Ok(known(&told))
    }

    /// Everything in the partition of a case that an event is of: it is there.
    async fn history(&self, case: CaseId) -> Result<History, Outcome> {
        let history = self.store.history(case).await;
        let history = history.map_err(|error| failed("read the case", error))?;
        history.ok_or_else(|| Outcome::Quarantine(format!("there is no case {case}")))
    }

    /// Whether a word to the customer is worth telling by now.
    async fn is_worth_telling(&self, cause: &Event) -> Result<bool, StoreError> {
        let history = self.store.history(cause.case).await?;
        Ok(history.is_some_and(|history| is_worth(&history.events, cause.seq)))
    }

    async fn take_over(&self, attempt: &Attempt<'_>, abandoned: &Lease) -> Result<Lease, Outcome> {
        let claim = self
            .store
            .take_over(
                abandoned,
                &attempt.holder,
                attempt.invocation.machine_now,
                timing::NOTICE_LEASE,
            )
            .await;
        match claim.map_err(|error| failed("take the notice over", error))? {
            Claim::Fresh(lease) => Ok(lease),
            Claim::Recorded(_) | Claim::InProgress | Claim::Abandoned(_) => {
                Err(Outcome::Retry("another attempt is under way".to_owned()))
            }
        }
    }

    /// Gives a notice back until `at`. The message is done with: the sweep sends the event again then, however long that
    /// is, where a message that fails comes back within minutes, a few times, and becomes a dead letter.
    async fn wait(
        &self,
        attempt: &Attempt<'_>,
        lease: &Lease,
        at: Timestamp,
        reason: String,
    ) -> Outcome {
        let event = attempt.event;
        match self.give_back(lease, reason.clone()).await {
            Outcome::Retry(given_back) if given_back == reason => {}
            other => return other,
        }
        tracing::info!(case = %event.case, seq = event.seq, %at, reason, "the notice waits");
        match self
            .store
            .repair_at(event.case, event.seq, EFFECT, at)
            .await
        {
            Ok(()) => Outcome::Done,
            Err(error) => failed("put off the repair", error),
        }
    }

    /// Sends by a route, once.
    async fn send(
        &self,
        attempt: &Attempt<'_>,
        lease: &Lease,
        route: Route,
        content: &Content<'_>,
    ) -> Sending {
        let now = attempt.invocation.machine_now;
        match route {
            Route::Email => match self.mail(content, attempt.key(route)) {
                Ok(mail) => self.mailer.send(&mail, now).await.into(),
                Err(reason) => Sending::Refused(reason),
            },
            Route::Sms => match self.quiet_until(content, now).await {
                Err(reason) => Sending::NotSent(reason),
                Ok(Some(morning)) => Sending::Later(morning, "it is night".to_owned()),
                Ok(None) => match self.sms(content, attempt.key(route)) {
                    Ok(sms) => self.texter.send(&sms, now).await.into(),
                    Err(reason) => Sending::Refused(reason),
                },
            },
            Route::App => self.tell_app(attempt, lease, content).await,
            Route::Person => Sending::Refused("nothing is sent by this route".to_owned()),
        }
    }

    /// Until when no phone of theirs is to ring, by the clock they told of or else that of the survey; `None` if one may. Machine time.
    async fn quiet_until(
        &self,
        content: &Content<'_>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, String> {
        let forms = self.rules.forms(now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error).to_string())?;
        let submission = &content.response.submission;
        let of_survey = || forms.get(&submission.form).and_then(Form::time_zone);
        let zone = submission.time_zone().or_else(of_survey);
        let zone = zone.unwrap_or_else(|| self.config.calendars.zone().clone());
        Ok(QuietHours::new(QUIET_FROM, QUIET_UNTIL).and_then(|quiet| quiet.until(now, &zone)))
    }

    fn status_url(&self, response: &Response) -> String {
        let token = self.config.keys.issue_receipt(response.id);
        format!("{}/v1/receipts/{token}", self.config.public_url)
    }

    fn sms(&self, content: &Content<'_>, key: NoticeKey) -> Result<Sms, String> {
        let response = content.response;
        let (Some(from), Some(phone)) = (&self.config.sms_from, &response.submission.contact.phone)
        else {
            return Err("there is no number".to_owned());
        };
        let language = response.submission.language();
        let brand = content.templates.brand_of(&response.submission);
        let text = short::message(
            &content.templates.sms(content.occasion, language),
            &Values {
                reference: &response.id.reference(),
                day: response.day,
                brand: brand.map_or("", |brand| brand.name.get(language)),
                link: &self.status_url(response),
            },
            language,
        );
        Ok(Sms {
            from: from.clone(),
            to: self.number(phone).map_err(|error| error.to_string())?,
            text: text.map_err(|error| error.to_string())?,
            about: response.id.case().to_string(),
            entry: Some(key.tag()),
        })
    }

    /// Posts to the company's app, with the same id at each attempt. What may be taken later is tried again on the schedule
    /// of Standard Webhooks; what was not taken by its end may have arrived, so a person looks.
    async fn tell_app(
        &self,
        attempt: &Attempt<'_>,
        lease: &Lease,
        content: &Content<'_>,
    ) -> Sending {
        let (event, now) = (attempt.cause, attempt.invocation.machine_now);
        let id = format!("{}-{}-customer", event.case, event.seq).parse::<MessageId>();
        let (Some(app), Ok(id)) = (&self.config.app, id) else {
            return Sending::Refused("there is no app".to_owned());
        };
        let payload = self.app_payload(event, content).to_string();
        let answer =
            standard::post(&self.outbound, &app.target, &app.secrets, &id, payload, now).await;
        match answer {
            Answer::Accepted { provider_id } => Sending::Taken(provider_id),
            Answer::Refused { reason, .. } | Answer::Gone { reason } => Sending::Refused(reason),
            Answer::TryLater { ref reason, .. } => {
                let wait = next_attempt(lease.attempts(), &answer, &id);
                let at = wait.and_then(|wait| now.checked_add(wait).ok());
                match at {
                    Some(at) => Sending::Later(at, reason.clone()),
                    None => Sending::Unknown(reason.clone()),
                }
            }
        }
    }

    /// What the app is told: who of its users, and what it may show them. Their name and addresses it knows itself.
    fn app_payload(&self, event: &Event, content: &Content<'_>) -> Value {
        let response = content.response;
        let language = response.submission.language();
        let (kind, outcome) = match content.occasion {
            Occasion::Reply => ("feedback.replied", None),
            Occasion::Question => ("feedback.asked", None),
            Occasion::Resolved => ("feedback.resolved", Some(Ending::Resolved)),
            Occasion::Declined => ("feedback.declined", Some(Ending::Declined)),
        };
        json!({
            "type": kind,
            "timestamp": event.at,
            "data": {
                "customer_id": response.submission.customer_id,
                "reference": response.id.reference(),
                "locale": language.tag(),
                "text": content.words,
                "question": outcome.map(|outcome| question(outcome, language)),
                "status_url": self.status_url(response),
            },
        })
    }

    fn mail(&self, content: &Content<'_>, key: NoticeKey) -> Result<Mail, String> {
        let response = content.response;
        let contact = &response.submission.contact;
        let (Some(from), Some(email)) = (&self.config.from, &contact.email) else {
            return Err("there is no address".to_owned());
        };
        let to = Mailbox::new(email).map_err(|error| error.to_string())?;
        let status_url = self.status_url(response);
        let language = response.submission.language();
        let brand = content.templates.brand_of(&response.submission);
        let letter = Letter {
            occasion: content.occasion,
            language,
            wording: &content.templates.wording(content.occasion, language),
            brand: brand.map(|brand| Brand::of(brand, language)),
            name: contact.name.as_deref(),
            reference: &response.id.reference(),
            day: response.day,
            words: &content.words,
            status_url: &status_url,
            seq: key.cause,
        };
        let from = self.config.brand_senders.sender(from, brand, language);
        Ok(Mail {
            from: from.map_err(|error| error.to_string())?,
            to,
            reply_to: reply_to(brand),
            subject: letter.subject(),
            text: letter.text(),
            html: Some(letter.html()),
            // RFC 3834: holiday notes are not sent in answer to it.
            headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
            trace: response.trace_id,
            about: response.id.case().to_string(),
            audience: Audience::Customer,
            entry: Some(key.tag()),
        })
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

    /// Records that a person must look: the doubt in the log of the case, the outcome in the ledger, if it is one notice
    /// that is in doubt, and the effect as settled, in one transaction. The doubt bears the time of what the customer was
    /// to be told, or of the last event since. That nothing that is sent tells it, staff hear once, and only while it is
    /// worth telling: else the effect alone is settled.
    async fn doubt(
        &self,
        attempt: &Attempt<'_>,
        lease: Option<&Lease>,
        doubt: Doubt,
    ) -> Result<Outcome, Outcome> {
        let &Attempt {
            event,
            cause,
            invocation,
            ..
        } = attempt;
        let owed = Owed {
            seq: event.seq,
            effect: EFFECT,
        };
        let book = self.rules.book(invocation.machine_now).await;
        let book = book.map_err(|error| Outcome::retry(Fault::doing("read the rules", error)))?;
        for _ in 0..DOUBT_TRIES {
            let history = self.history(event.case).await?;
            let log = &history.events;
            let is_over = is_known(log, cause.seq) || !is_worth(log, cause.seq);
            if doubt == Doubt::Refused && is_over {
                return settle(&self.store, EFFECT, event).await;
            }
            let before = history.case;
            let events = before.doubt(cause.seq, doubt, cause.at, &book);
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
                    owed,
                    invocation.machine_now,
                )
                .await;
            match doubted.map_err(|error| failed("record the doubt", error))? {
                Doubted::Recorded => {
                    invocation.metrics.count(Counter::NoticesInDoubt, 1);
                    tracing::warn!(case = %event.case, seq = cause.seq, ?doubt, "a person must look whether the customer was told");
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

impl Attempt<'_> {
    fn key(&self, route: Route) -> NoticeKey {
        entry(self.cause.case, self.cause.seq, route)
    }
}

/// Whether the customer is still to be told of this event.
fn is_worth(log: &[StoredEvent], told_of: u32) -> bool {
    worth_telling(log.iter().map(|stored| &stored.event)) == Some(told_of)
}

/// Whether staff were told that nothing that is sent tells a customer of this event.
fn is_known(log: &[StoredEvent], told_of: u32) -> bool {
    log.iter().any(|stored| {
        matches!(
            stored.event.kind,
            EventKind::NoticeInDoubt { cause, doubt: Doubt::Refused, .. } if cause == told_of
        )
    })
}

/// The entry of a route in the ledger.
const fn entry(case: CaseId, cause: u32, route: Route) -> NoticeKey {
    NoticeKey {
        case,
        cause,
        recipient: Recipient::Customer,
        medium: Medium::of(route),
    }
}

/// What the ledger says of a route that is not taken; `None` if it says already what came of it.
const fn withheld(route: Route, why: Skip) -> Option<Told> {
    match (why, route) {
        // As it was called when there was one medium.
        (Skip::Off, Route::Email) => Some(Told::MailOff),
        (Skip::Off, _) => Some(Told::Off),
        (Skip::NoContact, _) => Some(Told::NoContact),
        (Skip::Unusable, _) => Some(Told::Unusable),
        (Skip::Suppressed, _) => Some(Told::Suppressed),
        (Skip::Failed, _) => None,
    }
}

/// What follows from what came of a route.
const fn known(told: &Told) -> Known {
    match told {
        // An earlier version, or an erasure meanwhile, may have ended it with the wish of the customer.
        Told::NoConsent | Told::ToTell | Told::Overtaken => Known::Over { sent: false },
        Told::Sent { .. } | Told::Unknown => Known::Over { sent: true },
        Told::Refused | Told::Unusable | Told::Suppressed => Known::Next { failed: true },
        // Whoever gave up knows it.
        Told::NoContact | Told::MailOff | Told::Off | Told::NotReached => {
            Known::Next { failed: false }
        }
    }
}
