#!/usr/bin/env bash
# Checks infra/template.yaml without an account: expands it for every partition, holds the expansion against the reviewed
# one, lints source and expansion, asks our own rules, and plants mistakes to see that each is caught. Installs its tools, pinned, into .venv-checks and .venv-checkov.
#
#   infra/checks/check.sh            what CI runs
#   infra/checks/check.sh --write    writes docs/checks.md and the snapshot of the expansion as well
#   infra/checks/check.sh --ask      asks the linters about the planted mistakes they were never asked about
#   infra/checks/check.sh --all      asks the linters about every planted mistake (half an hour or more)
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf '%s\n' "$*" >&2; }

# Debian keeps venv and pip apart from python3.
need_python() {
  if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3 python3-venv >/dev/null
    fi
  fi
  python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    say 'The checks need python3 3.11 or later with venv (Debian, Ubuntu: apt-get install python3-venv).'
    exit 1
  }
}

# environment FOLDER REQUIREMENTS: makes the environment, or makes it anew when the pins have changed.
environment() {
  if cmp -s "$2" "$1/installed.txt"; then return; fi
  say "Installing $2 into $1"
  rm -rf "$1"
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$2"
  cp "$2" "$1/installed.txt"
}

need_python
environment .venv-checks infra/checks/requirements.txt
environment .venv-checkov infra/checks/requirements-checkov.txt
python=.venv-checks/bin/python
export PYTHONDONTWRITEBYTECODE=1

mkdir -p target/checks
$python infra/checks/expand.py target/checks/expanded.json
$python infra/checks/expand.py target/checks/canary.json TrafficShifting=Canary10Percent5Minutes

failed=0
$python infra/checks/snapshot.py "$@" || failed=1
$python infra/checks/lint.py infra/template.yaml target/checks/expanded.json || failed=1
$python infra/checks/rules.py target/checks/expanded.json target/checks/canary.json || failed=1
$python infra/checks/deployer.py target/checks/canary.json || failed=1
$python infra/checks/plant.py "$@" || failed=1
exit $failed
