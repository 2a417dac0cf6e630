"""Notes on a merge request, by GitLab's REST API.

In: a client, a project and the merge request's number. Out: what `comments` keeps one of. It never decides which of them are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from reconciler.ci.comments import Item
from reconciler.ci.rest import Api, Rest, RestError
from reconciler.errors import UsageError

_PROJECT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


def _headers(token: str) -> Mapping[str, str]:
    return {"PRIVATE-TOKEN": token}


GITLAB: Final = Api(
    name="GitLab",
    url_variable="CI_API_V4_URL",
    default_url="https://gitlab.com/api/v4",
    token_variable="GITLAB_TOKEN",  # noqa: S106  a variable's name
    url_hint="GitLab sets it in every job; the default is https://gitlab.com/api/v4.",
    unset_hint=(
        "Set it to a project access token with the scope `api` and the role Reporter, as a masked variable. CI_JOB_TOKEN can't "
        "write notes, and pipelines of forks get no variable."
    ),
    headers=_headers,
    advice={
        401: "GITLAB_TOKEN is not valid. Give another.",
        403: "The token has no permission for this. It needs the scope `api` and the role Reporter.",
        404: "The project or merge request doesn't exist, or the token can't see it. Check --repo and --pr.",
        422: "GitLab rejected the content.",
    },
)


def checked_project(text: str) -> str:
    """A project's number or path, for an address. Raises UsageError for anything else."""
    if not _PROJECT.fullmatch(text):
        raise UsageError(f"The project {text!r} is not a number or a path GROUP/NAME (--repo, else CI_PROJECT_ID).")
    return quote(text, safe="")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestNotes:
    """The notes on one merge request. `project` is a number, or a path as an address has it."""

    rest: Rest
    project: str
    number: int

    def items(self) -> Iterator[Item]:
        """Every note that somebody wrote; the events in the same listing are left out."""
        for item in self.rest.pages(f"{self._listing}?per_page=100&order_by=created_at&sort=asc"):
            if isinstance(item, dict) and not item.get("system"):
                yield from self._item(item)

    def create(self, text: str) -> Item | None:
        """Add a note; what the response says about it."""
        return next(self._item(self.rest.call("POST", self._listing, {"body": text})), None)

    def update(self, item: Item, text: str) -> Item:
        """Replace the text of a note."""
        return next(self._item(self.rest.call("PUT", f"{self._listing}/{item.number}", {"body": text})), item)

    def remove(self, item: Item) -> None:
        """Delete a note, if it still exists."""
        self.rest.call_on_what_exists("DELETE", f"{self._listing}/{item.number}")

    def viewer(self) -> str:
        """The name that the token writes as; "" for a token that may not ask, whose first note will tell it."""
        try:
            answer = self.rest.call("GET", "/user")
        except RestError as error:
            if error.status in {403, 404} and not error.is_limited:
                return ""
            raise
        name = answer.get("username") if isinstance(answer, dict) else None
        return name if isinstance(name, str) else ""

    @property
    def _listing(self) -> str:
        return f"/projects/{self.project}/merge_requests/{self.number}/notes"

    def _item(self, found: Any) -> Iterator[Item]:
        if not isinstance(found, dict) or not isinstance(found.get("id"), int):
            return
        author = found.get("author")
        name = author.get("username") if isinstance(author, dict) else None
        yield Item(
            number=found["id"],
            author=name if isinstance(name, str) else None,
            text=found["body"] if isinstance(found.get("body"), str) else "",
        )
