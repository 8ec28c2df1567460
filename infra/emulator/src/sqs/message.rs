//! Messages and their digests.

use std::collections::BTreeMap;

use super::error::SqsError;

/// The largest message, and the largest batch: body, attribute names, types and values together, in bytes.
pub const MESSAGE_LIMIT: usize = 1024 * 1024;

/// A typed value that travels beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional suffix after a dot.
    pub data_type: String,
    /// The value.
    pub value: AttributeValue,
}

/// The value of a [`MessageAttribute`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// Of the types `String` and `Number`.
    Text(String),
    /// Of the type `Binary`.
    Binary(Vec<u8>),
}

impl AttributeValue {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// What a sender hands in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The body, 1 byte to 1 MiB.
    pub body: String,
    /// Seconds until it can be received first, 0 to 900; the queue's own delay if absent.
    pub delay: Option<i64>,
    /// At most ten attributes.
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// SQS knows one: `AWSTraceHeader`.
    pub system_attributes: BTreeMap<String, MessageAttribute>,
}

impl NewMessage {
    /// A message of a body alone.
    #[must_use]
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Its size as SQS counts it, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let attributes: usize = self
            .attributes
            .iter()
            .map(|(name, attribute)| {
                name.len() + attribute.data_type.len() + attribute.value.bytes().len()
            })
            .sum();
        self.body.len() + attributes
    }

    pub(super) fn check(&self, limit: usize) -> Result<(), SqsError> {
        if self.body.is_empty() {
            return Err(SqsError::MissingParameter("MessageBody"));
        }
        if self.size() > limit {
            return Err(SqsError::InvalidParameterValue(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
            )));
        }
        if !carried(&self.body) {
            return Err(SqsError::InvalidMessageContents);
        }
        if let Some(delay) = self.delay
            && !(0..=900).contains(&delay)
        {
            return Err(SqsError::InvalidParameterValue(format!(
                "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            )));
        }
        if self.attributes.len() > 10 {
            return Err(SqsError::InvalidParameterValue(format!(
                "Number of message attributes [{}] exceeds the allowed maximum [10].",
                self.attributes.len()
            )));
        }
        for (name, attribute) in &self.attributes {
            check_attribute(name, attribute)?;
        }
        for (name, attribute) in &self.system_attributes {
            if name != "AWSTraceHeader" {
                return Err(SqsError::InvalidParameterValue(format!(
                    "Message system attribute name '{name}' is invalid."
                )));
            }
            check_attribute(name, attribute)?;
        }
        Ok(())
    }
}

/// Whether every character is one that SQS carries.
fn carried(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..))
}

fn check_attribute(name: &str, attribute: &MessageAttribute) -> Result<(), SqsError> {
    let invalid = |reason: &str| {
        Err(SqsError::InvalidParameterValue(format!(
            "The message attribute '{name}' is invalid. Reason: {reason}"
        )))
    };
    let named_well = (1..=256).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..");
    if !named_well {
        return invalid("its name may have letters, digits, '_', '-' and single '.' only.");
    }
    let base = attribute.data_type.split('.').next().unwrap_or_default();
    match (base, &attribute.value) {
        (_, value) if value.bytes().is_empty() => invalid("it must have a value."),
        ("String", AttributeValue::Text(text)) if carried(text) => Ok(()),
        ("Number", AttributeValue::Text(text)) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            Ok(())
        }
        ("Binary", AttributeValue::Binary(_)) => Ok(()),
        _ => invalid("its type must be String, Number or Binary, and fit its value."),
    }
}

/// MD5 of a body, in hex.
pub(super) fn md5_of_body(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

/// MD5 of attributes as the SDKs compute it, in hex; `None` when there are none.
pub(super) fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    // By name, which the callers' maps are; each part behind its length, and one byte for the kind of value.
    let mut encoded = Vec::new();
    let mut part = |bytes: &[u8], kind: Option<u8>| {
        encoded.extend(kind);
        encoded.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        encoded.extend(bytes);
    };
    let mut any = false;
    for (name, attribute) in attributes {
        any = true;
        part(name.as_bytes(), None);
        part(attribute.data_type.as_bytes(), None);
        // The kind comes before the length.
        let kind = match attribute.value {
            AttributeValue::Text(_) => 1,
            AttributeValue::Binary(_) => 2,
        };
        part(attribute.value.bytes(), Some(kind));
    }
    any.then(|| format!("{:x}", md5::compute(&encoded)))
}

/// What a sender gets back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The id of the message. A redrive gives it another.
    pub id: String,
    /// MD5 of the body, in hex.
    pub md5_of_body: String,
    /// MD5 of the attributes, in hex.
    pub md5_of_attributes: Option<String>,
    /// MD5 of the system attributes, in hex.
    pub md5_of_system_attributes: Option<String>,
}

/// A message as a consumer gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The id of the message.
    pub id: String,
    /// What deletes it or moves its visibility, until it is received again.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// MD5 of the body, in hex.
    pub md5_of_body: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// SQS's own: `SenderId`, `SentTimestamp`, `ApproximateReceiveCount`, `ApproximateFirstReceiveTimestamp`, and where
    /// they apply `AWSTraceHeader` and `DeadLetterQueueSourceArn`. Times are milliseconds since 1970, of the machine.
    pub system_attributes: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_sdks() {
        // From the documentation of AWS's own SDKs' tests: one string attribute.
        let attributes = BTreeMap::from([(
            "timestamp".to_owned(),
            MessageAttribute {
                data_type: "Number".into(),
                value: AttributeValue::Text("1493147359900".into()),
            },
        )]);
        assert_eq!(
            md5_of_attributes(&attributes).as_deref(),
            Some("235c5c510d26fb653d073faed50ae77c")
        );
        assert_eq!(md5_of_body("hello"), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(md5_of_attributes(&BTreeMap::new()), None);
    }

    #[test]
    fn limits_are_exact() {
        assert_eq!(
            NewMessage::new("x".repeat(MESSAGE_LIMIT)).check(MESSAGE_LIMIT),
            Ok(())
        );
        assert!(
            NewMessage::new("x".repeat(MESSAGE_LIMIT + 1))
                .check(MESSAGE_LIMIT)
                .is_err()
        );
        assert_eq!(
            NewMessage::new("\t\r\n 你好 👋").check(MESSAGE_LIMIT),
            Ok(())
        );
        for bad in ["\0", "\u{8}", "\u{FFFE}", "\u{FFFF}"] {
            assert_eq!(
                NewMessage::new(bad).check(MESSAGE_LIMIT),
                Err(SqsError::InvalidMessageContents)
            );
        }
    }
}
