"""Checks the tree of crates against deny.toml, for machines without cargo-deny.

    python .ci/deny.py

Reads what `cargo metadata` says of the locked tree, and fails on a licence that is not allowed, a banned crate, or a
source that is not the default registry. `cargo tree` says of each function on its own that no banned crate is linked,
and that a joint build of all functions gives every crate the features that it has in a build of one function alone: that
is why releases may build them together, which is much faster.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def linked(*packages):
    """The crates that these packages link, each with its features, when they are built together."""
    chosen = [argument for package in packages for argument in ("--package", package)]
    lines = cargo(
        "tree", "--locked", *chosen, "--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"
    )
    return set(filter(None, lines.splitlines()))


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def allowed(expression, licences):
    """Whether an SPDX expression can be met with the allowed licences. `/` is the old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def alternatives():
        met = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            other = conjunction()
            met = met or other
        return met

    def conjunction():
        met = term()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            other = term()
            met = met and other
        return met

    def term():
        token = tokens.pop(0)
        if token == "(":
            met = alternatives()
            tokens.pop(0)
            return met
        if tokens and tokens[0] == "WITH":
            token = f"{token} {tokens.pop(0)} {tokens.pop(0)}"
        return token in licences

    return alternatives()


def main():
    rules = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    licences = set(rules["licenses"]["allow"])
    banned = {entry["crate"]: entry["reason"] for entry in rules["bans"]["deny"]}
    packages = json.loads(cargo("metadata", "--format-version", "1", "--locked"))["packages"]
    faults = {"licences": [], "bans": [], "sources": [], "functions": [], "features": []}
    versions, sources = defaultdict(set), set()
    for package in packages:
        name = f"{package['name']} {package['version']}"
        versions[package["name"]].add(package["version"])
        if not package["license"] or not allowed(package["license"], licences):
            faults["licences"].append(f"{name}: {package['license']}")
        if package["name"] in banned:
            faults["bans"].append(f"{name}: {banned[package['name']]}")
        if package["source"] is None:
            if not Path(package["manifest_path"]).is_relative_to(ROOT):
                faults["sources"].append(f"{name}: a path outside the project")
            for dependency in package["dependencies"]:
                if dependency["req"] == "*" and not dependency.get("path"):
                    faults["bans"].append(f"{name}: any version of {dependency['name']}")
        else:
            sources.add(package["source"])
            if not package["source"].startswith("registry+"):
                faults["sources"].append(f"{name}: {package['source']}")
    if len(sources) > 1:
        faults["sources"].append(f"more than one registry: {sorted(sources)}")
    for name, several in sorted(versions.items()):
        if len(several) > 1:
            print(f"warning: {name} is there in {len(several)} versions: {', '.join(sorted(several))}", file=sys.stderr)
    functions = sorted(folder.name for folder in (ROOT / "functions").iterdir())
    together = linked(*functions)
    for function in functions:
        crates = linked(function)
        bad = {line.split()[0] for line in crates} & banned.keys()
        faults["functions"] += [f"{function} links {crate}: {banned[crate]}" for crate in sorted(bad)]
        faults["features"] += [f"{function} built alone has {line}" for line in sorted(crates - together)]
    for check, found in faults.items():
        for fault in found:
            print(f"{check}: {fault}", file=sys.stderr)
    failed = sum(1 for found in faults.values() if found)
    print(f"crates: {len(faults) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
