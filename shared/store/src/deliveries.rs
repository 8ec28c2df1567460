//! What the provider says of a notice after it took it: facts beside the outcome, in any order and any number of times.
//!
//! A report also answers what nobody knew: whether a notice whose answer was lost was taken at all. A claim that still
//! stands, and a doubt that was recorded, then become *sent*; whoever comes later to send or to doubt is told so by the
//! ledger.

use jiff::Timestamp;
use resound_domain::case::Case;
use resound_domain::delivery::Fate;
use resound_domain::event::{Event, EventKind};

use crate::cases::appending;
use crate::dynamo::{Change, Part, Transacted, Written, n, s};
use crate::item::{StatusName, Stored, attribute};
use crate::key::{Key, NoticeKey, Recipient};
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
        self.is_open()
            || self.delivery.learns(report.fate, report.at)
            || !self.told_by(report.fate).is_empty()
    }

    /// Whether it is not known that the provider took it, and it may have.
    const fn is_open(&self) -> bool {
        match &self.status {
            NoticeStatus::InProgress { .. } | NoticeStatus::Released => true,
            NoticeStatus::Recorded { outcome, .. } => matches!(outcome, Outcome::Unknown),
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
        let change = change(seen, report, failed, machine_now)?;
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
}

/// The change of an entry by a report, on condition that all of it that the report is weighed against is as it was seen.
fn change(
    seen: &Notice,
    report: &DeliveryReport<'_>,
    failed: Option<u32>,
    machine_now: Timestamp,
) -> Result<Change, StoreError> {
    let mut set = Vec::new();
    let mut conditions = vec!["#status = :seen".to_owned()];
    let mut values = vec![(":seen", attribute(&seen.status_name())?)];
    if seen.delivery.learns(report.fate, report.at) {
        let name = format!("#{}_at", report.fate.name());
        conditions.push(match seen.delivery.at(report.fate) {
            Some(known) => {
                values.push((":known", attribute(&known)?));
                format!("{name} = :known")
            }
            None => format!("attribute_not_exists({name})"),
        });
        set.push(format!("{name} = :at"));
        values.push((":at", attribute(&report.at)?));
    }
    if seen.is_open() {
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
    let change = Change::new(&Key::Notice(seen.key), format!("SET {}", set.join(", ")));
    let change = change.only_if(&conditions.join(" AND "));
    Ok(values
        .into_iter()
        .fold(change, |change, (name, value)| change.value(name, value)))
}
