"""`--record`: the calls as JSON lines, without secrets."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.emulator.recording import RecordError
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.emulator.client import PETS, PETS_VERSION, connected

NAMES_VERSION = "c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f"
SECRETS = {
    "api_key": "sesame",
    "secrets": [{"id": "a", "value": "sesame"}],
    "system_prompt": "Be kind",
    "max_tokens": 9,
}


def recorded(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_each_call_is_a_line_with_what_was_sent_and_how_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    switches = Switches(faults=(Fault(rpc="DeleteModel", kind="UNAVAILABLE"),))
    with Emulator(seed=SAMPLE, record=file, rest_port=0, switches=switches) as emulator, connected(emulator) as client:
        client.metadata = (("authorization", "Key planted-token"), ("x-clarifai-request-id-prefix", "mine"))
        client.patch_model(notes="é")
        client.status("GetModel", model_id="nope")
        with pytest.raises(Exception, match="UNAVAILABLE"):
            client("DeleteModel", model_id="petsID")
        with httpx.Client(trust_env=False) as browser:
            browser.get(f"{emulator.rest_url}/v2/users/demo/keys", headers={"authorization": "Key planted-token"})
        lines = recorded(file)

    assert b"planted" not in file.read_bytes()
    assert [{**line, "metadata": None} for line in lines] == [
        {
            "n": 1,
            "rpc": "PatchModels",
            "request": {"user_app_id": PETS, "models": [{"id": "petsID", "notes": "é"}], "action": "merge"},
            "metadata": None,
            "status_code": 10000,
            "grpc_code": "OK",
        },
        {
            "n": 2,
            "rpc": "GetModel",
            "request": {"user_app_id": PETS, "model_id": "nope"},
            "metadata": None,
            "status_code": 21200,
            "grpc_code": "OK",
        },
        {
            "n": 3,
            "rpc": "DeleteModel",
            "request": {"user_app_id": PETS, "model_id": "petsID"},
            "metadata": None,
            "status_code": 0,
            "grpc_code": "UNAVAILABLE",
        },
        {
            "n": 4,
            "rpc": "ListKeys",
            "request": {"user_app_id": {"user_id": "demo"}},
            "metadata": None,
            "status_code": 0,
            "grpc_code": "UNIMPLEMENTED",
        },
    ]
    assert lines[0]["metadata"]["x-clarifai-request-id-prefix"] == "mine"


@pytest.mark.parametrize(
    ("model_id", "shown"),
    [
        (
            "pet-names",
            {"api_key": "(redacted)", "secrets": [{"id": "(redacted)", "value": "(redacted)"}], "system_prompt": "Be kind", "max_tokens": 9},
        ),
        (
            "nope",
            {"api_key": "(redacted)", "secrets": [{"id": "(redacted)", "value": "(redacted)"}], "system_prompt": "(redacted)", "max_tokens": 9},
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rpc", ["PatchModelVersions", "PostModelVersions"])
def test_secrets_are_not_recorded(tmp_path: Path, rpc: str, model_id: str, shown: Any) -> None:
    file = tmp_path / "calls.jsonl"
    action: dict[str, Any] = {"action": "merge"} if rpc == "PatchModelVersions" else {}
    with Emulator(seed=SAMPLE, record=file) as emulator, connected(emulator) as client:
        versions = [{"id": NAMES_VERSION, "output_info": {"params": SECRETS}}]
        client(rpc, model_id=model_id, model_versions=versions, **action)

    assert "sesame" not in file.read_text(encoding="utf-8")
    assert recorded(file)[0]["request"]["model_versions"][0]["output_info"]["params"] == shown


def test_params_of_a_type_without_secrets_are_recorded_as_sent(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    with Emulator(seed=SAMPLE, record=file) as emulator, connected(emulator) as client:
        client.patch_version(output_info={"params": {"note": "plain"}})

    assert recorded(file)[0]["request"]["model_versions"] == [
        {"id": PETS_VERSION, "output_info": {"params": {"note": "plain"}}}
    ]


def test_calls_at_the_same_time_are_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    with Emulator(seed=SAMPLE, record=file) as emulator, connected(emulator) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.patch_model(notes="x" * n), range(1, 81)))

    lines = recorded(file)
    assert sorted(line["n"] for line in lines) == list(range(1, 81))
    assert sorted(len(line["request"]["models"][0]["notes"]) for line in lines) == list(range(1, 81))


def test_a_record_starts_empty_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    for _ in range(2):
        with Emulator(seed=SAMPLE, record=file) as emulator, connected(emulator) as client:
            client.model()

    assert len(recorded(file)) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        RecordError, match=r"^the record can't be written to .*none/calls\.jsonl: No such file or directory\."
    ):
        Emulator(record=tmp_path / "none" / "calls.jsonl")


def test_the_command_records(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    command = [sys.executable, "-m", "reconciler", "emulator", "--record", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        with connected(type("At", (), {"url": url})) as client:  # type: ignore[arg-type]
            client.model()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0

    assert [line["rpc"] for line in recorded(file)] == ["GetModel"]
