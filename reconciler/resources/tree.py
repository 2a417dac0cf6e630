"""Trees of JSON values: the word for "absent", paths through nested mappings, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final


class Missing(Enum):
    """The type of MISSING, the one word for "absent" (never None, which is a JSON value)."""

    MISSING = "absent"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING


FieldPath = tuple[str, ...]
"""Names from the resource down to a value: ("output_info", "params", "min_value")."""

Place = tuple[str | int, ...]
"""Names and list positions from the root of a tree down to a value."""


def path_text(path: FieldPath) -> str:
    """The dotted form shown to users and used in manifests; a dot or backslash inside a name is escaped by a backslash."""
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in path)


def path_from_text(text: str) -> FieldPath:
    """The inverse of `path_text`; a live Struct may have empty names. Raises ValueError on a dangling backslash."""
    names: list[str] = []
    name: list[str] = []
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            escaped = next(letters, None)
            if escaped is None:
                raise ValueError("ends in a lone backslash")
            name.append(escaped)
        elif letter == ".":
            names.append("".join(name))
            name = []
        else:
            name.append(letter)
    names.append("".join(name))
    return tuple(names)


def lookup(tree: Any, path: FieldPath) -> Any:
    """The value at `path` of nested mappings, or MISSING."""
    for name in path:
        # By exact type first: asking a Mapping whether it is one takes ten times as long.
        if type(tree) is not dict and not isinstance(tree, Mapping):
            return MISSING
        tree = tree.get(name, MISSING)
    return tree


def with_value(tree: Mapping[str, Any], path: FieldPath, value: Any) -> dict[str, Any]:
    """A copy of nested mappings with `value` at `path`; MISSING deletes. Mappings on the way are made where absent."""
    name, rest = path[0], path[1:]
    copy = dict(tree)
    if rest:
        inner = copy.get(name)
        if not isinstance(inner, Mapping):
            if value is MISSING:
                return copy
            inner = {}
        copy[name] = with_value(inner, rest, value)
    elif value is MISSING:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy


_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def leaves(tree: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Each value of a JSON tree that is neither a mapping nor a list, with the names and positions that lead to it."""
    kind = type(tree)
    if kind in _SCALARS:
        yield path, tree
    elif kind is dict or isinstance(tree, Mapping):
        for name, item in tree.items():
            yield from leaves(item, (*path, name))
    elif isinstance(tree, (list, tuple)):
        for index, item in enumerate(tree):
            yield from leaves(item, (*path, index))
    else:
        yield path, tree


def map_leaves(tree: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a JSON tree, in plain dicts and lists, with `change(leaf)` in place of each leaf."""
    kind = type(tree)
    if kind in _SCALARS:  # asked first: whether a string is a Mapping takes ten times as long to find out
        return change(tree)
    if kind is dict or isinstance(tree, Mapping):
        return {name: map_leaves(item, change) for name, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [map_leaves(item, change) for item in tree]
    return change(tree)
