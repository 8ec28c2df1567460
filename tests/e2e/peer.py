"""The independent cloud as an ASGI application: ministack, put right where it would refuse what AWS allows.

- The queues refuse whoever does not come over TLS, as they do on AWS. Everything here is on loopback and the functions
  trust public roots only, so TLS is not spoken: it is said to have been, the way a load balancer says it.
- AWS allows the batch form of an SQS action to whoever may do the single one; an action of its own does not exist.
- AWS judges who sends a letter by the identity it is sent from and tells policies the sender (`ses:FromAddress`);
  ministack knows neither.
"""

import json
from contextvars import ContextVar

from ministack import app as gateway
from ministack.core import iam_actions

judged_as, judged_on = iam_actions.extract_iam_action, iam_actions.extract_resource_arn
judge, judge_letter = gateway._enforce_data_plane, gateway._enforce_ses_v2
sender = ContextVar("sender", default=None)


def extract_iam_action(service, *request):
    action = judged_as(service, *request)
    return action.removesuffix("Batch") if service == "sqs" and action else action


def extract_resource_arn(service, method, path, headers, body, query, region, account, *more):
    resource = judged_on(service, method, path, headers, body, query, region, account, *more)
    if service == "ses" and resource == "*" and sender.get():
        return f"arn:aws:ses:{region}:{account}:identity/{sender.get()}"
    return resource


def enforce_data_plane(*request, **context):
    if sender.get():
        context["service_context"] = {**(context.get("service_context") or {}), "ses:FromAddress": sender.get()}
    return judge(*request, **context)


def enforce_ses_v2(method, path, headers, body, *request):
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = {}
    before = sender.set(document.get("FromEmailAddress") if isinstance(document, dict) else None)
    try:
        return judge_letter(method, path, headers, body, *request)
    finally:
        sender.reset(before)


iam_actions.extract_iam_action = extract_iam_action
iam_actions.extract_resource_arn = extract_resource_arn
gateway._enforce_data_plane = enforce_data_plane
gateway._enforce_ses_v2 = enforce_ses_v2


async def app(scope, receive, send):
    if scope["type"] == "http":
        scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
    await gateway.app(scope, receive, send)
