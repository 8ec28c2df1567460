//! What is due happens once, through the handler, the real table and the real queues.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use alert_breaches::{App, Config, Swept, VARIABLES};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use resound_domain::case::{Case, Command, State};
use resound_domain::event::{Doubt, Effect, EventKind};
use resound_domain::id::CaseId;
use resound_domain::policy::{Policy, Priority};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::{Counter, Metrics, Span};
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::repair::{ATTEMPTS, FIRST_BACK_OFF, LONGEST_BACK_OFF};
use resound_store::{
    Advanced, Appended, ConfigKind, OpenShard, Published, Round, Settled, Stage, Walk,
};
use resound_testing::cases::{QUEUES, book, trace};
use resound_testing::{Aws, TABLE, ZONE, start, vars};
use serde_json::json;

struct Sweeping {
    aws: Aws,
    app: App,
}

impl Sweeping {
    async fn start() -> Self {
        let aws = Aws::start().await;
        let [notices, alerts] = QUEUES.map(|name| aws.make_queue(name));
        let own = [
            ("CUSTOMER_NOTICES_URL", notices.as_str()),
            ("STAFF_ALERTS_URL", alerts.as_str()),
        ];
        let config = vars(&own).read(Config::read).unwrap();
        let app = App::new(config, &aws.clients);
        let sweeping = Self { aws, app };
        // As every day: the open cases, of which there is none, are under these rules.
        assert_eq!(sweeping.sweep(start()).await, Swept::default());
        sweeping
    }

    /// A run at a business time, in which no event is due.
    async fn sweep(&self, time: Timestamp) -> Swept {
        self.run(time, start()).await
    }

    /// A run before any case is due, at a machine time.
    async fn repair(&self, machine_now: Timestamp) -> Swept {
        self.run(start(), machine_now).await
    }

    async fn run(&self, time: Timestamp, machine_now: Timestamp) -> Swept {
        self.measured(time, machine_now).await.0
    }

    async fn measured(&self, time: Timestamp, machine_now: Timestamp) -> (Swept, Metrics) {
        let invocation = Invocation::at("sweep", machine_now);
        let swept = self.app.handle(Tick { time }, &invocation).await.unwrap();
        (swept, invocation.metrics)
    }

    /// What stands on the queues, taken off: place and effect.
    async fn sent(&self) -> Vec<(CaseId, u32, Effect)> {
        let sent = self.aws.sent().await.into_iter();
        let mut sent: Vec<_> = sent
            .map(|(_, due)| (due.case, due.seq, due.effect))
            .collect();
        sent.sort();
        sent
    }

    /// An open case of a response of this number: answered within a day, resolved within three, around the clock.
    async fn opened(&self, bits: u128) -> Case {
        self.aws.opened(bits, Priority::P3).await
    }

    /// The names of what happened to a case after its opening, with the hours since.
    async fn log(&self, case: CaseId) -> Vec<(&'static str, i64)> {
        let history = self.aws.store.history(case).await.unwrap().unwrap();
        let events = history.events.iter().map(|stored| &stored.event);
        assert_eq!(Case::replay(events).unwrap(), history.case);
        let after = history.events.iter().skip(1);
        after
            .map(|stored| {
                let since = stored.event.at.duration_since(start());
                (stored.event.kind.name(), since.as_hours())
            })
            .collect()
    }

    /// Spoils an item so that nobody can read it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the store would never write this"
    )]
    async fn spoil(&self, pk: String, sk: &str, attribute: &str) {
        let update = self.aws.clients.dynamodb.update_item();
        let update = update
            .table_name(TABLE)
            .key("PK", AttributeValue::S(pk))
            .key("SK", AttributeValue::S(sk.to_owned()))
            .update_expression("SET #a = :spoilt")
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":spoilt", AttributeValue::N("0".to_owned()));
        update.send().await.unwrap();
    }
}

fn after(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours) + SignedDuration::from_millis(1)
}

/// Warning, breach and ladder of each clock of a case that nobody answers: first response, resolution, loop.
const WHOLE_LADDER: [(&str, i64); 15] = [
    ("warned", 18),
    ("breached", 24),
    ("escalated", 30),
    ("escalated", 36),
    ("escalated", 48),
    ("warned", 54),
    ("breached", 72),
    ("escalated", 90),
    ("escalated", 108),
    ("warned", 126),
    ("escalated", 144),
    ("breached", 168),
    ("escalated", 210),
    ("escalated", 252),
    ("escalated", 336),
];

#[tokio::test]
async fn each_moment_happens_once_however_often_it_is_looked_for() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await.id();
    assert_eq!(sweeping.sweep(start()).await, Swept::default());
    for (n, (_, hours)) in (1_u64..).zip(WHOLE_LADDER) {
        let swept = sweeping.sweep(after(hours)).await;
        assert_eq!((swept.expired, swept.events), (1, 1), "moment {n}");
        assert_eq!(sweeping.sweep(after(hours)).await, Swept::default());
    }
    assert_eq!(sweeping.log(case).await, WHOLE_LADDER);
    assert_eq!(sweeping.sweep(after(10_000)).await, Swept::default());
}

#[tokio::test]
async fn a_gap_of_days_loses_and_repeats_nothing() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await.id();
    let swept = sweeping.sweep(after(1_000)).await;
    assert_eq!((swept.expired, swept.events, swept.failed), (1, 15, 0));
    assert_eq!(sweeping.log(case).await, WHOLE_LADDER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_at_once_do_what_one_does() {
    let sweeping = Sweeping::start().await;
    let mut cases = Vec::new();
    for bits in 0..40_u128 {
        // Spread over all shards.
        cases.push(sweeping.opened(bits * 0x9E37_79B9).await.id());
    }
    let one = Sweeping::sweep;
    let (a, b, c) = futures::join!(
        one(&sweeping, after(100)),
        one(&sweeping, after(100)),
        one(&sweeping, after(40))
    );
    assert_eq!(a.failed + b.failed + c.failed, 0);
    assert_eq!(a.events + b.events + c.events, 40 * 8);
    for case in cases {
        assert_eq!(sweeping.log(case).await, WHOLE_LADDER[..8]);
    }
}

#[tokio::test]
async fn what_is_answered_or_over_is_left_alone() {
    let sweeping = Sweeping::start().await;
    let answered = sweeping.opened(1).await;
    let answered = sweeping
        .aws
        .commanded(&answered, Command::Reply, after(1))
        .await;
    let resolved = sweeping.opened(2).await;
    let resolved = sweeping
        .aws
        .commanded(&resolved, Command::Resolve, after(1))
        .await;

    sweeping.sweep(after(53)).await;
    assert_eq!(sweeping.log(answered.id()).await, [("replied", 1)]);
    sweeping.sweep(after(80)).await;
    let closed = sweeping
        .aws
        .store
        .case(resolved.id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(closed.state(), State::Closed);
    assert_eq!(
        sweeping.log(resolved.id()).await,
        [("resolved", 1), ("closed", 73)]
    );
}

#[tokio::test]
async fn one_bad_case_stops_no_other() {
    let sweeping = Sweeping::start().await;
    // One shard holds both.
    let bad = sweeping.opened(1).await.id();
    let good = sweeping.opened(1 + (1 << 64)).await.id();
    sweeping.spoil(format!("CASE#{bad}"), "CASE", "case").await;
    let swept = sweeping.sweep(after(24)).await;
    assert_eq!((swept.expired, swept.failed), (1, 1));
    assert_eq!(sweeping.log(good).await, WHOLE_LADDER[..2]);
}

#[tokio::test]
async fn an_append_that_fails_stops_no_other() {
    let sweeping = Sweeping::start().await;
    let bad = sweeping.opened(1).await.id();
    let good = sweeping.opened(2).await.id();
    // The version beside the snapshot is what a write is conditional on; it never fits now.
    sweeping
        .spoil(format!("CASE#{bad}"), "CASE", "version")
        .await;
    let swept = sweeping.sweep(after(24)).await;
    assert_eq!((swept.expired, swept.failed), (1, 1));
    assert_eq!(sweeping.log(good).await, WHOLE_LADDER[..2]);
}

#[tokio::test]
async fn a_lost_message_comes_again_after_the_back_off_and_then_later_and_later() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.aws.opened(1, Priority::P1).await.id();
    let alert = [(case, 1, Effect::StaffAlert)];
    let second = SignedDuration::from_secs(1);

    let first = start() + FIRST_BACK_OFF;
    assert_eq!(sweeping.repair(first - second).await, Swept::default());
    assert_eq!(sweeping.repair(first).await.resent, 1);
    assert_eq!(sweeping.sent().await, alert);
    // The queue is lost with all that is on it.
    let next = first + FIRST_BACK_OFF * 2;
    assert_eq!(sweeping.repair(next - second).await, Swept::default());
    assert_eq!(sweeping.repair(next).await.resent, 1);
    sweeping.aws.port.sqs().purge("staff-alerts").unwrap();
    assert_eq!(sweeping.repair(next + LONGEST_BACK_OFF).await.resent, 1);
    assert_eq!(sweeping.sent().await, alert);

    let settled = sweeping.aws.store.settle(case, 1, Effect::StaffAlert).await;
    assert_eq!(settled.unwrap(), Settled::Settled);
    let much_later = next + LONGEST_BACK_OFF * 10;
    assert_eq!(sweeping.repair(much_later).await, Swept::default());
}

#[tokio::test]
async fn after_the_last_attempt_an_event_is_stuck() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.aws.opened(1, Priority::P1).await.id();
    let mut now = start();
    for _ in 0..ATTEMPTS {
        now += LONGEST_BACK_OFF;
        assert_eq!(sweeping.repair(now).await.resent, 1);
    }
    now += LONGEST_BACK_OFF;
    let (swept, metrics) = sweeping.measured(start(), now).await;
    assert_eq!((swept.resent, swept.stuck, swept.failed), (0, 1, 0));
    assert_eq!(metrics.summary(), "EventsStuck 1", "none was sent again");
    assert_eq!(
        sweeping.sent().await.len(),
        usize::try_from(ATTEMPTS).unwrap()
    );
    let stuck = sweeping.aws.store.stuck_events(10).await.unwrap().ready;
    assert_eq!(stuck.len(), 1);
    assert_eq!(stuck[0].event.case, case);
    assert_eq!(
        sweeping.repair(now + LONGEST_BACK_OFF).await,
        Swept::default()
    );
    assert_eq!(sweeping.app.resend_unsettled().await, Swept::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_runs_at_once_one_sends() {
    let sweeping = Sweeping::start().await;
    for bits in 0..20_u128 {
        sweeping.aws.opened(bits * 0x9E37_79B9, Priority::P1).await;
    }
    let now = start() + FIRST_BACK_OFF;
    let (a, b) = futures::join!(sweeping.repair(now), sweeping.repair(now));
    assert_eq!((a.resent + b.resent, a.failed + b.failed), (20, 0));
    assert_eq!(sweeping.sent().await.len(), 20);
}

#[tokio::test]
async fn one_bad_event_stops_no_other() {
    let sweeping = Sweeping::start().await;
    let bad = sweeping.aws.opened(1, Priority::P1).await.id();
    let good = sweeping.aws.opened(1 + (1 << 64), Priority::P1).await.id();
    sweeping
        .spoil(format!("CASE#{bad}"), "EVENT#000001", "event")
        .await;
    let swept = sweeping.repair(start() + FIRST_BACK_OFF).await;
    assert_eq!((swept.resent, swept.failed), (1, 1));
    assert_eq!(sweeping.sent().await, [(good, 1, Effect::StaffAlert)]);
}

#[tokio::test]
async fn after_a_loss_of_all_queues_everything_open_is_sent_at_once() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.aws.opened(1, Priority::P1).await;
    let case = sweeping
        .aws
        .commanded(&case, Command::Reply, start())
        .await
        .id();
    let settled = sweeping.aws.opened(2, Priority::P1).await.id();
    let done = sweeping.aws.store.settle(settled, 1, Effect::StaffAlert);
    assert_eq!(done.await.unwrap(), Settled::Settled);
    let open = [
        (case, 1, Effect::StaffAlert),
        (case, 2, Effect::CustomerNotice),
    ];
    for _ in 0..2 * ATTEMPTS {
        assert_eq!(sweeping.app.resend_unsettled().await.resent, 2);
        assert_eq!(sweeping.sent().await, open);
    }
    // The plan has not changed.
    assert_eq!(sweeping.repair(start() + FIRST_BACK_OFF).await.resent, 2);
}

#[tokio::test]
async fn new_alerts_are_relayed_by_the_stream_and_repaired_by_the_sweep() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await.id();
    sweeping.sweep(after(24)).await;
    let events = sweeping
        .aws
        .store
        .history(case)
        .await
        .unwrap()
        .unwrap()
        .events;
    assert!(matches!(events[2].event.kind, EventKind::Breached { .. }));
    assert!(sweeping.sent().await.is_empty(), "the stream does that");
    sweeping.repair(start() + FIRST_BACK_OFF).await;
    assert_eq!(
        sweeping.sent().await,
        [(case, 2, Effect::StaffAlert), (case, 3, Effect::StaffAlert)]
    );
}

#[tokio::test]
async fn how_late_a_sweep_was_is_measured() {
    let sweeping = Sweeping::start().await;
    let cases = [sweeping.opened(1).await, sweeping.opened(2).await];
    let due = cases[0].next_deadline().unwrap();
    let second = SignedDuration::from_secs(1);

    // Nothing is due: nothing is measured.
    let (_, metrics) = sweeping.measured(due - second, start()).await;
    assert_eq!(metrics.summary(), "");

    // Business time: the machine's clock stands still.
    let (swept, metrics) = sweeping.measured(due + second * 90, start()).await;
    assert_eq!((swept.expired, swept.resent), (2, 0));
    assert_eq!(metrics.counted(Counter::CasesExpired), 2);
    assert_eq!(metrics.recorded(Span::SweepLateness), [90_000, 90_000]);

    // The warnings were not settled. Machine time: business time stands still.
    let again = start() + FIRST_BACK_OFF + second * 7;
    let (_, metrics) = sweeping.measured(due + second * 90, again).await;
    assert_eq!(metrics.counted(Counter::EventsSentAgain), 2);
    assert_eq!(metrics.counted(Counter::CasesExpired), 0);
    assert_eq!(metrics.recorded(Span::SweepLateness), [7_000, 7_000]);
    for (_, due) in sweeping.aws.sent().await {
        assert_eq!(due.trace_id, Some(trace(due.case.bits())));
    }
}

/// A letter comes back after days: whoever is to tell is late from the first, whenever the sweep runs.
#[tokio::test]
async fn what_was_late_when_it_began_does_not_tell_how_late_a_sweep_is() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await;
    let resolved = sweeping.aws.commanded(&case, Command::Resolve, start());
    let resolved = resolved.await;
    let doubt = resolved.doubt(2, Doubt::Refused, start(), &book());
    let mut untold = resolved.clone();
    doubt.iter().for_each(|event| untold.apply(event));
    let store = &sweeping.aws.store;
    let appended = store.append(&resolved, &untold, &doubt, None, None, start());
    assert_eq!(appended.await.unwrap(), Appended::Appended);

    let (swept, metrics) = sweeping.measured(after(50), start()).await;
    assert_eq!((swept.expired, swept.events), (1, 5));
    assert_eq!(metrics.counted(Counter::CasesExpired), 1);
    assert!(metrics.recorded(Span::SweepLateness).is_empty());
}

#[tokio::test]
async fn events_of_time_bear_the_trace_of_their_case() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await.id();
    sweeping.sweep(after(24)).await;
    let history = sweeping.aws.store.history(case).await.unwrap().unwrap();
    assert!(history.events.len() > 1);
    for stored in history.events {
        assert_eq!(stored.event.trace_id, Some(trace(1)), "{:?}", stored.event);
    }
}

#[tokio::test]
async fn with_no_time_left_the_rest_is_left_for_the_next_run() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await.id();
    let mut invocation = Invocation::at("short", start());
    invocation.deadline = Some(start() + SignedDuration::from_millis(10));
    let tick = Tick { time: after(24) };
    let swept = sweeping.app.handle(tick, &invocation).await.unwrap();
    assert!(swept.unfinished);
    assert_eq!(swept.expired, 0);
    assert_eq!(invocation.metrics.summary(), "SweepUnfinished 1");
    assert_eq!(sweeping.sweep(after(24)).await.expired, 1);
    assert_eq!(sweeping.log(case).await, WHOLE_LADDER[..2]);
}

#[tokio::test]
async fn a_recorded_tick_is_read_and_the_counts_come_back() {
    let sweeping = Sweeping::start().await;
    let event = serde_json::from_str(include_str!("../events/tick.json")).unwrap();
    let Sweeping { aws: _aws, app } = sweeping;
    assert_eq!(
        resound_testing::call(&app.erase(), event, start()).await,
        json!({"expired": 0, "retargeted": 0, "events": 0, "resent": 0, "stuck": 0, "failed": 0, "unfinished": false})
    );
}

/// Answers to a P3 within so many hours, from so many hours after the start.
fn answered_within(version: u32, hours: i64, from: i64) -> Policy {
    let mut policy = Policy {
        version,
        active_from: Some(start() + SignedDuration::from_hours(from)),
        ..Policy::default()
    };
    policy.targets.p3.first_response.duration = SignedDuration::from_hours(hours);
    policy
}

impl Sweeping {
    /// Publishes a policy.
    async fn publish(&self, policy: &Policy) {
        let kind = ConfigKind::Policy;
        let published = self.aws.store.publish_config(kind, policy.version, policy);
        assert_eq!(published.await.unwrap(), Published::Published);
    }

    /// A run at this business time, at a machine time at which no rules are remembered.
    async fn sweep_anew(&self, time: Timestamp) -> Swept {
        self.run(time, machine(time)).await
    }

    async fn walk(&self) -> Walk {
        self.aws.store.walk().await.unwrap().unwrap()
    }
}

/// The machine time of [`Sweeping::sweep_anew`].
fn machine(time: Timestamp) -> Timestamp {
    time + SignedDuration::from_hours(10_000)
}

#[tokio::test]
async fn a_deadline_that_moves_nearer_is_found_before_the_index_tells_of_it() {
    let sweeping = Sweeping::start().await;
    let case = sweeping.opened(1).await;
    let paused = sweeping.opened(2).await;
    let pause = Command::AwaitCustomer { message: false };
    let paused = sweeping.aws.commanded(&paused, pause, after(0)).await;
    let over = sweeping.opened(3).await;
    let over = sweeping
        .aws
        .commanded(&over, Command::Resolve, after(0))
        .await;
    assert_eq!(sweeping.sweep(after(0)).await, Swept::default());
    sweeping.publish(&answered_within(1, 4, 1)).await;

    // The index says 18 hours still. What was due at once, and what was not, is told in the order of time.
    let swept = sweeping.sweep_anew(after(1)).await;
    let expected = Swept {
        retargeted: 2,
        events: 2,
        // The letter of the one that is over.
        resent: 1,
        ..Swept::default()
    };
    assert_eq!(swept, expected);
    assert_eq!(sweeping.log(case.id()).await, [("retargeted", 1)]);
    assert_eq!(
        sweeping.log(paused.id()).await,
        [("awaiting_customer", 0), ("retargeted", 1)]
    );
    assert_eq!(sweeping.log(over.id()).await, [("resolved", 0)]);
    for (hours, moment) in [(3, "warned"), (4, "breached"), (5, "escalated")] {
        assert_eq!(
            sweeping.sweep_anew(after(hours)).await.expired,
            1,
            "{moment}"
        );
        assert_eq!(sweeping.log(case.id()).await.last(), Some(&(moment, hours)));
    }
    // The old deadline, and its warning, pass without a word.
    let before = sweeping.log(case.id()).await;
    sweeping.sweep_anew(after(30)).await;
    let log = sweeping.log(case.id()).await;
    assert_eq!(log[before.len()..], [("escalated", 6), ("escalated", 8)]);
}

#[tokio::test]
async fn the_open_cases_are_walked_twice_and_never_again() {
    let sweeping = Sweeping::start().await;
    let first = sweeping.opened(1).await.id();
    sweeping.publish(&answered_within(1, 4, 1)).await;
    assert_eq!(sweeping.sweep_anew(after(1)).await.retargeted, 1);
    assert_eq!(
        sweeping.walk().await.stage(machine(after(1))),
        Stage::Waiting
    );

    // As if the index had not shown it: it is under the old rules, and the walk has passed.
    let hidden = sweeping.opened(2).await.id();
    let minute = SignedDuration::from_mins(1);
    assert_eq!(
        sweeping.sweep_anew(after(1) + minute * 14).await,
        Swept::default()
    );
    let swept = sweeping.sweep_anew(after(1) + minute * 15).await;
    assert_eq!((swept.retargeted, swept.failed), (1, 0));
    for case in [first, hidden] {
        assert_eq!(sweeping.log(case).await, [("retargeted", 1)]);
    }
    let walk = sweeping.walk().await;
    assert_eq!(
        (walk.round(), walk.stage(machine(after(2)))),
        (Round::Second, Stage::Over)
    );

    // Nothing is walked any more, until there are other rules.
    let forgotten = sweeping.opened(3).await.id();
    sweeping.sweep_anew(after(2)).await;
    assert!(sweeping.log(forgotten).await.is_empty());
    assert_eq!(sweeping.walk().await, walk);
    sweeping.publish(&answered_within(2, 5, 2)).await;
    assert_eq!(sweeping.sweep_anew(after(3)).await.retargeted, 3);
    assert_eq!(
        sweeping.log(forgotten).await,
        [("retargeted", 1), ("retargeted", 2)]
    );
    assert_eq!(
        sweeping.log(first).await,
        [("retargeted", 1), ("retargeted", 2)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn walks_at_once_do_what_one_does() {
    let sweeping = Sweeping::start().await;
    let mut cases = Vec::new();
    for bits in 0..250_u128 {
        // All in one partition: three pages.
        cases.push(sweeping.opened(bits * 4).await.id());
    }
    sweeping.publish(&answered_within(1, 4, 1)).await;
    let one = Sweeping::sweep_anew;
    let (a, b) = futures::join!(one(&sweeping, after(1)), one(&sweeping, after(1)));
    assert_eq!(a.failed + b.failed, 0);
    let c = sweeping.sweep_anew(after(1)).await;
    assert_eq!(a.retargeted + b.retargeted + c.retargeted, 250);
    for case in cases {
        assert_eq!(sweeping.log(case).await, [("retargeted", 1)]);
    }
    assert_eq!(
        sweeping.walk().await.stage(machine(after(1))),
        Stage::Waiting
    );
}

#[tokio::test]
async fn an_older_run_does_not_move_a_later_walk() {
    let sweeping = Sweeping::start().await;
    sweeping.publish(&answered_within(1, 4, 1)).await;
    sweeping.sweep_anew(after(1)).await;
    let old = sweeping.walk().await;
    sweeping.publish(&answered_within(2, 4, 2)).await;
    let case = sweeping.opened(1).await.id();
    sweeping.sweep_anew(after(2)).await;
    let new = sweeping.walk().await;
    assert_ne!(old.stamp(), new.stamp());
    let shards: Vec<_> = OpenShard::all().collect();
    let ended = sweeping.aws.store.end_walk(&old, &shards).await;
    assert_eq!(ended.unwrap(), Advanced::Superseded);
    // A tick that comes late finds newer rules walked already.
    assert_eq!(sweeping.sweep_anew(after(1)).await, Swept::default());
    assert_eq!(sweeping.walk().await, new);
    assert_eq!(
        sweeping.log(case).await,
        [("retargeted", 1), ("retargeted", 2)]
    );
}

#[tokio::test]
async fn a_case_that_cannot_be_read_does_not_end_the_walk() {
    let sweeping = Sweeping::start().await;
    let bad = sweeping.opened(4).await.id();
    let good = sweeping.opened(8).await.id();
    sweeping.spoil(format!("CASE#{bad}"), "CASE", "case").await;
    sweeping.publish(&answered_within(1, 4, 1)).await;
    let swept = sweeping.sweep_anew(after(1)).await;
    assert_eq!(
        (swept.retargeted, swept.failed, swept.unfinished),
        (1, 1, false)
    );
    assert_eq!(sweeping.log(good).await, [("retargeted", 1)]);
}

#[test]
fn the_list_of_variables_is_the_configuration() {
    let full = VARIABLES.iter().map(|name| match *name {
        "TIME_ZONE" => (*name, ZONE),
        name => (name, TABLE),
    });
    assert!(Vars::from_pairs(full).read(Config::read).is_ok());
    let faults = Vars::from_pairs::<String, String>([]).read(Config::read);
    let faults = faults.unwrap_err().to_string();
    for name in VARIABLES {
        assert!(faults.contains(name), "{name}: {faults}");
    }
}
