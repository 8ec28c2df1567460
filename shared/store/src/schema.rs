//! The shape of the table: keys, indexes and shards. The template must agree with it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types as dynamo;
use jiff::Timestamp;
use jiff::civil::Date;
use resound_domain::case::State;
use resound_domain::form::FormId;
use resound_domain::id::{CaseId, ResponseId};

use crate::StoreError;

/// The partition key of the table.
pub const PK: &str = "PK";
/// The sort key of the table.
pub const SK: &str = "SK";

/// A global secondary index. Every key attribute is a string; an item without them is not in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub hash: &'static str,
    /// Its sort key.
    pub range: &'static str,
    /// The attributes copied into it besides the keys; none means `KEYS_ONLY`.
    pub include: &'static [&'static str],
    /// What it answers.
    pub about: &'static str,
}

/// What time will make happen: cases by their next deadline, unsettled events by their next repair.
pub const DUE: Index = Index {
    name: "due",
    hash: "due_shard",
    range: "due_at",
    include: &[],
    about: "cases by the next instant at which time changes them, events by their next repair, and those stuck",
};

/// Responses by local day, for the nightly count and the risk rules. Scores, dimensions, what triage read, and whose.
pub const BY_DAY: Index = Index {
    name: "by-day",
    hash: "day",
    range: "received_at",
    include: &[
        "nps",
        "csat",
        "ces",
        "channel",
        "touchpoint",
        "product",
        "tier",
        "locale",
        "kind",
        "sentiment",
        "customer",
        "category",
    ],
    about: "the responses of a survey's local day, with their scores and dimensions, and what risk rules ask of them",
};

/// The responses of a customer who is known to the sender.
pub const BY_CUSTOMER: Index = Index {
    name: "by-customer",
    hash: "customer",
    range: "received_at",
    include: &[],
    about: "the responses of one known customer",
};

/// The work of staff: cases of one state by what is missed next.
pub const QUEUE: Index = Index {
    name: "queue",
    hash: "queue",
    range: "queue_at",
    include: &["owner", "to_tell"],
    about: "the cases of one state by what is missed next; those with an outcome by when they close or closed",
};

/// Every index.
pub const INDEXES: [Index; 4] = [DUE, BY_DAY, BY_CUSTOMER, QUEUE];

/// Over how many partitions of `due` the cases are spread.
pub const CASE_SHARDS: u8 = 16;
/// Over how many partitions of `due` the unsettled events are spread.
pub const EVENT_SHARDS: u8 = 16;
/// Over how many partitions of `by-day` a day is spread.
pub const DAY_SHARDS: u8 = 4;
/// Over how many partitions of `queue` a state is spread.
pub const QUEUE_SHARDS: u8 = 4;

/// The partition of `due` that holds events nobody tries any more.
pub const STUCK: &str = "stuck";

/// The partition `n` of `due` that holds cases.
pub fn case_shard(n: u8) -> String {
    format!("case#{n}")
}

/// The partition `n` of `due` that holds events.
pub fn event_shard(n: u8) -> String {
    format!("event#{n}")
}

/// The partition `n` of `by-day` that holds the responses of a day.
pub fn day_shard(survey: &FormId, day: Date, n: u8) -> String {
    format!("{survey}#{day}#{n}")
}

/// The partition `n` of `queue` that holds cases in this state.
pub fn queue_shard(state: State, n: u8) -> String {
    format!("{}#{n}", state.name())
}

pub(crate) fn case_shard_of(id: CaseId) -> String {
    case_shard(spread(id.bits(), CASE_SHARDS))
}

pub(crate) fn event_shard_of(id: CaseId) -> String {
    event_shard(spread(id.bits(), EVENT_SHARDS))
}

pub(crate) fn day_shard_of(survey: &FormId, day: Date, id: ResponseId) -> String {
    day_shard(survey, day, spread(id.bits(), DAY_SHARDS))
}

pub(crate) fn queue_shard_of(state: State, id: CaseId) -> String {
    queue_shard(state, spread(id.bits(), QUEUE_SHARDS))
}

/// Ids are hashes, so their remainders are even.
fn spread(bits: u128, shards: u8) -> u8 {
    u8::try_from(bits % u128::from(shards)).unwrap_or(0)
}

/// An instant as indexes sort it: milliseconds since 1970 in 15 digits. Earlier instants count as 1970.
pub(crate) fn millis(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

/// The instant that [`millis`] wrote.
pub(crate) fn from_millis(text: &str) -> Option<Timestamp> {
    if text.len() != 15 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

/// Creates an empty table of this shape, paid per request and without a stream. For tests and tools: a deployed
/// table is created from the template.
///
/// # Errors
/// [`StoreError`], also if there is such a table already.
pub async fn create_table(client: &Client, table: &str) -> Result<(), StoreError> {
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(dynamo::BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(PK, SK)?));
    let mut attributes = vec![PK, SK];
    for index in INDEXES {
        attributes.extend([index.hash, index.range]);
        let projection = if index.include.is_empty() {
            dynamo::Projection::builder().projection_type(dynamo::ProjectionType::KeysOnly)
        } else {
            dynamo::Projection::builder()
                .projection_type(dynamo::ProjectionType::Include)
                .set_non_key_attributes(Some(
                    index.include.iter().map(|&name| name.to_owned()).collect(),
                ))
        };
        request = request.global_secondary_indexes(
            dynamo::GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(key_schema(index.hash, index.range)?))
                .projection(projection.build())
                .build()
                .map_err(|e| StoreError::Rejected(e.into()))?,
        );
    }
    attributes.sort_unstable();
    attributes.dedup();
    for name in attributes {
        request = request.attribute_definitions(
            dynamo::AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(dynamo::ScalarAttributeType::S)
                .build()
                .map_err(|e| StoreError::Rejected(e.into()))?,
        );
    }
    request.send().await.map_err(StoreError::from_sdk)?;
    Ok(())
}

fn key_schema(hash: &str, range: &str) -> Result<Vec<dynamo::KeySchemaElement>, StoreError> {
    [
        (hash, dynamo::KeyType::Hash),
        (range, dynamo::KeyType::Range),
    ]
    .into_iter()
    .map(|(name, kind)| {
        dynamo::KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .map_err(|e| StoreError::Rejected(e.into()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_sort_as_text() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let instants = [
            "1969-12-31T23:59:59Z",
            "2026-11-21T08:00:00.001Z",
            "9999-12-30T00:00:00Z",
        ]
        .map(at);
        let texts = instants.map(millis);
        assert!(texts.is_sorted());
        assert!(texts.iter().all(|text| text.len() == 15));
        assert_eq!(from_millis(&texts[1]), Some(instants[1]));
        for foreign in [
            "",
            "1",
            "-00000000000001",
            "00000000000000x",
            "999999999999999",
        ] {
            assert_eq!(from_millis(foreign), None, "{foreign}");
        }
    }
}
