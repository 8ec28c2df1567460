//! SLA clocks: running, paused, stopped.
//!
//! A clock counts towards its target in the hours of a calendar and, at the same time, towards the limit of the
//! loop in elapsed time; whichever is reached first decides. Calendars are used when a clock starts, pauses,
//! resumes or stops. While it runs, every instant at which it will act is already known, so a sweep compares
//! instants and needs no calendar.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::{self, Calendars, later};
use crate::event::EventKind;
use crate::policy::{Audience, CalendarName, Target, Targets, Terms};
use crate::response::Promise;

/// Which promise a clock keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// Until the customer hears from a person.
    FirstResponse,
    /// Until it is resolved or declined.
    Resolution,
}

impl ClockKind {
    /// Both, the nearer promise first.
    pub const ALL: [Self; 2] = [Self::FirstResponse, Self::Resolution];
}

/// The two clocks of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Stops at the first message to the customer.
    pub first_response: Clock,
    /// Stops when the case is resolved or declined.
    pub resolution: Clock,
}

impl Clocks {
    pub(crate) fn start(
        targets: Targets,
        terms: &Terms,
        at: Timestamp,
        calendars: &Calendars,
    ) -> Self {
        let start = |target| Clock::fresh(target).resumed(terms, at, calendars);
        Self {
            first_response: start(targets.first_response),
            resolution: start(targets.resolution),
        }
    }

    /// The agreed durations.
    pub fn targets(&self) -> Targets {
        Targets {
            first_response: self.first_response.target.clone(),
            resolution: self.resolution.target.clone(),
        }
    }

    /// The clock that keeps this promise.
    pub fn get(&self, kind: ClockKind) -> &Clock {
        match kind {
            ClockKind::FirstResponse => &self.first_response,
            ClockKind::Resolution => &self.resolution,
        }
    }

    pub(crate) fn get_mut(&mut self, kind: ClockKind) -> &mut Clock {
        match kind {
            ClockKind::FirstResponse => &mut self.first_response,
            ClockKind::Resolution => &mut self.resolution,
        }
    }

    /// The earliest deadline of the running clocks; `None` if neither runs.
    pub fn next_due(&self) -> Option<Timestamp> {
        ClockKind::ALL
            .into_iter()
            .map(|kind| self.get(kind))
            .filter(|clock| clock.is_running())
            .filter_map(Clock::due)
            .min()
    }

    /// Both deadlines, as a receipt promises them; `None` while a clock is paused.
    pub fn promise(&self) -> Option<Promise> {
        Some(Promise {
            respond_by: self.first_response.due()?,
            resolve_by: self.resolution.due()?,
        })
    }

    /// The first thing a clock will do by itself, and when.
    pub(crate) fn next_moment(&self) -> Option<(Timestamp, EventKind)> {
        let next = |kind| {
            let (at, step, due) = self.get(kind).next_moment()?;
            Some((at, step.event(kind, due)))
        };
        match (next(ClockKind::FirstResponse), next(ClockKind::Resolution)) {
            (Some(first), Some(second)) => Some(if second.0 < first.0 { second } else { first }),
            (first, second) => first.or(second),
        }
    }
}

/// What a clock does by itself, in this order and each once. Names are persisted: append only.
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
    const ALL: [Self; 5] = [
        Self::Warning,
        Self::Breach,
        Self::TeamLead,
        Self::Manager,
        Self::Executive,
    ];

    fn percent(self, terms: &Terms) -> u16 {
        match self {
            Self::Warning => terms.warn_percent,
            Self::Breach => 100,
            Self::TeamLead => terms.ladder.team_lead,
            Self::Manager => terms.ladder.manager,
            Self::Executive => terms.ladder.executive,
        }
    }

    fn event(self, clock: ClockKind, due: Timestamp) -> EventKind {
        let told = |audience| EventKind::Escalated {
            clock,
            due,
            audience,
        };
        match self {
            Self::Warning => EventKind::Warned { clock, due },
            Self::Breach => EventKind::Breached { clock, due },
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
    /// Elapsed, less pauses, up to the last pause or the stop.
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
        /// The steps still to come; each no earlier than the one before.
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

    /// The clock paused at `at`: what is left of its target is kept. Unchanged unless it runs.
    pub(crate) fn paused(&self, at: Timestamp, calendars: &Calendars) -> Self {
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

    /// The clock running again from `at`. Unchanged unless it is paused.
    pub(crate) fn resumed(&self, terms: &Terms, at: Timestamp, calendars: &Calendars) -> Self {
        if !self.is_paused() {
            return self.clone();
        }
        let reached = |percent| {
            let by_target = left(share(self.target.duration, percent), self.counted);
            let by_limit = left(share(terms.loop_limit, percent), self.elapsed);
            calendars
                .add(&self.target.calendar, at, by_target)
                .min(later(at, by_limit))
        };
        let mut moments = BTreeMap::new();
        let mut earliest = at;
        for step in Step::ALL
            .into_iter()
            .filter(|&step| Some(step) > self.fired)
        {
            let mut moment = reached(step.percent(terms));
            if step == Step::Breach {
                moment = later(moment, SignedDuration::from_millis(1));
            }
            earliest = earliest.max(moment);
            moments.insert(step, earliest);
        }
        let zone_data = (self.target.calendar != CalendarName::AROUND_THE_CLOCK)
            .then(|| calendar::zone_data().to_owned());
        let due = self.missed.unwrap_or_else(|| reached(100));
        Self {
            run: Run::Running {
                since: at,
                due,
                moments,
                zone_data,
            },
            ..self.clone()
        }
    }

    /// The clock stopped at `at` for good. Unchanged if it was stopped before.
    ///
    /// One that is paused keeps the deadline it would have had if it had been resumed then.
    pub(crate) fn stopped(&self, terms: &Terms, at: Timestamp, calendars: &Calendars) -> Self {
        let clock = self.resumed(terms, at, calendars);
        let Run::Running { due, .. } = clock.run else {
            return clock;
        };
        Self {
            run: Run::Stopped { at, due },
            ..clock.paused(at, calendars)
        }
    }

    fn next_moment(&self) -> Option<(Timestamp, Step, Timestamp)> {
        match &self.run {
            Run::Running { moments, due, .. } => moments
                .first_key_value()
                .map(|(&step, &at)| (at, step, *due)),
            Run::Paused | Run::Stopped { .. } => None,
        }
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

/// A share of a duration, down to the millisecond.
fn share(duration: SignedDuration, percent: u16) -> SignedDuration {
    let millis = duration.as_millis().saturating_mul(i128::from(percent)) / 100;
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// What is left of `whole` after `used`; never below zero.
fn left(whole: SignedDuration, used: SignedDuration) -> SignedDuration {
    whole.saturating_sub(used).max(SignedDuration::ZERO)
}
