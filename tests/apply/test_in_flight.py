"""Items that touch the same run in order, the others together, never more than allowed."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.in_flight import in_flight

ITEMS = st.lists(st.tuples(st.integers(), st.frozensets(st.sampled_from("abcd"), max_size=3)), max_size=30)


@given(items=ITEMS, parallelism=st.integers(1, 6))
def test_results_come_in_order_and_no_two_that_touch_the_same_overlap(
    items: list[tuple[int, frozenset[str]]], parallelism: int
) -> None:
    lock = threading.Lock()
    started: list[int] = []
    under_way: list[int] = []
    overlaps: list[tuple[int, int]] = []

    def act(position: int) -> int:
        with lock:
            overlaps.extend((other, position) for other in under_way if items[other][1] & items[position][1])
            assert len(under_way) < parallelism
            under_way.append(position)
            started.append(position)
        with lock:
            under_way.remove(position)
        return items[position][0]

    found = in_flight(range(len(items)), act, touches=lambda at: items[at][1], parallelism=parallelism)
    assert found == [number for number, _ in items]
    assert overlaps == []
    for name in "abcd":
        about = [at for at in started if name in items[at][1]]
        assert about == sorted(about)


def test_independent_items_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=10)
    assert sorted(in_flight("abcd", lambda _: meeting.wait(), touches=lambda name: name, parallelism=4)) == [0, 1, 2, 3]


def test_an_error_passes_through_and_nothing_more_starts() -> None:
    started: list[int] = []

    def act(number: int) -> None:
        started.append(number)
        raise ValueError(str(number))

    with pytest.raises(ValueError, match=r"^[01]$"):
        in_flight(range(50), act, touches=lambda number: [number], parallelism=2)
    assert len(started) <= 4
