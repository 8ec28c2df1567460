//! Faults at the wire: every AWS call of a function can be lost, answered into the void, throttled, or be the
//! last thing the function does.
//!
//! [`Faults`] wraps the HTTP client that the SDK clients share, so no client, handler or store knows of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

/// What can happen to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives.
    RequestLost,
    /// The request is carried out; the answer never arrives.
    ResponseLost,
    /// The service refuses for now.
    Throttled,
    /// The function is killed before the request leaves.
    KilledBefore,
    /// The request is carried out; the function is killed before it sees the answer.
    KilledAfter,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] = [
        Self::RequestLost,
        Self::ResponseLost,
        Self::Throttled,
        Self::KilledBefore,
        Self::KilledAfter,
    ];
}

/// Counts calls, remembers their names, and strikes one of them.
#[derive(Debug, Clone)]
pub struct Faults {
    inner: SharedHttpClient,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    plan: Mutex<Plan>,
    killed: Notify,
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<String>,
    strike: Option<(usize, Fault)>,
    struck: bool,
}

impl Faults {
    /// Wraps `inner`; nothing fails until a strike is planned.
    pub fn new(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            shared: Arc::default(),
        }
    }

    /// Counts from zero again and strikes the call with this index.
    pub fn plan(&self, index: usize, fault: Fault) {
        *self.shared.plan() = Plan {
            strike: Some((index, fault)),
            ..Plan::default()
        };
    }

    /// Counts from zero again and strikes nothing.
    pub fn clear(&self) {
        *self.shared.plan() = Plan::default();
    }

    /// The calls since the last plan: `DynamoDB.PutItem`, `AmazonSQS.SendMessageBatch`, `POST /v2/email/…`.
    pub fn calls(&self) -> Vec<String> {
        self.shared.plan().calls.clone()
    }

    /// Whether the planned strike happened.
    pub fn struck(&self) -> bool {
        self.shared.plan().struck
    }

    /// Resolves when the running function is to be killed: its future is then dropped.
    pub async fn killed(&self) {
        self.shared.killed.notified().await;
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, name: String) -> Option<Fault> {
        let mut plan = self.plan();
        let index = plan.calls.len();
        plan.calls.push(name);
        let fault = plan
            .strike
            .and_then(|(at, fault)| (at == index).then_some(fault));
        plan.struck |= fault.is_some();
        fault
    }
}

impl HttpClient for Faults {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            inner: self.inner.http_connector(settings, components),
            shared: Arc::clone(&self.shared),
        })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    shared: Arc<Shared>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(fault) = self.shared.next(name_of(&request)) else {
            return self.inner.call(request);
        };
        let shared = Arc::clone(&self.shared);
        match fault {
            Fault::RequestLost => HttpConnectorFuture::ready(Err(lost())),
            Fault::Throttled => HttpConnectorFuture::ready(Ok(throttled(&request))),
            Fault::KilledBefore => HttpConnectorFuture::new(kill(shared)),
            Fault::ResponseLost => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(lost())
                })
            }
            Fault::KilledAfter => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    kill(shared).await
                })
            }
        }
    }
}

async fn kill(shared: Arc<Shared>) -> Result<HttpResponse, ConnectorError> {
    shared.killed.notify_one();
    std::future::pending().await
}

fn lost() -> ConnectorError {
    ConnectorError::io("the connection was reset".into())
}

/// The name of a call, by the target header of the JSON protocols or else method and path.
fn name_of(request: &HttpRequest) -> String {
    match request.headers().get("x-amz-target") {
        Some(target) => target.replace("DynamoDB_20120810", "DynamoDB"),
        None => {
            let path = request
                .uri()
                .split("://")
                .last()
                .and_then(|rest| rest.split_once('/'));
            format!(
                "{} /{}",
                request.method(),
                path.map_or("", |(_, path)| path)
            )
        }
    }
}

/// What each service says when it is asked too often.
fn throttled(request: &HttpRequest) -> HttpResponse {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (status, kind) = if target.starts_with("DynamoDB") {
        (
            400,
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        )
    } else if target.starts_with("AmazonSQS") {
        (400, "com.amazonaws.sqs#RequestThrottled")
    } else {
        (429, "TooManyRequestsException")
    };
    let body = format!(r#"{{"__type":"{kind}","message":"Rate exceeded"}}"#);
    let status = aws_smithy_runtime_api::http::StatusCode::try_from(status)
        .unwrap_or_else(|_| unreachable!("a constant status"));
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("x-amzn-errortype", kind);
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}
