//! Open cases without number, and a table filled with them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, ImportOptions, Item};
use jiff::{SignedDuration, Timestamp};
use resound_domain::book::Book;
use resound_domain::case::Case;
use resound_domain::event::Event;
use resound_domain::id::ResponseId;
use resound_domain::policy::{Origin, Priority};
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::trace::TraceId;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::Fault;
use resound_lambda_kit::aws::{Clients, Retries, Settings};
use resound_store::Store;
use serde_json::{Value, json};

use crate::{calendars, instant};

/// Cases that are written in one transaction of the engine.
const BATCH: u32 = 20_000;

/// When the first of them is opened: a Monday in office hours, but a P3 goes around the clock anyway.
const BEGIN: &str = "2026-11-02T02:00:00Z";

/// Three quarters of a day: when a P3 that nobody answered is warned of.
const UNTIL_WARNED: SignedDuration = SignedDuration::from_hours(18);

/// The cases of a table: number `n` is always the same.
pub(crate) struct Cases {
    count: u32,
    due: u32,
    book: Book,
    sample: Response,
}

impl Cases {
    /// `count` open cases, of which the first `due` are warned of within one minute and the others hours later.
    pub(crate) fn new(count: u32, due: u32) -> Result<Self, Fault> {
        let submission: Submission = serde_json::from_value(json!({
            "form": "default", "channel": "web", "locale": "en", "text": "It is broken.",
        }))?;
        let book = Book::built_in(calendars()?);
        let begin = Self::begin();
        let id = ResponseId::from_bits(0);
        let origin = Origin::by(submission.channel);
        let opened = Case::open(id.case(), begin, Priority::P3, origin, &book);
        let case = begun(&opened)?;
        let sample = Response {
            id,
            received_at: begin,
            day: jiff::civil::date(2026, 11, 2),
            triage: triage(&Input::from(&submission)),
            submission,
            promise: case.clocks().promise(),
            trace_id: None,
            amended: None,
        };
        Ok(Self {
            count,
            due,
            book,
            sample,
        })
    }

    /// Before all of them.
    pub(crate) fn begin() -> Timestamp {
        instant(BEGIN)
    }

    /// The first run that finds all of them due.
    pub(crate) fn first_tick(&self) -> Timestamp {
        Self::begin() + UNTIL_WARNED + SignedDuration::from_mins(1)
    }

    /// How many fall due within the minute before [`first_tick`](Self::first_tick).
    pub(crate) fn due(&self) -> u32 {
        self.due
    }

    /// A case, as it is when it was opened.
    pub(crate) fn case(&self, n: u32) -> Result<Case, Fault> {
        begun(&self.opening(n))
    }

    fn opening(&self, n: u32) -> Event {
        let millis = |span: i64, n: u32, of: u32| span * i64::from(n) / i64::from(of.max(1));
        let after = if n < self.due {
            1 + millis(59_999, n, self.due)
        } else {
            let (hour, rest) = (3_600_000, self.count - self.due);
            6 * hour + millis(10 * hour, n - self.due, rest)
        };
        let at = Self::begin() + SignedDuration::from_millis(after);
        let origin = Origin::by(self.sample.submission.channel);
        let opened = Case::open(id(n).case(), at, Priority::P3, origin, &self.book);
        let trace_id = Some(TraceId::new(0x6a1f_9b4c, n.into()));
        Event { trace_id, ..opened }
    }

    /// Puts all of them into an empty table, past its HTTP door.
    pub(crate) fn fill(&self, database: &Database, table: &str) -> Result<(), Fault> {
        database.enable_bulk_loading()?;
        for first in (0..self.count).step_by(usize::try_from(BATCH)?) {
            let items = self.items(first, self.count.min(first.saturating_add(BATCH)))?;
            database.import_items(table, items, ImportOptions::default())?;
        }
        database.disable_bulk_loading()?;
        Ok(())
    }

    /// Their items, on all processors: encoding them is most of the work.
    fn items(&self, first: u32, end: u32) -> Result<Vec<Item>, Fault> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = (end - first).div_ceil(u32::try_from(threads)?).max(1);
        std::thread::scope(|scope| {
            let parts = (first..end).step_by(usize::try_from(part)?);
            let parts = parts.map(|from| (from, end.min(from.saturating_add(part))));
            let encoders: Vec<_> = parts
                .map(|(from, to)| scope.spawn(move || self.encoded(from, to)))
                .collect();
            let mut items = Vec::new();
            for encoder in encoders {
                let encoded = encoder.join();
                items.extend(encoded.map_err(|_| Fault::new("an encoder panicked"))??);
            }
            Ok(items)
        })
    }

    /// What the store would write of them. It is asked to, and what it sends is kept instead.
    fn encoded(&self, from: u32, to: u32) -> Result<Vec<Item>, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let kept = Keeper::default();
        let settings = Settings::emulator("http://127.0.0.1:9");
        let connector = SharedHttpConnector::new(kept.clone());
        let clients = Clients::with(&settings, connector, Retries::Off);
        let store = Store::new(clients.dynamodb, "encoder");
        runtime.block_on(async {
            for n in from..to {
                let opened = self.opening(n);
                let case = begun(&opened)?;
                let response = Response {
                    id: id(n),
                    received_at: opened.at,
                    ..self.sample.clone()
                };
                let digest = resound_store::Digest([0; 32]);
                // The keeper answers that it is written.
                let written = store.accept(&response, &digest, Some((&case, &opened)), opened.at);
                let _accepted = written.await?;
            }
            Ok::<_, Fault>(())
        })?;
        kept.items()
    }
}

/// Ids are hashes: the low half spreads over the shards as theirs do, the high one keeps them apart.
fn id(n: u32) -> ResponseId {
    // SplitMix64, by Steele, Lea and Flood (2014).
    let mut bits = (u64::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    ResponseId::from_bits((u128::from(bits) << 64) | u128::from(bits.rotate_left(32)))
}

fn begun(opened: &Event) -> Result<Case, Fault> {
    Case::begin(opened).ok_or_else(|| Fault::new("an opening begins no case"))
}

/// Takes transactions in the place of a table and keeps the case of each.
#[derive(Debug, Clone, Default)]
struct Keeper(Arc<Mutex<Vec<Value>>>);

impl Keeper {
    fn items(&self) -> Result<Vec<Item>, Fault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let items = std::mem::take(&mut *kept).into_iter();
        Ok(items
            .map(serde_json::from_value)
            .collect::<Result<_, _>>()?)
    }
}

impl HttpConnector for Keeper {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        let parts = body.get_mut("TransactItems").and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            let item = part.pointer_mut("/Put/Item").map(Value::take);
            let is_case = |item: &Value| item.pointer("/SK/S").is_some_and(|sk| sk == "CASE");
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(item.filter(is_case));
        }
        let status = StatusCode::try_from(200);
        HttpConnectorFuture::new(async move {
            let status = status.map_err(|error| {
                aws_smithy_runtime_api::client::result::ConnectorError::other(error.into(), None)
            })?;
            Ok(HttpResponse::new(status, SdkBody::from("{}")))
        })
    }
}
