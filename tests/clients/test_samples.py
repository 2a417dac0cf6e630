"""The samples of Clarifai's "Manage Models" page as programs of their own, for each client that the page has.

Every program runs the same thirteen samples against an emulator with the sample app and prints what it saw. What reached the
emulator is compared too. A client that is not installed is skipped with that reason; `make sdk node` installs them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator

HERE = Path(__file__).resolve().parent
APP = {"user_id": "demo", "app_id": "pets"}
MODELS = ["model_clusterer", "pet-draft", "pet-names", "pet-finder", "pet-breeds", "petsID"]
MAIN = ["general-image-recognition", "general-image-embedding"]

SHOWN: Mapping[str, Any] = {
    "ListModelTypes": ["concept-threshold", "embedding-classifier", "text-to-text", "visual-classifier", "visual-detector"],
    "ListModels": [*MODELS, *MAIN],
    "GetModel": "petsID",
    "GetModelOutputInfo": ["cat", "dog"],
    "ListModelConcepts": ["cat", "dog"],
    "ListModelVersions": 8,
    "GetModelVersion": "<version>",
    "PatchModels": "newname",
    "PatchModelVersions": 0.95,
    "PostModelsSearches": [],
    "DeleteModelVersion": None,
    "DeleteModel": None,
    "DeleteModels": None,
}  # fmt: skip
"""What each sample shows, in the order of the page."""


def environment(emulator: Emulator, **more: str) -> dict[str, str]:
    """A user's environment whose Clarifai settings lead to the emulator, and nowhere else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLARIFAI_")}
    return {
        **kept,
        "CLARIFAI_PAT": "planted-token",
        "CLARIFAI_USER_ID": "demo",
        "CLARIFAI_APP_ID": "pets",
        "CLARIFAI_API_BASE": emulator.url,
        **more,
    }


def node_environment() -> dict[str, str]:
    """What makes Node.js find Clarifai's packages."""
    modules = os.environ.get("CLARIFAI_NODE_MODULES")
    if not modules:
        pytest.skip("Clarifai's packages for Node.js are not here: set CLARIFAI_NODE_MODULES to a folder that has them")
    return {"NODE_PATH": modules}


def program(name: str) -> str:
    found = os.environ.get("CLARIFAI_NODE") if name == "node" else None
    found = found or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(command: list[str], env: Mapping[str, str]) -> list[Any]:
    """The lines of JSON that a program prints; it must end well."""
    ended = subprocess.run(command, env=dict(env), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def requests(read: str, deleted: str, *, per_page: Mapping[str, int] | None = None) -> list[tuple[str, dict[str, Any]]]:
    """What reaches the service, by the version that a client reads and the one that it deletes."""
    pets = {"user_app_id": APP, "model_id": "petsID"}
    patched = {"id": "b0b89c973e5d4b6d9599ce13da04b894", "output_info": {"params": {"min_value": 0.95}}}
    return [
        ("ListModelTypes", {"user_app_id": APP, **(per_page or {})}),
        ("ListModels", {"user_app_id": APP}),
        ("GetModel", pets),
        ("GetModelOutputInfo", pets),
        ("ListModelConcepts", pets),
        ("ListModelVersions", pets),
        ("GetModelVersion", {**pets, "version_id": read}),
        ("PatchModels", {"user_app_id": APP, "models": [{"id": "petsID", "name": "newname"}], "action": "overwrite"}),
        ("PatchModelVersions", {**pets, "model_versions": [patched], "action": "overwrite"}),
        ("PostModelsSearches", {"user_app_id": APP, "model_query": {"name": "gen*", "model_type_id": "concept"}}),
        ("DeleteModelVersion", {**pets, "version_id": deleted}),
        ("DeleteModel", pets),
        ("DeleteModels", {"user_app_id": APP, "delete_all": True}),
    ]


def require_same(emulator: Emulator, expected: list[tuple[str, dict[str, Any]]]) -> None:
    """Hold what the emulator got, and that the app is empty in the end."""
    assert [(call.rpc, call.request) for call in emulator.calls] == expected
    assert {call.status_code for call in emulator.calls} == {10000}
    assert [app["models"] for app in emulator.snapshot()["apps"]] == [[]]


def require_shown(lines: list[Any], version: str) -> None:
    shown = {**SHOWN, "GetModelVersion": version}
    assert lines == [{"call": call, "code": 10000, "shown": value} for call, value in shown.items()]


@pytest.fixture
def emulator() -> Any:
    """An emulator with the sample app that checks its callers' token, over gRPC and REST."""
    with Emulator(seed=SAMPLE, rest_port=0, pat="planted-token") as running:
        yield running


def test_python_grpc(emulator: Emulator) -> None:
    env = environment(emulator, CLARIFAI_GRPC_BASE=emulator.url.removeprefix("http://"))
    lines = run([sys.executable, str(HERE / "samples_grpc.py")], env)

    require_shown(lines, "daf51b311c8644a486bbbe57c0680bc2")
    require_same(emulator, requests("daf51b311c8644a486bbbe57c0680bc2", "9641cbbb019b424db17e593b48ebc7ff"))


def test_node_grpc(emulator: Emulator) -> None:
    env = environment(emulator, CLARIFAI_GRPC_BASE=emulator.url.removeprefix("http://"), **node_environment())
    lines = run([program("node"), str(HERE / "samples_grpc.js")], env)

    require_shown(lines, "7625a111b626438bb81a34c3b84d732f")
    require_same(emulator, requests("7625a111b626438bb81a34c3b84d732f", "304ae281b04349e5ae51d11be10ed95a"))


def test_node_fetch(emulator: Emulator) -> None:
    env = environment(emulator, CLARIFAI_API_BASE=emulator.rest_url)
    lines = run([program("node"), str(HERE / "samples_fetch.js")], env)

    require_shown(lines, "7625a111b626438bb81a34c3b84d732f")
    pages = {"page": 1, "per_page": 20}
    expected = requests("7625a111b626438bb81a34c3b84d732f", "090d937cdf11489f8c3d0b76b61a5fc5", per_page=pages)
    require_same(emulator, expected)


def test_curl(emulator: Emulator) -> None:
    env = environment(emulator, CLARIFAI_API_BASE=emulator.rest_url)
    program("curl")
    answers = run(["bash", str(HERE / "samples_curl.sh")], env)

    def ids(objects: list[Any]) -> list[str]:
        return [found["id"] for found in objects]

    assert {answer["status"]["code"] for answer in answers} == {10000}
    shown = [
        ids(answers[0]["model_types"]),
        ids(answers[1]["models"]),
        answers[2]["model"]["id"],
        ids(answers[3]["model"]["model_version"]["output_info"]["data"]["concepts"]),
        ids(answers[4]["concepts"]),
        len(answers[5]["model_versions"]),
        answers[6]["model_version"]["id"],
        answers[7]["models"][0]["name"],
        answers[8]["model_versions"][0]["output_info"]["params"]["min_value"],
        ids(answers[9]["models"]),
        *([None] * 3),
    ]
    assert shown == list({**SHOWN, "GetModelVersion": "daf51b311c8644a486bbbe57c0680bc2"}.values())
    pages = {"page": 1, "per_page": 20}
    expected = requests("daf51b311c8644a486bbbe57c0680bc2", "9641cbbb019b424db17e593b48ebc7ff", per_page=pages)
    require_same(emulator, expected)


def test_node_sdk(emulator: Emulator) -> None:
    env = environment(emulator, **node_environment())
    ended = subprocess.run(
        [program("node"), str(HERE / "sdk.js")], env=env, capture_output=True, text=True, timeout=120, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "apps": ["pets"],
        "models": ["model_clusterer", "pet-names", "pet-finder", "pet-breeds", "petsID"],
        "versions": [f"3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0{number}" for number in (3, 2, 1)],
    }
    left = {model["id"]: len(model["versions"]) for model in emulator.snapshot()["apps"][0]["models"]}
    assert left == {"model_clusterer": 1, "pet-breeds": 2, "pet-draft": 0, "pet-finder": 1, "petsID": 8}
