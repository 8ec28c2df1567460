//! Our side: the deployed handler over pages of the index, and the two ways to read such pages.

use std::io::Write;
use std::time::Instant;

use aggregate_nps::{App, Config};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::{Database, ImportOptions, Item};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use resound_domain::form::FormId;
use resound_domain::locale::Locale;
use resound_domain::score::{Ces, Csat, Nps, Scores};
use resound_domain::submission::{Channel, Tier};
use resound_domain::tally::{Counted, Cut};
use resound_domain::triage::Category;
use resound_lambda_kit::aws::{Clients, Retries, Settings, connector};
use resound_lambda_kit::config::Vars;
use resound_lambda_kit::{Fault, Function, Invocation};
use resound_messages::Tick;
use resound_store::{Store, Watermark};
use resound_sweep::machine;
use serde::{Deserialize, Serialize};

use crate::rows::{DAY, Rows, SHARDS};
use crate::{TABLE, survey};

/// What a run took. Python prints the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Took {
    /// Seconds on the wall.
    pub wall: f64,
    /// Seconds on processors.
    pub cpu: f64,
    /// The most memory that was resident, in KiB: of the whole process.
    pub peak_kib: u64,
}

/// How pages are read, to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Every attribute value made by the SDK, then a struct of them.
    Sdk,
    /// The same, of the attributes only that are counted.
    SdkProjected,
    /// As the store does it.
    Store,
}

/// Begins to measure; one thread does all the work, as in Lambda.
struct Watch {
    began: Instant,
    cpu: Option<std::time::Duration>,
}

impl Watch {
    fn start() -> Self {
        Self {
            cpu: machine::thread_time(),
            began: Instant::now(),
        }
    }

    fn stop(self) -> Took {
        let wall = self.began.elapsed().as_secs_f64();
        let cpu = machine::thread_time().zip(self.cpu);
        Took {
            wall,
            cpu: cpu.map_or(f64::NAN, |(after, before)| {
                after.saturating_sub(before).as_secs_f64()
            }),
            peak_kib: machine::peak_kib().unwrap_or_default(),
        }
    }
}

/// Lets the deployed handler count the day: the rows come from `pages`, everything else is in the table at `table`.
/// The cells, read back from it, go to `cells`, a line each.
///
/// # Errors
/// [`Fault`] if the handler or the table fails.
pub fn count(pages: &str, table: &str, cells: &mut impl Write) -> Result<Took, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let settings = Settings::emulator(table);
    let split = SharedHttpConnector::new(Split {
        inner: connector(),
        pages: pages.to_owned(),
    });
    let clients = Clients::with(&settings, split, Retries::Standard);
    let config = Vars::from_pairs([("TABLE_NAME", TABLE), ("TIME_ZONE", "UTC")]);
    let app = App::new(config.read(Config::read)?, &clients);
    let store = Store::new(clients.dynamodb.clone(), TABLE);
    let night = DAY
        .tomorrow()?
        .at(2, 0, 0, 0)
        .to_zoned(TimeZone::UTC)?
        .timestamp();
    let yesterday = Watermark {
        day: DAY.checked_sub(1.day())?,
        as_of: night,
    };
    runtime.block_on(store.advance_watermark(&survey(), yesterday))?;

    let watch = Watch::start();
    let invocation = Invocation::at("night", night);
    runtime.block_on(app.handle(Tick { time: night }, &invocation))?;
    let took = watch.stop();

    let mut lines = Vec::new();
    for cut in Cut::every() {
        for one in runtime.block_on(store.tallies(&survey(), DAY, DAY, cut))? {
            let (value, tally) = (one.cell.value.as_str(), &one.cell.tally);
            lines.push(line(
                cut,
                value,
                tally.responses,
                &tally.nps,
                &tally.csat,
                &tally.ces,
            ));
        }
    }
    lines.sort_unstable();
    for line in lines {
        writeln!(cells, "{line}")?;
    }
    Ok(took)
}

/// Puts the rows into a table, past its HTTP door.
///
/// # Errors
/// [`Fault`] if the table does not take them.
pub fn fill(database: &Database, rows: Rows) -> Result<(), Fault> {
    database.enable_bulk_loading()?;
    for first in (0..rows.count).step_by(BATCH) {
        let end = rows.count.min(first.saturating_add(u32::try_from(BATCH)?));
        let items = (first..end).map(|number| {
            let mut json = String::new();
            rows.row(number).append_json(None, &mut json);
            serde_json::from_str(&json)
        });
        let items = items.collect::<Result<Vec<Item>, _>>()?;
        database.import_items(TABLE, items, ImportOptions::default())?;
    }
    Ok(database.disable_bulk_loading()?)
}

/// Rows that are written in one transaction of the engine.
const BATCH: usize = 20_000;

/// A cell as everybody who counts writes it.
pub fn line(
    cut: Cut,
    value: &str,
    responses: u64,
    nps: &[u64],
    csat: &[u64],
    ces: &[u64],
) -> String {
    let counts = [nps, csat, ces].concat();
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    format!("{}\t{value}\t{responses}\t{}", cut.name(), counts.join(","))
}

/// Reads every page of the day and adds up nothing but who answered.
///
/// # Errors
/// [`Fault`] if a page cannot be had or read.
pub fn read(pages: &str, reader: Reader) -> Result<(Took, u64), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let clients = Clients::new(&Settings::emulator(pages));
    let watch = Watch::start();
    let mut answers = 0;
    let mut each = |row: Counted| answers += u64::from(row.scores.nps.is_some());
    match reader {
        Reader::Store => {
            let store = Store::new(clients.dynamodb.clone(), TABLE);
            let unreadable = runtime.block_on(store.day_scores(&survey(), DAY, &mut each))?;
            if let Some(error) = unreadable.into_iter().next() {
                return Err(error.into());
            }
        }
        Reader::Sdk | Reader::SdkProjected => {
            let only = reader == Reader::SdkProjected;
            for shard in 0..SHARDS {
                let shard = format!("{}#{DAY}#{shard}", FormId::DEFAULT);
                let read = through_the_sdk(&clients.dynamodb, &shard, only, &mut each);
                runtime.block_on(read)?;
            }
        }
    }
    Ok((watch.stop(), answers))
}

/// As the store read a shard before it read bytes.
async fn through_the_sdk(
    client: &aws_sdk_dynamodb::Client,
    shard: &str,
    only: bool,
    each: &mut impl FnMut(Counted),
) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Row {
        nps: Option<Nps>,
        csat: Option<Csat>,
        ces: Option<Ces>,
        channel: Channel,
        touchpoint: Option<String>,
        product: Option<String>,
        tier: Option<Tier>,
        locale: Locale,
        category: Option<Category>,
    }
    let counted = [
        "nps",
        "csat",
        "ces",
        "channel",
        "touchpoint",
        "product",
        "tier",
        "locale",
        "category",
    ];
    let names = counted.map(|name| format!("#{name}"));
    let mut start = None;
    loop {
        let mut query = client.query();
        if only {
            query = query.projection_expression(names.join(", "));
            for (placeholder, name) in names.iter().zip(counted) {
                query = query.expression_attribute_names(placeholder, name);
            }
        }
        let page = query
            .table_name(TABLE)
            .index_name("by-day")
            .key_condition_expression("#day = :hash")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":hash", AttributeValue::S(shard.to_owned()))
            .limit(4000)
            .set_exclusive_start_key(start)
            .send()
            .await?;
        for item in page.items.unwrap_or_default() {
            let row: Row = serde_dynamo::from_item(item)?;
            each(Counted {
                scores: Scores {
                    nps: row.nps,
                    csat: row.csat,
                    ces: row.ces,
                },
                channel: row.channel,
                touchpoint: row.touchpoint,
                product: row.product,
                tier: row.tier,
                locale: row.locale,
                category: row.category,
            });
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(());
        }
    }
}

/// Asks the stand-in for pages of the index, and the table for everything else.
#[derive(Debug)]
struct Split {
    inner: SharedHttpConnector,
    pages: String,
}

impl HttpConnector for Split {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let of_the_index = body.windows(8).any(|name| name == b"\"by-day\"");
        if target.ends_with(".Query") && of_the_index {
            // An address of ours; the table would refuse to answer for it.
            drop(request.set_uri(self.pages.as_str()));
        }
        self.inner.call(request)
    }
}
