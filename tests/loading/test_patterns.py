"""Regular expressions of manifests: what they match, what is refused, and that no expression takes long."""

from __future__ import annotations

import time

import pytest

from reconciler.loading.patterns import MAX_PATTERN, PatternError, pattern


@pytest.mark.parametrize(
    ("text", "value", "is_match"),
    [
        ("yes|no", "well, yes", True),
        ("^yes", "well, yes", False),
        ("(?i)YES", "yes", True),
        (r"\d{3}", "abc 123", True),
        ("café", "a café", True),
        ("a", "\ud800", False),
        ("", "anything", True),
    ],
)
def test_some_part_of_a_text_matches(text: str, value: str, is_match: bool) -> None:
    assert pattern(text)(value) is is_match


@pytest.mark.parametrize(
    "text", ["(yes", "[", "(?=yes)", r"(a)\1", "a" * (MAX_PATTERN + 1), "(((a{1000}){1000}){1000})"]
)
def test_what_can_not_be_matched_in_bounded_time_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        pattern(text)


@pytest.mark.parametrize("text", ["^(a+)+$", "^(a|a)*$", "(.*a){12}", "a*a*a*a*a*a*b"])
def test_no_expression_takes_long(text: str) -> None:
    began = time.monotonic()
    pattern(text)("a" * 10_000 + "!")
    assert time.monotonic() - began < 5
