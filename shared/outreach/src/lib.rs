//! Who of an improvement's reporters gets what when it is announced, and when a few of them are to try it before.
//!
//! The same look serves the dry run, which shows it, and the announcement or the beta, which acts on it: what a lead is shown
//! is what happens, as far as nothing changes in between.

mod beta;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use resound_domain::budget::{is_quiet, quiet_until};
use resound_domain::form::{FormId, Forms};
use resound_domain::id::{ContactId, ImprovementId, IssueId, ResponseId};
use resound_domain::issue::announcement::{Address, Fate, Ledger, Occasion, Plan, Reporter};
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_lambda_kit::mail::Mailbox;
use resound_store::{KnownContact, Store, StoreError};

/// The most survivors that are asked for, one after another, whom an issue was merged into.
const MAX_MERGES: usize = 20;

pub use beta::{
    Became, Joined, Standing, Standings, joined, settled_standings, standings, turnout,
};

/// The zones of local time, by survey.
#[derive(Debug)]
pub struct Zones {
    own: BTreeMap<FormId, TimeZone>,
    usual: TimeZone,
}

impl Zones {
    /// Those of these surveys; `usual` where one names none, or is gone.
    pub fn of(forms: &Forms, usual: TimeZone) -> Self {
        let own = forms
            .iter()
            .filter_map(|form| Some((form.id.clone(), form.time_zone()?)));
        Self {
            own: own.collect(),
            usual,
        }
    }

    /// Where somebody is who sent this: by their own clock where they told, else by that of the survey.
    pub fn of_sender(&self, submission: &Submission) -> TimeZone {
        let own = submission.time_zone();
        own.unwrap_or_else(|| self.of_survey(&submission.form).clone())
    }

    fn of_survey(&self, survey: &FormId) -> &TimeZone {
        self.own.get(survey).unwrap_or(&self.usual)
    }
}

/// One look at the reporters of an improvement.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The table.
    pub store: &'a Store,
    /// What it is about.
    pub improvement: ImprovementId,
    /// What they are to be written to for.
    pub occasion: Occasion,
    /// Who reported later has something else to say: when it shipped, or when the beta was started.
    pub reported_until: Timestamp,
    /// Who asked for it: for an announcement, who [joined] the beta.
    pub wanted_by: &'a BTreeSet<ContactId>,
    /// Whether this installation sends e-mail.
    pub mail: bool,
    /// Local time of the surveys.
    pub zones: &'a Zones,
    /// Business time.
    pub now: Timestamp,
    /// Machine time.
    pub machine_now: Timestamp,
}

/// Some of the reporters, in the order of their responses.
#[derive(Debug)]
pub struct Looked {
    /// The reporters.
    pub found: Vec<Found>,
    /// What cannot be read, each a [`StoreError::Corrupt`]; its reporter is [passed over](Fate::Passed), if it is known.
    pub corrupt: Vec<StoreError>,
    /// The last response that was looked at, if there are more.
    pub next: Option<ResponseId>,
    /// When the first of those can be written to for whom it is night. Business time.
    pub asleep_until: Option<Timestamp>,
}

/// A reporter.
#[derive(Debug)]
pub struct Found {
    /// Their response.
    pub response: ResponseId,
    /// What is to be done about them.
    pub what: What,
}

impl Found {
    /// Whether a letter is to be written.
    pub fn is_letter(&self) -> bool {
        self.without().is_none()
    }

    /// Why no letter is to be written, if none is.
    pub fn without(&self) -> Option<Fate> {
        match &self.what {
            What::Done(fate) => Some(*fate),
            What::Do(judged) => match judged.plan {
                Plan::Letter => None,
                Plan::Settle => Some(Fate::Unknown),
                Plan::Without(fate) => Some(fate),
            },
        }
    }

    /// Their address, if they were judged and left one that letters can be sent to.
    pub fn contact(&self) -> Option<ContactId> {
        match &self.what {
            What::Done(_) => None,
            What::Do(judged) => judged.to.as_ref().map(Mailbox::contact),
        }
    }

    /// Whether they can be invited to a beta: by night too, as the letter can wait.
    pub fn can_be_invited(&self) -> bool {
        self.without().is_none_or(|fate| fate == Fate::Quiet)
    }
}

/// What is to be done about a reporter.
#[derive(Debug)]
pub enum What {
    /// Nothing: this became of them.
    Done(Fate),
    /// This.
    Do(Box<Judged>),
}

/// A reporter who was judged.
#[derive(Debug)]
pub struct Judged {
    /// What they reported.
    pub response: Response,
    /// Their mailbox, if they left one that letters can be sent to.
    pub to: Option<Mailbox>,
    /// What is known of its address.
    pub known: KnownContact,
    /// What is kept of them so far.
    pub seen: Option<Fate>,
    /// What is to be done.
    pub plan: Plan,
}

/// Whose links are to be walked for these issues: each with those it absorbed, and in the place of one that was merged its
/// survivor, where what was taken out since stands. No family twice.
///
/// # Errors
/// [`StoreError`]
pub async fn families(store: &Store, issues: &[IssueId]) -> Result<Vec<Vec<IssueId>>, StoreError> {
    let mut families = BTreeMap::new();
    for &named in issues {
        let mut id = named;
        for _ in 0..=MAX_MERGES {
            let Some(issue) = store.issue(id).await? else {
                break;
            };
            match issue.merged_into() {
                Some(survivor) => id = survivor,
                None => {
                    families.insert(id, issue.family());
                    break;
                }
            }
        }
    }
    Ok(families.into_values().collect())
}

impl Look<'_> {
    /// What is to be done about the reporters after a response. Of several in one page who share an address, the first alone
    /// gets a letter. `seen` are the addresses of pages before; those of this page are added. Without it each is looked at by
    /// itself.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn page(
        &self,
        families: &[Vec<IssueId>],
        after: Option<ResponseId>,
        limit: usize,
        seen: Option<&mut BTreeSet<ContactId>>,
    ) -> Result<Looked, StoreError> {
        let links = self.store.reporters(families, after, limit).await?;
        let ids: Vec<ResponseId> = links.found.iter().map(|link| link.response).collect();
        let mut looked = self.at(&ids, seen).await?;
        looked.corrupt.extend(links.corrupt);
        looked.next = links.next;
        Ok(looked)
    }

    /// What is to be done about the senders of these responses, in this order, as for a [`page`](Self::page) of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn at(
        &self,
        ids: &[ResponseId],
        mut seen: Option<&mut BTreeSet<ContactId>>,
    ) -> Result<Looked, StoreError> {
        let kept = self
            .store
            .fates(self.occasion, self.improvement, ids)
            .await?;
        let fates = kept.kept.iter().map(|told| (told.response, told.fate));
        let fates: BTreeMap<_, _> = fates.collect();
        let (mut doubtful, mut corrupt) = (BTreeSet::new(), Vec::new());
        for (response, error) in kept.unreadable {
            doubtful.insert(response);
            corrupt.push(error);
        }
        let open = |id: &ResponseId| {
            !doubtful.contains(id) && fates.get(id).is_none_or(|fate| !fate.is_final())
        };
        let unsettled: Vec<_> = ids.iter().copied().filter(open).collect();
        let (responses, unreadable) = self.store.responses_named(&unsettled).await?;
        corrupt.extend(unreadable);
        let mut responses: BTreeMap<_, _> = responses
            .into_iter()
            .map(|response| (response.id, response))
            .collect();
        let mailbox = |response: &Response| {
            let email = response.submission.contact.email.as_deref()?;
            Mailbox::new(email).ok()
        };
        let contacts = responses.values().filter_map(mailbox);
        let contacts: BTreeSet<ContactId> = contacts.map(|to| to.contact()).collect();
        let contacts: Vec<_> = contacts.into_iter().collect();
        let contacted = self
            .store
            .approachable(self.occasion, self.improvement, &contacts, self.machine_now)
            .await?;
        corrupt.extend(contacted.corrupt);
        let found = ids.iter().map(|&id| {
            let kept = fates.get(&id).copied();
            let what = match (kept.filter(|fate| fate.is_final()), responses.remove(&id)) {
                (Some(fate), _) => What::Done(fate),
                (None, None) => What::Done(Fate::Passed),
                (None, Some(response)) => {
                    let to = mailbox(&response);
                    let contact = to.as_ref().map(Mailbox::contact);
                    let known = match contact {
                        None => Some(KnownContact::default()),
                        Some(contact) => contacted.known.get(&contact).cloned(),
                    };
                    // What cannot be read may be that they were told, or want nothing.
                    let Some(known) = known else {
                        let what = What::Done(Fate::Passed);
                        return Found { response: id, what };
                    };
                    // Perhaps sent, and never again: only what comes of the letter itself says more.
                    let says_more = matches!(
                        known.ledger(id),
                        Ledger::Own(_) | Ledger::InProgress | Ledger::Abandoned
                    );
                    if kept == Some(Fate::Unknown) && !says_more {
                        let what = What::Done(Fate::Unknown);
                        return Found { response: id, what };
                    }
                    let mut plan = self.plan(&response, to.as_ref(), &known);
                    if let (Plan::Letter | Plan::Settle, Some(contact)) = (plan, contact)
                        && let Some(seen) = seen.as_mut()
                        && !seen.insert(contact)
                    {
                        plan = Plan::Without(Fate::Already);
                    }
                    What::Do(Box::new(Judged {
                        response,
                        to,
                        known,
                        seen: kept,
                        plan,
                    }))
                }
            };
            Found { response: id, what }
        });
        let found: Vec<Found> = found.collect();
        let asleep = found.iter().filter_map(|found| self.asleep_until(found));
        Ok(Looked {
            asleep_until: asleep.min(),
            found,
            corrupt,
            next: None,
        })
    }

    /// Until when it is night for this reporter, if that alone keeps a letter from them.
    fn asleep_until(&self, found: &Found) -> Option<Timestamp> {
        let What::Do(judged) = &found.what else {
            return None;
        };
        if judged.plan != Plan::Without(Fate::Quiet) {
            return None;
        }
        let zone = self.zones.of_sender(&judged.response.submission);
        quiet_until(self.now, &zone)
    }

    /// What is to be done about who sent this response.
    pub fn plan(&self, response: &Response, to: Option<&Mailbox>, known: &KnownContact) -> Plan {
        let submission = &response.submission;
        let address = match (&submission.contact.email, to) {
            (None, _) => Address::Missing,
            (Some(_), None) => Address::Unusable,
            (Some(_), Some(_)) => Address::Usable,
        };
        let reporter = Reporter {
            received_at: response.received_at,
            consent: submission.consent,
            address,
            mail: self.mail,
            ledger: known.ledger(response.id),
            barred: known.barred,
            contacts: &known.contacts,
            wanted: to.is_some_and(|to| self.wanted_by.contains(&to.contact())),
            quiet: is_quiet(self.now, &self.zones.of_sender(submission)),
        };
        reporter.plan(self.reported_until, self.now)
    }
}
