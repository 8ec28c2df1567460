//! Announcements of improvements: their log, how far they have come, and who was told. What betas write to people goes the same way.
//!
//! The announcement is in the partition of its improvement; that it runs is told by an item beside those of all others, so
//! that whoever goes on with them each minute reads nothing else. What became of a reporter stands at two places: beside
//! their response ([`Told`]), where a later pass and their page find it, and, where a letter was involved, in the ledger of
//! their address, which is what no second letter gets past: however many responses, issues and runs lead to the address.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use resound_domain::budget::Contacts;
use resound_domain::contact::{Purpose, Reason};
use resound_domain::id::{ContactId, ImprovementId, IssueId, ResponseId};
use resound_domain::issue::announcement::{
    Announcement, Entry, Fate, Ledger, Occasion, Pass, State,
};
use resound_domain::issue::{Beta, Link};
use serde::{Deserialize, Serialize};

use crate::cases::Appended;
use crate::contacts::counted;
use crate::dynamo::{Change, Item, Part, Query, Refusal, Transacted, Written, key_of, n, s};
use crate::issues::{Beside, Logged, Opened, beginning, stepped, still_there};
use crate::item::{
    ContactedItem, NoticeItem, PaceItem, PassItem, Stored, SuppressionItem, ToldItem, attribute,
    encode, logged_item, read_entry, snapshot_item,
};
use crate::key::{
    ANNOUNCED, ANNOUNCEMENTS, AnnouncedKey, Key, RawKey, TOLD, improvement_partition,
    response_partition, tester_partition,
};
use crate::notices::{Claim, Lease, Outcome, Recorded, attempt, record_change};
use crate::schema::millis;
use crate::{Store, StoreError};

/// How often an allowance is asked for again because another run has taken of it.
const TRIES: u32 = 8;

/// How many letters may go out in a minute, or an hour.
pub(crate) struct Allowance {
    /// Where it is counted.
    pub(crate) key: Key,
    /// When the minute, or the hour, began. Business time.
    pub(crate) since: Timestamp,
    /// How many.
    pub(crate) most: u32,
}

/// How many items one transaction deletes.
const FORGOTTEN_AT_ONCE: usize = 100;

/// An announcement with its whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncementHistory {
    /// The announcement.
    pub announcement: Announcement,
    /// Its log, in order.
    pub log: Vec<Logged<Entry>>,
}

/// What is under way, in no order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnderWay {
    /// The improvements whose announcements run.
    pub announcements: Vec<ImprovementId>,
    /// The improvements whose betas are open.
    pub betas: Vec<ImprovementId>,
}

/// How far an announcement has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is announced.
    pub improvement: ImprovementId,
    /// The walk that goes on, or ended last.
    pub pass: Pass,
    /// The response up to which it has walked, if any.
    pub after: Option<ResponseId>,
    /// The pass before, as it ended.
    pub last: Option<Pass>,
    pub(crate) step: u64,
}

/// What became of a reporter, beside their response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The response.
    pub response: ResponseId,
    /// What it was about.
    pub improvement: ImprovementId,
    /// What they were to be written to for.
    pub occasion: Occasion,
    /// What became of them.
    pub fate: Fate,
    /// When. Business time.
    pub at: Timestamp,
}

/// What became of the senders of some responses.
#[derive(Debug, Default)]
pub struct Fates {
    /// What is kept, and can be read.
    pub kept: Vec<Told>,
    /// The responses of which it cannot, with why: [`StoreError::Corrupt`].
    pub unreadable: Vec<(ResponseId, StoreError)>,
}

/// What is known of some addresses before they are written to.
#[derive(Debug, Default)]
pub struct Contacted {
    /// Each of those of which everything can be read.
    pub known: BTreeMap<ContactId, Known>,
    /// What cannot be read of the others, each a [`StoreError::Corrupt`]. Whether they may be written to is in doubt.
    pub corrupt: Vec<StoreError>,
}

/// What is known of an address before it is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What the ledger says of it and the improvement.
    ledger: Ledger,
    /// Whose letter that was, and what came of it.
    letter: Option<(ResponseId, Fate)>,
    /// Why it gets nothing of our own accord, if so: the gravest reason.
    pub barred: Option<Reason>,
    /// When it was written to.
    pub contacts: Contacts,
    version: Option<u32>,
}

impl Known {
    /// What the ledger says of the address and the improvement, to whoever sent this response.
    pub fn ledger(&self, response: ResponseId) -> Ledger {
        match self.letter {
            Some((about, fate)) if about == response => Ledger::Own(fate),
            _ => self.ledger,
        }
    }

    /// Takes in an item of the address.
    fn learn(&mut self, item: Item, machine_now: Timestamp) -> Result<(), StoreError> {
        let raw = key_of(&item);
        let key = Key::decode(&raw).map_err(|source| StoreError::corrupt(raw, source))?;
        match key {
            Key::Suppression { .. } => {
                let (reason, item) = <(Reason, SuppressionItem)>::read(item)?;
                if item.stands() && reason.stops(Purpose::Outreach) {
                    // In the order of their gravity.
                    let graver = self.barred.map_or(reason, |barred| barred.min(reason));
                    self.barred = Some(graver);
                }
            }
            Key::Contacted(_) => {
                let item = ContactedItem::read(item)?;
                self.version = Some(item.version);
                self.contacts = item.into_contacts();
            }
            _ => {
                let entry = read_entry(item)?;
                self.ledger = entry.ledger(machine_now);
                self.letter = entry.letter();
            }
        }
        Ok(())
    }
}

impl Default for Known {
    fn default() -> Self {
        Self {
            ledger: Ledger::Open,
            letter: None,
            barred: None,
            contacts: Contacts::default(),
            version: None,
        }
    }
}

/// What came of claiming a letter of our own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Approach {
    /// As for any notice. A [`Fresh`](Claim::Fresh) one is counted among the contacts of the address.
    Claim(Claim),
    /// The address was written to meanwhile: look again whether it may be once more.
    Overtaken,
}

/// What is to be kept beside a response.
#[derive(Debug, Clone, Copy)]
pub struct Tell {
    /// What is to be kept.
    pub told: Told,
    /// What is kept now, if anything.
    pub seen: Option<Fate>,
    /// When the response came: it must still be there, and not be erased.
    pub received_at: Timestamp,
}

/// What came of keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Kept {
    /// It is kept.
    Kept,
    /// Another run was first, or the response is erased by now.
    Overtaken,
}

impl Progress {
    /// The first pass, before anything was walked.
    pub const fn begin(improvement: ImprovementId, pass: Pass) -> Self {
        Self {
            improvement,
            pass,
            after: None,
            last: None,
            step: 1,
        }
    }

    /// The next pass, from the beginning.
    #[must_use]
    pub fn again(&self, pass: Pass) -> Self {
        Self {
            improvement: self.improvement,
            pass,
            after: None,
            last: Some(self.pass.clone()),
            step: self.step.saturating_add(1),
        }
    }

    /// The same pass, walked up to this response.
    #[must_use]
    pub fn on(&self, pass: Pass, after: Option<ResponseId>) -> Self {
        Self {
            improvement: self.improvement,
            pass,
            after,
            last: self.last.clone(),
            step: self.step.saturating_add(1),
        }
    }
}

impl Store {
    /// The announcement of an improvement; `None` if it is not announced.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn announcement(
        &self,
        improvement: ImprovementId,
    ) -> Result<Option<Announcement>, StoreError> {
        let item = self.get(&Key::Announcement(improvement)).await?;
        item.map(Announcement::read).transpose()
    }

    /// An announcement with its whole log; `None` if the improvement is not announced.
    ///
    /// # Errors
    /// [`StoreError`]; one entry that cannot be read fails the whole.
    pub async fn announcement_history(
        &self,
        improvement: ImprovementId,
    ) -> Result<Option<AnnouncementHistory>, StoreError> {
        let Some(announcement) = self.announcement(improvement).await? else {
            return Ok(None);
        };
        let log = beginning(improvement_partition(improvement), ANNOUNCED);
        let log = self.query_all(&log).await?.into_iter().map(Logged::read);
        let mut log: Vec<Logged<Entry>> = log.collect::<Result<_, _>>()?;
        log.retain(|logged| logged.entry.seq <= announcement.version());
        Ok(Some(AnnouncementHistory { announcement, log }))
    }

    /// What is under way.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn under_way(&self) -> Result<UnderWay, StoreError> {
        let all = Query::partition(ANNOUNCEMENTS.to_owned());
        let mut under_way = UnderWay::default();
        for item in self.query_all(&all).await? {
            match Key::decode(&key_of(&item)) {
                Ok(Key::Running(id)) => under_way.announcements.push(id),
                Ok(Key::Trying(id)) => under_way.betas.push(id),
                // The pace; and what a newer version keeps here is that one's.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(under_way)
    }

    /// Starts an announcement with the first entry of its log, if the beta of the improvement still is what was seen of it. It
    /// runs from then on.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not start one; [`StoreError::Unavailable`] if the beta has
    /// changed.
    pub async fn start_announcement(
        &self,
        improvement: ImprovementId,
        started: &Entry,
        beta: Option<&Beta>,
        command_key: Option<&str>,
    ) -> Result<Opened, StoreError> {
        let announcement = Announcement::begin(improvement, started);
        let announcement =
            announcement.ok_or_else(|| StoreError::rejected("the entry starts no announcement"))?;
        let entry = Key::AnnouncementEntry {
            improvement,
            seq: started.seq,
        };
        let (key, version) = (Key::Announcement(improvement), announcement.version());
        let parts = vec![
            Part::PutNew(snapshot_item(&key, "announcement", &announcement, version)?),
            Part::PutNew(logged_item(&entry, started, command_key)?),
            Part::Replace(running(improvement)?),
            unchanged(improvement, beta),
        ];
        match self.transact(parts).await? {
            Transacted::Done => Ok(Opened::New),
            Transacted::Refused(_) if self.announcement(improvement).await?.is_some() => {
                Ok(Opened::Exists)
            }
            Transacted::Refused(_) => Err(StoreError::Unavailable("the beta has changed".into())),
        }
    }

    /// Adds an entry to the log of an announcement, if nobody else has changed it. Whether it runs is kept in the same
    /// transaction.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the entry does not lead from `before` to `after`.
    pub async fn append_to_announcement(
        &self,
        before: &Announcement,
        after: &Announcement,
        entry: &Entry,
        command_key: Option<&str>,
    ) -> Result<Appended, StoreError> {
        let improvement = after.improvement();
        if before.improvement() != improvement {
            return Err(StoreError::rejected("the step is of two announcements"));
        }
        let (was, is) = ((before.version(), before), (after.version(), after));
        let log = Key::AnnouncementEntry {
            improvement,
            seq: entry.seq,
        };
        let key = Key::Announcement(improvement);
        let parts = vec![
            stepped(&key, "announcement", was, is, entry.seq)?,
            Part::PutNew(logged_item(&log, entry, command_key)?),
            match after.state() {
                State::Running => Part::Replace(running(improvement)?),
                State::Stopped | State::Closed => Part::Delete(Key::Running(improvement).encode()),
            },
        ];
        Ok(match self.transact(parts).await? {
            Transacted::Done => Appended::Appended,
            Transacted::Refused(_) => Appended::Conflict,
        })
    }

    /// How far an announcement has come; `None` before anything was walked.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn progress(
        &self,
        improvement: ImprovementId,
    ) -> Result<Option<Progress>, StoreError> {
        let item = self.get(&Key::Pass(improvement)).await?;
        item.map(Progress::read).transpose()
    }

    /// Moves an announcement on from what was seen; `false` if another run was first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn move_on(
        &self,
        seen: Option<&Progress>,
        to: &Progress,
    ) -> Result<bool, StoreError> {
        let key = Key::Pass(to.improvement);
        let item = PassItem {
            pass: to.pass.clone(),
            step: to.step,
            after: to.after,
            last: to.last.clone(),
        };
        let Some(seen) = seen else {
            return Ok(match self.put_new(encode(&key, &item)?).await? {
                Written::Done => true,
                // Our own, whose answer was lost.
                Written::Refused(Some(now)) => Progress::read(now)? == *to,
                Written::Refused(None) => false,
            });
        };
        let (mut set, mut remove) = ("SET #pass = :pass, #step = :step".to_owned(), Vec::new());
        match to.after {
            Some(_) => set.push_str(", #after = :after"),
            None => remove.push("#after"),
        }
        match to.last {
            Some(_) => set.push_str(", #last = :last"),
            None => remove.push("#last"),
        }
        if !remove.is_empty() {
            set.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let mut change = Change::new(&key, set)
            .only_if("#step = :seen")
            .value(":seen", n(seen.step))
            .value(":pass", attribute(&item.pass)?)
            .value(":step", n(item.step));
        if let Some(after) = &item.after {
            change = change.value(":after", attribute(after)?);
        }
        if let Some(last) = &item.last {
            change = change.value(":last", attribute(last)?);
        }
        Ok(match self.change(change).await? {
            Written::Done => true,
            Written::Refused(Some(now)) => Progress::read(now)? == *to,
            Written::Refused(None) => false,
        })
    }

    /// Takes some of the letters that may go out in a minute, of all announcements together: how many of `wanted` are granted.
    /// A minute that is over grants none. What is granted is taken, whether it is used or not.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn take_letters(
        &self,
        minute: Timestamp,
        wanted: u32,
        most: u32,
    ) -> Result<u32, StoreError> {
        let allowance = Allowance {
            key: Key::Pace,
            since: minute,
            most,
        };
        self.take(&allowance, wanted).await
    }

    /// Takes of an allowance: how many of `wanted` are granted. One of a time that is over grants none.
    pub(crate) async fn take(&self, of: &Allowance, wanted: u32) -> Result<u32, StoreError> {
        let minute = millis(of.since);
        for _ in 0..TRIES {
            let seen = self.get(&of.key).await?.map(PaceItem::read).transpose()?;
            let taken = match &seen {
                Some(seen) if seen.minute > minute => return Ok(0),
                Some(seen) if seen.minute == minute => seen.taken,
                Some(_) | None => 0,
            };
            let granted = wanted.min(of.most.saturating_sub(taken));
            if granted == 0 {
                return Ok(0);
            }
            let taken = taken.saturating_add(granted);
            let written = match seen {
                None => {
                    let first = PaceItem {
                        minute: minute.clone(),
                        taken,
                    };
                    self.put_new(encode(&of.key, &first)?).await?
                }
                Some(seen) => {
                    let change = Change::new(&of.key, "SET #minute = :minute, #taken = :taken")
                        .only_if("#minute = :seen_minute AND #taken = :seen_taken")
                        .value(":minute", s(&minute))
                        .value(":taken", n(taken))
                        .value(":seen_minute", s(seen.minute))
                        .value(":seen_taken", n(seen.taken));
                    self.change(change).await?
                }
            };
            match written {
                Written::Done => return Ok(granted),
                Written::Refused(_) => {}
            }
        }
        Ok(0)
    }

    /// Some of the responses that are linked to any of these families of issues, each once, in the order of the responses, as
    /// [`links`](Store::links) reads each family. What was taken out by hand is not among them; so a page may be empty and
    /// still not be the last.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn reporters(
        &self,
        families: &[Vec<IssueId>],
        after: Option<ResponseId>,
        limit: usize,
    ) -> Result<Beside<Link>, StoreError> {
        let read = families
            .iter()
            .map(|family| self.links(family, after, limit));
        let pages = try_join_all(read).await?;
        let next = pages.iter().filter_map(|page| page.next).min();
        let (mut found, mut corrupt) = (BTreeMap::new(), Vec::new());
        for page in pages {
            corrupt.extend(page.corrupt);
            for link in page.found.into_iter().filter(|link| !link.unlinked) {
                found.entry(link.response).or_insert(link);
            }
        }
        // Behind it, a family that was not read to its end may have more.
        if let Some(next) = next {
            found.retain(|response, _| *response <= next);
        }
        Ok(Beside {
            found: found.into_values().collect(),
            corrupt,
            next,
        })
    }

    /// What became of the senders of these responses, those of whom something is kept; in no order. What cannot be read of one
    /// hides nothing of the others.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn fates(
        &self,
        occasion: Occasion,
        improvement: ImprovementId,
        responses: &[ResponseId],
    ) -> Result<Fates, StoreError> {
        let key = |&response: &ResponseId| {
            let told = Key::Told {
                response,
                improvement,
                occasion,
            };
            told.encode()
        };
        let keys: Vec<RawKey> = responses.iter().map(key).collect();
        let mut fates = Fates::default();
        for item in self.get_all(&keys).await? {
            // None but these were asked for.
            let Ok(Key::Told { response, .. }) = Key::decode(&key_of(&item)) else {
                continue;
            };
            match Told::read(item) {
                Ok(told) => fates.kept.push(told),
                Err(error) => fates.unreadable.push((response, error)),
            }
        }
        Ok(fates)
    }

    /// What was announced to the sender of a response, in no order. What only a newer version can read is not among it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn told(&self, response: ResponseId) -> Result<Vec<Told>, StoreError> {
        let told = beginning(response_partition(response), TOLD);
        let items = self.query_all(&told).await?.into_iter();
        Ok(items.filter_map(|item| Told::read(item).ok()).collect())
    }

    /// Takes away what the sender of a response that is erased by now was written to for, and what they said as a tester. Can be
    /// repeated. What the ledger has of their address stays: it names nobody, and keeps them from being told again.
    pub(crate) async fn forget_told(&self, response: ResponseId) -> Result<(), StoreError> {
        let all = Query::partition(response_partition(response));
        let mut all = self.query_all(&all).await?;
        let said = Query::partition(tester_partition(response));
        all.extend(self.query_all(&said).await?);
        let keys = all.iter().map(key_of);
        let told: Vec<RawKey> = keys
            .filter(|key| {
                let decoded = Key::decode(key);
                matches!(decoded, Ok(Key::Told { .. } | Key::Tester { .. }))
            })
            .collect();
        for some in told.chunks(FORGOTTEN_AT_ONCE) {
            let parts = some.iter().cloned().map(Part::Delete).collect();
            match self.transact(parts).await? {
                Transacted::Done => {}
                Transacted::Refused(_) => {
                    return Err(StoreError::rejected("a deletion has no condition"));
                }
            }
        }
        Ok(())
    }

    /// What is known of these addresses before they are written to of our own accord: of each of them, but of those of which
    /// something cannot be read.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn approachable(
        &self,
        occasion: Occasion,
        improvement: ImprovementId,
        contacts: &[ContactId],
        machine_now: Timestamp,
    ) -> Result<Contacted, StoreError> {
        let keys = |&contact: &ContactId| {
            let reasons = Reason::ALL.map(|reason| Key::Suppression { contact, reason });
            let announced = AnnouncedKey {
                contact,
                improvement,
                occasion,
            };
            let others = [Key::Contacted(contact), Key::Announced(announced)];
            reasons.into_iter().chain(others).map(|key| key.encode())
        };
        let keys: Vec<RawKey> = contacts.iter().flat_map(keys).collect();
        let mut contacted = Contacted {
            known: contacts
                .iter()
                .map(|contact| (*contact, Known::default()))
                .collect(),
            corrupt: Vec::new(),
        };
        for item in self.get_all(&keys).await? {
            let contact = match Key::decode(&key_of(&item)) {
                Ok(Key::Suppression { contact, .. } | Key::Contacted(contact)) => contact,
                Ok(Key::Announced(AnnouncedKey { contact, .. })) => contact,
                // None but these were asked for.
                Ok(_) | Err(_) => continue,
            };
            let Some(known) = contacted.known.get_mut(&contact) else {
                // Something else of it cannot be read.
                continue;
            };
            if let Err(error) = known.learn(item, machine_now) {
                contacted.known.remove(&contact);
                contacted.corrupt.push(error);
            }
        }
        Ok(contacted)
    }

    /// Claims a letter of our own accord about a response, and counts it among the contacts of its address: both or neither.
    /// `known` is what was [known](Store::approachable) of the address when it was decided that it may be written to. A letter
    /// that was [given back](Store::release) was counted when it was claimed first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn approach(
        &self,
        key: AnnouncedKey,
        (response, known): (ResponseId, &Known),
        holder: &str,
        (now, machine_now): (Timestamp, Timestamp),
        lease: SignedDuration,
    ) -> Result<Approach, StoreError> {
        let item = NoticeItem {
            response: Some(response),
            ..attempt(holder, machine_now, lease)
        };
        let entry = encode(&Key::Announced(key), &item)?;
        let contacted = Key::Contacted(key.contact);
        let contacts = known.contacts.and(now);
        let counted = match known.version {
            None => Part::PutNew(encode(&contacted, &ContactedItem::first(contacts))?),
            Some(version) => Part::Change(counted(
                &contacted,
                "SET #contacts = :times",
                &contacts.own,
                version,
            )?),
        };
        let refusals = match self.transact(vec![Part::PutNew(entry), counted]).await? {
            Transacted::Done => return Ok(Approach::Claim(Claim::Fresh(Lease::first(key.into())))),
            Transacted::Refused(refusals) => refusals,
        };
        match refusals.into_iter().next() {
            Some(Refusal::Failed(Some(old))) => {
                let claim = self.claim_old(key.into(), old, holder, machine_now, lease);
                Ok(Approach::Claim(claim.await?))
            }
            Some(Refusal::Failed(None)) => Err(StoreError::Unavailable(
                "the table did not tell which item it has".into(),
            )),
            Some(Refusal::Held) | None => Ok(Approach::Overtaken),
        }
    }

    /// Records what came of a letter, if the lease still stands, and what the reporter's page tells, in one transaction. Where
    /// something else is kept beside the response by now, or it is erased, the ledger alone is written; where the provider was
    /// quicker to tell that it took the letter, the page alone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn record_told(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        tell: &Tell,
        machine_now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let mut parts = vec![Part::Change(record_change(lease, outcome, machine_now)?)];
        parts.extend(telling(tell)?);
        let refusals = match self.transact(parts).await? {
            Transacted::Done => return Ok(Recorded::Recorded),
            Transacted::Refused(refusals) => refusals,
        };
        let recorded = self.record(lease, outcome, machine_now).await?;
        let is_open = matches!(refusals.first(), Some(Refusal::Held));
        if recorded == Recorded::Recorded && !is_open {
            match self.tell(tell).await? {
                Kept::Kept | Kept::Overtaken => {}
            }
        }
        Ok(recorded)
    }

    /// Keeps beside a response what became of its sender where no letter was involved.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn tell(&self, tell: &Tell) -> Result<Kept, StoreError> {
        Ok(match self.transact(telling(tell)?).await? {
            Transacted::Done => Kept::Kept,
            Transacted::Refused(_) => Kept::Overtaken,
        })
    }
}

/// That the beta is what was seen of it, or that there still is none.
fn unchanged(improvement: ImprovementId, seen: Option<&Beta>) -> Part {
    let key = Key::Beta(improvement);
    match seen {
        None => Part::Absent(key.encode()),
        Some(beta) => Part::Check {
            key,
            condition: "#version = :value",
            value: n(beta.version()),
        },
    }
}

/// Its key says it all.
fn running(improvement: ImprovementId) -> Result<Item, StoreError> {
    #[derive(Serialize, Deserialize)]
    struct RunningItem {}
    encode(&Key::Running(improvement), &RunningItem {})
}

/// What is kept beside a response, on condition that what stands there is what was seen.
fn telling(tell: &Tell) -> Result<Vec<Part>, StoreError> {
    let Told {
        response,
        improvement,
        occasion,
        fate,
        at,
    } = tell.told;
    let key = Key::Told {
        response,
        improvement,
        occasion,
    };
    let kept = match tell.seen {
        None => Part::PutNew(encode(&key, &ToldItem { fate, at })?),
        Some(seen) => Part::Change(
            Change::new(&key, "SET #fate = :fate, #at = :at")
                .only_if("#fate = :seen")
                .value(":fate", attribute(&fate)?)
                .value(":at", attribute(&at)?)
                .value(":seen", attribute(&seen)?),
        ),
    };
    Ok(vec![kept, still_there(response, tell.received_at)])
}
