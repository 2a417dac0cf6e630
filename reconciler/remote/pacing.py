"""Decides when calls may start. One pacer serves all calls of a connection, retries included.

Takes the configured rate, and the time and admission of each call. Returns the time at which the next call may start. It
never decides whether a call is repeated; `retry.py` does.

The service limits the requests per second (15: Clarifai documentation, "Rate Limits") but doesn't say how it counts
them. The pacer assumes the strictest way: no interval of one second, wherever it begins, may contain the arrival of more
than `rate` calls. A burst of up to `rate` calls starts at once. (A token bucket isn't strict enough: it lets almost twice
the rate through in the first second.)

A throttled response doesn't say why. The configured rate may be too high, another job may use a part of it, or one node of
the service may reject a call on its own. Lowering the rate helps in the first two cases, and starves the run in the third.
So the evidence decides:

- A few throttled responses among admitted calls say nothing about the rate, and it stays.
- Three in a row, or more than two in five, within a second show an overload. The limit becomes what was admitted in the last second,
  which is the only measurement that there is.
- The limit is held for a moment, and then raised as time passes, fast enough to reach within two seconds whatever was
  admitted in the last ten. If more is admitted than the limit, the limit is too low and rises along. If a call above the
  limit is throttled, the limit is right: it is held again, and twice as long as before.

docs/decisions/0018-the-pace.md compares this with other strategies.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

# A call reaches the service at some time between its start and its response. It is counted from SLACK after its start,
# or from its response if that comes sooner.
SLACK: Final = 0.05
"""The assumed difference, in seconds, between the network delays of two calls."""

FIRST_HOLD: Final = 0.75
LONGEST_HOLD: Final = 4.0
"""How long, in seconds, a limit is held before it is raised: doubled each time that a raise turns out to be wrong."""

RECOVERY: Final = 2.0
MEMORY: Final = 10.0
"""A limit rises within RECOVERY seconds to the most that was admitted in any second of the last MEMORY seconds."""

GROWTH: Final = 0.5
"""The share of itself by which a limit rises per second at least, so that it can exceed what was admitted before."""

_IN_A_ROW: Final = 3
_MANY: Final = 6
_SHARE: Final = 0.4
"""An overload is, within a second, _IN_A_ROW throttled responses without an admitted call in between, or at least _MANY that
are more than _SHARE of all. With 20 % of the calls throttled at random, one call in 125 completes such a row."""

_NEAR: Final = 0.9
"""The share of the limit from which a throttled call counts as being at the limit: responses arrive unevenly."""

_SLOW: Final = 3.0
"""A limit below this, in calls per second, rises as fast as this one."""

_LOWEST: Final = 1.0
"""The lowest rate, in calls per second, that throttling leads to."""


class Admission(Enum):
    """What the end of a call shows about the service's limit."""

    ADMITTED = "admitted"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"  # the call failed in another way


@dataclass(slots=True, eq=False)
class Slot:
    """One call, in seconds of the clock: when it started, and from when it is counted.

    `changes` is the number of times that the limit had been set when the call started.
    """

    start: float
    counts_from: float
    changes: int


class Pace:
    """The rate of one connection over time. It has no clock and doesn't wait; every method takes the time.

    `asked` is the configured rate in calls per second, and may be below 1.
    """

    def __init__(self, asked: float) -> None:
        if asked <= 0:
            raise ValueError("rate must be above 0")
        self._asked = asked
        self._slots: deque[Slot] = deque(maxlen=_capacity(asked))
        self._paced = float("-inf")  # the start of the last call, had every call started exactly on time
        self._admitted: deque[float] = deque()  # in the last MEMORY seconds
        self._recent: deque[float] = deque()  # in the last second
        self._throttled: deque[float] = deque()  # in the last second, since the limit was set
        self._in_a_row = 0
        self._limit: float | None = None
        self._rises_from = 0.0
        self._slope = 0.0
        self._hold = FIRST_HOLD
        self._has_risen = False  # whether more was admitted than the limit since it was set
        self.changes = 0

    def rate(self, now: float) -> float:
        """Return the calls per second that may start at this time."""
        if self._limit is None:
            return self._asked
        return min(self._asked, self._limit + self._slope * max(0.0, now - self._rises_from))

    def next_start(self, now: float) -> float:
        """Return the earliest time, not before `now`, at which the next call may start."""
        rate = self.rate(now)
        start = max(now, self._free(self._asked))
        if rate < self._asked:
            # Single calls at even distances, so that a call too many is noticed before others follow it.
            start = max(start, self._free(rate), self._paced + 1 / rate)
        return start

    def begin(self, now: float) -> Slot:
        """Record that a call starts."""
        interval = 1 / self.rate(now)
        # A late start is made up for by the next call, but only by one.
        self._paced = max(self._paced + interval, now - interval)
        slot = Slot(start=now, counts_from=now + SLACK, changes=self.changes)
        self._slots.append(slot)
        return slot

    def end(self, slot: Slot, admission: Admission, now: float) -> None:
        """Record that a call has ended."""
        slot.counts_from = min(slot.counts_from, now)
        _drop(self._admitted, now - MEMORY)
        _drop(self._recent, now - 1)
        _drop(self._throttled, now - 1)
        if admission is Admission.ADMITTED:
            self._admitted.append(now)
            self._recent.append(now)
            self._in_a_row = 0
            self._rise(now)
        # A call that started before the limit was set says nothing about it.
        elif admission is Admission.THROTTLED and slot.changes == self.changes:
            self._throttled.append(now)
            self._in_a_row += 1
            self._judge(now)

    def _free(self, rate: float) -> float:
        """Return the time from which one more call is within `rate`."""
        # For a fractional rate, 2.5 say, the window is that of a whole number of calls: 2 calls in 0.8 s.
        capacity = _capacity(rate)
        return self._slots[-capacity].counts_from + capacity / rate if len(self._slots) >= capacity else float("-inf")

    def _rise(self, now: float) -> None:
        admitted, rate = float(len(self._recent)), self.rate(now)
        if self._limit is None or not self._limit < min(admitted, rate):
            return
        self._hold, self._has_risen = FIRST_HOLD, True
        if rate >= self._asked:
            self._limit = None
            return
        # The rate itself stays as it is at this time, and rises faster from here on.
        self._slope = max(self._slope, GROWTH * admitted)
        self._rises_from = now - max(0.0, rate - admitted) / self._slope
        self._limit = admitted

    def _judge(self, now: float) -> None:
        admitted, rate = float(len(self._recent)), self.rate(now)
        limit = self._asked if self._limit is None else self._limit
        throttled = len(self._throttled)
        is_overload = min(self._in_a_row, throttled) >= _IN_A_ROW or (
            throttled >= _MANY and throttled > _SHARE * (throttled + admitted)
        )
        if is_overload and admitted < limit:
            self._hold = FIRST_HOLD
        elif limit < rate and admitted >= limit * _NEAR:
            if not self._has_risen:
                self._hold = min(LONGEST_HOLD, 2 * self._hold)
        else:
            return
        self._set_limit(max(min(_LOWEST, self._asked), min(admitted, limit)), now)

    def _set_limit(self, limit: float, now: float) -> None:
        self._limit = limit
        self._rises_from = now + self._hold
        self._slope = max(GROWTH * max(limit, _SLOW), (_most_in_a_second(self._admitted) - limit) / RECOVERY)
        self._has_risen = False
        self._in_a_row = 0
        self._throttled.clear()
        self.changes += 1


class Pacer:
    """Spaces the starts of calls from any number of threads, at `rate` calls per second or less."""

    def __init__(
        self, rate: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._pace = Pace(rate)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # of the one thread that waits for a time; the others wait for the thread

    def wait(self) -> Slot:
        """Block until the next call may start."""
        with self._turn:
            while True:
                with self._lock:
                    now = self._clock()
                    start, changes = self._pace.next_start(now), self._pace.changes
                if start > now:
                    self._sleep(start - now)
                with self._lock:
                    # If the limit was set during the sleep, the time may be too early now.
                    if changes == self._pace.changes:
                        return self._pace.begin(max(start, self._clock()))

    def ended(self, slot: Slot, admission: Admission) -> None:
        """Record that a call has ended."""
        with self._lock:
            self._pace.end(slot, admission, self._clock())


def _capacity(rate: float) -> int:
    return max(1, int(rate))


def _drop(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()


def _most_in_a_second(times: deque[float]) -> int:
    most = 0
    second: deque[float] = deque()
    for at in times:
        _drop(second, at - 1)
        second.append(at)
        most = max(most, len(second))
    return most
