"""The REST interface: the same calls as over gRPC, behind an HTTP server.

In: HTTP requests. Out: JSON answers with Clarifai's status, and an HTTP status that follows from it. `rest_routes` knows
the routes and `rest_json` what answers look like; here is only the server, uvicorn in a thread of its own. Nothing here
knows a call by name.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NoReturn

from reconciler.emulator.answers import (
    BAD_FORMAT,
    DUPLICATE,
    FAILURE,
    INSUFFICIENT_SCOPES,
    KEY_INVALID,
    KEY_NOT_FOUND,
    MIXED_STATUS,
    MODEL_MISSING,
    NOT_IMPLEMENTED,
    PERMISSION_DENIED,
    RESOURCE_MISSING,
    SUCCESS,
    THROTTLED,
    THROTTLED_FOR_AN_HOUR,
    TIMED_OUT,
    UNCATEGORIZED,
    set_status,
)
from reconciler.emulator.rest_json import json_text
from reconciler.emulator.rest_routes import BadRestRequestError, NoRouteError, request_for

if TYPE_CHECKING:
    from reconciler.emulator.service import Gate

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

THREADS: Final = 16
MAX_BODY_BYTES: Final = 128 << 20  # the service's own limit (Clarifai documentation, "API Outputs")

HTTP_STATUS: Final[Mapping[int, int]] = {
    SUCCESS: 200,
    MIXED_STATUS: 200,
    KEY_INVALID: 401,
    KEY_NOT_FOUND: 401,
    INSUFFICIENT_SCOPES: 403,
    PERMISSION_DENIED: 403,
    RESOURCE_MISSING: 404,
    MODEL_MISSING: 404,
    DUPLICATE: 409,
    THROTTLED: 429,
    THROTTLED_FOR_AN_HOUR: 429,
    FAILURE: 500,
    TIMED_OUT: 500,
    UNCATEGORIZED: 500,
    NOT_IMPLEMENTED: 501,
}
"""The HTTP status for each Clarifai status; any other is 400. Seen: 404 with 11101, 401 with 11008, 429 with 11005. The
rest is a guess: how the service maps them is not documented."""

GRPC_STATUS: Final[Mapping[str, tuple[int, int]]] = {
    "UNIMPLEMENTED": (501, NOT_IMPLEMENTED),
    "UNAVAILABLE": (503, FAILURE),
    "DEADLINE_EXCEEDED": (504, TIMED_OUT),
}
"""For a call that ends as a gRPC error: the HTTP status, and the Clarifai status in its body (a guess)."""

OF_HTTP: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "host"}
)
"""Headers that are about the HTTP request alone: the log of calls keeps what a gRPC caller could send too."""

CORS: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, accept"),
)
"""The documentation's JavaScript samples run in a page of any origin."""


class _AbortedError(Exception):
    """A call that ended as a gRPC error."""

    def __init__(self, code: str, details: str) -> None:
        self.code = code
        self.details = details
        super().__init__(f"{code}: {details}")


class _Context:
    """What a servicer gets of a call: here of an HTTP request instead of a gRPC call."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self.is_gone = threading.Event()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """The headers."""
        return tuple(self._headers.items())

    def is_active(self) -> bool:
        """Whether the caller still waits."""
        return not self.is_gone.is_set()

    def abort(self, code: Any, details: str) -> NoReturn:
        """End the call as a gRPC error."""
        raise _AbortedError(code.name, details)


class RestServer:
    """The REST interface of a Gate from `start` to `stop`."""

    def __init__(self, gate: Gate, sock: socket.socket) -> None:
        import uvicorn

        self._gate = gate
        self._socket = sock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="emulator-rest")
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            log_config=None,
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([sock],), name="emulator-rest", daemon=True)

    def start(self) -> None:
        """Accept requests."""
        self._thread.start()

    def stop(self) -> None:
        """End open requests and stop listening."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._threads.shutdown(wait=True)
        self._socket.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _respond(send, 200, b"")
            return
        body = await _body(receive)
        if body is None:
            await _respond(send, 413, _failure(BAD_FORMAT, f"the body is over {MAX_BODY_BYTES} bytes"))
            return
        headers = ((key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"])
        context = _Context({key: value for key, value in headers if key not in OF_HTTP})
        loop = asyncio.get_running_loop()
        watching = asyncio.ensure_future(_watch(receive, context))
        try:
            status, text = await loop.run_in_executor(self._threads, self._answer, scope, body, context)
        finally:
            watching.cancel()
        await _respond(send, status, text)

    def _answer(self, scope: Scope, body: bytes, context: _Context) -> tuple[int, bytes]:
        """The HTTP status and the JSON of the answer."""
        ignores = self._gate.switches.rest_unknown_fields == "ignore"
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        try:
            rpc, request = request_for(scope["method"], path, query, body, ignore_unknown=ignores)
            answer = self._gate.serve(rpc, request, context)
            return HTTP_STATUS.get(answer.status.code, 400), json_text(answer)
        except NoRouteError as error:
            return 404, _failure(RESOURCE_MISSING, f"no call has this method and path: {error}")
        except BadRestRequestError as error:
            return 400, _failure(BAD_FORMAT, str(error))
        except _AbortedError as error:
            status, code = GRPC_STATUS[error.code]
            return status, _failure(code, error.details)
        except ValueError as error:
            return 500, _failure(UNCATEGORIZED, f"the answer has no JSON: {error}")


def _failure(code: int, details: str) -> bytes:
    from clarifai_grpc.grpc.api.status import status_pb2

    answer = status_pb2.BaseResponse()
    set_status(answer.status, code, request_id=uuid.uuid4().hex, details=details)
    return json_text(answer)


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None where it is over the limit."""
    parts, size = [], 0
    while True:
        event = await receive()
        part = event.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
        if not event.get("more_body", False):
            return b"".join(parts)


async def _watch(receive: Receive, context: _Context) -> None:
    """Note when the caller gives up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    context.is_gone.set()


async def _respond(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode()), *CORS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
