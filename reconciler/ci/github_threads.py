"""Comments on a pull request and issues of a repository, by GitHub's REST API.

In: a client, a repository, and the pull request or the issue's title. Out: what `comments` keeps one of. It never decides which
of them are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.ci.comments import Item
from reconciler.ci.rest import Api, Rest, RestError
from reconciler.errors import UsageError

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")

DEFAULT_AUTHOR: Final = "github-actions[bot]"
"""Who writes with the token of a workflow, which can't ask who it is (GET /user answers 403)."""


def _headers(token: str) -> Mapping[str, str]:
    return {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": "2022-11-28",
    }


GITHUB: Final = Api(
    name="GitHub",
    url_variable="GITHUB_API_URL",
    default_url="https://api.github.com",
    token_variable="GITHUB_TOKEN",  # noqa: S106  a variable's name
    url_hint="The default is https://api.github.com; for GitHub Enterprise Server it is https://HOST/api/v3.",
    unset_hint="Give the step `env: GITHUB_TOKEN: ${{ github.token }}`.",
    headers=_headers,
    advice={
        401: "GITHUB_TOKEN is not valid. Give another.",
        403: (
            "The token has no permission for this. It needs `pull-requests: write` (`issues: write` for --issue); for a "
            "pull request from a fork, GitHub makes it read-only."
        ),
        404: "The repository or pull request doesn't exist, or the token can't see it. Check --repo and --pr.",
        410: "Issues or comments are turned off in this repository.",
        422: "GitHub rejected the content.",
    },
)


def checked_repository(text: str) -> str:
    """OWNER/NAME. Raises UsageError for anything else: it becomes a part of an address."""
    if not _REPOSITORY.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise UsageError(f"--repo {text!r} is not of the form OWNER/NAME.")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestComments:
    """The comments on one pull request."""

    rest: Rest
    repository: str
    number: int

    def items(self) -> Iterator[Item]:
        """Every comment."""
        for item in self.rest.pages(f"{self._listing}?per_page=100"):
            yield from _item(item, number="id")

    def create(self, text: str) -> Item | None:
        """Add a comment; what the response says about it."""
        return next(_item(self.rest.call("POST", self._listing, {"body": text}), number="id"), None)

    def update(self, item: Item, text: str) -> Item:
        """Replace the text of a comment."""
        return next(_item(self.rest.call("PATCH", self._address(item), {"body": text}), number="id"), item)

    def remove(self, item: Item) -> None:
        """Delete a comment, if it still exists."""
        self.rest.call_on_what_exists("DELETE", self._address(item))

    def viewer(self) -> str:
        """The login that the token writes as."""
        return _viewer(self.rest)

    @property
    def _listing(self) -> str:
        return f"/repos/{self.repository}/issues/{self.number}/comments"

    def _address(self, item: Item) -> str:
        return f"/repos/{self.repository}/issues/comments/{item.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issues:
    """The open issues of a repository; a new one gets `title`."""

    rest: Rest
    repository: str
    title: str

    def items(self) -> Iterator[Item]:
        """Every open issue. The listing has pull requests in it too (GitHub documentation, "List repository issues")."""
        for item in self.rest.pages(f"{self._listing}?state=open&per_page=100"):
            if isinstance(item, dict) and "pull_request" not in item:
                yield from _item(item, number="number")

    def create(self, text: str) -> Item | None:
        """Open an issue; what the response says about it."""
        body = {"title": self.title, "body": text}
        return next(_item(self.rest.call("POST", self._listing, body), number="number"), None)

    def update(self, item: Item, text: str) -> Item:
        """Replace the title and the text of an issue."""
        body = {"title": self.title, "body": text}
        return next(_item(self.rest.call("PATCH", self._address(item), body), number="number"), item)

    def remove(self, item: Item) -> None:
        """Close an issue that another one repeats."""
        self.rest.call_on_what_exists("PATCH", self._address(item), {"state": "closed", "state_reason": "not_planned"})

    def close(self, item: Item) -> None:
        """Close an issue whose reason is gone."""
        self.rest.call_on_what_exists("PATCH", self._address(item), {"state": "closed", "state_reason": "completed"})

    def viewer(self) -> str:
        """The login that the token writes as."""
        return _viewer(self.rest)

    @property
    def _listing(self) -> str:
        return f"/repos/{self.repository}/issues"

    def _address(self, item: Item) -> str:
        return f"{self._listing}/{item.number}"


def _item(found: Any, *, number: str) -> Iterator[Item]:
    """One comment or issue, if that is what it is. The account of its author may be deleted: then `user` is null."""
    if not isinstance(found, dict) or not isinstance(found.get(number), int):
        return
    user, url, title = found.get("user"), found.get("html_url"), found.get("title")
    login = user.get("login") if isinstance(user, dict) else None
    yield Item(
        number=found[number],
        author=login if isinstance(login, str) else None,
        text=found["body"] if isinstance(found.get("body"), str) else "",
        title=title if isinstance(title, str) else None,
        url=url if isinstance(url, str) else None,
    )


def _viewer(rest: Rest) -> str:
    try:
        answer = rest.call("GET", "/user")
    except RestError as error:
        if error.status in {403, 404} and not error.is_limited:
            return DEFAULT_AUTHOR
        raise
    login = answer.get("login") if isinstance(answer, dict) else None
    return login if isinstance(login, str) else DEFAULT_AUTHOR
