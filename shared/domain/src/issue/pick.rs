//! Who of very many is invited to something that is for a few: picked so that every address has the same chance.
//!
//! Each address draws a [`Lot`] that depends on nothing but the seed of the draw and the address, and the
//! lowest are picked (a bottom-k sample). So somebody with ten responses has the chance of somebody with one; it does not
//! matter in which order people are met, how often, or how often the walk breaks off; and whoever has the seed can draw again
//! and see that the same are picked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::announcement::{Counts, Fate};
use crate::id::{ContactId, Lot, ResponseId};

/// How many more are drawn than are to be invited: they step in for whoever cannot be invited after all.
pub const RESERVE: usize = 50;

/// Somebody who was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    /// Their lot.
    pub lot: Lot,
    /// Their address.
    pub contact: ContactId,
    /// Of the responses of that address by which they can be invited, the first.
    pub response: ResponseId,
}

/// Those with the lowest lots, lowest first; no address twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sample(Vec<Candidate>);

impl Sample {
    /// The sample with this one in it, if it is among the lowest `room`.
    pub fn add(&mut self, one: Candidate, room: usize) {
        let place = |other: &Candidate| (other.lot, other.contact);
        match self.0.binary_search_by_key(&place(&one), place) {
            Ok(at) => {
                if let Some(known) = self.0.get_mut(at) {
                    known.response = known.response.min(one.response);
                }
            }
            Err(at) if at < room => {
                self.0.insert(at, one);
                self.0.truncate(room);
            }
            Err(_) => {}
        }
    }

    /// Those who were drawn, lowest lot first.
    pub fn candidates(&self) -> &[Candidate] {
        &self.0
    }

    /// Who has one of the `size` places, lowest lot first. `fate` tells what became of an invitation so far; whoever cannot be
    /// invited leaves their place to the next.
    pub fn places(&self, size: usize, fate: impl Fn(&Candidate) -> Option<Fate>) -> Vec<Place> {
        let places = self.0.iter().filter_map(|candidate| {
            let fate = fate(candidate);
            let candidate = *candidate;
            match fate {
                None => Some(Place::Open(candidate)),
                Some(fate) if fate.holds_place() => Some(Place::Taken(candidate, fate)),
                Some(_) => None,
            }
        });
        places.take(size).collect()
    }
}

/// One of the places of a beta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// They are to be invited.
    Open(Candidate),
    /// They were.
    Taken(Candidate, Fate),
}

/// A draw, and how far it has come: one walk over the links of an improvement's issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// The response up to which it has walked, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ResponseId>,
    /// How many responses it met whose senders can be invited.
    pub able: u64,
    /// How many it met whose senders cannot, and why.
    pub without: Counts,
    /// Who has been drawn so far.
    pub sample: Sample,
    /// When it came to the end of the links. Business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When it was looked last whether somebody is to be written to, and nobody was left. Business time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// That it was night for everybody who was left, when it was looked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night: Option<Night>,
}

/// That everybody who is to be written to sleeps. A version that does not know it looks again each minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Night {
    /// When it was looked. Business time.
    pub looked_at: Timestamp,
    /// When the first of them can be written to. Business time.
    pub until: Timestamp,
}

impl Draw {
    /// One that has met nobody.
    pub fn begin() -> Self {
        Self {
            after: None,
            able: 0,
            without: Counts::default(),
            sample: Sample::default(),
            ended_at: None,
            looked_at: None,
            night: None,
        }
    }

    /// It, looked at `now`, when whoever is left to be written to sleeps, the first until the instant that is given; if nobody
    /// is left, until none.
    #[must_use]
    pub fn looked(&self, now: Timestamp, asleep_until: Option<Timestamp>) -> Self {
        let night = asleep_until.map(|until| Night {
            looked_at: now,
            until,
        });
        Self {
            looked_at: night.is_none().then_some(now),
            night,
            ..self.clone()
        }
    }
}
