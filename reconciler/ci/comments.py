"""One comment on a pull request, or one issue, that is created once and updated from then on.

In: a report, and the pull request or issue. Out: what was done. The comment is found again by a hidden marker at its very start,
and only among those that the token's own user or app wrote: a marker that somebody quotes or plants doesn't count. To run it
twice makes one comment: where the response to a creation was lost, the list is read again before another attempt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from reconciler.ci.rest import DEFAULT_URL, Rest, RestError, token_from
from reconciler.errors import UsageError
from reconciler.report.markdown import render_markdown
from reconciler.report.report import Report

MAX_LENGTH: Final = 65_536
"""The longest body of a comment or issue that GitHub accepts, in characters."""

TRIES: Final = 3
_KEY: Final = re.compile(r"[A-Za-z0-9._]+(?:-[A-Za-z0-9._]+)*")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was done to the comment or issue. `number` is its id; like `url`, it is None if there is none."""

    action: Literal["created", "updated", "unchanged", "closed"]
    number: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Where a report goes: a comment on `pull_request`, or without one the issue with this `title`; one per `key`.

    Raises UsageError for a repository or key that can't be used.
    """

    repository: str
    key: str
    pull_request: int | None = None
    title: str | None = None

    def __post_init__(self) -> None:
        marker(self.key)
        checked_repository(self.repository)


def post(report: Report, thread: Thread, *, url: str, token: str, timeout: float) -> Posted:
    """Create or update the comment or issue of a thread; an issue is closed if nothing would change.

    `url` is the API's, "" for github.com's; `timeout` is in seconds. Raises RestError for a call that failed.
    """
    with Rest(url=url or DEFAULT_URL, token=token_from(token), timeout=timeout) as rest:
        body = body_of(report, thread.key)
        if thread.pull_request is not None:
            return put_comment(rest, thread.repository, thread.pull_request, key=thread.key, body=body)
        is_open = report.plan.has_changes
        title = thread.title or ""
        return put_issue(rest, thread.repository, key=thread.key, title=title, body=body if is_open else None)


def checked_repository(text: str) -> str:
    """OWNER/NAME. Raises UsageError for anything else: it becomes a part of an address."""
    if not _REPOSITORY.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise UsageError(f"--repo {text!r} is not of the form OWNER/NAME.")
    return text


def marker(key: str) -> str:
    """The hidden first line. Raises UsageError for a key that an HTML comment can't hold."""
    if not _KEY.fullmatch(key) or len(key) > 100:
        raise UsageError(
            f"--key {key!r} can't be used: it may have letters, digits, dots, underscores, and single hyphens between them."
        )
    return f"<!-- clarifai-reconciler:{key} -->"


def body_of(report: Report, key: str) -> str:
    """The marker and the report in Markdown, never longer than GitHub accepts."""
    first = f"{marker(key)}\n"
    return first + render_markdown(report, budget=MAX_LENGTH - len(first))


def put_comment(rest: Rest, repository: str, number: int, *, key: str, body: str) -> Posted:
    """Create the key's comment on a pull request, or update it if its body differs."""
    listing = f"/repos/{repository}/issues/{number}/comments"
    own = _is_own(rest, marker(key))

    def once() -> Posted:
        found = next(filter(own, rest.pages(f"{listing}?per_page=100")), None)
        if found is not None:
            try:
                return _updated(rest, found, f"/repos/{repository}/issues/comments/{found['id']}", {"body": body})
            except RestError as error:
                if error.status != 404:  # 404: somebody has deleted it since it was listed; then it is created again
                    raise
        return _posted("created", rest.call("POST", listing, {"body": body}))

    return _retried(rest, once)


def put_issue(rest: Rest, repository: str, *, key: str, title: str, body: str | None) -> Posted:
    """Open the key's issue or update its body; without a `body` there is nothing to report, and an open one is closed."""
    listing = f"/repos/{repository}/issues"
    own = _is_own(rest, marker(key))

    def once() -> Posted:
        # The listing of issues has pull requests in it too (GitHub documentation, "List repository issues").
        items = rest.pages(f"{listing}?state=open&per_page=100")
        found = next((item for item in items if "pull_request" not in item and own(item)), None)
        if found is None:
            if body is None:
                return Posted(action="unchanged")
            return _posted("created", rest.call("POST", listing, {"title": title, "body": body}))
        address = f"{listing}/{found.get('number')}"
        if body is None:
            closed = {"state": "closed", "state_reason": "completed"}
            return _posted("closed", rest.call("PATCH", address, closed))
        return _updated(rest, found, address, {"title": title, "body": body})

    return _retried(rest, once)


def _updated(rest: Rest, found: Mapping[str, Any], address: str, desired: Mapping[str, str]) -> Posted:
    if all(_text(found.get(name)) == _text(value) for name, value in desired.items()):
        return _posted("unchanged", found)
    return _posted("updated", rest.call("PATCH", address, desired))


def _is_own(rest: Rest, first: str) -> Callable[[Any], bool]:
    """A function that says whether an item is the one that this token's user wrote for this marker.

    A workflow's token can't ask who it is (403). Its comments are a bot's, which no person's comment can be.
    """
    login = _viewer(rest)

    def is_own(item: Any) -> bool:
        if not isinstance(item, dict) or not isinstance(item.get("id"), int):
            return False
        if not _text(item.get("body")).startswith(f"{first}\n"):
            return False
        author = item.get("user")
        author = author if isinstance(author, dict) else {}
        if login is not None:
            return str(author.get("login", "")).casefold() == login
        return author.get("type") != "User"

    return is_own


def _viewer(rest: Rest) -> str | None:
    try:
        answer = rest.call("GET", "/user")
    except RestError as error:
        if error.status in {403, 404}:
            return None
        raise
    login = answer.get("login") if isinstance(answer, dict) else None
    return login.casefold() if isinstance(login, str) else None


def _retried(rest: Rest, once: Callable[[], Posted], tries: int = TRIES) -> Posted:
    """Try again, beginning with the listing, where it isn't known whether a creation succeeded."""
    try:
        return once()
    except RestError as error:
        # A creation is never sent twice blindly: the first one may have been carried out, and the listing will show that.
        if not error.is_uncertain or tries == 1:
            raise
        rest.wait(2.0 ** (TRIES - tries), error)
    return _retried(rest, once, tries - 1)


def _posted(action: Literal["created", "updated", "unchanged", "closed"], item: Any) -> Posted:
    item = item if isinstance(item, dict) else {}
    number, url = item.get("id"), item.get("html_url")
    return Posted(
        action=action,
        number=number if isinstance(number, int) else None,
        url=url if isinstance(url, str) else None,
    )


def _text(value: Any) -> str:
    """A body for comparison: the service may return other line ends, or none at the end."""
    return value.replace("\r\n", "\n").rstrip() if isinstance(value, str) else ""
