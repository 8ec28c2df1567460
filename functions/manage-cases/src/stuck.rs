//! Events that nobody tries any more: shown to who can mend the cause, and made due again.

use jiff::Timestamp;
use resound_lambda_kit::auth::Scope;
use resound_lambda_kit::http::{HttpRequest, HttpResponse, Rejection};
use resound_store::{Resumed, Store, StoredEvent};
use serde_json::{Value, json};

use crate::handler::trouble;

/// How many are shown, or resumed, at once.
const MOST: usize = 100;

/// The oldest of them.
pub(crate) async fn list(store: &Store, request: &HttpRequest) -> Result<HttpResponse, Rejection> {
    request.require(Scope::CasesManage)?;
    let stuck = read(store, request).await?;
    let events: Vec<_> = stuck.iter().map(shown).collect();
    Ok(HttpResponse::json(200, &json!({"events": events}))?.no_store())
}

/// Makes the oldest of them due at once, with all their attempts before them; the next sweep sends them.
pub(crate) async fn resume(
    store: &Store,
    request: &HttpRequest,
    machine_now: Timestamp,
) -> Result<HttpResponse, Rejection> {
    request.require(Scope::CasesManage)?;
    let stuck = read(store, request).await?;
    let mut resumed = 0;
    for event in &stuck {
        let outcome = store.resume_stuck(event, machine_now).await;
        match outcome.map_err(|error| trouble(request, "resume an event", error))? {
            Resumed::Resumed => resumed += 1,
            // Settled meanwhile, or resumed by somebody else.
            Resumed::Lost => {}
        }
    }
    let more = stuck.len() >= MOST;
    Ok(HttpResponse::json(200, &json!({"resumed": resumed, "more": more}))?.no_store())
}

fn shown(stored: &StoredEvent) -> Value {
    json!({
        "case": stored.event.case.to_string(),
        "seq": stored.event.seq,
        "at": stored.event.at,
        "type": stored.event.kind.name(),
        "effects": stored.open_names(),
        "attempts": stored.repair.map_or(0, |repair| repair.attempts),
        // Machine time.
        "stuck_since": stored.repair.map(|repair| repair.due_at),
    })
}

async fn read(store: &Store, request: &HttpRequest) -> Result<Vec<StoredEvent>, Rejection> {
    let due = store.stuck_events(MOST).await;
    let mut due = due.map_err(|error| trouble(request, "read the events that are stuck", error))?;
    due.ready.truncate(MOST);
    Ok(due.ready)
}
