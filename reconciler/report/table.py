"""Rows of text as a table for a terminal: aligned by displayed width, one line per row, control characters escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

from reconciler.report.escape import neutral

GAP = "  "
WIDEST_CELL = 60
"""The most columns of a cell. A longer text is cut; --format json has all of it."""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The headers and rows as lines that end in a newline, without trailing blanks."""
    cells = [[_cell(text) for text in row] for row in (headers, *rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return "".join(f"{GAP.join(map(_padded, row, widths)).rstrip()}\n" for row in cells)


def width(text: str) -> int:
    """The columns of a text on a terminal: two for wide characters (UAX #11), none for combining marks."""
    return sum(letter_width(letter) for letter in text)


def letter_width(letter: str) -> int:
    """The columns of one character."""
    if unicodedata.category(letter) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _cell(text: str) -> str:
    shown = neutral(text)
    if width(shown) <= WIDEST_CELL:
        return shown
    kept = sum(taken < WIDEST_CELL for taken in accumulate(map(letter_width, shown)))
    return f"{shown[:kept]}…"


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))
