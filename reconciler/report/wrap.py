"""Wraps text to the columns of a terminal, and keeps lines from being taken for commands of a CI runner."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.report.width import letter_width, width

_SEPARATORS: Final = re.compile(r"[/@:,.=_-](?=\w)")
_BETWEEN_COLORS: Final = re.compile(r"(?:\x1b\[[0-9;]*m)+")


def wrapped(text: str, columns: int | None, *, indent: str, hanging: str | None = None) -> list[str]:
    """The text as lines of at most `columns`, broken at blanks. Lines after the first begin with `hanging`.

    Without `columns` it stays one line. A word that is too long for a line is broken after a separator such as "/" or "@", and
    anywhere only where it has none: half of an id is of no use to anybody.
    """
    later = indent if hanging is None else hanging
    if columns is None or width(indent + text) <= columns:
        return [indent + text]
    if "::" in text:
        columns -= 3  # what `without_commands` may add
    lines: list[str] = []
    start, rest = indent, text
    whole = max(columns - width(later), 8)
    while width(start + rest) > columns:
        head = _head(rest, max(columns - width(start), 8), whole)
        lines.append((start + head).rstrip())
        rest, start = rest[len(head) :].lstrip(" "), later
    return [*lines, start + rest] if rest else lines


def _head(text: str, columns: int, whole: int) -> str:
    """The longest beginning that fits and ends where a line may end; `whole` are the columns of a line of its own."""
    taken = at = 0
    for letter in text:
        taken += letter_width(letter)
        if taken > columns:
            break
        at += 1
    if at == len(text) or text[at] == " ":
        return text[: max(at, 1)]
    blank = text.rfind(" ", 0, at)
    word = text[blank + 1 :].partition(" ")[0]
    if blank > 0 and width(word) <= whole:
        return text[: blank + 1]
    ends = [found.end() for found in _SEPARATORS.finditer(text, blank + 1, at)]
    if ends:
        return text[: ends[-1]]
    return text[: blank + 1] if blank > at // 2 else text[: max(at, 1)]


def listed(names: Iterable[str], columns: int, *, indent: str) -> Iterator[str]:
    """Names separated by commas, several on a line."""
    line = ""
    for name in names:
        longer = f"{line}, {name}" if line else name
        if line and width(indent + longer) + 1 > columns:
            yield f"{indent}{line},"
            line = name
        else:
            line = longer
    if line:
        yield from wrapped(line, columns, indent=indent)


def without_commands(line: str) -> str:
    """The line, with its beginning escaped if a CI runner would take it for a command.

    GitHub's runner obeys lines that begin with "::" after blanks (actions/runner, ActionCommand). For "##[" see `neutral`.
    """
    bare = _BETWEEN_COLORS.sub("", line)
    if bare.lstrip().startswith("::"):
        return line.replace("::", "\\x3a:", 1)
    return line
