"""Documents that differ only in words from one that was read before → the same documents, without parsing them again.

A fleet's manifests are one form filled in many times: the same keys, indentation and punctuation around other words. What a
YAML parser makes of a text depends on its white space and punctuation; of words it keeps the letters and never asks what
they say, outside a few constructs. So a text is cut into *words* and what stands between them. A word is a stretch of letters,
digits, `_`, `.`, `/`, `+` and `-` that begins with a letter, a digit or `_`; several of them joined by single spaces are one
word, too. Two texts with the same parts between their words have the same structure, provided that they have none of the
constructs whose meaning hangs on letters or lengths:

- escapes, block scalars, anchors, aliases, tags, directives, references, and line breaks other than a line feed: a file
  with any of their characters (`_UNSURE`) is never taken for a form;
- keys, which may repeat each other or be too long for one (libyaml allows 1,024 characters): the words of keys are equal
  in all documents of a form, and so are those of scalars that aren't exactly one word (`a:b`, `-1`, `it''s`);
- plain scalars, whose word says whether it is a number: each is read anew, and one that needs a message (a date) is none
  of the form's.

`---` in the first column followed by white space ends a document wherever it stands: so the text is cut there first. All
of this is held by a property test against the parser itself; whatever isn't plainly such a document, or has any problem,
is left to the parser.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import Any, Final

import yaml

from reconciler.errors import ProblemList
from reconciler.manifests.document import LoadedDocument
from reconciler.manifests.form import Filled, Form, Hole, Picked, picked
from reconciler.manifests.nodes import JsonPath, Node
from reconciler.manifests.scalars import PlainReadings
from reconciler.manifests.tree import Builder, UnreadableError, source_of_events

_PIECE: Final = r"[0-9A-Za-z_][0-9A-Za-z_./+-]*"
_WORDS: Final = re.compile(rf"({_PIECE}(?: {_PIECE})*)")
_UNSURE: Final = re.compile("[\\\\|>!&*%$<\t\r\x85\u2028\u2029\ufeff]")
_DOCUMENT: Final = re.compile(r"\n(?=---(?:[ \n]|\Z))")


@dataclass(slots=True, kw_only=True)
class _Layout:
    """The documents with the same parts between their words: which words must be equal, and the forms by those words."""

    fixed: Picked
    forms: dict[tuple[str, ...], Form]


class KnownForms:
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
        cut = _WORDS.split(part)
        words, between = cut[1::2], "\0".join(cut[::2])
        layout = self._layouts.get(between)
        form = None if layout is None else layout.forms.get(layout.fixed(words))
        if form is None:
            if between not in self._met:
                self._met.add(between)
                parsed = self._parsed(part, path, first_line)
                return None if parsed is None else parsed[0]
            parsed = self._parsed(part, path, 0)
            if parsed is None:
                return None
            form = self._learn(between, cut, *parsed)
        elif None in map(self.readings.__getitem__, form.plain(words)):
            return None
        if form.root is None:
            return ()
        filled = Filled(form, words, path=path, first_line=first_line, readings=self.readings)
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
        words = cut[1::2]
        layout = self._layouts.setdefault(between, _Layout(fixed=picked(tuple(fixed)), forms={}))
        form = layout.forms[layout.fixed(words)] = Form(root, holes, words)
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
