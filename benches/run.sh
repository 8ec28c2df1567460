#!/usr/bin/env bash
# Measures everything in one run and prints the tables of docs/speed.md:
#
#   benches/run.sh [options of resound-bench]
#
# Needs Rust, Python, openssl and, for instructions, valgrind. Builds for this machine, as for a release.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target

cargo build --release --locked --manifest-path benches/peers/Cargo.toml --target-dir "$target/peers"
infra/release/programs.sh
cargo build --release --locked --package resound-bench
benches/pack.sh

options=()
command -v valgrind >/dev/null || options+=(--times-only)
# Real-time priority takes a busy machine's queue out of the times; without the right to it, times are what they are.
first=(nice -n 0)
if chrt --rr 1 true 2>/dev/null; then first=(chrt --rr 1); fi
"${first[@]}" "$target/release/resound-bench" --target "$target" "${options[@]}" "$@"
cargo test --locked --package resound-bench --test cost -- --nocapture | grep -E '^(\||[A-Z].*[:.]$|$)'
