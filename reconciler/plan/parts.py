"""Parts of a plan document that have more than one place in it: positions in manifests, values that are no longer managed.

In: a value. Out: JSON data, and the value again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.compare.released import Released
from reconciler.errors import Origin
from reconciler.resources.secrets import redacted
from reconciler.resources.tree import MISSING, path_from_text, path_text


def origin_document(origin: Origin) -> dict[str, Any]:
    """A position in a manifest."""
    return {"path": origin.path, "line": origin.line, "column": origin.column}


def origin_from_document(document: Mapping[str, Any]) -> Origin:
    """The inverse of `origin_document`."""
    return Origin(path=document["path"], line=document["line"], column=document["column"])


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
