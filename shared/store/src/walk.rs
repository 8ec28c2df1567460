//! The walk over the open cases after a change of the rules, and how far it has come.
//!
//! The index `due` keeps the old deadline of a case until somebody writes the case. A deadline that other rules make
//! later is found at the old instant, in time to be moved. One that they make earlier would be found too late, so every
//! open case is looked for in `queue` and caught up.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use resound_domain::book::Stamp;
use resound_domain::case::{Case, State};
use serde::{Deserialize, Serialize};

use crate::cases::{Cursor, queue_place};
use crate::dynamo::{Change, Item, Query, Written, key_of, n, s};
use crate::item::{Stored, encode, read_walk};
use crate::key::Key;
use crate::schema::{QUEUE, QUEUE_SHARDS, from_millis, millis, queue_shard};
use crate::{Store, StoreError};

/// After this, in machine time, an index tells what was written. DynamoDB promises no time; most entries lag by less
/// than a second.
pub const INDEX_LAG: SignedDuration = SignedDuration::from_mins(15);

/// How often [`walk_anew`](Store::walk_anew) tries while others begin walks.
const TRIES: u32 = 4;

/// Stands in the place of a cursor where a partition was walked to its end; sorts after every place.
const END: &str = "~";

/// How often the open cases are walked for one edition.
///
/// A case that is written while the walk goes on is caught up by that write, so it does not matter that it may move from
/// a partition that is still to be walked into one that was walked. The index lags, though: a case that was written
/// under the old rules, just before the new ones began to apply, may be in neither. So all are walked once more, when
/// everything that was under way then is in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// At once.
    First,
    /// After [`INDEX_LAG`]: for what the index did not show.
    Second,
}

/// A partition of `queue` that holds open cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenShard {
    /// The state of its cases; not one that is over.
    pub state: State,
    /// Its number among those of the state.
    pub number: u8,
}

impl OpenShard {
    /// Each of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let open = State::ALL.into_iter().filter(|state| !state.is_over());
        open.flat_map(|state| (0..QUEUE_SHARDS).map(move |number| Self { state, number }))
    }

    /// Its name within the item; persisted.
    fn name(self) -> String {
        format!("{}_{}", self.state.name(), self.number)
    }
}

/// A walk and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    stamp: Stamp,
    round: Round,
    /// Counts the walks, so that a run of an earlier one does not move a later one on.
    number: u64,
    began_at: Timestamp,
    cursors: BTreeMap<String, String>,
}

/// What a walk calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// To be gone on with.
    UnderWay,
    /// Nothing: its first round is over, and the second waits for the index.
    Waiting,
    /// The second round.
    SecondIsDue,
    /// Nothing any more.
    Over,
}

impl Walk {
    /// The rules that the cases are caught up with.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Which round it is.
    pub fn round(&self) -> Round {
        self.round
    }

    /// What it calls for at this machine time.
    pub fn stage(&self, machine_now: Timestamp) -> Stage {
        if OpenShard::all().any(|shard| self.place(shard) != Some(Reached::End)) {
            return Stage::UnderWay;
        }
        match self.round {
            Round::Second => Stage::Over,
            Round::First if machine_now.duration_since(self.began_at) < INDEX_LAG => Stage::Waiting,
            Round::First => Stage::SecondIsDue,
        }
    }

    /// How far a partition was walked; `None` if it was not begun.
    pub fn place(&self, shard: OpenShard) -> Option<Reached> {
        let place = self.cursors.get(&shard.name())?;
        Some(match place.as_str() {
            END => Reached::End,
            _ => Reached::After(Cursor::at(place.clone())),
        })
    }
}

/// How far a partition was walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// Up to and with the case at this place.
    After(Cursor),
    /// To its end.
    End,
}

/// A page of a partition.
#[derive(Debug)]
pub struct WalkPage {
    /// The cases with their places, in order. One that has left the partition meanwhile is among them as it is now.
    pub cases: Vec<(Cursor, Case)>,
    /// Those that cannot be read, each a [`StoreError::Corrupt`]; they hide no other.
    pub corrupt: Vec<StoreError>,
    /// How far the partition is walked once these cases are.
    pub place: Reached,
}

/// What came of moving a walk on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Advanced {
    /// It stands there now.
    Advanced,
    /// Somebody else has it further, or it was begun anew.
    Superseded,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WalkItem {
    policy: u32,
    calendars: u32,
    zone_data: String,
    round: Round,
    number: u64,
    began_at: String,
    cursors: BTreeMap<String, String>,
}

impl WalkItem {
    /// Its attributes.
    const NAMES: [&str; 7] = [
        "policy",
        "calendars",
        "zone_data",
        "round",
        "number",
        "began_at",
        "cursors",
    ];

    fn of(walk: &Walk) -> Self {
        Self {
            policy: walk.stamp.policy,
            calendars: walk.stamp.calendars,
            zone_data: walk.stamp.zone_data.clone(),
            round: walk.round,
            number: walk.number,
            began_at: millis(walk.began_at),
            cursors: walk.cursors.clone(),
        }
    }
}

impl Stored for Walk {
    fn read(item: Item) -> Result<Self, StoreError> {
        let (key, item) = read_walk(item)?;
        let began_at = from_millis(&item.began_at)
            .ok_or_else(|| StoreError::corrupt(key.encode(), "not an instant"))?;
        Ok(Self {
            stamp: Stamp {
                policy: item.policy,
                calendars: item.calendars,
                zone_data: item.zone_data,
            },
            round: item.round,
            number: item.number,
            began_at,
            cursors: item.cursors,
        })
    }
}

impl Store {
    /// The last walk that was begun; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn walk(&self) -> Result<Option<Walk>, StoreError> {
        self.get(&Key::Walk).await?.map(Walk::read).transpose()
    }

    /// Begins a walk in the place of the one that was seen. `None` if somebody else was first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn begin_walk(
        &self,
        seen: Option<&Walk>,
        stamp: Stamp,
        round: Round,
        machine_now: Timestamp,
    ) -> Result<Option<Walk>, StoreError> {
        let walk = Walk {
            stamp,
            round,
            number: seen.map_or(1, |seen| seen.number.saturating_add(1)),
            began_at: machine_now,
            cursors: BTreeMap::new(),
        };
        let item = encode(&Key::Walk, &WalkItem::of(&walk))?;
        let written = match seen {
            None => self.put_new(item).await?,
            Some(seen) => {
                let change = Change::new(
                    &Key::Walk,
                    "SET #policy = :policy, #calendars = :calendars, #zone_data = :zone_data, \
                     #round = :round, #number = :number, #began_at = :began_at, #cursors = :cursors",
                )
                .only_if("#number = :seen")
                .value(":seen", n(seen.number));
                let names = WalkItem::NAMES.into_iter();
                let change = names.fold(change, |change, name| match item.get(name) {
                    Some(value) => change.value(&format!(":{name}"), value.clone()),
                    None => change,
                });
                self.change(change).await?
            }
        };
        Ok(match written {
            Written::Done => Some(walk),
            Written::Refused(_) => None,
        })
    }

    /// Makes the next run of the sweep walk every case: for when cases have come into the table by another way.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn walk_anew(&self) -> Result<(), StoreError> {
        // Older than any rules.
        let stamp = Stamp {
            policy: 0,
            calendars: 0,
            zone_data: String::new(),
        };
        for _ in 0..TRIES {
            let seen = self.walk().await?;
            let began = self.begin_walk(
                seen.as_ref(),
                stamp.clone(),
                Round::First,
                Timestamp::UNIX_EPOCH,
            );
            if began.await?.is_some() {
                return Ok(());
            }
        }
        Err(StoreError::Throttled(
            "other runs began a walk each time".into(),
        ))
    }

    /// The next cases of a partition, from the index, each read again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn walk_page(
        &self,
        shard: OpenShard,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<WalkPage, StoreError> {
        let mut query = Query::index(QUEUE, queue_shard(shard.state, shard.number)).limit(limit);
        if let Some(after) = after {
            query = query
                .range("#queue_at > :after")
                .value(":after", s(after.text()));
        }
        let page = self.query_page(&query, None).await?;
        let places: Vec<_> = page.items.iter().map(queue_place).collect();
        let keys: Vec<_> = page.items.iter().map(key_of).collect();
        let mut found = BTreeMap::new();
        let mut corrupt = Vec::new();
        for item in self.get_all(&keys).await? {
            let key = key_of(&item);
            match Case::read(item) {
                Ok(case) => {
                    found.insert(key, case);
                }
                Err(error) => corrupt.push(error),
            }
        }
        let next = page.next.as_ref().map(queue_place);
        let place = next.map_or(Reached::End, |place| Reached::After(Cursor::at(place)));
        let cases = places.into_iter().zip(&keys);
        let cases = cases.filter_map(|(place, key)| Some((Cursor::at(place), found.remove(key)?)));
        Ok(WalkPage {
            cases: cases.collect(),
            corrupt,
            place,
        })
    }

    /// Moves a walk on in one partition, never back.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn advance_walk(
        &self,
        walk: &Walk,
        shard: OpenShard,
        to: &Cursor,
    ) -> Result<Advanced, StoreError> {
        let cursor = format!("#cursors.#{}", shard.name());
        let change = Change::new(&Key::Walk, format!("SET {cursor} = :to"))
            .only_if(&format!(
                "#number = :number AND (attribute_not_exists({cursor}) OR {cursor} < :to)"
            ))
            .value(":to", s(to.text()));
        self.advance(walk, change).await
    }

    /// Records that these partitions are walked to their end. No partition, no write.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_walk(
        &self,
        walk: &Walk,
        shards: &[OpenShard],
    ) -> Result<Advanced, StoreError> {
        if shards.is_empty() {
            return Ok(Advanced::Advanced);
        }
        let ends = shards
            .iter()
            .map(|shard| format!("#cursors.#{} = :end", shard.name()));
        let ends: Vec<_> = ends.collect();
        let change = Change::new(&Key::Walk, format!("SET {}", ends.join(", ")))
            .only_if("#number = :number")
            .value(":end", s(END));
        self.advance(walk, change).await
    }

    async fn advance(&self, walk: &Walk, change: Change) -> Result<Advanced, StoreError> {
        let change = change.value(":number", n(walk.number));
        Ok(match self.change(change).await? {
            Written::Done => Advanced::Advanced,
            Written::Refused(_) => Advanced::Superseded,
        })
    }
}
