//! The rules of a company through time: which policy and which calendars apply from when.
//!
//! A change begins to apply at an instant of business time that lies ahead of its publication, so that every reader
//! knows of it by then. A case that is behind is caught up edition by edition, whoever touches it first; therefore its
//! log does not depend on who that was.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::{self, BusinessCalendar, Calendars};
use crate::policy::{Agreed, CalendarName, Origin, Policy, Priority, Terms};

/// A calendar as it is published. Names are persisted: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCalendar {
    /// How targets call it.
    pub name: CalendarName,
    /// The instant of business time at which it begins to apply; `None` for always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// The hours.
    pub calendar: BusinessCalendar,
}

/// How long before it begins, in business time, a change must be published, so that every reader knows of it by then:
/// they read the rules again after a minute.
pub const NOTICE: SignedDuration = SignedDuration::from_secs(120);

/// The versions of documents, each from the instant at which it begins to apply.
///
/// They begin in the order of their versions. A later version takes the place of those of its own name that would begin
/// with it or after it: what is to come can be corrected, or withdrawn.
#[derive(Debug, Clone)]
pub struct Timeline<T>(Vec<(Timestamp, T)>);

impl<T> Timeline<T> {
    /// The timeline of these versions, in their order, each with the instant it names, and of which `name` it is.
    /// Without an instant a version begins together with the one before; none begins before that.
    pub fn new<N: Ord>(
        versions: impl IntoIterator<Item = (Option<Timestamp>, T)>,
        name: impl Fn(&T) -> N,
    ) -> Self {
        let mut first_of_later: BTreeMap<N, Timestamp> = BTreeMap::new();
        let mut stay: Vec<_> = versions.into_iter().collect();
        stay.reverse();
        stay.retain(|(from, version)| {
            let Some(from) = *from else {
                return true;
            };
            let first = first_of_later
                .entry(name(version))
                .or_insert(Timestamp::MAX);
            let stays = from < *first;
            *first = from.min(*first);
            stays
        });
        stay.reverse();
        let mut last = Timestamp::MIN;
        let begin = |(from, version): (Option<Timestamp>, T)| {
            last = from.unwrap_or(last).max(last);
            (last, version)
        };
        Self(stay.into_iter().map(begin).collect())
    }

    /// The versions that begin some time, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &(Timestamp, T)> {
        self.0.iter()
    }
}

impl<T> IntoIterator for Timeline<T> {
    type Item = (Timestamp, T);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// One state of the rules.
#[derive(Debug, Clone)]
pub struct Edition {
    /// When it begins to apply.
    pub active_from: Timestamp,
    /// The policy.
    pub policy: Arc<Policy>,
    /// The calendars it is counted by.
    pub calendars: Arc<Calendars>,
    /// The version of the newest of the calendars; 0 is before any was published.
    pub calendars_version: u32,
    /// The release of the time-zone database.
    pub zone_data: String,
}

/// Which rules a case was caught up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The version of the policy; 0 is the built-in one.
    pub policy: u32,
    /// The version of the newest of the calendars; 0 is before any was published.
    pub calendars: u32,
    /// The release of the time-zone database.
    pub zone_data: String,
}

impl Stamp {
    /// Whether nothing in the other is newer. Releases of the time-zone database sort as text: `2025b`, `2026a`.
    pub fn covers(&self, other: &Self) -> bool {
        self.policy >= other.policy
            && self.calendars >= other.calendars
            && self.zone_data >= other.zone_data
    }
}

impl Edition {
    /// This policy by these calendars, from the instant the policy names.
    pub fn new(
        policy: impl Into<Arc<Policy>>,
        calendars: impl Into<Arc<Calendars>>,
        calendars_version: u32,
    ) -> Self {
        let policy = policy.into();
        Self {
            active_from: policy.active_from.unwrap_or(Timestamp::MIN),
            policy,
            calendars: calendars.into(),
            calendars_version,
            zone_data: calendar::zone_data().to_owned(),
        }
    }

    /// What a case is under that was caught up with it.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            policy: self.policy.version,
            calendars: self.calendars_version,
            zone_data: self.zone_data.clone(),
        }
    }

    /// What it agrees for a case, and what the case keeps of it.
    pub(crate) fn agree(&self, priority: Priority, origin: &Origin) -> (Agreed, Terms) {
        let agreed = self.policy.agreed(priority, origin);
        let terms = self
            .policy
            .terms(priority, agreed.rule.clone(), self.calendars_version);
        (agreed, terms)
    }

    /// Whether nothing in it is older than what the terms are from, and something is newer.
    pub(crate) fn is_later_than(&self, terms: &Terms) -> bool {
        let (policy, calendars) = (self.policy.version, self.calendars_version);
        policy >= terms.policy
            && calendars >= terms.calendars
            && (policy, calendars) != (terms.policy, terms.calendars)
    }

    fn is_later_than_or_of(&self, terms: &Terms) -> bool {
        self.policy.version >= terms.policy && self.calendars_version >= terms.calendars
    }
}

/// Every edition that is known, from the earliest on; there is always one.
///
/// Its end is not the present: an edition may lie ahead.
#[derive(Debug, Clone)]
pub struct Book {
    first: Edition,
    later: Vec<Edition>,
}

impl Book {
    /// The book of a company that published nothing: the built-in policy by these calendars.
    pub fn built_in(calendars: impl Into<Arc<Calendars>>) -> Self {
        Self::new(Edition::new(Policy::default(), calendars, 0))
    }

    /// A book of one edition.
    pub const fn new(first: Edition) -> Self {
        Self {
            first,
            later: Vec::new(),
        }
    }

    /// The book with one more edition at its end. It begins no earlier than the one before.
    #[must_use]
    pub fn with(mut self, mut edition: Edition) -> Self {
        edition.active_from = edition.active_from.max(self.latest().active_from);
        self.later.push(edition);
        self
    }

    /// The book of everything that was published, each in the order of its versions, as [`Timeline`] says when they
    /// begin. `calendars` are those while none are published.
    pub fn compile(
        calendars: Arc<Calendars>,
        policies: impl IntoIterator<Item = (u32, Policy)>,
        named: impl IntoIterator<Item = (u32, NamedCalendar)>,
    ) -> Self {
        enum Change {
            Policy(Arc<Policy>),
            Calendar(u32, Box<NamedCalendar>),
        }
        let policies = policies.into_iter();
        let policies = policies.map(|(version, policy)| {
            let policy = Policy { version, ..policy };
            (policy.active_from, Arc::new(policy))
        });
        let policies = Timeline::new(policies, |_| ()).into_iter();
        let policies = policies.map(|(from, policy)| (from, Change::Policy(policy)));
        let named = named.into_iter();
        let named = named.map(|(version, named)| (named.active_from, (version, Box::new(named))));
        let named = Timeline::new(named, |(_, named)| named.name.clone()).into_iter();
        let named = named.map(|(from, (version, named))| (from, Change::Calendar(version, named)));
        let mut changes: Vec<_> = policies.chain(named).collect();
        // Stable: what begins together keeps the order of its versions.
        changes.sort_by_key(|&(from, _)| from);
        let mut book = Self::new(Edition {
            active_from: Timestamp::MIN,
            ..Edition::new(Policy::default(), calendars, 0)
        });
        for (from, change) in changes {
            let mut edition = book.latest().clone();
            match change {
                Change::Policy(policy) => edition.policy = policy,
                Change::Calendar(version, named) => {
                    edition.calendars_version = version;
                    let calendars =
                        Calendars::clone(&edition.calendars).with(named.name, named.calendar);
                    edition.calendars = Arc::new(calendars);
                }
            }
            if edition.active_from < from {
                edition.active_from = from;
                book.later.push(edition);
            } else {
                *book.later.last_mut().unwrap_or(&mut book.first) = edition;
            }
        }
        book
    }

    /// The last edition, which may lie ahead.
    pub fn latest(&self) -> &Edition {
        self.later.last().unwrap_or(&self.first)
    }

    /// The editions, in order.
    pub fn editions(&self) -> impl DoubleEndedIterator<Item = &Edition> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The edition that applies at `now`: the last one that has begun, or else the first.
    pub fn at(&self, now: Timestamp) -> &Edition {
        self.editions()
            .rfind(|edition| edition.active_from <= now)
            .unwrap_or(&self.first)
    }

    /// The edition that these terms are from. Where it is not known: the first one after it, or else the last.
    pub fn of(&self, terms: &Terms) -> &Edition {
        self.editions()
            .find(|edition| edition.is_later_than_or_of(terms))
            .unwrap_or(self.latest())
    }

    /// The first edition after the one that these terms are from, if it has begun by `now`.
    pub(crate) fn following(&self, terms: &Terms, now: Timestamp) -> Option<&Edition> {
        self.editions()
            .find(|edition| edition.is_later_than(terms))
            .filter(|edition| edition.active_from <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    fn policy(version: u32, from: Option<i64>) -> (u32, Policy) {
        let active_from = from.map(at);
        let policy = Policy {
            active_from,
            ..Policy::default()
        };
        (version, policy)
    }

    fn calendar(version: u32, name: &str, from: Option<i64>) -> (u32, NamedCalendar) {
        let office = Calendars::office_hours("Asia/Shanghai").unwrap();
        let named = NamedCalendar {
            name: name.parse().unwrap(),
            active_from: from.map(at),
            calendar: office.get(&CalendarName::BUSINESS).unwrap().clone(),
        };
        (version, named)
    }

    /// From when which versions of policy and calendars apply.
    fn editions(
        policies: Vec<(u32, Policy)>,
        calendars: Vec<(u32, NamedCalendar)>,
    ) -> Vec<(Option<Timestamp>, u32, u32)> {
        let office = Calendars::office_hours("Asia/Shanghai").unwrap();
        let book = Book::compile(Arc::new(office), policies, calendars);
        let editions = book.editions().map(|edition| {
            let from = edition.active_from;
            let from = (from != Timestamp::MIN).then_some(from);
            (from, edition.policy.version, edition.calendars_version)
        });
        editions.collect()
    }

    #[test]
    fn a_later_version_takes_the_place_of_what_is_to_come() {
        let coming = [policy(1, None), policy(2, Some(10)), policy(3, Some(20))];
        let with = |version, from| {
            let all = coming.iter().cloned().chain([policy(version, from)]);
            editions(all.collect(), vec![])
        };
        let first = (None, 1, 0);
        let second = (Some(at(10)), 2, 0);
        // After, with, between and before those that are to come.
        let third = (Some(at(20)), 3, 0);
        let expected = [first, second, third, (Some(at(30)), 4, 0)];
        assert_eq!(with(4, Some(30)), expected);
        assert_eq!(with(4, Some(20)), [first, second, (Some(at(20)), 4, 0)]);
        assert_eq!(with(4, Some(15)), [first, second, (Some(at(15)), 4, 0)]);
        assert_eq!(with(4, Some(5)), [first, (Some(at(5)), 4, 0)]);
        // Without an instant it is a correction of the last.
        assert_eq!(with(4, None), [first, second, (Some(at(20)), 4, 0)]);
    }

    #[test]
    fn calendars_take_each_others_place_by_name_and_begin_in_order() {
        let night = calendar(1, "night", Some(20));
        let same = vec![night.clone(), calendar(2, "night", Some(10))];
        let expected = [(None, 0, 0), (Some(at(10)), 0, 2)];
        assert_eq!(editions(vec![], same), expected);
        // Versions must go up in time; who publishes sees to it that the other one comes later under a later number.
        let other = vec![night.clone(), calendar(2, "business", Some(10))];
        assert_eq!(
            editions(vec![], other),
            [(None, 0, 0), (Some(at(20)), 0, 2)]
        );
        let again = vec![
            calendar(2, "business", Some(10)),
            calendar(3, "night", Some(20)),
        ];
        let all = std::iter::once(night).chain(again).collect();
        let expected = [(None, 0, 0), (Some(at(10)), 0, 2), (Some(at(20)), 0, 3)];
        assert_eq!(editions(vec![], all), expected);
    }
}
