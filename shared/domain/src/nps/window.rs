//! Which local days belong together, and which came before them.
//!
//! Arithmetic over civil days: which instants a day has is settled where a response is accepted, in its survey's zone.
//! A day that the zone skipped (Apia, 2011-12-30) is a day like any other, on which nobody answered.

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, ToSpan, Unit};

/// Days that are looked at together. Names are published: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Window {
    Day,
    Days7,
    Days30,
    Days90,
    Days180,
    /// An ISO week: Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// Local days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    window: Window,
    first: Date,
    last: Date,
}

impl Window {
    /// Every window.
    pub const EVERY: [Self; 7] = [
        Self::Day,
        Self::Days7,
        Self::Days30,
        Self::Days90,
        Self::Days180,
        Self::Week,
        Self::Month,
    ];

    /// The published name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Days180 => "180d",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The window of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|window| window.name() == name)
    }

    /// How many days it rolls over; `None` for those that follow the calendar.
    const fn days(self) -> Option<i64> {
        match self {
            Self::Day => Some(1),
            Self::Days7 => Some(7),
            Self::Days30 => Some(30),
            Self::Days90 => Some(90),
            Self::Days180 => Some(180),
            Self::Week | Self::Month => None,
        }
    }

    /// The period of a day: the days up to it, or the whole week or month it is in. `None` at the ends of time.
    pub fn period(self, day: Date) -> Option<Period> {
        let (first, last) = match (self.days(), self) {
            (Some(days), _) => (day.checked_sub((days - 1).days()).ok()?, day),
            (None, Self::Month) => (day.first_of_month(), day.last_of_month()),
            (None, _) => {
                let since = day.weekday().to_monday_zero_offset();
                let monday = day.checked_sub(since.days()).ok()?;
                (monday, monday.checked_add(6.days()).ok()?)
            }
        };
        Some(Period {
            window: self,
            first,
            last,
        })
    }
}

impl Period {
    /// The window it is of.
    pub const fn window(self) -> Window {
        self.window
    }

    /// Its first day.
    pub const fn first(self) -> Date {
        self.first
    }

    /// Its last day, included.
    pub const fn last(self) -> Date {
        self.last
    }

    /// The period of the same window that ends on the day before this one begins: as many days, or the week or month before.
    /// `None` at the ends of time.
    pub fn previous(self) -> Option<Self> {
        self.window.period(self.first.yesterday().ok()?)
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        let span: Option<Span> = self.first.until((Unit::Day, self.last)).ok();
        span.map_or(0, |span| i64::from(span.get_days())) + 1
    }

    /// Whether a day is in it.
    pub fn contains(self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// Whether all of it has passed on this day; a week or month that has not is compared with a whole one before it.
    pub fn is_over(self, today: Date) -> bool {
        self.last < today
    }
}

impl fmt::Display for Period {
    /// `2026-W48`, `2026-11`, or the first and the last day as ISO 8601 writes intervals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window {
            Window::Week => {
                let week = self.first.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
            Window::Month => write!(f, "{:04}-{:02}", self.first.year(), self.first.month()),
            _ => write!(f, "{}/{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn periods_and_those_before() {
        let day = date(2026, 3, 1);
        let lines: Vec<_> = Window::EVERY
            .into_iter()
            .map(|window| {
                let period = window.period(day).unwrap();
                let before = period.previous().unwrap();
                format!(
                    "{}: {period} ({}), before {before} ({})",
                    window.name(),
                    period.days(),
                    before.days()
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn weeks_are_of_the_year_of_their_thursday() {
        for (day, week, before) in [
            (date(2027, 1, 3), "2026-W53", "2026-W52"),
            (date(2026, 1, 1), "2026-W01", "2025-W52"),
            (date(2027, 1, 4), "2027-W01", "2026-W53"),
        ] {
            let period = Window::Week.period(day).unwrap();
            assert_eq!(period.to_string(), week);
            assert_eq!(period.previous().unwrap().to_string(), before);
        }
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for window in Window::EVERY {
            for day in [Date::MIN, Date::MAX] {
                if let Some(period) = window.period(day) {
                    assert!(period.contains(day) && period.days() > 0);
                    assert!(
                        period
                            .previous()
                            .is_none_or(|before| before.last < period.first)
                    );
                }
            }
        }
        assert_eq!(Window::Days7.period(Date::MIN), None);
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_without_gap(days in 0i64..40_000, window in prop::sample::select(Window::EVERY.to_vec())) {
            let day = date(1970, 1, 1).saturating_add(days.days());
            let period = window.period(day).unwrap();
            prop_assert!(period.contains(day));
            prop_assert!(period.is_over(period.last().tomorrow().unwrap()) && !period.is_over(period.last()));
            let before = period.previous().unwrap();
            prop_assert_eq!(before.last().tomorrow().unwrap(), period.first());
            prop_assert_eq!(window.period(before.last()), Some(before));
            prop_assert_eq!(Window::from_name(window.name()), Some(window));
            match window {
                Window::Month => prop_assert!((28..=31).contains(&period.days())),
                Window::Week => prop_assert_eq!((period.days(), before.days()), (7, 7)),
                _ => prop_assert_eq!(period.days(), before.days()),
            }
        }
    }
}
