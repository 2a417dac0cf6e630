"""One comment, note or issue that is created once and updated from then on, whatever races with it.

In: a text, and the place where it is kept. Out: what was done. Ours is what begins with a hidden marker and has the exact author
that our token writes as: a marker that somebody else plants or quotes doesn't count, and neither does another bot's. Of several
that are ours, the oldest is kept and the others are removed. After a creation the place is listed again, so of two runs that race
one finds the other's comment, and both keep the same one. Where the response to a creation was lost, the place is listed before
another attempt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from reconciler.ci.rest import Rest, RestError
from reconciler.errors import UsageError

TRIES: Final = 3
_KEY: Final = re.compile(r"[A-Za-z0-9._]+(?:-[A-Za-z0-9._]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A comment, note or issue. `author` is None if the account is deleted; `title` is an issue's."""

    number: int
    author: str | None
    text: str
    title: str | None = None
    url: str | None = None


class Place(Protocol):
    """Where the text is kept: a pull request, a merge request, or the open issues of a repository."""

    @property
    def rest(self) -> Rest:
        """The client, which knows how long a run may wait."""
        ...

    def items(self) -> Iterable[Item]:
        """All that is there."""
        ...

    def create(self, text: str) -> Item | None:
        """Add one; None if the response doesn't describe it."""
        ...

    def update(self, item: Item, text: str) -> Item:
        """Replace the text of one."""
        ...

    def remove(self, item: Item) -> None:
        """Take away one that repeats another, if it is still there."""
        ...

    def viewer(self) -> str:
        """The name that the token writes as."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was done. `number` is that of the comment or issue; like `url`, it is None if there is none."""

    action: Literal["created", "updated", "unchanged", "closed"]
    number: int | None = None
    url: str | None = None


def marker(key: str) -> str:
    """The hidden first line. Raises UsageError for a key that an HTML comment can't hold."""
    if not _KEY.fullmatch(key) or len(key) > 100:
        raise UsageError(
            f"--key {key!r} can't be used: it may have letters, digits, dots, underscores, and single hyphens between them."
        )
    return f"<!-- clarifai-reconciler:{key} -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The one comment or issue of a key in a place. `title` is what an issue's should be."""

    place: Place
    key: str
    author: str
    title: str | None = None

    def put(self, text: str) -> Posted:
        """Create it with this text, or update it if it differs."""

        def once() -> Posted:
            own = self._own(self.author)
            if own:
                return self._settled(own, text)
            made = self.place.create(text)
            if made is None:
                return Posted(action="created")
            # By the author that the new one has: a token that can't ask who it is may belong to another app than we assumed.
            own = self._own(made.author or self.author)
            if not own or own[0].number == made.number:
                self._remove(own[1:])
                return _posted("created", made)
            return self._settled(own, text)

        return self._retried(once)

    def replace(self, text_for: Callable[[Item], str]) -> Posted:
        """Replace the text where there is one; nothing is created."""

        def once() -> Posted:
            own = self._own(self.author)
            return self._settled(own, text_for(own[0])) if own else Posted(action="unchanged")

        return self._retried(once)

    def end(self, close: Callable[[Item], None]) -> Posted:
        """Close whatever is open."""

        def once() -> Posted:
            own = self._own(self.author)
            for item in own:
                close(item)
            return _posted("closed", own[0]) if own else Posted(action="unchanged")

        return self._retried(once)

    def _own(self, author: str) -> list[Item]:
        """Ours, the oldest first."""
        first = f"{marker(self.key)}\n"
        name = author.casefold()
        found = (
            item
            for item in self.place.items()
            if item.author is not None and item.author.casefold() == name and _comparable(item.text).startswith(first)
        )
        return sorted(found, key=lambda item: item.number)

    def _settled(self, own: list[Item], text: str) -> Posted:
        """The oldest of `own` with this text, and no other."""
        kept = own[0]
        is_same = _comparable(kept.text) == _comparable(text) and self.title in (None, kept.title)
        posted = _posted("unchanged", kept) if is_same else _posted("updated", self.place.update(kept, text))
        self._remove(own[1:])
        return posted

    def _remove(self, items: Iterable[Item]) -> None:
        for item in items:
            self.place.remove(item)

    def _retried(self, once: Callable[[], Posted], tries: int = TRIES) -> Posted:
        """Try again, beginning with the listing, where a creation may have succeeded or what was listed is gone."""
        try:
            return once()
        except RestError as error:
            # A creation is never sent twice blindly: the first may have been carried out, and the listing will show that.
            is_gone = error.status == 404 and error.method in {"PATCH", "PUT"}
            if tries == 1 or not (error.is_uncertain or is_gone):
                raise
            if not is_gone:
                self.place.rest.wait(2.0 ** (TRIES - tries), error)
        return self._retried(once, tries - 1)


def _posted(action: Literal["created", "updated", "unchanged", "closed"], item: Item) -> Posted:
    return Posted(action=action, number=item.number, url=item.url)


def _comparable(text: str) -> str:
    """A text for comparison: the service may return other line ends, or none at the end."""
    return text.replace("\r\n", "\n").rstrip()
