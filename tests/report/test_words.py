"""Words that differ inside two lines: the pieces are the lines, and what is alike on both sides is the same text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.report.words import word_pieces


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a big cat sat", "a big dog sat", (("a big ", "cat", " sat"), ("a big ", "dog", " sat"))),
        ("cats sat here", "cats sat here too", (("cats sat here",), ("cats sat here", " too"))),
        ("x is it", "y is it", (("", "x", " is it"), ("", "y", " is it"))),
        ("nothing alike", "all is other", (("", "nothing alike"), ("", "all is other"))),
        ("", "new", (("", ""), ("", "new"))),
    ],
)
def test_the_changed_words_stand_at_odd_positions(
    before: str, after: str, expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    assert word_pieces(before, after) == expected


@given(st.text(st.sampled_from("ab .,"), max_size=30), st.text(st.sampled_from("ab .,"), max_size=30))
def test_the_pieces_are_the_lines_and_the_even_ones_are_alike(before: str, after: str) -> None:
    left, right = word_pieces(before, after)
    assert ("".join(left), "".join(right)) == (before, after)
    assert "".join(left[::2]) == "".join(right[::2])
