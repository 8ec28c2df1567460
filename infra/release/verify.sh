#!/usr/bin/env bash
# Builds the packages of the last commit again, in another folder and from nothing, and compares every byte with what
# build.sh has put into target/packages:
#
#   infra/release/build.sh OPTIONS && infra/release/verify.sh OPTIONS
set -euo pipefail
cd "$(dirname "$0")/../.."

first=${CARGO_TARGET_DIR:-$PWD/target}/packages
[ -f "$first/SHA256SUMS" ] || { echo "there is nothing in $first: run build.sh first" >&2; exit 2; }
if ! grep -qx "commit $(git rev-parse HEAD)" "$first/BUILD"; then
  echo "$first is not of the last commit: $(head -1 "$first/BUILD")" >&2
  exit 2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
again=$folder/another/place
git clone --quiet --shared . "$again"
for tools in .venv-release*; do [ ! -d "$tools" ] || ln -s "$PWD/$tools" "$again/$tools"; done # they are not what is tried
unset CARGO_TARGET_DIR
"$again/infra/release/build.sh" "$@" >&2
diff "$first/SHA256SUMS" "$again/target/packages/SHA256SUMS"
echo "the same bytes twice: $(wc -l < "$first/SHA256SUMS") files"
