//! The emulated endpoint as the SDKs meet it: DynamoDB with its stream, the mailbox, and what is not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use resound_emulator::{AwsPort, Clock, Data, StartError};
use serde_json::{Value, json};

fn clock() -> Clock {
    Arc::new(|| "2026-11-21T10:00:00Z".parse().expect("a timestamp"))
}

fn start(data: &Data) -> AwsPort {
    AwsPort::start_anywhere(data, clock()).unwrap()
}

fn client(port: &AwsPort) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("dummy", "dummy", None, None, "test"))
        .endpoint_url(port.url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

async fn create_table(client: &Client) {
    let key = KeySchemaElement::builder()
        .attribute_name("PK")
        .key_type(KeyType::Hash);
    let definition = AttributeDefinition::builder()
        .attribute_name("PK")
        .attribute_type(ScalarAttributeType::S);
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::KeysOnly);
    client
        .create_table()
        .table_name("items")
        .key_schema(key.build().unwrap())
        .attribute_definitions(definition.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream.build().unwrap())
        .send()
        .await
        .unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a table of the test's own")]
async fn put(client: &Client, key: &str) {
    let request = client
        .put_item()
        .table_name("items")
        .item("PK", AttributeValue::S(key.into()));
    request
        .item("expires", AttributeValue::N("1".into()))
        .send()
        .await
        .unwrap();
}

async fn has(client: &Client, key: &str) -> bool {
    let request = client
        .get_item()
        .table_name("items")
        .key("PK", AttributeValue::S(key.into()));
    request.send().await.unwrap().item.is_some()
}

/// A folder that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "resound-aws-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }

    fn data(&self) -> Data {
        Data::Dir(self.0.clone())
    }

    fn database(&self) -> PathBuf {
        self.0.join("dynamodb.sqlite")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_or_not = std::fs::remove_dir_all(&self.0);
    }
}

/// One request over a connection of its own: status, headers and body.
fn call(
    port: &AwsPort,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String, Value) {
    let address = port.url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(b"\r\n").unwrap();
    connection.write_all(body).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head[9..12].parse().unwrap();
    (
        status,
        head.to_ascii_lowercase(),
        serde_json::from_str(body).unwrap_or(Value::Null),
    )
}

/// A call of the streams API, which the SDK of DynamoDB leaves to a crate of its own.
fn streams(port: &AwsPort, operation: &str, request: &Value) -> Value {
    let target = format!("DynamoDBStreams_20120810.{operation}");
    let headers = [
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-date", "20261121T100000Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=dummy/20261121/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00",
        ),
    ];
    let (status, _, answer) = call(port, "POST", "/", &headers, request.to_string().as_bytes());
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

fn read_stream(port: &AwsPort) -> Vec<String> {
    let found = streams(port, "ListStreams", &json!({ "TableName": "items" }));
    let arn = &found["Streams"][0]["StreamArn"];
    let described = streams(port, "DescribeStream", &json!({ "StreamArn": arn }));
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let iterator =
        json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let iterator = streams(port, "GetShardIterator", &iterator);
    let records = streams(
        port,
        "GetRecords",
        &json!({ "ShardIterator": iterator["ShardIterator"] }),
    );
    let records = records["Records"].as_array().unwrap();
    records
        .iter()
        .map(|record| {
            assert!(record["dynamodb"].get("NewImage").is_none(), "keys only");
            let key = record["dynamodb"]["Keys"]["PK"]["S"].as_str().unwrap();
            format!("{} {key}", record["eventName"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn the_table_and_its_stream_work_through_the_port_and_survive_it() {
    let folder = Folder::new();
    {
        let port = start(&folder.data());
        let client = client(&port);
        create_table(&client).await;
        for key in ["a", "b", "a"] {
            put(&client, key).await;
        }
    }
    let port = start(&folder.data());
    let client = client(&port);
    assert!(has(&client, "b").await);
    put(&client, "c").await;
    assert_eq!(
        read_stream(&port),
        ["INSERT a", "INSERT b", "MODIFY a", "INSERT c"]
    );
}

#[tokio::test]
async fn expired_items_are_swept() {
    let port = start(&Data::Memory);
    let client = client(&port);
    create_table(&client).await;
    let expiry = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires");
    client
        .update_time_to_live()
        .table_name("items")
        .time_to_live_specification(expiry.build().unwrap())
        .send()
        .await
        .unwrap();
    put(&client, "a").await;
    assert_eq!(port.dynamo().database().sweep_ttl().unwrap(), 1);
    assert!(!has(&client, "a").await);
    assert_eq!(read_stream(&port), ["INSERT a", "REMOVE a"]);
}

#[tokio::test]
async fn ports_in_one_process_share_nothing() {
    let (one, two) = (start(&Data::Memory), start(&Data::Memory));
    create_table(&client(&one)).await;
    put(&client(&one), "a").await;
    create_table(&client(&two)).await;
    assert!(!has(&client(&two), "a").await);
}

/// Every write looks for the last stream record of its table; with the index this must not grow with their number.
#[tokio::test]
async fn writes_do_not_scan_the_stream() {
    let folder = Folder::new();
    let _port = start(&folder.data());
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    let plan: String = connection
        .query_row(
            "EXPLAIN QUERY PLAN SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 \
             FROM _stream_records WHERE table_name = 't'",
            [],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("resound_stream_order"), "{plan}");
}

#[test]
fn a_damaged_file_is_named_in_one_sentence() {
    let folder = Folder::new();
    drop(start(&folder.data()));
    // The dropped port's threads close the file a moment later, and must not repair what we break.
    std::thread::sleep(Duration::from_millis(200));
    let database = folder.database();
    rusqlite::Connection::open(&database)
        .and_then(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })
        .unwrap();
    let damage = |path: &Path, bytes: &[u8]| {
        for suffix in ["-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            let _absent = std::fs::remove_file(name);
        }
        std::fs::write(path, bytes).unwrap();
    };
    let expect = |path: &Path| match AwsPort::start_anywhere(&folder.data(), clock()) {
        Err(error @ StartError::Damaged { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains(&*path.to_string_lossy()) && !text.contains('\n'),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    };
    let database = folder.database();
    damage(
        &database,
        b"this was a database, and now it is a poem about one",
    );
    expect(&database);

    std::fs::remove_file(&database).unwrap();
    let mailbox = folder.0.join("mailbox.jsonl");
    std::fs::write(&mailbox, "what is this?\n").unwrap();
    expect(&mailbox);
}

#[test]
fn a_letter_is_caught_and_a_wrong_one_refused() {
    let port = start(&Data::Memory);
    let letter = json!({
        "FromEmailAddress": "care@example.com",
        "Destination": { "ToAddresses": ["li@example.com"] },
        "Content": { "Simple": {
            "Subject": { "Data": "您的反馈", "Charset": "UTF-8" },
            "Body": { "Text": { "Data": "已解决" }, "Html": { "Data": "<p>已解决</p>" } },
            "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }]
        } },
        "EmailTags": [{ "Name": "about", "Value": "01J0000000000000000000CASE" }]
    });
    let send = |body: &Value| {
        let headers = [("content-type", "application/json")];
        call(
            &port,
            "POST",
            "/v2/email/outbound-emails",
            &headers,
            body.to_string().as_bytes(),
        )
    };
    let (status, _, answer) = send(&letter);
    assert_eq!(status, 200);
    let caught = port.mailbox().list();
    assert_eq!(caught.len(), 1);
    assert_eq!(answer["MessageId"], json!(caught[0].id));
    let shown = serde_json::to_value(&caught[0]).unwrap();
    assert_eq!(
        shown,
        json!({
            "at": "2026-11-21T10:00:00Z", "channel": "email", "from": "care@example.com", "to": "li@example.com",
            "subject": "您的反馈", "text": "已解决", "html": "<p>已解决</p>", "about": "01J0000000000000000000CASE",
            "headers": {"Auto-Submitted": "auto-generated"}, "id": answer["MessageId"],
        })
    );

    let mut nobody = letter;
    nobody["Destination"] = json!({});
    let (status, head, answer) = send(&nobody);
    assert_eq!(status, 400);
    assert!(
        head.contains("x-amzn-errortype: badrequestexception"),
        "{head}"
    );
    assert!(answer["message"].as_str().unwrap().contains("recipient"));
}

#[test]
fn what_is_not_emulated_says_so() {
    let port = start(&Data::Memory);
    let cases = [
        ("GET", "/", "", 404),
        ("GET", "/v2/email/outbound-emails", "", 404),
        ("POST", "/", "AWSEvents.PutEvents", 400),
        ("POST", "/", "nonsense", 404),
        ("POST", "/", "AmazonSQS.TagQueue", 400),
        ("POST", "/", "AmazonSQS.SendMessage", 400),
    ];
    for (method, path, target, expected) in cases {
        let (status, _, answer) = call(&port, method, path, &[("x-amz-target", target)], b"");
        assert_eq!(status, expected, "{method} {path} {target}");
        assert!(
            answer["__type"].is_string() && answer["message"].is_string(),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_dropped_port_is_free_again_even_while_a_client_waits() {
    let port = start(&Data::Memory);
    port.sqs().create_queue("q", &BTreeMap::new()).unwrap();
    let address: SocketAddr = port.url().strip_prefix("http://").unwrap().parse().unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let poll = std::thread::spawn(move || {
        let body = json!({ "QueueUrl": "q", "WaitTimeSeconds": 20 }).to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: AmazonSQS.ReceiveMessage\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(body.as_bytes()).unwrap();
        connection.read_to_end(&mut Vec::new())
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(port);
    let waited = Instant::now();
    let _cut_off = poll.join().unwrap();
    assert!(waited.elapsed() < Duration::from_secs(5));
    let again = TcpListener::bind(address).unwrap();
    AwsPort::start(again, &Data::Memory, clock()).unwrap();
}
