//! What the consumers of the queues have in common: to find out what a message is about, and to settle it.

use resound_domain::event::{Effect, Event};
use resound_lambda_kit::Fault;
use resound_lambda_kit::batch::{Outcome, SqsRecord};
use resound_lambda_kit::telemetry::follow;
use resound_messages::{EffectDue, Message};
use resound_store::{Settled, Store, StoreError};

/// The event that a message of the queue of `effect` is about; `None` if its effect was settled before.
///
/// **Poison:** a body that does not decode, an effect of another queue, an event that is not in the table, an item that
/// cannot be read.
///
/// # Errors
/// What becomes of the message then.
pub async fn owed(
    store: &Store,
    effect: Effect,
    record: &SqsRecord,
) -> Result<Option<Event>, Outcome> {
    let Message::EffectDue(EffectDue {
        effect: asked,
        case,
        seq,
        trace_id,
    }) = record.message()?
    else {
        let reason = "a group is no effect of an event";
        return Err(Outcome::Quarantine(reason.to_owned()));
    };
    // Each is said once: what the queue knew stands in the log already.
    let known = record.trace();
    if known.is_none() {
        follow(trace_id);
    }
    if asked != effect {
        let reason = format!("`{}` is no business of this queue", asked.name());
        return Err(Outcome::Quarantine(reason));
    }
    let stored = store.event(case, seq).await;
    let Some(stored) = stored.map_err(|error| failed("read the event", error))? else {
        return Err(Outcome::Quarantine(format!(
            "case {case} has no event {seq}"
        )));
    };
    if known.or(trace_id).is_none() {
        follow(stored.event.trace_id);
    }
    Ok(stored.open.contains(&effect).then_some(stored.event))
}

/// Settles an effect that is recorded.
///
/// # Errors
/// What becomes of the message if the table does not answer.
pub async fn settle(store: &Store, effect: Effect, event: &Event) -> Result<Outcome, Outcome> {
    let settled = store.settle(event.case, event.seq, effect).await;
    match settled.map_err(|error| failed("settle the event", error))? {
        // Missing: erased meanwhile, and nothing is owed any more.
        Settled::Settled | Settled::OthersOpen | Settled::Missing => Ok(Outcome::Done),
    }
}

/// What a failure of the table means for a message: what cannot be read or is refused will not be better next time.
pub fn failed(doing: &str, error: StoreError) -> Outcome {
    let retryable = error.is_retryable();
    let fault = Fault::doing(doing, error);
    if retryable {
        Outcome::retry(fault)
    } else {
        Outcome::quarantine(fault)
    }
}
