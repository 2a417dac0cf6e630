"""How fast calls may start.

The service allows a number of requests per second (Clarifai documentation, "Rate Limits": 15) and does not say
how it counts them. So the pacer holds the strictest reading: in no window of one second, wherever it begins, do
more than `rate` calls arrive. A burst up to the rate goes at once; an ordinary token bucket would let nearly twice
the rate through in the first second, and the service would refuse the rest. Calls arrive later than they start, the
first ones most (they wait for the connection), so the window is a little longer than the rate alone would have it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

SLACK: Final = 0.05
"""Seconds by which the delays of two calls on their way may differ."""


class Pacer:
    """Spaces the starts of calls, for any number of threads. `rate` is in calls per second, and may be below 1."""

    def __init__(
        self, rate: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if rate <= 0:
            raise ValueError("rate must be above 0")
        capacity = max(1, int(rate))
        self._window = capacity / rate + SLACK
        self._starts: deque[float] = deque(maxlen=capacity)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may start; callers are served in the order of their asking."""
        with self._lock:
            now = self._clock()
            start = now
            if len(self._starts) == self._starts.maxlen:
                start = max(now, self._starts[0] + self._window)
            self._starts.append(start)
        if start > now:
            self._sleep(start - now)
