"""Holds infra/deployer.yaml, the policies of whoever deploys, against what the template needs.

    python infra/checks/deployer.py EXPANDED.json

What CloudFormation calls to make, read, change, tag and delete a resource is written in the schema of its type, which
cfn-lint brings along; which actions know narrower resources than `*`, in its copy of the services' reference. The expansion
is the one with a canary, which has every resource there is.
"""

import json
import re
import sys
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path

import expand
from rules import Template, listed, READ_FAULTS, statements, text, walk

DEPLOYER = expand.TEMPLATE.with_name("deployer.yaml")
LIMIT = 6144  # characters of a managed policy, without white space
LONG = {  # what may stand for a reference, at its longest
    "AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "123456789012",
    "StackName": "a-name-of-24-characters-", "RolePath": "/a/path/of/some/length/", "ArtifactBucket": "a" * 63,
    "KmsKeyArn": "arn:aws-us-gov:kms:ap-southeast-1:123456789012:key/" + "k" * 36,
    "PermissionsBoundaryArn": "arn:aws-us-gov:iam::123456789012:policy/" + "p" * 64,
}

# What a schema asks for, for features that the template does not use: pattern to the reason.
NOT_NEEDED = {
    "ec2:*": "no function is in a network",
    "elasticfilesystem:*": "no function mounts a file system",
    "s3files:*": "no function mounts a file system",
    "kinesis:*": "the table streams to Lambda alone",
    "firehose:*": "logs are delivered to nobody",
    "s3:rest.put.object": "logs are delivered to nobody, and this is no action",
    "s3:getobjectmetadata": "no table is imported, and this is no action",
    "apigateway:tagresource": "no action that IAM knows: tags are POST, PUT and DELETE",
    "apigateway:untagresource": "no action that IAM knows: tags are POST, PUT and DELETE",
    "codedeploy:registeronpremisesinstance": "releases are of functions",
    "dynamodb:*replica": "the table is in one region",
    "dynamodb:scan": "data is read to make a replica; whoever deploys need not see what customers wrote",
    "dynamodb:query": "as for scan",
    "dynamodb:*item": "as for scan",
    "dynamodb:importtable": "the table begins empty",
    "dynamodb:describeimport": "the table begins empty",
    "dynamodb:*ablekinesisstreamingdestination": "the table streams to Lambda alone",
    "dynamodb:updatekinesisstreamingdestination": "the table streams to Lambda alone",
    "dynamodb:updatecontributorinsights": "not used",
    "dynamodb:[!g]*resourcepolicy": "the table has no policy of its own; whether there is one is read",
    "iam:*grouppolicy": "the policy is attached to roles",
    "iam:*userpolicy": "the policy is attached to roles",
    "iam:deleterolepermissionsboundary": "a boundary is not taken off",
    "kms:listaliases": "the key is given by its ARN",
    "lambda:getcodesigningconfig": "packages are signed by their checksums",
    "lambda:[!g]*functioncodesigningconfig": "packages are signed by their checksums",
    "lambda:getlayerversion": "no function has layers",
    "lambda:passcapacityprovider": "functions run where Lambda runs them",
    "lambda:putfunctionscalingconfig": "functions run where Lambda runs them",
    "lambda:associateruntimealias": "the runtime is updated by Lambda",
    "lambda:putruntimemanagementconfig": "the runtime is updated by Lambda",
    "lambda:putfunctionrecursionconfig": "Lambda's own protection against loops stays on",
    "lambda:[!g]*provisionedconcurrencyconfig": "none is provisioned; whether it is, is read",
    "logs:createlogstream": "whoever deploys writes no logs",
    "logs:putlogevents": "whoever deploys writes no logs",
    "logs:describelogstreams": "no table is imported",
    "logs:[!g]*dataprotectionpolicy": "logs hold no personal data; whether there is a policy is read",
    "logs:*indexpolicy": "not used; whether there is one is read",
    "logs:*kmskey": "logs are encrypted with the service's key",
    "logs:deleteretentionpolicy": "every group has a retention",
    "logs:deleteresourcepolicy": "the policy of log deliveries is the account's",
    "logs:putbearertokenauthentication": "not used",
    "logs:putloggroupdeletionprotection": "logs go with the stack",
    "secretsmanager:*replicat*": "the secret is in one region",
    "sns:putdataprotectionpolicy": "alarms hold no personal data",
}
# What no schema asks for, and is needed all the same: pattern to the reason.
ALSO_NEEDED = {
    "cloudformation:*": "sam deploy works with change sets",
    "s3:putobject": "packages are put into the bucket",
    "s3:listbucket": "sam looks whether a package is there already",
    "s3:getbucketlocation": "sam asks where the bucket is",
    "logs:*logdeliver*": "an HTTP API that keeps an access log makes a delivery in the caller's name",
    "iam:listroletags": "named by the tagging of roles",
    "iam:createservicelinkedrole": "the first own domain of an account",
    "lambda:putfunctionconcurrency": "reserved concurrency, if there is any",
}
# What IAM could confine, and is asked for as a whole.
AS_A_WHOLE = {"cloudwatch:DescribeAlarms": "CloudFormation and sam ask for alarms without saying which"}
# The resources that do not bear the stack's name, with the reason.
ANONYMOUS = {
    r"cloudformation:\$\{AWS::Region\}:aws:transform/Serverless-2016-10-31": "SAM itself",
    r"cloudformation:.*:stack/aws-sam-cli-managed-default/\*": "where sam notes which bucket it uses",
    r"s3:::\$\{ArtifactBucket\}(/\*)?": "the bucket is a parameter",
    r"iam::.*:role/aws-service-role/ops\.apigateway\.amazonaws\.com/\*": "made by AWS, for the gateway alone",
    r"lambda:.*:event-source-mapping:\*": "ids are drawn by lot",
    r"secretsmanager:.*:secret:SigningSecret-\*": "named by CloudFormation after its place in the template",
    r"apigateway:.*::/(apis|domainnames|tags)(/\*)?": "ids are drawn by lot, a domain is the customer's",
    r"codedeploy:.*:deploymentconfig:\*": "the ways to shift are AWS's",
}
# Resources with a name of ours: type to the property, the action that makes one, and how its ARN ends.
NAMED = {
    "AWS::Lambda::Function": ("FunctionName", "lambda:CreateFunction", "lambda:{r}:{a}:function:{n}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:CreateQueue", "sqs:{r}:{a}:{n}"),
    "AWS::Scheduler::Schedule": ("Name", "scheduler:CreateSchedule", "scheduler:{r}:{a}:schedule/default/{n}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:CreateLogGroup", "logs:{r}:{a}:log-group:{n}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:PutMetricAlarm", "cloudwatch:{r}:{a}:alarm:{n}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch:PutDashboard", "cloudwatch::{a}:dashboard/{n}"),
    "AWS::SNS::Topic": ("TopicName", "sns:CreateTopic", "sns:{r}:{a}:{n}"),
}
# Those that CloudFormation names after the stack and their place in the template.
GENERATED = {
    "AWS::DynamoDB::Table": ("dynamodb:CreateTable", "dynamodb:{r}:{a}:table/{n}"),
    "AWS::IAM::Role": ("iam:CreateRole", "iam::{a}:role${{RolePath}}{n}"),
    "AWS::IAM::ManagedPolicy": ("iam:CreatePolicy", "iam::{a}:policy${{RolePath}}{n}"),
    "AWS::CodeDeploy::Application": ("codedeploy:CreateApplication", "codedeploy:{r}:{a}:application:{n}"),
    "AWS::CodeDeploy::DeploymentGroup": ("codedeploy:CreateDeploymentGroup", "codedeploy:{r}:{a}:deploymentgroup:{n}/group"),
}

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Policies:
    """The statements of the deployer's policies, and the template they are for."""

    def __init__(self, body, expanded):
        self.template = Template(expanded)
        self.documents = {i: r["Properties"]["PolicyDocument"] for i, r in body["Resources"].items()}
        self.statements = [s for document in self.documents.values() for s, _ in statements(document)]
        self.allowed = {a.lower() for s in self.statements for a in listed(s.get("Action"))}
        self.body = body

    def needed(self):
        """Every action a schema names: action to the types that need it."""
        found = {}
        for kind in {r["Type"] for r in self.template.resources.values()}:
            for action in schema_actions(kind):
                found.setdefault(action, set()).add(kind)
        return found


@cache
def data(path):
    return json.loads(files("cfnlint.data").joinpath(path).read_text(encoding="utf-8"))


@cache
def schema_actions(kind):
    """What CloudFormation calls for a resource of a type, in lower case."""
    schema = data(f"schemas/resources/{data('schemas/providers/us-east-1.json')[kind]}.json")
    handlers = [h["permissions"] for verb, h in schema.get("handlers", {}).items() if verb != "list"]
    tagging = (schema.get("tagging") or {}).get("permissions", [])
    return {action.lower() for actions in [*handlers, tagging] for action in actions}


def knows_resources(action):
    service, name = action.lower().split(":")
    return bool(data("AdditionalSpecs/Policies.json")[service]["Actions"].get(name, {}).get("Resources"))


def covered(action, patterns):
    return [pattern for pattern in patterns if fnmatchcase(action, pattern)]


@check
def everything_needed_is_allowed(p):
    """Whatever CloudFormation calls for a resource of the template is allowed, or left out for a reason."""
    for action, kinds in sorted(p.needed().items()):
        if action not in p.allowed and not covered(action, NOT_NEEDED):
            yield f"{action} is not allowed; {', '.join(sorted(kinds))} needs it"


@check
def nothing_else_is_allowed(p):
    """No action is allowed that nothing needs, and none is a wildcard, a denial or a policy by exclusion."""
    needed = p.needed()
    for statement in p.statements:
        if statement.get("Effect") != "Allow" or {"NotAction", "NotResource", "Principal"} & statement.keys():
            yield f"{statement.get('Sid')}: says more than what is allowed on what"
    for action in sorted(p.allowed):
        if "*" in action or "?" in action:
            yield f"{action} is a wildcard"
        elif covered(action, NOT_NEEDED) or action not in needed and not covered(action, ALSO_NEEDED):
            yield f"{action} is allowed but not needed"


@check
def exceptions_are_alive(p):
    """Each exception of this check still excepts something."""
    needed = p.needed()
    for pattern in NOT_NEEDED:
        if not [action for action in needed if fnmatchcase(action, pattern)]:
            yield f"{pattern} is left out, but nothing needs it"
    for pattern in ALSO_NEEDED:
        if not [action for action in p.allowed if fnmatchcase(action, pattern)]:
            yield f"{pattern} is needed, but nothing like it is allowed"


@check
def resources_are_those_of_one_stack(p):
    """Everything is confined to one stack, wherever IAM knows how; to no partition, region or account by name."""
    for statement in p.statements:
        sid, actions = statement.get("Sid"), listed(statement.get("Action"))
        for resource in map(text, listed(statement.get("Resource"))):
            if resource == "*":
                for action in actions:
                    by_function = "lambda:FunctionArn" in statement.get("Condition", {}).get("ArnLike", {})
                    if not by_function and action not in AS_A_WHOLE and knows_resources(action):
                        yield f"{sid}: {action} could be confined"
            elif resource == "${KmsKeyArn}":
                continue
            elif not resource.startswith("arn:${AWS::Partition}:"):
                yield f"{sid}: {resource} is bound to a partition"
            else:
                rest = resource.removeprefix("arn:${AWS::Partition}:")
                if not any(re.fullmatch(known, rest) for known in ANONYMOUS) and not re.search(r"\$\{StackName\}([-/]|$)", rest):
                    yield f"{sid}: {resource} reaches beyond the stack"
    for path, value in walk(p.body["Resources"]):
        if isinstance(value, str) and (re.search(r"arn:aws|(?<!\d)\d{12}(?!\d)", value)
                                       or re.search(r"\b(us|eu|ap|cn)-(gov-)?[a-z]+-\d\b", value)):
            yield f"{'/'.join(map(str, path[:3]))}: is bound to one place"


@check
def names_are_covered(p):
    """Every name the template gives, or CloudFormation makes of the stack's, may be made by these policies."""
    for logical, resource in p.template.resources.items():
        kind = resource["Type"]
        if kind in NAMED:
            name, action, arn = NAMED[kind]
            named = text(resource["Properties"].get(name)).replace("${AWS::StackName}", "${StackName}")
        elif kind in GENERATED:
            action, arn = GENERATED[kind]
            named = "${StackName}-" + logical
        else:
            continue
        wanted = "arn:${AWS::Partition}:" + arn.format(r="${AWS::Region}", a="${AWS::AccountId}", n=named)
        patterns = [text(r) for s in p.statements if action in listed(s.get("Action")) for r in listed(s["Resource"])]
        if not any(fnmatchcase(wanted, pattern) for pattern in patterns):
            yield f"{logical}: {action} is not allowed on {named}"


@check
def roles_cannot_outgrow_their_maker(p):
    """A role is made under the path, with the boundary if there is one, for three services, with our own policy only."""
    role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role${RolePath}${StackName}-*"
    boundary = {"Fn::If": ["HasBoundary", {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "PermissionsBoundaryArn"}}},
                           {"Ref": "AWS::NoValue"}]}
    own = {"ArnLike": {"iam:PolicyARN": {
        "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy${RolePath}${StackName}-*"}},
        "StringEquals": {"Fn::If": ["HasBoundary", {"iam:PermissionsBoundary": {"Ref": "PermissionsBoundaryArn"}},
                                    {"Ref": "AWS::NoValue"}]}}
    services = {"StringEquals": {"iam:PassedToService": [
        "lambda.amazonaws.com", "scheduler.amazonaws.com", "codedeploy.amazonaws.com"]}}
    wanted = {"iam:CreateRole": boundary, "iam:PutRolePolicy": boundary, "iam:PutRolePermissionsBoundary": boundary,
              "iam:DetachRolePolicy": boundary, "iam:DeleteRolePolicy": boundary, "iam:AttachRolePolicy": own,
              "iam:PassRole": services}
    for action, condition in wanted.items():
        found = [(listed(s["Resource"]), s.get("Condition")) for s in p.statements if action in listed(s.get("Action"))]
        if [([text(r) for r in resources], c) for resources, c in found] != [([role], condition)]:
            yield f"{action}: is not confined to the roles of the stack, on the condition we decided on"


@check
def policies_fit(p):
    """Each policy is short enough for IAM, with the longest names there may be."""
    for logical, document in p.documents.items():
        resolved = re.sub(r"\$\{([\w:]+)\}", lambda m: LONG[m.group(1)], json.dumps(shortened(document)))
        size = len(re.sub(r"\s", "", resolved))
        if size > LIMIT:
            yield f"{logical}: has {size} characters, {LIMIT} are allowed"


def shortened(value):
    """A value with its references as text, and the first branch of what is conditional."""
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        return shortened(value["Fn::If"][1])
    if set(value) & {"Ref", "Fn::Sub"}:
        return text(value)
    return {name: shortened(inner) for name, inner in value.items()}


def faults(body, expanded):
    """Every fault of the deployer's policies: (check, sentence)."""
    policies = Policies(body, expanded)
    found = []
    for one in CHECKS:
        try:
            found += [(one.__name__, fault) for fault in one(policies)]
        except READ_FAULTS as error:
            found.append((one.__name__, f"cannot be read: {type(error).__name__} {error}"))
    return found


def main():
    found = faults(expand.load(DEPLOYER), json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    for name, fault in found:
        print(f"{name}: {fault}", file=sys.stderr)
    broken = len({name for name, _ in found})
    print(f"deployer: {len(CHECKS) - broken} passed, {broken} failed")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
