"""Holds the expanded template against the one that was reviewed.

    python infra/checks/snapshot.py          fails, and prints what changed, if the expansion is not the committed one
    python infra/checks/snapshot.py --write  commits to what the expansion is now

`expanded.yaml` holds what SAM makes of the template: the expansion for the defaults, and what a canary adds or changes.
A change of one line in the source, or of one digit in the pinned translator, is seen there as what it does. Also fails if
the expansion is another in another partition: then something in it was bound to a place.
"""

import difflib
import json
import re
import sys
from pathlib import Path

import yaml

import expand
from settings import REGIONS

SNAPSHOT = Path(__file__).with_name("expanded.yaml")
CANARY = {"TrafficShifting": "Canary10Percent5Minutes"}
HEADER = ("# What infra/template.yaml becomes. Written by infra/checks/check.sh --write; read its diff as you would read code.\n"
          "# Ids of versions are without the hash that SAM puts behind them.\n")


def normal(body):
    """An expansion without what changes with every build."""
    # SAM names a version after a hash of its function's properties.
    return json.loads(re.sub(r"\b([A-Z]\w+?Version)[0-9a-f]{10}\b", r"\1", json.dumps(body)))


def canary_changes(plain, canary):
    """What is added or changed where traffic is shifted."""
    return {i: r for i, r in canary["Resources"].items() if plain["Resources"].get(i) != r}


def document(plain, canary):
    """Both expansions as one page, in a fixed order."""
    parts = {**normal(plain), "Canary": {"Resources": canary_changes(normal(plain), normal(canary))}}
    return HEADER + yaml.dump(parts, Dumper=Plain, sort_keys=True, width=150, allow_unicode=True)


class Plain(yaml.SafeDumper):
    """Repeats what is equal instead of pointing at it."""

    def ignore_aliases(self, data):
        return True


def main():
    source = expand.load()
    pages = {region: document(expand.expand(source, region=region), expand.expand(source, CANARY, region=region))
             for region in REGIONS}
    here, failed = pages[REGIONS[0]], 0
    for region, page in pages.items():
        failed += report(here, page, REGIONS[0], region, f"the expansion is another in {region}")
    if "--write" in sys.argv[1:]:
        SNAPSHOT.write_text(here, encoding="utf-8")
    kept = SNAPSHOT.read_text(encoding="utf-8") if SNAPSHOT.exists() else ""
    failed += report(kept, here, "reviewed", "now", f"{SNAPSHOT.name} is not what the template expands to; if this is what "
                     "you meant, run infra/checks/check.sh --write")
    print(f"snapshot: {len(REGIONS) + 1 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def report(before, after, name, other, sentence):
    if before == after:
        return 0
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, other, lineterm="", n=2)
    print("\n".join([*lines, sentence]), file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
