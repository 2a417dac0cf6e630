#!/usr/bin/env bash
# Demonstrates the commands on the built-in emulator: plan, apply, an empty plan, a change by hand, drift.
# Requires `reconciler`, and the python of its environment, on the PATH (`make demo` sets it). Writes to a temporary folder only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v reconciler >/dev/null; then
  printf 'demo: reconciler is not on the PATH. Run: make demo\n' >&2
  exit 1
fi
python=$(dirname "$(command -v reconciler)")/python
work=$(mktemp -d)
server=
cleanup() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT

# The caller's token, endpoint and ids must not affect the demo.
unset CLARIFAI_PAT CLARIFAI_API_BASE CLARIFAI_USER_ID CLARIFAI_APP_ID
# Keep journals and locks out of the checkout.
export RECONCILER_STATE_DIR=$work/state

say() { printf '\n# %s\n' "$*"; }

# expect CODE COMMAND...: prints the command and runs it; ends the demo unless it exits with CODE.
expect() {
  local expected=$1 code=0
  shift
  printf '$ %s' "${1##*/}"
  printf ' %q' "${@:2}"
  printf '\n'
  "$@" || code=$?
  if [[ $code != "$expected" ]]; then
    printf 'demo: exit code %s instead of %s\n' "$code" "$expected" >&2
    exit 1
  fi
  if [[ $code != 0 ]]; then printf '(exit code %s)\n' "$code"; fi
}

say "Start the emulator of the Clarifai service, with a sample app (user demo, app pets)"
printf '$ reconciler emulator --state %s &\n' "STATE"
reconciler emulator --state "$work/state.db" >"$work/listening" &
server=$!
for _ in $(seq 100); do
  if [[ -s $work/listening ]]; then break; fi
  if ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
cat "$work/listening"
endpoint=$(sed -n 's/^listening on //p' "$work/listening")
if [[ -z $endpoint ]]; then
  printf 'demo: the emulator did not start\n' >&2
  exit 1
fi
export CLARIFAI_API_BASE=$endpoint CLARIFAI_PAT=demo

say "Show how the live models differ from the manifests"
expect 0 reconciler plan examples/manifests

say "Apply the changes"
expect 0 reconciler apply examples/manifests --yes

say "Plan again: there are no changes left (with changes, the exit code would be 2)"
expect 0 reconciler plan examples/manifests --detailed-exitcode

say "Change a model by hand, with Clarifai's own client"
expect 0 "$python" scripts/change_by_hand.py "$endpoint" demo/pets/petsID "Changed by hand"

say "A scheduled job detects it: drift exits with 2"
expect 2 reconciler drift examples/manifests

say "Done. All files were temporary. See README.md for the next steps"
