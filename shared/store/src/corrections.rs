//! What was told of a day, and is told otherwise since.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::tally::{Cause, Tally};

use crate::dynamo::{Query, key_of, s};
use crate::item::Stored;
use crate::key::{Key, correction_prefix, tally_partition};
use crate::{Store, StoreError};

/// That the whole of a day that was complete came out differently when it was counted again. Written in the transaction that
/// changes the tally, so it is never lost and never told twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The local day.
    pub day: Date,
    /// From 1 up, for each day.
    pub number: u32,
    /// The counts before.
    pub was: Tally,
    /// The counts since.
    pub is: Tally,
    /// Why the day was counted again: all that was marked by then.
    pub why: BTreeSet<Cause>,
    /// Business time of the run that counted it again.
    pub as_of: Timestamp,
}

impl Store {
    /// The corrections of a span of days, both included, by day and number.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn corrections(
        &self,
        survey: &FormId,
        from: Date,
        to: Date,
    ) -> Result<Vec<Correction>, StoreError> {
        if from > to {
            return Ok(Vec::new());
        }
        // `$` follows `#`, so the range ends after the last one of the last day.
        let query = Query::partition(tally_partition(survey))
            .range("#SK BETWEEN :from AND :to")
            .value(":from", s(correction_prefix(from)))
            .value(":to", s(format!("CORRECTION#{to}$")));
        let items = self.query_all(&query).await?.into_iter();
        items.map(Correction::read).collect()
    }

    /// The number of the next correction of a day.
    pub(crate) async fn next_correction(
        &self,
        survey: &FormId,
        day: Date,
    ) -> Result<u32, StoreError> {
        let query = Query::partition(tally_partition(survey))
            .range("begins_with(#SK, :prefix)")
            .value(":prefix", s(correction_prefix(day)))
            .descending()
            .limit(1);
        let last = self.query_page(&query, None).await?.items.pop();
        let last = last.map(|item| Key::decode(&key_of(&item)));
        Ok(match last {
            Some(Ok(Key::Correction { number, .. })) => number.saturating_add(1),
            _ => 1,
        })
    }
}
