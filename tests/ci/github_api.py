"""Plays as much of GitHub's REST API as comments and issues take, on a free port of this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_planted0123456789token"
BOT = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An answer given instead of the usual one; `is_done`: the call takes effect before."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    is_done: bool = False
    drops: bool = False


class GitHub:
    """The state: comments and issues of one repository; `viewer` is what GET /user says (None: 403, as to a workflow)."""

    def __init__(self) -> None:
        self.url = ""
        self.repository = "acme/models"
        self.viewer: dict[str, Any] | None = None
        self.author: dict[str, Any] = BOT
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.tokens: set[str | None] = set()
        self.planned: dict[str, list[Planned]] = {}
        self.answers: dict[str, Any] = {}
        self._next = 1000

    def comment(self, body: str, author: dict[str, Any]) -> dict[str, Any]:
        """Add a comment."""
        self._next += 1
        made = {
            "id": self._next,
            "body": body,
            "user": author,
            "html_url": f"https://github.example/{self.repository}/pull/7#issuecomment-{self._next}",
        }
        self.comments.append(made)
        return made

    def issue(self, title: str, body: str, author: dict[str, Any]) -> dict[str, Any]:
        """Add an open issue."""
        self._next += 1
        made = {
            "id": self._next,
            "number": self._next,
            "title": title,
            "body": body,
            "user": author,
            "state": "open",
            "html_url": f"https://github.example/{self.repository}/issues/{self._next}",
        }
        self.issues.append(made)
        return made

    def writes(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] != "GET"]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """What GitHub does and says."""
        if path in self.answers:
            return 200, self.answers[path]
        base = f"/repos/{self.repository}/issues"
        if path == "/user":
            return (
                (403, {"message": "Resource not accessible by integration"}) if not self.viewer else (200, self.viewer)
            )
        if path == f"{base}/7/comments":
            if method == "GET":
                return 200, self.comments
            return self._written(body) or (201, self.comment(body["body"], self.author))
        if path == base:
            if method == "GET":
                return 200, [issue for issue in self.issues if issue["state"] == "open"]
            return self._written(body) or (201, self.issue(body["title"], body["body"], self.author))
        found = re.fullmatch(rf"{base}/(comments/)?([0-9]+)", path)
        items = [] if found is None else self.comments if found[1] else self.issues
        for item in items:
            if found is not None and item["id"] == int(found[2]) and method == "PATCH":
                refused = self._written(body)
                if refused is None:
                    item.update(body)
                return refused or (200, item)
        return 404, {"message": "Not Found"}

    def _written(self, body: dict[str, Any]) -> tuple[int, Any] | None:
        if len(body.get("body", "")) > 65536:
            return 422, {"message": "Body is too long (maximum is 65536 characters)"}
        return None


@contextmanager
def github_api() -> Iterator[GitHub]:
    """A running server and its state."""
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
            """Say nothing."""

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"null")
            state.calls.append((self.command, url.path))
            state.tokens.add(self.headers.get("authorization"))
            planned = next(iter(state.planned.get(self.command, [])), None)
            if planned is not None:
                state.planned[self.command].pop(0)
                if planned.is_done:
                    state.answer(self.command, url.path, body)
                if planned.drops:
                    self.close_connection = True
                    return
                self._send(planned.status, {"message": planned.message}, planned.headers)
                return
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                self._send(401, {"message": "Bad credentials"}, {})
                return
            status, content = state.answer(self.command, url.path, body)
            headers: dict[str, str] = {}
            if isinstance(content, list):
                content, headers = self._page(content, url.path, parse_qs(url.query))
            self._send(status, content, headers)

        def _page(self, items: list[Any], path: str, query: dict[str, list[str]]) -> tuple[list[Any], dict[str, str]]:
            size, page = min(int(query.get("per_page", ["30"])[0]), 20), int(query.get("page", ["1"])[0])
            link = f'<{state.url}{path}?per_page={size}&page={page + 1}>; rel="next", <{state.url}{path}>; rel="last"'
            more = page * size < len(items)
            return items[(page - 1) * size : page * size], {"Link": link} if more else {}

        def _send(self, status: int, content: Any, headers: dict[str, str]) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(text)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815  names that the base class looks for

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
