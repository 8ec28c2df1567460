//! Runs over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use resound_domain::calendar;
use resound_domain::form::FormId;
use resound_domain::id::ResponseId;
use resound_domain::response::Response;
use resound_domain::risk::{Period, Rule, Task};
use resound_domain::submission::Submission;
use resound_domain::tally::{Dimension, Tally};
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::idempotency::subject_id;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::{Accepted, Buried, CaseFilter, Cell, Digest, Key, Part, RawKey, Watermark};
use resound_testing::{Aws, TABLE, ZONE, start, vars};
use serde_json::{Value, json};
use watch_risks::{App, Config, VARIABLES, Watched};

struct World {
    aws: Aws,
    app: App,
}

const ANGRY: &str = "太差了，坏了";

impl World {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let app = app(&aws);
        Self { aws, app }
    }

    /// A response that came so many minutes after the start.
    async fn said(&self, bits: u128, minutes: i64, body: Value) {
        let mut whole = json!({"form": "default", "channel": "web", "locale": "zh-CN"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(body.as_object().unwrap().clone());
        let submission: Submission = serde_json::from_value(whole).unwrap();
        let received_at = after(minutes);
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at,
            day: local(received_at),
            triage: triage(&Input::from(&submission)),
            submission,
            trace_id: None,
            amended: None,
            promise: None,
        };
        let kept = self
            .aws
            .store
            .accept(&response, &Digest([7; 32]), None, start());
        assert_eq!(kept.await.unwrap(), Accepted::New);
    }

    async fn angry(&self, bits: u128, minutes: i64) {
        let body = json!({"text": ANGRY, "nps": 1, "customer_id": "c-1"});
        self.said(bits, minutes, body).await;
    }

    /// So many complaints about the kettle, so many days after the start, each day's from another number on.
    async fn complaints(&self, day: i64, count: u128) {
        for n in 0..count {
            let bits = (u128::try_from(day).unwrap() + 1) * 1000 + n;
            let body = json!({"nps": 2, "product": "Kettle"});
            let minute = i64::try_from(n).unwrap();
            self.said(bits, day * 24 * 60 + minute, body).await;
        }
    }

    async fn run(&self, minutes: i64) -> Watched {
        run(&self.app, minutes, &Invocation::at("run", start())).await
    }

    /// What was raised.
    async fn raised(&self) -> Vec<Task> {
        let page = self
            .aws
            .store
            .cases(&CaseFilter::default(), None, 100)
            .await;
        let page = page.unwrap();
        assert!(page.corrupt.is_empty() && page.next.is_none());
        let mut cases = page.cases;
        cases.sort_by_key(|case| (case.opened_at(), case.id()));
        cases
            .iter()
            .filter_map(|case| case.task().cloned())
            .collect()
    }

    async fn count(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for task in self.raised().await {
            *counts.entry(task.rule().name()).or_default() += 1;
        }
        counts
    }
}

fn app(aws: &Aws) -> App {
    App::new(vars(&[]).read(Config::read).unwrap(), &aws.clients)
}

async fn run(app: &App, minutes: i64, invocation: &Invocation) -> Watched {
    let tick = Tick {
        time: after(minutes),
    };
    app.handle(tick, invocation).await.unwrap()
}

fn after(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

fn local(at: Timestamp) -> Date {
    at.to_zoned(calendar::zone(ZONE).unwrap()).date()
}

fn survey() -> FormId {
    FormId::default_form()
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * 60;

#[test]
fn the_list_of_variables_is_the_configuration() {
    let full = VARIABLES.iter().map(|name| (*name, ZONE));
    assert!(Vars::from_pairs(full).read(Config::read).is_ok());
    let faults = Vars::from_pairs([("TIME_ZONE", "Mars")]).read(Config::read);
    let faults = faults.unwrap_err().to_string();
    for name in VARIABLES {
        assert!(faults.contains(name), "{name}: {faults}");
    }
}

#[tokio::test]
async fn three_negatives_in_a_row_are_raised_once() {
    let world = World::new().await;
    world.angry(1, 1).await;
    world.angry(2, 2).await;
    assert_eq!(world.run(HOUR).await.raised, 0);
    world.angry(3, HOUR + 1).await;
    let watched = world.run(2 * HOUR).await;
    assert_eq!((watched.raised, watched.unfinished), (2, false));
    let evidence = [1, 2, 3].map(ResponseId::from_bits);
    let raised = world.raised().await;
    assert!(raised.contains(&Task::ChurnRisk { evidence }), "{raised:?}");
    assert!(raised.contains(&Task::Interview { evidence }), "{raised:?}");

    for hour in [2, 2, 3, 4] {
        assert_eq!(world.run(hour * HOUR).await.raised, 0);
    }
    // Two more are not three.
    world.angry(4, 4 * HOUR + 1).await;
    world.angry(5, 4 * HOUR + 2).await;
    assert_eq!(world.run(5 * HOUR).await.raised, 0);
    world.angry(6, 5 * HOUR + 2).await;
    assert_eq!(world.run(6 * HOUR).await.raised, 2);
    assert_eq!(
        world.count().await,
        BTreeMap::from([("churn_risk", 2), ("interview", 2)])
    );
}

#[tokio::test]
async fn a_positive_one_ends_the_streak_and_strangers_have_none() {
    let world = World::new().await;
    world.angry(1, 1).await;
    world.angry(2, 2).await;
    let happy = json!({"text": "太好用了", "nps": 10, "customer_id": "c-1"});
    world.said(3, 3, happy).await;
    world.angry(4, 4).await;
    for bits in 10..14 {
        world.said(bits, 5, json!({"text": ANGRY, "nps": 0})).await;
        let other = json!({"text": ANGRY, "nps": 0, "customer_id": format!("d-{bits}")});
        world.said(bits + 10, 5, other).await;
    }
    assert_eq!(world.run(HOUR).await.raised, 1);
    // Three complaints, of which no three in a row.
    assert_eq!(world.count().await, BTreeMap::from([("interview", 1)]));
}

#[tokio::test]
async fn what_the_index_showed_late_is_found() {
    let world = World::new().await;
    world.angry(1, 1).await;
    world.angry(2, 2).await;
    world.run(HOUR).await;
    // It came before that run, and was shown after it.
    world.angry(3, HOUR - 10).await;
    assert_eq!(world.run(2 * HOUR).await.raised, 2);
}

#[tokio::test]
async fn days_without_a_run_are_made_up_for() {
    let world = World::new().await;
    world.run(HOUR).await;
    for bits in 1..=3u128 {
        world
            .angry(bits, 2 * HOUR + i64::try_from(bits).unwrap())
            .await;
    }
    let happy = json!({"text": "太好用了", "nps": 10, "customer_id": "c-1"});
    world.said(4, DAY, happy).await;
    for (day, count) in [(1, 5), (2, 7), (3, 9), (4, 12), (5, 1), (6, 1)] {
        world.complaints(day, count).await;
    }
    let watched = world.run(10 * DAY).await;
    assert_eq!(
        (watched.raised, watched.days, watched.unfinished),
        (3, 10, false)
    );
    assert_eq!(
        world.count().await,
        BTreeMap::from([("anomaly", 1), ("churn_risk", 1), ("interview", 1)])
    );
    assert_eq!(world.run(10 * DAY).await.raised, 0);
}

#[tokio::test]
async fn the_first_run_digs_nothing_old_up() {
    let world = World::new().await;
    for bits in 1..=6u128 {
        world.angry(bits, i64::try_from(bits).unwrap()).await;
    }
    world.angry(7, 20 * DAY).await;
    assert_eq!(world.run(20 * DAY + 5).await.raised, 0);
    // What follows counts with what was not spoken of before.
    world.angry(8, 20 * DAY + 10).await;
    world.angry(9, 20 * DAY + 11).await;
    assert_eq!(world.run(20 * DAY + HOUR).await.raised, 2);
}

#[tokio::test]
async fn an_erasure_raises_nothing_again() {
    let world = World::new().await;
    for bits in 1..=5u128 {
        world.angry(bits, i64::try_from(bits).unwrap()).await;
    }
    assert_eq!(world.run(HOUR / 6).await.raised, 2);
    let buried = world
        .aws
        .store
        .bury(ResponseId::from_bits(2), start())
        .await;
    assert_eq!(buried.unwrap(), Buried::Buried);
    // The same quarter of an hour is looked at again: of what is left 1, 3, 4 would be three in a row.
    assert_eq!(world.run(HOUR / 5).await.raised, 0);
}

#[tokio::test]
async fn a_product_is_judged_when_its_day_is_over() {
    let world = World::new().await;
    for (day, count) in [(0, 5), (1, 7), (2, 9), (3, 12)] {
        world.complaints(day, count).await;
    }
    // 10:00 local, so the fourth day ends 14 hours after it began here; its index is trusted 15 minutes later.
    let midnight = 3 * DAY + 14 * HOUR;
    assert_eq!(world.run(midnight + 14).await.raised, 0);
    assert_eq!(world.run(midnight + 15).await.raised, 1);
    let raised = world.raised().await;
    let Task::Anomaly(surge) = &raised[0] else {
        panic!("{raised:?}")
    };
    assert_eq!(
        (surge.product.as_str(), surge.day),
        ("Kettle", date(2026, 11, 5))
    );
    assert_eq!(surge.complaints, [5, 7, 9, 12]);
    let first = [4000u128, 4001, 4002, 4003, 4004].map(ResponseId::from_bits);
    assert_eq!(surge.evidence, first);

    // It goes on: no more is said for a week, unless it doubles.
    world.complaints(4, 15).await;
    world.complaints(5, 30).await;
    world.complaints(6, 60).await;
    for day in 4..=6 {
        world.run(day * DAY + 15 * HOUR).await;
    }
    assert_eq!(
        world.count().await,
        BTreeMap::from([("anomaly", 1), ("crisis", 1)])
    );
    let raised = world.raised().await;
    let Task::Crisis(surge) = &raised[1] else {
        panic!("{raised:?}")
    };
    assert_eq!(
        (surge.day, surge.complaints.as_slice()),
        (date(2026, 11, 8), &[15, 30, 60][..])
    );
}

#[tokio::test]
async fn few_complaints_are_no_trend() {
    let world = World::new().await;
    for (day, count) in [(0, 1), (1, 2), (2, 4), (3, 8)] {
        world.complaints(day, count).await;
    }
    assert_eq!(world.run(5 * DAY).await.raised, 0);
}

/// A period in which so many of a hundred answers were satisfied.
async fn period(world: &World, period: Period, satisfied: u64) {
    let day = period.last_day().saturating_sub(3.days());
    let tally = Tally {
        responses: 100,
        csat: [100 - satisfied, 0, 0, satisfied, 0],
        ..Tally::default()
    };
    let cell = Cell {
        cut: Dimension::All.into(),
        value: Part::new("all").unwrap(),
        tally,
    };
    world.aws.counted(&survey(), day, &[cell]).await;
}

async fn night(world: &World, day: Date) {
    let to = Watermark {
        day,
        as_of: start(),
    };
    world
        .aws
        .store
        .advance_watermark(&survey(), to)
        .await
        .unwrap();
}

#[tokio::test]
async fn satisfaction_is_judged_once_a_period_is_counted() {
    let world = World::new().await;
    let newest = Period::of(local(start())).before();
    period(&world, newest.before(), 90).await;
    period(&world, newest, 60).await;
    // Its nights are not all counted yet.
    night(&world, newest.last_day().yesterday().unwrap()).await;
    assert_eq!(world.run(0).await.raised, 0);
    night(&world, newest.last_day()).await;
    let watched = world.run(1).await;
    assert_eq!((watched.periods, watched.raised), (1, 1));
    let raised = world.raised().await;
    let Task::Review {
        from,
        to,
        before,
        after,
        ..
    } = &raised[0]
    else {
        panic!("{raised:?}")
    };
    assert_eq!(
        (*from, *to),
        (newest.before().first_day(), newest.last_day())
    );
    assert_eq!((before.satisfied, after.satisfied), (90, 60));
    assert_eq!(world.run(2).await, Watched::default());
    assert_eq!(world.count().await, BTreeMap::from([("review", 1)]));
}

#[tokio::test]
async fn two_runs_at_once_raise_everything_once() {
    let world = World::new().await;
    for bits in 1..=6u128 {
        world.angry(bits, i64::try_from(bits).unwrap()).await;
    }
    for (day, count) in [(0, 5), (1, 10), (2, 20)] {
        world.complaints(day, count).await;
    }
    world.run(0).await;
    let other = app(&world.aws);
    let invocation = Invocation::at("other", start());
    let (one, two) = tokio::join!(world.run(4 * DAY), run(&other, 4 * DAY, &invocation));
    assert_eq!(one.raised + two.raised, 5, "{one:?} {two:?}");
    let expected = [("churn_risk", 2), ("crisis", 1), ("interview", 2)];
    assert_eq!(world.count().await, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_run_that_is_short_of_time_leaves_the_rest() {
    let world = World::new().await;
    world.run(0).await;
    for bits in 1..=3u128 {
        world.angry(bits, i64::try_from(bits).unwrap()).await;
    }
    let mut short = Invocation::at("short", resound_lambda_kit::machine_now());
    short.deadline = Some(short.machine_now + SignedDuration::from_secs(5));
    let watched = run(&world.app, HOUR, &short).await;
    assert!(watched.unfinished);
    assert_eq!(watched.raised, 0);
    assert_eq!(short.metrics.counted(Counter::RisksUnfinished), 1);
    let enough = Invocation::at("enough", start());
    assert_eq!(run(&world.app, 2 * HOUR, &enough).await.raised, 2);
    assert_eq!(enough.metrics.counted(Counter::RisksRaised), 2);
    assert_eq!(enough.metrics.counted(Counter::RisksUnfinished), 0);
}

/// A mark that cannot be read costs its own customer an alert, and nobody else.
#[tokio::test]
async fn a_mark_that_cannot_be_read_keeps_nobody_waiting() {
    let world = World::new().await;
    for (n, customer) in ["c-1", "c-2"].into_iter().enumerate() {
        for bits in 1..=3u128 {
            let body = json!({"text": ANGRY, "nps": 1, "customer_id": customer});
            let bits = bits + 10 * n as u128;
            world.said(bits, 1, body).await;
        }
    }
    let subject = subject_id(&["customer"], "c-1");
    let rule = Rule::ChurnRisk;
    let RawKey { pk, sk } = Key::Mark { subject, rule }.encode();
    let [pk, sk] = [pk, sk].map(AttributeValue::S);
    plant(&world, pk, sk).await;
    let watched = world.run(HOUR).await;
    assert_eq!((watched.raised, watched.unfinished), (2, false));
    // It went on behind them.
    assert_eq!(world.run(2 * HOUR).await.raised, 0);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the table must hold what the store would never write"
)]
async fn plant(world: &World, pk: AttributeValue, sk: AttributeValue) {
    let client = &world.aws.clients.dynamodb;
    let put = client.put_item().table_name(TABLE);
    put.item("PK", pk).item("SK", sk).send().await.unwrap();
}

#[tokio::test]
async fn every_rule_has_its_priority() {
    let world = World::new().await;
    for bits in 1..=3u128 {
        world.angry(bits, i64::try_from(bits).unwrap()).await;
    }
    world.run(HOUR).await;
    let page = world
        .aws
        .store
        .cases(&CaseFilter::default(), None, 10)
        .await
        .unwrap();
    for case in page.cases {
        let rule: Rule = case.task().unwrap().rule();
        assert_eq!(case.priority(), rule.priority());
        assert_eq!(case.opened_at(), after(HOUR));
    }
}
