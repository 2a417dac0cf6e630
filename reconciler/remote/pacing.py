"""How fast calls may start: one pacer for every call of a connection, retries too.

The service allows a number of requests per second (Clarifai documentation, "Rate Limits": 15) and does not say
how it counts them. So the pacer holds the strictest reading: in no window of one second, wherever it begins, do
more than `rate` calls arrive. A burst up to the rate goes at once; an ordinary token bucket would let nearly twice
the rate through in the first second, and the service would refuse the rest. A call arrives somewhere between its start
and its answer. So it counts from its answer, once that is there, and never from later than SLACK after its start.

A throttled answer says that the rate is wrong, or shared with somebody. Then everybody pauses, and the rate falls to what
the service has served in the second before, a little less, and by no more than three quarters at once: that second is
the one measurement of the limit there is. Calls that were under way when the rate fell say nothing new about it. Each
answer afterwards raises the rate a little, up to the one that was asked for (additive increase, multiplicative decrease).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SLACK: Final = 0.05
"""Seconds by which the delays of two calls on their way may differ."""

RAISE: Final = 0.01
"""Calls per second that each answer adds to a lowered rate."""

_SMALLEST: Final = 0.25
_LARGEST_CUT: Final = 0.25
_SMALLEST_CUT: Final = 0.85
_BELOW_SERVED: Final = 0.95
_SERVED: Final = 1000


@dataclass(slots=True, eq=False)
class Slot:
    """One call's place in the pace: when it may start, and since when it counts at the latest."""

    start: float
    counts_from: float
    cuts: int


class Pacer:
    """Spaces the starts of calls, for any number of threads. `rate` is in calls per second, and may be below 1."""

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
        """The rate held now, in calls per second."""
        return self._rate

    def wait(self) -> Slot:
        """Return when the next call may start; callers are served in the order of their asking."""
        while True:
            with self._lock:
                now = self._clock()
                slot = self._reserved(now)
            if slot.start > now:
                self._sleep(slot.start - now)
            with self._lock:
                # A pause that began meanwhile has taken the reservation back.
                if slot.cuts == self._cuts or slot.start <= self._cut_at:
                    return slot

    def answered(self, slot: Slot, *, is_served: bool = True) -> None:
        """Tell that a call's answer is there; `is_served` that it was a yes."""
        with self._lock:
            now = self._clock()
            slot.counts_from = min(slot.counts_from, now)
            if is_served:
                self._served.append(now)
                if self._rate < self._asked:
                    self._set_rate(min(self._asked, self._rate + RAISE))

    def throttled(self, slot: Slot, pause: float) -> None:
        """Tell that a call was refused as one too many: nobody starts for `pause` seconds, and then more slowly."""
        with self._lock:
            now = self._clock()
            slot.counts_from = min(slot.counts_from, now)
            if slot.cuts != self._cuts:
                return
            self._cuts += 1
            self._cut_at = now
            self._resume = now + pause
            served = sum(at > now - 1 for at in self._served) * _BELOW_SERVED
            lowest, highest = self._rate * _LARGEST_CUT, self._rate * _SMALLEST_CUT
            while self._slots and self._slots[-1].start > now:
                self._slots.pop()
            self._set_rate(max(_SMALLEST, min(max(served, lowest), highest)))

    def _reserved(self, now: float) -> Slot:
        start = max(now, self._resume)
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
        self._capacity = max(1, int(rate))
        self._window = self._capacity / rate
        while len(self._slots) > self._capacity:
            self._slots.popleft()
