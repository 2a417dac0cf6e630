"""What a manifest would have to state so that a live value is as stated.

In: a stated value and the live one. Out: the stated one without what live no longer has, and with the live values of the rest.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.resources.canonical import equal, keyed_by_id


def adapted(stated: Any, live: Any) -> Any:
    """The value to state under `merge`: the keys and items that are stated and live, with their live values."""
    if isinstance(stated, Mapping) and isinstance(live, Mapping):
        return {name: adapted(item, live[name]) for name, item in stated.items() if name in live}
    if isinstance(stated, list) and isinstance(live, list):
        return _adapted_items(stated, live)
    return stated if equal(stated, live) else live


def _adapted_items(stated: list[Any], live: list[Any]) -> list[Any]:
    by_id, stated_by_id = keyed_by_id(live), keyed_by_id(stated)
    if by_id is not None and stated_by_id is not None:
        return [adapted(item, by_id[name]) for name, item in stated_by_id.items() if name in by_id]
    unused, kept = list(live), []
    for item in stated:
        at = next((index for index, other in enumerate(unused) if equal(item, other)), None)
        if at is not None:
            kept.append(item)
            del unused[at]
    return kept


def items_of(stated: list[Any], live: list[Any]) -> list[Any]:
    """The live items of a set, those that are stated first and in the stated order."""
    return [*(item for item in stated if item in live), *(item for item in live if item not in stated)]
