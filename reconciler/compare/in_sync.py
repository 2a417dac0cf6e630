"""Which resources are plainly as their manifests state: the first question about each, and for most of a fleet the only one.

In: a manifest with its live model, or one value of either side. Out: True where the live side holds what is stated, spelled the
same, lists included. False means nothing: values may be spelled differently and be equal. It makes no copy and no canonical
spec, and knows neither secrets nor model types: what a manifest leaves as it is can't be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.compare.match import Match
from reconciler.resources.fields import KINDS, MARK_KEY, UNREADABLE_KEY, Action, FieldSpec, Shape
from reconciler.resources.keys import Kind
from reconciler.resources.observed import Document
from reconciler.resources.tree import MISSING, lookup


def is_match_in_sync(match: Match, *, owner: str | None) -> bool:
    """Whether a model and its versions are plainly as stated. With an `owner`, a model that has a manifest must also carry
    its mark.
    """
    return is_model_in_sync(match, owner=owner) and all(
        is_in_sync(
            key.kind,
            match.observed.versions_by_id[key.version_id].document,
            entry.stated,
            action=entry.action,
            removes=bool(entry.removals),
        )
        for key, entries in match.versions.items()
        for entry in entries
    )


def is_model_in_sync(match: Match, *, owner: str | None) -> bool:
    """The same, for the model without its versions."""
    desired, document = match.desired, match.observed.document
    is_marked = owner is not None and desired.has_manifest
    if is_marked and not _is_marked(document, owner=str(owner), protect=desired.protect):
        return False
    return all(
        is_in_sync(Kind.MODEL, document, each.stated, action=each.action, removes=bool(each.removals))
        for each in desired.statements
    )


def _is_marked(document: Document, *, owner: str, protect: bool | None) -> bool:
    mark = lookup(document, ("metadata", MARK_KEY))
    # What a mark records of unreadable values may have to be cleared.
    if not isinstance(mark, Mapping) or mark.get("owner") != owner or UNREADABLE_KEY in mark:
        return False
    is_protected = mark.get("protect")
    return isinstance(is_protected, bool) and protect in (None, is_protected)


def is_in_sync(kind: Kind, document: Document, stated: Mapping[str, Any], *, action: Action, removes: bool) -> bool:
    """Whether a live document plainly holds what an entry states. One that `removes` something is never plain."""
    if removes:
        return False
    for field in KINDS[kind]:
        if field.path[0] in stated:
            value = lookup(stated, field.path)
            if value is not MISSING and not _is_field_held(field, document, value, action):
                return False
    return True


def _is_field_held(field: FieldSpec, document: Document, value: Any, action: Action) -> bool:
    path = (*field.path, "gettable") if field.shape is Shape.VISIBILITY else field.path
    live = lookup(document, path)
    return is_held(live, value) if action is Action.MERGE else is_same(live, value)


def is_held(before: Any, stated: Any) -> bool:
    """Whether `before` plainly holds what `merge` of a stated value asks for: mappings may have more keys."""
    if type(stated) is not dict:
        return is_same(before, stated)
    if type(before) is not dict:
        return False
    for name, item in stated.items():  # noqa: SIM110
        if name not in before or not is_held(before[name], item):
            return False
    return True


def is_same(before: Any, stated: Any) -> bool:
    """Whether two values are spelled the same, item by item. A secret, or 1 and 1.0, is left to `canonical.equal`."""
    kind = type(stated)
    if kind is not type(before):  # True is not 1
        return False
    if kind is str or kind is int or kind is float or kind is bool or stated is None:
        return bool(before == stated)
    if kind is list:
        return len(before) == len(stated) and all(map(is_same, before, stated))
    if kind is dict:
        return len(before) == len(stated) and _has_all(before, stated)
    return False


def _has_all(before: dict[str, Any], stated: dict[str, Any]) -> bool:
    """Whether each key of `stated` has the same value in `before`."""
    for name, item in stated.items():  # noqa: SIM110
        if name not in before or not is_same(before[name], item):
            return False
    return True
