//! Tallies: derived counts, written by runs that fence each other.

use std::collections::BTreeSet;

use futures::stream::{Stream, StreamExt, TryStreamExt, select_all, try_unfold};
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::tally::{Counted, Cut, Tally};

use crate::dynamo::{Change, Item, Query, Transacted, Written, key_of, n, s};
use crate::item::{DayRunItem, RunItem, Stored, counted, encode, tally_item};
use crate::key::{Key, Part, RawKey, tally_partition};
use crate::schema::{BY_DAY, DAY_SHARDS, day_shard, from_millis, millis};
use crate::{Store, StoreError, dynamo, rows};

/// How many cells go into one transaction, beside the check of the generation.
const CELLS_AT_ONCE: usize = 99;

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

/// What came of writing the tallies of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WroteDay {
    /// The day has these cells and no others.
    Written,
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

    /// Makes these the cells of a day: writes them and deletes those that are not among them, as long as no later run
    /// has taken a generation. Cells of cuts that only a newer version knows stay. Up to 99 cells appear all at once; more of them in several steps.
    ///
    /// # Errors
    /// [`StoreError`]; some cells may have been written by then, and the same call can be repeated.
    pub async fn write_day(
        &self,
        generation: &Generation,
        cells: &[Cell],
    ) -> Result<WroteDay, StoreError> {
        let Generation {
            survey,
            day,
            number,
        } = generation;
        let key = |cell: &Cell| {
            Key::Tally {
                survey: survey.clone(),
                day: *day,
                cut: cell.cut,
                value: cell.value.clone(),
            }
            .encode()
        };
        let kept: BTreeSet<RawKey> = cells.iter().map(key).collect();
        let mut parts = Vec::with_capacity(cells.len());
        for cell in cells {
            parts.push(dynamo::Part::Replace(tally_item(
                survey, *day, cell, *number,
            )?));
        }
        let stale = self.query_all(&day_query(survey, *day, *day)).await?;
        parts.extend(
            stale
                .iter()
                .map(key_of)
                .filter(|key| !kept.contains(key) && Key::decode(key).is_ok())
                .map(dynamo::Part::Delete),
        );

        let mut parts = parts.into_iter().peekable();
        while parts.peek().is_some() {
            let mut batch = vec![dynamo::Part::Check {
                key: Key::DayRun {
                    survey: survey.clone(),
                    day: *day,
                },
                attribute: "generation",
                value: n(*number),
            }];
            batch.extend(parts.by_ref().take(CELLS_AT_ONCE));
            if let Transacted::Refused(_) = self.transact(batch).await? {
                return Ok(WroteDay::Superseded);
            }
        }
        Ok(WroteDay::Written)
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

/// Every cell of these days.
fn day_query(survey: &FormId, from: Date, to: Date) -> Query {
    // `$` follows `#`, so the range ends after the last cell of the last day.
    Query::partition(tally_partition(survey))
        .range("#SK BETWEEN :from AND :to")
        .value(":from", s(format!("DAY#{from}#")))
        .value(":to", s(format!("DAY#{to}$")))
}
