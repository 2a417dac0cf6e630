"""Which words of a line were changed.

In: a line before and after. Out: both as pieces, the unchanged and the changed ones in turn, beginning with an unchanged one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.report.linediff import opcodes

Pieces = tuple[str, ...]
"""The parts of a line. Those at odd positions were changed; any of them may be empty."""

ALIKE: Final = 0.4
"""The share of both lines that has to be unchanged. With less in common, the lines are shown as two that differ as a whole."""

_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


def word_pieces(before: str, after: str) -> tuple[Pieces, Pieces]:
    """Both lines, with what was changed in each at the odd positions; as one changed piece each where they have little in common."""
    left, right = _WORD.findall(before), _WORD.findall(after)
    edits = opcodes(left, right)
    kept = sum(len("".join(left[i1:i2])) for tag, i1, i2, _, _ in edits if tag == "equal")
    if kept < ALIKE * max(len(before), len(after)):
        return ("", before), ("", after)
    sides = ((i1, i2, j1, j2, tag == "equal") for tag, i1, i2, j1, j2 in edits)
    spans = tuple(sides)
    return (
        tuple(_pieces((left[i1:i2], same) for i1, i2, _, _, same in spans)),
        tuple(_pieces((right[j1:j2], same) for _, _, j1, j2, same in spans)),
    )


def _pieces(runs: Iterator[tuple[Sequence[str], bool]]) -> list[str]:
    pieces = [""]
    for words, is_same in runs:
        if not words:
            continue
        if (len(pieces) % 2 == 1) is not is_same:
            pieces.append("")
        pieces[-1] += "".join(words)
    return pieces
