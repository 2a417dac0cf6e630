"""The parser's events → documents in which every value has its position, and all problems of the structure.

PyYAML's loaders lose positions, keep the last of two equal keys, expand aliases without a limit, and recurse once per
level. So the tree is built here from the parser's events, with an explicit stack:

- A *node* is a value with its position. Values are plain JSON values. A mapping's value is the dict of its children's
  values, which is filled as they are read, so no second pass is needed. An alias is the same node again.
- `size` and `height` of a node count what its aliases expand to. They are known when the node ends, so a document
  that would expand to billions of values is refused before anything walks through it.
- What can't be used (a date, a custom tag, a duplicate key) is reported and replaced by a harmless value, so that all
  problems are found in one run.

Merge keys (`<<: *base`, `<<: [*a, *b]`) work as YAML 1.1 defines them: keys written out win over merged ones, earlier
mappings of a list over later ones. Plain scalars are read as PyYAML's safe loader reads them. If the result isn't a string,
the original text is kept for messages and warnings about `no`, `012` and the like.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from reconciler.errors import Origin, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import Node, json_pointer
from reconciler.loading.scalars import TAG_PREFIX, PlainReadings, may_surprise, read_plain, read_tagged, surprise
from reconciler.resources.wording import described, quoted, shortened

MAX_DEPTH: Final = 64
"""Levels of nesting in a document. protobuf can't carry half of that inside a Struct (`structs.py`)."""

MAX_EXPANDED: Final = 100_000
"""Values in a document that uses aliases, each alias counted as all that it stands for."""

_MERGE_KEY: Final = "<<"
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")


class UnreadableError(Exception):
    """The problem is recorded, and nothing after it in the stream can be trusted."""


@dataclass(slots=True, eq=False)
class _Frame:
    """An open container: its node and, in a mapping, the key that waits for its value, and what `<<` named."""

    node: Node
    key: str | None = None
    place: tuple[int, int] = (1, 1)
    merging: bool = False
    merged: list[Node] = field(default_factory=list)


class Builder:
    """Turns one stream of events into documents. `_stack` is the path of open containers.

    `readings` may be shared by many streams. `first_line` is the number of lines before the stream's first.
    """

    def __init__(
        self, parser: Any, path: str, problems: ProblemList, *, readings: PlainReadings, first_line: int = 0
    ) -> None:
        self._parser = parser
        self._path = path
        self._problems = problems
        self._readings = readings
        self._first_line = first_line
        self._reset()

    def _reset(self) -> None:
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._alias: tuple[int, int] | None = None
        self._has_references = False

    def document(self) -> LoadedDocument | None:
        """The next document of the stream; None where it is empty. Raises UnreadableError, or what the parser raises."""
        self._reset()
        while True:
            event = self._parser.get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                node = self._scalar(event)
                self._remember(event, node)
                self._attach(node)
            elif kind is yaml.MappingStartEvent:
                self._open(event, {})
            elif kind is yaml.SequenceStartEvent:
                self._open(event, [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close()
            elif kind is yaml.AliasEvent:
                self._follow(event)
            elif kind is yaml.DocumentEndEvent:
                return self._document()

    def _document(self) -> LoadedDocument | None:
        root = self._root
        if root is None or (root.value is None and root.children is None):
            return None
        return LoadedDocument(path=self._path, value=root.value, positions=root, has_references=self._has_references)

    # --- containers and aliases ---

    def _open(self, event: Any, empty: Any) -> None:
        line, column = self._place(event)
        is_mapping = isinstance(empty, dict)
        node = Node(empty, line, column, None, {} if is_mapping else [], {} if is_mapping else None, is_open=True)
        if event.tag is not None and event.tag not in (TAG_PREFIX + ("map" if is_mapping else "seq"), "!"):
            self._report_tag(event.tag, line, column)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse_depth(line, column)
        self._remember(event, node)
        self._stack.append(_Frame(node))

    def _close(self) -> None:
        frame = self._stack.pop()
        frame.node.is_open = False
        for merged in frame.merged:
            _merge(frame.node, merged)
        self._attach(frame.node)

    def _follow(self, event: Any) -> None:
        """Resolve an alias to its node."""
        line, column = self._place(event)
        name = shortened(event.anchor)
        node = self._anchors.get(event.anchor)
        if node is None:
            self._report("yaml-alias", f"the alias *{name} has no anchor &{name} before it.", line, column)
            node = Node(None, line, column)
        elif node.is_open:
            self._report(
                "yaml-alias", f"the alias *{name} refers to a value that contains the alias itself.", line, column
            )
            node = Node(None, line, column)
        self._alias = (line, column)
        self._attach(node)

    def _remember(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node

    def _attach(self, node: Node) -> None:
        """Add a finished node at the current place of the stream: the root, a list's end, a key or a key's value."""
        if not self._stack:
            self._root = node
            self._require_bounds(node)
            return
        frame = self._stack[-1]
        parent = frame.node
        if isinstance(parent.children, list):
            parent.children.append(node)
            parent.value.append(node.value)
        elif frame.key is None:
            self._take_key(frame, node)
            return
        elif frame.merging:
            self._take_merge(frame, node)
            return
        else:
            self._take_value(frame, node)
        self._grow(parent, node)

    def _grow(self, parent: Node, node: Node) -> None:
        parent.size = min(parent.size + node.size, MAX_EXPANDED + 1)
        parent.height = max(parent.height, node.height + 1)
        if self._alias is not None:
            self._require_bounds(parent)

    def _require_bounds(self, parent: Node) -> None:
        """Only aliases need this: what is written out is bounded by the file's size, and its depth by `_open`."""
        if self._alias is None:
            return
        if parent.size > MAX_EXPANDED:
            self._report(
                "yaml-too-large",
                f"the aliases in this document expand it past {MAX_EXPANDED:,} values.",
                *self._alias,
                hint="Write out what is needed, or split the document.",
            )
            raise UnreadableError
        if len(self._stack) + parent.height > MAX_DEPTH:
            self._refuse_depth(*self._alias)

    def _refuse_depth(self, line: int, column: int) -> None:
        self._report(
            "yaml-too-deep", f"nested deeper than {MAX_DEPTH} levels.", line, column, hint="Flatten the document."
        )
        raise UnreadableError

    # --- mappings ---

    def _take_key(self, frame: _Frame, node: Node) -> None:
        frame.place = (node.line, node.column)
        frame.merging = node.value == _MERGE_KEY and node.text == _MERGE_KEY
        if isinstance(node.value, str):
            frame.key = node.value
            if node.value == "":
                self._report("empty-key", "a mapping key is empty.", node.line, node.column, hint="Name it.")
            return
        frame.key = node.text or "?"
        what, hint = described(node.value), None
        if node.children is None:
            shown = shortened(node.text or "")
            if node.text is not None and surprise(node.text, node.value) is not None:
                what = f"{what}, which is how YAML reads {shown}"
            hint = f'Quote it to make it a string: "{shown}".'
        self._report(
            "non-string-key", f"a mapping key must be a string, found {what}.", node.line, node.column, hint=hint
        )

    def _take_value(self, frame: _Frame, node: Node) -> None:
        parent, key = frame.node, frame.key
        assert key is not None
        assert parent.keys is not None
        assert isinstance(parent.children, dict)
        first = parent.keys.get(key)
        if first is not None:
            line, column = frame.place
            self._report(
                "duplicate-key",
                f"the key {quoted(key)} is already set in line {first[0]}.",
                line,
                column,
                hint="Keep one of the two.",
            )
        else:
            parent.keys[key] = frame.place
            parent.children[key] = node
            parent.value[key] = node.value
        frame.key = None

    def _take_merge(self, frame: _Frame, node: Node) -> None:
        sources = node.children if isinstance(node.children, list) else [node]
        for source in sources:
            if isinstance(source.children, dict):
                frame.merged.append(source)
                self._grow(frame.node, source)
            else:
                self._report(
                    "yaml-merge",
                    f"the merge key << takes a mapping or a list of mappings, found {described(source.value)}.",
                    source.line,
                    source.column,
                    hint='Quote it, "<<", where you mean a key of that name.',
                )
        frame.key = None

    # --- scalars ---

    def _scalar(self, event: Any) -> Node:
        line, column = self._place(event)
        text: str = event.value
        tag: str | None = event.tag
        is_plain = tag is None and event.implicit[0]
        if is_plain:
            known = self._readings[text]
            if known is not None:
                return Node(known[0], line, column, known[1])
            kind, value = read_plain(text)
        else:
            kind, value = ("str", text) if tag is None or tag == "!" else read_tagged(tag, text)
        if kind == "str":
            self._check_text(text, line, column)
            raw = text if is_plain and may_surprise(text) else None
            return Node(value, line, column, raw)
        if kind == "tag":
            self._report_tag(str(tag), line, column)
            return Node(value, line, column)
        if kind in {"timestamp", "number"}:
            self._report_unusable(kind, text, line, column)
        elif isinstance(value, float) and not math.isfinite(value):
            self._report_unusable("not-finite", text, line, column)
            value = 0
        return Node(value, line, column, text)

    def _report_unusable(self, kind: str, text: str, line: int, column: int) -> None:
        code, why = {
            "timestamp": ("yaml-date", "is a date in YAML, but JSON and the service have no dates"),
            "number": ("yaml-number", "looks like a number, but can't be read as one"),
            "not-finite": (
                "yaml-not-finite",
                "is not a finite number, and JSON and the service allow only finite ones",
            ),
        }[kind]
        shown = shortened(text)
        self._report(code, f"{shown} {why}.", line, column, hint=f'Quote it to make it a string: "{shown}".')

    def _check_text(self, text: str, line: int, column: int) -> None:
        if "${" in text:
            self._has_references = True
        if "\x00" in text:
            self._report(
                "yaml-character", "the string contains a NUL character, which the service can't store.", line, column
            )
        if _HALF_CHARACTER.search(text):
            self._report(
                "yaml-character",
                "the string contains half of a surrogate pair, which is not a character.",
                line,
                column,
                hint=r"Write the character itself, or \U and its eight-digit code.",
            )

    def _place(self, event: Any) -> tuple[int, int]:
        mark = event.start_mark
        return mark.line + 1 + self._first_line, mark.column + 1

    # --- problems ---

    def _report(self, code: str, message: str, line: int, column: int, *, hint: str | None = None) -> None:
        names: list[str | int] = []
        for frame in self._stack:
            if isinstance(frame.node.children, list):
                names.append(len(frame.node.children))
            elif frame.key is not None:
                names.append(frame.key)
        origin = Origin(path=self._path, line=line, column=column)
        self._problems.add(code, message, origin, pointer=json_pointer(tuple(names)), hint=hint)

    def _report_tag(self, tag: str, line: int, column: int) -> None:
        shown = "!!" + tag.removeprefix(TAG_PREFIX) if tag.startswith(TAG_PREFIX) else tag
        self._report(
            "yaml-tag",
            f"the tag {shortened(shown)} is not allowed: manifests contain plain data only.",
            line,
            column,
            hint="Remove the tag.",
        )


def source_of_events(text: Any) -> Any:
    """A parser of one text, or of a stream of text: libyaml's where PyYAML was built with it, else the one in Python."""
    if yaml.__with_libyaml__:
        from yaml import cyaml

        parser: Any = cyaml
        return parser.CParser(text)
    return yaml.SafeLoader(text)


def _merge(into: Node, source: Node) -> None:
    """Take over the children of `source` that `into` hasn't; places stay those of `source`."""
    assert isinstance(into.children, dict)
    assert isinstance(source.children, dict)
    assert into.keys is not None
    assert source.keys is not None
    for key, child in source.children.items():
        if key not in into.children:
            into.children[key] = child
            into.keys[key] = source.keys[key]
            into.value[key] = child.value
