//! Tables of the template in the embedded DynamoDB: made when absent, checked when present.

use std::collections::BTreeSet;

use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

use crate::stack::Table;

/// Why a table is not there as the template wants it.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The engine refused.
    #[error("table {table} cannot be made: {fault}")]
    Refused {
        /// Its name.
        table: String,
        /// What the engine said.
        fault: String,
    },
    /// It exists in another shape.
    #[error(
        "table {table} differs from the template in {what}; move the data folder away to start afresh"
    )]
    Differs {
        /// Its name.
        table: String,
        /// In what.
        what: String,
    },
}

/// Makes a table if it does not exist, with its time to live. Blocks.
///
/// # Errors
/// [`TableError`], if it cannot be made or exists in another shape.
pub fn ensure(database: &Database, table: &Table) -> Result<(), TableError> {
    let refused = |fault: String| TableError::Refused {
        table: table.name.clone(),
        fault,
    };
    let describe = DescribeTableRequest {
        table_name: table.name.clone(),
    };
    match database.describe_table(describe) {
        Ok(found) => {
            let found = serde_json::to_value(&found).map_err(|fault| refused(fault.to_string()))?;
            let found = found.get("Table").unwrap_or(&Value::Null);
            if is_unfinished(database, table, found) {
                let request = DeleteTableRequest {
                    table_name: table.name.clone(),
                };
                database
                    .delete_table(request)
                    .map_err(|fault| refused(fault.to_string()))?;
                create(database, table).map_err(refused)?;
            } else {
                compare(table, found)?;
            }
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            create(database, table).map_err(refused)?;
        }
        Err(fault) => return Err(refused(fault.to_string())),
    }
    let Some(attribute) = &table.ttl_attribute else {
        return Ok(());
    };
    let describe = DescribeTimeToLiveRequest {
        table_name: table.name.clone(),
    };
    let found = database
        .describe_time_to_live(describe)
        .map_err(|fault| refused(fault.to_string()))?;
    if found.time_to_live_description.attribute_name.as_ref() == Some(attribute) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification {
        attribute_name: attribute.clone(),
        enabled: true,
    };
    let request = UpdateTimeToLiveRequest {
        table_name: table.name.clone(),
        time_to_live_specification: specification,
    };
    database
        .update_time_to_live(request)
        .map_err(|fault| refused(fault.to_string()))?;
    Ok(())
}

fn create(database: &Database, table: &Table) -> Result<(), String> {
    let request: CreateTableRequest =
        serde_json::from_value(table.create.clone()).map_err(|fault| fault.to_string())?;
    let made = database.create_table(request);
    made.map(drop).map_err(|fault| fault.to_string())
}

/// Whether a kill interrupted the making of this table. The engine makes it in several steps, its stream last; nothing
/// was written to it before it was whole.
fn is_unfinished(database: &Database, table: &Table, found: &Value) -> bool {
    const STREAM: &str = "/StreamSpecification/StreamViewType";
    if table.create.pointer(STREAM).is_none() || found.pointer(STREAM).is_some() {
        return false;
    }
    let first = json!({"TableName": table.name, "Limit": 1});
    let Ok(request) = serde_json::from_value::<ScanRequest>(first) else {
        return false;
    };
    match database.scan(request) {
        Ok(page) => page.count == 0,
        // What it stands for was not even begun.
        Err(fault) => fault.to_string().contains("no such table"),
    }
}

fn compare(table: &Table, found: &Value) -> Result<(), TableError> {
    let differs = |what: &str| TableError::Differs {
        table: table.name.clone(),
        what: what.to_owned(),
    };
    if keys(&table.create) != keys(found) {
        return Err(differs("its keys"));
    }
    let wanted_view = table.create.pointer("/StreamSpecification/StreamViewType");
    if wanted_view != found.pointer("/StreamSpecification/StreamViewType") {
        return Err(differs("its stream"));
    }
    let (wanted, found) = (indexes(&table.create), indexes(found));
    match wanted.symmetric_difference(&found).next() {
        Some(index) => Err(differs(&format!("the index {}", index.0))),
        None => Ok(()),
    }
}

/// Keys as sorted text: pairs of role and name.
fn keys(of: &Value) -> BTreeSet<(String, String)> {
    let keys = of
        .get("KeySchema")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    keys.map(|key| (text(key, "KeyType"), text(key, "AttributeName")))
        .collect()
}

type IndexShape = (String, BTreeSet<(String, String)>, String, BTreeSet<String>);

fn indexes(of: &Value) -> BTreeSet<IndexShape> {
    let indexes = of
        .get("GlobalSecondaryIndexes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    indexes
        .map(|index| {
            let projection = index.get("Projection").unwrap_or(&Value::Null);
            let included = projection
                .get("NonKeyAttributes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let included = included
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            (
                text(index, "IndexName"),
                keys(index),
                text(projection, "ProjectionType"),
                included,
            )
        })
        .collect()
}

fn text(of: &Value, name: &str) -> String {
    of.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            name: "things".into(),
            create: json!({
                "TableName": "things", "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "PK", "AttributeType": "S"}, {"AttributeName": "SK", "AttributeType": "S"},
                    {"AttributeName": "d", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
                "GlobalSecondaryIndexes": [{"IndexName": "by-d", "KeySchema": [{"AttributeName": "d", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "y"]}}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"},
            }),
            ttl_attribute: Some("expires_at".into()),
        }
    }

    #[test]
    fn a_table_that_a_kill_left_half_made_is_made_again() {
        let database = Database::memory().unwrap();
        let mut half = table();
        half.create["StreamSpecification"] = Value::Null;
        create(&database, &half).unwrap();
        ensure(&database, &table()).unwrap();
        ensure(&database, &table()).unwrap();

        // What holds something was whole once, and is not thrown away.
        let database = Database::memory().unwrap();
        create(&database, &half).unwrap();
        let item = json!({"TableName": "things", "Item": {"PK": {"S": "a"}, "SK": {"S": "b"}}});
        database
            .put_item(serde_json::from_value(item).unwrap())
            .unwrap();
        let fault = ensure(&database, &table()).unwrap_err().to_string();
        assert!(fault.contains("its stream"), "{fault}");
    }

    #[test]
    fn a_table_is_made_once_and_checked_after() {
        let database = Database::memory().unwrap();
        ensure(&database, &table()).unwrap();
        ensure(&database, &table()).unwrap();
        let mut other = table();
        other.create["GlobalSecondaryIndexes"][0]["Projection"]["NonKeyAttributes"] = json!(["x"]);
        let fault = ensure(&database, &other).unwrap_err().to_string();
        assert!(
            fault.contains("differs from the template in the index by-d"),
            "{fault}"
        );
        let mut other = table();
        other.create["StreamSpecification"] = Value::Null;
        assert!(
            ensure(&database, &other)
                .unwrap_err()
                .to_string()
                .contains("its stream")
        );
    }
}
