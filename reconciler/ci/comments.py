"""One comment on a pull request, or one issue, that is written once and kept up to date.

In: a client, a repository, a key and a body. Out: what was done. The comment is known again by a hidden marker at its very
start, and only among those that the token's own user or app wrote: a marker that somebody quotes or plants is not ours.
Doing it twice gives one comment: where an answer to a creation was lost, the list is read again before another try.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from reconciler.ci.rest import Rest, RestError
from reconciler.errors import UsageError
from reconciler.report.markdown import render_markdown
from reconciler.report.report import Report

MAX_LENGTH: Final = 65_536
"""The longest body of a comment or issue that GitHub takes, in characters."""

TRIES: Final = 3
_KEY: Final = re.compile(r"[A-Za-z0-9._]+(?:-[A-Za-z0-9._]+)*")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of the comment or issue; `number` is its id, and with `url` None where there is none."""

    action: Literal["created", "updated", "unchanged", "closed"]
    number: int | None = None
    url: str | None = None


def checked_repository(text: str) -> str:
    """OWNER/NAME. Raises UsageError for anything else: it becomes a part of an address."""
    if not _REPOSITORY.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise UsageError(f"--repo {text!r} is not of the form OWNER/NAME.")
    return text


def marker(key: str) -> str:
    """The hidden first line. Raises UsageError for a key that an HTML comment can't hold."""
    if not _KEY.fullmatch(key) or len(key) > 100:
        raise UsageError(f"--key {key!r} is not usable: letters, digits, dots and underscores, single hyphens between.")
    return f"<!-- clarifai-reconciler:{key} -->"


def body_of(report: Report, key: str) -> str:
    """The marker and the report in Markdown, never longer than GitHub takes."""
    first = f"{marker(key)}\n"
    return first + render_markdown(report, budget=MAX_LENGTH - len(first))


def put_comment(rest: Rest, repository: str, number: int, *, key: str, body: str) -> Posted:
    """Create the key's comment on a pull request, or change it where its body differs."""
    listing = f"/repos/{repository}/issues/{number}/comments"
    own = _is_own(rest, marker(key))

    def once() -> Posted:
        found = next(filter(own, rest.pages(f"{listing}?per_page=100")), None)
        if found is not None:
            try:
                return _kept_up(rest, found, f"/repos/{repository}/issues/comments/{found['id']}", {"body": body})
            except RestError as error:
                if error.status != 404:  # 404: deleted since it was listed
                    raise
        return _posted("created", rest.call("POST", listing, {"body": body}))

    return _retried(rest, once)


def put_issue(rest: Rest, repository: str, *, key: str, title: str, body: str | None) -> Posted:
    """Open the key's issue or change its body; with no `body`, there is nothing to tell and an open one is closed."""
    listing = f"/repos/{repository}/issues"
    own = _is_own(rest, marker(key))

    def once() -> Posted:
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
        return _kept_up(rest, found, address, {"title": title, "body": body})

    return _retried(rest, once)


def _kept_up(rest: Rest, found: Mapping[str, Any], address: str, wanted: Mapping[str, str]) -> Posted:
    if all(_text(found.get(name)) == _text(value) for name, value in wanted.items()):
        return _posted("unchanged", found)
    return _posted("updated", rest.call("PATCH", address, wanted))


def _is_own(rest: Rest, first: str) -> Callable[[Any], bool]:
    """Whether an item is the one that this token wrote for this marker.

    A token of a workflow can't ask who it is (403); what it writes is a bot's, which no person's comment can be.
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
    """Try again, from the listing on, where it isn't known whether a creation was done."""
    try:
        return once()
    except RestError as error:
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
    """A body as it compares: the service may give lines and the end back in another form."""
    return value.replace("\r\n", "\n").rstrip() if isinstance(value, str) else ""
