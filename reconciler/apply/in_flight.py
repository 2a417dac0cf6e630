"""Runs several calls at once, those that touch the same objects one after the other.

In: items, what each of them touches, and what to do with one. Out: a result per item, in the items' order. Items that
touch something in common run in their order; the others run at the same time, up to `parallelism` of them. The latency of a call
then overlaps with other calls, and only the rate limits how long a run takes. Nothing is queued: an item starts only when
a place is free, so an interrupted run waits for few calls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_flight(
    items: Sequence[_In],
    act: Callable[[_In], _Out],
    *,
    touches: Callable[[_In], Iterable[Hashable]],
    parallelism: int,
) -> list[_Out]:
    """The result of `act` for each item. `act` may run in other threads.

    If `act` raises, or the caller is interrupted, nothing more is started, the calls in progress are waited for, and the
    first error is raised.
    """
    if parallelism < 2 or len(items) < 2:
        return [act(item) for item in items]
    waits_for, followers = _order(items, touches)
    ready = [position for position, count in enumerate(waits_for) if not count]
    ready.reverse()
    results: dict[int, _Out] = {}
    running: dict[Future[_Out], int] = {}
    with ThreadPoolExecutor(max_workers=min(parallelism, len(items))) as pool:
        while ready or running:
            while ready and len(running) < parallelism:
                position = ready.pop()
                running[pool.submit(act, items[position])] = position
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            freed: list[int] = []
            for future in done:
                position = running.pop(future)
                results[position] = future.result()
                for follower in followers[position]:
                    waits_for[follower] -= 1
                    if not waits_for[follower]:
                        freed.append(follower)
            ready.extend(sorted(freed, reverse=True))
    return [results[position] for position in range(len(items))]


def _order(items: Sequence[_In], touches: Callable[[_In], Iterable[Hashable]]) -> tuple[list[int], list[list[int]]]:
    """For each item, how many others it waits for, and which wait for it: the last one before that touches the same."""
    last: dict[Hashable, int] = {}
    waits_for = [0] * len(items)
    followers: list[list[int]] = [[] for _ in items]
    for position, item in enumerate(items):
        touched = set(touches(item))
        for before in {last[thing] for thing in touched if thing in last}:
            followers[before].append(position)
            waits_for[position] += 1
        last.update(dict.fromkeys(touched, position))
    return waits_for, followers
