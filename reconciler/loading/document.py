"""One YAML document as read: its JSON value, and the place of every value in it."""

from __future__ import annotations

from typing import Any

from reconciler.errors import Origin
from reconciler.loading.form import Filled
from reconciler.loading.nodes import JsonPath, Node, node_at
from reconciler.resources.tree import MISSING


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
