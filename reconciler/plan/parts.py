"""Parts of a plan document that have more than one reader: changed fields, positions in manifests, values that are no longer managed.

In: a value. Out: JSON data; of the last two the value again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.compare.results import FieldChange
from reconciler.errors import Origin
from reconciler.resources.secrets import SENSITIVE_TEXT, holds_sensitive, redacted, variables_in
from reconciler.resources.tree import MISSING, path_from_text, path_text

if TYPE_CHECKING:
    from reconciler.compare.released import Released


def origin_document(origin: Origin) -> dict[str, Any]:
    """A position in a manifest."""
    return {"path": origin.path, "line": origin.line, "column": origin.column}


def origin_from_document(document: Mapping[str, Any]) -> Origin:
    """The inverse of `origin_document`."""
    return Origin(path=document["path"], line=document["line"], column=document["column"])


def field_document(change: FieldChange) -> dict[str, Any]:
    """One entry of `fields`; `before`/`after` are left out where the value is absent."""
    document: dict[str, Any] = {"path": path_text(change.path)}
    if change.before is not MISSING:
        document["before"] = redacted(change.before)
    if change.after is not MISSING:
        document["after"] = redacted(change.after)
    if change.is_sensitive:
        # A value that a secret replaces is often the previous secret. What replaces a secret is one if the manifest says so;
        # otherwise the manifest states it in plain text, and so does the request.
        hidden = ("before", "after") if holds_sensitive(change.after) else ("before",)
        document.update({side: SENSITIVE_TEXT for side in hidden if side in document})
        document["sensitive"] = True
        if names := variables_in(change.after):
            document["variables"] = list(names)
    if change.attribution is not None:
        document["attribution"] = change.attribution
        if change.base is not MISSING:
            document["base"] = SENSITIVE_TEXT if change.is_sensitive else redacted(change.base)
    return document


def released_document(item: Released) -> dict[str, Any]:
    """One entry of `released`."""
    document: dict[str, Any] = {
        "address": item.address,
        "path": None if item.path is None else path_text(item.path),
        "items": None if item.items is None else redacted(list(item.items)),
        "origin": origin_document(item.origin),
        "removal": item.is_removal,
        "deleted": item.is_deleted,
    }
    if item.live is not MISSING:
        document["live"] = redacted(item.live)
    return document


def released_from_document(document: Mapping[str, Any]) -> Released:
    """The inverse of `released_document`; what was hidden stays so."""
    from reconciler.compare.released import Released

    path, items = document["path"], document["items"]
    return Released(
        address=document["address"],
        path=None if path is None else path_from_text(path),
        origin=origin_from_document(document["origin"]),
        items=None if items is None else tuple(items),
        live=document.get("live", MISSING),
        is_removal=document["removal"],
        is_deleted=document["deleted"],
    )
