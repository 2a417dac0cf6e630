"""Decides which call a fault hits, and how many calls a second are admitted. It only counts; `service` acts on it."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from reconciler.emulator.switches import Fault


class FaultPlan:
    """Counts calls against faults; safe to share between threads."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._lock = threading.Lock()
        self._counters = [_Counter(fault) for fault in faults]

    def kind_for(self, rpc: str, request: Any = None) -> str | None:
        """The kind of the first fault that hits this call, or None. Counts the call."""
        with self._lock:
            hits = [counter.fault.kind for counter in self._counters if counter.is_hit_by(rpc, request)]
        return hits[0] if hits else None


class _Counter:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0
        self._hits = 0
        self._dice = random.Random(fault.seed)  # noqa: S311 - repeatable on purpose

    def is_hit_by(self, rpc: str, request: Any) -> bool:
        fault = self.fault
        if fault.rpc not in ("*", rpc) or (fault.names is not None and fault.names not in _named(request)):
            return False
        self._seen += 1
        limit = fault.times if fault.times is not None else 1 if fault.nth is not None else None
        if limit is not None and self._hits >= limit:
            return False
        if fault.nth is not None:
            hit = self._seen >= fault.nth
        elif fault.every is not None:
            hit = self._seen % fault.every == 0
        else:
            hit = fault.probability is None or self._dice.random() < fault.probability
        self._hits += hit
        return hit


def _named(request: Any) -> set[str]:
    """Every id that a request names: its own fields, and those of the objects in it."""
    found = {getattr(request, name, "") for name in ("model_id", "version_id")}
    found.update(getattr(request, "ids", ()))
    for name in ("models", "model_versions"):
        found.update(sent.id for sent in getattr(request, name, ()))
    return found


class RateLimit:
    """At most `limit` calls within any second; rejected calls don't count."""

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._admitted: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Whether a call at `now` (seconds, monotonic) is admitted."""
        if self._limit is None:
            return True
        with self._lock:
            window = max(1.0, 1 / self._limit)
            while self._admitted and self._admitted[0] <= now - window:
                self._admitted.popleft()
            if len(self._admitted) >= max(1, int(self._limit)):
                return False
            self._admitted.append(now)
            return True
