"""What a resource should look like: its canonical spec with a manifest's statements and removals laid over it.

In: the spec before (`canon.spec_from_document`) and what one manifest entry states. Out: the spec after. What isn't
stated stays. `merge` makes mappings and lists hold at least what is stated; `overwrite` makes each stated field hold
exactly that; removals take away what is named. Stating the same twice changes nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any

from reconciler.compare.in_sync import is_same
from reconciler.resources.canonical import equal, equal_fields, keyed_by_id
from reconciler.resources.desired import Removal
from reconciler.resources.fields import KINDS, MARK_KEY, Action, FieldSpec, Shape
from reconciler.resources.keys import Kind
from reconciler.resources.secrets import holds_sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, is_mapping, lookup, with_value


def desired_spec(
    kind: Kind,
    before: Mapping[str, Any],
    stated: Mapping[str, Any],
    *,
    action: Action,
    removals: Collection[Removal] = (),
    fields: Iterable[FieldSpec] | None = None,
) -> dict[str, Any]:
    """The spec that one manifest entry asks for, given what is there.

    With `fields`, both specs are about these alone, and no other is removed from.
    """
    after = dict(before)
    for field in KINDS[kind] if fields is None else fields:
        value = lookup(stated, field.path) if field.path[0] in stated else MISSING
        if value is not MISSING:
            there = lookup(before, field.path)
            wanted = desired_field(field, there, value, action=action)
            if wanted is not there:  # a field in sync stays the same object, which `diff` compares by identity
                after = with_value(after, field.path, wanted)
    if not removals:
        return after
    removed: dict[str, Any] = {}
    removed_tags: dict[FieldPath, set[str]] = {}
    for removal in removals:
        if removal.item is None:
            _add(removed, removal.path)
        else:
            removed_tags.setdefault(removal.path, set()).add(removal.item)
    after = _without(after, removed)
    for path, items in removed_tags.items():
        after = _without_tags(after, path, items)
    return after


def desired_field(field: FieldSpec, before: Any, stated: Any, *, action: Action) -> Any:
    """One field's value after a statement; the value before itself where nothing would change."""
    if field.shape is Shape.TAGS:
        wanted = _desired_tags([] if before is MISSING else before, stated, action=action)
        return before if wanted == before else wanted
    if action is Action.MERGE and before is not MISSING:
        wanted = merged(before, stated)
    else:
        wanted = aligned(before, _keeping_mark(field, before, stated))
    return before if wanted is before or equal_fields(field, before, wanted) else wanted


def aligned(before: Any, stated: Any) -> Any:
    """`stated`, spelled as `before` wherever both mean the same, so that only what differs shows as a change.

    A stated Sensitive stays one even then: the same text from the live side would be shown.
    """
    if is_same(before, stated) or (equal(before, stated) and not holds_sensitive(stated)):
        return before
    if is_mapping(before) and is_mapping(stated):
        return {name: aligned(before[name], item) if name in before else item for name, item in stated.items()}
    return stated


def _desired_tags(before: list[str], stated: list[str], *, action: Action) -> Any:
    if action is Action.MERGE:
        there = set(before)
        tags = [*before, *(tag for tag in dict.fromkeys(stated) if tag not in there)]
    else:
        tags = before if set(before) == set(stated) else list(dict.fromkeys(stated))
    return tags or MISSING


def _keeping_mark(field: FieldSpec, before: Any, stated: Any) -> Any:
    """An overwritten `metadata` keeps the owner mark: it is this tool's, not the manifest's."""
    mark = lookup(before, (MARK_KEY,)) if field.path == ("metadata",) and field.shape is Shape.STRUCT else MISSING
    return stated if mark is MISSING or MARK_KEY in stated else {**stated, MARK_KEY: mark}


def merged(before: Any, stated: Any) -> Any:
    """`before` changed as little as possible so that it holds at least `stated`; `before` itself where it plainly does."""
    if is_mapping(before) and is_mapping(stated):
        after: dict[str, Any] | None = None
        for name, item in stated.items():
            there = before.get(name, MISSING)
            wanted = item if there is MISSING else merged(there, item)
            if wanted is not there:
                after = dict(before) if after is None else after
                after[name] = wanted
        return before if after is None else after
    if is_same(before, stated):
        return before
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
    unmatched = Counter(_identity(revealed(live)) for live in before)
    missing = []
    for item in stated:
        identity = _identity(revealed(item))
        if unmatched[identity]:
            unmatched[identity] -= 1
        else:
            missing.append(item)
    return [*before, *missing]


def _identity(value: Any) -> Hashable:
    """A value that is the same for two values if they are `equal`, and only then, so that no two have to be compared."""
    if isinstance(value, Mapping):
        return ("mapping", frozenset((name, _identity(item)) for name, item in value.items()))
    if isinstance(value, list):
        keyed = keyed_by_id(value)
        if keyed is None:
            return ("list", tuple(map(_identity, value)))
        # An empty list is keyed too. Lists of objects with an id are equal in any order.
        return ("list", frozenset((name, _identity(item)) for name, item in keyed.items()) if keyed else ())
    # In Python True == 1, and to the service it isn't.
    return ("bool", value) if isinstance(value, bool) else value


def _add(removed: dict[str, Any], path: FieldPath) -> None:
    """Add a path to a tree of names, in which {} is the end of a path."""
    *above, name = path
    for each in above:
        if removed.get(each) == {}:
            return  # what contains it is removed already
        removed = removed.setdefault(each, {})
    removed[name] = {}


def _without(tree: Mapping[str, Any], removed: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested mappings without the paths of a tree of names. All at once: a copy for each would be a product."""
    after = dict(tree)
    for name, inner in removed.items():
        value = after.get(name)
        if not inner:
            after.pop(name, None)
        elif isinstance(value, Mapping):
            after[name] = _without(value, inner)
    return after


def _without_tags(spec: dict[str, Any], path: FieldPath, items: Collection[str]) -> dict[str, Any]:
    tags = lookup(spec, path)
    if tags is MISSING or not any(tag in items for tag in tags):
        return spec
    return with_value(spec, path, [tag for tag in tags if tag not in items] or MISSING)
