"""Values as they compare: API documents into canonical specs, and equality that knows JSON and Structs.

In: documents as the service gives them. Out: specs nested by manifest names that hold only what KINDS manages, with
visibility as its name, numbers as one kind, and proto3's "empty is absent" resolved. Never changes what it is given.

Two values are equal when the service would store the same thing: 20 equals 20.0 (a Struct's numbers are doubles) but
True is no number; lists of objects with an `id` are keyed by it, other lists are ordered; tag lists are sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.resources.fields import KINDS, FieldSpec, Shape
from reconciler.resources.keys import Kind
from reconciler.resources.secrets import Sensitive, revealed
from reconciler.resources.tree import MISSING, lookup, map_leaves

MAX_EXACT = 2**53
"""Above it a double no longer holds every integer (IEEE 754)."""


def canonical(value: Any) -> Any:
    """A JSON value with one spelling per number: a float that is a whole number within 2**53 becomes an int."""
    return map_leaves(value, _one_spelling)


def _one_spelling(leaf: Any) -> Any:
    return int(leaf) if type(leaf) is float and leaf.is_integer() and abs(leaf) <= MAX_EXACT else leaf


def equal(one: Any, other: Any) -> bool:
    """Whether two values inside a Struct are the same to the service. Sensitive values compare by what they hold."""
    if type(one) is str and type(other) is str:  # most values are texts
        return bool(one == other)
    one = one.reveal() if isinstance(one, Sensitive) else one
    other = other.reveal() if isinstance(other, Sensitive) else other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(item, other[name]) for name, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return _equal_lists(one, other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other
    return type(one) is type(other) and bool(one == other)


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
    """A list of objects by their `id`, or None where it isn't one: an item without a text or number as id, or one twice."""
    keyed: dict[str | float, Any] = {}
    for item in items:
        name = revealed(item.get("id")) if isinstance(item, Mapping) else None
        if not isinstance(name, (str, int, float)) or isinstance(name, bool) or name in keyed:
            return None
        keyed[name] = item
    return keyed


def equal_fields(spec: FieldSpec, one: Any, other: Any) -> bool:
    """Whether two values of a managed field are the same, by the field's shape."""
    if one is MISSING or other is MISSING:
        return one is other
    if spec.shape is Shape.TAGS:
        return set(one) == set(other)
    return equal(one, other)


def spec_from_document(kind: Kind, document: Mapping[str, Any]) -> dict[str, Any]:
    """The managed fields of an API document, canonical: {} for a Struct that isn't there, nothing for other absences."""
    spec: dict[str, Any] = {}
    for field in KINDS[kind]:
        value = field_from_document(field, document)
        if value is MISSING:
            continue
        holder = spec
        for name in field.path[:-1]:
            holder = holder.setdefault(name, {})
        holder[field.path[-1]] = value
    return spec


def field_from_document(field: FieldSpec, document: Mapping[str, Any]) -> Any:
    """One field's canonical value in an API document, or MISSING."""
    value = lookup(document, field.path)
    if field.shape is Shape.STRUCT:
        # The service shows an empty Struct where none was ever set, and may not: at its root both mean "no keys".
        return {} if value is MISSING or value is None else canonical(value)
    if value is MISSING or not value:
        return MISSING
    if field.shape is Shape.VISIBILITY:
        name = value.get("gettable", MISSING)
        return MISSING if name in (MISSING, "UNKNOWN_VISIBILITY", 0) else name
    if field.shape is Shape.IMAGE:
        url = value.get("url", "")
        return {"url": url} if url else MISSING
    return list(value) if field.shape is Shape.TAGS else value


def is_copy_of_another(document: Mapping[str, Any], url: str) -> bool:
    """Whether the live image is the service's own copy, which can't be compared with a stated `url`.

    The service keeps what it is sent and answers with the url of its copy, below `hosted.prefix` (recorded answers:
    https://data.clarifai.com/…). A stated url below that prefix is one of the service's own and compares as it is.
    """
    image = document.get("image") or {}
    prefix = lookup(image, ("hosted", "prefix"))
    live = image.get("url", "")
    if not isinstance(prefix, str) or not prefix or url == live:
        return False
    return bool(live.startswith(prefix)) and not url.startswith(prefix)


def document_from_field(field: FieldSpec, value: Any) -> Any:
    """The inverse of `field_from_document` for one value that is there."""
    return {"gettable": value} if field.shape is Shape.VISIBILITY else value
