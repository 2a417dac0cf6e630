"""A plan beside the live side: what moved since it was made, what of it took. Edges that need no service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pytest

from reconciler.apply.gate import Gate, LiveState, Staleness
from reconciler.apply.results import Moved
from reconciler.apply.verify import Shown, remaining
from reconciler.compare.results import FieldChange
from reconciler.plan.deletion import deletion_of
from reconciler.plan.plan import Change, Plan, Source
from reconciler.remote.port import Reply
from reconciler.resources.desired import Statement
from reconciler.resources.fields import MODEL_TRAINED, Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.request import Request
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING
from tests.request_values import request

MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
NEW = MODEL.version("new")
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
    moved = Moved(key=MODEL, path="metadata.reconciler", planned=OURS, live=mark, desired=MISSING)
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


def test_of_a_version_that_was_to_be_deleted_its_model_must_still_be_there() -> None:
    deletion = deletion_of(live({"id": "m"}, {"id": "v"}).models[MODEL], VERSION, reason="it is beyond retain_versions")
    assert remaining(plan(deletion), LiveState(observed=live({"id": "m"}))) == ()
    assert remaining(plan(deletion), LiveState(observed=live({"id": "m"}, {"id": "v"}))) == ((VERSION, None),)
    assert remaining(plan(deletion), LiveState(observed=NOBODY)) == ((MODEL, edit("id", after="m")),)


@pytest.mark.parametrize("name", ["update", "delete"])
@pytest.mark.parametrize(
    ("mark", "owner", "left"),
    [
        ({"owner": "vision"}, "vision", None),
        ({"owner": "sound"}, "vision", ("sound", "vision")),
        (None, "vision", (MISSING, "vision")),
        (None, None, None),
        ({"owner": "sound"}, None, ("sound", MISSING)),
    ],
)
def test_a_model_that_another_owner_has_taken_meanwhile_is_left(
    name: str, mark: dict[str, Any] | None, owner: str | None, left: tuple[Any, Any] | None
) -> None:
    document = {"id": "m", "metadata": {"reconciler": mark}} if mark else {"id": "m"}
    if name == "update":
        change = Change(key=VERSION, action="update", fields=(edit("license", after="MIT"),))
        observed = live(document, {"id": "v", "license": "MIT"})
    else:
        change = deletion_of(live(document, {"id": "v"}).models[MODEL], VERSION, reason="it is beyond retain_versions")
        observed = live(document)
    expected = () if left is None else ((MODEL, edit("metadata.reconciler.owner", *left)),)
    assert remaining(replace(plan(change), owner=owner), LiveState(observed=observed)) == expected


def stating(select: Literal["latest", "latest-trained", "all"] | None, **stated: Any) -> Change:
    statement = Statement(action=Action.MERGE, stated=stated, select=select)
    return Change(key=VERSION, action="update", fields=(edit("license", after="MIT"),), statements=(statement,))


@pytest.mark.parametrize(
    ("select", "status", "is_meant"),
    [
        ("latest", 0, True),
        ("all", 0, True),
        ("latest-trained", 0, False),
        ("latest-trained", MODEL_TRAINED, True),
        (None, MODEL_TRAINED, False),
    ],
)
def test_a_version_that_was_made_meanwhile_must_be_as_the_statements_say_that_mean_it_now(
    select: Literal["latest", "latest-trained", "all"] | None, status: int, *, is_meant: bool
) -> None:
    def found(**document: Any) -> Any:
        new = ObservedVersion(key=NEW, document={"id": "new", **document}, status_code=status)
        old = ObservedVersion(key=VERSION, document={"id": "v", "license": "MIT"}, status_code=MODEL_TRAINED)
        model = ObservedModel(key=MODEL, document={"id": "m"}, latest=new, versions=(new, old))
        observed = Observed(models={MODEL: model})
        return remaining(plan(stating(select, license="MIT")), LiveState(observed=observed))

    assert found(license="MIT") == ()
    assert found() == (((NEW, edit("license", after="MIT")),) if is_meant else ())


@pytest.mark.parametrize(("value", "is_there"), [(0.95, True), (0.949999988079071, True), (0.94, False)])
def test_a_number_that_the_service_has_rounded_within_its_tolerance_is_there(value: float, *, is_there: bool) -> None:
    params = {"output_info": {"params": {"min_value": 0.95}}}
    change = Change(
        key=VERSION,
        action="update",
        fields=(replace(edit("output_info.params.min_value", 0.5, 0.95), tolerance=1e-7),),
        statements=(Statement(action=Action.MERGE, stated=params),),
    )
    observed = live({"id": "m"}, {"id": "v", "output_info": {"params": {"min_value": value}}})
    expected = () if is_there else ((VERSION, edit("output_info.params.min_value", value, 0.95)),)
    assert remaining(plan(change), LiveState(observed=observed)) == expected


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


# --- what answers show: the whole object, until the next answer about it ---------------------------------------------

CATS = Key(user_id="me", app_id="pets", model_id="cats")
DOGS = Key(user_id="me", app_id="pets", model_id="dogs")
OLD = CATS.version("old")


def answered(shown: Shown, keys: tuple[Key, ...], *documents: Mapping[str, Any]) -> None:
    sent = request("PatchModels", "merge", {key: {} for key in keys})
    shown.add(sent, Reply(request_id="", attempts=1, documents=documents))


def test_whole_objects_are_kept_by_key_and_echoes_are_not() -> None:
    shown = Shown()
    whole = {"id": "cats", "name": "Cats", "created_at": "2026-01-01T00:00:00Z"}
    answered(shown, (CATS, DOGS), whole, {"id": "dogs", "name": "Dogs"})
    assert shown.documents == {CATS: whole}


def test_a_later_answer_without_the_object_makes_the_earlier_one_out_of_date() -> None:
    shown = Shown()
    answered(shown, (CATS,), {"id": "cats", "created_at": "x"})
    answered(shown, (CATS,))
    assert shown.documents == {}


def test_versions_are_shown_beside_the_models_that_were_read() -> None:
    shown = Shown()
    answered(shown, (OLD,), {"id": "old", "created_at": "x"})
    answered(shown, (DOGS,), {"id": "dogs", "created_at": "x"})
    model = ObservedModel(key=CATS, document={"id": "cats"})
    observed = shown.with_versions_of(Observed(models={CATS: model}))
    assert list(observed.models) == [CATS]
    assert observed.models[CATS].document == {"id": "cats"}
    assert list(observed.models[CATS].versions_by_id) == ["old"]
