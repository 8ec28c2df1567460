"""Runs the linters on the template as it is.

    python infra/checks/lint.py TEMPLATE.yaml EXPANDED.json

cfn-lint looks at the SAM source and, for every partition, at the expansion; checkov at the expansion. Anything they say fails.
"""

import subprocess
import sys

from deployer import DEPLOYER
from rules import BESIDE
from settings import CFN_LINT_EXPANDED, CFN_LINT_SOURCE, REGIONS, cfn_lint_command, checkov_command


def main():
    source, expanded = sys.argv[1:]
    runs = {
        "cfn-lint on the source": cfn_lint_command(CFN_LINT_SOURCE, ["--", source]),
        "cfn-lint": cfn_lint_command(CFN_LINT_EXPANDED, ["--", expanded], REGIONS),
        "cfn-lint on the deployer's policies": cfn_lint_command([], ["--", str(DEPLOYER)], REGIONS),
        "cfn-lint on what AWS tells": cfn_lint_command([], ["--", *BESIDE]),
        "checkov": checkov_command(["--quiet", "-f", expanded]),
    }
    failed = [name for name, command in runs.items() if subprocess.run(command).returncode != 0]
    for name in failed:
        print(f"{name} has something to say, see above", file=sys.stderr)
    print(f"linters: {len(runs) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
