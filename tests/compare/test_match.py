"""When the latest version, as a listing shows it, is not enough for a manifest's entries."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.match import needs_all_versions
from reconciler.errors import Origin
from reconciler.resources.desired import DesiredModel, DesiredVersion, Removal, Selector
from reconciler.resources.fields import MODEL_TRAINED, Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion

HERE = Origin(path="m.yaml")
MODEL = Key(user_id="me", app_id="pets", model_id="m")
PARAMS = {"output_info": {"params": {"a": 1}}}


def entry(*, stated: dict[str, Any] | None = None, removed: tuple[str, ...] | None = None, **by: Any) -> DesiredVersion:
    removals = () if removed is None else (Removal(path=removed, origin=HERE),)
    return DesiredVersion(
        selector=Selector(**by), action=Action.MERGE, stated=stated or {}, removals=removals, origins={(): HERE}
    )


def listed(status: int = MODEL_TRAINED, **document: Any) -> ObservedModel:
    latest = ObservedVersion(key=MODEL.version("v2"), document={"id": "v2", **document}, status_code=status)
    return ObservedModel(key=MODEL, document={}, latest=latest, versions=(latest,))


SHOWN = listed(output_info={})
TRAINING = listed(21101, output_info={})
NO_VERSIONS = ObservedModel(key=MODEL, document={})


@pytest.mark.parametrize(
    ("live", "entries", "expected"),
    [
        (SHOWN, [], False),
        (SHOWN, [entry(select="latest", stated=PARAMS)], False),
        (SHOWN, [entry(select="latest-trained")], False),
        (SHOWN, [entry(version_id="v2", stated=PARAMS)], False),
        (SHOWN, [entry(version_id="v1")], True),
        (SHOWN, [entry(select="latest"), entry(select="all")], True),
        (TRAINING, [entry(select="latest-trained")], True),
        (TRAINING, [entry(select="latest")], False),
        (listed(), [entry(select="latest", stated={"license": "MIT"})], False),
        (listed(), [entry(select="latest", stated=PARAMS)], True),
        (listed(), [entry(select="latest", removed=("output_info", "params", "a"))], True),
        (listed(), [entry(select="latest", removed=("metadata", "a"))], False),
        (NO_VERSIONS, [entry(version_id="v1"), entry(select="latest-trained")], False),
    ],
)
def test_all_versions_are_needed_where_another_is_meant_or_params_are_not_shown(
    live: ObservedModel, entries: list[DesiredVersion], *, expected: bool
) -> None:
    desired = DesiredModel(key=MODEL, action=Action.MERGE, stated={}, versions=tuple(entries), origin=HERE)
    assert needs_all_versions(desired, live) is expected


def test_where_all_versions_were_read_nothing_more_is_needed() -> None:
    complete = ObservedModel(key=MODEL, document={}, versions_complete=True)
    desired = DesiredModel(
        key=MODEL, action=Action.MERGE, stated={}, versions=(entry(select="all"), entry(version_id="v1")), origin=HERE
    )
    assert needs_all_versions(desired, complete) is False
