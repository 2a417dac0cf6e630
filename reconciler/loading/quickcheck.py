"""A JSON Schema as a plain Python predicate: true only where a value surely fits, made for values that nearly always do.

jsonschema takes a third of the time of reading a fleet's manifests, and its import a third of validating one file. Both
are for its account of what is wrong. So it is asked only about values that don't pass here; it alone decides what a
problem is. The predicate may be too strict, never too lax: a keyword that isn't in the table below passes nothing, and a
value of an unusual Python type doesn't either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]

_SILENT: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "examples"})
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def quick_check(schema: Mapping[str, Any]) -> Check:
    """The predicate of one schema without `$ref`."""
    if not set(schema) <= _SILENT | set(_SIMPLE) | {"properties", "additionalProperties"}:
        return _never
    checks = [_SIMPLE[name](item) for name, item in schema.items() if name in _SIMPLE]
    if "properties" in schema or "additionalProperties" in schema:
        checks.append(_members(schema.get("properties", {}), schema.get("additionalProperties", True)))
    if not checks:
        return _always
    if len(checks) == 1:
        return checks[0]
    first, second, *rest = checks
    if not rest:
        return lambda value: first(value) and second(value)
    return lambda value: first(value) and second(value) and all(check(value) for check in rest)


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False


def _type(name: Any) -> Check:
    # By exact type: True is an int to Python, and a subclass may be anything.
    types = _TYPES.get(name, ()) if isinstance(name, str) else ()
    if len(types) == 1:
        only = types[0]
        return lambda value: type(value) is only
    return lambda value: type(value) in types


def _choice(choices: Any) -> Check:
    texts = frozenset(choice for choice in choices if isinstance(choice, str))
    return lambda value: type(value) is str and value in texts


def _constant(only: Any) -> Check:
    return lambda value: type(value) is type(only) and bool(value == only)


def _members(properties: Mapping[str, Any], others: Any) -> Check:
    checks = {name: quick_check(schema) for name, schema in properties.items()}
    default = quick_check(others) if isinstance(others, Mapping) else (_always if others is True else _never)

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return True  # what the schema says about members it says about mappings only; `type` is apart
        # A generator would double the cost of the whole check.
        for name, item in value.items():  # noqa: SIM110
            if not checks.get(name, default)(item):
                return False
        return True

    return check


def _items(schema: Any) -> Check:
    check = quick_check(schema) if isinstance(schema, Mapping) else _never
    return lambda value: type(value) is not list or all(map(check, value))


def _required(names: Any) -> Check:
    wanted = tuple(names)
    return lambda value: type(value) is not dict or all(name in value for name in wanted)


def _exactly_one(schemas: Any) -> Check:
    # Only sound for schemas whose predicate is exact, not merely strict: those that name what is required.
    if not all(set(schema) == {"required"} for schema in schemas):
        return _never
    checks = [_required(schema["required"]) for schema in schemas]
    return lambda value: sum(check(value) for check in checks) == 1


def _unique(wanted: Any) -> Check:
    if wanted is not True:
        return _never
    return lambda value: (
        type(value) is not list or (all(type(item) is str for item in value) and len(set(value)) == len(value))
    )


def _minimum(least: Any) -> Check:
    return lambda value: type(value) not in (int, float) or value >= least


_SIMPLE: Final[Mapping[str, Callable[[Any], Check]]] = {
    "type": _type,
    "enum": _choice,
    "const": _constant,
    "required": _required,
    "oneOf": _exactly_one,
    "items": _items,
    "uniqueItems": _unique,
    "minLength": lambda length: lambda value: type(value) is not str or len(value) >= length,
    "minItems": lambda length: lambda value: type(value) is not list or len(value) >= length,
    "minimum": _minimum,
}
