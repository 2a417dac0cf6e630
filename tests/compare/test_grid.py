"""Numbers on the grid of a range: which live value is the stated one, and how far one that is read back may be from what was sent."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.match import Match
from reconciler.compare.params.grid import settled, tolerances
from reconciler.errors import Origin
from reconciler.resources.desired import DesiredModel, DesiredVersion, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.tree import FieldPath

HERE = Origin(path="m.yaml")
MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
SINGLE = 0.949999988079071  # 0.95 as a float32


def param(name: str, **info: float) -> dict[str, Any]:
    return {"path": f"output_info.params.{name}", "field_type": "RANGE", "model_type_range_info": info}


TYPE = {
    "id": "classifier",
    "model_type_fields": [param("min_value", min=0.0, max=1.0, step=0.01), param("depth", max=9.0)],
}
TYPES = {"classifier": TYPE}


def match(live: Any, *stated: dict[str, Any]) -> Match:
    entries = tuple(
        DesiredVersion(
            selector=Selector(version_id="v"),
            action=Action.MERGE,
            stated={"license": "MIT", "output_info": {"params": params}},
            origins={(): HERE},
        )
        for params in stated
    )
    version = ObservedVersion(key=VERSION, document={"id": "v", "output_info": {"params": live}})
    observed = ObservedModel(
        key=MODEL, document={"id": "m"}, model_type_id="classifier", latest=version, versions=(version,)
    )
    desired = DesiredModel(key=MODEL, action=Action.MERGE, stated={}, versions=entries, origin=HERE)
    return Match(desired=desired, observed=observed, versions={VERSION: entries})


def meant(live: Any, *stated: dict[str, Any]) -> list[dict[str, Any]]:
    """The stated params of each entry, after the live numbers were looked at."""
    (found,) = settled([match(live, *stated)], TYPES)
    assert all(entry.stated["license"] == "MIT" for entry in found.versions[VERSION])
    return [dict(entry.stated["output_info"]["params"]) for entry in found.versions[VERSION]]


@pytest.mark.parametrize(
    ("live", "stated", "found"),
    [
        # Within the tolerance, the live number is the stated one.
        ({"min_value": SINGLE}, {"min_value": 0.95}, {"min_value": SINGLE}),
        ({"min_value": SINGLE, "depth": 3}, {"min_value": 0.95, "depth": 4}, {"min_value": SINGLE, "depth": 4}),
        # Another point of the grid, and a number that is nearer than a step without being that point.
        ({"min_value": 0.9}, {"min_value": 0.95}, {"min_value": 0.95}),
        ({"min_value": 0.949}, {"min_value": 0.95}, {"min_value": 0.95}),
        # Without a grid, numbers are compared exactly.
        ({"depth": 3.0000001}, {"depth": 3}, {"depth": 3}),
        ({"min_value": "high"}, {"min_value": 0.95}, {"min_value": 0.95}),
        ({}, {"min_value": 0.95}, {"min_value": 0.95}),
        (None, {"min_value": 0.95}, {"min_value": 0.95}),
    ],
)
def test_a_live_number_within_the_tolerance_of_its_grid_is_the_stated_one(
    live: Any, stated: dict[str, Any], found: dict[str, Any]
) -> None:
    assert meant(live, stated) == [found]


def test_each_entry_for_a_version_is_settled_and_what_is_in_sync_stays_the_same_object() -> None:
    assert meant({"min_value": SINGLE}, {"min_value": 0.95}, {"depth": 4}) == [{"min_value": SINGLE}, {"depth": 4}]
    for unchanged in (match({"min_value": 0.95}, {"min_value": 0.95}), match({"min_value": 0.5}, {"min_value": 0.95})):
        (found,) = settled([unchanged], TYPES)
        assert found is unchanged
    (found,) = settled([match({"min_value": SINGLE}, {"min_value": 0.95})], {})
    assert found.versions[VERSION][0].stated["output_info"] == {"params": {"min_value": 0.95}}, "without types"


def tolerated(after: dict[str, Any], *paths: str, key: Key = VERSION) -> dict[FieldPath, float]:
    document = {"id": "v", "output_info": {"params": {"min_value": 0.5}}}
    return tolerances(key, document, after, [tuple(path.split(".")) for path in paths], model_type_of=lambda _: TYPE)


def test_only_a_number_that_is_sent_to_a_point_of_a_grid_has_a_tolerance() -> None:
    place = "output_info.params.min_value"
    found = tolerated({"output_info": {"params": {"min_value": 0.95, "depth": 4}}}, place, "output_info.params.depth")
    assert list(found) == [("output_info", "params", "min_value")]
    assert 0 < abs(SINGLE - 0.95) <= found["output_info", "params", "min_value"] < 0.0001
    assert tolerated({"output_info": {"params": {"min_value": 0.955}}}, place) == {}, "it isn't on the grid"
    assert tolerated({"output_info": {"params": {}}}, place) == {}, "it is removed"
    assert tolerated({}, place) == {}, "all params are removed"
    assert tolerated({"output_info": {"params": {"min_value": 0.95}}}, "license") == {}
    assert tolerated({"output_info": {"params": {"min_value": 0.95}}}, "output_info.params") == {}
    assert tolerated({"output_info": {"params": {"min_value": 0.95}}}, place, key=MODEL) == {}
