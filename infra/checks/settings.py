"""How the linters are called, and what is switched off, with the reason: one place for CI and for the plants."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"

# Rule: reason. Nothing else is switched off.
CFN_LINT_SOURCE = {
    "W1001": "on the SAM source only: `DeploymentPreference` is read only when traffic is shifted, which SAM knows and "
             "cfn-lint does not; the expansion is checked with this rule",
}
CFN_LINT_EXPANDED = {
    "W7001": "on the expansion only: SAM has already looked up the mapping `TrafficShifts`",
}
CHECKOV_SKIPPED = {
    "CKV_AWS_26": "the topic carries alarms, never data of customers; the managed key would silence CloudWatch",
    "CKV_AWS_115": "reserved concurrency is a parameter, off by default: a new account has ten to give, and needs ten",
    "CKV_AWS_116": "queues, stream and schedules keep what fails at the source; HTTP functions are not called "
                   "asynchronously",
    "CKV_AWS_117": "the functions reach AWS services and one webhook; a network would add cost and cold start, no safety",
    "CKV_AWS_119": "the customer-managed key is a parameter; checkov looks at the default",
    "CKV_AWS_158": "logs hold ids and durations only, and are encrypted with the service's key",
}
REASONS = [
    *(f"cfn-lint {rule}, {reason}." for rule, reason in {**CFN_LINT_SOURCE, **CFN_LINT_EXPANDED}.items()),
    *(f"checkov {rule}: {reason}." for rule, reason in CHECKOV_SKIPPED.items()),
]


# One region of each partition whose services differ. SAM learns the partition from the region.
REGIONS = ("us-east-1", "cn-north-1", "us-gov-west-1")


def cfn_lint_command(switched_off, arguments, regions=REGIONS[:1]):
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--regions", *regions]
    return [*command, *(["--ignore-checks", *switched_off] if switched_off else []), *arguments]


def checkov_command(arguments):
    skips = ["--skip-check", ",".join(CHECKOV_SKIPPED)]
    return [str(CHECKOV), "--framework", "cloudformation", "--skip-download", "--compact", *skips, *arguments]
