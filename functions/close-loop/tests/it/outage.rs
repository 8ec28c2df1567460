//! The worst moment: the letter is out, and the table cannot be reached to say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use resound_domain::budget::Contacts;
use resound_domain::event::Doubt;
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_lambda_kit::mail::Mailbox;
use resound_store::{Outcome, Recorded};
use resound_testing::{Server, start};
use serde_json::json;

use crate::support::{SEQ, World, again, all_done, function, later};

/// Refuses so many calls after a letter was sent.
#[derive(Debug)]
struct Outage {
    inner: SharedHttpConnector,
    /// What is in the calls that are refused.
    of: &'static str,
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
        let body = request.body().bytes().unwrap_or_default();
        let is_of = String::from_utf8_lossy(body).contains(self.of);
        if self.is_out.load(Ordering::Relaxed)
            && is_of
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
    with_outage(calls, "").await
}

/// The same, of the calls with this in them.
async fn with_outage(calls: u32, of: &'static str) -> (World, Clients) {
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let outage = Outage {
        inner: connector(),
        of,
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
    assert_eq!(world.doubts().await, [(SEQ, Doubt::Unknown)]);
    assert!(world.is_settled().await);
}

#[tokio::test]
async fn what_cannot_be_counted_holds_up_no_answer_and_repeats_none() {
    let contact = Mailbox::new("li@example.test").unwrap().contact();
    for (calls, is_counted) in [(2, true), (u32::MAX, false)] {
        let (world, clients) = with_outage(calls, "CONTACTED").await;
        let function = function(&clients, "resound@example.test");
        for _ in 0..2 {
            assert_eq!(world.deliver(&function, start()).await, all_done());
        }
        assert_eq!(world.letters(), 1);
        assert!(matches!(
            world.outcome().await,
            Some((Outcome::Sent { .. }, 1))
        ));
        assert!(world.is_settled().await);
        let counted = match is_counted {
            true => world.counted_once().await,
            false => Contacts::default(),
        };
        assert_eq!(world.counted(contact).await, counted);
    }
}

#[tokio::test]
async fn an_answer_is_counted_once_by_whichever_attempt_comes_to_its_end() {
    let contact = Mailbox::new("li@example.test").unwrap().contact();
    // Killed after it was recorded: the next attempt counts it and sends nothing.
    let world = World::resolved(json!({"contact": {"email": "Li@Example.test"}})).await;
    let once = world.counted_once().await;
    let lease = world.claimed_by_another().await;
    let sent = Outcome::Sent { provider_id: None };
    let recorded = world.aws.store.record(&lease, &sent, start()).await;
    assert_eq!(recorded.unwrap(), Recorded::Recorded);
    assert_eq!(world.counted(contact).await, Contacts::default());
    for _ in 0..2 {
        assert_eq!(world.deliver(&world.function(), start()).await, all_done());
        assert_eq!(world.counted(contact).await, once);
    }

    // Killed when it sent: perhaps they got it.
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    world.claimed_by_another().await;
    assert_eq!(world.deliver(&world.function(), later()).await, all_done());
    assert_eq!(world.outcome().await, Some((Outcome::Unknown, 1)));
    assert_eq!(world.counted(contact).await, once);

    // Counted by an attempt that was killed before it settled.
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let at = world.answered_at().await;
    let counted = world.aws.store.count_answer(contact, at).await;
    counted.unwrap();
    assert_eq!(world.deliver(&world.function(), start()).await, all_done());
    assert_eq!(world.counted(contact).await, once);

    // What the provider refused reached nobody.
    let world = World::resolved(json!({"contact": {"email": "li@example.test"}})).await;
    let ses = Server::answering(400, r#"{"__type":"MessageRejected"}"#);
    let refused = world.function_with_ses_at(ses.url());
    assert_eq!(world.deliver(&refused, start()).await, all_done());
    assert_eq!(world.outcome().await, Some((Outcome::Refused, 1)));
    assert_eq!(world.counted(contact).await, Contacts::default());
}
