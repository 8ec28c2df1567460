//! A small day, so that the program cannot rot. Only cells are asserted.

use std::collections::BTreeMap;
use std::sync::Arc;

use resound_domain::tally::{Cut, Tally};
use resound_emulator::{AwsPort, Data};
use resound_lambda_kit::aws::{Clients, Settings};
use resound_night::ours::{self, Reader};
use resound_night::pages::Pages;
use resound_night::rows::Rows;
use resound_night::{TABLE, ours::line};
use resound_store::schema;

/// Every cell, counted one by one.
fn expected(rows: Rows) -> Vec<String> {
    let mut cells = BTreeMap::<(Cut, String), Tally>::new();
    for number in 0..rows.count {
        let counted = rows.row(number).counted;
        for (cut, value) in counted.cells() {
            let cell = cells.entry((cut, value.into_owned())).or_default();
            cell.add(counted.scores);
        }
    }
    let mut lines: Vec<String> = cells
        .iter()
        .map(|((cut, value), t)| line(*cut, value, t.responses, &t.nps, &t.csat, &t.ces))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn the_night_finds_every_cell() {
    // More than a page of each shard.
    let rows = Rows {
        seed: 3,
        count: 17_003,
    };
    let pages = Pages::start(rows).unwrap();
    let clock = Arc::new(|| jiff::Timestamp::UNIX_EPOCH);
    let port = AwsPort::start_anywhere(&Data::Memory, clock).unwrap();
    let table = port.dynamo().url();
    let clients = Clients::new(&Settings::emulator(table));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(schema::create_table(&clients.dynamodb, TABLE))
        .unwrap();
    let mut found = Vec::new();
    ours::count(&pages.url, table, &mut found).unwrap();
    let found = String::from_utf8(found).unwrap();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected(rows));

    let numbers = 0..rows.count;
    let answers = numbers.filter(|n| rows.row(*n).counted.scores.nps.is_some());
    let answers = answers.count() as u64;
    for reader in [Reader::Sdk, Reader::SdkProjected, Reader::Store] {
        assert_eq!(ours::read(&pages.url, reader).unwrap().1, answers);
    }
}

/// What a day costs on DynamoDB is what its rows weigh in the index: half a read unit for each 4 KB of a page, which ends
/// after as many responses as the store asks for or at 1 MB.
#[test]
fn a_million_responses_are_so_many_read_units() {
    const SAMPLE: u32 = 100_000;
    const LIMIT: usize = 4000;
    let rows = Rows {
        seed: 7,
        count: SAMPLE,
    };
    let weigh = |n| rows.row(n).append_json(None, &mut String::new());
    let bytes = (0..SAMPLE).map(weigh).sum::<usize>() / SAMPLE as usize;
    let a_page = LIMIT.min(1024 * 1024 / bytes);
    let pages = 1_000_000_usize.div_ceil(a_page);
    let units = pages * (a_page * bytes).div_ceil(4096) / 2;
    assert_eq!((bytes, pages, units), (214, 250, 26_125));
}
