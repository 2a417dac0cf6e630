"""The table of answers that a run on the real service prints: here an emulator stands in for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_names_the_switches_of_the_service_that_was_asked() -> None:
    switches = [
        "overwrite_struct=by_key",
        "merge_tags=append",
        "patch_models_output_info=error",
        "delete_models_unknown=ignore",
        "presets=asked",
        "validate_params=error",
        "output_info_in_list=false",
        "per_page_over=error",
        "unknown_app=empty",
        "version_modified_at=kept",
    ]
    with Emulator(seed=SAMPLE, switches=Switches.parse(switches), pat="planted-token") as service:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/contract", "-m", "live", "-q", "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("CLARIFAI_", "PYTEST_"))},
                "CLARIFAI_API_BASE": service.url,
                "CLARIFAI_PAT": "planted-token",
                "CLARIFAI_TEST_USER": "me",
                "CLARIFAI_TEST_APP": "pets",
                "CLARIFAI_TEST_MODEL": "petsID",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    command = next(line for line in lines if line.startswith("reconciler emulator"))
    assert sorted(command.removeprefix("reconciler emulator ").split(" --switch ")) == sorted(
        [f"--switch {switches[0]}", *switches[1:]]
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert rows[0] == ["question", "answer", "switch"]
    assert ["merge of toolkits", "append", "--switch merge_tags=append"] in rows
    assert ["status of no models", "11102 CONN_INVALID_REQUEST", ""] in rows
    assert "planted-token" not in ended.stdout
