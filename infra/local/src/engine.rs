//! Runs a [`Stack`]: functions in this process, called by streams, queues, schedules and HTTP as on AWS.
//!
//! What AWS promises, it promises: a stream keeps its order and a failed batch is tried again before the next; a queue
//! message that a function did not name as failed is deleted and the others come back after their visibility; a
//! function is stopped after its timeout. Nothing is delivered that a mapping's filter does not let through.
//!
//! What it does not do: a stream record or a scheduled run that failed for the last time is logged and does not reach
//! the dead-letter queue that the template names for it; there is one shard, and concurrency has no limits but a
//! queue's four batches.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::{Database, DynoxideError};
use futures::future::join_all;
use jiff::Timestamp;
use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::config::{ConfigFaults, Vars};
use resound_lambda_kit::{BoxedFunction, Invocation, machine_now};
use resound_store::{Key, RawKey, Store, schema};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::task::{JoinSet, spawn_blocking};

use crate::aws::sqs::{AttributeValue, Receive, Received};
use crate::aws::{AwsPort, REGION, Sqs};
use crate::clock::Clock;
use crate::data::{DataError, DataFolder};
use crate::registry::{MakeClients, Registry};
use crate::stack::{FunctionSpec, Queue, QueueMapping, Schedule, Stack, StreamMapping};
use crate::tables::{self, TableError};

/// How long [`Engine::advance`] and [`Engine::run_now`] wait for quiet.
const QUIET_TIME: Duration = Duration::from_secs(60);
/// How long an idle source waits before it looks again by itself.
const IDLE: Duration = Duration::from_millis(250);
/// How long a source waits after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Batches of one queue that are in work at once.
const QUEUE_CONCURRENCY: usize = 4;
/// How often a scheduled run is tried.
const SCHEDULED_ATTEMPTS: usize = 3;
/// A schedule whose runs are no further apart than this is a sweep: after a leap of time it runs once, not for each run
/// missed.
const SWEEP_SECONDS: i64 = 3600;
/// Runs of one schedule that are made up for, at most.
const MOST_RUNS: usize = 400;

/// Why a stack cannot be started. One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The template names a function that this program does not have.
    #[error("the template has the function {0}, which this program does not have")]
    MissingFunction(String),
    /// The template gives a function variables that it cannot work with.
    #[error("the function {function} cannot start: {faults}")]
    Config {
        /// Its name.
        function: String,
        /// All that is wrong.
        faults: ConfigFaults,
    },
    /// A table is not there.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A queue cannot be made.
    #[error("queue {queue} cannot be made: {fault}")]
    Queue {
        /// Its name.
        queue: String,
        /// Why.
        fault: String,
    },
    /// A stream cannot be read.
    #[error("the stream of table {table} cannot be read: {fault}")]
    Stream {
        /// The table's name.
        table: String,
        /// Why.
        fault: String,
    },
    /// The data folder refused.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Why a call of a function has no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// It failed, or panicked. It has logged why.
    #[error("{function} failed: {fault}")]
    Failed {
        /// Its name.
        function: String,
        /// Why.
        fault: String,
    },
    /// It was stopped after its timeout.
    #[error("{0} ran out of time")]
    TimedOut(String),
}

/// Whether everything that was under way has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quiet {
    /// What is still under way or waits to be tried again; nothing if all is quiet.
    pub waiting: Vec<String>,
}

impl Quiet {
    /// Whether nothing waits.
    pub fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// A running stack.
pub struct Engine {
    stack: Stack,
    functions: BTreeMap<String, Running>,
    aws: Arc<AwsPort>,
    clock: Arc<Clock>,
    folder: DataFolder,
    streams: Vec<StreamPump>,
    queues: Vec<QueuePump>,
    /// Held by whoever moves time or fires what it made due.
    time: Mutex<()>,
    wake: Notify,
    calls: AtomicUsize,
}

struct Running {
    function: BoxedFunction,
    timeout: Duration,
}

struct StreamPump {
    mapping: StreamMapping,
    arn: String,
    shard: String,
    cursor: Mutex<Cursor>,
}

/// Where a stream is read on.
struct Cursor {
    iterator: String,
    /// Records taken at once; halved while a batch fails.
    limit: usize,
    attempts: u32,
}

struct QueuePump {
    mapping: QueueMapping,
    busy: Mutex<()>,
}

/// What one look at a source did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pumped {
    calls: usize,
    failed: bool,
}

impl Engine {
    /// Brings up a stack: tables, queues, streams from here on, and each function once, warm.
    ///
    /// # Errors
    /// [`EngineError`], for the first thing that is not as the template wants it.
    pub async fn start(
        stack: Stack,
        aws: Arc<AwsPort>,
        registry: &Registry,
        clients: &MakeClients,
        clock: Arc<Clock>,
        folder: DataFolder,
    ) -> Result<Arc<Self>, EngineError> {
        let mut functions = BTreeMap::new();
        for spec in &stack.functions {
            let built = registry.build(&spec.name, variables(spec, aws.url()), clients);
            let built = built.ok_or_else(|| EngineError::MissingFunction(spec.name.clone()))?;
            let function = built.map_err(|faults| EngineError::Config {
                function: spec.name.clone(),
                faults,
            })?;
            functions.insert(
                spec.name.clone(),
                Running {
                    function,
                    timeout: spec.timeout,
                },
            );
        }
        for table in stack.tables.clone() {
            let database = aws.dynamo().database().clone();
            blocking(move || tables::ensure(&database, &table)).await?;
        }
        make_queues(aws.sqs(), &stack.queues)?;
        for to in &stack.reports {
            aws.report(to.clone());
        }
        let mut streams = Vec::new();
        for mapping in stack.stream_mappings.clone() {
            let database = aws.dynamo().database().clone();
            let table = mapping.table.clone();
            let opened = blocking(move || open_stream(&database, &table)).await;
            let (arn, shard, iterator) = opened.map_err(|fault| EngineError::Stream {
                table: mapping.table.clone(),
                fault: fault.to_string(),
            })?;
            let cursor = Mutex::new(Cursor {
                iterator,
                limit: mapping.batch_size,
                attempts: 0,
            });
            streams.push(StreamPump {
                mapping,
                arn,
                shard,
                cursor,
            });
        }
        let queues = stack.queue_mappings.iter().cloned();
        let queues = queues
            .map(|mapping| QueuePump {
                mapping,
                busy: Mutex::new(()),
            })
            .collect();
        if folder.meta().fired_until.is_none() {
            let now = clock.now();
            folder.update(|meta| meta.fired_until = Some(now))?;
        }
        Ok(Arc::new(Self {
            stack,
            functions,
            aws,
            clock,
            folder,
            streams,
            queues,
            time: Mutex::new(()),
            wake: Notify::new(),
            calls: AtomicUsize::new(0),
        }))
    }

    /// What was brought up.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The emulated AWS.
    pub fn aws(&self) -> &Arc<AwsPort> {
        &self.aws
    }

    /// Business time.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// What is remembered.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Calls a function as AWS does: to its end or its timeout, whatever becomes of the caller.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn invoke(self: &Arc<Self>, name: &str, event: Value) -> Result<Value, CallError> {
        let Some(running) = self.functions.get(name) else {
            return Err(CallError::Unknown(name.to_owned()));
        };
        let (function, timeout, name) =
            (running.function.clone(), running.timeout, name.to_owned());
        let call = InCall::begin(Arc::clone(self));
        // A task of its own: a client that hangs up must not stop the function half-way.
        let task = tokio::spawn(async move {
            let mut invocation = Invocation::begin(request_id());
            invocation.deadline = invocation.machine_now.checked_add(timeout).ok();
            let outcome = tokio::time::timeout(timeout, function.call(event, &invocation)).await;
            drop(call);
            match outcome {
                Ok(Ok(output)) => Ok(output),
                Ok(Err(fault)) => Err(CallError::Failed {
                    function: name,
                    fault: fault.to_string(),
                }),
                Err(_) => Err(CallError::TimedOut(name)),
            }
        });
        let outcome = task.await.unwrap_or_else(|fault| {
            Err(CallError::Failed {
                function: "a function".to_owned(),
                fault: fault.to_string(),
            })
        });
        self.wake.notify_waiters();
        outcome
    }

    /// Looks once at every stream and queue and delivers what is there. Returns how many calls that made.
    pub async fn pump_once(self: &Arc<Self>) -> usize {
        let streams = join_all(self.streams.iter().map(|pump| self.pump_stream(pump))).await;
        let queues = join_all(self.queues.iter().map(|pump| self.pump_queue(pump))).await;
        streams
            .iter()
            .chain(&queues)
            .map(|pumped| pumped.calls)
            .sum()
    }

    /// Delivers until nothing is left, for a minute at most. Messages that failed and wait for their visibility are
    /// not waited for: they are in what is returned.
    pub async fn drain(self: &Arc<Self>) -> Quiet {
        let deadline = Instant::now() + QUIET_TIME;
        loop {
            let idle = self.calls.load(Ordering::SeqCst) == 0;
            let moved = self.pump_once().await;
            let still = idle && moved == 0 && self.calls.load(Ordering::SeqCst) == 0;
            let waiting = self.waiting();
            if still && (waiting.is_empty() || !self.has_visible()) {
                return Quiet { waiting };
            }
            if Instant::now() >= deadline {
                let mut waiting = waiting;
                if waiting.is_empty() {
                    waiting.push("functions are still being called".to_owned());
                }
                return Quiet { waiting };
            }
            if moved == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Moves business time forward: ends what is in flight, moves, fires each run of a nightly schedule that was
    /// crossed, in order, and every sweep once, and ends what follows.
    ///
    /// # Errors
    /// [`DataError`], if the new time cannot be kept; then it did not move.
    pub async fn advance(self: &Arc<Self>, by_ms: i64) -> Result<Quiet, DataError> {
        let time = self.time.lock().await;
        self.drain().await;
        self.leap(by_ms)?;
        let mut failed = self.fire_due(&time, Sweeps::Once).await?;
        let mut quiet = self.drain().await;
        quiet.waiting.append(&mut failed);
        Ok(quiet)
    }

    /// Moves business time and fires nothing, so that feedback can be posted in the past of a nightly run.
    ///
    /// # Errors
    /// [`DataError`], if the new time cannot be kept; then it did not move.
    pub fn leap(&self, by_ms: i64) -> Result<(), DataError> {
        let offset = self.clock.offset_ms().saturating_add(by_ms);
        self.folder.update(|meta| meta.offset_ms = offset)?;
        self.clock.set_offset_ms(offset);
        Ok(())
    }

    /// Runs a function now and ends what follows: a scheduled one at business time now, one that a stream or a queue
    /// feeds with whatever waits. `None` if only HTTP calls it, or nothing.
    ///
    /// # Errors
    /// [`CallError`], if it fails.
    pub async fn run_now(self: &Arc<Self>, function: &str) -> Option<Result<Value, CallError>> {
        self.run_at(function, self.clock.now()).await
    }

    /// As [`run_now`](Self::run_now), telling a scheduled function that it is this time: so that a day is counted before it is over.
    ///
    /// # Errors
    /// [`CallError`], if it fails.
    pub async fn run_at(
        self: &Arc<Self>,
        function: &str,
        at: Timestamp,
    ) -> Option<Result<Value, CallError>> {
        let stack = &self.stack;
        if stack.schedules.iter().any(|s| s.function == function) {
            let event = json!({"time": at.to_string()});
            let outcome = self.invoke(function, event).await;
            self.drain().await;
            return Some(outcome);
        }
        let fed = stack.stream_mappings.iter().any(|m| m.function == function)
            || stack.queue_mappings.iter().any(|m| m.function == function);
        if !fed {
            return None;
        }
        let quiet = self.drain().await;
        Some(Ok(
            json!({"quiet": quiet.is_quiet(), "waiting": quiet.waiting}),
        ))
    }

    /// What a start owes to the time before it: the queues were lost with the process, so every unsettled event is
    /// handed to the relay again, due or not; what the process was telling somebody when it ended is nobody's any more;
    /// and the runs that were missed are made up for.
    ///
    /// # Errors
    /// [`EngineError`], if the index cannot be read or time cannot be kept.
    pub async fn recover(self: &Arc<Self>) -> Result<(), EngineError> {
        for pump in &self.streams {
            let records = self.unsettled(pump).await?;
            self.end_leases(&pump.mapping.table, &records).await;
            for batch in records.chunks(pump.mapping.batch_size) {
                // A failure is logged; the sweep repeats it in its time.
                if let Err(fault) = self
                    .invoke(&pump.mapping.function, json!({"Records": batch}))
                    .await
                {
                    tracing::warn!(%fault, "unsettled events were not sent again");
                }
            }
        }
        let time = self.time.lock().await;
        self.fire_due(&time, Sweeps::Once).await?;
        Ok(())
    }

    /// Ends the leases of the process before: the data folder has one process at a time, so its holders are gone. Without
    /// this, what was under way at a kill would wait for the lease and then for the visibility of its message.
    async fn end_leases(&self, table: &str, records: &[Value]) {
        if records.is_empty() {
            return;
        }
        let Ok(settings) = Vars::from_pairs(client_variables(self.aws.url())).read(Settings::read)
        else {
            return;
        };
        let store = Store::new(Clients::new(&settings).dynamodb, table);
        for record in records {
            let part = |name: &str| {
                let part = record.pointer(&format!("/dynamodb/Keys/{name}/S"));
                part.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let key = RawKey {
                pk: part(schema::PK),
                sk: part(schema::SK),
            };
            let Ok(Key::Event { case, seq }) = Key::decode(&key) else {
                continue;
            };
            // They end by themselves in half a minute.
            if let Err(fault) = store.end_leases(case, seq, machine_now()).await {
                tracing::warn!(%fault, "leases of before were not ended");
            }
        }
    }

    /// Delivers, and fires schedules as business time passes, until `shutdown`; then ends what is in flight.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        for index in 0..self.streams.len() {
            tasks.spawn(
                Arc::clone(&self)
                    .keep_pumping(move |engine| engine.streams.get(index).map(Source::Stream)),
            );
        }
        for index in 0..self.queues.len() {
            tasks.spawn(
                Arc::clone(&self)
                    .keep_pumping(move |engine| engine.queues.get(index).map(Source::Queue)),
            );
        }
        tasks.spawn(Arc::clone(&self).keep_time());
        shutdown.await;
        // What ended half-way is as after a kill: it is done again at the next start.
        tasks.shutdown().await;
    }

    async fn keep_pumping(self: Arc<Self>, source: impl Fn(&Self) -> Option<Source<'_>>) {
        loop {
            let pumped = match source(&self) {
                Some(Source::Stream(pump)) => self.pump_stream(pump).await,
                Some(Source::Queue(pump)) => self.pump_queue(pump).await,
                None => return,
            };
            if pumped.failed {
                tokio::time::sleep(AFTER_FAILURE).await;
            } else if pumped.calls == 0 {
                let _idle = tokio::time::timeout(IDLE, self.wake.notified()).await;
            }
        }
    }

    async fn keep_time(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Whoever holds it fires what is due.
            let Ok(time) = self.time.try_lock() else {
                continue;
            };
            if let Err(fault) = self.fire_due(&time, Sweeps::WhenDue).await {
                tracing::error!(%fault, "business time cannot be kept");
            }
        }
    }

    /// Fires what became due since it was last called. Returns what failed.
    async fn fire_due(
        self: &Arc<Self>,
        _time: &MutexGuard<'_, ()>,
        sweeps: Sweeps,
    ) -> Result<Vec<String>, DataError> {
        let now = self.clock.now();
        let from = self.folder.meta().fired_until.unwrap_or(now);
        let mut runs = Vec::new();
        let mut swept = Vec::new();
        for schedule in &self.stack.schedules {
            let due = due_runs(schedule, from, now);
            if is_sweep(schedule, from) {
                match (sweeps, due.last()) {
                    (Sweeps::Once, _) => swept.push((now, schedule)),
                    (Sweeps::WhenDue, Some(at)) => swept.push((*at, schedule)),
                    (Sweeps::WhenDue, None) => {}
                }
            } else {
                runs.extend(due.into_iter().map(|at| (at, schedule)));
            }
        }
        runs.sort_by_key(|(at, _)| *at);
        // Sweeps last: they see all that time has done.
        runs.append(&mut swept);
        let mut failed = Vec::new();
        let fired_any = !runs.is_empty();
        for (at, schedule) in runs {
            if let Err(fault) = self.fire(schedule, at).await {
                failed.push(format!("the run of {at}: {fault}"));
            }
        }
        if fired_any {
            // After the runs: a kill in between repeats them, and they are made to be repeated.
            self.folder.update(|meta| meta.fired_until = Some(now))?;
        }
        Ok(failed)
    }

    /// Calls the function of a schedule for one run, up to three times.
    pub(crate) async fn fire(
        self: &Arc<Self>,
        schedule: &Schedule,
        at: Timestamp,
    ) -> Result<(), CallError> {
        let event: Value =
            serde_json::from_str(&schedule.payload(at)).map_err(|fault| CallError::Failed {
                function: schedule.function.clone(),
                fault: format!("the input of {} is not JSON: {fault}", schedule.id),
            })?;
        let mut outcome = Ok(());
        for _ in 0..SCHEDULED_ATTEMPTS {
            outcome = self
                .invoke(&schedule.function, event.clone())
                .await
                .map(drop);
            if outcome.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        outcome
    }

    async fn pump_stream(self: &Arc<Self>, pump: &StreamPump) -> Pumped {
        let mut cursor = pump.cursor.lock().await;
        loop {
            let (records, next) = match self.records(&cursor, &pump.arn).await {
                Ok(read) => read,
                Err(fault) => {
                    tracing::error!(%fault, table = pump.mapping.table, "the stream cannot be read");
                    return Pumped {
                        calls: 0,
                        failed: true,
                    };
                }
            };
            if records.is_empty() {
                return Pumped::default();
            }
            let filters = &pump.mapping.filters;
            let passes = |record: &&Value| {
                filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
            };
            let batch: Vec<&Value> = records.iter().filter(passes).collect();
            let after = Cursor {
                iterator: next,
                limit: pump.mapping.batch_size,
                attempts: 0,
            };
            if batch.is_empty() {
                *cursor = after;
                continue;
            }
            let ids: Vec<String> = batch
                .iter()
                .map(|record| sequence_number(record).to_owned())
                .collect();
            let outcome = self
                .invoke(&pump.mapping.function, json!({"Records": batch}))
                .await;
            let failures = failures(outcome.as_ref(), &ids, pump.mapping.partial_failures);
            // A stream goes on from the first that failed.
            let first = ids.iter().position(|id| failures.contains(id));
            match first {
                None => *cursor = after,
                Some(first) => {
                    self.after_failure(pump, &mut cursor, &records, first, &ids, after)
                        .await
                }
            }
            return Pumped {
                calls: 1,
                failed: first.is_some(),
            };
        }
    }

    /// Goes on before the first record that failed, with smaller batches, and past it after the last attempt.
    async fn after_failure(
        &self,
        pump: &StreamPump,
        cursor: &mut Cursor,
        records: &[Value],
        first: usize,
        ids: &[String],
        after: Cursor,
    ) {
        if first > 0 {
            // The ones before it are done.
            cursor.attempts = 0;
            if let Some(done) = first.checked_sub(1).and_then(|last| ids.get(last))
                && let Ok(iterator) = self.iterator_after(pump, done.clone()).await
            {
                cursor.iterator = iterator;
            }
            return;
        }
        if records.len() > 1 {
            // AWS does not count this as an attempt.
            cursor.limit = records.len().div_ceil(2);
            return;
        }
        cursor.attempts += 1;
        if pump
            .mapping
            .retries
            .is_some_and(|retries| cursor.attempts > retries)
        {
            tracing::error!(
                sequence = ids.first(),
                "a stream record failed too often and is passed over"
            );
            *cursor = after;
        }
    }

    async fn records(
        &self,
        cursor: &Cursor,
        arn: &str,
    ) -> Result<(Vec<Value>, String), DynoxideError> {
        let database = self.aws.dynamo().database().clone();
        let request = GetRecordsRequest {
            shard_iterator: cursor.iterator.clone(),
            limit: Some(cursor.limit.min(1000)),
        };
        let read = blocking(move || database.get_records(request)).await?;
        let records = read.records.iter().filter_map(|record| {
            let mut record = serde_json::to_value(record).ok()?;
            let fields = record.as_object_mut()?;
            fields.insert("eventSourceARN".to_owned(), json!(arn));
            fields.insert("awsRegion".to_owned(), json!(REGION));
            Some(record)
        });
        let next = read
            .next_shard_iterator
            .unwrap_or_else(|| cursor.iterator.clone());
        Ok((records.collect(), next))
    }

    async fn iterator_after(
        &self,
        pump: &StreamPump,
        sequence: String,
    ) -> Result<String, DynoxideError> {
        let database = self.aws.dynamo().database().clone();
        let request = GetShardIteratorRequest {
            stream_arn: pump.arn.clone(),
            shard_id: pump.shard.clone(),
            shard_iterator_type: "AFTER_SEQUENCE_NUMBER".to_owned(),
            sequence_number: Some(sequence),
        };
        let answer = blocking(move || database.get_shard_iterator(request)).await?;
        Ok(answer.shard_iterator.unwrap_or_default())
    }

    /// Stream records, as if just inserted, of every unsettled event of a table.
    async fn unsettled(&self, pump: &StreamPump) -> Result<Vec<Value>, EngineError> {
        let table = pump.mapping.table.clone();
        let refused = |fault: String| EngineError::Stream {
            table: pump.mapping.table.clone(),
            fault,
        };
        let database = self.aws.dynamo().database().clone();
        let items = blocking(move || unsettled_keys(&database, &table))
            .await
            .map_err(refused)?;
        let records = items.into_iter().enumerate().map(|(n, keys)| {
            json!({
                "eventID": format!("again-{n}"), "eventName": "INSERT", "eventVersion": "1.1",
                "eventSource": "aws:dynamodb", "eventSourceARN": pump.arn, "awsRegion": REGION,
                "dynamodb": {"Keys": keys, "SequenceNumber": format!("{n:021}"), "StreamViewType": "KEYS_ONLY"},
            })
        });
        let filters = &pump.mapping.filters;
        Ok(records
            .filter(|record| filters.is_empty() || filters.iter().any(|f| f.matches(record)))
            .collect())
    }

    async fn pump_queue(self: &Arc<Self>, pump: &QueuePump) -> Pumped {
        let _busy = pump.busy.lock().await;
        let mut failed = false;
        let mut batches = Vec::new();
        while batches.len() < QUEUE_CONCURRENCY {
            let wanted = Receive {
                max: pump.mapping.batch_size.min(10),
                ..Receive::default()
            };
            match self.aws.sqs().receive(&pump.mapping.queue, wanted).await {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => batches.push(batch),
                Err(fault) => {
                    tracing::error!(%fault, queue = pump.mapping.queue, "the queue cannot be read");
                    failed = true;
                    break;
                }
            }
        }
        let calls = batches.len();
        let deliveries = batches
            .into_iter()
            .map(|batch| self.deliver(&pump.mapping, batch));
        join_all(deliveries).await;
        Pumped { calls, failed }
    }

    /// Calls the function of a queue with a batch, and deletes what it did not fail.
    async fn deliver(self: &Arc<Self>, mapping: &QueueMapping, batch: Vec<Received>) {
        let arn = Sqs::arn(&mapping.queue);
        let passes = |record: &Value| {
            mapping.filters.is_empty()
                || mapping
                    .filters
                    .iter()
                    .any(|filter| filter.matches(&filterable(record)))
        };
        let records = batch
            .iter()
            .map(|message| sqs_record(message, &arn))
            .filter(passes);
        let records: Vec<Value> = records.collect();
        // What no filter lets through is deleted, as on AWS.
        let mut failed = BTreeSet::new();
        if !records.is_empty() {
            let ids = records
                .iter()
                .filter_map(|record| Some(record.get("messageId")?.as_str()?.to_owned()));
            let ids: Vec<String> = ids.collect();
            let outcome = self
                .invoke(&mapping.function, json!({"Records": records}))
                .await;
            failed = failures(outcome.as_ref(), &ids, mapping.partial_failures);
        }
        for message in batch.iter().filter(|message| !failed.contains(&message.id)) {
            if let Err(fault) = self.aws.sqs().delete(&mapping.queue, &message.receipt) {
                tracing::warn!(%fault, queue = mapping.queue, "a message could not be deleted and will come again");
            }
        }
    }

    /// What queues hold for functions, in words.
    fn waiting(&self) -> Vec<String> {
        let held = self.queues.iter().filter_map(|pump| {
            let counts = self.aws.sqs().counts(&pump.mapping.queue).ok()?;
            let total = counts.visible + counts.in_flight + counts.delayed;
            (total > 0).then(|| {
                format!(
                    "{}: {} to be delivered, {} in work or failed and waiting to be tried again",
                    pump.mapping.queue,
                    counts.visible + counts.delayed,
                    counts.in_flight
                )
            })
        });
        held.collect()
    }

    fn has_visible(&self) -> bool {
        let visible = |pump: &QueuePump| {
            self.aws
                .sqs()
                .counts(&pump.mapping.queue)
                .is_ok_and(|c| c.visible > 0)
        };
        self.queues
            .iter()
            .any(|pump| visible(pump) || pump.busy.try_lock().is_err())
    }
}

enum Source<'a> {
    Stream(&'a StreamPump),
    Queue(&'a QueuePump),
}

/// When schedules run that run all the time.
#[derive(Clone, Copy)]
enum Sweeps {
    /// Once, now, due or not: after time was moved and at a start.
    Once,
    /// When their time has come.
    WhenDue,
}

/// Counts a call for as long as it lives.
struct InCall(Arc<Engine>);

impl InCall {
    fn begin(engine: Arc<Engine>) -> Self {
        engine.calls.fetch_add(1, Ordering::SeqCst);
        Self(engine)
    }
}

impl Drop for InCall {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

fn due_runs(schedule: &Schedule, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    if is_sweep(schedule, from) {
        // Only the last run counts; the ones before it are not worth walking through.
        let start = Timestamp::from_second(until.as_second().saturating_sub(2 * SWEEP_SECONDS))
            .unwrap_or(from);
        return walk(schedule, from.max(start), until)
            .last()
            .into_iter()
            .collect();
    }
    let mut runs: Vec<_> = walk(schedule, from, until).collect();
    let surplus = runs.len().saturating_sub(MOST_RUNS);
    runs.drain(..surplus);
    runs
}

fn walk(schedule: &Schedule, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
    let next = |after: Timestamp| schedule.expression.next_after(after, &schedule.zone);
    std::iter::successors(next(from), move |at| next(*at)).take_while(move |at| *at <= until)
}

/// Whether a schedule runs all the time, so that a run that was missed is not missed.
pub(crate) fn is_sweep(schedule: &Schedule, from: Timestamp) -> bool {
    let first = schedule.expression.next_after(from, &schedule.zone);
    let second = first.and_then(|first| schedule.expression.next_after(first, &schedule.zone));
    first
        .zip(second)
        .is_some_and(|(first, second)| second.as_second() - first.as_second() <= SWEEP_SECONDS)
}

/// A function's variables, and those that Lambda adds.
pub fn variables(spec: &FunctionSpec, aws_url: &str) -> Vars {
    let own = spec
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    let name = ("AWS_LAMBDA_FUNCTION_NAME", spec.physical_name.as_str());
    let added = client_variables(aws_url).into_iter().chain([name]);
    Vars::from_pairs(own.chain(added.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

/// What a client of the emulated AWS has to know.
fn client_variables(aws_url: &str) -> [(&'static str, &str); 4] {
    [
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL", aws_url),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]
}

/// Makes the queues of a stack, dead-letter queues first: the others refer to them.
///
/// # Errors
/// [`EngineError::Queue`]
pub fn make_queues(sqs: &Sqs, queues: &[Queue]) -> Result<(), EngineError> {
    let (with, without): (Vec<_>, Vec<_>) =
        queues.iter().partition(|queue| queue.redrive.is_some());
    for queue in without.into_iter().chain(with) {
        let seconds = |duration: Duration| duration.as_secs().to_string();
        let mut attributes = BTreeMap::from([
            (
                "VisibilityTimeout".to_owned(),
                seconds(queue.visibility_timeout),
            ),
            ("DelaySeconds".to_owned(), seconds(queue.delay)),
            (
                "MessageRetentionPeriod".to_owned(),
                seconds(queue.retention),
            ),
        ]);
        if let Some(redrive) = &queue.redrive {
            let policy = json!({
                "deadLetterTargetArn": Sqs::arn(&redrive.dead_letter),
                "maxReceiveCount": redrive.max_receives,
            });
            attributes.insert("RedrivePolicy".to_owned(), policy.to_string());
        }
        sqs.create_queue(&queue.name, &attributes)
            .map_err(|fault| EngineError::Queue {
                queue: queue.name.clone(),
                fault: fault.to_string(),
            })?;
    }
    Ok(())
}

/// The ARN of a table's stream, its shard and an iterator from here on.
///
/// # Errors
/// When the table has no stream.
pub fn open_stream(
    database: &Database,
    table: &str,
) -> Result<(String, String, String), DynoxideError> {
    let missing =
        || DynoxideError::ResourceNotFoundException(format!("table {table} has no stream"));
    let found = database.describe_table(DescribeTableRequest {
        table_name: table.to_owned(),
    })?;
    let arn = found.table.latest_stream_arn.ok_or_else(missing)?;
    let request = DescribeStreamRequest {
        stream_arn: arn.clone(),
        ..DescribeStreamRequest::default()
    };
    let stream = database.describe_stream(request)?.stream_description;
    let shard = stream
        .shards
        .into_iter()
        .next()
        .ok_or_else(missing)?
        .shard_id;
    let request = GetShardIteratorRequest {
        stream_arn: arn.clone(),
        shard_id: shard.clone(),
        shard_iterator_type: "LATEST".to_owned(),
        sequence_number: None,
    };
    let iterator = database
        .get_shard_iterator(request)?
        .shard_iterator
        .ok_or_else(missing)?;
    Ok((arn, shard, iterator))
}

/// The keys of every event that the repair index holds, due or not; none if the table has no such index.
fn unsettled_keys(database: &Database, table: &str) -> Result<Vec<Value>, String> {
    let found = database
        .describe_table(DescribeTableRequest {
            table_name: table.to_owned(),
        })
        .map_err(|fault| fault.to_string())?;
    let indexes = found.table.global_secondary_indexes.unwrap_or_default();
    if !indexes
        .iter()
        .any(|index| index.index_name == schema::DUE.name)
    {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    for shard in 0..schema::EVENT_SHARDS {
        let mut start = Value::Null;
        loop {
            let mut request = json!({
                "TableName": table, "IndexName": schema::DUE.name,
                "KeyConditionExpression": "#shard = :shard",
                "ExpressionAttributeNames": {"#shard": schema::DUE.hash},
                "ExpressionAttributeValues": {":shard": {"S": schema::event_shard(shard)}},
            });
            if let (Some(request), false) = (request.as_object_mut(), start.is_null()) {
                request.insert("ExclusiveStartKey".to_owned(), start);
            }
            let request = serde_json::from_value(request).map_err(|fault| fault.to_string())?;
            let page = database.query(request).map_err(|fault| fault.to_string())?;
            for item in page.items.unwrap_or_default() {
                let item = serde_json::to_value(item).map_err(|fault| fault.to_string())?;
                if let (Some(pk), Some(sk)) = (item.get(schema::PK), item.get(schema::SK)) {
                    keys.push(json!({(schema::PK): pk, (schema::SK): sk}));
                }
            }
            start = match page.last_evaluated_key {
                Some(last) => serde_json::to_value(last).map_err(|fault| fault.to_string())?,
                None => break,
            };
        }
    }
    Ok(keys)
}

/// The ids of a batch that failed, by what came of the call.
///
/// An empty reply is success. A reply that names something which is not in the batch fails the whole of it: AWS does
/// not guess either.
pub fn failures(
    outcome: Result<&Value, &CallError>,
    ids: &[String],
    partial: bool,
) -> BTreeSet<String> {
    let all = || ids.iter().cloned().collect();
    let Ok(output) = outcome else { return all() };
    if !partial {
        return BTreeSet::new();
    }
    let named = match output {
        Value::Null => return BTreeSet::new(),
        Value::Object(reply) => match reply.get("batchItemFailures") {
            None | Some(Value::Null) => return BTreeSet::new(),
            Some(Value::Array(named)) => named,
            Some(_) => return all(),
        },
        _ => return all(),
    };
    let named = named
        .iter()
        .map(|failure| failure.get("itemIdentifier")?.as_str().map(str::to_owned));
    match named.collect::<Option<BTreeSet<_>>>() {
        Some(named) if named.iter().all(|id| ids.contains(id)) => named,
        _ => all(),
    }
}

fn sequence_number(record: &Value) -> &str {
    record
        .pointer("/dynamodb/SequenceNumber")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A message as Lambda hands it to a function.
pub fn sqs_record(message: &Received, arn: &str) -> Value {
    let attributes = message.attributes.iter().map(|(name, attribute)| {
        let mut value = json!({"dataType": attribute.data_type, "stringListValues": [], "binaryListValues": []});
        if let Some(value) = value.as_object_mut() {
            match &attribute.value {
                AttributeValue::Text(text) => value.insert("stringValue".to_owned(), json!(text)),
                AttributeValue::Binary(bytes) => {
                    use base64::Engine;
                    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
                    value.insert("binaryValue".to_owned(), json!(text))
                }
            };
        }
        (name.clone(), value)
    });
    json!({
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": message.system_attributes,
        "messageAttributes": attributes.collect::<serde_json::Map<_, _>>(),
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    })
}

/// A queue record as filters see it: a body of JSON by its fields.
pub fn filterable(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(body) = record.get_mut("body")
        && let Some(parsed) = body
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
    {
        *body = parsed;
    }
    record
}

/// SQLite blocks the thread that runs it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(fault) => match fault.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and takes us along.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Ids of invocations: only for logs.
fn request_id() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!(
        "{}-{}",
        machine_now().as_millisecond(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
