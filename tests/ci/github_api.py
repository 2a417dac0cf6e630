"""Plays as much of GitHub's REST API as comments and issues take, on a free port of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.ci.forge_server import Forge, served

TOKEN = "ghs_planted0123456789token"
BOT = {"login": "github-actions[bot]", "type": "Bot"}


class GitHub(Forge):
    """The state: comments and issues of one repository; `viewer` is what GET /user says (None: 403, as to a workflow)."""

    token_header = "authorization"
    token_value = f"Bearer {TOKEN}"

    def __init__(self) -> None:
        super().__init__()
        self.repository = "acme/models"
        self.viewer: dict[str, Any] | None = None
        self.author: dict[str, Any] = BOT
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self._next = 1000

    def comment(self, body: str, author: dict[str, Any] | None) -> dict[str, Any]:
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

    def issue(self, title: str, body: str, author: dict[str, Any] | None) -> dict[str, Any]:
        """Add an open issue."""
        self._next += 1
        made = {
            "id": 5000 + self._next,
            "number": self._next,
            "title": title,
            "body": body,
            "user": author,
            "state": "open",
            "html_url": f"https://github.example/{self.repository}/issues/{self._next}",
        }
        self.issues.append(made)
        return made

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
            if found is None or item["id" if found[1] else "number"] != int(found[2]):
                continue
            if method == "DELETE" and found[1]:
                items.remove(item)
                return 204, None
            if method == "PATCH":
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
    with served(GitHub()) as state:
        yield state
