"""The emulated service as scenarios look at it: what it holds, what changed, what was sent, and how else it could be read."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from reconciler.emulator.server import Emulator
from reconciler.emulator.store import Call
from reconciler.emulator.switches import Switches
from tests.emulator.client import Client

WRITING: Final = ("Patch", "Post", "Put", "Delete")

Snapshot = Mapping[str, Mapping[str, Any]]
"""Models and versions by address, without times."""


def snapshot(emulator: Emulator) -> Snapshot:
    """Every model and version by address, without times; whole numbers without a fraction."""
    found: dict[str, dict[str, Any]] = {}
    for app in emulator.snapshot()["apps"]:
        for model in app["models"]:
            address = f"{app['user_id']}/{app['app_id']}/{model['id']}"
            found[address] = _timeless({name: value for name, value in model.items() if name != "versions"})
            found.update({f"{address}@{version['id']}": _timeless(version) for version in model["versions"]})
    return found


def _timeless(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name not in ("created_at", "modified_at")}
    return {name: whole_numbers(value) for name, value in without_digests(kept).items()}


def without_digests(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A model with words in place of the salt and the digests that its owner mark records: each run has its own salt."""
    mark = fields.get("metadata", {}).get("reconciler", {})
    if not isinstance(mark, Mapping) or "unreadable" not in mark:
        return dict(fields)
    text = re.sub(r'"[0-9a-f]{64}"', '"DIGEST"', json.dumps(mark["unreadable"]))
    known = json.loads(re.sub(r'"[0-9a-f]{32}"', '"SALT"', text))
    return {**fields, "metadata": {**fields["metadata"], "reconciler": {**mark, "unreadable": known}}}


def without_records(found: Snapshot) -> Snapshot:
    """Models without what apply records in their owner marks, which no plan shows."""
    kept: dict[str, Mapping[str, Any]] = {}
    for address, fields in found.items():
        mark = fields.get("metadata", {}).get("reconciler", {})
        kept[address] = fields
        if isinstance(mark, Mapping) and "unreadable" in mark:
            mark = {name: value for name, value in mark.items() if name != "unreadable"}
            kept[address] = {**fields, "metadata": {**fields["metadata"], "reconciler": mark}}
    return kept


def is_record(call: Call) -> bool:
    """Whether a call does nothing but record in owner marks what was sent."""
    entries = call.request.get("models", ())
    return bool(entries) and all(
        {name: value for name, value in entry.items() if name != "id"}.keys() == {"metadata"}
        and entry["metadata"].keys() == {"reconciler"}
        and entry["metadata"]["reconciler"].keys() == {"unreadable"}
        for entry in entries
    )


def whole_numbers(value: Any) -> Any:
    """JSON with 20 where a double says 20.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: whole_numbers(item) for name, item in value.items()}
    return [whole_numbers(item) for item in value] if isinstance(value, list) else value


def ordered(value: Any, *, inside: bool = False) -> Any:
    """JSON with whole numbers, and with the keys of Structs (which have no order of their own) sorted."""
    if isinstance(value, Mapping):
        names = sorted(value) if inside else list(value)
        return {name: ordered(value[name], inside=inside or name in _STRUCTS) for name in names}
    return [ordered(item, inside=inside) for item in value] if isinstance(value, list) else whole_numbers(value)


_STRUCTS: Final = ("metadata", "params", "fields_map", "before", "after")


def changes(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """What differs: per address its changed fields as they are after (null: absent), or null where it is gone."""
    found: dict[str, Any] = {}
    for address in sorted({*before, *after}):
        if address not in after:
            found[address] = None
            continue
        was, now = before.get(address, {}), after[address]
        names = sorted(name for name in {*was, *now} if not same(was.get(name), now.get(name)))
        if names:
            found[address] = {name: now.get(name) for name in names}
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; to Python True is 1, to JSON it isn't."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def writing_calls(calls: Sequence[Call]) -> list[Call]:
    """The calls that change the service; a search is none, though it is a Post."""
    return [call for call in calls if call.rpc.startswith(WRITING) and call.rpc != "PostModelsSearches"]


def call_text(call: Call) -> str:
    """One call for calls.txt: its name, how it ended where that isn't success, and what was sent."""
    request = dict(call.request)
    if "models" in request:
        request["models"] = [without_digests(entry) for entry in request["models"]]
    ended = "" if call.status_code == 10000 else f"  ({call.status_code or call.grpc_code})"
    return f"{call.rpc}{ended}\n{json.dumps(ordered(request), indent=2, ensure_ascii=False)}\n"


def send(client: Client, call: Call) -> None:
    """Send a logged call once more; what is gone already may be refused."""
    client(call.rpc, **call.request)


_POSITIONS: Final = {
    "overwrite_struct": ("whole", "by_key", "by_key_deep"),
    "overwrite_output_info": ("keep_unsent", "drop_unsent"),
    "merge_tags": ("append_missing", "append", "replace"),
    "remove_keys": ("taken", "ignored"),
}


def variants(switches: Switches) -> tuple[Switches, ...]:
    """The same service, without faults, in each semantics variant that its documentation leaves open."""
    first: dict[str, Any] = {name: positions[0] for name, positions in _POSITIONS.items()}
    return _variants(replace(switches, faults=(), rate_limit=None, **first))


@cache
def _variants(first: Switches) -> tuple[Switches, ...]:
    """Kept: Switches check themselves when they are made, which takes longer than a call, and most scenarios want the same."""
    found = []
    for combination in itertools.product(*_POSITIONS.values()):
        chosen: dict[str, Any] = dict(zip(_POSITIONS, combination, strict=True))
        found.append(replace(first, **chosen))
    return tuple(found)


def variant_text(switches: Switches) -> str:
    """The variant in words for a message."""
    return ", ".join(f"{name}={getattr(switches, name)}" for name in _POSITIONS)
