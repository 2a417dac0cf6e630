"""The reading calls, through the real stubs."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from tests.emulator.client import PETS_VERSION, Client, user_app

OWN = [
    "model_clusterer",
    "pet-draft",
    "pet-names",
    "pet-finder",
    "pet-breeds",
    "petsID",
]  # as seeded: the last one is the newest
MAIN = ["general-image-recognition", "general-image-embedding"]
BREEDS = [f"3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0{number}" for number in (1, 2, 3)]


def test_list_models_shows_each_with_its_latest_version(client: Client) -> None:
    models = {model["id"]: model for model in client.json("ListModels")["models"]}

    assert list(models) == OWN + MAIN
    assert {name: model.get("model_version", {}).get("id") for name, model in models.items()} == {
        "petsID": PETS_VERSION,
        "pet-breeds": BREEDS[2],
        "pet-finder": "77d41a2d95a64cf0a2f2d0f4f7c6b5a1",
        "pet-names": "c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f",
        "pet-draft": None,
        "model_clusterer": "5a4f1c8e2b7d4e6f9a0b3c5d7e8f1a2b",
        "general-image-recognition": "aa7f35c01e0642fda5cf400f543e7c40",
        "general-image-embedding": "bb186755eda04f9cbb6fe32e816be104",
    }
    assert models["petsID"] == {
        "id": "petsID",
        "name": "pets",
        "created_at": "2024-01-01T00:00:00Z",
        "modified_at": "2024-01-01T00:00:00Z",
        "user_id": "demo",
        "app_id": "pets",
        "model_type_id": "embedding-classifier",
        "visibility": {"gettable": "PRIVATE"},
        "toolkits": ["Clarifai"],
        "use_cases": ["image-classification"],
        "metadata": {},
        "presets": {},
        "workflow_recommended": False,
        "model_version": {
            "id": PETS_VERSION,
            "created_at": "2024-01-01T00:00:08Z",
            "modified_at": "2024-01-01T00:00:08Z",
            "user_id": "demo",
            "app_id": "pets",
            "status": {"code": "MODEL_TRAINED", "description": "Model is trained and ready for deployment"},
            "active_concept_count": 2,
            "visibility": {"gettable": "PRIVATE"},
            "metadata": {},
            "input_info": {},
            "train_info": {},
            "import_info": {},
            "output_info": {
                "output_config": {},
                "message": "Show output_info with: GET /models/{model_id}/output_info",
                "params": {"max_concepts": 20, "min_value": 0.5, "select_concepts": []},
            },
        },
    }


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({"model_type_id": "text-to-text"}, ["pet-names"]),
        ({"trained_only": True}, ["model_clusterer", "pet-names", "pet-breeds", "petsID", *MAIN]),
        ({"toolkits": ["HuggingFace", "OpenAI"]}, ["pet-names", "pet-breeds"]),
        ({"use_cases": ["llm"]}, ["pet-names"]),
        ({"languages": ["en"]}, ["pet-names"]),
        ({"visibility": {"gettable": "ORG"}}, ["pet-breeds"]),
        ({"visibility": {"gettable": "PUBLIC"}}, MAIN),
        ({"license": "CC-BY-4.0"}, ["pet-breeds"]),
        ({"model_version_ids": [PETS_VERSION, BREEDS[0]]}, ["pet-breeds", "petsID"]),
        ({"output_fields": ["regions[...].data.concepts"]}, ["pet-finder"]),
        ({"input_fields": ["image"]}, ["pet-finder", "pet-breeds", "general-image-recognition"]),
        ({"search": "bree CATS"}, ["pet-breeds"]),
        ({"search": "box"}, ["pet-finder"]),
        ({"search": "ox"}, []),
        ({"query": "pet -breeds -general"}, ["pet-draft", "pet-names", "pet-finder"]),
        ({"query": "boxes OR suggests"}, ["pet-names", "pet-finder"]),
        ({"name": "gen*"}, MAIN),
        ({"name": "*NAMES"}, ["pet-names"]),
        ({"name": "pets"}, ["petsID"]),
        ({"name": "pet_"}, []),
        ({"bookmark": True}, []),
        ({"featured_only": True}, []),
        ({"starred_only": True}, []),
        ({"dont_fetch_from_main": True}, OWN),
        ({"sort_by_name": True, "sort_ascending": True, "dont_fetch_from_main": True}, [
            "pet-breeds", "pet-finder", "pet-names", "model_clusterer", "pet-draft", "petsID",
        ]),
        ({"sort_by_created_at": True, "sort_ascending": True}, [*MAIN, *OWN[::-1]]),
        ({"sort_by_modified_at": True, "sort_ascending": True}, [*MAIN[::-1], *OWN[::-1]]),
        ({"sort_by_star_count": True, "dont_fetch_from_main": True}, sorted(OWN)),
        ({"sort_by_num_inputs": True, "dont_fetch_from_main": True}, sorted(OWN)),
        ({"page": 2, "per_page": 2}, OWN[2:4]),
        ({"page": 1000, "per_page": 500}, []),
    ],
)  # fmt: skip
def test_list_models_filters_and_orders(client: Client, fields: dict[str, Any], ids: list[str]) -> None:
    assert client.models(**fields) == ids


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sort_by_relevance": True}, (11102, "sort_by_relevance can only be used if search is not empty")),
        (
            {"bookmark": True, "trained_only": True},
            (11102, "trained_only and bookmark can not be used at the same time"),
        ),
    ],
)
def test_list_models_refuses_what_does_not_go_together(client: Client, fields: Any, status: Any) -> None:
    assert client.status("ListModels", **fields) == status


def test_list_models_by_relevance_has_the_models_with_the_fewest_other_words_first(client: Client) -> None:
    assert client.models(search="pet", sort_by_relevance=True)[:2] == ["petsID", "pet-draft"]


def test_bookmarked_models_come_only_when_asked_for(emulator: Emulator, client: Client) -> None:
    bookmark = {"id": "origin", "user_id": "openai", "app_id": "chat"}
    emulator.load({"apps": [{**user_app("demo", "pets"), "models": [{"id": "marked", "bookmark_origin": bookmark}]}]})

    assert client.models(bookmark=True) == ["marked"]
    assert client.models() == OWN + MAIN


def test_additional_fields(emulator: Emulator, client: Client) -> None:
    emulator.load({"apps": [{**user_app("demo", "stars"), "models": [{"id": "s", "star_count": 3, "versions": [{}]}]}]})
    stars = user_app("demo", "stars")

    plain = client.json("ListModels", user_app_id=stars, dont_fetch_from_main=True)["models"][0]
    full = client.json("ListModels", user_app_id=stars, dont_fetch_from_main=True, additional_fields=["all"])
    assert ("star_count" in plain, "version_count" in plain) == (False, False)
    assert (full["models"][0]["star_count"], full["models"][0]["version_count"]) == (3, 1)


def test_listing_without_an_app_is_over_the_user_s_apps_and_without_a_user_over_all_public_ones(
    emulator: Emulator, client: Client
) -> None:
    public = {"visibility": {"gettable": "PUBLIC"}}
    emulator.load({
        "apps": [
            {**user_app("demo", "second"), "models": [{"id": "two"}]},
            {**user_app("other", "app"), "models": [{"id": "open", **public}, {"id": "closed"}]},
        ]
    })  # fmt: skip

    def listed(**ids: str) -> list[str]:
        return sorted(client.models(user_app_id=ids))

    assert listed(user_id="demo") == sorted([*OWN, "two"])
    assert listed(user_id="other") == ["closed", "open"]
    assert listed() == sorted([*OWN, *MAIN, "two", "open"])
    assert listed(app_id="pets") == sorted(OWN + MAIN)
    assert client.models(user_app_id=user_app("clarifai", "main")) == MAIN


def test_me_is_the_only_user_and_answers_tell_the_real_id(client: Client) -> None:
    model = client.json("GetModel", user_app_id=user_app("me", "pets"), model_id="petsID")["model"]

    assert (model["user_id"], model["model_version"]["user_id"]) == ("demo", "demo")


def test_get_model(client: Client) -> None:
    assert client.model("pet-breeds")["model_version"]["id"] == BREEDS[2]
    older = client.json("GetModel", model_id="pet-breeds", version_id=BREEDS[0])["model"]
    assert older["model_version"]["description"] == "First try"
    assert "model_version" not in client.model("pet-draft")
    assert client.model("pet-draft")["name"] == "pet-draft"


@pytest.mark.parametrize(
    ("rpc", "fields"),
    [
        ("GetModel", {"model_id": "nope"}),
        ("GetModelOutputInfo", {"model_id": "nope"}),
        ("ListModelVersions", {"model_id": "nope"}),
        ("ListModelConcepts", {"model_id": "nope"}),
        ("GetModel", {"model_id": "petsID", "user_app_id": user_app("demo", "nope")}),
    ],
)
def test_an_unknown_model_is_21200_with_the_documented_texts(client: Client, rpc: str, fields: Any) -> None:
    status = client(rpc, **fields).status

    assert (status.code, status.description, status.details) == (21200, "Model does not exist", "Model does not exist")


def test_other_unknown_objects(client: Client) -> None:
    assert client.status("GetModelVersion", model_id="petsID", version_id="f" * 32)[0] == 21200
    assert client.status("GetModelType", model_type_id="nope")[0] == 21200
    assert client.status("GetApp", user_app_id=user_app("demo", "nope"))[0] == 11101
    assert client.status("ListModels", user_app_id=user_app("demo", "nope"))[0] == 11101


def test_output_info_has_the_concepts(client: Client) -> None:
    info = client.json("GetModelOutputInfo", model_id="petsID")["model"]["model_version"]["output_info"]

    assert sorted(info) == ["data", "output_config", "params"]
    assert [concept["id"] for concept in info["data"]["concepts"]] == ["cat", "dog"]


def test_concepts_come_in_pages(client: Client) -> None:
    def concepts(**fields: Any) -> list[str]:
        answer = client.json("ListModelConcepts", model_id="pet-breeds", **fields)
        return [concept["id"] for concept in answer.get("concepts", [])]

    assert concepts() == ["beagle", "poodle", "siamese", "sphynx"]
    assert concepts(version_id=BREEDS[0]) == ["beagle", "poodle"]
    assert concepts(page=2, per_page=3) == ["sphynx"]
    assert concepts(search="s") == ["siamese", "sphynx"]
    assert client.json("ListModelConcepts", model_id="pet-draft") == {}


def test_versions_come_newest_first(client: Client) -> None:
    def versions(**fields: Any) -> list[str]:
        answer = client.json("ListModelVersions", model_id="pet-breeds", **fields)
        return [version["id"] for version in answer.get("model_versions", [])]

    assert versions() == BREEDS[::-1]
    assert versions(sort_ascending=True) == BREEDS
    assert versions(sort_by_description=True, sort_ascending=True) == BREEDS
    assert versions(sort_by_num_inputs=True) == BREEDS
    assert versions(sort_by_status_code=True) == BREEDS
    assert versions(page=2, per_page=2) == BREEDS[:1]
    assert versions(trained_only=True) == BREEDS[::-1]
    assert versions(concept_ids=["siamese"]) == [BREEDS[2], BREEDS[1]]
    assert client.json("ListModelVersions", model_id="pet-finder", trained_only=True) == {}
    assert client.json("ListModelVersions", model_id="pet-draft") == {}


def test_search_by_name_and_type(client: Client) -> None:
    def found(**query: str) -> list[str]:
        answer = client.json("PostModelsSearches", model_query=query, pagination={"page": 1, "per_page": 10})
        return [model["id"] for model in answer.get("models", [])]

    assert found(name="*pet*", model_type_id="embedding-classifier") == ["petsID", "pet-draft"]
    assert found(name="*image*") == MAIN
    assert found(model_type_id="visual-detector") == ["pet-finder"]


def test_model_types(client: Client) -> None:
    types = client.json("ListModelTypes")["model_types"]

    assert [kind["id"] for kind in types] == [
        "concept-threshold", "embedding-classifier", "text-to-text", "visual-classifier", "visual-detector",
    ]  # fmt: skip
    assert client.json("ListModelTypes", page=2, per_page=2)["model_types"] == types[2:4]
    assert client.json("GetModelType", model_type_id="embedding-classifier")["model_type"] == types[1]
    assert types[1]["model_type_fields"][1] == {
        "path": "output_info.params.min_value",
        "field_type": "RANGE",
        "default_value": 0.0,
        "placeholder": "min_value",
        "model_type_range_info": {"max": 1.0, "step": 0.01},
    }


def test_workflows_and_apps(client: Client) -> None:
    workflow = client.json("ListWorkflows")["workflows"][0]

    assert [node["model"]["id"] for node in workflow["nodes"]] == ["pet-finder", "pet-breeds"]
    assert client.json("ListWorkflows", id="no*") == {}
    assert client.json("GetApp")["app"]["id"] == "pets"
    assert [app["id"] for app in client.json("ListApps")["apps"]] == ["pets"]


def test_calls_that_the_emulator_does_not_have_are_unimplemented(client: Client, emulator: Emulator) -> None:
    import grpc

    with pytest.raises(grpc.RpcError) as caught:
        client("ListKeys")

    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert [(call.rpc, call.status_code, call.grpc_code) for call in emulator.calls] == [
        ("ListKeys", 0, "UNIMPLEMENTED")
    ]


def test_every_answer_has_a_request_id_that_starts_with_the_caller_s_prefix(client: Client) -> None:
    plain = client("GetModel", model_id="petsID").status.req_id
    client.metadata = (("x-clarifai-request-id-prefix", "sdk-python-12.0"),)
    prefixed = [client("GetModel", model_id=model_id).status.req_id for model_id in ("petsID", "nope")]

    assert len(plain) == 32
    assert [req_id[:16] for req_id in prefixed] == ["sdk-python-12.0-"] * 2
    assert len({plain, *prefixed}) == 3
