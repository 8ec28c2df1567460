//! What a start owes to the time before it, with the real functions.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use resound_local::functions;
use resound_local::run::{LocalStack, Options};
use serde_json::{Value, json};

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ignored = std::fs::remove_dir_all(&self.0);
    }
}

async fn bring_up(folder: &Folder) -> LocalStack {
    let options = Options {
        port: 0,
        data: folder.0.clone(),
        parameters: BTreeMap::new(),
    };
    LocalStack::bring_up(&options, &functions::all())
        .await
        .unwrap()
}

/// Feedback that an executive must hear of at once.
fn alarming(stack: &LocalStack) -> Value {
    let now = stack.engine().clock().now().as_millisecond();
    json!({
        "version": "2.0", "routeKey": "POST /v1/feedback", "rawPath": "/v1/feedback", "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "localhost"},
        "requestContext": {"http": {"method": "POST", "path": "/v1/feedback", "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1", "userAgent": "test"}, "requestId": "one", "timeEpoch": now,
            "routeKey": "POST /v1/feedback", "stage": "$default", "domainName": "localhost"},
        "body": json!({"text": "The power supply caught fire, this is dangerous!", "nps": 0}).to_string(),
        "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn what_a_kill_left_undelivered_is_delivered_after_the_next_start() {
    let folder =
        Folder(std::env::temp_dir().join(format!("resound-recovery-{}", std::process::id())));
    let stack = bring_up(&folder).await;
    let reply = stack
        .engine()
        .invoke("submit-feedback", alarming(&stack))
        .await
        .unwrap();
    assert_eq!(reply.get("statusCode"), Some(&json!(201)), "{reply}");
    assert_eq!(
        stack.engine().aws().mailbox().count(),
        0,
        "nothing was pumped"
    );
    drop(stack);

    let stack = bring_up(&folder).await;
    stack.engine().recover().await.unwrap();
    assert!(stack.engine().drain().await.is_quiet());
    let letters = stack.engine().aws().mailbox().list();
    assert_eq!(letters.len(), 1, "{letters:?}");
    drop(stack);

    let stack = bring_up(&folder).await;
    stack.engine().recover().await.unwrap();
    assert!(stack.engine().drain().await.is_quiet());
    assert_eq!(
        stack.engine().aws().mailbox().count(),
        1,
        "what is settled is not sent again"
    );
}
