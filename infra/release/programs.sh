#!/usr/bin/env bash
# Builds the programs of all functions for this machine, as they are shipped, into target/release:
#
#   infra/release/programs.sh [options of cargo build]
#
# Together, which is much faster than one by one: `.ci/deny.py` sees to it that none gets a crate or a feature of another
# that way.
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=()
for manifest in functions/*/Cargo.toml; do packages+=(--package "$(basename "$(dirname "$manifest")")"); done
exec cargo build --release --locked "${packages[@]}" "$@"
