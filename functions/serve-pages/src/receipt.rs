//! What a customer may know about their feedback. The page and the JSON both come from here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::case::{Case, State};
use resound_domain::clock::{Clock, ClockKind, Outcome};
use resound_domain::confirmation::{Question, Solved};
use resound_domain::event::{Ending, Event, EventKind};
use resound_domain::id::ImprovementId;
use resound_domain::language::Language;
use resound_domain::response::Response;
use resound_domain::score::Scores;
use resound_pages::{Progress, Promised, StepKind};
use serde::Serialize;

/// Where one piece of feedback stands, as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) progress: Progress,
    pub(crate) received_at: Timestamp,
    pub(crate) answer: Option<Promised>,
    pub(crate) outcome: Option<Promised>,
    pub(crate) closes_at: Option<Timestamp>,
    pub(crate) steps: Vec<Step>,
    /// Whether the outcome solved it.
    pub(crate) question: Option<Question>,
    /// What has shipped since of what they reported, the latest first.
    pub(crate) shipped: Vec<Shipped>,
    /// The open betas that they were invited to, the latest first.
    pub(crate) betas: Vec<Trial>,
    pub(crate) scores: Scores,
    pub(crate) scores_until: Timestamp,
}

/// What they reported, and shipped since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shipped {
    /// When they were told, or their turn came.
    pub(crate) at: Timestamp,
    /// The version, as customers know it.
    pub(crate) release: String,
    /// "Here is how", in the language of the page, as far as staff wrote it.
    pub(crate) message: String,
    /// The language that is in.
    #[serde(skip)]
    pub(crate) language: Language,
}

/// A beta that they were invited to, as `take-answers` tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trial {
    pub(crate) improvement: ImprovementId,
    /// `None` while they have not said.
    pub(crate) takes_part: Option<bool>,
    /// The same.
    pub(crate) fixed: Option<bool>,
    /// Whether they can join.
    pub(crate) open: bool,
    /// Whether those who joined are asked.
    pub(crate) asking: bool,
}

/// One thing that happened, as far as it concerns the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) at: Timestamp,
    pub(crate) kind: StepKind,
    pub(crate) message: Option<String>,
}

impl Receipt {
    /// The receipt of a response at `now`. `log` is the log of the case it opened, if any, in order, with the book it is read by; `messages` are
    /// the words that went to the customer, by the seq of their event.
    ///
    /// What time alone has made happen counts from the moment it happened, whether or not a sweep has run since.
    pub(crate) fn new(
        response: &Response,
        case: Option<(Case, Vec<Event>, &Book)>,
        mut messages: BTreeMap<u32, String>,
        now: Timestamp,
    ) -> Self {
        let mut receipt = Self {
            id: response.id.to_string(),
            reference: response.id.reference(),
            progress: Progress::Received,
            received_at: response.received_at,
            answer: None,
            outcome: None,
            closes_at: None,
            steps: vec![Step {
                at: response.received_at,
                kind: StepKind::Received,
                message: None,
            }],
            question: None,
            shipped: Vec::new(),
            betas: Vec::new(),
            scores: response.scores(),
            scores_until: response.amendable_until(),
        };
        let Some((mut case, mut log, book)) = case else {
            return receipt;
        };
        let expired = case.expire(now, book);
        for event in &expired {
            case.apply(event);
        }
        log.extend(expired);
        receipt.progress = Progress::Case(case.state());
        receipt.answer = promised(ClockKind::FirstResponse, &case, &log, now);
        receipt.outcome = outcome(&case, &log, now);
        receipt.closes_at = case.closes_at();
        receipt.question = Question::of(&log);
        receipt.steps.extend(log.iter().filter_map(|event| {
            let kind = step_kind(&event.kind)?;
            Some(Step {
                at: event.at,
                kind,
                message: messages.remove(&event.seq),
            })
        }));
        receipt
    }

    /// The receipt for a program.
    pub(crate) fn to_json(&self) -> ReceiptJson<'_> {
        let due = |promised: Option<Promised>| match promised? {
            Promised::Due(due)
            | Promised::Late(due)
            | Promised::Kept { due, .. }
            | Promised::KeptLate { due, .. } => Some(due),
            Promised::Paused => None,
        };
        let kept = |promised: Option<Promised>| match promised? {
            Promised::Kept { at, .. } | Promised::KeptLate { at, .. } => Some(at),
            Promised::Due(_) | Promised::Late(_) | Promised::Paused => None,
        };
        ReceiptJson {
            id: &self.id,
            reference: &self.reference,
            state: match self.progress {
                Progress::Received => "received",
                Progress::Case(state) => state.name(),
            },
            late: [self.answer, self.outcome]
                .iter()
                .flatten()
                .any(|p| matches!(p, Promised::Late(_))),
            received_at: self.received_at,
            respond_by: due(self.answer),
            answered_at: kept(self.answer),
            resolve_by: due(self.outcome),
            resolved_at: kept(self.outcome),
            closes_at: self.closes_at,
            timeline: self
                .steps
                .iter()
                .map(|step| StepJson {
                    at: step.at,
                    kind: step_name(step.kind),
                    message: step.message.as_deref(),
                })
                .collect(),
            question: self.question.map(|question| QuestionJson {
                outcome: question.outcome(),
                said: question.said(),
            }),
            shipped: &self.shipped,
            betas: &self.betas,
            scores: self.scores,
            scores_until: self.scores_until,
        }
    }
}

/// What became of the promise this clock keeps; `None` if it is owed no longer.
fn promised(kind: ClockKind, case: &Case, log: &[Event], now: Timestamp) -> Option<Promised> {
    let clock: &Clock = case.clocks().get(kind)?;
    let missed = clock.outcome() == Outcome::Missed;
    if let (Some(at), Some(due)) = (clock.stopped_at(), clock.due()) {
        return Some(if missed {
            Promised::KeptLate { due, at }
        } else {
            Promised::Kept { due, at }
        });
    }
    if case.state() == State::Closed {
        return None;
    }
    match clock.due() {
        Some(due) if missed || due < now => Some(Promised::Late(due)),
        Some(due) => Some(Promised::Due(due)),
        // Paused. What was missed before the pause is late all the same.
        None => Some(
            missed
                .then(|| last_breach(kind, log))
                .flatten()
                .map_or(Promised::Paused, Promised::Late),
        ),
    }
}

/// What became of the promise of an outcome: by the target and by the limit of the loop, whichever is earlier.
fn outcome(case: &Case, log: &[Event], now: Timestamp) -> Option<Promised> {
    if case.state() == State::Merged {
        return None;
    }
    let by_target = promised(ClockKind::Resolution, case, log, now);
    let by_limit = promised(ClockKind::Loop, case, log, now);
    let (Some(target), Some(limit)) = (by_target, by_limit) else {
        return by_target;
    };
    let earlier = match (target, limit) {
        // What is late already is told, whatever else holds.
        (Promised::Late(target), Promised::Late(limit)) => limit < target,
        (_, Promised::Late(_) | Promised::KeptLate { .. }) => {
            !matches!(target, Promised::Late(_) | Promised::KeptLate { .. })
        }
        (Promised::Due(target), Promised::Due(limit)) => limit < target,
        (Promised::Kept { due: target, .. }, Promised::Kept { due: limit, .. }) => limit < target,
        _ => false,
    };
    Some(if earlier { limit } else { target })
}

fn last_breach(kind: ClockKind, log: &[Event]) -> Option<Timestamp> {
    log.iter().rev().find_map(|event| match event.kind {
        EventKind::Breached { clock, due, .. } if clock == kind => Some(due),
        _ => None,
    })
}

/// The step a customer sees for an event; `None` for what happens inside the company.
const fn step_kind(kind: &EventKind) -> Option<StepKind> {
    match kind {
        EventKind::Acknowledged => Some(StepKind::Acknowledged),
        EventKind::Replied { .. } => Some(StepKind::Replied),
        EventKind::AwaitingCustomer { .. } => Some(StepKind::AwaitingCustomer),
        EventKind::Resumed { .. } => Some(StepKind::Resumed),
        EventKind::Resolved { .. } => Some(StepKind::Resolved),
        EventKind::Declined { .. } => Some(StepKind::Declined),
        EventKind::Reopened { .. } => Some(StepKind::Reopened),
        EventKind::Closed => Some(StepKind::Closed),
        EventKind::CustomerWrote { .. } => Some(StepKind::CustomerWrote),
        EventKind::Confirmed { .. } => Some(StepKind::Confirmed),
        EventKind::Disputed { .. } => Some(StepKind::Disputed),
        EventKind::Merged { .. } => Some(StepKind::Merged),
        EventKind::Followed { outcome } => Some(match outcome {
            Ending::Resolved => StepKind::Resolved,
            Ending::Declined => StepKind::Declined,
        }),
        // The first step is the response itself; a missed promise is told by the promise.
        EventKind::Opened { .. }
        | EventKind::TakenUp { .. }
        | EventKind::Assigned { .. }
        | EventKind::Planned { .. }
        | EventKind::Absorbed { .. }
        | EventKind::Retargeted { .. }
        | EventKind::Warned { .. }
        | EventKind::Breached { .. }
        | EventKind::Escalated { .. }
        | EventKind::NoticeInDoubt { .. }
        | EventKind::NoticeFailed { .. }
        | EventKind::NoticeFound { .. }
        | EventKind::ToTell { .. }
        | EventKind::Told { .. }
        | EventKind::NotReached { .. }
        | EventKind::Reminded { .. }
        | EventKind::Unknown => None,
    }
}

/// The published name of a step.
const fn step_name(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Received => "received",
        StepKind::Acknowledged => "acknowledged",
        StepKind::Replied => "replied",
        StepKind::AwaitingCustomer => "awaiting_customer",
        StepKind::Resumed => "resumed",
        StepKind::Resolved => "resolved",
        StepKind::Declined => "declined",
        StepKind::Reopened => "reopened",
        StepKind::Closed => "closed",
        StepKind::CustomerWrote => "customer_wrote",
        StepKind::Confirmed => "confirmed",
        StepKind::Disputed => "disputed",
        StepKind::Merged => "merged",
    }
}

/// The receipt as published: `Receipt` of the API description.
#[derive(Debug, Serialize)]
pub(crate) struct ReceiptJson<'a> {
    id: &'a str,
    reference: &'a str,
    state: &'static str,
    late: bool,
    received_at: Timestamp,
    respond_by: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    resolve_by: Option<Timestamp>,
    resolved_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    timeline: Vec<StepJson<'a>>,
    question: Option<QuestionJson>,
    shipped: &'a [Shipped],
    betas: &'a [Trial],
    scores: Scores,
    scores_until: Timestamp,
}

#[derive(Debug, Serialize)]
struct QuestionJson {
    outcome: u32,
    said: Option<Solved>,
}

#[derive(Debug, Serialize)]
struct StepJson<'a> {
    at: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}
