//! What staff told a customer themselves, in the ledger: the entry of the route `person`.
//!
//! No lease is needed for it: a person who is to tell is asked by the log of the case, and what came of it is entered by
//! the command that says so. Two members of staff who call one customer are two attempts.

use jiff::Timestamp;
use resound_domain::case::Case;
use resound_domain::delivery::Delivery;
use resound_domain::event::{Event, EventKind};
use resound_domain::route::Route;

use crate::cases::{Addition, Appended, Doubted, Owed, adding, appending};
use crate::dynamo::{Change, Part, Refusal, Transacted, n, s};
use crate::events::settle_in_transaction;
use crate::item::{attribute, encode};
use crate::key::{Key, Medium, NoticeKey, Recipient};
use crate::notices::{Notice, NoticeStatus, Outcome, person_item};
use crate::{Store, StoreError};

/// What somebody of staff turning to a customer makes of the entry of the route `person`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    before: Option<Notice>,
    after: Notice,
}

impl Turned {
    /// What `event` makes of the entry in this ledger of its case; `None` if it is neither [`Told`](EventKind::Told) nor
    /// [`NotReached`](EventKind::NotReached). Who was told stays so.
    pub fn new(ledger: &[Notice], event: &Event, machine_now: Timestamp) -> Option<Self> {
        let (cause, outcome) = match event.kind {
            EventKind::Told { cause, .. } => (cause, Outcome::Sent { provider_id: None }),
            EventKind::NotReached {
                cause,
                gives_up: true,
                ..
            } => (cause, Outcome::NotReached),
            EventKind::NotReached { cause, .. } => (cause, Outcome::ToTell),
            _ => return None,
        };
        let key = NoticeKey {
            case: event.case,
            cause,
            recipient: Recipient::Customer,
            medium: Medium::of(Route::Person),
        };
        let before = ledger.iter().find(|notice| notice.key == key).cloned();
        let told = before.as_ref().and_then(|before| match &before.status {
            NoticeStatus::Recorded {
                outcome: told @ Outcome::Sent { .. },
                ..
            } => Some(told.clone()),
            _ => None,
        });
        let attempts = before.as_ref().map_or(0, |before| before.attempts);
        let after = Notice {
            key,
            attempts: attempts.saturating_add(1),
            status: NoticeStatus::Recorded {
                outcome: told.unwrap_or(outcome),
                at: Some(machine_now),
            },
            group: None,
            delivery: Delivery::default(),
            failed: None,
        };
        Some(Self { before, after })
    }

    /// The entry after it.
    pub const fn after(&self) -> &Notice {
        &self.after
    }

    /// The writing of the entry, on condition that it is as it was seen.
    fn part(&self) -> Result<Part, StoreError> {
        let Notice { key, attempts, .. } = self.after;
        let NoticeStatus::Recorded { outcome, at } = &self.after.status else {
            return Err(StoreError::rejected("the entry says nothing"));
        };
        let Some(before) = &self.before else {
            let item = person_item(outcome, attempts, *at);
            return Ok(Part::PutNew(encode(&Key::Notice(key), &item)?));
        };
        let set = "SET #status = :status, #attempts = :attempts, #recorded_at = :at";
        let update = match outcome.withheld() {
            Some(_) => format!("{set}, #withheld = :withheld"),
            None => format!("{set} REMOVE #withheld"),
        };
        let mut change = Change::new(&Key::Notice(key), update)
            .only_if("#status = :seen AND #attempts = :times")
            .value(":seen", attribute(&before.status.name())?)
            .value(":times", n(before.attempts))
            .value(":status", attribute(&outcome.status())?)
            .value(":attempts", n(attempts))
            .value(":at", attribute(at)?);
        if let Some(why) = outcome.withheld() {
            change = change.value(":withheld", s(why));
        }
        Ok(Part::Change(change))
    }
}

impl Store {
    /// Writes, all or nothing, that a person is to tell a customer: the case with the events, the last of which is
    /// [`ToTell`](EventKind::ToTell), the entry of the route `person`, of which there is none yet, and that what was `owed`
    /// is settled.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the events do not lead from `before` to `after`, or the last is none
    /// that asks a person.
    pub async fn append_asked(
        &self,
        before: &Case,
        after: &Case,
        events: &[Event],
        owed: Owed,
        machine_now: Timestamp,
    ) -> Result<Doubted, StoreError> {
        let Some(&EventKind::ToTell { cause, .. }) = events.last().map(|event| &event.kind) else {
            return Err(StoreError::rejected("the last event asks nobody"));
        };
        let settled = match self.event(after.id(), owed.seq).await? {
            Some(event) => settle_in_transaction(&event, owed.effect)?,
            None => None,
        };
        let Some(settled) = settled else {
            return Ok(Doubted::Superseded);
        };
        let key = Key::Notice(NoticeKey {
            case: after.id(),
            cause,
            recipient: Recipient::Customer,
            medium: Medium::of(Route::Person),
        });
        let item = person_item(&Outcome::ToTell, 0, Some(machine_now));
        // Whichever of the two comes first says that somebody else has concluded it.
        let mut parts = vec![Part::Change(settled), Part::PutNew(encode(&key, &item)?)];
        parts.extend(appending(before, after, events, None, machine_now)?);
        Ok(match self.transact(parts).await? {
            Transacted::Done => Doubted::Recorded,
            Transacted::Refused(refusals) => match refusals.as_slice() {
                [Refusal::Failed(_), ..] | [_, Refusal::Failed(_), ..] => Doubted::Superseded,
                _ => Doubted::Conflict,
            },
        })
    }

    /// Writes, all or nothing, what somebody of staff says of turning to a customer: what it adds to the log of the case,
    /// the last event of which is that, and the entry in the ledger.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry is of another case, and as
    /// [`append`](Self::append).
    pub async fn append_turned(
        &self,
        addition: &Addition<'_>,
        turned: &Turned,
        machine_now: Timestamp,
    ) -> Result<Appended, StoreError> {
        if turned.after.key.case != addition.after.id() {
            return Err(StoreError::rejected("the entry is of another case"));
        }
        let mut parts = adding(addition, machine_now)?;
        parts.push(turned.part()?);
        Ok(match self.transact(parts).await? {
            Transacted::Done => Appended::Appended,
            Transacted::Refused(_) => Appended::Conflict,
        })
    }
}
