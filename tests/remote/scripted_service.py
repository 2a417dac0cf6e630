"""A real gRPC server that answers as a test says: for answers that the emulator would never give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc
from clarifai_grpc.grpc.api import service_pb2, service_pb2_grpc
from clarifai_grpc.grpc.api.status import status_pb2

from reconciler.config.endpoint import parse_endpoint
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.retry import RetryPolicy

if TYPE_CHECKING:
    from typing_extensions import Self

Answering = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Call:
    """One call that reached the server."""

    rpc: str
    request: Any
    metadata: Mapping[str, str]


@dataclass
class FakeTime:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


def ok(**facts: Any) -> status_pb2.Status:
    """The status of a success."""
    return status_pb2.Status(code=10000, description="Ok", req_id="r-1", **facts)


def failing(code: int, *, description: str = "No", **facts: Any) -> status_pb2.Status:
    """The status of a failure."""
    return status_pb2.Status(code=code, description=description, req_id="r-2", **facts)


class ScriptedService:
    """Serves the calls it has answers for, on a free port of 127.0.0.1; everything else is UNIMPLEMENTED."""

    def __init__(self, **answers: Answering) -> None:
        self.calls: list[Call] = []
        servicer = service_pb2_grpc.V2Servicer()
        for rpc, answering in answers.items():
            setattr(servicer, rpc, self._recording(rpc, answering))
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        service_pb2_grpc.add_V2Servicer_to_server(servicer, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.time = FakeTime()

    def _recording(self, rpc: str, answering: Answering) -> Answering:
        def answer(request: Any, context: Any) -> Any:
            self.calls.append(Call(rpc=rpc, request=request, metadata=dict(context.invocation_metadata())))
            return answering(request, context)

        return answer

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop(grace=None).wait()

    @property
    def rpcs(self) -> list[str]:
        """The names of the calls so far, in order."""
        return [call.rpc for call in self.calls]

    def remote(self, *, timeout: float = 5, retry: RetryPolicy | None = None, **options: Any) -> ClarifaiRemote:
        """A connection to it whose waits take no time."""
        timing = Timing(
            rate=10_000,
            timeout=timeout,
            retry=retry or RetryPolicy(),
            clock=self.time.clock,
            sleep=self.time.sleep,
            jitter=lambda: 1.0,
        )
        return ClarifaiRemote(parse_endpoint(f"http://127.0.0.1:{self.port}"), timing=timing, **options)


def in_turn(*answers: Any) -> Answering:
    """Give these answers one after the other, the last one from then on; a grpc.StatusCode ends the call with it."""
    turns = list(answers)

    def answer(request: Any, context: Any) -> Any:
        turn = turns.pop(0) if len(turns) > 1 else turns[0]
        if isinstance(turn, grpc.StatusCode):
            context.abort(turn, f"scripted {turn.name}")
        return turn

    return answer


def models_of(*models: Any, status: Any = None) -> Any:
    """A MultiModelResponse."""
    return service_pb2.MultiModelResponse(status=status or ok(), models=models)


def paged(items: list[Any], *, cap: int, make: Callable[[list[Any]], Any]) -> Answering:
    """Answer a listing page by page, never more than `cap` items at a time."""

    def answer(request: Any, context: Any) -> Any:
        size = min(request.per_page or 128, cap)
        start = (max(request.page, 1) - 1) * size
        return make(items[start : start + size])

    return answer
