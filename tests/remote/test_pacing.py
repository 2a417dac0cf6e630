"""The pace of calls: never more than the rate in any second, whichever way the second is cut."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.remote.pacing import Pacer
from tests.remote.scripted_service import FakeTime


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


def test_a_call_counts_from_its_answer() -> None:
    time = FakeTime()
    pacer = Pacer(1, clock=time.clock, sleep=time.sleep)
    pacer.answered(pacer.wait())
    time.now += 0.25
    slot = pacer.wait()
    assert (round(slot.start - 1000, 6), [round(wait, 6) for wait in time.slept]) == (1.0, [0.75])


def test_a_throttle_lowers_the_rate_to_what_was_served_and_answers_raise_it_again() -> None:
    time = FakeTime()
    pacer = Pacer(100, clock=time.clock, sleep=time.sleep)
    for _ in range(40):
        pacer.answered(pacer.wait())
    slot = pacer.wait()
    pacer.answered(slot, is_served=False)
    pacer.throttled(slot, 1.5)
    assert pacer.rate == 38.0
    assert pacer.wait().start == 1001.5
    for _ in range(10):
        pacer.answered(pacer.wait())
    assert round(pacer.rate, 6) == 38.1


def test_calls_of_one_burst_lower_the_rate_once_and_by_three_quarters_at_most() -> None:
    time = FakeTime()
    pacer = Pacer(100, clock=time.clock, sleep=time.sleep)
    slots = [pacer.wait() for _ in range(8)]
    for slot in slots:
        pacer.throttled(slot, 2.0)
    assert pacer.rate == 25.0
    assert [pacer.wait().start for _ in range(2)] == [1002.0, 1002.0]


def test_a_rate_never_rises_above_the_one_asked_for() -> None:
    time = FakeTime()
    pacer = Pacer(1, clock=time.clock, sleep=time.sleep)
    pacer.throttled(pacer.wait(), 1.0)
    for _ in range(100):
        pacer.answered(pacer.wait())
    assert pacer.rate == 1


def test_a_pause_holds_those_who_were_already_waiting() -> None:
    time = FakeTime()
    pacer = Pacer(1, clock=time.clock, sleep=time.sleep)
    first = pacer.wait()
    pauses = [3.0]

    def sleep(seconds: float) -> None:
        if pauses:
            pacer.throttled(first, pauses.pop())
        time.sleep(seconds)

    pacer._sleep = sleep
    assert pacer.wait().start - 1000 >= 3.0


class LimitedService:
    """Serves `limit` calls in any second that has passed, and refuses the rest."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.served: list[float] = []
        self.refused = 0

    def call(self, now: float) -> bool:
        if sum(at > now - 1 for at in self.served) >= self.limit:
            self.refused += 1
            return False
        self.served.append(now)
        return True


@pytest.mark.parametrize(("given", "times"), [(40, 1.0), (80, 1.8), (1000, 3.0), (20, 2.2)])
def test_a_wrong_rate_costs_little(given: float, times: float) -> None:
    """200 calls at a limit of 40 a second take 5 s at an even pace."""
    time, service = FakeTime(), LimitedService(40)
    pacer = Pacer(given, clock=time.clock, sleep=time.sleep)
    done = 0
    while done < 200:
        slot = pacer.wait()
        time.now += 0.002
        is_served = service.call(time.now)
        pacer.answered(slot, is_served=is_served)
        done += is_served
        if not is_served:
            pacer.throttled(slot, 1.5)
    assert time.now - 1000 <= 5 * times
    assert service.refused <= (0 if given <= 40 else 8)


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_must_be_above_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pacer(rate)
