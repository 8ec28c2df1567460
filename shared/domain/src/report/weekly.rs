//! The weekly report: what people complain about, and how well each channel does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Change, Score, Told, hidden};
use crate::id::ResponseId;
use crate::nps::share::ShareSummary;
use crate::nps::{Published, Share, publish};
use crate::statistics::{Course, Estimate, Progress, Promises};
use crate::submission::Channel;
use crate::tally::Tally;
use crate::triage::Category;

/// How many types of complaint are listed.
pub const TOP_TYPES: usize = 5;

/// The most examples of a type.
pub const EXAMPLES: usize = 3;

/// A type of complaint: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComplaintKey {
    /// What triage took it for.
    pub category: Category,
    /// The touchpoint; `None` where neither sender nor triage named one.
    pub touchpoint: Option<String>,
}

/// Complaints of one type. Merges in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many.
    pub count: u64,
    /// The [`EXAMPLES`] of them with the lowest ids, in order: ids say nothing of what was written or when, so this picks as
    /// blindly as chance, and the same each time.
    pub examples: Vec<ResponseId>,
}

impl Found {
    /// Counts one more.
    pub fn add(&mut self, id: ResponseId) {
        self.count = self.count.saturating_add(1);
        if let Err(at) = self.examples.binary_search(&id)
            && at < EXAMPLES
        {
            self.examples.insert(at, id);
            self.examples.truncate(EXAMPLES);
        }
    }
}

/// How the cases of one channel went, as of when the report was due.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Until the first words to the customer.
    pub first_response: Promises,
    /// Until the outcome.
    pub resolution: Promises,
    /// Cases that stayed closed: that have an outcome, and were never opened again.
    pub recovered: u64,
}

impl Kept {
    /// Counts a case. What was merged is counted as the case it was merged into, and of a task no customer waits.
    pub fn add(&mut self, course: &Course) {
        if course.merged || course.task {
            return;
        }
        self.first_response.add(&course.first_response);
        self.resolution.add(&course.resolution);
        let ended = matches!(course.resolution, Progress::Done { .. });
        self.recovered += u64::from(ended && course.reopened == 0);
    }
}

/// What a weekly report is made of.
#[derive(Debug, Default)]
pub struct WeekInput {
    /// Everything of the week.
    pub all: Tally,
    /// Everything of the week before.
    pub all_before: Tally,
    /// By channel.
    pub channels: BTreeMap<Channel, Tally>,
    /// The complaints, by type.
    pub complaints: BTreeMap<ComplaintKey, Found>,
    /// Those of the week before.
    pub complaints_before: BTreeMap<ComplaintKey, Found>,
    /// The cases of the week's responses, by channel.
    pub kept: BTreeMap<Channel, Kept>,
}

/// The numbers of a week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weekly {
    /// How many responses came.
    pub responses: Told<u64>,
    /// How many came the week before.
    pub responses_before: Told<u64>,
    /// The score.
    pub nps: Told<Score>,
    /// What became of it since the week before.
    pub nps_change: Option<Change>,
    /// What is complained about.
    pub complaints: Complaints,
    /// How each channel did, in the order of their names; `None` if too few people wrote for a table.
    pub channels: Option<Vec<ChannelRow>>,
}

/// What people complain about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Complaints {
    /// How many complaints came.
    pub total: Told<u64>,
    /// How many came the week before.
    pub before: Told<u64>,
    /// The types with the most of them that may be shown, at most [`TOP_TYPES`], the largest first.
    pub top: Vec<ComplaintType>,
}

/// One type of complaint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComplaintType {
    /// What is wrong.
    pub category: Category,
    /// Where; `None` where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touchpoint: Option<String>,
    /// How many there were, of all responses of the week.
    pub share: ShareSummary,
    /// How many there were the week before.
    pub before: Told<u64>,
    /// What became of the share; `None` if either week is not shown.
    pub change: Option<Change>,
    /// Some of them, to be read where they are kept.
    pub examples: Vec<ResponseId>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// Its name.
    pub channel: String,
    /// How it did; `None` if that is hidden.
    pub numbers: Option<ChannelNumbers>,
}

/// How a channel did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelNumbers {
    /// How many responses came by it.
    pub responses: u64,
    /// The score of who answered.
    pub nps: Told<Score>,
    /// How long customers waited for the first words.
    pub first_answer: Told<Answered>,
    /// How long they waited for the outcome.
    pub resolution: Told<Answered>,
    /// The cases that stayed closed, of those that had an outcome.
    pub recovered: Told<ShareSummary>,
}

/// How long customers waited: all that passed since the case was opened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// How many did not wait any more when the report was due.
    pub n: u64,
    /// What half of them did not exceed, in seconds.
    pub median_seconds: Estimate,
    /// What nine of ten of them did not exceed, in seconds.
    pub p90_seconds: Estimate,
    /// Those in time, of those who were answered or wait too long.
    pub in_time: ShareSummary,
}

impl Answered {
    fn of(promises: &Promises) -> Told<Self> {
        let n = promises.done();
        Told::of(n, || {
            let decided = n.saturating_add(promises.open_late);
            Some(Self {
                n,
                median_seconds: promises.wall_quantile(0.5)?,
                p90_seconds: promises.wall_quantile(0.9)?,
                in_time: Share::new(promises.in_time, decided)?.summary(),
            })
        })
    }
}

impl Weekly {
    /// The numbers of a week that may be shown.
    pub fn of(input: &WeekInput) -> Self {
        Self {
            responses: Told::count(input.all.responses),
            responses_before: Told::count(input.all_before.responses),
            nps: Score::of(&input.all),
            nps_change: Change::of_scores(&input.all_before, &input.all),
            complaints: complaints(input),
            channels: channels(input),
        }
    }
}

fn complaints(input: &WeekInput) -> Complaints {
    let table = |of: &BTreeMap<ComplaintKey, Found>| {
        let counts: Vec<u64> = of.values().map(|found| found.count).collect();
        publish(&counts)
    };
    let (now, then) = (table(&input.complaints), table(&input.complaints_before));
    let before: BTreeMap<&ComplaintKey, Published> =
        input.complaints_before.keys().zip(then.cells).collect();
    let of_week = |count: u64, week: &Tally| Share::new(count, week.responses);
    let shown = input.complaints.iter().zip(now.cells);
    let shown = shown.filter_map(|((key, found), cell)| {
        let Published::Shown(count) = cell else {
            return None;
        };
        let share = of_week(count, &input.all).filter(|_| count > 0)?;
        let before = match before.get(key) {
            None | Some(Published::Shown(0)) => Told::Nobody,
            Some(Published::Shown(count)) => Told::Shown(*count),
            Some(Published::Hidden) => Told::Hidden,
        };
        let then = match before {
            Told::Nobody => Some(0),
            Told::Shown(count) => Some(count),
            Told::Hidden => None,
        };
        let week_before = Told::count(input.all_before.responses);
        let then = then
            .filter(|_| week_before.shown().is_some())
            .and_then(|count| of_week(count, &input.all_before));
        Some(ComplaintType {
            category: key.category,
            touchpoint: key.touchpoint.clone(),
            share: share.summary(),
            before,
            change: then.map(|then| Change::of_shares(&then.summary(), &share.change(then))),
            examples: found.examples.clone(),
        })
    });
    let mut top: Vec<ComplaintType> = shown.collect();
    // Stable: those of one size stay in the order of their keys.
    top.sort_by_key(|of| std::cmp::Reverse(of.share.count));
    top.truncate(TOP_TYPES);
    let total = |published: Published| match published {
        Published::Shown(count) => Told::count(count),
        Published::Hidden => Told::Hidden,
    };
    Complaints {
        total: total(now.total),
        before: total(then.total),
        top,
    }
}

fn channels(input: &WeekInput) -> Option<Vec<ChannelRow>> {
    let tallies: BTreeMap<Channel, &Tally> = input
        .channels
        .iter()
        .map(|(c, tally)| (*c, tally))
        .collect();
    let table: Vec<[u64; 2]> = tallies.values().map(|tally| people(tally)).collect();
    let shown = hidden::rows(&table)?;
    let rows = tallies
        .into_iter()
        .zip(shown)
        .map(|((channel, tally), shown)| {
            let numbers = shown.then(|| {
                let nobody = Kept::default();
                let kept = input.kept.get(&channel).unwrap_or(&nobody);
                let ended = kept.resolution.done();
                ChannelNumbers {
                    responses: tally.responses,
                    nps: Score::of(tally),
                    first_answer: Answered::of(&kept.first_response),
                    resolution: Answered::of(&kept.resolution),
                    recovered: Told::of(ended, || {
                        Some(Share::new(kept.recovered.min(ended), ended)?.summary())
                    }),
                }
            });
            ChannelRow {
                channel: channel.name().to_owned(),
                numbers,
            }
        });
    Some(rows.collect())
}

/// Who wrote, and who of them answered the question of recommendation.
pub(super) fn people(tally: &Tally) -> [u64; 2] {
    [
        tally.responses,
        tally.nps_summary().map_or(0, |summary| summary.n),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn tally(responses: u64, detractors: u64) -> Tally {
        let mut tally = Tally {
            responses,
            ..Tally::default()
        };
        tally.nps[2] = detractors;
        tally
    }

    fn key(category: Category, touchpoint: Option<&str>) -> ComplaintKey {
        ComplaintKey {
            category,
            touchpoint: touchpoint.map(str::to_owned),
        }
    }

    fn found(count: u128) -> Found {
        let mut found = Found::default();
        // Not in the order of their ids.
        for n in (0..count).rev() {
            found.add(ResponseId::from_bits(n));
        }
        found
    }

    fn waited(minutes: impl IntoIterator<Item = i64>) -> Promises {
        let mut promises = Promises::default();
        for minutes in minutes {
            let took = SignedDuration::from_mins(minutes);
            promises.add(&Progress::Done {
                by: None,
                business: took,
                wall: took,
                in_time: minutes <= 60,
            });
        }
        promises
    }

    /// What a week says, computed by hand.
    #[test]
    fn a_week_by_hand() {
        let logistics = Some("logistics");
        let input = WeekInput {
            all: tally(200, 40),
            all_before: tally(100, 40),
            channels: BTreeMap::from([
                (Channel::Web, tally(150, 40)),
                (Channel::App, tally(30, 0)),
                (Channel::Email, tally(18, 0)),
                (Channel::Phone, tally(2, 0)),
            ]),
            complaints: BTreeMap::from([
                (key(Category::Experience, logistics), found(50)),
                (key(Category::Function, Some("product")), found(20)),
                (key(Category::Function, None), found(20)),
                (key(Category::Performance, None), found(3)),
                (key(Category::Other, Some("=cmd()")), found(6)),
                (key(Category::Other, None), found(7)),
                (key(Category::Other, Some("x")), found(5)),
            ]),
            complaints_before: BTreeMap::from([
                (key(Category::Experience, logistics), found(10)),
                (key(Category::Function, None), found(2)),
                (key(Category::Function, Some("product")), found(20)),
            ]),
            kept: BTreeMap::from([(
                Channel::Web,
                Kept {
                    first_response: waited(1..=100),
                    resolution: waited([60, 30, 90, 120, 240]),
                    recovered: 4,
                },
            )]),
        };
        let week = Weekly::of(&input);
        assert_eq!(week.responses, Told::Shown(200));
        assert_eq!(week.nps.shown().unwrap().nps, -100.0);
        // Performance has three; hidden with it is the first type in the order of their keys, which is one of function.
        let complaints = &week.complaints;
        assert_eq!(
            (complaints.total, complaints.before),
            (Told::Shown(111), Told::Shown(32))
        );
        let top: Vec<_> = complaints
            .top
            .iter()
            .map(|of| (of.category, of.touchpoint.as_deref(), of.share.count))
            .collect();
        assert_eq!(
            top,
            [
                (Category::Experience, logistics, 50),
                (Category::Function, Some("product"), 20),
                (Category::Other, None, 7),
                (Category::Other, Some("=cmd()"), 6),
                (Category::Other, Some("x"), 5),
            ]
        );
        let first = &complaints.top[0];
        // A quarter of 200 against a tenth of 100.
        assert_eq!((first.share.percent, first.before), (25.0, Told::Shown(10)));
        let change = first.change.unwrap();
        assert_eq!((change.before, change.difference), (10.0, 15.0));
        assert_eq!(change.verdict, crate::nps::Verdict::Up);
        assert_eq!(first.examples, [0, 1, 2].map(ResponseId::from_bits));
        // Two of the week before complained of a function somewhere; with these the next type of that week is hidden.
        assert_eq!(
            (complaints.top[1].before, complaints.top[1].change),
            (Told::Hidden, None)
        );
        assert_eq!(complaints.top[2].before, Told::Nobody);
        // Two called; the first row is hidden with them.
        let channels = week.channels.as_ref().unwrap();
        let shown: Vec<_> = channels
            .iter()
            .map(|row| (row.channel.as_str(), row.numbers.is_some()))
            .collect();
        assert_eq!(
            shown,
            [
                ("web", false),
                ("app", true),
                ("email", true),
                ("phone", false)
            ]
        );
        insta::assert_json_snapshot!(week);
    }

    #[test]
    fn how_long_customers_waited() {
        let answered = Answered::of(&waited(1..=100));
        let answered = answered.shown().unwrap();
        // Half of a hundred: between the 50th and the 51st; from the 40th (50 - 9.8) to the 61st.
        assert_eq!(answered.median_seconds.value, 50.5 * 60.0);
        assert_eq!(
            answered.median_seconds.interval,
            Some([40.0 * 60.0, 61.0 * 60.0])
        );
        // The 90th; from the 84th (90 - 5.88) to the 97th.
        assert_eq!(answered.p90_seconds.value, 90.0 * 60.0);
        assert_eq!(
            answered.p90_seconds.interval,
            Some([84.0 * 60.0, 97.0 * 60.0])
        );
        assert_eq!((answered.in_time.count, answered.in_time.n), (60, 100));
        // Five say little: no ranks around nine of ten of them.
        let few = Answered::of(&waited([60, 30, 90, 120, 240]));
        let few = few.shown().unwrap();
        assert_eq!(few.median_seconds.value, 90.0 * 60.0);
        assert_eq!(few.p90_seconds.interval, None);
        assert_eq!(Answered::of(&waited([60, 30, 90, 120])), Told::Hidden);
        assert_eq!(Answered::of(&waited([])), Told::Nobody);
    }

    #[test]
    fn examples_are_the_same_in_whatever_order_they_are_found() {
        let mut forth = Found::default();
        for n in 0..10 {
            forth.add(ResponseId::from_bits(n));
        }
        assert_eq!(forth, found(10));
    }
}
