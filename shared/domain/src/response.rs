//! A response: one answer or message from a customer, as it is kept.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::ResponseId;
use crate::submission::Submission;
use crate::trace::{self, TraceId};
use crate::triage::Triage;

/// A submission that was accepted, with what was decided about it then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Its id.
    pub id: ResponseId,
    /// Business time of acceptance, whole milliseconds.
    pub received_at: Timestamp,
    /// The local day of acceptance in the zone of the form; fixed at write.
    pub day: Date,
    /// What the customer sent.
    pub submission: Submission,
    /// What triage made of it.
    pub triage: Triage,
    /// What the receipt promised; `None` if no case was opened.
    pub promise: Option<Promise>,
    /// The request that brought it; `None` if that had no trace.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "trace::lenient"
    )]
    pub trace_id: Option<TraceId>,
}

/// The times a receipt promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// A person answers by then.
    pub respond_by: Timestamp,
    /// It is resolved or declined by then.
    pub resolve_by: Timestamp,
}
