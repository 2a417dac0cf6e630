"""Drifts at their edges: secrets that change inside, and statements that change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.diff import compared, drift_between
from reconciler.compare.match import Match
from reconciler.compare.results import Comparison, FieldChange
from reconciler.errors import Origin
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.desired import DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets, Sensitive
from reconciler.resources.tree import FieldPath, path_text

HERE = Origin(path="m.yaml")
MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
TOKEN_IS_SECRET = Secrets(params_of=lambda key: frozenset({"token"}))


def with_params(**params: Any) -> dict[str, Any]:
    return {"id": "v", "output_info": {"params": params}}


def test_a_secret_changes_as_one_value_however_much_changes_inside() -> None:
    live, wanted = with_params(token={"a": 1, "b": 1}, depth=3), with_params(token={"a": 2, "c": 1}, depth=3)
    before, after = (spec_from_document(Kind.MODEL_VERSION, document) for document in (live, wanted))
    found = drift_between(VERSION, live, before, after, secrets=TOKEN_IS_SECRET)
    assert found is not None
    assert found.changes == (
        FieldChange(
            path=("output_info", "params", "token"),
            before=Sensitive({"a": 1, "b": 1}, "live"),
            after=Sensitive({"a": 2, "c": 1}, "manifest"),
        ),
    )
    assert found.document == with_params(token=Sensitive({"a": 1, "b": 1}, "live"), depth=3)


def test_specs_that_are_alike_are_no_drift() -> None:
    spec = spec_from_document(Kind.MODEL_VERSION, with_params(depth=3))
    assert drift_between(VERSION, with_params(depth=3), spec, spec, secrets=TOKEN_IS_SECRET) is None


def test_values_that_cannot_be_read_back_are_in_the_order_of_their_names() -> None:
    names = frozenset(f"key_{letter}" for letter in "abcdefgh")
    before, after = (spec_from_document(Kind.MODEL_VERSION, with_params(depth=depth)) for depth in (3, 4))
    found = drift_between(VERSION, with_params(depth=3), before, after, secrets=Secrets(params_of=lambda key: names))
    assert found is not None
    assert list(found.unreadable) == [("output_info", "params", name) for name in sorted(names)]


@pytest.mark.parametrize("path", [("metadata", "gone"), ("output_info", "params", "gone", "deeper"), ("image",)])
def test_the_removal_of_what_is_not_there_is_no_drift(path: tuple[str, ...]) -> None:
    entry = DesiredVersion(
        selector=Selector(version_id="v"),
        action=Action.MERGE,
        stated={},
        removals=(Removal(path=path, origin=HERE),),
        origins={(): HERE},
    )
    version = ObservedVersion(key=VERSION, document=with_params(depth=3))
    match = Match(
        desired=DesiredModel(key=MODEL, action=Action.MERGE, stated={}, versions=(entry,), origin=HERE),
        observed=ObservedModel(key=MODEL, document={"id": "m"}, latest=version),
        versions={VERSION: (entry,)},
    )
    assert compared([match], owner=None) == Comparison(drifts=())


def at(line: int, path: str = "m.yaml") -> Origin:
    return Origin(path=path, line=line)


def model_places(stated: dict[str, Any], places: dict[FieldPath, Origin], **more: Any) -> dict[str, Origin | None]:
    """Where each change of a model stands, and under "" where the drift does."""
    desired = DesiredModel(key=MODEL, action=Action.MERGE, stated=stated, origins=places, origin=HERE, **more)
    live = ObservedModel(key=MODEL, document={"id": "m", "metadata": {"gone": 1, "kept": 2}, "toolkits": ["A", "B"]})
    (drift,) = compared([Match(desired=desired, observed=live, versions={})], owner="team").drifts
    return {"": drift.origin, **{path_text(change.path): change.origin for change in drift.changes}}


def test_a_change_stands_where_its_value_is_stated_and_the_drift_at_the_first_of_them() -> None:
    places = {("name",): at(9), ("metadata",): at(4), ("metadata", "deep"): at(5), ("metadata", "deep", "x"): at(6)}
    assert model_places({"name": "n", "metadata": {"deep": {"x": 1}}}, places) == {
        "": at(5),
        "metadata.deep": at(5),
        "metadata.reconciler": HERE,
        "name": at(9),
    }


def test_a_removal_stands_where_it_is_written_unless_the_list_is_stated_too() -> None:
    removals = (
        Removal(path=("metadata", "gone"), origin=at(20)),
        Removal(path=("toolkits",), item="A", origin=at(21)),
    )
    assert model_places({}, {}, removals=removals) == {
        "": at(20),
        "metadata.gone": at(20),
        "metadata.reconciler": HERE,
        "toolkits": at(21),
    }
    stated = model_places({"toolkits": ["C"]}, {("toolkits",): at(7)}, removals=removals)
    assert stated["toolkits"] == at(7)


def test_a_value_may_be_stated_in_another_file_than_the_rest() -> None:
    places: dict[FieldPath, Origin] = {("name",): at(3), ("description",): at(8, "defaults.yaml")}
    found = model_places({"name": "n", "description": "d"}, places)
    assert (found["description"], found["name"]) == (at(8, "defaults.yaml"), at(3))


def test_where_only_the_owner_mark_changes_the_drift_stands_where_the_manifest_does() -> None:
    assert model_places({"metadata": {"kept": 2}}, {("metadata",): at(4)}) == {"": HERE, "metadata.reconciler": HERE}
