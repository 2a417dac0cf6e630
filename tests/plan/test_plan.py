"""What applying a plan takes, from its requests."""

from __future__ import annotations

import pytest

from reconciler.plan.plan import Forecast, forecast
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from tests.request_values import request


def about(*names: str) -> Request:
    keys = (Key(user_id="me", app_id="pets", model_id=name) for name in names)
    return request("PatchModels", "merge", {key: {"name": "x"} for key in keys})


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], Forecast(calls=0, seconds=0, rate=15)),
        ([about("a")], Forecast(calls=2, seconds=0.1, rate=15)),
        ([about("a", "b"), about("b")], Forecast(calls=4, seconds=0.3, rate=15)),
        ([about("a", "b", "c", "d")], Forecast(calls=2, seconds=0.1, rate=15)),
        ([about("a"), about("b"), about("c"), about("d")], Forecast(calls=5, seconds=0.3, rate=15)),
    ],
)
def test_calls_and_seconds(requests: list[Request], expected: Forecast) -> None:
    assert forecast(requests, rate=15) == expected


def test_a_request_that_is_too_large_counts_as_the_calls_that_it_takes() -> None:
    keys = [Key(user_id="me", app_id="pets", model_id=name) for name in "abcd"]
    large = request("PatchModels", "merge", {key: {"metadata": {"text": "x" * 1_600_000}} for key in keys})
    assert forecast([large], rate=15).calls == 4 + 1
