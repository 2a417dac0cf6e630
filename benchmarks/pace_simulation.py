"""`python -m benchmarks.pace_simulation`: compares ways to pace calls, on a clock of its own; prints a Markdown table.

Takes nothing. Each way makes the same calls to the same simulated services: with a limit of the
configured rate or less, counted in one of four ways, with calls throttled at random, and with other clients that use a
part of the limit. It never calls a service nor sleeps. docs/decisions/0018-the-pace.md has the table and what was decided.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import mean
from typing import Any, Final, Protocol

from benchmarks.pace_strategies import STRATEGIES, Strategy
from reconciler.remote.retry import RetryPolicy

SEEDS: Final = 10
FOREVER: Final = 1e9
LONGEST: Final = 600.0
"""Seconds after which a run that isn't done is given up; it counts with this time."""


# --- how a service counts --------------------------------------------------------------------------------------


class Service(Protocol):
    """Admits a call that arrives at a time, or throttles it. Times never go back."""

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is admitted."""


@dataclass
class Sliding:
    """At most `limit` calls in the second that ends now. Throttled calls count too if `counts_throttled`."""

    limit: float
    counts_throttled: bool = False
    _seen: deque[float] = field(default_factory=deque)

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is admitted."""
        while self._seen and self._seen[0] <= now - 1:
            self._seen.popleft()
        is_admitted = len(self._seen) < self.limit
        if is_admitted or self.counts_throttled:
            self._seen.append(now)
        return is_admitted


@dataclass
class FixedWindows:
    """At most `limit` calls in each second of the service's own clock."""

    limit: float
    _second: int = -1
    _seen: int = 0

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is admitted."""
        second = int(now + 0.37)
        if second != self._second:
            self._second, self._seen = second, 0
        self._seen += 1
        return self._seen <= self.limit


@dataclass
class TokenBucket:
    """`limit` tokens a second, of which a second's are kept; a call takes one."""

    limit: float
    _at: float = 0.0
    _tokens: float | None = None

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is admitted."""
        tokens = self.limit if self._tokens is None else min(self.limit, self._tokens + (now - self._at) * self.limit)
        self._at = now
        self._tokens = tokens - 1 if tokens >= 1 else tokens
        return tokens >= 1


@dataclass
class WithRival:
    """A service of which another client takes `rate` calls a second, and asks again every 30 ms until it has them."""

    service: Service
    rate: float
    begin: float = 0.0
    end: float = FOREVER
    _owed: float = 0.0

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is admitted."""
        while self.begin <= min(now, self.end):
            self._owed = min(self.rate, self._owed + 0.03 * self.rate)
            while self._owed >= 1 and self.service.admits(self.begin):
                self._owed -= 1
            self.begin += 0.03
        return self.service.admits(now)


@dataclass
class Nodes:
    """A service of several nodes, each with its own count; a call reaches any of them."""

    nodes: Sequence[Service]
    _dice: random.Random = field(default_factory=lambda: random.Random(5))

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is admitted."""
        return self._dice.choice(self.nodes).admits(now)


# --- cases -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """One situation. `ideal` is the seconds that the calls take at the limit, or at the fair share of it."""

    name: str
    ideal: float
    service: Callable[[], Service]
    rate: float = 15
    calls: int = 200
    runs: int = 1
    throttled: float = 0.0
    latency: tuple[float, float] = (0.02, 0.06)


def _rival(service: Service, begin: float = 0.0, end: float = FOREVER) -> Service:
    return WithRival(service=service, rate=10, begin=begin, end=end)


CASES: Final = (
    Case(name="rate 15", ideal=200 / 15, service=lambda: Sliding(15)),
    Case(name="rate 15, 2,000 calls", ideal=2000 / 15, calls=2000, service=lambda: Sliding(15)),
    Case(
        name="rate 15, 2,000 calls, 100 to 150 ms",
        ideal=2000 / 15,
        calls=2000,
        latency=(0.1, 0.15),
        service=lambda: Sliding(15),
    ),
    Case(name="rate 15, fixed windows", ideal=200 / 15, service=lambda: FixedWindows(15)),
    Case(name="rate 15, token bucket", ideal=200 / 15, service=lambda: TokenBucket(15)),
    Case(name="rate 40, limit 15", ideal=200 / 15, rate=40, service=lambda: Sliding(15)),
    Case(name="rate 40, limit 15, fixed windows", ideal=200 / 15, rate=40, service=lambda: FixedWindows(15)),
    Case(name="rate 40, limit 15, token bucket", ideal=185 / 15, rate=40, service=lambda: TokenBucket(15)),
    Case(
        name="rate 40, limit 15, throttled count",
        ideal=200 / 15,
        rate=40,
        service=lambda: Sliding(15, counts_throttled=True),
    ),
    Case(name="rate 1,000, limit 40", ideal=200 / 40, rate=1000, service=lambda: Sliding(40)),
    Case(
        name="rate 1,000, limit 40, 1 to 4 ms", ideal=5, rate=1000, latency=(0.001, 0.004), service=lambda: Sliding(40)
    ),
    Case(name="20 % throttled at random", ideal=125 / 0.8 / 15, calls=125, throttled=0.2, service=lambda: Sliding(15)),
    Case(name="7 % throttled at random", ideal=125 / 0.93 / 15, calls=125, throttled=0.07, service=lambda: Sliding(15)),
    Case(name="three nodes of 5", ideal=200 / 15, service=lambda: Nodes([Sliding(5), Sliding(5), Sliding(5)])),
    Case(name="rival for 5 s", ideal=22 / 3, calls=60, service=lambda: _rival(Sliding(15), end=5)),
    Case(name="rival for 5 s from 3 s on", ideal=34 / 3, calls=120, service=lambda: _rival(Sliding(15), 3, 8)),
    Case(name="rival stays", ideal=12, calls=60, service=lambda: _rival(Sliding(15))),
    Case(name="rival from 3 s on stays", ideal=18, calls=120, service=lambda: _rival(Sliding(15), 3)),
    Case(name="rival stays, fixed windows", ideal=12, calls=60, service=lambda: _rival(FixedWindows(15))),
    Case(
        name="rival stays, 100 to 250 ms", ideal=12, calls=60, latency=(0.1, 0.25), service=lambda: _rival(Sliding(15))
    ),
    Case(name="two runs", ideal=240 / 15, calls=120, runs=2, service=lambda: Sliding(15)),
    Case(name="two runs, fixed windows", ideal=240 / 15, calls=120, runs=2, service=lambda: FixedWindows(15)),
)


# --- the simulation --------------------------------------------------------------------------------------------


class Events:
    """What happens when, in the order of time."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = count()

    def at(self, time: float, act: Callable[[float], None]) -> None:
        """Do this at that time."""
        heapq.heappush(self._queue, (time, next(self._number), act))

    def run(self, until: Callable[[], bool]) -> None:
        """Let things happen until there is nothing left to wait for."""
        while self._queue and not until():
            time, _, act = heapq.heappop(self._queue)
            if time > LONGEST:
                return
            act(time)


class Run:
    """One run of our own: calls in eight threads, paced by a strategy and repeated as `retry.py` says."""

    THREADS: Final = 8

    def __init__(self, strategy: Strategy, service: Service, case: Case, events: Events, dice: random.Random) -> None:
        self._strategy, self._service, self._case, self._events, self._dice = strategy, service, case, events, dice
        self._waiting: deque[int] = deque()  # the numbers of attempts
        self._is_timed = False  # whether the first of them waits for a time
        self._resume = 0.0
        self._left = case.calls
        self._done = 0
        self.throttled = 0
        self.end: float | None = None
        for _ in range(self.THREADS):
            self._next(0.0)

    def _next(self, now: float) -> None:
        if self._left:
            self._left -= 1
            self._queue(now, 1)

    def _queue(self, now: float, attempt: int) -> None:
        self._waiting.append(attempt)
        if not self._is_timed:
            self._is_timed = True
            self._start(now)

    def _start(self, now: float) -> None:
        start = max(self._strategy.next_start(now), self._resume)
        if start > now + 1e-9:
            self._events.at(start, self._start)
            return
        attempt, ticket = self._waiting.popleft(), self._strategy.begin(now)
        half = self._dice.uniform(*self._case.latency) / 2
        self._events.at(now + half, lambda at: self._arrive(at, attempt, ticket, half))
        self._is_timed = bool(self._waiting)
        if self._waiting:
            self._start(now)

    def _arrive(self, now: float, attempt: int, ticket: Any, half: float) -> None:
        is_admitted = self._dice.random() >= self._case.throttled and self._service.admits(now)
        self._events.at(now + half, lambda at: self._respond(at, attempt, ticket, is_admitted=is_admitted))

    def _respond(self, now: float, attempt: int, ticket: Any, *, is_admitted: bool) -> None:
        self._strategy.end(ticket, now, is_admitted=is_admitted)
        if is_admitted:
            self._done += 1
            if self._done == self._case.calls:
                self.end = now
            self._next(now)
            return
        self.throttled += 1
        policy = RetryPolicy()
        wait = min(policy.longest_wait, self._strategy.first_wait * 2 ** (attempt - 1)) * (
            0.5 + self._dice.random() / 2
        )
        if self._strategy.stops_all:
            self._resume = max(self._resume, now + wait)
            self._queue(now, attempt + 1)
        else:
            self._events.at(now + wait, lambda at: self._queue(at, attempt + 1))


def simulated(case: Case, strategy: Callable[[float], Strategy], seed: int) -> tuple[float, int]:
    """The seconds until all runs of a case are done, and how many of their calls were throttled."""
    dice, events, service = random.Random(seed), Events(), case.service()
    runs = [Run(strategy(case.rate), service, case, events, dice) for _ in range(case.runs)]
    events.run(until=lambda: all(run.end is not None for run in runs))
    return max(LONGEST if run.end is None else run.end for run in runs), sum(run.throttled for run in runs)


def main() -> None:
    """Print a row per case: for each strategy the time as a multiple of the ideal, mean and worst, and throttled calls."""
    print("| case | ideal | " + " | ".join(STRATEGIES) + " |")
    print("|---|---|" + "---|" * len(STRATEGIES))
    for case in CASES:
        cells = []
        for strategy in STRATEGIES.values():
            results = [simulated(case, strategy, seed) for seed in range(SEEDS if case.calls < 1000 else 1)]
            times = [seconds / case.ideal for seconds, _ in results]
            cells.append(f"{mean(times):.2f} ({max(times):.2f}), {mean(number for _, number in results):.0f}")
        print(f"| {case.name} | {case.ideal:.1f} s | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
