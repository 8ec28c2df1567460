//! What the linked texts of each issue say.

use futures::future::join_all;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use resound_domain::form::FormId;
use resound_domain::id::{IssueId, ResponseId};
use resound_domain::issue::likeness::{FEWEST_TO_SUGGEST, Profile, Profiles};
use resound_domain::issue::{How, Issue};
use resound_store::{Store, StoreError};

use crate::handler::{Run, passed_over};

/// How many links of an issue are looked at for its texts: among these there are enough of those that count.
const LINKS: usize = 200;

/// How many issues are read at once.
const AT_ONCE: usize = 8;

/// How far back usual texts are looked for, in days.
const USUAL_DAYS: i64 = 7;

/// The profiles of these issues, beside what customers of these surveys usually write; `None` if time is short.
pub(crate) async fn profiles(
    store: &Store,
    issues: &[&Issue],
    surveys: &[(FormId, TimeZone)],
    run: &mut Run<'_>,
) -> Result<Option<Profiles<IssueId>>, StoreError> {
    let mut known = Vec::new();
    for some in issues.chunks(AT_ONCE) {
        if !run.goes_on() {
            return Ok(None);
        }
        let read = some.iter().map(|issue| profile(store, issue));
        for (issue, profile) in some.iter().zip(join_all(read).await) {
            known.push((issue.id(), profile?));
        }
    }
    known.retain(|(_, profile)| profile.texts() >= FEWEST_TO_SUGGEST);
    if known.is_empty() {
        return Ok(Some(Profiles::new(known, &Profile::of_usual())));
    }
    let mut usual = Profile::of_usual();
    for back in 0..USUAL_DAYS {
        for (survey, zone) in surveys {
            let now = run.now;
            let day = now
                .to_zoned(zone.clone())
                .date()
                .saturating_sub(back.days());
            let mut after = None;
            while !usual.is_full() {
                if !run.goes_on() {
                    return Ok(None);
                }
                let all = (jiff::Timestamp::UNIX_EPOCH, now);
                let page = store.responses_on(survey, day, all, after).await?;
                passed_over(page.corrupt);
                let mut responses = page.responses;
                responses.sort_by_key(|response| response.id);
                let texts = responses
                    .iter()
                    .filter_map(|r| r.submission.text.as_deref());
                texts.for_each(|text| usual.add(text));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    Ok(Some(Profiles::new(known, &usual)))
}

/// The profile of an issue: of the texts that a rule or a person linked. What similarity links never feeds itself.
async fn profile(store: &Store, issue: &Issue) -> Result<Profile, StoreError> {
    let page = store.links(&issue.family(), None, LINKS).await?;
    passed_over(page.corrupt);
    let certain = page
        .found
        .iter()
        .filter(|link| !link.unlinked && matches!(link.how, How::Rule | How::Hand));
    let ids: Vec<ResponseId> = certain.map(|link| link.response).collect();
    let (mut responses, corrupt) = store.responses_named(&ids).await?;
    passed_over(corrupt);
    responses.sort_by_key(|response| response.id);
    let mut profile = Profile::of_issue();
    let texts = responses
        .iter()
        .filter_map(|r| r.submission.text.as_deref());
    texts.for_each(|text| profile.add(text));
    Ok(profile)
}
