"""Trees of JSON values: the marker for an absent value, paths through nested mappings, lookup and replacement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, Final, TypeGuard


class Missing(Enum):
    """The type of MISSING, which stands for an absent value. None can't, because it is a JSON value."""

    MISSING = "absent"


MISSING: Final = Missing.MISSING


FieldPath = tuple[str, ...]
"""The names that lead from a resource to a value: ("output_info", "params", "min_value")."""

SCALARS: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
"""The types of JSON values that contain no other value."""

Place = tuple[str | int, ...]
"""The names and list indexes that lead from the root of a tree to a value."""


def path_text(path: FieldPath) -> str:
    """Return the dotted form of a path, as manifests and output contain it.

    A dot or backslash in a name is escaped by a backslash.
    """
    text = ".".join(path)
    if "\\" not in text and text.count(".") == len(path) - 1:
        return text  # as hardly any name has one of the two
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in path)


def path_from_text(text: str) -> FieldPath:
    """Return the path whose dotted form is `text`. Names may be empty, since those of a live Struct may be.

    Raises ValueError if `text` ends in an unescaped backslash.
    """
    if "\\" not in text:
        return tuple(text.split("."))
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


_LEAVES: Final[frozenset[type]] = SCALARS | {list, Missing}
"""The types of most values that aren't mappings."""


@cache
def _is_mapping_type(kind: type) -> bool:
    return issubclass(kind, Mapping)


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a value is a mapping."""
    # The exact types first, and what an abstract class says of a type once: isinstance with one takes several times as long.
    kind: Any = type(value)
    return kind is dict or (kind not in _LEAVES and _is_mapping_type(kind))


def lookup(tree: Any, path: FieldPath) -> Any:
    """Return the value at `path` in nested mappings, or MISSING."""
    for name in path:
        if type(tree) is not dict and not is_mapping(tree):
            return MISSING
        tree = tree.get(name, MISSING)
    return tree


def put(tree: dict[str, Any], path: FieldPath, value: Any) -> None:
    """Set the value at `path` in nested dicts. Those that are absent on the way are created."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def with_value(tree: Mapping[str, Any], path: FieldPath, value: Any) -> dict[str, Any]:
    """Return a copy of nested mappings with `value` at `path`.

    MISSING deletes what is at `path`. Mappings that are absent on the way are created.
    """
    name, rest = path[0], path[1:]
    copy = dict(tree)
    if rest:
        inner = copy.get(name)
        if not is_mapping(inner):
            if value is MISSING:
                return copy
            inner = {}
        copy[name] = with_value(inner, rest, value)
    elif value is MISSING:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy


def is_plain(tree: Any, scalars: frozenset[type] = SCALARS) -> bool:
    """Whether a tree consists of plain dicts, lists and `scalars` alone: `map_leaves` meets nothing else in it."""
    kind = type(tree)
    if kind is not dict and kind is not list:
        return kind in scalars
    for item in tree.values() if kind is dict else tree:
        if type(item) not in scalars and not is_plain(item, scalars):  # without a call for each scalar
            return False
    return True


def leaves(tree: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield each value of a JSON tree that is neither a mapping nor a list, with its position below `path`."""
    kind = type(tree)
    if kind in SCALARS:
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
    """Return a JSON tree, in plain dicts and lists, with each leaf replaced by `change(leaf)`.

    A part in which that replaces nothing is returned as it is, not copied, so that equal trees stay the same object.
    """
    kind = type(tree)
    if kind in SCALARS:  # the exact types first, as in `is_mapping`
        return change(tree)
    if kind is dict:
        return _with_changes(tree, tree.items(), change)
    if kind is list:
        return _with_changes(tree, enumerate(tree), change)
    if isinstance(tree, Mapping):
        return {name: map_leaves(item, change) for name, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [map_leaves(item, change) for item in tree]
    return change(tree)


def _with_changes(tree: Any, items: Iterable[tuple[Any, Any]], change: Callable[[Any], Any]) -> Any:
    copy: Any = None
    for place, item in items:
        changed = map_leaves(item, change)
        if changed is not item:
            copy = tree.copy() if copy is None else copy
            copy[place] = changed
    return tree if copy is None else copy
