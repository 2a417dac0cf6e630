"""Which failure is worth another attempt, and after what wait."""

from __future__ import annotations

import pytest

from reconciler.errors import FaultClass
from reconciler.remote.retry import Failure, RetryPolicy, Safety

PASSING = Failure(fault=FaultClass.TRANSIENT)
THROTTLE = Failure(fault=FaultClass.TRANSIENT, is_throttle=True)
TIMEOUT = Failure(fault=FaultClass.TRANSIENT, is_timeout=True)
TOO_LARGE = Failure(fault=FaultClass.TRANSIENT, is_too_large=True)
FATAL = Failure(fault=FaultClass.FATAL)
ABSENT = Failure(fault=FaultClass.NOT_FOUND)


def wait(
    failure: Failure,
    safety: Safety = Safety.READ,
    *,
    attempt: int = 1,
    timeouts: int = 0,
    elapsed: float = 0,
    jitter: float = 1,
) -> float | None:
    return RetryPolicy().wait_before_next(
        failure, safety=safety, attempt=attempt, timeouts=timeouts, elapsed=elapsed, jitter=jitter
    )


@pytest.mark.parametrize(
    ("failure", "safety", "expected"),
    [
        (PASSING, Safety.READ, 0.5),
        (PASSING, Safety.REPEATABLE, 0.5),
        (PASSING, Safety.ONCE, None),
        (TIMEOUT, Safety.READ, 0.5),
        (TIMEOUT, Safety.REPEATABLE, 0.5),
        (TIMEOUT, Safety.ONCE, None),
        (THROTTLE, Safety.READ, 0.5),
        (THROTTLE, Safety.REPEATABLE, 0.5),
        (THROTTLE, Safety.ONCE, 0.5),
        (FATAL, Safety.READ, None),
        (FATAL, Safety.REPEATABLE, None),
        (FATAL, Safety.ONCE, None),
        (ABSENT, Safety.READ, None),
    ],
)
def test_what_is_retried(failure: Failure, safety: Safety, expected: float | None) -> None:
    assert wait(failure, safety, timeouts=int(failure.is_timeout)) == expected


def test_waits_double_up_to_a_limit_and_end_after_24_attempts() -> None:
    waits = [wait(PASSING, attempt=attempt) for attempt in range(1, 26)]
    assert waits == [0.5, 1.0, 2.0, 4.0, *[5.0] * 19, None, None]


def test_a_throttled_call_is_made_up_to_24_times() -> None:
    waits = [wait(THROTTLE, attempt=attempt) for attempt in range(1, 25)]
    assert waits == [0.5, 1.0, 2.0, 4.0, *[5.0] * 19, None]


def test_a_call_that_may_be_too_large_is_made_twice() -> None:
    assert [wait(TOO_LARGE, Safety.REPEATABLE, attempt=attempt) for attempt in (1, 2)] == [0.5, None]
    assert wait(TOO_LARGE, Safety.ONCE) is None


def test_jitter_takes_up_to_half_of_a_wait() -> None:
    assert [wait(THROTTLE, jitter=jitter) for jitter in (0, 0.5, 1)] == [0.25, 0.375, 0.5]


def test_a_second_missed_deadline_is_final() -> None:
    assert wait(TIMEOUT, timeouts=2, attempt=2) is None


def test_no_attempt_begins_past_the_budget() -> None:
    assert (wait(PASSING, elapsed=119.5), wait(PASSING, elapsed=119.6)) == (0.5, None)
