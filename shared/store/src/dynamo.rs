//! The few requests everything else is made of. Nothing outside this file talks to the SDK.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use futures::future::join_all;

use crate::error::is_throttle;
use crate::key::{Key, RawKey};
use crate::rows::{Rows, Taking};
use crate::schema::{Index, PK, SK};
use crate::{Store, StoreError};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// How often a transaction that met another one, or a batch that was cut short, is sent in all.
const TRIES: u32 = 4;
/// The wait before the second try; it doubles. Short: somebody may be waiting for a receipt.
const FIRST_WAIT: Duration = Duration::from_millis(25);
/// The most items one `BatchGetItem` may ask for.
const BATCH: usize = 100;

/// What came of a conditional write.
pub(crate) enum Written {
    Done,
    /// The condition did not hold; the item as it is, if there is one.
    Refused(Option<Item>),
}

/// What came of a transaction.
pub(crate) enum Transacted {
    Done,
    /// Nothing was written. Where a condition did not hold stands the item as it is, if there is one.
    Refused(Vec<Refusal>),
}

/// One part of a refused transaction.
pub(crate) enum Refusal {
    Held,
    Failed(Option<Item>),
}

/// A conditional change. Attributes are written `#name` in the expressions: most good names are reserved words.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    key: RawKey,
    update: String,
    condition: String,
    values: Item,
}

impl Change {
    /// A change of an existing item. Updates would create one; this one never does.
    pub(crate) fn new(key: &Key, update: impl Into<String>) -> Self {
        Self {
            key: key.encode(),
            update: update.into(),
            condition: "attribute_exists(#PK)".to_owned(),
            values: Item::new(),
        }
    }

    /// Only if this holds too.
    pub(crate) fn only_if(mut self, condition: &str) -> Self {
        self.condition.push_str(" AND ");
        self.condition.push_str(condition);
        self
    }

    /// Goes on with the last clause of the update: `, #name = :name`.
    pub(crate) fn also(mut self, update: &str) -> Self {
        self.update.push_str(update);
        self
    }

    /// The value of a `:name` in the expressions.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    fn names(&self) -> HashMap<String, String> {
        names(&[&self.update, &self.condition])
    }

    fn into_update(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(table)
            .set_expression_attribute_names(Some(self.names()))
            .set_expression_attribute_values(non_empty(self.values))
            .set_key(Some(key_item(&self.key)))
            .update_expression(self.update)
            .condition_expression(self.condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|e| StoreError::Rejected(e.into()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// One part of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// Puts an item where there is none.
    PutNew(Item),
    /// Puts an item in the place of another.
    PutOver(Item),
    /// Puts an item whatever was there. For derived data only.
    Replace(Item),
    /// Changes an item that is there.
    Change(Change),
    /// Deletes an item, if it is there.
    Delete(RawKey),
    /// Writes nothing, but requires that there is no item.
    Absent(RawKey),
    /// Writes nothing, but requires that this holds of the item, whose `:value` is this.
    Check {
        key: Key,
        condition: &'static str,
        value: AttributeValue,
    },
}

impl Part {
    fn build(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let part = TransactWriteItem::builder();
        Ok(match self {
            Self::PutNew(item) => part.put(put_if("attribute_not_exists(#PK)", item, table)?),
            Self::PutOver(item) => part.put(put_if("attribute_exists(#PK)", item, table)?),
            Self::Replace(item) => part.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .build()
                    .map_err(|e| StoreError::Rejected(e.into()))?,
            ),
            Self::Change(change) => return change.into_update(table),
            Self::Delete(key) => part.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&key)))
                    .build()
                    .map_err(|e| StoreError::Rejected(e.into()))?,
            ),
            Self::Absent(key) => part.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&key)))
                    .condition_expression("attribute_not_exists(#PK)")
                    .expression_attribute_names("#PK", PK)
                    .build()
                    .map_err(|e| StoreError::Rejected(e.into()))?,
            ),
            Self::Check {
                key,
                condition,
                value,
            } => part.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key_item(&key.encode())))
                    .condition_expression(condition)
                    .set_expression_attribute_names(Some(names(&[condition])))
                    .expression_attribute_values(":value", value)
                    .build()
                    .map_err(|e| StoreError::Rejected(e.into()))?,
            ),
        }
        .build())
    }
}

fn put_if(condition: &str, item: Item, table: &str) -> Result<Put, StoreError> {
    Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition)
        .expression_attribute_names("#PK", PK)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|e| StoreError::Rejected(e.into()))
}

/// A query of one partition, of the table or of an index.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    index: Option<&'static str>,
    condition: String,
    filter: Option<String>,
    values: Item,
    projection: Option<String>,
    limit: Option<i32>,
    descending: bool,
}

impl Query {
    /// A whole partition of the table, read consistently.
    pub(crate) fn partition(pk: String) -> Self {
        Self::on(None, PK, pk)
    }

    /// A partition of an index. What it tells may be old.
    pub(crate) fn index(index: Index, hash: String) -> Self {
        Self::on(Some(index.name), index.hash, hash)
    }

    fn on(index: Option<&'static str>, hash: &str, value: String) -> Self {
        Self {
            index,
            condition: format!("#{hash} = :hash"),
            filter: None,
            projection: None,
            values: Item::from([(":hash".to_owned(), s(value))]),
            limit: None,
            descending: false,
        }
    }

    /// Only sort keys for which this holds.
    pub(crate) fn range(mut self, condition: &str) -> Self {
        self.condition.push_str(" AND ");
        self.condition.push_str(condition);
        self
    }

    /// Only items for which this holds; those passed over count towards the limit of a page.
    pub(crate) fn filter(mut self, condition: &str) -> Self {
        self.filter = Some(condition.to_owned());
        self
    }

    /// The value of a `:name` in the conditions.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// Only these attributes. They cost the same to read, and less to send.
    pub(crate) fn only(mut self, attributes: &[&str]) -> Self {
        let named = attributes.iter().map(|name| format!("#{name}"));
        self.projection = Some(named.collect::<Vec<_>>().join(", "));
        self
    }

    /// At most so many items a page.
    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(i32::try_from(limit).unwrap_or(i32::MAX));
        self
    }

    /// From the last to the first.
    pub(crate) fn descending(mut self) -> Self {
        self.descending = true;
        self
    }
}

/// One page of a query.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// Where the next page starts; `None` after the last.
    pub(crate) next: Option<Item>,
}

impl Store {
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&key.encode())))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(answer.item)
    }

    /// The items that exist of these, in no order, read consistently.
    pub(crate) async fn get_all(&self, keys: &[RawKey]) -> Result<Vec<Item>, StoreError> {
        // An item that moves within an index may be found at both places; asking for it twice would be refused.
        let unique: Vec<&RawKey> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let batches = join_all(unique.chunks(BATCH).map(|keys| self.get_batch(keys))).await;
        let mut items = Vec::with_capacity(keys.len());
        for batch in batches {
            items.extend(batch?);
        }
        Ok(items)
    }

    async fn get_batch(&self, keys: &[&RawKey]) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut open: Vec<Item> = keys.iter().map(|key| key_item(key)).collect();
        let mut wait = FIRST_WAIT;
        for _ in 0..TRIES {
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut open)))
                .consistent_read(true)
                .build()
                .map_err(|e| StoreError::Rejected(e.into()))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            items.extend(
                answer
                    .responses
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, found)| found),
            );
            open = answer
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_, rest)| rest.keys)
                .collect();
            if open.is_empty() {
                return Ok(items);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Err(StoreError::Throttled(
            "a batch of reads was not finished".into(),
        ))
    }

    pub(crate) async fn query_page(
        &self,
        query: &Query,
        start: Option<Item>,
    ) -> Result<Page, StoreError> {
        let answer = self.query(query, start).send().await;
        let answer = answer.map_err(StoreError::from_sdk)?;
        Ok(Page {
            items: answer.items.unwrap_or_default(),
            next: answer.last_evaluated_key.filter(|key| !key.is_empty()),
        })
    }

    /// One page of a query of `by-day`, as rows that were read from the bytes of the answer, or as items where those hold
    /// anything that only the SDK can judge.
    pub(crate) async fn query_rows(
        &self,
        query: &Query,
        start: Option<Item>,
    ) -> Result<Result<Rows, Page>, StoreError> {
        let taken = Arc::<Mutex<Option<Rows>>>::default();
        let mut request = self.query(query, start).customize();
        if let Some(inner) = self.client.config().http_client() {
            let taken = Arc::clone(&taken);
            let taking = aws_sdk_dynamodb::Config::builder().http_client(Taking { inner, taken });
            request = request.config_override(taking);
        }
        let answer = request.send().await.map_err(StoreError::from_sdk)?;
        let rows = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(rows.ok_or_else(|| Page {
            items: answer.items.unwrap_or_default(),
            next: answer.last_evaluated_key.filter(|key| !key.is_empty()),
        }))
    }

    fn query(&self, query: &Query, start: Option<Item>) -> QueryFluentBuilder {
        let mut named: Vec<&str> = vec![&query.condition];
        named.extend(query.filter.as_deref());
        named.extend(query.projection.as_deref());
        self.client
            .query()
            .table_name(&self.table)
            .set_index_name(query.index.map(str::to_owned))
            .consistent_read(query.index.is_none())
            .set_expression_attribute_names(Some(names(&named)))
            .set_expression_attribute_values(Some(query.values.clone()))
            .key_condition_expression(&query.condition)
            .set_filter_expression(query.filter.clone())
            .set_projection_expression(query.projection.clone())
            .set_limit(query.limit)
            .scan_index_forward(!query.descending)
            .set_exclusive_start_key(start)
    }

    /// Every page of a query.
    pub(crate) async fn query_all(&self, query: &Query) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self.query_page(query, start).await?;
            items.extend(page.items);
            if page.next.is_none() {
                return Ok(items);
            }
            start = page.next;
        }
    }

    /// Puts an item where there is none.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub(crate) async fn put_new(&self, item: Item) -> Result<Written, StoreError> {
        let answer = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#PK)")
            .expression_attribute_names("#PK", PK)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::Refused(failed.item().cloned()))
                }
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }

    /// Changes an item that is there.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub(crate) async fn change(&self, change: Change) -> Result<Written, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&change.key)))
            .set_expression_attribute_names(Some(change.names()))
            .set_expression_attribute_values(non_empty(change.values))
            .update_expression(change.update)
            .condition_expression(change.condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::Refused(failed.item().cloned()))
                }
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }

    /// Deletes an item if `attribute` still has this value, and tells whether it had.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub(crate) async fn delete_if(
        &self,
        key: &Key,
        attribute: &'static str,
        seen: AttributeValue,
    ) -> Result<bool, StoreError> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&key.encode())))
            .condition_expression("#attribute = :seen")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":seen", seen)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }

    /// Adds one to a number of an item that is there; what it is then, or `None` if there is no such item. After a lost
    /// answer it may have been added more than once.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub(crate) async fn increment(
        &self,
        key: &Key,
        attribute: &'static str,
    ) -> Result<Option<u64>, StoreError> {
        let change = Change::new(key, format!("SET #{attribute} = #{attribute} + :one"));
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_item(&change.key)))
            .set_expression_attribute_names(Some(change.names()))
            .expression_attribute_values(":one", n(1_u64))
            .update_expression(change.update)
            .condition_expression(change.condition)
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let updated = match answer {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => return Ok(None),
                _ => return Err(StoreError::from_sdk(error)),
            },
        };
        let number = updated.get(attribute).and_then(|value| value.as_n().ok());
        let number = number.and_then(|number| number.parse().ok());
        number
            .map(Some)
            .ok_or_else(|| StoreError::corrupt(key.encode(), "it counts with no number"))
    }

    /// All of it or nothing. A transaction that met another one, or a throttle, is sent again a few times: that
    /// says nothing about our conditions.
    #[expect(clippy::disallowed_methods, reason = "this is the store")]
    pub(crate) async fn transact(&self, parts: Vec<Part>) -> Result<Transacted, StoreError> {
        let parts = parts
            .into_iter()
            .map(|part| part.build(&self.table))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let mut wait = FIRST_WAIT;
        for tried in 1.. {
            let answer = self
                .client
                .transact_write_items()
                .set_transact_items(Some(parts.clone()))
                .send()
                .await;
            let error = match answer {
                Ok(_) => return Ok(Transacted::Done),
                Err(error) => error,
            };
            if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
                error.as_service_error()
            {
                let reasons = canceled.cancellation_reasons();
                if reasons
                    .iter()
                    .any(|r| r.code() == Some("ConditionalCheckFailed"))
                {
                    return Ok(Transacted::Refused(
                        reasons
                            .iter()
                            .map(|reason| match reason.code() {
                                Some("ConditionalCheckFailed") => {
                                    Refusal::Failed(reason.item().cloned())
                                }
                                _ => Refusal::Held,
                            })
                            .collect(),
                    ));
                }
                // A lasting reason (an item too large) beside a passing one stays lasting.
                let mut real = reasons
                    .iter()
                    .filter_map(|r| r.code())
                    .filter(|&code| code != "None")
                    .peekable();
                let passing = real.peek().is_some() && real.all(is_throttle);
                if !passing {
                    return Err(StoreError::Rejected(error.into()));
                }
                if tried >= TRIES {
                    return Err(StoreError::Throttled(error.into()));
                }
            } else {
                let error = StoreError::from_sdk(error);
                if !matches!(error, StoreError::Throttled(_)) || tried >= TRIES {
                    return Err(error);
                }
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Err(StoreError::rejected("a transaction without an end"))
    }
}

/// A string attribute.
pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub(crate) fn n(number: impl Into<u64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// The primary key found in an item or in an entry of an index.
pub(crate) fn key_of(item: &Item) -> RawKey {
    let text = |name: &str| {
        item.get(name)
            .and_then(|v| v.as_s().ok())
            .cloned()
            .unwrap_or_default()
    };
    RawKey {
        pk: text(PK),
        sk: text(SK),
    }
}

pub(crate) fn key_item(key: &RawKey) -> Item {
    Item::from([(PK.to_owned(), s(&key.pk)), (SK.to_owned(), s(&key.sk))])
}

fn non_empty(values: Item) -> Option<Item> {
    (!values.is_empty()).then_some(values)
}

/// The attribute names behind every `#name` in these expressions.
fn names(expressions: &[&str]) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for expression in expressions {
        for piece in expression.split('#').skip(1) {
            let end = piece
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(piece.len());
            if let Some(name) = piece.get(..end) {
                found.insert(format!("#{name}"), name.to_owned());
            }
        }
    }
    found
}
