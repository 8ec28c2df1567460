#!/usr/bin/env bash
# Builds a function twice, in two folders, from the last commit, and compares the packages:
#
#   infra/release/verify.sh [--x86-64] [FUNCTION]     submit-feedback, unless another is named
set -euo pipefail
cd "$(dirname "$0")/../.."

options=() function=submit-feedback
for argument; do
  case $argument in -*) options+=("$argument") ;; *) function=$argument ;; esac
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
unset CARGO_TARGET_DIR
for place in one two/of/another/depth; do
  mkdir -p "$folder/$place"
  git archive HEAD | tar -x -C "$folder/$place"
  # The tools are not what is tried.
  [ ! -d .venv-release ] || ln -s "$PWD/.venv-release" "$folder/$place/.venv-release"
  "$folder/$place/infra/release/build.sh" "${options[@]}" "$function" >&2
  (cd "$folder/$place/target/packages" && sha256sum "$function.zip" "$function.cdx.json") | tee "$folder/$(dirname "$place/x" | tr / -).sums"
done
cmp "$folder"/*.sums && echo "$function: the same bytes twice"
