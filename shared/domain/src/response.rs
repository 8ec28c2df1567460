//! A response: one answer or message from a customer, as it is kept.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::ResponseId;
use crate::score::Scores;
use crate::submission::Submission;
use crate::trace::{self, TraceId};
use crate::triage::Triage;

/// How long after acceptance a customer can add scores or change them: 30 times 24 hours. Later a survey asks anew.
pub const AMENDABLE_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How often the scores of one response can be changed: often enough for a person, and a bound to how many days a
/// program can have counted again.
pub const MOST_AMENDMENTS: u32 = 20;

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
    /// What the customer made of the scores later. The submission keeps the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amended: Option<Amendment>,
}

/// The scores of a response since they were last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// All of them, those that were not changed too.
    pub scores: Scores,
    /// Business time of the last change.
    pub at: Timestamp,
    /// How many changes there were, this one too.
    pub times: u32,
}

/// Why scores cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unamendable {
    /// [`AMENDABLE_FOR`] is over.
    #[error("the time for changes is over")]
    Late,
    /// There were [`MOST_AMENDMENTS`].
    #[error("the scores were changed too often")]
    TooOften,
}

impl Response {
    /// The scores that count: the latest.
    pub fn scores(&self) -> Scores {
        match self.amended {
            Some(amended) => amended.scores,
            None => self.submission.scores(),
        }
    }

    /// The last instant at which scores can be added or changed.
    pub fn amendable_until(&self) -> Timestamp {
        self.received_at
            .checked_add(AMENDABLE_FOR)
            .unwrap_or(Timestamp::MAX)
    }

    /// The change that these answers make at `now`; `None` if they are what is kept. A question that is not answered
    /// now keeps its score: an answer can be changed and not taken back.
    ///
    /// # Errors
    /// [`Unamendable`]
    pub fn amend(&self, given: Scores, now: Timestamp) -> Result<Option<Amendment>, Unamendable> {
        let kept = self.scores();
        let scores = Scores {
            nps: given.nps.or(kept.nps),
            csat: given.csat.or(kept.csat),
            ces: given.ces.or(kept.ces),
        };
        if scores == kept {
            return Ok(None);
        }
        if now > self.amendable_until() {
            return Err(Unamendable::Late);
        }
        let times = self.amended.map_or(0, |amended| amended.times);
        if times >= MOST_AMENDMENTS {
            return Err(Unamendable::TooOften);
        }
        Ok(Some(Amendment {
            scores,
            at: now,
            times: times.saturating_add(1),
        }))
    }
}

/// The times a receipt promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// A person answers by then.
    pub respond_by: Timestamp,
    /// It is resolved or declined by then.
    pub resolve_by: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::score::{Ces, Csat, Nps};

    fn response(nps: Option<u8>) -> Response {
        let submission: Submission = serde_json::from_value(serde_json::json!({
            "form": "default", "text": "太慢了", "nps": nps, "channel": "web", "locale": "zh-CN",
        }))
        .unwrap();
        Response {
            id: ResponseId::from_bits(1),
            received_at: "2026-11-02T02:00:00Z".parse().unwrap(),
            day: jiff::civil::date(2026, 11, 2),
            triage: crate::triage::triage(&(&submission).into()),
            submission,
            promise: None,
            trace_id: None,
            amended: None,
        }
    }

    fn nps(n: u8) -> Scores {
        Scores {
            nps: Nps::try_from(n).ok(),
            ..Scores::default()
        }
    }

    #[test]
    fn a_change_counts_and_the_first_scores_stay() {
        let mut response = response(Some(9));
        let at = response.received_at + SignedDuration::from_hours(1);
        let change = response.amend(nps(3), at).unwrap().unwrap();
        assert_eq!((change.scores, change.at, change.times), (nps(3), at, 1));
        response.amended = Some(change);
        assert_eq!(response.scores(), nps(3));
        assert_eq!(response.submission.scores(), nps(9));
        let added = Scores {
            csat: Csat::try_from(2).ok(),
            ..Scores::default()
        };
        let change = response.amend(added, at).unwrap().unwrap();
        assert_eq!((change.scores.nps, change.times), (nps(3).nps, 2));
    }

    #[test]
    fn the_last_instant_is_in_time_and_the_same_scores_always_are() {
        let response = response(Some(9));
        let last = response.amendable_until();
        assert_eq!(last, "2026-12-02T02:00:00Z".parse().unwrap());
        assert!(response.amend(nps(3), last).is_ok());
        let late = last + SignedDuration::from_millis(1);
        assert_eq!(response.amend(nps(3), late), Err(Unamendable::Late));
        for same in [nps(9), Scores::default()] {
            assert_eq!(response.amend(same, late), Ok(None));
        }
    }

    #[test]
    fn there_is_a_bound_to_changes() {
        let mut response = response(None);
        let at = response.received_at;
        for n in 0..MOST_AMENDMENTS {
            let scores = nps((n % 2) as u8);
            response.amended = response.amend(scores, at).unwrap();
        }
        assert_eq!(response.amend(nps(7), at), Err(Unamendable::TooOften));
        assert_eq!(response.amend(nps(1), at), Ok(None));
    }

    fn scores() -> impl Strategy<Value = Scores> {
        (
            proptest::option::of(0u8..=10),
            proptest::option::of(1u8..=5),
            proptest::option::of(1u8..=7),
        )
            .prop_map(|(nps, csat, ces)| Scores {
                nps: nps.and_then(|n| Nps::try_from(n).ok()),
                csat: csat.and_then(|n| Csat::try_from(n).ok()),
                ces: ces.and_then(|n| Ces::try_from(n).ok()),
            })
    }

    proptest! {
        #[test]
        fn repeating_a_change_changes_nothing(first in proptest::option::of(0u8..=10), given in scores()) {
            let mut response = response(first);
            let before = response.scores();
            let at = response.received_at;
            if let Some(change) = response.amend(given, at).unwrap() {
                response.amended = Some(change);
            }
            prop_assert_eq!(response.amend(given, at), Ok(None));
            prop_assert_eq!(response.scores().nps, given.nps.or(before.nps));
            prop_assert!(before.is_empty() || !response.scores().is_empty());
            let kept: Response = serde_json::from_str(&serde_json::to_string(&response).unwrap()).unwrap();
            prop_assert_eq!(kept, response);
        }
    }
}
