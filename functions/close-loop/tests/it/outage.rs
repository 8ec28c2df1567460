//! The worst moment: the letter is out, and the table cannot be reached to say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use resound_domain::event::{Doubt, EventKind};
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_store::Outcome;
use resound_testing::start;
use serde_json::json;

use crate::support::{SEQ, World, again, all_done, function, later};

/// Refuses so many calls after a letter was sent.
#[derive(Debug)]
struct Outage {
    inner: SharedHttpConnector,
    is_out: Arc<AtomicBool>,
    calls: Arc<AtomicU32>,
}

impl HttpConnector for Outage {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().ends_with("/outbound-emails") {
            self.is_out.store(true, Ordering::Relaxed);
            return self.inner.call(request);
        }
        let left = |calls: u32| calls.checked_sub(1);
        if self.is_out.load(Ordering::Relaxed)
            && self
                .calls
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
                .is_ok()
        {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("reset".into())));
        }
        self.inner.call(request)
    }
}

/// A case to tell of, and clients that lose this many calls once the letter is out.
async fn with_outage_of(calls: u32) -> (World, Clients) {
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let outage = Outage {
        inner: connector(),
        is_out: Arc::default(),
        calls: Arc::new(calls.into()),
    };
    let settings = Settings::emulator(world.aws.port.url());
    let clients = Clients::with(&settings, SharedHttpConnector::new(outage), Retries::Off);
    (world, clients)
}

#[tokio::test]
async fn a_short_outage_is_waited_out() {
    let (world, clients) = with_outage_of(2).await;
    let function = function(&clients, "resound@example.test");
    assert_eq!(world.deliver(&function, start()).await, all_done());
    assert!(matches!(
        world.outcome().await,
        Some((Outcome::Sent { .. }, 1))
    ));
    assert!(world.is_settled().await);
}

#[tokio::test]
async fn a_long_outage_becomes_a_doubt_and_no_second_letter() {
    let (world, clients) = with_outage_of(u32::MAX).await;
    let unlucky = function(&clients, "resound@example.test");
    assert_eq!(world.deliver(&unlucky, start()).await, again());
    assert_eq!(world.letters(), 1);
    assert!(!world.is_settled().await);
    assert_eq!(world.deliver(&world.function(), later()).await, all_done());
    assert_eq!(world.letters(), 1);
    assert_eq!(world.outcome().await, Some((Outcome::Unknown, 1)));
    let doubt = EventKind::NoticeInDoubt {
        cause: SEQ,
        doubt: Doubt::Unknown,
    };
    assert_eq!(world.doubts().await, [doubt]);
    assert!(world.is_settled().await);
}
