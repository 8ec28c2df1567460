//! Alerts that go to one recipient by one sink within a minute: one message.
//!
//! An event joins the groups of all its sinks in one transaction, with an entry in the ledger for each, so that its sinks
//! are fixed at that moment and no alert is in two groups. A group that is claimed to be sent is sealed: nobody joins it
//! any more, so what it holds is fixed and stored before anything is sent. What came of it is recorded with the group
//! first and then with each alert, which any number of repeats end in the same way.
//!
//! A group needs no index: the events in it stay unsettled until it is sent, and their own repair leads back to it.

use jiff::{SignedDuration, Timestamp};
use resound_domain::id::CaseId;

use crate::dynamo::{Change, Part, Query, Refusal, Transacted, Written, n, s};
use crate::item::{
    GroupItem, GroupStatus, Stored, attribute, encode, grouped_notice, member_item, read_group,
    read_member,
};
use crate::key::{
    GroupKey, Key, Line, NoticeKey, Recipient, case_partition, group_partition, member_prefix,
    notice_prefix,
};
use crate::notices::{Lease, Notice, Outcome, Recorded, record_change, until};
use crate::{Store, StoreError};

/// The most alerts in a group: one more begins the next.
pub const CAPACITY: u32 = 1000;

/// How often a group is looked for again because others changed it in between.
const TRIES: u32 = 8;

/// One way by which an event is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// To whom and by which sink.
    pub line: Line,
    /// The address, where it is not that of the sink.
    pub to: Option<String>,
    /// When it has to be sent at the latest. Machine time.
    pub due_at: Timestamp,
}

/// What came of joining.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Joined {
    /// It is in these groups. Those that have to be sent at an instant that nobody knew of before are listed with it.
    Joined(Vec<(GroupKey, Timestamp)>),
    /// The ledger has an entry for it: it joined before, or it was told by itself.
    Present,
}

/// A group that is ours to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLease {
    /// Which.
    pub key: GroupKey,
    /// The address, where it is not that of the sink.
    pub to: Option<String>,
    /// When its membership was fixed. Machine time.
    pub sealed_at: Timestamp,
    /// How many attempts there have been, this one included.
    pub attempts: u32,
    epoch: u32,
}

/// What came of claiming a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum GroupClaim {
    /// It is sealed, and ours to send.
    Claimed(GroupLease),
    /// It was sent or can never be: this is what came of it, in so many attempts.
    Recorded(Outcome, u32),
    /// It is not to be sent before: others may still join, or it was put off. Machine time.
    Early(Timestamp),
    /// Somebody else is sending it.
    InProgress,
    /// There is no such group.
    Missing,
}

impl Store {
    /// Puts an event into the open group of each of its ways, or begins one, all or nothing, with an entry in the ledger
    /// for each.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Throttled`] if others changed the groups each time.
    pub async fn join(
        &self,
        case: CaseId,
        seq: u32,
        ways: &[Joining],
        machine_now: Timestamp,
    ) -> Result<Joined, StoreError> {
        for _ in 0..TRIES {
            let (mut parts, mut news) = (Vec::new(), Vec::new());
            for way in ways {
                let latest = self.latest_group(way.line).await?;
                let open = latest.as_ref().filter(|(_, group)| {
                    group.status == GroupStatus::Open
                        && group.count < CAPACITY
                        && machine_now < group.due_at
                });
                let (key, due_at, part) = match open {
                    Some((key, group)) => {
                        let due_at = group.due_at.min(way.due_at);
                        if due_at < group.due_at {
                            news.push((*key, due_at));
                        }
                        let change = Change::new(
                            &Key::Group(*key),
                            "SET #count = #count + :one, #due_at = :due_at",
                        )
                        .only_if("#status = :open AND #count < :capacity AND #due_at = :seen")
                        .value(":one", n(1_u32))
                        .value(":due_at", attribute(&due_at)?)
                        .value(":open", attribute(&GroupStatus::Open)?)
                        .value(":capacity", n(CAPACITY))
                        .value(":seen", attribute(&group.due_at)?);
                        (*key, due_at, Part::Change(change))
                    }
                    None => {
                        let last = latest.as_ref().map_or(0, |(key, _)| key.number);
                        let key = GroupKey {
                            line: way.line,
                            number: last.saturating_add(1),
                        };
                        news.push((key, way.due_at));
                        let group = GroupItem::open(way.to.clone(), way.due_at);
                        let item = encode(&Key::Group(key), &group)?;
                        (key, way.due_at, Part::PutNew(item))
                    }
                };
                let notice = NoticeKey {
                    case,
                    cause: seq,
                    recipient: Recipient::Staff(way.line.audience),
                    medium: way.line.medium,
                };
                parts.push(Part::PutNew(grouped_notice(notice, key, due_at)?));
                parts.push(Part::PutNew(member_item(key, case, seq)?));
                parts.push(part);
            }
            match self.transact(parts).await? {
                Transacted::Done => return Ok(Joined::Joined(news)),
                Transacted::Refused(refusals) => {
                    let ledger = refusals.iter().step_by(3);
                    if ledger.into_iter().any(|r| matches!(r, Refusal::Failed(_))) {
                        return Ok(Joined::Present);
                    }
                }
            }
        }
        Err(StoreError::Throttled(
            "others changed the groups each time".into(),
        ))
    }

    async fn latest_group(&self, line: Line) -> Result<Option<(GroupKey, GroupItem)>, StoreError> {
        let query = Query::partition(group_partition(line))
            .range("begins_with(#SK, :group)")
            .value(":group", s("G#"))
            .descending()
            .limit(1);
        let page = self.query_page(&query, None).await?;
        page.items.into_iter().next().map(read_group).transpose()
    }

    /// Seals a group whose time has come and claims it for as long as `lease`, in the name of `holder`: a text that no
    /// other attempt uses.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn claim_group(
        &self,
        key: GroupKey,
        holder: &str,
        machine_now: Timestamp,
        lease: SignedDuration,
    ) -> Result<GroupClaim, StoreError> {
        let Some(item) = self.get(&Key::Group(key)).await? else {
            return Ok(GroupClaim::Missing);
        };
        let (_, seen) = read_group(item)?;
        if let Some(outcome) = seen.outcome() {
            return Ok(GroupClaim::Recorded(outcome, seen.attempts));
        }
        if machine_now < seen.due_at {
            return Ok(GroupClaim::Early(seen.due_at));
        }
        if seen.leased_until.is_some_and(|until| machine_now < until) {
            return Ok(GroupClaim::InProgress);
        }
        let (epoch, attempts) = (
            seen.epoch.saturating_add(1),
            seen.attempts.saturating_add(1),
        );
        let sealed_at = seen.sealed_at.unwrap_or(machine_now);
        // An alert that joins at this moment changes the instant or the count, never the epoch: it is in or it is not,
        // and who joins must find the group open.
        let change = Change::new(
            &Key::Group(key),
            "SET #status = :sealed, #sealed_at = :at, #holder = :holder, #epoch = :epoch, #attempts = :attempts, #leased_until = :until",
        )
        .only_if("#epoch = :seen AND #status = :seen_status")
        .value(":seen", n(seen.epoch))
        .value(":seen_status", attribute(&seen.status)?)
        .value(":sealed", attribute(&GroupStatus::Sealed)?)
        .value(":at", attribute(&sealed_at)?)
        .value(":holder", s(holder))
        .value(":epoch", n(epoch))
        .value(":attempts", n(attempts))
        .value(":until", attribute(&until(machine_now, lease))?);
        let ours = GroupClaim::Claimed(GroupLease {
            key,
            to: seen.to,
            sealed_at,
            attempts,
            epoch,
        });
        match self.change(change).await? {
            Written::Done => Ok(ours),
            Written::Refused(None) => Ok(GroupClaim::Missing),
            Written::Refused(Some(item)) => {
                let (_, now) = read_group(item)?;
                Ok(match now.outcome() {
                    Some(outcome) => GroupClaim::Recorded(outcome, now.attempts),
                    // Our own, whose answer was lost.
                    None if now.epoch == epoch && now.holder.as_deref() == Some(holder) => ours,
                    None => GroupClaim::InProgress,
                })
            }
        }
    }

    /// The alerts of a group: cases and the seqs of their events, in the order of their keys. Once it is sealed they
    /// are always the same.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn members(&self, key: GroupKey) -> Result<Vec<(CaseId, u32)>, StoreError> {
        let query = Query::partition(group_partition(key.line))
            .range("begins_with(#SK, :members)")
            .value(":members", s(member_prefix(key)));
        let items = self.query_all(&query).await?;
        items.iter().map(read_member).collect()
    }

    /// Records what came of a group, if the lease still stands.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn record_group(
        &self,
        lease: &GroupLease,
        outcome: &Outcome,
    ) -> Result<Recorded, StoreError> {
        let change = held(lease, "SET #status = :status, #outcome = :outcome")?
            .value(":status", attribute(&GroupStatus::Recorded)?)
            .value(":outcome", attribute(&outcome.status())?);
        let change = match outcome.provider_id() {
            Some(id) => change
                .also(", #provider_id = :provider_id")
                .value(":provider_id", s(id)),
            None => change,
        };
        match self.change(change).await? {
            Written::Done => Ok(Recorded::Recorded),
            Written::Refused(None) => Ok(Recorded::Superseded),
            Written::Refused(Some(item)) => {
                let (_, now) = read_group(item)?;
                // Our own, whose answer was lost, or not.
                let ours = now.epoch == lease.epoch && now.outcome().as_ref() == Some(outcome);
                Ok(if ours {
                    Recorded::Recorded
                } else {
                    Recorded::Superseded
                })
            }
        }
    }

    /// Gives back a group that was not taken, to be sent again at `due_at` (machine time) at the earliest, if the lease
    /// still stands. It stays sealed.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn postpone_group(
        &self,
        lease: &GroupLease,
        due_at: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let change = held(lease, "SET #due_at = :due_at REMOVE #leased_until")?
            .value(":due_at", attribute(&due_at)?);
        // Done twice it is as done once, so an answer that was lost needs no care.
        match self.change(change).await? {
            Written::Done => Ok(Recorded::Recorded),
            Written::Refused(_) => Ok(Recorded::Superseded),
        }
    }

    /// Records with an alert what came of the group it was in, in so many attempts. Whoever told it by itself meanwhile,
    /// as an earlier version does once the lease is over, is not overruled.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn record_member(
        &self,
        key: NoticeKey,
        outcome: &Outcome,
        attempts: u32,
        machine_now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = record_change(&Lease::of_group(key), outcome, machine_now)?
            .also(", #attempts = :attempts")
            .value(":attempts", n(attempts));
        match self.change(change).await? {
            Written::Done | Written::Refused(_) => Ok(()),
        }
    }

    /// What the ledger has about an event and those it is told to.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn notices_of(
        &self,
        case: CaseId,
        seq: u32,
        recipient: Recipient,
    ) -> Result<Vec<Notice>, StoreError> {
        let query = Query::partition(case_partition(case))
            .range("begins_with(#SK, :notices)")
            .value(":notices", s(notice_prefix(seq, recipient)));
        let items = self.query_all(&query).await?;
        items.into_iter().map(Notice::read).collect()
    }
}

/// A change of a group by who holds the lease.
fn held(lease: &GroupLease, update: impl Into<String>) -> Result<Change, StoreError> {
    Ok(Change::new(&Key::Group(lease.key), update)
        .only_if("#epoch = :seen AND #status = :sealed")
        .value(":seen", n(lease.epoch))
        .value(":sealed", attribute(&GroupStatus::Sealed)?))
}
