"""Documents that differ only in words from one that was read before → the same documents, without parsing them again.

A fleet's manifests are one form filled in many times: the same keys, indentation and punctuation around other words. What a
YAML parser makes of a text depends on its white space and punctuation; of words it keeps the letters and never asks what
they say, outside a few constructs. So a text is cut into *runs*, words of letters, digits, `_`, `.`, `/`, `+`, `-` that
begin with a letter, digit or `_`, joined by single spaces, and what stands between them. Two texts with the same parts
between their runs have the same structure, provided that the text has none of the constructs whose meaning hangs on
letters or lengths:

- escapes, block scalars, anchors, aliases, tags, directives, references, and line breaks other than a line feed: a file
  with any of their characters (`_UNSURE`) is never taken for a form;
- keys, which may repeat each other or be too long for one (libyaml allows 1,024 characters): the runs of keys are equal
  in all documents of a form, and so are those of scalars that aren't exactly one run (`a:b`, `-1`, `it''s`);
- plain scalars, whose run says whether it is a number: each is read anew, and one that needs a message (a date) is none
  of the form's.

`---` in the first column followed by white space ends a document wherever it stands: so the text is cut there first. All
of this is held by a property test against the parser itself; whatever isn't plainly such a document, or has any problem,
is left to the parser.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import itemgetter
from typing import Any, Final

import yaml

from reconciler.errors import Origin, ProblemList
from reconciler.manifests.document import JsonPath, LoadedDocument, Node
from reconciler.manifests.scalars import PlainReadings
from reconciler.manifests.tree import Builder, UnreadableError, source_of_events

_WORD: Final = r"[0-9A-Za-z_][0-9A-Za-z_./+-]*"
_RUNS: Final = re.compile(rf"({_WORD}(?: {_WORD})*)")
_UNSURE: Final = re.compile("[\\\\|>!&*%$<\t\r\x85\u2028\u2029\ufeff]")
_DOCUMENT: Final = re.compile(r"\n(?=---(?:[ \n]|\Z))")

Picked = Callable[[Sequence[str]], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A scalar that each document of a form fills with a run of its own: the `index`-th of the document.

    `line` and `column` are where the run begins in the form's own document.
    """

    path: JsonPath
    index: int
    is_plain: bool
    line: int
    column: int


class Form:
    """What documents of one form share: a tree, its places counted from the document's first line, and its holes.

    `root` is None where they hold nothing. `runs` are those of the document that the form was made from.
    """

    def __init__(self, root: Node | None, holes: dict[int, Hole], runs: Sequence[str]) -> None:
        self.root = root
        self.runs = runs
        self.holes = tuple(holes.values())
        self.plain = picked(tuple(hole.index for hole in self.holes if hole.is_plain))
        self._hole_at = holes
        self._holes_in: dict[int, list[Hole]] = {}
        for hole in self.holes:
            self._holes_in.setdefault(hole.line, []).append(hole)

    def hole_at(self, node: Node) -> Hole | None:
        """The hole that a node of `root` is, if any."""
        return self._hole_at.get(id(node))

    def holes_in(self, line: int) -> Sequence[Hole]:
        """The holes that begin in a line of the form, from left to right."""
        return self._holes_in.get(line, ())


class Filled:
    """A document as its form and its own runs; `first_line` is how many lines of the file come before it."""

    __slots__ = ("first_line", "form", "path", "readings", "runs")

    def __init__(self, form: Form, runs: Sequence[str], *, path: str, first_line: int, readings: PlainReadings) -> None:
        self.form = form
        self.runs = runs
        self.path = path
        self.first_line = first_line
        self.readings = readings

    def moved(self, line: int, column: int, there: Filled) -> tuple[int, int]:
        """The place in another document of this form that answers to a place in this one."""
        line -= self.first_line
        longer_here = longer_there = 0
        for hole in self.form.holes_in(line):
            if hole.column + longer_here >= column:
                break
            usual = len(self.form.runs[hole.index])
            longer_here += len(self.runs[hole.index]) - usual
            longer_there += len(there.runs[hole.index]) - usual
        return line + there.first_line, column - longer_here + longer_there

    def value_of(self, hole: Hole) -> tuple[Any, str | None]:
        """What a hole reads as here, and the text itself where the tree keeps it."""
        run = self.runs[hole.index]
        reading = self.readings[run] if hole.is_plain else (run, None)
        assert reading is not None  # `Forms` looked before it made this
        return reading

    def start(self) -> Origin:
        """The place of the document's root: no hole stands before it."""
        root = self.form.root
        assert root is not None
        return Origin(path=self.path, line=root.line + self.first_line, column=root.column)

    def tree(self) -> Node:
        """The document's tree, as the parser gives it."""
        form = self.form
        assert form.root is not None
        return self._filled(form.root, Filled(form, form.runs, path="", first_line=0, readings=self.readings))

    def _placed(self, line: int, column: int, usual: Filled) -> tuple[int, int]:
        """The place here that answers to one in the form; only in a line with holes has it moved sidewards."""
        return usual.moved(line, column, self) if self.form.holes_in(line) else (line + self.first_line, column)

    def _filled(self, node: Node, usual: Filled) -> Node:
        line, column = self._placed(node.line, node.column, usual)
        hole = self.form.hole_at(node)
        if hole is not None:
            value, raw = self.value_of(hole)
            return Node(value, line, column, raw)
        if node.children is None:
            return Node(node.value, line, column, node.raw)
        if isinstance(node.children, list):
            items = [self._filled(child, usual) for child in node.children]
            return Node([item.value for item in items], line, column, None, items, None, node.size, node.height)
        assert node.keys is not None
        children = {name: self._filled(child, usual) for name, child in node.children.items()}
        keys = {name: self._placed(*place, usual) for name, place in node.keys.items()}
        value = {name: child.value for name, child in children.items()}
        return Node(value, line, column, None, children, keys, node.size, node.height)


@dataclass(slots=True, kw_only=True)
class _Layout:
    """The documents with the same parts between their runs: which runs must be equal, and the forms by those runs."""

    fixed: Picked
    forms: dict[tuple[str, ...], Form]


class Forms:
    """The forms met in one reading of manifests. A layout is learnt when it is met for the second time."""

    def __init__(self) -> None:
        self.readings = PlainReadings()
        self._met: set[str] = set()
        self._layouts: dict[str, _Layout] = {}

    def documents(self, text: str, path: str) -> list[LoadedDocument] | None:
        """Every document of a stream that isn't empty; None where the parser has to read the stream as a whole."""
        if _UNSURE.search(text) or text.startswith("...") or "\n..." in text:
            return None
        documents: list[LoadedDocument] = []
        first_line = 0
        for part in _parts(text):
            found = self._documents(part, path, first_line)
            if found is None:
                return None
            documents.extend(found)
            first_line += part.count("\n")
        return documents

    def _documents(self, part: str, path: str, first_line: int) -> Sequence[LoadedDocument] | None:
        """The document of one part, none where it is empty; None where it has any problem."""
        cut = _RUNS.split(part)
        runs, between = cut[1::2], "\0".join(cut[::2])
        layout = self._layouts.get(between)
        form = None if layout is None else layout.forms.get(layout.fixed(runs))
        if form is None:
            if between not in self._met:
                self._met.add(between)
                parsed = self._parsed(part, path, first_line)
                return None if parsed is None else parsed[0]
            parsed = self._parsed(part, path, 0)
            if parsed is None:
                return None
            form = self._learn(between, cut, *parsed)
        elif None in map(self.readings.__getitem__, form.plain(runs)):
            return None
        if form.root is None:
            return ()
        filled = Filled(form, runs, path=path, first_line=first_line, readings=self.readings)
        return (LoadedDocument(path=path, root=filled),)

    def _parsed(self, part: str, path: str, first_line: int) -> tuple[tuple[LoadedDocument, ...], list[Any]] | None:
        """What the parser makes of one part, and the scalars it met; None where there is any problem."""
        problems, scalars = ProblemList(), list[Any]()
        source = _Recorder(source_of_events(part), scalars)
        builder = Builder(source, path, problems, readings=self.readings, first_line=first_line)
        try:
            documents = tuple(builder.documents())
        except (UnreadableError, yaml.YAMLError):
            return None
        return None if problems else (documents, scalars)

    def _learn(
        self, between: str, cut: Sequence[str], documents: Sequence[LoadedDocument], scalars: Sequence[Any]
    ) -> Form:
        """The form of a document, kept for others."""
        ends = list(accumulate(map(len, cut)))
        starts, ends = ends[0:-1:2], ends[1::2]
        root = documents[0].root if documents else None
        nodes = _scalars_of(root, ()) if root is not None else repeat((None, ()))
        holes: dict[int, Hole] = {}
        fixed: list[int] = []
        for scalar, (node, path) in zip(scalars, nodes, strict=False):
            start, end = scalar.start_mark.index, scalar.end_mark.index
            inside = range(bisect_right(ends, start), bisect_left(starts, end))
            is_plain = bool(scalar.implicit[0])
            quotes = 0 if is_plain else 1
            is_whole = len(inside) == 1 and (starts[inside[0]], ends[inside[0]]) == (start + quotes, end - quotes)
            if node is None or not is_whole:
                fixed.extend(inside)
                continue
            mark = scalar.start_mark
            holes[id(node)] = Hole(
                path=path, index=inside[0], is_plain=is_plain, line=mark.line + 1, column=mark.column + 1 + quotes
            )
        runs = cut[1::2]
        layout = self._layouts.setdefault(between, _Layout(fixed=picked(tuple(fixed)), forms={}))
        form = layout.forms[layout.fixed(runs)] = Form(root, holes, runs)
        return form


class _Recorder:
    """A source of events that keeps the scalars."""

    def __init__(self, source: Any, scalars: list[Any]) -> None:
        self._source = source
        self._scalars = scalars

    def get_event(self) -> Any:
        """The next event."""
        event = self._source.get_event()
        if type(event) is yaml.ScalarEvent:
            self._scalars.append(event)
        return event


def picked(indices: tuple[int, ...]) -> Picked:
    """What takes the items at these indices out of a sequence, as a tuple."""
    if not indices:
        return lambda items: ()
    if len(indices) == 1:
        only = indices[0]
        return lambda items: (items[only],)
    return itemgetter(*indices)


def _parts(text: str) -> Iterator[str]:
    """The text of each document, `---` with the one that it begins."""
    start = 0
    for cut in _DOCUMENT.finditer(text):
        yield text[start : cut.end()]
        start = cut.end()
    yield text[start:]


def _scalars_of(node: Node, path: JsonPath) -> Iterator[tuple[Node | None, JsonPath]]:
    """The scalars below a node in the order of the text, with their paths; None for a key."""
    if isinstance(node.children, dict):
        for name, child in node.children.items():
            yield None, ()
            yield from _scalars_of(child, (*path, name))
    elif isinstance(node.children, list):
        for index, child in enumerate(node.children):
            yield from _scalars_of(child, (*path, index))
    else:
        yield node, path
