"""Which failed call is made again, how often, and after what wait. Decides only; `caller.py` acts.

Waits double and are jittered, so that the threads of a run, and the runs of a fleet, don't come back together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.errors import FaultClass


class Safety(Enum):
    """What a second sending of a call does, where the first may have been executed."""

    READ = "read"
    REPEATABLE = "repeatable"  # a write that twice does what it does once
    ONCE = "once"  # deletes, and `remove`: the second would fail on what the first did, or hit what came since


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed attempt, as far as retrying goes."""

    fault: FaultClass
    is_throttle: bool = False
    is_timeout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """`attempts` in all; waits of `first_wait` seconds doubling up to `longest_wait`; no attempt begins past `budget`.

    A throttle says that everybody was too fast, so its waits begin at `throttle_wait`; and that nothing was done, so
    it may take `throttled_attempts`: where the rate is shared with others, the same call may be the one too many again.
    """

    attempts: int = 12
    first_contact: int = 6  # instead of `attempts`, while the endpoint has never answered anything: it may not be there
    throttled_attempts: int = 12
    first_wait: float = 0.5
    throttle_wait: float = 2.0
    longest_wait: float = 15.0
    budget: float = 120.0
    timeouts: int = 1  # how many DEADLINE_EXCEEDED are retried: each has cost a whole timeout already
    silence: int = 2  # after so many in a row with no answer to any call, no further one is retried

    def wait_before_next(
        self,
        failure: Failure,
        *,
        safety: Safety,
        attempt: int,
        timeouts: int,
        elapsed: float,
        jitter: float,
        is_known: bool = True,
    ) -> float | None:
        """Seconds to wait before the next attempt, or None where the failure is final.

        `attempt` is the number of the one that failed, from 1; `timeouts` how many of them ran into the deadline;
        `elapsed` seconds since the first began; `jitter` is uniform in [0, 1); `is_known` says that the endpoint has
        answered a call before.
        """
        attempts = self.throttled_attempts if failure.is_throttle else self.attempts if is_known else self.first_contact
        if failure.fault is not FaultClass.TRANSIENT or attempt >= attempts:
            return None
        if safety is Safety.ONCE and not failure.is_throttle:
            return None
        if failure.is_timeout and timeouts > self.timeouts:
            return None
        first = self.throttle_wait if failure.is_throttle else self.first_wait
        wait = min(self.longest_wait, first * 2 ** (attempt - 1)) * (0.5 + jitter / 2)
        return wait if elapsed + wait <= self.budget else None
