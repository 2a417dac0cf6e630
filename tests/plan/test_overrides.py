"""What an override says of planned params, and whether a change can show in predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from reconciler.compare.match import Match
from reconciler.compare.results import Drift, FieldChange
from reconciler.errors import Origin
from reconciler.plan.overrides import PlannedOverride, could_matter, planned_overrides
from reconciler.resources.desired import DesiredModel, Statement
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel
from reconciler.resources.prediction import Override, Prediction, ScoredConcept
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING

KEY = Key("demo", "pets", "petsID", "v1")
SECRET = Sensitive("sk-planted", "manifest")


def type_with_range(most: float) -> Mapping[str, Any]:
    bounds = {"min": 0, "max": most, "step": 0.01}
    field = {"path": "output_info.params.min_value", "field_type": "RANGE", "model_type_range_info": bounds}
    return {"id": "classifier", "model_type_fields": [field]}


def planned(before: Mapping[str, Any], after: Mapping[str, Any], *, stated: Sequence[str] = (), most: float = 1) -> Any:
    """The override of a version whose params go from `before` to `after`; `stated` are params of its manifest."""
    changes = tuple(
        FieldChange(
            path=("output_info", "params", name), before=before.get(name, MISSING), after=after.get(name, MISSING)
        )
        for name in sorted({*before, *after})
        if before.get(name, MISSING) != after.get(name, MISSING)
    )
    names = stated or [change.path[-1] for change in changes if change.after is not MISSING]
    drift = Drift(
        key=KEY,
        document={},
        before={"output_info": {"params": before}},
        after={"output_info": {"params": after}},
        changes=changes,
        origin=Origin("a.yaml"),
        statements=(
            Statement(
                action=Action.MERGE, stated={"output_info": {"params": {name: after.get(name) for name in names}}}
            ),
        ),
    )
    match = Match(
        desired=DesiredModel(key=KEY.model(), action=Action.MERGE, stated={}, origin=Origin("a.yaml")),
        observed=ObservedModel(key=KEY.model(), document={}, model_type_id="classifier", latest=None, versions=()),
        versions={},
    )
    (found,) = planned_overrides([drift], [match], {"classifier": type_with_range(most)})
    return found


@pytest.mark.parametrize(
    ("before", "after", "most", "override"),
    [
        (
            {"min_value": 0.5, "max_concepts": 20},
            {"min_value": 0.95, "max_concepts": 20},
            1,
            Override(
                params={"min_value": 0.95, "max_concepts": 20},
                output_config={"min_value": 0.95, "max_concepts": 20},
            ),
        ),
        ({"min_value": 0.5}, {"min_value": 0}, 1, Override(params={"min_value": 0})),
        ({"min_value": 50}, {"min_value": 0.5}, 100, Override(params={"min_value": 0.5})),
        ({"min_value": 50}, {"min_value": 95}, 100, Override(params={"min_value": 95})),
        ({}, {"max_concepts": 0}, 1, Override(params={"max_concepts": 0})),
        (
            {},
            {"select_concepts": [{"id": "cat", "value": 1}, "dog", {"name": "cow"}, {}]},
            1,
            Override(
                params={"select_concepts": [{"id": "cat", "value": 1}, "dog", {"name": "cow"}, {}]},
                output_config={"select_concepts": [{"id": "cat"}, {"id": "dog"}, {"name": "cow"}]},
            ),
        ),
        ({"temperature": 1}, {"temperature": 0.3}, 1, Override(params={"temperature": 0.3})),
        ({"min_value": 0.5}, {"min_value": True}, 1, Override(params={"min_value": True})),
    ],
)
def test_an_override_has_every_planned_param(
    before: Mapping[str, Any], after: Mapping[str, Any], most: float, override: Override
) -> None:
    found = planned(before, after, most=most)

    assert (found.override, found.reason) == (override, "")


@pytest.mark.parametrize(
    ("before", "after", "stated"),
    [
        ({"min_value": 0.5, "top_k": 3}, {"min_value": 0.95}, ()),
        ({"min_value": 0.5}, {"min_value": 0.95, "api_key": SECRET}, ()),
        ({"min_value": 0.5, "api_key": SECRET}, {"min_value": 0.95, "api_key": SECRET}, ("min_value", "api_key")),
        ({"api_key": SECRET}, {}, ()),
    ],
)
def test_what_an_override_can_not_say_has_a_reason(
    before: Mapping[str, Any], after: Mapping[str, Any], stated: Sequence[str]
) -> None:
    found = planned(before, after, stated=stated)

    assert found.override is None
    assert found.reason


def test_a_secret_that_the_manifest_does_not_state_is_left_out() -> None:
    found = planned({"min_value": 0.5, "api_key": SECRET}, {"min_value": 0.95, "api_key": SECRET})

    assert found.override == Override(params={"min_value": 0.95}, output_config={"min_value": 0.95})
    assert found.left_out == ("api_key",)


def prediction(**values: float) -> Prediction:
    return Prediction(concepts=tuple(ScoredConcept(name, value) for name, value in values.items()))


TWO = prediction(dog=0.9, cat=0.6)


@pytest.mark.parametrize(
    ("before", "after", "seen", "matters"),
    [
        ({"min_value": 0.5}, {"min_value": 0.7}, TWO, True),
        ({"min_value": 0.5}, {"min_value": 0.6}, TWO, False),
        ({"min_value": 0.5}, {"min_value": 0.1}, TWO, True),
        ({"min_value": 0.5, "max_concepts": 2}, {"min_value": 0.1, "max_concepts": 2}, TWO, False),
        ({}, {"min_value": 0.7}, TWO, True),
        ({"max_concepts": 5}, {"max_concepts": 1}, TWO, True),
        ({"max_concepts": 5}, {"max_concepts": 2}, TWO, False),
        ({"max_concepts": 2}, {"max_concepts": 5}, TWO, True),
        ({"max_concepts": 3}, {"max_concepts": 5}, TWO, False),
        ({"max_concepts": 1}, {"max_concepts": 0}, prediction(dog=0.9), True),
        ({}, {"select_concepts": [{"id": "dog"}]}, TWO, True),
        ({}, {"select_concepts": [{"id": "dog"}, {"id": "cat"}]}, TWO, False),
        ({"select_concepts": [{"id": "dog"}]}, {"select_concepts": []}, prediction(dog=0.9), True),
        ({"select_concepts": ["dog", "cat"]}, {"select_concepts": ["dog"]}, prediction(dog=0.9), False),
        ({"temperature": 1}, {"temperature": 0.3}, TWO, True),
        ({"min_value": 0.5, "temperature": 1}, {"min_value": 0.6, "temperature": 0.3}, TWO, True),
    ],
)
def test_a_change_matters_where_it_could_give_another_prediction(
    before: Mapping[str, Any], after: Mapping[str, Any], seen: Prediction, matters: bool
) -> None:
    assert could_matter(planned(before, after), seen) is matters


@pytest.mark.parametrize(("after", "matters"), [(95, True), (60, False), (61, True)])
def test_a_threshold_in_percent_is_compared_as_one(after: float, matters: bool) -> None:
    found: PlannedOverride = planned({"min_value": 50}, {"min_value": after}, most=100)

    assert could_matter(found, TWO) is matters
