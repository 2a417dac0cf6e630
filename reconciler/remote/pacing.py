"""Decides when calls may start. One pacer serves all calls of a connection, retries included.

Takes the configured rate, and the time and outcome of each call. Returns the time at which each next call may start.

The service limits the requests per second (15: Clarifai documentation, "Rate Limits") but doesn't say how it counts
them. The pacer assumes the strictest way: no interval of one second, wherever it begins, may contain the arrival of more
than `rate` calls. A burst of up to `rate` calls starts at once. (A token bucket isn't strict enough: it lets almost twice
the rate through in the first second.)

A throttled response means that the configured rate is too high, or that others share it. The pacer then pauses, lowers the
rate, and raises it again a little with each response (additive increase, multiplicative decrease).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# A call reaches the service at some time between its start and its response. It is counted from SLACK after its start,
# or from its response if that comes sooner.
SLACK: Final = 0.05
"""The assumed difference, in seconds, between the network delays of two calls."""

RAISE: Final = 0.01
"""The calls per second that each response adds to a lowered rate."""

# A lowered rate is 95 % of what the service has just served, but at least a quarter and at most 85 % of the previous rate,
# and never below one call in four seconds.
_BELOW_SERVED: Final = 0.95
_LARGEST_CUT: Final = 0.25
_SMALLEST_CUT: Final = 0.85
_SMALLEST: Final = 0.25

_SERVED: Final = 1000
"""How many served calls are remembered: more than can be served in the one second that is looked at."""


@dataclass(slots=True, eq=False)
class Slot:
    """The reservation of one call, in seconds of the clock: when it may start, and from when it is counted.

    `cuts` is the number of times that the rate had been lowered when the reservation was made.
    """

    start: float
    counts_from: float
    cuts: int


class Pacer:
    """Spaces the starts of calls from any number of threads. `rate` is in calls per second and may be below 1."""

    def __init__(
        self, rate: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if rate <= 0:
            raise ValueError("rate must be above 0")
        self._asked = rate
        self._slots: deque[Slot] = deque()
        self._set_rate(rate)
        self._cuts = 0
        self._cut_at = float("-inf")
        self._resume = float("-inf")
        self._served: deque[float] = deque(maxlen=_SERVED)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """The current rate, in calls per second."""
        return self._rate

    def wait(self) -> Slot:
        """Block until the next call may start. Callers are served in the order in which they arrive."""
        while True:
            with self._lock:
                now = self._clock()
                slot = self._reserved(now)
            if slot.start > now:
                self._sleep(slot.start - now)
            with self._lock:
                # If a pause began during the sleep, `throttled` has cancelled this reservation: reserve again.
                if slot.cuts == self._cuts or slot.start <= self._cut_at:
                    return slot

    def answered(self, slot: Slot, *, is_served: bool = True) -> None:
        """Record that a call has ended. `is_served` is whether the service carried it out."""
        with self._lock:
            now = self._clock()
            slot.counts_from = min(slot.counts_from, now)
            if is_served:
                self._served.append(now)
                if self._rate < self._asked:
                    self._set_rate(min(self._asked, self._rate + RAISE))

    def throttled(self, slot: Slot, pause: float) -> None:
        """Record that a call was throttled. No call starts for `pause` seconds, and later ones start at a lower rate."""
        with self._lock:
            now = self._clock()
            slot.counts_from = min(slot.counts_from, now)
            # A call that started before the previous cut says nothing about the rate after it.
            if slot.cuts != self._cuts:
                return
            self._cuts += 1
            self._cut_at = now
            self._resume = now + pause
            # What was served in the last second is the only measurement of the limit that there is.
            served = sum(at > now - 1 for at in self._served) * _BELOW_SERVED
            lowest, highest = self._rate * _LARGEST_CUT, self._rate * _SMALLEST_CUT
            # Cancel the reservations of calls that haven't started.
            while self._slots and self._slots[-1].start > now:
                self._slots.pop()
            self._set_rate(max(_SMALLEST, min(max(served, lowest), highest)))

    def _reserved(self, now: float) -> Slot:
        start = max(now, self._resume)
        # At capacity, wait until the oldest call of the window is one window ago.
        if len(self._slots) >= self._capacity:
            start = max(start, self._slots[0].counts_from + self._window)
            self._slots.popleft()
        if self._slots:
            start = max(start, self._slots[-1].start)
        slot = Slot(start=start, counts_from=start + SLACK, cuts=self._cuts)
        self._slots.append(slot)
        return slot

    def _set_rate(self, rate: float) -> None:
        self._rate = rate
        # For a fractional rate, 2.5 say, the window is that of a whole number of calls: 2 calls in 0.8 s.
        self._capacity = max(1, int(rate))
        self._window = self._capacity / rate
        while len(self._slots) > self._capacity:
            self._slots.popleft()
