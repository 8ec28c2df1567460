#!/usr/bin/env bash
# The whole story, end to end: release builds and the template as it is, on a cloud that is not ours (ministack), with a
# standard AWS client beside it. Everything is on loopback. docs/e2e.md tells more.
#
#   tests/e2e/run.sh               builds what has changed, then runs
#   tests/e2e/run.sh --no-build    runs what was built before
#   E2E_SEED=7 tests/e2e/run.sh    writes the same feedback as another run with that seed
#
# Installs its tools, pinned, into .venv-e2e. Ends with one line, `e2e: N passed, M failed`; the exit code says the same.
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
    say 'The end to end test needs python3 3.11 or later with venv (Debian, Ubuntu: apt-get install python3-venv).'
    exit 1
  }
}

need_python
if ! cmp -s tests/e2e/requirements.txt .venv-e2e/installed.txt; then
  say 'Installing tests/e2e/requirements.txt into .venv-e2e'
  rm -rf .venv-e2e
  python3 -m venv .venv-e2e
  .venv-e2e/bin/pip install --quiet --disable-pip-version-check --no-input --requirement tests/e2e/requirements.txt
  cp tests/e2e/requirements.txt .venv-e2e/installed.txt
fi

target=${CARGO_TARGET_DIR:-target}
if [ "${1:-}" != --no-build ]; then
  started=$SECONDS
  infra/release/programs.sh --bins
  say "Built for $((SECONDS - started)) s."
fi

export PYTHONDONTWRITEBYTECODE=1
exec .venv-e2e/bin/python -u tests/e2e/story.py "$target"
