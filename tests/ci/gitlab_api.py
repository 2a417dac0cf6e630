"""Plays as much of GitLab's REST API as notes on a merge request take, on a free port of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.ci.forge_server import Forge, served

TOKEN = "glpat-planted0123456789"
BOT = {"id": 7, "username": "project_12_bot_1"}


class GitLab(Forge):
    """The state: the notes on merge request 3 of project 12."""

    token_header = "private-token"
    token_value = TOKEN

    def __init__(self) -> None:
        super().__init__()
        self.prefix = "/api/v4"
        self.author: dict[str, Any] = BOT
        self.notes: list[dict[str, Any]] = []

    def note(self, body: str, author: dict[str, Any] | None, *, system: bool = False) -> dict[str, Any]:
        """Add a note."""
        made = {"id": 100 + len(self.calls) + len(self.notes), "body": body, "author": author, "system": system}
        self.notes.append(made)
        return made

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """What GitLab does and says."""
        base = "/projects/(?:12|acme%2Fmodels)/merge_requests/3/notes"
        if (method, path) == ("GET", "/user"):
            return 200, self.author
        if re.fullmatch(base, path):
            return (200, self.notes) if method == "GET" else (201, self.note(body["body"], self.author))
        found = re.fullmatch(rf"{base}/([0-9]+)", path)
        for note in self.notes:
            if found is None or note["id"] != int(found[1]):
                continue
            if method == "DELETE":
                self.notes.remove(note)
                return 204, None
            if method == "PUT":
                note["body"] = body["body"]
                return 200, note
        return 404, {"message": "404 Not found"}


@contextmanager
def gitlab_api() -> Iterator[GitLab]:
    """A running server and its state."""
    with served(GitLab()) as state:
        yield state
