"""Reads a listing page by page to its end.

Takes a function that fetches a page, and returns every item once. Never returns a part of a listing: any failure is an
error.

The service sends neither a total nor a token for the next page (service.proto: MultiModelResponse contains a status and
models), and may send fewer items per page than requested. So a short page doesn't prove that it is the last one. Only an
empty page does, at the cost of one more call.

For the models or workflows of an app, one more call is negligible. For the versions of each model it would double the
calls of a run. Such listings (`until_empty=False`) also end at a page that is shorter than an earlier page of the same
connection, which shows that the server sends more at a time than this. This holds only below 128 items, the documented
default page size, because listings may have different limits above it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote import statuses

LARGEST_PAGE: Final = 1000
"""The largest page that the service sends (Clarifai documentation, "Pagination")."""

DOCUMENTED_PAGE: Final = 128
"""The service's default page size (service.proto, ListModelsRequest.per_page)."""

FetchPage = Callable[[int, int], Sequence[Any]]
"""Takes `page`, counted from 1, and `per_page`. Returns the messages of that page."""


class Pages:
    """What one connection knows about the server's page sizes. It can be used from several threads."""

    def __init__(self) -> None:
        self._per_page = LARGEST_PAGE
        self._largest_seen = 0
        self._lock = threading.Lock()

    def read(
        self,
        rpc: str,
        fetch: FetchPage,
        *,
        identity: Callable[[Any], object],
        until_empty: bool = True,
        is_enough: Callable[[], bool] = lambda: False,
    ) -> Iterator[Any]:
        """Yield every item of a listing once, in the server's order.

        Items with equal `identity` are the same item. If `until_empty`, the listing ends only at an empty page, or where
        `is_enough` says so of all that was yielded. Raises
        RemoteError, as `fetch` does, at any page.
        """
        seen: set[object] = set()
        page, per_page = 1, self._per_page
        while True:
            try:
                items = fetch(page, per_page)
            except RemoteError as error:
                # A server with a smaller limit than documented rejects the page size: use the default from then on.
                if page > 1 or per_page <= DOCUMENTED_PAGE or not _is_too_large(error):
                    raise
                per_page = self._per_page = DOCUMENTED_PAGE
                continue
            # Compared with earlier pages: the first page of a connection can't be known to be short.
            is_short = len(items) < min(self._largest_seen, DOCUMENTED_PAGE)
            with self._lock:
                self._largest_seen = max(self._largest_seen, len(items))
            fresh = {key: item for item in items if (key := identity(item)) not in seen}
            # Without this check, a server that ignores `page` would be read forever.
            if items and not fresh:
                raise _repeats(rpc, page)
            seen.update(fresh)
            yield from fresh.values()
            if not items or (is_short and not until_empty) or is_enough():
                return
            page += 1


def _is_too_large(error: RemoteError) -> bool:
    return error.status == statuses.INVALID_REQUEST


def _repeats(rpc: str, page: int) -> RemoteError:
    return RemoteError(
        rpc=rpc,
        code="REPEATED_PAGE",
        description=f"page {page} contains only items of earlier pages, so the listing would never end",
        fault=FaultClass.FATAL,
    )


def page_body(body: Mapping[str, Any], page: int, per_page: int) -> dict[str, Any]:
    """Return the request body of a listing for one page."""
    return {**body, "page": page, "per_page": per_page}
