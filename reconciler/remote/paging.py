"""Reads a listing to its end, and knows when that is.

The service gives neither a total nor a next-page token (service.proto: MultiModelResponse holds a status and models),
and may send fewer items a page than asked for. A short page is therefore no proof of the last one: it may be all that
the server gives at a time. Proof is an empty page, at the price of one more call, where calls are limited to
15 a second. One call more for an app's models, types or workflows is nothing. One more for each model's versions
would double the calls of a run, so those listings may also end at a page that is shorter than a page this connection
has seen before: a server that has given more at a time wasn't holding back. Only below 128 items, though, the
documented page size that every listing has at least; beyond it listings might have limits of their own.

A page of a listing that brings nothing new means that the server ignores `page`: an error, not a loop for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote import statuses

LARGEST_PAGE: Final = 1000
"""What the service gives at most (Clarifai documentation, "Pagination")."""

DOCUMENTED_PAGE: Final = 128
"""What it gives where nothing is asked for (service.proto, ListModelsRequest.per_page)."""

FetchPage = Callable[[int, int], Sequence[Any]]
"""From `page` (the first is 1) and `per_page` to that page's messages."""


class Pages:
    """What one connection has learnt about the server's pages. Safe for use from several threads."""

    def __init__(self) -> None:
        self._per_page = LARGEST_PAGE
        self._largest_seen = 0
        self._lock = threading.Lock()

    def read(
        self, rpc: str, fetch: FetchPage, *, identity: Callable[[Any], object], until_empty: bool = True
    ) -> Iterator[Any]:
        """Every item of a listing once, in the server's order; `identity` tells items apart.

        `until_empty` asks for the proof of an empty page always. Raises RemoteError, as `fetch` does, at any page.
        """
        seen: set[object] = set()
        page, per_page = 1, self._per_page
        while True:
            try:
                items = fetch(page, per_page)
            except RemoteError as error:
                if page > 1 or per_page <= DOCUMENTED_PAGE or not _is_too_large(error):
                    raise
                per_page = self._per_page = DOCUMENTED_PAGE
                continue
            # Compared with what was seen before this page: a first page can't prove itself short.
            is_short = len(items) < min(self._largest_seen, DOCUMENTED_PAGE)
            with self._lock:
                self._largest_seen = max(self._largest_seen, len(items))
            fresh = {key: item for item in items if (key := identity(item)) not in seen}
            if items and not fresh:
                raise _repeats(rpc, page)
            seen.update(fresh)
            yield from fresh.values()
            if not items or (is_short and not until_empty):
                return
            page += 1


def _is_too_large(error: RemoteError) -> bool:
    return error.status == statuses.INVALID_REQUEST


def _repeats(rpc: str, page: int) -> RemoteError:
    return RemoteError(
        rpc=rpc,
        code="REPEATED_PAGE",
        description=f"page {page} holds only what earlier pages held, so the listing would never end",
        fault=FaultClass.FATAL,
    )


def page_body(body: Mapping[str, Any], page: int, per_page: int) -> dict[str, Any]:
    """A listing's request body for one page."""
    return {**body, "page": page, "per_page": per_page}
