//! What recording AWS's answers (`tests/recorded.rs`) and giving them again (the program) must agree upon.

use serde_json::Value;

/// The keys that receipts are signed with where functions are recorded and measured: a link that one issues is taken by the other.
pub const SIGNING_KEYS: &str = "1=a secret of measurements only";

/// The name under which an answer is kept: what a call asks for, without what differs from one run to the next (machine
/// time, tokens, the name of the table).
pub fn name_of(target: &str, body: &Value) -> String {
    let of = |part: &str| body.get(part).filter(|value| !value.is_null());
    let mut name = target.to_owned();
    let mut add = |value: &Value| {
        name.push(' ');
        name.push_str(&value.to_string());
    };
    for part in [
        "Key",
        "IndexName",
        "KeyConditionExpression",
        "ExclusiveStartKey",
        "UpdateExpression",
    ] {
        of(part).into_iter().for_each(&mut add);
    }
    if of("KeyConditionExpression").is_some() {
        let values = of("ExpressionAttributeValues").and_then(Value::as_object);
        // The sweep asks for what is due until now.
        let fixed = values.into_iter().flatten().filter(|(k, _)| *k != ":until");
        fixed.for_each(|(_, value)| add(value));
    }
    if let Some(item) = of("Item") {
        ["PK", "SK"]
            .iter()
            .filter_map(|key| item.get(key))
            .for_each(&mut add);
    }
    if let Some(table) = of("RequestItems").and_then(Value::as_object) {
        let keys = table.values().filter_map(|asked| asked.get("Keys"));
        keys.for_each(&mut add);
    }
    name
}

/// Whether a call of this kind only reads. A write that was not recorded can be answered all the same.
pub fn reads(target: &str) -> bool {
    ["Query", "GetItem", "BatchGetItem"]
        .iter()
        .any(|operation| target.ends_with(&format!(".{operation}")))
}

/// Whether an answer says that a condition did not hold, which is no error of the one who asked.
pub fn is_refusal(answer: &Value) -> bool {
    let kind = answer.get("__type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.ends_with("#ConditionalCheckFailedException"))
}
