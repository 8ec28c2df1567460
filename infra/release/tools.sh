# Sourced: makes .venv-release, with what a file of requirements here names, unless it is there, and puts it on PATH.
#
#   source infra/release/tools.sh requirements.txt         everything that builds packages
#   source infra/release/tools.sh requirements-pack.txt    the packer alone: small
tools() {
  local folder=$PWD/.venv-${1%.txt} file
  folder=${folder/requirements/release}
  file=infra/release/$1
  if ! python3 -c 'import sys, venv, ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # Debian keeps venv and pip apart from python3.
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3 python3-venv >/dev/null
  fi
  if ! cat infra/release/requirements*.txt | cmp -s - "$folder/made-of"; then
    python3 -m venv --clear "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$file"
    cat infra/release/requirements*.txt > "$folder/made-of"
  fi
  export PATH="$folder/bin:$PATH"
}
tools "$1"
