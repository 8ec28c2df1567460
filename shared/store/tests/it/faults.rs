//! What an emulator does not do: throttles, conflicts, lost answers. A server of a few lines answers as scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use resound_domain::policy::Priority;
use resound_store::{Accepted, Appended, Store, StoreError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{DIGEST, TABLE, case, commanded, now, response, t0};

/// What the server does with a request.
enum Answer {
    Json(u16, Value),
    HangUp,
}

type Script = Arc<Mutex<VecDeque<Answer>>>;

/// A store whose table answers as scripted. The SDK's own retries are off: what is tried again is our doing.
async fn scripted(answers: impl IntoIterator<Item = Answer>) -> (Store, Script) {
    let script: Script = Arc::new(Mutex::new(answers.into_iter().collect()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::clone(&script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &served).await;
        }
    });
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::from_keys("test", "test", None))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    (Store::new(Client::from_conf(config), TABLE), script)
}

async fn serve(stream: TcpStream, script: &Script) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    let answer = script.lock().unwrap().pop_front();
    let Some(Answer::Json(status, body)) = answer else {
        return;
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}

fn error(status: u16, code: &str) -> Answer {
    Answer::Json(
        status,
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": ""}),
    )
}

fn cancelled(reasons: [&str; 3]) -> Answer {
    let reasons: Vec<_> = reasons.iter().map(|code| json!({"Code": code})).collect();
    Answer::Json(
        400,
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "message": "Transaction cancelled",
            "CancellationReasons": reasons,
        }),
    )
}

fn done() -> Answer {
    Answer::Json(200, json!({}))
}

async fn append(store: &Store) -> Result<Appended, StoreError> {
    let (case, _) = case(&response(1), Priority::P3);
    let (after, events) = commanded(&case, &resound_domain::case::Command::Acknowledge, t0());
    store
        .append(&case, &after, &events, None, None, now())
        .await
}

#[tokio::test]
async fn a_conflict_or_throttle_of_a_transaction_is_tried_again() {
    for code in [
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ] {
        let (store, script) = scripted([
            cancelled(["None", code, "None"]),
            cancelled([code, code, "None"]),
            done(),
        ])
        .await;
        assert_eq!(append(&store).await.unwrap(), Appended::Appended, "{code}");
        assert!(script.lock().unwrap().is_empty());
    }
    for code in [
        "TransactionInProgressException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
    ] {
        let (store, _) = scripted([error(400, code), done()]).await;
        assert_eq!(append(&store).await.unwrap(), Appended::Appended, "{code}");
    }
}

#[tokio::test]
async fn but_not_for_ever() {
    let (store, script) =
        scripted((0..100).map(|_| cancelled(["TransactionConflict", "None", "None"]))).await;
    let error = append(&store).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Throttled(_)) && error.is_retryable(),
        "{error:?}"
    );
    assert_eq!(script.lock().unwrap().len(), 96);
}

#[tokio::test]
async fn only_a_failed_condition_means_somebody_was_first() {
    for reasons in [
        ["ConditionalCheckFailed", "None", "None"],
        ["TransactionConflict", "ConditionalCheckFailed", "None"],
    ] {
        let (store, _) = scripted([cancelled(reasons)]).await;
        assert_eq!(append(&store).await.unwrap(), Appended::Conflict);
    }
    for reasons in [
        ["ValidationError", "None", "None"],
        [
            "TransactionConflict",
            "ItemCollectionSizeLimitExceeded",
            "None",
        ],
        ["None"; 3],
    ] {
        let (store, _) = scripted([cancelled(reasons)]).await;
        let error = append(&store).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Rejected(_)) && !error.is_retryable(),
            "{reasons:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn each_failure_is_told_by_what_can_be_done_about_it() {
    let id = response(1).id;
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ] {
        let (store, _) = scripted([error(400, code)]).await;
        assert!(
            matches!(store.response(id).await, Err(StoreError::Throttled(_))),
            "{code}"
        );
    }
    for lost in [
        Answer::HangUp,
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable"),
        Answer::Json(502, json!("<html>")),
    ] {
        let (store, _) = scripted([lost]).await;
        let error = store.response(id).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Unavailable(_)) && error.is_retryable(),
            "{error:?}"
        );
    }
    for code in [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ValidationException",
    ] {
        let (store, _) = scripted([error(400, code)]).await;
        let error = store.response(id).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Rejected(_)) && !error.is_retryable(),
            "{code}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_not_taken_for_done() {
    let response = response(1);
    let (store, _) = scripted([Answer::HangUp]).await;
    let lost = store.accept(&response, &DIGEST, None, now()).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))));
    // Nor is a condition that held for another reason than a known item.
    let (store, _) = scripted([error(400, "ConditionalCheckFailedException")]).await;
    let unsaid = store.accept(&response, &DIGEST, None, now()).await;
    assert!(
        matches!(unsaid, Err(StoreError::Unavailable(_))),
        "{unsaid:?}"
    );
    let (store, _) = scripted([done()]).await;
    assert_eq!(
        store.accept(&response, &DIGEST, None, now()).await.unwrap(),
        Accepted::New
    );
}

#[tokio::test]
async fn a_batch_that_was_cut_short_is_finished() {
    let key = json!({"PK": {"S": "CASE#1"}, "SK": {"S": "CASE"}});
    let found = Answer::Json(200, json!({"Items": [key.clone()], "Count": 1}));
    let cut = || {
        let keys = json!({"Keys": [key.clone()], "ConsistentRead": true});
        Answer::Json(
            200,
            json!({"Responses": {}, "UnprocessedKeys": {TABLE: keys}}),
        )
    };
    let rest = Answer::Json(
        200,
        json!({"Responses": {TABLE: [key.clone()]}, "UnprocessedKeys": {}}),
    );
    let (store, script) = scripted([found, cut(), cut(), rest]).await;
    let due = store.due_cases(0, t0(), 10).await.unwrap();
    assert_eq!(due.corrupt.len(), 1);
    assert!(script.lock().unwrap().is_empty());

    let found = Answer::Json(200, json!({"Items": [key.clone()], "Count": 1}));
    let (store, _) = scripted(std::iter::once(found).chain((0..20).map(|_| cut()))).await;
    assert!(matches!(
        store.due_cases(0, t0(), 10).await,
        Err(StoreError::Throttled(_))
    ));
}
