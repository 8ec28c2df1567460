use futures::future::join_all;
use jiff::civil::{Date, date};
use resound_domain::form::FormId;
use resound_domain::tally::{Counted, Dimension, Tally};
use resound_store::{Cell, Key, Part, StoreError, Watermark, WroteDay};
use serde_json::json;

use crate::support::{DIGEST, Table, now, response_of, t0};

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
    item.insert(
        "nps".to_owned(),
        aws_sdk_dynamodb::types::AttributeValue::N("11".to_owned()),
    );
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
    assert_eq!(
        table.store.write_day(&first, &cells).await.unwrap(),
        WroteDay::Written
    );
    assert_eq!(values(&table, Dimension::Product).await.len(), 3);

    let second = table.store.next_generation(&survey(), DAY).await.unwrap();
    let cells = [
        cell(Dimension::All, "all", 6),
        cell(Dimension::Product, "a#b", 6),
    ];
    for _ in 0..2 {
        assert_eq!(
            table.store.write_day(&second, &cells).await.unwrap(),
            WroteDay::Written
        );
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
    assert_eq!(
        table.store.write_day(&first, &late).await.unwrap(),
        WroteDay::Superseded
    );
    assert_eq!(
        values(&table, Dimension::Product).await,
        [("a#b".to_owned(), 6)]
    );

    let third = table.store.next_generation(&survey(), DAY).await.unwrap();
    assert_eq!(
        table.store.write_day(&third, &[]).await.unwrap(),
        WroteDay::Written
    );
    assert_eq!(values(&table, Dimension::Product).await, []);
}

#[tokio::test]
async fn a_day_of_many_cells_is_written_whole() {
    let table = Table::new().await;
    let generation = table.store.next_generation(&survey(), DAY).await.unwrap();
    let cells: Vec<Cell> = (0..250)
        .map(|n| cell(Dimension::Product, &format!("p{n}"), n))
        .collect();
    assert_eq!(
        table.store.write_day(&generation, &cells).await.unwrap(),
        WroteDay::Written
    );
    assert_eq!(values(&table, Dimension::Product).await.len(), 250);
    assert_eq!(
        table
            .store
            .write_day(&generation, &cells[..3])
            .await
            .unwrap(),
        WroteDay::Written
    );
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
        let _written = table.store.write_day(&generation, &cells).await.unwrap();
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
    let mark = |day, hours| Watermark {
        day,
        as_of: t0() + crate::support::hours(hours),
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
