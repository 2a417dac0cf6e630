"""Problems for a terminal: each as `path:line:column: message`, then the line that it is about with a mark below the place.

In: problems in the order of files and lines, each with its frame if there is one. Out: lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reconciler.errors import Problem
from reconciler.report.escape import neutral
from reconciler.report.frames import Frame
from reconciler.report.paint import Painter
from reconciler.report.wrap import without_commands, wrapped

GUTTER = 6
"""Columns of the numbers of lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A problem and the line that it is about; None where it has none, or the line can't be shown."""

    problem: Problem
    frame: Frame | None = None


def problem_lines(
    found: Sequence[Placed], *, label: Literal["error", "warning"], paint: Painter, columns: int | None
) -> Iterator[str]:
    """The lines of all problems, those of different files apart."""
    path = None
    for placed in found:
        if path not in (None, placed.problem.origin.path) and any(each.frame for each in found):
            yield ""
        path = placed.problem.origin.path
        yield from _message_lines(placed.problem, label=label, paint=paint, columns=columns)
        if placed.frame is not None:
            yield from frame_lines(
                placed.frame, style="bad" if label == "error" else "update", paint=paint, columns=columns
            )


def _message_lines(problem: Problem, *, label: str, paint: Painter, columns: int | None) -> Iterator[str]:
    prefix = "" if label == "error" else f"{label}: "
    place = neutral(f"{problem.origin}:")
    first, *rest = wrapped(f"{prefix}{neutral(str(problem))}", columns, indent="", hanging="    ")
    first = without_commands(first)
    if first.startswith(prefix + place):
        style = "bold" if prefix else "loss"
        first = f"{paint(prefix, 'update')}{paint(place, style)}{first[len(prefix + place) :]}"
    yield first
    yield from map(without_commands, rest)


def frame_lines(frame: Frame, *, style: str, paint: Painter, columns: int | None) -> Iterator[str]:
    """The line with its number, and a mark below the place."""
    if columns is not None:
        frame = frame.fitted(max(columns - GUTTER - 4, 20))
    yield f"{paint(f'{frame.number:{GUTTER}} |', 'dim')} {frame.text}".rstrip()
    yield f"{paint(' ' * GUTTER + ' |', 'dim')} {' ' * frame.start}{paint('^' * frame.length, style)}"
