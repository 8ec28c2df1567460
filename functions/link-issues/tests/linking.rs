//! Runs over a real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use link_issues::{App, Config, Linking, VARIABLES};
use resound_domain::calendar;
use resound_domain::event::Actor;
use resound_domain::id::{IssueId, ResponseId};
use resound_domain::issue::kano::{Answer, Pair};
use resound_domain::issue::{About, Command, How, Issue, Link, LinkRule, Title};
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::{
    Accepted, Appended, Buried, Digest, IssueStep, Known, Lookup, Opened, Relinked,
};
use resound_testing::{Aws, ZONE, start, vars};
use serde_json::{Value, json};

struct World {
    aws: Aws,
    app: App,
}

fn after(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

fn ann() -> Actor {
    Actor::Staff("ann".to_owned())
}

fn id(n: u128) -> IssueId {
    IssueId::from_bits(n)
}

fn rule(words: &[&str]) -> LinkRule {
    LinkRule {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        ..LinkRule::default()
    }
}

impl World {
    async fn new() -> Self {
        let aws = Aws::start().await;
        let app = app(&aws);
        Self { aws, app }
    }

    /// A response that came so many minutes after the start.
    async fn said(&self, bits: u128, minutes: i64, body: Value) {
        let mut whole = json!({"form": "default", "channel": "web", "locale": "zh-CN"});
        let members = whole.as_object_mut().unwrap();
        members.extend(body.as_object().unwrap().clone());
        let submission: Submission = serde_json::from_value(whole).unwrap();
        let received_at = after(minutes);
        let zone = calendar::zone(ZONE).unwrap();
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at,
            day: received_at.to_zoned(zone).date(),
            triage: triage(&Input::from(&submission)),
            submission,
            trace_id: None,
            amended: None,
            promise: None,
        };
        let digest = Digest([7; 32]);
        let kept = self.aws.store.accept(&response, &digest, None, start());
        assert_eq!(kept.await.unwrap(), Accepted::New);
    }

    async fn slow(&self, bits: u128, minutes: i64) {
        let body = json!({"text": format!("物流太慢，等了{bits}天还没有收到"), "nps": 2, "customer_id": format!("c-{bits}")});
        self.said(bits, minutes, body).await;
    }

    async fn open(&self, n: u128, minutes: i64, rule: Option<LinkRule>) -> Issue {
        let about = About {
            title: Title::new("物流太慢").unwrap(),
            category: None,
            touchpoint: None,
            product: None,
            core: false,
            effort: None,
            rule,
        };
        let opened = Issue::open(about, ann(), after(minutes));
        let done = self.aws.store.open_issue(id(n), &opened, None).await;
        assert_eq!(done.unwrap(), Opened::New);
        self.issue(n).await
    }

    async fn issue(&self, n: u128) -> Issue {
        self.aws.store.issue(id(n)).await.unwrap().unwrap()
    }

    async fn command(&self, n: u128, command: Command, relinked: &[Relinked<'_>]) {
        let before = self.issue(n).await;
        let at = before.changed_at();
        let entry = before.handle(&command, ann(), at).unwrap().unwrap();
        let mut changed = before.clone();
        changed.apply(&entry);
        let step = IssueStep {
            before: &before,
            after: &changed,
            entry: &entry,
            command_key: None,
        };
        let done = self.aws.store.append_to_issues(&[step], relinked).await;
        assert_eq!(done.unwrap(), Appended::Appended);
    }

    /// Takes out a response by hand.
    async fn unlink(&self, n: u128, bits: u128) {
        let response = ResponseId::from_bits(bits);
        let seen = self.aws.store.links_of(id(n), &[response]).await.unwrap();
        let out = Link {
            how: How::Hand,
            unlinked: true,
            ..seen[0].clone()
        };
        let Lookup::Found(found) = self.aws.store.response(response).await.unwrap() else {
            panic!("it is there")
        };
        let relinked = Relinked {
            seen: Some(&seen[0]),
            link: &out,
            received_at: found.received_at,
        };
        let responses = vec![response];
        self.command(n, Command::Unlink { responses }, &[relinked])
            .await;
    }

    async fn run(&self, minutes: i64) -> Linking {
        run(&self.app, minutes, &Invocation::at("run", start())).await
    }

    /// The responses beside an issue, and how they came there; those that were taken out say `out`.
    async fn links(&self, n: u128) -> BTreeMap<u128, &'static str> {
        let family = self.issue(n).await.family();
        let page = self.aws.store.links(&family, None, 1000).await.unwrap();
        assert!(page.corrupt.is_empty() && page.next.is_none());
        let links = page.found.iter().map(|link| {
            let how = if link.unlinked {
                "out"
            } else {
                link.how.name()
            };
            (link.response.bits(), how)
        });
        links.collect()
    }

    async fn known(&self, n: u128) -> Known {
        let all = self.aws.store.issues().await.unwrap().issues;
        let mut known = all.into_iter();
        known.find(|known| known.issue.id() == id(n)).unwrap()
    }
}

fn app(aws: &Aws) -> App {
    let vars = vars(&[("TIME_ZONE", ZONE)]);
    App::new(vars.read(Config::read).unwrap(), &aws.clients)
}

async fn run(app: &App, minutes: i64, invocation: &Invocation) -> Linking {
    let tick = Tick {
        time: after(minutes),
    };
    app.handle(tick, invocation).await.unwrap()
}

#[test]
fn every_variable_is_listed() {
    let faults = Vars::from_pairs([("TIME_ZONE", "Mars")]).read(Config::read);
    let faults = faults.unwrap_err().to_string();
    for variable in VARIABLES {
        assert!(faults.contains(variable), "{variable}: {faults}");
    }
}

#[tokio::test]
async fn what_a_rule_takes_is_linked_once_and_what_is_taken_out_stays_out() {
    let world = World::new().await;
    world.open(1, 0, Some(rule(&["物流"]))).await;
    world.slow(11, 1).await;
    world.slow(12, 2).await;
    world
        .said(13, 3, json!({"text": "价格太贵", "nps": 2}))
        .await;
    let invocation = Invocation::at("run", start());
    let first = run(&world.app, 30, &invocation).await;
    assert_eq!((first.linked, first.suggested, first.counted), (2, 0, 1));
    assert_eq!(invocation.metrics.counted(Counter::ResponsesLinked), 2);
    let expected = BTreeMap::from([(11, "rule"), (12, "rule")]);
    assert_eq!(world.links(1).await, expected);

    world.unlink(1, 12).await;
    world.slow(14, 40).await;
    let second = world.run(90).await;
    assert_eq!(second.linked, 1);
    let expected = BTreeMap::from([(11, "rule"), (12, "out"), (14, "rule")]);
    assert_eq!(world.links(1).await, expected);
    // Also where its rule looks back anew.
    let other = Command::SetRule {
        rule: Some(rule(&["物流", "太慢"])),
    };
    world.command(1, other, &[]).await;
    world.run(100).await;
    assert_eq!(world.links(1).await, expected);
    assert_eq!(world.run(100).await.linked, 0);
}

#[tokio::test]
async fn a_new_rule_looks_back_over_ninety_days_however_often_it_is_cut_short() {
    let world = World::new().await;
    let day = 24 * 60;
    for (bits, days) in [(11, 91), (12, 89), (13, 50), (14, 1)] {
        world.slow(bits, -days * day).await;
    }
    // The first run of all finds no issue, and moves on.
    world.run(0).await;
    world.open(1, 10, Some(rule(&["物流"]))).await;
    let mut linked = 0;
    for n in 0..2000 {
        let mut invocation = Invocation::at("run", start());
        let unfinished = n % 2 == 0;
        if unfinished {
            // Out of time at once.
            invocation.deadline = Some(start() + SignedDuration::from_secs(9));
        }
        let done = run(&world.app, 20 + n, &invocation).await;
        assert_eq!(done.unfinished, unfinished);
        linked += done.linked;
        if !unfinished {
            break;
        }
    }
    assert_eq!(linked, 3);
    let expected = BTreeMap::from([(12, "rule"), (13, "rule"), (14, "rule")]);
    assert_eq!(world.links(1).await, expected);
    let look = world.known(1).await.look_back.unwrap();
    assert!(look.is_done() && look.rule == 1);
    // It does not look back again, until the rule is another one.
    let before = world.run(60).await.responses;
    world
        .command(
            1,
            Command::SetRule {
                rule: Some(rule(&["太慢"])),
            },
            &[],
        )
        .await;
    assert!(world.run(61).await.responses > before + 2);
    assert_eq!(world.known(1).await.look_back.unwrap().rule, 2);
}

#[tokio::test]
async fn two_runs_at_once_and_one_that_comes_late_link_the_same() {
    let world = World::new().await;
    world.open(1, 0, Some(rule(&["物流"]))).await;
    for bits in 11..31 {
        world.slow(bits, 1).await;
    }
    let other = app(&world.aws);
    let invocation = Invocation::at("other", start());
    let (one, two) = tokio::join!(world.run(30), run(&other, 30, &invocation));
    assert_eq!(one.linked + two.linked, 20);
    assert_eq!(world.links(1).await.len(), 20);
    // Days without a run: what came meanwhile is made up for. The index may lag a quarter of an hour.
    world.slow(40, 3000).await;
    world.slow(41, 28).await;
    let late = world.run(8000).await;
    assert_eq!((late.linked, late.unfinished), (2, false));
    let known = world.known(1).await;
    let reach = known.reach.unwrap();
    assert_eq!(
        (reach.links, reach.customers, reach.as_of),
        (22, 22, after(8000))
    );
}

#[tokio::test]
async fn what_is_like_what_is_linked_is_linked_or_suggested_and_a_person_decides() {
    let world = World::new().await;
    world.open(1, 0, Some(rule(&["物流太慢"]))).await;
    world.open(2, 0, None).await;
    // What customers usually write, none of it about delivery.
    for bits in 100..180 {
        let text = format!("客服态度很好，第{bits}次购买，非常满意这个产品");
        world.said(bits, -60, json!({"text": text, "nps": 9})).await;
    }
    for bits in 11..41 {
        world.slow(bits, -30).await;
    }
    world.run(0).await;
    assert_eq!(world.links(1).await.len(), 30);

    // The rule takes neither: one is very like what it took, the other a little, the third not at all.
    world
        .said(
            50,
            10,
            json!({"text": "物流真的太慢，等了好多天还没有收到"}),
        )
        .await;
    world
        .said(
            51,
            11,
            json!({"text": "物流一般，收到很久了，等了几次，希望改进"}),
        )
        .await;
    world
        .said(52, 12, json!({"text": "客服态度很好，非常满意这个产品"}))
        .await;
    let done = world.run(30).await;
    let store = &world.aws.store;
    let suggested = store.suggestions(id(1), None, 10).await.unwrap().found;
    assert_eq!((done.linked, done.suggested), (1, 1), "{suggested:?}");
    assert_eq!(world.links(1).await.get(&50), Some(&"similarity"));
    assert_eq!(suggested[0].response, ResponseId::from_bits(51));
    assert!(world.links(2).await.is_empty());
    // Suggested once, and never again for whom a person took out.
    assert_eq!(world.run(31).await.suggested, 0);
    world.unlink(1, 50).await;
    assert_eq!(world.run(32).await.linked, 0);
    assert_eq!(world.links(1).await.get(&50), Some(&"out"));
}

#[tokio::test]
async fn what_was_taken_out_of_an_issue_stays_out_of_the_one_that_absorbs_it() {
    let world = World::new().await;
    world.open(1, 0, Some(rule(&["物流"]))).await;
    world.slow(11, 1).await;
    world.slow(12, 2).await;
    world.run(5).await;
    world.unlink(1, 12).await;
    let one = world.issue(1).await;
    let two = world.open(2, 6, Some(rule(&["太慢"]))).await;
    let merge = one.handle(&Command::Merge { into: id(2) }, ann(), after(7));
    let merge = merge.unwrap().unwrap();
    let absorbed = two.absorb(&one, ann(), after(7)).unwrap();
    let changed = |issue: &Issue, entry| {
        let mut changed = issue.clone();
        changed.apply(entry);
        changed
    };
    let (merged, survivor) = (changed(&one, &merge), changed(&two, &absorbed));
    let step = |before, after, entry| IssueStep {
        before,
        after,
        entry,
        command_key: None,
    };
    let steps = [
        step(&one, &merged, &merge),
        step(&two, &survivor, &absorbed),
    ];
    let done = world.aws.store.append_to_issues(&steps, &[]).await.unwrap();
    assert_eq!(done, Appended::Appended);
    let run = world.run(60).await;
    assert_eq!((run.linked, run.counted), (0, 1));
    let expected = BTreeMap::from([(11, "rule"), (12, "out")]);
    assert_eq!(world.links(2).await, expected);
    assert_eq!(world.known(2).await.reach.unwrap().links, 1);
}

#[tokio::test]
async fn an_hour_after_an_erasure_nothing_of_it_is_counted() {
    let world = World::new().await;
    world.open(1, 0, Some(rule(&["物流"]))).await;
    world.slow(11, 1).await;
    world.slow(12, 2).await;
    world.run(5).await;
    let response = ResponseId::from_bits(12);
    let pair = Pair {
        functional: Answer::Like,
        dysfunctional: Answer::Dislike,
    };
    let store = &world.aws.store;
    let kept = store.answer_kano(id(1), response, pair, after(2)).await;
    assert!(kept.is_ok());
    world.run(65).await;
    let reach = world.known(1).await.reach.unwrap();
    assert_eq!(
        (reach.links, reach.kano.one_dimensional, reach.days),
        (2, 1, 1)
    );
    let buried = store.bury(response, start()).await.unwrap();
    assert_eq!(buried, Buried::Buried);
    world.run(125).await;
    let reach = world.known(1).await.reach.unwrap();
    assert_eq!((reach.links, reach.customers, reach.kano.n()), (1, 1, 0));
}
