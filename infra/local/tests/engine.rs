//! The engine with small functions: what streams, queues, schedules and HTTP promise.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside of the test functions that clippy knows"
)]

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use resound_lambda_kit::{Fault, Function, Invocation};
use resound_local::aws::sqs::NewMessage;
use resound_local::aws::{AwsPort, Data};
use resound_local::clock::Clock;
use resound_local::data::DataFolder;
use resound_local::engine::{CallError, Engine};
use resound_local::registry::Registry;
use resound_local::run::ordinary_clients;
use resound_local::stack::Stack;
use resound_local::template::{Inputs, Template};
use serde_json::{Value, json};

const TEMPLATE: &str = r#"
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: PK, AttributeType: S}, {AttributeName: SK, AttributeType: S}]
      KeySchema: [{AttributeName: PK, KeyType: HASH}, {AttributeName: SK, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: KEYS_ONLY}
  Dead: {Type: "AWS::SQS::Queue", Properties: {QueueName: dead}}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      {QueueName: work, VisibilityTimeout: 120, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
  Records: {Type: "AWS::Serverless::Function", Properties: {FunctionName: records, Timeout: 1}}
  FromStream:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Records
      EventSourceArn: !GetAtt Things.StreamArn
      BatchSize: 10
      MaximumRetryAttempts: 2
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"EVENT#"}]}}}}'}]}
  FromQueue:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Records, EventSourceArn: !GetAtt Work.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(30 0 * * ? *)
      ScheduleExpressionTimezone: Asia/Shanghai
      Target: {Arn: !GetAtt Records.Arn, Input: '{"night":"<aws.scheduler.scheduled-time>"}'}
  Sweep:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 minute)
      Target: {Arn: !GetAtt Records.Arn, Input: '{"sweep":"<aws.scheduler.scheduled-time>"}'}
"#;

/// Keeps what it was called with, and answers as it is told.
struct Records(Arc<Script>);

#[derive(Default)]
struct Script {
    calls: Mutex<Vec<Value>>,
    /// One per call, from the end; then success.
    answers: Mutex<Vec<Answer>>,
}

enum Answer {
    Fail,
    Panic,
    Sleep,
    /// Fails the records that hold this text.
    FailThose(&'static str),
    Say(Value),
}

impl Function for Records {
    const NAME: &'static str = "records";
    type Event = Value;
    type Output = Value;

    async fn handle(&self, event: Value, _: &Invocation) -> Result<Value, Fault> {
        self.0.calls.lock().unwrap().push(event.clone());
        let answer = self.0.answers.lock().unwrap().pop();
        match answer {
            None => Ok(Value::Null),
            Some(Answer::Fail) => Err(Fault::new("as told")),
            Some(Answer::Panic) => panic!("as told"),
            Some(Answer::Sleep) => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                Ok(Value::Null)
            }
            Some(Answer::Say(reply)) => Ok(reply),
            Some(Answer::FailThose(text)) => {
                let records = event["Records"].as_array().unwrap();
                let failed = records
                    .iter()
                    .filter(|record| record.to_string().contains(text));
                let id = |record: &Value| match record.pointer("/dynamodb/SequenceNumber") {
                    Some(number) => number.clone(),
                    None => record["messageId"].clone(),
                };
                let failed: Vec<_> = failed
                    .map(|record| json!({"itemIdentifier": id(record)}))
                    .collect();
                Ok(json!({"batchItemFailures": failed}))
            }
        }
    }
}

struct Bench {
    engine: Arc<Engine>,
    script: Arc<Script>,
}

impl Bench {
    async fn new() -> Self {
        let start = "2026-11-21T10:00:00Z".parse().unwrap();
        let clock = Arc::new(Clock::stopped(start));
        let now = Arc::clone(&clock);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let aws = AwsPort::start(listener, &Data::Memory, Arc::new(move || now.now())).unwrap();
        let inputs = Inputs {
            stack_name: "st".into(),
            region: "us-east-1".into(),
            account: "000000000000".into(),
            aws_url: aws.url().into(),
            ..Inputs::default()
        };
        let stack = Stack::load(&Template::parse(TEMPLATE).unwrap(), &inputs).unwrap();
        let script = Arc::new(Script::default());
        let for_build = Arc::clone(&script);
        let registry =
            Registry::new().with(|_| Ok(()), move |(), _| Records(Arc::clone(&for_build)));
        let aws = Arc::new(aws);
        let engine = Engine::start(
            stack,
            aws,
            &registry,
            &ordinary_clients,
            clock,
            DataFolder::memory(),
        );
        Self {
            engine: engine.await.unwrap(),
            script,
        }
    }

    fn put(&self, sk: &str) {
        let request = json!({"TableName": "things", "Item": {"PK": {"S": "p"}, "SK": {"S": sk}}});
        let database = self.engine.aws().dynamo().database();
        database
            .put_item(serde_json::from_value(request).unwrap())
            .unwrap();
    }

    fn send(&self, body: &str) {
        self.engine
            .aws()
            .sqs()
            .send("work", NewMessage::new(body))
            .unwrap();
    }

    fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        *self.script.answers.lock().unwrap() = answers;
    }

    /// The calls since the last look, each as the sort keys, bodies or times it was about.
    fn calls(&self) -> Vec<Vec<String>> {
        let calls = std::mem::take(&mut *self.script.calls.lock().unwrap());
        let about = |record: &Value| {
            let sk = record
                .pointer("/dynamodb/Keys/SK/S")
                .or_else(|| record.get("body"));
            sk.unwrap().as_str().unwrap().to_owned()
        };
        calls
            .iter()
            .map(|call| match call.get("Records") {
                Some(records) => records.as_array().unwrap().iter().map(about).collect(),
                None => {
                    let (name, time) = call.as_object().unwrap().iter().next().unwrap();
                    vec![format!("{name} {}", time.as_str().unwrap())]
                }
            })
            .collect()
    }

    /// Messages in the queue and in its dead letters, as (visible, in flight).
    fn queues(&self) -> [(usize, usize); 2] {
        ["work", "dead"].map(|queue| {
            let counts = self.engine.aws().sqs().counts(queue).unwrap();
            (counts.visible, counts.in_flight)
        })
    }
}

#[tokio::test]
async fn a_stream_delivers_what_the_filter_lets_through_in_order() {
    let bench = Bench::new().await;
    bench.put("CASE");
    bench.put("EVENT#1");
    bench.put("EVENT#2");
    bench.put("EVENT#2"); // a change, not an insert
    assert!(bench.engine.drain().await.is_quiet());
    assert_eq!(bench.calls(), [["EVENT#1", "EVENT#2"]]);
    assert_eq!(bench.engine.pump_once().await, 0);
}

#[tokio::test]
async fn a_stream_goes_on_from_the_record_that_failed() {
    let bench = Bench::new().await;
    for sk in ["EVENT#1", "EVENT#2", "EVENT#3"] {
        bench.put(sk);
    }
    bench.will([Answer::FailThose("EVENT#2")]);
    assert!(bench.engine.drain().await.is_quiet());
    assert_eq!(
        bench.calls(),
        [
            vec!["EVENT#1", "EVENT#2", "EVENT#3"],
            vec!["EVENT#2", "EVENT#3"]
        ]
    );
}

#[tokio::test]
async fn a_poison_record_holds_up_its_stream_only_for_its_attempts() {
    let bench = Bench::new().await;
    bench.put("EVENT#1");
    bench.put("EVENT#2");
    bench.will([Answer::Panic, Answer::Fail, Answer::Fail, Answer::Fail]);
    assert!(bench.engine.drain().await.is_quiet());
    // Halved, then tried once and twice more, then passed over.
    assert_eq!(
        bench.calls(),
        [
            vec!["EVENT#1", "EVENT#2"],
            vec!["EVENT#1"],
            vec!["EVENT#1"],
            vec!["EVENT#1"],
            vec!["EVENT#2"]
        ]
    );
}

#[tokio::test]
async fn a_queue_deletes_what_did_not_fail() {
    let bench = Bench::new().await;
    bench.send("a");
    bench.send("b");
    bench.will([Answer::FailThose("\"b\"")]);
    let quiet = bench.engine.drain().await;
    assert_eq!(quiet.waiting.len(), 1, "{quiet:?}");
    assert_eq!(bench.queues(), [(0, 1), (0, 0)]);
    assert_eq!(bench.calls(), [["a", "b"]]);

    bench.will([Answer::Fail]);
    bench
        .engine
        .aws()
        .sqs()
        .skip_ahead(Duration::from_secs(120));
    bench.engine.drain().await;
    assert_eq!(bench.calls(), [["b"]]);
    bench
        .engine
        .aws()
        .sqs()
        .skip_ahead(Duration::from_secs(120));
    assert!(bench.engine.drain().await.is_quiet());
    assert_eq!(bench.calls(), Vec::<Vec<String>>::new());
    assert_eq!(
        bench.queues(),
        [(0, 0), (1, 0)],
        "after two receives it is a dead letter"
    );
}

#[tokio::test]
async fn a_reply_that_makes_no_sense_fails_the_whole_batch() {
    for (reply, failed) in [
        (json!({}), 0),
        (json!({"batchItemFailures": null}), 0),
        (json!({"batchItemFailures": []}), 0),
        (
            json!({"batchItemFailures": [{"itemIdentifier": "nobody"}]}),
            2,
        ),
        (json!({"batchItemFailures": [{"itemIdentifier": ""}]}), 2),
        (json!({"batchItemFailures": [{"id": "x"}]}), 2),
        (json!({"batchItemFailures": "x"}), 2),
        (json!("x"), 2),
    ] {
        let bench = Bench::new().await;
        bench.send("a");
        bench.send("b");
        bench.will([Answer::Say(reply.clone())]);
        bench.engine.drain().await;
        assert_eq!(bench.queues(), [(0, failed), (0, 0)], "{reply}");
    }
}

#[tokio::test]
async fn a_leap_of_time_fires_each_night_in_order_and_the_sweep_once() {
    let bench = Bench::new().await;
    let quiet = bench.engine.advance(50 * 60 * 60 * 1000).await.unwrap();
    assert!(quiet.is_quiet());
    assert_eq!(
        bench.calls(),
        [
            ["night 2026-11-21T16:30:00Z"],
            ["night 2026-11-22T16:30:00Z"],
            ["sweep 2026-11-23T12:00:00Z"]
        ]
    );
    assert_eq!(
        bench.engine.clock().now().to_string(),
        "2026-11-23T12:00:00Z"
    );
    bench.engine.advance(1000).await.unwrap();
    assert_eq!(
        bench.calls(),
        [["sweep 2026-11-23T12:00:01Z"]],
        "a night is run once"
    );
}

#[tokio::test]
async fn a_night_that_fails_is_tried_again() {
    let bench = Bench::new().await;
    bench.will([Answer::Fail]);
    let quiet = bench.engine.advance(7 * 60 * 60 * 1000).await.unwrap();
    assert!(quiet.is_quiet());
    let night = ["night 2026-11-21T16:30:00Z"];
    assert_eq!(
        bench.calls(),
        [night, night, ["sweep 2026-11-21T17:00:00Z"]]
    );

    bench.will([Answer::Fail, Answer::Fail, Answer::Fail]);
    let quiet = bench.engine.advance(24 * 60 * 60 * 1000).await.unwrap();
    assert_eq!(
        quiet.waiting,
        ["the run of 2026-11-22T16:30:00Z: records failed: as told"]
    );
}

#[tokio::test]
async fn a_function_is_stopped_after_its_timeout() {
    let bench = Bench::new().await;
    bench.will([Answer::Sleep]);
    assert_eq!(
        bench.engine.invoke("records", json!({"x": ""})).await,
        Err(CallError::TimedOut("records".into()))
    );
    assert_eq!(
        bench.engine.invoke("nobody", Value::Null).await,
        Err(CallError::Unknown("nobody".into()))
    );
    assert!(bench.engine.run_now("nobody").await.is_none());
    assert_eq!(bench.engine.run_now("records").await, Some(Ok(Value::Null)));
}

#[tokio::test]
async fn in_the_background_things_are_delivered_by_themselves() {
    let bench = Bench::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(Arc::clone(&bench.engine).run(async move { drop(stopped.await) }));
    bench.put("EVENT#1");
    bench.send("a");
    let mut calls = Vec::new();
    for _ in 0..200 {
        calls.extend(bench.calls());
        if calls.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    calls.sort();
    assert_eq!(calls, [["EVENT#1"], ["a"]]);
    drop(stop);
    running.await.unwrap();
}
