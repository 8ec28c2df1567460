//! Days that must be counted again.

use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::form::FormId;
use resound_domain::tally::Cause;

use crate::StoreError;
use crate::dynamo::Part;
use crate::item::dirty_item;

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
