"""The work on one object grows with its size, and not with its square. Calls are counted, because times depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.compare.desired_spec import desired_spec
from reconciler.compare.paths import changed_paths
from reconciler.errors import Origin
from reconciler.requests.calls import merge_patch
from reconciler.resources.canonical import equal
from reconciler.resources.desired import Removal
from reconciler.resources.fields import KINDS, Action, Shape
from reconciler.resources.keys import Kind

HERE = Origin(path="m.yaml")
METADATA = next(field for field in KINDS[Kind.MODEL] if field.shape is Shape.STRUCT)
SIZE = 150


class Counted(str):
    """A string that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def work(task: Callable[[], object]) -> int:
    """How many functions a task calls, those in C included, and how many strings it compares."""
    count = 0

    def counting(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    Counted.comparisons = 0
    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        task()
    finally:
        sys.setprofile(before)
    return count + Counted.comparisons


def similar(size: int, shift: int) -> list[Any]:
    """Objects without ids, of which many are alike."""
    return [{"value": (index + shift) % 7, "inside": [index % 5, {"a": [1, 2]}]} for index in range(size)]


def turned(size: int, shift: int) -> list[Any]:
    """Lists of the same items in different orders."""
    return [[*range(index % 9 + shift), 3, *range(index % 4)] for index in range(size)]


def identified(size: int, shift: int) -> list[Any]:
    return [{"id": str(index), "value": index + shift} for index in range(size)]


def wanted(before: dict[str, Any], stated: dict[str, Any], removals: tuple[Removal, ...] = ()) -> dict[str, Any]:
    return desired_spec(Kind.MODEL, before, stated, action=Action.MERGE, removals=removals)


def of_lists(make: Callable[[int, int], list[Any]]) -> Callable[[int], Callable[[], object]]:
    def task(size: int) -> Callable[[], object]:
        before, stated = {"metadata": {"list": make(size, 0)}}, {"metadata": {"list": make(size, 1)}}

        def all_stages() -> None:
            after = wanted(before, stated)
            changed_paths(METADATA, before["metadata"], after["metadata"])
            merge_patch(before["metadata"], after["metadata"])
            equal(before, after)

        return all_stages

    return task


def of_tags(size: int) -> Callable[[], object]:
    before = {"toolkits": [Counted(f"tag {index}") for index in range(size)]}
    stated = {"toolkits": [Counted(f"tag {index}") for index in range(size // 2, size + size // 2)]}
    removals = tuple(
        Removal(path=("toolkits",), item=Counted(f"tag {index}"), origin=HERE) for index in range(0, size, 2)
    )
    return lambda: wanted(before, stated, removals)


def of_removals(size: int) -> Callable[[], object]:
    before = {"metadata": {Counted(f"key {index}"): index for index in range(size)}}
    removals = tuple(Removal(path=("metadata", Counted(f"key {index}")), origin=HERE) for index in range(size))
    return lambda: wanted(before, {}, removals)


@pytest.mark.parametrize(
    "task",
    [of_lists(similar), of_lists(turned), of_lists(identified), of_tags, of_removals],
    ids=["similar objects", "turned lists", "objects with ids", "tags", "removals"],
)
def test_twice_the_size_is_twice_the_work(task: Callable[[int], Callable[[], object]]) -> None:
    task(SIZE)()  # what is imported and cached isn't counted
    once, twice = work(task(SIZE)), work(task(2 * SIZE))
    assert once > 0
    assert twice < 2.2 * once
