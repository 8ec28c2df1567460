//! What is known of an address, never the address itself: the suppression list.
//!
//! Reports come late, twice and in any order, and a dead letter may be delivered days after somebody has mended the
//! mailbox. So a reason keeps the first time that counts and the last time it was lifted, and both only ever move one
//! way: whatever arrives in whatever order, the list ends the same.

use jiff::Timestamp;
use resound_domain::contact::{Reason, Suppression};
use resound_domain::id::ContactId;

use crate::dynamo::{Change, Query, Written, s};
use crate::item::{Stored, SuppressionItem, attribute, encode};
use crate::key::{Key, SUPPRESSIONS, contact_partition};
use crate::{Store, StoreError};

/// How often a change is decided again because somebody else has changed the same reason meanwhile.
const TRIES: u32 = 4;

/// What came of putting an address on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Suppressed {
    /// It is on the list for this reason from now on.
    New,
    /// It was on the list for this reason.
    Known,
    /// It happened before the reason was lifted, and does not count any more.
    Lifted,
}

/// What came of lifting a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Lifted {
    /// It does not stand any more.
    Lifted,
    /// It did not stand.
    Nothing,
}

impl Store {
    /// Puts an address on the list because of something that happened at `at`. Any number of times is the same as once,
    /// and what happened before the reason was lifted last changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn suppress(
        &self,
        contact: ContactId,
        reason: Reason,
        at: Timestamp,
        source: Option<&str>,
    ) -> Result<Suppressed, StoreError> {
        let key = Key::Suppression { contact, reason };
        let item = SuppressionItem {
            since: at,
            source: source.map(str::to_owned),
            lifted_at: None,
            lifted_by: None,
        };
        let mut seen = match self.put_new(encode(&key, &item)?).await? {
            Written::Done => return Ok(Suppressed::New),
            Written::Refused(old) => old,
        };
        for _ in 0..TRIES {
            let Some(old) = seen else {
                return Err(StoreError::Unavailable(
                    "the table did not tell which item it has".into(),
                ));
            };
            let (_, old) = <(Reason, SuppressionItem)>::read(old)?;
            if old.lifted_at.is_some_and(|lifted| at <= lifted) {
                return Ok(Suppressed::Lifted);
            }
            if old.stands() && old.since <= at {
                return Ok(Suppressed::Known);
            }
            let news = if old.stands() {
                Suppressed::Known
            } else {
                Suppressed::New
            };
            let change = as_seen(Change::new(&key, "SET #since = :at"), &old)?;
            let change = change.value(":at", attribute(&at)?);
            let change = match source {
                Some(source) => change
                    .also(", #source = :source")
                    .value(":source", s(source)),
                None => change.also(" REMOVE #source"),
            };
            match self.change(change).await? {
                Written::Done => return Ok(news),
                Written::Refused(now) => seen = now,
            }
        }
        Err(StoreError::Unavailable("the list keeps changing".into()))
    }

    /// Why nothing is sent to an address, in no order; empty if it may be written to. What only a newer version can name is
    /// for that version to heed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn suppressions(&self, contact: ContactId) -> Result<Vec<Suppression>, StoreError> {
        let query = Query::partition(contact_partition(contact))
            .range("begins_with(#SK, :reasons)")
            .value(":reasons", s(SUPPRESSIONS));
        let items = self.query_all(&query).await?.into_iter();
        let known = items.filter_map(|item| <(Reason, SuppressionItem)>::read(item).ok());
        Ok(known
            .filter_map(|(reason, item)| item.suppression(reason))
            .collect())
    }

    /// Lifts a reason, in the name of `by`: what happened until `at` does not count any more. Only this reason: an address
    /// that is mended is still one whose owner has unsubscribed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn lift(
        &self,
        contact: ContactId,
        reason: Reason,
        at: Timestamp,
        by: &str,
    ) -> Result<Lifted, StoreError> {
        let key = Key::Suppression { contact, reason };
        for _ in 0..TRIES {
            let Some(old) = self.get(&key).await? else {
                return Ok(Lifted::Nothing);
            };
            let (_, old) = <(Reason, SuppressionItem)>::read(old)?;
            // A clock of the provider that is ahead must not outlive the lifting.
            let at = at.max(old.since);
            if !old.stands() {
                let ours = old.lifted_at == Some(at) && old.lifted_by.as_deref() == Some(by);
                return Ok(if ours {
                    Lifted::Lifted
                } else {
                    Lifted::Nothing
                });
            }
            let update = "SET #lifted_at = :at, #lifted_by = :by";
            let change = as_seen(Change::new(&key, update), &old)?
                .value(":at", attribute(&at)?)
                .value(":by", s(by));
            if let Written::Done = self.change(change).await? {
                return Ok(Lifted::Lifted);
            }
        }
        Err(StoreError::Unavailable("the list keeps changing".into()))
    }
}

/// The change, only if the reason is as it was seen.
fn as_seen(change: Change, seen: &SuppressionItem) -> Result<Change, StoreError> {
    let change = change
        .only_if("#since = :since")
        .value(":since", attribute(&seen.since)?);
    Ok(match seen.lifted_at {
        Some(lifted) => change
            .only_if("#lifted_at = :lifted")
            .value(":lifted", attribute(&lifted)?),
        None => change.only_if("attribute_not_exists(#lifted_at)"),
    })
}
