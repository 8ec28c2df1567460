"""Says what is in a package: a bill of materials in CycloneDX 1.5, as JSON on standard output.

    python3 infra/release/sbom.py FUNCTION TRIPLE PACKAGE.zip

What is linked comes from `cargo tree` for this one function and target, so that no feature or crate of another is in
it; checksums come from Cargo.lock. The same inputs give the same bytes.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def checksums():
    """The SHA-256 of every crate in the lock file, by name and version."""
    found = {}
    for block in (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("[[package]]"):
        fields = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.MULTILINE))
        if "checksum" in fields:
            found[fields["name"], fields["version"]] = fields["checksum"]
    return found


def tree(function, triple):
    """Every crate linked, with the crates that each one needs. A crate's needs are printed where it is first named."""
    lines = cargo(
        "tree", "--locked", "--package", function, "--target", triple, "--edges", "normal", "--prefix", "depth",
        "--format", "|{p}|{l}",
    ).splitlines()
    crates, above = {}, []
    for line in filter(None, lines):
        depth, package, licence = line.split("|")
        name, version = package.split()[:2]
        crate = (name, version.removeprefix("v"))
        crates.setdefault(crate, {"licence": re.sub(r"\s*\(\*\)$", "", licence), "needs": set()})
        del above[int(depth):]
        if above:
            crates[above[-1]]["needs"].add(crate)
        above.append(crate)
    return crates


def purl(crate):
    return f"pkg:cargo/{crate[0]}@{crate[1]}"


def component(crate, licence, kind, digest):
    found = {"type": kind, "bom-ref": purl(crate), "name": crate[0], "version": crate[1], "purl": purl(crate)}
    if digest:
        found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    if licence:
        # `MIT/Apache-2.0` is how crates said it before there were expressions.
        found["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", licence)}]
    return found


def main():
    function, triple, package = sys.argv[1:]
    crates, sums = tree(function, triple), checksums()
    top = next(crate for crate in crates if crate[0] == function)
    digest = hashlib.sha256(Path(package).read_bytes()).hexdigest()
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")))
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{digest}").urn,
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
            "component": component(top, crates[top]["licence"], "application", digest),
            "properties": [{"name": "resound:target", "value": triple}],
        },
        "components": [
            component(crate, crates[crate]["licence"], "library", sums.get(crate))
            for crate in sorted(crates) if crate != top
        ],
        "dependencies": [
            {"ref": purl(crate), "dependsOn": sorted(map(purl, crates[crate]["needs"]))} for crate in sorted(crates)
        ],
    }
    json.dump(bom, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
