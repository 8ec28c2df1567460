//! Letters and text messages that are sent to try out how they look: each once, and few of them. They are about no case,
//! and stand in no ledger that customers have a part in.

use jiff::{SignedDuration, Timestamp};
use resound_domain::id::SubjectId;
use serde::{Deserialize, Serialize};

use crate::announcements::Allowance;
use crate::dynamo::{Change, Written, s};
use crate::item::{Stored, TrialItem, attribute, encode};
use crate::key::Key;
use crate::{Digest, Store, StoreError};

/// How many may be sent in an hour, by all admins together.
const MOST_AN_HOUR: u32 = 20;
/// How long it is remembered that one was sent: a repeat after that is one of its own.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What came of sending one. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialStatus {
    /// It is being sent, or nobody knows whether it was.
    Unknown,
    /// The provider took it.
    Sent,
    /// The provider refused it for good.
    Refused,
    /// It was surely not sent.
    NotSent,
}

/// One that somebody wanted sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// What was asked for.
    pub digest: Digest,
    /// When, in business time.
    pub at: Timestamp,
    /// What came of it.
    pub status: TrialStatus,
}

/// What came of beginning one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Trying {
    /// It is the caller's to send, and nobody else's ever.
    Ours,
    /// It was begun before.
    Begun(Trial),
    /// So many were sent in this hour that no more are.
    TooMany,
}

impl Store {
    /// Claims the sending of one. What is claimed and not [ended](Store::end_trial) stays unknown: it is never sent
    /// again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn begin_trial(
        &self,
        id: SubjectId,
        digest: Digest,
        at: Timestamp,
    ) -> Result<Trying, StoreError> {
        let key = Key::Trial(id);
        if let Some(item) = self.get(&key).await? {
            return Ok(Trying::Begun(Trial::read(item)?));
        }
        let second = at.as_second();
        let hour = Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at);
        let allowance = Allowance {
            key: Key::TrialPace,
            since: hour,
            most: MOST_AN_HOUR,
        };
        if self.take(&allowance, 1).await? == 0 {
            return Ok(Trying::TooMany);
        }
        let item = TrialItem {
            digest,
            at,
            status: TrialStatus::Unknown,
            expires_at: at.as_second().saturating_add(REMEMBERED.as_secs()),
        };
        Ok(match self.put_new(encode(&key, &item)?).await? {
            Written::Done => Trying::Ours,
            Written::Refused(Some(item)) => Trying::Begun(Trial::read(item)?),
            Written::Refused(None) => {
                return Err(StoreError::Unavailable(
                    "the table did not tell which item it has".into(),
                ));
            }
        })
    }

    /// Records what came of it. The first word on it stays.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_trial(&self, id: SubjectId, status: TrialStatus) -> Result<(), StoreError> {
        let change = Change::new(&Key::Trial(id), "SET #status = :status")
            .only_if("#status = :unknown")
            .value(":status", attribute(&status)?)
            .value(":unknown", s("unknown"));
        match self.change(change).await? {
            Written::Done | Written::Refused(_) => Ok(()),
        }
    }
}
