"""The edits between two lists of lines: difflib's own where that is quick, sound ones in little time where it isn't."""

from __future__ import annotations

import random
import time
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report import linediff
from reconciler.report.linediff import grouped_opcodes, opcodes

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=30)


@given(LINES, LINES, st.integers(0, 3))
def test_what_is_small_is_as_difflib_has_it(before: list[str], after: list[str], context: int) -> None:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    assert opcodes(before, after) == matcher.get_opcodes()
    assert list(grouped_opcodes(before, after, context=context)) == list(matcher.get_grouped_opcodes(context))


@pytest.mark.parametrize("budget", [0, 100])
@given(before=LINES, after=LINES)
def test_the_edits_of_what_is_large_lead_from_one_side_to_the_other(
    budget: int, before: list[str], after: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linediff, "_BUDGET", budget)
        found = opcodes(before, after)
    made: list[str] = []
    at = 0
    for tag, i1, i2, j1, j2 in found:
        assert (i1, j1) == (at, len(made))
        assert tag != "equal" or before[i1:i2] == after[j1:j2]
        made += after[j1:j2]
        at = i2
    assert (at, made) == (len(before), after)


def test_neighbouring_lines_that_stay_are_one_edit_in_what_is_large() -> None:
    before = ["old", "one", "two", *["same"] * 3_000, "end"]
    after = ["new", "one", "two", *["same"] * 3_001, "last"]
    assert opcodes(before, after) == [
        ("replace", 0, 1, 0, 1),
        ("equal", 1, 3, 1, 3),
        ("replace", 3, 3_004, 3, 3_005),
    ]


@pytest.mark.parametrize("letters", ["x", "ab", "0123456789"])
def test_thirty_two_thousand_short_lines_take_little_time(letters: str) -> None:
    chosen = random.Random(letters)
    before, after = ([chosen.choice(letters) for _ in range(32_000)] for _ in range(2))
    began = time.process_time()
    assert opcodes(before, after[1:])
    assert time.process_time() - began < 2
