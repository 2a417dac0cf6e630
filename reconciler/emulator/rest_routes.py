"""Which call a REST request is, and its request message: routed by the `google.api.http` rules of service.proto.

In: a method, a path, a query string and a body. Out: the name of the call and its request message. No route is written
here: they are read from the descriptors of clarifai-grpc, which hold a path template, additional bindings and what of
the message is in the body, for every call. How these are applied follows google/api/http.proto:

- A variable of the template is a field of the message, also one of a sub-message: `{user_app_id.user_id}`.
- With a body of "*", the JSON body has all other fields. Without one, the query has them: `page=2`,
  `user_app_id.user_id=demo`, and a repeated field once for each value.
- Where two templates fit, the one with a literal at the first place in which they differ wins; service.proto counts on
  it ("This MUST be above ListModels so that /models/types takes precedence").

A slash at the end of a path is ignored, since samples of the service's documentation have one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from clarifai_grpc.grpc.api import service_pb2
from google.api import annotations_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

VARIABLE: Final = re.compile(r"\{([\w.]+)\}")
BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}


class NoRouteError(LookupError):
    """No call has this method and path."""


class BadRestRequestError(ValueError):
    """A body or a query that the call's request message can't be made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One HTTP rule of one call. `segments` are literals, or a variable's field path as a tuple of names."""

    rpc: str
    segments: tuple[str | tuple[str, ...], ...]
    has_body: bool

    def variables(self, path: Sequence[str]) -> dict[tuple[str, ...], str] | None:
        """The variables' values where the path fits this route, else None. A variable is never empty."""
        found = {}
        for segment, part in zip(self.segments, path, strict=True):
            if isinstance(segment, tuple):
                if not part:
                    return None
                found[segment] = part
            elif segment != part:
                return None
        return found


def request_for(method: str, path: str, query: str, body: bytes, *, ignore_unknown: bool = True) -> tuple[str, Any]:
    """The name of the call and its request message; `path` is as it was sent, percent-encoded.

    Raises NoRouteError, or BadRestRequestError naming the field; an unknown field is one only without `ignore_unknown`.
    """
    route, variables = _find(method, path)
    descriptor = service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[route.rpc].input_type
    message = message_factory.GetMessageClass(descriptor)()
    if route.has_body:
        _read_body(message, body, ignore_unknown=ignore_unknown)
    else:
        _read_query(message, query, ignore_unknown=ignore_unknown)
    for names, value in variables.items():
        _merge(message, _nested(names, value))
    return route.rpc, message


def _find(method: str, path: str) -> tuple[Route, dict[tuple[str, ...], str]]:
    parts = [unquote(part) for part in path.strip("/").split("/")]
    for route in _routes().get((method, len(parts)), ()):
        variables = route.variables(parts)
        if variables is not None:
            return route, variables
    raise NoRouteError(f"{method} {path}")


@cache
def _routes() -> Mapping[tuple[str, int], Sequence[Route]]:
    """All routes by HTTP method and number of segments; routes with literals before those with variables."""
    found: dict[tuple[str, int], list[Route]] = {}
    for method, route in _rules():
        found.setdefault((method, len(route.segments)), []).append(route)
    for routes in found.values():
        routes.sort(key=lambda route: [isinstance(segment, tuple) for segment in route.segments])
    return found


def _rules() -> Iterator[tuple[str, Route]]:
    for method in service_pb2.DESCRIPTOR.services_by_name["V2"].methods:
        if method.client_streaming or method.server_streaming:
            continue
        main = method.GetOptions().Extensions[annotations_pb2.http]
        for rule in (main, *main.additional_bindings):
            verb = rule.WhichOneof("pattern")
            if verb is not None:
                yield (
                    verb.upper(),
                    Route(rpc=method.name, segments=_segments(getattr(rule, verb)), has_body=rule.body == "*"),
                )


def _segments(template: str) -> tuple[str | tuple[str, ...], ...]:
    parts = template.strip("/").split("/")
    variables = [VARIABLE.fullmatch(part) for part in parts]
    return tuple(
        tuple(variable[1].split(".")) if variable else part for part, variable in zip(parts, variables, strict=True)
    )


# --- the message --------------------------------------------------------------------------------------------------


def _read_body(message: Any, body: bytes, *, ignore_unknown: bool) -> None:
    if not body.strip():
        return
    try:
        fields = json.loads(body)
        if not isinstance(fields, dict):
            raise BadRestRequestError("the body is not a JSON object")
        json_format.ParseDict(fields, message, ignore_unknown_fields=ignore_unknown)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise BadRestRequestError(str(error).partition("\n")[0] or "the body is nested too deeply") from error


def _read_query(message: Any, query: str, *, ignore_unknown: bool) -> None:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    for name, given in values.items():
        names = tuple(name.split("."))
        field = _field(message.DESCRIPTOR, names)
        if field is None:
            if ignore_unknown:
                continue
            raise BadRestRequestError(f"{name} is not a field of the request")
        if len(given) > 1 and not is_repeated(field):
            raise BadRestRequestError(f"{name} is given {len(given)} times and takes one value")
        converted = [_converted(name, field, value) for value in given]
        _merge(message, _nested(names, converted if is_repeated(field) else converted[0]))


def _field(descriptor: Descriptor, names: Sequence[str]) -> FieldDescriptor | None:
    """The field at a path of names; None where there is none, or where it lies inside a repeated field."""
    field = None
    for name in names:
        if field is not None and (field.message_type is None or is_repeated(field)):
            return None
        inside = field.message_type if field is not None and field.message_type is not None else descriptor
        field = inside.fields_by_name.get(name)
        if field is None:
            return None
    return field


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is a list; protobuf before 6.31 says so in another way than later ones."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(getattr(field, "label", None) == FieldDescriptor.LABEL_REPEATED)


def _converted(name: str, field: FieldDescriptor, text: str) -> Any:
    """A query's text as the JSON that the field takes; protobuf's JSON takes numbers and enums as strings, too."""
    is_wrapped = field.message_type is not None and field.message_type.full_name == "google.protobuf.BoolValue"
    if field.type == FieldDescriptor.TYPE_BOOL or is_wrapped:
        if text.lower() not in BOOLEANS:
            raise BadRestRequestError(f"{name}={text} is not true or false")
        return BOOLEANS[text.lower()]
    return text


def _nested(names: Sequence[str], value: Any) -> dict[str, Any]:
    for name in reversed(names):
        value = {name: value}
    nested: dict[str, Any] = value
    return nested


def _merge(message: Any, fields: dict[str, Any]) -> None:
    try:
        json_format.ParseDict(fields, message)
    except json_format.ParseError as error:
        raise BadRestRequestError(str(error).partition("\n")[0]) from error
