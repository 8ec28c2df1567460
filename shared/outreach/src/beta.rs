//! Who is drawn for a beta, and how far each has come.

use std::collections::BTreeMap;

use jiff::Timestamp;
use resound_domain::id::{ImprovementId, ResponseId};
use resound_domain::issue::announcement::Occasion;
use resound_domain::issue::beta::{Beta, Seed};
use resound_domain::issue::pick::{Candidate, Draw, Place, RESERVE, Sample};
use resound_domain::issue::tester::{Tester, Turnout};
use resound_lambda_kit::idempotency::lot;
use resound_store::{Store, StoreError, Told};

use crate::{Found, Looked};

/// Somebody who was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub candidate: Candidate,
    /// What became of their invitation, if it was dealt with.
    pub invited: Option<Told>,
    /// What became of the question whether it is fixed, if that was dealt with.
    pub asked: Option<Told>,
    /// What they said.
    pub tester: Tester,
}

impl Standing {
    /// Whether they take part, as they said last.
    pub fn takes_part(&self) -> bool {
        self.tester.takes_part() == Some(true)
    }
}

/// How far everybody has come who was drawn, in the order of their lots.
///
/// # Errors
/// [`StoreError`]
pub async fn standings(
    store: &Store,
    improvement: ImprovementId,
    sample: &Sample,
) -> Result<Vec<Standing>, StoreError> {
    let ids: Vec<ResponseId> = sample.candidates().iter().map(|one| one.response).collect();
    let told = async |occasion| {
        let told = store.fates(occasion, improvement, &ids).await?;
        // Who cannot be read may hold a place: nothing is said of the places then.
        if let Some((_, error)) = told.unreadable.into_iter().next() {
            return Err(error);
        }
        let told = told.kept.into_iter().map(|told| (told.response, told));
        Ok::<_, StoreError>(told.collect::<BTreeMap<_, _>>())
    };
    let invited = told(Occasion::Invitation).await?;
    let asked = told(Occasion::Question).await?;
    let testers = store.testers(improvement, &ids).await?;
    if let Some(error) = testers.corrupt.into_iter().next() {
        return Err(error);
    }
    let mut testers = testers.said;
    let standing = |candidate: &Candidate| Standing {
        candidate: *candidate,
        invited: invited.get(&candidate.response).copied(),
        asked: asked.get(&candidate.response).copied(),
        tester: testers.remove(&candidate.response).unwrap_or_default(),
    };
    Ok(sample.candidates().iter().map(standing).collect())
}

/// What all of them come to by `now`, in business time.
pub fn turnout(beta: &Beta, draw: &Draw, standings: &[Standing], now: Timestamp) -> Turnout {
    let mut turnout = Turnout::default();
    for one in standings {
        let fate = |told: Option<Told>| told.map(|told| told.fate);
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
