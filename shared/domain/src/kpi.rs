//! How well the loop is closed: key figures of some days, each beside its target. `docs/kpi.md` defines them.
//!
//! A figure is a share with its interval (Wilson), or a median. What people did on these days is taken as a sample of how
//! they work: a target is *met* if the whole interval is at or above it, *not met* if all of it is below, else it cannot be
//! told yet, and nothing is said on fewer than [`FEWEST_ANSWERS`].

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::confirmation::Solved;
use crate::figures::{NoRate, ResponseRate};
use crate::issue::improvement::{Improvement, State};
use crate::locale::Locale;
use crate::nps::{FEWEST_ANSWERS, Reached, Share};
use crate::statistics::{Course, Promises, Spread};
use crate::targets::KpiTargets;

/// How long an improvement may take from being opened to being shipped.
const IMPROVED_WITHIN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A key figure. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Those who answered, of those who were asked.
    Collection,
    /// Improvements that shipped within 90 days, of those that were due.
    Implementation,
    /// First responses within their target, of those that were given or are late.
    WithinTarget,
    /// Customers whose last answer is that it was solved, of those who said.
    Recovery,
    /// Cases that closed and were never opened again, of those of which an outcome was told and that closed or were opened again.
    StayedClosed,
    /// Cases that were opened again, of those of which an outcome was told.
    Reopened,
    /// From the opening to the last outcome.
    TimeToClose,
}

impl Name {
    /// Each of them, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Collection,
        Self::Implementation,
        Self::WithinTarget,
        Self::Recovery,
        Self::StayedClosed,
        Self::Reopened,
        Self::TimeToClose,
    ];

    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        let (zh_cn, en) = match self {
            Self::Collection => ("问卷回收率", "Answers collected"),
            Self::Implementation => ("90 天内上线的改进", "Improvements shipped within 90 days"),
            Self::WithinTarget => ("按时首次回复", "First responses within target"),
            Self::Recovery => (
                "挽回率：客户表示已解决",
                "Recovery: customers who say it is solved",
            ),
            Self::StayedClosed => ("结案后未再打开", "Closed and not opened again"),
            Self::Reopened => ("再次打开的个案", "Cases opened again"),
            Self::TimeToClose => (
                "从受理到结果的时间（中位数）",
                "Time from opening to outcome, median",
            ),
        };
        locale.choose(zh_cn, en)
    }
}

/// Why there is no number. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Nobody has said how many were asked.
    NotSaid,
    /// Nobody was asked.
    NobodyAsked,
    /// More answered than were asked.
    MoreThanAsked,
    /// No improvement was due.
    NothingDue,
    /// There is no case to measure it by.
    NoCases,
    /// No customer said whether it was solved.
    NobodySaid,
}

impl Missing {
    /// In words, for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        let (zh_cn, en) = match self {
            Self::NotSaid => ("尚未填报邀请人数", "nobody has said how many were asked"),
            Self::NobodyAsked => return NoRate::NobodyAsked.text(locale),
            Self::MoreThanAsked => return NoRate::MoreThanAsked.text(locale),
            Self::NothingDue => ("没有到期的改进", "no improvement was due"),
            Self::NoCases => ("没有可计算的个案", "there is no case to measure it by"),
            Self::NobodySaid => (
                "还没有客户表示是否解决",
                "no customer has said whether it was solved",
            ),
        };
        locale.choose(zh_cn, en)
    }
}

impl From<NoRate> for Missing {
    fn from(no_rate: NoRate) -> Self {
        match no_rate {
            NoRate::NobodyAsked => Self::NobodyAsked,
            NoRate::MoreThanAsked => Self::MoreThanAsked,
        }
    }
}

/// A share beside its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Portion {
    /// What was measured.
    pub share: Result<Share, Missing>,
    /// What it shall reach, in percent; `None` where nothing shall be.
    pub target: Option<u8>,
    /// Whether it does; `None` without a target or a number.
    pub reached: Option<Reached>,
}

impl Portion {
    fn new(share: Result<Share, Missing>, target: Option<u8>) -> Self {
        let both = share.ok().zip(target);
        Self {
            share,
            target,
            reached: both.map(|(share, target)| reached(share, f64::from(target))),
        }
    }
}

/// How long something took, beside its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duration {
    /// How many took so long.
    pub n: u64,
    /// In the time that the clock of each counts; `None` if there are none.
    pub business: Option<Spread>,
    /// In all that passed; `None` if there are none.
    pub wall: Option<Spread>,
    /// What the median of the first shall not exceed.
    pub target: SignedDuration,
    /// Whether it does not: half or more took at most `target`, by the interval of the share that did.
    pub reached: Option<Reached>,
}

fn reached(share: Share, target: f64) -> Reached {
    match share.of() < FEWEST_ANSWERS {
        true => Reached::TooFew,
        false => Reached::within(target, share.wilson()),
    }
}

/// What came of the cases of some days. Tasks are left out: no customer waits for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loops {
    /// Until the first words to the customer; of cases that were not merged.
    pub first_response: Promises,
    /// Until the last outcome; of cases that were not merged.
    pub resolution: Promises,
    /// Cases whose customer was told an outcome, in whatever round. A merged one counts when its survivor's outcome was told.
    pub told: u64,
    /// Of those: opened again at least once.
    pub reopened: u64,
    /// Of those: closed, and never opened again.
    pub stayed: u64,
    /// Cases whose customer said whether it was solved.
    pub answered: u64,
    /// Of those: their last answer is yes.
    pub solved: u64,
}

impl Loops {
    /// Adds a case.
    pub fn add(&mut self, course: &Course) {
        if course.task {
            return;
        }
        if !course.merged {
            self.first_response.add(&course.first_response);
            self.resolution.add(&course.resolution);
        }
        if course.told {
            self.told += 1;
            self.reopened += u64::from(course.reopened > 0);
            self.stayed += u64::from(course.closed && course.reopened == 0);
        }
        if let Some(said) = course.said {
            self.answered += 1;
            self.solved += u64::from(said == Solved::Yes);
        }
    }
}

/// Improvements that shipped within 90 days of being opened, of those of which the ninetieth day is one of `from..=to` where
/// this zone is. One that was cancelled is neither. `None` if there are none.
pub fn implementation<'a>(
    improvements: impl IntoIterator<Item = &'a Improvement>,
    (from, to): (Date, Date),
    zone: &TimeZone,
) -> Option<Share> {
    let due = |improvement: &&Improvement| {
        let due = improvement.opened_at().checked_add(IMPROVED_WITHIN);
        let day = due.map(|due| zone.to_datetime(due).date());
        improvement.state() != State::Cancelled && day.is_ok_and(|day| from <= day && day <= to)
    };
    let (mut shipped, mut of) = (0, 0);
    for improvement in improvements.into_iter().filter(due) {
        of += 1;
        shipped += u64::from(
            improvement
                .took()
                .is_some_and(|took| took <= IMPROVED_WITHIN),
        );
    }
    Share::new(shipped, of)
}

/// Every key figure of some days.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpis {
    /// The shares, each under its name, in the order in which they are shown.
    pub shares: [(Name, Portion); 6],
    /// [`Name::TimeToClose`].
    pub time_to_close: Duration,
}

impl Kpis {
    /// Those of these cases. `asked` is who answered of those who were asked, where anybody said; `improvements` as
    /// [`implementation`] has them.
    pub fn of(
        loops: &Loops,
        asked: Option<ResponseRate>,
        improvements: Option<Share>,
        targets: &KpiTargets,
    ) -> Self {
        let asked = asked.ok_or(Missing::NotSaid);
        let collection = asked.and_then(|asked| asked.share().map_err(Missing::from));
        let first = &loops.first_response;
        let decided = first.done().saturating_add(first.open_late);
        let share = |count, of, missing| Share::new(count, of).ok_or(missing);
        let ended = loops.stayed.saturating_add(loops.reopened);
        let none = Missing::NoCases;
        let shares = [
            (Name::Collection, collection, Some(targets.collection)),
            (
                Name::Implementation,
                improvements.ok_or(Missing::NothingDue),
                Some(targets.implementation),
            ),
            (
                Name::WithinTarget,
                share(first.in_time, decided, none),
                Some(targets.within_target),
            ),
            (
                Name::Recovery,
                share(loops.solved, loops.answered, Missing::NobodySaid),
                Some(targets.recovery),
            ),
            (Name::StayedClosed, share(loops.stayed, ended, none), None),
            (
                Name::Reopened,
                share(loops.reopened, loops.told, none),
                None,
            ),
        ];
        let closed = &loops.resolution;
        let within = Share::new(closed.business_within(targets.time_to_close), closed.done());
        Self {
            shares: shares.map(|(name, share, target)| (name, Portion::new(share, target))),
            time_to_close: Duration {
                n: closed.done(),
                business: closed.business(),
                wall: closed.wall(),
                target: targets.time_to_close,
                reached: within.map(|within| reached(within, 50.0)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Actor;
    use crate::id::{ImprovementId, IssueId};
    use crate::issue::improvement::{Command, Plan};
    use crate::policy::Priority;
    use crate::statistics::Progress;
    use jiff::Timestamp;
    use jiff::civil::date;

    fn course(told: bool, closed: bool, reopened: u32, said: Option<Solved>) -> Course {
        Course {
            owner: None,
            channel: None,
            priority: Priority::P3,
            reopened,
            merged: false,
            task: false,
            told,
            closed,
            said,
            first_response: Progress::Open { late: false },
            resolution: Progress::Open { late: false },
        }
    }

    fn done(hours: i64, in_time: bool) -> Progress {
        Progress::Done {
            by: None,
            business: SignedDuration::from_hours(hours),
            wall: SignedDuration::from_hours(2 * hours),
            in_time,
        }
    }

    fn of(kpis: &Kpis, name: Name) -> Portion {
        let mut shares = kpis.shares.iter();
        shares.find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn what_customers_say_and_what_silence_allows_are_two_figures() {
        use Solved::{No, Yes};
        let mut loops = Loops::default();
        for (told, closed, reopened, said) in [
            (true, true, 0, Some(Yes)),
            (true, true, 0, None),
            (true, true, 1, Some(Yes)),
            (true, false, 1, Some(No)),
            (true, false, 0, None),
            (false, false, 0, None),
            (false, true, 1, None),
        ] {
            loops.add(&course(told, closed, reopened, said));
        }
        loops.add(&Course {
            task: true,
            ..course(true, true, 0, Some(Yes))
        });
        let kpis = Kpis::of(&loops, None, None, &KpiTargets::default());
        let share = |name| of(&kpis, name).share;
        // Three said, two of them yes at last; two closed for good and two were opened again, of five that were told.
        assert_eq!(share(Name::Recovery), Ok(Share::new(2, 3).unwrap()));
        assert_eq!(share(Name::StayedClosed), Ok(Share::new(2, 4).unwrap()));
        assert_eq!(share(Name::Reopened), Ok(Share::new(2, 5).unwrap()));
        assert_eq!(of(&kpis, Name::Recovery).reached, Some(Reached::TooFew));
        assert_eq!(
            of(&kpis, Name::StayedClosed).reached,
            None,
            "nothing is asked of it"
        );
    }

    #[test]
    fn what_is_not_known_is_said_and_not_made_up() {
        let kpis = |asked| Kpis::of(&Loops::default(), asked, None, &KpiTargets::default());
        let rate = |asked, responses| Some(ResponseRate { asked, responses });
        for (asked, missing) in [
            (None, Missing::NotSaid),
            (rate(0, 0), Missing::NobodyAsked),
            (rate(1, 2), Missing::MoreThanAsked),
        ] {
            let collection = of(&kpis(asked), Name::Collection);
            assert_eq!((collection.share, collection.reached), (Err(missing), None));
        }
        let none = kpis(None);
        let missing: Vec<_> = none
            .shares
            .iter()
            .map(|(_, p)| p.share.unwrap_err())
            .collect();
        assert_eq!(
            missing,
            [
                Missing::NotSaid,
                Missing::NothingDue,
                Missing::NoCases,
                Missing::NobodySaid,
                Missing::NoCases,
                Missing::NoCases,
            ]
        );
        assert_eq!(
            (none.time_to_close.n, none.time_to_close.reached),
            (0, None)
        );
    }

    #[test]
    fn a_target_is_met_when_chance_cannot_have_done_it() {
        let targets = KpiTargets::default();
        // 85 %: Wilson's intervals are 87.25 to 92.4 of 900 in 1000, 82.7 to 87.1 of 850, 74 to 79 of 765 (rounded).
        for (responses, reached) in [
            (900, Reached::Yes),
            (850, Reached::CannotTell),
            (765, Reached::No),
        ] {
            let asked = ResponseRate {
                asked: 1000,
                responses,
            };
            let kpis = Kpis::of(&Loops::default(), Some(asked), None, &targets);
            assert_eq!(
                of(&kpis, Name::Collection).reached,
                Some(reached),
                "{responses}"
            );
        }
        let closing = |fast: usize, slow: usize| {
            let mut loops = Loops::default();
            for hours in [vec![8; fast], vec![9; slow]].concat() {
                let mut one = course(false, false, 0, None);
                (one.first_response, one.resolution) = (done(1, true), done(hours, true));
                loops.add(&one);
            }
            Kpis::of(&loops, None, None, &targets).time_to_close
        };
        // The share that took at most eight hours: 29 of 29; 30 of 30; 20 of 40 (35 to 65); 20 of 60 (23 to 46).
        for (fast, slow, reached) in [
            (29, 0, Reached::TooFew),
            (30, 0, Reached::Yes),
            (20, 20, Reached::CannotTell),
            (20, 40, Reached::No),
        ] {
            let time = closing(fast, slow);
            assert_eq!(time.reached, Some(reached), "{fast} {slow}");
            assert_eq!(time.n, u64::try_from(fast + slow).unwrap());
        }
        let time = closing(20, 20);
        let median = |spread: Option<Spread>| spread.unwrap().median;
        assert_eq!(
            median(time.business),
            SignedDuration::from_mins(8 * 60 + 30)
        );
        assert_eq!(median(time.wall), SignedDuration::from_hours(17));
    }

    #[test]
    fn a_late_first_response_counts_against_the_target_also_while_it_is_open() {
        let mut loops = Loops::default();
        for first in [
            done(1, true),
            done(9, false),
            Progress::Open { late: true },
            Progress::Open { late: false },
        ] {
            loops.add(&Course {
                first_response: first,
                ..course(false, false, 0, None)
            });
        }
        loops.add(&Course {
            merged: true,
            first_response: done(1, true),
            ..course(true, true, 0, None)
        });
        let kpis = Kpis::of(&loops, None, None, &KpiTargets::default());
        assert_eq!(
            of(&kpis, Name::WithinTarget).share,
            Ok(Share::new(1, 3).unwrap())
        );
        assert_eq!(
            of(&kpis, Name::Reopened).share,
            Ok(Share::new(0, 1).unwrap())
        );
    }

    #[test]
    fn an_improvement_is_due_on_its_ninetieth_day() {
        let opened: Timestamp = "2026-08-03T16:30:00Z".parse().unwrap();
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "title": "Faster", "issues": [IssueId::from_bits(1)],
        }))
        .unwrap();
        let begin = |bits| {
            let entry = Improvement::open(plan.clone(), Actor::System, opened);
            Improvement::begin(ImprovementId::from_bits(bits), &entry).unwrap()
        };
        let after = |mut improvement: Improvement, command: &Command, days: i64, seconds: i64| {
            let at =
                opened + SignedDuration::from_hours(24 * days) + SignedDuration::from_secs(seconds);
            let entry = improvement
                .handle(command, Actor::System, at)
                .unwrap()
                .unwrap();
            improvement.apply(&entry);
            improvement
        };
        let ship = Command::Ship {
            version: "4.2".to_owned(),
        };
        let cancel = Command::Cancel {
            reason: serde_json::from_value("no".into()).unwrap(),
        };
        let improvements = [
            begin(1),
            after(begin(2), &ship, 90, 0),
            after(begin(3), &ship, 90, 1),
            after(begin(4), &cancel, 1, 0),
        ];
        // Ninety days on it is half past midnight of the second in Shanghai, and the first in London.
        let shanghai = crate::calendar::zone("Asia/Shanghai").unwrap();
        let day = |day| date(2026, 11, day);
        let share =
            |from, to, zone: &TimeZone| implementation(&improvements, (day(from), day(to)), zone);
        assert_eq!(share(2, 2, &shanghai), Share::new(1, 3));
        assert_eq!(share(1, 1, &shanghai), None);
        assert_eq!(share(3, 30, &shanghai), None);
        assert_eq!(share(1, 1, &TimeZone::UTC), Share::new(1, 3));
        assert_eq!(implementation([], (day(1), day(30)), &shanghai), None);
    }
}
