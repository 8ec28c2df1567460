//! How fast customers hear from us: first response and resolution, by agent, channel or priority.
//!
//! Everything is read from the log of a case, which tells all of its rounds and who did what; `docs/desk.md` has the
//! definitions. Two measures: *business* time is what the clock of the promise counted, in the hours of its calendar and
//! less pauses; *wall* time is all that passed since the case was opened, which is what the customer waited.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::case::{BrokenLog, Case, State};
use crate::clock::{Clock, Outcome};
use crate::confirmation::Solved;
use crate::event::{Actor, Event, EventKind};
use crate::nps::{Z_95, float};
use crate::policy::Priority;
use crate::submission::Channel;

/// What there is one row of. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Who did it, or whose it is to do.
    Agent,
    /// The channel the response came by.
    Channel,
    /// How urgent it is.
    Priority,
}

impl By {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Channel, Self::Priority];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Channel => "channel",
            Self::Priority => "priority",
        }
    }
}

/// How far one promise of a case has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It was carried out.
    Done {
        /// Who did it; `None` if nobody of staff.
        by: Option<String>,
        /// What the clock counted.
        business: SignedDuration,
        /// What passed since the case was opened.
        wall: SignedDuration,
        /// Whether no deadline of it was missed.
        in_time: bool,
    },
    /// It was not so far.
    Open {
        /// Whether its deadline was missed.
        late: bool,
    },
}

/// What the log of a case tells of its two promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Who has it now.
    pub owner: Option<String>,
    /// The channel it came by; `None` where that was not kept.
    pub channel: Option<Channel>,
    /// How urgent it is.
    pub priority: Priority,
    /// How often it was opened again.
    pub reopened: u32,
    /// Whether it was merged into another: then that one is measured, and this one is not.
    pub merged: bool,
    /// Whether a risk rule opened it: then no customer waits.
    pub task: bool,
    /// Whether its customer was told an outcome, in whatever round.
    pub told: bool,
    /// Whether it is closed. One that was merged into another is, as far as its customer goes, when they were told what came
    /// of that one.
    pub closed: bool,
    /// What the customer said last to whether an outcome solved it.
    pub said: Option<Solved>,
    /// Until the first words to the customer, in the first round.
    pub first_response: Progress,
    /// Until the last outcome, through all rounds; open again while the case is.
    pub resolution: Progress,
}

impl Course {
    /// The course of the case of this log as of `now`, whether or not a sweep has written what time made happen.
    ///
    /// # Errors
    /// [`BrokenLog`] if these events are not the log of a case.
    pub fn of(log: &[Event], now: Timestamp, book: &Book) -> Result<Self, BrokenLog> {
        let written = Case::replay(log)?;
        let overdue = written.expire(now, book);
        let opened = log.first().ok_or(BrokenLog::Empty)?;
        let mut case = Case::begin(opened).ok_or(BrokenLog::NotOpened)?;
        let channel = match &opened.kind {
            EventKind::Opened { origin, .. } => origin.as_ref().and_then(|origin| origin.channel),
            _ => None,
        };

        let (mut reopened, mut earlier, mut missed) = (0, SignedDuration::ZERO, false);
        let (mut answered, mut ended) = (None, None);
        let (mut told, mut followed, mut said) = (false, false, None);
        for event in log.iter().skip(1).chain(&overdue) {
            let was_over = case.state().is_over();
            let before = case.clocks().resolution.clone();
            case.apply(event);
            if was_over && !case.state().is_over() {
                reopened += 1;
                earlier = earlier.saturating_add(before.counted());
                missed |= is_late(&before);
                (ended, followed) = (None, false);
            }
            let clocks = case.clocks();
            let done = |clock: &Clock, earlier: SignedDuration, missed: bool| Progress::Done {
                by: match &event.by {
                    Actor::Staff(sub) => Some(sub.clone()),
                    Actor::Customer | Actor::System => None,
                },
                business: earlier.saturating_add(clock.counted()),
                wall: event.at.duration_since(case.opened_at()),
                in_time: !missed && !is_late(clock),
            };
            let first = &clocks.first_response;
            if answered.is_none() && first.stopped_at().is_some() {
                answered = Some(done(first, SignedDuration::ZERO, false));
            }
            match event.kind {
                EventKind::Resolved { internal, .. } | EventKind::Declined { internal, .. } => {
                    told |= !internal;
                }
                EventKind::Followed { .. } => (told, followed) = (true, true),
                EventKind::Confirmed { .. } => said = Some(Solved::Yes),
                EventKind::Disputed { .. } => said = Some(Solved::No),
                _ => {}
            }
            if matches!(
                event.kind,
                EventKind::Resolved { .. } | EventKind::Declined { .. }
            ) {
                ended = Some(done(&clocks.resolution, earlier, missed));
            }
        }
        let clocks = case.clocks();
        Ok(Self {
            owner: case.owner().map(str::to_owned),
            channel,
            priority: case.priority(),
            reopened,
            merged: case.state() == State::Merged,
            task: case.task().is_some(),
            told,
            closed: case.state() == State::Closed || followed,
            said,
            first_response: answered.unwrap_or(Progress::Open {
                late: is_late(&clocks.first_response),
            }),
            resolution: ended.unwrap_or(Progress::Open {
                late: missed || is_late(&clocks.resolution),
            }),
        })
    }

    /// The row that one of its promises belongs to: of an agent, the one of who kept it, or while it is open of who has
    /// the case.
    fn row(&self, by: By, progress: &Progress) -> Option<String> {
        match (by, progress) {
            (By::Agent, Progress::Done { by, .. }) => by.clone(),
            (By::Agent, Progress::Open { .. }) => self.owner.clone(),
            (By::Channel | By::Priority, _) => self.own_row(by),
        }
    }

    /// The row the case itself is counted in.
    fn own_row(&self, by: By) -> Option<String> {
        match by {
            By::Agent => self.owner.clone(),
            By::Channel => self.channel.map(|channel| channel.name().to_owned()),
            By::Priority => Some(self.priority.name().to_owned()),
        }
    }
}

fn is_late(clock: &Clock) -> bool {
    clock.outcome() == Outcome::Missed
}

/// One row of statistics. Takes 16 bytes for each promise that was kept: percentiles are exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Cases counted here; of an agent, those they have.
    pub cases: u64,
    /// Those of them that were opened again.
    pub reopened: u64,
    /// Those of them that were merged into another, of which no promise is measured.
    pub merged: u64,
    /// Until the first words to the customer.
    pub first_response: Promises,
    /// Until the outcome.
    pub resolution: Promises,
}

/// One kind of promise, of many cases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promises {
    /// How many were kept in time.
    pub in_time: u64,
    /// How many are open.
    pub open: u64,
    /// How many of those are late.
    pub open_late: u64,
    business: Vec<i64>,
    wall: Vec<i64>,
}

/// How long something took. Down to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: SignedDuration,
    /// The shortest that nine of ten did not exceed (nearest rank).
    pub p90: SignedDuration,
    /// The mean.
    pub mean: SignedDuration,
}

/// An estimate with its interval. Kept in reports: names are append only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The interval at 95 %; `None` where there is too little to go by.
    pub interval: Option<[f64; 2]>,
}

impl Promises {
    /// Counts how far one promise has come.
    pub fn add(&mut self, progress: &Progress) {
        match progress {
            Progress::Done {
                business,
                wall,
                in_time,
                by: _,
            } => {
                self.in_time += u64::from(*in_time);
                self.business.push(millis(*business));
                self.wall.push(millis(*wall));
            }
            Progress::Open { late } => {
                self.open += 1;
                self.open_late += u64::from(*late);
            }
        }
    }

    /// How many were carried out, in time or not.
    pub fn done(&self) -> u64 {
        u64::try_from(self.business.len()).unwrap_or(u64::MAX)
    }

    /// The share that was kept in time, of those that were carried out or are late; `None` if there are none.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of cases are far below 2^53"
    )]
    pub fn within_target(&self) -> Option<f64> {
        let decided = self.done().saturating_add(self.open_late);
        (decided > 0).then(|| self.in_time as f64 / decided as f64)
    }

    /// How many were carried out in at most so much time of their clocks.
    pub fn business_within(&self, limit: SignedDuration) -> u64 {
        let limit = millis(limit);
        let within = self.business.iter().filter(|&&taken| taken <= limit);
        u64::try_from(within.count()).unwrap_or(u64::MAX)
    }

    /// What the clocks counted of those that were carried out; `None` if there are none.
    pub fn business(&self) -> Option<Spread> {
        spread(&self.business)
    }

    /// What a share of those that were carried out did not take longer than since the case was opened, in seconds: the nearest
    /// rank, of the median the mean of the two in the middle. `None` if none was carried out, or for no share.
    ///
    /// The interval is from one of them to another, whatever their distribution: the ranks n q -/+ 1.96 sqrt(n q (1 - q)),
    /// rounded outwards (W. J. Conover, "Practical Nonparametric Statistics", 1999, 3.2). `None` where there are too few for
    /// such ranks.
    pub fn wall_quantile(&self, share: f64) -> Option<Estimate> {
        if !(0.0 < share && share < 1.0) {
            return None;
        }
        let mut sorted = self.wall.clone();
        sorted.sort_unstable();
        let n = float(self.done());
        let at = |rank: f64| sorted.get(place(rank)?).map(|&millis| seconds(millis));
        let rank = n * share;
        let value = if rank.fract() == 0.0 && share == 0.5 {
            (at(rank)? + at(rank + 1.0)?) / 2.0
        } else {
            at(rank.ceil())?
        };
        let half = Z_95 * (rank * (1.0 - share)).sqrt();
        let interval = at((rank - half).floor()).zip(at((rank + half).ceil() + 1.0));
        Some(Estimate {
            value,
            interval: interval.map(|(low, high)| [low, high]),
        })
    }

    /// What passed since the cases were opened; `None` if none was carried out.
    pub fn wall(&self) -> Option<Spread> {
        spread(&self.wall)
    }
}

/// The place of a rank, which counts from one; `None` below that, or beyond any list.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number from 1 up to far below 2^53"
)]
fn place(rank: f64) -> Option<usize> {
    (1.0..9e15).contains(&rank).then(|| rank as usize - 1)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a hundred thousand years have fewer milliseconds than 2^53"
)]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Below a millisecond is nothing: every instant of a log is a whole one.
fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn spread(taken: &[i64]) -> Option<Spread> {
    let mut sorted = taken.to_vec();
    sorted.sort_unstable();
    let n = sorted.len();
    let nth = |rank: usize| sorted.get(rank).copied();
    let mean = |parts: &[i64]| {
        let sum: i128 = parts.iter().copied().map(i128::from).sum();
        let n = i128::try_from(parts.len()).ok()?;
        i64::try_from(sum.checked_div(n)?).ok()
    };
    let middle = [nth(n.checked_sub(1)? / 2)?, nth(n / 2)?];
    let p90 = n.saturating_mul(9).div_ceil(10).saturating_sub(1);
    Some(Spread {
        median: SignedDuration::from_millis(mean(&middle)?),
        p90: SignedDuration::from_millis(nth(p90)?),
        mean: SignedDuration::from_millis(mean(&sorted)?),
    })
}

/// Rows of many cases. Every case is in them: each of its promises is done or open in exactly one row, or the case is
/// among the merged ones. Tasks are left out.
#[derive(Debug, Clone)]
pub struct Statistics {
    by: By,
    /// By key; `None` is nobody, or a channel that was not kept.
    pub rows: BTreeMap<Option<String>, Row>,
    /// All of them together.
    pub total: Row,
}

impl Statistics {
    /// Those of no case.
    pub fn new(by: By) -> Self {
        Self {
            by,
            rows: BTreeMap::new(),
            total: Row::default(),
        }
    }

    /// Adds a case.
    pub fn add(&mut self, course: &Course) {
        if course.task {
            return;
        }
        let own = self.rows.entry(course.own_row(self.by)).or_default();
        for row in [own, &mut self.total] {
            row.cases += 1;
            row.reopened += u64::from(course.reopened > 0);
            row.merged += u64::from(course.merged);
        }
        if course.merged {
            return;
        }
        let Course {
            first_response,
            resolution,
            ..
        } = course;
        let row = course.row(self.by, first_response);
        let row = self.rows.entry(row).or_default();
        row.first_response.add(first_response);
        self.total.first_response.add(first_response);
        let row = course.row(self.by, resolution);
        let row = self.rows.entry(row).or_default();
        row.resolution.add(resolution);
        self.total.resolution.add(resolution);
    }
}
