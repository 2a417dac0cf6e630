"""The events of an ordinary document → its plain value, and the position of every part of it in one flat array.

A run reads ten thousand documents and needs few positions, so a position is not an object: the array has two numbers for each
value and each key, in the order of the text, and a position is found by counting the values before it. This reader doesn't
handle anchors and aliases, tags, merge keys, keys that repeat or aren't strings, scalars that have to be reported, and deep
nesting. For those it raises `OddError`, and the document is read by the exact builder (`tree.py`), which reports the problems
and resolves aliases. For every other document, both give the same result; a property test compares them.
"""

from __future__ import annotations

import re
from array import array
from typing import Any, Final

from yaml import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, Position
from reconciler.loading.scalars import PlainReadings

MAX_DEPTH: Final = 24
"""Levels of nesting. A Struct may have 32 (`manifests/structs.py`), so no ordinary document has one that is too deep."""

_UNUSABLE: Final = re.compile("[\0\ud800-\udfff]")
_REFERENCE: Final = "${"


class OddError(Exception):
    """This document has to be read by the exact builder. Some of its events have been consumed."""


class FlatPositions:
    """The positions of a document's values (see `nodes.Positions`): `marks` holds line, column, line, column …, from 0.

    A value's position comes before those of its parts, and a key's just before its value's. `texts` has the plain scalars
    that aren't read as strings, by the index of the value among all positions.
    """

    __slots__ = ("_known", "_marks", "_texts", "_value")

    def __init__(self, value: Any, marks: array[int], texts: dict[int, str]) -> None:
        self._value = value
        self._marks = marks
        self._texts = texts
        self._known: dict[int, dict[str | int, int]] | None = None

    def position(self, path: JsonPath) -> Position:
        """See `nodes.Positions`."""
        return self._at(self._nearest(path)[0])

    def key_position(self, path: JsonPath) -> Position:
        """See `nodes.Positions`."""
        _, above = self._nearest(path[:-1])
        index, _ = self._nearest(path)
        return self._at(index - 1) if type(above) is dict and str(path[-1]) in above else self._at(index)

    def raw(self, path: JsonPath) -> str | None:
        """See `nodes.Positions`."""
        return self._texts.get(self._nearest(path)[0])

    def _at(self, index: int) -> Position:
        return self._marks[2 * index] + 1, self._marks[2 * index + 1] + 1

    def _nearest(self, path: JsonPath) -> tuple[int, Any]:
        """The index and value at `path`, or of the nearest value above it."""
        index, value = 0, self._value
        for each in path:
            name = str(each) if type(value) is dict else each
            if not (name in value if type(value) is dict else type(value) is list and name in range(len(value))):
                break
            if self._known is None:
                index = _index_of(name, index, value)
            else:
                if index not in self._known:
                    self._known[index] = _indices(index, value)
                index = self._known[index][name]
            value = value[name]
        # For most documents, one position below the root is needed. From the second one on, the counts are kept.
        if path and self._known is None:
            self._known = {}
        return index, value


def _index_of(name: str | int, index: int, value: Any) -> int:
    """The index of one part of the container at `index`."""
    index += 1
    if type(value) is list:
        return index + sum(map(_count, value[: int(name)]))
    for key, item in value.items():
        index += 1
        if key == name:
            return index
        index += 1 if type(item) is str else _count(item)
    raise KeyError(name)


def _indices(index: int, value: Any) -> dict[str | int, int]:
    """The index of each part of the container at `index`."""
    indices: dict[str | int, int] = {}
    keys = 1 if type(value) is dict else 0
    index += 1
    last = len(value)
    for name, item in value.items() if keys else enumerate(value):
        index += keys  # a key's index is just before its value's
        indices[name] = index
        # Nothing is behind the last part, which is often the largest: `spec`, and in it `versions`.
        if len(indices) < last:
            index += 1 if type(item) is str else _count(item)
    return indices


def _count(value: Any) -> int:
    """How many positions belong to a value and its parts."""
    if type(value) is dict:
        return 1 + len(value) + sum(map(_count, value.values()))
    return 1 + sum(map(_count, value)) if type(value) is list else 1


class FlatReader:
    """Reads one document after the other from a stream of events. `readings` may be shared by many streams."""

    def __init__(self, source: Any, path: str, readings: PlainReadings) -> None:
        self._next = source.get_event
        self._path = path
        self._readings = readings

    def document(self) -> LoadedDocument:
        """The document whose start event was the last one taken. Raises OddError if it isn't an ordinary one."""
        marks: array[int] = array("I")
        self._mark = marks.append
        self._marks = marks
        self._texts: dict[int, str] = {}
        self._has_references = False
        self._is_ordinary = True
        event = self._next()
        value = self._scalar(event) if type(event) is ScalarEvent else self._container(event, 1)
        self._next()  # the end of the document
        return LoadedDocument(
            path=self._path,
            value=value,
            positions=FlatPositions(value, marks, self._texts),
            has_references=self._has_references,
            is_ordinary=self._is_ordinary and not self._has_references,
        )

    def _container(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is not MappingStartEvent and kind is not SequenceStartEvent:
            raise OddError  # an alias
        if event.anchor is not None or event.tag is not None or depth > MAX_DEPTH:
            raise OddError
        start = event.start_mark
        self._mark(start.line)
        self._mark(start.column)
        return self._mapping(depth) if kind is MappingStartEvent else self._sequence(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        following, mark, readings = self._next, self._mark, self._readings
        value: dict[str, Any] = {}
        while True:
            event = following()
            if type(event) is not ScalarEvent:
                if type(event) is MappingEndEvent:
                    return value
                raise OddError  # a key that is not a scalar
            key = event.value
            if key in value or event.anchor is not None or event.tag is not None:
                raise OddError
            if event.implicit[0]:
                reading = readings[key]
                if reading is None or reading[1] is not None:
                    raise OddError  # not a string, or <<
                key = reading[0]  # the same object in all documents
            elif not key or _REFERENCE in key or _UNUSABLE.search(key):
                raise OddError
            start: Any = event.start_mark
            mark(start.line)
            mark(start.column)
            event = following()
            value[key] = self._scalar(event) if type(event) is ScalarEvent else self._container(event, depth + 1)

    def _sequence(self, depth: int) -> list[Any]:
        value: list[Any] = []
        while True:
            event = self._next()
            if type(event) is ScalarEvent:
                value.append(self._scalar(event))
            elif type(event) is SequenceEndEvent:
                return value
            else:
                value.append(self._container(event, depth + 1))

    def _scalar(self, event: Any) -> Any:
        if event.anchor is not None or event.tag is not None:
            raise OddError
        text: str = event.value
        start = event.start_mark
        self._mark(start.line)
        self._mark(start.column)
        if event.implicit[0]:
            reading = self._readings[text]
            if reading is not None:
                value, raw, is_ordinary = reading
                if raw is not None:
                    self._texts[len(self._marks) // 2 - 1] = raw
                    self._is_ordinary = self._is_ordinary and is_ordinary
                return value
            if _REFERENCE not in text:
                raise OddError
        # Only double quotes have escapes, and only escapes make characters that no text can hold as they are.
        elif event.style == '"' and _UNUSABLE.search(text):
            raise OddError
        if "$" in text and _REFERENCE in text:  # one character is found sixty times as fast as two
            self._has_references = True
        return text
