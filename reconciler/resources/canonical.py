"""Canonical specs of API documents, and equality of values.

Takes documents as the service returns them. Returns specs: nested mappings with the names of the manifest that contain
the managed fields alone (KINDS). In a spec, visibility is its name, each number has one representation, and an empty
proto3 field is absent. Arguments are never modified.

Two values are equal if the service would store the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.resources.fields import KINDS, FieldSpec, Shape
from reconciler.resources.keys import Kind
from reconciler.resources.secrets import Sensitive, revealed
from reconciler.resources.tree import MISSING, SCALARS, is_mapping, is_plain, lookup, map_leaves, put

_SPELLED_ONCE: Final[frozenset[type]] = SCALARS - {float}
_NO_RESTRICTION = "USAGE_RESTRICTION_NOT_SET"
"""The first value of DeployRestriction (resources.proto), which proto3 doesn't distinguish from an unset field."""

MAX_EXACT = 2**53
"""The largest magnitude up to which a double represents every integer (IEEE 754)."""


def canonical(value: Any) -> Any:
    """Return a JSON value in which every float that is a whole number within 2**53 is an int."""
    return value if is_plain(value, _SPELLED_ONCE) else map_leaves(value, _one_spelling)


def _one_spelling(leaf: Any) -> Any:
    return int(leaf) if type(leaf) is float and leaf.is_integer() and abs(leaf) <= MAX_EXACT else leaf


def equal(one: Any, other: Any) -> bool:
    """Return whether two values in a Struct are equal for the service.

    20 equals 20.0, because numbers in a Struct are doubles; True doesn't equal 1. Lists of objects with an `id` are
    compared by `id`, other lists by position. A Sensitive is compared by the value it wraps.
    """
    kind, other_kind = type(one), type(other)
    if kind in SCALARS and other_kind in SCALARS:
        # bool is a subclass of int in Python, and True == 1.
        return bool(one == other) and (kind is bool) is (other_kind is bool)
    if one is other:
        return True
    one = one.reveal() if isinstance(one, Sensitive) else one
    other = other.reveal() if isinstance(other, Sensitive) else other
    if is_mapping(one) and is_mapping(other):
        if len(one) != len(other):
            return False
        for name, item in one.items():  # noqa: SIM110
            if name not in other or not equal(item, other[name]):
                return False
        return True
    if isinstance(one, list) and isinstance(other, list):
        return _equal_lists(one, other)
    # Before the numbers: bool is a subclass of int in Python, and True == 1.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other
    return type(one) is type(other) and bool(one == other)


def is_within(one: Any, other: Any, tolerance: float) -> bool:
    """Return whether two values are numbers that differ by no more than `tolerance`."""
    numbers = [value.reveal() if isinstance(value, Sensitive) else value for value in (one, other)]
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in numbers):
        return False
    return bool(abs(numbers[0] - numbers[1]) <= tolerance)


def _equal_lists(one: list[Any], other: list[Any]) -> bool:
    if len(one) != len(other):
        return False
    keyed_one, keyed_other = keyed_by_id(one), keyed_by_id(other)
    if keyed_one is not None and keyed_other is not None:
        return keyed_one.keys() == keyed_other.keys() and all(
            equal(item, keyed_other[name]) for name, item in keyed_one.items()
        )
    return all(equal(a, b) for a, b in zip(one, other, strict=True))


def keyed_by_id(items: list[Any]) -> dict[str | float, Any] | None:
    """Return the items of a list by their `id`.

    Returns None if the list can't be keyed: an item isn't an object, its `id` isn't a string or number, or two items
    have the same `id`.
    """
    keyed: dict[str | float, Any] = {}
    for item in items:
        name = item.get("id") if type(item) is dict or isinstance(item, Mapping) else None
        name = name if type(name) is str else revealed(name)
        if not isinstance(name, (str, int, float)) or isinstance(name, bool) or name in keyed:
            return None
        keyed[name] = item
    return keyed


def equal_fields(spec: FieldSpec, one: Any, other: Any) -> bool:
    """Return whether two values of a managed field are equal. Either may be MISSING; tag lists compare as sets."""
    if one is MISSING or other is MISSING:
        return one is other
    if spec.shape is Shape.TAGS:
        return set(one) == set(other)
    return equal(one, other)


def spec_from_document(
    kind: Kind, document: Mapping[str, Any], fields: Iterable[FieldSpec] | None = None
) -> dict[str, Any]:
    """Return the canonical spec of an API document, or the part of it that is about `fields`.

    An absent Struct is {}; any other absent field is left out.
    """
    spec: dict[str, Any] = {}
    for field in KINDS[kind] if fields is None else fields:
        value = field_from_document(field, document)
        if value is MISSING:
            continue
        put(spec, field.path, value)
    return spec


def field_from_document(field: FieldSpec, document: Mapping[str, Any]) -> Any:
    """Return the canonical value of one field in an API document, or MISSING."""
    value = lookup(document, field.path)
    if field.shape is Shape.STRUCT:
        # The service may return an empty Struct or none at all for one that was never set. Both mean "no keys".
        return {} if value is MISSING or value is None else canonical(value)
    if field.shape is Shape.VISIBILITY:
        name = lookup(value, ("gettable",))
        return MISSING if name in (MISSING, "UNKNOWN_VISIBILITY", 0) else name
    if field.shape is Shape.IMAGE:
        url = lookup(value, ("url",))
        return {"url": url} if url is not MISSING and url else MISSING
    # proto3 doesn't distinguish an empty scalar or list from one that was never set.
    if value is MISSING or not value:
        return MISSING
    if field.shape is Shape.ENUM and value == _NO_RESTRICTION:
        return MISSING
    return list(value) if field.shape is Shape.TAGS else value


def document_from_field(field: FieldSpec, value: Any) -> Any:
    """Return the value that the API document holds for a field of the spec; `value` isn't MISSING."""
    return {"gettable": value} if field.shape is Shape.VISIBILITY else value
