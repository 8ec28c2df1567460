//! What a weekly and a monthly report say: numbers that are frozen when it is written.
//!
//! Words are not frozen: whoever shows a report writes them in the reader's language. Neither are examples: of these a report
//! holds ids, and what was erased since is gone.
//!
//! Every number comes with how many answers it is from and, where it is an estimate, with its interval at 95 %. Nothing is
//! said of one to four people: a count of them is [`Told::Hidden`], and so is everything computed from it and what would give
//! it away ([`hidden`]). `docs/reports.md` tells what each number is.
//!
//! **Names are persisted and published: append only.** A member that is added later has a default.

mod facts;
pub mod hidden;
mod improvements;
mod monthly;
mod names;
mod priorities;
mod weekly;

use std::fmt;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};

pub use facts::Fact;
pub use improvements::{Effect, ImprovementRow, Improvements, MOST_LISTED};
pub use monthly::{
    Breakdown, BreakdownNumbers, BreakdownRow, Month, MonthInput, Monthly, TREND_MONTHS,
};
pub use names::{Named, Names};
pub use priorities::{Factors, Priorities, Ranked, TOP_ISSUES};
pub use weekly::{
    Answered, ChannelNumbers, ChannelRow, ComplaintKey, ComplaintType, Complaints, EXAMPLES, Found,
    Kept, TOP_TYPES, WeekInput, Weekly,
};

use crate::form::FormId;
use crate::nps::share::ShareSummary;
use crate::nps::{
    FEWEST_PEOPLE, NpsChange, NpsSummary, Period, Rating, ShareChange, Verdict, Window,
};
use crate::tally::Tally;

/// How often a report comes. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Of an ISO week.
    Weekly,
    /// Of a calendar month.
    Monthly,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Weekly, Self::Monthly];

    /// The persisted and published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// That of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The days it is about.
    pub const fn window(self) -> Window {
        match self {
            Self::Weekly => Window::Week,
            Self::Monthly => Window::Month,
        }
    }

    /// The period that is named so: `2026-W47` of a week, `2026-11` of a month. One period, one text.
    pub fn period(self, text: &str) -> Option<Period> {
        let day = match self {
            Self::Weekly => {
                let (year, week) = text.split_once("-W")?;
                let week =
                    ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday);
                week.ok()?.date()
            }
            Self::Monthly => {
                let (year, month) = text.split_once('-')?;
                Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?
            }
        };
        // Years before 0 do not sort as text, and keys do.
        let period = self.window().period(day).filter(|_| day.year() >= 0)?;
        (period.to_string() == text).then_some(period)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names a report: of a survey, and of a week or month of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId {
    kind: Kind,
    period: Period,
    survey: FormId,
}

impl ReportId {
    /// The report of the week or month that a day is in; `None` at the ends of time.
    pub fn of_day(kind: Kind, day: Date, survey: FormId) -> Option<Self> {
        let period = kind
            .window()
            .period(day)
            .filter(|period| period.first().year() >= 0)?;
        Some(Self {
            kind,
            period,
            survey,
        })
    }

    /// The report that is named so; see [`Kind::period`].
    pub fn named(kind: Kind, period: &str, survey: FormId) -> Option<Self> {
        Some(Self {
            kind,
            period: kind.period(period)?,
            survey,
        })
    }

    /// How often it comes.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The days it is about.
    pub const fn period(&self) -> Period {
        self.period
    }

    /// The survey.
    pub const fn survey(&self) -> &FormId {
        &self.survey
    }
}

/// `weekly/2026-W47/default`.
impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.period, self.survey)
    }
}

/// The numbers of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// Of a week.
    Weekly(Box<Weekly>),
    /// Of a month.
    Monthly(Box<Monthly>),
}

impl Numbers {
    /// Which they are.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Weekly(_) => Kind::Weekly,
            Self::Monthly(_) => Kind::Monthly,
        }
    }
}

/// Something about people, unless there are none or too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told<T> {
    /// Nobody: that is no secret.
    Nobody,
    /// Of so few people that nothing is said of them, or what would tell of these.
    Hidden,
    /// To be shown.
    Shown(T),
}

impl<T> Told<T> {
    /// What is shown, if anything.
    pub const fn shown(&self) -> Option<&T> {
        match self {
            Self::Shown(shown) => Some(shown),
            Self::Nobody | Self::Hidden => None,
        }
    }

    /// This, made of so many people.
    fn of(people: u64, make: impl FnOnce() -> Option<T>) -> Self {
        if (1..FEWEST_PEOPLE).contains(&people) {
            return Self::Hidden;
        }
        match make().filter(|_| people > 0) {
            Some(shown) => Self::Shown(shown),
            None => Self::Nobody,
        }
    }
}

impl Told<u64> {
    /// A count that stands alone.
    pub(crate) fn count(people: u64) -> Self {
        Self::of(people, || Some(people))
    }
}

/// A Net Promoter Score of at least [`FEWEST_PEOPLE`] answers; in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// How many answered.
    pub n: u64,
    /// Of these, how many gave 9 or 10.
    pub promoters: u64,
    /// Of these, how many gave 7 or 8.
    pub passives: u64,
    /// Of these, how many gave 0 to 6.
    pub detractors: u64,
    /// The share of promoters less that of detractors.
    pub nps: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The adjusted interval of Wald, as [`NpsSummary::adjusted_wald`].
    pub interval: [f64; 2],
}

impl Score {
    pub(crate) fn of(tally: &Tally) -> Told<Self> {
        let summary = tally.nps_summary();
        Told::of(summary.map_or(0, |summary| summary.n), || {
            summary.map(Self::from)
        })
    }
}

impl From<NpsSummary> for Score {
    fn from(summary: NpsSummary) -> Self {
        Self {
            n: summary.n,
            promoters: summary.promoters,
            passives: summary.passives,
            detractors: summary.detractors,
            nps: summary.nps,
            standard_error: summary.standard_error,
            interval: summary.adjusted_wald,
        }
    }
}

/// What has become of a number since the period before, and whether that may be chance; in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// From how many answers the number before was.
    pub n: u64,
    /// The number before.
    pub before: f64,
    /// The number now less the number before.
    pub difference: f64,
    /// The interval of the difference by the test the verdict goes by.
    pub interval: [f64; 2],
    /// The chance of such a difference if nothing had changed.
    pub p: Option<f64>,
    /// In words.
    pub verdict: Verdict,
}

impl Change {
    /// Of two scores that are both shown.
    pub(crate) fn of_scores(before: &Tally, now: &Tally) -> Option<Self> {
        Score::of(before).shown().zip(Score::of(now).shown())?;
        let (before, now) = (before.nps_summary()?, now.nps_summary()?);
        let change = NpsChange::between(&before, &now);
        Some(Self {
            n: before.n,
            before: before.nps,
            difference: change.difference,
            interval: change.adjusted_wald.interval,
            p: change.adjusted_wald.p,
            verdict: change.verdict,
        })
    }

    pub(crate) fn of_shares(before: &ShareSummary, change: &ShareChange) -> Self {
        Self {
            n: before.n,
            before: before.percent,
            difference: change.difference,
            interval: change.agresti_caffo.interval,
            p: change.agresti_caffo.p,
            verdict: change.verdict,
        }
    }
}

/// What was answered on a scale from 1 up, by at least [`FEWEST_PEOPLE`] people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    /// How many answered.
    pub n: u64,
    /// The mean, on the scale.
    pub mean: f64,
    /// Its interval; `None` where all gave the same.
    pub interval: Option<[f64; 2]>,
    /// Who gave one of the two highest scores.
    pub top_two: ShareSummary,
}

impl Rated {
    pub(crate) fn of<const N: usize>(rating: Option<Rating<N>>) -> Told<Self> {
        Told::of(rating.map_or(0, |rating| rating.n), || {
            rating.map(|rating| Self {
                n: rating.n,
                mean: rating.mean,
                interval: rating.interval,
                top_two: rating.top_two,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_period_has_one_name() {
        let week = Kind::Weekly.period("2026-W47").unwrap();
        assert_eq!(
            (week.first(), week.last()),
            (date(2026, 11, 16), date(2026, 11, 22))
        );
        let month = Kind::Monthly.period("2026-02").unwrap();
        assert_eq!(
            (month.first(), month.last()),
            (date(2026, 2, 1), date(2026, 2, 28))
        );
        for (kind, text) in [
            (Kind::Weekly, "2026-W54"),
            (Kind::Weekly, "2025-W53"),
            (Kind::Weekly, "2026-W7"),
            (Kind::Weekly, "26-W07"),
            (Kind::Weekly, "2026-11"),
            (Kind::Monthly, "2026-13"),
            (Kind::Monthly, "2026-1"),
            (Kind::Monthly, "2026-W47"),
            (Kind::Monthly, "-001-01"),
            (Kind::Monthly, "+2026-01"),
            (Kind::Monthly, ""),
        ] {
            assert_eq!(kind.period(text), None, "{text}");
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn few_people_are_not_spoken_of() {
        assert_eq!(Told::count(0), Told::Nobody);
        assert_eq!(Told::count(4), Told::Hidden);
        assert_eq!(Told::count(5), Told::Shown(5));
    }
}
