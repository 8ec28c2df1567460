//! The connection between functions and the emulated AWS.

use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::mpsc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use resound_lambda_kit::aws;
use tokio::runtime::Runtime;

/// Carries out each request to its end before the next one begins, so that a run is a sequence of calls and repeats
/// exactly: what runs "at once" in a function is issued in its order and answered in that order.
#[derive(Debug)]
pub(crate) struct OneByOne {
    /// Where the database itself listens: its calls are spared the way through the shared port.
    pub(crate) dynamodb: String,
}

/// Connections outlive the test that opened them, so they live on threads of their own. Building the connector parses
/// every root certificate: once is enough.
static WIRE: LazyLock<(Runtime, SharedHttpConnector)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("wire")
        .enable_all()
        .build()
        .expect("threads for connections");
    (runtime, aws::connector())
});

impl HttpConnector for OneByOne {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (runtime, connector) = &*WIRE;
        let target = request.headers().get("x-amz-target");
        if target.is_some_and(|target| target.starts_with("DynamoDB_")) {
            let url = request.set_uri(self.dynamodb.as_str());
            url.expect("an address");
        }
        let answer = connector.call(request);
        let (send, receive) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            let answer = match answer.await {
                Ok(response) => whole(response).await,
                Err(error) => Err(error),
            };
            // Nobody waits any more only if the test was torn down.
            send.send(answer).unwrap_or_default();
        });
        let answer = receive.recv();
        HttpConnectorFuture::ready(
            answer.unwrap_or_else(|gone| Err(ConnectorError::io(Box::new(gone)))),
        )
    }
}

/// The response with its body in memory.
async fn whole(mut response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let bytes = read(response.take_body())
        .await
        .map_err(ConnectorError::io)?;
    *response.body_mut() = SdkBody::from(bytes);
    Ok(response)
}

/// Reads a body to its end.
pub(crate) async fn read(mut body: SdkBody) -> Result<Vec<u8>, aws_smithy_types::body::Error> {
    let mut bytes = Vec::new();
    let next = |body: &mut SdkBody, cx: &mut std::task::Context<'_>| {
        http_body::Body::poll_frame(Pin::new(body), cx)
    };
    while let Some(frame) = std::future::poll_fn(|cx| next(&mut body, cx)).await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}
