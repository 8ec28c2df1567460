//! Betas: drawing a few of the reporters, inviting them, and asking those who joined whether it is fixed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use resound_domain::id::{ContactId, ImprovementId, ResponseId};
use resound_domain::issue::announcement::Fate;
use resound_domain::issue::beta::State;
use resound_domain::issue::improvement;
use resound_domain::issue::pick::{Draw, Place};
use resound_domain::issue::{Beta, Improvement};
use resound_outreach::{Look, Standing, families, standings};
use resound_store::{Appended, Drawn, StoreError};

use crate::handler::{App, CHUNK, ENOUGH_TIME, Errand, Halt, Run, Telling, passed_over};

impl App {
    /// Goes on with one beta as far as time and pace allow.
    pub(crate) async fn go_on_with_beta(
        &self,
        id: ImprovementId,
        run: &Run<'_>,
        telling: &mut Telling,
    ) -> Result<(), Halt> {
        let Some(beta) = self.open_beta(id, run).await? else {
            return Ok(());
        };
        // Without a sender there is nobody who can be invited: that may change.
        if beta.state() == State::Stopped || self.config.from.is_none() {
            return Ok(());
        }
        telling.betas += 1;
        let Some(drawn) = self.drawn(&beta, run).await? else {
            return Ok(());
        };
        if errand(&beta, run.now).is_none() || !beta.is_due(&drawn.draw, run.now) {
            return Ok(());
        }
        let standings = standings(&self.store, id, &drawn.draw.sample).await?;
        // Who cannot be read may hold a place: nobody is written to then.
        if let Some(error) = standings.corrupt.into_iter().next() {
            return Err(error.into());
        }
        let mut fates = Fates::of(standings.people);
        let mut beta = beta;
        loop {
            let Some(errand) = errand(&beta, run.now) else {
                return Ok(());
            };
            let Some(improvement) = self.still_wanted(errand).await? else {
                break;
            };
            let mut next = fates.next(errand, &beta, &drawn.draw);
            if next.is_empty() {
                break;
            }
            if run.invocation.time_left() < ENOUGH_TIME {
                return Err(Halt::Later);
            }
            next.truncate(CHUNK);
            if let Errand::Invitation(_) = errand {
                let families = families(&self.store, &improvement.plan().issues).await?;
                let linked = self.store.still_linked(&families, &next).await?;
                passed_over(linked.corrupt);
                let linked: BTreeSet<_> = linked.found.iter().map(|link| link.response).collect();
                let (still, gone): (Vec<_>, Vec<_>) =
                    next.into_iter().partition(|one| linked.contains(one));
                // What was drawn by was taken out since: it was about something else.
                fates.came(errand, gone.into_iter().map(|one| (one, Fate::Passed)));
                next = still;
            }
            let look = self.look(errand, &beta, &fates.joined, run);
            let looked = look.at(&next, Some(&mut BTreeSet::new())).await?;
            passed_over(looked.corrupt);
            fates.asleep_until = fates
                .asleep_until
                .into_iter()
                .chain(looked.asleep_until)
                .min();
            let dealt = self.deal(errand, looked.found, run, telling).await?;
            fates.came(errand, dealt.fates);
            if dealt.cut_after.is_some() {
                return Err(Halt::Later);
            }
            // A stop, or that the others are to be asked now, takes hold here.
            match self.open_beta(id, run).await? {
                Some(still) => beta = still,
                None => return Ok(()),
            }
        }
        if !fates.is_unsettled {
            let looked = drawn.draw.looked(run.now, fates.asleep_until);
            // Should another run be first, it has looked too.
            self.store.draw_on(id, Some(&drawn), looked).await?;
        }
        Ok(())
    }

    /// The beta, if it is open; one whose time is over is closed.
    async fn open_beta(
        &self,
        id: ImprovementId,
        run: &Run<'_>,
    ) -> Result<Option<Beta>, StoreError> {
        let found = self.store.beta(id).await?;
        let Some(beta) = found.filter(|found| found.state() != State::Closed) else {
            return Ok(None);
        };
        let Some(entry) = beta.expire(run.now) else {
            return Ok(Some(beta));
        };
        let mut after = beta.clone();
        after.apply(&entry);
        match self
            .store
            .append_to_beta(&beta, &after, &entry, None)
            .await?
        {
            Appended::Appended => tracing::info!(improvement = %id, "the beta is closed"),
            // Somebody commands it at this moment: the next minute sees what came of that.
            Appended::Conflict => {}
        }
        Ok(None)
    }

    /// The improvement, if people are still to be written to about it: nobody about what is cancelled, and nobody is invited to
    /// try what everyone is told of.
    async fn still_wanted(&self, errand: Errand<'_>) -> Result<Option<Improvement>, StoreError> {
        let id = errand.improvement();
        let improvement = self.store.improvement(id).await?;
        let improvement =
            improvement.filter(|found| found.state() != improvement::State::Cancelled);
        if let Errand::Invitation(_) = errand
            && self.store.announcement(id).await?.is_some()
        {
            return Ok(None);
        }
        Ok(improvement)
    }

    /// The draw at its end, walked on from where it stands; `None` if another run is ahead.
    async fn drawn(&self, beta: &Beta, run: &Run<'_>) -> Result<Option<Drawn>, Halt> {
        let id = beta.improvement();
        let mut seen = self.store.draw(id).await?;
        let mut walked = None;
        loop {
            let mut draw = match &seen {
                Some(drawn) if drawn.draw.ended_at.is_some() => return Ok(seen),
                Some(drawn) => drawn.draw.clone(),
                None => Draw::begin(),
            };
            if !beta.invites(run.now) {
                return Ok(None);
            }
            if run.invocation.time_left() < ENOUGH_TIME {
                return Err(Halt::Later);
            }
            if walked.is_none() {
                let improvement = self.store.improvement(id).await?;
                let issues = improvement.map(|improvement| improvement.plan().issues.clone());
                walked = Some(families(&self.store, &issues.unwrap_or_default()).await?);
            }
            let none = BTreeSet::new();
            let look = self.look(Errand::Invitation(beta), beta, &none, run);
            let walked = walked.as_deref().unwrap_or_default();
            let page = look.page(walked, draw.after, CHUNK, None).await?;
            draw = page.drawn(beta, draw);
            passed_over(page.corrupt);
            if draw.after.is_none() {
                draw.ended_at = Some(run.now);
                tracing::info!(improvement = %id, able = draw.able, drawn = draw.sample.candidates().len(), "the draw has ended");
            }
            seen = match self.store.draw_on(id, seen.as_ref(), draw).await? {
                Some(drawn) => Some(drawn),
                None => return Ok(None),
            };
        }
    }

    fn look<'a>(
        &'a self,
        errand: Errand<'_>,
        beta: &Beta,
        wanted_by: &'a BTreeSet<ContactId>,
        run: &Run<'a>,
    ) -> Look<'a> {
        Look {
            store: &self.store,
            improvement: beta.improvement(),
            occasion: errand.occasion(),
            reported_until: beta.started_at(),
            wanted_by,
            mail: self.config.from.is_some(),
            zones: run.zones,
            now: run.now,
            machine_now: run.invocation.machine_now,
        }
    }
}

/// What people are written to about now, if anything.
fn errand(beta: &Beta, now: Timestamp) -> Option<Errand<'_>> {
    match beta.state() {
        State::Inviting if beta.invites(now) => Some(Errand::Invitation(beta)),
        State::Asking => Some(Errand::Question(beta)),
        State::Inviting | State::Stopped | State::Closed => None,
    }
}

/// What became of those who are drawn, as kept and as this run has found.
struct Fates {
    invited: BTreeMap<ResponseId, Fate>,
    asked: BTreeMap<ResponseId, Fate>,
    joined: BTreeSet<ContactId>,
    /// Whether somebody is to be looked at again in a minute: another run is writing to them, or a letter's answer was lost.
    is_unsettled: bool,
    /// When the first of those can be written to for whom it is night.
    asleep_until: Option<Timestamp>,
}

impl Fates {
    fn of(standings: Vec<Standing>) -> Self {
        let mut fates = Self {
            invited: BTreeMap::new(),
            asked: BTreeMap::new(),
            joined: BTreeSet::new(),
            is_unsettled: false,
            asleep_until: None,
        };
        for one in standings {
            let response = one.candidate.response;
            fates
                .invited
                .extend(one.invited.map(|told| (response, told.fate)));
            fates
                .asked
                .extend(one.asked.map(|told| (response, told.fate)));
            if one.takes_part() {
                fates.joined.insert(one.candidate.contact);
            }
        }
        fates
    }

    /// Who is to be looked at now, lowest lot first: whoever has a place and has not been invited, or has joined and has not
    /// been asked.
    fn next(&self, errand: Errand<'_>, beta: &Beta, draw: &Draw) -> Vec<ResponseId> {
        let Errand::Question(_) = errand else {
            let fate = |response| self.invited.get(&response).copied();
            let size = beta.terms().size.get();
            let places = draw.sample.places(size, |one| fate(one.response));
            let open = places.into_iter().filter_map(|place| match place {
                Place::Open(one) => Some(one.response),
                Place::Taken(..) => None,
            });
            return open.collect();
        };
        let all = draw.sample.candidates().iter();
        let joined = all.filter(|one| self.joined.contains(&one.contact));
        let open = joined.filter(|one| !self.asked.contains_key(&one.response));
        open.map(|one| one.response).collect()
    }

    fn came(&mut self, errand: Errand<'_>, fates: impl IntoIterator<Item = (ResponseId, Fate)>) {
        let of = match errand {
            Errand::Question(_) => &mut self.asked,
            Errand::Announcement(_) | Errand::Invitation(_) => &mut self.invited,
        };
        for (response, fate) in fates {
            self.is_unsettled |= match fate {
                Fate::Quiet => false,
                other => other.holds_place() && !other.was_perhaps_written(),
            };
            of.insert(response, fate);
        }
    }
}
