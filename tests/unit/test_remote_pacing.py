"""The pace of calls: never more than the rate in any second, whichever way the second is cut."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.remote.pacing import Pacer
from tests.unit.scripted_service import FakeTime


def starts_of(rate: float, pauses: list[float]) -> list[float]:
    """When calls start that are asked for with these pauses between one's start and the next asking."""
    time = FakeTime()
    pacer = Pacer(rate, clock=time.clock, sleep=time.sleep)
    starts = []
    for pause in pauses:
        time.now += pause
        pacer.wait()
        starts.append(time.now)
    return starts


def test_a_burst_goes_at_once_and_the_rest_waits() -> None:
    assert [round(start - 1000, 6) for start in starts_of(3, [0.0] * 8)] == [0, 0, 0, 1.05, 1.05, 1.05, 2.1, 2.1]


def test_a_rate_below_one_spaces_single_calls() -> None:
    assert [round(start - 1000, 6) for start in starts_of(0.5, [0.0] * 3)] == [0, 2.05, 4.1]


@given(
    rate=st.sampled_from([0.3, 1, 2.5, 15]),
    pauses=st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=60),
)
def test_no_window_of_any_place_holds_more_than_the_rate(rate: float, pauses: list[float]) -> None:
    starts = starts_of(rate, pauses)
    assert starts == sorted(starts)
    capacity = max(1, int(rate))
    for index in range(len(starts) - capacity):
        assert starts[index + capacity] - starts[index] >= capacity / rate


def test_threads_share_one_pace() -> None:
    slept: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(seconds)

    pacer = Pacer(5, clock=lambda: 0.0, sleep=sleep)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(pacer.wait) for _ in range(20)]:
            done.result()
    assert sorted(round(wait, 6) for wait in slept) == [1.05] * 5 + [2.1] * 5 + [3.15] * 5


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_must_be_above_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pacer(rate)
