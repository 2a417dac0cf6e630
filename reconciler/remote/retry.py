"""Decides which failed calls are repeated, how often, and after which wait.

Takes the facts of a failed attempt, and returns the seconds to wait or None. It neither waits nor calls; `caller.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.errors import FaultClass


class Safety(Enum):
    """Whether a call may be sent again although the first attempt may have been carried out."""

    READ = "read"
    REPEATABLE = "repeatable"  # a write that has the same effect twice as once
    ONCE = "once"  # deletions and `remove`: a repetition would fail, or remove what was created in between


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The facts of one failed attempt that matter for a retry."""

    fault: FaultClass
    is_throttle: bool = False
    is_timeout: bool = False
    is_too_large: bool = False  # perhaps


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often failed calls are repeated, and the waits in between, in seconds.

    The wait doubles with each attempt, from `first_wait` up to `longest_wait`. No attempt begins later than `budget` after
    the first one. A throttled call waits no longer than any other: how soon calls of all threads follow one another is the
    pacer's decision.
    """

    attempts: int = 24
    first_contact: int = 6  # in place of `attempts` until the endpoint has responded once: it may be the wrong one
    throttled_attempts: int = 24  # a throttled call wasn't carried out, so even a deletion may be repeated
    first_wait: float = 0.5
    longest_wait: float = 5.0
    budget: float = 120.0
    too_large_attempts: int = 2  # then the caller sends the request in parts, if it has any
    timeouts: int = 1  # how many timeouts of one call are retried: each has already taken a whole --timeout
    silence: int = 2  # after this many timeouts in a row, of any calls, no further timeout is retried

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
        """Return the seconds to wait before the next attempt, or None if there is to be none.

        `attempt` is the number of the failed attempt, counted from 1, and `timeouts` how many attempts so far timed out.
        `elapsed` is the time in seconds since the first attempt began. `jitter` is uniform in [0, 1). `is_known` is
        whether the endpoint has ever responded to a call.
        """
        attempts = self.throttled_attempts if failure.is_throttle else self.attempts if is_known else self.first_contact
        if failure.is_too_large:
            attempts = min(attempts, self.too_large_attempts)
        if failure.fault is not FaultClass.TRANSIENT or attempt >= attempts:
            return None
        if safety is Safety.ONCE and not failure.is_throttle:
            return None
        if failure.is_timeout and timeouts > self.timeouts:
            return None
        # Between half of the wait and all of it, so that threads, and runs on other machines, don't retry in step.
        wait = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1)) * (0.5 + jitter / 2)
        return wait if elapsed + wait <= self.budget else None
