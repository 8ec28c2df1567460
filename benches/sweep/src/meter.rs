//! Counts what the function asks of the table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

/// Calls of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many.
    pub count: u64,
    /// How many of them were refused or failed.
    pub failed: u64,
    /// How long they took together; they overlap.
    pub time: Duration,
}

/// Capacity units, if they were asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Units {
    /// Read units, of the table and its indexes.
    pub reads: f64,
    /// Write units, by `table` or the name of the index.
    pub writes: BTreeMap<String, f64>,
}

#[derive(Debug, Default)]
struct Counted {
    calls: BTreeMap<String, Calls>,
    units: Units,
}

/// Shared by the connector and who reads it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Counted>>);

impl Meter {
    /// A connector that counts what goes through another one.
    pub(crate) fn around(&self, inner: SharedHttpConnector, units: bool) -> SharedHttpConnector {
        SharedHttpConnector::new(Metered {
            inner,
            meter: self.clone(),
            units,
        })
    }

    /// What was counted since the last time.
    pub(crate) fn take(&self) -> (BTreeMap<String, Calls>, Units) {
        let Counted { calls, units } = std::mem::take(&mut *self.counted());
        (calls, units)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, operation: &str, is_success: bool, time: Duration) {
        let mut counted = self.counted();
        let calls = counted.calls.entry(operation.to_owned()).or_default();
        calls.count += 1;
        calls.failed += u64::from(!is_success);
        calls.time += time;
    }

    /// Adds the capacity that an answer names: one for a call, or one for each table of it.
    fn capacity(&self, operation: &str, answer: &Value) {
        let Some(consumed) = answer.get("ConsumedCapacity") else {
            return;
        };
        let units = |of: &Value| of.get("CapacityUnits").and_then(Value::as_f64);
        let mut counted = self.counted();
        let each = consumed.as_array();
        for capacity in each.map_or(std::slice::from_ref(consumed), Vec::as_slice) {
            if !operation.contains("Write") {
                counted.units.reads += units(capacity).unwrap_or(0.0);
                continue;
            }
            let table = capacity.get("Table").map(|table| ("table", table));
            let indexes = capacity.get("GlobalSecondaryIndexes");
            let indexes = indexes.and_then(Value::as_object).into_iter().flatten();
            let indexes = indexes.map(|(name, index)| (name.as_str(), index));
            for (name, used) in table.into_iter().chain(indexes) {
                let sum = counted.units.writes.entry(name.to_owned()).or_default();
                *sum += units(used).unwrap_or(0.0);
            }
        }
    }
}

#[derive(Debug)]
struct Metered {
    inner: SharedHttpConnector,
    meter: Meter,
    units: bool,
}

impl HttpConnector for Metered {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let operation = operation_of(&request).to_owned();
        if self.units {
            ask_for_units(&mut request);
        }
        let (began, units, meter) = (Instant::now(), self.units, self.meter.clone());
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            let is_success = answer.as_ref().is_ok_and(|a| a.status().is_success());
            meter.call(&operation, is_success, began.elapsed());
            let mut answer = answer?;
            if units {
                let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
                // An answer that breaks off here breaks off in the SDK too.
                if let Ok(body) = ByteStream::new(body).collect().await {
                    let body = body.to_vec();
                    let said = serde_json::from_slice(&body).unwrap_or_default();
                    meter.capacity(&operation, &said);
                    *answer.body_mut() = SdkBody::from(body);
                }
            }
            Ok(answer)
        })
    }
}

/// The operation that a request names.
pub(crate) fn operation_of(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    target.split_once('.').map_or(target, |(_, name)| name)
}

fn ask_for_units(request: &mut HttpRequest) {
    let body = request.body().bytes();
    let body: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    let Some(Value::Object(mut body)) = body else {
        return;
    };
    body.insert("ReturnConsumedCapacity".to_owned(), "INDEXES".into());
    let body = Value::Object(body).to_string();
    request
        .headers_mut()
        .insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}
