//! Tallies: derived counts, written by runs that fence each other.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{Stream, StreamExt, TryStreamExt, select_all, try_unfold};
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::tally::{Cause, Counted, Cut, METHOD, Tally};

use crate::corrections::Correction;
use crate::dynamo::{Change, Item, Query, Refusal, Transacted, Written, key_of, n, s};
use crate::item::{
    DayRunItem, RunItem, Stored, TallyItem, correction_item, counted, encode, tally_item,
};
use crate::key::{Key, Part, RawKey, tally_partition};
use crate::schema::{BY_DAY, DAY_SHARDS, day_shard, from_millis, millis};
use crate::{Store, StoreError, dynamo, rows};

/// How many changes go into one transaction of 100, beside the check of the generation and what is told of the whole day.
const CHANGES_AT_ONCE: usize = 98;

/// How often a generation is asked for while others ask too.
const TRIES: u32 = 20;

/// How many responses of a day are read at once, of each shard. AWS ends a page at 1 MB, which is some ten thousand; the
/// embedded engine reads all that is left of the shard for every page unless it is told how many are wanted.
const DAY_PAGE: usize = 4000;

/// The counts of one value of one cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What the day is broken down by.
    pub cut: Cut,
    /// The value.
    pub value: Part,
    /// The counts.
    pub tally: Tally,
}

/// A cell of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCell {
    /// The local day.
    pub day: Date,
    /// The counts.
    pub cell: Cell,
}

/// The right to write the tallies of a day: taken before reading, lost as soon as another run takes the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    survey: FormId,
    day: Date,
    number: u64,
}

/// What a run that counts a day knows of it beside the responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting<'a> {
    /// The name of the zone of the survey's days, kept with each cell.
    pub zone: &'a str,
    /// Business time of the run.
    pub as_of: Timestamp,
    /// What is marked of the day.
    pub marked: BTreeSet<Cause>,
}

impl Counting<'_> {
    /// Why a day comes out differently that was counted by the rules `method` before.
    fn why(&self, method: u32) -> BTreeSet<Cause> {
        let mut why = self.marked.clone();
        if method != METHOD {
            why.insert(Cause::Rules);
        }
        if why.is_empty() {
            why.insert(Cause::Lag);
        }
        why
    }
}

/// What came of writing the tallies of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WroteDay {
    /// The day has these cells and no others.
    Written {
        /// How many were written or deleted, as they differed.
        cells: usize,
        /// Whether the whole of the day, which was complete, changed.
        corrected: bool,
    },
    /// A later run has taken over; what it counts is newer than what we have.
    Superseded,
}

/// How far the runs of a survey have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// The last day whose tallies are complete.
    pub day: Date,
    /// Business time of the run that completed it.
    pub as_of: Timestamp,
}

impl Generation {
    /// Requires that no later run has taken the day over.
    fn check(&self) -> dynamo::Part {
        dynamo::Part::Check {
            key: Key::DayRun {
                survey: self.survey.clone(),
                day: self.day,
            },
            condition: "#generation = :value",
            value: n(self.number),
        }
    }
}

impl Store {
    /// Takes the next generation of a day. Whoever reads after this and writes under it can only be overtaken by one
    /// who reads later.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn next_generation(
        &self,
        survey: &FormId,
        day: Date,
    ) -> Result<Generation, StoreError> {
        let key = Key::DayRun {
            survey: survey.clone(),
            day,
        };
        let ours = |number| Generation {
            survey: survey.clone(),
            day,
            number,
        };
        let first = DayRunItem { generation: 1 };
        let mut old = match self.put_new(encode(&key, &first)?).await? {
            Written::Done => return Ok(ours(1)),
            Written::Refused(old) => old,
        };
        for _ in 0..TRIES {
            let Some(item) = old else { break };
            let seen = DayRunItem::read(item)?.generation;
            let change = Change::new(&key, "SET #generation = :next")
                .only_if("#generation = :seen")
                .value(":seen", n(seen))
                .value(":next", n(seen.saturating_add(1)));
            old = match self.change(change).await? {
                Written::Done => return Ok(ours(seen.saturating_add(1))),
                Written::Refused(now) => now,
            };
        }
        Err(StoreError::Throttled(
            "other runs took every generation".into(),
        ))
    }

    /// Hands over what is counted of every response of a survey's local day, in no order, reading all shards in
    /// parallel and keeping a page of each in memory. Returns the entries that cannot be read, each a
    /// [`StoreError::Corrupt`]: one of them must not cost the others their night.
    ///
    /// The index lags; what was written in the last minutes may be missing.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been handed over by then.
    pub async fn day_scores(
        &self,
        survey: &FormId,
        day: Date,
        mut each: impl FnMut(Counted),
    ) -> Result<Vec<StoreError>, StoreError> {
        let shards = (0..DAY_SHARDS).map(|n| {
            let query = Query::index(BY_DAY, day_shard(survey, day, n))
                .only(&rows::ATTRIBUTES)
                .limit(DAY_PAGE);
            try_unfold(Some(None::<Item>), move |place| {
                let query = query.clone();
                async move {
                    let Some(start) = place else { return Ok(None) };
                    let page = self.query_rows(&query, start).await?;
                    let next = match &page {
                        Ok(rows) => rows.next.clone(),
                        Err(items) => items.next.clone(),
                    };
                    Ok::<_, StoreError>(Some((page, next.map(Some))))
                }
            })
            .boxed()
        });
        let (mut pages, mut corrupt) = (select_all(shards), Vec::new());
        while let Some(page) = pages.try_next().await? {
            match page {
                Ok(rows) => rows.rows.into_iter().for_each(&mut each),
                Err(page) => {
                    for item in page.items {
                        match counted(item) {
                            Ok(row) => each(row),
                            Err(error) => corrupt.push(error),
                        }
                    }
                }
            }
        }
        Ok(corrupt)
    }

    /// The entries of every shard of a day, so many at once of each.
    pub(crate) fn day_pages<'a>(
        &'a self,
        survey: &FormId,
        day: Date,
        limit: usize,
    ) -> impl Stream<Item = Result<Vec<Item>, StoreError>> + Send + Unpin + use<'a> {
        select_all((0..DAY_SHARDS).map(|n| {
            let query = Query::index(BY_DAY, day_shard(survey, day, n)).limit(limit);
            // The outer `None` ends the stream, the inner one starts it.
            try_unfold(Some(None::<Item>), move |place| {
                let query = query.clone();
                async move {
                    let Some(start) = place else { return Ok(None) };
                    let page = self.query_page(&query, start).await?;
                    Ok::<_, StoreError>(Some((page.items, page.next.map(Some))))
                }
            })
            .boxed()
        }))
    }

    /// Makes these the cells of a day: writes those that differ and deletes those that are not among them, as long as no
    /// later run has taken a generation. Cells of cuts that only a newer version knows stay. Up to 98 changes appear all at
    /// once; more of them in several steps, the whole of the day in the first.
    ///
    /// If the whole of a day that is complete changes, the same transaction keeps a [`Correction`]. A repeat finds nothing that
    /// differs, and keeps none.
    ///
    /// # Errors
    /// [`StoreError`]; some cells may have been written by then, and the same call can be repeated.
    pub async fn write_day(
        &self,
        generation: &Generation,
        cells: &[Cell],
        run: &Counting<'_>,
    ) -> Result<WroteDay, StoreError> {
        let Generation { survey, day, .. } = generation;
        let mut counted = BTreeMap::new();
        for cell in cells {
            let item = tally_item(survey, *day, cell, run.zone)?;
            counted.insert(key_of(&item), item);
        }
        let before = self.query_all(&day_query(survey, *day, *day)).await?;
        let before: BTreeMap<RawKey, Item> = before
            .into_iter()
            .map(|item| (key_of(&item), item))
            .collect();

        let whole = Key::Tally {
            survey: survey.clone(),
            day: *day,
            cut: Cut::ALL,
            value: Part::new(Counted::ALL).map_err(|e| StoreError::Rejected(e.into()))?,
        }
        .encode();
        let (was, method) = whole_of(before.get(&whole))?;
        let (is, _) = whole_of(counted.get(&whole))?;

        let stale = before.keys().filter(|&key| !counted.contains_key(key));
        let stale: Vec<RawKey> = stale
            .filter(|&key| Key::decode(key).is_ok())
            .cloned()
            .collect();
        counted.retain(|key, item| before.get(key) != Some(item));
        // The whole of the day goes first, and with it what is told of it.
        let first = counted.remove(&whole).map(dynamo::Part::Replace);
        let first = first.or_else(|| {
            let gone = stale.contains(&whole);
            gone.then(|| dynamo::Part::Delete(whole.clone()))
        });
        let stale = stale.into_iter().filter(|key| *key != whole);
        let mut changes: Vec<dynamo::Part> = first.into_iter().collect();
        changes.extend(counted.into_values().map(dynamo::Part::Replace));
        changes.extend(stale.map(dynamo::Part::Delete));

        let mut left = changes.as_slice();
        let mut corrected = false;
        if was != is {
            let why = run.why(method);
            let (first, rest) = left.split_at(left.len().min(CHANGES_AT_ONCE));
            let correction = Correction {
                day: *day,
                number: 0,
                was,
                is,
                why,
                as_of: run.as_of,
            };
            match self.write_whole(generation, first, correction).await? {
                Some(told) => corrected = told,
                None => return Ok(WroteDay::Superseded),
            }
            left = rest;
        }
        for some in left.chunks(CHANGES_AT_ONCE) {
            let mut batch = vec![generation.check()];
            batch.extend_from_slice(some);
            if let Transacted::Refused(_) = self.transact(batch).await? {
                return Ok(WroteDay::Superseded);
            }
        }
        Ok(WroteDay::Written {
            cells: changes.len(),
            corrected,
        })
    }

    /// Writes the first changes of a day, the whole of it among them, and with them the correction if the day is complete.
    /// Tells whether it is; `None` if a later run has taken over.
    async fn write_whole(
        &self,
        generation: &Generation,
        changes: &[dynamo::Part],
        mut correction: Correction,
    ) -> Result<Option<bool>, StoreError> {
        let Generation { survey, day, .. } = generation;
        let key = Key::Run {
            survey: survey.clone(),
        };
        for _ in 0..TRIES {
            let watermark = self.watermark(survey).await?;
            let complete = watermark.is_some_and(|watermark| *day <= watermark.day);
            let told = if complete {
                correction.number = self.next_correction(survey, *day).await?;
                dynamo::Part::PutNew(correction_item(survey, &correction)?)
            } else {
                // Another run may complete the day before this one writes; then there is something to correct.
                dynamo::Part::Check {
                    key: key.clone(),
                    condition: "attribute_not_exists(#PK) OR #completed < :value",
                    value: s(day.to_string()),
                }
            };
            let mut batch = vec![generation.check(), told];
            batch.extend_from_slice(changes);
            match self.transact(batch).await? {
                Transacted::Done => return Ok(Some(complete)),
                Transacted::Refused(refusals) => {
                    if let Some(Refusal::Failed(_)) = refusals.first() {
                        return Ok(None);
                    }
                }
            }
        }
        Err(StoreError::Throttled(
            "other runs were at the same day every time".into(),
        ))
    }

    /// The cells of one cut over a span of days, both included, by day and value.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn tallies(
        &self,
        survey: &FormId,
        from: Date,
        to: Date,
        cut: impl Into<Cut>,
    ) -> Result<Vec<DayCell>, StoreError> {
        if from > to {
            return Ok(Vec::new());
        }
        let query = day_query(survey, from, to)
            .filter("#dimension = :dimension")
            .value(":dimension", s(cut.into().name()));
        self.query_all(&query)
            .await?
            .into_iter()
            .map(DayCell::read)
            .collect()
    }

    /// How far the runs of a survey have come; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn watermark(&self, survey: &FormId) -> Result<Option<Watermark>, StoreError> {
        let key = Key::Run {
            survey: survey.clone(),
        };
        let Some(item) = self.get(&key).await? else {
            return Ok(None);
        };
        let RunItem { completed, as_of } = RunItem::read(item)?;
        let as_of = from_millis(&as_of)
            .ok_or_else(|| StoreError::corrupt(key.encode(), "not an instant"))?;
        Ok(Some(Watermark {
            day: completed,
            as_of,
        }))
    }

    /// Moves the watermark of a survey forward. A replay of an earlier day leaves it where it is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn advance_watermark(
        &self,
        survey: &FormId,
        to: Watermark,
    ) -> Result<(), StoreError> {
        let key = Key::Run {
            survey: survey.clone(),
        };
        let run = RunItem {
            completed: to.day,
            as_of: millis(to.as_of),
        };
        if let Written::Done = self.put_new(encode(&key, &run)?).await? {
            return Ok(());
        }
        let change = Change::new(&key, "SET #completed = :day, #as_of = :as_of")
            .only_if("(#completed < :day OR (#completed = :day AND #as_of < :as_of))")
            .value(":day", s(to.day.to_string()))
            .value(":as_of", s(run.as_of));
        match self.change(change).await? {
            // Refused: it stands there or further already.
            Written::Done | Written::Refused(_) => Ok(()),
        }
    }
}

/// The counts of the whole day, and the rules by which they were counted; of an empty day there is no cell.
fn whole_of(item: Option<&Item>) -> Result<(Tally, u32), StoreError> {
    let Some(item) = item else {
        return Ok((Tally::default(), METHOD));
    };
    let cell = TallyItem::read(item.clone())?;
    Ok((cell.tally, cell.method))
}

/// Every cell of these days.
fn day_query(survey: &FormId, from: Date, to: Date) -> Query {
    // `$` follows `#`, so the range ends after the last cell of the last day.
    Query::partition(tally_partition(survey))
        .range("#SK BETWEEN :from AND :to")
        .value(":from", s(format!("DAY#{from}#")))
        .value(":to", s(format!("DAY#{to}$")))
}
