# Sourced: makes .venv-release, with what requirements.txt names, unless it is there, and puts it on PATH.
tools=$PWD/.venv-release
if ! cmp -s infra/release/requirements.txt "$tools/made-of"; then
  python3 -m venv --clear "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check -r infra/release/requirements.txt
  cp infra/release/requirements.txt "$tools/made-of"
fi
export PATH="$tools/bin:$PATH"
