//! From a minute to letters.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::Timestamp;
use resound_domain::id::{ContactId, ImprovementId, IssueId, ResponseId};
use resound_domain::issue::Beta;
use resound_domain::issue::announcement::{Announcement, Fate, Occasion, Pass, Plan, State};
use resound_domain::response::Response;
use resound_domain::template::Templates;
use resound_lambda_kit::addresses::reply_to;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::mail::{Audience, InvalidMailbox, Mail, Mailbox, Mailer, SendError};
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation, timing};
use resound_messages::Tick;
use resound_outreach::{Found, Judged, Look, What, Zones, families, joined};
use resound_pages::letter::Brand;
use resound_store::{
    AnnouncedKey, Appended, Approach, Claim, Kept, Lease, Outcome, Progress, Recorded, Rules,
    Store, StoreError, Tell, Told, UnderWay,
};
use serde::Serialize;
use tokio::time::MissedTickBehavior;

use crate::Config;
use crate::letter::{About, Letter};

/// How many reporters are looked at before the cursor moves: their responses are in memory, 40 kB each at most.
pub(crate) const CHUNK: usize = 100;
/// How many are written to at once.
const AT_ONCE: usize = 8;
/// A letter is only begun with this much time left: sending it may take 5 s, and recording that as much again.
pub(crate) const ENOUGH_TIME: Duration = Duration::from_secs(10);
/// The letters of a minute are spread over this much of it: the rest is for what else a run does.
const SPREAD: Duration = Duration::from_secs(30);
/// How often it is tried to claim a letter or to record what came of it.
const TRIES: u32 = 5;
/// The wait before the second try; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The function.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    rules: Rules,
    mailer: Mailer,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Telling {
    /// Announcements that it went on with.
    pub announcements: u64,
    /// Betas that it went on with.
    pub betas: u64,
    /// Reporters who were dealt with.
    pub reporters: u64,
    /// Letters that the provider took.
    pub letters: u64,
    /// Letters of which nobody knows whether they arrived.
    pub unknown: u64,
    /// Whether work is left for the next minute.
    pub unfinished: bool,
}

/// Why a run goes no further.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Time is short, or the minute has no more letters.
    Later,
    /// The provider takes no letters now.
    NotSent(String),
    /// The table does not answer.
    Table(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Table(error)
    }
}

/// One run.
pub(crate) struct Run<'a> {
    /// Business time.
    pub(crate) now: Timestamp,
    pub(crate) invocation: &'a Invocation,
    pub(crate) zones: &'a Zones,
    /// What says which brand writes to whom.
    pub(crate) templates: &'a Templates,
}

/// What people are written to about.
#[derive(Clone, Copy)]
pub(crate) enum Errand<'a> {
    /// It shipped.
    Announcement(&'a Announcement),
    /// They are invited to try it.
    Invitation(&'a Beta),
    /// They have tried it: is it fixed?
    Question(&'a Beta),
}

impl Errand<'_> {
    pub(crate) const fn improvement(self) -> ImprovementId {
        match self {
            Self::Announcement(announcement) => announcement.improvement(),
            Self::Invitation(beta) | Self::Question(beta) => beta.improvement(),
        }
    }

    pub(crate) const fn occasion(self) -> Occasion {
        match self {
            Self::Announcement(_) => Occasion::Announcement,
            Self::Invitation(_) => Occasion::Invitation,
            Self::Question(_) => Occasion::Question,
        }
    }

    /// What counts letters that the provider took, and those of which nobody knows.
    const fn counters(self) -> (Counter, Counter) {
        match self {
            Self::Announcement(_) => (Counter::AnnouncementsSent, Counter::AnnouncementsUnknown),
            Self::Invitation(_) | Self::Question(_) => {
                (Counter::BetaLettersSent, Counter::BetaLettersUnknown)
            }
        }
    }
}

/// What came of some reporters.
pub(crate) struct Dealt {
    /// Those who were dealt with, in no order.
    pub(crate) fates: Vec<(ResponseId, Fate)>,
    /// The last of them in the order in which they were found, if the minute has no letters for the others.
    pub(crate) cut_after: Option<Option<ResponseId>>,
}

/// A letter that is to be written.
struct Due {
    judged: Box<Judged>,
    to: Mailbox,
    contact: ContactId,
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

    /// Goes on with one announcement as far as time and pace allow.
    async fn announce(
        &self,
        id: ImprovementId,
        run: &Run<'_>,
        telling: &mut Telling,
    ) -> Result<(), Halt> {
        let Some(mut announcement) = self.running(id, run).await? else {
            return Ok(());
        };
        let Some(mut progress) = self.pass(id, run).await? else {
            return Ok(());
        };
        telling.announcements += 1;
        let issues = self.store.improvement(id).await?;
        let issues = issues.map(|improvement| improvement.plan().issues.clone());
        let issues: Vec<IssueId> = issues.unwrap_or_default();
        let families = families(&self.store, &issues).await?;
        let joined = joined(&self.store, id).await?;
        passed_over(joined.corrupt);
        loop {
            if run.invocation.time_left() < ENOUGH_TIME {
                return Err(Halt::Later);
            }
            let whom = (families.as_slice(), &joined.contacts);
            let (next, cut) = self
                .chunk(&announcement, whom, &progress, run, telling)
                .await?;
            if !self.store.move_on(Some(&progress), &next).await? {
                // Another run is ahead: it goes on from there.
                return Ok(());
            }
            progress = next;
            if progress.pass.ended_at.is_some() {
                let counts = &progress.pass.counts;
                tracing::info!(improvement = %id, pass = progress.pass.number, reporters = counts.total(), sent = counts.of(Fate::Sent), "a pass has ended");
                return Ok(());
            }
            if cut {
                return Err(Halt::Later);
            }
            // A stop takes hold here.
            match self.running(id, run).await? {
                Some(still) => announcement = still,
                None => return Ok(()),
            }
        }
    }

    /// The announcement, if it runs; one whose time is over is closed.
    async fn running(
        &self,
        id: ImprovementId,
        run: &Run<'_>,
    ) -> Result<Option<Announcement>, StoreError> {
        let found = self.store.announcement(id).await?;
        let Some(announcement) = found.filter(|found| found.state() == State::Running) else {
            return Ok(None);
        };
        let Some(entry) = announcement.expire(run.now) else {
            return Ok(Some(announcement));
        };
        let mut after = announcement.clone();
        after.apply(&entry);
        let closed = self
            .store
            .append_to_announcement(&announcement, &after, &entry, None);
        match closed.await? {
            Appended::Appended => tracing::info!(improvement = %id, "the announcement is closed"),
            // Somebody commands it at this moment: the next minute sees what came of that.
            Appended::Conflict => {}
        }
        Ok(None)
    }

    /// The pass that goes on, begun if it is time for one.
    async fn pass(&self, id: ImprovementId, run: &Run<'_>) -> Result<Option<Progress>, StoreError> {
        let seen = self.store.progress(id).await?;
        let next = match &seen {
            None => Progress::begin(id, Pass::first(run.now)),
            Some(seen) if seen.pass.ended_at.is_none() => return Ok(Some(seen.clone())),
            Some(seen) => match seen.pass.next(run.now) {
                Some(pass) => seen.again(pass),
                None => return Ok(None),
            },
        };
        let begun = self.store.move_on(seen.as_ref(), &next).await?;
        Ok(begun.then_some(next))
    }

    /// Deals with the next reporters: how far it has come then, and whether the minute has no more letters.
    ///
    /// Letters go first. If one cannot be sent, nothing of the chunk counts as dealt with: the next run comes to it again
    /// and finds in the ledger who was written to.
    async fn chunk(
        &self,
        announcement: &Announcement,
        (families, joined): (&[Vec<IssueId>], &BTreeSet<ContactId>),
        progress: &Progress,
        run: &Run<'_>,
        telling: &mut Telling,
    ) -> Result<(Progress, bool), Halt> {
        let look = Look {
            store: &self.store,
            improvement: announcement.improvement(),
            occasion: Occasion::Announcement,
            reported_until: announcement.shipped().at,
            wanted_by: joined,
            mail: self.config.from.is_some(),
            zones: run.zones,
            now: run.now,
            machine_now: run.invocation.machine_now,
        };
        let mut addresses = BTreeSet::new();
        let page = look
            .page(families, progress.after, CHUNK, Some(&mut addresses))
            .await?;
        passed_over(page.corrupt);
        let asleep_until = page.asleep_until;
        let errand = Errand::Announcement(announcement);
        let dealt = self.deal(errand, page.found, run, telling).await?;
        let mut pass = progress.pass.clone();
        for (_, fate) in &dealt.fates {
            pass.counts.add(*fate);
        }
        pass.asleep(asleep_until);
        let (last, cut) = match dealt.cut_after {
            Some(last) => (last.or(progress.after), true),
            None => (page.next, false),
        };
        if last.is_none() && !cut {
            pass.ended_at = Some(run.now);
        }
        telling.reporters += u64::try_from(dealt.fates.len()).unwrap_or(u64::MAX);
        Ok((progress.on(pass, last), cut))
    }

    /// Writes to those of these reporters who are to get a letter, as many as the minute has, and keeps why the others get none.
    pub(crate) async fn deal(
        &self,
        errand: Errand<'_>,
        found: Vec<Found>,
        run: &Run<'_>,
        telling: &mut Telling,
    ) -> Result<Dealt, Halt> {
        let wanted = found.iter().filter(|found| found.is_letter()).count();
        let mut granted = self.granted(wanted, run).await?;
        let (mut fates, mut due, mut without) = (Vec::new(), Vec::new(), Vec::new());
        let (mut last, mut cut_after) = (None, None);
        for found in found {
            if found.is_letter() {
                if granted == 0 {
                    cut_after = Some(last);
                    break;
                }
                granted -= 1;
            }
            last = Some(found.response);
            match found.what {
                What::Done(fate) => fates.push((found.response, fate)),
                What::Do(judged) => match (judged.plan, judged.to.clone()) {
                    (Plan::Letter | Plan::Settle, Some(to)) => due.push(Due {
                        contact: to.contact(),
                        judged,
                        to,
                    }),
                    (Plan::Without(fate), _) => without.push((judged, fate)),
                    // No plan is to write to somebody without a mailbox.
                    (Plan::Letter | Plan::Settle, None) => {
                        without.push((judged, Fate::Unreachable))
                    }
                },
            }
        }
        let (written, halt) = self.letters(errand, due, run).await;
        for (_, fate) in &written {
            match fate {
                Fate::Sent => telling.letters += 1,
                Fate::Unknown => telling.unknown += 1,
                _ => {}
            }
        }
        if let Some(why) = halt {
            return Err(why);
        }
        fates.extend(written);
        let kept = stream::iter(without)
            .map(|(judged, fate)| self.keep(errand, judged, fate, run))
            .buffer_unordered(AT_ONCE);
        let kept: Vec<Result<(ResponseId, Fate), StoreError>> = kept.collect().await;
        for fate in kept {
            fates.push(fate?);
        }
        Ok(Dealt { fates, cut_after })
    }

    /// How many of these letters may be written in this minute.
    async fn granted(&self, wanted: usize, run: &Run<'_>) -> Result<usize, StoreError> {
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        if wanted == 0 {
            return Ok(0);
        }
        let second = run.now.as_second();
        let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(run.now);
        let most = self.config.letters_a_minute;
        let granted = self.store.take_letters(minute, wanted, most).await?;
        Ok(usize::try_from(granted).unwrap_or(usize::MAX))
    }

    /// Writes these letters, evenly, a few at a time, and tells what came of each, and why the rest was left if it was.
    async fn letters(
        &self,
        errand: Errand<'_>,
        due: Vec<Due>,
        run: &Run<'_>,
    ) -> (Vec<(ResponseId, Fate)>, Option<Halt>) {
        let mut beat = tokio::time::interval(SPREAD / self.config.letters_a_minute.max(1));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = due.into_iter();
        let (mut fates, mut halt) = (Vec::with_capacity(due.len()), None);
        let mut under_way = FuturesUnordered::new();
        loop {
            let room = halt.is_none() && due.len() > 0 && under_way.len() < AT_ONCE;
            tokio::select! {
                biased;
                // What is under way ends, whatever happens: a letter that went out is recorded.
                Some(done) = under_way.next() => match done {
                    Ok(fate) => fates.push(fate),
                    Err(why) => halt = halt.or(Some(why)),
                },
                _ = beat.tick(), if room => {
                    under_way.extend(due.next().map(|due| async {
                        let response = due.judged.response.id;
                        let fate = self.letter(errand, due, run).await?;
                        Ok((response, fate))
                    }));
                }
                else => break,
            }
        }
        (fates, halt)
    }

    /// Claims a letter, sends it, and records what came of it.
    async fn letter(&self, errand: Errand<'_>, due: Due, run: &Run<'_>) -> Result<Fate, Halt> {
        if run.invocation.time_left() < ENOUGH_TIME {
            return Err(Halt::Later);
        }
        let Due {
            judged,
            to,
            contact,
        } = due;
        let response = &judged.response;
        let key = AnnouncedKey {
            contact,
            improvement: errand.improvement(),
            occasion: errand.occasion(),
        };
        let holder = format!("{}/{}", run.invocation.request_id, response.id);
        let machine_now = run.invocation.machine_now;
        let times = (run.now, machine_now);
        let lease = timing::ANNOUNCEMENT_LEASE;
        let claim = patiently(run, || {
            let whom = (response.id, &judged.known);
            self.store.approach(key, whom, &holder, times, lease)
        });
        let lease = match claim.await? {
            Approach::Claim(Claim::Fresh(lease)) => lease,
            Approach::Claim(Claim::Abandoned(lease)) => {
                tracing::warn!(improvement = %key.improvement, response = %response.id, "an earlier letter was perhaps sent");
                let told = Outcome::Unknown;
                return self.record(errand, &judged, &lease, &told, run).await;
            }
            // What came of it, and whose letter it was, a later pass finds in the ledger.
            Approach::Claim(Claim::InProgress | Claim::Recorded(_)) => {
                return Ok(Fate::InProgress);
            }
            // They were written to at this moment, by another announcement or in answer to their own case: a later pass looks
            // whether this one may.
            Approach::Overtaken => return Ok(Fate::InProgress),
        };
        let Some(from) = &self.config.from else {
            return Err(self
                .give_back(&lease, "no sender is configured".to_owned())
                .await);
        };
        let sent = match self.mail(errand, response, from, to, key, run) {
            Ok(mail) => self.mailer.send(&mail, machine_now).await,
            Err(error) => Err(SendError::Refused(error.to_string())),
        };
        match sent {
            Ok(id) => {
                run.invocation.metrics.count(errand.counters().0, 1);
                let told = Outcome::Sent {
                    provider_id: Some(id),
                };
                self.record(errand, &judged, &lease, &told, run).await
            }
            Err(SendError::NotSent(reason)) => Err(self.give_back(&lease, reason).await),
            Err(SendError::Refused(reason)) => {
                tracing::warn!(improvement = %key.improvement, response = %response.id, reason, "the letter was refused");
                self.record(errand, &judged, &lease, &Outcome::Refused, run)
                    .await
            }
            Err(SendError::Unknown(reason)) => {
                // The claim is left standing: until its lease is over the provider may tell that it took the letter, and
                // whoever comes after that finds it sent, or abandoned.
                tracing::warn!(improvement = %key.improvement, response = %response.id, reason, "the letter was perhaps sent");
                if let Errand::Announcement(_) = errand {
                    // Their page tells them, also if no pass comes any more.
                    self.keep(errand, judged, Fate::Unknown, run).await?;
                }
                Ok(Fate::InProgress)
            }
        }
    }

    fn mail(
        &self,
        errand: Errand<'_>,
        response: &Response,
        from: &Mailbox,
        to: Mailbox,
        key: AnnouncedKey,
        run: &Run<'_>,
    ) -> Result<Mail, InvalidMailbox> {
        let base = &self.config.public_url;
        let receipt = self.config.keys.issue_receipt(response.id);
        let unsubscribe = self.config.keys.issue_unsubscribe(key.contact);
        let language = response.submission.language();
        let status_url = format!("{base}/v1/receipts/{receipt}");
        let beta_url = format!("{status_url}/betas/{}", errand.improvement());
        let about = match errand {
            Errand::Announcement(announcement) => About::Shipped {
                release: &announcement.shipped().version,
                words: announcement.words().of(language),
                status_url: &status_url,
            },
            Errand::Invitation(beta) => {
                let zone = run.zones.of_sender(&response.submission);
                About::Invited {
                    words: beta.terms().words.of(language),
                    last_day: beta.terms().last_day(zone),
                    beta_url: &beta_url,
                }
            }
            Errand::Question(_) => About::Asked {
                beta_url: &beta_url,
            },
        };
        let brand = run.templates.brand_of(&response.submission);
        let letter = Letter {
            language,
            reported: response.day,
            reference: &response.id.reference(),
            about,
            brand: brand.map(|brand| Brand::of(brand, language)),
            unsubscribe_url: &format!("{base}/v1/unsubscribe/{unsubscribe}"),
        };
        let header = |name: &str, value: String| (name.to_owned(), value);
        Ok(Mail {
            from: self.config.brand_senders.sender(from, brand, language)?,
            to,
            reply_to: reply_to(brand),
            subject: letter.subject(),
            text: letter.text(),
            html: Some(letter.html()),
            headers: vec![
                // RFC 3834: holiday notes are not sent in answer to it.
                header("Auto-Submitted", "auto-generated".to_owned()),
                // RFC 8058: one click in the reader's own program, and no page to find a way through.
                header("List-Unsubscribe", format!("<{}>", letter.unsubscribe_url)),
                header(
                    "List-Unsubscribe-Post",
                    "List-Unsubscribe=One-Click".to_owned(),
                ),
            ],
            trace: None,
            about: errand.improvement().to_string(),
            audience: Audience::Customer,
            entry: Some(key.tag()),
        })
    }

    /// Records what came of a letter, trying for as long as there is time: what is not recorded becomes a doubt.
    async fn record(
        &self,
        errand: Errand<'_>,
        judged: &Judged,
        lease: &Lease,
        outcome: &Outcome,
        run: &Run<'_>,
    ) -> Result<Fate, Halt> {
        let fate = match outcome {
            Outcome::Sent { .. } => Fate::Sent,
            Outcome::Refused => Fate::Refused,
            _ => Fate::Unknown,
        };
        if fate == Fate::Unknown {
            run.invocation.metrics.count(errand.counters().1, 1);
        }
        let tell = tell(errand, judged, fate, run);
        let now = run.invocation.machine_now;
        let recorded = patiently(run, || self.store.record_told(lease, outcome, &tell, now));
        Ok(match recorded.await? {
            Recorded::Recorded => fate,
            // Our lease was over, and another run has written down its doubt.
            Recorded::Superseded => Fate::Unknown,
        })
    }

    /// Gives back a letter that certainly reached nobody. If that fails it looks abandoned to a later run, which then records
    /// a doubt: nobody is told twice.
    async fn give_back(&self, lease: &Lease, reason: String) -> Halt {
        match self.store.release(lease).await {
            Ok(Recorded::Recorded | Recorded::Superseded) => Halt::NotSent(reason),
            Err(error) => Halt::Table(error),
        }
    }

    /// Keeps what became of a reporter who gets no letter, if their page is to tell, and it is not kept already.
    async fn keep(
        &self,
        errand: Errand<'_>,
        judged: Box<Judged>,
        fate: Fate,
        run: &Run<'_>,
    ) -> Result<(ResponseId, Fate), StoreError> {
        let response = judged.response.id;
        if !fate.is_kept() || judged.seen == Some(fate) {
            return Ok((response, fate));
        }
        let tell = tell(errand, &judged, fate, run);
        match self.store.tell(&tell).await? {
            Kept::Kept => {}
            Kept::Overtaken => {
                tracing::debug!(%response, "another run was first");
            }
        }
        Ok((response, fate))
    }
}

impl Function for App {
    const NAME: &'static str = "tell-reporters";
    type Event = Tick;
    type Output = Telling;

    /// What fails does not stop the other announcements, unless it would stop them too. The run then fails at its end, and the
    /// next minute tries again.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Telling, Fault> {
        let mut telling = Telling::default();
        let under_way = self.store.under_way().await;
        let under_way =
            under_way.map_err(|error| Fault::doing("look which announcements run", error))?;
        if under_way == UnderWay::default() {
            return Ok(telling);
        }
        let forms = self.rules.forms(invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let zones = Zones::of(&forms, self.config.zone.clone());
        let templates = self.rules.templates(invocation.machine_now).await;
        let templates = templates.map_err(|error| Fault::doing("read the templates", error))?;
        let run = Run {
            now: tick.time,
            invocation,
            zones: &zones,
            templates: &templates,
        };
        let mut failed = Vec::new();
        // Betas first: they write to a few, and a large announcement takes every letter for hours.
        let betas = under_way.betas.into_iter().map(|id| ("beta", id));
        let announcements = in_turn(under_way.announcements, run.now).into_iter();
        for (what, id) in betas.chain(announcements.map(|id| ("announcement", id))) {
            let done = match what {
                "beta" => self.go_on_with_beta(id, &run, &mut telling).await,
                _ => self.announce(id, &run, &mut telling).await,
            };
            match done {
                Ok(()) => {}
                Err(Halt::Later) => {
                    telling.unfinished = true;
                    break;
                }
                Err(Halt::NotSent(reason)) => {
                    telling.unfinished = true;
                    failed.push(format!("no letter can be sent: {reason}"));
                    break;
                }
                Err(Halt::Table(error)) => {
                    telling.unfinished = true;
                    failed.push(format!("{what} {id}: {error}"));
                }
            }
        }
        let Telling {
            announcements,
            betas,
            reporters,
            letters,
            unknown,
            unfinished,
        } = telling;
        tracing::info!(
            announcements,
            betas,
            reporters,
            letters,
            unknown,
            unfinished,
            "told"
        );
        if failed.is_empty() {
            return Ok(telling);
        }
        Err(Fault::new(format!(
            "not everybody was told: {}",
            failed.join("; ")
        )))
    }
}

/// These, each minute from another one on: the first may take all the letters of its minute, for hours.
fn in_turn(mut all: Vec<ImprovementId>, now: Timestamp) -> Vec<ImprovementId> {
    let minute = now.as_second().div_euclid(60).unsigned_abs();
    let minute = usize::try_from(minute).unwrap_or_default();
    let first = minute.checked_rem(all.len()).unwrap_or_default();
    all.rotate_left(first);
    all
}

fn tell(errand: Errand<'_>, judged: &Judged, fate: Fate, run: &Run<'_>) -> Tell {
    Tell {
        told: Told {
            response: judged.response.id,
            improvement: errand.improvement(),
            occasion: errand.occasion(),
            fate,
            at: run.now,
        },
        seen: judged.seen,
        received_at: judged.response.received_at,
    }
}

/// Tries again what the table could not do at the moment, while there is time: what was written by a try whose answer was
/// lost is found by the next.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    run: &Run<'_>,
    mut attempt: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let (mut tries, mut wait) = (1, FIRST_WAIT);
    loop {
        match attempt().await {
            Err(error)
                if error.is_retryable() && tries < TRIES && run.invocation.time_left() > wait =>
            {
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
        tries += 1;
        wait *= 2;
    }
}

/// What cannot be read hides nothing else: it is logged, and left to a person.
pub(crate) fn passed_over(corrupt: Vec<StoreError>) {
    for error in corrupt {
        tracing::error!(fault = %Fault::from(error), "an item was passed over");
    }
}
