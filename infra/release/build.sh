#!/usr/bin/env bash
# Builds the packages of the functions, ready to be deployed:
#
#   infra/release/build.sh [--x86-64] [FUNCTION...]
#
# target/lambda/FUNCTION/bootstrap   what the template's CodeUri finds
# target/packages/                   FUNCTION.zip, FUNCTION.cdx.json (SBOM), template.yaml that points at the packages
#                                    beside it, BUILD (what they were made of and with), SHA256SUMS
#
# For arm64, unless --x86-64 is given; the parameter Architecture of the template must say the same. Needs Rust with the
# target's standard library, and Python; the cross-compiler comes from PyPI into .venv-release. The same sources and
# tools give the same bytes, in any folder: `infra/release/verify.sh` tries it.
set -euo pipefail
cd "$(dirname "$0")/../.."

architecture=arm64 triple=aarch64-unknown-linux-gnu functions=()
for argument; do
  case $argument in
    --arm64) ;;
    --x86-64) architecture=x86-64 triple=x86_64-unknown-linux-gnu ;;
    -*) echo "usage: $0 [--x86-64] [FUNCTION...]" >&2; exit 2 ;;
    *) functions+=("$argument") ;;
  esac
done
if [ ${#functions[@]} = 0 ]; then
  for manifest in functions/*/Cargo.toml; do functions+=("$(basename "$(dirname "$manifest")")"); done
fi

if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ]; then
  if ! command -v rustup >/dev/null || ! rustup target add "$triple"; then
    echo "There is no standard library for $triple here, so nothing was built. Either" >&2
    echo "  rustup target add $triple" >&2
    echo "with a network, or --x86-64 with Architecture=x86_64 in the stack." >&2
    exit 1
  fi
fi

source infra/release/tools.sh requirements.txt

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
# No clock and no folder of this machine gets into a program.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C CARGO_INCREMENTAL=0
RUSTFLAGS="--remap-path-prefix=$PWD=/resound --remap-path-prefix=$target=/resound/target"
RUSTFLAGS+=" --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
export RUSTFLAGS
export CFLAGS="-ffile-prefix-map=$PWD=/resound -ffile-prefix-map=$target=/resound/target -ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=/cargo -g0"

packages=$target/packages
rm -rf "$packages"
mkdir -p "$packages"
# Together: see programs.sh. As programs, because a zip file bears the time of its making; ours does not.
chosen=()
for function in "${functions[@]}"; do chosen+=(--package "$function"); done
cargo lambda build --release --locked "--$architecture" "${chosen[@]}" --output-format binary --lambda-dir "$target/lambda"
package() {
  python3 infra/release/pack.py "$target/lambda/$1/bootstrap" "$packages/$1.zip"
  python3 infra/release/sbom.py "$1" "$triple" "$packages/$1.zip" > "$packages/$1.cdx.json"
}
packing=()
for function in "${functions[@]}"; do
  package "$function" &
  packing+=($!)
done
for process in "${packing[@]}"; do wait "$process"; done

sed -E 's#^( *CodeUri: )\.\./target/lambda/([a-z-]+)/$#\1\2.zip#' infra/template.yaml > "$packages/template.yaml"
{
  echo "commit $(git rev-parse HEAD 2>/dev/null || echo unknown)$(git diff --quiet HEAD 2>/dev/null || echo ', changed')"
  echo "architecture $architecture"
  echo "SOURCE_DATE_EPOCH $SOURCE_DATE_EPOCH"
  rustc --version
  cargo lambda --version
  echo "zig $(python3 -m ziglang version)"
} > "$packages/BUILD"
(cd "$packages" && sha256sum -- * > SHA256SUMS)

printf '\n%-18s %12s %12s\n' "$architecture, bytes" program package
for function in "${functions[@]}"; do
  printf '%-18s %12d %12d\n' "$function" "$(wc -c < "$target/lambda/$function/bootstrap")" "$(wc -c < "$packages/$function.zip")"
done
echo "Packages are in $packages."
