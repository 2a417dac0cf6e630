"""Whether a service ended as wanted: every field of every resource, and what a semantics variant excuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.emulator.switches import Switches

from .oracle import Difference, Outcome, State, can_merge_reach, deletions, differing

STRUCTS: Final = (("metadata",), ("output_info", "params"))


def what_did_not_take(
    before: State, after: State, expected: Outcome, switches: Switches
) -> dict[str, list[Difference]]:
    """Struct keys that are still there although they should go, where the variant excuses it; all else must be as wanted."""
    assert after.keys() == expected.wanted.keys(), "models or versions came or went"
    undone = {}
    for address, wanted in expected.wanted.items():
        left = [found for found in differing(after[address], wanted) if found.path != ("image", "url")]
        excused = deletions(expected.differences.get(address, ()))
        if switches.overwrite_struct == "whole":
            excused = set()
        elif switches.overwrite_struct == "by_key":
            excused = {path for path in excused if len(path) - _depth(path) == 1}
        for root in STRUCTS:
            # Whether `{}` at the root of a merge clears is not taken as documented: a deletion of all keys is excused.
            if _at(wanted, root) and can_merge_reach(_at(before[address], root), _at(wanted, root)):
                excused = {path for path in excused if path[: len(root)] != root}
        wrong = [found for found in left if found.path not in excused]
        assert not wrong, f"{address}: not as wanted (live, wanted): {wrong}"
        same_document(address, after[address], wanted, {found.path for found in left})
        if left:
            undone[address] = left
    return undone


def _depth(path: tuple[str, ...]) -> int:
    return next(len(root) for root in STRUCTS if path[: len(root)] == root)


def _at(fields: Mapping[str, Any], root: tuple[str, ...]) -> Any:
    value: Any = fields
    for name in root:
        value = value.get(name, {})
    return value


def same_document(
    address: str, after: Mapping[str, Any], wanted: Mapping[str, Any], undone: set[tuple[str, ...]]
) -> None:
    """Every field, unmanaged ones strictly; what `differing` has already compared by meaning may differ in order."""
    loose = {"toolkits", "use_cases", "languages", "metadata", "image"}
    for name in sorted({*after, *wanted}):
        one, other = after.get(name), wanted.get(name)
        if name == "output_info" and isinstance(one, dict) and isinstance(other, dict):
            one, other = _without_params(one), _without_params(other)
        if name in loose:
            if name == "image":
                same_image(address, after.get("image"), wanted.get("image"))
            elif name != "metadata":
                assert len(one or ()) == len(set(one or ())), f"{address}: {name} holds an item twice: {one}"
            continue
        assert _strict(one) == _strict(other), f"{address}: {name} is {one}, wanted {other}"


def _without_params(info: Mapping[str, Any]) -> dict[str, Any]:
    """What else is in output_info; the service shows an output_config whether or not there is one."""
    return {name: value for name, value in info.items() if name != "params" and (name, value) != ("output_config", {})}


def same_image(address: str, after: Any, wanted: Any) -> None:
    """The image wanted, or the service's hosted copy of it."""
    is_copy = bool(after and wanted and after.get("hosted") and not wanted.get("hosted"))
    assert is_copy or after == wanted, f"{address}: image is {after}, wanted {wanted}"


def _strict(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
