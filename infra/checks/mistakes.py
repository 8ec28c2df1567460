"""The mistakes that `plant.py` makes in the SAM source, one at a time, as a person would make them.

Each has a sentence for the report and a function that spoils the source in place. A new mistake needs no more than that; it
must be caught by something else than the snapshot, which sees every change and judges none.
"""

PLANTS = []
DEPLOYER_PLANTS = []
BESIDE_PLANTS = []


def plant(sentence):
    """Registers a mistake: a function that spoils the source in place."""
    def register(spoil):
        PLANTS.append((sentence, spoil))
        return spoil
    return register


def deployer_plant(sentence):
    """The same for deployer.yaml: a function that spoils the statements, by their `Sid`, in place."""
    def register(spoil):
        DEPLOYER_PLANTS.append((f"deployer: {sentence}", spoil))
        return spoil
    return register


def beside_plant(sentence):
    """The same for each of the templates beside the stack: a function that spoils the resources in place."""
    def register(spoil):
        for name in ("mail", "texts"):
            BESIDE_PLANTS.append((f"infra/{name}.yaml", f"{name}.yaml: {sentence}", spoil))
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


@plant("a topic that is none of ours may write to the queue of what AWS tells")
def _(s):
    s["MailReportsPolicy"]["PolicyDocument"]["Statement"][1]["Condition"]["ArnEquals"]["aws:SourceArn"].append(
        {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-other"})


@plant("any topic may write to the queue of what SES tells")
def _(s): del s["MailReportsPolicy"]["PolicyDocument"]["Statement"][1]["Condition"]


@plant("any topic of the account may write to the queue of what SES tells")
def _(s):
    s["MailReportsPolicy"]["PolicyDocument"]["Statement"][1]["Condition"] = {
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}}}


@plant("everybody may write to the queue of what SES tells")
def _(s):
    statement = s["MailReportsPolicy"]["PolicyDocument"]["Statement"][1]
    statement["Principal"] = "*"
    del statement["Condition"]


@plant("the topics may do anything with their queue")
def _(s): s["MailReportsPolicy"]["PolicyDocument"]["Statement"][1]["Action"] = "sqs:*"


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


@plant("the alerts may not remind themselves of a group")
def _(s): s.statements("NotifyStaffRole").remove(s.statement("NotifyStaffRole", "sqs:SendMessage"))


@plant("the alerts may write to customers")
def _(s): s.statement("NotifyStaffRole", "sqs:SendMessage")["Resource"].append({"Fn::GetAtt": ["CustomerNotices", "Arn"]})


@plant("a sender may send to every queue")
def _(s): s.statement("RelayEventsRole", "sqs:SendMessage")["Resource"] = "*"


@plant("mail may be sent as anybody")
def _(s): del s.statement("CloseLoopRole", "ses:SendEmail")["Condition"]


@plant("alerts may be sent as a brand")
def _(s): s.statement("NotifyStaffRole", "ses:SendEmail")["Condition"] = s.statement("CloseLoopRole", "ses:SendEmail")["Condition"]


@plant("letters may be sent as anybody at the domain of a brand")
def _(s): s.statement("CloseLoopRole", "ses:SendEmail")["Condition"] = {"StringLike": {"ses:FromAddress": ["*@example.com"]}}


@plant("announcements may be sent as anybody at the domain of a brand")
def _(s): s.statement("TellReportersRole", "ses:SendEmail")["Condition"] = {"StringLike": {"ses:FromAddress": ["*@example.com"]}}


@plant("brands may be saved with senders that announcements are not sent from")
def _(s): del s.environment("TellReporters")["BRAND_SENDERS"]


@plant("test letters may be sent to anybody")
def _(s): del s.statement("ManagePolicyRole", "ses:SendEmail")["Condition"]["ForAllValues:StringEquals"]


@plant("test letters may be sent to any customer of a provider")
def _(s): s.statement("ManagePolicyRole", "ses:SendEmail")["Condition"]["ForAllValues:StringEquals"] = {"ses:Recipients": ["*@example.com"]}


@plant("test letters are sent to others than may be")
def _(s): s.environment("ManagePolicy")["TEST_MAIL_TO"] = {"Ref": "BrandSenders"}


@plant("brands may be saved with senders that letters are not sent from")
def _(s): del s.environment("CloseLoop")["BRAND_SENDERS"]


@plant("mail may be sent without a sender")
def _(s):
    statements = s.statements("NotifyStaffRole")
    statements[:] = [
        x["Fn::If"][1] if "Fn::If" in x and x["Fn::If"][0] == "HasMail" else x for x in statements]


@plant("text messages may be sent as anybody")
def _(s): s.statement("CloseLoopRole", "sms-voice:SendTextMessage")["Resource"] = "*"


@plant("text messages may be sent with any configuration set")
def _(s):
    s.statement("CloseLoopRole", "sms-voice:SendTextMessage")["Resource"][1] = {
        "Fn::Sub": "arn:${AWS::Partition}:sms-voice:${AWS::Region}:${AWS::AccountId}:configuration-set/other"}


@plant("text messages are sent with a set that may not be there")
def _(s): s.environment("CloseLoop")["SMS_CONFIGURATION_SET"] = {"Fn::Sub": "${AWS::StackName}-texts"}


@plant("nobody hears what becomes of text messages where no mail is sent")
def _(s): s["SettleNoticesMapping"]["Enabled"] = {"Fn::If": ["HasMailReports", True, False]}


@plant("reports of text messages wait unseen where no mail is sent")
def _(s): s.resources["MailReportsAge"]["Condition"] = "WatchesMail"


@plant("text messages are told of unasked")
def _(s): s.body["Conditions"]["HasSmsReports"] = {"Condition": "HasSms"}


@plant("text messages may be sent without an identity")
def _(s):
    statements = s.statements("CloseLoopRole")
    statements[:] = [
        x["Fn::If"][1] if "Fn::If" in x and x["Fn::If"][0] == "HasSms" else x for x in statements]


@plant("test text messages may be sent as anybody")
def _(s): s.statement("ManagePolicyRole", "sms-voice:SendTextMessage")["Resource"] = "*"


@plant("test text messages may be sent although nobody is to get them")
def _(s):
    statements = s.statements("ManagePolicyRole")
    statements[:] = [
        {"Fn::If": ["HasSms", *x["Fn::If"][1:]]} if "Fn::If" in x and x["Fn::If"][0] == "HasTestText" else x for x in statements]


@plant("test text messages are on without anybody who is to get them")
def _(s): s.body["Conditions"]["HasTestText"] = {"Condition": "HasSms"}


@plant("test text messages go to whoever gets test letters")
def _(s): s.environment("ManagePolicy")["TEST_TEXT_TO"] = {"Ref": "TestMailTo"}


@plant("numbers for test text messages may be anything")
def _(s): del s.body["Parameters"]["TestTextTo"]["AllowedPattern"]


@plant("the app gets the alerts of staff")
def _(s): s.environment("CloseLoop")["CUSTOMER_WEBHOOK_URL"] = {"Ref": "AlertWebhookUrl"}


@plant("the secret of the app is shown")
def _(s): del s.body["Parameters"]["CustomerWebhookSecret"]["NoEcho"]


@plant("the app may be told without a secret")
def _(s): del s.body["Rules"]["AppAndSecret"]


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


@plant("the count has no zone")
def _(s): del s["AggregateNpsSchedule"]["ScheduleExpressionTimezone"]


@plant("responses are linked once a day")
def _(s): s["LinkIssuesSchedule"]["ScheduleExpression"] = "cron(40 3 * * ? *)"


@plant("an erased response could be linked")
def _(s): s.statement("LinkIssuesRole", "dynamodb:PutItem")["Action"].remove("dynamodb:ConditionCheckItem")


@plant("a lead's right is not asked for an improvement's numbers")
def _(s): s["ShowImprovementRoute"]["AuthorizationScopes"] = {"Fn::If": ["AsksForScopes", ["resound/cases.read"], {"Ref": "AWS::NoValue"}]}


@plant("nobody hears that responses are not linked any more")
def _(s): s["LinkingMissing"]["TreatMissingData"] = "notBreaching"


@plant("the risk rules look once a day")
def _(s): s["WatchRisksSchedule"]["ScheduleExpression"] = "cron(20 3 * * ? *)"


@plant("a failed look for risks is tried again at once")
def _(s): s["WatchRisks"]["EventInvokeConfig"]["MaximumRetryAttempts"] = 2


@plant("the risk rules may delete")
def _(s): s.statement("WatchRisksRole", "dynamodb:PutItem")["Action"].append("dynamodb:DeleteItem")


@plant("the risk rules cannot find a customer's responses")
def _(s): s.statements("WatchRisksRole")[2]["Resource"] = {"Fn::Sub": "${Table.Arn}/index/by-day"}


@plant("reports are written once a day")
def _(s): s["WriteReportsSchedule"]["ScheduleExpression"] = "cron(5 6 * * ? *)"


@plant("reports may delete")
def _(s): s.statement("WriteReportsRole", "dynamodb:PutItem")["Action"].append("dynamodb:DeleteItem")


@plant("reports may be sent in anybody's name")
def _(s): del s.statement("WriteReportsRole", "ses:SendEmail")["Condition"]


@plant("who shows reports may read cases")
def _(s): s.statement("ServeReportsRole", "dynamodb:Query")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("CASE#*")


@plant("anybody may read reports")
def _(s): s["ReportRoute"]["AuthorizationType"] = "NONE"


@plant("nobody hears that a report is late")
def _(s): s["ReportsLate"]["MetricName"] = "ReportsWritten"


@plant("nobody hears that the risk rules stopped")
def _(s): s["RisksMissing"]["TreatMissingData"] = "notBreaching"


@plant("the count looks once a night")
def _(s): s["AggregateNpsSchedule"]["ScheduleExpression"] = "cron(30 0 * * ? *)"


@plant("a cron expression has five fields")
def _(s): s["WatchRisksSchedule"]["ScheduleExpression"] = "cron(20 * * * *)"


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
def _(s): s["CommandCaseRoute"]["AuthorizationScopes"]["Fn::If"][1] = ["resound/cases.read"]


@plant("a staff route asks for no scope where tokens carry them")
def _(s): s["CommandCaseRoute"]["AuthorizationScopes"]["Fn::If"].reverse()


@plant("scopes are left out by default")
def _(s): s.body["Conditions"]["AsksForScopes"] = {"Fn::Equals": [{"Ref": "StaffTokens"}, "roles"]}


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


@plant("who publishes may write cases")
def _(s): s.statement("ManagePolicyRole", "dynamodb:PutItem")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("CASE#*")


@plant("who publishes may write anything")
def _(s): del s.statement("ManagePolicyRole", "dynamodb:PutItem")["Condition"]


@plant("who asks for a replay may write counts")
def _(s): s.statement("ManagePolicyRole", "dynamodb:PutItem")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("TALLY#*")


@plant("who reads numbers may have them counted again")
def _(s): s["ReplayRoute"]["AuthorizationScopes"]["Fn::If"][1] = ["resound/reports.read"]


@plant("who sends figures may write counts")
def _(s): s.statement("ManagePolicyRole", "dynamodb:UpdateItem")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] = ["TALLY#*"]


@plant("a dry run may read what customers wrote")
def _(s): s.statement("ManagePolicyRole", "dynamodb:BatchGetItem")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] = ["*"]


@plant("agents may publish")
def _(s): s["PublishPolicyRoute"]["AuthorizationScopes"]["Fn::If"][1] = ["resound/cases.write"]


@plant("agents are shown the recipients")
def _(s): s["ShowRecipientsRoute"]["AuthorizationScopes"]["Fn::If"][1] = ["resound/cases.read"]


@plant("who publishes is told another reach of webhooks")
def _(s): s["ManagePolicy"]["Environment"]["Variables"]["WEBHOOK_ALLOW_PRIVATE"] = "true"


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


# --------------------------------------------------------------------------------------- more of queues and mappings


@plant("a dead-letter queue forgets before its source would")
def _(s): s["CustomerNoticesDead"]["MessageRetentionPeriod"] = 86400


@plant("a message is tried a hundred times")
def _(s): s["StaffAlerts"]["RedrivePolicy"]["maxReceiveCount"] = 100


@plant("two queues share their dead letters")
def _(s): s["StaffAlerts"]["RedrivePolicy"]["deadLetterTargetArn"] = {"Fn::GetAtt": ["CustomerNoticesDead", "Arn"]}


@plant("a queue is its own dead-letter queue")
def _(s):
    s["StaffAlerts"]["RedrivePolicy"]["deadLetterTargetArn"] = {
        "Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-staff-alerts"}


@plant("a queue is FIFO, its dead-letter queue is not")
def _(s): s["StaffAlerts"]["FifoQueue"] = True


@plant("any queue may send its dead letters here")
def _(s): del s["RelayDead"]["RedriveAllowPolicy"]


@plant("a queue uses the key although there is none")
def _(s): s["StaffAlerts"]["KmsMasterKeyId"] = {"Ref": "KmsKeyArn"}


@plant("a queue's encryption is the wrong way round")
def _(s):
    s["StaffAlerts"]["SqsManagedSseEnabled"] = {"Fn::If": ["HasKey", True, {"Ref": "AWS::NoValue"}]}


@plant("a queue hands over messages of other sizes")
def _(s): s["CustomerNotices"]["MaximumMessageSize"] = 1024


@plant("the queue policy refuses TLS instead of its absence")
def _(s): s["QueuesOverTls"]["PolicyDocument"]["Statement"][0]["Condition"]["Bool"]["aws:SecureTransport"] = "true"


@plant("the queue policy forgets a queue among its resources")
def _(s): s["QueuesOverTls"]["PolicyDocument"]["Statement"][0]["Resource"].pop()


@plant("the queue policy refuses only the receiving")
def _(s): s["QueuesOverTls"]["PolicyDocument"]["Statement"][0]["Action"] = "sqs:ReceiveMessage"


@plant("the queue policy refuses only this account")
def _(s): s["QueuesOverTls"]["PolicyDocument"]["Statement"][0]["Principal"] = {"AWS": {"Ref": "AWS::AccountId"}}


@plant("a consumer runs one message at a time")
def _(s): s["CloseLoopMapping"]["ScalingConfig"]["MaximumConcurrency"] = 1


@plant("a consumer may take a thousand runs at once")
def _(s): s["CloseLoopMapping"]["ScalingConfig"]["MaximumConcurrency"] = 1000


@plant("a consumer takes one message per run")
def _(s): s["NotifyStaffMapping"]["BatchSize"] = 1


@plant("a consumer filters its messages")
def _(s): s["CloseLoopMapping"]["FilterCriteria"] = {"Filters": [{"Pattern": '{"body":{"v":[1]}}'}]}


@plant("the stream filter looks for another prefix")
def _(s):
    s["RelayEventsMapping"]["FilterCriteria"]["Filters"] = [
        {"Pattern": '{"eventName":["INSERT"],"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"EVENTS#"}]}}}}'}]


@plant("the stream has no filter")
def _(s): del s["RelayEventsMapping"]["FilterCriteria"]


@plant("the stream filter is not JSON")
def _(s): s["RelayEventsMapping"]["FilterCriteria"]["Filters"] = [{"Pattern": "eventName = INSERT"}]


@plant("the stream is read ten batches at a time per shard")
def _(s): s["RelayEventsMapping"]["ParallelizationFactor"] = 10


@plant("an old record holds up the stream for ever")
def _(s): del s["RelayEventsMapping"]["MaximumRecordAgeInSeconds"]


@plant("a record older than a minute is given up")
def _(s): s["RelayEventsMapping"]["MaximumRecordAgeInSeconds"] = 60


@plant("the stream is given up at the first failure")
def _(s): s["RelayEventsMapping"]["MaximumRetryAttempts"] = 0


@plant("the stream takes more than the function can do in its time")
def _(s): s["RelayEventsMapping"]["BatchSize"] = 1000


@plant("what the stream gives up goes to the wrong queue")
def _(s): s["RelayEventsMapping"]["DestinationConfig"]["OnFailure"]["Destination"] = {"Fn::GetAtt": ["SchedulesDead", "Arn"]}


@plant("the mapping reads the table instead of its stream")
def _(s): s["RelayEventsMapping"]["EventSourceArn"] = {"Fn::GetAtt": ["Table", "Arn"]}


# ----------------------------------------------------------------------------------------------- more of the table


@plant("a key is the wrong way round")
def _(s):
    s["Table"]["KeySchema"] = [{"AttributeName": "SK", "KeyType": "HASH"}, {"AttributeName": "PK", "KeyType": "RANGE"}]


@plant("an index carries the owner of a case twice over")
def _(s): s.index("due")["Projection"] = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["owner"]}


@plant("an index that nobody queries")
def _(s):
    s["Table"]["GlobalSecondaryIndexes"].append({
        "IndexName": "by-owner", "Projection": {"ProjectionType": "KEYS_ONLY"},
        "KeySchema": [{"AttributeName": "queue", "KeyType": "HASH"}, {"AttributeName": "due_at", "KeyType": "RANGE"}]})


@plant("an index with included attributes says KEYS_ONLY")
def _(s): s.index("by-day")["Projection"] = {"ProjectionType": "KEYS_ONLY"}


@plant("items do not expire")
def _(s): s["Table"]["TimeToLiveSpecification"]["Enabled"] = False


@plant("restoring is configured, and off")
def _(s): s["Table"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] = False


@plant("the table can be restored for a day")
def _(s): s["Table"]["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"] = 1


@plant("the table's protection is the wrong way round")
def _(s): s["Table"]["DeletionProtectionEnabled"] = {"Fn::If": ["IsProtected", False, True]}


@plant("the table's key is used without being asked for")
def _(s): s["Table"]["SSESpecification"] = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "KmsKeyArn"}}


@plant("the table has a name")
def _(s): s["Table"]["TableName"] = {"Fn::Sub": "${AWS::StackName}-table"}


@plant("the table's class is the one for what is seldom read")
def _(s): s["Table"]["TableClass"] = "STANDARD_INFREQUENT_ACCESS"


@plant("the table may be written so many times a second only")
def _(s): s["Table"]["OnDemandThroughput"] = {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 10}


@plant("the table lets another account read")
def _(s):
    s["Table"]["ResourcePolicy"] = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": "*"}]}}


# --------------------------------------------------------------------------------------------- more of the functions


@plant("the metrics of two stacks are one")
def _(s): s.body["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"] = "Resound"


@plant("functions count into a namespace that no alarm watches")
def _(s): s.body["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"] = {"Fn::Sub": "resound/${AWS::StackName}"}


@plant("a function does not know where to count")
def _(s): del s.body["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"]


@plant("Lambda drops the lines of metrics below WARN")
def _(s): s.body["Globals"]["Function"]["LoggingConfig"]["ApplicationLogLevel"] = {"Ref": "LogLevel"}


@plant("what Lambda says is logged from WARN on only")
def _(s): s.body["Globals"]["Function"]["LoggingConfig"]["SystemLogLevel"] = "WARN"


@plant("functions log text")
def _(s): s.body["Globals"]["Function"]["LoggingConfig"] = {"LogFormat": "Text"}


@plant("the log level is fixed")
def _(s): s.body["Globals"]["Function"]["Environment"]["Variables"]["LOG_LEVEL"] = "TRACE"


@plant("e-mail addresses of two rungs change places")
def _(s): s.environment("NotifyStaff")["MANAGER_EMAIL"] = {"Ref": "ExecutiveEmail"}


@plant("the webhook's secret is its address")
def _(s): s.environment("NotifyStaff")["ALERT_WEBHOOK_SECRET"] = {"Ref": "AlertWebhookUrl"}


@plant("how long alerts wait for others is fixed")
def _(s): s.environment("NotifyStaff")["ALERT_GROUP_SECONDS"] = "60"


@plant("the alerts remind customers of their groups")
def _(s): s.environment("NotifyStaff")["STAFF_ALERTS_URL"] = {"Ref": "CustomerNotices"}


@plant("the webhook may always be a private address")
def _(s): s.environment("NotifyStaff")["WEBHOOK_ALLOW_PRIVATE"] = "true"


@plant("every origin may post")
def _(s): s.environment("SubmitFeedback")["ALLOWED_ORIGINS"] = "*"


@plant("the signing key is read from the parameter store")
def _(s): s.environment("SubmitFeedback")["SIGNING_KEYS"] = "{{resolve:ssm:/resound/key}}"


@plant("a signing key is the ARN of the secret")
def _(s): s.environment("ServePages")["SIGNING_KEYS"] = {"Ref": "SigningSecret"}


@plant("a function's variables name the key of another")
def _(s): s["SubmitFeedback"]["KmsKeyArn"] = "arn:aws:kms:us-east-1:111122223333:key/1"


@plant("a function has little memory and little processor")
def _(s): s["SubmitFeedback"]["MemorySize"] = 128


@plant("a function has a gigabyte")
def _(s): s["CloseLoop"]["MemorySize"] = 1024


@plant("the sweep has a seventh of a processor")
def _(s): del s["AlertBreaches"]["MemorySize"]


@plant("a function has a layer")
def _(s): s["SubmitFeedback"]["Layers"] = [{"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:layer:x:1"}]


@plant("a function has more disk than it uses")
def _(s): s["AggregateNps"]["EphemeralStorage"] = {"Size": 10240}


@plant("a function always traces")
def _(s): s.body["Globals"]["Function"]["Tracing"] = "Active"


@plant("a function never traces")
def _(s): s["CloseLoop"]["Tracing"] = "PassThrough"


@plant("the count has a minute")
def _(s): s["AggregateNps"]["Timeout"] = 60


@plant("a sweep is still at work when the next one begins")
def _(s): s["AlertBreaches"]["Timeout"] = 90


@plant("a function has the default time-out")
def _(s): del s["NotifyStaff"]["Timeout"]


@plant("a function answers for half a minute")
def _(s): s["SubmitFeedback"]["Timeout"] = 29


@plant("concurrency is reserved for the wrong condition")
def _(s): s["SubmitFeedback"]["ReservedConcurrentExecutions"] = {"Fn::If": ["HasKey", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}


@plant("concurrency is reserved for a function that staff use")
def _(s): s["ManageCases"]["ReservedConcurrentExecutions"] = {"Fn::If": ["HasReservation", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}


@plant("an alias has another name")
def _(s): s["NotifyStaff"]["AutoPublishAlias"] = "prod"


@plant("a new parameter does not make a new version")
def _(s): del s["NotifyStaff"]["AutoPublishAliasAllProperties"]


@plant("functions keep instances warm")
def _(s): s["SubmitFeedback"]["ProvisionedConcurrencyConfig"] = {"ProvisionedConcurrentExecutions": 5}


@plant("a canary watches the errors of another function")
def _(s): s["SubmitFeedback"]["DeploymentPreference"]["Alarms"] = [{"Ref": "ServePagesErrors"}]


@plant("a canary is on by default")
def _(s): s.body["Parameters"]["TrafficShifting"]["Default"] = "Canary10Percent5Minutes"


@plant("the sweep is tried again beside the next")
def _(s): s["AlertBreaches"]["EventInvokeConfig"]["MaximumRetryAttempts"] = 2


@plant("a sweep waits for an hour in the queue of Lambda")
def _(s): s["AlertBreaches"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"] = 3600


@plant("a count that fails is tried again at once")
def _(s): s["AggregateNps"]["EventInvokeConfig"]["MaximumRetryAttempts"] = 2


@plant("a count waits for an hour in the queue of Lambda")
def _(s): s["AggregateNps"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"] = 3600


@plant("a count that succeeds is kept as if it had failed")
def _(s): s["AggregateNps"]["EventInvokeConfig"]["DestinationConfig"] = {"OnSuccess": {"Type": "SQS", "Destination": {"Fn::GetAtt": ["SchedulesDead", "Arn"]}}}


# ------------------------------------------------------------------------------------------------- more of the roles


@plant("a function may query an index that does not exist")
def _(s): s.statements("AlertBreachesRole")[2]["Resource"] = {"Fn::Sub": "${Table.Arn}/index/by-due"}


@plant("a function may query the index of another")
def _(s): s.statements("AggregateNpsRole")[2]["Resource"] = {"Fn::Sub": "${Table.Arn}/index/by-customer"}


@plant("the index's path has a slash too few")
def _(s): s.statements("AlertBreachesRole")[2]["Resource"] = {"Fn::Sub": "${Table.Arn}index/due"}


@plant("a role names the table by its name")
def _(s): s.statement("SubmitFeedbackRole", "dynamodb:PutItem")["Resource"] = {"Ref": "Table"}


@plant("a role names a queue by its URL")
def _(s): s.statement("NotifyStaffRole", "sqs:ReceiveMessage")["Resource"] = {"Ref": "StaffAlerts"}


@plant("an action is misspelt")
def _(s): s.statement("SubmitFeedbackRole", "dynamodb:PutItem")["Action"][2] = "dynamodb:PutItems"


@plant("an action is of another service")
def _(s): s.statement("RelayEventsRole", "sqs:SendMessage")["Action"] = "sns:SendMessage"


@plant("a consumer takes from the other queue as well")
def _(s): s.statement("NotifyStaffRole", "sqs:ReceiveMessage")["Resource"] = [
    {"Fn::GetAtt": ["StaffAlerts", "Arn"]}, {"Fn::GetAtt": ["CustomerNotices", "Arn"]}]


@plant("a consumer may purge its queue")
def _(s): s.statement("NotifyStaffRole", "sqs:ReceiveMessage")["Action"].append("sqs:PurgeQueue")


@plant("the relay may read all that customers wrote")
def _(s): s.statement("RelayEventsRole", "dynamodb:GetItem")["Action"].append("dynamodb:Query")


@plant("a function may read every stream")
def _(s): s.statement("RelayEventsRole", "dynamodb:GetRecords")["Resource"] = "*"


@plant("a function may make its own log group")
def _(s): s.statement("CloseLoopRole", "logs:PutLogEvents")["Action"].append("logs:CreateLogGroup")


@plant("a function writes the logs of another")
def _(s): s.statement("CloseLoopRole", "logs:PutLogEvents")["Resource"] = {"Fn::GetAtt": ["NotifyStaffLogs", "Arn"]}


@plant("a function cannot log")
def _(s): s.statements("CloseLoopRole").pop(0)


@plant("a function may not trace although tracing is on")
def _(s): s.statements("CloseLoopRole").pop()


@plant("a function traces although tracing is off")
def _(s):
    statements = s.statements("CloseLoopRole")
    statements[-1] = statements[-1]["Fn::If"][1]


@plant("a function reads the signing secret itself")
def _(s): s.statements("ServePagesRole").append(
    {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": {"Ref": "SigningSecret"}})


@plant("a function may assume other roles")
def _(s): s.statements("ServePagesRole").append(
    {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": {"Fn::GetAtt": ["ManageCasesRole", "Arn"]}})


@plant("mail may be sent from one address only, whoever the sender is")
def _(s): s.statement("CloseLoopRole", "ses:SendEmail")["Condition"] = {"StringEquals": {"ses:FromAddress": "a@example.com"}}


@plant("mail may be sent in any way")
def _(s): s.statement("CloseLoopRole", "ses:SendEmail")["Action"] = ["ses:SendEmail", "ses:SendRawEmail"]


@plant("mail's permission hangs on the wrong condition")
def _(s):
    for statement in s.statements("CloseLoopRole"):
        if "Fn::If" in statement and statement["Fn::If"][0] == "HasMail":
            statement["Fn::If"][0] = "HasStaff"


@plant("reports may read more than counts")
def _(s): s.statement("ReportNpsRole", "dynamodb:Query")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("RESPONSE#*")


@plant("a submission may change more than turns and scores")
def _(s): s.statement("SubmitFeedbackRole", "dynamodb:UpdateItem")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("CASE#*")


@plant("a submission may change everything")
def _(s): del s.statement("SubmitFeedbackRole", "dynamodb:UpdateItem")["Condition"]


@plant("reports may read whatever names no key")
def _(s):
    statement = s.statement("ReportNpsRole", "dynamodb:Query")
    statement["Condition"] = {"ForAnyValue:StringNotLike": {"dynamodb:LeadingKeys": ["RESPONSE#*"]}}


@plant("a role cannot use the customer-managed key")
def _(s): del s["RelayEventsRole"]["ManagedPolicyArns"]


@plant("a role gets the key's policy whether there is a key or not")
def _(s): s["RelayEventsRole"]["ManagedPolicyArns"] = [{"Ref": "KeyPolicy"}]


@plant("the key may be used for encrypting only")
def _(s): s["KeyPolicy"]["PolicyDocument"]["Statement"][0]["Action"].remove("kms:Decrypt")


@plant("the key may be administered")
def _(s): s["KeyPolicy"]["PolicyDocument"]["Statement"][0]["Action"].append("kms:PutKeyPolicy")


@plant("every key may be used")
def _(s): s["KeyPolicy"]["PolicyDocument"]["Statement"][0]["Resource"] = "*"


@plant("the key may be used through any service")
def _(s): del s["KeyPolicy"]["PolicyDocument"]["Statement"][0]["Condition"]


@plant("the key may not be used through the queues")
def _(s): s["KeyPolicy"]["PolicyDocument"]["Statement"][0]["Condition"]["StringLike"]["kms:ViaService"].pop(1)


@plant("the key's services are named by a domain that China does not have")
def _(s):
    s["KeyPolicy"]["PolicyDocument"]["Statement"][0]["Condition"]["StringLike"]["kms:ViaService"][0] = {
        "Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"}


@plant("a role has a fixed path")
def _(s): s["SchedulerRole"]["Path"] = "/service/"


@plant("a role has a name")
def _(s): s["SchedulerRole"]["RoleName"] = {"Fn::Sub": "${AWS::StackName}-scheduler"}


@plant("a role's boundary is set whether there is one or not")
def _(s): s["SchedulerRole"]["PermissionsBoundary"] = {"Ref": "PermissionsBoundaryArn"}


@plant("a role's boundary is the wrong way round")
def _(s): s["SchedulerRole"]["PermissionsBoundary"] = {"Fn::If": ["HasBoundary", {"Ref": "AWS::NoValue"}, {"Ref": "PermissionsBoundaryArn"}]}


@plant("the role of CodeDeploy has no boundary")
def _(s): del s["DeploymentRole"]["PermissionsBoundary"]


@plant("the role of CodeDeploy changes every alias of the account")
def _(s): s.statement("DeploymentRole", "lambda:UpdateAlias")["Resource"] = "*"


@plant("a service is trusted by the domain of China")
def _(s): s["CloseLoopRole"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] = {"Fn::Sub": "lambda.${AWS::URLSuffix}"}


@plant("two services are trusted")
def _(s): s["CloseLoopRole"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] = [
    "lambda.amazonaws.com", "ec2.amazonaws.com"]


@plant("the scheduler may start a function past its alias")
def _(s): s.statement("SchedulerRole", "lambda:InvokeFunction")["Resource"][0] = {"Fn::GetAtt": ["AlertBreaches", "Arn"]}


@plant("the scheduler may not write its dead letters")
def _(s): s.statements("SchedulerRole").pop(1)


# --------------------------------------------------------------------------------------------- more of the schedules


@plant("the count looks every hour")
def _(s): s["AggregateNpsSchedule"]["ScheduleExpression"] = "rate(1 hour)"


@plant("the count looks at night only")
def _(s): s["AggregateNpsSchedule"]["ScheduleExpression"] = "cron(0/15 0-5 * * ? *)"


@plant("the risk rules look on working days")
def _(s): s["WatchRisksSchedule"]["ScheduleExpression"] = "cron(20 * ? * MON-FRI *)"


@plant("a cron expression has both days")
def _(s): s["WatchRisksSchedule"]["ScheduleExpression"] = "cron(20 * * * * *)"


@plant("the sweep runs every five minutes")
def _(s): s["AlertBreachesSchedule"]["ScheduleExpression"] = "rate(5 minutes)"


@plant("the time of a schedule is a fixed one")
def _(s): s["AggregateNpsSchedule"]["Target"]["Input"] = '{"time":"2026-01-01T00:30:00Z"}'


@plant("the time of a schedule is misspelt")
def _(s): s["AggregateNpsSchedule"]["Target"]["Input"] = '{"time":"<aws.scheduler.schedule-time>"}'


@plant("two schedules change places")
def _(s):
    one, other = s["AlertBreachesSchedule"]["Target"], s["AggregateNpsSchedule"]["Target"]
    one["Arn"], other["Arn"] = other["Arn"], one["Arn"]


@plant("a schedule is tried for a day, beside those that follow")
def _(s): s["AlertBreachesSchedule"]["Target"]["RetryPolicy"] = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 10}


@plant("a count that cannot be started is not tried again")
def _(s): s["AggregateNpsSchedule"]["Target"]["RetryPolicy"] = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}


@plant("a schedule is in a group of its own that nobody made")
def _(s): s["AggregateNpsSchedule"]["GroupName"] = "nights"


@plant("a schedule has the role of its function")
def _(s): s["AggregateNpsSchedule"]["Target"]["RoleArn"] = {"Fn::GetAtt": ["AggregateNpsRole", "Arn"]}


# ------------------------------------------------------------------------------------------------------ more of HTTP


@plant("the gateway answers every origin, with credentials")
def _(s): s["HttpApi"]["CorsConfiguration"] = {"AllowOrigins": ["*"], "AllowCredentials": True}


@plant("the API's address stays open beside the own domain")
def _(s): s["HttpApi"]["DisableExecuteApiEndpoint"] = False


@plant("the API's address is closed although there is no other")
def _(s): s["HttpApi"]["DisableExecuteApiEndpoint"] = True


@plant("the stage has a name that is part of every path")
def _(s): s["HttpStage"]["StageName"] = "v1"


@plant("the stage waits to be deployed by hand")
def _(s): s["HttpStage"]["AutoDeploy"] = False


@plant("throttles change places")
def _(s): s["HttpStage"]["DefaultRouteSettings"] = {
    "ThrottlingRateLimit": {"Ref": "BurstLimit"}, "ThrottlingBurstLimit": {"Ref": "RateLimit"}}


@plant("one route is not throttled")
def _(s): s["HttpStage"]["RouteSettings"] = {"POST /v1/feedback": {"ThrottlingRateLimit": 10000, "ThrottlingBurstLimit": 5000}}


@plant("requests are logged in detail")
def _(s): s["HttpStage"]["DefaultRouteSettings"]["DetailedMetricsEnabled"] = True


@plant("the access log carries the address of the customer")
def _(s):
    s["HttpStage"]["AccessLogSettings"]["Format"] = s["HttpStage"]["AccessLogSettings"]["Format"].replace(
        '"route"', '"ip":"$context.identity.sourceIp","route"')


@plant("the access log carries who staff are")
def _(s):
    s["HttpStage"]["AccessLogSettings"]["Format"] = s["HttpStage"]["AccessLogSettings"]["Format"].replace(
        '"route"', '"who":"$context.authorizer.claims.email","route"')


@plant("the access log carries where customers come from")
def _(s):
    s["HttpStage"]["AccessLogSettings"]["Format"] = s["HttpStage"]["AccessLogSettings"]["Format"].replace(
        '"route"', '"domain":"$context.domainName","route"')


@plant("the access log does not say what went wrong")
def _(s):
    s["HttpStage"]["AccessLogSettings"]["Format"] = '{"route":"$context.routeKey"}'


@plant("the access log goes to the log of a function")
def _(s): s["HttpStage"]["AccessLogSettings"]["DestinationArn"] = {"Fn::GetAtt": ["SubmitFeedbackLogs", "Arn"]}


@plant("the access log's group is given with an asterisk")
def _(s): s["HttpStage"]["AccessLogSettings"]["DestinationArn"] = {"Fn::GetAtt": ["AccessLogs", "Arn"]}


@plant("the access log has a name outside of where AWS delivers")
def _(s): s["AccessLogs"]["LogGroupName"] = {"Fn::Sub": "/http/${AWS::StackName}"}


@plant("the authorizer takes tokens of another audience")
def _(s): s["StaffAuthorizer"]["JwtConfiguration"]["Audience"] = [{"Ref": "JwtIssuer"}]


@plant("the authorizer is a function")
def _(s): s["StaffAuthorizer"]["AuthorizerType"] = "REQUEST"


@plant("the token stands in the address")
def _(s): s["StaffAuthorizer"]["IdentitySource"] = ["$request.querystring.token"]


@plant("a staff route's authorizer is another's")
def _(s): s["ListCasesRoute"]["AuthorizerId"] = "abc123"


@plant("a staff route takes either scope")
def _(s): s["CommandCaseRoute"]["AuthorizationScopes"]["Fn::If"][1] = ["resound/cases.write", "resound/cases.read"]


@plant("a staff route is left over for every method")
def _(s): s["CommandCaseRoute"]["RouteKey"] = "ANY /v1/cases/{id}/commands"


@plant("a route catches everything")
def _(s): s["HomeRoute"]["RouteKey"] = "$default"


@plant("scores are changed by whoever follows a link")
def _(s): s["ScoresRoute"]["RouteKey"] = "GET /v1/receipts/{token}/scores"


@plant("a route's parameter has another name")
def _(s): s["ReceiptRoute"]["RouteKey"] = "GET /v1/receipts/{id}"


@plant("customers need a token")
def _(s):
    s["SubmitFeedbackRoute"].update({"AuthorizationType": "JWT", "AuthorizerId": {"Ref": "StaffAuthorizer"}})


@plant("a public route exists with an issuer only")
def _(s): s.resources["FormRoute"]["Condition"] = "HasStaff"


@plant("an integration is called with GET")
def _(s): s["ServePagesIntegration"]["IntegrationMethod"] = "GET"


@plant("an integration goes to the function of another")
def _(s): s["ReportNpsIntegration"]["IntegrationUri"] = {"Ref": "ManageCases.Alias"}


@plant("every API of the account may call the function")
def _(s):
    s["SubmitFeedbackPermission"]["SourceArn"]["Fn::Sub"] = (
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*/*/*/v1/feedback")


@plant("every route of the API may call the function")
def _(s):
    s["ReportNpsPermission"]["SourceArn"]["Fn::Sub"] = (
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/*")


@plant("everybody may call the function")
def _(s): s["SubmitFeedbackPermission"]["Principal"] = "*"


@plant("the gateway may do anything with the function")
def _(s): s["SubmitFeedbackPermission"]["Action"] = "lambda:*"


@plant("the own domain allows old TLS")
def _(s): s["HttpDomain"]["DomainNameConfigurations"][0]["SecurityPolicy"] = "TLS_1_0"


@plant("the own domain is mapped under a path")
def _(s): s["HttpDomainMapping"]["ApiMappingKey"] = "feedback"


@plant("the own domain is mapped without a domain")
def _(s): del s.resources["HttpDomainMapping"]["Condition"]


@plant("the own domain is mapped to another stage")
def _(s): s["HttpDomainMapping"]["Stage"] = "live"


# --------------------------------------------------------------------------------------------------- more of watching


@plant("lateness is measured in seconds")
def _(s): s["SweepLateness"]["Threshold"] = 300


@plant("lateness is an average")
def _(s):
    del s["SweepLateness"]["ExtendedStatistic"]
    s["SweepLateness"]["Statistic"] = "Average"


@plant("lateness is looked for under another dimension")
def _(s): s["SweepLateness"]["Dimensions"] = [{"Name": "FunctionName", "Value": {"Ref": "AlertBreaches"}}]


@plant("lateness is looked for at another function")
def _(s): s["SweepLateness"]["Dimensions"][0]["Value"] = "notify-staff"


@plant("a metric's name is misspelt")
def _(s): s["StuckEvents"]["MetricName"] = "StuckEvents"


@plant("an alarm of ours looks into the namespace of every stack")
def _(s): s["StuckEvents"]["Namespace"] = "Resound"


@plant("nobody hears of a late night before the next")
def _(s): s["NightLate"].update({"EvaluationPeriods": 96, "DatapointsToAlarm": 96})


@plant("a night is late when three are")
def _(s): s["NightLate"]["Threshold"] = 3


@plant("late nights are added up over an hour")
def _(s): s["NightLate"].update({"Statistic": "Sum", "Period": 3600})


@plant("a silent night is a good night")
def _(s): s["NightNotCompleted"]["TreatMissingData"] = "notBreaching"


@plant("a night is missed after a day that CloudWatch begins")
def _(s):
    s["NightNotCompleted"]["Metrics"][1]["MetricStat"]["Period"] = 86400
    s["NightNotCompleted"].update({"EvaluationPeriods": 1, "DatapointsToAlarm": 1})


@plant("hours without a night count for nothing")
def _(s): s["NightNotCompleted"]["Metrics"][0]["Expression"] = "nights"


@plant("a night is missed after a week")
def _(s): s["NightNotCompleted"].update({"EvaluationPeriods": 168, "DatapointsToAlarm": 168})


@plant("an expression is not the one that is judged")
def _(s):
    s["TableThrottles"]["Metrics"][0]["ReturnData"] = False
    s["TableThrottles"]["Metrics"][1]["ReturnData"] = True


@plant("throttles leave out a function")
def _(s): s["FunctionThrottles"]["Metrics"].pop()


@plant("one alarm watches more metrics than CloudWatch takes")
def _(s): s["FunctionThrottles"]["Metrics"] += s["WorkerThrottles"]["Metrics"][1:]


@plant("what customers say is kept by who may change what they sent")
def _(s): s.statement("TakeAnswersRole", "dynamodb:PutItem")["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"].append("RESPONSE#*")


@plant("throttles count one function twice")
def _(s): s["FunctionThrottles"]["Metrics"][2]["MetricStat"]["Metric"]["Dimensions"] = s["FunctionThrottles"]["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"]


@plant("depth is an average")
def _(s): s["StaffAlertsDeadDepth"]["Statistic"] = "Average"


@plant("depth counts what is being worked on")
def _(s): s["StaffAlertsDeadDepth"]["MetricName"] = "ApproximateNumberOfMessagesNotVisible"


@plant("depth is that of the queue, not of its dead letters")
def _(s): s["StaffAlertsDeadDepth"]["Dimensions"][0]["Value"] = {"Fn::GetAtt": ["StaffAlerts", "QueueName"]}


@plant("age is measured in minutes")
def _(s): s["StaffAlertsAge"]["Threshold"] = 15


@plant("age is measured in milliseconds")
def _(s): s["StaffAlertsAge"]["Threshold"] = 900_000


@plant("lag is measured in seconds")
def _(s): s["RelayLag"]["Threshold"] = 60


@plant("lag is a sum")
def _(s): s["RelayLag"]["Statistic"] = "Sum"


@plant("latency is the median")
def _(s): s["HttpLatency"]["ExtendedStatistic"] = "p50"


@plant("latency is measured in seconds")
def _(s): s["HttpLatency"]["Threshold"] = 2


@plant("failures are those of the customers")
def _(s): s["HttpFailures"]["MetricName"] = "4xx"


@plant("failures are those of a REST API")
def _(s): s["HttpFailures"]["MetricName"] = "5XXError"


@plant("errors of a function are looked for under its ARN")
def _(s): s["CloseLoopErrors"]["Dimensions"][0]["Value"] = {"Fn::GetAtt": ["CloseLoop", "Arn"]}


@plant("errors of a function are those of another")
def _(s): s["CloseLoopErrors"]["Dimensions"][0]["Value"] = {"Ref": "NotifyStaff"}


@plant("errors of a function have no dimension, and are all the account's")
def _(s): del s["CloseLoopErrors"]["Dimensions"]


@plant("errors are averaged")
def _(s): s["CloseLoopErrors"]["Statistic"] = "Average"


@plant("errors are looked at once an hour")
def _(s): s["CloseLoopErrors"]["Period"] = 3600


@plant("an alarm rings at the first blink")
def _(s): s["CloseLoopErrors"].update({"EvaluationPeriods": 1, "DatapointsToAlarm": 1})


@plant("an alarm rings while nobody posts")
def _(s): s["SubmitFeedbackErrors"]["TreatMissingData"] = "breaching"


@plant("an alarm does not say what silence means")
def _(s): del s["RelayLag"]["TreatMissingData"]


@plant("an alarm does not say that it is over")
def _(s): del s["RelayLag"]["OKActions"]


@plant("an alarm rings when there is too little to know")
def _(s): s["RelayLag"]["InsufficientDataActions"] = s["RelayLag"]["AlarmActions"]


@plant("an alarm goes to the topic of the stack although another is given")
def _(s): s["RelayLag"]["AlarmActions"] = [{"Ref": "AlarmTopic"}]


@plant("an alarm goes to the name of the topic")
def _(s): s["RelayLag"]["AlarmActions"] = [{"Fn::GetAtt": ["AlarmTopic", "TopicName"]}]


@plant("an alarm exists with nobody to hear it")
def _(s): del s.resources["RelayLag"]["Condition"]


@plant("an alarm of a canary does not exist while nobody listens")
def _(s): s.resources["CloseLoopErrors"]["Condition"] = "IsWatched"


@plant("an alarm has the name of another stack's")
def _(s): s["RelayLag"]["AlarmName"] = "resound-relay-lag"


@plant("an alarm names the page of another")
def _(s): s["RelayLag"]["AlarmDescription"] = "Events wait. Runbook: docs/operations.md#relay-dead"


@plant("an alarm that nobody wrote a page for")
def _(s):
    s.resources["Concurrency"] = {"Type": "AWS::CloudWatch::Alarm", "Condition": "IsWatched", "Properties": {
        **s["RelayLag"], "AlarmName": {"Fn::Sub": "${AWS::StackName}-concurrency"}, "MetricName": "ConcurrentExecutions",
        "AlarmDescription": "Many run. Runbook: docs/operations.md#concurrency"}}


@plant("bounces are counted, not their rate")
def _(s): s["MailBounces"]["MetricName"] = "Bounce"


@plant("bounces are given in percent")
def _(s): s["MailBounces"]["Threshold"] = 4


@plant("complaints are given in percent")
def _(s): s["MailComplaints"]["Threshold"] = 0.1


@plant("complaints wake nobody")
def _(s): del s.resources["MailComplaints"]


@plant("bounces are watched although mail is off")
def _(s): s.resources["MailBounces"]["Condition"] = "IsWatched"


@plant("the topic tells nobody")
def _(s): del s["AlarmTopic"]["Subscription"]


@plant("the topic tells by text message")
def _(s): s["AlarmTopic"]["Subscription"][0]["Protocol"] = "sms"


@plant("the topic exists beside the one given")
def _(s): s.resources["AlarmTopic"]["Condition"] = "HasAlarmEmail"


@plant("the dashboard is not JSON")
def _(s): s["StackDashboard"]["DashboardBody"]["Fn::Sub"] = s["StackDashboard"]["DashboardBody"]["Fn::Sub"].replace("]}", "],}", 1)


@plant("the dashboard shows another region")
def _(s): s["StackDashboard"]["DashboardBody"]["Fn::Sub"] = s["StackDashboard"]["DashboardBody"]["Fn::Sub"].replace("${AWS::Region}", "eu-west-1", 1)


@plant("the dashboard looks for a queue by its URL")
def _(s): s["StackDashboard"]["DashboardBody"]["Fn::Sub"] = s["StackDashboard"]["DashboardBody"]["Fn::Sub"].replace("${RelayDead.QueueName}", "${RelayDead}")


@plant("the dashboard does not show the lateness")
def _(s): s["StackDashboard"]["DashboardBody"]["Fn::Sub"] = s["StackDashboard"]["DashboardBody"]["Fn::Sub"].replace("SweepLateness", "SweepDelay")


@plant("the dashboard shows the mean of the lateness")
def _(s): s["StackDashboard"]["DashboardBody"]["Fn::Sub"] = s["StackDashboard"]["DashboardBody"]["Fn::Sub"].replace('{"stat":"p99"}', '{"stat":"Average"}')


@plant("the dashboard has the name of another stack's")
def _(s): s["StackDashboard"]["DashboardName"] = "resound"


@plant("the dashboard is there unasked")
def _(s): del s.resources["StackDashboard"]["Condition"]


@plant("a log group is another's")
def _(s): s["CloseLoopLogs"]["LogGroupName"] = {"Fn::Sub": "/aws/lambda/${AWS::StackName}-notify-staff"}


@plant("a log group is kept when the stack goes, and blocks the next")
def _(s): s.resources["CloseLoopLogs"]["DeletionPolicy"] = "Retain"


@plant("logs are kept for a fixed time")
def _(s): s["CloseLoopLogs"]["RetentionInDays"] = 3653


# ------------------------------------------------------------------------------------------ more of what is around


@plant("the secret goes with the stack, and every link with it")
def _(s): del s.resources["SigningSecret"]["DeletionPolicy"]


@plant("the secret has a name that blocks the next install")
def _(s): s["SigningSecret"]["Name"] = {"Fn::Sub": "${AWS::StackName}-signing"}


@plant("the secret is short")
def _(s): s["SigningSecret"]["GenerateSecretString"]["PasswordLength"] = 16


@plant("the secret may hold a space")
def _(s): s["SigningSecret"]["GenerateSecretString"]["IncludeSpace"] = True


@plant("the secret ignores the customer's key")
def _(s): del s["SigningSecret"]["KmsKeyId"]


@plant("mail can be asked for where there is none")
def _(s): del s.body["Rules"]["MailWhereThereIsMail"]


@plant("a rule of parameters is the wrong way round")
def _(s): s.body["Rules"]["WebhookAndSecret"]["Assertions"][0]["Assert"]["Fn::Or"][1] = {"Fn::Equals": [{"Ref": "AlertWebhookSecret"}, ""]}


@plant("a rule of parameters says nothing when it refuses")
def _(s): del s.body["Rules"]["DomainAndCertificate"]["Assertions"][0]["AssertDescription"]


@plant("a webhook may go without a secret")
def _(s): del s.body["Rules"]["WebhookAndSecret"]


@plant("two conditions go round in a circle")
def _(s): s.body["Conditions"]["IsWatched"] = {"Fn::Or": [{"Condition": "WatchesErrors"}, {"Condition": "HasAlarmTopic"}]}


@plant("a condition that nobody uses")
def _(s): s.body["Conditions"]["IsDev"] = {"Fn::Equals": [{"Ref": "LogLevel"}, "DEBUG"]}


@plant("a domain is there without a certificate")
def _(s): s.body["Conditions"]["HasDomain"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": "DomainName"}, ""]}]}


@plant("an alarm topic is wanted when both are given")
def _(s): s.body["Conditions"]["IsWatched"] = {"Fn::And": [{"Condition": "HasAlarmEmail"}, {"Condition": "HasAlarmTopic"}]}


@plant("a parameter has no default")
def _(s): del s.body["Parameters"]["TimeZone"]["Default"]


@plant("a parameter is not described")
def _(s): del s.body["Parameters"]["TimeZone"]["Description"]


@plant("a parameter does not say what it takes")
def _(s): del s.body["Parameters"]["TimeZone"]["ConstraintDescription"]


@plant("a parameter is in no group")
def _(s): s.body["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"][0]["Parameters"].remove("TimeZone")


@plant("a parameter has no label")
def _(s): del s.body["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"]["TimeZone"]


@plant("a pattern is not anchored")
def _(s): s.body["Parameters"]["MailFrom"]["AllowedPattern"] = "[^@]+@[^@]+"


@plant("a pattern takes anything")
def _(s): s.body["Parameters"]["MailFrom"]["AllowedPattern"] = "^.*$"


@plant("an ARN must be of one partition")
def _(s): s.body["Parameters"]["KmsKeyArn"]["AllowedPattern"] = r"^$|^arn:aws:kms:[a-z0-9-]+:\d{12}:key/.+$"


@plant("a short signing key is taken")
def _(s): s.body["Parameters"]["SigningKeys"]["AllowedPattern"] = r"^$|^\d+=\S+$"


@plant("the protection of the table is off by default")
def _(s): s.body["Parameters"]["DeletionProtection"]["Default"] = "false"


@plant("the webhook may be a private address by default")
def _(s): s.body["Parameters"]["WebhookAllowPrivate"]["Default"] = "true"


@plant("alerts are not grouped by default")
def _(s): s.body["Parameters"]["AlertGroupSeconds"]["Default"] = 0


@plant("alerts may wait for others longer than for their repair")
def _(s): s.body["Parameters"]["AlertGroupSeconds"]["MaxValue"] = 600


@plant("functions log everything by default")
def _(s): s.body["Parameters"]["LogLevel"]["Default"] = "TRACE"


@plant("logs are kept for a day by default")
def _(s): s.body["Parameters"]["LogRetentionDays"]["Default"] = 1


@plant("there are no throttles by default")
def _(s): s.body["Parameters"]["RateLimit"]["Default"] = 10000


@plant("mail goes out by default")
def _(s): s.body["Parameters"]["MailFrom"]["Default"] = "noreply@example.com"


@plant("the processor is the dearer one by default")
def _(s): s.body["Parameters"]["Architecture"]["Default"] = "x86_64"


@plant("what costs by the month is on by default")
def _(s): s.body["Parameters"]["Dashboard"]["Default"] = "true"


@plant("a secret is a number that is shown")
def _(s): s.body["Parameters"]["SigningKeys"]["NoEcho"] = False


@plant("an output is the URL where an ARN is promised")
def _(s): s.body["Outputs"]["CustomerNoticesDeadArn"]["Value"] = {"Ref": "CustomerNoticesDead"}


@plant("two outputs change places")
def _(s):
    one, other = s.body["Outputs"]["StaffAlertsUrl"], s.body["Outputs"]["StaffAlertsDeadUrl"]
    one["Value"], other["Value"] = other["Value"], one["Value"]


@plant("an output of what may not exist")
def _(s): del s.body["Outputs"]["CustomDomainTarget"]["Condition"]


@plant("an output is a function past its alias")
def _(s): s.body["Outputs"]["AggregateNpsFunction"]["Value"] = {"Ref": "AggregateNps"}


@plant("an output is exported")
def _(s): s.body["Outputs"]["TableName"]["Export"] = {"Name": {"Fn::Sub": "${AWS::StackName}-table"}}


@plant("an output is not described")
def _(s): del s.body["Outputs"]["TableName"]["Description"]


@plant("a resource that China does not have")
def _(s): s.resources["Sender"] = {"Type": "AWS::SES::EmailIdentity", "Properties": {"EmailIdentity": {"Ref": "MailFrom"}}}


@plant("the address of the API has the domain of one partition")
def _(s): s.body["Outputs"]["HttpApiUrl"]["Value"] = {"Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.amazonaws.com"}


@plant("an account is written down")
def _(s): s.statement("CloseLoopRole", "ses:SendEmail")["Resource"] = {
    "Fn::Sub": "arn:${AWS::Partition}:ses:${AWS::Region}:123456789012:identity/*"}


@plant("an availability zone is written down")
def _(s): s["SigningSecret"]["ReplicaRegions"] = [{"Region": "eu-central-1"}]


@plant("an API has the name of another stack's")
def _(s): s["HttpApi"]["Name"] = "resound"


@plant("a topic has the name of another stack's")
def _(s): s["AlarmTopic"]["TopicName"] = "resound-alarms"


@plant("a log group has the name of another stack's")
def _(s): s["AccessLogs"]["LogGroupName"] = "/aws/vendedlogs/resound/http-api"


@plant("a resource waits for what it does not need")
def _(s): s.resources["SubmitFeedback"]["DependsOn"] = "AggregateNpsSchedule"


@plant("a function is kept when the stack goes")
def _(s): s.resources["SubmitFeedback"]["DeletionPolicy"] = "Retain"


@plant("a queue is kept when the stack goes, and blocks the next")
def _(s): s.resources["StaffAlerts"]["DeletionPolicy"] = "Retain"


@plant("a queue exists on a condition")
def _(s): s.resources["StaffAlerts"]["Condition"] = "HasMail"


@plant("a function exists on a condition")
def _(s): s.resources["AlertBreaches"]["Condition"] = "HasMail"


@plant("a mapping exists on a condition")
def _(s): s.resources["CloseLoopMapping"]["Condition"] = "HasMail"


@plant("a schedule exists on a condition")
def _(s): s.resources["AggregateNpsSchedule"]["Condition"] = "IsWatched"


@plant("a permission exists on a condition")
def _(s): s.resources["ServePagesPermission"]["Condition"] = "HasDomain"


@plant("an alarm's name is written in another way than its page's")
def _(s): s["HttpFailures"]["AlarmName"] = {"Fn::Sub": "${AWS::StackName}-http-errors"}


# ------------------------------------------------------------------------------------------------------- the deployer


@deployer_plant("an action is forgotten")
def _(s): s["Functions"]["Action"].remove("lambda:UpdateFunctionCode")


@deployer_plant("tags are forgotten")
def _(s): s["Queues"]["Action"].remove("sqs:TagQueue")


@deployer_plant("a service may be used as a whole")
def _(s): s["Table"]["Action"] = ["dynamodb:*"]


@deployer_plant("whoever deploys may read what customers wrote")
def _(s): s["Table"]["Action"].append("dynamodb:GetItem")


@deployer_plant("whoever deploys may pass any role")
def _(s): s["RolesForTheseServices"]["Resource"] = "*"


@deployer_plant("roles may be passed to any service")
def _(s): del s["RolesForTheseServices"]["Condition"]


@deployer_plant("roles may be made without the boundary")
def _(s): del s["RolesWithTheirBoundary"]["Condition"]


@deployer_plant("the boundary may be taken off")
def _(s): s["Roles"]["Action"].append("iam:DeleteRolePermissionsBoundary")


@deployer_plant("any policy may be attached")
def _(s): del s["OwnPolicyOnly"]["Condition"]


@deployer_plant("roles are made under every path")
def _(s): s["RolesWithTheirBoundary"]["Resource"] = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/*"}


@deployer_plant("the queues of every stack may be deleted")
def _(s): s["Queues"]["Resource"] = {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:*"}


@deployer_plant("a stack whose name only begins alike may be changed")
def _(s): s["Stack"]["Resource"] = {"Fn::Sub": "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/${StackName}*"}


@deployer_plant("a partition is fixed")
def _(s): s["Schedules"]["Resource"] = {"Fn::Sub": "arn:aws:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/default/${StackName}-*"}


@deployer_plant("logs of the gateway have another name")
def _(s): s["Logs"]["Resource"].pop()


@deployer_plant("mappings of every function may be changed")
def _(s): del s["Mappings"]["Condition"]


@deployer_plant("a policy by exclusion")
def _(s): s["Alarms"]["NotAction"] = s["Alarms"].pop("Action")


# ------------------------------------------------------------------------------------ the templates beside the stack


def published(resources):
    """The statement that lets a service publish."""
    return resources["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]


@beside_plant("everybody may publish what became of a message")
def _(r): published(r)["Principal"] = "*"


@beside_plant("the service may publish for any account")
def _(r): del published(r)["Condition"]


@beside_plant("any configuration set of the account may publish")
def _(r): del published(r)["Condition"]["StringEquals"]["aws:SourceArn"]


@beside_plant("a set of the same name in another account may publish")
def _(r): del published(r)["Condition"]["StringEquals"]["aws:SourceAccount"]


@beside_plant("the service may do anything with the topic")
def _(r): published(r)["Action"] = "sns:*"


@beside_plant("another service may publish besides")
def _(r): r["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(
    {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": {"Ref": "Topic"}})


@beside_plant("what is told is told to somebody else as well")
def _(r): r["Mine"] = {"Type": "AWS::SNS::Subscription", "Properties": {
    "TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": "me@example.com"}}


@beside_plant("what is told has an envelope around it")
def _(r): del r["Subscription"]["Properties"]["RawMessageDelivery"]


@beside_plant("the topic is one that the queue does not let in")
def _(r): r["Topic"]["Properties"]["TopicName"] = {"Fn::Sub": "${StackName}-reports"}


@beside_plant("the topic is not encrypted with the customer's key")
def _(r): del r["Topic"]["Properties"]["KmsMasterKeyId"]
