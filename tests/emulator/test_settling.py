"""What a service may do to the values of a patch before it keeps them: each such switch, through the real stubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.errors import UsageError
from tests.emulator.client import PETS_VERSION, Client, connected

DEFAULTS = {"max_concepts": 20, "min_value": 0, "select_concepts": []}


@contextmanager
def switched(**switches: Any) -> Iterator[Client]:
    """A client of an emulator with the sample app and these switches."""
    with Emulator(seed=SAMPLE, switches=Switches(**switches)) as emulator, connected(emulator) as client:
        yield client


def answered(client: Client, action: str = "merge", **fields: Any) -> Mapping[str, Any]:
    """The model that PatchModels of petsID answers with."""
    answer = client.json("PatchModels", action=action, models=[{"id": "petsID", **fields}])
    found: Mapping[str, Any] = answer["models"][0]
    return found


def answered_version(client: Client, action: str = "merge", **fields: Any) -> Mapping[str, Any]:
    """The version that PatchModelVersions of petsID's version answers with."""
    versions = [{"id": PETS_VERSION, **fields}]
    answer = client.json("PatchModelVersions", model_id="petsID", action=action, model_versions=versions)
    found: Mapping[str, Any] = answer["model_versions"][0]
    return found


def test_spaces_around_strings_and_tags_are_trimmed() -> None:
    with switched(trim_strings=True) as client:
        model = answered(client, description="  Cats ", notes="\n", toolkits=[" OpenAI "], metadata={"k": " kept "})
        version = answered_version(client, license=" MIT ")

        assert (model["description"], model["toolkits"]) == ("Cats", ["Clarifai", "OpenAI"])
        assert ("notes" in model, model["metadata"], version["license"]) == (False, {"k": " kept "}, "MIT")
        assert (client.model(), client.version()) == (
            {**model, "model_version": client.version()},
            version,
        )


def test_strings_stay_as_they_were_sent_by_default() -> None:
    with switched() as client:
        assert answered(client, description="  Cats ", toolkits=[" B", "A "])["toolkits"] == ["Clarifai", " B", "A "]
        assert client.model()["description"] == "  Cats "


@pytest.mark.parametrize("rpc", ["PatchModels", "PatchModelToolkits"])
@pytest.mark.parametrize(
    ("switches", "stored"),
    [
        ({}, ["OpenAI", "HuggingFace", "Clarifai"]),
        ({"lower_case_tags": True}, ["openai", "huggingface", "clarifai"]),
        ({"tag_order": "sorted"}, ["Clarifai", "HuggingFace", "OpenAI"]),
        ({"tag_order": "reversed"}, ["Clarifai", "HuggingFace", "OpenAI"]),
        ({"tag_order": "sorted", "lower_case_tags": True}, ["clarifai", "huggingface", "openai"]),
        ({"unstored_fields": ("toolkits@pets*",)}, ["Clarifai"]),
        ({"unstored_fields": ("toolkits@pet-*", "use_cases@*")}, ["OpenAI", "HuggingFace", "Clarifai"]),
    ],
)
@pytest.mark.parametrize("patch_answer", ["stored", "as_sent"])
def test_how_tags_are_stored(rpc: str, switches: Any, stored: list[str], patch_answer: Any) -> None:
    sent = ["OpenAI", "HuggingFace", "Clarifai"]
    with switched(**switches, patch_answer=patch_answer) as client:
        if rpc == "PatchModels":
            answer = answered(client, "overwrite", toolkits=sent)["toolkits"]
        else:
            answer = client.json(rpc, model_id="petsID", action="overwrite", toolkits=sent)["toolkits"]

        assert answer == (stored if patch_answer == "stored" else sent)
        assert client.model()["toolkits"] == stored


@pytest.mark.parametrize(
    ("position", "merged", "overwritten"),
    [
        ("never", {"min_value": 1}, {"min_value": 0.25}),
        ("create", {"min_value": 1}, {"min_value": 0.25}),
        ("overwrite", {"min_value": 1}, {**DEFAULTS, "min_value": 0.25}),
        ("always", {**DEFAULTS, "min_value": 1}, {**DEFAULTS, "min_value": 0.25}),
    ],
)
def test_server_adds_params(position: Any, merged: Any, overwritten: Any) -> None:
    with switched(server_adds_params=position) as client:
        gone = {"max_concepts": True, "min_value": True, "select_concepts": True}
        answered_version(client, "remove", output_info={"params": gone})
        assert answered_version(client, output_info={"params": {"min_value": 1}})["output_info"]["params"] == merged

        shown = answered_version(client, "overwrite", output_info={"params": {"min_value": 0.25}})
        assert shown["output_info"]["params"] == overwritten
        assert client.params() == overwritten


def test_server_adds_metadata() -> None:
    with switched(server_adds_metadata=True) as client:
        assert "metadata" in answered(client, notes="x")
        assert client.model()["metadata"] == {}

        answered(client, "overwrite", metadata={"a": 1})
        answered_version(client, "overwrite", metadata={"b": 2})

        assert client.model()["metadata"] == {"a": 1, "added_by_service": True}
        assert client.version()["metadata"] == {"b": 2, "added_by_service": True}


@pytest.mark.parametrize(
    ("field", "kept"),
    [
        ("description@*", {"description": "first"}),
        ("metadata@petsID", {"metadata": {"owner": "a", "deep": {"x": 1}}}),
        ("metadata.deep@petsID", {"metadata": {"owner": "b", "deep": {"x": 1}}}),
        ("metadata.deep.x@petsID", {"metadata": {"owner": "b", "deep": {"x": 1, "y": 3}}}),
        ("metadata.fresh@petsID", {"metadata": {"owner": "b", "deep": {"x": 2, "y": 3}}}),
        ("visibility@p*", {"visibility": {"gettable": "PRIVATE"}}),
        ("visibility.gettable@p*", {"visibility": {"gettable": "PRIVATE"}}),
        ("toolkits@p*", {"toolkits": ["Clarifai"]}),
        ("image@p*", {"image": None}),
    ],
)
def test_a_field_that_is_not_stored(field: str, kept: dict[str, Any]) -> None:
    sent = {
        "description": "second",
        "metadata": {"owner": "b", "deep": {"x": 2, "y": 3}},
        "visibility": {"gettable": "ORG"},
        "toolkits": ["Clarifai", "OpenAI"],
        "image": {"url": "https://x.test/a.png"},
    }
    with Emulator(seed=SAMPLE) as emulator, connected(emulator) as client:
        answered(client, description="first", metadata={"owner": "a", "deep": {"x": 1}})
        emulator.switches = Switches(unstored_fields=(field,), image_url="kept")
        answer = answered(client, "overwrite", **sent)

        stored = client.model()
        expected = {**sent, **kept}
        assert {name: stored.get(name) for name in sent} == expected
        assert {name: answer.get(name) for name in sent} == expected


def test_a_field_of_a_version_that_is_not_stored() -> None:
    with switched(unstored_fields=("model_version.output_info.params.min_value@petsID", "description@*")) as client:
        answer = answered_version(
            client, description="kept", output_info={"params": {"min_value": 1, "max_concepts": 3}}
        )

        assert answer["description"] == "kept", "the field of a model, not of a version"
        assert answer["output_info"]["params"] == {"min_value": 0.5, "max_concepts": 3, "select_concepts": []}
        assert client.params() == answer["output_info"]["params"]


def test_an_answer_can_show_more_than_was_stored() -> None:
    unstored = ("notes@petsID", "model_version.license@petsID")
    with switched(unstored_fields=unstored, round_to_step=True, trim_strings=True, patch_answer="as_sent") as client:
        answer = answered(client, notes="never stored", description=" Cats ")
        version = answered_version(client, license="MIT", output_info={"params": {"min_value": 0.946}})

        assert (answer["notes"], answer["description"]) == ("never stored", " Cats ")
        assert (version["license"], version["output_info"]["params"]["min_value"]) == ("MIT", 0.946)
        assert ("notes" in client.model(), client.model()["description"]) == (False, "Cats")
        assert ("license" in client.version(), client.params()["min_value"]) == (False, 0.95)
        assert answer["modified_at"] == client.model()["modified_at"]


@pytest.mark.parametrize(("position", "is_bumped"), [("bumped", True), ("kept", False)])
def test_version_modified_at(position: Any, is_bumped: bool) -> None:
    with switched(version_modified_at=position) as client:
        before = client.version()["modified_at"]
        answered_version(client, license="MIT")

        assert (client.version()["modified_at"] > before) == is_bumped


NO_FIELD = (
    "names no field of a patch. Write a field of a model, or model_version. and a field of a version, before the @."
)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("description", "switch unstored_fields=description is not of the form FIELD@GLOB, like description@pet-*."),
        ("@x", "switch unstored_fields=@x is not of the form FIELD@GLOB, like description@pet-*."),
        ("created_at@*", f"switch unstored_fields=created_at@* {NO_FIELD}"),
        ("model_version.notes@*", f"switch unstored_fields=model_version.notes@* {NO_FIELD}"),
    ],
)
def test_bad_unstored_fields(field: str, message: str) -> None:
    with pytest.raises(UsageError) as caught, Emulator(switches=Switches(unstored_fields=(field,))):
        pass

    assert str(caught.value) == message
