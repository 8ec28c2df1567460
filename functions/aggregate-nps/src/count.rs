//! One day, counted in bounded memory whatever senders write.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::LazyLock;

use resound_domain::nps::Pair;
use resound_domain::tally::{Counted, Cut, Dimension, Tally};
use resound_store::{Cell, Part};

/// The value that stands for all those of a cut that have no cell of their own.
pub const OTHER: &str = "other";

/// How many values of a cut have a cell of their own.
const KEPT: usize = 1_000;

/// How many values of a cut are told apart while counting. Senders write the values of nine cuts (product, touchpoint, and their
/// pairs); at some 500 bytes each this is 45 MB a day at most.
const TRACKED: usize = 10_000;

/// How many cells are counted by number before they are counted by name: 3 MB.
const NUMBERED: usize = 1 << 14;

/// The counts of a day. They do not depend on the order in which responses come.
///
/// A response is in up to 17 cells, and most of a day's responses are in the same ones. So each value gets a number when it
/// is first met, cells are counted by numbers, and only what has been counted so is counted by the texts that cells are
/// called by: at the end, or when there are too many. Tallies add up to the same in any order, so nobody can tell when that was.
#[derive(Debug, Default)]
pub(crate) struct Day {
    responses: u64,
    names: [Names; DIMENSIONS.len()],
    numbered: HashMap<Numbered, Tally, BuildHasherDefault<Mixed>>,
    cuts: BTreeMap<Cut, Values>,
}

/// The dimensions that have cells of their own.
const DIMENSIONS: [Dimension; 7] = [
    Dimension::All,
    Dimension::Channel,
    Dimension::Touchpoint,
    Dimension::Product,
    Dimension::Tier,
    Dimension::Locale,
    Dimension::Category,
];

/// The numbers of the values of a dimension.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, u16>,
    names: Vec<String>,
}

/// A cell, by numbers: its cut, and the value of each of its dimensions. Of one dimension, the second value is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbered {
    cut: u16,
    first: u16,
    second: u16,
}

#[derive(Debug, Default)]
struct Values {
    tallies: BTreeMap<String, Tally>,
    rest: Tally,
}

/// A cut, by the places of its dimensions in [`DIMENSIONS`].
type Places = (Cut, usize, Option<usize>);

/// Every cut that has cells, in order.
static CUTS: LazyLock<Vec<Places>> = LazyLock::new(|| {
    let place = |dimension| DIMENSIONS.iter().position(|one| *one == dimension);
    let places = |cut| {
        Some(match cut {
            Cut::One(dimension) => (cut, place(dimension)?, None),
            Cut::Two(pair) => {
                let (first, second) = pair.dimensions();
                (cut, place(first)?, Some(place(second)?))
            }
        })
    };
    Cut::every().filter_map(places).collect()
});

impl Day {
    /// Counts a response in each of its cells.
    pub(crate) fn add(&mut self, counted: &Counted) {
        self.responses = self.responses.saturating_add(1);
        if self.numbered.len() + CUTS.len() > NUMBERED {
            self.name();
        }
        let mut numbers = [None; DIMENSIONS.len()];
        for ((number, names), dimension) in numbers.iter_mut().zip(&mut self.names).zip(DIMENSIONS)
        {
            *number = counted.value(dimension).map(|value| names.number(value));
        }
        let number = |place: usize| numbers.get(place).copied().flatten();
        for (cut, (_, first, second)) in (0..).zip(CUTS.iter()) {
            let Some(first) = number(*first) else {
                continue;
            };
            let second = match second {
                None => 0,
                Some(second) => match number(*second) {
                    Some(second) => second,
                    None => continue,
                },
            };
            let cell = Numbered { cut, first, second };
            let tally: &mut Tally = self.numbered.entry(cell).or_default();
            tally.add(counted.scores);
        }
    }

    /// How many responses were counted.
    pub(crate) const fn responses(&self) -> u64 {
        self.responses
    }

    /// Counts by name what was counted by number, and forgets the numbers.
    fn name(&mut self) {
        for (Numbered { cut, first, second }, tally) in self.numbered.drain() {
            let Some((cut, one, other)) = CUTS.get(usize::from(cut)) else {
                continue;
            };
            let name =
                |place: usize, number| self.names.get(place).and_then(|names| names.name(number));
            let Some(one) = name(*one, first) else {
                continue;
            };
            let values = self.cuts.entry(*cut).or_default();
            match other.and_then(|other| name(other, second)) {
                None => values.add(one, &tally),
                Some(other) => values.add(&Pair::key(one, other), &tally),
            }
        }
        self.names = <[Names; DIMENSIONS.len()]>::default();
    }

    /// The cells, by cut and value.
    pub(crate) fn into_cells(mut self) -> Vec<Cell> {
        self.name();
        let cuts = self.cuts.into_iter();
        cuts.flat_map(|(cut, values)| values.into_cells(cut))
            .collect()
    }
}

impl Names {
    /// The number of a value, met before or not. There are fewer values than cells, and so than numbers.
    fn number(&mut self, value: &str) -> u16 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.numbers.insert(value.to_owned(), number);
        self.names.push(value.to_owned());
        number
    }

    fn name(&self, number: u16) -> Option<&str> {
        self.names.get(usize::from(number)).map(String::as_str)
    }
}

impl Hash for Numbered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let cell = [self.cut, self.first, self.second];
        state.write_u64(
            cell.into_iter()
                .fold(0, |all, one| all << 16 | u64::from(one)),
        );
    }
}

/// Spreads numbers that we gave ourselves, which nobody can choose so that they fall together.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Multiplied by the golden ratio, as D. Knuth has it; the high bits depend on all, so they are folded down.
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Values {
    fn add(&mut self, value: &str, more: &Tally) {
        if let Some(tally) = self.tallies.get_mut(value) {
            tally.merge(more);
            return;
        }
        self.tallies.insert(value.to_owned(), more.clone());
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
    use resound_domain::score::{Nps, Scores};
    use resound_domain::submission::{Channel, Tier};
    use resound_domain::triage::Category;

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
        assert!(day.numbered.len() <= NUMBERED);
        day.name();
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

    /// As it would be written if there were memory for everything.
    fn one_by_one(responses: &[Counted]) -> BTreeMap<(Cut, String), Tally> {
        let mut cells = BTreeMap::<_, Tally>::new();
        for response in responses {
            for (cut, value) in response.cells() {
                let cell = cells.entry((cut, value.into_owned())).or_default();
                cell.add(response.scores);
            }
        }
        cells
    }

    #[test]
    fn whatever_is_counted_by_number_is_counted_by_name_in_the_end() {
        // More cells than are counted by number, of values that come again, and few enough of each cut to be kept.
        let responses: Vec<Counted> = (0..40_000_u32)
            .map(|n| Counted {
                touchpoint: n.is_multiple_of(3).then(|| format!("t{}", n % 31)),
                channel: Channel::ALL[n as usize % 9],
                tier: n.is_multiple_of(2).then(|| Tier::ALL[n as usize % 4]),
                category: n.is_multiple_of(5).then(|| Category::ALL[n as usize % 6]),
                ..of(&format!("p{}", n % 29), (n % 11) as u8)
            })
            .collect();
        let mut day = Day::default();
        let mut named = 0;
        for (n, response) in responses.iter().enumerate() {
            // As if there had been too many.
            if n % 7_001 == 0 {
                day.name();
                named += 1;
            }
            day.add(response);
        }
        let cells = day.into_cells().into_iter();
        let counted: BTreeMap<_, _> = cells
            .map(|cell| ((cell.cut, cell.value.into_string()), cell.tally))
            .collect();
        assert_eq!(counted, one_by_one(&responses));
        assert!(named > 5 && counted.keys().any(|(cut, _)| matches!(cut, Cut::Two(_))));
    }

    #[test]
    fn the_order_of_a_flood_does_not_count() {
        let mut responses: Vec<Counted> = (0..12_000_u32)
            .map(|n| {
                of(
                    &format!("{:05}", n.wrapping_mul(7_919) % 12_000),
                    (n % 11) as u8,
                )
            })
            .collect();
        let forth = cells(responses.clone());
        responses.reverse();
        assert_eq!(forth, cells(responses));
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
