"""The whole story of Resound on a cloud that is not ours, with release builds and the template as it is.

    story.py TARGET     TARGET/release holds the programs

Ends with `e2e: N passed, M failed`; the exit code says the same. docs/e2e.md tells what each chapter shows, and what
cannot be shown here.
"""

import base64
import hashlib
import json
import os
import platform
import random
import re
import signal
import sys
import threading
import time
import traceback
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import urllib3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from cloud import FUNCTIONS, ROOT, Cloud
from outside import Outside

STACK = "voice"
NEW_STACK = "voice-again"
ZONE = "Asia/Shanghai"
PUBLIC_URL = "http://feedback.test"
OLD_KEY, NEW_KEY = "an-old-secret-of-forty-characters-xxxxxx", "a-new-secret-of-forty-characters-yyyyyyy"
SEED = int(os.environ.get("E2E_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)

# Targets in seconds: nobody can move the time of a real cloud, but a company may publish any policy. Only P2 is in a hurry.
HASTY = {"first_response": 4, "resolution": 600}
CALM = {"first_response": 7200, "resolution": 86400}
POLICY = {
    "version": 1,
    "targets": {
        name: {
            clock: {"duration": f"PT{seconds}S", "calendar": "around_the_clock"}
            for clock, seconds in (HASTY if name == "P2" else CALM).items()
        }
        for name in ("P1", "P2", "P3", "P4")
    },
    "social_first_response": "PT7200S",
    "warn_percent": 75,
    "ladder": {"team_lead": 125, "manager": 150, "executive": 200},
    "loop_limit": "PT168H",
    "auto_close": "PT6S",
}

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def id_of(key, form="default"):
    """The id that a submission gets for its idempotency key."""
    bits = int.from_bytes(hashlib.sha256(f"response\0{form}\0{key}".encode()).digest()[:16], "big")
    return "".join(ALPHABET[bits >> (5 * i) & 31] for i in reversed(range(26)))


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def later(days):
    """A day is counted when it is over; business time is an argument."""
    return (datetime.now(timezone.utc) + timedelta(days=days, hours=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Report:
    """Counts what was shown and what was not."""

    def __init__(self):
        self.passed = self.failed = 0
        self.started = time.monotonic()

    def chapter(self, name):
        print(f"\n[{time.monotonic() - self.started:5.0f} s] {name}", flush=True)

    def check(self, what, right, *details):
        if right:
            self.passed += 1
            print(f"  ok    {what}", flush=True)
        else:
            self.failed += 1
            print(f"  FAIL  {what}", *(f"        {detail}" for detail in details), sep="\n", flush=True)
        return bool(right)

    def equal(self, what, actual, expected):
        return self.check(what, actual == expected, f"expected {expected!r}", f"     got {actual!r}")


class Story:
    def __init__(self, cloud, outside, target):
        self.cloud, self.outside, self.target = cloud, outside, target
        self.report = Report()
        self.check, self.equal = self.report.check, self.report.equal
        self.random = random.Random(SEED)
        self.api = self.outputs = self.template = None
        self.parameters = {}
        self.accepted = {}  # idempotency key -> (submission, receipt); each got a 201
        self.words = {}  # what staff wrote to a customer -> case
        self.lock = threading.Lock()
        self.ticks = Counter()
        self.staff = {"authorization": f"Bearer {outside.token('li.lei', 'cases.read', 'cases.write', 'reports.read')}"}
        self.admin = {"authorization": f"Bearer {outside.token('han.mei', 'cases.read', 'admin')}"}

    # ---------------------------------------------------------------------------------------------------- small tools

    def request(self, method, path, body=None, headers=None):
        return self.cloud.request(self.api, method, path, body, headers)

    def until(self, condition, timeout=60, tick=False):
        """Waits until `condition` gives something, and returns that; the last it gave if it never does."""
        deadline = time.monotonic() + timeout
        while True:
            result = condition()
            if result or time.monotonic() > deadline:
                return result
            if tick:
                self.tick()
            time.sleep(0.3)

    def invoke(self, function, payload):
        answer = self.cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        return answer.get("FunctionError"), json.loads(answer["Payload"].read() or b"null")

    def tick(self):
        """One minute of the scheduler, as AWS sends it."""
        error, swept = self.invoke(self.outputs["AlertBreachesFunction"], {"time": now()})
        if error:
            self.ticks["failed runs"] += 1
            self.last_failure = swept
        else:
            self.ticks.update({name: int(count) for name, count in swept.items()})
        return error, swept

    def item(self, pk, sk):
        found = self.cloud.client("dynamodb").get_item(
            TableName=self.outputs["TableName"], Key={"PK": {"S": pk}, "SK": {"S": sk}}, ConsistentRead=True
        ).get("Item")
        return found and plain(found)

    def items(self, pk):
        pages = self.cloud.client("dynamodb").get_paginator("query").paginate(
            TableName=self.outputs["TableName"],
            KeyConditionExpression="PK = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        return {item["SK"]: item for page in pages for item in map(plain, page["Items"])}

    def table(self):
        """Everything there is. Only the test may scan."""
        pages = self.cloud.client("dynamodb").get_paginator("scan").paginate(
            TableName=self.outputs["TableName"], ConsistentRead=True
        )
        return [item for page in pages for item in map(plain, page["Items"])]

    def publish(self, kind, version, document):
        self.cloud.client("dynamodb").put_item(
            TableName=self.outputs["TableName"],
            Item={
                "PK": {"S": f"CONFIG#{kind}"},
                "SK": {"S": f"V#{version:06}"},
                "v": {"N": "1"},
                "document": TypeSerializer().serialize(document),
            },
            ConditionExpression="attribute_not_exists(PK)",
        )

    def submit(self, submission, key=None, patience=0):
        """Sends feedback. With patience, repeats what failed, as a browser's owner or an SDK would."""
        key = key or f"e2e-{self.fresh()}"
        deadline = time.monotonic() + patience
        while True:
            try:
                answer = self.request("POST", "/v1/feedback", submission, {"idempotency-key": key})
                status, body = answer.status, answer.data
            except urllib3.exceptions.HTTPError as error:
                status, body = 0, str(error).encode()
            if status == 201:
                receipt = json.loads(body)
                with self.lock:
                    self.accepted[key] = (submission, receipt)
                return status, receipt
            if time.monotonic() > deadline:
                return status, body
            time.sleep(0.2)

    def fresh(self):
        with self.lock:
            return f"{self.random.getrandbits(64):016x}"

    def command(self, case, command, key=None, match=None, patience=20, **fields):
        headers = {**self.staff, "idempotency-key": key or f"staff-{self.fresh()}"}
        if match:
            headers["if-match"] = match
        deadline = time.monotonic() + patience
        while True:
            answer = self.request("POST", f"/v1/cases/{case}/commands", {"command": command, **fields}, headers)
            if answer.status < 500 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        if answer.status == 200 and "message" in fields:
            with self.lock:
                self.words[fields["message"]] = case
        return answer

    def case(self, case):
        answer = self.request("GET", f"/v1/cases/{case}", headers=self.staff)
        return json.loads(answer.data) if answer.status == 200 else {"status": answer.status, "body": answer.data}

    def receipt(self, receipt):
        path = receipt["status_url"].removeprefix(PUBLIC_URL)
        answer = self.request("GET", path, headers={"accept": "application/json"})
        return json.loads(answer.data) if answer.status == 200 else {"status": answer.status}

    def timeline(self, case):
        events = {sk: item for sk, item in self.items(f"CASE#{case}").items() if sk.startswith("EVENT#")}
        return [events[sk] for sk in sorted(events)]

    def letters(self, words):
        return [mail for mail in self.cloud.mails() if words in mail["BodyText"]]

    def alerts(self, case, kind=None):
        return [
            (name, alert)
            for name, alert in list(self.outside.alerts)
            if alert["data"]["case"] == case and kind in (None, alert["type"])
        ]

    def queue(self, output):
        queue = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=["All"])
        counts = queue["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])

    def unsettled(self):
        return [item for item in self.table() if item["SK"].startswith("EVENT#") and (item.get("open") or "due_at" in item)]

    # -------------------------------------------------------------------------------------------------- the chapters

    def deploy(self):
        self.report.chapter("A stack is made of the template as it is")
        self.cloud.client("sesv2").create_email_identity(EmailIdentity="voice@example.com")
        self.packages = self.cloud.upload_packages(self.target)
        self.template = self.cloud.upload_template(self.packages)
        self.parameters = {
            "PublicUrl": PUBLIC_URL,
            "TimeZone": ZONE,
            "StaffLocale": "en",
            "JwtIssuer": self.outside.issuer,
            "MailFrom": "voice@example.com",
            "OwnerEmail": "desk@example.com",
            "TeamLeadEmail": "lead@example.com",
            "ManagerEmail": "manager@example.com",
            "ExecutiveEmail": "executive@example.com",
            "AlertWebhookUrl": self.outside.webhook,
            "AlertWebhookSecret": self.outside.webhook_secret,
            "WebhookAllowPrivate": "true",
            "AlertGroupSeconds": "0",  # until the storm: each alert by itself
            "SigningKeys": f"1={OLD_KEY}",
            "DeletionProtection": "false",
            "Dashboard": "true",
            "Architecture": {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()],
            "Release": "first",
        }
        self.create(STACK)
        functions = self.cloud.client("lambda")
        for function in FUNCTIONS:
            place = functions.get_function(FunctionName=f"{STACK}-{function}", Qualifier="live")["Configuration"]
            package = self.packages[function][1]
            ours = base64_sha256(package)
            self.check(
                f"{function}: the alias runs our package ({len(package) / 1e6:.2f} MB zipped)",
                place["CodeSha256"] == ours and place["Runtime"] == "provided.al2023",
                place,
            )
        self.publish("policy", 1, POLICY)

    def create(self, stack):
        """Makes a stack, and goes on with that one."""
        self.cloud.client("cloudformation").create_stack(
            StackName=stack,
            TemplateURL=self.template,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        done = self.cloud.finished(stack)
        if not self.equal(f"the stack {stack} is complete", done["StackStatus"], "CREATE_COMPLETE"):
            raise RuntimeError("; ".join(self.cloud.failures(stack)))
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in done["Outputs"]}
        self.api = self.outputs["HttpApiUrl"].split("//")[1].split(".")[0]
        # This scheduler hands out its placeholder for the time unreplaced, so the test plays the scheduler.
        scheduler = self.cloud.client("scheduler")
        for name in ("alert-breaches", "aggregate-nps", "watch-risks", "write-reports", "link-issues", "tell-reporters"):
            schedule = scheduler.get_schedule(Name=f"{stack}-{name}")
            self.equal(f"the schedule of {name} is on", schedule["State"], "ENABLED")
            keep = ("Name", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
            scheduler.update_schedule(**{k: schedule[k] for k in keep if k in schedule}, State="DISABLED")

    def change(self, stack, parameters):
        """Updates a stack, with these parameters anew."""
        self.parameters |= parameters
        self.cloud.client("cloudformation").update_stack(
            StackName=stack,
            TemplateURL=self.template,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        done = self.cloud.finished(stack)
        if not self.equal("the update is complete", done["StackStatus"], "UPDATE_COMPLETE"):
            self.check("no resource failed", False, *self.cloud.failures(stack))

    def open_doors(self):
        self.report.chapter("Doors: what is public, what is for staff")
        home = self.request("GET", "/", headers={"accept-language": "en"})
        self.check("the home page is ours", home.status == 200 and b"/f/default" in home.data, home.status, home.data[:300])
        form = self.request("GET", "/f/default", headers={"accept-language": "zh-CN"})
        self.check(
            "the form is Chinese, with a key of its own, and not cached",
            form.status == 200
            and 'lang="zh-CN"' in form.data.decode()
            and b'name="idempotency_key"' in form.data
            and form.headers["cache-control"] == "no-store",
            form.status,
        )
        api = self.request("GET", "/openapi.json")
        described = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text(encoding="utf-8"))
        self.check("the API describes itself as documented", api.status == 200 and json.loads(api.data)["paths"] == described["paths"], api.status)
        self.equal("nobody lists cases without a token", self.request("GET", "/v1/cases").status, 401)
        forged = {"authorization": self.staff["authorization"][:-8] + "AAAAAAAA"}
        self.equal("nor with a forged one", self.request("GET", "/v1/cases", headers=forged).status, 401)
        stranger = {"authorization": f"Bearer {self.outside.token('x', 'cases.read', audience='another')}"}
        self.equal("nor with one for somebody else", self.request("GET", "/v1/cases", headers=stranger).status, 401)
        analyst = {"authorization": f"Bearer {self.outside.token('x', 'reports.read')}"}
        self.equal("nor an analyst", self.request("GET", "/v1/cases", headers=analyst).status, 403)
        self.equal("staff do", self.request("GET", "/v1/cases", headers=self.staff).status, 200)

    def submissions(self):
        self.report.chapter("Feedback arrives, once")
        unhappy = {
            "text": "The parcel took nine days and nobody could say where it was.",
            "nps": 5,
            "consent": True,
            "contact": {"email": "lin@example.com", "name": "Lin"},
            "locale": "en",
            "touchpoint": "logistics",
        }
        key = "e2e-the-first-of-them"
        first = self.request("POST", "/v1/feedback", unhappy, {"idempotency-key": key})
        self.equal("a complaint is accepted", first.status, 201)
        receipt = json.loads(first.data)
        self.accepted[key] = (unhappy, receipt)
        case = receipt["id"]
        self.equal("its id follows from its key", case, id_of(key))
        stored = self.items(f"CASE#{case}")
        self.equal("it has a case with its first event", sorted(stored), ["CASE", "EVENT#000001"])
        self.check("and the words are with the response", (self.item(f"RESPONSE#{case}", "RESPONSE") or {}).get("nps") == 5)
        due = instant(receipt["respond_by"]) - instant(stored["EVENT#000001"]["event"]["at"])
        self.equal("it is promised what the published policy says", due.total_seconds(), 7200.0)
        seen = self.receipt(receipt)
        self.equal("the status page knows it", (seen.get("state"), seen.get("reference")), ("open", receipt["reference"]))
        again = self.request("POST", "/v1/feedback", unhappy, {"idempotency-key": key})
        self.equal("a duplicate gets the first answer again", (again.status, again.data), (201, first.data))
        other = self.request("POST", "/v1/feedback", {**unhappy, "nps": 9}, {"idempotency-key": key})
        self.equal("other words under the same key are refused", other.status, 409)
        self.equal("and nothing was added", sorted(self.items(f"CASE#{case}")), ["CASE", "EVENT#000001"])
        twin = {"text": "Eight at once: why is my invoice wrong?", "nps": 6}
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.submit(twin, "e2e-eight-of-one-kind"), range(8)))
        self.check(
            "eight duplicates at once get one answer",
            all(a == answers[0] and a[0] == 201 for a in answers),
            answers,
        )
        status, praise = self.submit({"text": "Wonderful service, thank you.", "nps": 10, "locale": "en"})
        self.equal("praise is kept and opens no case", (status, praise["respond_by"], self.item(f"CASE#{praise['id']}", "CASE")), (201, None, None))
        empty = self.request("POST", "/v1/feedback", {"channel": "web"}, {"accept-language": "zh-CN"})
        self.check("nothing at all is refused, in Chinese", empty.status == 422 and any("\u4e00" <= c <= "\u9fff" for c in empty.data.decode()), empty.data)
        self.first = receipt

    def severity(self):
        self.report.chapter("A severity signal reaches an executive at once")
        _, receipt = self.submit({"text": "The charger caught fire and burned my hand. This is dangerous!", "nps": 0, "locale": "en"})
        case = receipt["id"]
        alerts = self.until(lambda: self.alerts(case, "case.severe"))
        self.check("the receiver of alerts knows", alerts and alerts[0][1]["data"]["audience"] == "executive", alerts)
        reference = receipt["reference"]
        mails = self.until(lambda: [m for m in self.cloud.mails() if reference in m["Subject"]])
        self.equal("the executive has mail", [m["To"] for m in mails], [["executive@example.com"]])
        self.check("the event is settled", self.until(lambda: "open" not in self.timeline(case)[0]))
        self.equal("the case is first in the list", json.loads(self.request("GET", "/v1/cases?priority=P1", headers=self.staff).data)["cases"][0]["id"], case)

    def breach(self):
        self.report.chapter("A promise is broken, and everybody up the ladder hears of it")
        _, receipt = self.submit({"text": "Terrible. I want an answer now.", "nps": 1, "locale": "en"})
        case, reference = receipt["id"], receipt["reference"]
        self.equal("four seconds were promised", (instant(receipt["respond_by"]) - instant(self.timeline(case)[0]["event"]["at"])).total_seconds(), 4.0)
        expected = ["opened", "warned", "breached", "escalated", "escalated", "escalated"]
        names = lambda: [kind_of(event) for event in self.timeline(case)]
        self.until(lambda: names() == expected, timeout=60, tick=True)
        self.equal("time did it", names(), expected)
        events = [event["event"] for event in self.timeline(case)]
        opened = instant(events[0]["at"])
        self.equal(
            "each at its own instant, whenever the sweep came",
            [(instant(e["at"]) - opened).total_seconds() for e in events[1:]],
            [3.0, 4.001, 5.0, 6.0, 8.0],
        )
        told = lambda: Counter(alert["data"]["audience"] for _, alert in self.alerts(case))
        ladder = {"owner": 2, "team_lead": 1, "manager": 1, "executive": 1}
        self.until(lambda: told() == ladder)
        self.equal("the receiver of alerts was told of each once", dict(told()), ladder)
        mails = lambda: Counter(m["To"][0] for m in self.cloud.mails() if reference in m["Subject"])
        expected = {"desk@example.com": 2, "lead@example.com": 1, "manager@example.com": 1, "executive@example.com": 1}
        self.until(lambda: mails() == expected)
        self.equal("and so was each by mail", dict(mails()), expected)
        self.check("staff see that it is late", self.case(case).get("respond_overdue") is True)
        self.check("and so does the customer", self.receipt(receipt).get("late") is True)
        before = names()
        with ThreadPoolExecutor(4) as pool:
            swept = list(pool.map(lambda _: self.tick(), range(4)))
        self.check("four sweeps at once change nothing", names() == before and not any(error for error, _ in swept), swept)

    def closing(self):
        self.report.chapter("Staff answer, the customer hears of it once, and may come back")
        case, receipt = self.first["id"], self.first
        tag = self.request("GET", f"/v1/cases/{case}", headers=self.staff).headers["etag"]
        taken = self.command(case, "assign", match=tag)
        self.equal("somebody takes it", (taken.status, json.loads(taken.data)["owner"]), (200, "li.lei"))
        self.equal("who has not seen that is refused", self.command(case, "acknowledge", match=tag).status, 412)
        words = "We are asking the carrier and will write again today. [w1]"
        key = "staff-answers-exactly-once"
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: self.command(case, "reply", key=key, message=words), range(4)))
        self.check("one answer, sent four times at once", all(a.status == 200 for a in answers), [(a.status, a.data) for a in answers])
        letters = self.until(lambda: self.letters(words))
        self.equal("is one letter to the customer", [m["To"] for m in letters], [["lin@example.com"]])
        self.check("with the way to the status page", letters and receipt["status_url"] in letters[0]["BodyText"])
        self.equal("resolved", self.command(case, "resolve", message="We have refunded the postage. [w2]").status, 200)
        self.check("the customer hears of it", self.until(lambda: self.letters("[w2]")))
        seen = self.receipt(receipt)
        self.equal("and reads it", (seen["state"], seen["timeline"][-1].get("message")), ("resolved", "We have refunded the postage. [w2]"))
        self.equal("reopened", self.command(case, "reopen").status, 200)
        self.equal("with the old promise of time", (instant(self.receipt(receipt)["respond_by"]) - instant(self.timeline(case)[-1]["event"]["at"])).total_seconds(), 7200.0)
        self.equal("what is open is not closed", self.command(case, "close").status, 409)
        self.equal("resolved again", self.command(case, "resolve", message="The refund is on its way. [w3]").status, 200)
        self.check("and told again", self.until(lambda: self.letters("[w3]")))
        # In the table: what staff see is ahead of the sweep.
        closed = lambda: kind_of(self.timeline(case)[-1]) == "closed"
        self.check("then it closes by itself", self.until(closed, tick=True, timeout=30))
        self.equal("and nobody sees it otherwise", (self.case(case)["state"], self.receipt(receipt)["state"]), ("closed", "closed"))
        silent = {"text": "The colour is not what I ordered.", "nps": 4, "contact": {"email": "quiet@example.com"}, "consent": False, "locale": "en"}
        _, receipt = self.submit(silent)
        self.command(receipt["id"], "resolve", message="You get the right one. [w4]")
        notice = self.until(lambda: next((i for sk, i in self.items(f"CASE#{receipt['id']}").items() if sk.startswith("NOTICE#")), None))
        self.equal("who did not agree to mail gets none", ((notice or {}).get("status"), self.letters("[w4]")), ("no_consent", []))

    def heard(self):
        self.report.chapter("The customer says whether it helped, and changes a score")
        key = "e2e-who-answers-the-question"
        unhappy = {"text": "The kettle leaks.", "nps": 5, "consent": True, "contact": {"email": "wei@example.com"}, "locale": "en"}
        _, receipt = self.submit(unhappy, key)
        case, path = receipt["id"], receipt["status_url"].removeprefix(PUBLIC_URL)
        say = lambda what, body: self.request("POST", f"{path}/{what}", body, {"accept": "application/json"})
        self.command(case, "resolve", message="A new seal is on its way. [w5]")
        letter = (self.until(lambda: self.letters("[w5]")) or [{"BodyText": ""}])[0]["BodyText"]
        link = re.search(re.escape(receipt["status_url"]) + r"(\?outcome=(\d+)&solved=no)", letter)
        if not self.check("the letter asks, and has a link for each answer", link and "&solved=yes" in letter, letter):
            return
        looked = self.request("GET", path + link[1], headers={"accept": "text/html", "accept-language": "en"})
        self.check("who follows a link sees a button", looked.status == 200 and b"<button" in looked.data and f"{path}/helped".encode() in looked.data, looked.status)
        self.check("and has said nothing by that", "customer" not in [e["event"]["by"] for e in self.timeline(case)[1:]])
        no = {"solved": "no", "outcome": int(link[2]), "text": "It leaks again. [c1]"}
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: say("helped", no), range(4)))
        self.check("no, clicked four times at once, is heard", all(a.status == 200 for a in answers), [(a.status, a.data) for a in answers])
        disputed = [e for e in self.timeline(case) if kind_of(e) == "disputed"]
        self.equal("once, and the case is open again", (len(disputed), self.case(case)["state"]), (1, "reopened"))
        told = self.until(lambda: self.alerts(case, "case.disputed"))
        self.equal("its owner knows", [alert["data"]["audience"] for _, alert in told or []], ["owner"])
        self.command(case, "resolve", message="Here is another kettle. [w6]")
        self.check("the next outcome is told", self.until(lambda: self.letters("[w6]")))
        self.equal("an answer to the first is too late", say("helped", {"solved": "yes", "outcome": int(link[2])}).status, 409)
        yes = say("helped", {"solved": "yes", "outcome": self.receipt(receipt)["question"]["outcome"]})
        self.equal("yes closes it", (yes.status, json.loads(yes.data).get("state"), self.case(case)["state"]), (200, "closed", "closed"))
        changed = say("scores", {"nps": 8})
        self.equal("a score is changed", changed.status, 200)
        self.accepted[key] = ({**unhappy, "nps": 8}, receipt)

    def issues(self):
        self.report.chapter("What customers complain about is an issue, and one comes before another")
        lead = {"authorization": f"Bearer {self.outside.token('li.lead', 'cases.read', 'cases.write', 'cases.manage', 'reports.read')}"}
        send = lambda path, body, key: self.request("POST", path, body, {**lead, "idempotency-key": key})
        body = {"title": "Kettles leak", "touchpoint": "product", "core": True, "effort": "small"}
        opened = send("/v1/issues", body, "e2e-kettles-leak")
        issue = json.loads(opened.data)
        self.equal("an issue is opened", (opened.status, issue.get("state")), (201, "open"))
        again = send("/v1/issues", body, "e2e-kettles-leak")
        self.equal("once", json.loads(again.data).get("id"), issue["id"])
        path = f"/v1/issues/{issue['id']}"
        linked = send(f"{path}/commands", {"command": "link", "responses": [self.first["id"]]}, "e2e-link-by-hand")
        self.equal("a response is linked by hand", linked.status, 200)
        rule = {"command": "set_rule", "rule": {"words": ["kettle"]}}
        self.equal("a rule is set", send(f"{path}/commands", rule, "e2e-rule-of-kettles").status, 200)
        error, linked = self.invoke(self.outputs["LinkIssuesFunction"], {"time": now()})
        self.check("a run goes through", error is None, linked)
        listed = json.loads(self.request("GET", "/v1/issues", headers=lead).data)
        self.equal("the list says whom it reaches, by hand and by rule", [(i["id"], (i["reach"] or {}).get("links")) for i in listed.get("issues", [])], [(issue["id"], 2)])
        tag = self.request("GET", path, headers=lead).headers["etag"]
        self.check("with weights and formula", listed["issues"][0]["priority"] is not None and tag, listed)

    def trial(self):
        self.report.chapter("A few try an improvement first, and say whether it is fixed")
        lead = {"authorization": f"Bearer {self.outside.token('li.lead', 'cases.read', 'cases.write', 'cases.manage', 'reports.read')}"}
        send = lambda path, body, key: self.request("POST", path, body, {**lead, "idempotency-key": key})
        # Somebody for whom it is noon: nobody is written to at night.
        noon = 12 - datetime.now(timezone.utc).hour
        happy = {"text": "I like it. It does not start offline.", "nps": 10, "consent": True, "locale": "en",
                 "contact": {"email": f"c{self.fresh()}@example.com"}, "time_zone": f"Etc/GMT{-noon:+d}"}
        _, receipt = self.submit(happy)
        path = receipt["status_url"].removeprefix(PUBLIC_URL)
        issue = json.loads(send("/v1/issues", {"title": "It does not start offline"}, "e2e-offline-issue").data)
        send(f"/v1/issues/{issue['id']}/commands", {"command": "link", "responses": [receipt["id"]]}, "e2e-offline-link")
        planned = json.loads(send("/v1/improvements", {"title": "Start offline", "issues": [issue["id"]]}, "e2e-offline-plan").data)
        beta = f"/v1/improvements/{planned['id']}/beta"
        terms = {"size": 1, "until": later(2), "seed": "e2e", "zh-CN": "请安装测试版。", "en": "Install the beta. [b1]"}
        started = send(beta, terms, "e2e-offline-beta")
        self.equal("a lead starts a beta", (started.status, json.loads(started.data).get("state")), (201, "inviting"))
        again = send(beta, terms, "e2e-offline-beta")
        self.equal("once", (again.status, json.loads(again.data).get("version")), (201, 1))
        tell = lambda: self.invoke(self.outputs["TellReportersFunction"], {"time": now()})
        shown = lambda: json.loads(self.request("GET", beta, headers=lead).data)
        for _ in range(2):
            error, told = tell()
            self.check("a run goes through", error is None, told)
        page = f"{path}/betas/{planned['id']}"
        invitations = self.letters("[b1]")
        self.equal("who was drawn is invited, once, by a letter that leads to their page", [(m["To"], f"{PUBLIC_URL}{page}" in m["BodyText"]) for m in invitations],
                   [([happy["contact"]["email"]], True)])
        ask = lambda headers: self.request("GET", page, headers=headers)
        looked = ask({"accept": "text/html", "accept-language": "en"})
        self.check("who follows the link sees a button", looked.status == 200 and b'value="joined"' in looked.data, looked.status)
        standing = ask({"accept": "application/json"})
        self.equal("and has said nothing by that", (standing.status, json.loads(standing.data).get("takes_part"), self.items(f"TESTER#{receipt['id']}")), (200, None, {}))
        self.equal("the status page shows it too", [b["improvement"] for b in self.receipt(receipt)["betas"]], [planned["id"]])
        say = lambda word: self.request("POST", page, {"says": word}, {"accept": "application/json"})
        self.equal("nobody has asked whether it is fixed", say("fixed").status, 409)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: say("joined"), range(4)))
        self.check("they join, with four clicks at once", all(a.status == 200 for a in answers), [(a.status, a.data) for a in answers])
        said = [[word["word"] for word in i["said"]] for i in self.items(f"TESTER#{receipt['id']}").values()]
        self.equal("which is kept once", said, [["joined"]])
        asked = send(f"{beta}/commands", {"command": "ask"}, "e2e-offline-ask-them")
        self.equal("the lead has them asked", (asked.status, json.loads(asked.data).get("state")), (200, "asking"))
        for _ in range(2):
            error, told = tell()
            self.check("a run goes through", error is None, told)
        letters = [m for m in self.cloud.mails() if m["To"] == [happy["contact"]["email"]]]
        self.equal("they are, once", (len(letters), f"{PUBLIC_URL}{page}" in letters[-1]["BodyText"]), (2, True))
        self.equal("they answer, and change their mind", [say(word).status for word in ("not_fixed", "fixed")], [200, 200])
        result = shown()
        counted = [result["turnout"][what] for what in ("invited", "joined", "asked", "fixed", "not_fixed", "silent")]
        self.equal("which is counted", (counted, (result["fixed"] or {}).get("percent")), ([1, 1, 1, 1, 0, 0], 100))
        early = send(f"/v1/improvements/{planned['id']}/announcement", {"zh-CN": "请升级。", "en": "Update."}, "e2e-offline-early")
        self.equal("what has not shipped is told to nobody", early.status, 409)
        closed = send(f"{beta}/commands", {"command": "close"}, "e2e-offline-close")
        self.equal("the beta is closed", (closed.status, json.loads(closed.data).get("state")), (200, "closed"))
        self.equal("and hears nobody any more", say("not_fixed").status, 409)

    def rules(self):
        self.report.chapter("Rules are published over HTTP, looked at before they count, and not by everybody")
        ask = lambda method, path, body=None, who=self.admin, **headers: self.request(method, path, body, {**who, **headers})
        shown = ask("GET", "/v1/policy")
        self.equal("the policy that applies is shown, with its version", (shown.status, shown.headers.get("etag")), (200, '"1"'))
        self.equal("an agent may not publish", ask("PUT", "/v1/policy", POLICY, self.staff).status, 403)
        faulty = ask("PUT", "/v1/policy", {**POLICY, "warn_percent": 175})
        faults = json.loads(faulty.data).get("errors", [])
        self.equal("a fault is named by its place", (faulty.status, [fault["field"] for fault in faults]), (422, ["/warn_percent"]))
        ours = {"tz": ZONE, "hours": {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}, "public_holidays": "cn"}
        published = ask("PUT", "/v1/calendars/office", ours)
        self.equal("a calendar is published", published.status, 201)
        periods = json.loads(ask("GET", "/v1/calendars/office/preview?from=2026-09-30T00:00:00Z&count=2").data)
        self.check("and shows when it is open: National Day is skipped", "2026-10-08T01:00:00Z" in json.dumps(periods), periods)
        named = {"name": "shops", "when": {"channel": ["store"]}, "targets": {"first_response": {"duration": "PT8H", "calendar": "office"}}}
        wanted = {k: v for k, v in POLICY.items() if k != "version"} | {"rules": [named]}
        looked = ask("PUT", "/v1/policy?dry_run=true", wanted)
        self.check("a dry run counts what it looked at, and writes nothing", looked.status == 200
                   and json.loads(looked.data)["looked_at"] > 0 and ask("GET", "/v1/policy").headers.get("etag") == '"1"', looked.status, looked.data)
        taken = ask("PUT", "/v1/policy", wanted, **{"if-match": '"1"'})
        self.equal("the policy is published as version 2", (taken.status, taken.headers.get("etag")), (201, '"2"'))
        again = ask("PUT", "/v1/policy", wanted, **{"if-match": '"1"'})
        self.equal("sent again after a lost answer, it is the same", (again.status, again.headers.get("etag")), (200, '"2"'))
        late = ask("PUT", "/v1/policy", {**wanted, "rules": []}, **{"if-match": '"1"'})
        self.equal("who has not seen it is told", late.status, 412)
        self.equal("who published is kept", self.items("CONFIG#policy")["V#000002"].get("published_by"), "han.mei")

    def storm(self):
        self.report.chapter("A storm is one message")
        self.change(NEW_STACK, {"AlertGroupSeconds": "3", "Release": "third"})
        mails = lambda: [m for m in self.cloud.mails() if m["To"] == ["executive@example.com"]]
        before, known = len(mails()), set(self.accepted)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: self.submit({"text": f"The charger caught fire, number {n}!", "nps": 0, "locale": "en"}, patience=20), range(8)))
        cases = [self.accepted[key][1] for key in set(self.accepted) - known]
        self.equal("eight severe cases are open", len(cases), 8)
        named = lambda: {c["reference"] for c in cases for m in mails()[before:] if c["reference"] in m["BodyText"]}
        self.until(lambda: len(named()) == 8, timeout=90, tick=True)
        self.equal("the executive was told of each", len(named()), 8)
        letters = len(mails()) - before
        self.check(f"in {letters} letters", letters < 8, [m["Subject"] for m in mails()[before:]])
        twice = [c["reference"] for c in cases if sum(m["BodyText"].count(c["reference"]) > 0 for m in mails()[before:]) > 1]
        self.equal("and of none twice", twice, [])

    def risks(self):
        self.report.chapter("Three complaints of one customer are a risk, and somebody's task")
        before = len(self.cloud.mails())
        for n in range(3):
            self.submit({"text": f"It broke down again, what a disappointment ({n}).", "nps": 1, "locale": "en", "customer_id": "customer-77"}, patience=20)
        watch = lambda: self.invoke(self.outputs["WatchRisksFunction"], {"time": now()})
        error, watched = watch()
        self.equal("two rules speak: a customer may leave, and wants to be asked why", (error, watched.get("raised")), (None, 2))
        tasks, place = [], ""
        while place is not None:  # a page may be short, or empty, while there is a next
            page = json.loads(self.request("GET", f"/v1/cases?kind=task{place and '&cursor=' + place}", headers=self.staff).data)
            tasks += page["cases"]
            place = page["next"]
        self.equal("each is a task of its own", sorted(task["task"]["rule"] for task in tasks), ["churn_risk", "interview"])
        told = lambda: sorted(m["To"][0] for m in self.cloud.mails()[before:] if any(t["reference"] in m["BodyText"] + m["Subject"] for t in tasks))
        self.until(lambda: len(told()) == 2, timeout=60, tick=True)
        self.equal("and was told of at once", told(), ["desk@example.com", "lead@example.com"])
        self.equal("who looks again finds nothing new", watch()[1].get("raised"), 0)

    def poison(self):
        self.report.chapter("Poison goes to the dead letters, and what was good comes back from there")
        sqs, key = self.cloud.client("sqs"), "e2e-told-before-it-happened"
        case = id_of(key)
        # Five receives, two minutes apart, would take ten: an operator may hide messages for less.
        for output in ("StaffAlertsUrl", "CustomerNoticesUrl"):
            sqs.set_queue_attributes(QueueUrl=self.outputs[output], Attributes={"VisibilityTimeout": "2"})
        early = json.dumps({"v": 1, "message": {"type": "effect_due", "effect": "staff_alert", "case": case, "seq": 1}})
        sqs.send_message(QueueUrl=self.outputs["StaffAlertsUrl"], MessageBody=early)
        sqs.send_message(QueueUrl=self.outputs["StaffAlertsUrl"], MessageBody="<not a message>")
        sqs.send_message(QueueUrl=self.outputs["CustomerNoticesUrl"], MessageBody='{"v":99,"message":{"type":"from_the_future"}}')
        dead = lambda: (self.queue("StaffAlertsDeadUrl"), self.queue("CustomerNoticesDeadUrl"))
        self.until(lambda: dead() == (2, 1), timeout=90)
        self.equal("three poisonous messages are dead letters", dead(), (2, 1))
        # The relay sleeps: only the dead letter can carry this alert.
        functions = self.cloud.client("lambda")
        relay = next(m for m in functions.list_event_source_mappings()["EventSourceMappings"] if "relay-events" in m["FunctionArn"])
        functions.update_event_source_mapping(UUID=relay["UUID"], Enabled=False)
        self.submit({"text": "The battery exploded. Somebody could have died.", "nps": 0, "locale": "en"}, key)
        time.sleep(3)
        self.equal("while the relay sleeps nobody is told", self.alerts(case), [])
        moved = Counter()
        for dead_url, url in (("StaffAlertsDeadUrl", "StaffAlertsUrl"), ("CustomerNoticesDeadUrl", None)):
            for _ in range(10):
                got = sqs.receive_message(QueueUrl=self.outputs[dead_url], MaxNumberOfMessages=10).get("Messages", [])
                for message in got:
                    # An operator moves what is good and drops the rest.
                    good = message["Body"] == early
                    if good:
                        sqs.send_message(QueueUrl=self.outputs[url], MessageBody=message["Body"])
                    moved["good" if good else "bad"] += 1
                    sqs.delete_message(QueueUrl=self.outputs[dead_url], ReceiptHandle=message["ReceiptHandle"])
                if not got:
                    break
        self.equal("the dead letters are as they were sent", dict(moved), {"good": 1, "bad": 2})
        self.check("the good one, sent again, alerts", self.until(lambda: self.alerts(case, "case.severe")))
        self.check("and settles its event", self.until(lambda: "open" not in self.timeline(case)[0]))
        functions.update_event_source_mapping(UUID=relay["UUID"], Enabled=True)
        for output in ("StaffAlertsUrl", "CustomerNoticesUrl"):
            sqs.set_queue_attributes(QueueUrl=self.outputs[output], Attributes={"VisibilityTimeout": "120"})
        # A marker that must come through the stream behind it.
        _, marker = self.submit({"text": "The plug caught fire, this is dangerous!", "nps": 0, "locale": "en"})
        self.check("the relay wakes and goes on where it was", self.until(lambda: self.alerts(marker["id"])))
        self.equal("nobody was told twice", len(self.alerts(case)), 1)
        self.equal("no dead letter is left", dead(), (0, 0))

    # Traffic in the background, while things go wrong

    def customer(self, stop, number):
        """One customer after another writes, and repeats until it is accepted."""
        chance = random.Random(SEED + number)
        lost = []
        while not stop.is_set():
            n = self.fresh()
            kind = chance.random()
            if kind < 0.45:
                submission = {"text": f"Great, thank you. {n}", "nps": chance.choice([9, 10]), "product": "kettle"}
            elif kind < 0.9:
                submission = {
                    "text": f"It does not work as described, please help. {n}",
                    "nps": chance.choice([4, 5, 6]),
                    "contact": {"email": f"c{n}@example.com"},
                    "consent": True,
                    "locale": chance.choice(["en", "zh-CN"]),
                    "product": "toaster",
                }
            else:
                submission = {"text": f"It caught fire, this is dangerous! {n}", "nps": 0, "locale": "en"}
            key = f"e2e-{n}"
            status, body = self.submit(submission, key, patience=60)
            if status != 201:
                lost.append((key, status, body))
            elif submission["nps"] in (4, 5, 6):
                answer = self.command(body["id"], "resolve", key=f"staff-{n}", message=f"It is on its way. [{n}]", patience=60)
                if answer.status != 200:
                    lost.append((key, answer.status, answer.data))
            time.sleep(chance.uniform(0.0, 0.15))
        return lost

    def trouble(self):
        self.report.chapter("Functions are killed while customers write")
        stop, before = threading.Event(), len(self.accepted)
        victims = ["submit-feedback", "close-loop", "notify-staff", "relay-events", "manage-cases"]
        killed = Counter()
        with ThreadPoolExecutor(6) as pool:
            traffic = [pool.submit(self.customer, stop, n) for n in range(6)]
            try:
                for round_ in range(20):
                    time.sleep(0.7)
                    victim = victims[round_ % len(victims)]
                    for pid, _ in self.cloud.bootstraps(victim):
                        if self.cloud.is_bootstrap(pid):
                            os.kill(pid, signal.SIGKILL)
                            killed[victim] += 1
                self.check("each of five functions was killed, more than once", all(killed[v] > 1 for v in victims), dict(killed))
                self.update()
                time.sleep(2)
            finally:
                stop.set()
            lost = [failure for done in traffic for failure in done.result()]
        self.equal("every customer was heard in the end", lost, [])
        count = len(self.accepted) - before
        self.check(f"{count} pieces of feedback went through all of it", count > 50)

    def update(self):
        self.report.chapter("The stack is updated under traffic: new parameters, new signing key")
        before = {f: self.live(f)["Version"] for f in FUNCTIONS}
        self.change(STACK, {"LogLevel": "DEBUG", "SigningKeys": f"2={NEW_KEY},1={OLD_KEY}", "Release": "second"})
        after = {f: self.live(f) for f in FUNCTIONS}
        stale = [f for f in FUNCTIONS if after[f]["Version"] == before[f] or after[f]["Environment"]["Variables"]["LOG_LEVEL"] != "DEBUG"]
        self.equal("every alias is at a new version with the new parameters", stale, [])
        status, receipt = self.submit({"text": "Is this thing on?", "nps": 7, "locale": "en"}, patience=20)
        self.equal("new links carry the new key", (status, receipt["status_url"].split(".")[-2] if status == 201 else receipt), (201, "2"))
        self.equal("old links still work", self.receipt(self.first).get("state"), "closed")
        again = self.request("POST", "/v1/feedback", self.accepted["e2e-the-first-of-them"][0], {"idempotency-key": "e2e-the-first-of-them"})
        self.equal("a duplicate is still one", (again.status, json.loads(again.data)["id"]), (201, self.first["id"]))

    def live(self, function):
        return self.cloud.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{function}", Qualifier="live")

    def quiet(self):
        self.report.chapter("All that is owed is done, by repetition if need be")
        started = time.monotonic()
        # Hidden messages come back after two minutes, unsettled events are sent again after three, then after six.
        left = self.until(lambda: not self.unsettled() and not self.queue("StaffAlertsUrl") and not self.queue("CustomerNoticesUrl"), timeout=420, tick=True)
        self.check(f"nothing is left unsettled after {time.monotonic() - started:.0f} s", left, *[
            (e["PK"], e["SK"], e.get("open"), e.get("attempts")) for e in self.unsettled()[:5]
        ])
        dead = {o: self.queue(o) for o in ("CustomerNoticesDeadUrl", "StaffAlertsDeadUrl", "RelayDeadUrl", "SchedulesDeadUrl")}
        self.equal("no dead letter anywhere", {o: n for o, n in dead.items() if n}, {})
        self.check("no sweep failed but those that were killed", self.ticks["failed runs"] == 0 and self.ticks["failed"] == 0, self.ticks, getattr(self, "last_failure", ""))
        print(f"        the sweep: {dict(self.ticks)}")

    def night(self):
        self.report.chapter("Night falls, and the score is counted")
        with ThreadPoolExecutor(1) as pool:
            for tries in range(1, 31):  # a night here is short, and easily missed
                night = pool.submit(self.invoke, self.outputs["AggregateNpsFunction"], {"time": later(1)})
                time.sleep(self.random.uniform(0.0, 0.1))
                for pid, _ in self.cloud.bootstraps("aggregate-nps"):
                    if self.cloud.is_bootstrap(pid):
                        os.kill(pid, signal.SIGKILL)
                if night.result()[0]:
                    break
        self.check("a night is cut short", night.result()[0], f"{tries} tries", night.result())
        error, counted = self.invoke(self.outputs["AggregateNpsFunction"], {"time": later(1)})
        self.check("the next one is not, and counts", error is None and counted.get("unfinished") is False, counted)
        zone = ZoneInfo(ZONE)
        days = {"from": (datetime.now(zone) - timedelta(days=1)).date(), "to": datetime.now(zone).date()}
        scores = [submission["nps"] for submission, _ in self.accepted.values() if "nps" in submission]
        promoters, detractors = sum(s >= 9 for s in scores), sum(s <= 6 for s in scores)
        expected = {"n": len(scores), "promoters": promoters, "passives": len(scores) - promoters - detractors, "detractors": detractors}
        ask = lambda by: json.loads(self.request("GET", f"/v1/nps?from={days['from']}&to={days['to']}&by={by}", headers=self.staff).data)
        report = ask("all")
        rows = report.get("rows") or [{}]
        self.equal("every score that was accepted is in it, once", {k: rows[0].get(k) for k in expected}, expected)
        nps = 100 * (promoters - detractors) / len(scores)
        self.check(f"the score is {nps:.1f}", abs((rows[0].get("nps") or 0) - nps) < 0.06, rows)
        products = Counter(submission.get("product") for submission, _ in self.accepted.values())
        found = {row["key"]: row["n"] for row in ask("product").get("rows", [])}
        self.equal("and by product", {p: found.get(p) for p in ("kettle", "toaster")}, {p: products[p] for p in ("kettle", "toaster")})
        with ThreadPoolExecutor(2) as pool:
            again = list(pool.map(lambda _: self.invoke(self.outputs["AggregateNpsFunction"], {"time": later(2)}), range(2)))
        self.equal("counted twice more at once by the night after, it is the same", (ask("all")["rows"], [e for e, _ in again]), (rows, [None, None]))

    def reckoning(self):
        self.report.chapter("Reckoning: nothing lost, nothing doubled")
        items = self.table()
        responses = {i["PK"].split("#")[1]: i for i in items if i["SK"] == "RESPONSE"}
        cases = {i["PK"].split("#")[1]: i for i in items if i["SK"] == "CASE"}
        events, messages, notices = defaultdict(dict), {}, defaultdict(list)
        for item in items:
            head, _, rest = item["SK"].partition("#")
            kind, _, owner = item["PK"].partition("#")
            if kind != "CASE":
                continue
            if head == "EVENT":
                events[owner][int(rest)] = item
            elif head == "MESSAGE":
                if item.get("direction") != "from_customer":
                    messages[owner, int(rest)] = item["text"]
            elif head == "NOTICE":
                cause, recipient, medium = rest.split("#")
                notices[owner, int(cause)].append((recipient, medium, item))
        accepted = {receipt["id"]: (key, submission, receipt) for key, (submission, receipt) in self.accepted.items()}
        self.equal(f"{len(accepted)} were accepted, each is in the table", sorted(set(accepted) - set(responses)), [])
        self.equal("and nothing else is", sorted(set(responses) - set(accepted)), [])
        self.equal("each has the id of its key", [i for i, (key, _, _) in accepted.items() if id_of(key) != i], [])
        wanted = {i for i, (_, _, receipt) in accepted.items() if receipt["respond_by"]}
        self.equal(f"{len(wanted)} were promised an answer, each has a case", (sorted(wanted - set(cases)), sorted(set(cases) - wanted)), ([], []))
        gaps = [i for i in cases if sorted(events[i]) != list(range(1, int(cases[i]["version"]) + 1))]
        self.equal("every log is without a gap", gaps, [])
        keys = Counter((i, e["command_key"]) for i, log in events.items() for e in log.values() if "command_key" in e)
        self.equal("every command was carried out once", [k for k, n in keys.items() if n > 1], [])

        letters = Counter()
        for mail in self.cloud.mails():
            letters.update(words for words in self.words if words in mail["BodyText"])
        lost, doubled, unknown, doubts = [], [], 0, 0
        for (case, seq), words in messages.items():
            told = [(r, m, i) for r, m, i in notices[case, seq] if r == "customer"]
            taken = [entry for entry in told if entry[2]["status"] != "no_contact"] or told[:1]  # the others were passed over
            status = taken[0][2]["status"] if len(taken) == 1 else f"{len(taken)} entries"
            doubt = [e for e in events[case].values() if kind_of(e) == "notice_in_doubt" and detail(e)["cause"] == seq]
            right = {"sent": (1, 0), "no_consent": (0, 0), "no_contact": (0, 0)}.get(status)
            if letters[words] > 1:
                doubled.append((case, seq, letters[words]))
            if status == "unknown":
                unknown += 1
                doubts += len(doubt)
                if len(doubt) != 1:
                    lost.append((case, seq, status, letters[words], len(doubt)))
            elif right != (letters[words], len(doubt)):
                lost.append((case, seq, status, letters[words], len(doubt)))
        self.equal(f"{len(messages)} messages to customers: none was sent twice", doubled, [])
        self.equal(f"each was sent, or is not to be, or a person was asked to look ({unknown} of those)", lost, [])
        self.equal("all words are with their events", sorted(set(self.words) - set(messages.values())), [])

        webhooks, mails = Counter(name for name, _ in self.outside.alerts), Counter()
        missing, surplus = [], []
        for case, log in events.items():
            for seq, event in log.items():
                if not alerts_staff(event):
                    continue
                for recipient, medium, item in notices[case, seq]:
                    if item["status"] != "sent":
                        missing.append((case, seq, recipient, medium, item["status"]))
                    if medium == "webhook":
                        arrived, attempts = webhooks[f"{case}-{seq}-{recipient}"], int(item["attempts"])
                        mails["webhooks"] += 1
                        if arrived < 1:
                            missing.append((case, seq, recipient, medium, arrived))
                        if arrived > attempts:
                            surplus.append((case, seq, recipient, arrived, attempts))
                media = sorted(medium for _, medium, _ in notices[case, seq])
                if media != ["email", "webhook"]:
                    missing.append((case, seq, media))
        repeats = sum(webhooks.values()) - len(webhooks)
        self.equal(f"{mails['webhooks']} alerts to staff: each arrived by mail and webhook", missing, [])
        self.equal(f"none more often than it was tried ({repeats} arrived again)", surplus, [])
        self.equal("every alert was signed", self.outside.forged, 0)
        known = {f"{c}-{s}-{r}" for (c, s), told in notices.items() for r, m, _ in told if m == "webhook"}
        self.equal("and none came out of nowhere", sorted(set(webhooks) - known), [])

        # Customers' addresses and words, staff's words, keys.
        words = ("nine days", "as described", "asking the carrier", "leaks again", OLD_KEY, NEW_KEY, self.outside.webhook_secret, *self.words)
        secrets = re.compile("|".join([r"(?:lin|quiet|wei|c[0-9a-f]{16})@example\.com", *map(re.escape, words)]))
        leaked = Counter()
        logs = self.cloud.client("logs")
        lines = 0
        for function in FUNCTIONS:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{STACK}-{function}"):
                for line in page["events"]:
                    lines += 1
                    leaked.update(secrets.findall(line["message"]))
        self.check(f"{lines} lines of log hold no words, address or key", lines > 0 and not leaked, dict(leaked))
        log = (self.cloud.folder / "cloud.log").read_text(encoding="utf-8", errors="replace")
        denied = Counter(re.findall(r"AccessDenied\w*|assumed-role/\S+ is not authorized to perform: \S+", log))
        self.equal("no role was too narrow for its function", dict(denied), {})

    def delete(self):
        self.report.chapter("The stack is deleted; the data stays")
        table = self.outputs["TableName"]
        before = len(self.table())
        cloudformation = self.cloud.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=STACK)
        done = self.cloud.finished(stack)
        self.equal("it is gone", done["StackStatus"], "DELETE_COMPLETE")
        left = [f["FunctionName"] for f in self.cloud.client("lambda").list_functions()["Functions"]]
        self.equal("no function is left", left, [])
        self.equal("no queue", self.cloud.client("sqs").list_queues().get("QueueUrls", []), [])
        self.equal("no role", [r["RoleName"] for r in self.cloud.client("iam").list_roles()["Roles"] if r["RoleName"].startswith(STACK)], [])
        self.check("nobody answers", self.request("GET", "/").status >= 400)
        self.equal("the table is there with all that was in it", len(self.table()) if table in self.cloud.client("dynamodb").list_tables()["TableNames"] else None, before)

    def recover(self):
        self.report.chapter("The table is restored, and a new stack lives with what was in it")
        dynamodb, lost = self.cloud.client("dynamodb"), self.outputs["TableName"]
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=lost, TargetTableName=f"{STACK}-restored", UseLatestRestorableTime=True
        )
        dynamodb.get_waiter("table_exists").wait(TableName=f"{STACK}-restored")
        known = sorted(map(repr, self.table()))
        mails, alerts = len(self.cloud.mails()), len(self.outside.alerts)
        self.create(NEW_STACK)
        missed = 0
        for page in dynamodb.get_paginator("scan").paginate(TableName=f"{STACK}-restored", ConsistentRead=True):
            for at in range(0, len(page["Items"]), 25):
                puts = [{"PutRequest": {"Item": item}} for item in page["Items"][at : at + 25]]
                answer = dynamodb.batch_write_item(RequestItems={self.outputs["TableName"]: puts})
                missed += len(answer.get("UnprocessedItems", {}))
        self.equal("every item is in the table of the new stack", (missed, sorted(map(repr, self.table())) == known), (0, True))
        self.equal("old links work", self.receipt(self.first).get("state"), "closed")
        key = "e2e-the-first-of-them"
        again = self.request("POST", "/v1/feedback", self.accepted[key][0], {"idempotency-key": key})
        self.equal("a duplicate is still one", (again.status, json.loads(again.data)["id"]), (201, self.first["id"]))
        _, marker = self.submit({"text": "The plug caught fire again, this is dangerous!", "nps": 0, "locale": "en"})
        self.check("new feedback is told of, after all that was restored", self.until(lambda: self.alerts(marker["id"]), timeout=120))
        self.equal("a sweep finds nothing to do", self.tick()[0], None)
        told = lambda: (len(self.cloud.mails()) - mails, len(self.outside.alerts) - alerts)
        self.until(lambda: told() == (1, 1))
        self.equal("and nobody was told of anything again", told(), (1, 1))

    def run(self):
        chapters = (
            self.deploy,
            self.open_doors,
            self.submissions,
            self.severity,
            self.breach,
            self.closing,
            self.heard,
            self.issues,
            self.trial,
            self.rules,
            self.poison,
            self.trouble,
            self.quiet,
            self.night,
            self.reckoning,
            self.delete,
            self.recover,
            self.storm,
            self.risks,
        )
        for chapter in chapters:
            try:
                chapter()
            except Exception:
                self.check(f"{chapter.__name__} came to its end", False, traceback.format_exc())
                if chapter is self.deploy:
                    break
        print(f"\nRan for {time.monotonic() - self.report.started:.0f} s.")
        print(f"e2e: {self.report.passed} passed, {self.report.failed} failed")
        return self.report.failed == 0


def plain(item):
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def kind_of(item):
    kind = item["event"]["kind"]
    return kind if isinstance(kind, str) else next(iter(kind))


def detail(item):
    kind = item["event"]["kind"]
    return {} if isinstance(kind, str) else next(iter(kind.values()))


def alerts_staff(item):
    kind = kind_of(item)
    return kind in ("warned", "breached", "escalated", "notice_in_doubt", "disputed", "customer_wrote") or kind == "opened" and detail(item)["priority"] == "P1"


def base64_sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def main():
    target = sys.argv[1]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    print(f"seed {SEED}: E2E_SEED={SEED} writes the same feedback again")
    with Outside() as outside, Cloud(ROOT / "target" / "e2e" / "cloud") as cloud:
        print(f"the cloud is at {cloud.endpoint}; its log is {cloud.folder / 'cloud.log'}")
        right = Story(cloud, outside, target).run()
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
