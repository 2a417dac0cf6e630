"""Drifts at their edges: secrets that change inside, and statements that change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.diff import Comparison, FieldChange, compared, drift_between
from reconciler.compare.match import Match
from reconciler.errors import Origin
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.desired import DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets, Sensitive

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
            origin=Origin(path=""),
        ),
    )
    assert found.document == with_params(token=Sensitive({"a": 1, "b": 1}, "live"), depth=3)


def test_specs_that_are_alike_are_no_drift() -> None:
    spec = spec_from_document(Kind.MODEL_VERSION, with_params(depth=3))
    assert drift_between(VERSION, with_params(depth=3), spec, spec, secrets=TOKEN_IS_SECRET) is None


@pytest.mark.parametrize("path", [("metadata", "gone"), ("output_info", "params", "gone", "deeper"), ("image",)])
def test_the_removal_of_what_is_not_there_is_no_drift(path: tuple[str, ...]) -> None:
    entry = DesiredVersion(
        selector=Selector(version_id="v"),
        action=Action.MERGE,
        stated={},
        removals=(Removal(path=path, origin=HERE),),
        origin=HERE,
    )
    version = ObservedVersion(key=VERSION, document=with_params(depth=3))
    match = Match(
        desired=DesiredModel(key=MODEL, action=Action.MERGE, stated={}, versions=(entry,), origin=HERE),
        observed=ObservedModel(key=MODEL, document={"id": "m"}, latest=version),
        versions={VERSION: (entry,)},
    )
    assert compared([match], owner=None) == Comparison(drifts=())
