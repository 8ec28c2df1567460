"""Expands the SAM template into plain CloudFormation, without an account and without a network.

    python infra/checks/expand.py OUT.json [Parameter=value ...]

Linters that only see the SAM source miss what the expansion makes of it, so every check runs on this output.
"""

import copy
import json
import logging
import os
import sys
from pathlib import Path

# The translator wants to know some region while it is loaded; `expand` says which.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.arn_generator import ArnGenerator  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


# It notes every feature toggle that it does not find.
logging.getLogger("samtranslator").setLevel(logging.CRITICAL)


class NoManagedPolicies:
    """Stands in for the list of AWS managed policies, which takes an account to load. We name none of them."""

    def load(self):
        return {}


def load(path=TEMPLATE):
    """The SAM source, with `!Ref` and the like in their long form."""
    return yaml_parse(Path(path).read_text(encoding="utf-8"))


def expand(source, parameters=None, region="us-east-1"):
    """The CloudFormation template that SAM makes of `source`, for the defaults or for `parameters`."""
    source = copy.deepcopy(source)
    for name, value in (parameters or {}).items():
        # Pinned, so that a linter sees the branch that was expanded and no other.
        source["Parameters"][name].update({"Default": value, "AllowedValues": [value]})
    for resource in source["Resources"].values():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        # Packaging replaces the folder of a build by an object in a bucket; the expansion only needs to see one.
        uri = resource["Properties"].get("CodeUri")
        if isinstance(uri, str) and not uri.startswith("s3://"):
            resource["Properties"]["CodeUri"] = f"s3://packages/{Path(uri).name}.zip"
    ArnGenerator.BOTO_SESSION_REGION_NAME = region  # from which it learns the partition
    return transform(source, dict(parameters or {}), NoManagedPolicies())


def main():
    out, *pairs = sys.argv[1:]
    parameters = dict(pair.split("=", 1) for pair in pairs)
    Path(out).write_text(json.dumps(expand(load(), parameters), indent=1, sort_keys=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
