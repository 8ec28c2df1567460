//! Event filter patterns of event source mappings: which records reach a function at all.

use serde_json::Value;

/// A pattern: a record passes if every field of the pattern has one of its listed values in the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    fields: Vec<(String, Node)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(Filter),
    AnyOf(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Is(Value),
    Prefix(String),
    Suffix(String),
    EqualsIgnoreCase(String),
    Exists(bool),
    AnythingBut(Vec<Value>),
    Numeric(Vec<(Order, f64)>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

impl Filter {
    /// Reads the `Pattern` of a `FilterCriteria`.
    ///
    /// # Errors
    /// What is wrong with it, or which of its operators is not known here.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(pattern)
            .map_err(|fault| format!("the filter pattern is not JSON: {fault}"))?;
        Self::of(&value)
    }

    fn of(value: &Value) -> Result<Self, String> {
        let Value::Object(map) = value else {
            return Err("a filter pattern must be an object".to_owned());
        };
        let fields = map.iter().map(|(name, value)| match value {
            Value::Array(tests) if !tests.is_empty() => {
                let tests = tests.iter().map(Test::of).collect::<Result<_, _>>()?;
                Ok((name.clone(), Node::AnyOf(tests)))
            }
            Value::Object(_) => Ok((name.clone(), Node::Fields(Self::of(value)?))),
            _ => Err(format!("the filter of {name} must be a list")),
        });
        Ok(Self {
            fields: fields.collect::<Result<_, String>>()?,
        })
    }

    /// Whether a record passes.
    pub fn matches(&self, record: &Value) -> bool {
        self.fields.iter().all(|(name, node)| {
            let found = record.get(name);
            match node {
                Node::Fields(inner) => inner.matches(found.unwrap_or(&Value::Null)),
                Node::AnyOf(tests) => tests.iter().any(|test| test.matches(found)),
            }
        })
    }
}

impl Test {
    fn of(value: &Value) -> Result<Self, String> {
        let Value::Object(map) = value else {
            return Ok(Self::Is(value.clone()));
        };
        let mut entries = map.iter();
        let (Some((name, argument)), None) = (entries.next(), entries.next()) else {
            return Err("a filter test must have one operator".to_owned());
        };
        let unknown = || format!("the filter operator {name} is not known with {argument}");
        match (name.as_str(), argument) {
            ("prefix", Value::String(text)) => Ok(Self::Prefix(text.clone())),
            ("suffix", Value::String(text)) => Ok(Self::Suffix(text.clone())),
            ("equals-ignore-case", Value::String(text)) => {
                Ok(Self::EqualsIgnoreCase(text.to_lowercase()))
            }
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("anything-but", Value::Array(values)) => Ok(Self::AnythingBut(values.clone())),
            ("anything-but", Value::String(_) | Value::Number(_)) => {
                Ok(Self::AnythingBut(vec![argument.clone()]))
            }
            ("numeric", Value::Array(parts)) => parts
                .chunks(2)
                .map(|pair| {
                    let [Value::String(order), bound] = pair else {
                        return Err(unknown());
                    };
                    let order = match order.as_str() {
                        "<" => Order::Less,
                        "<=" => Order::LessOrEqual,
                        "=" => Order::Equal,
                        ">=" => Order::GreaterOrEqual,
                        ">" => Order::Greater,
                        _ => return Err(unknown()),
                    };
                    Ok((order, bound.as_f64().ok_or_else(unknown)?))
                })
                .collect::<Result<_, _>>()
                .map(Self::Numeric),
            _ => Err(unknown()),
        }
    }

    fn matches(&self, found: Option<&Value>) -> bool {
        if let Self::Exists(exists) = self {
            // Only leaves exist, as on AWS.
            return *exists == found.is_some_and(|value| !value.is_object());
        }
        let Some(found) = found else { return false };
        if let Value::Array(items) = found {
            return items.iter().any(|item| self.matches(Some(item)));
        }
        match self {
            Self::Is(value) => value == found,
            Self::Prefix(text) => found
                .as_str()
                .is_some_and(|found| found.starts_with(text.as_str())),
            Self::Suffix(text) => found
                .as_str()
                .is_some_and(|found| found.ends_with(text.as_str())),
            Self::EqualsIgnoreCase(text) => found
                .as_str()
                .is_some_and(|found| found.to_lowercase() == *text),
            Self::AnythingBut(values) => !values.contains(found),
            Self::Numeric(bounds) => found.as_f64().is_some_and(|found| {
                bounds.iter().all(|(order, bound)| match order {
                    Order::Less => found < *bound,
                    Order::LessOrEqual => found <= *bound,
                    Order::Equal => (found - bound).abs() < f64::EPSILON,
                    Order::GreaterOrEqual => found >= *bound,
                    Order::Greater => found > *bound,
                })
            }),
            Self::Exists(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_match_as_on_aws() {
        let record = json!({"eventName": "INSERT", "n": 5, "list": ["a", "b"], "none": null,
            "dynamodb": {"Keys": {"SK": {"S": "EVENT#000001"}}}});
        for (pattern, expected) in [
            (json!({}), true),
            (json!({"eventName": ["INSERT"]}), true),
            (json!({"eventName": ["MODIFY", "REMOVE"]}), false),
            (
                json!({"eventName": ["INSERT"], "dynamodb": {"Keys": {"SK": {"S": [{"prefix": "EVENT#"}]}}}}),
                true,
            ),
            (
                json!({"dynamodb": {"Keys": {"SK": {"S": [{"prefix": "CASE"}]}}}}),
                false,
            ),
            (
                json!({"dynamodb": {"Keys": {"XX": {"S": [{"prefix": "EVENT#"}]}}}}),
                false,
            ),
            (json!({"eventName": [{"suffix": "ERT"}]}), true),
            (
                json!({"eventName": [{"equals-ignore-case": "insert"}]}),
                true,
            ),
            (json!({"eventName": [{"anything-but": ["INSERT"]}]}), false),
            (json!({"missing": [{"exists": false}]}), true),
            (json!({"n": [{"exists": true}]}), true),
            (json!({"n": [{"numeric": [">", 4, "<=", 5]}]}), true),
            (json!({"n": [{"numeric": ["<", 5]}]}), false),
            (json!({"list": ["b"]}), true),
            (json!({"none": [null]}), true),
        ] {
            let filter = Filter::parse(&pattern.to_string()).unwrap();
            assert_eq!(filter.matches(&record), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_would_be_misread_is_refused() {
        for pattern in [
            "",
            "[]",
            r#"{"a":"b"}"#,
            r#"{"a":[]}"#,
            r#"{"a":[{"wildcard":"x*"}]}"#,
            r#"{"a":[{"numeric":["<"]}]}"#,
        ] {
            assert!(Filter::parse(pattern).is_err(), "{pattern}");
        }
    }
}
