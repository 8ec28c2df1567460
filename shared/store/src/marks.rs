//! Days that must be counted again.

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::tally::Cause;

use crate::dynamo::{Part, Query, Transacted, s};
use crate::item::{Stored, dirty_item};
use crate::key::{Key, dirty_partition};
use crate::schema::millis;
use crate::walk::INDEX_LAG;
use crate::{Store, StoreError};

/// How many days are marked in one transaction.
const AT_ONCE: usize = 100;

/// That a local day must be counted again, and why. A day has one mark for each cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirtyDay {
    /// The local day.
    pub day: Date,
    /// Why.
    pub cause: Cause,
    /// Machine time of the last write that made it wrong.
    pub marked_at: Timestamp,
}

impl DirtyDay {
    /// Whether a count that begins at `machine_now` sees what the mark is about. Before that the index may not show it; to
    /// count then and to clear the mark would lose it.
    pub fn is_seen_at(&self, machine_now: Timestamp) -> bool {
        !self.cause.follows_a_write() || machine_now.duration_since(self.marked_at) >= INDEX_LAG
    }
}

/// The part of a transaction that marks a day. It goes with the write that makes the counts of the day wrong, so that there is no
/// such write without its mark.
pub(crate) fn mark(
    survey: &FormId,
    day: Date,
    cause: Cause,
    machine_now: Timestamp,
) -> Result<Part, StoreError> {
    dirty_item(survey, day, cause, machine_now).map(Part::Replace)
}

impl Store {
    /// Marks days, for causes that come with no write of their own.
    ///
    /// # Errors
    /// [`StoreError`]; some days may have been marked by then, and the same call can be repeated.
    pub async fn mark_days(
        &self,
        survey: &FormId,
        days: &[Date],
        cause: Cause,
        machine_now: Timestamp,
    ) -> Result<(), StoreError> {
        for some in days.chunks(AT_ONCE) {
            let marks = some.iter();
            let marks = marks.map(|&day| mark(survey, day, cause, machine_now));
            let marks = marks.collect::<Result<Vec<_>, StoreError>>()?;
            if let Transacted::Refused(_) = self.transact(marks).await? {
                return Err(StoreError::rejected("a mark was refused on no condition"));
            }
        }
        Ok(())
    }

    /// The marks of a survey, by day. What only a newer version can read is that version's to count and to clear.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn dirty_days(&self, survey: &FormId) -> Result<Vec<DirtyDay>, StoreError> {
        let query = Query::partition(dirty_partition(survey));
        let items = self.query_all(&query).await?.into_iter();
        Ok(items.filter_map(|item| DirtyDay::read(item).ok()).collect())
    }

    /// Clears a mark after its day was counted, unless it was set again since it was read.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn clear(&self, survey: &FormId, mark: &DirtyDay) -> Result<(), StoreError> {
        let key = Key::Dirty {
            survey: survey.clone(),
            day: mark.day,
            cause: mark.cause,
        };
        let seen = s(millis(mark.marked_at));
        // Not there, or set again: both are for whoever did that.
        self.delete_if(&key, "marked_at", seen).await.map(drop)
    }
}
