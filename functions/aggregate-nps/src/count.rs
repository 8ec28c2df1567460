//! One day, counted in bounded memory whatever senders write.

use std::collections::BTreeMap;

use resound_domain::tally::{Counted, Cut, Tally};
use resound_store::{Cell, Part};

/// The value that stands for all those of a cut that have no cell of their own.
pub const OTHER: &str = "other";

/// How many values of a cut have a cell of their own.
const KEPT: usize = 1_000;

/// How many values of a cut are told apart while counting. Senders write the values of nine cuts (product, touchpoint, and their
/// pairs); at some 500 bytes each this is 45 MB a day at most.
const TRACKED: usize = 10_000;

/// The counts of a day. They do not depend on the order in which responses come.
#[derive(Debug, Default)]
pub(crate) struct Day {
    cuts: BTreeMap<Cut, Values>,
}

#[derive(Debug, Default)]
struct Values {
    tallies: BTreeMap<String, Tally>,
    rest: Tally,
}

impl Day {
    /// Counts a response in each of its cells.
    pub(crate) fn add(&mut self, counted: &Counted) {
        for (cut, value) in counted.cells() {
            let values = self.cuts.entry(cut).or_default();
            values.add(&value, counted);
        }
    }

    /// How many responses were counted.
    pub(crate) fn responses(&self) -> u64 {
        let all = self.cuts.get(&Cut::ALL);
        all.and_then(|values| values.tallies.get(Counted::ALL))
            .map_or(0, |tally| tally.responses)
    }

    /// The cells, by cut and value.
    pub(crate) fn into_cells(self) -> Vec<Cell> {
        let cuts = self.cuts.into_iter();
        cuts.flat_map(|(cut, values)| values.into_cells(cut))
            .collect()
    }
}

impl Values {
    fn add(&mut self, value: &str, counted: &Counted) {
        if let Some(tally) = self.tallies.get_mut(value) {
            tally.add(counted.scores);
            return;
        }
        let tally = self.tallies.entry(value.to_owned()).or_default();
        tally.add(counted.scores);
        // The last in order goes. Nothing behind it comes in again, so what stays does not depend on who came first.
        if self.tallies.len() > TRACKED
            && let Some((_, last)) = self.tallies.pop_last()
        {
            self.rest.merge(&last);
        }
    }

    fn into_cells(self, cut: Cut) -> Vec<Cell> {
        let Self { tallies, mut rest } = self;
        let mut values: Vec<(String, Tally)> = tallies.into_iter().collect();
        // Stable: equally frequent values stay in order.
        values.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.responses));
        for (_, tally) in values.iter().skip(KEPT) {
            rest.merge(tally);
        }
        values.truncate(KEPT);

        let mut cells = BTreeMap::new();
        for (value, tally) in values {
            match Part::new(value) {
                Ok(value) => drop(cells.insert(value, tally)),
                Err(_) => rest.merge(&tally),
            }
        }
        if rest.responses > 0
            && let Ok(other) = Part::new(OTHER)
        {
            let other: &mut Tally = cells.entry(other).or_default();
            other.merge(&rest);
        }
        let cells = cells.into_iter();
        cells
            .map(|(value, tally)| Cell { cut, value, tally })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use resound_domain::locale::Locale;
    use resound_domain::nps::Pair;
    use resound_domain::score::{Nps, Scores};
    use resound_domain::submission::Channel;
    use resound_domain::tally::Dimension;

    const PRODUCT: Cut = Cut::One(Dimension::Product);

    fn of(product: &str, nps: u8) -> Counted {
        Counted {
            scores: Scores {
                nps: Nps::try_from(nps).ok(),
                ..Scores::default()
            },
            channel: Channel::Web,
            touchpoint: None,
            product: Some(product.to_owned()),
            tier: None,
            locale: Locale::En,
            category: None,
        }
    }

    fn cells(responses: impl IntoIterator<Item = Counted>) -> Vec<Cell> {
        let mut day = Day::default();
        for response in responses {
            day.add(&response);
        }
        day.into_cells()
    }

    #[test]
    fn the_most_frequent_have_cells_and_nothing_is_lost() {
        let rare = (0..1_500).map(|n| of(&format!("made up {n:05}"), 0));
        let real = [of("zeta", 10), of("zeta", 10)];
        let cells = cells(rare.chain(real));
        let products = cells.iter().filter(|c| c.cut == PRODUCT);
        let products: Vec<_> = products.collect();
        assert_eq!(products.len(), KEPT + 1);
        let responses = |value: &str| {
            let cell = products.iter().find(|cell| cell.value.as_str() == value);
            cell.map(|cell| cell.tally.responses)
        };
        assert_eq!(responses("zeta"), Some(2));
        assert_eq!(responses("made up 00000"), Some(1));
        assert_eq!(responses(OTHER), Some(501));
    }

    #[test]
    fn a_flood_of_values_is_bounded() {
        let mut day = Day::default();
        let flood = TRACKED + 10;
        for n in 0..flood {
            day.add(&of(&format!("{n:06}"), 5));
        }
        assert_eq!(day.responses(), u64::try_from(flood).unwrap());
        assert_eq!(day.cuts[&PRODUCT].tallies.len(), TRACKED);
        let of_products: u64 = day
            .into_cells()
            .iter()
            .filter(|cell| cell.cut == PRODUCT)
            .map(|cell| cell.tally.responses)
            .sum();
        assert_eq!(of_products, u64::try_from(flood).unwrap());
    }

    #[test]
    fn a_pair_too_long_for_a_key_counts_among_the_others() {
        let long = "锅".repeat(100);
        let cells = cells([Counted {
            touchpoint: Some(long.clone()),
            ..of(&long, 9)
        }]);
        let pair = Pair::new(Dimension::Touchpoint, Dimension::Product).unwrap();
        let value = |cut: Cut| {
            let cell = cells.iter().find(|cell| cell.cut == cut);
            cell.map(|cell| cell.value.as_str())
        };
        assert_eq!(value(PRODUCT), Some(long.as_str()));
        assert_eq!(value(Cut::Two(pair)), Some(OTHER));
        // All but all are pairs or their halves: each counts once.
        assert!(cells.iter().all(|cell| cell.tally.responses == 1));
        assert_eq!(cells.len(), 5 + 6);
    }

    proptest! {
        #[test]
        fn order_does_not_count(mut responses in prop::collection::vec(("[ab]{1,2}", 0u8..=10), 0..30)) {
            let forth = cells(responses.iter().map(|(product, nps)| of(product, *nps)));
            responses.reverse();
            let back = cells(responses.iter().map(|(product, nps)| of(product, *nps)));
            prop_assert_eq!(forth, back);
        }
    }
}
