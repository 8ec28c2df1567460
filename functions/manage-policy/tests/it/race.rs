//! Two who publish at once, and answers that are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use resound_domain::policy::Policy;
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_store::{ConfigKind, Editions, Published};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Office, Request, after, office_until, warning_at};

/// What happens to writes on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// The first is carried out, and its answer is lost.
    Lost,
    /// The first waits until it is let go.
    Held,
}

#[derive(Debug)]
struct Wire {
    inner: SharedHttpConnector,
    mishap: Mishap,
    writes: AtomicUsize,
    arrived: Arc<Notify>,
    go: Arc<Notify>,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let writes = target.ends_with("PutItem") || target.ends_with("TransactWriteItems");
        if !writes || self.writes.fetch_add(1, Ordering::Relaxed) > 0 {
            return self.inner.call(request);
        }
        if self.mishap == Mishap::Lost {
            let call = self.inner.call(request);
            return HttpConnectorFuture::new(async move {
                call.await?;
                Err(ConnectorError::io("reset".into()))
            });
        }
        let (inner, arrived, go) = (self.inner.clone(), self.arrived.clone(), self.go.clone());
        HttpConnectorFuture::new(async move {
            arrived.notify_one();
            go.notified().await;
            inner.call(request).await
        })
    }
}

/// A second office at the same table, whose first write has a mishap; and what lets a held one go.
async fn unlucky(mishap: Mishap, retries: Retries) -> (Office, Office, Arc<Notify>, Arc<Notify>) {
    let office = Office::new().await;
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wire = Wire {
        inner: connector(),
        mishap,
        writes: AtomicUsize::new(0),
        arrived: arrived.clone(),
        go: go.clone(),
    };
    let settings = Settings::emulator(office.aws.port.url());
    let clients = Clients::with(&settings, SharedHttpConnector::new(wire), retries);
    let lucky = Office::new().await.over(&office.aws.clients);
    (office.over(&clients), lucky, arrived, go)
}

async fn versions(office: &Office) -> Vec<(u32, u16)> {
    let found: Editions<Policy> = office.aws.store.editions(ConfigKind::Policy).await.unwrap();
    let editions = found.editions.into_iter();
    editions
        .map(|e| (e.version, e.document.warn_percent))
        .collect()
}

#[tokio::test]
async fn of_many_who_have_seen_the_same_one_publishes() {
    let office = Office::new().await;
    let publish = |percent: u64| {
        let put = Request::new("PUT /v1/policy").json(&warning_at(percent));
        office.send(put.header("if-match", "\"0\""))
    };
    let all = futures::future::join_all((10..20).map(publish)).await;
    let mut statuses: Vec<_> = all.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(
        statuses[1..].iter().all(|status| *status == 412),
        "{statuses:?}"
    );
    assert_eq!(versions(&office).await.len(), 1);
    let refused = all.iter().find(|answer| answer.status == 412).unwrap();
    assert_eq!(refused.etag(), "\"1\"");
    // The same document, in the meantime, is no conflict.
    let publish = |n: u32| {
        let put = Request::new("PUT /v1/policy").json(&warning_at(30));
        office.send(put.sub(&format!("admin-{n}")))
    };
    let all = futures::future::join_all((0..5).map(publish)).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(all.iter().all(|answer| answer.body["version"] == 2));
}

#[tokio::test]
async fn who_was_overtaken_is_told_so() {
    for (tag, status) in [(None, 409), (Some("\"0\""), 412)] {
        let (slow, fast, arrived, go) = unlucky(Mishap::Held, Retries::Off).await;
        let put = Request::new("PUT /v1/policy").json(&warning_at(60));
        let put = tag
            .into_iter()
            .fold(put, |put, tag| put.header("if-match", tag));
        let overtaken = async {
            arrived.notified().await;
            fast.put(&warning_at(50)).await.expect(201);
            go.notify_one();
        };
        let (answer, ()) = tokio::join!(slow.send(put), overtaken);
        assert_eq!(
            (answer.status, answer.etag()),
            (status, "\"1\""),
            "{:?}",
            answer.body
        );
        assert_eq!(versions(&slow).await, [(1, 50)]);
    }
}

#[tokio::test]
async fn a_calendar_of_another_name_is_no_conflict() {
    let (slow, fast, arrived, go) = unlucky(Mishap::Held, Retries::Off).await;
    let put =
        |name| Request::calendar("PUT /v1/calendars/{name}", name).json(&office_until("17:00"));
    let overtaken = async {
        arrived.notified().await;
        fast.send(put("night")).await.expect(201);
        go.notify_one();
    };
    let (answer, ()) = tokio::join!(slow.send(put("business")), overtaken);
    assert_eq!((answer.status, &answer.body["version"]), (201, &json!(2)));
}

#[tokio::test]
async fn a_lost_answer_is_no_second_version() {
    // The client asks again, with or without what it had seen.
    for tag in [None, Some("\"0\"")] {
        let (office, ..) = unlucky(Mishap::Lost, Retries::Off).await;
        let put = Request::new("PUT /v1/policy").json(&warning_at(60));
        let put = tag
            .into_iter()
            .fold(put, |put, tag| put.header("if-match", tag));
        let lost = office.send(put.clone()).await.expect(503);
        assert_eq!(lost.headers["retry-after"], "1");
        let again = office.send(put.at(after(1))).await.expect(200);
        assert_eq!(again.body["version"], 1);
        assert_eq!(versions(&office).await, [(1, 60)]);
    }
    // The SDK asks again by itself: it is still the first who published.
    let (office, ..) = unlucky(Mishap::Lost, Retries::Standard).await;
    office.put(&warning_at(60)).await.expect(201);
    assert_eq!(versions(&office).await, [(1, 60)]);
}

#[tokio::test]
async fn nothing_is_published_in_the_place_of_what_only_a_newer_version_can_read() {
    let office = Office::new().await;
    let newer = json!({"audiences": "of a form to come"});
    let published = office
        .aws
        .store
        .publish_config(ConfigKind::Policy, 1, &newer)
        .await;
    assert_eq!(published.unwrap(), Published::Published);
    let answer = office.put(&warning_at(60)).await.expect(201);
    assert_eq!(answer.body["version"], 2);
    let kept: Editions<Value> = office.aws.store.editions(ConfigKind::Policy).await.unwrap();
    assert_eq!(kept.editions[0].document, newer);
}
