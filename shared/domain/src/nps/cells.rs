//! Which cells of a published table must be hidden.
//!
//! A cell of one to four people says too much about them. Hiding it alone is no use: the total less what is shown gives it away.
//! So others are hidden with it, until nothing that is hidden can be computed: neither by subtraction, nor by somebody who has
//! read this file and knows how the others were chosen.
//!
//! That is why the companions are *not* the smallest cells that would do: which one is smallest tells about the hidden ones. (Of
//! 5, 5 and 4 the companion would be the first 5; who sees that, the other 5 and the total knows that the hidden two are 5 and 4.)
//! They are the next in the order of the table, whatever they hold. Callers must keep that order the same from one publication to
//! the next: by key, say, and not by count.
//!
//! What this does not protect from: tables that overlap (the same cell over 7 days and over 30, a pair of dimensions beside each of
//! them), and what somebody knows from elsewhere.

/// A cell with fewer people than this, and any, is hidden.
pub const FEWEST_PEOPLE: u64 = 5;

/// A number, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Published {
    /// To be shown.
    Shown(u64),
    /// Nothing of it may be shown: neither the number, nor anything computed from its members.
    Hidden,
}

/// A one-way table as it may be published: cells that add up to a total.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// In the order in which they were given.
    pub cells: Vec<Published>,
    /// Their sum. Hidden only if there are no cells left to hide.
    pub total: Published,
}

/// What of a table may be published. Nobody's cell, a zero, is shown.
pub fn publish(cells: &[u64]) -> Table {
    let small = |count: u64| (1..FEWEST_PEOPLE).contains(&count);
    let mut hidden: Vec<bool> = cells.iter().map(|&count| small(count)).collect();
    let primary = hidden.clone();
    let mut total = Published::Shown(super::sum(cells));
    while !safe(cells, &hidden, &primary) {
        let next = cells
            .iter()
            .zip(&mut hidden)
            .find(|(count, hidden)| **count > 0 && !**hidden);
        let Some((_, companion)) = next else {
            total = Published::Hidden;
            break;
        };
        *companion = true;
    }
    let publish = |(&count, hidden)| {
        if hidden {
            Published::Hidden
        } else {
            Published::Shown(count)
        }
    };
    Table {
        cells: cells.iter().zip(hidden).map(publish).collect(),
        total,
    }
}

/// Whether the hidden cells cannot be computed from their sum, which is the total less what is shown.
fn safe(cells: &[u64], hidden: &[bool], primary: &[bool]) -> bool {
    let of_hidden = || {
        cells
            .iter()
            .zip(hidden)
            .filter(|(_, hidden)| **hidden)
            .map(|(&count, _)| count)
    };
    let count = u64::try_from(of_hidden().count()).unwrap_or(u64::MAX);
    if count == 0 {
        return true;
    }
    let sum = of_hidden().fold(0, u64::saturating_add);
    // Together they must not be a small cell themselves.
    if count < 2 || sum < FEWEST_PEOPLE {
        return false;
    }
    // Small cells of which each has one, or each four, are told by their sum.
    let all_small = hidden == primary;
    !(all_small && (sum == count || sum == count.saturating_mul(FEWEST_PEOPLE - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn shown(cells: &[u64]) -> String {
        let table = publish(cells);
        let text = |published: &Published| match published {
            Published::Shown(n) => n.to_string(),
            Published::Hidden => "-".to_owned(),
        };
        let cells: Vec<_> = table.cells.iter().map(text).collect();
        format!("{} = {}", cells.join(" "), text(&table.total))
    }

    #[test]
    fn small_cells_and_their_companions_are_hidden() {
        for (cells, expected) in [
            (&[10, 20, 30][..], "10 20 30 = 60"),
            (&[10, 20, 4], "- 20 - = 34"),
            (&[10, 3, 4], "10 - - = 17"),
            (&[10, 1, 2], "- - - = 13"),
            // Two fours are told by their sum of eight.
            (&[10, 4, 4], "- - - = 18"),
            (&[0, 4, 10, 12], "0 - - 12 = 26"),
            (&[0, 4, 0], "0 - 0 = -"),
            (&[1, 1, 2], "- - - = -"),
            (&[1, 1, 1, 1, 1], "- - - - - = -"),
            (&[0, 0], "0 0 = 0"),
            (&[7], "7 = 7"),
            (&[], " = 0"),
        ] {
            assert_eq!(shown(cells), expected, "{cells:?}");
        }
    }

    /// Somebody who knows the rule tries every table that looks like the one they see: each hidden number must have at least two
    /// values among those.
    #[test]
    fn nothing_hidden_can_be_computed_even_by_who_knows_the_rule() {
        const MOST: u64 = 16;
        for size in 1..=4u32 {
            let mut alike: BTreeMap<Table, Vec<Vec<u64>>> = BTreeMap::new();
            for number in 0..(MOST + 1).pow(size) {
                let cells: Vec<_> = (0..size)
                    .map(|at| number / (MOST + 1).pow(at) % (MOST + 1))
                    .collect();
                alike.entry(publish(&cells)).or_default().push(cells);
            }
            for (table, originals) in &alike {
                let shown: u64 = table
                    .cells
                    .iter()
                    .map(|cell| {
                        if let Published::Shown(n) = cell {
                            *n
                        } else {
                            0
                        }
                    })
                    .sum();
                if matches!(table.total, Published::Shown(total) if total - shown > MOST) {
                    // Some that look alike are beyond what was tried.
                    continue;
                }
                for (at, cell) in table.cells.iter().enumerate() {
                    let values: BTreeSet<_> = originals.iter().map(|cells| cells[at]).collect();
                    match cell {
                        Published::Shown(n) => assert_eq!(values, BTreeSet::from([*n])),
                        Published::Hidden => {
                            assert!(values.len() > 1, "{table:?} can only be {originals:?}")
                        }
                    }
                }
                if table.total == Published::Hidden {
                    let totals: BTreeSet<u64> =
                        originals.iter().map(|cells| cells.iter().sum()).collect();
                    assert!(totals.len() > 1, "{table:?} can only be {originals:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_small_cell_is_shown_and_none_is_left_by_subtraction(cells in prop::collection::vec(prop_oneof![0u64..8, 0u64..1000], 0..30)) {
            let table = publish(&cells);
            let mut hidden = Vec::new();
            for (&count, published) in cells.iter().zip(&table.cells) {
                match published {
                    Published::Shown(n) => {
                        prop_assert_eq!(*n, count);
                        prop_assert!(count == 0 || count >= FEWEST_PEOPLE);
                    }
                    Published::Hidden => hidden.push(count),
                }
            }
            if let Published::Shown(total) = table.total {
                prop_assert_eq!(total, cells.iter().sum::<u64>());
                prop_assert!(hidden.is_empty() || (hidden.len() > 1 && hidden.iter().sum::<u64>() >= FEWEST_PEOPLE));
            } else {
                prop_assert!(cells.iter().zip(&table.cells).all(|(&n, p)| n == 0 || *p == Published::Hidden));
            }
            // Nothing is hidden without need.
            prop_assert!(!hidden.is_empty() || table.total != Published::Hidden);
            prop_assert!(hidden.is_empty() || hidden.iter().any(|&n| n < FEWEST_PEOPLE));
        }
    }
}
