//! The ledger of effects: who was told of what, and whether that is certain.
//!
//! A notice is claimed before it is sent and recorded after. The claim is fenced: whoever lost it cannot record any
//! more. A lease that ran out over an unfinished attempt is told apart, because only the class of the effect knows
//! what to do then: *at most once* must not send again and records a doubt
//! ([`append_doubt`](crate::Store::append_doubt)); *at least once* takes the notice over
//! ([`take_over`](crate::Store::take_over)) and sends again.

use jiff::{SignedDuration, Timestamp};
use resound_domain::delivery::Delivery;
use resound_domain::id::CaseId;

use crate::dynamo::{Change, Item, Written, n, s};
use crate::item::{
    NOT_REACHED, NoticeItem, OFF, OVERTAKEN, SUPPRESSED, StatusName, TO_TELL, UNUSABLE, attribute,
    encode, read_entry,
};
use crate::key::{Entry, GroupKey, Key, NoticeKey};
use crate::{Store, StoreError};

/// What came of claiming a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// It is ours to send, and no earlier attempt may have reached anybody.
    Fresh(Lease),
    /// There is nothing to send: this is what came of it.
    Recorded(Outcome),
    /// Somebody else is sending it. Come back later.
    InProgress,
    /// Somebody began to send it and never said what came of it, and their lease is over. It may have been sent.
    Abandoned(Lease),
}

/// The right to send a notice once, and to say what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    entry: Entry,
    epoch: u32,
    attempts: u32,
}

impl Lease {
    /// The right of whoever made the entry.
    pub(crate) const fn first(entry: Entry) -> Self {
        Self {
            entry,
            epoch: 1,
            attempts: 1,
        }
    }

    /// The right that whoever sends a group has to its alerts, while nobody else took them over.
    pub(crate) const fn of_group(key: NoticeKey) -> Self {
        Self::first(Entry::Case(key))
    }

    /// The notice.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// How many attempts there have been, this one included.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// What came of a notice in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it.
    Sent {
        /// Its name for the message.
        provider_id: Option<String>,
    },
    /// The provider refused it for good.
    Refused,
    /// The provider's answer was lost, and it must not be sent twice.
    Unknown,
    /// There is no address to send it to.
    NoContact,
    /// Nothing is sent to their address any more.
    Suppressed,
    /// The customer asked not to be contacted.
    NoConsent,
    /// This installation sends no e-mail.
    MailOff,
    /// This installation does not send by this medium.
    Off,
    /// The address is none that anything can be sent to.
    Unusable,
    /// A person is to tell them.
    ToTell,
    /// A person tried to tell them, and gave up.
    NotReached,
    /// It is not worth telling any more: they know, there is something newer, or it does not hold.
    Overtaken,
}

impl Outcome {
    /// Whether it ends the search for a way to tell: somebody was told, may have been, will be by a person, need not be any more, or wants nothing.
    pub const fn is_told(&self) -> bool {
        match self {
            Self::Sent { .. }
            | Self::Unknown
            | Self::NoConsent
            | Self::ToTell
            | Self::Overtaken => true,
            Self::Refused
            | Self::NoContact
            | Self::Suppressed
            | Self::MailOff
            | Self::Off
            | Self::Unusable
            | Self::NotReached => false,
        }
    }

    pub(crate) const fn provider_id(&self) -> Option<&String> {
        match self {
            Self::Sent { provider_id } => provider_id.as_ref(),
            Self::Refused
            | Self::Unknown
            | Self::NoContact
            | Self::Suppressed
            | Self::NoConsent
            | Self::MailOff
            | Self::Off
            | Self::Unusable
            | Self::ToTell
            | Self::NotReached
            | Self::Overtaken => None,
        }
    }

    /// What exactly came of it, where the status is only the nearest that every version can read.
    pub(crate) const fn withheld(&self) -> Option<&'static str> {
        match self {
            Self::Suppressed => Some(SUPPRESSED),
            Self::Off => Some(OFF),
            Self::Unusable => Some(UNUSABLE),
            Self::ToTell => Some(TO_TELL),
            Self::NotReached => Some(NOT_REACHED),
            Self::Overtaken => Some(OVERTAKEN),
            Self::Sent { .. }
            | Self::Refused
            | Self::Unknown
            | Self::NoContact
            | Self::NoConsent
            | Self::MailOff => None,
        }
    }
}

/// What came of recording or giving back a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It is recorded.
    Recorded,
    /// The lease is not ours any more: somebody else took the notice over or recorded a doubt.
    Superseded,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is.
    pub key: NoticeKey,
    /// How often it was tried.
    pub attempts: u32,
    /// Where it stands.
    pub status: NoticeStatus,
    /// The group it is in.
    pub group: Option<GroupKey>,
    /// What the provider said of it later.
    pub delivery: Delivery,
    /// The seq of the event that tells staff that it reached nobody, if it is known to have failed.
    pub failed: Option<u32>,
}

/// Where a notice stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeStatus {
    /// Somebody is sending it.
    InProgress {
        /// When their lease is over. Machine time.
        until: Timestamp,
    },
    /// An attempt certainly failed; it will be tried again.
    Released,
    /// It is over.
    Recorded {
        /// What came of it.
        outcome: Outcome,
        /// When that was recorded. Machine time.
        at: Option<Timestamp>,
    },
}

impl NoticeStatus {
    pub(crate) const fn name(&self) -> StatusName {
        match self {
            Self::InProgress { .. } => StatusName::InProgress,
            Self::Released => StatusName::Released,
            Self::Recorded { outcome, .. } => outcome.status(),
        }
    }

    /// Whether it is not known that the provider took it, and it may have.
    pub(crate) const fn is_open(&self) -> bool {
        match self {
            Self::InProgress { .. } | Self::Released => true,
            Self::Recorded { outcome, .. } => matches!(outcome, Outcome::Unknown),
        }
    }
}

impl Store {
    /// Claims a notice for as long as `lease`, in the name of `holder`: a text that no other attempt uses, so that a
    /// repeat after a lost answer finds its own claim.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn claim(
        &self,
        entry: impl Into<Entry>,
        holder: &str,
        machine_now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, StoreError> {
        let entry = entry.into();
        let fresh = Lease::first(entry.clone());
        let item = attempt(holder, machine_now, lease);
        let old = match self.put_new(encode(&entry.key(), &item)?).await? {
            Written::Done => return Ok(Claim::Fresh(fresh)),
            Written::Refused(Some(old)) => old,
            Written::Refused(None) => {
                return Err(StoreError::Unavailable(
                    "the table did not tell which item it has".into(),
                ));
            }
        };
        self.claim_old(entry, old, holder, machine_now, lease).await
    }

    /// Claims a notice of which there is an entry.
    pub(crate) async fn claim_old(
        &self,
        entry: Entry,
        old: Item,
        holder: &str,
        machine_now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, StoreError> {
        let old = read_entry(old)?;
        if let Some(outcome) = old.outcome() {
            return Ok(Claim::Recorded(outcome));
        }
        let seen = Lease {
            entry,
            epoch: old.epoch,
            attempts: old.attempts,
        };
        match old.status {
            StatusName::Released => {
                self.renew(&seen, StatusName::Released, holder, machine_now, lease)
                    .await
            }
            _ if machine_now < old.leased_until && old.holder == holder => Ok(Claim::Fresh(seen)),
            _ if machine_now < old.leased_until => Ok(Claim::InProgress),
            _ => Ok(Claim::Abandoned(seen)),
        }
    }

    /// Records at once that nothing is sent by this entry, and why, if nobody ever claimed it. If somebody did, what
    /// they came to decides: it is claimed as by [`claim`](Self::claim), and whoever gets it
    /// [`Fresh`](Claim::Fresh) records.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pass_over(
        &self,
        entry: impl Into<Entry>,
        outcome: &Outcome,
        holder: &str,
        machine_now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, StoreError> {
        let entry = entry.into();
        let item = NoticeItem {
            status: outcome.status(),
            attempts: 0,
            recorded_at: Some(machine_now),
            withheld: outcome.withheld().map(str::to_owned),
            ..attempt(holder, machine_now, SignedDuration::ZERO)
        };
        match self.put_new(encode(&entry.key(), &item)?).await? {
            Written::Done => Ok(Claim::Recorded(outcome.clone())),
            Written::Refused(_) => self.claim(entry, holder, machine_now, lease).await,
        }
    }

    /// Claims a notice that was [`Abandoned`](Claim::Abandoned), to send it again: at least once.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn take_over(
        &self,
        abandoned: &Lease,
        holder: &str,
        machine_now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, StoreError> {
        self.renew(
            abandoned,
            StatusName::InProgress,
            holder,
            machine_now,
            lease,
        )
        .await
    }

    async fn renew(
        &self,
        seen: &Lease,
        status: StatusName,
        holder: &str,
        machine_now: Timestamp,
        lease: SignedDuration,
    ) -> Result<Claim, StoreError> {
        let next = Lease {
            entry: seen.entry.clone(),
            epoch: seen.epoch.saturating_add(1),
            attempts: seen.attempts.saturating_add(1),
        };
        let change = Change::new(
            &seen.entry.key(),
            "SET #status = :in_progress, #holder = :holder, #epoch = :epoch, #attempts = :attempts, #leased_until = :until",
        )
        .only_if("#epoch = :seen AND #status = :status")
        .value(":seen", n(seen.epoch))
        .value(":status", attribute(&status)?)
        .value(":in_progress", attribute(&StatusName::InProgress)?)
        .value(":holder", s(holder))
        .value(":epoch", n(next.epoch))
        .value(":attempts", n(next.attempts))
        .value(":until", attribute(&until(machine_now, lease))?);
        let now = match self.change(change).await? {
            Written::Done => return Ok(Claim::Fresh(next)),
            Written::Refused(None) => return Ok(Claim::InProgress),
            Written::Refused(Some(now)) => read_entry(now)?,
        };
        Ok(match now.outcome() {
            Some(outcome) => Claim::Recorded(outcome),
            // Our own, whose answer was lost.
            None if now.holder == holder
                && now.epoch == next.epoch
                && now.status == StatusName::InProgress =>
            {
                Claim::Fresh(next)
            }
            None => Claim::InProgress,
        })
    }

    /// Records what came of a notice, if the lease still stands.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn record(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        machine_now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        match self
            .change(record_change(lease, outcome, machine_now)?)
            .await?
        {
            Written::Done => Ok(Recorded::Recorded),
            Written::Refused(None) => Ok(Recorded::Superseded),
            Written::Refused(Some(now)) => {
                let now = read_entry(now)?;
                let ours = now.epoch == lease.epoch && now.outcome().as_ref() == Some(outcome);
                Ok(if ours {
                    Recorded::Recorded
                } else {
                    Recorded::Superseded
                })
            }
        }
    }

    /// Ends the leases on what follows from an event, as if their time were over: what was claimed and not recorded
    /// counts as [`Abandoned`](Claim::Abandoned). Only for whoever knows that every holder is gone, as a stack that is
    /// one process does at its start.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_leases(
        &self,
        case: CaseId,
        cause: u32,
        machine_now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(history) = self.history(case).await? else {
            return Ok(());
        };
        let event = history
            .events
            .iter()
            .find(|stored| stored.event.seq == cause);
        let told = event.map_or(cause, |stored| stored.event.kind.tells_of(cause));
        for notice in history.notices {
            if (notice.key.cause != cause && notice.key.cause != told)
                || !matches!(notice.status, NoticeStatus::InProgress { until } if until > machine_now)
            {
                continue;
            }
            let change = Change::new(&Key::Notice(notice.key), "SET #leased_until = :now")
                .only_if("#status = :in_progress")
                .value(":in_progress", attribute(&StatusName::InProgress)?)
                .value(":now", attribute(&machine_now)?);
            match self.change(change).await? {
                // Refused: it was recorded meanwhile.
                Written::Done | Written::Refused(_) => {}
            }
        }
        Ok(())
    }

    /// Gives back a notice whose attempt certainly did not reach anybody; whoever claims it next may send it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn release(&self, lease: &Lease) -> Result<Recorded, StoreError> {
        let change = held(lease, "SET #status = :status")?
            .value(":status", attribute(&StatusName::Released)?);
        match self.change(change).await? {
            Written::Done => Ok(Recorded::Recorded),
            Written::Refused(None) => Ok(Recorded::Superseded),
            Written::Refused(Some(now)) => {
                let now = read_entry(now)?;
                let ours = now.epoch == lease.epoch && now.status == StatusName::Released;
                Ok(if ours {
                    Recorded::Recorded
                } else {
                    Recorded::Superseded
                })
            }
        }
    }
}

/// The first attempt at a notice, as the ledger has it.
pub(crate) fn attempt(holder: &str, machine_now: Timestamp, lease: SignedDuration) -> NoticeItem {
    NoticeItem {
        status: StatusName::InProgress,
        holder: holder.to_owned(),
        epoch: 1,
        attempts: 1,
        leased_until: until(machine_now, lease),
        recorded_at: None,
        provider_id: None,
        group: None,
        withheld: None,
        delivery: Delivery::default(),
        failed: None,
        response: None,
    }
}

/// The entry of what a person tells, which nobody claims.
pub(crate) fn person_item(outcome: &Outcome, attempts: u32, at: Option<Timestamp>) -> NoticeItem {
    NoticeItem {
        status: outcome.status(),
        attempts,
        recorded_at: at,
        withheld: outcome.withheld().map(str::to_owned),
        ..attempt("staff", at.unwrap_or_default(), SignedDuration::ZERO)
    }
}

/// A change of a notice by who holds the lease.
fn held(lease: &Lease, update: impl Into<String>) -> Result<Change, StoreError> {
    Ok(Change::new(&lease.entry.key(), update)
        .only_if("#epoch = :seen AND #status = :in_progress")
        .value(":seen", n(lease.epoch))
        .value(":in_progress", attribute(&StatusName::InProgress)?))
}

/// The recording of an outcome.
pub(crate) fn record_change(
    lease: &Lease,
    outcome: &Outcome,
    machine_now: Timestamp,
) -> Result<Change, StoreError> {
    let change = held(lease, "SET #status = :status, #recorded_at = :now")?
        .value(":status", attribute(&outcome.status())?)
        .value(":now", attribute(&machine_now)?);
    let change = match outcome.withheld() {
        Some(why) => change
            .also(", #withheld = :withheld")
            .value(":withheld", s(why)),
        None => change,
    };
    Ok(match outcome.provider_id() {
        Some(id) => change
            .also(", #provider_id = :provider_id")
            .value(":provider_id", s(id)),
        None => change,
    })
}

pub(crate) fn until(machine_now: Timestamp, lease: SignedDuration) -> Timestamp {
    machine_now.checked_add(lease).unwrap_or(Timestamp::MAX)
}
