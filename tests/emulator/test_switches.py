"""The switches: how they are read from text, and what each position does to the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import grpc
import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.errors import UsageError
from tests.emulator.client import Client, connected, user_app

KINDS = "UNAVAILABLE, DEADLINE, 11005, 11003, 99009, 10020, 98009, 11008, 21201, 21202, 21203, 21351, 21354, 21355, LOST_REPLY, HANG"


@contextmanager
def switched(**switches: Any) -> Iterator[tuple[Emulator, Client]]:
    """A running emulator with the sample app and these switches, and its client."""
    with Emulator(seed=SAMPLE, switches=Switches(**switches)) as emulator, connected(emulator) as client:
        yield emulator, client


def test_switches_are_read_from_text() -> None:
    assert Switches.parse(
        [
            "overwrite_struct=by_key",
            "latency_ms=100",
            "main_models=false",
            "max_batch=3",
            "rate_limit=none",
            "max_per_page = 10",
            "refused_calls=ListDeployments, ListWorkflows",
        ],
        faults=["rpc=PatchModels,nth=1,kind=LOST_REPLY", "kind=11005,probability=0.5,seed=7,times=2"],
    ) == Switches(
        overwrite_struct="by_key",
        latency_ms=100,
        main_models=False,
        max_batch=3,
        rate_limit=None,
        max_per_page=10,
        refused_calls=("ListDeployments", "ListWorkflows"),
        faults=(
            Fault(rpc="PatchModels", nth=1, kind="LOST_REPLY"),
            Fault(kind="11005", probability=0.5, seed=7, times=2),
        ),
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["overwrite_struct"],
            "switch 'overwrite_struct' is not of the form NAME=VALUE. Write it like overwrite_struct=by_key.",
        ),
        (
            ["overwrite_struct=some"],
            "switch overwrite_struct=some is not known. Use one of whole, by_key, by_key_deep.",
        ),
        (["main_models=yes"], "switch main_models=yes is not true or false."),
        (["latency_ms=slow"], "switch latency_ms=slow is not a number."),
        (["latency_ms=-1"], "switch latency_ms=-1.0 is below 0."),
        (["max_batch=1.5"], "switch max_batch=1.5 is not a whole number."),
        (["max_batch=0"], "switch max_batch=0 is not above 0."),
        (["max_per_page=none"], "switch max_per_page=none is not a whole number."),
        (["max_batch=1", "max_batch=2"], "switch max_batch is given twice. Give it once."),
    ],
)
def test_bad_switch_texts_are_told(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Switches.parse(texts)

    assert str(caught.value) == message


def test_an_unknown_switch_is_told_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"^switch 'faults' is not known\. Use one of batch_over, .*\.$"):
        Switches.parse(["faults=x"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "nth=1",
            f"fault 'nth=1' has no kind. Add kind= one of {KINDS}.",
        ),
        (
            "kind=BROKEN",
            f"fault kind=BROKEN is not known. Use one of {KINDS}.",
        ),
        ("kind=HANG,nth=0", "fault nth=0 is not a count. Give a whole number from 1."),
        (
            "kind=HANG,nth=1,every=2",
            "a fault has more than one of nth, every and probability. Give one of them.",
        ),
        ("kind=HANG,probability=2", "fault probability=2.0 is not between 0 and 1."),
        (
            "kind=HANG,when=now",
            "fault 'when' is not known. Use one of every, kind, names, nth, probability, rpc, seed, times.",
        ),
        ("HANG", "fault 'HANG' is not of the form NAME=VALUE. Write it like rpc=PatchModels,nth=1,kind=LOST_REPLY."),
    ],
)
def test_bad_fault_texts_are_told(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Fault.parse(text)

    assert str(caught.value) == message


def test_a_position_that_does_not_exist_is_refused_from_python_too() -> None:
    with pytest.raises(UsageError):
        Switches(merge_tags="twice")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("position", "params"),
    [
        ("whole", {"nested": {"a": 9}}),
        ("by_key", {"max_concepts": 20, "min_value": 0.5, "select_concepts": [], "nested": {"a": 9}}),
        ("by_key_deep", {"max_concepts": 20, "min_value": 0.5, "select_concepts": [], "nested": {"a": 9, "b": 2}}),
    ],
)
def test_overwrite_struct(position: Any, params: Any) -> None:
    with switched(overwrite_struct=position) as (_, client):
        client.patch_version("merge", output_info={"params": {"nested": {"a": 1, "b": 2}}})
        client.patch_version("overwrite", output_info={"params": {"nested": {"a": 9}}})

        assert client.params() == params


@pytest.mark.parametrize(("position", "left"), [("taken", {"b": 2}), ("ignored", {"a": 1, "b": 2})])
def test_remove_keys(position: Any, left: Any) -> None:
    with switched(remove_keys=position) as (_, client):
        client.patch_version("merge", output_info={"params": {"nested": {"a": 1, "b": 2}}})
        client.patch_version("remove", output_info={"params": {"nested": {"a": True}}})

        assert client.params()["nested"] == left


@pytest.mark.parametrize(("position", "config"), [("keep_unsent", {"max_concepts": 7}), ("drop_unsent", {})])
def test_overwrite_output_info(position: Any, config: Any) -> None:
    with switched(overwrite_output_info=position) as (_, client):
        client.patch_version("merge", output_info={"output_config": {"max_concepts": 7}})
        client.patch_version("overwrite", output_info={"params": {"min_value": 1}})

        assert client.version()["output_info"]["output_config"] == config
        assert len(client.json("ListModelConcepts", model_id="petsID")["concepts"]) == 2


@pytest.mark.parametrize(
    ("position", "toolkits"),
    [
        ("append_missing", ["Clarifai", "OpenAI"]),
        ("append", ["Clarifai", "OpenAI", "Clarifai"]),
        ("replace", ["OpenAI", "Clarifai"]),
    ],
)
def test_merge_tags(position: Any, toolkits: list[str]) -> None:
    with switched(merge_tags=position) as (_, client):
        client.patch_model(toolkits=["OpenAI", "Clarifai"])

        assert client.model()["toolkits"] == toolkits


def test_image_url_kept() -> None:
    with switched(image_url="kept") as (_, client):
        client.json(
            "PatchModels", action="merge", models=[{"id": "pet-names", "image": {"url": "https://x.test/a.png"}}]
        )

        assert client.model("pet-names")["image"] == {"url": "https://x.test/a.png"}


def test_page_size() -> None:
    with switched(max_per_page=2) as (_, client):
        assert len(client.models(per_page=100)) == 2
        assert len(client.models()) == 2
    with switched(max_per_page=2, per_page_over="error") as (_, client):
        assert client.status("ListModels", per_page=3) == (11102, "per_page 3 is over the maximum of 2")
        assert len(client.models(per_page=2)) == 2


@pytest.mark.parametrize(
    ("position", "ids"),
    [("id", ["a", "b", "c"]), ("id_descending", ["c", "b", "a"]), ("insertion", ["b", "a", "c"])],
)
def test_list_order(position: Any, ids: list[str]) -> None:
    same = {"created_at": "2024-05-01T00:00:00Z", "modified_at": "2024-05-01T00:00:00Z"}
    with switched(list_order=position) as (emulator, client):
        emulator.load(
            {"apps": [{**user_app("demo", "ties"), "models": [{"id": name, **same} for name in ("b", "a", "c")]}]}
        )

        assert client.models(user_app_id=user_app("demo", "ties"), dont_fetch_from_main=True) == ids


def test_output_info_in_list() -> None:
    with switched(output_info_in_list=False) as (_, client):
        listed = {model["id"]: model for model in client.json("ListModels")["models"]}["petsID"]

        assert "output_info" not in listed["model_version"]
        assert client.model()["model_version"]["output_info"]["params"]["min_value"] == 0.5


def test_patch_models_output_info() -> None:
    with switched(patch_models_output_info="error") as (_, client):
        assert client.patch_model(notes="x", output_info={}) == (
            21202,
            "output_info can not be patched with PatchModels",
        )
        assert "notes" not in client.model()


@pytest.mark.parametrize(
    ("position", "code", "is_there"), [("error", 21200, True), ("ignore", 10000, False), ("mixed", 10010, False)]
)
def test_delete_models_unknown(position: Any, code: int, is_there: bool) -> None:
    with switched(delete_models_unknown=position) as (_, client):
        assert client("DeleteModels", ids=["petsID", "nope"]).status.code == code
        assert ("petsID" in client.models()) == is_there


def test_presets() -> None:
    with switched(presets="asked") as (_, client):
        client.patch_model(presets={"prompt": "p"})

        assert "presets" not in client.model()
        asked = client.json("GetModel", model_id="petsID", additional_fields=["presets"])["model"]
        assert asked["presets"] == {"prompt": "p"}


@pytest.mark.parametrize(
    ("position", "created"),
    [
        ("never", {}),
        ("create", {"max_concepts": 20, "min_value": 0, "select_concepts": []}),
        ("overwrite", {"max_concepts": 20, "min_value": 0, "select_concepts": []}),
        ("always", {"max_concepts": 20, "min_value": 0, "select_concepts": []}),
    ],
)
def test_server_adds_params_to_new_versions(position: Any, created: Any) -> None:
    with switched(server_adds_params=position) as (_, client):
        posted = client.json("PostModelVersions", model_id="pet-draft", model_versions=[{}])["model"]
        assert posted["model_version"].get("output_info", {}).get("params", {}) == created


def test_round_to_step() -> None:
    with switched(round_to_step=True) as (_, client):
        client.patch_version(output_info={"params": {"min_value": 0.946, "max_concepts": 4.4}})

        assert client.params() == {"max_concepts": 4, "min_value": 0.95, "select_concepts": []}


def test_max_batch() -> None:
    with switched(max_batch=1) as (_, client):
        pair = [{"id": "petsID", "notes": "x"}, {"id": "pet-draft", "notes": "x"}]
        message = "2 models in one request, at most 1 are allowed"
        assert client.status("PatchModels", action="merge", models=pair) == (11102, message)
        assert client.status("DeleteModels", ids=["petsID", "pet-draft"])[0] == 11102
        assert client.patch_model(notes="x")[0] == 10000


PAIR = [{"id": "petsID", "notes": "x"}, {"id": "pet-draft", "notes": "x"}]


@pytest.mark.parametrize("position", ["11102", "21203", "40033"])
def test_batch_over_with_a_status(position: Any) -> None:
    with switched(max_batch=1, batch_over=position) as (_, client):
        assert client.status("PatchModels", action="merge", models=PAIR)[0] == int(position)
        assert client.model().get("notes") != "x"


@pytest.mark.parametrize("position", ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"])
def test_batch_over_with_a_status_of_grpc(position: Any) -> None:
    with switched(max_batch=1, batch_over=position) as (_, client):
        with pytest.raises(grpc.RpcError) as caught:
            client.status("PatchModels", action="merge", models=PAIR)
        assert caught.value.code().name == position
        assert client.model().get("notes") != "x"


def test_batch_over_where_only_the_first_are_taken() -> None:
    with switched(max_batch=1, batch_over="first") as (_, client):
        assert client.status("PatchModels", action="merge", models=PAIR)[0] == 10000
        assert (client.model()["notes"], client.model("pet-draft")["notes"] == "x") == ("x", False)


def test_max_request_bytes() -> None:
    with switched(max_request_bytes=100) as (_, client):
        assert client.patch_model(notes="x")[0] == 10000
        with pytest.raises(grpc.RpcError) as caught:
            client.patch_model(notes="x" * 100)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert client.model()["notes"] == "x"


@pytest.mark.parametrize(
    ("position", "code", "changed"),
    [("nothing", 21200, (False, False)), ("before", 21200, (True, False)), ("others", 10010, (True, True))],
)
def test_refused_object(position: Any, code: int, changed: tuple[bool, bool]) -> None:
    with switched(refused_object=position) as (_, client):
        three = [PAIR[0], {"id": "no-such-model", "notes": "x"}, PAIR[1]]
        assert client.status("PatchModels", action="merge", models=three)[0] == code
        assert (client.model().get("notes") == "x", client.model("pet-draft").get("notes") == "x") == changed
        # A single object is refused as ever.
        assert client.status("PatchModels", action="merge", models=three[1:2])[0] == 21200


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"top_k": 1}, "output_info.params.top_k is not a param of this model type"),
        ({"min_value": 1.5}, "output_info.params.min_value is not in 0..1"),
        ({"min_value": "high"}, "output_info.params.min_value is not a number"),
        ({"max_concepts": True}, "output_info.params.max_concepts is not a number"),
        ({"select_concepts": "cat"}, "output_info.params.select_concepts is not a list"),
    ],
)
def test_validate_params(params: Any, reason: str) -> None:
    with switched(validate_params="error") as (_, client):
        assert client.patch_version(output_info={"params": params}) == (21202, reason)
        assert client.patch_version(output_info={"params": {"min_value": 1}}) == (10000, "")


def test_validate_params_knows_enum_options_and_their_aliases() -> None:
    seed = {
        "apps": [
            {
                **user_app("demo", "enum"),
                "models": [{"id": "m", "model_type_id": "concept-threshold", "versions": [{"id": "v"}]}],
            }
        ]
    }

    def patch(client: Client, value: Any) -> tuple[int, str]:
        versions = [{"id": "v", "output_info": {"params": {"concept_threshold_type": value}}}]
        return client.status(
            "PatchModelVersions",
            user_app_id=user_app("demo", "enum"),
            model_id="m",
            action="merge",
            model_versions=versions,
        )

    with switched(validate_params="error") as (emulator, client):
        emulator.load(seed)
        assert [patch(client, value)[0] for value in ("LESS_THAN", 3)] == [10000, 10000]
        options = "GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN, LESS_THAN_OR_EQUAL"
        assert patch(client, "BELOW") == (
            21202,
            f"output_info.params.concept_threshold_type is not one of {options}",
        )


def test_delete_used_by_workflow() -> None:
    used, unused = "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e02", "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01"
    with switched(delete_used_by_workflow="error") as (_, client):
        assert client.status("DeleteModel", model_id="pet-breeds") == (
            21203,
            "model 'pet-breeds' is used by workflow 'find-and-classify'",
        )
        assert client.status("DeleteModelVersion", model_id="pet-breeds", version_id=used) == (
            21203,
            f"version {used} of model 'pet-breeds' is used by workflow 'find-and-classify'",
        )
        assert client.status("DeleteModels", delete_all=True)[0] == 21203
        assert client.status("DeleteModelVersion", model_id="pet-breeds", version_id=unused)[0] == 10000
        assert client.status("DeleteModel", model_id="petsID")[0] == 10000
    with switched() as (_, client):
        assert client.status("DeleteModel", model_id="pet-breeds")[0] == 10000


def test_unknown_app() -> None:
    with switched(unknown_app="empty") as (_, client):
        assert client.models(user_app_id=user_app("demo", "nope"), dont_fetch_from_main=True) == []


def test_main_models() -> None:
    with switched(main_models=False) as (_, client):
        main = user_app("clarifai", "main")
        assert client.models() == ["model_clusterer", "pet-draft", "pet-names", "pet-finder", "pet-breeds", "petsID"]
        assert client.models(user_app_id=main) == []
        assert client.status("GetModel", user_app_id=main, model_id="general-image-recognition")[0] == 21200


def test_rate_limit() -> None:
    with switched(rate_limit=3) as (_, client):
        statuses = [client("GetModel", model_id="petsID").status for _ in range(4)]

        assert [status.code for status in statuses] == [10000] * 3 + [11005]
        assert (statuses[3].description, statuses[3].details) == (
            "Making too many requests",
            "exceeded limit of 3 requests per second",
        )


def test_latency() -> None:
    from time import monotonic

    with switched(latency_ms=60) as (_, client):
        started = monotonic()
        client.model()

        assert monotonic() - started >= 0.06


def test_switches_can_be_replaced_while_it_runs(emulator: Emulator, client: Client) -> None:
    emulator.switches = Switches(merge_tags="replace")
    client.patch_model(toolkits=["OpenAI"])

    assert client.model()["toolkits"] == ["OpenAI"]
    assert emulator.switches == Switches(merge_tags="replace")


def test_every_switch_has_a_test() -> None:
    tests = " ".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert [
        spec.name for spec in fields(Switches) if f"{spec.name}=" not in tests and f'"{spec.name}"' not in tests
    ] == []
