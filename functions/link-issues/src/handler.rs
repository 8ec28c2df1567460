//! Forward, back, and the counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use resound_domain::form::{Form, FormId};
use resound_domain::id::{IssueId, ResponseId};
use resound_domain::issue::likeness::{Decision, Profiles, decide};
use resound_domain::issue::link::Count;
use resound_domain::issue::{How, Issue, Link, LinkRule, Reach, Reporter, State};
use resound_domain::response::Response;
use resound_domain::tally::Dimension;
use resound_lambda_kit::aws::Clients;
use resound_lambda_kit::idempotency::subject_id;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_messages::Tick;
use resound_store::{Known, Linked, LookBack, MAX_LINKS, Rules, Store, StoreError, Suggestion};
use serde::Serialize;

use crate::Config;
use crate::similar::profiles;

/// How far back a rule looks, and how far a run makes up for runs that did not come.
pub const LOOKS_BACK_DAYS: i64 = 90;

/// What came in this time before the watermark is looked at again: indexes lag.
const LAG: SignedDuration = SignedDuration::from_mins(15);

/// How far back the first run of all looks.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(24);

/// How much time is looked at before the watermark moves.
const SLICE: SignedDuration = SignedDuration::from_hours(2);

/// The same for rules that look back.
const SLICE_BACK: SignedDuration = SignedDuration::from_hours(12);

/// Nothing is begun with less time than this: one call may take almost as long.
const RESERVE: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct App {
    config: Config,
    store: Store,
    rules: Rules,
}

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Linking {
    /// Responses that were held against the issues, each as often as it was come across.
    pub responses: u64,
    /// Responses that were linked.
    pub linked: u64,
    /// Responses that were suggested.
    pub suggested: u64,
    /// Issues whose reach was counted.
    pub counted: u64,
    /// Whether work is left for the next run.
    pub unfinished: bool,
}

/// One run.
pub(crate) struct Run<'a> {
    /// Business time.
    pub(crate) now: Timestamp,
    invocation: &'a Invocation,
    linking: Linking,
}

impl Run<'_> {
    /// Whether to go on; if not, the rest is left for the next run.
    pub(crate) fn goes_on(&mut self) -> bool {
        let goes_on = self.invocation.time_left() >= RESERVE;
        self.linking.unfinished |= !goes_on;
        goes_on
    }
}

/// What is to be written about a response beside an issue.
enum Found {
    Link(Link),
    Suggest(Suggestion),
}

/// By what responses are judged: the rules of open issues, and, forward, what is like them.
struct Judge<'a> {
    rules: Vec<(IssueId, &'a LinkRule)>,
    /// Whose links are an issue's own, with those it absorbed: what stands beside one of them is decided.
    families: &'a BTreeMap<IssueId, Vec<IssueId>>,
    alike: Option<&'a Profiles<IssueId>>,
}

impl Judge<'_> {
    /// What is to be written about a response.
    fn of(&self, response: &Response) -> Vec<(IssueId, Found)> {
        let customer = response.submission.customer_id.as_deref();
        let customer = customer.map(|customer| subject_id(&["customer"], customer));
        let link = |how| Link {
            response: response.id,
            how,
            unlinked: false,
            reporter: Reporter::of(response, customer),
        };
        let mut found: Vec<(IssueId, Found)> = self
            .rules
            .iter()
            .filter(|(_, rule)| rule.takes(response))
            .map(|(issue, _)| (*issue, Found::Link(link(How::Rule))))
            .collect();
        let text = response.submission.text.as_deref().unwrap_or_default();
        let alike = self.alike.and_then(|profiles| profiles.most_like(text));
        // What the rule of this very issue takes needs no similarity.
        let alike = alike.filter(|like| found.iter().all(|(issue, _)| *issue != like.issue));
        if let Some(like) = alike {
            let percent = like.percent;
            match decide(&like) {
                Decision::Link => {
                    found.push((like.issue, Found::Link(link(How::Similarity { percent }))));
                }
                Decision::Suggest => found.push((
                    like.issue,
                    Found::Suggest(Suggestion {
                        response: response.id,
                        percent,
                        day: response.day,
                    }),
                )),
                Decision::Leave => {}
            }
        }
        found
    }
}

impl App {
    /// The function over these clients.
    pub fn new(config: Config, clients: &Clients) -> Self {
        let store = Store::new(clients.dynamodb.clone(), &config.table);
        Self {
            rules: Rules::new(store.clone(), config.calendars.clone(), Vec::new()),
            store,
            config,
        }
    }

    fn zone(&self, form: &Form) -> TimeZone {
        form.time_zone().unwrap_or_else(|| self.config.zone.clone())
    }

    /// Holds what came since the watermark of a survey against the open issues.
    async fn forward(
        &self,
        (survey, zone): &(FormId, TimeZone),
        judge: &Judge<'_>,
        run: &mut Run<'_>,
    ) -> Result<(), StoreError> {
        let now = run.now;
        let start = self.store.linked_to(survey).await?;
        let start = start.unwrap_or_else(|| earlier(now, FIRST_LOOK));
        let oldest = earlier(now, SignedDuration::from_hours(24 * LOOKS_BACK_DAYS));
        let mut from = earlier(start, LAG).max(oldest);
        let idle = judge.rules.is_empty() && judge.alike.is_none_or(Profiles::is_empty);
        if idle {
            return self.store.advance_linking(survey, now).await;
        }
        while from < now {
            let to = from.saturating_add(SLICE).map_or(now, |to| to.min(now));
            if !self.slice((survey, zone), (from, to), judge, run).await? {
                return Ok(());
            }
            self.store.advance_linking(survey, to).await?;
            from = to;
        }
        Ok(())
    }

    /// Holds what came to a survey in `from..to` against some issues; `false` if time is short.
    async fn slice(
        &self,
        (survey, zone): (&FormId, &TimeZone),
        (from, to): (Timestamp, Timestamp),
        judge: &Judge<'_>,
        run: &mut Run<'_>,
    ) -> Result<bool, StoreError> {
        for day in days(zone, from, to) {
            let mut after = None;
            loop {
                if !run.goes_on() {
                    return Ok(false);
                }
                let page = self.store.responses_on(survey, day, (from, to), after);
                let page = page.await?;
                passed_over(page.corrupt);
                self.responses(&page.responses, judge, run).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Links and suggests what of these responses is to be.
    async fn responses(
        &self,
        responses: &[Response],
        judge: &Judge<'_>,
        run: &mut Run<'_>,
    ) -> Result<(), StoreError> {
        run.linking.responses += u64::try_from(responses.len()).unwrap_or(u64::MAX);
        let mut beside: BTreeMap<IssueId, Vec<(ResponseId, Timestamp, Found)>> = BTreeMap::new();
        for response in responses {
            for (issue, found) in judge.of(response) {
                let of = (response.id, response.received_at, found);
                beside.entry(issue).or_default().push(of);
            }
        }
        for (issue, found) in beside {
            let ids: Vec<_> = found.iter().map(|(id, ..)| *id).collect();
            // What is known costs a read, and not a write that is refused.
            let mut known = BTreeSet::new();
            for relative in judge.families.get(&issue).into_iter().flatten() {
                let links = self.store.links_of(*relative, &ids).await?;
                known.extend(links.iter().map(|link| link.response));
            }
            for (id, at, found) in found {
                if known.contains(&id) {
                    continue;
                }
                let (done, counter, count) = match found {
                    Found::Link(link) => {
                        let done = self.store.link(issue, &link, at).await?;
                        let count = &mut run.linking.linked;
                        (done, Counter::ResponsesLinked, count)
                    }
                    Found::Suggest(suggestion) => {
                        let done = self.store.suggest(issue, suggestion, at).await?;
                        let count = &mut run.linking.suggested;
                        (done, Counter::ResponsesSuggested, count)
                    }
                };
                match done {
                    Linked::Linked => {
                        *count += 1;
                        run.invocation.metrics.count(counter, 1);
                    }
                    // Another run was first, or the response was erased meanwhile.
                    Linked::Present | Linked::Gone => {}
                }
            }
        }
        Ok(())
    }

    /// Lets rules that are new or were changed look back, all in one walk.
    async fn back(
        &self,
        issues: &[&Known],
        families: &BTreeMap<IssueId, Vec<IssueId>>,
        surveys: &[(FormId, TimeZone)],
        run: &mut Run<'_>,
    ) -> Result<(), StoreError> {
        let mut waiting: Vec<(IssueId, &LinkRule, LookBack)> = issues
            .iter()
            .filter_map(|known| {
                let (rule, set) = known.issue.gathers()?;
                let days = SignedDuration::from_hours(24 * LOOKS_BACK_DAYS);
                let begun = known.look_back.filter(|look| look.rule == set.seq);
                let look = begun.unwrap_or(LookBack {
                    rule: set.seq,
                    to: earlier(set.at, days),
                    // What comes from now on is looked at as it comes.
                    until: run.now,
                });
                Some((known.issue.id(), rule, look))
            })
            .collect();
        loop {
            waiting.retain(|(_, _, look)| !look.is_done());
            let Some(from) = waiting.iter().map(|(_, _, look)| look.to).min() else {
                return Ok(());
            };
            let to = from.saturating_add(SLICE_BACK).unwrap_or(run.now);
            let to = to.min(run.now).max(from);
            // Those who are further already are not held back, and looking twice is no harm.
            let of_slice = |look: &LookBack| look.to < to || from == to;
            let rules = waiting.iter().filter(|(_, _, look)| of_slice(look));
            let judge = Judge {
                rules: rules.map(|(issue, rule, _)| (*issue, *rule)).collect(),
                families,
                alike: None,
            };
            for (survey, zone) in surveys {
                if !self.slice((survey, zone), (from, to), &judge, run).await? {
                    return Ok(());
                }
            }
            for (issue, _, look) in &mut waiting {
                if of_slice(look) {
                    // At the end of time nothing is left to look at.
                    look.to = if from == to { look.until } else { to };
                    self.store.looked_back(*issue, *look).await?;
                }
            }
        }
    }

    /// Counts whom the links of each open issue reach, the oldest count first.
    async fn count(
        &self,
        issues: &[&Known],
        surveys: &[(FormId, TimeZone)],
        run: &mut Run<'_>,
    ) -> Result<(), StoreError> {
        let today = run.now.to_zoned(self.config.zone.clone()).date();
        let mut answers = 0u64;
        for (survey, _) in surveys {
            if !run.goes_on() {
                return Ok(());
            }
            let since = Reach::since(today);
            let cells = self
                .store
                .tallies(survey, since, today, Dimension::All)
                .await?;
            let all = cells.iter().map(|cell| cell.cell.tally.responses);
            answers = all.fold(answers, u64::saturating_add);
        }
        let mut stale: Vec<&&Known> = issues.iter().collect();
        stale.sort_by_key(|known| known.reach.as_ref().map(|reach| reach.as_of));
        for known in stale {
            let family = known.issue.family();
            let mut count = Count::new(today, run.now);
            let mut after = None;
            loop {
                if !run.goes_on() {
                    return Ok(());
                }
                let page = self.store.links(&family, after, MAX_LINKS).await?;
                passed_over(page.corrupt);
                page.found.iter().for_each(|link| count.add(link));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let kano = self.store.kano_answers(&family).await?;
            let reach = count.done(answers, kano);
            self.store.counted(known.issue.id(), &reach).await?;
            run.linking.counted += 1;
        }
        Ok(())
    }

    /// Everything of a run; what fails does not stop the rest.
    async fn run(
        &self,
        surveys: &[(FormId, TimeZone)],
        run: &mut Run<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let found = self.store.issues().await?;
        passed_over(found.corrupt);
        let open: Vec<&Known> = found
            .issues
            .iter()
            .filter(|known| known.issue.state() == State::Open)
            .collect();
        let issues: Vec<&Issue> = open.iter().map(|known| &known.issue).collect();
        let mut failed = Vec::new();
        let Some(alike) = profiles(&self.store, &issues, surveys, run).await? else {
            return Ok(failed);
        };
        let families = open
            .iter()
            .map(|known| (known.issue.id(), known.issue.family()));
        let families: BTreeMap<_, _> = families.collect();
        let judge = Judge {
            families: &families,
            rules: open
                .iter()
                .filter_map(|known| Some((known.issue.id(), known.issue.gathers()?.0)))
                .collect(),
            alike: Some(&alike),
        };
        for survey in surveys {
            if let Err(error) = self.forward(survey, &judge, run).await {
                failed.push(format!("{}: {}", survey.0, Fault::from(error)));
            }
        }
        if let Err(error) = self.back(&open, &families, surveys, run).await {
            failed.push(format!("looking back: {}", Fault::from(error)));
        }
        if let Err(error) = self.count(&open, surveys, run).await {
            failed.push(format!("counting: {}", Fault::from(error)));
        }
        Ok(failed)
    }
}

impl Function for App {
    const NAME: &'static str = "link-issues";
    type Event = Tick;
    type Output = Linking;

    /// What fails does not stop the rest; the run then fails at its end, and the next hour tries again.
    async fn handle(&self, tick: Tick, invocation: &Invocation) -> Result<Linking, Fault> {
        let forms = self.rules.forms(invocation.machine_now).await;
        let forms = forms.map_err(|error| Fault::doing("read the forms", error))?;
        let surveys: Vec<_> = forms
            .iter()
            .map(|form| (form.id.clone(), self.zone(form)))
            .collect();
        let mut run = Run {
            now: tick.time,
            invocation,
            linking: Linking::default(),
        };
        let failed = self.run(&surveys, &mut run).await;
        let failed = failed.map_err(|error| Fault::doing("read the issues", error))?;
        let Linking {
            responses,
            linked,
            suggested,
            counted,
            unfinished,
        } = run.linking;
        tracing::info!(responses, linked, suggested, counted, unfinished, "linked");
        let metrics = &invocation.metrics;
        metrics.count(Counter::LinkingUnfinished, unfinished.into());
        if unfinished {
            tracing::warn!("the rest is left for the next run");
        }
        if failed.is_empty() {
            return Ok(run.linking);
        }
        Err(Fault::new(format!(
            "not all was linked: {}",
            failed.join("; ")
        )))
    }
}

/// What cannot be read hides nothing else: it is logged, and left to a person.
pub(crate) fn passed_over(corrupt: Vec<StoreError>) {
    for error in corrupt {
        tracing::error!(fault = %Fault::from(error), "an item was passed over");
    }
}

/// The local days that a span of time is part of.
fn days(zone: &TimeZone, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Date> + use<> {
    let local = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let (first, last) = (local(from), local(to));
    first.series(1.day()).take_while(move |day| *day <= last)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
