//! What of the tables of one report is shown.
//!
//! [`cells`](crate::nps::cells) knows tables of one count. A report has tables whose rows hold two, one part of the other (who
//! wrote, and who of them answered), and a table whose sums are known from elsewhere in the report (the distribution of scores,
//! whose three sums the score itself gives away). Both are treated here so that nobody who reads the whole report, and this
//! file, can compute what was hidden.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::nps::{FEWEST_PEOPLE, Published, publish};

const fn is_small(count: u64) -> bool {
    0 < count && count < FEWEST_PEOPLE
}

/// Which rows of a table may be shown, in the order of the rows; `None` if no row may, not even its name.
///
/// Each row holds `N` counts of people, each of them part of the first; the sums of the columns are known. A row of which any
/// count is small is hidden with all of its counts, so that none of them bounds another, and with it the next rows in the order
/// of the table until together they are at least two rows, and in each column nobody or enough people. Rows of nobody are shown.
pub fn rows<const N: usize>(table: &[[u64; N]]) -> Option<Vec<bool>> {
    let mut hidden: Vec<bool> = table
        .iter()
        .map(|row| row.iter().copied().any(is_small))
        .collect();
    while !enough_hidden(table, &hidden) {
        let next = table
            .iter()
            .zip(&mut hidden)
            .find(|(row, hidden)| !**hidden && row.iter().any(|count| *count > 0));
        let (_, companion) = next?;
        *companion = true;
    }
    Some(hidden.into_iter().map(|hidden| !hidden).collect())
}

fn enough_hidden<const N: usize>(table: &[[u64; N]], hidden: &[bool]) -> bool {
    let of_hidden = || table.iter().zip(hidden).filter(|(_, hidden)| **hidden);
    let count = of_hidden().count();
    if count == 0 {
        return true;
    }
    let mut sums = [0u64; N];
    for (row, _) in of_hidden() {
        for (sum, count) in sums.iter_mut().zip(row) {
            *sum = sum.saturating_add(*count);
        }
    }
    if count < 2 || sums.into_iter().any(is_small) {
        return false;
    }
    // Rows that are all of one person, or all of four, are told by their sum.
    let rows = u64::try_from(count).unwrap_or(u64::MAX);
    let all_small = of_hidden().all(|(row, _)| row.first().copied().is_some_and(is_small));
    let told = |sum: &u64| *sum == rows || *sum == rows.saturating_mul(FEWEST_PEOPLE - 1);
    !(all_small && sums.first().is_some_and(told))
}

/// The cells of a distribution whose sum is known whatever is hidden.
///
/// Where there are at most four people for each cell, and any cell is small, every cell is hidden, also those of nobody: with so
/// few, which ones [`publish`] hides, and with what sum, would show what they are. Beyond that there always is a larger cell to
/// hide the small ones with.
pub fn distribution(cells: &[u64]) -> Vec<Published> {
    let count = u64::try_from(cells.len()).unwrap_or(u64::MAX);
    let sum = cells.iter().fold(0, |sum: u64, &n| sum.saturating_add(n));
    let few = sum <= count.saturating_mul(FEWEST_PEOPLE - 1);
    if few && cells.iter().copied().any(is_small) {
        return vec![Published::Hidden; cells.len()];
    }
    publish(cells).cells
}

/// The most days on which something begins or ends that [`spans_tell`] looks at: it tries every choice of what is between them.
const MOST_ENDS: usize = 18;

/// Whether somebody who is told how many people answered in each of these spans of days can compute how few did on some other
/// days, by adding and subtracting. A span is from a day to before another; `count` says how many answered in one.
///
/// The days at which spans begin and end cut time into stretches. A choice of stretches is computable just if it is a sum of
/// multiples of spans. With a span as an edge between its two ends, that is: in each connected part, as many stretches of the
/// choice begin as end. What is computed to be nobody tells that nobody answered in each stretch of it, which counts as told from
/// then on.
///
/// Where there is more to try than is reasonable the answer is yes.
pub fn spans_tell(told: &[[Date; 2]], count: impl Fn([Date; 2]) -> u64) -> bool {
    let ends: BTreeSet<Date> = told.iter().flatten().copied().collect();
    if ends.len() > MOST_ENDS {
        return true;
    }
    // What more people than these answered in is no part of so few of them.
    let few: Vec<([Date; 2], u64)> = ends
        .iter()
        .zip(ends.iter().skip(1))
        .map(|(from, until)| [*from, *until])
        .map(|stretch| (stretch, count(stretch)))
        .filter(|(_, people)| *people < FEWEST_PEOPLE)
        .collect();
    let mut parts = Parts(ends.iter().map(|end| (*end, *end)).collect());
    for span in told {
        parts.join(*span);
    }
    loop {
        let mut nobody = Vec::new();
        for choice in 1..1u32 << few.len() {
            let chosen = || {
                let chosen = few.iter().enumerate();
                chosen
                    .filter(|(at, _)| choice >> at & 1 == 1)
                    .map(|(_, of)| of)
            };
            let people: u64 = chosen().map(|(_, people)| people).sum();
            if people >= FEWEST_PEOPLE || !parts.balance(chosen().map(|(stretch, _)| stretch)) {
                continue;
            }
            if people > 0 {
                return true;
            }
            nobody.extend(chosen().map(|(stretch, _)| *stretch));
        }
        let mut learned = false;
        for stretch in nobody {
            learned |= parts.join(stretch);
        }
        if !learned {
            return false;
        }
    }
}

/// Which ends are connected: each with a name of its part.
struct Parts(BTreeMap<Date, Date>);

impl Parts {
    fn of(&self, end: Date) -> Date {
        self.0.get(&end).copied().unwrap_or(end)
    }

    /// Connects two ends; whether they were not.
    fn join(&mut self, [one, other]: [Date; 2]) -> bool {
        let (kept, gone) = (self.of(one), self.of(other));
        let parts = self.0.values_mut().filter(|part| **part == gone);
        parts.for_each(|part| *part = kept);
        kept != gone
    }

    /// Whether in each part as many of these begin as end.
    fn balance<'a>(&self, stretches: impl Iterator<Item = &'a [Date; 2]>) -> bool {
        let mut balance: BTreeMap<Date, i32> = BTreeMap::new();
        for [from, until] in stretches {
            *balance.entry(self.of(*from)).or_default() -= 1;
            *balance.entry(self.of(*until)).or_default() += 1;
        }
        balance.into_values().all(|sum| sum == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn shown(table: &[[u64; 2]]) -> String {
        let Some(rows) = rows(table) else {
            return "withheld".to_owned();
        };
        let text = |([all, some], shown): (&[u64; 2], bool)| match shown {
            true => format!("{all}/{some}"),
            false => "-".to_owned(),
        };
        let rows: Vec<_> = table.iter().zip(rows).map(text).collect();
        rows.join(" ")
    }

    #[test]
    fn a_row_with_any_small_count_is_hidden_with_a_companion() {
        for (table, expected) in [
            (&[[10, 8], [20, 5], [7, 0]][..], "10/8 20/5 7/0"),
            (&[[10, 8], [20, 4], [7, 0]], "- - 7/0"),
            (&[[20, 4], [7, 0], [9, 9]], "- - -"),
            (&[[20, 4], [7, 0]], "withheld"),
            (&[[20, 4], [0, 0], [9, 9]], "- 0/0 -"),
            (&[[20, 20], [4, 4]], "- -"),
            (&[[4, 4], [4, 4], [30, 30]], "- - -"),
            (&[[3, 0], [30, 7], [8, 8]], "- - 8/8"),
            (&[[100, 3]], "withheld"),
            (&[[100, 30]], "100/30"),
            (&[], ""),
        ] {
            assert_eq!(shown(table), expected, "{table:?}");
        }
    }

    /// Everything that looks alike to who sees rows and the sums of both columns: each hidden number must have two values left.
    fn attack(size: u32, most: u64) {
        let states: Vec<[u64; 2]> = (0..=most)
            .flat_map(|all| (0..=all).map(move |some| [all, some]))
            .collect();
        let each = u64::try_from(states.len()).unwrap();
        type Picture = (Option<Vec<Option<[u64; 2]>>>, [u64; 2]);
        let mut alike: BTreeMap<Picture, Vec<Vec<[u64; 2]>>> = BTreeMap::new();
        for number in 0..each.pow(size) {
            let table: Vec<[u64; 2]> = (0..size)
                .map(|at| states[usize::try_from(number / each.pow(at) % each).unwrap()])
                .collect();
            let picture = rows(&table).map(|shown| {
                let rows = table.iter().zip(shown);
                rows.map(|(row, shown)| shown.then_some(*row)).collect()
            });
            let sums = [0, 1].map(|column| table.iter().map(|row| row[column]).sum());
            alike.entry((picture, sums)).or_default().push(table);
        }
        let mut tried = 0;
        for ((picture, sums), tables) in &alike {
            let Some(picture) = picture else { continue };
            let of_shown: u64 = picture.iter().flatten().map(|row| row[0]).sum();
            if sums[0] - of_shown > most {
                // Some that look alike are beyond what was tried.
                continue;
            }
            for (at, row) in picture.iter().enumerate() {
                if row.is_some() {
                    continue;
                }
                for column in [0, 1] {
                    let values: BTreeSet<_> =
                        tables.iter().map(|table| table[at][column]).collect();
                    let hidden: u64 =
                        sums[column] - picture.iter().flatten().map(|row| row[column]).sum::<u64>();
                    tried += 1;
                    // Nobody at all is no secret.
                    assert!(
                        values.len() > 1 || hidden == 0,
                        "{picture:?} with {sums:?} can only be {tables:?}"
                    );
                }
            }
        }
        assert!(tried > 0);
    }

    #[test]
    fn nothing_hidden_can_be_computed_even_by_who_knows_the_rule() {
        attack(2, 13);
        attack(3, 8);
    }

    #[test]
    fn a_distribution_does_not_tell_what_it_hides_although_its_sum_is_known() {
        for (size, most) in [(2u32, 30u64), (3, 20), (4, 18), (7, 8)] {
            let mut alike: BTreeMap<(Vec<Published>, u64), Vec<Vec<u64>>> = BTreeMap::new();
            let mut stack = vec![Vec::new()];
            while let Some(cells) = stack.pop() {
                let sum: u64 = cells.iter().sum();
                if cells.len() == usize::try_from(size).unwrap() {
                    alike
                        .entry((distribution(&cells), sum))
                        .or_default()
                        .push(cells);
                    continue;
                }
                for count in 0..=(most - sum.min(most)) {
                    let mut next = cells.clone();
                    next.push(count);
                    stack.push(next);
                }
            }
            for ((picture, sum), originals) in &alike {
                for (at, cell) in picture.iter().enumerate() {
                    let values: BTreeSet<_> = originals.iter().map(|cells| cells[at]).collect();
                    match cell {
                        Published::Shown(n) => assert_eq!(values, BTreeSet::from([*n])),
                        Published::Hidden => assert!(
                            values.len() > 1,
                            "{picture:?} = {sum} can only be {originals:?}"
                        ),
                    }
                }
            }
        }
    }

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 11, day)
    }

    /// The people who answered from one day of November to before another, if these did on its days.
    fn among(counts: &[u64], [from, until]: [Date; 2]) -> u64 {
        let (from, until) = (from.day() - 1, until.day() - 1);
        let days = usize::try_from(from).unwrap()..usize::try_from(until).unwrap();
        counts[days].iter().sum()
    }

    #[test]
    fn the_days_between_what_is_told_are_told_too() {
        let tells = |spans: &[[i8; 2]], counts: &[u64]| {
            let spans: Vec<_> = spans.iter().map(|ends| ends.map(day)).collect();
            spans_tell(&spans, |span| among(counts, span))
        };
        // A month, and the days after the second, which leaves the first two.
        assert!(tells(&[[1, 6], [3, 6]], &[2, 1, 9, 9, 9]));
        assert!(!tells(&[[1, 6], [3, 6]], &[2, 3, 9, 9, 9]));
        assert!(!tells(&[[1, 6], [3, 6]], &[0, 0, 9, 9, 9]));
        // Before and after a day tell nothing of it.
        assert!(!tells(&[[1, 3], [4, 6]], &[9, 9, 1, 9, 9]));
        // Two that shipped on days that follow each other do.
        assert!(tells(&[[1, 3], [4, 6], [1, 4], [5, 6]], &[9, 9, 1, 9, 9]));
        // Stretches that are apart: what is in the second span but not in the first, and the other way round.
        assert!(tells(&[[1, 6], [2, 5]], &[1, 9, 9, 9, 2]));
        // Nobody on the first and on the last day, together; so the rest of each span is told.
        assert!(tells(&[[1, 6], [2, 5], [1, 3]], &[0, 3, 9, 9, 0]));
        let ends: Vec<_> = (1..=19).map(|first| [first, first + 1]).collect();
        assert!(tells(&ends, &[9; 20]), "too much to try");
    }

    /// Somebody who knows the rule tries all counts of four days that agree with every span that is told: how many answered on
    /// few people's days has at least two values left. All sets of up to four spans.
    #[test]
    fn what_spans_do_not_tell_cannot_be_computed() {
        const DAYS: usize = 4;
        const MOST: u64 = 6;
        let spans: Vec<[Date; 2]> = (1..=4i8)
            .flat_map(|from| (from + 1..=5).map(move |until| [day(from), day(until)]))
            .collect();
        let all: Vec<[u64; DAYS]> = (0..(MOST + 1).pow(4))
            .map(|n| {
                std::array::from_fn(|at| {
                    n / (MOST + 1).pow(u32::try_from(at).unwrap()) % (MOST + 1)
                })
            })
            .collect();
        let mut safe = 0;
        for set in (1..1u32 << spans.len()).filter(|set| set.count_ones() <= 4) {
            let told: Vec<_> = spans
                .iter()
                .enumerate()
                .filter(|(at, _)| set >> at & 1 == 1)
                .map(|(_, span)| *span)
                .collect();
            let mut alike: BTreeMap<Vec<u64>, Vec<&[u64; DAYS]>> = BTreeMap::new();
            for counts in &all {
                let sums = told.iter().map(|span| among(counts, *span)).collect();
                alike.entry(sums).or_default().push(counts);
            }
            // Of more people some that look alike were not tried.
            for (sums, counts) in alike
                .iter()
                .filter(|(sums, _)| sums.iter().all(|sum| *sum <= MOST))
            {
                if sums.iter().copied().any(is_small)
                    || spans_tell(&told, |span| among(counts[0], span))
                {
                    continue;
                }
                safe += 1;
                for choice in 1..1u32 << DAYS {
                    let few = |counts: &[u64; DAYS]| -> u64 {
                        let chosen = counts.iter().enumerate();
                        chosen
                            .filter(|(at, _)| choice >> at & 1 == 1)
                            .map(|(_, n)| n)
                            .sum()
                    };
                    let values: BTreeSet<u64> = counts.iter().map(|counts| few(counts)).collect();
                    assert!(
                        values.len() > 1 || values.iter().all(|n| !is_small(*n)),
                        "{told:?} {sums:?} can only be {counts:?}"
                    );
                }
            }
        }
        assert!(safe > 1000, "{safe}");
    }

    proptest! {
        #[test]
        fn no_small_count_is_shown_nor_left_by_subtraction(
            table in prop::collection::vec((prop_oneof![0u64..8, 0u64..1000], 0u64..=100), 0..20)
        ) {
            let table: Vec<[u64; 2]> = table.into_iter().map(|(all, percent)| [all, all * percent / 100]).collect();
            if let Some(shown) = rows(&table) {
                let mut hidden = Vec::new();
                for (row, shown) in table.iter().zip(shown) {
                    if shown {
                        prop_assert!(!row.iter().copied().any(is_small));
                    } else {
                        hidden.push(*row);
                    }
                }
                for column in [0, 1] {
                    let sum: u64 = hidden.iter().map(|row| row[column]).sum();
                    prop_assert!(!is_small(sum));
                }
                prop_assert!(hidden.len() != 1);
            } else {
                prop_assert!(table.iter().flatten().copied().any(is_small));
            }
        }
    }
}
