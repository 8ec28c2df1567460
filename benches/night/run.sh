#!/usr/bin/env bash
# Measures the night beside DuckDB and Polars (docs/night.md). Installs them, pinned, into .venv-night. Arguments are those
# of the program: benches/night/run.sh --responses 10000000 --rounds 1
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! cmp -s benches/night/requirements.txt .venv-night/installed.txt; then
  printf 'Installing benches/night/requirements.txt into .venv-night\n' >&2
  rm -rf .venv-night
  python3 -m venv .venv-night
  .venv-night/bin/pip install --quiet --disable-pip-version-check --no-input --requirement benches/night/requirements.txt
  cp benches/night/requirements.txt .venv-night/installed.txt
fi
cargo build --release --package resound-night
exec nice "${CARGO_TARGET_DIR:-target}/release/resound-night" --python .venv-night/bin/python "$@"
