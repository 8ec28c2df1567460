"""Deletes and changes every single value of the SAM source, one at a time, and lists what neither SAM nor our rules see.

    python infra/checks/mutate.py [SECTION ...]     such as Conditions Rules Outputs Globals; all sections if none is given

Mistakes that people think of are in `mistakes.py`; this looks for those that nobody thought of. It is no part of CI: what
it lists is for a person to judge. Most of it is wording, and what cfn-lint sees is not left out. All sections take about
half an hour of one processor; the list is long only if a rule is missing.
"""

import copy
import sys
from concurrent.futures import ProcessPoolExecutor

import expand
import rules
import snapshot

SOURCE = expand.load()
SECTIONS = ("Mappings", "Conditions", "Rules", "Globals", "Outputs", "Parameters", "Resources")
WORDING = {"Description", "ConstraintDescription", "AssertDescription", "AlarmDescription"}


def mutations(sections):
    """Every place of the source, as a path, with what is done to it."""
    for section in sections:
        for path, value in rules.walk(SOURCE[section], (section,)):
            if len(path) == 1 or path[-1] in WORDING:
                continue
            yield "delete", path
            if not isinstance(value, dict | list):
                yield "change", path


def mutated(kind, path):
    source = copy.deepcopy(SOURCE)
    *way, last = path
    place = source
    for step in way:
        place = place[step]
    if kind == "delete":
        del place[last]
    else:
        value = place[last]
        place[last] = not value if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else value + "x"
    return source


def survives(mutation):
    """The mutation, if neither the expansion nor a rule says anything of it."""
    try:
        source = mutated(*mutation)
        bodies = expand.expand(source), expand.expand(source, snapshot.CANARY)
    except Exception:  # whatever the translator throws is its way to refuse
        return None
    return None if rules.source_faults(source) or any(map(rules.faults, bodies)) else mutation


def main():
    made = list(mutations(sys.argv[1:] or SECTIONS))
    with ProcessPoolExecutor() as workers:
        survivors = [m for m in workers.map(survives, made, chunksize=16) if m]
    for kind, path in survivors:
        print(kind, "/".join(map(str, path)))
    print(f"mutations: {len(made)} made, {len(survivors)} seen by neither SAM nor a rule")


if __name__ == "__main__":
    main()
