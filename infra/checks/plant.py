"""Plants the usual mistakes, one at a time, and shows which check catches each.

    python infra/checks/plant.py          fails if a mistake passes every check, or if docs/checks.md says otherwise
    python infra/checks/plant.py --write  writes docs/checks.md
    ... --all                             asks the linters about every mistake, which takes some minutes

Without --all the linters are asked about the mistakes that the expansion and our rules let pass and about those that
are not on the page yet; of the rest the page keeps what they said.

Every mistake is made in the SAM source, as a person would make it. Checks are asked in the order of CI: the expansion
itself, cfn-lint on the source and on the expansion, checkov on the expansion, and our rules on the expansion. A check
catches a mistake if it says something that it does not say about the template as it is.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import expand
import rules
import snapshot
from settings import CFN_LINT_EXPANDED, CFN_LINT_SOURCE, REASONS, cfn_lint_command, checkov_command

DOCUMENT = expand.TEMPLATE.parents[1] / "docs" / "checks.md"
LAYERS = ["expansion", "cfn-lint on the source", "cfn-lint", "checkov", "ours", "snapshot"]
EXPANSION, OURS, SNAPSHOT = 0, 4, 5

PLANTS = []


def plant(sentence):
    """Registers a mistake: a function that spoils the source in place."""
    def register(spoil):
        PLANTS.append((sentence, spoil))
        return spoil
    return register


class Source:
    """The SAM source, with short ways to the places where mistakes are made."""

    def __init__(self, body):
        self.body = body
        self.resources = body["Resources"]

    def __getitem__(self, logical):
        return self.resources[logical]["Properties"]

    def statements(self, role):
        return self[role]["Policies"][0]["PolicyDocument"]["Statement"]

    def statement(self, role, action):
        for statement in self.statements(role):
            statement = statement["Fn::If"][1] if "Fn::If" in statement else statement
            actions = statement["Action"]
            if action in (actions if isinstance(actions, list) else [actions]):
                return statement
        raise KeyError(action)

    def index(self, name):
        return next(i for i in self["Table"]["GlobalSecondaryIndexes"] if i["IndexName"] == name)

    def environment(self, function):
        return self[function]["Environment"]["Variables"]


# ------------------------------------------------------------------------------------------------ queues, mappings


@plant("a queue is visible again before six runs of its function")
def _(s): s["StaffAlerts"]["VisibilityTimeout"] = 60


@plant("a queue is visible again before its function times out")
def _(s): s["CustomerNotices"]["VisibilityTimeout"] = 15


@plant("a queue has the default visibility")
def _(s): del s["StaffAlerts"]["VisibilityTimeout"]


@plant("a consumer may run longer than its lease")
def _(s): s["CloseLoop"]["Timeout"] = 60


@plant("a queue mapping does not report failures one by one")
def _(s): del s["NotifyStaffMapping"]["FunctionResponseTypes"]


@plant("the stream mapping does not report failures one by one")
def _(s): del s["RelayEventsMapping"]["FunctionResponseTypes"]


@plant("partial failures are misspelt")
def _(s): s["CloseLoopMapping"]["FunctionResponseTypes"] = ["ReportBatchItemFailure"]


@plant("a dead-letter queue is given by its URL")
def _(s): s["StaffAlerts"]["RedrivePolicy"]["deadLetterTargetArn"] = {"Ref": "StaffAlertsDead"}


@plant("a queue has no dead-letter queue")
def _(s): del s["CustomerNotices"]["RedrivePolicy"]


@plant("a message is given up after the first failure")
def _(s): s["CustomerNotices"]["RedrivePolicy"]["maxReceiveCount"] = 1


@plant("dead letters go back to the queue they came from")
def _(s): s["StaffAlerts"]["RedrivePolicy"]["deadLetterTargetArn"] = {"Fn::GetAtt": ["CustomerNotices", "Arn"]}


@plant("dead letters are kept for four days only")
def _(s): s["StaffAlertsDead"]["MessageRetentionPeriod"] = 345600


@plant("a dead-letter queue refuses its source")
def _(s): s["StaffAlertsDead"]["RedriveAllowPolicy"] = {"redrivePermission": "denyAll"}


@plant("a queue is not encrypted")
def _(s): s["StaffAlerts"]["SqsManagedSseEnabled"] = False


@plant("a queue is left out of the TLS policy")
def _(s): s["QueuesOverTls"]["Queues"].pop()


@plant("the queue policy opens the queues to everybody")
def _(s):
    s["QueuesOverTls"]["PolicyDocument"]["Statement"].append(
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage",
         "Resource": {"Fn::GetAtt": ["StaffAlerts", "Arn"]}})


@plant("a batch above ten without a window")
def _(s): s["NotifyStaffMapping"]["BatchSize"] = 100


@plant("a mapping without a bound on concurrency")
def _(s): del s["CloseLoopMapping"]["ScalingConfig"]


@plant("two consumers change places")
def _(s): s["CloseLoopMapping"]["EventSourceArn"] = {"Fn::GetAtt": ["StaffAlerts", "Arn"]}


@plant("a mapping names the queue by its URL")
def _(s): s["CloseLoopMapping"]["EventSourceArn"] = {"Ref": "CustomerNotices"}


@plant("a mapping goes to the function, past its alias")
def _(s): s["NotifyStaffMapping"]["FunctionName"] = {"Ref": "NotifyStaff"}


@plant("a mapping is left switched off")
def _(s): s["NotifyStaffMapping"]["Enabled"] = False


@plant("a bad stream record is never split from its batch")
def _(s): del s["RelayEventsMapping"]["BisectBatchOnFunctionError"]


@plant("the stream is retried without a limit")
def _(s): del s["RelayEventsMapping"]["MaximumRetryAttempts"]


@plant("what the stream gives up is not kept")
def _(s): del s["RelayEventsMapping"]["DestinationConfig"]


@plant("what the stream gives up goes to a URL")
def _(s): s["RelayEventsMapping"]["DestinationConfig"]["OnFailure"]["Destination"] = {"Ref": "RelayDead"}


@plant("the stream filter lets changes pass as well")
def _(s):
    s["RelayEventsMapping"]["FilterCriteria"]["Filters"] = [
        {"Pattern": '{"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"EVENT#"}]}}}}'}]


@plant("the stream filter looks at an attribute that is not the key")
def _(s):
    s["RelayEventsMapping"]["FilterCriteria"]["Filters"] = [
        {"Pattern": '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"EVENT#"}]}}}}'}]


@plant("the stream is read from now on only")
def _(s): s["RelayEventsMapping"]["StartingPosition"] = "LATEST"


# ------------------------------------------------------------------------------------------------------- table


@plant("an index has another key than the store")
def _(s):
    s.index("due")["KeySchema"][1]["AttributeName"] = "dueAt"
    s["Table"]["AttributeDefinitions"][3]["AttributeName"] = "dueAt"


@plant("a key attribute is not defined")
def _(s): s["Table"]["AttributeDefinitions"].pop()


@plant("an attribute is defined that is no key")
def _(s): s["Table"]["AttributeDefinitions"].append({"AttributeName": "nps", "AttributeType": "N"})


@plant("an index keeps its time as a number")
def _(s): s["Table"]["AttributeDefinitions"][3]["AttributeType"] = "N"


@plant("an index has another name than the store")
def _(s): s.index("by-day")["IndexName"] = "by_day"


@plant("an index leaves out a score")
def _(s): s.index("by-day")["Projection"]["NonKeyAttributes"].remove("csat")


@plant("an index copies what customers wrote")
def _(s): s.index("by-customer")["Projection"] = {"ProjectionType": "ALL"}


@plant("an index is missing")
def _(s): s["Table"]["GlobalSecondaryIndexes"].pop(2)


@plant("the stream carries what customers wrote")
def _(s): s["Table"]["StreamSpecification"]["StreamViewType"] = "NEW_AND_OLD_IMAGES"


@plant("the table has no stream")
def _(s): del s["Table"]["StreamSpecification"]


@plant("the table cannot be restored")
def _(s): del s["Table"]["PointInTimeRecoverySpecification"]


@plant("the table goes with the stack")
def _(s): del s.resources["Table"]["DeletionPolicy"]


@plant("a replaced table is deleted")
def _(s): s.resources["Table"]["UpdateReplacePolicy"] = "Delete"


@plant("the table is not protected")
def _(s): s["Table"]["DeletionProtectionEnabled"] = False


@plant("items expire by another attribute")
def _(s): s["Table"]["TimeToLiveSpecification"]["AttributeName"] = "ttl"


@plant("the table ignores the customer's key")
def _(s): del s["Table"]["SSESpecification"]


@plant("the table has provisioned capacity")
def _(s):
    s["Table"]["BillingMode"] = "PROVISIONED"
    s["Table"]["ProvisionedThroughput"] = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}


# --------------------------------------------------------------------------------------------------- functions


@plant("a variable is misspelt")
def _(s):
    variables = s.environment("RelayEvents")
    variables["STAFF_ALERT_URL"] = variables.pop("STAFF_ALERTS_URL")


@plant("a variable is missing")
def _(s): del s.environment("CloseLoop")["MAIL_FROM"]


@plant("a variable is set that nobody reads")
def _(s): s.environment("ServePages")["STAGE"] = "prod"


@plant("a queue is handed over by its ARN instead of its URL")
def _(s): s.environment("AlertBreaches")["CUSTOMER_NOTICES_URL"] = {"Fn::GetAtt": ["CustomerNotices", "Arn"]}


@plant("two queues change places")
def _(s): s.environment("RelayEvents")["STAFF_ALERTS_URL"] = {"Ref": "CustomerNotices"}


@plant("the table is handed over by its ARN")
def _(s): s.environment("SubmitFeedback")["TABLE_NAME"] = {"Fn::GetAtt": ["Table", "Arn"]}


@plant("a signing key is written down")
def _(s): s.environment("SubmitFeedback")["SIGNING_KEYS"] = "1=not-a-secret-not-a-secret-not-a-secret"


@plant("a function signs with another key than the rest")
def _(s): s.environment("CloseLoop")["SIGNING_KEYS"] = {"Ref": "SigningKeys"}


@plant("the handler has another name")
def _(s): s.body["Globals"]["Function"]["Handler"] = "main"


@plant("the handler's key is misspelt")
def _(s): s.body["Globals"]["Function"]["Handlers"] = s.body["Globals"]["Function"].pop("Handler")


@plant("the runtime is a retired one")
def _(s): s.body["Globals"]["Function"]["Runtime"] = "provided.al2"


@plant("a function runs the build of another")
def _(s): s["CloseLoop"]["CodeUri"] = "../target/lambda/notify-staff/"


@plant("the processor is fixed, whatever the packages were built for")
def _(s): s.body["Globals"]["Function"]["Architectures"] = ["x86_64"]


@plant("a function is put into a network")
def _(s): s["SubmitFeedback"]["VpcConfig"] = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


@plant("concurrency is reserved by default")
def _(s): s["SubmitFeedback"]["ReservedConcurrentExecutions"] = 50


@plant("a function has no alias")
def _(s): s["NotifyStaff"]["AutoPublishAlias"] = {"Ref": "AWS::NoValue"}


@plant("a version does not change with the release")
def _(s): del s["NotifyStaff"]["VersionDescription"]


@plant("a function does not differ in a new release")
def _(s): s["NotifyStaff"]["Description"] = "Alerts staff"


@plant("a function has no name of its own")
def _(s): s["ReportNps"]["FunctionName"] = "report-nps"


@plant("a canary has no alarm to roll back on")
def _(s): del s["SubmitFeedback"]["DeploymentPreference"]


@plant("CodeDeploy gets SAM's own role")
def _(s): del s.body["Globals"]["Function"]["DeploymentPreference"]["Role"]


# -------------------------------------------------------------------------------------------------------- roles


@plant("a function may do anything with the table")
def _(s): s.statement("SubmitFeedbackRole", "dynamodb:PutItem")["Action"] = ["dynamodb:*"]


@plant("a function may reach every table")
def _(s): s.statement("CloseLoopRole", "dynamodb:PutItem")["Resource"] = "*"


@plant("a function may scan")
def _(s): s.statement("AggregateNpsRole", "dynamodb:PutItem")["Action"].append("dynamodb:Scan")


@plant("a function may scan by another name")
def _(s): s.statement("ReportNpsRole", "dynamodb:Query")["Action"].append("dynamodb:PartiQLSelect")


@plant("a transaction may not check what it depends on")
def _(s): s.statement("AggregateNpsRole", "dynamodb:PutItem")["Action"].remove("dynamodb:ConditionCheckItem")


@plant("a list may not read again what an index lists")
def _(s): s.statement("ManageCasesRole", "dynamodb:PutItem")["Action"].remove("dynamodb:BatchGetItem")


@plant("a consumer may delete")
def _(s): s.statement("NotifyStaffRole", "dynamodb:PutItem")["Action"].append("dynamodb:DeleteItem")


@plant("a page may write")
def _(s): s.statement("ServePagesRole", "dynamodb:GetItem")["Action"].append("dynamodb:PutItem")


@plant("the sweep may not query its index")
def _(s): s.statements("AlertBreachesRole").pop(2)


@plant("a function may query every index")
def _(s): s.statements("ManageCasesRole")[2]["Resource"] = {"Fn::Sub": "${Table.Arn}/index/*"}


@plant("a consumer may not delete what it has done")
def _(s): s.statement("NotifyStaffRole", "sqs:DeleteMessage")["Action"].remove("sqs:DeleteMessage")


@plant("the relay may not write what it gives up")
def _(s): s.statement("RelayEventsRole", "sqs:SendMessage")["Resource"].pop()


@plant("a sender may send to every queue")
def _(s): s.statement("RelayEventsRole", "sqs:SendMessage")["Resource"] = "*"


@plant("mail may be sent as anybody")
def _(s): del s.statement("CloseLoopRole", "ses:SendEmail")["Condition"]


@plant("mail may be sent without a sender")
def _(s):
    statements = s.statements("NotifyStaffRole")
    statements[:] = [
        x["Fn::If"][1] if "Fn::If" in x and x["Fn::If"][0] == "HasMail" else x for x in statements]


@plant("a managed policy of AWS is added")
def _(s):
    s["CloseLoopRole"]["ManagedPolicyArns"] = [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonDynamoDBFullAccess"}]


@plant("two functions share a role")
def _(s): s["ServePages"]["Role"] = {"Fn::GetAtt": ["ManageCasesRole", "Arn"]}


@plant("SAM writes the role")
def _(s): del s["SubmitFeedback"]["Role"]


@plant("a role ignores the permissions boundary")
def _(s): del s["RelayEventsRole"]["PermissionsBoundary"]


@plant("a role trusts another service")
def _(s): s["CloseLoopRole"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] = "ec2.amazonaws.com"


@plant("a role trusts every account")
def _(s): s["CloseLoopRole"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {"AWS": "*"}


@plant("another account's schedules may use the role")
def _(s): del s["SchedulerRole"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]


@plant("a policy allows all but a few actions")
def _(s):
    statement = s.statement("CloseLoopRole", "dynamodb:PutItem")
    del statement["Action"]
    statement["NotAction"] = ["dynamodb:DeleteTable"]


# ---------------------------------------------------------------------------------------------------- schedules


@plant("the night has no zone")
def _(s): del s["AggregateNpsSchedule"]["ScheduleExpressionTimezone"]


@plant("the night runs in UTC")
def _(s): s["AggregateNpsSchedule"]["ScheduleExpressionTimezone"] = "UTC"


@plant("a cron expression has five fields")
def _(s): s["AggregateNpsSchedule"]["ScheduleExpression"] = "cron(30 0 * * *)"


@plant("a rate has the wrong number")
def _(s): s["AlertBreachesSchedule"]["ScheduleExpression"] = "rate(1 minutes)"


@plant("a schedule hands over no time")
def _(s): del s["AggregateNpsSchedule"]["Target"]["Input"]


@plant("a schedule hands over more than the time")
def _(s): s["AlertBreachesSchedule"]["Target"]["Input"] = '{"time":"<aws.scheduler.scheduled-time>","limit":10}'


@plant("a schedule's dead-letter queue is given by its URL")
def _(s): s["AggregateNpsSchedule"]["Target"]["DeadLetterConfig"]["Arn"] = {"Ref": "SchedulesDead"}


@plant("a schedule has no dead-letter queue")
def _(s): del s["AggregateNpsSchedule"]["Target"]["DeadLetterConfig"]


@plant("a schedule goes past the alias")
def _(s): s["AlertBreachesSchedule"]["Target"]["Arn"] = {"Fn::GetAtt": ["AlertBreaches", "Arn"]}


@plant("a schedule has a fixed name")
def _(s): s["AlertBreachesSchedule"]["Name"] = "alert-breaches"


@plant("the scheduler may not start the alias")
def _(s): s.statement("SchedulerRole", "lambda:InvokeFunction")["Resource"].pop()


@plant("a schedule starts when it likes")
def _(s): s["AlertBreachesSchedule"]["FlexibleTimeWindow"] = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}


@plant("a night that fails leaves no trace")
def _(s): del s["AggregateNps"]["EventInvokeConfig"]["DestinationConfig"]


@plant("a sweep that fails runs again beside the next")
def _(s): del s["AlertBreaches"]["EventInvokeConfig"]


# --------------------------------------------------------------------------------------------------------- HTTP


@plant("an integration goes past the alias")
def _(s): s["SubmitFeedbackIntegration"]["IntegrationUri"] = {"Fn::GetAtt": ["SubmitFeedback", "Arn"]}


@plant("the gateway may call the function but not its alias")
def _(s): s["ManageCasesPermission"]["FunctionName"] = {"Ref": "ManageCases"}


@plant("a permission is missing")
def _(s): del s.resources["ReportNpsPermission"]


@plant("a permission is for another path")
def _(s):
    s["ServePagesPermission"]["SourceArn"]["Fn::Sub"] = (
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/POST/*")


@plant("any API may call the function")
def _(s): del s["SubmitFeedbackPermission"]["SourceArn"]


@plant("an integration speaks format 1.0")
def _(s): s["ServePagesIntegration"]["PayloadFormatVersion"] = "1.0"


@plant("the gateway gives up before the function")
def _(s): s["SubmitFeedbackIntegration"]["TimeoutInMillis"] = 5000


@plant("a staff route is open")
def _(s): s["ListCasesRoute"]["AuthorizationType"] = "NONE"


@plant("a staff route does not ask for its scope")
def _(s): del s["CommandCaseRoute"]["AuthorizationScopes"]


@plant("writing asks for the scope of reading")
def _(s): s["CommandCaseRoute"]["AuthorizationScopes"] = ["resound/cases.read"]


@plant("a staff route exists without an issuer")
def _(s): del s.resources["ReportNpsRoute"]["Condition"]


@plant("the authorizer exists without an issuer")
def _(s): del s.resources["StaffAuthorizer"]["Condition"]


@plant("the authorizer does not check the audience")
def _(s): del s["StaffAuthorizer"]["JwtConfiguration"]["Audience"]


@plant("a route goes to the wrong function")
def _(s): s["ReceiptRoute"]["Target"] = {"Fn::Sub": "integrations/${ManageCasesIntegration}"}


@plant("a route's target lacks its prefix")
def _(s): s["FormRoute"]["Target"] = {"Ref": "ServePagesIntegration"}


@plant("a route is missing")
def _(s): del s.resources["SubmitFeedbackOptionsRoute"]


@plant("a route's path has a slash too many")
def _(s): s["SubmitFeedbackRoute"]["RouteKey"] = "POST /v1/feedback/"


@plant("the gateway answers OPTIONS for every form")
def _(s): s["HttpApi"]["CorsConfiguration"] = {"AllowOrigins": ["*"], "AllowMethods": ["*"]}


@plant("the stage does not throttle")
def _(s): del s["HttpStage"]["DefaultRouteSettings"]


@plant("the access log carries the path")
def _(s):
    s["HttpStage"]["AccessLogSettings"]["Format"] = s["HttpStage"]["AccessLogSettings"]["Format"].replace(
        '"route":"$context.routeKey"', '"route":"$context.routeKey","path":"$context.path"')


@plant("there is no access log")
def _(s): del s["HttpStage"]["AccessLogSettings"]


# ------------------------------------------------------------------------------------------- watching and the rest


@plant("a function's errors wake nobody")
def _(s): del s.resources["ReportNpsErrors"]; s["ReportNps"].pop("DeploymentPreference")


@plant("a dead-letter queue wakes nobody")
def _(s): del s.resources["RelayDeadDepth"]


@plant("an alarm watches a queue by its URL")
def _(s): s["StaffAlertsAge"]["Dimensions"][0]["Value"] = {"Ref": "StaffAlerts"}


@plant("an alarm has no action")
def _(s): del s["CustomerNoticesDeadDepth"]["AlarmActions"]


@plant("a sweep that never runs is silent")
def _(s): s["SweepMissing"]["TreatMissingData"] = "notBreaching"


@plant("an alarm can never fire")
def _(s): s["RelayLag"]["DatapointsToAlarm"] = 6


@plant("an alarm names no page")
def _(s): s["HttpFailures"]["AlarmDescription"] = "The HTTP API fails"


@plant("an alarm has a misspelt comparison")
def _(s): s["HttpLatency"]["ComparisonOperator"] = "GreaterThan"


@plant("logs are kept for ever")
def _(s): del s["CloseLoopLogs"]["RetentionInDays"]


@plant("two functions share their logs")
def _(s): s["CloseLoop"]["LoggingConfig"]["LogGroup"] = {"Ref": "NotifyStaffLogs"}


@plant("the secret may contain the separators of the list")
def _(s): del s["SigningSecret"]["GenerateSecretString"]["ExcludePunctuation"]


@plant("the secret is written down")
def _(s):
    del s["SigningSecret"]["GenerateSecretString"]
    s["SigningSecret"]["SecretString"] = "correct horse battery staple"


@plant("a queue has a fixed name")
def _(s): s["StaffAlerts"]["QueueName"] = "staff-alerts"


@plant("the partition is fixed")
def _(s):
    s.statement("CloseLoopRole", "ses:SendEmail")["Resource"] = {
        "Fn::Sub": "arn:aws:ses:${AWS::Region}:${AWS::AccountId}:identity/*"}


@plant("the region is fixed")
def _(s): s.body["Outputs"]["HttpApiUrl"]["Value"] = {"Fn::Sub": "https://${HttpApi}.execute-api.eu-west-1.${AWS::URLSuffix}"}


@plant("a parameter takes anything")
def _(s): del s.body["Parameters"]["MailFrom"]["AllowedPattern"]


@plant("a default breaks its own pattern")
def _(s): s.body["Parameters"]["TimeZone"]["Default"] = "UTC+8"


@plant("a secret parameter is shown")
def _(s): del s.body["Parameters"]["AlertWebhookSecret"]["NoEcho"]


@plant("a parameter is not used")
def _(s):
    s.body["Parameters"]["Stage"] = {"Type": "String", "Default": "prod", "AllowedValues": ["prod"], "Description": "?"}


@plant("a reference is misspelt")
def _(s): s["NotifyStaff"]["Environment"]["Variables"]["TIME_ZONE"] = {"Ref": "Timezone"}


@plant("a condition is misspelt")
def _(s): s.resources["ReportNpsRoute"]["Condition"] = "HasStaf"


@plant("a property is misspelt")
def _(s): s["Table"]["PointInTimeRecovery"] = s["Table"].pop("PointInTimeRecoverySpecification")


@plant("two resources wait for each other")
def _(s):
    s["StaffAlertsDead"]["RedriveAllowPolicy"]["sourceQueueArns"] = [{"Fn::GetAtt": ["StaffAlerts", "Arn"]}]


@plant("an output shows a secret")
def _(s):
    s.body["Outputs"]["Key"] = {"Value": {"Fn::Sub": "{{resolve:secretsmanager:${SigningSecret}:SecretString}}"}}


@plant("an output is missing")
def _(s): del s.body["Outputs"]["TableName"]


@plant("a role denies what it needs")
def _(s): s.statements("CloseLoopRole").append(
    {"Effect": "Deny", "Action": ["dynamodb:PutItem"], "Resource": {"Fn::GetAtt": ["Table", "Arn"]}})


@plant("a permission has a condition that never holds")
def _(s): s.statement("SubmitFeedbackRole", "dynamodb:PutItem")["Condition"] = {"Bool": {"aws:ViaAWSService": "true"}}


@plant("reports may read what customers wrote")
def _(s): del s.statement("ReportNpsRole", "dynamodb:Query")["Condition"]


@plant("a policy is in the language of 2008")
def _(s): del s["CloseLoopRole"]["Policies"][0]["PolicyDocument"]["Version"]


@plant("a condition is the wrong way round")
def _(s): s.body["Conditions"]["HasMail"] = {"Fn::Equals": [{"Ref": "MailFrom"}, ""]}


@plant("a condition looks at another parameter")
def _(s): s.body["Conditions"]["HasStaff"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": "JwtAudience"}, ""]}]}


@plant("messages expire after an hour")
def _(s): s["CustomerNotices"]["MessageRetentionPeriod"] = 3600


@plant("messages are delayed")
def _(s): s["StaffAlerts"]["DelaySeconds"] = 900


@plant("the stream waits minutes for a batch")
def _(s): s["RelayEventsMapping"]["MaximumBatchingWindowInSeconds"] = 300


@plant("a schedule ends")
def _(s): s["AggregateNpsSchedule"]["EndDate"] = "2027-01-01T00:00:00Z"


@plant("a schedule is disabled")
def _(s): s["AlertBreachesSchedule"]["State"] = "DISABLED"


@plant("an alarm looks into the wrong namespace")
def _(s): s["RelayLag"]["Namespace"] = "AWS/DynamoDB"


@plant("an alarm looks the wrong way")
def _(s): s["StaffAlertsDeadDepth"]["ComparisonOperator"] = "LessThanThreshold"


@plant("an alarm waits for a hundred dead letters")
def _(s): s["StaffAlertsDeadDepth"]["Threshold"] = 100


@plant("an alarm is muted")
def _(s): s["HttpFailures"]["ActionsEnabled"] = False


@plant("a function has memory that costs forty times as much")
def _(s): s.body["Globals"]["Function"]["MemorySize"] = 10240


@plant("a function has its own public address, past gateway and throttle")
def _(s): s["SubmitFeedback"]["FunctionUrlConfig"] = {"AuthType": "NONE"}


@plant("links point to the HTTP API although there is an own domain")
def _(s): s.environment("CloseLoop")["PUBLIC_URL"] = {
    "Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}


@plant("an output is the name where an ARN is promised")
def _(s): s.body["Outputs"]["TableArn"]["Value"] = {"Ref": "Table"}


@plant("an integration belongs to another API")
def _(s): s["ServePagesIntegration"]["ApiId"] = "abc123"


@plant("a variable refers to a function's alias that does not exist")
def _(s): s["AlertBreachesSchedule"]["Target"]["Arn"] = {"Ref": "AlertBreaches.Alias2"}


@plant("the sweep runs every minute of one hour")
def _(s): s["AlertBreachesSchedule"]["ScheduleExpression"] = "cron(* 8 * * ? *)"


@plant("the role of the scheduler may start anything")
def _(s): s.statement("SchedulerRole", "lambda:InvokeFunction")["Resource"] = "*"


@plant("a mapping of releases forgets a kind")
def _(s): del s.body["Mappings"]["TrafficShifts"]["Linear10PercentEvery1Minute"]


# ------------------------------------------------------------------------------------------------------ the checks


def cfn_lint(files, options):
    """What cfn-lint says of each file: {name: {(rule, message)}}."""
    def ask(share):
        command = cfn_lint_command(options, ["--format", "json", "--", *share])
        return json.loads(subprocess.run(command, capture_output=True, text=True).stdout or "[]")

    workers = os.cpu_count() or 1
    said = {}
    with ThreadPoolExecutor(workers) as pool:
        for matches in pool.map(ask, filter(None, (files[n::workers] for n in range(workers)))):
            for match in matches:
                said.setdefault(Path(match["Filename"]).name, set()).add((match["Rule"]["Id"], match["Message"]))
    return said


def checkov(files):
    """What checkov says of each file: {name: {(rule, resource)}}. A few at a time: it is quadratic in their number."""
    def ask(share):
        arguments = [argument for file in share for argument in ("-f", file)]
        run = subprocess.run(checkov_command([*arguments, "-o", "json"]), capture_output=True, text=True)
        reports = json.loads(run.stdout)
        return reports if isinstance(reports, list) else [reports]

    said = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for reports in pool.map(ask, (files[n:n + 4] for n in range(0, len(files), 4))):
            for results in (report.get("results", {}) for report in reports):
                for failed in results.get("failed_checks", []):
                    said.setdefault(Path(failed["file_path"]).name, set()).add((failed["check_id"], failed["resource"]))
                for name in results.get("parsing_errors", []):
                    said.setdefault(Path(name).name, set()).add(("unreadable", ""))
    return said


def ask_cheap_ones(source):
    """The expansion, if there is one, and what the expansion, our rules and the snapshot say of it."""
    try:
        body, canary = expand.expand(source), expand.expand(source, snapshot.CANARY)
    except Exception as error:  # whatever the translator throws is its way to refuse
        return None, [{str(error)}, *NOTHING, set(), set()]
    ours = set(rules.faults(body)) | {("canary", *fault) for fault in rules.faults(canary)}
    return body, [set(), *NOTHING, ours, {snapshot.document(body, canary)}]


def examine(sources, known):
    """What each check says of each source: one list of sets per source, in the order of LAYERS.

    The first source is the template as it is. The linters are not asked about a source whose number is `known`, unless
    the expansion and our rules do not tell it from the first.
    """
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count() or 1) as workers:
        raw, expanded = Path(folder, "source"), Path(folder, "expanded")
        raw.mkdir()
        expanded.mkdir()
        said = []
        for number, (body, found) in enumerate(workers.map(ask_cheap_ones, sources, chunksize=8)):
            name = f"{number:03}.json"
            said.append(found)
            if number not in known or found[:SNAPSHOT] == said[0][:SNAPSHOT]:
                (raw / name).write_text(json.dumps(sources[number]), encoding="utf-8")
                if body is not None:
                    (expanded / name).write_text(json.dumps(body), encoding="utf-8")
        by_layer = {
            1: cfn_lint(sorted(map(str, raw.iterdir())), CFN_LINT_SOURCE),
            2: cfn_lint(sorted(map(str, expanded.iterdir())), CFN_LINT_EXPANDED),
            3: checkov(sorted(map(str, expanded.iterdir()))),
        }
        for number, layers in enumerate(said):
            for layer, found in by_layer.items():
                layers[layer] = found.get(f"{number:03}.json", set())
        return said


NOTHING = (set(), set(), set())


def table(caught):
    counts = [sum(layers[i] for _, layers in caught) for i in range(len(LAYERS))]
    lines = [
        "# Checks of the template, and what each of them catches",
        "",
        "`infra/checks/check.sh` expands `infra/template.yaml` into plain CloudFormation without an account and without a",
        "network, runs `cfn-lint` on the source and on the expansion, `checkov` on the expansion, and our own rules",
        "(`infra/checks/rules.py`). Then it plants the usual mistakes in the source, one at a time, and asks each check.",
        "",
        "This page is written by `infra/checks/check.sh --write`. Every run of the checks plants all mistakes again, asks the",
        "expansion and our rules about each, asks the linters about what those two let pass and about what is new, and fails if",
        "this page differs; with `--all` the linters are asked about every mistake. All versions are pinned.",
        "`x` means that the check says something about the planted mistake that it does not say about the template as it is.",
        "",
        "The last column is the snapshot of the expanded template (`infra/checks/expanded.yaml`): it sees every change of the",
        "expansion and asks whoever made it to look at what became of it, but cannot tell a mistake from an improvement. So a",
        "mistake that nothing else catches fails the checks: it needs a rule.",
        "",
        "| planted mistake | " + " | ".join(LAYERS) + " |",
        "|---|" + ":-:|" * len(LAYERS),
    ]
    for sentence, layers in caught:
        lines.append(f"| {sentence} | " + " | ".join("x" if hit else "" for hit in layers) + " |")
    lines.append(f"| **{len(caught)} planted, caught by** | " + " | ".join(f"**{n}**" for n in counts) + " |")
    lines += ["", "What our rules state:", ""]
    lines += [f"- {check.__doc__}" for check in rules.RULES]
    lines += ["", "What is switched off, and why:", ""]
    lines += [f"- {reason}" for reason in REASONS]
    return "\n".join(lines) + "\n"


def page(document):
    """What a page says was caught: {sentence: layers}."""
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines())
    return {row[0]: [cell == "x" for cell in row[1:]] for row in rows if len(row) == 1 + len(LAYERS)}


def main():
    document = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    written = {} if "--all" in sys.argv[1:] else page(document)
    clean = expand.load()
    sources = [clean]
    for _, spoil in PLANTS:
        spoiled = copy.deepcopy(clean)
        spoil(Source(spoiled))
        sources.append(spoiled)
    known = {number for number, (sentence, _) in enumerate(PLANTS, 1) if sentence in written}
    as_it_is, *said = examine(sources, known)
    caught, missed = [], []
    for (sentence, _), layers in zip(PLANTS, said, strict=True):
        hits = [bool(layer - before) for layer, before in zip(layers, as_it_is, strict=True)]
        if sentence in written and (hits[EXPANSION] or hits[OURS]):
            hits[1:OURS] = written[sentence][1:OURS]  # the linters were not asked
        # The snapshot sees every change, and knows of none whether it is a mistake.
        if not any(hits[:SNAPSHOT]):
            missed.append(sentence)
            print(f"no check but the snapshot sees: {sentence}", file=sys.stderr)
        caught.append((sentence, hits))
    failed = len(missed)
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(table(caught), encoding="utf-8")
    elif document != table(caught):
        print("docs/checks.md is not what the checks say: run infra/checks/check.sh --write", file=sys.stderr)
        failed += 1
    print(f"plants: {len(caught) - len(missed)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
