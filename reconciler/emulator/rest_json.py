"""An answer as the service's REST interface prints it.

In: a protobuf message. Out: its JSON text. Field names are those of the proto files and enums are numbers, as in the
recorded answers of the service (`"visibility": {"gettable": 10}`, `"status": {"code": 10000, …}`); a whole number has no
fraction, in a Struct too (`"max_tokens": 512`). Fields that are shown although they are empty are those that the proto
files mark so (the option cl_show_if_empty), and those of SHOWN_EMPTY.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from clarifai_grpc.grpc.api.utils import extensions_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from reconciler.emulator.rest_routes import is_repeated

SHOWN_EMPTY: Final[Mapping[str, Sequence[str]]] = {
    "clarifai.api.Model": ("toolkits", "use_cases", "languages", "languages_full", "check_consents"),
}
"""Empty lists in recorded answers, of fields that the proto files don't mark."""


def json_text(message: Any) -> bytes:
    """The JSON of a message, UTF-8. Raises ValueError where a Struct holds a number that JSON does not have."""
    plain = json_format.MessageToDict(message, preserving_proto_field_name=True, use_integers_for_enums=True)
    completed = _completed(plain, message.DESCRIPTOR)
    return json.dumps(completed, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _completed(plain: dict[str, Any], descriptor: Descriptor) -> dict[str, Any]:
    """The JSON of a message with the fields that are shown although they are empty."""
    fields = descriptor.fields_by_name
    completed = {name: _value(value, fields[name]) for name, value in plain.items()}
    for name, empty in _shown_empty(descriptor).items():
        completed.setdefault(name, empty)
    return completed


def _value(value: Any, field: FieldDescriptor) -> Any:
    inner = field.message_type
    if inner is None or inner.full_name.startswith("google.protobuf.") or inner.GetOptions().map_entry:
        return _whole(value)
    if isinstance(value, list):
        return [_completed(item, inner) for item in value]
    return _completed(value, inner)


@cache
def _shown_empty(descriptor: Descriptor) -> Mapping[str, Any]:
    """The fields of a message that are shown although they are empty, with what is shown then."""
    also = SHOWN_EMPTY.get(descriptor.full_name, ())
    return {
        field.name: _empty(field)
        for field in descriptor.fields
        if field.name in also or field.GetOptions().Extensions[extensions_pb2.cl_show_if_empty]
    }


def _empty(field: FieldDescriptor) -> Any:
    if is_repeated(field):
        return []
    if field.message_type is not None:
        return {}
    if field.enum_type is not None:
        return 0
    return {FieldDescriptor.CPPTYPE_STRING: "", FieldDescriptor.CPPTYPE_BOOL: False}.get(field.cpp_type, 0)


def _whole(value: Any) -> Any:
    """JSON in which 512.0 is 512."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value
