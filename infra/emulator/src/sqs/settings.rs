//! The attributes of a queue that can be set.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::SqsError;
use super::message::MESSAGE_LIMIT;
use crate::ACCOUNT;
use crate::REGION;

/// What a queue does, as set by its owner. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) visibility: i64,
    pub(super) delay: i64,
    pub(super) retention: i64,
    pub(super) wait: i64,
    pub(super) max_size: usize,
    pub(super) redrive: Option<Redrive>,
    /// Accepted and given back, without effect here.
    inert: BTreeMap<String, String>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redrive {
    /// The name of the dead-letter queue.
    pub(super) target: String,
    /// A message received this often is not given out again.
    pub(super) max_receives: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            visibility: 30,
            delay: 0,
            retention: 345_600,
            wait: 0,
            max_size: MESSAGE_LIMIT,
            redrive: None,
            inert: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// These settings with some attributes set anew.
    pub(super) fn with(&self, attributes: &BTreeMap<String, String>) -> Result<Self, SqsError> {
        let mut settings = self.clone();
        for (name, value) in attributes {
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SqsError> {
        match name {
            "VisibilityTimeout" => self.visibility = number(name, value, 0, 43_200)?,
            "DelaySeconds" => self.delay = number(name, value, 0, 900)?,
            "MessageRetentionPeriod" => self.retention = number(name, value, 60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait = number(name, value, 0, 20)?,
            "MaximumMessageSize" => {
                let limit = i64::try_from(MESSAGE_LIMIT).unwrap_or(i64::MAX);
                self.max_size =
                    usize::try_from(number(name, value, 1024, limit)?).unwrap_or(MESSAGE_LIMIT);
            }
            "RedrivePolicy" => self.redrive = redrive(value)?,
            "FifoQueue"
            | "ContentBasedDeduplication"
            | "DeduplicationScope"
            | "FifoThroughputLimit" => {
                return Err(SqsError::UnsupportedOperation(
                    "Only standard queues are emulated.".into(),
                ));
            }
            "Policy"
            | "RedriveAllowPolicy"
            | "KmsMasterKeyId"
            | "KmsDataKeyReusePeriodSeconds"
            | "SqsManagedSseEnabled" => {
                self.inert.insert(name.into(), value.into());
            }
            _ => return Err(SqsError::InvalidAttributeName(name.into())),
        }
        Ok(())
    }

    /// The first attribute in which the other settings differ.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let (mine, theirs) = (self.attributes(), other.attributes());
        let names = mine.keys().chain(theirs.keys());
        names
            .filter(|name| mine.get(*name) != theirs.get(*name))
            .min()
            .cloned()
    }

    /// The attributes under AWS's names.
    pub(super) fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes = self.inert.clone();
        let numbers = [
            ("VisibilityTimeout", self.visibility),
            ("DelaySeconds", self.delay),
            ("MessageRetentionPeriod", self.retention),
            ("ReceiveMessageWaitTimeSeconds", self.wait),
        ];
        attributes.extend(numbers.map(|(name, value)| (name.to_owned(), value.to_string())));
        attributes.insert("MaximumMessageSize".into(), self.max_size.to_string());
        if let Some(redrive) = &self.redrive {
            let policy = serde_json::json!({
                "deadLetterTargetArn": arn(&redrive.target),
                "maxReceiveCount": redrive.max_receives,
            });
            attributes.insert("RedrivePolicy".into(), policy.to_string());
        }
        attributes
    }
}

fn number(name: &str, value: &str, least: i64, most: i64) -> Result<i64, SqsError> {
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| SqsError::InvalidAttributeValue {
            name: name.into(),
            reason: format!("Must be from {least} to {most}."),
        })
}

/// Reads a redrive policy; an empty one removes it.
fn redrive(value: &str) -> Result<Option<Redrive>, SqsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        dead_letter_target_arn: String,
        max_receive_count: serde_json::Value,
    }
    let invalid = |reason: &str| SqsError::InvalidAttributeValue {
        name: "RedrivePolicy".into(),
        reason: reason.into(),
    };
    if value.is_empty() {
        return Ok(None);
    }
    let policy: Policy =
        serde_json::from_str(value).map_err(|error| invalid(&error.to_string()))?;
    // AWS takes the count as a number or as text, and tools send both.
    let count = match &policy.max_receive_count {
        serde_json::Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let max_receives = count
        .and_then(|count| u32::try_from(count).ok())
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| invalid("maxReceiveCount must be from 1 to 1000."))?;
    let target = policy
        .dead_letter_target_arn
        .strip_prefix(&arn(""))
        .ok_or_else(|| {
            invalid("deadLetterTargetArn must be the ARN of a queue of this account and region.")
        })?;
    Ok(Some(Redrive {
        target: target.into(),
        max_receives,
    }))
}

/// The ARN of a queue.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}
