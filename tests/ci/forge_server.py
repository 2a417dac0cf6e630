"""A server on a free port of this machine that plays the REST API of a forge, with real state and planned faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An answer given instead of the usual one; `is_done`: the call takes effect before."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    is_done: bool = False
    drops: bool = False


class Forge:
    """What every forge's state has; `answer` says what it does."""

    token_header = ""
    token_value = ""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, str]] = []
        self.tokens: set[str | None] = set()
        self.planned: dict[str, list[Planned]] = {}
        self.prefix = ""
        """What stands before every path: "/api/v3" on GitHub Enterprise Server."""
        self.before: Callable[[str, str], None] = lambda method, path: None
        """Called before each answer, outside of the lock: where a test lets two runs meet."""
        self.lock = threading.Lock()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The status and content of the response."""
        raise NotImplementedError

    def answered(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """One answer at a time, below the prefix."""
        if not path.startswith(f"{self.prefix}/"):
            return 404, {"message": "Not Found"}
        with self.lock:
            status, content = self.answer(method, path.removeprefix(self.prefix), body)
            return status, list(content) if isinstance(content, list) else content

    def writes(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] != "GET"]


State = TypeVar("State", bound=Forge)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Forge

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""

    def _serve(self) -> None:
        state, url = self.state, urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"null")
        state.calls.append((self.command, url.path))
        token = self.headers.get(state.token_header)
        state.tokens.add(token)
        state.before(self.command, url.path)
        planned = next(iter(state.planned.get(self.command, [])), None)
        if planned is not None:
            state.planned[self.command].pop(0)
            if planned.is_done:
                state.answered(self.command, url.path, body)
            if planned.drops:
                self.close_connection = True
                return
            self._send(planned.status, {"message": planned.message}, planned.headers)
            return
        if token != state.token_value:
            self._send(401, {"message": "Bad credentials"}, {})
            return
        status, content = state.answered(self.command, url.path, body)
        headers: dict[str, str] = {}
        if isinstance(content, list):
            content, headers = self._page(content, url.path, parse_qs(url.query))
        self._send(status, content, headers)

    def _page(self, items: list[Any], path: str, query: dict[str, list[str]]) -> tuple[list[Any], dict[str, str]]:
        size, page = min(int(query.get("per_page", ["30"])[0]), 20), int(query.get("page", ["1"])[0])
        own = self.state.url
        link = f'<{own}{path}?per_page={size}&page={page + 1}>; rel="next", <{own}{path}>; rel="last"'
        more = page * size < len(items)
        return items[(page - 1) * size : page * size], {"Link": link} if more else {}

    def _send(self, status: int, content: Any, headers: dict[str, str]) -> None:
        text = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(text)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815  names that the base class looks for


@contextmanager
def served(state: State) -> Iterator[State]:
    """The state, reachable at its `url`."""
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
