//! What the provider says of a notice after it took it: facts beside the outcome, in any order and any number of times.
//!
//! A report also answers what nobody knew: whether a notice whose answer was lost was taken at all. A claim that still
//! stands, and a doubt that was recorded, then become *sent*; whoever comes later to send or to doubt is told so by the
//! ledger.

use jiff::Timestamp;
use resound_domain::case::Case;
use resound_domain::delivery::{Delivery, Fate, Fates};
use resound_domain::event::{Event, EventKind};
use resound_domain::id::ImprovementId;
use resound_domain::issue::announcement::{self, Occasion};

use crate::cases::appending;
use crate::dynamo::{Change, Part, Refusal, Transacted, Written, n, s};
use crate::issues::{Beside, beginning};
use crate::item::{StatusName, Stored, attribute, encode, read_each};
use crate::key::{
    AnnouncedKey, Key, NoticeKey, Recipient, deliveries_prefix, improvement_partition,
};
use crate::notices::{Notice, NoticeStatus, Outcome};
use crate::{Store, StoreError};

/// One thing that the provider says of one notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryReport<'a> {
    /// What.
    pub fate: Fate,
    /// When that happened, as it says.
    pub at: Timestamp,
    /// Its name for the message.
    pub provider_id: &'a str,
}

/// An entry of the ledger about an announcement, as reports are weighed against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// What it is.
    pub key: AnnouncedKey,
    /// Where it stands.
    pub status: NoticeStatus,
    /// What the provider said of it later.
    pub delivery: Delivery,
}

/// Over how many items the letters of an announcement are counted. Two reports that are counted in one item at the same
/// moment are one too many: DynamoDB refuses one of them, and it comes again. Persisted: a letter is counted where it was.
const SHARDS: u8 = 16;

/// What the log of a case tells of a report.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The case as it was seen.
    pub before: &'a Case,
    /// The case after the events.
    pub after: &'a Case,
    /// The events, in order; the last of them are what [`Notice::told_by`] asks for.
    pub events: &'a [Event],
}

/// What came of recording a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Reported {
    /// It is recorded.
    Recorded,
    /// The notice or its case has changed since it was read, or is gone; nothing is written. Read both and decide again.
    Conflict,
}

impl Notice {
    /// What the log of the case must tell because of a report: that what was in doubt was found, that it reached nobody.
    /// Nothing if the log has told it.
    pub fn told_by(&self, fate: Fate) -> Vec<EventKind> {
        let cause = self.key.cause;
        let unknown = matches!(
            self.status,
            NoticeStatus::Recorded {
                outcome: Outcome::Unknown,
                ..
            }
        );
        let found = unknown.then_some(EventKind::NoticeFound { cause });
        let to_customer = self.key.recipient == Recipient::Customer;
        let failed = fate
            .failure()
            .filter(|_| to_customer && self.failed.is_none());
        let failed = failed.map(|why| EventKind::NoticeFailed {
            cause,
            medium: self.key.medium.name().to_owned(),
            why,
        });
        found.into_iter().chain(failed).collect()
    }

    /// Whether a report says anything that is not recorded.
    pub fn learns(&self, report: &DeliveryReport<'_>) -> bool {
        self.status.is_open()
            || self.delivery.learns(report.fate, report.at)
            || !self.told_by(report.fate).is_empty()
    }
}

impl Announced {
    /// Whether a report says anything that is not recorded.
    pub fn learns(&self, report: &DeliveryReport<'_>) -> bool {
        self.status.is_open() || self.delivery.learns(report.fate, report.at)
    }

    /// Whether it was recorded that nobody knows whether the provider took it.
    pub const fn is_in_doubt(&self) -> bool {
        matches!(
            self.status,
            NoticeStatus::Recorded {
                outcome: Outcome::Unknown,
                ..
            }
        )
    }

    /// What became of the letter as far as the ledger knows; `None` if it certainly reached nobody so far.
    pub const fn fate(&self) -> Option<announcement::Fate> {
        use announcement::Fate;
        match &self.status {
            NoticeStatus::Released => None,
            NoticeStatus::InProgress { .. } => Some(Fate::InProgress),
            NoticeStatus::Recorded { outcome, .. } => match outcome {
                Outcome::Sent { .. } => Some(Fate::Sent),
                Outcome::Refused => Some(Fate::Refused),
                _ => Some(Fate::Unknown),
            },
        }
    }

    /// The item that counts what becomes of the letter.
    fn counted(&self) -> Key {
        let [first, ..] = self.key.contact.bits().to_le_bytes();
        Key::Deliveries {
            improvement: self.key.improvement,
            occasion: self.key.occasion,
            shard: first % SHARDS,
        }
    }
}

impl Store {
    /// An entry of the ledger; `None` if there is none (any more).
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn notice(&self, key: NoticeKey) -> Result<Option<Notice>, StoreError> {
        let item = self.get(&Key::Notice(key)).await?;
        item.map(Notice::read).transpose()
    }

    /// Records a report beside the outcome of a notice that [learns](Notice::learns) something from it, together with what
    /// the log of its case tells of it, if it tells anything.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the events are not what [`Notice::told_by`] asks for.
    pub async fn record_delivery(
        &self,
        seen: &Notice,
        report: &DeliveryReport<'_>,
        telling: Option<Telling<'_>>,
        machine_now: Timestamp,
    ) -> Result<Reported, StoreError> {
        let told = seen.told_by(report.fate);
        let events = telling.map_or(&[][..], |telling| telling.events);
        let last = events.len().checked_sub(told.len());
        let last = last.and_then(|at| events.get(at..)).unwrap_or_default();
        if !last.iter().map(|event| &event.kind).eq(&told) || telling.is_some() == told.is_empty() {
            return Err(StoreError::rejected("the log does not tell of this report"));
        }
        let failed = last.iter().find_map(|event| match event.kind {
            EventKind::NoticeFailed { .. } => Some(event.seq),
            _ => None,
        });
        let key = Key::Notice(seen.key);
        let known = (&seen.status, &seen.delivery);
        let change = change(&key, known, report, failed, machine_now)?;
        let Some(telling) = telling else {
            return Ok(match self.change(change).await? {
                Written::Done => Reported::Recorded,
                Written::Refused(_) => Reported::Conflict,
            });
        };
        let mut parts = vec![Part::Change(change)];
        let Telling { before, after, .. } = telling;
        parts.extend(appending(before, after, events, None, machine_now)?);
        Ok(match self.transact(parts).await? {
            Transacted::Done => Reported::Recorded,
            Transacted::Refused(_) => Reported::Conflict,
        })
    }

    /// An entry of the ledger about an announcement; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announced(&self, key: AnnouncedKey) -> Result<Option<Announced>, StoreError> {
        let item = self.get(&Key::Announced(key)).await?;
        item.map(Announced::read).transpose()
    }

    /// Those of these entries of the ledger that there are, in no order.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announced_all(
        &self,
        keys: &[AnnouncedKey],
    ) -> Result<Beside<Announced>, StoreError> {
        let keys: Vec<_> = keys
            .iter()
            .map(|&key| Key::Announced(key).encode())
            .collect();
        let (found, corrupt) = read_each(self.get_all(&keys).await?);
        Ok(Beside {
            found,
            corrupt,
            next: None,
        })
    }

    /// Records a report beside the outcome of an entry about an announcement that [learns](Announced::learns) something from
    /// it. What happened to the letter for the first time is counted in the same transaction: each thing once for each letter.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn record_announced_delivery(
        &self,
        seen: &Announced,
        report: &DeliveryReport<'_>,
        machine_now: Timestamp,
    ) -> Result<Reported, StoreError> {
        let key = Key::Announced(seen.key);
        let known = (&seen.status, &seen.delivery);
        let change = change(&key, known, report, None, machine_now)?;
        if report.fate == Fate::Accepted || seen.delivery.at(report.fate).is_some() {
            return Ok(match self.change(change).await? {
                Written::Done => Reported::Recorded,
                Written::Refused(_) => Reported::Conflict,
            });
        }
        let (counted, name) = (seen.counted(), report.fate.name());
        // A version that counts a further thing finds no number of it.
        let more = format!("SET #{name} = if_not_exists(#{name}, :none) + :one");
        let more = Change::new(&counted, more)
            .value(":none", n(0_u32))
            .value(":one", n(1_u32));
        let parts = vec![Part::Change(change.clone()), Part::Change(more)];
        let refusals = match self.transact(parts).await? {
            Transacted::Done => return Ok(Reported::Recorded),
            Transacted::Refused(refusals) => refusals,
        };
        let [Refusal::Held, Refusal::Failed(None)] = refusals.as_slice() else {
            return Ok(Reported::Conflict);
        };
        let first = encode(&counted, &Fates::one(report.fate))?;
        let parts = vec![Part::Change(change), Part::PutNew(first)];
        Ok(match self.transact(parts).await? {
            Transacted::Done => Reported::Recorded,
            Transacted::Refused(_) => Reported::Conflict,
        })
    }

    /// What the provider has told of the letters of this occasion about an improvement. One request.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn deliveries(
        &self,
        occasion: Occasion,
        improvement: ImprovementId,
    ) -> Result<Fates, StoreError> {
        let partition = improvement_partition(improvement);
        let counts = beginning(partition, &deliveries_prefix(occasion));
        let items = self.query_all(&counts).await?.into_iter();
        items
            .map(Fates::read)
            .try_fold(Fates::default(), |sum, some| Ok(sum.and(some?)))
    }
}

/// The change of an entry by a report, on condition that all of it that the report is weighed against is as it was seen:
/// where it stands, and what is known of its delivery.
fn change(
    key: &Key,
    (status, delivery): (&NoticeStatus, &Delivery),
    report: &DeliveryReport<'_>,
    failed: Option<u32>,
    machine_now: Timestamp,
) -> Result<Change, StoreError> {
    let mut set = Vec::new();
    let mut conditions = vec!["#status = :seen".to_owned()];
    let mut values = vec![(":seen", attribute(&status.name())?)];
    if delivery.learns(report.fate, report.at) {
        let name = format!("#{}_at", report.fate.name());
        conditions.push(match delivery.at(report.fate) {
            Some(known) => {
                values.push((":known", attribute(&known)?));
                format!("{name} = :known")
            }
            None => format!("attribute_not_exists({name})"),
        });
        set.push(format!("{name} = :at"));
        values.push((":at", attribute(&report.at)?));
    }
    if status.is_open() {
        set.push("#status = :sent, #provider_id = :id, #recorded_at = :now".to_owned());
        values.push((":sent", attribute(&StatusName::Sent)?));
        values.push((":id", s(report.provider_id)));
        values.push((":now", attribute(&machine_now)?));
    }
    if let Some(seq) = failed {
        set.push("#failed = :failed".to_owned());
        conditions.push("attribute_not_exists(#failed)".to_owned());
        values.push((":failed", n(seq)));
    }
    if set.is_empty() {
        return Err(StoreError::rejected("the report says nothing new"));
    }
    let change = Change::new(key, format!("SET {}", set.join(", ")));
    let change = change.only_if(&conditions.join(" AND "));
    Ok(values
        .into_iter()
        .fold(change, |change, (name, value)| change.value(name, value)))
}
