//! Identity of submissions and commands: what makes a retry a retry.

use std::str::FromStr;

use resound_domain::form::FormId;
use resound_domain::id::ResponseId;
use resound_domain::submission::Submission;
use ring::digest::{Context, Digest, SHA256};
use serde_json::Value;

/// A key by which a client marks retries: 16 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("16 to 255 visible ASCII characters are expected")]
pub struct InvalidKey;

impl FromStr for IdempotencyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let sound =
            (16..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey)
        }
    }
}

impl IdempotencyKey {
    /// The key as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the response that a submission with this key to this form makes. The same pair gives the same id.
    pub fn response_id(&self, form: &FormId) -> ResponseId {
        // A form's name has no NUL and neither has a key, so no two pairs make one text.
        id(&["response", form.as_str(), &self.0])
    }
}

/// The id of the response that a submission without a key makes: one per request of the gateway.
pub fn response_id_of_request(request_id: &str) -> ResponseId {
    id(&["request", request_id])
}

fn id(parts: &[&str]) -> ResponseId {
    let digest = hash(parts.join("\0").as_bytes());
    let bits = digest
        .as_ref()
        .iter()
        .take(16)
        .fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
    ResponseId::from_bits(bits)
}

/// What a submission says, as 64 hexadecimal characters: equal content, equal digest, whatever the order or the
/// encoding it came in.
///
/// # Errors
/// None in practice: a submission is texts and numbers. The error of the serializer is handed on.
pub fn content_digest(submission: &Submission) -> Result<String, serde_json::Error> {
    let mut canonical = String::new();
    write_canonical(&serde_json::to_value(submission)?, &mut canonical);
    Ok(hash(canonical.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// JSON without blanks and with sorted names, however the map of `serde_json` is built in this program.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn hash(bytes: &[u8]) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    context.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn key(text: &str) -> Result<IdempotencyKey, InvalidKey> {
        text.parse()
    }

    #[test]
    fn keys_are_visible_ascii_of_some_length() {
        for sound in ["0123456789abcdef", "~!@#$%^&*()_+=-\"", &"x".repeat(255)] {
            assert_eq!(key(sound).unwrap().as_str(), sound);
        }
        for broken in [
            "",
            "0123456789abcde",
            "with a blank here",
            "0123456789abcd\u{e9}",
            "0123456789abcde\n",
        ] {
            assert_eq!(key(broken), Err(InvalidKey), "{broken:?}");
        }
        assert_eq!(key(&"x".repeat(256)), Err(InvalidKey));
    }

    #[test]
    fn ids_never_change() {
        // Retries of requests made before a deployment must find what they made.
        let key = key("0123456789abcdef").unwrap();
        assert_eq!(
            key.response_id(&FormId::default_form()).to_string(),
            "6HB3H4E7JCRAFMMKEEGDQSHY61"
        );
        assert_eq!(
            response_id_of_request("JKJaXmPLvHcESHA=").to_string(),
            "79XF9NRPYQ3P2MW1147ZE32WBQ"
        );
    }

    #[test]
    fn canonical_json_has_one_form() {
        let mut out = String::new();
        write_canonical(
            &json!({"b": [1, {"d": null, "c": "\u{0}\""}], "a": {}}),
            &mut out,
        );
        assert_eq!(out, r#"{"a":{},"b":[1,{"c":"\u0000\"","d":null}]}"#);
    }

    proptest! {
        #[test]
        fn canonical_json_means_the_same(names in proptest::collection::btree_map(".{0,5}", ".{0,5}", 0..5)) {
            let value = json!({"inner": names, "list": [names]});
            let mut out = String::new();
            write_canonical(&value, &mut out);
            prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), value);
        }
    }
}
