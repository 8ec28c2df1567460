//! Sends requests, at a fixed rate or as fast as they are answered, and keeps account of what came back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::latency::Latencies;
use crate::work::{Form, Kind, Mix, Work};

/// Requests that are under way at once, at most. A system that far behind is not asked for more; what would have been
/// sent counts as unanswered.
const MOST_UNDER_WAY: usize = 2000;

/// How many status pages are asked for at once when what was acknowledged is looked for.
const LOOKED_FOR_AT_ONCE: usize = 16;

/// How often something came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// What was sent.
    pub sent: &'static str,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// How many times.
    pub times: u64,
}

/// What a phase did.
#[derive(Debug, Clone, Default)]
pub struct Driven {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Answers, by what was sent and their status.
    pub counts: Vec<Count>,
    /// Submissions that were acknowledged for the first time.
    pub acknowledged: u64,
    /// Latencies of every request that was answered.
    pub latencies: Latencies,
    /// Processor time that the system used meanwhile, if it can be seen.
    pub cpu: Option<Duration>,
}

impl Driven {
    /// Requests that were answered.
    pub fn answered(&self) -> u64 {
        let answered = self.counts.iter().filter(|count| count.status.is_some());
        answered.map(|count| count.times).sum()
    }

    /// Requests that were sent.
    pub fn sent(&self) -> u64 {
        self.counts.iter().map(|count| count.times).sum()
    }
}

#[derive(Debug, Clone)]
struct Acknowledged {
    number: u64,
    form: Form,
    path: String,
}

/// What the system owes us.
#[derive(Debug, Default)]
struct Ledger {
    acknowledged: Vec<Acknowledged>,
    unanswered: Vec<(u64, Form)>,
    refused: u64,
    contradicted: u64,
}

/// What came of repeating what was not acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// Submissions that were repeated, each twice at once.
    pub(crate) submissions: u64,
    /// Of these, the ones that were not acknowledged even now.
    pub(crate) failed: u64,
}

/// Account of a whole run, over every life of the system.
#[derive(Debug)]
pub(crate) struct Account {
    work: Work,
    mix: Mix,
    next: AtomicU64,
    ledger: Mutex<Ledger>,
}

impl Account {
    pub(crate) fn new(work: Work, mix: Mix) -> Arc<Self> {
        Arc::new(Self {
            work,
            mix,
            next: AtomicU64::new(0),
            ledger: Mutex::new(Ledger::default()),
        })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submissions that were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        count(self.ledger().acknowledged.len())
    }

    /// Submissions that were answered with neither an acknowledgement nor a failure: the load itself is wrong.
    pub(crate) fn refused(&self) -> u64 {
        self.ledger().refused
    }

    /// Repeats that were acknowledged as something else than the first time.
    pub(crate) fn contradicted(&self) -> u64 {
        self.ledger().contradicted
    }

    /// Sends the next request.
    async fn send_next(&self, client: &Client) -> (&'static str, Answer) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match self.mix.kind(number) {
            Kind::Submission(form) => self.submit(client, number, form).await,
            kind => match self.earlier(number) {
                // Nothing to look back at yet.
                None => self.submit(client, number, Form::Plain).await,
                Some(earlier) if kind == Kind::Repeat => self.repeat(client, &earlier).await,
                Some(earlier) => {
                    let answer = client.send(crate::client::Ask::Status(earlier.path)).await;
                    ("status page", answer)
                }
            },
        }
    }

    fn earlier(&self, number: u64) -> Option<Acknowledged> {
        let ledger = self.ledger();
        let at =
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count(ledger.acknowledged.len()).max(1);
        ledger.acknowledged.get(usize::try_from(at).ok()?).cloned()
    }

    async fn submit(&self, client: &Client, number: u64, form: Form) -> (&'static str, Answer) {
        let answer = client.send(self.work.post(number, form)).await;
        let mut ledger = self.ledger();
        match &answer {
            Answer::Acknowledged(_, path) => ledger.acknowledged.push(Acknowledged {
                number,
                form,
                path: path.clone(),
            }),
            Answer::Status(status, _) if *status < 500 => ledger.refused += 1,
            Answer::Status(..) | Answer::None => ledger.unanswered.push((number, form)),
        }
        let sent = match form {
            Form::Plain => "plain submission",
            Form::Complaint => "complaint",
            Form::Browser => "form post",
        };
        (sent, answer)
    }

    async fn repeat(&self, client: &Client, earlier: &Acknowledged) -> (&'static str, Answer) {
        let again = self.work.post(earlier.number, earlier.form);
        let answer = client.send(again).await;
        if matches!(&answer, Answer::Acknowledged(_, path) if *path != earlier.path) {
            self.ledger().contradicted += 1;
        }
        ("repeat", answer)
    }

    /// Repeats every submission that was not acknowledged, twice at the same moment, under its own key.
    pub(crate) async fn repeat_unanswered(&self, client: &Client) -> Repeated {
        let unanswered = std::mem::take(&mut self.ledger().unanswered);
        let mut repeated = Repeated::default();
        for (number, form) in unanswered {
            repeated.submissions += 1;
            let post = || client.send(self.work.post(number, form));
            let answers = join(post(), post()).await;
            let mut ledger = self.ledger();
            match answers {
                (Answer::Acknowledged(_, path), Answer::Acknowledged(_, other)) => {
                    if path != other {
                        ledger.contradicted += 1;
                    }
                    ledger
                        .acknowledged
                        .push(Acknowledged { number, form, path });
                }
                _ => {
                    repeated.failed += 1;
                    ledger.unanswered.push((number, form));
                }
            }
        }
        repeated
    }

    /// Asks for the status page of every acknowledged submission. Returns how many do not answer.
    pub(crate) async fn missing(&self, client: &Client) -> u64 {
        let paths: Vec<_> = {
            let ledger = self.ledger();
            ledger
                .acknowledged
                .iter()
                .map(|one| one.path.clone())
                .collect()
        };
        let at = AtomicUsize::new(0);
        let missing = AtomicU64::new(0);
        let look = || async {
            while let Some(path) = paths.get(at.fetch_add(1, Ordering::Relaxed)) {
                let answer = client.send(crate::client::Ask::Status(path.clone())).await;
                if answer.status() != Some(200) {
                    missing.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        join_all((0..LOOKED_FOR_AT_ONCE).map(|_| look())).await;
        missing.into_inner()
    }
}

/// Adds up what came back.
#[derive(Debug, Default)]
struct Tally {
    counts: BTreeMap<(&'static str, Option<u16>), u64>,
    latencies: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, sent: &'static str, answer: &Answer, latency: Duration) {
        *self.counts.entry((sent, answer.status())).or_default() += 1;
        if answer.status().is_some() {
            self.latencies.push(latency);
        }
    }

    fn driven(self, elapsed: Duration, acknowledged: u64) -> Driven {
        let counts = self.counts.into_iter();
        Driven {
            elapsed,
            counts: counts
                .map(|((sent, status), times)| Count {
                    sent,
                    status,
                    times,
                })
                .collect(),
            acknowledged,
            latencies: self.latencies.into_iter().collect(),
            cpu: None,
        }
    }
}

/// Sends at a fixed rate for so long, whether answers come or not, and waits for the last one.
pub(crate) async fn at_rate(
    account: &Arc<Account>,
    client: &Client,
    per_second: u32,
    duration: Duration,
) -> Driven {
    let before = account.acknowledged();
    let interval = Duration::from_secs(1) / per_second.max(1);
    let start = Instant::now();
    let (mut tally, mut under_way) = (Tally::default(), JoinSet::new());
    let mut due = start;
    while due < start + duration {
        tokio::time::sleep_until(due.into()).await;
        while let Some(done) = under_way.try_join_next() {
            add(&mut tally, done);
        }
        if under_way.len() < MOST_UNDER_WAY {
            let (account, client) = (Arc::clone(account), client.clone());
            under_way.spawn(async move {
                let (sent, answer) = account.send_next(&client).await;
                // Since it should have been sent, not since it was.
                (sent, answer, due.elapsed())
            });
        } else {
            tally.add(
                "not sent: too many under way",
                &Answer::None,
                Duration::ZERO,
            );
        }
        due += interval;
    }
    while let Some(done) = under_way.join_next().await {
        add(&mut tally, done);
    }
    tally.driven(start.elapsed(), account.acknowledged() - before)
}

fn add(tally: &mut Tally, done: Result<(&'static str, Answer, Duration), tokio::task::JoinError>) {
    match done {
        Ok((sent, answer, latency)) => tally.add(sent, &answer, latency),
        Err(_) => tally.add(
            "request that broke the load tool",
            &Answer::None,
            Duration::ZERO,
        ),
    }
}

/// So many clients, each of which sends as soon as it was answered, until `until` says so. A client that gets no answer
/// stops: the system is gone.
pub(crate) async fn as_fast_as_answered(
    account: &Arc<Account>,
    client: &Client,
    clients: usize,
    until: impl Fn() -> bool + Sync,
) -> Driven {
    let before = account.acknowledged();
    let start = Instant::now();
    let gone = AtomicBool::new(false);
    let one = || async {
        let mut mine = Vec::new();
        while !until() && !gone.load(Ordering::Relaxed) {
            let sent_at = Instant::now();
            let (sent, answer) = account.send_next(client).await;
            if answer == Answer::None {
                gone.store(true, Ordering::Relaxed);
            }
            mine.push((sent, answer, sent_at.elapsed()));
        }
        mine
    };
    let mut tally = Tally::default();
    for (sent, answer, latency) in join_all((0..clients).map(|_| one()))
        .await
        .into_iter()
        .flatten()
    {
        tally.add(sent, &answer, latency);
    }
    tally.driven(start.elapsed(), account.acknowledged() - before)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
