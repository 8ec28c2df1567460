"""What the expanded template must hold, beyond what general linters know.

    python infra/checks/rules.py EXPANDED.json

Each rule is a function that yields a sentence per fault. A rule states one decision of the design; its docstring is what
the report prints. Rules see the output of `expand.py`, so aliases, versions and event settings that SAM makes are there.
"""

import json
import re
import sys
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path

import expand

ROOT = Path(__file__).resolve().parents[2]

# What each function may do, and nothing else. A new access pattern of the store changes this table and the role together.
READ = {"dynamodb:GetItem", "dynamodb:Query"}
WRITE = READ | {"dynamodb:PutItem", "dynamodb:UpdateItem"}  # parts of a transaction need the same
LIST = {"dynamodb:BatchGetItem"}  # an index lags: what it lists is read again
# A day's cells, on condition of the run's generation; a suggestion, on condition that its response is not erased.
REPLACE = {"dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}
PUBLISH = {"dynamodb:Query", "dynamodb:PutItem"}
KEEP = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}  # figures that only the company knows, tests
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
STREAM = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
CONSUME = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
SEND, MAIL = {"sqs:SendMessage"}, {"ses:SendEmail"}
SMS = {"sms-voice:SendTextMessage"}


# Whom a letter may come from: the sender of the installation; for customers of a brand, one that was given besides.
OWN_SENDER = {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}
ANY_SENDER = {"StringEquals": {"ses:FromAddress": {"Fn::If": [
    "HasBrandSenders", {"Fn::Split": [",", {"Fn::Sub": "${MailFrom},${BrandSenders}"}]}, {"Ref": "MailFrom"}]}}}
# Test letters go to the staff who were listed, whatever a program asks for.
TO_STAFF = ANY_SENDER | {"ForAllValues:StringEquals": {"ses:Recipients": {"Fn::Split": [",", {"Ref": "TestMailTo"}]}}}
SENDERS = {"close-loop": ANY_SENDER, "tell-reporters": ANY_SENDER, "manage-policy": TO_STAFF}


class Function:
    """What is expected of one function. `trigger` is http, stream, queue or schedule."""

    def __init__(self, trigger, table, indexes=(), sends=(), consumes=None, mails=False, texts=False, narrowly=()):
        self.trigger, self.table, self.indexes = trigger, table, set(indexes)
        self.narrowly = [set(actions) for actions in narrowly]  # with some items of the table only, each in a statement of its own
        self.sends, self.consumes, self.mails, self.texts = set(sends), consumes, mails, texts

    @property
    def actions(self):
        actions = self.table.union(LOGS, TRACE, *self.narrowly)
        if self.sends:
            actions = actions | SEND
        if self.consumes:
            actions = actions | CONSUME
        if self.trigger == "stream":
            actions = actions | STREAM
        if self.texts:
            actions = actions | SMS
        return actions | MAIL if self.mails else actions


BOTH = ("CustomerNotices", "StaffAlerts")
FUNCTIONS = {
    "submit-feedback": Function("http", READ | {"dynamodb:PutItem"}, narrowly=[{"dynamodb:UpdateItem"}]),
    "serve-pages": Function("http", READ),
    # The check: that the response of a tester is not erased.
    "take-answers": Function("http", READ | LIST | {"dynamodb:ConditionCheckItem"}, narrowly=[{"dynamodb:PutItem", "dynamodb:UpdateItem"}]),
    "manage-cases": Function("http", WRITE | LIST, indexes=["queue", "due", "by-day"]),
    "report-nps": Function("http", READ),
    "relay-events": Function("stream", {"dynamodb:GetItem"}, sends=[*BOTH, "RelayDead"]),
    "alert-breaches": Function("schedule", WRITE | LIST, indexes=["due", "queue"], sends=BOTH),
    "notify-staff": Function("queue", WRITE, sends=["StaffAlerts"], consumes="StaffAlerts", mails=True),
    "close-loop": Function("queue", WRITE, consumes="CustomerNotices", mails=True, texts=True),
    "aggregate-nps": Function("schedule", WRITE | REPLACE, indexes=["by-day"]),
    "manage-policy": Function("http", PUBLISH, indexes=["queue"], mails=True, texts=True, narrowly=[LIST, KEEP]),
    "watch-risks": Function("schedule", WRITE | LIST, indexes=["by-day", "by-customer"]),
    "write-reports": Function("schedule", WRITE | LIST, indexes=["by-day"], mails=True),
    "serve-reports": Function("http", READ),
    "manage-issues": Function("http", WRITE | LIST | REPLACE),
    "link-issues": Function("schedule", WRITE | LIST | REPLACE, indexes=["by-day"]),
    "tell-reporters": Function("schedule", WRITE | LIST | REPLACE, mails=True),
    "settle-notices": Function("queue", WRITE, consumes="MailReports"),
}

# Route: function and, for staff, the scope.
ROUTES = {
    "POST /v1/feedback": ("submit-feedback", None),
    "OPTIONS /v1/feedback": ("submit-feedback", None),
    "POST /v1/receipts/{token}/scores": ("submit-feedback", None),
    "GET /": ("serve-pages", None),
    "GET /f/{form}": ("serve-pages", None),
    "GET /v1/receipts/{token}": ("serve-pages", None),
    "GET /openapi.json": ("serve-pages", None),
    "POST /v1/receipts/{token}/helped": ("take-answers", None),
    "POST /v1/receipts/{token}/messages": ("take-answers", None),
    "GET /v1/receipts/{token}/betas/{id}": ("take-answers", None),
    "POST /v1/receipts/{token}/betas/{id}": ("take-answers", None),
    "GET /v1/unsubscribe/{token}": ("take-answers", None),
    "POST /v1/unsubscribe/{token}": ("take-answers", None),
    "GET /v1/cases": ("manage-cases", "resound/cases.read"),
    "GET /v1/cases/{id}": ("manage-cases", "resound/cases.read"),
    "POST /v1/cases/{id}/commands": ("manage-cases", "resound/cases.write"),
    "GET /v1/statistics/cases": ("manage-cases", "resound/reports.read"),
    "GET /v1/kpi": ("manage-cases", "resound/reports.read"),
    "GET /v1/stuck-events": ("manage-cases", "resound/cases.manage"),
    "POST /v1/stuck-events/resume": ("manage-cases", "resound/cases.manage"),
    "POST /v1/suppressions": ("manage-cases", "resound/cases.manage"),
    "POST /v1/suppressions/lookup": ("manage-cases", "resound/cases.manage"),
    "POST /v1/suppressions/lift": ("manage-cases", "resound/admin"),
    "GET /v1/nps": ("report-nps", "resound/reports.read"),
    "GET /v1/nps/radar": ("report-nps", "resound/reports.read"),
    "GET /v1/nps/index": ("report-nps", "resound/reports.read"),
    "GET /v1/nps/volatility": ("report-nps", "resound/reports.read"),
    "GET /v1/nps/assessments": ("report-nps", "resound/reports.read"),
    "GET /v1/nps/corrections": ("report-nps", "resound/reports.read"),
    "GET /v1/reports": ("serve-reports", "resound/reports.read"),
    "GET /v1/reports/{kind}/{period}": ("serve-reports", "resound/reports.read"),
    "GET /v1/policy": ("manage-policy", "resound/cases.read"),
    "PUT /v1/policy": ("manage-policy", "resound/admin"),
    "GET /v1/calendars": ("manage-policy", "resound/cases.read"),
    "GET /v1/calendars/{name}": ("manage-policy", "resound/cases.read"),
    "PUT /v1/calendars/{name}": ("manage-policy", "resound/admin"),
    "GET /v1/calendars/{name}/preview": ("manage-policy", "resound/cases.read"),
    "POST /v1/calendars/preview": ("manage-policy", "resound/admin"),
    "GET /v1/assignment": ("manage-policy", "resound/cases.read"),
    "PUT /v1/assignment": ("manage-policy", "resound/admin"),
    "GET /v1/surveys/{survey}/figures/{day}": ("manage-policy", "resound/reports.read"),
    "PUT /v1/surveys/{survey}/figures/{day}": ("manage-policy", "resound/admin"),
    "GET /v1/nps/replay": ("manage-policy", "resound/reports.read"),
    "POST /v1/nps/replay": ("manage-policy", "resound/admin"),
    "GET /v1/targets": ("manage-policy", "resound/reports.read"),
    "PUT /v1/targets": ("manage-policy", "resound/admin"),
    "GET /v1/templates": ("manage-policy", "resound/cases.read"),
    "PUT /v1/templates": ("manage-policy", "resound/admin"),
    "POST /v1/templates/preview": ("manage-policy", "resound/admin"),
    "POST /v1/templates/test": ("manage-policy", "resound/admin"),
    "GET /v1/issues": ("manage-issues", "resound/cases.read"),
    "POST /v1/issues": ("manage-issues", "resound/cases.manage"),
    "GET /v1/issues/{id}": ("manage-issues", "resound/cases.read"),
    "GET /v1/issues/{id}/links": ("manage-issues", "resound/cases.read"),
    "GET /v1/issues/{id}/suggestions": ("manage-issues", "resound/cases.read"),
    "POST /v1/issues/{id}/commands": ("manage-issues", "resound/cases.write"),
    "PUT /v1/issues/{id}/kano/{response}": ("manage-issues", "resound/cases.write"),
    "GET /v1/improvements": ("manage-issues", "resound/reports.read"),
    "POST /v1/improvements": ("manage-issues", "resound/cases.manage"),
    "GET /v1/improvements/{id}": ("manage-issues", "resound/reports.read"),
    "POST /v1/improvements/{id}/commands": ("manage-issues", "resound/cases.write"),
    "GET /v1/improvements/{id}/announcement": ("manage-issues", "resound/cases.manage"),
    "POST /v1/improvements/{id}/announcement": ("manage-issues", "resound/cases.manage"),
    "GET /v1/improvements/{id}/announcement/preview": ("manage-issues", "resound/cases.manage"),
    "POST /v1/improvements/{id}/announcement/commands": ("manage-issues", "resound/cases.manage"),
    "GET /v1/improvements/{id}/beta": ("manage-issues", "resound/cases.manage"),
    "POST /v1/improvements/{id}/beta": ("manage-issues", "resound/cases.manage"),
    "GET /v1/improvements/{id}/beta/preview": ("manage-issues", "resound/cases.manage"),
    "POST /v1/improvements/{id}/beta/commands": ("manage-issues", "resound/cases.manage"),
    "GET /v1/recipients": ("manage-policy", "resound/admin"),
    "PUT /v1/recipients": ("manage-policy", "resound/admin"),
}

OWN_METRICS = {"Fn::Sub": "Resound/${AWS::StackName}"}
# The only topics that may write to a queue of ours: those of infra/mail.yaml and infra/texts.yaml, known by their names.
TOPICS = {"ArnEquals": {"aws:SourceArn": [
    {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-" + name} for name in ("letters", "texts")]}}
# What text messages are sent as, and with what: only those to customers are told of.
TEXT_SENDERS = {
    "close-loop": [{"Ref": "SmsOriginationIdentity"}, {"Fn::Sub": (
        "arn:${AWS::Partition}:sms-voice:${AWS::Region}:${AWS::AccountId}:configuration-set/${AWS::StackName}-texts")}],
    "manage-policy": [{"Ref": "SmsOriginationIdentity"}],
}
HTTP_API_URL = {"Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}
PUBLIC_URL = {"Fn::If": ["HasPublicUrl", {"Ref": "PublicUrl"},
                         {"Fn::If": ["HasDomain", {"Fn::Sub": "https://${DomainName}"}, HTTP_API_URL]}]}

SCHEDULES = {  # function: expression and zone
    "alert-breaches": ("rate(1 minute)", "UTC"),
    "aggregate-nps": ("rate(15 minutes)", "UTC"),
    "watch-risks": ("cron(20 * * * ? *)", {"Ref": "TimeZone"}),
    "link-issues": ("cron(40 * * * ? *)", {"Ref": "TimeZone"}),
    "write-reports": ("cron(5 * * * ? *)", {"Ref": "TimeZone"}),
    "tell-reporters": ("rate(1 minute)", "UTC"),
}
# What each function counts itself, in the namespace of the stack with the dimension `service`.
OWN_COUNTS = {
    "submit-feedback": ["FeedbackAccepted", "FeedbackReplayed", "CasesOpened", "ScoresAmended"],
    "take-answers": ["OutcomesConfirmed", "OutcomesDisputed", "CustomersWrote"],
    "relay-events": ["EventsRelayed"],
    "alert-breaches": ["SweepLateness", "SweepUnfinished", "CasesExpired", "CasesRetargeted", "EventsSentAgain", "EventsStuck"],
    "notify-staff": ["AlertsSent", "AlertsFailed"],
    "close-loop": ["NoticesSent", "NoticesInDoubt"],
    "settle-notices": ["NoticesDelivered", "NoticesBounced", "NoticesSoftBounced", "NoticesRejected", "NoticesComplained", "NoticesFound",
                       "ReportsPassedOver"],
    "aggregate-nps": ["NightCompleted", "NightDays", "NightResponses", "NightCells", "NightCorrections", "NightWaiting", "NightLate"],
    "watch-risks": ["RisksRaised", "RisksUnfinished"],
    "link-issues": ["ResponsesLinked", "ResponsesSuggested", "LinkingUnfinished"],
    "tell-reporters": ["AnnouncementsSent", "AnnouncementsUnknown", "BetaLettersSent", "BetaLettersUnknown"],
    "write-reports": ["ReportsWritten", "ReportsLate", "AlertsSent", "AlertsFailed"],
}
TICK = {"time": "<aws.scheduler.scheduled-time>"}

# Resources with a wildcard that AWS leaves no way around, or that ends at the edge of this stack.
WILD = {
    "xray:PutTraceSegments": {"*"},
    "xray:PutTelemetryRecords": {"*"},
    "cloudwatch:DescribeAlarms": {"*"},
    "ses:SendEmail": {"arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"},
    **{action: {"${Table.Arn}/stream/*"} for action in STREAM},
    **{action: {"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-*"}
       for action in ("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig")},
}


# ------------------------------------------------------------------------------------------------------- reading


class Template:
    """The expanded template, with the look-ups that rules need."""

    def __init__(self, body):
        self.body = body
        self.resources = body["Resources"]
        self.parameters = body.get("Parameters", {})

    def of(self, kind):
        """Logical id and properties of every resource of a type."""
        return {i: r.get("Properties", {}) for i, r in self.resources.items() if r["Type"] == kind}

    def condition(self, logical):
        return self.resources[logical].get("Condition")

    def functions(self):
        """Name without the stack's prefix: (logical id, properties)."""
        found = {}
        for logical, function in self.of("AWS::Lambda::Function").items():
            name = text(function.get("FunctionName"))
            found[name.removeprefix("${AWS::StackName}-")] = (logical, function)
        return found

    def alias_of(self, value):
        """The function behind a reference to its alias, or None if the value is anything else."""
        alias = self.resources.get(ref(value) or "", {})
        if alias.get("Type") != "AWS::Lambda::Alias" or alias["Properties"].get("Name") != "live":
            return None
        return ref(alias["Properties"]["FunctionName"])

    def policies(self, role):
        """Every statement of a role: (statement, condition of the template under which it exists)."""
        for policy in role.get("Policies", []):
            yield from statements(policy["PolicyDocument"])


def statements(document):
    for statement in listed(document.get("Statement", [])):
        for condition, branch in branches(statement):
            if branch is not None:
                yield branch, condition


def branches(value):
    """The alternatives of an `Fn::If`, as (condition, value); a value that is not one has itself alone."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        name, yes, no = value["Fn::If"]
        return [(name, b) for _, b in branches(yes)] + [(f"not {name}", b) for _, b in branches(no)]
    return [(None, None if value == {"Ref": "AWS::NoValue"} else value)]


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def ref(value):
    """The logical id of a `Ref`."""
    return value.get("Ref") if isinstance(value, dict) and set(value) == {"Ref"} else None


def att(value, name="Arn"):
    """The logical id of a `GetAtt` of the given attribute."""
    if isinstance(value, dict) and set(value) == {"Fn::GetAtt"}:
        target = value["Fn::GetAtt"]
        target = target.split(".", 1) if isinstance(target, str) else target
        if target[1] == name:
            return target[0]
    return None


def text(value):
    """A value as text, with references as `${...}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (kind, inner), = value.items()
        if kind == "Ref":
            return "${" + inner + "}"
        if kind == "Fn::GetAtt":
            return "${" + (inner if isinstance(inner, str) else ".".join(inner)) + "}"
        if kind == "Fn::Sub" and isinstance(inner, str):
            return inner
    return json.dumps(value)


def walk(value, path=()):
    """Every node of a value with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, (*path, index))


@cache
def read(path):
    """A source file of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


RULES = []


def rule(function):
    RULES.append(function)
    return function


# --------------------------------------------------------------------------------------------------------- rules


@rule
def functions_are_the_ones_we_know(t):
    """The functions are the ones of the design, each built from the crate of its name."""
    found = t.functions()
    for name in FUNCTIONS.keys() - found.keys():
        yield f"{name} is missing"
    for name in found.keys() - FUNCTIONS.keys():
        yield f"{name} is not expected"
    for name, (logical, function) in found.items():
        if function.get("Runtime") != "provided.al2023":
            yield f"{logical}: runtime is not provided.al2023"
        if function.get("Handler") != "bootstrap":
            yield f"{logical}: handler is not bootstrap"
        if function.get("Architectures") != [{"Ref": "Architecture"}]:
            yield f"{logical}: processor is not the parameter Architecture"
        if function.get("Code", {}).get("S3Key") != f"{name}.zip":
            yield f"{logical}: its code is not the build of {name}"
        if not (ROOT / "functions" / name / "Cargo.toml").exists():
            yield f"{logical}: there is no functions/{name}"
        if "VpcConfig" in function or "Layers" in function:
            yield f"{logical}: a network or a layer would slow every cold start"


@rule
def timings_keep_their_order(t):
    """function timeout < lease < visibility < back-off, visibility >= 6 x timeout, as lambda-kit states them; groups before the back-off."""
    source = read("shared/lambda-kit/src/timing.rs")
    stated = {n: int(s) for n, s in re.findall(r"const (\w+): \w*Duration = \w*Duration::from_secs\((\d+)\)", source)}
    http, consumer, visibility = (stated[n] for n in ("HTTP_TIMEOUT", "CONSUMER_TIMEOUT", "QUEUE_VISIBILITY"))
    if not max(http, consumer) < stated["NOTICE_LEASE"] < visibility < stated["FIRST_BACK_OFF"]:
        yield "lambda-kit: timeout < lease < visibility < back-off does not hold"
    most = re.search(r"const MOST_SECONDS: u32 = (\d+);", read("functions/notify-staff/src/config.rs"))
    if t.parameters["AlertGroupSeconds"].get("MaxValue") != int(most[1]) or int(most[1]) + consumer >= stated["FIRST_BACK_OFF"]:
        yield "AlertGroupSeconds: a group must be sent before its events are repaired, and the function takes no more"
    timeouts = {}
    for name, (logical, function) in t.functions().items():
        timeouts[logical] = function.get("Timeout", 3)
        expected = http if FUNCTIONS.get(name) and FUNCTIONS[name].trigger == "http" else consumer
        if name in ("alert-breaches", "tell-reporters"):
            expected = stated["SWEEP_TIMEOUT"]
        if name in ("aggregate-nps", "watch-risks", "write-reports", "link-issues"):
            # A count holds no lease and takes what it takes; neither does a look for risks. A report's lease is counted from
            # its letter, and not from when the run began.
            if timeouts[logical] != 900:
                yield f"{logical}: a count, a look for risks or issues, or a report may take 900 s"
        elif timeouts[logical] != expected:
            yield f"{logical}: times out after {timeouts[logical]} s, not {expected} s"
    queues = t.of("AWS::SQS::Queue")
    for logical, mapping in t.of("AWS::Lambda::EventSourceMapping").items():
        queue = queues.get(att(mapping.get("EventSourceArn")) or "")
        function = t.alias_of(mapping.get("FunctionName"))
        if queue is None or function not in timeouts:
            continue
        seconds = queue.get("VisibilityTimeout", 30)
        if seconds < 6 * timeouts[function]:
            yield f"{logical}: visibility {seconds} s is below 6 x timeout {timeouts[function]} s"
        if seconds != visibility:
            yield f"{logical}: visibility {seconds} s is not lambda-kit's {visibility} s"


@rule
def environment_matches_config(t):
    """Each function gets exactly the variables its config.rs reads, and each variable is the right thing."""
    values = {
        "TABLE_NAME": {"Ref": "Table"},
        "CUSTOMER_NOTICES_URL": {"Ref": "CustomerNotices"},
        "STAFF_ALERTS_URL": {"Ref": "StaffAlerts"},
        "TIME_ZONE": {"Ref": "TimeZone"},
        "LOG_LEVEL": {"Ref": "LogLevel"},
        "METRICS_NAMESPACE": OWN_METRICS,
        "MAIL_FROM": {"Ref": "MailFrom"},
        "BRAND_SENDERS": {"Ref": "BrandSenders"},
        "TEST_MAIL_TO": {"Ref": "TestMailTo"},
        "SMS_ORIGINATION_IDENTITY": {"Ref": "SmsOriginationIdentity"},
        "SMS_COUNTRY": {"Ref": "SmsCountry"},
        "TEST_TEXT_TO": {"Ref": "TestTextTo"},
        "SMS_CONFIGURATION_SET": {"Fn::If": ["HasSmsReports", {"Fn::Sub": "${AWS::StackName}-texts"}, ""]},
        "CUSTOMER_WEBHOOK_URL": {"Ref": "CustomerWebhookUrl"},
        "CUSTOMER_WEBHOOK_SECRET": {"Ref": "CustomerWebhookSecret"},
        "MAIL_CONFIGURATION_SET": {"Fn::If": ["HasMailReports", {"Fn::Sub": "${AWS::StackName}-letters"}, ""]},
        "ALLOWED_ORIGINS": {"Ref": "AllowedOrigins"},
        "STAFF_LOCALE": {"Ref": "StaffLocale"},
        "OWNER_EMAIL": {"Ref": "OwnerEmail"},
        "TEAM_LEAD_EMAIL": {"Ref": "TeamLeadEmail"},
        "MANAGER_EMAIL": {"Ref": "ManagerEmail"},
        "EXECUTIVE_EMAIL": {"Ref": "ExecutiveEmail"},
        "ALERT_WEBHOOK_URL": {"Ref": "AlertWebhookUrl"},
        "ALERT_WEBHOOK_SECRET": {"Ref": "AlertWebhookSecret"},
        "WEBHOOK_ALLOW_PRIVATE": {"Ref": "WebhookAllowPrivate"},
        "ALERT_GROUP_SECONDS": {"Ref": "AlertGroupSeconds"},
        "LETTERS_A_MINUTE": {"Ref": "AnnouncementLetters"},
    }
    for name, (logical, function) in t.functions().items():
        given = function.get("Environment", {}).get("Variables", {})
        if name not in FUNCTIONS:
            continue
        # The runtime gives the AWS_ ones; lambda-kit reads those of the shell for every function.
        wanted = {v for v in declared_variables(name) if not v.startswith("AWS_")} | {"LOG_LEVEL", "METRICS_NAMESPACE"}
        if FUNCTIONS[name].mails:
            wanted.add("MAIL_CONFIGURATION_SET")
        if name == "close-loop":  # lambda-kit reads it too; what others text is no word to a customer
            wanted.add("SMS_CONFIGURATION_SET")
        for variable in sorted(wanted - given.keys()):
            yield f"{logical}: {variable} is not set"
        for variable in sorted(given.keys() - wanted):
            yield f"{logical}: {variable} is set but not read"
        for variable, value in given.items():
            if variable in values and value != values[variable]:
                yield f"{logical}: {variable} is {text(value)}, not {text(values[variable])}"
            if variable == "SIGNING_KEYS":
                generated = {"Fn::Sub": "1={{resolve:secretsmanager:${SigningSecret}:SecretString}}"}
                if value != {"Fn::If": ["HasSigningKeys", {"Ref": "SigningKeys"}, generated]}:
                    yield f"{logical}: SIGNING_KEYS is neither the parameter nor the generated secret"
            if variable == "PUBLIC_URL" and value != PUBLIC_URL:
                yield f"{logical}: PUBLIC_URL is not the parameter, the own domain or the address of the HTTP API"


def declared_variables(name):
    """The list `VARIABLES` of a function's config.rs."""
    source = read(f"functions/{name}/src/config.rs")
    found = re.search(r"const VARIABLES\b[^=]*=(.*?);", source, flags=re.S)
    return set(re.findall(r'"([A-Z][A-Z0-9_]*)"', found.group(1)))


@rule
def roles_allow_what_is_needed(t):
    """Each function has a role of its own that allows the actions of its access patterns and no other."""
    roles, used = t.of("AWS::IAM::Role"), {}
    for name, (logical, function) in t.functions().items():
        role_id = att(function.get("Role"))
        if role_id not in roles:
            yield f"{logical}: its role is not one of this template"
            continue
        if role_id in used:
            yield f"{logical}: shares {role_id} with {used[role_id]}"
        used[role_id] = logical
        if name not in FUNCTIONS:
            continue
        expected, actions = FUNCTIONS[name], set()
        for statement, condition in t.policies(roles[role_id]):
            if statement.get("Effect") != "Allow":
                continue
            stated = set(listed(statement.get("Action")))
            actions |= stated
            resources = listed(statement.get("Resource"))
            if stated & STREAM:
                if resources != [{"Fn::Sub": "${Table.Arn}/stream/*"}]:
                    yield f"{role_id}: reads a stream that is not the table's"
            elif any(a.startswith("dynamodb:") for a in stated):
                yield from table_access(role_id, expected, stated, resources)
            if stated & SEND and {att(r) for r in resources} != expected.sends:
                yield f"{role_id}: sends to {sorted(map(text, resources))}, not to {sorted(expected.sends)}"
            if stated & CONSUME and [att(r) for r in resources] != [expected.consumes]:
                yield f"{role_id}: consumes {sorted(map(text, resources))}, not {expected.consumes}"
            if stated & LOGS and [att(r) for r in resources] != [f"{logical}Logs"]:
                yield f"{role_id}: writes logs that are not its own"
            if stated & TRACE and condition != "IsTraced":
                yield f"{role_id}: traces although tracing is off"
            if stated & SMS:
                if condition != ("HasTestText" if name == "manage-policy" else "HasSms"):
                    yield f"{role_id}: may send text messages although they are off"
                if resources != TEXT_SENDERS.get(name):
                    yield f"{role_id}: may send text messages as anybody"
            if stated & MAIL:
                if condition != ("HasTestMail" if name == "manage-policy" else "HasMail"):
                    yield f"{role_id}: may send mail although mail is off"
                if statement.get("Condition") != SENDERS.get(name, OWN_SENDER):
                    yield f"{role_id}: may send mail as anybody"
        for action in sorted(expected.actions - actions):
            yield f"{role_id}: {action} is not allowed but needed"
        for action in sorted(actions - expected.actions):
            yield f"{role_id}: {action} is allowed but not needed"


def table_access(role_id, expected, stated, resources):
    on_table = [r for r in resources if att(r) == "Table"]
    if on_table and stated not in (expected.table, *expected.narrowly):
        yield f"{role_id}: may do {sorted(stated)} with the table, not {sorted(expected.table)}"
    indexes = {m.group(1) for r in resources if (m := re.fullmatch(r"\$\{Table\.Arn\}/index/([\w-]+)", text(r)))}
    if len(on_table) + len(indexes) != len(resources):
        yield f"{role_id}: reaches {sorted(map(text, resources))}, which is not the table or an index"
    if indexes and stated != {"dynamodb:Query"}:
        yield f"{role_id}: does more than query an index"
    if indexes and indexes != expected.indexes or on_table and indexes:
        yield f"{role_id}: queries {sorted(indexes)}, not {sorted(expected.indexes)}"


@rule
def indexes_are_readable_by_those_who_need_them(t):
    """A function that queries an index is allowed that index, and that one alone."""
    roles = t.of("AWS::IAM::Role")
    for name, (logical, function) in t.functions().items():
        role = roles.get(att(function.get("Role")) or "")
        if role is None or name not in FUNCTIONS:
            continue
        allowed = {r for s, _ in t.policies(role) for r in map(text, listed(s.get("Resource"))) if "/index/" in r}
        expected = {"${Table.Arn}/index/" + index for index in FUNCTIONS[name].indexes}
        if allowed != expected:
            yield f"{logical}: may query {sorted(allowed)}, not {sorted(expected)}"


@rule
def nothing_scans_and_nothing_is_wild(t):
    """No wildcard in an action, none in a resource unless AWS leaves no other way, no Scan, no other route to one."""
    documents = [(i, p.get("PolicyDocument", {})) for i, p in t.of("AWS::IAM::ManagedPolicy").items()]
    documents += [(i, p.get("PolicyDocument", {})) for i, p in t.of("AWS::IAM::Policy").items()]
    for logical, role in t.of("AWS::IAM::Role").items():
        documents += [(logical, policy["PolicyDocument"]) for policy in role.get("Policies", [])]
    for logical, document in documents:
        for statement, _ in statements(document):
            if {"NotAction", "NotResource"} & statement.keys():
                yield f"{logical}: a policy by exclusion allows what nobody thought of"
            actions = listed(statement.get("Action"))
            for action in actions:
                if "*" in action or "?" in action:
                    yield f"{logical}: the action {action} is a wildcard"
                if action.lower() == "dynamodb:scan" or action.lower().startswith("dynamodb:partiql"):
                    yield f"{logical}: {action}: no access pattern of ours scans"
            for resource in map(text, listed(statement.get("Resource"))):
                if "*" in resource and not all(resource in WILD.get(action, ()) for action in actions):
                    yield f"{logical}: the resource {resource} is a wildcard for {', '.join(actions)}"


@rule
def roles_are_bounded_and_trusted_by_one_service(t):
    """Every role has the path and the boundary of the organisation, no foreign policy, and one service that assumes it."""
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    services = {"SchedulerRole": "scheduler.amazonaws.com", "DeploymentRole": "codedeploy.amazonaws.com"}
    for logical, role in t.of("AWS::IAM::Role").items():
        if role.get("PermissionsBoundary") != boundary:
            yield f"{logical}: ignores the permissions boundary"
        if role.get("Path") != {"Ref": "RolePath"}:
            yield f"{logical}: ignores the role path"
        if "RoleName" in role:
            yield f"{logical}: a named role needs CAPABILITY_NAMED_IAM"
        for _, policies in branches(role.get("ManagedPolicyArns")):
            if listed(policies) not in ([], [{"Ref": "KeyPolicy"}]):
                yield f"{logical}: has a policy that is not written here"
        needs_key = logical != "DeploymentRole"
        if needs_key and dict(branches(role.get("ManagedPolicyArns"))).get("HasKey") != [{"Ref": "KeyPolicy"}]:
            yield f"{logical}: cannot use the customer-managed key"
        trust = listed(role.get("AssumeRolePolicyDocument", {}).get("Statement"))
        service = services.get(logical, "lambda.amazonaws.com")
        if len(trust) != 1 or trust[0].get("Principal") != {"Service": service}:
            yield f"{logical}: is trusted by something else than {service}"
        if logical == "SchedulerRole" and trust[0].get("Condition") != {
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}:
            yield f"{logical}: another account's schedule could use it"


@rule
def the_table_is_the_stores(t):
    """Keys, indexes and projections are those of the store; the table is protected, restorable and kept."""
    (logical, table), *others = t.of("AWS::DynamoDB::Table").items()
    if others:
        yield "there is more than one table"
    if {k["AttributeName"]: k["KeyType"] for k in table["KeySchema"]} != {"PK": "HASH", "SK": "RANGE"}:
        yield f"{logical}: the key is not PK, SK"
    given = {}
    for index in table.get("GlobalSecondaryIndexes", []):
        keys = {k["KeyType"]: k["AttributeName"] for k in index["KeySchema"]}
        projection = index.get("Projection", {})
        if projection.get("ProjectionType") == "ALL":
            yield f"{logical}: index {index['IndexName']} copies everything, personal text included"
        include = tuple(projection.get("NonKeyAttributes", []))
        if projection.get("ProjectionType") != ("INCLUDE" if include else "KEYS_ONLY"):
            yield f"{logical}: index {index['IndexName']} does not copy exactly what it names"
        given[index["IndexName"]] = (keys.get("HASH"), keys.get("RANGE"), tuple(sorted(include)))
    wanted = store_indexes()
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            yield f"{logical}: index {name} is {given.get(name)}, the store has {wanted.get(name)}"
    used = {k["AttributeName"] for k in table["KeySchema"]} | {a for h, r, _ in given.values() for a in (h, r)}
    defined = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    if defined != dict.fromkeys(used, "S"):
        yield f"{logical}: attribute definitions are not exactly the keys, as strings"
    if table.get("BillingMode") != "PAY_PER_REQUEST":
        yield f"{logical}: is not paid per request"
    if not table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
        yield f"{logical}: cannot be restored to a point in time"
    if table.get("DeletionProtectionEnabled") != {"Fn::If": ["IsProtected", True, False]}:
        yield f"{logical}: deletion protection does not follow its parameter"
    if t.parameters.get("DeletionProtection", {}).get("Default") != "true":
        yield f"{logical}: deletion protection is off by default"
    if table.get("StreamSpecification") != {"StreamViewType": "KEYS_ONLY"}:
        yield f"{logical}: the stream must carry keys only"
    if table.get("TimeToLiveSpecification") != {"AttributeName": "expires_at", "Enabled": True}:
        yield f"{logical}: items do not expire by expires_at"
    if dict(branches(table.get("SSESpecification"))).get("HasKey", {}).get("KMSMasterKeyId") != {"Ref": "KmsKeyArn"}:
        yield f"{logical}: ignores the customer-managed key"
    for kept in ("DeletionPolicy", "UpdateReplacePolicy"):
        if t.resources[logical].get(kept) != "Retain":
            yield f"{logical}: {kept} is not Retain"
    if "TableName" in table:
        yield f"{logical}: a named table that is kept would block the next install"


def store_indexes():
    """The indexes of the store's schema: name to (hash, range, included attributes)."""
    pattern = r'Index \{\s*name: "([\w-]+)",\s*hash: "(\w+)",\s*range: "(\w+)",\s*include: &\[(.*?)\]'
    found = re.findall(pattern, read("shared/store/src/schema.rs"), flags=re.S)
    return {n: (h, r, tuple(sorted(re.findall(r'"(\w+)"', include)))) for n, h, r, include in found}


@rule
def queues_lose_nothing(t):
    """Every consumed queue has a dead-letter queue, given by ARN, that keeps for 14 days and takes from it alone."""
    queues = t.of("AWS::SQS::Queue")
    consumed = {att(m.get("EventSourceArn")) for m in t.of("AWS::Lambda::EventSourceMapping").values()} & queues.keys()
    for logical in sorted({f.consumes for f in FUNCTIONS.values() if f.consumes} - consumed):
        yield f"{logical}: nobody consumes it"
    dead = {}
    for logical in sorted(consumed):
        redrive = queues[logical].get("RedrivePolicy", {})
        target = att(redrive.get("deadLetterTargetArn"))
        if target not in queues:
            yield f"{logical}: has no dead-letter queue by ARN"
            continue
        if target in consumed:
            yield f"{logical}: its dead letters are consumed as if they were new"
        dead.setdefault(target, []).append(logical)
        if redrive.get("maxReceiveCount") != 5:
            yield f"{logical}: gives up after {redrive.get('maxReceiveCount')} tries, not after 5"
        if queues[logical].get("MessageRetentionPeriod", 345600) < 86400:
            yield f"{logical}: messages do not outlast a day of trouble"
        if queues[logical].get("MessageRetentionPeriod", 345600) >= queues[target].get("MessageRetentionPeriod", 345600):
            yield f"{logical}: its dead letters keep the age of the message, and would expire at once"
    for logical in sorted(queues.keys() - consumed):
        if queues[logical].get("MessageRetentionPeriod") != 1209600:
            yield f"{logical}: does not keep dead letters for 14 days"
        allow = queues[logical].get("RedriveAllowPolicy", {})
        sources = dead.get(logical, [])
        if not sources and allow.get("redrivePermission") != "denyAll":
            yield f"{logical}: any queue may send its dead letters here"
        if sources:
            prefix = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
            arns = {prefix + text(queues[s].get("QueueName")) for s in sources}
            if allow.get("redrivePermission") != "byQueue" or set(map(text, allow.get("sourceQueueArns", []))) != arns:
                yield f"{logical}: does not take dead letters of {sources} alone"
    for logical, queue in queues.items():
        if queue.get("FifoQueue"):
            yield f"{logical}: is FIFO; order is the store's matter"
        encrypted = dict(branches(queue.get("SqsManagedSseEnabled"))).get("not HasKey") is True
        keyed = dict(branches(queue.get("KmsMasterKeyId"))).get("HasKey") == {"Ref": "KmsKeyArn"}
        if not (encrypted and keyed):
            yield f"{logical}: is not encrypted, with the customer's key if there is one"


@rule
def queues_are_reached_over_tls(t):
    """A queue policy refuses every request without TLS, for every queue, and opens none to others."""
    queues, covered = t.of("AWS::SQS::Queue"), set()
    for logical, policy in t.of("AWS::SQS::QueuePolicy").items():
        for statement, _ in statements(policy.get("PolicyDocument", {})):
            if statement.get("Effect") != "Deny" and (logical, statement.get("Condition")) != ("MailReportsPolicy", TOPICS):
                yield f"{logical}: lets in whom no role lets in"
            elif statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}:
                resources = {att(r) for r in listed(statement.get("Resource"))}
                covered |= resources & {ref(q) for q in policy.get("Queues", [])}
    for logical in sorted(queues.keys() - covered):
        yield f"{logical}: may be reached without TLS"


@rule
def mappings_report_each_failure(t):
    """Every mapping goes to the alias, reports failures one by one and gives up in bounds."""
    queues, seen = t.of("AWS::SQS::Queue"), set()
    functions = {logical: name for name, (logical, _) in t.functions().items()}
    for logical, mapping in t.of("AWS::Lambda::EventSourceMapping").items():
        name = functions.get(t.alias_of(mapping.get("FunctionName")) or "")
        if name is None:
            yield f"{logical}: does not go to the alias of a function"
            continue
        seen.add(name)
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{logical}: one failure would fail the whole batch"
        asked_for = {"Fn::If": ["HasReports", True, False]}
        if mapping.get("Enabled", True) != (asked_for if name == "settle-notices" else True):
            yield f"{logical}: is switched off"
        expected = FUNCTIONS.get(name)
        if mapping.get("MaximumBatchingWindowInSeconds", 0) > 5:
            yield f"{logical}: an alert must not wait for its batch to fill"
        if expected and expected.trigger == "queue":
            if att(mapping.get("EventSourceArn")) != expected.consumes:
                yield f"{logical}: {name} must consume {expected.consumes}, by ARN"
            if mapping.get("BatchSize", 10) > 10 and not mapping.get("MaximumBatchingWindowInSeconds"):
                yield f"{logical}: AWS wants a window for batches above 10"
            # A literal: some emulators take a parameter for text, and then consume nothing.
            if not isinstance(mapping.get("ScalingConfig", {}).get("MaximumConcurrency"), int):
                yield f"{logical}: concurrency is not bounded"
        elif expected and expected.trigger == "stream":
            yield from stream_mapping(logical, mapping, queues)
        else:
            yield f"{logical}: {name} is not triggered by a queue or a stream"
    for name, expected in FUNCTIONS.items():
        if expected.trigger in ("queue", "stream") and name not in seen:
            yield f"{name}: has no mapping"


def stream_mapping(logical, mapping, queues):
    if att(mapping.get("EventSourceArn"), "StreamArn") != "Table":
        yield f"{logical}: does not read the stream of the table"
    if mapping.get("StartingPosition") != "TRIM_HORIZON":
        yield f"{logical}: would skip what was written before it existed"
    if not mapping.get("BisectBatchOnFunctionError"):
        yield f"{logical}: one bad record would hold up its batch"
    if not 0 <= mapping.get("MaximumRetryAttempts", -1) <= 10:
        yield f"{logical}: would try for ever; the sweep repeats what is given up"
    if not 60 <= mapping.get("MaximumRecordAgeInSeconds", -1) <= 21600:
        yield f"{logical}: would hold up new events for old ones"
    if mapping.get("BatchSize", 100) > 1000:
        yield f"{logical}: a batch takes longer than the function may"
    if att(mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")) not in queues:
        yield f"{logical}: what it gives up is not kept, by ARN"
    filters = mapping.get("FilterCriteria", {}).get("Filters", [])
    wanted = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"SK": {"S": [{"prefix": "EVENT#"}]}}}}
    try:
        patterns = [json.loads(f["Pattern"]) for f in filters]
    except (KeyError, TypeError, ValueError):
        patterns = None
    if patterns != [wanted]:
        yield f"{logical}: must pass new events only"


@rule
def schedules_run_in_their_zone(t):
    """Schedules have their expression, a zone, the time as the only input, a retry limit and dead letters by ARN."""
    roles, queues = t.of("AWS::IAM::Role"), t.of("AWS::SQS::Queue")
    functions, seen = {logical: name for name, (logical, _) in t.functions().items()}, set()
    for logical, schedule in t.of("AWS::Scheduler::Schedule").items():
        target = schedule.get("Target", {})
        name = functions.get(t.alias_of(target.get("Arn")) or "")
        if name not in SCHEDULES:
            yield f"{logical}: does not start the alias of a scheduled function"
            continue
        seen.add(name)
        if (schedule.get("ScheduleExpression"), schedule.get("ScheduleExpressionTimezone")) != SCHEDULES[name]:
            yield f"{logical}: expression and zone are not {SCHEDULES[name]}"
        if schedule.get("FlexibleTimeWindow") != {"Mode": "OFF"} or schedule.get("State", "ENABLED") != "ENABLED":
            yield f"{logical}: does not start on time"
        try:
            given = json.loads(target.get("Input", ""))
        except (TypeError, ValueError):
            given = None
        if given != TICK:
            yield f"{logical}: its input is not the time of the schedule alone"
        if not 0 <= target.get("RetryPolicy", {}).get("MaximumRetryAttempts", 185) <= 10:
            yield f"{logical}: starts are repeated without a limit"
        dead = att(target.get("DeadLetterConfig", {}).get("Arn"))
        if dead not in queues:
            yield f"{logical}: a start that failed is not kept, by ARN"
        role = roles.get(att(target.get("RoleArn")) or "")
        if role is None:
            yield f"{logical}: its role is not one of this template"
            continue
        allowed = [(a, text(r)) for s, _ in t.policies(role) for a in listed(s.get("Action"))
                   for r in listed(s.get("Resource"))]
        if ("lambda:InvokeFunction", text(target.get("Arn"))) not in allowed:
            yield f"{logical}: its role may not start the alias"
        if ("sqs:SendMessage", f"${{{dead}.Arn}}") not in allowed:
            yield f"{logical}: its role may not write the dead letter"
    for name in sorted(SCHEDULES.keys() - seen):
        yield f"{name}: has no schedule"
    configs = {ref(c.get("FunctionName")): c for c in t.of("AWS::Lambda::EventInvokeConfig").values()}
    for name in SCHEDULES.keys() & t.functions().keys():
        config = configs.get(t.functions()[name][0], {})
        if config.get("Qualifier") != "live":
            yield f"{name}: says nothing about a run that fails"
            continue
        retries = config.get("MaximumRetryAttempts", 2)
        if retries != 0:
            yield f"{name}: the next run does the same work; a retry doubles it"


@rule
def routes_go_through_the_alias(t):
    """The routes are the ones of the API; integrations and permissions go to the alias, with format 2.0."""
    functions = {logical: name for name, (logical, _) in t.functions().items()}
    integrations = t.of("AWS::ApiGatewayV2::Integration")
    apis = t.of("AWS::ApiGatewayV2::Api")
    target, routes = {}, {}
    for logical, integration in integrations.items():
        name = functions.get(t.alias_of(integration.get("IntegrationUri")) or "")
        if name is None:
            yield f"{logical}: does not go to the alias of a function"
            continue
        target[logical] = name
        if integration.get("PayloadFormatVersion") != "2.0" or integration.get("IntegrationType") != "AWS_PROXY":
            yield f"{logical}: is not a proxy with payload format 2.0"
        timeout = t.functions()[name][1].get("Timeout", 3)
        if not timeout * 1000 < integration.get("TimeoutInMillis", 30000) <= 30000:
            yield f"{logical}: the gateway gives up before the function"
    for logical, route in t.of("AWS::ApiGatewayV2::Route").items():
        key = route.get("RouteKey")
        found = re.fullmatch(r"integrations/\$\{(\w+)\}", text(route.get("Target")))
        name = target.get(found.group(1)) if found else None
        routes[key] = name
        if key not in ROUTES:
            yield f"{logical}: {key} is not a route of the API"
        elif name != ROUTES[key][0]:
            yield f"{logical}: {key} goes to {name}, not to {ROUTES[key][0]}"
    for key in ROUTES.keys() - routes.keys():
        yield f"{key}: has no route"
    permissions = {}
    for logical, permission in t.of("AWS::Lambda::Permission").items():
        name = functions.get(t.alias_of(permission.get("FunctionName")) or "")
        if name is None:
            yield f"{logical}: does not let in to the alias"
            continue
        arn = text(permission.get("SourceArn"))
        prefix = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/"
        if permission.get("Principal") != "apigateway.amazonaws.com" or not arn.startswith(prefix):
            yield f"{logical}: lets in something else than the HTTP API of this stack"
        permissions.setdefault(name, []).append(arn.removeprefix(prefix))
    for key, name in routes.items():
        method, _, path = (key or "").partition(" ")
        request = f"$default/{method}{path}"
        if name and not any(fnmatchcase(request, pattern) for pattern in permissions.get(name, [])):
            yield f"{key}: the gateway may not call {name}"
    for logical, api in apis.items():
        if "CorsConfiguration" in api:
            yield f"{logical}: answers OPTIONS itself, which takes the decision from the form"
        if api.get("DisableExecuteApiEndpoint") != {"Fn::If": ["HasDomain", True, False]}:
            yield f"{logical}: stays open beside the own domain, or closes without one"


@rule
def staff_routes_need_a_token(t):
    """Staff routes exist only with an issuer, and need a JWT with their scope, unless tokens carry roles; public routes need none."""
    routes = t.of("AWS::ApiGatewayV2::Route")
    for logical, route in routes.items():
        _, scope = ROUTES.get(route.get("RouteKey"), (None, None))
        if scope is None:
            if route.get("AuthorizationType") != "NONE" or {"AuthorizerId", "AuthorizationScopes"} & route.keys() or t.condition(logical):
                yield f"{logical}: customers need no token, and it says so"
            continue
        if t.condition(logical) != "HasStaff":
            yield f"{logical}: exists without an issuer"
        if route.get("AuthorizationType") != "JWT" or ref(route.get("AuthorizerId")) != "StaffAuthorizer":
            yield f"{logical}: is open to everybody"
        # Tokens that carry roles have no scope; a function asks what they stand for.
        if route.get("AuthorizationScopes") != {"Fn::If": ["AsksForScopes", [scope], NO_VALUE]}:
            yield f"{logical}: does not ask for {scope}"
    for logical, authorizer in t.of("AWS::ApiGatewayV2::Authorizer").items():
        if t.condition(logical) != "HasStaff":
            yield f"{logical}: exists without an issuer"
        wanted = {"Issuer": {"Ref": "JwtIssuer"}, "Audience": [{"Ref": "JwtAudience"}]}
        if authorizer.get("AuthorizerType") != "JWT" or authorizer.get("JwtConfiguration") != wanted:
            yield f"{logical}: does not check issuer and audience"
        if authorizer.get("IdentitySource") != ["$request.header.Authorization"]:
            yield f"{logical}: looks for the token elsewhere than in Authorization"


@rule
def the_stage_is_throttled_and_logs_routes(t):
    """The stage throttles, and its access log carries the route, never a path, an address or a token."""
    stages = t.of("AWS::ApiGatewayV2::Stage")
    if not stages:
        yield "there is no stage"
    for logical, stage in stages.items():
        settings = stage.get("DefaultRouteSettings", {})
        for setting, parameter in (("ThrottlingRateLimit", "RateLimit"), ("ThrottlingBurstLimit", "BurstLimit")):
            if ref(settings.get(setting)) != parameter:
                yield f"{logical}: {setting} does not follow {parameter}"
        if stage.get("StageName") != "$default" or stage.get("AutoDeploy") is not True:
            yield f"{logical}: is not $default, deployed by itself"
        log = stage.get("AccessLogSettings", {})
        if "log-group:${AccessLogs}" not in text(log.get("DestinationArn")):
            yield f"{logical}: keeps no access log"
        shape = log.get("Format", "")
        for private in ("$context.path", "sourceIp", "userAgent", "$context.authorizer.claims", "$context.authorizer.jwt",
                        "$request"):
            if private in shape:
                yield f"{logical}: the access log carries {private}"
        try:
            if json.loads(shape).get("route") != "$context.routeKey":
                yield f"{logical}: the access log does not carry the route"
        except ValueError:
            yield f"{logical}: the access log is not JSON"


@rule
def logs_are_kept_for_as_long_as_asked(t):
    """Every function writes JSON to a log group of its own, and every log group has a retention."""
    groups = t.of("AWS::Logs::LogGroup")
    for logical, group in groups.items():
        if ref(group.get("RetentionInDays")) != "LogRetentionDays":
            yield f"{logical}: logs would be kept for ever"
    for name, (logical, function) in t.functions().items():
        config = function.get("LoggingConfig", {})
        group = groups.get(ref(config.get("LogGroup")) or "", {})
        if text(group.get("LogGroupName")) != "/aws/lambda/${AWS::StackName}-" + name:
            yield f"{logical}: does not log to a group of its own"
        # Lambda takes a metric for a line of level INFO; LOG_LEVEL is what the function itself goes by.
        if config.get("LogFormat") != "JSON" or config.get("ApplicationLogLevel") != "TRACE":
            yield f"{logical}: does not log JSON, or Lambda would drop its metrics"
        if config.get("SystemLogLevel") != "INFO":
            yield f"{logical}: Lambda does not report what each run took"
        if function.get("TracingConfig", {}).get("Mode") != {"Fn::If": ["IsTraced", "Active", "PassThrough"]}:
            yield f"{logical}: tracing does not follow its parameter"


@rule
def releases_publish_and_shift(t):
    """Every function has the alias `live` on a version published with each release; a canary has alarms and a bounded role."""
    aliases = {ref(a["FunctionName"]): (i, a) for i, a in t.of("AWS::Lambda::Alias").items() if a.get("Name") == "live"}
    versions = t.of("AWS::Lambda::Version")
    shifting = t.parameters.get("TrafficShifting", {}).get("Default") != "AllAtOnce"
    groups = t.of("AWS::CodeDeploy::DeploymentGroup")
    for name, (logical, function) in t.functions().items():
        if logical not in aliases:
            yield f"{logical}: has no alias live"
            continue
        alias_id, alias = aliases[logical]
        if att(alias.get("FunctionVersion"), "Version") not in versions:
            yield f"{alias_id}: does not point at a published version"
            continue
        # SAM hashes a parameter's name, not its value: only these two carry a changed one to the alias.
        version = versions[att(alias["FunctionVersion"], "Version")]
        if ref(version.get("Description")) != "Release" or "${Release}" not in json.dumps(function.get("Description")):
            yield f"{logical}: would keep its old parameters in a new release"
        reserved = function.get("ReservedConcurrentExecutions")
        if reserved is not None and dict(branches(reserved)).get("not HasReservation", 0) is not None:
            yield f"{logical}: reserves concurrency by default, which a new account cannot give"
        group = groups.get(f"{logical}DeploymentGroup")
        if not shifting and group is not None:
            yield f"{logical}: goes through CodeDeploy although nothing is shifted"
        if shifting:
            alarms = (group or {}).get("AlarmConfiguration", {}).get("Alarms", [])
            if [ref(a.get("Name")) for a in alarms] != [f"{logical}Errors"]:
                yield f"{logical}: a canary would not roll back on its errors"
            if att((group or {}).get("ServiceRoleArn")) != "DeploymentRole":
                yield f"{logical}: CodeDeploy gets a role without a boundary"


NO_VALUE = {"Ref": "AWS::NoValue"}
TOPIC = {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AlarmTopic"}]}
AT_LEAST, ABOVE, BELOW = "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"


def watch(namespace, metric, dimensions, statistic, seconds, often, comparison, threshold, silence="notBreaching"):
    """The properties of an alarm on one metric. `often` is how many periods of how many must breach."""
    which = "ExtendedStatistic" if statistic.startswith("p") else "Statistic"
    return {"Namespace": namespace, "MetricName": metric, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions],
            which: statistic, "Period": seconds, **judged(often, comparison, threshold, silence)}


def watch_sum(expression, label, metrics, seconds, often, comparison, threshold, silence="notBreaching"):
    """The properties of an alarm on an expression over sums: {id: (namespace, metric, dimension, value)}."""
    first = {"Id": "done" if label == "Nights completed" else "total", "Label": label, "Expression": expression,
             "ReturnData": True}
    rest = [{"Id": i, "ReturnData": False, "MetricStat": {"Stat": "Sum", "Period": seconds, "Metric": {
        "Namespace": namespace, "MetricName": metric, "Dimensions": [{"Name": name, "Value": value}]}}}
        for i, (namespace, metric, name, value) in metrics.items()]
    return {"Metrics": [first, *rest], **judged(often, comparison, threshold, silence)}


def judged(often, comparison, threshold, silence):
    return {"DatapointsToAlarm": often[0], "EvaluationPeriods": often[1], "ComparisonOperator": comparison,
            "Threshold": threshold, "TreatMissingData": silence}


def own(service):
    return [("service", service)]


def expected_alarms(functions):
    """Every alarm there is: logical id to its properties. `functions` maps names to logical ids."""
    alarms = {}
    for name, logical in functions.items():
        # All may fail now and then; what runs seldom is judged by its last three runs.
        seconds, often = {"aggregate-nps": (900, (2, 3)), "watch-risks": (3600, (2, 3)),
                          "write-reports": (3600, (2, 3)), "link-issues": (3600, (2, 3))}.get(name, (60, (3, 5)))
        alarms[f"{logical}Errors"] = watch("AWS/Lambda", "Errors", [("FunctionName", {"Ref": logical})], "Sum", seconds,
                                           often, AT_LEAST, 1)
    # CloudWatch takes ten metrics in one alarm: those that answer requests in one, those behind them in another.
    for alarm, answers in (("FunctionThrottles", True), ("WorkerThrottles", False)):
        watched = [f for f in FUNCTIONS if f in functions and (FUNCTIONS[f].trigger == "http") == answers]
        alarms[alarm] = watch_sum("SUM(METRICS())", "Throttles", {
            f"m{n}": ("AWS/Lambda", "Throttles", "FunctionName", {"Ref": functions[name]})
            for n, name in enumerate(watched, 1)}, 60, (3, 5), AT_LEAST, 1)
    for queue in ("CustomerNoticesDead", "StaffAlertsDead", "MailReportsDead", "RelayDead", "SchedulesDead"):
        alarms[f"{queue}Depth"] = watch("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue_name(queue), "Maximum", 60,
                                        (1, 1), AT_LEAST, 1)
    for queue in (*BOTH, "MailReports"):
        alarms[f"{queue}Age"] = watch("AWS/SQS", "ApproximateAgeOfOldestMessage", queue_name(queue), "Maximum", 60, (3, 5),
                                      ABOVE, 900)
    api, table = [("ApiId", {"Ref": "HttpApi"})], ("TableName", {"Ref": "Table"})
    relay, sweep = [("FunctionName", {"Ref": "RelayEvents"})], [("FunctionName", {"Ref": "AlertBreaches"})]
    risks, linking = [("FunctionName", {"Ref": "WatchRisks"})], [("FunctionName", {"Ref": "LinkIssues"})]
    reports, telling = [("FunctionName", {"Ref": "WriteReports"})], [("FunctionName", {"Ref": "TellReporters"})]
    alarms |= {
        "RelayLag": watch("AWS/Lambda", "IteratorAge", relay, "Maximum", 60, (3, 5), ABOVE, 60_000),
        "SweepMissing": watch("AWS/Lambda", "Invocations", sweep, "Sum", 60, (5, 5), BELOW, 1, silence="breaching"),
        "TellingMissing": watch("AWS/Lambda", "Invocations", telling, "Sum", 60, (5, 5), BELOW, 1, silence="breaching"),
        "SweepLateness": watch(OWN_METRICS, "SweepLateness", own("alert-breaches"), "p99", 300, (2, 3), ABOVE, 300_000),
        "SweepUnfinished": watch(OWN_METRICS, "SweepUnfinished", own("alert-breaches"), "Sum", 300, (3, 3), AT_LEAST, 1),
        "RisksMissing": watch("AWS/Lambda", "Invocations", risks, "Sum", 3600, (3, 3), BELOW, 1, silence="breaching"),
        "LinkingMissing": watch("AWS/Lambda", "Invocations", linking, "Sum", 3600, (3, 3), BELOW, 1, silence="breaching"),
        "LinkingUnfinished": watch(OWN_METRICS, "LinkingUnfinished", own("link-issues"), "Sum", 3600, (3, 3), AT_LEAST, 1),
        "RisksUnfinished": watch(OWN_METRICS, "RisksUnfinished", own("watch-risks"), "Sum", 3600, (3, 3), AT_LEAST, 1),
        "ReportsMissing": watch("AWS/Lambda", "Invocations", reports, "Sum", 3600, (3, 3), BELOW, 1, silence="breaching"),
        "ReportsLate": watch(OWN_METRICS, "ReportsLate", own("write-reports"), "Sum", 3600, (1, 1), AT_LEAST, 1),
        "StuckEvents": watch(OWN_METRICS, "EventsStuck", own("alert-breaches"), "Sum", 300, (1, 1), AT_LEAST, 1),
        "NightLate": watch(OWN_METRICS, "NightLate", own("aggregate-nps"), "Maximum", 900, (1, 1), AT_LEAST, 1),
        "NightNotCompleted": watch_sum(
            "FILL(nights, 0)", "Nights completed", {"nights": (OWN_METRICS, "NightCompleted", "service", "aggregate-nps")},
            3600, (26, 26), BELOW, 1, silence="breaching"),
        "HttpFailures": watch("AWS/ApiGateway", "5xx", api, "Sum", 60, (3, 5), AT_LEAST, 3),
        "HttpLatency": watch("AWS/ApiGateway", "Latency", api, "p99", 300, (3, 3), ABOVE, 2_000),
        "TableThrottles": watch_sum("SUM(METRICS())", "Throttled", {
            "reads": ("AWS/DynamoDB", "ReadThrottleEvents", *table),
            "writes": ("AWS/DynamoDB", "WriteThrottleEvents", *table)}, 60, (3, 5), AT_LEAST, 1),
        # Of the account, hence without a dimension; published now and then, hence silence changes nothing.
        "MailBounces": watch("AWS/SES", "Reputation.BounceRate", [], "Maximum", 3600, (1, 1), ABOVE, 0.04, "ignore"),
        "MailComplaints": watch("AWS/SES", "Reputation.ComplaintRate", [], "Maximum", 3600, (1, 1), AT_LEAST, 0.001, "ignore"),
    }
    return alarms


def queue_name(logical):
    return [("QueueName", {"Fn::GetAtt": [logical, "QueueName"]})]


@rule
def alarms_ring_when_they_should(t):
    """Alarms are the ones of the design: metric, dimension, statistic, period, threshold, what silence means; no other."""
    alarms = t.of("AWS::CloudWatch::Alarm")
    wanted = expected_alarms({name: logical for name, (logical, _) in t.functions().items()})
    around = {"AlarmName", "AlarmDescription", "AlarmActions", "OKActions"}
    for logical in sorted(wanted.keys() - alarms.keys()):
        yield f"{logical}: is missing"
    for logical in sorted(alarms.keys() - wanted.keys()):
        yield f"{logical}: nobody decided when it rings"
    for logical, alarm in alarms.items():
        if sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) > 10:
            yield f"{logical}: watches more than the ten metrics that CloudWatch takes"
    for logical in wanted.keys() & alarms.keys():
        given = {name: value for name, value in alarms[logical].items() if name not in around}
        if "Dimensions" in wanted[logical]:
            given.setdefault("Dimensions", [])
        for name in sorted(given.keys() | wanted[logical].keys()):
            if given.get(name) != wanted[logical].get(name):
                yield f"{logical}: {name} is {text(given.get(name))}, not {text(wanted[logical].get(name))}"


@rule
def alarms_reach_somebody_with_a_page_to_read(t):
    """Alarms exist with somebody to hear them, say so when it is over, and name their own section of the runbook."""
    pages = runbook()
    anchors = set()
    for logical, alarm in t.of("AWS::CloudWatch::Alarm").items():
        condition = t.condition(logical)
        expected = next((condition for condition, is_so in (
            ("WatchesErrors", logical.endswith("Errors")), ("WatchesReports", logical.startswith("MailReports")),
            ("WatchesMail", logical.startswith("Mail"))) if is_so), "IsWatched")
        if condition != expected:
            yield f"{logical}: exists on {condition}, not on {expected}"
        actions = {"Fn::If": ["IsWatched", [TOPIC], NO_VALUE]} if condition == "WatchesErrors" else [TOPIC]
        for name in ("AlarmActions", "OKActions"):
            if alarm.get(name) != actions:
                yield f"{logical}: {name} do not reach the topic"
        anchor = text(alarm.get("AlarmName")).removeprefix("${AWS::StackName}-")
        anchors.add(anchor)
        if not text(alarm.get("AlarmDescription")).endswith(f" Runbook: docs/operations.md#{anchor}"):
            yield f"{logical}: does not name its page docs/operations.md#{anchor}"
        page = pages.get(anchor)
        if page is None:
            yield f"{logical}: docs/operations.md has no section {anchor}"
        elif not all(word in page for word in ("**Means:**", "**Check:**", "**Do:**")):
            yield f"{logical}: its section does not say what it means, what to check and what to do"
    for anchor in sorted(pages.keys() - anchors):
        yield f"docs/operations.md#{anchor} is about no alarm"
    for logical, topic in t.of("AWS::SNS::Topic").items():
        if t.condition(logical) != "OwnsAlarmTopic":
            yield f"{logical}: exists without an address"
        if topic.get("Subscription") != [{"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}]:
            yield f"{logical}: does not tell AlarmEmail"


def runbook():
    """The sections under `## Alarms`: anchor to text."""
    alarms = re.search(r"^## Alarms\n(.*?)(?=^## )", read("docs/operations.md"), flags=re.S | re.M).group(1)
    sections = re.split(r"^### (.+)\n", alarms, flags=re.M)[1:]
    return dict(zip(sections[::2], sections[1::2], strict=True))


@rule
def the_dashboard_shows_what_exists(t):
    """The dashboard is JSON and shows each function, queue and index of health, and every metric the functions count."""
    functions = {name: logical for name, (logical, _) in t.functions().items()}
    shown, late = set(), set()
    for logical, dashboard in t.of("AWS::CloudWatch::Dashboard").items():
        if t.condition(logical) != "HasDashboard":
            yield f"{logical}: costs money though nobody asked for it"
        widgets = json.loads(text(dashboard.get("DashboardBody")))["widgets"]
        places = [(w["x"], w["y"]) for w in widgets]
        if len(set(places)) != len(places):
            yield f"{logical}: one widget hides another"
        for widget in widgets:
            if widget["properties"].get("region") != "${AWS::Region}":
                yield f"{logical}: {widget['properties'].get('title')} shows another region"
            for namespace, metric, *dimension in widget["properties"]["metrics"]:
                own = dimension.pop() if dimension and isinstance(dimension[-1], dict) else {}
                shown.add((namespace, metric, *dimension))
                if metric == "SweepLateness":
                    late.add(own.get("stat") or widget["properties"].get("stat", "none"))
        if late != {"p50", "p99"}:
            yield f"{logical}: shows the lateness by {sorted(late)}, not its middle and its tail"
    wanted = {("AWS/Lambda", metric, "FunctionName", "${" + logical + "}")
              for metric in ("Errors", "Duration", "Throttles") for logical in functions.values()}
    for service, metrics in OWN_COUNTS.items():
        wanted |= {(text(OWN_METRICS), metric, "service", service) for metric in metrics}
    for alarm in expected_alarms(functions).values():
        for metric in [alarm] if "MetricName" in alarm else [m["MetricStat"]["Metric"] for m in alarm["Metrics"][1:]]:
            if metric["MetricName"] != "Invocations":
                sides = [text(side) for d in metric["Dimensions"] for side in (d["Name"], d["Value"])]
                wanted.add((text(metric["Namespace"]), metric["MetricName"], *sides))
    for metric in sorted(wanted - shown):
        yield f"the dashboard does not show {' '.join(metric)}"
    known = {("AWS/ApiGateway", m, "ApiId", "${HttpApi}") for m in ("Count", "4xx", "IntegrationLatency")}
    known |= {("AWS/DynamoDB", f"Consumed{d}CapacityUnits", "TableName", "${Table}") for d in ("Read", "Write")}
    for metric in sorted(shown - wanted - known):
        yield f"the dashboard shows {' '.join(metric)}, which nobody decided on"


@rule
def the_secret_is_generated(t):
    """Signing keys are generated, of at least 32 characters and without the separators of the list."""
    for logical, secret in t.of("AWS::SecretsManager::Secret").items():
        generated = secret.get("GenerateSecretString", {})
        if "SecretString" in secret or not generated:
            yield f"{logical}: its value is written down"
        if generated.get("PasswordLength", 32) < 32:
            yield f"{logical}: is too short"
        if generated.get("ExcludePunctuation") is not True:
            yield f"{logical}: may contain = or , which separate keys"
        if dict(branches(secret.get("KmsKeyId"))).get("HasKey") != {"Ref": "KmsKeyArn"}:
            yield f"{logical}: ignores the customer-managed key"


@rule
def names_hold_the_stack(t):
    """What has a name has the stack's name in it, so that two stacks live in one account and region."""
    names = ("FunctionName", "QueueName", "TopicName", "TableName", "LogGroupName", "AlarmName", "DashboardName",
             "RoleName", "ManagedPolicyName")
    kinds = {"AWS::Scheduler::Schedule": "Name", "AWS::ApiGatewayV2::Api": "Name", "AWS::SecretsManager::Secret": "Name"}
    for logical, resource in t.resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        for name in (*names, kinds.get(kind)):
            value = properties.get(name)
            refers = {"FunctionName": "AWS::Lambda::Function", "LogGroupName": "AWS::Logs::LogGroup"}
            if value is None or kind != refers.get(name, kind):
                continue
            if "${AWS::StackName}" not in text(value):
                yield f"{logical}: {name} {text(value)} would collide with a second stack's"
    for logical in t.of("AWS::Scheduler::Schedule"):
        if "Name" not in t.resources[logical]["Properties"]:
            yield f"{logical}: without a name SAM and CloudFormation differ in what they call it"


@rule
def nothing_is_bound_to_one_place(t):
    """No literal partition, region, account or endpoint domain."""
    principals = re.compile(r"^[a-z]+\.amazonaws\.com$")
    for section in ("Resources", "Outputs", "Conditions"):
        for path, value in walk(t.body.get(section, {})):
            if not isinstance(value, str) or path[-1] in ("Description", "AlarmDescription") or principals.match(value):
                continue
            where = "/".join(map(str, path[:3]))
            if re.search(r"arn:aws(-\w+)*:", value):
                yield f"{where}: names a partition"
            if re.search(r"\b(us|eu|ap|sa|ca|me|af|cn)-(gov-)?[a-z]+-\d\b", value):
                yield f"{where}: names a region"
            if re.search(r"(?<![\d.])\d{12}(?!\d)", value):
                yield f"{where}: names an account"
            if "amazonaws.com" in value:
                yield f"{where}: names a domain; use AWS::URLSuffix"


@rule
def parameters_explain_themselves(t):
    """Each parameter is described, labelled, grouped once, and bounded; its default obeys; secrets are not echoed."""
    interface = t.body.get("Metadata", {}).get("AWS::CloudFormation::Interface", {})
    grouped = [p for g in interface.get("ParameterGroups", []) for p in g["Parameters"]]
    labels = interface.get("ParameterLabels", {})
    for name, parameter in t.parameters.items():
        if not parameter.get("Description"):
            yield f"{name}: is not described"
        if grouped.count(name) != 1 or name not in labels:
            yield f"{name}: is not labelled in one group"
        if parameter["Type"] == "String" and not {"AllowedValues", "AllowedPattern"} & parameter.keys():
            yield f"{name}: takes anything"
        if parameter["Type"] == "Number" and not {"AllowedValues", "MinValue"} & parameter.keys():
            yield f"{name}: takes any number"
        default = parameter.get("Default")
        if default is None:
            yield f"{name}: has no default; the template must deploy as it is"
            continue
        if "AllowedPattern" in parameter:
            if "ConstraintDescription" not in parameter:
                yield f"{name}: does not say what it takes"
            if not re.fullmatch(parameter["AllowedPattern"], default):
                yield f"{name}: its default is not allowed"
        if "AllowedValues" in parameter and default not in parameter["AllowedValues"]:
            yield f"{name}: its default is not allowed"
        if re.search(r"Secret$|SigningKeys", name) and parameter.get("NoEcho") is not True:
            yield f"{name}: is shown to whoever looks at the stack"
    for name in (set(grouped) | labels.keys()) - t.parameters.keys():
        yield f"{name}: is grouped or labelled but does not exist"


@rule
def outputs_serve_an_integrator(t):
    """Outputs name the addresses, the table and every queue, and no secret value."""
    outputs = t.body.get("Outputs", {})
    wanted = {
        "HttpApiUrl": HTTP_API_URL, "PublicUrl": PUBLIC_URL, "TableName": {"Ref": "Table"},
        "TableArn": {"Fn::GetAtt": ["Table", "Arn"]}, "TableStreamArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
        "SigningSecretArn": {"Ref": "SigningSecret"}, **{f"{queue}Url": {"Ref": queue} for queue in t.of("AWS::SQS::Queue")},
        "CustomerNoticesDeadArn": {"Fn::GetAtt": ["CustomerNoticesDead", "Arn"]},
        "StaffAlertsDeadArn": {"Fn::GetAtt": ["StaffAlertsDead", "Arn"]},
        "MailReportsDeadArn": {"Fn::GetAtt": ["MailReportsDead", "Arn"]},
        "HttpApiId": {"Ref": "HttpApi"}, "AccessLogGroup": {"Ref": "AccessLogs"}, "MetricsNamespace": OWN_METRICS,
        "AlertBreachesFunction": {"Ref": "AlertBreachesAliaslive"}, "AggregateNpsFunction": {"Ref": "AggregateNpsAliaslive"},
        "WatchRisksFunction": {"Ref": "WatchRisksAliaslive"},
        "LinkIssuesFunction": {"Ref": "LinkIssuesAliaslive"},
        "WriteReportsFunction": {"Ref": "WriteReportsAliaslive"},
        "TellReportersFunction": {"Ref": "TellReportersAliaslive"},
        "CustomDomainTarget": {"Fn::GetAtt": ["HttpDomain", "RegionalDomainName"]},
        "CustomDomainZoneId": {"Fn::GetAtt": ["HttpDomain", "RegionalHostedZoneId"]},
        "JwtIssuer": {"Ref": "JwtIssuer"}, "JwtAudience": {"Ref": "JwtAudience"},
        "DashboardName": {"Ref": "StackDashboard"}, "AlarmsTopicArn": TOPIC,
    }
    conditions = {"CustomDomainTarget": "HasDomain", "CustomDomainZoneId": "HasDomain", "JwtIssuer": "HasStaff",
                  "JwtAudience": "HasStaff", "DashboardName": "HasDashboard", "AlarmsTopicArn": "IsWatched"}
    for name in sorted(wanted.keys() | outputs.keys()):
        output = outputs.get(name, {})
        if name not in wanted:
            yield f"{name}: nobody decided to show it"
        elif output.get("Value") != wanted[name]:
            yield f"{name}: is not among the outputs, or is something else"
        elif output.get("Condition") != conditions.get(name):
            yield f"{name}: is shown on {output.get('Condition')}, not on {conditions.get(name)}"
        elif not output.get("Description"):
            yield f"{name}: is not described"
    for name, output in outputs.items():
        if "Export" in output:
            yield f"{name}: an export holds this stack for as long as anybody uses it"
        if "resolve:secretsmanager" in json.dumps(output) or ref(output.get("Value")) in ("SigningKeys", "AlertWebhookSecret", "CustomerWebhookSecret"):
            yield f"{name}: shows a secret"


@rule
def only_decided_properties_are_set(t):
    """Resources have the properties that somebody decided on, and no other: each new one is a decision and a rule."""
    known = {
        "AWS::SQS::Queue": {"QueueName", "VisibilityTimeout", "MessageRetentionPeriod", "SqsManagedSseEnabled",
                            "KmsMasterKeyId", "RedrivePolicy", "RedriveAllowPolicy"},
        "AWS::Lambda::EventSourceMapping": {
            "FunctionName", "EventSourceArn", "BatchSize", "FunctionResponseTypes", "ScalingConfig", "StartingPosition",
            "MaximumBatchingWindowInSeconds", "ParallelizationFactor", "BisectBatchOnFunctionError", "FilterCriteria",
            "MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "DestinationConfig", "Enabled"},
        "AWS::Scheduler::Schedule": {"Name", "Description", "ScheduleExpression", "ScheduleExpressionTimezone",
                                     "FlexibleTimeWindow", "State", "Target"},
        "AWS::DynamoDB::Table": {
            "BillingMode", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "SSESpecification",
            "StreamSpecification", "TimeToLiveSpecification", "AttributeDefinitions", "KeySchema",
            "GlobalSecondaryIndexes"},
        "AWS::Lambda::Function": {
            "Architectures", "Code", "Description", "Environment", "FunctionName", "Handler", "KmsKeyArn", "LoggingConfig",
            "MemorySize", "ReservedConcurrentExecutions", "Role", "Runtime", "Tags", "Timeout", "TracingConfig"},
        "AWS::ApiGatewayV2::Api": {"Name", "ProtocolType", "Description", "DisableExecuteApiEndpoint"},
        "AWS::ApiGatewayV2::Stage": {"ApiId", "StageName", "AutoDeploy", "DefaultRouteSettings", "AccessLogSettings"},
        "AWS::ApiGatewayV2::Integration": {"ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion",
                                           "TimeoutInMillis"},
        "AWS::ApiGatewayV2::Route": {"ApiId", "RouteKey", "Target", "AuthorizationType", "AuthorizerId",
                                     "AuthorizationScopes"},
        "AWS::ApiGatewayV2::Authorizer": {"ApiId", "Name", "AuthorizerType", "IdentitySource", "JwtConfiguration"},
        "AWS::IAM::Role": {"Path", "PermissionsBoundary", "ManagedPolicyArns", "AssumeRolePolicyDocument", "Policies"},
        "AWS::SecretsManager::Secret": {"Description", "KmsKeyId", "GenerateSecretString"},
        "AWS::Logs::LogGroup": {"LogGroupName", "RetentionInDays"},
        "AWS::Lambda::Alias": {"FunctionName", "FunctionVersion", "Name"},
        "AWS::Lambda::Version": {"Description", "FunctionName"},
        "AWS::Lambda::Permission": {"Action", "FunctionName", "Principal", "SourceArn"},
        "AWS::Lambda::EventInvokeConfig": {"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds",
                                           "MaximumRetryAttempts", "Qualifier"},
        "AWS::SQS::QueuePolicy": {"PolicyDocument", "Queues"},
        "AWS::IAM::ManagedPolicy": {"Description", "Path", "PolicyDocument"},
        "AWS::ApiGatewayV2::DomainName": {"DomainName", "DomainNameConfigurations"},
        "AWS::ApiGatewayV2::ApiMapping": {"ApiId", "DomainName", "Stage"},
        "AWS::CloudWatch::Dashboard": {"DashboardBody", "DashboardName"},
        "AWS::SNS::Topic": {"Subscription", "TopicName"},
        "AWS::CodeDeploy::Application": {"ComputePlatform"},
        "AWS::CodeDeploy::DeploymentGroup": {"AlarmConfiguration", "ApplicationName", "AutoRollbackConfiguration",
                                             "DeploymentConfigName", "DeploymentStyle", "ServiceRoleArn"},
    }
    # The properties of an alarm are a rule of their own.
    kinds = known.keys() | {"AWS::CloudWatch::Alarm"}
    for logical, resource in t.resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] not in kinds:
            yield f"{logical}: nobody decided on a {resource['Type']}"
        for name in sorted(properties.keys() - known.get(resource["Type"], properties.keys())):
            yield f"{logical}: nobody decided on {name}"
        of_the_api = {"Stage", "Integration", "Route", "Authorizer", "ApiMapping"}
        if resource["Type"].removeprefix("AWS::ApiGatewayV2::") in of_the_api and properties.get("ApiId") != {"Ref": "HttpApi"}:
            yield f"{logical}: does not belong to the HTTP API"
    for logical, function in t.of("AWS::Lambda::Function").items():
        if function.get("KmsKeyArn") != {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, NO_VALUE]}:
            yield f"{logical}: uses another key than the customer-managed one, if there is one"
    for logical, api in t.of("AWS::ApiGatewayV2::Api").items():
        if api.get("ProtocolType") != "HTTP":
            yield f"{logical}: is not an HTTP API"
    for logical, domain in t.of("AWS::ApiGatewayV2::DomainName").items():
        for settings in domain.get("DomainNameConfigurations", []):
            if (settings.get("EndpointType"), settings.get("SecurityPolicy")) != ("REGIONAL", "TLS_1_2"):
                yield f"{logical}: is not regional with TLS 1.2"
            if settings.get("CertificateArn") != {"Ref": "CertificateArn"}:
                yield f"{logical}: has another certificate"
        if t.condition(logical) != "HasDomain":
            yield f"{logical}: exists without a domain"


@rule
def policies_say_what_they_mean(t):
    """Policies are of the current language, allow and never deny in a role, and narrow only where we decided to."""
    narrowed = {
        ("SubmitFeedbackRole", "dynamodb:UpdateItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["ASSIGNMENT#*", "RESPONSE#*"]}},
        ("TakeAnswersRole", "dynamodb:PutItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CASE#*", "CONTACT#*", "TESTER#*"]}},
        ("TakeAnswersRole", "dynamodb:UpdateItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CASE#*", "CONTACT#*", "TESTER#*"]}},
        ("ReportNpsRole", "dynamodb:GetItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["TALLY#*", "FIGURES#*", "CONFIG#*", "IMPROVEMENTS"]}},
        ("ServeReportsRole", "dynamodb:GetItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["REPORT#*", "RESPONSE#*", "ISSUES", "IMPROVEMENTS"]}},
        ("ManagePolicyRole", "dynamodb:PutItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CONFIG#*", "DIRTY#*"]}},
        ("ManagePolicyRole", "dynamodb:UpdateItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["FIGURES#*", "TRIAL#*", "TRIALS"]}},
        ("ManagePolicyRole", "dynamodb:BatchGetItem"):
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CASE#*"]}},
        ("NotifyStaffRole", "ses:SendEmail"): OWN_SENDER,
        ("WriteReportsRole", "ses:SendEmail"): OWN_SENDER,
        ("CloseLoopRole", "ses:SendEmail"): ANY_SENDER,
        ("ManagePolicyRole", "ses:SendEmail"): TO_STAFF,
        ("TellReportersRole", "ses:SendEmail"): ANY_SENDER,
    }
    others = {"SchedulerRole": {"lambda:InvokeFunction", "sqs:SendMessage"},
              "DeploymentRole": {"lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig",
                                 "cloudwatch:DescribeAlarms"}}
    for logical, role in t.of("AWS::IAM::Role").items():
        documents = [role.get("AssumeRolePolicyDocument", {})] + [p["PolicyDocument"] for p in role.get("Policies", [])]
        if any(document.get("Version") != "2012-10-17" for document in documents):
            yield f"{logical}: a policy is in the language of 2008"
        trust = listed(documents[0].get("Statement"))
        if [(s.get("Effect"), s.get("Action")) for s in trust] != [("Allow", "sts:AssumeRole")]:
            yield f"{logical}: nobody may assume it, or more than that"
        stated = set()
        for statement, _ in t.policies(role):
            actions = listed(statement.get("Action"))
            stated |= set(actions)
            if statement.get("Effect") != "Allow":
                yield f"{logical}: denies {', '.join(actions)}"
            if not actions or not all(listed(statement.get("Resource")) or [None]) or statement.keys() - {"Effect", "Action", "Resource", "Condition"}:
                yield f"{logical}: a statement is not an effect, actions and resources"
            if statement.get("Condition") != narrowed.get((logical, actions[0] if actions else None)):
                yield f"{logical}: {', '.join(actions)} is not allowed on the condition we decided on"
        if logical in others and stated != others[logical]:
            yield f"{logical}: allows {sorted(stated)}, not {sorted(others[logical])}"
    for logical, policy in t.of("AWS::IAM::ManagedPolicy").items():
        found = [(s.get("Action"), s.get("Resource")) for s, _ in statements(policy["PolicyDocument"])]
        if found != [(["kms:Decrypt", "kms:GenerateDataKey"], {"Ref": "KmsKeyArn"})] or t.condition(logical) != "HasKey":
            yield f"{logical}: is not the use of the customer-managed key, if there is one"


@rule
def conditions_mean_what_their_names_say(t):
    """A feature is on exactly when its parameter is given."""
    given = lambda name: {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}  # noqa: E731
    condition = lambda name: {"Condition": name}  # noqa: E731
    wanted = {
        "HasPublicUrl": given("PublicUrl"),
        "HasStaff": given("JwtIssuer"),
        "AsksForScopes": {"Fn::Equals": [{"Ref": "StaffTokens"}, "scopes"]},
        "HasMail": given("MailFrom"),
        "HasBrandSenders": given("BrandSenders"),
        "HasTestMail": {"Fn::And": [condition("HasMail"), given("TestMailTo")]},
        "HasSms": given("SmsOriginationIdentity"),
        "HasTestText": {"Fn::And": [condition("HasSms"), given("TestTextTo")]},
        "HasMailReports": {"Fn::And": [condition("HasMail"), {"Fn::Equals": [{"Ref": "MailReporting"}, "true"]}]},
        "HasSmsReports": {"Fn::And": [condition("HasSms"), {"Fn::Equals": [{"Ref": "SmsReporting"}, "true"]}]},
        "HasReports": {"Fn::Or": [condition("HasMailReports"), condition("HasSmsReports")]},
        "HasDomain": {"Fn::And": [given("DomainName"), given("CertificateArn")]},
        "HasKey": given("KmsKeyArn"),
        "HasSigningKeys": given("SigningKeys"),
        "HasBoundary": given("PermissionsBoundaryArn"),
        "HasAlarmEmail": given("AlarmEmail"),
        "HasAlarmTopic": given("AlarmTopicArn"),
        "HasReservation": given("ReservedConcurrency"),
        "HasDashboard": {"Fn::Equals": [{"Ref": "Dashboard"}, "true"]},
        "IsProtected": {"Fn::Equals": [{"Ref": "DeletionProtection"}, "true"]},
        "IsTraced": {"Fn::Equals": [{"Ref": "Tracing"}, "true"]},
        "OwnsAlarmTopic": {"Fn::And": [condition("HasAlarmEmail"), {"Fn::Not": [condition("HasAlarmTopic")]}]},
        "ShiftsTraffic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "TrafficShifting"}, "AllAtOnce"]}]},
        "IsWatched": {"Fn::Or": [condition("HasAlarmEmail"), condition("HasAlarmTopic")]},
        "WatchesErrors": {"Fn::Or": [condition("IsWatched"), condition("ShiftsTraffic")]},
        "WatchesReports": {"Fn::And": [condition("IsWatched"), {"Fn::Or": [condition("HasMail"), condition("HasSms")]}]},
        "WatchesMail": {"Fn::And": [condition("IsWatched"), condition("HasMail")]},
    }
    found = t.body.get("Conditions", {})
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"{name}: is {json.dumps(found.get(name))}"
    shifts = t.body.get("Mappings", {}).get("TrafficShifts", {})
    for kind, entry in shifts.items():
        if entry != {"Enabled": "false" if kind == "AllAtOnce" else "true"}:
            yield f"TrafficShifts: {kind} is {entry}"
    for kind in t.parameters["TrafficShifting"]["AllowedValues"]:
        if kind not in shifts:
            yield f"TrafficShifts: {kind} may be asked for but is not there"


# Numbers and shapes that somebody decided on: logical id to properties, each as it must stand. What a rule above says with
# its reason is not repeated here.
BY_KEY = {"SqsManagedSseEnabled": {"Fn::If": ["HasKey", NO_VALUE, True]},
          "KmsMasterKeyId": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, NO_VALUE]}}
RESERVED = {"Fn::If": ["HasReservation", {"Ref": "ReservedConcurrency"}, NO_VALUE]}
DECIDED = {
    # Four days: the sweep repeats what is lost after that. Fourteen: the most there is.
    **{queue: {"QueueName": {"Fn::Sub": "${AWS::StackName}-" + name}, "MessageRetentionPeriod": seconds, **BY_KEY}
       for queue, name, seconds in (
           ("CustomerNotices", "customer-notices", 345600), ("CustomerNoticesDead", "customer-notices-dead", 1209600),
           ("StaffAlerts", "staff-alerts", 345600), ("StaffAlertsDead", "staff-alerts-dead", 1209600),
           # Ten: nothing repeats what the provider tells, and its dead letters are kept longer.
           ("MailReports", "mail-reports", 864000), ("MailReportsDead", "mail-reports-dead", 1209600),
           ("RelayDead", "relay-dead", 1209600), ("SchedulesDead", "schedules-dead", 1209600))},
    "HttpApi": {"Name": {"Ref": "AWS::StackName"}, "ProtocolType": "HTTP"},
    "StaffAuthorizer": {"Name": "staff"},
    "SubmitFeedback": {"ReservedConcurrentExecutions": RESERVED},
    "ServePages": {"ReservedConcurrentExecutions": RESERVED},
    "NotifyStaffMapping": {"BatchSize": 10, "ScalingConfig": {"MaximumConcurrency": 5}, "FilterCriteria": None},
    "CloseLoopMapping": {"BatchSize": 10, "ScalingConfig": {"MaximumConcurrency": 5}, "FilterCriteria": None},
    "RelayEventsMapping": {
        "BatchSize": 100, "MaximumBatchingWindowInSeconds": 0, "ParallelizationFactor": 1, "MaximumRetryAttempts": 3,
        "MaximumRecordAgeInSeconds": 3600, "ScalingConfig": None,
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["RelayDead", "Arn"]}}}},
    "AlertBreachesEventInvokeConfig": {
        "MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0, "DestinationConfig": {}},
    "TellReportersEventInvokeConfig": {
        "MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0, "DestinationConfig": {}},
    "WatchRisksEventInvokeConfig": {
        "MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 0, "DestinationConfig": {}},
    "LinkIssuesEventInvokeConfig": {
        "MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 0, "DestinationConfig": {}},
    "WriteReportsEventInvokeConfig": {
        "MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 0, "DestinationConfig": {}},
    "AggregateNpsEventInvokeConfig": {
        "MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 0, "DestinationConfig": {}},
    "Table": {
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"Fn::If": ["HasKey", {
            "SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "KmsKeyArn"}}, NO_VALUE]}},
    "SigningSecret": {"GenerateSecretString": {"PasswordLength": 48, "ExcludePunctuation": True},
                      "KmsKeyId": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, NO_VALUE]}},
    "HttpStage": {"DefaultRouteSettings": {"ThrottlingRateLimit": {"Ref": "RateLimit"},
                                           "ThrottlingBurstLimit": {"Ref": "BurstLimit"}}},
    **{f"{function}Integration": {"TimeoutInMillis": 12_000}  # longer than the function, so that it is the one to answer
       for function in ("SubmitFeedback", "ServePages", "TakeAnswers", "ManageCases", "ReportNps", "ServeReports", "ManagePolicy",
                        "ManageIssues")},
    "AccessLogs": {"LogGroupName": {"Fn::Sub": "/aws/vendedlogs/${AWS::StackName}/http-api"}},
    "HttpDomain": {"DomainName": {"Ref": "DomainName"}, "DomainNameConfigurations": [
        {"CertificateArn": {"Ref": "CertificateArn"}, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]},
    "HttpDomainMapping": {"DomainName": {"Ref": "HttpDomain"}, "Stage": {"Ref": "HttpStage"}},
    "KeyPolicy": {"Path": {"Ref": "RolePath"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": {"Ref": "KmsKeyArn"},
        # By region only: the domain that follows is another in China.
        "Condition": {"StringLike": {"kms:ViaService": [
            {"Fn::Sub": service + ".${AWS::Region}.*"} for service in ("dynamodb", "sqs", "lambda")]}}}]}},
    "QueuesOverTls": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [{
        "Sid": "OnlyOverTls", "Effect": "Deny", "Principal": "*", "Action": "sqs:*",
        "Resource": [{"Fn::GetAtt": [queue, "Arn"]} for queue in (
            "CustomerNotices", "CustomerNoticesDead", "StaffAlerts", "StaffAlertsDead", "MailReportsDead", "RelayDead", "SchedulesDead")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}},
    "MailReportsPolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Sid": "OnlyOverTls", "Effect": "Deny", "Principal": "*", "Action": "sqs:*",
         "Resource": [{"Fn::GetAtt": ["MailReports", "Arn"]}], "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "FromTopics", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
         "Resource": [{"Fn::GetAtt": ["MailReports", "Arn"]}], "Condition": TOPICS}]}},
    "SettleNoticesMapping": {"BatchSize": 10, "ScalingConfig": {"MaximumConcurrency": 2}, "FilterCriteria": None},
}
RETRIES = {"alert-breaches": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2},
           "tell-reporters": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2},
           "aggregate-nps": {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 5},
           "watch-risks": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5},
           "write-reports": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5},
           "link-issues": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 5}}
ACCESS_LOG = {
    "requestId": "$context.requestId", "time": "$context.requestTime", "route": "$context.routeKey",
    "status": "$context.status", "bytes": "$context.responseLength", "ms": "$context.responseLatency",
    "functionMs": "$context.integrationLatency", "functionStatus": "$context.integrationStatus",
    "error": "$context.error.responseType", "authorizerError": "$context.authorizer.error",
}
# Who lets in what, behind `execute-api:...:${HttpApi}/`. A public GET of any path reaches pages only.
LET_IN = {"submit-feedback": {"*/*/v1/feedback", "*/POST/v1/receipts/*/scores"},
          "serve-pages": {"*/GET/*"},
          "take-answers": {"*/POST/v1/receipts/*/helped", "*/POST/v1/receipts/*/messages", "*/*/v1/receipts/*/betas/*", "*/*/v1/unsubscribe/*"}, "report-nps": {"*/GET/v1/nps*"},
          "serve-reports": {"*/GET/v1/reports*"},
          "manage-cases": {"*/*/v1/cases*", "*/*/v1/stuck-events*", "*/POST/v1/suppressions*", "*/GET/v1/statistics/cases", "*/GET/v1/kpi"},
          "manage-issues": {"*/*/v1/issues*", "*/*/v1/improvements*"},
          "manage-policy": {"*/*/v1/policy", "*/*/v1/calendars*", "*/*/v1/recipients", "*/*/v1/assignment", "*/*/v1/targets", "*/*/v1/templates*", "*/*/v1/nps/replay",
                            "*/*/v1/surveys/*"}}


@rule
def numbers_are_the_ones_decided_on(t):
    """Batches, retries, ages, memory, key and queue policies, access log and permissions are as they were decided."""
    for logical, decided in DECIDED.items():
        properties = t.resources.get(logical, {}).get("Properties", {})
        for name, value in decided.items():
            if properties.get(name) != value:
                yield f"{logical}: {name} is {text(properties.get(name))}, not {text(value)}"
    functions = {logical: name for name, (logical, _) in t.functions().items()}
    for logical, schedule in t.of("AWS::Scheduler::Schedule").items():
        name = functions.get(t.alias_of(schedule["Target"].get("Arn")) or "")
        if (text(schedule.get("Name")), schedule.get("State")) != (f"${{AWS::StackName}}-{name}", "ENABLED"):
            yield f"{logical}: is not named after its function, or not on"
        if schedule["Target"].get("RetryPolicy") != RETRIES.get(name):
            yield f"{logical}: is started again other than {RETRIES.get(name)}"
    for logical, role in t.of("AWS::IAM::Role").items():
        name = {"SchedulerRole": "schedules", "DeploymentRole": "releases"}.get(logical, "function")
        if [policy.get("PolicyName") for policy in role.get("Policies", [])] != [name]:
            yield f"{logical}: has not one policy, named {name}"
    for name, (logical, function) in t.functions().items():
        # At 256 MB a cold start is over soonest for its price; a night holds a day's cells, a look for risks the products
        # of four days, a look for issues what their texts say; a sweep may have a hundred thousand cases to move in its minute, and has one thread.
        if function.get("MemorySize") != {"aggregate-nps": 512, "watch-risks": 512, "write-reports": 512, "link-issues": 512,
                                            "alert-breaches": 1769}.get(name, 256):
            yield f"{logical}: has {function.get('MemorySize')} MB"
        if (name in ("submit-feedback", "serve-pages")) != ("ReservedConcurrentExecutions" in function):
            yield f"{logical}: concurrency is set aside for the two public functions, and for them alone"
    for logical, stage in t.of("AWS::ApiGatewayV2::Stage").items():
        if json.loads(stage["AccessLogSettings"]["Format"]) != ACCESS_LOG:
            yield f"{logical}: the access log has other fields than those decided on"
        group = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${AccessLogs}"
        if text(stage["AccessLogSettings"]["DestinationArn"]) != group:
            yield f"{logical}: the access log goes elsewhere"
    let_in = {}
    for logical, permission in t.of("AWS::Lambda::Permission").items():
        if permission.get("Action") != "lambda:InvokeFunction":
            yield f"{logical}: allows more than to call"
        name = functions.get(t.alias_of(permission.get("FunctionName")) or "")
        let_in.setdefault(name, set()).add(text(permission.get("SourceArn")).partition("${HttpApi}/")[2])
    for name in sorted(LET_IN.keys() | let_in.keys(), key=str):
        if let_in.get(name) != LET_IN.get(name):
            yield f"{name}: lets in {sorted(let_in.get(name, ()))}, not {sorted(LET_IN.get(name, ()))}"


@rule
def resources_come_and_go_as_decided(t):
    """What exists on a condition, what is kept when the stack goes, and what waits for what: as decided, and no other."""
    conditions = {"KeyPolicy": "HasKey", "StaffAuthorizer": "HasStaff", "HttpDomain": "HasDomain",
                  "HttpDomainMapping": "HasDomain", "DeploymentRole": "ShiftsTraffic", "AlarmTopic": "OwnsAlarmTopic",
                  "StackDashboard": "HasDashboard"}
    once = {"AWS::DynamoDB::Table": "Table", "AWS::SecretsManager::Secret": "SigningSecret", "AWS::SNS::Topic": "AlarmTopic",
            "AWS::IAM::ManagedPolicy": "KeyPolicy",
            "AWS::ApiGatewayV2::Api": "HttpApi", "AWS::ApiGatewayV2::Stage": "HttpStage",
            "AWS::ApiGatewayV2::Authorizer": "StaffAuthorizer", "AWS::ApiGatewayV2::DomainName": "HttpDomain",
            "AWS::ApiGatewayV2::ApiMapping": "HttpDomainMapping", "AWS::CloudWatch::Dashboard": "StackDashboard"}
    for kind, logical in once.items():
        if list(t.of(kind)) != [logical]:
            yield f"{logical}: is missing, or not alone"
    functions = [logical for logical, _ in t.functions().values()]
    wanted = {"AWS::SQS::QueuePolicy": {"QueuesOverTls", "MailReportsPolicy"}, "AWS::Logs::LogGroup": {*(f"{f}Logs" for f in functions), "AccessLogs"},
              "AWS::IAM::Role": {*(f"{f}Role" for f in functions), "SchedulerRole", "DeploymentRole"}}
    for kind, names in wanted.items():
        for logical in sorted(names ^ t.of(kind).keys()):
            yield f"{logical}: is missing, or belongs to nothing"
    kept = {"Table", "SigningSecret"}  # the secret opens the links that were given to customers
    for logical, resource in t.resources.items():
        kind = resource["Type"]
        if kind not in ("AWS::CloudWatch::Alarm", "AWS::ApiGatewayV2::Route"):  # they have rules of their own
            if resource.get("Condition") != conditions.get(logical):
                yield f"{logical}: exists on {resource.get('Condition')}, not on {conditions.get(logical)}"
        # SAM keeps versions, so that an alias can go back; they go with their function.
        policies = {"Retain"} if logical in kept or kind == "AWS::Lambda::Version" else {None}
        if resource.get("DeletionPolicy") not in policies:
            yield f"{logical}: DeletionPolicy is {resource.get('DeletionPolicy')}"
        if resource.get("UpdateReplacePolicy") != ("Retain" if logical in kept else None):
            yield f"{logical}: UpdateReplacePolicy is {resource.get('UpdateReplacePolicy')}"
        made_by_sam = kind == "AWS::Lambda::EventInvokeConfig"
        if "DependsOn" in resource and not made_by_sam:
            yield f"{logical}: waits for {resource['DependsOn']}, which references say already"


# One region of each partition, and both of China.
PLACES = ("us-east-1", "cn-north-1", "cn-northwest-1", "us-gov-west-1", "us-gov-east-1")
CHINA = PLACES[1:3]


@rule
def every_place_has_it(t):
    """Every type of resource exists in the regions of China and of GovCloud as well."""
    for place in PLACES:
        known = types_of(place)
        for logical, resource in t.resources.items():
            if resource["Type"] not in known:
                yield f"{logical}: {place} has no {resource['Type']}"


@cache
def types_of(region):
    """The types of resources that CloudFormation knows in a region, as cfn-lint brings them along."""
    return set(json.loads(files("cfnlint.data").joinpath(f"schemas/providers/{region}.json").read_text(encoding="utf-8")))


SENDER = {"MailFrom": "a@example.com"}
HOOK, SECRET = {"AlertWebhookUrl": "https://example.com"}, {"AlertWebhookSecret": "whsec_AAAA"}
APP, APP_SECRET = {"CustomerWebhookUrl": "https://example.com"}, {"CustomerWebhookSecret": "whsec_AAAA"}
DOMAIN, CERTIFICATE = {"DomainName": "a.example"}, {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}


@rule
def parameters_are_refused_together(t):
    """The rules of parameters let the defaults pass everywhere, and refuse what cannot work, with a sentence."""
    cases = [(place, {}, None) for place in PLACES]
    cases += [(place, SENDER, "MailWhereThereIsMail" if place in CHINA else None) for place in PLACES]
    for pair, name in (((DOMAIN, CERTIFICATE), "DomainAndCertificate"), ((HOOK, SECRET), "WebhookAndSecret"), ((APP, APP_SECRET), "AppAndSecret")):
        cases += [("us-east-1", pair[0], name), ("us-east-1", pair[0] | pair[1], None)]
    cases += [("us-east-1", CERTIFICATE, "DomainAndCertificate"), ("us-east-1", SECRET, None)]
    for place, given, refusal in cases:
        values = {n: p.get("Default") for n, p in t.parameters.items()} | given | {"AWS::Region": place}
        refused = [name for name, entry in t.body.get("Rules", {}).items()
                   if not all(holds(a["Assert"], values) for a in entry["Assertions"])]
        if refused != ([refusal] if refusal else []):
            yield f"{sorted(given)} in {place}: refused by {refused}, not by {refusal}"
    for name, entry in t.body.get("Rules", {}).items():
        for assertion in entry["Assertions"]:
            if not assertion.get("AssertDescription"):
                yield f"{name}: does not say what is wrong"


def holds(value, values):
    """What an expression of a rule is, for the given parameters."""
    if not isinstance(value, dict):
        return value
    (kind, inner), = value.items()
    if kind == "Ref":
        return values[inner]
    inner = [holds(one, values) for one in inner]
    return {"Fn::Equals": lambda: inner[0] == inner[1], "Fn::Not": lambda: not inner[0], "Fn::And": lambda: all(inner),
            "Fn::Or": lambda: any(inner)}[kind]()


# What a stack is without anybody deciding anything: safe, quiet and cheap. Parameters that are not here are empty.
DEFAULTS = {
    "TimeZone": "Asia/Shanghai", "StaffLocale": "zh-CN", "JwtAudience": "resound", "StaffTokens": "scopes",
    "WebhookAllowPrivate": "false",
    "AlertGroupSeconds": 60, "AnnouncementLetters": 400,
    "RolePath": "/", "DeletionProtection": "true", "MailReporting": "false", "SmsReporting": "false", "Dashboard": "false", "LogLevel": "INFO", "LogRetentionDays": 30,
    "Tracing": "false", "Release": "1", "RateLimit": 200, "BurstLimit": 400, "TrafficShifting": "AllAtOnce",
    "Architecture": "arm64",
}
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
ADDRESS = (["a@example.com", "first.last+tag@mail.example.com"],
           ["a", "a@b@c", "a@b, c@d", "A <a@example.com>", "a b@example.com"])
# What each pattern must take and must refuse, besides what every pattern refuses.
SAMPLES = {
    "TimeZone": (["UTC", "Asia/Shanghai", "America/Argentina/Buenos_Aires", "Etc/GMT+8"], ["UTC+8", "+08:00", "Asia Shanghai"]),
    "PublicUrl": (["https://a.example", "https://a.example/feedback"], ["a.example", "https://a.example/", "ftp://a"]),
    "AllowedOrigins": (["https://a.example", "https://a.example,http://localhost:3000"], ["*", "a.example", "https://a/b", "https://a,"]),
    "JwtIssuer": (["https://login.example.com/", "https://a.example/pool_1"], ["login.example.com", "ftp://a"]),
    "JwtAudience": (["resound", "api://resound"], ["", "a b"]),
    **dict.fromkeys(["MailFrom", "OwnerEmail", "TeamLeadEmail", "ManagerEmail", "ExecutiveEmail", "AlarmEmail"], ADDRESS),
    **dict.fromkeys(["BrandSenders", "TestMailTo"], (
        ADDRESS[0] + ["a@example.com,b@mail.example.com"],
        ADDRESS[1] + ["a@example.com,", ",a@example.com", "a@example.com, b@example.com", "a@example.com;b@example.com"])),
    "SmsOriginationIdentity": (
        [f"arn:{p}:sms-voice:eu-west-1:123456789012:{kind}" for p in PARTITIONS for kind in ("phone-number/phone-1a", "pool/pool-1a", "sender-id/RESOUND/GB")],
        ["+14155552671", "pool-1a", "arn:aws:sms-voice:eu-west-1:123456789012:opt-out-list/a", "arn:aws:sms-voice:eu-west-1:123456789012:pool/*"]),
    "SmsCountry": (["86", "1", "852"], ["+86", "086", "8600", "CN"]),
    "TestTextTo": (
        ["+8613800138000", "+14155552671,+8613800138000"],
        ["8613800138000", "+0138001380", "+1415555", "+14155552671,", "+14155552671, +8613800138000", "+14155552671;+8613800138000", "+1415555267112345"]),
    "CustomerWebhookUrl": (["https://a.example/hook?x=1"], ["a.example", "https://a b"]),
    "CustomerWebhookSecret": (["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA,whsec_BBBB=="], ["MfKQ9r8GKYqr", "whsec_", "whsec_a b"]),
    "AlertWebhookUrl": (["https://a.example/hook?x=1"], ["a.example", "https://a b"]),
    "AlertWebhookSecret": (["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA,whsec_BBBB=="], ["MfKQ9r8GKYqr", "whsec_", "whsec_a b"]),
    "DomainName": (["feedback.example.com"], ["example", "Feedback.example.com", "https://a.example", "a.example/"]),
    "CertificateArn": ([f"arn:{p}:acm:us-east-1:123456789012:certificate/a-b" for p in PARTITIONS], ["certificate/a", "arn:aws:iam::123456789012:server-certificate/a"]),
    "KmsKeyArn": ([f"arn:{p}:kms:cn-north-1:123456789012:key/a-b" for p in PARTITIONS], ["alias/a", "arn:aws:kms:us-east-1:123456789012:alias/a"]),
    "SigningKeys": (["2=" + "b" * 32 + ",1=" + "a" * 32, "1=" + "a" * 64], ["1=short", "0=" + "a" * 32, "a" * 40, "1=" + "a" * 31, "1=" + "a" * 32 + ","]),
    "PermissionsBoundaryArn": ([f"arn:{p}:iam::123456789012:policy/a/b" for p in PARTITIONS] + ["arn:aws:iam::aws:policy/PowerUserAccess"], ["arn:aws:iam::123456789012:role/a", "policy/a"]),
    "RolePath": (["/", "/service/", "/a/b/"], ["", "service", "/service", "service/"]),
    "AlarmTopicArn": ([f"arn:{p}:sns:cn-north-1:123456789012:ops" for p in PARTITIONS], ["ops", "arn:aws:sqs:us-east-1:123456789012:ops"]),
    "Release": (["1", "2026-11-22", "v1.2.3"], ["", "a b", "a" * 41, "1/2"]),
    "ReservedConcurrency": (["1", "10", "9999"], ["0", "-1", "10000", "ten"]),
}


@rule
def patterns_take_what_is_right_and_refuse_what_is_not(t):
    """Each pattern takes samples of every partition and refuses wrong ones; defaults are the safe, quiet and cheap ones."""
    for name, parameter in t.parameters.items():
        pinned = parameter.get("AllowedValues") == [parameter.get("Default")]  # by expand.py, for a canary
        if not pinned and parameter.get("Default") != DEFAULTS.get(name, ""):
            yield f"{name}: is {parameter.get('Default')!r} by default, not {DEFAULTS.get(name, '')!r}"
        if "AllowedPattern" not in parameter:
            continue
        if name not in SAMPLES:
            yield f"{name}: nobody said what its pattern must take and refuse"
            continue
        pattern = parameter["AllowedPattern"]
        right, wrong = SAMPLES[name]
        for sample in right:
            if not re.search(pattern, sample):
                yield f"{name}: refuses {sample!r}"
        for sample in [*wrong, " ", "a b", "x\ny"]:
            if re.search(pattern, sample):
                yield f"{name}: takes {sample!r}"
        if not (pattern.startswith("^") and pattern.endswith("$")):
            yield f"{name}: its pattern is not anchored"
    for name in DEFAULTS.keys() - t.parameters.keys():
        yield f"{name}: is not a parameter any more"


@rule
def metrics_are_counted_by_the_code(t):
    """What alarms and dashboard look for is what the functions count, under the names of lambda-kit."""
    names = set(re.findall(r'Self::(\w+) => "\1"', read("shared/lambda-kit/src/metrics.rs")))
    for service in FUNCTIONS:
        counted = mentioned_metrics(service) & names
        for metric in sorted(counted ^ set(OWN_COUNTS.get(service, ()))):
            yield f"{service}: {metric} is {'counted, and nobody decided to show it' if metric in counted else 'not counted'}"


@cache
def mentioned_metrics(service):
    sources = sorted((ROOT / "functions" / service / "src").rglob("*.rs"))
    return set(re.findall(r"\b(?:Counter|Span)::(\w+)", "".join(p.read_text(encoding="utf-8") for p in sources)))


@rule
def both_stages_are_tagged_and_their_parameters_exist(t):
    """samconfig.toml deploys this template with tags, under two names, with parameters that exist and are allowed."""
    config = tomllib.loads(read("samconfig.toml"))
    stages = {name: stage["deploy"]["parameters"] for name, stage in config.items() if isinstance(stage, dict)}
    if set(stages) != {"default", "prod"} or len({s.get("stack_name") for s in stages.values()}) != len(stages):
        yield "the stages are not default and prod, each with a stack of its own"
    for name, stage in stages.items():
        tags = dict(pair.split("=", 1) for pair in stage.get("tags", "").split())
        if tags.keys() < {"application", "stage"}:
            yield f"{name}: resources do not bear the tags application and stage"
        if stage.get("template_file") != "infra/template.yaml" or stage.get("capabilities") != "CAPABILITY_IAM":
            yield f"{name}: is not this template, with leave to make unnamed roles"
        for pair in stage.get("parameter_overrides", []):
            key, _, value = pair.partition("=")
            parameter = t.parameters.get(key)
            if parameter is None:
                yield f"{name}: {key} is not a parameter"
            elif value not in map(str, parameter.get("AllowedValues", [value])) or not re.search(
                    parameter.get("AllowedPattern", ""), value):
                yield f"{name}: {key} may not be {value}"
            elif parameter.get("NoEcho"):
                yield f"{name}: {key} is a secret and is written down"
    if "DeletionProtection=true" not in stages.get("prod", {}).get("parameter_overrides", []):
        yield "prod: the table is not protected"


SOURCE_RULES = []


def source_rule(function):
    SOURCE_RULES.append(function)
    return function


@source_rule
def a_new_parameter_makes_a_new_version(source):
    """Every function publishes a version on a change of any of its properties, which its expansion does not show."""
    for logical, resource in source["Resources"].items():
        if resource.get("Type") == "AWS::Serverless::Function" and resource["Properties"].get("AutoPublishAliasAllProperties") is not True:
            yield f"{logical}: publishes when its code changes, and not when its variables do"


# ------------------------------------------------------------------------------------------- the templates beside

# The templates that are deployed beside the stack: the service that tells, and the name of its set and of its topic.
BESIDE = {"infra/mail.yaml": ("ses", "letters"), "infra/texts.yaml": ("sms-voice", "texts")}
BESIDE_RULES = []


def beside_rule(function):
    BESIDE_RULES.append(function)
    return function


@beside_rule
def only_the_set_of_this_stack_publishes(body, service, name):
    """To a topic beside the stack only its own service publishes, for the one configuration set of this account."""
    resources = body["Resources"]
    policies = {i: r["Properties"] for i, r in resources.items() if r["Type"] == "AWS::SNS::TopicPolicy"}
    topics = {i for i, r in resources.items() if r["Type"] == "AWS::SNS::Topic"}
    source = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:configuration-set/${{StackName}}-{name}"
    for logical, policy in policies.items():
        held = {ref(topic) for topic in listed(policy.get("Topics"))}
        topics -= held
        for statement in listed(policy["PolicyDocument"]["Statement"]):
            said = {key: value for key, value in statement.items() if key != "Sid"}
            if len(held) != 1 or said != {
                    "Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sns:Publish",
                    "Resource": {"Ref": min(held)}, "Condition": {"StringEquals": {
                        "aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": {"Fn::Sub": source}}}}:
                yield f"{logical}: lets in more than {service} for {source}"
    for topic in sorted(topics):
        yield f"{topic}: has no policy, so that nobody can publish"


@beside_rule
def what_is_told_reaches_the_queue(body, service, name):
    """What a service tells goes by a topic of the stack's name, with its key if there is one, raw, to the queue of reports alone."""
    found = {}
    for resource in body["Resources"].values():
        found.setdefault(resource["Type"], []).append(resource)
    topics, subscriptions = found.get("AWS::SNS::Topic", []), found.get("AWS::SNS::Subscription", [])
    named = {"Fn::Sub": "${StackName}-" + name}
    if [topic["Properties"] for topic in topics] != [
            {"TopicName": named, "KmsMasterKeyId": {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, NO_VALUE]}}]:
        yield "the topic is not the one that the queue of the stack lets in, encrypted with its key"
    if [subscription["Properties"] for subscription in subscriptions] != [{
            "TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "RawMessageDelivery": True, "Endpoint": {
                "Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${StackName}-mail-reports"}}]:
        yield "what is told does not go to the queue of the stack, or to others as well"
    sets = [*found.get("AWS::SES::ConfigurationSet", []), *found.get("AWS::SMSVOICE::ConfigurationSet", [])]
    if [one["Properties"].get("Name", one["Properties"].get("ConfigurationSetName")) for one in sets] != [named]:
        yield "the set is not the one that is sent with"
    told = [one["Properties"]["EventDestination"] for one in found.get("AWS::SES::ConfigurationSetEventDestination", [])]
    told += [one for each in sets for one in each["Properties"].get("EventDestinations", [])]
    if [(one["Enabled"], one["SnsDestination"]) for one in told] != [
            (True, {"TopicARN" if service == "ses" else "TopicArn": {"Ref": "Topic"}})]:
        yield "the set does not publish to the topic"
    if not all(one.get("DependsOn") == "TopicPolicy" for one in [
            *found.get("AWS::SES::ConfigurationSetEventDestination", []), *found.get("AWS::SMSVOICE::ConfigurationSet", [])]):
        yield "the destination does not wait for the topic to let it in"


def beside_faults(path, body):
    """Every fault of a template that is deployed beside the stack."""
    service, name = BESIDE[path]
    return asked(BESIDE_RULES, body, service, name)


# ---------------------------------------------------------------------------------------------------- reporting


# What a rule may meet in a template it was not written for.
READ_FAULTS = (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError)


def faults(body):
    """Every fault of an expanded template: (rule, sentence). A template too broken for a rule is a fault of that rule."""
    return asked(RULES, Template(body))


def source_faults(source):
    """Every fault of the SAM source that its expansion does not show."""
    return asked(SOURCE_RULES, source)


def asked(rules, *subject):
    found = []
    for check in rules:
        try:
            found += [(check.__name__, fault) for fault in check(*subject)]
        except READ_FAULTS as error:
            found.append((check.__name__, f"cannot be read: {type(error).__name__} {error}"))
    return found


def main():
    failed = 0
    for path in BESIDE:
        found = beside_faults(path, expand.load(ROOT / path))
        for check, fault in found:
            print(f"{check}: {fault}", file=sys.stderr)
        broken = {check for check, _ in found}
        failed += len(broken)
        print(f"rules {Path(path).name}: {len(BESIDE_RULES) - len(broken)} passed, {len(broken)} failed")
    for path in sys.argv[1:]:
        found = faults(json.loads(Path(path).read_text(encoding="utf-8"))) + source_faults(expand.load())
        for check, fault in found:
            print(f"{check}: {fault}", file=sys.stderr)
        broken = {check for check, _ in found}
        failed += len(broken)
        print(f"rules {Path(path).name}: {len(RULES + SOURCE_RULES) - len(broken)} passed, {len(broken)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
