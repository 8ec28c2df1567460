//! The rules about products.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use resound_domain::id::ResponseId;
use resound_domain::risk::{FLOOR, Growth, Mark, Rule, Surge, Task, growth};
use resound_lambda_kit::Fault;
use resound_lambda_kit::idempotency::subject_id;
use resound_store::{HeardBy, Spoken, StoreError, Watch};

use crate::handler::{App, Finding, LAG, LOOKS_BACK_DAYS, Survey, passed_over};

/// How many days the rules look at: the one that is judged, and those before it.
const SPAN: usize = 4;

/// How many products of a day are told apart: about 5 MB. Of more, the first in order.
const TRACKED: usize = 20_000;

/// How many responses a task names.
const EVIDENCE: usize = 5;

/// The complaints about one product on one day.
#[derive(Debug, Default)]
struct Complaints {
    count: u64,
    /// Some of them: those with the lowest ids, which are hashes, so that it does not matter how they are read.
    some: Vec<ResponseId>,
}

impl Complaints {
    fn add(&mut self, response: ResponseId) {
        self.count = self.count.saturating_add(1);
        let place = self.some.partition_point(|known| *known < response);
        self.some.insert(place, response);
        self.some.truncate(EVIDENCE);
    }
}

type Day = BTreeMap<String, Complaints>;

impl App {
    /// Judges every local day that is complete and was not judged yet; the first time of all, the last one.
    pub(crate) async fn products(
        &self,
        survey: &mut Survey<'_>,
        judged_to: Option<Date>,
    ) -> Result<(), StoreError> {
        let Some(last) = last_complete(survey) else {
            return Ok(());
        };
        let oldest = last.saturating_sub((LOOKS_BACK_DAYS - 1).days());
        let first = judged_to.map_or(last, |day| day.saturating_add(1.day()).max(oldest));
        let mut days: VecDeque<Day> = VecDeque::with_capacity(SPAN);
        for day in first.series(1.day()).take_while(|day| *day <= last) {
            // All of them the first time, one more each time after.
            while days.len() < SPAN {
                let before = i64::try_from(SPAN - 1 - days.len()).unwrap_or(0);
                let day = day.saturating_sub(before.days());
                let Some(read) = self.complaints(survey, day).await? else {
                    return Ok(());
                };
                days.push_back(read);
            }
            if !self.judge(survey, day, &days).await? {
                return Ok(());
            }
            survey.watched.days += 1;
            let watch = Watch {
                judged_to: Some(day),
                ..Watch::default()
            };
            self.store.watched(survey.id, watch).await?;
            days.pop_front();
        }
        Ok(())
    }

    /// The complaints of a day by product; `None` if time is short.
    async fn complaints(
        &self,
        survey: &mut Survey<'_>,
        day: Date,
    ) -> Result<Option<Day>, StoreError> {
        let mut products = Day::new();
        let mut after = None;
        loop {
            if !survey.goes_on() {
                return Ok(None);
            }
            let all = (Timestamp::UNIX_EPOCH, survey.now);
            let page = self
                .store
                .remarks(survey.id, day, all, HeardBy::Product, after);
            let page = page.await?;
            for error in page.corrupt {
                tracing::error!(survey = %survey.id, %day, fault = %Fault::from(error), "a response was not counted");
            }
            for remark in page.remarks {
                if let Some(product) = remark.product.filter(|_| remark.complaint) {
                    products.entry(product).or_default().add(remark.response);
                }
                if products.len() > TRACKED {
                    products.pop_last();
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(Some(products));
            }
        }
    }

    /// Judges one day by these, the last of which is its own; `false` if time is short.
    async fn judge(
        &self,
        survey: &mut Survey<'_>,
        day: Date,
        days: &VecDeque<Day>,
    ) -> Result<bool, StoreError> {
        let Some(today) = days.back() else {
            return Ok(true);
        };
        for (product, complaints) in today {
            // Most products have no more than one.
            if complaints.count < FLOOR {
                continue;
            }
            let mut counts = [0; SPAN];
            for (count, day) in counts.iter_mut().zip(days) {
                *count = day.get(product).map_or(0, |complaints| complaints.count);
            }
            let mut known = Growth {
                day,
                complaints: counts,
                anomaly: None,
                crisis: None,
            };
            if growth(&known).is_none() {
                continue;
            }
            if !survey.goes_on() {
                return Ok(false);
            }
            // It grows; whether it was spoken of already is worth a request.
            let subject = subject_id(&["product", survey.id.as_str()], product);
            let Some(marks) = passed_over(self.store.marks(subject).await)? else {
                continue;
            };
            let spoken = |rule: Rule| marks.get(&rule).copied();
            known.anomaly = spoken(Rule::Anomaly).and_then(on);
            known.crisis = spoken(Rule::Crisis).and_then(on);
            let Some(rule) = growth(&known) else { continue };
            let surge = |complaints: &[u64]| Surge {
                survey: survey.id.clone(),
                product: product.clone(),
                day,
                complaints: complaints.to_vec(),
                evidence: today
                    .get(product)
                    .map(|c| c.some.clone())
                    .unwrap_or_default(),
            };
            let [_, doubling @ ..] = &counts;
            let finding = Finding {
                task: match rule {
                    Rule::Crisis => Task::Crisis(surge(doubling)),
                    _ => Task::Anomaly(surge(&counts)),
                },
                subject,
                mark: Mark::Day(day),
                period: day.to_string(),
                seen: spoken(rule),
            };
            let raised = self.raise(finding, survey.now, survey.invocation).await?;
            survey.watched.raised += u64::from(raised.is_some());
        }
        Ok(true)
    }
}

fn on(spoken: Spoken) -> Option<Date> {
    match spoken.mark {
        Mark::Day(day) => Some(day),
        Mark::Response(_) => None,
    }
}

/// The last local day that is over for so long that the index shows all of it; `None` at the beginning of time.
fn last_complete(survey: &Survey<'_>) -> Option<Date> {
    let shown = survey.now.checked_sub(LAG).ok()?;
    shown.to_zoned(survey.zone.clone()).date().yesterday().ok()
}
