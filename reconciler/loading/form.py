"""A document as the form that it shares with others and the texts that it fills it with.

What a form is, and why it tells all about a document, is in `known_forms.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from reconciler.errors import Origin
from reconciler.loading.nodes import JsonPath, Node
from reconciler.loading.scalars import PlainReadings

Picked = Callable[[Sequence[str]], tuple[str, ...]]
_FEW: Final = 8
"""Holes of a line up to which counting them off is faster than keeping where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A scalar that each document of a form fills with a text of its own.

    `words` are the positions of its words among the document's, `around` what stands before, between and after them.
    `line` and `column` are where its text begins in the form's own document, quotes left out.
    """

    path: JsonPath
    words: range
    around: tuple[str, ...]
    is_plain: bool
    line: int
    column: int

    @property
    def is_word(self) -> bool:
        """Whether its text is one word and nothing else, as most are."""
        return self.around == ("", "")

    def text(self, words: Sequence[str]) -> str:
        """Its text in a document of these words."""
        pieces = [self.around[0]]
        for index, after in zip(self.words, self.around[1:], strict=True):
            pieces += words[index], after
        return "".join(pieces)


class Form:
    """What documents of one form share: a tree, its places counted from the document's first line, and its holes.

    `root` is None where they hold nothing. `usual` is the document that the form was made from.
    """

    def __init__(self, root: Node | None, holes: dict[int, Hole], words: Sequence[str]) -> None:
        self.root = root
        self.holes = tuple(holes.values())
        self.plain = picked(tuple(index for index, hole in enumerate(self.holes) if hole.is_plain))
        self._words = picked(tuple(hole.words[0] for hole in self.holes))
        self._are_words = all(hole.is_word for hole in self.holes)
        self._at = {node: index for index, node in enumerate(holes)}
        self._in: dict[int, list[tuple[int, int]]] = {}
        for index, hole in enumerate(self.holes):
            self._in.setdefault(hole.line, []).append((index, hole.column))
        self.usual = Filled(self, self.texts(words), path="", first_line=0, readings=PlainReadings())

    def texts(self, words: Sequence[str]) -> tuple[str, ...]:
        """What a document of these words fills the holes with."""
        return self._words(words) if self._are_words else tuple(hole.text(words) for hole in self.holes)

    def hole_at(self, node: Node) -> int | None:
        """Which hole a node of `root` is, if any."""
        return self._at.get(id(node))

    def holes_in(self, line: int) -> Sequence[tuple[int, int]]:
        """The holes that begin in a line of the form, from left to right: which, and in which column."""
        return self._in.get(line, ())


class Filled:
    """A document as its form and the texts of its holes; `first_line` is how many lines of the file come before it."""

    __slots__ = ("_grown", "first_line", "form", "path", "readings", "texts")

    def __init__(
        self, form: Form, texts: tuple[str, ...], *, path: str, first_line: int, readings: PlainReadings
    ) -> None:
        self.form = form
        self.texts = texts
        self.path = path
        self.first_line = first_line
        self.readings = readings
        self._grown: dict[int, tuple[list[int], list[int]]] | None = None

    def moved(self, line: int, column: int, there: Filled) -> tuple[int, int]:
        """The place in another document of this form that answers to a place in this one."""
        line -= self.first_line
        holes = self.form.holes_in(line)
        if len(holes) > _FEW:
            columns, grown = self._growth(line)
            before = bisect_left(columns, column)
            return line + there.first_line, column - grown[before] + there._growth(line)[1][before]
        usual, grown_here, grown_there = self.form.usual.texts, 0, 0
        for index, start in holes:
            if start + grown_here >= column:
                break
            length = len(usual[index])
            grown_here += len(self.texts[index]) - length
            grown_there += len(there.texts[index]) - length
        return line + there.first_line, column - grown_here + grown_there

    def _growth(self, line: int) -> tuple[list[int], list[int]]:
        """Where the holes of a line of the form begin here, and how much longer those before each are; kept."""
        if self._grown is None:
            self._grown = {}
        if line not in self._grown:
            columns, grown = list[int](), [0]
            for index, start in self.form.holes_in(line):
                columns.append(start + grown[-1])
                grown.append(grown[-1] + len(self.texts[index]) - len(self.form.usual.texts[index]))
            self._grown[line] = columns, grown
        return self._grown[line]

    def value_of(self, index: int) -> tuple[Any, str | None]:
        """What a hole reads as here, and the text itself where the tree keeps it."""
        text = self.texts[index]
        reading = self.readings[text] if self.form.holes[index].is_plain else (text, None)
        assert reading is not None  # `KnownForms` looked before it made this
        return reading

    def start(self) -> Origin:
        """The place of the document's root: no hole stands before it."""
        root = self.form.root
        assert root is not None
        return Origin(path=self.path, line=root.line + self.first_line, column=root.column)

    def tree(self) -> Node:
        """The document's tree, as the parser gives it."""
        assert self.form.root is not None
        return self._filled(self.form.root)

    def _placed(self, line: int, column: int) -> tuple[int, int]:
        """The place here that answers to one in the form; only in a line with holes has it moved sidewards."""
        form = self.form
        return form.usual.moved(line, column, self) if form.holes_in(line) else (line + self.first_line, column)

    def _filled(self, node: Node) -> Node:
        line, column = self._placed(node.line, node.column)
        index = self.form.hole_at(node)
        if index is not None:
            value, raw = self.value_of(index)
            return Node(value, line, column, raw)
        if node.children is None:
            return Node(node.value, line, column, node.raw)
        if isinstance(node.children, list):
            items = [self._filled(child) for child in node.children]
            return Node([item.value for item in items], line, column, None, items, None, node.size, node.height)
        assert node.keys is not None
        children = {name: self._filled(child) for name, child in node.children.items()}
        keys = {name: self._placed(*place) for name, place in node.keys.items()}
        value = {name: child.value for name, child in children.items()}
        return Node(value, line, column, None, children, keys, node.size, node.height)


def picked(indices: tuple[int, ...]) -> Picked:
    """What takes the items at these indices out of a sequence, as a tuple."""
    if not indices:
        return lambda items: ()
    if len(indices) == 1:
        only = indices[0]
        return lambda items: (items[only],)
    return itemgetter(*indices)
