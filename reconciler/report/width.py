"""The columns that a text takes on a terminal."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """The columns of a text: two for wide characters (UAX #11), none for combining marks."""
    return len(text) if text.isascii() else sum(letter_width(letter) for letter in text)


def letter_width(letter: str) -> int:
    """The columns of one character."""
    if unicodedata.category(letter) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
