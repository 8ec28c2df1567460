//! What a provider says became of a message that it took, and what follows from that.
//!
//! Its reports come late, twice and in any order. So each says one thing for itself, of each thing the earliest time is
//! kept, and what all of them come to is derived: whoever has the same reports has the same end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Failure;

/// One thing that a provider says of a message. That it says anything proves that it took the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// It took the message and says no more yet.
    Accepted,
    /// The mailbox or the phone took it.
    Delivered,
    /// It was given up: the mailbox does not exist, takes nothing from us, or was full or out of reach until then; there is no
    /// such number, or its phone was out of reach until then.
    Bounced,
    /// Something came back, and the message may have arrived all the same, or still may: a note that somebody is on holiday, a
    /// phone that is out of reach by now, or nobody says.
    SoftBounced,
    /// It was not sent on: the provider or a network found something wrong with the message, or does not let it through.
    Rejected,
    /// Its owner called it unwanted.
    Complained,
}

impl Fate {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Delivered,
        Self::Bounced,
        Self::SoftBounced,
        Self::Rejected,
        Self::Complained,
    ];

    /// The published name. Append only.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::SoftBounced => "soft_bounced",
            Self::Rejected => "rejected",
            Self::Complained => "complained",
        }
    }

    /// Why the message will reach nobody; `None` if it did, or still may.
    pub const fn failure(self) -> Option<Failure> {
        match self {
            Self::Bounced => Some(Failure::Bounced),
            Self::Rejected => Some(Failure::Rejected),
            Self::Accepted | Self::Delivered | Self::SoftBounced | Self::Complained => None,
        }
    }
}

/// Everything a provider has said of one message: when it says that each thing happened first. Names are persisted: append
/// only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When it was [`Delivered`](Fate::Delivered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// When it [`Bounced`](Fate::Bounced).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounced_at: Option<Timestamp>,
    /// When it [`SoftBounced`](Fate::SoftBounced).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_bounced_at: Option<Timestamp>,
    /// When it was [`Rejected`](Fate::Rejected).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_at: Option<Timestamp>,
    /// When its owner [`Complained`](Fate::Complained).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complained_at: Option<Timestamp>,
}

impl Delivery {
    /// When a thing happened first; `None` if nobody said that it did. That a message was accepted is the ledger's outcome,
    /// and is kept there.
    pub const fn at(&self, fate: Fate) -> Option<Timestamp> {
        match fate {
            Fate::Accepted => None,
            Fate::Delivered => self.delivered_at,
            Fate::Bounced => self.bounced_at,
            Fate::SoftBounced => self.soft_bounced_at,
            Fate::Rejected => self.rejected_at,
            Fate::Complained => self.complained_at,
        }
    }

    /// Whether a report says something that is not known yet: a new thing, or an earlier time of it.
    pub fn learns(&self, fate: Fate, at: Timestamp) -> bool {
        fate != Fate::Accepted && self.at(fate).is_none_or(|known| at < known)
    }

    /// What it all comes to; `None` while nothing is known. A mailbox may take a message and send it back later, so a bounce
    /// outweighs a delivery; a note that somebody is on holiday is reported as a soft bounce, so a delivery outweighs that.
    pub fn fate(&self) -> Option<Fate> {
        [
            Fate::Bounced,
            Fate::Rejected,
            Fate::Complained,
            Fate::Delivered,
            Fate::SoftBounced,
        ]
        .into_iter()
        .find(|fate| self.at(*fate).is_some())
    }
}

/// How many messages each thing happened to. One to which several happened is in each of these numbers, so they do not add
/// up to anything. Names are persisted and published: append only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fates {
    /// [`Fate::Delivered`]
    pub delivered: u64,
    /// [`Fate::Bounced`]
    pub bounced: u64,
    /// [`Fate::SoftBounced`]
    pub soft_bounced: u64,
    /// [`Fate::Rejected`]
    pub rejected: u64,
    /// [`Fate::Complained`]
    pub complained: u64,
}

impl Fates {
    /// One message to which one thing happened. That one was accepted is the ledger's outcome, and is counted there.
    pub fn one(fate: Fate) -> Self {
        let count = |one| u64::from(fate == one);
        Self {
            delivered: count(Fate::Delivered),
            bounced: count(Fate::Bounced),
            soft_bounced: count(Fate::SoftBounced),
            rejected: count(Fate::Rejected),
            complained: count(Fate::Complained),
        }
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_add(other.delivered),
            bounced: self.bounced.saturating_add(other.bounced),
            soft_bounced: self.soft_bounced.saturating_add(other.soft_bounced),
            rejected: self.rejected.saturating_add(other.rejected),
            complained: self.complained.saturating_add(other.complained),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The store counts by the names of fates.
    #[test]
    fn a_fate_is_counted_under_its_name() {
        for fate in Fate::ALL {
            let counted = serde_json::to_value(Fates::one(fate)).unwrap();
            let counted = counted.as_object().unwrap();
            for (name, count) in counted {
                assert_eq!(*count == 1, name == fate.name(), "{name} of {fate:?}");
            }
            assert_eq!(counted.contains_key(fate.name()), fate != Fate::Accepted);
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_is_later_than_what_is_known_says_nothing_new() {
        let known = Delivery {
            delivered_at: Some(at(5)),
            ..Delivery::default()
        };
        assert!(known.learns(Fate::Delivered, at(4)));
        assert!(!known.learns(Fate::Delivered, at(5)));
        assert!(known.learns(Fate::Bounced, at(9)));
        assert!(!known.learns(Fate::Accepted, at(1)));
    }

    #[test]
    fn the_worst_that_is_for_good_counts() {
        let all = Delivery {
            delivered_at: Some(at(1)),
            bounced_at: Some(at(2)),
            soft_bounced_at: Some(at(3)),
            rejected_at: Some(at(4)),
            complained_at: Some(at(5)),
        };
        assert_eq!(all.fate(), Some(Fate::Bounced));
        let holiday = Delivery {
            bounced_at: None,
            rejected_at: None,
            complained_at: None,
            ..all
        };
        assert_eq!(holiday.fate(), Some(Fate::Delivered));
        assert_eq!(Delivery::default().fate(), None);
    }

    #[test]
    fn only_what_is_for_good_is_a_failure() {
        let failed = Fate::ALL
            .into_iter()
            .filter(|fate| fate.failure().is_some());
        let failed: Vec<_> = failed.map(Fate::name).collect();
        assert_eq!(failed, ["bounced", "rejected"]);
    }
}
