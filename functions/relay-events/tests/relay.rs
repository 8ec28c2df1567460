//! New events reach the queues of their effects, through the handler and the real queues.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use relay_events::{App, Config, VARIABLES};
use resound_domain::case::{Case, Command};
use resound_domain::event::Effect;
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::policy::Priority;
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{BoxedFunction, Function, Invocation};
use resound_messages::EffectDue;
use resound_store::Settled;
use resound_testing::cases::{QUEUES, trace};
use resound_testing::{Aws, TABLE, call, start, vars};
use serde_json::{Value, json};

struct Relaying {
    aws: Aws,
    function: BoxedFunction,
}

impl Relaying {
    async fn start() -> Self {
        let aws = Aws::start().await;
        let urls = QUEUES.map(|name| aws.make_queue(name));
        Self::over(aws, &urls)
    }

    fn over(aws: Aws, [notices, alerts]: &[String; 2]) -> Self {
        let own = [
            ("CUSTOMER_NOTICES_URL", notices.as_str()),
            ("STAFF_ALERTS_URL", alerts.as_str()),
        ];
        let config = vars(&own).read(Config::read).unwrap();
        let function = App::new(config, &aws.clients).erase();
        Self { aws, function }
    }

    async fn relay(&self, records: &[(&str, &str)]) -> Value {
        let records: Vec<_> = records
            .iter()
            .enumerate()
            .map(|(n, (pk, sk))| {
                json!({
                    "eventID": n.to_string(),
                    "eventName": "INSERT",
                    "dynamodb": {
                        "Keys": {"PK": {"S": pk}, "SK": {"S": sk}},
                        "SequenceNumber": n.to_string(),
                    },
                })
            })
            .collect();
        call(&self.function, json!({ "Records": records }), start()).await
    }

    /// A case whose opening alerts staff and whose second event tells the customer.
    async fn replied(&self, bits: u128) -> Case {
        let case = self.aws.opened(bits, Priority::P1).await;
        self.aws.commanded(&case, Command::Reply, start()).await
    }
}

fn due(effect: Effect, case: CaseId, seq: u32) -> (&'static str, EffectDue) {
    let queue = match effect {
        Effect::CustomerNotice => "customer-notices",
        Effect::StaffAlert => "staff-alerts",
    };
    (
        queue,
        EffectDue {
            effect,
            case,
            seq,
            trace_id: Some(trace(case.bits())),
        },
    )
}

fn failures(reply: &Value) -> &Vec<Value> {
    reply["batchItemFailures"].as_array().unwrap()
}

#[tokio::test]
async fn a_recorded_batch_sends_each_open_effect() {
    let relaying = Relaying::start().await;
    let case = relaying.replied(7).await.id();
    let event: Value = serde_json::from_str(include_str!("../events/stream.json")).unwrap();
    let pk = event["Records"][0]["dynamodb"]["Keys"]["PK"]["S"].as_str();
    assert_eq!(pk, Some(format!("CASE#{case}").as_str()));

    let invocation = Invocation::at("counted", start());
    let reply = relaying.function.call(event, &invocation).await.unwrap();
    assert!(failures(&reply).is_empty());
    let relayed = invocation.metrics.counted(Counter::EventsRelayed);
    assert_eq!(relayed, 2);
    assert_eq!(
        relaying.aws.sent().await,
        [
            due(Effect::CustomerNotice, case, 2),
            due(Effect::StaffAlert, case, 1)
        ]
    );
}

#[tokio::test]
async fn what_is_settled_erased_or_of_no_concern_sends_nothing() {
    let relaying = Relaying::start().await;
    let case = relaying.replied(7).await.id();
    for (seq, effect) in [(1, Effect::StaffAlert), (2, Effect::CustomerNotice)] {
        let settled = relaying.aws.store.settle(case, seq, effect).await.unwrap();
        assert_eq!(settled, Settled::Settled);
    }
    let pk = format!("CASE#{case}");
    let gone = format!("CASE#{}", ResponseId::from_bits(8).case());
    let reply = relaying
        .relay(&[
            (&pk, "EVENT#000001"),
            (&pk, "EVENT#000002"),
            (&gone, "EVENT#000001"),
            (&pk, "CASE"),
        ])
        .await;
    assert!(failures(&reply).is_empty());
    assert!(relaying.aws.sent().await.is_empty());
}

#[tokio::test]
async fn a_key_nobody_knows_keeps_no_other_waiting() {
    let relaying = Relaying::start().await;
    let case = relaying.replied(7).await.id();
    let pk = format!("CASE#{case}");
    let reply = relaying
        .relay(&[
            ("CASE#of-a-newer-kind", "EVENT#1"),
            ("", "EVENT#"),
            (&pk, "EVENT#000001"),
        ])
        .await;
    assert!(failures(&reply).is_empty());
    assert_eq!(
        relaying.aws.sent().await,
        [due(Effect::StaffAlert, case, 1)]
    );
}

#[tokio::test]
async fn what_was_not_accepted_is_handed_out_again() {
    let aws = Aws::start().await;
    let urls = [
        aws.port.sqs().url("customer-notices"),
        aws.make_queue("staff-alerts"),
    ];
    let relaying = Relaying::over(aws, &urls);
    let case = relaying.replied(7).await.id();
    let pk = format!("CASE#{case}");
    let reply = relaying
        .relay(&[(&pk, "EVENT#000001"), (&pk, "EVENT#000002")])
        .await;
    assert_eq!(*failures(&reply), [json!({"itemIdentifier": "1"})]);
}

#[test]
fn the_list_of_variables_is_the_configuration() {
    let full = VARIABLES.iter().map(|name| (*name, TABLE));
    assert!(Vars::from_pairs(full).read(Config::read).is_ok());
    let faults = Vars::from_pairs::<String, String>([]).read(Config::read);
    let faults = faults.unwrap_err().to_string();
    for name in VARIABLES {
        assert!(faults.contains(name), "{name}: {faults}");
    }
}
