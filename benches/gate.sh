#!/usr/bin/env bash
# Fails if a function takes more than benches/limits.json allows: instructions, memory, bytes of package. Instructions
# repeat to about 1 % on any machine; valgrind's version moves them a little. (What is counted in requests and units is
# a test: tests/cost.rs.)
#
#   benches/gate.sh               builds what has changed, then counts
#   benches/gate.sh --no-build    counts what infra/release/programs.sh has built
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target

# need PROGRAM PACKAGE: installs it where that is possible.
need() {
  if ! command -v "$1" >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$2" >/dev/null
  fi
  command -v "$1" >/dev/null || { echo "limits cannot be checked without $1: apt-get install $2" >&2; exit 2; }
}
need valgrind valgrind
need openssl openssl

[ "${1:-}" = --no-build ] || infra/release/programs.sh
cargo build --release --locked --package resound-bench
benches/pack.sh
"$target/release/resound-bench" --target "$target" --gate benches/limits.json
