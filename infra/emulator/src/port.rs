//! The one port behind which the emulated services stand.

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::ses::{self, Reports, SesError};
use super::sms::{self, SmsError};
use super::sqs::{self, Sqs, SqsError};
use super::{BODY_LIMIT, Clock, Data, Dynamo, Mailbox, ReportsTo, StartError, Threads};

/// Path of SES v2's `SendEmail`.
const SEND_EMAIL: &str = "/v2/email/outbound-emails";

/// The running endpoint. It ends when dropped, with every connection; what was acknowledged is on disk by then.
#[derive(Debug)]
pub struct AwsPort {
    url: String,
    dynamo: Dynamo,
    sqs: Arc<Sqs>,
    mailbox: Arc<Mailbox>,
    reports: Arc<Reports>,
    _threads: Threads,
}

impl AwsPort {
    /// Opens the state and serves it on `listener`, on threads of its own. `clock` tells business time.
    ///
    /// Blocks for as long as it takes to open the database: milliseconds, and a few seconds a gigabyte.
    ///
    /// # Errors
    ///
    /// When the state is damaged or written by a newer version, or the system refuses a port, a file or a thread.
    pub fn start(listener: TcpListener, data: &Data, clock: Clock) -> Result<Self, StartError> {
        if let Data::Dir(folder) = data {
            std::fs::create_dir_all(folder).map_err(|source| StartError::Io {
                path: folder.clone(),
                source,
            })?;
        }
        let url = format!("http://{}", listener.local_addr()?);
        let mailbox = Arc::new(Mailbox::open(data, clock)?);
        let dynamo = Dynamo::start(data)?;
        let sqs = Arc::new(Sqs::new(url.clone()));
        let reports = Arc::new(Reports::new(Arc::clone(&sqs)));

        let services = Services {
            dynamo: dynamo.url().into(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            sqs: Arc::clone(&sqs),
            mailbox: Arc::clone(&mailbox),
            reports: Arc::clone(&reports),
        };
        let router = Router::new().fallback(handle).with_state(services);
        let threads = Threads::start("aws-port", 2)?;
        let listener = threads.adopt(listener)?;
        threads.run(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the emulated AWS endpoint stopped");
            }
        });
        Ok(Self {
            url,
            dynamo,
            sqs,
            mailbox,
            reports,
            _threads: threads,
        })
    }

    /// Serves on a free loopback port. For tests.
    ///
    /// # Errors
    ///
    /// As [`AwsPort::start`].
    pub fn start_anywhere(data: &Data, clock: Clock) -> Result<Self, StartError> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        Self::start(listener, data, clock)
    }

    /// The address to give to SDKs, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// The queues.
    #[must_use]
    pub fn sqs(&self) -> &Arc<Sqs> {
        &self.sqs
    }

    /// Has what becomes of letters or text messages published, as an event destination of their configuration set does.
    /// Until then a message that names the set is refused.
    pub fn report(&self, to: ReportsTo) {
        self.reports.add(to);
    }

    /// What was mailed.
    #[must_use]
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }
}

#[derive(Clone)]
struct Services {
    dynamo: String,
    client: Client<HttpConnector, Body>,
    sqs: Arc<Sqs>,
    mailbox: Arc<Mailbox>,
    reports: Arc<Reports>,
}

/// One request to whichever service it is for: the target header names it, or the path in the case of SES.
async fn handle(State(services): State<Services>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            "The body is longer than 16 MB, or did not arrive whole.",
        );
    };
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match target.split_once('.') {
        Some(("DynamoDB_20120810" | "DynamoDBStreams_20120810", _)) => {
            let request = Request::from_parts(parts, Body::from(body));
            forward(&services, request).await
        }
        Some(("AmazonSQS", operation)) => answer_sqs(&services.sqs, operation, &body).await,
        Some(("PinpointSMSVoiceV2", "SendTextMessage")) => {
            answer_sms(services.mailbox, services.reports, body).await
        }
        Some(_) => refuse(
            StatusCode::BAD_REQUEST,
            "UnknownOperationException",
            "Only DynamoDB, its streams, SQS and the sending of SES and of SMS are emulated.",
        ),
        None if parts.uri.path() == SEND_EMAIL && parts.method == Method::POST => {
            answer_ses(services.mailbox, services.reports, body).await
        }
        None => refuse(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "Nothing is emulated here. SQS is spoken in its JSON protocol only: update the AWS CLI or SDK if it sent a \
             form.",
        ),
    }
}

/// Passes a request on to the database engine, which listens on a port of its own.
async fn forward(services: &Services, mut request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let Ok(uri) = format!("{}{path}", services.dynamo).parse::<Uri>() else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "ValidationException",
            "The address is not valid.",
        );
    };
    *request.uri_mut() = uri;
    // These belong to the connection, not to the request; the client sets its own.
    for name in [
        header::HOST,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::EXPECT,
    ] {
        request.headers_mut().remove(name);
    }
    match services.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(%error, "the embedded DynamoDB did not answer");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                "The embedded DynamoDB did not answer.",
            )
        }
    }
}

async fn answer_sqs(sqs: &Sqs, operation: &str, body: &[u8]) -> Response {
    match sqs::wire::answer(sqs, operation, body).await {
        Ok(answer) => amz_json(StatusCode::OK, &answer),
        Err(error) => refuse_sqs(&error),
    }
}

fn refuse_sqs(error: &SqsError) -> Response {
    let (shape, code) = error.names();
    let answer =
        json!({ "__type": format!("com.amazonaws.sqs#{shape}"), "message": error.to_string() });
    let mut response = amz_json(StatusCode::BAD_REQUEST, &answer);
    if let Ok(value) = HeaderValue::from_str(&format!("{code};Sender")) {
        let name = HeaderName::from_static("x-amzn-query-error");
        response.headers_mut().insert(name, value);
    }
    response
}

async fn answer_ses(mailbox: Arc<Mailbox>, reports: Arc<Reports>, body: Bytes) -> Response {
    let sent = tokio::task::spawn_blocking(move || ses::send(&mailbox, &reports, &body)).await;
    let (status, kind, message) = match sent {
        Ok(Ok(id)) => {
            return axum_json(
                StatusCode::OK,
                "application/json",
                &json!({ "MessageId": id }),
            );
        }
        Ok(Err(SesError::BadRequest(message))) => {
            (StatusCode::BAD_REQUEST, "BadRequestException", message)
        }
        Ok(Err(SesError::Internal(message))) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServiceErrorException",
            message,
        ),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServiceErrorException",
            error.to_string(),
        ),
    };
    let mut response = axum_json(status, "application/json", &json!({ "message": message }));
    response.headers_mut().insert(
        HeaderName::from_static("x-amzn-errortype"),
        HeaderValue::from_static(kind),
    );
    response
}

async fn answer_sms(mailbox: Arc<Mailbox>, reports: Arc<Reports>, body: Bytes) -> Response {
    let internal = |message: &str| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        refuse(status, "InternalServerException", message)
    };
    match tokio::task::spawn_blocking(move || sms::send(&mailbox, &reports, &body)).await {
        Ok(Ok(id)) => amz_json(StatusCode::OK, &json!({ "MessageId": id })),
        Ok(Err(SmsError::Validation(message))) => {
            refuse(StatusCode::BAD_REQUEST, "ValidationException", &message)
        }
        Ok(Err(SmsError::NotFound(message))) => refuse(
            StatusCode::BAD_REQUEST,
            "ResourceNotFoundException",
            &message,
        ),
        Ok(Err(SmsError::Internal(message))) => internal(&message),
        Err(error) => internal(&error.to_string()),
    }
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    amz_json(status, &json!({ "__type": kind, "message": message }))
}

fn amz_json(status: StatusCode, body: &Value) -> Response {
    axum_json(status, "application/x-amz-json-1.0", body)
}

fn axum_json(status: StatusCode, content_type: &'static str, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, content_type)],
        body.to_string(),
    )
        .into_response()
}
