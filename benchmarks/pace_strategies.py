"""Ways to pace calls: the one in use, and those that `benchmarks/pace_simulation.py` compares it with.

Each takes the configured rate, and the time and admission of each call, and returns when the next call may start. All keep
to the configured rate in any second, however it is cut; they differ in what a throttled call leads to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from reconciler.remote.pacing import SLACK, Admission, Pace
from reconciler.remote.retry import RetryPolicy


class Strategy(Protocol):
    """A way to pace calls. `first_wait` is the wait before the first repetition; all calls wait for it if `stops_all`."""

    first_wait: float
    stops_all: bool

    def next_start(self, now: float) -> float:
        """The earliest time, not before `now`, at which the next call may start."""

    def begin(self, now: float) -> Any:
        """A call starts; what is returned is given to `end`."""

    def end(self, ticket: Any, now: float, *, is_admitted: bool) -> None:
        """A call has ended."""


class InUse:
    """The pace of the product."""

    first_wait = RetryPolicy().first_wait
    stops_all = False

    def __init__(self, rate: float) -> None:
        self._pace = Pace(rate)

    def next_start(self, now: float) -> float:
        """The earliest time, not before `now`, at which the next call may start."""
        return self._pace.next_start(now)

    def begin(self, now: float) -> Any:
        """A call starts; what is returned is given to `end`."""
        return self._pace.begin(now)

    def end(self, ticket: Any, now: float, *, is_admitted: bool) -> None:
        """A call has ended."""
        self._pace.end(ticket, Admission.ADMITTED if is_admitted else Admission.THROTTLED, now)


class Adapting:
    """A configured rate, and a rate that a subclass lowers and raises."""

    first_wait = RetryPolicy().first_wait
    stops_all = False
    is_even = True  # whether calls below the configured rate start one by one rather than in bursts

    def __init__(self, rate: float) -> None:
        self.asked = rate
        self.cuts = 0
        self.cut_at = float("-inf")
        self.admitted: deque[float] = deque(maxlen=4000)
        self.throttled: deque[float] = deque(maxlen=4000)
        self._slots: deque[list[float]] = deque(maxlen=max(1, int(rate)))
        self._paced = float("-inf")

    def rate(self, now: float) -> float:
        """The current rate."""
        raise NotImplementedError

    def cut(self, now: float) -> None:
        """Lower the rate after a throttled call that started after the last cut."""
        raise NotImplementedError

    def next_start(self, now: float) -> float:
        """The earliest time, not before `now`, at which the next call may start."""
        rate, start = min(self.asked, self.rate(now)), now
        for each in {rate, self.asked}:
            capacity = max(1, int(each))
            if len(self._slots) >= capacity:
                start = max(start, self._slots[-capacity][0] + capacity / each)
        return max(start, self._paced + 1 / rate) if self.is_even and rate < self.asked else start

    def begin(self, now: float) -> Any:
        """A call starts; what is returned is given to `end`."""
        interval = 1 / min(self.asked, self.rate(now))
        self._paced = max(self._paced + interval, now - interval)
        slot = [now + SLACK]
        self._slots.append(slot)
        return slot, self.cuts

    def end(self, ticket: Any, now: float, *, is_admitted: bool) -> None:
        """A call has ended."""
        slot, cuts = ticket
        slot[0] = min(slot[0], now)
        (self.admitted if is_admitted else self.throttled).append(now)
        if is_admitted:
            self.admit()
        elif cuts == self.cuts:
            self.cut(now)
            self.cuts += 1
            self.cut_at = now

    def admit(self) -> None:
        """An admitted call has ended."""

    def in_last(self, seconds: float, now: float) -> int:
        """How many calls were admitted in the last seconds."""
        return sum(at > now - seconds for at in self.admitted)


class ByResponses(Adapting):
    """As it was: everybody stops for a while, the rate becomes what was served, and each response adds 0.01 to it."""

    first_wait = 2.0
    stops_all = True
    is_even = False

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self._rate = rate

    def rate(self, now: float) -> float:
        """The current rate."""
        return self._rate

    def admit(self) -> None:
        """An admitted call has ended."""
        self._rate = min(self.asked, self._rate + 0.01)

    def cut(self, now: float) -> None:
        """Lower the rate after a throttled call that started after the last cut."""
        served = 0.95 * self.in_last(1, now)
        self._rate = max(0.25, min(max(served, self._rate * 0.25), self._rate * 0.85))


class Aimd(Adapting):
    """Additive increase by time, multiplicative decrease: 70 %, and a fifth of the configured rate more each second."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self._rate = rate

    def rate(self, now: float) -> float:
        """The current rate."""
        return self._rate if self.cuts == 0 else min(self.asked, self._rate + (now - self.cut_at) * self.asked / 5)

    def cut(self, now: float) -> None:
        """Lower the rate after a throttled call that started after the last cut."""
        self._rate = max(1.0, 0.7 * self.rate(now))


class Served(Adapting):
    """What was served in the last second, and a fifth of it more each second."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self._rate = rate

    def rate(self, now: float) -> float:
        """The current rate."""
        return self._rate if self.cuts == 0 else min(self.asked, self._rate * (1 + (now - self.cut_at) / 5))

    def cut(self, now: float) -> None:
        """Lower the rate after a throttled call that started after the last cut."""
        self._rate = max(1.0, min(self.rate(now), self.in_last(1, now)))


class Ratio(Adapting):
    """A quarter more than what was served in the last two seconds (Site Reliability Engineering, "Handling Overload")."""

    def rate(self, now: float) -> float:
        """The current rate."""
        if not self.throttled or self.throttled[-1] < now - 2:
            return self.asked
        return max(1.0, 1.25 * self.in_last(2, now) / 2)

    def cut(self, now: float) -> None:
        """Do nothing: the rate is computed from what was served."""


class Cubic(Adapting):
    """70 %, then fast back to where it failed, slowly around that, and fast beyond (RFC 9438)."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self._failed = rate

    def rate(self, now: float) -> float:
        """The current rate."""
        if self.cuts == 0:
            return self.asked
        steepness = 0.04 * self.asked
        flat = (0.3 * self._failed / steepness) ** (1 / 3)
        return max(1.0, min(self.asked, steepness * (now - self.cut_at - flat) ** 3 + self._failed))

    def cut(self, now: float) -> None:
        """Lower the rate after a throttled call that started after the last cut."""
        self._failed = max(1.0, self.rate(now))


STRATEGIES: Final[Mapping[str, Callable[[float], Strategy]]] = {
    "by responses": ByResponses,
    "AIMD": Aimd,
    "served": Served,
    "ratio": Ratio,
    "cubic": Cubic,
    "in use": InUse,
}
