//! The monthly report: where the score goes, and what moves it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::improvements::Effects;
use super::weekly::people;
use super::{Change, ImprovementRow, Improvements, Kind, Priorities, Rated, Score, Told, hidden};
use crate::nps::rating::top_two;
use crate::nps::share::ShareSummary;
use crate::nps::volatility::MONTHS;
use crate::nps::{
    Driver, FEWEST_PEOPLE, Published, Reached, Share, Spoke, Standings, Volatility, drivers,
};
use crate::tally::Tally;

/// How many months the trend has.
pub const TREND_MONTHS: usize = 12;

/// What a monthly report is made of.
#[derive(Debug, Default)]
pub struct MonthInput {
    /// The months up to this one by name, the oldest first; this one is the last.
    pub months: Vec<(String, Tally)>,
    /// This month by touchpoint.
    pub touchpoints: BTreeMap<String, Tally>,
    /// The month before by touchpoint.
    pub touchpoints_before: BTreeMap<String, Tally>,
    /// This month by category.
    pub categories: BTreeMap<String, Tally>,
    /// The month before by category.
    pub categories_before: BTreeMap<String, Tally>,
    /// The score that each touchpoint shall reach, where that is said.
    pub targets: BTreeMap<String, f64>,
    /// What is to be mended first; `None` if it is not known any more.
    pub priorities: Option<Priorities>,
    /// What is being done and what was, as of when the report was due.
    pub improvements: Vec<ImprovementRow>,
    /// Days by touchpoint: whole months, from that of the first day an improvement is compared on to this one.
    pub days: BTreeMap<Date, BTreeMap<String, Tally>>,
}

/// The numbers of a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monthly {
    /// The months up to this one, the oldest first.
    pub trend: Vec<Month>,
    /// What became of the score since the month before.
    pub nps_change: Option<Change>,
    /// How much satisfaction (CSAT, top two) moved over six months; `None` if none of them has answers enough.
    pub volatility: Option<Volatility>,
    /// CSAT, 1 to 5.
    pub csat: Told<Rated>,
    /// CES, 1 to 7.
    pub ces: Told<Rated>,
    /// How many gave 0, 1, ... 10.
    pub scores: Told<Vec<Told<u64>>>,
    /// By touchpoint: the radar, and what moves the score.
    pub touchpoints: Breakdown,
    /// By theme, which is the category of triage; the same.
    pub themes: Breakdown,
    /// What is to be mended first; `None` in an edition of before there was a list, or of a month that was made up for when the
    /// list of then was not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priorities: Option<Priorities>,
    /// What is being done, and what it did; `None` in an edition of before these were in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub improvements: Option<Improvements>,
}

/// A month of the trend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Month {
    /// Its name: `2026-11`.
    pub month: String,
    /// How many responses came.
    pub responses: Told<u64>,
    /// The score.
    pub nps: Told<Score>,
    /// Who gave CSAT 4 or 5.
    pub satisfied: Told<ShareSummary>,
}

/// A month by the values of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Each value, in the order of their names; `None` if too few people answered for a table.
    pub rows: Option<Vec<BreakdownRow>>,
    /// What those that are shown do to the score of all, the largest impact first.
    pub drivers: Vec<Driver>,
}

/// A value of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakdownRow {
    /// The value; `None` for who has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its numbers; `None` if they are hidden.
    pub numbers: Option<BreakdownNumbers>,
}

/// The numbers of a value of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakdownNumbers {
    /// How many responses.
    pub responses: u64,
    /// The score.
    pub nps: Told<Score>,
    /// The score of the month before, which is the baseline of the radar.
    pub before: Told<Score>,
    /// From the month before to this one.
    pub change: Option<Change>,
    /// The score it shall reach; `None` if none is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Whether it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Reached>,
}

impl Monthly {
    /// The numbers of a month that may be shown.
    pub fn of(input: &MonthInput) -> Self {
        let nobody = Tally::default();
        let mut newest = input.months.iter().rev().map(|(_, tally)| tally);
        let now = newest.next().unwrap_or(&nobody);
        let before = newest.next().unwrap_or(&nobody);
        Self {
            trend: input.months.iter().map(Month::of).collect(),
            nps_change: Change::of_scores(before, now),
            volatility: volatility(&input.months),
            csat: Rated::of(now.csat_rating()),
            ces: Rated::of(now.ces_rating()),
            scores: scores(now),
            touchpoints: Breakdown::of(
                (now, &input.touchpoints),
                (before, &input.touchpoints_before),
                &input.targets,
            ),
            themes: Breakdown::of(
                (now, &input.categories),
                (before, &input.categories_before),
                &BTreeMap::new(),
            ),
            priorities: input.priorities.clone(),
            improvements: improvements(input),
        }
    }

    /// The month itself.
    pub fn now(&self) -> Option<&Month> {
        self.trend.last()
    }
}

impl Month {
    fn of((month, tally): &(String, Tally)) -> Self {
        let satisfied = top_two(&tally.csat);
        Self {
            month: month.clone(),
            responses: Told::count(tally.responses),
            nps: Score::of(tally),
            satisfied: Told::of(satisfied.map_or(0, Share::of), || {
                satisfied.map(Share::summary)
            }),
        }
    }
}

fn improvements(input: &MonthInput) -> Option<Improvements> {
    let (name, _) = input.months.last()?;
    let effects = Effects {
        months: &input.months,
        days: &input.days,
        month: Kind::Monthly.period(name)?,
    };
    Some(Improvements::of(&input.improvements, &effects))
}

fn volatility(months: &[(String, Tally)]) -> Option<Volatility> {
    let mut last: [Option<Share>; MONTHS] = [None; MONTHS];
    for (place, (_, tally)) in last.iter_mut().zip(months.iter().rev()) {
        *place = top_two(&tally.csat);
    }
    Volatility::of(&last)
}

/// The three sums of a distribution stand in the score; within each of them cells are hidden.
fn scores(tally: &Tally) -> Told<Vec<Told<u64>>> {
    let n = Standings::from(tally).n();
    Told::of(n, || {
        let (detractors, rest) = tally.nps.split_at(7);
        let (passives, promoters) = rest.split_at(2);
        let cells = [detractors, passives, promoters].map(hidden::distribution);
        let told = |cell| match cell {
            Published::Shown(0) => Told::Nobody,
            Published::Shown(count) => Told::Shown(count),
            Published::Hidden => Told::Hidden,
        };
        Some(cells.into_iter().flatten().map(told).collect())
    })
}

/// A row of a breakdown, as far as the rows are made of it.
pub(super) struct Row<'a> {
    pub(super) value: Option<&'a str>,
    tally: Tally,
}

impl Breakdown {
    /// This month and the one before by the values of a dimension, each with the counts of all of it.
    fn of(
        (all, now): (&Tally, &BTreeMap<String, Tally>),
        (all_before, before): (&Tally, &BTreeMap<String, Tally>),
        targets: &BTreeMap<String, f64>,
    ) -> Self {
        let (Some(rows), before) = (shown(all, now), shown(all_before, before)) else {
            return Self {
                rows: None,
                drivers: Vec::new(),
            };
        };
        let before: BTreeMap<Option<&str>, Tally> = before
            .into_iter()
            .flatten()
            .filter_map(|(row, shown)| shown.then_some((row.value, row.tally)))
            .collect();
        let mentions = rows.iter().filter(|(_, shown)| *shown);
        let mentions = mentions.filter_map(|(row, _)| {
            let standings = Standings::from(&row.tally);
            Some((row.value?, standings)).filter(|_| standings.n() >= FEWEST_PEOPLE)
        });
        // Where the score of all is hidden, no row is shown that it could be computed from.
        let drivers = drivers(all.into(), mentions);
        let rows = rows.iter().map(|(row, shown)| {
            let then = before.get(&row.value);
            let target = row.value.and_then(|value| targets.get(value)).copied();
            let numbers = shown.then(|| BreakdownNumbers {
                responses: row.tally.responses,
                nps: Score::of(&row.tally),
                before: match then {
                    Some(then) => Score::of(then),
                    // Also where nobody had it: who is not in a table of few is not told from who is hidden.
                    None => Told::Hidden,
                },
                change: then.and_then(|then| Change::of_scores(then, &row.tally)),
                target,
                reached: Spoke::new("", Standings::default(), (&row.tally).into(), target).reached,
            });
            BreakdownRow {
                value: row.value.map(str::to_owned),
                numbers,
            }
        });
        Self {
            rows: Some(rows.collect()),
            drivers,
        }
    }
}

/// The rows of a month, those without a value last, each with whether it may be shown; `None` if no table may.
pub(super) fn shown<'a>(
    all: &Tally,
    by: &'a BTreeMap<String, Tally>,
) -> Option<Vec<(Row<'a>, bool)>> {
    let mut rest = all.clone();
    let mut rows = Vec::with_capacity(by.len().saturating_add(1));
    for (value, tally) in by {
        rest = rest.without(tally)?;
        rows.push(Row {
            value: Some(value),
            tally: tally.clone(),
        });
    }
    rows.push(Row {
        value: None,
        tally: rest,
    });
    let table: Vec<[u64; 2]> = rows.iter().map(|row| people(&row.tally)).collect();
    let shown = hidden::rows(&table)?;
    Some(rows.into_iter().zip(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn tally(responses: u64, scores: &[(usize, u64)]) -> Tally {
        let mut tally = Tally {
            responses,
            ..Tally::default()
        };
        for (score, count) in scores {
            tally.nps[*score] += count;
        }
        tally
    }

    fn by(values: &[(&str, Tally)]) -> BTreeMap<String, Tally> {
        let values = values.iter();
        values
            .map(|(value, tally)| ((*value).to_owned(), tally.clone()))
            .collect()
    }

    /// What a month says, computed by hand.
    #[test]
    fn a_month_by_hand() {
        let mut now = tally(120, &[(10, 30), (9, 20), (8, 40), (3, 7), (0, 3)]);
        now.csat = [0, 5, 15, 30, 50];
        let mut before = tally(110, &[(10, 30), (7, 50), (5, 20)]);
        before.csat = [10, 10, 20, 30, 30];
        let touchpoints = by(&[
            ("logistics", tally(45, &[(10, 10), (8, 20), (3, 7), (0, 3)])),
            ("product", tally(60, &[(10, 20), (9, 20), (8, 10)])),
            ("service", tally(4, &[(8, 4)])),
        ]);
        let touchpoints_before = by(&[("product", tally(110, &[(10, 30), (7, 50), (5, 20)]))]);
        let input = MonthInput {
            months: vec![
                ("2026-09".to_owned(), tally(3, &[(10, 3)])),
                ("2026-10".to_owned(), before),
                ("2026-11".to_owned(), now),
            ],
            touchpoints,
            touchpoints_before,
            targets: BTreeMap::from([("product".to_owned(), 50.0)]),
            ..MonthInput::default()
        };
        let month = Monthly::of(&input);
        // 50 promoters, 40 passives, 10 detractors: 40, the adjusted interval of docs/nps.md.
        let score = month.now().unwrap().nps.shown().copied().unwrap();
        assert_eq!((score.n, score.nps), (100, 40.0));
        assert!((score.interval[0] - 25.9).abs() < 0.05 && (score.interval[1] - 51.7).abs() < 0.05);
        // From 30, 50, 20.
        let change = month.nps_change.unwrap();
        assert_eq!(
            (change.n, change.before, change.difference),
            (100, 10.0, 30.0)
        );
        assert_eq!(change.verdict, crate::nps::Verdict::Up);
        // 80 of 100 against 60 of 100: more than five points, and more than chance.
        let volatility = month.volatility.unwrap();
        assert_eq!((volatility.months, volatility.range), (2, 20.0));
        assert_eq!(volatility.swing, crate::nps::Swing::Beyond);
        // September had three answers.
        assert_eq!(month.trend[0].nps, Told::Hidden);
        assert_eq!(month.trend[0].responses, Told::Hidden);
        assert_eq!(month.ces, Told::Nobody);
        // Of ten detractors on seven scores, three gave 0: none of the seven is shown.
        let scores = month.scores.shown().unwrap();
        assert_eq!(scores[0], Told::Hidden);
        assert_eq!(scores[3], Told::Hidden);
        assert_eq!(scores[8], Told::Shown(40));
        assert_eq!(scores[5], Told::Hidden);
        // Four spoke of service; with them the first row is hidden, and the eleven of no touchpoint are shown.
        let rows = month.touchpoints.rows.as_ref().unwrap();
        let names: Vec<_> = rows
            .iter()
            .map(|row| (row.value.as_deref(), row.numbers.is_some()))
            .collect();
        assert_eq!(
            names,
            [
                (Some("logistics"), false),
                (Some("product"), true),
                (Some("service"), false),
                (None, true)
            ]
        );
        let product = rows[1].numbers.as_ref().unwrap();
        assert_eq!(product.nps.shown().unwrap().nps, 80.0);
        assert_eq!(product.before.shown().unwrap().nps, 10.0);
        assert_eq!(product.reached, Some(Reached::Yes));
        // 80 among 50 of 100, and 0 among the others: half of 80.
        let [driver] = month.touchpoints.drivers.as_slice() else {
            panic!("one is shown")
        };
        assert_eq!(
            (driver.name.as_str(), driver.nps_without, driver.impact),
            ("product", 0.0, 40.0)
        );
        insta::assert_json_snapshot!(month);
    }

    /// What an older version kept has neither list, and says no more when it is kept again.
    #[test]
    fn an_edition_without_lists_is_read_as_it_is() {
        let month = Monthly::of(&MonthInput {
            months: vec![("2026-11".to_owned(), Tally::default())],
            ..MonthInput::default()
        });
        let mut older = serde_json::to_value(&month).unwrap();
        let members = older.as_object_mut().unwrap();
        assert!(members.remove("improvements").is_some());
        assert!(!members.contains_key("priorities"));
        let read: Monthly = serde_json::from_value(older.clone()).unwrap();
        assert_eq!((&read.priorities, &read.improvements), (&None, &None));
        assert_eq!(serde_json::to_value(&read).unwrap(), older);
    }

    #[test]
    fn an_empty_month_says_so() {
        let months = vec![("2026-11".to_owned(), Tally::default())];
        let month = Monthly::of(&MonthInput {
            months,
            ..MonthInput::default()
        });
        assert_eq!(month.now().unwrap().nps, Told::Nobody);
        assert_eq!(month.scores, Told::Nobody);
        assert_eq!(month.nps_change, None);
    }

    /// Somebody who knows every rule has the whole report, and tries every month of as many people that would look like it:
    /// at two touchpoints, who skipped the question, gave 0, 3 or 10.
    #[test]
    fn no_number_that_one_table_hides_is_told_by_another() {
        const CELLS: usize = 8;
        let mut hidden_rows = 0;
        for people in 5..=11u64 {
            let mut alike: BTreeMap<String, Vec<[u64; CELLS]>> = BTreeMap::new();
            let mut stack = vec![(0, people, [0u64; CELLS])];
            while let Some((at, left, mut cells)) = stack.pop() {
                if at == CELLS - 1 {
                    cells[at] = left;
                    alike.entry(report(cells)).or_default().push(cells);
                    continue;
                }
                for count in 0..=left {
                    let mut next = cells;
                    next[at] = count;
                    stack.push((at + 1, left - count, next));
                }
            }
            for (text, originals) in &alike {
                let month: Monthly = serde_json::from_str(text).unwrap();
                let values = |of: &dyn Fn(&[u64; CELLS]) -> u64| {
                    originals.iter().map(of).collect::<BTreeSet<u64>>()
                };
                for (row, of) in month.touchpoints.rows.iter().flatten().zip([0..4, 4..8]) {
                    if row.numbers.is_some() {
                        continue;
                    }
                    hidden_rows += 1;
                    let answered = of.start + 1..of.end;
                    for range in [of, answered] {
                        let values = values(&|cells| cells[range.clone()].iter().sum());
                        assert!(
                            values.len() > 1 || values == BTreeSet::from([0]),
                            "{text} can only be {originals:?}"
                        );
                    }
                }
                for (score, of) in [(0, [1, 5]), (3, [2, 6])] {
                    if month
                        .scores
                        .shown()
                        .is_some_and(|scores| scores[score] == Told::Hidden)
                    {
                        let values = values(&|cells| of.iter().map(|at| cells[*at]).sum());
                        assert!(values.len() > 1, "{text} can only be {originals:?}");
                    }
                }
            }
        }
        assert!(hidden_rows > 100, "{hidden_rows}");
    }

    /// The report of who skipped, gave 0, 3 or 10 at one touchpoint and at the other.
    fn report(cells: [u64; 8]) -> String {
        let [
            skip_a,
            none_a,
            three_a,
            ten_a,
            skip_b,
            none_b,
            three_b,
            ten_b,
        ] = cells;
        let of = |skipped: u64, none, three, ten| {
            let scores = [(0, none), (3, three), (10, ten)];
            tally(skipped + none + three + ten, &scores)
        };
        let a = of(skip_a, none_a, three_a, ten_a);
        let b = of(skip_b, none_b, three_b, ten_b);
        let mut all = a.clone();
        all.merge(&b);
        let input = MonthInput {
            months: vec![("2026-11".to_owned(), all)],
            touchpoints: by(&[("a", a), ("b", b)]),
            ..MonthInput::default()
        };
        serde_json::to_string(&Monthly::of(&input)).unwrap()
    }
}
