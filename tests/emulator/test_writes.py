"""The patching calls, through the real stubs, with the switches as they are by default."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.emulator.client import PETS_VERSION, Client, user_app

METRO = "https://samples.clarifai.com/metro-north.jpg"


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    """A message without modified_at, which every patch moves."""
    return {key: value for key, value in document.items() if key != "modified_at"}


def test_the_name_is_overwritten_and_nothing_else(client: Client, emulator: Emulator) -> None:
    before, versions = client.model(), client.json("ListModelVersions", model_id="petsID")

    answer = client.json("PatchModels", action="overwrite", models=[{"id": "petsID", "name": "newname"}])

    after = client.model()
    assert without_times(after) == {**without_times(before), "name": "newname"}
    assert after["modified_at"] > before["modified_at"]
    assert answer["models"] == [after]
    assert client.json("ListModelVersions", model_id="petsID") == versions


def test_a_model_patch_merges_every_kind_of_field(client: Client) -> None:
    client.patch_model(metadata={"owner": "vision", "deep": {"a": 1}, "list": [1]})

    code, _ = client.patch_model(
        description="Cats and dogs",
        notes="Notes",
        visibility={"gettable": "PUBLIC"},
        toolkits=["Clarifai", "OpenAI"],
        languages=["en"],
        metadata={"deep": {"b": 2}, "list": [2]},
        deploy_restriction=2,
        workflow_recommended=True,
    )

    assert code == 10000
    model = client.model()
    assert {name: model[name] for name in (
        "description", "notes", "visibility", "toolkits", "use_cases", "languages", "languages_full", "metadata",
        "deploy_restriction", "workflow_recommended",
    )} == {
        "description": "Cats and dogs",
        "notes": "Notes",
        "visibility": {"gettable": "PUBLIC"},
        "toolkits": ["Clarifai", "OpenAI"],
        "use_cases": ["image-classification"],
        "languages": ["en"],
        "languages_full": [{"id": "en", "name": "en"}],
        "metadata": {"owner": "vision", "deep": {"a": 1, "b": 2}, "list": [1, 2]},
        "deploy_restriction": "SHARED_COMPUTE_ONLY",
        "workflow_recommended": True,
    }  # fmt: skip


def test_server_owned_fields_and_output_info_are_ignored(client: Client) -> None:
    before = without_times(client.model())

    code, _ = client.patch_model(
        "overwrite",
        model_type_id="visual-detector",
        created_at="2000-01-01T00:00:00Z",
        user_id="someone",
        star_count=7,
        output_info={"params": {"min_value": 0.9}},
        model_version={"description": "no"},
    )

    assert code == 10000
    assert without_times(client.model()) == before


def test_empty_structs_clear_and_unsent_ones_stay(client: Client) -> None:
    client.patch_model(metadata={"owner": "vision"})
    client.patch_model("overwrite", notes="n")
    assert client.model()["metadata"] == {"owner": "vision"}
    client.patch_model(metadata={})
    assert client.model()["metadata"] == {}


def test_an_image_is_hosted_and_removed_by_its_hosted_url(client: Client) -> None:
    client.patch_model(image={"url": METRO})
    image = client.model()["image"]
    assert image == {
        "url": f"https://data.clarifai.com/large/{image['hosted']['suffix']}",
        "hosted": {
            "prefix": "https://data.clarifai.com",
            "suffix": "users/demo/apps/pets/input_owners/demo/inputs/image/76961bb1ddae0e82f683c2fd17a8794e",
            "sizes": ["small", "large"],
            "crossorigin": "use-credentials",
        },
    }

    client.patch_model("overwrite", image={"url": image["url"]})
    assert client.model()["image"] == image, "the url that was read changes nothing"

    assert client.patch_model("remove", image={"url": "https://x.test/other.png"}) == (
        11102,
        "image.url is not the current value of model 'petsID'",
    )
    assert client.patch_model("remove", image={"url": image["url"]}, notes="x") == (
        11102,
        "action 'remove' takes image.url alone, model 'petsID' has notes in the request",
    )
    assert client.model()["image"] == image
    assert client.patch_model("remove", image={"url": image["url"]}) == (10000, "")
    assert "image" not in client.model()
    assert client.patch_model("remove", image={"url": image["url"]})[0] == 11102


@pytest.mark.parametrize("image_url", ["hosted", "kept"])
def test_an_image_is_removed_by_the_url_that_it_was_set_with(
    emulator: Emulator, client: Client, image_url: Any
) -> None:
    emulator.switches = Switches(image_url=image_url)
    client.patch_model(image={"url": METRO})

    assert client.patch_model("remove", image={"url": METRO}) == (10000, "")
    assert "image" not in client.model()
    assert client.patch_model("remove", image={"url": METRO})[0] == 11102


def test_the_documented_threshold_patch(client: Client) -> None:
    before = client.version()

    answer = client.json(
        "PatchModelVersions",
        model_id="petsID",
        action="overwrite",
        model_versions=[{"id": PETS_VERSION, "output_info": {"params": {"min_value": 0.95}}}],
    )

    after = client.version()
    assert answer == {"model_versions": [after]}
    assert after["output_info"]["params"] == {"min_value": 0.95}
    assert after["modified_at"] > before["modified_at"]
    assert {**without_times(after), "output_info": None} == {**without_times(before), "output_info": None}
    assert client.model()["modified_at"] == "2024-01-01T00:00:00Z", "the model itself was not patched"


def test_a_version_patch_merges_params_deeply(client: Client) -> None:
    client.patch_version(output_info={"params": {"nested": {"a": 1}, "select_concepts": [{"id": "cat", "value": 1}]}})
    client.patch_version(
        output_info={"params": {"nested": {"b": 2}, "select_concepts": [{"id": "dog"}, {"id": "cat", "value": 2}]}}
    )

    assert client.params() == {
        "max_concepts": 20,
        "min_value": 0.5,
        "nested": {"a": 1, "b": 2},
        "select_concepts": [{"id": "cat", "value": 2}, {"id": "dog"}],
    }


@pytest.mark.parametrize("action", ["merge", "overwrite"])
def test_concepts_and_status_are_never_patched(client: Client, action: str) -> None:
    before = client.json("GetModelOutputInfo", model_id="petsID")
    code, _ = client.patch_version(
        action,
        status={"code": "MODEL_UNTRAINED"},
        output_info={"data": {"concepts": [{"id": "bird"}]}, "message": "hello"},
        active_concept_count=9,
    )

    after = client.json("GetModelOutputInfo", model_id="petsID")
    for answer in (before, after):
        del answer["model"]["model_version"]["modified_at"]
    assert code == 10000
    assert after == before


def test_remove_takes_keys_out_of_params(client: Client) -> None:
    assert client.patch_version("remove", output_info={"params": {"min_value": True, "absent": True}}) == (10000, "")
    assert client.params() == {"max_concepts": 20, "select_concepts": []}


def test_compute_info_can_be_patched_but_for_its_accelerators(emulator: Emulator, client: Client) -> None:
    info = {"cpu_limit": "1", "accelerator_type": ["NVIDIA-L40S"]}
    versions = [{"id": "v", "inference_compute_info": info}]
    emulator.load({"apps": [{**user_app("demo", "gpu"), "models": [{"id": "m", "versions": versions}]}]})

    def patch(**changed: Any) -> tuple[int, str]:
        return client.status(
            "PatchModelVersions",
            user_app_id=user_app("demo", "gpu"),
            model_id="m",
            action="merge",
            model_versions=[{"id": "v", "inference_compute_info": changed}],
        )

    assert patch(accelerator_type=["NVIDIA-A100"]) == (
        21202,
        "inference_compute_info.accelerator_type can not be changed",
    )
    assert patch(cpu_limit="2", accelerator_type=["NVIDIA-L40S"]) == (10000, "")
    version = emulator.snapshot()["apps"][0]["models"][0]["versions"][0]
    assert version["inference_compute_info"] == {**info, "cpu_limit": "2"}


def test_an_old_version_can_be_patched(client: Client) -> None:
    old = "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01"

    client.json(
        "PatchModelVersions",
        model_id="pet-breeds",
        action="merge",
        model_versions=[{"id": old, "license": "MIT", "visibility": {"gettable": "PUBLIC"}, "metadata": {"k": None}}],
    )

    version = client.version(old, "pet-breeds")
    assert (version["license"], version["visibility"]) == ("MIT", {"gettable": "PUBLIC"})
    assert client.model("pet-breeds")["model_version"]["id"].endswith("03")


@pytest.mark.parametrize(
    ("rpc", "fields", "status"),
    [
        ("PatchModels", {"action": "merge"}, (11102, "models is empty")),
        (
            "PatchModels",
            {"action": "replace", "models": [{"id": "petsID", "notes": "x"}]},
            (11102, "Invalid action: Unrecognized action 'replace'. Supported actions: merge, overwrite, remove"),
        ),
        (
            "PatchModels",
            {"models": [{"id": "petsID", "notes": "x"}]},
            (11102, "Invalid action: Unrecognized action ''. Supported actions: merge, overwrite, remove"),
        ),
        (
            "PatchModels",
            {"action": "merge", "models": [{"id": "petsID", "notes": "x"}, {"id": "nope"}]},
            (21200, "Model does not exist"),
        ),
        (
            "PatchModels",
            {"action": "merge", "user_app_id": {"user_id": "demo"}, "models": [{"id": "petsID"}]},
            (11102, "user_app_id.app_id is empty"),
        ),
        (
            "PatchModels",
            {
                "action": "merge",
                "user_app_id": user_app("clarifai", "main"),
                "models": [{"id": "general-image-recognition"}],
            },
            (21201, "App clarifai/main can not be changed by user demo"),
        ),
        ("PatchModelVersions", {"action": "merge", "model_id": "petsID"}, (11102, "model_versions is empty")),
        (
            "PatchModelVersions",
            {"action": "merge", "model_id": "nope", "model_versions": [{"id": PETS_VERSION}]},
            (21200, "Model does not exist"),
        ),
        (
            "PatchModelVersions",
            {
                "action": "merge",
                "model_id": "petsID",
                "model_versions": [{"id": PETS_VERSION, "license": "x"}, {"id": "f" * 32}],
            },
            (21200, "Model version ffffffffffffffffffffffffffffffff does not exist"),
        ),
        (
            "PatchModelToolkits",
            {"action": "merge", "model_id": "petsID", "toolkits": ["a"]},
            (11102, "Invalid action: Unrecognized action 'merge'. Supported actions: overwrite"),
        ),
    ],
)
def test_a_refused_write_changes_nothing(
    emulator: Emulator, client: Client, rpc: str, fields: Any, status: tuple[int, str]
) -> None:
    before = emulator.snapshot()

    assert client.status(rpc, **fields) == status
    assert emulator.snapshot() == before


def test_a_number_that_json_does_not_have_is_a_bad_request(emulator: Emulator, client: Client) -> None:
    from clarifai_grpc.grpc.api import resources_pb2, service_pb2

    before = emulator.snapshot()
    model = resources_pb2.Model(id="petsID")
    model.metadata.update({"a": float("nan")})
    request = service_pb2.PatchModelsRequest(
        user_app_id=resources_pb2.UserAppIDSet(user_id="demo", app_id="pets"), models=[model], action="merge"
    )

    assert client.stub.PatchModels(request).status.code == 11100
    assert emulator.snapshot() == before


@pytest.mark.parametrize(
    ("rpc", "field", "stored"),
    [
        ("PatchModelToolkits", "toolkits", "toolkits"),
        ("PatchModelUseCases", "usecases", "use_cases"),
        ("PatchModelLanguages", "languages", "languages"),
    ],
)
def test_tag_lists_are_replaced_and_emptied_by_their_own_calls(
    client: Client, rpc: str, field: str, stored: str
) -> None:
    assert client.json(rpc, model_id="petsID", action="overwrite", **{field: ["b", "a"]}) == {field: ["b", "a"]}
    assert client.model()[stored] == ["b", "a"]
    assert client.models(**{stored: ["a"], "dont_fetch_from_main": True}) == ["petsID"]
    assert client.json(rpc, model_id="petsID", action="overwrite") == {}
    assert stored not in client.model()
    assert client.models(**{stored: ["a"]}) == []


def test_a_patched_model_moves_to_the_front_of_the_listing(client: Client) -> None:
    client.patch_model(notes="x")

    assert client.models(dont_fetch_from_main=True)[:2] == ["petsID", "model_clusterer"]
