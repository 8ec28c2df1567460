//! Nights through the handler and the real table.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic as a test may"
)]

use aggregate_nps::{App, Config, Counted, VARIABLES};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use resound_domain::calendar;
use resound_domain::form::FormId;
use resound_domain::id::ResponseId;
use resound_domain::response::Response;
use resound_domain::submission::Submission;
use resound_domain::tally::{Cut, Dimension, Tally};
use resound_domain::triage::{Input, triage};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::metrics::Counter;
use resound_lambda_kit::{Function, Invocation};
use resound_messages::Tick;
use resound_store::{Accepted, Buried, ConfigKind, DayCell, Digest, Published, Watermark};
use resound_testing::{Aws, ZONE, start, vars};
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
        let tick = Tick { time: at(time) };
        let invocation = Invocation::begin("night");
        self.app.handle(tick, &invocation).await.unwrap()
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
    use Dimension::{All, Product, Tier, Touchpoint};
    let nights = Nights::start().await;
    nights.three_days().await;
    let counted = nights.night(NIGHT).await;
    // From 2026-10-29 to 2026-11-03, and to 2026-11-02.
    assert_eq!((counted.days, counted.responses), (6 + 5, 8));
    assert!(!counted.unfinished);

    let [first, second, third] = [1, 2, 3].map(|day| date(2026, 11, day));
    let cell = |day, dimension, value: &str, n| (day, dimension, value.to_owned(), n);
    assert_eq!(
        nights.counts("default").await,
        [
            cell(first, All, "all", 2),
            cell(second, All, "all", 2),
            cell(third, All, "all", 1),
            cell(third, Touchpoint, "till", 1),
            cell(first, Product, "lamp", 1),
            cell(second, Product, "lamp", 2),
            cell(first, Tier, "gold", 1),
        ]
    );
    assert_eq!(
        nights.counts("shop").await,
        [cell(first, All, "all", 2), cell(second, All, "all", 1)]
    );

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
async fn a_night_run_again_gives_the_same() {
    let nights = Nights::start().await;
    nights.three_days().await;
    let first = nights.night(NIGHT).await;
    let (default, shop) = (nights.cells("default").await, nights.cells("shop").await);
    let again = nights.night(NIGHT).await;
    assert_eq!(again.responses, first.responses);
    assert_eq!(nights.cells("default").await, default);
    assert_eq!(nights.cells("shop").await, shop);

    nights.night("2026-11-03T16:30:00Z").await;
    let watermark = nights.watermark("default").await;
    assert_eq!(watermark, Some(date(2026, 11, 3)));
    nights.night(NIGHT).await;
    assert_eq!(nights.cells("default").await, default);
    assert_eq!(nights.watermark("default").await, watermark, "a replay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nights_at_once_count_what_one_does() {
    let nights = Nights::start().await;
    nights.three_days().await;
    futures::join!(nights.night(NIGHT), nights.night(NIGHT));
    let (default, shop) = (nights.cells("default").await, nights.cells("shop").await);
    assert!(nights.watermark("default").await <= Some(date(2026, 11, 2)));
    let alone = nights.night(NIGHT).await;
    assert!(!alone.unfinished);
    assert_eq!(nights.cells("default").await, default);
    assert_eq!(nights.cells("shop").await, shop);
    assert_eq!(default.len(), 28);
    assert_eq!(nights.watermark("default").await, Some(date(2026, 11, 2)));
}

#[tokio::test]
async fn what_is_erased_leaves_the_tallies() {
    let nights = Nights::start().await;
    nights.three_days().await;
    nights.night(NIGHT).await;
    nights.bury(2).await;
    nights.bury(5).await;
    nights.night(NIGHT).await;
    let counts = nights.counts("default").await;
    let of_tier: Vec<_> = counts.iter().filter(|c| c.1 == Dimension::Tier).collect();
    assert!(of_tier.is_empty(), "{of_tier:?}");
    let all = counts.iter().filter(|c| c.1 == Dimension::All);
    let all: Vec<_> = all.map(|(day, _, _, n)| (day.day(), *n)).collect();
    assert_eq!(all, [(1, 1), (2, 2)], "the empty day has no cell at all");
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
async fn lost_tallies_are_counted_anew_from_the_responses() {
    let nights = Nights::ever_since().await;
    nights.three_days().await;
    let counted = nights.night(NIGHT).await;
    // The form `shop` is not published here.
    assert_eq!((counted.days, counted.responses), (3, 5));
    assert_eq!(nights.watermark("default").await, Some(date(2026, 11, 2)));
}

#[tokio::test]
async fn with_no_time_left_the_next_run_goes_on() {
    let nights = Nights::start().await;
    nights.three_days().await;
    let mut invocation = Invocation::at("short", start());
    invocation.deadline = Some(start() + SignedDuration::from_millis(10));
    let tick = Tick { time: at(NIGHT) };
    let counted = nights.app.handle(tick, &invocation).await.unwrap();
    assert_eq!((counted.days, counted.unfinished), (0, true));
    assert_eq!(invocation.metrics.summary(), "", "no night is complete");
    assert_eq!(nights.watermark("default").await, Some(date(2026, 10, 31)));
    assert_eq!(nights.night(NIGHT).await.responses, 8);
}

#[tokio::test]
async fn a_complete_night_is_counted() {
    let nights = Nights::start().await;
    nights.three_days().await;
    let invocation = Invocation::begin("night");
    let tick = Tick { time: at(NIGHT) };
    let counted = nights.app.handle(tick, &invocation).await.unwrap();
    let of = |counter| invocation.metrics.counted(counter);
    assert_eq!(of(Counter::NightCompleted), 1);
    assert_eq!(of(Counter::NightDays), counted.days);
    assert_eq!(of(Counter::NightResponses), 8);
}

#[tokio::test]
async fn a_recorded_tick_is_read_and_the_counts_come_back() {
    let Nights { aws: _aws, app } = Nights::start().await;
    let event = serde_json::from_str(include_str!("../events/tick.json")).unwrap();
    assert_eq!(
        resound_testing::call(&app.erase(), event, start()).await,
        json!({"days": 11, "responses": 0, "cells": 0, "unfinished": false})
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
