"""What applying a plan takes, from its requests."""

from __future__ import annotations

import pytest

from reconciler.plan.plan import Forecast, forecast
from reconciler.resources.keys import Key
from reconciler.resources.request import Request


def request(*names: str) -> Request:
    keys = tuple(Key(user_id="me", app_id="pets", model_id=name) for name in names)
    return Request(rpc="PatchModels", action="merge", body={}, keys=keys)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], Forecast(calls=0, seconds=0, rate=15)),
        ([request("a")], Forecast(calls=2, seconds=0.1, rate=15)),
        ([request("a", "b"), request("b")], Forecast(calls=4, seconds=0.3, rate=15)),
        ([request("a", "b", "c", "d")], Forecast(calls=2, seconds=0.1, rate=15)),
        ([request("a"), request("b"), request("c"), request("d")], Forecast(calls=5, seconds=0.3, rate=15)),
    ],
)
def test_calls_and_seconds(requests: list[Request], expected: Forecast) -> None:
    assert forecast(requests, rate=15) == expected
