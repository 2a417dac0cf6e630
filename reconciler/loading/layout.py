"""YAML text → where each value begins and ends in it, for editing it in place.

In: a text. Out: a Part for each document's root, with the parts in it, by offsets in characters. The values themselves are those
that `load.py` reads; this says only where they stand, in which style they are written, and which of them an edit must leave
alone because they are written once and used several times (anchors, aliases and merge keys).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from reconciler.loading.tree import source_of_events


@dataclass(slots=True, kw_only=True)
class Part:
    """One value in a text: `text[start:end]`, without what follows it on its last line.

    `style` is that of a scalar: "" for a plain one, else its first character. `is_flow` is about containers: [] or {}.
    `names` are a mapping's keys as parts, in the order of `parts`, and `by_name` has the positions of its names. A block
    sequence begins at its first dash. `is_shared`: it is an alias, has an anchor that is used, or is a mapping with a merge key.
    """

    kind: Literal["scalar", "list", "mapping"]
    start: int
    end: int
    column: int
    style: str = ""
    is_flow: bool = False
    is_shared: bool = False
    parts: list[Part] = field(default_factory=list)
    names: list[Part] = field(default_factory=list)
    by_name: dict[str, int] = field(default_factory=dict)


def layouts(text: str) -> list[Part]:
    """The root part of each document of a text without a byte order mark. Raises yaml.YAMLError."""
    return list(_Reader(text).roots())


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._aliases = _aliases(text) if "*" in text else frozenset[str]()
        self._source = source_of_events(text)

    def roots(self) -> Iterator[Part]:
        while type(event := self._source.get_event()) is not yaml.StreamEndEvent:
            if type(event) is yaml.DocumentStartEvent:
                root = self._part(self._source.get_event(), indent=-1)
                if not (root.kind == "scalar" and root.start == root.end):  # an empty document is none
                    yield root

    def _part(self, event: Any, *, indent: int) -> Part:
        start, beyond, column = event.start_mark.index, event.end_mark.index, event.start_mark.column
        if type(event) is yaml.AliasEvent:
            return Part(kind="scalar", start=start, end=beyond, column=column, is_shared=True)
        is_shared = event.anchor in self._aliases
        if type(event) is yaml.ScalarEvent:
            style = event.style or ""
            if event.anchor is not None:
                start = self._after_anchor(start, event.anchor)
            end = self._block_end(start, indent) if style in ("|", ">") else beyond
            return Part(kind="scalar", start=start, end=end, column=column, style=style, is_shared=is_shared)
        kind: Literal["list", "mapping"] = "list" if type(event) is yaml.SequenceStartEvent else "mapping"
        if event.anchor is not None and kind == "list" and not event.flow_style:
            is_shared = True  # its first dash is somewhere below the anchor
        made = Part(
            kind=kind, start=start, end=start, column=column, is_flow=bool(event.flow_style), is_shared=is_shared
        )
        inner = indent if made.is_flow else column
        is_above = event.anchor is not None and not made.is_flow
        last = self._items(made, inner) if kind == "list" else self._entries(made, inner, is_above=is_above)
        made.end = last.end_mark.index if made.is_flow else max((part.end for part in made.parts), default=start)
        return made

    def _items(self, made: Part, indent: int) -> Any:
        while type(event := self._source.get_event()) is not yaml.SequenceEndEvent:
            made.parts.append(self._part(event, indent=indent))
        return event

    def _entries(self, made: Part, indent: int, *, is_above: bool) -> Any:
        """Read a mapping to its end event. `is_above`: what begins it is an anchor before its first name."""
        while type(event := self._source.get_event()) is not yaml.MappingEndEvent:
            if is_above and not made.names:
                indent = made.column = event.start_mark.column
            name = self._part(event, indent=indent)
            text = event.value if type(event) is yaml.ScalarEvent else None
            value = self._part(self._source.get_event(), indent=indent)
            if text is None or text == "<<":
                made.is_shared = True
            else:
                made.by_name[text] = len(made.parts)
            made.names.append(name)
            made.parts.append(value)
        return event

    def _after_anchor(self, start: int, anchor: str) -> int:
        """Where a scalar itself begins whose anchor begins at `start`."""
        beyond = start + len(anchor) + 1
        rest = self._text[beyond:]
        is_first = self._text.startswith(f"&{anchor}", start)
        return beyond + len(rest) - len(rest.lstrip(" ")) if is_first else start

    def _block_end(self, start: int, indent: int) -> int:
        """The end of the last line with content of a block scalar: libyaml's mark is that of whatever follows."""
        end = self._line_end(start)
        at = end + 1
        while at < len(self._text):
            line_end = self._line_end(at)
            line = self._text[at:line_end]
            if line.strip(" \r"):
                if len(line) - len(line.lstrip(" ")) <= indent or (
                    line.startswith(("---", "...")) and not line[3:].strip()
                ):
                    break
                end = line_end
            at = line_end + 1
        return end - 1 if self._text[end - 1 : end] == "\r" else end

    def _line_end(self, at: int) -> int:
        """The index of the line feed that ends the line at `at`, or of the end of the text."""
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found


def _aliases(text: str) -> frozenset[str]:
    """The names of all anchors that are used."""
    source = source_of_events(text)
    names: set[str] = set()
    while type(event := source.get_event()) is not yaml.StreamEndEvent:
        if type(event) is yaml.AliasEvent:
            names.add(str(event.anchor))
    return frozenset(names)
