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
  in all documents of a form, and so are those of scalars that aren't read as they are written (`it''s`, one over lines);
- plain scalars, whose text says whether it is a number: each is read anew, and one that needs a message (a date) is none
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
from typing import Any, Final, NamedTuple

import yaml

from reconciler.errors import ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.form import Filled, Form, Hole, Picked, picked
from reconciler.loading.nodes import JsonPath, Node
from reconciler.loading.scalars import PlainReadings
from reconciler.loading.tree import Builder, UnreadableError, source_of_events

_PIECE: Final = r"[0-9A-Za-z_][0-9A-Za-z_./+-]*"
_WORDS: Final = re.compile(rf"({_PIECE}(?: {_PIECE})*)")
_UNSURE: Final = re.compile("[\\\\|>!&*%$<\t\r\x85\u2028\u2029\ufeff]")
_DOCUMENT: Final = re.compile(r"\n(?=---(?:[ \n]|\Z))")
_TRIED_FORMS: Final = 16
_LARGEST_PART: Final = 65_536
"""Characters of a document beyond which it is left to the parser: its words would take more memory than they save time."""


@dataclass(slots=True, kw_only=True)
class _Layout:
    """The documents with the same parts between their words: which words must be equal, and the forms by those words.

    `used` counts the documents that were told from one of the forms.
    """

    fixed: Picked
    forms: dict[tuple[str, ...], Form]
    used: int = 0

    def form_of(self, words: Sequence[str]) -> Form | None:
        """The form of a document with these words, if it is known."""
        form = self.forms.get(self.fixed(words))
        self.used += form is not None
        return form

    @property
    def is_worth_it(self) -> bool:
        """Whether learning another form may pay: not where hardly any document was like one before."""
        return len(self.forms) <= _TRIED_FORMS + self.used


class _Scalar(NamedTuple):
    """A scalar as the parser met it: its text, and from where to where in the part it stands, quotes included."""

    text: str
    start: int
    end: int
    is_plain: bool
    line: int
    column: int


class KnownForms:
    """The forms met in one reading of manifests. A layout is learnt when it is met for the second time."""

    def __init__(self) -> None:
        self.readings = PlainReadings()
        self._met: set[int] = set()  # hashes: where two layouts share one, the second is learnt too soon
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
        if len(part) > _LARGEST_PART:
            return self._parsed(part, path, first_line)
        cut = _WORDS.split(part)
        words, between = cut[1::2], "\0".join(cut[::2])
        layout = self._layouts.get(between)
        form = None if layout is None else layout.form_of(words)
        if form is None:
            may_learn = hash(between) in self._met if layout is None else layout.is_worth_it
            if not may_learn:
                self._met.add(hash(between))
                return self._parsed(part, path, first_line)
            form = self._learnt(part, path, cut, between)
            if form is None:
                return None
        texts = form.texts(words)
        if None in map(self.readings.__getitem__, form.plain(texts)):
            return None
        if form.root is None:
            return ()
        filled = Filled(form, texts, path=path, first_line=first_line, readings=self.readings)
        return (LoadedDocument(path=path, root=filled),)

    def _parsed(
        self, part: str, path: str, first_line: int, scalars: list[_Scalar] | None = None
    ) -> tuple[LoadedDocument, ...] | None:
        """What the parser makes of one part, its scalars going to `scalars`; None where there is any problem."""
        problems = ProblemList()
        source = source_of_events(part)
        if scalars is not None:
            source = _Recorder(source, scalars)
        try:
            builder = Builder(source, path, problems, readings=self.readings, first_line=first_line)
            documents = tuple(builder.documents())
        except (UnreadableError, yaml.YAMLError):
            return None
        return None if problems else documents

    def _learnt(self, part: str, path: str, cut: Sequence[str], between: str) -> Form | None:
        """The form of a document, kept for others; None where it has any problem."""
        scalars: list[_Scalar] = []
        documents = self._parsed(part, path, 0, scalars)
        if documents is None:
            return None
        root = documents[0].root if documents else None
        holes, fixed = _holes(part, cut, scalars, root)
        words = cut[1::2]
        layout = self._layouts.setdefault(between, _Layout(fixed=picked(fixed), forms={}))
        form = layout.forms[layout.fixed(words)] = Form(root, holes, words)
        return form


def _holes(
    part: str, cut: Sequence[str], scalars: Sequence[_Scalar], root: Node | None
) -> tuple[dict[int, Hole], tuple[int, ...]]:
    """The scalars that documents of this layout may fill otherwise, by the identity of their nodes; and the fixed words.

    Words outside any scalar are in comments.
    """
    # A document that is one scalar is always wrong, and whether it is empty hangs on the scalar: all of it is fixed.
    nodes = _scalars_of(root, ()) if root is not None and root.children is not None else repeat((None, ()))
    edges = list(accumulate(map(len, cut)))
    starts, ends = edges[0:-1:2], edges[1::2]
    holes: dict[int, Hole] = {}
    fixed: list[int] = []
    for scalar, (node, path) in zip(scalars, nodes, strict=False):
        words = range(bisect_right(ends, scalar.start), bisect_left(starts, scalar.end))
        quotes = 0 if scalar.is_plain else 1
        start, end = scalar.start + quotes, scalar.end - quotes
        written = part[start:end]
        # Escaped quotes and folded lines are read otherwise than they are written; other scripts need a look.
        if node is None or not words or written != scalar.text or "\n" in written or not written.isascii():
            fixed.extend(words)
            continue
        gaps = zip([start, *(ends[index] for index in words)], [*(starts[index] for index in words), end], strict=True)
        holes[id(node)] = Hole(
            path=path,
            words=words,
            around=tuple(part[gap_start:gap_end] for gap_start, gap_end in gaps),
            is_plain=scalar.is_plain,
            line=scalar.line,
            column=scalar.column + quotes,
        )
    return holes, tuple(fixed)


class _Recorder:
    """A source of events that keeps the scalars."""

    def __init__(self, source: Any, scalars: list[_Scalar]) -> None:
        self._source = source
        self._scalars = scalars

    def get_event(self) -> Any:
        """The next event."""
        event: Any = self._source.get_event()
        if type(event) is yaml.ScalarEvent:
            start: Any = event.start_mark
            end: Any = event.end_mark
            is_plain = bool(event.implicit[0])
            self._scalars.append(
                _Scalar(event.value, start.index, end.index, is_plain, start.line + 1, start.column + 1)
            )
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
