//! Faults at the wire: every AWS call of a function can be lost, answered into the void, throttled, or be the
//! last thing the function does.
//!
//! [`Faults`] wraps the connector that all clients share, so no client, handler or store knows of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

use crate::wire;

/// What can happen to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is sent and never arrives.
    RequestLost,
    /// The request is carried out; the answer never arrives.
    ResponseLost,
    /// The service refuses for now.
    Throttled,
    /// The function is killed before the request leaves.
    KilledBefore,
    /// The request is carried out; the function is killed before it sees the answer.
    KilledAfter,
    /// The request is carried out, and the answer says that it was not.
    Failed,
    /// The request is carried out, and the answer is waited for until whoever asked gives up.
    Silent,
}

impl Fault {
    /// Every fault of a service that says of a failure whether it was its own.
    pub const ALL: [Self; 5] = [
        Self::RequestLost,
        Self::ResponseLost,
        Self::Throttled,
        Self::KilledBefore,
        Self::KilledAfter,
    ];

    /// Every fault of a receiver of webhooks, which may be anybody's program.
    pub const OF_RECEIVERS: [Self; 7] = [
        Self::RequestLost,
        Self::ResponseLost,
        Self::Throttled,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Failed,
        Self::Silent,
    ];

    /// What can happen to the call of this name.
    pub fn of(call: &str) -> &'static [Self] {
        match is_webhook(call) {
            true => &Self::OF_RECEIVERS,
            false => &Self::ALL,
        }
    }
}

/// Counts calls, remembers their names, and strikes one of them.
#[derive(Debug, Clone)]
pub struct Faults {
    inner: SharedHttpConnector,
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
    /// The beginning of the name of the call to strike.
    named: Option<(String, Fault)>,
    struck: Option<String>,
    /// Whether the function that runs is dead: no call of it goes out any more.
    dead: bool,
}

impl Faults {
    /// Wraps `inner`; nothing fails until a strike is planned.
    pub fn new(inner: SharedHttpConnector) -> Self {
        Self {
            inner,
            shared: Arc::default(),
        }
    }

    /// Counts from zero again and strikes the call with this index, once.
    pub fn plan(&self, index: usize, fault: Fault) {
        *self.shared.plan() = Plan {
            strike: Some((index, fault)),
            ..Plan::default()
        };
    }

    /// Counts from zero again and strikes the first call whose name begins like this, once.
    pub fn plan_at(&self, name: impl Into<String>, fault: Fault) {
        *self.shared.plan() = Plan {
            named: Some((name.into(), fault)),
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

    /// The name of the call that was struck, if one was.
    pub fn struck(&self) -> Option<String> {
        self.shared.plan().struck.clone()
    }

    /// Resolves when the running function is to be killed: its future is then dropped.
    pub async fn killed(&self) {
        self.shared.killed.notified().await;
        self.shared.plan().dead = false;
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to the next call; `None` if the function is dead.
    fn next(&self, name: String) -> Option<Option<Fault>> {
        let mut plan = self.plan();
        if plan.dead {
            return None;
        }
        let index = plan.calls.len();
        let fault = plan
            .strike
            .and_then(|(at, fault)| (at == index).then_some(fault));
        let named = plan.named.take_if(|(start, _)| name.starts_with(&**start));
        let fault = fault.or(named.map(|(_, fault)| fault));
        if fault.is_some() {
            plan.struck = Some(name.clone());
        }
        plan.dead = matches!(fault, Some(Fault::KilledBefore | Fault::KilledAfter));
        plan.calls.push(name);
        Some(fault)
    }
}

impl HttpConnector for Faults {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let name = name_of(&request);
        let Some(fault) = self.shared.next(name.clone()) else {
            return HttpConnectorFuture::new(std::future::pending());
        };
        let shared = Arc::clone(&self.shared);
        match fault {
            None => self.inner.call(request),
            Some(Fault::RequestLost) => HttpConnectorFuture::new(async move {
                // It left us, so whoever sent it cannot know that it never arrived.
                drop(wire::read(request.take_body()).await);
                Err(lost())
            }),
            Some(Fault::Throttled) if is_webhook(&name) => {
                drop(request);
                HttpConnectorFuture::ready(Ok(answer(503)))
            }
            Some(Fault::Throttled) => HttpConnectorFuture::ready(Ok(throttled(&request))),
            Some(Fault::KilledBefore) => HttpConnectorFuture::new(kill(shared)),
            Some(Fault::ResponseLost) => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(lost())
                })
            }
            Some(Fault::Failed) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    done.await?;
                    Ok(answer(500))
                })
            }
            Some(Fault::Silent) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    done.await?;
                    std::future::pending().await
                })
            }
            Some(Fault::KilledAfter) => {
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

/// Whether the call of this name goes to an address that somebody configured: what is not AWS.
fn is_webhook(call: &str) -> bool {
    call.starts_with("POST /") && !call.starts_with("POST /v2/email/")
}

/// An answer without a word.
fn answer(status: u16) -> HttpResponse {
    let status = aws_smithy_runtime_api::http::StatusCode::try_from(status)
        .unwrap_or_else(|_| unreachable!("a constant status"));
    HttpResponse::new(status, SdkBody::empty())
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
    let mut response = answer(status);
    *response.body_mut() = SdkBody::from(body);
    response.headers_mut().insert("x-amzn-errortype", kind);
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}
