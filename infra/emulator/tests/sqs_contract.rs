//! What we rely on SQS for, asked through the real SDK. It runs against the emulator of this crate; against any other
//! implementation with `RESOUND_SQS_ENDPOINT=http://127.0.0.1:4566 cargo test -p resound-emulator --test sqs_contract`.
//!
//! Other emulators are more lenient than AWS. What `ministack` 1.5.33 leaves out is asked only where [`Peer::strict`]
//! says so: a second delete is no error, a purge rests a minute, delays, waits and attributes have ranges, names of
//! queues have an alphabet, and a dead-letter queue can be redriven.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use resound_emulator::{AwsPort, Data};

struct Peer {
    client: Client,
    /// The emulator of ours, unless another endpoint was given.
    port: Option<AwsPort>,
}

impl Peer {
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    fn start() -> Self {
        let (endpoint, port) = match std::env::var("RESOUND_SQS_ENDPOINT") {
            Ok(endpoint) => (endpoint, None),
            Err(_) => {
                let port = AwsPort::start_anywhere(
                    &Data::Memory,
                    Arc::new(|| jiff::Timestamp::UNIX_EPOCH),
                )
                .unwrap();
                (port.url().to_owned(), Some(port))
            }
        };
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("dummy", "dummy", None, None, "test"))
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            client: Client::from_conf(config),
            port,
        }
    }

    /// Whether to ask for what only AWS and our emulator do.
    fn strict(&self) -> bool {
        self.port.is_some()
    }

    /// A queue that no other test and no earlier run has.
    async fn queue(&self, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
        let attributes = attributes
            .iter()
            .map(|(name, value)| (name.clone(), (*value).to_owned()));
        let created = self
            .client
            .create_queue()
            .queue_name(unique(name))
            .set_attributes(Some(attributes.collect()))
            .send()
            .await
            .unwrap();
        created.queue_url.unwrap()
    }

    async fn send(&self, queue: &str, body: &str) -> String {
        let sent = self
            .client
            .send_message()
            .queue_url(queue)
            .message_body(body)
            .send()
            .await;
        sent.unwrap().message_id.unwrap()
    }

    /// Receives up to ten messages with all their attributes.
    async fn receive(&self, queue: &str, wait: i32) -> Vec<Message> {
        let received = self
            .client
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .wait_time_seconds(wait)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        received.unwrap().messages.unwrap_or_default()
    }

    async fn delete(&self, queue: &str, message: &Message) {
        let receipt = message.receipt_handle.as_deref().unwrap();
        let deleted = self
            .client
            .delete_message()
            .queue_url(queue)
            .receipt_handle(receipt)
            .send()
            .await;
        deleted.unwrap();
    }

    async fn attribute(&self, queue: &str, name: QueueAttributeName) -> String {
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(queue)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await;
        answer
            .unwrap()
            .attributes
            .unwrap()
            .remove(&name)
            .unwrap_or_default()
    }

    /// A queue that gives up on a message after so many receives, and its dead-letter queue.
    async fn with_dead_letters(&self, name: &str, receives: u32) -> (String, String) {
        let dead = self.queue(&format!("{name}-dead"), &[]).await;
        let arn = self.attribute(&dead, QueueAttributeName::QueueArn).await;
        let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{receives}"}}"#);
        let work = self
            .queue(
                name,
                &[
                    (QueueAttributeName::RedrivePolicy, &policy),
                    (QueueAttributeName::VisibilityTimeout, "0"),
                ],
            )
            .await;
        (work, dead)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a name that differs from run to run"
)]
fn unique(name: &str) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!("resound-{name}-{}", now.as_nanos())
}

fn system<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes.as_ref()?.get(name).map(String::as_str)
}

fn code<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> String {
    match result {
        Ok(_) => "accepted".into(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

#[tokio::test]
async fn a_message_travels_whole_and_is_gone_when_deleted() {
    let peer = Peer::start();
    let queue = peer.queue("travel", &[]).await;
    let text = |kind: &str, value: &str| {
        let attribute = MessageAttributeValue::builder()
            .data_type(kind)
            .string_value(value);
        attribute.build().unwrap()
    };
    let blob = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0, 1, 255]));
    let sent = peer
        .client
        .send_message()
        .queue_url(&queue)
        .message_body("{\"text\":\"你好 👋\"}")
        .message_attributes("kind", text("String", "回执"))
        .message_attributes("count", text("Number", "3"))
        .message_attributes("blob", blob.build().unwrap())
        .send()
        .await
        .unwrap();

    let received = peer.receive(&queue, 5).await;
    assert_eq!(received.len(), 1);
    let message = &received[0];
    assert_eq!(message.body.as_deref(), Some("{\"text\":\"你好 👋\"}"));
    assert_eq!(message.message_id, sent.message_id);
    assert_eq!(message.md5_of_body, sent.md5_of_message_body);
    assert_eq!(
        message.md5_of_message_attributes,
        sent.md5_of_message_attributes
    );
    // MD5 of the three attributes as the SDKs encode them, computed apart.
    assert_eq!(
        sent.md5_of_message_attributes.as_deref(),
        Some("2c4288f45dfe5c11b3a8264909ed8656")
    );
    let attributes = message.message_attributes.as_ref().unwrap();
    assert_eq!(attributes["kind"].string_value.as_deref(), Some("回执"));
    assert_eq!(
        attributes["blob"].binary_value.as_ref().unwrap().as_ref(),
        [0, 1, 255]
    );
    assert_eq!(
        system(
            message,
            &MessageSystemAttributeName::ApproximateReceiveCount
        ),
        Some("1")
    );
    let sent_at: i64 = system(message, &MessageSystemAttributeName::SentTimestamp)
        .unwrap()
        .parse()
        .unwrap();
    let first: i64 = system(
        message,
        &MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    )
    .unwrap()
    .parse()
    .unwrap();
    assert!(sent_at > 1_700_000_000_000 && first >= sent_at);

    assert_eq!(
        peer.attribute(
            &queue,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible
        )
        .await,
        "1"
    );
    peer.delete(&queue, message).await;
    if peer.strict() {
        peer.delete(&queue, message).await;
    }
    assert_eq!(
        peer.attribute(
            &queue,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible
        )
        .await,
        "0"
    );
    assert!(peer.receive(&queue, 0).await.is_empty());
}

#[tokio::test]
async fn a_received_message_is_hidden_and_comes_back() {
    let peer = Peer::start();
    let queue = peer
        .queue(
            "visibility",
            &[(QueueAttributeName::VisibilityTimeout, "1")],
        )
        .await;
    peer.send(&queue, "a").await;
    let first = peer.receive(&queue, 5).await.pop().unwrap();
    assert!(peer.receive(&queue, 0).await.is_empty());
    let second = peer.receive(&queue, 5).await.pop().unwrap();
    assert_eq!(
        system(
            &second,
            &MessageSystemAttributeName::ApproximateReceiveCount
        ),
        Some("2")
    );
    assert_eq!(second.message_id, first.message_id);
    assert_ne!(second.receipt_handle, first.receipt_handle);

    let change = |seconds| {
        let request = peer.client.change_message_visibility().queue_url(&queue);
        let receipt = second.receipt_handle.clone().unwrap();
        request
            .receipt_handle(receipt)
            .visibility_timeout(seconds)
            .send()
    };
    change(30).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(peer.receive(&queue, 0).await.is_empty());
    change(0).await.unwrap();
    let third = peer.receive(&queue, 5).await.pop().unwrap();
    assert_eq!(
        system(&third, &MessageSystemAttributeName::ApproximateReceiveCount),
        Some("3")
    );
}

#[tokio::test]
async fn a_long_poll_ends_with_the_first_message_or_with_its_time() {
    let peer = Peer::start();
    let queue = peer.queue("long-poll", &[]).await;
    let started = Instant::now();
    assert!(peer.receive(&queue, 1).await.is_empty());
    assert!(started.elapsed() >= Duration::from_millis(900));

    let started = Instant::now();
    let (received, _) = tokio::join!(peer.receive(&queue, 20), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        peer.send(&queue, "a").await
    });
    assert_eq!(received.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_delayed_message_waits() {
    let peer = Peer::start();
    let queue = peer
        .queue("delay", &[(QueueAttributeName::DelaySeconds, "900")])
        .await;
    let send = |seconds| {
        let request = peer
            .client
            .send_message()
            .queue_url(&queue)
            .message_body("a");
        request.set_delay_seconds(seconds).send()
    };
    send(None).await.unwrap();
    send(Some(1)).await.unwrap();
    assert!(peer.receive(&queue, 0).await.is_empty());
    assert_eq!(
        peer.attribute(
            &queue,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed
        )
        .await,
        "2"
    );
    assert_eq!(peer.receive(&queue, 5).await.len(), 1);
    if peer.strict() {
        assert_eq!(code(send(Some(901)).await), "InvalidParameterValue");
    }
}

#[tokio::test]
async fn dead_letters_keep_their_id_and_a_redrive_gives_a_new_one() {
    let peer = Peer::start();
    let (work, dead) = peer.with_dead_letters("redrive", 2).await;
    let id = peer.send(&work, "a").await;
    assert_eq!(peer.receive(&work, 1).await.len(), 1);
    assert_eq!(peer.receive(&work, 1).await.len(), 1);
    assert!(peer.receive(&work, 0).await.is_empty());
    let letter = peer.receive(&dead, 5).await.pop().unwrap();
    assert_eq!(letter.message_id.as_deref(), Some(id.as_str()));
    if !peer.strict() {
        return;
    }

    peer.client
        .change_message_visibility()
        .queue_url(&dead)
        .receipt_handle(letter.receipt_handle.unwrap())
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
    let source = peer.attribute(&dead, QueueAttributeName::QueueArn).await;
    peer.client
        .start_message_move_task()
        .source_arn(&source)
        .send()
        .await
        .unwrap();
    let back = peer.receive(&work, 5).await.pop().unwrap();
    assert_eq!(back.body.as_deref(), Some("a"));
    assert_ne!(back.message_id.as_deref(), Some(id.as_str()));
    assert_eq!(
        system(&back, &MessageSystemAttributeName::ApproximateReceiveCount),
        Some("1")
    );
    let tasks = peer
        .client
        .list_message_move_tasks()
        .source_arn(&source)
        .send()
        .await
        .unwrap();
    assert_eq!(tasks.results()[0].approximate_number_of_messages_moved, 1);
    assert_eq!(tasks.results()[0].status.as_deref(), Some("COMPLETED"));
}

#[tokio::test]
async fn a_batch_fails_entry_by_entry() {
    let peer = Peer::start();
    let queue = peer.queue("batch", &[]).await;
    let entry = |id: &str, body: &str| {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(body);
        entry.build().unwrap()
    };
    let sent = peer
        .client
        .send_message_batch()
        .queue_url(&queue)
        .entries(entry("good", "a"))
        .entries(entry("bad", "\u{0}"))
        .entries(entry("also-good", "b"))
        .send()
        .await
        .unwrap();
    let successful: HashSet<&str> = sent
        .successful
        .iter()
        .map(|entry| entry.id.as_str())
        .collect();
    assert_eq!(successful, HashSet::from(["good", "also-good"]));
    assert_eq!(sent.failed.len(), 1);
    assert_eq!(sent.failed[0].code, "InvalidMessageContents");
    assert!(sent.failed[0].sender_fault);

    let mut received = peer.receive(&queue, 5).await;
    while received.len() < 2 {
        received.extend(peer.receive(&queue, 5).await);
    }
    let mut change = peer
        .client
        .change_message_visibility_batch()
        .queue_url(&queue);
    let mut delete = peer.client.delete_message_batch().queue_url(&queue);
    for (index, message) in received.iter().enumerate() {
        let receipt = message.receipt_handle.as_deref().unwrap();
        let id = index.to_string();
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(&id)
            .receipt_handle(receipt);
        change = change.entries(entry.visibility_timeout(60).build().unwrap());
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(&id)
            .receipt_handle(receipt);
        delete = delete.entries(entry.build().unwrap());
    }
    let broken = DeleteMessageBatchRequestEntry::builder()
        .id("broken")
        .receipt_handle("nonsense");
    delete = delete.entries(broken.build().unwrap());
    assert_eq!(change.send().await.unwrap().successful.len(), 2);
    let deleted = delete.send().await.unwrap();
    assert_eq!(deleted.successful.len(), 2);
    assert_eq!(deleted.failed[0].id, "broken");
    assert_eq!(deleted.failed[0].code, "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn a_wrong_batch_is_refused_whole() {
    let peer = Peer::start();
    let queue = peer.queue("wrong-batch", &[]).await;
    let send = |ids: Vec<String>, body: String| {
        let entries = ids.into_iter().map(|id| {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(id)
                .message_body(&body);
            entry.build().unwrap()
        });
        let request = peer.client.send_message_batch().queue_url(&queue);
        request.set_entries(Some(entries.collect())).send()
    };
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let small = "a".to_owned();
    let empty = send(vec![], small.clone())
        .await
        .unwrap_err()
        .into_service_error();
    assert!(empty.is_empty_batch_request(), "{empty:?}");
    let many = (0..11).map(|n| n.to_string()).collect();
    let many = send(many, small.clone())
        .await
        .unwrap_err()
        .into_service_error();
    assert!(many.is_too_many_entries_in_batch_request(), "{many:?}");
    let twice = send(ids(&["a", "a"]), small.clone())
        .await
        .unwrap_err()
        .into_service_error();
    assert!(twice.is_batch_entry_ids_not_distinct(), "{twice:?}");
    let odd = send(ids(&["a b"]), small)
        .await
        .unwrap_err()
        .into_service_error();
    assert!(odd.is_invalid_batch_entry_id(), "{odd:?}");
    let large = send(ids(&["a", "b"]), "x".repeat(600 * 1024))
        .await
        .unwrap_err()
        .into_service_error();
    assert!(large.is_batch_request_too_long(), "{large:?}");
    assert_eq!(
        peer.attribute(&queue, QueueAttributeName::ApproximateNumberOfMessages)
            .await,
        "0"
    );
}

#[tokio::test]
async fn a_mebibyte_fits_and_a_byte_more_does_not() {
    let peer = Peer::start();
    let queue = peer.queue("size", &[]).await;
    let send = |length| {
        let request = peer.client.send_message().queue_url(&queue);
        request.message_body("x".repeat(length)).send()
    };
    send(1024 * 1024).await.unwrap();
    assert_eq!(code(send(1024 * 1024 + 1).await), "InvalidParameterValue");
    assert_eq!(
        peer.receive(&queue, 5).await[0]
            .body
            .as_ref()
            .unwrap()
            .len(),
        1024 * 1024
    );
}

#[tokio::test]
async fn a_purge_empties_and_rests_a_minute() {
    let peer = Peer::start();
    let queue = peer.queue("purge", &[]).await;
    for _ in 0..3 {
        peer.send(&queue, "a").await;
    }
    peer.client
        .purge_queue()
        .queue_url(&queue)
        .send()
        .await
        .unwrap();
    assert!(peer.receive(&queue, 0).await.is_empty());
    if !peer.strict() {
        return;
    }
    let again = peer
        .client
        .purge_queue()
        .queue_url(&queue)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(again.is_purge_queue_in_progress(), "{again:?}");
}

#[tokio::test]
async fn queues_are_made_found_changed_and_deleted() {
    let peer = Peer::start();
    let name = unique("life");
    let create = |timeout: &str| {
        let request = peer.client.create_queue().queue_name(&name);
        request
            .attributes(QueueAttributeName::VisibilityTimeout, timeout)
            .send()
    };
    let url = create("60").await.unwrap().queue_url.unwrap();
    assert_eq!(create("60").await.unwrap().queue_url.as_ref(), Some(&url));
    let other = create("61").await.unwrap_err().into_service_error();
    assert!(other.is_queue_name_exists(), "{other:?}");

    let found = peer
        .client
        .get_queue_url()
        .queue_name(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url.as_ref(), Some(&url));
    let listed = peer
        .client
        .list_queues()
        .queue_name_prefix(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.queue_urls(), std::slice::from_ref(&url));

    let set = |name: QueueAttributeName, value: &str| {
        let attributes = HashMap::from([(name, value.to_owned())]);
        let request = peer.client.set_queue_attributes().queue_url(&url);
        request.set_attributes(Some(attributes)).send()
    };
    set(QueueAttributeName::MessageRetentionPeriod, "60")
        .await
        .unwrap();
    assert_eq!(
        peer.attribute(&url, QueueAttributeName::MessageRetentionPeriod)
            .await,
        "60"
    );
    assert_eq!(
        peer.attribute(&url, QueueAttributeName::VisibilityTimeout)
            .await,
        "60"
    );
    if peer.strict() {
        let bad = set(QueueAttributeName::VisibilityTimeout, "43201")
            .await
            .unwrap_err()
            .into_service_error();
        assert!(bad.is_invalid_attribute_value(), "{bad:?}");
        let unknown = set(QueueAttributeName::from("Colour"), "red")
            .await
            .unwrap_err()
            .into_service_error();
        assert!(unknown.is_invalid_attribute_name(), "{unknown:?}");
    }

    peer.client
        .delete_queue()
        .queue_url(&url)
        .send()
        .await
        .unwrap();
    let gone = peer
        .client
        .send_message()
        .queue_url(&url)
        .message_body("a")
        .send()
        .await;
    let gone = gone.unwrap_err().into_service_error();
    assert!(gone.is_queue_does_not_exist(), "{gone:?}");
    assert_eq!(gone.code(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    let gone = peer
        .client
        .get_queue_url()
        .queue_name(&name)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(gone.is_queue_does_not_exist(), "{gone:?}");
}

#[tokio::test]
async fn nonsense_is_refused_by_name() {
    let peer = Peer::start();
    let queue = peer.queue("nonsense", &[]).await;
    let client = &peer.client;
    let empty = client
        .send_message()
        .queue_url(&queue)
        .message_body("")
        .send()
        .await;
    assert_eq!(code(empty), "MissingParameter");
    let control = client
        .send_message()
        .queue_url(&queue)
        .message_body("\u{8}")
        .send()
        .await;
    assert_eq!(code(control), "InvalidMessageContents");
    let delete = client
        .delete_message()
        .queue_url(&queue)
        .receipt_handle("nonsense")
        .send()
        .await;
    assert!(
        delete
            .unwrap_err()
            .into_service_error()
            .is_receipt_handle_is_invalid()
    );
    let ranges = if peer.strict() {
        &[(0, 0), (11, 0), (1, 21), (1, -1)][..]
    } else {
        &[(0, 0), (11, 0)]
    };
    for &(max, wait) in ranges {
        let request = client.receive_message().queue_url(&queue);
        let received = request
            .max_number_of_messages(max)
            .wait_time_seconds(wait)
            .send()
            .await;
        assert_eq!(code(received), "InvalidParameterValue", "{max} {wait}");
    }
    if peer.strict() {
        let odd = client
            .create_queue()
            .queue_name("no/such:name")
            .send()
            .await;
        assert_eq!(code(odd), "InvalidParameterValue");
    }
}
