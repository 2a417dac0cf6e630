"""Paths into a document, and a tree that knows the position of every value in it.

A document's positions are in a `Node`, as here, or in an array (`flat.py`). Both have the same methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.resources.tree import MISSING

JsonPath = tuple["str | int", ...]
"""Names and list positions from a document's root down to a value: ("spec", "versions", 0, "id")."""

Position = tuple[int, int]
"""Line and column, both from 1."""


def json_pointer(path: JsonPath) -> str:
    """The JSON pointer (RFC 6901) of a path; "" is the root."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in path)


def dotted(path: JsonPath) -> str:
    """The path as messages write it: `spec.versions[0].id`; "the document" for the root."""
    text = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in path)
    return text.removeprefix(".") or "the document"


def value_at(value: Any, path: JsonPath) -> Any:
    """The part of `value` at `path`; MISSING where there is none."""
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name in range(len(value)):
            value = value[int(name)]
        else:
            return MISSING
    return value


class Positions(Protocol):
    """The positions of the values of one document in its text.

    A path may lead into the value of a variable, which isn't in the text: then the position of the nearest value above is used.
    """

    def position(self, path: JsonPath) -> Position:
        """Where the value at `path` begins."""
        ...

    def key_position(self, path: JsonPath) -> Position:
        """Where the key that ends `path` begins; the value itself where it isn't a mapping's."""
        ...

    def raw(self, path: JsonPath) -> str | None:
        """The text as written of the plain scalar at `path`, where it isn't read as a string, or looks as if it weren't."""
        ...


@dataclass(slots=True, eq=False)
class Node:
    """A value and its position.

    `text` is a plain scalar as written, kept where it isn't read as a string or looks as if it weren't. `keys` has the
    positions of a mapping's keys. `size` and `height` count what aliases stand for. `is_open`: its end hasn't been read.
    """

    value: Any
    line: int
    column: int
    text: str | None = None
    children: dict[str, Node] | list[Node] | None = None
    keys: dict[str, Position] | None = None
    size: int = 1
    height: int = 0
    is_open: bool = False

    def position(self, path: JsonPath) -> Position:
        """See `Positions`."""
        node = self._nearest(path)
        return node.line, node.column

    def key_position(self, path: JsonPath) -> Position:
        """See `Positions`."""
        keys = self._nearest(path[:-1]).keys or {}
        return keys.get(str(path[-1])) or self.position(path)

    def raw(self, path: JsonPath) -> str | None:
        """See `Positions`."""
        return self._nearest(path).text

    def _nearest(self, path: JsonPath) -> Node:
        node = self
        for name in path:
            if isinstance(node.children, dict) and str(name) in node.children:
                node = node.children[str(name)]
            elif isinstance(node.children, list) and name in range(len(node.children)):
                node = node.children[int(name)]
            else:
                break
        return node
