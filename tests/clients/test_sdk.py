"""The real `clarifai` package against the emulator.

The package is heavy and pins its own dependencies, so it is run by an interpreter of its own: the one that
CLARIFAI_SDK_PYTHON names, else this one if it has the package.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator

SCRIPT = Path(__file__).with_name("sdk.py")


@pytest.fixture
def sdk_python() -> str:
    """An interpreter that can import `clarifai`."""
    chosen = os.environ.get("CLARIFAI_SDK_PYTHON")
    if chosen:
        return chosen
    if importlib.util.find_spec("clarifai") is None:
        pytest.skip("the clarifai package is not here: set CLARIFAI_SDK_PYTHON to an interpreter that has it")
    return sys.executable


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator with the sample app that checks its callers' token."""
    with Emulator(seed=SAMPLE, pat="planted-token") as running:
        yield running


def environment(emulator: Emulator, home: Path) -> dict[str, str]:
    """A user's environment whose Clarifai settings lead to the emulator."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CLARIFAI_")},
        "CLARIFAI_API_BASE": emulator.url,
        "CLARIFAI_PAT": "planted-token",
        "CLARIFAI_USER_ID": "demo",
        "HOME": str(home),
    }


def test_the_sdk_lists_patches_and_deletes(sdk_python: str, emulator: Emulator, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sdk_python, str(SCRIPT)],
        env=environment(emulator, tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    calls = [(call.rpc, call.status_code) for call in emulator.calls]

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "models": ["model_clusterer", "pet-names", "pet-finder", "pet-breeds", "petsID"],
        "filtered": ["pet-names"],
        "paged": ["model_clusterer"],
        "predicted": [["dog"], ["dog", "cat"], ["dog"], [], ["dog", "cat"]],
        "everywhere": 7,
        "patched": {
            "description": "Cats and dogs",
            "notes": "Notes",
            "visibility": {"gettable": "PUBLIC"},
            "toolkits": ["Clarifai"],
            "use_cases": ["image-classification", "misc"],
            "languages": ["en"],
        },
        "has_image": False,
        "versions": [f"3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0{number}" for number in (3, 2, 1)],
        "params": {"max_concepts": 20.0, "min_value": 0.95, "select_concepts": []},
        "loaded": "pets",
        "left": ["petsID", "model_clusterer", "pet-finder", "pet-breeds"],
        "second_delete": True,
        "documented": {
            "description": "description",
            "notes": "notes",
            "toolkits": ["OpenAI"],
            "use_cases": ["llm"],
            "languages": ["en"],
            "has_image": False,
        },
    }
    assert {code for rpc, code in calls if rpc != "DeleteModels"} == {10000}
    assert [code for rpc, code in calls if rpc == "DeleteModels"] == [10000, 21200]


CONTEXT = """\
current_context: emulator
contexts:
  emulator:
    CLARIFAI_API_BASE: {url}
    CLARIFAI_PAT: planted-token
    CLARIFAI_USER_ID: demo
    CLARIFAI_APP_ID: pets
"""


@pytest.mark.parametrize(
    ("arguments", "shown", "calls"),
    [
        (["app", "list"], ["demo", "pets"], {"ListApps"}),
        (["model", "list", "--app_id", "pets"], ["model_clusterer", "pet-breeds", "petsID"], {"ListModels"}),
    ],
)
def test_the_command_line_of_the_sdk_lists_what_is_there(
    sdk_python: str, emulator: Emulator, tmp_path: Path, arguments: list[str], shown: list[str], calls: set[str]
) -> None:
    """`clarifai` with a context that leads here. `model list` takes the address from the environment alone."""
    config = tmp_path / "config"
    config.write_text(CONTEXT.format(url=emulator.url), encoding="utf-8")
    ended = subprocess.run(
        [str(Path(sdk_python).with_name("clarifai")), "--config", str(config), *arguments],
        env=environment(emulator, tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert [name for name in shown if name not in ended.stdout] == []
    assert {call.rpc for call in emulator.calls} == calls
