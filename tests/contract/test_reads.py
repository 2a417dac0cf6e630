"""What the reconciler relies on when it reads, held against the emulator and the real service alike."""

from __future__ import annotations

import pytest

from reconciler.config import Token
from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel
from tests.contract.conftest import Target

ABSENT = "reconciler-contract-no-such-model"


def own_models(target: Target) -> list[ObservedModel]:
    """The models of the app itself; a test that needs one is skipped where there is none."""
    found = [model for model in target.remote.list_models(target.scope) if model.key.scope == target.scope]
    if not found:
        pytest.skip(f"app {target.scope} has no models to read")
    return found


def test_a_listing_names_every_model_once_and_each_is_found_alone(target: Target) -> None:
    models = own_models(target)
    assert len({model.key for model in models}) == len(models)
    read = target.remote.get_model(models[0].key)
    assert read is not None
    assert (read.key, read.model_type_id) == (models[0].key, models[0].model_type_id)
    assert (read.latest and read.latest.key) == (models[0].latest and models[0].latest.key)


def test_a_model_has_what_manifests_speak_of(target: Target) -> None:
    for model in own_models(target)[:20]:
        assert model.document["id"] == model.key.model_id
        assert model.document.get("visibility", {}).get("gettable") in {"PRIVATE", "ORG", "PUBLIC", None}
        assert "model_version" not in model.document
        for tags in ("toolkits", "use_cases", "languages"):
            assert all(isinstance(tag, str) for tag in model.document.get(tags, []))


def test_versions_are_newest_first_and_hold_the_latest(target: Target) -> None:
    model = next((model for model in own_models(target) if model.latest is not None), None)
    if model is None or model.latest is None:
        pytest.skip(f"no model of app {target.scope} has a version")
    versions = list(target.remote.list_versions(model.key))
    assert model.latest.key in {version.key for version in versions}
    times = [version.created_at or () for version in versions]
    assert times == sorted(times, reverse=True)


def test_an_absent_model_is_none(target: Target) -> None:
    key = Key(user_id=target.scope.user_id, app_id=target.scope.app_id, model_id=ABSENT)
    assert target.remote.get_model(key) is None


def test_the_versions_of_an_absent_model_are_an_error_or_none_at_all(target: Target) -> None:
    key = Key(user_id=target.scope.user_id, app_id=target.scope.app_id, model_id=ABSENT)
    fault = None
    found = []
    try:
        found = list(target.remote.list_versions(key))
    except RemoteError as error:
        fault = error.fault
    assert (found, fault) in [([], None), ([], FaultClass.NOT_FOUND)]


def test_the_page_past_the_end_is_empty_and_no_error(target: Target) -> None:
    answer = target.caller.call("ListModels", {**target.app, "page": 1000, "per_page": 500})
    assert len(answer.message.models) == 0


def test_pages_join_to_the_whole_listing(target: Target) -> None:
    order = {"sort_by_created_at": True, "sort_ascending": True}
    first, second = (
        target.caller.call("ListModels", {**target.app, **order, "page": page, "per_page": 2}).message.models
        for page in (1, 2)
    )
    pages = [(model.user_id, model.app_id, model.id) for model in (*first, *second)]
    assert len(set(pages)) == len(pages)


def test_types_workflows_and_search_answer(target: Target) -> None:
    assert all(item["id"] for item in target.remote.list_model_types(target.scope))
    assert all(item["id"] for item in target.remote.list_workflows(target.scope.user_id))
    model_id = own_models(target)[0].key.model_id
    found = target.remote.search_models(target.scope, name=f"{model_id[:3]}*", model_type_id="")
    assert all(isinstance(model.key.model_id, str) for model in found)


def test_output_info_can_be_asked_for(target: Target) -> None:
    model = next((model for model in own_models(target) if model.latest is not None), None)
    if model is None:
        pytest.skip(f"no model of app {target.scope} has a version")
    assert target.remote.get_output_info(model.key)["id"] == model.key.model_id


def test_a_wrong_token_is_a_fatal_error_that_says_so(target: Target) -> None:
    with (
        ClarifaiRemote(target.endpoint, token=Token("0" * 32)) as remote,
        pytest.raises(RemoteError) as raised,
    ):
        list(remote.list_models(target.scope))
    assert raised.value.fault is FaultClass.FATAL
    assert "0" * 32 not in str(raised.value)


def test_request_ids_begin_with_our_prefix(target: Target) -> None:
    answer = target.caller.call("ListModels", {**target.app, "page": 1, "per_page": 1})
    assert answer.message.status.req_id.startswith("reconciler-")
