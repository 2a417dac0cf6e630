"""Cuts a request about several objects in two, and knows which of its planned fields a request carries.

Pure. The service doesn't say which entry of a batch it refused, and is taken to refuse the batch as a whole: halving
finds the entry in as many steps as the batch has doublings, and everything else goes through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.compare.diff import FieldChange
from reconciler.resources.fields import KINDS
from reconciler.resources.keys import Key
from reconciler.resources.request import Request

ENTRY_LISTS: Final[Mapping[str, str]] = {
    "PatchModels": "models",
    "PatchModelVersions": "model_versions",
    "DeleteModels": "ids",
}
"""The calls that take several objects, and the field of the request message that lists them."""


def halves(request: Request) -> tuple[Request, ...]:
    """The request as two, each about half of its objects; () where it can't be cut."""
    name = ENTRY_LISTS.get(request.rpc)
    entries = request.body.get(name, ()) if name is not None else ()
    if name is None or len(entries) < 2 or len(entries) != len(request.keys):
        return ()
    middle = len(entries) // 2
    return tuple(
        replace(request, body={**request.body, name: list(entries[part])}, keys=request.keys[part])
        for part in (slice(None, middle), slice(middle, None))
    )


def entry_for(request: Request, key: Key) -> Mapping[str, Any] | None:
    """The patch entry about a resource; None for calls that have none."""
    name = ENTRY_LISTS.get(request.rpc)
    if name is None or request.rpc == "DeleteModels" or key not in request.keys:
        return None
    wanted = key.version_id or key.model_id
    return next((entry for entry in request.body.get(name, ()) if entry.get("id") == wanted), None)


def carries(request: Request, key: Key, change: FieldChange) -> bool:
    """Whether this request is the one that makes this change of the resource."""
    if key not in request.keys:
        return False
    field = next((field for field in KINDS[key.kind] if change.path[: len(field.path)] == field.path), None)
    if field is not None and field.clearing_rpc == request.rpc:
        return True
    entry = entry_for(request, key)
    return entry is not None and change.path[0] in entry
