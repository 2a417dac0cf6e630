"""The calls that make and delete, through the real stubs."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from tests.emulator.client import PETS_VERSION, Client, user_app

BREEDS = [f"3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0{number}" for number in (1, 2, 3)]


def own_models(client: Client) -> list[str]:
    """The models of app pets."""
    return sorted(client.models(dont_fetch_from_main=True))


def test_delete_model_takes_its_versions_along(client: Client) -> None:
    assert client.json("DeleteModel", model_id="petsID") == {}
    assert own_models(client) == ["model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names"]
    assert client.status("GetModelVersion", model_id="petsID", version_id=PETS_VERSION)[0] == 21200
    assert client.models(model_version_ids=[PETS_VERSION]) == []


def test_delete_models_by_id(client: Client) -> None:
    assert client.json("DeleteModels", ids=["petsID", "pet-draft", "petsID"]) == {}
    assert own_models(client) == ["model_clusterer", "pet-breeds", "pet-finder", "pet-names"]


def test_delete_all_models_of_one_app_only(emulator: Emulator, client: Client) -> None:
    emulator.load({"apps": [{**user_app("demo", "second"), "models": [{"id": "two"}]}]})

    assert client.json("DeleteModels", delete_all=True) == {}
    assert own_models(client) == []
    assert client.models(user_app_id={"user_id": "demo"}) == ["two"]
    assert client.models() == ["general-image-recognition", "general-image-embedding"]


def test_deleting_the_latest_version_brings_the_one_before_and_the_last_leaves_none(client: Client) -> None:
    latest = []
    for version_id in reversed(BREEDS):
        client.json("DeleteModelVersion", model_id="pet-breeds", version_id=version_id)
        latest.append(client.model("pet-breeds").get("model_version", {}).get("id"))

    assert latest == [BREEDS[1], BREEDS[0], None]


@pytest.mark.parametrize(
    ("rpc", "fields", "status"),
    [
        ("DeleteModel", {"model_id": "nope"}, (21200, "Model does not exist")),
        ("DeleteModels", {"ids": ["petsID", "nope"]}, (21200, "Model does not exist")),
        ("DeleteModels", {}, (11102, "ids is empty")),
        (
            "DeleteModels",
            {"ids": ["petsID"], "delete_all": True},
            (11102, "ids and delete_all can not be used at the same time"),
        ),
        (
            "DeleteModels",
            {"delete_all": True, "user_app_id": {"user_id": "demo"}},
            (11102, "user_app_id.app_id is empty"),
        ),
        (
            "DeleteModels",
            {"delete_all": True, "user_app_id": user_app("clarifai", "main")},
            (21201, "App clarifai/main can not be changed by user demo"),
        ),
        ("DeleteModelVersion", {"model_id": "petsID", "version_id": "x"}, (21200, "Model version x does not exist")),
        ("PostModels", {"models": [{"id": "petsID"}]}, (40010, "Model 'petsID' already exists")),
        ("PostModels", {"models": [{"name": "x"}]}, (11102, "model id '' is empty or has spaces")),
    ],
)
def test_a_refused_call_changes_nothing(
    emulator: Emulator, client: Client, rpc: str, fields: Any, status: tuple[int, str]
) -> None:
    before = emulator.snapshot()

    assert client.status(rpc, **fields) == status
    assert emulator.snapshot() == before


def test_a_new_model_has_no_version_until_one_is_posted(client: Client) -> None:
    made = client.json("PostModels", models=[{"id": "birds", "model_type_id": "embedding-classifier"}])["model"]
    assert (made["name"], made["user_id"], "model_version" in made) == ("birds", "demo", False)

    posted = client.json(
        "PostModelVersions",
        model_id="birds",
        model_versions=[{"output_info": {"params": {"min_value": 0.25}, "data": {"concepts": [{"id": "owl"}]}}}],
    )["model"]

    version = posted["model_version"]
    assert version["status"]["code"] == "MODEL_QUEUED_FOR_TRAINING"
    assert version["output_info"]["params"] == {"max_concepts": 20, "min_value": 0.25, "select_concepts": []}
    assert (len(version["id"]), version["active_concept_count"]) == (32, 1)
    assert client.model("birds") == posted
    concepts = client.json("ListModelConcepts", model_id="birds")["concepts"]
    assert [concept["id"] for concept in concepts] == ["owl"]


def test_a_version_of_a_type_that_is_not_trained_is_ready_at_once(client: Client) -> None:
    posted = client.json("PostModelVersions", model_id="pet-names", model_versions=[{"license": "MIT"}])["model"]

    assert posted["model_version"]["status"]["code"] == "MODEL_TRAINED"
    assert len(client.json("ListModelVersions", model_id="pet-names")["model_versions"]) == 2
