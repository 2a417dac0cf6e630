"""What is plainly as stated, without a closer look: a quick yes must be right, and everything else is left to the exact way."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.in_sync import is_held, is_same
from reconciler.resources.secrets import Sensitive


@pytest.mark.parametrize("value", ["a", 1, 1.5, True, None, [], {}, [1, {"a": [None]}], {"a": {"b": [1, "x"]}}])
def test_what_is_spelled_the_same_is_the_same(value: Any) -> None:
    assert is_same(value, value)
    assert is_held(value, value)


@pytest.mark.parametrize(
    ("before", "stated"),
    [
        ("a", "b"),
        (1, True),
        (1, 1.0),
        (0, None),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, ["a"]),
    ],
)
def test_anything_spelled_differently_is_left_to_the_exact_comparison(before: Any, stated: Any) -> None:
    assert not is_same(before, stated)
    assert not is_held(before, stated)
    assert not is_same({"x": before}, {"x": stated})
    assert not is_held({"x": before}, {"x": stated})


def test_a_secret_is_never_plainly_the_same() -> None:
    secret = Sensitive("s", "env:TOKEN")
    for before in ("s", secret, Sensitive("s", "live")):
        assert not is_same(before, secret)
        assert not is_held(before, secret)
        assert not is_held({"token": before, "a": 1}, {"token": secret})


def test_only_a_merge_leaves_further_keys() -> None:
    assert is_held({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"x": 1}})
    assert not is_same({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"x": 1}})
    assert not is_held({"a": 1}, {"a": {"x": 1}})
