//! What must become of a case while rules change, reckoned by other means than those under test.
//!
//! A log is believed only in what people did and when. Everything that time does follows from that and from what was
//! published: whole milliseconds, hours walked one after the other, in a zone that never changes its clocks. No clock,
//! calendar, policy or book of the domain is asked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use resound_domain::clock::{self, ClockKind};
use resound_domain::event::{Actor, Event, EventKind};
use resound_domain::policy::{Audience, Origin, Priority};
use resound_domain::submission::Channel;
use serde_json::{Value, json};

/// Milliseconds since 1970, or a length of time.
type Ms = i64;

const MINUTE: Ms = 60_000;
const DAY: Ms = 24 * 60 * MINUTE;
/// Shanghai is ahead of UTC by this, all year.
const OFFSET: Ms = 8 * 60 * MINUTE;
/// The weekday of 1970-01-01, counted from Monday.
const EPOCH_WEEKDAY: Ms = 3;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Business hours: the first so many days of each week, between two minutes of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// How many days from Monday on are worked.
    pub days: u8,
    /// The first minute.
    pub from: u16,
    /// The minute after the last.
    pub to: u16,
}

impl Hours {
    /// Those of a company that published none: Monday to Friday, 09:00 to 18:00.
    pub const OFFICE: Self = Self {
        days: 5,
        from: 9 * 60,
        to: 18 * 60,
    };

    /// The document that publishes them.
    pub fn document(self) -> Value {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let (from, to) = (time(self.from), time(self.to));
        let days = WEEKDAYS.into_iter().take(usize::from(self.days));
        let hours: BTreeMap<_, _> = days.map(|day| (day, json!([[from, to]]))).collect();
        json!({"tz": "Asia/Shanghai", "hours": hours})
    }

    /// The first period that is not over at `at`.
    fn period(self, at: Ms) -> (Ms, Ms) {
        let today = (at + OFFSET).div_euclid(DAY);
        let mut days = (today..).filter(|day| (day + EPOCH_WEEKDAY) % 7 < Ms::from(self.days));
        let period = |day: Ms| {
            let minute = |of: u16| day * DAY - OFFSET + Ms::from(of) * MINUTE;
            (minute(self.from), minute(self.to))
        };
        days.find_map(|day| Some(period(day)).filter(|&(_, end)| at < end))
            .expect("some day is worked")
    }
}

/// What was published, as it applies in the end.
#[derive(Debug)]
pub struct Almanac {
    policies: Vec<(Ms, Value)>,
    hours: Vec<(Ms, Hours)>,
}

impl Almanac {
    /// That of a company that published nothing, with the built-in policy.
    pub fn new(built_in: Value) -> Self {
        Self {
            policies: vec![(Ms::MIN, built_in)],
            hours: vec![(Ms::MIN, Hours::OFFICE)],
        }
    }

    /// A policy was published. It takes the place of those that were to begin with it or later.
    pub fn publish_policy(&mut self, from: Timestamp, policy: Value) {
        publish(&mut self.policies, from, policy);
    }

    /// Hours were published, likewise.
    pub fn publish_hours(&mut self, from: Timestamp, hours: Hours) {
        publish(&mut self.hours, from, hours);
    }

    /// The instants after the one and up to the other at which rules change.
    fn changes(&self, after: Ms, until: Ms) -> BTreeSet<Ms> {
        let policies = self.policies.iter().map(|(from, _)| *from);
        let all = policies.chain(self.hours.iter().map(|(from, _)| *from));
        all.filter(|from| (after + 1..=until).contains(from))
            .collect()
    }

    fn at(&self, at: Ms) -> Rules<'_> {
        Rules {
            policy: applies(&self.policies, at),
            hours: *applies(&self.hours, at),
        }
    }
}

fn publish<T>(published: &mut Vec<(Ms, T)>, from: Timestamp, what: T) {
    let from = from.as_millisecond();
    published.retain(|(other, _)| *other < from);
    published.push((from, what));
}

fn applies<T>(published: &[(Ms, T)], at: Ms) -> &T {
    let mut begun = published.iter().rev().filter(|(from, _)| *from <= at);
    &begun.next().expect("one always applies").1
}

/// The rules at an instant.
#[derive(Debug, Clone, Copy)]
struct Rules<'a> {
    policy: &'a Value,
    hours: Hours,
}

impl Rules<'_> {
    fn duration(self, name: &str) -> Ms {
        duration(&self.policy[name])
    }

    fn agreed(self, promise: Promise, priority: Priority, origin: &Origin) -> Target {
        let table = &self.policy["targets"][json!(priority).as_str().expect("a name")];
        let target = |name: &str| {
            let target = table.get(name)?;
            Some(Target {
                duration: duration(&target["duration"]),
                business: target["calendar"] == "business",
            })
        };
        let elapsed = |duration| Target {
            duration,
            business: false,
        };
        let first = || {
            let first = target("first_response").expect("it is always agreed");
            let social = self.duration("social_first_response");
            let slow = first.business || first.duration > social;
            if origin.channel == Some(Channel::Social) && slow {
                return elapsed(social);
            }
            first
        };
        let Promise::Clock(kind) = promise else {
            return target("tell").unwrap_or(elapsed(DAY));
        };
        match kind {
            ClockKind::FirstResponse => first(),
            ClockKind::NextResponse => target("next_response").unwrap_or_else(first),
            ClockKind::Resolution => target("resolution").expect("it is always agreed"),
            ClockKind::Plan => target("plan").unwrap_or(elapsed(2 * DAY)),
            ClockKind::Loop => elapsed(self.duration("loop_limit")),
        }
    }

    /// What a clock does, with how much of its target must be used up, in order.
    fn steps(self, priority: Priority, target: Ms) -> Vec<(Step, Ms)> {
        let share = |percent: &Value| Some(target * percent.as_i64()? / 100);
        let first = self.first_told(priority);
        let warning = share(&self.policy["warn_percent"]).expect("a number");
        let mut steps = vec![(Step::Warning, warning), (Step::Breach, target)];
        for audience in [Audience::TeamLead, Audience::Manager, Audience::Executive] {
            let rung = self.policy["ladder"].get(audience.name());
            let Some(rung) = rung.filter(|_| audience > first) else {
                continue;
            };
            let used = share(rung).unwrap_or_else(|| target + duration(rung));
            steps.push((Step::Rung(audience), used));
        }
        steps
    }

    fn first_told(self, priority: Priority) -> Audience {
        let name = json!(priority);
        let told = self.policy["first_told"].get(name.as_str().expect("a name"));
        told.map_or(Audience::Owner, |told| {
            serde_json::from_value(told.clone()).expect("an audience")
        })
    }
}

fn duration(value: &Value) -> Ms {
    let duration: SignedDuration = value
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a duration");
    duration.as_secs() * 1000
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    duration: Ms,
    business: bool,
}

/// What has a deadline. Of what comes at the same instant the first is the first here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// That of a clock of the case.
    Clock(ClockKind),
    /// That a person tells the customer.
    Tell,
}

impl Promise {
    /// How alerts call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clock(kind) => kind.name(),
            Self::Tell => "tell",
        }
    }
}

/// What a clock does by itself, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It warns.
    Warning,
    /// It finds its deadline missed.
    Breach,
    /// It tells another audience of that.
    Rung(Audience),
}

/// What happened to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something that does not come from time alone.
    Done(&'static str),
    /// A step of a clock.
    Told {
        /// Of which promise.
        promise: Promise,
        /// Which one.
        step: Step,
        /// Of which deadline.
        due: Timestamp,
        /// Who is told.
        audience: Audience,
    },
    /// Other rules began: the deadlines that moved.
    Retargeted(Vec<(ClockKind, Option<Timestamp>, Option<Timestamp>)>),
    /// It closed by itself.
    Closed,
}

/// What a log says.
pub fn read(event: &Event) -> (Timestamp, What) {
    let told = |promise, step, due, audience| What::Told {
        promise,
        step,
        due,
        audience,
    };
    let what = match &event.kind {
        EventKind::Warned { clock, due } => {
            let clock = Promise::Clock(*clock);
            told(clock, Step::Warning, *due, Audience::Owner)
        }
        EventKind::Breached {
            clock,
            due,
            audience,
        } => {
            let audience = audience.expect("an audience");
            told(Promise::Clock(*clock), Step::Breach, *due, audience)
        }
        EventKind::Escalated {
            clock,
            due,
            audience,
        } => {
            let rung = Step::Rung(*audience);
            told(Promise::Clock(*clock), rung, *due, *audience)
        }
        EventKind::Reminded {
            step,
            due,
            audience,
            ..
        } => {
            let step = match step {
                clock::Step::Warning => Step::Warning,
                clock::Step::Breach => Step::Breach,
                clock::Step::TeamLead => Step::Rung(Audience::TeamLead),
                clock::Step::Manager => Step::Rung(Audience::Manager),
                clock::Step::Executive => Step::Rung(Audience::Executive),
            };
            told(Promise::Tell, step, *due, *audience)
        }
        EventKind::Retargeted { moved, .. } => {
            What::Retargeted(moved.iter().map(|m| (m.clock, m.from, m.to)).collect())
        }
        EventKind::Closed if event.by == Actor::System => What::Closed,
        kind => What::Done(kind.name()),
    };
    (event.at, what)
}

/// What the log of a case must be at `until`, from what was done to it and what was published.
pub fn reckon(log: &[Event], almanac: &Almanac, until: Timestamp) -> Vec<(Timestamp, What)> {
    let (opened, rest) = log.split_first().expect("it was opened");
    let EventKind::Opened {
        priority, origin, ..
    } = &opened.kind
    else {
        panic!("it begins with {opened:?}");
    };
    let now = opened.at.as_millisecond();
    let mut case = Reckoned {
        almanac,
        priority: *priority,
        origin: origin.clone().expect("where it came from"),
        clocks: BTreeMap::new(),
        rules: almanac.at(now),
        ruled_at: now,
        over: false,
        closes_at: None,
        untold: None,
        tell: None,
        log: vec![(opened.at, What::Done("opened"))],
    };
    case.start(now);
    for event in rest {
        if let (_, What::Done(name)) = read(event) {
            case.pass(event.at.as_millisecond());
            case.log.push((event.at, What::Done(name)));
            case.take(event);
        }
    }
    case.pass(until.as_millisecond());
    case.log
}

struct Reckoned<'a> {
    almanac: &'a Almanac,
    priority: Priority,
    origin: Origin,
    clocks: BTreeMap<ClockKind, Clock>,
    rules: Rules<'a>,
    /// Until when changes of the rules are reckoned in.
    ruled_at: Ms,
    over: bool,
    closes_at: Option<Ms>,
    /// What a person is to tell the customer: the case does not close by itself meanwhile.
    untold: Option<u32>,
    /// Until when, as long as there is something to tell.
    tell: Option<Clock>,
    log: Vec<(Timestamp, What)>,
}

impl Reckoned<'_> {
    fn start(&mut self, now: Ms) {
        (self.rules, self.ruled_at) = (self.almanac.at(now), now);
        self.clocks.clear();
        let plan = self.origin.low_score.then_some(ClockKind::Plan);
        let others = [
            ClockKind::FirstResponse,
            ClockKind::Resolution,
            ClockKind::Loop,
        ];
        for kind in others.into_iter().chain(plan) {
            self.begin(kind, now);
        }
        (self.over, self.closes_at) = (false, None);
    }

    fn begin(&mut self, kind: ClockKind, now: Ms) {
        let clock = self.started(Promise::Clock(kind), now);
        self.clocks.insert(kind, clock);
    }

    fn started(&self, promise: Promise, now: Ms) -> Clock {
        let target = self.rules.agreed(promise, self.priority, &self.origin);
        let mut clock = Clock {
            target,
            hours: self.rules.hours,
            counted: 0,
            told: None,
            missed: None,
            run: Run::Paused,
        };
        clock.resume(now, self.rules.hours);
        clock
    }

    fn take(&mut self, event: &Event) {
        let now = event.at.as_millisecond();
        match &event.kind {
            EventKind::Replied { .. } => self.answered(),
            EventKind::AwaitingCustomer { message, .. } => {
                if *message {
                    self.answered();
                }
                for (kind, clock) in &mut self.clocks {
                    if *kind != ClockKind::Loop {
                        clock.pause(now);
                    }
                }
            }
            EventKind::Resumed { .. } => self.resume(now),
            EventKind::CustomerWrote { .. } if self.over => self.start(now),
            EventKind::CustomerWrote { .. } => {
                self.resume(now);
                let running = |kind| {
                    let clock: Option<&Clock> = self.clocks.get(&kind);
                    clock.is_some_and(|clock| matches!(clock.run, Run::Running { .. }))
                };
                if !running(ClockKind::FirstResponse) && !running(ClockKind::NextResponse) {
                    self.begin(ClockKind::NextResponse, now);
                }
            }
            EventKind::Reopened { .. } | EventKind::Disputed { .. } => self.start(now),
            EventKind::Confirmed { .. } => self.end(None),
            EventKind::Planned { .. } => self.stop(|kind| kind == ClockKind::Plan),
            EventKind::Resolved { .. } | EventKind::Declined { .. } => {
                self.end(Some(now + self.rules.duration("auto_close")));
            }
            EventKind::Merged { .. } | EventKind::Closed => self.end(None),
            _ => {}
        }
        self.listen(event);
    }

    /// Whether the customer knows.
    fn listen(&mut self, event: &Event) {
        let before = self.untold;
        match event.kind {
            EventKind::NoticeInDoubt { cause, .. } | EventKind::ToTell { cause, .. } => {
                self.untold = before.max(Some(cause));
                if self.untold != before {
                    self.tell = Some(self.started(Promise::Tell, event.at.as_millisecond()));
                }
            }
            EventKind::NoticeFound { cause }
            | EventKind::Told { cause, .. }
            | EventKind::NotReached {
                cause,
                gives_up: true,
                ..
            } => {
                self.untold = before.filter(|untold| *untold > cause);
            }
            EventKind::Replied { .. }
            | EventKind::AwaitingCustomer { message: true, .. }
            | EventKind::Resolved { .. }
            | EventKind::Declined { .. }
            | EventKind::Followed { .. }
            | EventKind::CustomerWrote { .. }
            | EventKind::Confirmed { .. }
            | EventKind::Disputed { .. }
            | EventKind::Reopened { .. }
            | EventKind::Closed => self.untold = None,
            _ => {}
        }
        if before.is_some() && self.untold.is_none() {
            self.tell = None;
            let days = event.at.as_millisecond() + self.rules.duration("auto_close");
            self.closes_at = self.closes_at.map(|at| at.max(days));
        }
    }

    fn answered(&mut self) {
        self.stop(|kind| matches!(kind, ClockKind::FirstResponse | ClockKind::NextResponse));
    }

    fn stop(&mut self, which: impl Fn(ClockKind) -> bool) {
        for (kind, clock) in &mut self.clocks {
            if which(*kind) {
                clock.run = Run::Stopped;
            }
        }
    }

    fn end(&mut self, closes_at: Option<Ms>) {
        self.stop(|_| true);
        (self.over, self.closes_at) = (true, closes_at);
    }

    fn resume(&mut self, now: Ms) {
        for clock in self.clocks.values_mut() {
            clock.resume(now, self.rules.hours);
        }
    }

    /// Lets time go on: under the rules until they change, and then under the others.
    fn pass(&mut self, until: Ms) {
        for change in self.almanac.changes(self.ruled_at, until) {
            if self.over {
                break;
            }
            self.steps(change);
            self.change(change);
        }
        self.steps(until);
    }

    fn steps(&mut self, until: Ms) {
        let silent = self.closes_at.filter(|_| self.untold.is_none());
        if let Some(at) = silent.filter(|at| *at <= until) {
            self.closes_at = None;
            self.log.push((timestamp(at), What::Closed));
        }
        loop {
            let clocks = self.clocks.iter();
            let clocks = clocks.map(|(kind, clock)| (Promise::Clock(*kind), clock));
            let tell = self.tell.iter().map(|clock| (Promise::Tell, clock));
            let next = clocks.chain(tell).filter_map(|(promise, clock)| {
                let (at, step) = clock.next(self.rules, self.priority)?;
                Some((at, promise, step))
            });
            let Some((at, promise, step)) = next.min().filter(|(at, ..)| *at <= until) else {
                return;
            };
            let clock = match promise {
                Promise::Clock(kind) => self.clocks.get_mut(&kind),
                Promise::Tell => self.tell.as_mut(),
            };
            let clock = clock.expect("it was just there");
            let due = clock.due().expect("it runs");
            clock.told = Some(step);
            if step == Step::Breach {
                clock.missed = Some(due);
            }
            let audience = match step {
                Step::Warning => Audience::Owner,
                Step::Breach => self.rules.first_told(self.priority),
                Step::Rung(audience) => audience,
            };
            let told = What::Told {
                promise,
                step,
                due: timestamp(due),
                audience,
            };
            self.log.push((timestamp(at), told));
        }
    }

    fn change(&mut self, at: Ms) {
        (self.rules, self.ruled_at) = (self.almanac.at(at), at);
        let mut moved = Vec::new();
        for (kind, clock) in &mut self.clocks {
            let promise = Promise::Clock(*kind);
            let target = self.rules.agreed(promise, self.priority, &self.origin);
            let before = clock.due();
            clock.retarget(target, at, self.rules.hours);
            let after = clock.due();
            if before != after {
                moved.push((*kind, before.map(timestamp), after.map(timestamp)));
            }
        }
        if let Some(clock) = &mut self.tell {
            let target = self
                .rules
                .agreed(Promise::Tell, self.priority, &self.origin);
            clock.retarget(target, at, self.rules.hours);
        }
        self.log.push((timestamp(at), What::Retargeted(moved)));
    }
}

#[derive(Debug)]
struct Clock {
    target: Target,
    /// What it counts by since it runs.
    hours: Hours,
    counted: Ms,
    told: Option<Step>,
    missed: Option<Ms>,
    run: Run,
}

#[derive(Debug, Clone, Copy)]
enum Run {
    Running { since: Ms, due: Ms },
    Paused,
    Stopped,
}

impl Clock {
    /// The deadline while it runs.
    fn due(&self) -> Option<Ms> {
        match self.run {
            Run::Running { due, .. } => Some(due),
            Run::Paused | Run::Stopped => None,
        }
    }

    fn pause(&mut self, at: Ms) {
        if let Run::Running { since, .. } = self.run {
            self.counted += self.between(since, at);
            self.run = Run::Paused;
        }
    }

    fn resume(&mut self, at: Ms, hours: Hours) {
        if let Run::Paused = self.run {
            self.hours = hours;
            let due = self.add(at, self.target.duration - self.counted);
            let due = self.missed.unwrap_or(due);
            self.run = Run::Running { since: at, due };
        }
    }

    /// A deadline that moves is a new one, of which nothing was told.
    fn retarget(&mut self, target: Target, at: Ms, hours: Hours) {
        let before = self.due();
        let (running, same) = match self.run {
            Run::Stopped => return,
            Run::Paused => (false, self.target == target),
            Run::Running { since, .. } => {
                let used_up = self.counted + self.between(since, at) == target.duration;
                if self.missed.is_none() && before == Some(at) && used_up {
                    // It is due this instant by the one as by the other. What follows it goes by the new hours.
                    self.pause(at);
                    (self.target, self.hours) = (target, hours);
                    self.run = Run::Running { since: at, due: at };
                    return;
                }
                (true, false)
            }
        };
        self.pause(at);
        self.target = target;
        let missed = self.missed.take();
        if running {
            self.resume(at, hours);
        }
        let stays = match missed {
            Some(_) => self.counted >= target.duration,
            None => same || (running && self.due() == before),
        };
        if !stays {
            self.told = None;
            return;
        }
        self.missed = missed;
        if let (Run::Running { due, .. }, Some(missed)) = (&mut self.run, missed) {
            *due = missed;
        }
    }

    /// What it does next.
    fn next(&self, rules: Rules<'_>, priority: Priority) -> Option<(Ms, Step)> {
        let Run::Running { since, .. } = self.run else {
            return None;
        };
        let mut at = since;
        for (step, used) in rules.steps(priority, self.target.duration) {
            let missed = Ms::from(step == Step::Breach);
            // What is due now does not wait for the next opening.
            let is_now = used <= self.counted && self.due() == Some(since);
            let reached = if is_now {
                since
            } else {
                self.add(since, used - self.counted)
            };
            at = at.max(reached + missed);
            if Some(step) > self.told {
                return Some((at, step));
            }
        }
        None
    }

    /// When so much time has counted from `at` on.
    fn add(&self, at: Ms, left: Ms) -> Ms {
        let (mut at, mut left) = (at, left.max(0));
        if !self.target.business {
            return at + left;
        }
        loop {
            let (start, end) = self.hours.period(at);
            at = at.max(start);
            if left <= end - at {
                return at + left;
            }
            left -= end - at;
            at = end;
        }
    }

    /// How much time counts between two instants.
    fn between(&self, from: Ms, to: Ms) -> Ms {
        if !self.target.business {
            return to - from;
        }
        let (mut at, mut counted) = (from, 0);
        loop {
            let (start, end) = self.hours.period(at);
            if to <= start {
                return counted;
            }
            counted += end.min(to) - at.max(start);
            at = end;
        }
    }
}

fn timestamp(ms: Ms) -> Timestamp {
    Timestamp::from_millisecond(ms).expect("an instant")
}
