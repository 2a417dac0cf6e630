"""What is plainly as the manifests state: the first question about each field, and for most of a fleet the only one.

In: what entries state of a live resource. Out: the fields that may differ, which are all that the exact way has to look at. A field
isn't among them where the live side holds what is stated, spelled the same, lists included. One that is may turn out to be equal:
values may be spelled differently. It makes no copy and no canonical spec, and knows neither secrets nor model types: what a
manifest leaves as it is can't be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.compare.filling import Stating
from reconciler.compare.match import Match
from reconciler.remote.convert import let_go
from reconciler.resources.fields import MARK_KEY, UNREADABLE_KEY, Action, FieldSpec, Shape, fields_below
from reconciler.resources.keys import Kind
from reconciler.resources.observed import Document
from reconciler.resources.tree import MISSING, lookup


def differing(found: Iterable[Match], *, owner: str | None) -> list[Match]:
    """The matches in which a model or a version isn't plainly as stated.

    What was converted of the versions of all others is let go: in most runs that is the fleet, and hardly a step looks at them again.
    """
    matches = []
    for match in found:
        if not is_match_in_sync(match, owner=owner):
            matches.append(match)
            continue
        for version in match.observed.versions_by_id.values():
            let_go(version.document)
    return matches


def is_match_in_sync(match: Match, *, owner: str | None) -> bool:
    """Whether a model and its versions are plainly as stated. With an `owner`, a model that has a manifest must also carry
    its mark.
    """
    if not is_mark_in_sync(match, owner=owner):
        return False
    desired, known = match.desired, match.observed.versions_by_id
    if doubtful(Kind.MODEL, match.observed.document, (*desired.fills, desired)):
        return False
    return not any(
        doubtful(Kind.MODEL_VERSION, known[key.version_id].document, entries) for key, entries in match.versions.items()
    )


def is_mark_in_sync(match: Match, *, owner: str | None) -> bool:
    """Whether a model plainly carries the owner mark that it should have, if it should have any."""
    desired = match.desired
    if owner is None or not desired.has_manifest:
        return True
    mark = lookup(match.observed.document, ("metadata", MARK_KEY))
    # What a mark records of unreadable values may have to be cleared.
    if not isinstance(mark, Mapping) or mark.get("owner") != owner or UNREADABLE_KEY in mark:
        return False
    is_protected = mark.get("protect")
    return isinstance(is_protected, bool) and desired.protect in (None, is_protected)


def doubtful(kind: Kind, document: Document, entries: Iterable[Stating]) -> set[str]:
    """The first names of the paths of the fields that a live document doesn't plainly hold as the entries state them, and of
    those in which they remove something.
    """
    names: set[str] = set()
    for entry in entries:
        stated = entry.stated
        for field in fields_below(kind, frozenset(stated)):
            value = lookup(stated, field.path)
            if value is not MISSING and not _is_field_held(field, document, value, entry.action):
                names.add(field.path[0])
        if entry.removals:
            names.update(removal.path[0] for removal in entry.removals)
    return names


def _is_field_held(field: FieldSpec, document: Document, value: Any, action: Action) -> bool:
    path = (*field.path, "gettable") if field.shape is Shape.VISIBILITY else field.path
    live = lookup(document.get(path[0], MISSING), path[1:])
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
