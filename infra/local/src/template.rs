//! CloudFormation's language: reads a template and works out its parameters, conditions and intrinsic functions.
//!
//! Nothing is guessed. A function, a parameter or a reference that cannot be worked out is a [`TemplateError`]
//! that names it, so the local stack never runs something other than what would be deployed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_norway::Value as Yaml;

/// References nest a few levels at most; a longer chain is a circle.
const DEPTH: usize = 48;

/// Why a template cannot be brought up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not YAML, or not the shape of a template.
    #[error("the template cannot be read: {0}")]
    Unreadable(String),
    /// A resource of a type that neither has a local counterpart nor is known to need none.
    #[error("resource {id} has the type {kind}, which the local stack does not know")]
    UnknownResource {
        /// Its logical id.
        id: String,
        /// Its `Type`.
        kind: String,
    },
    /// A reference to something that the template does not have, or that has no such attribute.
    #[error("{at} refers to {what}, which cannot be resolved")]
    Unresolved {
        /// Where in the template.
        at: String,
        /// What it refers to.
        what: String,
    },
    /// A function that is misused or not supported.
    #[error("{at}: {what}")]
    Unsupported {
        /// Where in the template.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// Parameters that do not go together.
    #[error("{0}")]
    Rule(String),
    /// A parameter without a value, with a value that is not allowed, or that does not exist.
    #[error("parameter {name} {fault}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: String,
    },
}

/// What a template is resolved with.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// `AWS::StackName`.
    pub stack_name: String,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// Where the HTTP API answers, without a slash at the end.
    pub http_url: String,
    /// Where the emulated AWS answers, without a slash at the end.
    pub aws_url: String,
    /// Values somebody gave; each must be a parameter of the template.
    pub parameters: BTreeMap<String, String>,
    /// Values that stand in for a parameter's own default; ignored for parameters that the template does not have.
    pub defaults: BTreeMap<String, String>,
    /// Random text by the logical id of each of [`Template::secrets`].
    pub secrets: BTreeMap<String, String>,
}

/// A template as written.
#[derive(Debug, Clone)]
pub struct Template {
    parameters: Map<String, Value>,
    mappings: Map<String, Value>,
    conditions: Map<String, Value>,
    rules: Map<String, Value>,
    resources: Map<String, Value>,
    globals: Map<String, Value>,
}

/// A resource that exists under the given inputs, its properties worked out.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its logical id.
    pub id: String,
    /// Its `Type`.
    pub kind: String,
    /// Its `Properties`, without any intrinsic function left.
    pub properties: Value,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError::Unreadable`] if it is not YAML of the shape of a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let yaml: Yaml = serde_norway::from_str(text)
            .map_err(|fault| TemplateError::Unreadable(fault.to_string()))?;
        let Value::Object(mut root) = long_form(yaml)? else {
            return Err(TemplateError::Unreadable("it is not a mapping".to_owned()));
        };
        let mut section = |name: &str| match root.remove(name) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map),
            Some(_) => Err(TemplateError::Unreadable(format!(
                "{name} is not a mapping"
            ))),
        };
        let template = Self {
            parameters: section("Parameters")?,
            mappings: section("Mappings")?,
            conditions: section("Conditions")?,
            rules: section("Rules")?,
            resources: section("Resources")?,
            globals: section("Globals")?,
        };
        if template.resources.is_empty() {
            return Err(TemplateError::Unreadable("it has no Resources".to_owned()));
        }
        Ok(template)
    }

    /// The logical ids of the secrets for which [`Inputs::secrets`] must hold random text.
    pub fn secrets(&self) -> Vec<String> {
        let is_secret =
            |resource: &Value| resource.get("Type").and_then(Value::as_str) == Some(SECRET);
        self.resources
            .iter()
            .filter(|(_, r)| is_secret(r))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The resources that exist under these inputs, in the order of their logical ids. `wanted` tells by type
    /// which of them are worked out; it may refuse a type.
    ///
    /// # Errors
    /// [`TemplateError`], for the first thing that cannot be worked out.
    pub fn resolve(
        &self,
        inputs: &Inputs,
        mut wanted: impl FnMut(&str, &str) -> Result<bool, TemplateError>,
    ) -> Result<Vec<Resource>, TemplateError> {
        let resolver = Resolver {
            template: self,
            inputs,
            parameters: self.parameter_values(inputs)?,
        };
        for (name, rule) in &self.rules {
            resolver.check(name, rule)?;
        }
        let mut resources = Vec::new();
        for (id, resource) in &self.resources {
            let kind = resource
                .get("Type")
                .and_then(Value::as_str)
                .ok_or_else(|| TemplateError::Unreadable(format!("resource {id} has no Type")))?;
            if !wanted(id, kind)? || !resolver.exists(id, resource)? {
                continue;
            }
            let properties = resolver.properties(id, kind, resource)?;
            resources.push(Resource {
                id: id.clone(),
                kind: kind.to_owned(),
                properties,
            });
        }
        Ok(resources)
    }

    fn parameter_values(&self, inputs: &Inputs) -> Result<BTreeMap<String, Value>, TemplateError> {
        let fault = |name: &str, fault: String| TemplateError::Parameter {
            name: name.to_owned(),
            fault,
        };
        if let Some(name) = inputs
            .parameters
            .keys()
            .find(|name| !self.parameters.contains_key(*name))
        {
            let known: Vec<_> = self.parameters.keys().map(String::as_str).collect();
            return Err(fault(
                name,
                format!("is not one of the template's: {}", known.join(", ")),
            ));
        }
        let mut values = BTreeMap::new();
        for (name, declared) in &self.parameters {
            let text = inputs
                .parameters
                .get(name)
                .or_else(|| inputs.defaults.get(name))
                .cloned()
                .or_else(|| declared.get("Default").and_then(scalar))
                .ok_or_else(|| fault(name, "has no value; give one with --parameter".to_owned()))?;
            if let Some(Value::Array(allowed)) = declared.get("AllowedValues") {
                let allowed: Vec<_> = allowed.iter().filter_map(scalar).collect();
                if !allowed.contains(&text) {
                    return Err(fault(
                        name,
                        format!("must be one of {}", allowed.join(", ")),
                    ));
                }
            }
            let value = match declared.get("Type").and_then(Value::as_str) {
                Some("String" | "Number") => Value::String(text),
                Some("CommaDelimitedList" | "List<Number>" | "List<String>") => Value::Array(
                    text.split(',')
                        .map(|item| Value::String(item.trim().to_owned()))
                        .collect(),
                ),
                other => {
                    let kind = other.unwrap_or("none");
                    return Err(fault(
                        name,
                        format!("has the type {kind}, which the local stack does not know"),
                    ));
                }
            };
            values.insert(name.clone(), value);
        }
        Ok(values)
    }
}

pub(crate) const TABLE: &str = "AWS::DynamoDB::Table";
pub(crate) const QUEUE: &str = "AWS::SQS::Queue";
pub(crate) const FUNCTION: &str = "AWS::Serverless::Function";
pub(crate) const PLAIN_FUNCTION: &str = "AWS::Lambda::Function";
pub(crate) const SECRET: &str = "AWS::SecretsManager::Secret";
pub(crate) const API: &str = "AWS::ApiGatewayV2::Api";
pub(crate) const CONFIGURATION_SET: &str = "AWS::SES::ConfigurationSet";

struct Resolver<'a> {
    template: &'a Template,
    inputs: &'a Inputs,
    parameters: BTreeMap<String, Value>,
}

impl Resolver<'_> {
    /// Holds the parameters against a rule of the template.
    fn check(&self, name: &str, rule: &Value) -> Result<(), TemplateError> {
        if let Some(condition) = rule.get("RuleCondition")
            && !self.condition(condition, name, 0)?
        {
            return Ok(());
        }
        let assertions = rule.get("Assertions").and_then(Value::as_array);
        for assertion in assertions.into_iter().flatten() {
            let assert = assertion.get("Assert").unwrap_or(&Value::Null);
            if !self.condition(assert, name, 0)? {
                let description = assertion.get("AssertDescription").and_then(scalar);
                return Err(TemplateError::Rule(
                    description.unwrap_or_else(|| format!("the rule {name} is broken")),
                ));
            }
        }
        Ok(())
    }

    fn exists(&self, id: &str, resource: &Value) -> Result<bool, TemplateError> {
        match resource.get("Condition") {
            None => Ok(true),
            Some(Value::String(name)) => self.condition_named(name, id, 0),
            Some(_) => Err(unsupported(id, "its Condition is not a name")),
        }
    }

    fn properties(&self, id: &str, kind: &str, resource: &Value) -> Result<Value, TemplateError> {
        let empty = Value::Object(Map::new());
        let mut properties = resource.get("Properties").unwrap_or(&empty).clone();
        if kind == FUNCTION
            && let Some(globals) = self.template.globals.get("Function")
        {
            properties = merged(globals.clone(), properties);
        }
        if let Some(properties) = properties.as_object_mut() {
            // SAM reads it only when it shifts traffic; until then it may name alarms that do not exist.
            properties.remove("DeploymentPreference");
        }
        let mut properties = self.value(&properties, id, 0)?.unwrap_or(empty);
        self.fill_dynamic(&mut properties, id)?;
        Ok(properties)
    }

    /// `None` is `AWS::NoValue`.
    fn value(&self, value: &Value, at: &str, depth: usize) -> Result<Option<Value>, TemplateError> {
        if depth > DEPTH {
            return Err(unsupported(
                at,
                "its references nest too deeply or go in a circle",
            ));
        }
        match value {
            Value::Object(map) => {
                if let Some((name, argument)) = intrinsic(map) {
                    return self.call(name, argument, at, depth);
                }
                let mut out = Map::new();
                for (key, value) in map {
                    if let Some(value) = self.value(value, at, depth + 1)? {
                        out.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(out)))
            }
            Value::Array(items) => {
                let mut out = Vec::new();
                for item in items {
                    out.extend(self.value(item, at, depth + 1)?);
                }
                Ok(Some(Value::Array(out)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn call(
        &self,
        name: &str,
        argument: &Value,
        at: &str,
        depth: usize,
    ) -> Result<Option<Value>, TemplateError> {
        let depth = depth + 1;
        let string = |text: String| Ok(Some(Value::String(text)));
        match name {
            "Ref" => self.reference(
                argument.as_str().ok_or_else(|| misused(at, name))?,
                at,
                depth,
            ),
            "Fn::GetAtt" => {
                let (id, attribute) = match argument {
                    Value::String(path) => path.split_once('.').ok_or_else(|| misused(at, name))?,
                    Value::Array(parts) => match parts.as_slice() {
                        [Value::String(id), Value::String(attribute)] => {
                            (id.as_str(), attribute.as_str())
                        }
                        _ => return Err(misused(at, name)),
                    },
                    _ => return Err(misused(at, name)),
                };
                string(self.attribute(id, attribute, at, depth)?)
            }
            "Fn::Sub" => match argument {
                Value::String(pattern) => {
                    string(self.substitute(pattern, &Map::new(), at, depth)?)
                }
                Value::Array(parts) => match parts.as_slice() {
                    [Value::String(pattern), Value::Object(names)] => {
                        string(self.substitute(pattern, names, at, depth)?)
                    }
                    _ => Err(misused(at, name)),
                },
                _ => Err(misused(at, name)),
            },
            "Fn::If" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(condition), yes, no]) => {
                    let branch = if self.condition_named(condition, at, depth)? {
                        yes
                    } else {
                        no
                    };
                    self.value(branch, at, depth)
                }
                _ => Err(misused(at, name)),
            },
            "Fn::Join" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(delimiter), list]) => {
                    string(self.strings(list, at, depth)?.join(delimiter))
                }
                _ => Err(misused(at, name)),
            },
            "Fn::Split" => match argument.as_array().map(Vec::as_slice) {
                Some([Value::String(delimiter), source]) if !delimiter.is_empty() => {
                    let source = self.text(source, at, depth)?;
                    let parts = source
                        .split(delimiter.as_str())
                        .map(|part| Value::String(part.to_owned()));
                    Ok(Some(Value::Array(parts.collect())))
                }
                _ => Err(misused(at, name)),
            },
            "Fn::Select" => match argument.as_array().map(Vec::as_slice) {
                Some([index, list]) => {
                    let index = self.text(index, at, depth)?;
                    let list = self.strings(list, at, depth)?;
                    let chosen = index
                        .parse::<usize>()
                        .ok()
                        .and_then(|index| list.get(index));
                    string(chosen.ok_or_else(|| misused(at, name))?.clone())
                }
                _ => Err(misused(at, name)),
            },
            "Fn::FindInMap" => match argument.as_array().map(Vec::as_slice) {
                Some([map, first, second]) => {
                    let map = self.text(map, at, depth)?;
                    let first = self.text(first, at, depth)?;
                    let second = self.text(second, at, depth)?;
                    let found = self
                        .template
                        .mappings
                        .get(&map)
                        .and_then(|m| m.get(&first)?.get(&second));
                    let found =
                        found.ok_or_else(|| unresolved(at, format!("{map}.{first}.{second}")))?;
                    Ok(Some(found.clone()))
                }
                _ => Err(misused(at, name)),
            },
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" => {
                let whole = Value::Object(Map::from_iter([(name.to_owned(), argument.clone())]));
                Ok(Some(Value::Bool(self.condition(&whole, at, depth)?)))
            }
            other => Err(unsupported(
                at,
                &format!("the function {other} is not supported by the local stack"),
            )),
        }
    }

    fn reference(
        &self,
        name: &str,
        at: &str,
        depth: usize,
    ) -> Result<Option<Value>, TemplateError> {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => Some(self.inputs.region.as_str()),
            "AWS::AccountId" => Some(self.inputs.account.as_str()),
            "AWS::StackName" => Some(self.inputs.stack_name.as_str()),
            "AWS::Partition" => Some("aws"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => None,
        };
        if let Some(text) = pseudo {
            return Ok(Some(Value::String(text.to_owned())));
        }
        if name == "AWS::StackId" {
            return Ok(Some(Value::String(self.arn(
                "cloudformation",
                &format!("stack/{}", self.inputs.stack_name),
            ))));
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        let text = match self.kind_of(name, at)? {
            QUEUE => self.queue_url(name, depth)?,
            TABLE | FUNCTION | PLAIN_FUNCTION | CONFIGURATION_SET => {
                self.physical_name(name, depth)?
            }
            SECRET => self.arn("secretsmanager", &format!("secret:{name}")),
            // Anything else is known by its logical id here, so that references between resources find their way.
            _ => name.to_owned(),
        };
        Ok(Some(Value::String(text)))
    }

    fn attribute(
        &self,
        id: &str,
        attribute: &str,
        at: &str,
        depth: usize,
    ) -> Result<String, TemplateError> {
        let kind = self.kind_of(id, at)?;
        let name = |depth| self.physical_name(id, depth);
        Ok(match (kind, attribute) {
            (TABLE, "Arn") => self.arn("dynamodb", &format!("table/{}", name(depth)?)),
            (TABLE, "StreamArn") => {
                self.arn("dynamodb", &format!("table/{}/stream/local", name(depth)?))
            }
            (QUEUE, "Arn") => self.arn("sqs", &name(depth)?),
            (QUEUE, "QueueName") => name(depth)?,
            (QUEUE, "QueueUrl") => self.queue_url(id, depth)?,
            (FUNCTION | PLAIN_FUNCTION, "Arn") => {
                self.arn("lambda", &format!("function:{}", name(depth)?))
            }
            (API, "ApiEndpoint") => self.inputs.http_url.clone(),
            (API, "ApiId") => id.to_owned(),
            (SECRET, "Id") => self.arn("secretsmanager", &format!("secret:{id}")),
            (TABLE | QUEUE | FUNCTION | PLAIN_FUNCTION | API | SECRET, _) => {
                return Err(unresolved(at, format!("{id}.{attribute}")));
            }
            (_, "Arn") => self.arn("local", id),
            _ => format!("{id}.{attribute}"),
        })
    }

    fn kind_of(&self, id: &str, at: &str) -> Result<&str, TemplateError> {
        // SAM: `Function.Alias` and `Function.Version` are references too.
        let owner = id
            .strip_suffix(".Alias")
            .or_else(|| id.strip_suffix(".Version"))
            .unwrap_or(id);
        let resource = self
            .template
            .resources
            .get(owner)
            .ok_or_else(|| unresolved(at, id.to_owned()))?;
        if !self.exists(owner, resource)? {
            return Err(unresolved(at, format!("{id} (its condition is false)")));
        }
        resource
            .get("Type")
            .and_then(Value::as_str)
            .ok_or_else(|| unresolved(at, id.to_owned()))
    }

    fn physical_name(&self, id: &str, depth: usize) -> Result<String, TemplateError> {
        if let Some(owner) = id
            .strip_suffix(".Alias")
            .or_else(|| id.strip_suffix(".Version"))
        {
            return Ok(self.arn(
                "lambda",
                &format!("function:{}", self.physical_name(owner, depth)?),
            ));
        }
        let resource = self
            .template
            .resources
            .get(id)
            .ok_or_else(|| unresolved(id, id.to_owned()))?;
        let property = match resource.get("Type").and_then(Value::as_str) {
            Some(TABLE) => "TableName",
            Some(QUEUE) => "QueueName",
            Some(CONFIGURATION_SET) => "Name",
            _ => "FunctionName",
        };
        match resource.get("Properties").and_then(|p| p.get(property)) {
            Some(name) => self.text(name, id, depth + 1),
            None => Ok(format!("{}-{id}", self.inputs.stack_name)),
        }
    }

    fn queue_url(&self, id: &str, depth: usize) -> Result<String, TemplateError> {
        let name = self.physical_name(id, depth)?;
        Ok(format!(
            "{}/{}/{name}",
            self.inputs.aws_url, self.inputs.account
        ))
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        format!(
            "arn:aws:{service}:{}:{}:{rest}",
            self.inputs.region, self.inputs.account
        )
    }

    fn substitute(
        &self,
        pattern: &str,
        names: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<String, TemplateError> {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| unsupported(at, "a ${ of Fn::Sub is not closed"))?;
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str("${");
                out.push_str(literal);
                out.push('}');
                continue;
            }
            let name = name.trim();
            let value = if let Some(value) = names.get(name) {
                self.text(value, at, depth)?
            } else if let Some((id, attribute)) = name.split_once('.')
                && !matches!(attribute, "Alias" | "Version")
            {
                self.attribute(id, attribute, at, depth)?
            } else {
                let value = self.reference(name, at, depth)?;
                value
                    .as_ref()
                    .and_then(scalar)
                    .ok_or_else(|| unresolved(at, name.to_owned()))?
            };
            out.push_str(&value);
        }
        out.push_str(rest);
        Ok(out)
    }

    fn text(&self, value: &Value, at: &str, depth: usize) -> Result<String, TemplateError> {
        let value = self.value(value, at, depth)?;
        value
            .as_ref()
            .and_then(scalar)
            .ok_or_else(|| unsupported(at, "text is expected where there is none"))
    }

    fn strings(&self, list: &Value, at: &str, depth: usize) -> Result<Vec<String>, TemplateError> {
        match self.value(list, at, depth)? {
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    scalar(item).ok_or_else(|| unsupported(at, "a list holds more than text"))
                })
                .collect(),
            _ => Err(unsupported(at, "a list is expected where there is none")),
        }
    }

    fn condition_named(&self, name: &str, at: &str, depth: usize) -> Result<bool, TemplateError> {
        let condition = self.template.conditions.get(name);
        let condition = condition.ok_or_else(|| unresolved(at, format!("the condition {name}")))?;
        self.condition(condition, name, depth + 1)
    }

    fn condition(&self, condition: &Value, at: &str, depth: usize) -> Result<bool, TemplateError> {
        if depth > DEPTH {
            return Err(unsupported(
                at,
                "its conditions nest too deeply or go in a circle",
            ));
        }
        let Some((name, argument)) = condition.as_object().and_then(condition_call) else {
            return Err(unsupported(
                at,
                "a condition is expected where there is none",
            ));
        };
        let list = argument.as_array().map(Vec::as_slice);
        match (name, list) {
            ("Condition", _) => {
                let name = argument.as_str().ok_or_else(|| misused(at, name))?;
                self.condition_named(name, at, depth + 1)
            }
            ("Fn::Equals", Some([left, right])) => {
                let left = self.value(left, at, depth + 1)?;
                let right = self.value(right, at, depth + 1)?;
                // CloudFormation compares text: `true` and "true" are the same parameter value.
                Ok(
                    match (
                        left.as_ref().and_then(scalar),
                        right.as_ref().and_then(scalar),
                    ) {
                        (Some(left), Some(right)) => left == right,
                        _ => left == right,
                    },
                )
            }
            ("Fn::Not", Some([condition])) => Ok(!self.condition(condition, at, depth + 1)?),
            ("Fn::And", Some(conditions)) if !conditions.is_empty() => conditions
                .iter()
                .try_fold(true, |all, c| Ok(self.condition(c, at, depth + 1)? && all)),
            ("Fn::Or", Some(conditions)) if !conditions.is_empty() => conditions
                .iter()
                .try_fold(false, |any, c| Ok(self.condition(c, at, depth + 1)? || any)),
            _ => Err(misused(at, name)),
        }
    }

    /// Replaces `{{resolve:...}}` in every text.
    fn fill_dynamic(&self, value: &mut Value, at: &str) -> Result<(), TemplateError> {
        match value {
            Value::String(text) => {
                while let Some((before, after)) = text.split_once("{{resolve:") {
                    let (reference, after) = after
                        .split_once("}}")
                        .ok_or_else(|| unsupported(at, "a {{resolve: is not closed"))?;
                    *text = format!("{before}{}{after}", self.dynamic(reference, at)?);
                }
                Ok(())
            }
            Value::Array(items) => items
                .iter_mut()
                .try_for_each(|item| self.fill_dynamic(item, at)),
            Value::Object(map) => map
                .values_mut()
                .try_for_each(|item| self.fill_dynamic(item, at)),
            _ => Ok(()),
        }
    }

    fn dynamic(&self, reference: &str, at: &str) -> Result<String, TemplateError> {
        let unknown = || unresolved(at, format!("{{{{resolve:{reference}}}}}"));
        let reference_of_secret = reference
            .strip_prefix("secretsmanager:")
            .ok_or_else(unknown)?;
        let fields: Vec<&str> = reference_of_secret.split(':').collect();
        // An ARN has six colons of its own.
        let id_fields = if reference_of_secret.starts_with("arn:") {
            7
        } else {
            1
        };
        let id = fields.get(..id_fields).ok_or_else(unknown)?.join(":");
        if !matches!(fields.get(id_fields), None | Some(&"SecretString")) {
            return Err(unknown());
        }
        let key = fields.get(id_fields + 1).copied().unwrap_or_default();
        let logical = id.rsplit(':').next().unwrap_or(&id);
        let secret = self.secret(logical, at)?.ok_or_else(unknown)?;
        if key.is_empty() {
            return Ok(secret);
        }
        let fields: Value = serde_json::from_str(&secret).map_err(|_| unknown())?;
        fields.get(key).and_then(scalar).ok_or_else(unknown)
    }

    /// The text of a secret, by logical id or by name.
    fn secret(&self, wanted: &str, at: &str) -> Result<Option<String>, TemplateError> {
        for id in self.template.secrets() {
            let properties = self
                .template
                .resources
                .get(&id)
                .and_then(|r| r.get("Properties"));
            let named = match properties.and_then(|p| p.get("Name")) {
                Some(name) => self.text(name, &id, 0)? == wanted,
                None => false,
            };
            if id != wanted && !named {
                continue;
            }
            if let Some(text) = properties.and_then(|p| p.get("SecretString")) {
                return self.text(text, &id, 0).map(Some);
            }
            let generate = properties.and_then(|p| p.get("GenerateSecretString"));
            let length = generate
                .and_then(|g| g.get("PasswordLength"))
                .and_then(Value::as_u64)
                .unwrap_or(32);
            let random = self.inputs.secrets.get(&id);
            let random = usize::try_from(length)
                .ok()
                .and_then(|length| random?.get(..length));
            let random = random.ok_or_else(|| {
                unsupported(at, "its secret is longer than the local stack makes")
            })?;
            let frame = generate.and_then(|g| g.get("SecretStringTemplate"));
            let (Some(frame), Some(key)) = (
                frame,
                generate.and_then(|g| g.get("GenerateStringKey")?.as_str()),
            ) else {
                return Ok(Some(random.to_owned()));
            };
            let frame = self.text(frame, &id, 0)?;
            let mut frame: Map<String, Value> = serde_json::from_str(&frame)
                .map_err(|_| unsupported(&id, "its SecretStringTemplate is not a JSON object"))?;
            frame.insert(key.to_owned(), Value::String(random.to_owned()));
            return Ok(Some(Value::Object(frame).to_string()));
        }
        Ok(None)
    }
}

/// The call of an intrinsic function, if this mapping is one.
fn intrinsic(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    let (name, argument) = entries.next()?;
    let is_call = name == "Ref" || name.starts_with("Fn::");
    (is_call && entries.next().is_none()).then_some((name.as_str(), argument))
}

/// As [`intrinsic`], where a condition is expected: only there is `Condition` a reference.
fn condition_call(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    let (name, argument) = entries.next()?;
    entries
        .next()
        .is_none()
        .then_some((name.as_str(), argument))
}

/// A template's scalars are text wherever text is expected.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// SAM's rule for `Globals`: mappings are merged, lists are appended, the resource's own scalars win.
fn merged(global: Value, own: Value) -> Value {
    match (global, own) {
        (Value::Object(mut global), Value::Object(own)) => {
            if intrinsic(&own).is_some() || intrinsic(&global).is_some() {
                return Value::Object(own);
            }
            for (key, value) in own {
                let value = match global.remove(&key) {
                    Some(inherited) => merged(inherited, value),
                    None => value,
                };
                global.insert(key, value);
            }
            Value::Object(global)
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            Value::Array(global)
        }
        (_, own) => own,
    }
}

/// YAML with short tags as JSON with the long names of the functions.
fn long_form(yaml: Yaml) -> Result<Value, TemplateError> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => serde_json::to_value(&number)
            .map_err(|fault| TemplateError::Unreadable(fault.to_string()))?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(long_form).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let key = scalar(&long_form(key)?)
                    .ok_or_else(|| TemplateError::Unreadable("a key is not text".to_owned()))?;
                out.insert(key, long_form(value)?);
            }
            Value::Object(out)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            Value::Object(Map::from_iter([(name, long_form(tagged.value)?)]))
        }
    })
}

pub(crate) fn unsupported(at: &str, what: &str) -> TemplateError {
    TemplateError::Unsupported {
        at: at.to_owned(),
        what: what.to_owned(),
    }
}

pub(crate) fn unresolved(at: &str, what: String) -> TemplateError {
    TemplateError::Unresolved {
        at: at.to_owned(),
        what,
    }
}

fn misused(at: &str, function: &str) -> TemplateError {
    unsupported(
        at,
        &format!("{function} is not used as its documentation says"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn inputs() -> Inputs {
        Inputs {
            stack_name: "st".into(),
            region: "us-east-1".into(),
            account: "000000000000".into(),
            http_url: "http://h".into(),
            aws_url: "http://a".into(),
            secrets: [("Key".to_owned(), "r".repeat(128))].into(),
            ..Inputs::default()
        }
    }

    /// The value of `P` of a queue `Q` in a template with these resources and sections.
    fn value_of(expression: &str) -> Result<Value, TemplateError> {
        value_with(expression, &inputs())
    }

    fn value_with(expression: &str, inputs: &Inputs) -> Result<Value, TemplateError> {
        let text = format!(
            r#"
Parameters:
  Name: {{Type: String, Default: anna}}
  Level: {{Type: String, Default: low, AllowedValues: [low, high]}}
  List: {{Type: CommaDelimitedList, Default: "a, b,c"}}
Mappings:
  Sizes: {{low: {{memory: 128, zeros: "007"}}, high: {{memory: 256}}}}
Conditions:
  IsLow: !Equals [!Ref Level, low]
  IsHigh: !Not [!Condition IsLow]
  Both: !And [!Condition IsLow, !Condition IsHigh]
  Either: !Or [!Condition IsLow, !Condition IsHigh]
  Circle: !Not [!Condition Circle]
Resources:
  Q: {{Type: "AWS::SQS::Queue", Properties: {{P: {expression}}}}}
  Queue: {{Type: "AWS::SQS::Queue", Properties: {{QueueName: !Sub "${{AWS::StackName}}-queue"}}}}
  Absent: {{Type: "AWS::SQS::Queue", Condition: IsHigh}}
  Table: {{Type: "AWS::DynamoDB::Table"}}
  F: {{Type: "AWS::Serverless::Function", Properties: {{FunctionName: !Sub "${{AWS::StackName}}-f"}}}}
  Api: {{Type: "AWS::ApiGatewayV2::Api"}}
  Role: {{Type: "AWS::IAM::Role"}}
  Key:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: !Sub "${{AWS::StackName}}/key"
      GenerateSecretString: {{SecretStringTemplate: '{{"a":1}}', GenerateStringKey: secret, PasswordLength: 40}}
"#
        );
        let resources = Template::parse(&text)?.resolve(inputs, |id, _| Ok(id == "Q"))?;
        Ok(resources[0]
            .properties
            .get("P")
            .cloned()
            .unwrap_or(Value::Null))
    }

    #[test]
    fn every_function_is_worked_out() {
        for (expression, expected) in [
            ("!Ref Name", json!("anna")),
            ("{Ref: Name}", json!("anna")),
            ("!Ref List", json!(["a", "b", "c"])),
            ("!Ref AWS::Region", json!("us-east-1")),
            ("!Ref AWS::AccountId", json!("000000000000")),
            ("!Ref AWS::Partition", json!("aws")),
            ("!Ref AWS::URLSuffix", json!("amazonaws.com")),
            ("!Ref AWS::StackName", json!("st")),
            ("!Ref AWS::NoValue", Value::Null),
            ("{x: !Ref AWS::NoValue, y: 1}", json!({"y": 1})),
            ("!Ref Queue", json!("http://a/000000000000/st-queue")),
            ("!Ref Table", json!("st-Table")),
            ("!Ref F", json!("st-f")),
            (
                "!Ref F.Alias",
                json!("arn:aws:lambda:us-east-1:000000000000:function:st-f"),
            ),
            (
                "!GetAtt Queue.Arn",
                json!("arn:aws:sqs:us-east-1:000000000000:st-queue"),
            ),
            ("!GetAtt [Queue, QueueName]", json!("st-queue")),
            (
                "{'Fn::GetAtt': [Table, Arn]}",
                json!("arn:aws:dynamodb:us-east-1:000000000000:table/st-Table"),
            ),
            (
                "!GetAtt Table.StreamArn",
                json!("arn:aws:dynamodb:us-east-1:000000000000:table/st-Table/stream/local"),
            ),
            (
                "!GetAtt F.Arn",
                json!("arn:aws:lambda:us-east-1:000000000000:function:st-f"),
            ),
            ("!GetAtt Api.ApiEndpoint", json!("http://h")),
            (
                "!GetAtt Role.Arn",
                json!("arn:aws:local:us-east-1:000000000000:Role"),
            ),
            (
                r#"!Sub "${Name}-${AWS::Region}-${Queue.QueueName}-${!Kept}""#,
                json!("anna-us-east-1-st-queue-${Kept}"),
            ),
            (
                r#"!Sub ["${x}/${Name}", {x: !Ref Level}]"#,
                json!("low/anna"),
            ),
            (r#"!Join ["-", [a, !Ref Name, 1]]"#, json!("a-anna-1")),
            (r#"!Join ["+", !Ref List]"#, json!("a+b+c")),
            (r#"!Select [1, !Ref List]"#, json!("b")),
            (r#"!Select ["2", !Split [".", "x.y.z"]]"#, json!("z")),
            (r#"!Split [".", "x.y"]"#, json!(["x", "y"])),
            ("!FindInMap [Sizes, !Ref Level, memory]", json!(128)),
            ("!FindInMap [Sizes, low, zeros]", json!("007")),
            ("!If [IsLow, yes-it-is, no]", json!("yes-it-is")),
            ("!If [IsHigh, a, !Ref AWS::NoValue]", Value::Null),
            ("!If [Both, a, b]", json!("b")),
            ("!If [Either, a, b]", json!("a")),
            (
                "{'Fn::If': [IsLow, {'Fn::Sub': '${Name}'}, x]}",
                json!("anna"),
            ),
            (
                r#"!Sub "1={{resolve:secretsmanager:${Key}:SecretString:secret}}""#,
                json!(format!("1={}", "r".repeat(40))),
            ),
            (
                r#""{{resolve:secretsmanager:st/key:SecretString:a}}""#,
                json!("1"),
            ),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_worked_out_is_named() {
        for (expression, expected) in [
            (
                "!Ref Nobody",
                "Q refers to Nobody, which cannot be resolved",
            ),
            (
                "!Ref Absent",
                "Q refers to Absent (its condition is false), which cannot be resolved",
            ),
            (
                "!GetAtt Queue.Colour",
                "Q refers to Queue.Colour, which cannot be resolved",
            ),
            (
                r#"!Sub "${Nobody}""#,
                "Q refers to Nobody, which cannot be resolved",
            ),
            (r#"!Sub "${Open""#, "Q: a ${ of Fn::Sub is not closed"),
            (
                "!FindInMap [Sizes, low, colour]",
                "Q refers to Sizes.low.colour, which cannot be resolved",
            ),
            (
                "!If [Nobody, a, b]",
                "Q refers to the condition Nobody, which cannot be resolved",
            ),
            (
                "!If [Circle, a, b]",
                "Circle: its conditions nest too deeply or go in a circle",
            ),
            (
                "!Select [9, !Ref List]",
                "Q: Fn::Select is not used as its documentation says",
            ),
            (
                "!ImportValue x",
                "Q: the function Fn::ImportValue is not supported by the local stack",
            ),
            (
                r#""{{resolve:ssm:/x}}""#,
                "Q refers to {{resolve:ssm:/x}}, which cannot be resolved",
            ),
            (
                r#""{{resolve:secretsmanager:other}}""#,
                "Q refers to {{resolve:secretsmanager:other}}, which cannot be resolved",
            ),
        ] {
            assert_eq!(
                value_of(expression).unwrap_err().to_string(),
                expected,
                "{expression}"
            );
        }
    }

    #[test]
    fn parameters_are_checked() {
        let with = |name: &str, value: &str| {
            let mut inputs = inputs();
            inputs.parameters.insert(name.into(), value.into());
            value_with("!Ref Level", &inputs).map_err(|fault| fault.to_string())
        };
        assert_eq!(with("Level", "high"), Ok(json!("high")));
        assert_eq!(
            with("Level", "no"),
            Err("parameter Level must be one of low, high".to_owned())
        );
        assert_eq!(
            with("Colour", "red"),
            Err("parameter Colour is not one of the template's: Level, List, Name".to_owned())
        );

        let mut defaulted = inputs();
        defaulted.defaults = [
            ("Name".to_owned(), "ben".to_owned()),
            ("Gone".to_owned(), String::new()),
        ]
        .into();
        assert_eq!(value_with("!Ref Name", &defaulted), Ok(json!("ben")));

        let text = "Parameters: {A: {Type: String}}\nResources: {Q: {Type: T}}";
        let fault = Template::parse(text)
            .unwrap()
            .resolve(&inputs(), |_, _| Ok(true))
            .unwrap_err();
        assert_eq!(
            fault.to_string(),
            "parameter A has no value; give one with --parameter"
        );
    }

    #[test]
    fn parameters_are_held_against_the_rules() {
        let text = r#"
Parameters: {A: {Type: String, Default: ''}, B: {Type: String, Default: ''}}
Rules:
  Together:
    RuleCondition: !Not [!Equals [!Ref A, '']]
    Assertions: [{Assert: !Not [!Equals [!Ref B, '']], AssertDescription: A needs B.}]
Resources: {Q: {Type: "AWS::SQS::Queue"}}
"#;
        let with = |parameters: &[(&str, &str)]| {
            let mut inputs = inputs();
            let pairs = parameters.iter();
            inputs.parameters = pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            let resolved = Template::parse(text)
                .unwrap()
                .resolve(&inputs, |_, _| Ok(true));
            resolved.map(drop).map_err(|fault| fault.to_string())
        };
        assert_eq!(with(&[]), Ok(()));
        assert_eq!(with(&[("A", "1"), ("B", "1")]), Ok(()));
        assert_eq!(with(&[("A", "1")]), Err("A needs B.".to_owned()));
    }

    #[test]
    fn what_is_not_a_template_is_refused() {
        for text in [
            "",
            "[]",
            "a: [",
            "Resources: 1",
            "Resources: {}",
            "a: 1\na: 2",
            "{Resources: {Q: {}}}",
        ] {
            let outcome = Template::parse(text).and_then(|t| t.resolve(&inputs(), |_, _| Ok(true)));
            assert!(
                matches!(outcome, Err(TemplateError::Unreadable(_))),
                "{text}: {outcome:?}"
            );
        }
    }

    #[test]
    fn globals_are_merged_as_sam_does() {
        let text = r#"
Globals:
  Function: {Timeout: 5, MemorySize: 128, Environment: {Variables: {A: "1", B: "2"}}, Architectures: [arm64]}
Resources:
  F: {Type: "AWS::Serverless::Function", Properties: {Timeout: 20, Environment: {Variables: {B: "3"}}}}
"#;
        let resources = Template::parse(text)
            .unwrap()
            .resolve(&inputs(), |_, _| Ok(true))
            .unwrap();
        assert_eq!(
            resources[0].properties,
            json!({"Timeout": 20, "MemorySize": 128, "Environment": {"Variables": {"A": "1", "B": "3"}}, "Architectures": ["arm64"]})
        );
    }
}
