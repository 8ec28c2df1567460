//! Identity of submissions and commands: what makes a retry a retry.

use resound_domain::form::FormId;
use resound_domain::id::{CaseId, ContactId, ImprovementId, IssueId, Lot, ResponseId, SubjectId};
use resound_domain::issue::beta::Seed;
use resound_domain::risk::Rule;
use resound_domain::submission::{IdempotencyKey, Submission};
use ring::digest::{Context, Digest, SHA256};
use serde_json::Value;

/// The id of the response that a submission with this key to this form makes. The same pair gives the same id.
pub fn response_id(form: &FormId, key: &IdempotencyKey) -> ResponseId {
    // A form's name has no NUL and neither has a key, so no two pairs make one text.
    id(&["response", form.as_str(), key.as_str()])
}

/// A key for a form page, unlike that of any other request.
pub fn page_key(request_id: &str) -> String {
    let digest = hash(["page", request_id].join("\0").as_bytes());
    digest
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The id of the response that a submission without a key makes: one per request of the gateway.
pub fn response_id_of_request(request_id: &str) -> ResponseId {
    id(&["request", request_id])
}

/// What stands for a subject of risk rules where nobody is to read who or what it is. `name` is free text; whatever
/// stands before it is not.
pub fn subject_id(kind: &[&str], name: &str) -> SubjectId {
    let parts = [&["subject"], kind, &[name]].concat();
    SubjectId::from_bits(bits(&parts))
}

/// What stands for an address where nobody is to read it. `address` is written as `medium` writes it in one way only: a
/// telephone number as E.164 has it, a mailbox as [`Mailbox::contact`](crate::mail::Mailbox::contact) does.
pub fn contact_id(medium: &str, address: &str) -> ContactId {
    ContactId::from_bits(bits(&["subject", "address", medium, address]))
}

/// The id of the task that a rule opens about a subject and a period. The same three give the same id.
pub fn task_id(rule: Rule, subject: SubjectId, period: &str) -> CaseId {
    CaseId::from_bits(bits(&["task", rule.name(), &subject.to_string(), period]))
}

/// The id of the issue that this caller opens with this key. The same pair gives the same id.
pub fn issue_id(sub: &str, key: &str) -> IssueId {
    IssueId::from_bits(bits(&["issue", key, sub]))
}

/// The id of the improvement that this caller opens with this key. The same pair gives the same id.
pub fn improvement_id(sub: &str, key: &str) -> ImprovementId {
    ImprovementId::from_bits(bits(&["improvement", key, sub]))
}

/// The id of the letter or text message that this caller has sent to try it out, with this key. The same pair gives the
/// same id.
pub fn trial_id(sub: &str, key: &str) -> SubjectId {
    SubjectId::from_bits(bits(&["trial", key, sub]))
}

/// The SHA-256 of a JSON value: the same whatever the order of its names.
pub fn value_digest(value: &Value) -> [u8; 32] {
    let mut canonical = String::new();
    write_canonical(value, &mut canonical);
    bytes(&canonical)
}

/// What lots are drawn by in the beta that this caller starts with this key. The same pair gives the same seed.
pub fn seed(sub: &str, key: &str) -> Seed {
    Seed::from_bits(bits(&["seed", key, sub]))
}

/// The lot that an address draws by a seed: the first 128 bits of the SHA-256 of `lot`, the seed and the address's id, with a
/// NUL between each two. Persisted, and published so that a draw can be checked: it never changes.
pub fn lot(seed: &Seed, contact: ContactId) -> Lot {
    Lot::from_bits(bits(&["lot", seed.as_str(), &contact.to_string()]))
}

fn id(parts: &[&str]) -> ResponseId {
    ResponseId::from_bits(bits(parts))
}

fn bits(parts: &[&str]) -> u128 {
    let digest = hash(parts.join("\0").as_bytes());
    let bytes = digest.as_ref().iter().take(16);
    bytes.fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte))
}

/// The SHA-256 of what a submission says: equal content, equal digest, whatever the order or the encoding it came in.
///
/// # Errors
/// None in practice: a submission is texts and numbers. The error of the serializer is handed on.
pub fn content_digest(submission: &Submission) -> Result<[u8; 32], serde_json::Error> {
    let mut value = serde_json::to_value(submission)?;
    if let Some(members) = value.as_object_mut() {
        // Found out about the sender, not sent: see its documentation.
        members.remove("language");
    }
    Ok(value_digest(&value))
}

/// The SHA-256 of a text.
fn bytes(text: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(hash(text.as_bytes()).as_ref()) {
        *to = *from;
    }
    digest
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

    #[test]
    fn ids_never_change() {
        // Retries of requests made before a deployment must find what they made.
        let key = IdempotencyKey::try_from("0123456789abcdef").unwrap();
        assert_eq!(
            response_id(&FormId::default_form(), &key).to_string(),
            "6HB3H4E7JCRAFMMKEEGDQSHY61"
        );
        assert_eq!(
            response_id_of_request("JKJaXmPLvHcESHA=").to_string(),
            "79XF9NRPYQ3P2MW1147ZE32WBQ"
        );
        // Marks and tasks of earlier runs must be found.
        let subject = subject_id(&["customer"], "c-1");
        assert_eq!(subject.to_string(), "3JYFVVZPTD64RMAX0AJHR428CJ");
        let task = task_id(Rule::ChurnRisk, subject, "2026-11-21");
        assert_eq!(task.to_string(), "70DD3HQ630FRSYNC0GQSFZS4KY");
        let issue = issue_id("ann", "0123456789abcdef");
        assert_eq!(issue.to_string(), "67AJFNH1BNG2C6829NH22R1DD2");
        let improvement = improvement_id("ann", "0123456789abcdef");
        assert_eq!(improvement.to_string(), "3KCE2M2SHRB3VFFC45ZQFSERHY");
        // Whoever checks a draw must get the lots that were drawn.
        let seed = Seed::new("lots-1").unwrap();
        let lot = lot(&seed, ContactId::from_bits(7));
        assert_eq!(lot.to_string(), "7PW1GX77H4Z7SWBBJK2QS08VVH");
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
