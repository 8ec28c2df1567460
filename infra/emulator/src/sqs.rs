//! SQS: standard queues in memory.
//!
//! `state` is the state machine, `wire` the JSON protocol; here the two meet the clock, the lock and the waiting.
//! Where SQS leaves room we are strict: a receipt is worth nothing once its message was received again. Not emulated:
//! FIFO queues, permissions, tags, the limit of 120,000 messages in flight. Queues live as long as the process.

mod error;
mod message;
mod settings;
mod state;
pub(super) mod wire;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub use error::SqsError;
pub use message::{AttributeValue, MESSAGE_LIMIT, MessageAttribute, NewMessage, Received, Sent};

use super::{MachineClock, millis};
use crate::ACCOUNT;
use state::Queues;

/// The queues of one emulated account.
///
/// Wherever a method takes a `queue`, its name, its URL and its ARN will do. Every method is atomic.
#[derive(Debug)]
pub struct Sqs {
    base: String,
    clock: MachineClock,
    /// When the clock was stopped, if it was.
    stopped_at: OnceLock<i64>,
    /// Milliseconds the queues are ahead of the machine.
    ahead: AtomicI64,
    queues: Mutex<Queues>,
    changed: Notify,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Waiting to be received.
    pub visible: usize,
    /// Received, and neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent with a delay that has not passed.
    pub delayed: usize,
}

/// A redrive from a dead-letter queue; always finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveTask {
    /// Names the task.
    pub handle: String,
    /// The ARN of the dead-letter queue.
    pub source: String,
    /// The ARN of the target; `None` where each message went back to the queue it came from.
    pub destination: Option<String>,
    /// How many messages were moved.
    pub moved: u64,
    /// How many there were to move.
    pub total: u64,
    /// Why some stayed.
    pub failure: Option<String>,
    /// When, in milliseconds since 1970, of the machine.
    pub started: i64,
}

/// How to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receive {
    /// At most this many messages, 1 to 10.
    pub max: usize,
    /// Seconds to wait for the first message, 0 to 20; the queue's own if absent.
    pub wait: Option<i64>,
    /// Seconds to hide what is received, 0 to 43,200; the queue's own if absent.
    pub visibility: Option<i64>,
}

impl Default for Receive {
    /// Ten messages at most, without waiting.
    fn default() -> Self {
        Self {
            max: 10,
            wait: Some(0),
            visibility: None,
        }
    }
}

impl Sqs {
    /// No queues yet. `base` is the address their URLs begin with.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            clock: MachineClock::start(),
            stopped_at: OnceLock::new(),
            ahead: AtomicI64::new(0),
            // Random enough: it only has to differ from the seeds of other instances.
            queues: Mutex::new(Queues::new(RandomState::new().hash_one(0))),
            changed: Notify::new(),
        }
    }

    /// Creates a standard queue with AWS's attributes, and returns its URL. To create a queue again with the same
    /// attributes is no error.
    ///
    /// # Errors
    ///
    /// When the name or an attribute is not valid, the dead-letter queue does not exist, or the queue exists with other
    /// attributes.
    pub fn create_queue(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<String, SqsError> {
        self.with(|queues, now| queues.create(now, name, attributes))?;
        Ok(self.url(name))
    }

    /// Deletes a queue and what is in it.
    ///
    /// # Errors
    ///
    /// When there is no such queue.
    pub fn delete_queue(&self, queue: &str) -> Result<(), SqsError> {
        self.with(|queues, _| queues.drop_queue(name_of(queue)))
    }

    /// The URL a queue of this name has.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.base)
    }

    /// The ARN a queue of this name has.
    #[must_use]
    pub fn arn(name: &str) -> String {
        settings::arn(name)
    }

    /// The names of all queues, in order.
    #[must_use]
    pub fn queues(&self) -> Vec<String> {
        self.with(|queues, _| queues.names(""))
    }

    /// All attributes under AWS's names, counts included.
    ///
    /// # Errors
    ///
    /// When there is no such queue.
    pub fn attributes(&self, queue: &str) -> Result<BTreeMap<String, String>, SqsError> {
        self.with(|queues, now| queues.attributes(now, name_of(queue)))
    }

    /// Sets some attributes.
    ///
    /// # Errors
    ///
    /// When there is no such queue or an attribute is not valid; then none was set.
    pub fn set_attributes(
        &self,
        queue: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), SqsError> {
        self.with(|queues, now| queues.set_attributes(now, name_of(queue), attributes))
    }

    /// Sends one message.
    ///
    /// # Errors
    ///
    /// When there is no such queue or the message is not valid.
    pub fn send(&self, queue: &str, message: NewMessage) -> Result<Sent, SqsError> {
        self.with(|queues, now| queues.send(now, name_of(queue), message))
    }

    /// Receives messages, waiting for the first if asked. Dropping the future receives nothing.
    ///
    /// # Errors
    ///
    /// When there is no such queue, it is deleted meanwhile, or a number is out of its range.
    pub async fn receive(&self, queue: &str, request: Receive) -> Result<Vec<Received>, SqsError> {
        let name = name_of(queue);
        let wait = match request.wait {
            Some(wait) => wait,
            None => self.with(|queues, _| queues.default_wait(name))?,
        };
        check_range(
            "MaxNumberOfMessages",
            i64::try_from(request.max).unwrap_or(i64::MAX),
            1,
            10,
        )?;
        check_range("WaitTimeSeconds", wait, 0, 20)?;
        check_range(
            "VisibilityTimeout",
            request.visibility.unwrap_or(0),
            0,
            43_200,
        )?;

        let deadline = Instant::now() + Duration::from_secs(wait.unsigned_abs());
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed, the one between looking and waiting included.
            changed.as_mut().enable();
            let (received, next) = self.with(|queues, now| {
                let received = queues.receive(now, name, request.max, request.visibility)?;
                let next = queues.next_visible(name).map(|at| at.saturating_sub(now));
                Ok((received, next))
            })?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !received.is_empty() || left.is_zero() {
                return Ok(received);
            }
            // At least a millisecond: time is counted in whole ones.
            let next = next.map_or(left, |millis| {
                Duration::from_millis(millis.unsigned_abs().max(1))
            });
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(next.min(left)) => {}
            }
        }
    }

    /// Deletes a message. To delete it again is no error.
    ///
    /// # Errors
    ///
    /// When there is no such queue or the receipt is not one of its receipts.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<(), SqsError> {
        self.with(|queues, _| queues.delete(name_of(queue), receipt))
    }

    /// Hides a message in flight for so many seconds from now; 0 makes it visible at once.
    ///
    /// # Errors
    ///
    /// When there is no such queue, the receipt is not one of its receipts, or the message is not in flight.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt: &str,
        seconds: i64,
    ) -> Result<(), SqsError> {
        self.with(|queues, now| queues.change_visibility(now, name_of(queue), receipt, seconds))
    }

    /// Deletes all messages.
    ///
    /// # Errors
    ///
    /// When there is no such queue or it was purged less than a minute ago.
    pub fn purge(&self, queue: &str) -> Result<(), SqsError> {
        self.with(|queues, now| queues.purge(now, name_of(queue)))
    }

    /// Moves the visible messages of a dead-letter queue back to where they came from, as new messages with new ids.
    ///
    /// # Errors
    ///
    /// When there is no such queue or it is no dead-letter queue.
    pub fn redrive(&self, queue: &str) -> Result<MoveTask, SqsError> {
        self.with(|queues, now| queues.move_messages(now, name_of(queue), None))
    }

    /// What a queue holds.
    ///
    /// # Errors
    ///
    /// When there is no such queue.
    pub fn counts(&self, queue: &str) -> Result<QueueCounts, SqsError> {
        self.with(|queues, now| queues.counts(now, name_of(queue)))
    }

    /// What every queue holds, by name.
    #[must_use]
    pub fn all_counts(&self) -> BTreeMap<String, QueueCounts> {
        self.with(|queues, now| queues.all_counts(now))
    }

    /// Whether nothing is visible, in flight or delayed anywhere but in dead-letter queues.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.with(|queues, now| queues.is_quiet(now))
    }

    /// Stops the time of the queues: from now on [`skip_ahead`](Self::skip_ahead) alone moves it. For tests that must
    /// repeat exactly, however long they take.
    pub fn stop_clock(&self) {
        self.stopped_at.get_or_init(|| self.clock.now());
    }

    /// Moves the time of the queues, and of nothing else, ahead: visibility, delays and retention pass sooner. For
    /// tests that will not sit out a timeout.
    pub fn skip_ahead(&self, duration: Duration) {
        self.ahead.fetch_add(millis(duration), Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    fn with<T>(&self, operation: impl FnOnce(&mut Queues, i64) -> T) -> T {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that time does not go back from one operation to the next.
        let now = self.stopped_at.get().copied();
        let now = now
            .unwrap_or_else(|| self.clock.now())
            .saturating_add(self.ahead.load(Ordering::SeqCst));
        let answer = operation(&mut queues, now);
        let wake = std::mem::take(&mut queues.wake);
        drop(queues);
        if wake {
            self.changed.notify_waiters();
        }
        answer
    }
}

/// The name in a name, a URL or an ARN.
fn name_of(queue: &str) -> &str {
    queue.rsplit(['/', ':']).next().unwrap_or(queue)
}

fn check_range(name: &str, value: i64, least: i64, most: i64) -> Result<(), SqsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(format!(
        "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn sqs() -> Arc<Sqs> {
        let sqs = Sqs::new("http://localhost");
        sqs.create_queue("work", &BTreeMap::new()).unwrap();
        Arc::new(sqs)
    }

    #[tokio::test]
    async fn a_waiting_consumer_is_woken_by_a_send() {
        let sqs = sqs();
        let waiting = tokio::spawn({
            let sqs = Arc::clone(&sqs);
            let request = Receive {
                wait: Some(20),
                ..Receive::default()
            };
            async move { sqs.receive("work", request).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let started = Instant::now();
        sqs.send(&sqs.url("work"), NewMessage::new("a")).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap().len(), 1);
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_waiting_consumer_is_woken_when_a_timeout_is_skipped() {
        let sqs = sqs();
        sqs.send(&Sqs::arn("work"), NewMessage::new("a")).unwrap();
        assert_eq!(
            sqs.receive("work", Receive::default()).await.unwrap().len(),
            1
        );
        let waiting = tokio::spawn({
            let sqs = Arc::clone(&sqs);
            let request = Receive {
                wait: Some(20),
                ..Receive::default()
            };
            async move { sqs.receive("work", request).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        sqs.skip_ahead(Duration::from_secs(30));
        assert_eq!(waiting.await.unwrap().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_stopped_clock_is_moved_by_hand_only() {
        let sqs = Sqs::new("http://localhost");
        sqs.create_queue("work", &BTreeMap::new()).unwrap();
        sqs.stop_clock();
        let message = NewMessage {
            delay: Some(1),
            ..NewMessage::new("x")
        };
        sqs.send("work", message).unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let received = sqs.receive("work", Receive::default()).await.unwrap();
        assert_eq!(received.len(), 0);
        sqs.skip_ahead(Duration::from_secs(1));
        let received = sqs.receive("work", Receive::default()).await.unwrap();
        assert_eq!(received.len(), 1);
    }
}
