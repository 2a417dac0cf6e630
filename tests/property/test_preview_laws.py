"""Laws of previewed predictions, on an emulator that takes the params of a call in either of two ways.

- What an override predicts is what the version predicts once its params are written.
- Where a change is said not to matter, the override predicts what the version predicted before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.config.endpoint import parse_endpoint
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.plan.overrides import could_matter
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.resources.keys import Key
from reconciler.resources.prediction import Prediction, Sample
from tests.plan.test_overrides import planned

NAMES = ("ant", "bee", "cat", "dog", "elk")
KEY = Key("demo", "pets", "zoo", "a" * 32)
SAMPLES = tuple(Sample(id=text, text=text) for text in ("one", "two", "three"))
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "min_value": st.integers(0, 100).map(lambda percent: percent / 100),
        "max_concepts": st.integers(0, 6),
        "select_concepts": st.lists(st.sampled_from(NAMES), unique=True).map(
            lambda ids: [{"id": each} for each in ids]
        ),
    },
)


@pytest.fixture(scope="module", params=["merged", "replaced"])
def zoo(request: pytest.FixtureRequest) -> Iterator[tuple[Emulator, ClarifaiRemote]]:
    """An emulator and a connection to it."""
    with (
        Emulator(seed={"apps": []}, switches=Switches(predict_params=request.param)) as emulator,
        ClarifaiRemote(parse_endpoint(emulator.url), timing=Timing(rate=10_000)) as remote,
    ):
        yield emulator, remote


def live(emulator: Emulator, params: dict[str, Any]) -> None:
    """Give the one version these params."""
    concepts = [{"id": name, "name": name} for name in NAMES]
    version = {"id": KEY.version_id, "output_info": {"params": params, "data": {"concepts": concepts}}}
    model = {"id": KEY.model_id, "model_type_id": "embedding-classifier", "versions": [version]}
    emulator.load({"apps": [{"user_id": "demo", "app_id": "pets", "models": [model]}]})


@given(before=PARAMS, after=PARAMS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_override_predicts_what_the_written_params_predict(
    zoo: tuple[Emulator, ClarifaiRemote], before: dict[str, Any], after: dict[str, Any]
) -> None:
    emulator, remote = zoo
    after = {**before, **after}
    if after == before:
        return
    found = planned(before, after)
    live(emulator, before)
    plain = remote.predict(KEY, SAMPLES)
    previewed = remote.predict(KEY, SAMPLES, override=found.override)
    live(emulator, after)

    assert previewed == remote.predict(KEY, SAMPLES)
    for one, other in zip(plain, previewed, strict=True):
        assert isinstance(one, Prediction)
        assert could_matter(found, one) or one == other
