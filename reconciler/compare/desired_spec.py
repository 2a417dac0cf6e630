"""What a resource should look like: its canonical spec with a manifest's statements and removals laid over it.

In: the spec before (`canon.spec_from_document`) and what one manifest entry states. Out: the spec after. What isn't
stated stays. `merge` makes mappings and lists hold at least what is stated; `overwrite` makes each stated field hold
exactly that; removals take away what is named. Stating the same twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from reconciler.resources.canonical import equal, equal_fields, field_from_document, keyed_by_id
from reconciler.resources.desired import Removal
from reconciler.resources.fields import KINDS, MARK_KEY, Action, FieldSpec, Shape
from reconciler.resources.keys import Kind
from reconciler.resources.observed import Document
from reconciler.resources.secrets import holds_sensitive, revealed
from reconciler.resources.tree import MISSING, lookup, with_value


def desired_spec(
    kind: Kind,
    before: Mapping[str, Any],
    stated: Mapping[str, Any],
    *,
    action: Action,
    removals: Iterable[Removal] = (),
) -> dict[str, Any]:
    """The spec that one manifest entry asks for, given what is there."""
    after = dict(before)
    for field in KINDS[kind]:
        value = lookup(stated, field.path)
        if value is not MISSING:
            there = lookup(before, field.path)
            wanted = desired_field(field, there, value, action=action)
            if wanted is not there:  # what is in sync stays the very same object, which `diff` sees at a glance
                after = with_value(after, field.path, wanted)
    for removal in removals:
        after = _without(after, removal)
    return after


def is_as_stated(kind: Kind, document: Document, stated: Mapping[str, Any], *, action: Action) -> bool:
    """Whether a live document holds what an entry states, told from the stated fields alone: most of a fleet does."""
    for field in KINDS[kind]:
        value = lookup(stated, field.path) if field.path[0] in stated else MISSING
        if value is MISSING:
            continue
        if action is Action.MERGE and is_held(lookup(document, field.path), value):
            continue  # as the service spells it, so the canonical copy of the live value isn't needed
        there = field_from_document(field, document)
        if desired_field(field, there, value, action=action) is not there:
            return False
    return True


def desired_field(field: FieldSpec, before: Any, stated: Any, *, action: Action) -> Any:
    """One field's value after a statement; the value before itself where nothing would change."""
    if field.shape is Shape.TAGS:
        wanted = _desired_tags([] if before is MISSING else before, stated, action=action)
        return before if wanted == before else wanted
    if action is Action.MERGE and is_held(before, stated):
        return before
    if action is Action.MERGE and before is not MISSING:
        wanted = merged(before, stated)
    else:
        wanted = aligned(before, _keeping_mark(field, before, stated))
    return before if equal_fields(field, before, wanted) else wanted


def is_held(before: Any, stated: Any) -> bool:
    """Whether `before` plainly holds what is stated: a quick yes for most values of a run; a no means nothing."""
    kind = type(stated)
    if kind is dict:
        if type(before) is not dict:
            return False
        for name, item in stated.items():  # noqa: SIM110
            if name not in before or not is_held(before[name], item):
                return False
        return True
    return _is_same(before, stated)


def _is_same(before: Any, stated: Any) -> bool:
    """Return whether two values are spelled the same, item by item. A secret, or 1 beside 1.0, is left to `equal`."""
    kind = type(stated)
    if kind is not type(before):  # True is no 1
        return False
    if kind is list:
        return len(before) == len(stated) and all(map(_is_same, before, stated))
    if kind is dict:
        return before.keys() == stated.keys() and all(_is_same(before[name], item) for name, item in stated.items())
    return (kind is str or kind is int or kind is bool or kind is float or stated is None) and before == stated


def aligned(before: Any, stated: Any) -> Any:
    """`stated`, spelled as `before` wherever both mean the same, so that only what differs shows as a change.

    A stated Sensitive stays one even then: the same text from the live side would be shown.
    """
    if equal(before, stated) and not holds_sensitive(stated):
        return before
    if isinstance(before, Mapping) and isinstance(stated, Mapping):
        return {name: aligned(before[name], item) if name in before else item for name, item in stated.items()}
    return stated


def _desired_tags(before: list[str], stated: list[str], *, action: Action) -> Any:
    if action is Action.MERGE:
        tags = [*before, *(tag for tag in dict.fromkeys(stated) if tag not in before)]
    else:
        tags = before if set(before) == set(stated) else list(dict.fromkeys(stated))
    return tags or MISSING


def _keeping_mark(field: FieldSpec, before: Any, stated: Any) -> Any:
    """An overwritten `metadata` keeps the owner mark: it is this tool's, not the manifest's."""
    mark = lookup(before, (MARK_KEY,)) if field.path == ("metadata",) and field.shape is Shape.STRUCT else MISSING
    return stated if mark is MISSING or MARK_KEY in stated else {**stated, MARK_KEY: mark}


def merged(before: Any, stated: Any) -> Any:
    """`before` changed as little as possible so that it holds at least `stated`."""
    if isinstance(before, Mapping) and isinstance(stated, Mapping):
        return {**before, **{name: merged(before[name], v) if name in before else v for name, v in stated.items()}}
    if isinstance(before, list) and isinstance(stated, list):
        return _merged_lists(before, stated)
    return before if equal(before, stated) and not holds_sensitive(stated) else stated


def _merged_lists(before: list[Any], stated: list[Any]) -> list[Any]:
    keyed_before, keyed_stated = keyed_by_id(before), keyed_by_id(stated)
    if keyed_before is not None and keyed_stated is not None:
        kept = [
            merged(item, keyed_stated[name]) if name in keyed_stated else item for name, item in keyed_before.items()
        ]
        return [*kept, *(item for name, item in keyed_stated.items() if name not in keyed_before)]
    # A stated [320, 320] asks for two of them: each live item answers for one stated item only.
    unmatched: dict[Hashable, list[Any]] = {}
    for live in before:
        unmatched.setdefault(_hashable(revealed(live)), []).append(live)
    missing = []
    for item in stated:
        alike = unmatched.get(_hashable(revealed(item)), [])
        match = next((index for index, live in enumerate(alike) if equal(live, item)), None)
        if match is None:
            missing.append(item)
        else:
            del alike[match]
    return [*before, *missing]


def _hashable(value: Any) -> Hashable:
    """The same for all values that are `equal`, so that only few have to be compared; others rarely share it."""
    if isinstance(value, Mapping):
        return frozenset((name, _hashable(item)) for name, item in value.items())
    if isinstance(value, list):
        # Lists of objects with an id are equal in any order.
        return (len(value), frozenset(map(_hashable, value)))
    return ("bool", value) if isinstance(value, bool) else hash(value)


def _without(spec: dict[str, Any], removal: Removal) -> dict[str, Any]:
    if removal.item is None:
        return with_value(spec, removal.path, MISSING)
    tags = lookup(spec, removal.path)
    if tags is MISSING:
        return spec
    kept = [tag for tag in tags if tag != removal.item]
    return with_value(spec, removal.path, kept or MISSING)
