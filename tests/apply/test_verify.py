"""A plan beside the live side: what moved since it was made, what of it took. Edges that need no service."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply.gate import Gate, LiveState, Moved, Staleness
from reconciler.apply.verify import remaining
from reconciler.compare.diff import FieldChange
from reconciler.plan.guards import deletion_of
from reconciler.plan.plan import Change, Plan, Source
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.request import Request
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING
from tests.request_values import request

MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
NOBODY = Observed(models={})


def plan(*changes: Change, requests: tuple[Request, ...] = ()) -> Plan:
    source = Source(digest="", files=())
    return Plan(tool_version="1", created_at="", endpoint="", source=source, changes=changes, requests=requests)


def live(model: dict[str, Any], version: dict[str, Any] | None = None) -> Observed:
    versions = () if version is None else (ObservedVersion(key=VERSION, document=version),)
    return Observed(models={MODEL: ObservedModel(key=MODEL, document=model, versions=versions)})


def edit(path: str, before: Any = MISSING, after: Any = MISSING) -> FieldChange:
    return FieldChange(path=tuple(path.split(".")), before=before, after=after)


OURS = {"owner": "vision", "protect": False}
REVIEWED = live({"id": "m", "metadata": {"reconciler": OURS}})
DELETION = deletion_of(REVIEWED.models[MODEL], MODEL, reason="it has no manifest")


@pytest.mark.parametrize(
    ("observed", "mark"),
    [
        (live({"id": "m", "metadata": {"reconciler": {**OURS, "protect": True}}}), {**OURS, "protect": True}),
        (live({"id": "m", "metadata": {"reconciler": {"owner": "sound"}}}), {"owner": "sound"}),
        (live({"id": "m"}), MISSING),
    ],
)
def test_a_model_that_was_adopted_or_protected_since_is_not_the_one_to_delete(observed: Observed, mark: Any) -> None:
    moved = Moved(key=MODEL, path="metadata.reconciler", planned=OURS, live=mark, wanted=MISSING)
    assert Gate(plan(DELETION)).staleness(LiveState(observed=observed)) == Staleness(moved=(moved,), done=frozenset())


@pytest.mark.parametrize("observed", [REVIEWED, NOBODY])
def test_a_model_as_it_was_reviewed_or_gone_already_has_not_moved(observed: Observed) -> None:
    assert Gate(plan(DELETION)).staleness(LiveState(observed=observed)) == Staleness(moved=(), done=frozenset())


def test_of_an_object_that_is_gone_every_planned_path_is_left() -> None:
    change = Change(key=MODEL, action="update", fields=(edit("name", "a", "b"), edit("notes", after="n")))
    assert remaining(plan(change), LiveState(observed=NOBODY)) == (
        (MODEL, edit("name", after="b")),
        (MODEL, edit("notes", after="n")),
    )


# A plan that was read from a file holds no secret: the one before is unknown, the one wanted is in its request.
UNKNOWN = Sensitive(None, "live")
SECRET = Change(key=VERSION, action="update", fields=(edit("output_info.params.token", UNKNOWN, UNKNOWN),))


def sending(**entry: Any) -> Request:
    return request("PatchModelVersions", "merge", {VERSION: entry})


LICENSE = sending(license="MIT")
TOKEN = sending(output_info={"params": {"token": Sensitive("new", "env:TOKEN")}})


def with_token(value: str) -> LiveState:
    return LiveState(observed=live({"id": "m"}, {"id": "v", "output_info": {"params": {"token": value}}}))


@pytest.mark.parametrize("requests", [(TOKEN,), (LICENSE, TOKEN)])
def test_a_secret_of_a_saved_plan_is_compared_with_what_its_request_sends(requests: tuple[Request, ...]) -> None:
    assert remaining(plan(SECRET, requests=requests), with_token("new")) == ()
    left = remaining(plan(SECRET, requests=requests), with_token("old"))
    assert left == ((VERSION, edit("output_info.params.token", Sensitive("old", "live"), UNKNOWN)),)


@pytest.mark.parametrize("requests", [(), (LICENSE,)])
def test_a_secret_that_no_request_sends_is_never_taken_for_done(requests: tuple[Request, ...]) -> None:
    assert [key for key, _ in remaining(plan(SECRET, requests=requests), with_token("new"))] == [VERSION]
    assert Gate(plan(SECRET, requests=requests)).staleness(with_token("new")).moved == ()
