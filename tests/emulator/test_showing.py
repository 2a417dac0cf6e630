"""How stored objects are shown where switches say so: secrets, times, the version of a filtered listing, equal times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.emulator.client import Client, connected, user_app

NAMES_VERSION = "c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f"
SECRETS = {"api_key": "sesame", "secrets": [{"id": "a", "env_var": "A", "value": "hidden"}, "plain"]}


def shown_secrets(client: Client) -> list[dict[str, Any]]:
    """The secrets of pet-names' version as each call that shows params shows them."""
    where = {"model_id": "pet-names"}
    listed = {model["id"]: model for model in client.json("ListModels")["models"]}["pet-names"]
    searched = client.json("PostModelsSearches", model_query={"model_type_id": "text-to-text"})["models"][0]
    patched = client.json(
        "PatchModelVersions", **where, action="merge", model_versions=[{"id": NAMES_VERSION, "license": "MIT"}]
    )
    versions = [
        client.model("pet-names")["model_version"],
        client.version(NAMES_VERSION, "pet-names"),
        client.json("GetModelOutputInfo", **where)["model"]["model_version"],
        client.json("ListModelVersions", **where)["model_versions"][0],
        client.json("PatchModels", action="merge", models=[{"id": "pet-names", "notes": "x"}])["models"][0]["model_version"],
        listed["model_version"],
        searched["model_version"],
        patched["model_versions"][0],
    ]  # fmt: skip
    params = [version["output_info"]["params"] for version in versions]
    assert all((found["max_tokens"], found["temperature"]) == (512, 1) for found in params)
    return [{name: found[name] for name in SECRETS if name in found} for found in params]


@contextmanager
def with_secrets(position: Any) -> Iterator[tuple[Emulator, Client]]:
    """An emulator in whose sample app pet-names has secrets, and that shows them so from then on."""
    with Emulator(seed=SAMPLE) as emulator, connected(emulator) as client:
        versions = [{"id": NAMES_VERSION, "output_info": {"params": SECRETS}}]
        client.json("PatchModelVersions", model_id="pet-names", action="merge", model_versions=versions)
        emulator.switches = Switches(secrets=position)
        yield emulator, client


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("as_sent", SECRETS),
        ("masked", {"api_key": "****", "secrets": [{"id": "a", "env_var": "A", "value": "****"}, "****"]}),
        ("absent", {}),
    ],
)
def test_secrets_as_sent_masked_or_absent(position: Any, expected: Any) -> None:
    with with_secrets(position) as (_, client):
        assert shown_secrets(client) == [expected] * 8


@pytest.mark.parametrize(("position", "is_stable"), [("ciphertext", True), ("ciphertext_new", False)])
def test_secrets_as_ciphertext(position: Any, is_stable: bool) -> None:
    with with_secrets(position) as (_, client):
        found = shown_secrets(client)

        texts = {secrets["api_key"] for secrets in found}
        values = {secrets["secrets"][0]["value"] for secrets in found}
        assert all(re.fullmatch("enc:[0-9a-f]{64}", text) for text in texts | values)
        assert (len(texts), len(values)) == ((1, 1) if is_stable else (8, 8))
        assert texts.isdisjoint(values)
        assert [secrets["secrets"][0]["id"] for secrets in found] == ["a"] * 8


def test_a_mask_that_is_sent_back_is_stored_like_any_other_value() -> None:
    with with_secrets("masked") as (emulator, client):
        params = client.params(NAMES_VERSION, "pet-names")
        versions = [{"id": NAMES_VERSION, "output_info": {"params": params}}]
        client.json("PatchModelVersions", model_id="pet-names", action="overwrite", model_versions=versions)
        stored = {model["id"]: model for model in emulator.snapshot()["apps"][0]["models"]}["pet-names"]

    assert stored["versions"][0]["output_info"]["params"]["api_key"] == "****"


@pytest.mark.parametrize(
    ("position", "times"),
    [
        ("kept", ["2024-01-01T00:01:03Z", "2024-01-01T00:01:02Z", "2024-01-01T00:01:01Z"]),
        ("equal", ["2024-01-01T00:01:00Z"] * 3),
        ("absent", [None] * 3),
    ],
)
def test_version_created_at(position: Any, times: list[Any]) -> None:
    with (
        Emulator(seed=SAMPLE, switches=Switches(version_created_at=position)) as emulator,
        connected(emulator) as client,
    ):
        versions = client.json("ListModelVersions", model_id="pet-breeds")["model_versions"]

        assert [version.get("created_at") for version in versions] == times
        assert [version["id"][-1] for version in versions] == ["3", "2", "1"], "the listing keeps its order"
        assert client.model("pet-breeds")["model_version"].get("created_at") == times[0]
        assert client.version(versions[2]["id"], "pet-breeds").get("created_at") == times[2]


@pytest.mark.parametrize(("position", "shown"), [("latest", "3"), ("asked", "2")])
def test_listed_version(position: Any, shown: str) -> None:
    ids = [f"3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0{number}" for number in (1, 2)]
    with Emulator(seed=SAMPLE, switches=Switches(listed_version=position)) as emulator, connected(emulator) as client:
        models = client.json("ListModels", model_version_ids=ids)["models"]

        assert [(model["id"], model["model_version"]["id"][-1]) for model in models] == [("pet-breeds", shown)]


@pytest.mark.parametrize(
    ("list_order", "newest_first"), [("id", ["c", "b", "a"]), ("id_descending", ["a", "b", "c"]), ("insertion", ["b", "c", "a"])]
)  # fmt: skip
def test_of_versions_with_equal_times_the_first_one_listed_is_the_latest(
    list_order: Any, newest_first: list[str]
) -> None:
    same = {"created_at": "2024-05-01T00:00:00Z"}
    app = user_app("demo", "ties")
    models = [{"id": "m", "versions": [{"id": name, "license": name, **same} for name in ("a", "c", "b")]}]
    with Emulator(seed=SAMPLE, switches=Switches(list_order=list_order)) as emulator, connected(emulator) as client:
        emulator.load({"apps": [{**app, "models": models}]})

        def versions(**fields: Any) -> list[str]:
            answer = client.json("ListModelVersions", user_app_id=app, model_id="m", **fields)
            return [version["id"] for version in answer["model_versions"]]

        listed = client.json("ListModels", user_app_id=app, dont_fetch_from_main=True)["models"]
        assert versions() == newest_first
        assert versions(sort_ascending=True) == newest_first[::-1]
        assert [*versions(page=1, per_page=2), *versions(page=2, per_page=2)] == newest_first
        assert [model["model_version"]["id"] for model in listed] == newest_first[:1]
        assert client.json("GetModel", user_app_id=app, model_id="m")["model"]["model_version"]["id"] == newest_first[0]
        with_license = {"user_app_id": app, "dont_fetch_from_main": True, "license": newest_first[0]}
        assert client.models(**with_license) == ["m"], "the license of the latest version"
        client.json("DeleteModelVersion", user_app_id=app, model_id="m", version_id=newest_first[0])
        assert client.json("GetModel", user_app_id=app, model_id="m")["model"]["model_version"]["id"] == newest_first[1]
