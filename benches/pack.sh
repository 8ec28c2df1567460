#!/usr/bin/env bash
# Packs every program that was built for this machine as a release packs it, unless that was done before:
# target/release/FUNCTION into target/bench/FUNCTION.zip.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
source infra/release/tools.sh requirements-pack.txt
mkdir -p "$target/bench"
for manifest in functions/*/Cargo.toml; do
  function=$(basename "$(dirname "$manifest")")
  echo "$target/release/$function" "$target/bench/$function.zip"
done > "$target/bench/to-pack"
for peer in hello hello-current-thread default-sdk; do
  [ ! -f "$target/peers/release/$peer" ] || echo "$target/peers/release/$peer" "$target/bench/$peer.zip"
done >> "$target/bench/to-pack"
while read -r program package; do
  [ "$package" -nt "$program" ] || echo "$program" "$package"
done < "$target/bench/to-pack" | xargs --no-run-if-empty --max-args 2 --max-procs "$(nproc)" python3 infra/release/pack.py
