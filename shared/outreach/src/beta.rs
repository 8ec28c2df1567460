//! Who is drawn for a beta, and how far each has come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use resound_domain::id::{ContactId, ImprovementId, ResponseId};
use resound_domain::issue::announcement::{Fate, Occasion};
use resound_domain::issue::beta::{Beta, Seed, State};
use resound_domain::issue::pick::{Candidate, Draw, Place, RESERVE, Sample};
use resound_domain::issue::tester::{Tester, Turnout};
use resound_lambda_kit::idempotency::lot;
use resound_store::{AnnouncedKey, Store, StoreError, Told};

use crate::{Found, Looked};

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Became {
    /// What.
    pub fate: Fate,
    /// When, in business time; `None` if the ledger of the address alone knows.
    pub at: Option<Timestamp>,
}

/// Somebody who was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub candidate: Candidate,
    /// What became of their invitation, if it was dealt with.
    pub invited: Option<Became>,
    /// What became of the question whether it is fixed, if that was dealt with.
    pub asked: Option<Became>,
    /// What they said.
    pub tester: Tester,
}

impl Standing {
    /// Whether they take part, as they said last.
    pub fn takes_part(&self) -> bool {
        self.tester.takes_part() == Some(true)
    }
}

/// Who takes part in a beta.
#[derive(Debug, Default)]
pub struct Joined {
    /// Their addresses.
    pub contacts: BTreeSet<ContactId>,
    /// What others said that cannot be read, each a [`StoreError::Corrupt`]. They are told as everybody is.
    pub corrupt: Vec<StoreError>,
}

/// Who takes part in the beta of an improvement, as they said last: they asked to hear of it. Nobody if there is none.
///
/// # Errors
/// [`StoreError`]
pub async fn joined(store: &Store, improvement: ImprovementId) -> Result<Joined, StoreError> {
    let Some(drawn) = store.draw(improvement).await? else {
        return Ok(Joined::default());
    };
    let candidates = drawn.draw.sample.candidates();
    let ids: Vec<ResponseId> = candidates.iter().map(|one| one.response).collect();
    let testers = store.testers(improvement, &ids).await?;
    let joined = candidates.iter().filter(|one| {
        let said = testers.said.get(&one.response);
        said.is_some_and(|tester| tester.takes_part() == Some(true))
    });
    Ok(Joined {
        contacts: joined.map(|one| one.contact).collect(),
        corrupt: testers.corrupt,
    })
}

/// How far everybody has come who was drawn.
#[derive(Debug, Default)]
pub struct Standings {
    /// They, in the order of their lots.
    pub people: Vec<Standing>,
    /// What of them cannot be read, each a [`StoreError::Corrupt`]. It is left out, so that somebody may have been written to
    /// of whom that does not show.
    pub corrupt: Vec<StoreError>,
}

/// How far everybody has come who was drawn.
///
/// # Errors
/// [`StoreError`]
pub async fn standings(
    store: &Store,
    improvement: ImprovementId,
    sample: &Sample,
) -> Result<Standings, StoreError> {
    let ids: Vec<ResponseId> = sample.candidates().iter().map(|one| one.response).collect();
    let mut corrupt = Vec::new();
    let mut told = async |occasion| {
        let told = store.fates(occasion, improvement, &ids).await?;
        corrupt.extend(told.unreadable.into_iter().map(|(_, error)| error));
        let told = told.kept.into_iter().map(|told| {
            let Told { fate, at, .. } = told;
            (told.response, Became { fate, at: Some(at) })
        });
        Ok::<_, StoreError>(told.collect::<BTreeMap<_, _>>())
    };
    let invited = told(Occasion::Invitation).await?;
    let asked = told(Occasion::Question).await?;
    let testers = store.testers(improvement, &ids).await?;
    corrupt.extend(testers.corrupt);
    let mut testers = testers.said;
    let standing = |candidate: &Candidate| Standing {
        candidate: *candidate,
        invited: invited.get(&candidate.response).copied(),
        asked: asked.get(&candidate.response).copied(),
        tester: testers.remove(&candidate.response).unwrap_or_default(),
    };
    Ok(Standings {
        people: sample.candidates().iter().map(standing).collect(),
        corrupt,
    })
}

/// The same by what the ledger of their addresses knows: whether a letter of which nobody knew was sent after all, or is being
/// written. Of a closed beta nothing is: what was claimed and not recorded is in doubt.
///
/// # Errors
/// [`StoreError`]
pub async fn settled_standings(
    store: &Store,
    beta: &Beta,
    sample: &Sample,
) -> Result<Standings, StoreError> {
    let improvement = beta.improvement();
    let mut standings = standings(store, improvement, sample).await?;
    let keys = standings.people.iter().flat_map(|one| {
        let open =
            |became: Option<Became>| became.is_none_or(|became| became.fate == Fate::Unknown);
        let invited = open(one.invited).then_some(Occasion::Invitation);
        let asked = (open(one.asked) && one.takes_part()).then_some(Occasion::Question);
        let contact = one.candidate.contact;
        invited
            .into_iter()
            .chain(asked)
            .map(move |occasion| AnnouncedKey {
                contact,
                improvement,
                occasion,
            })
    });
    let keys: Vec<AnnouncedKey> = keys.collect();
    let entries = store.announced_all(&keys).await?;
    standings.corrupt.extend(entries.corrupt);
    let known = entries.found.into_iter().filter_map(|entry| {
        let fate = match entry.fate()? {
            // No run comes to it any more that would write the doubt down.
            Fate::InProgress if beta.state() == State::Closed => Fate::Unknown,
            fate => fate,
        };
        Some(((entry.key.contact, entry.key.occasion), fate))
    });
    let known: BTreeMap<_, _> = known.collect();
    for one in &mut standings.people {
        let contact = one.candidate.contact;
        for (occasion, became) in [
            (Occasion::Invitation, &mut one.invited),
            (Occasion::Question, &mut one.asked),
        ] {
            if let Some(&fate) = known.get(&(contact, occasion)) {
                let at = became.and_then(|became| became.at);
                // A doubt that was written down stays one until the provider tells more.
                if became.is_none() || fate == Fate::Sent {
                    *became = Some(Became { fate, at });
                }
            }
        }
    }
    Ok(standings)
}

/// What all of them come to by `now`, in business time.
pub fn turnout(beta: &Beta, draw: &Draw, standings: &[Standing], now: Timestamp) -> Turnout {
    let mut turnout = Turnout::default();
    for one in standings {
        let fate = |became: Option<Became>| became.map(|became| became.fate);
        turnout.add(fate(one.invited), fate(one.asked), &one.tester);
    }
    // Once nobody was left to write to, nobody waits: who is erased since is not invited any more.
    if draw.ended_at.is_some() && draw.looked_at.is_none() && beta.may_invite(now) {
        let fates: BTreeMap<_, _> = standings
            .iter()
            .filter_map(|one| Some((one.candidate, one.invited?.fate)))
            .collect();
        let size = beta.terms().size.get();
        let places = draw.sample.places(size, |one| fates.get(one).copied());
        let waiting = places.iter().filter(|place| match place {
            Place::Open(_) => true,
            Place::Taken(_, fate) => !fate.was_perhaps_written(),
        });
        turnout.waiting = u64::try_from(waiting.count()).unwrap_or(u64::MAX);
    }
    turnout
}

impl Looked {
    /// The draw with these reporters in it, each looked at by itself for an invitation.
    #[must_use]
    pub fn drawn(&self, beta: &Beta, mut draw: Draw) -> Draw {
        let room = beta.terms().size.get().saturating_add(RESERVE);
        for found in &self.found {
            match candidate(found, &beta.terms().seed) {
                Some(candidate) => {
                    draw.able = draw.able.saturating_add(1);
                    draw.sample.add(candidate, room);
                }
                None => found
                    .without()
                    .into_iter()
                    .for_each(|fate| draw.without.add(fate)),
            }
        }
        draw.after = self.next;
        draw
    }
}

/// Somebody who can be invited, with the lot they draw.
fn candidate(found: &Found, seed: &Seed) -> Option<Candidate> {
    let contact = found.contact()?;
    found.can_be_invited().then(|| Candidate {
        lot: lot(seed, contact),
        contact,
        response: found.response,
    })
}
