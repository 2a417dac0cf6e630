"""A YAML value with the place of every value in it, and the paths that lead there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.resources.tree import MISSING

JsonPath = tuple["str | int", ...]
"""Names and list positions from a document's root down to a value: ("spec", "versions", 0, "id")."""


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


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place; `line` and `column` are 1-based.

    `raw` is a plain scalar's text as written, kept where its reading isn't text or may surprise. `keys` has the places
    of a mapping's keys. `size` and `height` count what aliases stand for. `is_open`: its end hasn't been read.
    """

    value: Any
    line: int
    column: int
    raw: str | None = None
    children: dict[str, Node] | list[Node] | None = None
    keys: dict[str, tuple[int, int]] | None = None
    size: int = 1
    height: int = 0
    is_open: bool = False


def node_at(node: Node, path: JsonPath) -> Node:
    """The node at `path` below `node`, or the nearest above it."""
    for name in path:
        child = child_of(node, name)
        if child is None:
            break
        node = child
    return node


def child_of(node: Node, name: str | int) -> Node | None:
    """The node of one key or list position, None where the text has none."""
    if isinstance(node.children, dict):
        return node.children.get(name if isinstance(name, str) else str(name))
    if isinstance(node.children, list) and name in range(len(node.children)):
        return node.children[int(name)]
    return None
