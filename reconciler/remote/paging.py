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

Once a page was full, the next ones are asked for together, because the time of a listing is that of its calls. Where the caller knows
how many items there must be, so many calls are always under way while pages are used, and none is made that wouldn't be made one after
the other. The pages are used in their order, and an item that appears on two of them, because something was created or deleted
meanwhile, is yielded once. An item that has moved from one page to an earlier one may be missing, exactly as if the pages were read one
after the other: the caller must not take it for absent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote import statuses

if TYPE_CHECKING:
    from typing_extensions import Self

LARGEST_PAGE: Final = 1000
"""The largest page that the service sends (Clarifai documentation, "Pagination")."""

DOCUMENTED_PAGE: Final = 128
"""The service's default page size (service.proto, ListModelsRequest.per_page)."""

MOST_AHEAD: Final = 8
"""The largest number of pages that are under way or wait to be used, where it is known that they are needed. All of them are in
memory at once, as the service sent them."""

MOST_GUESSED: Final = 4
"""The largest number of pages that are asked for together where it isn't known whether all of them are needed."""

FetchPage = Callable[[int, int], Sequence[Any]]
"""Takes `page`, counted from 1, and `per_page`. Returns the messages of that page."""

_Out = TypeVar("_Out")


def started(act: Callable[[], _Out]) -> Future[_Out]:
    """The result of `act`, which runs in a thread of its own from now on. The process doesn't wait for it when it ends."""
    future: Future[_Out] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


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
        missing: Callable[[], int] | None = None,
        per_page: int | None = None,
        first: Future[Sequence[Any]] | None = None,
    ) -> Iterator[Any]:
        """Yield every item of a listing once, in the server's order.

        Items with equal `identity` are the same item. If `until_empty`, the listing ends only at an empty page, or where
        `is_enough` says so of all that was yielded. `missing` is how many more there should be at least after all that was yielded, None if that isn't
        known. `per_page` is the size to ask for, if not the largest, and `first` the first page of that size if it was asked for before. Raises
        RemoteError, as `fetch` does, at any page.
        """
        seen: set[object] = set()
        page, size, step = 1, 0, 1
        per_page = per_page or self._per_page
        with _Ahead(fetch, {} if first is None else {1: first}) as ahead:
            while True:
                try:
                    items = ahead.page(page, per_page)
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
                if until_empty and items and missing is not None and len(items) in {per_page, size}:
                    # As many as there must be at least, if all on this page are among the missing ones.
                    ahead.ask(page + 1, min(-(-(missing() - len(fresh)) // len(items)), MOST_AHEAD), per_page)
                elif until_empty and missing is None and len(items) == per_page and ahead.is_empty:
                    # 1, 2, 4, 4 … A single one can as well be asked for when it is needed.
                    ahead.ask(page + 1, min(step, MOST_GUESSED) if step > 1 else 0, per_page)
                    step *= 2
                size = len(items)
                yield from fresh.values()
                if not items or (is_short and not until_empty) or is_enough():
                    return
                page += 1


class _Ahead:
    """Pages that are asked for together, before they are needed. At the end, what isn't under way yet isn't asked for any more."""

    def __init__(self, fetch: FetchPage, pages: dict[int, Future[Sequence[Any]]]) -> None:
        self._fetch = fetch
        self._pool: ThreadPoolExecutor | None = None
        self._pages = pages

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def is_empty(self) -> bool:
        """Whether every page that was asked for has been taken."""
        return not self._pages

    def ask(self, first: int, count: int, per_page: int) -> None:
        """Ask for those of so many pages that were not asked for yet."""
        for page in range(first, first + count):
            if page not in self._pages:
                self._pool = self._pool or ThreadPoolExecutor(max_workers=MOST_AHEAD)
                self._pages[page] = self._pool.submit(self._fetch, page, per_page)

    def page(self, page: int, per_page: int) -> Sequence[Any]:
        """One page, asked for now or before."""
        asked = self._pages.pop(page, None)
        return self._fetch(page, per_page) if asked is None else asked.result()


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
