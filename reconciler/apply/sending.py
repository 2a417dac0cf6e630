"""Sends the requests of a plan and returns the outcome of each; the only caller of the remote's `send`.

In: requests and a Remote. Out: exactly one StepResult per request, in their order, whatever happens. This module doesn't decide
what is sent, because the requests were proven and passed the guards before. It decides what a response means:

    success                     done
    refused, several objects    bisected and sent again, down to the object that is refused; the others go through. If all of
                                them do, the request was too large, and later ones are sent in parts (batch_sizes.py)
    refused, one object         failed, with the service's words; the next request is sent (`on_error`)
    no response, or "internal"  unknown: the objects are read. If the change is there, it is done. If not, the request is sent
                                again, in halves if it may have been too large, unless somebody else has changed the objects
                                since: then it has failed
    no response twice in a row  the service is down: nothing more is started

Before each sending, retries included, `before_attempt` can hold back objects that are no longer as they were reviewed. These have
failed, and the request is sent without them. Updates are sent first, and a failed one doesn't stop the others. Deletions are sent
only if every update succeeded; after a deletion that was held back, nothing more is deleted.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.apply.batch_sizes import BatchSizes
from reconciler.apply.gate import Effect, HeldBackError, State
from reconciler.apply.in_flight import in_flight
from reconciler.apply.results import ItemFailure, OnError, Status, StepResult
from reconciler.errors import FaultClass, ReconcilerError, RemoteError
from reconciler.remote.port import Remote, Reply
from reconciler.resources.request import Entry, Request

ROUNDS: Final = 12
"""The most times that a request without a response is sent; each sending has its own retries in `remote/`."""

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0)
"""Seconds before the second and each later round."""

UNANSWERED: Final = 2
"""After this many requests in a row without a response, each after its own retries, the service counts as down."""


def _before_attempt(position: int, request: Request, attempt: int) -> None:
    """Allow every request."""


def _after_response(position: int, result: StepResult) -> None:
    """Ignore the result."""


def _on_reply(request: Request, reply: Reply) -> None:
    """Ignore the response."""


def _unread(requests: Sequence[Request]) -> Sequence[Effect]:
    return [Effect.UNREAD] * len(requests)


class UnreadError(ReconcilerError):
    """The objects of a request could not be read right before sending it, so it is not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """How a run sends its requests. Every function may be called by several threads at once.

    `before_attempt(position, request, attempt)` is called right before each sending, including retries (attempt 2 and later)
    and parts of a request. If it raises HeldBackError, the request is sent without the objects that moved; after UnreadError
    the request is not sent; after any other ReconcilerError nothing more is sent. `after_response` receives the result of each
    sending, `on_reply` each successful response, and `on_result` the outcome of each request. `effects` reads whether requests
    without a response were carried out. `may_start` returns whether another request may be started. `sizes` is what the run has
    learned about the largest requests.
    """

    on_error: OnError = "continue"
    parallelism: int = 1
    before_attempt: Callable[[int, Request, int], None] = _before_attempt
    after_response: Callable[[int, StepResult], None] = _after_response
    on_reply: Callable[[Request, Reply], None] = _on_reply
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)
    effects: Callable[[Sequence[Request]], Sequence[Effect]] = _unread
    may_start: Callable[[], bool] = field(default=lambda: True)
    pause: Callable[[float], None] = field(default=lambda seconds: None)
    sizes: BatchSizes = field(default_factory=BatchSizes)


def apply_requests(
    requests: Sequence[Request],
    remote: Remote,
    *,
    already_done: frozenset[int] = frozenset(),
    options: SendOptions | None = None,
) -> tuple[StepResult, ...]:
    """Send the requests. Those at the positions `already_done` are skipped, because their changes are there already."""
    return _Run(requests, remote, options or SendOptions()).run(already_done)


def settled(results: Sequence[StepResult], effect: Callable[[Request], Effect]) -> tuple[StepResult, ...]:
    """The results after the live state was read: a request without a response is done if its changes are there."""
    return tuple(
        replace(result, status=Status.DONE, error=None, is_unknown=False, failures=())
        if result.is_unknown and effect(result.request) is Effect.APPLIED
        else result
        for result in results
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A request, or a part of one, at its position in the plan; `last` is the result of an earlier sending."""

    position: int
    request: Request
    last: StepResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """The end of one sending: a result, or an error that held it back."""

    result: StepResult | None = None
    held: HeldBackError | None = None
    fault: FaultClass | None = None
    may_be_size: bool = False
    attempts: int = 0


class _Run:
    """The state of one run: what is known of each request so far, and whether the next may start."""

    def __init__(self, requests: Sequence[Request], remote: Remote, options: SendOptions) -> None:
        self._requests = requests
        self._remote = remote
        self._options = options
        self._lock = threading.RLock()
        self._known: dict[int, list[StepResult]] = defaultdict(list)
        self._unknown: dict[int, list[StepResult]] = defaultdict(list)
        self._results: dict[int, StepResult] = {}
        self._unanswered = 0
        self._halt: str | None = None

    def run(self, already_done: frozenset[int]) -> tuple[StepResult, ...]:
        for position in sorted(already_done):
            self._end(position, StepResult(request=self._requests[position], status=Status.SKIPPED))
        left = [position for position in range(len(self._requests)) if position not in already_done]
        self._wave([at for at in left if not self._requests[at].deletes])
        for position in (at for at in left if self._requests[at].deletes):
            if any(result.status in (Status.FAILED, Status.NOT_REACHED) for result in self._results.values()):
                self._end(position, self._merged(position))
            else:
                self._wave([position])
        return tuple(self._results[position] for position in range(len(self._requests)))

    def _wave(self, positions: Sequence[int]) -> None:
        """Send these requests, and those again that were not carried out, until each has an outcome."""
        todo = [_Part(position=position, request=self._requests[position]) for position in positions]
        for round_number in range(ROUNDS):
            if round_number:
                self._options.pause(PAUSES[min(round_number, len(PAUSES)) - 1])
            self._sent(todo)
            todo = self._settled()
            if not todo or not self._may_start():
                break
        for part in todo:
            if part.last is not None:
                self._known[part.position].append(part.last)
        for position in positions:
            if position not in self._results:
                self._end(position, self._merged(position))

    def _sent(self, todo: Sequence[_Part]) -> None:
        """Send each of these, unless the run is to stop; report outcomes as soon as they are known."""
        in_flight(
            todo,
            self._one,
            touches=lambda part: [key.model() for key in part.request.keys],
            parallelism=self._options.parallelism,
        )

    def _one(self, part: _Part) -> None:
        results = [] if part.last is None else [part.last]
        if self._may_start():
            results = self._send(part)
        with self._lock:
            for result in results:
                (self._unknown if result.is_unknown else self._known)[part.position].append(result)
            is_final = part.last is None and results and not self._unknown[part.position]
        if is_final:
            self._end(part.position, self._merged(part.position))

    def _settled(self) -> list[_Part]:
        """Read whether requests without a response were carried out. Returns those that weren't, to be sent again."""
        waiting = [(position, result) for position in sorted(self._unknown) for result in self._unknown[position]]
        self._unknown.clear()
        if not waiting:
            return []
        again = []
        effects = self._options.effects([result.request for _, result in waiting])
        for (position, result), effect in zip(waiting, effects, strict=True):
            self._known[position].append(self._after_reading(position, result, effect))
            if effect is Effect.NOT_APPLIED:
                again.append(_Part(position=position, request=result.request, last=replace(result, attempts=0)))
        return again

    def _after_reading(self, position: int, result: StepResult, effect: Effect) -> StepResult:
        """What a sending without a response has come to. If the request was not carried out, it is to be sent again."""
        if effect is Effect.APPLIED:
            done = replace(result, status=Status.DONE, error=None, is_unknown=False, failures=())
            self._record_response(position, done)
            return done
        if effect is Effect.NOT_APPLIED:
            return replace(result, status=Status.SKIPPED, is_unknown=False, failures=())
        return _not_sent_again(result) if effect is Effect.MOVED else result

    def _send(self, part: _Part) -> list[StepResult]:
        """Send a request, in parts if it is too large. If it is refused, bisect it until the refused objects are found."""
        parts = self._options.sizes.parts(part.request)
        if len(parts) > 1:
            return self._send_parts(part, parts, is_stoppable=True)
        sent = self._send_once(part)
        if sent.held is not None:
            return self._send_rest(part, sent.held, sent.attempts)
        result = sent.result
        assert result is not None
        if sent.fault in _MAY_BE_ONE_OBJECT and part.request.is_divisible:
            skipped = replace(result, status=Status.SKIPPED, error=None, failures=())
            # Both halves are always sent, because a request that is half carried out is the worst state to stop in.
            return [skipped, *self._send_halves(part, may_be_size=sent.may_be_size, is_stoppable=False)]
        if sent.may_be_size and result.is_unknown and part.request.may_be_too_large and self._may_start():
            effect = self._options.effects([part.request])[0]
            if effect is Effect.NOT_APPLIED and not part.request.is_divisible:
                result = replace(result, is_unknown=False)  # one object is too large, and would be so again
            else:
                result = self._after_reading(part.position, result, effect)
                if effect is Effect.NOT_APPLIED:
                    return [result, *self._send_halves(part, may_be_size=True, is_stoppable=True)]
        self._halt_on_failure(result)
        return [result]

    def _send_parts(self, part: _Part, parts: Sequence[Request], *, is_stoppable: bool) -> list[StepResult]:
        found: list[StepResult] = []
        for request in parts:
            reason = self._reason_to_stop(part, found, is_stoppable=is_stoppable) if found else None
            if reason is None:
                found += self._send(_Part(position=part.position, request=request))
            else:
                found.append(_failed(request, reason))
        return found

    def _reason_to_stop(self, part: _Part, found: Sequence[StepResult], *, is_stoppable: bool) -> str | None:
        """Why the rest of a request is not sent after some parts of it, or None."""
        if is_stoppable and not self._may_start():
            return self._halt or "not sent: the run was stopped"
        failed = [result for result in found if result.status is Status.FAILED]
        if part.request.deletes and any(is_stoppable or result.moved for result in failed):
            return "not sent: another deletion of the same request failed"
        return None

    def _send_halves(self, part: _Part, *, may_be_size: bool, is_stoppable: bool) -> list[StepResult]:
        """Send the halves of a request that was refused, and learn from it if its size was the reason."""
        found = self._send_parts(part, part.request.bisect(), is_stoppable=is_stoppable)
        if may_be_size and not any(each.status is Status.FAILED for each in found):
            self._options.sizes.refused(part.request)
        return found

    def _send_rest(self, part: _Part, held: HeldBackError, attempts: int) -> list[StepResult]:
        """Send the objects that are as planned. The others were held back, or have the desired state already."""
        by_state: dict[State, list[Entry]] = defaultdict(list)
        for finding, entry in zip(held.findings, part.request.entries, strict=True):
            by_state[finding.state].append(entry)
        rest = by_state[State.BEFORE]
        found = []
        if done := by_state[State.AFTER]:
            status = Status.DONE if attempts else Status.SKIPPED
            found.append(StepResult(request=_with_entries(part.request, done), status=status))
        if moved := by_state[State.MOVED]:
            # A deletion that was reviewed as a whole is not carried out in part.
            stopped = [*moved, *rest] if part.request.deletes else moved
            rest = [] if part.request.deletes else rest
            failed = _failed(_with_entries(part.request, stopped), f"not sent, because it has moved: {held}")
            items = tuple(item for finding in held.findings for item in finding.moved)
            found.append(replace(failed, moved=items))
            self._halt_on_failure(failed)
        found[0] = replace(found[0], attempts=attempts)
        for result in found:
            self._record_response(part.position, result)
        if rest:
            found += self._send(_Part(position=part.position, request=_with_entries(part.request, rest)))
        return found

    def _send_once(self, part: _Part) -> _Sent:
        request, attempts = part.request, 0

        def before_attempt() -> None:
            nonlocal attempts
            self._options.before_attempt(part.position, request, attempts + 1)
            attempts += 1

        try:
            reply = self._remote.send(request, before_attempt=before_attempt)
        except HeldBackError as error:
            return _Sent(held=error, attempts=attempts)
        except UnreadError as error:
            # An earlier sending without a response may have been carried out.
            result = replace(_failed(request, str(error)), is_unknown=attempts > 0, attempts=attempts)
            return self._responded(part, result, FaultClass.FATAL)
        except RemoteError as error:
            return self._failed_remotely(part, error)
        except ReconcilerError as error:
            with self._lock:
                self._halt = self._halt or f"not sent, because an earlier request failed: {error}"
            return _Sent(result=replace(_failed(request, str(error)), is_unknown=attempts > 0, attempts=attempts))
        with self._lock:
            self._unanswered = 0
        self._options.sizes.taken(request)
        self._options.on_reply(request, reply)
        result = StepResult(
            request=request, status=Status.DONE, attempts=reply.attempts, request_id=reply.request_id or None
        )
        return self._responded(part, result, None)

    def _failed_remotely(self, part: _Part, error: RemoteError) -> _Sent:
        request, fault = part.request, error.fault
        is_unknown = error.sent and (fault is FaultClass.TRANSIENT or _may_be_gone(request, fault))
        result = replace(
            _failed(request, str(error)), is_unknown=is_unknown, attempts=error.attempts, request_id=error.request_id
        )
        with self._lock:
            if fault is not FaultClass.TRANSIENT or (error.may_be_size and request.may_be_too_large):
                self._unanswered = 0
            elif (request.is_repeatable and error.attempts > 1) or error.code == "DEADLINE_EXCEEDED":
                # A single quick failure doesn't count for a request that is only repeated after throttling.
                self._unanswered += 1
            if self._unanswered >= UNANSWERED:
                self._halt = f"not sent: the last {self._unanswered} requests got no response"
        return replace(self._responded(part, result, fault), may_be_size=error.may_be_size)

    def _responded(self, part: _Part, result: StepResult, fault: FaultClass | None) -> _Sent:
        self._record_response(part.position, result)
        return _Sent(result=result, fault=fault, attempts=result.attempts)

    def _record_response(self, position: int, result: StepResult) -> None:
        """Hand on a result. If it can't be recorded, nothing more is sent, and what was done is still reported."""
        try:
            self._options.after_response(position, result)
        except ReconcilerError:
            with self._lock:
                self._halt = self._halt or "not sent: an earlier response could not be written to the journal"

    def _halt_on_failure(self, result: StepResult) -> None:
        if result.status is Status.FAILED and not result.is_unknown and self._options.on_error == "abort":
            with self._lock:
                self._halt = self._halt or "not sent: an earlier request failed, and --on-error is abort"

    def _may_start(self) -> bool:
        with self._lock:
            return self._halt is None and self._options.may_start()

    def _end(self, position: int, result: StepResult) -> None:
        self._results[position] = result
        self._options.on_result(result)

    def _merged(self, position: int) -> StepResult:
        """The outcome of a request, from the results of all its sendings and parts."""
        parts, request = self._known[position], self._requests[position]
        if not parts:
            return StepResult(request=request, status=Status.NOT_REACHED, error=self._halt)
        ids = [part.request_id for part in parts if part.request_id]
        failures = tuple(failure for part in parts if part.status is Status.FAILED for failure in part.failures)
        is_sent = any(part.attempts or part.status is Status.DONE for part in parts)
        return StepResult(
            request=request,
            status=Status.FAILED if failures else Status.DONE if is_sent else Status.SKIPPED,
            is_unknown=any(part.is_unknown for part in parts if part.status is Status.FAILED),
            error=_error_text(failures, request) if failures else None,
            attempts=sum(part.attempts for part in parts),
            request_id=ids[-1] if ids else None,
            failures=failures,
            moved=tuple(item for part in parts for item in part.moved),
        )


def _with_entries(request: Request, entries: Sequence[Entry]) -> Request:
    return replace(request, entries=tuple(entries))


_MAY_BE_ONE_OBJECT: Final = (FaultClass.PER_ITEM, FaultClass.NOT_FOUND)


def _may_be_gone(request: Request, fault: FaultClass) -> bool:
    """Whether "not found" can mean that an earlier sending of this deletion was carried out."""
    return fault is FaultClass.NOT_FOUND and request.deletes and not request.bisect()


def _failed(request: Request, error: str) -> StepResult:
    failures = tuple(ItemFailure(key=key, error=error) for key in request.keys)
    return StepResult(request=request, status=Status.FAILED, error=error, failures=failures)


def _not_sent_again(result: StepResult) -> StepResult:
    failed = _failed(
        result.request,
        f"{result.error}; not sent again: somebody else has changed these fields since the plan was made",
    )
    return replace(failed, attempts=result.attempts, request_id=result.request_id)


def _error_text(failures: Iterable[ItemFailure], request: Request) -> str:
    """Each error once, with its objects if it is not about all objects of the request."""
    by_error: dict[str, list[str]] = defaultdict(list)
    for failure in failures:
        by_error[failure.error].append(failure.key.address)
    if len(by_error) == 1 and len(next(iter(by_error.values()))) == len(request.keys):
        return next(iter(by_error))
    return "; ".join(f"{', '.join(addresses)}: {error}" for error, addresses in by_error.items())
