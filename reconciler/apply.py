"""Sends a plan's requests and tells what became of each; the only caller of the writing verb.

In: requests and a Remote. Out: exactly one StepResult per request, in their order, whatever happens. Updates go first
and don't stop each other; deletions are reached only if every update succeeded. Nothing is decided here about what
should be sent: that was proven and guarded before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from reconciler.deletions import DELETING_RPCS
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.port import Remote
from reconciler.resources import Request


class Status(str, Enum):
    """What became of a request."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The outcome of one request. `error` is None unless it failed; `attempts` counts calls made for it.

    `is_unknown` marks a failure after which the request may have been carried out: its answer was lost.
    """

    request: Request
    status: Status
    is_unknown: bool = False
    error: str | None = None
    attempts: int = 0
    request_id: str | None = None


def apply_requests(
    requests: Sequence[Request],
    remote: Remote,
    *,
    already_done: frozenset[int] = frozenset(),
    on_result: Callable[[StepResult], None] = lambda result: None,
) -> tuple[StepResult, ...]:
    """Send the requests in order; `already_done` are positions of those whose effect is there and that are skipped.

    KeyboardInterrupt passes through to the caller after the results so far went to `on_result`.
    """
    results: list[StepResult] = []
    for position, request in enumerate(requests):
        blocked = request.rpc in DELETING_RPCS and any(result.status is Status.FAILED for result in results)
        if blocked:
            result = StepResult(request=request, status=Status.NOT_REACHED)
        elif position in already_done:
            result = StepResult(request=request, status=Status.SKIPPED)
        else:
            result = _send(request, remote)
        results.append(result)
        on_result(result)
    return tuple(results)


def settled(results: Sequence[StepResult], unreached: Callable[[Request], bool]) -> tuple[StepResult, ...]:
    """The results after reading back: a request whose answer was lost is done where its effect is there.

    `unreached` says whether any of a request's wanted values is not there.
    """
    return tuple(
        replace(result, status=Status.DONE, error=None, is_unknown=False)
        if result.is_unknown and not unreached(result.request)
        else result
        for result in results
    )


def _send(request: Request, remote: Remote) -> StepResult:
    try:
        reply = remote.send(request)
    except RemoteError as error:
        return StepResult(
            request=request,
            status=Status.FAILED,
            is_unknown=error.sent and error.fault is FaultClass.TRANSIENT,
            error=str(error),
            attempts=error.attempts,
            request_id=error.request_id,
        )
    return StepResult(request=request, status=Status.DONE, attempts=reply.attempts, request_id=reply.request_id or None)
