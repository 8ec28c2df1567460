//! The responses of one day, made up from a seed: the same ones for everybody who counts them.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use resound_domain::locale::Locale;
use resound_domain::score::{Ces, Csat, Nps, Scores};
use resound_domain::submission::{Channel, Tier};
use resound_domain::tally::Counted;
use resound_domain::triage::Category;

/// The survey.
pub const SURVEY: &str = "default";
/// The local day, in UTC.
pub const DAY: Date = date(2026, 11, 21);
/// Milliseconds from 1970 to that day.
const MIDNIGHT: i64 = 1_795_219_200_000;
/// From one response to the next. So the largest number of them fits into the day.
const APART: i64 = 8;
/// The most responses: a day of them.
pub const MOST: u32 = 10_000_000;
/// Over how many partitions the index spreads a day.
pub const SHARDS: u32 = 4;

/// What senders write. Text of either language, and characters that JSON and CSV must escape.
const TOUCHPOINTS: [&str; 12] = [
    "checkout",
    "delivery",
    "search",
    "returns",
    "invoice",
    "账单",
    "客服热线",
    "门店",
    "a \"quoted\" step",
    "sign-up",
    "repair",
    "app\\start",
];

/// How many products there are.
const PRODUCTS: u64 = 40;

/// So many responses of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// What they are made up from.
    pub seed: u64,
    /// How many.
    pub count: u32,
}

/// A row of `by-day`.
#[derive(Debug, Clone)]
pub struct Row {
    number: u32,
    /// What is counted of it.
    pub counted: Counted,
    customer: Option<u32>,
    negative: bool,
}

impl Rows {
    /// The row of this number, from 0.
    pub fn row(&self, number: u32) -> Row {
        let mut dice = Dice(self.seed ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let nps = dice.answered(80, 11).and_then(|n| Nps::try_from(n).ok());
        let csat = dice
            .answered(50, 5)
            .and_then(|n| Csat::try_from(n + 1).ok());
        let ces = dice.answered(30, 7).and_then(|n| Ces::try_from(n + 1).ok());
        let scores = Scores { nps, csat, ces };
        let touchpoint = dice
            .percent(85)
            .then(|| (*dice.pick(&TOUCHPOINTS)).to_owned());
        // The square of a share: a few products are asked about most.
        let product = dice.percent(70).then(|| {
            let share = dice.below(1000) * dice.below(1000);
            format!("产品-{:02} series", share * PRODUCTS / 1_000_000)
        });
        Row {
            number,
            counted: Counted {
                scores,
                channel: *dice.pick(&Channel::ALL),
                touchpoint,
                product,
                tier: dice.percent(60).then(|| *dice.pick(&Tier::ALL)),
                locale: *dice.pick(&[Locale::ZhCn, Locale::ZhCn, Locale::En]),
                category: Some(*dice.pick(Category::ALL)),
            },
            customer: dice
                .percent(60)
                .then(|| u32::try_from(dice.below(1_000_000)).unwrap_or_default()),
            negative: scores.unhappy(),
        }
    }

    /// The rows in the partition `shard` of the index, from the row of this number on, in order.
    pub fn of_shard(&self, shard: u32, from: u32) -> impl Iterator<Item = Row> {
        let (rows, behind) = (*self, (from % SHARDS + SHARDS - shard) % SHARDS);
        let first = from.saturating_add((SHARDS - behind) % SHARDS);
        (first..self.count)
            .step_by(SHARDS as usize)
            .map(move |number| rows.row(number))
    }

    /// Writes them as CSV, without a head: what is counted, an absent value empty.
    ///
    /// # Errors
    /// That of the writer.
    pub fn write_csv(&self, to: &mut impl Write) -> io::Result<()> {
        for number in 0..self.count {
            let Counted {
                scores,
                channel,
                touchpoint,
                product,
                tier,
                locale,
                category,
            } = self.row(number).counted;
            let score = |score: Option<u8>| score.map(|n| n.to_string()).unwrap_or_default();
            let quoted = |text: Option<String>| match text {
                Some(text) => format!("\"{}\"", text.replace('"', "\"\"")),
                None => String::new(),
            };
            writeln!(
                to,
                "{},{},{},{},{},{},{},{},{}",
                score(scores.nps.map(u8::from)),
                score(scores.csat.map(u8::from)),
                score(scores.ces.map(u8::from)),
                channel.name(),
                quoted(touchpoint),
                quoted(product),
                tier.map(Tier::name).unwrap_or_default(),
                locale.tag(),
                category.map(Category::name).unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}

impl Row {
    /// The business time of its acceptance.
    pub fn received_at(&self) -> Timestamp {
        Timestamp::from_millisecond(MIDNIGHT + i64::from(self.number) * APART).unwrap_or_default()
    }

    /// The number of the row that was accepted at the place of a start key.
    pub fn number_at(received_at: &str) -> Option<u32> {
        let millis: i64 = received_at.parse().ok()?;
        u32::try_from((millis - MIDNIGHT) / APART).ok()
    }

    /// The primary key and the key of the index.
    pub fn key(&self) -> [(&'static str, String); 4] {
        let shard = self.number % SHARDS;
        [
            ("PK", format!("RESPONSE#01KAHG{:020}", self.number)),
            ("SK", "RESPONSE".to_owned()),
            ("day", format!("{SURVEY}#{DAY}#{shard}")),
            (
                "received_at",
                format!("{:015}", MIDNIGHT + i64::from(self.number) * APART),
            ),
        ]
    }

    /// Every attribute of the index: its name, its type, its value.
    pub fn attributes(&self) -> Vec<(&'static str, char, String)> {
        let mut all: Vec<_> = self.key().map(|(name, value)| (name, 'S', value)).into();
        let counted = &self.counted;
        let mut add = |name, kind, value: Option<String>| {
            all.extend(value.map(|value| (name, kind, value)));
        };
        let scores = counted.scores;
        add("nps", 'N', scores.nps.map(|n| n.get().to_string()));
        add("csat", 'N', scores.csat.map(|n| n.get().to_string()));
        add("ces", 'N', scores.ces.map(|n| n.get().to_string()));
        add("channel", 'S', Some(counted.channel.name().to_owned()));
        add("touchpoint", 'S', counted.touchpoint.clone());
        add("product", 'S', counted.product.clone());
        add("tier", 'S', counted.tier.map(|tier| tier.name().to_owned()));
        add("locale", 'S', Some(counted.locale.tag().to_owned()));
        add(
            "category",
            'S',
            counted.category.map(|c| c.name().to_owned()),
        );
        add("kind", 'S', Some("complaint".to_owned()));
        add(
            "sentiment",
            'S',
            self.negative.then(|| "negative".to_owned()),
        );
        add("customer", 'S', self.customer.map(|n| format!("c-{n:07}")));
        all
    }

    /// Appends the item as DynamoDB writes it, with these attributes only if they are named, and tells how large it is in
    /// the index: the bytes of names and values, of a number one for every two digits and one more.
    pub fn append_json(&self, only: Option<&[String]>, to: &mut String) -> usize {
        let (mut size, mut between) = (0, '{');
        for (name, kind, value) in self.attributes() {
            size += name.len();
            size += match kind {
                'N' => value.len().div_ceil(2) + 1,
                _ => value.len(),
            };
            if only.is_some_and(|only| !only.iter().any(|one| one == name)) {
                continue;
            }
            to.push(between);
            between = ',';
            to.extend(["\"", name, "\":{\""]);
            to.push(kind);
            to.push_str("\":\"");
            for c in value.chars() {
                if matches!(c, '"' | '\\') {
                    to.push('\\');
                }
                to.push(c);
            }
            to.push_str("\"}");
        }
        to.push_str(if between == '{' { "{}" } else { "}" });
        size
    }
}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        // The high bits of the product: no remainder, and no bias that matters here.
        let product = u128::from(self.next()) * u128::from(n);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    fn answered(&mut self, share: u64, scale: u64) -> Option<u8> {
        let score = u8::try_from(self.below(scale)).unwrap_or_default();
        self.percent(share).then_some(score)
    }

    #[expect(clippy::indexing_slicing, reason = "below their number")]
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len() as u64);
        &of[usize::try_from(at).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_shard_and_can_be_gone_on_from() {
        let rows = Rows {
            seed: 7,
            count: 103,
        };
        for shard in 0..SHARDS {
            let all: Vec<u32> = rows.of_shard(shard, 0).map(|row| row.number).collect();
            let expected: Vec<u32> = (0..103).filter(|n| n % SHARDS == shard).collect();
            assert_eq!(all, expected);
            for from in 0..103 {
                let rest: Vec<u32> = rows.of_shard(shard, from).map(|row| row.number).collect();
                let expected: Vec<u32> = expected.iter().copied().filter(|n| *n >= from).collect();
                assert_eq!(rest, expected, "{shard} from {from}");
            }
        }
        let row = rows.row(42);
        let [.., (_, received_at)] = row.key();
        assert_eq!(Row::number_at(&received_at), Some(42));
        let last = Rows {
            seed: 7,
            count: MOST,
        }
        .row(MOST - 1);
        assert_eq!(
            last.received_at().to_zoned(jiff::tz::TimeZone::UTC).date(),
            DAY
        );
    }

    #[test]
    fn a_row_is_the_json_that_dynamodb_writes() {
        let rows = Rows {
            seed: 1,
            count: 500,
        };
        for number in 0..rows.count {
            let row = rows.row(number);
            let mut json = String::new();
            row.append_json(None, &mut json);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            for (name, kind, value) in row.attributes() {
                assert_eq!(read[name][kind.to_string()], value, "{name}");
            }
            assert_eq!(read.as_object().unwrap().len(), row.attributes().len());
        }
    }
}
