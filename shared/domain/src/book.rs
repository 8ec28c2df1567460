//! The rules of a company through time: which policy and which calendars apply from when.
//!
//! A change begins to apply at an instant of business time that lies ahead of its publication, so that every reader
//! knows of it by then. A case that is behind is caught up edition by edition, whoever touches it first; therefore its
//! log does not depend on who that was.

use std::sync::Arc;

use jiff::Timestamp;
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

    /// The book of everything that was published, each in the order of its versions. `calendars` are those while none
    /// are published.
    pub fn compile(
        calendars: Arc<Calendars>,
        policies: impl IntoIterator<Item = (u32, Policy)>,
        named: impl IntoIterator<Item = (u32, NamedCalendar)>,
    ) -> Self {
        enum Change {
            Policy(Arc<Policy>),
            Calendar(u32, Box<NamedCalendar>),
        }
        let mut changes = Vec::new();
        let mut from = Timestamp::MIN;
        for (version, policy) in policies {
            from = from.max(policy.active_from.unwrap_or(Timestamp::MIN));
            let policy = Policy { version, ..policy };
            changes.push((from, Change::Policy(Arc::new(policy))));
        }
        from = Timestamp::MIN;
        for (version, named) in named {
            from = from.max(named.active_from.unwrap_or(Timestamp::MIN));
            let change = Change::Calendar(version, Box::new(named));
            changes.push((from, change));
        }
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
