//! What each date has: a definition, resolved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::china;
use super::hours::{Country, Definition, Interval, Week};

/// A date as days since 1970-01-01.
pub(super) type Day = i64;

/// The intervals that begin on each date. Closed dates have an empty list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rota {
    week: [Vec<Interval>; 7],
    weekly_breaks: [Vec<Interval>; 7],
    dates: BTreeMap<Day, Vec<Interval>>,
    breaks: BTreeMap<Day, Vec<Interval>>,
}

impl Rota {
    pub(super) fn new(definition: &Definition) -> Self {
        let days = |week: &Week| week.days().map(<[_]>::to_vec);
        let mut dates = BTreeMap::new();
        // Later entries replace earlier ones: what the company says goes before what the country says.
        match definition.public_holidays {
            Some(Country::China) => {
                let make_up = definition.hours_of_make_up_days();
                dates.extend(china::make_up_days().map(|date| (number(date), make_up.to_vec())));
                dates.extend(china::holidays().map(|date| (number(date), Vec::new())));
            }
            None => {}
        }
        let shifts = definition.shifts.iter();
        dates.extend(shifts.map(|(&date, shift)| (number(date), shift.clone())));
        let holidays = definition.holidays.iter();
        dates.extend(holidays.map(|&date| (number(date), Vec::new())));
        let breaks = definition.breaks.iter();
        Self {
            week: days(&definition.hours),
            weekly_breaks: days(&definition.weekly_breaks),
            dates,
            breaks: breaks
                .map(|(&date, list)| (number(date), list.clone()))
                .collect(),
        }
    }

    /// The hours that begin on this date.
    pub(super) fn hours(&self, day: Day) -> impl Iterator<Item = &Interval> {
        let dated = self.dates.get(&day);
        let week = dated.is_none().then(|| self.ordinary_hours(day));
        dated
            .into_iter()
            .flatten()
            .chain(week.into_iter().flatten())
    }

    /// The hours of its weekday.
    pub(super) fn ordinary_hours(&self, day: Day) -> impl Iterator<Item = &Interval> + use<'_> {
        self.week.get(weekday(day)).into_iter().flatten()
    }

    /// The breaks that begin on this date.
    pub(super) fn breaks(&self, day: Day) -> impl Iterator<Item = &Interval> {
        self.weekly_breaks(day)
            .chain(self.breaks.get(&day).into_iter().flatten())
    }

    /// The breaks of its weekday.
    pub(super) fn weekly_breaks(&self, day: Day) -> impl Iterator<Item = &Interval> + use<'_> {
        self.weekly_breaks.get(weekday(day)).into_iter().flatten()
    }

    /// The dates that may differ from their weekday, in order: those that are named, and the day after, into which
    /// their hours may reach.
    pub(super) fn odd_days(&self) -> BTreeSet<Day> {
        let named = self.dates.keys().chain(self.breaks.keys());
        named.flat_map(|&day| [day, day + 1]).collect()
    }

    /// Whether work begins on some date after this one; before it if `back`.
    pub(super) fn works_beyond(&self, day: Day, back: bool) -> bool {
        let weekly = self.week.iter().any(|day| !day.is_empty());
        let named = || match back {
            true => self
                .dates
                .first_key_value()
                .is_some_and(|(&first, _)| first < day),
            false => self
                .dates
                .last_key_value()
                .is_some_and(|(&last, _)| last > day),
        };
        weekly || named()
    }
}

/// 0 is a Monday; 1970-01-01 was a Thursday.
fn weekday(day: Day) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// The days from 1970-01-01 to this date.
pub(super) fn number(date: Date) -> Day {
    Date::constant(1970, 1, 1).duration_until(date).as_hours() / 24
}
