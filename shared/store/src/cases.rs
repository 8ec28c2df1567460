//! Cases: a snapshot, its log, and the lists that staff and the clock work from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::Timestamp;
use resound_domain::case::{Case, State};
use resound_domain::event::{Direction, Doubt, Effect, Event, EventKind};
use resound_domain::id::CaseId;

use crate::dynamo::{Change, Item, Part, Query, Refusal, Transacted, key_of, n, s};
use crate::events::{Due, StoredEvent, settle_in_transaction};
use crate::item::{CaseItem, OVER, STANDING, Stored, attribute, event_item, message_item};
use crate::key::{Entry, Key, RawKey, case_partition};
use crate::notices::{Lease, Notice, Outcome, record_change};
use crate::schema::{self, QUEUE, QUEUE_SHARDS, from_millis, queue_shard};
use crate::{Store, StoreError};

/// The most events one [`append`](Store::append) takes: a transaction holds 100 items.
///
/// Time alone fires at most five moments of each of six clocks, once more for each change of the rules that the case
/// is behind. Who has more writes the first of them, and asks again: what follows does not depend on it.
pub const MAX_EVENTS: usize = 90;

/// The most items that all [`Addition`]s of one [`append_all`](Store::append_all) have together.
pub const MAX_ITEMS: usize = 100;

/// The most cases on one page of [`cases`](Store::cases).
pub const MAX_PAGE: usize = 100;

/// The highest seq whose key still sorts as text.
pub(crate) const MAX_SEQ: u32 = 999_999;

/// How many entries of an index partition one request looks through for those that a filter lets pass, and how many requests one
/// page of a list makes of each partition.
const LOOK_THROUGH: usize = 200;
const MAX_INDEX_PAGES: u32 = 5;

/// The words that go with an event. Personal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The seq of the event.
    pub seq: u32,
    /// The words.
    pub text: String,
    /// Whose they are.
    pub direction: Direction,
}

/// What is added to the log of one case.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// The case as it was seen.
    pub before: &'a Case,
    /// The case after the events.
    pub after: &'a Case,
    /// The events, in order.
    pub events: &'a [Event],
    /// The words of one of them.
    pub message: Option<&'a Message>,
    /// The key of the command that caused them, kept on the last.
    pub command_key: Option<&'a str>,
}

impl Addition<'_> {
    /// How many items it writes: the snapshot, each event, and the words.
    pub fn items(&self) -> usize {
        1 + self.events.len() + usize::from(self.message.is_some())
    }
}

/// Everything in the partition of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The snapshot.
    pub case: Case,
    /// The log, in order.
    pub events: Vec<StoredEvent>,
    /// The words that went with it, in order.
    pub messages: Vec<Message>,
    /// The ledger of its effects.
    pub notices: Vec<Notice>,
}

/// What came of adding to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Appended {
    /// Snapshot and events are written.
    Appended,
    /// The case has changed since it was read, or is gone; nothing is written. Read it and decide again.
    Conflict,
}

/// What came of recording a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Doubted {
    /// Everything is written.
    Recorded,
    /// The case has changed since it was read, or is gone; nothing is written. Read it and decide again.
    Conflict,
    /// The lease is not ours any more or its outcome is known by now, or what was owed is settled; nothing is written.
    /// Look again.
    Superseded,
}

/// What must follow from an event of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The event.
    pub seq: u32,
    /// What follows from it.
    pub effect: Effect,
}

/// Which cases to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// In one of these states; empty means any.
    pub states: BTreeSet<State>,
    /// Of this owner.
    pub owner: Option<String>,
    /// Only those whose customer is still to be told by a person.
    pub to_tell: bool,
}

impl CaseFilter {
    fn matches(&self, case: &Case) -> bool {
        (self.states.is_empty() || self.states.contains(&case.state()))
            && self
                .owner
                .as_deref()
                .is_none_or(|owner| case.owner() == Some(owner))
            && (!self.to_tell || case.to_tell().is_some())
    }
}

/// One page of a list of cases.
#[derive(Debug)]
pub struct CasePage {
    /// The cases, by what is missed next.
    pub cases: Vec<Case>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`]; they hide no other.
    pub corrupt: Vec<StoreError>,
    /// Where the next page starts; `None` after the last. A page may be short, even empty, while there is a next.
    pub next: Option<Cursor>,
}

/// A place in a list of cases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(String);

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl Cursor {
    /// The place that the index names so.
    pub(crate) fn at(place: String) -> Self {
        Self(place)
    }

    /// How the index names the place.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replacen('#', "-", 1))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('-').ok_or(InvalidCursor)?;
        from_millis(at.strip_prefix([STANDING, OVER]).unwrap_or(at)).ok_or(InvalidCursor)?;
        let id: CaseId = id.parse().map_err(|_| InvalidCursor)?;
        Ok(Self(format!("{at}#{id}")))
    }
}

impl Store {
    /// A case as of now; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        self.get(&Key::Case(id)).await?.map(Case::read).transpose()
    }

    /// A case with its whole log, messages and notices; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`StoreError`]; one item that cannot be read fails the whole, as a history with a hole would mislead.
    pub async fn history(&self, id: CaseId) -> Result<Option<History>, StoreError> {
        let items = self
            .query_all(&Query::partition(case_partition(id)))
            .await?;
        let mut case = None;
        let (mut events, mut messages, mut notices) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            let raw = key_of(&item);
            match Key::decode(&raw) {
                Ok(Key::Case(_)) => case = Some(Case::read(item)?),
                Ok(Key::Event { .. }) => events.push(StoredEvent::read(item)?),
                Ok(Key::Message { .. }) => messages.push(Message::read(item)?),
                Ok(Key::Notice(_)) => notices.push(Notice::read(item)?),
                // A newer writer may keep more beside a case; it is not part of what we tell.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(case.map(|case| History {
            case,
            events,
            messages,
            notices,
        }))
    }

    /// The words that go with an event; `None` if it has none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn message(&self, case: CaseId, seq: u32) -> Result<Option<Message>, StoreError> {
        self.get(&Key::Message { case, seq })
            .await?
            .map(Message::read)
            .transpose()
    }

    /// Writes the case after these events in the place of the case before them, with the events, the words of one of
    /// them, and the key of the command that caused them (kept on the last), if nobody else has changed the case.
    /// No events, no write.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the events do not lead from `before` to `after`, or are more
    /// than [`MAX_EVENTS`].
    pub async fn append(
        &self,
        before: &Case,
        after: &Case,
        events: &[Event],
        message: Option<&Message>,
        command_key: Option<&str>,
        machine_now: Timestamp,
    ) -> Result<Appended, StoreError> {
        if events.is_empty() && message.is_none() && before == after {
            return Ok(Appended::Appended);
        }
        let addition = Addition {
            before,
            after,
            events,
            message,
            command_key,
        };
        self.append_all(&[addition], machine_now).await
    }

    /// As [`append`](Self::append) for several cases, all or none.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] as there, and if they have more than [`MAX_ITEMS`].
    pub async fn append_all(
        &self,
        additions: &[Addition<'_>],
        machine_now: Timestamp,
    ) -> Result<Appended, StoreError> {
        let mut parts = Vec::new();
        for addition in additions {
            parts.extend(adding(addition, machine_now)?);
        }
        if parts.len() > MAX_ITEMS {
            return Err(StoreError::rejected("too many items for one transaction"));
        }
        Ok(match self.transact(parts).await? {
            Transacted::Done => Appended::Appended,
            Transacted::Refused(_) => Appended::Conflict,
        })
    }

    /// Writes, all or nothing, that a customer will not be told by itself and a person must look: the case with the
    /// events, the last of which is [`NoticeInDoubt`](EventKind::NoticeInDoubt), the outcome of the notice that `lease`
    /// is about, if the doubt is about that one alone, and that what was `owed` is settled.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Rejected`] if the events do not lead from `before` to `after`, or the last is
    /// not a doubt about the notice of this lease.
    pub async fn append_doubt(
        &self,
        before: &Case,
        after: &Case,
        events: &[Event],
        lease: Option<&Lease>,
        owed: Owed,
        machine_now: Timestamp,
    ) -> Result<Doubted, StoreError> {
        let Some(&EventKind::NoticeInDoubt { cause, doubt, .. }) =
            events.last().map(|event| &event.kind)
        else {
            return Err(StoreError::rejected("the last event is not a doubt"));
        };
        let outcome = match doubt {
            Doubt::Unknown => Outcome::Unknown,
            Doubt::Refused => Outcome::Refused,
        };
        let settled = match self.event(after.id(), owed.seq).await? {
            Some(event) => settle_in_transaction(&event, owed.effect)?.map(Part::Change),
            None => None,
        };
        // Whichever comes first decides that nobody else has concluded it.
        let mut parts = match lease.map(|lease| (lease, lease.entry())) {
            Some((lease, Entry::Case(key))) if key.case == after.id() && key.cause == cause => {
                let recorded = record_change(lease, &outcome, machine_now)?;
                std::iter::once(Part::Change(recorded))
                    .chain(settled)
                    .collect()
            }
            Some(_) => {
                return Err(StoreError::rejected("the doubt is not about this notice"));
            }
            None => match settled {
                Some(settled) => vec![settled],
                None => return Ok(Doubted::Superseded),
            },
        };
        parts.extend(appending(before, after, events, None, machine_now)?);
        Ok(match self.transact(parts).await? {
            Transacted::Done => Doubted::Recorded,
            Transacted::Refused(refusals) => match refusals.first() {
                Some(Refusal::Failed(_)) => Doubted::Superseded,
                _ => Doubted::Conflict,
            },
        })
    }

    /// Cases by what is missed next: by the earliest deadline of the clocks that run, so that what was missed already
    /// comes first; then those of which no clock runs, by their last event; then those with an outcome, by when they
    /// close or closed. Of the same instant, by id.
    ///
    /// The list is read from an index. While nothing changes, its pages hold each case once and in this order, through
    /// all states. A case that changes meanwhile may be missed or come twice on different pages; one that does not match
    /// any more is never shown. At most [`MAX_PAGE`] cases a page.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn cases(
        &self,
        filter: &CaseFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<CasePage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let shards = State::ALL
            .into_iter()
            .filter(|state| filter.states.is_empty() || filter.states.contains(state))
            .flat_map(|state| (0..QUEUE_SHARDS).map(move |n| queue_shard(state, n)));
        let read =
            join_all(shards.map(|shard| self.queue_entries(shard, filter, after, limit))).await;

        let mut entries = BTreeMap::new();
        // Up to here every partition has been seen; behind it, one that was not read to its end may hold more.
        let mut seen_to: Option<String> = None;
        for shard in read {
            let (found, stopped_at) = shard?;
            entries.extend(found);
            if let Some(place) = stopped_at {
                seen_to = Some(seen_to.map_or(place.clone(), |seen| seen.min(place)));
            }
        }
        if let Some(seen) = &seen_to {
            entries.retain(|place, _| place <= seen);
        }
        let more = entries.len() > limit;
        let entries: Vec<(String, RawKey)> = entries.into_iter().take(limit).collect();
        let next = if more {
            entries.last().map(|(place, _)| place.clone())
        } else {
            seen_to
        };

        let keys: Vec<RawKey> = entries.into_iter().map(|(_, key)| key).collect();
        let mut found = BTreeMap::new();
        let mut corrupt = Vec::new();
        for item in self.get_all(&keys).await? {
            let key = key_of(&item);
            match Case::read(item) {
                Ok(case) if filter.matches(&case) => {
                    found.insert(key, case);
                }
                Ok(_) => {}
                Err(error) => corrupt.push(error),
            }
        }
        let cases = keys.iter().filter_map(|key| found.remove(key)).collect();
        Ok(CasePage {
            cases,
            corrupt,
            next: next.map(Cursor),
        })
    }

    /// The entries of one partition of `queue` after a place, and where reading stopped if not at the end.
    async fn queue_entries(
        &self,
        shard: String,
        filter: &CaseFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<(String, RawKey)>, Option<String>), StoreError> {
        let mut query = Query::index(QUEUE, shard).limit(limit);
        if let Some(Cursor(place)) = after {
            query = query.range("#queue_at > :after").value(":after", s(place));
        }
        let conditions = [
            filter.owner.as_ref().map(|_| "#owner = :owner"),
            filter.to_tell.then_some("attribute_exists(#to_tell)"),
        ];
        let conditions: Vec<_> = conditions.into_iter().flatten().collect();
        if !conditions.is_empty() {
            query = query.limit(LOOK_THROUGH).filter(&conditions.join(" AND "));
        }
        if let Some(owner) = &filter.owner {
            query = query.value(":owner", s(owner));
        }
        let mut found = Vec::new();
        let mut start = None;
        for _ in 0..MAX_INDEX_PAGES {
            let page = self.query_page(&query, start).await?;
            found.extend(
                page.items
                    .iter()
                    .map(|entry| (queue_place(entry), key_of(entry))),
            );
            match page.next {
                None => return Ok((found, None)),
                Some(next) => start = Some(next),
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok((found, start.as_ref().map(queue_place)))
    }

    /// The cases in one of the [`CASE_SHARDS`](schema::CASE_SHARDS) that time has something to do with by `now`, the
    /// most overdue first; about `limit` of them. Business time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due_cases(
        &self,
        shard: u8,
        now: Timestamp,
        limit: usize,
    ) -> Result<Due<Case>, StoreError> {
        self.due(
            schema::case_shard(shard),
            Some(now),
            limit,
            |case: &Case| case.next_deadline().is_some_and(|deadline| deadline <= now),
        )
        .await
    }
}

/// Where an entry of `queue` stands.
pub(crate) fn queue_place(entry: &Item) -> String {
    entry
        .get(QUEUE.range)
        .and_then(|v| v.as_s().ok())
        .cloned()
        .unwrap_or_default()
}

/// Everything that is added to the log of a case.
pub(crate) fn adding(
    addition: &Addition<'_>,
    machine_now: Timestamp,
) -> Result<Vec<Part>, StoreError> {
    let &Addition {
        before,
        after,
        events,
        message,
        command_key,
    } = addition;
    let mut parts = appending(before, after, events, command_key, machine_now)?;
    if let Some(message) = message {
        if !events.iter().any(|event| event.seq == message.seq) {
            return Err(StoreError::rejected(
                "the message goes with none of the events",
            ));
        }
        parts.push(Part::PutNew(message_item(after.id(), message)?));
    }
    Ok(parts)
}

/// The snapshot and the events of an append. The snapshot comes first.
pub(crate) fn appending(
    before: &Case,
    after: &Case,
    events: &[Event],
    command_key: Option<&str>,
    machine_now: Timestamp,
) -> Result<Vec<Part>, StoreError> {
    let expected = before.version().saturating_add(1)..;
    let contiguous = events
        .iter()
        .zip(expected)
        .all(|(event, seq)| event.seq == seq && event.case == after.id());
    let leads_there = events
        .last()
        .is_some_and(|last| last.seq == after.version());
    if before.id() != after.id() || !contiguous || !leads_there {
        return Err(StoreError::rejected(
            "the events do not lead from the case before to the case after",
        ));
    }
    if events.len() > MAX_EVENTS || after.version() > MAX_SEQ {
        return Err(StoreError::rejected("too many events"));
    }
    let mut parts = vec![Part::Change(snapshot_change(before, after)?)];
    for event in events {
        let command_key = command_key.filter(|_| event.seq == after.version());
        parts.push(Part::PutNew(event_item(event, command_key, machine_now)?));
    }
    Ok(parts)
}

/// The new snapshot, on condition that the old one is the one we saw. Of the case itself only what changed is written,
/// so that what a newer version keeps in it stays.
fn snapshot_change(before: &Case, after: &Case) -> Result<Change, StoreError> {
    let CaseItem {
        case,
        version,
        due_shard,
        due_at,
        queue,
        queue_at,
        owner,
        to_tell,
    } = CaseItem::of(after);
    let mut set = String::from("SET #version = :version, #queue = :queue, #queue_at = :queue_at");
    let mut remove = Vec::new();
    let mut optional = Vec::new();
    let mut changed = Changed::default();
    changed.compare("#case", attribute(before)?, attribute(&case)?);
    for (n, (path, value)) in changed.set.into_iter().enumerate() {
        set.push_str(&format!(", {path} = :case{n}"));
        optional.push((format!(":case{n}"), value));
    }
    remove.extend(changed.remove);
    for (name, value) in [
        ("due_shard", due_shard),
        ("due_at", due_at),
        ("owner", owner),
        ("to_tell", to_tell),
    ] {
        match value {
            Some(value) => {
                set.push_str(&format!(", #{name} = :{name}"));
                optional.push((format!(":{name}"), s(value)));
            }
            None => remove.push(format!("#{name}")),
        }
    }
    if !remove.is_empty() {
        set.push_str(&format!(" REMOVE {}", remove.join(", ")));
    }
    let mut change = Change::new(&Key::Case(after.id()), set)
        .only_if("#version = :seen")
        .value(":seen", n(before.version()))
        .value(":version", n(version))
        .value(":queue", s(queue))
        .value(":queue_at", s(queue_at));
    for (name, value) in optional {
        change = change.value(&name, value);
    }
    Ok(change)
}

/// What is different between two values of an attribute, by document path.
#[derive(Default)]
pub(crate) struct Changed {
    pub(crate) set: Vec<(String, AttributeValue)>,
    pub(crate) remove: Vec<String>,
}

impl Changed {
    pub(crate) fn compare(&mut self, path: &str, before: AttributeValue, after: AttributeValue) {
        match (before, after) {
            (AttributeValue::M(mut before), AttributeValue::M(after)) => {
                for (name, after) in after {
                    let path = format!("{path}.#{name}");
                    match before.remove(&name) {
                        Some(before) => self.compare(&path, before, after),
                        None => self.set.push((path, after)),
                    }
                }
                let gone = before.into_keys().map(|name| format!("{path}.#{name}"));
                self.remove.extend(gone);
            }
            (before, after) if before == after => {}
            (_, after) => self.set.push((path.to_owned(), after)),
        }
    }
}
