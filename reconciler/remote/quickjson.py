"""A message as JSON, as google.protobuf.json_format gives it, in a fifth of its time for what models are made of.

A listing of ten thousand models is twenty thousand messages, and json_format takes a tenth of a second per thousand: a
third of a run. Texts, booleans, 32-bit integers, enums, messages and Structs are read here; a message that holds anything
else (a float, a time, bytes, a map) is left to json_format, that message alone. Numbers without a fraction are ints and
names are sorted, at every level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from reconciler.resources.tree import MISSING

EXACT: Final = 2**53
"""The largest magnitude up to which a double, and so a Struct number, holds every integer."""

_Reader = Callable[[Any], Any]
_PLAIN: Final = frozenset(
    {
        FieldDescriptor.TYPE_STRING,
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_SINT32,
    }
)
_readers: dict[str, dict[int, tuple[str, _Reader]]] = {}
_field_readers: dict[str, Mapping[str, _Reader]] = {}


class UnusualError(ValueError):
    """This message holds something that is left to json_format."""


def quick_json(message: Any) -> Any:
    """The message as JSON with proto field names. Raises what json_format does where it has no JSON form."""
    descriptor = message.DESCRIPTOR
    name = descriptor.full_name
    if name == "google.protobuf.Struct":
        try:
            return _struct(message)
        except UnusualError:
            return _slow(message)
    if name.startswith("google.protobuf."):
        return _slow(message)
    readers = _readers.setdefault(name, {})
    found = []
    try:
        for field, value in message.ListFields():
            number = field.number
            known = readers.get(number)
            if known is None:
                known = readers[number] = (field.name, _reader(field))
            found.append((known[0], known[1](value)))
    except UnusualError:
        return _slow(message)
    found.sort(key=_first)
    return dict(found)


def field_readers(message: Any) -> Mapping[str, _Reader] | None:
    """By name, what reads one field of messages of this type: its value as JSON, MISSING where it isn't set.

    None for a type that json_format reads. A reader may raise what json_format does, and UnusualError where the whole message
    is to be read by `quick_json`.
    """
    descriptor = message.DESCRIPTOR
    name = descriptor.full_name
    readers = _field_readers.get(name)
    if readers is None:
        is_known = name.startswith("google.protobuf.")
        readers = {} if is_known else {field.name: _field_reader(field) for field in descriptor.fields}
        _field_readers[name] = readers
    return readers or None


def _field_reader(field: Any) -> _Reader:
    """What reads a field from its message. Set is what ListFields gives: present, or not the default."""
    name, read = field.name, _reader(field)
    if read is _unusual:
        return _unusual
    if not _is_repeated(field) and field.has_presence:
        return lambda message: read(getattr(message, name)) if message.HasField(name) else MISSING
    return lambda message: read(value) if (value := getattr(message, name)) else MISSING


def _first(pair: tuple[str, Any]) -> str:
    return pair[0]


def _slow(message: Any) -> Any:
    return with_ints(json_format.MessageToDict(message, preserving_proto_field_name=True))


def with_ints(value: Any) -> Any:
    """JSON with an int for every number without a fraction, and names sorted."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= EXACT else value
    if isinstance(value, dict):
        # A Struct is a map to protobuf, whose order changes from process to process; plans must not.
        return {name: with_ints(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [with_ints(item) for item in value]
    return value


def _reader(field: Any) -> _Reader:
    """What reads a field's value, for every message of that type."""
    if field.type in _PLAIN:
        one: _Reader = _same
    elif field.type == FieldDescriptor.TYPE_ENUM and field.enum_type.full_name != "google.protobuf.NullValue":
        # Of several names for one number json_format takes the first.
        by_number = field.enum_type.values_by_number
        names = {value.number: by_number[value.number].name for value in field.enum_type.values}
        one = lambda number: names.get(number, number)  # noqa: E731
    elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
        one = quick_json
    else:
        return _unusual
    if not _is_repeated(field):
        return one
    return list if one is _same else lambda values: [one(value) for value in values]


def _is_repeated(field: Any) -> bool:
    """`label` is deprecated since protobuf 6.31, which brought `is_repeated`."""
    return bool(field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED)


def _same(value: Any) -> Any:
    return value


def _unusual(_: Any) -> Any:
    raise UnusualError


def _struct(message: Any) -> dict[str, Any]:
    fields = message.fields
    return {name: _value(fields[name]) for name in sorted(fields)}


def _value(message: Any) -> Any:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        return message.string_value
    if kind == "number_value":
        number = message.number_value
        if not isfinite(number):
            raise UnusualError
        return int(number) if number.is_integer() and abs(number) <= EXACT else number
    if kind == "bool_value":
        return message.bool_value
    if kind == "struct_value":
        return _struct(message.struct_value)
    if kind == "list_value":
        return [_value(item) for item in message.list_value.values]
    return None
