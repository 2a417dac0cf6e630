"""Questions that Clarifai's documentation leaves open, as probes: each asserts that the answer is one that is known here.

Plans are right under every one of these answers; another answer would be news, and fails here. On the emulator each probe
also has to distinguish the positions of its switch. Probes that write do so to one model that is worth nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest

from reconciler.emulator.switches import Switches
from reconciler.errors import FaultClass, RemoteError
from reconciler.resources.keys import Key
from tests.contract.conftest import EMULATOR, LIVE, Target

Tell = Callable[[str, str], None]


def on_both(*positions: tuple[Switches, str]) -> pytest.MarkDecorator:
    """Run a probe on the real service, where any answer will do, and on the emulator in each position of a switch."""
    cases = [
        pytest.param(*EMULATOR.values, switches, answer, id=f"emulator-{answer}") for switches, answer in positions
    ]
    names = [
        spec.name for spec in fields(Switches) if len({getattr(switches, spec.name) for switches, _ in positions}) > 1
    ]
    texts = {answer: " ".join(_switch(switches, name) for name in names) for switches, answer in positions}
    marks = [*LIVE.marks, pytest.mark.answers(texts)]
    live = pytest.param(*LIVE.values, Switches(), None, id="live", marks=marks)
    return pytest.mark.parametrize(("target", "switches", "expected"), [*cases, live], indirect=["target", "switches"])


def _switch(switches: Switches, name: str) -> str:
    """One switch as the command line has it."""
    value = getattr(switches, name)
    return f"--switch {name}={str(value).lower() if isinstance(value, bool) else value}"


@pytest.fixture
def switches(request: pytest.FixtureRequest) -> Switches:
    """The position that a probe was given."""
    given = getattr(request, "param", None)
    return given if isinstance(given, Switches) else Switches()


def patch_model(target: Target, key: Key, action: str, **fields: Any) -> None:
    body = {**target.app, "models": [{"id": key.model_id, **fields}], "action": action}
    target.caller.call("PatchModels", body)


def patch_params(target: Target, key: Key, action: str, params: dict[str, Any]) -> None:
    version = {"id": key.version_id, "output_info": {"params": params}}
    body = {**target.app, "model_id": key.model_id, "model_versions": [version], "action": action}
    target.caller.call("PatchModelVersions", body)


def model_document(target: Target, key: Key) -> dict[str, Any]:
    found = target.remote.get_model(key)
    assert found is not None
    return dict(found.document)


def latest(target: Target, key: Key) -> Key:
    found = target.remote.get_model(key)
    if found is None or found.latest is None:
        pytest.skip(f"model {key.address} has no version to patch")
    return found.latest.key


def params_of(target: Target, key: Key) -> dict[str, Any]:
    versions = {version.key: version for version in target.remote.list_versions(key)}
    return dict(versions[key].document.get("output_info", {}).get("params", {}))


@contextlib.contextmanager
def restored_metadata(target: Target, key: Key) -> Iterator[None]:
    before = model_document(target, key).get("metadata", {})
    try:
        yield
    finally:
        patch_model(target, key, "overwrite", metadata=before)


def code_of(attempt: Callable[[], object]) -> str:
    """The status that a call ends with."""
    try:
        attempt()
    except RemoteError as error:
        failure = error
    else:
        return "10000 SUCCESS"
    assert failure.fault is not FaultClass.TRANSIENT
    return failure.code


@on_both((Switches(overwrite_struct="whole"), "whole"), (Switches(overwrite_struct="by_key"), "by_key"))
def test_does_overwrite_replace_params_whole(
    target: Target, scratch: Key, expected: str | None, found_out: Tell
) -> None:
    key = latest(target, scratch)
    before = params_of(target, key)
    try:
        patch_params(target, key, "overwrite", {**before, "max_concepts": 7, "min_value": 0.25})
        patch_params(target, key, "overwrite", {"max_concepts": 8})
        after = params_of(target, key)
    finally:
        patch_params(target, key, "overwrite", before or {"max_concepts": 20})
    answer = "by_key" if after == {**before, "max_concepts": 8, "min_value": 0.25} else "whole"
    assert after["max_concepts"] == 8
    assert answer == "by_key" or "min_value" not in after or after["min_value"] != 0.25
    assert expected in {None, answer}
    found_out("overwrite of output_info.params", answer)


@on_both((Switches(overwrite_struct="whole"), "whole"), (Switches(overwrite_struct="by_key"), "by_key"))
def test_does_overwrite_replace_metadata_whole(
    target: Target, scratch: Key, expected: str | None, found_out: Tell
) -> None:
    with restored_metadata(target, scratch):
        patch_model(target, scratch, "overwrite", metadata={"probe": {"a": 1}, "other": 1})
        patch_model(target, scratch, "overwrite", metadata={"probe": {"b": 2}})
        after = model_document(target, scratch)["metadata"]
    readings = {"whole": {"probe": {"b": 2}}, "by_key": {**after, "probe": {"b": 2}, "other": 1}}
    answer = next((name for name, reading in readings.items() if after == reading), "by_key_deep")
    assert answer != "by_key_deep" or after["probe"] == {"a": 1, "b": 2}
    assert expected in {None, answer}
    found_out("overwrite of metadata", answer)


def test_merge_of_metadata_is_by_key_and_deep(target: Target, scratch: Key) -> None:
    with restored_metadata(target, scratch):
        patch_model(target, scratch, "overwrite", metadata={"probe": {"a": 1}, "other": 1})
        patch_model(target, scratch, "merge", metadata={"probe": {"b": 2}})
        after = model_document(target, scratch)["metadata"]
    assert (after["probe"], after["other"]) == ({"a": 1, "b": 2}, 1)


@on_both(
    (Switches(merge_tags="append_missing"), "append_missing"),
    (Switches(merge_tags="append"), "append"),
    (Switches(merge_tags="replace"), "replace"),
)
def test_what_does_merge_do_to_tags(target: Target, scratch: Key, expected: str | None, found_out: Tell) -> None:
    before = model_document(target, scratch).get("toolkits", [])
    overwrite = {**target.app, "model_id": scratch.model_id, "action": "overwrite"}
    try:
        target.caller.call("PatchModelToolkits", {**overwrite, "toolkits": ["OpenAI", "HuggingFace"]})
        patch_model(target, scratch, "merge", toolkits=["HuggingFace", "Clarifai"])
        after = sorted(model_document(target, scratch)["toolkits"])
    finally:
        target.caller.call("PatchModelToolkits", {**overwrite, "toolkits": before})
    readings = {
        "append_missing": ["Clarifai", "HuggingFace", "OpenAI"],
        "append": ["Clarifai", "HuggingFace", "HuggingFace", "OpenAI"],
        "replace": ["Clarifai", "HuggingFace"],
    }
    answer = next((name for name, reading in readings.items() if after == reading), f"unknown: {after}")
    assert answer in readings
    assert expected in {None, answer}
    found_out("merge of toolkits", answer)


def test_the_tag_call_empties_a_list(target: Target, scratch: Key) -> None:
    before = model_document(target, scratch).get("toolkits", [])
    overwrite = {**target.app, "model_id": scratch.model_id, "action": "overwrite"}
    try:
        target.caller.call("PatchModelToolkits", {**overwrite, "toolkits": []})
        after = model_document(target, scratch).get("toolkits", [])
    finally:
        target.caller.call("PatchModelToolkits", {**overwrite, "toolkits": before})
    assert after == []


def test_a_patch_leaves_unsent_fields_and_the_version_alone(target: Target, scratch: Key) -> None:
    before = model_document(target, scratch)
    version = target.remote.get_model(scratch)
    with restored_metadata(target, scratch):
        patch_model(target, scratch, "overwrite", metadata={"probe": 1})
        after = model_document(target, scratch)
        moved = target.remote.get_model(scratch)
    changing = {"metadata", "modified_at"}
    assert {name: value for name, value in after.items() if name not in changing} == {
        name: value for name, value in before.items() if name not in changing
    }
    assert version is not None
    assert moved is not None
    assert (moved.latest and moved.latest.key) == (version.latest and version.latest.key)


@on_both(
    (Switches(patch_models_output_info="ignore"), "ignored"), (Switches(patch_models_output_info="error"), "refused")
)
def test_is_the_old_output_info_of_a_model_ignored(
    target: Target, scratch: Key, expected: str | None, found_out: Tell
) -> None:
    key = latest(target, scratch)
    before = params_of(target, key)
    code = code_of(lambda: patch_model(target, scratch, "merge", output_info={"params": {"max_concepts": 9}}))
    assert (latest(target, scratch), params_of(target, key)) == (key, before)
    answer = "ignored" if code.startswith("10000") else "refused"
    assert expected in {None, answer}
    found_out("output_info in PatchModels", f"{answer} ({code})")


def test_wrong_requests_are_refused_and_change_nothing(target: Target, scratch: Key, found_out: Tell) -> None:
    before = model_document(target, scratch)
    absent = {"id": "0" * 32, "description": "x"}
    attempts: dict[str, Callable[[], object]] = {
        "an unknown action": lambda: patch_model(target, scratch, "replace", description="x"),
        "an unknown model": lambda: patch_model(
            target, Key(user_id="x", app_id="x", model_id="reconciler-contract-no-such-model"), "merge", description="x"
        ),
        "no models": lambda: target.caller.call("PatchModels", {**target.app, "models": [], "action": "merge"}),
        "an unknown version": lambda: target.caller.call(
            "PatchModelVersions",
            {**target.app, "model_id": scratch.model_id, "model_versions": [absent], "action": "merge"},
        ),
    }
    codes = {name: code_of(attempt) for name, attempt in attempts.items()}
    for name, code in codes.items():
        found_out(f"status of {name}", code)
    after = model_document(target, scratch)
    assert {**after, "modified_at": None} == {**before, "modified_at": None}
    assert not codes["an unknown model"].startswith("10000")


@on_both(
    (Switches(delete_models_unknown="error"), "21200 MODEL_DOES_NOT_EXIST"),
    (Switches(delete_models_unknown="ignore"), "10000 SUCCESS"),
    (Switches(delete_models_unknown="mixed"), "10010 MIXED_STATUS"),
)
def test_what_does_deleting_an_unknown_model_say(
    target: Target, scratch: Key, expected: str | None, found_out: Tell
) -> None:
    body = {**target.app, "ids": ["reconciler-contract-no-such-model"]}
    answer = code_of(lambda: target.caller.call("DeleteModels", body))
    assert expected in {None, answer}
    found_out("DeleteModels of an unknown id", answer)


@on_both((Switches(presets="always"), "always"), (Switches(presets="asked"), "asked"))
def test_are_presets_in_every_answer(target: Target, scratch: Key, expected: str | None, found_out: Tell) -> None:
    answer = "always" if "presets" in model_document(target, scratch) else "asked"
    assert expected in {None, answer}
    found_out("presets in GetModel", answer)


@on_both((Switches(validate_params="none"), "accepted"), (Switches(validate_params="error"), "refused"))
def test_are_params_checked(target: Target, scratch: Key, expected: str | None, found_out: Tell) -> None:
    key = latest(target, scratch)
    before = params_of(target, key)
    try:
        code = code_of(lambda: patch_params(target, key, "overwrite", {**before, "reconciler_probe": 1}))
    finally:
        if before:
            patch_params(target, key, "overwrite", before)
    answer = "accepted" if code.startswith("10000") else "refused"
    assert expected in {None, answer}
    found_out("an undeclared param", f"{answer} ({code})")


@on_both((Switches(output_info_in_list=True), "yes"), (Switches(output_info_in_list=False), "no"))
def test_do_listings_have_the_output_info(target: Target, expected: str | None, found_out: Tell) -> None:
    models = target.caller.call("ListModels", {**target.app, "per_page": 1000}).message.models
    with_version = [model for model in models if model.model_version.id]
    if not with_version:
        pytest.skip("the app has no model with a version")
    answer = "yes" if any(model.model_version.HasField("output_info") for model in with_version) else "no"
    assert expected in {None, answer}
    found_out("output_info in ListModels", answer)


@on_both(
    (Switches(per_page_over="clamp"), "10000 SUCCESS"), (Switches(per_page_over="error"), "11102 CONN_INVALID_REQUEST")
)
def test_what_becomes_of_a_page_that_is_too_large(target: Target, expected: str | None, found_out: Tell) -> None:
    answer = code_of(lambda: target.caller.call("ListModels", {**target.app, "per_page": 1001}))
    assert expected in {None, answer}
    found_out("per_page of 1001", answer)


@on_both((Switches(unknown_app="error"), "11101 CONN_DOES_NOT_EXIST"), (Switches(unknown_app="empty"), "10000 SUCCESS"))
def test_what_is_a_listing_of_an_unknown_app(target: Target, expected: str | None, found_out: Tell) -> None:
    unknown = {"user_app_id": {"user_id": target.scope.user_id, "app_id": "reconciler-contract-no-such-app"}}
    answer = code_of(lambda: target.caller.call("ListModels", unknown))
    assert expected in {None, answer}
    found_out("ListModels of an unknown app", answer)


@on_both((Switches(version_modified_at="bumped"), "bumped"), (Switches(version_modified_at="kept"), "kept"))
def test_does_a_patch_move_the_version_s_modified_at(
    target: Target, scratch: Key, expected: str | None, found_out: Tell
) -> None:
    key = latest(target, scratch)

    def modified_at() -> Any:
        versions = {version.key: version for version in target.remote.list_versions(key)}
        return versions[key].document.get("modified_at")

    before, params = modified_at(), params_of(target, key)
    patch_params(target, key, "overwrite", params or {"max_concepts": 20})
    answer = "kept" if modified_at() == before else "bumped"
    assert expected in {None, answer}
    found_out("modified_at of a patched version", answer)
