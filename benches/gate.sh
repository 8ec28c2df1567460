#!/usr/bin/env bash
# Fails if submit-feedback takes more instructions than benches/limits.json allows. Counts repeat to about 1 % on any
# machine; valgrind's version moves them a little. (What is counted in requests and units is a test: tests/cost.rs.)
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
command -v valgrind >/dev/null || { echo 'valgrind is needed: apt-get install valgrind' >&2; exit 2; }
cargo build --release --locked --package submit-feedback
cargo build --release --locked --package resound-bench
"$target/release/resound-bench" --target "$target" --only submit-feedback --gate benches/limits.json
