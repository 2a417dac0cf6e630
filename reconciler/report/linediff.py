"""Two lists of lines → what was replaced, deleted and inserted, in a time that doesn't explode.

difflib finds the edits that people expect, in a time that grows with the square of the lines and worse where lines repeat: 32,000
short lines, which fit into a model's notes, take it minutes. So it gets what it does within the budget. Of anything larger the lines
that both sides have exactly once are matched first (as in a patience diff), difflib gets what lies between them, and what is
still too large is shown as replaced.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal

Opcode = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
"""As difflib's: what becomes of before[i1:i2], and after[j1:j2] that takes its place."""

_BUDGET: Final = 20_000_000
"""Steps of difflib's inner loop, at most; what comes near it takes less than a second, because the bound is a wide one."""


def opcodes(before: Sequence[str], after: Sequence[str]) -> list[Opcode]:
    """The edits that turn `before` into `after`, in order, with what stays between them."""
    if _steps(before, after) <= _BUDGET:
        return SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    left, i, j = _BUDGET, 0, 0
    found: list[Opcode] = []
    for at_before, at_after, size in (*_anchors(before, after), (len(before), len(after), 0)):
        gap = before[i:at_before], after[j:at_after]
        steps = _steps(*gap)
        if steps <= left:
            left -= steps
            matcher = SequenceMatcher(None, *gap, autojunk=False)
            found += [(tag, i + i1, i + i2, j + j1, j + j2) for tag, i1, i2, j1, j2 in matcher.get_opcodes()]
        else:
            found.append(("replace", i, at_before, j, at_after))
        i, j = at_before + size, at_after + size
        if size:
            found.append(("equal", at_before, i, at_after, j))
    return _joined(found)


def grouped_opcodes(
    before: Sequence[str], after: Sequence[str], *, context: int
) -> Iterator[Sequence[tuple[str, int, int, int, int]]]:
    """The edits in groups, each with `context` lines that stay around it."""
    yield from _Known(opcodes(before, after)).get_grouped_opcodes(context)


class _Known(SequenceMatcher[str]):
    """difflib's grouping, for edits that are known."""

    def __init__(self, found: list[Opcode]) -> None:
        super().__init__(None, "", "")
        self._found = found

    def get_opcodes(self) -> list[Opcode]:
        return self._found


def _steps(before: Sequence[str], after: Sequence[str]) -> int:
    """At most how many steps difflib takes: each match looks at all pairs of like lines."""
    counts = Counter(after)
    pairs = sum(counts[line] for line in before)
    return (len(before) + pairs) * min(len(before), len(after), max(pairs, 1))


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where both sides agree without doubt: the lines at the ends, and the ones that each has once, in the same order."""
    most = min(len(before), len(after))
    head = next((at for at in range(most) if before[at] != after[at]), most)
    tail = next((at for at in range(most - head) if before[-1 - at] != after[-1 - at]), most - head)
    end_before, end_after = len(before) - tail, len(after) - tail
    counts_before, counts_after = Counter(before[head:end_before]), Counter(after[head:end_after])
    places = {after[at]: at for at in range(head, end_after) if counts_after[after[at]] == 1}
    pairs = [
        (at, places[before[at]])
        for at in range(head, end_before)
        if before[at] in places and counts_before[before[at]] == 1
    ]
    kept = [(at_before, at_after, 1) for at_before, at_after in _rising(pairs)]
    return [(0, 0, head), *kept, (end_before, end_after, tail)]


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs, which are in the order of their first numbers, where the second ones rise too."""
    ends: list[int] = []  # the smallest last number of a rising part of each length
    at_end: list[int] = []
    previous: list[int] = []
    for index, (_, number) in enumerate(pairs):
        length = bisect_left(ends, number)
        previous.append(at_end[length - 1] if length else -1)
        if length == len(ends):
            ends.append(number)
            at_end.append(index)
        else:
            ends[length], at_end[length] = number, index
    kept, at = [], at_end[-1] if at_end else -1
    while at >= 0:
        kept.append(pairs[at])
        at = previous[at]
    return kept[::-1]


def _joined(found: Sequence[Opcode]) -> list[Opcode]:
    """The same edits, with neighbours of one kind in one."""
    joined: list[Opcode] = []
    for tag, i1, i2, j1, j2 in found:
        if joined and joined[-1][0] == tag:
            joined[-1] = (tag, joined[-1][1], i2, joined[-1][3], j2)
        else:
            joined.append((tag, i1, i2, j1, j2))
    return joined
