//! As much of JSON Schema as the description of the API uses, to hold answers against it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that finds a fault should say so"
)]

use serde_json::Value;

/// The description of the API.
pub fn api() -> Value {
    serde_json::from_str(include_str!("../../../docs/api/openapi.json")).expect("JSON")
}

/// What is meant by a schema, a parameter or a response that may be a reference.
pub fn resolve<'a>(api: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a reference in here");
            api.pointer(pointer)
                .unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => node,
    }
}

/// Panics unless the value is what the schema describes. Members that the schema does not name are allowed to clients,
/// not to us.
#[track_caller]
pub fn assert_conforms(api: &Value, schema: &Value, value: &Value) {
    if let Err(fault) = conforms(api, schema, value, "") {
        panic!("{fault} in {value:#}");
    }
}

/// Panics unless the value is what the schema of this name describes.
#[track_caller]
pub fn assert_is(name: &str, value: &Value) {
    let api = api();
    assert_conforms(&api, &api["components"]["schemas"][name], value);
}

fn conforms(api: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let schema = resolve(api, schema);
    let is = |name: &Value| match name.as_str().expect("the name of a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        name => panic!("no such type: {name}"),
    };
    let fits = match &schema["type"] {
        Value::Array(types) => types.iter().any(is),
        Value::Null => true,
        name => is(name),
    };
    if !fits {
        return Err(format!("{at}: not {}", schema["type"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|choices| !choices.contains(value))
    {
        return Err(format!("{at}: not one of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{at}: not {}", schema["const"]));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices
            .iter()
            .filter(|choice| conforms(api, choice, value, at).is_ok())
            .count();
        if fitting != 1 {
            return Err(format!("{at}: {fitting} of the alternatives fit"));
        }
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        conforms(api, &schema["items"], item, &format!("{at}/{i}"))?;
    }
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    for name in required {
        if value.is_object() && value.get(name).is_none() {
            return Err(format!("{at}: `{name}` is missing"));
        }
    }
    if let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    {
        for (name, member) in members {
            let schema = properties
                .get(name)
                .ok_or_else(|| format!("{at}: `{name}` is not described"))?;
            conforms(api, schema, member, &format!("{at}/{name}"))?;
        }
    }
    Ok(())
}
