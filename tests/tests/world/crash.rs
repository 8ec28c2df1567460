//! Every AWS call of the main flows, struck with every fault.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::date;
use resound_domain::form::FormId;
use resound_domain::id::{CaseId, ImprovementId};
use resound_domain::policy::Policy;
use resound_store::INDEX_LAG;
use resound_tests::World;
use resound_tests::crash::{Scenario, strike_all};
use resound_tests::world::{Ended, Receipt, receipt};
use serde_json::{Value, json};

use crate::groups;
use crate::reports::Report;
use crate::retarget::answered_within;
use crate::risks::angry;
use crate::{announcements, betas};

/// Praise that needs no answer: one write.
struct Submit;

impl Scenario for Submit {
    const NAME: &'static str = "submit";
    type Given = ();

    async fn prepare(_: &mut World) {}

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        let feedback = json!({"nps": 10, "text": "太好用了", "customer_id": "c-1"});
        let answer = world.submit_patiently(&feedback, "submit-0123456789").await;
        vec![answer.status.to_string(), answer.body]
    }
}

/// A customer adds one score and changes another, and asks once more for what is kept.
struct ChangeScores;

impl Scenario for ChangeScores {
    const NAME: &'static str = "change-scores";
    type Given = Receipt;

    async fn prepare(world: &mut World) -> Receipt {
        let feedback = complaint();
        let posted = world.submit_patiently(&feedback, "scores-0123456789");
        let receipt = receipt(&posted.await.expect(201));
        world.drain().await;
        world.leap("PT1H");
        receipt
    }

    async fn act(world: &mut World, receipt: &Receipt) -> Vec<String> {
        let mut told = Vec::new();
        for scores in [json!({"nps": 9, "csat": 4}), json!({"nps": 9})] {
            let answer = world.say_patiently(receipt, "scores", &scores).await;
            told.extend([answer.status.to_string(), answer.body]);
        }
        told
    }
}

/// A customer says that the outcome did not solve it, and writes once more; the owner hears of both.
struct NotSolved;

impl Scenario for NotSolved {
    const NAME: &'static str = "not-solved";
    type Given = Receipt;

    async fn prepare(world: &mut World) -> Receipt {
        let feedback = complaint();
        let posted = world.submit_patiently(&feedback, "solved-0123456789");
        let receipt = receipt(&posted.await.expect(201));
        let resolve = json!({"command": "resolve", "message": "It is mended."});
        let key = "resolve-0123456789";
        let resolved = world.command_patiently(receipt.case, &resolve, key).await;
        resolved.expect(200);
        world.drain().await;
        world.leap("PT1H");
        receipt
    }

    async fn act(world: &mut World, receipt: &Receipt) -> Vec<String> {
        let no = json!({"solved": "no", "outcome": 2, "text": "It is not."});
        let words = json!({"text": "See the photo.", "idempotency_key": "words-0123456789"});
        let mut told = Vec::new();
        for (what, said) in [("helped", no), ("messages", words)] {
            let answer = world.say_patiently(receipt, what, &said).await;
            told.extend([answer.status.to_string(), answer.body]);
        }
        world.deliver().await;
        told
    }
}

/// A severity signal: response, case and event in one transaction, and an executive who hears of it at once.
struct SubmitSevere;

impl Scenario for SubmitSevere {
    const NAME: &'static str = "submit-severe";
    type Given = ();

    async fn prepare(_: &mut World) {}

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        let answer = world.submit_patiently(&severe(), "severe-0123456789").await;
        world.deliver().await;
        vec![answer.status.to_string(), answer.body]
    }
}

/// A case whose first answer is late: warning and breach at once, each with its alerts.
struct Breach;

impl Scenario for Breach {
    const NAME: &'static str = "breach";
    type Given = ();

    async fn prepare(world: &mut World) {
        let feedback = complaint();
        let posted = world.submit_patiently(&feedback, "breach-0123456789");
        posted.await.expect(201);
        world.drain().await;
        // As in any minute: the open cases are under the rules of the day.
        world.sweep().await;
        world.leap("PT24H1S");
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        world.sweep().await;
        world.deliver().await;
        Vec::new()
    }
}

/// A customer whom a person is to tell and nobody calls: warning and breach at once, each with its alerts.
struct Remind;

impl Scenario for Remind {
    const NAME: &'static str = "remind";
    type Given = ();

    async fn prepare(world: &mut World) {
        let contact = json!({"phone": "+86 138 0013 8000"});
        let feedback = json!({"text": "It broke.", "nps": 5, "locale": "en", "channel": "phone", "contact": contact});
        let posted = world.submit_patiently(&feedback, "remind-0123456789");
        let case = receipt(&posted.await.expect(201)).case;
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let answer = world.command_patiently(case, &resolve, "resolve-0123456789");
        answer.await.expect(200);
        world.drain().await;
        world.sweep().await;
        world.leap("PT24H1S");
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        Breach::act(world, &()).await
    }
}

/// The same alerts in one message: they join a group, it is sealed, sent and recorded with each of them.
struct BreachInGroup;

impl Scenario for BreachInGroup {
    const NAME: &'static str = "breach-in-group";
    const ALERT_GROUP_SECONDS: u32 = 60;
    type Given = ();

    async fn prepare(world: &mut World) {
        Breach::prepare(world).await;
        world.sweep().await;
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        world.drain().await;
        Vec::new()
    }
}

/// A warning that comes in quiet hours: it waits in its group, and its repair with it.
struct WarnInQuietHours;

impl Scenario for WarnInQuietHours {
    const NAME: &'static str = "warn-in-quiet-hours";
    const ALERT_GROUP_SECONDS: u32 = 60;
    type Given = ();

    async fn prepare(world: &mut World) {
        let letter = json!({"name": "email", "kind": "email", "to": "owner@example.com"});
        // It is ten.
        groups::publish(world, json!([letter]), ("10:00", "12:00")).await;
        let feedback = complaint();
        let posted = world.submit_patiently(&feedback, "quiet-0123456789");
        posted.await.expect(201);
        world.drain().await;
        world.leap("PT23H");
        world.sweep().await;
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        world.drain().await;
        vec![format!("{} letters at ten", world.letters().len())]
    }
}

/// Staff resolve a case and the customer is told.
struct Close;

impl Scenario for Close {
    const NAME: &'static str = "close";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        let feedback = complaint();
        let posted = world.submit_patiently(&feedback, "close-0123456789");
        let case = receipt(&posted.await.expect(201)).case;
        world.drain().await;
        world.leap("PT1H");
        case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let answer = world.command_patiently(*case, &resolve, "resolve-0123456789");
        let answer = answer.await;
        world.deliver().await;
        vec![answer.status.to_string(), answer.body]
    }
}

/// Staff resolve a case and the customer, who left a number alone, is told by a text message.
struct Text;

impl Scenario for Text {
    const NAME: &'static str = "text";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": {"phone": "+86 138 0013 8000"}});
        let posted = world.submit_patiently(&feedback, "text-01234567890");
        let case = receipt(&posted.await.expect(201)).case;
        world.drain().await;
        world.leap("PT1H");
        case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let answer = world.command_patiently(*case, &resolve, "resolve-0123456789");
        let answer = answer.await;
        world.deliver().await;
        vec![answer.status.to_string(), answer.body]
    }
}

/// Staff resolve a case and the customer is told by the company's app, at least once.
struct TellApp;

impl Scenario for TellApp {
    const NAME: &'static str = "tell-app";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        world.connect_app();
        let feedback = json!({
            "text": "It broke.", "nps": 1, "locale": "en", "channel": "app", "customer_id": "u-77",
            "contact": {"email": "li@customer.example", "phone": "+86 138 0013 8000"},
        });
        let posted = world.submit_patiently(&feedback, "tell-app-0123456789");
        let case = receipt(&posted.await.expect(201)).case;
        world.drain().await;
        world.leap("PT1H");
        case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let answer = world.command_patiently(*case, &resolve, "resolve-0123456789");
        let answer = answer.await;
        world.deliver().await;
        // What was not taken waits for its next attempt; no other route is taken meanwhile.
        let mails = world.mails().len();
        vec![
            answer.status.to_string(),
            answer.body,
            format!("{mails} letters"),
        ]
    }
}

#[test]
fn a_webhook_of_the_app_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<TellApp>());
}

#[test]
fn a_text_message_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Text>());
}

/// A letter has bounced, and the customer is told by a text message.
struct Bounce;

impl Scenario for Bounce {
    const NAME: &'static str = "bounce";
    type Given = String;

    async fn prepare(world: &mut World) -> String {
        let contact =
            json!({"email": "bounce@simulator.amazonses.com", "phone": "+86 138 0013 8000"});
        let feedback = json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": contact});
        let posted = world.submit_patiently(&feedback, "bounce-0123456789").await;
        let case = receipt(&posted.expect(201)).case;
        let reports = world.queue_of("settle-notices");
        world.hold(&reports);
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let key = "resolve-0123456789";
        let resolved = world.command_patiently(case, &resolve, key).await;
        resolved.expect(200);
        world.drain().await;
        reports
    }

    async fn act(world: &mut World, reports: &String) -> Vec<String> {
        world.release(reports);
        world.drain().await;
        Vec::new()
    }
}

#[test]
fn a_bounce_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Bounce>());
}

/// Staff resolve the case of somebody who called, and its owner is asked to tell them.
struct Ask;

impl Scenario for Ask {
    const NAME: &'static str = "ask";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        let feedback = json!({
            "text": "It broke.", "nps": 1, "locale": "en", "channel": "phone",
            "contact": {"phone": "+86 138 0013 8000"},
        });
        let posted = world.submit_patiently(&feedback, "ask-0123456789abc").await;
        receipt(&posted.expect(201)).case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        Close::act(world, case).await
    }
}

#[test]
fn asking_a_person_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Ask>());
}

/// They give up, and the customer gets a text message.
struct GiveUp;

impl Scenario for GiveUp {
    const NAME: &'static str = "give-up";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        let case = Ask::prepare(world).await;
        Close::act(world, &case).await;
        world.drain().await;
        case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        let call = json!({"command": "told", "how": "phone", "reached": false, "give_up": true});
        let key = "give-up-0123456789";
        let answer = world.command_patiently(*case, &call, key).await;
        world.drain().await;
        vec![answer.status.to_string()]
    }
}

#[test]
fn giving_up_a_call_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<GiveUp>());
}

/// Staff call a customer whom nothing that is sent can tell: nobody answers first, and then they do.
struct Call;

impl Scenario for Call {
    const NAME: &'static str = "call";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        let feedback =
            json!({"text": "It broke.", "nps": 1, "locale": "en", "contact": {"phone": "12345"}});
        let posted = world.submit_patiently(&feedback, "call-01234567890").await;
        let case = receipt(&posted.expect(201)).case;
        let resolve = json!({"command": "resolve", "message": "We have sent you a new one."});
        let key = "resolve-0123456789";
        let resolved = world.command_patiently(case, &resolve, key).await;
        resolved.expect(200);
        world.drain().await;
        world.leap("P4D");
        world.sweep().await;
        case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        let mut told = Vec::new();
        for reached in [false, true] {
            let call = json!({"command": "told", "how": "phone", "reached": reached});
            let key = format!("call-{reached}-0123456789");
            let answer = world.command_patiently(*case, &call, &key).await;
            told.extend([answer.status.to_string(), answer.body]);
        }
        world.deliver().await;
        told
    }
}

#[test]
fn a_call_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Call>());
}

/// The same while the provider says nothing of letters until all is over: what was lost ends in doubt, and is found then.
struct CloseInSilence;

impl Scenario for CloseInSilence {
    const NAME: &'static str = "close-in-silence";
    type Given = CaseId;

    async fn prepare(world: &mut World) -> CaseId {
        let case = Close::prepare(world).await;
        let reports = world.queue_of("settle-notices");
        world.hold(&reports);
        case
    }

    async fn act(world: &mut World, case: &CaseId) -> Vec<String> {
        let told = Close::act(world, case).await;
        world.settle().await;
        let reports = world.queue_of("settle-notices");
        world.release(&reports);
        told
    }
}

/// A night: the tallies of the day that ended.
struct Nightly;

impl Scenario for Nightly {
    const NAME: &'static str = "nightly";
    type Given = ();

    async fn prepare(world: &mut World) {
        for (n, nps) in [10, 9, 9, 8, 7, 10].into_iter().enumerate() {
            let channel = if n % 2 == 0 { "web" } else { "app" };
            let feedback = json!({"nps": nps, "channel": channel});
            let key = format!("nightly-{n}-0123456789");
            world.submit_patiently(&feedback, &key).await.expect(201);
        }
        world.drain().await;
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        let mut ended = world.night().await;
        for _ in 0..3 {
            if let Ended::Returned(_) = ended {
                break;
            }
            ended = world.tally().await;
        }
        let report = "/v1/nps?from=2026-11-02&to=2026-11-02&by=channel";
        let mut answer = world.staff_get(report).await;
        if answer.status >= 500 {
            answer = world.staff_get(report).await;
        }
        vec![answer.status.to_string(), answer.body]
    }
}

/// Days that were told of and are wrong since: one by an erasure, one by a customer who answered late and changed a score. Both are
/// counted again, and each has one correction.
struct Corrected;

impl Scenario for Corrected {
    const NAME: &'static str = "corrected";
    type Given = ();

    async fn prepare(world: &mut World) {
        Nightly::prepare(world).await;
        let erased = json!({"nps": 0, "channel": "phone"});
        let posted = world.submit_patiently(&erased, "corrected-0123456789");
        let erased = receipt(&posted.await.expect(201)).id;
        world.leap("P1D");
        let poor = json!({"nps": 3});
        let posted = world.submit_patiently(&poor, "changed-0123456789");
        let changed = receipt(&posted.await.expect(201));
        world.leap("P1D");
        world.settle().await;
        world.tally().await;
        let buried = world
            .store
            .bury(erased.parse().unwrap(), world.machine_now());
        let _buried = buried.await.unwrap();
        let scores = json!({"nps": 9, "csat": 4});
        let said = world.say_patiently(&changed, "scores", &scores).await;
        said.expect(200);
        world.pass(INDEX_LAG);
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        for _ in 0..4 {
            if let Ended::Returned(_) = world.tally().await {
                break;
            }
        }
        let survey = FormId::default_form();
        let days = (date(2026, 11, 1), date(2026, 11, 30));
        let corrections = world.store.corrections(&survey, days.0, days.1);
        let corrections = corrections.await.unwrap().into_iter();
        let told = corrections.map(|c| format!("{} {} {:?}", c.day, c.number, c.why));
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            ["2026-11-02 1 {Erasure}", "2026-11-03 1 {LateAnswer, Edit}"]
        );
        let left = world.store.dirty_days(&survey).await.unwrap();
        assert_eq!(left, [], "every mark is cleared");
        told
    }
}

/// Rules: a calendar that begins before another one, which is published again behind it, and a policy that names it.
struct Publish;

impl Scenario for Publish {
    const NAME: &'static str = "publish";
    type Given = ();

    async fn prepare(world: &mut World) {
        let mut night = hours("20:00");
        night["active_from"] = json!("2026-11-09T00:00:00Z");
        let published = world.publish_patiently("/v1/calendars/night", &night);
        published.await.expect(201);
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        let path = "/v1/calendars/evening";
        let calendar = world.publish_patiently(path, &hours("22:00")).await;
        let mut policy = json!(Policy::default());
        policy["targets"]["P4"]["resolution"]["calendar"] = "evening".into();
        let policy = world.publish_patiently("/v1/policy", &policy).await;
        // Whether it was the first answer that got through is told by the status: 201, or 200.
        assert!(calendar.status < 300 && policy.status < 300);
        vec![calendar.body, policy.body]
    }
}

fn hours(until: &str) -> Value {
    json!({"tz": "Asia/Shanghai", "hours": {"mon": [["09:00", until]]}})
}

/// Three negatives in a row: two tasks, each with its mark, and those who are told of them.
struct Risks;

impl Scenario for Risks {
    const NAME: &'static str = "risks";
    type Given = ();

    async fn prepare(world: &mut World) {
        // The first look of all goes back a day.
        world.watch().await;
        for n in 0..3 {
            let feedback = angry("c-1");
            let key = format!("risks-{n}-0123456789");
            world.submit_patiently(&feedback, &key).await.expect(201);
        }
        world.drain().await;
        world.leap("PT10M");
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        world.watch().await;
        world.deliver().await;
        Vec::new()
    }
}

/// Other rules begin, by which each open case has a nearer deadline than the index knows.
struct Retarget;

impl Scenario for Retarget {
    const NAME: &'static str = "retarget";
    type Given = ();

    async fn prepare(world: &mut World) {
        let mut cases = Vec::new();
        for n in 0..3 {
            let key = format!("retarget-{n}-0123456789");
            let posted = world.submit_patiently(&complaint(), &key).await;
            cases.push(receipt(&posted.expect(201)).case);
        }
        let acknowledge = json!({"command": "acknowledge"});
        world
            .command_patiently(cases[1], &acknowledge, "acknowledge-0123456789")
            .await
            .expect(200);
        let wait = json!({"command": "await_customer"});
        world
            .command_patiently(cases[2], &wait, "await-customer-0123456789")
            .await
            .expect(200);
        world.settle().await;
        answered_within(world, 1, "PT6H", "PT2M").await;
        // Everybody reads the rules anew.
        world.leap("PT3M");
        world.pass(SignedDuration::from_mins(3));
    }

    async fn act(world: &mut World, (): &()) -> Vec<String> {
        world.sweep().await;
        Vec::new()
    }
}

/// An announcement: it is started, and tells four people, two of whom share an address.
struct Announce;

impl Scenario for Announce {
    const NAME: &'static str = "announce";
    type Given = ImprovementId;

    async fn prepare(world: &mut World) -> ImprovementId {
        let mut responses = Vec::new();
        for (n, address) in [0, 1, 1, 2].into_iter().enumerate() {
            let contact = announcements::email(address);
            responses.push(announcements::report(world, n, contact).await.id);
        }
        responses.push(announcements::report(world, 4, json!({})).await.id);
        let issue = announcements::issue_of(world, &responses).await;
        announcements::shipped(world, &[issue]).await
    }

    async fn act(world: &mut World, improvement: &ImprovementId) -> Vec<String> {
        let started = announcements::start(world, *improvement).await;
        for _ in 0..3 {
            announcements::minute(world).await;
            // Whoever is in doubt is so when the lease is over; another pass looks for them.
            announcements::next_day(world).await;
        }
        // What the provider tells proves every letter that went out, also where our own record of it was lost.
        world.drain().await;
        announcements::next_day(world).await;
        announcements::minute(world).await;
        let letters = announcements::letters(world);
        assert!(letters.values().all(|n| *n == 1), "{letters:?}");
        let told = announcements::shown(world, *improvement).await;
        assert_eq!(told["pass"]["counts"]["sent"], letters.len(), "{told}");
        assert_eq!(told["delivery"]["delivered"], letters.len(), "{told}");
        vec![started.status.to_string()]
    }
}

/// A beta: it is started, two of four people are invited, they join, they are asked, and one says that it is fixed.
struct Beta;

impl Scenario for Beta {
    const NAME: &'static str = "beta";
    /// The improvement, and the status page of each response.
    type Given = (ImprovementId, BTreeMap<String, String>);

    async fn prepare(world: &mut World) -> Self::Given {
        let mut pages = BTreeMap::new();
        for (n, address) in [0, 1, 1, 2, 3].into_iter().enumerate() {
            let contact = announcements::email(address);
            let receipt = announcements::report(world, n, contact).await;
            pages.insert(receipt.id, receipt.status);
        }
        let responses: Vec<String> = pages.keys().cloned().collect();
        let issue = announcements::issue_of(world, &responses).await;
        (betas::planned(world, &[issue]).await, pages)
    }

    async fn act(world: &mut World, (improvement, pages): &Self::Given) -> Vec<String> {
        let started = betas::start(world, *improvement, 2).await;
        betas::write(world).await;
        // Whoever was picked joins, also if their letter was lost on the way: who that is must not depend on it.
        let beta = betas::shown(world, *improvement).await;
        for one in beta["drawn"].as_array().unwrap() {
            if one["invited"].is_object() {
                let page = &pages[one["response"].as_str().unwrap()];
                let page = format!("{page}/betas/{improvement}");
                betas::say(world, &page, "joined").await.expect(200);
            }
        }
        let asked = betas::command(world, *improvement, "ask").await;
        betas::write(world).await;
        // What the provider tells proves every letter that went out, also where our own record of it was lost.
        world.drain().await;
        let kinds = betas::kinds(world);
        assert!(kinds.values().all(|n| *n == 1), "{kinds:?}");
        vec![started.status.to_string(), asked.status.to_string()]
    }
}

fn complaint() -> Value {
    json!({
        "text": "The box was broken when it came.",
        "nps": 4,
        "contact": {"email": "ann@customer.example", "name": "Ann"},
        "locale": "en",
    })
}

fn severe() -> Value {
    json!({
        "text": "充电器起火了，非常危险！",
        "nps": 0,
        "contact": {"email": "li@customer.example"},
    })
}

#[test]
fn a_submission_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Submit>());
}

#[test]
fn a_change_of_scores_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<ChangeScores>());
}

#[test]
fn an_answer_of_the_customer_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<NotSolved>());
}

#[test]
fn a_severe_submission_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<SubmitSevere>());
}

#[test]
fn a_breach_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Breach>());
}

#[test]
fn a_reminder_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Remind>());
}

#[test]
fn a_group_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<BreachInGroup>());
}

#[test]
fn quiet_hours_survive_a_fault_at_any_call() {
    println!("{}", strike_all::<WarnInQuietHours>());
}

#[test]
fn a_correction_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Corrected>());
}

#[test]
fn a_change_of_rules_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Retarget>());
}

#[test]
fn the_closing_of_a_loop_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Close>());
}

#[test]
fn the_closing_of_a_loop_survives_a_fault_at_any_call_in_silence() {
    println!("{}", strike_all::<CloseInSilence>());
}

#[test]
fn a_publication_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Publish>());
}

#[test]
fn a_look_for_risks_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Risks>());
}

#[test]
fn an_announcement_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Announce>());
}

#[test]
fn a_beta_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Beta>());
}

#[test]
fn a_night_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Nightly>());
}

#[test]
fn a_report_survives_a_fault_at_any_call() {
    println!("{}", strike_all::<Report>());
}
