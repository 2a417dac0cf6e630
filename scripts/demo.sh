#!/usr/bin/env bash
# The whole story in a minute, on the built-in emulator: plan, apply, nothing left to do, a change by hand, drift.
# Wants `reconciler` and the python beside it on the PATH (`make demo` sees to that); writes into a temporary folder only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v reconciler >/dev/null; then
  printf 'demo: no reconciler on the PATH; run it as: make demo\n' >&2
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

# Nothing of the caller's reaches the demo: no token, no endpoint, no ids.
unset CLARIFAI_PAT CLARIFAI_API_BASE CLARIFAI_USER_ID CLARIFAI_APP_ID
# Journals and locks go to the temporary folder too, not into the checkout.
export RECONCILER_STATE_DIR=$work/state

say() { printf '\n# %s\n' "$*"; }

# expect CODE COMMAND...: shows the command, runs it, and ends the demo if it exits with anything but CODE.
expect() {
  local wanted=$1 code=0
  shift
  printf '$ %s' "${1##*/}"
  printf ' %q' "${@:2}"
  printf '\n'
  "$@" || code=$?
  if [[ $code != "$wanted" ]]; then
    printf 'demo: exit code %s instead of %s\n' "$code" "$wanted" >&2
    exit 1
  fi
  if [[ $code != 0 ]]; then printf '(exit code %s)\n' "$code"; fi
}

say "An emulated Clarifai service with a small sample app, user demo, app pets"
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

say "What do the manifests want that the service does not have?"
expect 0 reconciler plan examples/manifests

say "Make it so"
expect 0 reconciler apply examples/manifests --yes

say "Plan again: nothing is left to do, or this would exit with 2"
expect 0 reconciler plan examples/manifests --detailed-exitcode

say "Somebody changes a model by hand, with Clarifai's own client"
expect 0 "$python" scripts/change_by_hand.py "$endpoint" demo/pets/petsID "Changed by hand"

say "A nightly job would notice: drift exits with 2"
expect 2 reconciler drift examples/manifests

say "Done. Nothing was kept; see README.md for the next steps"
