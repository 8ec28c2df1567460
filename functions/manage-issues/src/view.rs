//! What staff see.

use resound_domain::event::Actor;
use resound_domain::id::ResponseId;
use resound_domain::issue::improvement::{self, Improvement};
use resound_domain::issue::priority::{FORMULA, Priority, Weights};
use resound_domain::issue::{Entry, EntryKind, How, Issue, Link, Reach};
use resound_domain::privacy::mask_text;
use resound_domain::response::Response;
use resound_lambda_kit::http::Rejection;
use resound_store::{ImprovementHistory, IssueHistory, Logged, Suggestion};
use serde_json::{Map, Value, json};

use crate::issues::broken_log;

/// How much of the words of a response a list shows.
const GLANCE: usize = 300;

/// An issue in a list.
pub(crate) fn summary(
    issue: &Issue,
    reach: Option<&Reach>,
    priority: &Priority,
) -> Map<String, Value> {
    let about = issue.about();
    object(json!({
        "id": issue.id(),
        "title": about.title,
        "state": issue.state(),
        "category": about.category,
        "touchpoint": about.touchpoint,
        "product": about.product,
        "core": about.core,
        "effort": about.effort,
        "version": issue.version(),
        "opened_at": issue.opened_at(),
        "changed_at": issue.changed_at(),
        "merged_into": issue.merged_into(),
        "reach": reach,
        "priority": priority,
    }))
}

/// An issue with everything that happened to it.
pub(crate) fn issue(
    history: &IssueHistory,
    reach: Option<&Reach>,
    priority: &Priority,
    weights: &Weights,
) -> Value {
    let issue = &history.issue;
    let mut view = summary(issue, reach, priority);
    view.extend(object(json!({
        "formula": FORMULA,
        "weights": weights,
        "rule": issue.about().rule,
        "absorbed": issue.absorbed(),
        "timeline": history.log.iter().map(|logged| entry(&logged.entry)).collect::<Vec<_>>(),
    })));
    view.into()
}

fn entry(entry: &Entry) -> Value {
    let mut view = object(json!({
        "seq": entry.seq,
        "at": entry.at,
        "by": actor(&entry.by),
        "type": entry.kind.name(),
    }));
    view.extend(object(match &entry.kind {
        EntryKind::Retitled { title } => json!({"title": title}),
        EntryKind::RuleSet { rule } => json!({"rule": rule}),
        EntryKind::EffortSet { effort } => json!({"effort": effort}),
        EntryKind::CoreSet { core } => json!({"core": core}),
        EntryKind::Linked { responses } | EntryKind::Unlinked { responses } => {
            json!({"responses": responses})
        }
        EntryKind::Merged { into } => json!({"into": into}),
        EntryKind::Absorbed { issues } => json!({"issues": issues}),
        EntryKind::Opened { .. } | EntryKind::Closed | EntryKind::Reopened | EntryKind::Unknown => {
            json!({})
        }
    }));
    view.into()
}

pub(crate) fn actor(by: &Actor) -> String {
    match by {
        Actor::Customer => "customer".to_owned(),
        Actor::Staff(sub) => format!("staff:{sub}"),
        Actor::System => "system".to_owned(),
    }
}

/// A response that stands beside an issue.
pub(crate) fn link(link: &Link, response: Option<&Response>) -> Value {
    let percent = match link.how {
        How::Similarity { percent } => Some(percent),
        How::Rule | How::Hand => None,
    };
    let reporter = &link.reporter;
    let mut view = named(link.response, response);
    view.extend(object(json!({
        "how": link.how.name(),
        "percent": percent,
        "unlinked": link.unlinked,
        "survey": reporter.survey,
        "day": reporter.day,
        "standing": reporter.standing,
        "tier": reporter.tier,
    })));
    view.into()
}

/// A response that may be about an issue.
pub(crate) fn suggestion(found: &Suggestion, response: Option<&Response>) -> Value {
    let mut view = named(found.response, response);
    view.extend(object(json!({"percent": found.percent, "day": found.day})));
    view.into()
}

/// A response by its id, with a glance at its words as far as they are still there.
fn named(id: ResponseId, response: Option<&Response>) -> Map<String, Value> {
    let text = response.and_then(|response| response.submission.text.as_deref());
    // Masked before it is cut: half a number would not be known for one.
    let text = text.map(|text| mask_text(text).chars().take(GLANCE).collect::<String>());
    object(json!({"response": id, "reference": id.reference(), "text": text}))
}

/// An improvement in a list.
pub(crate) fn plan(improvement: &Improvement, now: jiff::Timestamp) -> Map<String, Value> {
    let plan = improvement.plan();
    let shipped = improvement.shipped();
    object(json!({
        "id": improvement.id(),
        "title": plan.title,
        "state": improvement.state(),
        "issues": plan.issues,
        "touchpoint": plan.touchpoint,
        "owner": plan.owner,
        "due": plan.due,
        "version": improvement.version(),
        "opened_at": improvement.opened_at(),
        "changed_at": improvement.changed_at(),
        "progressed_at": improvement.progressed_at(),
        "silent": improvement.is_silent(now),
        "shipped": shipped.map(|shipped| json!({"at": shipped.at, "release": shipped.version})),
        "days_taken": improvement.took().map(|took| took.as_hours() / 24),
    }))
}

/// An improvement with everything that happened to it and what it did.
pub(crate) fn improvement(
    history: &ImprovementHistory,
    now: jiff::Timestamp,
    effect: Value,
) -> Value {
    let mut view = plan(&history.improvement, now);
    let timeline: Vec<_> = history
        .log
        .iter()
        .map(|logged| step(&logged.entry))
        .collect();
    view.insert("timeline".to_owned(), timeline.into());
    view.insert("effect".to_owned(), effect);
    view.into()
}

fn step(entry: &improvement::Entry) -> Value {
    use improvement::EntryKind;
    let mut view = object(json!({
        "seq": entry.seq,
        "at": entry.at,
        "by": actor(&entry.by),
        "type": entry.kind.name(),
    }));
    view.extend(object(match &entry.kind {
        EntryKind::Assigned { owner } => json!({"owner": owner}),
        EntryKind::Scheduled { due } => json!({"due": due}),
        EntryKind::Progressed { note } => json!({"note": note}),
        EntryKind::Shipped { version } => json!({"release": version}),
        EntryKind::Cancelled { reason } => json!({"reason": reason}),
        EntryKind::Opened { .. } | EntryKind::Unknown => json!({}),
    }));
    view.into()
}

/// An issue as it was after the entry `seq`.
pub(crate) fn until(mut history: IssueHistory, seq: u32) -> Result<IssueHistory, Rejection> {
    history.log.retain(|logged| logged.entry.seq <= seq);
    let log = history.log.iter().map(|logged| &logged.entry);
    let issue = Issue::replay(history.issue.id(), log);
    history.issue = issue.ok_or_else(broken_log)?;
    Ok(history)
}

/// An issue with what was just written.
pub(crate) fn with(mut history: IssueHistory, entry: Entry, key: &str) -> IssueHistory {
    history.issue.apply(&entry);
    history.log.push(Logged {
        entry,
        command_key: Some(key.to_owned()),
    });
    history
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
