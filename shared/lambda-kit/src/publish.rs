//! Putting messages on a queue.

use aws_sdk_sqs::error::{BuildError, DisplayErrorContext};
use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends, MessageSystemAttributeValue, SendMessageBatchRequestEntry,
};
use resound_domain::trace::TraceId;

use crate::trace;

/// The most messages in one call.
const MOST: usize = 10;
/// The largest call, in bytes of all bodies: 1 MiB, which is also the largest message.
const LARGEST: usize = 1024 * 1024;

/// A queue that messages are put on.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A message that is to be put on a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it says.
    pub body: String,
    /// The trace it belongs to: X-Ray then shows its consumer with whoever sent it.
    pub trace: Option<TraceId>,
    /// How many seconds pass before anybody gets it; SQS takes at most 900.
    pub delay: u16,
}

/// A message that may not be on the queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message {index} was not sent: {reason}")]
pub struct Unsent {
    /// Its place in the slice that was to be sent.
    pub index: usize,
    /// Why.
    pub reason: String,
}

impl Queue {
    /// The queue with a URL.
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    /// Puts messages on the queue, with as few calls as SQS allows, and says which were **not** surely accepted, in
    /// order. Empty: all were. No messages, no call.
    ///
    /// A message listed may be on the queue all the same, if only the answer was lost: send it again, consumers do no
    /// harm when called twice.
    #[must_use = "a message that was not sent is lost if nobody looks"]
    pub async fn send(&self, messages: &[Outgoing]) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        for chunk in chunks(messages) {
            self.send_chunk(&chunk, &mut unsent).await;
        }
        unsent.sort_by_key(|unsent| unsent.index);
        unsent
    }

    async fn send_chunk(&self, chunk: &[(usize, &Outgoing)], unsent: &mut Vec<Unsent>) {
        let mut entries = Vec::with_capacity(chunk.len());
        for (index, message) in chunk {
            match entry(*index, message) {
                Ok(entry) => entries.push(entry),
                Err(error) => unsent.push(Unsent {
                    index: *index,
                    reason: error.to_string(),
                }),
            }
        }
        let call = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send();
        let reason = match call.await {
            Ok(output) => {
                // What the answer does not name as accepted is not: an emulator or a proxy may leave one out.
                for (index, _) in chunk {
                    let id = index.to_string();
                    if output.successful().iter().any(|entry| entry.id() == id) {
                        continue;
                    }
                    let failure = output.failed().iter().find(|entry| entry.id() == id);
                    let reason = failure.map_or("not in the answer", |failure| failure.code());
                    unsent.push(Unsent {
                        index: *index,
                        reason: reason.to_owned(),
                    });
                }
                return;
            }
            Err(error) => DisplayErrorContext(error).to_string(),
        };
        unsent.extend(chunk.iter().map(|(index, _)| Unsent {
            index: *index,
            reason: reason.clone(),
        }));
    }
}

fn entry(index: usize, message: &Outgoing) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(message.body.as_str());
    if message.delay > 0 {
        entry = entry.delay_seconds(message.delay.into());
    }
    if let Some(trace) = message.trace {
        let header = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(trace::header(trace));
        entry = entry.message_system_attributes(
            MessageSystemAttributeNameForSends::AwsTraceHeader,
            header.build()?,
        );
    }
    entry.build()
}

/// Consecutive messages that fit one call together. A message that fits no call is one of its own, and SQS refuses it.
fn chunks(messages: &[Outgoing]) -> Vec<Vec<(usize, &Outgoing)>> {
    let mut chunks: Vec<Vec<(usize, &Outgoing)>> = Vec::new();
    let mut size = 0;
    for (index, message) in messages.iter().enumerate() {
        // What SQS says about a message, such as its trace, does not count.
        let length = message.body.len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < MOST && size + length <= LARGEST => {
                size += length;
                chunk.push((index, message));
            }
            _ => {
                size = length;
                chunks.push(vec![(index, message)]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{self, Clients, Retries, Settings};
    use crate::fake::Server;

    async fn send(answer: &str, bodies: &[&str]) -> Vec<Unsent> {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        let server = Server::answering(&answer);
        let clients = Clients::with(
            &Settings::emulator(server.url()),
            aws::connector(),
            Retries::Off,
        );
        let trace = TraceId::new(1, 2);
        let messages: Vec<_> = bodies.iter().map(|body| message(body, trace)).collect();
        let unsent = Queue::new(clients.sqs.client(), format!("{}/queue", server.url()))
            .send(&messages)
            .await;
        if !bodies.is_empty() {
            let request = server.request();
            assert!(request.contains("AmazonSQS.SendMessageBatch"));
            let header = format!(
                r#""MessageSystemAttributes":{{"AWSTraceHeader":{{"StringValue":"Root={trace}","DataType":"String"}}}}"#
            );
            assert_eq!(request.matches(&header).count(), bodies.len(), "{request}");
        }
        unsent
    }

    fn message(body: &str, trace: TraceId) -> Outgoing {
        Outgoing {
            body: body.to_owned(),
            trace: Some(trace),
            delay: 0,
        }
    }

    #[tokio::test]
    async fn what_was_not_accepted_is_listed() {
        let digest = "5d41402abc4b2a76b9719d911017c592"; // of "hello"
        let accepted =
            |id: &str| format!(r#"{{"Id":"{id}","MessageId":"m","MD5OfMessageBody":"{digest}"}}"#);
        let all = format!(
            r#"{{"Successful":[{},{}],"Failed":[]}}"#,
            accepted("0"),
            accepted("1")
        );
        assert_eq!(send(&all, &["hello", "hello"]).await, []);
        let some = format!(
            r#"{{"Successful":[{}],"Failed":[{{"Id":"0","Code":"InternalError","SenderFault":false}}]}}"#,
            accepted("1")
        );
        let unsent = |index, reason: &str| Unsent {
            index,
            reason: reason.to_owned(),
        };
        assert_eq!(
            send(&some, &["hello", "hello", "hello"]).await,
            [unsent(0, "InternalError"), unsent(2, "not in the answer")]
        );
        assert_eq!(send("", &[]).await, []);
        let lost = send("garbage", &["hello", "hello"]).await;
        assert_eq!(
            lost.iter().map(|unsent| unsent.index).collect::<Vec<_>>(),
            [0, 1]
        );
    }

    #[test]
    fn a_call_holds_ten_messages_and_a_mebibyte() {
        let lengths = |sizes: &[usize]| -> Vec<usize> {
            let trace = TraceId::new(1, 2);
            let messages: Vec<_> = sizes
                .iter()
                .map(|&size| message(&"x".repeat(size), trace))
                .collect();
            chunks(&messages).iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[1; 21]), [10, 10, 1]);
        assert_eq!(lengths(&[LARGEST, 1, 1]), [1, 2]);
        assert_eq!(lengths(&[LARGEST + 1, LARGEST / 2, LARGEST / 2]), [1, 2]);
    }
}
