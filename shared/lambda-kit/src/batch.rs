//! Batches of queue messages and stream records: one handler per record, and a reply that says which failed.
//!
//! A record that panics fails alone. The reply names failed records only: an empty reply means that all went well, and
//! a name that is not in the batch would fail the whole of it.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::stream::{self, StreamExt};
use futures::{FutureExt, future};
use resound_domain::trace::TraceId;
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use tracing::field::Empty;

use crate::function::panic_text;
use crate::trace;

/// What became of one record. There is no other way to end: dropping a record does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Done, or found to be done already.
    Done,
    /// Not done, and trying again may help. The reason is logged.
    Retry(String),
    /// It can never be done: a poison record. The reason is logged.
    ///
    /// **Queue:** reported as failed, so that after its last receive SQS moves it to the dead-letter queue, where an
    /// alarm shows it to a person and it can be sent again once the code knows it. It is not deleted here: that would
    /// lose it unseen.
    ///
    /// **Stream:** passed over, because a failed record would hold up its whole shard for as long as the stream keeps
    /// it; the event it told of stays unsettled, so the sweep sends it again and, after the last attempt, lists it as
    /// stuck.
    Quarantine(String),
}

impl Outcome {
    /// [`Outcome::Retry`] because of an error and its causes.
    pub fn retry(fault: impl Into<crate::Fault>) -> Self {
        Self::Retry(fault.into().to_string())
    }

    /// [`Outcome::Quarantine`] because of an error and its causes.
    pub fn quarantine(fault: impl Into<crate::Fault>) -> Self {
        Self::Quarantine(fault.into().to_string())
    }
}

/// What SQS hands to a function.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SqsEvent {
    /// The messages, ten at most unless the mapping says otherwise.
    #[serde(rename = "Records", default)]
    pub records: Vec<SqsRecord>,
}

/// One message of a queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// The id SQS gave it. Not an identity of the work: a redrive changes it.
    pub message_id: String,
    /// What was sent.
    pub body: String,
    /// What SQS says about it.
    #[serde(default)]
    pub attributes: SqsAttributes,
}

/// What SQS says about a message, as far as it is read here.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqsAttributes {
    /// How often it was received, this time included; a number in text.
    #[serde(default)]
    pub approximate_receive_count: Option<String>,
    /// The header of the trace it was sent in.
    #[serde(rename = "AWSTraceHeader", default)]
    pub trace_header: Option<String>,
}

impl SqsRecord {
    /// How often it was received, this time included; 1 if SQS did not say.
    pub fn receive_count(&self) -> u32 {
        let count = self.attributes.approximate_receive_count.as_deref();
        count.and_then(|count| count.parse().ok()).unwrap_or(1)
    }

    /// The trace it was sent in, if there was one.
    pub fn trace(&self) -> Option<TraceId> {
        self.attributes
            .trace_header
            .as_deref()
            .and_then(trace::root)
    }

    /// Decodes the body as a message of ours.
    ///
    /// # Errors
    /// [`Outcome::Quarantine`]: what does not decode now never will with this code.
    pub fn message(&self) -> Result<resound_messages::Message, Outcome> {
        resound_messages::decode(&self.body).map_err(Outcome::quarantine)
    }
}

/// The reply to a batch: what is to be handed out again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The failed ones. Empty: all went well.
    #[serde(default)]
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One failed record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The message id of a queue, the sequence number of a stream.
    pub item_identifier: String,
}

/// Handles the messages of a queue, all at once: a batch must end within one function timeout, and standard queues have
/// no order. `Err` is an outcome as `Ok` is, of whoever ended early.
///
/// A quarantined message is logged as an error when it is first received, later as a warning.
pub async fn process<F>(event: SqsEvent, handle: impl Fn(SqsRecord) -> F) -> BatchResponse
where
    F: Future<Output = Result<Outcome, Outcome>>,
{
    let handle = |record| handle(record).map(|ended| ended.unwrap_or_else(|early| early));
    let outcomes = event.records.into_iter().map(|record| {
        let (id, receives) = (record.message_id.clone(), record.receive_count());
        let span = tracing::error_span!(
            "message",
            message_id = id,
            trace_id = record.trace().map(display),
        );
        let outcome = guarded(&handle, record);
        let work = async move {
            match outcome.await {
                Outcome::Done => return None,
                Outcome::Retry(reason) => {
                    tracing::warn!(receives, reason, "message failed")
                }
                Outcome::Quarantine(reason) if receives <= 1 => {
                    tracing::error!(
                        receives,
                        reason,
                        "poison message: it goes to the dead letters"
                    );
                }
                Outcome::Quarantine(reason) => {
                    tracing::warn!(receives, reason, "poison message again")
                }
            }
            Some(BatchItemFailure {
                item_identifier: id,
            })
        };
        work.instrument(span)
    });
    let failures = future::join_all(outcomes).await.into_iter().flatten();
    BatchResponse {
        batch_item_failures: failures.collect(),
    }
}

/// What a stream of the table hands to a function: keys only.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StreamEvent {
    /// The records, in their order within a shard.
    #[serde(rename = "Records", default)]
    pub records: Vec<StreamRecord>,
}

/// One change of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamRecord {
    /// The id of the record.
    #[serde(rename = "eventID", default)]
    pub id: String,
    /// What was done.
    #[serde(rename = "eventName")]
    pub change: Change,
    /// To which item.
    pub dynamodb: StreamItem,
}

/// What was done to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Change {
    /// It was written and had not been there.
    Insert,
    /// It was there and was changed.
    Modify,
    /// It was taken away.
    Remove,
}

/// The item of a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamItem {
    /// Its key.
    #[serde(rename = "Keys")]
    pub keys: StreamKeys,
    /// The place in the shard.
    #[serde(rename = "SequenceNumber")]
    pub sequence_number: String,
}

/// The key of an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StreamKeys {
    /// The partition key.
    #[serde(rename = "PK")]
    pub pk: StringAttribute,
    /// The sort key.
    #[serde(rename = "SK")]
    pub sk: StringAttribute,
}

/// An attribute that is a string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StringAttribute {
    /// Its value.
    #[serde(rename = "S")]
    pub s: String,
}

/// How many records of a stream are worked on at once.
const STREAM_CONCURRENCY: usize = 10;

/// Handles the records of a stream, several at once.
///
/// The reply names the first failed record: Lambda hands out that one and all after it again, so records behind a
/// failure are handled twice. Handlers do no harm when called again.
pub async fn process_stream<F>(
    event: StreamEvent,
    handle: impl Fn(StreamRecord) -> F,
) -> BatchResponse
where
    F: Future<Output = Outcome>,
{
    let handle = &handle;
    let outcomes = event.records.into_iter().map(|record| {
        let id = record.dynamodb.sequence_number.clone();
        let span = tracing::error_span!("record", sequence_number = id, trace_id = Empty);
        let work = async move {
            match guarded(handle, record).await {
                Outcome::Done => None,
                Outcome::Retry(reason) => {
                    tracing::warn!(reason, "record failed");
                    Some(BatchItemFailure {
                        item_identifier: id,
                    })
                }
                Outcome::Quarantine(reason) => {
                    tracing::error!(reason, "poison record: passed over");
                    None
                }
            }
        };
        work.instrument(span)
    });
    // `buffered` keeps the order, so the first failure here is the lowest in the shard.
    let results: Vec<_> = stream::iter(outcomes)
        .buffered(STREAM_CONCURRENCY)
        .collect()
        .await;
    BatchResponse {
        batch_item_failures: results.into_iter().flatten().take(1).collect(),
    }
}

/// Calls a handler; a panic, there or in what it returns, is a reason to try again.
async fn guarded<R, F: Future<Output = Outcome>>(handle: &impl Fn(R) -> F, record: R) -> Outcome {
    // A handler's state is clients and configuration, which stay valid when it panics.
    let outcome = AssertUnwindSafe(async { handle(record).await })
        .catch_unwind()
        .await;
    outcome.unwrap_or_else(|panic| Outcome::Retry(format!("panicked: {}", panic_text(&*panic))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn messages(bodies: &[&str]) -> SqsEvent {
        let records = bodies.iter().enumerate();
        let records =
            records.map(|(i, body)| json!({"messageId": format!("id{}", i + 1), "body": body}));
        serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap()
    }

    fn failures(response: &BatchResponse) -> Vec<&str> {
        response
            .batch_item_failures
            .iter()
            .map(|failure| failure.item_identifier.as_str())
            .collect()
    }

    async fn by_name(name: String) -> Outcome {
        match name.as_str() {
            "retry" => Outcome::Retry("later".into()),
            "poison" => Outcome::Quarantine("never".into()),
            "panic" => panic!("oh no"),
            _ => Outcome::Done,
        }
    }

    #[tokio::test]
    async fn what_failed_is_named_and_nothing_else() {
        for (bodies, expected) in [
            (vec!["ok", "ok"], vec![]),
            (vec![], vec![]),
            (
                vec!["ok", "retry", "ok", "poison", "ok"],
                vec!["id2", "id4"],
            ),
            (vec!["panic", "ok"], vec!["id1"]),
        ] {
            let response = process(messages(&bodies), |record| by_name(record.body).map(Ok)).await;
            assert_eq!(failures(&response), expected, "{bodies:?}");
        }
    }

    /// What SQS makes of a reply, as published.
    fn verdict(reply: &str, ids: &[&str]) -> &'static str {
        match serde_json::from_str::<BatchResponse>(reply) {
            Ok(reply) if failures(&reply).iter().any(|id| !ids.contains(id)) => "complete failure",
            Ok(reply) if reply.batch_item_failures.is_empty() => "complete success",
            Ok(_) => "partial",
            Err(_) => "complete failure",
        }
    }

    #[tokio::test]
    async fn replies_mean_what_sqs_makes_of_them() {
        let mut seen = 0;
        for vector in crate::vectors("sqs_partial_batch") {
            let (reply, expected) = (
                vector["response"].as_str().unwrap(),
                vector["expected"].as_str().unwrap(),
            );
            let (reply, _note) = reply
                .split_once("} ")
                .map_or((reply, ""), |(head, note)| (&reply[..=head.len()], note));
            let expected = if expected.starts_with("id2 and id4 return") {
                "partial"
            } else {
                expected
            };
            assert_eq!(
                verdict(reply, &["id1", "id2", "id3", "id4", "id5"]),
                expected,
                "{}",
                vector["id"]
            );
            seen += 1;
        }
        assert!(seen >= 6);

        let reply = process(messages(&["ok", "retry", "ok", "poison", "ok"]), |record| {
            by_name(record.body).map(Err)
        })
        .await;
        let reply = serde_json::to_string(&reply).unwrap();
        assert_eq!(
            reply,
            r#"{"batchItemFailures":[{"itemIdentifier":"id2"},{"itemIdentifier":"id4"}]}"#
        );
        assert_eq!(
            serde_json::to_string(&BatchResponse::default()).unwrap(),
            r#"{"batchItemFailures":[]}"#
        );
    }

    #[tokio::test]
    async fn a_panic_before_the_first_await_fails_one_record_too() {
        let handle = |record: SqsRecord| {
            assert_ne!(record.body, "panic", "before the future");
            future::ready(Ok(Outcome::Done))
        };
        assert_eq!(
            failures(&process(messages(&["panic", "ok"]), handle).await),
            ["id1"]
        );
    }

    #[tokio::test]
    async fn a_stream_starts_again_at_its_first_failure() {
        let stream = |names: &[&str]| -> StreamEvent {
            let records = names.iter().enumerate().map(|(i, name)| {
                json!({
                    "eventID": "e", "eventName": "INSERT", "eventSource": "aws:dynamodb",
                    "dynamodb": {
                        "Keys": {"PK": {"S": name}, "SK": {"S": "EVENT#000001"}},
                        "SequenceNumber": (i + 1).to_string(), "SizeBytes": 3, "StreamViewType": "KEYS_ONLY",
                    },
                })
            });
            serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap()
        };
        for (names, expected) in [
            (vec!["ok"], vec![]),
            (vec!["ok", "poison", "ok"], vec![]),
            (vec!["ok", "panic", "ok", "retry"], vec!["2"]),
        ] {
            let response =
                process_stream(stream(&names), |record| by_name(record.dynamodb.keys.pk.s)).await;
            assert_eq!(failures(&response), expected, "{names:?}");
        }
    }

    #[test]
    fn a_body_that_is_no_message_is_poison() {
        let [record] = <[_; 1]>::try_from(messages(&["{}"]).records).unwrap();
        assert!(matches!(record.message(), Err(Outcome::Quarantine(_))));
        assert_eq!(record.receive_count(), 1);
    }
}
