#!/usr/bin/env python3
"""Plants each known bug of `bugs.py` in a copy of the source, and says which tests see it.

    tests/planted/run.py [NAME ...]     all bugs if none is named

All of them are built once, each behind a question to the environment: to plant one is to start the tests with its name. The
same tests run with none first: what fails then says nothing. The copy is in target/planted and is built there: cargo tells
packages apart by their place in the workspace, so in the target of the work tree it would take what was built with bugs for
what was built without. What others wrote is taken over from there.
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
# Names the bug that is awake.
SWITCH = "RESOUND_PLANTED"


def plant(bugs):
    """The source with every bug in it by file, each asleep until the environment names it; and which have no place any more."""
    files, faults = {}, []
    for file in {bug.file for bug in bugs}:
        source, places = (ROOT / file).read_text(), []
        for bug in (bug for bug in bugs if bug.file == file):
            before, expression, after = re.split("[«»]", bug.place)
            found = [match.start() for match in re.finditer(re.escape(before + expression + after), source)]
            if not found:
                faults.append(f"{bug.name}: `{before + expression + after}` is not in {file} any more: plant it anew")
            places += [(start + len(before), expression, bug) for start in found]
        # From the end, so that what was found before stays where it is.
        for start, expression, bug in sorted(places, key=lambda place: place[0], reverse=True):
            is_awake = f'std::env::var_os("{SWITCH}").is_some_and(|name| name == "{bug.name}")'
            choice = f"(if {is_awake} {{ {bug.instead} }} else {{ {expression} }})"
            source = source[:start] + choice + source[start + len(expression) :]
        files[file] = source.encode()
    return files, faults


def copy_source(planted):
    """What git has and what is new, as it lies in the work tree, but for these files; the times of files that did not change
    stay."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    wanted = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for old in [path for path in COPY.rglob("*") if path.is_file() and str(path.relative_to(COPY)) not in wanted]:
        old.unlink()
    for name in wanted:
        source, copy = ROOT / name, COPY / name
        content = planted.get(name, source.read_bytes())
        if copy.is_file() and copy.read_bytes() == content:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
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


def build(targets):
    """The program of the tests of each (package, test target), with the folder to start it in. Built by one command."""
    named = [word for package, target in sorted(targets) for word in ("--package", package, "--test", target)]
    command = ["cargo", "test", "--locked", "--quiet", "--no-run", "--message-format", "json-render-diagnostics", *named]
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET)}
    # What warns of it (a bug is in parentheses) is of no use; what fails is.
    built = subprocess.run(command, cwd=COPY, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if built.returncode:
        sys.exit(f"{built.stderr}\nWith the bugs in it the source does not build, so nothing was planted.")
    programs = {}
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable"):
            folder = Path(message["manifest_path"]).parent
            package = re.search(r'^name = "(.+)"$', (folder / "Cargo.toml").read_text(), re.M).group(1)
            programs[package, message["target"]["name"]] = message["executable"], folder
    return {target: programs[target] for target in targets}


def outcome(programs, test, bug=None):
    """How many tests ran and which failed, with a bug awake or none."""
    package, target, name = test
    program, folder = programs[package, target]
    env = os.environ | {"INSTA_UPDATE": "no", "CARGO_MANIFEST_DIR": str(folder)}
    env |= {SWITCH: bug.name} if bug else {}
    ran = subprocess.run([program, name], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    count = sum(map(int, re.findall(r"^test result: .*?(\d+) passed; ", ran, re.M)))
    failed = sorted(set(re.findall(r"^    (\S+)$", ran, re.M)))
    return count + len(failed), failed


def control(programs, tests):
    faults = []
    for test in sorted(tests):
        count, failed = outcome(programs, test)
        if failed or not count:
            faults.append(f"without any bug: {' '.join(test)}: {'fails' if failed else 'nothing runs'}")
    return faults


def is_seen(programs, bug):
    """Whether each of its tests sees the bug."""
    print(f"{bug.name}: {bug.story}", flush=True)
    unseen = False
    for test in bug.tests:
        count, failed = outcome(programs, test, bug)
        print(f"  {' '.join(test)}: {len(failed)} of {count} saw it{': ' if failed else ''}{', '.join(failed)}", flush=True)
        unseen |= not failed
    return not unseen


def main():
    names = set(sys.argv[1:])
    bugs = [bug for bug in BUGS if not names or bug.name in names]
    if not bugs or len(bugs) < len(names):
        sys.exit(f"there is {', '.join(bug.name for bug in BUGS)}")
    files, faults = plant(BUGS)
    if faults:
        sys.exit("\n".join(faults))
    copy_source(files)
    take_over_dependencies()
    tests = {test for bug in bugs for test in bug.tests}
    programs = build({(package, target) for package, target, _ in tests})
    faults = control(programs, tests)
    if faults:
        sys.exit("\n".join(faults))
    caught = sum(is_seen(programs, bug) for bug in bugs)
    print(f"planted bugs: {caught} passed, {len(bugs) - caught} failed")
    sys.exit(caught < len(bugs))


if __name__ == "__main__":
    main()
