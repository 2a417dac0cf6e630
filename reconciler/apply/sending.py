"""Sends a plan's requests and tells what became of each; the only caller of the writing verb.

In: requests and a Remote. Out: exactly one StepResult per request, in their order, whatever happens. Nothing is decided
here about what should be sent: that was proven and guarded before. What is decided is what an answer means:

    success                     done
    refused, several objects    bisected and sent again, down to the object that is refused; the others go through
    refused, one object         failed, with the service's words; the next request is sent (`on_error`)
    no response, or "internal"  unknown: the objects are read; where the change is there it is done, where it isn't the
                                request is sent again, where somebody else wrote there in between it failed
    no response twice in a row  the service is down: nothing more is started

Before each sending, a retry included, `before_attempt` may hold objects back that are no longer as reviewed: those have
failed, the others of the request go on without them. Updates go first and don't stop each other; deletions are reached
only if every update succeeded, and after one that was held back nothing more is deleted.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

from reconciler.apply.gate import Fate, HeldBackError, Moved, State
from reconciler.apply.in_flight import in_flight
from reconciler.errors import FaultClass, ReconcilerError, RemoteError
from reconciler.remote.port import Remote, Reply
from reconciler.resources.keys import Key
from reconciler.resources.request import Entry, Request

OnError = Literal["continue", "abort"]

ROUNDS: Final = 12
"""How often a request whose answer was lost is read back and sent again; each sending has its own retries below."""

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0)
"""Seconds before the second and each later round."""

UNANSWERED: Final = 2
"""So many requests in a row without any answer, each after its own retries, mean that the service is down."""


class Status(str, Enum):
    """What became of a request."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFailure:
    """One object that a request did not change, and why."""

    key: Key
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The outcome of one request. `attempts` counts calls made for it, those for its parts included.

    `error` is None unless it failed, or was not reached for a reason of its own. `failures` names the objects that were
    refused, where the request failed. `is_unknown` marks a failure after which it may have been carried out. `moved` is what
    of its objects was no longer as planned, so that they were held back.
    """

    request: Request
    status: Status
    is_unknown: bool = False
    error: str | None = None
    attempts: int = 0
    request_id: str | None = None
    failures: tuple[ItemFailure, ...] = ()
    moved: tuple[Moved, ...] = ()


def _before_attempt(position: int, request: Request, attempt: int) -> None:
    """Nothing stands in the way of a request, and nobody notes it."""


def _after_answer(position: int, result: StepResult) -> None:
    """Nobody notes an answer."""


def _on_reply(request: Request, reply: Reply) -> None:
    """Nobody looks at what an answer shows."""


def _unread(requests: Sequence[Request]) -> Sequence[Fate]:
    return [Fate.UNREAD] * len(requests)


class UnreadError(ReconcilerError):
    """The objects of a request could not be read right before sending it, so it is not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a run goes about its requests. Every function may be called from several threads at once.

    `before_attempt(position, request, attempt)` is called right before each sending, a retry (attempt 2 and on) and a part of
    a request included. It raises HeldBackError where objects have moved: the request is sent without them. Where it raises
    UnreadError that request is not sent, where another ReconcilerError nothing more is. `after_answer` is given each
    result, `on_reply` what a success shows, `on_result` each request's end. `fates` reads what became of requests.
    `may_start` says whether another request may begin.
    """

    on_error: OnError = "continue"
    parallelism: int = 1
    before_attempt: Callable[[int, Request, int], None] = _before_attempt
    after_answer: Callable[[int, StepResult], None] = _after_answer
    on_reply: Callable[[Request, Reply], None] = _on_reply
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)
    fates: Callable[[Sequence[Request]], Sequence[Fate]] = _unread
    may_start: Callable[[], bool] = field(default=lambda: True)
    pause: Callable[[float], None] = field(default=lambda seconds: None)


def apply_requests(
    requests: Sequence[Request],
    remote: Remote,
    *,
    already_done: frozenset[int] = frozenset(),
    conduct: Conduct | None = None,
) -> tuple[StepResult, ...]:
    """Send the requests; `already_done` are positions of those whose effect is there and that are skipped."""
    return _Course(requests, remote, conduct or Conduct()).run(already_done)


def settled(results: Sequence[StepResult], fate: Callable[[Request], Fate]) -> tuple[StepResult, ...]:
    """The results after reading back: a request whose answer was lost is done where its effect is there."""
    return tuple(
        replace(result, status=Status.DONE, error=None, is_unknown=False, failures=())
        if result.is_unknown and fate(result.request) is Fate.TAKEN
        else result
        for result in results
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A request, or a part of one, at its position in the plan; `last` is what an earlier sending of it ended in."""

    position: int
    request: Request
    last: StepResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """How one sending ended: with a result, or held back before it."""

    result: StepResult | None = None
    held: HeldBackError | None = None
    fault: FaultClass | None = None
    attempts: int = 0


class _Course:
    """One run through a list of requests: what is known of each so far, and whether the next may start."""

    def __init__(self, requests: Sequence[Request], remote: Remote, conduct: Conduct) -> None:
        self._requests = requests
        self._remote = remote
        self._conduct = conduct
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
        """Send these, then send again what reading says did not take, until everything has an end."""
        todo = [_Part(position=position, request=self._requests[position]) for position in positions]
        for round_number in range(ROUNDS):
            if round_number:
                self._conduct.pause(PAUSES[min(round_number, len(PAUSES)) - 1])
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
        """Send each, where it may start; what has its end is told at once."""
        in_flight(
            todo,
            self._one,
            touches=lambda part: [key.model() for key in part.request.keys],
            parallelism=self._conduct.parallelism,
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
        """Read what became of unanswered requests: those that are there are done, those that aren't are given back."""
        waiting = [(position, result) for position in sorted(self._unknown) for result in self._unknown[position]]
        self._unknown.clear()
        if not waiting:
            return []
        again = []
        fates = self._conduct.fates([result.request for _, result in waiting])
        for (position, result), fate in zip(waiting, fates, strict=True):
            if fate is Fate.TAKEN:
                done = replace(result, status=Status.DONE, error=None, is_unknown=False, failures=())
                self._known[position].append(done)
                self._record_answer(position, done)
            elif fate is Fate.NOT_TAKEN:
                self._known[position].append(replace(result, status=Status.SKIPPED, failures=()))
                again.append(_Part(position=position, request=result.request, last=replace(result, attempts=0)))
            else:
                self._known[position].append(_told_moved(result) if fate is Fate.MOVED else result)
        return again

    def _send(self, part: _Part) -> list[StepResult]:
        """Send a request; where it is refused, bisect it, and so on down to the objects that are refused."""
        sent = self._send_once(part)
        if sent.held is not None:
            return self._send_rest(part, sent.held, sent.attempts)
        result = sent.result
        assert result is not None
        parts = part.request.bisect() if sent.fault in _MAY_BE_ONE_OBJECT else ()
        if not parts:
            self._halt_on_failure(result)
            return [result]
        found = [replace(result, status=Status.SKIPPED, error=None, failures=())]
        for half in parts:
            # A request that was begun is seen to its end: half of it in place would be the worst to leave behind.
            found += self._send(_Part(position=part.position, request=half))
        return found

    def _send_rest(self, part: _Part, held: HeldBackError, attempts: int) -> list[StepResult]:
        """The results for objects that were held back, or that are as wanted already; the others are sent."""
        by_state: dict[State, list[Entry]] = defaultdict(list)
        for finding, entry in zip(held.findings, part.request.entries, strict=True):
            by_state[finding.state].append(entry)
        rest = by_state[State.BEFORE]
        found = []
        if done := by_state[State.AFTER]:
            status = Status.DONE if attempts else Status.SKIPPED
            found.append(StepResult(request=_with_entries(part.request, done), status=status))
        if moved := by_state[State.MOVED]:
            # What was reviewed as one deletion isn't carried out in part.
            stopped = [*moved, *rest] if part.request.deletes else moved
            rest = [] if part.request.deletes else rest
            failed = _failed(_with_entries(part.request, stopped), f"not sent, since it moved meanwhile: {held}")
            items = tuple(item for finding in held.findings for item in finding.moved)
            found.append(replace(failed, moved=items))
            self._halt_on_failure(failed)
        found[0] = replace(found[0], attempts=attempts)
        for result in found:
            self._record_answer(part.position, result)
        if rest:
            found += self._send(replace(part, request=_with_entries(part.request, rest)))
        return found

    def _send_once(self, part: _Part) -> _Sent:
        request, attempts = part.request, 0

        def before_attempt() -> None:
            nonlocal attempts
            self._conduct.before_attempt(part.position, request, attempts + 1)
            attempts += 1

        try:
            reply = self._remote.send(request, before_attempt=before_attempt)
        except HeldBackError as error:
            return _Sent(held=error, attempts=attempts)
        except UnreadError as error:
            # After a first sending without a response it may have been carried out all the same.
            result = replace(_failed(request, str(error)), is_unknown=attempts > 0, attempts=attempts)
            return self._answered(part, result, FaultClass.FATAL)
        except RemoteError as error:
            return self._failed_remotely(part, error)
        except ReconcilerError as error:
            with self._lock:
                self._halt = self._halt or f"not sent, since an earlier request could not be: {error}"
            return _Sent(result=replace(_failed(request, str(error)), is_unknown=attempts > 0, attempts=attempts))
        with self._lock:
            self._unanswered = 0
        self._conduct.on_reply(request, reply)
        result = StepResult(
            request=request, status=Status.DONE, attempts=reply.attempts, request_id=reply.request_id or None
        )
        return self._answered(part, result, None)

    def _failed_remotely(self, part: _Part, error: RemoteError) -> _Sent:
        request, fault = part.request, error.fault
        is_unknown = error.sent and (fault is FaultClass.TRANSIENT or _may_be_gone(request, fault))
        result = replace(
            _failed(request, str(error)), is_unknown=is_unknown, attempts=error.attempts, request_id=error.request_id
        )
        with self._lock:
            if fault is not FaultClass.TRANSIENT:
                self._unanswered = 0
            elif (request.is_repeatable and error.attempts > 1) or error.code == "DEADLINE_EXCEEDED":
                # One quick failure says nothing about a call that only a throttled response lets be sent again.
                self._unanswered += 1
            if self._unanswered >= UNANSWERED:
                self._halt = f"not sent: the last {self._unanswered} requests got no answer"
        return self._answered(part, result, fault)

    def _answered(self, part: _Part, result: StepResult, fault: FaultClass | None) -> _Sent:
        self._record_answer(part.position, result)
        return _Sent(result=result, fault=fault, attempts=result.attempts)

    def _record_answer(self, position: int, result: StepResult) -> None:
        """Tell an answer. Where it can't be written down, the run ends here; what it did is still reported."""
        try:
            self._conduct.after_answer(position, result)
        except ReconcilerError:
            with self._lock:
                self._halt = self._halt or "not sent: an earlier answer could not be written to the journal"

    def _halt_on_failure(self, result: StepResult) -> None:
        if result.status is Status.FAILED and not result.is_unknown and self._conduct.on_error == "abort":
            with self._lock:
                self._halt = self._halt or "not sent: an earlier request failed, and --on-error is abort"

    def _may_start(self) -> bool:
        with self._lock:
            return self._halt is None and self._conduct.may_start()

    def _end(self, position: int, result: StepResult) -> None:
        self._results[position] = result
        self._conduct.on_result(result)

    def _merged(self, position: int) -> StepResult:
        """One result of all sendings for a request and its parts."""
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
    """Whether "not found" may mean that a deletion's first sending did it."""
    return fault is FaultClass.NOT_FOUND and request.deletes and not request.bisect()


def _failed(request: Request, error: str) -> StepResult:
    failures = tuple(ItemFailure(key=key, error=error) for key in request.keys)
    return StepResult(request=request, status=Status.FAILED, error=error, failures=failures)


def _told_moved(result: StepResult) -> StepResult:
    failed = _failed(
        result.request,
        f"{result.error}; not sent again: somebody else has changed these fields since the plan was made",
    )
    return replace(failed, attempts=result.attempts, request_id=result.request_id)


def _error_text(failures: Iterable[ItemFailure], request: Request) -> str:
    """Every error once, with the objects it is about where these aren't all of the request's."""
    by_error: dict[str, list[str]] = defaultdict(list)
    for failure in failures:
        by_error[failure.error].append(failure.key.address)
    if len(by_error) == 1 and len(next(iter(by_error.values()))) == len(request.keys):
        return next(iter(by_error))
    return "; ".join(f"{', '.join(addresses)}: {error}" for error, addresses in by_error.items())
