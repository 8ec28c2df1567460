//! What staff see of a case.

use std::collections::BTreeSet;

use jiff::Timestamp;
use resound_domain::book::Book;
use resound_domain::case::Case;
use resound_domain::clock::{Clock, Outcome as ClockOutcome};
use resound_domain::event::{Actor, Effect, Event, EventKind};
use resound_domain::locale::Locale;
use resound_domain::privacy::{mask_email, mask_phone, mask_text};
use resound_domain::response::Response;
use resound_domain::risk::Task;
use resound_domain::route::Route;
use resound_domain::script;
use resound_domain::telling::ToTell;
use resound_domain::template::Occasion;
use resound_store::{History, Lookup, Medium, Notice, NoticeStatus, Outcome, StoredEvent};
use serde_json::{Map, Value, json};

/// A case with its log as of an instant, also where the sweep has not written what time made happen by then.
pub(crate) fn as_of(mut history: History, now: Timestamp, book: &Book) -> History {
    let events = history.case.expire(now, book);
    add(&mut history, &events);
    history
}

/// Adds to a log what was just written, or what time made happen.
pub(crate) fn add(history: &mut History, events: &[Event]) {
    for event in events {
        history.case.apply(event);
        history.events.push(StoredEvent {
            event: event.clone(),
            open: event.effects().iter().copied().collect(),
            open_elsewhere: BTreeSet::new(),
            repair: None,
            command_key: None,
        });
    }
}

/// A case in a list.
pub(crate) fn summary(case: &Case) -> Map<String, Value> {
    let clocks = case.clocks();
    let mut view = object(json!({
        "id": case.id(),
        "reference": case.reference(),
        "state": case.state(),
        "priority": case.priority(),
        "owner": case.owner(),
        "version": case.revision(),
        "opened_at": case.opened_at(),
        "respond_by": clocks.first_response.due(),
        "respond_overdue": is_overdue(&clocks.first_response),
        "next_response_by": clocks.next_response.as_ref().filter(|clock| clock.is_running()).and_then(Clock::due),
        "resolve_by": clocks.resolution.due(),
        "resolve_overdue": is_overdue(&clocks.resolution),
        "close_by": clocks.whole_loop.as_ref().and_then(Clock::due),
        "closes_at": case.closes_at(),
        "closed_at": case.closed_at(),
        "to_tell": case.to_tell().map(to_tell),
    }));
    if let Some(task) = case.task() {
        view.insert("task".to_owned(), named(task).into());
    }
    view
}

/// What a person is to tell the customer.
fn to_tell(open: &ToTell) -> Value {
    json!({
        "cause": open.cause,
        "since": open.since,
        "attempts": open.attempts,
        "due": open.due(),
        "overdue": open.clock.as_ref().is_some_and(is_overdue),
    })
}

/// What a risk rule found, in a line.
fn named(task: &Task) -> Map<String, Value> {
    object(json!({
        "rule": task.rule(),
        "title": {
            "zh-CN": task.title(Locale::ZhCn),
            "en": task.title(Locale::En),
        },
    }))
}

/// What a risk rule found, with where staff find what shows it.
fn task(task: &Task, public_url: &str) -> Value {
    let evidence = task.evidence().iter().map(|id| {
        json!({
            "id": id,
            "reference": id.reference(),
            "url": format!("{public_url}/v1/cases/{id}"),
        })
    });
    let mut view = named(task);
    view.insert("evidence".to_owned(), evidence.collect());
    view.insert("found".to_owned(), numbers(task));
    view.into()
}

/// The numbers behind it, for machines.
fn numbers(task: &Task) -> Value {
    match task {
        Task::ChurnRisk { .. } | Task::Interview { .. } => json!({}),
        Task::Anomaly(surge) | Task::Crisis(surge) => json!({
            "survey": surge.survey,
            "product": surge.product,
            "day": surge.day,
            "complaints": surge.complaints,
        }),
        Task::Review {
            survey,
            from,
            before,
            to,
            after,
        } => json!({
            "survey": survey,
            "from": from,
            "before": before,
            "to": to,
            "after": after,
        }),
    }
}

/// A case with everything that happened to it.
pub(crate) fn full(
    history: &History,
    response: &Lookup,
    status_url: Option<&str>,
    public_url: &str,
) -> Value {
    let case = &history.case;
    let asked = match response {
        Lookup::Found(response) => Some(response.as_ref()),
        Lookup::Erased | Lookup::Missing => None,
    };
    let events = history.events.iter();
    let timeline: Vec<_> = events.map(|event| entry(event, history, asked)).collect();
    let (response, erased) = match response {
        Lookup::Found(response) => (submission(response), false),
        Lookup::Erased => (Value::Null, true),
        Lookup::Missing => (Value::Null, false),
    };
    let mut view = summary(case);
    view.extend(object(json!({
        "status_url": status_url,
        "clocks": case
            .all_clocks()
            .map(|(name, running)| (name.name().to_owned(), clock(running)))
            .collect::<Map<_, _>>(),
        "terms": {
            "policy": case.terms().policy,
            "calendars": case.terms().calendars,
            "rule": case.terms().rule,
        },
        "merged_into": case.merged_into(),
        "absorbed": case.absorbed(),
        "response": response,
        "erased": erased,
        "timeline": timeline,
        "allowed": case.allows(),
    })));
    if let Some(found) = case.task() {
        view.insert("task".to_owned(), task(found, public_url));
    }
    Value::Object(view)
}

/// Whether the same tag always means the same view: nothing in the log follows by itself or is told to anybody, and the
/// last word was a person's.
pub(crate) fn is_settled(history: &History, response: &Lookup) -> bool {
    let case = &history.case;
    matches!(response, Lookup::Found(response) if response.amended.is_none())
        && case.version() == case.revision()
        && history
            .events
            .iter()
            .all(|stored| stored.event.effects().is_empty())
}

/// Late now. A clock that stopped, or waits for the customer, may have missed its deadline but keeps nobody waiting.
fn is_overdue(clock: &Clock) -> bool {
    clock.is_running() && clock.outcome() == ClockOutcome::Missed
}

fn clock(clock: &Clock) -> Value {
    let target = clock.target();
    json!({
        "target_seconds": target.duration.as_secs(),
        "calendar": target.calendar,
        "due": clock.due(),
        "outcome": clock.outcome(),
        "paused": clock.is_paused(),
        "remaining_seconds": clock.remaining().map(|left| left.as_secs()),
        "stopped_at": clock.stopped_at(),
    })
}

/// What the customer sent. Personal data is masked: letters go through us, so nobody needs an address to answer.
fn submission(response: &Response) -> Value {
    let submission = &response.submission;
    let contact = &submission.contact;
    let scores = response.scores();
    json!({
        "received_at": response.received_at,
        "form": submission.form,
        "text": submission.text.as_deref().map(mask_text),
        "nps": scores.nps,
        "csat": scores.csat,
        "ces": scores.ces,
        "scores_changed": response.amended.map(|amended| json!({
            "at": amended.at,
            "first": submission.scores(),
        })),
        "channel": submission.channel,
        "touchpoint": submission.touchpoint,
        "product": submission.product,
        "order_id": submission.order_id,
        "page": submission.page.as_deref().map(mask_text),
        "customer_id": submission.customer_id,
        "tier": submission.tier,
        "locale": submission.language(),
        "consent": submission.consent,
        "time_zone": submission.time_zone,
        "contact": {
            "email": contact.email.as_deref().map(mask_email),
            "phone": contact.phone.as_deref().map(mask_phone),
            "name": contact.name,
        },
        "triage": response.triage,
    })
}

fn entry(stored: &StoredEvent, history: &History, response: Option<&Response>) -> Value {
    let Event {
        seq, at, by, kind, ..
    } = &stored.event;
    let mut entry = object(json!({
        "seq": seq,
        "at": at,
        "type": kind.name(),
        "by": actor(by),
    }));
    entry.extend(details(kind));
    if let Some(message) = history.messages.iter().find(|m| m.seq == *seq) {
        entry.insert("message".to_owned(), message.text.as_str().into());
    }
    if let (Some(cause), Some(response)) = (asks_person(kind), response)
        && history
            .case
            .to_tell()
            .is_some_and(|open| open.cause == cause)
        && let Some(script) = script(cause, history, response)
    {
        entry.insert("script".to_owned(), script.into());
    }
    let notices = notices(stored, &history.notices);
    if !notices.is_empty() {
        entry.insert("notices".to_owned(), notices.into());
    }
    Value::Object(entry)
}

/// The event of which a person is asked to tell the customer, by an event of this kind.
const fn asks_person(kind: &EventKind) -> Option<u32> {
    match kind {
        EventKind::NoticeInDoubt { cause, .. } | EventKind::ToTell { cause, .. } => Some(*cause),
        _ => None,
    }
}

/// What a person says to a customer whom they are to tell.
fn script(cause: u32, history: &History, response: &Response) -> Option<String> {
    let told = history.events.iter().find(|e| e.event.seq == cause)?;
    let words = history.messages.iter().find(|m| m.seq == cause)?;
    Some(script::script(
        Occasion::of(&told.event.kind)?,
        response.submission.language(),
        response.submission.contact.name.as_deref(),
        &response.id.reference(),
        &words.text,
    ))
}

fn actor(by: &Actor) -> String {
    match by {
        Actor::Customer => "customer".to_owned(),
        Actor::Staff(sub) => format!("staff:{sub}"),
        Actor::System => "system".to_owned(),
    }
}

fn details(kind: &EventKind) -> Map<String, Value> {
    object(match kind {
        EventKind::Opened {
            priority,
            owner: Some(owner),
            ..
        } => json!({"priority": priority, "owner": owner}),
        EventKind::Opened { priority, .. } => json!({"priority": priority}),
        EventKind::Assigned { owner } => json!({"owner": owner}),
        EventKind::Resolved { closes_at, .. } | EventKind::Declined { closes_at, .. } => {
            json!({"closes_at": closes_at})
        }
        EventKind::Warned { clock, due } => json!({"clock": clock, "due": due}),
        EventKind::Breached {
            clock,
            due,
            audience,
        } => match audience {
            Some(audience) => json!({"clock": clock, "due": due, "audience": audience}),
            None => json!({"clock": clock, "due": due}),
        },
        EventKind::Merged { into, .. } => json!({"into": into}),
        EventKind::Absorbed { cases } => json!({"cases": cases}),
        EventKind::Followed { outcome } => json!({"outcome": outcome}),
        EventKind::Retargeted { terms, moved, .. } => json!({
            "policy": terms.policy,
            "calendars": terms.calendars,
            "rule": terms.rule,
            "moved": moved,
        }),
        EventKind::Escalated {
            clock,
            due,
            audience,
        } => json!({"clock": clock, "due": due, "audience": audience}),
        EventKind::NoticeInDoubt { cause, doubt, .. } => json!({"cause": cause, "doubt": doubt}),
        EventKind::NoticeFailed { cause, medium, why } => {
            json!({"cause": cause, "channel": medium, "why": why})
        }
        EventKind::NoticeFound { cause } | EventKind::ToTell { cause, .. } => {
            json!({"cause": cause})
        }
        EventKind::Reminded {
            cause,
            step,
            due,
            audience,
        } => json!({"cause": cause, "step": step, "due": due, "audience": audience}),
        EventKind::Told { cause, how } => json!({"cause": cause, "how": how}),
        EventKind::NotReached {
            cause,
            how,
            gives_up,
        } => json!({"cause": cause, "how": how, "gave_up": gives_up}),
        EventKind::Confirmed { outcome } | EventKind::Disputed { outcome, .. } => {
            json!({"outcome_seq": outcome})
        }
        EventKind::Acknowledged
        | EventKind::TakenUp { .. }
        | EventKind::Replied { .. }
        | EventKind::AwaitingCustomer { .. }
        | EventKind::Resumed { .. }
        | EventKind::Reopened { .. }
        | EventKind::CustomerWrote { .. }
        | EventKind::Planned { .. }
        | EventKind::Closed
        | EventKind::Unknown => json!({}),
    })
}

/// Who was told of an event, or is about to be.
fn notices(stored: &StoredEvent, ledger: &[Notice]) -> Vec<Value> {
    let mut notices: Vec<Value> = ledger
        .iter()
        .filter(|notice| notice.key.cause == stored.event.seq)
        .map(|notice| {
            let mut shown = object(json!({
                "recipient": notice.key.recipient.name(),
                "channel": notice.key.medium.name(),
                "status": status(notice.key.medium, &notice.status),
                "attempts": notice.attempts,
            }));
            if let Some(fate) = notice.delivery.fate() {
                let mut delivery = object(json!(notice.delivery));
                delivery.insert("state".to_owned(), fate.name().into());
                shown.insert("delivery".to_owned(), delivery.into());
            }
            Value::Object(shown)
        })
        .collect();
    if notices.is_empty() {
        // Nobody has begun yet: the ledger has no entry, the event knows that one must follow.
        let stuck = stored.repair.is_some_and(|repair| repair.stuck);
        notices.extend(stored.open.iter().map(|effect| {
            json!({
                "recipient": match effect {
                    Effect::CustomerNotice => "customer",
                    Effect::StaffAlert => "staff",
                },
                "channel": null,
                "status": if stuck { "stuck" } else { "pending" },
                "attempts": 0,
            })
        }));
    }
    notices
}

/// The name of where a notice stands. Names are published: append only.
fn status(medium: Medium, status: &NoticeStatus) -> &'static str {
    match status {
        NoticeStatus::InProgress { .. } => "in_progress",
        NoticeStatus::Released => "retrying",
        NoticeStatus::Recorded { outcome, .. } => match outcome {
            // Nothing is sent by a person.
            Outcome::Sent { .. } if medium == Medium::of(Route::Person) => "told",
            Outcome::Sent { .. } => "sent",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
            Outcome::NoContact => "no_contact",
            Outcome::Suppressed => "suppressed",
            Outcome::NoConsent => "no_consent",
            Outcome::MailOff => "mail_off",
            Outcome::Off => "off",
            Outcome::Unusable => "unusable",
            Outcome::ToTell => "to_tell",
            Outcome::NotReached => "not_reached",
            Outcome::Overtaken => "overtaken",
        },
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
