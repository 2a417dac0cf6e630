"""A document as the form that it shares with others and the words that it fills it with.

What a form is, and why it tells all about a document, is in `known_forms.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from reconciler.errors import Origin
from reconciler.manifests.nodes import JsonPath, Node
from reconciler.manifests.scalars import PlainReadings

Picked = Callable[[Sequence[str]], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A scalar that each document of a form fills with a word of its own: the `index`-th of the document.

    `line` and `column` are where the word begins in the form's own document.
    """

    path: JsonPath
    index: int
    is_plain: bool
    line: int
    column: int


class Form:
    """What documents of one form share: a tree, its places counted from the document's first line, and its holes.

    `root` is None where they hold nothing. `words` are those of the document that the form was made from.
    """

    def __init__(self, root: Node | None, holes: dict[int, Hole], words: Sequence[str]) -> None:
        self.root = root
        self.words = words
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
    """A document as its form and its own words; `first_line` is how many lines of the file come before it."""

    __slots__ = ("first_line", "form", "path", "readings", "words")

    def __init__(
        self, form: Form, words: Sequence[str], *, path: str, first_line: int, readings: PlainReadings
    ) -> None:
        self.form = form
        self.words = words
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
            usual = len(self.form.words[hole.index])
            longer_here += len(self.words[hole.index]) - usual
            longer_there += len(there.words[hole.index]) - usual
        return line + there.first_line, column - longer_here + longer_there

    def value_of(self, hole: Hole) -> tuple[Any, str | None]:
        """What a hole reads as here, and the text itself where the tree keeps it."""
        word = self.words[hole.index]
        reading = self.readings[word] if hole.is_plain else (word, None)
        assert reading is not None  # `KnownForms` looked before it made this
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
        return self._filled(form.root, Filled(form, form.words, path="", first_line=0, readings=self.readings))

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


def picked(indices: tuple[int, ...]) -> Picked:
    """What takes the items at these indices out of a sequence, as a tuple."""
    if not indices:
        return lambda items: ()
    if len(indices) == 1:
        only = indices[0]
        return lambda items: (items[only],)
    return itemgetter(*indices)
