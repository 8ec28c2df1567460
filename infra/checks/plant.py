"""Plants the usual mistakes, one at a time, and shows which check catches each.

    python infra/checks/plant.py          fails if a mistake passes every check, or if docs/checks.md says otherwise
    python infra/checks/plant.py --write  writes docs/checks.md
    ... --ask                             asks the linters about the mistakes they were never asked about
    ... --all                             asks the linters about every mistake, which takes half an hour or more

Without these two the linters are asked about the mistakes that the expansion and our rules let pass; of the rest the page
keeps what they said.

Every mistake is made in the SAM source, as a person would make it. Checks are asked in the order of CI: the expansion
itself, cfn-lint on the source and on the expansion, checkov on the expansion, and our rules on the expansion. A check
catches a mistake if it says something that it does not say about the template as it is.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import deployer
import expand
import rules
import snapshot
from mistakes import BESIDE_PLANTS, DEPLOYER_PLANTS, PLANTS, Source
from settings import CFN_LINT_EXPANDED, CFN_LINT_SOURCE, REASONS, cfn_lint_command, checkov_command

DOCUMENT = expand.TEMPLATE.parents[1] / "docs" / "checks.md"
LAYERS = ["expansion", "cfn-lint on the source", "cfn-lint", "checkov", "ours", "snapshot"]
EXPANSION, OURS, SNAPSHOT = 0, 4, 5
CELLS = {True: "x", False: "", None: "?"}  # caught, passed, not asked


# ------------------------------------------------------------------------------------------------------ the checks


def cfn_lint(files, options):
    """What cfn-lint says of each file: {name: {(rule, message)}}."""
    def ask(share):
        command = cfn_lint_command(options, ["--format", "json", "--", *share])
        return json.loads(subprocess.run(command, capture_output=True, text=True).stdout or "[]")

    workers = os.cpu_count() or 1
    said = {}
    with ThreadPoolExecutor(workers) as pool:
        for matches in pool.map(ask, filter(None, (files[n::workers] for n in range(workers)))):
            for match in matches:
                said.setdefault(Path(match["Filename"]).name, set()).add((match["Rule"]["Id"], match["Message"]))
    return said


def checkov(files):
    """What checkov says of each file: {name: {(rule, resource)}}. A few at a time: it is quadratic in their number."""
    def ask(share):
        arguments = [argument for file in share for argument in ("-f", file)]
        run = subprocess.run(checkov_command([*arguments, "-o", "json"]), capture_output=True, text=True)
        reports = json.loads(run.stdout)
        return reports if isinstance(reports, list) else [reports]

    said = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for reports in pool.map(ask, (files[n:n + 4] for n in range(0, len(files), 4))):
            for results in (report.get("results", {}) for report in reports):
                for failed in results.get("failed_checks", []):
                    said.setdefault(Path(failed["file_path"]).name, set()).add((failed["check_id"], failed["resource"]))
                for name in results.get("parsing_errors", []):
                    said.setdefault(Path(name).name, set()).add(("unreadable", ""))
    return said


def ask_cheap_ones(source):
    """The expansion, if there is one, and what the expansion, our rules and the snapshot say of it."""
    try:
        body, canary = expand.expand(source), expand.expand(source, snapshot.CANARY)
    except Exception as error:  # whatever the translator throws is its way to refuse
        return None, [{str(error)}, *NOTHING, set(), set()]
    ours = {*rules.source_faults(source), *rules.faults(body), *(("canary", *fault) for fault in rules.faults(canary))}
    seen = json.dumps([snapshot.normal(body), snapshot.normal(canary)], sort_keys=True)
    return body, [set(), *NOTHING, ours, {seen}]


def examine(sources, known):
    """What each check says of each source: one list of sets per source, in the order of LAYERS.

    The first source is the template as it is. The linters are not asked about a source whose number is `known`, unless
    the expansion and our rules do not tell it from the first: what they would have said is `None`.
    """
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count() or 1) as workers:
        raw, expanded = Path(folder, "source"), Path(folder, "expanded")
        raw.mkdir()
        expanded.mkdir()
        said, asked = [], set()
        for number, (body, found) in enumerate(workers.map(ask_cheap_ones, sources, chunksize=8)):
            name = f"{number:03}.json"
            said.append(found)
            if number not in known or found[:SNAPSHOT] == said[0][:SNAPSHOT]:
                asked.add(number)
                (raw / name).write_text(json.dumps(sources[number]), encoding="utf-8")
                if body is not None:
                    (expanded / name).write_text(json.dumps(body), encoding="utf-8")
        by_layer = {
            1: cfn_lint(sorted(map(str, raw.iterdir())), CFN_LINT_SOURCE),
            2: cfn_lint(sorted(map(str, expanded.iterdir())), CFN_LINT_EXPANDED),
            3: checkov(sorted(map(str, expanded.iterdir()))),
        }
        for number, layers in enumerate(said):
            for layer, found in by_layer.items():
                layers[layer] = found.get(f"{number:03}.json", set()) if number in asked else None
        return said


NOTHING = (set(), set(), set())


def table(caught):
    counts = [sum(layers[i] is True for _, layers in caught) for i in range(len(LAYERS))]
    lines = [
        "# Checks of the template, and what each of them catches",
        "",
        "`infra/checks/check.sh` expands `infra/template.yaml` into plain CloudFormation without an account and without a",
        "network, runs `cfn-lint` on the source and on the expansion, `checkov` on the expansion, and our own rules",
        "(`infra/checks/rules.py`). Then it plants the usual mistakes in the source, one at a time, and asks each check.",
        "",
        "This page is written by `infra/checks/check.sh --write`. Every run of the checks plants all mistakes again, asks the",
        "expansion and our rules about each, asks the linters about what those two let pass, and fails if this page differs;",
        "with `--ask` the linters are asked about what they were never asked about (`?`), with `--all` about every mistake.",
        "All versions are pinned.",
        "`x` means that the check says something about the planted mistake that it does not say about the template as it is.",
        "",
        "The last column is the snapshot of the expanded template (`infra/checks/expanded.yaml`): it sees every change of the",
        "expansion and asks whoever made it to look at what became of it, but cannot tell a mistake from an improvement. So a",
        "mistake that nothing else catches fails the checks: it needs a rule.",
        "",
        "`infra/checks/mutate.py` looks for mistakes that nobody thought of: it deletes and changes every single value of the",
        "source and lists what neither the expansion nor a rule sees. It takes long and is no part of CI.",
        "",
        "| planted mistake | " + " | ".join(LAYERS) + " |",
        "|---|" + ":-:|" * len(LAYERS),
    ]
    for sentence, layers in caught:
        lines.append(f"| {sentence} | " + " | ".join(CELLS[hit] for hit in layers) + " |")
    lines.append(f"| **{len(caught)} planted, caught by** | " + " | ".join(f"**{n}**" for n in counts) + " |")
    lines += ["", "What our rules state:", ""]
    lines += [f"- {check.__doc__}" for check in rules.RULES + rules.SOURCE_RULES]
    lines += ["", "What they state of the templates beside it (`infra/mail.yaml`, `infra/texts.yaml`):", ""]
    lines += [f"- {check.__doc__}" for check in rules.BESIDE_RULES]
    lines += ["", "What is asked of the policies of whoever deploys (`infra/deployer.yaml`, by `infra/checks/deployer.py`):", ""]
    lines += [f"- {check.__doc__}" for check in deployer.CHECKS]
    lines += ["", "What is switched off, and why:", ""]
    lines += [f"- {reason}" for reason in REASONS]
    return "\n".join(lines) + "\n"


def page(document):
    """What a page says was caught: {sentence: cells}, as in `CELLS`."""
    rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in document.splitlines())
    meaning = {cell: hit for hit, cell in CELLS.items()}
    return {row[0]: [meaning.get(cell) for cell in row[1:]] for row in rows if len(row) == 1 + len(LAYERS)}


def deployer_faults(clean, spoil):
    """What deployer.py says of the policies as they are, or once they are spoiled."""
    body = expand.load(deployer.DEPLOYER)
    statements = [s["Fn::If"][1] if "Fn::If" in s else s for policy in body["Resources"].values()
                  for s in policy["Properties"]["PolicyDocument"]["Statement"]]
    if spoil:
        spoil({s["Sid"]: s for s in statements})
    return set(deployer.faults(body, expand.expand(clean, snapshot.CANARY)))


def main():
    document = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    written = page(document)
    clean = expand.load()
    sources = [clean]
    for _, spoil in PLANTS:
        spoiled = copy.deepcopy(clean)
        spoil(Source(spoiled))
        sources.append(spoiled)
    unasked = {sentence for sentence, _ in PLANTS if None in written.get(sentence, [None])}
    asking = {s for s, _ in PLANTS} if "--all" in sys.argv[1:] else unasked if "--ask" in sys.argv[1:] else set()
    known = {number for number, (sentence, _) in enumerate(PLANTS, 1) if sentence not in asking}
    as_it_is, *said = examine(sources, known)
    caught, missed = [], []
    for (sentence, _), layers in zip(PLANTS, said, strict=True):
        hits = [None if layer is None else bool(layer - before) for layer, before in zip(layers, as_it_is, strict=True)]
        if None in hits:
            hits[1:OURS] = written.get(sentence, [None] * len(LAYERS))[1:OURS]  # the linters were not asked
        # The snapshot sees every change, and knows of none whether it is a mistake.
        if not any(hits[:SNAPSHOT]):
            missed.append(sentence)
            print(f"no check but the snapshot sees: {sentence}", file=sys.stderr)
        caught.append((sentence, hits))
    for sentence, spoil in DEPLOYER_PLANTS:
        hit = bool(deployer_faults(clean, spoil) - deployer_faults(clean, None))
        if not hit:
            missed.append(sentence)
            print(f"no check sees: {sentence}", file=sys.stderr)
        caught.append((sentence, [layer == OURS and hit for layer in range(len(LAYERS))]))
    for path, sentence, spoil in BESIDE_PLANTS:
        body = expand.load(rules.ROOT / path)
        before = rules.beside_faults(path, body)
        spoil(body["Resources"])
        hit = bool(set(rules.beside_faults(path, body)) - set(before))
        if not hit:
            missed.append(sentence)
            print(f"no check sees: {sentence}", file=sys.stderr)
        caught.append((sentence, [layer == OURS and hit for layer in range(len(LAYERS))]))
    failed = len(missed)
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(table(caught), encoding="utf-8")
    elif document != table(caught):
        print("docs/checks.md is not what the checks say: run infra/checks/check.sh --write", file=sys.stderr)
        failed += 1
    print(f"plants: {len(caught) - len(missed)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
