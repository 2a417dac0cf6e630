#!/usr/bin/env bash
# Installs the tool of this checkout into a new virtual environment for a pipeline: scripts/install.sh FOLDER
#
# The working directory may be a checkout that anybody with a branch can write, and the environment may contain a token. So Python is
# isolated (-I), nothing runs in the working directory, pip gets a bare environment and no settings, and packages come from the lock
# files, by hash and without running code of theirs. FOLDER/reconciler is the command, with an isolated Python too. PYTHON is the
# interpreter (default: python3). A folder that has this checkout installed already is left as it is.
set -euo pipefail

if [[ $# != 1 ]]; then
  echo "usage: scripts/install.sh FOLDER" >&2
  exit 64
fi
source="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
mkdir -p "$1"
cd "$1"
folder="$(pwd -P)"
python="$(command -v "${PYTHON:-python3}")"

kept=("PATH=$PATH" PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1)
for name in HOME TMPDIR PIP_INDEX_URL PIP_CERT SSL_CERT_FILE HTTPS_PROXY HTTP_PROXY NO_PROXY https_proxy http_proxy no_proxy; do
  if [[ -n "${!name-}" ]]; then kept+=("$name=${!name}"); fi
done
clean() { env -i "${kept[@]}" "$@"; }
pip() { clean "$folder/bin/python" -I -m pip --quiet "$@"; }

if [[ "$(cat .installed 2>/dev/null)" != "$source" ]]; then
  clean "$python" -I -m venv --clear "$folder"
  pip install --require-hashes --only-binary :all: -r "$source/requirements/build.txt"
  pip install --require-hashes --only-binary :all: -r "$source/requirements/runtime.txt"
  pip install --no-deps --no-index --no-build-isolation "$source"
  cat > reconciler <<'COMMAND'
#!/bin/sh
exec "${0%/*}/bin/python" -I -m reconciler "$@"
COMMAND
  chmod 755 reconciler
  printf '%s' "$source" > .installed
fi
