"""The paths at which two values of a managed field differ.

In: a field and its canonical values before and after. Out: the paths that a report names, each down to the first value that isn't a
mapping: a list changes as one value. Two values differ as `canonical.equal` says. It changes nothing, and each part of the two
values is looked at once.

DeepDiff takes a fifth of a millisecond or more for each object, and 180 ms to import, so it is given the smallest pair that is of
any use: two items of lists, which differ and aren't scalars, where neither a key nor a scalar plainly differs. It confirms that the
list has changed. A property test has it judge whole values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from reconciler.resources.canonical import equal, equal_fields, keyed_by_id
from reconciler.resources.fields import FieldSpec, Shape
from reconciler.resources.secrets import Sensitive, revealed
from reconciler.resources.tree import MISSING, SCALARS, FieldPath, is_mapping

_CONTAINERS: Final = (Mapping, list)


def changed_paths(field: FieldSpec, before: Any, after: Any) -> list[FieldPath]:
    """The paths that differ inside one field, sorted. Either value may be MISSING."""
    if before is after:
        return []
    if field.shape is Shape.STRUCT:
        return sorted(_differing(field.path, before, after))
    if equal_fields(field, before, after):
        return []
    return [(*field.path, "url")] if field.shape is Shape.IMAGE else [field.path]


def _differing(path: FieldPath, before: Any, after: Any) -> Iterator[FieldPath]:
    if before is after:
        return
    before, after = _bare(before), _bare(after)
    if is_mapping(before) and is_mapping(after):
        for name, item in before.items():
            yield from _differing((*path, name), item, after.get(name, MISSING))
        for name in after:
            if name not in before:
                yield (*path, name)
    elif isinstance(before, list) and isinstance(after, list):
        if any(_is_changed(one, other) for one, other in _differing_items(before, after)):
            yield path
    elif before is MISSING or after is MISSING or not equal(before, after):
        yield path


def _bare(value: Any) -> Any:
    return _bare(value.reveal()) if isinstance(value, Sensitive) else value


def _differing_items(before: list[Any], after: list[Any]) -> Iterator[tuple[Any, Any]]:
    """The pairs of items that differ, lists of objects with ids by id, others by position; MISSING where there is no item."""
    keyed_before, keyed_after = keyed_by_id(before), keyed_by_id(after)
    if keyed_before is not None and keyed_after is not None:
        names = dict.fromkeys((*keyed_before, *keyed_after))
        pairs = [(keyed_before.get(name, MISSING), keyed_after.get(name, MISSING)) for name in names]
    else:
        pairs = list(zip_longest(before, after, fillvalue=MISSING))
    return ((one, other) for one, other in pairs if one is MISSING or other is MISSING or not equal(one, other))


def _is_changed(before: Any, after: Any) -> bool:
    """Whether two items that differ are a change."""
    before, after = revealed(before), revealed(after)
    if not isinstance(before, _CONTAINERS) or not isinstance(after, _CONTAINERS):
        return True
    if _plainly_differ(before, after):
        return True
    from deepdiff import DeepDiff

    # By default DeepDiff skips keys that start with "__". A Struct may have such keys.
    return bool(DeepDiff(before, after, ignore_private_variables=False, zip_ordered_iterables=True))


def _plainly_differ(before: Any, after: Any) -> bool:
    """Whether two values differ in the keys of a mapping, or in a scalar of one type. Then DeepDiff has nothing to decide."""
    if is_mapping(before) and is_mapping(after):
        if before.keys() != after.keys():
            return True
        return any(_plainly_differ(item, after[name]) for name, item in before.items())
    return type(before) is type(after) and type(before) in SCALARS and bool(before != after)
