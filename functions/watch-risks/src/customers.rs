//! The rules about customers.

use std::collections::{BTreeSet, VecDeque};

use futures::future::join_all;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use resound_domain::id::ResponseId;
use resound_domain::risk::{
    Heard, Mark, Place, Rule, Task, Triple, complaints, negatives_in_a_row,
};
use resound_lambda_kit::idempotency::subject_id;
use resound_lambda_kit::{Fault, Invocation};
use resound_store::{HeardBy, Spoken, StoreError, Watch};

use crate::handler::{App, Finding, LAG, LOOKS_BACK_DAYS, Survey, passed_over};

/// How far back the first run of all looks.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(24);

/// How much of the time that is made up for is looked at before the watermark moves: an hour and its overlap in one.
const SLICE: SignedDuration = SignedDuration::from_hours(2);

/// How many customers are judged at once.
const AT_ONCE: usize = 8;

/// How many responses of a customer are read at most, the newest: whoever writes more often between two runs is heard
/// by these.
const MOST_RESPONSES: usize = 100;

impl App {
    /// Judges everybody of whom something negative or a complaint came since the watermark.
    pub(crate) async fn customers(
        &self,
        survey: &mut Survey<'_>,
        heard_to: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let now = survey.now;
        let oldest = earlier(now, SignedDuration::from_hours(24 * LOOKS_BACK_DAYS));
        let start = heard_to.unwrap_or_else(|| earlier(now, FIRST_LOOK));
        // What was completed before this was spoken of by an earlier run, or is no news.
        let horizon = earlier(start, LAG).max(oldest);
        let mut from = horizon;
        while from < now {
            let to = from.saturating_add(SLICE).map_or(now, |to| to.min(now));
            for day in days(survey, from, to) {
                let mut after = None;
                loop {
                    if !survey.goes_on() {
                        return Ok(());
                    }
                    let by = HeardBy::Customer;
                    let page = self.store.remarks(survey.id, day, (from, to), by, after);
                    let page = page.await?;
                    for error in page.corrupt {
                        tracing::error!(survey = %survey.id, %day, fault = %Fault::from(error), "a response was passed over");
                    }
                    let unhappy: BTreeSet<String> = page
                        .remarks
                        .into_iter()
                        .filter(|remark| remark.negative || remark.complaint)
                        .filter_map(|remark| remark.customer)
                        .collect();
                    let unhappy: Vec<_> = unhappy.into_iter().collect();
                    for some in unhappy.chunks(AT_ONCE) {
                        if !survey.goes_on() {
                            return Ok(());
                        }
                        let judged = some.iter().map(|customer| {
                            self.customer(customer, horizon, now, survey.invocation)
                        });
                        for judged in join_all(judged).await {
                            let raised = passed_over(judged)?;
                            survey.watched.raised += raised.unwrap_or(0);
                            survey.watched.customers += 1;
                        }
                    }
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
            let watch = Watch {
                heard_to: Some(to),
                ..Watch::default()
            };
            self.store.watched(survey.id, watch).await?;
            from = to;
        }
        Ok(())
    }

    /// Judges one customer by all that they said, in any survey, and tells how many tasks that opened.
    async fn customer(
        &self,
        customer: &str,
        horizon: Timestamp,
        now: Timestamp,
        invocation: &Invocation,
    ) -> Result<u64, StoreError> {
        let subject = subject_id(&["customer"], customer);
        let marks = self.store.marks(subject).await?;
        let rules: [(Rule, ByCustomer); 2] = [
            (
                Rule::ChurnRisk,
                ByCustomer {
                    triples: negatives_in_a_row,
                    task: |evidence| Task::ChurnRisk { evidence },
                },
            ),
            (
                Rule::Interview,
                ByCustomer {
                    triples: complaints,
                    task: |evidence| Task::Interview { evidence },
                },
            ),
        ];
        let spoken = |rule: Rule| marks.get(&rule).copied();
        let since = rules
            .iter()
            .map(|(rule, _)| place(spoken(*rule)).map(|place| place.at));
        let since = since.min().flatten().unwrap_or(Timestamp::UNIX_EPOCH);
        let said = self
            .store
            .responses_of(customer, since, MOST_RESPONSES)
            .await?;
        for error in said.corrupt {
            tracing::error!(fault = %Fault::from(error), "a response was passed over");
        }
        let heard: Vec<_> = said.responses.iter().map(Heard::of).collect();
        let mut raised = 0;
        for (rule, by) in rules {
            let news = |seen| {
                let triples = (by.triples)(&heard, place(seen)).into_iter();
                triples
                    .filter(|triple| triple.last.at >= horizon)
                    .collect::<VecDeque<_>>()
            };
            let mut seen = spoken(rule);
            let mut waiting = news(seen);
            while let Some(triple) = waiting.pop_front() {
                let finding = Finding {
                    task: (by.task)(triple.evidence),
                    subject,
                    mark: Mark::Response(triple.last),
                    period: triple.last.id.to_string(),
                    seen,
                };
                if let Some(spoken) = self.raise(finding, now, invocation).await? {
                    seen = Some(spoken);
                    raised += 1;
                    continue;
                }
                // Another run judges this customer, and may break off before it has said everything.
                let found = self.store.marks(subject).await?.get(&rule).copied();
                if found != seen {
                    seen = found;
                    waiting = news(seen);
                }
            }
        }
        Ok(raised)
    }
}

/// How a rule judges a customer.
struct ByCustomer {
    triples: fn(&[Heard], Option<Place>) -> Vec<Triple>,
    task: fn([ResponseId; 3]) -> Task,
}

fn place(spoken: Option<Spoken>) -> Option<Place> {
    match spoken?.mark {
        Mark::Response(place) => Some(place),
        Mark::Day(_) => None,
    }
}

/// The local days that a span of time is part of.
fn days(survey: &Survey<'_>, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Date> + use<> {
    let local = |at: Timestamp| at.to_zoned(survey.zone.clone()).date();
    let (first, last) = (local(from), local(to));
    first.series(1.day()).take_while(move |day| *day <= last)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
