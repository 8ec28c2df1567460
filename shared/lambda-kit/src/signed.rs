//! Calls of AWS services that are signed and sent here, once, without their SDKs: one call does not pay for 20 s of
//! compile time, and what has no idempotency token must not be tried again by a library.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use serde_json::Value;

use crate::aws::Settings;
use crate::mail::{SendError, Watched, read_to_end};

/// A call ends within this, or its fate is unknown.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An operation of a service that takes a message and answers with its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// What the service is called in the log.
    pub(crate) who: &'static str,
    /// The service's name in the signature.
    pub(crate) service: &'static str,
    /// The path.
    pub(crate) path: &'static str,
    /// The headers that name content and operation. They are signed.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The errors that are no fault of the message, besides those of every service.
    pub(crate) passing: &'static [&'static str],
    /// How the text of an error begins that is no fault of the message either, whatever it is called.
    pub(crate) passing_text: Option<&'static str>,
}

/// Makes such calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    connector: SharedHttpConnector,
    endpoint: String,
    region: String,
    credentials: Credentials,
}

impl Caller {
    /// Calls the host of this name.
    pub(crate) fn new(settings: &Settings, connector: SharedHttpConnector, host: &str) -> Self {
        Self {
            connector,
            endpoint: settings.endpoint(host),
            region: settings.region.clone(),
            credentials: settings.credentials.clone(),
        }
    }

    /// Sends a message, once. `now` is machine time. Returns the id the service gave it.
    pub(crate) async fn send(
        &self,
        operation: &Operation,
        body: String,
        now: Timestamp,
    ) -> Result<String, SendError> {
        let sent = Arc::new(AtomicBool::new(false));
        let request = self.request(operation, body, now, &sent)?;
        let answer = tokio::time::timeout(TIMEOUT, async {
            let mut response = self.connector.call(request).await.map_err(|error| {
                // The text of a connection error has addresses and causes, never the message.
                crate::Fault::doing(format!("call {}", operation.who), error).to_string()
            })?;
            let status = response.status().as_u16();
            let kind = response
                .headers()
                .get("x-amzn-errortype")
                .unwrap_or_default()
                .to_owned();
            let body = read_to_end(response.take_body()).await;
            Ok::<_, String>((status, kind, body))
        });
        let reason = match answer.await {
            Ok(Ok((status, kind, body))) => {
                return judge(operation, status, &kind, body.as_deref());
            }
            Ok(Err(reason)) => reason,
            Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        };
        // It cannot have accepted a message whose body no connection ever asked for.
        match sent.load(Ordering::Acquire) {
            true => Err(SendError::Unknown(reason)),
            false => Err(SendError::NotSent(reason)),
        }
    }

    fn request(
        &self,
        operation: &Operation,
        body: String,
        now: Timestamp,
        sent: &Arc<AtomicBool>,
    ) -> Result<HttpRequest, SendError> {
        let broken = |error: &dyn fmt::Display| {
            SendError::NotSent(format!("the request cannot be made: {error}"))
        };
        let url = format!("{}{}", self.endpoint, operation.path);
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(operation.service)
            .time(SystemTime::from(now))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| broken(&error))?
            .into();
        let signable = SignableRequest::new(
            "POST",
            &url,
            operation.headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )
        .map_err(|error| broken(&error))?;
        let (instructions, _) = sign(signable, &params)
            .map_err(|error| broken(&error))?
            .into_parts();
        let body = SdkBody::from_body_1_x(Watched::new(body, sent));
        // A connection kept over a freeze of the function may be dead without knowing it: the message would be written
        // into it, and be in doubt for ever. A fresh one costs a handshake.
        let mut request = http::Request::post(&url).header("connection", "close");
        for (name, value) in operation.headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).map_err(|error| broken(&error))?;
        instructions.apply_to_request_http1x(&mut request);
        HttpRequest::try_from(request).map_err(|error| broken(&error))
    }
}

/// What the answer means. Any 4xx means that the message was not accepted; any 5xx may have been said after it was.
fn judge(
    operation: &Operation,
    status: u16,
    kind: &str,
    body: Option<&[u8]>,
) -> Result<String, SendError> {
    let body: Value = body
        .and_then(|body| serde_json::from_slice(body).ok())
        .unwrap_or_default();
    let kind = if kind.is_empty() {
        body.get("__type")
            .and_then(Value::as_str)
            .unwrap_or_default()
    } else {
        kind
    };
    // `Name:http://...` and `namespace#Name` are written by some gateways.
    let kind = kind
        .split(':')
        .next()
        .unwrap_or_default()
        .rsplit('#')
        .next()
        .unwrap_or_default();
    let reason = format!("{} answered {status} {kind}", operation.who)
        .trim_end()
        .to_owned();
    match (status, kind) {
        (200..=299, _) => {
            let id = body
                .get("MessageId")
                .and_then(Value::as_str)
                .map(str::to_owned);
            id.ok_or_else(|| SendError::Unknown(format!("{reason} without a message id")))
        }
        // Our rights, our clock or our quota: no fault of the message.
        (401 | 403 | 429, _) | (400..=499, "ThrottlingException" | "Throttling") => {
            Err(SendError::NotSent(reason))
        }
        (400..=499, kind) if operation.passing.contains(&kind) => Err(SendError::NotSent(reason)),
        (408, _) => Err(SendError::Unknown(reason)),
        (400..=499, _) => match passing_text(operation, &body) {
            Some(known) => Err(SendError::NotSent(format!("{reason}: {known}"))),
            None => Err(SendError::Refused(reason)),
        },
        _ => Err(SendError::Unknown(reason)),
    }
}

/// The known beginning of an error's text. What follows it has addresses, and is not for the log.
fn passing_text(operation: &Operation, body: &Value) -> Option<&'static str> {
    let text = body.get("message").or_else(|| body.get("Message"));
    let text = text.and_then(Value::as_str)?;
    operation
        .passing_text
        .filter(|known| text.starts_with(known))
}
