"""A YAML document as read: its JSON value, and the place of every value in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.errors import Origin
from reconciler.resources import MISSING

if TYPE_CHECKING:
    from reconciler.manifests.forms import Filled

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


class LoadedDocument:
    """One YAML document: its JSON value, and the place of each value in it. Read-only.

    `value` shares its parts where the text uses aliases. `has_references` is False where no scalar holds `${`. `filled` is
    what the tree is made from when it is first looked at, None where it was there at once.
    """

    __slots__ = ("_root", "_value", "filled", "has_references", "path")

    def __init__(self, *, path: str, root: Node | Filled, value: Any = MISSING, has_references: bool = False) -> None:
        self.path = path
        self.filled = None if isinstance(root, Node) else root
        self.has_references = has_references
        self._root = root if isinstance(root, Node) else None
        self._value = value

    @property
    def root(self) -> Node:
        """The document's tree."""
        if self._root is None:
            assert self.filled is not None
            self._root = self.filled.tree()
        return self._root

    @property
    def value(self) -> Any:
        """The document as JSON."""
        return self.root.value if self._value is MISSING else self._value

    def start(self) -> Origin:
        """The place of the root, without making the tree."""
        return self.origin() if self.filled is None else self.filled.start()

    def origin(self, path: JsonPath = ()) -> Origin:
        """The place of the value at `path`, or of the nearest value above it that the text holds."""
        return self.origin_of(self.node(path))

    def key_origin(self, path: JsonPath) -> Origin:
        """The place of the key that ends `path`; of the value itself where that isn't a mapping's."""
        node = self.node(path[:-1])
        place = node.keys.get(str(path[-1])) if node.keys is not None else None
        if place is None:
            return self.origin(path)
        return Origin(path=self.path, line=place[0], column=place[1])

    def origin_of(self, node: Node) -> Origin:
        """The place of one of this document's nodes."""
        return Origin(path=self.path, line=node.line, column=node.column)

    def raw(self, path: JsonPath) -> str | None:
        """The text as written of the plain scalar at `path`, where its reading isn't text or may surprise."""
        return self.node(path).raw

    def node(self, path: JsonPath) -> Node:
        """The node at `path`, or the nearest above it (below a value that `${var:…}` brought in there are no nodes)."""
        return node_at(self.root, path)

    def with_value(self, value: Any) -> LoadedDocument:
        """The same document holding another value at the same places."""
        return LoadedDocument(path=self.path, root=self.root, value=value, has_references=self.has_references)

    def with_path(self, path: str) -> LoadedDocument:
        """The same document under another name of its file."""
        return LoadedDocument(path=path, root=self.root, value=self._value, has_references=self.has_references)


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
