"""The cloud on this machine: starting and stopping it, packages, and the life of a stack."""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3
import urllib3
from botocore.config import Config

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REGION = "us-east-1"
ACCOUNT = "000000000000"
BUCKET = "packages"
FUNCTIONS = (
    "submit-feedback",
    "serve-pages",
    "take-answers",
    "manage-cases",
    "manage-issues",
    "link-issues",
    "tell-reporters",
    "report-nps",
    "manage-policy",
    "relay-events",
    "alert-breaches",
    "notify-staff",
    "close-loop",
    "settle-notices",
    "aggregate-nps",
    "watch-risks",
    "write-reports",
    "serve-reports",
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cloud:
    """One ministack on loopback, alone with the functions it starts. `with` ends all of them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.http = urllib3.PoolManager(maxsize=64, block=False, retries=False)
        self._clients = {}

    def __enter__(self):
        # Nothing of the caller's environment: functions inherit it, and a credential of his must never reach one.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AWS_ENDPOINT_URL": self.endpoint,  # or the functions call the real AWS
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "MINISTACK_REGION": REGION,
            "AUTH": "true",  # roles and policies count
            "LAMBDA_WARM_TTL_SECONDS": "900",
            "STATE_DIR": str(self.folder / "state"),
            "S3_DATA_DIR": str(self.folder / "s3"),
            "SFTP_ENABLED": "0",  # these two would take fixed ports
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "INFO",
        }
        command = [sys.executable, "-m", "hypercorn", "peer:app", "--bind", f"127.0.0.1:{self.port}"]
        with open(self.folder / "cloud.log", "wb") as log:
            self.process = subprocess.Popen(
                [*command, "--keep-alive", "75"], cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the cloud did not start: see {self.folder / 'cloud.log'}")
            try:
                if self.http.request("GET", f"{self.endpoint}/_ministack/health", timeout=2).status == 200:
                    return self
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.2)
        raise RuntimeError("the cloud did not answer within a minute")

    def __exit__(self, *_):
        started = [pid for pid, _ in self.bootstraps()]
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in started:  # what the cloud left behind, if it is still what it was
            if self.is_bootstrap(pid):
                os.kill(pid, signal.SIGKILL)

    def client(self, name):
        """A standard AWS client."""
        if name not in self._clients:
            self._clients[name] = boto3.client(
                name,
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"max_attempts": 3}, read_timeout=300, max_pool_connections=32),
            )
        return self._clients[name]

    # Processes

    def is_bootstrap(self, pid):
        """Whether a process is a function of this cloud: its program lies in this cloud's own folder."""
        try:
            return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)").startswith(str(self.folder) + os.sep)
        except OSError:
            return False

    def bootstraps(self, function=None):
        """The processes of functions: process id and name of the function."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or not self.is_bootstrap(entry.name):
                continue
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            name = next((v.split(b"=", 1)[1].decode() for v in environment if v.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")), "")
            if function is None or name.endswith(f"-{function}"):
                found.append((int(entry.name), name))
        return found

    # Packages and stacks

    def upload_packages(self, target):
        """Zips the release builds and puts them where the template will find them, as `sam package` does."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        packages = {}
        for function in FUNCTIONS:
            program = (Path(target) / "release" / function).read_bytes()
            info = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o755 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr(info, program)
            package = buffer.getvalue()
            key = f"{function}-{hashlib.sha256(package).hexdigest()[:16]}.zip"
            s3.put_object(Bucket=BUCKET, Key=key, Body=package)
            packages[function] = (key, package)
        return packages

    def upload_template(self, packages):
        """The template as it is, but for the places of the packages."""
        raw = (ROOT / "infra" / "template.yaml").read_text(encoding="utf-8")
        text, places = re.subn(
            r"^(      CodeUri: )\.\./target/lambda/([a-z-]+)/$",
            lambda match: f"{match[1]}s3://{BUCKET}/{packages[match[2]][0]}",
            raw,
            flags=re.MULTILINE,
        )
        if places != len(FUNCTIONS):
            raise RuntimeError(f"the template has {places} functions, {len(FUNCTIONS)} are known here")
        self.client("s3").put_object(Bucket=BUCKET, Key="template.yaml", Body=text.encode())
        return f"{self.endpoint}/{BUCKET}/template.yaml"

    def finished(self, stack, timeout=240):
        """Waits for the end of an operation and returns the state and, if it failed, why."""
        cloudformation = self.client("cloudformation")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            if not description["StackStatus"].endswith("IN_PROGRESS"):
                return description
            time.sleep(0.5)
        raise RuntimeError(f"{stack} is still {description['StackStatus']}")

    def failures(self, stack):
        events = self.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return [
            f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}"
            for e in events
            if e["ResourceStatus"].endswith("FAILED")
        ]

    # Data

    def request(self, api, method, path, body=None, headers=None, timeout=30):
        """Calls the HTTP API by the name it has, on the address it has here."""
        headers = {"Host": f"{api}.execute-api.localhost:{self.port}", **(headers or {})}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        return self.http.request(
            method, self.endpoint + path, body=body, headers=headers, timeout=timeout, redirect=False
        )

    def mails(self):
        """What SES accepted, oldest first."""
        answer = self.http.request("GET", f"{self.endpoint}/_ministack/ses/messages", timeout=30)
        return [mail for mails in json.loads(answer.data)["messages"].values() for mail in mails]
