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
from pathlib import Path

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator

SCRIPT = Path(__file__).with_name("sdk_script.py")


@pytest.fixture
def sdk_python() -> str:
    """An interpreter that can import `clarifai`."""
    chosen = os.environ.get("CLARIFAI_SDK_PYTHON")
    if chosen:
        return chosen
    if importlib.util.find_spec("clarifai") is None:
        pytest.skip("the clarifai package is not here: set CLARIFAI_SDK_PYTHON to an interpreter that has it")
    return sys.executable


def test_the_sdk_lists_patches_and_deletes(sdk_python: str) -> None:
    with Emulator(seed=SAMPLE, pat="planted-token") as emulator:
        ended = subprocess.run(
            [sdk_python, str(SCRIPT)],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("CLARIFAI_")},
                "CLARIFAI_API_BASE": emulator.url,
                "CLARIFAI_PAT": "planted-token",
                "CLARIFAI_USER_ID": "demo",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        calls = [(call.rpc, call.status_code) for call in emulator.calls]

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "models": ["pet-names", "pet-finder", "pet-breeds", "petsID"],
        "filtered": ["pet-names"],
        "paged": ["pet-names"],
        "everywhere": 6,
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
        "left": ["petsID", "pet-finder", "pet-breeds"],
        "second_delete": True,
    }
    assert {code for rpc, code in calls if rpc != "DeleteModels"} == {10000}
    assert [code for rpc, code in calls if rpc == "DeleteModels"] == [10000, 21200]
