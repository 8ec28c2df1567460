use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use resound_domain::form::FormId;
use resound_domain::tally::{Cause, Counted, Cut, Dimension, Tally};
use resound_store::{
    Cell, Correction, Counting, DirtyDay, Generation, Key, Part, RawKey, StoreError, Watermark,
    WroteDay,
};
use serde_json::json;

use crate::support::{DIGEST, Table, counting, hours, now, response_of, t0};

fn survey() -> FormId {
    FormId::default_form()
}

const DAY: Date = date(2026, 11, 21);

fn cell(dimension: Dimension, value: &str, responses: u64) -> Cell {
    let tally = Tally {
        responses,
        ..Tally::default()
    };
    Cell {
        cut: dimension.into(),
        value: Part::new(value).unwrap(),
        tally,
    }
}

async fn values(table: &Table, dimension: Dimension) -> Vec<(String, u64)> {
    let cells = table
        .store
        .tallies(&survey(), DAY, DAY, dimension)
        .await
        .unwrap();
    cells
        .into_iter()
        .map(|d| (d.cell.value.into_string(), d.cell.tally.responses))
        .collect()
}

async fn write(table: &Table, generation: &Generation, cells: &[Cell]) -> WroteDay {
    let run = counting();
    let wrote = table.store.write_day(generation, cells, &run);
    wrote.await.unwrap()
}

/// Counts a day as one run does.
async fn count(table: &Table, cells: &[Cell], run: &Counting<'_>) -> WroteDay {
    let generation = table.store.next_generation(&survey(), DAY).await.unwrap();
    let wrote = table.store.write_day(&generation, cells, run);
    wrote.await.unwrap()
}

const fn written(cells: usize) -> WroteDay {
    WroteDay::Written {
        cells,
        corrected: false,
    }
}

const fn corrected(cells: usize) -> WroteDay {
    WroteDay::Written {
        cells,
        corrected: true,
    }
}

async fn complete(table: &Table, day: Date) {
    let to = Watermark { day, as_of: t0() };
    let survey = survey();
    let advanced = table.store.advance_watermark(&survey, to);
    advanced.await.unwrap();
}

/// Everything of the survey but the generations of runs.
async fn items(table: &Table) -> Vec<HashMap<String, AttributeValue>> {
    let items = table.partition("TALLY#default").await.into_iter();
    items
        .filter(|item| !item["SK"].as_s().unwrap().starts_with("RUN#"))
        .collect()
}

fn marked(causes: &[Cause], hour: i64) -> Counting<'static> {
    Counting {
        as_of: t0() + hours(hour),
        marked: causes.iter().copied().collect(),
        ..counting()
    }
}

#[tokio::test]
async fn who_counts_the_same_writes_nothing() {
    let table = Table::new().await;
    let cells = [
        cell(Dimension::All, "all", 5),
        cell(Dimension::Channel, "web", 5),
    ];
    assert_eq!(count(&table, &cells, &counting()).await, written(2));
    let before = items(&table).await;
    let later = marked(&[Cause::Replay], 24);
    assert_eq!(count(&table, &cells, &later).await, written(0));
    assert_eq!(items(&table).await, before);
    // Lost and counted again, they are what they were, though another run wrote them later.
    for item in &before {
        let [pk, sk] = ["PK", "SK"].map(|name| item[name].as_s().unwrap().clone());
        table
            .remove(&Key::decode(&RawKey { pk, sk }).unwrap())
            .await;
    }
    assert_eq!(count(&table, &cells, &later).await, written(2));
    assert_eq!(items(&table).await, before);

    let moved = Counting {
        zone: "Europe/Berlin",
        ..later
    };
    assert_eq!(count(&table, &cells, &moved).await, written(2));
    assert_eq!(
        table.store.corrections(&survey(), DAY, DAY).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn a_complete_day_that_comes_out_differently_is_corrected_once() {
    use Dimension::{All, Channel};
    let table = Table::new().await;
    let cells = |n| [cell(All, "all", n), cell(Channel, "web", n)];
    assert_eq!(count(&table, &cells(5), &counting()).await, written(2));
    // Not complete yet: nobody was told.
    complete(&table, DAY.yesterday().unwrap()).await;
    assert_eq!(count(&table, &cells(6), &counting()).await, written(2));
    complete(&table, DAY).await;

    let (erased, edited) = ([Cause::Erasure, Cause::Replay], [Cause::Edit]);
    assert_eq!(
        count(&table, &cells(4), &marked(&erased, 1)).await,
        corrected(2)
    );
    assert_eq!(
        count(&table, &cells(4), &marked(&erased, 2)).await,
        written(0)
    );
    // The channel alone is no correction of the day.
    let moved = [cell(All, "all", 4), cell(Channel, "app", 4)];
    assert_eq!(count(&table, &moved, &marked(&edited, 3)).await, written(2));
    assert_eq!(count(&table, &[], &marked(&[], 4)).await, corrected(2));
    let found = table.store.corrections(&survey(), DAY, DAY).await.unwrap();
    let tally = |responses| Tally {
        responses,
        ..Tally::default()
    };
    let correction = |number, was, is, why: &[Cause], hour| Correction {
        day: DAY,
        number,
        was: tally(was),
        is: tally(is),
        why: why.iter().copied().collect(),
        as_of: t0() + hours(hour),
    };
    assert_eq!(
        found,
        [
            correction(1, 6, 4, &erased, 1),
            correction(2, 4, 0, &[Cause::Lag], 4),
        ]
    );
    for (from, to, n) in [
        (19, 20, 0),
        (20, 21, 2),
        (21, 30, 2),
        (22, 30, 0),
        (22, 20, 0),
    ] {
        let (from, to) = (date(2026, 11, from), date(2026, 11, to));
        let found = table.store.corrections(&survey(), from, to).await.unwrap();
        assert_eq!(found.len(), n, "{from} to {to}");
    }
}

#[tokio::test]
async fn other_rules_of_counting_are_a_reason() {
    let table = Table::new().await;
    let cells = |n| [cell(Dimension::All, "all", n)];
    assert_eq!(count(&table, &cells(5), &counting()).await, written(1));
    complete(&table, DAY).await;
    let key = Key::Tally {
        survey: survey(),
        day: DAY,
        cut: Cut::ALL,
        value: Part::new("all").unwrap(),
    };
    let all = || async { table.raw(&key).await.unwrap() };
    let mut old = all().await;
    old.insert("method".to_owned(), AttributeValue::N("0".to_owned()));
    table.plant(old.clone()).await;
    assert_eq!(
        count(&table, &cells(5), &counting()).await,
        written(1),
        "the same counts"
    );
    table.plant(old).await;
    assert_eq!(
        count(&table, &cells(7), &marked(&[Cause::Replay], 1)).await,
        corrected(1)
    );
    let found = table.store.corrections(&survey(), DAY, DAY).await.unwrap();
    let why: Vec<_> = found[0].why.iter().copied().collect();
    assert_eq!(why, [Cause::Replay, Cause::Rules]);

    // As the first version wrote it.
    let mut first = all().await;
    for name in ["method", "zone"] {
        first.remove(name);
    }
    first.insert("generation".to_owned(), AttributeValue::N("3".to_owned()));
    table.plant(first).await;
    assert_eq!(count(&table, &cells(7), &counting()).await, written(1));
    assert!(!all().await.contains_key("generation"));
}

#[tokio::test]
async fn a_correction_goes_with_its_day_however_many_cells_that_has() {
    let table = Table::new().await;
    let products =
        |n| (0..300).map(move |product| cell(Dimension::Product, &format!("{product:03}"), n));
    let cells = |n| {
        products(n)
            .chain([cell(Dimension::All, "all", 300 * n)])
            .collect::<Vec<_>>()
    };
    assert_eq!(count(&table, &cells(1), &counting()).await, written(301));
    complete(&table, DAY).await;
    assert_eq!(count(&table, &cells(2), &counting()).await, corrected(301));
    let found = table.store.corrections(&survey(), DAY, DAY).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn a_mark_is_cleared_unless_it_was_set_again() {
    let table = Table::new().await;
    let store = &table.store;
    let response = response_of(1, json!({"nps": 9}));
    let _new = store.accept(&response, &DIGEST, None, now()).await.unwrap();
    let _buried = store.bury(response.id, now()).await.unwrap();
    let days: Vec<Date> = (1..=25).map(|day| date(2026, 11, day)).collect();
    let survey = survey();
    let marked = store.mark_days(&survey, &days, Cause::Replay, now());
    marked.await.unwrap();

    let marks = store.dirty_days(&survey).await.unwrap();
    assert_eq!(marks.len(), 26);
    assert!(marks.is_sorted());
    let of_day: Vec<_> = marks.iter().filter(|mark| mark.day == DAY).collect();
    let causes: Vec<_> = of_day.iter().map(|mark| mark.cause).collect();
    assert_eq!(causes, [Cause::Erasure, Cause::Replay]);
    let [erasure, replay] = of_day[..] else {
        panic!()
    };
    let seen =
        |mark: &DirtyDay, minutes| mark.is_seen_at(now() + SignedDuration::from_mins(minutes));
    assert!(!seen(erasure, 14) && seen(erasure, 15), "the index lags");
    assert!(seen(replay, 0), "nothing was written");

    let again = response_of(2, json!({"nps": 9}));
    let _new = store.accept(&again, &DIGEST, None, now()).await.unwrap();
    let _buried = store.bury(again.id, now() + hours(1)).await.unwrap();
    store.clear(&survey, erasure).await.unwrap();
    for _ in 0..2 {
        store.clear(&survey, replay).await.unwrap();
    }
    let left = store.dirty_days(&survey).await.unwrap();
    assert_eq!(left.len(), 25);
    let left: Vec<_> = left.iter().filter(|mark| mark.day == DAY).collect();
    let later = DirtyDay {
        marked_at: now() + hours(1),
        ..*erasure
    };
    assert_eq!(left, [&later]);
}

#[tokio::test]
async fn marks_of_a_newer_version_are_left_to_it() {
    let table = Table::new().await;
    table
        .store
        .mark_days(&survey(), &[DAY], Cause::Replay, now())
        .await
        .unwrap();
    let mut mark = table.partition("DIRTY#default").await.remove(0);
    mark.insert(
        "SK".to_owned(),
        AttributeValue::S("DAY#2026-11-21#solar_flare".to_owned()),
    );
    table.plant(mark.clone()).await;
    mark.insert(
        "SK".to_owned(),
        AttributeValue::S("DAY#2026-11-21#edit".to_owned()),
    );
    mark.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    table.plant(mark).await;
    let marks = table.store.dirty_days(&survey()).await.unwrap();
    let causes: Vec<_> = marks.iter().map(|mark| mark.cause).collect();
    assert_eq!(causes, [Cause::Replay]);
}

#[tokio::test]
async fn every_response_of_a_day_is_handed_over_once() {
    let table = Table::new().await;
    let mut expected = Tally::default();
    for bits in 0..200u128 {
        let mut body =
            json!({"nps": bits % 11, "tier": "gold", "touchpoint": "checkout", "product": "锅"});
        if bits % 3 == 0 {
            body.as_object_mut().unwrap().remove("nps");
            body["csat"] = json!(4);
        }
        let mut response = response_of(bits, body);
        if bits % 10 == 0 {
            response.day = date(2026, 11, 20);
        } else {
            expected.add(Counted::of(&response).scores);
        }
        let _new = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap();
    }
    let mut tally = Tally::default();
    let corrupt = table
        .store
        .day_scores(&survey(), DAY, |counted| {
            assert_eq!(counted.product.as_deref(), Some("锅"));
            assert_eq!(counted.touchpoint.as_deref(), Some("checkout"));
            tally.add(counted.scores);
        })
        .await
        .unwrap();
    assert!(corrupt.is_empty());
    assert_eq!(tally, expected);
    assert_eq!(tally.responses, 180);
}

#[tokio::test]
async fn a_row_says_what_its_response_says() {
    let table = Table::new().await;
    for (bits, body) in [
        json!({"nps": 0}),
        json!({"csat": 1, "ces": 7, "channel": "store", "locale": "en"}),
        json!({"text": "物流太慢", "tier": "platinum", "product": "a#b"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut response = response_of(bits as u128, body);
        response.day = date(2026, 12, 1 + i8::try_from(bits).unwrap());
        let _new = table
            .store
            .accept(&response, &DIGEST, None, now())
            .await
            .unwrap();
        let mut rows = Vec::new();
        let corrupt = table
            .store
            .day_scores(&survey(), response.day, |row| rows.push(row))
            .await
            .unwrap();
        assert!(corrupt.is_empty(), "{corrupt:?}");
        assert_eq!(rows, [Counted::of(&response)]);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_costs_the_others_nothing() {
    let table = Table::new().await;
    for bits in 0..3 {
        let _new = table
            .store
            .accept(&response_of(bits, json!({"nps": 9})), &DIGEST, None, now())
            .await
            .unwrap();
    }
    let bad = response_of(1, json!({"nps": 9}));
    let mut item = table.raw(&Key::Response(bad.id)).await.unwrap();
    item.insert("nps".to_owned(), AttributeValue::N("11".to_owned()));
    table.plant(item).await;
    let mut n = 0;
    let corrupt = table
        .store
        .day_scores(&survey(), DAY, |_| n += 1)
        .await
        .unwrap();
    assert_eq!(n, 2);
    assert!(
        matches!(&corrupt[..], [StoreError::Corrupt { key, .. }] if *key == Key::Response(bad.id).encode())
    );
}

#[tokio::test]
async fn a_day_has_the_cells_of_its_last_run_and_no_others() {
    let table = Table::new().await;
    let first = table.store.next_generation(&survey(), DAY).await.unwrap();
    let cells = [
        cell(Dimension::All, "all", 5),
        cell(Dimension::Product, "a#b", 2),
        cell(Dimension::Product, "锅", 2),
        cell(Dimension::Product, "", 1),
    ];
    assert_eq!(write(&table, &first, &cells).await, written(4));
    assert_eq!(values(&table, Dimension::Product).await.len(), 3);

    let second = table.store.next_generation(&survey(), DAY).await.unwrap();
    let cells = [
        cell(Dimension::All, "all", 6),
        cell(Dimension::Product, "a#b", 6),
    ];
    // The whole, one product more often, two no more; then nothing that differs.
    for changes in [4, 0] {
        assert_eq!(write(&table, &second, &cells).await, written(changes));
        assert_eq!(
            values(&table, Dimension::All).await,
            [("all".to_owned(), 6)]
        );
        assert_eq!(
            values(&table, Dimension::Product).await,
            [("a#b".to_owned(), 6)]
        );
    }
    // The slow first run wakes up.
    let late = [cell(Dimension::Product, "锅", 9)];
    assert_eq!(write(&table, &first, &late).await, WroteDay::Superseded);
    assert_eq!(
        values(&table, Dimension::Product).await,
        [("a#b".to_owned(), 6)]
    );

    let third = table.store.next_generation(&survey(), DAY).await.unwrap();
    assert_eq!(write(&table, &third, &[]).await, written(2));
    assert_eq!(values(&table, Dimension::Product).await, []);
}

#[tokio::test]
async fn a_day_of_many_cells_is_written_whole() {
    let table = Table::new().await;
    let generation = table.store.next_generation(&survey(), DAY).await.unwrap();
    let cells: Vec<Cell> = (0..250)
        .map(|n| cell(Dimension::Product, &format!("p{n}"), n))
        .collect();
    assert_eq!(write(&table, &generation, &cells).await, written(250));
    assert_eq!(values(&table, Dimension::Product).await.len(), 250);
    assert_eq!(write(&table, &generation, &cells[..3]).await, written(247));
    assert_eq!(values(&table, Dimension::Product).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_runs_share_a_generation() {
    let table = Table::new().await;
    let survey = survey();
    let taken = join_all((0..6).map(|_| table.store.next_generation(&survey, DAY))).await;
    let taken: Vec<_> = taken.into_iter().map(Result::unwrap).collect();
    for (i, one) in taken.iter().enumerate() {
        assert!(!taken[i + 1..].contains(one));
    }
}

#[tokio::test]
async fn tallies_answer_for_a_span_of_days() {
    let table = Table::new().await;
    for day in 18..=24 {
        let day = date(2026, 11, day);
        let generation = table.store.next_generation(&survey(), day).await.unwrap();
        let n = u64::try_from(day.day()).unwrap();
        let cells = [
            cell(Dimension::All, "all", n),
            cell(Dimension::Channel, "web", n),
        ];
        let _written = write(&table, &generation, &cells).await;
    }
    let span = |from, to| (date(2026, 11, from), date(2026, 11, to));
    for ((from, to), expected) in [
        (span(19, 21), 3),
        (span(20, 20), 1),
        (span(1, 30), 7),
        (span(21, 20), 0),
        (span(25, 30), 0),
    ] {
        let cells = table
            .store
            .tallies(&survey(), from, to, Dimension::Channel)
            .await
            .unwrap();
        assert_eq!(cells.len(), expected, "{from} to {to}");
        assert!(cells.is_sorted_by_key(|c| c.day));
        assert!(
            cells
                .iter()
                .all(|c| c.cell.value.as_str() == "web" && (from..=to).contains(&c.day))
        );
    }
    let other: FormId = "other".parse().unwrap();
    let (from, to) = span(1, 30);
    assert_eq!(
        table
            .store
            .tallies(&other, from, to, Dimension::All)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn the_watermark_only_moves_forward() {
    let table = Table::new().await;
    assert_eq!(table.store.watermark(&survey()).await.unwrap(), None);
    let mark = |day, hour| Watermark {
        day,
        as_of: t0() + hours(hour),
    };
    for (to, expected) in [
        (mark(DAY, 1), mark(DAY, 1)),
        (mark(DAY, 2), mark(DAY, 2)),
        (mark(DAY, 1), mark(DAY, 2)),
        (mark(date(2026, 11, 3), 9), mark(DAY, 2)),
        (mark(date(2026, 11, 22), 24), mark(date(2026, 11, 22), 24)),
    ] {
        table.store.advance_watermark(&survey(), to).await.unwrap();
        assert_eq!(
            table.store.watermark(&survey()).await.unwrap(),
            Some(expected)
        );
    }
}
