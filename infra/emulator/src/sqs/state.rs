//! The queues as a plain state machine: no clock, no waiting, no input or output.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::SqsError;
use super::message::{NewMessage, Received, Sent, md5_of_attributes, md5_of_body};
use super::settings::{Settings, arn};
use super::{MoveTask, QueueCounts};
use crate::ACCOUNT;

/// How often a queue looks for messages past their retention, in milliseconds.
const EXPIRE_EVERY: i64 = 60_000;

/// How often a queue may be purged, in milliseconds.
const PURGE_EVERY: i64 = 60_000;

/// How many finished redrives are remembered.
const MOVES_KEPT: usize = 100;

/// All queues. `now` is machine time in milliseconds since 1970 and must not go back.
#[derive(Debug)]
pub(super) struct Queues {
    /// Tells the ids and receipts of this instance from those of another.
    seed: u64,
    serial: u64,
    queues: BTreeMap<String, Queue>,
    moves: VecDeque<MoveTask>,
    /// A message may have become visible sooner than a waiting consumer knows.
    pub(super) wake: bool,
}

#[derive(Debug)]
struct Queue {
    settings: Settings,
    created: i64,
    modified: i64,
    purged: Option<i64>,
    next_expiry: i64,
    messages: BTreeMap<u64, Message>,
    /// When each message can be received next, and its key. Holds each key of `messages` once.
    schedule: BTreeSet<(i64, u64)>,
}

#[derive(Debug)]
struct Message {
    id: String,
    content: NewMessage,
    md5_of_body: String,
    sent: i64,
    visible: i64,
    receives: u32,
    first_received: Option<i64>,
    /// Which receipt is good: the serial of the last receive.
    receipt: u64,
    /// The queue it was moved here from.
    dead_letter_source: Option<String>,
}

/// What a receipt handle says.
struct Receipt {
    seed: u64,
    key: u64,
    serial: u64,
}

impl Queues {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            serial: 0,
            queues: BTreeMap::new(),
            moves: VecDeque::new(),
            wake: false,
        }
    }

    pub(super) fn create(
        &mut self,
        now: i64,
        name: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), SqsError> {
        if name.ends_with(".fifo") {
            return Err(SqsError::UnsupportedOperation(
                "Only standard queues are emulated.".into(),
            ));
        }
        let named_well = (1..=80).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if !named_well {
            return Err(SqsError::InvalidParameterValue(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".into(),
            ));
        }
        if let Some(queue) = self.queues.get(name) {
            // As in AWS, only what the request names has to agree.
            let wanted = queue.settings.with(attributes)?;
            return match queue.settings.difference(&wanted) {
                None => Ok(()),
                Some(attribute) => Err(SqsError::QueueNameExists(attribute)),
            };
        }
        let settings = Settings::default().with(attributes)?;
        self.check_redrive(name, &settings)?;
        self.queues.insert(
            name.into(),
            Queue {
                settings,
                created: now,
                modified: now,
                purged: None,
                next_expiry: now + EXPIRE_EVERY,
                messages: BTreeMap::new(),
                schedule: BTreeSet::new(),
            },
        );
        Ok(())
    }

    pub(super) fn drop_queue(&mut self, name: &str) -> Result<(), SqsError> {
        self.queues
            .remove(name)
            .ok_or(SqsError::QueueDoesNotExist)?;
        self.wake = true;
        Ok(())
    }

    /// The names of the queues that begin with `prefix`, in order.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let with_prefix = self.queues.keys().filter(|name| name.starts_with(prefix));
        with_prefix.cloned().collect()
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.queues.contains_key(name)
    }

    pub(super) fn set_attributes(
        &mut self,
        now: i64,
        name: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), SqsError> {
        let settings = self.queue(name)?.settings.with(attributes)?;
        self.check_redrive(name, &settings)?;
        let queue = self.queue_mut(name)?;
        queue.settings = settings;
        queue.modified = now;
        Ok(())
    }

    pub(super) fn attributes(
        &mut self,
        now: i64,
        name: &str,
    ) -> Result<BTreeMap<String, String>, SqsError> {
        let counts = self.counts(now, name)?;
        let queue = self.queue(name)?;
        let mut attributes = queue.settings.attributes();
        attributes.insert("QueueArn".into(), arn(name));
        let numbers = [
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            (
                "ApproximateNumberOfMessagesNotVisible",
                counts.in_flight.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesDelayed",
                counts.delayed.to_string(),
            ),
            ("CreatedTimestamp", (queue.created / 1000).to_string()),
            ("LastModifiedTimestamp", (queue.modified / 1000).to_string()),
        ];
        attributes.extend(numbers.map(|(name, value)| (name.to_owned(), value)));
        Ok(attributes)
    }

    /// The queues whose dead letters go to this one.
    pub(super) fn sources_of(&self, name: &str) -> Result<Vec<String>, SqsError> {
        self.queue(name)?;
        let sources = self.queues.iter().filter(|(_, queue)| queue.feeds(name));
        Ok(sources.map(|(source, _)| source.clone()).collect())
    }

    /// Seconds a receive waits when it does not say.
    pub(super) fn default_wait(&self, name: &str) -> Result<i64, SqsError> {
        Ok(self.queue(name)?.settings.wait)
    }

    pub(super) fn counts(&mut self, now: i64, name: &str) -> Result<QueueCounts, SqsError> {
        let queue = self.queue_mut(name)?;
        queue.expire(now);
        Ok(queue.counts(now))
    }

    pub(super) fn all_counts(&mut self, now: i64) -> BTreeMap<String, QueueCounts> {
        let count = |(name, queue): (&String, &mut Queue)| {
            queue.expire(now);
            (name.clone(), queue.counts(now))
        };
        self.queues.iter_mut().map(count).collect()
    }

    /// Whether every queue is empty, but for the dead-letter queues.
    pub(super) fn is_quiet(&mut self, now: i64) -> bool {
        for queue in self.queues.values_mut() {
            queue.expire(now);
        }
        let mut busy = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.messages.is_empty());
        busy.all(|(name, _)| self.queues.values().any(|other| other.feeds(name)))
    }

    pub(super) fn send(
        &mut self,
        now: i64,
        name: &str,
        message: NewMessage,
    ) -> Result<Sent, SqsError> {
        let settings = &self.queue(name)?.settings;
        message.check(settings.max_size)?;
        let delay = message.delay.unwrap_or(settings.delay);
        let sent = Sent {
            id: self.new_id(),
            md5_of_body: md5_of_body(&message.body),
            md5_of_attributes: md5_of_attributes(&message.attributes),
            md5_of_system_attributes: md5_of_attributes(&message.system_attributes),
        };
        self.put(
            name,
            Message {
                id: sent.id.clone(),
                content: message,
                md5_of_body: sent.md5_of_body.clone(),
                sent: now,
                visible: now + delay * 1000,
                receives: 0,
                first_received: None,
                receipt: 0,
                dead_letter_source: None,
            },
        )?;
        Ok(sent)
    }

    /// Takes up to `max` visible messages and hides them for `visibility` seconds. A message that was received as often
    /// as the redrive policy allows goes to the dead-letter queue instead, with its id and its time of sending.
    pub(super) fn receive(
        &mut self,
        now: i64,
        name: &str,
        max: usize,
        visibility: Option<i64>,
    ) -> Result<Vec<Received>, SqsError> {
        let seed = self.seed;
        let redrive = self.queue(name)?.settings.redrive.clone();
        // Dead letters of a queue that was deleted since stay where they are.
        let redrive = redrive.filter(|redrive| self.contains(&redrive.target));
        let mut serial = self.serial;

        let queue = self.queue_mut(name)?;
        queue.expire(now);
        let hidden_until = now + visibility.unwrap_or(queue.settings.visibility) * 1000;
        let mut received = Vec::new();
        let mut taken = Vec::new();
        let mut dead = Vec::new();
        while received.len() < max
            && let Some(&(visible, key)) = queue.schedule.first()
            && visible <= now
        {
            queue.schedule.pop_first();
            let Some(message) = queue.messages.get_mut(&key) else {
                continue;
            };
            if redrive
                .as_ref()
                .is_some_and(|redrive| message.receives >= redrive.max_receives)
            {
                dead.extend(queue.messages.remove(&key));
                continue;
            }
            serial += 1;
            message.receipt = serial;
            message.receives += 1;
            message.visible = hidden_until;
            let first_received = *message.first_received.get_or_insert(now);
            received.push(
                message.received(first_received, &Receipt { seed, key, serial }.encode(name)),
            );
            // Put back after the loop, or a visibility of 0 would receive the same message again.
            taken.push((hidden_until, key));
        }
        queue.schedule.extend(taken);
        self.serial = serial;

        for mut message in dead {
            message.dead_letter_source = Some(name.into());
            message.visible = now;
            message.receipt = 0;
            if let Some(redrive) = &redrive {
                self.put(&redrive.target, message)?;
            }
        }
        Ok(received)
    }

    /// When the next message of the queue becomes visible, if one will.
    pub(super) fn next_visible(&self, name: &str) -> Option<i64> {
        let first = self.queues.get(name)?.schedule.first()?;
        Some(first.0)
    }

    /// Deletes what the receipt stands for. A receipt whose message is gone, or was received again since, deletes
    /// nothing and is no error: SQS promises no more.
    pub(super) fn delete(&mut self, name: &str, receipt: &str) -> Result<(), SqsError> {
        let seed = self.seed;
        let queue = self.queue_mut(name)?;
        let receipt = Receipt::decode(name, receipt)?;
        let current = queue.messages.get(&receipt.key);
        let Some(message) = current.filter(|message| receipt.opens(seed, message)) else {
            return Ok(());
        };
        queue.schedule.remove(&(message.visible, receipt.key));
        queue.messages.remove(&receipt.key);
        Ok(())
    }

    /// Hides a message in flight for `seconds` from now; 0 makes it visible at once.
    pub(super) fn change_visibility(
        &mut self,
        now: i64,
        name: &str,
        receipt: &str,
        seconds: i64,
    ) -> Result<(), SqsError> {
        let seed = self.seed;
        let queue = self.queue_mut(name)?;
        if !(0..=43_200).contains(&seconds) {
            return Err(SqsError::InvalidParameterValue(format!(
                "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200."
            )));
        }
        let handle = Receipt::decode(name, receipt)?;
        let Some(message) = queue.messages.get_mut(&handle.key) else {
            return Err(SqsError::InvalidParameterValue(format!(
                "Value {receipt} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
                 available for visibility timeout change."
            )));
        };
        if !handle.opens(seed, message) || message.visible <= now {
            return Err(SqsError::MessageNotInflight);
        }
        queue.schedule.remove(&(message.visible, handle.key));
        message.visible = now + seconds * 1000;
        queue.schedule.insert((message.visible, handle.key));
        self.wake = true;
        Ok(())
    }

    pub(super) fn purge(&mut self, now: i64, name: &str) -> Result<(), SqsError> {
        let queue = self.queue_mut(name)?;
        if queue
            .purged
            .is_some_and(|purged| now - purged < PURGE_EVERY)
        {
            return Err(SqsError::PurgeQueueInProgress(name.into()));
        }
        queue.purged = Some(now);
        queue.messages.clear();
        queue.schedule.clear();
        Ok(())
    }

    /// Moves the visible messages of a dead-letter queue to `target`, or each to the queue it came from. They arrive as
    /// new messages, with other ids. The whole move happens at once, so the task it returns is finished.
    pub(super) fn move_messages(
        &mut self,
        now: i64,
        source: &str,
        target: Option<&str>,
    ) -> Result<MoveTask, SqsError> {
        let missing = || {
            SqsError::ResourceNotFound(
                "The resource that you specified for the SourceArn parameter doesn't exist.".into(),
            )
        };
        if self.sources_of(source).map_err(|_| missing())?.is_empty() {
            return Err(SqsError::InvalidParameterValue(
                "Source queue must be configured as a Dead Letter Queue.".into(),
            ));
        }
        if let Some(target) = target
            && !self.contains(target)
        {
            return Err(SqsError::ResourceNotFound(
                "The resource that you specified for the DestinationArn parameter doesn't exist."
                    .into(),
            ));
        }
        let queue = self.queue_mut(source)?;
        queue.expire(now);
        let visible: Vec<(i64, u64)> = queue.schedule.range(..=(now, u64::MAX)).copied().collect();
        let total = visible.len() as u64;
        let mut moved = 0;
        let mut failure = None;
        for (at, key) in visible {
            let queue = self.queue_mut(source)?;
            let origin = queue
                .messages
                .get(&key)
                .and_then(|message| message.dead_letter_source.clone());
            let Some(destination) = target
                .map(str::to_owned)
                .or(origin)
                .filter(|name| self.contains(name))
            else {
                failure = Some("CouldNotDetermineMessageSource".to_owned());
                continue;
            };
            let id = self.new_id();
            let queue = self.queue_mut(source)?;
            queue.schedule.remove(&(at, key));
            let Some(message) = queue.messages.remove(&key) else {
                continue;
            };
            let again = Message {
                id,
                sent: now,
                visible: now,
                receives: 0,
                first_received: None,
                receipt: 0,
                dead_letter_source: None,
                ..message
            };
            self.put(&destination, again)?;
            moved += 1;
        }
        let task = MoveTask {
            handle: self.new_id(),
            source: arn(source),
            destination: target.map(arn),
            moved,
            total,
            failure,
            started: now,
        };
        if self.moves.len() == MOVES_KEPT {
            self.moves.pop_back();
        }
        self.moves.push_front(task.clone());
        Ok(task)
    }

    /// The redrives of a dead-letter queue, latest first.
    pub(super) fn move_tasks(&self, source: &str, max: usize) -> Result<Vec<MoveTask>, SqsError> {
        if !self.contains(source) {
            return Err(SqsError::ResourceNotFound(
                "The resource that you specified for the SourceArn parameter doesn't exist.".into(),
            ));
        }
        let source = arn(source);
        let tasks = self.moves.iter().filter(|task| task.source == source);
        Ok(tasks.take(max).cloned().collect())
    }

    fn queue(&self, name: &str) -> Result<&Queue, SqsError> {
        self.queues.get(name).ok_or(SqsError::QueueDoesNotExist)
    }

    fn queue_mut(&mut self, name: &str) -> Result<&mut Queue, SqsError> {
        self.queues.get_mut(name).ok_or(SqsError::QueueDoesNotExist)
    }

    fn check_redrive(&self, name: &str, settings: &Settings) -> Result<(), SqsError> {
        match &settings.redrive {
            Some(redrive) if redrive.target == name => Err(SqsError::InvalidParameterValue(
                "Value for parameter RedrivePolicy is invalid. Reason: A queue cannot be its own dead letter target.".into(),
            )),
            Some(redrive) if !self.contains(&redrive.target) => Err(SqsError::InvalidParameterValue(
                "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.".into(),
            )),
            _ => Ok(()),
        }
    }

    fn put(&mut self, name: &str, message: Message) -> Result<(), SqsError> {
        self.serial += 1;
        let key = self.serial;
        let queue = self.queue_mut(name)?;
        queue.schedule.insert((message.visible, key));
        queue.messages.insert(key, message);
        self.wake = true;
        Ok(())
    }

    /// An id that no other instance gives: the digest of the seed and a number, in the form of a UUID.
    fn new_id(&mut self) -> String {
        self.serial += 1;
        let digest = format!(
            "{:x}",
            md5::compute(format!("{:x} {:x}", self.seed, self.serial))
        );
        let mut id = String::with_capacity(36);
        for (index, digit) in digest.chars().enumerate() {
            if matches!(index, 8 | 12 | 16 | 20) {
                id.push('-');
            }
            id.push(digit);
        }
        id
    }
}

impl Queue {
    fn feeds(&self, name: &str) -> bool {
        self.settings
            .redrive
            .as_ref()
            .is_some_and(|redrive| redrive.target == name)
    }

    fn counts(&self, now: i64) -> QueueCounts {
        let visible = self.schedule.range(..=(now, u64::MAX)).count();
        let hidden = self
            .messages
            .values()
            .filter(|message| message.visible > now);
        let delayed = hidden.filter(|message| message.receives == 0).count();
        QueueCounts {
            visible,
            in_flight: self.messages.len() - visible - delayed,
            delayed,
        }
    }

    /// Drops what is past its retention. Looks once a minute only, because it looks at every message.
    fn expire(&mut self, now: i64) {
        if now < self.next_expiry {
            return;
        }
        self.next_expiry = now + EXPIRE_EVERY;
        let oldest = now - self.settings.retention * 1000;
        let schedule = &mut self.schedule;
        self.messages.retain(|key, message| {
            let keep = message.sent > oldest;
            if !keep {
                schedule.remove(&(message.visible, *key));
            }
            keep
        });
    }
}

impl Message {
    fn received(&self, first_received: i64, receipt: &str) -> Received {
        let mut system_attributes = BTreeMap::from([
            ("SenderId".to_owned(), ACCOUNT.to_owned()),
            ("SentTimestamp".to_owned(), self.sent.to_string()),
            (
                "ApproximateReceiveCount".to_owned(),
                self.receives.to_string(),
            ),
            (
                "ApproximateFirstReceiveTimestamp".to_owned(),
                first_received.to_string(),
            ),
        ]);
        if let Some(source) = &self.dead_letter_source {
            system_attributes.insert("DeadLetterQueueSourceArn".into(), arn(source));
        }
        for (name, attribute) in &self.content.system_attributes {
            if let super::AttributeValue::Text(text) = &attribute.value {
                system_attributes.insert(name.clone(), text.clone());
            }
        }
        Received {
            id: self.id.clone(),
            receipt: receipt.into(),
            body: self.content.body.clone(),
            md5_of_body: self.md5_of_body.clone(),
            attributes: self.content.attributes.clone(),
            system_attributes,
        }
    }
}

impl Receipt {
    fn encode(&self, queue: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!(
            "{queue} {:x} {:x} {:x}",
            self.seed, self.key, self.serial
        ))
    }

    fn decode(queue: &str, handle: &str) -> Result<Self, SqsError> {
        fn read(queue: &str, handle: &str) -> Option<Receipt> {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
            let mut parts = text.split(' ');
            if parts.next()? != queue {
                return None;
            }
            let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
            let receipt = Receipt {
                seed: number()?,
                key: number()?,
                serial: number()?,
            };
            parts.next().is_none().then_some(receipt)
        }
        read(queue, handle).ok_or(SqsError::ReceiptHandleIsInvalid)
    }

    fn opens(&self, seed: u64, message: &Message) -> bool {
        self.seed == seed && self.serial == message.receipt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues() -> Queues {
        let mut queues = Queues::new(7);
        queues.create(0, "dead", &BTreeMap::new()).unwrap();
        let policy = format!(
            r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"2"}}"#,
            arn("dead")
        );
        let attributes = BTreeMap::from([
            ("RedrivePolicy".to_owned(), policy),
            ("VisibilityTimeout".to_owned(), "10".to_owned()),
        ]);
        queues.create(0, "work", &attributes).unwrap();
        queues
    }

    fn one(queues: &mut Queues, now: i64, name: &str) -> Option<Received> {
        queues.receive(now, name, 10, None).unwrap().pop()
    }

    #[test]
    fn a_message_is_hidden_exactly_as_long_as_asked() {
        let mut queues = queues();
        queues.send(0, "work", NewMessage::new("a")).unwrap();
        let first = one(&mut queues, 5, "work").unwrap();
        assert_eq!(one(&mut queues, 10_004, "work"), None);
        let second = one(&mut queues, 10_005, "work").unwrap();
        assert_eq!(second.system_attributes["ApproximateReceiveCount"], "2");
        assert_eq!(
            second.system_attributes["ApproximateFirstReceiveTimestamp"],
            "5"
        );
        assert_eq!(second.system_attributes["SentTimestamp"], "0");

        // The first receipt is worth nothing now.
        queues.delete("work", &first.receipt).unwrap();
        assert_eq!(
            queues.change_visibility(10_006, "work", &first.receipt, 0),
            Err(SqsError::MessageNotInflight)
        );
        assert!(!queues.is_quiet(10_006));
        queues.delete("work", &second.receipt).unwrap();
        assert!(queues.is_quiet(10_006));
    }

    #[test]
    fn what_was_received_too_often_goes_to_the_dead_letters_and_back_under_a_new_id() {
        let mut queues = queues();
        let id = queues.send(0, "work", NewMessage::new("a")).unwrap().id;
        assert!(one(&mut queues, 0, "work").is_some());
        assert!(one(&mut queues, 10_000, "work").is_some());
        assert!(one(&mut queues, 20_000, "work").is_none());
        assert!(queues.is_quiet(20_000), "dead letters do not count");

        let task = queues.move_messages(20_001, "dead", None).unwrap();
        assert_eq!((task.moved, task.total), (1, 1));
        let back = one(&mut queues, 20_001, "work").unwrap();
        assert_ne!(back.id, id);
        assert_eq!(back.system_attributes["ApproximateReceiveCount"], "1");
        assert!(
            queues.move_messages(0, "work", None).is_err(),
            "not a dead-letter queue"
        );
    }

    #[test]
    fn a_dead_letter_keeps_its_id_and_says_where_it_comes_from() {
        let mut queues = queues();
        let id = queues.send(0, "work", NewMessage::new("a")).unwrap().id;
        for now in [0, 10_000, 20_000] {
            one(&mut queues, now, "work");
        }
        let dead = one(&mut queues, 20_000, "dead").unwrap();
        assert_eq!(dead.id, id);
        assert_eq!(
            dead.system_attributes["DeadLetterQueueSourceArn"],
            arn("work")
        );
    }

    #[test]
    fn delays_and_retention_are_kept() {
        let mut queues = queues();
        let delayed = NewMessage {
            delay: Some(3),
            ..NewMessage::new("a")
        };
        queues.send(0, "work", delayed).unwrap();
        let counts = QueueCounts {
            delayed: 1,
            ..QueueCounts::default()
        };
        assert_eq!(queues.counts(2_999, "work").unwrap(), counts);
        assert_eq!(queues.next_visible("work"), Some(3_000));
        assert!(one(&mut queues, 2_999, "work").is_none());
        assert!(one(&mut queues, 3_000, "work").is_some());
        assert_eq!(queues.counts(3_000, "work").unwrap().in_flight, 1);
        let four_days = 345_600_000;
        assert_eq!(queues.counts(four_days - 1, "work").unwrap().visible, 1);
        assert_eq!(
            queues.counts(four_days + EXPIRE_EVERY, "work").unwrap(),
            QueueCounts::default()
        );
        assert_eq!(queues.next_visible("work"), None);
    }

    #[test]
    fn a_visibility_of_zero_gives_each_message_once() {
        let mut queues = queues();
        queues.send(0, "work", NewMessage::new("a")).unwrap();
        assert_eq!(queues.receive(0, "work", 10, Some(0)).unwrap().len(), 1);
        assert_eq!(queues.receive(0, "work", 10, Some(0)).unwrap().len(), 1);
    }

    #[test]
    fn receipts_of_elsewhere_do_nothing() {
        let mut queues = queues();
        queues.send(0, "work", NewMessage::new("a")).unwrap();
        let receipt = one(&mut queues, 0, "work").unwrap().receipt;
        for bad in ["", "x", "é", receipt.get(1..).unwrap()] {
            assert_eq!(
                queues.delete("work", bad),
                Err(SqsError::ReceiptHandleIsInvalid)
            );
        }
        assert_eq!(
            queues.delete("dead", &receipt),
            Err(SqsError::ReceiptHandleIsInvalid)
        );
        let mut other = Queues::new(8);
        other.create(0, "work", &BTreeMap::new()).unwrap();
        other.send(0, "work", NewMessage::new("b")).unwrap();
        one(&mut other, 0, "work");
        other.delete("work", &receipt).unwrap();
        assert!(!other.is_quiet(0));
    }
}
