//! The logs of the cases of a day, for whoever measures them.

use futures::stream::{StreamExt, TryStreamExt, iter};
use jiff::ToSpan;
use jiff::civil::Date;
use resound_domain::event::Event;
use resound_domain::form::FormId;

use crate::dynamo::{Query, key_of, s};
use crate::item::Stored;
use crate::key::{Key, RawKey};
use crate::{Store, StoreError, StoredEvent};

/// How many responses of a day are read at once, of each shard; so many cases are looked up together.
const PAGE: usize = 100;

/// How many days are read at once: most days of most surveys are a few entries, or none, and cost the wait alone.
const DAYS: usize = 8;

/// How many logs are read at once.
const AT_ONCE: usize = 16;

impl Store {
    /// Hands over the log of every case that a response to these surveys opened on their local days `from..=to`, in no
    /// order, with a page of each shard of some days and a few logs in memory. Returns what cannot be read, each a
    /// [`StoreError::Corrupt`]: it hides no other.
    ///
    /// The index lags; what was written in the last moments may be missing.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been handed over by then.
    pub async fn logs(
        &self,
        surveys: &[FormId],
        (from, to): (Date, Date),
        mut each: impl FnMut(Vec<Event>),
    ) -> Result<Vec<StoreError>, StoreError> {
        let mut days = Vec::new();
        for survey in surveys {
            let of_survey = from.series(1.day()).take_while(|day| *day <= to);
            days.extend(of_survey.map(|day| (survey.clone(), day)));
        }
        let mut corrupt = Vec::new();
        let mut pages =
            iter(days).flat_map_unordered(DAYS, |(survey, day)| self.day_pages(&survey, day, PAGE));
        while let Some(rows) = pages.try_next().await? {
            let cases: Vec<RawKey> = rows
                .iter()
                .filter_map(|row| match Key::decode(&key_of(row)) {
                    Ok(Key::Response(id)) => Some(Key::Case(id.case()).encode()),
                    _ => None,
                })
                .collect();
            // Most responses open none, and to look for a hundred is one request.
            let found = self.get_all(&cases).await?;
            let logs: Vec<_> = found.iter().map(|case| self.log(key_of(case).pk)).collect();
            let mut logs = iter(logs).buffer_unordered(AT_ONCE);
            while let Some(log) = logs.next().await {
                match log {
                    Ok(log) => each(log),
                    Err(error @ StoreError::Corrupt { .. }) => corrupt.push(error),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(corrupt)
    }

    /// The events of a partition, in order, without the words that went with them.
    async fn log(&self, partition: String) -> Result<Vec<Event>, StoreError> {
        // `$` follows `#`, so the range ends after the last event.
        let query = Query::partition(partition)
            .range("#SK BETWEEN :first AND :last")
            .value(":first", s("EVENT#"))
            .value(":last", s("EVENT$"));
        let items = self.query_all(&query).await?;
        let read = items.into_iter().map(StoredEvent::read);
        read.map(|stored| stored.map(|stored| stored.event))
            .collect()
    }
}
