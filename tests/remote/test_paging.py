"""Listings: which pages are asked for, which of them together, and what of them is yielded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice

import pytest

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.paging import MOST_AHEAD, Pages


class Listing:
    """A server's listing of numbers, at most `largest` a page. Notes which pages were asked for, and how many at once."""

    def __init__(self, count: int, *, largest: int = 1000, on_page: Callable[[int], None] = lambda page: None) -> None:
        self.items = list(range(count))
        self.largest = largest
        self.on_page = on_page
        self.asked: list[int] = []
        self.most_at_once = 0
        self._under_way = 0
        self._lock = threading.Lock()

    def fetch(self, page: int, per_page: int) -> Sequence[int]:
        with self._lock:
            self.asked.append(page)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            self.on_page(page)
            size = min(per_page, self.largest)
            return self.items[(page - 1) * size : page * size]
        finally:
            with self._lock:
                self._under_way -= 1

    def read(self, *, expected: int = 0, first: int | None = None) -> list[int]:
        found = Pages().read("ListModels", self.fetch, identity=lambda item: item, expected=expected)
        return list(islice(found, first))


def unavailable() -> RemoteError:
    return RemoteError(rpc="ListModels", code="UNAVAILABLE", description="down", fault=FaultClass.TRANSIENT)


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500, 10_000])
def test_a_known_number_of_items_takes_no_call_more_than_one_page_after_the_other(count: int) -> None:
    listing = Listing(count)
    assert listing.read(expected=count, first=count) == listing.items
    assert sorted(listing.asked) == list(range(1, max(1, -(-count // 1000)) + 1 if count else 1))
    whole = Listing(count)
    assert whole.read(expected=count) == whole.items
    assert sorted(whole.asked) == list(range(1, -(-count // 1000) + 2))


def test_pages_that_must_be_there_are_asked_for_together() -> None:
    together = threading.Barrier(3, timeout=20)

    def on_page(page: int) -> None:
        if page > 1:
            together.wait()

    listing = Listing(4000, on_page=on_page)
    assert listing.read(expected=4000, first=4000) == listing.items
    assert listing.most_at_once == 3


def test_pages_are_yielded_in_their_order_whichever_comes_first() -> None:
    is_last_there = threading.Event()

    def on_page(page: int) -> None:
        if page == 4:
            is_last_there.set()
        elif page > 1:
            assert is_last_there.wait(20)

    assert Listing(3500, on_page=on_page).read(expected=3500) == list(range(3500))


def test_a_server_with_small_pages_is_asked_ahead_once_two_pages_have_its_size() -> None:
    listing = Listing(1280, largest=128)
    assert listing.read(expected=1280, first=1280) == listing.items
    assert sorted(listing.asked) == list(range(1, 11))
    assert listing.asked[:2] == [1, 2]


def test_where_the_number_is_unknown_one_page_is_asked_for_then_two_then_four() -> None:
    steps = {
        page: threading.Barrier(len(step), timeout=20)
        for step in ((3, 4), (5, 6, 7, 8), (9, 10, 11, 12))
        for page in step
    }
    for page in (4, 6, 7, 8, 10, 11, 12):
        steps[page] = steps[page - 1]
    listing = Listing(9500, on_page=lambda page: None if page < 3 else wait_at(steps[page]))
    assert listing.read() == listing.items
    assert sorted(listing.asked) == list(range(1, 13))
    assert listing.most_at_once == 4


def wait_at(barrier: threading.Barrier) -> None:
    barrier.wait()


def test_no_more_than_a_few_pages_are_under_way() -> None:
    pause = threading.Event()

    def on_page(_page: int) -> None:
        pause.wait(0.01)

    listing = Listing(40_000, on_page=on_page)
    assert listing.read(expected=40_000) == listing.items
    assert 2 <= listing.most_at_once <= MOST_AHEAD


def test_a_page_that_fails_is_an_error_and_no_end() -> None:
    def on_page(page: int) -> None:
        if page == 3:
            raise unavailable()

    listing = Listing(5000, on_page=on_page)
    found = Pages().read("ListModels", listing.fetch, identity=lambda item: item, expected=5000)
    assert list(islice(found, 2000)) == listing.items[:2000]
    with pytest.raises(RemoteError, match="down"):
        next(found)


def test_an_item_on_two_pages_is_yielded_once_and_one_that_moved_up_is_not_made_up() -> None:
    listing = Listing(3000)

    def moved(page: int, per_page: int) -> Sequence[int]:
        items = listing.fetch(page, per_page)
        if page == 2:  # one was created before it, so that the last one of the first page is the first of this one
            return [listing.items[999], *items[:-1]]
        return items[1:] if page == 3 else items

    found = list(Pages().read("ListModels", moved, identity=lambda item: item, expected=3000))
    assert found == [item for item in listing.items if item not in (1999, 2000)]
