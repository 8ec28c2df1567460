#!/usr/bin/env python3
"""Plants each known bug of `bugs.py` in a copy of the source, and says which tests see it.

    tests/planted/run.py [NAME ...]     all bugs if none is named

The same tests run without a bug first: what fails then says nothing. A bug must compile, or nothing was planted. The copy is
in target/planted and is built there: cargo tells packages apart by their place in the workspace, so in the target of the work
tree it would take what was built with a bug for what was built without. What others wrote is taken over from there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bugs import BUGS

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COPY = BUILT / "planted" / "source"
TARGET = BUILT / "planted" / "target"


def copy_source():
    """What git has and what is new, as it lies in the work tree; the times of files that did not change stay."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    wanted = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for old in [path for path in COPY.rglob("*") if path.is_file() and str(path.relative_to(COPY)) not in wanted]:
        old.unlink()
    for name in wanted:
        source, copy = ROOT / name, COPY / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)


def take_over_dependencies():
    """Copies what was built of packages that are not ours, if nothing is there yet: some hundred that are the same in both."""
    listed = subprocess.run(["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"], cwd=ROOT, check=True, capture_output=True)
    packages = json.loads(listed.stdout)["packages"]
    ours = {name for package in packages for name in [package["name"], *(target["name"] for target in package["targets"])]}
    ours |= {name.replace("-", "_") for name in ours}
    built, here = BUILT / "debug", TARGET / "debug"
    if here.exists() or not built.exists():
        return

    def is_ours(path):
        return re.sub(r"-[0-9a-f]{16}$", "", path.name.split(".")[0]).removeprefix("lib") in ours

    for folder in (".fingerprint", "build", "deps"):
        for path in (built / folder).iterdir():
            if is_ours(path):
                continue
            copy = here / folder / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy)
            else:
                shutil.copy2(path, copy)


def cargo(package, target, *more):
    command = ["cargo", "test", "--locked", "--quiet", "--package", package, "--test", target, *more]
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET), "INSTA_UPDATE": "no", "CARGO_TERM_COLOR": "never"}
    return subprocess.run(command, cwd=COPY, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def outcome(test):
    """`None` if it did not build, else how many ran and which failed."""
    package, target, name = test
    built = cargo(package, target, "--no-run")
    if built.returncode:
        print(built.stdout)
        return None
    ran = cargo(package, target, "--", name).stdout
    count = sum(map(int, re.findall(r"^test result: .*?(\d+) passed; ", ran, re.M)))
    failed = sorted(set(re.findall(r"^    (\S+)$", ran, re.M)))
    return count + len(failed), failed


def control(bugs):
    faults = []
    for test in sorted({test for bug in bugs for test in bug.tests}):
        result = outcome(test)
        if result is None or result[0] == 0 or result[1]:
            faults.append(f"without any bug: {' '.join(test)}: {'nothing runs' if result and not result[0] else 'fails'}")
    return faults


def planted(bug):
    """What is wrong with the tests: those that did not see the bug."""
    path = COPY / bug.file
    source = path.read_text()
    if source.count(bug.old) < 1:
        return [f"`{bug.old}` is not in {bug.file} any more: plant it anew"]
    path.write_text(source.replace(bug.old, bug.new))
    try:
        faults = []
        for test in bug.tests:
            result = outcome(test)
            if result is None:
                return ["it does not compile, so nothing was planted"]
            count, failed = result
            print(f"  {' '.join(test)}: {len(failed)} of {count} saw it{': ' if failed else ''}{', '.join(failed)}", flush=True)
            if not failed:
                faults.append(f"{' '.join(test)} did not see it")
        return faults
    finally:
        path.write_text(source)


def main():
    names = set(sys.argv[1:])
    bugs = [bug for bug in BUGS if not names or bug.name in names]
    if not bugs or len(bugs) < len(names):
        sys.exit(f"there is {', '.join(bug.name for bug in BUGS)}")
    copy_source()
    take_over_dependencies()
    faults = control(bugs)
    for fault in faults:
        print(fault)
    caught = 0
    for bug in bugs if not faults else []:
        print(f"{bug.name}: {bug.story}", flush=True)
        missed = planted(bug)
        for fault in missed:
            print(f"  {bug.name}: {fault}")
        caught += not missed
    print(f"planted bugs: {caught} passed, {len(bugs) - caught} failed")
    sys.exit(caught < len(bugs))


if __name__ == "__main__":
    main()
