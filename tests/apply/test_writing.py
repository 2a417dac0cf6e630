"""How fresh the reads are that a deletion is checked by: its objects last, what uses them at most 10 seconds before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import pytest

from reconciler.apply.journal import Provenance, start_run
from reconciler.apply.results import Outcome
from reconciler.apply.writing import MOST_CHECKS, Reading, Writing
from reconciler.plan.deletion import deletion_of
from reconciler.plan.in_use import Use
from reconciler.plan.plan import Plan, Source
from reconciler.remote.port import Reply
from reconciler.requests.calls import deletion_requests
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel
from reconciler.resources.request import Request
from reconciler.state.signals import Stop

MODEL = Key(user_id="me", app_id="pets", model_id="m")
LIVE = ObservedModel(key=MODEL, document={"id": "m"}, versions_complete=True)
PLAN = Plan(
    tool_version="1",
    created_at="2026-11-23T14:00:00Z",
    endpoint="e",
    source=Source(digest="", files=()),
    changes=(deletion_of(LIVE, MODEL, reason="it has no manifest"),),
    requests=tuple(deletion_requests([MODEL], batch=32)),
)


class Service:
    """A service with one model, whose reads take some seconds each."""

    def __init__(self, seconds: Iterator[float]) -> None:
        self.now = 0.0
        self.calls: list[str] = []
        self._seconds = seconds

    def objects(self, keys: Collection[Key], whole: Collection[Key]) -> Observed:
        self.calls.append("objects")
        self.now += next(self._seconds)
        return Observed(models={} if "delete" in self.calls else {MODEL: LIVE})

    def uses(self, keys: Collection[Key]) -> Mapping[Key, tuple[Use, ...]]:
        self.calls.append("uses")
        return {}

    def send(self, request: Request, *, before_attempt: Callable[[], None]) -> Reply:
        before_attempt()
        self.calls.append("delete")
        return Reply(request_id="", attempts=1, documents=())


def written(service: Service, place: Path) -> Outcome:
    journal = start_run(place / "runs", "r", PLAN)
    journal.begin(PLAN, at="2026-11-23T14:00:00Z", by=Provenance())
    reading = Reading(
        objects=service.objects,
        afterwards=service.objects,
        uses=service.uses,
        listed=lambda scope: Observed(models={}),
    )
    writing = Writing(
        plan=PLAN,
        remote=service,  # type: ignore[arg-type]
        journal=journal,
        reading=reading,
        stop=Stop(),
        backups=place / "backup",
        parallelism=1,
        clock=lambda: service.now,
    )
    outcome = writing.written(frozenset())
    journal.close()
    return outcome


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [
        ([0, 0, 0], ["objects", "uses", "objects", "delete", "objects"]),
        # The last read took long: by then, what uses it is too old, and the object after that.
        ([0, 11, 0, 0], ["objects", "uses", "objects", "uses", "objects", "delete", "objects"]),
    ],
)
def test_the_object_is_read_last_and_what_uses_it_shortly_before(
    tmp_path: Path, seconds: list[float], calls: list[str]
) -> None:
    service = Service(iter(seconds))
    outcome = written(service, tmp_path)
    assert (service.calls, outcome.exit_code(PLAN)) == (calls, 0)


def test_where_no_read_is_quick_enough_nothing_is_deleted(tmp_path: Path) -> None:
    service = Service(iter([11.0] * (MOST_CHECKS + 2)))
    outcome = written(service, tmp_path)
    assert "delete" not in service.calls
    assert outcome.exit_code(PLAN) == 4
