//! What is known of an address, never the address itself: the suppression list, and what it got in answer to its own cases.
//!
//! Reports come late, twice and in any order, and a dead letter may be delivered days after somebody has mended the
//! mailbox. So a reason keeps the first time that counts and the last time it was lifted, and both only ever move one
//! way: whatever arrives in whatever order, the list ends the same. What staff do about it leaves an entry that stays.

use jiff::{SignedDuration, Timestamp};
use resound_domain::budget::{Contacts, Times};
use resound_domain::contact::{self, Act, ByHand, Reason, Suppression};
use resound_domain::id::ContactId;

use crate::dynamo::{Change, Part, Query, Transacted, Written, key_of, n, s};
use crate::issues::beginning;
use crate::item::{ChangeItem, ContactedItem, Stored, SuppressionItem, attribute, encode};
use crate::key::{CHANGES, Key, SUPPRESSIONS, contact_partition};
use crate::{Store, StoreError};

/// How often a change is decided again because somebody else has changed the same item meanwhile.
const TRIES: u32 = 4;

/// The least by which one time is later than another.
const MOMENT: SignedDuration = SignedDuration::from_millis(1);

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
            changes: None,
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
    /// [`StoreError`]; one reason that cannot be read fails the whole: whether it stands is not known.
    pub async fn suppressions(&self, contact: ContactId) -> Result<Vec<Suppression>, StoreError> {
        let query = Query::partition(contact_partition(contact))
            .range("begins_with(#SK, :reasons)")
            .value(":reasons", s(SUPPRESSIONS));
        let mut standing = Vec::new();
        for item in self.query_all(&query).await? {
            if Key::decode(&key_of(&item)).is_ok() {
                let (reason, item) = <(Reason, SuppressionItem)>::read(item)?;
                standing.extend(item.suppression(reason));
            }
        }
        Ok(standing)
    }

    /// What staff did about an address, in no order. What only a newer version can name is left out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn suppression_changes(
        &self,
        contact: ContactId,
    ) -> Result<Vec<contact::Change>, StoreError> {
        let changes = beginning(contact_partition(contact), CHANGES);
        let items = self.query_all(&changes).await?.into_iter();
        let known = items.filter_map(|item| contact::Change::read(item).ok());
        Ok(known.collect())
    }

    /// Puts an address on the list by hand, with an entry of its trail; nothing if staff have put it there already.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn suppress_by_hand(
        &self,
        contact: ContactId,
        hand: &ByHand,
    ) -> Result<Suppressed, StoreError> {
        let subject = (contact, Reason::ByHand);
        let (key, act) = (reason_key(subject), Act::Listed);
        for _ in 0..TRIES {
            let old = self.get(&key).await?;
            let old = old.map(<(Reason, SuppressionItem)>::read).transpose()?;
            let (number, part) = match old {
                None => {
                    let item = SuppressionItem {
                        since: hand.at,
                        source: None,
                        lifted_at: None,
                        lifted_by: None,
                        changes: Some(1),
                    };
                    (1, Part::PutNew(encode(&key, &item)?))
                }
                Some((_, old)) if old.stands() => return Ok(Suppressed::Known),
                Some((_, old)) => {
                    // What is not later than the lifting does not count.
                    let after = old.lifted_at.and_then(|at| at.checked_add(MOMENT).ok());
                    let since = after.map_or(hand.at, |after| hand.at.max(after));
                    let number = next(&old);
                    let update = "SET #since = :at, #changes = :number";
                    let change = as_seen(Change::new(&key, update), &old)?
                        .value(":at", attribute(&since)?)
                        .value(":number", n(number));
                    (number, Part::Change(change))
                }
            };
            if self
                .change_by_hand(subject, part, number, act, hand)
                .await?
            {
                return Ok(Suppressed::New);
            }
        }
        Err(StoreError::Unavailable("the list keeps changing".into()))
    }

    /// Lifts a reason by hand, with an entry of its trail: what happened until then does not count any more. Only this reason:
    /// an address that is mended is still one whose owner has unsubscribed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn lift(
        &self,
        contact: ContactId,
        reason: Reason,
        hand: &ByHand,
    ) -> Result<Lifted, StoreError> {
        let subject = (contact, reason);
        let (key, act) = (reason_key(subject), Act::Lifted);
        for _ in 0..TRIES {
            let Some(old) = self.get(&key).await? else {
                return Ok(Lifted::Nothing);
            };
            let (_, old) = <(Reason, SuppressionItem)>::read(old)?;
            // A clock of the provider that is ahead must not outlive the lifting.
            let at = hand.at.max(old.since);
            if !old.stands() {
                let ours = old.lifted_at == Some(at) && old.lifted_by.as_ref() == Some(&hand.by);
                return Ok(if ours {
                    Lifted::Lifted
                } else {
                    Lifted::Nothing
                });
            }
            let number = next(&old);
            let update = "SET #lifted_at = :at, #lifted_by = :by, #changes = :number";
            let change = as_seen(Change::new(&key, update), &old)?
                .value(":at", attribute(&at)?)
                .value(":by", s(&hand.by))
                .value(":number", n(number));
            let part = Part::Change(change);
            if self
                .change_by_hand(subject, part, number, act, hand)
                .await?
            {
                return Ok(Lifted::Lifted);
            }
        }
        Err(StoreError::Unavailable("the list keeps changing".into()))
    }

    /// Counts an answer to its own case among what an address got, [when it counts](resound_domain::budget::answered_at): any
    /// number of times is the same as once. Answers hold back what is said of our own accord, and nothing holds them back, so this is no part of a
    /// transaction; an announcement that is claimed meanwhile looks again.
    ///
    /// # Errors
    /// [`StoreError`]; whether it is counted is not known then, and it may be counted again.
    pub async fn count_answer(&self, contact: ContactId, at: Timestamp) -> Result<(), StoreError> {
        let key = Key::Contacted(contact);
        // To look first is cheaper than to be refused.
        let mut seen = self.get(&key).await?;
        for _ in 0..TRIES {
            let written = match seen.map(ContactedItem::read).transpose()? {
                None => {
                    let first = ContactedItem::first(Contacts::default().and_answer(at));
                    self.put_new(encode(&key, &first)?).await?
                }
                Some(old) => {
                    let version = old.version;
                    let before = old.into_contacts();
                    let after = before.and_answer(at);
                    if after == before {
                        return Ok(());
                    }
                    let set = "SET #answers = :times";
                    let change = counted(&key, set, &after.answers, version)?;
                    self.change(change).await?
                }
            };
            match written {
                Written::Done => return Ok(()),
                Written::Refused(now) => seen = now,
            }
        }
        Err(StoreError::Unavailable(
            "the address keeps being written to".into(),
        ))
    }

    /// Changes a reason and its trail, both or neither; `false` if somebody else was first.
    async fn change_by_hand(
        &self,
        (contact, reason): (ContactId, Reason),
        part: Part,
        number: u32,
        act: Act,
        hand: &ByHand,
    ) -> Result<bool, StoreError> {
        let entry = Key::SuppressionChange {
            contact,
            reason,
            number,
        };
        let hand = hand.clone();
        let entry = Part::PutNew(encode(&entry, &ChangeItem { act, hand })?);
        Ok(match self.transact(vec![part, entry]).await? {
            Transacted::Done => true,
            Transacted::Refused(_) => false,
        })
    }
}

/// A change of when an address was written to, if nobody else has changed it since it was seen. `set` gives one of its lists
/// `:times`, and leaves the other alone, as an older version does.
pub(crate) fn counted(
    key: &Key,
    set: &str,
    times: &Times,
    seen: u32,
) -> Result<Change, StoreError> {
    Ok(Change::new(key, set)
        .also(", #version = :version")
        .only_if("#version = :seen")
        .value(":times", attribute(times)?)
        .value(":version", n(seen.saturating_add(1)))
        .value(":seen", n(seen)))
}

const fn reason_key((contact, reason): (ContactId, Reason)) -> Key {
    Key::Suppression { contact, reason }
}

/// The number of the next entry of the trail.
fn next(seen: &SuppressionItem) -> u32 {
    seen.changes.unwrap_or_default().saturating_add(1)
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
