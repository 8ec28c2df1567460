//! Chance: commands, submissions, changes of the rules, delays, duplicates, crashes and losses in any order, against what
//! the domain allows, and against a reckoning of what time must do to each case. Customers are told by letter, by text message and
//! by the company's app; what many of them report ships and is announced to them.
//!
//! Every seed repeats exactly, which some of them must show. The even ones have alerts in groups. `RESOUND_SEED=7` runs that seed alone, `RESOUND_SEEDS=100` the first hundred;
//! with `--nocapture` each says what happened in it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use resound_domain::book::Book;
use resound_domain::calendar::Calendars;
use resound_domain::case::{Case, Command, Verb};
use resound_domain::confirmation::{Question, Solved};
use resound_domain::event::{Actor, Event};
use resound_domain::id::{CaseId, ResponseId};
use resound_domain::policy::Policy;
use resound_domain::score::{Nps, Scores};
use resound_domain::telling::{Came, How};
use resound_store::{INDEX_LAG, Lookup};
use resound_tests::crash::block_on;
use resound_tests::faults::Fault;
use resound_tests::reckoning::{Almanac, Hours, Promise, Step, What, read, reckon};
use resound_tests::rng::Rng;
use resound_tests::table::{Dump, canonical};
use resound_tests::world::{Mischief, Receipt, receipt};
use resound_tests::{World, ledger};
use serde_json::{Value, json};

use self::outreach::{Outreach, REPORT, Reporter, Told};

mod outreach;

/// The seeds that are always run.
const SEEDS: [u64; 4] = [1, 2, 3, 4];
/// Those of them that are run again, and must be the same world: one with alerts in groups and one without.
const REPEATED: [u64; 2] = [3, 4];
/// How many of them run at once.
const AT_ONCE: usize = 8;
/// Steps of one run.
const STEPS: usize = 200;
/// The calls that matter to somebody outside, and those that remember them.
const EFFECTS: [&str; 9] = [
    "POST /v2/email",
    "POST /v2/email",
    "PinpointSMSVoiceV2.SendTextMessage",
    "POST /app",
    "POST /app",
    "POST /alerts",
    "DynamoDB.UpdateItem",
    "DynamoDB.TransactWriteItems",
    "AmazonSQS.SendMessageBatch",
];
/// The functions that queues call.
const CONSUMERS: [&str; 3] = ["close-loop", "notify-staff", "settle-notices"];
const ZONE: &str = "Asia/Shanghai";
/// Longer than rules are remembered.
const A_MINUTE: SignedDuration = SignedDuration::from_secs(61);

/// An alert about a deadline: its case, and its matter and audience in JSON.
type Alert = (String, String);

/// What happened in a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    cases: usize,
    publications: usize,
    /// Changes of the rules under an open case, and the deadlines that moved by them.
    retargeted: usize,
    moved: usize,
    warnings: usize,
    breaches: usize,
    rungs: usize,
    /// Of them, about what a person is to tell.
    reminders: usize,
    /// Customers who said that an outcome solved it, or did not.
    confirmed: usize,
    disputed: usize,
    /// Alerts that staff got about whatever it was, and those that came again.
    alerts: usize,
    repeated: usize,
    /// Letters to customers about their cases, text messages among them, and those of which nobody knows.
    mails: usize,
    doubts: usize,
    /// Webhooks that the company's app got, and those that came again.
    app: usize,
    app_repeated: usize,
    /// Letters about what shipped, those of which nobody knows, and who wants no more of them.
    announced: usize,
    unknown: usize,
    unsubscribed: usize,
    /// Messages that were dead for days and were sent again.
    redriven: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.publications += other.publications;
        self.retargeted += other.retargeted;
        self.moved += other.moved;
        self.warnings += other.warnings;
        self.breaches += other.breaches;
        self.rungs += other.rungs;
        self.reminders += other.reminders;
        self.confirmed += other.confirmed;
        self.disputed += other.disputed;
        self.alerts += other.alerts;
        self.repeated += other.repeated;
        self.mails += other.mails;
        self.doubts += other.doubts;
        self.app += other.app;
        self.app_repeated += other.app_repeated;
        self.announced += other.announced;
        self.unknown += other.unknown;
        self.unsubscribed += other.unsubscribed;
        self.redriven += other.redriven;
    }
}

/// What must be true of the world, kept beside it.
struct Model {
    rng: Rng,
    world: World,
    /// Accepted submissions, each with its key, what was sent, and what was answered.
    submitted: Vec<(String, Value, String)>,
    responses: Vec<ResponseId>,
    cases: Vec<CaseId>,
    /// Accepted commands: the case, the key, and when.
    commanded: Vec<(CaseId, String, Timestamp)>,
    /// The receipts of their customers.
    receipts: BTreeMap<CaseId, Receipt>,
    /// Words of customers that were taken: the case, and the words.
    written: Vec<(CaseId, String)>,
    /// What was published.
    almanac: Almanac,
    publications: usize,
    /// The NPS score of each response that is kept, by the response's local day.
    scores: Vec<(Receipt, Date, Option<u64>)>,
    outreach: Outreach,
    /// Messages that were dead for days and were sent again.
    redriven: u64,
}

impl Model {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let mischief = Mischief {
            rng: Rng::new(seed ^ 0xdead),
            duplicates: 15,
            reorders: true,
        };
        world.mischief = Some(mischief);
        if seed.is_multiple_of(2) {
            world.group_alerts(60);
        }
        world.connect_app();
        let outreach = Outreach::new(&mut world).await;
        Self {
            rng: Rng::new(seed),
            world,
            submitted: Vec::new(),
            responses: Vec::new(),
            cases: Vec::new(),
            commanded: Vec::new(),
            receipts: BTreeMap::new(),
            written: Vec::new(),
            almanac: Almanac::new(json!(Policy::default())),
            publications: 0,
            scores: Vec::new(),
            outreach,
            redriven: 0,
        }
    }

    /// Something happens. No phone rings at night meanwhile.
    async fn step(&mut self) {
        let (night, texts) = (self.is_night(), self.texts());
        self.any_step().await;
        let rang = self.texts() > texts;
        assert!(!(rang && night && self.is_night()), "a phone rang at night");
    }

    /// Whether it is night for those who have a phone beside their bed, by the clock of the machine.
    fn is_night(&self) -> bool {
        !(8..21).contains(&local_time(self.world.machine_now()).hour())
    }

    fn texts(&self) -> usize {
        let letters = self.world.letters().into_iter();
        letters.filter(|letter| letter.channel == "sms").count()
    }

    async fn any_step(&mut self) {
        match self.rng.below(150) {
            0..15 => self.submit().await,
            15..20 => self.submit_again().await,
            20..45 => self.command().await,
            45..55 => {
                let by = *self.rng.pick(&["PT1M", "PT50M", "PT3H", "PT9H", "PT30H"]);
                self.world.leap(by);
                // That takes time, and at least as long as functions remember rules.
                self.world.pass(A_MINUTE);
            }
            55..65 => drop(self.world.sweep().await),
            65..80 => self.world.deliver().await,
            80..84 => self.world.relay_only().await,
            84..88 => {
                let minutes = *self.rng.pick(&[1, 2, 4, 60]);
                self.world.pass(SignedDuration::from_mins(minutes));
            }
            88..96 => {
                let fault = *self.rng.pick(&Fault::ALL);
                if self.rng.percent(50) {
                    self.world.faults.plan(self.rng.below(12), fault);
                } else {
                    let (call, fault) = self.any_effect(fault);
                    self.world.faults.plan_at(call, fault);
                }
            }
            96..98 => {
                let function = *self.rng.pick(&CONSUMERS);
                let queue = self.world.queue_of(function);
                self.world.purge(&queue);
            }
            98 => self.world.restart(),
            99 => {
                self.world.night().await;
                self.world.pass(A_MINUTE);
            }
            100..107 => self.publish().await,
            107..114 => self.answer().await,
            114..117 => self.write().await,
            117..122 => self.change_score().await,
            122..124 => self.redrive().await,
            124..126 => self.set_clock(),
            126..129 => {
                // Several have the same trouble, and praise besides.
                for _ in 0..3 {
                    self.feedback(json!({"nps": 9, "text": REPORT})).await;
                }
            }
            _ => self.outreach.step(&mut self.world, &mut self.rng).await,
        }
    }

    /// A call that matters, and what happens to it: also that it was carried out, and the answer says that it failed.
    fn any_effect(&mut self, fault: Fault) -> (&'static str, Fault) {
        let call = *self.rng.pick(&EFFECTS);
        let is_told = ["POST ", "PinpointSMS"]
            .iter()
            .any(|start| call.starts_with(start));
        match is_told && self.rng.percent(15) {
            true => (call, Fault::Failed),
            false => (call, fault),
        }
    }

    /// What waits fails until it is dead; days later somebody sends it again. The sweep has sent it again long before.
    async fn redrive(&mut self) {
        let function = *self.rng.pick(&CONSUMERS);
        let queue = self.world.queue_of(function);
        self.world.relay_only().await;
        self.world.die(&queue).await;
        let days = *self.rng.pick(&[1, 3]);
        if self.rng.percent(50) {
            self.world.sweep().await;
            self.world.deliver().await;
        }
        self.world.pass(SignedDuration::from_hours(24 * days));
        let dead = self.world.dead_letters_of(function);
        self.redriven += self.world.sqs().redrive(&dead).unwrap().moved;
    }

    /// The machine's clock is set, by more than a lease or less.
    fn set_clock(&mut self) {
        let seconds = *self.rng.pick(&[-40, -5, 5, 40]);
        self.world.set_clock(SignedDuration::from_secs(seconds));
        if seconds < 0 {
            // Rules are remembered by that clock, and a change of them is told two minutes ahead.
            self.world.pass(A_MINUTE);
        }
    }

    /// A customer answers the NPS question later, or anew: taken exactly if the domain allows it.
    async fn change_score(&mut self) {
        if self.scores.is_empty() {
            return;
        }
        let at = self.rng.below(self.scores.len());
        let nps = *self.rng.pick(&[0, 4, 6, 7, 9, 10]);
        let (receipt, _, kept) = &mut self.scores[at];
        let id: ResponseId = receipt.id.parse().unwrap();
        let Lookup::Found(response) = self.world.store.response(id).await.unwrap() else {
            unreachable!("{id} is lost");
        };
        let given = Scores {
            nps: Nps::try_from(nps).ok(),
            ..Scores::default()
        };
        let allowed = response.amend(given, self.world.now()).is_ok();
        let scores = json!({"nps": nps});
        let answer = self.world.say_patiently(receipt, "scores", &scores).await;
        let expected = if allowed { 200 } else { 409 };
        assert_eq!(answer.status, expected, "{}", answer.body);
        if allowed {
            *kept = Some(nps.into());
        }
    }

    /// A customer says whether an outcome solved it, perhaps by an old letter: taken exactly if the domain allows it.
    async fn answer(&mut self) {
        let Some(receipt) = self.any_receipt() else {
            return;
        };
        let id = receipt.case;
        let history = self.world.history(id).await;
        let question = Question::of(history.events.iter().map(|stored| &stored.event));
        let solved = *self.rng.pick(&Solved::ALL);
        let stale = self.rng.percent(10);
        let outcome = question.map_or(1, |question| question.outcome() + u32::from(stale));
        let mut said = json!({"solved": solved.name(), "outcome": outcome});
        let words = format!("No {} for {id}.", self.written.len());
        if solved == Solved::No && self.rng.percent(70) {
            said["text"] = json!(words);
        }
        let book = Book::built_in(Calendars::office_hours(ZONE).unwrap());
        let now = self.world.now();
        let asked = question.filter(|_| !stale);
        let before = asked.and_then(|q| q.said()) == Some(solved);
        let heard = asked.is_some_and(|q| history.case.hear(q, solved, now, &book).is_ok());
        // Who has said it can say it again, in no other words.
        let taken = if before {
            said["text"].is_null()
        } else {
            heard
        };
        let answer = self.world.say_patiently(&receipt, "helped", &said).await;
        let expected = if taken { 200 } else { 409 };
        assert_eq!(answer.status, expected, "{said}: {}", answer.body);
        if taken && said["text"].is_string() {
            self.written.push((id, words));
        }
    }

    /// A customer writes to whoever works on their case.
    async fn write(&mut self) {
        // Nobody writes twice within a millisecond.
        self.world.leap("PT1S");
        let Some(receipt) = self.any_receipt() else {
            return;
        };
        let case = self.world.store.case(receipt.case).await.unwrap().unwrap();
        let words = format!("Words {} of {}.", self.written.len(), receipt.case);
        let key = format!("written-{:08}-{}", self.written.len(), self.rng.next());
        let said = json!({"text": words, "idempotency_key": key});
        let answer = self.world.say_patiently(&receipt, "messages", &said).await;
        let taken = case.merged_into().is_none();
        let expected = if taken { 200 } else { 409 };
        assert_eq!(answer.status, expected, "{said}: {}", answer.body);
        if taken {
            self.written.push((receipt.case, words));
        }
    }

    fn any_receipt(&mut self) -> Option<Receipt> {
        if self.cases.is_empty() {
            return None;
        }
        let id = self.rng.pick(&self.cases);
        self.receipts.get(id).cloned()
    }

    /// A policy or business hours, from some time to come on. What has yet to begin by then is withdrawn by it.
    async fn publish(&mut self) {
        let ahead = *self.rng.pick(&["PT2M", "PT10M", "PT2H", "PT7H", "PT31H"]);
        let ahead: SignedDuration = ahead.parse().unwrap();
        let from = self.world.now() + ahead;
        let (path, mut document) = if self.rng.percent(70) {
            let policy = any_policy(&mut self.rng);
            self.almanac.publish_policy(from, policy.clone());
            ("/v1/policy", policy)
        } else {
            let hours = Hours {
                days: *self.rng.pick(&[3, 5, 6, 7]),
                from: *self.rng.pick(&[0, 7 * 60 + 30, 9 * 60, 12 * 60]),
                to: *self.rng.pick(&[14 * 60, 18 * 60, 21 * 60 + 45]),
            };
            self.almanac.publish_hours(from, hours);
            ("/v1/calendars/business", hours.document())
        };
        document["active_from"] = json!(from);
        let answer = self.world.publish_patiently(path, &document).await;
        // 200 if the answer to the first try was lost.
        assert!([200, 201].contains(&answer.status), "{}", answer.body);
        self.publications += 1;
    }

    async fn submit(&mut self) {
        let feedback = match self.rng.below(8) {
            0 => json!({"nps": 10, "text": "太好用了"}),
            1 => json!({"nps": 8}),
            2 => json!({"nps": 3, "text": "The box was broken when it came."}),
            3 => json!({"text": "充电器起火了，非常危险！"}),
            4 => json!({"nps": 5, "text": "I cannot pay.", "touchpoint": "checkout"}),
            5 => json!({"nps": 9, "text": REPORT}),
            6 => json!({"nps": 4, "text": REPORT}),
            _ => json!({"nps": 6, "text": "物流太慢", "channel": "social", "tier": "gold"}),
        };
        self.feedback(feedback).await;
    }

    async fn feedback(&mut self, mut feedback: Value) {
        let number = self.submitted.len();
        self.leave_contact(&mut feedback, number);
        if feedback["text"] == REPORT {
            let email = feedback["contact"]["email"].as_str();
            let may = feedback["consent"] != false;
            let address = email.filter(|_| may).map(str::to_ascii_lowercase);
            let at = self.world.now();
            self.outreach.reporters.push(Reporter { at, address });
        }
        let key = format!("simulated-{number:08}");
        let answer = self.world.submit_patiently(&feedback, &key).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let receipt = receipt(&answer);
        self.responses.push(receipt.id.parse().unwrap());
        let day = local_day(self.world.now());
        self.scores
            .push((receipt.clone(), day, feedback["nps"].as_u64()));
        if receipt.respond_by.is_some() {
            self.cases.push(receipt.case);
            self.receipts.insert(receipt.case, receipt);
        }
        self.submitted.push((key, feedback, answer.body));
    }

    /// Customers leave an address, which some share, a number, or are users of the app; or leave nothing.
    fn leave_contact(&mut self, feedback: &mut Value, number: usize) {
        match self.rng.below(100) {
            0..35 => {
                feedback["contact"] = json!({"email": format!("c{number}@customer.example")});
            }
            35..50 => {
                let one = *self.rng.pick(&["li", "Li", "wang", "ann"]);
                feedback["contact"] = json!({"email": format!("{one}@customer.example")});
            }
            50..55 => {
                feedback["contact"] = json!({"email": format!("no{number}@customer.example")});
                feedback["consent"] = json!(false);
            }
            55..70 => {
                feedback["contact"] = json!({"phone": format!("+86138{number:08}")});
            }
            70..74 => feedback["contact"] = json!({"phone": "23456"}),
            74..90 => {
                feedback["customer_id"] = json!(format!("u-{number}"));
                feedback["channel"] = json!("app");
                if self.rng.percent(50) {
                    feedback["contact"] = json!({"email": format!("u{number}@customer.example")});
                }
            }
            _ => {}
        }
    }

    /// The same again is answered as at first; something else under the same key is not.
    async fn submit_again(&mut self) {
        if self.submitted.is_empty() {
            return;
        }
        let (key, mut feedback, first) = self.rng.pick(&self.submitted).clone();
        let answer = self.world.submit_patiently(&feedback, &key).await;
        assert_eq!((answer.status, answer.body), (201, first));
        feedback["nps"] = json!(0);
        let answer = self.world.submit_patiently(&feedback, &key).await;
        assert_eq!(answer.status, 409);
    }

    /// Any command to any case: carried out exactly if the domain allows it.
    async fn command(&mut self) {
        if self.cases.is_empty() {
            return;
        }
        let id = *self.rng.pick(&self.cases);
        let verb = *self.rng.pick(&Verb::ALL);
        let into = *self.rng.pick(&self.cases);
        let number = self.commanded.len();
        let mut body = json!({"command": verb.name()});
        let words = format!("We have looked at it: {number} of {id}.");
        match verb {
            Verb::Reply | Verb::Resolve | Verb::AwaitCustomer | Verb::RecordCustomerMessage => {
                body["message"] = json!(words);
            }
            Verb::Decline => body["reason"] = json!(words),
            Verb::Plan => body["plan"] = json!(words),
            Verb::Merge => body["into"] = json!(into),
            Verb::Told => {
                body["how"] = json!("phone");
                body["reached"] = json!(true);
            }
            _ => {}
        }
        let case = self.world.store.case(id).await.unwrap().unwrap();
        let command = domain_command(verb, into);
        let book = Book::built_in(Calendars::office_hours(ZONE).unwrap());
        let staff = || Actor::Staff("lead".to_owned());
        let now = self.world.now();
        let mut allowed = case.handle(&command, staff(), now, &book);
        if let (Command::Merge { .. }, Ok(_)) = (&command, &allowed) {
            let survivor = self.world.store.case(into).await.unwrap().unwrap();
            allowed = survivor.absorb(&case, staff(), now, &book);
        }
        let key = format!("command-{number:08}-{}", self.rng.next());
        let answer = self.world.command_patiently(id, &body, &key).await;
        let expected = if allowed.is_ok() { 200 } else { 409 };
        assert_eq!(answer.status, expected, "{body}: {}", answer.body);
        if allowed.is_ok() {
            self.commanded.push((id, key, now));
        }
    }

    /// Lets everything come to its end and looks at all of it.
    async fn finish(mut self) -> (Vec<String>, Dump, Counts) {
        self.world.mischief = None;
        self.world.faults.clear();
        self.world.pass(A_MINUTE);
        self.world.settle().await;
        self.outreach.come_to_an_end(&mut self.world).await;
        self.world.settle().await;
        // What was received too often because its deleting was lost is dead, and done: sent again it changes nothing.
        for function in CONSUMERS {
            let dead = self.world.dead_letters_of(function);
            self.world.sqs().redrive(&dead).unwrap();
        }
        self.world.settle().await;
        // Every day is over, and each night that nobody ran is made up for; the index shows what was said last.
        self.world.pass(INDEX_LAG);
        self.world.advance("P1D").await;
        self.world.settle().await;
        let told = ledger::check(&self.world);
        let Told {
            letters: announced,
            unknown,
            unsubscribed,
        } = self.outreach.check(&mut self.world).await;
        let mut counts = Counts {
            mails: told.mails - announced,
            doubts: told.doubts - unknown,
            app: told.app,
            app_repeated: told.app_repeated,
            announced,
            unknown,
            unsubscribed,
            cases: self.cases.len(),
            publications: self.publications,
            alerts: told.alerts,
            repeated: told.repeated,
            redriven: self.redriven,
            ..Counts::default()
        };

        for id in &self.responses {
            let kept = self.world.store.response(*id).await.unwrap();
            assert!(matches!(kept, Lookup::Found(_)), "{id} is lost");
        }
        let mut expected = BTreeMap::new();
        for id in &self.cases {
            let history = self.world.history(*id).await;
            let log = history.events.iter().map(|stored| &stored.event);
            let replayed = Case::replay(log.clone()).unwrap();
            assert_eq!(replayed, history.case, "a snapshot is its log");
            assert!(
                log.clone().is_sorted_by_key(|event| event.at),
                "time goes on"
            );
            let log: Vec<Event> = log.cloned().collect();
            self.held_to_the_rules(&log, &mut expected, &mut counts);
        }
        assert_eq!(self.alerts(), expected, "each step is told of once");
        for (id, key, at) in &self.commanded {
            let history = self.world.history(*id).await;
            let events = history.events.iter();
            let made: Vec<_> = events
                .filter(|stored| stored.command_key.as_deref() == Some(key))
                .map(|stored| stored.event.at)
                .collect();
            assert_eq!(made, [*at], "{key} was carried out once, and then");
        }
        for (id, words) in &self.written {
            let kept = self.world.history(*id).await.messages;
            let kept = kept.iter().filter(|message| message.text == *words);
            assert_eq!(kept.count(), 1, "{words:?} is kept once");
        }
        let mut days = BTreeMap::<Date, [u64; 3]>::new();
        for (_, day, score) in &self.scores {
            let [answers, promoters, detractors] = days.entry(*day).or_default();
            *answers += u64::from(score.is_some());
            *promoters += u64::from(score.is_some_and(|nps| nps >= 9));
            *detractors += u64::from(score.is_some_and(|nps| nps <= 6));
        }
        for (day, expected) in days {
            let path = format!("/v1/nps?from={day}&to={day}&by=survey");
            let report = self.world.staff_get(&path).await.expect(200).json();
            let row = &report["rows"][0];
            let counted = ["n", "promoters", "detractors"].map(|of| row[of].as_u64().unwrap_or(0));
            assert_eq!(counted, expected, "answers on {day}");
        }
        let table = canonical(&self.world.dump());
        (std::mem::take(&mut self.world.transcript), table, counts)
    }

    /// The log of a case is what time must have done to it, event for event, instant for instant. So each step is there
    /// once of each deadline, and nothing is of rules that had been replaced.
    fn held_to_the_rules(
        &self,
        log: &[Event],
        alerts: &mut BTreeMap<Alert, usize>,
        counts: &mut Counts,
    ) {
        let case = log[0].case;
        let reckoned = reckon(log, &self.almanac, self.world.now());
        for (at, (found, must)) in log.iter().map(read).zip(&reckoned).enumerate() {
            assert_eq!(found, *must, "event {} of {case}", at + 1);
        }
        assert_eq!(log.len(), reckoned.len(), "{case}: {reckoned:#?}");
        for (_, what) in reckoned {
            match what {
                What::Retargeted(moved) => {
                    counts.retargeted += 1;
                    counts.moved += moved.len();
                }
                What::Told {
                    promise,
                    step,
                    due,
                    audience,
                } => {
                    let (kind, count) = match step {
                        Step::Warning => ("warning", &mut counts.warnings),
                        Step::Breach => ("breach", &mut counts.breaches),
                        Step::Rung(_) => ("escalation", &mut counts.rungs),
                    };
                    *count += 1;
                    counts.reminders += usize::from(promise == Promise::Tell);
                    let matter = json!({"kind": kind, "clock": promise.name(), "due": due});
                    let told = json!([matter, audience]).to_string();
                    *alerts.entry((case.to_string(), told)).or_default() += 1;
                }
                What::Done("confirmed") => counts.confirmed += 1,
                What::Done("disputed") => counts.disputed += 1,
                What::Done(_) | What::Closed => {}
            }
        }
    }

    /// The alerts about deadlines that the webhook took, those that came again aside.
    fn alerts(&self) -> BTreeMap<Alert, usize> {
        let messages = self.world.alerts().into_iter();
        let once: BTreeMap<String, Value> = messages.map(|m| (m.id.clone(), m.json())).collect();
        let mut alerts = BTreeMap::new();
        for message in once.values() {
            let several = message["data"]["alerts"].as_array();
            let one = std::slice::from_ref(message);
            for alert in several.map_or(one, Vec::as_slice) {
                let data = &alert["data"];
                if data["matter"]["due"].is_string() {
                    let case = data["case"].as_str().unwrap().to_owned();
                    let told = json!([data["matter"], data["audience"]]).to_string();
                    *alerts.entry((case, told)).or_default() += 1;
                }
            }
        }
        alerts
    }
}

/// Other targets, ladders and warnings.
fn any_policy(rng: &mut Rng) -> Value {
    let mut target = |hours: &[u32]| {
        let calendar = *rng.pick(&["around_the_clock", "business"]);
        json!({"duration": format!("PT{}H", rng.pick(hours)), "calendar": calendar})
    };
    let mut targets = json!({});
    for priority in ["P1", "P2", "P3", "P4"] {
        targets[priority] = json!({
            "first_response": target(&[1, 2, 4, 8, 24]),
            "next_response": target(&[1, 3, 9]),
            "resolution": target(&[8, 24, 45, 72]),
            "plan": target(&[6, 30, 48]),
            "tell": target(&[2, 12, 24]),
        });
    }
    let first_told = [
        json!({"P1": "executive"}),
        json!({"P1": "manager", "P2": "team_lead"}),
        json!({}),
    ];
    let ladders = [
        json!({"team_lead": 125, "manager": 150, "executive": 200}),
        json!({"team_lead": 110, "executive": 130}),
        json!({"team_lead": "PT30M", "manager": "PT2H"}),
        json!({}),
    ];
    json!({
        "version": 0,
        "targets": targets,
        "social_first_response": *rng.pick(&["PT1H", "PT2H", "PT5H"]),
        "warn_percent": *rng.pick(&[50, 75, 90]),
        "first_told": rng.pick(&first_told),
        "ladder": rng.pick(&ladders),
        "loop_limit": *rng.pick(&["PT72H", "PT168H"]),
        "auto_close": *rng.pick(&["PT24H", "PT72H"]),
    })
}

fn local_time(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::get(ZONE).unwrap())
}

fn local_day(at: Timestamp) -> Date {
    local_time(at).date()
}

fn domain_command(verb: Verb, into: CaseId) -> Command {
    match verb {
        Verb::Acknowledge => Command::Acknowledge,
        Verb::Assign => Command::Assign {
            owner: "lead".to_owned(),
        },
        Verb::Reply => Command::Reply,
        Verb::AwaitCustomer => Command::AwaitCustomer { message: true },
        Verb::Resume => Command::Resume,
        Verb::Resolve => Command::Resolve,
        Verb::Decline => Command::Decline,
        Verb::Reopen => Command::Reopen,
        Verb::Close => Command::Close,
        Verb::RecordCustomerMessage => Command::RecordCustomerMessage,
        Verb::Plan => Command::Plan,
        Verb::Merge => Command::Merge { into },
        Verb::Told => Command::Told {
            cause: None,
            how: How::Phone,
            came: Came::Told,
        },
    }
}

fn simulate(seed: u64) -> (Vec<String>, Dump, Counts) {
    block_on(async {
        let mut model = Model::new(seed).await;
        for _ in 0..STEPS {
            model.step().await;
        }
        model.finish().await
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a person asks of the tests is no configuration of a function"
)]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_everybody_is_answered() {
    let seeds: Vec<u64> = match (asked("RESOUND_SEED"), asked("RESOUND_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(seeds)) => (1..=seeds).collect(),
        (None, None) => SEEDS.to_vec(),
    };
    let mut total = Counts::default();
    for seeds in seeds.chunks(AT_ONCE) {
        // A seed that fails says so by its panic, which names the thread.
        std::thread::scope(|scope| {
            let start = |seed: u64| {
                let named = std::thread::Builder::new().name(format!("RESOUND_SEED={seed}"));
                named.spawn_scoped(scope, move || simulate(seed)).unwrap()
            };
            let run = |&seed: &u64| {
                let again = REPEATED.contains(&seed).then(|| start(seed));
                (seed, start(seed), again)
            };
            let threads: Vec<_> = seeds.iter().map(run).collect();
            for (seed, thread, again) in threads {
                let failed = |_| panic!("RESOUND_SEED={seed} fails");
                let run = thread.join().unwrap_or_else(failed);
                if let Some(again) = again {
                    assert_same(seed, &run, &again.join().unwrap_or_else(failed));
                }
                println!("RESOUND_SEED={seed}: {:?}", run.2);
                total += run.2;
            }
        });
    }
    println!("{} seeds: {total:?}", seeds.len());
}

/// A seed repeats, call for call.
fn assert_same(seed: u64, one: &(Vec<String>, Dump, Counts), other: &(Vec<String>, Dump, Counts)) {
    for (call, again) in one.0.iter().zip(&other.0) {
        assert_eq!(call, again, "RESOUND_SEED={seed}");
    }
    assert!(one == other, "RESOUND_SEED={seed}: the same world");
}
