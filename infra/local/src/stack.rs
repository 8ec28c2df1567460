//! A template as the local stack understands it: tables, queues, functions and what calls them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::aws::ReportsTo;
use crate::filter::Filter;
use crate::route::RouteKey;
use crate::schedule::Expression;
use crate::template::{
    API, CONFIGURATION_SET, FUNCTION, Inputs, PLAIN_FUNCTION, QUEUE, Resource, SECRET, TABLE,
    Template, TemplateError, scalar, unresolved, unsupported,
};

/// The template that is deployed, and that the local stack brings up.
pub const TEMPLATE: &str = include_str!("../../template.yaml");

/// The templates beside it: how AWS tells what becomes of letters and of text messages.
pub const REPORT_TEMPLATES: [&str; 2] = [
    include_str!("../../mail.yaml"),
    include_str!("../../texts.yaml"),
];

const INTEGRATION: &str = "AWS::ApiGatewayV2::Integration";
const AUTHORIZER: &str = "AWS::ApiGatewayV2::Authorizer";
const ROUTE: &str = "AWS::ApiGatewayV2::Route";
const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
const SCHEDULE: &str = "AWS::Scheduler::Schedule";
const DESTINATION: &str = "AWS::SES::ConfigurationSetEventDestination";
const TEXT_SET: &str = "AWS::SMSVOICE::ConfigurationSet";
const SUBSCRIPTION: &str = "AWS::SNS::Subscription";

/// Types that guard, watch or name things in the cloud and have nothing to do on one machine.
const WITHOUT_LOCAL_MEANING: &[&str] = &[
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupSelection",
    "AWS::Backup::BackupVault",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    CONFIGURATION_SET,
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::ScheduleGroup",
];

/// Everything the local stack brings up.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// The tables.
    pub tables: Vec<Table>,
    /// The queues, dead-letter queues included.
    pub queues: Vec<Queue>,
    /// The functions.
    pub functions: Vec<FunctionSpec>,
    /// Queues that call functions.
    pub queue_mappings: Vec<QueueMapping>,
    /// Table streams that call functions.
    pub stream_mappings: Vec<StreamMapping>,
    /// HTTP routes that call functions.
    pub routes: Vec<Route>,
    /// Schedules that call functions.
    pub schedules: Vec<Schedule>,
    /// Where AWS tells what becomes of letters and of text messages.
    pub reports: Vec<ReportsTo>,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The `CreateTable` request that makes it.
    pub create: Value,
    /// The attribute that ends an item's life, if the table has one.
    pub ttl_attribute: Option<String>,
}

/// A standard queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its URL on the emulated AWS.
    pub url: String,
    /// How long a received message stays hidden.
    pub visibility_timeout: Duration,
    /// How long a sent message stays hidden.
    pub delay: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// The end of the line for poison messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The name of the dead-letter queue.
    pub dead_letter: String,
    /// After this many receives.
    pub max_receives: u32,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// The crate that implements it: the last part of its `CodeUri`, or its name without that of the stack.
    pub name: String,
    /// Its name on AWS.
    pub physical_name: String,
    /// Its environment variables.
    pub variables: BTreeMap<String, String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Its memory.
    pub memory_mb: u32,
}

/// A queue that calls a function.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueMapping {
    /// The queue's name.
    pub queue: String,
    /// The function's crate.
    pub function: String,
    /// At most so many messages at once.
    pub batch_size: usize,
    /// Whether the function names the messages that failed (`ReportBatchItemFailures`).
    pub partial_failures: bool,
    /// Only messages that pass one of these; all, if there is none.
    pub filters: Vec<Filter>,
}

/// A table stream that calls a function.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamMapping {
    /// The table's name.
    pub table: String,
    /// The function's crate.
    pub function: String,
    /// At most so many records at once.
    pub batch_size: usize,
    /// Whether the function names the records that failed (`ReportBatchItemFailures`).
    pub partial_failures: bool,
    /// Only records that pass one of these; all, if there is none.
    pub filters: Vec<Filter>,
    /// How often a failed batch is tried again; without end if `None`.
    pub retries: Option<u32>,
}

/// An HTTP route that calls a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What it answers.
    pub key: RouteKey,
    /// The function's crate.
    pub function: String,
    /// Who may call it; anybody if `None`.
    pub authorizer: Option<Authorizer>,
}

/// A JWT authorizer on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorizer {
    /// A token needs one of these scopes, if there are any.
    pub scopes: Vec<String>,
}

/// A schedule that calls a function.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its logical id.
    pub id: String,
    /// When it runs.
    pub expression: Expression,
    /// The zone its civil times are in.
    pub zone: TimeZone,
    /// The function's crate.
    pub function: String,
    /// The payload, with `<aws.scheduler.scheduled-time>` where the time belongs.
    pub input: String,
}

impl Schedule {
    /// The payload of the run at this instant.
    pub fn payload(&self, at: jiff::Timestamp) -> String {
        self.input.replace(
            "<aws.scheduler.scheduled-time>",
            &at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
    }
}

/// Values for parameters of [`TEMPLATE`] that fit one machine: links lead to it, staff routes exist, mail and SMS are on
/// (and caught), and a webhook may lead to a program beside it.
pub fn local_defaults(http_url: &str) -> BTreeMap<String, String> {
    [
        ("PublicUrl", http_url.to_owned()),
        ("JwtIssuer", format!("{http_url}/_local")),
        ("MailFrom", "resound@example.com".to_owned()),
        (
            "SmsOriginationIdentity",
            "arn:aws:sms-voice:us-east-1:000000000000:pool/local".to_owned(),
        ),
        ("TestMailTo", "staff@example.com".to_owned()),
        ("TestTextTo", "+8613800138000".to_owned()),
        ("MailReporting", "true".to_owned()),
        ("SmsReporting", "true".to_owned()),
        ("OwnerEmail", "owner@example.com".to_owned()),
        ("TeamLeadEmail", "team-lead@example.com".to_owned()),
        ("ManagerEmail", "manager@example.com".to_owned()),
        ("ExecutiveEmail", "executive@example.com".to_owned()),
        ("WebhookAllowPrivate", "true".to_owned()),
        // Nobody waits a minute at a desk.
        ("AlertGroupSeconds", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl Stack {
    /// Works out what a template brings up.
    ///
    /// # Errors
    /// [`TemplateError`], for the first thing that has no local counterpart or cannot be worked out.
    pub fn load(template: &Template, inputs: &Inputs) -> Result<Self, TemplateError> {
        let resources = template.resolve(inputs, |id, kind| match kind {
            TABLE | QUEUE | FUNCTION | PLAIN_FUNCTION | API | INTEGRATION | AUTHORIZER | ROUTE
            | MAPPING | SCHEDULE => Ok(true),
            SECRET => Ok(false),
            known if WITHOUT_LOCAL_MEANING.contains(&known) => Ok(false),
            _ => Err(TemplateError::UnknownResource {
                id: id.to_owned(),
                kind: kind.to_owned(),
            }),
        })?;
        let mut builder = Builder {
            inputs,
            resources: &resources,
            stack: Self::default(),
        };
        builder.each(&[TABLE, QUEUE, FUNCTION, PLAIN_FUNCTION], Builder::first)?;
        builder.each(&[FUNCTION, MAPPING, SCHEDULE, ROUTE, API], Builder::second)?;
        Ok(builder.stack)
    }

    /// The same, and what one of [`REPORT_TEMPLATES`] puts beside it: configuration sets whose events reach queues of this
    /// stack by a topic.
    ///
    /// # Errors
    /// [`TemplateError`], for the first thing that has no local counterpart or cannot be worked out.
    pub fn with_reports(
        mut self,
        template: &Template,
        inputs: &Inputs,
    ) -> Result<Self, TemplateError> {
        let named = [("StackName".to_owned(), inputs.stack_name.clone())];
        let inputs = Inputs {
            parameters: named.into(),
            ..inputs.clone()
        };
        let resources = template.resolve(&inputs, |id, kind| match kind {
            DESTINATION | TEXT_SET | SUBSCRIPTION => Ok(true),
            known if WITHOUT_LOCAL_MEANING.contains(&known) => Ok(false),
            _ => Err(TemplateError::UnknownResource {
                id: id.to_owned(),
                kind: kind.to_owned(),
            }),
        })?;
        let of = |wanted: &'static str| {
            let resources = resources.iter().filter(move |r| r.kind == wanted);
            resources.map(Part::of)
        };
        for destination in of(DESTINATION) {
            let told = destination.inner("EventDestination")?;
            let topic = told.inner("SnsDestination")?.text("TopicARN")?;
            let set = destination.text("ConfigurationSetName")?;
            self.subscribe(&set, told, &topic, of(SUBSCRIPTION))?;
        }
        for texts in of(TEXT_SET) {
            for told in texts.list("EventDestinations") {
                let topic = told.inner("SnsDestination")?.text("TopicArn")?;
                let set = texts.text("ConfigurationSetName")?;
                self.subscribe(&set, told, &topic, of(SUBSCRIPTION))?;
            }
        }
        Ok(self)
    }

    /// Takes what a destination of a set tells a topic to the queues that subscribe to it.
    fn subscribe<'a>(
        &mut self,
        set: &str,
        told: Part<'_>,
        topic: &str,
        subscriptions: impl Iterator<Item = Part<'a>>,
    ) -> Result<(), TemplateError> {
        let types = told.properties.get("MatchingEventTypes");
        let types = types.and_then(Value::as_array).into_iter().flatten();
        let types: Vec<_> = types.filter_map(scalar).collect();
        for subscription in subscriptions {
            if subscription.text("TopicArn")? != topic {
                continue;
            }
            let raw = subscription.optional("RawMessageDelivery");
            if subscription.text("Protocol")? != "sqs" || raw.as_deref() != Some("true") {
                let what = "only raw messages to a queue are supported by the local stack";
                return Err(unsupported(subscription.id, what));
            }
            let endpoint = subscription.text("Endpoint")?;
            let queue = endpoint.rsplit(':').next().unwrap_or_default();
            if !self.queues.iter().any(|known| known.name == queue) {
                return Err(unresolved(subscription.id, endpoint));
            }
            self.reports.push(ReportsTo {
                configuration_set: set.to_owned(),
                types: types.clone(),
                queue: queue.to_owned(),
            });
        }
        Ok(())
    }
}

struct Builder<'a> {
    inputs: &'a Inputs,
    resources: &'a [Resource],
    stack: Stack,
}

impl<'a> Builder<'a> {
    fn each(
        &mut self,
        kinds: &[&str],
        build: impl Fn(&mut Self, Part<'a>) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        let resources = self.resources;
        let mut wanted = resources
            .iter()
            .filter(|resource| kinds.contains(&resource.kind.as_str()));
        wanted.try_for_each(|resource| build(self, Part::of(resource)))
    }

    /// What stands by itself.
    fn first(&mut self, part: Part<'_>) -> Result<(), TemplateError> {
        match part.kind {
            TABLE => self.stack.tables.push(self.table(part)?),
            QUEUE => self.stack.queues.push(self.queue(part)?),
            _ => self.stack.functions.push(self.function(part)?),
        }
        Ok(())
    }

    /// What connects.
    fn second(&mut self, part: Part<'_>) -> Result<(), TemplateError> {
        match part.kind {
            MAPPING => self.mapping(part, &part.text("FunctionName")?, "EventSourceArn"),
            SCHEDULE => {
                let target = part.inner("Target")?;
                let function = self.called(part, &target.text("Arn")?)?;
                self.schedule(
                    part,
                    function,
                    "ScheduleExpression",
                    target.optional("Input"),
                )
            }
            ROUTE => self.route(part),
            API if part.properties.get("CorsConfiguration").is_some() => Err(unsupported(
                part.id,
                "CorsConfiguration is not supported; the functions answer OPTIONS themselves",
            )),
            API => Ok(()),
            _ => self.events(part),
        }
    }

    fn name_of(&self, part: Part<'_>, property: &str) -> String {
        part.optional(property)
            .unwrap_or_else(|| format!("{}-{}", self.inputs.stack_name, part.id))
    }

    fn table(&self, part: Part<'_>) -> Result<Table, TemplateError> {
        let name = self.name_of(part, "TableName");
        let mut create = Map::from_iter([("TableName".to_owned(), json!(name))]);
        let copied = [
            "AttributeDefinitions",
            "KeySchema",
            "GlobalSecondaryIndexes",
            "BillingMode",
            "ProvisionedThroughput",
        ];
        for property in copied {
            if let Some(value) = part.properties.get(property) {
                create.insert(property.to_owned(), value.clone());
            }
        }
        if let Some(indexes) = create
            .get_mut("GlobalSecondaryIndexes")
            .and_then(Value::as_array_mut)
        {
            for index in indexes.iter_mut().filter_map(Value::as_object_mut) {
                // Limits and tuning that CreateTable of the emulator need not know.
                index.retain(|key, _| {
                    matches!(
                        key.as_str(),
                        "IndexName" | "KeySchema" | "Projection" | "ProvisionedThroughput"
                    )
                });
            }
        }
        if let Some(stream) = part.properties.get("StreamSpecification") {
            let mut stream = stream.clone();
            if let Some(stream) = stream.as_object_mut() {
                // CloudFormation switches a stream on by naming its view.
                stream.retain(|key, _| key == "StreamViewType");
                stream.insert("StreamEnabled".to_owned(), json!(true));
            }
            create.insert("StreamSpecification".to_owned(), stream);
        }
        let ttl = part.properties.get("TimeToLiveSpecification");
        let enabled = ttl
            .and_then(|ttl| ttl.get("Enabled"))
            .and_then(scalar)
            .as_deref()
            == Some("true");
        let ttl_attribute = ttl
            .filter(|_| enabled)
            .and_then(|ttl| scalar(ttl.get("AttributeName")?));
        Ok(Table {
            name,
            create: Value::Object(create),
            ttl_attribute,
        })
    }

    fn queue(&self, part: Part<'_>) -> Result<Queue, TemplateError> {
        let name = self.name_of(part, "QueueName");
        if part.optional("FifoQueue").as_deref() == Some("true") {
            return Err(unsupported(
                part.id,
                "FIFO queues are not supported by the local stack",
            ));
        }
        let redrive = match part.properties.get("RedrivePolicy") {
            None => None,
            Some(policy) => {
                let policy = part.with(policy);
                let target = policy.text("deadLetterTargetArn")?;
                Some(Redrive {
                    dead_letter: target.rsplit(':').next().unwrap_or(&target).to_owned(),
                    max_receives: policy.number("maxReceiveCount", 10)?,
                })
            }
        };
        let seconds = |property, default| {
            part.number(property, default)
                .map(|s| Duration::from_secs(u64::from(s)))
        };
        Ok(Queue {
            url: format!("{}/{}/{name}", self.inputs.aws_url, self.inputs.account),
            visibility_timeout: seconds("VisibilityTimeout", 30)?,
            delay: seconds("DelaySeconds", 0)?,
            retention: seconds("MessageRetentionPeriod", 345_600)?,
            redrive,
            name,
        })
    }

    fn function(&self, part: Part<'_>) -> Result<FunctionSpec, TemplateError> {
        let physical_name = self.name_of(part, "FunctionName");
        let folder = part.optional("CodeUri").and_then(|uri| {
            let last = uri
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            (!last.is_empty() && !last.starts_with('.')).then_some(last)
        });
        let own = physical_name
            .strip_prefix(&format!("{}-", self.inputs.stack_name))
            .unwrap_or(&physical_name);
        let name = folder.unwrap_or_else(|| own.to_owned());
        let mut variables = BTreeMap::new();
        if let Some(declared) = part
            .properties
            .get("Environment")
            .and_then(|e| e.get("Variables"))
        {
            let declared = declared
                .as_object()
                .ok_or_else(|| unsupported(part.id, "its variables are not a mapping"))?;
            for (variable, value) in declared {
                let value = scalar(value).ok_or_else(|| {
                    unsupported(part.id, &format!("the variable {variable} is not text"))
                })?;
                variables.insert(variable.clone(), value);
            }
        }
        Ok(FunctionSpec {
            name,
            physical_name,
            variables,
            timeout: Duration::from_secs(u64::from(part.number("Timeout", 3)?)),
            memory_mb: part.number("MemorySize", 128)?,
        })
    }

    /// The function that an ARN, a name, or the integration around an ARN means.
    fn called(&self, part: Part<'_>, reference: &str) -> Result<String, TemplateError> {
        // arn:aws:apigateway:…:lambda:path/2015-03-31/functions/<ARN>/invocations
        let reference_name = reference.trim_end_matches("/invocations");
        let reference_name = reference_name
            .split_once(":function:")
            .map_or(reference_name, |(_, name)| name);
        let reference_name = reference_name.split(':').next().unwrap_or_default();
        let function = self
            .stack
            .functions
            .iter()
            .find(|function| function.physical_name == reference_name);
        let function =
            function.ok_or_else(|| unresolved(part.id, format!("the function {reference}")))?;
        Ok(function.name.clone())
    }

    fn mapping(
        &mut self,
        part: Part<'_>,
        function: &str,
        source: &str,
    ) -> Result<(), TemplateError> {
        if part.optional("Enabled").as_deref() == Some("false") {
            return Ok(());
        }
        let function = self.called(part, function)?;
        let source = part.text(source)?;
        let responses = part
            .properties
            .get("FunctionResponseTypes")
            .and_then(Value::as_array);
        let partial_failures =
            responses.is_some_and(|types| types.iter().any(|t| t == "ReportBatchItemFailures"));
        let mut filters = Vec::new();
        if let Some(criteria) = part.properties.get("FilterCriteria") {
            for filter in criteria
                .get("Filters")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let pattern = filter
                    .get("Pattern")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                filters.push(Filter::parse(pattern).map_err(|fault| unsupported(part.id, &fault))?);
            }
        }
        if let Some((_, table)) = source.split_once(":table/") {
            let table = table.split('/').next().unwrap_or_default().to_owned();
            let retries = part
                .optional("MaximumRetryAttempts")
                .and_then(|text| text.parse().ok());
            let batch_size = part.size("BatchSize", 100)?;
            let mapping = StreamMapping {
                table,
                function,
                batch_size,
                partial_failures,
                filters,
                retries,
            };
            self.stack.stream_mappings.push(mapping);
            return Ok(());
        }
        let name = source.rsplit(':').next().unwrap_or_default();
        let queue = self.stack.queues.iter().find(|queue| queue.name == name);
        let queue = queue
            .ok_or_else(|| unresolved(part.id, source.clone()))?
            .name
            .clone();
        let batch_size = part.size("BatchSize", 10)?;
        self.stack.queue_mappings.push(QueueMapping {
            queue,
            function,
            batch_size,
            partial_failures,
            filters,
        });
        Ok(())
    }

    fn schedule(
        &mut self,
        part: Part<'_>,
        function: String,
        expression: &str,
        input: Option<String>,
    ) -> Result<(), TemplateError> {
        if part.optional("State").as_deref() == Some("DISABLED") {
            return Ok(());
        }
        let expression = Expression::parse(&part.text(expression)?)
            .map_err(|fault| unsupported(part.id, &fault))?;
        let zone = part
            .optional("ScheduleExpressionTimezone")
            .unwrap_or_else(|| "UTC".to_owned());
        let zone = TimeZone::get(&zone)
            .map_err(|_| unsupported(part.id, &format!("{zone} is not a time zone")))?;
        let input = input.unwrap_or_else(|| "{}".to_owned());
        self.stack.schedules.push(Schedule {
            id: part.id.to_owned(),
            expression,
            zone,
            function,
            input,
        });
        Ok(())
    }

    fn route(&mut self, part: Part<'_>) -> Result<(), TemplateError> {
        let key = part.text("RouteKey")?;
        let key = RouteKey::parse(&key)
            .ok_or_else(|| unsupported(part.id, &format!("{key} is not a route key")))?;
        let target = part.text("Target")?;
        let integration = target.strip_prefix("integrations/").unwrap_or(&target);
        let integration = self
            .resources
            .iter()
            .find(|r| r.kind == INTEGRATION && r.id == integration);
        let integration = Part::of(integration.ok_or_else(|| unresolved(part.id, target.clone()))?);
        if integration.optional("PayloadFormatVersion").as_deref() != Some("2.0") {
            return Err(unsupported(
                integration.id,
                "only payload format version 2.0 is supported",
            ));
        }
        let function = self.called(integration, &integration.text("IntegrationUri")?)?;
        let authorizer = match part.optional("AuthorizationType").as_deref() {
            None | Some("NONE") => None,
            Some("JWT") => {
                let id = part.text("AuthorizerId")?;
                if !self
                    .resources
                    .iter()
                    .any(|r| r.kind == AUTHORIZER && r.id == id)
                {
                    return Err(unresolved(part.id, id));
                }
                let scopes = part
                    .properties
                    .get("AuthorizationScopes")
                    .and_then(Value::as_array);
                Some(Authorizer {
                    scopes: scopes.into_iter().flatten().filter_map(scalar).collect(),
                })
            }
            Some(other) => {
                return Err(unsupported(
                    part.id,
                    &format!("{other} authorizers are not supported"),
                ));
            }
        };
        self.stack.routes.push(Route {
            key,
            function,
            authorizer,
        });
        Ok(())
    }

    /// The events a SAM function declares with itself.
    fn events(&mut self, part: Part<'_>) -> Result<(), TemplateError> {
        let Some(events) = part.properties.get("Events").and_then(Value::as_object) else {
            return Ok(());
        };
        for (name, event) in events {
            let event = part.with(event);
            let kind = event.text("Type")?;
            let inner = event.inner("Properties")?;
            let function = self.name_of(part, "FunctionName");
            match kind.as_str() {
                "SQS" => self.mapping(inner, &function, "Queue")?,
                "DynamoDB" => self.mapping(inner, &function, "Stream")?,
                "Schedule" | "ScheduleV2" => {
                    let expression = if kind == "Schedule" {
                        "Schedule"
                    } else {
                        "ScheduleExpression"
                    };
                    let function = self.called(part, &function)?;
                    self.schedule(inner, function, expression, inner.optional("Input"))?;
                }
                other => {
                    let what = format!(
                        "its event {name} has the type {other}, which the local stack does not know"
                    );
                    return Err(unsupported(part.id, &what));
                }
            }
        }
        Ok(())
    }
}

/// Some properties, and the resource they belong to.
#[derive(Clone, Copy)]
struct Part<'a> {
    id: &'a str,
    kind: &'a str,
    properties: &'a Value,
}

impl<'a> Part<'a> {
    fn of(resource: &'a Resource) -> Self {
        Self {
            id: &resource.id,
            kind: &resource.kind,
            properties: &resource.properties,
        }
    }

    fn with(self, properties: &'a Value) -> Self {
        Self { properties, ..self }
    }

    fn inner(self, property: &str) -> Result<Self, TemplateError> {
        let inner = self
            .properties
            .get(property)
            .filter(|inner| inner.is_object());
        Ok(self.with(inner.ok_or_else(|| unsupported(self.id, &format!("it has no {property}")))?))
    }

    /// The objects in a list; none where there is no list.
    fn list(self, property: &str) -> impl Iterator<Item = Self> {
        let listed = self.properties.get(property).and_then(Value::as_array);
        listed.into_iter().flatten().map(move |one| self.with(one))
    }

    fn optional(self, property: &str) -> Option<String> {
        self.properties.get(property).and_then(scalar)
    }

    fn text(self, property: &str) -> Result<String, TemplateError> {
        self.optional(property)
            .ok_or_else(|| unsupported(self.id, &format!("it has no {property}")))
    }

    fn number(self, property: &str, default: u32) -> Result<u32, TemplateError> {
        match self.optional(property) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                unsupported(self.id, &format!("its {property} is not a whole number"))
            }),
        }
    }

    fn size(self, property: &str, default: u32) -> Result<usize, TemplateError> {
        Ok(usize::try_from(self.number(property, default)?)
            .unwrap_or(1)
            .max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: !Sub "${AWS::StackName}-table"
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: PK, AttributeType: S}]
      KeySchema: [{AttributeName: PK, KeyType: HASH}]
      StreamSpecification: {StreamViewType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Dead: {Type: "AWS::SQS::Queue", Properties: {MessageRetentionPeriod: 1209600}}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: work
      VisibilityTimeout: 120
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
  Role: {Type: "AWS::IAM::Role"}
  Do:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "${AWS::StackName}-do-it"
      Timeout: 20
      MemorySize: 256
      Role: !GetAtt Role.Arn
      Environment: {Variables: {TABLE_NAME: !Ref Table, QUEUE: !Ref Work, FLAG: true}}
      Events:
        Work: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 5, FunctionResponseTypes: [ReportBatchItemFailures]}}
        Nightly:
          Type: ScheduleV2
          Properties: {ScheduleExpression: "cron(30 0 * * ? *)", ScheduleExpressionTimezone: Asia/Shanghai, Input: '{"time":"<aws.scheduler.scheduled-time>"}'}
  Api: {Type: "AWS::ApiGatewayV2::Api", Properties: {ProtocolType: HTTP}}
  Stage: {Type: "AWS::ApiGatewayV2::Stage"}
  Jwt: {Type: "AWS::ApiGatewayV2::Authorizer", Properties: {ApiId: !Ref Api, AuthorizerType: JWT}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {PayloadFormatVersion: "2.0", IntegrationUri: !Sub "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Do.Arn}:live/invocations"}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      RouteKey: GET /v1/things/{id}
      Target: !Sub integrations/${Integration}
      AuthorizationType: JWT
      AuthorizerId: !Ref Jwt
      AuthorizationScopes: [a/read]
  Stream:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Table.StreamArn
      FunctionName: !Ref Do.Alias
      BatchSize: 25
      FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
  Each:
    Type: AWS::Scheduler::Schedule
    Properties: {ScheduleExpression: rate(1 minute), Target: {Arn: !GetAtt Do.Arn, Input: "{}"}}
"#;

    fn inputs() -> Inputs {
        Inputs {
            stack_name: "st".into(),
            region: "us-east-1".into(),
            account: "000000000000".into(),
            http_url: "http://h".into(),
            aws_url: "http://a".into(),
            ..Inputs::default()
        }
    }

    fn load(text: &str) -> Result<Stack, String> {
        Template::parse(text)
            .and_then(|t| Stack::load(&t, &inputs()))
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_template_becomes_a_stack() {
        let stack = load(SMALL).unwrap();
        let table = &stack.tables[0];
        assert_eq!(table.ttl_attribute.as_deref(), Some("expires_at"));
        assert_eq!(
            table.create,
            json!({"TableName": "st-table", "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}})
        );
        let work = stack
            .queues
            .iter()
            .find(|queue| queue.name == "work")
            .unwrap();
        assert_eq!(
            work.redrive,
            Some(Redrive {
                dead_letter: "st-Dead".into(),
                max_receives: 5
            })
        );
        assert_eq!(work.visibility_timeout, Duration::from_secs(120));
        let function = &stack.functions[0];
        assert_eq!(
            (function.name.as_str(), function.timeout),
            ("do-it", Duration::from_secs(20))
        );
        assert_eq!(function.variables["TABLE_NAME"], "st-table");
        assert_eq!(function.variables["QUEUE"], "http://a/000000000000/work");
        assert_eq!(function.variables["FLAG"], "true");
        let mapping = &stack.queue_mappings[0];
        assert_eq!(
            (
                mapping.batch_size,
                mapping.partial_failures,
                mapping.function.as_str()
            ),
            (5, true, "do-it")
        );
        let stream = &stack.stream_mappings[0];
        assert_eq!(
            (
                stream.table.as_str(),
                stream.batch_size,
                stream.filters.len()
            ),
            ("st-table", 25, 1)
        );
        let route = &stack.routes[0];
        assert_eq!(route.function, "do-it");
        assert_eq!(
            route.authorizer,
            Some(Authorizer {
                scopes: vec!["a/read".into()]
            })
        );
        assert_eq!(stack.schedules.len(), 2);
        let nightly = stack.schedules.iter().find(|s| s.input != "{}").unwrap();
        let at = "2026-11-21T16:30:00Z".parse().unwrap();
        assert_eq!(nightly.payload(at), r#"{"time":"2026-11-21T16:30:00Z"}"#);
    }

    #[test]
    fn what_has_no_local_counterpart_is_refused() {
        for (text, expected) in [
            (
                "Resources: {Bucket: {Type: 'AWS::S3::Bucket'}}",
                "resource Bucket has the type AWS::S3::Bucket, which the local stack does not know",
            ),
            (
                "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {FifoQueue: true}}}",
                "Q: FIFO queues are not supported by the local stack",
            ),
            (
                "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Events: {E: {Type: HttpApi, Properties: {}}}}}}",
                "F: its event E has the type HttpApi, which the local stack does not know",
            ),
            (
                "Resources: {S: {Type: 'AWS::Scheduler::Schedule', Properties: {ScheduleExpression: rate(1 minute), Target: {Arn: 'arn:x:function:gone'}}}}",
                "S refers to the function arn:x:function:gone, which cannot be resolved",
            ),
        ] {
            assert_eq!(load(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn the_template_that_is_deployed_can_be_brought_up() {
        let template = Template::parse(TEMPLATE).unwrap();
        let secrets = template
            .secrets()
            .into_iter()
            .map(|id| (id, "s".repeat(128)))
            .collect();
        let inputs = Inputs {
            defaults: local_defaults("http://h"),
            secrets,
            ..inputs()
        };
        let stack = Stack::load(&template, &inputs).unwrap();
        assert_eq!(
            (
                stack.tables.len(),
                stack.functions.len(),
                stack.schedules.len()
            ),
            (1, 18, 6)
        );
        let stack = REPORT_TEMPLATES.iter().fold(stack, |stack, template| {
            let template = Template::parse(template).unwrap();
            stack.with_reports(&template, &inputs).unwrap()
        });
        let [told, texts] = &stack.reports[..] else {
            panic!("{:?}", stack.reports)
        };
        assert_eq!(texts.configuration_set, "st-texts");
        assert!(texts.types.iter().all(|kind| kind.starts_with("TEXT_")));
        assert_eq!(texts.queue, told.queue);
        let tells = stack.functions.iter().find(|f| f.name == "close-loop");
        assert_eq!(
            tells.unwrap().variables["SMS_CONFIGURATION_SET"],
            texts.configuration_set
        );
        assert_eq!(told.configuration_set, "st-letters");
        assert_eq!(told.types, ["delivery", "bounce", "complaint", "reject"]);
        for mails in ["close-loop", "notify-staff", "write-reports"] {
            let function = stack.functions.iter().find(|f| f.name == mails).unwrap();
            let set = &function.variables["MAIL_CONFIGURATION_SET"];
            assert_eq!(*set, told.configuration_set, "{mails}");
        }
        let reads = stack.queue_mappings.iter().find(|m| m.queue == told.queue);
        assert_eq!(reads.unwrap().function, "settle-notices");
        let submit = stack
            .functions
            .iter()
            .find(|function| function.name == "submit-feedback")
            .unwrap();
        assert_eq!(submit.variables["PUBLIC_URL"], "http://h");
        assert_eq!(
            submit.variables["SIGNING_KEYS"],
            format!("1={}", "s".repeat(48))
        );
        let keys: Vec<_> = stack
            .routes
            .iter()
            .map(|route| route.key.to_string())
            .collect();
        assert!(
            keys.contains(&"POST /v1/cases/{id}/commands".to_owned()),
            "staff routes exist: {keys:?}"
        );
        let scopes = |stack: &Stack| {
            let routes = stack.routes.iter();
            let staff = routes.filter_map(|route| route.authorizer.clone());
            staff.map(|staff| staff.scopes.len()).collect::<Vec<_>>()
        };
        let asked = scopes(&stack);
        assert!(!asked.is_empty() && asked.iter().all(|scopes| *scopes == 1));
        // Tokens that carry roles have no scope for the gateway to ask for.
        let roles = BTreeMap::from([("StaffTokens".to_owned(), "roles".to_owned())]);
        let inputs = Inputs {
            parameters: roles,
            ..inputs
        };
        let stack = Stack::load(&template, &inputs).unwrap();
        assert_eq!(scopes(&stack), vec![0; asked.len()]);
    }
}
