"""Makes one call to the service: paces it, sets a deadline, checks the status, and retries if that is safe.

Takes the name of an RPC and its request as JSON. Returns the response message, or raises RemoteError with the service's
texts scrubbed. It never raises grpc.RpcError, nor a RemoteError with one as its cause, because its text may quote the
request and so contain secrets.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import grpc
from clarifai_grpc.grpc.api import service_pb2
from clarifai_grpc.grpc.api.status import status_code_pb2

from reconciler import __version__
from reconciler.config.credentials import Token
from reconciler.config.endpoint import Endpoint
from reconciler.errors import FaultClass, ReconcilerError, RemoteError
from reconciler.remote import statuses
from reconciler.remote.channel import open_channel, open_stub
from reconciler.remote.convert import message_from
from reconciler.remote.pacing import Admission, Pacer
from reconciler.remote.retry import Failure, RetryPolicy, Safety
from reconciler.remote.scrub import Scrubber

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A successful response: its message, and how many attempts the call took."""

    message: Any
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The pace, timeouts and clock of a connection. Tests pass their own clock, sleep and jitter.

    `rate` is in calls per second, `timeout` in seconds per attempt. Once `is_stopping` returns True, calls in progress
    finish and failed calls aren't retried.
    """

    rate: float = 15
    timeout: float = 30
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    is_stopping: Callable[[], bool] = lambda: False
    jitter: Callable[[], float] = random.random


class Caller:
    """Makes calls over one channel with one token. It can be used from any number of threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        token: Token | None,
        root_certificates: Path | None,
        timing: Timing,
        scrubber: Scrubber,
    ) -> None:
        self._channel = open_channel(endpoint, root_certificates=root_certificates)
        self._stub = open_stub(self._channel)
        self._token = token
        self._timing = timing
        self._scrubber = scrubber
        self._pacer = Pacer(timing.rate, clock=timing.clock, sleep=timing.sleep)
        self._silence = 0  # timeouts in a row, over all calls
        self._is_known = False  # whether the endpoint has ever sent a response

    def close(self) -> None:
        """Close the connection. Calls in progress are cancelled."""
        self._channel.close()

    def call(
        self,
        rpc: str,
        body: Mapping[str, Any],
        *,
        safety: Safety = Safety.READ,
        may_be_too_large: bool = False,
        before_attempt: Callable[[], None] = lambda: None,
        accepts: Callable[[Any], bool] = lambda message: False,
    ) -> Response:
        """Make one call. `body` is the request message as JSON. Raises RemoteError if the call fails for good.

        `may_be_too_large` is whether the size of the request may be the reason for a failure: then it is hardly repeated. `before_attempt`
        is called before each attempt, after the wait for its turn, so that what it reads is recent. `accepts` says whether a response without
        success is an answer all the same.
        """
        message = self._message(rpc, body)
        timing = self._timing
        began = timing.clock()
        # Once the service has been silent for `silence` timeouts, every further call gets one timeout and no retry of it.
        timeouts = timing.retry.timeouts if self._silence >= timing.retry.silence else 0
        attempt = 0
        # `wait_before_next` ends the loop: it returns None once the attempts or the time are used up.
        while True:
            attempt += 1
            slot = self._pacer.wait()
            before_attempt()
            outcome = self._attempt(rpc, message, attempt, accepts)
            self._pacer.ended(slot, _admission(outcome))
            if isinstance(outcome, Response):
                self._silence = 0
                return outcome
            error, failure = outcome
            failure = replace(failure, is_too_large=may_be_too_large and error.may_be_size)
            # Not atomic: if two threads meet here, the count is off by one, which costs at most one more timeout.
            self._silence = self._silence + 1 if failure.is_timeout else 0
            timeouts += failure.is_timeout
            wait = timing.retry.wait_before_next(
                failure,
                safety=safety,
                attempt=attempt,
                timeouts=timeouts,
                elapsed=timing.clock() - began,
                jitter=timing.jitter(),
                is_known=self._is_known,
            )
            if wait is None or timing.is_stopping():
                raise error
            _log.info("%s; attempt %d follows in %.1f s", error, attempt + 1, wait)
            # Only this call waits. If throttling is about the pace of all calls, the pacer slows them down.
            timing.sleep(wait)

    def _message(self, rpc: str, body: Mapping[str, Any]) -> Any:
        request_type = service_pb2.DESCRIPTOR.services_by_name["V2"].methods_by_name[rpc].input_type
        try:
            return message_from(body, getattr(service_pb2, request_type.name)())
        except ReconcilerError as error:
            problem = self._scrubber.clean(str(error))
        raise RemoteError(rpc=rpc, code="NOT_SENT", description=problem, fault=FaultClass.FATAL, attempts=0, sent=False)

    def _attempt(
        self, rpc: str, message: Any, attempt: int, accepts: Callable[[Any], bool]
    ) -> Response | tuple[RemoteError, Failure]:
        began = self._timing.clock()
        try:
            response = getattr(self._stub, rpc)(message, timeout=self._timing.timeout, metadata=self._metadata())
        except grpc.RpcError as error:
            code, details = _grpc_facts(error)
        except ValueError:
            # gRPC raises ValueError for a call on a channel that another thread has closed.
            code, details = "CANCELLED", "the connection was closed"
        else:
            _log.info("%s answered in %.3f s", rpc, self._timing.clock() - began)
            return self._judge(rpc, response, attempt, accepts)
        return self._grpc_failure(rpc, code, details, attempt)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        # The service begins its request ids with this prefix, as it does for the official SDK (clarifai-python,
        # client/auth/helper.py). Clarifai's support can find the calls by it.
        prefix = ("x-clarifai-request-id-prefix", f"reconciler-{__version__}")
        return (prefix,) if self._token is None else (("authorization", f"Key {self._token.reveal()}"), prefix)

    def _judge(
        self, rpc: str, response: Any, attempt: int, accepts: Callable[[Any], bool]
    ) -> Response | tuple[RemoteError, Failure]:
        # The service reports most failures with gRPC OK and a status in the message (Clarifai documentation, "API Overview").
        status = response.status
        self._is_known = True
        if status.code == statuses.SUCCESS or accepts(response):
            return Response(message=response, attempts=attempt)
        meaning = statuses.meaning_of_clarifai(status.code, enum_name=status_name(status.code))
        error = RemoteError(
            rpc=rpc,
            code=f"{status.code} {meaning.name}",
            status=status.code,
            description=_with_hint(self._scrubber.clean(status.description), self._hint(meaning)),
            details=self._scrubber.clean(status.details) or None,
            fault=meaning.fault,
            request_id=self._scrubber.clean(status.req_id) or None,
            attempts=attempt,
            may_be_size=meaning.may_be_size,
        )
        return error, Failure(fault=meaning.fault, is_throttle=meaning.is_throttle)

    def _grpc_failure(self, rpc: str, code: str, details: str, attempt: int) -> tuple[RemoteError, Failure]:
        meaning = statuses.meaning_of_grpc(code)
        error = RemoteError(
            rpc=rpc,
            code=code,
            description=_with_hint(self._scrubber.clean(details) or "the service sent no details", self._hint(meaning)),
            fault=meaning.fault,
            attempts=attempt,
            may_be_size=meaning.may_be_size,
        )
        return error, Failure(fault=meaning.fault, is_timeout=code == "DEADLINE_EXCEEDED")

    def _hint(self, meaning: statuses.Meaning) -> str:
        if meaning.hint != statuses.TOKEN_HINT:
            return meaning.hint
        return statuses.hint_about_token(None if self._token is None else self._token.source)


def _admission(outcome: Response | tuple[RemoteError, Failure]) -> Admission:
    if isinstance(outcome, Response):
        return Admission.ADMITTED
    error, failure = outcome
    if failure.is_throttle:
        return Admission.THROTTLED
    # A status of the service's own shows that it has looked at the call. gRPC's may come from anything on the way.
    return Admission.UNKNOWN if error.status is None else Admission.ADMITTED


def _grpc_facts(error: Any) -> tuple[str, str]:
    code = error.code() if callable(getattr(error, "code", None)) else None
    details = error.details() if callable(getattr(error, "details", None)) else None
    return (code.name if code is not None else "UNKNOWN"), str(details or "")


def status_name(code: int) -> str:
    """The name of a Clarifai status, "" for one that status_code.proto doesn't have."""
    return str(status_code_pb2.StatusCode.Name(code)) if code in status_code_pb2.StatusCode.values() else ""


def _with_hint(text: str, hint: str) -> str:
    if not hint:
        return text
    stop = "" if text.endswith((".", "!", "?")) else "."
    return f"{text}{stop} {hint}" if text else hint
