"""What a run learns from requests that were taken and refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.apply.batch_sizes import BatchSizes
from reconciler.apply.gate import Finding, HeldBackError, State
from reconciler.apply.results import Moved, Status
from reconciler.apply.sending import SendOptions, apply_requests
from reconciler.remote.port import Reply
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.resources.tree import MISSING
from tests.request_values import request


def about(count: int, rpc: str = "PatchModels") -> Request:
    keys = [Key(user_id="me", app_id="pets", model_id=f"m{number:03}") for number in range(count)]
    return request(rpc, "merge" if rpc == "PatchModels" else None, {key: {} for key in keys})


@pytest.mark.parametrize(
    ("events", "parts"),
    [
        ([], [128]),
        ([("taken", 128)], [128]),
        ([("taken", 32), ("refused", 64)], [32, 32, 32, 32]),
        # The largest size below the refused one that was taken, whatever was taken last.
        ([("taken", 32), ("taken", 12), ("refused", 44)], [32, 32, 32, 32]),
        ([("taken", 32), ("refused", 64), ("taken", 48)], [48, 48, 32]),
        # The smallest refused size counts, also where a larger one was taken: then not the number of entries was the reason.
        ([("taken", 128), ("taken", 64), ("refused", 128)], [64, 64]),
        ([("taken", 64), ("refused", 128), ("taken", 16), ("refused", 32)], [16] * 8),
    ],
)
def test_later_requests_have_the_size_that_was_taken(events: list[tuple[str, int]], parts: list[int]) -> None:
    sizes = BatchSizes()
    for name, count in events:
        getattr(sizes, name)(about(count))
    assert [len(part.entries) for part in sizes.parts(about(128))] == parts
    # What one call takes says nothing about another.
    assert len(sizes.parts(about(128, "DeleteModels"))) == 1


class Service:
    """A service that deletes what it is asked to, and knows which models somebody has changed."""

    def __init__(self, *changed: str) -> None:
        self.deleted: list[str] = []
        self._changed = changed

    def send(self, request: Request, *, before_attempt: Callable[[], None]) -> Reply:
        before_attempt()
        self.deleted += [key.model_id for key in request.keys]
        return Reply(request_id="", attempts=1, documents=())

    def check(self, position: int, request: Request, attempt: int) -> None:
        findings = tuple(
            Finding(key=key, state=State.MOVED, moved=(MOVED,))
            if key.model_id in self._changed
            else Finding(key=key, state=State.BEFORE)
            for key in request.keys
        )
        if any(finding.moved for finding in findings):
            raise HeldBackError(findings)


MOVED = Moved(key=Key(user_id="me", app_id="pets", model_id="m"), path="", planned="a", live="b", desired=MISSING)


@pytest.mark.parametrize(
    ("changed", "deleted"), [((), 6), (("m002",), 2), (("m000",), 0)], ids=["none", "second part", "first part"]
)
def test_after_a_part_of_a_deletion_was_held_back_nothing_more_is_deleted(
    changed: tuple[str, ...], deleted: int
) -> None:
    sizes = BatchSizes()
    sizes.taken(about(2, "DeleteModels"))
    sizes.refused(about(4, "DeleteModels"))
    service = Service(*changed)
    options = SendOptions(before_attempt=service.check, sizes=sizes)
    (result,) = apply_requests([about(6, "DeleteModels")], service, options=options)  # type: ignore[arg-type]
    assert len(service.deleted) == deleted
    left = {key.model_id for key in result.request.keys} - set(service.deleted)
    assert {failure.key.model_id for failure in result.failures} == left


def test_parts_that_a_stopped_run_does_not_send_are_named() -> None:
    sizes = BatchSizes()
    sizes.taken(about(1, "DeleteModels"))
    sizes.refused(about(2, "DeleteModels"))
    service = Service()
    options = SendOptions(may_start=lambda: not service.deleted, sizes=sizes)
    (result,) = apply_requests([about(3, "DeleteModels")], service, options=options)  # type: ignore[arg-type]
    assert (service.deleted, result.status) == (["m000"], Status.FAILED)
    assert [failure.key.model_id for failure in result.failures] == ["m001", "m002"]
