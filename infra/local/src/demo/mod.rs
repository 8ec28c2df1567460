//! 90 days of made-up feedback, told through the real functions, so that every screen and number has something to
//! show.
//!
//! Nothing is written past the functions: submissions are HTTP requests of their time, staff work the cases through
//! commands, customers say whether it helped, sweeps and nights run as scheduled, and what would be mailed is caught. The same
//! seed and the same moment make the same story.

mod fix;
mod words;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use jiff::{SignedDuration, Timestamp};
use resound_lambda_kit::machine_now;
use serde_json::{Value, json};

use crate::data::DataError;
use crate::engine::{CallError, Engine, is_sweep};
use crate::server::Server;
use fix::{Deed, Fix, SHIPPED};
use words::{
    LINES, Line, Mood, NAMES, NOT_SOLVED, PRODUCTS, QUESTIONS, REASONS, REPLIES, RESOLUTIONS, Words,
};

/// How far back the story begins.
const DAYS: i64 = 90;
/// Responses of an ordinary day.
const PER_DAY: u64 = 3;
/// How often sweeps run in the story. What they find has its own time, so more often only takes longer.
const SWEEP_HOURS: i64 = 24;
/// The nights that are run: the first of them makes up for all before it.
const NIGHTS: i64 = 3;
/// A reply larger than this is not ours.
const REPLY_LIMIT: usize = 1024 * 1024;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is something already.
    #[error(
        "--demo fills an empty data folder only, and this one is not empty; choose another with --data"
    )]
    NotEmpty,
    /// Somebody would be alerted of what never happened.
    #[error("--demo makes up hundreds of alerts: leave out AlertWebhookUrl for the first start")]
    Webhook,
    /// The data folder refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A function did not do its part.
    #[error("the demo stopped at {at}: {what}")]
    Stopped {
        /// Business time of the story.
        at: Timestamp,
        /// What was wrong.
        what: String,
    },
}

/// What was made up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Responses posted.
    pub responses: usize,
    /// Cases they opened.
    pub cases: usize,
    /// Commands of staff.
    pub commands: usize,
    /// Answers of customers whether it helped.
    pub answers: usize,
    /// Letters caught.
    pub letters: u64,
}

/// Tells the story, up to now. The seed decides all of it.
///
/// # Errors
/// [`DemoError`]; what was written until then stays.
pub async fn tell(engine: &Arc<Engine>, server: &Server, seed: u64) -> Result<Summary, DemoError> {
    if !is_empty(engine) {
        return Err(DemoError::NotEmpty);
    }
    let alerting = |spec: &crate::stack::FunctionSpec| {
        spec.variables
            .get("ALERT_WEBHOOK_URL")
            .is_some_and(|url| !url.is_empty())
    };
    if engine.stack().functions.iter().any(alerting) {
        return Err(DemoError::Webhook);
    }
    let offset_ms = engine.clock().offset_ms();
    let teller = Teller::new(engine, server, seed);
    let outcome = teller.tell().await;
    // Back to now, whatever came of it.
    engine.clock().set_offset_ms(offset_ms);
    let letters = engine.aws().mailbox().count();
    engine.folder().update(|meta| meta.demo_letters = letters)?;
    outcome
}

fn is_empty(engine: &Engine) -> bool {
    engine.stack().tables.iter().all(|table| {
        let request = serde_json::from_value(json!({"TableName": table.name, "Limit": 1}));
        let page = request
            .ok()
            .and_then(|request| engine.aws().dynamo().database().scan(request).ok());
        page.is_some_and(|page| page.count == 0)
    })
}

/// A case, and what is needed to speak with its customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    case: String,
    /// The path of their status page.
    page: String,
    chinese: bool,
    /// Whether they spoke to a person, who tells them.
    in_person: bool,
    /// How it ends, if that is decided.
    fate: Option<Fate>,
}

/// Something that happens at its time; the number keeps the order of what happens at once.
type Planned = Reverse<(Timestamp, u64, Step)>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Respond {
        text: usize,
        nth: u64,
        fate: Option<Fate>,
    },
    Command {
        of: Told,
        nth: u64,
        command: Command,
    },
    Answer {
        of: Told,
        nth: u64,
    },
    Fix {
        deed: Deed,
    },
    Schedule {
        nth: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Command {
    Acknowledge,
    Assign,
    Reply,
    Ask,
    Resume,
    Resolve,
    Decline,
    Told,
    Reopen,
    Close,
}

/// Where a case of the last days is left, so that there is one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Open,
    Acknowledged,
    Awaiting,
    Resolved,
    Declined,
    Reopened,
    Closed,
    /// Resolved, and nobody has called them yet.
    Untold,
}

const FATES: [Fate; 8] = [
    Fate::Open,
    Fate::Acknowledged,
    Fate::Awaiting,
    Fate::Resolved,
    Fate::Declined,
    Fate::Reopened,
    Fate::Closed,
    Fate::Untold,
];

struct Teller<'a> {
    engine: &'a Arc<Engine>,
    server: &'a Server,
    random: Random,
    until: Timestamp,
    plan: BinaryHeap<Planned>,
    planned: u64,
    fix: Fix,
    summary: Summary,
}

impl<'a> Teller<'a> {
    fn new(engine: &'a Arc<Engine>, server: &'a Server, seed: u64) -> Self {
        Self {
            engine,
            server,
            random: Random(seed),
            until: engine.clock().now(),
            plan: BinaryHeap::new(),
            planned: 0,
            fix: Fix::default(),
            summary: Summary::default(),
        }
    }

    async fn tell(mut self) -> Result<Summary, DemoError> {
        self.plan_responses();
        self.plan_schedules();
        self.plan_fix();
        while let Some(Reverse((at, _, step))) = self.plan.pop() {
            let ahead = at
                .as_millisecond()
                .saturating_sub(machine_now().as_millisecond());
            self.engine.clock().set_offset_ms(ahead);
            match step {
                Step::Respond { text, nth, fate } => self.respond(at, text, nth, fate).await?,
                Step::Command { of, nth, command } => self.command(at, of, nth, command).await?,
                Step::Answer { of, nth } => self.answer(at, &of, nth).await?,
                Step::Fix { deed } => self.fix(at, deed).await?,
                Step::Schedule { nth } => self.fire(at, nth).await?,
            }
            while self.engine.pump_once().await > 0 {}
        }
        self.summary.letters = self.engine.aws().mailbox().count();
        Ok(self.summary)
    }

    /// Puts a step on the plan, unless its time has not come by now.
    fn plan(&mut self, at: Timestamp, step: Step) {
        if at < self.until {
            self.planned += 1;
            self.plan.push(Reverse((at, self.planned, step)));
        }
    }

    fn plan_responses(&mut self) {
        let mut nth = 0;
        for day in 0..DAYS {
            let begin = later(self.until, SignedDuration::from_hours(24 * (day - DAYS)));
            let busy = if day % 7 >= 5 { 2 } else { 0 };
            for _ in 0..(PER_DAY - 2 + busy + self.random.below(5)) {
                let at = later(begin, SignedDuration::from_secs(self.seconds(0, 24 * 3600)));
                let text = self.line(day);
                self.plan(
                    at,
                    Step::Respond {
                        text,
                        nth,
                        fate: None,
                    },
                );
                nth += 1;
            }
        }
        let complaints = |of_the_fix: bool| -> Vec<usize> {
            let lines = LINES.iter().enumerate();
            let fitting = lines
                .filter(|(_, line)| line.0 == Mood::Unhappy && line.is_of_the_fix() == of_the_fix);
            fitting.map(|(index, _)| index).collect()
        };
        // What many complain of, for as long as it is not mended.
        for days in fix::COMPLAINTS {
            let hours = SignedDuration::from_hours(24 * days);
            let at = later(
                self.until,
                SignedDuration::from_secs(self.seconds(0, 24 * 3600)) - hours,
            );
            let text = self
                .random
                .pick(&complaints(true))
                .copied()
                .unwrap_or_default();
            let fate = None;
            self.plan(at, Step::Respond { text, nth, fate });
            nth += 1;
        }
        // One complaint for each state that a case can be in, long enough ago for its fate to be fulfilled.
        let others = complaints(false);
        for fate in FATES {
            let back = SignedDuration::from_hours(if fate == Fate::Open { 1 } else { 30 });
            let at = later(
                self.until,
                -back - SignedDuration::from_secs(self.seconds(0, 3600)),
            );
            let text = self.random.pick(&others).copied().unwrap_or_default();
            let fate = Some(fate);
            self.plan(at, Step::Respond { text, nth, fate });
            nth += 1;
        }
    }

    fn plan_schedules(&mut self) {
        let begin = later(self.until, SignedDuration::from_hours(-24 * DAYS));
        let nights = later(self.until, SignedDuration::from_hours(-24 * NIGHTS));
        for (nth, schedule) in self.engine.stack().schedules.iter().enumerate() {
            let sweep = is_sweep(schedule, begin);
            let next = |at| match sweep {
                true => Some(later(at, SignedDuration::from_hours(SWEEP_HOURS))),
                false => schedule.expression.next_after(at, &schedule.zone),
            };
            let first = next(if sweep { begin } else { nights });
            let until = self.until;
            let runs = std::iter::successors(first, |at| next(*at)).take_while(|at| *at < until);
            for at in runs {
                self.plan(at, Step::Schedule { nth });
            }
        }
    }

    /// What somebody says on this day. Delivery goes wrong for two weeks; the product gets better from day to day.
    fn line(&mut self, day: i64) -> usize {
        let day = u64::try_from(day).unwrap_or_default();
        let warehouse_moves = (30..45).contains(&day);
        let happy = if warehouse_moves { 28 } else { 36 + day / 6 };
        let draw = self.random.below(100);
        let mood = match draw {
            _ if draw < happy => Mood::Happy,
            _ if draw < happy + 18 => Mood::Content,
            _ if draw >= 99 => Mood::Alarmed,
            _ if draw >= 93 => Mood::Wishing,
            _ if draw >= 87 => Mood::Asking,
            _ => Mood::Unhappy,
        };
        let is_mended = i64::try_from(day).is_ok_and(|day| day >= DAYS - i64::from(SHIPPED));
        let fits = |line: &&(usize, &Line)| {
            line.1.0 == mood
                && (!warehouse_moves || mood != Mood::Unhappy || line.1.1 == "logistics")
                && !(is_mended && line.1.is_of_the_fix())
        };
        let numbered: Vec<_> = LINES.iter().enumerate().collect();
        let fitting: Vec<_> = numbered
            .iter()
            .filter(fits)
            .map(|(index, _)| *index)
            .collect();
        self.random.pick(&fitting).copied().unwrap_or_default()
    }

    async fn respond(
        &mut self,
        at: Timestamp,
        text: usize,
        nth: u64,
        fate: Option<Fate>,
    ) -> Result<(), DemoError> {
        let Some(Line(mood, touchpoint, chinese, english)) = LINES.get(text) else {
            return Ok(());
        };
        let speaks_chinese = self.random.below(100) < 60;
        let words = if speaks_chinese { chinese } else { english };
        let customer = self.random.below(240);
        let names = self.random.pick(&NAMES).copied().unwrap_or_default();
        let name = if speaks_chinese { names.0 } else { names.1 };
        let (channels, tiers) = (
            [
                "web", "web", "web", "app", "app", "email", "chat", "phone", "social", "store",
                "sales", "partner",
            ],
            [
                "bronze", "bronze", "bronze", "silver", "silver", "gold", "platinum",
            ],
        );
        let channel = match fate {
            Some(Fate::Untold) => "phone",
            _ => self.random.pick(&channels).unwrap_or(&"web"),
        };
        let mut body = json!({
            "form": "default",
            "channel": channel,
            "touchpoint": touchpoint,
            "product": self.random.pick(&PRODUCTS),
            "customer_id": format!("C-{:04}", 1000 + customer),
            "tier": tiers.get(usize::try_from(customer).unwrap_or_default() % tiers.len()),
            "locale": if speaks_chinese { "zh-CN" } else { "en" },
            "order_id": format!("R-2026-{:05}", 10_000 + nth),
            "consent": true,
        });
        if let Some(body) = body.as_object_mut() {
            if !words.is_empty() {
                body.insert("text".to_owned(), json!(words));
            }
            let score = self.nps(*mood);
            // Some skip the question; a letter without words must have a score.
            if words.is_empty() || self.random.below(100) < 85 {
                body.insert("nps".to_owned(), json!(score));
            }
            if self.random.below(100) < 30 {
                body.insert("csat".to_owned(), json!((score / 2).max(1)));
            }
            if self.random.below(100) < 15 {
                body.insert("ces".to_owned(), json!((score * 6 / 10 + 1).min(7)));
            }
            if fate.is_some() || self.random.below(100) < 75 {
                let email = format!("customer-{customer}@example.com");
                body.insert("contact".to_owned(), json!({"email": email, "name": name}));
            }
        }
        let key = format!("demo-response-{nth:06}");
        let (status, answer) = self
            .ask(at, "POST", "/v1/feedback", &key, None, &body)
            .await;
        if status != 201 {
            return Err(stopped(
                at,
                format!("a response was answered with {status}: {answer}"),
            ));
        }
        self.summary.responses += 1;
        let Some(case) = answer.get("id").and_then(Value::as_str) else {
            return Err(stopped(at, format!("a receipt has no id: {answer}")));
        };
        if answer.get("respond_by").is_some_and(|by| !by.is_null()) {
            self.summary.cases += 1;
            let page = answer.get("status_url").and_then(Value::as_str);
            let page = page.and_then(|url| url.find("/v1/").and_then(|start| url.get(start..)));
            let of = Told {
                case: case.to_owned(),
                page: page.unwrap_or_default().to_owned(),
                chinese: speaks_chinese,
                in_person: ["phone", "store", "sales"].contains(&channel),
                fate,
            };
            self.plan_work(at, &of, fate);
        }
        Ok(())
    }

    fn nps(&mut self, mood: Mood) -> u64 {
        match mood {
            Mood::Happy => 9 + self.random.below(2),
            Mood::Content => 7 + self.random.below(2),
            Mood::Unhappy => self.random.below(7),
            Mood::Alarmed => self.random.below(3),
            Mood::Asking | Mood::Wishing => 6 + self.random.below(4),
        }
    }

    /// What staff will do with a case.
    fn plan_work(&mut self, opened: Timestamp, of: &Told, fate: Option<Fate>) {
        let hour = 3600;
        let draw = self.random.below(100);
        let steps: Vec<(i64, i64, Command)> = match fate {
            Some(Fate::Open) => vec![],
            Some(Fate::Acknowledged) => vec![
                (hour / 2, hour, Command::Acknowledge),
                (hour, 2 * hour, Command::Assign),
            ],
            Some(Fate::Awaiting) => vec![
                (hour, 2 * hour, Command::Acknowledge),
                (3 * hour, 4 * hour, Command::Ask),
            ],
            Some(Fate::Resolved | Fate::Untold) => vec![
                (hour, 2 * hour, Command::Reply),
                (20 * hour, 24 * hour, Command::Resolve),
            ],
            Some(Fate::Declined) => vec![
                (hour, 2 * hour, Command::Acknowledge),
                (20 * hour, 24 * hour, Command::Decline),
            ],
            Some(Fate::Reopened) => vec![
                (hour, 2 * hour, Command::Resolve),
                (25 * hour, 26 * hour, Command::Reopen),
            ],
            Some(Fate::Closed) => vec![
                (hour, 2 * hour, Command::Resolve),
                (25 * hour, 26 * hour, Command::Close),
            ],
            // Most are answered in time, some are not, and a few come back.
            None if draw < 55 => vec![
                (hour / 6, 2 * hour, Command::Acknowledge),
                (hour / 4, 3 * hour, Command::Assign),
                (2 * hour, 4 * hour, Command::Reply),
                (5 * hour, 40 * hour, Command::Resolve),
            ],
            None if draw < 65 => vec![
                (hour / 2, 2 * hour, Command::Reply),
                (8 * hour, 30 * hour, Command::Decline),
            ],
            None if draw < 77 => vec![
                (hour / 2, 2 * hour, Command::Acknowledge),
                (2 * hour, 5 * hour, Command::Ask),
                (20 * hour, 40 * hour, Command::Resume),
                (41 * hour, 60 * hour, Command::Resolve),
            ],
            None if draw < 83 => vec![
                (hour, 3 * hour, Command::Reply),
                (6 * hour, 20 * hour, Command::Resolve),
                (30 * hour, 60 * hour, Command::Reopen),
                (61 * hour, 90 * hour, Command::Resolve),
            ],
            None => vec![
                (26 * hour, 50 * hour, Command::Reply),
                (60 * hour, 120 * hour, Command::Resolve),
            ],
        };
        for (nth, (from, to, command)) in steps.into_iter().enumerate() {
            let at = later(opened, SignedDuration::from_secs(self.seconds(from, to)));
            let nth = u64::try_from(nth).unwrap_or_default();
            self.plan(
                at,
                Step::Command {
                    of: of.clone(),
                    nth,
                    command,
                },
            );
        }
    }

    async fn command(
        &mut self,
        at: Timestamp,
        of: Told,
        nth: u64,
        command: Command,
    ) -> Result<(), DemoError> {
        let say = |words: Words| if of.chinese { words.0 } else { words.1 };
        let owner = *self.random.pick(&["agent", "lead"]).unwrap_or(&"agent");
        let reply = self.random.pick(&REPLIES).copied().unwrap_or_default();
        let resolution = self.random.pick(&RESOLUTIONS).copied().unwrap_or_default();
        let reason = self.random.pick(&REASONS).copied().unwrap_or_default();
        let body = match command {
            Command::Acknowledge => json!({"command": "acknowledge"}),
            Command::Assign => json!({"command": "assign", "owner": owner}),
            Command::Reply => json!({"command": "reply", "message": say(reply)}),
            Command::Ask => json!({"command": "await_customer", "message": say(QUESTIONS)}),
            Command::Resume => json!({"command": "resume"}),
            Command::Resolve => json!({"command": "resolve", "message": say(resolution)}),
            Command::Decline => json!({"command": "decline", "reason": say(reason)}),
            Command::Told => json!({"command": "told", "how": "phone", "reached": true}),
            Command::Reopen => json!({"command": "reopen"}),
            Command::Close => json!({"command": "close"}),
        };
        let case = &of.case;
        let key = format!("demo-command-{case}-{nth}");
        let path = format!("/v1/cases/{case}/commands");
        let token = self.server.token(owner).unwrap_or_default();
        let (status, answer) = self.ask(at, "POST", &path, &key, Some(&token), &body).await;
        match status {
            200..=299 => {
                self.summary.commands += 1;
                if matches!(command, Command::Resolve | Command::Decline) {
                    self.plan_hearing(at, of, nth);
                }
                Ok(())
            }
            // Time was faster: the case has moved on by itself.
            409 => Ok(()),
            _ => Err(stopped(
                at,
                format!("{body} was answered with {status}: {answer}"),
            )),
        }
    }

    /// The customer hears of the outcome, from a person where they spoke to one, and most say whether it helped.
    fn plan_hearing(&mut self, told: Timestamp, of: Told, nth: u64) {
        let hour = 3600;
        let mut heard = told;
        // Apart from the numbers of the work: nothing is done fifty times.
        let nth = nth + 50;
        if of.in_person && of.fate != Some(Fate::Untold) {
            heard = later(
                told,
                SignedDuration::from_secs(self.seconds(hour, 9 * hour)),
            );
            let (of, command) = (of.clone(), Command::Told);
            self.plan(heard, Step::Command { of, nth, command });
        }
        if of.fate.is_none() && self.random.below(100) < 60 {
            let at = later(
                heard,
                SignedDuration::from_secs(self.seconds(hour, 70 * hour)),
            );
            self.plan(at, Step::Answer { of, nth });
        }
    }

    /// What the customer says on their status page to the last outcome, if it is still asked.
    async fn answer(&mut self, at: Timestamp, of: &Told, nth: u64) -> Result<(), DemoError> {
        let key = format!("demo-answer-{}-{nth}", of.case);
        let (_, status) = self
            .ask(at, "GET", &of.page, &key, None, &Value::Null)
            .await;
        let Some(outcome) = status
            .pointer("/question/outcome")
            .filter(|seq| seq.is_u64())
        else {
            return Ok(());
        };
        let is_solved = self.random.below(100) < 82;
        let body = match is_solved {
            true => json!({"solved": "yes", "outcome": outcome}),
            false => {
                let words = if of.chinese {
                    NOT_SOLVED.0
                } else {
                    NOT_SOLVED.1
                };
                json!({"solved": "no", "outcome": outcome, "text": words})
            }
        };
        let path = format!("{}/helped", of.page);
        let (status, answer) = self.ask(at, "POST", &path, &key, None, &body).await;
        match status {
            200..=299 => self.summary.answers += 1,
            // It was said before, or the case has moved on.
            409 => return Ok(()),
            _ => {
                let what = format!("{body} was answered with {status}: {answer}");
                return Err(stopped(at, what));
            }
        }
        if !is_solved {
            // Somebody sees to it.
            let again = later(at, SignedDuration::from_secs(self.seconds(3600, 30 * 3600)));
            let (of, nth, command) = (of.clone(), nth + 100, Command::Resolve);
            self.plan(again, Step::Command { of, nth, command });
        }
        Ok(())
    }

    /// A variable of a function's environment; empty if there is none.
    fn variable(&self, function: &str, name: &str) -> String {
        let mut functions = self.engine.stack().functions.iter();
        let own = functions.find(|spec| spec.name == function);
        let value = own.and_then(|spec| spec.variables.get(name));
        value.cloned().unwrap_or_default()
    }

    async fn fire(&self, at: Timestamp, nth: usize) -> Result<(), DemoError> {
        let Some(schedule) = self.engine.stack().schedules.get(nth) else {
            return Ok(());
        };
        let fired = self.engine.fire(schedule, at).await;
        fired.map_err(|fault: CallError| stopped(at, fault.to_string()))
    }

    /// Status and body of a request of its time.
    async fn ask(
        &self,
        at: Timestamp,
        method: &str,
        path: &str,
        key: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let Ok(request) = request.body(Body::from(body.to_string())) else {
            return (400, Value::Null);
        };
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let answer = self.server.answer_at(request, peer, at).await;
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), REPLY_LIMIT)
            .await
            .unwrap_or_default();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn seconds(&mut self, from: i64, to: i64) -> i64 {
        let width = u64::try_from(to - from).unwrap_or_default().max(1);
        from + i64::try_from(self.random.below(width)).unwrap_or_default()
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

fn stopped(at: Timestamp, what: String) -> DemoError {
    DemoError::Stopped { at, what }
}

/// SplitMix64: a seed is all of its state.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(from.len()).unwrap_or(u64::MAX));
        from.get(usize::try_from(index).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_it_all() {
        let draw = |seed| {
            let mut random = Random(seed);
            [random.below(100), random.below(100), random.below(100)]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn there_is_something_to_say_in_every_mood() {
        for mood in [
            Mood::Happy,
            Mood::Content,
            Mood::Unhappy,
            Mood::Alarmed,
            Mood::Asking,
            Mood::Wishing,
        ] {
            assert!(LINES.iter().any(|line| line.0 == mood));
        }
        assert!(LINES.iter().any(Line::is_of_the_fix));
    }
}
