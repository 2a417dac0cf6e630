"""Rows of text as a table, aligned by displayed width, in the columns of a terminal where it is for one.

In: texts. Out: lines in which nothing acts on a terminal. No value is cut, and no word of a table is broken: half of an id is of no
use to anybody. Texts that have no room beside the others are wrapped in their column; where not even the words fit, each row is a block
with a line for each of its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from reconciler.report.escape import neutral
from reconciler.report.width import width
from reconciler.report.wrap import without_commands, wrapped

GAP: Final = "  "

ALIGNED: Final = 60
"""Without a limit to the columns, a longer text moves the rest of its own row to the right, and no other row."""

READABLE: Final = 12
"""The columns that texts are wrapped to at least: a sentence in fewer is hard to read."""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, columns: int | None = None) -> str:
    """The headers and rows as lines that end in a newline, without trailing blanks; one line for each row without `columns`."""
    cells = [[neutral(text) for text in row] for row in (headers, *rows)]
    natural = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if columns is None:
        return _text(_aligned(cells, [min(size, ALIGNED) for size in natural]))
    room = columns - len(GAP) * (len(natural) - 1)
    if sum(natural) <= room:
        return _text(_aligned(cells, natural))
    words = [max(map(_longest_word, column)) for column in zip(*cells, strict=True)]
    least = [max(word, min(size, READABLE)) for word, size in zip(words, natural, strict=True)]
    if sum(least) > room:
        return _text(_blocks(cells[0], cells[1:], columns))
    sizes = _shared(natural, least, room)
    lines = (
        zip_longest(*(wrapped(text, size, indent="") for text, size in zip(row, sizes, strict=True)), fillvalue="")
        for row in cells
    )
    return _text(_aligned((line for row in lines for line in row), sizes))


def _longest_word(text: str) -> int:
    return max(map(width, text.split(" ")))


def _shared(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The sizes of columns, the widest of them made narrower until all fit, none more than `least` allows."""
    widest = room
    sizes = list(natural)
    while sum(sizes) > room:
        sizes = [max(low, min(size, widest)) for size, low in zip(natural, least, strict=True)]
        widest -= 1
    return sizes


def _aligned(rows: Iterable[Sequence[str]], sizes: Sequence[int]) -> Iterator[str]:
    return (GAP.join(map(_padded, row, sizes)).rstrip() for row in rows)


def _blocks(headers: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> Iterator[str]:
    """A line for each value of a row that isn't empty, behind its header; an empty line between rows."""
    label = max(map(width, headers))
    hanging = " " * (label + len(GAP))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for header, text in zip(headers, row, strict=True):
            if text:
                yield from wrapped(text, columns, indent=f"{_padded(header, label)}{GAP}", hanging=hanging)


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{without_commands(line)}\n" for line in lines)
