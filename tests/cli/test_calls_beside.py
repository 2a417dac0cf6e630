"""Calls that are made beside others: that they are, that they cost no call, and that nothing waits for them in vain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from tests.cli.live_side import manifest, seeded
from tests.command_line import RunCli

ROOT = Path(__file__).resolve().parents[2]
COUNT = 5
MODELS = [
    {
        "id": f"m{number}",
        "model_type_id": "embedding-classifier",
        "versions": [{"id": f"{number:032x}", "output_info": {"params": {"min_value": 0.5}}}],
    }
    for number in range(COUNT)
]
PARAMS = "versions: [{select: latest, output_info: {params: {min_value: 0.5}}}]"
ENV = {"CLARIFAI_PAT": "x"}
WAIT = 20


def write(place: Path, *, count: int = COUNT, spec: str = PARAMS) -> None:
    text = "---\n".join(manifest(f"m{number}", f"{{{spec}}}") for number in range(count))
    (place / "m.yaml").write_text(text, encoding="utf-8")


class Meeting:
    """Lets calls of these RPCs wait until one of each has arrived."""

    def __init__(self, *rpcs: str) -> None:
        self._arrived = {rpc: threading.Event() for rpc in rpcs}
        self.is_missed = False

    def __call__(self, rpc: str, request: Any) -> None:
        if rpc in self._arrived:
            self._arrived[rpc].set()
            self.is_missed |= not all(event.wait(WAIT) for event in self._arrived.values())


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("validate", "--online"), ("apply", "--yes")])
@pytest.mark.parametrize(("count", "rpc"), [(COUNT, "ListModels"), (1, "GetModel")])
def test_model_types_are_asked_for_beside_the_models(
    cli: RunCli, tmp_path: Path, command: tuple[str, ...], count: int, rpc: str
) -> None:
    write(tmp_path, count=count)
    meeting = Meeting(rpc, "ListModelTypes")
    with Emulator(seed=seeded(*MODELS), before_call=meeting) as emulator:
        result = cli(*command, "m.yaml", "--endpoint", emulator.url, "--rate", "1000", env=ENV, cwd=tmp_path)
        calls = Counter(call.rpc for call in emulator.calls)
    assert (result.exit_code, meeting.is_missed) == (0, False), result
    # Where no listing was read before, the first page of types can't be known to be the last.
    assert calls == {"ListModels": 1, "ListModelTypes": 1} if count > 3 else {"GetModel": 1, "ListModelTypes": 2}


@pytest.mark.parametrize(
    ("spec", "options", "types"),
    [
        ("name: x", (), 0),
        (PARAMS, (), 1),
        (PARAMS, ("--target", "m1"), 2),
        (PARAMS, ("--parallelism", "1"), 1),
    ],
)
def test_they_are_asked_for_only_where_they_are_needed(
    cli: RunCli, tmp_path: Path, spec: str, options: tuple[str, ...], types: int
) -> None:
    write(tmp_path, spec=spec)
    with Emulator(seed=seeded(*MODELS)) as emulator:
        result = cli("plan", "m.yaml", *options, "--endpoint", emulator.url, "--rate", "1000", env=ENV, cwd=tmp_path)
        calls = [call.rpc for call in emulator.calls]
    assert (result.exit_code, calls.count("ListModelTypes")) == (0, types), result
    if "--parallelism" in options:
        assert calls == ["ListModels", "ListModelTypes"]


@pytest.mark.parametrize("over", ["clamp", "error"])
def test_a_service_with_small_pages_gets_no_call_more(cli: RunCli, tmp_path: Path, over: Any) -> None:
    write(tmp_path)
    made = []
    for parallelism in ("1", "8"):
        switches = Switches(max_per_page=128, per_page_over=over)
        with Emulator(seed=seeded(*MODELS), switches=switches) as emulator:
            pace = ("--endpoint", emulator.url, "--rate", "1000", "--parallelism", parallelism)
            assert cli("plan", "m.yaml", *pace, env=ENV, cwd=tmp_path).exit_code == 0
            made.append(Counter(call.rpc for call in emulator.calls))
    assert made[0] == made[1]


def test_an_error_of_the_types_is_the_same_as_ever(cli: RunCli, tmp_path: Path) -> None:
    write(tmp_path)
    shown = []
    for parallelism in ("1", "8"):
        switches = Switches(faults=(Fault(rpc="ListModelTypes", kind="11008", times=9),))
        with Emulator(seed=seeded(*MODELS), switches=switches) as emulator:
            pace = ("--endpoint", emulator.url, "--rate", "1000", "--parallelism", parallelism)
            result = cli("plan", "m.yaml", *pace, env=ENV, cwd=tmp_path)
            shown.append((result.exit_code, result.stdout, result.stderr.partition("[request")[0]))
    assert shown[0] == shown[1]
    assert shown[0][0] == 1


def test_an_error_of_the_listing_does_not_wait_for_the_types(cli_process: RunCli, tmp_path: Path) -> None:
    write(tmp_path)
    faults = (Fault(rpc="ListModelTypes", kind="HANG"), Fault(rpc="ListModels", kind="11008", times=9))
    with Emulator(seed=seeded(*MODELS), switches=Switches(faults=faults)) as emulator:
        pace = ("--endpoint", emulator.url, "--rate", "1000", "--timeout", "3000")
        result = cli_process("plan", "m.yaml", *pace, env=ENV, cwd=tmp_path)
    assert result.exit_code == 1
    assert "ListModels failed: 11008" in result.stderr


def test_an_interrupted_run_does_not_wait_for_them(tmp_path: Path) -> None:
    write(tmp_path)
    faults = (Fault(rpc="ListModelTypes", kind="HANG"), Fault(rpc="ListModels", kind="HANG"))
    with Emulator(seed=seeded(*MODELS), switches=Switches(faults=faults)) as emulator:
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "plan", "m.yaml", "--endpoint", emulator.url, "--timeout", "3000"],
            cwd=tmp_path,
            env={**os.environ, **ENV, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(WAIT * 50):
            if len(emulator.calls) == 2:
                break
            time.sleep(0.02)
        # As Ctrl-C, which a process in the background may ignore.
        process.send_signal(signal.SIGTERM)
        try:
            _, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, "interrupted" in stderr) == (130, True), stderr


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("apply", "--yes"), ("plan", "--prune"), ("accept",)])
def test_nothing_is_sent_while_a_manifest_is_invalid(cli: RunCli, tmp_path: Path, command: tuple[str, ...]) -> None:
    write(tmp_path)
    (tmp_path / "z.yaml").write_text("apiVersion: reconciler/v1\nkind: Model\nmetadata: {}\n", encoding="utf-8")
    with Emulator(seed=seeded(*MODELS)) as emulator:
        pace = ("--endpoint", emulator.url, "--rate", "1000", "--user-id", "demo", "--app-id", "pets")
        result = cli(*command, "m.yaml", "z.yaml", *pace, env=ENV, cwd=tmp_path)
        assert (result.exit_code, len(emulator.calls)) == (1, 0), result


def test_workflows_and_deployments_are_listed_at_the_same_time(cli: RunCli, tmp_path: Path) -> None:
    write(tmp_path, count=COUNT - 1, spec="name: x")
    (tmp_path / "reconciler.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Config\nprune: {max_percent: 100}\n", encoding="utf-8"
    )
    meeting = Meeting("ListWorkflows", "ListDeployments")
    with Emulator(seed=seeded(*MODELS), before_call=meeting) as emulator:
        options = ("--prune", "--prune-scope", "app", "--endpoint", emulator.url, "--rate", "1000")
        result = cli("plan", "m.yaml", *options, env=ENV, cwd=tmp_path)
        calls = Counter(call.rpc for call in emulator.calls)
    assert (result.exit_code, meeting.is_missed) == (0, False), result
    assert (calls["ListWorkflows"], calls["ListDeployments"]) == (1, 1)
