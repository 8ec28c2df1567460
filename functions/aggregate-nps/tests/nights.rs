//! Nights through the handler and the real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use std::collections::HashMap;

use aggregate_nps::{App, Config, Counted, VARIABLES};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar;
use resound_domain::form::FormId;
use resound_domain::id::ResponseId;
use resound_domain::nps::Pair;
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::tally::{Cause, Cut, Dimension, Tally};
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::{
    Accepted, Buried, ConfigKind, Correction, DayCell, Digest, INDEX_LAG, Published, Watermark,
};
use resound_testing::{Aws, TABLE, ZONE, start, vars};
use serde_json::{Value, json};

const BERLIN: &str = "Europe/Berlin";

struct Nights {
    aws: Aws,
    app: App,
}

impl Nights {
    /// A table in which every night up to 2026-10-31 is counted, and two forms: `default`, and `shop` in Berlin.
    async fn start() -> Self {
        let nights = Self::ever_since().await;
        let forms = json!({"forms": [{"id": "shop", "zone": BERLIN}]});
        let published = nights.aws.store.publish_config(ConfigKind::Form, 1, &forms);
        assert_eq!(published.await.unwrap(), Published::Published);
        for survey in ["default", "shop"] {
            let to = Watermark {
                day: date(2026, 10, 31),
                as_of: "2026-10-31T16:30:00Z".parse().unwrap(),
            };
            let survey = form(survey);
            let advanced = nights.aws.store.advance_watermark(&survey, to);
            advanced.await.unwrap();
        }
        nights
    }

    /// A table in which nothing was ever counted.
    async fn ever_since() -> Self {
        let aws = Aws::start().await;
        let config = vars(&[]).read(Config::read).unwrap();
        let app = App::new(config, &aws.clients);
        Self { aws, app }
    }

    async fn night(&self, time: &str) -> Counted {
        self.tick(time, start()).await
    }

    /// A run at a business time and a machine time.
    async fn tick(&self, time: &str, machine_now: Timestamp) -> Counted {
        let tick = Tick { time: at(time) };
        let invocation = Invocation::at("night", machine_now);
        self.app.handle(tick, &invocation).await.unwrap()
    }

    /// Marks days of November 2026 as somebody does who wants them counted again.
    async fn replay(&self, survey: &str, days: impl IntoIterator<Item = i8>) {
        let days: Vec<Date> = days.into_iter().map(|day| date(2026, 11, day)).collect();
        let (store, survey) = (&self.aws.store, form(survey));
        let marked = store.mark_days(&survey, &days, Cause::Replay, start());
        marked.await.unwrap();
    }

    async fn corrections(&self, survey: &str) -> Vec<Correction> {
        let (from, to) = (date(2026, 10, 1), date(2026, 11, 30));
        let survey = form(survey);
        let corrections = self.aws.store.corrections(&survey, from, to);
        corrections.await.unwrap()
    }

    /// Every item of a survey as the table has it, but the generations of runs: they alone depend on how often was counted.
    async fn items(&self, survey: &str) -> Vec<HashMap<String, AttributeValue>> {
        let query = self.aws.clients.dynamodb.query().table_name(TABLE);
        let answer = query
            .key_condition_expression("PK = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(format!("TALLY#{survey}")))
            .send();
        let items = answer.await.unwrap().items.unwrap().into_iter();
        items
            .filter(|item| !item["SK"].as_s().unwrap().starts_with("RUN#"))
            .collect()
    }

    /// Keeps a response as `submit-feedback` does.
    async fn answered(&self, bits: u128, survey: &str, time: &str, fields: Value) {
        let mut whole = json!({"form": survey, "channel": "web", "locale": "en"});
        let fields = fields.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(fields);
        let submission: Submission = serde_json::from_value(whole).unwrap();
        let zone = if survey == "shop" { BERLIN } else { ZONE };
        let zone = calendar::zone(zone).unwrap();
        let response = Response {
            id: ResponseId::from_bits(bits),
            received_at: at(time),
            day: at(time).to_zoned(zone).date(),
            triage: triage(&Input::from(&submission)),
            submission,
            trace_id: None,
            amended: None,
            promise: None,
        };
        let digest = Digest([0; 32]);
        let accepted = self.aws.store.accept(&response, &digest, None, start());
        assert_eq!(accepted.await.unwrap(), Accepted::New);
    }

    async fn bury(&self, bits: u128) {
        let buried = self.aws.store.bury(ResponseId::from_bits(bits), start());
        assert_eq!(buried.await.unwrap(), Buried::Buried);
    }

    /// Every cell of a survey in these weeks.
    async fn cells(&self, survey: &str) -> Vec<DayCell> {
        let survey = form(survey);
        let mut cells = Vec::new();
        for cut in Cut::every() {
            let (from, to) = (date(2026, 10, 1), date(2026, 11, 30));
            let tallies = self.aws.store.tallies(&survey, from, to, cut);
            cells.extend(tallies.await.unwrap());
        }
        cells
    }

    /// Day, dimension, value and number of responses of each cell but those of channel, locale, category and pairs.
    async fn counts(&self, survey: &str) -> Vec<(Date, Dimension, String, u64)> {
        use Dimension::{Category, Channel, Locale};
        let cells = self.cells(survey).await.into_iter();
        cells
            .filter_map(|DayCell { day, cell }| match cell.cut {
                Cut::One(Channel | Locale | Category) | Cut::Two(_) => None,
                Cut::One(dimension) => {
                    let value = cell.value.into_string();
                    Some((day, dimension, value, cell.tally.responses))
                }
            })
            .collect()
    }

    async fn watermark(&self, survey: &str) -> Option<Date> {
        let watermark = self.aws.store.watermark(&form(survey)).await.unwrap();
        watermark.map(|watermark| watermark.day)
    }

    /// Three days of answers to two surveys around their midnights.
    async fn three_days(&self) {
        let answers = [
            // 2026-11-01 in Shanghai is from 16:00 UTC to 16:00 UTC.
            (
                1,
                "default",
                "2026-10-31T16:00:00Z",
                json!({"nps": 10, "product": "lamp"}),
            ),
            (
                2,
                "default",
                "2026-11-01T15:59:59.999Z",
                json!({"nps": 0, "tier": "gold"}),
            ),
            (
                3,
                "default",
                "2026-11-01T16:00:00Z",
                json!({"nps": 9, "csat": 5, "product": "lamp"}),
            ),
            (
                4,
                "default",
                "2026-11-02T04:00:00Z",
                json!({"ces": 7, "product": "lamp"}),
            ),
            (
                5,
                "default",
                "2026-11-02T16:20:00Z",
                json!({"nps": 7, "touchpoint": "till"}),
            ),
            // 2026-11-01 in Berlin is from 23:00 UTC to 23:00 UTC.
            (6, "shop", "2026-10-31T23:00:00Z", json!({"nps": 8})),
            (7, "shop", "2026-11-01T22:59:59Z", json!({"nps": 9})),
            (8, "shop", "2026-11-01T23:00:00Z", json!({"nps": 1})),
        ];
        for (bits, survey, time, fields) in answers {
            self.answered(bits, survey, time, fields).await;
        }
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn form(name: &str) -> FormId {
    name.parse().unwrap()
}

/// Half past midnight of 2026-11-03 in Shanghai; still 2026-11-02 in Berlin.
const NIGHT: &str = "2026-11-02T16:30:00Z";

#[tokio::test]
async fn days_are_counted_in_the_zone_of_their_form() {
    use Dimension::{All, Product, Tier};
    let nights = Nights::start().await;
    nights.three_days().await;
    let counted = nights.night(NIGHT).await;
    // From 2026-10-29 to 2026-11-02, and to 2026-11-01: in Berlin the next day is not over.
    assert_eq!((counted.days, counted.responses), (5 + 4, 6));
    assert_eq!((counted.nights, counted.unfinished), (2, false));

    let [first, second] = [1, 2].map(|day| date(2026, 11, day));
    let cell = |day, dimension, value: &str, n| (day, dimension, value.to_owned(), n);
    assert_eq!(
        nights.counts("default").await,
        [
            cell(first, All, "all", 2),
            cell(second, All, "all", 2),
            cell(first, Product, "lamp", 1),
            cell(second, Product, "lamp", 2),
            cell(first, Tier, "gold", 1),
        ]
    );
    assert_eq!(nights.counts("shop").await, [cell(first, All, "all", 2)]);

    let all: Vec<Tally> = nights
        .cells("default")
        .await
        .into_iter()
        .filter(|cell| cell.cell.cut == Cut::ALL)
        .map(|cell| cell.cell.tally)
        .collect();
    let nps = |tally: &Tally| tally.nps_summary().map(|summary| (summary.n, summary.nps));
    assert_eq!(nps(&all[0]), Some((2, 0.0)));
    assert_eq!(
        nps(&all[1]),
        Some((1, 100.0)),
        "a skipped question is no zero"
    );
    assert_eq!((all[1].csat[4], all[1].ces[6]), (1, 1));

    // Yesterday is over, today is not.
    assert_eq!(nights.watermark("default").await, Some(second));
    assert_eq!(nights.watermark("shop").await, Some(first));
}

#[tokio::test]
async fn the_night_of_each_survey_comes_half_an_hour_after_its_day() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night(NIGHT).await;
    for (time, done) in [
        ("2026-11-02T16:45:00Z", 0),
        // Half past midnight in Berlin.
        ("2026-11-02T23:15:00Z", 0),
        ("2026-11-02T23:30:00Z", 1),
        ("2026-11-02T23:45:00Z", 0),
        ("2026-11-03T16:15:00Z", 0),
        ("2026-11-03T16:30:00Z", 1),
    ] {
        let counted = nights.night(time).await;
        assert_eq!(counted.nights, done, "{time}: {counted:?}");
        assert_eq!(counted.days == 0, done == 0, "{time}: {counted:?}");
    }
    assert_eq!(nights.watermark("shop").await, Some(date(2026, 11, 2)));
    assert_eq!(nights.corrections("shop").await, []);
}

#[tokio::test]
async fn a_night_run_again_gives_the_same() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night("2026-11-03T16:30:00Z").await;
    let before = (nights.items("default").await, nights.items("shop").await);
    let again = nights.night("2026-11-03T16:45:00Z").await;
    assert_eq!(again, Counted::default(), "all is counted");
    nights.replay("default", 1..=3).await;
    let again = nights.night("2026-11-03T17:00:00Z").await;
    assert_eq!((again.days, again.responses), (3, 5));
    assert_eq!((again.cells, again.corrections, again.waiting), (0, 0, 0));
    let after = (nights.items("default").await, nights.items("shop").await);
    assert_eq!(after, before, "to the byte");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "stands for a hand that deletes")]
async fn lost_tallies_are_the_same_after_a_replay() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night("2026-11-03T16:30:00Z").await;
    let before = nights.items("default").await;
    let client = &nights.aws.clients.dynamodb;
    let mut lost = 0;
    for item in before.iter().filter(|item| item.contains_key("tally")) {
        let delete = client.delete_item().table_name(TABLE);
        let keys = ["PK", "SK"].map(|name| (name, item[name].clone()));
        let delete = keys
            .into_iter()
            .fold(delete, |delete, (name, value)| delete.key(name, value));
        delete.send().await.unwrap();
        lost += 1;
    }
    assert!(lost > 20);
    nights.replay("default", 1..=3).await;
    let again = nights.night("2026-11-03T17:00:00Z").await;
    assert_eq!((again.days, again.cells), (3, lost));
    let after = nights.items("default").await.into_iter();
    let cells: Vec<_> = after.filter(|item| item.contains_key("tally")).collect();
    let expected: Vec<_> = before
        .into_iter()
        .filter(|item| item.contains_key("tally"))
        .collect();
    assert_eq!(cells, expected, "to the byte");
    // Whoever asked in between was told of nobody.
    let told = nights.corrections("default").await;
    let told: Vec<_> = told
        .iter()
        .map(|c| (c.day.day(), c.was.responses, c.is.responses))
        .collect();
    assert_eq!(told, [(1, 0, 2), (2, 0, 2), (3, 0, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nights_at_once_count_what_one_does() {
    let nights = Nights::start().await;
    nights.three_days().await;
    let time = "2026-11-03T16:30:00Z";
    futures::join!(nights.night(time), nights.night(time));
    assert!(nights.watermark("default").await <= Some(date(2026, 11, 3)));
    // Of a day that each took over from the other the next run makes sure.
    nights.night("2026-11-03T16:45:00Z").await;
    let both = (nights.items("default").await, nights.items("shop").await);
    assert_eq!(nights.corrections("default").await, []);
    assert_eq!(nights.watermark("default").await, Some(date(2026, 11, 3)));

    let alone = Nights::start().await;
    alone.three_days().await;
    alone.night(time).await;
    let cells = |items: Vec<HashMap<String, AttributeValue>>| -> Vec<_> {
        let items = items.into_iter();
        items.filter(|item| item.contains_key("tally")).collect()
    };
    assert_eq!(cells(both.0), cells(alone.items("default").await));
    assert_eq!(cells(both.1), cells(alone.items("shop").await));
}

/// After the index shows it.
fn seen() -> Timestamp {
    start() + INDEX_LAG
}

#[tokio::test]
async fn what_is_erased_leaves_the_tallies_with_one_correction() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night("2026-11-03T16:30:00Z").await;
    nights.bury(2).await;
    nights.bury(5).await;
    let time = "2026-11-03T18:00:00Z";
    let early = nights
        .tick(time, seen() - SignedDuration::from_millis(1))
        .await;
    assert_eq!(
        (early.days, early.waiting),
        (0, 2),
        "the index may not show it yet"
    );
    let counted = nights.tick(time, seen()).await;
    assert_eq!(
        (counted.days, counted.corrections, counted.waiting),
        (2, 2, 0)
    );
    assert_eq!(nights.tick(time, seen()).await, Counted::default());

    let counts = nights.counts("default").await;
    let of_tier: Vec<_> = counts.iter().filter(|c| c.1 == Dimension::Tier).collect();
    assert!(of_tier.is_empty(), "{of_tier:?}");
    let all = counts.iter().filter(|c| c.1 == Dimension::All);
    let all: Vec<_> = all.map(|(day, _, _, n)| (day.day(), *n)).collect();
    assert_eq!(all, [(1, 1), (2, 2)], "the empty day has no cell at all");
    let told = nights.corrections("default").await;
    let told: Vec<_> = told
        .into_iter()
        .map(|c| {
            let why: Vec<_> = c.why.into_iter().collect();
            (c.day.day(), c.number, c.was.nps, c.is.nps, why, c.as_of)
        })
        .collect();
    let nps = |scores: &[usize]| {
        let mut counts = [0; 11];
        scores.iter().for_each(|&score| counts[score] += 1);
        counts
    };
    assert_eq!(
        told,
        [
            (
                1,
                1,
                nps(&[0, 10]),
                nps(&[10]),
                vec![Cause::Erasure],
                at(time)
            ),
            (3, 1, nps(&[7]), nps(&[]), vec![Cause::Erasure], at(time)),
        ]
    );
    let watermark = nights.aws.store.watermark(&form("default")).await.unwrap();
    assert_eq!(
        watermark.unwrap().as_of,
        at(time),
        "the numbers are of then"
    );
}

/// What a made-up customer answers, by a number: skipped questions, rare values and common ones.
fn made_up(n: u64) -> Value {
    let pick = |of: &[&'static str], n: u64| of[usize::try_from(n).unwrap() % of.len()];
    let mut fields = json!({"channel": pick(&["web", "phone", "store"], n)});
    for (name, value, at) in [
        ("nps", json!(n % 11), 3),
        ("csat", json!(1 + n % 5), 5),
        ("ces", json!(1 + n % 7), 7),
        ("tier", json!(pick(&["gold", "bronze"], n)), 11),
        ("product", json!(format!("p{}", n % 6)), 13),
        ("touchpoint", json!(pick(&["till", "锅 #1"], n / 2)), 17),
    ] {
        if !(n / at).is_multiple_of(4) {
            fields[name] = value;
        }
    }
    fields
}

/// Answers of one day at 2026-11-01 in Shanghai, by number.
async fn answer_all(nights: &Nights, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        let time =
            at("2026-10-31T17:00:00Z") + SignedDuration::from_mins(i64::try_from(n).unwrap());
        nights
            .answered(
                u128::from(n),
                "default",
                &time.to_string(),
                made_up(n * 2_654_435_761 % 9973),
            )
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_might_never_have_been() {
    let erased = |n: &u64| n.is_multiple_of(3);
    let nights = Nights::ever_since().await;
    answer_all(&nights, 1..=60).await;
    nights.night(NIGHT).await;
    for n in (1..=60).filter(erased) {
        nights.bury(n.into()).await;
    }
    let counted = nights.tick("2026-11-02T17:00:00Z", seen()).await;
    assert_eq!(
        (counted.days, counted.corrections, counted.waiting),
        (1, 1, 0)
    );

    let never = Nights::ever_since().await;
    answer_all(&never, (1..=60).filter(|n| !erased(n))).await;
    never.night(NIGHT).await;
    let cells = |items: Vec<HashMap<String, AttributeValue>>| -> Vec<_> {
        let items = items.into_iter();
        items.filter(|item| item.contains_key("tally")).collect()
    };
    let expected = cells(never.items("default").await);
    assert!(expected.len() > 60, "{}", expected.len());
    assert_eq!(
        cells(nights.items("default").await),
        expected,
        "to the byte"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_the_table_is_the_sum_of_its_parts() {
    let nights = Nights::ever_since().await;
    answer_all(&nights, 1..=80).await;
    nights.night(NIGHT).await;
    let cells = nights.cells("default").await;
    let sum = |cut: Cut, of: &dyn Fn(&str) -> bool| {
        let mut sum = Tally::default();
        let of_cut = cells.iter().filter(|cell| cell.cell.cut == cut);
        let parts = of_cut.filter(|cell| of(cell.cell.value.as_str()));
        parts.for_each(|cell| sum.merge(&cell.cell.tally));
        sum
    };
    let every = |_: &str| true;
    let whole = sum(Cut::ALL, &every);
    assert_eq!(whole.responses, 80);
    // Everybody has these.
    for dimension in [Dimension::Channel, Dimension::Locale, Dimension::Category] {
        assert_eq!(sum(dimension.into(), &every), whole, "{dimension:?}");
    }
    for pair in Pair::every() {
        // Of those who have a channel or locale, and that is everybody, the pairs with it are the other dimension.
        let (first, second) = pair.dimensions();
        if matches!(first, Dimension::Channel) {
            assert_eq!(
                sum(pair.into(), &every),
                sum(second.into(), &every),
                "{}",
                pair.name()
            );
        }
        if matches!(second, Dimension::Locale) {
            assert_eq!(
                sum(pair.into(), &every),
                sum(first.into(), &every),
                "{}",
                pair.name()
            );
        }
    }
    let pair = Pair::new(Dimension::Channel, Dimension::Product).unwrap();
    for product in ["p0", "p3"] {
        let of = |value: &str| Pair::values(value).is_some_and(|(_, second)| second == product);
        let of_product = sum(Dimension::Product.into(), &|value| value == product);
        assert!(of_product.responses > 0);
        assert_eq!(sum(pair.into(), &of), of_product);
    }
}

#[tokio::test]
async fn what_is_erased_again_while_its_day_waits_is_counted_once_more() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night("2026-11-03T16:30:00Z").await;
    nights.bury(1).await;
    let id = ResponseId::from_bits(2);
    let later = seen() - SignedDuration::from_mins(1);
    let _buried = nights.aws.store.bury(id, later).await.unwrap();
    let time = "2026-11-03T18:00:00Z";
    assert_eq!(nights.tick(time, seen()).await.waiting, 1);
    let counted = nights.tick(time, later + INDEX_LAG).await;
    assert_eq!(
        (counted.days, counted.corrections, counted.waiting),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn a_marked_day_that_is_not_over_waits_for_its_night() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night(NIGHT).await;
    nights.bury(5).await;
    let day = "2026-11-02T20:00:00Z";
    let waits = nights.tick(day, seen()).await;
    assert_eq!((waits.days, waits.waiting), (0, 1));
    let counted = nights.tick("2026-11-03T16:30:00Z", seen()).await;
    assert_eq!(
        (counted.nights, counted.corrections, counted.waiting),
        (2, 0, 0)
    );
    let days = nights.counts("default").await;
    assert!(days.iter().all(|(day, ..)| day.day() < 3), "{days:?}");
}

#[tokio::test]
async fn missed_nights_are_made_up_for() {
    let nights = Nights::start().await;
    nights.three_days().await;
    let counted = nights.night("2026-11-19T16:30:00Z").await;
    assert_eq!(counted.responses, 8);
    assert_eq!(nights.watermark("default").await, Some(date(2026, 11, 19)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_table_without_tallies_is_counted_from_the_responses() {
    let nights = Nights::ever_since().await;
    nights.three_days().await;
    let counted = nights.night("2026-11-03T16:30:00Z").await;
    // The form `shop` is not published here.
    assert_eq!((counted.days, counted.responses), (3, 5));
    assert_eq!(nights.watermark("default").await, Some(date(2026, 11, 3)));
}

#[tokio::test]
async fn with_no_time_left_the_next_run_goes_on() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.replay("default", [1]).await;
    let mut invocation = Invocation::at("short", start());
    invocation.deadline = Some(start() + SignedDuration::from_millis(10));
    let time = "2026-11-02T18:30:00Z";
    let tick = Tick { time: at(time) };
    let counted = nights.app.handle(tick, &invocation).await.unwrap();
    let expected = Counted {
        waiting: 1,
        unfinished: true,
        ..Counted::default()
    };
    assert_eq!(counted, expected);
    let of = |counter| invocation.metrics.counted(counter);
    // In Shanghai it is half past two; in Berlin the day before was not counted either.
    assert_eq!(
        (of(Counter::NightCompleted), of(Counter::NightLate)),
        (0, 2)
    );
    assert_eq!(of(Counter::NightWaiting), 1);
    assert_eq!(nights.watermark("default").await, Some(date(2026, 10, 31)));
    assert_eq!(nights.night(time).await.responses, 6);
}

#[tokio::test]
async fn what_a_run_did_is_measured() {
    let nights = Nights::start().await;
    nights.three_days().await;
    let invocation = Invocation::at("night", start());
    let tick = Tick {
        time: at("2026-11-03T16:30:00Z"),
    };
    let counted = nights.app.handle(tick, &invocation).await.unwrap();
    let of = |counter| invocation.metrics.counted(counter);
    assert_eq!(
        (of(Counter::NightCompleted), of(Counter::NightLate)),
        (2, 0)
    );
    assert_eq!(of(Counter::NightDays), counted.days);
    assert_eq!(of(Counter::NightResponses), 8);
    assert_eq!(of(Counter::NightCells), counted.cells);
    assert!(counted.cells > 20, "{counted:?}");
}

#[tokio::test]
async fn a_recorded_tick_is_read_and_the_counts_come_back() {
    let Nights { aws: _aws, app } = Nights::start().await;
    let event = serde_json::from_str(include_str!("../events/tick.json")).unwrap();
    assert_eq!(
        resound_testing::call(&app.erase(), event, start()).await,
        json!({
            "nights": 2, "days": 9, "responses": 0, "cells": 0, "corrections": 0, "waiting": 0, "unfinished": false,
        })
    );
}

#[test]
fn the_list_of_variables_is_the_configuration() {
    let full = VARIABLES.iter().map(|name| (*name, ZONE));
    assert!(Vars::from_pairs(full).read(Config::read).is_ok());
    let faults = Vars::from_pairs([("TIME_ZONE", "Mars")]).read(Config::read);
    let faults = faults.unwrap_err().to_string();
    for name in VARIABLES {
        assert!(faults.contains(name), "{name}: {faults}");
    }
}
