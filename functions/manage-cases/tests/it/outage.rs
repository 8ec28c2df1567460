//! The worst moment: the command is written, and its answer is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use resound_domain::policy::Priority;
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use serde_json::json;

use crate::support::{Desk, KEY, Request, after};

/// Loses the answer to the first transaction.
#[derive(Debug)]
struct Loss {
    inner: SharedHttpConnector,
    is_over: Arc<AtomicBool>,
}

impl HttpConnector for Loss {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let writes = target.ends_with("TransactWriteItems");
        let call = self.inner.call(request);
        if !writes || self.is_over.swap(true, Ordering::Relaxed) {
            return call;
        }
        HttpConnectorFuture::new(async move {
            call.await?;
            Err(ConnectorError::io("reset".into()))
        })
    }
}

fn losing(desk: Desk, retries: Retries) -> Desk {
    let loss = Loss {
        inner: connector(),
        is_over: Arc::default(),
    };
    let settings = Settings::emulator(desk.aws.port.url());
    let clients = Clients::with(&settings, SharedHttpConnector::new(loss), retries);
    desk.over(&clients)
}

#[tokio::test]
async fn a_lost_answer_is_found_again_under_the_same_key() {
    for key in [Some(KEY), None] {
        let desk = Desk::new().await;
        let id = desk.opened(1, Priority::P3).await;
        let desk = losing(desk, Retries::Off);
        let reply = Request::command(id, json!({"command": "reply", "message": "one"}));
        let reply = key.into_iter().fold(reply, Request::key);
        let lost = desk.send(reply.clone()).await;
        assert_eq!(
            (lost.status, &lost.headers["retry-after"]),
            (503, &json!("1"))
        );
        // Without a key the gateway's id of the request makes it the same.
        assert_eq!(desk.send(reply).await.etag(), "\"2\"");
        assert_eq!(desk.shown(id, after(61)).await.etag(), "\"2\"");
    }
}

#[tokio::test]
async fn a_lost_answer_that_was_asked_for_again_is_no_second_command() {
    let desk = Desk::new().await;
    let id = desk.opened(1, Priority::P3).await;
    let desk = losing(desk, Retries::Standard);
    let answer = desk
        .done(id, json!({"command": "reply", "message": "one"}))
        .await;
    assert_eq!(answer.etag(), "\"2\"");
    assert_eq!(desk.shown(id, after(61)).await.etag(), "\"2\"");
}
