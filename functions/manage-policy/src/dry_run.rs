//! What a change of the rules would do to the cases that are open, without doing it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use resound_domain::book::Book;
use resound_domain::case::{Case, State};
use resound_domain::clock::Shift;
use resound_lambda_kit::http::Rejection;
use resound_store::{CaseFilter, Cursor};
use serde_json::{Value, json};

use crate::document::{Desk, trouble};
use crate::query::Page;

/// The states in which clocks run, or wait.
const OPEN: [State; 4] = [
    State::Open,
    State::Acknowledged,
    State::AwaitingCustomer,
    State::Reopened,
];

/// A page of it.
#[derive(Default)]
pub(crate) struct Run {
    looked_at: usize,
    cases: Vec<(Case, Vec<Shift>)>,
    next: Option<Cursor>,
}

/// Looks at a page of the open cases, by their next promise. A document without an instant moves no deadline.
pub(crate) async fn run(
    desk: &Desk<'_>,
    page: &Page,
    from: Option<Timestamp>,
    before: &Book,
    after: &Book,
) -> Result<Run, Rejection> {
    let Some(from) = from else {
        return Ok(Run::default());
    };
    let filter = CaseFilter {
        states: BTreeSet::from(OPEN),
        ..CaseFilter::default()
    };
    let found = desk.store.cases(&filter, page.cursor.as_ref(), page.limit);
    let found = found
        .await
        .map_err(|error| trouble(desk.request, "list the open cases", error))?;
    let looked_at = found.cases.len();
    let cases = found.cases.into_iter().filter_map(|case| {
        let moves = moves(&case, from, before, after);
        (!moves.is_empty()).then_some((case, moves))
    });
    Ok(Run {
        looked_at,
        cases: cases.collect(),
        next: found.next,
    })
}

/// The deadlines that the change moves at the instant at which it begins, if nobody touches the case until then.
fn moves(case: &Case, from: Timestamp, before: &Book, after: &Book) -> Vec<Shift> {
    let eve = from.checked_sub(SignedDuration::from_millis(1));
    let mut then = case.clone();
    for event in case.expire(eve.unwrap_or(from), before) {
        then.apply(&event);
    }
    then.moves(from, after)
}

/// What is told where the document is published already.
pub(crate) fn nothing(version: u32) -> Value {
    let mut told = Run::default().shown(version, None);
    if let Some(unchanged) = told.get_mut("unchanged") {
        *unchanged = true.into();
    }
    told
}

impl Run {
    /// What people are shown: `version` is the one it would be.
    pub(crate) fn shown(&self, version: u32, from: Option<Timestamp>) -> Value {
        let cases = self.cases.iter().map(|(case, moves)| {
            let moves = moves.iter().map(
                |shift| json!({"clock": shift.clock, "was": shift.was, "becomes": shift.becomes}),
            );
            json!({
                "id": case.id(),
                "reference": case.reference(),
                "priority": case.priority(),
                "owner": case.owner(),
                "moves": moves.collect::<Vec<_>>(),
            })
        });
        json!({
            "version": version,
            "active_from": from,
            "unchanged": false,
            "looked_at": self.looked_at,
            "moved": self.cases.len(),
            "cases": cases.collect::<Vec<_>>(),
            "next": self.next.as_ref().map(ToString::to_string),
        })
    }
}
