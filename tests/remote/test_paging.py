"""Listings: which pages are asked for, which of them together, and what of them is yielded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import islice

import pytest

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.paging import MOST_AHEAD, Pages, started


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
        found: list[int] = []
        missing = (lambda: expected - len(found)) if expected else None
        pages = Pages().read("ListModels", self.fetch, identity=lambda item: item, missing=missing)
        for item in islice(pages, first):
            found.append(item)  # noqa: PERF402  `missing` looks at it
        return found


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


def test_a_page_that_was_taken_is_replaced_by_the_next_at_once() -> None:
    is_asked = threading.Event()
    following = MOST_AHEAD + 2
    listing = Listing(13_000, on_page=lambda page: is_asked.set() if page == following else None)
    found: list[int] = []
    pages = Pages().read("ListModels", listing.fetch, identity=lambda item: item, missing=lambda: 13_000 - len(found))
    found += islice(pages, 1001)
    # While the second page is used, as many others as may be are on their way.
    assert is_asked.wait(20)
    found += pages
    assert found == listing.items
    assert sorted(listing.asked) == list(range(1, 15))


@pytest.mark.parametrize("largest", [1000, 128])
@pytest.mark.parametrize(("others", "count"), [(0, 5000), (7, 5000), (1000, 5000), (5, 995), (3000, 100)])
def test_items_that_nobody_needs_take_no_call_more(others: int, count: int, largest: int) -> None:
    """As where Clarifai's own models stand before those of the app: the listing is read until the last needed one."""
    listing = Listing(others + count, largest=largest)
    found: list[int] = []
    pages = Pages().read(
        "ListModels",
        listing.fetch,
        identity=lambda item: item,
        is_enough=lambda: len(found) == count,
        missing=lambda: count - len(found),
    )
    for item in pages:
        if item >= others:
            found.append(item)  # noqa: PERF401  `missing` looks at it
    assert found == listing.items[others:]
    assert sorted(listing.asked) == list(range(1, -(-(others + count) // largest) + 1))


def test_a_first_page_that_was_asked_for_before_is_not_asked_for_again() -> None:
    pages = Pages()
    models, types = Listing(200), Listing(30)
    first = started(lambda: types.fetch(1, 128))
    assert list(pages.read("ListModels", models.fetch, identity=lambda item: item)) == models.items
    # The page of models shows that the page of types is short, although it came first.
    found = pages.read("T", types.fetch, identity=lambda item: item, until_empty=False, per_page=128, first=first)
    assert (list(found), types.asked) == (types.items, [1])


def test_an_error_of_a_page_that_was_asked_for_before_is_raised_where_it_is_needed() -> None:
    def fail() -> Sequence[int]:
        raise unavailable()

    found = Pages().read("T", Listing(30).fetch, identity=lambda item: item, per_page=128, first=started(fail))
    with pytest.raises(RemoteError, match="down"):
        next(found)


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
    found = Pages().read("ListModels", listing.fetch, identity=lambda item: item, missing=lambda: 4000)
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

    found = list(Pages().read("ListModels", moved, identity=lambda item: item, missing=lambda: 2000))
    assert found == [item for item in listing.items if item not in (1999, 2000)]
