//! SLA clocks: running, paused, stopped.
//!
//! Each clock keeps one promise and none overrules another: what one of them finds late is late, whatever the others
//! say. A clock counts towards its target in the hours of a calendar. Calendars are used when a clock starts, pauses,
//! resumes or stops, or when the rules change. While it runs, every instant at which it will act is already known, so a
//! sweep compares instants and needs no calendar.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

use crate::book::Edition;
use crate::calendar::{Calendars, later};
use crate::event::EventKind;
use crate::policy::{Agreed, Audience, CalendarName, Target, Terms};
use crate::response::Promise;

/// Which promise a clock keeps. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// Until the customer hears from a person.
    FirstResponse,
    /// From a later message of the customer until the next word to them.
    NextResponse,
    /// Until it is resolved or declined.
    Resolution,
    /// Until there is a remediation plan.
    Plan,
    /// Until the loop is closed: elapsed time, never paused.
    Loop,
}

impl ClockKind {
    /// Each of them, the nearer promise first.
    pub const ALL: [Self; 5] = [
        Self::FirstResponse,
        Self::NextResponse,
        Self::Resolution,
        Self::Plan,
        Self::Loop,
    ];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstResponse => "first_response",
            Self::NextResponse => "next_response",
            Self::Resolution => "resolution",
            Self::Plan => "plan",
            Self::Loop => "loop",
        }
    }

    /// Whether it waits while staff wait for the customer.
    const fn pauses(self) -> bool {
        !matches!(self, Self::Loop)
    }
}

/// Any clock by its published name: those that keep the promises of a case, and that of who is to tell its customer.
///
/// It is never persisted: a version that does not know a clock could not read where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClockName {
    /// One of the case.
    Case(ClockKind),
    /// That of [`ToTell`](crate::telling::ToTell).
    Tell,
}

impl ClockName {
    /// Each of them: those of the case, the nearer promise first, and then the other.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_case = ClockKind::ALL.into_iter().map(Self::Case);
        of_case.chain([Self::Tell])
    }

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Case(kind) => kind.name(),
            Self::Tell => "tell",
        }
    }
}

impl Serialize for ClockName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A deadline that would be another. Instants of business time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Of which clock.
    pub clock: ClockName,
    /// What it is; `None` if there is none.
    pub was: Option<Timestamp>,
    /// What it would be; `None` if there would be none.
    pub becomes: Option<Timestamp>,
}

/// The clocks of a case. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Stops at the first message to the customer; that of a task when it is taken up.
    pub first_response: Clock,
    /// Starts at a message of the customer that came after the first response, stops at the next message to them;
    /// `None` before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_response: Option<Clock>,
    /// Stops when the case is resolved or declined.
    pub resolution: Clock,
    /// Stops when a remediation plan is recorded; `None` if none is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Clock>,
    /// Stops when the case is resolved or declined, and never pauses. `None` in what was written before it was a clock
    /// of its own: there the others are bounded by the limit of the loop instead, pauses aside.
    #[serde(default, rename = "loop", skip_serializing_if = "Option::is_none")]
    pub whole_loop: Option<Clock>,
}

/// A deadline that moved because the rules changed. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Of which clock.
    pub clock: ClockKind,
    /// What it was; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// What it is now; `None` if there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

impl Clocks {
    /// The clocks of a case that is opened, or opened again.
    pub(crate) fn start(agreed: Agreed, ground: Ground<'_>) -> Self {
        let start = |target| Clock::started(target, ground);
        Self {
            first_response: start(agreed.first_response),
            next_response: None,
            resolution: start(agreed.resolution),
            plan: agreed.plan.map(start),
            whole_loop: Some(start(loop_target(ground.terms))),
        }
    }

    /// The clock that keeps this promise, if there is one.
    pub fn get(&self, kind: ClockKind) -> Option<&Clock> {
        match kind {
            ClockKind::FirstResponse => Some(&self.first_response),
            ClockKind::NextResponse => self.next_response.as_ref(),
            ClockKind::Resolution => Some(&self.resolution),
            ClockKind::Plan => self.plan.as_ref(),
            ClockKind::Loop => self.whole_loop.as_ref(),
        }
    }

    pub(crate) fn get_mut(&mut self, kind: ClockKind) -> Option<&mut Clock> {
        match kind {
            ClockKind::FirstResponse => Some(&mut self.first_response),
            ClockKind::NextResponse => self.next_response.as_mut(),
            ClockKind::Resolution => Some(&mut self.resolution),
            ClockKind::Plan => self.plan.as_mut(),
            ClockKind::Loop => self.whole_loop.as_mut(),
        }
    }

    /// The clocks there are, the nearer promise first.
    pub fn iter(&self) -> impl Iterator<Item = (ClockKind, &Clock)> {
        ClockKind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.get(kind)?)))
    }

    /// What a receipt promises: a first response, and an outcome by the earlier of resolution and loop. `None` while
    /// a clock is paused.
    pub fn promise(&self) -> Option<Promise> {
        let resolve_by = self.resolution.due()?;
        let limit = self.whole_loop.as_ref().and_then(Clock::due);
        Some(Promise {
            respond_by: self.first_response.due()?,
            resolve_by: limit.map_or(resolve_by, |limit| limit.min(resolve_by)),
        })
    }

    /// The deadlines that differ from those of the clocks `before`.
    pub fn moved_since(&self, before: &Self) -> Vec<Moved> {
        let due = |clocks: &Self, clock| clocks.get(clock).and_then(Clock::due);
        ClockKind::ALL
            .into_iter()
            .map(|clock| Moved {
                clock,
                from: due(before, clock),
                to: due(self, clock),
            })
            .filter(|moved| moved.from != moved.to)
            .collect()
    }

    /// The first thing one of them will do by itself, and when.
    pub(crate) fn next_moment(&self, terms: &Terms) -> Option<(Timestamp, EventKind)> {
        let moments = self.iter().filter_map(|(kind, clock)| {
            let (at, step, due) = clock.next_moment(terms)?;
            Some((at, step, kind, due))
        });
        // The first of those that come together is the nearer promise.
        let (at, step, kind, due) = moments.min_by_key(|&(at, ..)| at)?;
        Some((at, step.event(kind, due, terms)))
    }

    /// Staff wrote to the customer, or took up a task.
    pub(crate) fn answered(&self, ground: Ground<'_>) -> Self {
        self.map(|kind, clock| match kind {
            ClockKind::FirstResponse | ClockKind::NextResponse => ground.stopped(self, clock),
            ClockKind::Resolution | ClockKind::Plan | ClockKind::Loop => clock.clone(),
        })
    }

    /// Staff wait for the customer.
    pub(crate) fn paused(&self, ground: Ground<'_>) -> Self {
        self.map(|kind, clock| {
            if kind.pauses() {
                clock.paused(ground.at, ground.calendars)
            } else {
                clock.clone()
            }
        })
    }

    /// Staff wait no longer.
    pub(crate) fn resumed(&self, ground: Ground<'_>) -> Self {
        self.map(|_, clock| ground.resumed(self, clock))
    }

    /// The customer wrote, and a word is due to them. If a first or a next one was due already, that stands: the
    /// oldest message that was not answered counts.
    pub(crate) fn written_to(&self, target: Target, ground: Ground<'_>) -> Self {
        let resumed = self.resumed(ground);
        let owed = resumed.first_response.is_running()
            || resumed
                .next_response
                .as_ref()
                .is_some_and(Clock::is_running);
        if owed {
            return resumed;
        }
        Self {
            next_response: Some(Clock::started(target, ground)),
            ..resumed
        }
    }

    /// There is a remediation plan.
    pub(crate) fn planned(&self, ground: Ground<'_>) -> Self {
        self.map(|kind, clock| match kind {
            ClockKind::Plan => ground.stopped(self, clock),
            _ => clock.clone(),
        })
    }

    /// There is an outcome.
    pub(crate) fn stopped(&self, ground: Ground<'_>) -> Self {
        self.map(|_, clock| ground.stopped(self, clock))
    }

    /// The clocks under other rules from `ground.at` on: what was counted so far stays counted, by the calendars it was
    /// counted by. Those that stopped stay as they are.
    pub(crate) fn retargeted(
        &self,
        agreed: &Agreed,
        counted_by: &Calendars,
        ground: Ground<'_>,
    ) -> Self {
        let retarget =
            |clock: &Clock, target: &Target| clock.retargeted(target, counted_by, ground);
        let limit = loop_target(ground.terms);
        let plan = match (&self.plan, &agreed.plan) {
            (Some(clock), Some(target)) => Some(retarget(clock, target)),
            // None is due any more; a clock that stopped is history.
            (clock, _) => clock.clone().filter(|clock| clock.stopped_at().is_some()),
        };
        Self {
            first_response: retarget(&self.first_response, &agreed.first_response),
            next_response: self
                .next_response
                .as_ref()
                .map(|clock| retarget(clock, &agreed.next_response)),
            resolution: retarget(&self.resolution, &agreed.resolution),
            plan,
            whole_loop: Some(match &self.whole_loop {
                Some(clock) => retarget(clock, &limit),
                None => Clock {
                    counted: self.resolution.paused(ground.at, counted_by).elapsed,
                    ..Clock::fresh(limit)
                }
                .resumed(ground, None),
            }),
        }
    }

    fn map(&self, change: impl Fn(ClockKind, &Clock) -> Clock) -> Self {
        let optional =
            |kind, clock: &Option<Clock>| clock.as_ref().map(|clock| change(kind, clock));
        Self {
            first_response: change(ClockKind::FirstResponse, &self.first_response),
            next_response: optional(ClockKind::NextResponse, &self.next_response),
            resolution: change(ClockKind::Resolution, &self.resolution),
            plan: optional(ClockKind::Plan, &self.plan),
            whole_loop: optional(ClockKind::Loop, &self.whole_loop),
        }
    }
}

fn loop_target(terms: &Terms) -> Target {
    Target {
        duration: terms.loop_limit,
        calendar: CalendarName::AROUND_THE_CLOCK,
    }
}

/// What a change of clocks goes by: when it happens, under which terms, by which calendars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) at: Timestamp,
    pub(crate) terms: &'a Terms,
    pub(crate) calendars: &'a Calendars,
    zone_data: &'a str,
}

impl<'a> Ground<'a> {
    pub(crate) fn new(at: Timestamp, terms: &'a Terms, edition: &'a Edition) -> Self {
        Self {
            at,
            terms,
            calendars: &edition.calendars,
            zone_data: &edition.zone_data,
        }
    }

    fn resumed(self, clocks: &Clocks, clock: &Clock) -> Clock {
        let cap = clocks.whole_loop.is_none().then_some(self.terms.loop_limit);
        clock.resumed(self, cap)
    }

    /// One that is paused keeps the deadline it would have had if it had been resumed then.
    fn stopped(self, clocks: &Clocks, clock: &Clock) -> Clock {
        self.resumed(clocks, clock).stopped(self.at, self.calendars)
    }
}

/// What a clock does by itself, in this order and each once for a deadline. Names are persisted: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Warns that most of the target has passed.
    Warning,
    /// Finds the deadline missed: the millisecond after it.
    Breach,
    /// Tells the team lead of the breach.
    TeamLead,
    /// Tells the manager of the breach.
    Manager,
    /// Tells an executive of the breach.
    Executive,
}

impl Step {
    /// How much of a target must be used up.
    fn reached_by(self, target: SignedDuration, terms: &Terms) -> SignedDuration {
        let rung = |audience| {
            terms
                .rung(audience)
                .map_or(target, |delay| delay.of(target))
        };
        match self {
            Self::Warning => terms.warning(target),
            Self::Breach => target,
            Self::TeamLead => rung(Audience::TeamLead),
            Self::Manager => rung(Audience::Manager),
            Self::Executive => rung(Audience::Executive),
        }
    }

    /// Who is told of it.
    pub(crate) fn audience(self, terms: &Terms) -> Audience {
        match self {
            Self::Warning => Audience::Owner,
            Self::Breach => terms.first_told.unwrap_or(Audience::Owner),
            Self::TeamLead => Audience::TeamLead,
            Self::Manager => Audience::Manager,
            Self::Executive => Audience::Executive,
        }
    }

    fn event(self, clock: ClockKind, due: Timestamp, terms: &Terms) -> EventKind {
        let told = |audience| EventKind::Escalated {
            clock,
            due,
            audience,
        };
        match self {
            Self::Warning => EventKind::Warned { clock, due },
            Self::Breach => EventKind::Breached {
                clock,
                due,
                audience: terms.first_told,
            },
            Self::TeamLead => told(Audience::TeamLead),
            Self::Manager => told(Audience::Manager),
            Self::Executive => told(Audience::Executive),
        }
    }
}

/// One clock. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    target: Target,
    /// Counted in the hours of the target, up to the last pause or the stop.
    #[serde(default, skip_serializing_if = "SignedDuration::is_zero")]
    counted: SignedDuration,
    /// Elapsed, less pauses, up to the last pause or the stop. Bounds the clocks of a case that has no clock for the
    /// loop.
    #[serde(default, skip_serializing_if = "SignedDuration::is_zero")]
    elapsed: SignedDuration,
    /// The last step it took; the ones after it are still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fired: Option<Step>,
    /// The deadline it missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed: Option<Timestamp>,
    run: Run,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Run {
    Running {
        since: Timestamp,
        due: Timestamp,
        /// The steps still to come; each no earlier than the one before. Left out where every second counts: there
        /// they follow from the target and the terms.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        moments: BTreeMap<Step, Timestamp>,
        /// The release of the time-zone database the instants were computed with, where it matters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone_data: Option<String>,
    },
    Paused,
    Stopped {
        at: Timestamp,
        due: Timestamp,
    },
}

/// Whether a promise was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Neither stopped nor late so far.
    Pending,
    /// Stopped at or before its deadline.
    Met,
    /// The deadline passed before it stopped.
    Missed,
}

impl Clock {
    /// One that runs from the instant of this ground on.
    pub(crate) fn started(target: Target, ground: Ground<'_>) -> Self {
        Self::fresh(target).resumed(ground, None)
    }

    fn fresh(target: Target) -> Self {
        Self {
            target,
            counted: SignedDuration::ZERO,
            elapsed: SignedDuration::ZERO,
            fired: None,
            missed: None,
            run: Run::Paused,
        }
    }

    /// The agreed duration.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The deadline, while the clock runs or after it stopped; `None` while it is paused.
    ///
    /// A deadline that was missed stays the deadline through later pauses.
    pub fn due(&self) -> Option<Timestamp> {
        match self.run {
            Run::Running { due, .. } | Run::Stopped { due, .. } => Some(due),
            Run::Paused => None,
        }
    }

    /// Whether time counts.
    pub fn is_running(&self) -> bool {
        matches!(self.run, Run::Running { .. })
    }

    /// Whether it waits to be resumed.
    pub fn is_paused(&self) -> bool {
        matches!(self.run, Run::Paused)
    }

    /// Since when it runs: when it was started, resumed or computed under other rules last; `None` unless it runs.
    pub fn started_at(&self) -> Option<Timestamp> {
        match self.run {
            Run::Running { since, .. } => Some(since),
            Run::Paused | Run::Stopped { .. } => None,
        }
    }

    /// When it stopped.
    pub fn stopped_at(&self) -> Option<Timestamp> {
        match self.run {
            Run::Stopped { at, .. } => Some(at),
            Run::Running { .. } | Run::Paused => None,
        }
    }

    /// Whether the promise was kept, as far as the log tells.
    pub fn outcome(&self) -> Outcome {
        match (self.missed, &self.run) {
            (Some(_), _) => Outcome::Missed,
            (None, Run::Stopped { .. }) => Outcome::Met,
            (None, Run::Running { .. } | Run::Paused) => Outcome::Pending,
        }
    }

    /// The time that counted towards the target, up to the last pause or the stop, less pauses.
    pub fn counted(&self) -> SignedDuration {
        self.counted
    }

    /// The time left of the target when it was paused, zero if none; `None` unless it is paused.
    pub fn remaining(&self) -> Option<SignedDuration> {
        self.is_paused()
            .then(|| left(self.target.duration, self.counted))
    }

    /// The release of the time-zone database that the instants of a running clock were computed with, where it matters.
    pub(crate) fn zone_data(&self) -> Option<&str> {
        match &self.run {
            Run::Running { zone_data, .. } => zone_data.as_deref(),
            Run::Paused | Run::Stopped { .. } => None,
        }
    }

    /// The clock paused at `at`: what is left of its target is kept. Unchanged unless it runs.
    fn paused(&self, at: Timestamp, calendars: &Calendars) -> Self {
        let Run::Running { since, .. } = self.run else {
            return self.clone();
        };
        let counted = calendars.between(&self.target.calendar, since, at);
        let elapsed = calendars.between(&CalendarName::AROUND_THE_CLOCK, since, at);
        Self {
            counted: self.counted.saturating_add(counted),
            elapsed: self.elapsed.saturating_add(elapsed),
            run: Run::Paused,
            ..self.clone()
        }
    }

    /// The clock running again from `at`, at most until `cap` has elapsed, pauses aside. Unchanged unless it is paused.
    fn resumed(&self, ground: Ground<'_>, cap: Option<SignedDuration>) -> Self {
        if !self.is_paused() {
            return self.clone();
        }
        let Ground {
            at,
            terms,
            calendars,
            zone_data,
        } = ground;
        let due = self.reached(Step::Breach, terms, at, Some(calendars), cap);
        // Around the clock they follow from the rest, and an item that is smaller is cheaper.
        let follow = self.target.calendar == CalendarName::AROUND_THE_CLOCK && cap.is_none();
        let moments = if follow {
            BTreeMap::new()
        } else {
            let moments = self.moments(terms, at, Some(calendars), cap);
            moments
                .filter(|&(step, _)| Some(step) > self.fired)
                .collect()
        };
        let zone_data = calendars
            .get(&self.target.calendar)
            .map(|_| zone_data.to_owned());
        Self {
            run: Run::Running {
                since: at,
                due: self.missed.unwrap_or(due),
                moments,
                zone_data,
            },
            ..self.clone()
        }
    }

    /// The clock running on from the instant of its deadline, which stays: a target that exactly fills the open hours ends
    /// at closing, and not at the next opening. Unchanged unless it is paused.
    fn resumed_at_its_deadline(&self, ground: Ground<'_>) -> Self {
        let mut clock = self.resumed(ground, None);
        let Run::Running { due, moments, .. } = &mut clock.run else {
            return clock;
        };
        *due = ground.at;
        for (step, moment) in moments {
            if step.reached_by(self.target.duration, ground.terms) <= self.counted {
                let after = SignedDuration::from_millis((*step > Step::Warning).into());
                *moment = later(ground.at, after);
            }
        }
        clock
    }

    /// The instant at which so much of the target, or in the same proportion of the cap, is used up as leads to a step,
    /// running from `at`. Without calendars every second counts.
    fn reached(
        &self,
        step: Step,
        terms: &Terms,
        at: Timestamp,
        calendars: Option<&Calendars>,
        cap: Option<SignedDuration>,
    ) -> Timestamp {
        let remaining = left(step.reached_by(self.target.duration, terms), self.counted);
        let by_target = match calendars {
            Some(calendars) => calendars.add(&self.target.calendar, at, remaining),
            None => later(at, remaining),
        };
        cap.map_or(by_target, |cap| {
            by_target.min(later(at, left(step.reached_by(cap, terms), self.elapsed)))
        })
    }

    /// Every step of a clock that runs from `at`, with its instant; each no earlier than the one before.
    fn moments(
        &self,
        terms: &Terms,
        at: Timestamp,
        calendars: Option<&Calendars>,
        cap: Option<SignedDuration>,
    ) -> impl Iterator<Item = (Step, Timestamp)> {
        let rungs = terms.rungs().map(|(audience, _)| Step::from(audience));
        let steps = [Step::Warning, Step::Breach].into_iter().chain(rungs);
        let mut earliest = at;
        steps.map(move |step| {
            let mut moment = self.reached(step, terms, at, calendars, cap);
            if step == Step::Breach {
                moment = later(moment, SignedDuration::from_millis(1));
            }
            earliest = earliest.max(moment);
            (step, earliest)
        })
    }

    /// The clock stopped at `at` for good. Unchanged unless it runs.
    fn stopped(&self, at: Timestamp, calendars: &Calendars) -> Self {
        let Run::Running { due, .. } = self.run else {
            return self.clone();
        };
        Self {
            run: Run::Stopped { at, due },
            ..self.paused(at, calendars)
        }
    }

    /// The clock under other rules: what is left is the new target less what was counted by the old calendars.
    ///
    /// A deadline that moves is a new one, of which nothing was told yet. One that stays keeps what was told of it, and
    /// one that was missed, and would have been missed under the new rules too, stays.
    pub(crate) fn retargeted(
        &self,
        target: &Target,
        counted_by: &Calendars,
        ground: Ground<'_>,
    ) -> Self {
        let at = ground.at;
        let (due, running) = match self.run {
            Run::Stopped { .. } => return self.clone(),
            Run::Running { due, .. } => (Some(due), true),
            Run::Paused => (None, false),
        };
        let paused = Self {
            target: target.clone(),
            ..self.paused(at, counted_by)
        };
        let over = paused.counted >= target.duration;
        let stays = match self.missed {
            Some(_) => over,
            // This very instant, and still in time.
            None if due == Some(at) && paused.counted == target.duration => {
                return paused.resumed_at_its_deadline(ground);
            }
            None if running => paused.resumed(ground, None).due() == due,
            None => self.target == *target,
        };
        let told = if stays {
            paused
        } else {
            Self {
                fired: None,
                missed: None,
                ..paused
            }
        };
        if running {
            told.resumed(ground, None)
        } else {
            told
        }
    }

    /// The first step it will take by itself: when, and of which deadline.
    pub(crate) fn next_moment(&self, terms: &Terms) -> Option<(Timestamp, Step, Timestamp)> {
        let Run::Running {
            since,
            due,
            ref moments,
            ..
        } = self.run
        else {
            return None;
        };
        let around_the_clock = self.target.calendar == CalendarName::AROUND_THE_CLOCK;
        let (step, at) = match moments.first_key_value() {
            Some((&step, &at)) => (step, at),
            None if around_the_clock => self
                .moments(terms, since, None, None)
                .find(|&(step, _)| Some(step) > self.fired)?,
            None => return None,
        };
        Some((at, step, due))
    }

    /// Records that a step was taken, and so every step before it.
    pub(crate) fn take(&mut self, step: Step, due: Timestamp) {
        self.fired = self.fired.max(Some(step));
        if step == Step::Breach {
            self.missed = Some(due);
        }
        if let Run::Running { moments, .. } = &mut self.run {
            moments.retain(|&pending, _| pending > step);
        }
    }
}

impl From<Audience> for Step {
    /// The step that tells this audience of a breach.
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Owner => Self::Breach,
            Audience::TeamLead => Self::TeamLead,
            Audience::Manager => Self::Manager,
            Audience::Executive => Self::Executive,
        }
    }
}

/// What is left of `whole` after `used`; never below zero.
fn left(whole: SignedDuration, used: SignedDuration) -> SignedDuration {
    whole.saturating_sub(used).max(SignedDuration::ZERO)
}
