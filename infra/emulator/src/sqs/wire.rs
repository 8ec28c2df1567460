//! The JSON protocol of SQS.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::message::{MESSAGE_LIMIT, md5_of_attributes};
use super::{
    AttributeValue, MessageAttribute, MoveTask, NewMessage, Receive, Received, Sent, Sqs, SqsError,
    name_of,
};

/// Answers one operation. Waits as long as a long poll asks.
///
/// # Errors
///
/// Those of the operation; [`SqsError::Malformed`] when the body is not what it should be.
pub(crate) async fn answer(sqs: &Sqs, operation: &str, body: &[u8]) -> Result<Value, SqsError> {
    match operation {
        "CreateQueue" => create_queue(sqs, parse(body)?),
        "DeleteQueue" => delete_queue(sqs, parse(body)?),
        "GetQueueUrl" => get_queue_url(sqs, parse(body)?),
        "ListQueues" => Ok(list_queues(sqs, &parse(body)?)),
        "ListDeadLetterSourceQueues" => list_sources(sqs, parse(body)?),
        "GetQueueAttributes" => get_attributes(sqs, parse(body)?),
        "SetQueueAttributes" => set_attributes(sqs, parse(body)?),
        "SendMessage" => send(sqs, parse(body)?),
        "SendMessageBatch" => send_batch(sqs, parse(body)?),
        "ReceiveMessage" => receive(sqs, parse(body)?).await,
        "DeleteMessage" => delete(sqs, parse(body)?),
        "DeleteMessageBatch" => delete_batch(sqs, parse(body)?),
        "ChangeMessageVisibility" => change_visibility(sqs, parse(body)?),
        "ChangeMessageVisibilityBatch" => change_visibility_batch(sqs, parse(body)?),
        "PurgeQueue" => purge(sqs, parse(body)?),
        "StartMessageMoveTask" => start_move(sqs, parse(body)?),
        "ListMessageMoveTasks" => list_moves(sqs, parse(body)?),
        other => Err(SqsError::InvalidAction(other.into())),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| SqsError::Malformed(error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQueue {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn create_queue(sqs: &Sqs, request: CreateQueue) -> Result<Value, SqsError> {
    let name = required(request.queue_name, "QueueName")?;
    let url = sqs.create_queue(&name, &request.attributes)?;
    Ok(json!({ "QueueUrl": url }))
}

/// A request that names a queue and nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfQueue {
    queue_url: Option<String>,
}

fn delete_queue(sqs: &Sqs, request: OfQueue) -> Result<Value, SqsError> {
    sqs.delete_queue(&required(request.queue_url, "QueueUrl")?)?;
    Ok(json!({}))
}

fn purge(sqs: &Sqs, request: OfQueue) -> Result<Value, SqsError> {
    sqs.purge(&required(request.queue_url, "QueueUrl")?)?;
    Ok(json!({}))
}

fn list_sources(sqs: &Sqs, request: OfQueue) -> Result<Value, SqsError> {
    let queue = required(request.queue_url, "QueueUrl")?;
    let sources = sqs.with(|queues, _| queues.sources_of(name_of(&queue)))?;
    let urls: Vec<String> = sources.iter().map(|name| sqs.url(name)).collect();
    Ok(json!({ "queueUrls": urls }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueUrl {
    queue_name: Option<String>,
}

fn get_queue_url(sqs: &Sqs, request: GetQueueUrl) -> Result<Value, SqsError> {
    let name = required(request.queue_name, "QueueName")?;
    if !sqs.with(|queues, _| queues.contains(&name)) {
        return Err(SqsError::QueueDoesNotExist);
    }
    Ok(json!({ "QueueUrl": sqs.url(&name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListQueues {
    #[serde(default)]
    queue_name_prefix: String,
}

fn list_queues(sqs: &Sqs, request: &ListQueues) -> Value {
    let names = sqs.with(|queues, _| queues.names(&request.queue_name_prefix));
    let urls: Vec<String> = names.iter().map(|name| sqs.url(name)).collect();
    json!({ "QueueUrls": urls })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: BTreeSet<String>,
}

fn get_attributes(sqs: &Sqs, request: GetAttributes) -> Result<Value, SqsError> {
    let queue = required(request.queue_url, "QueueUrl")?;
    let mut attributes = sqs.attributes(&queue)?;
    if !request.attribute_names.contains("All") {
        attributes.retain(|name, _| request.attribute_names.contains(name));
    }
    Ok(json!({ "Attributes": attributes }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn set_attributes(sqs: &Sqs, request: SetAttributes) -> Result<Value, SqsError> {
    let queue = required(request.queue_url, "QueueUrl")?;
    sqs.set_attributes(&queue, &request.attributes)?;
    Ok(json!({}))
}

/// A message, in a request of its own or as an entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireMessage {
    queue_url: Option<String>,
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, WireAttribute>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, WireAttribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAttribute {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<String>,
}

impl WireMessage {
    fn into_message(self) -> Result<NewMessage, SqsError> {
        Ok(NewMessage {
            body: required(self.message_body, "MessageBody")?,
            delay: self.delay_seconds,
            attributes: attributes(self.message_attributes)?,
            system_attributes: attributes(self.message_system_attributes)?,
        })
    }
}

fn attributes(
    wire: BTreeMap<String, WireAttribute>,
) -> Result<BTreeMap<String, MessageAttribute>, SqsError> {
    let read = |(name, attribute): (String, WireAttribute)| {
        let value = match (attribute.string_value, attribute.binary_value) {
            (Some(text), None) => AttributeValue::Text(text),
            (None, Some(bytes)) => AttributeValue::Binary(
                STANDARD
                    .decode(bytes)
                    .map_err(|error| SqsError::Malformed(format!("BinaryValue: {error}")))?,
            ),
            _ => {
                return Err(SqsError::InvalidParameterValue(format!(
                    "The message attribute '{name}' must contain exactly one value."
                )));
            }
        };
        let data_type = required(attribute.data_type, "DataType")?;
        Ok((name, MessageAttribute { data_type, value }))
    };
    wire.into_iter().map(read).collect()
}

fn send(sqs: &Sqs, mut request: WireMessage) -> Result<Value, SqsError> {
    let queue = required(request.queue_url.take(), "QueueUrl")?;
    let sent = sqs.send(&queue, request.into_message()?)?;
    Ok(Value::Object(sent_fields(sent)))
}

fn sent_fields(sent: Sent) -> Map<String, Value> {
    let fields = [
        ("MessageId", Some(sent.id)),
        ("MD5OfMessageBody", Some(sent.md5_of_body)),
        ("MD5OfMessageAttributes", sent.md5_of_attributes),
        (
            "MD5OfMessageSystemAttributes",
            sent.md5_of_system_attributes,
        ),
    ];
    let present = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))));
    present.collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<T> {
    queue_url: Option<String>,
    #[serde(default = "Vec::new")]
    entries: Vec<T>,
}

/// An entry of a batch, which has an id of its own.
trait Entry {
    fn id(&self) -> Option<&str>;
}

impl Entry for WireMessage {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Entry for WireReceipt {
    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// Runs an operation on each entry. What is wrong with the batch refuses all of it, what is wrong with an entry refuses
/// that entry only.
fn each<T: Entry>(
    sqs: &Sqs,
    batch: Batch<T>,
    mut operation: impl FnMut(&str, T) -> Result<Map<String, Value>, SqsError>,
) -> Result<Value, SqsError> {
    let queue = required(batch.queue_url, "QueueUrl")?;
    if !sqs.with(|queues, _| queues.contains(name_of(&queue))) {
        return Err(SqsError::QueueDoesNotExist);
    }
    check_ids(&batch.entries)?;
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for entry in batch.entries {
        let id = Value::from(entry.id());
        match operation(&queue, entry) {
            Ok(mut fields) => {
                fields.insert("Id".into(), id);
                successful.push(Value::Object(fields));
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "SenderFault": true,
                "Code": error.names().1,
                "Message": error.to_string(),
            })),
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

fn check_ids<T: Entry>(entries: &[T]) -> Result<(), SqsError> {
    if entries.is_empty() {
        return Err(SqsError::EmptyBatchRequest);
    }
    if entries.len() > 10 {
        return Err(SqsError::TooManyEntriesInBatchRequest(entries.len()));
    }
    let mut seen = BTreeSet::new();
    for entry in entries {
        let id = entry.id().ok_or(SqsError::MissingParameter("Id"))?;
        let named_well = (1..=80).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if !named_well {
            return Err(SqsError::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(SqsError::BatchEntryIdsNotDistinct(id.into()));
        }
    }
    Ok(())
}

fn send_batch(sqs: &Sqs, batch: Batch<WireMessage>) -> Result<Value, SqsError> {
    let sent: usize = batch.entries.iter().map(WireMessage::size).sum();
    if sent > MESSAGE_LIMIT {
        let limit = MESSAGE_LIMIT;
        return Err(SqsError::BatchRequestTooLong { limit, sent });
    }
    each(sqs, batch, |queue, entry| {
        Ok(sent_fields(sqs.send(queue, entry.into_message()?)?))
    })
}

impl WireMessage {
    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let attributes: usize = self
            .message_attributes
            .iter()
            .map(|(name, attribute)| {
                let bytes = text(&attribute.binary_value) / 4 * 3;
                name.len() + text(&attribute.data_type) + text(&attribute.string_value) + bytes
            })
            .sum();
        text(&self.message_body) + attributes
    }
}

/// A receipt, in a request of its own or as an entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireReceipt {
    queue_url: Option<String>,
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

fn delete(sqs: &Sqs, request: WireReceipt) -> Result<Value, SqsError> {
    let queue = required(request.queue_url, "QueueUrl")?;
    sqs.delete(&queue, &required(request.receipt_handle, "ReceiptHandle")?)?;
    Ok(json!({}))
}

fn delete_batch(sqs: &Sqs, batch: Batch<WireReceipt>) -> Result<Value, SqsError> {
    each(sqs, batch, |queue, entry| {
        sqs.delete(queue, &required(entry.receipt_handle, "ReceiptHandle")?)?;
        Ok(Map::new())
    })
}

fn change_visibility(sqs: &Sqs, request: WireReceipt) -> Result<Value, SqsError> {
    let queue = required(request.queue_url, "QueueUrl")?;
    let receipt = required(request.receipt_handle, "ReceiptHandle")?;
    let seconds = required(request.visibility_timeout, "VisibilityTimeout")?;
    sqs.change_visibility(&queue, &receipt, seconds)?;
    Ok(json!({}))
}

fn change_visibility_batch(sqs: &Sqs, batch: Batch<WireReceipt>) -> Result<Value, SqsError> {
    each(sqs, batch, |queue, entry| {
        let receipt = required(entry.receipt_handle, "ReceiptHandle")?;
        let seconds = required(entry.visibility_timeout, "VisibilityTimeout")?;
        sqs.change_visibility(queue, &receipt, seconds)?;
        Ok(Map::new())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    wait_time_seconds: Option<i64>,
    visibility_timeout: Option<i64>,
    /// The older name of `message_system_attribute_names`.
    #[serde(default)]
    attribute_names: BTreeSet<String>,
    #[serde(default)]
    message_system_attribute_names: BTreeSet<String>,
    #[serde(default)]
    message_attribute_names: BTreeSet<String>,
}

async fn receive(sqs: &Sqs, request: ReceiveMessage) -> Result<Value, SqsError> {
    let queue = required(request.queue_url, "QueueUrl")?;
    let how = Receive {
        // What is negative is out of range like what is too large.
        max: usize::try_from(request.max_number_of_messages.unwrap_or(1)).unwrap_or(usize::MAX),
        wait: request.wait_time_seconds,
        visibility: request.visibility_timeout,
    };
    let received = sqs.receive(&queue, how).await?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    let mut system = request.attribute_names;
    system.extend(request.message_system_attribute_names);
    let messages: Vec<Value> = received
        .into_iter()
        .map(|message| received_fields(message, &system, &request.message_attribute_names))
        .collect();
    Ok(json!({ "Messages": messages }))
}

fn received_fields(
    mut message: Received,
    system: &BTreeSet<String>,
    wanted: &BTreeSet<String>,
) -> Value {
    let mut fields = Map::from_iter([
        ("MessageId".to_owned(), Value::from(message.id)),
        ("ReceiptHandle".to_owned(), Value::from(message.receipt)),
        ("Body".to_owned(), Value::from(message.body)),
        ("MD5OfBody".to_owned(), Value::from(message.md5_of_body)),
    ]);
    if !system.contains("All") {
        message
            .system_attributes
            .retain(|name, _| system.contains(name));
    }
    if !message.system_attributes.is_empty() {
        fields.insert("Attributes".into(), json!(message.system_attributes));
    }
    message
        .attributes
        .retain(|name, _| wanted.iter().any(|pattern| selects(pattern, name)));
    if let Some(md5) = md5_of_attributes(&message.attributes) {
        fields.insert("MD5OfMessageAttributes".into(), Value::from(md5));
        let attributes: Map<String, Value> = message
            .attributes
            .into_iter()
            .map(|(name, attribute)| (name, attribute_fields(attribute)))
            .collect();
        fields.insert("MessageAttributes".into(), Value::Object(attributes));
    }
    Value::Object(fields)
}

fn attribute_fields(attribute: MessageAttribute) -> Value {
    match attribute.value {
        AttributeValue::Text(text) => {
            json!({ "DataType": attribute.data_type, "StringValue": text })
        }
        AttributeValue::Binary(bytes) => {
            json!({ "DataType": attribute.data_type, "BinaryValue": STANDARD.encode(bytes) })
        }
    }
}

/// Whether a pattern of `MessageAttributeNames` selects a name: `All`, `.*`, `prefix.*`, or the name itself.
fn selects(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == "All" || pattern == name,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartMove {
    source_arn: Option<String>,
    destination_arn: Option<String>,
}

fn start_move(sqs: &Sqs, request: StartMove) -> Result<Value, SqsError> {
    let source = required(request.source_arn, "SourceArn")?;
    let target = request.destination_arn.as_deref().map(name_of);
    let task = sqs.with(|queues, now| queues.move_messages(now, name_of(&source), target))?;
    Ok(json!({ "TaskHandle": task.handle }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMoves {
    source_arn: Option<String>,
    max_results: Option<usize>,
}

fn list_moves(sqs: &Sqs, request: ListMoves) -> Result<Value, SqsError> {
    let source = required(request.source_arn, "SourceArn")?;
    let max = request.max_results.unwrap_or(1).min(10);
    let tasks = sqs.with(|queues, _| queues.move_tasks(name_of(&source), max))?;
    let results: Vec<Value> = tasks.into_iter().map(task_fields).collect();
    Ok(json!({ "Results": results }))
}

fn task_fields(task: MoveTask) -> Value {
    let mut fields = json!({
        "SourceArn": task.source,
        "Status": if task.failure.is_some() { "FAILED" } else { "COMPLETED" },
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.total,
        "StartedTimestamp": task.started,
    });
    if let Value::Object(fields) = &mut fields {
        fields.extend(
            task.destination
                .map(|arn| ("DestinationArn".to_owned(), Value::from(arn))),
        );
        fields.extend(
            task.failure
                .map(|reason| ("FailureReason".to_owned(), Value::from(reason))),
        );
    }
    fields
}

fn required<T>(value: Option<T>, name: &'static str) -> Result<T, SqsError> {
    value.ok_or(SqsError::MissingParameter(name))
}
