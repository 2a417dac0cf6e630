"""The pace of calls: never more than the rate in any second, lower after an overload, and up again in seconds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.remote.pacing import FIRST_HOLD, RECOVERY, Admission, Pace, Pacer, Slot
from tests.remote.scripted_service import FakeTime

ADMITTED, THROTTLED, UNKNOWN = Admission.ADMITTED, Admission.THROTTLED, Admission.UNKNOWN
RATES = st.sampled_from([0.3, 1, 2.5, 15])


class Line:
    """Calls one after the other, each as soon as the pace allows, that end a moment after their start."""

    LATENCY = 0.001

    def __init__(self, rate: float, *, now: float = 1000.0) -> None:
        self.pace = Pace(rate)
        self.now = now
        self.starts: list[float] = []

    def call(self, admission: Admission) -> None:
        """One call that ends so."""
        self.now = self.pace.next_start(self.now)
        slot = self.pace.begin(self.now)
        self.starts.append(self.now)
        self.now += self.LATENCY
        self.pace.end(slot, admission, self.now)

    def calls(self, *admissions: Admission) -> None:
        """Calls that end so, in this order."""
        for admission in admissions:
            self.call(admission)

    def rate(self, later: float = 0.0) -> float:
        """The rate now, or some seconds later if nothing is called until then."""
        return round(self.pace.rate(self.now + later), 6)


class LimitedService:
    """Serves `limit` calls in any second that has passed, and refuses the rest."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.served: list[float] = []
        self.refused = 0

    def call(self, now: float) -> Admission:
        if sum(at > now - 1 for at in self.served) >= self.limit:
            self.refused += 1
            return THROTTLED
        self.served.append(now)
        return ADMITTED


def overloaded(rate: float, *, admitted: int) -> Line:
    """A line whose calls are throttled after so many were admitted within a second."""
    line = Line(rate)
    line.calls(*[ADMITTED] * admitted, *[THROTTLED] * 3)
    return line


def require_no_window_above(rate: float, starts: Sequence[float]) -> None:
    capacity = max(1, int(rate))
    assert list(starts) == sorted(starts)
    for first, last in zip(starts, starts[capacity:], strict=False):
        assert last - first >= capacity / rate


# --- at the configured rate ------------------------------------------------------------------------------------


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


@given(rate=RATES, pauses=st.lists(st.floats(min_value=0, max_value=2), min_size=1, max_size=60))
def test_no_window_of_any_place_holds_more_than_the_rate(rate: float, pauses: list[float]) -> None:
    require_no_window_above(rate, starts_of(rate, pauses))


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


def test_a_call_counts_from_its_end() -> None:
    time = FakeTime()
    pacer = Pacer(1, clock=time.clock, sleep=time.sleep)
    pacer.ended(pacer.wait(), ADMITTED)
    time.now += 0.25
    slot = pacer.wait()
    assert (round(slot.start - 1000, 6), [round(wait, 6) for wait in time.slept]) == (1.0, [0.75])


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_must_be_above_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pacer(rate)


# --- throttled calls that show nothing about the rate ----------------------------------------------------------


@pytest.mark.parametrize("share", [5, 4, 3])
def test_throttled_calls_among_admitted_ones_leave_the_rate(share: int) -> None:
    line = Line(15)
    line.calls(*[*[ADMITTED] * (share - 1), THROTTLED] * 30)
    assert line.rate() == 15


def test_two_throttled_calls_in_a_row_leave_the_rate() -> None:
    line = Line(15)
    line.calls(*[*[ADMITTED] * 5, THROTTLED, THROTTLED] * 20)
    assert line.rate() == 15


def test_calls_that_fail_in_another_way_leave_the_rate_and_do_not_interrupt_a_row() -> None:
    line = Line(15)
    line.calls(*[UNKNOWN] * 20)
    assert line.rate() == 15
    line.calls(ADMITTED, ADMITTED, THROTTLED, UNKNOWN, THROTTLED, UNKNOWN, THROTTLED)
    assert line.rate() == 2


# --- an overload -----------------------------------------------------------------------------------------------


def test_three_throttled_calls_in_a_row_lower_the_rate_to_what_was_admitted_in_the_last_second() -> None:
    assert overloaded(1000, admitted=40).rate() == 40


def test_two_throttled_calls_in_five_lower_the_rate() -> None:
    line = Line(15)
    line.calls(*[ADMITTED, THROTTLED] * 6)
    assert line.rate() == 6


def test_after_an_overload_calls_wait_until_the_second_has_room_and_then_start_singly() -> None:
    line = overloaded(1000, admitted=4)
    line.calls(*[ADMITTED] * 5)
    # Seven calls ended from 1000.001 to 1000.007. Four are allowed within a second, throttled ones included. From 0.757 on
    # the limit rises by 2 a second. One call makes up for the late start of the one before.
    assert [round(start - 1000, 3) for start in line.starts[7:]] == [1.004, 1.005, 1.226, 1.409, 1.583]


def test_a_call_that_started_before_the_limit_was_set_does_not_lower_it_again() -> None:
    pace = Pace(100)
    slots = [pace.begin(0.0) for _ in range(30)]
    for slot in slots[:20]:
        pace.end(slot, ADMITTED, 0.1)
    for slot in slots[20:]:
        pace.end(slot, THROTTLED, 0.1)
    assert (pace.rate(0.1), pace.changes) == (20, 1)


@pytest.mark.parametrize(("asked", "lowest"), [(15, 1), (0.5, 0.5)])
def test_a_service_that_admits_nothing_is_asked_once_a_second(asked: float, lowest: float) -> None:
    line = Line(asked)
    line.calls(*[THROTTLED] * 30)
    assert line.rate() == lowest


# --- recovery --------------------------------------------------------------------------------------------------


def test_a_limit_is_held_and_then_rises_with_time_to_what_was_admitted_before() -> None:
    line = Line(15)
    line.calls(*[ADMITTED] * 45)  # 15 a second
    line.now += 1.1
    line.calls(ADMITTED, ADMITTED, THROTTLED, THROTTLED, THROTTLED)
    limit = line.rate()
    assert limit == 2
    assert [line.rate(FIRST_HOLD + later) for later in (0.0, RECOVERY / 2, RECOVERY)] == [2, 8.5, 15]


def test_a_limit_rises_by_half_of_itself_a_second_if_nothing_better_was_admitted() -> None:
    line = overloaded(1000, admitted=40)
    assert [line.rate(FIRST_HOLD + later) for later in (-0.1, 0.0, 1.0, 2.0)] == [40, 40, 60, 80]


def test_a_limit_that_is_right_is_held_longer_each_time() -> None:
    line, service = Line(1000), LimitedService(40)
    set_at: list[float] = []
    while len(set_at) < 6:
        changes = line.pace.changes
        line.call(service.call(line.pace.next_start(line.now)))
        if line.pace.changes != changes:
            set_at.append(line.now)
    gaps = [round(later - before, 1) for before, later in pairwise(set_at)]
    # The first time the limit rises after 0.75 s, but the second has no room for another call until 1.0 s.
    assert gaps == [1.7, 1.6, 3.1, 4.1, 4.1]


def test_admitted_calls_above_the_limit_end_it() -> None:
    line = overloaded(15, admitted=5)
    began = line.now
    while line.pace.next_start(line.now) - line.now > 0 or line.rate() < 15:
        line.call(ADMITTED)
    assert line.now - began < 4
    line.now += 2
    line.calls(*[ADMITTED] * 15)
    require_no_window_above(15, line.starts)
    # The limit is gone: a burst starts at once again.
    assert line.starts[-1] - line.starts[-15] < 0.02


@given(rate=RATES, history=st.lists(st.sampled_from(Admission), max_size=80))
def test_whatever_was_throttled_the_rate_is_back_within_seconds(rate: float, history: list[Admission]) -> None:
    line = Line(rate)
    line.calls(*history)
    began = line.now
    while line.rate() < rate and line.now - began < 60:
        line.call(ADMITTED)
    assert line.now - began <= 10


@given(rate=RATES, history=st.lists(st.sampled_from(Admission), max_size=80))
def test_throttled_or_not_the_rate_stays_between_one_and_the_configured_one(
    rate: float, history: list[Admission]
) -> None:
    line = Line(rate)
    for admission in history:
        line.call(admission)
        assert min(1, rate) <= line.rate() <= rate
    require_no_window_above(rate, line.starts)


def test_a_limit_that_is_set_during_a_wait_prolongs_it() -> None:
    time = FakeTime()
    slots: list[Slot] = []

    def sleep(seconds: float) -> None:
        while slots:
            pacer.ended(slots.pop(), THROTTLED)
        time.sleep(seconds)

    pacer = Pacer(4, clock=time.clock, sleep=sleep)
    slots.extend(pacer.wait() for _ in range(4))
    # Without the throttled responses it would be 1.05: now a single call a second is allowed, and 0.3 s later a little more.
    assert round(pacer.wait().start - 1000, 6) == 1.189655


# --- a service with a limit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "times", "refused"), [(40, 1.0, 0), (80, 1.1, 6), (1000, 1.1, 6), (20, 2.2, 0)])
def test_a_wrong_rate_costs_little(given: float, times: float, refused: int) -> None:
    """200 calls at a limit of 40 a second take 5 s at an even pace."""
    time, service = FakeTime(), LimitedService(40)
    pacer = Pacer(given, clock=time.clock, sleep=time.sleep)
    while len(service.served) < 200:
        slot = pacer.wait()
        time.now += 0.002
        pacer.ended(slot, service.call(time.now))
    assert time.now - 1000 <= 5 * times
    assert service.refused <= refused


def test_a_rate_above_the_limit_settles_at_the_limit() -> None:
    time, service = FakeTime(), LimitedService(15)
    pacer = Pacer(40, clock=time.clock, sleep=time.sleep)
    while len(service.served) < 900:
        slot = pacer.wait()
        time.now += 0.002
        pacer.ended(slot, service.call(time.now))
    assert time.now - 1000 <= 60 * 1.05
    assert service.refused <= 30
